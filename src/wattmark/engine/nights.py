"""What the lake held at earlier nights, by the versions that these noted when they were published."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence

import pyarrow as pa

from wattmark.engine.session import Session
from wattmark.errors import WattmarkError
from wattmark.home import Home

MOST_NIGHTS = 45
"""So many nights are looked back at most; older versions are tidied away by default."""


def nights_before(session: Session, day: dt.date) -> Iterator[dict[str, int]]:
    """Versions of ``accepted`` tables that published nights before a day noted, the newest night first."""
    if not session.stored:
        return
    notes = []
    for path in Home(session.settings.home).versions.glob("*.json"):
        night = dt.datetime.strptime(path.stem.partition("-")[0], "%Y%m%d").date()
        if night < day:
            notes.append((night, path))
    for _, path in sorted(notes, reverse=True)[:MOST_NIGHTS]:
        found: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
        yield found


def rows_at(
    session: Session, name: str, version: int, columns: Sequence[str], customers: pa.Table
) -> pa.Table:
    """Rows of some customers (``customer_id``) in a table's earlier version; none where it is gone."""
    try:
        files = session.lake.files(name, version)
    except WattmarkError:
        files = []
    if not files:
        return pa.table({column: pa.array([], pa.string()) for column in columns})
    session.duck.register("_customers", customers.select(["customer_id"]))
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    shown = ", ".join(f"t.{column}" for column in columns)
    try:
        return session.duck.sql(
            f"SELECT {shown} FROM read_parquet([{listed}], hive_partitioning = false, union_by_name = true) AS t "
            "SEMI JOIN _customers AS c ON c.customer_id = t.customer_id"
        ).to_arrow_table()
    finally:
        session.duck.unregister("_customers")
