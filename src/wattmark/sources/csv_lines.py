"""CSV read line by line, for files of mixed line ends or with escapes; exact about lines, and slower."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from wattmark.errors import SourceError

LONGEST_ROW = 32 << 20
"""Bytes of the longest row that is read; a longer one is a quote that is not closed."""
ROWS = 20_000
"""Rows of a batch."""
STRAY_QUOTE = "text stands behind a closing quote"
BLANK_QUOTE = "a blank stands before an opening quote"

csv.field_size_limit(LONGEST_ROW)


@dataclass(frozen=True)
class Dialect:
    """How a file is written; ``skipped`` lines stand before its header.

    ``quote`` may be empty: quotes are text. ``escape`` takes its meaning from a quote, delimiter, line end or
    escape that follows it; before anything else it is text, as in ``\\N``. Without it a quote within quotes is doubled.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    encoding: str = "utf-8"
    skipped: int = 0

    @property
    def is_utf8(self) -> bool:
        """Whether the file's bytes are UTF-8."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")

    def options(self, *, strict: bool) -> dict[str, Any]:
        """Options of the csv module."""
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quote or None,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "escapechar": self.escape,
            "doublequote": bool(self.quote),
            "strict": strict,
        }


@dataclass(frozen=True)
class Reject:
    """A line that is no row: its number from 1, why, and its text."""

    line: int
    why: str
    text: str


class _Lines:
    """Lines of a file, counted; ``taken`` are those of the row at hand."""

    def __init__(self, lines: Iterator[str], dialect: Dialect) -> None:
        self.lines = lines
        self.count = 0
        self.taken: list[str] = []
        self.size = 0
        self._escape = dialect.escape
        if dialect.escape:
            meant = re.escape(dialect.escape + dialect.quote + dialect.delimiter + "\r\n")
            self._escaped = re.compile(f"{re.escape(dialect.escape)}([{meant}]?)")

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.count += 1
        self.taken.append(line)
        self.size += len(line)
        if self.size > LONGEST_ROW:
            raise csv.Error("field larger than field limit")
        if self._escape and self._escape in line:
            return self._escaped.sub(self._kept, line)
        return line

    def _kept(self, found: re.Match[str]) -> str:
        return found.group() if found.group(1) else found.group() * 2


def read_lines(
    path: Path, named: Path, dialect: Dialect, width: int, places: Sequence[int], done: int = 0
) -> Iterator[tuple[list[pa.Array], list[Reject]]]:
    """Stream rows as text, and the lines that are no rows.

    Args:
        path: the file, in UTF-8.
        named: the file to name in messages.
        dialect: how it is written.
        width: columns of the header.
        places: which of them to read, counted from 0.
        done: rows to leave out, since they were read before.

    Raises:
        SourceError: a quote is not closed; names the line.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(iter(file), dialect)
        for _ in range(dialect.skipped):
            next(lines)
        reader = csv.reader(lines, **dialect.options(strict=True))
        header = True
        rows: list[list[str]] = []
        rejects: list[Reject] = []
        while True:
            first = lines.count + 1
            lines.taken, lines.size = [], 0
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                if "field larger" in str(error):
                    raise too_long(named, first) from None
                if len(lines.taken) > 1:
                    raise open_quote(named, first) from None
                rejects.append(Reject(first, STRAY_QUOTE, "".join(lines.taken).rstrip("\r\n")))
                continue
            if header or not row:
                header = header and not row
                continue
            if dialect.quote and _blank_before_quote(row, lines.taken, dialect):
                rejects.append(Reject(first, BLANK_QUOTE, "".join(lines.taken).rstrip("\r\n")))
            elif len(row) != width and not (len(row) == width + 1 and row[-1] == ""):
                why = wrong_count(len(row), width)
                rejects.append(Reject(first, why, "".join(lines.taken).rstrip("\r\n")))
            elif done:
                done -= 1
            else:
                rows.append(row)
            if len(rows) >= ROWS or len(rejects) >= ROWS:
                yield _arrays(rows, places), rejects
                rows, rejects = [], []
        yield _arrays(rows, places), rejects


def _blank_before_quote(row: list[str], taken: list[str], dialect: Dialect) -> bool:
    """Whether a field opens with a blank and a quote that stand there as they are: is the quote one, or text?"""
    if not any(f" {dialect.quote}" in line for line in taken):
        return False
    text = "".join(taken)
    return any(
        field.startswith(" ")
        and field.lstrip(" ").startswith(dialect.quote)
        and (dialect.delimiter + field in text or text.startswith(field))
        for field in row
    )


def _arrays(rows: list[list[str]], places: Sequence[int]) -> list[pa.Array]:
    return [pa.array([row[at] or None for row in rows], pa.string()) for at in places]


def line_ends(text: str) -> int:
    """Line ends in a text, of any kind."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def wrong_count(found: int, width: int) -> str:
    """That a row has too few or too many fields."""
    return f"{found} field{'s' if found != 1 else ''} where the header has {width}"


def open_quote(path: Path, line: int) -> SourceError:
    """That a quoted field runs on over lines that are rows of their own."""
    return SourceError(
        "source.open_quote",
        f"{path}:{line}: a quote opens in this row and is not closed before the rows that follow.",
        "Close or double the quote, and export the file again; where quotes are plain text, set the source's `quote` to ''.",
    )


def too_long(path: Path, line: int) -> SourceError:
    """That a row is longer than any that is read."""
    return SourceError(
        "source.long_row",
        f"{path}:{line}: the row is longer than {LONGEST_ROW >> 20} MB: a quote in it is hardly closed.",
        "Close or double the quote, and export the file again.",
    )
