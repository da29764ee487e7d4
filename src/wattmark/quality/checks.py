"""All checks of a table, defined once: structure from the contract, business rules from expectations/.

A check is a Great Expectations expectation with a severity and the share of rows it tolerates, and the SQL
predicate of the rows that fail it. Great Expectations judges and reports; the predicate finds the rows.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from wattmark.contract import Column, Contract, Table
from wattmark.errors import ContractError, WattmarkError, together
from wattmark.quality.reading import (
    FILLER,
    START,
    filling,
    is_interval,
    quoted,
    sql_literal,
    unclear,
    unparsed,
)
from wattmark.yamlfile import line_of, read_mapping

DEFAULT_TOLERANCE = 0.05
"""Share of a table's rows that may be set aside before the night stops, where the table's file says nothing."""
DEFAULT_REPEATS = 0.1
"""Share of a table's keys that may stand several times in one file with other values, where the table's file says nothing."""
ALWAYS_TOLERATED_ROWS = 10
"""So many rows never stop a night by themselves, unless they are more than half of the table."""

SEVERITIES = ("critical", "warning")


@dataclass(frozen=True)
class Check:
    """One check of one table.

    ``failing`` is true for rows that fail; over typed columns, or over ``_typed`` marks of values that did
    not parse. ``critical`` rows go to quarantine; ``warning`` rows pass and are counted. Where ``mark`` is set,
    Great Expectations judges a column of that name, which says of each row whether ``failing`` holds.
    """

    name: str
    column: str
    failing: str
    type: str
    kwargs: dict[str, Any]
    severity: str
    tolerate: float
    why: str = ""
    mark: str = ""


def _mark_check(name: str, column: str, mark: str, tolerate: float, why: str) -> Check:
    """A check that one of the marks of ``typed_select`` stands for."""
    kwargs = {"column": mark, "value_set": [False]}
    return Check(
        name, column, quoted(mark), "expect_column_values_to_be_in_set", kwargs, "critical", tolerate, why
    )


def structure_checks(table: Table, tolerate: float) -> Iterator[Check]:
    """Checks that follow from the contract: types, the clock of intervals, required values, enumerations."""
    for column in table.columns:
        name = quoted(column.name)
        kind, why = (
            ("text", "must not hold a NUL character")
            if column.type == "string"
            else ("type", f"must be a {column.type}")
        )
        yield _mark_check(f"{kind}:{column.name}", column.name, unparsed(column), tolerate, why)
        if is_interval(table) and column.name == START:
            yield _mark_check(
                f"{FILLER}{column.name}", column.name, filling(column), tolerate,
                "fills a local time that does not exist",
            )  # fmt: skip
            yield _mark_check(
                f"clock:{column.name}", column.name, unclear(column), tolerate,
                "must be a local time that exists; of two of one name the order must tell which is meant",
            )  # fmt: skip
        if not column.optional:
            yield Check(
                f"required:{column.name}", column.name, f"{name} IS NULL AND NOT {quoted(unparsed(column))}",
                "expect_column_values_to_not_be_null", {"column": column.name}, "critical", tolerate, "must not be empty",
            )  # fmt: skip
        if column.values:
            allowed = ", ".join(sql_literal(value) for value in column.values)
            value = f"ROUND({name}, 2)" if column.type == "double" else name
            yield Check(
                f"values:{column.name}", column.name, f"{value} NOT IN ({allowed})", "expect_column_values_to_be_in_set",
                {"column": column.name, "value_set": list(column.values)}, "critical", tolerate,
                f"must be one of {', '.join(map(str, column.values))}",
            )  # fmt: skip


_BUSINESS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "expect_column_values_to_be_between": (
        ("column",),
        ("min_value", "max_value", "strict_min", "strict_max"),
    ),
    "expect_column_values_to_be_in_set": (("column", "value_set"), ()),
    "expect_column_values_to_not_be_null": (("column",), ()),
    "expect_column_values_to_match_regex": (("column", "regex"), ()),
    "expect_column_pair_values_a_to_be_greater_than_b": (("column_A", "column_B"), ("or_equal",)),
}
"""Expectation types a file may use: their required and their optional kwargs."""

_FILE_KEYS = {"tolerate", "repeats", "expectations"}
_ENTRY_KEYS = {"type", "kwargs", "severity", "tolerate", "meta"}


def _failing(kind: str, kwargs: dict[str, Any]) -> str:
    if kind == "expect_column_pair_values_a_to_be_greater_than_b":
        operator = "<" if kwargs.get("or_equal") else "<="
        return f"{quoted(kwargs['column_A'])} {operator} {quoted(kwargs['column_B'])}"
    column = quoted(kwargs["column"])
    if kind == "expect_column_values_to_not_be_null":
        return f"{column} IS NULL"
    if kind == "expect_column_values_to_be_in_set":
        return f"{column} NOT IN ({', '.join(sql_literal(value) for value in kwargs['value_set'])})"
    if kind == "expect_column_values_to_match_regex":
        # A date is matched as YYYY-MM-DD.
        return f"NOT regexp_matches(CAST({column} AS VARCHAR), {sql_literal(kwargs['regex'])})"
    parts = []
    if kwargs.get("min_value") is not None:
        parts.append(
            f"{column} {'<=' if kwargs.get('strict_min') else '<'} {sql_literal(kwargs['min_value'])}"
        )
    if kwargs.get("max_value") is not None:
        parts.append(
            f"{column} {'>=' if kwargs.get('strict_max') else '>'} {sql_literal(kwargs['max_value'])}"
        )
    return " OR ".join(parts)


def _share(value: Any) -> float | None:
    return (
        float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
        else None
    )


def _read_file(path: Path) -> dict[str, Any]:
    """One expectations file, its top level checked; without a file, no expectations."""
    document = read_mapping(path) if os.path.lexists(path) else {}
    if unknown := sorted(set(document) - _FILE_KEYS, key=str):
        raise ContractError(
            "expectation.invalid", f"{path}:{line_of(path, [unknown[0]]) or 1}: unknown key {unknown[0]}."
        )
    if not isinstance(document.get("expectations") or [], list):
        raise ContractError(
            "expectation.invalid",
            f"{path}:{line_of(path, ['expectations']) or 1}: expectations must be a list.",
        )
    for key in ("tolerate", "repeats"):
        if _share(document.get(key, 0)) is None:
            raise ContractError(
                "expectation.invalid",
                f"{path}:{line_of(path, [key]) or 1}: {key} must be a share from 0 to 1.",
            )
    return document


_NUMBERS = ("integer", "decimal", "double")


def _fits(column: Column, value: Any) -> bool:
    """Whether a value of a file can be compared with a column."""
    if column.type in _NUMBERS:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if column.type in ("date", "timestamp"):
        return isinstance(value, dt.date) or (isinstance(value, str) and _is_iso(value))
    return isinstance(value, bool if column.type == "boolean" else str)


def _is_iso(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _wrong_column(table: Table, name: Any) -> str | None:
    try:
        table.column(str(name))
    except ContractError as error:
        return error.message.removesuffix(".")
    return None


def _wrong(table: Table, entry: Any) -> str | None:
    """What is wrong with one entry of a file; None where nothing is."""
    if not isinstance(entry, dict):
        return "an expectation must have a type and kwargs"
    if unknown := sorted(map(str, set(entry) - _ENTRY_KEYS)):
        return f"unknown key {', '.join(unknown)}"
    if str(entry.get("type")) not in _BUSINESS:
        return f"type must be one of {', '.join(sorted(_BUSINESS))}"
    if str(entry.get("severity")) not in SEVERITIES:
        return f"severity must be one of {', '.join(SEVERITIES)}"
    if _share(entry.get("tolerate", 0)) is None:
        return "tolerate must be a share from 0 to 1"
    if not isinstance(entry.get("meta") or {}, dict):
        return "meta must hold keys and values"
    kwargs = entry.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        return "kwargs must hold keys and values"
    required, optional = _BUSINESS[entry["type"]]
    if unknown := sorted(map(str, set(kwargs) - {*required, *optional})):
        return f"unknown key {', '.join(unknown)} in kwargs"
    if missing := [key for key in required if kwargs.get(key) is None]:
        return f"kwargs lacks {', '.join(missing)}"
    for key in ("column", "column_A", "column_B"):
        if key in kwargs and (why := _wrong_column(table, kwargs[key])):
            return why
    return _wrong_values(table, entry["type"], kwargs)


@functools.cache
def _bare_duckdb() -> duckdb.DuckDBPyConnection:
    """An engine to try patterns on."""
    return duckdb.connect()


def _wrong_values(table: Table, kind: str, kwargs: dict[str, Any]) -> str | None:
    """What is wrong with the values that an expectation compares with; None where nothing is."""
    if kind == "expect_column_values_to_match_regex":
        try:
            _bare_duckdb().execute("SELECT regexp_matches('', ?)", [str(kwargs["regex"])])
        except duckdb.Error as error:
            return f"regex does not parse: {str(error).splitlines()[0]}"
        return None if isinstance(kwargs["regex"], str) else "regex must be text; put it in quotes"
    values: list[Any] = []
    if kind == "expect_column_values_to_be_between":
        values = [kwargs[key] for key in ("min_value", "max_value") if kwargs.get(key) is not None]
        if not values:
            return "kwargs needs min_value or max_value"
    elif kind == "expect_column_values_to_be_in_set":
        if not isinstance(kwargs["value_set"], list) or not kwargs["value_set"]:
            return "value_set must be a list of values"
        values = kwargs["value_set"]
        if table.column(kwargs["column"]).values:
            return f"the contract lists the values of {kwargs['column']}"
    column = table.column(str(kwargs.get("column", kwargs.get("column_A"))))
    for value in values:
        if not _fits(column, value):
            return f"{value!r} is no {column.type}, which {column.name} is"
    return None


def business_checks(table: Table, path: Path, tolerate: float) -> Iterator[Check]:
    """Checks of one expectations file.

    Raises:
        ContractError: an unknown key, type, severity or column, a value that does not fit, or the same expectation
            twice (Great Expectations would keep the last); names file and line of each.
    """
    seen: set[str] = set()
    wrong: list[ContractError] = []
    for at, entry in enumerate(_read_file(path).get("expectations") or []):
        why = _wrong(table, entry)
        kind = entry["type"] if why is None else ""
        kwargs = dict(entry["kwargs"]) if why is None else {}
        columns = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
        name = f"{kind.removeprefix('expect_column_').removeprefix('values_')}:{','.join(columns)}"
        if why is None and name in seen:
            why = f"{kind} stands twice on {', '.join(columns)}"
        if why is not None:
            wrong.append(
                ContractError(
                    "expectation.invalid", f"{path}:{line_of(path, ['expectations', at]) or 1}: {why}."
                )
            )
            continue
        seen.add(name)
        failing = _failing(kind, kwargs)
        mark = ""
        if kind == "expect_column_values_to_match_regex":
            # Great Expectations has no pattern matching for DuckDB: it judges the predicate's mark.
            mark = f"_unmatched_{columns[0]}"
            kind, kwargs = "expect_column_values_to_be_in_set", {"column": mark, "value_set": [False]}
        elif len(columns) == 2:
            kwargs["ignore_row_if"] = "either_value_is_missing"
        yield Check(
            name, columns[0], failing, kind, kwargs, entry["severity"],
            float(entry.get("tolerate", tolerate)), str((entry.get("meta") or {}).get("why", "")), mark,
        )  # fmt: skip
    if wrong:
        raise together(wrong)


@dataclass(frozen=True)
class Suite:
    """All checks of one table.

    ``tolerate`` is the share of its rows that may be set aside in all, ``repeats`` the share of its keys that may stand
    several times in one file with other values.
    """

    table: Table
    checks: tuple[Check, ...]
    tolerate: float
    repeats: float = DEFAULT_REPEATS

    @property
    def critical(self) -> tuple[Check, ...]:
        """The checks whose failing rows are set aside."""
        return tuple(check for check in self.checks if check.severity == "critical")

    def stops(self, rows: int, refused: int) -> bool:
        """Whether so many refused rows of a table's rows stop the night; a single one never does."""
        if refused * 2 > rows:
            return refused > 1
        return refused > ALWAYS_TOLERATED_ROWS and refused > self.tolerate * rows

    def repeats_stop(self, keys: int, repeated: int, lost: int) -> bool:
        """Whether so many keys with several values in one file stop the night; some lost rows never do."""
        return lost > ALWAYS_TOLERATED_ROWS and repeated > self.repeats * keys


