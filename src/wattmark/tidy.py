"""Deletes files that no night and no replay needs any more."""

from __future__ import annotations

import logging
import shutil
import time

import typer
from rich.console import Console

from wattmark.lake import Lake
from wattmark.ledger import LakeError
from wattmark.local.commands import HomeOption
from wattmark.settings import Settings, load_home
from wattmark.writer import Tell, writing

log = logging.getLogger(__name__)
REPLAYED = frozenset({"accepted", "findings"})
"""Layers whose earlier versions a replay reads; of all others only the newest version counts."""
RUNNING_DAYS = 2
"""No run lasts longer, so what is older than this and not the newest version belongs to none that goes on."""


def tidy(settings: Settings, tell: Tell = log.warning) -> dict[str, int]:
    """Delete files of versions no longer kept, and what killed runs left in ``scratch``.

    Holds the home: waits for a night that goes on (``tell`` is told so), and a night for it. Returns files deleted by
    layer, and folders under ``scratch``.

    Raises:
        LakeError: a table is damaged; all others are tidied first.
        HomeError: another writer held the home for too long.
    """
    lake = Lake(settings.lake)
    deleted: dict[str, int] = {}
    damage: LakeError | None = None
    with writing(settings, "tidying", tell=tell):
        for name in lake.tables():
            layer = name.split(".")[0]
            days = max(settings.lake_history.replay_days if layer in REPLAYED else 0, RUNNING_DAYS)
            try:
                count = lake.vacuum([name], days * 24)
            except LakeError as error:
                damage = damage or error
                continue
            if count:
                deleted[layer] = deleted.get(layer, 0) + count
        oldest = time.time() - RUNNING_DAYS * 86_400
        left = [one for one in settings.scratch.glob("*") if one.stat().st_mtime < oldest]
        for one in left:
            shutil.rmtree(one, ignore_errors=True) if one.is_dir() else one.unlink(missing_ok=True)
    if damage:
        raise damage
    return {**deleted, **({"scratch": len(left)} if left else {})}


def tidy_command(home: HomeOption = None) -> None:
    """Delete files of the lake that no night and no replay needs any more."""
    console = Console()
    deleted = tidy(load_home(home), lambda message: console.print(message, soft_wrap=True, markup=False))
    console.print(", ".join(f"{name}: {count:,}" for name, count in deleted.items()) or "Nothing to delete.")


def register(app: typer.Typer) -> None:
    """Add ``tidy`` to a command line."""
    app.command("tidy")(tidy_command)
