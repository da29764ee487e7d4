"""The theft model finds thefts it has not seen and leaves a clean utility alone."""

from __future__ import annotations

import numpy as np
import pytest

from wattmark.derive.theft import MONTHS, Series, inject, is_corroborated, quality, signals


def _utility(areas: int = 12, each: int = 30, seed: int = 5) -> Series:
    random = np.random.Generator(np.random.PCG64(seed))
    area = np.repeat(np.arange(areas), each)
    season = 1 + 0.3 * np.sin(np.arange(MONTHS) / 2)
    size = random.uniform(80, 900, len(area))
    kwh = size[:, None] * season * random.normal(1, 0.06, (len(area), MONTHS))
    sold = np.stack([kwh[area == number].sum(axis=0) for number in range(areas)])
    supplied = sold * random.normal(1.03, 0.002, sold.shape)
    return Series(
        kwh, area, np.zeros(len(area), np.int64), size / 60, np.zeros(len(area)), supplied, supplied - sold
    )


def _steal(data: Series, account: int, share: float, months: int) -> Series:
    kwh, loss = data.kwh.copy(), data.loss.copy()
    taken = share * kwh[account, -months:]
    kwh[account, -months:] -= taken
    loss[data.area[account], -months:] += taken
    return Series(kwh, data.area, data.group, data.kva, data.zero_days, data.supplied, loss)


def test_a_clean_utility_has_no_suspect() -> None:
    assert not is_corroborated(signals(_utility())).any()


def test_a_large_theft_is_corroborated_and_dated() -> None:
    data = _utility()
    account = int(np.argmax(data.kwh.mean(axis=1)))
    found = signals(_steal(data, account, 0.7, 4))
    assert np.flatnonzero(is_corroborated(found)).tolist() == [account]
    assert found.since[account] == MONTHS - 4


def test_using_less_without_a_loss_is_no_theft() -> None:
    data = _utility()
    account = int(np.argmax(data.kwh.mean(axis=1)))
    stolen = _steal(data, account, 0.7, 4)
    supplied = stolen.supplied.copy()
    supplied[data.area[account], -4:] -= data.kwh[account, -4:] * 0.7
    moved_out = Series(stolen.kwh, data.area, data.group, data.kva, data.zero_days, supplied, data.loss)
    assert not is_corroborated(signals(moved_out))[account]


@pytest.mark.parametrize("months", [1, 9])
def test_a_drop_too_young_or_too_old_is_left_alone(months: int) -> None:
    data = _utility()
    account = int(np.argmax(data.kwh.mean(axis=1)))
    assert not is_corroborated(signals(_steal(data, account, 0.7, months)))[account]


def test_quality_on_unseen_areas_and_no_leak() -> None:
    found = quality(_utility())
    assert found["auc"] > 0.9
    assert found["precision_at_capacity"] == 1.0
    assert abs(found["leak_auc"] - 0.5) < 0.12
    assert found["untouched_suspect_share"] == 0.0


def test_injection_is_the_same_every_time() -> None:
    first, second = inject(_utility()), inject(_utility())
    assert first[1].tolist() == second[1].tolist()
    assert first[0].features.tolist() == second[0].features.tolist()


def test_unknown_months_do_no_harm() -> None:
    data = _utility(2, 5)
    data.kwh[0] = np.nan
    data.loss[1, 3] = np.nan
    found = signals(data)
    assert np.isfinite(found.features).all()
    assert found.since[0] == -1