def suite_of(table: Table, expectations: Path) -> Suite:
    """The suite of a table: the contract's checks, then those of ``expectations/<table>.yaml``."""
    path = expectations / f"{table.name}.yaml"
    document = _read_file(path)
    tolerate = float(document.get("tolerate", DEFAULT_TOLERANCE))
    checks = [*structure_checks(table, tolerate), *business_checks(table, path, tolerate)]
    return Suite(table, tuple(checks), tolerate, float(document.get("repeats", DEFAULT_REPEATS)))


def suites(contract: Contract, expectations: Path) -> dict[str, Suite]:
    """All suites.

    Raises:
        WattmarkError: files are wrong, or for a table the contract does not know; all of it at once.
    """
    wrong: list[WattmarkError] = [
        ContractError("expectation.table", f"{path}:1: the contract has no table {path.stem}.")
        for path in sorted(expectations.glob("*.yaml"))
        if path.stem not in contract.tables
    ]
    found: dict[str, Suite] = {}
    for name, table in contract.tables.items():
        try:
            found[name] = suite_of(table, expectations)
        except WattmarkError as error:
            wrong.append(error)
    if wrong:
        raise together(wrong)
    return found


def reason_sql(checks: tuple[Check, ...]) -> str:
    """SQL expression: the first failed check of a row, or NULL."""
    cases = " ".join(f"WHEN {check.failing} THEN {sql_literal(check.name)}" for check in checks)
    return f"CASE {cases} END" if cases else "CAST(NULL AS VARCHAR)"
