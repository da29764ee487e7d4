"""What people do on a case, one function a step. Each is one transaction and gives the case's new version.

Each names the ``version`` it saw, the number of the case's newest event; whoever comes second is told
(``CaseConflictError``). A refused step changes nothing. Besides, all raise ``RightsError`` where the login may not do
it, and ``CaseError`` where the case's state does not allow it or something that the step needs is missing.
"""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

from wattmark.cases.act import Act, Desk, acting, number, one_of, steps_of
from wattmark.cases.due import working_day_after
from wattmark.cases.exempt import exempt
from wattmark.cases.model import IN_DISPUTE, REOPENED
from wattmark.cases.rights import RightsError, refuse_unknown_unit, who_may_judge

KNOWN_EXCEPTION = "known_exception"
_NOT_PROPOSED = {"proposed_step": None, "proposed_by": None, "proposed_amount": None}
_UNDECIDED = {
    **_NOT_PROPOSED, "treatment": None, "reason": None, "exempt_until": None, "confirmed_amount": None, "responsible_org_unit_id": None,
}  # fmt: skip
_MOST_HOURS = 10_000


def assign(
    desk: Desk,
    case_id: str,
    version: int,
    org_unit_id: str,
    staff_id: str | None = None,
    note: str | None = None,
) -> int:
    """Give a case to a unit of the own tree, and to a member of staff who may judge it."""
    with acting(desk, case_id, version, "assign") as act:
        act.in_own_tree()
        act.stands_alone()
        values, detail = _given_to(act, org_unit_id, staff_id)
        act.write("assigned", values, detail, note)
    return act.version


def move(
    desk: Desk,
    case_id: str,
    version: int,
    org_unit_id: str,
    staff_id: str | None = None,
    note: str | None = None,
) -> int:
    """Hand a case to another unit of the own tree, in whatever state it is; what is proposed is moved by approvers."""
    with acting(desk, case_id, version, "move") as act:
        act.in_own_tree()
        if act.case.state == "proposed" and not act.actor.is_a("approver"):
            raise RightsError(
                "case.role",
                f"case {case_id} is proposed; only an approver moves it.",
                "Nothing was changed. Ask an approver.",
            )
        if staff_id is not None:
            act.stands_alone()
        values, detail = _given_to(act, org_unit_id, staff_id)
        act.write(act.case.state, values, detail, note)
    return act.version


def _given_to(
    act: Act, org_unit_id: str, staff_id: str | None
) -> tuple[dict[str, object], dict[str, object]]:
    if org_unit_id not in act.actor.units:
        raise RightsError(
            "case.not_yours", f"case {act.case.case_id}: unit {org_unit_id} is not yours or one below.",
            "Nothing was changed. Name a unit of your own tree.",
        )  # fmt: skip
    refuse_unknown_unit(act.connection, org_unit_id)
    detail: dict[str, object] = {"org_unit_id": org_unit_id}
    if staff_id is not None:
        who_may_judge(act.connection, act.case, staff_id, org_unit_id)
        detail["staff_id"] = staff_id
    return {"assigned_org_unit_id": org_unit_id, "assigned_to": staff_id}, detail


def take(desk: Desk, case_id: str, version: int, note: str | None = None) -> int:
    """Take a case oneself; it is the own unit's from then on."""
    with acting(desk, case_id, version, "take") as act:
        act.in_own_tree()
        act.stands_alone()
        act.judges()
        act.write(
            "assigned",
            {"assigned_to": act.staff_id(), "assigned_org_unit_id": act.actor.org_unit_id},
            {},
            note,
        )
    return act.version


