"""Rebuilds only the parts of a table whose sources changed.

A SQL file says in its header by what it is cut and how far its rows reach into what they are made from::

    incremental:
      by: found_on                                       # a column: a day each, or months where it is period
      reads:
        source.interval_reading: {}                      # rows of the same day alone
        facts.interval_daily: {back_days: window_days}   # and of so many days before (a number, or a parameter)
        facts.still_daily: {back_hours: 24, ahead_hours: stuck_hours}
        facts.point_limit: {key: metering_point_id}      # rows of the same key, on whatever day
        facts.interval_flag: {by: day, rows: true}       # cut by another column, or written anew alike: rows are compared

The stored table is partitioned by that column. Each commit notes which version of each such source it was made
from, and the next build asks Delta's log which files of them are others since, day by day, and which keys have
other rows. What the header does not name is compared as a whole, by a hash of the columns the file reads: another
row of it, another parameter or another statement rebuilds everything. So does what cannot be compared, and a file
that says nothing is always rebuilt.

``by: whole`` cuts nothing: the table is left as it is where nothing of it changed. A source may then be bounded by
``{from: period, to: period_end}`` (values of the run), so that only files of those days count. Of a view, whose rows
may take as long as the table itself, ``{through: true}`` compares what it reads instead of them. Python tables say the
same by the queries they ask (``asks``).
"""

from __future__ import annotations

import datetime as dt
import importlib
import importlib.metadata
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
from sqlglot import exp

from wattmark.contract.model import Contract
from wattmark.engine.catalog import Catalog
from wattmark.engine.compared import content_of, differing, hash_of
from wattmark.engine.python_table import MAKERS, PythonTable
from wattmark.engine.sqlfile import SqlFile, literal
from wattmark.errors import SqlFileError
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings

AS_OF, DEFINITION = "as_of", "definition"
WHOLE, MONTH = "whole", "period"
"""``by`` of a table that is not cut, and of one that is cut by months."""
MOST_KEYS = 1000
"""Changed keys above which everything is rebuilt: each of them is named to Delta."""

_REACHES = {"by", "rows", "back_days", "ahead_days", "back_hours", "ahead_hours"}
_MOST_DAYS = 100_000
_LEARNING = "wattmark.segment"
_LIBRARIES = ("duckdb", "mlxtend", "numpy", "pyarrow", "rapidfuzz", "scikit-learn")


class Asked(Protocol):
    """What is asked here: a session of the night."""

    settings: Settings
    run: Run
    lake: Lake
    versions: dict[str, int]
    scalars: dict[str, Any]
    duck: duckdb.DuckDBPyConnection

    @property
    def contract(self) -> Contract:
        """The source contract."""

    @property
    def catalog(self) -> Catalog:
        """Derived tables."""

    @property
    def overrides(self) -> Mapping[str, Mapping[str, Any]]:
        """The utility's parameter values by table."""

    def see(self, names: Iterable[str]) -> None:
        """Make tables readable."""

    def query(self, sql: str, **values: Any) -> pa.RecordBatchReader:
        """Rows of a query."""

    def text_of(self, file: SqlFile) -> str:
        """A file's bound statement as text."""


@dataclass(frozen=True)
class Read:
    """How far rows reach into one source: days before and after, by its partition column; by a key; or some days.

    With ``rows`` its days are those of rows that are others, and ``by`` may be any column of days that it has.
    """

    by: str = "day"
    back: int = 0
    ahead: int = 0
    key: str | None = None
    rows: bool = False
    span: tuple[dt.date, dt.date] | None = None


@dataclass(frozen=True)
class Cut:
    """What a header says: the column a table is cut by (None where it is not), its declared sources, views looked through."""

    column: str | None
    reads: dict[str, Read]
    through: tuple[str, ...] = ()

    def part(self, day: dt.date) -> dt.date:
        """The part that a day lies in: itself, or the first day of its month."""
        return day.replace(day=1) if self.column == MONTH else day

    def days(self, part: dt.date) -> tuple[dt.date, dt.date]:
        """First and last day of a part."""
        if self.column != MONTH:
            return part, part
        following = (part + dt.timedelta(days=31)).replace(day=1)
        return part, following - dt.timedelta(days=1)

    def between(self, first: dt.date, last: dt.date) -> list[dt.date]:
        """All parts from one day's to another's."""
        days = (first + dt.timedelta(days=number) for number in range((last - first).days + 1))
        return sorted({self.part(day) for day in days})


