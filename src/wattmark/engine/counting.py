"""Rows that are counted while they are read."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa


class Counting:
    """A reader that knows afterwards how many rows went through it.

    Args:
        rows: what is read once, from ``reader``.
    """

    def __init__(self, rows: pa.Table | pa.RecordBatchReader) -> None:
        source = rows.to_reader() if isinstance(rows, pa.Table) else rows
        self.rows = 0
        self.reader = pa.RecordBatchReader.from_batches(source.schema, self._count(source))

    def _count(self, source: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        for batch in source:
            self.rows += batch.num_rows
            yield batch
