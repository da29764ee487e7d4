"""CSV as people and programs write it: one file's dialect, and its rows as text, streamed.

What the dialect is follows from the header line and the source's settings, never from a look at some rows, so
that a quote that begins late in a file is still one. An ordinary file is DuckDB's to read; one whose line ends
are mixed, or that has escapes, goes line by line (``csv_lines``). Both give the same rows.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any
from zlib import error as ZlibError

import duckdb
import numpy as np
import pyarrow as pa

from wattmark.engine.sqlfile import literal
from wattmark.errors import SourceError
from wattmark.source_settings import SourceSettings
from wattmark.sources import csv_lines
from wattmark.sources.csv_lines import LONGEST_ROW, Dialect, Reject
from wattmark.sources.table_files import unreadable

DELIMITERS = (",", ";", "\t", "|")
"""What is tried between the names of a header, where the source's settings do not say."""
_HEAD = 1 << 18
_CHUNK = 1 << 17
_NUL_SHARE = 5
"""A fifth of NUL characters at the head of a file is too many for text with a stray one."""
_BUFFER = 32 << 20
_BOMS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class CsvFile:
    """One CSV file, its header read.

    ``names`` are the columns of the header in order; one without a name is called after its place.
    """

    path: Path
    names: tuple[str, ...]
    dialect: Dialect


@dataclass
class _Survey:
    """What a pass over all of a file found; ``path`` is the file in UTF-8, itself or a copy."""

    path: Path
    size: int = 0
    quotes: int = 0
    line_feeds: int = 0
    returns: int = 0
    pairs: int = 0
    escapes: int = 0
    _last: bytes = field(default=b"", repr=False)

    def take(self, chunk: bytes, dialect: Dialect) -> None:
        self.size += len(chunk)
        self.line_feeds += chunk.count(b"\n")
        if returns := chunk.count(b"\r"):
            self.returns += returns
            self.pairs += chunk.count(b"\r\n")
        if self._last == b"\r" and chunk.startswith(b"\n"):
            self.pairs += 1
        if dialect.quote:
            self.quotes += chunk.count(dialect.quote.encode())
        if dialect.escape:
            self.escapes += chunk.count(dialect.escape.encode())
        self._last = chunk[-1:]

    @property
    def lines(self) -> int:
        """Line ends so far."""
        return self.line_feeds + self.returns - self.pairs

    @property
    def mixed(self) -> bool:
        """Whether more than one kind of line end occurs, be it within quotes."""
        kinds = (self.line_feeds > self.pairs) + (self.returns > self.pairs) + (self.pairs > 0)
        return kinds > 1


def open_csv(path: Path, settings: SourceSettings, wanted: Sequence[str]) -> CsvFile:
    """Read a file's header.

    Args:
        path: the file.
        settings: encoding and dialect, where they are set.
        wanted: the names that columns may have, in lower case; the delimiter is the one that finds most of them.

    Raises:
        SourceError: the file cannot be read, is not in its encoding, or has no header line.
    """
    try:
        with _opened(path) as file:
            head = file.read(_HEAD)
    except (EOFError, ZlibError, gzip.BadGzipFile) as error:
        raise _broken_gzip(path, error) from None
    except OSError as error:
        raise unreadable(path, error) from None
    if not head:
        raise SourceError(
            "source.empty_file",
            f"{path}: the file has 0 bytes: there is not even a header line.",
            "Its export or copy broke off: provide it again. An empty table is a file with its header line.",
        )
    encoding = next((name for bom, name in _BOMS.items() if head.startswith(bom)), settings.encoding)
    text = _decoded_head(path, head, encoding)
    lines = _LINE.findall(text)
    skipped = 0
    separator = settings.delimiter
    while skipped < len(lines) and (not lines[skipped].strip() or _SEPARATOR_LINE.fullmatch(lines[skipped])):
        if found := _SEPARATOR_LINE.fullmatch(lines[skipped]):
            separator = separator or found.group(1)
        skipped += 1
    if skipped == len(lines):
        raise SourceError(
            "source.no_header",
            f"{path}: there is no header line.",
            "Give the columns' names in the first line.",
        )
    body = "".join(lines[skipped:])
    names, dialect = max(
        (
            _header(path, body, Dialect(delimiter, settings.quote, settings.escape, encoding, skipped))
            for delimiter in ([separator] if separator else DELIMITERS)
        ),
        key=lambda found: (sum(name.lower() in wanted for name in found[0]), len(found[0])),
    )
    if len(names) == 1 and names[0].lower() not in wanted:
        raise SourceError(
            "source.no_header",
            f"{path}:{skipped + 1}: the header line has a single column, which is none of the table's.",
            "Give the columns' names in the first line; set the source's delimiter in settings.yaml where it is none of comma, semicolon, tab and |.",
        )
    return CsvFile(path, names, dialect)


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")


