"""Every button that the pages name, pressed on a real Airflow with the real DAGs: none of them ends in an error page."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.sinks import Sinks, sinks
from tests.tiny import interval_rows as rows_of_day
from tests.tiny import write_intervals, write_tiny
from tests.waiting import wait_for
from tests.warehouse import plain_url
from wattmark import assets
from wattmark.home import secret
from wattmark.local import services
from wattmark.local.airflow_api import Api, address
from wattmark.local.trigger import failure_of, task_instances, wait_until_parsed
from wattmark.settings import PROJECT_ROOT, Settings, load_settings
from wattmark.user_settings import ADMIN
from wattmark.writer import holder_of

from .homes import open_folder, settings_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

DAGS = ("audit_reviews", "campaigns", "counter", "nightly", "reviews", "tidy")
AS_OF = "2026-11-26"
"""Three weeks after the last of the source's intervals."""

SLOW = '''
"""A run that is late after five seconds."""

import datetime as dt
import time

from airflow.sdk import dag
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert

from wattmark import flow
from wattmark.deadline import RunQueued


@dag(
    schedule=None,
    deadline=DeadlineAlert(
        reference=RunQueued(),
        interval=dt.timedelta(seconds=5),
        callback=AsyncCallback(flow.Tell, kwargs={"event": "late"}),
    ),
)
def slow():
    @flow.task()
    def wait():
        time.sleep(30)

    wait()


@dag(schedule=None, default_args={**flow.DEFAULT_ARGS, "retries": 0})
def broken():
    @flow.task()
    def divide():
        return 1 / 0

    divide()


slow()
broken()
'''


