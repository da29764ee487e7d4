"""What every kind of source has in common."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from wattmark.contract import Contract, Table
from wattmark.errors import SourceError
from wattmark.source_settings import SourceSettings

FILE, PROBLEM, TEXT = "_file", "_problem", "_text"
"""Columns of landing that are not the contract's."""
ARRIVAL, POSITION = "_arrival", "_position"
"""Two more: when what a row stood in arrived (a file's modification time in ns; null for a database), and the row's
place in what was read, so that of two rows of one file the later has the greater number."""
EXTRAS = pa.schema(
    [
        pa.field(FILE, pa.string()),
        pa.field(PROBLEM, pa.string()),
        pa.field(TEXT, pa.string()),
        pa.field(ARRIVAL, pa.int64()),
        pa.field(POSITION, pa.int64()),
    ]
)
"""All columns of landing that are not the contract's, in their order."""


@dataclass(frozen=True)
class Watermark:
    """How far a table was read when a night was last published.

    ``since`` is the newest value of the table's since column; ``files`` the size and modification time
    of each file read, by its path below the source folder.
    """

    since: dt.datetime | None = None
    files: dict[str, tuple[int, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "since": self.since.isoformat() if self.since else None,
            "files": {k: list(v) for k, v in sorted(self.files.items())},
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Watermark:
        """The inverse of ``to_json``."""
        return cls(
            since=dt.datetime.fromisoformat(raw["since"]) if raw.get("since") else None,
            files={path: (entry[0], entry[1]) for path, entry in raw.get("files", {}).items()},
        )


@dataclass(frozen=True)
class Extracted:
    """A table on its way into landing.

    ``whole`` says that the rows are all there is (a snapshot), not a part since the watermark. ``unknown``
    lists columns the contract does not know; ``absent`` optional columns the source does not have. ``files`` are
    all files of the table as they are now; ``read_files`` names those among them whose rows are handed over, as
    ``_file`` does; ``left_out`` names files that lie with the table's and are of no kind that is read.
    ``since_from`` is set where a database was asked for a part: rows whose since column is at or after
    it, or says no time, are all there; earlier ones may be.
    ``provided`` is false where no source has the table, which is optional.
    """

    rows: pa.RecordBatchReader
    whole: bool
    unknown: tuple[str, ...]
    absent: tuple[str, ...]
    files: dict[str, tuple[int, int]]
    read_files: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    since_from: dt.datetime | None = None
    provided: bool = True


class Source(ABC):
    """One opened source; use ``extract`` table by table."""

    def __init__(self, settings: SourceSettings, contract: Contract) -> None:
        self.settings = settings
        self.contract = contract

    def name_of(self, table: Table) -> str:
        """The source's own name of a contract table."""
        mapping = self.settings.rename.get(table.name)
        return (mapping.name if mapping else None) or table.name

    def column_of(self, table: Table, column: str) -> str:
        """The source's own name of a contract column."""
        mapping = self.settings.rename.get(table.name)
        return mapping.columns.get(column, column) if mapping else column

    def match(
        self, table: Table, found: list[str], where: str
    ) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
        """Match the source's columns to the contract's, without regard to case.

        Returns:
            source column by contract column, unknown source columns, absent optional columns.

        Raises:
            SourceError: a required column is missing, or one stands there twice; names it.
        """
        by_lower: dict[str, str] = {}
        twice: set[str] = set()
        for name in found:
            if by_lower.setdefault(name.lower(), name) != name or found.count(name) > 1:
                twice.add(name.lower())
        matched: dict[str, str] = {}
        absent: list[str] = []
        missing: list[str] = []
        for column in table.columns:
            wanted = self.column_of(table, column.name)
            if wanted.lower() in twice:
                raise SourceError(
                    "source.column_twice",
                    f"{where}: table {table.name} has the column {wanted} more than once (case does not matter).",
                    "Keep one of them, or give the other another name.",
                )
            if wanted.lower() in by_lower:
                matched[column.name] = by_lower[wanted.lower()]
            elif column.optional:
                absent.append(column.name)
            else:
                missing.append(wanted)
        if missing:
            raise SourceError(
                "source.missing_column",
                f"{where}: table {table.name} lacks the required column{'s' if len(missing) > 1 else ''} {', '.join(missing)}.",
                "Add it at the source, or map the source's own name in settings.yaml: sources[].rename."
                f"{table.name}.columns.",
            )
        unknown = tuple(
            sorted(name for name in found if name not in matched.values() and not name.startswith("_"))
        )
        return matched, unknown, tuple(absent)

    @abstractmethod
    def has(self, table: Table) -> bool:
        """Whether the source holds the table."""

    @abstractmethod
    def columns(self, table: Table) -> dict[str, list[str]]:
        """Names of the columns of a table that is there, by where they stand; reads no rows.

        A database's table stands in one place; of a table in many files a few of the newest are looked at.

        Raises:
            SourceError: the table, or one of its files, cannot be opened.
        """

    @abstractmethod
    def extract(self, table: Table, after: Watermark | None, lookback: dt.timedelta) -> Extracted:
        """Stream a table.

        Args:
            table: what to read.
            after: the last published watermark; None reads everything.
            lookback: how far before the watermark to read again for rows that came late.

        Raises:
            SourceError: the table cannot be read, or lacks a required column.
        """

    @abstractmethod
    def some(
        self,
        table: Table,
        *,
        among: tuple[str, Sequence[str]] | None = None,
        since: dt.datetime | None = None,
    ) -> pa.RecordBatchReader:
        """Stream a small part of a table, as ``extract`` streams a whole one.

        A source that cannot look for a time gives rows of any time: whoever asks looks again.

        Args:
            table: what to read.
            among: a text column and the values wanted of it.
            since: the earliest value of the table's since column.

        Raises:
            SourceError: the table cannot be read, or lacks a required column.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back connections."""
