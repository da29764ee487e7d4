"""What the lake holds, noted outside its tables' folders, so that what is lost or changed is seen.

``<home>/state/lake/<layer>.<table>.json`` notes after each commit the version, and of each data and log file the size
and the SHA-256 of its bytes as they were written. Files of earlier versions stay noted until they are tidied away.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wattmark.atomic import write_atomically
from wattmark.errors import WattmarkError

NOT_YET = -1
"""Version of a table whose first commit is being written."""


class LakeError(WattmarkError):
    """A table of the lake is damaged, missing, or cannot be written.

    ``table`` is ``layer.table``; ``file`` the damaged file, None where it is the table as a whole. With
    ``history`` only earlier versions are concerned, which replays read.
    """

    def __init__(
        self,
        code: str,
        table: str,
        message: str,
        remedy: str,
        *,
        file: Path | None = None,
        history: bool = False,
    ) -> None:
        self.table = table
        self.file = file
        self.history = history
        super().__init__(code, f"{table}: {message}", remedy)


@dataclass(frozen=True)
class Noted:
    """One file as it was written: bytes, time of modification in ns, SHA-256 in hex."""

    size: int
    modified_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Noted:
        """Read a file."""
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        stat = path.stat()
        return cls(stat.st_size, stat.st_mtime_ns, digest)


@dataclass(frozen=True)
class Entry:
    """What is noted of a table: files by path below its folder, data and log apart."""

    version: int = NOT_YET
    files: dict[str, Noted] = field(default_factory=dict)
    log: dict[str, Noted] = field(default_factory=dict)


class Ledger:
    """The notes of one lake."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[tuple[int, int], Entry]] = {}

    def path(self, name: str) -> Path:
        """File with the notes of a table."""
        return self.folder / f"{name}.json"

    def tables(self) -> set[str]:
        """Tables noted."""
        return {path.stem for path in self.folder.glob("*.json")}

    def entry(self, name: str) -> Entry | None:
        """Notes of a table; None where there are none.

        Raises:
            LakeError: ``lake.record_bad``: the notes themselves are damaged.
        """
        path = self.path(name)
        try:
            stat = path.stat()
            stamp = stat.st_mtime_ns, stat.st_size
            if (known := self._read.get(name)) and known[0] == stamp:
                return known[1]
            raw: dict[str, Any] = json.loads(path.read_bytes())
            if raw["sha256"] != _digest(raw["table"]):
                raise ValueError
            table = raw["table"]
            entry = Entry(
                int(table["version"]),
                {file: Noted(*noted) for file, noted in table["files"].items()},
                {file: Noted(*noted) for file, noted in table["log"].items()},
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise LakeError(
                "lake.record_bad",
                name,
                f"{path}, which holds the checksums of its files, is damaged.",
                "Restore it from a backup of the home's state, or `wattmark check --lake --mend`: the table is "
                "taken as it stands, and noted anew.",
                file=path,
            ) from None
        self._read[name] = stamp, entry
        return entry

    def keep(self, name: str, entry: Entry) -> None:
        """Put the notes of a table in place of what was noted."""
        table = {
            "version": entry.version,
            "files": {file: _row(noted) for file, noted in sorted(entry.files.items())},
            "log": {file: _row(noted) for file, noted in sorted(entry.log.items())},
        }
        write_atomically(self.path(name), json.dumps({"sha256": _digest(table), "table": table}))
        self._read.pop(name, None)

    def forget(self, name: str) -> None:
        """Drop the notes of a table that was set aside."""
        self.path(name).unlink(missing_ok=True)
        self._read.pop(name, None)

    def without(self, name: str, files: set[str]) -> None:
        """Drop data files that are not there any more, and are not missed."""
        if (entry := self.entry(name)) and files & set(entry.files):
            left = {file: noted for file, noted in entry.files.items() if file not in files}
            self.keep(name, replace(entry, files=left))

    def without_log(self, name: str, files: set[str]) -> None:
        """As ``without``, for files of the log."""
        if (entry := self.entry(name)) and files & set(entry.log):
            self.keep(
                name,
                replace(entry, log={file: noted for file, noted in entry.log.items() if file not in files}),
            )


def _row(noted: Noted) -> list[Any]:
    return [noted.size, noted.modified_ns, noted.sha256]


def _digest(table: Any) -> str:
    return hashlib.sha256(json.dumps(table, separators=(",", ":")).encode()).hexdigest()
