"""The nightly DAG through its real tasks, on a real PostgreSQL: once undisturbed, and killed in the middle."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.services.homes import open_folder, with_key
from tests.tiny import ROWS, write_tiny
from tests.warehouse import hashes, plain_url
from wattmark.contract import load_contract
from wattmark.local import services
from wattmark.settings import PROJECT_ROOT, load_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

DAY = "2026-11-04"
LONGEST_S = 1800
"""How long one night may take on a loaded machine, seconds."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


def spoiled(folder: Path) -> Path:
    accounts = [
        {**row, "status": "abolished"} if number == 3 else row for number, row in enumerate(ROWS["account"])
    ]
    return write_tiny(folder / "source", account=accounts)


def command(source: Path, home: Path, day: str = DAY, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "wattmark",
        "run",
        "--source",
        str(source),
        "--as-of",
        day,
        "--home",
        str(home),
        *more,
    ]


def run(source: Path, home: Path, day: str = DAY, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(source, home, day, *more), capture_output=True, text=True, check=False)


def check_data_docs(site: Path) -> None:
    """The first page says what failed and leads to every table's pages, with nothing loaded from elsewhere."""
    index = (site / "index.html").read_text()
    assert "values:status: 1" in index
    links = re.findall(r'href="([^"]+)"', index)
    # Results and expectations of each table that brought rows; the others are named without a page.
    full = {name for name, rows in ROWS.items() if rows} | {"interval_reading"}
    assert {link for link in links if link.startswith("expectations/")} == {
        f"expectations/{name}.html" for name in full
    }
    assert len(links) == 2 * len(full)
    assert all(f"<td>{name}</td>" in index for name in load_contract().tables)
    assert [link for link in links if not (site / link).is_file()] == []
    for page in site.rglob("*.html"):
        loaded = re.findall(r'(?:<(?:script|link|img)\b[^>]*(?:src|href)=)"(https?:[^"]*)"', page.read_text())
        assert loaded == [], page


@dataclass(frozen=True)
class Undisturbed:
    """A source, and a home after one night of it that nothing went wrong in; its database is up."""

    source: Path
    home: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[Undisturbed]:
    with open_folder() as made:
        source, home = spoiled(made), with_key(made / "home")
        try:
            yield Undisturbed(source, home, run(source, home))
        finally:
            services.discard(load_settings(home))


def test_a_night_publishes_and_a_broken_source_changes_nothing(
    undisturbed: Undisturbed, folder: Path
) -> None:
    source, home, first = undisturbed.source, undisturbed.home, undisturbed.done
    assert first.returncode == 0, first.stdout[-3000:] + first.stderr[-2000:]
    assert f"The night {DAY} is published." in first.stdout
    said = first.stdout.splitlines()[-10:]
    for place in (home / "data-docs" / "index.html", home / "reports" / "segments" / f"{DAY}.html"):
        assert any(str(place) in line for line in said), said
        assert place.is_file()
    assert any(f"wattmark quarantine --home {home}" in line for line in said)
    check_data_docs(home / "data-docs")
    url = plain_url(home)
    before = hashes(url)
    with psycopg.connect(url) as connection:
        counts = dict(
            connection.execute(
                "SELECT source_table, read_rows - accepted_rows - quarantined_rows - superseded_rows FROM mart.reconciliation"
            ).fetchall()
        )
        assert set(counts) == set(load_contract().tables)
        assert set(counts.values()) == {0}
        assert connection.execute("SELECT reason FROM quarantine.account").fetchall() == [("values:status",)]
        assert connection.execute("SELECT state FROM ops.pipeline_run").fetchall() == [("succeeded",)]
        assert connection.execute("SELECT COUNT(*) FROM mart.dim_account").fetchall() == [(29,)]
        assert connection.execute("SELECT obj_description('mart.dim_account'::regclass)").fetchall()[0][0]
        connection.execute("GRANT wattmark_bi TO CURRENT_USER")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("SET LOCAL ROLE wattmark_bi")
            connection.execute("SELECT 1 FROM mart_pii.customer_contact")
        with connection.transaction():
            connection.execute("SET LOCAL ROLE wattmark_bi")
            connection.execute("SELECT 1 FROM mart.dim_account")
    # A source that breaks: nothing is published, the last night stays, the message names the table.
    broken = shutil.copytree(source, folder / "broken")
    (broken / "bill.csv").unlink()
    failed = run(broken, home)
    assert failed.returncode == 1
    assert failed.stderr.count("table bill is in none of the sources") == 1
    assert failed.stderr.count("Error: ") == 1
    assert hashes(url) == before
    # The published night stays what it is; what is wrong is found before another attempt begins.
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT state FROM ops.pipeline_run").fetchall() == [("succeeded",)]
        assert connection.execute("SELECT state FROM ops.pipeline_attempt ORDER BY attempt_id").fetchall() == [
            ("succeeded",),
        ]  # fmt: skip
        # Every column that readers see has a comment, and money is exact.
        columns = connection.execute(
            "SELECT format('%%I.%%I.%%I', c.table_schema, c.table_name, c.column_name), c.data_type, "
            "col_description(format('%%I.%%I', c.table_schema, c.table_name)::regclass, c.ordinal_position) "
            "FROM information_schema.columns AS c WHERE c.table_schema = ANY(%s)",
            [["mart", "mart_pii", "quarantine"]],
        ).fetchall()
        assert len(columns) > 400
        assert [name for name, _, comment in columns if not comment] == []
        assert [name for name, kind, _ in columns if name.endswith("_amount") and kind != "numeric"] == []


