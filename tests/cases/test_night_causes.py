"""What hangs on what, and the brake, on real PostgreSQL."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.cases.nights import Nights, finding

pytestmark = pytest.mark.usefixtures("no_marts")

DAY = "2026-10-15"
METER = "MET-03:metering_point:P1"
READ = "TAR-02:metering_point:P1:2026-09"


@pytest.fixture
def nights(nights_home: Path, ops: Engine, warehouse_url: str) -> Nights:
    return Nights(nights_home, warehouse_url, brake_findings=3)


def test_an_effect_hangs_on_its_cause_of_the_same_night_and_waits(nights: Nights) -> None:
    nights.take(DAY, [finding("TAR-02", "metering_point", "P1"), finding("MET-03", "metering_point", "P1")])
    case = nights.case(READ)
    assert (case["root_cause_case_id"], case["cause_kind"]) == (METER, "effect_of")
    assert (case["state"], case["assigned_to"], case["due_on"]) == ("open", None, None)
    assert nights.steps(READ) == ["open", "link"]
    assert nights.steps(METER) == ["open", "assign"]
    # What it hung on once it was opened, it is not hung on anew.
    nights.take(
        "2026-10-16", [finding("TAR-02", "metering_point", "P1"), finding("MET-03", "metering_point", "P1")]
    )
    assert nights.steps(READ) == ["open", "link"]


def test_an_effect_of_another_account_or_month_stands_alone(nights: Nights) -> None:
    nights.take("2026-09-15", [finding("TAR-24", "account", "A1")])
    nights.take(
        DAY,
        [
            finding("MET-03", "metering_point", "P1"),
            finding("TAR-02", "metering_point", "P3", account_id="A3"),
            finding("TAR-07", "account", "A1"),
        ],
    )
    assert nights.case("TAR-02:metering_point:P3:2026-09")["root_cause_case_id"] is None
    assert nights.case("TAR-07:account:A1:2026-09")["root_cause_case_id"] is None


def test_the_first_rule_that_has_a_case_is_the_cause_and_of_several_the_lowest(nights: Nights) -> None:
    nights.take(
        DAY,
        [
            finding("TAR-04", "bill", "BILL1"),
            finding("TAR-24", "account", "A1"),
            finding("TAR-03", "bill", "BILL9"),
            finding("TAR-03", "bill", "BILL8"),
        ],
    )
    # TAR-03 hangs on TAR-24 itself, and TAR-24 comes before TAR-03 in what TAR-04 may follow from.
    assert nights.case("TAR-04:bill:BILL1:2026-09")["root_cause_case_id"] == "TAR-24:account:A1:2026-09"
    assert nights.case("TAR-03:bill:BILL8:2026-09")["root_cause_case_id"] == "TAR-24:account:A1:2026-09"


def test_a_later_month_hangs_on_the_latest_earlier_one_of_the_account(nights: Nights) -> None:
    nights.take("2026-08-15", [finding("TAR-20", "bill", "JUL")])
    nights.take("2026-09-15", [finding("TAR-20", "bill", "AUG")])
    nights.take(DAY, [finding("TAR-20", "bill", "SEP"), finding("TAR-20", "bill", "OTHER", account_id="A3")])
    august = nights.case("TAR-20:bill:AUG:2026-08")
    september = nights.case("TAR-20:bill:SEP:2026-09")
    july = "TAR-20:bill:JUL:2026-07"
    assert (august["root_cause_case_id"], august["cause_kind"]) == (july, "earlier_month")
    # August's is an effect itself: on its cause.
    assert (september["root_cause_case_id"], september["cause_kind"]) == (july, "earlier_month")
    assert nights.case("TAR-20:bill:OTHER:2026-09")["root_cause_case_id"] is None


def test_what_becomes_an_effect_hands_its_effects_on(nights: Nights) -> None:
    nights.take("2026-09-15", [finding("TAR-20", "bill", "AUG")])
    nights.take(DAY, [finding("TAR-20", "bill", "SEP")])
    august, september = "TAR-20:bill:AUG:2026-08", "TAR-20:bill:SEP:2026-09"
    # A month that was asked for later is the earlier one of nothing that hangs already.
    nights.take("2026-10-16", [finding("TAR-20", "bill", "JUL")], period="2026-07-01")
    assert nights.case(august)["root_cause_case_id"] is None
    nights.step(august, "propose_confirm", "confirmed", "2026-10-16 10:00", "b1")
    nights.step(august, "done", "rectified", "2026-10-16 11:00", "b1", rectified_on=dt.date(2026, 10, 16))
    nights.take("2026-10-18", [], again={august: finding("TAR-20", "bill", "AUG")})
    assert nights.case(august)["root_cause_case_id"] == "TAR-20:bill:JUL:2026-07"
    assert nights.case(september)["root_cause_case_id"] == "TAR-20:bill:JUL:2026-07"
    assert nights.steps(september) == ["open", "link", "link"]
    assert nights.steps(august)[-2:] == ["reopen", "link"]
    assert nights.case(august)["due_on"] is None


def test_links_fall_when_the_cause_ends(nights: Nights) -> None:
    nights.take(
        DAY,
        [
            finding("MET-03", "metering_point", "P1"),
            finding("TAR-02", "metering_point", "P1"),
            finding("BUS-13", "account", "A1"),
        ],
    )
    other = next(name for name in ("BUS-13:account:A1:2026-09", "BUS-13:account:A1") if exists(nights, name))
    assert nights.case(other)["root_cause_case_id"] == METER
    nights.step(METER, "propose_confirm", "confirmed", "2026-10-16 09:00", "m1")
    nights.take("2026-10-16", [finding("BUS-13", "account", "A1", severity="high")], not_found=[METER, READ])
    assert (nights.case(METER)["state"], nights.case(METER)["outcome"]) == ("verified", "mended")
    # What is proved with its cause ends as it did.
    effect = nights.case(READ)
    assert (effect["state"], effect["outcome"], effect["root_cause_case_id"]) == ("verified", "mended", None)
    assert nights.steps(READ) == ["open", "link", "unlink", "verify"]
    # What is still found is worked by itself from now on, and due anew.
    stays = nights.case(other)
    assert (stays["state"], stays["root_cause_case_id"], stays["due_on"]) == (
        "assigned",
        None,
        dt.date(2026, 10, 23),
    )
    assert nights.steps(other) == ["open", "link", "unlink", "touch", "assign"]
    unlinked = next(event for event in nights.events(other) if event["step"] == "unlink")
    assert unlinked["detail"] == {"root_cause_case_id": METER, "due_on": "2026-10-23"}


def exists(nights: Nights, case_id: str) -> bool:
    with nights.connected() as connection:
        return (
            connection.execute("SELECT 1 FROM ops.audit_case WHERE case_id = %s", [case_id]).fetchone()
            is not None
        )


def test_links_fall_when_a_person_dismisses_the_cause(nights: Nights) -> None:
    found = [finding("MET-03", "metering_point", "P1"), finding("TAR-02", "metering_point", "P1")]
    nights.take(DAY, found)
    nights.step(
        METER, "propose_dismiss", "dismissed", "2026-10-16 09:00", "m1",
        dismissed_evidence_hash=nights.case(METER)["evidence_hash"],
    )  # fmt: skip
    # A night for another month settles nothing.
    nights.take("2026-10-16", found, period="2026-08-01")
    assert nights.case(READ)["root_cause_case_id"] == METER
    nights.take("2026-10-17", found)
    assert nights.steps(READ) == ["open", "link", "unlink", "assign"]


def test_an_effect_may_be_proved_before_its_cause(nights: Nights) -> None:
    nights.take(DAY, [finding("MET-03", "metering_point", "P1"), finding("TAR-02", "metering_point", "P1")])
    nights.take("2026-10-16", [finding("MET-03", "metering_point", "P1")], not_found=[READ])
    assert (nights.case(READ)["state"], nights.case(READ)["outcome"]) == ("verified", "vanished")
    nights.take("2026-10-17", [], not_found=[METER])
    assert nights.steps(READ) == ["open", "link", "verify"]


# --- the brake -------------------------------------------------------------------------------------------

RULE = "MET-02:rule:MET-02"


def flood(count: int = 4) -> list[dict[str, object]]:
    return [finding("MET-02", "meter", f"M{n}") for n in range(count)]


def test_a_rule_that_finds_too_much_opens_one_case_alone(nights: Nights) -> None:
    nights.take("2026-10-14", [finding("MET-02", "meter", "M0")])
    nights.take(DAY, flood(), checked={"MET-02": 39})
    rule = nights.case(RULE)
    assert (rule["state"], rule["severity"], rule["org_unit_id"], rule["assigned_to"]) == (
        "open",
        "high",
        "TOP",
        None,
    )
    assert rule["evidence"]["flagged"] == 4
    assert "4 of 39 judged (10.3%)" in rule["message_en"]
    assert not exists(nights, "MET-02:meter:M1")
    # Cases that are there go on.
    assert nights.case("MET-02:meter:M0")["last_seen_on"] == dt.date(2026, 10, 15)
    nights.take("2026-10-16", flood(3), checked={"MET-02": 29})
    assert nights.steps(RULE) == ["open"]
    # A tenth is not more than a tenth; and too few findings are no flood.
    nights.take("2026-10-17", flood(3), checked={"MET-02": 30})
    assert (nights.case(RULE)["state"], nights.case(RULE)["outcome"]) == ("verified", "vanished")
    assert exists(nights, "MET-02:meter:M1")
    nights.take("2026-10-18", flood(2), checked={"MET-02": 2})
    assert nights.case(RULE)["state"] == "verified"


def test_what_is_let_through_opens_cases_until_a_night_below_the_share(nights: Nights) -> None:
    nights.take(DAY, flood(), checked={"MET-02": 20})
    nights.step(RULE, "release", "closed", "2026-10-16 09:00", closed_on=dt.date(2026, 10, 16))
    nights.take("2026-10-16", flood(5), checked={"MET-02": 20})
    assert exists(nights, "MET-02:meter:M4")
    nights.take("2026-10-17", flood(1), checked={"MET-02": 20})
    nights.take("2026-10-18", flood(7), checked={"MET-02": 20})
    assert nights.steps(RULE) == ["open", "release", "reopen"]
    assert not exists(nights, "MET-02:meter:M6")
    # Let through once more.
    nights.step(RULE, "release", "closed", "2026-10-19 09:00", closed_on=dt.date(2026, 10, 19))
    nights.take("2026-10-19", flood(7), checked={"MET-02": 20})
    assert exists(nights, "MET-02:meter:M6")


def test_a_month_that_is_let_through_stays_so_and_the_next_one_is_held(nights: Nights) -> None:
    found = [finding("TAR-06", "account", f"A{n}", account_id=f"A{n}") for n in range(1, 5)]
    nights.take(DAY, found, checked={"TAR-06": 20})
    september = "TAR-06:rule:TAR-06:2026-09"
    nights.step(september, "release", "closed", "2026-10-16 09:00", closed_on=dt.date(2026, 10, 16))
    nights.take("2026-10-16", found[:1], checked={"TAR-06": 20})
    nights.take("2026-10-17", found, checked={"TAR-06": 20})
    assert exists(nights, "TAR-06:account:A4:2026-09")
    nights.take("2026-11-01", found, checked={"TAR-06": 20})
    assert nights.case("TAR-06:rule:TAR-06:2026-10")["state"] == "open"
    assert nights.case("TAR-06:rule:TAR-06:2026-10")["root_cause_case_id"] is None
    assert not exists(nights, "TAR-06:account:A4:2026-10")


def test_the_brake_reopens_nothing(nights: Nights) -> None:
    nights.take(DAY, [finding("MET-02", "meter", "M0")])
    nights.take("2026-10-16", [], not_found=["MET-02:meter:M0"])
    nights.take("2026-10-17", flood(), checked={"MET-02": 20})
    assert nights.case("MET-02:meter:M0")["state"] == "verified"
