"""Deletes files that no night and no replay needs any more."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import re
import shutil
import time
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from wattmark.errors import PublishError, ServiceError
from wattmark.home import Home, warehouse_url
from wattmark.lake import Lake
from wattmark.ledger import LakeError
from wattmark.options import HomeOption
from wattmark.settings import Settings, load_settings
from wattmark.writer import Tell, writing

log = logging.getLogger(__name__)
REPLAYED = frozenset({"accepted", "findings"})
"""Layers whose earlier versions a replay reads; of all others only the newest version counts."""
RUNNING_DAYS = 2
"""No run lasts longer, so what is older than this and not the newest version belongs to none that goes on."""


PUBLISHED = frozenset({"mart", "mart_pii", "quarantine"})
"""Layers of which ``wattmark publish --back`` needs the version before the newest."""


def _published(settings: Settings) -> dict[str, list[int]] | None:
    """Versions that taking the last publication back needs; None where the warehouse cannot say."""
    from wattmark.publish.warehouse import kept_versions

    try:
        return kept_versions(settings, warehouse_url(settings))
    except PublishError:
        return None
    except ServiceError:  # never started: nothing was published
        return {}


WAITING = frozenset({"listed", "awaiting_approval", ""})
"""States of a list that somebody still has to answer."""


def tidy(settings: Settings, tell: Tell = log.warning) -> dict[str, int]:
    """Delete files of versions no longer kept, and what is older than ``keep`` of all else that nights write.

    Layers that readers see are left alone while the warehouse does not answer. Holds the home: waits for a night that goes on (``tell`` is told so), and a night for it. Returns files deleted by
    layer, and files (of ``scratch``, folders) by what they were.

    Raises:
        LakeError: a table is damaged; all others are tidied first.
        HomeError: another writer held the home for too long.
    """
    lake = Lake(settings.lake)
    kept = _published(settings)
    deleted: dict[str, int] = {}
    damage: LakeError | None = None
    with writing(settings, "tidying", tell=tell):
        for name in lake.tables():
            layer = name.split(".")[0]
            if layer in PUBLISHED and kept is None:
                continue
            days = max(settings.lake_history.replay_days if layer in REPLAYED else 0, RUNNING_DAYS)
            try:
                count = lake.vacuum([name], days * 24, kept)
            except LakeError as error:
                damage = damage or error
                continue
            if count:
                deleted[layer] = deleted.get(layer, 0) + count
        counts = _tidy_beside(settings)
    if damage:
        raise damage
    return {**deleted, **{what: count for what, count in counts.items() if count}}


def _tidy_beside(settings: Settings) -> dict[str, int]:
    """Delete what lies beside the lake and is old; returns files (of ``scratch``, folders) by what they were."""
    oldest = time.time() - RUNNING_DAYS * _DAY_SECONDS
    left = [path for path in settings.scratch.glob("*") if path.stat().st_mtime < oldest]
    for what in left:
        shutil.rmtree(what, ignore_errors=True) if what.is_dir() else what.unlink(missing_ok=True)
    return {
        "scratch": len(left),
        "logs": _logs(settings),
        "lineage": _lineage(settings),
        "data docs": _dated(Home(settings.home).data_docs / "validations", "*/*", settings.keep.docs),
        "reports": _dated(Home(settings.home).reports, "*/*", settings.keep.docs),
        "landing notes": _dated(Home(settings.home).landing_notes, "*", settings.keep.landing_notes)
        + _dated(Home(settings.home).steps, "*", settings.keep.landing_notes),
        "lists": _lists(settings),
    }


_DAY_SECONDS = 86_400


def _remove(path: Path) -> int:
    """Delete a file, or a folder with all that is in it; returns files."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return 1
    count = sum(1 for below in path.rglob("*") if not below.is_dir())
    shutil.rmtree(path, ignore_errors=True)
    return count


def _day_of(name: str) -> dt.date | None:
    """The day that a file or folder is named after: 2026-11-04, or a run's 20261104-202610."""
    found = re.match(r"(\d{4})-?(\d{2})-?(\d{2})", name)
    try:
        return dt.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _dated(folder: Path, pattern: str, days: int) -> int:
    """Delete what is named after a day more than so many days before the newest there, and is as old as that itself.

    Days are those of the nights, which a backfill may have run lately; a newest one always stays.
    """
    found = [(day, path) for path in folder.glob(pattern) if (day := _day_of(path.name))]
    if not found:
        return 0
    newest = max(day for day, _ in found)
    oldest = time.time() - days * _DAY_SECONDS
    return sum(
        _remove(path) for day, path in found if (newest - day).days > days and path.lstat().st_mtime < oldest
    )


def _logs(settings: Settings) -> int:
    """Delete log files that nothing has been written to for long, and folders that are empty then."""
    oldest = time.time() - settings.keep.logs * _DAY_SECONDS
    count = 0
    for folder in (Home(settings.home).logs, Home(settings.home).airflow_logs):
        for path in sorted(folder.rglob("*"), reverse=True):
            with contextlib.suppress(FileNotFoundError):
                if path.is_dir() and not path.is_symlink():
                    if path.stat().st_mtime < oldest:
                        # Only an empty folder can be removed so.
                        with contextlib.suppress(OSError):
                            path.rmdir()
                elif path.lstat().st_mtime < oldest:
                    count += _remove(path)
    return count


def _lineage(settings: Settings) -> int:
    """Put a lineage file that has grown old aside, where it ages as a log does; returns files put aside.

    Events are appended by whichever task ends, each opening the file anew, so a new name loses none.
    """
    file = Home(settings.home).lineage
    try:
        with file.open(encoding="utf-8") as lines:
            first = json.loads(lines.readline())["eventTime"]
        begun = dt.datetime.fromisoformat(str(first)).timestamp()
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    if begun > time.time() - settings.keep.logs * _DAY_SECONDS:
        return 0
    file.rename(file.with_name(f"openlineage-{dt.datetime.now(dt.UTC):%Y%m%d%H%M%S}.jsonl"))
    return 1


def _lists(settings: Settings) -> int:
    """Delete lists that were released or refused long ago; what awaits an answer or its delivery stays."""
    oldest = time.time() - settings.keep.lists * _DAY_SECONDS
    root = Home(settings.home).lists
    count = 0
    for folder in sorted(root.glob("*/*")):
        manifest = folder / "manifest.json"
        try:
            said = json.loads(manifest.read_text(encoding="utf-8"))
            old = manifest.stat().st_mtime < oldest
            waits = str(said.get("state", "")) in WAITING and not _overdue(said, oldest)
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            # Nobody knows what became of it: that is for a person to look at.
            continue
        if old and not waits:
            count += _remove(folder)
    for day in root.glob("*"):
        with contextlib.suppress(OSError):
            day.rmdir()
    return count


def _overdue(manifest: dict[str, Any], since: float) -> bool:
    """Whether no answer came in time, which is a no, and so long ago."""
    due = dt.datetime.fromisoformat(str(manifest["approval"]["due_at"]))
    return due.timestamp() < since


def tidy_command(home: HomeOption = None) -> None:
    """Delete files of the lake that no night and no replay needs, and logs, docs, notes and lists by age (keep)."""
    console = Console()
    deleted = tidy(load_settings(home), lambda message: console.print(message, soft_wrap=True, markup=False))
    said = ", ".join(f"{name} {count:,}" for name, count in deleted.items())
    console.print(f"Files deleted: {said}." if said else "Nothing to delete.", soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add ``tidy`` to a command line."""
    app.command("tidy")(tidy_command)
