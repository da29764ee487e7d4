"""One table of types: what is asked of it agrees with what the engines say themselves."""

from __future__ import annotations

import datetime as dt
import sys

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from wattmark.contract.types import (
    TYPES,
    contract_type,
    duckdb_of,
    duckdb_of_postgres,
    duckdb_types,
    nothing,
    postgres_of,
    schema_of,
    table_of,
)
from wattmark.engine.python_table import PythonTable
from wattmark.errors import SqlFileError


@pytest.mark.parametrize("kind", TYPES)
def test_duckdb_reads_each_type_as_the_table_says(kind: str) -> None:
    spelling = TYPES[kind]
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        made = duck.sql(f"SELECT CAST({spelling.example} AS {spelling.duckdb}) AS x")
        assert contract_type(str(made.types[0])) == kind
        assert made.to_arrow_table().schema.field("x").type == spelling.arrow
    assert duckdb_of(spelling.arrow) == spelling.duckdb
    assert postgres_of(spelling.arrow) == spelling.postgres
    assert duckdb_of_postgres(spelling.postgres) == spelling.duckdb


@pytest.mark.parametrize(
    ("arrow", "in_duckdb", "in_postgres"),
    [
        (pa.int32(), "INTEGER", "integer"),
        (pa.int16(), "SMALLINT", "smallint"),
        (pa.int8(), "TINYINT", "smallint"),
        (pa.float32(), "FLOAT", "real"),
        (pa.decimal128(28, 8), "DECIMAL(28,8)", "numeric(28,8)"),
        (pa.timestamp("us"), "TIMESTAMP", "timestamp without time zone"),
        (pa.timestamp("us", "Asia/Shanghai"), "TIMESTAMPTZ", "timestamp with time zone"),
        (pa.large_string(), "VARCHAR", "text"),
    ],
)
def test_types_that_engines_compute_and_no_contract_has(
    arrow: pa.DataType, in_duckdb: str, in_postgres: str
) -> None:
    assert (duckdb_of(arrow), postgres_of(arrow)) == (in_duckdb, in_postgres)


def test_a_relation_without_rows_has_its_columns() -> None:
    columns = {kind: kind for kind in TYPES}
    with duckdb.connect() as duck:
        empty = duck.sql(nothing(duckdb_types(columns)))
        assert empty.columns == list(columns)
        assert [contract_type(str(kind)) for kind in empty.types] == list(columns)
        assert empty.fetchall() == []


COLUMNS = {"day": "date", "count": "integer", "share": "double"}


@pytest.mark.parametrize(
    "rows",
    [
        pa.table(
            {"share": [0.5], "count": pa.array([3], pa.int32()), "day": [dt.date(2026, 1, 1)], "more": ["x"]}
        ),
        {"day": [dt.date(2026, 1, 1)], "count": np.array([3]), "share": pa.array([0.5], pa.float32())},
        [{"day": dt.date(2026, 1, 1), "count": 3, "share": 0.5, "more": "x"}],
    ],
)
def test_rows_get_the_columns_that_are_declared(rows: object) -> None:
    made = table_of(COLUMNS, rows)  # type: ignore[arg-type]
    assert made.schema == schema_of(COLUMNS)
    assert made.to_pylist() == [{"day": dt.date(2026, 1, 1), "count": 3, "share": 0.5}]


@pytest.mark.parametrize("rows", [[], {name: [] for name in COLUMNS}, schema_of(COLUMNS).empty_table()])
def test_no_rows_have_columns_too(rows: object) -> None:
    assert table_of(COLUMNS, rows) == schema_of(COLUMNS).empty_table()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rows", [[{"day": None, "count": 1}], {"day": [], "count": []}, pa.table({"day": [None], "count": [1]})]
)
def test_a_missing_column_is_no_empty_one(rows: object) -> None:
    with pytest.raises(KeyError, match="share"):
        table_of(COLUMNS, rows)  # type: ignore[arg-type]


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        table_of({"count": "integer"}, {"count": pa.array([1.5])})


@pytest.mark.parametrize(
    ("made", "why"), [([{"name": "a"}], "lacks count"), ([{"name": "a", "count": "many"}], "do not fit")]
)
def test_what_a_maker_returns_is_held_against_its_columns(
    made: list[dict[str, object]], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "made_here", lambda _context: made, raising=False)
    columns = {"name": "string", "count": "integer"}
    table = PythonTable(
        "core.mine", ("name",), columns, (), "one row per name", "A test.", f"{__name__}:made_here"
    )
    with pytest.raises(SqlFileError, match=why) as refused:
        table.make(None)  # type: ignore[arg-type]
    assert "many" not in str(refused.value)
