"""What is published: one table as readers are to see it, as it is stored, and what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from psycopg import sql

from wattmark.contract.types import postgres_of

BI_ROLE, PII_ROLE = "wattmark_bi", "wattmark_pii"
SCHEMAS = {"mart": BI_ROLE, "mart_pii": PII_ROLE, "quarantine": PII_ROLE}
"""Published schemas and the role that may read them; refused rows may hold personal data."""
CURRENT, CLOSING = sql.Identifier("mart_store", "current_run"), sql.Identifier("mart_store", "closing_run")
"""The one row that names the run of all marts, and the one of those that rest on audit cases, which follow later."""
PARTS = sql.Identifier("mart_store", "part_digest")
HASH, COPY, CHANGE = "_row_hash", "_copy_no", "_change"
STAGE, MADE = "__stage", "__made"


@dataclass(frozen=True)
class Incoming:
    """One table to publish: what readers are to see, and where DuckDB reads its rows.

    ``query`` is a SELECT of exactly the columns of ``columns``, in their order. Without ``key`` a row is known by
    its values. ``names_run``: the view adds ``as_of`` and ``run_id``. ``closes``: it rests on audit cases, and these two are of the
    night that it followed last. ``docs`` holds a comment for each column.
    """

    schema: str
    table: str
    query: str
    columns: pa.Schema
    key: tuple[str, ...] = ()
    comment: str = ""
    docs: Mapping[str, str] = field(default_factory=dict)
    json_columns: tuple[str, ...] = ()
    names_run: bool = True
    closes: bool = False

    @property
    def name(self) -> str:
        """``schema.table``, as readers call it."""
        return f"{self.schema}.{self.table}"

    @property
    def view(self) -> sql.Identifier:
        """What readers are granted."""
        return sql.Identifier(self.schema, self.table)

    @property
    def store_schema(self) -> str:
        """Where the rows lie."""
        return f"{self.schema}_store"

    @property
    def store(self) -> sql.Identifier:
        """The table of the rows."""
        return sql.Identifier(self.store_schema, self.table)

    @property
    def stage(self) -> sql.Identifier:
        """Where what differs arrives; nothing in it outlives a publication."""
        return sql.Identifier(self.store_schema, self.table + STAGE)

    @property
    def made(self) -> sql.Identifier:
        """Where the rows of a new table lie until readers see it."""
        return sql.Identifier(self.store_schema, self.table + MADE)

    @property
    def run_row(self) -> sql.Identifier:
        """The table whose one row names its run."""
        return CLOSING if self.closes else CURRENT

    @property
    def types(self) -> dict[str, str]:
        """PostgreSQL's type of each column that has rows."""
        return {
            column.name: "jsonb" if column.name in self.json_columns else postgres_of(column.type)
            for column in self.columns
        }

    @property
    def view_types(self) -> dict[str, str]:
        """The same of the view."""
        return self.types | ({"as_of": "date", "run_id": "text"} if self.names_run else {})

    @property
    def part_column(self) -> str | None:
        """The date in the key by which most rows are like those of the night before."""
        return next((name for name in self.key if pa.types.is_date32(self.columns.field(name).type)), None)

    @property
    def stored_key(self) -> tuple[str, ...]:
        """What makes a stored row unique."""
        return self.key or (HASH, COPY)

    @property
    def extra(self) -> dict[str, str]:
        """Columns of the stored table that readers do not see."""
        return {HASH: "bigint"} | ({} if self.key else {COPY: "integer"})


@dataclass(frozen=True)
class Published:
    """One table as it went out: rows it has, and how many of them were new, changed or taken away."""

    name: str
    rows: int
    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def changed(self) -> int:
        """Rows that differed."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True)
class Standing:
    """The run that readers see."""

    publication_no: int
    run_id: str
    as_of: dt.date
    published_at: dt.datetime


def identifiers(names: Iterable[str]) -> sql.Composed:
    """Names, listed."""
    return sql.SQL(", ").join(map(sql.Identifier, names))


def typed_columns(types: Mapping[str, str]) -> sql.Composed:
    """Columns with their types, as a definition lists them."""
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types.items()
    )


def quoted_name(name: str) -> str:
    """A name in double quotes, as DuckDB and PostgreSQL read it."""
    return '"' + name.replace('"', '""') + '"'
