"""Faults of the network's records, losses and the meter data: NET and ANA."""

from __future__ import annotations

from typing import Any

import numpy as np

from wattmark_sample.faults import common as k
from wattmark_sample.faults.registry import Candidates, Context, Mask, Place, fault
from wattmark_sample.measure import MISSING, DayReadings

MP = "metering_point"
A = "account"


def _area_loss(loss: float) -> Place:
    def change(c: Context, area: int) -> None:
        c.model.area_loss[area] = loss

    return change


fault(
    "NET-01",
    "a tenth is lost",
    "transformer",
    k.any_area,
    model=_area_loss(0.115),
    unit="area",
    effects="NET-05 NET-02",
)
fault(
    "NET-01",
    "more sold than supplied",
    "transformer",
    k.any_area,
    model=_area_loss(-0.04),
    unit="area",
    effects="NET-02",
)
fault(
    "NET-01",
    "a quarter is lost",
    "transformer",
    k.any_area,
    model=_area_loss(0.24),
    unit="area",
    effects="NET-05 NET-02",
)


def _line_loss(loss: float) -> Place:
    def change(c: Context, line: int) -> None:
        c.model.line_loss[line] = loss

    return change


fault("NET-02", "a tenth is lost", "line", k.any_line, model=_line_loss(0.10), unit="line")
fault("NET-02", "more passed on than fed in", "line", k.any_line, model=_line_loss(-0.03), unit="line")
fault("NET-02", "just above the limit", "line", k.any_line, model=_line_loss(0.068), unit="line")


def _two_lines(mask: Candidates) -> Candidates:
    def chosen(c: Context) -> Mask:
        return mask(c) & (len(c.model.feeder_number) >= 2)

    return chosen


def _supply(c: Context, a: int) -> int:
    return c.t.one("supply_point", "account_id", c.account_id(a))


def _wrong_line(c: Context, a: int) -> None:
    row = _supply(c, a)
    own = c.t.get("supply_point", row, "line_id")
    number = next(n for n in c.model.feeder_number.tolist() if f"L{n:09d}" != own)
    c.t.set("supply_point", row, line_id=f"L{number:09d}")


for way, who in (("home", k.res), ("shop", k.com), ("high voltage", k.high)):
    fault("NET-03", way, A, _two_lines(who), tables=_wrong_line, effects="ACC-17 NET-02")


def _retired(c: Context, a: int) -> None:
    row = _supply(c, a)
    own = c.t.one("transformer", "transformer_id", c.t.get("supply_point", row, "transformer_id"))
    names = ("line_id", "org_unit_id", "model", "rated_kva", "loss_code", "commissioned_on", "updated_at")
    old = f"TF{int(c.model.number[a]):09d}"
    c.t.add(
        "transformer",
        transformer_id=old,
        ownership="public",
        retired_on=k.ago(c, 200),
        **{name: c.t.get("transformer", own, name) for name in names},
    )
    c.t.set("supply_point", row, transformer_id=old)


def _foreign(c: Context, a: int) -> None:
    row = _supply(c, a)
    own = int(c.t.one("transformer", "transformer_id", c.t.get("supply_point", row, "transformer_id")))
    names = ("line_id", "org_unit_id", "model", "rated_kva", "loss_code", "commissioned_on", "updated_at")
    values = {name: c.t.get("transformer", own, name) for name in names}
    owner = next(i for i in range(c.model.size) if i != a and c.model.status[i] == 1 and not c.model.is_mv[i])
    other = f"TG{int(c.model.number[a]):09d}"
    c.t.add(
        "transformer", transformer_id=other, ownership="dedicated", account_id=c.account_id(owner), **values
    )
    c.t.set("supply_point", row, transformer_id=other)


MOVED = "NET-01 NET-02 NET-03 ACC-08 ANA-05 MET-06"
fault("NET-04", "fed by a retired transformer", A, k.res, tables=_retired, effects=MOVED)
fault("NET-04", "fed by somebody else's transformer", A, k.agr, tables=_foreign, effects=MOVED)


def _retired_today(c: Context, a: int) -> None:
    _retired(c, a)
    old = f"TF{int(c.model.number[a]):09d}"
    for row in c.t._added["transformer"]:
        if row["transformer_id"] == old:
            row["retired_on"] = k.ago(c, 0)


