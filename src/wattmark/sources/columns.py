"""How each column of a database is read: what is selected, and what of it the contract's value is.

Decided by the database's own type, not by what a driver makes of it: money comes as cents, a DECIMAL with a tail
of noughts, CHAR filled up with blanks, a TIMESTAMP in the zone of a session. A type that holds no single value of
the contract is refused by name before a row is read.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from wattmark.contract import Column
from wattmark.sources import values

Finish = Callable[[pa.Array], tuple[pa.Array, pa.Array | None]]
"""The text of a value from what was selected, and which rows are refused (None: none)."""

_TEXTS = ("text", "varchar", "bpchar", "char", "name", "citext", "nvarchar", "string")
_ANY_ZONE = dt.timedelta(hours=27)
"""A local time without its zone lies no further than this from the same time in the utility's, clock changes included."""
_ISO_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"


@dataclass(frozen=True)
class Reading:
    """One column's reading.

    Attributes:
        expression: what is selected.
        kind: the database's own name of the type.
        source: the column itself, for conditions.
        finish: what makes the value of the text selected; None takes it as it is.
        family: ``moment`` (with a zone), ``local`` (moment without), ``date``, ``text``, ``number``, ``uuid`` or another.
        zoned: a driver that shows the moment without its zone has lost it.
        short: of single precision.
        odd: text of the values that ``expression`` leaves out, as no calendar has them; their rows are refused.
    """

    expression: sa.ColumnElement[Any]
    kind: str
    source: sa.ColumnElement[Any]
    finish: Finish | None = None
    family: str = "other"
    zoned: bool = False
    short: bool = False
    odd: sa.ColumnElement[Any] | None = None


def since(
    reading: Reading, moment: dt.datetime, zone: ZoneInfo, dialect: str
) -> sa.ColumnElement[bool] | None:
    """The condition that a column lies at or after a moment, or says no time at all; None where it cannot be told.

    Rows of a little before may come along, none of after is left out: a local time may stand for two moments, and a
    text for a moment of any zone.
    """
    column = reading.source
    local = (moment.astimezone(zone) - _ANY_ZONE).replace(tzinfo=None)
    if dialect == "sqlite":
        # Dates are texts there, or numbers, whatever the column is declared as.
        early = local.isoformat(sep=" ")
        iso = sa.and_(
            sa.func.typeof(column) == "text", column.op("GLOB")("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*")
        )
        return sa.not_(sa.and_(sa.func.coalesce(iso, sa.false()), sa.func.coalesce(column, "") < early))
    spoken = dialect in _TAKE_TEXT
    if reading.family == "moment":
        bound = moment.astimezone(dt.UTC)
        # A session of MySQL is in UTC, and its literals have no zone.
        shown = bound if dialect == "postgresql" else bound.replace(tzinfo=None)
        least: Any = (
            shown.isoformat(sep=" ") if spoken else sa.bindparam(None, bound, sa.DateTime(timezone=True))
        )
    elif reading.family == "local":
        least = local.isoformat(sep=" ") if spoken else sa.bindparam(None, local, sa.DateTime())
    elif reading.family == "date":
        least = local.date().isoformat() if spoken else sa.literal(local.date(), sa.Date())
    elif reading.family == "text" and spoken:
        early = local.isoformat(sep=" ")
        return sa.or_(column.is_(None), sa.not_(column.regexp_match(_ISO_DAY)), column >= early)
    else:
        return None
    return sa.or_(column >= least, column.is_(None), _zero(column, dialect))


_TAKE_TEXT = ("postgresql", "mysql", "mariadb")
"""Dialects that compare a date or moment with its text."""


