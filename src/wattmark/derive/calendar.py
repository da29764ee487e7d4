"""The calendar: local days with what differs between countries."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import pyarrow as pa

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table

YEARS_BACK = 20
"""Orders that stay open and money that is not remitted are counted from their first day, however old."""


@python_table(
    "core.calendar",
    key=("day",),
    settings=("utility.country", "utility.subdivision"),
    columns={
        "day": "date",
        "is_working_day": "boolean",
        "working_day_no": "integer",
        "iso_weekday": "integer",
        "is_holiday": "boolean",
    },
    grain="one row per local day, from twenty years before as_of to two years after",
    purpose="Working days by the country's calendar, make-up Saturdays included; weekdays that mean the same on every engine.",
    docs={
        "working_day_no": "Working days since the calendar's start, so that the working days d with a < d <= b are "
        "the number at b less the number at a.",
        "iso_weekday": "1 Monday to 7 Sunday.",
    },
)
def calendar(context: TableContext) -> Rows:
    """Days with their working-day number (source of holidays: the ``holidays`` package)."""
    utility, year = context.settings.utility, context.run.as_of.year
    return _days(utility.country, utility.subdivision, year - YEARS_BACK, year + 2)


@lru_cache(maxsize=8)
def _days(country: str, subdivision: str | None, first_year: int, last_year: int) -> pa.Table:
    """The days of some years; kept, as each session in memory that a root cause or a look-up opens asks for them."""
    import holidays

    first, last = dt.date(first_year, 1, 1), dt.date(last_year, 12, 31)
    known = holidays.country_holidays(country, subdiv=subdivision, years=range(first_year, last_year + 1))
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    working = [known.is_working_day(day) for day in days]
    numbers, count = [], 0
    for is_working in working:
        count += is_working
        numbers.append(count)
    return pa.table(
        {
            "day": days,
            "is_working_day": working,
            "working_day_no": numbers,
            "iso_weekday": [day.isoweekday() for day in days],
            "is_holiday": [day in known for day in days],
        }
    )
