"""What is listed of the service loop: complaints and steps over their limits, how they are chosen, counted and ordered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from wattmark.publish.findings import asked
from wattmark.web.workbench.desk import Person, Row, wished
from wattmark.web.workbench.inbox import MOST_EXPORTED, PAGE_ROWS


@dataclass(frozen=True)
class View:
    """One of the lists.

    Attributes:
        table: the mart.
        what: conditions by the code of a choice; the empty one is all.
        facets: columns of which a value may be chosen.
        counted: the column besides them that ``what`` reads.
        order: of the rows, the most urgent first.
        case_ids: SQL of the ids of cases that a row may be the subject of.
        exported: columns of the file.
    """

    table: str
    what: Mapping[str, str]
    facets: tuple[str, ...]
    counted: str
    order: str
    case_ids: str
    exported: tuple[str, ...]


COMPLAINTS, OVERTIME, STATISTICS = "complaints", "overtime", "statistics"
_OF_RULE = "'{rule}:' || v.subject_type || ':' || v.subject_id"
_STEP_CASE = " ".join(
    f"WHEN '{step}' THEN {_OF_RULE.format(rule=rule)}{month}"
    for step, rule, month in (
        ("plan", "SVC-01", ""),
        ("energize", "SVC-02", ""),
        ("connection", "SVC-03", ""),
        ("own", "SVC-09", ""),
        ("arrive", "SVC-04", " || to_char(v.month, ':YYYY-MM')"),
    )
)
VIEWS: dict[str, View] = {
    COMPLAINTS: View(
        "mart.service_complaint",
        {
            "to_settle": "v.settle_state IN ('open', 'overdue')",
            "overdue": "v.settle_state = 'overdue'",
            "to_call_back": "v.call_back_state IN ('due', 'missed')",
            "missed": "v.call_back_state = 'missed'",
            "dissatisfied": "v.is_dissatisfied",
        },
        ("grade", "grade_reason", "settle_state", "call_back_state", "org_unit_id", "month"),
        "is_dissatisfied",
        "CASE v.settle_state WHEN 'overdue' THEN 0 WHEN 'open' THEN 1 ELSE 2 END, "
        "CASE WHEN v.settled_at IS NULL THEN v.due_on END NULLS LAST, CASE WHEN v.call_back_state = 'due' THEN 0 ELSE 1 END, "
        'v.settled_at DESC NULLS LAST, v.call_id COLLATE "C"',
        "ARRAY['SVC-05:service_call:' || v.call_id, 'SVC-07:service_call:' || v.call_id || to_char(v.month, ':YYYY-MM')]",
        (
            "call_id", "account_id", "org_unit_id", "staff_id", "topic", "grade", "grade_reason", "opened_at", "max_wd", "due_on", "settled_at",
            "working_days", "settle_state", "call_back_due_on", "called_back_at", "call_back_state", "satisfaction",
        ),
    ),
    OVERTIME: View(
        "mart.step_overtime",
        {"going_on": "v.is_open", "ended": "NOT v.is_open"},
        ("kind", "step", "post", "org_unit_id", "month"),
        "is_open",
        "v.is_open DESC, v.time_over / NULLIF(v.time_limit, 0) DESC NULLS LAST, v.time_over DESC, v.began_at, v.subject_id "
        'COLLATE "C", v.step',
        f"ARRAY[CASE v.step {_STEP_CASE} END]",
        (
            "kind", "step", "subject_type", "subject_id", "post", "org_unit_id", "staff_id", "account_id", "began_at", "ended_at", "is_open",
            "time_unit", "time_taken", "time_limit", "time_over",
        ),
    ),
}  # fmt: skip
_CHOSEN = (
    "SELECT {columns} FROM {table} AS v WHERE v.org_unit_id = ANY(%(tree)s) AND (%(under)s = '' OR v.org_unit_id IN "
    "(SELECT u.org_unit_id FROM mart.dim_org_unit AS u WHERE %(under)s = ANY(string_to_array(u.path, '/')))) "
    "AND (%(staff_id)s = '' OR v.staff_id = %(staff_id)s) AND (%(account_id)s = '' OR v.account_id = %(account_id)s)"
)
STATISTIC = """
SELECT s.*, b.median_time AS median_before FROM mart.step_statistic AS s
LEFT JOIN mart.step_statistic AS b ON b.org_unit_id = s.org_unit_id AND b.post = s.post AND b.kind = s.kind AND b.step = s.step
  AND b.month = (s.month - INTERVAL '1 month')::date
WHERE s.org_unit_id = %(unit)s AND s.month = %(month)s ORDER BY s.kind, array_position(%(steps)s, s.step), s.post
"""
MONTHS = "SELECT DISTINCT month FROM mart.step_statistic WHERE org_unit_id = %(unit)s ORDER BY month"
BELOW = """
SELECT u.org_unit_id, u.name, s.steps, s.ended, s.over_limit, s.over_share, s.median_time, s.p90_time FROM mart.dim_org_unit AS u
LEFT JOIN mart.step_statistic AS s ON s.org_unit_id = u.org_unit_id AND s.month = %(month)s AND s.step = %(step)s AND s.post = %(post)s
WHERE u.parent_id = %(unit)s ORDER BY s.over_share DESC NULLS LAST, u.org_unit_id
"""
OVER_TIME = """
SELECT s.month, s.steps, s.ended, s.over_limit, s.over_share, s.median_time, s.p90_time FROM mart.step_statistic AS s
WHERE s.org_unit_id = %(unit)s AND s.step = %(step)s AND s.post = %(post)s ORDER BY s.month
"""
BY_GRADE = """
SELECT v.grade, COUNT(*) AS complaints, COUNT(*) FILTER (WHERE v.settle_state = 'in_time') AS settled_in_time,
  COUNT(*) FILTER (WHERE v.settle_state IN ('late', 'overdue')) AS over_limit, COUNT(*) FILTER (WHERE v.call_back_state = 'in_time') AS called_back_in_time,
  COUNT(*) FILTER (WHERE v.call_back_state IN ('late', 'missed')) AS not_called_back_in_time, ROUND(AVG(v.satisfaction), 2) AS mean_satisfaction
