"""A sample utility with a past: whom its list contacted, who took up what it offered, and who left."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import duckdb
import pytest

from wattmark_sample import FolderSink, SamplePlan, generate
from wattmark_sample.generate import SampleSummary
from wattmark_sample.history import PAST_CAMPAIGN, SHIPPED
from wattmark_sample.plan import yesterday

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
    by_cell = {cell: [one["customer_id"] for one in past.members if one["cell"] == cell] for cell in ("control", "plain", "first_bill_bonus")}  # fmt: skip
    assert all(len(members) >= 10 for members in by_cell.values()), {k: len(v) for k, v in by_cell.items()}
    assert len({one["customer_id"] for one in past.members}) == len(past.members)
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
    assert took & {one["customer_id"] for one in past.members}
    named = {row[0] for row in duck.execute("SELECT DISTINCT campaign_id FROM campaign_event").fetchall()}
    assert named == {PAST_CAMPAIGN, *SHIPPED.values()}
    for table, key in (
        ("campaign_event", "event_id"),
        ("product_holding", "(account_id, product_code, since_on)"),
    ):
        counted = duck.execute(f"SELECT COUNT(*), COUNT(DISTINCT {key}) FROM {table}").fetchone()
        assert counted is not None
        assert counted[0] == counted[1]


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
