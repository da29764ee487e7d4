"""The counter over HTTP: POST an application, get what is wrong with it at once.

``counter_app(settings)`` makes the application that the plugin mounts. It answers in English or Chinese,
by ``?language`` or the ``Accept-Language`` header.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.params import Depends as Dependency
from fastapi.responses import JSONResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from wattmark.audit.counter import ApplicationError, Counter, Language
from wattmark.errors import WattmarkError
from wattmark.settings import Settings
from wattmark.web import security

MAX_BODY_BYTES = 1_000_000
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
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Send application/json.")
    declared = request.headers.get("content-length", "")
    # Longer than any number that fits is too large as well, and no number for int().
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > most):
        raise HTTPException(413, f"The body is larger than {most} bytes.")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            raise HTTPException(413, f"The body is larger than {most} bytes.")
    try:
        found = json.loads(received, parse_constant=_refused, parse_float=_finite)
        # A lone surrogate is JSON and no text: nothing behind this could hold it.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not JSON.") from None
    return found


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
    who: Callable[..., str] | None = None,
    checks_a_minute: int = CHECKS_A_MINUTE,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> FastAPI:
    """The application with its one route, ``POST /check``.

    Args:
        settings: the utility's settings.
        guards: dependencies every request must pass; Airflow's for writers where None.
        who: dependency that names the user, for the rate limit; Airflow's where None.
        checks_a_minute: checks one user may ask for in any minute.
        max_body_bytes: largest application.

    The answer is ``{"violations": [...], "checked": [rule ids]}``; 422 with ``problems`` where the
    application does not fit the contract, 413, 415, 429 as usual. Docs and OpenAPI are switched off.
    """
    app = FastAPI(title="wattmark counter", docs_url=None, redoc_url=None, openapi_url=None)
    router = APIRouter(dependencies=list(security.writers() if guards is None else guards))
    lazy = _Lazy(lambda: Counter(settings))
    limiter = MovingWindowRateLimiter(MemoryStorage())
    allowed = RateLimitItemPerMinute(checks_a_minute)

    @router.post("/check")
    async def check(
        request: Request,
        user: str = Depends(who or security.user_name()),
        language: Language | None = None,
    ) -> JSONResponse:
        if not limiter.hit(allowed, "counter", user):
            raise HTTPException(429, "Too many checks; wait a minute.", headers={"Retry-After": "60"})
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
            {"checked": sorted(counter.rules), "violations": [asdict(violation) for violation in found]},
            headers={"Cache-Control": "no-store", "Content-Language": chosen},
        )

    app.include_router(router)
    return app
