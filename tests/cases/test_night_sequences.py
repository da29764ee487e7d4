"""Any sequence of nights and steps, repeated, out of order and killed, keeps what holds of every case."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.cases.nights import Nights, finding
from tests.examples import at_length
from tests.ops_server import EMPTIED
from wattmark.cases import log, steps
from wattmark.cases.act import Desk
from wattmark.cases.model import CaseError

pytestmark = pytest.mark.usefixtures("no_marts")

FIRST = dt.date(2026, 9, 28)
SUBJECTS = (
    ("MET-03", "metering_point", "P1"),
    ("TAR-02", "metering_point", "P1"),
    ("TAR-20", "bill", "BILL1"),
    ("MET-02", "meter", "M1"),
)
WORKERS, APPROVER, OTHER = ("b1", "b2", "m1"), "boss", "boss2"
LOGINS = (("boss", None, "EAST"), ("boss2", None, "EAST"), ("chief", None, "CITY"))
IN_WORK = ("open", "assigned", "proposed", "confirmed", "rectifying", "rectified", "reopened")


def _propose_confirm(desk: Desk, case_id: str, version: int) -> int:
    return steps.propose_confirm(
        desk, case_id, version, treatment="rebill", amount=10, responsible_org_unit_id="EAST", hours=1
    )


def _propose_exemption(desk: Desk, case_id: str, version: int) -> int:
    until = (desk.at or dt.datetime.now(dt.UTC)).date() + dt.timedelta(days=2)
    return steps.propose_dismiss(desk, case_id, version, reason="known_exception", hours=1, until=until)


STEPS: dict[str, Callable[[Desk, str, int], int]] = {
    "take": steps.take,
    "propose_confirm": _propose_confirm,
    "propose_dismiss": lambda *given: steps.propose_dismiss(*given, reason="data_late", hours=1),
    "propose_exemption": _propose_exemption,
    "approve": steps.approve,
    "done": lambda *given: steps.done(*given, reference="R1", hours=1),
    "hand_back": lambda *given: steps.hand_back(*given, why="not ours"),
    "accept": lambda *given: steps.accept(*given, why="past"),
    "file": steps.file,
    "reopen": lambda *given: steps.reopen(*given, why="look again"),
    "note": lambda *given: steps.note(*given, text="seen"),
}

NIGHT = st.fixed_dictionaries(
    {
        "days": st.integers(0, 3),
        "found": st.sets(st.tuples(st.sampled_from(range(len(SUBJECTS))), st.integers(0, 1)), max_size=4),
        "judged": st.booleans(),
        "month": st.sampled_from([None, None, None, "2026-07-01"]),
        "killed": st.sampled_from([False, False, False, True]),
        "late": st.sampled_from([False, False, False, True]),
    }
)
PERSON = st.tuples(
    st.sampled_from(sorted(STEPS)), st.integers(0, 9), st.sampled_from((*WORKERS, APPROVER, OTHER))
)
SEQUENCE = st.lists(st.one_of(NIGHT, PERSON, PERSON), min_size=4, max_size=14)


@pytest.fixture
def nights(nights_home: Path, ops: Engine, warehouse_url: str) -> Nights:
    return Nights(nights_home, warehouse_url)


class Played:
    """A sequence being played: its day, and what stood before each move."""

    def __init__(self, nights: Nights) -> None:
        self.nights, self.day, self.newest = nights, FIRST, FIRST - dt.timedelta(days=1)
        self.minute = 0
        with nights.connected() as connection:
            connection.execute("ALTER TABLE ops.audit_case_event DISABLE TRIGGER USER")
            connection.execute(
                f"TRUNCATE {', '.join(f'ops.{name}' for name in EMPTIED if name != 'staff_login')}"
            )
            connection.execute("ALTER TABLE ops.audit_case_event ENABLE TRIGGER USER")
            for login in LOGINS:
                connection.execute(
                    "INSERT INTO ops.staff_login (login, staff_id, org_unit_id, role) VALUES (%s, %s, %s, 'approver') "
                    "ON CONFLICT DO NOTHING",
                    login,
                )

    def dump(self, what: str = "audit_case") -> list[dict[str, Any]]:
        with self.nights.connected() as connection:
            return connection.execute(f"SELECT * FROM ops.{what} ORDER BY 1, 2").fetchall()

    def play(self, move: Any) -> None:
        if isinstance(move, tuple):
            self.step(*move)
        else:
            self.night(**move)
        self.check()

    def night(
        self,
        *,
        days: int,
        found: set[tuple[int, int]],
        judged: bool,
        month: str | None,
        killed: bool,
        late: bool,
    ) -> None:
        # Older than the newest one taken in: there must have been one.
        late = late and bool(self.dump("case_night"))
        day = self.newest - dt.timedelta(days=2) if late else self.day + dt.timedelta(days=days)
        rows = [
            finding(*SUBJECTS[at], evidence={"value": value}) for at, value in dict(sorted(found)).items()
        ]
        before = self.dump(), self.dump("audit_case_event")
        run = f"{day:%Y%m%d}"
        known = {row["run_id"] for row in self.dump("case_night")}
        open_cases = [row["case_id"] for row in before[0]]
        given: dict[str, Any] = {"not_found": open_cases if judged else (), "period": month}
        if killed:
            with contextlib.suppress(KeyboardInterrupt):
                self.nights.take(f"{day}", rows, **given, fail=True)
            taken = {row["run_id"] for row in self.dump("case_night")}
            if taken == known:
                assert (self.dump(), self.dump("audit_case_event")) == before
                return
        else:
            counts = self.nights.take(f"{day}", rows, **given)
            taken = {row["run_id"] for row in self.dump("case_night")}
            after = self.dump(), self.dump("audit_case_event")
            # Once more, with other findings: once for a run.
            assert self.nights.take(f"{day}", [], **given) == counts
            assert (self.dump(), self.dump("audit_case_event")) == after
        if taken == known or day < self.newest:
            assert (self.dump(), self.dump("audit_case_event")) == before, run
            return
        self.day, self.newest = max(self.day, day), max(self.newest, day)
        self.after_night(before[0], settles=month is None, rows=rows)

    def after_night(self, before: list[dict[str, Any]], *, settles: bool, rows: list[dict[str, Any]]) -> None:
        stood = {row["case_id"]: row for row in before}
        found = {(row["rule_id"], row["subject_id"]) for row in rows}
        now = {row["case_id"]: row for row in self.dump()}
        for case_id, row in now.items():
            was = stood.get(case_id)
            if not settles and was is not None:
                assert (was["state"], was["root_cause_case_id"]) == (
                    row["state"],
                    row["root_cause_case_id"],
                ) or row["root_cause_case_id"]
            if was is None:
                assert (row["rule_id"], row["subject_id"]) in found
                assert row["opened_on"] == row["first_seen_on"] == self.newest
            elif was["state"] == "closed" and was["period"] is not None:
                assert row == was
            if settles and row["root_cause_case_id"] is None:
                # Nothing waits to be given out.
                assert row["state"] not in ("open", "reopened")
            if settles and row["root_cause_case_id"] is not None and row["state"] in IN_WORK:
                assert now[row["root_cause_case_id"]]["state"] in IN_WORK
            if row["state"] == "verified":
                assert row["outcome"] in ("mended", "subject_gone", "rule_changed", "vanished", "accepted")

    def step(self, name: str, at: int, login: str) -> None:
        cases = self.dump()
        if not cases:
            return
        case = cases[at % len(cases)]
        self.minute += 1
        moment = dt.datetime.combine(
            self.newest + dt.timedelta(days=1), dt.time(8), self.nights.settings.zone
        )
        before = self.dump(), self.dump("audit_case_event")
        with psycopg.connect(log_url(self.nights.url)) as connection:
            desk = Desk(connection, self.nights.settings, login, moment + dt.timedelta(minutes=self.minute))
            try:
                STEPS[name](desk, case["case_id"], case["version"])
            except CaseError:
                connection.rollback()
                assert (self.dump(), self.dump("audit_case_event")) == before

    def check(self) -> None:
        with psycopg.connect(log_url(self.nights.url)) as connection:
            log.verify(connection)
        cases = {row["case_id"]: row for row in self.dump()}
        for row in cases.values():
            root = row["root_cause_case_id"]
            if root is not None and row["state"] in IN_WORK:
                assert cases[root]["root_cause_case_id"] is None, "an effect of an effect"
                assert (row["state"], row["assigned_to"], row["due_on"]) == ("open", None, None)
            elif row["state"] in IN_WORK:
                assert row["due_on"] is not None
            assert row["assigned_to"] not in (row["own_staff_ids"] or ())
        last: dict[str, dict[str, Any]] = {}
        for event in self.dump("audit_case_event"):
            previous = last.get(event["case_id"])
            assert previous is None or (
                previous["at"] <= event["at"] and previous["on_day"] <= event["on_day"]
            ), event
            last[event["case_id"]] = event


def log_url(url: str) -> str:
    from wattmark.publish.ops import libpq_url

    return libpq_url(url)


def play(nights: Nights, moves: list[Any]) -> None:
    played = Played(nights)
    for move in moves:
        played.play(move)


@settings(
    max_examples=3, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(SEQUENCE)
def test_any_sequence_keeps_what_holds(nights: Nights, moves: list[Any]) -> None:
    play(nights, moves)


@pytest.mark.slow
@settings(
    max_examples=at_length(15), deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(SEQUENCE)
def test_many_sequences_keep_what_holds(nights: Nights, moves: list[Any]) -> None:
    play(nights, moves)


@pytest.mark.parametrize("months", [True, False])
def test_a_case_lives_through_all_of_it(nights: Nights, months: bool) -> None:
    """Found, mended, found again, mended, proved, filed; and, of what stands, found once more."""
    rule = 2 if months else 3
    night = {"days": 1, "found": {(rule, 0)}, "judged": True, "month": None, "killed": False, "late": False}
    worker = "b2" if months else "m1"
    mended: list[Any] = [("take", 0, worker), ("propose_confirm", 0, worker), ("done", 0, "b2")]
    played = Played(nights)
    # All of it within one month.
    played.day = played.newest = dt.date(2026, 9, 9)
    moves: list[Any] = [night, *mended, night, {**night, "days": 2}, *mended, {**night, "found": set()}]
    for move in moves:
        played.play(move)
    (case,) = played.dump()
    assert (case["state"], case["outcome"]) == ("verified", "mended")
    assert "reopen" in nights.steps(case["case_id"])
