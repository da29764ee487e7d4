"""The source contract as objects, read from ``include/contract/source-model.yaml``.

The file is the one definition of the source: types, keys, references, what is personal, what dates
an event and what dates a step of a process. DDL, arrow schemas, validation suites, the views that hide
what lies after ``as_of`` and the reference page are all derived from these objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pyarrow as pa

from wattmark.contract.types import TYPES, arrow_type, duckdb_type
from wattmark.errors import ContractError
from wattmark.settings import PROJECT_ROOT
from wattmark.yamlfile import line_of, read_mapping

DAY = "day"
"""Name of the partition column that holds a row's local day."""


@dataclass(frozen=True)
class Column:
    """One column of the contract; ``type`` is one of the contract's seven type names."""

    name: str
    type: str
    key: bool = False
    optional: bool = False
    ref: str | None = None
    values: tuple[Any, ...] = ()
    pii: bool = False
    doc: str = ""
    event_time: bool = False
    process_date: bool = False
    dated_by: str | None = None

    @property
    def duckdb_type(self) -> str:
        """The column's SQL type in DuckDB's dialect, from which other dialects are transpiled."""
        return duckdb_type(self.type)

    @property
    def arrow_type(self) -> pa.DataType:
        """The column's arrow type; timestamps are microseconds in UTC."""
        return arrow_type(self.type)


@dataclass(frozen=True)
class Table:
    """One table of the contract.

    ``since`` names the column that incremental extracts filter on; ``partition`` the column the lake
    partitions accepted rows by: a date of the table, or ``day``, the local day of the ``since`` column.
    ``prefer`` is a column and its values, best first, by which one of two rows of a key and a moment holds.
    A table that is ``optional`` may be missing from a source altogether; it is empty then.
    """

    name: str
    columns: tuple[Column, ...]
    since: str | None = None
    doc: str = ""
    partition: str | None = None
    prefer: tuple[str, tuple[tuple[str, ...], ...]] | None = None
    optional: bool = False
    _by_name: dict[str, Column] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self._by_name.update({column.name: column for column in self.columns})

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the columns that identify a row."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def version(self) -> str | None:
        """The column that says which of two rows of a key is newer: ``updated_at``, else the since column."""
        return "updated_at" if "updated_at" in self._by_name else self.since

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            ContractError: the table has none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise ContractError("contract.no_column", f"{self.name} has no column {name}.") from None

    @property
    def arrow_schema(self) -> pa.Schema:
        """Arrow schema of the accepted rows, in the contract's column order."""
        return pa.schema([pa.field(column.name, column.arrow_type) for column in self.columns])

    @property
    def accepted_schema(self) -> pa.Schema:
        """Arrow schema of the table in the lake: the contract's columns and the partition column, if any."""
        schema = self.arrow_schema
        return schema.append(pa.field(DAY, pa.date32())) if self.by_day else schema

    @property
    def by_day(self) -> bool:
        """Whether the lake adds ``day``, the local day of the ``since`` column, and partitions by it."""
        return self.partition == DAY

    def as_of_sql(self, accepted: str) -> str:
        """SQL (DuckDB dialect) of the rows as they were known at the end of ``$as_of``.

        A row whose event time lies later is left out (one without an event time stays); a process date that
        lies later is empty, and so is what is ``dated_by`` it. The columns so marked decide, nothing else does.

        Args:
            accepted: the name of the relation to read.
        """

        def visible(column: Column) -> str:
            return f"{column.name} < $as_of_end" if column.type == "timestamp" else f"{column.name} <= $as_of"

        def known(column: Column) -> str:
            if column.process_date:
                return f"CASE WHEN {visible(column)} THEN {column.name} END AS {column.name}"
            if column.dated_by is not None:
                date = self.column(column.dated_by)
                return f"CASE WHEN {date.name} IS NULL OR {visible(date)} THEN {column.name} END AS {column.name}"
            return column.name

        selected = ", ".join(known(column) for column in self.columns)
        events = [
            f"({column.name} IS NULL OR {visible(column)})" if column.optional else visible(column)
            for column in self.columns
            if column.event_time
        ]
        if self.by_day:
            # The partition is the event's local day, so whole files are left out instead of rows.
            selected += f", {DAY}"
            events = [f"{DAY} <= $as_of"]
        return f"SELECT {selected} FROM {accepted}" + (f" WHERE {' AND '.join(events)}" if events else "")


