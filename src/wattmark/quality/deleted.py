"""Rows that the lake holds and the source has no longer, found by a comparison of all keys on one weekday.

A table that is read by its watermark alone never says that a row went. Where the source's ``deletions`` name a weekday,
a night of such a day reads the keys of all rows besides (``extract``), and what is known here and not there is gone. It is
listed in ``quality.deleted_row``, and with ``rows: remove`` taken out before anything else is decided: as if the source had
never sent it. What an earlier try of the same night took out is listed again, so that each try ends the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from wattmark.contract import Contract, Table
from wattmark.contract.model import DAY
from wattmark.engine.session import DuckDBSession
from wattmark.errors import QualityError
from wattmark.quality.holding import HAS_KEY, Handed, Shape
from wattmark.quality.landing import Landed, keys_of, landed, landing_kinds, landing_of_keys
from wattmark.quality.ordered import ROWS_AT_ONCE, clustered_by, days_in
from wattmark.quality.reading import START, is_interval, quoted, sql_literal, unparsed
from wattmark.sources.base import PROBLEM

DELETED_ROW = "quality.deleted_row"
_SHOWN = 3


@dataclass(frozen=True)
class Deleted:
    """What a comparison of a table's keys found: rows known before it, and those that went from the source."""

    table: str
    known: int
    gone: int
    note: Landed
    some: tuple[str, ...]

    @property
    def is_too_many(self) -> bool:
        """Whether so many went that the source is to be asked first."""
        return self.gone > float(self.note.deletions["at_most"]) * self.known


def compare_keys(session: DuckDBSession, contract: Contract) -> dict[str, int]:
    """Find what went from the sources of tables whose keys were read tonight, list it, and take out what is to be removed.

    Returns:
        rows that went, by table that was compared.

    Raises:
        QualityError: of a table more went than its source's ``deletions.at_most`` allows; nothing is changed then.
    """
    notes = {name: landed(session.settings, session.run, name) for name in contract.load_order()}
    found = [
        _find(session, Shape(contract.tables[name], ()), note)
        for name, note in notes.items()
        if note.keys is not None
    ]
    if wrong := [deleted for deleted in found if deleted.is_too_many]:
        raise QualityError(
            "quality.too_many_deleted",
            "Nothing was published and nothing removed. " + "; ".join(map(_told, wrong)) + ".",
            "See that the source is whole (a table emptied or a folder cleared by mistake, a view that hides rows) and rerun; "
            "where the rows are meant to be gone, raise deletions.at_most of the source for this night, or have the table read "
            "anew with --full-refresh.",
        )
    if found:
        _list(session, found)
    for deleted in found:
        if deleted.gone and deleted.note.deletions["rows"] == "remove":
            _remove(session, contract.tables[deleted.table])
    return {deleted.table: deleted.gone for deleted in found}


def _told(deleted: Deleted) -> str:
    return (
        f"{deleted.table}: {deleted.gone:,} of {deleted.known:,} rows went from the source, over the {deleted.note.deletions['at_most']:.1%} "
        f"that deletions.at_most allows (such as {', '.join(deleted.some)})"
    )


def _gone(table: str) -> str:
    return f"_deleted_{table}"