fault("NET-04", "fed by a transformer retired today", A, k.com, tables=_retired_today, effects=MOVED)


def _small(kva: float) -> Place:
    def change(c: Context, area: int) -> None:
        model = str(c.t.get("transformer", area, "model"))
        c.t.set("transformer", area, rated_kva=kva, loss_code=f"{model}-{int(kva)}")

    return change


def _busy(kva: float) -> Candidates:
    """Areas whose highest demand is above a rating: at least 0.23 of what is connected comes at once."""

    def mask(c: Context) -> Mask:
        m = c.model
        fed = m.area >= 0
        connected_kw = np.bincount(m.area[fed], m.kw[fed], minlength=len(m.block.area_number))
        return k.any_area(c) & (connected_kw > 4.4 * kva)

    return mask


def with_intervals(mask: Candidates) -> Candidates:
    """Those of a mask in a sample with meter data."""
    return lambda c: mask(c) & (c.plan.interval_days > 0)


def _area_spike(c: Context, area: int) -> None:
    point = int(c.area_at[area])
    day = k.p_day(c, 12)
    top = round(1.15 * float(c.model.block.area_kva[area]) * 500)

    def edit(readings: DayReadings) -> None:
        if readings.day == day:
            readings.wh[point, 37] = top

    c.model.interval_edits.append(edit)


for kva in (50.0, 80.0):
    fault(
        "NET-05",
        f"a transformer of {kva:.0f} kVA in the file",
        "transformer",
        with_intervals(_busy(kva)),
        tables=_small(kva),
        unit="area",
    )
fault(
    "NET-05",
    "one half-hour above the rating",
    "transformer",
    with_intervals(_busy(43.0)),
    model=_area_spike,
    unit="area",
    effects="NET-01 NET-02 ANA-01",
)

# --- ANA ----------------------------------------------------------------------------------------------


def day_edit(change: Any) -> Place:
    """A change of the meter data of the account's main point, day by day of the audited month."""

    def seed(c: Context, a: int) -> None:
        first, last = int(c.cal.month_start[-1]), int(c.cal.month_end[-1])
        point = int(c.main_at[a])

        def edit(readings: DayReadings) -> None:
            if first <= readings.day <= last:
                change(readings, point, readings.day - first + 1)

        c.model.interval_edits.append(edit)

    return seed


def _scaled(factor: float) -> Place:
    def change(readings: DayReadings, point: int, _: int) -> None:
        readings.wh[point] = np.rint(readings.wh[point] * factor)

    return day_edit(change)


DATA = "NET-01 NET-02 NET-06 ANA-05 ANA-04 ANA-03 ANA-06 ANA-07"
fault(
    "ANA-01",
    "a tenth less than the register",
    MP,
    with_intervals(k.bigger(k.res, 250)),
    model=_scaled(0.9),
    effects=DATA,
)
fault(
    "ANA-01",
    "multiplier missing in the meter data",
    MP,
    with_intervals(k.bigger(k.high_org, 20000)),
    model=_scaled(0.05),
    effects=DATA,
)
fault(
    "ANA-01",
    "a tenth more than the register",
    MP,
    with_intervals(k.bigger(k.com, 500)),
    model=_scaled(1.1),
    effects=DATA,
)


def _gone(first: int, last: int) -> Place:
    def change(readings: DayReadings, point: int, day: int) -> None:
        if first <= day <= last:
            readings.keep[point] = False

    return day_edit(change)


def _missing(first: int, last: int) -> Place:
    def change(readings: DayReadings, point: int, day: int) -> None:
        if first <= day <= last:
            readings.quality[point] = MISSING

    return day_edit(change)


fault("ANA-02", "three days without rows", MP, with_intervals(k.res), model=_gone(10, 12), effects=DATA)
fault("ANA-02", "two days marked missing", MP, with_intervals(k.com), model=_missing(20, 21), effects=DATA)
fault(
    "ANA-02",
    "silent since the middle of the month",
    MP,
    with_intervals(k.agr),
    model=_gone(15, 31),
    effects=DATA,
)


def _stuck(readings: DayReadings, point: int, day: int) -> None:
    if day in (8, 9):
        readings.wh[point] = 137


