"""Tests that start services are run by one worker, one after another, whatever versions of pytest and xdist are there."""

from __future__ import annotations

import collections
import os
import shutil
import subprocess
import sys
from pathlib import Path

from wattmark.settings import PROJECT_ROOT

NOTES_ITS_WORKER = """
import os
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", range(4))
def test_something(number):
    noted = Path(__file__).parents[2] / f"{Path(__file__).stem}-{number}"
    noted.write_text(os.environ["PYTEST_XDIST_WORKER"])
"""
FILES = (
    "dags/test_counter",
    "dags/test_one_writer",
    "services/test_up",
    "services/test_down",
    "dags/test_night",
    "unit/test_quick",
    "services/test_publish",
)


def test_what_starts_services_goes_to_one_worker(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name in FILES:
        file = tmp_path / "tests" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(NOTES_ITS_WORKER)
    shutil.copy(PROJECT_ROOT / "tests" / "conftest.py", tmp_path / "tests")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "--no-loadscope-reorder",
        "tests",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    workers = collections.defaultdict(set)
    for noted in tmp_path.glob("test_*-*"):
        workers[noted.name.rpartition("-")[0]].add(noted.read_text())
    assert {len(found) for found in workers.values()} == {1}
    assert workers["test_up"] == workers["test_down"] == workers["test_counter"]
    assert workers["test_night"] == workers["test_one_writer"]
    assert len(set.union(*workers.values())) == 2
