"""Deletes files that no night and no replay needs any more."""

from __future__ import annotations

import shutil
import time

import typer
from rich.console import Console

from wattmark.errors import PublishError, ServiceError
from wattmark.lake import Lake
from wattmark.local.commands import HomeOption
from wattmark.local.services import warehouse_url
from wattmark.settings import Settings, load_settings

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


def tidy(settings: Settings) -> dict[str, int]:
    """Delete files of versions no longer kept, and what killed runs left in ``scratch``.

    May go on beside a night. Layers that readers see are left alone while the warehouse does not answer. Returns files deleted by layer, and folders under ``scratch``.
    """
    lake = Lake(settings.lake)
    kept = _published(settings)
    deleted: dict[str, int] = {}
    for name in lake.tables():
        layer = name.split(".")[0]
        if layer in PUBLISHED and kept is None:
            continue
        days = max(settings.lake_history.replay_days if layer in REPLAYED else 0, RUNNING_DAYS)
        if count := lake.vacuum([name], days * 24, kept):
            deleted[layer] = deleted.get(layer, 0) + count
    oldest = time.time() - RUNNING_DAYS * 86_400
    left = [one for one in settings.scratch.glob("*") if one.stat().st_mtime < oldest]
    for one in left:
        shutil.rmtree(one, ignore_errors=True) if one.is_dir() else one.unlink(missing_ok=True)
    return {**deleted, **({"scratch": len(left)} if left else {})}


def tidy_command(home: HomeOption = None) -> None:
    """Delete files of the lake that no night and no replay needs any more."""
    deleted = tidy(load_settings(home))
    Console().print(
        ", ".join(f"{name}: {count:,}" for name, count in deleted.items()) or "Nothing to delete."
    )


def register(app: typer.Typer) -> None:
    """Add ``tidy`` to a command line."""
    app.command("tidy")(tidy_command)
