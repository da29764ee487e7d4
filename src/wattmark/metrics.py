"""Figures of a night for monitoring, as a text file that Prometheus' node exporter collects.

A file, because a night is a batch: nothing is there to be asked between two nights, and what a failed one left must
stay to be alarmed on. ``metrics.textfile`` names it; it is replaced in one step at the end of each night, failed or not.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import duckdb
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from wattmark.atomic import write_atomically
from wattmark.errors import SettingsError
from wattmark.home import Home
from wattmark.lake import Lake
from wattmark.quality.reading import sql_literal
from wattmark.run import Run
from wattmark.settings import Settings

FINDINGS = "findings.audit_exception"
RECONCILIATION = "quality.reconciliation"
OUTCOMES = ("read", "accepted", "quarantined", "superseded", "warned")
STATES = ("running", "succeeded", "failed")


def _folder(settings: Settings, run: Run) -> Path:
    return Home(settings.home).steps / run.run_id


def note_step(settings: Settings, run: Run, step: str, seconds: float, *, done: bool) -> None:
    """Remember how long a step of a run took; a step that is run again replaces what it left."""
    name = step.replace("/", "_").replace(" ", "_")
    write_atomically(
        _folder(settings, run) / f"{name}.json",
        json.dumps({"step": step, "seconds": round(seconds, 3), "done": done}),
    )


def write_metrics(settings: Settings, run: Run, state: str) -> Path | None:
    """Write the figures of a run that has ended.

    Args:
        settings: the home's settings; nothing is written where they name no file.
        run: the run.
        state: ``succeeded`` or ``failed``.

    Returns:
        the file, or None.

    Raises:
        SettingsError: the file cannot be written.
    """
    target = settings.metrics.textfile
    if target is None:
        return None
    registry = CollectorRegistry()

    def gauge(name: str, said: str, *labels: str) -> Gauge:
        return Gauge(f"wattmark_night_{name}", said, labels, registry=registry)

    midnight = dt.datetime.combine(run.as_of, dt.time(), settings.zone)
    gauge("as_of_timestamp_seconds", "Start of the local day that the newest night speaks for.").set(
        midnight.timestamp()
    )
    gauge("end_timestamp_seconds", "When the newest night ended.").set(time.time())
    ended = gauge("state", "1 for the state in which the newest night ended.", "state")
    for known in STATES:
        ended.labels(known).set(known == state)
    durations = gauge("step_duration_seconds", "How long each step took.", "step", "state")
    for step in _steps(settings, run):
        durations.labels(step["step"], "done" if step["done"] else "failed").set(step["seconds"])
    rows = gauge("rows", "Rows of a source table by what became of them.", "table", "outcome")
    for table, *counts in _reconciled(settings, run):
        for outcome, count in zip(OUTCOMES, counts, strict=True):
            rows.labels(table, outcome).set(count or 0)
    findings = gauge("findings", "Findings of the audit by severity.", "severity")
    for severity, count in _findings(settings, run):
        findings.labels(severity).set(count)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(target), registry)
    except OSError as error:
        raise SettingsError(
            "metrics.unwritable",
            f"{target}: {error.strerror}.",
            "Name a file in metrics.textfile that the pipeline may write.",
        ) from None
    return target


def _steps(settings: Settings, run: Run) -> list[dict[str, Any]]:
    return [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(_folder(settings, run).glob("*.json"))
    ]


def _of_run(settings: Settings, run: Run, table: str, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query over a table of the lake; none where this run has not written it."""
    lake = Lake(settings.lake)
    if lake.note(table).get("run_id") != run.run_id:
        return []
    files = lake.files(table)
    if not files:
        return []
    listed = ", ".join(sql_literal(file) for file in files)
    with duckdb.connect(config={"threads": settings.compute.threads}) as duck:
        found: list[tuple[Any, ...]] = duck.execute(
            query.format(table=f"read_parquet([{listed}])")
        ).fetchall()
        return found


def _reconciled(settings: Settings, run: Run) -> list[tuple[Any, ...]]:
    counts = ", ".join(f"{outcome}_rows" for outcome in OUTCOMES)
    return _of_run(
        settings, run, RECONCILIATION, f"SELECT source_table, {counts} FROM {{table}} ORDER BY source_table"
    )


def _findings(settings: Settings, run: Run) -> list[tuple[Any, ...]]:
    return _of_run(settings, run, FINDINGS, "SELECT severity, COUNT(*) FROM {table} GROUP BY 1 ORDER BY 1")
