"""One writer a home, tried with processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from wattmark.errors import WattmarkError
from wattmark.lake import Lake
from wattmark.settings import Writing, load_settings
from wattmark.tidy import tidy
from wattmark.writer import WRITER_VARIABLE, HomeError, holder_of, holding, let_go

SHORT = Writing(wait_minutes=0.01, gone_minutes=15)
HOLDER = """
import sys, time
from pathlib import Path
from wattmark.writer import holding
home, owner, lasting = Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3] == "lasting"
with holding(home, "the other", owner=owner, lasting=lasting, begins_night=sys.argv[4] == "begins"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def other(home: Path, owner: str = "", *words: str) -> subprocess.Popen[str]:
    """A process that holds the home until it is told to end."""
    options = [*words, *["-"] * (2 - len(words))]
    environment = {name: value for name, value in os.environ.items() if name != WRITER_VARIABLE}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), owner, *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def aged(home: Path, minutes: float) -> None:
    """As if a lasting holder had been silent for so long."""
    import datetime as dt

    file = home / "state" / "writer.json"
    raw = json.loads(file.read_text())
    seen = dt.datetime.fromisoformat(raw["holder"]["seen"]) - dt.timedelta(minutes=minutes)
    raw["holder"]["seen"] = seen.isoformat()
    file.write_text(json.dumps(raw))


def test_the_second_waits_says_for_whom_and_is_refused_at_the_limit(tmp_path: Path) -> None:
    holder = other(tmp_path)
    said: list[str] = []
    try:
        with pytest.raises(HomeError) as raised, holding(tmp_path, "me", limits=SHORT, tell=said.append):
            pass
    finally:
        end(holder)
    assert raised.value.code == "home.busy"
    assert f"the other (process {holder.pid} on " in raised.value.message
    assert [f"Waiting for the other (process {holder.pid} on " in line for line in said] == [True]
    with holding(tmp_path, "me", limits=SHORT, tell=said.append):
        assert str(holder_of(tmp_path)).startswith(f"me (process {os.getpid()} on ")
    assert len(said) == 1
    assert holder_of(tmp_path) is None


def test_a_killed_holder_is_taken_over_at_once(tmp_path: Path) -> None:
    holder = other(tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    said: list[str] = []
    with holding(tmp_path, "me", limits=SHORT, tell=said.append):
        pass
    assert said == [line for line in said if "ended without letting go" in line]
    assert len(said) == 1


def test_whoever_writes_the_lake_waits_for_the_holder_and_readers_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattmark.writer.Writing", lambda: SHORT)
    lake = Lake(tmp_path / "lake")
    lake.replace("accepted.bill", pa.table({"a": [1]}))
    settings = load_settings(tmp_path).model_copy(update={"writer": SHORT})
    holder = other(tmp_path)
    try:
        for work in (lambda: lake.replace("accepted.bill", pa.table({"a": [2]})), lambda: tidy(settings)):
            with pytest.raises(HomeError) as raised:
                work()
            assert raised.value.code == "home.busy"
        assert lake.files("accepted.bill")
        assert lake.version("accepted.bill") == 0
    finally:
        end(holder)
    assert lake.replace("accepted.bill", pa.table({"a": [2]})) == 1


def test_a_night_of_many_processes_keeps_the_home_between_them(tmp_path: Path) -> None:
    end(other(tmp_path, "nightly/one", "lasting", "begins"))
    assert holder_of(tmp_path) is not None
    with pytest.raises(HomeError, match=r"home\.busy"), holding(tmp_path, "me", limits=SHORT):
        pass
    # Its own next task, and two at a time, join at once.
    tasks = [other(tmp_path, "nightly/one", "lasting") for _ in range(2)]
    with holding(tmp_path, "mine", owner="nightly/one", lasting=True, of_night=True, limits=SHORT):
        pass
    end(tasks[0])
    aged(tmp_path, 1000)
    # However long a task works, it is not gone.
    with pytest.raises(HomeError, match=r"home\.busy"), holding(tmp_path, "me", limits=SHORT):
        pass
    end(tasks[1])
    let_go(tmp_path, "nightly/two")
    assert holder_of(tmp_path) is not None
    let_go(tmp_path, "nightly/one")
    assert holder_of(tmp_path) is None
    with holding(tmp_path, "me", limits=SHORT):
        pass
    # Only tidying was between: a cleared task of the night may go on.
    with holding(tmp_path, "mine", owner="nightly/one", lasting=True, of_night=True, limits=SHORT):
        pass


def test_a_silent_night_is_taken_over_and_its_steps_are_refused_then(tmp_path: Path) -> None:
    killed = other(tmp_path, "nightly/one", "lasting", "begins")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with pytest.raises(HomeError, match=r"home\.busy"), holding(tmp_path, "me", limits=SHORT):
        pass
    aged(tmp_path, SHORT.gone_minutes + 1)
    said: list[str] = []
    with holding(
        tmp_path, "second", owner="two", begins_night=True, of_night=True, limits=SHORT, tell=said.append
    ):
        pass
    assert "taken over" in said[0]
    with (
        pytest.raises(HomeError, match=r"home\.overtaken"),
        holding(tmp_path, "first", owner="nightly/one", lasting=True, of_night=True, limits=SHORT),
    ):
        pass
    assert holder_of(tmp_path) is None


def test_a_process_started_by_the_holder_works_for_it(tmp_path: Path) -> None:
    with holding(tmp_path, "me", limits=SHORT) as owner:
        end(other(tmp_path, owner))
        assert str(holder_of(tmp_path)).startswith("me ")
    assert holder_of(tmp_path) is None


def test_many_writers_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom wattmark.writer import holding\n"
        "home = Path(sys.argv[1])\n"
        "for _ in range(5):\n"
        "    with holding(home, 'one of many'):\n"
        "        inside = home / 'inside'\n"
        "        inside.touch(exist_ok=False)\n"
        "        time.sleep(0.01)\n"
        "        inside.unlink()\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0]


def test_a_damaged_record_blocks_nobody_and_frees_nobody(tmp_path: Path) -> None:
    holder = other(tmp_path)
    (tmp_path / "state" / "writer.json").write_text("{")
    with pytest.raises(HomeError, match="another process"), holding(tmp_path, "me", limits=SHORT):
        pass
    end(holder)
    with holding(tmp_path, "me", limits=SHORT):
        pass


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from wattmark import cli

    cli.mount()
    for words in (
        "tidy", "status", "warehouse-url", "check --lake", "audit replay TAR-01", "campaign run --as-of 2026-10-15",
    ):  # fmt: skip
        done = CliRunner().invoke(cli.app, [*words.split(), "--home", str(tmp_path / "none")])
        assert isinstance(done.exception, WattmarkError), words
        assert done.exception.code == "home.missing"
    assert list(tmp_path.iterdir()) == []


def test_waiting_ends_when_the_holder_ends(tmp_path: Path) -> None:
    holder = other(tmp_path)
    waiting = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), "", "-", "-"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(1)
    assert waiting.poll() is None
    end(holder)
    out, err = waiting.communicate(timeout=60)
    assert out == "held\n"
    assert "Waiting for the other" in err or err == ""
