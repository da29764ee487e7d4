"""Key figures of a unit: value, score, rank and trend, the weakest, what moved one, and down to the units and cases behind it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import psycopg
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from wattmark.charts import Series, trend
from wattmark.code_names import FIGURE_FORMS
from wattmark.publish.findings import asked
from wattmark.web.workbench.aims import Aims, expected, judged, outlook, place_of
from wattmark.web.workbench.desk import Desk, Row, Workbench

SPANS = ("month", "quarter", "year")
COMPOSITE = "composite"
OF_UNIT = """
SELECT k.kpi, k.period, k.value, k.numerator, k.denominator, k.standard, k.score, k.weight, k.covered_weight, k.rank, k.too_few, k.open_cases, k.at_stake_amount,
  d.title_en, d.title_zh, d.description, d.post, d.better, d.form
FROM mart.audit_kpi AS k LEFT JOIN mart.dim_kpi AS d ON d.kpi = k.kpi
WHERE k.level = 'org_unit' AND k.id = %(unit)s AND k.span = %(span)s ORDER BY k.kpi, k.period
"""
BELOW = """
SELECT u.org_unit_id, u.name, k.value, k.score, k.rank, k.too_few, k.open_cases, k.at_stake_amount, c.contribution
FROM mart.dim_org_unit AS u
LEFT JOIN mart.audit_kpi AS k ON k.level = 'org_unit' AND k.id = u.org_unit_id AND k.span = %(span)s AND k.period = %(period)s AND k.kpi = %(kpi)s
LEFT JOIN mart.audit_kpi_change AS c ON c.level = 'org_unit' AND c.id = %(unit)s AND c.span = %(span)s AND c.period = %(period)s AND c.kpi = %(kpi)s
  AND c.child_id = u.org_unit_id
