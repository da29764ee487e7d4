"""The worklist of the week: what each unit and post does, drawn in the week's first night and not again.

First what the lot drew, then what is due, then what brings most money an hour while hours are left.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from wattmark.campaign.people import draw_below
from wattmark.case_settings import Cases
from wattmark.cases.lot import Hours, Shares, Staff, draw, keep_lots, key_of, open_drawn, share_of
from wattmark.cases.model import DECISIONS, TO_DECIDE, TO_MEND, Steps
from wattmark.cases.record_check import draw_checks
from wattmark.engine.session import Session

_RANK = {"high": 0, "medium": 1, "low": 2}
NO_SHARE = 0.5
"""Chance of being confirmed where nothing of a family was ever decided."""


@dataclass
class Entry:
    """A case as the list looks at it.

    ``entered_no`` is the number of its newest opening or reopening. ``probability`` is that of the lot which it entered
    by that event, empty where it has not yet; ``is_drawn``: it was drawn there, and has not been decided since.
    """

    case_id: str
    rule_id: str
    state: str
    severity: str
    at_stake_amount: decimal.Decimal | None
    due_on: dt.date | None
    unit: str | None
    version: int
    entered_no: int
    probability: float | None
    is_drawn: bool
    hours: float = 0.0
    share: float = NO_SHARE
    share_from: str = "nothing"
    chosen_as: str = ""

    @property
    def worth(self) -> decimal.Decimal:
        """|Money at stake|."""
        return abs(self.at_stake_amount or decimal.Decimal(0))

    @property
    def expected(self) -> float:
        """What it may be expected to bring."""
        return self.share * float(self.worth)


def week_of(day: dt.date) -> dt.date:
    """The Monday of a day's week."""
    return day - dt.timedelta(days=day.weekday())


def draw_week(
    connection: psycopg.Connection[Any],
    session: Session,
    staff: Staff,
    book: Hours,
    steps: Steps,
    at: dt.datetime,
) -> dict[str, int]:
    """Draw the list of the week, in its first night; nothing in any other night.

    Args:
        connection: within the night's transaction, after its steps and before the chain of the log; the night itself is
            not in ``ops.case_night`` yet.
        session: of the night.
        staff: units, and who has a login.
        book: the rules.
        steps: the steps there are.
        at: the instant of the night's events.

    Returns:
        cases on the list, cases that the lot opened, and files to be held against the field.

    Raises:
        CampaignError: the home's key is not the one that schema ``ops`` knows.
    """
    run, settings = session.run, session.settings
    week = week_of(run.as_of)
    is_drawn = connection.execute(
        "SELECT EXISTS (SELECT FROM ops.case_night WHERE as_of BETWEEN %(week)s AND %(sunday)s AND run_id <> %(run_id)s) "
        "OR EXISTS (SELECT FROM ops.audit_worklist WHERE week >= %(week)s)",
        {"week": week, "sunday": week + dt.timedelta(days=6), "run_id": run.run_id},
    ).fetchall()[0][0]
    if is_drawn:
        return {"on_list": 0, "drawn_accounts": 0, "record_checks": 0}
    key = key_of(settings)
    checks = draw_checks(connection, session, staff, steps, week, key)
    accounts = open_drawn(connection, session, staff, book, steps, week, key, at)
    entries = _entries(connection)
    shares = confirmed_shares(connection, settings.cases.prior_cases)
    lists: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        entry.hours = float(book.hours(entry.rule_id))
        _learn(entry, shares)
        post = steps.post_of(entry.rule_id)
        unit = entry.unit if entry.state in TO_MEND else staff.candidates(entry.unit, post, ())[0]
        if unit is not None:
            lists.setdefault((unit, post), []).append(entry)
    lots: list[tuple[str, int, dt.date, float, bool]] = []
    rows: list[tuple[Any, ...]] = []
    for (unit, post), of_list in sorted(lists.items()):
        owner, members = staff.candidates(unit, post, ())
        hours = settings.cases.week_hours * len(members) if owner == unit else 0.0
        lots += enter(of_list, hours, week, key, settings.cases)
        rows += [
            (
                week, entry.case_id, unit, post, rank, entry.chosen_as, entry.probability if entry.state in TO_DECIDE else None,
                None if entry.at_stake_amount is None else round(entry.expected, 2), entry.hours, entry.share, entry.share_from,
                entry.version,
            )
            for rank, entry in enumerate(chosen(of_list, hours, week), 1)
        ]  # fmt: skip
    keep_lots(connection, lots)
    _keep(connection, rows)
    return {"on_list": len(rows), "drawn_accounts": accounts, "record_checks": checks}


def enter(
    entries: Iterable[Entry], hours: float, week: dt.date, key: str, settings: Cases
) -> list[tuple[str, int, dt.date, float, bool]]:
    """Let the cases of one list enter the lot that have not yet since they were opened or reopened.

    Args:
        entries: of one unit and post; those that enter get their probability, and whether they are drawn.
        hours: of the unit and post in the week.
        week: its Monday.
        key: of the home.
        settings: which share of the hours goes to what is drawn.

    Returns:
        what is to be kept of them (``lot.keep_lots``).
    """
    entering = [entry for entry in entries if entry.state in TO_DECIDE and entry.probability is None]
    share = share_of(settings.random_share * hours, sum(entry.hours for entry in entering))
    bound = draw_below(share)
    for entry in entering:
        entry.probability, entry.is_drawn = share, draw(key, week, entry.case_id) < bound
    return [(entry.case_id, entry.entered_no, week, share, entry.is_drawn) for entry in entering]


