"""The calendar: local days with what differs between countries."""

from __future__ import annotations

import datetime as dt

import holidays

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table

YEARS_BACK = 20
"""Orders that stay open and money that is not remitted are counted from their first day, however old."""


@python_table(
    "core.calendar",
    key=("day",),
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
    utility = context.settings.utility
    first = dt.date(context.run.as_of.year - YEARS_BACK, 1, 1)
    last = dt.date(context.run.as_of.year + 2, 12, 31)
    known = holidays.country_holidays(
        utility.country, subdiv=utility.subdivision, years=range(first.year, last.year + 1)
    )
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    working = [known.is_working_day(day) for day in days]
    numbers, count = [], 0
    for is_working in working:
        count += is_working
        numbers.append(count)
    return {
        "day": days,
        "is_working_day": working,
        "working_day_no": numbers,
        "iso_weekday": [day.isoweekday() for day in days],
        "is_holiday": [day in known for day in days],
    }
