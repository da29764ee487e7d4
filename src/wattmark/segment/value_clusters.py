"""What value clusters are called: by the bands of the grid in which their middle lies.

A point has two values between 0 and 1: current and potential value on the fixed logarithmic scale of
``segment.customer_value``, ``ln(1 + amount) / ln(1 + full amount)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import expm1, log1p

from wattmark.segment.clustering import Floats, Followed
from wattmark.segment.naming import Mark, Vocabulary

_BANDS_ZH = {"low": "低", "middle": "中", "high": "高"}
_BASES = {
    f"{current} value, {potential} potential": f"{current_zh}价值{potential_zh}潜力"
    for current, current_zh in _BANDS_ZH.items()
    for potential, potential_zh in _BANDS_ZH.items()
}


@dataclass(frozen=True)
class Scale:
    """The amounts that count 1, and those from which on a value is middle and high, of current and potential value."""

    full: tuple[float, float]
    middle: tuple[float, float]
    high: tuple[float, float]

    def amounts(self, point: Sequence[float] | Floats) -> tuple[float, float]:
        """Current and potential amount of a point, 2 places."""
        current, potential = (
            round(expm1(float(part) * log1p(full)), 2) for part, full in zip(point, self.full, strict=True)
        )
        return current, potential

    def describe(self, point: Sequence[float]) -> str:
        """The bands of the grid in which a point lies, in words."""
        current, potential = (
            "high" if amount >= high else "middle" if amount >= middle else "low"
            for amount, middle, high in zip(self.amounts(point), self.middle, self.high, strict=True)
        )
        return f"{current} value, {potential} potential"


def vocabulary(scale: Scale) -> Vocabulary:
    """What value clusters can be called; two of the same bands are told apart by the amounts of their middle."""
    return Vocabulary(
        _BASES,
        (
            Mark(lambda point: f"value near {_near(scale.amounts(point)[0])}", r"value near ([\d,]+)", r"价值约 \1"),
            Mark(
                lambda point: f"potential near {_near(scale.amounts(point)[1])}",
                r"potential near ([\d,]+)",
                r"潜力约 \1",
            ),
        ),
    )  # fmt: skip


def _near(amount: float) -> str:
    """Two digits are enough to tell clusters apart, and last longer than all."""
    return f"{float(f'{amount:.2g}'):,.0f}"


def names(found: Sequence[Followed], scale: Scale, last: Mapping[int, str]) -> dict[int, str]:
    """Names by number (see ``Vocabulary.names``)."""
    return vocabulary(scale).names(found, lambda cluster: scale.describe(cluster.centroid), last)
