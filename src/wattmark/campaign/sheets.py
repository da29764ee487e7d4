"""Workbooks of lists: a sheet with a name, a header that stays, cells of their own kind, columns as wide as needed."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pyarrow as pa
import xlsxwriter

from wattmark.campaign.definition import CampaignError

MOST_ROWS = 1_048_575
"""Rows of a sheet, less its header."""
_WIDEST, _LOOKED_AT = 60, 2_000
_LONGEST_NAME = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_EXACT_DIGITS = 15
"""Digits that a cell's number keeps; longer ones stay texts."""


@dataclass(frozen=True)
class Look:
    """How a list's file is laid out.

    Attributes:
        title: name of a workbook's sheet.
        kinds: contract types of columns that are no texts: integer, double, decimal, date or boolean.
        bom: whether a CSV begins with a byte order mark, by which spreadsheets know UTF-8.
        draw: what writes a PDF, which is made of no rows.
    """

    title: str = "list"
    kinds: Mapping[str, str] = field(default_factory=dict)
    bom: bool = False
    draw: Callable[[BinaryIO], None] | None = None


PLAIN = Look()


def sheet_name(title: str) -> str:
    """A title as a sheet may be called: no more than 31 characters, none of ``[]:*?/\\``, no apostrophe at an end."""
    return _FORBIDDEN.sub(" ", title)[:_LONGEST_NAME].strip(" '") or "list"


def write_workbook(rows: pa.Table, stream: BinaryIO, look: Look) -> None:
    """Write text rows as one sheet; no cell is a formula or a link.

    Raises:
        CampaignError: more rows than a sheet holds.
    """
    if rows.num_rows > MOST_ROWS:
        raise CampaignError(
            "campaign.too_long", f"A spreadsheet holds {MOST_ROWS:,} rows.", "Choose csv or parquet."
        )
    book = xlsxwriter.Workbook(
        stream,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    # The same list is the same file, so it carries no time of its making.
    book.set_properties({"created": dt.datetime(2000, 1, 1), "author": "Wattmark"})
    sheet = book.add_worksheet(sheet_name(look.title))
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    formats = {
        kind: book.add_format({"num_format": shown})
        for kind, shown in (("date", "yyyy-mm-dd"), ("decimal", "#,##0.00"), ("integer", "0"))
    }
    for at, name in enumerate(rows.column_names):
        kind = look.kinds.get(name, "string")
        values = rows.column(at).to_pylist()
        sheet.write_string(0, at, name, head)
        sheet.set_column(at, at, _width([name, *values[:_LOOKED_AT]]))
        for line, value in enumerate(values, start=1):
            if value is not None:
                _write(sheet, line, at, value, kind, formats.get(kind))
    sheet.freeze_panes(1, 0)
    if rows.num_columns:
        sheet.autofilter(0, 0, rows.num_rows, rows.num_columns - 1)
    book.close()


def _write(sheet: Any, line: int, at: int, value: str, kind: str, form: Any) -> None:
    """A cell of its column's kind; what is none of it, would lose digits or is not finite stays the text it is."""
    # A workbook has no number for what is not finite: the writer says so by a TypeError.
    with contextlib.suppress(TypeError, ValueError):
        if kind == "date":
            sheet.write_datetime(line, at, dt.datetime.fromisoformat(value), form)
            return
        if kind in ("integer", "double", "decimal") and sum(map(str.isdigit, value)) <= _EXACT_DIGITS:
            sheet.write_number(line, at, float(value), form)
            return
    if kind == "boolean" and value in ("true", "false"):
        sheet.write_boolean(line, at, value == "true")
        return
    sheet.write_string(line, at, value)


def _width(values: list[str | None]) -> float:
    """Columns that a text takes, Chinese characters two each, within bounds."""
    widest = max(
        max(
            (
                sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)
                for line in (value or "").splitlines()
            ),
            default=0,
        )
        for value in values
    )
    return float(min(widest, _WIDEST) + 2)
