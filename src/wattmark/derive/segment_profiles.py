"""Load profiles: the centroids in force, fitted once a month on a sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.segment import profiles, state


@python_table(
    "segment.load_centroid",
    key=("load_profile", "position"),
    columns={
        "load_profile": "integer",
        "name": "string",
        "name_zh": "string",
        "position": "integer",
        "value": "double",
        "drift": "double",
        "silhouette": "double",
        "tried": "string",
    },
    needs=("segment.profile_shape", "segment.profile_parameter"),
    grain="one row per load profile and hour of the two kinds of day",
    purpose="The centroids of the load profiles. Fitted in the first night of a month, kept for the rest of it.",
    docs={
        "load_profile": "Number, kept from fit to fit.",
        "name": "Name, kept with the number.",
        "name_zh": "The same in Chinese.",
        "position": "0 to 23 the hours of the workday, 24 to 47 those of the weekend day.",
        "value": "Share of the hour in its day.",
        "drift": "Distance to the centroid of that number in the fit before; empty for a new one.",
        "silhouette": "Mean silhouette of the profile's members in the sample; empty where not measured this night.",
        "tried": "Mean silhouette by number of profiles tried, such as 3=0.41 4=0.38; empty where nothing was fitted.",
    },
)
def load_centroid(context: TableContext) -> Rows:
    """48 rows for each load profile; none where no account has a profile."""
    names = ", ".join(f"s{at:02d}" for at in range(profiles.SHAPE))
    settings = context.query(
        "SELECT fewest, most, sample, silhouette_sample, keep_margin, rename_distance FROM segment.profile_parameter"
    ).to_pylist()[0]
    last: dict[int, tuple[str, list[float]]] = {}
    same_month = False
    for row in sorted(
        state.newest_before(context.session, "centroid").to_pylist(),
        key=lambda one: (one["load_profile"], one["position"]),
    ):
        last.setdefault(row["load_profile"], (row["name"], []))[1].append(row["value"])
        same_month = row["as_of"].replace(day=1) == context.run.as_of.replace(day=1)
    if last and same_month:
        found = [
            profiles.Profile(number, name, tuple(centroid), 0.0, None)
            for number, (name, centroid) in sorted(last.items())
        ]
        return _rows(found, "")
    # The order of the hash is the same on every machine, and is no order of customers.
    sample = context.query(
        f"SELECT {names} FROM segment.profile_shape ORDER BY MD5(account_id), account_id LIMIT {int(settings['sample'])}"
    )
    if not sample.num_rows:
        return _rows([], "")
    shapes = np.column_stack([sample.column(at).to_numpy() for at in range(profiles.SHAPE)])
    fitted = profiles.fit(
        shapes,
        settings["fewest"],
        settings["most"],
        settings["silhouette_sample"],
        len(last) or None,
        settings["keep_margin"],
    )
    tried = " ".join(f"{count}={value}" for count, value in sorted(fitted.tried.items()))
    if len(fitted.centroids) == settings["most"]:
        tried += " (the end of the range)"
    return _rows(profiles.follow(fitted, last, settings["rename_distance"]), tried)


def _rows(found: list[profiles.Profile], tried: str) -> list[dict[str, Any]]:
    return [
        {
            "load_profile": profile.number, "name": profile.name, "name_zh": profiles.in_chinese(profile.name), "position": at, "value": value, "drift": profile.drift,
            "silhouette": profile.silhouette, "tried": tried or None,
        }
        for profile in found
        for at, value in enumerate(profile.centroid)
    ]  # fmt: skip
