"""Set up before anything is imported."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

# Spark's client takes a main module without a file for a doctest run and leaves; a test worker's has none.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__

FIRST = (
    "tests/sql/test_engines.py", "tests/sql/test_golden.py", "tests/campaign/test_lists.py",
    "tests/unit/test_root_cause.py", "tests/web/test_workbench_browser.py", "tests/web/test_workbench.py",
    "tests/web/test_workbench_books.py", "tests/services/test_publish.py",
)  # fmt: skip
"""Files of minutes; begun first, they do not keep one worker busy while the others have ended."""


LONGEST = ("services", "dags", "tests/sql/test_engines.py")
"""Groups of a quarter of an hour and more, the longest first, where groups are shared out."""


OWN_SERVER = (
    "tests/services/test_any_database.py",
    "tests/services/test_full_warehouse.py",
    "tests/services/test_publish.py",
)
"""Files of minutes that start a database and no Airflow, on whatever port is free."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes longest first; the order within a file stays."""
    by_group = config.getoption("loadgroup", False)
    place = {name: number for number, name in enumerate(LONGEST if by_group else FIRST)}

    def turn(item: pytest.Item) -> int:
        name = group_of(item.nodeid) if by_group else item.nodeid.split("::")[0]
        return place.get(name, len(place))

    items.sort(key=turn)


def group_of(nodeid: str) -> str:
    """What goes to one worker together where groups are shared out: a file, or all that start services of their own.

    Two that start Airflow would take each other's ports. Nights that a command runs to their end start a database alone, on
    whatever port is free; they are a group of their own, as two of them would take each other's processor.
    """
    file = nodeid.split("::")[0]
    if file in OWN_SERVER:
        return file
    if file.startswith("tests/services/") or file == "tests/dags/test_counter.py":
        return "services"
    return "dags" if file.startswith("tests/dags/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share out groups by ``group_of`` for ``--dist loadgroup``.

    xdist's own reads groups out of names of tests, which pytest 9.2 no longer lets it write: each test went to whatever worker
    was free, and both started services (pytest-xdist, issue 1386).
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)


@pytest.fixture(autouse=True)
def same_settings() -> Iterator[None]:
    """No test's settings depend on what an earlier one left in the environment, as a command with --source does."""
    before = {name: value for name, value in os.environ.items() if name.startswith("WATTMARK_")}
    yield
    for name in [name for name in os.environ if name.startswith("WATTMARK_") and name not in before]:
        del os.environ[name]
    os.environ.update(before)


# A parsed project is a million objects that stay. Left to itself the collector looks through them so often that it takes a
# third of a worker's time; what tests leave behind is collected between two of them.
gc.disable()
_LEFT, _TESTS, _ROUNDS = 200_000, 20, 20
_test, _round = count(1), count(1)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish() -> None:
    """Collect what the last tests left where it is much, or may hold much that Python does not count; now and then all."""
    if gc.get_count()[0] < _LEFT and next(_test) % _TESTS:
        return
    if next(_round) % _ROUNDS:
        gc.collect(1)
    else:
        gc.unfreeze()
        gc.collect()
    gc.freeze()
