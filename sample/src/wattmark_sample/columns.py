"""From arrays of numbers to Arrow tables typed by the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from wattmark.contract import load_contract
from wattmark.contract.types import arrow_type
from wattmark_sample.model import NEVER
from wattmark_sample.plan import UTC_OFFSET_SECONDS, Ints

EMPTY_INSTANT = NEVER * 86_400_000_000
"""The instant of what did not happen."""


def instant(day: Ints, seconds: Ints | int) -> Ints:
    """Microseconds since the epoch of a local day and second of that day."""
    return (np.asarray(day, dtype=np.int64) * 86_400 + seconds - UTC_OFFSET_SECONDS) * 1_000_000


def decimal_array(cents: Ints, mask: np.ndarray[Any, np.dtype[np.bool_]] | None = None) -> pa.Array:
    """Whole cents as decimal(18, 2)."""
    words = np.empty((len(cents), 2), dtype="<i8")
    words[:, 0] = cents
    words[:, 1] = np.where(np.asarray(cents) < 0, -1, 0)
    plain = pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), [None, pa.py_buffer(words.tobytes())])
    if mask is None or not mask.any():
        return plain
    return pa.compute.if_else(pa.array(mask), pa.scalar(None, pa.decimal128(18, 2)), plain)


def _column(value: Any, kind: str, rows: int) -> pa.Array:
    target = arrow_type(kind)
    if value is None:
        return pa.nulls(rows, target)
    if isinstance(value, (str, bool, int, float)) and not isinstance(value, np.generic):
        return pa.array([value] * rows, target)
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        array = value.combine_chunks() if isinstance(value, pa.ChunkedArray) else value
        return array if array.type == target else array.cast(target)
    if isinstance(value, list):
        return pa.array(value, target)
    array = np.asarray(value)
    if kind == "date":
        empty = array <= NEVER // 2
        return pa.array(np.where(empty, 0, array).astype(np.int32), mask=empty).cast(target)
    if kind == "timestamp":
        empty = array <= EMPTY_INSTANT // 2
        return pa.array(np.where(empty, 0, array).astype(np.int64), mask=empty).cast(target)
    if kind == "double":
        array = array.astype(np.float64)
        empty = np.isnan(array)
        return pa.array(array, mask=empty if empty.any() else None)
    if kind == "decimal":
        return decimal_array(array.astype(np.int64))
    return pa.array(array).cast(target)


def contract_table(name: str, columns: Mapping[str, Any], rows: int) -> pa.Table:
    """An Arrow table of one contract table, all columns in the contract's order.

    Args:
        name: table of the contract.
        columns: arrays, Arrow arrays, lists or single values; a column left out is empty. Dates are day
            numbers and timestamps microseconds, ``NEVER`` being empty; decimals are whole cents.
        rows: number of rows.
    """
    table = load_contract().tables[name]
    unknown = set(columns) - {column.name for column in table.columns}
    if unknown:
        raise KeyError(f"{name}: {sorted(unknown)}")
    arrays = [_column(columns.get(column.name), column.type, rows) for column in table.columns]
    return pa.Table.from_arrays(arrays, schema=table.arrow_schema)
