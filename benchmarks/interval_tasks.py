"""Interval tasks of a known benchmark, and the roll-up, against pandas, polars, PostgreSQL, Spark and the floors.

    python benchmarks/interval_tasks.py [--accounts 1000] [--days 62] [--alike 100] [--rounds 3] [--folder DIR]

Histogram, 3-line, PAR and cosine similarity of "Smart Meter Data Analytics: Systems, Algorithms and Benchmarking" (Liu et
al., 2016), and daily and monthly totals, over half-hours that the product accepted. All sides answer in turns in this run, each in
a process of its own; their answers must agree, else nothing is timed. A cell is the median of the seconds, and the median of
their ratios to Wattmark. Wattmark builds its tables of days, months and hours anew for it, as none had been there. The floors
are one hand-written DuckDB query over the same files, and a plain read of their bytes.

Temperature is the sample utility's own, a mean over its districts for each day. Cosine similarity looks at some points only
(--alike): PostgreSQL and Spark join the hours of all pairs. PostgreSQL reads its own tables; loading them is told apart.
"""

from __future__ import annotations

import datetime as dt
import gc
import multiprocessing
import statistics
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import task_sides
from bench import clocked, machine, make_sample, measured, options, settings_of, warehouse, working
from rich.console import Console
from rich.table import Table
from task_shapes import RESULTS, Given

from wattmark import night
from wattmark.engine.session import DuckDBSession
from wattmark.home import warehouse_url
from wattmark.lake import Lake
from wattmark.publish.ops import libpq_url
from wattmark.run import Run
from wattmark.settings import Settings

AS_OF = dt.date(2026, 11, 4)
TOLERANCE = 1e-5
"""Answers agree where values differ by no more, in absolute terms or as a share."""


# --- what is read ----------------------------------------------------------------------------------------


def take_up(settings: Settings, run: Run) -> None:
    """Extract and accept the sample, and build what the product's tables of intervals rest on besides."""
    for table in night.tables(settings):
        night.extract(settings, run, table)
    night.accept(settings, run)
    with DuckDBSession(settings, run) as session:
        build_below(session)


def build_below(session: DuckDBSession) -> None:
    """Build what the product's tables of intervals are made from besides intervals."""
    for name in session.catalog.order(list(task_sides.OURS)):
        if name not in task_sides.OURS and not session.catalog.tables[name].is_view:
            session.build(name)


def given_of(settings: Settings, run: Run, folder: Path, alike: int) -> Given:
    """What the sides read, of a lake that has taken the sample up."""
    lake = Lake(settings.lake)
    with DuckDBSession(settings, run) as session:
        temperature = session.query(
            "SELECT day, CAST(AVG(mean_c) AS DOUBLE) AS mean_c, CAST(ROUND(AVG(mean_c)) AS BIGINT) AS degree "
            "FROM source.temperature_daily GROUP BY day ORDER BY day"
        ).read_all()
        points = session.query(
            "SELECT DISTINCT metering_point_id FROM source.interval_reading ORDER BY 1"
        ).read_all()
    pq.write_table(temperature, folder / "temperature.parquet")
    return Given(
        settings=settings,
        run=run,
        root=str(lake.path("accepted.interval_reading")),
        files=tuple(lake.files("accepted.interval_reading")),
        temperature=str(folder / "temperature.parquet"),
        alike=tuple(points["metering_point_id"].to_pylist()[:alike]),
        database=libpq_url(warehouse_url(settings)),
    )


# --- who answers -----------------------------------------------------------------------------------------


def answer(side: str, given: Given, pipe: Any) -> None:
    """Answer tasks by name until there are no more; runs in a process of its own."""
    try:
        tasks = task_sides.SIDES[side](given)
        pipe.send("ready")
        while (name := pipe.recv()) is not None:
            gc.collect()
            seconds, _, rows = clocked(tasks[name])
            pipe.send((seconds, rows, peak_of_family()))
    except BaseException:
        pipe.send(traceback.format_exc())
        raise


def peak_of_family() -> float:
    """Highest resident memory so far of this process and those it started (Spark's Java), in MB."""
    own = psutil.Process()
    found = 0
    for process in [own, *own.children(recursive=True)]:
        for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                found += int(line.split()[1])
    return found / 1024


class Side:
    """A contestant in a process of its own."""

    def __init__(self, name: str, given: Given) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=answer, args=(name, given, theirs))
        self._process.start()
        theirs.close()
        self.peak_mb = 0.0
        try:
            self._received("start")
        except SystemExit:
            self.close()
            raise

    def _received(self, task: str) -> Any:
        try:
            received = self._pipe.recv()
        except EOFError:
            received = "its process ended, killed perhaps for want of memory"
        if isinstance(received, str) and received != "ready":
            raise SystemExit(f"{self.name} failed in {task}: {received}")
        return received

    def ask(self, task: str) -> tuple[float, pa.Table | None]:
        """Seconds and answer."""
        self._pipe.send(task)
        seconds, rows, self.peak_mb = self._received(task)
        return seconds, rows

    def close(self) -> None:
        """End the process."""
        if self._process.is_alive():
            self._pipe.send(None)
            self._process.join(30)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()


