"""A made-up utility of any size in a session: what the night's marts and sources would hold.

Everything follows from the customer's number by hashing, so that a world of a given size is always the same.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

AS_OF = dt.date(2026, 11, 2)
"""A Monday, on which the weekly campaigns are due."""

# u(i, salt): a number in [0, 1) that depends on the customer and a word alone.
_MACROS = """
CREATE OR REPLACE MACRO u(i, salt) AS (hash(i::VARCHAR || salt) % 1000003) / 1000003.0;
CREATE OR REPLACE MACRO cid(i) AS 'C' || LPAD(i::VARCHAR, 8, '0');
CREATE OR REPLACE MACRO aid(i) AS 'A' || LPAD(i::VARCHAR, 8, '0');
"""
TABLES = {
    "accepted.customer": """
        SELECT cid(i) AS customer_id, 'Name ' || i AS name, CASE WHEN u(i, 'kind') < 0.85 THEN 'person' ELSE 'organisation' END AS kind,
               'I' || i AS id_number, 'C26' AS industry_code, CAST(NULL AS VARCHAR) AS contact_name,
               CASE WHEN u(i, 'mobile') < 0.9 THEN '138' || LPAD(i::VARCHAR, 8, '0') WHEN u(i, 'mobile') < 0.95 THEN '12' END AS mobile,
               CAST(NULL AS VARCHAR) AS phone, CASE WHEN u(i, 'email') < 0.6 THEN 'u' || i || '@example.com' END AS email,
               CASE WHEN u(i, 'post') < 0.95 THEN 'Road ' || (i // 2) END AS postal_address,
               LPAD((100000 + i // 400 % 500)::VARCHAR, 6, '0') AS postcode,
               LPAD((110100 + i // 4000 % 50)::VARCHAR, 6, '0') AS region_code,
               DATE '1950-01-01' + CAST(u(i, 'born') * 27000 AS INTEGER) AS born_on, 'zh' AS language, CAST(NULL AS VARCHAR) AS tax_id,
               DATE '2010-01-01' + CAST(u(i, 'reg') * 5000 AS INTEGER) AS registered_on, CAST(NULL AS DATE) AS verified_on,
               TIMESTAMPTZ '2026-01-01 00:00:00+08' AS updated_at FROM range({n}) AS r(i)""",
    "accepted.account": """
        SELECT aid(i) AS account_id, cid(i) AS customer_id, 'Name ' || i AS account_name, 'Road ' || i AS service_address,
               'U' || (i % 20) AS org_unit_id, CASE WHEN u(i, 'closed') < 0.02 THEN 'closed' ELSE 'active' END AS status,
               DATE '2012-01-01' + CAST(u(i, 'open') * 5300 AS INTEGER) AS opened_on FROM range({n}) AS r(i)""",
    "accepted.consent": """
        SELECT cid(i) AS customer_id, c AS channel, p AS purpose,
               CASE WHEN u(i, c || p) < 0.7 THEN 'granted' ELSE 'withdrawn' END AS status,
               TIMESTAMPTZ '2026-01-01 00:00:00+08' AS changed_at
        FROM range({n}) AS r(i), UNNEST(['post', 'sms', 'phone', 'email', 'app', 'visit']) AS x(c), UNNEST(['marketing', 'service']) AS y(p)
        WHERE u(i, c || p) < 0.75""",
    "accepted.product_holding": """
        SELECT aid(i) AS account_id, p AS product_code, DATE '2025-01-01' AS since_on, CAST(NULL AS DATE) AS until_on
        FROM range({n}) AS r(i), UNNEST(['auto_debit', 'e_bill', 'mobile_app']) AS x(p) WHERE u(i, p) < 0.3""",
    "accepted.contract": """
        SELECT 'K' || i AS contract_id, aid(i) AS account_id, DATE '2023-01-01' AS signed_on, DATE '2023-01-01' AS effective_from,
               DATE '2026-10-01' + CAST(u(i, 'expires') * 900 AS INTEGER) AS expires_on, DATE '2023-01-01' AS entered_on,
               CAST(NULL AS DATE) AS archived_on FROM range({n}) AS r(i)""",
    "accepted.service_call": """
        SELECT 'S' || i AS call_id, aid(i) AS account_id, CASE WHEN u(i, 'ck') < 0.3 THEN 'complaint' ELSE 'enquiry' END AS kind,
               TIMESTAMPTZ '2026-09-01 09:00:00+08' AS opened_at,
               CASE WHEN u(i, 'solved') < 0.8 THEN TIMESTAMPTZ '2026-09-02 09:00:00+08' END AS resolved_at,
               1 + i % 5 AS satisfaction, TIMESTAMPTZ '2026-09-02 09:00:00+08' AS updated_at
        FROM range({n}) AS r(i) WHERE u(i, 'call') < 0.1
        UNION ALL
        SELECT 'R' || i, aid(i), 'enquiry', TIMESTAMPTZ '2026-10-30 09:00:00+08', TIMESTAMPTZ '2026-10-30 10:00:00+08', 1 + i % 2,
               TIMESTAMPTZ '2026-10-30 10:00:00+08' FROM range({n}) AS r(i) WHERE u(i, 'rated') < 0.01""",
    "accepted.planned_outage": """
        SELECT 'PO' || i AS outage_id, 'L' || i AS line_id, CAST(NULL AS VARCHAR) AS transformer_id,
               TIMESTAMPTZ '2026-11-06 08:30:00+08' AS starts_at, TIMESTAMPTZ '2026-11-06 11:30:00+08' AS ends_at,
               'work' AS reason, 'planned' AS status, TIMESTAMPTZ '2026-11-01 00:00:00+08' AS updated_at
        FROM range(3) AS r(i) WHERE {n} > 0""",
    "accepted.service_order": """
        SELECT 'O' || i AS order_id, aid(i) AS account_id, 'increase' AS kind, TIMESTAMPTZ '2026-09-01 09:00:00+08' AS submitted_at,
               TIMESTAMPTZ '2026-10-01 09:00:00+08' + to_days(CAST(u(i, 'oc') * 40 AS INTEGER)) AS closed_at, 'completed' AS outcome,
               TIMESTAMPTZ '2026-10-01 09:00:00+08' AS updated_at FROM range({n}) AS r(i) WHERE u(i, 'ord') < 0.05""",
    "accepted.campaign_event": """
        SELECT 'E' || i || k AS event_id, 'earlier' AS campaign_id, cid(i) AS customer_id, 'sms' AS channel, k AS kind,
               TIMESTAMPTZ '2026-06-01 09:00:00+08' AS occurred_at, CAST(NULL AS DECIMAL(18,2)) AS value_amount
        FROM range({n}) AS r(i), UNNEST(['unsubscribed', 'complained', 'bounced']) AS x(k) WHERE u(i, k) < 0.01""",
    "accepted.tariff": "SELECT 'R2' AS tariff_code, '峰谷电价' AS name, 'residential' AS usage_category FROM range(1) AS r(i) WHERE {n} > 0",
    "accepted.org_unit": "SELECT 'U' || i AS org_unit_id, 'Unit ' || i AS name FROM range(20) AS r(i) WHERE {n} > 0",
    "accepted.customer_manager": "SELECT cid(i) AS customer_id, 'S' || (i % 3) AS staff_id, 'manager' AS role, DATE '2026-01-01' AS from_on FROM range({n}) AS r(i) WHERE i % 2 = 0",
    "mart.dim_customer": """
        SELECT cid(i) AS customer_id, CASE WHEN u(i, 'kind') < 0.85 THEN 'person' ELSE 'organisation' END AS kind, 'C26' AS industry_code,
               LPAD((110100 + i // 4000 % 50)::VARCHAR, 6, '0') AS region_code,
               DATE '2010-01-01' + CAST(u(i, 'reg') * 5000 AS INTEGER) AS registered_on,
               CASE WHEN u(i, 'closed') < 0.02 THEN 0 ELSE 1 END AS live_accounts,
               CASE WHEN u(i, 'grade') < 0.01 THEN 'A' WHEN u(i, 'grade') < 0.05 THEN 'B' WHEN u(i, 'grade') < 0.2 THEN 'C'
                    WHEN u(i, 'grade') < 0.5 THEN 'D' ELSE 'E' END AS grade,
               3 AS objective_tier, 3 AS behaviour_tier, 100 * u(i, 'v') AS value_score,
               CAST(1000 * u(i, 'cv') AS DECIMAL(18,2)) AS current_value_amount, CAST(3000 * u(i, 'pv') AS DECIMAL(18,2)) AS potential_value_amount,
               0.9 AS credit, u(i, 'grade') < 0.01 AS is_key_account, u(i, 'emerging') < 0.05 AS emerging_key_account,
               'segment_' || (i % 10) AS segment, 'basic' AS relationship_level, 1 + i % 4 AS data_grade FROM range({n}) AS r(i)""",
    "mart.dim_account": """
        SELECT aid(i) AS account_id, cid(i) AS customer_id, 'U' || (i % 20) AS org_unit_id, 'L' || (i % 100) AS line_id,
               'T' || (i % 1000) AS transformer_id,
               CASE WHEN u(i, 'usage') < 0.8 THEN 'residential' WHEN u(i, 'usage') < 0.95 THEN 'commercial' ELSE 'large_industrial' END AS usage_category,
               'R1' AS tariff_code, 0.38 AS supply_kv, 10.0 AS contracted_kva, 10.0 AS running_kva,
               CASE WHEN u(i, 'closed') < 0.02 THEN 'closed' ELSE 'active' END AS status,
               DATE '2012-01-01' + CAST(u(i, 'open') * 5300 AS INTEGER) AS opened_on, CAST(NULL AS DATE) AS closed_on,
               u(i, 'ap') AS arrears_probability, 1 + i % 5 AS arrears_band, u(i, 'lp') AS leave_probability, 'R2' AS best_tariff_code,
               CAST(1000 * u(i, 'ts') AS DECIMAL(18,2)) AS tariff_saving_amount, 100 * u(i, 'fk') AS flexible_kw, i % 8 AS load_profile
        FROM range({n}) AS r(i)""",
    "mart.fct_bill": """
        SELECT aid(i) AS account_id, p AS period, 100 * (0.5 + u(i, 'kwh' || p)) AS billed_kwh, CAST(60 AS DECIMAL(18,2)) AS total_amount,
               CAST(CASE WHEN u(i, 'owes') < 0.05 THEN 0 ELSE 60 END AS DECIMAL(18,2)) AS paid_amount,
               CAST(CASE WHEN u(i, 'owes') < 0.05 THEN 60 ELSE 0 END AS DECIMAL(18,2)) AS unpaid_amount,
               CAST(p + INTERVAL 36 DAY AS DATE) AS due_on, CASE WHEN u(i, 'late' || p) < 0.3 THEN 5 ELSE 0 END AS days_late,
               CAST(CASE WHEN u(i, 'owes') < 0.05 AND p < DATE '2026-10-01' THEN 60 ELSE 0 END AS DECIMAL(18,2)) AS overdue_amount
        FROM range({n}) AS r(i), (VALUES (DATE '2025-08-01'), (DATE '2025-09-01'), (DATE '2025-10-01'),
             (DATE '2026-08-01'), (DATE '2026-09-01'), (DATE '2026-10-01')) AS v(p)""",
    "mart.audit_exception": """
        SELECT 'BIL-01' AS rule_id, 'account' AS subject_type, aid(i) AS subject_id, aid(i) AS account_id, cid(i) AS customer_id,
               CASE WHEN u(i, 'sev') < 0.5 THEN 'high' ELSE 'low' END AS severity, 'exception' AS kind
        FROM range({n}) AS r(i) WHERE u(i, 'finding') < 0.02""",
    "mart.tariff_fit": """
        SELECT aid(i) AS account_id, 'R2' AS tariff_code, 'none' AS demand_basis, 500.0 AS yearly_amount,
               CAST(1000 * u(i, 'ts') - 500 AS DECIMAL(18,2)) AS saving_amount FROM range({n}) AS r(i)""",
    "mart.next_service": """
        SELECT aid(i) AS account_id, 'green_power' AS product_code, 1 + u(i, 'lift') AS lift, 0.3 AS confidence, 0.3 * u(i, 'take') AS expected_take_up,
               CASE WHEN u(i, 'alike') < 0.5 THEN 0.3 * u(i, 'like') END AS resemblance
        FROM range({n}) AS r(i) WHERE u(i, 'next') < 0.4""",
    "segment.lookalike": """
        SELECT aid(i) AS account_id, 'ev_charging' AS product_code, 0.2 * u(i, 'ev') AS resemblance FROM range({n}) AS r(i)""",
    "mart.customer_segment": """
        SELECT cid(i) AS customer_id, 'composite' AS method, 'segment_' || (i % 10) AS segment, 1.0 AS score FROM range({n}) AS r(i)""",
    "mart.customer_movement": """
        SELECT cid(i) AS customer_id, DATE '2026-10-01' AS month, 'C' AS from_grade, 'B' AS to_grade, 'up' AS kind, 'value' AS reason
        FROM range({n}) AS r(i) WHERE u(i, 'moved') < 0.01""",
    "segment.household": """
        SELECT cid(i) AS customer_id, cid(i // 2 * 2) AS household_id, 2 AS members FROM range({n}) AS r(i)
        WHERE u(i, 'kind') < 0.85 AND u(i, 'post') < 0.95""",
    "segment.duplicate_pair": """
        SELECT cid(i) AS customer_id, cid(i + 3) AS other_customer_id, 0.9 AS score, 'name' AS evidence FROM range({n} - 3) AS r(i)
        WHERE u(i, 'twin') < 0.005""",
    "core.phone": """
        SELECT DISTINCT c.mobile AS raw, CASE WHEN LENGTH(c.mobile) > 5 THEN '+86' || c.mobile END AS e164, LENGTH(c.mobile) > 5 AS is_valid,
               LENGTH(c.mobile) > 5 AS is_mobile FROM accepted.customer AS c WHERE c.mobile IS NOT NULL""",
    "core.email": "SELECT DISTINCT c.email AS raw, c.email AS address, TRUE AS is_valid FROM accepted.customer AS c WHERE c.email IS NOT NULL",
    "core.text_key": "SELECT DISTINCT c.postal_address AS raw, LOWER(REPLACE(c.postal_address, ' ', '')) AS key, c.postal_address AS folded FROM accepted.customer AS c WHERE c.postal_address IS NOT NULL",
    "core.calendar": """
        SELECT DATE '2026-01-01' + i::INTEGER AS day, ISODOW(DATE '2026-01-01' + i::INTEGER) < 6 AS is_working_day,
               CAST(SUM(CAST(ISODOW(DATE '2026-01-01' + i::INTEGER) < 6 AS INTEGER)) OVER (ORDER BY i) AS BIGINT) AS working_day_no,
               ISODOW(DATE '2026-01-01' + i::INTEGER) AS iso_weekday, FALSE AS is_holiday FROM range(900) AS r(i)""",
}


def settings_of(home: Path, **more: Any) -> Settings:
    return load_settings(home, **more)


def open_world(
    settings: Settings, customers: int, as_of: dt.date = AS_OF, files: Path | None = None, **instead: str
) -> DuckDBSession:
    """A session with the world in it; ``instead`` gives other SQL for tables (``layer__table``).

    The tables lie in memory, or in Parquet files of the folder ``files``, as they do in a lake.
    """
    catalog = load_catalog(settings.include)
    run = Run.of(as_of, settings.utility.time_zone)
    session = DuckDBSession(settings, run, catalog, stored=False, shared=files is None)
    changed = {name: instead[key] for name in TABLES if (key := name.replace(".", "__")) in instead}
    if files is None and not changed:
        _copy_world(session, customers)
    elif files is None:
        # Some are made of others, so that all are made anew.
        session.duck.execute(_MACROS)
        _make_tables(session, customers, TABLES | changed)
    else:
        session.duck.execute(_MACROS)
        files.mkdir(parents=True, exist_ok=True)
        for name, sql in (TABLES | changed).items():
            schema, table = name.split(".")
            path = files / f"{name}.parquet"
            made = _typed(session, name, sql.replace("{n}", str(customers)))
            session.duck.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            session.duck.execute(f"COPY ({made}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
            session.duck.execute(f"CREATE VIEW {schema}.\"{table}\" AS SELECT * FROM read_parquet('{path}')")
    session._known.update(TABLES)
    return session


def _copy_world(session: DuckDBSession, customers: int) -> None:
    """All tables, made once a process and copied from then on: a test opens the world several times."""
    duck, own = session.duck, session.duck.execute("SELECT CURRENT_DATABASE()").fetchall()[0][0]
    world = f"world_{customers}"
    if not duck.execute("SELECT 1 FROM duckdb_databases() WHERE database_name = ?", [world]).fetchall():
        duck.execute(f"ATTACH ':memory:' AS {world}; USE {world}")
        duck.execute(_MACROS)
        _make_tables(session, customers, TABLES)
        duck.execute(f"USE {own}")
    duck.execute(f"COPY FROM DATABASE {world} TO {own}")


def _make_tables(session: DuckDBSession, customers: int, tables: dict[str, str]) -> None:
    for name, sql in tables.items():
        schema, table = name.split(".")
        made = _typed(session, name, sql.replace("{n}", str(customers)))
        session.duck.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        session.duck.execute(f'CREATE TABLE {schema}."{table}" AS {made}')


def _typed(session: DuckDBSession, name: str, sql: str) -> str:
    """A table's SQL with all columns that the contract declares, where it is the contract's."""
    schema, table = name.split(".")
    if schema != "accepted":
        return sql
    there = {row[0] for row in session.duck.execute(f"DESCRIBE {sql}").fetchall()}
    shown = ", ".join(
        f'CAST({column.name if column.name in there else "NULL"} AS {column.duckdb_type}) AS "{column.name}"'
        for column in session.catalog.contract.tables[table].columns
    )
    return f"SELECT {shown} FROM ({sql})"


def replace(session: DuckDBSession, name: str, sql: str) -> None:
    """Put other rows in place of a table of the world."""
    session.duck.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")
