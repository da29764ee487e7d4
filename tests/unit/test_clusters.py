"""Clusters: how many, which number and name they keep, how far they can be relied on, and what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from wattmark.segment import clustering, profiles, value_clusters

HOUSEHOLD, INDUSTRY, SHOP = "household", "industry", "shop"
SCALE = value_clusters.Scale((1_000_000, 500_000), (200, 200), (10_000, 10_000))


def _shapes(count: int, seed: int = 0, peaks: tuple[int, ...] = (3, 12, 20)) -> np.ndarray:
    random = np.random.default_rng(seed)
    kinds = []
    for peak in peaks:
        day = np.ones(24)
        day[peak] = 12.0
        kinds.append(np.concatenate([day / day.sum(), day / day.sum()]))
    rows = np.array([kinds[at % len(kinds)] for at in range(count)]) * (1 + 0.05 * random.random((count, 48)))
    return np.round(rows / (rows.sum(axis=1, keepdims=True) / 2), 6)


def _named(
    shapes: np.ndarray, last: dict[int, tuple[str, tuple[float, ...]]], last_count: int | None
) -> list[tuple[clustering.Followed, str]]:
    fitted = clustering.fit(shapes, 3, 6, 300, last_count, 0.02)
    found = clustering.follow(fitted, {number: of for number, (_, of) in last.items()}, 0.08)
    kinds = dict.fromkeys((cluster.number for cluster in found), HOUSEHOLD)
    named = profiles.names(found, kinds, {number: name for number, (name, _) in last.items()})
    return [(cluster, named[cluster.number]) for cluster in found]


def _last(found: list[tuple[clustering.Followed, str]]) -> dict[int, tuple[str, tuple[float, ...]]]:
    return {cluster.number: (name, cluster.centroid) for cluster, name in found}


def test_clusters_are_found_named_and_keep_number_and_name() -> None:
    first = _named(_shapes(300), {}, None)
    assert sorted(name for _, name in first) == ["day household", "evening household", "night household"]
    again = _named(_shapes(303, seed=7)[::-1], _last(first), 3)
    assert [(cluster.number, name) for cluster, name in again] == [
        (cluster.number, name) for cluster, name in first
    ]
    assert all(cluster.drift is not None and cluster.drift < 0.01 for cluster, _ in again)


def test_a_cluster_more_must_be_worth_it() -> None:
    """Three shapes, one of them in two hardly different variants: a fourth cluster betters the silhouette little."""
    shapes = _shapes(300)
    shapes[::6, 3] += 0.01
    tried = clustering.fit(shapes, 3, 6, 300, None, 0.0).tried
    gain = round(tried[4] - tried[3], 6)
    assert gain != 0
    best = 4 if gain > 0 else 3
    assert len(clustering.fit(shapes, 3, 4, 300, None, 0.0).centroids) == best
    assert len(clustering.fit(shapes, 3, 4, 300, None, abs(gain) + 1e-6).centroids) == 3
    assert len(clustering.fit(shapes, 3, 4, 300, 4, abs(gain) + 1e-6).centroids) == 4, "the last number stays"


def test_a_cluster_that_moved_too_far_gets_a_number_of_its_own() -> None:
    first = _named(_shapes(300), {}, None)
    last = _last(first)
    moved = np.roll(np.array(last[1][1]).reshape(2, 24), 6, axis=1).reshape(48)
    last[1] = ("flat household", tuple(moved.tolist()))
    found = _named(_shapes(300), last, 3)
    assert sorted(cluster.number for cluster, _ in found) == [2, 3, 4]
    assert next(cluster for cluster, _ in found if cluster.number == 4).drift is None


def test_fewer_points_than_clusters() -> None:
    shape = np.full((5, 48), 1 / 24)
    fitted = clustering.fit(shape, 3, 8, 100, None, 0.02)
    assert len(fitted.centroids) == 1
    assert clustering.in_words(fitted, 8) is None
    assert clustering.stability(shape, fitted.centroids, 3) == []


def test_stability_tells_clusters_that_are_there_from_cuts_through_a_cloud() -> None:
    shapes = _shapes(300)
    there = clustering.stability(shapes, clustering.fit(shapes, 3, 3, 300, None, 0.02).centroids, 5)
    assert there == [1.0] * 5
    cloud = np.round(np.random.default_rng(1).random((300, 2)), 6)
    cut = clustering.stability(cloud, clustering.fit(cloud, 5, 5, 300, None, 0.02).centroids, 5)
    assert min(cut) < 0.7
    assert np.mean(cut) < 0.9
    assert cut == clustering.stability(cloud, clustering.fit(cloud, 5, 5, 300, None, 0.02).centroids, 5)


def _day(*levels: tuple[int, int, float], base: float = 1.0) -> list[float]:
    """A day of ``base`` with levels from an hour to before another, twice: as workday and as weekend."""
    day = np.full(24, base)
    for start, end, level in levels:
        day[[hour % 24 for hour in range(start, end)]] = level
    return [*(day / day.sum()).tolist(), *(day / day.sum()).tolist()]


@pytest.mark.parametrize(
    ("shape", "kind", "name", "chinese"),
    [
        (_day(), INDUSTRY, "flat industry", "平稳工业"),
        (_day((18, 22, 5)), HOUSEHOLD, "evening household", "晚间家庭"),
        (_day((9, 18, 8)), SHOP, "day shop", "日间商铺"),
        (_day((22, 30, 6)), INDUSTRY, "night shift", "夜班工业"),
        (_day((22, 30, 6)), "farm", "night farm", "夜间农业"),
        (_day((6, 22, 6)), INDUSTRY, "two shifts", "两班工业"),
        (_day((8, 17, 8)), INDUSTRY, "one shift", "单班工业"),
        (_day((6, 9, 4), (18, 22, 4)), HOUSEHOLD, "morning and evening household", "早晚家庭"),
        (_day((6, 9, 5)), profiles.MIXED, "morning mixed use", "早间混合用电"),
        (_day((11, 14, 3)), profiles.BUSINESS, "midday business", "午间企业"),
        (_day((14, 17, 3)), profiles.UNKNOWN, "afternoon use", "午后用电"),
    ],
)
def test_profiles_are_called_as_a_person_would(
    shape: list[float], kind: str, name: str, chinese: str
) -> None:
    assert profiles.describe(shape, kind) == name
    assert profiles.NAMES.in_chinese(name) == chinese


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"residential": 60, "commercial": 40}, "household"),
        ({"residential": 59, "commercial": 41}, profiles.MIXED),
        ({"general_industrial": 30, "large_industrial": 30, "commercial": 40}, "industry"),
        ({"general_industrial": 50, "commercial": 50}, profiles.BUSINESS),
        ({"": 10}, profiles.UNKNOWN),
        ({}, profiles.UNKNOWN),
    ],
)
def test_the_kind_is_that_of_most_members(members: dict[str, int], kind: str) -> None:
    assert profiles.kind_of(members) == kind


def _followed(*shapes: list[float], drift: float | None = None) -> list[clustering.Followed]:
    return [
        clustering.Followed(number, tuple(shape), drift, None) for number, shape in enumerate(shapes, start=1)
    ]


def _names(found: list[clustering.Followed], last: dict[int, str] | None = None) -> list[str]:
    named = profiles.names(found, {cluster.number: HOUSEHOLD for cluster in found}, last or {})
    return [named[cluster.number] for cluster in found]


def test_two_alike_are_told_apart_by_what_differs() -> None:
    early, late = _day((18, 19, 6), (19, 22, 4)), _day((18, 21, 4), (21, 22, 6))
    assert _names(_followed(early, late)) == [
        "evening household; peak at 18:00",
        "evening household; peak at 21:00",
    ]
    weekend = [*early[:24], *late[24:]]
    assert _names(_followed(early, weekend)) == [
        "evening household; weekend peak at 18:00",
        "evening household; weekend peak at 21:00",
    ]
    night = _day((18, 19, 6), (19, 22, 4), (0, 4, 1.8))
    assert _names(_followed(early, night)) == [
        "evening household; 21% at night",
        "evening household; 27% at night",
    ]
    assert _names(_followed(early, early)) == ["evening household; no. 1", "evening household; no. 2"]


def test_a_new_one_is_told_apart_from_those_that_keep_their_names() -> None:
    early, late = _day((18, 19, 6), (19, 22, 4)), _day((18, 21, 4), (21, 22, 6))
    kept, new = _followed(early, late)
    kept = clustering.Followed(kept.number, kept.centroid, 0.01, None)
    assert _names([kept, new], {1: "evening household"}) == [
        "evening household",
        "evening household; peak at 21:00",
    ]
    assert _names([kept, new], {1: "evening household; peak at 21:00"})[1] != (
        "evening household; peak at 21:00"
    )


def test_a_name_of_an_earlier_version_is_given_anew() -> None:
    kept = clustering.Followed(1, tuple(_day((18, 22, 5))), 0.01, None)
    assert _names([kept], {1: "mild evening peak"}) == ["evening household"]


@pytest.mark.parametrize(
    ("name", "chinese"),
    [
        ("evening household; peak at 18:00", "晚间家庭；18 时高峰"),
        ("evening household; weekend peak at 9:00; 31% at night", "晚间家庭；周末 9 时高峰；夜间占 31%"),
        ("two shifts; peak 1.4 times the mean", "两班工业；高峰为均值 1.4 倍"),
        ("flat industry; no. 2", "平稳工业；第 2 种"),
        ("mild evening peak", "mild evening peak"),
        ("flat industry; of old", "flat industry; of old"),
    ],
)
def test_names_in_chinese(name: str, chinese: str) -> None:
    assert profiles.NAMES.in_chinese(name) == chinese


def test_value_clusters_are_called_by_the_bands_of_the_grid_and_told_apart_by_amounts() -> None:
    def part(amount: float, full: float) -> float:
        return round(float(np.log1p(amount) / np.log1p(full)), 6)

    points = [
        (part(199, 1_000_000), part(10, 500_000)),
        (part(1500, 1_000_000), part(150, 500_000)),
        (part(6500, 1_000_000), part(150, 500_000)),
        (part(20_000, 1_000_000), part(20_000, 500_000)),
    ]
    found = [clustering.Followed(number, point, None, None) for number, point in enumerate(points, start=1)]
    named = value_clusters.names(found, SCALE, {})
    assert [named[number] for number in sorted(named)] == [
        "low value, low potential",
        "middle value, low potential; value near 1,500",
        "middle value, low potential; value near 6,500",
        "high value, high potential",
    ]
    words = value_clusters.vocabulary(SCALE)
    assert words.in_chinese(named[2]) == "中价值低潜力；价值约 1,500"
    assert SCALE.amounts((0.0, 0.0)) == (0.0, 0.0)
