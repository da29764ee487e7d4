"""People's steps on a real database, by the table of cases: what each needs, who may take it, what it writes."""

from __future__ import annotations

import datetime as dt
import decimal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.cases.utility import AT, CONFIRM, DISMISS, PATHS, UNITS, Utility, assigned, confirmed, refused
from wattmark.cases import steps
from wattmark.cases.act import Desk, steps_of, tried
from wattmark.cases.links import link
from wattmark.cases.log import verify
from wattmark.cases.model import Case
from wattmark.cases.rights import RightsError
from wattmark.publish.ops import libpq_url

D = decimal.Decimal
TAKEN: dict[str, Callable[[Desk, str, int], int]] = {
    "assign": lambda *at: steps.assign(*at, "S1"),
    "take": lambda *at: steps.take(*at),
    "propose_confirm": lambda *at: steps.propose_confirm(*at, **CONFIRM),
    "propose_dismiss": lambda *at: steps.propose_dismiss(*at, **DISMISS),
    "approve": lambda *at: steps.approve(*at),
    "return": lambda *at: steps.return_(*at, "not so"),
    "start": lambda *at: steps.start(*at),
    "done": lambda *at: steps.done(*at, "bill B2", "1"),
    "hand_back": lambda *at: steps.hand_back(*at, "not ours"),
    "accept": lambda *at: steps.accept(*at, "seen"),
    "add_work": lambda *at: steps.add_work(*at, "order O1", "1"),
    "file": lambda *at: steps.file(*at),
    "reopen": lambda *at: steps.reopen(*at, "look again"),
    "note": lambda *at: steps.note(*at, "a word"),
    "move": lambda *at: steps.move(*at, "S1"),
    "extend": lambda *at: steps.extend(*at, dt.date(2026, 10, 30), "more time"),
    "release": lambda *at: steps.release(*at, "all of it is right"),
}
"""Each step as a worker or approver takes it where nothing is amiss."""
ROW = {
    # How the case of each state stands, so that only the state decides.
    "assigned_to": "E1", "responsible_org_unit_id": "S1", "proposed_step": "propose_confirm", "proposed_by": "li",
    "proposed_amount": D("5.00"), "rectified_by": "li",
}  # fmt: skip


# --- the way through -------------------------------------------------------------------------------------


def test_a_case_goes_its_way(utility: Utility) -> None:
    case_id = utility.open(at_stake_amount=D("1000.00"))
    assert steps.take(utility.desk("mei"), case_id, 1) == 2
    assert steps.propose_confirm(utility.desk("mei"), case_id, 2, **CONFIRM, note="账单有误") == 3
    case = utility.case(case_id)
    assert (case.state, case.proposed_step, case.proposed_by) == ("proposed", "propose_confirm", "mei")
    assert (case.proposed_amount, case.confirmed_amount, case.hours) == (D("99.50"), None, D("0.50"))
    assert steps.return_(utility.desk("chief"), case_id, 3, "which bill?") == 4
    case = utility.case(case_id)
    assert (case.state, case.assigned_to, case.treatment, case.responsible_org_unit_id) == (
        "assigned",
        "E1",
        None,
        None,
    )
    steps.propose_confirm(utility.desk("mei"), case_id, 4, **CONFIRM)
    steps.approve(utility.desk("chief"), case_id, 5)
    case = utility.case(case_id)
    assert (case.state, case.confirmed_amount, case.decided_on, case.decided_at) == (
        "confirmed",
        D("99.50"),
        dt.date(2026, 10, 16),
        AT,
    )
    steps.start(utility.desk("crew"), case_id, 6)
    steps.done(utility.desk("crew"), case_id, 7, " bill B77 ", "1.25")
    case = utility.case(case_id)
    assert (case.state, case.rectified_by, case.rectified_at, case.hours) == (
        "rectified",
        "crew",
        AT,
        D("2.25"),
    )
    steps.accept(utility.desk("deputy"), case_id, 8, "the bill is right")
    case = utility.case(case_id)
    assert (case.state, case.outcome, case.verified_on, case.accepted_evidence_hash) == (
        "verified", "accepted", dt.date(2026, 10, 16), "h1",
    )  # fmt: skip
    steps.add_work(utility.desk("crew"), case_id, 9, "order O5", 2)
    steps.file(utility.desk("chief"), case_id, 10)
    steps.reopen(utility.desk("chief"), case_id, 11, "once more")
    case = utility.case(case_id)
    assert (case.state, case.hours, case.outcome, case.closed_at, case.assigned_to) == (
        "reopened",
        D("4.25"),
        None,
        None,
        None,
    )
    assert (case.due_on, case.reopened_by, case.version) == (dt.date(2026, 10, 30), "chief", 12)
    told = [(step, after, detail) for step, _, after, _, detail in utility.events(case_id)][2:]
    propose = {"treatment": "rebill", "amount": 99.5, "responsible_org_unit_id": "S2", "hours": 0.5}
    assert told == [
        ("propose_confirm", "proposed", propose),
        ("return", "assigned", {"why": "which bill?"}),
        ("propose_confirm", "proposed", propose),
        ("approve", "confirmed", {}),
        ("start", "rectifying", {}),
        ("done", "rectified", {"reference": "bill B77", "hours": 1.25}),
        ("accept", "verified", {"why": "the bill is right"}),
        ("add_work", "verified", {"reference": "order O5", "hours": 2}),
        ("file", "closed", {}),
        ("reopen", "reopened", {"why": "once more", "due_on": "2026-10-30"}),
    ]
    with utility.connection.transaction():
        assert verify(utility.connection).events == 12


