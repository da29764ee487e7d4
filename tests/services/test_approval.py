"""Approval in the real scheduler: lists wait for their answers over REST; a yes releases once, no answer never."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from sqlalchemy import text

from tests.campaign.world import TABLES, open_world
from tests.waiting import wait_for
from wattmark import assets
from wattmark.campaign.lists import refuse_unanswered
from wattmark.campaign.night import campaigns
from wattmark.home import warehouse_url
from wattmark.lake import Lake
from wattmark.local import airflow_api, processes, services
from wattmark.local.trigger import tell_updated, wait_until_parsed
from wattmark.publish.ops import ops_engine
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

from .homes import open_folder, settings_for

PEOPLE = 400
NAMES = ("approved", "killed", "refused", "silent")
HOURS = {"hurried": 24}
"""Lists whose time is over before anybody is asked; all others have three days."""
HOLD = 77_001
"""Advisory lock on which the test lets a release wait, after delivery and before it is noted."""


def definition(name: str, day: dt.date) -> str:
    return json.dumps(
        {
            "id": name, "name": {"en": name}, "objective": "To be approved or not.", "owner": "test", "purpose": "service",
            "valid_from": f"{day:%Y}-01-01", "valid_to": f"{day.year + 1}-12-31", "schedule": {"dates": [day.isoformat()]},
            "audience": {"grain": "customer", "where": "customer.grade IN ('C', 'D')"},
            "channels": [{"channel": "sms"}, {"channel": "email"}], "approval": {"by": ["boss"], "within_hours": HOURS.get(name, 72)},
            "success": {"event": "converted", "value_amount": 1}, "limits": {"size": 40},
        }
    )  # fmt: skip


@dataclass
class Running:
    """A home with Airflow up, and one run of the DAG whose lists wait."""

    settings: Settings
    day: dt.date
    path: str


def _project(folder: Path) -> Path:
    """A project with the real DAG and SQL, and no campaigns of its own."""
    project = folder / "project"
    (project / "dags").mkdir(parents=True)
    (project / "plugins").mkdir()
    shutil.copy(PROJECT_ROOT / "dags" / "campaigns.py", project / "dags")
    shutil.copytree(PROJECT_ROOT / "include", project / "include")
    for file in (project / "include" / "campaigns").glob("*.yaml"):
        file.unlink()
    return project


def _fill(settings: Settings, day: dt.date) -> None:
    """The lake of a night of the made-up utility."""
    calendar = (
        f"SELECT DATE '{day}' - 30 + i::INTEGER AS day, TRUE AS is_working_day, 0 AS working_day_no, 1 AS iso_weekday, "
        "FALSE AS is_holiday FROM range(100) AS r(i)"
    )
    lake = Lake(settings.lake)
    with open_world(settings, PEOPLE, day, core__calendar=calendar) as session:
        for name in TABLES:
            lake.replace(name, session.duck.sql(f"SELECT * FROM {name}").to_arrow_table())


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with open_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATTMARK_PROJECT", str(_project(folder)))
        home = folder / "home"
        (home / "campaigns").mkdir(parents=True)
        # Answers are held against the clock, so the night is the one before yesterday's.
        day = dt.datetime.now(load_settings(home).zone).date() - dt.timedelta(days=2)
        for name in (*NAMES, *HOURS):
            (home / "campaigns" / f"{name}.yaml").write_text(definition(name, day))
        (home / "settings.yaml").write_text(
            json.dumps(
                {
                    "campaigns": {
                        "contacts": 9,
                        "delivery": str(folder / "out"),
                        "approvers": {"boss": ["admin"]},
                    }
                }
            )
        )
        chosen = settings_for(home)
        settings = load_settings(home, services=chosen.services.model_dump())
        _fill(settings, day)
        try:
            assert services.up(settings).healthy
            with airflow_api.Api(settings) as api:
                wait_until_parsed(settings, api, "campaigns")
                api.call("PATCH", "/dags/campaigns", json={"is_paused": False})
            assert {
                outcome.listed for outcome in campaigns(settings, Run.of(day, settings.utility.time_zone))
            } == {40}
            run_id = started(settings, day)
            yield Running(settings, day, f"/dags/campaigns/dagRuns/{run_id}")
        finally:
            services.discard(settings)


def started(settings: Settings, *days: dt.date) -> str:
    """The run that begins when lists of days are told to be made."""

    def runs() -> set[str]:
        with airflow_api.Api(settings) as api:
            found = api.call("GET", "/dags/campaigns/dagRuns").json()["dag_runs"]
        return {run["dag_run_id"] for run in found if run["run_type"] == "asset_triggered"}

    before = runs()
    for day in days:
        tell_updated(settings, assets.LISTS, {assets.EXTRA_DAY: day.isoformat()})
    [run_id] = wait_for("the run", lambda: runs() - before)
    return str(run_id)


def instances(running: Running, task: str) -> dict[int, dict[str, Any]]:
    with airflow_api.Api(running.settings) as api:
        found = api.call("GET", f"{running.path}/taskInstances", params={"limit": 100}).json()[
            "task_instances"
        ]
    return {
        instance["map_index"]: instance for instance in found if instance["task_id"] == f"one_list.{task}"
    }


def questions(running: Running) -> dict[str, dict[str, Any]]:
    """The open questions by campaign."""
    wait_for(
        "the questions",
        lambda: (
            [
                instance
                for instance in instances(running, "approve").values()
                if instance["state"] == "awaiting_input"
            ][3:]
            or None
        ),
    )
    found = {}
    with airflow_api.Api(running.settings) as api:
        for index, instance in instances(running, "approve").items():
            if instance["state"] != "awaiting_input":
                continue
            detail = api.call(
                "GET", f"{running.path}/taskInstances/one_list.approve/{index}/hitlDetails"
            ).json()
            name = detail["subject"].removeprefix("Release ").partition(".")[0]
            found[name] = detail | {"index": index}
    return found


def say(running: Running, index: int, option: str) -> None:
    with airflow_api.Api(running.settings) as api:
        api.call(
            "PATCH",
            f"{running.path}/taskInstances/one_list.approve/{index}/hitlDetails",
            json={"chosen_options": [option], "params_input": {}},
        )


def settled(running: Running, index: int) -> str:
    ended: str = wait_for(
        f"list {index}",
        lambda: (
            (
                (instance := instances(running, "settle").get(index))
                and instance["state"] in ("success", "failed", "upstream_failed", "skipped")
                and instance["state"]
            )
            or None
        ),
    )
    return ended


def states(running: Running) -> dict[str, str]:
    with ops_engine(running.settings).connect() as connection:
        return dict(connection.execute(text("SELECT campaign_id, state FROM ops.campaign_run")).all())  # type: ignore[arg-type]


def delivered(running: Running, name: str) -> dict[str, bytes]:
    place = Path(str(running.settings.campaigns.delivery)) / f"{name}.{running.day:%Y%m%d}.1"
    return {file.name: file.read_bytes() for file in place.glob("*")} if place.exists() else {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_lists_wait_for_their_answers(running: Running) -> None:
    asked = questions(running)
    assert set(asked) == set(NAMES)
    assert {state for name, state in states(running).items() if name in NAMES} == {"awaiting_approval"}
    assert not delivered(running, "approved")
    for detail in asked.values():
        # Nobody on a list is named to the approver.
        assert "40 listed" in detail["subject"]
        assert "C0000" not in detail["body"]
        assert "Name " not in detail["body"]

    # A list whose time is over is not asked about, and its run does not wait for it.
    [over] = wait_for(
        "the list whose time is over",
        lambda: [
            index
            for index, instance in instances(running, "approve").items()
            if instance["state"] == "skipped"
        ],
    )
    assert settled(running, over) == "success"
    assert states(running)["hurried"] == "refused"

    say(running, asked["approved"]["index"], "Approve")
    say(running, asked["refused"]["index"], "Reject")
    assert settled(running, asked["approved"]["index"]) == "success"
    assert settled(running, asked["refused"]["index"]) == "success"
    now = states(running)
    assert (now["approved"], now["refused"], now["silent"]) == ("released", "refused", "awaiting_approval")
    files = delivered(running, "approved")
    assert {"manifest.json", "sms.csv", "email.csv"} == set(files)
    assert json.loads(files["manifest.json"])["approval"]["approved_by"] == "admin"
    assert not delivered(running, "refused")

    _killed_release_is_run_again(running, asked["killed"]["index"])

    # Clearing the task of a released list delivers nothing anew: what was fetched stays fetched.
    shutil.rmtree(Path(str(running.settings.campaigns.delivery)) / f"approved.{running.day:%Y%m%d}.1")
    with airflow_api.Api(running.settings) as api:
        api.call(
            "POST",
            "/dags/campaigns/clearTaskInstances",
            json={
                "dag_run_id": running.path.rpartition("/")[2], "dry_run": False, "only_failed": False,
                "task_ids": [["one_list.settle", asked["approved"]["index"]]],
            },
        )  # fmt: skip
    wait_for(
        "the second try",
        lambda: instances(running, "settle")[asked["approved"]["index"]]["try_number"] == 2 or None,
    )
    assert settled(running, asked["approved"]["index"]) == "success"
    assert not delivered(running, "approved")

    # No answer in time is a no, said by the next night; an answer after it releases nothing.
    later = Run.of(running.day + dt.timedelta(days=4), running.settings.utility.time_zone)
    assert refuse_unanswered(ops_engine(running.settings), later) == [f"silent.{running.day:%Y%m%d}.1"]
    say(running, asked["silent"]["index"], "Approve")
    # Who approves too late is told so, and meets no failed task.
    assert settled(running, asked["silent"]["index"]) == "success"
    with airflow_api.Api(running.settings) as api:
        said = api.call(
            "GET",
            f"{running.path}/taskInstances/one_list.settle/xcomEntries/return_value",
            params={"map_index": asked["silent"]["index"]},
        ).json()["value"]
    assert "too late: " in said
    assert states(running)["silent"] == "refused"
    assert not delivered(running, "silent")
    _nights_of_a_pause_are_asked_about_later(running)
    _runs_that_wait_hold_up_no_other(running)


def _nights_of_a_pause_are_asked_about_later(running: Running) -> None:
    """The next night's run reads the days of all nights that ended while the DAG was paused."""
    days = [running.day + dt.timedelta(days=count) for count in (10, 11)]
    with airflow_api.Api(running.settings) as api:
        api.call("PATCH", "/dags/campaigns", json={"is_paused": True})
        tell_updated(running.settings, assets.LISTS, {assets.EXTRA_DAY: days[0].isoformat()})
        api.call("PATCH", "/dags/campaigns", json={"is_paused": False})
    run_id = started(running.settings, days[1])
    path = f"/dags/campaigns/dagRuns/{run_id}"
    with airflow_api.Api(running.settings) as api:
        wait_for("its end", lambda: api.call("GET", path).json()["state"] in ("success", "failed"))
        # Of no day is there a list: nothing is asked, and the log says so of each.
        assert api.call("GET", path).json()["state"] == "success"
        log = api.call(
            "GET",
            f"{path}/taskInstances/ask/logs/1",
            params={"full_content": "true"},
            headers={"Accept": "application/json"},
        ).text
    assert [f"No list of {day} awaits approval" in log for day in days] == [True, True]


