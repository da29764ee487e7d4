"""Cases of a small utility, opened and stepped through the log alone, and its units, staff and accounts."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa

from wattmark.cases.log import Change, append, opened
from wattmark.cases.model import NIGHT, Case, Event
from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.publish.ops import libpq_url
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

ZONE = "Asia/Shanghai"
MONDAY = dt.date(2026, 10, 12)
AT = dt.datetime(2026, 10, 12, 19, tzinfo=dt.UTC)
UNITS = [
    {"org_unit_id": unit, "parent_id": parent, "name": unit, "level": level}
    for unit, parent, level in (("P", None, "province"), ("K1", "P", "county"), ("S1", "K1", "station"), ("S2", "K1", "station"))
]  # fmt: skip
STAFF = [
    {"staff_id": staff, "org_unit_id": unit, "name": staff, "post": post}
    for staff, unit, post in (
        ("B1", "S1", "billing"), ("B2", "K1", "billing"), ("B3", "K1", "billing"), ("M1", "S1", "manager"), ("M2", "S1", "manager"),
        ("I1", "K1", "inspection"),
    )
]  # fmt: skip


def settings_of(folder: Path, warehouse_url: str, **cases: Any) -> Settings:
    return load_settings(folder, services={"warehouse_url": warehouse_url}, cases=cases)


@contextlib.contextmanager
def session_of(
    settings: Settings, day: dt.date = MONDAY, **tables: list[dict[str, Any]]
) -> Iterator[DuckDBSession]:
    """A session that has source tables and nothing else."""
    catalog = load_catalog(settings.include)
    with DuckDBSession(settings, Run.of(day, ZONE), catalog, stored=False) as session:
        for name, rows in (
            {"org_unit": UNITS, "staff": STAFF, "reading_area": [], "account": []} | tables
        ).items():
            schema = session.contract.tables[name].accepted_schema
            session.give(f"source.{name}", pa.Table.from_pylist(rows, schema=schema))
        yield session


def connect(warehouse_url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(libpq_url(warehouse_url))


def a_case(case_id: str, rule_id: str = "TAR-01", *, day: dt.date = MONDAY, unit: str = "S1", amount: float | None = None, **more: Any) -> Case:  # fmt: skip
    known: dict[str, Any] = {
        "case_id": case_id, "rule_id": rule_id, "subject_type": "account", "subject_id": case_id, "period": None,
        "account_id": f"A-{case_id}", "customer_id": None, "org_unit_id": unit, "first_seen_on": day, "last_seen_on": day,
        "state": "open", "severity": "medium", "at_stake_amount": None if amount is None else decimal.Decimal(str(amount)),
        "opened_at": AT, "opened_on": day, "version": 1, "due_on": day + dt.timedelta(days=14),
    }  # fmt: skip
    return Case(**(known | more))


def open_cases(
    connection: psycopg.Connection[Any], *cases: Case, at: dt.datetime = AT, actor: str = NIGHT
) -> None:
    append(
        connection,
        [opened(case, [Event(case.case_id, at, case.opened_on, actor, "open", "", "open")]) for case in cases],
    )  # fmt: skip


def step(
    connection: psycopg.Connection[Any],
    case_id: str,
    *steps: tuple[str, str],
    day: dt.date = MONDAY,
    **values: Any,
) -> None:
    """Take steps, each with the state it leads to; ``values`` are columns of the row."""
    state = connection.execute("SELECT state FROM ops.audit_case WHERE case_id = %s", [case_id]).fetchall()[
        0
    ][0]
    events = []
    for name, after in steps:
        actor = NIGHT if name in ("verify", "close", "touch") else "li"
        events.append(Event(case_id, AT, day, actor, name, state, after))
        state = after
    append(connection, [Change(case_id, events, values)])


CONFIRM = (("take", "assigned"), ("propose_confirm", "confirmed"))
DISMISS = (("take", "assigned"), ("propose_dismiss", "dismissed"))
