"""The sample utility: valid by the contract, the same every time, and the right size."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.unit.sample_checks import CHECKS, connect
from wattmark.contract import load_contract
from wattmark_sample import FolderSink, SampleError, SamplePlan, generate
from wattmark_sample.grid import BLOCK_ACCOUNTS, blocks
from wattmark_sample.plan import FULL_GRID_ACCOUNTS

SEED = 11


def make(folder: Path, accounts: int, **changes: object) -> Path:
    generate(SamplePlan(accounts=accounts, seed=SEED, **changes), FolderSink(folder))  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def utility(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("utility"), 500)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.*"))
        if file.is_file()
    }


def test_every_table_and_column_with_its_type(utility: Path) -> None:
    for table in load_contract().tables.values():
        if table.name == "interval_reading":
            continue
        assert pq.read_schema(utility / f"{table.name}.parquet").equals(table.arrow_schema), table.name
    day = next((utility / "interval_reading").glob("day=2026-11-04/part-0.parquet"))
    names = pq.read_schema(day).names
    intervals = load_contract().tables["interval_reading"].columns
    assert names == [column.name for column in intervals if column.name in names]
    assert [column.name for column in intervals if column.name not in names and not column.optional] == []


def test_keys_are_unique_and_required_cells_full(shadow: duckdb.DuckDBPyConnection) -> None:
    session = shadow
    for table in load_contract().tables.values():
        key = ", ".join(table.key)
        source = (
            table.name
            if table.name != "interval_reading"
            else "(FROM interval_reading WHERE day = DATE '2026-10-07')"
        )
        assert session.sql(f"SELECT {key} FROM {source} GROUP BY ALL HAVING COUNT(*) > 1").fetchall() == [], (
            table.name
        )
        for column in table.columns:
            if not column.optional:
                assert session.sql(
                    f"SELECT COUNT(*) FROM {source} WHERE {column.name} IS NULL"
                ).fetchall() == [(0,)], f"{table.name}.{column.name}"


def test_references_resolve_and_values_are_allowed(shadow: duckdb.DuckDBPyConnection) -> None:
    session = shadow
    contract = load_contract()
    for table in contract.tables.values():
        for column in table.columns:
            if column.ref:
                target = contract.tables[column.ref]
                stray = (
                    f"SELECT {column.name} FROM {table.name} WHERE {column.name} IS NOT NULL "
                    f"AND {column.name} NOT IN (SELECT {target.key[0]} FROM {target.name})"
                )
                assert session.sql(stray).fetchall() == [], f"{table.name}.{column.name}"
            if column.values:
                found = {
                    value
                    for (value,) in session.sql(
                        f"SELECT DISTINCT {column.name} FROM {table.name} WHERE {column.name} IS NOT NULL"
                    ).fetchall()
                }
                assert found <= set(column.values), f"{table.name}.{column.name}"


@pytest.mark.parametrize("rule", sorted(CHECKS))
def test_a_clean_utility_breaks_no_rule(shadow: duckdb.DuckDBPyConnection, rule: str) -> None:
    assert shadow.sql(CHECKS[rule]).fetchall() == []


@pytest.fixture(scope="module")
def shadow(utility: Path) -> duckdb.DuckDBPyConnection:
    return connect(utility)


def test_phones_are_valid_numbers(utility: Path) -> None:
    import phonenumbers

    customers = pq.read_table(utility / "customer.parquet", columns=["mobile", "phone"]).to_pylist()
    numbers = [number for row in customers for number in row.values() if number]
    assert numbers
    assert [n for n in numbers if not phonenumbers.is_valid_number(phonenumbers.parse(n, "CN"))] == []


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    first = digests(
        make(tmp_path / "a", 60, interval_days=2, as_of=dt.date(2026, 11, 2), faults=["TAR-01", "MET-03"])
    )
    again = digests(
        make(tmp_path / "b", 60, interval_days=2, as_of=dt.date(2026, 11, 2), faults=["TAR-01", "MET-03"])
    )
    generate(
        SamplePlan(accounts=60, interval_days=2, as_of=dt.date(2026, 11, 2), seed=SEED + 1),
        FolderSink(tmp_path / "c"),
    )
    other = digests(tmp_path / "c")
    assert first == again
    assert first["customer.parquet"] != other["customer.parquet"]


def test_a_second_sample_replaces_the_first(tmp_path: Path) -> None:
    make(tmp_path, 30, interval_days=1)
    make(tmp_path, 10, interval_days=0)
    assert pq.read_table(tmp_path / "account.parquet").num_rows == 10
    # Empty, but there: a source that lacks a table is refused.
    assert [path.name for path in (tmp_path / "interval_reading").rglob("*")] == ["part-0.parquet"]
    assert pq.read_table(tmp_path / "interval_reading" / "part-0.parquet").num_rows == 0


@pytest.mark.parametrize("accounts", [1, 50])
def test_small_utilities_are_whole(tmp_path: Path, accounts: int) -> None:
    folder = make(tmp_path, accounts)
    session = connect(folder)
    assert session.sql("SELECT COUNT(*) FROM account").fetchall() == [(accounts,)]
    assert session.sql(
        "SELECT COUNT(*) FROM account WHERE account_id NOT IN (SELECT account_id FROM supply_point)"
    ).fetchall() == [(0,)]
    assert {name for name, query in CHECKS.items() if session.sql(query).fetchall()} == set()


def test_csv_carries_the_same_rows(tmp_path: Path) -> None:
    generate(SamplePlan(accounts=20, seed=SEED, interval_days=0), FolderSink(tmp_path, "csv"))
    rows = duckdb.connect().sql(f"SELECT COUNT(*) FROM read_csv('{tmp_path}/account.csv')").fetchall()
    assert rows == [(20,)]


@pytest.mark.parametrize("accounts", [1, 3000, FULL_GRID_ACCOUNTS, FULL_GRID_ACCOUNTS + 1, 100_000])
def test_blocks_hold_exactly_the_accounts_asked_for(accounts: int) -> None:
    found = list(blocks(SamplePlan(accounts=accounts)))
    assert sum(block.size for block in found) == accounts
    assert [block.first_account for block in found] == [
        sum(b.size for b in found[:n]) for n in range(len(found))
    ]
    assert max(block.size for block in found) < BLOCK_ACCOUNTS + 2500


def test_a_failed_run_leaves_no_file_under_its_final_name(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), FolderSink(tmp_path) as sink:
        sink.write("account", pq.read_table(make(tmp_path / "x", 1, interval_days=0) / "account.parquet"))
        raise RuntimeError
    assert not (tmp_path / "account.parquet").exists()
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.parametrize(
    "change", [{"accounts": 0}, {"accounts": "all"}, {"months": 0}, {"interval_days": -1}]
)
def test_impossible_plans_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(SampleError):
        SamplePlan(**change)  # type: ignore[arg-type]


LATER = (
    "customer_manager", "contact_person", "customer_link", "meter_alarm", "planned_outage", "temperature_daily",
)  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_what_the_contract_got_later_is_filled(shadow: duckdb.DuckDBPyConnection, name: str) -> None:
    assert load_contract().tables[name].optional
    assert shadow.sql(f"SELECT COUNT(*) FROM {name}").fetchall()[0][0] > 0
