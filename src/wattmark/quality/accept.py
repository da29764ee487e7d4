"""Validate: good rows into accepted, bad ones into quarantine with their reason, every row counted.

Which row of a key holds is decided in holding.py. Here the rows of a night meet what is known of their table, unit by
unit: a table at once, or some days of one that is kept by day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa

from wattmark.contract import Contract, Table, load_contract
from wattmark.contract.model import DAY
from wattmark.engine.session import DuckDBSession
from wattmark.errors import QualityError
from wattmark.lake import Lake
from wattmark.quality import holding
from wattmark.quality.checks import Suite, suites
from wattmark.quality.deleted import compare_keys
from wattmark.quality.holding import ASIDE_TYPES, FOLLOWS, NO_DAY, REFERS, Handed, Shape, Stored
from wattmark.quality.intervals import may_overlap_sql, overlapped_sql
from wattmark.quality.landing import LANDING, Landed, landed, landing_kinds
from wattmark.quality.ordered import ROWS_AT_ONCE, clustered_by, days_in, in_order
from wattmark.quality.reading import FILLER, quoted, sql_literal
from wattmark.quality.reconciled import (
    CONFLICTING_ROW,
    CONFLICTING_SCHEMA,
    QUARANTINE_SCHEMA,
    RECONCILIATION,
    RECONCILIATION_SCHEMA,
    Fresh,
    Reconciled,
)
from wattmark.quality.references import References
from wattmark.quality.settled import Ground, mark_of_rows, note_settled, settled
from wattmark.quality.shown import examples
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark.sources.base import ARRIVAL, FILE

TRACE_TYPES = {FILE: "VARCHAR", ARRIVAL: "BIGINT"}
"""Columns of accepted rows beside the contract's: where a row stood, and when that arrived."""


def accept_all(settings: Settings, run: Run) -> list[Reconciled]:
    """Validate and merge all tables in the order of their required references.

    Raises:
        QualityError: a table has more bad rows than it tolerates, a delivery repeats its keys with other values, or a row
            is unaccounted for. Nothing has been published by then, and the watermark has not moved.
    """
    contract = load_contract(settings.include / "contract" / "source-model.yaml")
    all_suites = suites(contract, settings.project / "expectations")
    done = []
    stopped: list[str] = []
    conflicts = []
    with DuckDBSession(settings, run) as session:
        deleted = compare_keys(session, contract)
        for name in contract.load_order():
            taken = _TableAcceptance(session, contract, all_suites[name])
            result = replace(taken.accept(), deleted_rows=deleted.get(name))
            done.append(result)
            stopped += taken.stopped(result)
            if result.conflicting_rows:
                conflicts.append(taken.conflicting())
    lake = Lake(settings.lake)
    named = pa.concat_tables([CONFLICTING_SCHEMA.empty_table(), *conflicts])
    lake.replace(CONFLICTING_ROW, named, metadata={"run_id": run.run_id})
    rows = [{key: value for key, value in asdict(table).items() if key != "reasons"} for table in done]
    lake.replace(
        RECONCILIATION, pa.Table.from_pylist(rows, RECONCILIATION_SCHEMA), metadata={"run_id": run.run_id}
    )
    if stopped:
        raise QualityError(
            "quality.too_many",
            f"Nothing was published. {'; '.join(stopped)}.",
            "Look at the refused rows in the lake's quarantine tables and the Data Docs, mend the source and rerun; "
            "or raise `tolerate` or `repeats` in expectations/<table>.yaml.",
        )
    return done


def _count(session: DuckDBSession, sql: str) -> int:
    """The one whole number that a query gives."""
    return int(session.duck.execute(sql).fetchall()[0][0])


