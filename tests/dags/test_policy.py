"""What every DAG of the project must have, and that parsing it does no work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, RetryAction

from wattmark import assets, flow, night
from wattmark.engine.catalog import load_catalog
from wattmark.errors import PublishError, PublishUnavailableError, SourceUnavailableError
from wattmark.settings import PROJECT_ROOT, Schedule, schedule_variable

_PROBE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
heavy = [name for name in ("duckdb", "deltalake", "great_expectations", "sklearn", "pandas", "pyspark") if name in sys.modules]
print("@@" + json.dumps({
    "errors": bag.import_errors,
    "heavy": heavy,
    "dags": {
        dag.dag_id: {
            "tags": sorted(dag.tags), "doc": dag.doc_md or "", "description": dag.description or "",
            "outlets": {task.task_id: sorted(asset.uri for asset in task.outlets) for task in dag.tasks if task.outlets},
            "assets": [asset.uri for asset in getattr(getattr(dag.timetable, "asset_condition", None), "objects", ())],
            "paused": dag.is_paused_upon_creation, "side_by_side": dag.max_active_runs,
            "told": [type(told).__name__ for told in ([dag.on_failure_callback] if dag.on_failure_callback and not isinstance(dag.on_failure_callback, list) else dag.on_failure_callback or [])],
            "deadline": [type(told.reference).__name__ for told in ([dag.deadline] if dag.deadline and not isinstance(dag.deadline, list) else dag.deadline or [])],
            "tasks": {
                task.task_id: {"owner": task.owner, "retries": task.retries, "policy": bool(task.retry_policy), "doc": task.doc_md or "", "says": bool(task.on_failure_callback), "mapped": task.is_mapped or task.get_closest_mapped_task_group() is not None, "named": bool(task.map_index_template), "after": sorted(task.upstream_task_ids)}
                for task in dag.tasks
            },
        } for dag in bag.dags.values()
    },
}))
"""


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        **os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "WATTMARK_HOME": str(home / "wattmark"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(PROJECT_ROOT / "dags")],
        env=environment,
        capture_output=True,
        text=True,
        cwd=home,
        check=False,
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("@@")), None)
    assert line is not None, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(line[2:])
    return found


def test_every_file_gives_its_dag(bag: dict[str, Any]) -> None:
    assert bag["errors"] == {}
    assert sorted(bag["dags"]) == sorted(path.stem for path in Path(PROJECT_ROOT / "dags").glob("*.py"))


def test_parsing_loads_no_engine_and_no_data(bag: dict[str, Any]) -> None:
    assert bag["heavy"] == []


def test_every_dag_says_what_it_is(bag: dict[str, Any]) -> None:
    for name, dag in bag["dags"].items():
        assert "wattmark" in dag["tags"], name
        assert dag["description"], name
        for word in ("Grain", "Hazards", "Reruns"):
            assert word in dag["doc"], f"{name}: its documentation does not speak of {word}"


def test_every_task_has_owner_retries_and_documentation(bag: dict[str, Any]) -> None:
    for name, dag in bag["dags"].items():
        for task_id, task in dag["tasks"].items():
            assert task["owner"] == "wattmark", f"{name}.{task_id}"
            assert task["policy"], f"{name}.{task_id} has no retry policy"
            assert task["doc"], f"{name}.{task_id} is not documented"


def test_every_failure_says_why_and_is_told(bag: dict[str, Any]) -> None:
    for name, dag in bag["dags"].items():
        for task_id, task in dag["tasks"].items():
            assert task["says"], f"{name}.{task_id}: its log does not end with the message"
        # Orders by day fail every few minutes while the source is down; the night tells of that.
        assert dag["told"] == ([] if name == "counter" else ["Tell"]), name
    assert bag["dags"]["nightly"]["deadline"] == ["RunQueued"]


def test_open_questions_hold_up_nothing(bag: dict[str, Any]) -> None:
    assert bag["dags"]["campaigns"]["paused"] is False
    for name in ("campaigns", "reviews"):
        assert bag["dags"][name]["side_by_side"] > 100, name


def test_lists_are_made_by_the_night_alone_and_asked_about_once_they_are(bag: dict[str, Any]) -> None:
    outlets = {name: dag["outlets"] for name, dag in bag["dags"].items() if dag["outlets"]}
    assert outlets == {"nightly": {step: [asset] for step, asset in assets.BY_STEP.items()}}
    assert bag["dags"]["campaigns"]["assets"] == [assets.LISTS]
    assert bag["dags"]["audit_reviews"]["assets"] == [assets.CLOSED]
    assert set(bag["dags"]["campaigns"]["tasks"]) == {
        "ask",
        "one_list.approve",
        "one_list.approved",
        "one_list.settle",
    }
    # What comes after publishing can take nothing of it back.
    tasks, after = bag["dags"]["nightly"]["tasks"], {"publish"}
    while later := {name for name, task in tasks.items() if after & set(task["after"])} - after:
        after |= later
    assert after - {"publish", "close"} == flow.AFTER_PUBLISHING


