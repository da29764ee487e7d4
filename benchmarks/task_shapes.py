"""What the interval tasks ask, apart from who answers: inputs, the SQL that DuckDB, PostgreSQL and Spark share, and the
arithmetic that no SQL says.

After X. Liu, L. Golab, W. Golab, I. F. Ilyas and S. Jin, "Smart Meter Data Analytics: Systems, Algorithms and Benchmarking" (ACM TODS 42, 2016):
histogram, 3-line, PAR and cosine similarity; and the roll-up to days and months. A series is what one metering point measured; its
hour is the mean kW of the measured and estimated intervals of a local hour. Temperature is a day's mean.

Who answers hands over a pyarrow table, with the columns of ``RESULTS``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wattmark.run import Run
from wattmark.settings import Settings

BUCKETS = 10
LAGS = 3
MOST_ALIKE = 10
FEWEST_DAYS = 10
"""A regression of five coefficients on fewer days says nothing."""

RESULTS = {
    "roll-up": (["metering_point_id", "grain", "starts_on"], ["kwh", "max_kw"]),
    "histogram": (["metering_point_id", "bucket"], ["intervals"]),
    "3-line": (["metering_point_id", "percentile"], ["bend_1", "bend_2", "slope_1", "slope_2", "slope_3"]),
    "PAR": (["metering_point_id", "hour"], ["intercept", "lag_1", "lag_2", "lag_3", "temperature"]),
    "cosine": (["metering_point_id", "place"], ["similarity"]),
}
"""Key and values of each task's result. Of equally similar series either may come first, so that their ids are not compared."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Given:
    """What all contestants read.

    ``files`` are Parquet files of ``accepted.interval_reading``, in folders by day below ``root``; ``temperature`` is a
    Parquet file (day, mean_c, degree); ``alike`` are the points that are compared with each other.
    """

    settings: Settings
    run: Run
    root: str
    files: tuple[str, ...]
    temperature: str
    alike: tuple[str, ...]
    database: str
    """Connection string of the PostgreSQL that holds the same rows in tables ``reading`` and ``temperature``."""


# --- SQL that three engines read alike; tables reading, hourly, temperature ------------------------------

HOURLY = """
SELECT metering_point_id, day, CAST(EXTRACT(HOUR FROM interval_start) AS INTEGER) AS hour,
  ROUND(AVG(kwh * 60 / interval_minutes) * 1000000) / 1000000 AS kw
FROM reading
WHERE quality IN ('measured', 'estimated') AND kwh >= 0
GROUP BY metering_point_id, day, EXTRACT(HOUR FROM interval_start)
"""

ROLL_UP = """
WITH daily AS (
  SELECT metering_point_id, day, SUM(kwh) AS kwh, MAX(kwh * 60 / interval_minutes) AS max_kw
  FROM reading
  WHERE quality IN ('measured', 'estimated') AND kwh >= 0
  GROUP BY metering_point_id, day
)
SELECT metering_point_id, 'day' AS grain, day AS starts_on, kwh, max_kw FROM daily
UNION ALL
SELECT metering_point_id, 'month', CAST(DATE_TRUNC('month', day) AS DATE), SUM(kwh), MAX(max_kw)
FROM daily GROUP BY metering_point_id, CAST(DATE_TRUNC('month', day) AS DATE)
"""

HISTOGRAM = f"""
WITH believed AS (
  SELECT metering_point_id, kwh FROM reading WHERE quality IN ('measured', 'estimated') AND kwh >= 0
),
bounds AS (
  SELECT metering_point_id, MIN(kwh) AS low, MAX(kwh) AS high FROM believed GROUP BY metering_point_id
),
placed AS (
  SELECT believed.metering_point_id,
    CASE WHEN high > low
      THEN LEAST(CAST(FLOOR((kwh - low) * {BUCKETS} / (high - low)) AS INTEGER), {BUCKETS - 1}) ELSE 0
    END AS bucket
  FROM believed JOIN bounds ON bounds.metering_point_id = believed.metering_point_id
)
SELECT metering_point_id, bucket, COUNT(*) AS intervals FROM placed GROUP BY metering_point_id, bucket
"""

PERCENTILES = """
SELECT hourly.metering_point_id, temperature.degree,
  PERCENTILE_CONT(0.1) WITHIN GROUP (ORDER BY hourly.kw) AS p10,
  PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY hourly.kw) AS p90
FROM hourly JOIN temperature ON temperature.day = hourly.day
GROUP BY hourly.metering_point_id, temperature.degree
"""

