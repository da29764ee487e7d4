"""What lies after the day that a run speaks for is not there yet, in the utility's own zone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from wattmark.contract.model import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import load_settings

AS_OF = dt.date(2026, 10, 15)
AHEAD = {
    "account.closed_on",
    "account.opened_on",
    "bill.due_on",
    "bill.period",
    "bill.period_end",
    "bill.period_start",
    "capacity_change.end_on",
    "contract.effective_from",
    "contract.expires_on",
    "customer.born_on",
    "customer.registered_on",
    "customer_link.to_on",
    "customer_manager.to_on",
    "electrician.licence_expires_on",
    "inspection.planned_on",
    "meter.manufactured_on",
    "meter_plan.month",
    "metering_point.installed_on",
    "planned_outage.ends_at",
    "planned_outage.starts_at",
    "product_holding.until_on",
    "register_reading.period",
    "tariff_rate.valid_from",
    "tariff_rate.valid_to",
    "transformer.commissioned_on",
    "transformer.retired_on",
}
"""Days that may lie ahead: plans, terms, ends and first days, which the statements hold against their own days."""


def known(tmp_path: Path, table: str, rows: list[dict[str, Any]], zone: str = "Asia/Shanghai") -> list[Any]:
    settings = load_settings(tmp_path, utility={"time_zone": zone})
    with DuckDBSession(settings, Run.of(AS_OF, zone), stored=False) as session:
        schema = session.catalog.contract.tables[table].accepted_schema
        full = [{name: row.get(name) for name in schema.names} for row in rows]
        session.give(f"accepted.{table}", pa.Table.from_pylist(full, schema=schema))
        return session.query(f"SELECT * FROM source.{table}").read_all().to_pylist()


def test_every_date_of_the_contract_hides_or_may_lie_ahead() -> None:
    unmarked = {
        f"{table.name}.{column.name}"
        for table in load_contract().tables.values()
        for column in table.columns
        if column.type in ("date", "timestamp")
        and not column.event_time
        and not column.process_date
        and column.name != "updated_at"
    }
    assert unmarked == AHEAD


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_a_word_said_at_the_first_moment_after_the_day_is_not_said_yet(tmp_path: Path, zone: str) -> None:
    midnight = dt.datetime(2026, 10, 16, tzinfo=ZoneInfo(zone))
    word = {"customer_id": "C", "channel": "sms", "purpose": "marketing"}
    rows = known(
        tmp_path,
        "consent",
        [
            {**word, "status": "granted", "changed_at": dt.datetime(2025, 1, 1, tzinfo=dt.UTC)},
            {**word, "status": "withdrawn", "changed_at": midnight - dt.timedelta(microseconds=1)},
            {**word, "status": "granted", "changed_at": midnight},
            {**word, "status": "granted", "changed_at": dt.datetime(2026, 12, 20, tzinfo=dt.UTC)},
        ],
        zone,
    )
    assert sorted((row["status"], row["changed_at"] < midnight) for row in rows) == [
        ("granted", True),
        ("withdrawn", True),
    ]


def test_a_service_taken_up_later_is_not_held_and_one_that_ends_later_is(tmp_path: Path) -> None:
    held = {"account_id": "A", "product_code": "e_bill"}
    rows = known(
        tmp_path,
        "product_holding",
        [
            {**held, "since_on": AS_OF, "until_on": dt.date(2026, 12, 1)},
            {**held, "since_on": dt.date(2026, 10, 16)},
        ],
    )
    assert [(row["since_on"], row["until_on"]) for row in rows] == [(AS_OF, dt.date(2026, 12, 1))]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("customer", "verified_on"),
        ("meter", "calibrated_on"),
        ("instrument_transformer", "calibrated_on"),
        ("customer_equipment", "tested_on"),
        ("inspection", "performed_on"),
    ],
)
def test_a_check_of_tomorrow_is_not_made_yet(tmp_path: Path, table: str, column: str) -> None:
    rows = known(tmp_path, table, [{column: AS_OF}, {column: AS_OF + dt.timedelta(days=1)}])
    assert [row[column] for row in rows] == [AS_OF, None]


def test_what_a_later_date_dates_is_not_known_yet(tmp_path: Path) -> None:
    later = dt.datetime(2026, 10, 15, 16, tzinfo=dt.UTC)
    before = later - dt.timedelta(microseconds=1)
    orders = known(
        tmp_path / "orders",
        "service_order",
        [
            {"submitted_at": before, "closed_at": moment, "outcome": "withdrawn"}
            for moment in (before, later, None)
        ],
    )
    assert [row["outcome"] for row in orders] == ["withdrawn", None, "withdrawn"]
    inspections = known(
        tmp_path / "inspections",
        "inspection",
        [{"performed_on": day, "result": "violation"} for day in (AS_OF, AS_OF + dt.timedelta(days=1), None)],
    )
    assert [row["result"] for row in inspections] == ["violation", None, "violation"]


def test_a_fee_charged_later_does_not_exist_and_one_without_a_date_does(tmp_path: Path) -> None:
    days = [AS_OF, AS_OF + dt.timedelta(days=1), None]
    rows = known(tmp_path, "fee", [{"fee_id": str(at), "charged_on": day} for at, day in enumerate(days)])
    assert [row["fee_id"] for row in rows] == ["0", "2"]
