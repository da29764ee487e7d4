"""The whole layer on small utilities: the same bits however it is run, nobody lost, nobody moved by a neighbour."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.segment import state
from wattmark.settings import PROJECT_ROOT, load_settings
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import FolderSink

DAY = dt.date(2026, 11, 4)
METHODS = ("static", "behaviour", "value", "cluster", "association", "composite")
Tables = dict[str, pa.Table]
CONTRACT = load_contract(PROJECT_ROOT / "include" / "contract" / "source-model.yaml")

CUSTOMER_TABLES = (
    "customer_base", "customer_objective", "customer_behaviour", "customer_value", "customer_grade", "customer_static", "customer_conduct",
    "customer_value_cell", "customer_value_cluster", "customer_sign", "customer_lifetime", "customer_cluster", "customer_association", "customer_composite", "customer_data_grade",
)  # fmt: skip
"""Tables that hold each customer exactly once."""


def _rows(table: str, *rows: Mapping[str, Any]) -> pa.Table:
    """Rows of a contract table; columns left out are empty."""
    schema = CONTRACT.tables[table].accepted_schema
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in schema.names} for row in rows], schema=schema
    )


def _layer(
    home: Path,
    tables: Mapping[str, pa.Table],
    *,
    threads: int = 1,
    earlier: Mapping[str, pa.Table] | None = None,
) -> Tables:
    """All tables of layer segment over given source tables (the others are empty)."""
    settings = load_settings(home, compute={"threads": threads})
    found: Tables = {}
    with DuckDBSession(settings, Run.of(DAY, "Asia/Shanghai"), stored=False) as session:
        for name, table in CONTRACT.tables.items():
            session.give(f"source.{name}", tables.get(name, table.accepted_schema.empty_table()))
        for name, rows in (earlier or {}).items():
            session.give(f"segment_state.{name}", rows)
        for definition in session.catalog.layer("segment"):
            session.see([definition.name])
            key = ", ".join(definition.key)
            found[definition.name.split(".")[1]] = session.query(
                f"SELECT * FROM {definition.name} ORDER BY {key}"
            ).read_all()
    return found


def _as_state(layer: Tables) -> Tables:
    """What a night before would have kept of a layer: models, centroids of both kinds and rules."""
    kept = {
        "model": layer["model"].filter(
            pc.and_(layer["model"]["in_use"], pc.not_equal(layer["model"]["kind"], "metric"))
        ),
        "centroid": layer["load_centroid"],
        "value_centroid": layer["value_centroid"],
        "service_rule": layer["service_rule"],
    }
    day = DAY - dt.timedelta(days=1)
    return {
        name: pa.table({
            column.name: rows[column.name] if column.name != "as_of" else pa.array([day] * rows.num_rows, pa.date32())
            for column in state.TABLES[name]
        })
        for name, rows in kept.items()
    }  # fmt: skip


def _labels(layer: Tables) -> dict[tuple[str, str], tuple[str, float | None]]:
    return {
        (row["customer_id"], row["method"]): (row["segment"], row["score"])
        for row in layer["customer_segment"].to_pylist()
    }


def _nobody_is_lost(layer: Tables, customers: int) -> None:
    for name in CUSTOMER_TABLES:
        assert layer[name].num_rows == customers, name
        assert len(set(layer[name]["customer_id"].to_pylist())) == customers, name
    by_method = (
        layer["customer_segment"]
        .group_by("method")
        .aggregate([("customer_id", "count_distinct")])
        .to_pylist()
    )
    counts = {row["method"]: row["customer_id_count_distinct"] for row in by_method}
    assert counts == (dict.fromkeys(METHODS, customers) if customers else {})
    assert layer["customer_segment"].num_rows == customers * len(METHODS)
    assert layer["customer_segment"]["segment"].null_count == 0
    assert "unassigned" not in layer["customer_composite"]["segment"].to_pylist()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """A sample of some hundred accounts as accepted tables."""
    folder = tmp_path_factory.mktemp("sample")
    generate(SamplePlan(accounts=300, months=14, interval_days=1, seed=5), FolderSink(folder, "parquet"))
    found: Tables = {}
    for name, table in CONTRACT.tables.items():
        path = folder / name if (folder / name).exists() else folder / f"{name}.parquet"
        rows = pq.read_table(path)
        schema = table.accepted_schema
        columns = [
            rows[field.name] if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
            for field in schema
        ]
        found[name] = pa.table(dict(zip(schema.names, columns, strict=True))).cast(schema)
    return found


@pytest.fixture(scope="module")
def first(sample: Tables, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return _layer(tmp_path_factory.mktemp("first"), sample)


def test_every_customer_is_in_each_method_once(sample: Tables, first: Tables) -> None:
    _nobody_is_lost(first, sample["customer"].num_rows)
    assert len(set(first["customer_composite"]["segment"].to_pylist())) >= 5, (
        "a sample that tells customers apart"
    )


@pytest.mark.slow
@pytest.mark.parametrize("threads", [2, 4])
def test_the_same_bits_for_any_number_of_threads(
    sample: Tables, first: Tables, tmp_path: Path, threads: int
) -> None:
    # Other places in the files as well: neither the order of rows nor their batches may matter.
    turned = {
        name: rows.take(pa.array(range(rows.num_rows - 1, -1, -1), pa.int64()))
        for name, rows in sample.items()
    }
    again = _layer(tmp_path, turned, threads=threads)
    assert [name for name in first if not again[name].equals(first[name])] == []


@pytest.mark.slow
def test_one_customer_more_moves_nobody_without_a_reason(
    sample: Tables, first: Tables, tmp_path: Path
) -> None:
    """Within a month models, profiles and rules are kept; only a place among others may change, which is a stated reason."""
    kept = _as_state(first)
    base = _layer(tmp_path / "base", sample, earlier=kept)
    newcomer = {name: sample[name].slice(0, 1).to_pylist()[0] for name in ("customer", "account")}
    newcomer["customer"]["customer_id"] = newcomer["account"]["customer_id"] = "C-NEW"
    newcomer["account"]["account_id"] = "A-NEW"
    newcomer["account"]["contracted_kva"] = 9000.0
    more = {
        **sample,
        **{name: pa.concat_tables([sample[name], _rows(name, row)]) for name, row in newcomer.items()},
    }
    after = _layer(tmp_path / "more", more, earlier=kept)
    _nobody_is_lost(after, sample["customer"].num_rows + 1)
    grade = {row["customer_id"]: row for row in base["customer_grade"].to_pylist()}
    placed = set()
    for row in after["customer_grade"].to_pylist():
        if row["customer_id"] != "C-NEW":
            old = grade[row["customer_id"]]
            assert row["composite"] == old["composite"]
            if (row["grade"], row["emerging_key_account"]) != (old["grade"], old["emerging_key_account"]):
                placed.add(row["customer_id"])
    assert len(placed) <= 5, "one customer more can push one over each of the cuts"
    clusters = [
        {row["customer_id"]: row["value_cluster"] for row in layer["customer_value_cluster"].to_pylist()}
        for layer in (base, after)
    ]
    assert {who for who, number in clusters[0].items() if clusters[1][who] != number} == set()
    before, now = _labels(base), _labels(after)
    moved = {key for key in before if now[key] != before[key]}
    assert {who for who, _ in moved} <= placed
    assert {method for _, method in moved} <= {"composite"}


def _person(number: int) -> dict[str, Any]:
    return {
        "customer_id": f"C{number}",
        "kind": "person",
        "name": f"P{number}",
        "registered_on": dt.date(2020, 1, 1),
    }


def _account(number: int, **other: Any) -> dict[str, Any]:
    return {
        "account_id": f"A{number}", "customer_id": f"C{number}", "status": "active", "opened_on": dt.date(2020, 1, 1), "supply_kv": 0.22,
        "usage_category": "residential", "contracted_kva": 8.0, "running_kva": 8.0, "demand_basis": "none", "allocation": "none",
        "metering_mode": "lv_lv", "is_temporary": False, "has_self_generation": False, "has_load_control": False, **other,
    }  # fmt: skip


def _bills(number: int, **other: Any) -> list[dict[str, Any]]:
    months = [dt.date(2025 + (10 + at) // 12, (10 + at) % 12 + 1, 1) for at in range(12)]
    return [
        {
            "bill_id": f"B{number}-{at}", "account_id": f"A{number}", "period": month, "period_start": month,
            "period_end": month + dt.timedelta(days=27), "metered_kwh": 100.0, "loss_kwh": 0.0, "billed_kwh": 100.0,
            "total_amount": Decimal("55.00"), "due_on": month + dt.timedelta(days=50), **other,
        }
        for at, month in enumerate(months)
    ]  # fmt: skip


def _empty() -> Tables:
    return {}


def _one_customer() -> Tables:
    return {
        "customer": _rows("customer", _person(1)),
        "account": _rows("account", _account(1)),
        "bill": _rows("bill", *_bills(1)),
    }


def _all_alike() -> Tables:
    many = range(40)
    return {
        "customer": _rows("customer", *map(_person, many)),
        "account": _rows("account", *map(_account, many)),
        "bill": _rows("bill", *(bill for number in many for bill in _bills(number))),
    }


def _without_accounts() -> Tables:
    return {
        "customer": _rows("customer", _person(1), _person(2)),
        "account": _rows("account", _account(2, status="closed")),
    }


def _bad_values() -> Tables:
    """Negative and missing energy, capacity and amounts; an account of a customer that is not there."""
    return {
        "customer": _rows("customer", *map(_person, range(1, 6))),
        "account": _rows(
            "account", _account(1, contracted_kva=-5.0), _account(2, contracted_kva=None, supply_kv=None), _account(3),
            _account(4, opened_on=None), _account(5, usage_category=None), _account(9, customer_id="C-NOBODY"),
        ),
        "bill": _rows(
            "bill", *_bills(1, billed_kwh=-100.0, total_amount=Decimal("-55.00")), *_bills(2, billed_kwh=None, metered_kwh=None, loss_kwh=None),
            *_bills(3, due_on=None), *_bills(9),
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("made", "customers", "segments"),
    [
        (_empty, 0, set()),
        (_one_customer, 1, {"payment rescue"}),
        (_all_alike, 40, {"payment rescue"}),
        (_without_accounts, 2, {"without supply"}),
        (_bad_values, 5, None),
    ],
)  # fmt: skip
def test_small_and_odd_utilities_have_defined_results(
    tmp_path: Path, made: Callable[[], Tables], customers: int, segments: set[str] | None
) -> None:
    """Nobody has ever paid in any of them, and none has intervals, services or earlier nights."""
    layer = _layer(tmp_path, made())
    _nobody_is_lost(layer, customers)
    found = set(layer["customer_composite"]["segment"].to_pylist())
    assert segments is None or found == segments
    grades = layer["customer_grade"]
    assert all(0 <= score <= 100 for score in grades["composite"].to_pylist())
    if made in (_one_customer, _all_alike, _without_accounts):
        assert set(grades["grade"].to_pylist()) == {"E"}, (
            "all alike share the lowest grade; nobody is ranked without supply"
        )
    assert set(layer["customer_cluster"]["segment"].to_pylist()) <= {"no profile"}
    assert all(
        row["role"] == "scorecard" and "too few events" in row["reason"] for row in layer["model"].to_pylist()
    )
    if made is _without_accounts:
        assert layer["customer_value"]["value_score"].to_pylist() == [0.0, 0.0]
        assert layer["customer_behaviour"]["behaviour_tier"].to_pylist() == [3, 3]
