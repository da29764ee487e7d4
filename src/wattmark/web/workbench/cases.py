"""Pages of cases: the inbox, one case, the next one, what is listed as a file."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wattmark.cases.model import NIGHT, CaseConflictError, CaseError, Steps, load_steps
from wattmark.charts import Series, chart
from wattmark.publish.findings import asked
from wattmark.web import security
from wattmark.web.findings import with_values
from wattmark.web.workbench import act, inbox, intervals
from wattmark.web.workbench.case import Found, everything, seen_case
from wattmark.web.workbench.curve import Stretch, curve
from wattmark.web.workbench.desk import Desk, Row, Workbench, form_fields
from wattmark.web.workbench.sheets import TYPES, file_of

MOST_FLAGGED = 100
EXPORTED = (
    "case_id", "rule_id", "subject_type", "subject_id", "period", "account_id", "unit", "state", "severity", "at_stake_amount", "due_on",
    "opened_on", "assigned_to", "effects", "chosen_as", "expected_amount", "message",
)  # fmt: skip


def cases_router(bench: Workbench, who: Callable[..., str]) -> APIRouter:
    """Routes ``/cases/``, ``/cases/next/``, ``/cases/list.{xlsx,csv}`` and ``/cases/{case}/``.

    Args:
        bench: what all pages share.
        who: dependency that names the user.
    """
    router = APIRouter()
    steps = load_steps(bench.settings.include)

    @router.get("/cases/")
    async def the_inbox(request: Request, user: str = Depends(who)) -> HTMLResponse:
        wish = inbox.Wish.of(request.query_params)
        every = request.query_params.get("all") == "1"

        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            return _inbox(bench, connection, desk, wish, every)

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    @router.get("/cases/next/")
    async def next_one(request: Request, after: str = "", user: str = Depends(who)) -> RedirectResponse:
        wish = inbox.Wish.of(request.query_params)

        def asked_for(connection: psycopg.Connection[Any], desk: Desk) -> RedirectResponse:
            today = inbox.today_of(connection)
            found = inbox.following(connection, desk.person, wish, today, after.replace("\x00", ""))
            if found is None:
                return RedirectResponse(desk.url("cases/", **wish.query()), 303)
            return RedirectResponse(desk.url(f"cases/{found}/", **within(wish)), 303)

        answer: RedirectResponse = await bench.look(request, user, asked_for)
        return answer

    @router.get("/cases/list.{form}")
    async def as_file(request: Request, form: str, user: str = Depends(who)) -> Response:
        if form not in TYPES:
            raise HTTPException(404, "There is no such page.")
        wish = inbox.Wish.of(request.query_params)

        def made(connection: psycopg.Connection[Any], desk: Desk) -> Response:
            rows = inbox.every_one(connection, desk.person, wish, inbox.today_of(connection))
            for row in rows:
                row["message"] = row[f"message_{desk.language}"]
            data = file_of(desk, desk.text("cases"), rows, EXPORTED, form)
            headers = {**bench.headers, "Content-Disposition": f'attachment; filename="cases.{form}"'}
            return Response(data, media_type=TYPES[form], headers=headers)

        answer: Response = await bench.look(request, user, made)
        return answer

    _one_case(router, bench, who, steps)
    return router


def _one_case(router: APIRouter, bench: Workbench, who: Callable[..., str], steps: Steps) -> None:
    @router.get("/cases/{case_id:path}/")
    async def the_case(request: Request, case_id: str, user: str = Depends(who)) -> HTMLResponse:
        wish, done = inbox_of(request.query_params), request.query_params.get("done", "")

        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            shown = done if done in steps.steps else ""
            return case_page(
                bench, connection, desk, steps, _known(connection, desk, case_id), wish, done=shown
            )

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    @router.post("/cases/{case_id:path}/", dependencies=[Depends(security.same_origin)])
    async def a_step(request: Request, case_id: str, user: str = Depends(who)) -> Response:
        given = dict(await form_fields(request))
        wish = inbox_of(request.query_params)

        def work(connection: psycopg.Connection[Any], desk: Desk) -> Response:
            _known(connection, desk, case_id)
            try:
                with bench.step_connection() as steps_at:
                    done = act.taken(steps_at, desk, steps, case_id, given)
            except CaseConflictError as error:
                return refused(connection, desk, error, 409)
            except CaseError as error:
                return refused(connection, desk, error, 422)
            return RedirectResponse(desk.url(f"cases/{case_id}/", **within(wish), done=done), 303)

        def refused(
            connection: psycopg.Connection[Any], desk: Desk, error: CaseError, status: int
        ) -> HTMLResponse:
            # What stands now is shown with what was typed, for another try.
            case = _known(connection, desk, case_id)
            return case_page(
                bench, connection, desk, steps, case, wish, given=given, error=error, status=status
            )

        answer: Response = await bench.change(request, user, work)
        return answer


def _known(connection: psycopg.Connection[Any], desk: Desk, case_id: str) -> Row:
    """A case that the person may see.

    Raises:
        HTTPException: 404, there is none.
    """
    case = seen_case(connection, desk.person, case_id) if "\x00" not in case_id else None
    if case is None:
        raise HTTPException(404, "There is no such case.")
    return case


def within(wish: inbox.Wish) -> dict[str, Any]:
    """How a case's address keeps the list that it was opened from."""
    return {f"list_{name}": value for name, value in wish.query().items()}


