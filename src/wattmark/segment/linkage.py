"""Record linkage: how alike two customer records are, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """What each likeness counts; parts that a pair lacks are left out and the rest weighs more."""

    name: float
    phone: float
    address: float
    birth: float


def scores(
    names: tuple[list[str], list[str]],
    addresses: tuple[list[str], list[str]],
    same_phone: npt.NDArray[np.bool_],
    has_phones: npt.NDArray[np.bool_],
    same_birth: npt.NDArray[np.bool_],
    has_births: npt.NDArray[np.bool_],
    weights: Weights,
) -> Floats:
    """Score pairs from 0 to 1, 4 places, without looking at identity numbers.

    Args:
        names: keys of both records' names; an empty text is a missing one.
        addresses: the same of their postal addresses.
        same_phone: they share a number.
        has_phones: both have one.
        same_birth: same date of birth.
        has_births: both have one.
        weights: see Weights.
    """
    if not names[0]:
        return np.zeros(0)

    def likeness(texts: tuple[list[str], list[str]]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        known = np.array([bool(a and b) for a, b in zip(*texts, strict=True)])
        alike = process.cpdist(texts[0], texts[1], scorer=fuzz.ratio, dtype=np.float64) / 100.0
        return alike, known

    name, has_names = likeness(names)
    address, has_addresses = likeness(addresses)
    parts = (
        (name, has_names, weights.name),
        (address, has_addresses, weights.address),
        (same_phone.astype(np.float64), has_phones, weights.phone),
        (same_birth.astype(np.float64), has_births, weights.birth),
    )
    total = np.zeros(len(names[0]))
    weight = np.zeros(len(names[0]))
    for value, known, share in parts:
        total += np.where(known, value * share, 0.0)
        weight += np.where(known, share, 0.0)
    # A name alone, however alike, proves nothing: at least half of the weights must speak.
    return np.where(
        weight >= 0.5 * (weights.name + weights.phone + weights.address + weights.birth),
        np.round(total / np.maximum(weight, 1e-9), 4),
        0.0,
    )


def quality(score: Floats, same: npt.NDArray[np.bool_], threshold: float) -> dict[str, float]:
    """Precision and recall at a threshold over pairs of which the truth is known.

    Returns:
        ``pairs`` and ``true_pairs``; ``precision`` and ``recall`` where they are defined.
    """
    called = score >= threshold
    found = {"pairs": float(len(score)), "true_pairs": float(np.sum(same))}
    if np.any(called):
        found["precision"] = round(float(np.mean(same[called])), 6)
    if np.any(same):
        found["recall"] = round(float(np.mean(called[same])), 6)
    return found
