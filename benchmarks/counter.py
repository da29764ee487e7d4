"""How fast the counter answers over a big lake.

    python benchmarks/counter.py --accounts 1000000 --checks 300 [--folder DIR]

Makes a lake of that many accounts (columns as the contract has them, values plain), then checks
applications of accounts picked evenly over it, half of them bringing the account's rows themselves, a third asking for
another voltage and 5,000 kVA more.
Prints the seconds to make the look-up file, and the median, 99th percentile and highest of the answers.
"""

from __future__ import annotations

import datetime as dt
import random
import statistics
import time
from contextlib import closing
from pathlib import Path

import duckdb
from bench import begin_anew, options, settings_of, working

from wattmark.audit.counter import Counter
from wattmark.contract import load_contract
from wattmark.lake import Lake

# What each column holds for account number i; every other column is empty.
TABLES = {
    "account": """SELECT 'A' || printf('%09d', i) AS account_id, 'C' || printf('%09d', i) AS customer_id, 'Account ' || i AS account_name,
        '浙江省杭州市文三路' || i || '号' AS service_address, 'U' || (i % 40) AS org_unit_id, 'active' AS status, DATE '2020-01-01' AS opened_on,
        'large_industrial' AS usage_category, 'C26' AS industry_code, 'T1' AS tariff_code, 10.0 AS supply_kv, 10.0 AS metering_kv,
        'hv_hv' AS metering_mode, 500.0 AS contracted_kva, 500.0 AS running_kva, 'capacity' AS demand_basis, 0.9 AS power_factor_standard,
        'none' AS allocation, FALSE AS is_temporary, i % 50 = 0 AS is_dual_supply, FALSE AS has_self_generation, TRUE AS has_load_control,
        'counter' AS payment_method, FALSE AS wants_vat_invoice, TIMESTAMPTZ '2026-10-01 00:00:00+00' AS updated_at""",
    "customer": """SELECT 'C' || printf('%09d', i) AS customer_id, 'Account ' || i AS name, 'organisation' AS kind, 'Contact ' || i AS contact_name,
        '138' || printf('%08d', i % 100000000) AS mobile, DATE '2020-01-01' AS registered_on, TIMESTAMPTZ '2026-10-01 00:00:00+00' AS updated_at""",
    "supply_point": """SELECT 'S' || printf('%09d', i) AS supply_point_id, 'A' || printf('%09d', i) AS account_id, 'L' || (i % 900) AS line_id,
        'T' || printf('%09d', i) AS transformer_id, TRUE AS is_primary, TIMESTAMPTZ '2026-10-01 00:00:00+00' AS updated_at""",
    "transformer": """SELECT 'T' || printf('%09d', i) AS transformer_id, 'L' || (i % 900) AS line_id, 'U1' AS org_unit_id, 'dedicated' AS ownership,
        'A' || printf('%09d', i) AS account_id, 500.0 AS rated_kva, TIMESTAMPTZ '2026-10-01 00:00:00+00' AS updated_at""",
    "metering_point": """SELECT 'M' || printf('%09d', i) AS metering_point_id, 'A' || printf('%09d', i) AS account_id, 'main' AS role,
        'E' || printf('%09d', i * 7919 % 1000003) AS meter_id, 10.0 AS multiplier, TIMESTAMPTZ '2026-10-01 00:00:00+00' AS updated_at""",
    "meter": """SELECT 'E' || printf('%09d', i * 7919 % 1000003) AS meter_id, 'M' || printf('%09d', i) AS metering_point_id, FALSE AS model_retired,
        3 AS phases, 60.0 AS max_current_a, 'in_use' AS status, TIMESTAMPTZ '2026-10-01 00:00:00+00' AS updated_at""",
    "instrument_transformer": """SELECT 'I' || printf('%09d', i) AS it_id, 'M' || printf('%09d', i) AS metering_point_id, 'ct' AS kind,
        50.0 AS primary_value, 5.0 AS secondary_value""",
    "fee": """SELECT 'F' || printf('%09d', i) AS fee_id, 'A' || printf('%09d', i) AS account_id, 'other' AS kind, 100 AS standard_amount,
        100 AS charged_amount, 100 AS paid_amount, 0 AS refunded_amount, FALSE AS waiver_approved, DATE '2026-01-01' AS charged_on""",
    "tariff": """SELECT 'T' || i AS tariff_code, 'n' AS name, 'large_industrial' AS usage_category, 10.0 AS min_kv, 35.0 AS max_kv,
        TRUE AS is_two_part, TRUE AS is_time_of_use, FALSE AS is_stepped""",
    "address_reference": """SELECT printf('%06d', i) AS region_code, '浙江省' AS province, '杭州市' AS city,
        CASE WHEN i > 1 THEN '区' || i END AS district""",
}
SMALL = {"tariff": 200, "address_reference": 3300}


def make_lake(folder: Path, accounts: int) -> None:
    """Fill a lake's accepted tables, sorted as the pipeline writes them."""
    contract = load_contract()
    duck = duckdb.connect(config={"threads": 2, "memory_limit": "3GB"})
    for name, text in TABLES.items():
        count = SMALL.get(name, accounts)
        have = duck.sql(f"{text} FROM range(1, 2) AS r(i)").columns
        columns = ", ".join(
            f"CAST({column.name if column.name in have else 'NULL'} AS {column.duckdb_type}) AS {column.name}"
            for column in contract.tables[name].columns
        )
        rows = duck.sql(f"SELECT {columns} FROM ({text} FROM range(1, {count + 1}) AS r(i))")
        Lake(folder).replace(f"accepted.{name}", rows.to_arrow_reader())


def measure(home: Path, accounts: int, checks: int) -> dict[str, float]:
    """Seconds and milliseconds by name."""
    settings = settings_of(home)
    begin_anew(settings)
    make_lake(settings.lake, accounts)
    with closing(Counter(settings, workers=1)) as counter:
        started = time.perf_counter()
        counter.prepare()
        prepared = time.perf_counter() - started
        as_of = dt.datetime.now(settings.zone).date()
        picker = random.Random(1)
        answers, found = [], 0
        for number in range(checks):
            account = f"A{picker.randrange(1, accounts + 1):09}"
            order: dict[str, object] = {
                "order_id": "O1", "account_id": account, "kind": "increase", "needs_customer_works": True,
                "works_materials_entered": False, "equipment_list_provided": False, "vat_documents_complete": True,
            }  # fmt: skip
            application: dict[str, object] = {"service_order": order}
            if number % 2:
                application["supply_point"] = [
                    {"supply_point_id": "S1", "line_id": "L1", "transformer_id": "T1", "is_primary": True}
                ]
            if number % 3 == 0:
                order["requested_kva"] = 5000
                application["changes"] = {"supply_kv": 0.38, "metering_mode": "hv_lv"}
            started = time.perf_counter()
            found += len(counter.check(application, "zh", as_of))
            answers.append((time.perf_counter() - started) * 1000)
    answers.sort()
    return {
        "accounts": accounts,
        "checks": checks,
        "violations": found,
        "prepare_s": round(prepared, 2),
        "p50_ms": round(statistics.median(answers), 1),
        "p99_ms": round(answers[min(len(answers) - 1, int(len(answers) * 0.99))], 1),
        "max_ms": round(answers[-1], 1),
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--checks", type=int, default=300)
    given = parser.parse_args()
    with working(given.folder) as (folder, console):
        console.print_json(data=measure(folder / "home", given.accounts, given.checks), indent=None)


if __name__ == "__main__":
    main()
