"""The intervals around a finding, as they were handed over and as they are used: from the lake, a week of at most three points."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wattmark.settings import Settings
from wattmark.web.workbench.case import Found, keys_of, month_of
from wattmark.web.workbench.desk import Row
from wattmark.web.workbench.lake import DeskLake

DAYS = 7
MOST_POINTS = 3
_POINTS = """
SELECT metering_point_id FROM read_parquet($files) WHERE account_id = $account_id AND role = 'main' ORDER BY metering_point_id LIMIT 3
"""
# Rows lie sorted by point, so that naming the points reads few of them.
_READINGS = """
SELECT metering_point_id, interval_start, interval_minutes, kwh, quality FROM read_parquet($files, hive_partitioning = false)
WHERE metering_point_id IN ($point0, $point1, $point2)
"""
_EDITS = """
SELECT metering_point_id, interval_start, interval_minutes, flag, method, original_kwh, kwh FROM read_parquet($files)
WHERE metering_point_id IN ($point0, $point1, $point2) AND day BETWEEN $first AND $last
"""


@dataclass(frozen=True)
class Interval:
    """One interval of a point.

    Attributes:
        start: when it begins, local.
        minutes: its length.
        handed_kwh: as it was handed over; None where there is no row, or none of a value.
        kwh: what is used.
        flag: why validation objected (``facts.interval_flag``); empty where it did not.
        method: what was done about it (``facts.interval_edit``); empty where nothing was.
    """

    start: dt.datetime
    minutes: int
    handed_kwh: float | None
    kwh: float | None
    flag: str = ""
    method: str = ""

    @property
    def kw(self) -> float | None:
        """Mean power that is used."""
        return None if self.kwh is None else self.kwh * 60 / self.minutes

    @property
    def handed_kw(self) -> float | None:
        """Mean power that was handed over."""
        return None if self.handed_kwh is None else self.handed_kwh * 60 / self.minutes


@dataclass(frozen=True)
class Week:
    """Intervals of one point, in order, at least one."""

    metering_point_id: str
    intervals: list[Interval]

    @property
    def flagged(self) -> list[Interval]:
        """Those that validation objected to."""
        return [interval for interval in self.intervals if interval.flag]


def around(settings: Settings, found: Found) -> list[Week]:
    """Intervals around a finding, by point: of the days that its evidence names, else the last of its month that there are.

    Of the points that the case names, else the main points of its account. None where the lake of this home has none.
    """
    lake = DeskLake(settings)
    by_day = lake.days("accepted.interval_reading")
    days = days_of(found, sorted(by_day))
    points = _points(lake, found) if days else []
    if not points:
        return []
    named = {f"point{at}": points[min(at, len(points) - 1)] for at in range(MOST_POINTS)}
    readings = lake.ask(_READINGS, {"files": [file for day in days for file in by_day[day]], **named})
    edit_files = lake.files("facts.interval_edit") if readings else []
    edits = (
        lake.ask(_EDITS, {"files": edit_files, "first": days[0], "last": days[-1], **named})
        if edit_files
        else []
    )
    weeks = [(point, _joined(settings, point, readings, edits)) for point in points]
    return [Week(point, intervals) for point, intervals in weeks if intervals]


def days_of(found: Found, there: Sequence[str]) -> list[str]:
    """Days to be shown, of those that there are (as 2026-09-30, in order)."""
    month = found.month or month_of(dt.date.today())
    low, high = month.isoformat(), month_of(month, 1).isoformat()
    in_month = [day for day in there if low <= day < high]
    # What evidence names of other months is when somebody signed, read or paid, not how energy was used.
    named = [
        day for day in _days_named(found.case["evidence"] or {}) if low <= day < high and day in set(in_month)
    ]
    if named:
        middle = dt.date.fromisoformat(named[-1])
        around_it = {
            (middle + dt.timedelta(days=at)).isoformat() for at in range(-(DAYS // 2), DAYS // 2 + 1)
        }
        return [day for day in there if day in around_it]
    return in_month[-DAYS:]


def _days_named(evidence: dict[str, Any]) -> list[str]:
    found = []
    for value in evidence.values():
        if isinstance(value, str) and len(value) >= 10:
            try:
                found.append(dt.date.fromisoformat(value[:10]).isoformat())
            except ValueError:
                continue
    return sorted(found)


def _points(lake: DeskLake, found: Found) -> list[str]:
    named = keys_of(found.case).get("metering_point_id", [])[:MOST_POINTS]
    if named or not found.case["account_id"]:
        return named
    files = lake.files("accepted.metering_point")
    rows = lake.ask(_POINTS, {"files": files, "account_id": found.case["account_id"]}) if files else []
    return [row["metering_point_id"] for row in rows]


def _joined(settings: Settings, point: str, readings: list[Row], edits: list[Row]) -> list[Interval]:
    """What was handed over of a point, with what was made of it, and gaps that were filled."""
    made: dict[dt.datetime, Interval] = {}
    for row in readings:
        if row["metering_point_id"] == point and row["interval_minutes"]:
            start = row["interval_start"].astimezone(settings.zone)
            made[start] = Interval(start, row["interval_minutes"], row["kwh"], row["kwh"])
    for row in edits:
        start = row["interval_start"].astimezone(settings.zone)
        if row["metering_point_id"] == point and row["interval_minutes"] and made:
            made[start] = Interval(
                start, row["interval_minutes"], row["original_kwh"], row["kwh"], row["flag"], row["method"]
            )
    return [made[start] for start in sorted(made)]
