"""What tidying deletes, and what it must leave."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from wattmark.lake import Lake
from wattmark.settings import Settings, load_settings
from wattmark.tidy import RUNNING_DAYS, tidy

DAY_S = 86_400


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "home", lake_history={"replay_days": 10})


def replaced(settings: Settings, name: str, age_days: float) -> Lake:
    """A table written twice, both versions' files so many days old."""
    lake = Lake(settings.lake)
    for value in (1, 2):
        lake.replace(name, pa.table({"a": [value]}))
    aged(lake.path(name), age_days)
    lake.note_files(name, anew=True)
    return lake


def aged(folder: Path, days: float) -> None:
    """Delta goes by the time it logged a deletion at, files by their own."""
    moment = time.time() - days * DAY_S
    for file in folder.rglob("*"):
        if file.suffix == ".json":
            text = file.read_text()
            for key in ("deletionTimestamp", "modificationTime", "timestamp"):
                text = _shifted(text, key, days)
            file.write_text(text)
        if file.is_file():
            os.utime(file, (moment, moment))


def _shifted(text: str, key: str, days: float) -> str:
    return re.sub(
        rf'"{key}":(\d+)', lambda match: f'"{key}":{int(match[1]) - int(days * DAY_S * 1000)}', text
    )


def rows(lake: Lake, name: str) -> list[int]:
    return list(DeltaTable(str(lake.path(name))).to_pyarrow_table()["a"].to_pylist())


@pytest.mark.parametrize(
    ("name", "age_days", "gone"),
    [
        ("facts.thing", RUNNING_DAYS + 0.1, 1),
        ("facts.thing", RUNNING_DAYS - 0.1, 0),
        ("accepted.thing", 9.9, 0),
        ("accepted.thing", 10.1, 1),
    ],
)
def test_only_versions_no_longer_kept_go(settings: Settings, name: str, age_days: float, gone: int) -> None:
    lake = replaced(settings, name, age_days)
    assert tidy(settings) == ({name.split(".")[0]: gone} if gone else {})
    assert rows(lake, name) == [2]
    assert len(list(lake.path(name).glob("*.parquet"))) == 2 - gone


def test_what_killed_runs_left_goes_and_what_a_run_uses_stays(settings: Settings) -> None:
    for name, days in (("old", RUNNING_DAYS + 0.1), ("young", 0.5)):
        folder = settings.scratch / name
        folder.mkdir(parents=True)
        (folder / "spill").write_text("")
        moment = time.time() - days * DAY_S
        os.utime(folder, (moment, moment))
    assert tidy(settings) == {"scratch": 1}
    assert [one.name for one in settings.scratch.iterdir()] == ["young"]


def test_an_empty_home_has_nothing_to_delete(settings: Settings) -> None:
    assert tidy(settings) == {}
