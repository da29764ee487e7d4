"""What a sample utility is made from: its size, its dates and its seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from zlib import crc32

import holidays
import numpy as np
import numpy.typing as npt

from wattmark.errors import WattmarkError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

FULL_GRID_ACCOUNTS = 32_725
"""Loads of the SimBench grid that the sample stands on, each an account."""

UTC_OFFSET_SECONDS = 8 * 3600
"""The sample utility lives in Asia/Shanghai, which has kept UTC+8 without summer time since 1992."""

_EPOCH = dt.date(1970, 1, 1)


class SampleError(WattmarkError):
    """The sample utility cannot be made as asked for."""


def yesterday() -> dt.date:
    """The day before today where the sample utility lives: the last one that is whole."""
    local = dt.datetime.now(dt.timezone(dt.timedelta(seconds=UTC_OFFSET_SECONDS)))
    return local.date() - dt.timedelta(days=1)


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01, as Arrow's date32 counts them."""
    return (day - _EPOCH).days


CONNECTION_FEE_ABOLISHED_ON = day_number(dt.date(2017, 12, 1))
"""From then on no fee is charged for a temporary connection."""
CONTROL_FEE_ABOLISHED_ON = day_number(dt.date(2021, 3, 1))
"""From then on no fee is charged for a load-control device."""


def day_of(number: int) -> dt.date:
    """The date of a day number."""
    return _EPOCH + dt.timedelta(days=int(number))


@dataclass(frozen=True)
class SamplePlan:
    """A sample utility in a few figures; two equal plans give the same files, byte for byte.

    Args:
        accounts: number of supply accounts, or ``full`` for one for each load of the grid.
        months: billed calendar months, the last one being the last full month before ``as_of``.
        interval_days: days of half-hourly intervals up to ``as_of``; 0 for none. They always reach back
            to the first of the audited month, which the audit needs whole.
        seed: what everything random derives from.
        as_of: last day of the data.
        faults: False for a clean utility, True for every known fault, a list of rule ids, or a mapping
            from rule id to how many faults to seed for it.
        history: a utility with a past: more accounts that left, and a released list with what came of it.

    Raises:
        SampleError: a figure is out of range.
    """

    accounts: int | str = 3000
    months: int = 14
    interval_days: int = 35
    seed: int = 1
    as_of: dt.date = dt.date(2026, 11, 4)
    faults: bool | Sequence[str] | Mapping[str, int] = field(default=False, hash=False)
    history: bool = False

    def __post_init__(self) -> None:
        """Refuse figures out of range."""
        if isinstance(self.accounts, str) and self.accounts != "full":
            raise SampleError(
                "sample.accounts", f"accounts is {self.accounts!r}.", "Give a number, or 'full'."
            )
        if self.account_count < 1:
            raise SampleError("sample.accounts", "a sample needs at least one account.", "Give 1 or more.")
        if not 1 <= self.months <= 60:
            raise SampleError("sample.months", f"months is {self.months}.", "Give 1 to 60.")
        if not 0 <= self.interval_days <= 800:
            raise SampleError(
                "sample.interval_days", f"interval_days is {self.interval_days}.", "Give 0 to 800."
            )

    @property
    def account_count(self) -> int:
        """Number of accounts, ``full`` resolved."""
        return FULL_GRID_ACCOUNTS if isinstance(self.accounts, str) else self.accounts

    def random(self, *keys: int | str) -> np.random.Generator:
        """A random generator of its own for each combination of keys, whatever was drawn elsewhere."""
        words = [crc32(key.encode()) if isinstance(key, str) else key for key in keys]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence([self.seed, *words])))

    @cached_property
    def calendar(self) -> Calendar:
        """The days, months and working days of this plan."""
        return Calendar(self)


class Calendar:
    """Day numbers of everything: periods, the interval window and working days of the country."""

    def __init__(self, plan: SamplePlan) -> None:
        """Work out the days of a plan."""
        self.as_of = day_number(plan.as_of)
        first = plan.as_of.replace(day=1)
        firsts = [first]
        for _ in range(plan.months):
            firsts.append((firsts[-1] - dt.timedelta(days=1)).replace(day=1))
        firsts.reverse()
        numbers = np.array([day_number(day) for day in firsts], dtype=np.int64)
        self.months = firsts[:-1]
        self.month_start: Ints = numbers[:-1]
        self.month_end: Ints = numbers[1:] - 1
        self.month_days: Ints = self.month_end - self.month_start + 1
        self.intervals_from = (
            min(self.as_of - plan.interval_days + 1, int(self.month_start[-1]))
            if plan.interval_days
            else self.as_of + 1
        )
        self.interval_days: Ints = np.arange(self.intervals_from, self.as_of + 1, dtype=np.int64)
        self._origin = day_number(dt.date(plan.as_of.year - 12, 1, 1))
        end = day_number(dt.date(plan.as_of.year + 2, 1, 1))
        self._working: Bools = _working_days(self._origin, end)
        self._cumulative: Ints = np.cumsum(self._working)
        self._working_numbers: Ints = np.flatnonzero(self._working) + self._origin

    def is_working(self, days: Ints) -> Bools:
        """Whether each day is worked, make-up Saturdays included."""
        return self._working[np.asarray(days) - self._origin]

    def add_working(self, days: Ints, count: Ints | int) -> Ints:
        """The day that is ``count`` working days after each day (the next working day for 1).

        For 0 it is the day itself.
        """
        before = self._cumulative[np.asarray(days) - self._origin]
        after: Ints = self._working_numbers[before + count - 1]
        return np.where(np.asarray(count) == 0, days, after)

    def before_working(self, days: Ints, count: int) -> Ints:
        """The working day that is the ``count``-th before each day, the day itself not counted."""
        before = self._cumulative[np.asarray(days) - 1 - self._origin]
        found: Ints = self._working_numbers[before - count]
        return found


@lru_cache(maxsize=4)
def _country_days(country: str, years: tuple[int, ...]) -> holidays.HolidayBase:
    return holidays.country_holidays(country, years=years)


def _working_days(start: int, end: int) -> Bools:
    years = tuple(range(day_of(start).year, day_of(end).year + 1))
    calendar = _country_days("CN", years)
    return np.array([calendar.is_working_day(day_of(number)) for number in range(start, end)], dtype=np.bool_)
