"""Parquet files, each by its own types: what one file's writer made of a column says nothing of the next file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from wattmark.errors import SourceError
from wattmark.sources.table_files import unreadable

_UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")
_LARGE_ROW_GROUP = 256 << 20


@dataclass(frozen=True)
class ParquetFile:
    """One Parquet file, its footer read.

    ``types`` are the arrow types of its columns by name, times without a statement of their zone as the source's
    setting ``int96`` says; ``names`` all its columns' names, one that stands there twice included.
    """

    path: Path
    types: Mapping[str, pa.DataType]
    names: tuple[str, ...]


def open_parquet(path: Path, int96: Literal["utc", "local"]) -> ParquetFile:
    """Read a file's footer.

    Raises:
        SourceError: it is not a whole Parquet file, or cannot be read.
    """
    with _opened(path) as file:
        types = {}
        unstated = _unstated(file) if int96 == "utc" else frozenset()
        for field in file.schema_arrow:
            instant = field.name in unstated and pa.types.is_timestamp(field.type) and field.type.tz is None
            types[field.name] = _UTC_MICROSECONDS if instant else field.type
        return ParquetFile(path, types, tuple(file.schema_arrow.names))


def read_parquet(
    file: ParquetFile, columns: list[str], rows: int
) -> Iterator[tuple[int, dict[str, pa.Array]]]:
    """Stream some columns of a file, ``rows`` at a time, as number of rows and arrays by name.

    Raises:
        SourceError: the file is broken, or cannot be read any more.
    """
    with _opened(file.path) as opened:
        done = 0
        try:
            for batch in opened.iter_batches(rows, columns=columns):
                arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
                for name, array in arrays.items():
                    wanted = file.types[name]
                    if wanted == _UTC_MICROSECONDS and pa.types.is_timestamp(array.type):
                        arrays[name] = array if array.type.tz else array.cast(pa.timestamp("us")).cast(wanted)
                yield batch.num_rows, arrays
                done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _broken(file.path, error, f" past row {done:,}") from None


def _opened(path: Path) -> pq.ParquetFile:
    try:
        size = path.stat().st_size
        if size == 0:
            raise SourceError(
                "source.empty_file",
                f"{path}: the file has 0 bytes.",
                "Its export or copy broke off: provide it again. An empty table is a Parquet file of no rows.",
            )
        # A whole row group of great size is read piece by piece, the usual one at once.
        return pq.ParquetFile(
            path,
            buffer_size=8 << 20 if size > _LARGE_ROW_GROUP else 0,
            coerce_int96_timestamp_unit="us",
            page_checksum_verification=True,
        )
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise unreadable(path, error) from None
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, error, "") from None


def _unstated(file: pq.ParquetFile) -> frozenset[str]:
    """Top-level columns whose times do not say what zone they are in: INT96, and the older annotation.

    Both are instants in UTC by the format; a file that carries its arrow schema says it there.
    """
    stated_by_arrow = b"ARROW:schema" in (file.metadata.metadata or {})
    found = set()
    for at in range(len(file.schema)):
        column = file.schema.column(at)
        older = "is_from_converted_type=true" in str(column.logical_type) and not stated_by_arrow
        if "." not in column.path and (column.physical_type == "INT96" or older):
            found.add(column.name)
    return frozenset(found)


def _broken(path: Path, error: Exception, where: str) -> SourceError:
    try:
        size = path.stat().st_size
    except OSError as gone:
        return unreadable(path, gone)
    cause = str(error).splitlines()[0].removesuffix(".") if str(error) else type(error).__name__
    if isinstance(error, pa.ArrowNotImplementedError):
        return SourceError(
            "source.parquet_feature",
            f"{path}: it cannot be read{where}: {cause}.",
            "Write the file with a usual compression (zstd, snappy, gzip) and without encryption.",
        )
    return SourceError(
        "source.broken_file",
        f"{path}: not a whole Parquet file ({size:,} bytes){where}: {cause}.",
        "It may still be being written, or its copy broke off: provide it again and rerun.",
    )