def test_handing_back_lets_amount_and_unit_fall(utility: Utility) -> None:
    for login in ("crew", "chief"):
        case_id = confirmed(utility, subject=login)
        refused(
            utility,
            case_id,
            lambda c=case_id: steps.hand_back(utility.desk("mei"), c, 3, "why"),
            "S2 mends it",
            RightsError,
        )
        steps.hand_back(utility.desk(login), case_id, 3, "not ours")
        case = utility.case(case_id)
        assert (case.state, case.assigned_to, case.confirmed_amount, case.responsible_org_unit_id) == (
            "assigned",
            "E1",
            None,
            None,
        )
        assert (case.treatment, case.proposed_amount, case.hours) == (None, None, D("0.50"))


# --- every state, every role -----------------------------------------------------------------------------


@pytest.mark.parametrize("step", TAKEN)
def test_a_step_begins_in_its_states_alone(utility: Utility, step: str) -> None:
    known = steps_of(utility.settings).steps[step]
    begins = {before for before, _ in known.moves} - ({"rectified"} if step == "reopen" else set())
    login = "chief" if known.by in (("approver",), ("night", "approver")) else "mei"
    for state, path in PATHS.items():
        rule = {"subject_type": "rule", "rule_id": "X", "org_unit_id": "S1"} if step == "release" else {}
        case_id = utility.open(f"{state}", path, **ROW | rule)
        version = utility.version(case_id)
        take = partial(TAKEN[step], utility.desk(login), case_id, version)
        if state not in begins:
            refused(utility, case_id, take, f"it is {state}; {step} begins at")
        elif step == "move" and state == "proposed":
            refused(utility, case_id, take, "only an approver moves it", RightsError)
            TAKEN[step](utility.desk("chief"), case_id, version)
        else:
            assert take() == version + 1
            told = utility.events(case_id)[-1]
            assert (
                told[0] == step and (state, told[2]) in known.moves and utility.case(case_id).state == told[2]
            )


@pytest.mark.parametrize("step", TAKEN)
def test_a_step_is_for_its_roles_in_their_own_tree(utility: Utility, step: str) -> None:
    known = steps_of(utility.settings).steps[step]
    state = next(
        before for before, _ in known.moves if before not in ("proposed",) or step in ("approve", "return")
    )
    rule = {"subject_type": "rule", "rule_id": "X"} if step == "release" else {}
    case_id = utility.open("B1", PATHS[state], **ROW | rule)
    version = utility.version(case_id)
    for login, match in (
        ("guest", "is viewer"),
        ("stranger", "not among those"),
        ("other", "is worker|no case .* that you may see"),
    ):
        refused(utility, case_id, lambda who=login: TAKEN[step](utility.desk(who), case_id, version), match)
    if set(known.by) <= {"night", "approver"}:
        refused(
            utility,
            case_id,
            lambda: TAKEN[step](utility.desk("mei"), case_id, version),
            "is worker",
            RightsError,
        )
    # A unit that mends it is no unit that decides it.
    case_id = utility.open("B2", PATHS[state], **ROW | rule | {"org_unit_id": "S3"})
    if step in ("start", "done", "hand_back", "add_work", "note"):
        TAKEN[step](utility.desk("mei"), case_id, version)
    else:
        login = "chief" if set(known.by) <= {"night", "approver"} else "mei"
        refused(
            utility,
            case_id,
            lambda: TAKEN[step](utility.desk(login), case_id, version),
            "not of your unit",
            RightsError,
        )


