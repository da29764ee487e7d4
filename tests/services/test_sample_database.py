"""The sample utility in a real PostgreSQL database, intervals beside it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import sqlalchemy as sa

from tests.services.homes import a_home
from wattmark.contract import load_contract
from wattmark.local import services
from wattmark_sample import DatabaseSink, FolderSink, SamplePlan, generate

PLAN = SamplePlan(accounts=60, interval_days=1, seed=3)


def test_database_and_folder_hold_the_same_rows(tmp_path: Path) -> None:
    files = generate(PLAN, FolderSink(tmp_path / "files"))
    with a_home() as settings:
        services.up(settings, airflow=False)
        url = services.source_url(settings)
        generate(PLAN, DatabaseSink(url, tmp_path / "intervals"))
        loaded = generate(PLAN, DatabaseSink(url, tmp_path / "intervals"))
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            found = {
                name: connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one()
                for name in load_contract().tables
                if name != "interval_reading"
            }
            total = connection.execute(sa.text("SELECT SUM(total_amount) FROM bill")).scalar_one()
            kinds = {c["name"]: str(c["type"]) for c in sa.inspect(connection).get_columns("bill")}
        engine.dispose()
    assert loaded.rows == files.rows
    assert found == {name: rows for name, rows in files.rows.items() if name != "interval_reading"}
    expected = (
        duckdb.connect().sql(f"SELECT SUM(total_amount) FROM '{tmp_path}/files/bill.parquet'").fetchall()
    )
    assert [(total,)] == expected
    assert (kinds["total_amount"], kinds["issued_at"], kinds["period"]) == (
        "NUMERIC(18, 2)",
        "TIMESTAMP",
        "DATE",
    )
    assert (tmp_path / "intervals" / "interval_reading" / "day=2026-10-01" / "part-0.parquet").exists()
