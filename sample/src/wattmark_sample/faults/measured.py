"""Faults that only the meter data tell: losses that change, demand, the day of a business, feed-in and alarms."""

from __future__ import annotations

from typing import Any

import numpy as np

from wattmark_sample.faults import common as k
from wattmark_sample.faults.editor import at
from wattmark_sample.faults.network import DATA, day_edit, with_intervals
from wattmark_sample.faults.registry import Context, Mask, Place, fault
from wattmark_sample.measure import DayReadings
from wattmark_sample.model import MAIN, RES

A, MP = "account", "metering_point"


# --- a loss that changes --------------------------------------------------------------------------------


def _changed_loss(c: Context, area: int) -> None:
    """Another loss in the last month, within the limits; the meter data of its accounts lack a few days, so that registers tell it."""
    m = c.model
    usual = float(m.area_loss[area])
    m.loss_now[area] = 0.077 if usual < 0.038 else usual - 0.036
    silent = np.isin(np.arange(m.points.size), np.flatnonzero(m.points.role == MAIN)) & (
        m.area[np.maximum(m.points.account, 0)] == area
    )
    first = k.p_day(c, 11)

    def edit(readings: DayReadings) -> None:
        if first <= readings.day <= first + 2:
            readings.keep[silent] = False

    m.interval_edits.append(edit)


SILENT = "ANA-01 ANA-02 ANA-04 ANA-05 NET-01 NET-02 NET-05"
for way in ("an area loses as it never did", "another area's loss has changed"):
    fault(
        "NET-06",
        way,
        "transformer",
        lambda c: k.any_area(c) & (c.plan.months >= 4),
        model=_changed_loss,
        unit="area",
        effects=SILENT,
    )

# --- demand ---------------------------------------------------------------------------------------------


def _by_demand(c: Context) -> Mask:
    """Plain accounts that pay by demand."""
    return k.by_basis(2)(c) | k.by_basis(3)(c)


def _peak(c: Context, a: int) -> None:
    """One half-hour near the contracted capacity, which the demand register did not keep."""
    top = round(1.03 * float(c.model.kva[a]) * 500)

    def change(readings: DayReadings, point: int, day: int) -> None:
        if day == 17:
            readings.wh[point, 23] = top

    day_edit(change)(c, a)


def _demand(times: float) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.demand_times[a] = times

    return change


OTHER_DEMAND = "ANA-07 ANA-08 TAR-04 BUS-15"
fault(
    "ANA-07",
    "a peak that the register lacks",
    MP,
    with_intervals(_by_demand),
    model=_peak,
    effects="ANA-01 ANA-03",
)
fault(
    "ANA-07",
    "a register half as high again",
    MP,
    with_intervals(_by_demand),
    model=_demand(1.5),
    effects=OTHER_DEMAND,
)
fault(
    "ANA-07",
    "a register far too low",
    MP,
    with_intervals(_by_demand),
    model=_demand(0.7),
    effects=OTHER_DEMAND,
)


def _some_months(c: Context) -> Mask:
    return _by_demand(c) & (c.plan.months >= 4)


fault(
    "ANA-08",
    "more than twice the demand",
    A,
    _some_months,
    model=_demand(2.4),
    effects=OTHER_DEMAND,
    listing=True,
)
fault(
    "ANA-08",
    "a third of the demand",
    A,
    _some_months,
    model=_demand(0.33),
    effects=OTHER_DEMAND,
    listing=True,
)

# --- a household that is a business -----------------------------------------------------------------------


def _business(profile: str) -> Place:
    """A home that uses energy as a business does, all along."""

    def change(c: Context, a: int) -> None:
        from wattmark_sample.grid import load_grid

        c.model.profile[a] = load_grid().profiles.index(profile)
        c.model.shift[a] = 3
        c.model.kw[a] = 6.0
        c.model.kva[a] = 12.0
        c.model.points.max_current_a[int(c.main_at[a])] = 100.0

    return change


for way, profile in (("a workshop at home", "G1-B"), ("an office at home", "G1-C")):
    fault(
        "ANA-09",
        way,
        A,
        with_intervals(k.roomy),
        model=_business(profile),
        effects="ANA-06 NET-05 TAR-14",
        listing=True,
    )

# --- feed-in ----------------------------------------------------------------------------------------------


def _panels(c: Context, a: int) -> None:
    """Panels on the roof that nobody was told of."""
    c.model.pv_kva[a] = 6.0


