"""Folders of CSV or Parquet files: one file, or one folder of files, a table."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattmark.contract import Column, Contract, Table
from wattmark.errors import SourceError
from wattmark.settings import Settings
from wattmark.source_settings import SourceSettings
from wattmark.sources.base import ARRIVAL, EXTRAS, FILE, POSITION, PROBLEM, TEXT, Extracted, Source, Watermark
from wattmark.sources.csv_lines import Reject
from wattmark.sources.csv_text import CsvFile, open_csv, read_csv
from wattmark.sources.parquet import ParquetFile, open_parquet, read_parquet
from wattmark.sources.table_files import label_of, suffix_of, table_files, unreadable
from wattmark.sources.values import as_text, conform_batch, landed_type

_ROWS = 100_000
"""Rows of a batch."""


@dataclass(frozen=True)
class _Part:
    """One file of a table: its name below the source folder, size and time, and its columns by the contract's names."""

    label: str
    print: tuple[int, int]
    file: CsvFile | ParquetFile
    matched: dict[str, str]


class FileSource(Source):
    """A folder of files, read one after another in bounded memory."""

    def __init__(self, settings: SourceSettings, contract: Contract, all_settings: Settings) -> None:
        super().__init__(settings, contract)
        self.folder = Path(settings.location).expanduser().resolve()
        if not self.folder.is_dir():
            raise SourceError(
                "source.no_folder", f"{self.folder}: there is no such folder.", "Check the source's location."
            )
        try:
            empty = not any(self.folder.iterdir())
        except OSError as error:
            raise unreadable(self.folder, error) from None
        if empty:
            raise SourceError(
                "source.empty",
                f"{self.folder}: the folder is empty.",
                "Put one file or one folder of files a table into it.",
            )
        self.zone = all_settings.zone
        self._compute = all_settings.compute
        all_settings.scratch.mkdir(parents=True, exist_ok=True)
        self._scratch = Path(tempfile.mkdtemp(prefix="files-", dir=all_settings.scratch))

    @cached_property
    def _duck(self) -> duckdb.DuckDBPyConnection:
        """What reads CSV; started when the first such file is read, which takes longer than looking at a folder."""
        made = duckdb.connect(
            config={
                "threads": self._compute.threads,
                "memory_limit": f"{self._compute.memory_limit_mb}MB",
                "temp_directory": str(self._scratch),
                # Of two rows of one file the later holds: rows must come as they stand.
                "preserve_insertion_order": True,
            }
        )
        made.execute("SET enable_progress_bar = false")
        return made

    def close(self) -> None:
        """Close DuckDB and remove what was re-encoded."""
        if "_duck" in self.__dict__:
            self._duck.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def has(self, table: Table) -> bool:
        """Whether a file or folder of the table's name is there (an empty folder counts)."""
        found = table_files(self.folder, self.name_of(table))
        return bool(found.files) or found.folder is not None

    def unread(self, table: Table) -> tuple[str, ...]:
        """Files of the table's name or in its folder whose ending is none that is read."""
        found = table_files(self.folder, self.name_of(table))
        return tuple(label_of(path, self.folder) for path in found.left_out)

    def columns(self, table: Table) -> dict[str, list[str]]:
        """The names in the first and the newest files; every file must be one that may be read."""
        files = table_files(self.folder, self.name_of(table)).files
        for path in files:
            if not os.access(path, os.R_OK):
                raise SourceError(
                    "source.unreadable", f"{path}: the file may not be read.", "Let the pipeline read it."
                )
        looked_at = dict.fromkeys([*files[:1], *files[-2:]])
        return {str(path): list(self._opened(table, path).names) for path in looked_at}

    def extract(self, table: Table, after: Watermark | None, lookback: dt.timedelta) -> Extracted:
        """Stream the table's files; of a table with ``since`` only those new or changed.

        In a folder with one folder per day, a day is read whole as soon as one of its files changed.
        """
        found = table_files(self.folder, self.name_of(table))
        prints = {path: _print(path) for path in found.files}
        labels = {path: label_of(path, self.folder) for path in found.files}
        files = list(found.files)
        whole = after is None or table.since is None
        if not whole and after is not None:
            changed = {path for path in files if after.files.get(labels[path]) != prints[path]}
            days = {path.parent for path in changed} - {self.folder, found.folder}
            files = [path for path in files if path in changed or path.parent in days]
        unknown: set[str] = set()
        absent: set[str] | None = None
        parts: list[_Part] = []
        for path in files:
            file = self._opened(table, path)
            matched, more, lacking = self.match(table, list(file.names), str(path))
            unknown.update(more)
            absent = set(lacking) if absent is None else absent & set(lacking)
            parts.append(_Part(labels[path], prints[path], file, matched))
        return Extracted(
            self._rows(table, parts),
            whole,
            tuple(sorted(unknown)),
            tuple(sorted(absent or ())),
            {labels[path]: prints[path] for path in found.files},
            tuple(part.label for part in parts),
            tuple(label_of(path, self.folder) for path in found.left_out),
        )

    def some(
        self,
        table: Table,
        *,
        among: tuple[str, Sequence[str]] | None = None,
        since: dt.datetime | None = None,
    ) -> pa.RecordBatchReader:
        """Stream the table's rows with one of the values; of any time, as files are not sorted by it."""
        rows = self.extract(table, None, dt.timedelta()).rows
        wanted = pa.array(list(among[1]), pa.string()) if among else None

        def kept() -> Iterator[pa.RecordBatch]:
            for batch in rows:
                # A line that is no row has no values to ask for; the night sets it aside.
                keep = pc.is_null(batch.column(TEXT))
                if among is not None:
                    texts = pc.cast(batch.column(among[0]), pa.string())
                    keep = pc.and_(keep, pc.is_in(texts, value_set=wanted))
                yield batch.filter(keep)

        return pa.RecordBatchReader.from_batches(rows.schema, kept())

    def _opened(self, table: Table, path: Path) -> CsvFile | ParquetFile:
        if suffix_of(path) == ".parquet":
            return open_parquet(path, self.settings.int96)
        wanted = {self.column_of(table, column.name).lower() for column in table.columns}
        return open_csv(path, self.settings, tuple(wanted))

    def _rows(self, table: Table, parts: list[_Part]) -> pa.RecordBatchReader:
        """All files' rows in landing's columns, with file, arrival and position."""
        fields = [pa.field(column.name, _type_of(column, parts)) for column in table.columns]
        schema = pa.schema([*fields, *EXTRAS])

        def batches() -> Iterator[pa.RecordBatch]:
            position = 0
            for part in parts:
                for rows, columns in self._read(table, part.file, part.matched):
                    if not rows:
                        continue
                    columns[FILE] = pa.repeat(pa.scalar(part.label, pa.string()), rows)
                    columns[ARRIVAL] = pa.repeat(pa.scalar(part.print[1], pa.int64()), rows)
                    if POSITION not in columns:
                        columns[POSITION] = pa.array(np.arange(position, position + rows, dtype="int64"))
                        position += rows
                    yield _batch(schema, columns, rows)
                if _print(part.file.path) != part.print:
                    raise SourceError(
                        "source.changed",
                        f"{part.file.path}: the file changed while it was read.",
                        "Let it be written under a name that begins with _ and renamed when it is whole; then rerun.",
                    )

        return pa.RecordBatchReader.from_batches(schema, batches())

    def _read(
        self, table: Table, file: CsvFile | ParquetFile, matched: dict[str, str]
    ) -> Iterator[tuple[int, dict[str, pa.Array]]]:
        """One file's rows, in numbers of rows and arrays by landing's columns; what is missing there is empty."""
        if isinstance(file, ParquetFile):
            where = f"{file.path}: table {table.name}"
            for rows, arrays in read_parquet(file, list(matched.values()), _ROWS):
                given = {column: arrays[name] for column, name in matched.items()}
                yield rows, conform_batch(given, table, self.zone, rows, where=where)
            return
        places = [file.names.index(name) for name in matched.values()]
        for texts, rejects in read_csv(file, self._duck, self._scratch, places):
            yield (
                len(texts[0]),
                {
                    name: pc.fill_null(array, "") if _blank_is_a_text(table.column(name)) else array
                    for name, array in zip(matched, texts, strict=True)
                },
            )
            yield len(rejects), _reject_columns(rejects)


