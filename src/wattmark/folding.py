"""Texts made comparable, whatever their width, case and punctuation."""

from __future__ import annotations

import sys
import unicodedata
from functools import lru_cache

_REMOVED = ("P", "S", "Z")


@lru_cache(maxsize=1)
def _removed() -> dict[int, None]:
    """All characters of the Unicode categories P, S and Z, as a table for ``str.translate``."""
    return {
        code: None for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] in _REMOVED
    }


def fold(text: str) -> str:
    """NFKC, then case folded."""
    return unicodedata.normalize("NFKC", text).casefold()


def key_of(folded: str) -> str:
    """A folded text without punctuation, symbols and separators."""
    # Letters and digits alone are most texts, and are never of those categories.
    return folded if folded.isalnum() else folded.translate(_removed())
