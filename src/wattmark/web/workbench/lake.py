"""The lake of this home as pages read it: past the night, a few rows at a time; nothing where it is not here."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from wattmark.errors import WattmarkError
from wattmark.lake_read import StoredTables
from wattmark.settings import Settings
from wattmark.web.workbench.desk import Row

_ORIGIN = "SELECT {keys}, any_value(_file), max(_position) FROM read_parquet($files) WHERE list_contains($values, {first}::VARCHAR) GROUP BY ALL"
_ONE_AT_A_TIME = threading.Lock()


@lru_cache(maxsize=4)
def _stored(folder: Path) -> StoredTables:
    """Kept between requests: a table's log is read anew only once it has changed."""
    return StoredTables(folder)


@lru_cache(maxsize=1)
def _duck() -> duckdb.DuckDBPyConnection:
    """One engine for all requests, each with a cursor of its own: to start another takes longer than most questions."""
    return duckdb.connect(config={"threads": 1})


class DeskLake:
    """Rows of the lake for one page.

    Args:
        settings: of the home.
    """

    def __init__(self, settings: Settings) -> None:
        self._tables = _stored(settings.lake)

    def files(self, name: str) -> list[str]:
        """Files of a table's newest version; none where it cannot be read now."""
        try:
            with _ONE_AT_A_TIME:
                return self._tables.files(name) if self._tables.exists(name) else []
        except WattmarkError:
            # A night is just writing it, or it lies on another machine.
            return []

    def days(self, name: str) -> dict[str, list[str]]:
        """Files of a table that is kept by day, by day (2026-09-30)."""
        found: dict[str, list[str]] = {}
        for file in self.files(name):
            found.setdefault(file.partition("/day=")[2].partition("/")[0], []).append(file)
        return found

    def ask(self, query: str, values: dict[str, Any]) -> list[Row]:
        """Rows of a query; none where a file went away meanwhile."""
        try:
            with _duck().cursor() as duck:
                duck.execute("SET TimeZone = 'UTC'")
                cursor = duck.execute(query, values)
                names = [each[0] for each in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except duckdb.Error:
            return []

    def origins(self, table: str, keys: Sequence[str], rows: Sequence[Row]) -> list[str]:
        """File and row that each row came from, empty where the lake no longer knows."""
        files = self.files(f"landing.{table}") if rows else []
        if not files:
            return []
        columns = ", ".join(keys)
        found = self.ask(
            _ORIGIN.format(keys=columns, first=keys[0]),
            {"files": files, "values": sorted({str(row[keys[0]]) for row in rows})},
        )
        by_key = {
            tuple(str(value) for value in list(row.values())[: len(keys)]): list(row.values())[len(keys) :]
            for row in found
        }
        told = []
        for row in rows:
            origin = by_key.get(tuple(str(row[key]) for key in keys))
            told.append(f"{origin[0]}:{origin[1] + 1}" if origin and origin[1] is not None else "")
        return told
