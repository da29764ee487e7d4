"""What an audit case is, what an event of it is, and which steps there are (``include/cases/steps.yaml``)."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wattmark.case_settings import IN_DISPUTE as IN_DISPUTE
from wattmark.errors import WattmarkError
from wattmark.yamlfile import read_mapping

NIGHT = "night"
"""The actor of what the night does; every other actor is a login."""
DECISIONS = ("propose_confirm", "propose_dismiss", "approve")
"""Steps that decide a case where they lead to confirmed or dismissed."""
TO_DECIDE = ("open", "assigned", "reopened")
TO_MEND = ("confirmed", "rectifying")
MANUAL = "MANUAL"
"""The rule of cases that people, or the lot, open by hand."""


class CaseError(WattmarkError):
    """A step on a case is refused; nothing was changed."""


class CaseConflictError(CaseError):
    """Somebody else changed the case since it was looked at."""


class CaseBusyError(CaseConflictError):
    """Two worked on the same cases, each waiting for the other; nothing was changed, and another try may do."""


@dataclass(frozen=True)
class Case:
    """A row of ``ops.audit_case``; columns as migration 0009 says them. ``version`` is the number of its newest event."""

    case_id: str
    rule_id: str
    subject_type: str
    subject_id: str
    period: dt.date | None
    account_id: str | None
    customer_id: str | None
    org_unit_id: str | None
    first_seen_on: dt.date
    last_seen_on: dt.date
    state: str
    severity: str
    at_stake_amount: decimal.Decimal | None
    opened_at: dt.datetime
    opened_on: dt.date
    version: int
    evidence: Mapping[str, Any] | None = None
    evidence_hash: str | None = None
    message_en: str | None = None
    message_zh: str | None = None
    found_rule_hash: str | None = None
    judged_run_id: str | None = None
    own_staff_ids: tuple[str, ...] = ()
    assigned_org_unit_id: str | None = None
    assigned_to: str | None = None
    due_on: dt.date | None = None
    extended_due_on: dt.date | None = None
    root_cause_case_id: str | None = None
    cause_kind: str | None = None
    closed_at: dt.datetime | None = None
    closed_on: dt.date | None = None
    outcome: str | None = None
    proposed_step: str | None = None
    proposed_by: str | None = None
    proposed_amount: decimal.Decimal | None = None
    treatment: str | None = None
    reason: str | None = None
    exempt_until: dt.date | None = None
    confirmed_amount: decimal.Decimal | None = None
    responsible_org_unit_id: str | None = None
    hours: decimal.Decimal = decimal.Decimal(0)
    decided_at: dt.datetime | None = None
    decided_on: dt.date | None = None
    rectified_at: dt.datetime | None = None
    rectified_on: dt.date | None = None
    rectified_by: str | None = None
    verified_at: dt.datetime | None = None
    verified_on: dt.date | None = None
    reopened_at: dt.datetime | None = None
    reopened_on: dt.date | None = None
    reopened_by: str | None = None
    accepted_evidence_hash: str | None = None
    dismissed_evidence_hash: str | None = None
    is_off: bool = False


@dataclass(frozen=True)
class Event:
    """A row of ``ops.audit_case_event`` that is not written yet: number and hashes are the log's (``log.append``)."""

    case_id: str
    at: dt.datetime
    on_day: dt.date
    actor: str
    step: str
    from_state: str
    to_state: str
    note: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    run_id: str | None = None


def case_id_of(rule_id: str, subject_type: str, subject_id: str, period: dt.date | None) -> str:
    """Key of a case: ``TAR-01:metering_point:M1:2026-09``; without the month for a rule that judges states."""
    month = "" if period is None else f":{period:%Y-%m}"
    return f"{rule_id}:{subject_type}:{subject_id}{month}"


REOPENED: dict[str, Any] = dict.fromkeys(
    ("assigned_to", "assigned_org_unit_id", "root_cause_case_id", "cause_kind", "closed_at", "closed_on", "outcome",
     "proposed_step", "proposed_by", "proposed_amount", "exempt_until")
)  # fmt: skip
"""Columns that a reopened case begins anew with."""
OF_AN_ACCOUNT = frozenset({"bill", "inspection", "order", "payment", "reading", "service_call"})
"""What comes again and again of one account: two of a kind are the same subject where a subject is looked for again."""


def lasting_subject(subject_type: str, subject_id: str, account_id: str | None) -> tuple[str, str]:
    """The subject by which a case is found again: of a bill, payment, order, call, reading or inspection its account."""
    if subject_type in OF_AN_ACCOUNT and account_id is not None:
        return "account", account_id
    return subject_type, subject_id


@dataclass(frozen=True)
class Step:
    """A step: who takes it, from which states to which, and what its event's detail must and may hold."""

    name: str
    by: tuple[str, ...]
    moves: tuple[tuple[str, str], ...]
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


@dataclass(frozen=True)
class Steps:
    """The file of steps."""

    states: tuple[str, ...]
    steps: dict[str, Step]
    treatments: tuple[str, ...]
    dismissals: tuple[str, ...]
    posts: dict[str, str]
    other_post: str

    def post_of(self, rule_id: str) -> str:
        """The post that judges a rule's findings."""
        return self.posts.get(rule_id) or self.posts.get(rule_id.split("-")[0]) or self.other_post


def load_steps(include: Path) -> Steps:
    """Read ``include/cases/steps.yaml``."""
    raw = read_mapping(include / "cases" / "steps.yaml")
    steps: dict[str, Step] = {}
    for name, given in raw["steps"].items():
        moves = [
            (before, after)
            for move in given["moves"]
            for before in move["from"]
            for after in ([before] if move["to"] == "same" else move["to"])
        ]
        steps[name] = Step(
            name, tuple(given["by"]), tuple(moves), tuple(given.get("needs", ())), tuple(given.get("may", ()))
        )
    return Steps(
        tuple(raw["states"]),
        steps,
        tuple(raw["treatments"]),
        tuple(raw["dismissals"]),
        dict(raw["posts"]),
        str(raw["other_post"]),
    )
