"""What a review shows of a unit and all below it, out of the published marts and the log of cases; codes and numbers, no words."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from wattmark.case_settings import IN_DISPUTE
from wattmark.cases.review.spans import FIGURE_SPANS, Period, SpanName, span_of_figures
from wattmark.publish.findings import asked

Row = dict[str, Any]
COMPOSITE = "composite"
TO_DO = IN_DISPUTE
"""States in which somebody still has to do something about a case."""
_WORKED = "c.subject_type <> 'rule' AND c.root_cause_case_id IS NULL"
"""Of a row ``c`` of mart.audit_case: worked by itself, neither about a rule nor an effect of another one."""
_COUNTED = "NOT COALESCE(c.root_cause_case_id IS NOT NULL AND c.cause_kind = 'effect_of', FALSE) AND c.subject_type <> 'rule'"
"""Its money is counted: effects of another finding are about the same money."""
_UNIT = "COALESCE(c.assigned_org_unit_id, c.org_unit_id)"

UNITS = "SELECT org_unit_id, parent_id, name, path, depth FROM mart.dim_org_unit ORDER BY depth, org_unit_id"
_FIGURES = """
SELECT k.kpi, d.title_en, d.title_zh, d.post, d.better, d.form, d.floor, d.weight, k.value, k.standard, k.score, k.rank, k.too_few, k.open_cases, k.at_stake_amount,
  b.value AS value_before, b.score AS score_before
FROM mart.audit_kpi AS k LEFT JOIN mart.dim_kpi AS d ON d.kpi = k.kpi
LEFT JOIN mart.audit_kpi AS b ON b.level = k.level AND b.id = k.id AND b.span = k.span AND b.kpi = k.kpi AND b.period = %(before)s
WHERE k.level = 'org_unit' AND k.id = %(unit)s AND k.span = %(span)s AND k.period = %(period)s
ORDER BY k.kpi <> 'composite', d.post, k.kpi
"""
_TARGETS = """
SELECT t.id, t.span, t.period, t.kpi, d.title_en, d.title_zh, d.better, d.form, t.target, t.value, t.is_over, t.reached, t.distance, t.forecast, t.forecast_until,
  t.forecast_reached
FROM mart.audit_kpi_target AS t LEFT JOIN mart.dim_kpi AS d ON d.kpi = t.kpi
WHERE t.level = 'org_unit' AND t.id = %(unit)s AND (t.span, t.period) IN (('month', %(month)s), ('quarter', %(quarter)s), ('year', %(year)s))
ORDER BY CASE t.span WHEN 'month' THEN 0 WHEN 'quarter' THEN 1 ELSE 2 END, t.kpi <> 'composite', t.kpi
"""
_SERIES = """
SELECT k.period, k.value FROM mart.audit_kpi AS k
WHERE k.level = 'org_unit' AND k.id = %(unit)s AND k.span = %(span)s AND k.kpi = %(kpi)s AND k.period <= %(period)s ORDER BY k.period
"""
_WANTED = """
SELECT t.period, t.target FROM mart.audit_kpi_target AS t
WHERE t.level = 'org_unit' AND t.id = %(unit)s AND t.span = %(span)s AND t.kpi = %(kpi)s ORDER BY t.period
"""
_FORECAST = """
SELECT f.kpi, f.period, f.value, f.low, f.high FROM mart.audit_kpi_forecast AS f
WHERE f.level = 'org_unit' AND f.id = %(unit)s AND f.period > %(period)s AND f.value IS NOT NULL ORDER BY f.kpi, f.period
"""
_MOVED = """
SELECT c.child_id, c.contribution, n.value FROM mart.audit_kpi_change AS c
LEFT JOIN mart.audit_kpi AS n ON n.level = 'org_unit' AND n.id = c.child_id AND n.span = c.span AND n.period = c.period AND n.kpi = c.kpi
WHERE c.level = 'org_unit' AND c.id = %(unit)s AND c.span = %(span)s AND c.period = %(period)s AND c.kpi = %(kpi)s AND c.contribution IS NOT NULL
ORDER BY ABS(c.contribution) DESC, c.child_id LIMIT 6
"""
_STANDING = f"""
SELECT COUNT(*) FILTER (WHERE {_WORKED} AND c.state = ANY(%(to_do)s)) AS to_do,
  COUNT(*) FILTER (WHERE {_WORKED} AND c.state = ANY(%(to_do)s) AND c.severity = 'high') AS to_do_high,
  COUNT(*) FILTER (WHERE {_WORKED} AND c.state = ANY(%(to_do)s) AND c.due_on <= %(as_of)s) AS overdue,
  COUNT(*) FILTER (WHERE {_WORKED} AND c.state = 'rectified') AS to_prove,
  SUM(c.at_stake_amount) FILTER (WHERE {_COUNTED} AND c.state = ANY(%(to_do)s) AND c.at_stake_amount > 0) AS stake_to_utility,
  -SUM(c.at_stake_amount) FILTER (WHERE {_COUNTED} AND c.state = ANY(%(to_do)s) AND c.at_stake_amount < 0) AS stake_to_customers,
  SUM(c.at_stake_amount) FILTER (WHERE {_COUNTED} AND c.opened_on BETWEEN %(from_on)s AND %(to_on)s AND c.at_stake_amount > 0) AS found_to_utility,
  -SUM(c.at_stake_amount) FILTER (WHERE {_COUNTED} AND c.opened_on BETWEEN %(from_on)s AND %(to_on)s AND c.at_stake_amount < 0) AS found_to_customers,
  SUM(c.confirmed_amount) FILTER (WHERE {_COUNTED} AND c.confirmed_amount > 0 AND c.state IN ('verified', 'closed') AND c.outcome IN ('mended', 'accepted')
    AND c.verified_on BETWEEN %(from_on)s AND %(to_on)s) AS recovered_to_utility,
  -SUM(c.confirmed_amount) FILTER (WHERE {_COUNTED} AND c.confirmed_amount < 0 AND c.state IN ('verified', 'closed') AND c.outcome IN ('mended', 'accepted')
    AND c.verified_on BETWEEN %(from_on)s AND %(to_on)s) AS recovered_to_customers
