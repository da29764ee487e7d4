"""Cases that people open: from a finding that opened none, or by hand for an account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from wattmark.audit.rules import all_rules
from wattmark.cases.act import Desk, moment_of, needed_text, one_of, refuse_role, steps_of, writing
from wattmark.cases.due import due_after
from wattmark.cases.findings import hash_of, read_json
from wattmark.cases.log import append, opened
from wattmark.cases.model import MANUAL, Case, CaseError, Event, case_id_of
from wattmark.cases.rights import Actor, RightsError, published, who
from wattmark.cases.rulebook import left_out
from wattmark.engine.catalog import catalog_of

_SEVERITIES = ("high", "medium", "low")


def open_finding(
    desk: Desk,
    rule_id: str,
    subject_type: str,
    subject_id: str,
    why: str,
    period: dt.date | None = None,
    note: str | None = None,
) -> str:
    """Open a case from a published finding, a listing or one that opened none by itself.

    Args:
        desk: who acts, a worker in whose tree the finding's unit is.
        rule_id: the rule.
        subject_type: what is flagged.
        subject_id: its key.
        why: what a case is wanted for.
        period: first day of the audited month; the newest published where left out.
        note: anything else.

    Returns:
        the new case's id; its version is 1.

    Raises:
        RightsError: the login may not.
        CaseConflictError: the rule, subject and month have a case.
        CaseError: there is no such finding.
    """
    with writing(desk) as connection:
        actor = _opens(desk)
        where = f"finding {rule_id} of {subject_type} {subject_id}"
        told = needed_text("why", why, where)
        row = _finding(connection, rule_id, subject_type, subject_id, period)
        if row is None:
            raise CaseError(
                "case.no_finding", f"There is no published {where}.", "Look it up in the list of findings."
            )
        month = row["period"] if row["judges"] == "month" else None
        account = _account(connection, row["account_id"])
        compared = read_json(row["compared"])
        at, day = moment_of(desk)
        case = Case(
            case_id=case_id_of(rule_id, subject_type, subject_id, month), rule_id=rule_id, subject_type=subject_type,
            subject_id=subject_id, period=month, account_id=row["account_id"], customer_id=row["customer_id"],
            org_unit_id=row["org_unit_id"] or _top_unit(connection), first_seen_on=row["as_of"] or day, last_seen_on=row["as_of"] or day,
            state="open", severity=row["severity"], at_stake_amount=row["at_stake_amount"], opened_at=at, opened_on=day, version=0,
            evidence=compared, evidence_hash=hash_of(compared, _left_out(desk, rule_id)), message_en=row["message_en"],
            message_zh=row["message_zh"], own_staff_ids=_own_staff(account),
        )  # fmt: skip
        return _write(desk, actor, case, {"why": told}, note)


def _left_out(desk: Desk, rule_id: str) -> Collection[str]:
    rule = all_rules(catalog_of(desk.settings)).get(rule_id)
    return () if rule is None else left_out(rule)


def _finding(
    connection: psycopg.Connection[Any],
    rule_id: str,
    subject_type: str,
    subject_id: str,
    period: dt.date | None,
) -> dict[str, Any] | None:
    if not published(connection, "audit_exception"):
        return None
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT e.*, e.evidence::text AS compared, r.judges, n.as_of FROM mart.audit_exception AS e LEFT JOIN mart.dim_rule AS r ON r.rule_id = e.rule_id "
            "LEFT JOIN (SELECT MAX(as_of) AS as_of FROM ops.case_night) AS n ON TRUE "
            "WHERE (e.rule_id, e.subject_type, e.subject_id) = (%s, %s, %s) AND (%s::date IS NULL OR e.period = %s) "
            "ORDER BY e.period DESC LIMIT 1",
            [rule_id, subject_type, subject_id, period, period],
        ).fetchone()


def open_manual(desk: Desk, account_id: str, severity: str, why: str, note: str | None = None) -> str:
    """Open a case by hand for an account: rule MANUAL, subject the account and a number, such as ``A1/2``.

    Args:
        desk: who acts, a worker in whose tree the account's unit is.
        account_id: the account.
        severity: high, medium or low.
        why: what is to be looked at.
        note: anything else.

    Returns:
        the new case's id; its version is 1.
    """
    with writing(desk) as connection:
        actor = _opens(desk)
        where = f"account {account_id}"
        told = needed_text("why", why, where)
        one_of("severity", severity, _SEVERITIES, where)
        row = _account(connection, account_id)
        if row is None:
            raise CaseError(
                "case.account", f"There is no published account {account_id}.", "Look up its number."
            )
        subject_id = next_manual(connection, account_id)
        at, day = moment_of(desk)
        case = Case(
            case_id=case_id_of(MANUAL, "account", subject_id, None), rule_id=MANUAL, subject_type="account", subject_id=subject_id,
            period=None, account_id=account_id, customer_id=row["customer_id"], org_unit_id=row["org_unit_id"] or _top_unit(connection),
            first_seen_on=day, last_seen_on=day, state="open", severity=severity, at_stake_amount=None, opened_at=at, opened_on=day,
            version=0, own_staff_ids=_own_staff(row),
        )  # fmt: skip
        return _write(desk, actor, case, {"why": told, "severity": severity, "account_id": account_id}, note)


def _account(connection: psycopg.Connection[Any], account_id: str | None) -> dict[str, Any] | None:
    """A published account: customer, unit and who is in charge of its reading area."""
    if account_id is None or not published(connection, "dim_account"):
        return None
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT customer_id, org_unit_id, reading_area_staff_id FROM mart.dim_account WHERE account_id = %s",
            [account_id],
        ).fetchone()


def _own_staff(account: dict[str, Any] | None) -> tuple[str, ...]:
    """Whose own work a case is as far as its account says it; the night adds what the rows of a finding name."""
    staff = account["reading_area_staff_id"] if account is not None else None
    return () if staff is None else (staff,)


def next_manual(connection: psycopg.Connection[Any], account_id: str) -> str:
    """Subject of an account's next case by hand; held against others who open one, until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{MANUAL}:{account_id}"])
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            "SELECT COALESCE(MAX(SUBSTRING(subject_id FROM '/([0-9]+)$')::bigint), 0) + 1 FROM ops.audit_case "
            "WHERE rule_id = %s AND subject_type = 'account' AND account_id = %s",
            [MANUAL, account_id],
        ).fetchone()
    return f"{account_id}/{row[0] if row else 1}"


