"""Set up before anything is imported."""

from __future__ import annotations

import sys

import pytest

# Spark's client takes a main module without a file for a doctest run and leaves; a test worker's has none.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__

ENGINES, NIGHT = "tests/sql/test_engines.py", "tests/dags/test_night.py"
FIRST = (ENGINES, NIGHT, "tests/unit/test_segment_layer.py")
"""Files of minutes; begun first, they do not keep one worker busy while the others have ended."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first; a file stays on one worker, but for the longest, which is shared by two."""
    place = {name: number for number, name in enumerate(FIRST)}
    files = [item.nodeid.split("::")[0] for item in items]
    groups = {
        item: f"{file}-{number % 2}" if file == ENGINES else file
        for number, (item, file) in enumerate(zip(items, files, strict=True))
    }
    # Both halves of the longest begin at once, each on a worker of its own.
    order = {group: number for number, group in enumerate(dict.fromkeys(groups.values()))}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: (place.get(item.nodeid.split("::")[0], len(FIRST)), order[groups[item]]))