def _negative(readings: DayReadings, point: int, day: int) -> None:
    if day == 6:
        readings.wh[point, 20] = -40


def _spike(c: Context, a: int) -> None:
    top = round(1.6 * float(c.model.kva[a]) * 0.5 * 1000)

    def change(readings: DayReadings, point: int, day: int) -> None:
        if day == 17:
            readings.wh[point, 30] = top

    day_edit(change)(c, a)


NOISE = DATA + " ANA-01"
fault(
    "ANA-03", "the same value for two days", MP, with_intervals(k.res), model=day_edit(_stuck), effects=NOISE
)
fault("ANA-03", "energy below zero", MP, with_intervals(k.com), model=day_edit(_negative), effects=NOISE)
fault("ANA-03", "a spike", MP, with_intervals(k.agr), model=_spike, effects=NOISE + " NET-05")


def _theft(share: float, months: int) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.stolen[a, -1 - months :] = share

    return change


def _noticed(mask: Candidates, share: float) -> Candidates:
    """Those of a mask whose area would lose visibly more without that share of their energy: above what its meters err."""

    def chosen(c: Context) -> Mask:
        m = c.model
        mean_kw = k.profile_mean(c)[m.profile] * m.kw
        fed = m.area >= 0
        area_kw = np.bincount(m.area[fed], mean_kw[fed], minlength=len(m.block.area_number))
        return mask(c) & fed & (share * mean_kw >= 0.012 * area_kw[np.maximum(m.area, 0)])

    return chosen


THEFT = "TAR-03 TAR-04 NET-01 ANA-06 BUS-13 TAR-05"
fault(
    "ANA-04",
    "two thirds pass the meter by",
    A,
    _noticed(k.bigger(k.res, 200), 0.68),
    model=_theft(0.68, 3),
    effects=THEFT,
)
fault(
    "ANA-04",
    "almost everything passes it by",
    A,
    _noticed(k.bigger(k.com, 800), 0.9),
    model=_theft(0.9, 4),
    effects=THEFT,
)
fault(
    "ANA-04",
    "half of a shop's energy",
    A,
    _noticed(k.bigger(k.com, 1500), 0.55),
    model=_theft(0.55, 5),
    effects=THEFT,
)


def _other_area(c: Context, a: int) -> None:
    m = c.model
    own = m.area[a]
    others = np.flatnonzero(np.arange(len(m.block.area_number)) != own)
    same_feeder = m.block.area_feeder[others] == m.block.area_feeder[own]
    # What else is wrong with an area hides who really hangs on it, and the small losses of a small one tell it best.
    disturbed = c.areas_used[others] | np.array([("fed by another", int(area)) in c.notes for area in others])
    size = np.bincount(m.area[m.area >= 0], minlength=len(m.block.area_number))[others]
    chosen = int(others[np.lexsort((others, size, ~same_feeder, disturbed))[0]])
    c.notes["fed by another", chosen] = True
    c.notes["fed by another", int(own)] = True
    m.physical_area[a] = chosen


def _neighbours(mask: Candidates) -> Candidates:
    return lambda c: mask(c) & (len(c.model.block.area_number) > 1)


fault(
    "ANA-05",
    "a shop really fed by the next area",
    A,
    _neighbours(k.bigger(k.com, 1000)),
    model=_other_area,
    effects="NET-01",
)
fault(
    "ANA-05",
    "a home really fed by the next area",
    A,
    _neighbours(k.bigger(k.res, 350)),
    model=_other_area,
    effects="NET-01",
)
fault(
    "ANA-05",
    "a pump really fed by the next area",
    A,
    _neighbours(k.bigger(k.agr, 500)),
    model=_other_area,
    effects="NET-01",
)


def _steady(factor: float) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.kw[a] *= factor

    return change


fault(
    "ANA-06",
    "a shop that uses almost nothing",
    A,
    k.com,
    model=_steady(0.01),
    listing=True,
    effects="BUS-13 TAR-05 ANA-04",
)
fault(
    "ANA-06",
    "a home that uses almost nothing",
    A,
    k.res,
    model=_steady(0.01),
    listing=True,
    effects="BUS-13 TAR-05 ANA-04",
)
