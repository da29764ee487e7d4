"""What is known of one case: the row, its rule, the rows it came from, the bill, the months around it, causes, the log."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import psycopg

from wattmark.publish.findings import asked
from wattmark.web.workbench.desk import Person, Row

MONTHS_BEFORE, MONTHS_AFTER = 10, 3
"""With the month of the finding fourteen."""
MOST_ROWS = 30

CASE = """
SELECT c.*, (c.org_unit_id = ANY(%(tree)s) OR c.assigned_org_unit_id = ANY(%(tree)s) OR c.responsible_org_unit_id = ANY(%(tree)s)) AS is_seen
FROM ops.audit_case AS c WHERE c.case_id = %(case_id)s
"""
RULE = "SELECT * FROM mart.dim_rule WHERE rule_id = %(rule_id)s"
RELATED = """
SELECT c.case_id, c.rule_id, r.title_en, r.title_zh, c.state, c.severity, c.period, c.at_stake_amount, c.opened_on, c.cause_kind, c.root_cause_case_id,
  c.message_en, c.message_zh, c.outcome
FROM ops.audit_case AS c LEFT JOIN mart.dim_rule AS r ON r.rule_id = c.rule_id
WHERE {which} AND (c.org_unit_id = ANY(%(tree)s) OR c.assigned_org_unit_id = ANY(%(tree)s) OR c.responsible_org_unit_id = ANY(%(tree)s))
ORDER BY c.opened_on DESC, c.case_id LIMIT 100
"""
EVENTS = "SELECT * FROM ops.audit_case_event WHERE case_id = %(case_id)s ORDER BY event_no"
HISTORY = """
SELECT h.rule_id, r.title_en, r.title_zh, h.subject_type, h.subject_id, h.period, h.first_seen_on, h.last_seen_on, h.nights
FROM mart.audit_exception_history AS h LEFT JOIN mart.dim_rule AS r ON r.rule_id = h.rule_id
WHERE (h.subject_type, h.subject_id) IN ((%(subject_type)s, %(subject_id)s), ('account', %(account_id)s))
ORDER BY h.last_seen_on DESC, h.rule_id, h.period DESC LIMIT 50
"""
BILL_LINES = """
SELECT l.bill_id, l.component, l.unit, l.billed_quantity, l.quantity, l.quantity_verdict, l.billed_price, l.price, l.price_verdict,
  l.billed_amount, l.amount, l.amount_verdict, l.reason
