"""What is known of an account, on one sheet: from the marts, from what the source delivered, from cases; whose it is.

Names, addresses and telephone numbers are asked for apart (``personal``), by roles that may, and each look is written down.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from wattmark.publish.findings import asked
from wattmark.settings import Settings
from wattmark.web.workbench.case import ACCOUNT_COLUMNS, month_of
from wattmark.web.workbench.desk import Person, Row
from wattmark.web.workbench.lake import DeskLake

MOST_FOUND = 50
MOST_ROWS = 200
MONTHS = 24
ACCOUNT = f"SELECT {ACCOUNT_COLUMNS} FROM mart.dim_account WHERE account_id = %(account_id)s AND org_unit_id = ANY(%(tree)s)"
BY_NUMBER = f"SELECT {ACCOUNT_COLUMNS} FROM mart.dim_account WHERE account_id = %(find)s AND org_unit_id = ANY(%(tree)s)"
BY_PERSON = """
SELECT a.account_id, a.customer_id, a.org_unit_id, a.usage_category, a.status, c.name, c.postal_address, c.mobile, c.phone
FROM mart_pii.customer_contact AS c JOIN mart.dim_account AS a ON a.customer_id = c.customer_id
WHERE a.org_unit_id = ANY(%(tree)s) AND (a.account_id = %(find)s OR c.name ILIKE %(like)s OR c.contact_name ILIKE %(like)s OR c.postal_address ILIKE %(like)s
  OR (%(digits)s <> '' AND (regexp_replace(c.mobile, '[^0-9]', '', 'g') LIKE %(ends)s OR regexp_replace(c.phone, '[^0-9]', '', 'g') LIKE %(ends)s)))
ORDER BY a.status = 'closed', c.name, a.account_id LIMIT %(most)s
"""
PERSONAL = "SELECT customer_id, name, contact_name, mobile, phone, email, postal_address, postcode FROM mart_pii.customer_contact WHERE customer_id = %(customer_id)s"
LOOK = "INSERT INTO ops.personal_look (login, page, customer_id, account_id) VALUES (%s, %s, %s, %s)"

_MARTS = (
    ("orders", "fct_order", "service_order", ("order_id",), "order_id, kind, outcome, requested_kva, submitted_on, plan_replied_on, inspected_on, energized_on, closed_on, staff_id", "submitted_on DESC, order_id"),
    ("readings", "fct_reading", "register_reading", ("metering_point_id", "period", "register"), "metering_point_id, period, register, read_at, previous_value, current_value, method, original_value, edited_by", "period DESC, metering_point_id, register"),
    ("payments", "fct_payment", "payment", ("payment_id",), "payment_id, bill_id, received_on, amount, channel, staff_id, remitted_on", "received_on DESC, payment_id"),
    ("calls", "fct_service_call", "service_call", ("call_id",), "call_id, kind, topic, severity, opened_at, arrived_at, resolved_at, satisfaction, staff_id", "opened_at DESC, call_id"),
    ("inspections", "fct_inspection", "inspection", ("inspection_id",), "inspection_id, planned_on, performed_on, result, staff_id", "planned_on DESC, inspection_id"),
    ("contacts", "contact_history", "", (), "campaign_id, list_date, channel, cell, send_on, delivered, responded, converted", "list_date DESC, campaign_id"),
)  # fmt: skip
# From the lake, as the source delivered them: title, table, key, columns, by which column and of what.
_LAKE = (
    ("contract", "contract", ("contract_id",), "contract_id, signed_on, effective_from, expires_on, archived_on", "account_id", "account_id", "effective_from DESC"),
    ("points", "metering_point", ("metering_point_id",), "metering_point_id, role, meter_id, multiplier, installed_on", "account_id", "account_id", "metering_point_id"),
    ("points", "meter", ("meter_id",), "meter_id, metering_point_id, model, phases, accuracy_class, digits, status, calibrated_on", "metering_point_id", "metering_point_id", "meter_id"),
    ("points", "metering_event", ("event_id",), "event_id, metering_point_id, kind, occurred_at, register, old_value, new_value", "metering_point_id", "metering_point_id", "occurred_at DESC"),
    ("bills", "bill", ("bill_id",), "bill_id, period, tariff_code, metered_kwh, billed_kwh, total_amount, issued_at, due_on, corrects_bill_id, staff_id", "account_id", "account_id", "period DESC, bill_id"),
)  # fmt: skip
FINDINGS = """
SELECT e.rule_id, r.title_en, r.title_zh, e.subject_type, e.subject_id, e.period, e.severity, e.at_stake_amount, e.message_en, e.message_zh, c.case_id
FROM mart.audit_exception AS e LEFT JOIN mart.dim_rule AS r ON r.rule_id = e.rule_id
LEFT JOIN ops.audit_case AS c ON c.rule_id = e.rule_id AND c.subject_type = e.subject_type AND c.subject_id = e.subject_id AND (c.period = e.period OR c.period IS NULL)
WHERE e.account_id = %(account_id)s ORDER BY ABS(e.at_stake_amount) DESC NULLS LAST, e.rule_id LIMIT 200
"""
CASES = """
SELECT c.case_id, c.rule_id, r.title_en, r.title_zh, c.state, c.severity, c.period, c.at_stake_amount, c.opened_on, c.outcome, c.subject_type, c.subject_id,
  c.evidence, c.message_en, c.message_zh
