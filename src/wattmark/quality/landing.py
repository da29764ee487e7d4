"""Extract: a table from its source into landing, as it was handed over."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from wattmark.atomic import write_atomically
from wattmark.contract import Table, load_contract
from wattmark.contract.model import DAY
from wattmark.engine.session import DuckDBSession
from wattmark.errors import QualityError
from wattmark.lake import Lake
from wattmark.quality.checks import quoted
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark.sources import Watermark, source_of
from wattmark.sources.base import FILE, PROBLEM, TEXT
from wattmark.sources.files import FileSource
from wattmark.state import watermarks_before

LANDING = "landing"

_KEPT_TYPES = (
    "VARCHAR",
    "BIGINT",
    "INTEGER",
    "SMALLINT",
    "TINYINT",
    "DOUBLE",
    "FLOAT",
    "BOOLEAN",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
)


@dataclass(frozen=True)
class Landed:
    """What was read of one table; ``whole`` says it is all there is, not a part since the watermark."""

    table: str
    rows: int
    whole: bool
    unknown: tuple[str, ...]
    absent: tuple[str, ...]
    files: dict[str, tuple[int, int]]


def _note(settings: Settings, run: Run, table: str) -> Path:
    return settings.home / "state" / "landing" / run.run_id / f"{table}.json"


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
    return Landed(**{**raw, "unknown": tuple(raw["unknown"]), "absent": tuple(raw["absent"]), "files": files})


def kept_type(kind: str) -> str | None:
    """Type to cast a source's column to where the lake cannot hold the source's own; None keeps it."""
    if kind in _KEPT_TYPES or kind.startswith("DECIMAL"):
        return None
    if kind.startswith("TIMESTAMP"):
        return "TIMESTAMP"
    return "BIGINT" if kind in ("UTINYINT", "USMALLINT", "UINTEGER") else "VARCHAR"


def extract(settings: Settings, run: Run, name: str, *, full_refresh: bool = False) -> Landed:
    """Read one table into ``landing.<name>``, replacing what an earlier try left there.

    Args:
        settings: the home's settings.
        run: the run; its date decides which watermark counts.
        name: a contract table.
        full_refresh: read everything, whatever the watermark says.

    Raises:
        SourceError: the table or a required column is missing, or a file is broken; names it.
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
        extracted = source.extract(table, after, dt.timedelta(days=settings.extract.lookback_days))
        with DuckDBSession(settings, run) as session:
            counted = _land(session, lake, table, extracted.rows)
            rejects = source.rejects() if isinstance(source, FileSource) else []
            if rejects:
                counted += _append_rejects(lake, table, rejects)
    finally:
        source.close()
    result = Landed(name, counted, extracted.whole, extracted.unknown, extracted.absent, extracted.files)
    write_atomically(_note(settings, run, name), json.dumps(asdict(result)))
    return result


def _land(session: DuckDBSession, lake: Lake, table: Table, rows: pa.RecordBatchReader) -> int:
    session.duck.register("_incoming", rows)
    kinds = {
        field.name: kind
        for field, kind in zip(
            rows.schema, session.duck.sql("SELECT * FROM _incoming LIMIT 0").types, strict=True
        )
    }
    items = []
    for column, kind in kinds.items():
        cast = kept_type(str(kind))
        items.append(f"CAST({quoted(column)} AS {cast}) AS {quoted(column)}" if cast else quoted(column))
    partition: list[str] = []
    if table.by_day and table.since:
        items.append(f"CAST(TRY_CAST({quoted(table.since)} AS TIMESTAMPTZ) AS DATE) AS {DAY}")
        partition = [DAY]
    # The relation above was only described; the reader itself is read once, here.
    session.duck.register("_incoming", rows)
    reader = session.duck.sql(f"SELECT {', '.join(items)} FROM _incoming").to_arrow_reader()
    count = 0

    def counting() -> Any:
        nonlocal count
        for batch in reader:
            count += batch.num_rows
            yield batch

    lake.replace(
        f"{LANDING}.{table.name}",
        pa.RecordBatchReader.from_batches(reader.schema, counting()),
        partition_by=partition,
    )
    return count


def _append_rejects(lake: Lake, table: Table, rejects: list[dict[str, Any]]) -> int:
    """Lines that are not rows travel as rows with nothing but their text, so that they are counted."""
    schema = lake.schema(f"{LANDING}.{table.name}")
    rows = [{name: reject.get(name) for name in schema.names} for reject in rejects]
    lake.append(f"{LANDING}.{table.name}", pa.Table.from_pylist(rows, schema=schema))
    return len(rejects)


__all__ = ["DAY", "FILE", "LANDING", "PROBLEM", "TEXT", "Landed", "extract", "landed"]
