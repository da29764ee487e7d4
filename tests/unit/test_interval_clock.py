"""Intervals on the days a clock is changed, and how a source labels, signs and grades them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from wattmark.contract import Column, Table, load_contract
from wattmark.quality.checks import reason_sql, structure_checks
from wattmark.quality.reading import reading_of
from wattmark.quality.typed import typed_select, with_day
from wattmark.source_settings import SourceSettings

TABLE = load_contract().tables["interval_reading"]
COLUMNS = (
    "metering_point_id",
    "interval_start",
    "interval_minutes",
    "kwh",
    "quality",
    "_file",
    "quality_code",
)


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def read(
    duck: duckdb.DuckDBPyConnection,
    rows: Sequence[Sequence[Any]],
    *,
    zone: str = "Europe/Berlin",
    table: Table = TABLE,
    order: bool = True,
    more: str = "",
    **settings: Any,
) -> list[tuple[Any, ...]]:
    """Rows (point, start, minutes, kwh, quality[, file]) as landed by day: start in UTC, kwh, quality, reason."""
    reading = reading_of(SourceSettings(location="x", **settings), table, ZoneInfo(zone))
    duck.execute(f"SET TimeZone = '{zone}'")
    padded = [(*row, *("part-0.csv", None)[len(row) - 5 :]) for row in rows]
    columns = zip(*padded, strict=True)
    incoming = pa.table(
        {name: pa.array(list(values), pa.string()) for name, values in zip(COLUMNS, columns, strict=True)}
    )
    if order:
        incoming = incoming.append_column("_position", pa.array(range(len(rows)), pa.int64()))
    kinds = {name: "BIGINT" if name == "_position" else "VARCHAR" for name in incoming.schema.names}
    for column in table.columns:
        if column.name not in kinds:
            incoming = incoming.append_column(column.name, pa.nulls(len(rows), pa.string()))
            kinds[column.name] = "VARCHAR"
    numbered = incoming.append_column("number", pa.array(range(len(rows)), pa.int64()))
    duck.register("incoming", numbered)
    select = with_day(table, "incoming", {**kinds, "number": "BIGINT"}, reading, "day")
    duck.execute(f"CREATE OR REPLACE TABLE landing AS {select}")
    kinds["day"] = "DATE"
    days = [
        row[0] for row in duck.execute("SELECT DISTINCT day FROM landing WHERE day IS NOT NULL").fetchall()
    ]
    reason = reason_sql(tuple(structure_checks(table, 0.05)))
    found = []
    for known in (None, days):
        typed = typed_select(
            table, "landing", kinds, ("number", "day AS landed_day"), reading=reading, days=known
        )
        select = f"SELECT epoch_us(interval_start), kwh, quality, {reason}{more}, landed_day = CAST(interval_start AS DATE)"
        found.append(duck.execute(f"{select} FROM ({typed}) ORDER BY number").fetchall())
    assert found[0] == found[1], "the same whether the days are known beforehand or not"
    assert all(row[-1] or row[3] for row in found[0]), "a row lies on the day it is read as"
    return [
        (dt.datetime.fromtimestamp(row[0] / 1e6, dt.UTC) if row[0] is not None else None, *row[1:-1])
        for row in found[0]
    ]


def day_of(
    labels: Sequence[str],
    *,
    point: str = "P1",
    minutes: int = 30,
    file: str = "a.csv",
    quality: str = "measured",
) -> list[tuple[Any, ...]]:
    return [(point, label, str(minutes), f"1.{at:03}", quality, file) for at, label in enumerate(labels)]


def labels(day: str, zone: str, minutes: int = 30) -> tuple[list[str], list[dt.datetime]]:
    """Local labels of a day, one after the other as a wall clock shows them, and the moments they mean."""
    info = ZoneInfo(zone)
    at = dt.datetime.fromisoformat(day).replace(tzinfo=info).astimezone(dt.UTC)
    found: list[dt.datetime] = []
    while str(at.astimezone(info).date()) == day:
        found.append(at)
        at += dt.timedelta(minutes=minutes)
    return [f"{moment.astimezone(info):%Y-%m-%d %H:%M:%S}" for moment in found], found


LONG_DAYS = [
    ("Europe/Berlin", "2026-10-25", 30, 50),
    ("Europe/Berlin", "2026-10-25", 15, 100),
    ("Europe/Berlin", "2026-10-25", 60, 25),
    ("America/New_York", "2026-11-01", 30, 50),
    ("Australia/Lord_Howe", "2026-04-05", 30, 49),
    ("Australia/Lord_Howe", "2026-04-05", 15, 98),
    ("America/Havana", "2026-11-01", 30, 50),
]


@pytest.mark.parametrize(("zone", "day", "minutes", "rows"), LONG_DAYS)
def test_the_order_in_the_file_tells_times_that_exist_twice_apart(
    duck: Any, zone: str, day: str, minutes: int, rows: int
) -> None:
    names, moments = labels(day, zone, minutes)
    assert len(names) == rows > len(set(names))
    given = day_of(names, minutes=minutes)
    found = read(duck, given, zone=zone)
    assert [(start, reason) for start, _, _, reason in found] == [(moment, None) for moment in moments]
    newest_first = read(duck, given[::-1], zone=zone)
    assert newest_first == found[::-1]
    by_time = sorted([*given, *day_of(names, minutes=minutes, point="P2")], key=lambda row: row[3])
    assert [row[0] for row in read(duck, by_time, zone=zone)] == [
        moment for moment in moments for _ in range(2)
    ]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("America/New_York", "2026-03-08"),
        ("Australia/Lord_Howe", "2026-10-04"),
        ("Europe/Berlin", "2026-10-24"),
    ],
)
def test_short_and_ordinary_days_are_read_as_they_are(duck: Any, zone: str, day: str) -> None:
    names, moments = labels(day, zone)
    assert [(row[0], row[3]) for row in read(duck, day_of(names), zone=zone)] == [
        (moment, None) for moment in moments
    ]


def test_order_that_cannot_tell_refuses_the_hour_and_nothing_else(duck: Any) -> None:
    names, _ = labels("2026-10-25", "Europe/Berlin")
    in_hour = {"2026-10-25 02:00:00", "2026-10-25 02:30:00"}

    def refused(rows: Sequence[tuple[Any, ...]], **how: Any) -> set[str]:
        found = read(duck, rows, **how)
        assert {row[3] for row in found} <= {None, "clock:interval_start"}
        return {given[1] for given, row in zip(rows, found, strict=True) if row[3]}

    rows = day_of(names)
    assert refused(sorted(rows, key=lambda row: row[1])) == in_hour, "sorted by label"
    once = [row for at, row in enumerate(rows) if row[1] not in names[:at]]
    assert refused(once) == in_hour, "only one of the two"
    assert refused([*rows[:6], *[(*row[:5], "b.csv") for row in rows[6:]]]) == in_hour, "one in each file"
    assert refused([*rows, *rows]) == in_hour, "the whole day twice"
    assert refused([*rows[10:], *rows[:10]]) == in_hour, "out of order"
    found = read(duck, rows, order=False)
    assert sum(row[3] == "clock:interval_start" for row in found) == 4, "a source without an order"
    hourly, _ = labels("2026-10-25", "Europe/Berlin", 60)
    assert refused([*day_of(hourly, minutes=60)[::2], *day_of(hourly, minutes=60)[1::2]]) == {
        "2026-10-25 02:00:00"
    }


def test_a_zone_in_the_text_is_exact(duck: Any) -> None:
    _, moments = labels("2026-10-25", "Europe/Berlin")
    written = [moment.astimezone(ZoneInfo("Europe/Berlin")).isoformat(sep=" ") for moment in moments]
    assert [(row[0], row[3]) for row in read(duck, day_of(sorted(written)))] == [
        (moment, None) for moment in sorted(moments, key=lambda moment: written[moments.index(moment)])
    ]


def test_fillers_of_an_hour_that_did_not_exist_are_left_out_and_values_in_it_refused(duck: Any) -> None:
    rows = [
        ("P1", "2026-03-29 01:30:00", "30", "5", "measured"),
        ("P1", "2026-03-29 02:00:00", "30", "0.0", "measured"),
        ("P1", "2026-03-29 02:30:00", "30", "", "missing"),
        ("P2", "2026-03-29 02:30:00", "30", "5", "measured"),
        ("P3", "2026-03-29 02:30:00", "30", "x", "measured"),
        ("P1", "2026-03-29 03:00:00", "30", "5", "measured"),
    ]  # fmt: skip
    reasons = [
        None,
        "filler:interval_start",
        "filler:interval_start",
        "clock:interval_start",
        "clock:interval_start",
        None,
    ]
    assert [row[3] for row in read(duck, rows)] == reasons


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2026-10-25"),
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-24"),
        ("Asia/Shanghai", "2026-10-14"),
    ],
)
def test_labels_at_the_end_become_starts(duck: Any, zone: str, day: str) -> None:
    _, moments = labels(day, zone)
    ends = [
        f"{(moment + dt.timedelta(minutes=30)).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
        for moment in moments
    ]
    found = read(duck, day_of(ends), zone=zone, reading_at_end=True)
    assert [(row[0], row[3]) for row in found] == [(moment, None) for moment in moments]


def test_an_end_whose_start_may_lie_on_another_day_is_refused(duck: Any) -> None:
    names, _ = labels("2026-11-01", "America/Havana")
    found = read(duck, day_of(names), zone="America/Havana", reading_at_end=True)
    # The later midnight's interval begins on another day than that of the earlier one, by whose day rows lie.
    assert [row[3] for row in found[:6]] == [None, None, "clock:interval_start", None, None, None]


def test_a_length_that_is_not_read_leaves_the_label_and_its_own_reason(duck: Any) -> None:
    rows = [
        ("P1", "2026-10-14 08:30:00", minutes, "1", "measured") for minutes in ("x", "", "999999999999999999")
    ]
    found = read(duck, rows, reading_at_end=True)
    assert [row[3] for row in found] == ["type:interval_minutes", "required:interval_minutes", None]
    assert {row[0] for row in found} == {dt.datetime(2026, 10, 14, 6, 30, tzinfo=dt.UTC)}


def test_qualities_by_the_source_s_codes(duck: Any) -> None:
    codes = {"A": "measured", "S": "estimated", "S99": "suspect", "F": "estimated", "N": "missing"}
    given = ["A", "S14", "s14 ", "S99", "F", "N", "measured", "Estimated", "X1", "Sx", ""]
    wanted = [
        "measured",
        "estimated",
        "estimated",
        "suspect",
        "estimated",
        "missing",
        "measured",
        "estimated",
        "X1",
        "Sx",
        None,
    ]
    rows = [("P1", f"2026-10-14 {at:02}:00:00", "60", "1", code) for at, code in enumerate(given)]
    found = read(duck, rows, quality_codes=codes)
    assert [row[2] for row in found] == wanted
    assert [row[3] for row in found[-3:]] == ["values:quality", "values:quality", "required:quality"]


WITH_EXPORT = Table(
    TABLE.name,
    (
        *TABLE.columns,
        Column("export_kwh", "double", optional=True),
        Column("quality_code", "string", optional=True),
    ),
    since=TABLE.since,
    partition=TABLE.partition,
)


def test_signed_energy_is_split_by_direction(duck: Any) -> None:
    rows = [
        ("P1", f"2026-10-14 {at:02}:00:00", "60", kwh, "measured")
        for at, kwh in enumerate(["2.5", "-1.5", "0", "", "x"])
    ]
    assert [row[1] for row in read(duck, rows, signed_kwh=True)] == [2.5, 0.0, 0.0, None, None]
    found = read(duck, rows, signed_kwh=True, table=WITH_EXPORT, more=", export_kwh")
    assert [(row[1], row[4]) for row in found] == [
        (2.5, 0.0),
        (0.0, 1.5),
        (0.0, 0.0),
        (None, None),
        (None, None),
    ]
    assert [row[1] for row in read(duck, rows, table=WITH_EXPORT)] == [2.5, -1.5, 0.0, None, None]


def test_an_empty_quality_is_that_of_the_code_where_the_contract_has_both(duck: Any) -> None:
    given = [("", "S14", "estimated"), ("measured", "S14", "measured"), ("", "", None), ("", "X", None)]
    rows = [
        ("P1", f"2026-10-14 {at:02}:00:00", "60", "1", quality, "a.csv", code)
        for at, (quality, code, _) in enumerate(given)
    ]
    found = read(duck, rows, quality_codes={"S": "estimated"}, table=WITH_EXPORT)
    assert [row[2] for row in found] == [wanted for *_, wanted in given]
