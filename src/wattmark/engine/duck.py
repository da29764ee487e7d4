"""The DuckDB that a session works in: one of its own, or a database in one that small sessions share."""

from __future__ import annotations

import itertools
import os
import tempfile
from functools import cache
from pathlib import Path

import duckdb

_NUMBER = itertools.count(1)


def own_duck(threads: int, memory_limit_mb: int, spill_to: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory, of so many threads, that spills to a folder beyond a limit in MB; rows come in any order."""
    return duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": f"{memory_limit_mb}MB",
            "temp_directory": str(spill_to),
            "preserve_insertion_order": False,
        }
    )


@cache
def _shared_duck(process: int, threads: int, memory_limit_mb: int) -> duckdb.DuckDBPyConnection:
    """The one of a process; a process that was forked begins its own."""
    return own_duck(threads, memory_limit_mb, Path(tempfile.gettempdir()) / f"wattmark-{process}")


def attached(threads: int, memory_limit_mb: int) -> tuple[duckdb.DuckDBPyConnection, str]:
    """A connection to an empty database of its own in the shared DuckDB, and that database's name.

    A DuckDB takes 20 ms to start and end, its functions being made anew. Sessions of the same threads and limit (MB)
    share one, and the limit. Give the connection back with ``detach``.
    """
    duck = _shared_duck(os.getpid(), threads, memory_limit_mb).cursor()
    name = f"session_{next(_NUMBER)}"
    duck.execute(f"ATTACH ':memory:' AS {name}; USE {name}")
    return duck, name


def detach(duck: duckdb.DuckDBPyConnection, name: str) -> None:
    """Let an attached database go, and all in it, and close its connection."""
    duck.execute(f"USE memory; DETACH {name}")
    duck.close()


def small_cursor() -> duckdb.DuckDBPyConnection:
    """A connection for a question about rows in hand, on one thread and within 512 MB; close it when it is answered."""
    return _shared_duck(os.getpid(), 1, 512).cursor()