def _find(session: DuckDBSession, shape: Shape, note: Landed) -> Deleted:
    """Fill a temporary table with the keys that went, and ``_row_key``, their text."""
    duck, table = session.duck, shape.table
    gone = _gone(table.name)
    stored = {
        name: f"{name}.{table.name}"
        for name in ("accepted", "aside")
        if session.lake.exists(f"{name}.{table.name}")
    }
    session.see([*stored.values(), landing_of_keys(table.name)])
    keys = _Keys(session, shape, note)
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE {gone} AS SELECT {shape.key}, {shape.read_key} AS _row_key "
        f"FROM {stored['accepted']} WHERE FALSE"
    )
    known = 0
    for where, source in keys.parts():
        rows = f"SELECT {shape.key} FROM {stored['accepted']} WHERE {where}"
        if "aside" in stored:
            rows += f" UNION SELECT {shape.key} FROM {stored['aside']} WHERE {HAS_KEY} AND {where}"
        duck.execute(
            f"INSERT INTO {gone} SELECT {shape.key}, {shape.read_key} FROM ({rows}) AS a ANTI JOIN ({source}) AS k "
            f"ON {shape.same_key('a', 'k')} WHERE {keys.told_apart('a')}"
        )
        known += int(duck.execute(f"SELECT COUNT(*) FROM ({rows})").fetchall()[0][0])
    earlier = _listed_earlier(session, shape, keys, gone)
    count = int(duck.execute(f"SELECT COUNT(*) FROM {gone}").fetchall()[0][0])
    some = duck.execute(f"SELECT _row_key FROM {gone} ORDER BY 1 LIMIT {_SHOWN}").fetchall()
    return Deleted(table.name, known + earlier, count, note, tuple(str(row[0]) for row in some))


class _Keys:
    """The keys of all rows at the source, typed as the table's own."""

    def __init__(self, session: DuckDBSession, shape: Shape, note: Landed) -> None:
        self.session, self.shape, self.note = session, shape, note
        self.narrow = keys_of(shape.table)
        self.landing = landing_of_keys(shape.table.name)
        self.kinds = landing_kinds(session.duck, self.landing)
        self.by_day = shape.table.by_day and shape.table.since in shape.table.key

    def typed(self, where: str = "TRUE", days: list[dt.date] | None = None) -> str:
        """SQL of the keys that could be read, of some days."""
        handed = Handed(f"(SELECT * FROM {self.landing} WHERE {where})", self.kinds, self.note.reading, days)
        known = " AND ".join(
            f"t.{quoted(name)} IS NOT NULL AND NOT t.{quoted(unparsed(self.narrow.column(name)))}"
            for name in self.shape.table.key
        )
        typed = handed.typed(self.narrow, (PROBLEM,))
        return f"SELECT {self.shape.key} FROM ({typed}) AS t WHERE {PROBLEM} IS NULL AND {known}"

    def parts(self) -> Iterable[tuple[str, str]]:
        """Conditions over stored rows, each with the SQL of the keys to compare with: a table at once, or days of it."""
        if not self.by_day:
            yield "TRUE", self.typed()
            return
        duck, accepted = self.session.duck, f"accepted.{self.shape.table.name}"
        counts = duck.execute(
            f"SELECT {DAY}, COUNT(*) FROM {accepted} WHERE {DAY} IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
        batch: list[dt.date] = []
        rows = 0
        for day, count in [*counts, (None, 0)]:
            if batch and (day is None or rows + count > ROWS_AT_ONCE):
                where = days_in(map(str, batch))
                yield where, self.typed(where, batch)
                batch, rows = [], 0
            if day is not None:
                batch.append(day)
                rows += count

    def told_apart(self, alias: str) -> str:
        """Condition over known rows: false of those of which the source's keys do not say whether they are there.

        Of a local time that exists twice the order of rows tells the moments apart, and it need not tell them again.
        """
        start = next((column for column in self.narrow.columns if column.name == START), None)
        if not is_interval(self.narrow) or start is None:
            return "TRUE"
        days = self.note.reading.clock.days(twice=True) if not self.note.reading.clock.is_fixed else ()
        listed = ", ".join(f"DATE '{day}'" for day in days)
        return f"CAST({alias}.{quoted(START)} AS DATE) NOT IN ({listed})" if listed else "TRUE"


def _listed_earlier(session: DuckDBSession, shape: Shape, keys: _Keys, gone: str) -> int:
    """Add what an earlier try of this night listed and took out, unless the source has it again; returns how many."""
    if not session.lake.exists(DELETED_ROW):
        return 0
    session.see([DELETED_ROW])
    duck = session.duck
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE _earlier AS SELECT e.row_key FROM {DELETED_ROW} AS e ANTI JOIN {gone} AS g ON g._row_key = e.row_key "
        f"WHERE e.source_table = {sql_literal(shape.table.name)} AND e.as_of = {sql_literal(session.run.as_of)} AND e.is_removed"
    )
    if not duck.execute("SELECT 1 FROM _earlier LIMIT 1").fetchall():
        return 0
    duck.execute(
        "DELETE FROM _earlier WHERE row_key IN "
        f"(SELECT k.row_key FROM (SELECT {shape.read_key} AS row_key FROM ({keys.typed()})) AS k SEMI JOIN _earlier AS e ON e.row_key = k.row_key)"
    )
    duck.execute(f"INSERT INTO {gone} BY NAME SELECT row_key AS _row_key FROM _earlier")
    return int(duck.execute("SELECT COUNT(*) FROM _earlier").fetchall()[0][0])


