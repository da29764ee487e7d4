from __future__ import annotations

import datetime as dt
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import typer
from typer.testing import CliRunner

from wattmark.errors import ServiceError
from wattmark.home import secret
from wattmark.local import airflow, airflow_api, commands, processes, services, trigger
from wattmark.local.secret import ensure_secrets
from wattmark.settings import Settings

from .homes import a_home, settings_for

DAG = '''
"""Three steps, the second mapped, one of which fails on request."""

import time

from airflow.sdk import Param, dag, task


@dag(schedule=None, params={"fail": Param(False, type="boolean")})
def trial():
    @task(pool="compute")
    def first():
        return [1, 2]

    @task(pool="source")
    def each(number):
        return number

    @task
    def last(numbers, params=None):
        import logging
        logging.getLogger("trial").info("just before the end")
        # What is printed and what is raised reach the log by different ways; under load the later one may win.
        time.sleep(1)
        if params["fail"]:
            raise ValueError("meant to fail")

    last(each.expand(number=first()))


made = trial()

if __name__ == "__main__":
    raise SystemExit(0 if made.test().state == "success" else 1)
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of one small DAG."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("dags", "plugins", "include"):
        (folder / name).mkdir()
    (folder / "include" / "settings.default.yaml").write_text("services: {}\n")
    (folder / "dags" / "trial.py").write_text(DAG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATTMARK_PROJECT", str(folder))
        yield folder


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[Settings]:
    """All services of a home of its own."""
    with a_home() as settings:
        status = services.up(settings)
        assert status.healthy
        yield settings


def component(settings: Settings, name: str) -> processes.Recorded:
    return processes.read_services(settings.home).components[name]


def run_states(settings: Settings) -> dict[str, str]:
    return {part.component: part.state for part in services.status(settings)}


@pytest.fixture
def prepared(tmp_path: Path) -> Settings:
    """A home with secrets, whose databases are elsewhere, so nothing needs to run."""
    own = "postgresql+psycopg://someone:p%40ss@db.example/airflow"
    ensure_secrets(tmp_path)
    return settings_for(tmp_path, warehouse_url=own, airflow_database_url=own)


def test_environment_says_all_that_airflow_needs(prepared: Settings) -> None:
    env = airflow.airflow_env(prepared)
    assert env["AIRFLOW_HOME"] == str(prepared.home / "airflow")
    assert env["AIRFLOW__CORE__DAGS_FOLDER"] == str(prepared.project / "dags")
    assert env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == prepared.services.airflow_database_url
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    port = prepared.services.airflow_port
    assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"http://127.0.0.1:{port}/execution/"
    assert len(env["AIRFLOW__API_AUTH__JWT_SECRET"]) == 64
    assert len({env[f"AIRFLOW__{key}"] for key in ("API_AUTH__JWT_SECRET", "API__SECRET_KEY")}) == 2
    assert env["GX_ANALYTICS_ENABLED"] == "false"


def test_processes_compile_what_they_import(prepared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("AIRFLOW_CONN_BILLING", "kept")
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "32")
    env = airflow.process_env(prepared)
    assert "PYTHONDONTWRITEBYTECODE" not in env
    assert env["AIRFLOW_CONN_BILLING"] == "kept"
    assert env["AIRFLOW__CORE__PARALLELISM"] == "4"


@pytest.mark.parametrize(
    ("beat_s", "status", "missing"),
    [
        (0, "healthy", []),
        (1, "healthy", []),
        (-1, "healthy", ["scheduler"]),
        (1, "unhealthy", ["scheduler"]),
        (None, "healthy", ["scheduler"]),
    ],
)
def test_heartbeat_of_a_predecessor_does_not_count(
    beat_s: int | None, status: str, missing: list[str]
) -> None:
    started = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    beat = None if beat_s is None else (started + dt.timedelta(seconds=beat_s)).isoformat()
    said = {
        "metadatabase": {"status": "healthy"},
        "scheduler": {"status": status, "latest_scheduler_heartbeat": beat},
        "dag_processor": {"status": "healthy"},
        "triggerer": {"status": "healthy"},
    }
    assert airflow.unhealthy(said, {"scheduler": started}) == missing


def test_silent_api_server_leaves_nothing_healthy() -> None:
    assert airflow.unhealthy(None) == list(airflow.COMPONENTS)


def test_run_without_airflow_is_refused(prepared: Settings) -> None:
    with pytest.raises(ServiceError) as raised:
        trigger.trigger_and_wait(prepared, "trial")
    assert raised.value.code == "services.airflow_down"


def test_commands_on_a_home_without_services(tmp_path: Path) -> None:
    app = typer.Typer()
    commands.register(app)
    runner = CliRunner()
    (tmp_path / "settings.yaml").write_text("")
    shown = runner.invoke(app, ["status", "--home", str(tmp_path)])
    assert shown.exit_code == 1
    assert shown.output.count("stopped") == 5
    assert runner.invoke(app, ["down", "--home", str(tmp_path)]).exit_code == 0
    refused = runner.invoke(app, ["warehouse-url", "--home", str(tmp_path)])
    assert isinstance(refused.exception, ServiceError)
    assert refused.exception.code == "services.not_set_up"


@pytest.mark.slow
def test_all_parts_run_and_are_found_running_again(running: Settings) -> None:
    assert run_states(running) == dict.fromkeys(("postgres", *airflow.COMPONENTS), "running")
    before = processes.read_services(running.home)
    services.up(running)
    assert processes.read_services(running.home) == before


@pytest.mark.slow
def test_status_command_is_content(running: Settings) -> None:
    app = typer.Typer()
    commands.register(app)
    shown = CliRunner().invoke(app, ["status", "--home", str(running.home)])
    assert (shown.exit_code, shown.output.count("running")) == (0, 5)


@pytest.mark.slow
def test_only_the_admin_gets_in(running: Settings) -> None:
    web = services.airflow_url(running)
    assert httpx.get(f"{web}/api/v2/dags", trust_env=False).status_code == 401
    wrong = {"username": "admin", "password": "wrong"}
    assert httpx.post(f"{web}/auth/token", json=wrong, trust_env=False).status_code == 401
    file = running.home / "airflow" / "passwords.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password = secret(running.home, "airflow_admin")
    logs = [log.read_text(errors="replace") for log in (running.home / "logs").glob("*.log")]
    assert not any(password in log for log in logs)


@pytest.mark.slow
def test_pools_are_made(running: Settings) -> None:
    with airflow_api.Api(running) as api:
        found = {pool["name"]: pool["slots"] for pool in api.call("GET", "/pools").json()["pools"]}
    assert {name: found.get(name) for name in airflow.pools(running)} == {
        "compute": 2,
        "source": 2,
        "publish": 1,
    }


@pytest.mark.slow
def test_run_is_watched_to_its_end(running: Settings) -> None:
    seen: list[trigger.RunProgress] = []
    result = trigger.trigger_and_wait(running, "trial", progress=seen.append, timeout_s=120)
    assert (result.state, result.failures) == ("success", ())
    assert (seen[-1].state, seen[-1].finished, seen[-1].total) == ("success", 4, 4)
    lineage = (running.home / "logs" / "openlineage.jsonl").read_text().splitlines()
    assert any(json.loads(line)["eventType"] == "COMPLETE" for line in lineage)


@pytest.mark.slow
def test_failed_run_names_the_task_and_its_last_words(running: Settings) -> None:
    result = trigger.trigger_and_wait(running, "trial", {"fail": True}, timeout_s=120)
    assert (result.state, [failure.task for failure in result.failures]) == ("failed", ["last"])
    lines = result.failures[0].last_lines
    assert lines[-1].endswith("ValueError: meant to fail")
    assert "just before the end" in lines


@pytest.mark.slow
def test_wrong_parameter_is_refused(running: Settings) -> None:
    with pytest.raises(ServiceError, match="not of type 'boolean'") as raised:
        trigger.trigger_and_wait(running, "trial", {"fail": "maybe"})
    assert raised.value.code == "services.airflow_refused"


@pytest.mark.slow
def test_broken_dag_file_is_told(running: Settings, project: Path) -> None:
    file = project / "dags" / "broken.py"
    file.write_text("from airflow.sdk import dag\n\nraise RuntimeError('meant to break')\n")
    try:
        with pytest.raises(ServiceError, match="RuntimeError: meant to break") as raised:
            trigger.trigger_and_wait(running, "absent")
    finally:
        file.unlink()
    assert raised.value.code == "services.dag_broken"
    assert "broken.py" in raised.value.message


@pytest.mark.slow
def test_crash_is_shown_and_only_the_missing_part_is_started(running: Settings) -> None:
    before = processes.read_services(running.home).components
    dead = before["triggerer"]
    os.kill(dead.pid, signal.SIGKILL)
    if psutil.pid_exists(dead.pid):
        psutil.Process(dead.pid).wait(timeout=10)
    shown = {part.component: part for part in services.status(running)}
    assert shown["triggerer"].state == "crashed"
    assert shown["triggerer"].last_lines
    assert shown["scheduler"].state == "running"
    with pytest.raises(ServiceError, match="triggerer does not") as raised:
        services.airflow_is_up(running)
    assert raised.value.code == "services.partly_up"
    assert services.up(running).healthy
    after = processes.read_services(running.home).components
    assert [name for name in before if before[name].pid != after[name].pid] == ["triggerer"]


@pytest.mark.slow
def test_dag_test_runs_without_airflow_up(project: Path) -> None:
    with a_home() as settings:
        env = {**os.environ, **services.prepare_airflow_database(settings)}
        assert {state for name, state in run_states(settings).items() if name != "postgres"} == {"stopped"}
        argv = [sys.executable, str(project / "dags" / "trial.py")]
        ran = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]


@pytest.mark.slow
def test_down_leaves_nothing_behind(running: Settings) -> None:
    ours = processes.read_services(running.home).components
    family = [
        process
        for recorded in ours.values()
        for process in [
            psutil.Process(recorded.pid),
            *psutil.Process(recorded.pid).children(recursive=True),
        ]
    ]
    assert len(family) > len(ours)
    assert services.airflow_is_up(running)
    services.down(running)
    assert not services.airflow_is_up(running)
    assert [process.pid for process in family if process.is_running()] == []
    assert set(run_states(running).values()) == {"stopped"}
