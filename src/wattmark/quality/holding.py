"""Which of the rows of one key holds, decided from all that is known of it.

What is known of a table lies in two places: ``accepted`` has the rows that hold and are good, ``aside`` all others:
rows refused, and rows superseded. Each row says which file it came from. A night withdraws what files say no
longer, adds what they say now, and decides again on the keys it touched, so that nights one after the other end as
one night over all of it.

A row *competes* for its key where the key and the time that decides (``Table.version``) could be read. Of those the
newest holds; at one moment the better one (``Table.prefer``); else the one that arrived later; in one file the later
one. A row that holds and is refused leaves its key without an accepted row. A row that does not compete is refused,
and belongs to its file: it goes when the file is read again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from wattmark.contract import Column, Table
from wattmark.contract.model import DAY
from wattmark.engine.session import DuckDBSession
from wattmark.quality.checks import Suite, reason_sql
from wattmark.quality.intervals import OVERLAP, may_overlap_sql, repeated_sql
from wattmark.quality.reading import (
    START,
    Reading,
    filling,
    is_interval,
    quoted,
    sql_literal,
    unclear,
    unparsed,
)
from wattmark.quality.typed import typed_select
from wattmark.sources.base import ARRIVAL, FILE, POSITION

FOLLOWS, REFERS = "follows:", "ref:"
"""How the reason of a row begins that refers to a refused row, and to none."""
NO_DAY = "1900-01-01"
"""Day of rows set aside whose own could not be read."""

OWN, MISSING, REASON, ROW, KEY = "_own", "_missing", "_reason", "_row", "_key"
HAS_KEY, COMPETES, CONFLICTING, FIRST_SEEN, RUN_ID = "_has_key", "_competes", "_conflicting", "_first_seen", "_run_id"  # fmt: skip

ASIDE_TYPES = {
    KEY: "VARCHAR", ROW: "VARCHAR", OWN: "VARCHAR", REASON: "VARCHAR", FILE: "VARCHAR", ARRIVAL: "BIGINT",
    POSITION: "BIGINT", HAS_KEY: "BOOLEAN", COMPETES: "BOOLEAN", CONFLICTING: "BOOLEAN", RUN_ID: "VARCHAR", FIRST_SEEN: "DATE",
}  # fmt: skip
"""Columns of ``aside`` beside the table's own. ``_own`` is the reason that lies in the row itself, ``_reason`` why it is
refused tonight (none where it is superseded)."""


@dataclass(frozen=True)
class Shape:
    """Pieces of SQL about one table's rows."""

    table: Table
    required: tuple[tuple[Column, Table], ...]

    @property
    def columns(self) -> str:
        """The contract's columns, listed."""
        return ", ".join(quoted(column.name) for column in self.table.columns)

    @property
    def key(self) -> str:
        """The key columns, listed."""
        return ", ".join(quoted(name) for name in self.table.key)

    def same_key(self, left: str, right: str) -> str:
        """Condition that two aliases have one key."""
        return " AND ".join(f"{left}.{quoted(name)} = {right}.{quoted(name)}" for name in self.table.key)

    @property
    def order(self) -> str:
        """ORDER BY of the rows of one key, the one that holds first."""
        terms = [f"{quoted(self.table.version)} DESC"] if self.table.version else []
        if self.table.prefer:
            column, ranks = self.table.prefer
            cases = " ".join(
                f"WHEN {quoted(column)} IN ({', '.join(map(sql_literal, same))}) THEN {rank}"
                for rank, same in enumerate(ranks)
            )
            terms.append(f"CASE {cases} ELSE {len(ranks)} END")
        # What a database hands over has no time of arrival: it is what the source says now.
        return ", ".join(
            [*terms, f"{ARRIVAL} DESC NULLS FIRST", f"{FILE} DESC", f"{POSITION} DESC NULLS LAST"]
        )

    @property
    def moment(self) -> str:
        """The time that decides, as an expression; NULL where the table has none."""
        return quoted(self.table.version) if self.table.version else "CAST(NULL AS TIMESTAMPTZ)"

    @property
    def shown_key(self) -> str:
        """The parts of the key joined by ``|``, as read; as handed over where a part could not be."""
        parts = (
            f"COALESCE(CAST({quoted(name)} AS VARCHAR), {_raw_text(name)}, '')" for name in self.table.key
        )
        return f"replace({' || chr(124) || '.join(parts)}, chr(0), '␀')"

    @property
    def shown_row(self) -> str:
        """The row as JSON text: each value as read, as handed over where it could not be."""
        parts = (
            f"{quoted(column.name)} := CASE WHEN {quoted(unparsed(column))} THEN {_raw_text(column.name)} ELSE CAST({quoted(column.name)} AS VARCHAR) END"
            for column in self.table.columns
        )
        return f"CAST(to_json(struct_pack({', '.join(parts)})) AS VARCHAR)"

    @property
    def read_row(self) -> str:
        """As ``shown_row``, of a row that was read well."""
        parts = (
            f"{quoted(column.name)} := CAST({quoted(column.name)} AS VARCHAR)"
            for column in self.table.columns
        )
        return f"CAST(to_json(struct_pack({', '.join(parts)})) AS VARCHAR)"

    @property
    def read_key(self) -> str:
        """As ``shown_key``, of a row that was read well."""
        return " || chr(124) || ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in self.table.key)

    def missing(self, alias: str) -> str:
        """Reason that the first required reference to nothing gives; NULL where all resolve."""
        if not self.required:
            return "CAST(NULL AS VARCHAR)"
        cases = " ".join(
            f"WHEN {alias}.{quoted(column.name)} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM accepted.{target.name} AS r "
            f"WHERE r.{quoted(target.key[0])} = {alias}.{quoted(column.name)}) THEN {sql_literal(REFERS + column.name)}"
            for column, target in self.required
        )
        return f"CASE {cases} END"

    def followed(self, alias: str) -> str:
        """The reason of a refused row; one that refers to a row refused itself follows it."""
        cases = " ".join(
            f"WHEN {alias}.{REASON} = {sql_literal(REFERS + column.name)} AND {alias}.{quoted(column.name)} IN (SELECT key FROM {refused_name(target)}) "
            f"THEN {sql_literal(FOLLOWS + column.name)}"
            for column, target in self.required
        )
        return f"CASE {cases} ELSE {alias}.{REASON} END" if cases else f"{alias}.{REASON}"


