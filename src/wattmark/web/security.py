"""Who may use the pages: everything that is asked of Airflow's own security stands here.

A page's application has no protection of its own. Each one takes these functions as dependencies, so that
its tests can put others in their place and nothing else imports Airflow's security module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.params import Depends as Dependency

READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin(request: Request) -> None:
    """Refuse a request that another site's page sent with the user's cookie.

    Browsers name the page's origin with every request that can change something; programs with a token
    name none.

    Raises:
        HTTPException: 403 where the origin named is not this server.
    """
    if request.method in READ_METHODS:
        return
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise HTTPException(403, "Sent from another site.")
        return
    if not origin or urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise HTTPException(403, "Sent from another site.")


def readers() -> Sequence[Dependency]:
    """Dependencies of routes that only read: somebody signed in."""
    from airflow.api_fastapi.core_api.security import get_user

    return [Depends(get_user)]


def writers() -> Sequence[Dependency]:
    """Dependencies of routes that write or work: more than a viewer, and the same origin.

    More than a viewer is who may start a DAG run: the one thing that every auth manager tells apart from
    looking on, and that the simple one gives to users but not to viewers.
    """
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import get_user, requires_access_dag

    return [
        Depends(same_origin),
        Depends(get_user),
        Depends(requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id="nightly")),
    ]


def user_name() -> Callable[..., str]:
    """A dependency that gives the signed-in user's name."""
    from airflow.api_fastapi.core_api.security import get_user

    def name(user: Any = Depends(get_user)) -> str:  # noqa: B008 - how FastAPI declares a dependency
        return str(user.get_name())

    return name


def login_url(request: Request) -> str:
    """Where somebody signs in who asked for this page, and comes back to it."""
    from airflow.api_fastapi.app import get_auth_manager

    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return str(get_auth_manager().get_url_login(next_url=asked))
