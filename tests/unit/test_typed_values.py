"""What a landing row becomes in contract types."""

from __future__ import annotations

import duckdb
import pytest

from wattmark.contract import load_contract
from wattmark.quality.checks import typed_select


def typed(table_name: str, column_name: str, given: str | None) -> object:
    """One text of a landing row, the others being empty, as it is accepted."""
    table = load_contract().tables[table_name]
    kinds = {column.name: "VARCHAR" for column in table.columns}
    with duckdb.connect() as connection:
        columns = ", ".join(
            f"CAST({'?' if column.name == column_name else 'NULL'} AS VARCHAR) AS {column.name}"
            for column in table.columns
        )
        connection.execute(f"CREATE TABLE landing AS SELECT {columns}", [given])
        sql = f"SELECT {column_name} FROM ({typed_select(table, 'landing', kinds)})"
        return connection.execute(sql).fetchall()[0][0]


@pytest.mark.parametrize("blank", ["", "  ", "\t", "\n", "\u3000", "\u00a0 \t", None])
def test_a_blank_text_is_empty_where_it_may_be_and_has_no_length_where_it_may_not(blank: str | None) -> None:
    assert typed("payment", "bill_id", blank) is None
    assert typed("meter", "model", blank) is None
    assert typed("customer", "name", blank) == (None if blank is None else "")
    # A key is what its owner wrote, whatever it is.
    assert typed("payment", "payment_id", blank) == blank


@pytest.mark.parametrize("given", ["B1", " B1", "B1\t", "a\u3000b"])
def test_any_other_text_stays_as_it_was_written(given: str) -> None:
    assert typed("payment", "bill_id", given) == given
    assert typed("customer", "name", given) == given


@pytest.mark.parametrize("given", ["\t", "\u3000 ", ""])
def test_a_blank_number_is_empty(given: str) -> None:
    assert typed("meter", "phases", given) is None
