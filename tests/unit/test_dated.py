"""Parameters that change with the calendar: the value in force on the run's day, and on a row's own."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wattmark.engine.catalog import load_catalog
from wattmark.engine.dated import is_dated, over, raw_of, spans_of, step_on, steps_of
from wattmark.engine.sqlfile import SqlFile, read_sql_file, render
from wattmark.errors import SettingsError, SqlFileError
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, load_settings

CHANGED = dt.date(2024, 6, 1)
DAYS = [{"value": 180}, {"from": CHANGED, "value": 15}]


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _file(folder: Path, params: str, sql: str, header: str = "") -> SqlFile:
    path = folder / "one.sql"
    path.write_text(
        f"/*\ngrain: one row\nkey: [day]\npurpose: A test.\n{header}params:\n{params}\n*/\n{sql}\n"
    )
    return read_sql_file(path, "facts")


def _rows(
    file: SqlFile, as_of: str = "2024-06-15", overrides: dict[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    run = Run.of(_day(as_of), "Asia/Shanghai")
    return duckdb.sql(render(file.bound(run.scalars(), overrides), "duckdb")).fetchall()


LEAST = "  least: {type: integer, default: [{value: 180}, {from: 2024-06-01, value: 15}], minimum: 0}"


@pytest.mark.parametrize(
    ("header", "as_of", "value"),
    [
        ("", "2024-06-15", 180),  # P is May
        ("", "2024-07-01", 15),
        ("judges: month\n", "2024-06-15", 180),
        ("judges: state\n", "2024-06-15", 15),
        ("judges: state\n", "2024-06-01", 15),
        ("judges: state\n", "2024-05-31", 180),
    ],
)
def test_the_run_day_is_as_of_for_a_state_and_the_end_of_p_else(
    tmp_path: Path, header: str, as_of: str, value: int
) -> None:
    assert _rows(_file(tmp_path, LEAST, "SELECT $least AS day", header), as_of) == [(value,)]


def test_on_day_reads_the_value_of_each_row_and_the_runs_where_a_row_has_no_day(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        LEAST,
        "SELECT v.day, on_day($least, v.day + 0) + 1 AS least FROM "
        "(VALUES (DATE '2024-05-31'), (DATE '2024-06-01'), (CAST($as_of AS DATE)), (NULL)) AS v(day) ORDER BY 1 NULLS LAST",
    )
    expected = [(_day("2024-05-31"), 181), (CHANGED, 16), (_day("2024-06-15"), 16), (None, 181)]
    assert _rows(file) == expected
    # What a utility sets without a day holds on every one.
    assert [row[1] for row in _rows(file, overrides={"least": 3})] == [4, 4, 4, 4]


def test_an_empty_value_is_allowed_where_the_default_is_empty_at_some_time(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        "  most: {type: integer, default: [{value: 2}, {from: 2024-06-01, value: null}], minimum: 0}\n"
        "  least: {type: integer, default: 3}",
        "SELECT ON_DAY($most, DATE '2024-05-31') AS before, ON_DAY($most, DATE '2024-06-01') AS day, $most AS run",
    )
    assert _rows(file) == [(2, None, 2)]
    assert file.parameters["most"].check(None, "here") is None
    with pytest.raises(SettingsError, match="None is not a integer"):
        file.parameters["least"].check(None, "here")


def test_relations_give_the_rows_of_the_runs_day_or_all_with_their_days(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        LEAST + "\n  limits: {type: map, columns: {kind: string, most: double}, "
        "default: [{value: {low: 3, high: 14}}, {from: 2024-06-01, value: {low: 2}}]}",
        "SELECT l.kind, l.most FROM param.limits AS l ORDER BY 1",
    )
    assert _rows(file, "2024-06-15") == [("high", 14.0), ("low", 3.0)]
    assert _rows(file, "2024-07-15") == [("low", 2.0)]
    dated = _file(
        tmp_path,
        LEAST + "\n  limits: {type: map, columns: {kind: string, most: double}, "
        "default: [{value: {low: 3}}, {from: 2024-06-01, value: {low: 2}}]}",
        "SELECT l.kind, l.most, l.from_on, l.to_on, least.value, least.to_on FROM dated.limits AS l "
        "JOIN dated.least ON least.from_on = l.from_on ORDER BY l.from_on",
    )
    assert dated.references == frozenset()
    assert _rows(dated) == [
        ("low", 3.0, dt.date(1, 1, 1), _day("2024-05-31"), 180, _day("2024-05-31")),
        ("low", 2.0, CHANGED, dt.date(9999, 12, 31), 15, dt.date(9999, 12, 31)),
    ]


@pytest.mark.parametrize(
    ("params", "sql", "message"),
    [
        (LEAST, "SELECT ON_DAY(3, DATE '2024-06-01') AS day", "ON_DAY takes a scalar parameter"),
        (LEAST, "SELECT ON_DAY($least) AS day", "ON_DAY takes a scalar parameter"),
        (LEAST, "SELECT ON_DAY($other, DATE '2024-06-01') AS day", "ON_DAY takes a scalar parameter"),
        (LEAST, "SELECT x.value AS day FROM dated.other AS x", "dated.other is not declared"),
        (LEAST, "SELECT x.value AS day FROM param.least AS x", "param.least is not declared"),
    ],
)
def test_what_is_no_dated_reading_is_named_with_its_line(
    tmp_path: Path, params: str, sql: str, message: str
) -> None:
    with pytest.raises(SqlFileError, match=rf"one\.sql:\d+: {message}"):
        _rows(_file(tmp_path, params, sql))


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ("[{value: 180}, {since: 2024-06-01, value: 15}]", "is no dated value"),
        ("[{value: 180}, 15]", "15 is no dated value"),
        ("[{value: 180}, {value: 15}]", "each from must be later"),
        (
            "[{value: 1}, {from: 2024-06-01, value: 2}, {from: 2024-06-01, value: 3}]",
            "each from must be later",
        ),
        ("[{value: 180}, {from: June, value: 15}]", "from must be a day"),
        ("[{value: 180}, {from: 2024-06-01, value: -15}]", "-15 is below the lowest"),
        ("[{value: 180}, {from: 2024-06-01, value: x}]", "'x' is not a integer"),
        ("[{from: 2024-06-01, value: 15}]", "the first value of a default has no from"),
    ],
)
def test_a_wrong_declaration_is_refused(tmp_path: Path, default: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        _file(tmp_path, f"  least: {{type: integer, default: {default}, minimum: 0}}", "SELECT $least AS day")


def test_a_value_in_place_of_another_leaves_the_days_before_it_begins() -> None:
    later = [{"from": dt.date(2025, 1, 1), "value": 20}]
    assert over(DAYS, 30) == 30
    assert over(DAYS, [{"value": 1}, *later]) == [{"value": 1}, *later]
    assert over(DAYS, later) == [*DAYS, *later]
    assert over(7, later) == [{"value": 7}, *later]
    assert over(DAYS, [{"from": dt.date(2020, 1, 1), "value": 1}]) == [
        {"value": 180},
        {"from": dt.date(2020, 1, 1), "value": 1},
    ]
    days = ("2024-05-31", "2024-12-31", "2025-01-01")
    assert [step_on(over(DAYS, later), _day(day)).value for day in days] == [180, 15, 20]
    assert raw_of(steps_of(DAYS)) == DAYS and raw_of(steps_of([1, 2])) == [1, 2]
    assert is_dated(DAYS) and not is_dated([[1, 2]]) and not is_dated({"a": 1})
    assert spans_of(5) == ((dt.date(1, 1, 1), dt.date(9999, 12, 31), 5),)


def test_a_utility_may_date_what_it_sets(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(
        "parameters:\n"
        "  ACC-02:\n"
        "    bands_kva:\n"
        "      value: [{from: 2025-01-01, value: {10: [50, 60]}}]\n"
        "      since: 2025-01-01\n"
        "      reason: a local standard\n"
        "  ACC-18: {min_kva: {value: [{value: 50}, {from: 2026-01-01, value: 80}], since: 2026-01-01, reason: why}}\n"
    )
    settings = load_settings(tmp_path)
    catalog = load_catalog(settings.include)
    found = catalog.overrides(settings)
    rule, borrower = catalog.tables["audit.ACC-02"], catalog.tables["audit.ARC-03"]
    assert isinstance(rule, SqlFile) and isinstance(borrower, SqlFile)
    default = rule.parameters["bands_kva"].default
    for file in (rule, borrower):
        for day, value in (("2024-12-31", default), ("2025-01-01", {10: [50, 60]})):
            assert file.values(_day(day), found[file.name])["bands_kva"] == value
    limit = catalog.tables["audit.ACC-18"]
    assert isinstance(limit, SqlFile)
    assert [
        limit.values(_day(day), found[limit.name])["min_kva"] for day in ("2025-12-31", "2026-01-01")
    ] == [50, 80]


def test_a_dated_value_of_a_utility_is_checked_step_by_step(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(
        "parameters:\n  ACC-18: {min_kva: {value: [{value: 50}, {from: 2026-01-01, value: -1}], "
        "since: 2026-01-01, reason: why}}\n"
    )
    settings = load_settings(tmp_path)
    with pytest.raises(SettingsError, match=r"settings\.yaml:2: .*min_kva: -1 is below the lowest"):
        load_catalog(PROJECT_ROOT / "include").overrides(settings)
