"""Record linkage after Fellegi and Sunter: what each likeness counts is learned from the records themselves.

Two records agree in a comparison on one of its levels, from exact down to other. ``m`` is how often records of one person
show a level, ``u`` how often two records that a draw puts side by side do; log2(m / u) is what it counts. ``u`` comes from such
pairs, and for exact agreement from all pairs of the population; ``m`` and the share of duplicates from expectation and
maximisation over the pairs that share something (Fellegi and Sunter 1969; Winkler 1988; term frequencies: Winkler 1989).
Everything is counted by pattern, in one order: the same bits come out for any order of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA, JaroWinkler

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int8]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MISSING = -1
"""The level of a pair of which one record lacks the value."""

PRIOR_PAIRS = 10.0
"""What is believed beforehand counts as much as so many pairs of one person."""
PRIOR_RECORDS = 200.0
"""How common a value is believed to be beforehand counts as much as so many records."""
PRIOR_SHARE = 0.02
"""Share of records believed to have a duplicate, beforehand; it counts as one pair."""
_ROUNDS = 200
_STILL = 1e-9


@dataclass(frozen=True)
class Comparison:
    """One thing that two records are compared by.

    ``levels`` go from exact to other; ``matched`` and ``chance`` are what m and u are believed to be before anything is
    seen; the first ``agreeing`` levels count as agreement. With ``by_frequency`` an exact agreement on a common value counts
    less than on a rare one.
    """

    name: str
    levels: tuple[str, ...]
    matched: tuple[float, ...]
    chance: tuple[float, ...]
    agreeing: int = 1
    by_frequency: bool = False


@dataclass(frozen=True)
class Population:
    """What is known of all pairs of records, in the order of the comparisons.

    ``records`` is their number; ``random`` has the levels of pairs drawn at random, shape (pairs, comparisons); ``known`` the
    number of pairs both of whose records have the value, ``exact`` how many of them agree on it.
    """

    records: int
    random: Levels
    known: Floats
    exact: Floats


@dataclass(frozen=True)
class Model:
    """What was learned: ``share`` of all pairs that are of one person, ``m`` and ``u`` by comparison and level."""

    comparisons: tuple[Comparison, ...]
    share: float
    m: tuple[Floats, ...]
    u: tuple[Floats, ...]

    def log_odds(self, levels: Levels, frequency: Floats | None = None) -> Floats:
        """Natural log of the odds that pairs are of one person.

        Args:
            levels: shape (pairs, comparisons).
            frequency: how common the value is that a pair agrees on exactly (see ``shares``), same shape; not a number
                where that is not asked.
        """
        odds = np.full(len(levels), np.log(self.share) - np.log1p(-self.share))
        for at, comparison in enumerate(self.comparisons):
            weight = np.append(np.log(self.m[at]) - np.log(self.u[at]), 0.0)
            told = weight[levels[:, at]]
            if comparison.by_frequency and frequency is not None:
                rare = np.nan_to_num(frequency[:, at], nan=self.u[at][0])
                told = np.where(levels[:, at] == 0, np.log(self.m[at][0]) - np.log(rare), told)
            odds += told
        return odds

    def probability(self, levels: Levels, frequency: Floats | None = None) -> Floats:
        """Probability that pairs are of one person, 6 places; see ``log_odds``."""
        odds = self.log_odds(levels, frequency)
        return np.round(1.0 / (1.0 + np.exp(-np.clip(odds, -700, 700))), 6)


def learn(
    comparisons: Sequence[Comparison], patterns: Levels, counts: Integers, population: Population
) -> Model:
    """Learn a model.

    Args:
        comparisons: what is compared.
        patterns: distinct levels of the pairs that share something, shape (patterns, comparisons); all other pairs are taken
            for different persons.
        counts: pairs of each pattern.
        population: of all pairs.

    Returns:
        the model; where little is to be seen, what was believed beforehand.
    """
    order = np.lexsort(patterns.T[::-1]) if len(patterns) else np.empty(0, np.int64)
    patterns, weight = patterns[order], counts[order].astype(np.float64)
    pairs = max(population.records * (population.records - 1) / 2.0, 1.0)
    believed = min(2 * PRIOR_SHARE / max(population.records - 1, 1), 0.5)
    m = [np.array(comparison.matched) for comparison in comparisons]
    u = [_by_chance(comparison, population.random[:, at]) for at, comparison in enumerate(comparisons)]
    share = believed
    for _ in range(_ROUNDS):
        before = [share, *(value for chance in m for value in chance)]
        model = Model(tuple(comparisons), share, tuple(m), tuple(u))
        same = weight / (1.0 + np.exp(-np.clip(model.log_odds(patterns), -700, 700)))
        share = min((float(same.sum()) + 1.0) / (pairs + 1.0 / believed), 0.5)
        for at, comparison in enumerate(comparisons):
            there = patterns[:, at] >= 0
            seen = np.bincount(patterns[there, at], same[there], len(comparison.levels))
            m[at] = (seen + PRIOR_PAIRS * np.array(comparison.matched)) / (seen.sum() + PRIOR_PAIRS)
            u[at] = _less_the_same(comparison, u[at], seen[0], population.known[at], population.exact[at])
        after = [share, *(value for chance in m for value in chance)]
        if max(abs(new - old) for new, old in zip(after, before, strict=True)) < _STILL:
            break
    return Model(tuple(comparisons), share, tuple(m), tuple(u))


def _by_chance(comparison: Comparison, levels: Levels) -> Floats:
    seen = np.bincount(levels[levels >= 0], minlength=len(comparison.levels)).astype(np.float64)
    believed = np.array(comparison.chance)
    return np.asarray((seen + PRIOR_RECORDS * believed) / (seen.sum() + PRIOR_RECORDS), dtype=np.float64)


def _less_the_same(comparison: Comparison, u: Floats, same: float, known: float, exact: float) -> Floats:
    """``u`` with exact agreement as all pairs show it, those of one person left out."""
    first = (max(exact - same, 0.0) + PRIOR_RECORDS * comparison.chance[0]) / (known + PRIOR_RECORDS)
    first = min(first, 0.99)
    return np.append(first, u[1:] / u[1:].sum() * (1.0 - first))


def shares(comparison: Comparison, count: Integers, records: int) -> Floats:
    """How common values are among records, where ``count`` records hold each."""
    return np.asarray((count + PRIOR_RECORDS * comparison.chance[0]) / (records + PRIOR_RECORDS))


def text_levels(left: Sequence[str], right: Sequence[str], limits: Sequence[float]) -> Levels:
    """Levels of texts that differ: 1 at or above the first limit of Jaro and Winkler's likeness, 2 at the second, and so on.

    Args:
        left: texts.
        right: as many.
        limits: falling, from 0 to 1.
    """
    alike = process.cpdist(left, right, scorer=JaroWinkler.normalized_similarity, dtype=np.float64)
    return np.asarray(1 + (alike[:, None] < np.array(limits)).sum(axis=1), dtype=np.int8)


def ratio(left: Sequence[str], right: Sequence[str]) -> Floats:
    """Share of characters that texts have in common in order, 0 to 1 (insertions and deletions)."""
    return np.asarray(process.cpdist(left, right, scorer=fuzz.ratio, dtype=np.float64) / 100.0)


def code_levels(left: Sequence[str], right: Sequence[str], most: int) -> Levels:
    """Levels of codes that differ: the number of slips (a character changed, left out, added, or two swapped) up to ``most``,
    else ``most + 1``."""
    slips = process.cpdist(left, right, scorer=OSA.distance, score_cutoff=most, dtype=np.int32)
    return np.asarray(np.minimum(slips, most + 1), dtype=np.int8)


def random_pairs(records: int, most: int) -> tuple[Integers, Integers]:
    """Positions of pairs of different records, each once, spread over all distances between them.

    Args:
        records: how many there are, in an order that says nothing.
        most: about how many pairs are wanted.
    """
    if records < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    places = np.arange(records, dtype=np.int64)
    half = (records - 1) // 2
    wanted = max(1, min(half, -(-most // records)))
    # The golden section keeps distances apart however many there are.
    steps = np.unique(
        1 + np.floor(half * ((np.arange(1, wanted + 1) * 0.6180339887498949) % 1)).astype(np.int64)
    )
    left = np.tile(places, len(steps))
    return left, (left + np.repeat(steps, records)) % records


def patterns_of(levels: Levels) -> tuple[Levels, Integers]:
    """Distinct rows and how often each stands."""
    if not len(levels):
        return levels, np.empty(0, np.int64)
    found, counts = np.unique(levels, axis=0, return_counts=True)
    return found, counts.astype(np.int64)


def quality(called: Flags, same: Flags) -> dict[str, float]:
    """Precision, recall and their harmonic mean over pairs of which the truth is known.

    Args:
        called: which are called of one person.
        same: which are.

    Returns:
        ``pairs`` and ``true_pairs``; ``precision``, ``recall`` and ``f1`` where they are defined.
    """
    found = {"pairs": float(len(called)), "true_pairs": float(np.sum(same))}
    right = float(np.sum(called & same))
    if np.any(called):
        found["precision"] = round(right / float(np.sum(called)), 6)
    if np.any(same):
        found["recall"] = round(right / float(np.sum(same)), 6)
    if np.any(called) or np.any(same):
        found["f1"] = round(2 * right / (float(np.sum(called)) + float(np.sum(same))), 6)
    return found
