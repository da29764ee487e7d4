"""A full disk, said as one thing wherever it shows: how much a night needs, and what can go."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

from wattmark.errors import WattmarkError
from wattmark.settings import Settings

_SAID = re.compile(
    r"no space left on device|disk quota exceeded|not enough space on the disk|os error (28|122)\b|errno (28|122)\b"
    r"|max_temp_directory_size|could not extend file|\b53100\b",
    re.IGNORECASE,
)
"""How the libraries beneath say it: Delta, DuckDB (whose spilling stops short of the last byte), Arrow, PostgreSQL."""
_OF_DATABASE = re.compile(r"could not (extend|write|create|open|resize|fsync)|\b53100\b", re.IGNORECASE)
_DISK_FULL = "53100"
GO = {
    "scratch": "may be emptied while nothing runs",
    "airflow/logs": "old task logs may go",
    "logs": "old logs may go",
    "reports": "may go, a night makes its own anew",
    "data-docs": "may go, a night makes them anew",
    "lists": "those of released and refused dates may go once they need not be shown any more",
    "lake": "wattmark tidy takes away old versions; lake_history.replay_days says how many are kept",
}
"""What of a home can go, and how."""


class DiskFullError(WattmarkError):
    """There is no room left where something had to be written."""


def is_full(error: BaseException) -> bool:
    """Whether an error, or one that it came from, is that a disk or a quota is full."""
    seen: set[int] = set()
    chain: list[BaseException | None] = [error]
    while chain:
        cause = chain.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if getattr(cause, "sqlstate", None) == _DISK_FULL or _SAID.search(str(cause)):
            return True
        chain += [cause.__cause__, cause.__context__, getattr(cause, "orig", None)]
    return False


def explained(error: BaseException, settings: Settings) -> DiskFullError:
    """The error to raise instead: where it is full, what a night needs, what can go. Quotes nothing of the first one.

    Args:
        error: one of which ``is_full`` holds.
        settings: of the home.
    """
    home = settings.home
    free = shutil.disk_usage(home if home.exists() else home.parent).free
    needed = needed_bytes(settings)
    sizes = {name: _size(home / name) for name in GO}
    can_go = "; ".join(
        f"{home / name} ({_mb(size)}: {GO[name]})"
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])
        if size >= 1 << 20
    )
    where = "of the warehouse, or of the home" if _OF_DATABASE.search(str(error)) else "of the home"
    return DiskFullError(
        "home.disk_full",
        f"The disk {where} {home} is full: {_mb(free)} are free"
        + (f", a night needs about {_mb(needed)}." if needed else "."),
        "Make room, then run the step again, which begins anew."
        + (f" What can go: {can_go}." if can_go else ""),
    )


def needed_bytes(settings: Settings) -> int:
    """What a night like the last one writes beside what is there: its derived tables anew, and as much to sort.

    0 before the first night.
    """
    from wattmark.lake import Lake
    from wattmark.lake_read import DAMAGED

    derived = [
        folder
        for folder in (settings.lake.iterdir() if settings.lake.is_dir() else ())
        if folder.is_dir() and folder.name not in ("accepted", "aside", "quarantine", DAMAGED)
    ]
    lake, total = Lake(settings.lake), 0
    for folder in derived:
        for table in folder.iterdir():
            name = f"{folder.name}.{table.name}"
            if lake.exists(name):
                total += sum(Path(file).stat().st_size for file in lake.files(name) if Path(file).exists())
    return 2 * total


def _size(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                total += (Path(parent) / file).lstat().st_size
            except OSError:
                continue
    return total


def _mb(size: int) -> str:
    return f"{size / (1 << 30):,.1f} GB" if size >= 1 << 30 else f"{size / (1 << 20):,.0f} MB"
