"""What was refused and why, in a person's words: the value as it is, invisible characters made visible, personal data masked."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from typing import Any

from wattmark.contract import Column, Table
from wattmark.quality.intervals import OVERLAP
from wattmark.quality.reading import FILLER, START

LONGEST = 60
"""Characters of a value that are shown."""

_KINDS = {
    "integer": "a whole number",
    "decimal": "an amount with at most two decimal places",
    "double": "a number",
    "date": "a date such as 2026-11-03",
    "timestamp": "a time such as 2026-11-03 08:30:00",
    "boolean": "true or false",
}
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}


def shown(value: Any, pii: bool = False) -> str:
    """A value in quotes, so that one sees what is in it: blanks at its ends as ␠, other invisible characters by number.

    Args:
        value: text, number, truth value or None, as it stands in the JSON of a refused row.
        pii: a personal value: only its first letter and its length are shown.
    """
    if value is None:
        return "empty"
    text = json.dumps(value) if isinstance(value, (bool, list, dict)) else str(value)
    if pii:
        return f"'{_visible(text[:1])}…' ({len(text)} character{'' if len(text) == 1 else 's'}, masked)"
    inner = text.strip(" ")
    if not inner:
        return f"'{_cut('␠' * len(text))}'"
    start = len(text) - len(text.lstrip(" "))
    end = len(text) - len(text.rstrip(" "))
    cut = _cut("␠" * start + inner)
    return f"'{_visible(cut)}{'␠' * min(end, LONGEST)}'"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _visible(text: str) -> str:
    return "".join(_visible_character(character) for character in text)


def _visible_character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character in " …␠" or unicodedata.category(character)[0] not in "CZ":
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def explain(reason: str, row_json: str | None, table: Table, why: str = "") -> str:
    """Why a row was refused, as a sentence.

    Args:
        reason: the reason of the quarantine, such as ``values:kind``.
        row_json: the row as it stands there: JSON of its values as they came, or the text of a line that is no row.
        table: the contract table.
        why: what a business check says about itself (``Check.why``).
    """
    kind, _, rest = reason.partition(":")
    columns = {column.name: column for column in table.columns}
    if rest not in columns:
        named = [name for name in rest.split(",") if name in columns]
        if not named or kind.startswith("csv line"):
            # The text of a line may hold anything personal.
            return reason
        values = " and ".join(_is(columns[name], row_json) for name in named)
        return f"{values}: {why or kind.replace('_', ' ')}"
    column = columns[rest]
    said = _is(column, row_json)
    if reason == OVERLAP:
        return (
            f"{START} is in the time of another interval of the point, which holds ({_is(column, row_json)})"
        )
    if reason == f"{FILLER}{START}":
        return f"{said}, a local time that does not exist on that day, without energy: left out"
    sentences = {
        "type": f"{said}, not {_KINDS.get(column.type, 'what can be read')}",
        "text": f"{said}, with a character that cannot be stored",
        "required": f"{column.name} is empty, but must not be",
        "values": f"{said}, must be one of {', '.join(map(str, column.values))}",
        "ref": f"{said}, but no such {column.ref} was accepted",
        "follows": f"{said}, and that {column.ref} was refused itself",
        "clock": f"{said}, a local time that does not exist, or exists twice with nothing to tell which is meant",
    }
    return sentences.get(kind) or f"{said}: {why or kind.replace('_', ' ')}"


def _is(column: Column, row_json: str | None) -> str:
    try:
        row = json.loads(row_json) if row_json else {}
    except ValueError:
        row = {}
    if not isinstance(row, dict) or column.name not in row:
        return column.name
    return f"{column.name} is {shown(row[column.name], column.pii)}"


def examples(refused: Iterable[tuple[str | None, str, str | None]], table: Table, most: int = 3) -> str:
    """Some refused rows (key, reason, row), each with its key and why, one of each reason first.

    Keys are shown unless the contract says that a column of the key is personal.
    """
    pii = any(table.column(name).pii for name in table.key)
    by_reason: dict[str, list[str]] = {}
    for key, reason, row in refused:
        named = f"row {shown(key, pii)}" if key else "a row without a key"
        by_reason.setdefault(reason, []).append(f"{named}: {explain(reason, row, table)}")
    rounds = max(map(len, by_reason.values()), default=0)
    told = [lines[at] for at in range(rounds) for lines in by_reason.values() if at < len(lines)]
    return "; ".join(told[:most])
