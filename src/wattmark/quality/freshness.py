"""How fresh and how complete the source is: what each night brought, kept for nights to come.

``quality.source_intake`` holds one row per source table and night. ``mart.source_freshness`` compares the newest night
with those before it; ``unusual`` says in words what is behind or short.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa

from wattmark import notices
from wattmark.contract import Table, load_contract
from wattmark.contract.model import DAY
from wattmark.contract.types import schema_of
from wattmark.engine.produced import PRODUCED
from wattmark.engine.session import DuckDBSession
from wattmark.lake import Lake
from wattmark.quality.landing import landed
from wattmark.quality.reading import quoted
from wattmark.quality.reconciled import RECONCILIATION
from wattmark.run import Run
from wattmark.settings import Settings

log = logging.getLogger(__name__)

INTAKE = "quality.source_intake"
FRESHNESS = "mart.source_freshness"
KEPT_NIGHTS = 400
GAP_DAYS = 400
"""Days before the newest row in which the usual distance between days with rows is looked for."""
RHYTHM_DAYS = 5
"""Fewest days with rows that say how often a table has any."""

SCHEMA = schema_of(PRODUCED[INTAKE])


def time_column(table: Table) -> str | None:
    """The column that says when a row happened or changed; None where the table has none."""
    if table.since:
        return table.since
    return next((column.name for column in table.columns if column.event_time), None)


def note_intake(settings: Settings, run: Run) -> int:
    """Keep what a night brought of each table, once its rows are accepted; replaces an earlier try of its date.

    Returns:
        tables noted.
    """
    lake = Lake(settings.lake)
    contract = load_contract(settings.include / "contract" / "source-model.yaml")
    rows: list[dict[str, object]] = []
    with DuckDBSession(settings, run) as session:
        session.see([RECONCILIATION, *([INTAKE] if lake.exists(INTAKE) else [])])
        read: dict[str, int] = dict(
            session.duck.execute(f"SELECT source_table, fresh_rows FROM {RECONCILIATION}").fetchall()
        )
        before = _newest_before(session) if lake.exists(INTAKE) else {}
        for name, table in contract.tables.items():
            rows.append(_intake(session, table, read.get(name, 0), before.get(name)))
        kept = (
            session.query(
                f"SELECT * FROM {INTAKE} WHERE as_of <> $as_of AND as_of > $as_of - {KEPT_NIGHTS}"
            ).read_all()
            if lake.exists(INTAKE)
            else None
        )
    made = pa.Table.from_pylist(rows, schema=SCHEMA)
    everything = pa.concat_tables([kept.cast(SCHEMA), made]) if kept is not None else made
    lake.replace(INTAKE, everything, metadata={"run_id": run.run_id})
    return len(rows)


def _newest_before(session: DuckDBSession) -> dict[str, dt.datetime]:
    """Newest time known of each table at the last night before the run's."""
    return dict(
        session.duck.execute(
            f"SELECT source_table, ARG_MAX(newest_at, as_of) FROM {INTAKE} WHERE as_of < $1 GROUP BY 1",
            [session.run.as_of],
        ).fetchall()
    )


def _intake(
    session: DuckDBSession, table: Table, read_rows: int, before: dt.datetime | None
) -> dict[str, object]:
    """What one table brought. A table of snapshots has no new rows: all it hands over is what it has."""
    row: dict[str, object] = {
        "as_of": session.run.as_of,
        "source_table": table.name,
        "newest_at": None,
        "newest_on": None,
        "read_rows": read_rows,
        "new_rows": read_rows if table.since is None else None,
        "usual_gap_days": None,
    }
    column = time_column(table)
    if column is None:
        return row
    session.see([f"accepted.{table.name}"])
    time = quoted(column)
    accepted = f"accepted.{table.name}"
    end = session.run.scalars()["as_of_end"]
    # Rows of the future are mistakes of a clock; they make nothing fresh. Partitions by day spare the rest of a table.
    recent = (
        f" AND {quoted(DAY)} >= (SELECT MAX({quoted(DAY)}) FROM {accepted} WHERE {quoted(DAY)} <= $as_of)"
        if table.by_day
        else ""
    )
    values = {"as_of_end": end, "as_of": session.run.as_of}
    used = {name: value for name, value in values.items() if f"${name}" in recent or name == "as_of_end"}
    newest = session.duck.execute(
        f"SELECT MAX(CAST({time} AS TIMESTAMPTZ)), CAST(MAX(CAST({time} AS TIMESTAMPTZ)) AS DATE) FROM {accepted} "
        f"WHERE CAST({time} AS TIMESTAMPTZ) < $as_of_end{recent}",
        used,
    ).fetchall()
    row["newest_at"], row["newest_on"] = newest[0]
    if row["newest_at"] is None:
        return row
    row["usual_gap_days"] = usual_gap(_days(session, table, time), newest[0][1])
    if table.since is not None and before is not None:
        since_day = f" AND {quoted(DAY)} >= CAST($before AS DATE)" if table.by_day else ""
        found = session.duck.execute(
            f"SELECT COUNT(*) FROM {accepted} WHERE {time} > $before AND {time} < $as_of_end{since_day}",
            {"before": before, "as_of_end": end},
        ).fetchall()
        row["new_rows"] = found[0][0]
    elif table.since is not None and not landed(session.settings, session.run, table.name).whole:
        row["new_rows"] = read_rows
    return row


