"""Every way a table is written into files: CSV dialects, and Parquet types that can hold the values."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from wattmark.contract import Column, Table, load_contract
from wattmark.quality.reading import reading_of
from wattmark.quality.typed import typed_select
from wattmark.settings import Settings
from wattmark.source_settings import SourceSettings
from wattmark.sources.files import FileSource

ZONE = ZoneInfo("Asia/Shanghai")
CONTRACT = load_contract()
Row = dict[str, Any]
"""A row by column; None where empty, else str, int, Decimal, float, date, aware datetime or bool, as the contract says."""


def value_text(value: Any, moment: str) -> str:
    """A value as CSV has it; a moment naive in local time, with its offset, or in UTC."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        local = value.astimezone(dt.UTC if moment == "utc" else ZONE)
        text = local.isoformat(sep=" ")
        return text[:-6] if moment == "naive" else text
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class CsvWriting:
    """One dialect; ``ends`` are the line ends of the lines in turn."""

    delimiter: str
    quoting: int
    ends: tuple[str, ...]
    encoding: str
    escape: str | None
    compressed: bool
    trailing: bool
    blank_lines: bool
    separator_line: bool
    final_end: bool
    upper: bool
    moment: str
    suffix: str

    def settings(self) -> dict[str, Any]:
        """What the source's settings must say of it."""
        encoding = {"utf-8-sig": "utf-8"}.get(self.encoding, self.encoding)
        return {"encoding": encoding, "escape": self.escape}

    def write(self, path: Path, columns: list[Column], rows: list[Row]) -> Path:
        """Write rows to a file of that name, its ending added."""
        lines = [[column.name.upper() if self.upper else column.name for column in columns]]
        lines += [[value_text(row[column.name], self.moment) for column in columns] for row in rows]
        texts = []
        for cells in lines:
            out = io.StringIO()
            writer = csv.writer(
                out, delimiter=self.delimiter, quoting=self.quoting, lineterminator="\r\n",  # type: ignore[arg-type]
                escapechar=self.escape, doublequote=self.escape is None,
            )  # fmt: skip
            writer.writerow(cells)
            texts.append(out.getvalue().removesuffix("\r\n") + (self.delimiter if self.trailing else ""))
        if self.separator_line:
            texts.insert(0, f"sep={self.delimiter}")
        written = ""
        for at, text in enumerate(texts):
            end = self.ends[at % len(self.ends)]
            last = at == len(texts) - 1
            written += text + (end if self.final_end or not last else "")
            if self.blank_lines and not last and at > self.separator_line:
                written += end
        data = written.encode(self.encoding)
        path = path.with_name(path.name + self.suffix + (".gz" if self.compressed else ""))
        path.write_bytes(gzip.compress(data, 1) if self.compressed else data)
        return path


def csv_writings(encoding: str, escape: str | None) -> st.SearchStrategy[CsvWriting]:
    """Dialects of one encoding and escape, which are set for a source as a whole."""
    return st.builds(
        CsvWriting,
        delimiter=st.sampled_from([",", ";", "\t", "|"]),
        quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        ends=st.lists(st.sampled_from(["\n", "\r\n", "\n", "\r\n", "\r"]), min_size=1, max_size=3).map(tuple),
        encoding=st.sampled_from([encoding, "utf-8-sig"] if encoding == "utf-8" else [encoding]),
        escape=st.just(escape),
        compressed=st.booleans(),
        trailing=st.booleans(),
        blank_lines=st.booleans(),
        separator_line=st.booleans(),
        final_end=st.booleans(),
        upper=st.booleans(),
        moment=st.sampled_from(["naive", "offset", "utc"]),
        suffix=st.sampled_from([".csv", ".CSV", ".Csv"]),
    )


Encoder = Callable[[list[Any]], pa.Array]
"""Values of a column, None among them, as an arrow array; raises where the type cannot hold one exactly."""


