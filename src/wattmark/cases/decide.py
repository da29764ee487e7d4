"""What a night makes of a case: the table of cases.md, and nothing else."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from wattmark.case_settings import Cases
from wattmark.cases.judged import FOUND, NOT_FOUND
from wattmark.cases.model import Case

TOUCH, VERIFY, REOPEN, CLOSE, STAY = "touch", "verify", "reopen", "close", "stay"
UNDECIDED = ("open", "assigned", "proposed", "reopened")
IN_WORK = (*UNDECIDED, "confirmed", "rectifying", "rectified")
"""Open to rectified, and reopened: what a night can prove, and what others may hang on."""
ENDED = ("verified", "closed", "dismissed")
"""States in which a case is no cause any more."""


@dataclass(frozen=True)
class Seen:
    """What a night says of one case.

    Attributes:
        verdict: found, not_found or not_judged.
        evidence_hash: of the finding, where found.
        may_reopen: neither the brake, nor an exemption, nor a month that the run was asked for holds it back.
        held_by_brake: whether it is the brake that does.
    """

    verdict: str
    evidence_hash: str | None = None
    may_reopen: bool = True
    held_by_brake: bool = False


def decide(case: Case, seen: Seen, day: dt.date, settings: Cases) -> str:
    """What becomes of a case in a night.

    Args:
        case: as it stands; of a case that judges a month ``period`` is given.
        seen: what the night says of it.
        day: the night's as_of.
        settings: days to wait.
    """
    if case.state in IN_WORK:
        return _of_work(case, seen, day, settings)
    if case.state == "dismissed":
        return _of_dismissed(case, seen, day)
    again = seen.verdict == FOUND and not (
        case.outcome == "accepted" and case.accepted_evidence_hash == seen.evidence_hash
    )
    if again and seen.may_reopen and (case.state == "verified" or case.period is None):
        return REOPEN
    if case.state == "verified" and not (again and seen.held_by_brake) and _filed(case, day, settings):
        return CLOSE
    return STAY


def _of_work(case: Case, seen: Seen, day: dt.date, settings: Cases) -> str:
    if seen.verdict == FOUND:
        if case.state != "rectified" or not seen.may_reopen or case.rectified_on is None:
            return TOUCH
        waited = case.rectified_on + dt.timedelta(days=settings.rectified_days)
        return REOPEN if waited <= day else TOUCH
    if seen.verdict == NOT_FOUND and not (case.state in UNDECIDED and waits_for_a_person(case)):
        return VERIFY
    return STAY


def _of_dismissed(case: Case, seen: Seen, day: dt.date) -> str:
    if seen.verdict != FOUND:
        return STAY
    differs = seen.evidence_hash != case.dismissed_evidence_hash
    has_run_out = case.exempt_until is not None and case.exempt_until < day
    return REOPEN if (differs or has_run_out) and seen.may_reopen else TOUCH


def _filed(case: Case, day: dt.date, settings: Cases) -> bool:
    return case.verified_on is not None and case.verified_on + dt.timedelta(days=settings.close_days) <= day


def waits_for_a_person(case: Case) -> bool:
    """Whether a person reopened it and nobody has decided since: then the night proves nothing."""
    if case.reopened_at is None or case.reopened_by in (None, "night"):
        return False
    return case.decided_at is None or case.decided_at < case.reopened_at


def outcome(case: Case, *, subject_gone: bool, rule_changed: bool) -> str:
    """How a case that is proved ended; ``case`` as it stood before."""
    if case.state == "rectified":
        return "mended"
    if subject_gone:
        return "subject_gone"
    if rule_changed:
        return "rule_changed"
    return "mended" if case.state in ("confirmed", "rectifying") else "vanished"
