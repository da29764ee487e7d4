"""All checks of a table, defined once: structure from the contract, business rules from expectations/.

A check is a Great Expectations expectation with a severity and the share of rows it tolerates, and the SQL
predicate of the rows that fail it. Great Expectations judges and reports; the predicate finds the rows.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from wattmark.contract import Column, Contract, Table
from wattmark.engine.sqlfile import literal
from wattmark.errors import ContractError, WattmarkError, together
from wattmark.yamlfile import line_of, read_mapping

DEFAULT_TOLERANCE = 0.05
"""Share of a table's rows that may be set aside before the night stops, where the table's file says nothing."""
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


def quoted(name: str) -> str:
    """An identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def sql_literal(value: Any) -> str:
    """A value as DuckDB text."""
    return str(literal(value).sql(dialect="duckdb"))


def unparsed(column: Column) -> str:
    """Name of the mark that says a column's value was there but did not parse."""
    return f"_bad_{column.name}"


def structure_checks(table: Table, tolerate: float) -> Iterator[Check]:
    """Checks that follow from the contract: types, required values, enumerations."""
    for column in table.columns:
        name = quoted(column.name)
        yield Check(
            f"type:{column.name}", column.name, quoted(unparsed(column)), "expect_column_values_to_be_in_set",
            {"column": unparsed(column), "value_set": [False]}, "critical", tolerate, f"must be a {column.type}",
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

_FILE_KEYS = {"tolerate", "expectations"}
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
    if _share(document.get("tolerate", DEFAULT_TOLERANCE)) is None:
        raise ContractError(
            "expectation.invalid",
            f"{path}:{line_of(path, ['tolerate']) or 1}: tolerate must be a share from 0 to 1.",
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


def _wrong_values(table: Table, kind: str, kwargs: dict[str, Any]) -> str | None:
    """What is wrong with the values that an expectation compares with; None where nothing is."""
    if kind == "expect_column_values_to_match_regex":
        try:
            duckdb.connect().execute("SELECT regexp_matches('', ?)", [str(kwargs["regex"])])
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
    """All checks of one table; ``tolerate`` is the share of its rows that may be set aside in all."""

    table: Table
    checks: tuple[Check, ...]
    tolerate: float

    @property
    def critical(self) -> tuple[Check, ...]:
        """The checks whose failing rows are set aside."""
        return tuple(check for check in self.checks if check.severity == "critical")

    def stops(self, rows: int, refused: int) -> bool:
        """Whether so many refused rows of a table's rows stop the night; a single one never does."""
        if refused * 2 > rows:
            return refused > 1
        return refused > ALWAYS_TOLERATED_ROWS and refused > self.tolerate * rows


def suite_of(table: Table, expectations: Path) -> Suite:
    """The suite of a table: the contract's checks, then those of ``expectations/<table>.yaml``."""
    path = expectations / f"{table.name}.yaml"
    tolerate = float(_read_file(path).get("tolerate", DEFAULT_TOLERANCE))
    checks = [*structure_checks(table, tolerate), *business_checks(table, path, tolerate)]
    return Suite(table, tuple(checks), tolerate)


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


_WHITE_SPACE = sql_literal("".join(map(chr, filter(lambda code: chr(code).isspace(), range(0x3001)))))
"""What Unicode calls white space, as an SQL literal: TRIM alone leaves tabs and line ends."""


def typed_select(table: Table, relation: str, kinds: dict[str, str], more: tuple[str, ...] = ()) -> str:
    """SQL that reads landing rows in contract types, with one mark a column for values that did not parse.

    A text of white space only becomes empty where the column is optional, else a text without length; keys stay as they
    are written.

    Args:
        table: the contract table.
        relation: the landing relation.
        kinds: DuckDB type of each landing column.
        more: further columns to carry along.
    """
    items: list[str] = list(more)
    for column in table.columns:
        raw = quoted(column.name)
        kind = kinds[column.name]
        bare = f"TRIM({raw}, {_WHITE_SPACE})"
        if kind == "VARCHAR" and column.type == "string" and not column.key:
            # A blank code names nothing: it is an empty value, not a reference to nothing.
            value = (
                f"CASE WHEN {bare} <> '' THEN {raw} END"
                if column.optional
                else f"CASE WHEN {bare} = '' THEN '' ELSE {raw} END"
            )
            items += [f"{value} AS {raw}", f"FALSE AS {quoted(unparsed(column))}"]
            continue
        if kind == column.duckdb_type and column.type != "double":
            items += [raw, f"FALSE AS {quoted(unparsed(column))}"]
            continue
        if column.type == "string":
            items += [f"CAST({raw} AS VARCHAR) AS {raw}", f"FALSE AS {quoted(unparsed(column))}"]
            continue
        given = f"NULLIF({bare}, '')" if kind == "VARCHAR" else raw
        if column.type == "double":
            value = f"CASE WHEN isfinite(TRY_CAST({given} AS DOUBLE)) THEN TRY_CAST({given} AS DOUBLE) END"
            # A dataframe's NaN is an empty value; an infinite one is not a number anybody measured.
            bad = f"{given} IS NOT NULL AND TRY_CAST({given} AS DOUBLE) IS NULL OR isinf(TRY_CAST({given} AS DOUBLE))"
        elif column.type == "integer":
            number = f"TRY_CAST({given} AS DOUBLE)"
            value = f"CASE WHEN {number} = FLOOR({number}) THEN TRY_CAST({given} AS BIGINT) END"
            bad = f"{given} IS NOT NULL AND NOT COALESCE({number} = FLOOR({number}) AND TRY_CAST({given} AS BIGINT) IS NOT NULL, FALSE) AND NOT COALESCE(isnan({number}), FALSE)"
        elif column.type == "decimal":
            number = f"TRY_CAST({given} AS DECIMAL(18,2))"
            exact = f"ABS(TRY_CAST({given} AS DOUBLE) - CAST({number} AS DOUBLE)) < 1e-6 * GREATEST(1, ABS(CAST({number} AS DOUBLE)) * 1e-6)"
            value = f"CASE WHEN {exact} THEN {number} END"
            bad = f"{given} IS NOT NULL AND NOT COALESCE({exact}, FALSE) AND NOT COALESCE(isnan(TRY_CAST({given} AS DOUBLE)), FALSE)"
        else:
            value = f"TRY_CAST({given} AS {column.duckdb_type})"
            bad = f"{given} IS NOT NULL AND {value} IS NULL"
        items += [f"{value} AS {raw}", f"COALESCE({bad}, FALSE) AS {quoted(unparsed(column))}"]
    return f"SELECT {', '.join(items)} FROM {relation}"


def reason_sql(checks: tuple[Check, ...]) -> str:
    """SQL expression: the first failed check of a row, or NULL."""
    cases = " ".join(f"WHEN {check.failing} THEN {sql_literal(check.name)}" for check in checks)
    return f"CASE {cases} END" if cases else "CAST(NULL AS VARCHAR)"