@dataclass(frozen=True)
class Handed:
    """Landing rows of a unit: the relation, DuckDB types of its columns, how their source writes, and the local days they are of."""

    relation: str
    kinds: dict[str, str]
    reading: Reading
    days: Collection[dt.date] | None = None

    def typed(self, table: Table, carried: tuple[str, ...]) -> str:
        """SQL of the rows in contract types, with what is carried along."""
        return typed_select(table, self.relation, self.kinds, carried, reading=self.reading, days=self.days)


def refused_name(target: Table) -> str:
    """Temporary table of the keys that are refused tonight of a table that is referred to."""
    return f"_refused_{target.name}"


def _raw(name: str) -> str:
    """What was handed over for a column, carried along beside what was read of it."""
    return quoted(f"_raw_{name}")


def _raw_text(name: str) -> str:
    return f"CAST({_raw(name)} AS VARCHAR)"


def _judged(shape: Shape, suite: Suite, handed: Handed) -> str:
    """SQL of the landing rows in contract types, each with its own reason, what it refers to in vain, and whether it is set aside."""
    raw = (f"{quoted(column.name)} AS {_raw(column.name)}" for column in shape.table.columns)
    carried = (*raw, FILE, "_problem", "_text", ARRIVAL, POSITION)
    typed = handed.typed(shape.table, carried)
    has_key, timed = _known_key(shape)
    return (
        f"SELECT t.*, COALESCE(_problem, {reason_sql(suite.critical)}) AS {OWN}, {shape.missing('t')} AS {MISSING}, "
        f"{has_key} AS {HAS_KEY}, {has_key}{timed} AS {COMPETES}, {_warned(suite)} AS _warned FROM ({typed}) AS t"
    )