_NAMES = ("lag_1", "lag_2", "lag_3", "mean_c")
MOMENTS = (
    [f"mean_{name}" for name in _NAMES]
    + ["mean_kw"]
    + [f"cov_{a}_{b}" for at, a in enumerate(_NAMES) for b in _NAMES[at:]]
    + [f"cov_{name}_kw" for name in _NAMES]
)
"""Means and covariances of the regression of an hour, in the order that ``par_of_moments`` reads."""
_SHOWN = ",\n  ".join(
    [f"AVG({name}) AS mean_{name}" for name in (*_NAMES, "kw")]
    + [
        f"COVAR_POP({a}, {b}) AS cov_{a}_{b}"
        for a, b in [(a, b) for at, a in enumerate(_NAMES) for b in _NAMES[at:]]
        + [(name, "kw") for name in _NAMES]
    ]
)
PAR = f"""
WITH lagged AS (
  SELECT hourly.metering_point_id, hourly.hour, hourly.day, hourly.kw, temperature.mean_c,
    LAG(hourly.kw, 1) OVER by_hour AS lag_1, LAG(hourly.kw, 2) OVER by_hour AS lag_2,
    LAG(hourly.kw, 3) OVER by_hour AS lag_3, LAG(hourly.day, 3) OVER by_hour AS first_day
  FROM hourly JOIN temperature ON temperature.day = hourly.day
  WINDOW by_hour AS (PARTITION BY hourly.metering_point_id, hourly.hour ORDER BY hourly.day)
)
SELECT metering_point_id, hour,
  {_SHOWN}
FROM lagged
WHERE first_day = day - INTERVAL '3' DAY
GROUP BY metering_point_id, hour
HAVING COUNT(*) >= {FEWEST_DAYS}
"""

COSINE = f"""
WITH lengths AS (
  SELECT metering_point_id, SQRT(SUM(kw * kw)) AS length FROM hourly GROUP BY metering_point_id
),
pairs AS (
  SELECT one.metering_point_id, other.metering_point_id AS other_id, SUM(one.kw * other.kw) AS product
  FROM hourly AS one JOIN hourly AS other ON other.day = one.day AND other.hour = one.hour
  WHERE one.metering_point_id <> other.metering_point_id
  GROUP BY one.metering_point_id, other.metering_point_id
),
placed AS (
  SELECT pairs.metering_point_id, product / (mine.length * theirs.length) AS similarity,
    ROW_NUMBER() OVER (
      PARTITION BY pairs.metering_point_id ORDER BY product / (mine.length * theirs.length) DESC, other_id
    ) AS place
  FROM pairs
  JOIN lengths AS mine ON mine.metering_point_id = pairs.metering_point_id
  JOIN lengths AS theirs ON theirs.metering_point_id = pairs.other_id
  WHERE mine.length > 0 AND theirs.length > 0
)
SELECT metering_point_id, place, similarity FROM placed WHERE place <= {MOST_ALIKE}
"""


# --- arithmetic ------------------------------------------------------------------------------------------


def par_of_moments(table: pa.Table) -> pa.Table:
    """Coefficients of the periodic autoregression from means and covariances (``MOMENTS``) by point and hour.

    An hour whose regressors hang on each other, such as that of an empty flat, has no row.
    """
    moments = np.column_stack([table[name].to_numpy() for name in MOMENTS]).astype(np.float64)
    means, mean_kw, rest = moments[:, :4], moments[:, 4], moments[:, 5:]
    covariance = np.zeros((len(moments), 4, 4))
    upper = np.triu_indices(4)
    covariance[:, upper[0], upper[1]] = rest[:, :10]
    covariance[:, upper[1], upper[0]] = rest[:, :10]
    deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    scale = np.where(deviation > 1e-6, deviation, np.nan)
    correlation = covariance / scale[:, :, None] / scale[:, None, :]
    good = np.nan_to_num(np.linalg.det(np.nan_to_num(correlation))) > 1e-6
    solved = np.linalg.solve(correlation[good], (rest[good, 10:] / scale[good])[:, :, None])[:, :, 0]
    slopes = solved / scale[good]
    intercept = mean_kw[good] - (slopes * means[good]).sum(axis=1)
    kept = table.select(["metering_point_id", "hour"]).filter(pa.array(good))
    for name, values in zip(RESULTS["PAR"][1], (intercept, *slopes.T), strict=True):
        kept = kept.append_column(name, pa.array(values))
    return kept


