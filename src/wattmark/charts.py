"""Charts as plain SVG: bars and a line over time, in the page's own ink, with a text that says the same."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 720, 230
LEFT, RIGHT, TOP, BOTTOM = 64, 64, 24, 34
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Series:
    """Values over the same places, of which some may be missing; a line that ``is_of_kind`` has the scale of the bars."""

    name: str
    values: Sequence[float | None]
    is_of_kind: bool = False


@dataclass(frozen=True)
class Outlook:
    """What is wanted and what is forecast at each place; a forecast may have an interval."""

    targets: Series
    forecasts: Series
    lows: Sequence[float | None]
    highs: Sequence[float | None]


def ticks(series: Series, *, from_zero: bool = True) -> list[float]:
    """Round values that span a series and, unless it is not to, zero."""
    known = [value for value in series.values if value is not None] or [0.0]
    low, high = min(known), max(known)
    if from_zero:
        low, high = min(0.0, low), max(0.0, high)
    if high == low:
        low, high = (low, low + 1) if from_zero else (low - abs(low) / 50, high + (abs(high) / 50 or 1))
    rough = (high - low) / 4
    size = 10.0 ** (len(str(int(rough))) - 1) if rough >= 1 else 10.0 ** -(len(f"{1 / rough:.0f}"))
    step = next(size * each for each in (*_STEPS, 20, 50, 100) if size * each >= rough)
    first = math.floor(round(low / step, 9))
    last = math.ceil(round(high / step, 9))
    return [at * step for at in range(first, last + 1)]


def number(value: float) -> str:
    """A value as a scale shows it: whole from ten on, else with two decimals."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:,.2f}"


def _scales(bars: Series, line: Series | None) -> tuple[list[float], list[float]]:
    """Ticks of the left and of the right scale; the same where the line is of the bars' kind."""
    if line is None or not line.is_of_kind:
        return ticks(bars), ticks(line or bars)
    both = ticks(Series("", [*bars.values, *line.values]))
    return both, both