def inbox_of(query: Mapping[str, str]) -> inbox.Wish:
    """The list that a case was opened from."""
    return inbox.Wish.of(
        {name.removeprefix("list_"): value for name, value in query.items() if name.startswith("list_")}
    )


def _inbox(
    bench: Workbench, connection: psycopg.Connection[Any], desk: Desk, wish: inbox.Wish, every: bool
) -> HTMLResponse:
    today = inbox.today_of(connection)
    found = inbox.listed(connection, desk.person, wish, today)
    if every:
        rows = inbox.every_one(connection, desk.person, wish, today, inbox.MOST_CHOSEN)
        found = inbox.Listed(rows, found.cases, found.counts, found.week)
    rules = {row["rule_id"]: row[f"title_{desk.language}"] for row in titles(connection)}

    def said(facet: str, code: str) -> str:
        if facet == "unit":
            return desk.unit(code)
        return f"{code} {rules.get(code) or ''}" if facet == "rule_id" else desk.word(facet, code)

    facets = {
        facet: [(code, said(facet, code), count) for code, count in _ordered(desk, facet, counts)]
        for facet, counts in found.counts.items()
    }
    chosen = [
        (facet, getattr(wish, facet), said(facet, getattr(wish, facet)))
        for facet in inbox.FACETS
        if getattr(wish, facet)
    ]
    query = wish.query(page=wish.page if wish.page > 1 else None)
    return bench.show(
        desk,
        "inbox.html",
        desk.text("workbench"),
        query=query,
        wish=_Lookable(wish),
        list=found,
        facets={facet: facets.get(facet, []) for facet in inbox.FACETS},
        chosen=chosen,
        today=today,
        most=inbox.MOST_CHOSEN,
        all=every,
        within=within(wish),
        views=[(view, desk.word("view", view)) for view in inbox.VIEWS],
    )


class _Lookable:
    """A wish whose values a template may look up by name."""

    def __init__(self, wish: inbox.Wish) -> None:
        self._wish = wish

    def __getitem__(self, name: str) -> Any:
        return getattr(self._wish, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wish, name)


def titles(connection: psycopg.Connection[Any]) -> list[Row]:
    """Rules and their titles."""
    return asked(connection, "SELECT rule_id, title_en, title_zh FROM mart.dim_rule ORDER BY rule_id")


