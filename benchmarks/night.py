"""Seconds, rows and peak memory of each step of a night, at two sizes, and the interval roll-up as a ratio.

    python benchmarks/night.py [--accounts 3000 --accounts 12000] [--folder DIR]

Each step runs in a process of its own, so its peak memory is its own. The roll-up (facts.interval_daily, from all
days) is compared with one hand-written DuckDB query over the same Parquet files, in turns, in this run.
"""

from __future__ import annotations

import datetime as dt
import statistics
import time

import duckdb
from bench import begin_anew, machine, make_sample, measured, options, settings_of, warehouse, working
from night_steps import STEPS
from rich.table import Table

from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings

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
    parser = options(__doc__)
    parser.add_argument("--accounts", type=int, action="append", help="size; may be given more than once")
    given = parser.parse_args()
    run = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
    with working(given.folder) as (work, console):
        console.print(machine())
        for accounts in given.accounts or [3000, 12000]:
            source = work / f"source-{accounts}"
            settings = settings_of(work / f"home-{accounts}", source)
            begin_anew(settings)
            table = Table(
                "step", "seconds", "rows", "peak MB", title=f"{accounts:,} accounts", title_justify="left"
            )
            sample = measured(make_sample, accounts, source)
            table.add_row("sample", f"{sample.seconds:.1f}", f"{sample.result:,}", f"{sample.peak_mb:,.0f}")
            with warehouse(settings):
                for name, (step, args) in STEPS.items():
                    cost = measured(step, settings, run, *args)
                    table.add_row(
                        name, f"{cost.seconds:.1f}", f"{cost.result.rows:,}", f"{cost.peak_mb:,.0f}"
                    )
            console.print(table)
            ours, theirs, ratio = roll_up_ratio(settings, run)
            console.print(
                f"interval roll-up: {ours:.2f} s, hand-written {theirs:.2f} s, ratio {ratio:.2f} (at most 1.5)"
            )


if __name__ == "__main__":
    main()
