"""How small an effect a campaign finds, against campaigns that are drawn with it."""

from __future__ import annotations

import numpy as np
import pytest

from wattmark.campaign.power import POWER, VERDICT_LEVEL, found_with, smallest_lift


@pytest.mark.parametrize(
    ("listed", "control", "base"), [(900, 100, 0.05), (5000, 500, 0.02), (300, 300, 0.4)]
)
def test_the_smallest_lift_is_found_four_times_in_five(listed: int, control: int, base: float) -> None:
    lift = smallest_lift(listed, control, base, 4)
    assert lift is not None
    assert found_with(listed, control, base, lift, 4) == pytest.approx(POWER, abs=1e-3)
    random, draws = np.random.default_rng(2), 4000
    with_contact, without = random.binomial(listed, base + lift, draws), random.binomial(control, base, draws)
    count = listed + control
    good = with_contact + without
    score = with_contact - listed * good / count
    spread = listed * control * good * (count - good) / (count**2 * (count - 1))
    p = np.sqrt(1 + spread / 4) * np.exp(-(score**2) / (2 * (spread + 4)))
    assert (p <= VERDICT_LEVEL).mean() == pytest.approx(POWER, abs=0.05)


def test_more_people_find_less_and_too_few_find_nothing() -> None:
    few, many = smallest_lift(500, 60, 0.05, 4), smallest_lift(5000, 600, 0.05, 4)
    assert few is not None
    assert many is not None
    assert many < few / 2
    assert smallest_lift(30, 3, 0.05, 4) is None
    assert smallest_lift(30, 0, 0.05, 4) is None
