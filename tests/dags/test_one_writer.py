"""Two nights of one home, started together: one after the other, both right; damage mended by the next night."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dags.test_night import command, run
from tests.services.homes import open_folder, with_key
from tests.tiny import write_tiny
from tests.warehouse import hashes, plain_url
from wattmark.lake import Lake
from wattmark.local import services
from wattmark.local.airflow import process_env
from wattmark.settings import load_settings
from wattmark.writer import holder_of

READ_TONIGHT = {"mart.reconciliation": ["fresh_rows", "fresh_faulty_rows"]}
"""What differs where a table was read whole again."""
EARLY, LATE = "2026-11-03", "2026-11-04"

pytestmark = pytest.mark.slow


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


def night(source: Path, home: Path, day: str) -> list[str]:
    words = command(source, home)
    words[words.index("--as-of") + 1] = day
    return words


def held(home: Path) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if holder := holder_of(home):
            return holder.what
        time.sleep(0.1)
    raise AssertionError("nobody took the home")


@pytest.mark.timeout(2400)
def test_two_nights_together_go_one_after_the_other_and_damage_is_mended(folder: Path) -> None:
    source, home, other = write_tiny(folder / "source"), with_key(folder / "home"), with_key(folder / "other")
    try:
        for day in (EARLY, LATE):
            alone = subprocess.run(night(source, other, day), capture_output=True, text=True, check=False)
            assert alone.returncode == 0, alone.stdout[-2000:]
        wanted, known = hashes(plain_url(other)), hashes(plain_url(other), READ_TONIGHT)
        services.discard(load_settings(other))

        # A command that was killed takes its night with it, and its home is free at once.
        killed = subprocess.Popen(
            night(source, home, EARLY), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert held(home) == f"wattmark run --as-of {EARLY}"
        deadline = time.monotonic() + 300
        while not list((home / "lake" / "landing").glob("*")) and time.monotonic() < deadline:
            time.sleep(0.2)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        deadline = time.monotonic() + 10
        while holder_of(home) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert holder_of(home) is None

        first = subprocess.Popen(
            night(source, home, EARLY), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert held(home) == f"wattmark run --as-of {EARLY}"
        second = subprocess.run(night(source, home, LATE), capture_output=True, text=True, check=False)
        said, _ = first.communicate(timeout=60)
        assert first.returncode == 0, said[-2000:]
        assert second.returncode == 0, second.stdout[-2000:]
        assert f"Waiting for wattmark run --as-of {EARLY} (process {first.pid} on " in second.stdout
        assert hashes(plain_url(home)) == wanted
        assert holder_of(home) is None

        # Lost logs stop the night by name; mended, the same night publishes what an undamaged home does.
        lake = Lake(home / "lake")
        for name in ("accepted.bill", "quarantine.account", "facts.bill_net"):
            shutil.rmtree(lake.path(name) / "_delta_log")
        stopped = subprocess.run(night(source, home, LATE), capture_output=True, text=True, check=False)
        assert stopped.returncode == 1
        assert "[lake.log_lost] accepted.bill: " in stopped.stdout
        assert hashes(plain_url(home)) == wanted
        check = [*command(source, home)[:3], "check", "--lake", "--home", str(home)]
        found = subprocess.run(check, capture_output=True, text=True, check=False)
        assert found.returncode == 1
        assert [line.split("]")[0] for line in found.stdout.splitlines()] == ["[lake.log_lost"] * 3
        mended = subprocess.run([*check, "--mend"], capture_output=True, text=True, check=False)
        assert mended.returncode == 0, mended.stdout
        again = subprocess.run(night(source, home, LATE), capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stdout[-2000:]
        # What was mended was read whole, which the reconciliation counts as rows of tonight.
        assert hashes(plain_url(home), READ_TONIGHT) == known
        assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    finally:
        for each in (home, other):
            if each.exists():
                services.discard(load_settings(each))
                shutil.rmtree(each, ignore_errors=True)


@pytest.mark.timeout(900)
def test_a_run_of_the_dag_without_a_command_lets_go_at_its_end_also_when_it_fails(folder: Path) -> None:
    """As the scheduler runs it: the tasks take the home under their run's name, and the last one gives it back."""
    source, home = write_tiny(folder / "source"), folder / "home"
    (source / "bill.csv").unlink()
    try:
        settings = load_settings(home)
        services.up(settings, airflow=False)
        environment = process_env(settings) | {"WATTMARK_SOURCE": str(source)}
        from wattmark.local.services import prepare_airflow_database

        prepare_airflow_database(settings)
        program = [
            *command(source, home)[:2],
            "wattmark.local.dag_test",
            "nightly",
            json.dumps({"as_of": LATE}),
        ]
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stdout[-2000:]
        kept = json.loads((home / "state" / "writer.json").read_text())
        assert kept["holder"] is None
        assert kept["night"].startswith("nightly/")
        # A command that finds the source wanting begins no night.
        assert run(source, home).returncode == 1
        assert json.loads((home / "state" / "writer.json").read_text()) == kept
    finally:
        services.discard(load_settings(home))
