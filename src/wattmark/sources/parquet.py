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

    ``types`` are the arrow types of its columns by name, INT96 as the source's setting of that name says; ``names`` all its columns' names, one that stands there twice included.
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
        instants = _int96(file) if int96 == "utc" else frozenset()
        for field in file.schema_arrow:
            types[field.name] = _UTC_MICROSECONDS if field.name in instants else field.type
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
                    if pa.types.is_timestamp(array.type) and array.type != file.types[name]:
                        arrays[name] = array.cast(pa.timestamp("us")).cast(file.types[name])
                    else:
                        arrays[name] = _well_formed(array)
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


def _int96(file: pq.ParquetFile) -> frozenset[str]:
    """Top-level columns of type INT96, which has no way to say what zone its times are in."""
    columns = (file.schema.column(at) for at in range(len(file.schema)))
    return frozenset(
        column.name for column in columns if column.physical_type == "INT96" and "." not in column.path
    )


def _well_formed(array: pa.Array) -> pa.Array:
    """Texts as they are, or as bytes where some are no UTF-8, so that those are refused and not handed on."""
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        return array
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        plain = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        return plain.cast(pa.large_string()).cast(pa.large_binary())
    return array


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
