"""Energy of a block: half-hours, months and register standings, all from the same loads.

Months that the interval window covers whole are summed from the half-hours, so that intervals and
registers agree; earlier months come from the same shapes without drawing each half-hour. Energy is
counted in whole watt-hours, so that sums do not depend on their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse

from wattmark_sample.model import AREA, CLOSED, LINE, MAIN, NEVER, SUB, SUSPENDED, Model
from wattmark_sample.people import Text
from wattmark_sample.plan import UTC_OFFSET_SECONDS, Bools, Floats, Ints
from wattmark_sample.shapes import REGISTER_OF_SLOT, SLOTS, monthly_energy, monthly_peak, shapes_of
from wattmark_sample.tariffs import RISE_DAY

_HALF_HOUR_US = 1_800_000_000
_DAY_US = 86_400_000_000

MEASURED, ESTIMATED, MISSING, SUSPECT = range(4)
QUALITIES = ("measured", "estimated", "missing", "suspect")
_DEEP_SLOTS = slice(24, 28)
"""Half-hours of deep valley, which are flat without it; of months without half-hours a share of the flat ones."""
_DEEP_SHARE = 0.35
_EXPORT_KWH_PER_KVA = 20.0
"""What panels give to the network in a month without half-hours."""
QUALITY_CODES = ("A", "E", "N", "S")
"""The same as a meter data system writes them."""


@dataclass
class Energy:
    """Monthly energy of each point: arrays (points, months[, 4 registers])."""

    registers_wh: Ints
    reactive_varh: Ints
    max_kw: Floats
    deep_wh: Ints
    """Part of the flat hours that is deep valley."""
    export_wh: Ints
    """What is given to the network."""


@dataclass
class DayReadings:
    """Half-hours of one day: ``rows`` are positions of points, arrays are (rows, 48)."""

    day: int
    rows: Ints
    wh: Ints
    varh: Ints
    export_wh: Ints
    """Given to the network; -1 of a point that does not say."""
    decivolt: Ints
    quality: Ints
    keep: Bools
    """False where the row does not exist at all."""


class Meters:
    """Measures a block day by day."""

    def __init__(self, model: Model) -> None:
        """Take a block, faults already in its model."""
        self.model = model
        points = model.points
        n = points.size
        cal = model.plan.calendar
        who = np.maximum(points.account, 0)
        self.who = who
        self.mains = np.flatnonzero(points.role == MAIN)
        self.subs = np.flatnonzero(points.role == SUB)
        self.areas = np.flatnonzero(points.role == AREA)
        self.lines = np.flatnonzero(points.role == LINE)
        account = points.account[self.mains]
        low = ~model.is_mv[account]
        self.to_area = sparse.csr_matrix(
            (np.ones(int(low.sum())), (model.physical_area[account[low]], np.flatnonzero(low))),
            shape=(len(self.areas), len(self.mains)),
        )
        branch = points.branch[self.mains]
        high = np.flatnonzero(~low)
        feeder = np.where(branch[high] == 0, model.feeder[account[high]], model.feeder2[account[high]])
        self.to_line = sparse.csr_matrix(
            (np.ones(len(high)), (feeder, high)), shape=(len(self.lines), len(self.mains))
        )
        self.area_to_line = sparse.csr_matrix(
            (np.ones(len(self.areas)), (model.block.area_feeder, np.arange(len(self.areas)))),
            shape=(len(self.lines), len(self.areas)),
        )
        self.kw = model.kw[account] * points.share[self.mains]
        self.main_account = account
        self.energy = self._formula_months()
        self.panels = np.flatnonzero(model.pv_kva[account] > 0)
        self._tan = np.zeros(n)
        self._tan[self.mains] = model.tan_phi[account]
        self._tan[self.subs] = self._tan[points.parent[self.subs]]
        self._cal = cal
        self.before_rise_wh = np.zeros(n, dtype=np.int64)
        """Energy of the audited month before rates rise within it."""
        self.is_measured = np.full(n, len(cal.interval_days) > 0)
        """Whether every half-hour of the audited month is measured."""

    # --- whole months without half-hours -------------------------------------------------

    def _active_share(self, start: Ints, end: Ints) -> Floats:
        """Share of each month in which each account took energy: (accounts, months)."""
        model = self.model
        cal = model.plan.calendar
        first = np.maximum(
            np.where(model.opened == NEVER, np.iinfo(np.int64).max // 2, model.opened)[:, None], start
        )
        last = np.minimum(np.where(model.closed == NEVER, cal.as_of + 400, model.closed)[:, None], end)
        days = np.maximum(last - first + 1, 0)
        whole = (model.change_kind == 1) & (model.change_kva >= model.kva)
        s_first = np.maximum(np.where(whole, model.change_start, 1 << 40)[:, None], first)
        s_last = np.minimum(np.where(model.change_end == NEVER, 1 << 40, model.change_end)[:, None], last)
        days = days - np.maximum(s_last - s_first + 1, 0)
        share: Floats = np.maximum(days, 0) / (end - start + 1)
        return share

    def _area_loss(self, month: int) -> Floats:
        """Loss of each area in a month, by position."""
        model = self.model
        loss = model.area_loss.copy()
        if month >= model.plan.months - 1:
            for area, changed in model.loss_now.items():
                loss[area] = changed
        return loss

    def _formula_months(self) -> Energy:
        model, plan = self.model, self.model.plan
        points, cal = model.points, plan.calendar
        months = plan.months
        rng = plan.random("months", model.block.number)
        unit = monthly_energy(plan)[model.shift[self.main_account], model.profile[self.main_account]]
        share = self._active_share(cal.month_start, cal.month_end)[self.main_account]
        load = (self.kw[:, None] * model.factor[self.main_account, :months] * share)[:, :, None]
        jitter = 1 + rng.normal(0, 0.01, (len(self.mains), months, 4)).clip(-0.03, 0.03)
        true_wh = np.rint(unit * load * jitter * 1000).astype(np.int64)
        registers = np.zeros((points.size, months, 4), dtype=np.int64)
        seen = 1 - model.stolen[self.main_account, :months, None]
        registers[self.mains] = np.rint(true_wh * seen)
        flat = true_wh.reshape(len(self.mains), -1).astype(np.float64)
        area_true = self.to_area @ flat
        loss = np.stack([self._area_loss(month) for month in range(months)], axis=1)
        area_wh = area_true.reshape(len(self.areas), months, 4) / (1 - loss)[:, :, None]
        registers[self.areas] = np.rint(area_wh)
        line = self.area_to_line @ area_wh.reshape(len(self.areas), -1) + self.to_line @ flat
        registers[self.lines] = np.rint(
            line.reshape(len(self.lines), months, 4) / (1 - model.line_loss)[:, None, None]
        )
        registers[self.subs] = np.rint(
            registers[points.parent[self.subs]] * points.share[self.subs][:, None, None]
        )
        tan = np.zeros(points.size)
        tan[self.mains] = model.tan_phi[self.main_account]
        tan[self.subs] = tan[points.parent[self.subs]]
        wobble = 1 + rng.normal(0, 0.02, (points.size, months)).clip(-0.05, 0.05)
        reactive = np.rint(registers.sum(axis=2) * tan[:, None] * wobble).astype(np.int64)
        peak = monthly_peak(plan)[model.profile[self.main_account]]
        max_kw = np.zeros((points.size, months))
        max_kw[self.mains] = np.round(
            self.kw[:, None] * model.factor[self.main_account, :months] * peak * (share > 0), 3
        )
        deep = np.rint(_DEEP_SHARE * registers[:, :, 2]).astype(np.int64)
        export = np.zeros((points.size, months), dtype=np.int64)
        export[self.mains] = np.rint(_EXPORT_KWH_PER_KVA * 1000 * model.pv_kva[self.main_account])[:, None]
        return Energy(registers, reactive, max_kw, deep, export)

    # --- half-hours -------------------------------------------------------------------------

    def days(self) -> Iterator[DayReadings]:
        """Half-hours of every day of the interval window, oldest first; fills the months they cover."""
        model, cal = self.model, self._cal
        months = model.plan.months
        covered = [m for m in range(months) if cal.intervals_from <= cal.month_start[m]]
        for m in covered:
            self.energy.registers_wh[:, m] = 0
            self.energy.reactive_varh[:, m] = 0
            self.energy.max_kw[:, m] = 0
            self.energy.deep_wh[:, m] = 0
            self.energy.export_wh[:, m] = 0
        for day in cal.interval_days.tolist():
            month = int(np.searchsorted(cal.month_start, day, side="right")) - 1
            if day > cal.month_end[-1]:
                month = months
            readings = self._day(day, month)
            if month in covered:
                for register in range(4):
                    slots = register == REGISTER_OF_SLOT
                    self.energy.registers_wh[:, month, register] += readings.wh[:, slots].sum(axis=1)
                self.energy.deep_wh[:, month] += readings.wh[:, _DEEP_SLOTS].sum(axis=1)
                self.energy.export_wh[:, month] += np.maximum(readings.export_wh, 0).sum(axis=1)
                self.energy.reactive_varh[:, month] += readings.varh.sum(axis=1)
                self.energy.max_kw[:, month] = np.maximum(
                    self.energy.max_kw[:, month], readings.wh.max(axis=1) * 2e-3
                )
            for edit in model.interval_edits:
                edit(readings)
            if month == months - 1:
                self.is_measured &= ((readings.quality == MEASURED) & readings.keep).all(axis=1)
                if day < cal.month_start[-1] + RISE_DAY - 1:
                    self.before_rise_wh += readings.wh.sum(axis=1)
            yield readings

    def _day(self, day: int, month: int) -> DayReadings:
        model = self.model
        points = model.points
        rng = model.plan.random("day", model.block.number, day)
        shape = shapes_of(model.plan).shifted(day)
        account = self.main_account
        count = len(self.mains)
        base = shape[model.shift[account], model.profile[account]].astype(np.float32)
        noise = rng.standard_normal((count, SLOTS), dtype=np.float32)
        np.clip(noise, -2.2, 2.2, out=noise)
        spread = np.where(model.is_mv[account], 0.05, 0.22).astype(np.float32)
        noise *= spread[:, None]
        noise += 1.0
        single = np.array([day])
        on = self._active_share(single, single)[account, 0]
        daily = 1 + 0.06 * rng.standard_normal(count).clip(-2.5, 2.5)
        scale = (self.kw * model.factor[account, month] * on * daily * 500.0).astype(np.float32)
        base *= noise
        base *= scale[:, None]
        true_wh = np.rint(base).astype(np.int64)
        wh = np.zeros((points.size, SLOTS), dtype=np.int64)
        stolen = model.stolen[account, month]
        wh[self.mains] = true_wh if not stolen.any() else np.rint(true_wh * (1 - stolen)[:, None])
        export_wh = np.full((points.size, SLOTS), -1, dtype=np.int64)
        taken_wh = true_wh.astype(np.float64)
        if len(self.panels):
            given = self._sunshine(day)
            export_wh[self.mains[self.panels]] = given
            taken_wh[self.panels] -= given
        swing = 1 + 0.08 * (rng.random(len(self.areas)) - 0.5)
        area_wh = np.rint((self.to_area @ taken_wh) / (1 - self._area_loss(month) * swing)[:, None])
        wh[self.areas] = area_wh
        line_wh = self.area_to_line @ area_wh + self.to_line @ taken_wh
        wh[self.lines] = np.rint(line_wh / (1 - model.line_loss)[:, None])
        wh[self.subs] = np.rint(wh[points.parent[self.subs]] * points.share[self.subs][:, None])
        reactive = self._tan[:, None] * wh
        varh = np.rint(reactive).astype(np.int64)

        decivolt = np.zeros((points.size, SLOTS), dtype=np.int64)
        if len(self.areas):
            load = area_wh * 2e-3 / model.block.area_kva[:, None]
            low = np.flatnonzero(~model.is_mv[account])
            area = model.physical_area[account[low]]
            bus = 2345.0 - 60.0 * load + 6.0 * rng.standard_normal(load.shape)
            flicker = rng.integers(-4, 5, (len(low), SLOTS))
            depth = 10 + 40 * ((model.number[account[low]] * 7919) % 101) / 101
            decivolt[self.mains[low]] = np.rint(bus[area] - depth[:, None] * (0.4 + load[area])) + flicker
            decivolt[self.areas] = np.rint(bus)

        alive = np.ones(points.size, dtype=np.bool_)
        owned = points.account >= 0
        opened = model.opened[self.who]
        closed = model.closed[self.who]
        alive[owned] = ((opened <= day) & ((closed == NEVER) | (closed >= day)))[owned]
        alive &= points.metered
        quality = np.zeros((points.size, SLOTS), dtype=np.int64)
        # gaps of a few hours: one point in 150 a day, estimated or missing
        # at night, when little flows: a gap must not look like a disagreement with the register
        gap = np.flatnonzero((rng.random(points.size) < 0.006) & owned)
        kind = np.where(rng.random(len(gap)) < 0.6, ESTIMATED, MISSING)
        start = rng.integers(0, 8, len(gap))
        length = rng.integers(1, 5, len(gap))
        slots = np.arange(SLOTS)
        inside = (slots >= start[:, None]) & (slots < (start + length)[:, None])
        quality[gap] = np.where(inside, kind[:, None], MEASURED)
        keep = np.broadcast_to(alive[:, None], quality.shape)
        return DayReadings(day, np.flatnonzero(alive), wh, varh, export_wh, decivolt, quality, keep.copy())

    def _sunshine(self, day: int) -> Ints:
        """What solar panels give to the network beyond what their account uses: a quarter of their size at noon at most."""
        model = self.model
        rng = model.plan.random("sun", model.block.number, day)
        slots = np.arange(SLOTS)
        height = np.clip(np.sin((slots - 15.5) / 18 * np.pi), 0, None) * ((slots >= 16) & (slots < 34))
        clear = 0.3 + 0.7 * rng.random()
        kva = model.pv_kva[self.main_account[self.panels]]
        given: Ints = np.rint(kva[:, None] * height * clear * 0.25 * 500).astype(np.int64)
        return given


def day_table(readings: DayReadings, ids: Text, reactive: Bools) -> pa.Table:
    """The half-hours of a day as contract rows, by point and time.

    Args:
        readings: one day of a block.
        ids: identifier of each point.
        reactive: which points deliver reactive energy.
    """
    rows = readings.rows
    count = len(rows) * SLOTS
    keep = readings.keep[rows].ravel()
    everything = bool(keep.all())
    quality = readings.quality[rows].astype(np.int8).ravel()
    first_us = readings.day * _DAY_US - UTC_OFFSET_SECONDS * 1_000_000
    times = first_us + np.arange(SLOTS, dtype=np.int64) * _HALF_HOUR_US
    missing = quality == MISSING
    volts = readings.decivolt[rows].ravel()
    given = readings.export_wh[rows].ravel()

    def mask(flags: Bools) -> Bools | None:
        return flags if flags.any() else None

    no_reactive = np.repeat(~reactive[rows], SLOTS) | missing
    table = pa.table(
        {
            "metering_point_id": pa.DictionaryArray.from_arrays(
                pa.array(np.repeat(np.arange(len(rows), dtype=np.int32), SLOTS)), ids.take(pa.array(rows))
            ),
            "interval_start": pa.array(np.tile(times, len(rows))).cast(pa.timestamp("us", tz="UTC")),
            "interval_minutes": pa.array(np.full(count, 30, dtype=np.int64)),
            "kwh": pa.array(readings.wh[rows].ravel() / 1000.0, mask=mask(missing)),
            "export_kwh": pa.array(given / 1000.0, mask=mask((given < 0) | missing)),
            "kvarh": pa.array(readings.varh[rows].ravel() / 1000.0, mask=mask(no_reactive)),
            "voltage_v": pa.array(volts / 10.0, mask=mask((volts == 0) | missing)),
            "quality": pa.DictionaryArray.from_arrays(pa.array(quality), pa.array(QUALITIES)),
            "quality_code": pa.DictionaryArray.from_arrays(pa.array(quality), pa.array(QUALITY_CODES)),
        }
    )
    return table if everything else table.filter(pa.array(keep))


@dataclass
class Registers:
    """Register standings in whole hundredths: (points, months, 8 energy registers).

    Order: total, sharp, peak, flat, valley, reactive, deep, export. ``used`` is the energy of the month in hundredths of
    the register (before the multiplier), ``removed`` what stood on a meter that was replaced, ``first``
    what its successor started from.
    """

    previous: Ints
    current: Ints
    used: Ints
    removed: Ints
    first: Ints
    read: Bools
    """(points, months)"""


def registers(meters: Meters) -> Registers:
    """Turn monthly energy into what stood on the registers at each month's end."""
    model = meters.model
    points, cal = model.points, model.plan.calendar
    months = model.plan.months
    multiplier = true_multiplier(model)
    used = np.zeros((points.size, months, 8), dtype=np.int64)
    scale = 10.0 * multiplier[:, None]
    by_register = np.rint(meters.energy.registers_wh / scale[:, :, None]).astype(np.int64)
    total = np.rint(meters.energy.registers_wh.sum(axis=2) / scale).astype(np.int64)
    used[:, :, 0] = np.where(points.tou[:, None], by_register.sum(axis=2), total)
    used[:, :, 6] = np.where(
        points.deep[:, None],
        np.minimum(np.rint(meters.energy.deep_wh / scale).astype(np.int64), by_register[:, :, 2]),
        0,
    )
    by_register[:, :, 2] -= used[:, :, 6]
    used[:, :, 1:5] = by_register
    used[:, :, 7] = np.where(
        points.export[:, None], np.rint(meters.energy.export_wh / scale).astype(np.int64), 0
    )
    used[:, :, 5] = np.rint(meters.energy.reactive_varh / scale)

    standing = points.initial[:, None, :].astype(np.int64) + np.cumsum(used, axis=1)
    previous = standing - used
    month = np.arange(months)
    after = (points.replaced_in >= 0)[:, None] & (month >= points.replaced_in[:, None])
    at = np.maximum(points.replaced_in, 0)
    rows = np.arange(points.size)
    done = np.where(
        points.replaced_in >= 0, (points.replaced_on - cal.month_start[at]) / cal.month_days[at], 0.0
    )
    removed = previous[rows, at] + np.rint(used[rows, at] * done[:, None]).astype(np.int64)
    first = np.where(np.arange(8) < 5, 100, 50) * np.ones((points.size, 1), dtype=np.int64)
    offset = np.where(points.replaced_in >= 0, 1, 0)[:, None] * (first - removed)
    standing = standing + np.where(after[:, :, None], offset[:, None, :], 0)
    later = after & (month > points.replaced_in[:, None])
    previous = previous + np.where(later[:, :, None], offset[:, None, :], 0)
    wrap = (10 ** (points.digits + 2))[:, None, None]
    account = np.maximum(points.account, 0)
    owned = (points.account >= 0)[:, None]
    opened, closed = model.opened[account][:, None], model.closed[account][:, None]
    in_life = (opened <= cal.month_end) & ((closed == NEVER) | (closed >= cal.month_start))
    read = np.where(owned, in_life, points.installed[:, None] <= cal.month_end) & points.read[:, None]
    return Registers(previous % wrap, standing % wrap, used, removed, first, read)


def true_multiplier(model: Model) -> Floats:
    """The ratio of the transformers in front of each meter."""
    points = model.points
    ct = np.where(points.ct_primary > 0, points.ct_primary / 5, 1.0)
    vt = np.where(points.vt_primary > 0, points.vt_primary / 100, 1.0)
    return ct * vt


__all__ = [
    "CLOSED",
    "SUSPENDED",
    "DayReadings",
    "Energy",
    "Meters",
    "Registers",
    "day_table",
    "registers",
    "true_multiplier",
]