FROM mart.audit_case AS c WHERE ({_UNIT} = ANY(%(tree)s) OR {_UNIT} IS NULL AND %(is_top)s)
"""
_HAPPENED = f"""
SELECT e.on_day, CASE WHEN e.step = 'open' THEN 'opened' WHEN e.step = 'reopen' THEN 'reopened' WHEN e.to_state = 'confirmed' THEN 'confirmed'
  WHEN e.to_state = 'dismissed' THEN 'dismissed' WHEN e.step = 'verify' THEN 'verified' WHEN e.step = 'accept' THEN 'accepted' WHEN e.to_state = 'closed' THEN 'closed'
  END AS what, COUNT(*) AS cases
FROM ops.audit_case_event AS e JOIN mart.audit_case AS c ON c.case_id = e.case_id
WHERE e.on_day BETWEEN %(since)s AND %(to_on)s AND c.subject_type <> 'rule' AND ({_UNIT} = ANY(%(tree)s) OR {_UNIT} IS NULL AND %(is_top)s)
  AND (e.step IN ('open', 'reopen', 'verify', 'accept') OR (e.to_state IN ('confirmed', 'dismissed', 'closed') AND e.from_state <> e.to_state))
GROUP BY 1, 2 ORDER BY 1, 2
"""
_BY_UNIT = f"""
SELECT {_UNIT} AS org_unit_id, COUNT(*) FILTER (WHERE c.state = ANY(%(to_do)s)) AS to_do,
  COUNT(*) FILTER (WHERE c.state = ANY(%(to_do)s) AND c.due_on <= %(as_of)s) AS overdue,
  COUNT(*) FILTER (WHERE c.opened_on BETWEEN %(from_on)s AND %(to_on)s) AS opened,
  COUNT(*) FILTER (WHERE c.verified_on BETWEEN %(from_on)s AND %(to_on)s) AS verified,
  SUM(ABS(c.at_stake_amount)) FILTER (WHERE c.state = ANY(%(to_do)s)) AS at_stake_amount
FROM mart.audit_case AS c WHERE {_WORKED} AND {_UNIT} = ANY(%(tree)s)
GROUP BY 1 HAVING COUNT(*) FILTER (WHERE c.state = ANY(%(to_do)s) OR c.opened_on BETWEEN %(from_on)s AND %(to_on)s OR c.verified_on BETWEEN %(from_on)s AND %(to_on)s) > 0
ORDER BY overdue DESC, to_do DESC, 1
"""
_WORKLIST = """
SELECT w.week, w.org_unit_id, w.post, COUNT(*) AS listed,
  COUNT(*) FILTER (WHERE c.state NOT IN ('open', 'assigned', 'reopened', 'confirmed', 'rectifying')) AS done, SUM(w.hours) AS hours
