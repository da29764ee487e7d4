"""The night's step on audit cases: it reads what the night found and takes it in, in one transaction, once for a run.

The instant of a night's events is the end of its day, or the one at which its run was published where that came first; on
a case that somebody has changed since, it is that change's. So it is the same however often the step is tried, and no
event is older than the one before it.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from wattmark.cases import assign, brake
from wattmark.cases.act import RULE
from wattmark.cases.decide import IN_WORK
from wattmark.cases.draft import Draft
from wattmark.cases.findings import Finding, finding_of, listing_rules, own_staff, tonight
from wattmark.cases.judged import FOUND, Judgement, judgements
from wattmark.cases.log import NIGHT_LOCK, append, write_chain
from wattmark.cases.model import MANUAL, Case, CaseConflictError, load_steps
from wattmark.cases.plan import Exemptions, Inputs, Plan
from wattmark.cases.rulebook import Rulebook
from wattmark.cases.worklist import draw_week
from wattmark.engine.session import DuckDBSession, Session
from wattmark.publish.ops import libpq_url, warehouse_url
from wattmark.publish.refusal import naming
from wattmark.run import Run
from wattmark.settings import Settings

log = logging.getLogger(__name__)

Judge = Callable[[Settings, Run, Iterable[Case]], Mapping[str, Judgement]]
TURNS = 5
"""Tries of a night: somebody may open a case at the very moment at which the night does."""
CHUNK = 5_000
"""Changes that are written at a time."""
COUNTED = {
    "open": "opened", "touch": "touched", "verify": "verified", "reopen": "reopened", "close": "closed", "link": "linked",
    "unlink": "unlinked", "assign": "assigned", "off": "off", "braked_rules": "braked_rules",
    "on_list": "on_list", "drawn_accounts": "drawn_accounts", "record_checks": "record_checks",
}  # fmt: skip
_COLUMNS = [each.name for each in fields(Case)]
_WITHOUT_EVIDENCE = ", ".join(
    f"CASE WHEN c.subject_type = '{RULE}' THEN c.evidence END AS evidence"
    if name == "evidence"
    else f"c.{name}"
    for name in _COLUMNS
)
_Connection = psycopg.Connection[Any]


def take_night(settings: Settings, run: Run, judge: Judge = judgements) -> dict[str, int]:
    """Take a night in: open, touch, prove, reopen, hang and give out audit cases, draw the week's list in its first
    night, and write the chain of the log.

    Done once for a run: another time it returns what it did then. A night older than the newest one taken in changes no
    case; one whose run was asked for a month of its own opens and touches, and no more.

    Args:
        settings: of the home, whose lake holds what the night found.
        run: the night, which was begun and published.
        judge: says of cases that tonight's findings do not name whether they were judged.

    Returns:
        events by what they did, and rules held by the brake.

    Raises:
        PublishError: the warehouse refused; nothing is taken in.
        CaseError: nothing is taken in.
    """
    url = warehouse_url(settings)
    with DuckDBSession(settings, run) as session:
        for turn in range(1, TURNS + 1):
            try:
                with (
                    naming("ops.audit_case"),
                    psycopg.connect(libpq_url(url), row_factory=tuple_row) as connection,
                ):
                    return _take(session, connection, judge)
            except CaseConflictError:
                if turn == TURNS:
                    raise
                log.info("Somebody changed a case at the same moment; the night is taken in anew.")
    raise AssertionError


def _take(session: Session, connection: _Connection, judge: Judge) -> dict[str, int]:
    run = session.run
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [NIGHT_LOCK])
    done = connection.execute("SELECT counts FROM ops.case_night WHERE run_id = %s", [run.run_id]).fetchone()
    if done is not None:
        return {str(name): int(count) for name, count in done[0].items()}
    newest = connection.execute("SELECT MAX(as_of) FROM ops.case_night").fetchone()
    counts = dict.fromkeys(COUNTED.values(), 0)
    if newest is None or newest[0] is None or run.as_of >= newest[0]:
        for step, count in _work(session, connection, judge).items():
            counts[COUNTED[step]] = count
    else:
        log.warning(
            "The night %s is older than %s, which cases have taken in: it changes none.", run.as_of, newest[0]
        )
    write_chain(connection, run.run_id)
    connection.execute(
        "INSERT INTO ops.case_night (run_id, as_of, taken_at, counts) VALUES (%s, %s, NOW(), %s::jsonb)",
        [run.run_id, run.as_of, json.dumps(counts)],
    )
    return counts


def _work(session: Session, connection: _Connection, judge: Judge) -> dict[str, int]:
    """Work out what the night does, and write it; returns events by step."""
    settings, run = session.settings, session.run
    book = Rulebook(session)
    findings = tonight(session, book, _cases_of(connection, listing_rules(session)))
    settles = run.period == Run.of(run.as_of, run.time_zone).period
    judged = _judged(connection, judge, settings, run, book, findings) if settles else {}
    for case_id, judgement in judged.items():
        if judgement.verdict == FOUND and judgement.finding is not None:
            findings[case_id] = finding_of(judgement.finding, book)
    cases = _standing(connection, list(findings))
    at = _moment(connection, run)
    newest = _newest(connection, list(cases))
    known = Inputs(
        settings=settings,
        run=run,
        book=book,
        steps=load_steps(settings.include),
        at=at,
        settles=settles,
        findings=findings,
        judged=judged,
        own_staff=own_staff(session, _news(findings.values(), cases)),
        shares=brake.shares(session, book),
        exemptions=_exemptions(connection, run.as_of),
        staffing=assign.staffing(session, _logins(connection)),
    )
    drafts = {case_id: Draft(case, max(at, newest.get(case_id, at))) for case_id, case in cases.items()}
    changed = Plan(known, drafts).make()
    for start in range(0, len(changed), CHUNK):
        written = (draft.change() for draft in changed[start : start + CHUNK])
        append(connection, [change for change in written if change is not None])
    return known.counts | draw_week(connection, session, known.staffing, book, known.steps, at)


def _cases_of(connection: _Connection, rules: list[str]) -> list[str]:
    """Ids of all cases of some rules."""
    rows = connection.execute(
        "SELECT case_id FROM ops.audit_case WHERE rule_id = ANY(%s)", [rules]
    ).fetchall()
    return [row[0] for row in rows]


def _judged(
    connection: _Connection,
    judge: Judge,
    settings: Settings,
    run: Run,
    book: Rulebook,
    findings: Mapping[str, Finding],
) -> dict[str, Judgement]:
    """What is to be said of cases that may be proved, or found again in a month that has passed."""
    rows = connection.execute(
        f"SELECT {', '.join(f'c.{name}' for name in _COLUMNS)} FROM ops.audit_case AS c "
        "WHERE (c.state = ANY(%s) OR (c.state = 'verified' AND c.period < %s)) AND c.subject_type <> %s AND c.rule_id <> %s "
        "AND c.case_id <> ALL(%s) ORDER BY c.case_id",
        [list(IN_WORK), run.period, RULE, MANUAL, list(findings)],
    ).fetchall()
    asked = [_case(row) for row in rows]
    asked = [case for case in asked if not book.is_off(case.rule_id)]
    return dict(judge(settings, run, asked)) if asked else {}


def _case(row: tuple[Any, ...]) -> Case:
    case = Case(*row)
    return replace(case, own_staff_ids=tuple(case.own_staff_ids or ()))


def _standing(connection: _Connection, found: list[str]) -> dict[str, Case]:
    """Cases that the night may change, and the causes of effects, by id; without evidence but for rules' own.

    They are locked, in the order of their ids, until the night is taken in: whoever decides on one meanwhile waits, and is
    told then.
    """
    rows = connection.execute(
        f"SELECT {_WITHOUT_EVIDENCE} FROM ops.audit_case AS c WHERE c.state NOT IN ('closed', 'dismissed') "
        "OR c.case_id = ANY(%s) OR c.subject_type = %s OR c.case_id IN ("
        "  SELECT e.root_cause_case_id FROM ops.audit_case AS e WHERE e.root_cause_case_id IS NOT NULL"
        ") ORDER BY c.case_id FOR NO KEY UPDATE",
        [found, RULE],
    ).fetchall()
    return {row[0]: _case(row) for row in rows}


def _newest(connection: _Connection, case_ids: list[str]) -> dict[str, dt.datetime]:
    """The instant of the newest event of each case."""
    return dict(
        connection.execute(
            # Looked up one by one, whatever the planner knows of tables that this transaction has just filled.
            "SELECT c.case_id, (SELECT e.at FROM ops.audit_case_event AS e WHERE e.case_id = c.case_id AND e.event_no = c.version) "
            "FROM ops.audit_case AS c WHERE c.case_id = ANY(%s)",
            [case_ids],
        ).fetchall()
    )


def _news(findings: Iterable[Finding], cases: Mapping[str, Case]) -> list[Finding]:
    """Findings that open a case, or say something else than the last time, or may reopen one."""
    news = []
    for finding in findings:
        case = cases.get(finding.case_id)
        if case is None:
            wanted = finding.kind == "exception"
        else:
            # Of one that a person opened nobody has asked yet whose work it is.
            is_new = case.found_rule_hash is None or case.evidence_hash != finding.evidence_hash
            wanted = is_new or case.state not in IN_WORK or case.state == "rectified"
        if wanted:
            news.append(finding)
    return news


def _moment(connection: _Connection, run: Run) -> dt.datetime:
    ended: dt.datetime = run.scalars()["as_of_end"]  # type: ignore[assignment]
    row = connection.execute(
        "SELECT published_at FROM ops.pipeline_run WHERE run_id = %s", [run.run_id]
    ).fetchone()
    return min(ended, row[0]) if row is not None and row[0] is not None else ended


def _exemptions(connection: _Connection, day: dt.date) -> Exemptions:
    found: dict[tuple[str, str, str], list[Any]] = {}
    for rule_id, subject_type, subject_id, amount in connection.execute(
        "SELECT rule_id, subject_type, subject_id, at_stake_amount FROM ops.exemption WHERE from_on <= %s AND until_on >= %s",
        [day, day],
    ).fetchall():
        found.setdefault((rule_id, subject_type, subject_id), []).append(amount)
    return found


def _logins(connection: _Connection) -> list[assign.Login]:
    rows = connection.execute(
        "SELECT staff_id, org_unit_id, role FROM ops.staff_login WHERE staff_id IS NOT NULL ORDER BY login"
    ).fetchall()
    return [assign.Login(*row) for row in rows]
