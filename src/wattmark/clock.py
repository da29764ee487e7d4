"""When the clocks of a time zone are changed: which local times do not exist, and which exist twice."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from wattmark.dateformat import offset_minutes

FIRST_YEAR, LAST_YEAR = 1970, 2099
"""Years whose changes are known one by one; what lies outside is looked at each time."""


@dataclass(frozen=True)
class Change:
    """Local times ``[start, end)`` that exist ``twice``, or do not exist at all."""

    start: dt.datetime
    end: dt.datetime
    twice: bool


@dataclass(frozen=True)
class Clock:
    """The changes of one zone from FIRST_YEAR to LAST_YEAR; ``offset`` is what holds after the last, ahead of UTC.

    ``name`` is IANA's; a fixed offset (``is_fixed``) has one as ``GMT+08:00``.
    """

    name: str
    changes: tuple[Change, ...]
    offset: dt.timedelta
    is_fixed: bool = False

    @property
    def calm_from(self) -> dt.datetime | None:
        """The local time from which on no clock is changed any more; None where they are changed to the last year."""
        if not self.changes:
            return dt.datetime(FIRST_YEAR, 1, 1)
        last = self.changes[-1].end
        return last + dt.timedelta(days=1) if last.year < LAST_YEAR else None

    @property
    def shifts_s(self) -> tuple[int, ...]:
        """By how many seconds clocks were ever put back, ascending; the usual hour where none is known."""
        found = {int((change.end - change.start).total_seconds()) for change in self.changes if change.twice}
        return tuple(sorted(found | {3600}))

    def days(self, *, twice: bool | None = None) -> tuple[dt.date, ...]:
        """Local days with a change (only those with times that exist twice, or not at all), ascending."""
        found = {
            day
            for change in self.changes
            if twice is None or change.twice is twice
            for day in (change.start.date(), (change.end - dt.timedelta(microseconds=1)).date())
        }
        return tuple(sorted(found))


@lru_cache(maxsize=64)
def clock_of(zone: str) -> Clock:
    """The clock of an IANA zone or of a fixed offset (``+08:00``).

    Raises:
        ValueError: there is no such zone.
    """
    minutes = offset_minutes(zone)
    if minutes is not None:
        sign = "-" if minutes < 0 else "+"
        name = f"GMT{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
        return Clock(name, (), dt.timedelta(minutes=minutes), is_fixed=True)
    try:
        info = ZoneInfo(zone)
    except Exception:
        raise ValueError(f"{zone!r} is neither an IANA time zone nor an offset such as +08:00") from None

    def offset_at(moment: dt.datetime) -> dt.timedelta:
        found = moment.replace(tzinfo=dt.UTC).astimezone(info).utcoffset()
        return found or dt.timedelta()

    changes = []
    step = dt.timedelta(days=7)
    at, before = dt.datetime(FIRST_YEAR, 1, 1), offset_at(dt.datetime(FIRST_YEAR, 1, 1))
    end = dt.datetime(LAST_YEAR + 1, 1, 1)
    while at < end:
        to = at + step
        if (after := offset_at(to)) != before:
            low, high = at, to
            while high - low > dt.timedelta(seconds=1):
                middle = low + dt.timedelta(seconds=(high - low) // dt.timedelta(seconds=2))
                low, high = (middle, high) if offset_at(middle) == before else (low, middle)
            after = offset_at(high)
            first, last = sorted((high + before, high + after))
            changes.append(Change(first, last, twice=after < before))
            to = high
            before = after
        at = to
    return Clock(zone, tuple(changes), before)
