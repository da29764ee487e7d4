"""Known faults: every rule has its ways, and what is seeded is told, outside the source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

from tests.unit.sample_checks import CHECKS, connect
from wattmark.settings import PROJECT_ROOT
from wattmark_sample import (
    FolderSink,
    SampleError,
    SamplePlan,
    SampleSummary,
    generate,
    read_truth,
    truth_file,
    write_truth,
)
from wattmark_sample.faults.registry import REGISTRY, Truth
from wattmark_sample.faults.seeder import wanted_faults


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleSummary]:
    folder = tmp_path_factory.mktemp("seeded") / "source"
    plan = SamplePlan(
        accounts=1500,
        seed=5,
        interval_days=1,
        faults=[
            "TAR-01",
            "TAR-03",
            "TAR-05",
            "TAR-06",
            "TAR-07",
            "TAR-08",
            "TAR-16",
            "MET-01",
            "MET-03",
            "INS-06",
            "ARC-06",
            "COL-03",
        ],
    )
    return folder, generate(plan, FolderSink(folder))


@pytest.fixture(scope="module")
def session(seeded: tuple[Path, SampleSummary]) -> duckdb.DuckDBPyConnection:
    return connect(seeded[0])


@pytest.fixture(scope="module")
def catalogue() -> set[str]:
    """Rules as the project's files have them."""
    return {path.stem for path in (PROJECT_ROOT / "include" / "sql" / "audit").glob("*.sql")}


@pytest.fixture(scope="module")
def one_of_each(catalogue: set[str], tmp_path_factory: pytest.TempPathFactory) -> SampleSummary:
    """A sample with one fault a rule."""
    plan = SamplePlan(accounts=1500, seed=1, interval_days=1, faults=dict.fromkeys(sorted(catalogue), 1))
    return generate(plan, FolderSink(tmp_path_factory.mktemp("each") / "source"))


def without_fault(catalogue: set[str], truth: Iterable[Truth]) -> set[str]:
    """Rules for which nothing stands in a sample that they must flag."""
    return catalogue - {entry.rule_id for entry in truth if entry.subject_id}


def test_every_rule_has_a_fault(catalogue: set[str], one_of_each: SampleSummary) -> None:
    missing = sorted(without_fault(catalogue, one_of_each.truth))
    assert not missing, (
        f"no fault is seeded that {', '.join(missing)} must flag; add one to the sample's faults"
    )
    assert one_of_each.unplaced == []
    # No fault is of a rule that nobody has.
    assert {entry.rule_id for entry in one_of_each.truth} <= catalogue


def test_a_rule_without_a_fault_would_be_named(catalogue: set[str], one_of_each: SampleSummary) -> None:
    for rule_id in ("TAR-07", "ANA-06", "ACC-01"):
        fewer = [entry for entry in one_of_each.truth if entry.rule_id != rule_id]
        assert without_fault(catalogue, fewer) == {rule_id}
    assert without_fault({*catalogue, "TAR-99"}, one_of_each.truth) == {"TAR-99"}


def test_ways_of_a_rule_differ() -> None:
    wanted_faults(SamplePlan(faults=True))
    named = [(entry.rule_id, entry.way) for entry in REGISTRY]
    assert len(named) == len(set(named))


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(SampleError):
        wanted_faults(SamplePlan(faults=["TAR-99"]))


def test_counts_are_kept() -> None:
    assert len(wanted_faults(SamplePlan(faults={"TAR-07": 5, "MET-03": 1}))) == 6


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        ("TAR-01", "metering_point_id"),
        ("TAR-06", "bill_id"),
        ("TAR-16", "bill_id"),
        ("MET-01", "metering_point_id"),
        ("MET-03", "metering_point_id"),
        ("ARC-06", "id_number"),
        ("COL-03", "account_id"),
    ],
)
def test_seeded_subjects_break_their_rule_and_no_other_account_does(
    seeded: tuple[Path, SampleSummary], session: duckdb.DuckDBPyConnection, rule: str, column: str
) -> None:
    _, summary = seeded
    found = session.sql(CHECKS[rule])
    flagged = {row[found.columns.index(column)] for row in found.fetchall()}
    truth = [entry for entry in summary.truth if entry.rule_id == rule]
    assert truth
    if rule == "ARC-06":
        assert len(flagged) >= 1
        return
    wanted = {entry.subject_id for entry in truth}
    explained = {entry.account_id for entry in summary.truth if rule in (*entry.effects, entry.rule_id)}
    owners = dict(session.sql("SELECT metering_point_id, account_id FROM metering_point").fetchall())
    owners |= dict(session.sql("SELECT bill_id, account_id FROM bill").fetchall())
    others = {subject for subject in flagged - wanted if owners.get(subject, subject) not in explained}
    assert wanted <= flagged
    assert others == set()


def test_truth_stands_beside_the_source(seeded: tuple[Path, SampleSummary]) -> None:
    folder, summary = seeded
    file = truth_file(folder)
    write_truth(file, summary.truth)
    assert file.parent == folder.parent
    assert read_truth(file) == summary.truth
    assert summary.unplaced == []
    assert not any("truth" in str(file) for file in folder.rglob("*"))
