"""Where a sample utility goes: a folder of files, or a SQL database with the intervals beside it."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateTable, DropTable, MetaData
from sqlalchemy.schema import Table as SqlTable
from sqlalchemy.types import BigInteger, Boolean, Date, DateTime, Double, Numeric, Text, TypeEngine

from wattmark.contract import Table, load_contract
from wattmark_sample.plan import SampleError

INTERVALS = "interval_reading"

INTERVAL_SCHEMA = pa.schema(
    [
        pa.field("metering_point_id", pa.dictionary(pa.int32(), pa.string())),
        pa.field("interval_start", pa.timestamp("us", tz="UTC")),
        pa.field("interval_minutes", pa.int64()),
        pa.field("kwh", pa.float64()),
        pa.field("export_kwh", pa.float64()),
        pa.field("kvarh", pa.float64()),
        pa.field("voltage_v", pa.float64()),
        pa.field("quality", pa.dictionary(pa.int8(), pa.string())),
        pa.field("quality_code", pa.dictionary(pa.int8(), pa.string())),
    ]
)


class Sink(Protocol):
    """Takes the rows of a sample utility, block by block; used as a context manager."""

    def write(self, table: str, rows: pa.Table) -> None:
        """Append rows of a contract table."""

    def write_intervals(self, day: dt.date, rows: pa.Table) -> None:
        """Append the half-hours of one day."""

    def __enter__(self) -> Self:
        """Begin: what the sink held before is replaced."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish; after an error nothing of a file sink stands under its final name."""


