"""Faults of the utility's own work: orders that were worked beside the system or too slowly, readers unlike the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from wattmark_sample.faults import common as k
from wattmark_sample.faults.editor import at
from wattmark_sample.faults.registry import Context, Mask, Place, fault
from wattmark_sample.model import MAIN

O = "order"  # noqa: E741


def _wd(c: Context, day: int, count: int) -> int:
    """The day so many working days after another."""
    return int(c.cal.add_working(np.array([day]), count)[0])


def _order(kind: str = "increase", submitted: int = 40, **steps: tuple[int, int, int]) -> Place:
    """An order submitted so many days ago; each step by days since, hour and minute."""

    def change(c: Context, a: int) -> str:
        begun = c.cal.as_of - submitted
        when: dict[str, Any] = {
            name: at(begun + day, hour, minute) for name, (day, hour, minute) in steps.items()
        }
        return k.open_order(
            c, a, kind, **{"submitted_at": at(begun), "plan_replied_at": at(begun + 1, 11), **when}
        )

    return change


BESIDE = "SVC-01 SVC-02 SVC-03 SVC-09 ACC-02 ACC-08 ACC-15 RSK-01"
fault(
    "SVC-08",
    "inspected and energized in one minute",
    O,
    k.low,
    tables=_order(inspected_at=(12, 10, 0), energized_at=(12, 10, 1)),
    effects=BESIDE,
)
fault(
    "SVC-08",
    "closed before it was inspected",
    O,
    k.high,
    tables=_order(inspected_at=(20, 10, 0), closed_at=(18, 10, 0), energized_at=(21, 10, 0)),
    effects=BESIDE,
)


def _with_intervals(c: Context) -> Mask:
    return k.bigger(k.com, 800)(c) & (c.plan.interval_days > 0)


fault(
    "SVC-08",
    "energy before it was energized",
    O,
    _with_intervals,
    tables=_order("new", 9, inspected_at=(6, 10, 0), energized_at=(7, 10, 0)),
    effects=BESIDE,
)


def _slow(plan: int, energize: int | None, wait: int = 0) -> Place:
    """The plan after so many working days, energizing so many after the inspection; or open since so many."""

    def change(c: Context, a: int) -> str:
        inspected = c.cal.as_of
        while _wd(c, inspected, energize if energize is not None else wait) > c.cal.as_of:
            inspected -= 1
        submitted = inspected - 2
        while _wd(c, submitted, plan + 2) > inspected:
            submitted -= 1
        return k.open_order(
            c,
            a,
            submitted_at=at(submitted),
            plan_replied_at=at(_wd(c, submitted, plan)),
            inspected_at=at(inspected, 9),
            energized_at=None if energize is None else at(_wd(c, inspected, energize), 15),
        )

    return change


SLOW = "SVC-01 SVC-02 SVC-03"
fault("SVC-09", "low voltage, three and four days", O, k.low, tables=_slow(3, 4), effects=SLOW)
fault("SVC-09", "high voltage, 14 and nine days", O, k.high, tables=_slow(14, 9), effects=SLOW)
fault("SVC-09", "two supplies, 28 and five days", O, k.dual, tables=_slow(28, 5), effects=f"{SLOW} INS-05")
fault(
    "SVC-09",
    "low voltage, three days and still not energized",
    O,
    k.low,
    tables=_slow(3, None, 5),
    effects=SLOW,
)


def _busy_reader(c: Context) -> Mask:
    """Areas large enough for their reader to be compared with the others."""
    m = c.model
    counts = np.bincount(m.area[(m.area >= 0) & (m.status == 1)], minlength=len(m.block.area_number))
    return k.any_area(c) & (counts >= 60)


def _of_reader(change: Any) -> Place:
    """A change of every other reading of the last month that the area's reader took."""

    def seed(c: Context, area: int) -> str:
        row = c.t.one("reading_area", "reading_area_id", f"RA{int(c.model.block.area_number[area]):07d}")
        staff = str(c.t.get("reading_area", row, "staff_id"))
        books = {
            c.t.get("reading_area", row, "reading_area_id")
            for row in c.t.rows("reading_area", "staff_id", staff)
        }
        number = 0
        for point in np.flatnonzero(c.model.points.role == MAIN).tolist():
            account = int(c.model.points.account[point])
            if c.t.get("account", account, "reading_area_id") not in books:
                continue
            for reading in c.t.rows(
                "register_reading",
                "metering_point_id",
                c.points[point],
                period=c.cal.months[-1],
                register="active_total",
            ):
                number += 1
                if number % 2:
                    change(c, reading)
        return staff

    return seed


def _estimated(c: Context, reading: int) -> None:
    c.t.set("register_reading", reading, method="estimated")


def _edited(c: Context, reading: int) -> None:
    current = float(c.t.get("register_reading", reading, "current_value"))
    c.t.set("register_reading", reading, original_value=round(current + 0.02, 2))


for way, edit in (("half of the readings estimated", _estimated), ("half of the readings edited", _edited)):
    fault("ANA-10", way, "staff", _busy_reader, tables=_of_reader(edit), unit="area", listing=True)
