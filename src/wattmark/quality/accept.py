"""Validate: good rows into accepted, bad ones into quarantine with their reason, every row counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from wattmark.contract import Contract, Table, load_contract
from wattmark.contract.model import DAY
from wattmark.engine.session import DuckDBSession
from wattmark.errors import QualityError
from wattmark.lake import Lake
from wattmark.quality.checks import Suite, reason_sql, suites
from wattmark.quality.landing import LANDING, landed
from wattmark.quality.typed import quoted, sql_literal, typed_select
from wattmark.run import Run
from wattmark.settings import Settings

QUARANTINE_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("row", pa.string()),
        ("reason", pa.string()),
        ("file", pa.string()),
        ("run_id", pa.string()),
        ("first_seen", pa.date32()),
    ]
)
RECONCILIATION = "quality.reconciliation"
FOLLOWS = "follows:"
ROWS_AT_ONCE = 2_000_000
"""Rows of whole days that are taken up together."""
SORTED_AT_ONCE = 6_000_000
"""Rows that are sorted at a time; a day may have many more."""


@dataclass(frozen=True)
class Reconciled:
    """What became of the rows read of one table; ``read_rows`` is the sum of the other three.

    ``warned_rows`` counts rows that passed with a warning; ``reasons`` rows set aside by reason. A row that
    refers to a refused one is set aside as well (``follows:<column>``) and not counted as a fault of its own.
    """

    source_table: str
    read_rows: int
    accepted_rows: int
    quarantined_rows: int
    superseded_rows: int
    warned_rows: int
    reasons: dict[str, int]

    @property
    def faulty_rows(self) -> int:
        """Rows set aside for a fault of their own."""
        return sum(count for reason, count in self.reasons.items() if not reason.startswith(FOLLOWS))


def accept_all(settings: Settings, run: Run) -> list[Reconciled]:
    """Validate and merge all tables in the order of their required references.

    Raises:
        QualityError: a table has more bad rows than it tolerates, or a row is unaccounted for. Nothing
            has been published by then, and the watermark has not moved.
    """
    contract = load_contract(settings.include / "contract" / "source-model.yaml")
    all_suites = suites(contract, settings.project / "expectations")
    done = []
    stopped: list[str] = []
    with DuckDBSession(settings, run) as session:
        for name in contract.load_order():
            result = _accept(session, contract, all_suites[name])
            done.append(result)
            if all_suites[name].stops(result.read_rows, result.faulty_rows):
                worst = ", ".join(
                    f"{reason} ({count:,})"
                    for reason, count in sorted(result.reasons.items(), key=lambda item: -item[1])[:3]
                )
                stopped.append(
                    f"{name}: {result.faulty_rows:,} of {result.read_rows:,} rows refused, over the tolerated "
                    f"{all_suites[name].tolerate:.1%}: {worst}"
                )
    rows = [{key: value for key, value in asdict(one).items() if key != "reasons"} for one in done]
    Lake(settings.lake).replace(RECONCILIATION, pa.Table.from_pylist(rows), metadata={"run_id": run.run_id})
    if stopped:
        raise QualityError(
            "quality.too_many",
            f"Nothing was published. {'; '.join(stopped)}.",
            "Look at the refused rows in the lake's quarantine tables and the Data Docs, mend the source and rerun; "
            "or raise `tolerate` in expectations/<table>.yaml.",
        )
    return done


def _kinds(session: DuckDBSession, relation: str) -> dict[str, str]:
    names = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
    described = session.duck.execute(f"DESCRIBE {relation}").fetchall()
    return {row[0]: names.get(row[1], row[1]) for row in described}


def _accept(session: DuckDBSession, contract: Contract, suite: Suite) -> Reconciled:
    table = suite.table
    name = table.name
    source = f"{LANDING}.{name}"
    session.see([source])
    kinds = _kinds(session, source)
    note = landed(session.settings, session.run, name)
    columns = [column.name for column in table.columns]
    raw = ", ".join(f"{quoted(column)} := {quoted(column)}" for column in columns)
    key_text = " || '|' || ".join(f"COALESCE(CAST({quoted(column)} AS VARCHAR), '')" for column in table.key)
    refs = [(column.name, target) for column, target in contract.required_refs(table)]
    for _, target in refs:
        session.see([f"accepted.{target.name}"])
    carried = (f"struct_pack({raw}) AS _raw", f"{key_text} AS _key", "_file", "_problem", "_text")
    missing = " ".join(
        f"WHEN t.{quoted(column)} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM accepted.{target.name} AS r WHERE r.{quoted(target.key[0])} = t.{quoted(column)}) "
        f"THEN {sql_literal(f'ref:{column}')}"
        for column, target in refs
    )
    reason = (
        f"COALESCE(_problem, {reason_sql(suite.critical)}{', CASE ' + missing + ' END' if missing else ''})"
    )
    warned = (
        " OR ".join(
            f"COALESCE({check.failing}, FALSE)" for check in suite.checks if check.severity == "warning"
        )
        or "FALSE"
    )
    listed = ", ".join(quoted(column) for column in columns)
    session.duck.execute(
        "CREATE OR REPLACE TEMP TABLE _refused AS SELECT CAST(NULL AS VARCHAR) AS key, CAST(NULL AS VARCHAR) AS row, CAST(NULL AS VARCHAR) AS reason, CAST(NULL AS VARCHAR) AS file WHERE FALSE"
    )

    def checked(where: str) -> str:
        typed = typed_select(
            table, f"(SELECT * FROM {source} WHERE {where})", kinds, carried, reading=note.reading
        )
        return f"SELECT {listed}, {reason} AS _reason, {warned} AS _warned, _raw, _key, _file, _text FROM ({typed}) AS t"

    if table.by_day:
        counts = _accept_days(session, table, note.whole, checked, listed)
    else:
        counts = _accept_table(session, table, note.whole, checked("TRUE"), listed)
    accepted, superseded, warned_rows = counts
    for column, target in refs:
        if session.lake.exists(f"quarantine.{target.name}"):
            session.see([f"quarantine.{target.name}"])
            session.duck.execute(
                f"UPDATE _refused SET reason = {sql_literal(FOLLOWS + column)} WHERE reason = {sql_literal('ref:' + column)} "
                f"AND json_extract_string(row, {sql_literal('$.' + column)}) IN (SELECT key FROM quarantine.{target.name})"
            )
    quarantined = _one(session, "SELECT COUNT(*) FROM _refused")
    reasons = dict(
        session.duck.execute(
            "SELECT reason, COUNT(*) FROM (SELECT CASE WHEN reason LIKE 'csv line%' THEN 'csv' ELSE reason END AS reason FROM _refused) GROUP BY 1 ORDER BY 1"
        ).fetchall()
    )
    _keep_quarantine(session, table, note.whole)
    result = Reconciled(name, note.rows, accepted, quarantined, superseded, warned_rows, reasons)
    if result.read_rows != accepted + result.quarantined_rows + superseded:
        raise QualityError(
            "quality.lost_rows",
            f"{name}: {result.read_rows:,} rows were read, but {accepted:,} accepted, {result.quarantined_rows:,} quarantined and "
            f"{superseded:,} superseded make {accepted + result.quarantined_rows + superseded:,}.",
            "This is an error of the pipeline: nothing was published; report it with the run's log.",
        )
    return result


_REFUSE = """INSERT INTO _refused SELECT _key, COALESCE(_text, CAST(to_json(_raw) AS VARCHAR)), _reason, _file FROM _checked WHERE _reason IS NOT NULL"""


def _newest(table: Table, relation: str, listed: str) -> str:
    """Of rows with one key the newest by the since column; ties by content, so the choice is repeatable."""
    key = ", ".join(quoted(column) for column in table.key)
    newest = (
        f"{quoted(table.since)} DESC NULLS LAST, " if table.since and table.since not in table.key else ""
    )
    return f"SELECT {listed} FROM {relation} QUALIFY ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY {newest}_row_hash DESC) = 1"


def _has_duplicates(session: DuckDBSession, relation: str, table: Table) -> bool:
    key = ", ".join(quoted(column) for column in table.key)
    return (
        session.duck.execute(
            f"SELECT 1 FROM {relation} GROUP BY {key} HAVING COUNT(*) > 1 LIMIT 1"
        ).fetchall()
        != []
    )


def _one(session: DuckDBSession, sql: str) -> int:
    return int(session.duck.execute(sql).fetchall()[0][0])


def _take(session: DuckDBSession, table: Table, checked: str, listed: str) -> tuple[int, int]:
    """Fill the temporary tables _good (newest row a key) and _refused; returns rows superseded and warned."""
    duck = session.duck
    duck.execute(
        f"CREATE OR REPLACE TEMP TABLE _checked AS SELECT {listed}, _reason, _warned, CASE WHEN _reason IS NOT NULL THEN _raw END AS _raw, CASE WHEN _reason IS NOT NULL THEN _key END AS _key, CASE WHEN _reason IS NOT NULL THEN _file END AS _file, _text FROM ({checked})"
    )
    duck.execute(_REFUSE)
    good = _one(session, "SELECT COUNT(*) FROM _checked WHERE _reason IS NULL")
    warned = _one(session, "SELECT COUNT(*) FROM _checked WHERE _reason IS NULL AND _warned")
    duck.execute("CREATE OR REPLACE TEMP VIEW _good AS SELECT * FROM _checked WHERE _reason IS NULL")
    if _has_duplicates(session, "_good", table):
        hashed = f"(SELECT *, md5(CAST(struct_pack({listed}) AS VARCHAR)) AS _row_hash FROM _checked WHERE _reason IS NULL)"
        duck.execute(f"CREATE OR REPLACE TEMP TABLE _newest AS {_newest(table, hashed, listed)}")
        duck.execute("CREATE OR REPLACE TEMP VIEW _good AS SELECT * FROM _newest")
        return good - _one(session, "SELECT COUNT(*) FROM _good"), warned
    return 0, warned


def _accept_table(
    session: DuckDBSession, table: Table, whole: bool, checked: str, listed: str
) -> tuple[int, int, int]:
    lake, duck, name = session.lake, session.duck, f"accepted.{table.name}"
    superseded, warned = _take(session, table, checked, listed)
    partition = [table.partition] if table.partition else []
    order = f" ORDER BY {quoted(_clustering(table))}"
    metadata = {"run_id": session.run.run_id}
    if whole or not lake.exists(name):
        accepted = _one(session, "SELECT COUNT(*) FROM _good")
        lake.replace(
            name,
            duck.sql(f"SELECT {listed} FROM _good{order}").to_arrow_reader(),
            partition_by=partition,
            metadata=metadata,
        )
    else:
        session.see([name])
        join = " AND ".join(f"o.{quoted(column)} = n.{quoted(column)}" for column in table.key)
        since = quoted(table.since or table.key[0])
        # A row that comes again from before, but older than the one accepted, is superseded by it.
        stale = f"EXISTS (SELECT 1 FROM {name} AS o WHERE {join} AND o.{since} > n.{since})"
        duck.execute(
            f"CREATE OR REPLACE TEMP TABLE _merge AS SELECT {listed} FROM _good AS n WHERE NOT {stale}"
        )
        accepted = _one(session, "SELECT COUNT(*) FROM _merge")
        superseded += _one(session, "SELECT COUNT(*) FROM _good") - accepted
        if accepted:
            where = None
            if table.partition:
                touched = duck.execute(
                    f"SELECT DISTINCT {quoted(table.partition)} FROM _merge ORDER BY 1"
                ).fetchall()
                where = f"{table.partition} IN ({', '.join(repr(str(row[0])) for row in touched)})"
            old = f"SELECT {listed} FROM {name} AS o WHERE {where or 'TRUE'} AND NOT EXISTS (SELECT 1 FROM _merge AS n WHERE {join})"
            lake.replace(
                name, duck.sql(f"SELECT * FROM ({old} UNION ALL SELECT {listed} FROM _merge){order}").to_arrow_reader(),
                partition_by=partition, where=where, metadata=metadata,
            )  # fmt: skip
        duck.execute("DROP TABLE _merge")
    session.forget(name)
    duck.execute("DROP VIEW IF EXISTS _good; DROP TABLE IF EXISTS _newest; DROP TABLE _checked")
    return accepted, superseded, warned


def _clustering(table: Table) -> str:
    """Column that rows lie sorted by, so that one account's or point's rows are found without a full scan."""
    names = [column.name for column in table.columns]
    for candidate in ("account_id", "customer_id", "metering_point_id", "transformer_id"):
        if candidate in names:
            return candidate
    return table.key[0]


def _accept_days(
    session: DuckDBSession, table: Table, whole: bool, checked: Any, listed: str
) -> tuple[int, int, int]:
    """Some days at a time: their rows are merged by key; days that come out other than they were are replaced."""
    lake, duck, name = session.lake, session.duck, f"accepted.{table.name}"
    metadata = {"run_id": session.run.run_id}
    fields = ", ".join(
        f"CAST(NULL AS {column.duckdb_type}) AS {quoted(column.name)}" for column in table.columns
    )
    empty = duck.sql(f"SELECT {fields}, CAST(NULL AS DATE) AS {DAY} WHERE FALSE").to_arrow_table()
    if not lake.exists(name) or (whole and lake.schema(name).names != empty.schema.names):
        lake.replace(name, empty, partition_by=[DAY], metadata=metadata)
    have = set(lake.partition_values(name, DAY))
    batches = _batches(session, f"{LANDING}.{table.name}")
    if whole and (gone := have - {str(day) for batch in batches for day in batch}):
        lake.replace(name, empty, where=_days_in(gone), metadata=metadata)
    join = " AND ".join(f"o.{quoted(column)} = n.{quoted(column)}" for column in table.key)
    order = quoted(_clustering(table))
    totals = [0, 0, 0]
    for batch in batches:
        here = _days_in(str(day) for day in batch) if batch[0] else f"{DAY} IS NULL"
        superseded, warned = _take(session, table, checked(here), listed)
        accepted = _one(session, "SELECT COUNT(*) FROM _good")
        # A day read whole may have lost its last good row.
        if batch[0] and (accepted or whole):
            session.see([name])
            body = f"SELECT {listed}, CAST({quoted(str(table.since))} AS DATE) AS {DAY} FROM _good AS n"
            if not whole and have & {str(day) for day in batch}:
                body += f" UNION ALL SELECT {listed}, {DAY} FROM {name} AS o WHERE {here} AND NOT EXISTS (SELECT 1 FROM _good AS n WHERE {join})"
            if changed := _changed_days(
                session, body, f"SELECT {listed}, {DAY} FROM {name} WHERE {here}", listed
            ):
                where = _days_in(changed)
                rows = _in_order(session, f"SELECT * FROM ({body}) WHERE {where}", accepted, order)
                lake.replace(name, rows, partition_by=[DAY], where=where, metadata=metadata)
        duck.execute("DROP VIEW IF EXISTS _good; DROP TABLE IF EXISTS _newest; DROP TABLE _checked")
        totals = [total + more for total, more in zip(totals, (accepted, superseded, warned), strict=True)]
    session.forget(name)
    return totals[0], totals[1], totals[2]


def _batches(session: DuckDBSession, source: str) -> list[list[Any]]:
    """Days of landing, so many together as bound the memory of taking them up; rows without a day go alone."""
    batches: list[list[Any]] = []
    rows = 0
    counts = session.duck.execute(f"SELECT {DAY}, COUNT(*) FROM {source} GROUP BY 1 ORDER BY 1 NULLS FIRST")
    for day, count in counts.fetchall():
        if not batches or batches[-1][-1] is None or rows + count > ROWS_AT_ONCE:
            batches.append([])
            rows = 0
        batches[-1].append(day)
        rows += count
    return batches


def _days_in(days: Iterable[str]) -> str:
    """Predicate that DuckDB and Delta both read."""
    return f"{DAY} IN ({', '.join(sql_literal(day) for day in sorted(days))})"


def _in_order(session: DuckDBSession, body: str, rows: int, column: str) -> pa.RecordBatchReader:
    """Rows by day and a text column, sorted a range of the column at a time where they are many."""
    duck = session.duck
    edges = []
    if (slices := -(-rows // SORTED_AT_ONCE)) > 1:
        seen = duck.execute(
            f"SELECT {column} FROM _good USING SAMPLE reservoir({slices * 100} ROWS) REPEATABLE (1) ORDER BY 1"
        ).fetchall()
        edges = sorted({seen[len(seen) * part // slices][0] for part in range(1, slices)})
    ranges = [
        " AND ".join(
            f"{column} {sign} {sql_literal(edge)}"
            for sign, edge in ((">=", low), ("<", high))
            if edge is not None
        )
        or "TRUE"
        for low, high in zip([None, *edges], [*edges, None], strict=True)
    ]
    queries = [f"SELECT * FROM ({body}) WHERE {one} ORDER BY {DAY}, {column}" for one in ranges]
    schema = duck.sql(f"{body} LIMIT 0").to_arrow_table().schema
    return pa.RecordBatchReader.from_batches(
        schema, (batch for query in queries for batch in duck.sql(query).to_arrow_reader())
    )


def _changed_days(session: DuckDBSession, new: str, old: str, listed: str) -> list[str]:
    """Days whose rows differ; what is the same is not written again, so that nothing is built anew from it."""
    marks = (
        f"SELECT {DAY}, COUNT(*) AS n, SUM(CAST(hash({listed}) AS HUGEINT)) AS mark FROM ({{}}) GROUP BY 1"
    )
    found = session.duck.execute(
        f"SELECT DISTINCT COALESCE(n.{DAY}, o.{DAY}) FROM ({marks.format(new)}) AS n FULL JOIN ({marks.format(old)}) AS o "
        f"ON o.{DAY} = n.{DAY} AND o.n = n.n AND o.mark = n.mark WHERE o.n IS NULL OR n.n IS NULL ORDER BY 1"
    )
    return [str(row[0]) for row in found.fetchall()]


def _keep_quarantine(session: DuckDBSession, table: Table, whole: bool) -> None:
    """Put the refused rows in place of the table's quarantine.

    Of a table read in parts, rows refused on an earlier day stay until their key is read again.
    """
    lake, duck, name = session.lake, session.duck, f"quarantine.{table.name}"
    earlier = "SELECT key, row, reason, file, run_id, first_seen FROM _earlier"
    if lake.exists(name):
        session.see([name])
        duck.execute(
            f"CREATE OR REPLACE TEMP TABLE _earlier AS SELECT * FROM {name} WHERE run_id <> {sql_literal(session.run.run_id)}"
        )
    else:
        duck.execute(
            "CREATE OR REPLACE TEMP TABLE _earlier (key VARCHAR, row VARCHAR, reason VARCHAR, file VARCHAR, run_id VARCHAR, first_seen DATE)"
        )
    rows = (
        f"SELECT r.key, r.row, r.reason, r.file, {sql_literal(session.run.run_id)} AS run_id, "
        f"COALESCE((SELECT MIN(e.first_seen) FROM _earlier AS e WHERE e.row = r.row), {sql_literal(session.run.as_of)}) AS first_seen FROM _refused AS r"
    )
    if not whole:
        landing_keys = " || '|' || ".join(
            f"COALESCE(CAST({quoted(column)} AS VARCHAR), '')" for column in table.key
        )
        rows += f" UNION ALL {earlier} WHERE key NOT IN (SELECT {landing_keys} FROM {LANDING}.{table.name})"
    lake.replace(
        name,
        duck.sql(f"SELECT * FROM ({rows}) ORDER BY ALL").to_arrow_table().cast(QUARANTINE_SCHEMA),
        metadata={"run_id": session.run.run_id},
    )
    session.forget(name)
    duck.execute("DROP TABLE _earlier; DROP TABLE _refused")
