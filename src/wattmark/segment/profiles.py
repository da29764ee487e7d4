"""What load profiles are called: by who is in them and by the shape of their day, as a person would say it.

A shape has 48 values: 24 hours of the workday that sum to 1, then 24 of the weekend day. How profiles are found and
keep their numbers is said in ``clustering``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from wattmark.segment.clustering import Floats, Followed
from wattmark.segment.naming import Mark, Vocabulary

HOURS = 24
SHAPE = 2 * HOURS

FLAT_RATIO = 1.35
"""A workday whose highest hour is below this times its mean is called flat."""
NIGHT_SHARE = 0.45
"""Of the energy of the workday from 23:00 to 7:00; 8 hours of 24 are 0.33."""
DAY_SHARE = 0.60
"""Of the energy of the workday from 7:00 to 18:00; 11 hours of 24 are 0.46."""
AT_WORK = 0.6
"""Hours above this share of the highest are hours at work."""
SECOND_PEAK, DIP = 0.85, 0.7
"""A morning and an evening both above the first share of the highest hour, with an hour between them below the second."""
MAJORITY = 0.6
"""Share of the members that makes a profile one of households, shops and so on."""

_NIGHT = (23, 0, 1, 2, 3, 4, 5, 6)
_PARTS_OF_DAY = (
    ("night", (23, 0, 1, 2, 3, 4)),
    ("morning", (5, 6, 7, 8, 9, 10)),
    ("midday", (11, 12, 13)),
    ("afternoon", (14, 15, 16)),
    ("evening", (17, 18, 19, 20, 21, 22)),
)

KINDS = {
    "residential": "household",
    "commercial": "shop",
    "general_industrial": "industry",
    "large_industrial": "industry",
    "agricultural": "farm",
    "bulk_resale": "resale",
}
"""What accounts of a usage category are called in the name of a profile."""
BUSINESS, MIXED, UNKNOWN = "business", "mixed use", "use"
"""Where no kind has the majority: without many households, with them; and where it is not known what most are."""

_KINDS_ZH = {
    "household": "家庭", "shop": "商铺", "industry": "工业", "farm": "农业", "resale": "转供", BUSINESS: "企业",
    MIXED: "混合用电", UNKNOWN: "用电",
}  # fmt: skip
_SHAPES_ZH = {
    "flat": "平稳", "night": "夜间", "day": "日间", "morning and evening": "早晚", "morning": "早间", "midday": "午间",
    "afternoon": "午后", "evening": "晚间",
}  # fmt: skip
_SHIFTS_ZH = {"one shift": "单班工业", "two shifts": "两班工业", "night shift": "夜班工业"}

_BASES = {
    f"{shape} {kind}": shape_zh + kind_zh
    for shape, shape_zh in _SHAPES_ZH.items()
    for kind, kind_zh in _KINDS_ZH.items()
} | _SHIFTS_ZH
"""Every name a profile can have alone, with the Chinese."""

NAMES = Vocabulary(
    _BASES,
    (
        Mark(lambda shape: f"peak at {int(np.argmax(shape[:HOURS]))}:00", r"peak at (\d+):00", r"\1 时高峰"),
        Mark(
            lambda shape: f"weekend peak at {int(np.argmax(shape[HOURS:]))}:00",
            r"weekend peak at (\d+):00",
            r"周末 \1 时高峰",
        ),
        Mark(
            lambda shape: f"{float(shape[list(_NIGHT)].sum()):.0%} at night",
            r"(\d+%) at night",
            r"夜间占 \1",
        ),
        Mark(
            lambda shape: f"peak {float(shape[:HOURS].max()) * HOURS:.1f} times the mean",
            r"peak ([\d.]+) times the mean",
            r"高峰为均值 \1 倍",
        ),
    ),
)
"""What load profiles can be called."""


def kind_of(members: Mapping[str, int]) -> str:
    """What the members of a profile are, from how many there are by usage category."""
    total = sum(members.values())
    counts: dict[str, int] = {}
    for category, count in members.items():
        kind = KINDS.get(category, UNKNOWN)
        counts[kind] = counts.get(kind, 0) + count
    for kind, count in sorted(counts.items()):
        if count >= MAJORITY * total:
            return kind
    households = counts.get("household", 0)
    return BUSINESS if total and households < (1 - MAJORITY) * total else MIXED if total else UNKNOWN


def describe(centroid: Sequence[float], kind: str = UNKNOWN) -> str:
    """A name for a shape of a kind of members, such as ``evening household`` or ``two shifts``."""
    workday = np.asarray(centroid[:HOURS])
    highest = float(workday.max())
    at_work = [hour for hour in range(HOURS) if workday[hour] >= AT_WORK * highest]
    if highest * HOURS < FLAT_RATIO:
        shape = "flat"
    elif float(workday[list(_NIGHT)].sum()) >= NIGHT_SHARE:
        shape = "night"
    elif kind == "industry" and 13 <= len(at_work) <= 19:
        return "two shifts"
    elif float(workday[7:18].sum()) >= DAY_SHARE:
        shape = "day"
    elif _has_two_peaks(workday):
        shape = "morning and evening"
    else:
        peak = int(np.argmax(workday))
        shape = next(part for part, hours in _PARTS_OF_DAY if peak in hours)
    if kind == "industry" and shape in ("day", "night"):
        return {"day": "one shift", "night": "night shift"}[shape]
    return f"{shape} {kind}"


def _has_two_peaks(workday: Floats) -> bool:
    highest = float(workday.max())
    morning, evening = int(np.argmax(workday[5:11])) + 5, int(np.argmax(workday[17:23])) + 17
    return (
        min(float(workday[morning]), float(workday[evening])) >= SECOND_PEAK * highest
        and float(workday[morning:evening].min()) < DIP * highest
    )


def names(found: Sequence[Followed], kinds: Mapping[int, str], last: Mapping[int, str]) -> dict[int, str]:
    """Names by number (see ``Vocabulary.names``).

    Args:
        found: the profiles in force.
        kinds: what their members are, by number (``kind_of``).
        last: names of the fit before.
    """
    return NAMES.names(
        found, lambda cluster: describe(cluster.centroid, kinds.get(cluster.number, UNKNOWN)), last
    )