def _ordered(desk: Desk, facet: str, counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Codes of a filter: those of the words in their order, of others most cases first."""
    order = {code: at for at, code in enumerate(desk.words.get(facet, {"high": {}, "medium": {}, "low": {}}))}
    known = facet not in ("unit", "rule_id")
    return sorted(
        counts.items(),
        key=lambda counted: (order.get(counted[0], 99) if known else 0, -counted[1], counted[0]),
    )


def case_page(
    bench: Workbench,
    connection: psycopg.Connection[Any],
    desk: Desk,
    steps: Steps,
    case: Row,
    wish: inbox.Wish,
    *,
    given: Mapping[str, str] | None = None,
    error: CaseError | None = None,
    done: str = "",
    status: int = 200,
) -> HTMLResponse:
    """The page of a case.

    Args:
        bench: what all pages share.
        connection: to the warehouse.
        desk: who asks.
        steps: the steps there are.
        case: its row.
        wish: the list that it was opened from.
        given: what was typed into the form of a step that was refused.
        error: why it was refused.
        done: step that was taken just now.
        status: of the answer.
    """
    today = inbox.today_of(connection)
    found = everything(connection, desk.person, case)
    names = act.offered(steps, case, desk.person, today)
    forms = act.forms(connection, desk, steps, case, names, found.others)
    typed = dict(given or {})
    for form in forms:
        form.is_open = form.step == typed.get("step") or (not typed and form is forms[0])
        if form.step == typed.get("step"):
            form.typed.update({field.name: typed.get(field.name, "") for field in form.fields})
    kept = [(name, value) for name, value in typed.items() if value and name in desk.words["field"]]
    rule = found.rule
    flags = with_values(
        rule.get(f"flags_{desk.language}") or rule.get("flags_en") or "", rule.get("params") or {}
    )
    own = desk.person.staff_id is not None and desk.person.staff_id in (case["own_staff_ids"] or ())
    return bench.show(
        desk,
        "case.html",
        f"{case['rule_id']} {case['subject_id']}",
        status=status,
        here=f"cases/{case['case_id']}/",
        query=within(wish),
        found=found,
        today=today,
        forms=forms,
        version=case["version"],
        back=wish.query(),
        within=within(wish),
        done=done,
        problem=None if error is None else told_error(desk, error),
        kept=kept,
        top=_sent_back(case, found.events),
        own_work=own,
        flags=flags,
        evidence=_evidence(desk, case),
        charts=_charts(desk, found) + _loads(desk, intervals.around(desk.settings, found)),
        details=lambda name, value, event: _detail(desk, name, value, event),
    )


def told_error(desk: Desk, error: CaseError) -> str:
    """Why a step was refused, in words."""
    if isinstance(error, CaseConflictError):
        return desk.text("stale")
    if isinstance(error, act.TypedError):
        return error.message
    told = desk.words["refusal"].get(error.code)
    if told is not None and desk.language == "zh":
        return told["zh"]
    return f"{error.message} {error.remedy}".strip()


def _sent_back(case: Row, events: list[Row]) -> Row | None:
    """Why a case that waits to be judged was sent back, where it was."""
    if case["state"] not in ("open", "assigned", "reopened"):
        return None
    for event in reversed(events):
        if event["step"] in ("return", "hand_back", "reopen"):
            return {
                "back_step": event["step"],
                "back_by": event["actor"],
                "back_note": event["note"],
                "back_detail": event["detail"],
            }
    return None


def _evidence(desk: Desk, case: Row) -> list[tuple[str, str]]:
    """The values compared, in words."""
    found = []
    for name, value in (case["evidence"] or {}).items():
        if isinstance(value, str):
            told = desk.names.told(case["rule_id"], name, value, desk.language)
            if told == value and len(value) >= 19 and value[10] in " T":
                try:
                    told = desk.told(name, dt.datetime.fromisoformat(value))
                except ValueError:
                    told = value
        elif isinstance(value, dict):
            told = ", ".join(f"{key} {each}" for key, each in value.items())
        else:
            told = desk.told(name, value)
        if told:
            found.append((name, told))
    return found


def _detail(desk: Desk, name: str, value: Any, event: Row) -> str:
    """A value of an event's detail as people write it."""
    kinds = {
        "treatment": "treatment", "reason": "dismissal", "severity": "severity", "subject_type": "subject_type",
    }  # fmt: skip
    if name == "why" and event["actor"] == NIGHT:
        return desk.word("night_why", str(value))
    if name == "period":
        return str(value)[:7]
    if name == "staff_id":
        return desk.member(str(value))
    if name in kinds:
        return desk.word(kinds[name], str(value))
    return desk.told("org_unit_id" if name.endswith("org_unit_id") else name, value)


def _charts(desk: Desk, found: Found) -> list[dict[str, Any]]:
    """Energy and bills by month, and by day where there are intervals."""
    made: list[dict[str, Any]] = []
    months = found.months
    if any(row["billed_kwh"] is not None for row in months):
        marked = next((at for at, row in enumerate(months) if row["period"] == found.month), None)
        bars = Series(desk.label("billed_kwh"), [_float(row["billed_kwh"]) for row in months])
        line = Series(desk.label("total_amount"), [_float(row["total_amount"]) for row in months])
        title = desk.text("chart_months")
        places = [f"{row['period']:%y-%m}" for row in months]
        note = desk.text("chart_of", title=title, month=f"{found.month:%Y-%m}") if found.month else title
        made.append(
            {
                "title": note,
                "svg": chart(note, places, bars, line, marked),
                "rows": months,
                "table": "fct_bill",
            }
        )
    if found.days:
        title = desk.text("chart_days")
        bars = Series(desk.label("kwh"), [_float(row["kwh"]) for row in found.days])
        line = Series(desk.label("max_kw"), [_float(row["max_kw"]) for row in found.days])
        places = [f"{row['day']:%m-%d}" for row in found.days]
        made.append(
            {
                "title": title,
                "svg": chart(title, places, bars, line),
                "rows": found.days,
                "table": "fct_consumption_daily",
            }
        )
    return made


def _loads(desk: Desk, weeks: list[intervals.Week]) -> list[dict[str, Any]]:
    """The load of each point by interval, with what validation objected to, and by day as a table."""
    made = []
    for week in weeks:
        known = [interval for interval in week.intervals if interval.kw is not None]
        highest = max(known, key=lambda interval: interval.kw or 0, default=None)
        title = desk.text(
            "chart_intervals", point=week.metering_point_id, first=week.intervals[0].start.date(), last=week.intervals[-1].start.date(),
        )  # fmt: skip
        said = [title]
        if highest is not None:
            said.append(
                desk.text(
                    "chart_highest", kw=desk.told("max_kw", highest.kw), at=desk.told("at", highest.start)
                )
            )
        if week.flagged:
            said.append(desk.text("chart_flagged", count=len(week.flagged)))
        stretches = [
            Stretch(interval.start, interval.minutes, interval.kw, interval.handed_kw if interval.flag and interval.handed_kwh != interval.kwh else None, bool(interval.flag))
            for interval in week.intervals
        ]  # fmt: skip
        flagged = [
            {
                "interval_start": interval.start, "interval_minutes": interval.minutes, "flag": desk.word("interval_flag", interval.flag),
                "method": desk.word("interval_method", interval.method), "original_kwh": interval.handed_kwh, "kwh": interval.kwh,
            }
            for interval in week.flagged[:MOST_FLAGGED]
        ]  # fmt: skip
        more = [("interval_edit", flagged, desk.text("flagged_table", most=MOST_FLAGGED))] if flagged else []
        note = ("; " if desk.language == "en" else "；").join(said)
        svg = curve(note, desk.text("mean_kw"), stretches)
        made.append(
            {"title": note, "svg": svg, "rows": _by_day(week), "table": "interval_daily", "more": more}
        )
    return made


def _by_day(week: intervals.Week) -> list[Row]:
    rows: list[Row] = []
    for day, of_day in itertools.groupby(week.intervals, key=lambda interval: interval.start.date()):
        given = list(of_day)
        used = [interval.kwh for interval in given if interval.kwh is not None]
        rows.append(
            {
                "day": day, "intervals": len(given), "kwh": round(sum(used), 6) if used else None,
                "max_kw": max((interval.kw for interval in given if interval.kw is not None), default=None), "flagged": sum(bool(interval.flag) for interval in given),
            }
        )  # fmt: skip
    return rows


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