FROM ops.audit_worklist AS w JOIN mart.audit_case AS c ON c.case_id = w.case_id
WHERE w.week BETWEEN %(monday)s AND %(to_on)s AND w.org_unit_id = ANY(%(tree)s) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_RULES = """
SELECT p.rule_id, r.title_en, r.title_zh, p.opened, p.decided, p.confirmed, p.confirmed_share, p.vanished, p.recovered_amount, p.hours, p.amount_per_hour, p.is_in_question
FROM mart.rule_performance AS p LEFT JOIN mart.dim_rule AS r ON r.rule_id = p.rule_id
WHERE p.span = %(span)s AND p.period = %(period)s ORDER BY p.recovered_amount DESC NULLS LAST, p.decided DESC, p.rule_id LIMIT 15
"""
_COVERAGE = """
SELECT COUNT(DISTINCT u.rule_id) AS rules, SUM(u.should_check)::bigint AS should_check, SUM(u.checked)::bigint AS checked, SUM(u.flagged)::bigint AS flagged,
  SUM(u.not_checked)::bigint AS not_checked
FROM mart.audit_coverage_unit AS u WHERE u.org_unit_id = ANY(%(tree)s)
"""
_HOLES = """
SELECT u.rule_id, r.title_en, r.title_zh, SUM(u.should_check)::bigint AS should_check, SUM(u.not_checked)::bigint AS not_checked,
  SUM(u.not_checked)::float / SUM(u.should_check) AS share, (ARRAY_AGG(u.org_unit_id ORDER BY u.not_checked DESC, u.org_unit_id))[1] AS worst_unit
FROM mart.audit_coverage_unit AS u LEFT JOIN mart.dim_rule AS r ON r.rule_id = u.rule_id
WHERE u.org_unit_id = ANY(%(tree)s) GROUP BY 1, 2, 3 HAVING SUM(u.should_check) > 0 AND SUM(u.not_checked)::float / SUM(u.should_check) > %(limit)s
ORDER BY SUM(u.not_checked) DESC, u.rule_id LIMIT 20
"""
_BRAKED = """
SELECT c.rule_id, r.title_en, r.title_zh, MIN(c.opened_on) AS opened_on, COALESCE(MAX(v.flagged_share), 1) AS share, MAX(v.flagged) AS flagged
FROM mart.audit_case AS c LEFT JOIN mart.dim_rule AS r ON r.rule_id = c.rule_id LEFT JOIN mart.audit_coverage AS v ON v.rule_id = c.rule_id
WHERE c.subject_type = 'rule' AND c.state IN ('open', 'reopened') GROUP BY 1, 2, 3 ORDER BY 1
"""
_FLOODS = """
SELECT v.rule_id, r.title_en, r.title_zh, v.flagged_share AS share, v.flagged FROM mart.audit_coverage AS v LEFT JOIN mart.dim_rule AS r ON r.rule_id = v.rule_id
WHERE v.is_flood ORDER BY v.flagged_share DESC, v.rule_id
"""
_EXEMPTIONS = """
SELECT COUNT(*) FILTER (WHERE e.from_on <= %(as_of)s AND e.until_on >= %(as_of)s) AS hold, COUNT(*) FILTER (WHERE e.from_on BETWEEN %(from_on)s AND %(to_on)s) AS begun,
  COUNT(*) FILTER (WHERE e.until_on BETWEEN %(as_of)s AND %(as_of)s + 30 AND e.from_on <= %(as_of)s) AS ending
FROM ops.exemption AS e JOIN mart.audit_case AS c ON c.case_id = e.case_id
WHERE c.org_unit_id = ANY(%(tree)s) OR c.assigned_org_unit_id = ANY(%(tree)s)
"""


@dataclass(frozen=True)
class Units:
    """The utility's units as they are published: rows of ``mart.dim_org_unit`` by id, highest first."""

    rows: Mapping[str, Row]

    @property
    def top(self) -> str | None:
        """The unit that all hang on; of several the one with the lowest id. None where there are none."""
        tops = [unit for unit, row in self.rows.items() if row["parent_id"] not in self.rows]
        return min(tops, key=str.encode, default=None)

    def tree(self, unit: str) -> list[str]:
        """A unit and all below it."""
        return [below for below, row in self.rows.items() if unit in row["path"].split("/")] or [unit]

    def upwards(self, unit: str | None) -> list[str]:
        """A unit and those above it, nearest first, and then the top unit."""
        row = self.rows.get(unit or "")
        path = list(reversed(row["path"].split("/"))) if row else []
        return path if self.top is None or self.top in path else [*path, self.top]

    def depth(self, unit: str | None) -> int:
        """Units above it; of one that is not known as many as there are at most."""
        row = self.rows.get(unit or "")
        return int(row["depth"]) if row else 99


