"""The lake as it is read: each table, its log and its files held against what was noted when they were written.

A table that lost its log or a file, or whose files are not what was written, is an error that names it, never a table
with less in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
from deltalake import DeltaTable

from wattmark.home import Home
from wattmark.ledger import NOT_YET, Entry, LakeError, Ledger, Noted

LOG = "_delta_log"
DAMAGED = ".damaged"
"""Folder below the lake that damaged tables are moved to."""
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(\..+)?\.parquet")
_LAST_CHECKPOINT = "_last_checkpoint"
_PARQUET = b"PAR1"
MEND = "`wattmark check --lake` shows all damage, `wattmark check --lake --mend` mends what can be read or built again."
TAKE_BACK = f"Restore it from a backup; {MEND}"


@dataclass(frozen=True)
class _Log:
    """Files of a table's log as they lie there."""

    folder: Path
    stamp: tuple[tuple[str, int, int], ...]
    commits: dict[int, str]
    checkpoints: dict[int, list[str]]

    @classmethod
    def of(cls, folder: Path) -> _Log:
        found = []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            for entry in entries:
                stat = entry.stat()
                found.append((entry.name, stat.st_size, stat.st_mtime_ns))
        commits, checkpoints = {}, dict[int, list[str]]()
        for name, _, _ in sorted(found):
            if match := _COMMIT.fullmatch(name):
                commits[int(match[1])] = name
            elif match := _CHECKPOINT.fullmatch(name):
                checkpoints.setdefault(int(match[1]), []).append(name)
        return cls(folder, tuple(sorted(found)), commits, checkpoints)

    @property
    def newest(self) -> int:
        return max([*self.commits, *self.checkpoints], default=NOT_YET)

    @property
    def base(self) -> int:
        """Version from which the newest one is read: the newest checkpoint, or none."""
        return max(self.checkpoints, default=NOT_YET)

    @property
    def names(self) -> list[str]:
        return [
            name for name, _, _ in self.stamp if _COMMIT.fullmatch(name) or _CHECKPOINT.fullmatch(name)
        ] + [name for name, _, _ in self.stamp if name == _LAST_CHECKPOINT]


def first_line(error: BaseException) -> str:
    """What an error says first, for people."""
    return str(error).strip().split("\n")[0][:300]


