"""The counter over HTTP: a page for the clerk, and a route for programs that is described by OpenAPI.

``counter_app(settings)`` makes the application that the plugin mounts. It answers in English or Chinese,
by ``?language`` or the ``Accept-Language`` header.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.params import Depends as Dependency
from fastapi.responses import HTMLResponse, JSONResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from wattmark.audit.counter import ApplicationError, Counter, Language
from wattmark.errors import WattmarkError
from wattmark.settings import Settings
from wattmark.web import security
from wattmark.web.answers import HEADERS, tell_refusals
from wattmark.web.counter_docs import answer_of, docs_page, openapi
from wattmark.web.counter_page import Form, answered, form_page

MAX_BODY_BYTES = 1_000_000
MAX_FORM_BYTES = 50_000
CHECKS_A_MINUTE = 120
"""Of one user; somebody at a counter sends a few."""


def language_of(header: str) -> Language:
    """The language an ``Accept-Language`` header likes best of English and Chinese; English where neither."""
    liked: list[tuple[float, int, Language]] = []
    for position, part in enumerate(header.split(",")[:20]):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        primary = tag.split("-")[0].lower()
        if quality > 0 and primary in ("en", "zh"):
            liked.append((-quality, position, "zh" if primary == "zh" else "en"))
    return min(liked)[2] if liked else "en"


async def _body(request: Request, most: int) -> Any:
    """The JSON of a request, read no further than ``most`` bytes."""
    received = await _received(request, "application/json", most)
    try:
        found = json.loads(received, parse_constant=_refused, parse_float=_finite)
        # A lone surrogate is JSON and no text: nothing behind this could hold it.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not JSON.") from None
    return found


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form; of a name that comes twice the last, as of the button that was pressed."""
    received = await _received(request, "application/x-www-form-urlencoded", MAX_FORM_BYTES)
    try:
        return dict(parse_qsl(received.decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise HTTPException(400, "The body is no form.") from None


async def _received(request: Request, kind: str, most: int) -> bytearray:
    """The body of a request of one content type."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != kind:
        raise HTTPException(415, f"Send {kind}.")
    declared = request.headers.get("content-length", "")
    # Longer than any number that fits is too large as well, and no number for int().
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > most):
        raise HTTPException(413, f"The body is larger than {most} bytes.")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            raise HTTPException(413, f"The body is larger than {most} bytes.")
    return received


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON.")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refused(digits)


class _Lazy:
    """The counter is made with the first request: importing a plugin must not read the lake."""

    def __init__(self, make: Callable[[], Counter]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Counter | None = None

    def get(self) -> Counter:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def counter_app(
    settings: Settings,
    *,
    guards: Sequence[Dependency] | None = None,
    lookers: Sequence[Dependency] | None = None,
    login: Callable[[Request], str] | None = None,
    who: Callable[..., str] | None = None,
    checks_a_minute: int = CHECKS_A_MINUTE,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> FastAPI:
    """The application: ``POST /check`` for programs, the form at ``/``, and what describes the route.

    Args:
        settings: the utility's settings.
        guards: dependencies of what checks or looks up; Airflow's for writers where None.
        lookers: dependencies of the empty form and the description; Airflow's for readers where None, and ``guards``
            where these are given.
        login: where somebody who is not signed in is sent; Airflow's own page where None.
        who: dependency that names the user, for the rate limit; Airflow's where None.
        checks_a_minute: checks one user may ask for in any minute.
        max_body_bytes: largest application.

    ``/check`` answers ``{"violations": [...], "checked": [rule ids]}``; 422 with ``problems`` where the
    application does not fit the contract, 413, 415, 429 as usual. ``/openapi.json`` and ``/docs`` describe it.
    """
    app = FastAPI(title="wattmark counter", docs_url=None, redoc_url=None, openapi_url=None)
    asking = APIRouter(dependencies=list(security.writers() if guards is None else guards))
    lazy = _Lazy(lambda: Counter(settings))
    limiter = MovingWindowRateLimiter(MemoryStorage())
    allowed = RateLimitItemPerMinute(checks_a_minute)

    def within_limit(user: str = Depends(who or security.user_name())) -> None:
        if not limiter.hit(allowed, "counter", user):
            raise HTTPException(429, "Too many checks; wait a minute.", headers={"Retry-After": "60"})

    @asking.post("/check", dependencies=[Depends(within_limit)])
    async def check(request: Request, language: Language | None = None) -> JSONResponse:
        application = await _body(request, max_body_bytes)
        if not isinstance(application, dict):
            raise HTTPException(400, "The body is not a JSON object of tables.")
        chosen = language or language_of(request.headers.get("accept-language", ""))
        try:
            counter = await run_in_threadpool(lazy.get)
            found = await run_in_threadpool(counter.check, application, chosen)
        except ApplicationError as error:
            return JSONResponse({"code": error.code, "problems": error.problems}, 422)
        except WattmarkError as error:
            return JSONResponse({"code": error.code}, 503)
        return JSONResponse(
            answer_of(counter, found), headers={"Cache-Control": "no-store", "Content-Language": chosen}
        )

    @asking.post("/", dependencies=[Depends(within_limit)])
    async def sent(request: Request) -> HTMLResponse:
        fields = await _fields(request)
        chosen: Language = "zh" if fields.get("switch", fields.get("language")) == "zh" else "en"
        counter = await _there(lazy)
        form = await run_in_threadpool(answered, counter, fields, chosen)
        body = await run_in_threadpool(form_page, form, chosen, counter)
        return HTMLResponse(body, 422 if form.wrong else 200, headers={**HEADERS, "Content-Language": chosen})

    if lookers is None:
        lookers = security.readers() if guards is None else guards
    app.include_router(asking)
    app.include_router(_description(lazy, lookers))
    tell_refusals(app, "/", login)
    return app


async def _there(lazy: _Lazy) -> Counter:
    """The counter, able to look into the lake.

    Raises:
        HTTPException: 503, the lake cannot be read now.
    """
    try:
        counter = await run_in_threadpool(lazy.get)
        await run_in_threadpool(counter.store.current)
    except WattmarkError:
        raise HTTPException(503, "The lake cannot be read now; try again later.") from None
    return counter


def _description(lazy: _Lazy, lookers: Sequence[Dependency]) -> APIRouter:
    """The empty form, the OpenAPI document and its page."""
    router = APIRouter(dependencies=list(lookers))

    @router.get("/")
    async def empty(request: Request, language: Language | None = None) -> HTMLResponse:
        chosen = language or language_of(request.headers.get("accept-language", ""))
        body = await run_in_threadpool(form_page, Form(), chosen, await _there(lazy))
        return HTMLResponse(body, headers={**HEADERS, "Content-Language": chosen})

    async def document(request: Request) -> dict[str, Any]:
        return await run_in_threadpool(openapi, await _there(lazy), request.scope.get("root_path", ""))

    @router.get("/openapi.json")
    async def described(request: Request) -> JSONResponse:
        return JSONResponse(await document(request), headers=HEADERS)

    @router.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(docs_page(await document(request)), headers=HEADERS)

    return router
