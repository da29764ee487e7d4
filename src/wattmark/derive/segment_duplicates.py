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

NAME, ADDRESS, PHONE, EMAIL, BIRTH = range(5)
COMPARISONS = (
    linkage.Comparison(
        "name",
        ("exact", "close", "alike", "other"),
        (0.80, 0.08, 0.06, 0.06),
        (5e-4, 2e-3, 0.02, 0.9775),
        2,
        True,
    ),
    linkage.Comparison(
        "address",
        ("exact", "alike", "other number", "other"),
        (0.65, 0.12, 0.08, 0.15),
        (2e-5, 2e-5, 0.01, 0.98996),
        2,
        True,
    ),
    linkage.Comparison("phone", ("shared", "other"), (0.70, 0.30), (2e-5, 0.99998), 1, True),
    linkage.Comparison("email", ("shared", "other"), (0.75, 0.25), (2e-5, 0.99998), 1, True),
    linkage.Comparison("birth", ("exact", "other"), (0.97, 0.03), (5e-5, 0.99995)),
)
"""What records are compared by besides identity numbers, and what is believed of it before anything is seen."""

_CLOSE, _ALIKE, _SAME_PLACE = 0.92, 0.75, 0.80
_CHUNK = 250_000
_RANDOM_PAIRS = 1_000_000

_RECORDS = """
SELECT c.customer_id, c.kind = 'person' AS is_person, COALESCE(n.key, '') AS name, COALESCE(n.folded, '') AS folded,
       COALESCE(a.key, '') AS address, m.e164 AS mobile, p.e164 AS phone, LOWER(e.address) AS email, c.born_on,
       i.normalised AS number, COALESCE(i.is_resident_number, FALSE) AS is_resident
FROM source.customer AS c
LEFT JOIN core.text_key AS n ON n.raw = c.name
LEFT JOIN core.text_key AS a ON a.raw = c.postal_address
LEFT JOIN core.phone AS m ON m.raw = c.mobile
LEFT JOIN core.phone AS p ON p.raw = c.phone
LEFT JOIN core.email AS e ON e.raw = c.email AND e.is_valid
LEFT JOIN core.identity_number AS i ON i.customer_id = c.customer_id
ORDER BY c.customer_id
"""
_PAIRS = """
WITH place AS (SELECT c.customer_id, ROW_NUMBER() OVER (ORDER BY c.customer_id) - 1 AS at FROM source.customer AS c)
SELECT CAST(o.at AS INTEGER) AS one, CAST(t.at AS INTEGER) AS other
FROM segment.duplicate_candidate AS p
JOIN place AS o ON o.customer_id = p.customer_id
JOIN place AS t ON t.customer_id = p.other_customer_id
ORDER BY 1, 2
"""
_RECORD_NEEDS = ("source.customer", "core.text_key", "core.phone", "core.email", "core.identity_number")


@dataclass(frozen=True)
class _Records:
    """All customer records in the order of customer_id; codes are the same for the same value, negative where there is none."""

    ids: pa.ChunkedArray
    is_person: npt.NDArray[np.bool_]
    texts: dict[int, tuple[pa.Array, pa.Array]]
    folded: pa.Array
    codes: dict[int, npt.NDArray[np.int64]]
    counts: dict[int, npt.NDArray[np.int64]]
    number_code: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)