def _days(session: DuckDBSession, table: Table, time: str) -> list[dt.date]:
    """Local days with rows."""
    name = f"accepted.{table.name}"
    if table.by_day:
        # Known to the table's log; its rows are not read.
        known = session.lake.partition_values(name, DAY)
        return [dt.date.fromisoformat(day) for day in known if day[:1].isdigit()]
    rows = session.duck.execute(
        f"SELECT DISTINCT CAST(CAST({time} AS TIMESTAMPTZ) AS DATE) FROM {name} WHERE {time} IS NOT NULL"
    ).fetchall()
    return [row[0] for row in rows]


def usual_gap(days: Iterable[dt.date], newest: dt.date) -> int | None:
    """Longest distance between neighbouring days of the ``GAP_DAYS`` up to the newest.

    Returns:
        days; None where fewer than ``RHYTHM_DAYS`` days have rows, which says nothing about how often they come.
    """
    first = newest - dt.timedelta(days=GAP_DAYS)
    held = sorted(day for day in set(days) if first < day <= newest)
    if len(held) < RHYTHM_DAYS:
        return None
    return max((later - earlier).days for earlier, later in pairwise(held))


@dataclass(frozen=True)
class Unusual:
    """One table that is behind or short, and the sentence that says so."""

    source_table: str
    text: str


def unusual(settings: Settings, run: Run) -> tuple[list[Unusual], list[Unusual]]:
    """Tables that are stale, and tables that brought fewer rows than usual, by ``mart.source_freshness``."""
    with DuckDBSession(settings, run) as session:
        session.see([FRESHNESS])
        rows = session.duck.execute(
            f"SELECT source_table, newest_at, days_behind, rows_tonight, usual_rows, is_stale, is_short FROM {FRESHNESS} "
            "WHERE is_stale OR is_short ORDER BY 1"
        ).fetchall()
    stale, short = [], []
    for table, newest_at, behind, tonight, usual, is_stale, is_short in rows:
        if is_stale:
            stale.append(
                Unusual(
                    table,
                    f"{table}: the newest row is of {newest_at:%Y-%m-%d %H:%M %Z}, {behind} days behind",
                )
            )
        if is_short:
            short.append(Unusual(table, f"{table}: {tonight:,} rows tonight, usually {usual:,.0f}"))
    return stale, short


def tell_less_data(settings: Settings, run: Run) -> dict[str, int]:
    """Tell that a published night brought less data than usual; returns counts, and never fails the night."""
    try:
        stale, short = unusual(settings, run)
    except Exception as error:  # a notice that fails must not fail anything else
        log.error("Whether the night brought all its data is not known: %s", type(error).__name__)
        return {}
    if stale or short:
        lines = [table.text for table in [*stale, *short]]
        for line in lines:
            log.warning("%s", line)
        # Airflow names the run in the environment of its tasks.
        dag_id = os.environ.get("AIRFLOW_CTX_DAG_ID", "nightly")
        run_id = os.environ.get("AIRFLOW_CTX_DAG_RUN_ID", run.run_id)
        title = f"The night {run.as_of} was published, and brought less data than usual"
        notices.send(
            settings,
            notices.Notice("less_data", dag_id, run_id, title, tuple(lines), run.as_of.isoformat(), notices.run_link(dag_id, run_id)),
        )  # fmt: skip
    return {"stale": len(stale), "short": len(short)}
