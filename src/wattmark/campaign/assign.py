"""Who gets what, decided once for all campaigns of a night.

Every candidate contact (an *edge*: one customer, one campaign, one channel) stands in one order: priority,
then expected value, then a keyed hash. Taken in that order an edge is kept when its customer, its campaign,
its budget and its channel's day all still have room for it. Written as rounds over whole arrays, it is the
same outcome as going through the edges one by one, without a loop over them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Resource:
    """Something edges use up, group by group.

    ``group`` is the edge's group; ``need`` what must be free for the edge; ``use`` what it takes, which is
    less for a control customer, who competes like everybody but is not contacted; ``room`` what the group
    has before the night, as seen by this edge (infinite where there is no limit). All have one entry an
    edge, and are whole numbers (money in ten-thousandths), so that sums are exact.
    """

    group: Integers
    need: Floats
    use: Floats
    room: Floats


class _Ordered:
    """One resource with its edges sorted by group and rank, so that sums above an edge are one pass."""

    def __init__(self, resource: Resource, rank: Integers) -> None:
        limited = np.flatnonzero(np.isfinite(resource.room))
        groups = np.unique(resource.group[limited])
        inside = np.isin(resource.group, groups)
        edges = np.flatnonzero(inside)
        self.edges = edges[np.lexsort((rank[edges], resource.group[edges]))]
        group = resource.group[self.edges]
        self.need = resource.need[self.edges]
        self.use = resource.use[self.edges]
        self.room = resource.room[self.edges]
        self.first = np.empty(0, np.int64)
        if len(group):
            starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
            self.first = np.repeat(starts, np.diff(np.r_[starts, len(group)]))

    def above(self, counted: Flags) -> Floats:
        """What the counted edges that stand higher in the same group take."""
        taken = np.where(counted[self.edges], self.use, 0.0)
        before = np.cumsum(taken) - taken
        result: Floats = before - before[self.first] if len(before) else before
        return result


def settle(rank: Integers, resources: list[Resource]) -> Flags:
    """Which edges are kept.

    Args:
        rank: a strict order of the edges; lower goes first.
        resources: what they compete for.

    Returns:
        one flag an edge. An edge is kept exactly when, among the kept edges of lower rank, each of its
        groups has used no more than the edge's room less its need.
    """
    count = len(rank)
    kept = np.zeros(count, np.bool_)
    dropped = np.zeros(count, np.bool_)
    ordered = [_Ordered(resource, rank) for resource in resources]
    while True:
        open_ = ~(kept | dropped)
        if not open_.any():
            return kept
        sure = open_.copy()
        for resource in ordered:
            # With everything undecided above it kept, would there still be room? Then nothing can push it out.
            fits = resource.above(~dropped) + resource.need <= resource.room
            sure[resource.edges] &= fits
            lost = resource.above(kept) + resource.need > resource.room
            dropped[resource.edges] |= lost & open_[resource.edges]
        kept |= sure & ~dropped
