"""Set up before anything is imported."""

from __future__ import annotations

import sys

import pytest

# Spark's client takes a main module without a file for a doctest run and leaves; a test worker's has none.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__

FIRST = ("tests/sql/test_engines.py", "tests/dags/test_night.py", "tests/unit/test_segment_layer.py")
"""Files of minutes; begun first, they do not keep one worker busy while the others have ended."""


OWN_SERVER = (
    "tests/services/test_any_database.py",
    "tests/services/test_full_warehouse.py",
    "tests/services/test_publish.py",
)
"""Files of minutes that start a database and no Airflow, on whatever port is free."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files of ``FIRST`` first; the order within a file stays.

    Where groups are shared out (``--dist loadgroup``), what starts services of its own is one group: two would take each
    other's ports. All else goes by file. First of its kind, as xdist's own hook reads the groups.
    """
    for item in items:
        file = item.nodeid.split("::")[0]
        alone = file.startswith(("tests/services/", "tests/dags/")) and file not in OWN_SERVER
        item.add_marker(pytest.mark.xdist_group("services" if alone else file))
    place = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.split("::")[0], len(FIRST)))
