from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from wattmark import night
from wattmark.audit.rules import Rule, all_rules
from wattmark.engine.catalog import catalog_of, load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings
from wattmark_sample.faults.registry import Truth
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.score import MODELS, Score, findings_of, page, score, write_page
from wattmark_sample.sinks import FolderSink


@pytest.fixture(scope="module")
def rules() -> dict[str, Rule]:
    known = all_rules(load_catalog(PROJECT_ROOT / "include"))
    return {rule_id: known[rule_id] for rule_id in ("ARC-09", "MET-03", "TAR-20", "RSK-04")}


SEEDED = Truth("MET-03", "twice the ratio", "metering_point", "P1", "A1", ("TAR-20",), ("A1", "P1", "T1"))


def by_rule(scores: list[Score]) -> dict[str, Score]:
    return {found.rule_id: found for found in scores}


def test_a_seeded_fault_that_is_found_is_a_hit(rules: dict[str, Rule]) -> None:
    scored = by_rule(score(rules, [SEEDED], {"MET-03": [("metering_point", "P1", "A1")]}))["MET-03"]
    assert (scored.seeded, scored.hits, scored.missed, scored.extras, scored.recall, scored.precision) == (
        1,
        1,
        (),
        (),
        1.0,
        1.0,
    )


def test_a_seeded_fault_that_is_not_found_is_a_miss_with_its_way(rules: dict[str, Rule]) -> None:
    scored = by_rule(score(rules, [SEEDED], {}))["MET-03"]
    assert (scored.hits, scored.missed, scored.ways_missed, scored.recall, scored.precision) == (
        0,
        ("P1",),
        ("twice the ratio",),
        0.0,
        None,
    )


def test_the_same_key_of_another_subject_type_is_no_hit(rules: dict[str, Rule]) -> None:
    scored = by_rule(score(rules, [replace(SEEDED, touched=())], {"MET-03": [("meter", "P1", None)]}))[
        "MET-03"
    ]
    assert scored.hits == 0 and scored.extras == ("P1",)


def test_an_unseeded_finding_is_an_extra(rules: dict[str, Rule]) -> None:
    scored = by_rule(
        score(rules, [SEEDED], {"MET-03": [("metering_point", "P1", "A1"), ("metering_point", "P2", "A2")]})
    )["MET-03"]
    assert scored.extras == ("P2",) and scored.precision == 0.5 and scored.recall == 1.0


@pytest.mark.parametrize(
    ("finding", "effects", "extras"),
    [
        (("bill", "B1", "A1"), 1, ()),
        (("bill", "B2", "A2"), 0, ("B2",)),
        (("bill", "B3", None), 0, ("B3",)),
    ],
)
def test_a_known_effect_counts_for_neither_side(
    rules: dict[str, Rule], finding: tuple[str, str, str | None], effects: int, extras: tuple[str, ...]
) -> None:
    scored = by_rule(score(rules, [SEEDED], {"TAR-20": [finding]}))["TAR-20"]
    assert (scored.effects, scored.extras, scored.seeded) == (effects, extras, 0)


def test_what_is_so_by_nature_is_neither_missed_nor_an_extra(rules: dict[str, Rule]) -> None:
    late = replace(
        SEEDED,
        rule_id="RSK-04",
        subject_type="account",
        subject_id="",
        effects=("RSK-04",),
        touched=("A7", "A8"),
    )
    found = {"RSK-04": [("account", "A8", "A8"), ("account", "A9", "A9")]}
    scored = by_rule(score(rules, [late], found))["RSK-04"]
    assert (scored.seeded, scored.missed, scored.effects, scored.extras) == (0, (), 1, ("A9",))


def test_an_effect_of_a_rule_that_the_fault_does_not_name_is_an_extra(rules: dict[str, Rule]) -> None:
    scored = by_rule(score(rules, [replace(SEEDED, effects=())], {"TAR-20": [("bill", "B1", "A1")]}))[
        "TAR-20"
    ]
    assert scored.extras == ("B1",) and scored.precision == 0.0