@contextmanager
def sides_of(names: Sequence[str], given: Given) -> Iterator[list[Side]]:
    """All contestants, started."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Side(name, given))) for name in names]


# --- what they say ---------------------------------------------------------------------------------------


def ordered(task: str, rows: pa.Table) -> pa.Table:
    """An answer by its key: texts, whole numbers and dates as they are everywhere."""
    keys, values = RESULTS[task]
    columns = {}
    for name in keys:
        column = rows[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        kind = (
            pa.date32()
            if name == "starts_on"
            else pa.string()
            if name in ("metering_point_id", "grain")
            else pa.int64()
        )
        columns[name] = column.cast(kind)
    for name in values:
        columns[name] = rows[name].cast(pa.float64())
    return pa.table(columns).sort_by([(name, "ascending") for name in keys])


def difference(task: str, ours: pa.Table, theirs: pa.Table) -> str | None:
    """How two answers differ beyond rounding; None where they agree."""
    keys, values = RESULTS[task]
    mine, other = ordered(task, ours), ordered(task, theirs)
    if mine.num_rows == 0:
        return "there is no answer to compare"
    if not mine.select(keys).equals(other.select(keys)):
        return f"{mine.num_rows:,} rows and {other.num_rows:,} of other keys"
    for name in values:
        a, b = mine[name].to_numpy(), other[name].to_numpy()
        off = ~np.isclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)
        if off.any():
            at = int(off.argmax())
            where = ", ".join(str(mine[key][at].as_py()) for key in keys)
            return (
                f"{off.sum():,} of {mine.num_rows:,} values of {name} differ: {a[at]} and {b[at]} at {where}"
            )
    return None


def check(sides: Sequence[Side], console: Console) -> None:
    """Ask everybody everything once, which also warms caches.

    Raises:
        SystemExit: answers differ.
    """
    for task in RESULTS:
        with console.status(f"{task}: do all agree?"):
            answers = {side.name: side.ask(task)[1] for side in sides}
        first, *others = [(name, rows) for name, rows in answers.items() if rows is not None]
        for name, rows in others:
            if said := difference(task, first[1], rows):
                raise SystemExit(f"{task}: {first[0]} and {name} do not agree: {said}")
        console.print(f"{task}: {first[1].num_rows:,} rows, all agree")


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))


def result_table(seconds: Mapping[str, Mapping[str, Sequence[float]]], sides: Sequence[Side]) -> Table:
    """Seconds, and ratios to the first side, by task and side."""
    first = sides[0].name
    table = Table(title="median seconds, and how many times as long as the first", title_justify="left")
    table.add_column("task")
    for side in sides:
        table.add_column(side.name, justify="right")
    for task, of_task in seconds.items():
        cells = [f"{statistics.median(of_task[first]):.2f} s"]
        for side in sides[1:]:
            taken = of_task[side.name]
            cells.append(f"{statistics.median(taken):.2f} s\n{ratio(of_task[first], taken):.2f} times")
        table.add_row(task, *cells)
    table.add_row("peak MB", *(f"{side.peak_mb:,.0f}" for side in sides))
    return table


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--days", type=int, default=62, help="days of half-hours up to 2026-11-04")
    parser.add_argument("--alike", type=int, default=100, help="points compared with each other")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--side", action="append", choices=[*task_sides.SIDES], help="these alone; all where left out"
    )
    given = parser.parse_args()
    with working(given.folder, width=130) as (work, console):
        source = work / f"source-{given.accounts}-{given.days}"
        settings = settings_of(work / f"home-{given.accounts}-{given.days}", source, compute={"threads": 2})
        run = Run.of(AS_OF, settings.utility.time_zone)
        with console.status("sample"):
            measured(make_sample, given.accounts, source, given.days)
        with console.status("accepting it"):
            if not Lake(settings.lake).exists("accepted.interval_reading"):
                measured(take_up, settings, run)
        with warehouse(settings):
            compare(
                console,
                given_of(settings, run, work, given.alike),
                given.side or [*task_sides.SIDES],
                given.rounds,
            )


def compare(console: Console, given: Given, names: Sequence[str], rounds: int) -> None:
    """Have the sides answer in turns, and tell how long they took."""
    megabytes = sum(Path(file).stat().st_size for file in given.files) / 1e6
    rows = sum(pq.read_metadata(file).num_rows for file in given.files)
    console.print(f"{rows:,} intervals in {len(given.files)} files, {megabytes:,.1f} MB; {machine()}")
    if "PostgreSQL" in names:
        with console.status("loading PostgreSQL"):
            loaded = measured(task_sides.load_postgresql, given)
        console.print(f"loading PostgreSQL took {loaded.seconds:.1f} s")
    seconds: dict[str, dict[str, list[float]]] = {task: {name: [] for name in names} for task in RESULTS}
    with sides_of(names, given) as sides:
        check(sides, console)
        for number in range(rounds):
            for task in RESULTS:
                with console.status(f"round {number + 1}: {task}"):
                    for side in sides:
                        seconds[task][side.name].append(side.ask(task)[0])
        console.print(result_table(seconds, sides))
    console.print(f"PostgreSQL's memory is its client's; at the end: {machine()}")


if __name__ == "__main__":
    main()