@dataclass
class Event:
    extra: dict[str, Any]


@pytest.mark.parametrize(
    ("given", "told", "days"),
    [
        (None, [], []),
        (
            None,
            [{"as_of": "2026-11-05"}, {"as_of": "2026-11-04"}, {"as_of": "2026-11-05"}],
            ["2026-11-04", "2026-11-05"],
        ),
        # By hand, on the asset's page.
        (None, [{"from_rest_api": True}], []),
        ("2026-11-03", [{"as_of": "2026-11-05"}], ["2026-11-03"]),
    ],
)
def test_days_come_from_the_parameter_else_from_the_events(
    given: str | None, told: list[dict[str, Any]], days: list[str]
) -> None:
    context = {
        "params": {"as_of": given},
        "triggering_asset_events": {flow.LISTS: [Event(extra) for extra in told]} if told else {},
    }
    assert flow.days_told(context) == days


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (flow.ended_by(PublishUnavailableError("publish.unavailable", "x")), RetryAction.RETRY),
        (flow.ended_by(PublishError("publish.value", "x")), RetryAction.FAIL),
        (flow.ended_by(SourceUnavailableError("source.unreachable", "x")), RetryAction.RETRY),
        (OSError("x"), RetryAction.DEFAULT),
    ],
)
def test_only_what_may_pass_is_tried_again(error: BaseException, action: RetryAction) -> None:
    assert flow.RETRY_POLICY.evaluate(error, 1, 3).action == action


def test_the_night_reads_as_one_chain(bag: dict[str, Any]) -> None:
    """What follows from what, and nothing besides: each task works its run out by itself."""
    after = {name: task["after"] for name, task in bag["dags"]["nightly"]["tasks"].items()}
    assert after == {
        "begin": [],
        "check": ["begin"],
        "extract": ["check"],
        "validate.judge": ["extract"],
        "validate.accept": ["extract"],
        "core": ["validate.accept"],
        "facts.bills": ["core"],
        "facts.intervals": ["facts.bills"],
        "segment.models": ["facts.intervals"],
        "segment.segments": ["segment.models"],
        "campaign": ["segment.segments"],
        "audit.rules": ["facts.intervals"],
        "audit.root_causes": ["audit.rules"],
        "audit.scored_rules": ["audit.rules", "segment.segments"],
        "kpi": ["audit.scored_rules"],
        "marts.mart": ["audit.scored_rules", "campaign"],
        "marts.mart_root_causes": ["audit.root_causes", "marts.mart"],
        "marts.mart_pii": ["marts.mart"],
        "publish": ["marts.mart_pii", "marts.mart_root_causes", "validate.judge"],
        "cases": ["publish"],
        "closing": ["cases", "kpi"],
        "lists": ["cases"],
        "alerts": ["cases"],
        "tell": ["publish"],
        # It gives the home back also where the night failed, so it waits for the first and the last.
        "close": ["alerts", "begin", "closing", "lists", "publish", "tell", "validate.accept"],
    }


def test_mapped_tasks_carry_names(bag: dict[str, Any]) -> None:
    unnamed = [
        f"{name}.{task_id}"
        for name in bag["dags"]
        for task_id, task in bag["dags"][name]["tasks"].items()
        if task["mapped"] and not task["named"]
    ]
    assert unnamed == []


@pytest.mark.parametrize("name", [name for name in Schedule.model_fields if name != "late_hours"])
def test_every_cron_is_a_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(schedule_variable(name), raising=False)
    default = flow.schedule(name)
    assert isinstance(default, CronTriggerTimetable)
    assert default.expression == Schedule.model_fields[name].default
    monkeypatch.setenv(schedule_variable(name), "7 7 * * *")
    assert flow.schedule(name).expression == "7 7 * * *"
    with_asset = flow.schedule(name, flow.MART)
    assert isinstance(with_asset, AssetOrTimeSchedule)
    monkeypatch.setenv(schedule_variable(name), "")
    assert flow.schedule(name) is None


def test_no_dag_file_holds_a_cron_of_its_own() -> None:
    for path in (PROJECT_ROOT / "dags").glob("*.py"):
        assert "Cron" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("layer", night.PARTS)
def test_the_parts_of_a_layer_are_the_layer_and_follow_each_other(layer: str) -> None:
    catalog = load_catalog(PROJECT_ROOT / "include")
    first, second = (night.tables_of(catalog, layer, part) for part in night.PARTS[layer])
    assert first
    assert second
    assert sorted([*first, *second]) == sorted(night.tables_of(catalog, layer))
    assert {needed for name in first for needed in catalog.rests_on(name)} & set(second) == set()
