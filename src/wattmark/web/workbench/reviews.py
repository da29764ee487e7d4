"""Reviews of the audit: those that are kept, each as a page and a PDF, and the items that somebody has to see to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wattmark.cases.model import CaseConflictError, CaseError
from wattmark.cases.review.document import Document, Teller, document, period_name
from wattmark.cases.review.make import read_review, review_path
from wattmark.cases.review.render import as_pdf, body
from wattmark.cases.review.spans import SPANS
from wattmark.cases.review.store import close_item, may_close, open_items, reviews
from wattmark.cases.rights import Actor, who
from wattmark.publish.findings import asked
from wattmark.web import security
from wattmark.web.workbench.cases import told_error
from wattmark.web.workbench.desk import Desk, Row, Workbench, form_fields

_THERE = "SELECT to_regclass('ops.review_item') IS NOT NULL AS is_there"
_ONE = "SELECT * FROM ops.review WHERE span = %(span)s AND period = %(period)s AND org_unit_id = %(unit)s"
_TITLES = (
    "SELECT 'kpi' AS kind, kpi AS id, title_en, title_zh FROM mart.dim_kpi",
    "SELECT 'rule' AS kind, rule_id AS id, title_en, title_zh FROM mart.dim_rule",
)


def reviews_router(bench: Workbench, login: Callable[..., str]) -> APIRouter:
    """Routes ``/reviews/``, ``/reviews/{span}/{period}/{unit}/`` and its ``review.pdf``.

    Args:
        bench: what all pages share.
        login: dependency that names the user.
    """
    router = APIRouter()

    @router.get("/reviews/")
    async def every(request: Request, span: str = "", user: str = Depends(login)) -> HTMLResponse:
        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            return _list(bench, connection, desk, span)

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    @router.post("/reviews/", dependencies=[Depends(security.same_origin)])
    async def close(request: Request, user: str = Depends(login)) -> Response:
        given = dict(await form_fields(request))

        def work(connection: psycopg.Connection[Any], desk: Desk) -> Response:
            try:
                _close(bench, desk, given)
            except CaseError as error:
                return _list(bench, connection, desk, "", given, error)
            return RedirectResponse(desk.url("reviews/"), 303)

        answer: Response = await bench.change(request, user, work)
        return answer

    @router.get("/reviews/{span}/{period}/{unit}/")
    async def one(
        request: Request, span: str, period: str, unit: str, user: str = Depends(login)
    ) -> HTMLResponse:
        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            row, said = _kept(connection, desk, span, period, unit)
            return bench.show(
                desk, "review.html", said.title, here=review_path(span, row["period"], unit), body=body(said), row=row,
                pdf=desk.url(f"{review_path(span, row['period'], unit)}review.pdf"),
            )  # fmt: skip

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    @router.get("/reviews/{span}/{period}/{unit}/review.pdf")
    async def printed(
        request: Request, span: str, period: str, unit: str, user: str = Depends(login)
    ) -> Response:
        def file(connection: psycopg.Connection[Any], desk: Desk) -> Response:
            row, said = _kept(connection, desk, span, period, unit)
            name = f"review-{span}-{row['period']}.pdf"
            return Response(
                as_pdf(said, desk.settings.campaigns.messages.letters, row["as_of"]),
                media_type="application/pdf",
                headers={**bench.headers, "Content-Disposition": f'attachment; filename="{name}"'},
            )

        answer: Response = await bench.look(request, user, file)
        return answer

    return router


def _kept(
    connection: psycopg.Connection[Any], desk: Desk, span: str, period: str, unit: str
) -> tuple[Row, Document]:
    """A review that is kept, in the language of the page.

    Raises:
        HTTPException: 404, there is none of a unit of the own tree, or its file is not as it was made.
    """
    rows: list[Row] = []
    try:
        first = dt.date.fromisoformat(period)
    except ValueError:
        first = None
    if first is not None and span in SPANS and unit in desk.person.tree:
        rows = asked(connection, _ONE, span=span, period=first, unit=unit)
    if not rows:
        raise HTTPException(404, "There is no such review of a unit of yours.")
    review = read_review(desk.settings, rows[0])
    if review is None:
        raise HTTPException(
            404,
            "The file of this review is not there, or is not as it was made; wattmark review make makes it again.",
        )
    return rows[0], document(review, desk.settings.include, desk.language)


def _list(
    bench: Workbench,
    connection: psycopg.Connection[Any],
    desk: Desk,
    span: str,
    given: Mapping[str, str] | None = None,
    error: CaseError | None = None,
) -> HTMLResponse:
    there = asked(connection, _THERE)
    is_there = bool(there and there[0]["is_there"])
    chosen = span if span in SPANS else None
    kept = reviews(connection, desk.person.tree, chosen) if is_there else []
    items = open_items(connection, desk.person.tree, desk.person.staff_id) if is_there else []
    tell = Teller(desk.settings.include, desk.language, _names(connection, desk))
    actor = _actor(desk)
    shown = [
        {
            **row,
            "key": f"{row['span']} {row['period']} {row['item_no']}",
            "told": tell.matter(row),
            "owner": tell.owner(row),
            "name": period_name(row["span"], row["period"]),
            "since_name": period_name(row["span"], row["since"]),
            "may": may_close(row, actor),
        }
        for row in items
    ]
    return bench.show(
        desk, "reviews.html", desk.text("reviews"), status=_status(error) if error else 200, here="reviews/", query={"span": chosen},
        rows=kept, items=shown, spans=SPANS, chosen=chosen, given=given or {}, problem=_told(desk, error) if error else "",
        path=review_path, name=period_name, span_word=lambda code: tell.word("span", code),
    )  # fmt: skip


def _told(desk: Desk, error: CaseError) -> str:
    return desk.text("review_stale") if isinstance(error, CaseConflictError) else told_error(desk, error)


def _status(error: CaseError) -> int:
    return 409 if isinstance(error, CaseConflictError) else 422


def _actor(desk: Desk) -> Actor:
    """The person as somebody who acts."""
    person = desk.person
    return Actor(person.login, person.staff_id, person.org_unit_id, person.role, frozenset(person.tree))


def _names(connection: psycopg.Connection[Any], desk: Desk) -> dict[str, Any]:
    names: dict[str, Any] = {"units": dict(desk.units), "kpi": {}, "rule": {}}
    for query in _TITLES:
        for row in asked(connection, query):
            names[row["kind"]][row["id"]] = {"en": row["title_en"], "zh": row["title_zh"]}
    return names


def _close(bench: Workbench, desk: Desk, given: Mapping[str, str]) -> None:
    """Close the item that a form names.

    Raises:
        CaseError: it names none, or it cannot be closed; nothing was changed.
    """
    try:
        span, period, item_no = given.get("item", "").split(" ")
        key = span, dt.date.fromisoformat(period), int(item_no)
        version = int(given.get("version", ""))
        if not 0 < key[2] < 2**31 or not 0 < version < 2**31:
            raise ValueError
    except ValueError:
        raise CaseError("review.unknown", "The form names no item.", "Open the page again.") from None
    with bench.step_connection() as connection:
        close_item(connection, who(connection, desk.person.login), *key, version, given.get("word", ""))
