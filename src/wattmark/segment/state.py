"""What one night leaves to the next, kept in the lake by date.

``segment_state.<table>`` holds one part for each ``as_of``. A night reads the newest part that is older
than its own date and never its own, so that running a date again, or filling in an older date, gives what
it gave the first time.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from wattmark.engine.session import Session

LAYER = "segment_state"

MODEL = pa.schema(
    [
        ("model", pa.string()),
        ("trained_on", pa.date32()),
        ("kind", pa.string()),
        ("name", pa.string()),
        ("value", pa.float64()),
        ("in_use", pa.bool_()),
        ("as_of", pa.date32()),
    ]
)
"""``segment_state.model``: the coefficients and measures of the models in use."""

CENTROID = pa.schema(
    [
        ("load_profile", pa.int64()),
        ("name", pa.string()),
        ("position", pa.int64()),
        ("value", pa.float64()),
        ("as_of", pa.date32()),
    ]
)
"""``segment_state.centroid``: 48 values a load profile (workday hours 0 to 23, weekend hours 24 to 47)."""

SEGMENT = pa.schema(
    [
        ("customer_id", pa.string()),
        ("method", pa.string()),
        ("segment", pa.string()),
        ("as_of", pa.date32()),
    ]
)
"""``segment_state.segment``: only what changed on that date; an empty segment says that it ended."""

GRADE = pa.schema(
    [
        ("customer_id", pa.string()),
        ("grade", pa.string()),
        ("objective_tier", pa.int64()),
        ("behaviour_tier", pa.int64()),
        ("value_score", pa.float64()),
        ("is_key_account", pa.bool_()),
        ("emerging_key_account", pa.bool_()),
        ("month", pa.date32()),
        ("as_of", pa.date32()),
    ]
)
"""``segment_state.grade``: the graded customers at the last night of each month."""

DEFINITION = pa.schema([("name", pa.string()), ("digest", pa.string()), ("as_of", pa.date32())])
"""``segment_state.definition``: digests of the definitions that a night worked with."""

TABLES = {"model": MODEL, "centroid": CENTROID, "segment": SEGMENT, "grade": GRADE, "definition": DEFINITION}


def has(session: Session, table: str) -> bool:
    """Whether any night has left that table."""
    name = f"{LAYER}.{table}"
    if name in session._known:
        return True
    return session.stored and session.lake.exists(name)


def newest_before(session: Session, table: str) -> pa.Table:
    """The newest part of a state table that is older than the run's date; no rows where there is none.

    Args:
        session: the night's session.
        table: one of ``TABLES``.

    Returns:
        rows with the table's schema.
    """
    schema = TABLES[table]
    if not has(session, table):
        return schema.empty_table()
    columns = ", ".join(schema.names)
    rows = session.query(
        f"SELECT {columns} FROM {LAYER}.{table} WHERE as_of = "  # noqa: S608 - names of this module
        f"(SELECT MAX(s.as_of) FROM {LAYER}.{table} AS s WHERE s.as_of < $as_of)"
    ).read_all()
    return rows.cast(schema)


def before(session: Session, table: str) -> Any:
    """All rows of a state table that are older than the run's date, streamed."""
    schema = TABLES[table]
    if not has(session, table):
        return schema.empty_table()
    columns = ", ".join(schema.names)
    return session.query(f"SELECT {columns} FROM {LAYER}.{table} WHERE as_of < $as_of")  # noqa: S608
