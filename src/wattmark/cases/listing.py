"""Cases and their events as they are listed; without names of people."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from wattmark.cases.rights import Actor

_ROWS = """
SELECT case_id, rule_id, state, severity, at_stake_amount, org_unit_id, assigned_org_unit_id, assigned_to, due_on, opened_on,
  root_cause_case_id, version
FROM ops.audit_case
WHERE (%(units)s::text[] IS NULL OR org_unit_id = ANY(%(units)s) OR assigned_org_unit_id = ANY(%(units)s)
    OR responsible_org_unit_id = ANY(%(units)s))
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(rule_id)s::text IS NULL OR rule_id = %(rule_id)s)
  AND (%(account_id)s::text IS NULL OR account_id = %(account_id)s)
  AND (%(staff_id)s::text IS NULL OR assigned_to = %(staff_id)s)
ORDER BY due_on NULLS LAST, ABS(at_stake_amount) DESC NULLS LAST, case_id COLLATE "C"
LIMIT %(most)s
"""
_EVENTS = """
SELECT event_no, at, on_day, actor, step, from_state, to_state, note, detail FROM ops.audit_case_event
WHERE case_id = %s ORDER BY event_no
"""


def cases(
    connection: psycopg.Connection[Any],
    actor: Actor | None = None,
    *,
    state: str | None = None,
    rule_id: str | None = None,
    account_id: str | None = None,
    mine: bool = False,
    most: int = 100,
) -> list[dict[str, Any]]:
    """Cases, those due first.

    Args:
        connection: on the warehouse.
        actor: whose tree they are of; None for whoever runs Wattmark, who sees all.
        state: only those in a state.
        rule_id: only those of a rule.
        account_id: only those of an account.
        mine: only those assigned to the actor.
        most: so many at most.
    """
    asked = {
        "units": None if actor is None else sorted(actor.units),
        "state": state,
        "rule_id": rule_id,
        "account_id": account_id,
        "staff_id": (actor.staff_id or "") if mine and actor is not None else None,
        "most": most,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_ROWS, asked).fetchall()


def events(connection: psycopg.Connection[Any], case_id: str) -> list[dict[str, Any]]:
    """Events of a case, the oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_EVENTS, [case_id]).fetchall()
