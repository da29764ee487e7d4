"""Changes to finished tables: cells set, rows added and taken away, gathered and applied at once."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattmark.contract import load_contract
from wattmark_sample.plan import SampleError, day_of

ZONE = dt.timezone(dt.timedelta(hours=8))


def at(day: int, hour: int = 10, minute: int = 0) -> dt.datetime:
    """An instant of a local day, given as day number."""
    return dt.datetime.combine(day_of(day), dt.time(hour, minute), ZONE)


class Editor:
    """Finds rows by what stands in them and gathers changes; each table is rebuilt once at the end."""

    def __init__(self, tables: dict[str, pa.Table]) -> None:
        """Work on the tables of a block, by name."""
        self._tables = tables
        self._index: dict[tuple[str, str], dict[Any, list[int]]] = {}
        self._set: dict[str, dict[str, dict[int, Any]]] = defaultdict(lambda: defaultdict(dict))
        self._added: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._gone: dict[str, set[int]] = defaultdict(set)

    def rows(self, table: str, column: str, value: Any, **more: Any) -> list[int]:
        """Positions of the rows that hold ``value`` in ``column`` (and more, where asked), in order."""
        key = (table, column)
        if key not in self._index:
            found: dict[Any, list[int]] = defaultdict(list)
            for row, item in enumerate(self._tables[table][column].to_pylist()):
                found[item].append(row)
            self._index[key] = found
        gone = self._gone[table]
        candidates = [row for row in self._index[key].get(value, ()) if row not in gone]
        return [
            row
            for row in candidates
            if all(self.get(table, row, name) == wanted for name, wanted in more.items())
        ]

    def one(self, table: str, column: str, value: Any, **more: Any) -> int:
        """Position of the first such row.

        Raises:
            SampleError: there is none.
        """
        found = self.rows(table, column, value, **more)
        if not found:
            raise SampleError(
                "sample.no_row", f"{table} has no row with the {column} that a fault looked for."
            )
        return found[0]

    def get(self, table: str, row: int, column: str) -> Any:
        """A cell as it stands, changes included."""
        changed = self._set[table][column]
        return changed[row] if row in changed else self._tables[table][column][row].as_py()

    def set(self, table: str, row: int, **values: Any) -> None:
        """Change cells of a row."""
        for column, value in values.items():
            self._set[table][column][row] = value

    def add(self, table: str, **values: Any) -> None:
        """Add a row; columns left out are empty."""
        self._added[table].append(values)

    def drop(self, table: str, rows: list[int]) -> None:
        """Take rows away."""
        self._gone[table].update(rows)

    def finish(self) -> dict[str, pa.Table]:
        """All tables with the changes in them."""
        done = dict(self._tables)
        for name in sorted({*self._set, *self._added, *self._gone}):
            schema = load_contract().tables[name].arrow_schema
            table = done[name] if name in done else schema.empty_table()
            for column, changes in sorted(self._set[name].items()):
                if changes:
                    table = _with_cells(table, column, changes)
            gone = sorted(self._gone[name])
            if gone:
                keep = np.ones(table.num_rows, dtype=np.bool_)
                keep[gone] = False
                table = table.filter(pa.array(keep))
            if self._added[name]:
                added = pa.Table.from_pylist([_typed(row) for row in self._added[name]], schema=schema)
                table = pa.concat_tables([table, added])
            done[name] = table
        return done


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: Decimal(str(round(value, 2))).quantize(Decimal("0.01"))
        if key.endswith("_amount") or key == "amount"
        else value
        for key, value in row.items()
        if value is not None
    }


def _with_cells(table: pa.Table, column: str, changes: dict[int, Any]) -> pa.Table:
    position = table.schema.get_field_index(column)
    kind = table.schema.field(position).type
    values = [changes[row] for row in sorted(changes)]
    if pa.types.is_decimal(kind):
        values = [
            None if value is None else Decimal(str(value)).quantize(Decimal("0.01")) for value in values
        ]
    mask = np.zeros(table.num_rows, dtype=np.bool_)
    mask[sorted(changes)] = True
    changed = pc.replace_with_mask(table[column].combine_chunks(), pa.array(mask), pa.array(values, kind))
    return table.set_column(position, table.schema.field(position), changed)
