"""Whatever came late, changed, went or was left half done: the stored tables are those of a full rebuild."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.examples import at_length
from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

DECLARED = (
    "facts.interval_daily", "facts.still_daily", "facts.interval_still", "facts.interval_flag",
    "facts.interval_estimate_error", "facts.interval_edit", "facts.consumption_daily", "facts.account_consumption_daily",
    "facts.area_loss_daily", "mart.fct_consumption_daily", "mart.fct_consumption_monthly", "facts.hourly_daily",
    "facts.hourly_profile", "facts.day_pattern", "facts.fed_account", "facts.area_misfit",
)  # fmt: skip
TABLES = (
    "core.calendar", "core.hour_band", "core.live_account", "core.point_feed", "facts.loss_member", "facts.interval_daily", "facts.still_daily",
    "facts.interval_still", "facts.point_limit", *DECLARED[3:],
)  # fmt: skip
OF_MONTH = (
    "facts.interval_still", "facts.interval_estimate_error", "facts.hourly_profile", "facts.day_pattern",
    "facts.fed_account", "facts.area_misfit",
)  # fmt: skip
"""Tables of the audited month alone, of which nothing may be left."""
INTERVALS = "accepted.interval_reading"
FIRST = dt.date(2026, 10, 10)
DAYS = 40
POINTS = ("M0", "M128", "M2")
"""A main point, one that estimates are tried on as well (its hash begins with 0), the area's."""