@dataclass(frozen=True)
class Part:
    """What a build has to replace, and what to note with it.

    Attributes:
        cut: what the header says.
        parts: those to make anew; all where None.
        keys: rows of these keys are made anew in all other parts.
        note: goes into the commit.
    """

    cut: Cut
    parts: tuple[dt.date, ...] | None
    note: dict[str, str]
    keys: tuple[str, ...] = field(default=())

    @property
    def is_nothing(self) -> bool:
        """Whether the stored table is as it would be made."""
        return self.parts == () and not self.keys

    @property
    def key(self) -> str | None:
        """The column whose values ``keys`` are."""
        return next((read.key for read in self.cut.reads.values() if read.key), None)

    @property
    def partition_by(self) -> list[str]:
        """Columns to partition the stored table by."""
        return [self.cut.column] if self.cut.column else []

    @property
    def where(self) -> str | None:
        """What is replaced, as a predicate; None for everything."""
        if self.parts is None:
            return None
        said = []
        if self.parts:
            said.append(f"{self.cut.column} IN ({', '.join(repr(part.isoformat()) for part in self.parts)})")
        if self.keys:
            quoted = ", ".join("'" + key.replace("'", "''") + "'" for key in self.keys)
            said.append(f"{self.key} IN ({quoted})")
        return " OR ".join(said)


# --- what a header says --------------------------------------------------------------------------


def cut_of(
    file: SqlFile, scalars: Mapping[str, Any], overrides: Mapping[str, Any] | None = None
) -> Cut | None:
    """What a file's header says of cutting; None where it says nothing.

    Args:
        file: the file.
        scalars: the run's values.
        overrides: parameter values of the utility.

    Raises:
        SqlFileError: ``sql.incremental``; names what is wrong.
    """
    asked = file.header.get("incremental")
    if asked is None:
        return None

    def refuse(what: str) -> SqlFileError:
        return SqlFileError("sql.incremental", f"{file.path}:1: incremental {what}.")

    if not isinstance(asked, dict) or set(asked) != {"by", "reads"} or not isinstance(asked["reads"], dict):
        raise refuse("must say by and reads, nothing else")
    column = str(asked["by"])
    if column != WHOLE and column not in (file.header.get("columns") or {column: None}):
        raise refuse(f"is by {column}, which is none of the columns")
    values = file.values(file.day_of(scalars), overrides)

    def number(name: str, given: Any) -> float:
        found = values.get(given) if isinstance(given, str) else given
        if isinstance(found, bool) or not isinstance(found, (int, float)) or found < 0:
            raise refuse(
                f"says {given!r} for {name}, which is neither a number from 0 nor a parameter's name"
            )
        return float(found)

    reads: dict[str, Read] = {}
    through = []
    for name, said in asked["reads"].items():
        said = said or {}
        if name not in file.references:
            raise refuse(f"names {name}, which the statement does not read")
        if set(said) == {"key"} and column != WHOLE:
            reads[name] = Read(key=str(said["key"]))
        elif said == {"through": True}:
            through.append(name)
        elif set(said) == {"from", "to"} and column == WHOLE and set(said.values()) <= set(scalars):
            reads[name] = Read(span=(scalars[said["from"]], scalars[said["to"]]))
        elif set(said) <= _REACHES and column != WHOLE:
            # A day may have 23 hours, so that 24 hours back can reach into the day before the last.
            back, ahead = (
                math.ceil(number(f"{way}_days", said.get(f"{way}_days", 0)))
                + (math.ceil((hours + 1) / 24) if (hours := number(way, said.get(f"{way}_hours", 0))) else 0)
                for way in ("back", "ahead")
            )
            rows = said.get("rows", False)
            if not isinstance(rows, bool) or (rows and name.startswith("source.")):
                raise refuse(f"says rows: {rows} of {name}; it may be true, of a table that is derived")
            reads[name] = Read(str(said.get("by", "day")), back, ahead, rows=rows)
        else:
            raise refuse(f"says {dict(said)} of {name}; see docs/architecture.md for what may be said")
    if len({read.key for read in reads.values() if read.key}) > 1:
        raise refuse("names more than one key")
    return Cut(None if column == WHOLE else column, reads, tuple(sorted(through)))


# --- what changed --------------------------------------------------------------------------------


