"""Seconds, rows and peak memory of each step of a night, at two sizes, and the interval roll-up as a ratio.

    python benchmarks/night.py [--accounts 3000 --accounts 12000] [--folder DIR]

Each step runs in a process of its own, so its peak memory is its own. The roll-up (facts.interval_daily, from all
days) is compared with one hand-written DuckDB query over the same Parquet files, in turns, in this run.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from wattmark import night
from wattmark.lake import Lake
from wattmark.local import services
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import FolderSink

HAND_WRITTEN = """
SELECT metering_point_id, day, COUNT(*) AS intervals, SUM(interval_minutes) AS minutes,
       COUNT(kwh) FILTER (WHERE quality = 'measured') AS measured, COUNT(kwh) FILTER (WHERE quality = 'estimated') AS estimated,
       SUM(good) AS kwh, SUM(kwh) FILTER (WHERE quality = 'measured') AS measured_kwh,
       SUM(good) FILTER (WHERE hour BETWEEN 8 AND 11 OR hour BETWEEN 17 AND 21) AS peak_kwh,
       SUM(good) FILTER (WHERE hour >= 23 OR hour < 7) AS valley_kwh, SUM(good) FILTER (WHERE hour < 6) AS night_kwh,
       MAX(good * 60 / interval_minutes) AS max_kw, MAX(kwh * 60 / interval_minutes) AS highest_kw, MIN(kwh) AS lowest_kwh
FROM (SELECT *, EXTRACT(HOUR FROM interval_start) AS hour,
             CASE WHEN quality IN ('measured', 'estimated') THEN kwh END AS good
      FROM read_parquet(?, hive_partitioning = true, hive_types = {'day': DATE}))
GROUP BY ALL
"""


def _child(work: Callable[..., Any], args: tuple[Any, ...], pipe: Any) -> None:
    started = time.perf_counter()
    result = work(*args)
    pipe.send(
        (time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, result)
    )


def measured(work: Callable[..., Any], *args: Any) -> tuple[float, float, Any]:
    """Seconds, peak memory in MB and result of work done in a process of its own."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_child, args=(work, args, theirs))
    process.start()
    theirs.close()
    try:
        answer: tuple[float, float, Any] = mine.recv()
    except EOFError:
        raise SystemExit(f"{work.__name__} failed") from None
    process.join()
    return answer


def extract_all(settings: Settings, run: Run) -> int:
    return sum(night.extract(settings, run, table)["rows"] for table in night.tables(settings))


def judge_all(settings: Settings, run: Run) -> int:
    night.judge(settings, run, night.tables(settings))
    return 0


def accept_all(settings: Settings, run: Run) -> int:
    return night.accept(settings, run)["accepted"]


def build(settings: Settings, run: Run, layer: str) -> int:
    return sum(night.build(settings, run, layer).values())


def audit(settings: Settings, run: Run, scored: bool) -> int:
    return sum(night.audit(settings, run, scored=scored).values())


def root_causes(settings: Settings, run: Run) -> int:
    return night.root_causes(settings, run)["explained"]


def publish(settings: Settings, run: Run) -> int:
    return sum(night.publish(settings, run).values())


def make_sample(accounts: int, folder: Path) -> int:
    return sum(generate(SamplePlan(accounts=accounts), FolderSink(folder, "parquet")).rows.values())


def roll_up_ratio(settings: Settings, run: Run, rounds: int = 5) -> tuple[float, float, float]:
    """Median seconds of our roll-up and of the hand-written query, and the median of their ratios."""
    from wattmark.engine.session import DuckDBSession

    ours: list[float] = []
    theirs: list[float] = []
    files = Lake(settings.lake).files("accepted.interval_reading")
    with DuckDBSession(settings, run) as session:
        definition = session.catalog.tables["facts.interval_daily"]
        session.see(sorted(definition.references))
        text = session.text_of(definition)
        for _ in range(rounds):
            started = time.perf_counter()
            session.duck.sql(text).to_arrow_table()
            ours.append(time.perf_counter() - started)
            with duckdb.connect(
                config={
                    "threads": settings.compute.threads,
                    "memory_limit": f"{settings.compute.memory_limit_mb}MB",
                }
            ) as plain:
                plain.execute(f"SET TimeZone = '{settings.zone.key}'")
                started = time.perf_counter()
                plain.execute(HAND_WRITTEN, [files]).to_arrow_table()
                theirs.append(time.perf_counter() - started)
    return (
        statistics.median(ours),
        statistics.median(theirs),
        statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, action="append", help="size; may be given more than once")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder where left out")
    given = parser.parse_args()
    console = Console()
    work = given.folder or Path(tempfile.mkdtemp(prefix="wattmark-bench-"))
    work.chmod(0o755)
    run = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
    try:
        for accounts in given.accounts or [3000, 12000]:
            source, home = work / f"source-{accounts}", work / f"home-{accounts}"
            settings = load_settings(home, sources=[{"location": str(source)}])
            table = Table(
                "step", "seconds", "rows", "peak MB", title=f"{accounts:,} accounts", title_justify="left"
            )
            steps: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
                ("sample", make_sample, (accounts, source)),
                ("extract", extract_all, (settings, run)),
                ("judge", judge_all, (settings, run)),
                ("accept", accept_all, (settings, run)),
                *(
                    (layer, build, (settings, run, layer))
                    for layer in ("core", "facts", "segment", "campaign")
                ),
                ("audit rules", audit, (settings, run, False)),
                ("audit scored rules", audit, (settings, run, True)),
                ("audit root causes", root_causes, (settings, run)),
                *((layer, build, (settings, run, layer)) for layer in ("kpi", "mart", "mart_pii")),
                ("publish", publish, (settings, run)),
            ]
            services.up(settings, airflow=False)
            try:
                for name, step, args in steps:
                    seconds, peak_mb, rows = measured(step, *args)
                    table.add_row(name, f"{seconds:.1f}", f"{rows:,}", f"{peak_mb:,.0f}")
            finally:
                services.down(settings)
            console.print(table)
            ours, theirs, ratio = roll_up_ratio(settings, run)
            console.print(
                f"interval roll-up: {ours:.2f} s, hand-written {theirs:.2f} s, ratio {ratio:.2f} (at most 1.5)"
            )
    finally:
        if not given.folder:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
