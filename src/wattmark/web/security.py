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
from fastapi.responses import JSONResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

LOGIN_PATHS = ("/auth/token", "/auth/token/cli", "/auth/login")
"""Where the auth managers of Airflow take a name and a password."""
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
    try:
        named = urlsplit(origin).netloc.lower()
    except ValueError:
        # Such as a bracket without its other: no origin of a browser, and not this server.
        named = ""
    if not named or named != request.headers.get("host", "").lower():
        raise HTTPException(403, "Sent from another site.")


class LoginLimit:
    """ASGI middleware that limits failed attempts to log in, of one address and of all together.

    It looks at answers alone: a login that was refused (401 or 403) is counted, and whoever has too many within a
    minute is told to wait (429), with a right password too. Nothing of a request is read or kept but its address.
    """

    def __init__(self, app: Any, failures_a_minute: int = 10, failures_of_all: int = 100) -> None:
        """Stand before an application.

        Args:
            app: the ASGI application.
            failures_a_minute: refused attempts of one address in any minute.
            failures_of_all: refused attempts of all addresses in any minute.
        """
        self.app = app
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._own = RateLimitItemPerMinute(failures_a_minute)
        self._all = RateLimitItemPerMinute(failures_of_all)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, unless it is one attempt too many."""
        path = scope.get("path", "").rstrip("/")
        if scope["type"] != "http" or scope["method"] != "POST" or not path.endswith(LOGIN_PATHS):
            await self.app(scope, receive, send)
            return
        address = str((scope.get("client") or ("unknown",))[0])
        if not self._limiter.test(self._own, "login", address) or not self._limiter.test(self._all, "logins"):
            answer = JSONResponse(
                {"detail": "Too many attempts to log in; wait a minute."}, 429, headers={"Retry-After": "60"}
            )
            await answer(scope, receive, send)
            return

        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] in (401, 403):
                self._limiter.hit(self._own, "login", address)
                self._limiter.hit(self._all, "logins")
            await send(message)

        await self.app(scope, receive, watched)


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
