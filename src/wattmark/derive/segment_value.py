"""Value clusters: current by potential value without given limits, fitted once a month on a sample."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.segment import clustering, state, value_clusters


@python_table(
    "segment.value_centroid",
    key=("value_cluster",),
    columns={
        "value_cluster": "integer",
        "name": "string",
        "name_zh": "string",
        "current_part": "double",
        "potential_part": "double",
        "current_value_amount": "decimal",
        "potential_value_amount": "decimal",
        "drift": "double",
        "silhouette": "double",
        "stability": "double",
        "stability_low": "double",
        "tried": "string",
    },
    needs=("segment.customer_base", "segment.customer_value", "segment.value_cluster_parameter"),
    grain="one row per value cluster",
    purpose=(
        "The centroids of customers with a live account by current and potential value, found by k-means. Fitted in the "
        "first night of a month, kept for the rest of it."
    ),
    docs={
        "value_cluster": "Number, kept from fit to fit.",
        "name": "Name by the bands of the grid in which the middle lies, kept with the number.",
        "name_zh": "The same in Chinese.",
        "current_part": "Current value of the middle, on the scale of segment.customer_value.",
        "potential_part": "Potential value of the middle, likewise.",
        "current_value_amount": "Current value of the middle as an amount.",
        "potential_value_amount": "Potential value of the middle as an amount.",
        "drift": "Distance to the centroid of that number in the fit before; empty for a new one.",
        "silhouette": "Mean silhouette of the members in the sample; empty where not measured this night.",
        "stability": "Mean adjusted Rand index of as many clusters found in samples drawn again; empty where not measured.",
        "stability_low": "The lowest of them.",
        "tried": "Mean silhouette by number of clusters tried; empty where nothing was fitted.",
    },
)
def value_centroid(context: TableContext) -> Rows:
    """One row per cluster; none where no customer has a live account."""
    settings = context.query("SELECT * FROM segment.value_cluster_parameter").to_pylist()[0]
    scale = value_clusters.Scale(
        *(
            (settings[current], settings[potential])
            for current, potential in (
                ("full_current_amount", "full_potential_amount"),
                ("current_middle", "potential_middle"),
                ("current_high", "potential_high"),
            )
        )
    )
    kept = sorted(
        state.newest_before(context.session, "value_centroid").to_pylist(),
        key=lambda row: row["value_cluster"],
    )
    last = {row["value_cluster"]: (row["current_part"], row["potential_part"]) for row in kept}
    names = {row["value_cluster"]: row["name"] for row in kept}
    if kept and kept[0]["as_of"].replace(day=1) == context.run.as_of.replace(day=1):
        found = [clustering.Followed(number, middle, 0.0, None) for number, middle in last.items()]
        return _rows(found, names, scale, {})
    # The order of the hash is the same on every machine, and is no order of customers.
    sample = context.query(
        "SELECT worth.current_part, worth.potential_part FROM segment.customer_value AS worth "
        "JOIN segment.customer_base AS base ON base.customer_id = worth.customer_id WHERE base.live_accounts > 0 "
        f"ORDER BY MD5(worth.customer_id), worth.customer_id LIMIT {int(settings['sample'])}"
    )
    if not sample.num_rows:
        return _rows([], {}, scale, {})
    points = np.column_stack([column.to_numpy() for column in sample.columns])
    fitted = clustering.fit(
        points,
        settings["fewest"],
        settings["most"],
        settings["silhouette_sample"],
        len(last) or None,
        settings["keep_margin"],
    )
    agreed = clustering.stability(points, fitted.centroids, settings["resamples"])
    measured = {
        "stability": round(float(np.mean(agreed)), clustering.PLACES) if agreed else None,
        "stability_low": min(agreed, default=None),
        "tried": clustering.in_words(fitted, settings["most"]),
    }
    found = clustering.follow(fitted, last, settings["rename_distance"])
    return _rows(found, value_clusters.names(found, scale, names), scale, measured)


def _rows(
    found: list[clustering.Followed],
    names: dict[int, str],
    scale: value_clusters.Scale,
    measured: dict[str, Any],
) -> list[dict[str, Any]]:
    words = value_clusters.vocabulary(scale)
    return [
        {
            "value_cluster": cluster.number,
            "name": names[cluster.number],
            "name_zh": words.in_chinese(names[cluster.number]),
            "current_part": cluster.centroid[0],
            "potential_part": cluster.centroid[1],
            "current_value_amount": Decimal(f"{scale.amounts(cluster.centroid)[0]:.2f}"),
            "potential_value_amount": Decimal(f"{scale.amounts(cluster.centroid)[1]:.2f}"),
            "drift": cluster.drift,
            "silhouette": cluster.silhouette,
            "stability": measured.get("stability"),
            "stability_low": measured.get("stability_low"),
            "tried": measured.get("tried"),
        }
        for cluster in found
    ]