FROM ops.audit_case AS c LEFT JOIN mart.dim_rule AS r ON r.rule_id = c.rule_id WHERE c.account_id = %(account_id)s ORDER BY c.opened_on DESC, c.case_id LIMIT 200
"""
BILLS = "SELECT period, billed_kwh, total_amount, paid_amount, unpaid_amount, due_on, days_late FROM mart.fct_bill WHERE account_id = %(account_id)s AND period >= %(since)s ORDER BY period DESC"


@dataclass
class Section:
    """Rows of one kind, with where each came from and what was made of it."""

    title: str
    table: str
    rows: list[Row]
    origins: list[str] = field(default_factory=list)
    cases: list[list[str]] = field(default_factory=list)


@dataclass
class Sheet:
    """Everything on an account's sheet."""

    account: Row
    sections: list[Section]
    months: list[Row]
    findings: list[Row]
    cases: list[Row]


def may_see_personal(settings: Settings, person: Person) -> bool:
    """Whether a person's role sees personal data."""
    return person.role in settings.cases.personal_roles


def found(connection: psycopg.Connection[Any], settings: Settings, person: Person, find: str) -> list[Row]:
    """Accounts of the person's units by number and, for who may, by name, address or telephone.

    What is shown of persons is written down first.
    """
    values: dict[str, Any] = {"find": find, "tree": list(person.tree), "most": MOST_FOUND + 1}
    if not may_see_personal(settings, person):
        return asked(connection, BY_NUMBER, **values)
    like = find.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    digits = re.sub(r"[^0-9]", "", find) if re.fullmatch(r"[+0-9 ()-]+", find) else ""
    digits = digits if len(digits) >= 4 else ""
    rows = asked(connection, BY_PERSON, **values, like=f"%{like}%", digits=digits, ends=f"%{digits}")
    shown = rows[:MOST_FOUND]
    if shown:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(
                LOOK, [(person.login, "search", row["customer_id"], row["account_id"]) for row in shown]
            )
        return rows
    return asked(connection, BY_NUMBER, **values)


def account_row(connection: psycopg.Connection[Any], person: Person, account_id: str) -> Row | None:
    """An account of the person's units; None where there is none."""
    rows = asked(connection, ACCOUNT, account_id=account_id, tree=list(person.tree))
    return rows[0] if rows else None


