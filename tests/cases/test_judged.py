"""What a night says of cases of rules that judge states, and of its own month."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.cases.world import TARIFF, World, case_of, night_of
from wattmark.cases.judged import FOUND, NOT_FOUND, NOT_JUDGED
from wattmark.settings import Settings, load_settings

NIGHT = night_of("2026-11-04")


@pytest.fixture
def world(case_home: Path) -> World:
    return World(load_settings(case_home)).put(
        tariff=[{**TARIFF, "tariff_code": "R1"}],
        org_unit=[{"org_unit_id": "U1"}, {"org_unit_id": "U2", "parent_id": "U1"}],
    )


def with_settings(world: World, **changed: Any) -> Settings:
    return load_settings(world.settings.home, **changed)


def wrong_tariff(*accounts: str) -> list[Any]:
    return [case_of("ARC-02", "account", account) for account in accounts]


# --- found, judged, not judged -----------------------------------------------------------------------


def test_a_subject_is_found_or_judged_or_not_there_any_more(world: World) -> None:
    world.accounts(A1={"usage_category": "commercial"}, A2={}, A4={"tariff_code": "X9"})
    world.hold(NIGHT, "ARC-02")
    found, mended, deleted, unchecked = world.judge(NIGHT, *wrong_tariff("A1", "A2", "A3", "A4"))
    assert found.verdict == FOUND and found.finding is not None
    assert found.finding["evidence"]["tariff_usage_category"] == "residential"
    assert found.finding["kind"] == "exception" and found.finding["message_en"]
    assert (mended.verdict, deleted.verdict, unchecked.verdict) == (NOT_FOUND, NOT_JUDGED, NOT_JUDGED)
    assert not any(judgement.subject_gone for judgement in (found, mended, deleted, unchecked))


def test_where_nobody_could_be_checked_nothing_is_proven(world: World) -> None:
    order = {"order_id": "O1", "account_id": "A1", "kind": "new", "submitted_at": "2026-10-01 08:00:00"}
    world.accounts(A1={"service_address": "North Road 4"}).put(service_order=[order])
    world.hold(NIGHT, "ACC-04")
    case = case_of("ACC-04", "order", "O1", account_id="A1")
    assert world.judge(NIGHT, case)[0].verdict == NOT_JUDGED
    world.put(address_reference=[{"region_code": "110000", "province": "North Road"}])
    world.hold(NIGHT, "ACC-04")
    assert world.judge(NIGHT, case)[0].verdict == NOT_FOUND


def test_where_a_rule_is_not_used_nothing_is_proven(world: World) -> None:
    world.accounts(A1={}, A2={"org_unit_id": "U2"}).hold(NIGHT, "ARC-02")
    told = {}
    for changed in (
        {"rules": {"ARC-02": {"enabled": False}}}, {"families": ["TAR"]},
        {"rules": {"ARC-02": {"units": ["U2"]}}}, {"rules": {"ARC-02": {"units": ["U1"]}}},
    ):  # fmt: skip
        found = world.judge(NIGHT, *wrong_tariff("A1", "A2"), settings=with_settings(world, audit=changed))
        told[str(changed)] = [judgement.verdict for judgement in found]
    # A pilot judges what lies in its units and below.
    off, left_out, below, above = told.values()
    assert off == left_out == [NOT_JUDGED, NOT_JUDGED]
    assert (below, above) == ([NOT_JUDGED, NOT_FOUND], [NOT_FOUND, NOT_FOUND])


def test_a_rule_that_did_not_run_or_is_none_proves_nothing(world: World) -> None:
    world.accounts(A1={})
    world.hold(NIGHT, "ARC-02")
    cases = [
        case_of("ARC-03", "account", "A1"),
        case_of("MANUAL", "account", "A1/1"),
        case_of("ARC-99", "account", "A1"),
    ]
    assert [judgement.verdict for judgement in world.judge(NIGHT, *cases)] == [NOT_JUDGED] * 3


def test_what_is_past_is_never_proven_by_a_night(world: World) -> None:
    change = {"account_id": "A1", "kind": "suspend", "capacity_kva": 100, "start_on": "2026-10-01"}
    world.accounts(A1={"contracted_kva": 200}).put(
        capacity_change=[
            {**change, "change_id": "X1", "end_on": "2026-10-05"},
            {**change, "change_id": "X2", "end_on": "2026-10-28"},
        ]
    )
    world.hold(NIGHT, "BUS-03")
    cases = [case_of("BUS-03", "capacity_change", name, account_id="A1") for name in ("X1", "X2")]
    assert [judgement.verdict for judgement in world.judge(NIGHT, *cases)] == [FOUND, NOT_JUDGED]


def test_a_listing_is_found_as_what_it_is(world: World) -> None:
    change = {
        "change_id": "X1",
        "account_id": "A1",
        "kind": "suspend",
        "capacity_kva": 100,
        "start_on": "2026-10-01",
    }
    world.accounts(A1={"contracted_kva": 200, "demand_basis": "contract_demand"}).put(
        capacity_change=[change]
    )
    world.hold(NIGHT, "BUS-04")
    judgement = world.judge(NIGHT, case_of("BUS-04", "capacity_change", "X1"))[0]
    assert (
        judgement.verdict == FOUND
        and judgement.finding is not None
        and judgement.finding["kind"] == "listing"
    )


# --- windows -----------------------------------------------------------------------------------------


def test_an_account_closed_too_long_ago_is_not_judged_for_its_final_bill(world: World) -> None:
    closed = {"A1": "2024-11-04", "A2": "2024-11-03"}
    world.accounts(**{name: {"status": "closed", "closed_on": day} for name, day in closed.items()})
    world.hold(NIGHT, "TAR-26")
    cases = [case_of("TAR-26", "account", name, evidence={"closed_on": day}) for name, day in closed.items()]
    told = [(judgement.verdict, judgement.subject_gone) for judgement in world.judge(NIGHT, *cases)]
    assert told == [(NOT_FOUND, False), (NOT_JUDGED, False)]


def test_an_order_closed_a_year_ago_is_not_judged_for_its_contract(world: World) -> None:
    closed = {"O1": "2025-11-05", "O2": "2025-11-04"}
    order = {"account_id": "A1", "kind": "increase", "submitted_at": "2025-10-01 08:00:00"}
    world.accounts(A1={}).put(
        service_order=[
            {**order, "order_id": name, "closed_at": f"{day} 08:00:00"} for name, day in closed.items()
        ],
        contract=[{"contract_id": "K1", "account_id": "A1", "signed_on": "2026-11-01"}],
    )
    world.hold(NIGHT, "RSK-01")
    cases = [case_of("RSK-01", "order", name, evidence={"closed_on": day}) for name, day in closed.items()]
    told = [(judgement.verdict, judgement.subject_gone) for judgement in world.judge(NIGHT, *cases)]
    assert told == [(NOT_FOUND, False), (NOT_JUDGED, False)]


# --- gone --------------------------------------------------------------------------------------------


def test_a_closed_account_is_gone_but_for_rules_that_speak_of_closed_ones(world: World) -> None:
    world.accounts(A1={"status": "closed", "closed_on": "2026-10-20", "usage_category": "commercial"})
    world.put(
        metering_point=[{"metering_point_id": "P1", "account_id": "A1", "role": "main", "multiplier": 1}],
        bill=[bill("A1", "2026-09", 50)],
        payment=[
            {
                "payment_id": "Y1",
                "account_id": "A1",
                "bill_id": "A1-2026-09",
                "received_at": "2026-10-20 08:00:00",
                "amount": 50,
            }
        ],
    )
    world.hold(NIGHT, "ARC-02", "BUS-07", "MET-01")
    cases = [
        case_of("ARC-02", "account", "A1"), case_of("BUS-07", "account", "A1"),
        case_of("MET-01", "metering_point", "P1"), case_of("MET-15", "metering_point", "P1", "2026-10"),
    ]  # fmt: skip
    told = [(judgement.verdict, judgement.subject_gone) for judgement in world.judge(NIGHT, *cases)]
    assert told == [(NOT_FOUND, True), (NOT_FOUND, False), (NOT_FOUND, True), (NOT_JUDGED, False)]


def test_a_meter_is_gone_once_it_is_removed_or_scrapped(world: World) -> None:
    gone = {"stock": False, "faulty": False, "removed": True, "scrapped": True}
    world.put(meter=[{"meter_id": status, "model_retired": True, "status": status} for status in gone])
    world.hold(NIGHT, "MET-07")
    found = world.judge(NIGHT, *(case_of("MET-07", "meter", status) for status in gone))
    assert {judgement.verdict for judgement in found} == {NOT_FOUND}
    assert [judgement.subject_gone for judgement in found] == list(gone.values())


def test_a_transformer_is_gone_from_the_day_it_is_retired(world: World) -> None:
    transformer = {"line_id": "L1", "org_unit_id": "U1", "ownership": "public"}
    retired = {"T1": "2026-11-04", "T2": "2026-11-05"}
    world.put(
        transformer=[
            {**transformer, "transformer_id": name, "retired_on": day} for name, day in retired.items()
        ]
    )
    world.hold(NIGHT, "INS-03")
    found = world.judge(NIGHT, *(case_of("INS-03", "transformer", name) for name in retired))
    assert [(judgement.verdict, judgement.subject_gone) for judgement in found] == [
        (NOT_FOUND, True),
        (FOUND, False),
    ]


def test_an_application_is_judged_once_it_is_closed(world: World) -> None:
    order = {"account_id": "A1", "kind": "new", "submitted_at": "2026-10-01 08:00:00"}
    closed = {"closed_at": "2026-11-01 08:00:00"}
    world.accounts(A1={"payment_method": "bank_debit"}).put(service_order=[
        {**order, "order_id": "O1"}, {**order, **closed, "order_id": "O2", "outcome": "completed"},
        {**order, "order_id": "O3", "outcome": "withdrawn"}, {**order, **closed, "order_id": "O4", "outcome": "withdrawn"},
    ])  # fmt: skip
    world.hold(NIGHT, "ACC-05")
    cases = [case_of("ACC-05", "order", f"O{number}", account_id="A1") for number in range(1, 6)]
    told = [(judgement.verdict, judgement.subject_gone) for judgement in world.judge(NIGHT, *cases)]
    assert told == [
        (FOUND, False),
        (NOT_FOUND, False),
        (NOT_FOUND, True),
        (NOT_FOUND, True),
        (NOT_JUDGED, False),
    ]


def test_a_point_is_judged_for_an_application_that_is_in_the_source(world: World) -> None:
    point = {"role": "main", "multiplier": 1}
    world.accounts(A1={}, A2={}).put(
        service_order=[
            {
                "order_id": "O1",
                "account_id": "A1",
                "kind": "new",
                "submitted_at": "2026-10-01 08:00:00",
                "closed_at": "2026-11-01 08:00:00",
            }
        ],
        metering_point=[
            {**point, "metering_point_id": f"P{number}", "account_id": f"A{number}"} for number in (1, 2)
        ],
    )
    world.hold(NIGHT, "ACC-15")
    cases = [case_of("ACC-15", "metering_point", f"P{number}", account_id=f"A{number}") for number in (1, 2)]
    assert [judgement.verdict for judgement in world.judge(NIGHT, *cases)] == [NOT_FOUND, NOT_JUDGED]


# --- the night's own month ---------------------------------------------------------------------------


def bill(account: str, month: str, kwh: float, **more: Any) -> dict[str, Any]:
    first = dt.date.fromisoformat(f"{month}-01")
    last = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    return {
        "bill_id": f"{account}-{month}", "account_id": account, "period": first, "period_start": first, "period_end": last,
        "tariff_code": "R1", "metered_kwh": kwh, "loss_kwh": 0, "billed_kwh": kwh, "total_amount": 50, "due_on": last,
        "issued_at": f"{last} 12:00:00", **more,
    }  # fmt: skip


def test_a_case_of_the_nights_own_month_goes_by_the_nights_findings(world: World) -> None:
    # Of the third a bill is due every month, of the fourth every other one, and the last was for September.
    world.accounts(A1={}, A2={}, A3={"billing_months": 1}, A4={"billing_months": 2}).put(
        bill=[
            bill("A1", "2026-10", 5000),
            bill("A2", "2026-10", 50),
            bill("A3", "2026-09", 5000),
            bill("A4", "2026-09", 5000),
        ]
    )
    world.hold(NIGHT, "TAR-14")
    cases = [
        *(case_of("TAR-14", "account", name, "2026-10") for name in ("A1", "A2", "A3", "A4")),
        case_of("TAR-14", "account", "A2", "2026-11"), case_of("TAR-14", "account", "A5", "2026-10"),
    ]  # fmt: skip
    verdicts = [judgement.verdict for judgement in world.judge(NIGHT, *cases)]
    assert verdicts == [FOUND, NOT_FOUND, NOT_FOUND, NOT_JUDGED, NOT_JUDGED, NOT_JUDGED]
    dismissed = case_of("TAR-14", "account", "A2", "2026-10", state="dismissed")
    assert world.judge(NIGHT, dismissed)[0].verdict == NOT_FOUND
