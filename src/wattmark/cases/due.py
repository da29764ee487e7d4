"""Due days: working days of the utility's own calendar."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import holidays

from wattmark.settings import Settings


def working_day_after(settings: Settings, day: dt.date, working_days: int) -> dt.date:
    """The day that comes so many working days after a day, which itself does not count.

    Args:
        settings: whose ``utility`` names country and part of it.
        day: the day it counts from.
        working_days: at least 0; 0 gives the day itself.
    """
    utility = settings.utility
    return _after(utility.country, utility.subdivision, day, working_days)


def due_after(settings: Settings, day: dt.date, severity: str) -> dt.date:
    """The day on which a case of a severity is due that was opened, or has to be done anew, on a day."""
    return working_day_after(settings, day, settings.cases.due_days.of(severity))


@lru_cache(maxsize=4096)
def _after(country: str, subdivision: str | None, day: dt.date, working_days: int) -> dt.date:
    known = _calendar(country, subdivision)
    while working_days:
        day += dt.timedelta(days=1)
        working_days -= known.is_working_day(day)
    return day


@lru_cache(maxsize=8)
def _calendar(country: str, subdivision: str | None) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=subdivision)