def test_what_is_assigned_to_a_unit_is_of_its_tree(utility: Utility) -> None:
    case_id = utility.open("B1", PATHS["assigned"], org_unit_id="S3", assigned_org_unit_id="S1")
    steps.take(utility.desk("mei"), case_id, 2)
    steps.note(utility.desk("other"), case_id, 3, "seen")


# --- what each needs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"treatment": "nothing"}, "nothing is no treatment. .*rebill"),
        ({"amount": "1.005"}, "amount is not a number"),
        ({"amount": "NaN"}, "amount is not a number"),
        ({"amount": None}, "amount is not a number"),
        ({"amount": "1e15"}, "amount is not a number"),
        ({"hours": "-0.01"}, "hours is not a number of at least 0"),
        ({"hours": ""}, "hours is not a number"),
        ({"hours": "10000"}, "hours is not a number"),
        ({"responsible_org_unit_id": ""}, "responsible_org_unit_id is missing"),
        ({"responsible_org_unit_id": "S9"}, "no unit S9"),
        ({"note": " "}, "note is missing"),
        ({"note": "\x00"}, "cannot be kept"),
        ({"note": "x" * 4001}, "4,001 characters"),
    ],
)  # fmt: skip
def test_a_proposal_needs_what_it_says(utility: Utility, changed: dict[str, Any], match: str) -> None:
    case_id = assigned(utility)
    refused(
        utility,
        case_id,
        lambda: steps.propose_confirm(utility.desk("mei"), case_id, 2, **CONFIRM | changed),
        match,
    )


def test_a_dismissal_needs_a_reason(utility: Utility) -> None:
    case_id = assigned(utility)

    def dismiss(**more: Any) -> int:
        return steps.propose_dismiss(utility.desk("mei"), case_id, 2, **DISMISS | more)

    refused(utility, case_id, lambda: dismiss(reason="bored"), "bored is no reason")
    refused(utility, case_id, lambda: dismiss(reason="other"), "note is missing")
    dismiss(reason="other", note="the meter was read twice")
    case = utility.case(case_id)
    assert (case.state, case.reason, case.dismissed_evidence_hash, case.decided_on) == (
        "dismissed",
        "other",
        "h1",
        dt.date(2026, 10, 16),
    )


@pytest.mark.parametrize(
    ("state", "take"),
    [
        ("proposed", lambda *at: steps.return_(*at, " ")),
        ("confirmed", lambda *at: steps.done(*at, "", 1)),
        ("confirmed", lambda *at: steps.hand_back(*at, "")),
        ("rectified", lambda *at: steps.accept(*at, "")),
        ("verified", lambda *at: steps.add_work(*at, "\n", 1)),
        ("verified", lambda *at: steps.reopen(*at, "")),
        ("open", lambda *at: steps.note(*at, "")),
        ("open", lambda *at: steps.extend(*at, dt.date(2026, 10, 30), "")),
    ],
)  # fmt: skip
def test_words_are_needed(utility: Utility, state: str, take: Callable[..., int]) -> None:
    case_id = utility.open("B1", PATHS[state], **ROW)
    refused(
        utility, case_id, lambda: take(utility.desk("chief"), case_id, utility.version(case_id)), "is missing"
    )


def test_the_rows_of_the_table_are_all_tried(utility: Utility) -> None:
    people = {name for name, step in steps_of(utility.settings).steps.items() if set(step.by) != {"night"}}
    assert {*TAKEN, "open", "link", "unlink"} == people
    assert set(PATHS) == set(steps_of(utility.settings).states) and set(UNITS.values()) <= {None, *UNITS}
    assert isinstance(utility.case(utility.open()), Case)


def test_a_step_that_waits_in_a_circle_is_tried_anew(utility: Utility, units_url: str) -> None:
    effect, cause = sorted([utility.open("B1"), utility.open("B2")])
    held = threading.Event()
    lock = "SELECT FROM ops.audit_case WHERE case_id = %s FOR UPDATE"

    def other() -> None:
        # Somebody else's transaction takes the same rows the other way round, last: the step is the one that is ended.
        with psycopg.connect(libpq_url(units_url)) as connection:
            connection.execute(lock, [cause])
            held.set()
            until = time.monotonic() + 30
            waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted"
            while connection.execute(waiting).fetchall() == [(0,)] and time.monotonic() < until:
                time.sleep(0.02)
            connection.execute(lock, [effect])

    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(30)
    assert tried(link, utility.desk("chief"), effect, utility.version(effect), cause) == 2
    thread.join(timeout=30)
    assert utility.case(effect).root_cause_case_id == cause and len(utility.events(effect)) == 2
    # Nothing else than a circle is tried again.
    refused(utility, effect, lambda: tried(link, utility.desk("chief"), effect, 1, cause), "version 1")
