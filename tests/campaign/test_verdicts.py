"""Verdicts over many cells, lists and nights: rarely wrong where nothing works, found where something does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from wattmark.engine.catalog import Catalog, load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, load_settings

FIRST = dt.date(2026, 7, 1)
NAMES = ("campaign.contact", "campaign.arm_check", "campaign.run", "campaign.lift")


def lift_of(home: Path, contact: pa.Table, runs: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Rows of ``campaign.lift`` from contacts, and lists where their arms are looked at."""
    known = load_catalog(PROJECT_ROOT / "include")
    catalog = Catalog(contract=known.contract, tables={name: known.tables[name] for name in NAMES})
    settings = load_settings(home)
    with DuckDBSession(settings, Run.of(FIRST, settings.utility.time_zone), catalog, stored=False) as session:
        # First contacts alone: each success counts for its own.
        first = contact.append_column("step", pa.repeat(pa.scalar(""), len(contact)))
        session.give("campaign.contact", first.append_column("won", first.column("converted")))
        session.give(
            "campaign.run",
            pa.Table.from_pylist(
                runs or [],
                schema=pa.schema(
                    [("campaign_run_id", pa.string()), ("campaign_id", pa.string()), ("as_of", pa.date32())]
                    + [(name, pa.int64()) for name in ("listed", "control")]
                    + [("control_share", pa.float64())]
                ),
            ),
        )
        return session.query("SELECT * FROM campaign.lift").read_all().to_pylist()


def contacts(groups: list[tuple[dict[str, Any], int, int]]) -> pa.Table:
    """Of each group so many, of whom so many succeeded."""
    usual: dict[str, Any] = {
        "campaign_id": "x", "campaign_run_id": "R", "as_of": FIRST, "outcome": "listed", "cell": "a", "channel": "sms", "segment": "s",
        "delivered": True, "responded": False, "complained": False, "is_final": True, "has_control": True,
        "value_amount": 0.0, "cost_amount": 0.0, "offer_amount": 0.0,
    }  # fmt: skip
    return pa.Table.from_pylist(
        [usual | group | {"converted": at < good} for group, count, good in groups for at in range(count)]
    )


CONTROL = {"outcome": "control", "cell": "control"}


def test_lists_with_other_shares_are_compared_each_with_its_own_control(tmp_path: Path) -> None:
    """Half of either arm succeed on one list, a tenth on the other; only the shares of the arms differ."""
    second = {"as_of": FIRST + dt.timedelta(days=30), "campaign_run_id": "S"}
    rows = lift_of(
        tmp_path,
        contacts([({}, 500, 250), (CONTROL, 500, 250), (second, 900, 90), (second | CONTROL, 100, 10)]),
    )
    whole = next(row for row in rows if row["cell"] == row["segment"] == "all")
    assert (whole["listed"], whole["control"], whole["converted"], whole["control_converted"]) == (
        1400,
        600,
        340,
        260,
    )
    assert whole["lift"] == pytest.approx(0, abs=1e-12)
    assert (whole["verdict"], whole["p_value"]) == ("unclear", 1)
    # Weights are 250 and 90; the width is that of the two lists' own, put together.
    variance = (250 / 340) ** 2 * 0.25 * (1 / 500 + 1 / 500) + (90 / 340) ** 2 * 0.09 * (1 / 900 + 1 / 100)
    assert whole["lift_high"] - whole["lift_low"] == pytest.approx(2 * 1.96 * variance**0.5, rel=0.05)


def test_a_list_without_a_control_group_counts_and_compares_nothing(tmp_path: Path) -> None:
    second = {"as_of": FIRST + dt.timedelta(days=30), "campaign_run_id": "S"}
    rows = lift_of(tmp_path, contacts([({}, 100, 20), (CONTROL, 100, 10), (second, 900, 900)]))
    whole = next(row for row in rows if row["cell"] == row["segment"] == "all")
    assert (whole["listed"], whole["converted"], round(whole["lift"], 9)) == (1000, 920, 0.1)


def test_one_cell_of_twenty_that_shines_by_chance_gets_no_verdict_alone(tmp_path: Path) -> None:
    """One of twenty cells lies 2.6 standard errors above the others: by itself it would be taken for an effect."""
    cells = [({"cell": f"c{number}"}, 200, 40) for number in range(19)]
    rows = lift_of(tmp_path, contacts([*cells, ({"cell": "lucky"}, 200, 56), (CONTROL, 400, 80)]))
    lucky = next(row for row in rows if row["cell"] == "lucky")
    assert lucky["lift_low"] > 0
    assert {row["verdict"] for row in rows} == {"unclear"}
    # What is beyond chance is found, in the cell and in nothing else of its kind.
    rows = lift_of(tmp_path, contacts([*cells, ({"cell": "good"}, 200, 120), (CONTROL, 400, 80)]))
    assert [row["cell"] for row in rows if row["verdict"] == "helps"] == ["good"]


