"""Rebuilds only the days of a table whose source days changed.

A SQL file may say ``incremental: {by: day, source: accepted.interval_reading}``: each of its rows comes from
source rows of the same day alone. Its Delta table is then partitioned by that day, and each commit notes the
version of the source, the day the run spoke for and a hash of what the file means. The next build compares
the source's files of both versions, day by day. Whatever cannot be compared is rebuilt as a whole, so a
night and a full rebuild give the same rows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlglot import exp

from wattmark.engine.sqlfile import SqlFile, literal
from wattmark.errors import SqlFileError
from wattmark.lake import Lake

SOURCE_TABLE, SOURCE_VERSION, AS_OF, DEFINITION = "source_table", "source_version", "as_of", "definition"


@dataclass(frozen=True)
class Part:
    """What a build has to replace (everything where ``days`` is None), and what to note with it."""

    column: str
    days: tuple[dt.date, ...] | None
    note: dict[str, str]

    @property
    def where(self) -> str | None:
        """The replaced part as a predicate over the partition column."""
        if self.days is None:
            return None
        return f"{self.column} IN ({', '.join(repr(day.isoformat()) for day in self.days)})"


def part_of(file: SqlFile, meaning: str, lake: Lake, as_of: dt.date, versions: Mapping[str, int]) -> Part:
    """What a build of an incremental file has to replace.

    Args:
        file: with ``incremental`` in its header.
        meaning: its ``definition_hash``.
        lake: that holds its source and what was built before.
        as_of: the run's date.
        versions: lake version to read by table, where it is not the newest.

    Raises:
        SqlFileError: the header's ``incremental`` lacks ``by`` or ``source``.
    """
    asked = file.header["incremental"]
    if set(asked) != {"by", "source"}:
        raise SqlFileError(
            "sql.incremental", f"{file.path}:1: incremental must say by and source, nothing else."
        )
    column, source = str(asked["by"]), str(asked["source"])
    version = versions.get(source, lake.version(source))
    note = {
        SOURCE_TABLE: lake.identity(source) if version is not None else "",
        SOURCE_VERSION: str(version),
        AS_OF: as_of.isoformat(),
        DEFINITION: meaning,
    }
    before = lake.note(file.name)
    # A table older than the source's log, or from before a change of meaning, or made from a source table that was
    # made anew since, whose versions count anew, cannot be compared with.
    if (
        before.get(DEFINITION) != note[DEFINITION]
        or before.get(SOURCE_TABLE) != note[SOURCE_TABLE]
        or version is None
        or not before.get(SOURCE_VERSION, "").isdigit()
    ):
        return Part(column, None, note)
    old = lake.partition_files(source, column, int(before[SOURCE_VERSION]))
    new = lake.partition_files(source, column, version)
    if old is None or new is None:
        return Part(column, None, note)
    last = dt.date.fromisoformat(before[AS_OF])
    days = {dt.date.fromisoformat(day): files for day, files in new.items()}
    changed = {dt.date.fromisoformat(day) for day in {*old, *new} if old.get(day) != new.get(day)}
    changed = {day for day in changed if day <= max(last, as_of)}
    changed |= {day for day in days if min(last, as_of) < day <= max(last, as_of)}
    return Part(column, tuple(sorted(changed)), note)


def definition_hash(zone: ZoneInfo, statements: Iterable[str]) -> str:
    """Hash of what a file means: its bound text and those of what it reads, and the time zone."""
    return hashlib.sha256("\n".join([zone.key, *statements]).encode()).hexdigest()


def restrict(statement: exp.Expression, source: str, column: str, days: Iterable[dt.date]) -> exp.Expression:
    """The statement reading only some days of ``source.<table>``, whose accepted table is named."""
    table = source.split(".")[1]

    def limit(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Table) and node.db == "source" and node.name == table:
            wanted = exp.column(column).isin(*[literal(day) for day in days])
            return (
                exp.select("*")
                .from_(exp.to_table(f"source.{table}"))
                .where(wanted)
                .subquery(node.alias or table)
            )
        return node

    return statement.transform(limit)