def propose_confirm(
    desk: Desk,
    case_id: str,
    version: int,
    *,
    treatment: str,
    amount: object,
    responsible_org_unit_id: str,
    hours: object,
    note: str | None = None,
) -> int:
    """Say that a finding is right, and what is to be done; decided at once where four eyes are not asked for.

    Args:
        desk: who acts; the case is assigned to them.
        case_id: the case.
        version: as seen.
        treatment: one of the treatments of the file of steps.
        amount: money that mending it moves, signed as at stake is, to two places.
        responsible_org_unit_id: the unit that mends it.
        hours: what looking at it took.
        note: anything else.
    """
    with acting(desk, case_id, version, "propose_confirm") as act:
        where = f"case {case_id}"
        _proposes(act)
        one_of("treatment", treatment, steps_of(desk.settings).treatments, where)
        money, spent = number("amount", amount, where), _hours(act, hours)
        refuse_unknown_unit(act.connection, act.text("responsible_org_unit_id", responsible_org_unit_id))
        detail = {
            "treatment": treatment,
            "amount": money,
            "responsible_org_unit_id": responsible_org_unit_id,
            "hours": spent,
        }
        values = {
            "treatment": treatment, "reason": None, "exempt_until": None, "responsible_org_unit_id": responsible_org_unit_id,
            "proposed_by": act.actor.login, "proposed_amount": money, "hours": act.case.hours + spent,
        }  # fmt: skip
        if needs_four_eyes(act, money):
            act.write("proposed", {**values, "proposed_step": "propose_confirm"}, detail, note)
        else:
            act.write("confirmed", {**values, **_decided(act), "confirmed_amount": money}, detail, note)
    return act.version


def propose_dismiss(
    desk: Desk,
    case_id: str,
    version: int,
    *,
    reason: str,
    hours: object,
    until: dt.date | None = None,
    note: str | None = None,
) -> int:
    """Say that a finding is nothing to be mended; decided at once where four eyes are not asked for.

    Args:
        desk: who acts; the case is assigned to them.
        case_id: the case.
        version: as seen.
        reason: one of the dismissals of the file of steps; ``other`` in words, as the note.
        hours: what looking at it took.
        until: of ``known_exception`` the last day on which it is one.
        note: anything else.
    """
    with acting(desk, case_id, version, "propose_dismiss") as act:
        where = f"case {case_id}"
        _proposes(act)
        one_of("reason", reason, steps_of(desk.settings).dismissals, where)
        spent = _hours(act, hours)
        if reason == "other":
            act.text("note", note)
        _exemption_days(act, reason, until)
        detail: dict[str, Any] = {"reason": reason, "hours": spent}
        if until is not None:
            detail["until"] = until.isoformat()
        values = {
            "treatment": None, "reason": reason, "exempt_until": until, "responsible_org_unit_id": None,
            "proposed_by": act.actor.login, "proposed_amount": None, "hours": act.case.hours + spent,
        }  # fmt: skip
        if reason == KNOWN_EXCEPTION or needs_four_eyes(act, decimal.Decimal(0)):
            act.write("proposed", {**values, "proposed_step": "propose_dismiss"}, detail, note)
        else:
            act.write("dismissed", {**values, **_dismissed(act)}, detail, note)
    return act.version


def _proposes(act: Act) -> None:
    act.in_own_tree()
    act.stands_alone()
    act.judges()
    if act.case.assigned_to is None or act.case.assigned_to != act.actor.staff_id:
        raise RightsError(
            "case.not_assigned", f"case {act.case.case_id} is not assigned to you; who it is assigned to proposes.",
            "Nothing was changed. Take it first.",
        )  # fmt: skip


def _hours(act: Act, hours: object) -> decimal.Decimal:
    return number("hours", hours, f"case {act.case.case_id}", least=0, below=_MOST_HOURS)


def _exemption_days(act: Act, reason: str, until: dt.date | None) -> None:
    if reason != KNOWN_EXCEPTION:
        if until is not None:
            raise act.refused("until", f"only {KNOWN_EXCEPTION} has a last day.", "Leave until out.")
        return
    months = act.desk.settings.cases.exemption_months
    last = months_after(act.day, months)
    if until is None or not act.day <= until <= last:
        raise act.refused(
            "until", f"a known exception holds to a day from {act.day} to {last} ({months} months ahead).", "Name such a day."
        )  # fmt: skip