@dataclass(frozen=True)
class Contract:
    """All tables of the contract, by name, in file order."""

    version: int
    tables: dict[str, Table]

    def required_refs(self, table: Table) -> list[tuple[Column, Table]]:
        """The columns of a table that must resolve, with the tables they point to."""
        return [
            (column, self.tables[column.ref])
            for column in table.columns
            if column.ref and not column.optional and column.ref != table.name
        ]

    def load_order(self) -> list[str]:
        """Table names such that each comes after the ones its required references point to.

        Raises:
            ContractError: required references form a cycle.
        """
        required = {
            name: [target.name for _, target in self.required_refs(table)]
            for name, table in self.tables.items()
        }
        try:
            return list(TopologicalSorter(required).static_order())
        except CycleError as error:
            path = " > ".join(reversed(error.args[1]))
            raise ContractError("contract.cycle", f"required references form a cycle: {path}.") from None


def _preference(
    table: str, columns: tuple[Column, ...], entry: dict[str, list[list[str]]] | None
) -> tuple[str, tuple[tuple[str, ...], ...]] | None:
    if not entry:
        return None
    ((name, order),) = entry.items()
    listed = next((column.values for column in columns if column.name == name), ())
    if sorted(value for same in order for value in same) != sorted(listed):
        raise ContractError("contract.prefer", f"{table}.prefer must rank each value of column {name} once.")
    return name, tuple(tuple(same) for same in order)


@lru_cache(maxsize=4)
def load_contract(path: Path = PROJECT_ROOT / "include" / "contract" / "source-model.yaml") -> Contract:
    """Read and check the contract file.

    Raises:
        ContractError: a type is unknown, a reference or a ``dated_by`` leads nowhere, or a table has no key; names file
            and line.
    """
    document = read_mapping(path)
    tables: dict[str, Table] = {}
    for name, entry in _entries(path, document).items():
        try:
            tables[name] = _table(name, entry)
        except ContractError as error:
            line = line_of(path, ["tables", name]) or 1
            raise ContractError(error.code, f"{path}:{line}: {error.message}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            line = line_of(path, ["tables", name]) or 1
            raise ContractError(
                "contract.shape",
                f"{path}:{line}: {name}: its columns, or a key of them, have not the form wanted ({error}).",
                "A table has a list `columns`, each with name and type.",
            ) from None
    for table in tables.values():
        for column in table.columns:
            if column.dated_by and not table.column(column.dated_by).process_date:
                raise ContractError(
                    "contract.dated_by",
                    f"{path}: {table.name}.{column.name} is dated by {column.dated_by}, which is no process date.",
                )
            if column.ref and column.ref not in tables:
                raise ContractError(
                    "contract.ref",
                    f"{path}:{line_of(path, ['tables', table.name]) or 1}: {table.name}.{column.name} refers to "
                    f"unknown table {column.ref}.",
                )
    return Contract(version=document["version"], tables=tables)


def _entries(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    entries = document.get("tables")
    if not isinstance(entries, dict) or not isinstance(document.get("version"), int):
        raise ContractError("contract.shape", f"{path}:1: the file lacks its version, or its tables.")
    return entries


_TABLE_KEYS = {"doc", "optional", "since", "partition", "prefer", "columns"}


def _yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ContractError("contract.shape", f"{name}: optional must be true or false.")
    return value


def _table(name: str, entry: dict[str, Any]) -> Table:
    columns = []
    for raw in entry["columns"]:
        if raw.get("type") not in TYPES:
            raise ContractError(
                "contract.type", f"{name}.{raw.get('name')}: unknown type {raw.get('type')!r}."
            )
        columns.append(Column(**{**raw, "values": tuple(raw.get("values", ()))}))
    table = Table(
        name=name,
        columns=tuple(columns),
        since=entry.get("since"),
        partition=entry.get("partition"),
        prefer=_preference(name, tuple(columns), entry.get("prefer")),
        doc=entry.get("doc", "").strip(),
        optional=_yes_or_no(name, entry.get("optional", False)),
    )
    if unknown := sorted(set(entry) - _TABLE_KEYS, key=str):
        raise ContractError("contract.shape", f"{name}: unknown key {', '.join(map(str, unknown))}.")
    if not table.key:
        raise ContractError("contract.no_key", f"{name} has no key column.")
    return table
