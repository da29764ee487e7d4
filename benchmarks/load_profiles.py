"""Load profiles on public data: the 32,725 loads of the SimBench grid, a month at a time through its year.

    python benchmarks/load_profiles.py --simbench DIR

DIR holds ``load.parquet`` (load, profile) and ``load_profile.parquet`` (time, ``<profile>_pload`` by quarter-hour), as made from
SimBench (ODbL 1.0; University of Kassel, TU Dortmund, RWTH Aachen, Fraunhofer IEE). A load has the hourly means of its
profile, workdays and weekends apart, so that 25 shapes stand behind all loads. What is known beside them is the family of each profile
(households, six kinds of trade, farms); clusters never see it. Measured each month: the number of profiles
chosen, their silhouette, how far they agree with the families (homogeneity: a profile holds one family; adjusted Rand index), and
from month to month the share of loads that keep their number and the largest drift of one that was kept.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
from bench import options, working
from rich.table import Table
from sklearn.metrics import adjusted_rand_score, homogeneity_score

from wattmark.segment import clustering, profiles

FEWEST, MOST, SILHOUETTE_SAMPLE, KEEP_MARGIN, RENAME_DISTANCE = 3, 12, 1000, 0.02, 0.16
"""As segment.profile_parameter ships, but for the sample of the silhouette."""
SAMPLE = 1000
"""Loads the centroids are fitted on; behind all stand 25 shapes."""


def shapes_of(connection: duckdb.DuckDBPyConnection, folder: Path, month: int) -> dict[str, list[float]]:
    """48 values by profile: shares of the hours in the workday and in the weekend day of a month."""
    source = str(folder / "load_profile.parquet")
    names = [
        row[0] for row in connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [source]).fetchall()
    ]
    found: dict[str, list[float]] = {}
    for name in (name for name in names if name.endswith("_pload")):
        rows = connection.execute(
            f'SELECT isodow(time) > 5 AS weekend, hour(time) AS hour, AVG("{name}") AS mean FROM read_parquet(?) '
            "WHERE month(time) = ? GROUP BY ALL ORDER BY weekend, hour",
            [source, month],
        ).fetchall()
        day = np.array([row[2] for row in rows]).reshape(2, profiles.HOURS)
        found[name.removesuffix("_pload")] = (
            np.round(day / day.sum(axis=1, keepdims=True), clustering.PLACES).reshape(-1).tolist()
        )
    return found


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--simbench", type=Path, required=True)
    given = parser.parse_args()
    with working(given.folder, width=120) as (_, console):
        console.print(through_the_year(given.simbench))


def through_the_year(folder: Path) -> Table:
    """Fit each month anew, and tell how well and how steadily."""
    connection = duckdb.connect()
    of_load = [
        row[0]
        for row in connection.execute(
            "SELECT profile FROM read_parquet(?) ORDER BY MD5(load), load", [str(folder / "load.parquet")]
        ).fetchall()
    ]
    family = np.array([name.split("-")[0] for name in of_load])
    table = Table(
        "month",
        "profiles",
        "silhouette",
        "homogeneity",
        "adjusted Rand",
        "keep their number",
        "largest drift",
    )
    last: dict[int, tuple[float, ...]] = {}
    before: np.ndarray | None = None
    for month in range(1, 13):
        shape = shapes_of(connection, folder, month)
        matrix = np.array([shape[name] for name in of_load])
        fitted = clustering.fit(
            matrix[:SAMPLE], FEWEST, MOST, SILHOUETTE_SAMPLE, len(last) or None, KEEP_MARGIN
        )
        found = clustering.follow(fitted, last, RENAME_DISTANCE)
        centroids = np.array([profile.centroid for profile in found])
        numbers = np.array([profile.number for profile in found])
        near = {
            name: numbers[np.argmin(((centroids - np.array(row)) ** 2).sum(axis=1))]
            for name, row in shape.items()
        }
        label = np.array([near[name] for name in of_load])
        kept = "" if before is None else f"{np.mean(before == label):.1%}"
        drifts = [profile.drift for profile in found if profile.drift is not None]
        table.add_row(
            str(month), str(len(found)), f"{fitted.tried.get(len(found), float('nan')):.3f}",
            f"{homogeneity_score(family, label):.3f}", f"{adjusted_rand_score(family, label):.3f}", kept,
            f"{max(drifts):.3f}" if drifts else "",
        )  # fmt: skip
        last, before = {profile.number: profile.centroid for profile in found}, label
    return table


if __name__ == "__main__":
    main()