WHERE u.parent_id = %(unit)s ORDER BY ABS(c.contribution) DESC NULLS LAST, k.value NULLS LAST, u.org_unit_id
"""
OWN = """
SELECT contribution FROM mart.audit_kpi_change
WHERE level = 'org_unit' AND id = %(unit)s AND span = %(span)s AND period = %(period)s AND kpi = %(kpi)s AND child_id = 'self'
"""
STAFF = """
SELECT k.id AS staff_id, s.post, k.value, k.score, k.rank, k.too_few FROM mart.audit_kpi AS k JOIN mart.dim_staff AS s ON s.staff_id = k.id
WHERE k.level = 'staff' AND k.span = %(span)s AND k.period = %(period)s AND k.kpi = %(kpi)s AND s.org_unit_id = %(unit)s ORDER BY k.rank NULLS LAST, k.id
"""
UNIT = "SELECT org_unit_id, parent_id FROM mart.dim_org_unit WHERE org_unit_id = %(unit)s"


def figures_router(bench: Workbench, who: Callable[..., str]) -> APIRouter:
    """Route ``/figures/``.

    Args:
        bench: what all pages share.
        who: dependency that names the user.
    """
    router = APIRouter()

    @router.get("/figures/")
    async def figures(
        request: Request,
        unit: str = "",
        span: str = "month",
        kpi: str = "",
        period: str = "",
        user: str = Depends(who),
    ) -> HTMLResponse:
        def page(connection: psycopg.Connection[Any], desk: Desk) -> HTMLResponse:
            return _page(bench, connection, desk, unit or desk.person.org_unit_id, span, kpi, period)

        answer: HTMLResponse = await bench.look(request, user, page)
        return answer

    return router


def _page(
    bench: Workbench,
    connection: psycopg.Connection[Any],
    desk: Desk,
    unit: str,
    span: str,
    kpi: str,
    period: str,
) -> HTMLResponse:
    if unit not in desk.person.tree or span not in SPANS:
        raise HTTPException(404, "There is no such unit among yours.")
    rows = asked(connection, OF_UNIT, unit=unit, span=span)
    periods = sorted({row["period"] for row in rows})
    at = _day(period) if _day(period) in periods else (periods[-1] if periods else None)
    series: dict[str, list[Row]] = {}
    for row in rows:
        series.setdefault(row["kpi"], []).append(row)
    now = [row for row in rows if row["period"] == at]
    now.sort(key=lambda row: (row["kpi"] != COMPOSITE, row["post"] or "", row["kpi"]))
    scored = [row for row in now if row["score"] is not None and row["kpi"] != COMPOSITE]
    chosen = next((row for row in now if row["kpi"] == kpi), None)
    if kpi and rows and chosen is None:
        raise HTTPException(404, "There is no such figure.")
    above = asked(connection, UNIT, unit=unit)
    aims = Aims.of(connection, unit, span)

    def say(row: Row, value: Any) -> str:
        return _said(desk, row, value)

    return bench.show(
        desk, "figures.html", desk.text("figures"), here="figures/", query={"unit": unit, "span": span, "kpi": kpi, "period": period},
        of_unit=unit, span=span, spans=SPANS, at=at, periods=periods, rows=now, weakest=min(scored, key=lambda row: row["score"], default=None),
        above=above[0]["parent_id"] if above and above[0]["parent_id"] in desk.person.tree else None,
        below=[other for other in desk.person.tree if other != unit], trend={name: _trend(desk, found) for name, found in series.items()},
        say=say, chosen=chosen, name=lambda row: _title(desk, row), aims=aims,
        judged=lambda row: judged(desk, row, aims.target(row), say), expected=lambda row: expected(desk, row, aims.target(row), say),
        detail=_detail(connection, desk, unit, span, at, chosen, series.get(kpi, []), aims) if chosen and at else None,
    )  # fmt: skip


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _title(desk: Desk, row: Row) -> str:
    return desk.text("composite") if row["kpi"] == COMPOSITE else row[f"title_{desk.language}"] or row["kpi"]


def _said(desk: Desk, row: Row, value: Any) -> str:
    """A value of a figure as people write it."""
    if value is None:
        return ""
    form = (
        FIGURE_FORMS["number"]
        if row["kpi"] == COMPOSITE
        else FIGURE_FORMS.get(row["form"] or "", FIGURE_FORMS["number"])
    )
    return form.write(float(value), desk.language)


def _trend(desk: Desk, rows: list[Row]) -> str:
    """How a figure's value moved since the period before: an arrow and by how much; empty where there is no such."""
    if len(rows) < 2 or rows[-1]["value"] is None or rows[-2]["value"] is None:
        return ""
    change = float(rows[-1]["value"]) - float(rows[-2]["value"])
    arrow = "→" if change == 0 else "↑" if change > 0 else "↓"
    return f"{arrow} {_said(desk, rows[-1], abs(change))}"


def _detail(
    connection: psycopg.Connection[Any],
    desk: Desk,
    unit: str,
    span: str,
    at: dt.date,
    row: Row,
    series: list[Row],
    aims: Aims,
) -> dict[str, Any]:
    """Trend, what moved it, units below and staff of one figure."""
    asked_of = {"unit": unit, "span": span, "period": at, "kpi": row["kpi"]}
    percent = 100 if row["form"] == "share" else 1
    title = _title(desk, row)
    by_period = {each["period"]: each for each in series}
    periods, drawing, ahead = outlook(aims, desk, row["kpi"], list(by_period), percent)
    values = Series(
        title + (" (%)" if percent == 100 else ""),
        [
            None
            if by_period.get(period, {}).get("value") is None
            else float(by_period[period]["value"]) * percent
            for period in periods
        ],
    )
    places = [place_of(span, period) for period in periods]
    own = asked(connection, OWN, **asked_of)
    return {
        "svg": trend(f"{desk.text('trend')}: {title}", places, values, drawing, periods.index(at)),
        "below": asked(connection, BELOW, **asked_of),
        "own": own[0]["contribution"] if own else None,
        "staff": asked(connection, STAFF, **asked_of),
        "series": [
            {
                **{
                    name: by_period.get(month["period"], {}).get(name)
                    for name in ("period", "value", "numerator", "denominator", "score", "rank")
                },
                **month,
            }
            for month in ahead
        ],
    }
