"""Past months judged again: on the rows known today, with the account as it stood in the night that judged the month last."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.cases.test_judged import bill
from tests.cases.world import RATE, TARIFF, World, case_of, night_of
from wattmark.cases.again import LOST
from wattmark.cases.judged import FOUND, NOT_FOUND, NOT_JUDGED
from wattmark.cases.model import Case
from wattmark.home import Home
from wattmark.settings import load_settings

THEN, NIGHT = night_of("2026-10-04"), night_of("2026-11-04")
"""The night that judged September, and a month later tonight's."""


@pytest.fixture
def world(case_home: Path) -> World:
    return World(load_settings(case_home)).put(
        tariff=[{**TARIFF, "tariff_code": code} for code in ("R1", "R2")], org_unit=[{"org_unit_id": "U1"}]
    )


def line(bill_id: str, amount: float, no: int = 1) -> dict[str, Any]:
    return {
        "bill_id": bill_id,
        "line_no": no,
        "component": "energy",
        "quantity": 100,
        "unit_price": 0.5,
        "amount": amount,
    }


def adds_up(account: str, month: str = "2026-09", **more: Any) -> Case:
    """A case of a bill that does not add up."""
    return case_of("TAR-16", "bill", f"{account}-{month}", month, account_id=account, **more)


def above(account: str, month: str = "2026-09", **more: Any) -> Case:
    """A case of a household that uses much; a later month proves it right."""
    return case_of("TAR-14", "account", account, month, **more)


# --- proof by the same month --------------------------------------------------------------------------


def test_a_month_that_was_mended_since_is_judged_and_not_found(world: World) -> None:
    world.accounts(A1={}, A2={}, A3={}).put(
        bill=[
            bill("A1", "2026-09", 100),
            bill("A1", "2026-09", 0, bill_id="K1", total_amount=-10, corrects_bill_id="A1-2026-09", issued_at="2026-11-03 09:00:00"),
            bill("A2", "2026-09", 100, total_amount=70), bill("A3", "2026-09", 100),
        ],
        # The second bill is still wrong, by another amount than when it was found; the third's line came late.
        bill_line=[line("A1-2026-09", 40), line("A2-2026-09", 40), line("A3-2026-09", 50)],
    )  # fmt: skip
    world.hold(NIGHT, "TAR-16")
    states = ("open", "verified")
    for state in states:
        mended, wrong, late, deleted = world.judge(
            NIGHT, *(adds_up(name, state=state) for name in ("A1", "A2", "A3", "A4"))
        )
        assert (mended.verdict, late.verdict, deleted.verdict) == (NOT_FOUND, NOT_FOUND, NOT_JUDGED)
        assert wrong.verdict == FOUND and wrong.finding is not None
        assert wrong.finding["period"] == dt.date(2026, 9, 1) and wrong.finding["message_en"]
        assert (
            float(wrong.finding["at_stake_amount"]) == -30 and wrong.finding["evidence"]["total_amount"] == 70
        )
    for state in ("closed", "dismissed"):
        assert {
            judgement.verdict
            for judgement in world.judge(NIGHT, adds_up("A1", state=state), adds_up("A2", state=state))
        } == {NOT_JUDGED}


def test_a_month_lies_so_many_months_back_at_most(world: World) -> None:
    months = ("2024-10", "2024-09")
    world.accounts(A1={}).put(
        bill=[bill("A1", month, 100) for month in months],
        bill_line=[line(f"A1-{month}", 50) for month in months],
    )
    world.hold(NIGHT, "TAR-16")
    cases = [adds_up("A1", month) for month in months]
    assert [judgement.verdict for judgement in world.judge(NIGHT, *cases)] == [NOT_FOUND, NOT_JUDGED]
    wider = load_settings(world.settings.home, cases={"again_months": 25})
    assert [judgement.verdict for judgement in world.judge(NIGHT, *cases, settings=wider)] == [
        NOT_FOUND,
        NOT_FOUND,
    ]


def test_a_past_month_is_judged_by_the_limits_of_its_day(world: World) -> None:
    steps = [{"value": 1000}, {"from": dt.date(2026, 10, 1), "value": 100}]
    override = {"value": steps, "since": dt.date(2026, 10, 1), "reason": "a stricter limit"}
    stricter = load_settings(world.settings.home, parameters={"TAR-14": {"max_kwh": override}})
    world.accounts(A1={}).put(bill=[bill("A1", "2026-09", 500), bill("A1", "2026-10", 500)])
    world.hold(NIGHT, "TAR-14", settings=stricter)
    september, october = above("A1"), above("A1", "2026-10")
    assert [judgement.verdict for judgement in world.judge(NIGHT, september, october, settings=stricter)] == [
        NOT_FOUND,
        FOUND,
    ]


