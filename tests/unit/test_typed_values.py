"""What a landing row becomes in contract types."""

from __future__ import annotations

import duckdb
import pytest

from wattmark.contract import load_contract
from wattmark.quality.checks import typed_select


@pytest.mark.parametrize(
    ("given", "typed"), [("B1", "B1"), (" B1", " B1"), ("", None), ("  ", None), (None, None)]
)
def test_a_blank_reference_is_an_empty_value(given: str | None, typed: str | None) -> None:
    table = load_contract().tables["payment"]
    kinds = {column.name: "VARCHAR" for column in table.columns}
    with duckdb.connect() as connection:
        columns = ", ".join(
            f"CAST(? AS VARCHAR) AS {column.name}"
            if column.name == "bill_id"
            else f"CAST(NULL AS VARCHAR) AS {column.name}"
            for column in table.columns
        )
        connection.execute(f"CREATE TABLE landing AS SELECT {columns}", [given])
        row = connection.execute(f"SELECT bill_id FROM ({typed_select(table, 'landing', kinds)})").fetchall()
    assert row == [(typed,)]
