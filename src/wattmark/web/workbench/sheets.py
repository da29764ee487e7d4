"""What a list shows as a file for spreadsheets: no cell is a formula."""

from __future__ import annotations

import codecs
import io
from collections.abc import Sequence

import pyarrow as pa
from pyarrow import csv

from wattmark.campaign.channel_list import harmless
from wattmark.campaign.sheets import Look, write_workbook
from wattmark.web.workbench.desk import Desk, Row

TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
"""Forms of a file and what they are served as."""
_KINDS = {
    "period": "date", "opened_on": "date", "due_on": "date", "back_on": "date", "week": "date", "from_on": "date", "until_on": "date",
    "call_back_due_on": "date", "month": "date", "max_wd": "integer", "working_days": "integer", "satisfaction": "integer",
    "steps": "integer", "ended": "integer", "over_limit": "integer", "over_share": "double", "median_time": "double", "p90_time": "double",
    "time_taken": "double", "time_limit": "double", "time_over": "double",
    "at_stake_amount": "decimal", "expected_amount": "decimal", "effects": "integer", "week_rank": "integer",
}  # fmt: skip


def file_of(desk: Desk, title: str, rows: Sequence[Row], columns: Sequence[str], form: str) -> bytes:
    """Rows as a workbook or as CSV with a byte order mark, columns under their labels.

    Args:
        desk: whose language it is in.
        title: name of a workbook's sheet.
        rows: what is listed.
        columns: which of it, in order; codes stay codes, so that files can be joined to marts.
        form: ``xlsx`` or ``csv``.
    """
    names = [desk.label(column) for column in columns]
    if len(set(names)) < len(names):
        names = list(columns)
    texts = [
        pa.array([None if row[column] is None else str(row[column]) for row in rows], pa.string())
        for column in columns
    ]
    table = pa.table(dict(zip(names, texts, strict=True)))
    stream = io.BytesIO()
    if form == "csv":
        stream.write(codecs.BOM_UTF8)
        csv.write_csv(
            harmless(table), stream, csv.WriteOptions(include_header=True, quoting_style="all_valid")
        )
    else:
        kinds = {
            name: _KINDS[column] for name, column in zip(names, columns, strict=True) if column in _KINDS
        }
        write_workbook(table, stream, Look(title, kinds))
    return stream.getvalue()