def test_a_rule_that_is_switched_off_judges_no_past_month(world: World) -> None:
    off = load_settings(world.settings.home, audit={"rules": {"TAR-16": {"enabled": False}}})
    world.accounts(A1={}).put(bill=[bill("A1", "2026-09", 100)], bill_line=[line("A1-2026-09", 50)])
    world.hold(NIGHT, "TAR-16", settings=off)
    assert world.judge(NIGHT, adds_up("A1"), settings=off)[0].verdict == NOT_JUDGED


# --- proof by a later month ---------------------------------------------------------------------------


def test_a_later_month_or_the_own_one_proves_it_right(world: World) -> None:
    used = {"A1": (5000, 50), "A2": (5000, 5000), "A3": (50, 5000), "A4": (5000, None)}
    months = ("2026-09", "2026-10")
    world.accounts(**{name: {} for name in used}, A5={"billing_months": 2}).put(bill=[
        *(bill(name, month, kwh) for name, given in used.items() for month, kwh in zip(months, given, strict=True) if kwh),
        # Of this one no bill was due in October.
        bill("A5", "2026-07", 50), bill("A5", "2026-09", 9000),
    ])  # fmt: skip
    world.hold(NIGHT, "TAR-14")
    found = world.judge(NIGHT, *(above(name) for name in (*used, "A5")))
    assert [judgement.verdict for judgement in found] == [
        NOT_FOUND,
        NOT_JUDGED,
        NOT_FOUND,
        NOT_FOUND,
        NOT_JUDGED,
    ]
    assert all(judgement.finding is None for judgement in found)


# --- as they stood ------------------------------------------------------------------------------------


def by_demand(account: str = "A1", **more: Any) -> Case:
    """A case of an account that is billed by demand and not on it."""
    return case_of("INS-02", "account", account, "2026-09", judged_run_id=THEN.run_id, **more)


def billed_by_demand(world: World) -> World:
    """September was billed by demand while the account was not on it, and then it was put on it."""
    demand = {**line("A1-2026-09", 50), "component": "demand"}
    world.accounts(A1={"demand_basis": "none"}).put(bill=[bill("A1", "2026-09", 100)], bill_line=[demand])
    world.hold(THEN, "INS-02")
    world.held = set(world.lake.path("accepted.account").rglob("*.parquet"))
    return world.accounts(A1={"demand_basis": "actual_demand"})


def test_the_account_is_taken_as_it_stood_and_as_it_stands_where_the_lake_holds_it_no_longer(
    world: World,
) -> None:
    billed_by_demand(world).hold(NIGHT, "INS-02")
    stood = world.judge(NIGHT, by_demand())[0]
    assert stood.verdict == FOUND and stood.finding is not None and stood.note is None
    assert stood.finding["evidence"]["demand_basis"] == "none"
    note = Home(world.settings.home).versions / f"{THEN.run_id}.json"
    text = note.read_text()
    note.unlink()
    unknown = world.judge(NIGHT, by_demand())[0]
    assert (unknown.verdict, unknown.note) == (NOT_FOUND, LOST)
    note.write_text(text)
    for file in world.held:
        file.unlink()
    tidied = world.judge(NIGHT, by_demand())[0]
    assert (tidied.verdict, tidied.note) == (NOT_FOUND, LOST)


def test_a_later_night_that_judged_the_month_holds(world: World) -> None:
    billed_by_demand(world).hold(night_of("2026-10-30"), "INS-02")
    world.hold(NIGHT, "INS-02")
    judgement = world.judge(NIGHT, by_demand())[0]
    assert (judgement.verdict, judgement.note) == (NOT_FOUND, None)


def test_an_account_that_came_later_is_taken_as_it_stands(world: World) -> None:
    billed_by_demand(world).accounts(A1={"demand_basis": "actual_demand"}, A2={"demand_basis": "capacity"})
    lines = [{**line(f"{name}-2026-09", 50), "component": "demand"} for name in ("A1", "A2")]
    world.put(bill=[bill(name, "2026-09", 100) for name in ("A1", "A2")], bill_line=lines)
    world.hold(NIGHT, "INS-02")
    assert [judgement.verdict for judgement in world.judge(NIGHT, by_demand(), by_demand("A2"))] == [
        FOUND,
        FOUND,
    ]


def test_a_bill_is_judged_by_the_tariff_that_its_account_had(world: World) -> None:
    rates = [{**RATE, "tariff_code": code, "unit_price": 0.5} for code in ("R1", "R2")]
    world.accounts(A1={"tariff_code": "R1"}).put(
        tariff_rate=rates, bill=[bill("A1", "2026-09", 100, tariff_code="R2")]
    )
    world.hold(THEN, "TAR-21")
    world.accounts(A1={"tariff_code": "R2"}).hold(NIGHT, "TAR-21")
    case = case_of("TAR-21", "bill", "A1-2026-09", "2026-09", account_id="A1", judged_run_id=THEN.run_id)
    judgement = world.judge(NIGHT, case)[0]
    assert judgement.verdict == FOUND and judgement.finding is not None
    assert judgement.finding["evidence"]["account_tariff_code"] == "R1"
