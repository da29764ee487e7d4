"""The inbox: which cases somebody may see, how they are chosen, counted and ordered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from wattmark.publish.findings import asked
from wattmark.web.workbench.desk import Person, Row, wished

PAGE_ROWS = 50
MOST_CHOSEN = 200
"""Cases that one step is taken on at once."""
MOST_EXPORTED = 50_000
VIEWS = ("mine", "unit", "all", "week")
FACETS = ("state", "severity", "due", "age", "money", "rule_id", "unit")

# Narrow, for it holds every case that may be seen: what is shown of a row is asked for the rows of a page alone. A case was sent
# back where somebody, or the night, returned it to those who judge and nobody has proposed since: then it waits again.
_CHOSEN = """
WITH week AS (
  SELECT w.case_id, w.week, w.rank AS week_rank, w.org_unit_id AS week_unit, w.post AS week_post
  FROM ops.audit_worklist AS w WHERE w.week = (SELECT MAX(week) FROM ops.audit_worklist WHERE week <= %(today)s)
),
chosen AS MATERIALIZED (
  SELECT c.case_id, c.rule_id, c.state, c.severity, c.at_stake_amount, c.due_on, c.opened_on, COALESCE(c.assigned_org_unit_id, c.org_unit_id) AS unit,
    c.state IN ('open', 'assigned', 'reopened')
      AND EXISTS (SELECT FROM ops.audit_case_event AS e WHERE e.case_id = c.case_id AND e.step IN ('return', 'hand_back', 'reopen')) AS is_back,
    w.week_rank, w.week_unit, w.week_post,
    CASE WHEN c.due_on IS NULL OR c.state IN ('closed', 'dismissed', 'verified') THEN 'none' WHEN c.due_on < %(today)s THEN 'over'
      WHEN c.due_on <= %(today)s + 7 THEN 'week' ELSE 'later' END AS due,
    CASE WHEN %(today)s - c.opened_on <= 7 THEN 'd7' WHEN %(today)s - c.opened_on <= 30 THEN 'd30' WHEN %(today)s - c.opened_on <= 90 THEN 'd90' ELSE 'old' END AS age,
    CASE WHEN c.at_stake_amount IS NULL THEN 'none' WHEN ABS(c.at_stake_amount) < 1000 THEN 'small' WHEN ABS(c.at_stake_amount) < 10000 THEN 'medium' ELSE 'large' END AS money
  FROM ops.audit_case AS c LEFT JOIN week AS w ON w.case_id = c.case_id
  WHERE (c.org_unit_id = ANY(%(tree)s) OR c.assigned_org_unit_id = ANY(%(tree)s) OR c.responsible_org_unit_id = ANY(%(tree)s))
    AND (%(finished)s OR c.state NOT IN ('closed', 'dismissed', 'verified') OR c.state = %(state)s)
    AND (%(effects)s OR c.root_cause_case_id IS NULL)
    AND (CASE %(view)s
      WHEN 'mine' THEN c.assigned_to = %(staff_id)s
      WHEN 'unit' THEN %(unit_of)s IN (c.assigned_org_unit_id, CASE WHEN c.state IN ('confirmed', 'rectifying', 'rectified') THEN c.responsible_org_unit_id END)
      WHEN 'week' THEN w.week_unit = ANY(%(tree)s)
      ELSE TRUE END)
    AND (%(find)s = '' OR c.case_id ILIKE %(like)s OR c.account_id = %(find)s OR c.subject_id = %(find)s)
)
"""
_SHOWN = """
SELECT c.case_id, c.rule_id, r.title_en, r.title_zh, c.subject_type, c.subject_id, c.period, c.account_id, c.state, c.severity, c.at_stake_amount,
  c.message_en, c.message_zh, COALESCE(c.assigned_org_unit_id, c.org_unit_id) AS unit, c.assigned_to, c.due_on, c.opened_on, c.version, c.is_off,
  b.step AS back_step, b.actor AS back_by, b.note AS back_note, b.detail AS back_detail,
  w.chosen_as, w.probability, w.expected_amount, w.hours AS week_hours, w.rank AS week_rank, w.org_unit_id AS week_unit, w.post AS week_post,
  (SELECT COUNT(*) FROM ops.audit_case AS f WHERE f.root_cause_case_id = c.case_id) AS effects,
  CASE WHEN c.due_on < %(today)s AND c.state NOT IN ('closed', 'dismissed', 'verified') THEN 'over' END AS due
FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS wanted (case_id, place)
JOIN ops.audit_case AS c ON c.case_id = wanted.case_id
LEFT JOIN mart.dim_rule AS r ON r.rule_id = c.rule_id
LEFT JOIN ops.audit_worklist AS w ON w.case_id = c.case_id AND w.week = (SELECT MAX(week) FROM ops.audit_worklist WHERE week <= %(today)s)
LEFT JOIN LATERAL (
  SELECT e.step, e.actor, e.note, e.detail FROM ops.audit_case_event AS e
  WHERE e.case_id = c.case_id AND e.step IN ('return', 'hand_back', 'reopen') ORDER BY e.event_no DESC LIMIT 1
) AS b ON c.state IN ('open', 'assigned', 'reopened')
ORDER BY wanted.place
"""
_MATCHES = {
    "state": "v.state = %(state)s",
    "severity": "v.severity = %(severity)s",
    "due": "v.due = %(due)s",
    "age": "v.age = %(age)s",
    "money": "v.money = %(money)s",
    "rule_id": "v.rule_id = %(rule_id)s",
    "unit": "v.unit = %(unit)s",
}
_TOP = "v.is_back DESC"
_LAST = 'v.case_id COLLATE "C"'
ORDERS = {
    "urgency": f"{_TOP}, (v.due = 'over') DESC, CASE v.severity WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END, v.due_on NULLS LAST, ABS(v.at_stake_amount) DESC NULLS LAST, {_LAST}",
    "due": f"{_TOP}, v.due_on NULLS LAST, ABS(v.at_stake_amount) DESC NULLS LAST, {_LAST}",
    "money": f"{_TOP}, ABS(v.at_stake_amount) DESC NULLS LAST, {_LAST}",
    "severity": f"{_TOP}, CASE v.severity WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END, ABS(v.at_stake_amount) DESC NULLS LAST, {_LAST}",
    "age": f"{_TOP}, v.opened_on, {_LAST}",
    "rule": f"{_TOP}, v.rule_id, ABS(v.at_stake_amount) DESC NULLS LAST, {_LAST}",
}
_WEEK_ORDER = f"v.week_unit, v.week_post, v.week_rank, {_LAST}"
# What each filter would show, given all the others: a link's count is what it leads to.
_COUNTED = "SELECT '{facet}' AS facet, v.{facet} AS code, COUNT(*) AS cases FROM chosen AS v WHERE {others} GROUP BY 2"


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see: the part of an inbox's address behind the question mark."""

    view: str = "unit"
    state: str = ""
    severity: str = ""
    due: str = ""
    age: str = ""
    money: str = ""
    rule_id: str = ""
    unit: str = ""
    find: str = ""
    sort: str = "urgency"
    effects: str = ""
    finished: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wish:
        """What an address asks for; what is none of it counts as not asked for."""
        given, page = wished(query, cls.__dataclass_fields__)
        wish = cls(**given, page=page)
        view = wish.view if wish.view in VIEWS else "unit"
        return replace(wish, view=view, sort=wish.sort if wish.sort in ORDERS else "urgency")

    def query(self, **changes: Any) -> dict[str, Any]:
        """The address of this wish with other values; any change of what is listed begins on its first page."""
        wanted = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "page"} | changes
        if wanted["sort"] == "urgency":
            wanted["sort"] = ""
        return {name: value for name, value in wanted.items() if value not in ("", None)}

    def _values(self, person: Person, today: dt.date) -> dict[str, Any]:
        like = self.find.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        return {
            **{name: getattr(self, name) for name in FACETS},
            "view": self.view,
            "find": self.find,
            "like": f"%{like}%",
            "finished": bool(self.finished),
            "effects": bool(self.effects),
            "today": today,
            "tree": list(person.tree),
            "staff_id": person.staff_id or "",
            "unit_of": person.org_unit_id,
        }

    def _where(self, but: str = "") -> str:
        parts = [_MATCHES[name] for name in FACETS if getattr(self, name) and name != but]
        return " AND ".join(parts) or "TRUE"

    def _order(self) -> str:
        return _WEEK_ORDER if self.view == "week" and self.sort == "urgency" else ORDERS[self.sort]


