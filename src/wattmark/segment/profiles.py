"""Load profiles: centroids of the shapes of a day, with numbers and names that last.

A shape has 48 values: 24 hours of the workday that sum to 1, then 24 of the weekend day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
HOURS = 24
SHAPE = 2 * HOURS
PLACES = 6


@dataclass(frozen=True)
class Profile:
    """One load profile; ``drift`` is the distance to the centroid it follows, None for a new one."""

    number: int
    name: str
    centroid: tuple[float, ...]
    drift: float | None
    silhouette: float | None


@dataclass(frozen=True)
class Fit:
    """Centroids (k x 48), the mean silhouette of each, and of each number of profiles tried."""

    centroids: Floats
    silhouettes: tuple[float | None, ...]
    tried: dict[int, float]


def fit(
    shapes: Floats, fewest: int, most: int, silhouette_sample: int, last_count: int | None, keep_margin: float
) -> Fit:
    """Find centroids on a sample whose rows stand in a fixed order.

    The number of profiles is the smallest whose mean silhouette is within ``keep_margin`` of the highest: one
    more profile has to be worth it. The last number stays unless it is beaten by more than ``keep_margin``. Fewer
    different shapes than ``fewest`` give one profile each.

    Args:
        shapes: n x 48.
        fewest: smallest number tried.
        most: largest number tried.
        silhouette_sample: the silhouette is measured on so many rows.
        last_count: number of profiles of the fit before.
        keep_margin: how much better another number must be.
    """
    different = np.unique(shapes, axis=0)
    if len(different) <= fewest:
        return Fit(different, tuple([None] * len(different)), {})
    measured = shapes[:silhouette_sample]
    found: dict[int, tuple[float, Floats, tuple[float | None, ...]]] = {}
    with threadpool_limits(limits=1):
        for count in range(fewest, min(most, len(different) - 1) + 1):
            means = KMeans(n_clusters=count, n_init=4, random_state=0, algorithm="lloyd").fit(shapes)
            labels = means.labels_[: len(measured)]
            if len(np.unique(labels)) < 2:
                continue
            each = silhouette_samples(measured, labels)
            own = tuple(
                round(float(np.mean(each[labels == at])), PLACES) if np.any(labels == at) else None
                for at in range(count)
            )
            found[count] = (
                round(float(np.mean(each)), PLACES),
                np.round(means.cluster_centers_, PLACES),
                own,
            )
    if not found:
        mean: Floats = np.round(shapes.mean(axis=0).reshape(1, -1), PLACES)
        return Fit(mean, (None,), {})
    enough = max(scored[0] for scored in found.values()) - keep_margin
    best = min(count for count, one in found.items() if one[0] >= enough)
    if last_count in found and found[last_count][0] >= enough:
        best = last_count
    return Fit(found[best][1], found[best][2], {count: one[0] for count, one in found.items()})


_PARTS_OF_DAY = (
    ("night", (23, 0, 1, 2, 3, 4, 5, 6)),
    ("morning", (7, 8, 9, 10)),
    ("midday", (11, 12, 13, 14)),
    ("afternoon", (15, 16, 17)),
    ("evening", (18, 19, 20, 21, 22)),
)
FLAT_RATIO = 1.35
"""A workday whose highest hour is below this times its mean is called flat."""
DEGREES = ((1.8, "mild"), (2.6, "clear"))
"""Below these times the mean, the highest hour makes a mild or a clear peak; from the last on a sharp one."""
WEEKEND_DIFFERENCE = 0.25
"""Workday and weekend shapes whose absolute differences sum to more are told apart in the name."""


def describe(centroid: Sequence[float]) -> str:
    """A name for a shape: its highest part of the workday, and whether weekends look different."""
    workday, weekend = np.asarray(centroid[:HOURS]), np.asarray(centroid[HOURS:])
    ratio = float(workday.max()) * HOURS
    if ratio < FLAT_RATIO:
        name = "flat"
    else:
        peak = int(np.argmax(workday))
        degree = next((word for limit, word in DEGREES if ratio < limit), "sharp")
        name = f"{degree} {next(part for part, hours in _PARTS_OF_DAY if peak in hours)} peak"
    if float(np.abs(workday - weekend).sum()) > WEEKEND_DIFFERENCE:
        name += ", other weekends"
    return name


_IN_CHINESE = {
    "flat": "平稳型",
    "mild": "平缓",
    "clear": "明显",
    "sharp": "陡峭",
    "night": "夜间",
    "morning": "上午",
    "midday": "午间",
    "afternoon": "下午",
    "evening": "傍晚",
}


def in_chinese(name: str) -> str:
    """The Chinese of a name made by ``describe``; a name that is none of these stays as it is."""
    described, _, number = (
        name.partition(", other weekends") if ", other weekends" in name else (name, "", "")
    )
    words = described.split(" ")
    if not number and words[-1].isdigit():
        number = words.pop()
    if words[0] == "flat" and len(words) == 1:
        text = _IN_CHINESE["flat"]
    elif len(words) == 3 and words[2] == "peak" and words[0] in _IN_CHINESE and words[1] in _IN_CHINESE:
        text = f"{_IN_CHINESE[words[1]]}{_IN_CHINESE[words[0]]}高峰型"
    else:
        return name
    return (
        text + ("，周末不同" if ", other weekends" in name else "") + (f" {number.strip()}" if number else "")
    )


def follow(
    fitted: Fit, last: Mapping[int, tuple[str, Sequence[float]]], rename_distance: float
) -> list[Profile]:
    """Give centroids the numbers and names of the ones they follow.

    Last and new centroids are matched so that the summed distance is smallest. A pair further apart than
    ``rename_distance``, and a centroid without a partner, gets the next free number and a name of its own.

    Args:
        fitted: the new centroids.
        last: name and centroid by number, of the fit before.
        rename_distance: Euclidean, between shapes.
    """
    numbers = sorted(last)
    order = sorted(range(len(fitted.centroids)), key=lambda at: tuple(fitted.centroids[at]))
    centroids = fitted.centroids[order]
    kept: dict[int, tuple[int, float]] = {}
    if numbers and len(centroids):
        distance = np.round(cdist(centroids, np.asarray([last[number][1] for number in numbers])), 9)
        for new, old in zip(*linear_sum_assignment(distance), strict=True):
            if distance[new, old] <= rename_distance:
                kept[int(new)] = (numbers[int(old)], float(distance[new, old]))
    taken = {last[number][0] for number, _ in kept.values()}
    free = max(numbers, default=0) + 1
    profiles = []
    for at, row in enumerate(centroids.tolist()):
        silhouette = fitted.silhouettes[order[at]]
        if at in kept:
            number, drift = kept[at]
            profiles.append(Profile(number, last[number][0], tuple(row), round(drift, PLACES), silhouette))
            continue
        name, count = describe(row), 1
        while name in taken:
            count += 1
            name = f"{describe(row)} {count}"
        taken.add(name)
        profiles.append(Profile(free, name, tuple(row), None, silhouette))
        free += 1
    return sorted(profiles, key=lambda one: one.number)
