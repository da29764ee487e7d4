"""A small utility with cases, published as its SQL headers say the marts are: what the workbench's tests look at."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import psycopg
import pyarrow as pa
from deltalake import write_deltalake
from fastapi import Header

from wattmark.cases.log import Change, append, opened
from wattmark.cases.model import Case, Event, case_id_of
from wattmark.engine.python_table import python_tables
from wattmark.settings import PROJECT_ROOT, Settings
from wattmark.yamlfile import parse_yaml

AS_OF = dt.date(2026, 10, 15)
PERIOD = dt.date(2026, 9, 1)
TABLES = (
    "mart.dim_org_unit", "mart.dim_staff", "mart.dim_rule", "mart.dim_account", "mart.fct_bill", "mart.fct_reading", "mart.fct_payment",
    "mart.fct_order", "mart.fct_service_call", "mart.fct_inspection", "mart.contact_history", "mart.fct_consumption_monthly",
    "mart.fct_consumption_daily", "mart.shadow_bill", "mart.shadow_bill_line", "mart.audit_exception", "mart.audit_exception_history",
    "mart.dim_tariff", "mart_pii.customer_contact", "mart.service_complaint", "mart.step_overtime", "mart.step_statistic",
)  # fmt: skip
_TYPES = {
    "string": "text", "double": "double precision", "decimal": "numeric(18, 2)", "date": "date", "timestamp": "timestamptz",
    "integer": "bigint", "boolean": "boolean",
}  # fmt: skip
APPROVER, WORKER, OTHER, VIEWER, ABROAD, STRANGER = "ling", "wang", "zhao", "vera", "sun", "nobody"
LOGINS = (
    (APPROVER, "S1", "P", "approver"),
    (WORKER, "S2", "U1", "worker"),
    (OTHER, "S3", "U1", "approver"),
    (VIEWER, "S4", "U1", "viewer"),
    (ABROAD, "S5", "U2", "worker"),
)


def who(x_login: Annotated[str, Header()] = WORKER) -> str:
    """The signed-in user of a test: named by a header."""
    return x_login


def columns_of(table: str) -> dict[str, str]:
    """Columns of a mart and their types in PostgreSQL, as its definition says them."""
    layer, name = table.split(".")
    file = PROJECT_ROOT / "include" / "sql" / layer / f"{name}.sql"
    if not file.exists():
        return {column: _TYPES[kind] for column, kind in python_tables()[table].columns.items()}
    text = file.read_text(encoding="utf-8")
    header = parse_yaml(text[text.index("/*") + 2 : text.index("*/")], table)
    return {
        column: "jsonb" if told.get("json") else _TYPES[told["type"]]
        for column, told in header["columns"].items()
    }


def columns_or_none(table: str) -> dict[str, str] | None:
    """The same; None where there is no such mart."""
    layer, name = table.split(".")
    return columns_of(table) if (PROJECT_ROOT / "include" / "sql" / layer / f"{name}.sql").exists() else None


def make_marts(connection: psycopg.Connection[Any]) -> None:
    """Empty tables where the marts' views would be."""
    connection.execute("DROP SCHEMA IF EXISTS mart CASCADE; DROP SCHEMA IF EXISTS mart_pii CASCADE")
    connection.execute("CREATE SCHEMA mart; CREATE SCHEMA mart_pii")
    for table in TABLES:
        columns = {**columns_of(table), "as_of": "date", "run_id": "text"}
        connection.execute(
            f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
        )


