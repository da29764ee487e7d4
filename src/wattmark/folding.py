"""Texts made comparable, whatever their width, case and punctuation."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache

_REMOVED = ("P", "S", "Z")
_NUMERAL = r"[\d零〇一二三四五六七八九十百]"
# A mark is kept, as a hyphen, between two numerals alone.
_MARKS = re.compile(f"(?<!{_NUMERAL})-+|-+(?!{_NUMERAL})")


@lru_cache(maxsize=1)
def _marks() -> dict[int, str]:
    """All characters of the Unicode categories P, S and Z, as a table for ``str.translate``."""
    return {code: "-" for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] in _REMOVED}


def fold(text: str) -> str:
    """NFKC, then case folded."""
    return unicodedata.normalize("NFKC", text).casefold()


def key_of(folded: str) -> str:
    """A folded text without punctuation, symbols and separators.

    Between two numerals one hyphen stands for them, whichever they were: number 1-12 is not number 11-2.
    """
    # Letters and digits alone are most texts, and are never of those categories.
    if folded.isalnum():
        return folded
    return _MARKS.sub("", re.sub("-+", "-", folded.translate(_marks())))