def _opens(desk: Desk) -> Actor:
    actor = who(desk.connection, desk.login)
    refuse_role(actor, steps_of(desk.settings).steps["open"])
    return actor


def _top_unit(connection: psycopg.Connection[Any]) -> str | None:
    if not published(connection, "dim_org_unit"):
        return None
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            "SELECT MIN(o.org_unit_id) FROM mart.dim_org_unit AS o LEFT JOIN mart.dim_org_unit AS above "
            "ON above.org_unit_id = o.parent_id WHERE above.org_unit_id IS NULL"
        ).fetchone()
    return row[0] if row else None


def _write(desk: Desk, actor: Actor, case: Case, detail: dict[str, Any], note: str | None) -> str:
    if not actor.holds(case):
        raise RightsError(
            "case.not_yours", f"{case.subject_type} {case.subject_id} is not of your unit or one below.",
            "Nothing was changed. Whoever works there opens the case.",
        )  # fmt: skip
    due_on = due_after(desk.settings, case.opened_on, case.severity)
    told = {
        "rule_id": case.rule_id,
        "subject_type": case.subject_type,
        "subject": case.subject_id,
        **({} if case.period is None else {"period": case.period.isoformat()}),
        **detail,
        "due_on": due_on.isoformat(),
    }
    said = None if note is None else needed_text("note", note, f"case {case.case_id}")
    event = Event(case.case_id, case.opened_at, case.opened_on, actor.login, "open", "", "open", said, told)
    append(desk.connection, [opened(replace(case, due_on=due_on), [event])])
    return case.case_id
