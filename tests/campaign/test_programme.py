"""The arms of the programme are those of the lists."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.campaign.world import open_world
from wattmark.campaign.audience import columns_of
from wattmark.campaign.people import look_at_people
from wattmark.contract.types import schema_of
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import SqlFile
from wattmark.run import Run
from wattmark.settings import load_settings


def test_the_programme_holds_out_whom_the_lists_hold_out(tmp_path: Path) -> None:
    """A household goes one way; a fifth of all are held out."""
    settings = load_settings(tmp_path, campaigns={"global_control_share": 0.2})
    with open_world(settings, 600) as session:
        arms = session.query("SELECT * FROM mart.programme_arm").read_all().to_pylist()
        look_at_people(session, None)
        standing = session.duck.sql(
            "SELECT customer_id, household_id, is_held_out FROM campaign.standing"
        ).fetchall()
    assert {(row["customer_id"], row["unit_id"], row["is_held_out"]) for row in arms} == set(standing)
    assert len(arms) == 600
    assert 0.12 < sum(row["is_held_out"] for row in arms) / 600 < 0.28
    assert len({row["unit_id"] for row in arms}) == len(
        {(row["unit_id"], row["is_held_out"]) for row in arms}
    )


def test_where_campaigns_do_nothing_intervals_hold_nothing(tmp_path: Path) -> None:
    """Few are held out and what they do is rare or of very unequal size: an arm without a complaint is no proof."""
    random, quarters, customers, held_out = np.random.default_rng(9), 200, 1_000, 40
    count = quarters * customers
    settings = load_settings(tmp_path)
    days = [dt.date(1950 + number // 4, 1 + number % 4 * 3, 1) for number in range(quarters)]
    names = [f"C{number}" for number in range(customers)]
    owes = random.random(count) < 0.05
    facts = {
        "customer_id": names * quarters,
        "quarter": [day for day in days for _ in range(customers)],
        "energy_kwh": np.round(random.lognormal(6, 2, count), 3),
        "billed_amount": np.round(random.lognormal(5, 1.5, count)),
        "complaints": random.poisson(0.004, count),
        "arrears_amount": np.round(np.where(owes, random.lognormal(5, 1, count), 0)),
        "leaving": (random.random(count) < 0.02).astype(int),
    }
    arms = {
        "customer_id": names,
        "unit_id": names,
        "is_held_out": [number < held_out for number in range(customers)],
    }
    with DuckDBSession(settings, Run.of(dt.date(2026, 11, 2), "Asia/Shanghai"), stored=False) as session:
        quarter = session.catalog.tables["facts.customer_quarter"]
        assert isinstance(quarter, SqlFile)
        columns = schema_of(columns_of(quarter))
        session.give(quarter.name, pa.table({name: facts[name] for name in columns.names}).cast(columns))
        session.give("mart.programme_arm", pa.table(arms))
        found = session.query("SELECT * FROM mart.programme_result").read_all().to_pylist()
    assert len(found) == 5 * quarters
    for measure in {row["measure"] for row in found}:
        told = [row for row in found if row["measure"] == measure]
        apart = sum(row["low"] > 0 or row["high"] < 0 for row in told)
        # Five in a hundred, and what chance adds in two hundred.
        assert apart <= 0.05 * quarters + 3 * np.sqrt(0.05 * 0.95 * quarters), (measure, apart)