class _TableAcceptance:
    """One table's night: what was read meets what is known."""

    def __init__(self, session: DuckDBSession, contract: Contract, suite: Suite) -> None:
        self.session, self.suite, self.table = session, suite, suite.table
        self.duck, self.lake = session.duck, session.lake
        self.shape = Shape(self.table, tuple(contract.required_refs(self.table)))
        self.note: Landed = landed(session.settings, session.run, self.table.name)
        self.landing = f"{LANDING}.{self.table.name}"
        self.accepted, self.aside = f"accepted.{self.table.name}", f"aside.{self.table.name}"
        self.quarantine = f"quarantine.{self.table.name}"
        # A table without a since column is read whole each night: nothing of before is needed.
        self.whole = self.note.whole or self.table.since is None
        self.fresh = Fresh()

    # --- a night -----------------------------------------------------------------------------------

    def accept(self) -> Reconciled:
        """Take up the landing rows; returns what is known of the table afterwards."""
        self.session.see([self.landing])
        self.kinds = landing_kinds(self.duck, self.landing)
        own = [self.accepted, self.aside, self.quarantine]
        if as_before := settled(self.session, self.table.name, self._ground(), own):
            self.fresh = Fresh(**as_before["fresh"])
            return Reconciled(**as_before["known"])
        self._prepare()
        references = References(self.session, self.shape)
        left = "FALSE" if self.whole else references.left()
        if self.table.by_day:
            self._accept_days(left)
        else:
            self._accept_table(left)
        references.keep()
        self._keep_quarantine()
        result = self._reconcile()
        self._note_settled(result, own)
        return result

    def _ground(self, *, nothing_more: bool = False) -> Ground:
        """What tonight's decision rests on; what a night rests on to which nothing more was handed over."""
        note, landing, kinds = self.note, "decided each night", self.kinds
        if nothing_more or not (note.rows or note.read_files or self.whole):
            # Of what types no rows are says nothing.
            landing, kinds = "nothing", {column.name: column.duckdb_type for column in self.table.columns}
        elif self.table.since is None:
            landing = mark_of_rows(self.session, self.landing)
        how = (self.shape, self.suite, Handed("landing", kinds, note.reading))
        sql = holding.decision(*how)
        referred = [
            f"{layer}.{target.name}"
            for _, target in self.shape.required
            for layer in ("accepted", "quarantine")
        ]
        return Ground.of(self.session, sql, landing, referred)

    def _note_settled(self, result: Reconciled, own: list[str]) -> None:
        """Note what came of the night, unless the next one has to ask again whatever it is handed."""
        asked_again = any(
            self.table.since is None or reason.startswith((FOLLOWS, REFERS)) for reason in result.reasons
        )
        if asked_again:
            return
        known, fresh = result, self.fresh
        if self.table.since:
            known, fresh = replace(result, fresh_rows=0, fresh_faulty_rows=0), Fresh()
        ground = self._ground(nothing_more=self.table.since is not None)
        note_settled(
            self.session, self.table.name, ground, own, {"known": asdict(known), "fresh": asdict(fresh)}
        )

    def _prepare(self) -> None:
        session, name = self.session, self.table.name
        for _, target in self.shape.required:
            session.see([f"accepted.{target.name}"])
            keys = "SELECT CAST(NULL AS VARCHAR) AS key WHERE FALSE"
            if self.lake.exists(f"quarantine.{target.name}"):
                session.see([f"quarantine.{target.name}"])
                keys = f"SELECT key FROM quarantine.{target.name}"
            self.duck.execute(f"CREATE OR REPLACE TEMP TABLE {holding.refused_name(target)} AS {keys}")
        seen = "SELECT CAST(NULL AS VARCHAR) AS row, CAST(NULL AS DATE) AS first_seen WHERE FALSE"
        if self.lake.exists(self.quarantine):
            session.see([self.quarantine])
            seen = f"SELECT row, MIN(first_seen) AS first_seen FROM {self.quarantine} GROUP BY row"
        self.duck.execute(f"CREATE OR REPLACE TEMP TABLE _seen AS {seen}")
        if not self.whole and not self.lake.exists(self.aside) and self.lake.exists(self.quarantine):
            self._take_over_quarantine(name)

    def _take_over_quarantine(self, name: str) -> None:
        """Rows refused before there was ``aside``: only their text is known, and they belong to their file."""
        columns = [f"CAST(NULL AS {column.duckdb_type}) AS {quoted(column.name)}" for column in self.table.columns]  # fmt: skip
        known = {
            holding.KEY: "key", holding.ROW: "row", holding.OWN: "reason", holding.REASON: "reason", FILE: "file",
            holding.HAS_KEY: "FALSE", holding.COMPETES: "FALSE", holding.CONFLICTING: "FALSE",
            holding.RUN_ID: "run_id", holding.FIRST_SEEN: "first_seen",
        }  # fmt: skip
        columns += [
            f"CAST({known.get(column, 'NULL')} AS {kind}) AS {column}" for column, kind in ASIDE_TYPES.items()
        ]
        columns += [f"DATE '{NO_DAY}' AS {DAY}"] if self.table.by_day else []
        rows = self.duck.sql(f"SELECT {', '.join(columns)} FROM quarantine.{name}").to_arrow_table()
        self.lake.replace(self.aside, rows, partition_by=[DAY] if self.table.by_day else [])

    def _relation(self, name: str, extra: dict[str, str], where: str = "TRUE") -> str | None:
        """What is stored of the table as a relation with all of today's columns; None where nothing is."""
        if self.whole or not self.lake.exists(name):
            return None
        return self._as_today(name, extra, where)

    def _as_today(self, name: str, extra: dict[str, str], where: str) -> str:
        """Rows of a stored table with all of today's columns; one that it has not yet is empty."""
        self.session.see([name])
        have = set(self.lake.schema(name).names)
        types = {column.name: column.duckdb_type for column in self.table.columns} | extra
        if self.table.by_day:
            types[DAY] = "DATE"
        columns = ", ".join(
            quoted(column) if column in have else f"CAST(NULL AS {kind}) AS {quoted(column)}"
            for column, kind in types.items()
        )
        return f"(SELECT {columns} FROM {name} WHERE {where})"

    @property
    def _withdrawn(self) -> str:
        """Condition over rows set aside that do not compete: what they stood in was read again."""
        read = ", ".join(map(sql_literal, self.note.read_files))
        if not read:
            return "FALSE"
        asked = f"a.{FILE} IN ({read})"
        if self.note.since_from is not None and self.table.since:
            # Of a database only what is undated or from this moment on was asked for.
            since = f"a.{quoted(self.table.since)}"
            asked += f" AND ({since} IS NULL OR {since} >= {sql_literal(self.note.since_from)})"
        return asked

    def _settle(self, where: str, stored: Stored, days: list[dt.date] | None = None) -> None:
        relation = f"(SELECT * FROM {self.landing} WHERE {where})"
        how = (self.shape, self.suite, Handed(relation, self.kinds, self.note.reading, days))
        holding.take_up(self.duck, *how)
        repeats = holding.settle(self.session, self.shape, stored)
        counts = self.duck.execute(
            f"SELECT (SELECT COUNT(*) FROM _fresh), (SELECT COUNT(*) FROM _fresh WHERE NOT {holding.COMPETES}), "
            "(SELECT COUNT(*) FROM _held WHERE _is_fresh), (SELECT COUNT(*) FROM _lost WHERE _is_fresh), "
            f"(SELECT COUNT(*) FROM _held WHERE _is_fresh AND {holding.OWN} IS NOT NULL), "
            f"(SELECT COUNT(*) FROM _fresh WHERE NOT {holding.COMPETES} AND {holding.OWN} LIKE '{FILLER}%'), (SELECT COUNT(*) FROM _held WHERE NOT _is_fresh), "
            "(SELECT COUNT(*) FROM _lost WHERE NOT _is_fresh)"
        ).fetchall()[0]
        read, beside, held, lost, refused, fillers = map(int, counts[:6])
        if read != beside + held + lost:
            raise self._lost_rows(f"{read:,} rows were read, but {held:,} hold, {lost:,} are superseded and {beside:,} cannot compete")  # fmt: skip
        self.fresh.rows += read
        self.fresh.refused += beside - fillers + refused
        self.fresh.keys += held + lost
        if repeats:
            repeated, gone = self.duck.execute(holding.repeats_sql(self.shape)).fetchall()[0]
            self.fresh.keys -= int(gone)
            self.fresh.repeated_keys += int(repeated)
            self.fresh.lost_by_repeats += int(gone)

    def _lost_rows(self, what: str) -> QualityError:
        return QualityError(
            "quality.lost_rows",
            f"{self.table.name}: {what}.",
            "This is an error of the pipeline: nothing was published; report it with the run's log.",
        )

    def _new_aside(self, stored: Stored, more: str | None = None) -> str:
        run = self.session.run
        return holding.new_aside(self.shape, stored, run.run_id, sql_literal(run.as_of), more)

    @property
    def _metadata(self) -> dict[str, str]:
        return {"run_id": self.session.run.run_id}

    # --- a table at once ---------------------------------------------------------------------------

    def _accept_table(self, left: str) -> None:
        trace = TRACE_TYPES if self.table.since else {}
        stored = Stored(
            self._relation(self.accepted, trace), self._relation(self.aside, ASIDE_TYPES), left, self._withdrawn
        )  # fmt: skip
        self._settle("TRUE", stored)
        columns = self.shape.columns + "".join(f", {name}" for name in trace)
        body = f"SELECT {columns} FROM ({holding.new_accepted(self.shape, stored)})"
        order = f" ORDER BY {quoted(clustered_by(self.table))}"
        partition = [self.table.partition] if self.table.partition else []
        where = None
        if stored.accepted and self.table.partition:
            touched = self.duck.execute(f"SELECT DISTINCT {quoted(self.table.partition)} FROM _touched ORDER BY 1").fetchall()  # fmt: skip
            where = f"{self.table.partition} IN ({', '.join(repr(str(row[0])) for row in touched)})" if touched else "FALSE"  # fmt: skip
            body = f"SELECT * FROM ({body}) WHERE {where}"
        if where != "FALSE":
            reader = self.duck.sql(body + order).to_arrow_reader()
            self.lake.replace(
                self.accepted, reader, partition_by=partition, where=where, metadata=self._metadata
            )
        aside = self.duck.sql(self._new_aside(stored) + " ORDER BY ALL").to_arrow_table()
        self._replace_unless_empty(self.aside, aside)
        self._forget()

    def _forget(self) -> None:
        self.session.forget(self.accepted)
        self.session.forget(self.aside)
        self.duck.execute(
            "DROP VIEW IF EXISTS _held; DROP TABLE IF EXISTS _lost; DROP TABLE IF EXISTS _placed; DROP TABLE IF EXISTS _repeated; "
            "DROP TABLE IF EXISTS _body; DROP TABLE IF EXISTS _overlapped; DROP TABLE IF EXISTS _candidate; DROP TABLE IF EXISTS _kept; DROP TABLE IF EXISTS _touched; DROP VIEW _fresh; DROP TABLE _read; DROP TABLE IF EXISTS _refused"
        )

    # --- some days at a time -----------------------------------------------------------------------

    def _accept_days(self, left: str) -> None:
        lake = self.lake
        days_of = {
            self.accepted: self._empty(TRACE_TYPES, with_day_of=self.table),
            self.aside: self._empty(ASIDE_TYPES, with_day_of=self.table),
        }
        for name, empty in days_of.items():
            if not lake.exists(name) or (self.note.whole and lake.schema(name).names != empty.schema.names):
                lake.replace(name, empty, partition_by=[DAY], metadata=self._metadata)
        batches = self._batches(left)
        if self.note.whole:
            wanted = {str(day or NO_DAY) for batch in batches for day in batch}
            for name, empty in days_of.items():
                if gone := set(lake.partition_values(name, DAY)) - wanted:
                    lake.replace(name, empty, where=days_in(gone), metadata=self._metadata)
        for batch in batches:
            self._accept_batch([day for day in batch if day], left)

    def _accept_batch(self, dates: list[dt.date], left: str) -> None:
        """Decide on the rows of some days; of none: on those whose day could not be read."""
        lake, session = self.lake, self.session
        days, undated = list(map(str, dates)), not dates
        here = f"{DAY} IS NULL" if undated else days_in(days)
        aside_here = days_in([NO_DAY] if undated else days)
        stored = Stored(
            None if undated else self._relation(self.accepted, TRACE_TYPES, here),
            self._relation(self.aside, ASIDE_TYPES, aside_here), left, self._withdrawn,
        )  # fmt: skip
        self._settle(here, stored, dates)
        overlapping = None if undated else self._write_days(stored, days, here)
        new = self._new_aside(stored, overlapping)
        session.see([self.aside])
        if _count(
            session,
            f"SELECT (SELECT COUNT(*) FROM {self.aside} WHERE {aside_here}) + (SELECT COUNT(*) FROM ({new}))",
        ):
            lake.replace(
                self.aside,
                self.duck.sql(f"{new} ORDER BY ALL").to_arrow_table(),
                partition_by=[DAY], where=aside_here, metadata=self._metadata,
            )  # fmt: skip
        self._forget()

    def _write_days(self, stored: Stored, days: list[str], here: str) -> str | None:
        """Write the days that come out other than they were; returns SQL of accepted rows that others lie over, if any."""
        session = self.session
        columns = f"{self.shape.columns}, {FILE}, {ARRIVAL}, {DAY}"
        body = f"SELECT {columns} FROM ({holding.new_accepted(self.shape, stored)})"
        overlapping = None
        if self.duck.execute(may_overlap_sql(self.table, f"({body})")).fetchall()[0][0]:
            # What was accepted before is written over below: the rows are taken while they are there.
            self.duck.execute(f"CREATE OR REPLACE TEMP TABLE _body AS {body}")
            self.duck.execute(
                f"CREATE OR REPLACE TEMP TABLE _overlapped AS {overlapped_sql(self.table, '_body', DAY)}"
            )
            overlapping = holding.overlapping(self.shape, "SELECT * FROM _body")
            body = f"SELECT b.* FROM _body AS b ANTI JOIN _overlapped AS o ON {self.shape.same_key('b', 'o')}"
        old = f"SELECT {columns} FROM {self._as_today(self.accepted, TRACE_TYPES, here)}"
        if changed := self._changed_days(days, body, old):
            where = days_in(changed)
            if len(changed) < len(days):
                body = f"SELECT * FROM ({body}) WHERE {where}"
            order = [DAY, quoted(clustered_by(self.table))][len(changed) == 1 :]
            rows = in_order(session, body, _count(session, "SELECT COUNT(*) FROM _held"), order)
            self.lake.replace(self.accepted, rows, partition_by=[DAY], where=where, metadata=self._metadata)
        return overlapping

    def _empty(self, extra: dict[str, str], with_day_of: Table) -> pa.Table:
        types = {column.name: column.duckdb_type for column in with_day_of.columns} | extra | {DAY: "DATE"}
        fields = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in types.items())
        return self.duck.sql(f"SELECT {fields} WHERE FALSE").to_arrow_table()

    def _batches(self, left: str) -> list[list[Any]]:
        """Days to decide on, so many together as bound the memory of taking them up; rows without a day go alone."""
        counts: dict[Any, int] = dict(
            self.duck.execute(f"SELECT {DAY}, COUNT(*) FROM {self.landing} GROUP BY 1").fetchall()
        )
        if not self.note.whole:
            self.session.see([self.aside, self.accepted])
            again = (
                f"SELECT DISTINCT {DAY} FROM {self.aside} AS a WHERE CASE WHEN {holding.COMPETES} "
                f"THEN {holding.REASON} IS NOT NULL AND {holding.OWN} IS NULL ELSE {self._withdrawn} END"
            )
            if left != "FALSE":
                again += f" UNION SELECT DISTINCT {DAY} FROM {self.accepted} AS a WHERE {left}"
            for (day,) in self.duck.execute(again).fetchall():
                counts.setdefault(None if str(day) == NO_DAY else day, 0)
        batches: list[list[Any]] = []
        rows = 0
        for day in sorted(counts, key=lambda day: (day is not None, day)):
            if not batches or batches[-1][-1] is None or rows + counts[day] > ROWS_AT_ONCE:
                batches.append([])
                rows = 0
            batches[-1].append(day)
            rows += counts[day]
        return batches

    def _changed_days(self, days: list[str], new: str, old: str) -> list[str]:
        """Those of the days whose rows differ; what is the same is not written again, so that nothing is built anew from it."""
        if not self.duck.execute(f"SELECT 1 FROM ({old}) LIMIT 1").fetchall():
            return days if self.duck.execute(f"SELECT 1 FROM ({new}) LIMIT 1").fetchall() else []
        marks = (
            f"SELECT {DAY}, COUNT(*) AS n, SUM(CAST(hash({self.shape.columns}, {FILE}) AS HUGEINT)) AS mark "
            "FROM ({}) GROUP BY 1"
        )
        found = self.duck.execute(
            f"SELECT DISTINCT COALESCE(n.{DAY}, o.{DAY}) FROM ({marks.format(new)}) AS n FULL JOIN ({marks.format(old)}) AS o "
            f"ON o.{DAY} = n.{DAY} AND o.n = n.n AND o.mark = n.mark WHERE o.n IS NULL OR n.n IS NULL ORDER BY 1"
        )
        return [str(row[0]) for row in found.fetchall()]

    # --- what came of it ---------------------------------------------------------------------------

    def _keep_quarantine(self) -> None:
        """Rows set aside with a reason, as people see them."""
        self.session.see([self.aside])
        rows = self.duck.sql(
            f"SELECT {holding.KEY} AS key, {holding.ROW} AS row, {holding.REASON} AS reason, {FILE} AS file, {holding.RUN_ID} AS run_id, "
            f"{holding.FIRST_SEEN} AS first_seen FROM {self.aside} WHERE {holding.REASON} IS NOT NULL ORDER BY ALL"
        ).to_arrow_table()
        self._replace_unless_empty(self.quarantine, rows.cast(QUARANTINE_SCHEMA))
        self.session.forget(self.quarantine)

    def _replace_unless_empty(self, name: str, rows: pa.Table) -> None:
        """Write a whole table, but not nothing in place of nothing: most tables have no such rows, night after night."""
        if not rows.num_rows and self.lake.exists(name) and self.lake.schema(name).names == rows.schema.names:
            self.session.see([name])
            if not self.duck.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchall():
                return
        self.lake.replace(name, rows, metadata=self._metadata)

    def _reconcile(self) -> Reconciled:
        if self.fresh.rows != self.note.rows:
            raise self._lost_rows(f"{self.note.rows:,} rows were read, but {self.fresh.rows:,} looked at")
        session, aside = self.session, self.aside
        session.see([self.accepted, aside])
        reasons = dict(
            self.duck.execute(
                f"SELECT CASE WHEN {holding.REASON} LIKE 'csv line%' THEN 'csv' ELSE {holding.REASON} END, COUNT(*) FROM {aside} "
                f"WHERE {holding.REASON} IS NOT NULL GROUP BY 1 ORDER BY 1"
            ).fetchall()
        )
        accepted = _count(session, f"SELECT COUNT(*) FROM {self.accepted}")
        superseded = _count(session, f"SELECT COUNT(*) FROM {aside} WHERE {holding.REASON} IS NULL")
        conflicting = _count(session, f"SELECT COUNT(*) FROM {aside} WHERE {holding.REASON} IS NULL AND {holding.CONFLICTING}")  # fmt: skip
        refused = sum(reasons.values())
        return Reconciled(
            self.table.name, accepted + refused + superseded, accepted, refused, superseded, conflicting, self._warned(),
            self.fresh.rows, self.fresh.refused, reasons,
        )  # fmt: skip

    def conflicting(self) -> pa.Table:
        """The superseded rows that say something else than what holds, of the same moment."""
        self.session.see([self.aside])
        return (
            self.duck.sql(
                f"SELECT {sql_literal(self.table.name)} AS source_table, {self.shape.read_key} AS row_key, {FILE} AS file, COUNT(*) AS rows "
                f"FROM {self.aside} WHERE {holding.REASON} IS NULL AND {holding.CONFLICTING} GROUP BY ALL ORDER BY ALL"
            )
            .to_arrow_table()
            .cast(CONFLICTING_SCHEMA)
        )

    def _warned(self) -> int:
        failing = [check.failing for check in self.suite.checks if check.severity == "warning"]
        if not failing:
            return 0
        return _count(self.session, f"SELECT COUNT(*) FROM {self.accepted} WHERE {' OR '.join(f'COALESCE({name}, FALSE)' for name in failing)}")  # fmt: skip

    def _some_refused(self) -> list[tuple[str | None, str, str | None]]:
        """Some refused rows of each reason: key, reason, row."""
        self.session.see([self.aside])
        found: list[tuple[str | None, str, str | None]] = self.duck.execute(
            f"SELECT {holding.KEY}, {holding.REASON}, {holding.ROW} FROM {self.aside} WHERE {holding.REASON} IS NOT NULL "
            f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {holding.REASON} ORDER BY {holding.KEY}, {holding.ROW}) = 1 "
            f"ORDER BY COUNT(*) OVER (PARTITION BY {holding.REASON}) DESC, {holding.REASON} LIMIT 3"
        ).fetchall()
        return found

    def stopped(self, result: Reconciled) -> list[str]:
        """Why the night stops at this table; nothing where it does not."""
        said = []
        name = self.table.name
        worst = ", ".join(
            f"{reason} ({count:,})"
            for reason, count in sorted(result.reasons.items(), key=lambda item: -item[1])[:3]
        )
        if result.reasons:
            worst += f" (such as {examples(self._some_refused(), self.table)})"
        if self.suite.stops(result.read_rows, result.faulty_rows):
            said.append(f"{name}: {result.faulty_rows:,} of {result.read_rows:,} rows refused, over the tolerated {self.suite.tolerate:.1%}: {worst}")  # fmt: skip
        elif self.suite.stops(result.fresh_rows, result.fresh_faulty_rows):
            said.append(f"{name}: {result.fresh_faulty_rows:,} of {result.fresh_rows:,} rows read tonight refused, over the tolerated {self.suite.tolerate:.1%}: {worst}")  # fmt: skip
        fresh = self.fresh
        if self.suite.repeats_stop(fresh.keys, fresh.repeated_keys, fresh.lost_by_repeats):
            said.append(
                f"{name}: {fresh.repeated_keys:,} of {fresh.keys:,} keys stand several times in one file with other values, over the tolerated "
                f"{self.suite.repeats:.1%}; {fresh.lost_by_repeats:,} rows would be superseded (are the keys cut, as spreadsheets cut long numbers?)"
            )
        return said
