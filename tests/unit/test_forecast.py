"""Forecasts of short series, against the method's definition written out number by number."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import lsq_linear
from scipy.stats import t as student

from wattmark.forecast import forecast_months, theta

PERIOD = dt.date(2026, 10, 1)
MONTHS = [dt.date(2025 + (10 + at) // 12, (10 + at) % 12 + 1, 1) for at in range(12)]


def by_hand(series: list[float | None]) -> list[tuple[float, float, float]]:
    """One series: exponential smoothing by its recursion, its first level by a solver, half a regression's slope as drift."""
    known = [(at, value) for at, value in enumerate(series) if value is not None]

    def errors(alpha: float, first: float) -> tuple[list[float], float]:
        level, found = first, []
        for _, value in known:
            found.append(value - level)
            level += alpha * (value - level)
        return found, level

    def fitted(alpha: float) -> tuple[float, float, list[float]]:
        at_0, at_1 = np.array(errors(alpha, 0.0)[0]), np.array(errors(alpha, 1.0)[0])
        first = float(lsq_linear((at_0 - at_1)[:, None], at_0).x[0])
        found, level = errors(alpha, first)
        return sum(error**2 for error in found), level, found

    alpha = min((each / 100 for each in range(1, 101)), key=lambda each: fitted(each)[0])
    squares, level, _ = fitted(alpha)
    slope = float(np.polyfit([at for at, _ in known], [value for _, value in known], 1)[0])
    count, gap = len(known), len(series) - 1 - known[-1][0]
    answers = []
    for ahead in (1, 2, 3):
        steps = ahead + gap
        value = level + slope / 2 * (steps - 1 + (1 - (1 - alpha) ** count) / alpha)
        half = student.ppf(0.9, count - 2) * (squares / (count - 2) * (1 + (steps - 1) * alpha**2)) ** 0.5
        answers.append((value, value - half, value + half))
    return answers


def noisy(seed: int, length: int = 12, missing: int = 0) -> list[float | None]:
    chance = random.Random(seed)
    level, found = 0.9, []
    for _ in range(length):
        level += chance.gauss(-0.002, 0.006)
        found.append(level + chance.gauss(0, 0.01))
    for at in chance.sample(range(length), missing):
        found[at] = None
    return found


@pytest.mark.parametrize("missing", [0, 1, 5])
def test_it_is_the_method_as_it_is_defined(missing: int) -> None:
    series = [noisy(seed, missing=missing) for seed in range(20)]
    made = theta(np.array([[np.nan if value is None else value for value in values] for values in series]))
    for at, values in enumerate(series):
        found = [(made.value[at, h], made.low[at, h], made.high[at, h]) for h in range(3)]
        assert np.allclose(found, by_hand(values), atol=1e-9), at


def test_intervals_hold_what_comes_about_as_often_as_they_say() -> None:
    whole = np.array([noisy(seed, length=15) for seed in range(2000)], dtype=float)
    made = theta(whole[:, :12])
    inside = ((whole[:, 12:] >= made.low) & (whole[:, 12:] <= made.high)).mean(axis=0)
    assert (inside > 0.74).all() and (inside < 0.86).all(), inside


def rows(kpi: str, form: str, values: list[float | None], **more: object) -> list[dict[str, object]]:
    return [
        {"level": "org_unit", "id": "P", "kpi": kpi, "form": form, "period": month, "value": value, "denominator": 10.0} | more
        for month, value in zip(MONTHS[-len(values) :], values, strict=True)
    ]  # fmt: skip


def test_a_forecast_stays_within_what_a_figure_can_be() -> None:
    rising, falling = [0.8 + at / 60 for at in range(12)], [0.22 - at / 60 for at in range(12)]
    known = [
        *rows("up", "share", rising),
        *rows("days", "days", rising),
        *rows("down", "share", falling),
        *rows("below", "share", [*falling[:-1], -0.02]),
        *rows("composite", "composite", [88.0 + at for at in range(12)]),
    ]
    made = forecast_months(pa.Table.from_pylist(known), PERIOD).to_pylist()
    last = {row["kpi"]: row for row in made if row["ahead"] == 3}
    assert (last["up"]["value"], last["up"]["high"]) == (1.0, 1.0) and last["up"]["low"] < 1
    assert last["days"]["value"] > 1
    assert last["down"]["low"] == 0.0 and last["down"]["value"] > 0
    # A loss that was below 0 may be so again, but no lower.
    assert last["below"]["low"] == -0.02
    assert last["composite"]["high"] == 100.0


def test_the_order_of_rows_and_other_months_change_nothing() -> None:
    known = [
        *rows("a", "share", noisy(1)),
        *rows("b", "share", noisy(2, missing=7)),
        *rows("a", "share", noisy(3), id="U"),
    ]
    before = {**rows("a", "share", [0.1])[0], "period": dt.date(2025, 10, 1)}
    after = {**before, "period": dt.date(2026, 11, 1)}
    made = forecast_months(pa.Table.from_pylist(known), PERIOD)
    mixed = random.Random(5).sample([*known, before, after], len(known) + 2)
    assert forecast_months(pa.Table.from_pylist(mixed), PERIOD) == made
    assert [(row["kpi"], row["value"] is None) for row in made.to_pylist() if row["ahead"] == 1 and row["id"] == "P"] == [
        ("a", False), ("b", True),
    ]  # fmt: skip


def test_without_rows_there_is_nothing() -> None:
    assert forecast_months(pa.Table.from_pylist(rows("a", "share", [0.5])).slice(0, 0), PERIOD).num_rows == 0