def _runs_that_wait_hold_up_no_other(running: Running) -> None:
    with airflow_api.Api(running.settings) as api:
        body = {"logical_date": None, "conf": {"as_of": running.day.isoformat()}}
        runs = [
            api.call("POST", "/dags/campaigns/dagRuns", json=body).json()["dag_run_id"] for _ in range(18)
        ]
        wait_for(
            "eighteen runs side by side",
            lambda: all(
                api.call("GET", f"/dags/campaigns/dagRuns/{run}").json()["state"] != "queued" for run in runs
            ),
        )


def _killed_release_is_run_again(running: Running, index: int) -> None:
    url = warehouse_url(running.settings).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute(
            "CREATE FUNCTION ops.hold() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN PERFORM pg_advisory_xact_lock({HOLD}); RETURN NEW; END $$"
        )
        holder.execute(
            "CREATE TRIGGER hold BEFORE UPDATE ON ops.campaign_run FOR EACH ROW WHEN (NEW.state = 'released') "
            "EXECUTE FUNCTION ops.hold()"
        )
        holder.execute("SELECT pg_advisory_lock(%s)", [HOLD])
        say(running, index, "Approve")
        wait_for(
            "the delivery",
            lambda: holder.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted", [HOLD]
            ).fetchone(),
        )
        first = delivered(running, "killed")
        assert "manifest.json" in first
        assert states(running)["killed"] == "releasing"
        # Whoever fetches lists takes them away at once; they must not come a second time.
        shutil.rmtree(Path(str(running.settings.campaigns.delivery)) / f"killed.{running.day:%Y%m%d}.1")
        _kill_task(running, url)
        wait_for(
            "the failed try",
            lambda: instances(running, "settle")[index]["state"] in ("up_for_retry", "failed") or None,
        )
        assert states(running)["killed"] == "releasing"
        holder.execute("SELECT pg_advisory_unlock(%s)", [HOLD])
        holder.execute("DROP TRIGGER hold ON ops.campaign_run")
    assert settled(running, index) == "success"
    assert states(running)["killed"] == "released"
    assert instances(running, "settle")[index]["try_number"] == 2
    assert not delivered(running, "killed")


def _kill_task(running: Running, url: str) -> None:
    """Kill the process whose connection waits for the held lock."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT a.client_port FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid "
            "WHERE l.locktype = 'advisory' AND l.objid = %s AND NOT l.granted",
            [HOLD],
        ).fetchone()
        assert row is not None
    scheduler = psutil.Process(processes.read_services(running.settings.home).components["scheduler"].pid)
    for process in scheduler.children(recursive=True):
        if any(each.laddr and each.laddr.port == row[0] for each in process.net_connections(kind="tcp")):
            process.kill()
            return
    raise AssertionError("no task holds the connection")
