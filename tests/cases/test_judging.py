"""Who judges a case: a second person, nobody the own work; and what an exemption needs."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pytest

from tests.cases.utility import AT, CONFIRM, DISMISS, PATHS, Utility, assigned, refused
from wattmark.cases import steps
from wattmark.cases.rights import RightsError

D = decimal.Decimal

# --- four eyes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_stake", "amount", "severity", "state"),
    [
        ("999.99", "999.99", "medium", "confirmed"),
        ("1000.00", "1", "medium", "proposed"),
        ("-1000", "1", "low", "proposed"),
        ("1", "-1000", "low", "proposed"),
        ("1", "1000.01", "low", "proposed"),
        (None, "999.99", "low", "confirmed"),
        (None, "0", "high", "proposed"),
    ],
)  # fmt: skip
def test_four_eyes_from_so_much_money_on(
    utility: Utility, at_stake: str | None, amount: str, severity: str, state: str
) -> None:
    case_id = assigned(utility, severity=severity, at_stake_amount=D(at_stake) if at_stake else None)
    steps.propose_confirm(utility.desk("mei"), case_id, 2, **CONFIRM | {"amount": amount})
    assert utility.case(case_id).state == state


@pytest.mark.parametrize(
    ("kind", "state"), [("earlier_month", "proposed"), ("effect_of", "dismissed"), ("person", "dismissed")]
)
def test_a_cause_counts_with_its_later_months(utility: Utility, kind: str, state: str) -> None:
    case_id = assigned(utility, at_stake_amount=D("-400"))
    utility.open("E1", root_cause_case_id=case_id, cause_kind=kind, at_stake_amount=D("600"), due_on=None)
    # One that has ended is at stake no more.
    ended = {"root_cause_case_id": case_id, "cause_kind": "earlier_month", "at_stake_amount": D("9000")}
    utility.open("E2", PATHS["verified"], **ended)
    steps.propose_dismiss(utility.desk("mei"), case_id, 2, **DISMISS)
    assert utility.case(case_id).state == state


def test_a_second_person_decides(utility: Utility) -> None:
    case_id = utility.open(severity="high")
    steps.take(utility.desk("chief"), case_id, 1)
    steps.propose_confirm(utility.desk("chief"), case_id, 2, **CONFIRM)
    for login in ("chief", "chief-too"):  # another login of the same person is no second one
        refused(
            utility,
            case_id,
            lambda who=login: steps.approve(utility.desk(who), case_id, 3),
            "proposed it yourself",
            RightsError,
        )
    steps.approve(utility.desk("deputy"), case_id, 3)
    steps.done(utility.desk("deputy"), case_id, 4, "bill", 1)
    refused(
        utility,
        case_id,
        lambda: steps.accept(utility.desk("deputy"), case_id, 5, "why"),
        "mended it yourself",
        RightsError,
    )
    steps.accept(utility.desk("nobody"), case_id, 5, "why")


# --- exemptions ------------------------------------------------------------------------------------------


def test_a_known_exception_is_written_down_once_a_second_person_agrees(utility: Utility) -> None:
    case_id = assigned(utility, at_stake_amount=D("3.00"))
    today = dt.date(2026, 10, 16)

    def propose(**more: Any) -> int:
        given = {"reason": "known_exception", "hours": 0} | more
        return steps.propose_dismiss(utility.desk("mei"), case_id, 2, **given)

    for until in (None, today - dt.timedelta(days=1), dt.date(2027, 10, 17)):
        refused(utility, case_id, lambda u=until: propose(until=u), "2026-10-16 to 2027-10-16")
    refused(utility, case_id, lambda: propose(reason="duplicate", until=today), "only known_exception")
    propose(until=dt.date(2027, 10, 16))
    assert utility.case(case_id).state == "proposed"
    assert utility.connection.execute("SELECT * FROM ops.exemption").fetchall() == []
    steps.approve(utility.desk("chief"), case_id, 3)
    case = utility.case(case_id)
    assert (case.state, case.dismissed_evidence_hash, case.exempt_until) == (
        "dismissed",
        "h1",
        dt.date(2027, 10, 16),
    )
    assert utility.connection.execute("SELECT * FROM ops.exemption").fetchall() == [
        ("TAR-01", "account", "A1", today, dt.date(2027, 10, 16), D("3.00"), case_id)
    ]
    # Another bill of the same account, on the same day: one subject. Nobody agreed to the larger money beyond its own day.
    year = dt.date(2027, 10, 16)
    soon, later = dt.date(2026, 10, 20), dt.date(2026, 10, 21)
    for subject, amount, until, stand in (
        ("B2", "-5.00", soon, [(today, soon, D("-5.00"), "B2"), (later, year, D("3.00"), "B1")]),
        ("B3", None, year, [(today, soon, D("-5.00"), "B2"), (later, year, D("3.00"), "B1")]),
        ("B4", "1.00", soon, [(today, soon, D("-5.00"), "B2"), (later, year, D("3.00"), "B1")]),
        ("B5", "5.01", soon, [(today, soon, D("5.01"), "B5"), (later, year, D("3.00"), "B1")]),
        ("B6", "4.00", later, [(today, soon, D("5.01"), "B5"), (later, later, D("4.00"), "B6"), (dt.date(2026, 10, 22), year, D("3.00"), "B1")]),
        ("B7", "9.00", year, [(today, year, D("9.00"), "B7"), (later, later, D("4.00"), "B6"), (dt.date(2026, 10, 22), year, D("3.00"), "B1")]),
    ):  # fmt: skip
        other = assigned(utility, subject=subject, at_stake_amount=D(amount) if amount else None)
        steps.propose_dismiss(utility.desk("mei"), other, 2, reason="known_exception", hours=0, until=until)
        steps.approve(utility.desk("chief"), other, 3)
        found = utility.connection.execute(
            "SELECT from_on, until_on, at_stake_amount, SPLIT_PART(case_id, ':', 3) FROM ops.exemption ORDER BY from_on"
        ).fetchall()
        assert found == stand


def test_an_exemption_that_has_ended_before_it_is_approved_is_none(utility: Utility) -> None:
    case_id = assigned(utility)
    steps.propose_dismiss(
        utility.desk("mei"), case_id, 2, reason="known_exception", hours=0, until=dt.date(2026, 10, 16)
    )
    utility.connection.execute("INSERT INTO ops.case_night VALUES ('r', '2026-10-30', now(), '{}')")
    utility.at = AT + dt.timedelta(days=1)
    refused(
        utility,
        case_id,
        lambda: steps.approve(utility.desk("chief"), case_id, 3),
        "would have ended on 2026-10-16",
    )
    steps.return_(utility.desk("chief"), case_id, 3, "too late")
    assert utility.case(case_id).exempt_until is None


@pytest.mark.parametrize(
    ("day", "months", "last"),
    [("2026-10-16", 12, "2027-10-16"), ("2028-02-29", 12, "2029-02-28"), ("2026-08-31", 1, "2026-09-30"), ("2026-12-31", 2, "2027-02-28"), ("2026-11-30", 1, "2026-12-30")],
)  # fmt: skip
def test_months_ahead(day: str, months: int, last: str) -> None:
    assert steps.months_after(dt.date.fromisoformat(day), months) == dt.date.fromisoformat(last)


# --- own work, whom it is given to -----------------------------------------------------------------------


def test_nobody_judges_own_work(utility: Utility) -> None:
    own = {"own_staff_ids": ("E1", "E3")}
    case_id = utility.open(**own)
    desk = utility.desk
    refused(
        utility, case_id, lambda: steps.take(desk("mei"), case_id, 1), "nobody judges own work", RightsError
    )
    refused(
        utility,
        case_id,
        lambda: steps.assign(desk("deputy"), case_id, 1, "S1", "E1"),
        "own work",
        RightsError,
    )
    refused(
        utility, case_id, lambda: steps.move(desk("deputy"), case_id, 1, "S1", "E1"), "own work", RightsError
    )
    steps.assign(desk("chief"), case_id, 1, "S1", "E2")  # giving it to somebody judges nothing
    steps.propose_confirm(desk("li"), case_id, 2, **CONFIRM | {"amount": 2000})
    refused(utility, case_id, lambda: steps.approve(desk("chief"), case_id, 3), "own work", RightsError)
    steps.approve(desk("deputy"), case_id, 3)
    steps.done(desk("crew"), case_id, 4, "x", 0)
    refused(utility, case_id, lambda: steps.accept(desk("chief"), case_id, 5, "x"), "own work", RightsError)
    # It became known only after it was assigned.
    late = utility.open("B2", PATHS["assigned"], assigned_to="E1", **own)
    refused(
        utility, late, lambda: steps.propose_confirm(desk("mei"), late, 2, **CONFIRM), "own work", RightsError
    )
    refused(
        utility, late, lambda: steps.propose_dismiss(desk("mei"), late, 2, **DISMISS), "own work", RightsError
    )


def test_a_case_is_given_to_whoever_may_judge_it_within_the_own_tree(utility: Utility) -> None:
    case_id = utility.open()
    desk = utility.desk
    for unit, staff, match in (
        ("S3", None, "S3 is not yours"), ("P", None, "P is not yours"), ("S9", None, "S9 is not yours"), ("S1", "E6", "no login"),
        ("S1", "E5", "no login"), ("S1", "E99", "no login"), ("C1", "E1", "no login"), ("S2", "E1", "no login"),
    ):  # fmt: skip
        refused(
            utility,
            case_id,
            lambda u=unit, s=staff: steps.assign(desk("chief"), case_id, 1, u, s),
            match,
            RightsError,
        )
    steps.assign(desk("chief"), case_id, 1, "S2", "E4")
    case = utility.case(case_id)
    assert (case.assigned_org_unit_id, case.assigned_to) == ("S2", "E4")
    assert utility.events(case_id)[-1][4] == {"org_unit_id": "S2", "staff_id": "E4"}
    steps.move(desk("crew"), case_id, 2, "S2")
    assert utility.case(case_id).assigned_to is None
    refused(
        utility,
        case_id,
        lambda: steps.propose_confirm(desk("crew"), case_id, 3, **CONFIRM),
        "not assigned to you",
        RightsError,
    )
    with pytest.raises(RightsError, match="no member of staff"):
        steps.take(desk("nobody"), case_id, 3)
