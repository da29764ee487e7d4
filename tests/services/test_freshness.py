"""What nights bring is kept and compared: real files, real lake, one night after the other."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.small_contract import home_of, make_project
from tests.tiny import ROWS, interval_rows, write_csv, write_intervals, write_tiny
from wattmark import night
from wattmark.engine.session import DuckDBSession
from wattmark.quality.freshness import unusual, usual_gap
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

FIRST = dt.date(2026, 11, 2)
"""A Monday: the nights of its week are working days."""


def fresh(settings: Settings, day: dt.date) -> dict[str, dict[str, Any]]:
    """Take up what the source has, and what the mart then says by table; the watermark moves as after publishing."""
    run = Run.of(day, settings.utility.time_zone)
    for name in night.tables(settings):
        night.extract(settings, run, name)
    night.accept(settings, run)
    with DuckDBSession(whole(settings), run) as session:
        session.build("core.calendar")
        session.build("mart.source_freshness")
    with DuckDBSession(whole(settings), run) as session:
        found = session.query("SELECT * FROM mart.source_freshness").read_all().to_pylist()
    night.move_watermarks(settings, run)
    return {row["source_table"]: row for row in found}


def whole(settings: Settings) -> Settings:
    """The same home with the real project, whose marts are built of what was taken up."""
    return settings.model_copy(update={"project": PROJECT_ROOT})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home whose contract is the real one of the tables with rows: a night of all tables takes many times as long."""
    source = write_tiny(tmp_path / "src")
    project = make_project(tmp_path / "project", expectations=None, tables=(*ROWS, "interval_reading"))
    return home_of(tmp_path / "home", source, project)


def add_day(settings: Settings, day: dt.date, points: int = 30) -> None:
    write_intervals(
        Path(settings.sources[0].location), day.isoformat(), interval_rows(day.isoformat(), points)
    )


def test_a_short_night_stands_out(settings: Settings) -> None:
    own = {"usual_nights": {"value": 2, "since": "2026-01-01", "reason": "trial"}}
    parameters = load_settings(settings.home, parameters={"mart.source_freshness": own}).parameters
    settings = settings.model_copy(update={"parameters": parameters})
    days = [FIRST + dt.timedelta(days=number) for number in range(4)]
    for day in days[:3]:
        add_day(settings, day)
        found = fresh(settings, day)
    assert len(found) == len(night.tables(settings))
    held = found["interval_reading"]
    # The first night knows none before it; then each brought one day of thirty points.
    assert (held["rows_tonight"], held["nights"], held["is_short"], held["is_stale"]) == (
        1440,
        1,
        False,
        False,
    )
    assert held["days_behind"] == 0
    # Customers that changed once, long ago, have no rhythm that they could be behind.
    assert (found["customer"]["days_behind"], found["customer"]["is_stale"]) == (307, False)
    assert unusual(whole(settings), Run.of(days[2], settings.utility.time_zone)) == ([], [])

    # Three points of thirty, and the same date again, which replaces itself.
    add_day(settings, days[3], points=3)
    for _ in range(2):
        held = fresh(settings, days[3])["interval_reading"]
        assert (held["rows_tonight"], held["nights"], held["usual_rows"]) == (144, 2, 1440)
        assert held["is_short"] is True
    stale, short = unusual(whole(settings), Run.of(days[3], settings.utility.time_zone))
    assert [table.text for table in short] == ["interval_reading: 144 rows tonight, usually 1,440"]
    assert stale == []


def test_data_that_ended_three_weeks_ago_is_stale_the_first_night(settings: Settings) -> None:
    for number in range(-2, 3):
        add_day(settings, FIRST + dt.timedelta(days=number), points=1)
    # A row of the future makes nothing fresh.
    bills = [*ROWS["bill"], {**ROWS["bill"][0], "bill_id": "B99", "issued_at": "2031-01-01 00:00:00"}]
    write_csv(Path(settings.sources[0].location) / "bill.csv", list(bills[0]), bills)
    later = FIRST + dt.timedelta(days=23)
    found = fresh(settings, later)
    held = found["interval_reading"]
    assert (held["days_behind"], held["rows_tonight"], held["is_stale"], held["is_short"]) == (
        21,
        None,
        True,
        False,
    )
    assert found["bill"]["newest_at"] == dt.datetime(2026, 11, 1, 0, 0, tzinfo=dt.UTC)
    stale, _ = unusual(whole(settings), Run.of(later, settings.utility.time_zone))
    [said] = [table.text for table in stale]
    assert said.startswith("interval_reading: the newest row is of 2026-11-04 ")
    assert said.endswith(", 21 days behind")


@pytest.mark.parametrize(
    ("ago", "gap"),
    [
        ((0, 1, 2, 3, 4), 1),
        ((0, 1, 2, 5, 6), 3),
        ((0, 31, 61, 92, 122), 31),
        ((0, 1, 2, 3), None),
        # A day of the future, and one too long ago, say nothing.
        ((-9, 0, 1, 2, 3, 4, 500), 1),
        ((), None),
    ],
)
def test_the_usual_distance_between_days_with_rows(ago: tuple[int, ...], gap: int | None) -> None:
    newest = dt.date(2026, 11, 4)
    assert usual_gap([newest - dt.timedelta(days=days) for days in ago], newest) == gap
