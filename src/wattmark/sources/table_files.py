"""Which files hold a table, and which lie beside them unread."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from wattmark.errors import SourceError

SUFFIXES = (".parquet", ".csv", ".csv.gz")
"""Endings of files that are read, in any case."""
HIDDEN = (".", "_")
"""A name that begins so is not meant to be read: it is still being written, or another program's note."""


@dataclass(frozen=True)
class TableFiles:
    """The files of one table, sorted, and the files of its name or in its folder that are not read.

    ``folder`` is the table's folder, None where it has none.
    """

    files: tuple[Path, ...]
    left_out: tuple[Path, ...]
    folder: Path | None


def suffix_of(path: Path) -> str | None:
    """The ending by which a file is read, in lower case; None where it is not read."""
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)


def label_of(path: Path, root: Path) -> str:
    """A file's path below the source folder, as text whatever bytes its name is made of."""
    below = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    return os.fsencode(below).decode("utf-8", "backslashreplace")


def table_files(root: Path, name: str) -> TableFiles:
    """Look for a table's files: ``<name>.<ending>`` and whatever lies in folder ``<name>``, without regard to case.

    Raises:
        SourceError: two files or folders, or two formats, claim to be the table; a folder cannot be listed; a
            file is a link that leads nowhere or a folder with the ending of a file.
    """
    wanted = name.lower()
    single: list[Path] = []
    left_out: list[Path] = []
    folders: list[Path] = []
    for path in _listed(root):
        lower = path.name.lower()
        if lower.startswith(HIDDEN):
            continue
        if lower == wanted and path.is_dir():
            folders.append(path)
        elif lower in tuple(wanted + suffix for suffix in SUFFIXES):
            single.append(path)
        elif lower.startswith(f"{wanted}.") and not path.is_dir():
            left_out.append(path)
    for twins in (single, folders):
        if len(twins) > 1:
            raise _claimed(name, twins)
    files = list(single)
    for folder in folders:
        _walk(folder, name, files, left_out, frozenset())
    for path in files:
        _require_file(path)
    _require_one_format(name, files)
    return TableFiles(tuple(sorted(files)), tuple(sorted(left_out)), folders[0] if folders else None)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from None


def _walk(
    folder: Path, name: str, files: list[Path], left_out: list[Path], above: frozenset[tuple[int, int]]
) -> None:
    """Add what lies below a folder; a day's folder may be a link to another disk, and is followed."""
    try:
        found = folder.stat()
    except OSError as error:
        raise unreadable(folder, error) from None
    here = (found.st_dev, found.st_ino)
    if here in above:
        raise SourceError(
            "source.link",
            f"{folder}: the link leads back to a folder it lies in.",
            "Remove the link: its files would be read again and again.",
        )
    twins: dict[str, list[Path]] = {}
    for path in _listed(folder):
        if path.name.startswith(HIDDEN):
            continue
        suffix = suffix_of(path)
        if suffix is None and path.is_dir():
            _walk(path, name, files, left_out, above | {here})
        elif suffix is None:
            left_out.append(path)
        else:
            twins.setdefault(path.name.lower()[: -len(suffix)], []).append(path)
            files.append(path)
    for paths in twins.values():
        if len(paths) > 1:
            raise _claimed(name, paths)


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise SourceError(
            "source.folder_as_file",
            f"{path}: this is a folder, though it is named like a file.",
            "Give the folder the table's bare name and let its files have the ending, or remove it.",
        )
    if not path.exists():
        raise SourceError(
            "source.link",
            f"{path}: the link leads nowhere.",
            "Provide the file it points to, or remove the link.",
        )


def _require_one_format(name: str, files: list[Path]) -> None:
    by_format: dict[bool, Path] = {}
    for path in files:
        by_format.setdefault(suffix_of(path) == ".parquet", path)
    if len(by_format) > 1:
        raise _claimed(name, list(by_format.values()))


def _claimed(name: str, paths: list[Path]) -> SourceError:
    return SourceError(
        "source.two_forms",
        f"{' and '.join(map(str, paths))} both claim to be rows of table {name}: one of them may be a copy of the other.",
        "Keep one of them, or let the name of the other begin with _ so that it is left alone.",
    )


def unreadable(path: Path, error: OSError) -> SourceError:
    """That the operating system refuses a file or folder."""
    why = {
        FileNotFoundError: "it is not there any more",
        PermissionError: "permission is denied",
    }.get(type(error), error.strerror or type(error).__name__)
    return SourceError(
        "source.unreadable",
        f"{path}: cannot be read: {why}.",
        "Let the user the pipeline runs as read it, and leave it in place while the night reads; then rerun.",
    )
