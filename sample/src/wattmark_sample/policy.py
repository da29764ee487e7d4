"""How the people of the sample utility work on cases: by role, from the seed alone; mostly right, some wrong, some late."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wattmark.cases.model import TO_DECIDE, Case

EAGERNESS = {"high": 0.9, "medium": 0.65, "low": 0.4}
"""Share of the cases of a severity that somebody turns to in a session of work."""
STEPS_A_SESSION = 4
TREATMENTS = {
    "TAR": "rebill", "COL": "recover", "RSK": "recover", "MET": "replace_meter", "ARC": "mend_record", "ACC": "mend_record",
    "BUS": "sign_contract", "INS": "site_visit", "NET": "site_visit", "ANA": "site_visit", "SVC": "instruct_staff",
}  # fmt: skip
"""What is done about a family's findings."""
WHY = {
    "not_an_error": "已核对档案与账单，数据无误。",
    "known_exception": "经批准的特殊情况，期满复核。",
    "data_late": "数据晚到，次日已补齐。",
    "duplicate": "与另一案件为同一问题。",
    "rule_wrong": "规则不适用于该类用户。",
    "other": "现场核实后无需处理。",
}
"""What is written beside a dismissal, by its reason."""
_REASONS = (
    ("not_an_error", 0.4), ("known_exception", 0.2), ("data_late", 0.12), ("duplicate", 0.08), ("rule_wrong", 0.15), ("other", 1.0),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody with a login, as ``ops.staff_login`` has them."""

    login: str
    staff_id: str | None
    org_unit_id: str
    role: str


@dataclass(frozen=True)
class Move:
    """A step that somebody takes; ``mends`` says whether what is found is really put right by it."""

    login: str
    step: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None
    mends: bool = False


@dataclass(frozen=True)
class Policy:
    """Who takes which step on a case next.

    Args of the record:
        seed: the same seed, cases and people give the same moves.
        people: everybody with a login.
        above: of each unit, itself and the units above it.
        is_real: whether a case speaks of a fault that is there.
        needs_acceptance: whether no night can prove a rule's mending (``proof: none``).
    """

    seed: int
    people: Sequence[Person]
    above: Mapping[str, tuple[str, ...]]
    is_real: Callable[[Case], bool]
    needs_acceptance: Callable[[Case], bool]

    def draw(self, case: Case, what: str) -> float:
        """A number from 0 up to 1 that the case's version and a word decide."""
        text = f"{self.seed}:{case.case_id}:{case.version}:{what}"
        return int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) / 16**13

    def turns_to(self, case: Case, day: dt.date) -> bool:
        """Whether anybody turns to a case in the session of a day: what is overdue more likely than what is not."""
        eager = EAGERNESS[case.severity]
        if case.due_on is not None and case.due_on < day:
            eager = (eager + 1) / 2
        return self.draw(case, f"turn {day}") < eager

    def next(self, case: Case, day: dt.date) -> Move | None:
        """The next step on a case; None where it waits for the night, or for the cause it hangs on.

        Args:
            case: as it stands.
            day: of the step.
        """
        if case.root_cause_case_id is not None:
            return None
        if case.subject_type == "rule":
            return self._of_rule(case)
        if case.state in TO_DECIDE:
            return self._to_decide(case, day)
        by_state = {
            "proposed": self._proposed,
            "confirmed": self._to_mend,
            "rectifying": self._to_mend,
            "rectified": self._rectified,
            "verified": self._verified,
            "dismissed": self._dismissed,
        }
        move = by_state.get(case.state)
        return move(case) if move is not None else None

    # --- who ---

    def _may(self, unit: str | None, role: str, case: Case, but: str | None = None) -> list[Person]:
        """People of a role who may judge the case, in whose tree a unit lies, the nearest and then the login first."""
        tree = self.above.get(unit or "", ())
        found = [
            person
            for person in self.people
            if person.role == role
            and person.org_unit_id in tree
            and person.login != but
            and (person.staff_id is None or person.staff_id not in case.own_staff_ids)
        ]
        return sorted(found, key=lambda person: (tree.index(person.org_unit_id), person.login))

    def _worker(self, case: Case, unit: str | None, what: str) -> Person | None:
        found = self._may(unit, "worker", case)
        return found[int(self.draw(case, what) * len(found))] if found else None

    def _approver(self, case: Case, but: str | None) -> Person | None:
        return next(
            iter(self._may(case.assigned_org_unit_id or case.org_unit_id, "approver", case, but)), None
        )

    # --- what ---

    def _of_rule(self, case: Case) -> Move | None:
        who = self._approver(case, None)
        if who is None or case.state not in ("open", "reopened") or self.draw(case, "release") > 0.6:
            return None
        return Move(
            who.login, "release", {"why": "已抽查，发现属实，逐案处理。"}, "已抽查，发现属实，逐案处理。"
        )

    def _to_decide(self, case: Case, day: dt.date) -> Move | None:
        own = next(
            (person for person in self.people if person.staff_id and person.staff_id == case.assigned_to),
            None,
        )
        if case.state == "assigned" and own is not None:
            return self._decision(case, own, day)
        if case.state == "reopened" and case.reopened_by not in (None, "night"):
            boss = self._approver(case, None)
            worker = self._worker(case, case.org_unit_id, "assign")
            if boss is not None and worker is not None:
                given = {"org_unit_id": worker.org_unit_id, "staff_id": worker.staff_id}
                return Move(boss.login, "assign", given)
        worker = self._worker(case, case.assigned_org_unit_id or case.org_unit_id, "take")
        return None if worker is None else Move(worker.login, "take")

    def _decision(self, case: Case, who: Person, day: dt.date) -> Move | None:
        if case.due_on is not None and case.due_on >= day and case.extended_due_on is None:
            boss = self._approver(case, None)
            if boss is not None and self.draw(case, "extend") < 0.04:
                later = case.due_on + dt.timedelta(days=5)
                return Move(
                    boss.login, "extend", {"why": "等待现场条件。", "due_on": later}, "等待现场条件。"
                )
        if self.draw(case, "note") < 0.08:
            return Move(who.login, "note", note="已联系用户，等待回复。")
        # Found again and again, with nothing left to mend: it is as it is.
        is_real = self.is_real(case) and not (case.reopened_by == "night" and case.version > 24)
        hours = decimal.Decimal(1 + int(self.draw(case, "hours") * 10)) / 4
        if self.draw(case, "confirm") < (0.93 if is_real else 0.25):
            stake = abs(case.at_stake_amount or decimal.Decimal(0))
            share = decimal.Decimal(1) if self.draw(case, "amount") < 0.8 else decimal.Decimal("0.8")
            unit = case.org_unit_id if case.org_unit_id in self.above else who.org_unit_id
            given = {
                "treatment": TREATMENTS.get(case.rule_id.split("-")[0], "other"),
                "amount": (stake * share).quantize(decimal.Decimal("0.01")),
                "responsible_org_unit_id": unit,
                "hours": hours,
            }
            return Move(who.login, "propose_confirm", given, "核对属实，按规定处理。")
        reason = next(name for name, below in _REASONS if self.draw(case, name) < below)
        detail: dict[str, Any] = {"reason": reason, "hours": hours}
        if reason == "known_exception":
            detail["until"] = day + dt.timedelta(days=60 + int(self.draw(case, "until") * 200))
        return Move(who.login, "propose_dismiss", detail, WHY[reason])

    def _proposed(self, case: Case) -> Move | None:
        who = self._approver(case, case.proposed_by)
        if who is None:
            return None
        # What was sent back once is let through.
        if self.draw(case, "return") < 0.12 and case.version < 12:
            return Move(who.login, "return", {"why": "请补充现场照片。"}, "请补充现场照片。")
        return Move(who.login, "approve")

    def _to_mend(self, case: Case) -> Move | None:
        who = self._worker(case, case.responsible_org_unit_id, "mend")
        if who is None:
            return None
        if self.draw(case, "hand back") < 0.04:
            return Move(
                who.login, "hand_back", {"why": "责任部门不符，请重新认定。"}, "责任部门不符，请重新认定。"
            )
        if case.state == "confirmed" and self.draw(case, "start") < 0.7:
            return Move(who.login, "start")
        if self.draw(case, "waits") < 0.2:
            return None
        hours = decimal.Decimal(2 + int(self.draw(case, "work") * 14)) / 4
        reference = f"WO-{int(self.draw(case, 'order') * 10**6):06d}"
        return Move(
            who.login, "done", {"reference": reference, "hours": hours}, mends=self.draw(case, "mends") < 0.85
        )

    def _rectified(self, case: Case) -> Move | None:
        who = self._approver(case, case.rectified_by)
        if who is None or not self.needs_acceptance(case):
            return None
        return Move(who.login, "accept", {"why": "整改材料齐全。"}, "整改材料齐全。")

    def _verified(self, case: Case) -> Move | None:
        who = self._approver(case, None)
        if who is None or self.draw(case, "file") > 0.25:
            return None
        return Move(who.login, "file")

    def _dismissed(self, case: Case) -> Move | None:
        who = self._approver(case, None)
        # Who dismissed a fault that is there is found out at times.
        if who is None or not self.is_real(case) or self.draw(case, "reopen") > 0.3:
            return None
        return Move(who.login, "reopen", {"why": "复查发现问题仍在。"}, "复查发现问题仍在。")
