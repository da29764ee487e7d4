"""No SQL file adds up doubles in whatever order they come."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from wattmark.settings import PROJECT_ROOT

FILES = sorted((PROJECT_ROOT / "include").rglob("*.sql"))
MEASURED = re.compile(
    r"(_|^)(kwh|kvarh|kw|kva|kv|share|hours|factor|ratio|price|score|rate)$|^micro_|^h\d\d$"
)
"""Names of columns that are doubles; money and counts are added up exactly."""


def _is_exact(value: exp.Expression) -> bool:
    """Whether every value is a whole number or a decimal, so that any order gives one sum."""
    if isinstance(value, exp.Cast):
        return bool(value.to.is_type("decimal"))
    if isinstance(value, exp.Anonymous):
        return str(value.this).upper() in ("MONEY", "HALF_UP")
    if isinstance(value, exp.Round):
        return value.args.get("decimals") is None or _is_exact(value.this)
    if isinstance(value, exp.Case):
        parts = [*(arg.args["true"] for arg in value.args["ifs"]), value.args.get("default")]
        return all(part is None or isinstance(part, exp.Literal) for part in parts)
    if isinstance(value, exp.Mul):
        return _is_exact(value.this) and _is_exact(value.expression)
    return False


def unordered(sql: str) -> list[str]:
    """The sums and means of a statement whose last digit depends on the order of the rows."""
    body = sqlglot.parse_one(re.sub(r"\$(\w+)", r"1", sql), read="duckdb")
    named: dict[str, list[exp.Expression]] = {}
    for alias in body.find_all(exp.Alias):
        value = alias.this
        named.setdefault(alias.alias, []).append(value.this if isinstance(value, exp.Sum) else value)
    exact = {name for name, values in named.items() if any(_is_exact(value) for value in values)}
    found = []
    for node in body.find_all(exp.Sum, exp.Avg):
        measured = {column.name for column in node.this.find_all(exp.Column) if MEASURED.search(column.name)}
        if not measured <= exact and not _is_exact(node.this):
            found.append(node.sql("duckdb"))
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_sums_of_doubles_are_exact(file: Path) -> None:
    assert unordered(file.read_text(encoding="utf-8")) == []


def test_a_sum_in_whatever_order_is_found() -> None:
    assert unordered("SELECT SUM(a.kwh) FILTER (WHERE a.x) AS kwh FROM a") == ["SUM(a.kwh)"]
    assert unordered(
        "SELECT AVG(a.kw * 2), SUM(ROUND(a.kw * 1000000)), SUM(CAST(a.kw AS DECIMAL(28, 8))) FROM a"
    ) == ["AVG(a.kw * 2)"]