def units_of(connection: psycopg.Connection[Any]) -> Units:
    """The utility's units."""
    return Units({row["org_unit_id"]: row for row in asked(connection, UNITS)})


@dataclass(frozen=True)
class Shown:
    """The figures a review looks at: of its own span and period, or, where it is shorter than a month, of the newest month."""

    span: SpanName
    period: dt.date
    before: dt.date
    is_newest: bool = True


def shown_figures(connection: psycopg.Connection[Any], period: Period) -> Shown | None:
    """Which figures a review shows; None where none are published for it."""
    span = span_of_figures(period.span)
    wanted = period.first if period.span in FIGURE_SPANS else None
    rows = asked(
        connection,
        "SELECT MAX(period) AS newest, MAX(period) FILTER (WHERE %(wanted)s::date IS NULL OR period = %(wanted)s) AS period "
        "FROM mart.audit_kpi WHERE level = 'org_unit' AND span = %(span)s",
        span=span,
        wanted=wanted,
    )
    found = rows[0]["period"] if rows else None
    if found is None:
        return None
    before = Period.of(span, found).before().first
    return Shown(span, found, before, is_newest=span == "month" and found == rows[0]["newest"])


def collect(
    connection: psycopg.Connection[Any],
    period: Period,
    from_on: dt.date,
    as_of: dt.date,
    units: Units,
    unit: str,
    hole_share: float,
) -> dict[str, Any]:
    """What a review says of a unit, as plain values that JSON can hold; see ``document`` for the words.

    Args:
        connection: on the warehouse, in one snapshot.
        period: what is reviewed.
        from_on: first day it tells of, which is before the period's where days were missed.
        as_of: the published night.
        units: of the utility.
        unit: which unit, with all below it.
        hole_share: share not judged from which a rule's coverage has a hole.
    """
    tree = units.tree(unit)
    values: dict[str, Any] = {
        "unit": unit, "tree": tree, "is_top": unit == units.top, "from_on": from_on, "to_on": period.last, "as_of": as_of, "to_do": list(TO_DO),
        "since": _chart_from(period, from_on), "monday": Period.of("week", from_on).first, "limit": hole_share,
    }  # fmt: skip
    happened = asked(connection, _HAPPENED, **values)
    standing = asked(connection, _STANDING, **values)
    children = [child for child, row in units.rows.items() if row["parent_id"] == unit]
    found = {
        "unit": unit,
        "units": {below: units.rows[below]["name"] or below for below in tree if below in units.rows},
        **_figures(connection, period, unit),
        "cases": {**(standing[0] if standing else {}), **_counts(happened, from_on)},
        "flow": _flow(happened, period, values["since"]),
        "by_unit": _below(asked(connection, _BY_UNIT, **values), units, unit, children),
        "worklist": asked(connection, _WORKLIST, **values),
        "rules": _rules(connection, period),
        "coverage": next(iter(asked(connection, _COVERAGE, **values)), {}),
        "holes": holes(connection, tree, hole_share),
        "braked": braked(connection),
        "floods": floods(connection),
        "exemptions": next(iter(asked(connection, _EXEMPTIONS, **values)), {}),
    }
    return {name: plain(value) for name, value in found.items()}


def holes(connection: psycopg.Connection[Any], tree: Sequence[str], limit: float) -> list[Row]:
    """Rules that could not judge more than a share of what they should have checked in some units."""
    return asked(connection, _HOLES, tree=list(tree), limit=limit)


def braked(connection: psycopg.Connection[Any]) -> list[Row]:
    """Rules that the brake holds, with the share of what they judged that they find."""
    return asked(connection, _BRAKED)


def floods(connection: psycopg.Connection[Any]) -> list[Row]:
    """Rules that flag a large share of what they judge."""
    return asked(connection, _FLOODS)