def months_after(day: dt.date, months: int) -> dt.date:
    """The same day so many months later; the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = first_of_next - dt.timedelta(days=1)
    return last.replace(day=min(day.day, last.day))


def needs_four_eyes(act: Act, amount: decimal.Decimal) -> bool:
    """Whether a second person decides: for a high severity, and from so much money on.

    At stake is the case's money, and that of the same rule's later months which hang on it and have not ended.
    """
    rows = act.connection.cursor().execute(
        "SELECT severity, COALESCE(ABS(at_stake_amount), 0) FROM ops.audit_case "
        "WHERE root_cause_case_id = %s AND cause_kind = 'earlier_month' AND state = ANY(%s)",
        [act.case.case_id, list(IN_DISPUTE)],
    ).fetchall()  # fmt: skip
    at_stake = sum((row[1] for row in rows), abs(act.case.at_stake_amount or decimal.Decimal(0)))
    limit = decimal.Decimal(str(act.desk.settings.cases.four_eyes_amount))
    is_high = "high" in {act.case.severity, *(row[0] for row in rows)}
    return is_high or max(at_stake, abs(amount)) >= limit


def _decided(act: Act) -> dict[str, object]:
    return {"decided_at": act.at, "decided_on": act.day, "proposed_step": None}


def _dismissed(act: Act) -> dict[str, object]:
    return {**_decided(act), "dismissed_evidence_hash": act.case.evidence_hash, "confirmed_amount": None}


def approve(desk: Desk, case_id: str, version: int, note: str | None = None) -> int:
    """Decide as it was proposed, by an approver other than the proposer; writes the exemption of a known exception."""
    with acting(desk, case_id, version, "approve") as act:
        act.in_own_tree()
        act.judges()
        act.other_than(act.case.proposed_by, "proposed it")
        if act.case.proposed_step == "propose_confirm":
            act.write("confirmed", {**_decided(act), "confirmed_amount": act.case.proposed_amount}, {}, note)
        else:
            act.write("dismissed", _dismissed(act), {}, note)
            if act.case.reason == KNOWN_EXCEPTION:
                _exempt(act)
    return act.version


def _exempt(act: Act) -> None:
    case = act.case
    if case.exempt_until is None or case.exempt_until < act.day:
        raise act.refused(
            "until",
            f"the exemption would have ended on {case.exempt_until}.",
            "Return it to whoever proposed it.",
        )
    exempt(act.connection, case, act.day, case.exempt_until)


def return_(desk: Desk, case_id: str, version: int, why: str, note: str | None = None) -> int:
    """Send a proposal back to whoever the case is assigned to."""
    with acting(desk, case_id, version, "return") as act:
        act.in_own_tree()
        act.write("assigned", _UNDECIDED, {"why": act.text("why", why)}, note)
    return act.version


def start(desk: Desk, case_id: str, version: int, note: str | None = None) -> int:
    """Begin to mend, in the responsible unit."""
    with acting(desk, case_id, version, "start") as act:
        act.by_responsible_unit()
        act.write("rectifying", {}, {}, note)
    return act.version


def done(
    desk: Desk, case_id: str, version: int, reference: str, hours: object, note: str | None = None
) -> int:
    """Say that it is mended: ``reference`` is the bill, order or event that shows it, or words."""
    with acting(desk, case_id, version, "done") as act:
        act.by_responsible_unit()
        spent = _hours(act, hours)
        values = {
            "rectified_at": act.at,
            "rectified_on": act.day,
            "rectified_by": act.actor.login,
            "hours": act.case.hours + spent,
        }
        act.write("rectified", values, {"reference": act.text("reference", reference), "hours": spent}, note)
    return act.version


def hand_back(desk: Desk, case_id: str, version: int, why: str, note: str | None = None) -> int:
    """Give a confirmed case back to be decided anew; confirmed amount and responsible unit fall."""
    with acting(desk, case_id, version, "hand_back") as act:
        act.by_responsible_unit(or_approver=True)
        act.write("assigned", _UNDECIDED, {"why": act.text("why", why)}, note)
    return act.version


def accept(desk: Desk, case_id: str, version: int, why: str, note: str | None = None) -> int:
    """Take as proved what no night can prove, by an approver other than whoever mended it."""
    with acting(desk, case_id, version, "accept") as act:
        act.in_own_tree()
        act.judges()
        act.other_than(act.case.rectified_by, "mended it")
        values = {
            "outcome": "accepted",
            "verified_at": act.at,
            "verified_on": act.day,
            "accepted_evidence_hash": act.case.evidence_hash,
        }
        act.write("verified", values, {"why": act.text("why", why)}, note)
    return act.version


def add_work(
    desk: Desk, case_id: str, version: int, reference: str, hours: object, note: str | None = None
) -> int:
    """Write down work that was done on a case the night has verified already."""
    with acting(desk, case_id, version, "add_work") as act:
        act.by_responsible_unit()
        spent = _hours(act, hours)
        detail = {"reference": act.text("reference", reference), "hours": spent}
        act.write("verified", {"hours": act.case.hours + spent}, detail, note)
    return act.version


def file(desk: Desk, case_id: str, version: int, note: str | None = None) -> int:
    """Close a verified case."""
    with acting(desk, case_id, version, "file") as act:
        act.in_own_tree()
        act.write("closed", {"closed_at": act.at, "closed_on": act.day}, {}, note)
    return act.version


def reopen(desk: Desk, case_id: str, version: int, why: str, note: str | None = None) -> int:
    """Take a case up again that was dismissed, verified or closed; it is due anew and nobody's yet."""
    with acting(desk, case_id, version, "reopen") as act:
        act.in_own_tree()
        due_on = act.due()
        values = {
            **REOPENED, "reopened_at": act.at, "reopened_on": act.day, "reopened_by": act.actor.login, "due_on": due_on,
            "extended_due_on": None,
        }  # fmt: skip
        act.write("reopened", values, {"why": act.text("why", why), "due_on": due_on.isoformat()}, note)
    return act.version