def _refused(shape: Shape) -> str:
    """SQL of the rows of ``_judged`` that are refused or cannot compete, with what is shown of them."""
    return (
        f"SELECT {shape.columns}, {OWN}, {MISSING}, {HAS_KEY}, {COMPETES}, _warned, {FILE}, {ARRIVAL}, {POSITION}, "
        f"{shape.shown_key} AS {KEY}, COALESCE(replace(_text, chr(0), '␀'), {shape.shown_row}) AS {ROW} "
        f"FROM _judged WHERE {OWN} IS NOT NULL OR {MISSING} IS NOT NULL OR NOT {COMPETES}"
    )


def _read(shape: Shape, suite: Suite, handed: Handed) -> str:
    """SQL of the landing rows in contract types, each with whether nothing is against it (``_is_good``).

    Nearly all are good, and said by themselves they cost half: no reason is worked out, no text made.
    """
    carried = (FILE, "_problem", ARRIVAL, POSITION)
    typed = handed.typed(shape.table, carried)
    has_key, timed = _known_key(shape)
    failing = "".join(f" AND ({check.failing}) IS NOT TRUE" for check in suite.critical)
    there = f" AND {shape.missing('t')} IS NULL" if shape.required else ""
    return (
        f"SELECT {shape.columns}, {_warned(suite)} AS _warned, {FILE}, {ARRIVAL}, {POSITION}, "
        f"COALESCE({has_key}{timed}{failing}{there}, FALSE) AS _is_good FROM ({typed}) AS t"
    )


def decision(shape: Shape, suite: Suite, handed: Handed) -> str:
    """The SQL that decides on a unit's rows, as text: what it says has changed where this has."""
    return _read(shape, suite, handed) + _judged(shape, suite, handed) + _refused(shape)


_NOTHING = (
    f"CAST(NULL AS VARCHAR) AS {OWN}, CAST(NULL AS VARCHAR) AS {MISSING}, TRUE AS {HAS_KEY}, TRUE AS {COMPETES}, "
    f"CAST(NULL AS VARCHAR) AS {KEY}, CAST(NULL AS VARCHAR) AS {ROW}"
)
"""What refused rows say and good ones do not keep: it is the same for all of them."""


def take_up(duck: duckdb.DuckDBPyConnection, shape: Shape, suite: Suite, handed: Handed) -> None:
    """Fill the temporary view ``_fresh``: the landing rows in contract types, with what is against them."""
    # What is worked out is stored before it is filtered by: a filter over it would have it worked out twice, and planned
    # for longer than a small table takes.
    duck.execute(f"CREATE OR REPLACE TEMP TABLE _read AS {_read(shape, suite, handed)}")
    fresh = f"SELECT * EXCLUDE (_is_good), {_NOTHING} FROM _read"
    [(others,)] = duck.execute("SELECT COUNT(*) FILTER (WHERE NOT _is_good) FROM _read").fetchall()
    if others:
        duck.execute(f"CREATE OR REPLACE TEMP TABLE _judged AS {_judged(shape, suite, handed)}")
        duck.execute(f"CREATE OR REPLACE TEMP TABLE _refused AS {_refused(shape)}")
        duck.execute("DROP TABLE _judged")
        fresh += " WHERE _is_good UNION ALL BY NAME SELECT * FROM _refused"
    duck.execute(f"CREATE OR REPLACE TEMP VIEW _fresh AS {fresh}")


def _known_key(shape: Shape) -> tuple[str, str]:
    """Conditions over typed rows, alias ``t``: the key could be read; and, to be added, the time that decides."""
    table = shape.table
    known = ["_problem IS NULL"]
    for name in table.key:
        known += [f"t.{quoted(name)} IS NOT NULL", f"NOT t.{quoted(unparsed(table.column(name)))}"]
    if is_interval(table):
        # A row whose local time is not known names no interval.
        known += [f"NOT t.{quoted(mark(table.column(START)))}" for mark in (unclear, filling)]
    return " AND ".join(known), f" AND t.{quoted(table.version)} IS NOT NULL" if table.version else ""


