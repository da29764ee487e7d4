"""A home of the first version, made by its own code, is taken over by `wattmark up` and goes on with its next night."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import psycopg
import pytest

from tests.services.homes import open_folder
from wattmark import __version__
from wattmark.home import warehouse_url
from wattmark.local import services
from wattmark.local.processes import next_free_port
from wattmark.publish.ops import libpq_url
from wattmark.settings import PROJECT_ROOT, load_settings

FIRST = "498a93300a42af3ca1bfec2599471d77d4856da3"
"""The commit of 0.1.0."""


def old_code(folder: Path) -> Path:
    """The checkout of 0.1.0, out of this one's history."""
    archive = folder / "old.tar"
    with archive.open("wb") as file:
        done = subprocess.run(
            ["git", "-C", str(PROJECT_ROOT), "archive", FIRST],
            stdout=file,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode:
        pytest.skip("this checkout has no history, so nothing of 0.1.0 is here")
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "old", filter="data")
    return folder / "old"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_home_of_the_first_version_goes_on() -> None:
    with open_folder() as folder:
        old = old_code(folder)
        home, source = folder / "home", folder / "source"
        home.mkdir(mode=0o700)
        ports = f"{{postgres_port: {next_free_port(15_500)}, airflow_port: {next_free_port(18_500)}}}"
        (home / "settings.yaml").write_text(
            f"services: {ports}\nschedule: {{nightly: null}}\nsources: [{{location: {source}}}]\n"
        )
        settings = load_settings(home)

        def run(*words: str, code: Path | None = None) -> str:
            path = {"PYTHONPATH": str(code / "src")} if code else {}
            done = subprocess.run(
                [sys.executable, "-m", "wattmark", *words],
                cwd=folder, env={**os.environ, **path}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"wattmark {' '.join(words)}\n{done.stdout}\n{done.stderr}"
            return done.stdout

        def rows(query: str) -> list[tuple[object, ...]]:
            with psycopg.connect(libpq_url(warehouse_url(settings))) as connection:
                return connection.execute(query).fetchall()

        nights = "SELECT CAST(as_of AS text), state, code_version FROM ops.pipeline_run ORDER BY as_of"
        try:
            assert run("--version", code=old).strip() == "wattmark 0.1.0"
            run("sample", "--out", str(source), "--accounts", "60", "--format", "csv", "--as-of", "2026-11-05", "--interval-days", "8", code=old)  # fmt: skip
            run("run", "--as-of", "2026-11-04", "--home", str(home), code=old)
            assert rows(nights) == [("2026-11-04", "succeeded", "0.1.0")]
            before = rows("SELECT source_table, accepted_rows FROM mart.reconciliation")
            run("down", "--home", str(home), code=old)

            run("up", "--home", str(home))
            assert rows("SELECT source_table, accepted_rows FROM mart.reconciliation") == before
            run("run", "--as-of", "2026-11-05", "--home", str(home))
            assert rows(nights) == [
                ("2026-11-04", "succeeded", "0.1.0"),
                ("2026-11-05", "succeeded", __version__),
            ]
            after = dict(rows("SELECT source_table, accepted_rows FROM mart.reconciliation"))
            assert {name: after[name] for name, _ in before} == dict(before)
            assert sum(count for name, count in after.items() if name not in dict(before)) == 0
            fresh = dict(rows("SELECT source_table, fresh_rows FROM mart.reconciliation"))
            assert fresh["interval_reading"] == 0, "what was read before is not read again"
        finally:
            services.discard(settings)
