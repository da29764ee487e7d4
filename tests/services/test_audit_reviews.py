"""The DAG `audit_reviews` in the real scheduler: a night that closes starts it, and it keeps the reviews that are due."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cases.review_world import ReviewWorld
from tests.waiting import wait_for
from wattmark import assets
from wattmark.home import warehouse_url
from wattmark.local import airflow_api, services
from wattmark.local.trigger import tell_updated, wait_until_parsed
from wattmark.publish.ops import libpq_url, upgrade
from wattmark.settings import PROJECT_ROOT

from .homes import open_folder, settings_for

pytestmark = pytest.mark.slow

SUNDAY = dt.date(2026, 10, 18)


@pytest.fixture
def world() -> Iterator[ReviewWorld]:
    with open_folder() as folder, pytest.MonkeyPatch.context() as patch:
        project = folder / "project"
        (project / "dags").mkdir(parents=True)
        (project / "plugins").mkdir()
        shutil.copy(PROJECT_ROOT / "dags" / "audit_reviews.py", project / "dags")
        shutil.copytree(PROJECT_ROOT / "include", project / "include")
        patch.setenv("WATTMARK_PROJECT", str(project))
        settings = settings_for(folder / "home")
        try:
            services.up(settings, airflow=False)
            url = warehouse_url(settings)
            upgrade(url)
            with psycopg.connect(libpq_url(url), autocommit=True) as connection:
                made = ReviewWorld(connection, url, settings.home)
                made.settings = settings
                made.utility()
                made.login("ling", "S1", "P")
                yield made
        finally:
            services.discard(settings)


@pytest.mark.timeout(1200)
def test_a_night_that_closes_has_its_reviews_made_and_linked(world: ReviewWorld) -> None:
    world.case("M1", due_on=SUNDAY, severity="high")
    world.night(SUNDAY)
    assert services.up(world.settings).healthy
    with airflow_api.Api(world.settings) as api:
        wait_until_parsed(world.settings, api, "audit_reviews")
        assert api.call("GET", "/dags/audit_reviews").json()["is_paused"] is False
        tell_updated(world.settings, assets.CLOSED, {assets.EXTRA_DAY: SUNDAY.isoformat()})
        path = "/dags/audit_reviews/dagRuns"
        [run] = wait_for("the run", lambda: api.call("GET", path).json()["dag_runs"])
        at = f"{path}/{run['dag_run_id']}"
        wait_for("its end", lambda: api.call("GET", at).json()["state"] in ("success", "failed"))
        assert api.call("GET", at).json()["state"] == "success"
        told = api.call("GET", f"{at}/taskInstances/make/xcomEntries/return_value").json()["value"]
    spans = ("day", "week", "month", "quarter", "year")
    assert [(span, unit) for span, _, unit in sorted(world.reviews())] == [
        (span, "P") for span in sorted(spans)
    ]
    linked = f"/wattmark/reviews/day/{SUNDAY}/P/"
    assert "'reviews': 5" in str(told) and linked in str(told)
    kept = {path.name for path in (world.home / "reviews" / "day" / str(SUNDAY) / "P").iterdir()}
    assert kept == {"index.html", "review.json", "review.pdf"}
    assert Path(world.home / "reviews").stat().st_mode & 0o077 == 0