class _Intervals:
    """One Parquet file per day, ``interval_reading/day=YYYY-MM-DD/part-0.parquet``."""

    def __init__(self, root: Path) -> None:
        self.root = root / INTERVALS
        self._writers: dict[dt.date, pq.ParquetWriter] = {}

    def begin(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def write(self, day: dt.date, rows: pa.Table) -> None:
        writer = self._writers.get(day)
        if writer is None:
            folder = self.root / f"day={day.isoformat()}"
            folder.mkdir(parents=True, exist_ok=True)
            writer = pq.ParquetWriter(
                folder / "part-0.parquet.part",
                INTERVAL_SCHEMA,
                compression="zstd",
                compression_level=1,
                use_dictionary=[
                    "metering_point_id",
                    "interval_start",
                    "interval_minutes",
                    "export_kwh",
                    "voltage_v",
                    "quality",
                    "quality_code",
                ],
                column_encoding={"kwh": "BYTE_STREAM_SPLIT", "kvarh": "BYTE_STREAM_SPLIT"},
                store_schema=False,
            )
            self._writers[day] = writer
        writer.write_table(rows.cast(INTERVAL_SCHEMA), row_group_size=1 << 20)

    def finish(self, good: bool) -> None:
        for day, writer in self._writers.items():
            writer.close()
            file = self.root / f"day={day.isoformat()}" / "part-0.parquet.part"
            if good:
                file.rename(file.with_suffix(""))
            else:
                file.unlink()
        if good and not self._writers:
            # A table without a row is there too: a source that lacks one is refused.
            self.root.mkdir(parents=True, exist_ok=True)
            pq.write_table(INTERVAL_SCHEMA.empty_table(), self.root / "part-0.parquet", store_schema=False)
        self._writers.clear()


class FolderSink:
    """A folder with one file per table; customer files as Parquet or CSV, intervals always as Parquet.

    Args:
        folder: created where missing; files of contract tables in it are replaced.
        file_format: ``parquet`` or ``csv``.
    """

    def __init__(self, folder: Path, file_format: Literal["parquet", "csv"] = "parquet") -> None:
        """Nothing is touched before the sink is entered."""
        self.folder = folder
        self.file_format = file_format
        self._intervals = _Intervals(folder)
        self._writers: dict[str, pq.ParquetWriter | pacsv.CSVWriter] = {}

    def __enter__(self) -> Self:
        """Remove what an earlier sample left of the contract's tables."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in load_contract().tables:
            for suffix in ("parquet", "csv"):
                (self.folder / f"{name}.{suffix}").unlink(missing_ok=True)
        self._intervals.begin()
        return self

    def _file(self, table: str) -> Path:
        return self.folder / f"{table}.{self.file_format}"

    def write(self, table: str, rows: pa.Table) -> None:
        """Append rows of a contract table."""
        writer = self._writers.get(table)
        if writer is None:
            part = self._file(table).with_suffix(f".{self.file_format}.part")
            if self.file_format == "csv":
                writer = pacsv.CSVWriter(part, rows.schema)
            else:
                writer = pq.ParquetWriter(
                    part, rows.schema, compression="zstd", compression_level=1, store_schema=False
                )
            self._writers[table] = writer
        writer.write_table(rows)

    def write_intervals(self, day: dt.date, rows: pa.Table) -> None:
        """Append the half-hours of one day."""
        self._intervals.write(day, rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all files and give them their names."""
        for table, writer in self._writers.items():
            writer.close()
            part = self._file(table).with_suffix(f".{self.file_format}.part")
            if kind is None:
                part.rename(self._file(table))
            else:
                part.unlink()
        self._writers.clear()
        self._intervals.finish(kind is None)


_SQL_TYPES: dict[str, TypeEngine[Any]] = {
    "string": Text(),
    "integer": BigInteger(),
    "decimal": Numeric(18, 2),
    "double": Double(),
    "date": Date(),
    "timestamp": DateTime(timezone=True),
    "boolean": Boolean(),
}


def sql_table(table: Table, metadata: MetaData) -> SqlTable:
    """A contract table as SQLAlchemy sees it: types and nullability by the contract, no constraints.

    A source carries its faults, so neither keys nor references are declared.
    """
    from sqlalchemy import Column

    return SqlTable(
        table.name, metadata, *(Column(c.name, _SQL_TYPES[c.type], nullable=not c.key) for c in table.columns)
    )


class DatabaseSink:
    """Customer files in a PostgreSQL schema, intervals as daily Parquet in a folder: both kinds of source.

    Args:
        url: SQLAlchemy URL of a PostgreSQL database.
        interval_folder: where ``interval_reading/day=…`` goes.
        schema: created where missing; the contract's tables in it are replaced.
    """

    def __init__(self, url: str, interval_folder: Path, schema: str = "public") -> None:
        """Nothing is touched before the sink is entered."""
        self.url = make_url(url)
        if self.url.get_backend_name() != "postgresql":
            raise SampleError(
                "sample.database",
                f"{self.url.get_backend_name()} is not a database the sample can load.",
                "Give a PostgreSQL URL.",
            )
        self.schema = schema
        self._intervals = _Intervals(interval_folder)
        self._tables: set[str] = set()

    def __enter__(self) -> Self:
        """Create the tables anew, then open one connection for COPY."""
        import adbc_driver_postgresql.dbapi

        engine = create_engine(self.url)
        metadata = MetaData(schema=self.schema)
        with engine.begin() as connection:
            quoted = engine.dialect.identifier_preparer.quote(self.schema)
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quoted}"))
            for name, table in load_contract().tables.items():
                if name == INTERVALS:
                    continue
                made = sql_table(table, metadata)
                connection.execute(DropTable(made, if_exists=True))
                connection.execute(CreateTable(made))
        engine.dispose()
        plain = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = adbc_driver_postgresql.dbapi.connect(plain)
        self._intervals.begin()
        return self

    def write(self, table: str, rows: pa.Table) -> None:
        """Append rows of a contract table by COPY."""
        if rows.num_rows == 0:
            return
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest(table, rows, mode="append", db_schema_name=self.schema)

    def write_intervals(self, day: dt.date, rows: pa.Table) -> None:
        """Append the half-hours of one day to its file."""
        self._intervals.write(day, rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit all rows at once, or none."""
        if kind is None:
            self._connection.commit()
        else:
            self._connection.rollback()
        self._connection.close()
        self._intervals.finish(kind is None)
