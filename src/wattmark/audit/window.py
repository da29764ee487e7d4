"""Windows of time: how long a rule that judges states looks back, or ahead, at the day that a finding rests on.

A finding whose day has left the window is found no more, and nothing was mended. A rule's header says so by ``window``:
``on`` names the evidence that holds the day, and one of these how far it may lie from the run's,

- ``within``: at most so many before ``as_of``;
- ``below``: less than so many before ``as_of``;
- ``ahead``: from ``as_of`` to so many after it,

a number or the name of a parameter, in ``unit``: days, months, or periods (calendar months up to the audited one, which is
the first). Where ``on`` is empty the finding rests on something that has not ended, and is in the window.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wattmark.engine.sqlfile import SqlFile
from wattmark.errors import SqlFileError
from wattmark.run import Run

UNITS = ("days", "months", "periods")
REACHES = ("within", "below", "ahead")


@dataclass(frozen=True)
class Window:
    """A window of time: ``reach`` is one of ``REACHES``, ``length`` a number or a parameter's name."""

    on: str
    reach: str
    length: int | str
    unit: str

    def holds(self, evidence: Mapping[str, Any], run: Run, values: Mapping[str, Any]) -> bool:
        """Whether the day of a finding lies in the window of a run.

        Args:
            evidence: of the finding, as published.
            run: the night that looks.
            values: the rule's parameters in force.
        """
        day = _day_of(evidence.get(self.on), run)
        length = values.get(self.length) if isinstance(self.length, str) else self.length
        if day is None or length is None:
            return True
        if self.reach == "ahead":
            return run.as_of <= day <= _moved(run.as_of, int(length), self.unit)
        if self.unit == "periods":
            return day >= add_months(run.period, 1 - int(length))
        first = _moved(run.as_of, -int(length), self.unit)
        return day >= first if self.reach == "within" else day > first


def window_of(file: SqlFile) -> Window | None:
    """The window of a rule's header; None where it has none.

    Raises:
        SqlFileError: it is not written as above, names no evidence or no parameter, or stands at a rule that judges months.
    """
    given = file.header.get("window")
    if given is None:
        return None

    def wrong(what: str) -> SqlFileError:
        return SqlFileError(
            "rule.window",
            f"{file.path}:1: window {what}.",
            "Write {on: closed_on, within: 730, unit: days}; within may be below or ahead, its number a parameter's name.",
        )

    if not isinstance(given, dict) or not isinstance(given.get("on"), str):
        raise wrong("says no `on`")
    reach = [word for word in REACHES if word in given]
    if len(reach) != 1 or set(given) - {"on", "unit", *REACHES} or given.get("unit") not in UNITS:
        raise wrong(f"must say one of {', '.join(REACHES)}, and as unit one of {', '.join(UNITS)}")
    length = given[reach[0]]
    if isinstance(length, bool) or not (
        (isinstance(length, int) and length > 0) or length in file.parameters
    ):
        raise wrong(f"names {length!r}, which is neither a number above 0 nor a parameter")
    if reach[0] != "within" and given["unit"] == "periods":
        raise wrong("counts periods, which is `within` only")
    if file.header.get("judges") != "state":
        raise wrong("belongs to rules that judge states; a month is a window of its own")
    if given["on"] not in {name.lower() for name in file.statement.named_selects}:
        raise file.error("rule.columns", f"the SELECT gives no column {given['on']}.")
    return Window(given["on"], reach[0], length, given["unit"])


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day so many months later, cut to the month's end."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _moved(day: dt.date, count: int, unit: str) -> dt.date:
    return day + dt.timedelta(days=count) if unit == "days" else add_months(day, count)


def _day_of(value: Any, run: Run) -> dt.date | None:
    """A day of the evidence: as it is written, or the local one of a point in time."""
    if value is None:
        return None
    text = str(value)
    if len(text) == 10:
        return dt.date.fromisoformat(text)
    moment = dt.datetime.fromisoformat(text)
    return (moment.astimezone(run.zone) if moment.tzinfo else moment).date()
