"""Customer records that are probably the same person or organisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.segment import linkage

_PAIRS = """
SELECT p.customer_id, p.other_customer_id, p.same_id_number, p.same_phone,
       COALESCE(n.key, '') AS name, COALESCE(o.key, '') AS other_name,
       COALESCE(x.key, '') AS address, COALESCE(y.key, '') AS other_address,
       (c.mobile IS NOT NULL OR c.phone IS NOT NULL) AND (d.mobile IS NOT NULL OR d.phone IS NOT NULL) AS has_phones,
       c.born_on IS NOT NULL AND d.born_on IS NOT NULL AS has_births,
       COALESCE(c.born_on = d.born_on, FALSE) AS same_birth,
       c.kind = d.kind AS same_kind
FROM segment.duplicate_candidate AS p
JOIN source.customer AS c ON c.customer_id = p.customer_id
JOIN source.customer AS d ON d.customer_id = p.other_customer_id
LEFT JOIN core.text_key AS n ON n.raw = c.name
LEFT JOIN core.text_key AS o ON o.raw = d.name
LEFT JOIN core.text_key AS x ON x.raw = c.postal_address
LEFT JOIN core.text_key AS y ON y.raw = d.postal_address
ORDER BY p.customer_id, p.other_customer_id
"""

_NEEDS = ("segment.duplicate_candidate", "segment.duplicate_parameter", "source.customer", "core.text_key")


def _judged(context: TableContext) -> tuple[pa.Table, Any, dict[str, float]]:
    settings = context.query("SELECT * FROM segment.duplicate_parameter").to_pylist()[0]
    rows = context.query(_PAIRS)

    def flags(name: str) -> Any:
        return rows.column(name).to_numpy(zero_copy_only=False).astype(bool)

    score = linkage.scores(
        (rows.column("name").to_pylist(), rows.column("other_name").to_pylist()),
        (rows.column("address").to_pylist(), rows.column("other_address").to_pylist()),
        flags("same_phone"),
        flags("has_phones"),
        flags("same_birth"),
        flags("has_births"),
        linkage.Weights(
            settings["name_weight"],
            settings["phone_weight"],
            settings["address_weight"],
            settings["birth_weight"],
        ),
    )
    return rows, np.where(flags("same_kind"), score, 0.0), settings


@python_table(
    "segment.duplicate_pair",
    key=("customer_id", "other_customer_id"),
    columns={"customer_id": "string", "other_customer_id": "string", "score": "double", "evidence": "string"},
    needs=_NEEDS,
    grain="one row per pair of customer records called duplicates",
    purpose="The same identity number, or where one is missing, a score of likeness at or above the published threshold.",
    docs={
        "customer_id": "The lower customer_id.",
        "other_customer_id": "The higher one.",
        "score": "0 to 1; names, addresses, telephone numbers and dates of birth.",
        "evidence": "identity number or likeness.",
    },
)
def duplicate_pair(context: TableContext) -> Rows:
    """Pairs called duplicates; different identity numbers are never called so."""
    rows, score, settings = _judged(context)
    same = rows.column("same_id_number").to_pylist()
    kept = [
        (at, "identity number") if one else (at, "likeness")
        for at, one in enumerate(same)
        if one or (one is None and score[at] >= settings["threshold"])
    ]
    at = pa.array([position for position, _ in kept], pa.int64())
    return {
        "customer_id": rows.column("customer_id").take(at),
        "other_customer_id": rows.column("other_customer_id").take(at),
        "score": [float(score[position]) for position, _ in kept],
        "evidence": [evidence for _, evidence in kept],
    }


@python_table(
    "segment.duplicate_quality",
    key=("metric",),
    columns={"metric": "string", "value": "double"},
    needs=_NEEDS,
    grain="one row per metric",
    purpose="How far the likeness can be trusted: measured on the pairs where both have an identity number, which tells the truth.",
    docs={"metric": "threshold, pairs, true_pairs, precision, recall.", "value": "The metric."},
)
def duplicate_quality(context: TableContext) -> Rows:
    """Precision and recall at the threshold; without pairs that tell, only the threshold and counts."""
    rows, score, settings = _judged(context)
    truth = rows.column("same_id_number").to_pylist()
    known = np.array([answer is not None for answer in truth], dtype=bool)
    same = np.array([bool(answer) for answer in truth], dtype=bool)
    found = {
        "threshold": settings["threshold"],
        **linkage.quality(score[known], same[known], settings["threshold"]),
    }
    return {"metric": list(found), "value": list(found.values())}