def kill_at(source: Path, home: Path, step: str, *, server: bool) -> None:
    """Start a night and kill -9 its tasks, or the database server, as soon as a step has begun."""
    log = home / "logs" / f"nightly-{DAY}.log"
    log.unlink(missing_ok=True)
    process = subprocess.Popen(command(source, home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + LONGEST_S
    marker = f"[DAG TEST] starting task_id={step} "
    while time.monotonic() < deadline and process.poll() is None:
        if log.exists() and marker in log.read_text(errors="replace"):
            break
        time.sleep(0.02)
    else:
        raise AssertionError(f"{step} never began")
    time.sleep(0.3)
    if server:
        postmaster = next(
            part.pid for part in services.status(load_settings(home)) if part.component == "postgres"
        )
        assert postmaster is not None
        psutil.Process(postmaster).kill()
    else:
        for child in psutil.Process(process.pid).children(recursive=True):
            # One may end by itself while the others are being killed.
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    assert process.wait(timeout=LONGEST_S) != 0


@pytest.mark.timeout(3600)
def test_killed_anywhere_and_rerun_gives_the_same_warehouse(undisturbed: Undisturbed, folder: Path) -> None:
    source, home = undisturbed.source, with_key(folder / "home")
    assert undisturbed.done.returncode == 0
    wanted = hashes(plain_url(undisturbed.home))
    services.down(load_settings(undisturbed.home))
    try:
        for step, server in (
            ("validate.accept", False),
            ("facts.intervals", False),
            ("publish", True),
            ("publish", False),
        ):
            kill_at(source, home, step, server=server)
        # The rerun after the kills; what is published is run again below, with a list that was changed.
        done = run(source, home)
        assert done.returncode == 0, done.stdout[-2000:]
        assert hashes(plain_url(home)) == wanted
        # What comes after publishing takes nothing of it back, and is done again alone: a list whose definition
        # was changed after it was made, and whose files are gone.
        shutil.rmtree(home / "lists")
        [renewal] = (PROJECT_ROOT / "include" / "campaigns").glob("*contract-renewal.yaml")
        changed = home / "campaigns" / renewal.name
        changed.parent.mkdir(exist_ok=True)
        changed.write_text(renewal.read_text().replace("within_hours: 48", "within_hours: 47"))
        done = run(source, home)
        assert done.returncode == 1
        assert "[campaign.changed]" in done.stdout
        assert f"The night {DAY} is published." in done.stdout
        assert f"wattmark campaign run --as-of {DAY} --home" in " ".join(done.stdout.split())
        assert "Nothing of it was published" not in done.stdout
        assert hashes(plain_url(home)) == wanted
        with psycopg.connect(plain_url(home)) as connection:
            assert connection.execute("SELECT state FROM ops.pipeline_run").fetchall() == [("succeeded",)]
        changed.unlink()
        again = [sys.executable, "-m", "wattmark", "campaign", "run", "--as-of", DAY, "--home", str(home)]
        subprocess.run(again, check=True, capture_output=True)
        assert list((home / "lists").rglob("manifest.json"))
        # An older night takes the published one's place only where it is asked to, and can be taken back.
        refused = run(source, home, "2026-11-03")
        assert refused.returncode == 1
        assert "publish.older" in refused.stdout
        assert hashes(plain_url(home)) == wanted
        assert run(source, home, "2026-11-03", "--republish").returncode == 0
        assert hashes(plain_url(home)) != wanted
        subprocess.run(
            [sys.executable, "-m", "wattmark", "publish", "--back", "--home", str(home)], check=True
        )
        assert hashes(plain_url(home)) == wanted
    finally:
        services.discard(load_settings(home))
