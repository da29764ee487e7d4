"""The shadow bill on a sample whose bills are made in every way: equal to the cent, and advice that obeys the rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, load_settings
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import FolderSink

pytestmark = pytest.mark.slow

DAY = dt.date(2026, 11, 4)
CONTRACT = load_contract(PROJECT_ROOT / "include" / "contract" / "source-model.yaml")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBSession]:
    """A clean sample's tables, as accepted; intervals reach back over the audited month."""
    folder = tmp_path_factory.mktemp("sample")
    generate(SamplePlan(accounts=500, interval_days=1, seed=4, as_of=DAY), FolderSink(folder, "parquet"))
    settings = load_settings(tmp_path_factory.mktemp("home"))
    with DuckDBSession(settings, Run.of(DAY, "Asia/Shanghai"), stored=False) as opened:
        for name, table in CONTRACT.tables.items():
            opened.give(f"source.{name}", _rows(folder, name, table.accepted_schema))
        yield opened


def _rows(folder: Path, name: str, schema: pa.Schema) -> pa.Table:
    path = folder / name if (folder / name).exists() else folder / f"{name}.parquet"
    rows = pq.read_table(path)
    columns = [
        rows[field.name] if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(dict(zip(schema.names, columns, strict=True))).cast(schema)


def _asked(session: DuckDBSession, sql: str, *tables: str) -> list[dict[str, Any]]:
    session.see(list(tables))
    rows: list[dict[str, Any]] = session.query(sql).read_all().to_pylist()
    return rows


def test_every_bill_equals_its_recalculation(session: DuckDBSession) -> None:
    bills = _asked(session, "SELECT * FROM facts.shadow_bill", "facts.shadow_bill")
    told = [bill for bill in bills if bill["total_amount"] is not None]
    assert len(told) >= 0.99 * len(bills) > 450
    # What is not recalculated says why.
    assert all(bill["not_checked"] for bill in bills if bill["total_amount"] is None)
    assert [bill["bill_id"] for bill in told if bill["total_amount"] != bill["billed_total_amount"]] == []
    # Each way of making a bill is there.
    by_tariff = {bill["tariff_code"]: bill for bill in told}
    assert {"RES-YEAR", "COM-LV-RISE", "IND-10-DEEP", "LAR-10-TOU", "RES-STEP"} <= set(by_tariff)
    assert {None, "intervals"} <= {bill["spread"] for bill in told}
    assert any(bill["deep_amount"] > 0 for bill in told)
    assert any(bill["feed_in_amount"] < 0 for bill in told)
    assert any(bill["demand_amount"] > 0 for bill in told)


def test_no_line_of_a_clean_sample_fails(session: DuckDBSession) -> None:
    failing = _asked(
        session,
        "SELECT bill_id, component FROM mart.shadow_bill_line"
        " WHERE quantity_verdict = 'fail' OR price_verdict = 'fail' OR amount_verdict = 'fail'",
        "mart.shadow_bill_line",
    )
    assert failing == []


def test_nobody_is_advised_against_the_rules(session: DuckDBSession) -> None:
    advised = _asked(
        session,
        "SELECT account.account_id, account.usage_category, account.contracted_kva, tariff.is_time_of_use,"
        " tariff.is_two_part, tariff.usage_category AS for_category FROM segment.tariff_fit"
        " JOIN source.account ON account.account_id = tariff_fit.account_id"
        " JOIN source.tariff ON tariff.tariff_code = tariff_fit.tariff_code"
        " WHERE tariff_fit.place = 1 AND NOT tariff_fit.is_own",
        "segment.tariff_fit",
        "source.account",
        "source.tariff",
    )
    assert len(advised) > 10
    business = {"large_industrial", "general_industrial", "commercial"}
    for row in advised:
        assert row["usage_category"] == row["for_category"]
        if row["usage_category"] in business:
            assert row["is_time_of_use"] or row["contracted_kva"] < 100
            assert row["is_two_part"] or row["contracted_kva"] < 315
            assert not row["is_two_part"] or row["contracted_kva"] >= 100
