"""How many examples properties try at length."""

from __future__ import annotations

import os

CI_SHARE = 4
"""CI, which has 90 minutes for all it does, tries one in so many."""


def at_length(number: int) -> int:
    """Examples of a property of the slow suite: all where a person runs it, a quarter of them in CI."""
    return max(number // CI_SHARE, 1) if os.environ.get("CI") else number
