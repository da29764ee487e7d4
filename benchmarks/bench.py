"""What all benchmarks share: where they work, a terminal without libraries' noise, a process for each measured step.

A benchmark imports it as the file beside it: ``python benchmarks/night.py`` puts the folder first on the path.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import platform
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from wattmark.local import services
from wattmark.local.processes import next_free_port
from wattmark.settings import Settings, load_settings
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import FolderSink

LIBRARIES_LOG = "libraries.log"
"""File of the working folder that holds what libraries say."""
FIRST_PORT = 17_500
"""PostgreSQL of a benchmark takes the first free port from here, never that of a home in use."""


def options(doc: str) -> argparse.ArgumentParser:
    """The options that every benchmark has; its docstring is its help."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="where to work, made where it is not there yet, and kept; a temporary folder where left out",
    )
    return parser


@contextmanager
def working(folder: Path | None, width: int | None = None) -> Iterator[tuple[Path, Console]]:
    """A folder to work in and a console to print results on.

    Whatever else is written to the terminal, by this process or one that it starts, goes to ``libraries.log`` of the
    folder: progress bars, log lines, a Java machine's greetings.

    Args:
        folder: where to work; None for a temporary folder, which is deleted at the end.
        width: columns of the console; those of the terminal, or 200 in a file, where None.
    """
    work = folder or Path(tempfile.mkdtemp(prefix="wattmark-bench-"))
    if folder is None or not folder.exists():
        work.mkdir(parents=True, exist_ok=True)
        # PostgreSQL, which root runs by another account, has to pass through.
        work.chmod(0o755)
    # Ended from outside, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = [os.dup(1), os.dup(2)]
    log = os.open(work / LIBRARIES_LOG, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    try:
        with os.fdopen(os.dup(terminal[0]), "w", encoding="utf-8") as shown:
            columns = width or (None if shown.isatty() else 200)
            yield work.resolve(), Console(file=shown, width=columns)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(terminal[0], 1)
        os.dup2(terminal[1], 2)
        for descriptor in terminal:
            os.close(descriptor)
        if folder is None:
            shutil.rmtree(work, ignore_errors=True)


def settings_of(home: Path, source: Path | None = None, **given: Any) -> Settings:
    """Settings of a home that disturbs no other: its PostgreSQL takes a port that is free."""
    if source is not None:
        given["sources"] = [{"location": str(source)}]
    return load_settings(home, services={"postgres_port": next_free_port(FIRST_PORT)}, **given)


def begin_anew(settings: Settings) -> None:
    """Delete the home that an earlier run left in the folder, its services stopped."""
    if settings.home.exists():
        services.discard(settings)
        shutil.rmtree(settings.home)


@contextmanager
def warehouse(settings: Settings) -> Iterator[None]:
    """PostgreSQL of a home, running."""
    services.up(settings, airflow=False)
    try:
        yield
    finally:
        services.down(settings)


@contextmanager
def with_warehouse(folder: Path | None, **given: Any) -> Iterator[tuple[Settings, Console]]:
    """A new home whose PostgreSQL runs, in a folder as ``working`` has it, and the console to print results on.

    Args:
        folder: as of ``working``.
        given: settings of the home.
    """
    with working(folder) as (work, console):
        settings = settings_of(work / "home", **given)
        begin_anew(settings)
        with warehouse(settings):
            yield settings, console


def make_sample(accounts: int, folder: Path, interval_days: int = 35) -> int:
    """A sample utility as a folder of Parquet files; returns its rows. What a folder holds already is taken as it is.

    It is made beside and renamed, so that a folder that is there is whole.
    """
    if folder.exists():
        return 0
    made = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    plan = SamplePlan(accounts=accounts, interval_days=interval_days)
    rows = sum(generate(plan, FolderSink(made, "parquet")).rows.values())
    made.rename(folder)
    return rows


@dataclass(frozen=True)
class Measured:
    """What a step cost in a process of its own: seconds, CPU seconds of all threads, peak memory in MB; and its result."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    result: Any


def clocked(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall seconds, CPU seconds and result of work done in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def peak_mb() -> float:
    """Highest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _child(work: Callable[..., Any], args: tuple[Any, ...], pipe: Any) -> None:
    try:
        seconds, cpu_seconds, result = clocked(lambda: work(*args))
    except BaseException:
        pipe.send(traceback.format_exc())
        raise
    pipe.send(Measured(seconds, cpu_seconds, peak_mb(), result))


def measured(work: Callable[..., Any], *args: Any) -> Measured:
    """Work done in a process of its own, so that its peak memory is its own.

    Raises:
        SystemExit: it failed; with its traceback.
    """
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_child, args=(work, args, theirs))
    process.start()
    theirs.close()
    try:
        answer = mine.recv()
    except EOFError:
        answer = f"it ended with {process.exitcode}, killed perhaps for want of memory"
    process.join()
    if not isinstance(answer, Measured):
        raise SystemExit(f"{work.__name__} failed: {answer}")
    return answer


def exponent(small: float, big: float, sizes: tuple[float, float]) -> float:
    """How seconds grow with size: 1 where ten times the size takes ten times the seconds."""
    if small <= 0 or big <= 0 or sizes[0] == sizes[1]:
        return math.nan
    return math.log(big / small) / math.log(sizes[1] / sizes[0])


def machine() -> str:
    """Cores, memory and present load, to stand beside every figure."""
    return (
        f"{psutil.cpu_count()} cores ({platform.machine()}), {psutil.virtual_memory().total / 2**30:.0f} GB of memory, "
        f"load {psutil.getloadavg()[0]:.1f}"
    )
