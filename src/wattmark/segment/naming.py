"""Names of clusters: one for each, kept with its number, two alike told apart by what differs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wattmark.segment.clustering import Floats, Followed


@dataclass(frozen=True)
class Mark:
    """What tells clusters of one name apart: its words from a centroid, their pattern, and the same in Chinese."""

    of: Callable[[Floats], str]
    pattern: str
    chinese: str


_NUMBER = Mark(lambda _: "", r"no\. (\d+)", r"第 \1 种")


@dataclass(frozen=True)
class Vocabulary:
    """Every name that a kind of clusters can have: ``bases`` with their Chinese, and ``marks`` in the order tried."""

    bases: Mapping[str, str]
    marks: tuple[Mark, ...]

    def in_chinese(self, name: str) -> str:
        """The Chinese of a name of this vocabulary; any other name stays as it is."""
        base, *told = name.split("; ")
        if base not in self.bases:
            return name
        parts = [self.bases[base]]
        for mark in told:
            known = next(
                (candidate for candidate in (*self.marks, _NUMBER) if re.fullmatch(candidate.pattern, mark)),
                None,
            )
            if known is None:
                return name
            parts.append(re.sub(known.pattern, known.chinese, mark))
        return "；".join(parts)

    def names(
        self, found: Sequence[Followed], base_of: Callable[[Followed], str], last: Mapping[int, str]
    ) -> dict[int, str]:
        """Names by number: those of clusters that are followed stay, new ones are told apart by what differs.

        Where several would be called the same, each new one gets the fewest marks that no other of them has. A name of
        another vocabulary, as an earlier version gave it, is not kept.

        Args:
            found: the clusters in force, with their centroids.
            base_of: what a cluster is called alone; one of ``bases``.
            last: names of the fit before.
        """
        given = {
            cluster.number: last[cluster.number]
            for cluster in found
            if cluster.drift is not None and last.get(cluster.number, "").split("; ")[0] in self.bases
        }
        centroids = {cluster.number: np.asarray(cluster.centroid) for cluster in found}
        bases = {
            cluster.number: given[cluster.number].split("; ")[0]
            if cluster.number in given
            else base_of(cluster)
            for cluster in found
        }
        for base in sorted(set(bases.values())):
            group = {number: centroids[number] for number, of in bases.items() if of == base}
            given.update(self._told_apart(base, group, given))
        return given

    def _told_apart(self, base: str, group: Mapping[int, Floats], given: Mapping[int, str]) -> dict[int, str]:
        """Names of those of a group that have none yet."""
        new = [number for number in group if number not in given]
        if len(group) == 1:
            return dict.fromkeys(new, base)
        taken = set(given.values())
        for size in range(1, len(self.marks) + 1):
            for marks in itertools.combinations(self.marks, size):
                told = {
                    number: "; ".join([base, *(mark.of(centroid) for mark in marks)])
                    for number, centroid in group.items()
                }
                every = list(told.values())
                if all(every.count(told[number]) == 1 and told[number] not in taken for number in new):
                    return {number: told[number] for number in new}
        found: dict[int, str] = {}
        for number in new:
            tries = (f"{base}; no. {at}" for at in itertools.count(1))
            found[number] = next(name for name in tries if name not in taken)
            taken.add(found[number])
        return found
