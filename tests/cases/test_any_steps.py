"""Whatever people and nights try, in whatever order: a case stays what its log says, and what is refused changes nothing."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cases.utility import LOGINS, Utility
from tests.examples import at_length
from wattmark.cases import steps
from wattmark.cases.act import Desk, steps_of
from wattmark.cases.links import link, unlink
from wattmark.cases.log import Change, append, verify
from wattmark.cases.model import CaseError, Event
from wattmark.cases.opening import open_manual

_NUMBERS = itertools.count()
STATES = ("verified", "closed", "reopened")


def _args(rng: random.Random, step: str, case_ids: list[str]) -> dict[str, Any]:
    """What a step is given: mostly what will do, now and then what will not."""
    units = rng.choice(["S1", "S1", "S1", "S2", "C1", "S9"])
    words = rng.choice(["a word", "a word", "账", "账", "", "\x00"])
    hours = rng.choice(["0", "0.25", "1", "-1"])
    given: dict[str, dict[str, Any]] = {
        "assign": {"org_unit_id": units, "staff_id": rng.choice(["E1", "E1", "E3", "E2", None, "E7", "E99"])},
        "propose_confirm": {
            "treatment": "rebill", "amount": rng.choice(["0", "1", "999.99", "-1000", "1.005"]), "responsible_org_unit_id": units,
            "hours": hours,
        },
        "propose_dismiss": {"reason": rng.choice(["not_an_error", "duplicate", "other", "none"]), "hours": hours},
        "done": {"reference": words, "hours": hours},
        "note": {"text": words},
        "extend": {"due_on": dt.date(2026, 10, 20) + dt.timedelta(days=rng.randrange(25)), "why": words},
        "link": {"root_cause_case_id": rng.choice(case_ids)},
    }  # fmt: skip
    if step == "propose_dismiss" and rng.random() < 0.5:
        given[step] |= {
            "reason": "known_exception",
            "until": dt.date(2026, 10, 14) + dt.timedelta(days=rng.randrange(380)),
        }
    given |= {"move": given["assign"], "add_work": given["done"]}
    return given.get(
        step, {"why": words} if step in ("return_", "hand_back", "accept", "reopen", "release") else {}
    )


TAKES: dict[str, Callable[..., int]] = {
    **{name: getattr(steps, name) for name in (
        "assign", "take", "propose_confirm", "propose_dismiss", "approve", "return_", "start", "done", "hand_back", "accept",
        "add_work", "file", "reopen", "note", "move", "extend", "release",
    )},
    "link": link, "unlink": unlink,
}  # fmt: skip
IDLE = ("note", "move", "link", "unlink", "extend", "take")
"""Steps that may be taken again and again and lead nowhere."""
NIGHTS = ("verify", "close", "reopen", "touch")


@dataclass(frozen=True)
class Try:
    """One try: on which case, whether by whoever may in a state that allows it, of which version, and by what chance."""

    which: int
    is_likely: bool
    shift: int
    seed: int


SEQUENCES = st.lists(
    st.builds(
        Try, st.sampled_from([0, 0, 0, 0, 1, 1, 1, 2, 3]), st.sampled_from([True] * 4 + [False]),
        st.sampled_from([0] * 12 + [-1, 1]), st.integers(0, 2**32),
    ),
    min_size=30, max_size=50,
)  # fmt: skip


def _take(utility: Utility, attempt: Try, case_ids: list[str]) -> int:
    rng, case = random.Random(attempt.seed), utility.case(case_ids[attempt.which])
    version = case.version + attempt.shift
    if rng.random() < 0.1:
        return _night(
            utility.desk("mei"), case.case_id, version, rng.choice(NIGHTS), rng.choice([*STATES, "same"])
        )
    known = steps_of(utility.settings).steps
    allowed = [
        name for name in TAKES if case.state in {before for before, _ in known[name.rstrip("_")].moves}
    ]
    weights = [1 if name in IDLE else 4 for name in allowed]
    name = rng.choices(allowed, weights)[0] if attempt.is_likely and allowed else rng.choice([*TAKES])
    login = rng.choice([*LOGINS, "stranger"])
    if attempt.is_likely:
        login = (
            "deputy" if known[name.rstrip("_")].by[-1] == "approver" else rng.choice(["mei", "mei", "chief"])
        )
        if name.startswith("propose"):
            login = next(
                (entry for entry, (staff, _, _) in LOGINS.items() if staff == case.assigned_to), login
            )
    return TAKES[name](utility.desk(login), case.case_id, version, **_args(rng, name, case_ids))


def _night(desk: Desk, case_id: str, version: int, step: str, after: str) -> int:
    state = desk.connection.execute(
        "SELECT state FROM ops.audit_case WHERE case_id = %s", [case_id]
    ).fetchone()[0]  # type: ignore[index]
    assert desk.at is not None
    event = Event(case_id, desk.at, desk.at.date(), "night", step, state, state if after == "same" else after)
    with desk.connection.transaction():
        append(desk.connection, [Change(case_id, [event], seen=version)])
    return version + 1


def _standing(utility: Utility, case_ids: list[str]) -> list[Any]:
    connection = utility.connection
    return [
        connection.execute(
            "SELECT to_jsonb(c) FROM ops.audit_case AS c WHERE case_id = ANY(%s) ORDER BY case_id", [case_ids]
        ).fetchall(),
        connection.execute("SELECT count(*) FROM ops.audit_case_event").fetchall(),
        connection.execute("SELECT to_jsonb(e) FROM ops.exemption AS e ORDER BY from_on, case_id").fetchall(),
    ]


def _tried(utility: Utility, sequence: list[Try]) -> None:
    number = next(_NUMBERS)
    all_ = [
        utility.open(f"{number}-{each}", severity=severity) for each, severity in enumerate(("low", "high"))
    ]
    all_.append(utility.open(f"{number}-rule", subject_type="rule", org_unit_id="S1"))
    all_.append(open_manual(utility.desk("mei"), "A1", "medium", "told"))
    for attempt in sequence:
        before, version = _standing(utility, all_), utility.version(all_[attempt.which])
        try:
            assert _take(utility, attempt, all_) == version + 1 and attempt.shift == 0
        except (CaseError, psycopg.errors.CheckViolation):
            assert _standing(utility, all_) == before
        _holds(utility, all_)
    with utility.connection.transaction():
        verify(utility.connection)


def _holds(utility: Utility, case_ids: list[str]) -> None:
    wrong = utility.connection.execute(
        "SELECT c.case_id, c.state, c.version FROM ops.audit_case AS c LEFT JOIN ops.audit_case AS cause ON cause.case_id = c.root_cause_case_id "
        "JOIN LATERAL (SELECT e.* FROM ops.audit_case_event AS e WHERE e.case_id = c.case_id ORDER BY event_no DESC LIMIT 1) AS last ON TRUE "
        "WHERE c.case_id = ANY(%s) AND (c.state <> last.to_state OR c.version <> last.event_no "
        "OR c.root_cause_case_id = c.case_id OR cause.root_cause_case_id IS NOT NULL "
        "OR c.root_cause_case_id IS NOT NULL AND c.assigned_to IS NOT NULL "
        "OR (c.state = 'proposed') <> (c.proposed_step IS NOT NULL) AND last.actor <> 'night' "
        "OR c.state = 'confirmed' AND (c.confirmed_amount IS NULL OR c.responsible_org_unit_id IS NULL))",
        [case_ids],
    ).fetchall()
    assert wrong == []


_SETTINGS = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    "database": None,
}


def test_whatever_is_tried(utility: Utility) -> None:
    @settings(max_examples=6, derandomize=True, **_SETTINGS)
    @given(SEQUENCES)
    def tried(sequence: list[Try]) -> None:
        _tried(utility, sequence)

    tried()


@pytest.mark.slow
def test_whatever_is_tried_at_length(utility: Utility) -> None:
    @settings(max_examples=at_length(100), **_SETTINGS)
    @given(SEQUENCES)
    def tried(sequence: list[Try]) -> None:
        _tried(utility, sequence)

    tried()
