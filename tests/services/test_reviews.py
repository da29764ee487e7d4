"""Key-account reviews: asked once a year, decided by people only, through the real scheduler into ``ops``."""

from __future__ import annotations

import datetime as dt
import decimal
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import text

from tests.waiting import wait_for
from wattmark.home import warehouse_url
from wattmark.lake import Lake
from wattmark.local import airflow_api, services
from wattmark.local.trigger import wait_until_parsed
from wattmark.publish.ops import ops_engine, upgrade
from wattmark.run import Run
from wattmark.segment import reviews
from wattmark.settings import PROJECT_ROOT, Settings

from .homes import open_folder, settings_for

pytestmark = pytest.mark.slow

DAY = dt.date(2026, 11, 4)
ZONE = "Asia/Shanghai"


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    """A project with the real DAG and SQL."""
    with open_folder() as folder, pytest.MonkeyPatch.context() as patch:
        for name in ("dags", "plugins"):
            (folder / "project" / name).mkdir(parents=True)
        shutil.copy(PROJECT_ROOT / "dags" / "reviews.py", folder / "project" / "dags")
        shutil.copytree(PROJECT_ROOT / "include", folder / "project" / "include")
        patch.setenv("WATTMARK_PROJECT", str(folder / "project"))
        yield folder


@pytest.fixture(scope="module")
def home(project: Path) -> Iterator[Settings]:
    """A home with PostgreSQL up and a published night of reviews: C1 and C2 are due, LATER is not."""
    settings = settings_for(project / "home")
    rows = [
        {
            "customer_id": who, "due_on": DAY, "is_due": who != "LATER", "proposal": "retain", "grade": "A", "from_grade": None,
            "key_account_reason": "grade", "kwh_12m": 1234.0, "kwh_change": None, "on_time": 0.5, "mean_days_late": 2.0,
            "current_value_amount": decimal.Decimal("10.00"), "potential_value_amount": decimal.Decimal("5.00"),
            "reason_code": "key", "reason": "key account", "reason_zh": "大客户",
        }
        for who in ("C1", "C2", "LATER")
    ]  # fmt: skip
    schema = pa.Table.from_pylist([{**rows[0], "from_grade": "A", "kwh_change": 0.1}]).schema
    Lake(settings.lake).replace("mart.key_account_review", pa.Table.from_pylist(rows, schema=schema))
    try:
        services.up(settings, airflow=False)
        upgrade(warehouse_url(settings))
        yield settings
    finally:
        services.discard(settings)


@pytest.fixture
def night(home: Settings) -> Iterator[tuple[Settings, Run]]:
    """The home and its night, with nothing decided."""
    with ops_engine(home).begin() as connection:
        connection.execute(text("DELETE FROM ops.key_account_review"))
    yield home, Run.of(DAY, ZONE)


def _decision(item: dict[str, Any], **other: str) -> dict[str, str]:
    kept = {key: item[key] for key in ("customer_id", "due_on", "proposal", "outcome")}
    return {**kept, "reason": item["text"], "decided_by": "manager", **other}


def _kept(settings: Settings) -> list[tuple[str, str, str]]:
    with ops_engine(settings).connect() as connection:
        rows = connection.execute(
            text("SELECT customer_id, outcome, decided_by FROM ops.key_account_review ORDER BY 1")
        )
        return [tuple(row) for row in rows]


def test_what_was_decided_is_not_asked_again_for_a_year(night: tuple[Settings, Run]) -> None:
    settings, run = night
    due = reviews.due(settings, run)
    assert [review["customer_id"] for review in due] == ["C1", "C2"]
    assert "1,234 kWh in 12 months, change unknown" in due[0]["text"]
    assert "1,234 千瓦时，变化 未知" in due[0]["text"]
    assert reviews.decide(settings, run, [_decision(due[0])]) == 1
    assert reviews.decide(settings, run, [_decision(due[0], outcome="retired")]) == 1
    assert _kept(settings) == [("C1", "retired", "manager")]
    assert reviews.due(settings, run) == due, "a rerun of the day asks what it asked"
    for days, asked in ((1, ["C2"]), (300, ["C2"]), (301, ["C1", "C2"])):
        later = Run.of(DAY + dt.timedelta(days=days), ZONE)
        assert [review["customer_id"] for review in reviews.due(settings, later)] == asked, days