def put(connection: psycopg.Connection[Any], table: str, *rows: Mapping[str, Any]) -> None:
    for row in rows:
        values = [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
        marks = ", ".join(["%s"] * len(values))
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", values)


def months(last: dt.date, count: int) -> Iterator[dt.date]:
    for back in range(count):
        at = last.year * 12 + last.month - 1 - back
        yield dt.date(at // 12, at % 12 + 1, 1)


def fill(connection: psycopg.Connection[Any]) -> None:
    """Two stations, five members of staff, three accounts, two rules, two years of bills."""
    put(
        connection,
        "mart.dim_org_unit",
        {"org_unit_id": "P", "name": "Province", "level": "province", "path": "P", "depth": 0},
        {
            "org_unit_id": "U1",
            "parent_id": "P",
            "name": "North station",
            "level": "station",
            "path": "P/U1",
            "depth": 1,
        },
        {
            "org_unit_id": "U2",
            "parent_id": "P",
            "name": "South station",
            "level": "station",
            "path": "P/U2",
            "depth": 1,
        },
    )
    for login, staff_id, unit, role in LOGINS:
        put(connection, "mart.dim_staff", {"staff_id": staff_id, "org_unit_id": unit, "post": "billing"})
        put(
            connection,
            "ops.staff_login",
            {"login": login, "staff_id": staff_id, "org_unit_id": unit, "role": role},
        )
    for rule_id, title, title_zh in (
        ("TAR-01", "Reading does not continue", "抄见示数不连续"),
        ("COL-01", "Money not remitted", "解款不及时"),
    ):
        put(connection, "mart.dim_rule", {
            "rule_id": rule_id, "title_en": title, "title_zh": title_zh, "flags_en": "By more than tolerance.", "flags_zh": "超过 tolerance 时。",
            "what_to_do_en": "Compare the photos.", "what_to_do_zh": "核对照片。", "params": {"tolerance": 0.5}, "judges": "month", "severity": "high",
        })  # fmt: skip
    for account, unit, name in (
        ("A1", "U1", "Chen Grain Mill"),
        ("A2", "U1", "=cmd|' /C calc'!A0"),
        ("A3", "U2", "South Dairy"),
    ):
        put(connection, "mart.dim_account", {
            "account_id": account, "customer_id": f"C-{account}", "org_unit_id": unit, "usage_category": "commercial", "tariff_code": "T1",
            "contracted_kva": 100, "status": "active", "opened_on": dt.date(2019, 1, 1),
        })  # fmt: skip
        put(connection, "mart_pii.customer_contact", {
            "customer_id": f"C-{account}", "name": name, "mobile": f"+86 138 0000 {account[1] * 4}", "postal_address": f"{account[1]} Mill Lane", "postcode": "310000",
        })  # fmt: skip
        for at, period in enumerate(months(PERIOD, 26)):
            put(connection, "mart.fct_bill", {
                "account_id": account, "period": period, "billed_kwh": 1000 + 10 * at, "total_amount": 650 + at, "paid_amount": 650 + at, "unpaid_amount": 0,
            })  # fmt: skip
    put(
        connection,
        "mart.fct_reading",
        *(
            {
                "metering_point_id": "M1",
                "account_id": "A1",
                "period": period,
                "register": "active_total",
                "previous_value": value,
                "current_value": value + 90,
                "method": "manual",
            }
            for period, value in zip(months(PERIOD, 3), (5210, 5100, 5010), strict=True)
        ),
    )
    put(
        connection,
        "mart.fct_payment",
        {
            "payment_id": "PAY-7",
            "account_id": "A1",
            "bill_id": "B1",
            "received_on": dt.date(2026, 9, 20),
            "amount": 651,
            "channel": "cash",
        },
    )
    put(
        connection,
        "mart.fct_consumption_daily",
        *(
            {"account_id": "A1", "day": dt.date(2026, 9, day), "kwh": 30 + day, "max_kw": 4}
            for day in range(1, 11)
        ),
    )
    put(
        connection,
        "mart.shadow_bill",
        {"bill_id": "B1", "account_id": "A1", "period": PERIOD, "metered_kwh": 900, "total_amount": 600},
    )
    put(connection, "mart.shadow_bill_line", {
        "bill_id": "B1", "component": "energy", "account_id": "A1", "period": PERIOD, "unit": "kWh", "billed_quantity": 1000, "billed_price": 0.65, "billed_amount": 650,
        "quantity": 900, "price": 0.65, "amount": 585, "quantity_verdict": "fail", "price_verdict": "pass", "amount_verdict": "fail",
    })  # fmt: skip
    put(connection, "mart.audit_exception_history", {
        "rule_id": "TAR-01", "subject_type": "metering_point", "subject_id": "M1", "period": dt.date(2026, 3, 1), "first_seen_on": dt.date(2026, 4, 2),
        "last_seen_on": dt.date(2026, 4, 20), "nights": 11,
    })  # fmt: skip
    put(
        connection,
        "ops.case_night",
        {
            "run_id": "20261015-202609",
            "as_of": AS_OF,
            "taken_at": dt.datetime(2026, 10, 15, 3, tzinfo=dt.UTC),
            "counts": {},
        },
    )


def a_case(
    connection: psycopg.Connection[Any],
    subject_id: str = "M1",
    steps: Sequence[tuple[str, str, str, dict[str, Any]]] = (),
    **more: Any,
) -> str:
    """A case with the events that led to its state: step, state, actor and detail of each after it was opened."""
    change = a_change(subject_id, steps, **more)
    with connection.transaction():
        append(connection, [change])
    return change.case_id


def a_change(
    subject_id: str = "M1", steps: Sequence[tuple[str, str, str, dict[str, Any]]] = (), **more: Any
) -> Change:
    """What makes such a case."""
    rule_id, subject_type = more.pop("rule_id", "TAR-01"), more.pop("subject_type", "metering_point")
    period = more.pop("period", PERIOD)
    opened_on = more.pop("opened_on", dt.date(2026, 10, 5))
    at = dt.datetime.combine(opened_on, dt.time(3), dt.UTC)
    case_id = case_id_of(rule_id, subject_type, subject_id, period)
    given = {
        "account_id": "A1", "customer_id": "C-A1", "org_unit_id": "U1", "severity": "medium", "at_stake_amount": decimal.Decimal("120.50"),
        "evidence": {"previous_value": 5210, "earlier_value": 5190, "tolerance": 0.5, "bill_id": "B1"}, "evidence_hash": "e",
        "message_en": "The month's reading begins at 5,210; the period before ended at 5,190 (tolerance 0.5).",
        "message_zh": "本期起度 5210，上期止度 5190，不连续（允许偏差 0.5）。", "assigned_org_unit_id": "U1", "due_on": dt.date(2026, 10, 19),
        **more,
    }  # fmt: skip
    case = Case(
        case_id=case_id, rule_id=rule_id, subject_type=subject_type, subject_id=subject_id, period=period, first_seen_on=opened_on, last_seen_on=AS_OF,
        state="open", opened_at=at, opened_on=opened_on, version=0, **given,
    )  # fmt: skip
    events = [Event(case_id, at, opened_on, "night", "open", "", "open", None, {"due_on": given["due_on"]})]
    for step, state, actor, detail in steps:
        at += dt.timedelta(hours=1)
        events.append(Event(case_id, at, opened_on, actor, step, events[-1].to_state, state, None, detail))
    return opened(case, events)


def hand_over_intervals(
    settings: Settings, points: Sequence[str] = ("M1", "M2"), days: Sequence[dt.date] = ()
) -> None:
    """Half-hours in the lake: M1 uses a tenth of the hour in kWh, with a spike of 60 kWh and a gap on 28 September; others 9 kWh."""
    spike = dt.datetime(2026, 9, 28, 12, tzinfo=settings.zone)
    gap = spike + dt.timedelta(hours=3)
    rows = [
        {"metering_point_id": point, "interval_start": start.astimezone(dt.UTC), "interval_minutes": 30, "day": day,
         "kwh": 9.0 if point != "M1" else 60.0 if start == spike else start.hour / 10, "quality": "measured"}
        for day in days or [dt.date(2026, 9, 20) + dt.timedelta(days=at) for at in range(14)]
        for point in points
        for slot in range(48)
        if (start := dt.datetime.combine(day, dt.time(slot // 2, slot % 2 * 30), settings.zone)) != gap or point != "M1"
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows)
    write_deltalake(
        settings.lake / "accepted" / "interval_reading", table, partition_by=["day"], mode="overwrite"
    )
    edits = [
        {"metering_point_id": "M1", "day": gap.date(), "interval_start": at.astimezone(dt.UTC), "interval_minutes": 30, "flag": flag,
         "method": "interpolated", "original_kwh": was, "kwh": 1.25}
        for at, flag, was in ((spike, "spike", 60.0), (gap, "gap", None))
    ]  # fmt: skip
    write_deltalake(settings.lake / "facts" / "interval_edit", pa.Table.from_pylist(edits), mode="overwrite")
    write_deltalake(
        settings.lake / "accepted" / "metering_point",
        pa.table({"metering_point_id": list(points), "account_id": ["A1"] * len(points), "role": ["main", *["sub"] * (len(points) - 1)],
                  "meter_id": ["E1"] * len(points), "multiplier": [1.0] * len(points), "installed_on": [dt.date(2019, 1, 1)] * len(points)}),
        mode="overwrite",
    )  # fmt: skip
