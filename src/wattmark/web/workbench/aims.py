"""What key figures of a unit are to be, and what they are forecast to be: beside each figure, and in its chart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from wattmark.charts import Outlook, Series
from wattmark.forecast import LEAST_MONTHS
from wattmark.publish.findings import asked
from wattmark.web.workbench.desk import Desk, Row

_TARGETS = """
SELECT kpi, period, target, reached, distance, is_over, forecast, forecast_until, forecast_reached FROM mart.audit_kpi_target
WHERE level = 'org_unit' AND id = %(unit)s AND span = %(span)s ORDER BY kpi, period
"""
_FORECASTS = """
SELECT kpi, period, value, low, high, months, too_few FROM mart.audit_kpi_forecast
WHERE level = 'org_unit' AND id = %(unit)s ORDER BY kpi, period
"""
Say = Callable[[Row, Any], str]
"""Writes a value of a figure's row as people write it."""


@dataclass(frozen=True)
class Aims:
    """Targets by figure and period, and of months what is forecast, by figure."""

    targets: dict[str, dict[dt.date, Row]]
    forecasts: dict[str, list[Row]]

    @classmethod
    def of(cls, connection: psycopg.Connection[Any], unit: str, span: str) -> Aims:
        """Of all figures of a unit; nothing where the night that publishes them has not been yet."""
        targets: dict[str, dict[dt.date, Row]] = {}
        for row in asked(connection, _TARGETS, unit=unit, span=span):
            targets.setdefault(row["kpi"], {})[row["period"]] = row
        forecasts: dict[str, list[Row]] = {}
        for row in asked(connection, _FORECASTS, unit=unit) if span == "month" else ():
            forecasts.setdefault(row["kpi"], []).append(row)
        return cls(targets, forecasts)

    def target(self, row: Row) -> Row | None:
        """The target for a figure's row."""
        return self.targets.get(row["kpi"], {}).get(row["period"])

    def ahead(self, row: Row) -> Row | None:
        """What a figure comes to, ``forecast`` by the month ``until``: of months the last one that is forecast, of longer periods
        as far as the forecast goes. None where nothing is forecast.
        """
        months = self.forecasts.get(row["kpi"], [])
        if months:
            found, until = months[-1]["value"], months[-1]["period"]
        else:
            target = self.target(row) or {"forecast": None, "forecast_until": None}
            found, until = target["forecast"], target["forecast_until"]
        return None if found is None else {"forecast": found, "until": f"{until:%Y-%m}"}

    def too_few(self, desk: Desk, row: Row) -> str:
        """That too few months of a figure are known to forecast from; empty where they are enough."""
        months = self.forecasts.get(row["kpi"], [])
        if not months or not months[0]["too_few"]:
            return ""
        return desk.text("few_months", count=months[0]["months"], least=LEAST_MONTHS)


def judged(desk: Desk, row: Row, target: Row | None, say: Say) -> str:
    """Whether a target is reached, in a sign and words, and by how much; empty where there is no target."""
    if target is None:
        return ""
    if target["reached"] is None:
        return desk.text("target_unknown")
    distance = say(row, abs(target["distance"]))
    if target["reached"]:
        return f"✓ {desk.text('target_reached', more=distance)}"
    return f"✗ {desk.text('target_missed', missing=distance)}"


def expected(desk: Desk, row: Row, target: Row | None, say: Say) -> str:
    """What the target's own period is forecast to come to, in a sentence; empty where nothing is."""
    if target is None or target["forecast"] is None:
        return ""
    name = "forecast_reaches" if target["forecast_reached"] else "forecast_misses"
    return desk.text(name, value=say(row, target["forecast"]), until=f"{target['forecast_until']:%Y-%m}")


def place_of(span: str, period: dt.date) -> str:
    """A period as it stands below a chart."""
    if span == "year":
        return f"{period:%Y}"
    return f"{period:%y}-Q{(period.month + 2) // 3}" if span == "quarter" else f"{period:%y-%m}"


def outlook(
    aims: Aims, desk: Desk, kpi: str, known: list[dt.date], times: int
) -> tuple[list[dt.date], Outlook, list[Row]]:
    """Periods of a figure's chart, what is drawn into it besides the values, and the same as rows of a table.

    Args:
        aims: of the unit.
        desk: who asks.
        kpi: the figure.
        known: periods with a row, in order.
        times: what values are multiplied by to be drawn.
    """
    targets = aims.targets.get(kpi, {})
    months = [row for row in aims.forecasts.get(kpi, []) if row["value"] is not None]
    ahead: dict[dt.date, Row] = {row["period"]: row for row in months} or {
        period: {"value": row["forecast"], "low": None, "high": None}
        for period, row in targets.items()
        if row["forecast"] is not None
    }
    first, last = min(known, default=None), max([*known, *ahead], default=None)
    wanted = {period for period in targets if first and last and first <= period <= last}
    places = sorted({*known, *ahead, *wanted})

    def drawn(value: Any) -> float | None:
        return None if value is None else float(value) * times

    def forecast(name: str) -> list[float | None]:
        return [drawn(ahead[place][name]) if place in ahead else None for place in places]

    wishes = [drawn(targets[place]["target"]) if place in targets else None for place in places]
    drawing = Outlook(
        targets=Series(desk.text("target"), wishes),
        forecasts=Series(desk.text("forecast"), forecast("value")),
        lows=forecast("low"),
        highs=forecast("high"),
    )
    return places, drawing, [
        {"period": place, "target": targets.get(place, {}).get("target"), **{name: ahead.get(place, {}).get(key) for name, key in (("forecast", "value"), ("low", "low"), ("high", "high"))}}
        for place in places
    ]  # fmt: skip