def _untold(c: Context, a: int) -> None:
    c.t.set("account", a, has_self_generation=False)
    c.t.drop(
        "customer_equipment", c.t.rows("customer_equipment", "account_id", c.account_id(a), kind="generator")
    )


def _export_register(c: Context, a: int) -> None:
    c.t.add(
        "register_reading",
        metering_point_id=c.point_id(a),
        period=c.cal.months[-1],
        register="active_export",
        read_at=at(int(c.cal.month_end[-1]), 23, 59),
        previous_value=10.0,
        current_value=47.5,
        method="remote",
    )


def _backfeed(readings: DayReadings, point: int, day: int) -> None:
    if day in (12, 13):
        readings.wh[point, 22:28] = -800


fault(
    "INS-14",
    "panels that nobody was told of",
    A,
    with_intervals(k.res),
    model=_panels,
    tables=_untold,
    effects="NET-01 NET-02",
)
fault("INS-14", "an export register that runs", A, k.com, tables=_export_register, effects="NET-01 NET-02")
fault(
    "INS-14",
    "energy below zero at noon",
    A,
    with_intervals(k.agr),
    model=day_edit(_backfeed),
    effects=DATA + " ANA-01",
)


def _with_panels(c: Context) -> Mask:
    m = c.model
    flags: Mask = (
        (m.pv_kva > 0) & (m.status == 1) & m.self_generation & (m.change_kind == 0) & (c.main_at >= 0)
    )
    return flags & (c.plan.interval_days > 0)


def _at_night(slots: slice, wh: int) -> Place:
    def change(readings: DayReadings, point: int, day: int) -> None:
        if day in (5, 6, 7):
            readings.export_wh[point, slots] = wh

    return day_edit(change)


def _too_small(c: Context, a: int) -> None:
    row = c.t.one("customer_equipment", "account_id", c.account_id(a), kind="generator")
    c.t.set("customer_equipment", row, rated_kva=1.0)


fault(
    "INS-15",
    "gives at midnight",
    A,
    _with_panels,
    model=_at_night(slice(44, 48), 500),
    effects="INS-05 NET-02",
)
fault(
    "INS-15", "gives before dawn", A, _with_panels, model=_at_night(slice(0, 8), 300), effects="INS-05 NET-02"
)
fault("INS-15", "gives more than its size", A, _with_panels, tables=_too_small, effects="INS-05 NET-02")

# --- alarms -----------------------------------------------------------------------------------------------


def _alarm(c: Context, a: int, kind: str, day: int, **values: Any) -> None:
    c.t.add(
        "meter_alarm",
        alarm_id=f"AF{int(c.model.number[a]):09d}{len(c.t._added['meter_alarm'])}",
        metering_point_id=c.point_id(a),
        kind=kind,
        occurred_at=at(day, 13),
        **values,
    )


def _lost(share: float) -> Place:
    """The meter data fall from the middle of the month on."""

    def change(readings: DayReadings, point: int, day: int) -> None:
        if day >= 15:
            readings.wh[point] = np.rint(readings.wh[point] * share)

    return day_edit(change)


for way, kind, share, who in (
    ("opened, and half is gone", "cover_open", 0.4, k.bigger(k.res, 250)),
    ("a current lost", "current_loss", 0.33, k.bigger(k.com, 500)),
    ("a magnet", "magnetic_field", 0.1, k.bigger(k.agr, 300)),
):
    fault(
        "MET-16",
        way,
        MP,
        with_intervals(who),
        model=_lost(share),
        tables=lambda c, a, kind=kind: _alarm(c, a, kind, k.p_day(c, 14)),  # type: ignore[misc]
        effects=DATA + " ANA-01",
    )


def _by_time(c: Context) -> Mask:
    """Plain accounts by time of use."""
    flags: Mask = c.plain & c.model.tou() & (c.model.category != RES)
    return flags


def _clock(seconds: float, days: int, set_before: bool = False) -> Place:
    def change(c: Context, a: int) -> None:
        _alarm(c, a, "clock_error", c.cal.as_of - days, value_s=seconds)
        if set_before:
            _alarm(c, a, "clock_set", c.cal.as_of - days - 20)

    return change


fault("MET-17", "ten minutes ahead", MP, _by_time, tables=_clock(600.0, 3))
fault("MET-17", "six minutes behind", MP, _by_time, tables=_clock(-360.0, 2))
fault("MET-17", "off again since it was set", MP, _by_time, tables=_clock(301.0, 1, set_before=True))
