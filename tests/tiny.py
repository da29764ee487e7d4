"""A tiny utility as a folder of files: all tables, a handful of rows, easy to spoil in one place."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wattmark.contract import load_contract

ROWS: dict[str, list[dict[str, Any]]] = {
    "org_unit": [{"org_unit_id": "U1", "name": "East", "level": "station"}],
    "staff": [{"staff_id": "S1", "org_unit_id": "U1", "name": "Li", "post": "billing"}],
    "line": [{"line_id": "L1", "name": "Feeder 1", "org_unit_id": "U1", "nominal_kv": 10}],
    "transformer": [
        {"transformer_id": "T1", "line_id": "L1", "org_unit_id": "U1", "ownership": "public", "rated_kva": 400,
         "updated_at": "2026-01-01 00:00:00"},
    ],
    "tariff": [
        {"tariff_code": "R1", "name": "Residential", "usage_category": "residential", "min_kv": 0.22, "max_kv": 0.38,
         "is_two_part": False, "is_time_of_use": False, "is_stepped": False},
    ],
    "tariff_rate": [
        {"tariff_code": "R1", "component": "energy", "step_no": 1, "step_from_kwh": 0, "unit_price": 0.5, "valid_from": "2020-01-01"},
    ],
    "customer": [
        {"customer_id": f"C{n}", "name": f"Person {n}", "kind": "person", "registered_on": "2020-01-01",
         "updated_at": "2026-01-01 08:00:00"} for n in range(1, 31)
    ],
    "account": [
        {"account_id": f"A{n}", "customer_id": f"C{n}", "account_name": f"Person {n}", "org_unit_id": "U1", "status": "active",
         "opened_on": "2020-01-01", "usage_category": "residential", "tariff_code": "R1", "supply_kv": 0.22,
         "metering_mode": "lv_lv", "contracted_kva": 8, "running_kva": 8, "demand_basis": "none", "allocation": "none",
         "is_temporary": False, "is_dual_supply": False, "has_self_generation": False, "has_load_control": False,
         "wants_vat_invoice": False, "updated_at": "2026-01-01 08:00:00"} for n in range(1, 31)
    ],
    "metering_point": [
        {"metering_point_id": f"P{n}", "account_id": f"A{n}", "role": "main", "multiplier": 1, "updated_at": "2026-01-01 08:00:00"}
        for n in range(1, 31)
    ],
    "bill": [
        {"bill_id": f"B{n}", "account_id": f"A{n}", "period": "2026-10-01", "period_start": "2026-10-01", "period_end": "2026-10-31",
         "tariff_code": "R1", "metered_kwh": 100, "loss_kwh": 0, "billed_kwh": 100, "total_amount": "50.00",
         "issued_at": "2026-11-01 08:00:00", "due_on": "2026-11-20"} for n in range(1, 31)
    ],
}  # fmt: skip


def interval_rows(day: str, points: int = 3) -> list[dict[str, Any]]:
    """Half-hourly rows of a local day for the first points."""
    return [
        {"metering_point_id": f"P{n}", "interval_start": f"{day} {slot // 2:02d}:{30 * (slot % 2):02d}:00", "interval_minutes": 30,
         "kwh": 0.25, "quality": "measured"}
        for n in range(1, points + 1) for slot in range(48)
    ]  # fmt: skip


def write_csv(path: Path, columns: list[str], rows: list[dict[str, Any]], encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def write_tiny(
    folder: Path, *, intervals: tuple[str, ...] = ("2026-11-03",), **changed: list[dict[str, Any]]
) -> Path:
    """Write the utility as CSV files, intervals as daily Parquet; ``changed`` replaces whole tables."""
    for table in load_contract().tables.values():
        if table.name == "interval_reading":
            continue
        rows = changed.get(table.name, ROWS.get(table.name, []))
        write_csv(folder / f"{table.name}.csv", [column.name for column in table.columns], rows)
    for day in intervals:
        write_intervals(folder, day, interval_rows(day))
    (folder / "interval_reading").mkdir(exist_ok=True)
    return folder


def write_intervals(folder: Path, day: str, rows: list[dict[str, Any]], name: str = "part-0.parquet") -> Path:
    path = folder / "interval_reading" / f"day={day}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path