def _zero(column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[bool]:
    """MySQL's 0000-00-00 says no time, and must come along to be refused."""
    return column < "1000-01-01" if dialect in ("mysql", "mariadb") else sa.false()


def among(reading: Reading, wanted: Sequence[str]) -> sa.ColumnElement[bool] | None:
    """A condition that leaves in all rows whose text is one of those wanted; None where it cannot be told."""
    texts = list(wanted)
    if reading.family == "number":
        texts = [text for text in texts if re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?", text)]
        return reading.source.in_([sa.literal_column(text) for text in texts]) if texts else sa.false()
    if reading.family == "uuid":
        texts = [text for text in texts if _is_uuid(text)]
        return reading.source.in_(texts) if texts else sa.false()
    if reading.family == "text":
        return reading.source.in_(texts)
    return None


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


# --- PostgreSQL ------------------------------------------------------------------------------------------

_POSTGRES_COLUMNS = """
WITH RECURSIVE types AS (
    SELECT a.attname AS name, a.attnum, format_type(a.atttypid, a.atttypmod) AS shown, a.atttypmod AS modifier, t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typtypmod
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = :relation AND n.nspname = COALESCE(CAST(:schema AS text), current_schema()) AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT d.name, d.attnum, d.shown, d.typtypmod, t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typtypmod
    FROM types d JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype WHERE d.typtype = 'd'
)
SELECT name, shown, typname, typtype, typcategory, modifier FROM types WHERE typtype <> 'd' ORDER BY attnum
"""

_POSTGRES_AS_THEY_ARE = ("text", "varchar", "int2", "int4", "int8", "float4", "float8", "bool", "bytea")
_POSTGRES_REFUSED = ("time", "timetz", "interval", "tsvector", "tsquery", "hstore")
_NATIVE = {
    ("timestamp", "timestamptz"): "'9999-12-31 23:59:59.999999'",
    ("date", "date"): "'9999-12-31'",
}
"""Contract type and database type of one meaning, with the last value of the calendar: these need no text."""
_POSTGRES_SHOWN_OTHERWISE = ("inet",)


def postgres_types(
    connection: sa.Connection, relation: str, schema: str | None
) -> dict[str, tuple[str, ...]]:
    """By column: the type as shown, and of the type below all domains its name, kind, category and modifier."""
    rows = connection.execute(sa.text(_POSTGRES_COLUMNS), {"relation": relation, "schema": schema})
    return {row[0]: tuple(str(text) for text in row[1:]) for row in rows}


def postgres(
    column: Column, source: sa.ColumnElement[Any], described: tuple[str, ...], zone: ZoneInfo, place: str
) -> Reading:
    """How a column of PostgreSQL is read (see ``postgres_types``).

    Raises:
        SourceError: the type holds no single value of the contract.
    """
    shown, name, kind, category, modifier = described
    text = sa.cast(source, sa.Text())
    if kind in ("c", "r", "m", "p") or category in ("A", "G", "R") or name in _POSTGRES_REFUSED:
        raise values.unusable_type(place, shown)
    if name in ("bit", "varbit"):
        if column.type != "string" and (name, modifier) != ("bit", "1"):
            raise values.unusable_type(place, shown)
        return Reading(text, shown, source)
    if name == "money":
        return Reading(
            sa.cast(sa.cast(source, sa.Numeric()), sa.Text()), shown, source, values.numbers_of_texts
        )
    if name == "numeric":
        return Reading(text, shown, source, values.numbers_of_texts, "number")
    if name == "oid":
        return Reading(sa.cast(source, sa.BigInteger()), shown, source, family="number")
    if name in ("date", "timestamp", "timestamptz"):
        family = {"date": "date", "timestamp": "local", "timestamptz": "moment"}[name]
        if (column.type, name) in _NATIVE:
            known = source.between(
                sa.literal_column("'0001-01-01'"), sa.literal_column(_NATIVE[column.type, name])
            )
            return Reading(
                sa.case((known, source)), shown, source, None, family, odd=sa.case((sa.not_(known), text))
            )
        if column.type == "date" and family == "moment":
            text = sa.cast(sa.func.timezone(zone.key, source), sa.Text())
        return Reading(text, shown, source, _of_calendar(column, zone), family)
    if name in _POSTGRES_AS_THEY_ARE:
        family = "text" if name in ("text", "varchar") else "number" if name.startswith("int") else "other"
        return Reading(source, shown, source, family=family)
    if name in _POSTGRES_SHOWN_OTHERWISE:
        return Reading(sa.case((source.is_not(None), sa.func.format("%s", source))), shown, source)
    family = "uuid" if name == "uuid" else "text" if name in _TEXTS else "other"
    return Reading(text, shown, source, family=family)


def _of_calendar(column: Column, zone: ZoneInfo) -> Finish | None:
    if column.type == "date":
        return lambda array: (values.local_dates(array, zone), values.beyond_calendar(array))
    if column.type == "timestamp":
        return lambda array: (array, values.beyond_calendar(array))
    return None


# --- MySQL and MariaDB -----------------------------------------------------------------------------------

_MYSQL_COLUMNS = """
SELECT column_name, column_type, data_type FROM information_schema.columns
WHERE table_name = :relation AND table_schema = COALESCE(:schema, DATABASE()) ORDER BY ordinal_position
"""
_MYSQL_REFUSED = (
    "time", "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
    "geometrycollection", "geomcollection", "vector",
)  # fmt: skip
_MYSQL_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "integer", "bigint", "year")


def mysql_types(connection: sa.Connection, relation: str, schema: str | None) -> dict[str, tuple[str, ...]]:
    """By column: the type as declared, and its name alone."""
    rows = connection.execute(sa.text(_MYSQL_COLUMNS), {"relation": relation, "schema": schema})
    return {row[0]: (_words(row[1]), _words(row[2]).lower()) for row in rows}


def _words(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def mysql(
    column: Column, source: sa.ColumnElement[Any], described: tuple[str, ...], zone: ZoneInfo, place: str
) -> Reading:
    """How a column of MySQL or MariaDB is read (see ``mysql_types``); its session is in UTC.

    Raises:
        SourceError: the type holds no single value of the contract.
    """
    shown, name = described
    text = sa.cast(source, sa.CHAR())
    if name in _MYSQL_REFUSED:
        raise values.unusable_type(place, shown)
    if name in ("date", "datetime", "timestamp"):
        # As text, so that no driver leaves out 0000-00-00. A TIMESTAMP is an instant, a DATETIME the utility's time.
        family = {"date": "date", "datetime": "local", "timestamp": "moment"}[name]

        def moment(array: pa.Array) -> tuple[pa.Array, pa.Array | None]:
            array = values.in_utc(array) if family == "moment" else array
            return values.local_dates(array, zone) if column.type == "date" else array, None

        return Reading(text, shown, source, moment, family)
    if name in ("decimal", "numeric"):
        return Reading(text, shown, source, values.numbers_of_texts, "number")
    if name == "bit":
        return Reading(source.op("+")(sa.literal_column("0")), shown, source)
    if name == "float":
        # Its text has six digits of the seven that may be there.
        return Reading(source.op("+")(sa.literal_column("0e0")), shown, source, short=True)
    if name in ("uuid", "inet4", "inet6"):
        return Reading(text, shown, source, family=name)
    if name == "binary":
        return Reading(source, shown, source, _without_padding("\x00"))
    if name == "char":
        return Reading(source, shown, source, _without_padding(" "), "text")
    family = (
        "number"
        if name in _MYSQL_INTEGERS
        else "text"
        if name in _TEXTS or name.endswith("text")
        else "other"
    )
    return Reading(source, shown, source, family=family)


def _without_padding(filler: str) -> Finish:
    return lambda array: (pc.utf8_rtrim(array, filler), None)


# --- any other -------------------------------------------------------------------------------------------


def other(
    column: Column, source: sa.ColumnElement[Any], kind: sa.types.TypeEngine[Any], dialect: str, place: str
) -> Reading:
    """How a column of any other database is read, by the type that SQLAlchemy knows it as.

    Raises:
        SourceError: the type holds no single value of the contract.
    """
    shown = _shown(kind)
    if dialect != "sqlite" and isinstance(kind, (sa.Interval, sa.Time, sa.ARRAY)):
        raise values.unusable_type(place, shown)
    if isinstance(kind, sa.DateTime):
        return Reading(
            source, shown, source, family="moment" if kind.timezone else "local", zoned=bool(kind.timezone)
        )
    if isinstance(kind, sa.Date):
        return Reading(source, shown, source, family="date")
    if isinstance(kind, sa.CHAR) and dialect != "sqlite":
        return Reading(source, shown, source, _without_padding(" "), "text")
    if isinstance(kind, sa.String):
        return Reading(source, shown, source, family="text" if dialect != "sqlite" else "other")
    if isinstance(kind, (sa.Integer, sa.Numeric)) and dialect != "sqlite":
        return Reading(source, shown, source, family="number")
    return Reading(source, shown, source)


def _shown(kind: sa.types.TypeEngine[Any]) -> str:
    try:
        return str(kind)
    except sa.exc.CompileError:
        return type(kind).__name__