def _numbers(kind: pa.DataType) -> Encoder:
    def encode(values: list[Any]) -> pa.Array:
        if pa.types.is_floating(kind):
            array = pa.array([None if v is None else float(v) for v in values], pa.float64()).cast(kind)
            shortest = [None if v is None else float(str(v)) for v in array.cast(pa.string()).to_pylist()]
            if any(
                v is not None and Decimal(str(v)) != Decimal(repr(s))
                for v, s in zip(values, shortest, strict=True)
            ):
                raise ValueError(kind)
            return array
        if pa.types.is_decimal(kind):
            return pa.array([None if v is None else Decimal(str(v)) for v in values], kind)
        whole = [None if v is None else int(Decimal(str(v))) for v in values]
        if any(v is not None and Decimal(str(v)) != w for v, w in zip(values, whole, strict=True)):
            raise ValueError(kind)
        return pa.array(whole, kind)

    return encode


def _texts(kind: pa.DataType) -> Encoder:
    def encode(values: list[Any]) -> pa.Array:
        return pa.array([None if v is None else value_text(v, "offset") for v in values], pa.string()).cast(
            kind
        )

    return encode


def _dictionary(values: list[Any]) -> pa.Array:
    return _texts(pa.string())(values).dictionary_encode()


def _ids(kind: pa.DataType) -> Encoder:
    """Texts as numbers, where each is the number's own digits."""

    def encode(values: list[Any]) -> pa.Array:
        if any(v is not None and (v == "" or v != str(int(v)) or len(v) > 15) for v in values):
            raise ValueError(kind)
        return _numbers(kind)([None if v is None else int(v) for v in values])

    return encode


def _midnights(kind: pa.DataType) -> Encoder:
    zone = ZONE if kind.tz else None

    def encode(values: list[Any]) -> pa.Array:
        return pa.array([v and dt.datetime(v.year, v.month, v.day, tzinfo=zone) for v in values], kind)

    return encode


def _local(kind: pa.DataType) -> Encoder:
    def encode(values: list[Any]) -> pa.Array:
        return pa.array([v and v.astimezone(ZONE).replace(tzinfo=None) for v in values], kind)

    return encode


def _flags(values: list[Any]) -> pa.Array:
    return pa.array([None if value is None else int(value) for value in values], pa.int8())


def _plain(kind: pa.DataType) -> Encoder:
    return lambda values: pa.array(values, kind)


INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
NUMBERS = [*INTEGERS, pa.float16(), pa.float32(), pa.float64(), pa.decimal128(9, 1), pa.decimal128(12, 2),
           pa.decimal128(38, 10), pa.decimal256(50, 8)]  # fmt: skip