def moments_of_days(kw: Floats, mean_c: Floats) -> tuple[npt.NDArray[np.bool_], Floats]:
    """``MOMENTS`` of series in columns, with a row for each calendar day; whether enough days of a series are there."""
    today = kw[LAGS:]
    columns = [kw[LAGS - lag : len(kw) - lag] for lag in range(1, LAGS + 1)]
    columns += [np.broadcast_to(mean_c[LAGS:, None], today.shape), today]
    there = ~np.isnan(np.sum(columns, axis=0))
    count = there.sum(axis=0)
    enough = count >= FEWEST_DAYS
    divisor = np.maximum(count, 1)
    means = [np.where(there, column, 0).sum(axis=0) / divisor for column in columns]
    centred = [np.where(there, column - mean, 0) for column, mean in zip(columns, means, strict=True)]
    pairs = [(a, b) for a in range(4) for b in range(a, 4)] + [(a, 4) for a in range(4)]
    covariances = [(centred[a] * centred[b]).sum(axis=0) / divisor for a, b in pairs]
    return enough, np.column_stack([*means, *covariances])


def lines_of_percentiles(table: pa.Table) -> pa.Table:
    """Three straight lines through the percentiles of each point over temperature, bent where they fit best.

    Args:
        table: metering_point_id, degree, p10, p90 (kW); one row a point and whole degree.

    Returns:
        By point and percentile the degrees at which the second and third line begin, and three slopes in kW a degree.
        Each line has at least two degrees; a point with fewer than six has no row.
    """
    points, row = np.unique(table["metering_point_id"].to_numpy(zero_copy_only=False), return_inverse=True)
    degrees, column = np.unique(table["degree"].to_numpy(), return_inverse=True)
    parts = []
    for name in ("p10", "p90"):
        values = np.full((len(points), len(degrees)), np.nan)
        # Whole millionths: what engines find alike must not bend elsewhere for its last digit.
        values[row, column] = np.round(table[name].to_numpy().astype(np.float64), 6)
        bends, slopes = _three_lines(degrees.astype(np.float64), values)
        good = ~np.isnan(slopes).any(axis=1)
        columns = {
            "metering_point_id": points[good],
            "percentile": np.full(good.sum(), int(name[1:])),
            **{f"bend_{at + 1}": degrees[bends[good, at]] for at in range(2)},
            **{f"slope_{at + 1}": slopes[good, at] for at in range(3)},
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _three_lines(x: Floats, y: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """First columns of the second and third line, and slopes, for each row of ``y``; NaN where there are none."""
    there = ~np.isnan(y)
    filled = np.where(there, y - np.nanmean(y, axis=1, keepdims=True), 0.0)
    centred = np.where(there, x - x.mean(), 0.0)
    sums = [
        np.concatenate([np.zeros((len(y), 1)), np.cumsum(part, axis=1)], axis=1)
        for part in (there, centred, filled, centred * centred, centred * filled, filled * filled)
    ]

    def line(start: int, end: int) -> tuple[Floats, Floats]:
        n, sx, sy, sxx, sxy, syy = (part[:, end] - part[:, start] for part in sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
            error = syy - sy * sy / n - slope * (sxy - sx * sy / n)
        return np.where(n >= 2, np.maximum(error, 0), np.inf), slope

    size = len(x)
    lines = {(a, b): line(a, b) for a in range(size) for b in range(a + 2, size + 1)}
    best = np.full(len(y), np.inf)
    bends = np.zeros((len(y), 2), dtype=np.int64)
    slopes = np.full((len(y), 3), np.nan)
    for first in range(2, size - 3):
        for second in range(first + 2, size - 1):
            pieces = [lines[0, first], lines[first, second], lines[second, size]]
            error = np.round(pieces[0][0] + pieces[1][0] + pieces[2][0], 9)
            better = error < best
            best[better] = error[better]
            bends[better] = (first, second)
            slopes[better] = np.column_stack([piece[1] for piece in pieces])[better]
    return bends, slopes


def most_alike(points: list[str], series: Floats) -> pa.Table:
    """The most similar others of each series (a row each; hours that are not there are 0), by the cosine of their angle."""
    length = np.sqrt((series * series).sum(axis=1))
    known = length > 0
    unit = series[known] / length[known, None]
    names = np.array(points)[known]
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    most = min(MOST_ALIKE, len(names) - 1)
    chosen = -np.sort(-similarity, axis=1)[:, :most]
    return pa.table(
        {
            "metering_point_id": np.repeat(names, most),
            "place": np.tile(np.arange(1, most + 1), len(names)),
            "similarity": chosen.ravel(),
        }
    )
