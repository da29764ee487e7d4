"""One cause, one case: approvers hang a case on its cause, and take it off again."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import tuple_row

from wattmark.cases.act import RULE, Act, Desk, acting, read_cases
from wattmark.cases.log import Change
from wattmark.cases.model import Case, CaseConflictError, CaseError, lasting_subject
from wattmark.cases.rights import RightsError

_IN_WORK = ("open", "assigned", "proposed", "confirmed", "rectifying", "rectified", "reopened")
"""States in which a case can be a cause."""
_HUNG = {
    "assigned_to": None, "assigned_org_unit_id": None, "due_on": None, "extended_due_on": None,
}  # fmt: skip


def link(desk: Desk, case_id: str, version: int, root_cause_case_id: str, note: str | None = None) -> int:
    """Hang a case on its cause; it is open, nobody's and not due from then on, and its own effects hang on the cause too.

    Args:
        desk: who acts, an approver in whose tree both are.
        case_id: the effect.
        version: of the effect, as seen.
        root_cause_case_id: the cause; of one that is an effect itself, its cause.
        note: anything else.

    Returns:
        the effect's new version.

    Raises:
        RightsError: the login may not.
        CaseConflictError: somebody changed one of the cases meanwhile.
        CaseError: it would hang on itself or on its own effect, or on a case that is not in work.
    """
    root = _root(desk.connection, root_cause_case_id)
    effects = effects_of(desk.connection, case_id)
    with acting(desk, case_id, version, "link", also={root_cause_case_id, root, *effects}) as act:
        act.in_own_tree()
        _refuse_no_cause(act, root_cause_case_id, root)
        if effects_of(act.connection, case_id) != effects:
            raise CaseConflictError(
                "case.conflict", f"case {case_id}: its effects changed at that moment.",
                "Nothing was changed. Look at the case again, then decide.",
            )  # fmt: skip
        handed = [act.others[effect] for effect in effects if act.others[effect].state == "open"]
        detail = {"root_cause_case_id": root}
        others = [
            Change(effect.case_id, [act.event(effect, "open", detail)], detail, seen=effect.version)
            for effect in handed
        ]
        kind = _kind(act.case, act.others[root_cause_case_id], act.others[root])
        act.write("open", {**_HUNG, **detail, "cause_kind": kind}, detail, note, others)
    return act.version


def _kind(case: Case, *causes: Case) -> str:
    """How a case hangs that a person hung: ``earlier_month`` is money of its own, ``person`` its cause's once more."""
    subject = lasting_subject(case.subject_type, case.subject_id, case.account_id)
    is_later = any(
        case.period is not None
        and cause.period is not None
        and cause.period < case.period
        and cause.rule_id == case.rule_id
        and lasting_subject(cause.subject_type, cause.subject_id, cause.account_id) == subject
        for cause in causes
    )
    return "earlier_month" if is_later else "person"


def _refuse_no_cause(act: Act, asked: str, root: str) -> None:
    """See that a case may hang on ``root``, the cause of the one that was asked for."""
    case, named, cause = act.case, act.others.get(asked), act.others.get(root)
    if named is None or cause is None or not act.actor.sees(named):
        raise CaseError(
            "case.unknown", f"There is no case {asked} that you may see.", "Look it up in the list of cases."
        )
    if (named.root_cause_case_id or asked) != root:
        raise CaseConflictError(
            "case.conflict",
            f"case {asked} was changed at that moment.",
            "Nothing was changed. Look at it again.",
        )
    if root == case.case_id:
        what = "itself" if asked == case.case_id else f"{asked}, which is its own effect"
        raise act.refused("circle", f"it cannot hang on {what}.", "Name another cause.")
    if RULE in (case.subject_type, cause.subject_type):
        raise act.refused(
            "rule", "a case that speaks of a rule is neither cause nor effect.", "Name another cause."
        )
    if case.root_cause_case_id == root:
        raise act.refused("linked", f"it hangs on {root} already.", "Nothing is to be done.")
    if not act.actor.sees(cause):
        raise RightsError(
            "case.not_yours",
            f"case {root}, the cause, is not of your unit or one below.",
            "Nothing was changed. Ask its approver.",
        )
    if cause.state not in _IN_WORK:
        raise act.refused(
            "ended", f"its cause {root} is {cause.state} and causes nothing any more.", "Name a case in work."
        )


def unlink(
    desk: Desk, case_id: str, version: int, root_cause_case_id: str | None = None, note: str | None = None
) -> int:
    """Take an effect off its cause: it is open, due anew and worked by itself.

    Args:
        desk: who acts, an approver in whose tree the effect is.
        case_id: the effect.
        version: as seen.
        root_cause_case_id: the cause that was seen; whichever it is where left out.
        note: anything else.
    """
    with acting(desk, case_id, version, "unlink") as act:
        act.in_own_tree()
        root = act.case.root_cause_case_id
        if root is None or root_cause_case_id not in (None, root):
            hangs = "on no cause" if root is None else f"on {root}"
            raise act.refused("not_linked", f"it hangs {hangs}.", "Look at the case again.")
        due_on = act.due()
        act.write(
            "open",
            {**_HUNG, "root_cause_case_id": None, "cause_kind": None, "due_on": due_on},
            {"root_cause_case_id": root, "due_on": due_on.isoformat()},
            note,
        )
    return act.version


def _root(connection: psycopg.Connection[Any], case_id: str) -> str:
    found = read_cases(connection, [case_id]).get(case_id)
    return (found.root_cause_case_id if found else None) or case_id


def effects_of(connection: psycopg.Connection[Any], case_id: str) -> list[str]:
    """Ids of the cases that hang on a case, in order."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(
            "SELECT case_id FROM ops.audit_case WHERE root_cause_case_id = %s ORDER BY case_id", [case_id]
        ).fetchall()
    return [row[0] for row in rows]