FROM mart.shadow_bill_line AS l
WHERE l.account_id = %(account_id)s AND (%(bill_id)s = '' OR l.bill_id = %(bill_id)s) ORDER BY l.bill_id, l.component
"""
BILLS = """
SELECT b.bill_id, b.period, b.metered_kwh, b.loss_kwh, b.total_amount, b.not_checked, f.billed_kwh, f.total_amount AS billed_amount
FROM mart.shadow_bill AS b LEFT JOIN mart.fct_bill AS f ON f.account_id = b.account_id AND f.period = b.period
WHERE b.account_id = %(account_id)s AND (%(bill_id)s = '' OR b.bill_id = %(bill_id)s) ORDER BY b.bill_id
"""
MONTHS = """
SELECT m.period::date AS period, f.billed_kwh, f.total_amount, f.unpaid_amount, c.kwh AS interval_kwh
FROM generate_series(%(first)s::date, %(last)s::date, INTERVAL '1 month') AS m (period)
LEFT JOIN mart.fct_bill AS f ON f.account_id = %(account_id)s AND f.period = m.period::date
LEFT JOIN mart.fct_consumption_monthly AS c ON c.account_id = %(account_id)s AND c.period = m.period::date
ORDER BY 1
"""
DAYS = """
SELECT day, kwh, max_kw, intervals_expected, intervals_measured, intervals_estimated FROM mart.fct_consumption_daily
WHERE account_id = %(account_id)s AND day >= %(first)s AND day < %(last)s ORDER BY day
"""
WEEK = "SELECT * FROM ops.audit_worklist WHERE case_id = %(case_id)s ORDER BY week DESC LIMIT 1"

ACCOUNT_COLUMNS = "account_id, customer_id, org_unit_id, usage_category, tariff_code, supply_kv, contracted_kva, running_kva, status, opened_on, closed_on, line_id, transformer_id"
_READING = "metering_point_id, account_id, period, register, read_at, previous_value, current_value, method, original_value, edited_by"
# Keys by which evidence names rows: key, table of schema mart, its column, what is shown, in which order, and whether by months around.
SOURCES = (
    ("account_id", "dim_account", "account_id", ACCOUNT_COLUMNS, "1", False),
    ("metering_point_id", "fct_reading", "metering_point_id", _READING, "metering_point_id, register, period", True),
    ("account_id", "fct_bill", "account_id", "account_id, period, billed_kwh, total_amount, paid_amount, unpaid_amount, due_on, days_late", "period", True),
    ("account_id", "fct_payment", "account_id", "payment_id, received_on, amount, channel, bill_id, staff_id, remitted_on", "received_on DESC, payment_id", False),
    ("order_id", "fct_order", "order_id", "order_id, account_id, kind, outcome, requested_kva, submitted_on, plan_replied_on, inspected_on, energized_on, closed_on, staff_id", "1", False),
    ("call_id", "fct_service_call", "call_id", "call_id, account_id, kind, site, opened_at, arrived_at, resolved_at, arrival_minutes, satisfaction, topic, severity, staff_id", "1", False),
    ("payment_id", "fct_payment", "payment_id", "payment_id, account_id, bill_id, received_at, amount, channel, staff_id, remitted_on", "1", False),
    ("inspection_id", "fct_inspection", "inspection_id", "inspection_id, account_id, planned_on, performed_on, recorded_at, result, staff_id", "1", False),
    ("transformer_id", "dim_transformer", "transformer_id", "transformer_id, line_id, org_unit_id, ownership, account_id, model, rated_kva, loss_code, commissioned_on, retired_on", "1", False),
    ("line_id", "dim_line", "line_id", "line_id, name, org_unit_id, nominal_kv", "1", False),
    ("tariff_code", "dim_tariff", "tariff_code", "tariff_code, name, usage_category, min_kv, max_kv, is_two_part, is_time_of_use, is_stepped", "1", False),
    ("staff_id", "dim_staff", "staff_id", "staff_id, org_unit_id, post", "1", False),
    ("org_unit_id", "dim_org_unit", "org_unit_id", "org_unit_id, parent_id, name, level", "1", False),
)  # fmt: skip
SUBJECT_KEYS = {
    "account": "account_id",
    "bill": "bill_id",
    "metering_point": "metering_point_id",
    "order": "order_id",
    "service_call": "call_id",
    "payment": "payment_id",
    "inspection": "inspection_id",
    "transformer": "transformer_id",
    "line": "line_id",
    "staff": "staff_id",
    "org_unit": "org_unit_id",
}
_ALIASES = {"edited_by": "staff_id"}
# What is asked of an account only where the finding is of such a kind: its rows would else hide what matters.
_ONLY_FOR = {"fct_payment": ("COL", "RSK"), "fct_bill": ("TAR", "COL", "RSK", "ANA", "MET")}


@dataclass
class Found:
    """Everything a case page shows."""

    case: Row
    rule: Row
    events: list[Row]
    cause: Row | None = None
    effects: list[Row] = field(default_factory=list)
    others: list[Row] = field(default_factory=list)
    history: list[Row] = field(default_factory=list)
    rows: list[tuple[str, list[Row]]] = field(default_factory=list)
    bills: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    months: list[Row] = field(default_factory=list)
    days: list[Row] = field(default_factory=list)
    week: Row | None = None
    month: dt.date | None = None


def month_of(day: dt.date, months: int = 0) -> dt.date:
    """First day of a day's month, or of one so many months later."""
    at = day.year * 12 + day.month - 1 + months
    return dt.date(at // 12, at % 12 + 1, 1)


def seen_case(connection: psycopg.Connection[Any], person: Person, case_id: str) -> Row | None:
    """The row of a case that the person may see; None where there is none."""
    rows = asked(connection, CASE, case_id=case_id, tree=list(person.tree))
    return rows[0] if rows and rows[0]["is_seen"] else None


def everything(connection: psycopg.Connection[Any], person: Person, case: Row) -> Found:
    """All that stands around a case; of other cases those that the person may see."""
    tree = list(person.tree)
    case_id, account_id = case["case_id"], case["account_id"]
    rule = asked(connection, RULE, rule_id=case["rule_id"])
    found = Found(case, rule[0] if rule else {}, asked(connection, EVENTS, case_id=case_id))
    if case["root_cause_case_id"]:
        cause = asked(
            connection, RELATED.format(which="c.case_id = %(id)s"), id=case["root_cause_case_id"], tree=tree
        )
        found.cause = cause[0] if cause else None
    found.effects = asked(
        connection, RELATED.format(which="c.root_cause_case_id = %(id)s"), id=case_id, tree=tree
    )
    week = asked(connection, WEEK, case_id=case_id)
    found.week = week[0] if week else None
    found.month = case["period"] or month_of(case["first_seen_on"], -1)
    subject = {"subject_type": case["subject_type"], "subject_id": case["subject_id"]}
    found.history = asked(connection, HISTORY, **subject, account_id=account_id or "")
    found.rows = source_rows(connection, case, found.month)
    if account_id:
        which = "c.account_id = %(account)s AND c.case_id <> %(id)s"
        found.others = asked(
            connection, RELATED.format(which=which), account=account_id, id=case_id, tree=tree
        )
        _money(connection, found, account_id)
    return found


def _money(connection: psycopg.Connection[Any], found: Found, account_id: str) -> None:
    """Bill, recalculation and consumption of the account around the finding."""
    month = found.month or month_of(dt.date.today())
    keys = keys_of(found.case)
    bill_id = next(iter(keys.get("bill_id", [])), "")
    found.bills = asked(connection, BILLS, account_id=account_id, bill_id=bill_id)
    found.lines = asked(connection, BILL_LINES, account_id=account_id, bill_id=bill_id)
    span = {"first": month_of(month, -MONTHS_BEFORE), "last": month_of(month, MONTHS_AFTER)}
    found.months = asked(connection, MONTHS, account_id=account_id, **span)
    days = {"first": month_of(month, -1), "last": month_of(month, 2)}
    found.days = asked(connection, DAYS, account_id=account_id, **days)


def keys_of(case: Row) -> dict[str, list[str]]:
    """Keys of rows that a case names, by column: of its subject, its account and its evidence."""
    keys: dict[str, list[str]] = {}
    named = dict(case["evidence"] or {})
    subject = SUBJECT_KEYS.get(case["subject_type"])
    given: list[tuple[str, object]] = [
        (subject or "", case["subject_id"]),
        ("account_id", case["account_id"]),
        *named.items(),
    ]
    for name, value in given:
        if name and isinstance(value, str):
            known = keys.setdefault(_ALIASES.get(name, name), [])
            known += [part for part in value.split(", ") if part and part not in known]
    return keys


def source_rows(
    connection: psycopg.Connection[Any], case: Row, month: dt.date
) -> list[tuple[str, list[Row]]]:
    """The published rows that a case came from, by table, as far as the warehouse holds them."""
    keys = keys_of(case)
    family = case["rule_id"].split("-")[0]
    found = []
    for key, table, column, shown, order, by_month in SOURCES:
        if key not in keys or (key == "account_id" and family not in _ONLY_FOR.get(table, (family,))):
            continue
        around = "AND period BETWEEN %(first)s AND %(last)s" if by_month else ""
        rows = asked(
            connection,
            f"SELECT {shown} FROM mart.{table} WHERE {column} = ANY(%(keys)s) {around} ORDER BY {order} LIMIT {MOST_ROWS}",
            keys=keys[key],
            first=month_of(month, -2),
            last=month_of(month, 1),
        )
        if rows:
            found.append((table, rows))
    return found