@dataclass
class Hands:
    """A running home, the servers that are told, and Airflow as its admin sees it."""

    settings: Settings
    sinks: Sinks
    source: Path
    api: Api
    web: httpx.Client

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request of the pages', which may not be an error of the server's."""
        answer = self.web.request(method, path, **options)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer

    def trigger(self, dag: str, **conf: Any) -> str:
        body = {"logical_date": None, "conf": conf}
        return str(self.ask("POST", f"/api/v2/dags/{dag}/dagRuns", json=body).json()["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        return str(self.ask("GET", f"/api/v2/dags/{dag}/dagRuns/{run}").json()["state"])

    def ended(self, dag: str, run: str) -> str:
        wait_for(f"the end of {run}", lambda: self.state(dag, run) in ("success", "failed"))
        return self.state(dag, run)

    def tasks(self, dag: str, run: str) -> dict[tuple[str, int], dict[str, Any]]:
        found = task_instances(self.api, f"/dags/{dag}/dagRuns/{run}")
        return {(task["task_id"], task["map_index"]): task for task in found}

    def log(self, dag: str, run: str, task: str, attempt: int = 1, index: int = -1) -> list[dict[str, Any]]:
        answer = self.ask(
            "GET",
            f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}",
            params={"map_index": index, "full_content": "true"},
            headers={"Accept": "application/json"},
        )
        content: list[dict[str, Any]] = answer.json()["content"]
        return [line for line in content if "level" in line]


@pytest.fixture(scope="module")
def hands() -> Iterator[Hands]:
    with open_folder() as folder, sinks() as servers, pytest.MonkeyPatch.context() as patch:
        project = folder / "project"
        project.mkdir()
        for name in ("dags", "plugins", "include", "expectations", "migrations"):
            if (PROJECT_ROOT / name).exists():
                shutil.copytree(
                    PROJECT_ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__")
                )
        (project / "dags" / "slow.py").write_text(SLOW)
        patch.setenv("WATTMARK_PROJECT", str(project))
        patch.setenv("AIRFLOW_CONN_WATTMARK_SMTP", servers.connection)
        source = write_tiny(folder / "source", intervals=tuple(f"2026-11-0{day}" for day in range(1, 6)))
        home = folder / "home"
        home.mkdir(mode=0o755)
        own = {
            "sources": [{"location": str(source)}],
            "schedule": {"nightly": "0 2 29 2 *", "counter": None},
            # A run that is marked as ended has no process that lets the home go.
            "writer": {"gone_minutes": 1},
            "notify": {
                "mail": {"to": ["ops@example.org"], "sender": "wattmark@example.org"},
                "webhook": {"url": servers.hook},
            },
            "services": settings_for(home).services.model_dump(include={"postgres_port", "airflow_port"}),
        }
        (home / "settings.yaml").write_text(json.dumps(own))
        settings = load_settings(home)
        try:
            assert services.up(settings).healthy
            with (
                Api(settings) as api,
                httpx.Client(base_url=address(settings), trust_env=False, timeout=60) as web,
            ):
                for dag in (*DAGS, "slow", "broken"):
                    wait_until_parsed(settings, api, dag)
                password = {"username": ADMIN, "password": secret(home, "airflow_admin")}
                token = web.post("/auth/token", json=password).json()["access_token"]
                web.headers["Authorization"] = f"Bearer {token}"
                yield Hands(settings, servers, source, api, web)
        finally:
            services.discard(settings)


@pytest.fixture(scope="module")
def failed(hands: Hands) -> str:
    """A night whose source lacks a file, ended."""
    assert hands.ask("GET", "/api/v2/dags/campaigns").json()["is_paused"] is False
    (hands.source / "bill.csv").rename(hands.source / "bill.away")
    for paused in (False, True, False):
        hands.ask("PATCH", "/api/v2/dags/nightly", json={"is_paused": paused})
    run = hands.trigger("nightly", as_of=AS_OF)
    assert hands.ended("nightly", run) == "failed"
    return run


@pytest.fixture(scope="module")
def published(hands: Hands, failed: str) -> str:
    """The same night with the file back, its failed task cleared with what follows."""
    (hands.source / "bill.away").rename(hands.source / "bill.csv")
    clear = {"dag_run_id": failed, "only_failed": True, "include_downstream": True}
    asked = hands.ask(
        "POST", "/api/v2/dags/nightly/clearTaskInstances", json={**clear, "dry_run": True}
    ).json()
    assert any(task["task_id"] == "extract" for task in asked["task_instances"])
    hands.ask("POST", "/api/v2/dags/nightly/clearTaskInstances", json={**clear, "dry_run": False})
    assert hands.ended("nightly", failed) == "success"
    return failed


def failing_task(hands: Hands, run: str) -> tuple[str, int]:
    return next(key for key, state in hands.tasks("nightly", run).items() if state["state"] == "failed")


def test_a_failed_task_ends_with_its_message(hands: Hands, failed: str) -> None:
    task, index = failing_task(hands, failed)
    lines = hands.log("nightly", failed, task, index=index)
    said = lines[-1]["event"]
    assert said.startswith("[source.missing_table] ")
    assert "bill" in said
    assert "What to do: " in said
    assert not any(line.get("error_detail") for line in lines), "a traceback in between"
    # What `wattmark run` prints of it is the same message.
    path = f"/dags/nightly/dagRuns/{failed}"
    failure = failure_of(hands.api, path, hands.tasks("nightly", failed)[task, index])
    assert failure.last_lines[-1] == said


def test_a_failed_night_is_told_once_by_mail_and_webhook(hands: Hands, failed: str) -> None:
    wait_for("the notice", lambda: [told for told in hands.sinks.posts if told["run_id"] == failed])
    wait_for("the mail", lambda: hands.sinks.mails)
    [post] = [told for told in hands.sinks.posts if told["event"] == "failed" and told["run_id"] == failed]
    assert post["title"] == f"The night {AS_OF} failed"
    assert len(post["lines"]) == 1
    assert "[source.missing_table]" in post["lines"][0]
    [mail] = [told for told in hands.sinks.mails if "failed" in told.subject]
    assert "[source.missing_table]" in mail.text
    assert hands.ask("GET", post["link"].removeprefix(address(hands.settings))).status_code == 200


def test_a_cleared_night_is_published_and_told_to_be_short_of_data(hands: Hands, published: str) -> None:
    with psycopg.connect(plain_url(hands.settings.home)) as connection:
        stale = connection.execute(
            "SELECT source_table, days_behind FROM mart.source_freshness WHERE is_stale ORDER BY 1"
        ).fetchall()
    assert ("interval_reading", 21) in stale
    [post] = [told for told in hands.sinks.posts if told["event"] == "less_data"]
    assert post["run_id"] == published
    assert any(line.startswith("interval_reading: the newest row is of 2026-11-05") for line in post["lines"])


def test_a_good_log_holds_nothing_of_the_framework(hands: Hands, published: str) -> None:
    for task in ("validate.accept", "segment.segments", "publish"):
        lines = hands.log("nightly", published, task)
        text = json.dumps(lines)
        for noise in (
            "nanobind",
            "FutureWarning",
            "DeprecationWarning",
            "Returned value",
            "OpenLineage",
        ):
            assert noise not in text, f"{task}: {noise}"
        # Airflow's own word on the task's state goes the way of what a task prints, which is kept.
        assert {line["logger"].split(".")[0] for line in lines} <= {"wattmark", "task"}
    assert "read " in json.dumps(hands.log("nightly", published, "validate.accept"))


def test_a_published_night_starts_its_lists(hands: Hands, published: str) -> None:
    [run] = wait_for("the run of campaigns", lambda: asking(hands))
    events = hands.ask("GET", f"/api/v2/dags/campaigns/dagRuns/{run}/upstreamAssetEvents").json()
    assert [(event["asset"]["uri"] if "asset" in event else event["uri"], event["extra"]["as_of"]) for event in events["asset_events"]] == [
        (assets.LISTS, AS_OF)
    ]  # fmt: skip
    assert hands.ended("campaigns", run) == "success"


def asking(hands: Hands) -> list[str]:
    """Runs of `campaigns` that lists began."""
    found = hands.ask("GET", "/api/v2/dags/campaigns/dagRuns").json()["dag_runs"]
    return [run["dag_run_id"] for run in found if run["run_type"] == "asset_triggered"]


def test_lists_that_fail_leave_the_night_published_and_are_run_again_alone(
    hands: Hands, published: str
) -> None:
    broken = hands.settings.home / "campaigns" / "broken.yaml"
    broken.parent.mkdir(exist_ok=True)
    broken.write_text("id: broken\n")
    before = asking(hands)
    tries = {key[0]: task["try_number"] for key, task in hands.tasks("nightly", published).items()}
    asked = {"dag_run_id": published, "dry_run": False, "only_failed": False, "include_downstream": True}
    hands.ask("POST", "/api/v2/dags/nightly/clearTaskInstances", json={**asked, "task_ids": ["lists"]})
    assert hands.ended("nightly", published) == "failed"
    assert {
        key[0] for key, task in hands.tasks("nightly", published).items() if task["state"] == "failed"
    } == {"lists"}
    assert "broken.yaml" in hands.log("nightly", published, "lists", tries["lists"] + 1)[-1]["event"]
    title = f"The night {AS_OF} is published; lists after it failed"
    wait_for("the notice", lambda: [post for post in hands.sinks.posts if post["title"] == title])
    with psycopg.connect(plain_url(hands.settings.home)) as connection:
        assert connection.execute("SELECT as_of::text, state FROM ops.pipeline_run").fetchall() == [
            (AS_OF, "succeeded")
        ]
    assert asking(hands) == before
    broken.unlink()
    hands.ask("POST", "/api/v2/dags/nightly/clearTaskInstances", json={**asked, "task_ids": ["lists"]})
    assert hands.ended("nightly", published) == "success"
    again = {key[0]: task["try_number"] for key, task in hands.tasks("nightly", published).items()}
    assert again["publish"] == tries["publish"]
    assert again["lists"] == tries["lists"] + 2
    # The home is nobody's any more.
    assert holder_of(hands.settings.home) is None
    wait_for("their run of campaigns", lambda: len(asking(hands)) > len(before))


def test_every_page_answers(hands: Hands, published: str) -> None:
    run = published
    pages = [
        "/", "/ui/config", "/ui/auth/menus", "/ui/auth/me", "/ui/dags", "/ui/dashboard/dag_stats", "/ui/dependencies",
        "/ui/dashboard/historical_metrics_data?start_date=2026-01-01T00:00:00Z", "/ui/connections/hook_meta",
        "/ui/backfills?dag_id=nightly", "/ui/partitioned_dag_runs", "/api/v2/assets", "/api/v2/assets/events", "/api/v2/pools",
        "/api/v2/plugins", "/api/v2/plugins/importErrors", "/api/v2/importErrors", "/api/v2/dagWarnings", "/api/v2/eventLogs",
        "/api/v2/jobs", "/api/v2/monitor/health", "/api/v2/version", "/api/v2/variables", "/api/v2/connections",
        "/api/v2/providers", "/api/v2/dagTags", "/api/v2/dagStats", "/api/v2/dags/~/dagRuns/~/hitlDetails",
        "/api/v2/dags/~/dagRuns", "/ui/dags/~/dagRuns/~/deadlines", "/wattmark/", "/wattmark/data-docs/index.html",
    ]  # fmt: skip
    for dag in DAGS:
        pages += [
            f"/api/v2/dags/{dag}", f"/api/v2/dags/{dag}/details", f"/api/v2/dags/{dag}/tasks", f"/api/v2/dags/{dag}/dagRuns",
            f"/api/v2/dags/{dag}/dagVersions", f"/api/v2/dagSources/{dag}", f"/ui/dags/{dag}/latest_run",
            f"/ui/grid/structure/{dag}", f"/ui/grid/runs/{dag}", f"/ui/calendar/{dag}?logical_date_gte=2026-01-01T00:00:00Z&logical_date_lte=2026-12-31T23:59:59Z", f"/ui/dags/{dag}/deadlineAlerts",
            f"/ui/structure/structure_data?dag_id={dag}",
            f"/ui/structure/structure_data?dag_id={dag}&external_dependencies=true",
        ]  # fmt: skip
    # Of a DAG that nothing hangs on, Airflow says that it has no such graph.
    pages += [
        "/ui/next_run_assets/campaigns",
        *(f"/ui/dependencies?node_id=dag:{dag}" for dag in ("nightly", "campaigns")),
    ]
    pages += [
        f"/ui/gantt/nightly/{run}", f"/ui/grid/ti_summaries/nightly?run_ids={run}", f"/ui/dags/nightly/dagRuns/{run}/stats",
        f"/ui/dags/nightly/dagRuns/{run}/deadlines", f"/api/v2/dags/nightly/dagRuns/{run}/upstreamAssetEvents",
        f"/api/v2/dags/nightly/dagRuns/{run}/taskInstances", f"/api/v2/dags/nightly/dagRuns/{run}/taskInstances/publish",
        f"/api/v2/dags/nightly/dagRuns/{run}/taskInstances/publish/xcomEntries",
        f"/api/v2/dags/nightly/dagRuns/{run}/taskInstances/publish/tries",
        f"/api/v2/dags/nightly/dagRuns/{run}/taskInstances/publish/dependencies",
        f"/api/v2/dags/nightly/dagRuns/{run}/taskInstances/publish/links",
    ]  # fmt: skip
    wrong = {}
    for page in pages:
        answer = hands.web.get(page, follow_redirects=True)
        if answer.status_code >= 400:
            wrong[page] = answer.status_code
    assert wrong == {}
    graph = hands.ask("GET", "/ui/dependencies").json()
    edges = {(edge["source_id"].split(":")[0], edge["target_id"]) for edge in graph["edges"]}
    assert ("asset", "dag:campaigns") in edges


def test_tasks_and_runs_are_marked_and_run_again(hands: Hands, published: str) -> None:
    base = f"/api/v2/dags/nightly/dagRuns/{published}"
    before = hands.tasks("nightly", published)["publish", -1]["try_number"]
    asked = {"dag_run_id": published, "dry_run": False, "only_failed": False}
    # A task alone, then a task group, and the run as a whole, each with a look at what it would do.
    for state in ("failed", "success"):
        hands.ask("PATCH", f"{base}/taskInstances/publish/dry_run", json={"new_state": state})
        hands.ask("PATCH", f"{base}/taskInstances/publish", json={"new_state": state})
        assert hands.tasks("nightly", published)["publish", -1]["state"] == state
    hands.ask("PATCH", base, json={"state": "failed"})
    assert hands.state("nightly", published) == "failed"
    hands.ask("PATCH", base, json={"state": "success", "note": "as it was"})
    assert hands.state("nightly", published) == "success"
    body = {**asked, "task_ids": ["publish"], "include_downstream": True}
    hands.ask("POST", "/api/v2/dags/nightly/clearTaskInstances", json={**body, "dry_run": True})
    hands.ask("POST", "/api/v2/dags/nightly/clearTaskInstances", json=body)
    assert hands.ended("nightly", published) == "success"
    assert hands.tasks("nightly", published)["publish", -1]["try_number"] == before + 1
    # The run as a whole.
    hands.ask("POST", f"{base}/clear", json={"dry_run": True})
    hands.ask("POST", f"{base}/clear", json={"dry_run": False})
    wait_for("its first task", lambda: hands.tasks("nightly", published)["begin", -1]["state"] == "success")
    hands.ask("PATCH", base, json={"state": "failed"})
    hands.ended("nightly", published)


def test_a_backfill_makes_the_night_of_its_date(hands: Hands, published: str) -> None:
    body = {
        "dag_id": "nightly", "from_date": "2024-02-28T00:00:00Z", "to_date": "2024-03-01T00:00:00Z", "run_backwards": False,
        "dag_run_conf": {"republish": True}, "reprocess_behavior": "none", "max_active_runs": 1, "run_on_latest_version": True,
    }  # fmt: skip
    planned = hands.ask("POST", "/api/v2/backfills/dry_run", json=body).json()["backfills"]
    assert len(planned) == 1
    backfill = hands.ask("POST", "/api/v2/backfills", json=body).json()["id"]

    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = hands.ask("GET", "/api/v2/dags/nightly/dagRuns").json()["dag_runs"]
        return [run for run in found if run["run_type"] == "backfill"]

    [run] = wait_for("the run", runs)
    wait_for(
        "its first task",
        lambda: hands.tasks("nightly", run["dag_run_id"]).get(("begin", -1), {}).get("state") == "success",
    )
    told = hands.ask(
        "GET",
        f"/api/v2/dags/nightly/dagRuns/{run['dag_run_id']}/taskInstances/begin/xcomEntries/return_value",
    ).json()["value"]
    value = json.loads(told) if isinstance(told, str) else told
    # The night before the moment the schedule names, in the utility's zone.
    assert value["as_of"] == "2024-02-28"
    for action in ("pause", "unpause", "cancel"):
        hands.ask("PUT", f"/api/v2/backfills/{backfill}/{action}")
    hands.ask("PATCH", f"/api/v2/dags/nightly/dagRuns/{run['dag_run_id']}", json={"state": "failed"})
    hands.ended("nightly", run["dag_run_id"])


def test_a_late_run_is_told_and_can_be_cleared(hands: Hands) -> None:
    hands.ask("PATCH", "/api/v2/dags/slow", json={"is_paused": False})
    run = hands.trigger("slow")
    wait_for("the notice", lambda: [told for told in hands.sinks.posts if told["event"] == "late"])
    [post] = [told for told in hands.sinks.posts if told["event"] == "late"]
    assert (post["dag_id"], post["run_id"]) == ("slow", run)
    assert "is late" in post["title"]
    assert wait_for("the mail", lambda: [mail for mail in hands.sinks.mails if "is late" in mail.subject])
    assert hands.ended("slow", run) == "success"
    hands.ask("POST", f"/api/v2/dags/slow/dagRuns/{run}/clear", json={"dry_run": False})
    assert hands.ended("slow", run) == "success"


def test_an_unforeseen_error_keeps_its_frames_and_says_what_to_do(hands: Hands) -> None:
    hands.ask("PATCH", "/api/v2/dags/broken", json={"is_paused": False})
    run = hands.trigger("broken")
    assert hands.ended("broken", run) == "failed"
    lines = hands.log("broken", run, "divide")
    assert lines[-1]["event"].startswith("[task.unforeseen] ZeroDivisionError. What to do: ")
    assert any(line.get("error_detail") for line in lines[:-1])


def test_wattmark_run_hands_the_night_to_the_airflow_that_is_up(hands: Hands, published: str) -> None:
    home = hands.settings.home
    argv = [sys.executable, "-m", "wattmark", "run", "--as-of", "2026-11-27", "--home", str(home)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "Handed to Airflow at " in done.stdout
    assert "The night 2026-11-27 is published." in done.stdout
    runs = hands.ask("GET", "/api/v2/dags/nightly/dagRuns").json()["dag_runs"]
    assert [run["state"] for run in runs if run["conf"].get("as_of") == "2026-11-27"] == ["success"]

    # Of another source: beside the scheduler, which sees nothing of it but the published night.
    before = len(hands.ask("GET", "/api/v2/dags/campaigns/dagRuns").json()["dag_runs"])
    write_intervals(hands.source, "2026-11-06", rows_of_day("2026-11-06"))
    argv = [*argv[:5], "2026-11-28", *argv[6:], "--source", str(hands.source)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    runs = hands.ask("GET", "/api/v2/dags/nightly/dagRuns").json()["dag_runs"]
    assert [run for run in runs if run["conf"].get("as_of") == "2026-11-28"] == []
    wait_for(
        "the lists of the night",
        lambda: len(hands.ask("GET", "/api/v2/dags/campaigns/dagRuns").json()["dag_runs"]) > before,
    )
    assert list(hands.settings.scratch.glob("airflow-*")) == []
