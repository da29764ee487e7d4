"""A sample utility with a past: whom its list contacted, who took up what it offered, and who left."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import load_settings
from wattmark_sample import FolderSink, SamplePlan, generate
from wattmark_sample.generate import SampleSummary
from wattmark_sample.history import PAST_CAMPAIGN, SHIPPED
from wattmark_sample.past_grades import KeepingSink, put_past_grades
from wattmark_sample.plan import yesterday
from wattmark_sample.relations import CALL_BACK

PLAN = SamplePlan(accounts=600, months=25, interval_days=0, seed=3, as_of=dt.date(2026, 11, 28), history=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[SampleSummary, duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("past")
    summary = generate(PLAN, FolderSink(folder))
    duck = duckdb.connect(config={"threads": 1})
    for name in ("account", "customer", "product_holding", "campaign_event"):
        duck.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder / name}.parquet')")
    return summary, duck


def test_the_past_list_has_both_groups_and_what_came_of_them(
    made: tuple[SampleSummary, duckdb.DuckDBPyConnection],
) -> None:
    summary, duck = made
    past = summary.past
    assert past is not None
    assert past.as_of.weekday() == 0
    assert past.as_of < past.send_on <= past.as_of + dt.timedelta(days=4)
    # Its success counts within 45 days, so its time is over.
    assert (PLAN.as_of - past.send_on).days > 45 + 14
    by_cell = {cell: [member["customer_id"] for member in past.members if member["cell"] == cell] for cell in ("control", "plain", "first_bill_bonus")}  # fmt: skip
    assert all(len(members) >= 5 for members in by_cell.values()), {k: len(v) for k, v in by_cell.items()}
    assert len({member["customer_id"] for member in past.members}) == len(past.members)
    events = duck.execute(
        "SELECT customer_id, CAST(occurred_at AT TIME ZONE 'UTC' AS DATE) FROM campaign_event WHERE campaign_id = ?",
        [PAST_CAMPAIGN],
    ).fetchall()
    assert events
    assert {row[0] for row in events} <= {*by_cell["plain"], *by_cell["first_bill_bonus"]}
    assert {row[1] for row in events} <= {past.send_on, past.send_on + dt.timedelta(days=1)}
    took = {
        row[0]
        for row in duck.execute(
            "SELECT a.customer_id FROM product_holding AS h JOIN account AS a USING (account_id) "
            "WHERE h.product_code = 'e_bill' AND h.since_on > ? AND h.since_on <= ?",
            [past.send_on, past.send_on + dt.timedelta(days=45)],
        ).fetchall()
    }
    assert took & {member["customer_id"] for member in past.members}
    named = {row[0] for row in duck.execute("SELECT DISTINCT campaign_id FROM campaign_event").fetchall()}
    assert named == {PAST_CAMPAIGN, CALL_BACK, *SHIPPED.values()}
    for table, key in (
        ("campaign_event", "event_id"),
        ("product_holding", "(account_id, product_code, since_on)"),
    ):
        counted = duck.execute(f"SELECT COUNT(*), COUNT(DISTINCT {key}) FROM {table}").fetchone()
        assert counted is not None
        assert counted[0] == counted[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_who_is_likely_to_leave_and_who_moved_has_something_to_show(tmp_path: Path) -> None:
    """As `make run` makes it: who left had complained before, so that the model finds others; and the month before was graded."""
    sink = KeepingSink(FolderSink(tmp_path / "sample"))
    generate(dataclasses.replace(PLAN, accounts=1200), sink)
    fewest = {"min_events": {"value": 15, "since": dt.date(2026, 1, 1), "reason": "a small utility"}}
    settings = load_settings(tmp_path / "home", parameters={"segment.model_parameter": fewest})
    graded = put_past_grades(settings, PLAN.as_of, dict(sink.tables))
    assert graded > 500
    run, catalog = Run.of(PLAN.as_of, settings.utility.time_zone), load_catalog(settings.include)
    with DuckDBSession(settings, run) as stored:
        past = stored.query("SELECT * FROM segment_state.grade").read_all()
    assert set(past.column("month").to_pylist()) == {dt.date(2026, 10, 1)}
    with DuckDBSession(settings, run, catalog, stored=False) as session:
        for path in (tmp_path / "sample").glob("*.parquet"):
            session.give(f"accepted.{path.stem}", pq.read_table(path))
        session.give("segment_state.grade", past)
        session.see(["segment.leave_score", "segment.model", "mart.customer_movement"])
        leaving = session.query(
            "SELECT m.role, m.reason, m.value FROM segment.model AS m WHERE m.model = 'leaving' AND m.in_use AND m.name = 'auc'"
        ).read_all().to_pylist()[0]  # fmt: skip
        likely = session.query(
            "SELECT s.reasons, a.usage_category FROM segment.leave_score AS s JOIN source.account AS a ON a.account_id = s.account_id "
            "WHERE s.probability >= 0.5"
        ).read_all().to_pylist()  # fmt: skip
        moved = session.query("SELECT * FROM mart.customer_movement").read_all().to_pylist()
    assert (leaving["role"], leaving["value"] > 0.8) == ("challenger", True), leaving
    # Winning back speaks to those that are no homes.
    assert len([row for row in likely if row["usage_category"] != "residential"]) >= 5
    assert all("complained within a year" in row["reasons"] for row in likely)
    assert {row["kind"] for row in moved} >= {"up", "down"}
    assert all(row["reason"] for row in moved)
    assert 5 <= len(moved) <= graded / 3


def test_somebody_is_to_be_told_of_an_outage_and_to_be_called_back(
    made: tuple[SampleSummary, duckdb.DuckDBPyConnection], tmp_path: Path
) -> None:
    plan = SamplePlan(accounts=300, interval_days=0, seed=3, as_of=dt.date(2026, 11, 28))
    generate(plan, FolderSink(tmp_path))
    duck = duckdb.connect(config={"threads": 1})
    work = duck.execute(
        f"SELECT status, CAST(starts_at AS DATE) - DATE '2026-11-28' FROM read_parquet('{tmp_path}/planned_outage.parquet')"
    ).fetchall()
    assert any(status == "planned" and 2 <= days <= 7 for status, days in work)
    assert any(status == "cancelled" and days >= 2 for status, days in work)
    settled = duck.execute(
        f"SELECT COUNT(*) FROM read_parquet('{tmp_path}/service_call.parquet') WHERE kind = 'complaint' "
        "AND resolved_at >= TIMESTAMPTZ '2026-11-25 00:00:00+08'"
    ).fetchone()
    assert settled is not None and settled[0] >= 1


def test_more_have_left(made: tuple[SampleSummary, duckdb.DuckDBPyConnection], tmp_path: Path) -> None:
    _, duck = made
    closed = duck.execute("SELECT COUNT(*), MAX(closed_on) FROM account WHERE status = 'closed'").fetchone()
    assert closed is not None
    generate(dataclasses.replace(PLAN, history=False), FolderSink(tmp_path))
    before = duck.execute(
        f"SELECT COUNT(*) FROM read_parquet('{tmp_path}/account.parquet') WHERE status = 'closed'"
    ).fetchone()
    assert before is not None
    assert closed[0] >= before[0] + 15
    assert closed[1] < PLAN.as_of


def test_yesterday_is_whole_where_the_utility_lives() -> None:
    here = dt.datetime.now(dt.timezone(dt.timedelta(hours=8))).date()
    assert yesterday() in (here - dt.timedelta(days=1), here - dt.timedelta(days=2))
