"""The project's own SQL functions: what they give, and that one spelled out by hand is found."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot

from wattmark.engine.idioms import IDIOMS, expand, spelled_out
from wattmark.engine.sqlfile import read_sql_file
from wattmark.errors import SqlFileError
from wattmark.settings import PROJECT_ROOT


def meant(sql: str) -> str:
    return str(expand(sqlglot.parse_one(sql, read="duckdb")).sql(dialect="duckdb"))


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("MONEY(1.005e0)", Decimal("1.01")),
        ("MONEY(-1.005e0)", Decimal("-1.01")),
        ("MONEY(CAST(2.5 AS DECIMAL(18, 2)))", Decimal("2.50")),
        ("MONEY(NULL)", None),
        ("HALF_UP(0.125e0, 2)", Decimal("0.13")),
        ("HALF_UP(-2.5e0, 0)", Decimal("-3")),
        ("RATIO(1, 4)", 0.25),
        ("RATIO(1, 0)", None),
        ("8 / RATIO(1, 4)", 32.0),
        ("-RATIO(1 + 1, 4)", -0.5),
        ("NOMINAL_KV(0.4e0)", 0.38),
        ("nominal_kv(10e0)", 10.0),
        ("MONTH_OF(DATE '2026-03-31')", dt.date(2026, 3, 1)),
        ("ADD_MONTHS(DATE '2026-03-31', -1)", dt.date(2026, 2, 28)),
        ("MONEY(RATIO(MONEY(2.005e0), 2) + 1)", Decimal("2.01")),
    ],
)
def test_values(call: str, value: Any) -> None:
    [[found]] = duckdb.sql(meant(f"SELECT {call} AS x")).fetchall()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("name", ["EXACT_SUM", "EXACT_AVG", "DECIMAL_SUM"])
def test_a_sum_of_doubles_does_not_depend_on_the_order_of_its_rows(name: str) -> None:
    values = [0.1 * n for n in range(1, 2000)] + [1e8 + 0.3]
    call = meant(f"SELECT {name}(x) FROM t ORDER BY 1")
    found = set()
    for rows in (values, values[::-1], values[1000:] + values[:1000]):
        with duckdb.connect() as duck:
            duck.register("t", pa.table({"x": rows}))
            found.add(duck.sql(call).fetchall()[0][0])
    assert len(found) == 1


def test_filter_and_over_go_to_the_aggregate() -> None:
    found = duckdb.sql(
        meant(
            "SELECT g, 1 - EXACT_SUM(x + 1) FILTER (WHERE MONEY(x) > 1) OVER (PARTITION BY MONTH_OF(g)) AS s "
            "FROM (VALUES (DATE '2026-01-02', 1e0), (DATE '2026-01-03', 2.5e0), (DATE '2026-02-03', 3e0)) AS v(g, x)"
        )
    ).fetchall()
    assert sorted(found) == [
        (dt.date(2026, 1, 2), -2.5),
        (dt.date(2026, 1, 3), -2.5),
        (dt.date(2026, 2, 3), -3.0),
    ]
    kept = duckdb.sql(
        meant("SELECT typeof(INTEGER_SUM(x) FILTER (WHERE x > 1)) FROM (VALUES (1), (2)) AS v(x)")
    )
    assert kept.fetchall() == [("BIGINT",)]


def test_a_wrong_number_of_values_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "one.sql"
    path.write_text("/*\ngrain: one\nkey: [x]\n*/\nSELECT 1 AS y,\n       RATIO(1) AS x\n", encoding="utf-8")
    with pytest.raises(SqlFileError, match=r"one\.sql:6: RATIO\(x, y\) takes 2 values and is given 1\."):
        read_sql_file(path, "facts")


@pytest.mark.parametrize(
    ("hand", "name"),
    [
        ("ROUND(CAST(a.x * b.y AS DECIMAL(28, 8)), 2)", "MONEY"),
        ("CAST(SUM(a.x) FILTER (WHERE a.y) AS DECIMAL(18, 2))", "MONEY"),
        ("ROUND(CAST(a.x AS DECIMAL(18, 6)), 1)", "HALF_UP"),
        ("ROUND(SUM(ROUND(a.x * 1000000)) FILTER (WHERE a.y) * 0.000001, 6)", "EXACT_SUM"),
        ("ROUND(SUM(ROUND((a.x - 1) * 1000000)) OVER (PARTITION BY a.y) * 0.000001, 6)", "EXACT_SUM"),
        ("ROUND(AVG(ROUND(a.x * 1000000)) * 0.000001, 6)", "EXACT_AVG"),
        ("CAST(SUM(CAST(a.x AS DECIMAL(28, 8))) AS DOUBLE)", "DECIMAL_SUM"),
        ("CAST(SUM(a.x) AS BIGINT)", "INTEGER_SUM"),
        ("CAST(a.x AS DOUBLE) / NULLIF(a.y, 0)", "RATIO"),
        ("CASE WHEN ROUND(a.kv, 3) = 0.4 THEN 0.38 ELSE ROUND(a.kv, 3) END", "NOMINAL_KV"),
        ("CAST(DATE_TRUNC('month', a.x) AS DATE)", "MONTH_OF"),
        ("CAST(ADD_MONTHS(a.x, -12) AS DATE)", "ADD_MONTHS"),
    ],
)
def test_what_is_spelled_out_is_found(hand: str, name: str) -> None:
    written = sqlglot.parse_one(f"SELECT {hand} AS x FROM a", read="duckdb")
    assert name in [idiom.name for _, idiom in spelled_out(written)]
    named = sqlglot.parse_one("SELECT ROUND(a.x, 2), CAST(a.x AS DOUBLE), SUM(a.x) FROM a", read="duckdb")
    assert list(spelled_out(named)) == []


def test_each_is_in_the_conventions() -> None:
    page = (PROJECT_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for idiom in IDIOMS.values():
        assert f"| `{idiom.signature}` | `{idiom.meaning}` | {idiom.doc} |" in page
