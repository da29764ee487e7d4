"""What a source's native value becomes in landing, and in contract types after it."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from wattmark.contract import Column, Table
from wattmark.contract.types import arrow_type
from wattmark.errors import SourceError
from wattmark.quality.reading import reading_of
from wattmark.quality.typed import typed_select
from wattmark.source_settings import SourceSettings
from wattmark.sources.values import as_text, conform, conform_batch, landed_type

SHANGHAI = ZoneInfo("Asia/Shanghai")
KINDS = ("string", "integer", "decimal", "double", "date", "timestamp", "boolean")
COLUMNS = {kind: Column("it", kind, optional=True) for kind in KINDS}
DAY = dt.date(2026, 10, 15)
NOON = dt.datetime(2026, 10, 15, 12, 30)
INSTANT = dt.datetime(2026, 10, 15, 4, 30, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 10, 14, 16, tzinfo=dt.UTC)
ID = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
REFUSED = "refused"
READING = reading_of(SourceSettings(location="here"), Table("thing", ()), SHANGHAI)
DUCK = duckdb.connect(config={"threads": 1})
DUCK.execute("SET TimeZone = 'Asia/Shanghai'")


def read(array: pa.Array, kind: str) -> list[Any]:
    """Values as they are accepted in a column of a contract type: through landing and ``typed_select``."""
    table = Table("thing", (COLUMNS[kind],))
    batch = conform_batch({"it": array}, table, SHANGHAI, len(array), where="here")
    assert batch["it"].type in (arrow_type(kind), pa.string())
    assert batch["it"].type == landed_type(array.type, COLUMNS[kind])
    landing = pa.table(batch)
    DUCK.register("landing", landing)
    described = DUCK.sql("SELECT it FROM landing").types[0]
    name = str(described).replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
    found = DUCK.sql(
        typed_select(table, "landing", {"it": name}, ("_problem",), reading=READING)
    ).to_arrow_table()
    return [
        REFUSED if row["_problem"] or row["_bad_it"] else row["it"]
        for row in found.cast(
            pa.schema([("_problem", pa.string()), ("it", arrow_type(kind)), ("_bad_it", pa.bool_())])
        ).to_pylist()
    ]


INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]
DECIMALS = [pa.decimal32(9, 2), pa.decimal64(12, 3), pa.decimal128(38, 18), pa.decimal256(60, 20)]
TEXTS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
BYTES = [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(1)]
NAIVE = [pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")]
ZONED = [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in ("UTC", "Asia/Tokyo")]

RIGHT: list[tuple[list[pa.DataType], Any, dict[str, Any]]] = [
    (INTEGERS, 7, {"string": "7", "integer": 7, "decimal": Decimal("7.00"), "double": 7.0}),
    (INTEGERS, 1, {"string": "1", "integer": 1, "decimal": Decimal("1.00"), "double": 1.0, "boolean": True}),
    (FLOATS, 7.0, {"string": "7", "integer": 7, "decimal": Decimal("7.00"), "double": 7.0}),
    (FLOATS, 6.25, {"string": "6.25", "integer": REFUSED, "decimal": Decimal("6.25"), "double": 6.25}),
    (FLOATS[1:], 6.24, {"string": "6.24", "integer": REFUSED, "decimal": Decimal("6.24"), "double": 6.24}),
    (DECIMALS, Decimal(7), {"string": "7", "integer": 7, "decimal": Decimal("7.00"), "double": 7.0}),
    (
        DECIMALS,
        Decimal("6.24"),
        {"integer": REFUSED, "decimal": Decimal("6.24"), "double": 6.24},
    ),
    (TEXTS, "B-1", {"string": "B-1", "integer": REFUSED, "decimal": REFUSED, "double": REFUSED, "date": REFUSED}),
    (TEXTS, "7", {"string": "7", "integer": 7, "decimal": Decimal("7.00"), "double": 7.0}),
    (BYTES, b"Y", {"string": "Y", "integer": REFUSED, "boolean": True}),
    (BYTES, b"\x01", {"boolean": True}),
    (BYTES, b"\x00", {"boolean": False}),
    (BYTES[:3], "电".encode(), {"string": "电"}),
    ([pa.bool_()], True, {"string": "true", "boolean": True, "date": REFUSED, "timestamp": REFUSED}),
    (
        [pa.date32(), pa.date64()],
        DAY,
        {"string": "2026-10-15", "date": DAY, "timestamp": MIDNIGHT, "integer": REFUSED, "double": REFUSED},
    ),
    (NAIVE, NOON, {"string": "2026-10-15 12:30:00", "timestamp": INSTANT, "integer": REFUSED}),
    (ZONED, INSTANT, {"string": "2026-10-15 04:30:00+00:00", "timestamp": INSTANT, "double": REFUSED}),
    (NAIVE, dt.datetime(2026, 10, 15), {"date": DAY, "timestamp": MIDNIGHT}),
    (ZONED, MIDNIGHT, {"date": DAY, "timestamp": MIDNIGHT}),
]  # fmt: skip


@pytest.mark.parametrize(("types", "value", "expected"), RIGHT, ids=lambda each: str(each)[:40])
def test_a_value_is_read_as_what_it_is_from_any_type_that_holds_it(
    types: list[pa.DataType], value: Any, expected: dict[str, Any]
) -> None:
    for native in types:
        array = pa.array([value, None], native)
        for kind, right in expected.items():
            assert read(array, kind) == [right, None], (native, kind)


ALL = [*INTEGERS, *FLOATS, *DECIMALS, *TEXTS, *BYTES, *NAIVE, *ZONED, pa.bool_(), pa.date32(), pa.date64(), pa.null(), pa.uuid(), pa.binary(16)]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_lands_as_the_contract_has_it_or_as_text(kind: str) -> None:
    for native in ALL:
        for rows in (0, 3):
            array = pa.nulls(rows, native)
            landed = conform(array, COLUMNS[kind], SHANGHAI)
            assert landed.type == landed_type(native, COLUMNS[kind])
            assert landed.type in (arrow_type(kind), pa.string())
            assert landed.null_count == rows == len(landed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "native",
    [
        pa.time32("s"), pa.time64("us"), pa.duration("us"), pa.month_day_nano_interval(), pa.list_(pa.int64()),
        pa.large_list(pa.string()), pa.list_view(pa.int8()), pa.struct([("a", pa.int64())]), pa.map_(pa.string(), pa.string()),
    ],
    ids=str,
)  # fmt: skip
def test_a_type_without_a_value_of_the_contract_is_refused_by_name(native: pa.DataType, kind: str) -> None:
    with pytest.raises(SourceError) as raised:
        conform(pa.nulls(1, native), COLUMNS[kind], SHANGHAI, where="crm: table thing")
    assert raised.value.code == "source.column_type"
    assert f"crm: table thing: column it has the type {native}" in raised.value.message
    assert raised.value.remedy


def test_a_dataframes_gaps_are_nothing_and_its_ids_have_no_fraction() -> None:
    ids = pa.array([3300000026.0, float("nan"), None, -0.0])
    assert read(ids, "string") == ["3300000026", None, None, "0"]
    assert read(ids, "integer") == [3300000026, None, None, 0]
    assert read(ids, "decimal") == [Decimal("3300000026.00"), None, None, Decimal("0.00")]


def test_digits_that_a_double_has_lost_are_refused() -> None:
    lost = pa.array([2.0**53, 2.0**53 + 2, float("inf"), float("-inf")])
    assert read(lost, "string") == ["9007199254740992", REFUSED, REFUSED, REFUSED]
    assert read(lost, "integer") == [2**53, REFUSED, REFUSED, REFUSED]
    assert read(lost, "decimal")[1:] == [REFUSED] * 3
    assert read(lost, "double") == [2.0**53, 2.0**53 + 2, REFUSED, REFUSED]
    assert read(pa.array([2**63 - 1], pa.int64()), "string") == ["9223372036854775807"]
    assert read(pa.array([2**64 - 1], pa.uint64()), "string") == ["18446744073709551615"]
    assert read(pa.array([2**64 - 1], pa.uint64()), "integer") == [REFUSED]


def test_a_refused_value_is_shown_and_its_row_says_which_column() -> None:
    table = Table("thing", (COLUMNS["string"],))
    array = pa.array([b"ok", b"\xff\xfe", None])
    batch = conform_batch({"it": array}, table, SHANGHAI, 3)
    assert batch["it"].to_pylist() == ["ok", r"\xff\xfe", None]
    assert batch["_problem"].to_pylist() == [None, "type:it", None]


def test_decimals_keep_a_fraction_and_lose_an_empty_one() -> None:
    values = [Decimal("3300000000.00"), Decimal("12.50"), Decimal("0.00"), Decimal("-4.00"), None]
    assert as_text(pa.array(values, pa.decimal128(20, 2))).to_pylist() == [
        "3300000000", "12.50", "0", "-4", None,
    ]  # fmt: skip
    assert as_text(pa.array([Decimal(0), Decimal(5)], pa.decimal128(38, 18))).to_pylist() == ["0", "5"]
    assert as_text(pa.array([Decimal(500)], pa.decimal128(5, -2))).to_pylist() == ["500"]
    exact = pa.array([Decimal("1234567890123456.789")], pa.decimal128(20, 3))
    assert conform(exact, COLUMNS["decimal"], SHANGHAI).to_pylist() == ["1234567890123456.789"]


def test_uuids_are_told_in_their_canonical_text() -> None:
    stored = pa.array([ID.bytes, None, ID.bytes], pa.binary(16))
    for array in (stored, pa.ExtensionArray.from_storage(pa.uuid(), stored)):
        assert read(array, "string") == [str(ID), None, str(ID)]
        assert as_text(array[2:]).to_pylist() == [str(ID)]


def test_moments_keep_their_microseconds_and_their_instant() -> None:
    fine = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "Asia/Tokyo"))
    assert read(fine, "timestamp") == [dt.datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=dt.UTC)]
    mixed = pa.array([NOON, NOON.replace(microsecond=5)], pa.timestamp("us"))
    assert as_text(mixed).to_pylist() == ["2026-10-15 12:30:00.000000", "2026-10-15 12:30:00.000005"]
    far = pa.array([2**60, 0], pa.int64()).view(pa.timestamp("s", "UTC"))
    assert read(far, "timestamp") == [REFUSED, dt.datetime(1970, 1, 1, tzinfo=dt.UTC)]


def test_a_time_of_day_in_a_column_of_dates_is_not_cut_off() -> None:
    given = pa.array([dt.datetime(2026, 10, 15), NOON], pa.timestamp("ms"))
    assert conform(given, COLUMNS["date"], SHANGHAI).to_pylist() == ["2026-10-15", "2026-10-15 12:30:00"]


def test_slices_and_dictionaries_are_read_like_whole_arrays() -> None:
    for array in (
        pa.array(["x", "7", None]).dictionary_encode()[1:],
        pa.array([9.0, 7.0, None])[1:],
        pa.array([9, 7, None], pa.uint64())[1:],
        pa.RunEndEncodedArray.from_arrays([1, 2, 3], pa.array([9, 7, None]))[1:],
    ):
        assert read(array, "integer") == [7, None]
        assert read(array, "string") == ["7", None]


def test_absent_columns_are_empty_and_a_batch_may_be_wanted_as_text() -> None:
    table = Table("thing", (Column("a", "double"), Column("b", "timestamp"), Column("c", "date")))
    given = {"a": pa.array([6.24, 7.0]), "b": pa.array([INSTANT] * 2, pa.timestamp("us", "UTC"))}
    batch = conform_batch(given, table, SHANGHAI, 2, text=True)
    assert batch["a"].to_pylist() == ["6.24", "7"]
    assert batch["b"].to_pylist() == ["2026-10-15 04:30:00+00:00"] * 2
    assert batch["c"].to_pylist() == batch["_problem"].to_pylist() == [None, None]