def _warned(suite: Suite) -> str:
    warnings = [check.failing for check in suite.checks if check.severity == "warning"]
    return " OR ".join(f"COALESCE({failing}, FALSE)" for failing in warnings) or "FALSE"


def repeats_sql(shape: Shape) -> str:
    """SQL over ``_fresh`` and ``_repeated``: keys that one file gives with values that differ, and rows lost by that.

    Rows that the contract ranks (an estimate and what was measured) are meant to stand beside one another.
    """
    rank = f", f.{quoted(shape.table.prefer[0])}" if shape.table.prefer else ""
    key = ", ".join(f"f.{quoted(name)}" for name in shape.table.key)
    said = ", ".join(f"f.{quoted(column.name)}" for column in shape.table.columns)
    return (
        f"WITH said AS (SELECT {key}, f.{FILE}, COUNT(DISTINCT hash({said})) AS d FROM _fresh AS f "
        f"SEMI JOIN _repeated AS r ON {shape.same_key('f', 'r')} WHERE f.{COMPETES} GROUP BY {key}, f.{FILE}{rank}) "
        "SELECT COUNT(*) FILTER (WHERE d > 1), COALESCE(SUM(d - 1) FILTER (WHERE d > 1), 0) FROM said"
    )


@dataclass(frozen=True)
class Stored:
    """What is known of a unit (a table, or some of its days) before tonight, as relations; None where nothing is.

    ``left`` is a condition over accepted rows, alias ``a``: what they refer to was taken away. ``withdrawn`` is one over
    rows set aside that do not compete: their file was read again.
    """

    accepted: str | None
    aside: str | None
    left: str = "FALSE"
    withdrawn: str = "FALSE"


def settle(session: DuckDBSession, shape: Shape, stored: Stored) -> bool:
    """Decide on the keys that ``_fresh`` and changed references touch; returns whether any key repeats (``_repeated``).

    Fills the temporary tables ``_touched`` (keys decided anew), ``_held`` (one row per touched key) and ``_lost`` (the others,
    each with ``_conflicting``), both with the columns of ``_fresh``. Where nothing stored is touched and no key repeats,
    ``_held`` is a view of ``_fresh``.
    """
    duck = session.duck
    fresh = (
        f"SELECT {shape.columns}, {OWN}, {MISSING}, {HAS_KEY}, {COMPETES}, _warned, {FILE}, {ARRIVAL}, {POSITION}, {KEY}, {ROW}, "
        f"TRUE AS _is_fresh FROM _fresh WHERE {COMPETES}"
    )
    known = _known(session, shape, stored)
    relation = f"({fresh})"
    if known:
        duck.execute(f"CREATE OR REPLACE TEMP TABLE _candidate AS {fresh} UNION ALL BY NAME {known}")
        relation = "_candidate"
    if not _may_repeat(duck, shape, relation):
        duck.execute(f"CREATE OR REPLACE TEMP VIEW _held AS SELECT * FROM {relation}")
        duck.execute(f"CREATE OR REPLACE TEMP TABLE _lost AS SELECT *, FALSE AS {CONFLICTING} FROM {relation} WHERE FALSE")  # fmt: skip
        return False
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE _repeated AS SELECT {shape.key} FROM {relation} GROUP BY {shape.key} HAVING COUNT(*) > 1"
    )
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE _placed AS SELECT c.*, ROW_NUMBER() OVER (PARTITION BY {shape.key} ORDER BY {shape.order}) AS _place, "
        f"hash({shape.columns}) AS _said, {shape.moment} AS _moment FROM {relation} AS c SEMI JOIN _repeated AS r ON {shape.same_key('c', 'r')}"
    )
    duck.execute(
        f"CREATE OR REPLACE TEMP VIEW _held AS SELECT c.* FROM {relation} AS c ANTI JOIN _repeated AS r ON {shape.same_key('c', 'r')} "
        "UNION ALL BY NAME SELECT * EXCLUDE (_place, _said, _moment) FROM _placed WHERE _place = 1"
    )
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE _lost AS SELECT p.* EXCLUDE (_place, _said, _moment), "
        f"p._said <> h._said AND p._moment IS NOT DISTINCT FROM h._moment AS {CONFLICTING} "
        f"FROM _placed AS p JOIN _placed AS h ON {shape.same_key('p', 'h')} AND h._place = 1 WHERE p._place > 1"
    )
    return True


