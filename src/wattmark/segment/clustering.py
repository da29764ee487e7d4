"""Clusters by k-means whose number is chosen by a stated criterion, and which keep their numbers from fit to fit.

Load profiles and value clusters are found alike; what a cluster is called is said where it is known what its numbers mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
PLACES = 6


@dataclass(frozen=True)
class Fit:
    """Centroids (k x d), the mean silhouette of each, and of each number of clusters tried."""

    centroids: Floats
    silhouettes: tuple[float | None, ...]
    tried: dict[int, float]


@dataclass(frozen=True)
class Followed:
    """A centroid with its number; ``drift`` is the distance to the one it follows, None for a new one."""

    number: int
    centroid: tuple[float, ...]
    drift: float | None
    silhouette: float | None


def fit(
    points: Floats, fewest: int, most: int, silhouette_sample: int, last_count: int | None, keep_margin: float
) -> Fit:
    """Find centroids on a sample whose rows stand in a fixed order.

    The number of clusters is the smallest whose mean silhouette is within ``keep_margin`` of the highest: one
    more has to be worth it. The last number stays unless it is beaten by more than ``keep_margin``. Fewer
    different points than ``fewest`` give one cluster each.

    Args:
        points: n x d.
        fewest: smallest number tried.
        most: largest number tried.
        silhouette_sample: the silhouette is measured on so many rows.
        last_count: number of clusters of the fit before.
        keep_margin: how much better another number must be.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_samples

    different = np.unique(points, axis=0)
    if len(different) <= fewest:
        return Fit(different, tuple([None] * len(different)), {})
    measured = points[:silhouette_sample]
    found: dict[int, tuple[float, Floats, tuple[float | None, ...]]] = {}
    with threadpool_limits(limits=1):
        for count in range(fewest, min(most, len(different) - 1) + 1):
            means = KMeans(n_clusters=count, n_init=4, random_state=0, algorithm="lloyd").fit(points)
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
        mean: Floats = np.round(points.mean(axis=0).reshape(1, -1), PLACES)
        return Fit(mean, (None,), {})
    enough = max(scored[0] for scored in found.values()) - keep_margin
    best = min(count for count, scored in found.items() if scored[0] >= enough)
    if last_count in found and found[last_count][0] >= enough:
        best = last_count
    return Fit(found[best][1], found[best][2], {count: scored[0] for count, scored in found.items()})


def in_words(fitted: Fit, most: int) -> str | None:
    """The mean silhouettes tried, such as ``3=0.41 4=0.38``; None where nothing was fitted."""
    tried = " ".join(f"{count}={value}" for count, value in sorted(fitted.tried.items()))
    return f"{tried} (the end of the range)" if tried and len(fitted.centroids) == most else tried or None


def follow(fitted: Fit, last: Mapping[int, Sequence[float]], rename_distance: float) -> list[Followed]:
    """Give centroids the numbers of the ones they follow.

    Last and new centroids are matched so that the summed distance is smallest. A pair further apart than
    ``rename_distance``, and a centroid without a partner, gets the next free number.

    Args:
        fitted: the new centroids.
        last: centroid by number, of the fit before.
        rename_distance: Euclidean, between centroids.

    Returns:
        the centroids by number.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    numbers = sorted(last)
    order = sorted(range(len(fitted.centroids)), key=lambda at: tuple(fitted.centroids[at]))
    centroids = fitted.centroids[order]
    kept: dict[int, tuple[int, float]] = {}
    if numbers and len(centroids):
        distance = np.round(cdist(centroids, np.asarray([last[number] for number in numbers])), 9)
        for new, old in zip(*linear_sum_assignment(distance), strict=True):
            if distance[new, old] <= rename_distance:
                kept[int(new)] = (numbers[int(old)], round(float(distance[new, old]), PLACES))
    free = max(numbers, default=0) + 1
    found = []
    for at, row in enumerate(centroids.tolist()):
        number, drift = kept.get(at, (free, None))
        free += at not in kept
        found.append(Followed(number, tuple(row), drift, fitted.silhouettes[order[at]]))
    return sorted(found, key=lambda cluster: cluster.number)


def nearest(points: Floats, centroids: Floats) -> npt.NDArray[np.int64]:
    """The place of the centroid nearest to each point, the first where two are as near."""
    from scipy.spatial.distance import cdist

    found: npt.NDArray[np.int64] = np.argmin(np.round(cdist(points, centroids), 9), axis=1)
    return found


def stability(points: Floats, centroids: Floats, resamples: int) -> list[float]:
    """How far the same clusters come out of other samples: adjusted Rand indices, 1 where all agree, near 0 by chance.

    For each resample, as many rows are drawn with replacement, as many clusters fitted to them, and all rows put to the
    nearest centroid both of these and of the ones given. The draws have fixed seeds.

    Args:
        points: n x d, in a fixed order.
        centroids: k x d, of the fit that is judged.
        resamples: how many.

    Returns:
        one index a resample, 6 places; none with fewer than two clusters.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    if len(centroids) < 2:
        return []
    own = nearest(points, centroids)
    found = []
    with threadpool_limits(limits=1):
        for seed in range(resamples):
            drawn = points[np.random.default_rng(seed).integers(0, len(points), len(points))]
            if len(np.unique(drawn, axis=0)) < len(centroids):
                continue
            means = KMeans(n_clusters=len(centroids), n_init=4, random_state=0, algorithm="lloyd").fit(drawn)
            others = nearest(points, means.cluster_centers_)
            found.append(round(float(adjusted_rand_score(own, others)), PLACES))
    return found