def _figures(connection: psycopg.Connection[Any], period: Period, unit: str) -> dict[str, Any]:
    shown = shown_figures(connection, period)
    if shown is None:
        return {"figures": [], "figures_of": None, "weakest": None, "targets": [], "composite": []}
    values = {"unit": unit, "span": shown.span, "period": shown.period}
    rows = asked(connection, _FIGURES, **values, before=shown.before)
    of_month = Period.of(shown.span, shown.period).last
    targets = asked(
        connection,
        _TARGETS,
        unit=unit,
        **{span: Period.of(span, of_month).first for span in FIGURE_SPANS},
    )
    beside = {
        row["kpi"]: row for row in targets if (row["span"], row["period"]) == (shown.span, shown.period)
    }
    ahead: dict[str, list[Row]] = {}
    # Forecasts go on from the audited month; of an earlier one the months between are known by now.
    for row in asked(connection, _FORECAST, unit=unit, period=shown.period) if shown.is_newest else ():
        ahead.setdefault(row["kpi"], []).append(row)
    for row in rows:
        target = beside.get(row["kpi"], {})
        last = ahead.get(row["kpi"], [{}])[-1]
        row |= {name: target.get(name) for name in ("target", "reached")}
        row |= {"forecast": last.get("value"), "forecast_until": last.get("period")}
    scored = [row for row in rows if row["score"] is not None and row["kpi"] != COMPOSITE]
    weakest = min(scored, key=lambda row: (row["score"], row["kpi"]), default=None)
    return {
        "figures": rows,
        "figures_of": {"span": shown.span, "period": shown.period},
        "targets": targets,
        "composite": _course(connection, values, COMPOSITE, ahead.get(COMPOSITE, [])),
        "weakest": weakest
        and {
            **weakest,
            "series": _course(connection, values, weakest["kpi"], ahead.get(weakest["kpi"], [])),
            "moved": asked(connection, _MOVED, **values, kpi=weakest["kpi"]),
        },
    }


def _course(
    connection: psycopg.Connection[Any], values: Mapping[str, Any], kpi: str, ahead: Sequence[Row]
) -> list[Row]:
    """A figure by period: its value, and beside it what was wanted and what is forecast."""
    found: dict[dt.date, Row] = {
        row["period"]: {"value": row["value"]} for row in asked(connection, _SERIES, **values, kpi=kpi)
    }
    for row in ahead:
        found[row["period"]] = {"forecast": row["value"], "low": row["low"], "high": row["high"]}
    for row in asked(connection, _WANTED, **values, kpi=kpi):
        if row["period"] in found:
            found[row["period"]]["target"] = row["target"]
    names = ("value", "target", "forecast", "low", "high")
    return [
        {"period": period, **{name: row.get(name) for name in names}} for period, row in sorted(found.items())
    ]


def _rules(connection: psycopg.Connection[Any], period: Period) -> list[Row]:
    """Rules by what they brought in the month, quarter or year that the review ends in."""
    span = span_of_figures(period.span)
    return asked(connection, _RULES, span=span, period=Period.of(span, period.last).first)


def _chart_from(period: Period, from_on: dt.date) -> dt.date:
    """First day of the chart: of a day or week two weeks, else the period itself."""
    if period.span in ("day", "week"):
        return min(from_on, period.last - dt.timedelta(days=13))
    return period.first


def _counts(happened: Sequence[Row], from_on: dt.date) -> dict[str, int]:
    counts = dict.fromkeys(
        ("opened", "reopened", "confirmed", "dismissed", "verified", "accepted", "closed"), 0
    )
    for row in happened:
        if row["on_day"] >= from_on:
            counts[row["what"]] += row["cases"]
    return counts


def _flow(happened: Sequence[Row], period: Period, since: dt.date) -> list[Row]:
    """Cases opened (again) and finished by day, of a quarter by week, of a year by month."""
    steps: dict[SpanName, SpanName] = {"quarter": "week", "year": "month"}
    step = steps.get(period.span, "day")
    found: dict[dt.date, Row] = {}
    at = Period.of(step, since)
    while at.first <= period.last:
        found[at.first] = {"from_on": at.first, "opened": 0, "finished": 0}
        at = at.after()
    for row in happened:
        bucket = found[Period.of(step, row["on_day"]).first]
        if row["what"] in ("opened", "reopened"):
            bucket["opened"] += row["cases"]
        elif row["what"] in ("verified", "accepted", "dismissed"):
            bucket["finished"] += row["cases"]
    return list(found.values())


def _below(rows: Sequence[Row], units: Units, unit: str, children: Sequence[str]) -> list[Row]:
    """Counts of each unit right below, with all below it, and of the unit itself."""
    found: dict[str, Row] = {}
    for row in rows:
        path = units.rows.get(row["org_unit_id"], {"path": row["org_unit_id"]})["path"].split("/")
        part = next((child for child in children if child in path), unit)
        mine = found.setdefault(
            part,
            {"org_unit_id": part, "to_do": 0, "overdue": 0, "opened": 0, "verified": 0, "at_stake_amount": 0},
        )
        for name in ("to_do", "overdue", "opened", "verified", "at_stake_amount"):
            mine[name] += row[name] or 0
    return sorted(found.values(), key=lambda row: (-row["overdue"], -row["to_do"], row["org_unit_id"]))


def plain(value: Any) -> Any:
    """A value as JSON holds it: days as texts, amounts as numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return value
