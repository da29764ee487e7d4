"""Periods that reviews speak of, and which of them are due in a night."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

SpanName = Literal["day", "week", "month", "quarter", "year"]
SPANS: tuple[SpanName, ...] = get_args(SpanName)
FIGURE_SPANS: tuple[SpanName, ...] = ("month", "quarter", "year")
"""Spans that key figures are published for; reviews of shorter ones show those of the newest month."""
MOST_MISSED: dict[SpanName, int] = {"day": 1, "week": 8, "month": 12, "quarter": 4, "year": 1}
"""Periods back that are caught up: key figures hold twelve months."""
_MONTHS: dict[SpanName, int] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, order=True)
class Period:
    """A span with its first and last day."""

    span: SpanName
    first: dt.date
    last: dt.date

    @classmethod
    def of(cls, span: SpanName, day: dt.date) -> Period:
        """The period of a span that holds a day."""
        if span == "day":
            return cls(span, day, day)
        if span == "week":
            monday = day - dt.timedelta(days=day.weekday())
            return cls(span, monday, monday + dt.timedelta(days=6))
        size = _MONTHS[span]
        start = (day.month - 1) // size * size + 1
        end = start + size - 1
        return cls(
            span,
            dt.date(day.year, start, 1),
            dt.date(day.year, end, calendar.monthrange(day.year, end)[1]),
        )

    def before(self) -> Period:
        """The period right before it."""
        return Period.of(self.span, self.first - dt.timedelta(days=1))

    def after(self) -> Period:
        """The period right after it."""
        return Period.of(self.span, self.last + dt.timedelta(days=1))


def span_of_figures(span: SpanName) -> SpanName:
    """The span whose key figures a review shows: its own, or the month where it is shorter."""
    return span if span in FIGURE_SPANS else "month"


def newest(span: SpanName, as_of: dt.date) -> Period:
    """The newest period of which a night knows all: days and weeks to its own day; months, quarters and years once the
    night audits their last month, so from the first day after them."""
    held = Period.of(span, as_of)
    is_known = held.last <= as_of if span in ("day", "week") else False
    return held if is_known else held.before()


def due(span: SpanName, as_of: dt.date, last: dt.date | None) -> Iterator[Period]:
    """Periods that a night reviews, oldest first: those since the last one reviewed, up to ``MOST_MISSED``; without any the newest alone.

    Args:
        span: which.
        as_of: the night.
        last: first day of the newest period that an earlier night reviewed; None where there is none.
    """
    at = newest(span, as_of)
    found: list[Period] = []
    while (last is None and not found) or (last is not None and at.first > last):
        found.append(at)
        if len(found) == MOST_MISSED[span]:
            break
        at = at.before()
    yield from reversed(found)
