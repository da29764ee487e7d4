"""Seconds, rows and peak memory of each table of layer segment, and of the facts that nothing else reads, at two sizes.

    python benchmarks/segments.py --source DIR --source DIR [--threads 2] [--memory-mb 3072] [--folder DIR]

A source is a folder of Parquet files as ``wattmark sample`` writes it; without one, samples of 3,000 and 12,000
accounts are made. Each source is extracted, accepted, and what segment reads is built once, unmeasured; a folder
given with ``--folder`` keeps that for the next time. Each table is then built in a process of its own: its
CPU seconds (user and system, without the second and a half that starting takes) are comparable on a busy machine, its
peak memory is its own. The ratio of CPU seconds beside the ratio of accounts tells whether a table grows with its data.

Promised for 1 million accounts on 2 cores: the whole in under 5 minutes with 4 GB, and the load profiles (``facts.hourly_profile``,
``segment.profile_shape``, ``load_centroid``, ``account_load_profile``) in under 2.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from bench import clocked, make_sample, measured, options, settings_of, working
from rich.console import Console
from rich.table import Table

from wattmark import night
from wattmark.engine.catalog import Catalog, catalog_of
from wattmark.engine.session import open_session
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings

RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
PROFILES = (
    "facts.hourly_profile",
    "segment.profile_shape",
    "segment.load_centroid",
    "segment.account_load_profile",
)


def needed(catalog: Catalog) -> tuple[list[str], list[str]]:
    """What segment reads, in order: tables that others read too, and those of segment and of it alone."""
    layer = {table.name for table in catalog.layer("segment")}
    order = catalog.order(sorted(layer))
    readers: dict[str, set[str]] = {name: set() for name in catalog.tables}
    for name, table in catalog.tables.items():
        for read in table.references:
            if read in readers:
                readers[read].add(name)

    def ends_in_segment(name: str) -> bool:
        return name in layer or (
            name.startswith("facts.") and bool(readers[name]) and all(map(ends_in_segment, readers[name]))
        )

    stored = [name for name in order if not catalog.tables[name].is_view]
    # Rolled up by day as intervals arrive: a night adds one day to it, as it does to facts.interval_daily.
    own = [name for name in stored if ends_in_segment(name) and name != "facts.hourly_daily"]
    return [name for name in stored if name not in own], own


def build(settings: Settings, name: str) -> tuple[float, float, int]:
    """Build one table: seconds and CPU seconds without opening the session, and rows."""
    with open_session(settings, RUN) as session:
        session.see(sorted(session.catalog.tables[name].references))
        return clocked(lambda: session.build(name))


def cost_of(settings: Settings, name: str) -> tuple[float, float, float, int]:
    """Seconds, CPU seconds, peak memory in MB and rows of one table, built in a process of its own."""
    whole = measured(build, settings, name)
    seconds, cpu_seconds, rows = whole.result
    return seconds, cpu_seconds, whole.peak_mb, rows


def prepared(home: Path, source: Path, threads: int, memory_mb: int) -> Settings:
    """A home whose lake holds all that segment reads; what is there already is taken as it is."""
    settings = settings_of(home, source, compute={"threads": threads, "memory_limit_mb": memory_mb})
    lake = Lake(settings.lake)
    if not lake.exists("accepted.account"):
        for table in night.tables(settings):
            night.extract(settings, RUN, table)
        night.accept(settings, RUN)
    with open_session(settings, RUN) as session:
        for name in needed(session.catalog)[0]:
            if not lake.exists(name):
                session.build(name)
    return settings


def accounts_of(settings: Settings) -> int:
    with open_session(settings, RUN) as session:
        count = session.query("SELECT COUNT(*) AS n FROM accepted.account").read_all()["n"][0].as_py()
    return int(count)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument(
        "--source", type=Path, action="append", help="folder of Parquet files; may be given more than once"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-mb", type=int, default=3072)
    given = parser.parse_args()
    with working(given.folder, width=130) as (work, console):
        sources = given.source or []
        if not sources:
            for accounts in (3000, 12000):
                sources.append(work / f"source-{accounts}")
                make_sample(accounts, sources[-1])
        sizes: list[int] = []
        found: dict[str, list[tuple[float, float, float, int]]] = {}
        for source in sources:
            settings = prepared(work / f"home-{source.name}", source, given.threads, given.memory_mb)
            sizes.append(accounts_of(settings))
            for name in needed(catalog_of(settings))[1]:
                found.setdefault(name, []).append(cost_of(settings, name))
        show(console, sizes, found)


def show(console: Console, sizes: list[int], found: dict[str, list[tuple[float, float, float, int]]]) -> None:
    """Print a row for each table, the load profiles together, and the whole."""
    table = Table(title=", ".join(f"{size:,} accounts" for size in sizes), title_justify="left")
    table.add_column("table")
    for size in sizes:
        for column in ("seconds", "CPU s", "peak MB", "rows"):
            table.add_column(f"{column}\n{size:,}", justify="right")
    table.add_column(f"CPU ratio\n({sizes[-1] / sizes[0]:.1f} accounts)", justify="right")
    groups = {name: [name] for name in found} | {"load profiles": list(PROFILES), "whole": list(found)}
    for title, names in groups.items():
        cells = []
        for at in range(len(sizes)):
            rows = [found[name][at] for name in names]
            cells += [
                f"{sum(row[0] for row in rows):.1f}",
                f"{sum(row[1] for row in rows):.1f}",
                f"{max(row[2] for row in rows):,.0f}",
                f"{sum(row[3] for row in rows):,}",
            ]
        first, last = (sum(found[name][at][1] for name in names) for at in (0, -1))
        table.add_row(title, *cells, f"{last / first:.1f}" if first else "")
    console.print(table)


if __name__ == "__main__":
    main()
