"""Which source a table comes from."""

from __future__ import annotations

import os

from wattmark.contract import Contract, Table
from wattmark.errors import SourceError
from wattmark.settings import Settings, SourceSettings
from wattmark.sources.base import Source
from wattmark.sources.database import DatabaseSource
from wattmark.sources.files import FileSource

AIRFLOW = "airflow:"
"""What a location that is an Airflow connection begins with."""


def is_database(location: str) -> bool:
    """Whether a location is a URL, not a folder."""
    return "://" in location


def sqlalchemy_url(uri: str) -> str:
    """Airflow's URI of a connection as a SQLAlchemy URL."""
    return uri.replace("postgres://", "postgresql+psycopg://", 1)


def connection_url(conn_id: str) -> str:
    """URL of an Airflow connection, through the task's own interface to connections.

    Raises:
        SourceError: this is no task, or there is no such connection.
    """
    if not os.environ.get("AIRFLOW_HOME"):
        raise SourceError(
            "source.connection",
            f"the source is the Airflow connection {conn_id}, but this is not an Airflow task.",
            "Give a URL.",
        )
    from airflow.sdk import BaseHook

    try:
        return sqlalchemy_url(str(BaseHook.get_connection(conn_id).get_uri()))
    except Exception as error:
        # Which exception it is depends on where Airflow looked last; none of its texts may hold the URI.
        raise SourceError(
            "source.connection",
            f"Airflow has no connection {conn_id} ({type(error).__name__}).",
            "Add it in Airflow under Admin, Connections.",
        ) from None


def open_source(source: SourceSettings, contract: Contract, settings: Settings) -> Source:
    """Open one source by its location: an Airflow connection, a URL, or a folder.

    Raises:
        SourceError: it cannot be reached, or the folder is missing or empty.
    """
    if source.location.startswith(AIRFLOW):
        source = source.model_copy(update={"location": connection_url(source.location.removeprefix(AIRFLOW))})
    kind = DatabaseSource if is_database(source.location) else FileSource
    return kind(source, contract, settings)


def _looked(source: Source, table: Table) -> str:
    """Where a table was looked for in vain, and what lies there under its name."""
    if isinstance(source, FileSource):
        unread = source.unread(table)
        return str(source.folder) + (f" ({', '.join(unread)} is not read: wrong ending)" if unread else "")
    return str(getattr(source, "label", source.settings.location))


def source_of(table: Table, contract: Contract, settings: Settings) -> Source:
    """The first configured source that provides a table, opened.

    Raises:
        SourceError: no source is configured, or none has the table.
    """
    if not settings.sources:
        raise SourceError(
            "source.none", "no source is configured.", "Set sources in settings.yaml, or pass --source."
        )
    looked: list[str] = []
    for candidate in settings.sources:
        if candidate.tables and table.name not in candidate.tables:
            continue
        source = open_source(candidate, contract, settings)
        if source.has(table):
            return source
        looked.append(_looked(source, table))
        source.close()
    raise SourceError(
        "source.missing_table",
        f"table {table.name} is in none of the sources: {', '.join(looked) or 'none is set up to provide it'}.",
        "Provide the table (it may be empty), or map the source's own name in settings.yaml: sources[].rename.",
    )