def test_what_only_a_contact_can_bring_has_no_lift(tmp_path: Path) -> None:
    rows = lift_of(
        tmp_path, contacts([({"has_control": False}, 100, 50), (CONTROL | {"has_control": False}, 100, 0)])
    )
    assert {(row["lift"], row["p_value"], row["verdict"]) for row in rows} == {(None, None, "no_control")}


def test_arms_of_other_sizes_than_drawn_are_said_and_judge_nothing(tmp_path: Path) -> None:
    """A tenth was to be held back; 400 of 1,300 were, or 900 and 100 were drawn and only 500 of the contacts are left."""
    asked = {"campaign_run_id": "R", "campaign_id": "x", "as_of": FIRST, "control_share": 0.1}
    right = contacts([({}, 900, 500), (CONTROL, 100, 10)])
    wrong = contacts([({}, 900, 500), (CONTROL, 400, 40)])
    assert {
        row["verdict"] for row in lift_of(tmp_path, right, [asked | {"listed": 900, "control": 100}])
    } == {"helps"}
    found = lift_of(tmp_path, wrong, [asked | {"listed": 900, "control": 400}])
    assert {row["verdict"] for row in found} == {"arms_differ"}
    assert all(row["lift"] is not None and row["p_value"] is None for row in found)
    few = contacts([({}, 500, 250), (CONTROL, 100, 10)])
    assert {row["verdict"] for row in lift_of(tmp_path, few, [asked | {"listed": 900, "control": 100}])} == {
        "arms_differ"
    }


def simulated(campaigns: int, effect: float, seed: int) -> dict[str, Any]:
    """Members of four lists a campaign with arms, cells, channels, segments, and the day of success (999: never)."""
    random = np.random.default_rng(seed)
    size = np.repeat(random.integers(60, 500, campaigns * 4), 1)
    name = np.repeat(np.arange(campaigns * 4), size)
    campaign, number = name // 4, name % 4
    share = random.uniform(0.1, 0.5, campaigns * 4)[name]
    rate = random.uniform(0.02, 0.4, campaigns * 4)[name]
    control = random.random(len(name)) < share
    success = random.random(len(name)) < np.where(control, rate, np.minimum(rate + effect, 1))
    sent = number * 14
    day = np.where(success, sent + random.integers(0, 30, len(name)), 999)
    return {
        "campaign": campaign, "number": number, "control": control, "sent": sent, "day": day,
        "cell": random.integers(0, 3, len(name)), "channel": random.integers(0, 2, len(name)), "segment": random.integers(0, 4, len(name)),
    }  # fmt: skip


def as_seen(world: dict[str, Any], night: int) -> pa.Table:
    """The contacts as a night knows them: lists sent before it, successes up to it."""
    known = world["sent"] < night
    of = {name: values[known] for name, values in world.items()}
    count = int(known.sum())
    control = of["control"]
    text = {
        name: np.char.add(name[:2], of[name].astype(str))
        for name in ("campaign", "number", "cell", "channel", "segment")
    }
    return pa.table(
        {
            "campaign_id": text["campaign"], "campaign_run_id": np.char.add(text["campaign"], text["number"]),
            "as_of": pa.array([FIRST] * count, pa.date32()), "outcome": np.where(control, "control", "listed"),
            "cell": np.where(control, "control", text["cell"]), "channel": text["channel"], "segment": text["segment"],
            "converted": of["day"] <= night,
            **{name: np.zeros(count, np.bool_) for name in ("delivered", "responded", "complained", "is_final")},
            "has_control": np.ones(count, np.bool_),
            **{name: np.zeros(count) for name in ("value_amount", "cost_amount", "offer_amount")},
        }
    )  # fmt: skip


def judged(home: Path, campaigns: int, effect: float, seed: int) -> tuple[set[str], set[str], set[str]]:
    """Campaigns whose whole, or any row, had a verdict on any of the nights; and those that single looks would have given one."""
    world = simulated(campaigns, effect, seed)
    whole: set[str] = set()
    some: set[str] = set()
    naive: set[str] = set()
    for night in range(3, 90, 6):
        for row in lift_of(home, as_seen(world, night)):
            if row["verdict"] in ("helps", "harms"):
                some.add(row["campaign_id"])
                if row["cell"] == row["segment"] == "all":
                    whole.add(row["campaign_id"])
            if row["lift"] is not None and (row["lift_low"] > 0 or row["lift_high"] < 0):
                naive.add(row["campaign_id"])
    return whole, some, naive


@pytest.mark.slow
def test_of_a_thousand_campaigns_that_do_nothing_at_most_fifty_get_a_verdict(tmp_path: Path) -> None:
    whole, some, naive = judged(tmp_path, 1000, 0.0, 5)
    print(f"false verdicts in 1,000: {len(some)}, of the whole {len(whole)}; by single looks {len(naive)}")
    assert len(some) <= 50
    # The simulation would find a fault: looking at each row each night by itself errs in most campaigns.
    assert len(naive) > 400


@pytest.mark.slow
def test_an_effect_that_matters_is_found(tmp_path: Path) -> None:
    whole, some, _ = judged(tmp_path, 200, 0.15, 6)
    print(f"found in 200: {len(some)}, as a whole {len(whole)}")
    assert len(whole) >= 160
