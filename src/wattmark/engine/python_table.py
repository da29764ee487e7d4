"""Tables that Python makes because SQL cannot, and what their makers may use."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from wattmark.contract.types import Rows, table_of
from wattmark.errors import SqlFileError
from wattmark.run import Run
from wattmark.settings import Settings

MAKERS = "wattmark.derive"
"""Package whose modules register their tables when they are imported; found by name, as SQL files are by folder."""


class Asked(Protocol):
    """What answers queries: a session of the night."""

    def query(self, sql: str, **values: Any) -> pa.RecordBatchReader:
        """Rows of a query in DuckDB's dialect, streamed; ``$name`` is a value of the run or one given here."""


@dataclass(frozen=True)
class TableContext:
    """What a Python table may use: settings, the run, and queries over the tables it names in ``needs``."""

    settings: Settings
    run: Run
    session: Asked

    def query(self, sql: str, **values: Any) -> pa.Table:
        """Rows of a query in DuckDB's dialect; ``$name`` is a value of the run or one given here."""
        return self.reader(sql, **values).read_all()

    def reader(self, sql: str, **values: Any) -> pa.RecordBatchReader:
        """As ``query``, streamed."""
        return self.session.query(sql, **values)


@dataclass(frozen=True)
class PythonTable:
    """A table that Python makes because SQL cannot: a calendar, phone validity, a model's scores.

    ``columns`` maps names to contract types, which the rows are cast to; ``maker`` names the function,
    ``module:function``, that gets a TableContext and returns rows. It is imported when it is first called: most tasks
    need no model's library. ``settings`` and ``files`` are what it reads besides tables: keys of the settings, and files or
    folders below the project or the home, of SQL files the header. Where ``asks`` names the queries that all of it follows
    from, the stored table stays as it is while their answers, the code and the audited month do
    (``wattmark.engine.incremental``).
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]
    needs: tuple[str, ...]
    grain: str
    purpose: str
    maker: str
    docs: dict[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()

    @property
    def layer(self) -> str:
        """Layer part of the name."""
        return self.name.split(".")[0]

    @property
    def references(self) -> frozenset[str]:
        """Tables read."""
        return frozenset(self.needs)

    def make(self, context: TableContext) -> pa.Table:
        """The table's rows.

        Raises:
            SqlFileError: what its maker returned lacks a column, or a value does not fit the column's type.
        """
        module, function = self.maker.split(":")
        made: Rows = getattr(importlib.import_module(module), function)(context)
        try:
            return table_of(self.columns, made)
        except (KeyError, pa.ArrowException) as error:
            # The text of the error may quote a value.
            what = (
                f"lacks {error.args[0]}" if isinstance(error, KeyError) else "do not fit its columns' types"
            )
            raise SqlFileError(
                "table.rows", f"{self.name}: the rows that {self.maker} made {what}."
            ) from None

    @property
    def is_view(self) -> bool:
        """Python tables are always stored."""
        return False


_registered: dict[str, PythonTable] = {}


def python_table(
    name: str,
    *,
    key: Iterable[str],
    columns: Mapping[str, str],
    needs: Iterable[str] = (),
    grain: str,
    purpose: str,
    docs: Mapping[str, str] | None = None,
    settings: Iterable[str] = (),
    files: Iterable[str] = (),
    asks: Iterable[str] = (),
) -> Callable[[Callable[[TableContext], Rows]], Callable[[TableContext], Rows]]:
    """Register a function as the maker of a table (see PythonTable)."""

    def register(make: Callable[[TableContext], Rows]) -> Callable[[TableContext], Rows]:
        maker = f"{make.__module__}:{make.__qualname__}"
        _registered[name] = PythonTable(
            name, tuple(key), dict(columns), tuple(needs), grain, purpose, maker, dict(docs or {}),
            tuple(settings), tuple(files), tuple(asks),
        )  # fmt: skip
        return make

    return register


def python_tables() -> dict[str, PythonTable]:
    """All Python tables by ``layer.table``."""
    makers = importlib.import_module(MAKERS)
    for module in pkgutil.iter_modules(makers.__path__):
        importlib.import_module(f"{MAKERS}.{module.name}")
    return dict(_registered)
