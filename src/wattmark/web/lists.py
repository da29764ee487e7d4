"""Campaign lists for those who approve them: what a list is, what its members are told, its digest, its files.

Everybody who is signed in sees counts and digests. Messages, rows and files hold personal data: only who may approve a list
(`campaigns.approvers`) sees those.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from sqlalchemy import Engine, create_engine
from starlette.concurrency import run_in_threadpool

from wattmark.campaign.files import digest_of, has_bytes
from wattmark.campaign.outcome import PREVIEW_FILE
from wattmark.campaign.stored import (
    ANSWERED,
    WAITING,
    files_of,
    how_to_approve,
    may_approve,
    place_of,
    stored_list,
    stored_lists,
)
from wattmark.home import warehouse_url
from wattmark.page import page as framed
from wattmark.settings import Settings

SHOWN_ROWS = 20
SHOWN_LISTS = 200
"""Of the answered lists the page shows so many, the newest."""
_TYPES = {".pdf": "application/pdf", ".csv": "text/csv; charset=utf-8"}


def lists_router(settings: Settings, who: Callable[..., str], headers: dict[str, str]) -> APIRouter:
    """Routes ``/lists/``, ``/lists/{list}/`` and ``/lists/{list}/{file}``.

    Args:
        settings: the home's settings.
        who: dependency that names the user.
        headers: of each answer.
    """
    router = APIRouter()
    pages = Environment(loader=PackageLoader("wattmark.web"), autoescape=True)

    async def asked(question: Callable[[Engine], Any]) -> Any:
        def ask() -> Any:
            engine = create_engine(warehouse_url(settings))
            try:
                return question(engine)
            finally:
                engine.dispose()

        try:
            return await run_in_threadpool(ask)
        except sa.exc.ProgrammingError:
            # Schema ops is made by the first night.
            return None
        except sa.exc.SQLAlchemyError:
            raise HTTPException(503, "The warehouse does not answer.") from None

    async def one_list(name: str) -> dict[str, Any]:
        row = await asked(lambda engine: stored_list(engine, name)) if "\x00" not in name else None
        if row is None:
            raise HTTPException(404, "There is no such list.")
        found: dict[str, Any] = row
        return found

    def shown(template: str, title: str, **values: Any) -> HTMLResponse:
        body = Markup(pages.get_template(template).render(zone=settings.zone, **values))  # noqa: S704 - escaped
        return HTMLResponse(framed(title, body), headers=headers)

    @router.get("/lists/")
    async def lists(user: str = Depends(who)) -> HTMLResponse:
        waiting = await asked(lambda engine: stored_lists(engine, states=WAITING)) or []
        others = await asked(lambda engine: stored_lists(engine, states=ANSWERED, limit=SHOWN_LISTS)) or []
        return shown("lists.html", "Campaign lists", waiting=waiting, others=others, most=SHOWN_LISTS)

    @router.get("/lists/{name}/")
    async def the_list(name: str, user: str = Depends(who)) -> HTMLResponse:
        row = await one_list(name)
        allowed = may_approve(settings, row["definition"]["approval"]["by"], user)
        found = await run_in_threadpool(_what_lies_there, settings, row, allowed)
        command = how_to_approve(settings, row) if row["state"] == "awaiting_approval" else None
        return shown("list.html", name, row=row, allowed=allowed, user=user, command=command, **found)

    @router.get("/lists/{name}/{file}")
    async def a_file(name: str, file: str, user: str = Depends(who)) -> FileResponse:
        row = await one_list(name)
        if not may_approve(settings, row["definition"]["approval"]["by"], user):
            raise HTTPException(403, "Only who may approve the list sees its files.")
        found = await run_in_threadpool(_what_lies_there, settings, row, False)
        entry = next((list_file for list_file in found["files"] if list_file["file"] == file), None)
        if entry is None or not entry["whole"]:
            raise HTTPException(404, "There is no such file.")
        kind = _TYPES.get(Path(file).suffix, "application/octet-stream")
        return FileResponse(entry["path"], media_type=kind, filename=file, headers=headers)

    return router


def _what_lies_there(settings: Settings, row: dict[str, Any], allowed: bool) -> dict[str, Any]:
    """Files of a list and whether they are those of its digest; messages and rows for who may see them."""
    folder, files = place_of(settings, row), files_of(settings, row)
    for entry in files:
        entry["whole"] = has_bytes(folder, entry)
    whole = (
        all(entry["whole"] for entry in files)
        and digest_of(row["campaign_run_id"], files) == row["list_sha256"]
    )
    previews: list[dict[str, str]] = []
    samples: dict[str, list[list[str]]] = {}
    if allowed:
        file = folder / PREVIEW_FILE
        previews = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
        samples = {
            entry["file"]: _head(Path(entry["path"])) for entry in files if entry["file"].endswith(".csv")
        }
    return {"files": files, "whole": bool(files) and whole, "previews": previews, "samples": samples}


def _head(path: Path) -> list[list[str]]:
    """Header and first rows of a CSV."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return list(itertools.islice(csv.reader(stream), SHOWN_ROWS + 1))
    except OSError:
        return []
