"""The rules of the audit as readers see them, from the headers of their files."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, cast

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.engine.session import Session
from wattmark.engine.sqlfile import SqlFile

_TEXTS = ("kind", "judges", "proof", "severity", "basis")


@python_table(
    "core.rule",
    key=("rule_id",),
    files=("include/sql/audit",),
    columns={
        "rule_id": "string",
        "family": "string",
        "kind": "string",
        "judges": "string",
        "proof": "string",
        "severity": "string",
        "title_en": "string",
        "title_zh": "string",
        "flags_en": "string",
        "flags_zh": "string",
        "what_to_do_en": "string",
        "what_to_do_zh": "string",
        "basis": "string",
        "valid_from": "date",
        "valid_to": "date",
        "params": "string",
    },
    grain="one row per audit rule",
    purpose="The rules of the audit with the parameters in force on the day that the night speaks of.",
    docs={
        "rule_id": "The rule.",
        "family": "The group it belongs to.",
        "kind": "exception: something is wrong; listing: somebody has to look it over.",
        "judges": "month: what it says of a subject changes with the audited month alone; state: things as they stand.",
        "proof": "same, next or none: what shows that a finding was mended.",
        "severity": "high, medium or low.",
        "title_en": "What it is called.",
        "title_zh": "The same in Chinese.",
        "flags_en": "Exactly when it flags.",
        "flags_zh": "The same in Chinese.",
        "what_to_do_en": "What somebody does who finds it right.",
        "what_to_do_zh": "The same in Chinese.",
        "basis": "The regulation it rests on; empty where it rests on none.",
        "valid_from": "First day on which it is in force; empty where it always was.",
        "valid_to": "Last day on which it is in force; empty where it has no end.",
        "params": "JSON: its parameters in force.",
    },
)
def rule(context: TableContext) -> Rows:
    """One row for each rule file."""
    session = cast(Session, context.session)
    return [
        _row(file, session)
        for name, file in sorted(session.catalog.tables.items())
        if name.startswith("audit.") and isinstance(file, SqlFile)
    ]


def _row(file: SqlFile, session: Session) -> dict[str, Any]:
    header = file.header
    to_do = header.get("what_to_do") or {}
    params = file.values(file.day_of(session.scalars), session.overrides.get(file.name))
    return {
        "rule_id": file.table,
        "family": file.table.partition("-")[0],
        **{name: str(header[name]) if header.get(name) else None for name in _TEXTS},
        "title_en": header.get("title"),
        "title_zh": header.get("zh"),
        "flags_en": _text(header.get("flags")),
        "flags_zh": _text(header.get("flags_zh")),
        "what_to_do_en": _text(to_do.get("en")),
        "what_to_do_zh": _text(to_do.get("zh")),
        "valid_from": header.get("valid_from"),
        "valid_to": header.get("valid_to"),
        "params": json.dumps(_plain(params), ensure_ascii=False, sort_keys=True),
    }


def _text(given: Any) -> str | None:
    return str(given).strip() if given else None


def _plain(value: Any) -> Any:
    """A parameter's value as JSON holds it: keys are texts, days are written out."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value
