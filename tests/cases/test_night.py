"""The night's step on real PostgreSQL: each clause of what it does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.cases.nights import Nights, finding

pytestmark = pytest.mark.usefixtures("no_marts")

DAY = "2026-10-15"
BILL = "TAR-20:bill:BILL1:2026-09"
METER = "MET-02:meter:M1"


@pytest.fixture
def nights(nights_home: Path, ops: Engine, warehouse_url: str) -> Nights:
    return Nights(nights_home, warehouse_url)


def test_a_finding_opens_a_case_of_its_month_and_gives_it_out(nights: Nights) -> None:
    counts = nights.take(DAY, [finding("TAR-20", "bill", "BILL1", severity="high", at_stake_amount=120)])
    assert (counts["opened"], counts["assigned"]) == (1, 1)
    case = nights.case(BILL)
    assert case["state"] == "assigned"
    assert (case["first_seen_on"], case["opened_on"]) == (dt.date(2026, 10, 15), dt.date(2026, 10, 15))
    # Five working days: the weekend of the 17th and 18th does not count.
    assert case["due_on"] == dt.date(2026, 10, 22)
    # The bill names B1, whose own work it is.
    assert case["own_staff_ids"] == ["B1"]
    assert (case["assigned_org_unit_id"], case["assigned_to"]) == ("EAST", "B2")
    opened, assigned = nights.events(BILL)
    assert opened["detail"]["due_on"] == "2026-10-22"
    assert opened["at"] == dt.datetime(2026, 10, 15, 16, tzinfo=dt.UTC)
    assert assigned["detail"] == {"org_unit_id": "EAST", "staff_id": "B2"}
    assert {event["on_day"] for event in (opened, assigned)} == {dt.date(2026, 10, 15)}


def test_a_night_is_taken_in_once(nights: Nights) -> None:
    found = [finding("TAR-20", "bill", "BILL1")]
    first = nights.take(DAY, found)
    assert nights.take(DAY, found) == first
    assert nights.take(DAY, []) == first
    assert nights.steps(BILL) == ["open", "assign"]


def test_a_killed_night_leaves_nothing(nights: Nights) -> None:
    nights.take(DAY, [finding("MET-02", "meter", "M1")])
    with pytest.raises(KeyboardInterrupt):
        nights.take("2026-10-16", [finding("TAR-20", "bill", "BILL1")], fail=True)
    with nights.connected() as connection:
        rows = connection.execute("SELECT case_id FROM ops.audit_case").fetchall()
    assert [row["case_id"] for row in rows] == [METER]
    nights.take("2026-10-16", [finding("TAR-20", "bill", "BILL1")])
    assert nights.steps(BILL) == ["open", "assign"]


def test_an_older_night_changes_nothing_and_a_month_asked_for_opens_and_touches(nights: Nights) -> None:
    nights.take(DAY, [finding("MET-02", "meter", "M1")])
    nights.take("2026-10-14", [finding("TAR-20", "bill", "BILL1")], not_found=[METER])
    assert nights.case(METER)["state"] == "assigned"
    nights.step(
        METER,
        "verify",
        "verified",
        f"{DAY} 20:00",
        "night",
        outcome="vanished",
        verified_on=dt.date(2026, 10, 15),
    )
    # Of another month: it opens, and what is verified stays so although it is found.
    counts = nights.take(
        "2026-10-16",
        [finding("MET-02", "meter", "M1"), finding("TAR-20", "bill", "BILL1")],
        period="2026-08-01",
    )
    assert (counts["opened"], counts["reopened"], counts["verified"]) == (1, 0, 0)
    assert nights.case(METER)["state"] == "verified"
    assert nights.case("TAR-20:bill:BILL1:2026-08")["state"] == "assigned"


def test_what_changed_is_touched_and_nothing_else_is_said(nights: Nights) -> None:
    nights.take(DAY, [finding("TAR-20", "bill", "BILL1", at_stake_amount=10, evidence={"difference": 10})])
    before = nights.case(BILL)
    nights.take(
        "2026-10-16", [finding("TAR-20", "bill", "BILL1", at_stake_amount=10, evidence={"difference": 10})]
    )
    case = nights.case(BILL)
    assert (case["version"], case["last_seen_on"]) == (before["version"], dt.date(2026, 10, 16))
    nights.take(
        "2026-10-17", [finding("TAR-20", "bill", "BILL1", at_stake_amount=12, evidence={"difference": 12})]
    )
    assert nights.steps(BILL) == ["open", "assign", "touch"]
    assert nights.case(BILL)["evidence"] == {"difference": 12}


def test_limits_and_what_the_calendar_moves_make_no_other_case(nights: Nights) -> None:
    def late(minutes: float, limit: float, site: str = "urban") -> dict[str, object]:
        return {"site": site, "minutes": minutes, "max_minutes": limit, "arrived_at": None}

    call = "SVC-04:service_call:K1:2026-09"
    nights.take(DAY, [finding("SVC-04", "service_call", "K1", evidence=late(100, 45))])
    first = nights.case(call)["evidence_hash"]
    nights.take("2026-10-16", [finding("SVC-04", "service_call", "K1", evidence=late(1540, 60))])
    assert nights.case(call)["evidence_hash"] == first
    assert nights.case(call)["evidence"]["minutes"] == 1540
    # The site is what the limit was looked up by: a value compared.
    nights.take("2026-10-17", [finding("SVC-04", "service_call", "K1", evidence=late(1540, 60, "rural"))])
    assert nights.case(call)["evidence_hash"] != first


ENDINGS = [
    ("assigned", False, None, "vanished"),
    ("assigned", True, None, "subject_gone"),
    ("assigned", False, "older", "rule_changed"),
    ("assigned", True, "older", "subject_gone"),
    ("confirmed", False, None, "mended"),
    ("confirmed", False, "older", "rule_changed"),
    ("rectified", True, "older", "mended"),
]


def test_how_cases_that_are_proved_end(nights: Nights) -> None:
    nights.take(
        DAY, [finding("TAR-20", "bill", f"X{n}", account_id=f"A{n + 1}") for n in range(len(ENDINGS))]
    )
    ids = [f"TAR-20:bill:X{n}:2026-09" for n in range(len(ENDINGS))]
    for case_id, (state, _, rule_hash, _) in zip(ids, ENDINGS, strict=True):
        if state != "assigned":
            nights.step(case_id, "propose_confirm", "confirmed", f"{DAY} 20:00", "b2")
        if state == "rectified":
            nights.step(
                case_id, "done", "rectified", f"{DAY} 21:00", "b2", rectified_on=dt.date(2026, 10, 15)
            )
        if rule_hash is not None:
            nights.step(case_id, "note", state, f"{DAY} 22:00", found_rule_hash=rule_hash)
    gone = [case_id for case_id, ending in zip(ids, ENDINGS, strict=True) if ending[1]]
    nights.take("2026-10-16", [], not_found=ids, gone=gone)
    assert [(nights.case(case_id)["state"], nights.case(case_id)["outcome"]) for case_id in ids] == [
        ("verified", ending[3]) for ending in ENDINGS
    ]
    nights.take("2026-11-14", [])
    assert nights.case(ids[0])["state"] == "verified"
    nights.take("2026-11-15", [])
    assert {nights.case(case_id)["state"] for case_id in ids} == {"closed"}


def test_what_is_found_again_after_mending_is_reopened_and_keeps_its_due_day(nights: Nights) -> None:
    nights.take(DAY, [finding("MET-02", "meter", "M1", severity="low")])
    due_on = nights.case(METER)["due_on"]
    nights.step(METER, "propose_confirm", "confirmed", "2026-10-16 09:00", "m1")
    nights.step(METER, "done", "rectified", "2026-10-16 10:00", "m1", rectified_on=dt.date(2026, 10, 16))
    nights.take("2026-10-16", [finding("MET-02", "meter", "M1", severity="low")])
    assert nights.case(METER)["state"] == "rectified"
    nights.take("2026-10-17", [finding("MET-02", "meter", "M1", severity="low")])
    case = nights.case(METER)
    assert (case["state"], case["due_on"], case["reopened_by"]) == ("assigned", due_on, "night")
    nights.take("2026-10-18", [], not_found=[METER])
    nights.take("2026-11-16", [finding("MET-02", "meter", "M1", severity="low")])
    assert nights.case(METER)["due_on"] > due_on
    assert nights.steps(METER)[-2:] == ["reopen", "assign"]


def test_what_was_accepted_is_reopened_only_when_it_is_found_otherwise(nights: Nights) -> None:
    same = [finding("MET-02", "meter", "M1", evidence={"missing": "digits"})]
    nights.take(DAY, same)
    nights.step(METER, "propose_confirm", "confirmed", "2026-10-16 09:00", "m1")
    nights.step(METER, "done", "rectified", "2026-10-16 10:00", "m1", rectified_on=dt.date(2026, 10, 16))
    accepted = nights.case(METER)["evidence_hash"]
    nights.step(
        METER, "accept", "verified", "2026-10-16 11:00", outcome="accepted", accepted_evidence_hash=accepted,
        verified_on=dt.date(2026, 10, 16),
    )  # fmt: skip
    nights.take("2026-10-20", same)
    assert nights.case(METER)["state"] == "verified"
    nights.take("2026-11-20", same)
    assert nights.case(METER)["state"] == "closed"
    nights.take("2026-11-21", [finding("MET-02", "meter", "M1", evidence={"missing": "digits, model"})])
    assert nights.case(METER)["state"] == "assigned"


def test_what_was_dismissed_stays_so_until_it_is_found_otherwise_or_its_exemption_runs_out(
    nights: Nights,
) -> None:
    same = [finding("MET-02", "meter", "M1", evidence={"missing": "digits"})]
    nights.take(DAY, same)
    nights.step(
        METER, "propose_dismiss", "dismissed", "2026-10-16 09:00", "m1",
        dismissed_evidence_hash=nights.case(METER)["evidence_hash"], exempt_until=dt.date(2026, 10, 20),
    )  # fmt: skip
    nights.take("2026-10-20", same)
    assert nights.case(METER)["state"] == "dismissed"
    nights.take("2026-10-21", same)
    assert nights.case(METER)["state"] == "assigned"
    assert [event["detail"]["why"] for event in nights.events(METER) if event["step"] == "reopen"] == [
        "its exemption has run out"
    ]


def test_an_exemption_of_an_accounts_bill_holds_for_its_next_one_up_to_twice_the_money(
    nights: Nights,
) -> None:
    nights.take("2026-09-15", [finding("TAR-20", "bill", "BILL0", at_stake_amount=-100)])
    with nights.connected() as connection:
        connection.execute(
            "INSERT INTO ops.exemption (rule_id, subject_type, subject_id, from_on, until_on, at_stake_amount, case_id) "
            "VALUES ('TAR-20', 'account', 'A1', '2026-09-16', '2026-10-16', -100, 'TAR-20:bill:BILL0:2026-08')"
        )
    nights.take("2026-10-15", [finding("TAR-20", "bill", "BILL1", at_stake_amount=200)])
    nights.take("2026-10-16", [finding("TAR-20", "bill", "BILL2", at_stake_amount=201)])
    nights.take("2026-10-17", [finding("TAR-20", "bill", "BILL3", at_stake_amount=10)])
    with nights.connected() as connection:
        rows = connection.execute("SELECT subject_id FROM ops.audit_case ORDER BY 1").fetchall()
    assert [row["subject_id"] for row in rows] == ["BILL0", "BILL2", "BILL3"]


def test_nobody_disproves_what_a_person_reopened_before_it_is_decided(nights: Nights) -> None:
    nights.take(DAY, [finding("MET-02", "meter", "M1")])
    nights.take("2026-10-16", [], not_found=[METER])
    moment = dt.datetime(2026, 10, 17, tzinfo=dt.UTC)
    nights.step(METER, "reopen", "reopened", "2026-10-17 09:00", reopened_by="b3", reopened_at=moment)
    nights.take("2026-10-17", [], not_found=[METER])
    assert nights.case(METER)["state"] == "assigned"
    nights.step(
        METER,
        "propose_confirm",
        "confirmed",
        "2026-10-18 09:00",
        "m1",
        decided_at=moment + dt.timedelta(days=1),
    )
    nights.take("2026-10-18", [], not_found=[METER])
    assert nights.case(METER)["state"] == "verified"


def test_a_rule_that_is_off_says_so_once_and_proves_nothing(nights: Nights) -> None:
    nights.take(DAY, [finding("MET-02", "meter", "M1")])
    on = nights.settings
    nights.settings = on.model_copy(
        update={"audit": on.audit.model_copy(update={"rules": {"MET-02": type_of_rule(on)(enabled=False)}})}
    )
    nights.take("2026-10-16", [], not_found=[METER])
    nights.take("2026-10-17", [], not_found=[METER])
    assert nights.steps(METER) == ["open", "assign", "off"]
    assert nights.case(METER)["is_off"]
    nights.settings = on
    nights.take("2026-10-18", [], not_found=[METER])
    assert nights.case(METER)["state"] == "verified"
    assert not nights.case(METER)["is_off"]


def type_of_rule(settings: object) -> type:
    from typing import get_args

    return get_args(type(settings.audit).model_fields["rules"].annotation)[1]  # type: ignore[attr-defined]


def test_nobody_anywhere_leaves_a_case_to_the_top_unit(nights: Nights) -> None:
    # Nobody of the post collection has a login.
    nights.take(DAY, [finding("COL-01", "payment", "PAY1"), finding("MET-02", "meter", "M1")])
    case = nights.case("COL-01:payment:PAY1")
    assert (case["state"], case["assigned_org_unit_id"], case["assigned_to"]) == ("assigned", "TOP", None)
    assert (nights.case(METER)["assigned_org_unit_id"], nights.case(METER)["assigned_to"]) == ("CITY", "M1")


def test_work_is_shared_by_hours_in_the_order_of_severity_and_money(nights: Nights) -> None:
    nights.take(
        DAY,
        [
            finding(
                "TAR-20",
                "bill",
                f"X{n}",
                account_id=f"A{n}",
                at_stake_amount=n,
                severity="high" if n == 3 else "medium",
            )
            for n in (3, 4, 5)
        ],
    )
    taken = {n: nights.case(f"TAR-20:bill:X{n}:2026-09")["assigned_to"] for n in (3, 4, 5)}
    assert taken == {3: "B1", 5: "B2", 4: "B1"}


def test_own_work_is_that_of_rows_named_and_of_the_reading_area(nights: Nights) -> None:
    nights.take(
        DAY,
        [
            finding("TAR-06", "account", "A2", account_id="A2"),
            finding("TAR-01", "metering_point", "P4", account_id="A4"),
            finding("TAR-20", "bill", "X1", evidence={"correction_bill_id": "BILL1", "staff_id": "B2"}),
        ],
    )
    assert nights.case("TAR-06:account:A2:2026-09")["own_staff_ids"] == ["B2"]
    assert nights.case("TAR-01:metering_point:P4:2026-09")["own_staff_ids"] == ["B1"]
    both = nights.case("TAR-20:bill:X1:2026-09")
    assert (both["own_staff_ids"], both["assigned_to"]) == (["B1", "B2"], "B3")


def test_a_listing_opens_nothing_and_touches_what_a_person_opened(nights: Nights) -> None:
    nights.take(DAY, [finding("MET-02", "meter", "M1", kind="listing")])
    with nights.connected() as connection:
        assert connection.execute("SELECT COUNT(*) AS n FROM ops.audit_case").fetchone() == {"n": 0}
    nights.take("2026-10-16", [finding("MET-02", "meter", "M1")])
    nights.take("2026-10-17", [finding("MET-02", "meter", "M1", kind="listing")], not_found=[METER])
    assert (nights.case(METER)["state"], nights.case(METER)["last_seen_on"]) == (
        "assigned",
        dt.date(2026, 10, 17),
    )


def test_little_money_opens_nothing(nights_home: Path, ops: Engine, warehouse_url: str) -> None:
    nights = Nights(nights_home, warehouse_url, least_amount={"TAR-20": 50})
    nights.take(
        DAY,
        [
            finding("TAR-20", "bill", f"X{n}", at_stake_amount=amount)
            for n, amount in enumerate((-49.99, -50, None))
        ],
    )
    with nights.connected() as connection:
        rows = connection.execute("SELECT subject_id FROM ops.audit_case ORDER BY 1").fetchall()
    assert [row["subject_id"] for row in rows] == ["X1", "X2"]
