"""What is kept beside the cases: logins of staff, exemptions, cases opened by hand, what rules bring and what is decided of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wattmark.audit.replay import audited_run, preview
from wattmark.cases.act import Desk as StepDesk
from wattmark.cases.act import tried
from wattmark.cases.decision import DECISIONS, decide_rule
from wattmark.cases.model import MANUAL, CaseError
from wattmark.cases.opening import open_finding, open_manual
from wattmark.cases.rights import RightsError, remove_login, set_login
from wattmark.errors import WattmarkError
from wattmark.publish.findings import asked
from wattmark.web import security
from wattmark.web.findings import with_values
from wattmark.web.workbench.cases import told_error
from wattmark.web.workbench.desk import Desk, Row, Workbench, form_fields
from wattmark.web.workbench.inbox import today_of

LOGINS = """
SELECT l.login, l.staff_id, l.org_unit_id, l.role, s.post FROM ops.staff_login AS l LEFT JOIN mart.dim_staff AS s ON s.staff_id = l.staff_id
WHERE l.org_unit_id = ANY(%(tree)s) ORDER BY l.org_unit_id, l.login
"""
EXEMPTIONS = """
SELECT e.*, r.title_en, r.title_zh, c.account_id FROM ops.exemption AS e LEFT JOIN mart.dim_rule AS r ON r.rule_id = e.rule_id
JOIN ops.audit_case AS c ON c.case_id = e.case_id WHERE c.org_unit_id = ANY(%(tree)s) OR c.assigned_org_unit_id = ANY(%(tree)s)
ORDER BY e.until_on DESC, e.rule_id, e.subject_id LIMIT 500
"""
RULES = """
SELECT r.rule_id, r.title_en, r.title_zh, r.family, p.period, p.opened, p.decided, p.confirmed, p.dismissed, p.vanished, p.confirmed_share, p.confirmed_share_low,
  p.confirmed_share_high, p.unbiased_share, p.recovered_amount, p.hours, p.amount_per_hour, p.reopened, COALESCE(p.is_in_question, FALSE) AS is_in_question
FROM mart.dim_rule AS r LEFT JOIN (SELECT DISTINCT ON (rule_id) * FROM mart.rule_performance WHERE span = 'year' ORDER BY rule_id, period DESC) AS p
  ON p.rule_id = r.rule_id
