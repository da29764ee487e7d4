"""How a source writes dates and times where it is not ISO 8601, as patterns that find the parts of a text.

Known are an order of day, month and year (``DMY``, ``MDY``, ``YMD``, with ``-``, ``/``, ``.`` or nothing between) and
patterns as of ``strptime`` (``%d-%b-%y %H:%M``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ORDERS = ("DMY", "MDY", "YMD")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?"
"""A time of day as it is read everywhere; what is finer than a microsecond is cut off."""
OFFSET = r"(?:UTC|GMT)?[+-](?:0?\d|1[0-5])(?::?[0-5]\d)?|Z|z|UTC|GMT"
LETTERS = "[A-Za-z]{2,5}"
"""A zone as letters, which a source's settings may give a meaning."""

_PARTS = {
    "Y": r"(\d{4})",
    "y": r"(\d{2})",
    "m": r"(\d{1,2})",
    "d": r"(\d{1,2})",
    "b": r"([A-Za-z]{3})\.?",
    "B": r"([A-Za-z]{3,9})",
    "H": r"(\d{1,2})",
    "I": r"(0?[1-9]|1[0-2])",
    "p": r"([AaPp][Mm])",
    "M": r"(\d{2})",
    "S": r"(\d{2})",
    "f": r"(\d{1,9})",
    "z": rf"({OFFSET}|{LETTERS})",
}
_SHORT = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y"}


@dataclass(frozen=True)
class DateFormat:
    """A pattern: ``regex`` matches a whole text, ``parts`` names its groups (letters of ``strptime``, ``t`` a time of day)."""

    regex: str
    parts: tuple[str, ...]


def formats(written: str, century: int | None) -> tuple[DateFormat, ...]:
    """The patterns that a setting stands for.

    Args:
        written: an order such as ``DMY``, or a pattern as of ``strptime``.
        century: first of the hundred years that a year of two digits means; None reads no such year.

    Raises:
        ValueError: neither an order nor a pattern, a part is unknown, given twice or missing, a year of two digits
            without a century, or the parts stand as year, day, month, which cannot be told from ISO 8601.
    """
    if written in ORDERS:
        return _of_order(written, century)
    if "%" not in written:
        raise ValueError(f"{written!r} is neither one of {', '.join(ORDERS)} nor a pattern such as %d.%m.%Y")
    text = re.sub("%([FTRD])", lambda found: _SHORT[found[1]], written)
    regex, parts, at = "", [], 0
    while at < len(text):
        if text[at] != "%":
            regex += re.escape(text[at])
            at += 1
            continue
        letter = text[at + 1 : at + 2]
        if letter == "%":
            regex += "%"
        elif letter in _PARTS:
            regex += _PARTS[letter]
            parts.append(letter)
        else:
            known = ", ".join(f"%{part}" for part in (*_PARTS, *_SHORT))
            raise ValueError(f"{written!r} has %{letter}; known are {known}")
        at += 2
    names = "".join(parts).translate(str.maketrans("ybBI", "YmmH"))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{written!r} has %{twice[0]} twice")
    if missing := [f"%{letter}" for letter in "Ymd" if letter not in names]:
        raise ValueError(f"{written!r} lacks {', '.join(missing)}")
    if ("I" in parts) != ("p" in parts):
        raise ValueError(f"{written!r} has one of %I and %p without the other")
    if "y" in parts and century is None:
        raise ValueError(f"{written!r} has years of two digits: set century, such as 1950")
    if names.index("Y") < names.index("d") < names.index("m"):
        raise ValueError(f"{written!r} cannot be told from ISO 8601, which has the month before the day")
    return (DateFormat(regex, tuple(parts)),)


def _of_order(order: str, century: int | None) -> tuple[DateFormat, ...]:
    time = rf"(?:(?: +|T)({TIME}))?(?: ?({OFFSET}|{LETTERS}))?"
    found = []
    for year in ("Y", "y") if century is not None else ("Y",):
        parts = tuple({"D": "d", "M": "m", "Y": year}[letter] for letter in order)
        found.append(DateFormat("[-/.]".join(_PARTS[part] for part in parts) + time, (*parts, "t", "z")))
    compact = {"D": r"(\d{2})", "M": r"(\d{2})", "Y": r"(\d{4})"}
    parts = tuple({"D": "d", "M": "m", "Y": "Y"}[letter] for letter in order)
    found.append(DateFormat("".join(compact[letter] for letter in order) + time, (*parts, "t", "z")))
    return tuple(found)


def offset_minutes(written: str) -> int | None:
    """Minutes ahead of UTC of a fixed offset such as ``+08:00``, ``+0800``, ``-3``, ``GMT+8`` or ``UTC``; None where it is none."""
    if not re.fullmatch(OFFSET, written):
        return None
    found = re.search(r"([+-])(\d{1,2})(?::?(\d{2}))?$", written)
    if not found:
        return 0
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    return -minutes if found[1] == "-" else minutes
