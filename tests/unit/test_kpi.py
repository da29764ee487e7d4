"""What each file of a key figure keeps to, so that the sums over all of them hold."""

from __future__ import annotations

import pytest

from wattmark.audit.rules import all_rules
from wattmark.code_names import load_code_names
from wattmark.derive.kpi import COMPOSITE, figures
from wattmark.engine.catalog import Catalog, load_catalog
from wattmark.engine.sqlfile import SqlFile
from wattmark.settings import PROJECT_ROOT

SHAPE = ["period", "row_id", "org_unit_id", "staff_id", "row_key", "numerator", "denominator"]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(PROJECT_ROOT / "include")


@pytest.fixture(scope="module")
def files(catalog: Catalog) -> list[SqlFile]:
    return list(figures(catalog))


def test_each_figure_is_among_the_rows_of_all_and_on_the_side_it_belongs_to(
    catalog: Catalog, files: list[SqlFile]
) -> None:
    later = set(catalog.closing())
    by_day = {name for name in catalog.tables["kpi.part"].references if name.startswith("kpi.")}
    on_cases = {name for name in catalog.tables["kpi.case_part"].references if name.startswith("kpi.")}
    assert by_day == {file.name for file in files if file.name not in later}
    assert on_cases == {file.name for file in files if file.name in later}
    assert len(by_day) > 20 and len(on_cases) == 3


def test_the_sums_of_a_night_do_not_wait_for_cases(catalog: Catalog) -> None:
    later = set(catalog.closing())
    assert {"kpi.part", "kpi.staff_sum", "mart.dim_kpi"} & later == set()
    assert {"mart.audit_kpi", "mart.audit_kpi_change"} <= later


def test_each_figure_has_the_same_columns(files: list[SqlFile]) -> None:
    assert {file.name: file.statement.named_selects for file in files} == {file.name: SHAPE for file in files}


def test_what_a_header_says_is_there(catalog: Catalog, files: list[SqlFile]) -> None:
    rules, posts = (
        set(all_rules(catalog)),
        set(catalog.contract.tables["staff"].column("post").values),
    )
    names = load_code_names(PROJECT_ROOT / "include" / "code-names.yaml").lists
    for file in files:
        header = file.header
        assert set(header.get("rules") or ()) <= rules, file.name
        assert header["post"] in posts, file.name
        assert header["better"] in names["kpi_better"] and header["form"] in names["kpi_form"], file.name
        values = {name: parameter.default for name, parameter in file.parameters.items()}
        if (standard := values.get("standard")) is not None:
            assert (standard > values["floor"]) is (header["better"] == "high"), file.name
        assert file.table != COMPOSITE


def test_whose_rows_name_no_staff_say_so(files: list[SqlFile]) -> None:
    for file in files:
        named = next(item for item in file.statement.selects if item.alias_or_name == "staff_id")
        assert (named.this.sql() == "CAST(NULL AS TEXT)") is ("staff" not in file.header), file.name
