"""One run of the night: the date it speaks for, the month it audits, and its name."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Run:
    """What a night is keyed by. Two runs of the same date and period are the same run.

    ``period`` is the first day of the audited billing month (P in the rules).
    """

    as_of: dt.date
    period: dt.date
    time_zone: str

    @classmethod
    def of(cls, as_of: dt.date, time_zone: str, period: dt.date | None = None) -> Run:
        """A run for a day; ``period`` defaults to the last full calendar month before it."""
        last_month = (as_of.replace(day=1) - dt.timedelta(days=1)).replace(day=1)
        return cls(as_of=as_of, period=(period or last_month).replace(day=1), time_zone=time_zone)

    @property
    def run_id(self) -> str:
        """Stable name of the run, made of its date and period alone."""
        return f"{self.as_of:%Y%m%d}-{self.period:%Y%m}"

    @property
    def period_end(self) -> dt.date:
        """Last day of the audited month."""
        return self.period.replace(day=calendar.monthrange(self.period.year, self.period.month)[1])

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose days are meant."""
        return ZoneInfo(self.time_zone)

    def _midnight(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self.zone).astimezone(dt.UTC)

    def scalars(self) -> dict[str, object]:
        """Values of the placeholders every SQL file may use.

        ``$as_of``, ``$period``, ``$period_end``, ``$period_next`` are local days; ``$as_of_end``,
        ``$period_start_at`` and ``$period_end_at`` are instants (the latter two bound the month, the
        end excluded); ``$period_days`` and ``$period_hours`` are whole numbers (hours as they really
        passed, daylight saving included); ``$run_id`` is text.
        """
        after = self.period_end + dt.timedelta(days=1)
        start, end = self._midnight(self.period), self._midnight(after)
        return {
            "as_of": self.as_of,
            "as_of_end": self._midnight(self.as_of + dt.timedelta(days=1)),
            "period": self.period,
            "period_end": self.period_end,
            "period_next": after,
            "period_start_at": start,
            "period_end_at": end,
            "period_days": self.period_end.day,
            "period_hours": int((end - start).total_seconds() // 3600),
            "run_id": self.run_id,
        }
