"""The warehouse's own disk is full: said as that, what is published stands, and with room the same night goes through."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pytest

from tests.services.homes import open_folder, settings_for
from tests.waiting import wait_for
from wattmark.errors import PublishError
from wattmark.home import warehouse_url
from wattmark.local import services
from wattmark.publish.incoming import Incoming
from wattmark.publish.ops import libpq_url, upgrade
from wattmark.publish.store import Store
from wattmark.run import Run
from wattmark.settings import Settings

MB = 1 << 20
ROWS = 150_000


@pytest.fixture
def small() -> Iterator[Settings]:
    """A home whose services are up on a disk of 400 MB."""
    with open_folder() as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", str(folder)],
            check=False,
            capture_output=True,
        )
        if mounted.returncode:
            pytest.skip("a disk of its own needs root")
        settings = settings_for(folder / "home")
        try:
            services.up(settings, airflow=False)
            upgrade(warehouse_url(settings))
            yield settings
        finally:
            services.discard(settings)
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(settings: Settings, leave: int) -> Path:
    """Take what is free, but for some bytes."""
    file = settings.home.parent / "old.log"
    free = os.statvfs(settings.home)
    with file.open("wb") as stream:
        stream.write(b"x" * max(free.f_bavail * free.f_frsize - leave, 0))
    return file


def publish(settings: Settings, day: int, rows: int) -> None:
    accounts = Incoming(
        "mart", "dim_account",
        f"SELECT 'A' || i AS account_id, '{day}' || MD5(CAST(i AS VARCHAR)) AS name FROM range({rows}) AS t(i)",
        pa.schema([("account_id", pa.string()), ("name", pa.string())]),
        ("account_id",), "Accounts.",
    )  # fmt: skip
    with duckdb.connect() as duck, Store(libpq_url(warehouse_url(settings)), "test") as opened:
        opened.change(duck, [accounts])
        run = Run.of(dt.date(2026, 11, day), settings.utility.time_zone)
        opened.commit(
            run_id=run.run_id, as_of=run.as_of, period=run.period, rows=rows, changed=rows, lake_versions={}
        )


def standing(settings: Settings) -> list[tuple[int, str, dt.date]]:
    """What is published; nothing while the server does not answer."""
    try:
        with psycopg.connect(libpq_url(warehouse_url(settings)), autocommit=True) as connection:
            return connection.execute(
                "SELECT COUNT(*), MIN(LEFT(name, 1)), MAX(as_of) FROM mart.dim_account"
            ).fetchall()
    except psycopg.OperationalError:
        return []


@pytest.mark.slow
@pytest.mark.parametrize(
    "leave", [pytest.param(8 * MB, id="a table cannot grow"), pytest.param(32 * MB, id="the log cannot grow")]
)
def test_what_stands_stands_and_the_rerun_goes_through(small: Settings, leave: int) -> None:
    """Where its log finds no room, the server stops altogether and begins anew."""
    publish(small, 1, ROWS)
    full = fill(small, leave)
    with pytest.raises(PublishError) as raised:
        publish(small, 2, ROWS)
    assert raised.value.code == "publish.disk_full"
    assert "mart.dim_account: the warehouse's disk is full" in raised.value.message
    full.unlink()
    assert wait_for("the server", lambda: standing(small)) == [(ROWS, "1", dt.date(2026, 11, 1))]
    publish(small, 2, ROWS)
    assert standing(small) == [(ROWS, "2", dt.date(2026, 11, 2))]
