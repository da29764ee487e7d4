"""What a home remembers between nights: watermarks by published date."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from wattmark.atomic import write_atomically
from wattmark.home import Home
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark.sources import Watermark


def _folder(settings: Settings) -> Path:
    return Home(settings.home).watermarks


def watermarks_before(settings: Settings, run: Run) -> dict[str, Watermark]:
    """Watermarks of the newest published night before a run's date.

    A rerun of a date starts from the same watermarks as its first run, so it reads the same rows.
    """
    folder = _folder(settings)
    earlier = (
        [path for path in folder.glob("*.json") if dt.date.fromisoformat(path.stem) < run.as_of]
        if folder.is_dir()
        else []
    )
    if not earlier:
        return {}
    raw: dict[str, Any] = json.loads(max(earlier).read_text(encoding="utf-8"))
    return {table: Watermark.from_json(entry) for table, entry in raw.items()}


def keep_watermarks(settings: Settings, run: Run, watermarks: dict[str, Watermark]) -> None:
    """Note how far a published night had read."""
    text = json.dumps({table: mark.to_json() for table, mark in sorted(watermarks.items())}, indent=1)
    write_atomically(_folder(settings) / f"{run.as_of.isoformat()}.json", text)


def forget_watermark(settings: Settings, table: str) -> None:
    """Have the next night read a table whole, whichever date it is of."""
    for path in _folder(settings).glob("*.json"):
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if raw.pop(table, None) is not None:
            write_atomically(path, json.dumps(raw, indent=1))
