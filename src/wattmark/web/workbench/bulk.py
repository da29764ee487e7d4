"""One step with one reason on many cases that are alike, each a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from wattmark.cases.model import CaseError, Steps, load_steps
from wattmark.publish.findings import asked
from wattmark.web import security
from wattmark.web.workbench import act, inbox
from wattmark.web.workbench.cases import told_error
from wattmark.web.workbench.desk import Desk, Row, Workbench, form_fields

CHOSEN = """
SELECT c.* FROM ops.audit_case AS c WHERE c.case_id = ANY(%(ids)s)
  AND (c.org_unit_id = ANY(%(tree)s) OR c.assigned_org_unit_id = ANY(%(tree)s) OR c.responsible_org_unit_id = ANY(%(tree)s))
ORDER BY c.case_id
"""
NOT_AT_ONCE = ("link", "unlink", "release", "extend")
"""Steps that say something of one case alone."""


def bulk_router(bench: Workbench, who: Callable[..., str]) -> APIRouter:
    """Route ``/cases/bulk/``.

    Args:
        bench: what all pages share.
        who: dependency that names the user.
    """
    router = APIRouter()
    file = load_steps(bench.settings.include)

    @router.post("/cases/bulk/", dependencies=[Depends(security.same_origin)])
    async def at_once(request: Request, user: str = Depends(who)) -> HTMLResponse:
        fields = await form_fields(request)
        given = dict(fields)
        chosen = dict(value.rpartition(" ")[::2] for name, value in fields if name == "case")
        wish = inbox.Wish.of(
            {name.removeprefix("list_"): value for name, value in fields if name.startswith("list_")}
        )

        def work(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            rows = asked(connection, CHOSEN, ids=list(chosen), tree=list(desk.person.tree))
            problem = _problem(desk, chosen, rows)
            if problem:
                return bench.show(
                    desk, "bulk.html", desk.text("with_chosen"), status=422, problem=problem, rows=rows, forms=[],
                    results=None, chosen=chosen, back=wish.query(), given=given, counts=None,
                )  # fmt: skip
            results = None
            problem = ""
            if given.get("step"):
                try:
                    results = _taken(bench, desk, file, rows, chosen, given)
                except act.TypedError as error:
                    problem = error.message
            counts = results and (
                sum(not told for _, told in results),
                sum(bool(told) for _, told in results),
            )
            return bench.show(
                desk, "bulk.html", desk.text("bulk_title", count=len(rows)), status=422 if problem else 200, problem=problem, rows=rows,
                forms=[] if results else _forms(connection, desk, file, rows, given), results=results, chosen=chosen, back=wish.query(),
                given=given, counts=counts,
            )  # fmt: skip

        answer: HTMLResponse = await bench.change(request, user, work)
        return answer

    return router


def _problem(desk: Desk, chosen: dict[str, str], rows: Sequence[Row]) -> str:
    """Why nothing can be done with what was chosen; empty where something can."""
    if not rows:
        return desk.text("bulk_none")
    if len(chosen) > inbox.MOST_CHOSEN:
        return desk.text("bulk_most", most=inbox.MOST_CHOSEN)
    if len({(row["rule_id"], row["state"]) for row in rows}) > 1:
        return desk.text("bulk_alike")
    return ""


def _forms(
    connection: psycopg.Connection[Any], desk: Desk, file: Steps, rows: Sequence[Row], given: dict[str, str]
) -> list[act.Form]:
    """Steps that the person may take on each of the cases."""
    today = inbox.today_of(connection)
    common = [name for name in act.offered(file, rows[0], desk.person, today) if name not in NOT_AT_ONCE]
    for row in rows[1:]:
        fits = set(act.offered(file, row, desk.person, today))
        common = [name for name in common if name in fits]
    forms = act.forms(connection, desk, file, rows[0], common, [])
    for form in forms:
        form.fields = [
            act.Field(field.name, field.needed and field.name != "amount") for field in form.fields
        ]
        # Each case's own money is proposed where none is typed.
        form.typed["amount"] = ""
        if form.step == given.get("step"):
            form.is_open = True
            form.typed.update({field.name: given.get(field.name, "") for field in form.fields})
    return forms


def _taken(
    bench: Workbench,
    desk: Desk,
    file: Steps,
    rows: Sequence[Row],
    chosen: dict[str, str],
    given: dict[str, str],
) -> list[tuple[str, str]]:
    """Take the step on each case; what each was refused for, empty where it was done.

    Raises:
        TypedError: what was typed is wrong for all; nothing was changed.
    """
    results = []
    own_money = not given.get("amount", "").strip()
    with bench.step_connection() as connection:
        for row in rows:
            own = {"amount": str(row["at_stake_amount"] or 0)} if own_money else {}
            try:
                act.taken(
                    connection,
                    desk,
                    file,
                    row["case_id"],
                    {**given, **own, "version": chosen[row["case_id"]]},
                )
            except act.TypedError:
                raise
            except CaseError as error:
                results.append((row["case_id"], told_error(desk, error)))
            else:
                results.append((row["case_id"], ""))
    return results