def part_of(definition: SqlFile | PythonTable, session: Asked) -> Part | None:
    """What a build of a table has to replace; None for a table that says nothing, which is always rebuilt.

    Raises:
        SqlFileError: the header's ``incremental`` does not fit.
    """
    if isinstance(definition, PythonTable):
        return _python_part(definition, session) if definition.asks else None
    cut = cut_of(definition, session.scalars, session.overrides.get(definition.name))
    if cut is None:
        return None
    sources = [
        session.contract.tables[name.split(".")[1]].as_of_sql(name)
        for name in sorted(cut.reads)
        if name.startswith("source.")
    ]
    views, tables = _behind(definition, cut, session)
    meaning = [session.text_of(definition), repr(cut), *sources, *map(session.text_of, views)]
    note = {DEFINITION: hash_of(session.settings.zone.key, duckdb.__version__, *meaning)}
    note |= {name: _read_stamp(session, name, read) for name, read in cut.reads.items()}
    statements = [file.statement for file in (definition, *views)]
    for name in sorted(tables - set(cut.reads)):
        note[name] = content_of(session, name, statements)
    before = session.lake.note(definition.name)
    same = [key for key in note if key not in cut.reads or cut.column is None]
    note[AS_OF] = session.run.as_of.isoformat()
    if any(before.get(key) != note[key] for key in same) or AS_OF not in before:
        return Part(cut, None, note)
    if cut.column is None:
        return Part(cut, (), note)
    return _changed(definition, cut, note, before, session)


def _behind(file: SqlFile, cut: Cut, session: Asked) -> tuple[list[SqlFile], set[str]]:
    """Views that are looked through, with those that they read, and what else the file and they read."""
    views: dict[str, SqlFile] = {}
    tables = set(file.references) - set(cut.through)
    ahead = list(cut.through)
    while ahead:
        name = ahead.pop()
        view = session.catalog.tables.get(name)
        if isinstance(view, SqlFile) and view.is_view:
            ahead += sorted(view.references - set(views))
            views[name] = view
        elif name in cut.through:
            raise SqlFileError(
                "sql.incremental", f"{file.path}:1: incremental looks through {name}, no view."
            )
        else:
            tables.add(name)
    return [views[name] for name in sorted(views)], tables


def _changed(
    file: SqlFile, cut: Cut, note: dict[str, str], before: Mapping[str, str], session: Asked
) -> Part:
    """The parts and keys that changed since the noted build."""
    everything = Part(cut, None, note)
    stored = session.lake.partition_files(file.name, str(cut.column))
    if stored is None:
        return everything
    there = {dt.date.fromisoformat(part) for part in stored}
    anew: set[tuple[dt.date, dt.date]] = set()
    keys: set[str] = set()
    for source, read in cut.reads.items():
        was, now = _versions(before.get(source, ""), note[source])
        if was is None or now is None:
            if before.get(source) != note[source]:
                return everything
            continue
        if read.key or read.rows:
            most = MOST_KEYS + 1 if read.key else _MOST_DAYS
            found = differing(session, source, read.key or read.by, [file.statement], (was, now), most)
            if found is None:
                return everything
            if read.key:
                keys |= found
                continue
            seen = changed = {dt.date.fromisoformat(day) for day in found}
        else:
            days = _changed_days(session, source, read, (was, now), before[AS_OF])
            if days is None:
                return everything
            seen, changed = days
        there |= {cut.part(day) for day in seen}
        anew |= {(day - dt.timedelta(days=read.ahead), day + dt.timedelta(days=read.back)) for day in changed}
    if len(keys) > MOST_KEYS:
        return everything
    parts = {part for first, end in anew for part in cut.between(first, end)}
    parts = {part for part in parts if min(there, default=part) <= part <= max(there, default=part)}
    return Part(cut, tuple(sorted(parts)), note, tuple(sorted(keys)))


def _changed_days(
    session: Asked, source: str, read: Read, versions: tuple[int, int], noted: str
) -> tuple[set[dt.date], set[dt.date]] | None:
    """All days of a source in either version, and those whose files are others; None where they cannot be compared."""
    table = _stored(source)
    old, new = (session.lake.partition_files(table, read.by, version) for version in versions)
    if old is None or new is None:
        return None
    seen = {dt.date.fromisoformat(day) for day in {*old, *new}}
    changed = {dt.date.fromisoformat(day) for day in {*old, *new} if old.get(day) != new.get(day)}
    if source != table:
        # What was handed over is seen up to the run's own day.
        first, last = sorted((dt.date.fromisoformat(noted), session.run.as_of))
        seen = {day for day in seen if day <= last}
        changed &= seen
        changed |= {day for day in seen if first < day}
    return seen, changed


def _stored(source: str) -> str:
    """The stored table behind a source: a layer ``source`` shows accepted rows."""
    layer, table = source.split(".")
    return f"accepted.{table}" if layer == "source" else source


