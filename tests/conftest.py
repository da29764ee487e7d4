"""Set up before anything is imported."""

from __future__ import annotations

import sys

import pytest

# Spark's client takes a main module without a file for a doctest run and leaves; a test worker's has none.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__

FIRST = ("tests/sql/test_engines.py", "tests/dags/test_night.py", "tests/unit/test_segment_layer.py")
"""Files of minutes; begun first, they do not keep one worker busy while the others have ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files of ``FIRST`` first; the order within a file stays."""
    place = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.split("::")[0], len(FIRST)))
