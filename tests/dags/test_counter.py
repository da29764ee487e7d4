"""The DAG ``counter`` in the real scheduler, on a real PostgreSQL, and its schedule by the home's setting."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.services.homes import open_folder, settings_for
from tests.tiny import ROWS, write_tiny
from tests.waiting import WAIT_S, wait_for
from tests.warehouse import plain_url
from wattmark.local import services
from wattmark.local.airflow import airflow_env
from wattmark.local.airflow_api import Api
from wattmark.local.secret import ensure_secrets
from wattmark.local.trigger import trigger_and_wait
from wattmark.settings import Settings, load_settings

ORDER_AGE_MINUTES = 10
"""How long before the test the order was handed in."""


def write_source(settings: Settings, folder: Path, *, materials: bool) -> None:
    """One order in hand, last changed when its works materials were entered, or when it was handed in."""
    now = dt.datetime.now(settings.zone).replace(tzinfo=None)
    made = now - dt.timedelta(minutes=ORDER_AGE_MINUTES)
    order = {
        "order_id": "O1", "account_id": "A1", "kind": "new", "submitted_at": f"{made:%Y-%m-%d %H:%M:%S}",
        "needs_customer_works": True, "works_materials_entered": materials, "equipment_list_provided": True,
        "vat_documents_complete": True, "updated_at": f"{now if materials else made:%Y-%m-%d %H:%M:%S}",
    }  # fmt: skip
    write_tiny(folder, service_order=[order], account=ROWS["account"])


@pytest.fixture
def running() -> Iterator[Settings]:
    """A home whose orders are taken every minute."""
    with open_folder() as folder:
        home = folder / "home"
        home.mkdir()
        source = {"sources": [{"location": str(folder / "source")}], "schedule": {"counter": "* * * * *"}}
        (home / "settings.yaml").write_text(json.dumps(source))
        settings = load_settings(home, services=settings_for(home).services.model_dump())
        write_source(settings, folder / "source", materials=False)
        try:
            assert services.up(settings).healthy
            yield settings
        finally:
            services.discard(settings)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_orders_are_taken_by_hand_by_the_minute_and_after_a_night(running: Settings) -> None:
    open_findings = "SELECT rule_id FROM ops.order_finding WHERE order_id = 'O1' AND cleared_for IS NULL"
    source = running.home.parent / "source"

    def runs(kind: str) -> list[str]:
        with Api(running) as api:
            found = api.call("GET", "/dags/counter/dagRuns", params={"limit": 100}).json()["dag_runs"]
        assert "failed" not in [run["state"] for run in found]
        return [run["dag_run_id"] for run in found if run["run_type"] == kind and run["state"] == "success"]

    # By hand, up to a moment after the order was handed in.
    until = dt.datetime.now(running.zone).replace(microsecond=0) - dt.timedelta(minutes=ORDER_AGE_MINUTES - 5)
    conf = {"until": until.replace(tzinfo=None).isoformat()}
    assert trigger_and_wait(running, "counter", conf, timeout_s=WAIT_S).state == "success"
    with psycopg.connect(plain_url(running.home)) as connection:
        assert (until,) in connection.execute("SELECT until FROM ops.order_intake").fetchall()
        assert {("ACC-10",), ("ACC-11",)} <= set(connection.execute(open_findings).fetchall())

    # By the schedule: what was mended at the source is cleared, what was not stays.
    write_source(running, source, materials=True)
    with psycopg.connect(plain_url(running.home), autocommit=True) as connection:
        wait_for(
            "the run that sees the mended order",
            lambda: "ACC-10" not in {row[0] for row in connection.execute(open_findings)},
        )
        assert "ACC-11" in {row[0] for row in connection.execute(open_findings)}
    assert wait_for("a scheduled run", lambda: runs("scheduled"))

    # When a night is published.
    with Api(running) as api:
        listed = api.call("GET", "/assets", params={"limit": 100}).json()["assets"]
        [mart] = [
            asset["id"]
            for asset in listed
            if any(dag["dag_id"] == "counter" for dag in asset["scheduled_dags"])
        ]
        api.call("POST", "/assets/events", json={"asset_id": mart})
    assert wait_for("the run after the night", lambda: runs("asset_triggered"))


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("*/5 * * * *", "AssetOrTimeSchedule */5 * * * *"),
        ("0 8 * * *", "AssetOrTimeSchedule 0 8 * * *"),
        ("", "None"),
    ],
)
def test_the_setting_is_the_schedule(cron: str, said: str, tmp_path: Path) -> None:
    database = "postgresql+psycopg://nobody@localhost:1/none"
    urls = {"warehouse_url": database, "airflow_database_url": database}
    settings = load_settings(tmp_path, services=urls, schedule={"counter": cron or None})
    ensure_secrets(settings.home)
    environment = airflow_env(settings)
    shown = subprocess.run(
        [sys.executable, "-c",
         "from wattmark import flow; s = flow.schedule('counter', flow.MART); "
         "print('@@', s and f'{type(s).__name__} {s.timetable.expression}')"],
        env={**os.environ, "WATTMARK_COUNTER_SCHEDULE": environment["WATTMARK_COUNTER_SCHEDULE"]},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert f"@@ {said}" in shown.stdout
