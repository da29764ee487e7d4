"""Bills made by hand from published tariffs: the shadow bill gives each line to the cent."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, load_settings

CONTRACT = load_contract(PROJECT_ROOT / "include" / "contract" / "source-model.yaml")
GIVEN = yaml.safe_load((PROJECT_ROOT / "tests" / "fixtures" / "published_bills.yaml").read_text("utf-8"))
FIRST, LAST = dt.date(2017, 8, 1), dt.date(2017, 8, 31)
LINES = {
    "peak": "peak_amount",
    "flat": "flat_amount",
    "valley": "valley_amount",
    "steps": "steps_amount",
    "demand": "demand_amount",
    "capacity": "capacity_amount",
    "factor": "power_factor_amount",
}
Rows = dict[str, list[dict[str, Any]]]


def _bill(rows: Rows, number: int, bill: dict[str, Any]) -> None:
    """Source rows of one bill: its account, its readings and what was billed of the year before it."""
    account = f"A{number:02}"
    household = bill["tariff"] != "JS"
    rows["account"].append({
        "account_id": account, "status": "active", "opened_on": bill.get("opened_on", dt.date(2010, 1, 1)),
        "usage_category": "residential" if household else "large_industrial", "tariff_code": bill["tariff"],
        "supply_kv": 0.22 if household else 10.0, "metering_mode": "lv_lv" if household else "hv_hv",
        "contracted_kva": 8.0 if household else 1000.0, "running_kva": 8.0 if household else 1000.0,
        "demand_basis": bill.get("demand_basis", "none"), "contract_demand_kw": bill.get("contract_kw"),
        "power_factor_standard": bill.get("standard"), "allocation": "none",
    })  # fmt: skip
    rows["metering_point"].append({
        "metering_point_id": account, "account_id": account, "role": "main", "meter_id": "M", "multiplier": 1.0,
    })  # fmt: skip
    total = sum(bill.get(band, 0) for band in ("peak", "flat", "valley")) + bill.get("total_kwh", 0)
    registers = {
        "active_total": total,
        "active_peak": bill.get("peak"),
        "active_flat": bill.get("flat"),
        "active_valley": bill.get("valley"),
        "reactive_total": bill.get("reactive"),
        "max_demand_kw": bill.get("demand"),
    }
    for register, value in registers.items():
        if value is not None:
            rows["register_reading"].append({
                "metering_point_id": account, "period": FIRST, "register": register, "method": "remote",
                "read_at": dt.datetime(2017, 8, 31, 12, tzinfo=dt.UTC), "previous_value": 0.0,
                "current_value": float(value),
            })  # fmt: skip
    months = range(1, 8) if "before" in bill else ()
    for month in (*months, 8):
        start = dt.date(2017, month, 1)
        rows["bill"].append({
            "bill_id": f"{account}-{month}", "account_id": account, "period": start, "period_start": start,
            "period_end": dt.date(2017, month + 1, 1) - dt.timedelta(days=1), "tariff_code": bill["tariff"],
            "billed_kwh": float(total if month == 8 else bill["before"] / 7), "total_amount": Decimal(str(bill["total"])),
            "issued_at": dt.datetime(2017, 9, 1, tzinfo=dt.UTC),
        })  # fmt: skip
    if "suspended" in bill:
        rows["capacity_change"].append({
            "change_id": account, "account_id": account, "kind": "suspend", "start_on": FIRST,
            "capacity_kva": float(bill["suspended"]["kva"]), "end_on": bill["suspended"]["to"],
        })  # fmt: skip


def _source() -> Rows:
    rows: Rows = {name: [] for name in CONTRACT.tables}
    rows["tariff"] = [{"tariff_code": code, **tariff} for code, tariff in GIVEN["tariffs"].items()]
    rows["tariff_rate"] = GIVEN["rates"]
    rows["meter"] = [{"meter_id": "M", "digits": 7}]
    for number, bill in enumerate(GIVEN["bills"]):
        _bill(rows, number, bill)
    return rows


def test_twenty_bills_to_the_cent(tmp_path: Path) -> None:
    assert len(GIVEN["bills"]) == 20
    with DuckDBSession(
        load_settings(tmp_path), Run.of(GIVEN["as_of"], "Asia/Shanghai"), stored=False
    ) as session:
        for name, rows in _source().items():
            schema = CONTRACT.tables[name].accepted_schema
            listed = [{column: row.get(column) for column in schema.names} for row in rows]
            session.give(f"source.{name}", pa.Table.from_pylist(listed, schema=schema))
        session.see(["facts.shadow_bill"])
        found = session.query("SELECT * FROM facts.shadow_bill ORDER BY account_id").read_all().to_pylist()
    assert len(found) == 20
    for bill, row in zip(GIVEN["bills"], found, strict=True):
        wanted = {line: Decimal(str(bill["lines"].get(line, 0))) for line in LINES}
        assert row["not_checked"] is None, bill["name"]
        assert {line: row[column] for line, column in LINES.items()} == wanted, bill["name"]
        # What stands in the fixture adds up by itself.
        assert row["total_amount"] == Decimal(str(bill["total"])) == sum(wanted.values()), bill["name"]
