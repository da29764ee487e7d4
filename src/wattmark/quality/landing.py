"""Extract: a table from its source into landing, as it was handed over."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from wattmark.atomic import write_atomically
from wattmark.contract import Table, load_contract
from wattmark.contract.model import DAY
from wattmark.engine.duck import own_duck
from wattmark.engine.session import DuckDBSession
from wattmark.errors import QualityError, SourceError, WattmarkError
from wattmark.home import Home
from wattmark.lake import Counted, Lake
from wattmark.quality.reading import MINUTES, Reading, is_interval, reading_of
from wattmark.quality.typed import with_day
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark.sources import Watermark, source_of
from wattmark.sources.base import ARRIVAL, FILE, POSITION, PROBLEM, TEXT
from wattmark.watermarks import watermarks_before

LANDING = "landing"


@dataclass(frozen=True)
class Landed:
    """What was read of one table; ``whole`` says it is all there is, not a part since the watermark.

    ``read_files`` names the files whose rows landed, as ``_file`` does: a file of an earlier night among them changed.
    ``written`` is how its source writes (``reading``), as plain values.
    ``left_out`` names files that lie with the table's and are of no kind that is read.
    ``since_from`` is the earliest moment from which a database was asked for a part, as in ``Extracted``.
    ``provided`` is false where no source has the table, which is optional.
    ``keys`` is how many keys were read to be compared, None where the night compares none; ``deletions`` then says what
    its source sets (``Deletions``), as plain values.
    """

    table: str
    rows: int
    whole: bool
    unknown: tuple[str, ...]
    absent: tuple[str, ...]
    files: dict[str, tuple[int, int]]
    read_files: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    since_from: dt.datetime | None = None
    written: dict[str, Any] = field(default_factory=dict)
    provided: bool = True
    keys: int | None = None
    deletions: dict[str, Any] = field(default_factory=dict)

    @property
    def reading(self) -> Reading:
        """How the rows are to be read."""
        return Reading.from_json(self.written)


def _note(settings: Settings, run: Run, table: str) -> Path:
    return Home(settings.home).landing_notes / run.run_id / f"{table}.json"


def landed(settings: Settings, run: Run, table: str) -> Landed:
    """What ``extract`` noted of a table in this run.

    Raises:
        QualityError: the run has not extracted it, or it must be read anew since.
    """
    note = _note(settings, run, table)
    if not note.exists():
        raise QualityError(
            "quality.not_landed",
            f"{table} has not been read in the run {run.run_id}, or its table was mended since.",
            "Run the night again from its first task, so that it is read from its source.",
        )
    raw: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
    files = {path: (entry[0], entry[1]) for path, entry in raw["files"].items()}
    lists = {name: tuple(raw[name]) for name in ("unknown", "absent", "read_files", "left_out")}
    since = dt.datetime.fromisoformat(raw["since_from"]) if raw["since_from"] else None
    return Landed(**{**raw, **lists, "files": files, "since_from": since})


def landing_kinds(duck: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """DuckDB type of each column of a relation."""
    return {row[0]: row[1] for row in duck.execute(f"DESCRIBE {relation}").fetchall()}


def extract(settings: Settings, run: Run, name: str, *, full_refresh: bool = False) -> Landed:
    """Read one table into ``landing.<name>``, replacing what an earlier try left there.

    Args:
        settings: the home's settings.
        run: the run; its date decides which watermark counts.
        name: a contract table.
        full_refresh: read everything, whatever the watermark says.

    Raises:
        SourceError: the table or a required column is missing, or a file is broken; names it. An optional table may be
            missing, unless its rows were taken up before: then its source lost it.
    """
    contract = load_contract(settings.include / "contract" / "source-model.yaml")
    table = contract.tables[name]
    lake = Lake(settings.lake)
    known = lake.exists(f"accepted.{name}")
    after: Watermark | None = (
        None if full_refresh or not known else watermarks_before(settings, run).get(name)
    )
    source = source_of(table, contract, settings)
    try:
        reading = reading_of(source.settings, table, settings.zone)
        extracted = source.extract(table, after, dt.timedelta(days=settings.extract.lookback_days))
        if not extracted.provided and not full_refresh and known and _has_rows(settings, run, name):
            raise SourceError(
                "source.missing_table",
                f"table {name} is in none of the sources any more; rows of it were taken up before.",
                "Provide the table (it may be empty); or take leave of its rows by a full refresh (--full-refresh).",
            )
        counted = _landed_rows(settings, table, extracted.rows, reading, f"{LANDING}.{name}")
        keys, deletions = None, source.settings.deletions
        if deletions and deletions.is_on(run.as_of) and not extracted.whole:
            # After the rows: what is added in between is compared with nothing, and what goes is gone.
            narrow = keys_of(table)
            all_keys = source.extract(narrow, None, dt.timedelta()).rows
            keys = _landed_rows(settings, narrow, all_keys, reading, landing_of_keys(name))
    finally:
        source.close()
    result = Landed(
        name,
        counted,
        extracted.whole,
        extracted.unknown,
        extracted.absent,
        extracted.files,
        read_files=extracted.read_files,
        left_out=extracted.left_out,
        since_from=extracted.since_from,
        written=reading.to_json(),
        provided=extracted.provided,
        keys=keys,
        deletions=deletions.model_dump(mode="json") if deletions and keys is not None else {},
    )
    note = {**asdict(result), "since_from": result.since_from and result.since_from.isoformat()}
    write_atomically(_note(settings, run, name), json.dumps(note))
    return result


def landing_of_keys(name: str) -> str:
    """Where the keys of a contract table land that are compared with those known."""
    return f"{LANDING}.{name}_key"


def keys_of(table: Table) -> Table:
    """A contract table with nothing but its key, and what it takes to read that."""
    names = {*table.key, *([MINUTES] if is_interval(table) else [])}
    return replace(table, columns=tuple(column for column in table.columns if column.name in names))


def _landed_rows(
    settings: Settings, table: Table, incoming: pa.RecordBatchReader, reading: Reading, name: str
) -> int:
    """Put rows of a source into a table of the lake; returns how many."""
    rows, broke = _watched(incoming)
    try:
        compute = settings.compute
        engine = _engine(compute.threads, compute.memory_limit_mb, settings.scratch)
        with engine.cursor() as duck:
            duck.execute("SET enable_progress_bar = false")
            duck.execute(f"SET TimeZone = '{settings.zone.key}'")
            return _land(duck, Lake(settings.lake), table, rows, reading, name)
    except Exception:
        if broke:
            raise broke[0] from None
        raise


def _has_rows(settings: Settings, run: Run, name: str) -> bool:
    with DuckDBSession(settings, run) as session:
        return bool(session.query(f"SELECT 1 AS one FROM accepted.{name} LIMIT 1").read_all().num_rows)


def _watched(rows: pa.RecordBatchReader) -> tuple[pa.RecordBatchReader, list[WattmarkError]]:
    """The rows, and what the source says where they end early: engines in between make another error of it."""
    broke: list[WattmarkError] = []

    def watching() -> Iterator[pa.RecordBatch]:
        try:
            yield from rows
        except WattmarkError as error:
            broke.append(error)
            raise

    return pa.RecordBatchReader.from_batches(rows.schema, watching()), broke


@lru_cache(maxsize=1)
def _engine(threads: int, memory_limit_mb: int, scratch: Path) -> duckdb.DuckDBPyConnection:
    """What rows pass through on their way, started once for all tables that a process reads; holds nothing itself."""
    return own_duck(threads, memory_limit_mb, scratch)


def _land(
    duck: duckdb.DuckDBPyConnection,
    lake: Lake,
    table: Table,
    rows: pa.RecordBatchReader,
    reading: Reading,
    name: str,
) -> int:
    duck.register("_incoming", rows.schema.empty_table())
    kinds = landing_kinds(duck, "_incoming")
    partition: list[str] = []
    select = "SELECT * FROM _incoming"
    if table.by_day and table.since in [column.name for column in table.columns]:
        select = with_day(table, "_incoming", kinds, reading, DAY)
        partition = [DAY]
    duck.register("_incoming", rows)
    counted = Counted(duck.sql(select).to_arrow_reader())
    lake.replace(name, counted.reader, partition_by=partition)
    return counted.rows


__all__ = [
    "ARRIVAL",
    "DAY",
    "FILE",
    "LANDING",
    "POSITION",
    "PROBLEM",
    "TEXT",
    "Landed",
    "extract",
    "landed",
    "landing_kinds",
]
