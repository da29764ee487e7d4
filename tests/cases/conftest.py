"""The warehouse's schema ops, empty for each test; homes for small worlds and for made-up nights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cases.utility import units_url, utility, utility_settings
from tests.ops_server import ops, warehouse_url
from wattmark.publish.ops import libpq_url

__all__ = ["ops", "units_url", "utility", "utility_settings", "warehouse_url"]


@pytest.fixture(scope="session")
def case_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose SQL files are parsed once; each world empties its lake."""
    return tmp_path_factory.mktemp("cases")


@pytest.fixture(scope="session")
def nights_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for made-up nights; the catalog of rules is read once."""
    return tmp_path_factory.mktemp("nights")


@pytest.fixture
def no_marts(warehouse_url: str) -> Iterator[None]:
    """A warehouse in which no night was published yet, whatever stands there for other tests."""
    there = "SELECT FROM pg_namespace WHERE nspname = '{}'"
    with psycopg.connect(libpq_url(warehouse_url), autocommit=True) as connection:
        if aside := connection.execute(there.format("mart")).fetchone() is not None:
            connection.execute("ALTER SCHEMA mart RENAME TO mart_aside")
        yield
        connection.execute("DROP SCHEMA IF EXISTS mart CASCADE")
        if aside:
            connection.execute("ALTER SCHEMA mart_aside RENAME TO mart")
