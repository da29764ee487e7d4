"""What every page answers with: its headers, and what somebody is told who may not see it."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from markupsafe import Markup

from wattmark.page import page as framed
from wattmark.web import security

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def tell_refusals(app: FastAPI, home: str, login: Callable[[Request], str] | None = None) -> None:
    """Lead people who are not signed in to where they sign in, and tell them others things in words.

    Programs get the status and the detail.

    Args:
        app: the application whose refusals are told.
        home: where the page that tells something leads back to, below the application's own path.
        login: where somebody who is not signed in is sent; Airflow's own page where None.
    """

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
        if request.method == "GET" and error.status_code in (401, 403):
            return RedirectResponse(
                (login or security.login_url)(request), 303, headers={"Cache-Control": "no-store"}
            )
        body = Markup('<h1>{}</h1><p><a href="{}{}">Wattmark</a></p>').format(
            str(error.detail), request.scope.get("root_path", ""), home
        )
        headers = {**(error.headers or {}), **HEADERS}
        return HTMLResponse(framed("Wattmark", body), error.status_code, headers=headers)