def _may_repeat(duck: duckdb.DuckDBPyConnection, shape: Shape, relation: str) -> bool:
    """Whether any key may repeat, which is seldom so: asked in the cheapest way there is."""

    def says(sql: str) -> bool:
        return bool(duck.execute(sql).fetchall()[0][0])

    if is_interval(shape.table) and not says(may_overlap_sql(shape.table, relation)):
        return says(repeated_sql(shape.table, relation))
    # Hashes are told apart faster than keys.
    return says(f"SELECT COUNT(*) <> COUNT(DISTINCT hash({shape.key})) FROM {relation}")


def _known(session: DuckDBSession, shape: Shape, stored: Stored) -> str | None:
    """Fills ``_touched``; SQL of the stored rows that compete for those keys, but for what files say no longer."""
    duck = session.duck
    parts = []
    if stored.accepted:
        parts.append(
            f"SELECT {shape.columns}, CAST(NULL AS VARCHAR) AS {OWN}, {FILE}, {ARRIVAL}, CAST(NULL AS BIGINT) AS {POSITION}, "
            f"CAST(NULL AS VARCHAR) AS {ROW} FROM {stored.accepted}"
        )
    if stored.aside:
        parts.append(
            f"SELECT {shape.columns}, {OWN}, {FILE}, {ARRIVAL}, {POSITION}, {ROW} FROM {stored.aside} WHERE {COMPETES}"
        )
    if not parts:
        return None
    touched = [f"SELECT {shape.key} FROM _fresh WHERE {HAS_KEY}"]
    if stored.aside:
        # What lacked something is asked again: it may have come.
        touched.append(
            f"SELECT {shape.key} FROM {stored.aside} WHERE {COMPETES} AND {REASON} IS NOT NULL AND {OWN} IS NULL"
        )
    if stored.accepted and stored.left != "FALSE":
        touched.append(f"SELECT {shape.key} FROM {stored.accepted} AS a WHERE {stored.left}")
    duck.execute(f"CREATE OR REPLACE TEMP TABLE _touched AS {' UNION '.join(touched)}")
    said_again = f"SELECT DISTINCT {shape.key}, {FILE} FROM _fresh WHERE {HAS_KEY}"
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE _kept AS SELECT s.* FROM ({' UNION ALL BY NAME '.join(parts)}) AS s "
        f"SEMI JOIN _touched AS k ON {shape.same_key('s', 'k')} "
        f"ANTI JOIN ({said_again}) AS f ON {shape.same_key('s', 'f')} AND s.{FILE} = f.{FILE}"
    )
    if not duck.execute("SELECT 1 FROM _kept LIMIT 1").fetchall():
        return None
    return (
        f"SELECT {shape.columns}, {OWN}, {shape.missing('s')} AS {MISSING}, TRUE AS {HAS_KEY}, TRUE AS {COMPETES}, FALSE AS _warned, "
        f"{FILE}, {ARRIVAL}, {POSITION}, {shape.read_key} AS {KEY}, COALESCE({ROW}, {shape.read_row}) AS {ROW}, FALSE AS _is_fresh FROM _kept AS s"
    )


def new_accepted(shape: Shape, stored: Stored) -> str:
    """SQL of the unit's accepted rows after ``settle``."""
    day = f", CAST({quoted(str(shape.table.since))} AS DATE) AS {DAY}" if shape.table.by_day else ""
    held = (
        f"SELECT {shape.columns}, {FILE}, {ARRIVAL}{day} FROM _held WHERE COALESCE({OWN}, {MISSING}) IS NULL"
    )
    if not stored.accepted:
        return held
    listed = f"{shape.columns}, {FILE}, {ARRIVAL}" + (f", {DAY}" if shape.table.by_day else "")
    return (
        f"{held} UNION ALL BY NAME SELECT {listed} FROM {stored.accepted} AS a "
        f"WHERE NOT EXISTS (SELECT 1 FROM _touched AS k WHERE {shape.same_key('a', 'k')})"
    )


