"""The applications that the plugin hangs into Airflow's API server."""

from __future__ import annotations

import sys
from typing import Any

from wattmark.home import be_private

COUNTER = "/wattmark-counter"
"""Where the counter is, its page and what programs ask."""


def _serves_pages() -> bool:
    """Whether this process is the API server; the scheduler and its kind import plugins too."""
    return any(
        "api_server" in argument
        or "api-server" in argument
        or "uvicorn" in argument
        or "gunicorn" in argument
        for argument in sys.argv
    )


def fastapi_apps() -> list[dict[str, Any]]:
    """Descriptions of the applications as Airflow's plugin manager wants them; none where nothing is served."""
    if not _serves_pages():
        return []
    be_private()
    from wattmark.settings import load_settings
    from wattmark.web.counter_app import counter_app
    from wattmark.web.pages import pages_app

    settings = load_settings()
    return [
        {
            "app": pages_app(settings, counter=f"{COUNTER}/"),
            "url_prefix": "/wattmark",
            "name": "Wattmark pages",
        },
        {"app": counter_app(settings), "url_prefix": COUNTER, "name": "Wattmark counter"},
    ]


def fastapi_root_middlewares() -> list[dict[str, Any]]:
    """What stands before all of the API server's applications: the limit of attempts to log in."""
    if not _serves_pages():
        return []
    from wattmark.web.security import LoginLimit

    return [{"middleware": LoginLimit, "args": [], "kwargs": {}, "name": "Wattmark login limit"}]