@dataclass(frozen=True)
class Listed:
    """What an inbox shows: a page of rows, how many there are in all, and by filter and code what it would show."""

    rows: list[Row]
    cases: int
    counts: dict[str, dict[str, int]]
    week: dt.date | None

    @property
    def pages(self) -> int:
        """Pages of the list, at least one."""
        return max(1, -(-self.cases // PAGE_ROWS))


def today_of(connection: psycopg.Connection[Any]) -> dt.date:
    """The day that ages and due dates are told for: the day after the newest night taken in, or today, the earlier one."""
    rows = asked(
        connection,
        "SELECT LEAST(CURRENT_DATE, COALESCE((SELECT MAX(as_of) FROM ops.case_night) + 1, CURRENT_DATE)) AS today",
    )
    found: dt.date = rows[0]["today"] if rows else dt.date.today()
    return found


def listed(connection: psycopg.Connection[Any], person: Person, wish: Wish, today: dt.date) -> Listed:
    """A page of an inbox."""
    values = wish._values(person, today)
    counted = " UNION ALL ".join(
        _COUNTED.format(facet=facet, others=wish._where(but=facet)) for facet in FACETS
    )
    # One pass over the cases for both: the rows of the page and what each filter would show.
    query = (
        f"{_CHOSEN}, counted AS ({counted}) SELECT (SELECT COUNT(*) FROM chosen AS v WHERE {wish._where()}) AS cases,"
        " (SELECT MAX(week) FROM week) AS week, (SELECT jsonb_agg(jsonb_build_array(facet, code, cases)) FROM counted) AS counts,"
        f" ARRAY(SELECT v.case_id FROM chosen AS v WHERE {wish._where()} ORDER BY {wish._order()} LIMIT %(most)s OFFSET %(skipped)s) AS ids"
    )
    found = asked(connection, query, **values, most=PAGE_ROWS, skipped=(wish.page - 1) * PAGE_ROWS)
    if not found:
        return Listed([], 0, {}, None)
    counts: dict[str, dict[str, int]] = {facet: {} for facet in FACETS}
    for facet, code, cases in found[0]["counts"] or []:
        if code is not None:
            counts[facet][code] = cases
    rows = asked(connection, _SHOWN, ids=found[0]["ids"] or [], today=today)
    return Listed(rows, found[0]["cases"], counts, found[0]["week"])


def every_one(
    connection: psycopg.Connection[Any], person: Person, wish: Wish, today: dt.date, most: int = MOST_EXPORTED
) -> list[Row]:
    """All rows of a list, up to ``most``."""
    query = (
        f"{_CHOSEN} SELECT array_agg(case_id) AS ids FROM (SELECT v.case_id FROM chosen AS v WHERE {wish._where()} "
        f"ORDER BY {wish._order()} LIMIT %(most)s) AS wanted"
    )
    found = asked(connection, query, **wish._values(person, today), most=most)
    return asked(connection, _SHOWN, ids=(found[0]["ids"] if found else None) or [], today=today)


def following(
    connection: psycopg.Connection[Any], person: Person, wish: Wish, today: dt.date, case_id: str
) -> str | None:
    """The case after one in a list; the first where the one is not in it any more; None where it is the last."""
    query = (
        f"{_CHOSEN}, placed AS (SELECT v.case_id, ROW_NUMBER() OVER (ORDER BY {wish._order()}) AS place FROM chosen AS v WHERE {wish._where()}) "
        "SELECT case_id FROM placed WHERE place > COALESCE((SELECT place FROM placed WHERE case_id = %(after)s), 0) ORDER BY place LIMIT 1"
    )
    rows = asked(connection, query, **wish._values(person, today), after=case_id)
    return rows[0]["case_id"] if rows else None
