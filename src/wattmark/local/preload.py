"""A listener that has the scheduler import the libraries that every task needs, before it forks its workers.

A task then starts with them in memory, which saves a second or two of processor time a task. Only other people's
libraries are loaded: Wattmark's own modules are read anew by every task, so a change needs no restart.
"""

from __future__ import annotations

import importlib
import logging
import sys

from airflow.listeners import hookimpl

LIBRARIES = (
    "adbc_driver_postgresql.dbapi",
    "alembic.command",
    "deltalake",
    "duckdb",
    "great_expectations",
    "matplotlib.figure",
    "mlxtend.frequent_patterns",
    "pandas",
    "psycopg",
    "pyarrow.dataset",
    "pydantic",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sqlglot.optimizer",
)
"""The only threads they start when imported belong to allocators and OpenBLAS, which begin anew after a fork."""


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: object) -> None:
    """Import them where the starting process is a scheduler; its executor forks later."""
    if "scheduler" not in sys.argv[1:2]:
        return
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            logging.getLogger(__name__).warning("Tasks start slower: %s is not there (%s).", name, error)
