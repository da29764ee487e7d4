"""Sessions on past months that share what does not change from month to month: the texts of bound statements.

Binding a statement takes longer than running it over the rows of some thousand accounts. It is bound once, with marks in
place of the month's values, and the marks are filled in for each month; what comes out is the text that binding gives.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from wattmark.cases.cut import COLUMNS
from wattmark.engine.dated import is_dated
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import SqlFile, engine_error, literal, render

_FIRST, _NUMBER = dt.date(9001, 1, 1), 987_654_300
"""Marks lie where no value of a statement does."""

Texts = dict[tuple[str, dt.date | None], str]
"""Texts with marks, by file and, where its parameters are dated, the day that these are of."""


def marks(scalars: Mapping[str, Any]) -> dict[str, Any]:
    """A mark of the same type for each value of a run that its month decides."""
    found: dict[str, Any] = {}
    for at, name in enumerate(sorted(scalars)):
        if not name.startswith("period") and name != "run_id":
            continue
        day = _FIRST + dt.timedelta(days=at)
        value = scalars[name]
        if isinstance(value, dt.datetime):
            found[name] = dt.datetime.combine(day, dt.time(), dt.UTC)
        elif isinstance(value, dt.date):
            found[name] = day
        else:
            found[name] = _NUMBER + at if isinstance(value, int) else f"mark of {name}"
    return found


class MonthSession(DuckDBSession):
    """A session in memory on one month that shares texts with those of other months of the same night."""

    texts: Texts
    is_cut = False
    """Whether rows are looked at only of what ``cut.ask_for`` asked for, of tables that are seen from then on."""

    def _where(self, columns: Sequence[str]) -> str:
        column = next((column for column in COLUMNS if column in columns), None)
        # A row that says of nobody whose it is may be anybody's.
        return (
            f" WHERE {column} IS NULL OR {column} IN (FROM asked.{column})" if self.is_cut and column else ""
        )

    def text_of(self, file: SqlFile, dialect: str = "duckdb") -> str:
        """As for any session."""
        overrides, day = self.overrides.get(file.name), file.day_of(self.scalars)
        dated = any(is_dated(value) for value in file.standing(overrides).values())
        key = (file.name, day if dated else None)
        marked = marks(self.scalars)
        if key not in self.texts:
            self.texts[key] = render(file.bound(self.scalars | marked, overrides, day), dialect)
        text = self.texts[key]
        for name, mark in marked.items():
            text = text.replace(_written(mark), _written(self.scalars[name]))
        return text

    def build(self, name: str) -> int:
        """As for any session; rows do not leave the engine."""
        file = self.catalog.tables[name]
        if not isinstance(file, SqlFile) or file.is_view:
            return super().build(name)
        schema, table = name.split(".")
        body = self.result_sql(file)
        try:
            self.duck.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            self.duck.execute(f'CREATE TABLE "{schema}"."{table}" AS {body}')
        except duckdb.Error as error:
            raise engine_error(file, error) from None
        self.knows(name)
        return 0


def _written(value: Any) -> str:
    """A value as it stands in a statement."""
    return str(literal(value).sql(dialect="duckdb"))
