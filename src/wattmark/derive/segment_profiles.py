"""Load profiles: the centroids in force, fitted once a month on a sample."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.segment import clustering, profiles, state


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
    needs=("segment.profile_shape", "segment.profile_parameter", "source.account"),
    grain="one row per load profile and hour of the two kinds of day",
    purpose="The centroids of the load profiles. Fitted in the first night of a month, kept for the rest of it.",
    docs={
        "load_profile": "Number, kept from fit to fit.",
        "name": "Name by the members and the shape of their day, kept with the number.",
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
    settings = context.query(
        "SELECT fewest, most, sample, silhouette_sample, keep_margin, rename_distance FROM segment.profile_parameter"
    ).to_pylist()[0]
    last: dict[int, list[float]] = {}
    last_names: dict[int, str] = {}
    same_month = False
    for row in sorted(
        state.newest_before(context.session, "centroid").to_pylist(),
        key=lambda row: (row["load_profile"], row["position"]),
    ):
        last.setdefault(row["load_profile"], []).append(row["value"])
        last_names[row["load_profile"]] = row["name"]
        same_month = row["as_of"].replace(day=1) == context.run.as_of.replace(day=1)
    if last and same_month:
        kept = [
            clustering.Followed(number, tuple(centroid), 0.0, None)
            for number, centroid in sorted(last.items())
        ]
        return _rows(kept, last_names, None)
    columns = ", ".join(f"shape.s{at:02d}" for at in range(profiles.SHAPE))
    # The order of the hash is the same on every machine, and is no order of customers.
    sample = context.query(
        f"SELECT {columns}, account.usage_category FROM segment.profile_shape AS shape "
        "LEFT JOIN source.account ON account.account_id = shape.account_id "
        f"ORDER BY MD5(shape.account_id), shape.account_id LIMIT {int(settings['sample'])}"
    )
    if not sample.num_rows:
        return _rows([], {}, None)
    shapes = np.column_stack([sample.column(at).to_numpy() for at in range(profiles.SHAPE)])
    fitted = clustering.fit(
        shapes,
        settings["fewest"],
        settings["most"],
        settings["silhouette_sample"],
        len(last) or None,
        settings["keep_margin"],
    )
    tried = clustering.in_words(fitted, settings["most"])
    found = clustering.follow(fitted, last, settings["rename_distance"])
    kinds = _kinds(shapes, found, sample.column("usage_category").to_pylist())
    return _rows(found, profiles.names(found, kinds, last_names), tried)


def _kinds(
    shapes: clustering.Floats, found: list[clustering.Followed], categories: list[str | None]
) -> dict[int, str]:
    """What the members of each profile are, by its number."""
    nearest = clustering.nearest(shapes, np.asarray([cluster.centroid for cluster in found]))
    members: dict[int, Counter[str]] = {at: Counter() for at in range(len(found))}
    for at, category in zip(nearest.tolist(), categories, strict=True):
        members[at][category or ""] += 1
    return {found[at].number: profiles.kind_of(counted) for at, counted in members.items()}


def _rows(found: list[clustering.Followed], names: dict[int, str], tried: str | None) -> list[dict[str, Any]]:
    return [
        {
            "load_profile": profile.number, "name": names[profile.number], "name_zh": profiles.NAMES.in_chinese(names[profile.number]),
            "position": at, "value": value, "drift": profile.drift, "silhouette": profile.silhouette, "tried": tried,
        }
        for profile in found
        for at, value in enumerate(profile.centroid)
    ]  # fmt: skip
