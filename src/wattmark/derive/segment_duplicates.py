"""Customer records that are one person or organisation: compared, weighed, and joined where nothing forbids it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.segment import identity, linkage
from wattmark.segment.customer_records import (
    BIRTH,
    COMPARISONS,
    NAME,
    PHONE,
    RECORD_NEEDS,
    RECORDS,
    levels_of,
    read_records,
    ruled_out,
)

_CHUNK = 250_000
_RANDOM_PAIRS = 1_000_000

_PAIRS = """
WITH place AS (SELECT customer.customer_id, ROW_NUMBER() OVER (ORDER BY customer.customer_id) - 1 AS at FROM source.customer)
SELECT CAST(o.at AS INTEGER) AS left_at, CAST(t.at AS INTEGER) AS right_at
FROM segment.duplicate_candidate
JOIN place AS o ON o.customer_id = duplicate_candidate.customer_id
JOIN place AS t ON t.customer_id = duplicate_candidate.other_customer_id
ORDER BY 1, 2
"""

_LEVEL_COLUMNS = {f"{comparison.name}_level": "integer" for comparison in COMPARISONS}
_SHARE_COLUMNS = {
    f"{comparison.name}_share": "double" for comparison in COMPARISONS if comparison.by_frequency
}
_LEVELS = f"SELECT {', '.join(_LEVEL_COLUMNS)} FROM segment.duplicate_likeness AS l WHERE NOT l.is_ruled_out"


@python_table(
    "segment.duplicate_likeness",
    key=("customer_id", "other_customer_id"),
    columns={
        "customer_id": "string",
        "other_customer_id": "string",
        **_LEVEL_COLUMNS,
        **_SHARE_COLUMNS,
        "same_number": "boolean",
        "is_ruled_out": "boolean",
    },
    needs=("segment.duplicate_candidate", *RECORD_NEEDS),
    asks=(RECORDS, _PAIRS),
    grain="one row per pair of customer records that agree in two things, or in the identity number",
    purpose="How two records compare. One thing alone, however alike, proves nothing, so pairs that agree in one are left out.",
    docs={
        "customer_id": "The lower customer_id.",
        "other_customer_id": "The higher one.",
        **{
            f"{comparison.name}_level": f"{', '.join(f'{at} {level}' for at, level in enumerate(comparison.levels))}; empty where one has none."
            for comparison in COMPARISONS
        },
        **{
            f"{comparison.name}_share": "Share of records with the value that both have."
            for comparison in COMPARISONS
            if comparison.by_frequency
        },
        "same_number": "Both have an identity number and they are equal; empty where one has none.",
        "is_ruled_out": "Kinds, births or names forbid it, whatever else is alike; identity numbers are not asked.",
    },
)
def duplicate_likeness(context: TableContext) -> Rows:
    """Compare all candidates, a part at a time."""
    records, pairs = read_records(context), context.query(_PAIRS)
    parts: list[dict[str, Any]] = []
    for start in range(0, max(len(pairs), 1), _CHUNK):
        part = pairs.slice(start, _CHUNK)
        left, right = (part.column(name).to_numpy().astype(np.int64) for name in ("left_at", "right_at"))
        levels, common = levels_of(records, left, right)
        mine, theirs = records.number_code[left], records.number_code[right]
        numbered = (mine >= 0) & (theirs >= 0)
        same = numbered & (mine == theirs)
        kept = np.flatnonzero((_agreeing(levels) >= 2) | same)
        levels, common, left, right = levels[kept], common[kept], left[kept], right[kept]
        made: dict[str, Any] = {
            "customer_id": records.ids.take(pa.array(left)),
            "other_customer_id": records.ids.take(pa.array(right)),
            "same_number": pa.array(same[kept], mask=~numbered[kept]),
            "is_ruled_out": pa.array(ruled_out(records, left, right, levels)),
        }
        for at, comparison in enumerate(COMPARISONS):
            column = levels[:, at].astype(np.int64)
            made[f"{comparison.name}_level"] = pa.array(column, mask=column < 0)
            if comparison.by_frequency:
                made[f"{comparison.name}_share"] = pa.array(common[:, at], mask=np.isnan(common[:, at]))
        parts.append(made)
    return {name: pa.chunked_array([_array(part[name]) for part in parts]) for name in parts[0]}


def _array(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _levels_of(rows: pa.Table) -> linkage.Levels:
    """Levels as they are stored, one column per comparison."""
    return np.column_stack(
        [
            pc.fill_null(rows.column(name), linkage.MISSING).to_numpy(zero_copy_only=False)
            for name in _LEVEL_COLUMNS
        ]
    ).astype(np.int8)


def _agreeing(levels: linkage.Levels) -> npt.NDArray[np.int64]:
    """In how many things pairs agree."""
    limits = np.array([comparison.agreeing for comparison in COMPARISONS])
    found: npt.NDArray[np.int64] = ((levels >= 0) & (levels < limits)).sum(axis=1)
    return found


@python_table(
    "segment.duplicate_weight",
    key=("comparison", "level"),
    columns={
        "comparison": "string",
        "level": "integer",
        "name": "string",
        "m": "double",
        "u": "double",
        "weight": "double",
    },
    needs=("segment.duplicate_likeness", *RECORD_NEEDS),
    asks=(RECORDS, _LEVELS),
    grain="one row per comparison and level, and one for the share of duplicates",
    purpose="What each likeness counts, learned from the utility's own records whenever they are others; the same records give the same weights.",
    docs={
        "comparison": "name, address, phone, email, birth; pair for any two records.",
        "level": "0 is exact.",
        "name": "What the level is called.",
        "m": "How often records of one person show the level; of pair the share of all pairs that are of one person.",
        "u": "How often two records drawn at random do; of pair the rest.",
        "weight": "log2(m / u): what it counts. An exact name, address, telephone number or e-mail counts by how common its own value is.",
    },
)
def duplicate_weight(context: TableContext) -> Rows:
    """Learn the weights from the pairs that may be duplicates, against pairs drawn at random."""
    records = read_records(context)
    rows = context.query(_LEVELS)
    levels = _levels_of(rows)
    left, right = linkage.random_pairs(len(records), _RANDOM_PAIRS)
    drawn = [
        levels_of(records, left[at : at + _CHUNK], right[at : at + _CHUNK])[0]
        for at in range(0, len(left), _CHUNK)
    ]
    known, exact = [], []
    for at in range(len(COMPARISONS)):
        codes = records.codes[at] if at != PHONE else records.codes[at].max(axis=0)
        count = records.counts[at].astype(np.float64)
        have = float((codes >= 0).sum())
        known.append(have * (have - 1) / 2)
        exact.append(float((count * (count - 1) / 2).sum()))
    population = linkage.Population(
        len(records),
        np.concatenate(drawn) if drawn else np.empty((0, len(COMPARISONS)), np.int8),
        np.array(known),
        np.array(exact),
    )
    model = linkage.learn(COMPARISONS, *linkage.patterns_of(levels), population)
    made: list[tuple[str, int, str, float, float]] = [
        ("pair", 0, "of one person", model.share, 1 - model.share)
    ]
    for at, comparison in enumerate(COMPARISONS):
        made += [
            (comparison.name, level, name, float(model.m[at][level]), float(model.u[at][level]))
            for level, name in enumerate(comparison.levels)
        ]
    # Twelve digits: the last bits of a logarithm are the processor's own.
    return {
        "comparison": [row[0] for row in made],
        "level": [row[1] for row in made],
        "name": [row[2] for row in made],
        "m": [float(f"{row[3]:.12g}") for row in made],
        "u": [float(f"{row[4]:.12g}") for row in made],
        "weight": [round(float(np.log2(row[3] / row[4])), 4) for row in made],
    }


def _model(context: TableContext) -> linkage.Model:
    rows = context.query(
        "SELECT duplicate_weight.comparison, duplicate_weight.level, duplicate_weight.m, duplicate_weight.u FROM segment.duplicate_weight ORDER BY duplicate_weight.comparison, duplicate_weight.level"
    ).to_pylist()
    m: dict[str, list[float]] = {}
    u: dict[str, list[float]] = {}
    for row in rows:
        m.setdefault(row["comparison"], []).append(row["m"])
        u.setdefault(row["comparison"], []).append(row["u"])
    believed = {comparison.name: (comparison.matched, comparison.chance) for comparison in COMPARISONS}
    return linkage.Model(
        COMPARISONS,
        m["pair"][0] if "pair" in m else 1e-6,
        tuple(np.array(m.get(comparison.name, believed[comparison.name][0])) for comparison in COMPARISONS),
        tuple(np.array(u.get(comparison.name, believed[comparison.name][1])) for comparison in COMPARISONS),
    )


@dataclass(frozen=True)
class _Judged:
    rows: pa.Table
    score: linkage.Floats
    called: npt.NDArray[np.bool_]


def _judged(context: TableContext) -> _Judged:
    """Likenesses in the order of their keys, with the probability of each, and which are called duplicates by it alone."""
    threshold = (
        context.query("SELECT duplicate_parameter.threshold FROM segment.duplicate_parameter")
        .column(0)[0]
        .as_py()
    )
    rows = context.query(
        "SELECT l.* FROM segment.duplicate_likeness AS l ORDER BY l.customer_id, l.other_customer_id"
    )
    levels = _levels_of(rows)
    common = np.full(levels.shape, np.nan)
    for at, comparison in enumerate(COMPARISONS):
        if comparison.by_frequency:
            common[:, at] = (
                rows.column(f"{comparison.name}_share").to_numpy(zero_copy_only=False).astype(np.float64)
            )
    score = np.round(_model(context).probability(levels, common), 4)
    out = rows.column("is_ruled_out").to_numpy(zero_copy_only=False).astype(bool)
    # Where names are unlike, as after a marriage, the birth must speak for it.
    named = (levels[:, NAME] < len(COMPARISONS[NAME].levels) - 1) | (levels[:, BIRTH] == 0)
    return _Judged(rows, score, (score >= threshold) & ~out & (_agreeing(levels) >= 2) & named)


_JUDGED_NEEDS = ("segment.duplicate_likeness", "segment.duplicate_weight", "segment.duplicate_parameter")


@python_table(
    "segment.duplicate_pair",
    key=("customer_id", "other_customer_id"),
    columns={"customer_id": "string", "other_customer_id": "string", "score": "double", "evidence": "string"},
    needs=(*_JUDGED_NEEDS, "source.customer", "core.text_key", "core.identity_number"),
    grain="one row per pair of customer records called duplicates",
    purpose=(
        "The same identity number, or a probability at or above the published threshold, where no veto stands between any of those "
        "who hang together by it: other identity numbers, births, given names, branches."
    ),
    docs={
        "customer_id": "The lower customer_id.",
        "other_customer_id": "The higher one.",
        "score": "Probability, 0 to 1, that they are one by what they share besides the identity number.",
        "evidence": "identity number or likeness.",
    },
)
def duplicate_pair(context: TableContext) -> Rows:
    """Pairs called duplicates: by number first, then the likeliest before the others."""
    judged = _judged(context)
    rows = judged.rows
    same = np.array(rows.column("same_number").to_pylist(), dtype=object)
    certain = np.flatnonzero(same == True)  # noqa: E712 - an array of three values
    likely = np.flatnonzero(judged.called & np.array([answer is None for answer in same], dtype=bool))
    likely = likely[np.argsort(-judged.score[likely], kind="stable")]
    asked = np.concatenate([certain, likely]).astype(np.int64)
    left = rows.column("customer_id").take(pa.array(asked)).to_pylist()
    right = rows.column("other_customer_id").take(pa.array(asked)).to_pylist()
    names = sorted({*left, *right})
    place = {name: at for at, name in enumerate(names)}
    edges = [(place[customer], place[other]) for customer, other in zip(left, right, strict=True)]
    by_number, in_all = identity.joined(_facts(context, names), edges[: len(certain)], edges[len(certain) :])
    kept = [
        (record, other, int(asked[at]), evidence)
        for at, (record, other) in enumerate(edges)
        for evidence, group in [("identity number", by_number) if at < len(certain) else ("likeness", in_all)]
        if group[record] == group[other]
    ]
    return {
        "customer_id": [names[record] for record, *_ in kept],
        "other_customer_id": [names[other] for _, other, *_ in kept],
        "score": [float(judged.score[at]) for *_, at, _ in kept],
        "evidence": [evidence for *_, evidence in kept],
    }


def _facts(context: TableContext, names: list[str]) -> list[identity.Facts]:
    """What of the records named can forbid something, in their order."""
    wanted = set(names)
    found = {}
    for batch in context.reader(
        "SELECT customer.customer_id, customer.kind = 'person' AS is_person, COALESCE(text_key.folded, '') AS folded, customer.born_on, identity_number.normalised, "
        "COALESCE(identity_number.is_resident_number, FALSE) AS is_resident FROM source.customer "
        "LEFT JOIN core.text_key ON text_key.raw = customer.name LEFT JOIN core.identity_number ON identity_number.customer_id = customer.customer_id"
    ):
        chosen = batch.filter(pc.is_in(batch.column("customer_id"), pa.array(names, pa.string())))
        for row in chosen.to_pylist():
            if row["customer_id"] in wanted:
                number = identity.number_of(row["normalised"], bool(row["is_person"]))
                found[row["customer_id"]] = identity.Facts(
                    row["folded"],
                    bool(row["is_person"]),
                    number,
                    identity.birth_of(row["born_on"], number, row["is_resident"]),
                )
    return [found[name] for name in names]


@python_table(
    "segment.duplicate_quality",
    key=("metric",),
    columns={"metric": "string", "value": "double"},
    needs=(*_JUDGED_NEEDS,),
    grain="one row per metric",
    purpose="How far the likeness can be trusted: measured on the pairs where both have an identity number, which tells the truth and which the likeness does not see.",
    docs={
        "metric": "threshold, pairs, true_pairs, precision, recall, f1.",
        "value": "The metric.",
    },
)
def duplicate_quality(context: TableContext) -> Rows:
    """Precision and recall at the threshold; without pairs that tell, only the threshold and counts."""
    judged = _judged(context)
    truth = judged.rows.column("same_number").to_pylist()
    known = np.array([answer is not None for answer in truth], dtype=bool)
    same = np.array([bool(answer) for answer in truth], dtype=bool)
    threshold = (
        context.query("SELECT duplicate_parameter.threshold FROM segment.duplicate_parameter")
        .column(0)[0]
        .as_py()
    )
    found = {"threshold": threshold, **linkage.quality(judged.called[known], same[known])}
    return {"metric": list(found), "value": list(found.values())}


@python_table(
    "segment.person",
    key=("customer_id",),
    columns={"customer_id": "string", "person_id": "string", "number_id": "string"},
    needs=("segment.duplicate_pair",),
    grain="one row per customer record that is not the only one of its person or organisation",
    purpose="Who hangs together by pairs called duplicates, and who by the identity number alone: what is as grave as death passes by number only.",
    docs={
        "customer_id": "The record.",
        "person_id": "Lowest customer_id of all that hang together.",
        "number_id": "Lowest customer_id of those with the same identity number; the record itself where there is no other.",
    },
)
def person(context: TableContext) -> Rows:
    """Records by who hangs together."""
    pairs = context.query(
        "SELECT duplicate_pair.customer_id, duplicate_pair.other_customer_id, duplicate_pair.evidence FROM segment.duplicate_pair"
    )
    edges = list(zip(*(pairs.column(name).to_pylist() for name in pairs.column_names), strict=True))
    names = sorted({name for customer, other, _ in edges for name in (customer, other)})
    place = {name: at for at, name in enumerate(names)}
    in_all, by_number = identity.Together(len(names)), identity.Together(len(names))
    for customer, other, evidence in edges:
        in_all.join(place[customer], place[other])
        if evidence == "identity number":
            by_number.join(place[customer], place[other])
    return {
        "customer_id": names,
        "person_id": [names[in_all.lowest(at)] for at in range(len(names))],
        "number_id": [names[by_number.lowest(at)] for at in range(len(names))],
    }