def chosen(entries: Iterable[Entry], hours: float, week: dt.date) -> list[Entry]:
    """The list of a unit and post in its order; each gets ``chosen_as``.

    Args:
        entries: all that may be on it.
        hours: of the unit and post in the week; what is drawn or due is on the list beyond them.
        week: its Monday.
    """
    ends_on = week + dt.timedelta(days=6)
    drawn, due, others = [], [], []
    for entry in sorted(entries, key=lambda entry: (-entry.worth, _RANK[entry.severity], entry.case_id)):
        if entry.is_drawn and entry.state in TO_DECIDE:
            drawn.append(entry)
        elif entry.due_on is not None and entry.due_on <= ends_on:
            due.append(entry)
        else:
            others.append(entry)
    left = hours - sum(entry.hours for entry in (*drawn, *due))
    by_value = []
    for entry in sorted(
        others, key=lambda entry: (-entry.expected / entry.hours, _RANK[entry.severity], entry.case_id)
    ):
        if entry.hours <= left:
            left -= entry.hours
            by_value.append(entry)
    for name, part in (("random", drawn), ("due", due), ("value", by_value)):
        for entry in part:
            entry.chosen_as = name
    return [*drawn, *due, *by_value]


def confirmed_shares(connection: psycopg.Connection[Any], prior_cases: float) -> Shares:
    """What decided cases tell of each rule and of each family: the rule's share, drawn to its family's.

    Args:
        connection: to the warehouse.
        prior_cases: decided cases that the family's share weighs.

    Returns:
        by rule and, for rules of which nothing was decided, by family.
    """
    rows = connection.execute(
        "SELECT d.rule_id, COUNT(*) FILTER (WHERE d.to_state = 'confirmed'), COUNT(*) FROM ("
        "  SELECT DISTINCT ON (c.case_id) c.rule_id, e.to_state FROM ops.audit_case AS c "
        "  JOIN ops.audit_case_event AS e ON e.case_id = c.case_id "
        "  WHERE e.step = ANY(%s) AND e.to_state IN ('confirmed', 'dismissed') ORDER BY c.case_id, e.event_no DESC"
        ") AS d GROUP BY d.rule_id",
        [list(DECISIONS)],
    ).fetchall()
    families: dict[str, tuple[int, int]] = {}
    for rule_id, confirmed, decided in rows:
        before = families.get(family_of(rule_id), (0, 0))
        families[family_of(rule_id)] = (before[0] + confirmed, before[1] + decided)
    found = {family: (confirmed / decided, "family") for family, (confirmed, decided) in families.items()}
    for rule_id, confirmed, decided in rows:
        prior = found[family_of(rule_id)][0]
        found[rule_id] = ((confirmed + prior_cases * prior) / (decided + prior_cases), "rule")
    return found


def family_of(rule_id: str) -> str:
    """The family of a rule, as key of ``confirmed_shares``."""
    return rule_id.split("-")[0] + "-"


def _learn(entry: Entry, shares: Shares) -> None:
    if entry.state in TO_MEND:
        # It is confirmed.
        entry.share, entry.share_from = 1.0, "decision"
        return
    found = shares.get(entry.rule_id) or shares.get(family_of(entry.rule_id))
    entry.share, entry.share_from = found if found is not None else (NO_SHARE, "nothing")


_ENTRIES = """
WITH looked AS (
  SELECT c.* FROM ops.audit_case AS c
  WHERE c.state = ANY(%(states)s) AND c.root_cause_case_id IS NULL AND c.subject_type <> 'rule'
),
happened AS (
  SELECT e.case_id, MAX(e.event_no) FILTER (WHERE e.step IN ('open', 'reopen')) AS entered_no,
         MAX(e.event_no) FILTER (WHERE e.step = ANY(%(decisions)s) AND e.to_state IN ('confirmed', 'dismissed')) AS decided_no
  FROM looked AS c JOIN ops.audit_case_event AS e ON e.case_id = c.case_id
  GROUP BY e.case_id
)
SELECT c.case_id, c.rule_id, c.state, c.severity, c.at_stake_amount, c.due_on,
       CASE WHEN c.state = ANY(%(mend)s) THEN c.responsible_org_unit_id ELSE COALESCE(c.assigned_org_unit_id, c.org_unit_id) END,
       c.version, h.entered_no, l.probability,
       COALESCE(l.is_drawn AND COALESCE(h.decided_no, 0) < l.event_no, FALSE)
FROM looked AS c JOIN happened AS h ON h.case_id = c.case_id
LEFT JOIN ops.audit_lot AS l ON l.case_id = c.case_id AND l.event_no = h.entered_no
"""


def _entries(connection: psycopg.Connection[Any]) -> list[Entry]:
    rows = connection.execute(
        _ENTRIES,
        {"states": [*TO_DECIDE, *TO_MEND], "mend": list(TO_MEND), "decisions": list(DECISIONS)},
    ).fetchall()
    return [Entry(*row) for row in rows]


def _keep(connection: psycopg.Connection[Any], rows: Iterable[tuple[Any, ...]]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY ops.audit_worklist (week, case_id, org_unit_id, post, rank, chosen_as, probability, expected_amount, hours, "
            "confirmed_share, share_from, case_version) FROM STDIN"
        ) as copy,
    ):
        for row in rows:
            copy.write_row(row)
