"""What every published column must have: a comment, and an exact type where it is money."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wattmark.engine.catalog import Catalog, load_catalog
from wattmark.engine.python_table import PythonTable
from wattmark.settings import PROJECT_ROOT

PUBLISHED = ("mart", "mart_pii")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(PROJECT_ROOT / "include")


def columns(catalog: Catalog) -> Iterator[tuple[str, str, str]]:
    """Name with its table, contract type, comment. That a file gives the columns it declares is bound by `check`."""
    for name, definition in catalog.tables.items():
        if name.split(".")[0] not in PUBLISHED:
            continue
        if isinstance(definition, PythonTable):
            assert set(definition.docs) <= set(definition.columns), name
            for column, kind in definition.columns.items():
                yield f"{name}.{column}", kind, definition.docs.get(column, "")
        else:
            for column, entry in definition.header["columns"].items():
                yield f"{name}.{column}", entry["type"], str(entry.get("doc", ""))


def test_every_published_column_has_a_comment(catalog: Catalog) -> None:
    found = list(columns(catalog))
    assert len(found) > 200
    assert [name for name, _, doc in found if not doc.strip()] == []


def test_money_is_exact(catalog: Catalog) -> None:
    money = [(name, kind) for name, kind, _ in columns(catalog) if name.endswith("_amount")]
    assert len(money) > 20
    assert [name for name, kind in money if kind != "decimal"] == []