def note(desk: Desk, case_id: str, version: int, text: str) -> int:
    """Write something down."""
    with acting(desk, case_id, version, "note") as act:
        act.write(act.case.state, {}, {}, act.text("note", text))
    return act.version


def extend(desk: Desk, case_id: str, version: int, due_on: dt.date, why: str, note: str | None = None) -> int:
    """Put off a due date that has not passed, once."""
    with acting(desk, case_id, version, "extend") as act:
        act.in_own_tree()
        case = act.case
        if case.due_on is None:
            raise act.refused("due", "it has no due date.", "Extend its cause.")
        if case.due_on < act.day:
            raise act.refused("due", f"its due date, {case.due_on}, has passed.", "Do it, or return it.")
        if case.extended_due_on == case.due_on:
            raise act.refused(
                "due", f"its due date was put off to {case.due_on} already.", "Once is allowed."
            )
        days = desk.settings.cases.extend_days
        last = working_day_after(desk.settings, case.due_on, days)
        if not case.due_on < due_on <= last:
            raise act.refused(
                "due", f"{due_on} is not after {case.due_on} and at most {days} working days later ({last}).", "Name such a day."
            )  # fmt: skip
        detail = {"why": act.text("why", why), "due_on": due_on.isoformat()}
        act.write(case.state, {"due_on": due_on, "extended_due_on": due_on}, detail, note)
    return act.version


def release(desk: Desk, case_id: str, version: int, why: str, note: str | None = None) -> int:
    """Let a rule through that the brake holds: its findings open cases the next night."""
    with acting(desk, case_id, version, "release") as act:
        act.in_own_tree()
        if act.case.subject_type != "rule":
            raise act.refused(
                "not_rule", "only a case that speaks of a rule is released.", "Decide the case instead."
            )
        act.write("closed", {"closed_at": act.at, "closed_on": act.day}, {"why": act.text("why", why)}, note)
    return act.version
