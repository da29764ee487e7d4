"""What a night costs in the long run: the first night of a utility and the second, which brings one new day, at two sizes.

    python benchmarks/second_night.py [--accounts 3000 --accounts 12000] [--interval-days 35] [--folder DIR]

Each step runs in a process of its own. A row tells its seconds at either size, the exponent by which they grow (1: ten times
the accounts take ten times as long) and its peak memory; then which tables took longest, and what a home holds on disk.
The source is a sample utility in Parquet files: in the first night the last day's intervals are not there yet, in the second they
are. Files of other tables are the same in both, so that what grows with a day is its intervals, and what falls due with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from bench import (
    Measured,
    begin_anew,
    exponent,
    machine,
    make_sample,
    measured,
    options,
    settings_of,
    warehouse,
    working,
)
from night_steps import STEPS
from rich.console import Console
from rich.table import Table

from wattmark.home import warehouse_url
from wattmark.lake import Lake
from wattmark.publish.ops import libpq_url
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark_sample.sinks import INTERVALS

DAYS = {"first": dt.date(2026, 11, 3), "second": dt.date(2026, 11, 4)}
SLOWEST = 12
"""So many tables are told of each night."""

Costs = dict[str, dict[str, Measured]]
"""What the steps of a size cost, by night and step."""


@dataclass(frozen=True)
class Disk:
    """Bytes that a home holds after its nights."""

    intervals: int
    other_tables: int
    warehouse: int
    interval_days: int


def move_day(source: Path, day: dt.date, *, into: bool) -> None:
    """Bring the intervals of a day into the source, or put them beside it; done again, it changes nothing."""
    inside = source / INTERVALS / f"day={day}"
    beside = source.with_name(f"{source.name}-{day}")
    start, end = (beside, inside) if into else (inside, beside)
    if start.exists():
        start.rename(end)


def nights(settings: Settings, source: Path, console: Console) -> Costs:
    """Run both nights and measure their steps."""
    costs: Costs = {}
    move_day(source, DAYS["second"], into=False)
    with warehouse(settings), console.status("") as status:
        for which, day in DAYS.items():
            if which == "second":
                move_day(source, day, into=True)
            run = Run.of(day, settings.utility.time_zone)
            costs[which] = {}
            for name, (step, args) in STEPS.items():
                status.update(f"{source.name}, {which} night: {name}")
                costs[which][name] = measured(step, settings, run, *args)
    return costs


def disk_of(settings: Settings, source: Path) -> Disk:
    """Sizes of the files that the lake's tables consist of, and of the warehouse."""
    lake = Lake(settings.lake)
    sizes = {name: sum(Path(file).stat().st_size for file in lake.files(name)) for name in lake.tables()}
    intervals = sizes.pop(f"accepted.{INTERVALS}")
    with warehouse(settings), psycopg.connect(libpq_url(warehouse_url(settings))) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    days = len(list((source / INTERVALS).glob("day=*")))
    return Disk(intervals, sum(sizes.values()), row[0] if row else 0, days)


def growth(values: Sequence[float], sizes: Sequence[int]) -> str:
    """The exponent between the smallest and the largest size, as a cell."""
    return f"{exponent(values[0], values[-1], (sizes[0], sizes[-1])):.2f}" if len(sizes) > 1 else ""


def steps_table(which: str, sizes: Sequence[int], costs: Sequence[Costs]) -> Table:
    """A row for each step of a night, and one for all of them."""
    table = Table(title=f"{which} night ({DAYS[which]})", title_justify="left")
    table.add_column("step")
    for size in sizes:
        table.add_column(f"seconds\n{size:,}", justify="right")
    table.add_column("exponent", justify="right")
    for size in sizes:
        table.add_column(f"peak MB\n{size:,}", justify="right")
    table.add_column(f"rows\n{sizes[-1]:,}", justify="right")
    of_night = [cost[which] for cost in costs]
    for name in STEPS:
        steps = [cost[name] for cost in of_night]
        seconds = [step.seconds for step in steps]
        table.add_row(
            name, *(f"{value:.1f}" for value in seconds), growth(seconds, sizes),
            *(f"{step.peak_mb:,.0f}" for step in steps), f"{steps[-1].result.rows:,}",
        )  # fmt: skip
    whole = [sum(step.seconds for step in cost.values()) for cost in of_night]
    peaks = [max(step.peak_mb for step in cost.values()) for cost in of_night]
    table.add_row(
        "all steps", *(f"{value:.1f}" for value in whole), growth(whole, sizes),
        *(f"{value:,.0f}" for value in peaks), "", style="bold",
    )  # fmt: skip
    return table


def seconds_by_table(cost: Mapping[str, Measured]) -> dict[str, float]:
    """Seconds of every table that a night's steps built."""
    return {name: seconds for step in cost.values() for name, seconds in step.result.tables.items()}


def tables_table(which: str, sizes: Sequence[int], costs: Sequence[Costs]) -> Table:
    """The tables that took longest at the largest size."""
    found = [seconds_by_table(cost[which]) for cost in costs]
    table = Table(title=f"{which} night: tables that took longest", title_justify="left")
    table.add_column("table")
    for size in sizes:
        table.add_column(f"seconds\n{size:,}", justify="right")
    table.add_column("exponent", justify="right")
    for name in sorted(found[-1], key=lambda name: -found[-1][name])[:SLOWEST]:
        seconds = [each[name] for each in found]
        table.add_row(name, *(f"{value:.2f}" for value in seconds), growth(seconds, sizes))
    return table


def tell_disk(console: Console, accounts: int, disk: Disk) -> None:
    a_day = disk.intervals / accounts / disk.interval_days
    console.print(
        f"{accounts:,} accounts on disk: intervals of {disk.interval_days} days {disk.intervals / 1e6:,.1f} MB "
        f"({a_day:.0f} bytes an account and day), all other tables of the lake {disk.other_tables / 1e6:,.1f} MB "
        f"({disk.other_tables / accounts / 1000:.1f} kB an account), warehouse {disk.warehouse / 1e6:,.1f} MB"
    )


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--accounts", type=int, action="append", help="size; may be given more than once")
    parser.add_argument(
        "--interval-days",
        type=int,
        default=35,
        help="days of half-hours, at least from the first of October on",
    )
    given = parser.parse_args()
    sizes = sorted(set(given.accounts or [3000, 12000]))
    with working(given.folder) as (work, console):
        console.print(machine())
        costs, disks = [], []
        for accounts in sizes:
            source = work / f"source-{accounts}-{given.interval_days}"
            settings = settings_of(work / f"home-{accounts}", source)
            begin_anew(settings)
            measured(make_sample, accounts, source, given.interval_days)
            costs.append(nights(settings, source, console))
            # A size takes long: what it cost is told at once, the growth at the end.
            for which in DAYS:
                console.print(steps_table(which, [accounts], costs[-1:]))
            disks.append(disk_of(settings, source))
        for which in DAYS:
            console.print(steps_table(which, sizes, costs))
            console.print(tables_table(which, sizes, costs))
        for accounts, disk in zip(sizes, disks, strict=True):
            tell_disk(console, accounts, disk)
        console.print(f"at the end: {machine()}")


if __name__ == "__main__":
    main()
