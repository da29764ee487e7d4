"""The look-up file: what the counter reads of the lake, sorted by what it is looked up by.

The lake's files are made for scans. For the counter the few tables it looks into are kept once more in one
DuckDB file, sorted by each column that they are looked up by, so that a look-up reads one block and not a million
rows. The file is made anew when a table has a new version; until it is ready the old one answers.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from wattmark.audit.counter.plan import ORDER, Plan
from wattmark.engine.session import ACCEPTED, DuckDBSession
from wattmark.engine.sqlfile import literal
from wattmark.errors import WattmarkError
from wattmark.home import Home
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.writer import HomeError, holding

log = logging.getLogger(__name__)

RECHECK_SECONDS = 30.0
"""How often the lake is asked for new versions."""
BLOCK_ROWS = 8192
"""Rows in a block of the look-up file: a look-up reads one block of a table, as the rows are sorted."""


def _sorted_by(table: str, column: str) -> str:
    """Name of the copy of a table that is sorted by a column."""
    return f'"{table} by {column}"'


class LookUpFile:
    """One look-up file, open for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.duck = duckdb.connect(str(path), read_only=True, config={"threads": 1, "memory_limit": "512MB"})

    def rows(self, table: str, keys: Mapping[str, Sequence[Any]]) -> pa.Table:
        """Rows that one of some columns finds, each once; names are the contract's, keys are bound as values.

        Args:
            table: the contract's table.
            keys: values looked for, by column.
        """
        found = [
            f'SELECT * FROM {_sorted_by(table, column)} WHERE "{column}" IN ({", ".join("?" * len(values)) or "NULL"})'
            for column, values in keys.items()
        ]
        return self._ask(" UNION ".join(found), [value for values in keys.values() for value in values])

    def whole(self, table: str) -> pa.Table:
        """All rows of a small table."""
        return self._ask(f'SELECT * FROM "{table}"', [])

    def _ask(self, sql: str, values: list[Any]) -> pa.Table:
        cursor = self.duck.cursor()
        try:
            return cursor.sql(sql, params=values).to_arrow_table()
        finally:
            cursor.close()

    def close(self) -> None:
        """Let go of the file."""
        self.duck.close()


class LookUpStore:
    """Keeps the look-up file in step with the lake."""

    def __init__(self, plan: Plan) -> None:
        self.settings = plan.settings
        # The order is always brought.
        self.sorting = {name: plan.slice.columns(name) for name in sorted(plan.tables) if name != ORDER}
        self.shared = plan.shared
        self.folder = Home(plan.settings.home).counter
        self._lock = threading.Lock()
        self._open: LookUpFile | None = None
        self._asked = 0.0
        self.refreshing: threading.Thread | None = None

    def current(self) -> LookUpFile:
        """The newest file there is; the very first is made here, later ones beside the work."""
        with self._lock:
            if self._open is None:
                self._open = LookUpFile(self.make())
                self._asked = time.monotonic()
            elif time.monotonic() - self._asked > RECHECK_SECONDS and not (
                self.refreshing and self.refreshing.is_alive()
            ):
                self._asked = time.monotonic()
                self.refreshing = threading.Thread(target=self._refresh, name="counter-look-up", daemon=True)
                self.refreshing.start()
            return self._open

    def _refresh(self) -> None:
        try:
            path = self.make()
        except (WattmarkError, OSError, duckdb.Error):
            log.exception("The look-up file could not be made anew; the last one goes on answering.")
            return
        with self._lock:
            if self._open is not None and self._open.path != path:
                # Workers that still read the old file keep it open; it closes when the last lets go.
                self._open = LookUpFile(path)

    @cached_property
    def _names(self) -> list[str]:
        return sorted({*self.sorting, *self.shared})

    def path(self) -> Path:
        """Where the file for the lake as it is now lies, made or not."""
        lake = Lake(self.settings.lake)
        stamp = ",".join(
            f"{name}({' '.join(self.sorting.get(name, ()))})={lake.stamp(f'{ACCEPTED}.{name}')}"
            for name in self._names
        )
        return self.folder / f"lookup-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}.duckdb"

    def make(self, patience_minutes: float = 0) -> Path:
        """Make the file for the lake as it is now, unless it is there; returns its path.

        One process makes it while others wait, and it appears under its name only when it is whole. While a night
        writes the lake, the newest file there is goes on answering, so that no half of a night is taken up; without
        any, the night is waited for.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self.path()
            if path.exists():
                return path
            there = max(
                self.folder.glob("lookup-*.duckdb"), key=lambda file: file.stat().st_mtime, default=None
            )
            limits = self.settings.writer
            if there:
                limits = limits.model_copy(update={"wait_minutes": patience_minutes})
            try:
                with holding(self.settings.home, "the counter's look-up file", limits=limits, tell=log.info):
                    return self._fill(self.path())
            except HomeError as error:
                if there is None or error.code != "home.busy":
                    raise
                log.info("%s The look-up file as it was goes on answering.", error.message)
                return there

    def _statements(self) -> Iterator[str]:
        """What fills an empty file attached as ``look_up``."""
        for name, columns in self.sorting.items():
            for column in columns:
                target = f"look_up.{_sorted_by(name, column)}"
                yield f'CREATE TABLE {target} AS SELECT * FROM {ACCEPTED}."{name}" ORDER BY "{column}"'
        for name in self.shared:
            yield f'CREATE TABLE look_up."{name}" AS SELECT * FROM {ACCEPTED}."{name}"'

    def _fill(self, path: Path) -> Path:
        if path.exists():
            return path
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        target = literal(str(partial)).sql(dialect="duckdb")
        today = dt.datetime.now(self.settings.zone).date()
        with DuckDBSession(self.settings, Run.of(today, self.settings.utility.time_zone)) as session:
            session.see(f"{ACCEPTED}.{name}" for name in self._names)
            session.duck.execute(f"ATTACH {target} AS look_up (ROW_GROUP_SIZE {BLOCK_ROWS})")
            # Order is what makes a look-up read one block.
            session.duck.execute("SET preserve_insertion_order = true")
            for statement in self._statements():
                session.duck.execute(statement)
            session.duck.execute("DETACH look_up")
        partial.replace(path)
        for old in self.folder.glob("lookup-*.duckdb"):
            if old != path:
                old.unlink(missing_ok=True)
        return path

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None