ORDER BY COALESCE(p.is_in_question, FALSE) DESC, p.decided DESC NULLS LAST, r.rule_id
"""
RULES_ALONE = (
    "SELECT rule_id, title_en, title_zh, family, FALSE AS is_in_question FROM mart.dim_rule ORDER BY rule_id"
)
PERFORMANCE = (
    "SELECT * FROM mart.rule_performance WHERE rule_id = %(rule_id)s ORDER BY span DESC, period DESC LIMIT 40"
)
DECISIONS_OF = "SELECT decided_at, actor, decision, why FROM ops.rule_decision WHERE rule_id = %(rule_id)s ORDER BY decided_at DESC"
_LEFT_OUT = ("as_of", "run_id", "rule_id")
Page = Callable[[psycopg.Connection[Any], Desk], HTMLResponse]


def books_router(bench: Workbench, who: Callable[..., str]) -> APIRouter:
    """Routes ``/cases/logins/``, ``/cases/exemptions/``, ``/cases/new/``, ``/cases/rules/`` and ``/cases/rules/{rule}/``.

    Args:
        bench: what all pages share.
        who: dependency that names the user.
    """
    router = APIRouter()
    writes = [Depends(security.same_origin)]

    @router.get("/cases/logins/")
    async def logins(request: Request, user: str = Depends(who)) -> HTMLResponse:
        answer: HTMLResponse = await bench.look(request, user, lambda at, desk: _logins(bench, at, desk))
        return answer

    @router.post("/cases/logins/", dependencies=writes)
    async def change_login(request: Request, user: str = Depends(who)) -> Response:
        given = dict(await form_fields(request))

        def work(connection: psycopg.Connection[Any], desk: Desk) -> Response:
            try:
                _change_login(bench, desk, given)
            except CaseError as error:
                return _logins(bench, connection, desk, given, error)
            return RedirectResponse(desk.url("cases/logins/"), 303)

        answer: Response = await bench.change(request, user, work)
        return answer

    @router.get("/cases/exemptions/")
    async def exemptions(request: Request, user: str = Depends(who)) -> HTMLResponse:
        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            rows = asked(connection, EXEMPTIONS, tree=list(desk.person.tree))
            title = desk.text("exemptions")
            return bench.show(
                desk,
                "exemptions.html",
                title,
                here="cases/exemptions/",
                rows=rows,
                today=today_of(connection),
            )

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    _openings(router, bench, who)
    _rules(router, bench, who)
    return router


def _logins(
    bench: Workbench,
    connection: psycopg.Connection[Any],
    desk: Desk,
    given: Mapping[str, str] | None = None,
    error: CaseError | None = None,
) -> HTMLResponse:
    rows = asked(connection, LOGINS, tree=list(desk.person.tree))
    return bench.show(
        desk,
        "logins.html",
        desk.text("logins"),
        status=422 if error else 200,
        here="cases/logins/",
        rows=rows,
        given=given or {},
        problem=told_error(desk, error) if error else "",
        may="approver" in desk.person.roles,
    )


def _change_login(bench: Workbench, desk: Desk, given: Mapping[str, str]) -> None:
    """Enter, change or take away a login within the own tree.

    Raises:
        CaseError: it is not theirs to change, or something is wrong with it; nothing was changed.
    """
    if "approver" not in desk.person.roles:
        raise RightsError("case.role", desk.text("approvers_only"))
    login = given.get("login", "").strip()
    with bench.step_connection() as connection, connection.transaction():
        standing = connection.execute(
            "SELECT org_unit_id FROM ops.staff_login WHERE login = %s FOR UPDATE", [login]
        ).fetchone()
        units = {given.get("org_unit_id", "")} if given.get("do") != "remove" else set()
        if standing:
            units.add(standing[0])
        # Nobody raises a login of another unit, or one's own.
        if not units <= set(desk.person.tree) or login == desk.person.login:
            raise RightsError(
                "case.not_yours",
                f"login {login} is not of your unit or one below, or is your own.",
                "Ask an approver above.",
            )
        if given.get("do") == "remove":
            remove_login(connection, login)
        else:
            set_login(
                connection,
                login,
                given.get("role", ""),
                given.get("staff_id", "").strip() or None,
                given.get("org_unit_id", ""),
            )


def _openings(router: APIRouter, bench: Workbench, who: Callable[..., str]) -> None:
    @router.get("/cases/new/")
    async def blank(request: Request, user: str = Depends(who)) -> HTMLResponse:
        given = {
            name: request.query_params.get(name, "")
            for name in ("account_id", "rule_id", "subject_type", "subject_id", "period")
        }

        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            return _new(bench, desk, given)

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    @router.post("/cases/new/", dependencies=[Depends(security.same_origin)])
    async def opened(request: Request, user: str = Depends(who)) -> Response:
        given = dict(await form_fields(request))

        def work(connection: psycopg.Connection[Any], desk: Desk) -> Response:
            try:
                with bench.step_connection() as steps_at:
                    case_id = _open(StepDesk(steps_at, desk.settings, desk.person.login), given)
            except CaseError as error:
                return _new(bench, desk, given, error)
            return RedirectResponse(desk.url(f"cases/{case_id}/"), 303)

        answer: Response = await bench.change(request, user, work)
        return answer


def _open(desk: StepDesk, given: Mapping[str, str]) -> str:
    if rule_id := given.get("rule_id", ""):
        try:
            period = dt.date.fromisoformat(given["period"]) if given.get("period") else None
        except ValueError:
            raise CaseError(
                "case.typed", f"{given['period']} is no month.", "Open it from the finding's page."
            ) from None
        return tried(
            open_finding,
            desk,
            rule_id,
            given.get("subject_type", ""),
            given.get("subject_id", ""),
            given.get("why", ""),
            period,
        )
    return tried(
        open_manual,
        desk,
        given.get("account_id", "").strip(),
        given.get("severity", ""),
        given.get("why", ""),
    )


def _new(
    bench: Workbench, desk: Desk, given: Mapping[str, str], error: CaseError | None = None
) -> HTMLResponse:
    return bench.show(
        desk, "new.html", desk.text("new_case"), status=422 if error else 200, here="cases/new/",
        query={name: value for name, value in given.items() if name != "why"}, given=given, manual=MANUAL,
        problem=told_error(desk, error) if error else "", severities=[(code, desk.word("severity", code)) for code in ("high", "medium", "low")],
    )  # fmt: skip


def _rules(router: APIRouter, bench: Workbench, who: Callable[..., str]) -> None:
    @router.get("/cases/rules/")
    async def rules(request: Request, user: str = Depends(who)) -> HTMLResponse:
        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            rows = asked(connection, RULES) or asked(connection, RULES_ALONE)
            return bench.show(desk, "rules.html", desk.text("performance"), here="cases/rules/", rows=rows)

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    @router.get("/cases/rules/{rule_id}/")
    async def one(request: Request, rule_id: str, user: str = Depends(who)) -> HTMLResponse:
        tried = {
            name.removeprefix("p_"): value.strip()
            for name, value in request.query_params.items()
            if name.startswith("p_")
        }

        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            return _rule(bench, connection, desk, rule_id, tried=tried)

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    @router.post("/cases/rules/{rule_id}/", dependencies=[Depends(security.same_origin)])
    async def decided(request: Request, rule_id: str, user: str = Depends(who)) -> Response:
        given = dict(await form_fields(request))

        def work(connection: psycopg.Connection[Any], desk: Desk) -> Response:
            try:
                with bench.step_connection() as steps_at:
                    by = StepDesk(steps_at, desk.settings, desk.person.login)
                    decide_rule(by, rule_id, given.get("decision", ""), given.get("why", ""))
            except CaseError as error:
                return _rule(bench, connection, desk, rule_id, given=given, problem=told_error(desk, error))
            return RedirectResponse(desk.url(f"cases/rules/{rule_id}/"), 303)

        answer: Response = await bench.change(request, user, work)
        return answer


def _rule(
    bench: Workbench,
    connection: psycopg.Connection[Any],
    desk: Desk,
    rule_id: str,
    *,
    tried: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    problem: str = "",
) -> HTMLResponse:
    rows = (
        asked(connection, "SELECT * FROM mart.dim_rule WHERE rule_id = %(rule_id)s", rule_id=rule_id)
        if "\x00" not in rule_id
        else []
    )
    if not rows:
        raise HTTPException(404, "There is no such rule.")
    rule = rows[0]
    found = None
    if tried:
        try:
            found = _tried(bench, rule, tried)
        except WattmarkError as error:
            problem = f"{error.message} {error.remedy}".strip()
    performance = [
        {name: value for name, value in row.items() if name not in _LEFT_OUT}
        for row in asked(connection, PERFORMANCE, rule_id=rule_id)
    ]
    params = {
        name: value for name, value in (rule["params"] or {}).items() if isinstance(value, (int, float, str))
    }
    return bench.show(
        desk, "rule.html", f"{rule_id} {rule[f'title_{desk.language}']}", status=422 if problem else 200, here=f"cases/rules/{rule_id}/",
        rule=rule, flags=with_values(rule[f"flags_{desk.language}"] or rule["flags_en"] or "", rule["params"] or {}), performance=performance,
        past=asked(connection, DECISIONS_OF, rule_id=rule_id), given=given or {}, tried=tried or {}, found=found, problem=problem, params=params,
        decisions=[(code, desk.word("decision", code)) for code in DECISIONS], may="approver" in desk.person.roles,
    )  # fmt: skip


def _tried(bench: Workbench, rule: Row, tried: Mapping[str, str]) -> dict[str, int]:
    """What the rule would find with other parameters.

    Raises:
        WattmarkError: a value is none of the parameter, or the lake holds no audited night.
    """
    values: dict[str, Any] = {}
    for name, text in tried.items():
        standing = (rule["params"] or {}).get(name)
        if not text or text == str(standing):
            continue
        if isinstance(standing, bool) or not isinstance(standing, (int, float)):
            values[name] = text
            continue
        try:
            values[name] = (
                int(text) if isinstance(standing, int) and text.lstrip("-").isdigit() else float(text)
            )
        except ValueError:
            raise CaseError("parameter.number", f"{name}: {text} is no number.", "Correct it.") from None
    run = audited_run(bench.settings)
    shown = preview(bench.settings, run, rule["rule_id"], values)
    return {
        "before": len(shown.found),
        "now": len(shown.would_find),
        "more": len(shown.gained),
        "fewer": len(shown.lost),
    }
