"""The next months of many short monthly series at once, by the Theta method.

Simple exponential smoothing with half of the linear trend as drift: V. Assimakopoulos and K. Nikolopoulos, "The theta model: a
decomposition approach to forecasting", International Journal of Forecasting 16 (2000) 521-530, in the form of R. J. Hyndman
and B. Billah, "Unmasking the Theta method", ibid. 19 (2003) 287-290, whose variance the intervals are of, by Student's t, as it
is estimated from few months. It has one parameter besides the level, which a dozen months can bear; of seasons a dozen months tell
nothing. Months that are not known are passed over. The same rows give the same numbers, whatever their order.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MONTHS = 12
"""Months that are looked at: the audited one and those before."""
AHEAD = 3
"""Months that are forecast."""
LEAST_MONTHS = 6
"""Known months below which nothing is forecast."""
INSIDE = 0.8
"""Share of values that an interval is to hold."""

_PLACES = 9
_AT_ONCE = 1_000
_ALPHAS = np.arange(1, 101) / 100
_HIGHEST = {"share": 1.0, "composite": 100.0}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """Value and interval of each series and month ahead; arrays of shape (series, ahead), in the unit of the values."""

    value: Floats
    low: Floats
    high: Floats


def theta(values: Floats, ahead: int = AHEAD) -> Forecast:
    """Forecast series of equally spaced values.

    Args:
        values: shape (series, months), NaN where a value is not known; three known ones a series are the least that can be
            reckoned with.
        ahead: how many values after the last column.
    """
    from scipy.special import stdtrit  # The pages need this module's limits alone.

    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    count = known.sum(axis=1)
    places = np.arange(values.shape[1])
    alpha, level, variance = _smoothed(filled, known, count)
    middle = (known * places).sum(axis=1) / count
    off = np.where(known, places - middle[:, None], 0.0)
    half_slope = (off * filled).sum(axis=1) / (off**2).sum(axis=1) / 2
    last = np.where(known, places, -1).max(axis=1)
    # Steps from the last known value, which may lie before the last column.
    step = np.arange(ahead)[None, :] + (values.shape[1] - last)[:, None]
    drift = half_slope[:, None] * (step - 1 + ((1 - (1 - alpha) ** count) / alpha)[:, None])
    value = level[:, None] + drift
    spread = stdtrit(count - 2, (1 + INSIDE) / 2)[:, None]
    half = spread * np.sqrt(variance[:, None] * (1 + (step - 1) * (alpha**2)[:, None]))
    return Forecast(value, value - half, value + half)


def _smoothed(
    values: Floats, known: NDArray[np.bool_], count: NDArray[np.int64]
) -> tuple[Floats, Floats, Floats]:
    """Weight, last level and variance of errors one step ahead of each series, where their squares' sum is least.

    A level is ``known part + kept x first level``; the first level follows for each weight by least squares.
    """
    shape = (values.shape[0], len(_ALPHAS))
    part, kept = np.zeros(shape), np.ones(shape)
    errors, shares = [], []
    for at in range(values.shape[1]):
        here = known[:, at, None]
        errors.append(np.where(here, values[:, at, None] - part, 0.0))
        shares.append(np.where(here, kept, 0.0))
        part = np.where(here, _ALPHAS * values[:, at, None] + (1 - _ALPHAS) * part, part)
        kept = np.where(here, (1 - _ALPHAS) * kept, kept)
    error, share = np.array(errors), np.array(shares)
    first = (error * share).sum(axis=0) / (share**2).sum(axis=0)
    squares = ((error - share * first) ** 2).sum(axis=0)
    best = squares.argmin(axis=1)[:, None]
    level = np.take_along_axis(part + kept * first, best, axis=1)[:, 0]
    variance = np.take_along_axis(squares, best, axis=1)[:, 0] / (count - 2)
    return _ALPHAS[best[:, 0]], level, variance


def forecast_months(known: pa.Table, period: dt.date) -> pa.Table:
    """Rows of ``mart.audit_kpi_forecast``.

    Args:
        known: one row per series and month: level, id, kpi, period, value (empty where it is not to be relied on),
            denominator, and form (share, composite, or any other).
        period: the audited month; others than it and the eleven before are left out.
    """
    series = known.group_by(["level", "id", "kpi"]).aggregate([("form", "min")])
    series = series.sort_by([(name, "ascending") for name in ("level", "id", "kpi")])
    values, denominators = _by_month(known, series, period)
    count = (~np.isnan(values)).sum(axis=1)
    enough = np.flatnonzero(count >= LEAST_MONTHS)
    form = np.array(series["form_min"].to_pylist(), dtype=object)
    found = {name: np.full((series.num_rows, AHEAD), np.nan) for name in ("value", "low", "high")}
    for begin in range(0, len(enough), _AT_ONCE):
        rows = enough[begin : begin + _AT_ONCE]
        made = theta(values[rows])
        # What has been outside of what a figure may be, such as a loss below 0, may be there again.
        low = np.minimum(0.0, np.nanmin(values[rows], axis=1))[:, None]
        most = np.array([_HIGHEST.get(kind, np.inf) for kind in form[rows]])
        high = np.maximum(most, np.nanmax(values[rows], axis=1))[:, None]
        for name in found:
            found[name][rows] = np.round(np.clip(getattr(made, name), low, high), _PLACES)
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, np.nansum(denominators, axis=1) / np.maximum(count, 1), np.nan)
    mean[form == "composite"] = np.nan
    months = [_month(period, step + 1) for step in range(AHEAD)]
    times = series.num_rows
    repeated = pa.array(np.repeat(np.arange(times), AHEAD))
    return pa.table(
        {
            **{name: series[name].take(repeated) for name in ("level", "id", "kpi")},
            "period": pa.array(months * times, pa.date32()),
            "ahead": pa.array(list(range(1, AHEAD + 1)) * times, pa.int64()),
            **{name: pa.array(found[name].ravel(), pa.float64(), from_pandas=True) for name in found},
            "denominator": pa.array(np.repeat(mean, AHEAD), pa.float64(), from_pandas=True),
            "months": pa.array(np.repeat(count, AHEAD), pa.int64()),
            "too_few": pa.array(np.repeat(count < LEAST_MONTHS, AHEAD)),
        }
    )


def _month(period: dt.date, step: int) -> dt.date:
    number = period.year * 12 + period.month - 1 + step
    return dt.date(number // 12, number % 12 + 1, 1)


def _by_month(known: pa.Table, series: pa.Table, period: dt.date) -> tuple[Floats, Floats]:
    """Values and denominators of shape (series, months), NaN where there is no value."""
    rows = {key: at for at, key in enumerate(zip(*(series[name].to_pylist() for name in ("level", "id", "kpi")), strict=True))}  # fmt: skip
    values, denominators = (np.full((len(rows), MONTHS), np.nan) for _ in range(2))
    told = known.filter(pc.is_valid(known["value"]))
    columns = (told[name].to_pylist() for name in ("level", "id", "kpi", "period", "value", "denominator"))
    for level, name, kpi, month, value, denominator in zip(*columns, strict=True):
        at = (month.year - period.year) * 12 + month.month - period.month + MONTHS - 1
        if 0 <= at < MONTHS:
            row = rows[level, name, kpi]
            values[row, at], denominators[row, at] = value, denominator
    return values, denominators