def _decoded_head(path: Path, head: bytes, encoding: str) -> str:
    import codecs

    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeError as error:
        raise _not_encoded(path, encoding, 1, error) from None
    # A NUL here and there is refused with its row; text of which every other byte is one is in another encoding.
    if text.count("\0") * _NUL_SHARE > len(text):
        raise _nul(path, 1 + text[: text.index("\0")].count("\n"))
    return text


def _header(path: Path, body: str, dialect: Dialect) -> tuple[tuple[str, ...], Dialect]:
    try:
        row = next(csv.reader(io.StringIO(body, newline=""), **dialect.options(strict=False)))
    except csv.Error:
        return (), dialect
    names = [name.strip() for name in row]
    if len(names) > 1 and not names[-1]:
        # Programs that end each line in a delimiter end the header so.
        names.pop()
    return tuple(name or f"column {at} without a name" for at, name in enumerate(names, 1)), dialect


def read_csv(
    file: CsvFile, duck: duckdb.DuckDBPyConnection, scratch: Path, places: Sequence[int]
) -> Iterator[tuple[list[pa.Array], list[Reject]]]:
    """Stream a file's rows as text, and the lines that are no rows; an empty field is null.

    Args:
        file: the opened file.
        duck: a connection that is used for nothing else meanwhile.
        scratch: folder for a copy, where the file is compressed or not UTF-8.
        places: which columns of the header to read, counted from 0.

    Yields:
        arrays of text, one a place, with the rejected lines found beside them.

    Raises:
        SourceError: the file cannot be read, is not in its encoding, or a quote in it is not closed; names the line.
    """
    copied = file.path.name.lower().endswith(".gz") or not file.dialect.is_utf8
    copy = scratch / "copy.csv" if copied else None
    try:
        survey = _surveyed(file, copy)
        if file.dialect.quote and survey.mixed:
            survey_is_plain = _one_line_end(survey.path, file.dialect.quote)
        else:
            survey_is_plain = not survey.mixed
        plain = survey_is_plain and not survey.escapes and not file.dialect.skipped and survey.quotes % 2 == 0
        done = 0
        if plain:
            try:
                for arrays, rejects in _fast(file, survey, duck, places):
                    yield arrays, rejects
                    done += len(arrays[0])
                return
            except (duckdb.Error, _PlaceLostError):
                # What DuckDB cannot read to its end is read on line by line, past the rows handed over.
                pass
        yield from csv_lines.read_lines(survey.path, file.path, file.dialect, len(file.names), places, done)
    except (EOFError, ZlibError, gzip.BadGzipFile) as error:
        raise _broken_gzip(file.path, error) from None
    except OSError as error:
        raise unreadable(file.path, error) from None
    finally:
        if copy is not None:
            copy.unlink(missing_ok=True)


def _surveyed(file: CsvFile, copy: Path | None) -> _Survey:
    """Pass over the whole file once: its encoding is checked, and what decides who can read it is counted."""
    import codecs

    dialect = file.dialect
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    survey = _Survey(copy or file.path)
    out = copy.open("wb") if copy else None
    try:
        with _opened(file.path) as source:
            while chunk := source.read(_CHUNK):
                text = decoder.decode(chunk)
                data = text.encode("utf-8") if not dialect.is_utf8 else chunk
                survey.take(data, dialect)
                if out:
                    out.write(data)
            decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise _not_encoded(file.path, dialect.encoding, survey.lines + 1, error) from None
    finally:
        if out:
            out.close()
    return survey


def _one_line_end(path: Path, quote: str) -> bool:
    """Whether all line ends outside quotes are of one kind."""
    inside = False
    kinds: set[str] = set()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if chunk.endswith(b"\r"):
                chunk += file.read(1)
            data = np.frombuffer(chunk, dtype=np.uint8)
            quoted = np.bitwise_xor.accumulate(data == ord(quote)) ^ inside
            inside = bool(quoted[-1])
            feeds, returns = (data == 10) & ~quoted, (data == 13) & ~quoted
            pairs = returns[:-1] & feeds[1:]
            if pairs.any():
                kinds.add("pair")
            if feeds.sum() > pairs.sum():
                kinds.add("feed")
            if returns.sum() > pairs.sum():
                kinds.add("return")
            if len(kinds) > 1:
                return False
    return True


def _text(value: str) -> str:
    return str(literal(value).sql(dialect="duckdb"))


