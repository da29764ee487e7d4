"""A load curve as plain SVG: a filled line in steps over days, on the scales of the other charts."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from wattmark import charts


@dataclass(frozen=True)
class Stretch:
    """A value that holds from an instant on.

    Attributes:
        start: local.
        minutes: how long.
        value: what is used; None where there is nothing.
        before: what was handed over, where it is another; None where it is not.
        is_marked: whether it is set off.
    """

    start: dt.datetime
    minutes: int
    value: float | None
    before: float | None = None
    is_marked: bool = False


def curve(title: str, name: str, stretches: Sequence[Stretch]) -> Markup:
    """A filled line in steps over days, what is set off behind it as a band, and what was handed over as a dashed line.

    Args:
        title: what the chart is of, read aloud instead of it.
        name: of the values, above the scale.
        stretches: in order, not none.
    """
    first = stretches[0].start.replace(hour=0, minute=0, second=0, microsecond=0)
    days = max(1, (stretches[-1].start.date() - first.date()).days + 1)
    wide, high = charts.WIDTH - charts.LEFT - charts.RIGHT, charts.HEIGHT - charts.TOP - charts.BOTTOM
    ticks = charts.ticks(
        charts.Series(name, [value for stretch in stretches for value in (stretch.value, stretch.before)])
    )

    def across(at: dt.datetime) -> float:
        # By the clock: a day of 23 or 25 hours is as wide as others.
        passed = (at.replace(tzinfo=None) - first.replace(tzinfo=None)).total_seconds() / 86_400
        return round(charts.LEFT + wide * min(max(passed, 0), days) / days, 1)

    def up(value: float) -> float:
        return round(charts.TOP + high * (1 - (value - ticks[0]) / (ticks[-1] - ticks[0])), 1)

    parts: list[Markup] = []
    ends = [
        (stretch, across(stretch.start), across(stretch.start + dt.timedelta(minutes=stretch.minutes)))
        for stretch in stretches
    ]
    for is_marked, run in itertools.groupby(ends, key=lambda end: end[0].is_marked):
        if is_marked:
            of_run = list(run)
            left, right = of_run[0][1], max(end[2] for end in of_run)
            parts.append(
                Markup('<rect x="{}" y="{}" width="{}" height="{}" class="band"/>').format(
                    left, charts.TOP, round(max(right - left, 1.5), 1), high
                )
            )
    for tick in ticks:
        y = up(tick)
        parts.append(
            Markup('<line x1="{}" x2="{}" y1="{}" y2="{}" class="grid"/>').format(
                charts.LEFT, charts.WIDTH - charts.RIGHT, y, y
            )
        )
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
                charts.LEFT - 6, y + 4, charts.number(tick)
            )
        )
    zero = up(0)
    filled, at = "", None
    for stretch, left, right in ends:
        if stretch.value is None:
            continue
        # One outline as long as they follow each other: seams between boxes would show.
        filled += (
            f"V{up(stretch.value)}H{right}"
            if left == at
            else f"{'' if at is None else f'V{zero}Z'}M{left} {zero}V{up(stretch.value)}H{right}"
        )
        at = right
    filled += "" if at is None else f"V{zero}Z"
    parts.append(Markup('<path d="{}" class="area"/>').format(filled))
    dashed = "".join(
        f"M{left} {up(stretch.before)}H{right}" for stretch, left, right in ends if stretch.before is not None
    )
    if dashed:
        parts.append(Markup('<path d="{}" class="before"/>').format(dashed))
    parts.append(Markup('<text x="4" y="14">■ {}</text>').format(name))
    for day in range(days):
        x = round(charts.LEFT + wide * (day + 0.5) / days, 1)
        said = f"{first + dt.timedelta(days=day):%m-%d}"
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(x, charts.HEIGHT - 12, said)
        )
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="chart">{}</svg>').format(
        charts.WIDTH, charts.HEIGHT, title, Markup("").join(parts)
    )
