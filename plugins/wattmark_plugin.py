"""Registers Wattmark's pages, its counter, a listener and a deadline's reference with Airflow; the code lives in ``wattmark.web``.

Every file here is imported by four of Airflow's processes, so this one does nothing but name things, and only
the API server, which serves them, makes the applications.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from wattmark.deadline import RunQueued
from wattmark.local import preload
from wattmark.web.apps import COUNTER, fastapi_apps, fastapi_root_middlewares


class WattmarkPlugin(AirflowPlugin):
    """Pages under ``/wattmark``, the counter under ``/wattmark-counter``, and a place in the menu."""

    name = "wattmark"
    listeners: ClassVar[list[Any]] = [preload]
    deadline_references: ClassVar[list[Any]] = [RunQueued]
    fastapi_apps: ClassVar[list[Any]] = fastapi_apps()
    fastapi_root_middlewares: ClassVar[list[Any]] = fastapi_root_middlewares()
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Wattmark",
            "href": "/wattmark/",
            "destination": "nav",
            "url_route": "wattmark",
            "category": "browse",
        },
        {
            "name": "Cases",
            "href": "/wattmark/cases/",
            "destination": "nav",
            "url_route": "wattmark-cases",
            "category": "browse",
        },
        {
            "name": "Accounts",
            "href": "/wattmark/accounts/",
            "destination": "nav",
            "url_route": "wattmark-accounts",
            "category": "browse",
        },
        {
            "name": "Key figures",
            "href": "/wattmark/figures/",
            "destination": "nav",
            "url_route": "wattmark-figures",
            "category": "browse",
        },
        {
            "name": "Reviews",
            "href": "/wattmark/reviews/",
            "destination": "nav",
            "url_route": "wattmark-reviews",
            "category": "browse",
        },
        {
            "name": "Service",
            "href": "/wattmark/service/",
            "destination": "nav",
            "url_route": "wattmark-service",
            "category": "browse",
        },
        {
            "name": "Counter",
            "href": f"{COUNTER}/",
            "destination": "nav",
            "url_route": "wattmark-counter",
            "category": "browse",
        },
    ]