def _list(session: DuckDBSession, found: Iterable[Deleted]) -> None:
    """Write the keys that went into the night's part of ``quality.deleted_row``; before anything is taken out."""
    as_of = session.run.as_of
    rows = " UNION ALL ".join(
        f"SELECT {sql_literal(deleted.table)} AS source_table, _row_key AS row_key, CAST({sql_literal(as_of)} AS DATE) AS as_of, "
        f"{deleted.note.deletions['rows'] == 'remove'} AS is_removed FROM {_gone(deleted.table)}"
        for deleted in found
    )
    reader = session.duck.sql(f"{rows} ORDER BY source_table, row_key").to_arrow_reader()
    session.lake.replace(
        DELETED_ROW, reader, partition_by=["as_of"], where=f"as_of = '{as_of.isoformat()}'",
        metadata={"run_id": session.run.run_id},
    )  # fmt: skip
    session.forget(DELETED_ROW)


def _remove(session: DuckDBSession, table: Table) -> None:
    """Take the rows that went out of what is known of a table: those that held, and those set aside."""
    duck, lake, shape = session.duck, session.lake, Shape(table, ())
    gone, accepted, aside = _gone(table.name), f"accepted.{table.name}", f"aside.{table.name}"
    note = {"run_id": session.run.run_id}
    went = f"SEMI JOIN {gone} AS g ON {shape.same_key('a', 'g')}"
    left = f"ANTI JOIN {gone} AS g ON {shape.same_key('a', 'g')}"
    if duck.execute(f"SELECT 1 FROM {accepted} AS a {went} LIMIT 1").fetchall():
        where, partition = None, [table.partition] if table.partition else []
        if table.partition:
            touched = duck.execute(
                f"SELECT DISTINCT a.{quoted(table.partition)} FROM {accepted} AS a {went} ORDER BY 1"
            )
            where = (
                f"{table.partition} IN ({', '.join(sql_literal(str(row[0])) for row in touched.fetchall())})"
            )
        order = ", ".join(quoted(name) for name in [*partition, clustered_by(table)])
        body = f"SELECT a.* FROM {accepted} AS a {left}{f' WHERE {where}' if where else ''} ORDER BY {order}"
        lake.replace(
            accepted, duck.sql(body).to_arrow_reader(), partition_by=partition, where=where, metadata=note
        )
        session.forget(accepted)
    if (
        lake.exists(aside)
        and duck.execute(f"SELECT 1 FROM {aside} AS a {went} WHERE a.{HAS_KEY} LIMIT 1").fetchall()
    ):
        kept = f"SELECT a.* FROM {aside} AS a {left} UNION ALL SELECT a.* FROM {aside} AS a {went} WHERE NOT a.{HAS_KEY}"
        lake.replace(
            aside,
            duck.sql(f"{kept} ORDER BY ALL").to_arrow_table(),
            partition_by=[DAY] if table.by_day else [],
            metadata=note,
        )
        session.forget(aside)