def _encoded(values: pa.ChunkedArray | pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Codes of texts, -1 for a missing or empty one, and how often each code stands."""
    known = pc.if_else(pc.equal(values, ""), None, values) if pa.types.is_string(values.type) else values
    array = known.combine_chunks() if isinstance(known, pa.ChunkedArray) else known
    encoded = array.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, np.bincount(codes[codes >= 0], minlength=max(len(encoded.dictionary), 1))


def _records(context: TableContext) -> _Records:
    rows = context.query(_RECORDS)
    is_person = rows.column("is_person").to_numpy(zero_copy_only=False).astype(bool)
    written, resident = rows.column("number").to_pylist(), rows.column("is_resident").to_pylist()
    number = [
        identity.number_of(one, person) for one, person in zip(written, is_person.tolist(), strict=True)
    ]
    birth = [
        identity.birth_of(born, one, sure)
        for born, one, sure in zip(rows.column("born_on").to_pylist(), number, resident, strict=True)
    ]
    folded = rows.column("folded").combine_chunks()
    # A number is one number in either column.
    phones, phone_counts = _encoded(
        pa.chunked_array([*rows.column("mobile").chunks, *rows.column("phone").chunks], pa.string())
    )
    pair = phones.reshape(2, -1)
    both_the_same = (pair[0] == pair[1]) & (pair[0] >= 0)
    np.subtract.at(phone_counts, pair[0][both_the_same], 1)
    codes, counts = {PHONE: pair}, {PHONE: phone_counts}
    columns: dict[int, Any] = {
        NAME: rows.column("name"),
        ADDRESS: rows.column("address"),
        EMAIL: rows.column("email"),
    }
    for at, values in (*columns.items(), (BIRTH, pa.array(birth, pa.date32()))):
        codes[at], counts[at] = _encoded(values)
    address = rows.column("address").combine_chunks()
    return _Records(
        rows.column("customer_id"),
        is_person,
        {
            NAME: (rows.column("name").combine_chunks(), folded),
            ADDRESS: (address, pc.replace_substring_regex(address, "[^0-9]+", " ")),
        },
        folded,
        codes,
        counts,
        _encoded(pa.array(number, pa.string()))[0],
    )


def _levels(
    records: _Records, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]
) -> tuple[linkage.Levels, linkage.Floats]:
    """Levels of pairs, and how common what they agree on exactly is (not a number elsewhere)."""
    found = np.full((len(one), len(COMPARISONS)), linkage.MISSING, np.int8)
    common = np.full((len(one), len(COMPARISONS)), np.nan)
    for at in (NAME, ADDRESS, EMAIL, BIRTH):
        first, second = records.codes[at][one], records.codes[at][other]
        known, equal = (first >= 0) & (second >= 0), first == second
        found[known, at] = np.where(equal[known], 0, len(COMPARISONS[at].levels) - 1)
        if COMPARISONS[at].by_frequency:
            alike = known & equal
            common[alike, at] = linkage.shares(
                COMPARISONS[at], records.counts[at][first[alike]], len(records)
            )
        if at in records.texts:
            differ = np.flatnonzero(known & ~equal)
            found[differ, at] = _of_texts(records, at, one[differ], other[differ])
    mine, theirs = records.codes[PHONE][:, one], records.codes[PHONE][:, other]
    called = (mine.max(axis=0) >= 0) & (theirs.max(axis=0) >= 0)
    held = np.full(len(one), np.iinfo(np.int64).max)
    for first in mine:
        for second in theirs:
            equal = (first >= 0) & (first == second)
            held = np.where(equal, np.minimum(held, records.counts[PHONE][np.maximum(first, 0)]), held)
    shared = held < np.iinfo(np.int64).max
    found[called, PHONE] = np.where(shared[called], 0, 1)
    common[shared, PHONE] = linkage.shares(COMPARISONS[PHONE], held[shared], len(records))
    return found, common


def _of_texts(
    records: _Records, at: int, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]
) -> linkage.Levels:
    if not len(one):
        return np.empty(0, np.int8)
    text, numbers = records.texts[at]
    left, right = text.take(pa.array(one)).to_pylist(), text.take(pa.array(other)).to_pylist()
    if at == NAME:
        return linkage.text_levels(left, right, (_CLOSE, _ALIKE))
    near = linkage.ratio(left, right) >= _SAME_PLACE
    same = pc.equal(numbers.take(pa.array(one)), numbers.take(pa.array(other))).to_numpy(zero_copy_only=False)
    return np.where(near, np.where(same, 1, 2), 3).astype(np.int8)


def _ruled_out(
    records: _Records, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], levels: linkage.Levels
) -> npt.NDArray[np.bool_]:
    """Pairs whose kinds, births or names forbid them to be one; identity numbers are not asked."""
    out: npt.NDArray[np.bool_] = (records.is_person[one] != records.is_person[other]) | (
        levels[:, BIRTH] == 1
    )
    ask = np.flatnonzero(~out)
    left = records.folded.take(pa.array(one[ask])).to_pylist()
    right = records.folded.take(pa.array(other[ask])).to_pylist()
    persons = records.is_person[one[ask]].tolist()
    out[ask] = [
        identity.names_differ(mine, theirs, is_person=is_person)
        for mine, theirs, is_person in zip(left, right, persons, strict=True)
    ]
    return out


_LEVEL_COLUMNS = {f"{one.name}_level": "integer" for one in COMPARISONS}
_SHARE_COLUMNS = {f"{one.name}_share": "double" for one in COMPARISONS if one.by_frequency}


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
    needs=("segment.duplicate_candidate", *_RECORD_NEEDS),
    grain="one row per pair of customer records that agree in two things, or in the identity number",
    purpose="How two records compare. One thing alone, however alike, proves nothing, so pairs that agree in one are left out.",
    docs={
        "customer_id": "The lower customer_id.",
        "other_customer_id": "The higher one.",
        **{
            f"{one.name}_level": f"{', '.join(f'{at} {level}' for at, level in enumerate(one.levels))}; empty where one has none."
            for one in COMPARISONS
        },
        **{
            f"{one.name}_share": "Share of records with the value that both have."
            for one in COMPARISONS
            if one.by_frequency
        },
        "same_number": "Both have an identity number and they are equal; empty where one has none.",
        "is_ruled_out": "Kinds, births or names forbid it, whatever else is alike; identity numbers are not asked.",
    },
)
def duplicate_likeness(context: TableContext) -> Rows:
    """Compare all candidates, a part at a time."""
    records, pairs = _records(context), context.query(_PAIRS)
    parts: list[dict[str, Any]] = []
    for start in range(0, max(len(pairs), 1), _CHUNK):
        part = pairs.slice(start, _CHUNK)
        one, other = (part.column(name).to_numpy().astype(np.int64) for name in ("one", "other"))
        levels, common = _levels(records, one, other)
        mine, theirs = records.number_code[one], records.number_code[other]
        numbered = (mine >= 0) & (theirs >= 0)
        same = numbered & (mine == theirs)
        kept = np.flatnonzero((_agreeing(levels) >= 2) | same)
        levels, common, one, other = levels[kept], common[kept], one[kept], other[kept]
        made: dict[str, Any] = {
            "customer_id": records.ids.take(pa.array(one)),
            "other_customer_id": records.ids.take(pa.array(other)),
            "same_number": pa.array(same[kept], mask=~numbered[kept]),
            "is_ruled_out": pa.array(_ruled_out(records, one, other, levels)),
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
    """Levels as they are stored, one column a comparison."""
    return np.column_stack(
        [
            pc.fill_null(rows.column(name), linkage.MISSING).to_numpy(zero_copy_only=False)
            for name in _LEVEL_COLUMNS
        ]
    ).astype(np.int8)


def _agreeing(levels: linkage.Levels) -> npt.NDArray[np.int64]:
    """In how many things pairs agree."""
    limits = np.array([one.agreeing for one in COMPARISONS])
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
    needs=("segment.duplicate_likeness", *_RECORD_NEEDS),
    grain="one row per comparison and level, and one for the share of duplicates",
    purpose="What each likeness counts, learned from the utility's own records every night; the same records give the same weights.",
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
    records = _records(context)
    rows = context.query(
        f"SELECT {', '.join(_LEVEL_COLUMNS)} FROM segment.duplicate_likeness AS l WHERE NOT l.is_ruled_out"
    )
    levels = _levels_of(rows)
    one, other = linkage.random_pairs(len(records), _RANDOM_PAIRS)
    drawn = [
        _levels(records, one[at : at + _CHUNK], other[at : at + _CHUNK])[0]
        for at in range(0, len(one), _CHUNK)
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
        "SELECT w.comparison, w.level, w.m, w.u FROM segment.duplicate_weight AS w ORDER BY w.comparison, w.level"
    ).to_pylist()
    m: dict[str, list[float]] = {}
    u: dict[str, list[float]] = {}
    for row in rows:
        m.setdefault(row["comparison"], []).append(row["m"])
        u.setdefault(row["comparison"], []).append(row["u"])
    believed = {one.name: (one.matched, one.chance) for one in COMPARISONS}
    return linkage.Model(
        COMPARISONS,
        m["pair"][0] if "pair" in m else 1e-6,
        tuple(np.array(m.get(one.name, believed[one.name][0])) for one in COMPARISONS),
        tuple(np.array(u.get(one.name, believed[one.name][1])) for one in COMPARISONS),
    )


@dataclass(frozen=True)
class _Judged:
    rows: pa.Table
    score: linkage.Floats
    called: npt.NDArray[np.bool_]


def _judged(context: TableContext) -> _Judged:
    """Likenesses in the order of their keys, with the probability of each, and which are called duplicates by it alone."""
    threshold = context.query("SELECT p.threshold FROM segment.duplicate_parameter AS p").column(0)[0].as_py()
    rows = context.query(
        "SELECT l.* FROM segment.duplicate_likeness AS l ORDER BY l.customer_id, l.other_customer_id"
    )
    levels = _levels_of(rows)
    common = np.full(levels.shape, np.nan)
    for at, one in enumerate(COMPARISONS):
        if one.by_frequency:
            common[:, at] = rows.column(f"{one.name}_share").to_numpy(zero_copy_only=False).astype(np.float64)
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
    likely = np.flatnonzero(judged.called & np.array([one is None for one in same], dtype=bool))
    likely = likely[np.argsort(-judged.score[likely], kind="stable")]
    asked = np.concatenate([certain, likely]).astype(np.int64)
    left = rows.column("customer_id").take(pa.array(asked)).to_pylist()
    right = rows.column("other_customer_id").take(pa.array(asked)).to_pylist()
    names = sorted({*left, *right})
    place = {name: at for at, name in enumerate(names)}
    edges = [(place[one], place[other]) for one, other in zip(left, right, strict=True)]
    by_number, in_all = identity.joined(_facts(context, names), edges[: len(certain)], edges[len(certain) :])
    kept = [
        (one, other, int(asked[at]), evidence)
        for at, (one, other) in enumerate(edges)
        for evidence, group in [("identity number", by_number) if at < len(certain) else ("likeness", in_all)]
        if group[one] == group[other]
    ]
    return {
        "customer_id": [names[one] for one, *_ in kept],
        "other_customer_id": [names[other] for _, other, *_ in kept],
        "score": [float(judged.score[at]) for *_, at, _ in kept],
        "evidence": [evidence for *_, evidence in kept],
    }


def _facts(context: TableContext, names: list[str]) -> list[identity.Facts]:
    """What of the records named can forbid something, in their order."""
    wanted = set(names)
    found = {}
    for batch in context.reader(
        "SELECT c.customer_id, c.kind = 'person' AS is_person, COALESCE(n.folded, '') AS folded, c.born_on, i.normalised, "
        "COALESCE(i.is_resident_number, FALSE) AS is_resident FROM source.customer AS c "
        "LEFT JOIN core.text_key AS n ON n.raw = c.name LEFT JOIN core.identity_number AS i ON i.customer_id = c.customer_id"
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
    known = np.array([one is not None for one in truth], dtype=bool)
    same = np.array([bool(one) for one in truth], dtype=bool)
    threshold = context.query("SELECT p.threshold FROM segment.duplicate_parameter AS p").column(0)[0].as_py()
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
        "SELECT p.customer_id, p.other_customer_id, p.evidence FROM segment.duplicate_pair AS p"
    )
    edges = list(zip(*(pairs.column(name).to_pylist() for name in pairs.column_names), strict=True))
    names = sorted({name for one, other, _ in edges for name in (one, other)})
    place = {name: at for at, name in enumerate(names)}
    in_all, by_number = identity.Together(len(names)), identity.Together(len(names))
    for one, other, evidence in edges:
        in_all.join(place[one], place[other])
        if evidence == "identity number":
            by_number.join(place[one], place[other])
    return {
        "customer_id": names,
        "person_id": [names[in_all.lowest(at)] for at in range(len(names))],
        "number_id": [names[by_number.lowest(at)] for at in range(len(names))],
    }