TEXTS = [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()]
ENCODERS: dict[str, list[Encoder]] = {
    "string": [*map(_texts, TEXTS), _dictionary, *(_ids(kind) for kind in (pa.int64(), pa.float64(), pa.decimal128(20, 0), pa.decimal128(20, 3)))],
    "integer": [*map(_numbers, NUMBERS), _texts(pa.string())],
    "decimal": [*map(_numbers, NUMBERS), _texts(pa.string())],
    "double": [*map(_numbers, NUMBERS), _texts(pa.string())],
    "date": [_plain(pa.date32()), _plain(pa.date64()), _texts(pa.string()), _dictionary,
             *(_midnights(pa.timestamp(unit, zone)) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC", "America/New_York"))],
    "timestamp": [*(_plain(pa.timestamp(unit, zone)) for unit in ("ms", "us", "ns") for zone in ("UTC", "America/New_York")),
                  *(_local(pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")), _texts(pa.string())],
    "boolean": [_plain(pa.bool_()), _flags, _texts(pa.string())],
}  # fmt: skip


@dataclass(frozen=True)
class ParquetWriting:
    """One way to write Parquet: ``choices`` decide the types of the columns in turn."""

    choices: tuple[int, ...]
    compression: str
    version: str
    pages: str
    row_group: int
    store_schema: bool
    suffix: str

    def write(self, path: Path, columns: list[Column], rows: list[Row]) -> Path:
        """Write rows to a file of that name, its ending added."""
        arrays = []
        for at, column in enumerate(columns):
            values = [row[column.name] for row in rows]
            arrays.append(self._encoded(column, values, self.choices[at % len(self.choices)]))
        table = pa.table(arrays, names=[column.name for column in columns])
        path = path.with_name(path.name + self.suffix)
        pq.write_table(
            table, path, compression=self.compression, version=self.version, data_page_version=self.pages,
            row_group_size=self.row_group, store_schema=self.store_schema, coerce_timestamps=None,
            write_page_checksum=True,
        )  # fmt: skip
        return path

    def _encoded(self, column: Column, values: list[Any], choice: int) -> pa.Array:
        if choice % 3 == 0 and all(value is None for value in values):
            return pa.nulls(len(values))
        encoders = ENCODERS[column.type]
        for more in range(len(encoders)):
            try:
                return encoders[(choice + more) % len(encoders)](values)
            except (ValueError, ArithmeticError, pa.ArrowException):
                continue
        raise AssertionError(f"no type holds {column.name}")


def parquet_writings() -> st.SearchStrategy[ParquetWriting]:
    """Ways to write Parquet."""
    return st.builds(
        ParquetWriting,
        choices=st.lists(st.integers(0, 59), min_size=1, max_size=12).map(tuple),
        compression=st.sampled_from(["none", "snappy", "zstd", "gzip"]),
        version=st.sampled_from(["1.0", "2.4", "2.6"]),
        pages=st.sampled_from(["1.0", "2.0"]),
        row_group=st.sampled_from([1, 3, 1000]),
        store_schema=st.booleans(),
        suffix=st.sampled_from([".parquet", ".Parquet", ".PARQUET"]),
    )


def int96_file(path: Path, columns: list[Column], rows: list[Row], *, local: bool) -> Path:
    """Write moments as INT96, in UTC as most writers do or in local time."""
    fields = {}
    for column in columns:
        values = [row[column.name] for row in rows]
        if column.type == "timestamp" and local:
            values = [v and v.astimezone(ZONE).replace(tzinfo=None) for v in values]
            fields[column.name] = pa.array(values, pa.timestamp("ns"))
        elif column.type == "timestamp":
            fields[column.name] = pa.array(values, pa.timestamp("ns", "UTC"))
        else:
            fields[column.name] = pa.array(values, column.arrow_type)
    path = path.with_name(path.name + ".parquet")
    pq.write_table(pa.table(fields), path, use_deprecated_int96_timestamps=True, store_schema=False)
    return path


def as_python(table: Table, batch: pa.Table) -> list[Row]:
    """Typed rows as they were given to be written."""
    return [
        {
            column.name: row[column.name].astimezone(dt.UTC)
            if isinstance(row[column.name], dt.datetime)
            else row[column.name]
            for column in table.columns
        }
        for row in batch.to_pylist()
    ]


def read(folder: Path, table: Table, home: Settings, **dialect: Any) -> pa.Table:
    """What the source hands over to landing."""
    source = FileSource(SourceSettings(location=str(folder), **dialect), CONTRACT, home)
    try:
        return source.extract(table, None, dt.timedelta()).rows.read_all()
    finally:
        source.close()


def typed(duck: duckdb.DuckDBPyConnection, table: Table, landed: pa.Table) -> list[Row]:
    """Landing rows in contract types, in the order of their positions; none may be marked as unreadable."""
    duck.register("landed", landed)
    described = duck.execute("DESCRIBE landed").fetchall()
    kinds = {row[0]: row[1].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") for row in described}
    reading = reading_of(SourceSettings(location="."), table, ZONE)
    sql = typed_select(table, "landed", kinds, ("_position",), reading=reading)
    found = duck.sql(f"SELECT * FROM ({sql}) ORDER BY _position").to_arrow_table()
    marks = [name for name in found.column_names if name.startswith("_bad_")]
    assert {name: set(found[name].to_pylist()) - {False} for name in marks} == {name: set() for name in marks}
    return as_python(table, found)