def overlapping(shape: Shape, body: str) -> str:
    """SQL of accepted rows that another one lies over (``_overlapped`` has their keys), as rows to set aside."""
    return (
        f"SELECT {shape.columns}, {shape.read_key} AS {KEY}, {shape.read_row} AS {ROW}, CAST(NULL AS VARCHAR) AS {OWN}, "
        f"{sql_literal(OVERLAP)} AS {REASON}, {FILE}, {ARRIVAL}, CAST(NULL AS BIGINT) AS {POSITION}, TRUE AS {HAS_KEY}, "
        f"TRUE AS {COMPETES}, FALSE AS {CONFLICTING}, {DAY} FROM ({body}) AS b SEMI JOIN _overlapped AS o ON {shape.same_key('b', 'o')}"
    )


def new_aside(shape: Shape, stored: Stored, run_id: str, as_of: str, more: str | None = None) -> str:
    """SQL of the unit's rows set aside after ``settle``, and of ``more``; ``_seen`` says when a refused row was seen first."""
    day = (
        f", COALESCE(CAST({quoted(str(shape.table.since))} AS DATE), DATE '{NO_DAY}') AS {DAY}"
        if shape.table.by_day
        else ""
    )
    reason = f"COALESCE({OWN}, {MISSING})"

    def rows(relation: str, why: str, conflicting: str) -> str:
        return (
            f"SELECT {shape.columns}, {KEY}, CASE WHEN {OWN} IS NOT NULL OR {why} IS NOT NULL THEN {ROW} END AS {ROW}, {OWN}, {why} AS {REASON}, "
            f"{FILE}, {ARRIVAL}, {POSITION}, {HAS_KEY}, {COMPETES}, {conflicting} AS {CONFLICTING}{day} FROM {relation}"
        )

    fresh = [
        rows(f"_held WHERE {reason} IS NOT NULL", reason, "FALSE"),
        rows("_lost", "CAST(NULL AS VARCHAR)", CONFLICTING),
        rows(f"_fresh WHERE NOT {COMPETES}", f"COALESCE({OWN}, {MISSING}, 'required:{shape.table.key[0]}')", "FALSE"),
    ]  # fmt: skip
    if more:
        fresh.append(more)
    said_of = {REASON: f"{shape.followed('n')} AS {REASON}"}
    own = [*(quoted(column.name) for column in shape.table.columns), *ASIDE_TYPES]
    columns = ", ".join(said_of.get(name, f"n.{name}") for name in own if name not in (RUN_ID, FIRST_SEEN))
    columns += f", n.{DAY}" if shape.table.by_day else ""
    said = f"CASE WHEN n.{REASON} IS NOT NULL THEN {sql_literal(run_id)} END AS {RUN_ID}"
    seen = f"CASE WHEN n.{REASON} IS NOT NULL THEN LEAST(COALESCE(s.first_seen, {as_of}), {as_of}) END AS {FIRST_SEEN}"
    sql = (
        f"SELECT {columns}, {said}, {seen} FROM ({' UNION ALL BY NAME '.join(fresh)}) AS n "
        f"LEFT JOIN _seen AS s ON s.row = n.{ROW} AND n.{REASON} IS NOT NULL"
    )
    if not stored.aside:
        return sql
    keep = (
        f"CASE WHEN a.{COMPETES} THEN NOT EXISTS (SELECT 1 FROM _touched AS k WHERE {shape.same_key('a', 'k')}) "
        f"ELSE NOT ({stored.withdrawn}) END"
    )
    return f"{sql} UNION ALL BY NAME SELECT a.* FROM {stored.aside} AS a WHERE {keep}"