class Utility:
    """A lake in which anything may happen to some points between two nights.

    Args:
        home: an empty folder.
        seed: what happens follows from it.
    """

    def __init__(self, home: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.settings = load_settings(home)
        self.lake = Lake(self.settings.lake)
        self.as_of = FIRST + dt.timedelta(days=24)
        self.parameters: dict[str, dict[str, Any]] = {}
        self.points()
        days = [FIRST + dt.timedelta(days=number) for number in range(25)]
        rows = [row for day in days for row in self.day_of(day)]
        self.lake.replace(INTERVALS, self.table("interval_reading", rows), partition_by=["day"])

    def table(self, name: str, rows: list[dict[str, Any]]) -> pa.Table:
        return pa.Table.from_pylist(rows, schema=load_contract().tables[name].accepted_schema)

    def points(self) -> None:
        """Points and accounts, handed over whole, with capacities that may be others each time."""
        points = [
            {"metering_point_id": "M0", "account_id": "AM0", "role": "main", "supply_point_id": "S1"},
            {"metering_point_id": "M128", "account_id": self.random.choice(["AM0", "AM1"]), "supply_point_id": "S1",
             "role": self.random.choice(["main", "sub"])},
            {"metering_point_id": "M2", "account_id": self.random.choice([None, "AM1"]), "role": "area"},
        ]  # fmt: skip
        for point in points:
            point["installed_on"] = self.random.choice([None, FIRST + dt.timedelta(days=3)])
        accounts = [
            {"account_id": account, "contracted_kva": self.random.choice([4.0, 8.0]),
             "org_unit_id": self.random.choice(["U1", "U1", "U2"]), "status": "active",
             "opened_on": dt.date(2020, 1, 1)}
            for account in ("AM0", "AM1")
        ]  # fmt: skip
        handed_over = {
            "metering_point": points, "account": accounts,
            "supply_point": [{"supply_point_id": "S1", "transformer_id": "T1"}],
            "transformer": [{"transformer_id": "T1", "ownership": "public", "area_metering_point_id": "M2"}],
        }  # fmt: skip
        for name, rows in handed_over.items():
            self.lake.replace(f"accepted.{name}", self.table(name, rows))

    def day_of(self, day: dt.date) -> list[dict[str, Any]]:
        """What a day brings: nothing of some points, gaps, spikes, runs of one kwh, odd qualities."""
        rows = []
        for point in POINTS:
            kind = self.random.choice(["plain", "plain", "still", "odd", "none", "gap"])
            for hour in range(24):
                kwh: float | None = round(0.5 + self.random.random(), 3)
                quality = "measured"
                if kind == "none" or (kind == "gap" and self.random.random() < 0.3):
                    continue
                if kind == "still":
                    kwh = 1.0
                elif kind == "odd" and self.random.random() < 0.2:
                    kwh, quality = self.random.choice(
                        [
                            (30.0, "measured"),
                            (4.5, "measured"),
                            (-1.0, "measured"),
                            (None, "missing"),
                            (1.0, "suspect"),
                        ]
                    )
                start = dt.datetime.combine(day, dt.time(hour), self.settings.zone)
                rows.append(
                    {"metering_point_id": point, "interval_start": start, "interval_minutes": 60, "kwh": kwh,
                     "quality": quality, "day": day}
                )  # fmt: skip
        return rows

    def deliver(self, day: dt.date, rows: list[dict[str, Any]]) -> None:
        """Rows of a day in place of what was there of it."""
        self.lake.replace(INTERVALS, self.table("interval_reading", rows), where=f"day = '{day}'")

    def happen(self) -> str:
        """One thing that may happen between two nights; returns its name."""
        what = self.random.choice(["new", "new", "late", "gone", "back", "points", "definition", "nothing"])
        if what == "new":
            for _ in range(self.random.choice([1, 1, 4])):
                self.as_of += dt.timedelta(days=1)
                self.deliver(self.as_of, self.day_of(self.as_of))
        elif what in ("late", "gone"):
            day = FIRST + dt.timedelta(days=self.random.randrange((self.as_of - FIRST).days + 1))
            self.deliver(day, self.day_of(day) if what == "late" else [])
        elif what == "back":
            self.as_of -= dt.timedelta(days=self.random.choice([1, 6]))
        elif what == "points":
            self.points()
        elif what == "definition":
            owner, name, values = self.random.choice(
                [("facts.interval_flag", "spike_times", [3, 10]), ("facts.interval_flag", "stuck_hours", [24, 40]),
                 ("facts.interval_flag", "back_days", [8, 31]), ("core.hour_band", "peak_hours", [[8], [9]]),
                 ("facts.interval_edit", "short_hours", [0, 2, 25]), ("facts.interval_edit", "min_like_days", [1, 2]),
                 ("facts.interval_edit", "like_window_days", [7, 28])]
            )  # fmt: skip
            given = {"value": self.random.choice(values), "since": FIRST, "reason": "the test"}
            self.parameters.setdefault(owner, {})[name] = given
        return what

    def night(self, count: int) -> None:
        """A night that is killed after so many tables."""
        settings = self.today()
        with DuckDBSession(settings, Run.of(self.as_of, "Asia/Shanghai")) as session:
            for name in TABLES[:count]:
                session.build(name)

    def today(self) -> Settings:
        return load_settings(self.settings.home, parameters=self.parameters)

    def held(self, *, anew: bool) -> dict[str, tuple[Any, ...]]:
        """Rows and their hash by table: as they are stored, or made anew from what was accepted."""
        only = (lambda name: name.startswith("accepted.")) if anew else (lambda name: True)
        with DuckDBSession(
            self.today(), Run.of(self.as_of, "Asia/Shanghai"), stored=not anew, reads=only
        ) as session:
            found = {}
            for name in DECLARED:
                session.see([name])
                columns = ", ".join(f'"{column}"' for column in sorted(session.duck.table(name).columns))
                hashed = f"SELECT COUNT(*), SUM(hash({columns})) FROM {name}"
                found[name] = session.duck.execute(hashed).fetchall()[0]
            return found


def _lives(home: Path, seed: int, nights: int) -> None:
    utility = Utility(home, seed)
    utility.night(len(TABLES))
    story = []
    for _ in range(nights):
        story.append(utility.happen())
        if utility.random.random() < 0.3:
            killed = utility.random.randrange(len(TABLES))
            utility.night(killed)
            story += [f"killed after {killed}", utility.happen()]
        utility.night(len(TABLES))
        held = utility.held(anew=False)
        assert held == utility.held(anew=True), f"seed {seed}: {', '.join(story)}"
    assert not [name for name, (count, _) in held.items() if count == 0 and name not in OF_MONTH]


def test_some_nights_equal_a_full_rebuild(tmp_path: Path) -> None:
    _lives(tmp_path, 3, 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(at_length(12)))
def test_many_nights_equal_a_full_rebuild(tmp_path: Path, seed: int) -> None:
    _lives(tmp_path, seed, 12)
