"""Every golden case on DuckDB, and: no SQL file without a case."""

from __future__ import annotations

from pathlib import Path

import pytest

from wattmark.audit.rules import all_rules
from wattmark.engine.catalog import load_catalog
from wattmark.golden import Case, cases, run_case
from wattmark.settings import PROJECT_ROOT

CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case, tmp_path: Path) -> None:
    difference = run_case(case, tmp_path)
    assert not difference, f"{case.id}\n{difference}"


def test_every_table_and_rule_has_a_case() -> None:
    covered = {case.table for case in CASES}
    assert sorted(set(load_catalog(PROJECT_ROOT / "include").tables) - covered) == []


def test_every_rule_has_a_flagged_and_an_unflagged_subject() -> None:
    for rule_id in all_rules(load_catalog(PROJECT_ROOT / "include")):
        own = [case.body["expect"] for case in CASES if case.table == f"audit.{rule_id}"]
        assert any(expect["flagged"] for expect in own), f"{rule_id}: nothing is ever flagged"
        assert any(expect.get("should_check", 0) > len(expect["flagged"]) for expect in own), (
            f"{rule_id}: no case states a should_check above what is flagged"
        )