def chart(
    title: str, places: Sequence[str], bars: Series, line: Series | None = None, marked: int | None = None
) -> Markup:
    """Bars on the left scale and a line on the right one.

    Args:
        title: what the chart is of, read aloud instead of it.
        places: names along the bottom, as many as values.
        bars: what is drawn as bars.
        line: what is drawn as a line with points, on a scale of its own.
        marked: place that is set off.
    """
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    step = wide / max(1, len(places))
    parts: list[Markup] = []

    def scale(ticks: Sequence[float], value: float) -> float:
        return round(TOP + high * (1 - (value - ticks[0]) / (ticks[-1] - ticks[0])), 1)

    left, right = _scales(bars, line)
    for tick in left:
        y = scale(left, tick)
        parts.append(
            Markup('<line x1="{}" x2="{}" y1="{}" y2="{}" class="grid"/>').format(LEFT, WIDTH - RIGHT, y, y)
        )
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 6, y + 4, number(tick))
        )
    zero = scale(left, 0)
    for at, value in enumerate(bars.values):
        if value is None:
            continue
        y = scale(left, value)
        box = (
            round(LEFT + at * step + step * 0.15, 1),
            min(y, zero),
            round(step * 0.7, 1),
            round(abs(zero - y), 1),
        )
        kind = "bar marked" if at == marked else "bar"
        parts.append(Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>').format(*box, kind))
    if line is not None:
        parts += [
            Markup('<text x="{}" y="{}">{}</text>').format(
                WIDTH - RIGHT + 6, scale(right, tick) + 4, number(tick)
            )
            for tick in right
        ]
        points = [
            None if value is None else (round(LEFT + (at + 0.5) * step, 1), scale(right, value))
            for at, value in enumerate(line.values)
        ]
        for here, other in itertools.pairwise(points):
            # Nothing is drawn across a month that is not there.
            if here and other:
                parts.append(
                    Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="line"/>').format(*here, *other)
                )
        parts += [
            Markup('<circle cx="{}" cy="{}" r="3.5" class="point"/>').format(*point)
            for point in points
            if point
        ]
        parts.append(Markup('<text x="{}" y="14" text-anchor="end">● {}</text>').format(WIDTH - 4, line.name))
    parts.append(Markup('<text x="4" y="14">■ {}</text>').format(bars.name))
    every = max(1, -(-len(places) // 14))
    for at in range(0, len(places), every):
        x = round(LEFT + (at + 0.5) * step, 1)
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(x, HEIGHT - 12, places[at])
        )
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="chart">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(parts)
    )


def _exact(values: Sequence[float]) -> list[str]:
    """Values with as many places as it takes to tell them apart."""
    places = next((at for at in range(5) if all(abs(value - round(value, at)) < 1e-9 for value in values)), 5)
    return [f"{value:,.{places}f}" for value in values]


def trend(title: str, places: Sequence[str], series: Series, outlook: Outlook, marked: int | None) -> Markup:
    """A line over time on a scale of its own range, with what is forecast dashed and what is wanted as strokes.

    Args:
        title: what the chart is of, read aloud instead of it.
        places: names along the bottom, as many as values.
        series: what was.
        outlook: what is forecast and wanted.
        marked: place that is set off.
    """
    wide, high = WIDTH - 2 * LEFT, HEIGHT - TOP - BOTTOM
    step = wide / max(1, len(places))
    scale = ticks(
        Series("", [*series.values, *outlook.targets.values, *outlook.forecasts.values, *outlook.lows, *outlook.highs]),
        from_zero=False,
    )  # fmt: skip

    def up(value: float) -> float:
        return round(TOP + high * (1 - (value - scale[0]) / (scale[-1] - scale[0])), 1)

    def across(at: float) -> float:
        return round(LEFT + (at + 0.5) * step, 1)

    def stroke(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
        return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(x1, y1, x2, y2, kind)

    def text(x: float, y: float, end: str, said: str) -> Markup:
        return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, end, said)

    parts: list[Markup] = []
    for tick, said in zip(scale, _exact(scale), strict=True):
        parts.append(stroke("grid", LEFT, up(tick), WIDTH - LEFT, up(tick)))
        parts.append(text(LEFT - 6, up(tick) + 4, "end", said))
    for kind, line in (("line", series.values), ("ahead", _joined(series.values, outlook.forecasts.values))):
        for at, (here, other) in enumerate(itertools.pairwise(line)):
            # Nothing is drawn across a month that is not there.
            if here is not None and other is not None:
                parts.append(stroke(kind, across(at), up(here), across(at + 1), up(other)))
    for at, place in enumerate(places):
        value, target, forecast = (
            line_of.values[at] for line_of in (series, outlook.targets, outlook.forecasts)
        )
        lowest, highest = outlook.lows[at], outlook.highs[at]
        if lowest is not None and highest is not None:
            parts.append(stroke("spread", across(at), up(lowest), across(at), up(highest)))
        for known, kind, radius in ((value, "point", 3.5), (forecast, "hollow", 4)):
            if known is not None:
                named, size = (f"{kind} marked", 5) if at == marked and kind == "point" else (kind, radius)
                dot = Markup('<circle cx="{}" cy="{}" r="{}" class="{}"/>')
                parts.append(dot.format(across(at), up(known), size, named))
        if target is not None:
            parts.append(stroke("target", across(at - 0.4), up(target), across(at + 0.4), up(target)))
        if at % max(1, -(-len(places) // 16)) == 0:
            parts.append(text(across(at), HEIGHT - 12, "middle", place))
    parts.append(text(4, 14, "start", f"● {series.name}"))
    drawn = (("○", outlook.forecasts), ("━", outlook.targets))
    legend = [
        f"{sign} {line_of.name}"
        for sign, line_of in drawn
        if any(value is not None for value in line_of.values)
    ]
    parts.append(text(WIDTH - 4, 14, "end", "   ".join(legend)))
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="chart">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(parts)
    )


def _joined(values: Sequence[float | None], forecasts: Sequence[float | None]) -> list[float | None]:
    """Forecasts, with the last value right before them, so that the line goes on from there."""
    joined = list(forecasts)
    for at in range(len(joined) - 1):
        if joined[at] is None and forecasts[at + 1] is not None:
            joined[at] = values[at]
    return joined
