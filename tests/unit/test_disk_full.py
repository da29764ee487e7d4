"""A full disk is said as one thing wherever it shows, and what was begun is done anew once there is room."""

from __future__ import annotations

import datetime as dt
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from wattmark import disk
from wattmark.atomic import write_atomically
from wattmark.campaign.files import write_list
from wattmark.engine.session import DuckDBSession
from wattmark.errors import WattmarkError
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

ROWS = pa.table({"x": pa.array(np.random.default_rng(1).random(1_000_000))})


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Settings]:
    """A home on a disk of 6 MB."""
    home = tmp_path / "home"
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(home)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a disk of its own needs root")
    try:
        yield load_settings(home, compute={"memory_limit_mb": 256, "threads": 2})
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


def fill(settings: Settings, leave: int = 0) -> Path:
    """Take what is free, but for some bytes."""
    file = settings.home / "logs" / "old.log"
    file.parent.mkdir(exist_ok=True)
    free = os.statvfs(settings.home)
    with file.open("wb") as stream:
        stream.truncate(0)
        stream.write(b"x" * max(free.f_bavail * free.f_frsize - leave, 0))
    return file


def told(error: BaseException, settings: Settings) -> str:
    assert disk.is_full(error), repr(error)
    said = disk.explained(error, settings)
    assert said.code == "home.disk_full"
    assert str(settings.home) in said.message
    return str(said)


def test_a_table_of_the_lake(small: Settings) -> None:
    lake = Lake(small.lake)
    few = ROWS.slice(0, 1000)
    lake.replace("core.trial", few)
    with pytest.raises(Exception) as raised:
        lake.replace("core.trial", ROWS)
    said = told(raised.value, small)
    assert "a night needs about" in said
    # What was there is there, and with room the table is written.
    assert lake.version("core.trial") == 0
    lake.vacuum(["core.trial"], 0)
    lake.replace("core.trial", few)
    assert lake.version("core.trial") == 1


def test_sorting_beyond_memory(small: Settings) -> None:
    with (
        DuckDBSession(small, Run.of(dt.date(2026, 10, 15), "Asia/Shanghai")) as session,
        pytest.raises(Exception) as raised,
    ):
        session.duck.execute(
            "CREATE TABLE t AS SELECT MD5(CAST(range AS VARCHAR)) AS k, range AS v FROM range(20000000) ORDER BY k"
        )
    told(raised.value, small)


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_a_list(small: Settings, form: str) -> None:
    rows = pa.table({"name": [str(at) * 10 for at in range(20_000)]})
    folder = small.home / "lists" / "one"
    folder.mkdir(parents=True)
    full = fill(small, leave=8192)
    with pytest.raises(Exception) as raised:
        write_list(folder, "sms", rows, form)
    assert f"{full.parent} (" in told(raised.value, small)
    assert list(folder.iterdir()) == []
    full.unlink()
    assert write_list(folder, "sms", rows, form)["rows"] == 20_000
    # A workbook that could not be written is let go here, not in the midst of another test.
    gc.collect()


def test_a_file_of_the_services(small: Settings) -> None:
    file = small.home / "services.json"
    write_atomically(file, "{}", private=True)
    full = fill(small)
    with pytest.raises(WattmarkError) as raised:
        write_atomically(file, "x" * 100_000, private=True)
    assert raised.value.code == "home.disk_full"
    assert str(file) in raised.value.message
    assert file.read_text() == "{}"
    assert sorted(path.name for path in small.home.iterdir()) == ["logs", "services.json"]
    full.unlink()
    write_atomically(file, "{ }", private=True)


def test_the_command_line_says_it_without_a_traceback(small: Settings) -> None:
    fill(small, leave=100_000)
    command = [
        sys.executable,
        "-m",
        "wattmark",
        "sample",
        "--out",
        str(small.home / "sample"),
        "--accounts",
        "300",
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "WATTMARK_HOME": str(small.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "[home.disk_full]" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_full_disk() -> None:
    for error in (OSError(2, "No such file"), ValueError("28"), RuntimeError("space")):
        assert not disk.is_full(error)
