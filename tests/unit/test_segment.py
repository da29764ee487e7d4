"""Models, load profiles, association and linkage without a lake."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from wattmark.engine.catalog import load_catalog
from wattmark.engine.sqlfile import SqlFile
from wattmark.segment import association, scoring
from wattmark.settings import PROJECT_ROOT

MONTH = dt.date(2026, 11, 1)
SCORECARD = scoring.Model(None, {"intercept": -2.0, "late": 1.0})
LIMITS = scoring.Limits(min_events=30, margin=0.02, min_auc=0.55)


def _history(rows: int, seed: int, strength: float = 4.0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    random = np.random.default_rng(seed)
    late, noise = random.random(rows), random.random(rows)
    failed = random.random(rows) < 1 / (1 + np.exp(-(strength * late - 3)))
    return {"late": late, "noise": noise}, failed


def test_a_fit_is_the_same_bit_for_bit_and_finds_what_is_there() -> None:
    columns, failed = _history(4000, 1)
    first, second = scoring.fit(columns, failed, MONTH), scoring.fit(columns, failed, MONTH)
    assert first == second
    assert first.coefficients["late"] == pytest.approx(4.0, abs=0.6)
    assert abs(first.coefficients["noise"]) < 0.4


@pytest.mark.parametrize(("events", "role"), [(29, "scorecard"), (30, "challenger")])
def test_a_model_needs_its_fewest_events(events: int, role: str) -> None:
    columns, failed = _history(2000, 2)
    few = np.zeros(2000, dtype=bool)
    few[np.argsort(-columns["late"])[:events]] = True
    choice = scoring.choose((columns, failed), (columns, few), None, SCORECARD, MONTH, LIMITS)
    assert choice.role == role


def test_a_challenger_worse_than_the_champion_is_not_put_in_use() -> None:
    _, failed = _history(3000, 3)
    useless = {"noise": np.random.default_rng(4).random(3000)}
    test, failed_test = _history(3000, 5)
    champion = scoring.Model(dt.date(2026, 10, 1), {"intercept": -3.0, "late": 4.0})
    choice = scoring.choose((useless, failed), (test, failed_test), champion, SCORECARD, MONTH, LIMITS)
    assert (choice.role, choice.model) == ("champion", champion)
    assert "below 0.55" in choice.why.en
    assert "0.55" in choice.why.zh
    assert [role for role, _, _ in choice.candidates] == ["champion", "challenger"]


def test_a_challenger_worse_by_more_than_the_margin_is_refused_and_at_the_margin_it_is_not() -> None:
    data = _history(3000, 5)
    champion = scoring.Model(dt.date(2026, 10, 1), {"intercept": -3.0, "late": 4.0})
    test = data
    blurred = ({"noise": 0.75 * data[0]["noise"] + 0.25 * data[0]["late"]}, data[1])
    base = scoring.measures(champion.probabilities(test[0], 3000), test[1])["auc"]
    challenger = scoring.fit(blurred[0], blurred[1], MONTH)
    auc = scoring.measures(challenger.probabilities({**test[0], **blurred[0]}, 3000), test[1])["auc"]
    assert 0.55 < auc < base, "the case needs a challenger that is worse, but no matter of chance"
    both = ({**test[0], "noise": blurred[0]["noise"]}, test[1])
    for margin, role in ((base - auc + 1e-9, "challenger"), (base - auc - 1e-5, "champion")):
        choice = scoring.choose(blurred, both, champion, SCORECARD, MONTH, scoring.Limits(30, margin, 0.55))
        assert choice.role == role, margin


def test_a_model_no_better_than_chance_is_never_put_in_use() -> None:
    """Even where the scorecard is worse still: a wrong scorecard is known to be judged, not measured."""
    columns, failed = _history(3000, 3)
    wrong = scoring.Model(None, {"intercept": -2.0, "late": -1.0})
    useless = {"noise": columns["noise"]}
    choice = scoring.choose((useless, failed), (columns, failed), None, wrong, MONTH, LIMITS)
    assert choice.role == "scorecard"
    assert "hardly better than chance" in choice.why.en
    assert "judged, not measured" in choice.why.en


def test_a_champion_that_has_become_no_better_than_chance_gives_way_to_the_scorecard() -> None:
    columns, failed = _history(3000, 3)
    champion = scoring.Model(dt.date(2026, 10, 1), {"intercept": -2.0, "late": -1.0})
    choice = scoring.choose(
        ({"noise": columns["noise"]}, failed), (columns, failed), champion, SCORECARD, MONTH, LIMITS
    )
    assert (choice.role, choice.model) == ("scorecard", SCORECARD)
    assert "has fallen below" in choice.why.en
    assert {role for role, _, _ in choice.candidates} == {"scorecard", "champion", "challenger"}


TAKERS = scoring.Takers(min_events=30, min_auc=0.6, most_off=2)


def test_a_model_of_takers_is_used_where_it_holds_on_the_year_after_its_training() -> None:
    train, test = _history(3000, 1), _history(3000, 2)
    role, model, found, used, why = scoring.judge_takers(train, test, None, MONTH, TAKERS)
    assert (role, used) == ("challenger", True)
    assert model is not None and found["auc"] > 0.7
    assert found["times_predicted"] == pytest.approx(1, abs=0.15)
    assert found["calibration_10_observed"] > found["calibration_01_observed"]
    assert "put in use" in why.en and "启用" in why.zh
    again = scoring.judge_takers(train, test, model, MONTH, TAKERS)
    assert again[:2] == ("champion", model) and again[3]


@pytest.mark.parametrize(
    ("strength", "part", "said"),
    [
        (0.0, 1.0, "hardly better than chance"),
        (4.0, 0.3, "more than 2 times off"),
        (4.0, 0.01, "too few events"),
    ],
)
def test_a_model_of_takers_that_is_not_good_enough_is_not_used(
    strength: float, part: float, said: str
) -> None:
    train, (columns, took) = _history(3000, 1, strength), _history(3000, 2, strength)
    fewer = took & (np.random.default_rng(9).random(3000) < part)
    _, _, found, used, why = scoring.judge_takers(train, (columns, fewer), None, MONTH, TAKERS)
    assert not used
    assert said in why.en
    assert found["events"] == fewer.sum()


def test_few_events_give_wide_limits_of_the_auc() -> None:
    columns, failed = _history(3000, 3)
    few = np.zeros(3000, dtype=bool)
    few[np.flatnonzero(failed)[:14]] = True
    found = scoring.measures(SCORECARD.probabilities(columns, 3000), few)
    assert found["auc_high"] - found["auc_low"] > 0.2
    assert scoring.auc_error(1.0, 10, 10) == 0.0
    # Hanley and McNeil 1982, table of standard errors: 0.80 with 40 of either outcome.
    assert scoring.auc_error(0.8, 40, 40) == pytest.approx(0.0491, abs=0.002)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"rows": 1000.0, "events": 30.0, "auc": 0.55, "auc_low": 0.5001}, ""),
        ({"rows": 1000.0, "events": 29.0, "auc": 0.9, "auc_low": 0.8}, "29 of 30"),
        ({"rows": 1000.0, "events": 971.0, "auc": 0.9, "auc_low": 0.8}, "29 of 30"),
        ({"rows": 1000.0, "events": 30.0, "auc": 0.5499, "auc_low": 0.51}, "hardly better than chance"),
        ({"rows": 1000.0, "events": 30.0, "auc": 0.6, "auc_low": 0.5}, "cannot be told from chance"),
        ({"rows": 0.0, "events": 0.0}, "0 of 30"),
        ({}, "0 of 30"),
    ],
)
def test_what_a_model_says_is_shown_where_its_test_proves_it(found: dict[str, float], why: str) -> None:
    told = scoring.unproven(found, LIMITS)
    assert (told is None) == (not why)
    if told is not None:
        assert why in told.en
        assert told.zh != told.en


def test_a_month_has_one_model() -> None:
    data = _history(3000, 6)
    champion = scoring.Model(MONTH, {"intercept": -3.0, "late": 4.0})
    assert scoring.choose(data, data, champion, SCORECARD, MONTH, LIMITS).model is champion


def test_measures_of_a_perfect_order_and_of_one_outcome() -> None:
    found = scoring.measures(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
    assert (found["auc"], found["ks"], found["brier"]) == (1.0, 1.0, 0.025)
    assert scoring.measures(np.array([0.1]), np.array([False])) == {"rows": 1.0, "events": 0.0}


def test_a_probability_on_a_cut_is_in_the_higher_band() -> None:
    assert scoring.bands(np.array([0.0, 0.0199, 0.02, 0.5, 1.0]), [0.02, 0.08, 0.2, 0.5]).tolist() == [
        1,
        1,
        2,
        5,
        5,
    ]


def test_rules_by_hand_and_none_without_baskets() -> None:
    baskets = {frozenset({"a", "b"}): 3, frozenset({"a"}): 1, frozenset(): 6}
    found = association.rules(
        baskets,
        [(frozenset({"a"}), frozenset({"b"}), 1), (frozenset({"a"}), frozenset(), 3)],
        0.1,
        0.1,
        1.0,
        0.0,
    )
    rule = next(rule for rule in found if rule.product == "b")
    assert (rule.antecedents, rule.support, rule.confidence, rule.lift, rule.expected_take_up) == (
        ("a",),
        0.3,
        0.75,
        2.5,
        0.25,
    )
    assert association.rules({frozenset(): 5}, [], 0.1, 0.1, 1.0, 0.0) == []
    assert association.rules({}, [], 0.1, 0.1, 1.0, 0.0) == []


def test_the_decision_table_names_only_segments_that_are_described() -> None:
    tables = load_catalog(PROJECT_ROOT / "include").tables
    decision, names = tables["segment.customer_composite"], tables["segment.segment_definition"]
    assert isinstance(decision, SqlFile)
    assert isinstance(names, SqlFile)
    rows = decision.parameters["decision"].default
    described = {row[0]: row[4] for row in names.parameters["segments"].default}
    assert {row[1] for row in rows} <= set(described)
    assert 8 <= len({row[1] for row in rows}) <= 15
    assert set(rows[-1][2:]) == {None}, "the last row must hold for everybody"
    assert all(all(row) for row in names.parameters["segments"].default), "in both languages"
    assert set(described.values()) <= {"basic", "reactive", "accountable", "proactive", "partnership"}


def test_every_model_feature_is_a_column_and_has_words(tmp_path: Path) -> None:
    from wattmark.derive import segment_models

    tables = load_catalog(PROJECT_ROOT / "include").tables
    for name, features in segment_models.FEATURES.items():
        history = tables[segment_models.HISTORY[name]]
        assert isinstance(history, SqlFile)
        assert set(features) <= set(history.header["columns"])
        assert set(features) <= set(segment_models.WORDS)
