"""The table of what a night makes of a case, cell by cell."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from wattmark.case_settings import Cases
from wattmark.cases.decide import Seen, decide
from wattmark.cases.model import Case

DAY = dt.date(2026, 10, 15)
FOUND, NOT_FOUND, NOT_JUDGED = Seen("found", "new"), Seen("not_found"), Seen("not_judged")
HELD = Seen("found", "new", may_reopen=False)
BRAKED = Seen("found", "new", may_reopen=False, held_by_brake=True)
SAME = Seen("found", "old")
NOON = dt.datetime(2026, 10, 10, 12, tzinfo=dt.UTC)
BY_PERSON = {"reopened_by": "b3", "reopened_at": NOON}
DECIDED = {**BY_PERSON, "decided_at": NOON + dt.timedelta(hours=1)}
DECIDED_BEFORE = {**BY_PERSON, "decided_at": NOON - dt.timedelta(hours=1)}
ACCEPTED = {
    "outcome": "accepted",
    "accepted_evidence_hash": "old",
    "verified_on": DAY - dt.timedelta(days=29),
}
FRESH, OLD = {"verified_on": DAY - dt.timedelta(days=29)}, {"verified_on": DAY - dt.timedelta(days=30)}
DISMISSED = {"dismissed_evidence_hash": "old"}


def case(state: str, *, month: bool = True, **columns: Any) -> Case:
    return Case(
        "X", "TAR-01", "meter", "M", dt.date(2026, 9, 1) if month else None, None, None, None, DAY, DAY, state, "low", None,
        NOON, DAY, 3, evidence_hash="old", **columns,
    )  # fmt: skip


CELLS: list[tuple[str, dict[str, Any], Seen, str]] = [
    *[
        (state, {}, FOUND, "touch")
        for state in ("open", "assigned", "proposed", "reopened", "confirmed", "rectifying")
    ],
    *[
        (state, {}, NOT_FOUND, "verify")
        for state in ("open", "assigned", "proposed", "reopened", "confirmed", "rectifying")
    ],
    *[
        (state, {}, NOT_JUDGED, "stay")
        for state in ("open", "assigned", "proposed", "reopened", "confirmed", "rectifying")
    ],
    *[(state, BY_PERSON, NOT_FOUND, "stay") for state in ("assigned", "proposed", "reopened")],
    *[(state, DECIDED_BEFORE, NOT_FOUND, "stay") for state in ("assigned", "proposed", "reopened")],
    ("assigned", DECIDED, NOT_FOUND, "verify"),
    ("assigned", {"reopened_by": "night", "reopened_at": NOON}, NOT_FOUND, "verify"),
    ("confirmed", BY_PERSON, NOT_FOUND, "verify"),
    ("rectified", {"rectified_on": DAY}, FOUND, "touch"),
    ("rectified", {"rectified_on": DAY - dt.timedelta(days=1)}, FOUND, "reopen"),
    ("rectified", {"rectified_on": DAY - dt.timedelta(days=9)}, HELD, "touch"),
    ("rectified", {"rectified_on": DAY}, NOT_FOUND, "verify"),
    ("rectified", {"rectified_on": DAY}, NOT_JUDGED, "stay"),
    ("verified", OLD, FOUND, "reopen"),
    ("verified", FRESH, HELD, "stay"),
    ("verified", OLD, HELD, "close"),
    ("verified", OLD, BRAKED, "stay"),
    ("verified", FRESH, NOT_FOUND, "stay"),
    ("verified", OLD, NOT_FOUND, "close"),
    ("verified", FRESH, NOT_JUDGED, "stay"),
    ("verified", OLD, NOT_JUDGED, "close"),
    ("verified", ACCEPTED, FOUND, "reopen"),
    ("verified", ACCEPTED, SAME, "stay"),
    ("verified", {**ACCEPTED, **OLD}, SAME, "close"),
    ("closed", {}, FOUND, "stay"),
    ("closed", {"month": False}, FOUND, "reopen"),
    ("closed", {"month": False}, HELD, "stay"),
    ("closed", {"month": False, **ACCEPTED}, SAME, "stay"),
    ("closed", {"month": False, **ACCEPTED}, FOUND, "reopen"),
    ("closed", {"month": False}, NOT_FOUND, "stay"),
    ("closed", {"month": False}, NOT_JUDGED, "stay"),
    ("dismissed", DISMISSED, SAME, "touch"),
    ("dismissed", DISMISSED, FOUND, "reopen"),
    ("dismissed", DISMISSED, HELD, "touch"),
    ("dismissed", {**DISMISSED, "exempt_until": DAY}, SAME, "touch"),
    ("dismissed", {**DISMISSED, "exempt_until": DAY - dt.timedelta(days=1)}, SAME, "reopen"),
    ("dismissed", DISMISSED, NOT_FOUND, "stay"),
    ("dismissed", DISMISSED, NOT_JUDGED, "stay"),
]


@pytest.mark.parametrize(("state", "columns", "seen", "expected"), CELLS)
def test_what_becomes_of_a_case(state: str, columns: dict[str, Any], seen: Seen, expected: str) -> None:
    assert decide(case(state, **columns), seen, DAY, Cases()) == expected


def test_days_to_wait_are_the_utilitys() -> None:
    settings = Cases(rectified_days=3, close_days=2)
    rectified = case("rectified", rectified_on=DAY - dt.timedelta(days=2))
    assert decide(rectified, FOUND, DAY, settings) == "touch"
    assert decide(rectified, FOUND, DAY + dt.timedelta(days=1), settings) == "reopen"
    assert (
        decide(case("verified", verified_on=DAY - dt.timedelta(days=2)), NOT_FOUND, DAY, settings) == "close"
    )
