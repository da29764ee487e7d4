"""How the sample utility's customers were graded at the end of the month before, so that its first night sees who moved."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from types import TracebackType
from typing import Self

import pyarrow as pa

from wattmark.engine.catalog import Catalog, load_catalog
from wattmark.engine.python_table import PythonTable
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.segment.state import keep_grades
from wattmark.settings import PROJECT_ROOT, Settings
from wattmark_sample.sinks import Sink

GRADE = "segment.customer_grade"
MOST_ACCOUNTS = 20_000
"""Up to this many accounts the tables that grades rest on are kept in memory while they are written."""


def _sources(catalog: Catalog, name: str) -> set[str]:
    """Contract tables that a table rests on."""
    found: set[str] = set()
    open_, seen = [name], set()
    while open_:
        reached = open_.pop()
        if reached in seen:
            continue
        seen.add(reached)
        layer, _, table = reached.partition(".")
        if layer == "source":
            found.add(table)
        definition = catalog.tables.get(reached)
        if definition is not None:
            open_ += definition.needs if isinstance(definition, PythonTable) else definition.references
    return found


@cache
def grade_sources() -> frozenset[str]:
    """Contract tables that grades rest on."""
    return frozenset(_sources(load_catalog(PROJECT_ROOT / "include"), GRADE))


class KeepingSink:
    """A sink that also keeps the tables that grades rest on."""

    def __init__(self, sink: Sink) -> None:
        """Rows go on to ``sink``."""
        self.sink = sink
        self.tables: dict[str, list[pa.Table]] = defaultdict(list)

    def write(self, table: str, rows: pa.Table) -> None:
        """Append rows of a contract table."""
        self.sink.write(table, rows)
        if table in grade_sources():
            self.tables[table].append(rows)

    def write_intervals(self, day: dt.date, rows: pa.Table) -> None:
        """Append the half-hours of one day."""
        self.sink.write_intervals(day, rows)

    def __enter__(self) -> Self:
        """Begin."""
        self.sink.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish."""
        self.sink.__exit__(kind, error, trace)


def put_past_grades(settings: Settings, as_of: dt.date, tables: dict[str, Iterable[pa.Table]]) -> int:
    """Grade the customers by what was known at the end of the month before a day, and leave it to the nights after it.

    Args:
        settings: of the home, on whose lake no night has been yet.
        as_of: last day of the sample.
        tables: of the sample, those of ``grade_sources``.

    Returns:
        customers graded.
    """
    run = Run.of(as_of.replace(day=1) - dt.timedelta(days=1), settings.utility.time_zone)
    catalog = load_catalog(settings.include)
    with DuckDBSession(settings, run, catalog, stored=False) as session:
        for name, parts in tables.items():
            session.give(f"accepted.{name}", pa.concat_tables(parts))
        session.see([GRADE])
        graded = session.query(f"SELECT * FROM {GRADE}").read_all()
    with DuckDBSession(settings, run, catalog) as session:
        session.give(GRADE, graded)
        return keep_grades(session) or 0
