"""Audit cases out of schema ``ops``, as they stand when a night closes, as tables that SQL files may read."""

from __future__ import annotations

import pyarrow as pa

from wattmark.contract.types import TYPES, Rows, table_of
from wattmark.derive.campaign_state import warehouse_of
from wattmark.engine.python_table import TableContext, python_table

_CASE = {
    "case_id": "string",
    "rule_id": "string",
    "subject_type": "string",
    "subject_id": "string",
    "period": "date",
    "account_id": "string",
    "customer_id": "string",
    "org_unit_id": "string",
    "first_seen_on": "date",
    "last_seen_on": "date",
    "state": "string",
    "severity": "string",
    "at_stake_amount": "decimal",
    "evidence": "string",
    "evidence_hash": "string",
    "message_en": "string",
    "message_zh": "string",
    "assigned_org_unit_id": "string",
    "assigned_to": "string",
    "due_on": "date",
    "root_cause_case_id": "string",
    "cause_kind": "string",
    "opened_at": "timestamp",
    "opened_on": "date",
    "closed_at": "timestamp",
    "closed_on": "date",
    "outcome": "string",
    "version": "integer",
    "treatment": "string",
    "reason": "string",
    "exempt_until": "date",
    "confirmed_amount": "decimal",
    "responsible_org_unit_id": "string",
    "hours": "decimal",
    "decided_at": "timestamp",
    "decided_on": "date",
    "rectified_at": "timestamp",
    "rectified_on": "date",
    "verified_at": "timestamp",
    "verified_on": "date",
    "reopened_at": "timestamp",
    "reopened_on": "date",
    "is_off": "boolean",
}
_EVENT = {
    "case_id": "string",
    "event_no": "integer",
    "at": "timestamp",
    "on_day": "date",
    "is_night": "boolean",
    "actor_org_unit_id": "string",
    "step": "string",
    "from_state": "string",
    "to_state": "string",
    "detail": "string",
    "run_id": "string",
    "outcome": "string",
    "hours": "decimal",
}
_WORKLIST = {
    "week": "date",
    "case_id": "string",
    "org_unit_id": "string",
    "post": "string",
    "rank": "integer",
    "chosen_as": "string",
    "probability": "double",
    "expected_amount": "decimal",
    "hours": "decimal",
    "confirmed_share": "double",
    "share_from": "string",
    "case_version": "integer",
}
_RECORD_CHECK = {
    "week": "date",
    "account_id": "string",
    "org_unit_id": "string",
    "probability": "double",
    "checked_on": "date",
    "mismatches": "integer",
}
_OF_EVENT = {
    "is_night": "actor = 'night'",
    "actor_org_unit_id": "(SELECT staff_login.org_unit_id FROM ops.staff_login WHERE staff_login.login = actor)",
    "outcome": "detail ->> 'outcome'",
    "hours": "CASE jsonb_typeof(detail -> 'hours') WHEN 'number' THEN (detail ->> 'hours')::numeric(18, 2) END",
}
_SETTING = {"least_decided": "integer", "tighten_share": "double"}


def _read(context: TableContext, table: str, columns: dict[str, str], computed: dict[str, str]) -> pa.Table:
    """All rows of a table of schema ``ops``; none where the home has no warehouse yet."""
    from wattmark.campaign.state import fetch

    engine = warehouse_of(context, table)
    if engine is None:
        return table_of(columns, [])
    # Numbers of exact places come as text, which the driver would make of them anyway.
    read_as = {name: "string" if kind == "decimal" else kind for name, kind in columns.items()}
    listed = ", ".join(
        f'CAST({computed.get(name, name)} AS {TYPES[kind].postgres}) AS "{name}"'
        for name, kind in read_as.items()
    )
    like = table_of(read_as, [])
    try:
        found = fetch(engine, f"SELECT DISTINCT {listed} FROM ops.{table}", [], like)
    finally:
        engine.dispose()
    return table_of(columns, found)


@python_table(
    "cases.audit_case",
    key=("case_id",),
    columns=_CASE,
    grain="one row per audit case",
    purpose="Audit cases as they stand.",
    docs={"evidence": "JSON, of the night that found it last."},
)
def audit_case(context: TableContext) -> pa.Table:
    """All cases, without logins."""
    return _read(context, "audit_case", _CASE, {})


@python_table(
    "cases.audit_case_event",
    key=("case_id", "event_no"),
    columns=_EVENT,
    grain="one row per event of an audit case",
    purpose="What happened to audit cases; without who it was and the words.",
    docs={
        "on_day": "The day it counts for.",
        "is_night": "Whether the night did it.",
        "actor_org_unit_id": "Unit of the login that did it.",
        "detail": "JSON.",
        "outcome": "Out of detail: how the case ended by it.",
        "hours": "Out of detail: hours that it reports.",
    },
)
def audit_case_event(context: TableContext) -> pa.Table:
    """All events, without logins and notes."""
    return _read(context, "audit_case_event", _EVENT, _OF_EVENT)


@python_table(
    "cases.audit_worklist",
    key=("week", "case_id"),
    columns=_WORKLIST,
    grain="one row per week and case on its list",
    purpose="Worklists of all weeks.",
)
def audit_worklist(context: TableContext) -> pa.Table:
    """All worklists."""
    return _read(context, "audit_worklist", _WORKLIST, {})


@python_table(
    "cases.record_check",
    key=("week", "account_id"),
    columns=_RECORD_CHECK,
    grain="one row per week and account whose file is held against the field",
    purpose="Files held against the field.",
    docs={"mismatches": "Items that are otherwise; empty until somebody was there."},
)
def record_check(context: TableContext) -> pa.Table:
    """All checks, without logins and notes."""
    return _read(context, "record_check", _RECORD_CHECK, {"mismatches": "cardinality(mismatched)"})


@python_table(
    "cases.setting",
    key=("least_decided",),
    settings=("cases",),
    columns=_SETTING,
    grain="one row",
    purpose="What the utility sets about audit cases, as far as figures need it.",
    docs={
        "least_decided": "Decided cases from which on a rule is judged.",
        "tighten_share": "Upper limit of confirmed below which a rule is put in question.",
    },
)
def setting(context: TableContext) -> Rows:
    """The settings of cases."""
    return [{name: getattr(context.settings.cases, name) for name in _SETTING}]