def personal(connection: psycopg.Connection[Any], person: Person, account: Row, page: str) -> Row | None:
    """Personal data of an account's customer; the look is written down before it is answered."""
    with connection.transaction():
        connection.execute(LOOK, [person.login, page, account["customer_id"], account["account_id"]])
    rows = asked(connection, PERSONAL, customer_id=account["customer_id"])
    return rows[0] if rows else None


def sheet(connection: psycopg.Connection[Any], settings: Settings, account: Row) -> Sheet:
    """The sheet of an account, of the last 24 months where rows have months."""
    account_id = account["account_id"]
    newest = asked(connection, "SELECT MAX(period) AS period FROM mart.fct_bill")
    since = month_of((newest[0]["period"] if newest else None) or dt.date.today(), 1 - MONTHS)
    cases = asked(connection, CASES, account_id=account_id)
    lake = DeskLake(settings)
    sections = _delivered(lake, account_id, since)
    for title, table, source, keys, shown, order in _MARTS:
        recent = {
            "fct_reading": "AND period >= %(since)s",
            "fct_payment": "AND received_on >= %(since)s",
        }.get(table, "")
        rows = asked(
            connection,
            f"SELECT {shown} FROM mart.{table} WHERE account_id = %(account_id)s {recent} ORDER BY {order} LIMIT {MOST_ROWS}",
            account_id=account_id,
            since=since,
        )
        sections.append(Section(title, table, rows, lake.origins(source, keys, rows) if source else []))
    named = _named(cases)
    for section in sections:
        section.cases = [_made_of(row, named) for row in section.rows]
    order_of = [
        "contract",
        "orders",
        "points",
        "readings",
        "bills",
        "payments",
        "calls",
        "inspections",
        "contacts",
    ]
    sections.sort(key=lambda section: order_of.index(section.title))
    bills = asked(connection, BILLS, account_id=account_id, since=since)
    return Sheet(account, sections, bills, asked(connection, FINDINGS, account_id=account_id), cases)


_KEYS = (
    "bill_id",
    "payment_id",
    "order_id",
    "call_id",
    "inspection_id",
    "metering_point_id",
    "meter_id",
    "contract_id",
    "event_id",
)


def _named(cases: Sequence[Row]) -> dict[str, list[tuple[str, dt.date | None]]]:
    """Cases by the keys of rows that they name, with their months."""
    found: dict[str, list[tuple[str, dt.date | None]]] = {}
    for case in cases:
        evidence = case["evidence"] or {}
        keys = {case["subject_id"], *(str(evidence[name]) for name in _KEYS if evidence.get(name))}
        for key in keys:
            found.setdefault(key, []).append((case["case_id"], case["period"]))
    return found


def _made_of(row: Row, named: dict[str, list[tuple[str, dt.date | None]]]) -> list[str]:
    """Cases that were made of a row: those that name it, of its month where it has one."""
    found: dict[str, None] = {}
    for name in _KEYS:
        for case_id, period in named.get(str(row.get(name)), []):
            if period is None or row.get("period") in (None, period):
                found[case_id] = None
    return list(found)


def _delivered(lake: DeskLake, account_id: str, since: dt.date) -> list[Section]:
    """What only the lake holds of an account."""
    keys: dict[str, list[str]] = {"account_id": [account_id]}
    made = []
    for title, table, key, shown, column, by, order in _LAKE:
        files = lake.files(f"accepted.{table}")
        values: dict[str, Any] = {"files": files, "keys": keys.get(by, [])}
        recent = ""
        if table == "bill":
            recent = "AND period >= $since"
            values["since"] = since
        query = f"SELECT {shown} FROM read_parquet($files) WHERE list_contains($keys, {column}) {recent} ORDER BY {order} LIMIT {MOST_ROWS}"
        rows = lake.ask(query, values) if files and values["keys"] else []
        if table == "metering_point":
            keys["metering_point_id"] = [row["metering_point_id"] for row in rows]
        made.append(Section(title, table, rows, lake.origins(table, key, rows)))
    return made
