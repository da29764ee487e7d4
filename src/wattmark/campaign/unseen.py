"""Characters that do not show: what an approver reads must be what is run, and what is sent."""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd"
    "\ud800-\udfff\ue000-\uf8ff]"
)
"""Controls but tab and line break, turns of direction, blanks of no width, halves of characters, and those of nobody's
alphabet; what joins letters and emojis stays."""


def unseen_in(text: str) -> str:
    """The first character of a text that does not show, as ``U+202E``; empty where all do."""
    found = _UNSEEN.search(text)
    return f"U+{ord(found[0]):04X}" if found else ""
