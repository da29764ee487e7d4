"""Pages of accounts: the search, the sheet, the extract. Everything that may name a person is posted, none stands in an address."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import psycopg
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from wattmark.web import security
from wattmark.web.workbench import account
from wattmark.web.workbench.desk import Desk, Row, Workbench, form_fields
from wattmark.web.workbench.extract import extract


def accounts_router(bench: Workbench, who: Callable[..., str]) -> APIRouter:
    """Routes ``/accounts/``, ``/accounts/{account}/`` and ``/accounts/{account}/extract.pdf``.

    Args:
        bench: what all pages share.
        who: dependency that names the user.
    """
    router = APIRouter()
    writes = [Depends(security.same_origin)]

    @router.get("/accounts/")
    async def empty(request: Request, user: str = Depends(who)) -> HTMLResponse:
        answer: HTMLResponse = await bench.look(
            request, user, lambda connection, desk: _search(bench, desk, "", None)
        )
        return answer

    @router.post("/accounts/", dependencies=writes)
    async def searched(request: Request, user: str = Depends(who)) -> HTMLResponse:
        find = unicodedata.normalize("NFKC", dict(await form_fields(request)).get("find", "")).strip()[:100]

        def work(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            if len(find) < 2:
                return _search(bench, desk, find, None, desk.text("account_short"))
            return _search(bench, desk, find, account.found(connection, bench.settings, desk.person, find))

        answer: HTMLResponse = await bench.change(request, user, work)
        return answer

    @router.get("/accounts/{account_id}/")
    async def a_sheet(request: Request, account_id: str, user: str = Depends(who)) -> HTMLResponse:
        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            return _sheet(bench, connection, desk, _known(connection, desk, account_id), None)

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    @router.post("/accounts/{account_id}/", dependencies=writes)
    async def with_person(request: Request, account_id: str, user: str = Depends(who)) -> HTMLResponse:
        def work(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            row = _known(connection, desk, account_id)
            _require(bench, desk)
            return _sheet(
                bench, connection, desk, row, account.personal(connection, desk.person, row, "account")
            )

        answer: HTMLResponse = await bench.change(request, user, work)
        return answer

    @router.post("/accounts/{account_id}/extract.pdf", dependencies=writes)
    async def as_pdf(request: Request, account_id: str, user: str = Depends(who)) -> Response:
        def work(connection: psycopg.Connection[Any], desk: Desk) -> Response:
            row = _known(connection, desk, account_id)
            told = None
            if account.may_see_personal(bench.settings, desk.person):
                told = _told(desk, account.personal(connection, desk.person, row, "extract"))
            data = extract(desk, account.sheet(connection, bench.settings, row), told)
            name = "".join(letter for letter in account_id if letter.isascii() and letter.isalnum())
            headers = {**bench.headers, "Content-Disposition": f'attachment; filename="account-{name}.pdf"'}
            return Response(data, media_type="application/pdf", headers=headers)

        answer: Response = await bench.change(request, user, work)
        return answer

    return router


def _known(connection: psycopg.Connection[Any], desk: Desk, account_id: str) -> Row:
    row = account.account_row(connection, desk.person, account_id) if "\x00" not in account_id else None
    if row is None:
        raise HTTPException(404, "There is no such account.")
    return row


def _require(bench: Workbench, desk: Desk) -> None:
    if not account.may_see_personal(bench.settings, desk.person):
        raise HTTPException(403, "Your role does not see personal data.")


def _told(desk: Desk, row: Row | None) -> dict[str, str]:
    """Personal data in words, without what is empty."""
    return {
        desk.label(name): str(value) for name, value in (row or {}).items() if value and name != "customer_id"
    }


def _search(
    bench: Workbench, desk: Desk, find: str, rows: list[Row] | None, problem: str = ""
) -> HTMLResponse:
    return bench.show(
        desk,
        "accounts.html",
        desk.text("accounts"),
        status=422 if problem else 200,
        here="accounts/",
        find=find,
        rows=None if rows is None else rows[: account.MOST_FOUND],
        many=rows is not None and len(rows) > account.MOST_FOUND,
        most=account.MOST_FOUND,
        problem=problem,
        may=account.may_see_personal(bench.settings, desk.person),
    )


def _sheet(
    bench: Workbench, connection: psycopg.Connection[Any], desk: Desk, row: Row, person: Row | None
) -> HTMLResponse:
    found = account.sheet(connection, bench.settings, row)
    return bench.show(
        desk,
        "account.html",
        f"{desk.label('account_id')} {row['account_id']}",
        here=f"accounts/{row['account_id']}/",
        sheet=found,
        whose=_told(desk, person),
        may=account.may_see_personal(bench.settings, desk.person),
    )
