"""The DAG ``counter`` through its real tasks, on a real PostgreSQL, and its schedule by the home's setting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.services.homes import a_home
from tests.tiny import ROWS, write_tiny
from tests.warehouse import plain_url
from wattmark.local.airflow import airflow_env, process_env
from wattmark.local.secret import ensure_secrets
from wattmark.local.services import prepare_airflow_database
from wattmark.settings import SOURCE_VARIABLE, load_settings

ORDER = {
    "order_id": "O1", "account_id": "A1", "kind": "new", "submitted_at": "2026-11-04 08:00:00", "needs_customer_works": True,
    "works_materials_entered": False, "equipment_list_provided": True, "vat_documents_complete": True,
    "updated_at": "2026-11-04 09:01:00",
}  # fmt: skip


@pytest.mark.timeout(600)
def test_a_run_up_to_a_moment_keeps_what_it_finds() -> None:
    with a_home() as settings:
        source = write_tiny(settings.home.parent / "source", service_order=[ORDER], account=ROWS["account"])
        prepare_airflow_database(settings)
        done = subprocess.run(
            [sys.executable, "-m", "wattmark.local.dag_test", "counter", json.dumps({"until": "2026-11-04T09:05:00"})],
            env={**process_env(settings), SOURCE_VARIABLE: str(source)},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        with psycopg.connect(plain_url(settings.home)) as connection:
            assert connection.execute(
                "SELECT until AT TIME ZONE 'Asia/Shanghai', checked_orders FROM ops.order_intake"
            ).fetchall()[0][1] == 1  # fmt: skip
            found = connection.execute(
                "SELECT rule_id FROM ops.order_finding WHERE cleared_for IS NULL ORDER BY 1"
            ).fetchall()
            assert ("ACC-10",) in found
            assert ("ACC-11",) in found


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
         "from wattmark import flow; s = flow.counter_schedule(); "
         "print('@@', s and f'{type(s).__name__} {s.timetable.expression}')"],
        env={**os.environ, "WATTMARK_COUNTER_SCHEDULE": environment["WATTMARK_COUNTER_SCHEDULE"]},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert f"@@ {said}" in shown.stdout