def test_decisions_of_one_day_add_up(night: tuple[Settings, Run]) -> None:
    settings, run = night
    first, second = reviews.due(settings, run)
    assert reviews.decide(settings, run, []) == 0
    reviews.decide(settings, run, [_decision(first)])
    reviews.decide(settings, run, [_decision(second)])
    assert reviews.due(settings, Run.of(DAY + dt.timedelta(days=1), ZONE)) == []


@pytest.mark.parametrize(
    ("change", "code"), [({"outcome": "liked"}, "review.outcome"), ({"decided_by": " "}, "review.nobody")]
)
def test_only_a_person_decides_and_only_what_there_is(
    night: tuple[Settings, Run], change: dict[str, str], code: str
) -> None:
    settings, run = night
    item = reviews.due(settings, run)[0]
    with pytest.raises(reviews.ReviewError) as error:
        reviews.decide(settings, run, [_decision(item, **change)])
    assert error.value.code == code
    with pytest.raises(reviews.ReviewError):
        reviews.decide(settings, run, [_decision(item), _decision(item)])
    assert _kept(settings) == []


@pytest.mark.timeout(1500)
def test_an_answer_over_rest_lands_in_ops(night: tuple[Settings, Run]) -> None:
    """One of two questions is answered: that decision is kept with who gave it, and nothing for the other."""
    settings, _ = night
    assert services.up(settings).healthy
    with airflow_api.Api(settings) as api:
        wait_until_parsed(settings, api, "reviews")
        api.call("PATCH", "/dags/reviews", json={"is_paused": False})
        body = {"logical_date": None, "conf": {"as_of": DAY.isoformat()}}
        run_id = api.call("POST", "/dags/reviews/dagRuns", json=body).json()["dag_run_id"]
        path = f"/dags/reviews/dagRuns/{run_id}"

        def instances(task: str) -> dict[int, str]:
            found = api.call("GET", f"{path}/taskInstances", params={"limit": 100}).json()["task_instances"]
            return {
                instance["map_index"]: instance["state"]
                for instance in found
                if instance["task_id"] == f"review.{task}"
            }

        asked = wait_for(
            "both questions",
            lambda: (
                [at for at, state in instances("decide").items() if state == "awaiting_input"]
                if list(instances("decide").values()).count("awaiting_input") == 2
                else None
            ),
        )
        assert _kept(settings) == []
        details = {
            at: api.call("GET", f"{path}/taskInstances/review.decide/{at}/hitlDetails").json() for at in asked
        }
        bodies = {at: detail["body"] for at, detail in details.items()}
        assert sorted(text.split(":")[0] for text in bodies.values()) == ["Customer C1", "Customer C2"]
        assert all(detail["options"] == ["retained", "promoted", "retired"] for detail in details.values())
        at = next(at for at, text in bodies.items() if text.startswith("Customer C2"))
        answer = {"chosen_options": ["retired"], "params_input": {}}
        api.call("PATCH", f"{path}/taskInstances/review.decide/{at}/hitlDetails", json=answer)
        wait_for("the record", lambda: instances("record").get(at) == "success")
        assert [at for at, state in instances("decide").items() if state == "awaiting_input"] == [
            index for index in asked if index != at
        ]
    assert _kept(settings) == [("C2", "retired", "admin")]
    with ops_engine(settings).connect() as connection:
        reason = connection.execute(text("SELECT reason FROM ops.key_account_review")).scalar_one()
    assert reason == bodies[at]
