"""What a step returned, in one line for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_NUMBERS = 6


def brief(result: Any) -> str:
    """Counts of a step's result as words; empty where it holds none."""
    if not isinstance(result, Mapping):
        return ""
    if "rows" in result and "table" in result:
        told = {"unknown columns": "unknown_columns", "files not read": "left_out_files"}
        more = "".join(f"  {what}: {_first(result[key])}" for what, key in told.items() if result.get(key))
        return f"{result['rows']:,} rows{more}"
    numbers = {
        key: value for key, value in result.items() if isinstance(value, int) and not isinstance(value, bool)
    }
    if len(numbers) > MOST_NUMBERS:
        return f"{sum(numbers.values()):,} rows in {len(numbers)} tables"
    return ", ".join(f"{key} {value:,}" for key, value in numbers.items())


def _first(names: list[str], shown: int = 5) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")
