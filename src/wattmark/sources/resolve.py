"""Which source a table comes from."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence

import pyarrow as pa

from wattmark.contract import Contract, Table
from wattmark.errors import SourceError
from wattmark.settings import Settings
from wattmark.source_settings import SourceSettings
from wattmark.sources.base import EXTRAS, Extracted, Source, Watermark
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


class NoSource(Source):
    """What stands in for a source of an optional table that none has: no rows."""

    def __init__(self, contract: Contract) -> None:
        super().__init__(SourceSettings(location="none"), contract)

    def has(self, table: Table) -> bool:
        """No table is here."""
        return False

    def columns(self, table: Table) -> dict[str, list[str]]:
        """No place, no columns."""
        return {}

    def extract(self, table: Table, after: Watermark | None, lookback: dt.timedelta) -> Extracted:
        """No rows, which are all there are."""
        absent = tuple(column.name for column in table.columns)
        return Extracted(self.some(table), True, (), absent, {}, provided=False)

    def some(
        self,
        table: Table,
        *,
        among: tuple[str, Sequence[str]] | None = None,
        since: dt.datetime | None = None,
    ) -> pa.RecordBatchReader:
        """No rows, in the contract's types."""
        return pa.RecordBatchReader.from_batches(pa.schema([*table.arrow_schema, *EXTRAS]), [])

    def close(self) -> None:
        """Nothing is open."""


def source_of(table: Table, contract: Contract, settings: Settings) -> Source:
    """The first configured source that provides a table, opened; ``NoSource`` for an optional table that none has.

    Raises:
        SourceError: no source is configured, or none has the table and it is not optional.
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
    if table.optional:
        return NoSource(contract)
    raise SourceError(
        "source.missing_table",
        f"table {table.name} is in none of the sources: {', '.join(looked) or 'none is set up to provide it'}.",
        "Provide the table (it may be empty), or map the source's own name in settings.yaml: sources[].rename.",
    )
