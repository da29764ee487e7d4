"""Competition decided in rounds over arrays is the same as going through contacts one by one."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wattmark.campaign.assign import Resource, settle


def one_by_one(edges: list[dict[str, tuple[int, int, int, float]]]) -> list[bool]:
    used: dict[tuple[str, int], int] = {}
    kept = []
    for edge in edges:
        fits = all(used.get((name, group), 0) + need <= room for name, (group, need, _, room) in edge.items())
        kept.append(fits)
        if fits:
            for name, (group, _, use, _) in edge.items():
                used[(name, group)] = used.get((name, group), 0) + use
    return kept


@st.composite
def contests(draw: st.DrawFn) -> list[dict[str, tuple[int, int, int, float]]]:
    count = draw(st.integers(0, 40))
    sizes = draw(st.lists(st.sampled_from([0, 1, 2, 5, math.inf]), min_size=4, max_size=4))
    budgets = draw(st.lists(st.sampled_from([0, 3, 10, math.inf]), min_size=4, max_size=4))
    days = draw(st.lists(st.sampled_from([0, 1, 7, math.inf]), min_size=3, max_size=3))
    edges = []
    for _ in range(count):
        campaign = draw(st.integers(0, 3))
        cost = draw(st.integers(0, 4))
        contacted = draw(st.integers(0, 1))
        channel = draw(st.integers(0, 2))
        edges.append(
            {
                "person": (draw(st.integers(0, 9)), 1, 1, draw(st.sampled_from([0, 1, 2, math.inf]))),
                "size": (campaign, 1, contacted, sizes[campaign]),
                "budget": (campaign, cost, cost * contacted, budgets[campaign]),
                "day": (channel, 1, contacted, days[channel]),
            }
        )
    return edges


def arrays(edges: list[dict[str, tuple[int, int, int, float]]]) -> list[Resource]:
    return [
        Resource(
            np.array([edge[name][0] for edge in edges], np.int64),
            np.array([edge[name][1] for edge in edges], np.float64),
            np.array([edge[name][2] for edge in edges], np.float64),
            np.array([edge[name][3] for edge in edges], np.float64),
        )
        for name in ("person", "size", "budget", "day")
    ]


@settings(max_examples=300, deadline=None)
@given(contests())
def test_same_as_one_by_one(edges: list[dict[str, tuple[int, int, int, float]]]) -> None:
    assert settle(np.arange(len(edges)), arrays(edges)).tolist() == one_by_one(edges)


@settings(max_examples=50, deadline=None)
@given(contests(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(
    edges: list[dict[str, tuple[int, int, int, float]]], random: object
) -> None:
    order = list(range(len(edges)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = settle(np.array(order, np.int64), arrays([edges[at] for at in order]))
    assert [bool(shuffled[order.index(at)]) for at in range(len(edges))] == one_by_one(edges)


def test_nothing_competes_for_nothing() -> None:
    assert settle(np.empty(0, np.int64), arrays([])).tolist() == []


def test_a_chain_in_which_each_waits_for_the_one_before() -> None:
    # Campaign k may have one contact; person k is wanted by campaigns k and k+1. Worst case: a round an edge.
    edges = [
        {
            "person": (at // 2, 1, 1, 1.0),
            "size": ((at + 1) // 2, 1, 1, 1.0),
            "budget": (0, 0, 0, math.inf),
            "day": (0, 1, 1, math.inf),
        }
        for at in range(200)
    ]
    assert settle(np.arange(200), arrays(edges)).tolist() == one_by_one(edges)
