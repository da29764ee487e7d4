"""The lake: one Delta table for each ``layer.table``, behind a handful of functions.

Nothing in the project but this module and ``wattmark.lake_read`` imports ``deltalake``, so another table format can
take its place. All writes are atomic: a writer that is killed leaves the previous version as it was.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    WriterProperties,
    write_deltalake,
)

from wattmark.atomic import MAKE_ROOM
from wattmark.errors import WattmarkError
from wattmark.lake_read import DAMAGED, LOG, MEND, StoredTables, first_line
from wattmark.ledger import NOT_YET, Entry, LakeError
from wattmark.writer import holding

Rows: TypeAlias = pa.Table | pa.RecordBatchReader

_TIDIED = 20
"""Newest commits among which the one that wrote rows is sought."""

_KEEP_LOG = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
"""Replays read versions older than Delta's own 30 days."""


class RowsError(WattmarkError):
    """Rows that were to be written could not be computed or read; ``__cause__`` says why."""


class Counted:
    """Rows on their way; ``rows`` is how many went through ``reader``."""

    def __init__(self, rows: Rows) -> None:
        source = rows.to_reader() if isinstance(rows, pa.Table) else rows
        self.rows = 0
        self.reader = pa.RecordBatchReader.from_batches(source.schema, self._count(source))

    def _count(self, source: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        for batch in source:
            self.rows += batch.num_rows
            yield batch


def _plain_numbers(schema: pa.Schema) -> WriterProperties:
    plain = ColumnProperties(dictionary_enabled=False)
    numbers = (
        field.name for field in schema if pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
    )
    return WriterProperties(column_properties=dict.fromkeys(numbers, plain))


def _is_full(error: BaseException) -> bool:
    numbers = (errno.ENOSPC, errno.EDQUOT)
    if isinstance(error, OSError) and error.errno in numbers:
        return True
    return any(f"(os error {number})" in str(error) for number in numbers) or "No space left" in str(error)


class Lake(StoredTables):
    """The lake as it is written too: whoever writes holds the home."""

    # --- writing -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _written(self, name: str) -> Iterator[Callable[[Rows], pa.RecordBatchReader]]:
        """One commit: the home held, the rows' own errors as they were, files of a failed try taken away, all noted."""
        broken: list[BaseException] = []

        def watched(rows: Rows) -> pa.RecordBatchReader:
            source = rows.to_reader() if isinstance(rows, pa.Table) else rows

            def batches() -> Iterator[pa.RecordBatch]:
                try:
                    yield from source
                except Exception as error:
                    broken.append(error)
                    raise

            return pa.RecordBatchReader.from_batches(source.schema, batches())

        with holding(self.root.parent, f"a write of {name}"):
            if self.exists(name):
                self._open(name)
            else:
                self._opened.pop(name, None)
                self.ledger.keep(name, Entry())
            started = time.time()
            try:
                self.path(name).parent.mkdir(parents=True, exist_ok=True)
                yield watched
                _, written = self._opened.pop(name, (None, None))
                self.note_files(name, written)
            except BaseException as error:
                self._opened.pop(name, None)
                if isinstance(error, (KeyboardInterrupt, SystemExit)):
                    raise
                cause = broken[0] if broken else error
                full = self._full(name) if _is_full(error) or _is_full(cause) else None
                self._take_away(name, started)
                if isinstance(cause, WattmarkError):
                    raise cause from None
                if full:
                    raise full from None
                if broken:
                    raise RowsError("lake.rows", f"{name}: {str(cause).strip()}") from cause
                raise LakeError(
                    "lake.write_failed", name, f"could not be written: {first_line(error)}",
                    f"See that {self.path(name)} may be written; {MEND}",
                ) from None  # fmt: skip

    def _take_away(self, name: str, since: float) -> None:
        """Delete what a failed write left: data files younger than it that no version names."""
        with contextlib.suppress(LakeError, OSError):
            named = set(self._listed(name)) if self.exists(name) else set()
            if entry := self.ledger.entry(name):
                named |= {str(self.path(name) / path) for path in entry.files}
            for file in self.path(name).rglob("*"):
                if (
                    file.is_file()
                    and LOG not in file.parts
                    and str(file) not in named
                    and file.stat().st_mtime >= since - 1
                ):
                    file.unlink()

    def _full(self, name: str) -> LakeError:
        entry = self.ledger.entry(name) or Entry()
        with contextlib.suppress(LakeError, OSError):
            listed = self._listed(name) if entry.version > NOT_YET else []
            before = sum(Path(path).stat().st_size for path in listed)
            free = shutil.disk_usage(self.root.parent).free
            needs = (
                f"its version before had {before / 1e6:,.1f} MB"
                if before
                else "it is written for the first time"
            )
            message = f"the disk is full: {free / 1e6:,.1f} MB are free below {self.root.parent}, and {needs}"
            return LakeError("home.disk_full", name, f"{message}.", MAKE_ROOM)
        return LakeError(
            "home.disk_full", name, "the disk is full.", "Make room and run the same date again."
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

        Raises:
            LakeError: the table is damaged, the disk is full (``home.disk_full``), or it cannot be written.
            RowsError: the rows broke off; a WattmarkError they broke off with is raised as it is.
            HomeError: another writer holds the home for too long.
        """
        with self._written(name) as watched:
            exists = self.exists(name)
            write_deltalake(
                self._written_to(name),
                watched(rows),
                mode="overwrite",
                partition_by=list(partition_by) or None,
                predicate=where if exists else None,
                # A part may bring a column that the other parts have not yet.
                schema_mode="merge" if where and exists else "overwrite",
                writer_properties=_plain_numbers(rows.schema) if computed else None,
                commit_properties=CommitProperties(custom_metadata=metadata) if metadata else None,
                post_commithook_properties=_KEEP_LOG,
            )
        return int(self._open(name).version())

    def append(self, name: str, rows: Rows) -> None:
        """Add rows to a table that exists; raises as ``replace`` does."""
        with self._written(name) as watched:
            write_deltalake(
                self._written_to(name), watched(rows), mode="append", post_commithook_properties=_KEEP_LOG
            )

    def _written_to(self, name: str) -> DeltaTable | str:
        """What a commit is handed: the opened table, which is at the new version then, or the place of a new one.

        Reading a log takes longer than writing a small table, and by its path it would be read twice more.
        """
        return self._opened[name][1] if name in self._opened else str(self.path(name))

    def partition_values(self, name: str, column: str) -> list[str]:
        """Distinct values of one partition column, as text, sorted."""
        return sorted({str(partition[column]) for partition in self._open(name).partitions()})

    def partition_files(
        self, name: str, column: str, version: int | None = None
    ) -> dict[str, list[str]] | None:
        """Files of a version by the value of its partition column; None where the version is not there any more.

        The files are only named, and may be tidied away.
        """
        try:
            files = self._listed(name, version)
        except LakeError as error:
            if error.code in ("lake.version_gone", "lake.missing"):
                return None
            raise
        found: dict[str, list[str]] = {}
        for file in files:
            values = dict(part.split("=", 1) for part in Path(file).parts if "=" in part)
            if column not in values:
                return None
            found.setdefault(values[column], []).append(file)
        return found

    def note(self, name: str) -> dict[str, str]:
        """What the commit that wrote a table's rows noted (``metadata`` of ``replace``); empty where there is no table.

        Commits that only tidy change no row and note nothing.
        """
        return next(iter(self.notes(name, _TIDIED)), {})

    def notes(self, name: str, limit: int) -> list[dict[str, str]]:
        """What the newest commits of a table noted, the newest first and without those that only tidy."""
        if not self.exists(name):
            return []
        return [
            {key: value for key, value in entry.items() if isinstance(value, str)}
            for entry in self._open(name).history(limit)
            if not str(entry["operation"]).startswith("VACUUM")
        ]

    def noted(self, name: str, key: str, value: str) -> int | None:
        """Newest version whose commit noted a value (``metadata`` of ``replace``); None where there is none."""
        if not self.exists(name):
            return None
        history = self._open(name).history()
        return next((int(entry["version"]) for entry in history if entry.get(key) == value), None)

    def holds(self, name: str, version: int) -> bool:
        """Whether all files of a version are still there."""
        try:
            return all(Path(file).exists() for file in self.files(name, version))
        except LakeError:
            return False

    def vacuum(
        self, names: Iterable[str], keep_hours: int, keep_versions: Mapping[str, Sequence[int]] | None = None
    ) -> int:
        """Delete files that no version younger than ``keep_hours``, and none of ``keep_versions``, needs; returns how many."""
        count = 0
        for name in names:
            if not self.exists(name):
                continue
            with holding(self.root.parent, f"tidying {name}"):
                self.files(name)
                entry = self.ledger.entry(name) or Entry()
                there = {file for file in entry.files if (self.path(name) / file).exists()}
                wanted = [
                    version for version in (keep_versions or {}).get(name, ()) if self.holds(name, version)
                ]
                try:
                    deleted = self._open(name).vacuum(
                        retention_hours=keep_hours, dry_run=False, enforce_retention_duration=False,
                        keep_versions=wanted or None, post_commithook_properties=_KEEP_LOG,
                    )  # fmt: skip
                except Exception as error:
                    if _is_full(error):
                        raise self._full(name) from None
                    what = f"could not be tidied: {first_line(error)}"
                    raise LakeError("lake.write_failed", name, what, MEND) from None
                self._opened.pop(name, None)
                if deleted:
                    self.ledger.without(
                        name, {file for file in there if not (self.path(name) / file).exists()}
                    )
                self.note_files(name)
                count += len(deleted)
        return count

    def set_aside(self, name: str) -> Path | None:
        """Move a damaged table with its notes out of the lake; returns where it is now, None where nothing was there."""
        folder = self.path(name)
        target: Path | None = None
        with holding(self.root.parent, f"mending {name}"):
            if folder.exists():
                places = (self.root / DAMAGED / f"{name}-{number}" for number in range(1, 1_000_000))
                target = next(place for place in places if not place.exists())
                target.parent.mkdir(parents=True, exist_ok=True)
                folder.rename(target)
                if (noted := self.ledger.path(name)).exists():
                    shutil.copy2(noted, target / "noted.json")
            self.ledger.forget(name)
            self._opened.pop(name, None)
            self._pinned = {pinned: table for pinned, table in self._pinned.items() if pinned[0] != name}
        return target

    def tables(self) -> list[str]:
        """All tables of the lake as ``layer.table``, sorted, those that lost their log or folder included."""
        logs = (log for log in self.root.glob(f"*/*/{LOG}") if log.is_dir())
        there = {
            f"{log.parent.parent.name}.{log.parent.name}" for log in logs if log.parent.parent.name != DAMAGED
        }
        for name in self.ledger.tables() - there:
            with contextlib.suppress(LakeError):
                entry = self.ledger.entry(name)
                if entry is not None and entry.version == NOT_YET:
                    continue
            there.add(name)
        for folder in self.root.glob("*/*"):
            name = f"{folder.parent.name}.{folder.name}"
            if folder.is_dir() and folder.parent.name != DAMAGED and name not in there:
                with contextlib.suppress(LakeError):
                    if not self.exists(name):
                        continue
                there.add(name)
        return sorted(there)
