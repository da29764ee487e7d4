"""SQL databases, by any SQLAlchemy URL; PostgreSQL is read through ADBC, which is much faster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from wattmark.contract import Contract, Table
from wattmark.errors import SourceUnavailableError
from wattmark.settings import Settings, SourceSettings
from wattmark.sources.base import FILE, PROBLEM, TEXT, Extracted, Source, Watermark


class DatabaseSource(Source):
    """Tables of one database schema."""

    def __init__(self, settings: SourceSettings, contract: Contract, all_settings: Settings) -> None:
        super().__init__(settings, contract)
        self.batch_rows = all_settings.extract.batch_rows
        try:
            self.engine = sa.create_engine(settings.location)
            self.label = self.engine.url.render_as_string(hide_password=True)
            self._inspector = sa.inspect(self.engine)
            names = self._inspector.get_table_names(settings.schema_name) + self._inspector.get_view_names(
                settings.schema_name
            )
        except (sa.exc.SQLAlchemyError, ModuleNotFoundError, ImportError) as error:
            raise SourceUnavailableError(
                "source.unreachable",
                f"{_safe(settings.location)}: {_first_line(error)}",
                "Check that the database is up and the URL is right, then rerun.",
            ) from None
        self._names = {name.lower(): name for name in names}

    def has(self, table: Table) -> bool:
        """Whether the schema has the table, without regard to case."""
        return self.name_of(table).lower() in self._names

    def columns(self, table: Table) -> dict[str, list[str]]:
        """The names as the database has them."""
        try:
            name = self._names[self.name_of(table).lower()]
            found = self._inspector.get_columns(name, self.settings.schema_name)
        except sa.exc.SQLAlchemyError as error:
            raise self._broke(table, error) from None
        return {self.label: [column["name"] for column in found]}

    def extract(self, table: Table, after: Watermark | None, lookback: dt.timedelta) -> Extracted:
        """Stream the table; of one with ``since`` the rows from the watermark less the lookback on."""
        name, query, matched, unknown, absent = self._query(table)
        whole = after is None or table.since is None or after.since is None
        if not whole and after is not None and after.since is not None and table.since is not None:
            # Whole local days are replaced, so reading must begin at a day's start: the lookback is in days.
            query = query.where(
                _column(query, table.since)
                >= sa.bindparam("since", after.since - lookback, sa.DateTime(timezone=True))
            )
        return Extracted(self._with_extras(table, name, query, matched), whole, unknown, absent, {})

    def some(
        self,
        table: Table,
        *,
        among: tuple[str, Sequence[str]] | None = None,
        since: dt.datetime | None = None,
    ) -> pa.RecordBatchReader:
        """Stream the rows asked for, and no others (see Source.some)."""
        name, query, matched, _, _ = self._query(table)
        if among is not None:
            column, values = among
            query = query.where(_column(query, column).in_(list(values)) if column in matched else sa.false())
        if since is not None and table.since is not None:
            query = query.where(
                _column(query, table.since) >= sa.bindparam("since", since, sa.DateTime(timezone=True))
            )
        return self._with_extras(table, name, query, matched)

    def _query(
        self, table: Table
    ) -> tuple[str, sa.Select[Any], dict[str, str], tuple[str, ...], tuple[str, ...]]:
        """The table's name here and a query of its rows; then as ``match``."""
        try:
            name = self._names[self.name_of(table).lower()]
            found = [
                column["name"] for column in self._inspector.get_columns(name, self.settings.schema_name)
            ]
        except sa.exc.SQLAlchemyError as error:
            raise self._broke(table, error) from None
        matched, unknown, absent = self.match(table, found, self.label)
        selectable = sa.table(
            name, *(sa.column(column) for column in found), schema=self.settings.schema_name
        )
        query = sa.select(*(selectable.c[source].label(column) for column, source in matched.items()))
        return name, query, matched, unknown, absent

    def _with_extras(
        self, table: Table, name: str, query: sa.Select[Any], matched: dict[str, str]
    ) -> pa.RecordBatchReader:
        batches = self._adbc(query) if self.engine.dialect.name == "postgresql" else self._plain(query)
        try:
            first = next(batches, None)
        except Exception as error:
            raise self._broke(table, error) from None
        names = [column.name for column in table.columns]
        types = {field.name: field.type for field in first.schema} if first is not None else {}
        schema = pa.schema(
            [
                pa.field(
                    one,
                    types.get(one, pa.string())
                    if not pa.types.is_null(types.get(one, pa.string()))
                    else pa.string(),
                )
                for one in names
            ]
            + [pa.field(one, pa.string()) for one in (FILE, PROBLEM, TEXT)]
        )

        def stream() -> Iterator[pa.RecordBatch]:
            batch = first
            try:
                while batch is not None:
                    columns = [
                        batch.column(batch.schema.get_field_index(field.name)).cast(field.type)
                        if field.name in matched
                        else pa.nulls(batch.num_rows, field.type)
                        for field in schema
                        if field.name not in (FILE, PROBLEM, TEXT)
                    ]
                    columns += [
                        pa.array([name] * batch.num_rows, pa.string()),
                        pa.nulls(batch.num_rows, pa.string()),
                        pa.nulls(batch.num_rows, pa.string()),
                    ]
                    yield pa.record_batch(columns, schema=schema)
                    batch = next(batches, None)
            except Exception as error:
                raise self._broke(table, error) from None

        return pa.RecordBatchReader.from_batches(schema, stream())

    def _broke(self, table: Table, error: Exception) -> SourceUnavailableError:
        return SourceUnavailableError(
            "source.broke_off",
            f"{self.label}: reading {table.name} broke off: {_first_line(error)}",
            "Nothing was published; rerun when the database is back.",
        )

    def _adbc(self, query: sa.Select[Any]) -> Iterator[pa.RecordBatch]:
        from adbc_driver_postgresql import dbapi

        url = self.engine.url
        uri = sa.URL.create(
            "postgresql", url.username, url.password, url.host, url.port, url.database, url.query
        )
        text = str(query.compile(dialect=self.engine.dialect, compile_kwargs={"literal_binds": True}))
        with (
            dbapi.connect(uri.render_as_string(hide_password=False)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(text.replace("%%", "%"))
            for batch in cursor.fetch_record_batch():
                arrays = [_plain_storage(column) for column in batch.columns]
                yield pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)

    def _plain(self, query: sa.Select[Any]) -> Iterator[pa.RecordBatch]:
        names = [column.name for column in query.selected_columns]
        # Drivers differ in how they type values, and one odd value must not stop a column: text until validation.
        schema = pa.schema([pa.field(name, pa.string()) for name in names])
        with self.engine.connect().execution_options(yield_per=self.batch_rows) as connection:
            for part in connection.execute(query).partitions():
                columns = list(zip(*part, strict=True))
                yield pa.record_batch(
                    [pa.array([_as_text(value) for value in column], pa.string()) for column in columns],
                    schema=schema,
                )

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _column(query: sa.Select[Any], name: str) -> sa.ColumnElement[Any]:
    """The column that a query selects under a contract name."""
    labelled = query.selected_columns[name]
    return labelled.element if isinstance(labelled, sa.Label) else labelled


def _plain_storage(array: pa.Array) -> pa.Array:
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else str(value)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _safe(location: str) -> str:
    try:
        return sa.make_url(location).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "the source's location (it is not a SQLAlchemy URL)"