def _fast(
    file: CsvFile, survey: _Survey, duck: duckdb.DuckDBPyConnection, places: Sequence[int]
) -> Iterator[tuple[list[pa.Array], list[Reject]]]:
    dialect = file.dialect
    columns = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(file.names)))
    # Where a large file is cut for two readers, a line end within quotes may be taken for a row's.
    parallel = not (survey.quotes and survey.size > _BUFFER)
    options = (
        f"auto_detect = false, header = true, delim = {_text(dialect.delimiter)}, quote = {_text(dialect.quote)}, "
        f"escape = {_text(dialect.quote)}, columns = {{{columns}}}, strict_mode = true, null_padding = false, "
        f"compression = 'none', max_line_size = {LONGEST_ROW}, parallel = {str(parallel).lower()}, "
        "hive_partitioning = false, ignore_errors = true, store_rejects = true, rejects_limit = 0"
    )
    # The name is a pattern to DuckDB: brackets and the like stand for themselves only so.
    pattern = re.sub(r"([\[\]*?])", r"[\1]", str(survey.path))
    duck.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    listed = ", ".join(f"c{at}" for at in places)
    reader = duck.sql(f"SELECT {listed} FROM read_csv({_text(pattern)}, {options})").to_arrow_reader(100_000)
    for batch in reader:
        yield batch.columns, []
    rejects = _rejected(file, survey, duck)
    while rejects:
        yield [pa.nulls(0, pa.string()) for _ in places], rejects[:10_000]
        rejects = rejects[10_000:]


def _rejected(file: CsvFile, survey: _Survey, duck: duckdb.DuckDBPyConnection) -> list[Reject]:
    """The lines DuckDB set aside; a row that runs over lines because of a quote stops the file."""
    if not duck.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall():
        return []
    found: dict[int, tuple[Any, ...]] = {}
    for row in duck.execute(
        "SELECT line_byte_position, CAST(error_type AS VARCHAR), error_message, csv_line FROM reject_errors ORDER BY 1"
    ).fetchall():
        found.setdefault(row[0], row[1:])
    rejects = []
    for line, (kind, message, text) in zip(_lines_at(survey.path, list(found)), found.values(), strict=True):
        if kind == "LINE SIZE OVER MAXIMUM":
            raise csv_lines.too_long(file.path, line)
        if kind == "UNQUOTED VALUE":
            if not _has_stray_quote(text.strip("\r\n"), file.dialect):
                raise _PlaceLostError
            why = csv_lines.STRAY_QUOTE
        elif counts := re.search(r"Columns: (\d+) Found: (\d+)", message):
            why = csv_lines.wrong_count(int(counts.group(2)), int(counts.group(1)))
        else:
            why = kind.lower()
        rejects.append(Reject(line, why, text.strip("\r\n")))
    return rejects


class _PlaceLostError(Exception):
    """What DuckDB set aside is not a line of the file: a quote that swallowed a line end misled it."""


def _has_stray_quote(text: str, dialect: Dialect) -> bool:
    """Whether text stands behind a closing quote of this line."""
    if not text or csv_lines.line_ends(text):
        return False
    try:
        next(csv.reader([text], **dialect.options(strict=True)))
    except csv.Error as error:
        # Else the quote is still open at the end.
        return "expected after" in str(error)
    return False


def _lines_at(path: Path, positions: list[int]) -> list[int]:
    """Line numbers, from 1, of bytes counted from 1, in rising order; one that is a line end stands for the line after it."""
    lines: list[int] = []
    line = 1
    with path.open("rb") as file:
        at = 0
        for position in positions:
            while at < position - 1 and (chunk := file.read(min(_CHUNK, position - 1 - at))):
                at += len(chunk)
                # A pair cut in two must be counted once.
                if chunk.endswith(b"\r") and file.peek(1)[:1] == b"\n":
                    chunk = chunk[:-1]
                line += _line_ends(chunk)
            ahead = file.peek(1)[:1024]
            lines.append(line + _line_ends(ahead[: len(ahead) - len(ahead.lstrip(b"\r\n"))]))
    return lines


def _line_ends(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _not_encoded(path: Path, encoding: str, line: int, error: UnicodeError) -> SourceError:
    """That a file is not in its encoding; ``line`` is that of the first byte the error speaks of."""
    name = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    if isinstance(error, UnicodeDecodeError):
        line += _line_ends(error.object[: error.start].decode(encoding, "ignore").encode())
    return SourceError(
        "source.encoding",
        f"{path}:{line}: the file is not {name} text.",
        "Export it as UTF-8, or set the source's encoding in settings.yaml (such as gb18030, or utf-16-le where a file "
        "in UTF-16 has no byte order mark).",
    )


def _nul(path: Path, line: int) -> SourceError:
    return SourceError(
        "source.encoding",
        f"{path}:{line}: NUL characters all over, which no text has.",
        "If the file is UTF-16, set the source's encoding in settings.yaml to utf-16le or utf-16be; else provide it again.",
    )


def _broken_gzip(path: Path, error: Exception) -> SourceError:
    why = "it ends too early" if isinstance(error, EOFError) else "its data cannot be decompressed"
    return SourceError(
        "source.broken_file",
        f"{path}: not a whole gzip file: {why}.",
        "It may still be being written, or its copy broke off: provide it again and rerun.",
    )