def test_a_listing_has_no_precision(rules: dict[str, Rule]) -> None:
    scored = by_rule(score(rules, [], {"ARC-09": [("customer", "C1", None)]}))["ARC-09"]
    assert scored.precision is None and scored.recall is None


def test_the_page_lists_each_rule_and_counts_the_exact_ones(rules: dict[str, Rule], tmp_path: Path) -> None:
    scores = score(
        rules, [SEEDED], {"MET-03": [("metering_point", "P1", "A1")], "RSK-04": [("account", "A9", "A9")]}
    )
    text = page(scores, "A sample.")
    assert "1 of 4 rules had faults seeded; 1 found these and no others." in text
    assert "| MET-03 |" in text and "| 1 | 1 | 0 | 0 | 0 | 1.000 | 1.000 |" in text
    assert (
        next(line for line in text.splitlines() if line.startswith("| RSK-04")).split("|")[3].strip()
        == "model"
    )
    write_page(tmp_path / "a" / "page.md", scores, "A sample.")
    assert (tmp_path / "a" / "page.md").read_text(encoding="utf-8") == text


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_rule_flags_a_fault_of_its_own(tmp_path: Path) -> None:
    """One fault a rule, each flagged under its own subject; only a model need not find it."""
    catalogue = {path.stem for path in (PROJECT_ROOT / "include" / "sql" / "audit").glob("*.sql")}
    untold = {"RSK-04"}
    plan = SamplePlan(
        accounts=3000, seed=1, as_of=dt.date(2026, 11, 4), faults=dict.fromkeys(sorted(catalogue - untold), 1)
    )
    made = generate(plan, FolderSink(tmp_path / "sample", "parquet"))
    settings = load_settings(tmp_path / "home", sources=[{"location": str(tmp_path / "sample")}])
    run = Run.of(plan.as_of, settings.utility.time_zone)
    audit_all(settings, run)
    found = findings_of(settings, run)
    scores = {rule.rule_id: rule for rule in score(all_rules(catalog_of(settings)), made.truth, found)}
    assert set(scores) == catalogue
    assert {rule_id for rule_id, scored in scores.items() if not scored.hits and not scored.is_model} == set()
    assert {rule_id for rule_id in catalogue if not found.get(rule_id)} <= MODELS


def audit_all(settings: Settings, run: Run) -> None:
    """The night's own steps up to the audit."""
    for table in night.tables(settings):
        night.extract(settings, run, table)
    night.accept(settings, run)
    for layer in ("core", "facts", "segment"):
        night.build(settings, run, layer)
    night.audit(settings, run, scored=False)
    night.audit(settings, run, scored=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_rules_find_what_was_seeded_and_nothing_else(tmp_path: Path) -> None:
    """A small utility with every fault that fits into it, through the night's own steps up to the audit."""
    plan = SamplePlan(accounts=3000, faults=True, seed=1, as_of=dt.date(2026, 11, 4))
    made = generate(plan, FolderSink(tmp_path / "sample", "parquet"))
    assert len(made.truth) >= 200
    settings = load_settings(tmp_path / "home", sources=[{"location": str(tmp_path / "sample")}])
    run = Run.of(plan.as_of, settings.utility.time_zone)
    audit_all(settings, run)
    night.root_causes(settings, run)
    scores = score(all_rules(catalog_of(settings)), made.truth, findings_of(settings, run))
    wrong = {
        found.rule_id: (found.ways_missed, found.extras)
        for found in scores
        if not found.is_model and (found.missed or (found.extras and found.kind == "exception"))
    }
    assert wrong == {}
    with DuckDBSession(settings, run) as session:
        linked = session.query("SELECT COUNT(*) AS n FROM findings.root_cause").read_all()["n"][0].as_py()
        session.build("mart.audit_root_cause")
        told = (
            session.query("SELECT rule_id, cause_rule_id FROM mart.audit_root_cause").read_all().to_pylist()
        )
    # Each link stands between two findings of the night; a broken series of readings explains intervals.
    assert len(told) == linked > 0
    assert {"rule_id": "ANA-01", "cause_rule_id": "TAR-01"} in told