FROM mart.service_complaint AS v JOIN mart.dim_org_unit AS u ON u.org_unit_id = v.org_unit_id
WHERE v.month = %(month)s AND %(unit)s = ANY(string_to_array(u.path, '/')) GROUP BY v.grade
ORDER BY CASE v.grade WHEN 'critical' THEN 0 WHEN 'major' THEN 1 ELSE 2 END
"""
STEPS = (
    "plan", "design", "works", "energize", "closing", "connection", "own", "inspect", "record", "arrive", "restore", "fault",
)  # fmt: skip
"""In the order in which they come."""
FILTERS = (
    "grade", "grade_reason", "settle_state", "call_back_state", "kind", "step", "post", "org_unit_id", "month", "staff_id", "account_id",
    "under",
)  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see: the part of the page's address behind the question mark."""

    view: str = COMPLAINTS
    what: str = ""
    grade: str = ""
    grade_reason: str = ""
    settle_state: str = ""
    call_back_state: str = ""
    kind: str = ""
    step: str = ""
    post: str = ""
    org_unit_id: str = ""
    month: str = ""
    staff_id: str = ""
    account_id: str = ""
    under: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wish:
        """What an address asks for; what is none of it counts as not asked for."""
        given, page = wished(query, cls.__dataclass_fields__)
        wish = cls(**given, page=page)
        view = wish.view if wish.view in (*VIEWS, STATISTICS) else COMPLAINTS
        what = wish.what if view in VIEWS and wish.what in VIEWS[view].what else ""
        return replace(wish, view=view, what=what, month=wish.month if _day(wish.month) else "")

    def query(self, **changes: Any) -> dict[str, Any]:
        """The address of this wish with other values; any change of what is listed begins on its first page."""
        wanted = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "page"} | changes
        return {name: value for name, value in wanted.items() if value not in ("", None)}

    @property
    def at(self) -> dt.date | None:
        """Its month."""
        return _day(self.month)

    @property
    def told(self) -> View:
        """How its list is made.

        Raises:
            KeyError: statistics are no list.
        """
        return VIEWS[self.view]

    def _values(self, person: Person) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in FILTERS},
            "month": self.at,
            "tree": list(person.tree),
        }

    def _where(self, but: str = "") -> str:
        parts = [f"v.{name} = %({name})s" for name in self.told.facets if getattr(self, name) and name != but]
        if self.what and but != "what":
            parts.append(self.told.what[self.what])
        return " AND ".join(parts) or "TRUE"


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class Listed:
    """A page of a list: its rows, how many there are in all, and by filter and code what it would show."""

    rows: list[Row]
    count: int
    counts: dict[str, dict[str, int]]

    @property
    def pages(self) -> int:
        """Pages of the list, at least one."""
        return max(1, -(-self.count // PAGE_ROWS))


def listed(connection: psycopg.Connection[Any], person: Person, wish: Wish) -> Listed:
    """A page of a list."""
    view, values = wish.told, wish._values(person)
    counted = [
        f"SELECT '{facet}' AS facet, v.{facet}::text AS code, COUNT(*) AS rows FROM chosen AS v WHERE {wish._where(but=facet)} GROUP BY 2"
        for facet in view.facets
    ]
    counted += [
        f"SELECT 'what', '{code}', COUNT(*) FROM chosen AS v WHERE {condition} AND {wish._where(but='what')}"
        for code, condition in view.what.items()
    ]
    # Narrow, for it holds every row that may be seen.
    columns = ", ".join(f"v.{name}" for name in (*view.facets, view.counted))
    found = asked(
        connection,
        f"WITH chosen AS MATERIALIZED ({_CHOSEN.format(table=view.table, columns=columns)}) "
        f"SELECT '' AS facet, '' AS code, COUNT(*) AS rows FROM chosen AS v WHERE {wish._where()} UNION ALL {' UNION ALL '.join(counted)}",
        **values,
    )
    counts: dict[str, dict[str, int]] = {facet: {} for facet in ("what", *view.facets)}
    for row in found[1:]:
        if row["code"] is not None and row["rows"]:
            counts[row["facet"]][row["code"]] = row["rows"]
    rows = _rows(connection, person, wish, PAGE_ROWS, (wish.page - 1) * PAGE_ROWS)
    return Listed(rows, found[0]["rows"] if found else 0, counts)


def every_one(connection: psycopg.Connection[Any], person: Person, wish: Wish) -> list[Row]:
    """All rows of a list, up to ``MOST_EXPORTED``."""
    return _rows(connection, person, wish, MOST_EXPORTED, 0)


def _rows(
    connection: psycopg.Connection[Any], person: Person, wish: Wish, most: int, skipped: int
) -> list[Row]:
    view = wish.told
    page = (
        f"SELECT v.* FROM ({_CHOSEN.format(table=view.table, columns='v.*')}) AS v WHERE {wish._where()} "
        f"ORDER BY {view.order} LIMIT %(most)s OFFSET %(skipped)s"
    )
    query = (
        f"SELECT v.*, ARRAY(SELECT c.case_id FROM ops.audit_case AS c WHERE c.case_id = ANY({view.case_ids})) AS case_ids "
        f"FROM ({page}) AS v ORDER BY {view.order}"
    )
    return asked(connection, query, **wish._values(person), most=most, skipped=skipped)
