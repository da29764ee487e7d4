"""The lake: one Delta table for each ``layer.table``, behind a handful of functions.

Nothing else in the project imports ``deltalake``, so another table format can take its place. All
writes are atomic: a writer that is killed leaves the previous version as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlparse

import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

Rows: TypeAlias = pa.Table | pa.RecordBatchReader


def _plain_numbers(schema: pa.Schema) -> WriterProperties:
    plain = ColumnProperties(dictionary_enabled=False)
    numbers = (
        field.name for field in schema if pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
    )
    return WriterProperties(column_properties=dict.fromkeys(numbers, plain))


class Lake:
    """The Delta tables below one folder.

    Tables are addressed as ``layer.table``; versions are Delta's own, counted from 0.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._pinned: dict[tuple[str, int], DeltaTable] = {}

    def path(self, name: str) -> Path:
        """Folder of one table."""
        return self.root.joinpath(*name.split("."))

    def _open(self, name: str, version: int | None = None) -> DeltaTable:
        if version is None:
            return DeltaTable(str(self.path(name)))
        # A version never changes, and reading a table's log takes longer than reading a small table.
        if (name, version) not in self._pinned:
            self._pinned[name, version] = DeltaTable(str(self.path(name)), version=version)
        return self._pinned[name, version]

    def exists(self, name: str) -> bool:
        """Whether the table was ever written."""
        return bool(DeltaTable.is_deltatable(str(self.path(name))))

    def version(self, name: str) -> int | None:
        """Newest version, or None where the table does not exist."""
        try:
            return int(self._open(name).version())
        except TableNotFoundError:
            return None

    def schema(self, name: str, version: int | None = None) -> pa.Schema:
        """Arrow schema of a table, partition columns included."""
        return pa.schema(self._open(name, version).schema())

    def partition_columns(self, name: str, version: int | None = None) -> list[str]:
        """Columns the table is partitioned by."""
        return list(self._open(name, version).metadata().partition_columns)

    def files(self, name: str, version: int | None = None) -> list[str]:
        """Local paths of the Parquet files that make up a version."""
        return sorted(
            unquote(urlparse(uri).path) if "://" in uri else uri
            for uri in self._open(name, version).file_uris()
        )

    def replace(
        self,
        name: str,
        rows: Rows,
        partition_by: Sequence[str] = (),
        where: str | None = None,
        metadata: dict[str, str] | None = None,
        *,
        computed: bool = False,
    ) -> int:
        """Write rows in place of the whole table, or of the part that ``where`` names.

        Args:
            name: ``layer.table``.
            rows: what to write, streamed where it is a reader.
            partition_by: columns to partition a new table by.
            where: a predicate over partition columns; every row written must satisfy it.
            metadata: noted in the commit, such as the run.
            computed: the numbers are results, hardly one like another: no dictionary is tried for them, which
                halves the time of writing.

        Returns:
            the new version.
        """
        path = self.path(name)
        exists = self.exists(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_deltalake(
            str(path),
            rows,
            mode="overwrite",
            partition_by=list(partition_by) or None,
            predicate=where if exists else None,
            schema_mode=None if where and exists else "overwrite",
            writer_properties=_plain_numbers(rows.schema) if computed else None,
            commit_properties=CommitProperties(custom_metadata=metadata) if metadata else None,
        )
        return int(self._open(name).version())

    def append(self, name: str, rows: Rows) -> None:
        """Add rows to a table that exists."""
        write_deltalake(str(self.path(name)), rows, mode="append")

    def partition_values(self, name: str, column: str) -> list[str]:
        """Distinct values of one partition column, as text, sorted."""
        return sorted({str(partition[column]) for partition in self._open(name).partitions()})

    def partition_files(
        self, name: str, column: str, version: int | None = None
    ) -> dict[str, list[str]] | None:
        """Files of a version by the value of its partition column; None where the version is not there any more."""
        try:
            files = self.files(name, version)
        except (TableNotFoundError, DeltaError, FileNotFoundError):
            return None
        found: dict[str, list[str]] = {}
        for file in files:
            values = dict(part.split("=", 1) for part in Path(file).parts if "=" in part)
            if column not in values:
                return None
            found.setdefault(values[column], []).append(file)
        return found

    def note(self, name: str) -> dict[str, str]:
        """What the newest commit of a table noted (``metadata`` of ``replace``); empty where there is no table."""
        try:
            newest = self._open(name).history(1)[0]
        except TableNotFoundError:
            return {}
        return {key: value for key, value in newest.items() if isinstance(value, str)}

    def noted(self, name: str, key: str, value: str) -> int | None:
        """Newest version whose commit noted a value (``metadata`` of ``replace``); None where there is none."""
        try:
            history = self._open(name).history()
        except TableNotFoundError:
            return None
        return next((int(entry["version"]) for entry in history if entry.get(key) == value), None)

    def holds(self, name: str, version: int) -> bool:
        """Whether all files of a version are still there."""
        try:
            return all(Path(file).exists() for file in self.files(name, version))
        except (TableNotFoundError, DeltaError, FileNotFoundError):
            return False

    def vacuum(
        self, names: Iterable[str], keep_hours: int, keep_versions: Mapping[str, Sequence[int]] | None = None
    ) -> int:
        """Delete files that no version younger than ``keep_hours``, and none of ``keep_versions``, needs; returns how many."""
        kept = keep_versions or {}
        return sum(
            len(
                self._open(name).vacuum(
                    retention_hours=keep_hours,
                    dry_run=False,
                    enforce_retention_duration=False,
                    keep_versions=[one for one in kept.get(name, ()) if self.holds(name, one)] or None,
                )
            )
            for name in names
            if self.exists(name)
        )

    def tables(self) -> list[str]:
        """All tables of the lake as ``layer.table``, sorted."""
        return sorted(
            f"{log.parent.parent.name}.{log.parent.name}"
            for log in self.root.glob("*/*/_delta_log")
            if log.is_dir()
        )