class StoredTables:
    """The Delta tables below one folder, as they are read and held against what was noted.

    Tables are addressed as ``layer.table``; versions are Delta's own, counted from 0. Whatever is read is held against
    what was noted when it was written (``wattmark.ledger``): presence, sizes, the log's own checksums, and the
    checksum of each data file whose time of modification is another.

    Args:
        root: folder of the lake; the notes are in ``state/lake`` beside it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ledger = Ledger(Home(root.parent).lake_notes)
        self._opened: dict[str, tuple[tuple[Any, ...], DeltaTable]] = {}
        self._pinned: dict[tuple[str, int], DeltaTable] = {}
        self._sound: set[tuple[str, int, int]] = set()

    def path(self, name: str) -> Path:
        """Folder of one table."""
        return self.root.joinpath(*name.split("."))

    # --- opening ---------------------------------------------------------------------------------

    def exists(self, name: str) -> bool:
        """Whether the table was ever written.

        Raises:
            LakeError: it was, and has lost its log.
        """
        log = _Log.of(self.path(name) / LOG)
        entry = self.ledger.entry(name)
        if log.newest > NOT_YET:
            return True
        if entry is None and not any(self.path(name).rglob("*.parquet")):
            return False
        if entry is not None and entry.version == NOT_YET:
            return False
        raise self._log_lost(name, log.folder, "its log is lost, so nothing of it can be read")

    def _log_lost(self, name: str, file: Path, what: str, *, history: bool = False) -> LakeError:
        return LakeError("lake.log_lost", name, f"{what}: {file}.", TAKE_BACK, file=file, history=history)

    def log_faults(self, name: str, *, history: bool = False) -> list[LakeError]:
        """What is wrong with the log of a table that exists; with ``history`` also before its newest checkpoint."""
        log = _Log.of(self.path(name) / LOG)
        entry = self.ledger.entry(name) or Entry()
        faults = []
        for version in range(log.base + 1, max(log.newest, entry.version) + 1):
            file = log.folder / f"{version:020}.json"
            if version not in log.commits:
                what = (
                    f"version {version} of its log is missing, so the table cannot be read as it was written"
                )
                faults.append(self._log_lost(name, file, what))
            elif (problem := _torn(file)) or _changed(file, entry.log.get(file.name)):
                faults.append(
                    LakeError(
                        "lake.log_torn",
                        name,
                        f"version {version} of its log {problem or 'is not what was written'}: {file}.",
                        TAKE_BACK,
                        file=file,
                    )
                )
        faults += self._checkpoint_faults(name, log, entry)
        if history:
            for known in sorted(set(entry.log) - {_LAST_CHECKPOINT}):
                match = _COMMIT.fullmatch(known)
                if match and int(match[1]) > log.base:
                    continue
                if match is None and int(known[:20]) >= log.base:
                    continue
                file = log.folder / known
                if not file.exists():
                    faults.append(
                        self._log_lost(name, file, "an earlier part of its log is missing", history=True)
                    )
                elif _changed(file, entry.log[known]):
                    what = f"an earlier part of its log is not what was written: {file}."
                    faults.append(LakeError("lake.log_torn", name, what, TAKE_BACK, file=file, history=True))
        return faults

    def _checkpoint_faults(self, name: str, log: _Log, entry: Entry) -> list[LakeError]:
        faults = []

        def bad(file: Path, what: str) -> None:
            faults.append(LakeError("lake.checkpoint_bad", name, f"{what}: {file}.", TAKE_BACK, file=file))

        known = [
            file for file in entry.log if (match := _CHECKPOINT.fullmatch(file)) and int(match[1]) >= log.base
        ]
        for checkpoint in sorted({*known, *log.checkpoints.get(log.base, ())}):
            file = log.folder / checkpoint
            if not file.exists():
                bad(file, "a checkpoint of its log is missing")
            elif not _is_parquet(file) or _changed(file, entry.log.get(checkpoint)):
                bad(file, "a checkpoint of its log is not what was written")
        last = log.folder / _LAST_CHECKPOINT
        if last.exists():
            try:
                pointed = int(json.loads(last.read_bytes())["version"])
            except (ValueError, KeyError, TypeError):
                pointed = NOT_YET
            if pointed not in log.checkpoints and not faults:
                bad(last, "the note of its newest checkpoint is damaged")
            elif _changed(last, entry.log.get(_LAST_CHECKPOINT)) and pointed <= entry.version:
                bad(last, "the note of its newest checkpoint is not what was written")
        elif _LAST_CHECKPOINT in entry.log:
            bad(last, "the note of its newest checkpoint is missing")
        return faults

    def _open(self, name: str, version: int | None = None) -> DeltaTable:
        if not self.exists(name):
            raise LakeError(
                "lake.missing",
                name,
                "the table is not in the lake yet.",
                "Run the steps before this one first.",
            )
        log = _Log.of(self.path(name) / LOG)
        stamp = self._stamp(name, log)
        if (known := self._opened.get(name)) is None or known[0] != stamp:
            self._opened.pop(name, None)
            for fault in self.log_faults(name):
                raise fault
            self._opened[name] = stamp, self._loaded(name, log)
        newest = self._opened[name][1]
        if version is None or version == newest.version():
            return newest
        # A version never changes, and reading a table's log takes longer than reading a small table.
        if (name, version) not in self._pinned:
            self._pinned[name, version] = self._loaded(name, log, version)
        return self._pinned[name, version]

    def _stamp(self, name: str, log: _Log) -> tuple[Any, ...]:
        noted = self.ledger.path(name)
        return (*log.stamp, noted.stat().st_mtime_ns if noted.exists() else 0)

    def _loaded(self, name: str, log: _Log, version: int | None = None) -> DeltaTable:
        entry = self.ledger.entry(name) or Entry()
        if version is not None:
            for commit in (
                file for file in entry.log if (match := _COMMIT.fullmatch(file)) and int(match[1]) <= version
            ):
                file = log.folder / commit
                if file.exists() and _changed(file, entry.log[commit]):
                    what = f"an earlier part of its log is not what was written: {file}."
                    raise LakeError("lake.log_torn", name, what, TAKE_BACK, file=file, history=True)
        try:
            return DeltaTable(str(self.path(name)), version=version)
        except BaseException as error:
            # The reader of logs panics on some damage, which is no Exception.
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            if version is not None:
                raise LakeError(
                    "lake.version_gone",
                    name,
                    f"version {version} is not in its log any more ({first_line(error)}).",
                    "Only versions kept for `lake_history.replay_days` can be read.",
                    history=True,
                ) from None
            code, what = (
                ("lake.checkpoint_bad", "the checkpoint")
                if log.base > NOT_YET
                else ("lake.log_torn", "the log")
            )
            file = log.folder / (log.checkpoints[log.base][0] if log.base > NOT_YET else "")
            raise LakeError(
                code, name, f"{what} cannot be read ({first_line(error)}): {file}.", TAKE_BACK, file=file
            ) from None

    def version(self, name: str) -> int | None:
        """Newest version, or None where the table does not exist."""
        return int(self._open(name).version()) if self.exists(name) else None

    def stamp(self, name: str) -> str:
        """Names the table's newest content: another after each commit, and after the table was made anew."""
        if not self.exists(name):
            return ""
        table = self._open(name)
        return f"{table.metadata().id}@{table.version()}"

    def identity(self, name: str) -> str:
        """Names the table itself: another once it was made anew, so that its versions count anew."""
        return str(self._open(name).metadata().id)

    def schema(self, name: str, version: int | None = None) -> pa.Schema:
        """Arrow schema of a table, partition columns included."""
        return pa.schema(self._open(name, version).schema())

    def partition_columns(self, name: str, version: int | None = None) -> list[str]:
        """Columns the table is partitioned by."""
        return list(self._open(name, version).metadata().partition_columns)

    def _listed(self, name: str, version: int | None = None) -> list[str]:
        return sorted(paths_of(self._open(name, version)))

    def files(self, name: str, version: int | None = None) -> list[str]:
        """Local paths of the Parquet files that make up a version, each there and of the size it was written with.

        Raises:
            LakeError: ``lake.file_missing`` or ``lake.file_changed``; names the file.
        """
        listed = self._listed(name, version)
        for fault in self._file_faults(name, listed, version):
            raise fault
        return listed

    # --- holding files against what was noted ------------------------------------------------------

    def _file_faults(
        self, name: str, listed: Iterable[str], version: int | None = None, *, contents: bool = False
    ) -> Iterator[LakeError]:
        """Of files of a version: missing, of another size, not Parquet, or, where asked or doubtful, of other bytes."""
        entry = self.ledger.entry(name) or Entry()
        folder = self.path(name)
        sizes: dict[str, int] | None = None
        old = version is not None and version != self._open(name).version()
        for path in listed:
            file = Path(path)
            noted = entry.files.get(str(file.relative_to(folder)))
            try:
                stat = file.stat()
            except FileNotFoundError:
                yield self._missing(name, file, tidied=old and noted is None, history=old)
                continue
            if noted is None and sizes is None:
                sizes = self._sizes(name, version)
            size = noted.size if noted else (sizes or {}).get(str(file), stat.st_size)
            mark = path, stat.st_size, stat.st_mtime_ns
            if stat.st_size != size:
                yield self._other(
                    name, file, f"has {stat.st_size:,} bytes, {size:,} were written", history=old
                )
            elif mark in self._sound and not contents:
                continue
            elif not _is_parquet(file):
                yield self._other(name, file, "is not a whole Parquet file", history=old)
            elif (
                noted is not None
                and (contents or noted.modified_ns != stat.st_mtime_ns)
                and Noted.of(file).sha256 != noted.sha256
            ):
                yield self._other(name, file, "does not hold the bytes that were written", history=old)
            else:
                self._sound.add(mark)

    def _sizes(self, name: str, version: int | None) -> dict[str, int]:
        actions = pa.table(self._open(name, version).get_add_actions(flatten=True))
        folder = self.path(name)
        found = {}
        for path, size in zip(actions["path"].to_pylist(), actions["size_bytes"].to_pylist(), strict=True):
            found[str(folder / path)] = found[str(folder / unquote(path))] = int(size)
        return found

    def _missing(self, name: str, file: Path, *, tidied: bool, history: bool) -> LakeError:
        if tidied:
            remedy = "Only versions kept for `lake_history.replay_days` can be read."
            return LakeError(
                "lake.version_gone", name, f"a file of an earlier version was tidied away: {file}.", remedy, file=file,
                history=True,
            )  # fmt: skip
        what = "a file of an earlier version is missing" if history else "a file is missing"
        return LakeError("lake.file_missing", name, f"{what}: {file}.", TAKE_BACK, file=file, history=history)

    def _other(self, name: str, file: Path, what: str, *, history: bool) -> LakeError:
        return LakeError("lake.file_changed", name, f"{file} {what}.", TAKE_BACK, file=file, history=history)

    def faults(self, name: str) -> list[LakeError]:
        """Everything wrong with a table and its kept versions; each file is read and compared with its checksum."""
        try:
            entry = self.ledger.entry(name) or Entry()
        except LakeError as error:
            return [error]
        try:
            if not self.exists(name):
                return []
            faults = self.log_faults(name, history=True)
            current = {} if any(not fault.history for fault in faults) else dict.fromkeys(self._listed(name))
        except LakeError as error:
            faults, current = [error], {}
        else:
            faults += self._file_faults(name, current, contents=True)
        folder = self.path(name)
        whole = {str(Path(path).relative_to(folder)) for path in current}
        for relative, noted in entry.files.items():
            if relative in whole:
                continue
            file = folder / relative
            # Without a log nobody can say which version a file belongs to.
            history = bool(current) or not faults
            if not file.exists():
                if folder.exists():
                    faults.append(self._missing(name, file, tidied=False, history=history))
            elif file.stat().st_size != noted.size or Noted.of(file).sha256 != noted.sha256:
                faults.append(
                    self._other(name, file, "does not hold the bytes that were written", history=history)
                )
        return faults

    def require(self, names: Iterable[str]) -> None:
        """Raise the first fault of tables whose every byte is compared; for when reading them failed."""
        for name in names:
            for fault in self.faults(name):
                if not fault.history:
                    raise fault

    def compare(self, names: Iterable[str], megabytes: int, turn: int) -> int:
        """Compare current files with their checksums, so many MB at a time; returns the bytes read.

        Tables that were never noted are noted as they stand.

        Args:
            names: tables.
            megabytes: read at most about so much; 0 compares sizes alone.
            turn: a number that grows by one from call to call, which decides whose turn it is where all is too much.

        Raises:
            LakeError: the first fault.
        """
        files: list[tuple[int, str, str]] = []
        for name in names:
            if not self.exists(name):
                continue
            if self.ledger.entry(name) is None:
                self.note_files(name)
            files += [(Path(file).stat().st_size, name, file) for file in self.files(name)]
        limit = megabytes * 1_000_000
        if not limit:
            return 0
        parts = -(-sum(size for size, _, _ in files) // limit)
        done = 0
        for number, (size, name, file) in enumerate(sorted(files)):
            if (number + turn) % max(parts, 1) == 0:
                for fault in self._file_faults(name, [file], contents=True):
                    raise fault
                done += size
        return done

    def note_files(self, name: str, table: DeltaTable | None = None, *, anew: bool = False) -> None:
        """Note a table's files and log as they stand, reading what is not noted yet; all of it where ``anew``.

        ``table`` is the table at its newest version, where it is at hand.
        """
        entry = Entry() if anew else self.ledger.entry(name) or Entry()
        folder = self.path(name)
        log = _Log.of(folder / LOG)
        table = self._loaded(name, log) if table is None else table
        files = dict(entry.files)
        for path in paths_of(table):
            relative = str(Path(path).relative_to(folder))
            if relative not in files:
                files[relative] = Noted.of(Path(path))
        # The note of the newest checkpoint alone is ever written again.
        marks = {file: (size, modified) for file, size, modified in log.stamp if file == _LAST_CHECKPOINT}
        kept = {
            file: noted
            for file, noted in entry.log.items()
            if file != _LAST_CHECKPOINT or (noted.size, noted.modified_ns) == marks.get(file)
        }
        kept |= {file: Noted.of(log.folder / file) for file in log.names if file not in kept}
        self.ledger.keep(name, Entry(int(table.version()), files, kept))
        self._opened[name] = self._stamp(name, log), table


def paths_of(table: DeltaTable) -> list[str]:
    """Local paths of a table's data files."""
    return [unquote(urlparse(uri).path) if "://" in uri else uri for uri in table.file_uris()]


def _torn(commit: Path) -> str:
    """What is wrong with the text of a commit; empty where nothing is."""
    text = commit.read_bytes()
    try:
        actions = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return "is cut off or damaged"
    return "" if actions and all(isinstance(action, dict) for action in actions) else "is empty"


def _changed(file: Path, noted: Noted | None) -> bool:
    return noted is not None and Noted.of(file).sha256 != noted.sha256


def _is_parquet(file: Path) -> bool:
    with file.open("rb") as stream:
        if stream.read(4) != _PARQUET:
            return False
        stream.seek(-4, os.SEEK_END)
        return stream.tell() >= 8 and stream.read(4) == _PARQUET
