"""How a source writes: its settings as one object, the names of what is read, and SQL literals."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from pydantic import Field

from wattmark.clock import Clock, clock_of
from wattmark.contract import Column, Table
from wattmark.engine.sqlfile import literal
from wattmark.errors import SettingsError
from wattmark.source_settings import SourceSettings, TextSettings

START, MINUTES, KWH, EXPORT_KWH, QUALITY = (
    "interval_start",
    "interval_minutes",
    "kwh",
    "export_kwh",
    "quality",
)

QUALITY_CODE = "quality_code"
FILLER = "filler:"
"""Reason of a row that stands for an hour that did not exist and says nothing: left out, but no fault."""


def quoted(name: str) -> str:
    """An identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def sql_literal(value: object) -> str:
    """A value as DuckDB text."""
    if type(value) is str:
        # What nearly all are; a tree takes a hundred times as long.
        return "'" + value.replace("'", "''") + "'"
    return str(literal(value).sql(dialect="duckdb"))


def unparsed(column: Column) -> str:
    """Name of the mark that says a column's value was there but could not be read."""
    return f"_bad_{column.name}"


def unclear(column: Column) -> str:
    """Name of the mark that says an interval's local time does not exist, or exists twice and cannot be told."""
    return f"_clock_{column.name}"


def filling(column: Column) -> str:
    """Name of the mark that says a row without energy fills a local time that does not exist."""
    return f"_filler_{column.name}"


def is_interval(table: Table) -> bool:
    """Whether rows of the table are intervals: they have a start and a length."""
    names = {column.name for column in table.columns}
    return {START, MINUTES} <= names


def is_code(column: Column) -> bool:
    """Whether a text names something, so that white space around it means nothing."""
    return column.type == "string" and bool(
        column.key
        or column.ref
        or column.values
        or (not column.pii and column.name.endswith(("_id", "_code")))
    )


class Reading(TextSettings):
    """How the rows of one table are to be read: its source's settings, and ``values`` of the table's mapping.

    ``time_zone`` is always set here. ``to_json`` and ``from_json`` carry it from extract to validation.
    """

    values: dict[str, dict[str, str]] = Field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """The clock that times without a zone are read by."""
        return clock_of(self.time_zone or "UTC")

    def to_json(self) -> dict[str, object]:
        """Plain values for a JSON file."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_json(cls, raw: Mapping[str, object]) -> Reading:
        """The inverse of ``to_json``."""
        return cls.model_validate(raw)


def reading_of(source: SourceSettings, table: Table, zone: ZoneInfo) -> Reading:
    """How a source's rows of a table are to be read.

    Args:
        source: the source's settings.
        table: the contract table.
        zone: the utility's own zone, for times without one.

    Raises:
        SettingsError: a mapping names a column that the table has not, or a code that the contract has not.
    """
    mapping = source.rename.get(table.name)
    values = mapping.values if mapping else {}
    by_name = {column.name: column for column in table.columns}
    for name, codes in values.items():
        place = f"sources[].rename.{table.name}.values.{name}"
        if name not in by_name:
            raise SettingsError(
                "settings.values",
                f"{place}: the contract's table {table.name} has no column {name}.",
                "Name the column as the contract does.",
            )
        allowed = by_name[name].values
        wrong = sorted(set(codes.values()) - set(map(str, allowed))) if allowed else []
        if wrong and by_name[name].type == "string":
            raise SettingsError(
                "settings.values",
                f"{place}: {wrong[0]!r} is none of {', '.join(map(str, allowed))}.",
                "Map to one of the contract's codes.",
            )
    given = {name: getattr(source, name) for name in TextSettings.model_fields}
    return Reading(**{**given, "time_zone": source.time_zone or zone.key, "values": values})
