"""SQL databases, by any SQLAlchemy URL; PostgreSQL is read through ADBC, which is much faster."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from wattmark.contract import Contract, Table
from wattmark.errors import SourceError
from wattmark.settings import Settings
from wattmark.source_settings import SourceSettings
from wattmark.sources import columns, values
from wattmark.sources.base import ARRIVAL, EXTRAS, FILE, POSITION, PROBLEM, TEXT, Extracted, Source, Watermark
from wattmark.sources.columns import Reading
from wattmark.sources.connection import BROKE_OFF, UNREACHABLE, connect, conninfo, explained
from wattmark.urls import masked

_SHOWN_SCHEMAS = 10
_ODD = "_odd_"
"""Before a column's name: the text of what the column itself cannot hold."""
_Batches = Generator[pa.RecordBatch, None, None]


class DatabaseSource(Source):
    """Tables of one database schema."""

    def __init__(self, settings: SourceSettings, contract: Contract, all_settings: Settings) -> None:
        super().__init__(settings, contract)
        self.batch_rows = all_settings.extract.batch_rows
        self.zone = all_settings.zone
        self.engine = connect(settings.location)
        self.dialect = self.engine.dialect.name
        self.label = masked(self.engine.url)
        self._open: list[_Batches] = []
        try:
            self._inspector = sa.inspect(self.engine)
            self._names = {name.lower(): name for name in self._relations()}
            if not self._names:
                self._require_schema()
        except Exception as error:
            self.engine.dispose()
            raise explained(error, self.engine.url, self.label, UNREACHABLE) from None

    def _relations(self) -> list[str]:
        schema = self.settings.schema_name
        names = self._inspector.get_table_names(schema) + self._inspector.get_view_names(schema)
        if self.dialect == "postgresql":
            names += self._inspector.get_materialized_view_names(schema)
            names += self._inspector.get_foreign_table_names(schema)  # type: ignore[attr-defined]
        return names

    def _require_schema(self) -> None:
        schema = self.settings.schema_name
        known = self._inspector.get_schema_names()
        if schema is not None and schema not in known:
            shown = ", ".join(sorted(known)[:_SHOWN_SCHEMAS]) + (", …" if len(known) > _SHOWN_SCHEMAS else "")
            raise SourceError(
                "source.no_schema",
                f"{self.label}: there is no schema {schema}; there are {shown}.",
                "Correct schema_name of the source in settings.yaml.",
            )

    def has(self, table: Table) -> bool:
        """Whether the schema has the table, without regard to case."""
        return self.name_of(table).lower() in self._names

    def columns(self, table: Table) -> dict[str, list[str]]:
        """The names as the database has them, by where they stand; refuses types that hold no value (see Source)."""
        _, types, selectable = self._described(table)
        by_lower = {name.lower(): name for name in types}
        wanted = {column.name: self.column_of(table, column.name).lower() for column in table.columns}
        matched = {column: by_lower[name] for column, name in wanted.items() if name in by_lower}
        self._readings(table, matched, types, selectable)
        return {self.label: list(types)}

    def extract(self, table: Table, after: Watermark | None, lookback: dt.timedelta) -> Extracted:
        """Stream the table; of one with ``since`` the rows from the watermark less the lookback on.

        Rows whose ``since`` says no time come along each time. Where the column's type cannot be compared with a
        time, the table is read whole.
        """
        name, query, readings, unknown, absent = self._query(table)
        since = condition = None
        if after is not None and after.since is not None and table.since in readings:
            since = after.since - lookback
            condition = columns.since(readings[str(table.since)], since, self.zone, self.dialect)
        if condition is None:
            since = None
        else:
            query = query.where(condition)
        rows = self._rows(table, name, query, readings)
        return Extracted(rows, since is None, unknown, absent, {}, (name,), since_from=since)

    def some(
        self,
        table: Table,
        *,
        among: tuple[str, Sequence[str]] | None = None,
        since: dt.datetime | None = None,
    ) -> pa.RecordBatchReader:
        """Stream the rows asked for; of a time also those that say none (see Source.some)."""
        name, query, readings, _, _ = self._query(table)
        if since is not None and table.since in readings:
            condition = columns.since(readings[str(table.since)], since, self.zone, self.dialect)
            query = query if condition is None else query.where(condition)
        if among is None:
            return self._rows(table, name, query, readings)
        column, wanted = among
        if column not in readings:
            return self._rows(table, name, query.where(sa.false()), readings)
        condition = columns.among(readings[column], wanted)
        rows = self._rows(table, name, query if condition is None else query.where(condition), readings)
        allowed = pa.array(list(wanted), pa.string())

        def kept() -> Iterator[pa.RecordBatch]:
            # Databases compare texts more loosely than a reference does.
            for batch in rows:
                yield batch.filter(pc.is_in(values.as_text(batch.column(column)), value_set=allowed))

        return pa.RecordBatchReader.from_batches(rows.schema, kept())

    def _query(
        self, table: Table
    ) -> tuple[str, sa.Select[Any], dict[str, Reading], tuple[str, ...], tuple[str, ...]]:
        """The table's name here, a query of its rows, the reading of each column found; then as ``match``."""
        name, types, selectable = self._described(table)
        matched, unknown, absent = self.match(table, list(types), self.label)
        readings = self._readings(table, matched, types, selectable)
        selected = [reading.expression.label(column) for column, reading in readings.items()]
        selected += [
            reading.odd.label(f"{_ODD}{column}")
            for column, reading in readings.items()
            if reading.odd is not None
        ]
        query = sa.select(*selected)
        return name, query.select_from(selectable), readings, unknown, absent

    def _described(self, table: Table) -> tuple[str, dict[str, Any], sa.TableClause]:
        """The table's name here, what is known of each column's type, and the table."""
        name = self._names[self.name_of(table).lower()]
        try:
            types = self._types(name)
        except Exception as error:
            raise self._broke(table, error) from None
        return (
            name,
            types,
            sa.table(name, *(sa.column(type_) for type_ in types), schema=self.settings.schema_name),
        )

    def _readings(
        self, table: Table, matched: Mapping[str, str], types: Mapping[str, Any], selectable: sa.TableClause
    ) -> dict[str, Reading]:
        return {
            column.name: self._reading(
                column, selectable.c[source], types[source], self._place(table, source)
            )
            for column in table.columns
            if (source := matched.get(column.name)) is not None
        }

    def _place(self, table: Table, column: str) -> str:
        return f"{self.label}: table {table.name}: column {column}"

    def _types(self, name: str) -> dict[str, Any]:
        """What the database says of each column's type, by column, in its order."""
        schema = self.settings.schema_name
        if self.dialect in ("postgresql", "mysql", "mariadb"):
            described = columns.postgres_types if self.dialect == "postgresql" else columns.mysql_types
            with self.engine.connect() as connection:
                return dict(described(connection, name, schema))
        return {column["name"]: column["type"] for column in self._inspector.get_columns(name, schema)}

    def _reading(self, column: Any, source: Any, described: Any, place: str) -> Reading:
        if self.dialect == "postgresql":
            return columns.postgres(column, source, described, self.zone, place)
        if self.dialect in ("mysql", "mariadb"):
            return columns.mysql(column, source, described, self.zone, place)
        return columns.other(column, source, described, self.dialect, place)

    def _rows(
        self, table: Table, name: str, query: sa.Select[Any], readings: Mapping[str, Reading]
    ) -> pa.RecordBatchReader:
        """The rows as landing holds them. The first batch is read at once, so that what is wrong is known at once."""
        read = self._adbc if self.dialect == "postgresql" else partial(self._plain, table)
        batches = read(query, readings)
        self._open.append(batches)
        try:
            first = self._conformed(table, name, next(batches), readings, 0)
        except Exception as error:
            raise self._broke(table, error) from None

        def stream() -> Iterator[pa.RecordBatch]:
            yield first
            position = first.num_rows
            try:
                for batch in batches:
                    yield self._conformed(table, name, batch, readings, position)
                    position += batch.num_rows
            except Exception as error:
                raise self._broke(table, error) from None
            finally:
                batches.close()
                if batches in self._open:
                    self._open.remove(batches)

        return pa.RecordBatchReader.from_batches(first.schema, stream())

    def _conformed(
        self,
        table: Table,
        name: str,
        batch: pa.RecordBatch,
        readings: Mapping[str, Reading],
        position: int,
    ) -> pa.RecordBatch:
        given: dict[str, pa.Array] = {}
        problem = (
            batch.column(PROBLEM) if PROBLEM in batch.schema.names else pa.nulls(batch.num_rows, pa.string())
        )
        for column, reading in readings.items():
            array = batch.column(column)
            if reading.finish is not None:
                array = values.as_text(array)
                array, refused = reading.finish(array)
                problem = values.refuse(problem, refused, column)
            if reading.odd is not None:
                problem = values.refuse(problem, batch.column(f"{_ODD}{column}").is_valid(), column)
            given[column] = array
        kinds = {column: reading.kind for column, reading in readings.items()}
        rows = values.conform_batch(
            {**given, PROBLEM: problem},
            table,
            self.zone,
            batch.num_rows,
            where=f"{self.label}: table {table.name}",
            named=kinds,
        )
        rows[TEXT] = self._odd_rows(batch, rows, readings)
        rows[FILE] = pa.array([name], pa.string()).take(pa.array(np.zeros(batch.num_rows, dtype=np.int64)))
        rows[ARRIVAL] = pa.nulls(batch.num_rows, pa.int64())
        rows[POSITION] = pa.array(np.arange(position, position + batch.num_rows, dtype=np.int64))
        fields = [pa.field(column.name, rows[column.name].type) for column in table.columns] + list(EXTRAS)
        arrays = [rows.get(field.name, pa.nulls(batch.num_rows, field.type)) for field in fields]
        return pa.record_batch(arrays, schema=pa.schema(fields))

    def _odd_rows(
        self, batch: pa.RecordBatch, rows: Mapping[str, pa.Array], readings: Mapping[str, Reading]
    ) -> pa.Array:
        """The text of each row that holds what its columns cannot: quarantine shows it in place of them."""
        odd = {
            column: batch.column(f"{_ODD}{column}")
            for column, reading in readings.items()
            if reading.odd is not None
        }
        found = sorted({int(at) for array in odd.values() for at in np.flatnonzero(array.is_valid())})
        texts: list[str | None] = [None] * batch.num_rows
        if not found:
            return pa.nulls(batch.num_rows, pa.string())
        shown = {
            column: values.as_text(rows[column].take(found)).to_pylist()
            for column in rows
            if column != PROBLEM
        }
        for place, at in enumerate(found):
            row = {column: texts_of_column[place] for column, texts_of_column in shown.items()}
            row |= {column: text for column, array in odd.items() if (text := array[at].as_py()) is not None}
            texts[at] = json.dumps(row, ensure_ascii=False)
        return pa.array(texts, pa.string())

    def _broke(self, table: Table, error: Exception) -> SourceError:
        return explained(error, self.engine.url, f"{self.label}: reading {table.name} broke off", BROKE_OFF)

    def _adbc(self, query: sa.Select[Any], readings: Mapping[str, Reading]) -> _Batches:
        """Batches of the query's rows, the first of them empty."""
        from adbc_driver_postgresql import dbapi

        text = str(query.compile(dialect=self.engine.dialect, compile_kwargs={"literal_binds": True}))
        with dbapi.connect(conninfo(self.engine)) as connection, connection.cursor() as cursor:
            # Texts of dates and moments come as ISO and in UTC, whatever server and role are set to.
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute("SET DateStyle = 'ISO, YMD'")
            cursor.execute(text.replace("%%", "%"))
            reader = cursor.fetch_record_batch()
            yield pa.record_batch([pa.array([], field.type) for field in reader.schema], schema=reader.schema)
            yield from reader

    def _plain(self, table: Table, query: sa.Select[Any], readings: Mapping[str, Reading]) -> _Batches:
        """Batches of the query's rows in text, and ``_problem`` of what text cannot tell; the first is empty."""
        contract = {column: table.column(column) for column in readings}
        schema = pa.schema([pa.field(name, pa.string()) for name in [*readings, PROBLEM]])
        yield pa.record_batch([pa.array([], pa.string())] * len(schema), schema=schema)
        with self._reading_connection() as connection:
            for part in connection.execute(query).partitions():
                arrays = []
                problem = pa.nulls(len(part), pa.string())
                for (column, reading), given in zip(readings.items(), zip(*part, strict=True), strict=True):
                    array, refused = values.texts_of(
                        given, contract[column], self.zone,
                        place=self._place(table, column), zoned=reading.zoned, short=reading.short,
                    )  # fmt: skip
                    arrays.append(array)
                    problem = values.refuse(problem, refused, column)
                yield pa.record_batch([*arrays, problem], schema=schema)

    @contextmanager
    def _reading_connection(self) -> Iterator[sa.Connection]:
        """A connection that hands over rows as they are read."""
        with self.engine.connect().execution_options(yield_per=self.batch_rows) as connection:
            raw: Any = connection.connection.driver_connection
            if self.dialect != "sqlite":
                yield connection
                return
            # Bytes that are no text must refuse their row, not end the reading.
            before = raw.text_factory
            raw.text_factory = bytes
            try:
                yield connection
            finally:
                raw.text_factory = before

    def close(self) -> None:
        """Close all connections, also of what was not read to its end."""
        for batches in list(self._open):
            batches.close()
        self._open.clear()
        self.engine.dispose()
