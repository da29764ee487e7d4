"""Customer records as they are compared: by what, on which levels, and what rules two out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wattmark.engine.python_table import TableContext
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

RECORDS = """
SELECT customer.customer_id, customer.kind = 'person' AS is_person, COALESCE(n.key, '') AS name, COALESCE(n.folded, '') AS folded,
       COALESCE(a.key, '') AS address, m.e164 AS mobile, p.e164 AS phone, LOWER(email.address) AS email, customer.born_on,
       identity_number.normalised AS number, COALESCE(identity_number.is_resident_number, FALSE) AS is_resident
FROM source.customer
LEFT JOIN core.text_key AS n ON n.raw = customer.name
LEFT JOIN core.text_key AS a ON a.raw = customer.postal_address
LEFT JOIN core.phone AS m ON m.raw = customer.mobile
LEFT JOIN core.phone AS p ON p.raw = customer.phone
LEFT JOIN core.email ON email.raw = customer.email AND email.is_valid
LEFT JOIN core.identity_number ON identity_number.customer_id = customer.customer_id
ORDER BY customer.customer_id
"""
"""All that is known of the records, as a query."""
RECORD_NEEDS = ("source.customer", "core.text_key", "core.phone", "core.email", "core.identity_number")


@dataclass(frozen=True)
class Records:
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


def read_records(context: TableContext) -> Records:
    """All customer records, from the tables of ``RECORD_NEEDS``."""
    rows = context.query(RECORDS)
    is_person = rows.column("is_person").to_numpy(zero_copy_only=False).astype(bool)
    written, resident = rows.column("number").to_pylist(), rows.column("is_resident").to_pylist()
    number = [
        identity.number_of(text, person) for text, person in zip(written, is_person.tolist(), strict=True)
    ]
    birth = [
        identity.birth_of(born, id_number, sure)
        for born, id_number, sure in zip(rows.column("born_on").to_pylist(), number, resident, strict=True)
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
    return Records(
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


def levels_of(
    records: Records, rows: npt.NDArray[np.int64], other: npt.NDArray[np.int64]
) -> tuple[linkage.Levels, linkage.Floats]:
    """Levels of pairs, and how common what they agree on exactly is (not a number elsewhere)."""
    found = np.full((len(rows), len(COMPARISONS)), linkage.MISSING, np.int8)
    common = np.full((len(rows), len(COMPARISONS)), np.nan)
    for at in (NAME, ADDRESS, EMAIL, BIRTH):
        first, second = records.codes[at][rows], records.codes[at][other]
        known, equal = (first >= 0) & (second >= 0), first == second
        found[known, at] = np.where(equal[known], 0, len(COMPARISONS[at].levels) - 1)
        if COMPARISONS[at].by_frequency:
            alike = known & equal
            common[alike, at] = linkage.shares(
                COMPARISONS[at], records.counts[at][first[alike]], len(records)
            )
        if at in records.texts:
            differ = np.flatnonzero(known & ~equal)
            found[differ, at] = _of_texts(records, at, rows[differ], other[differ])
    mine, theirs = records.codes[PHONE][:, rows], records.codes[PHONE][:, other]
    called = (mine.max(axis=0) >= 0) & (theirs.max(axis=0) >= 0)
    held = np.full(len(rows), np.iinfo(np.int64).max)
    for first in mine:
        for second in theirs:
            equal = (first >= 0) & (first == second)
            held = np.where(equal, np.minimum(held, records.counts[PHONE][np.maximum(first, 0)]), held)
    shared = held < np.iinfo(np.int64).max
    found[called, PHONE] = np.where(shared[called], 0, 1)
    common[shared, PHONE] = linkage.shares(COMPARISONS[PHONE], held[shared], len(records))
    return found, common


def _of_texts(
    records: Records, at: int, rows: npt.NDArray[np.int64], other: npt.NDArray[np.int64]
) -> linkage.Levels:
    if not len(rows):
        return np.empty(0, np.int8)
    text, numbers = records.texts[at]
    left, right = text.take(pa.array(rows)).to_pylist(), text.take(pa.array(other)).to_pylist()
    if at == NAME:
        return linkage.text_levels(left, right, (_CLOSE, _ALIKE))
    near = linkage.ratio(left, right) >= _SAME_PLACE
    same = pc.equal(numbers.take(pa.array(rows)), numbers.take(pa.array(other))).to_numpy(
        zero_copy_only=False
    )
    return np.where(near, np.where(same, 1, 2), 3).astype(np.int8)


def ruled_out(
    records: Records, rows: npt.NDArray[np.int64], other: npt.NDArray[np.int64], levels: linkage.Levels
) -> npt.NDArray[np.bool_]:
    """Pairs whose kinds, births or names forbid them to be one; identity numbers are not asked."""
    out: npt.NDArray[np.bool_] = (records.is_person[rows] != records.is_person[other]) | (
        levels[:, BIRTH] == 1
    )
    ask = np.flatnonzero(~out)
    left = records.folded.take(pa.array(rows[ask])).to_pylist()
    right = records.folded.take(pa.array(other[ask])).to_pylist()
    persons = records.is_person[rows[ask]].tolist()
    out[ask] = [
        identity.names_differ(mine, theirs, is_person=is_person)
        for mine, theirs, is_person in zip(left, right, persons, strict=True)
    ]
    return out