def _read_stamp(session: Asked, source: str, read: Read) -> str:
    """Names what there is of a source now: its version, or the files of the days that are asked of it."""
    name = _stored(source)
    if not session.lake.exists(name):
        return ""
    version = session.versions.get(name, session.lake.version(name))
    if read.span is None:
        return f"{session.lake.identity(name)}@{version}"
    files = session.lake.partition_files(name, read.by, version)
    if files is None:
        raise SqlFileError("sql.incremental", f"{source} is not kept by {read.by}.")
    first, last = read.span
    if source != name:
        last = min(last, session.run.as_of)
    return hash_of(
        session.lake.identity(name),
        *(
            file
            for day in sorted(files)
            if first <= dt.date.fromisoformat(day) <= last
            for file in files[day]
        ),
    )


def _versions(before: str, now: str) -> tuple[int | None, int | None]:
    """Two versions of one and the same table; None where they cannot be compared."""
    (old_id, _, old), (new_id, _, new) = before.partition("@"), now.partition("@")
    if not old or not new or old_id != new_id:
        return None, None
    return int(old), int(new)


# --- Python tables -------------------------------------------------------------------------------


def _python_part(table: PythonTable, session: Asked) -> Part:
    """Everything, or nothing where the answers to its queries, its code and the audited month are what they were."""
    note = {DEFINITION: hash_of(session.settings.zone.key, *_dates(session.run), _code(table.maker))}
    for number, asked in enumerate(table.asks):
        answer = session.query(
            f"SELECT COUNT(*) AS n, SUM(HASH(asked)) AS h FROM ({asked}) AS asked"
        ).read_all()
        note[f"answer {number}"] = hash_of(asked, repr(answer.to_pylist()))
    before = session.lake.note(table.name)
    same = AS_OF in before and all(before.get(key) == note[key] for key in note)
    note[AS_OF] = session.run.as_of.isoformat()
    return Part(Cut(None, {}), () if same else None, note)


def _dates(run: Run) -> tuple[str, str]:
    """The months that a Python table may name: the audited one and that of the run's day."""
    return run.period.isoformat(), run.as_of.replace(day=1).isoformat()


@lru_cache(maxsize=64)
def _code(maker: str) -> str:
    """Names what computes a table: the packages of makers and of what they rest on, and their libraries."""
    folders = [Path(importlib.import_module(package).__path__[0]) for package in (MAKERS, _LEARNING)]
    texts = [path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.glob("*.py"))]
    libraries = [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    return hash_of(maker, *libraries, *texts)


# --- reading less --------------------------------------------------------------------------------


def restrict(statement: exp.Expression, part: Part) -> exp.Expression:
    """The statement that makes what a part says and nothing else, reading no more than its rows reach.

    Args:
        statement: the bound statement of the whole table.
        part: with ``parts``.
    """
    cut, column = part.cut, str(part.cut.column)
    made: list[exp.Expression] = []
    wanted: exp.Expression
    if part.parts:
        days = {
            name: sorted(
                {
                    first + dt.timedelta(days=number)
                    for each in part.parts
                    for first, last in (cut.days(each),)
                    for number in range(-read.back, (last - first).days + read.ahead + 1)
                }
            )
            for name, read in cut.reads.items()
            if not read.key
        }
        limits: dict[str, tuple[str, list[Any]]] = {
            name: (cut.reads[name].by, list(reached)) for name, reached in days.items()
        }
        # Said as a range too, the engine carries it over joins by that column to what is read on their other side.
        first, *_, last = map(literal, (part.parts[0], *part.parts))
        within = exp.column(column).between(first, last)
        wanted = exp.and_(within, exp.column(column).isin(*map(literal, part.parts)))
        made.append(_kept(_limited(statement, limits), wanted))
    if part.keys:
        keys = [literal(key) for key in part.keys]
        limits = {name: (str(part.key), list(part.keys)) for name in cut.reads}
        wanted = exp.column(str(part.key)).isin(*keys)
        if part.parts:
            wanted = exp.and_(wanted, exp.not_(exp.column(column).isin(*map(literal, part.parts))))
        made.append(_kept(_limited(statement, limits), wanted))
    return made[0] if len(made) == 1 else exp.union(*made, distinct=False)


def _kept(statement: exp.Expression, wanted: exp.Expression) -> exp.Expression:
    return exp.select("*").from_(exp.Subquery(this=statement, alias=exp.to_identifier("made"))).where(wanted)


def _limited(statement: exp.Expression, limits: Mapping[str, tuple[str, list[Any]]]) -> exp.Expression:
    """A copy that reads only rows of each table whose column has one of some values."""

    def limit(node: exp.Expression) -> exp.Expression:
        name = f"{node.db}.{node.name}" if isinstance(node, exp.Table) else ""
        if name not in limits:
            return node
        column, values = limits[name]
        return (
            exp.select("*")
            .from_(exp.to_table(name))
            .where(exp.column(column).isin(*map(literal, values)))
            .subquery(node.alias or node.name)
        )

    return statement.copy().transform(limit)