def _reject_columns(rejects: list[Reject]) -> dict[str, pa.Array]:
    """Lines that are not rows travel as rows with nothing but their text, so that they are counted."""
    return {
        PROBLEM: pa.array([f"csv line {reject.line}: {reject.why}" for reject in rejects], pa.string()),
        TEXT: pa.array([reject.text for reject in rejects], pa.string()),
        POSITION: pa.array([reject.line for reject in rejects], pa.int64()),
    }


def _blank_is_a_text(column: Column) -> bool:
    """CSV cannot tell an empty text from none; a required text that is blank is the audit's to find."""
    return column.type == "string" and not (column.optional or column.key or column.ref or column.values)


def _type_of(column: Column, parts: list[_Part]) -> pa.DataType:
    """What all files' values of a column fit into: the contract's type, or text."""
    for part in parts:
        if isinstance(part.file, CsvFile) or column.name not in part.matched:
            continue
        if landed_type(part.file.types[part.matched[column.name]], column) != column.arrow_type:
            return pa.string()
    return pa.string() if any(isinstance(part.file, CsvFile) for part in parts) else column.arrow_type


def _batch(schema: pa.Schema, columns: dict[str, pa.Array], rows: int) -> pa.RecordBatch:
    arrays = []
    for field in schema:
        array = columns.get(field.name)
        if array is None or array.null_count == rows:
            array = pa.nulls(rows, field.type)
        elif array.type != field.type:
            array = as_text(array)
        arrays.append(array)
    return pa.record_batch(arrays, schema=schema)


def _print(path: Path) -> tuple[int, int]:
    """A file's size and modification time in ns."""
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from None
    return found.st_size, found.st_mtime_ns
