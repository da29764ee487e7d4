"""What tidying deletes, and what it must leave."""

from __future__ import annotations

import json
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
    assert [path.name for path in settings.scratch.iterdir()] == ["young"]


def test_an_empty_home_has_nothing_to_delete(settings: Settings) -> None:
    assert tidy(settings) == {}


def left(path: Path, days: float, text: str = "x") -> Path:
    """A file last written so many days ago, in folders as old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    moment = time.time() - days * DAY_S
    os.utime(path, (moment, moment))
    os.utime(path.parent, (moment, moment))
    return path


def test_logs_go_by_age_and_their_empty_folders_with_them(settings: Settings) -> None:
    old = [
        left(settings.home / "logs" / "nightly-2026-01-01.log", 91),
        left(settings.home / "airflow" / "logs" / "dag_id=nightly" / "run_id=a" / "attempt=1.log", 91),
    ]
    young = left(settings.home / "airflow" / "logs" / "dag_id=nightly" / "run_id=b" / "attempt=1.log", 89)
    link = settings.home / "airflow" / "logs" / "latest"
    link.symlink_to(young)
    assert tidy(settings) == {"logs": 2}
    assert not any(file.exists() for file in old)
    assert young.exists() and link.is_symlink()
    assert tidy(settings) == {}
    assert not old[1].parent.exists() or not list(old[1].parent.iterdir())


def test_an_old_lineage_is_put_aside_and_goes_later(settings: Settings) -> None:
    event = '{"eventTime": "2026-01-01T00:00:00+00:00"}\n'
    file = left(settings.home / "logs" / "openlineage.jsonl", 0.1, event)
    assert tidy(settings) == {"lineage": 1}
    assert not file.exists()
    (aside,) = (settings.home / "logs").glob("openlineage-*.jsonl")
    assert aside.read_text() == event
    left(aside, 91, event)
    assert tidy(settings) == {"logs": 1}
    left(file, 0.1, '{"eventTime": "9999-01-01T00:00:00+00:00"}\n')
    assert tidy(settings) == {}


def test_docs_reports_and_notes_go_by_their_night_and_the_newest_stays(settings: Settings) -> None:
    for run, age in (("20260101-202512", 200), ("20260301-202602", 150), ("20260601-202605", 150)):
        left(settings.home / "data-docs" / "validations" / "meter" / run / "at" / "a.html", age)
        left(settings.home / "state" / "landing" / run / "meter.json", age)
        for folder in (
            settings.home / "data-docs" / "validations" / "meter" / run,
            settings.home / "state" / "landing" / run,
        ):
            moment = time.time() - age * DAY_S
            os.utime(folder, (moment, moment))
    for day in ("2026-01-01", "2026-06-01"):
        left(settings.home / "reports" / "segments" / f"{day}.html", 150)
    # A backfill of an old night that ran today is read today.
    left(settings.home / "state" / "landing" / "20250101-202412" / "meter.json", 0)
    assert tidy(settings) == {"data docs": 2, "reports": 1, "landing notes": 2}
    assert sorted(path.name for path in (settings.home / "state" / "landing").iterdir()) == [
        "20250101-202412",
        "20260601-202605",
    ]


@pytest.mark.parametrize(
    ("state", "age_days", "due", "stays"),
    [
        ("released", 181, "2026-01-01T00:00:00+00:00", False),
        ("released", 179, "2026-01-01T00:00:00+00:00", True),
        ("refused", 181, "2026-01-01T00:00:00+00:00", False),
        ("corrected", 181, "2026-01-01T00:00:00+00:00", False),
        ("awaiting_approval", 181, "9999-01-01T00:00:00+00:00", True),
        ("listed", 5000, "9999-01-01T00:00:00+00:00", True),
        # No answer in time is a no.
        ("awaiting_approval", 181, "2020-01-01T00:00:00+00:00", False),
        ("", 5000, "9999-01-01T00:00:00+00:00", True),
    ],
)
def test_lists_go_once_they_are_answered_and_old(
    settings: Settings, state: str, age_days: float, due: str, stays: bool
) -> None:
    folder = settings.home / "lists" / "2026-01-01" / "one"
    left(folder / "list.csv", age_days)
    left(folder / "manifest.json", age_days, json.dumps({"state": state, "approval": {"due_at": due}}))
    assert tidy(settings) == ({} if stays else {"lists": 2})
    assert folder.exists() == stays
    assert (settings.home / "lists" / "2026-01-01").exists() == stays


@pytest.mark.parametrize("said", ["", "{", "[]", '{"state": "listed"}'])
def test_a_list_nobody_knows_the_state_of_stays(settings: Settings, said: str) -> None:
    folder = settings.home / "lists" / "2026-01-01" / "one"
    left(folder / "manifest.json", 5000, said)
    left(settings.home / "lists" / "2026-01-01" / "without" / "list.csv", 5000)
    assert tidy(settings) == {}
    assert folder.exists()
    assert (settings.home / "lists" / "2026-01-01" / "without").exists()
