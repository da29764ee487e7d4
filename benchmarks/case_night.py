"""The night's step on audit cases of a large utility: 100,000 open cases, 1 thread, 512 MB for DuckDB.

    python benchmarks/case_night.py [cases] [--folder DIR]

Starts a PostgreSQL of its own and makes findings up (not timed). The first night opens all cases; the second finds 85 of a
hundred as they were, 5 otherwise, 5 not any more (judged by what the lake holds) and leaves 5 unjudged; the third does
the same once more. Prints seconds, seconds of each thousand cases, events, and the peak memory of this process.
"""

from __future__ import annotations

import datetime as dt
import json

import psycopg
import pyarrow as pa
from bench import clocked, options, peak_mb, with_warehouse
from rich.console import Console

from wattmark.audit.runner import COVERAGE, FINDINGS, NOT_CHECKED
from wattmark.cases.night import take_night
from wattmark.contract import load_contract
from wattmark.contract.types import schema_of
from wattmark.engine.produced import PRODUCED
from wattmark.home import warehouse_url
from wattmark.lake import Lake
from wattmark.publish.ops import begin_run, libpq_url, upgrade
from wattmark.run import Run
from wattmark.settings import Settings

UNITS, STAFF = 50, 500
DAYS = ("2026-10-14", "2026-10-15", "2026-10-16")


def source(settings: Settings, cases: int) -> None:
    contract = load_contract(settings.include / "contract" / "source-model.yaml")
    rows = {
        "org_unit": [{"org_unit_id": f"U{n}", "name": "x", "level": "station", "parent_id": "U0" if n else None} for n in range(UNITS)],
        "staff": [
            {"staff_id": f"S{n}", "org_unit_id": f"U{n % UNITS}", "name": "x", "post": ("metering", "billing")[n // UNITS % 2]}
            for n in range(STAFF)
        ],
        "reading_area": [{"reading_area_id": f"R{n}", "org_unit_id": f"U{n % UNITS}", "staff_id": f"S{n}", "fixed_day": 1} for n in range(STAFF)],
        "account": [
            {"account_id": f"A{n}", "customer_id": f"C{n}", "org_unit_id": f"U{n % UNITS}", "status": "active",
             "opened_on": dt.date(2020, 1, 1), "reading_area_id": f"R{n % STAFF}"} for n in range(cases)
        ],
        "meter": [{"meter_id": f"M{n}", "metering_point_id": f"P{n}", "status": "in_use"} for n in range(cases)],
        "metering_point": [{"metering_point_id": f"P{n}", "account_id": f"A{n}"} for n in range(cases)],
    }  # fmt: skip
    for name, given in rows.items():
        schema = pa.schema([field.with_nullable(True) for field in contract.tables[name].accepted_schema])
        Lake(settings.lake).replace(f"accepted.{name}", pa.Table.from_pylist(given, schema))


def found(settings: Settings, run: Run, cases: int, turn: int) -> None:
    """Findings of a night: half of a rule that judges how meters stand, a tenth effects, the rest of the month's readings."""
    rows = []
    for n in range(cases):
        part = n % 20
        if turn and part in (0, 1):
            continue
        value = n + (turn if part == 2 else 0)
        rule, kind, subject = (
            ("MET-02", "meter", f"M{n}") if part < 10 else ("MET-03", "metering_point", f"P{n}") if part < 12
            else ("TAR-02", "metering_point", f"P{n - 2}") if part < 14 else ("TAR-01", "metering_point", f"P{n}")
        )  # fmt: skip
        rows.append(
            {
                "rule_id": rule, "subject_type": kind, "subject_id": subject, "period": run.period, "account_id": f"A{n - 2 if rule == 'TAR-02' else n}",
                "customer_id": f"C{n}", "org_unit_id": f"U{n % UNITS}", "severity": ("high", "medium", "low")[n % 3],
                "at_stake_amount": None if n % 2 else value, "kind": "exception", "family": rule[:3], "message_en": "The file of the meter lacks something.",
                "message_zh": "档案缺少。", "evidence": json.dumps({"value": value, "missing": "digits, model, phases", "tolerance": 0.5,
                                                                 "metering_point_id": f"P{n}", "read_at": "2026-09-30T08:00:00Z"}),
            }
        )  # fmt: skip
    lake = Lake(settings.lake)
    lake.replace(FINDINGS, pa.Table.from_pylist(rows, schema_of(PRODUCED[FINDINGS])))
    # Twenty times as much was judged, so that the brake holds nothing; of a part of the meters nothing is known.
    checked = [
        {"rule_id": rule, "checked": 20 * cases, "flagged": cases // 2, "family": rule[:3]}
        for rule in ("MET-02", "MET-03", "TAR-01", "TAR-02")
    ]
    lake.replace(COVERAGE, pa.Table.from_pylist(checked, schema_of(PRODUCED[COVERAGE])))
    unchecked = [{"rule_id": "MET-02", "subject_id": f"M{n}", "family": "MET"} for n in range(1, cases, 20)]
    lake.replace(NOT_CHECKED, pa.Table.from_pylist(unchecked, schema_of(PRODUCED[NOT_CHECKED])))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=100_000)
    given = parser.parse_args()
    compute = {"threads": 1, "memory_limit_mb": 512}
    with with_warehouse(given.folder, compute=compute) as (settings, console):
        measure(settings, console, given.cases)


def measure(settings: Settings, console: Console, cases: int) -> None:
    """Play the nights and tell what each took."""
    url = warehouse_url(settings)
    upgrade(url)
    source(settings, cases)
    with psycopg.connect(libpq_url(url)) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ops.staff_login (login, staff_id, org_unit_id, role) VALUES (%s, %s, %s, 'worker')",
            [(f"l{n}", f"S{n}", f"U{n % UNITS}") for n in range(STAFF)],
        )
    for turn, day in enumerate(DAYS):
        run = Run.of(dt.date.fromisoformat(day), settings.utility.time_zone)
        found(settings, run, cases, turn)
        begin_run(url, run, code_version="0", parameters_hash="0")
        seconds, cpu_seconds, counts = clocked(lambda run=run: take_night(settings, run))
        said = {name: count for name, count in counts.items() if count}
        console.print(
            f"{day}: {seconds:.1f} s ({1000 * seconds / cases:.3f} s a thousand; {cpu_seconds:.1f} s of this process) {said}"
        )
    console.print(f"peak memory {peak_mb():,.0f} MB")


if __name__ == "__main__":
    main()
