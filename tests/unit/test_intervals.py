"""Which of the intervals hold that lie over each other."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pytest

from wattmark.contract import load_contract
from wattmark.quality.intervals import may_overlap_sql, overlapped_sql, repeated_sql

TABLE = load_contract().tables["interval_reading"]


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'Asia/Shanghai'")
        yield connection


def refused(
    duck: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, str, int]], **how: Any
) -> list[tuple[str, str]]:
    """Of intervals (point, local start, minutes) those that do not hold: point and start, ascending."""
    listed = ", ".join(f"('{point}', TIMESTAMPTZ '{start}', {minutes})" for point, start, minutes in rows)
    relation = f"(SELECT *, CAST(interval_start AS DATE) AS day FROM (VALUES {listed}) AS v(metering_point_id, interval_start, interval_minutes))"
    sql = overlapped_sql(TABLE, relation, **how)
    found = duck.execute(
        f"SELECT metering_point_id, strftime(interval_start, '%Y-%m-%d %H:%M') FROM ({sql}) ORDER BY ALL"
    ).fetchall()
    if found:
        assert duck.execute(may_overlap_sql(TABLE, relation)).fetchall() == [(True,)]
    return [(point, start) for point, start in found]


def day(
    minutes: int, *, point: str = "P", at: str = "2026-10-14", hours: tuple[int, int] = (0, 24)
) -> list[tuple[str, str, int]]:
    first = dt.datetime.fromisoformat(at) + dt.timedelta(hours=hours[0])
    count = (hours[1] - hours[0]) * 60 // minutes
    return [
        (point, f"{first + dt.timedelta(minutes=minutes * number):%Y-%m-%d %H:%M}", minutes)
        for number in range(count)
    ]


def test_a_day_of_one_length_holds_whole_and_is_passed_by_cheaply(duck: Any) -> None:
    rows = [*day(30), *day(30, point="Q")]
    assert refused(duck, rows) == []
    listed = ", ".join(f"('{p}', TIMESTAMPTZ '{s}', {m})" for p, s, m in rows)
    relation = f"(VALUES {listed}) AS v(metering_point_id, interval_start, interval_minutes)"
    assert duck.execute(may_overlap_sql(TABLE, relation)).fetchall() == [(False,)]
    assert duck.execute(may_overlap_sql(load_contract().tables["bill"], "x")).fetchall() == [(False,)]


@pytest.mark.parametrize("first", [dt.datetime(1969, 1, 1, 20, 7), dt.datetime(2026, 10, 14)])
@pytest.mark.parametrize("minutes", [5, 15, 30, 60, 1440])
@pytest.mark.parametrize("again", [None, 0, 1, 119, 120, 121, 287])
def test_a_repeated_interval_is_seen_wherever_it_lies(
    duck: Any, first: dt.datetime, minutes: int, again: int | None
) -> None:
    starts = [first + dt.timedelta(minutes=minutes * number) for number in range(288)]
    rows = [(point, start) for point in "PQ" for start in starts]
    if again is not None:
        rows.append(("Q", starts[again]))
    listed = ", ".join(f"('{point}', TIMESTAMPTZ '{start}', {minutes})" for point, start in rows)
    relation = f"(VALUES {listed}) AS v(metering_point_id, interval_start, interval_minutes)"
    assert duck.execute(repeated_sql(TABLE, relation)).fetchall() == [(again is not None,)]


def test_intervals_without_a_length_are_not_said_to_be_single(duck: Any) -> None:
    for minutes in ("NULL", "0"):
        relation = f"(VALUES ('P', TIMESTAMPTZ '2026-10-14', {minutes}), ('P', TIMESTAMPTZ '2026-10-14', {minutes})) AS v(metering_point_id, interval_start, interval_minutes)"
        assert duck.execute(repeated_sql(TABLE, relation)).fetchall() == [(True,)]


def test_a_day_twice_in_two_lengths_holds_in_the_shorter(duck: Any) -> None:
    hourly = [row for row in day(60) if row[1].endswith(":00")]
    # One key has one row: of each full hour's start either the half-hour or the hour is left.
    half_hours = [row for row in day(30) if row[1].endswith(":30")]
    only_halves = refused(duck, [*day(30), *[("P", "2026-10-14 08:15", 60)]])
    assert only_halves == [("P", "2026-10-14 08:15")]
    mixed = refused(duck, [*hourly[:2], *half_hours, *[row for row in day(30) if row[1].endswith(":00")][2:]])
    assert mixed == [("P", "2026-10-14 00:00"), ("P", "2026-10-14 01:00")]


@pytest.mark.parametrize(
    ("stray", "minutes"), [("08:15", 15), ("08:45", 15), ("08:10", 30), ("08:15", 60), ("23:45", 60)]
)
def test_a_stray_interval_gives_way_to_the_length_of_the_day(duck: Any, stray: str, minutes: int) -> None:
    rows = [*day(30), ("P", f"2026-10-14 {stray}", minutes), *day(60, point="Q")]
    assert refused(duck, rows) == [("P", f"2026-10-14 {stray}")]
    assert refused(duck, rows, day="day") == [("P", f"2026-10-14 {stray}")]


def test_lengths_that_follow_each_other_hold_side_by_side(duck: Any) -> None:
    assert refused(duck, [*day(30, hours=(0, 10)), *day(15, hours=(10, 24))]) == []
    assert refused(duck, [*day(60), *day(15, at="2026-10-15")]) == []


def test_alone_the_earlier_holds(duck: Any) -> None:
    rows = [("P", "2026-10-14 08:00", 30), ("P", "2026-10-14 08:20", 30)]
    assert refused(duck, rows) == [("P", "2026-10-14 08:20")]


def test_what_is_left_never_overlaps_whatever_the_order(duck: Any) -> None:
    chance = random.Random(7)
    for _ in range(15):
        starts = chance.sample(range(0, 1380, 5), 40)
        first = dt.datetime(2026, 10, 14)
        rows = [
            (
                chance.choice("PQ"),
                f"{first + dt.timedelta(minutes=at):%Y-%m-%d %H:%M}",
                chance.choice([15, 30, 60]),
            )
            for at in starts
        ]
        out = refused(duck, rows)
        assert out == refused(duck, chance.sample(rows, len(rows)))
        left = [row for row in rows if (row[0], row[1]) not in out]
        spans = sorted((point, dt.datetime.fromisoformat(start), minutes) for point, start, minutes in left)
        for earlier, later in itertools.pairwise(spans):
            assert earlier[0] != later[0] or earlier[1] + dt.timedelta(minutes=earlier[2]) <= later[1]


def test_rows_that_are_no_intervals_are_refused() -> None:
    with pytest.raises(ValueError, match="no intervals"):
        overlapped_sql(load_contract().tables["bill"], "x")
