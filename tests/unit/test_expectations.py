"""Expectations files: they load, mistakes in them are named by line, and both judges mean the same."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wattmark.contract import Table, load_contract
from wattmark.errors import ContractError, QualityError
from wattmark.quality import judge
from wattmark.quality.checks import Check, Suite, business_checks, suite_of, suites
from wattmark.quality.reading import quoted, sql_literal
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT

CONTRACT = load_contract(PROJECT_ROOT / "include" / "contract" / "source-model.yaml")
FOLDER = PROJECT_ROOT / "expectations"
RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")


def business(table: Table) -> list[Check]:
    return list(business_checks(table, FOLDER / f"{table.name}.yaml", 0.05))


def test_all_files_load_and_say_why() -> None:
    suites(CONTRACT, FOLDER)
    files = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    assert len(files) >= 30
    for name in files:
        checks = business(CONTRACT.tables[name])
        assert checks, f"{name} has a file without expectations"
        assert all(check.why.endswith(".") for check in checks), name


def test_only_rows_no_rule_can_judge_are_refused() -> None:
    # A wrong value that an audit rule finds must reach it; each of these makes the row speak of nothing.
    refused = {
        (table.name, check.column)
        for table in CONTRACT.tables.values()
        for check in business(table)
        if check.severity == "critical"
    }
    assert refused == {
        ("bill", "period"),
        ("bill", "period_end"),
        ("register_reading", "period"),
        ("meter_plan", "month"),
        ("interval_reading", "interval_minutes"),
    }


def test_no_expectation_hides_another_from_great_expectations() -> None:
    # It keeps one configuration a type and column, silently the last.
    for name, suite in suites(CONTRACT, FOLDER).items():
        domains = [
            (
                check.type,
                check.kwargs.get("column"),
                check.kwargs.get("column_A"),
                check.kwargs.get("column_B"),
            )
            for check in suite.checks
        ]
        assert len(domains) == len(set(domains)), name


GOOD = (
    "{type: expect_column_values_to_be_between, kwargs: {column: fixed_day, min_value: 1}, severity: warning}"
)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (GOOD.replace("severity", "severty"), "unknown key severty"),
        (GOOD.replace("warning", "serious"), "severity must be one of critical, warning"),
        (GOOD.replace(", severity: warning", ""), "severity must be one of"),
        (GOOD.replace("fixed_day", "fixed_days"), "reading_area has no column fixed_days"),
        (GOOD.replace("min_value", "minimum"), "unknown key minimum in kwargs"),
        (GOOD.replace(", min_value: 1", ""), "kwargs needs min_value or max_value"),
        (GOOD.replace("column: fixed_day, ", ""), "kwargs lacks column"),
        (GOOD.replace("to_be_between", "to_be_betwixt"), "type must be one of"),
        (GOOD.replace("warning}", "warning, tolerate: 1.01}"), "tolerate must be a share from 0 to 1"),
        (GOOD.replace("warning}", "warning, tolerate: some}"), "tolerate must be a share from 0 to 1"),
        (
            "{type: expect_column_values_to_match_regex, kwargs: {column: fixed_day}, severity: warning}",
            "kwargs lacks regex",
        ),
        ("fixed_day", "an expectation must have a type"),
        (GOOD, "stands twice on fixed_day"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_file_and_line(tmp_path: Path, entry: str, why: str) -> None:
    path = tmp_path / "reading_area.yaml"
    path.write_text(f"tolerate: 0.1\nexpectations:\n  - {GOOD}\n  - {entry}\n", encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        suite_of(CONTRACT.tables["reading_area"], tmp_path)
    assert f"{path}:4: " in caught.value.message
    assert why in caught.value.message


@pytest.mark.parametrize("text", ["tolerance: 0.1\n", "tolerate: -0.01\n", "tolerate: 5%\n"])
def test_a_mistake_at_the_top_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "reading_area.yaml"
    path.write_text(f"# why\n{text}", encoding="utf-8")
    with pytest.raises(ContractError, match=r"reading_area\.yaml:2: "):
        suite_of(CONTRACT.tables["reading_area"], tmp_path)


def test_values_of_the_contract_are_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "meter.yaml").write_text(
        "expectations:\n  - type: expect_column_values_to_be_in_set\n"
        "    kwargs: {column: status, value_set: [stock]}\n    severity: warning\n",
        encoding="utf-8",
    )
    with pytest.raises(ContractError, match=r"meter\.yaml:2: the contract lists the values of status"):
        suite_of(CONTRACT.tables["meter"], tmp_path)


def test_a_file_of_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metre.yaml").write_text("tolerate: 0.1\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"metre\.yaml:1: the contract has no table metre"):
        suites(CONTRACT, tmp_path)


@pytest.mark.parametrize(
    ("rows", "refused", "stops"),
    [
        (1000, 50, False),
        (1000, 51, True),
        (100, 10, False),
        (100, 11, True),
        (15, 7, False),
        (15, 8, True),
        (1, 1, False),
        (2, 2, True),
        (1, 0, False),
        (0, 0, False),
    ],
)
def test_the_share_that_stops_a_night(rows: int, refused: int, stops: bool) -> None:
    assert Suite(CONTRACT.tables["bill"], (), 0.05).stops(rows, refused) is stops


# --- both judges -------------------------------------------------------------------------------------

_VALUES: dict[str, list[Any]] = {
    "string": [None, "", " ", "x", "110101", "1101011", "C26", "auto_debit", "active_total", "0.5S", "2"],
    "integer": [None, -1, 0, 1, 2, 3, 4, 5, 6, 9, 10, 15, 30, 31, 32, 60, 61],
    "decimal": [None, -0.01, 0, 0.01, 100],
    "double": [None, -0.001, 0.0, 0.001, 0.2, 0.21, 1.0, 1.01, 250000.0, 250001.0, 1e6, 1000001.0],
    "date": [None, "1899-12-31", "1900-01-01", "1989-12-31", "1990-01-01", "2026-10-01", "2026-10-02"],
    "timestamp": [None, "2026-10-01 00:00:00+08", "2026-10-01 00:00:01+08", "2026-09-30 23:59:59+08"],
    "boolean": [None, True, False],
}  # fmt: skip


def _frame(table: Table, rows: int) -> str:
    """SELECT of boundary values; each column walks through its own at its own pace, so pairs meet."""
    selects = []
    for row in range(rows):
        items = []
        for place, column in enumerate(table.columns):
            values = _VALUES[column.type]
            value = values[(row * (1 + place % 3) + (row // len(values)) * (1 + place % 5)) % len(values)]
            items.append(f"CAST({sql_literal(value)} AS {column.duckdb_type}) AS {quoted(column.name)}")
        selects.append(f"SELECT {', '.join(items)}")
    return " UNION ALL ".join(selects)


def _judged(
    tmp_path: Path, table: Table, checks: list[Check], rows: int
) -> tuple[dict[str, int], dict[str, int]]:
    import great_expectations as gx

    database = tmp_path / f"{table.name}.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"CREATE TABLE frame AS {_frame(table, rows)}")
        counted = {
            check.name: connection.execute(f"SELECT COUNT(*) FROM frame WHERE {check.failing}").fetchall()[0][
                0
            ]
            for check in checks
        }
        marks = "".join(
            f", COALESCE({check.failing}, FALSE) AS {quoted(check.mark)}" for check in checks if check.mark
        )
        connection.execute(f"CREATE VIEW {quoted(table.name)} AS SELECT *{marks} FROM frame")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = judge._no_bars()
    source = context.data_sources.add_sql(
        name="landing",
        connection_string=f"duckdb:///{database}",
        kwargs={
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
            "pool_reset_on_return": None,
        },
    )
    try:
        found = judge._judge_one(gx, context, source, Suite(table, tuple(checks), 0.05), set(), RUN).failed
    finally:
        source.get_execution_engine().close()
    return {name: count for name, count in counted.items() if count}, found


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_the_predicate_and_great_expectations_agree(tmp_path: Path, name: str) -> None:
    table = CONTRACT.tables[name]
    counted, found = _judged(tmp_path, table, business(table), 60)
    assert found == counted
    assert counted, "the frame must break at least one expectation"


def test_an_empty_value_breaks_only_what_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "meter.yaml"
    path.write_text(
        """expectations:
