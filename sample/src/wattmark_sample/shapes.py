"""Load shapes: the benchmark's profiles moved from 2016 to the days of the plan.

A day takes the shape of the nearest day of 2016 that is the same day of the week (a public holiday that of a
Sunday, a make-up Saturday that of a Monday). The seasons of the profiles are kept, but flattened, so
that a month rarely differs by half from the median of the months before it.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np

from wattmark_sample.grid import load_grid, load_profiles
from wattmark_sample.plan import Calendar, Floats, Ints, SamplePlan, day_of

SLOTS = 48
SHIFTS = (-2, -1, 0, 1, 2)
"""Half-hours by which a load runs ahead of or behind its profile."""

REGISTER_OF_SLOT: Ints = np.array(
    [
        3
        if s < 16
        else 1
        if s < 22
        else 2
        if s < 28
        else 1
        if s < 34
        else 2
        if s < 38
        else 0
        if s < 42
        else 2
        if s < 44
        else 3
        for s in range(SLOTS)
    ]
)
"""Time-of-use register of each half-hour: 0 sharp, 1 peak, 2 flat, 3 valley."""

_SEASON_POWER, _SEASON_LOW, _SEASON_HIGH = 0.4, 0.88, 1.14

TAN_PHI = {
    "BL-H": 0.42,
    "G0-A": 0.40,
    "G0-M": 0.36,
    "G1-A": 0.30,
    "G1-B": 0.44,
    "G1-C": 0.38,
    "G2-A": 0.38,
    "G3-A": 0.43,
    "G3-H": 0.45,
    "G3-M": 0.33,
    "G4-A": 0.31,
    "G4-B": 0.39,
    "G4-M": 0.44,
    "G5-A": 0.52,
    "G6-A": 0.47,
    "H0-A": 0.25,
    "H0-B": 0.25,
    "H0-C": 0.26,
    "H0-G": 0.22,
    "H0-L": 0.23,
    "L0-A": 0.56,
    "L1-A": 0.50,
    "L2-A": 0.46,
    "L2-M": 0.47,
    "WB-H": 0.47,
}
"""Reactive over active energy by profile. The benchmark has none of the compensation that these have."""


class Shapes:
    """Half-hourly shares of the peak for any day of a plan."""

    def __init__(self, calendar: Calendar) -> None:
        """Read the profiles."""
        self._base = load_profiles()
        self._calendar = calendar
        self._mean = self._base.mean(axis=(1, 2))
        month_of_2016 = np.array([(dt.date(2016, 1, 1) + dt.timedelta(days=d)).month for d in range(366)])
        by_month = np.stack(
            [self._base[:, month_of_2016 == month].mean(axis=(1, 2)) for month in range(1, 13)], axis=1
        )
        ratio = by_month / self._mean[:, None]
        self._season = np.clip(ratio**_SEASON_POWER, _SEASON_LOW, _SEASON_HIGH)
        self._months: dict[tuple[int, int], Floats] = {}

    def _source_day(self, number: int) -> int:
        day = day_of(number)
        working = bool(self._calendar.is_working(np.array([number]))[0])
        weekday = (
            6 if not working and day.weekday() < 5 else 0 if working and day.weekday() >= 5 else day.weekday()
        )
        anchor = dt.date(2016, day.month, min(day.day, 29) if day.month == 2 else day.day)
        first = max(0, min(365 - 6, (anchor - dt.date(2016, 1, 1)).days - 3))
        return next(
            d
            for d in range(first, first + 7)
            if (dt.date(2016, 1, 1) + dt.timedelta(days=d)).weekday() == weekday
        )

    def _month_scale(self, day: dt.date) -> Floats:
        key = (day.year, day.month)
        if key not in self._months:
            first = day.replace(day=1)
            following = (first + dt.timedelta(days=32)).replace(day=1)
            numbers = range((first - dt.date(1970, 1, 1)).days, (following - dt.date(1970, 1, 1)).days)
            mapped = self._base[:, [self._source_day(number) for number in numbers]].mean(axis=(1, 2))
            self._months[key] = self._mean * self._season[:, day.month - 1] / mapped
        return self._months[key]

    def day(self, number: int) -> Floats:
        """Shares of the peak, shape (profiles, 48), never above 1."""
        scale = self._month_scale(day_of(number))
        floor = 0.02
        return np.clip(self._base[:, self._source_day(number)] * scale[:, None], floor, 1.0)

    def shifted(self, number: int) -> Floats:
        """Shape (shifts, profiles, 48): the day's shapes, moved round the clock by each of ``SHIFTS``."""
        shape = self.day(number)
        return np.stack([np.roll(shape, shift, axis=1) for shift in SHIFTS])


@lru_cache(maxsize=2)
def _shapes(plan_key: tuple[int, dt.date, int]) -> tuple[Shapes, Floats, Floats]:
    accounts_free = SamplePlan(accounts=1, months=plan_key[0], as_of=plan_key[1], interval_days=plan_key[2])
    calendar = accounts_free.calendar
    shapes = Shapes(calendar)
    one_hot = np.eye(4)[REGISTER_OF_SLOT]
    energy = np.stack(
        [
            sum(
                (shapes.shifted(int(d)) @ one_hot for d in range(start, end + 1)),
                np.zeros((len(SHIFTS), len(load_grid().profiles), 4)),
            )
            for start, end in zip(calendar.month_start, calendar.month_end, strict=True)
        ],
        axis=2,
    )
    peak = np.stack(
        [
            np.max([shapes.day(int(d)).max(axis=1) for d in range(start, end + 1)], axis=0)
            for start, end in zip(calendar.month_start, calendar.month_end, strict=True)
        ],
        axis=1,
    )
    return shapes, energy * 0.5, peak


def shapes_of(plan: SamplePlan) -> Shapes:
    """The day shapes of a plan."""
    return _shapes((plan.months, plan.as_of, plan.interval_days))[0]


def monthly_energy(plan: SamplePlan) -> Floats:
    """kWh of a load of 1 kW peak: shape (shifts, profiles, months, 4 registers)."""
    return _shapes((plan.months, plan.as_of, plan.interval_days))[1]


def monthly_peak(plan: SamplePlan) -> Floats:
    """Highest half-hour of each month as a share of the peak: shape (profiles, months)."""
    return _shapes((plan.months, plan.as_of, plan.interval_days))[2]