- {type: expect_column_values_to_not_be_null, kwargs: {column: model}, severity: warning}
- {type: expect_column_values_to_match_regex, kwargs: {column: model, regex: '^x$'}, severity: warning}
- {type: expect_column_values_to_be_in_set, kwargs: {column: digits, value_set: [5]}, severity: warning}
- {type: expect_column_values_to_be_between, kwargs: {column: digits, max_value: 5}, severity: warning}
- type: expect_column_pair_values_a_to_be_greater_than_b
  kwargs: {column_A: max_current_a, column_B: rated_current_a}
  severity: warning
""",
        encoding="utf-8",
    )
    table = CONTRACT.tables["meter"]
    counted, found = _judged(tmp_path, table, list(business_checks(table, path, 0.05)), 1)
    assert counted == found == {"to_not_be_null:model": 1}


def test_what_cannot_be_judged_is_an_error(tmp_path: Path) -> None:
    table = CONTRACT.tables["meter"]
    odd = Check(
        "odd:model",
        "model",
        "FALSE",
        "expect_column_values_to_match_regex",
        {"column": "model", "regex": "x"},
        "warning",
        0.0,
    )
    with pytest.raises(QualityError, match="meter: Great Expectations cannot judge odd:model"):
        _judged(tmp_path, table, [odd], 3)
