"""What a native value of a source becomes in landing: the contract's own type where every value of its type has a
place there, else its exact text, which ``quality.checks.typed_select`` reads like any other text.

The type of the result follows from the type alone, never from the values, so that all batches of a table agree.
Nothing is changed without a word: what a value cannot be told as (digits that a double has lost, bytes that are
no text) is kept as it can be shown, and its row is refused under ``type:<column>``. A type that holds no single
value of the contract at all, such as a list or a duration, stops the night by name.
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattmark.contract import Column, Table
from wattmark.errors import SourceError
from wattmark.sources.base import PROBLEM

EXACT_DOUBLE = 2**53
"""Up to here every whole number is a double of its own; beyond, digits may be lost."""

_TEXT = pa.string()
_SMALL_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32())
_US_RANGE = {"s": 2**63 // 1_000_000, "ms": 2**63 // 1_000}
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def conform(
    array: pa.Array, column: Column, zone: ZoneInfo, *, where: str = "", named: str | None = None
) -> pa.Array:
    """A source's values of one column as landing holds them: ``landed_type(array.type, column)``.

    Args:
        array: the values in any arrow type.
        column: the contract column they are of.
        zone: the utility's time zone; a date is read from a moment by the local calendar.
        where: what the values belong to, such as ``customer.parquet: table customer``, for messages.
        named: the source's own name of the values' type, for messages; arrow's where None.

    Raises:
        SourceError: no value of the array's type can be one of the column; names both.
    """
    return _conformed(array, column, zone, where, named)[0]


def conform_batch(
    given: Mapping[str, pa.Array],
    table: Table,
    zone: ZoneInfo,
    rows: int,
    *,
    where: str = "",
    named: Mapping[str, str] | None = None,
    text: bool = False,
) -> dict[str, pa.Array]:
    """All contract columns of a batch as landing holds them, and ``_problem``: the first refused column of each row.

    Args:
        given: arrays by contract column; one that is missing becomes empty. May hold ``_problem`` itself.
        table: the contract table.
        zone: the utility's time zone.
        rows: length of the arrays.
        where: as in ``conform``.
        named: the source's own type names by contract column, for messages.
        text: give every contract column as text, as where a part of the table comes from CSV.

    Raises:
        SourceError: as ``conform``.
    """
    out: dict[str, pa.Array] = {}
    problem = given.get(PROBLEM, pa.nulls(rows, _TEXT))
    for column in table.columns:
        if column.name not in given:
            out[column.name] = pa.nulls(rows, _TEXT)
            continue
        array, refused = _conformed(given[column.name], column, zone, where, (named or {}).get(column.name))
        out[column.name] = as_text(array) if text else array
        problem = refuse(problem, refused, column.name)
    out[PROBLEM] = problem
    return out


def refuse(problem: pa.Array, refused: pa.Array | None, column: str) -> pa.Array:
    """``_problem`` with ``type:<column>`` in the refused rows that have no problem yet."""
    if refused is None:
        return problem
    reason = pa.scalar(f"type:{column}", _TEXT)
    return pc.if_else(pc.and_(refused, pc.is_null(problem)), reason, problem)


def landed_type(kind: pa.DataType, column: Column) -> pa.DataType:
    """The arrow type that values of an arrow type have in landing: the column's own, or text."""
    kind = _plain_type(kind)
    native: bool
    if column.type == "integer":
        native = pa.types.is_signed_integer(kind) or kind in _SMALL_INTEGERS or _whole_decimal(kind)
    elif column.type == "decimal":
        native = kind in _SMALL_INTEGERS or (
            pa.types.is_decimal(kind) and 0 <= kind.scale <= 2 and kind.precision - kind.scale <= 16
        )
    elif column.type == "double":
        native = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    elif column.type == "date":
        native = pa.types.is_date(kind)
    elif column.type == "timestamp":
        native = pa.types.is_timestamp(kind) and kind.tz is not None
    elif column.type == "boolean":
        native = pa.types.is_boolean(kind)
    else:
        native = True
    return column.arrow_type if native or pa.types.is_null(kind) else _TEXT


def as_text(array: pa.Array) -> pa.Array:
    """Values as exact text: whole numbers without a fraction, moments in ISO with their zone, nothing for NaN.

    Raises:
        SourceError: values of the type cannot be told as text.
    """
    return _text(_plain(array), "", None)[0]


def _conformed(
    array: pa.Array, column: Column, zone: ZoneInfo, where: str, named: str | None
) -> tuple[pa.Array, pa.Array | None]:
    """The values, and which of them are refused whatever their text may look like (None: none)."""
    array = _plain(array)
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), column.arrow_type), None
    wanted = landed_type(array.type, column)
    place = f"{where}: column {column.name}" if where else f"column {column.name}"
    if wanted == _TEXT:
        if column.type == "date" and pa.types.is_timestamp(array.type):
            return _dates_of_moments(array, zone), None
        if column.type == "boolean" and _is_bytes(array.type):
            # A bit comes as one byte; its two values have no text of their own.
            values, refused = _bytes_text(array.cast(pa.binary()))
            for bit, digit in (("\x00", "0"), ("\x01", "1")):
                values = pc.if_else(pc.equal(values, bit), pa.scalar(digit, _TEXT), values)
            return values, refused
        return _text(array, place, named)
    if array.type == wanted:
        return array, None
    if pa.types.is_timestamp(array.type):
        return _microseconds(array, wanted)
    if column.type == "double" and not pa.types.is_integer(array.type):
        # The nearest double to the digits that stand there; a short float is read by its shortest digits.
        return array.cast(_TEXT).cast(wanted), None
    return array.cast(wanted, safe=column.type != "double" and not pa.types.is_date(array.type)), None


def _whole_decimal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind) and kind.scale == 0 and kind.precision <= 18)


def _is_bytes(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
        pa.types.is_fixed_size_binary,
    )
    return any(test(kind) for test in tests)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return _TEXT if isinstance(kind, pa.UuidType) else _plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _plain_type(kind.value_type)
    return kind


def _plain(array: pa.Array) -> pa.Array:
    """Without dictionaries and extensions; a UUID in its canonical text."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array.type, pa.UuidType):
        return _uuid_text(array.storage)
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage)
    if pa.types.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(array.type):
        return _plain(pc.run_end_decode(array))
    return array


def _text(array: pa.Array, place: str, named: str | None) -> tuple[pa.Array, pa.Array | None]:
    kind = array.type
    if pa.types.is_string(kind):
        return array, None
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_integer(kind):
        return array.cast(_TEXT), None
    if pa.types.is_null(kind):
        return pa.nulls(len(array), _TEXT), None
    if pa.types.is_floating(kind):
        return _float_text(array)
    if pa.types.is_decimal(kind):
        return _decimal_text(array), None
    if pa.types.is_boolean(kind) or pa.types.is_date(kind):
        return array.cast(_TEXT), None
    if pa.types.is_timestamp(kind):
        return _moment_text(array)
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == 16:
        return _uuid_text(array), None
    if pa.types.is_fixed_size_binary(kind):
        # Shorter bytes are filled up with NUL by the type, as CHAR is with blanks.
        values, refused = _bytes_text(array.cast(pa.binary()))
        return pc.utf8_rtrim(values, "\x00"), refused
    if _is_bytes(kind):
        return _bytes_text(array.cast(pa.binary()))
    raise unusable_type(place, named or str(kind))


def texts_of(
    values: Iterable[Any],
    column: Column,
    zone: ZoneInfo,
    *,
    place: str = "",
    zoned: bool = False,
    short: bool = False,
) -> tuple[pa.Array, pa.Array | None]:
    """What a driver hands over as Python values, as text; and which of them are refused (None: none).

    The same values come out as ``conform`` gives for an array of them.

    Args:
        values: of one column; a driver may mix types.
        column: the contract column.
        zone: the utility's time zone.
        place: of the column, for messages.
        zoned: the column holds moments with a zone, so that one without has lost it.
        short: the column holds floats of single precision, whose shortest digits count.

    Raises:
        SourceError: a value's type holds no single value of the contract.
    """
    texts: list[str | None] = []
    refused: dict[int, bool] = {}
    bits = column.type == "boolean"
    for at, value in enumerate(values):
        if value is None or type(value) is str:
            texts.append(value)
        elif isinstance(value, (bool, np.bool_)):
            texts.append("true" if value else "false")
        elif isinstance(value, (int, np.integer)):
            texts.append(str(value))
        elif isinstance(value, float):
            texts.append(_one_float(np.float32(value) if short else value))
            refused[at] = abs(value) > EXACT_DOUBLE and column.type != "double"
        elif isinstance(value, Decimal):
            texts.append(_one_decimal(value))
            refused[at] = value.is_infinite()
        elif isinstance(value, dt.datetime):
            if zoned and value.tzinfo is None:
                raise unusable_type(place, "timestamp with a zone that its driver leaves out")
            texts.append(_one_moment(value))
        elif isinstance(value, (dt.date, uuid.UUID, str)):
            texts.append(str(value))
        elif isinstance(value, (bytes, bytearray, memoryview)):
            texts.append(_BITS.get(bytes(value)) if bits and bytes(value) in _BITS else None)
            if texts[-1] is None:
                try:
                    texts[-1] = bytes(value).decode("utf-8")
                except UnicodeDecodeError:
                    texts[-1], refused[at] = bytes(value).decode("utf-8", errors="backslashreplace"), True
        else:
            raise unusable_type(place, type(value).__name__)
    made = pa.array(texts, _TEXT)
    if column.type == "date":
        made = local_dates(made, zone)
    if not any(refused.values()):
        return made, None
    return made, pa.array([refused.get(at, False) for at in range(len(texts))], pa.bool_())


def numbers_of_texts(array: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Exact numbers in the text of their database, as text: without a fraction of noughts, nothing for NaN."""
    text = pc.replace_substring_regex(array.cast(_TEXT), r"^(-?\d+)\.0+$", r"\1")
    nothing = pc.equal(pc.utf8_lower(text), "nan")
    if pc.any(nothing).as_py():
        text = pc.if_else(nothing, pa.scalar(None, _TEXT), text)
    endless = pc.match_substring_regex(text, "(?i)inf")
    return text, pc.fill_null(endless, False) if pc.any(endless).as_py() else None


def local_dates(array: pa.Array, zone: ZoneInfo) -> pa.Array:
    """Texts of moments as dates where they are a local midnight; any other stays, so that its time is seen."""
    text = pc.replace_substring_regex(array, r"^(\d{4}-\d{2}-\d{2})[ T]00:00(:00(\.0+)?)?$", r"\1")
    offset = pc.match_substring_regex(text, r"^\d{4}-\d{2}-\d{2}[ T].*([+-]\d{2}(:?\d{2})?|Z)$")
    if not pc.any(offset).as_py():
        return text
    return pa.array([_local_date(row, zone) for row in text.to_pylist()], _TEXT)


def beyond_calendar(array: pa.Array) -> pa.Array | None:
    """Which texts of dates and moments are none of the years 1 to 9999: infinity, BC, five digits (None: none)."""
    found = pc.fill_null(pc.match_substring_regex(array, r"(?i)infinity| BC$|^[+-]?\d{5,}-"), False)
    return found if pc.any(found).as_py() else None


def in_utc(array: pa.Array) -> pa.Array:
    """Texts of moments that a session in UTC showed without a zone, with it; what is no moment stays as it is."""
    pattern = r"^([1-9]\d{3}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(\.\d+)?$"
    return pc.replace_substring_regex(array, pattern, r"\1\2+00:00")


def unusable_type(place: str, kind: str) -> SourceError:
    """That a column has a type of which no value can be one of the contract's."""
    return SourceError(
        "source.column_type",
        f"{place} has the type {kind}, which holds no single value of the contract.".lstrip(": "),
        "Hand the column over as text, number, date or timestamp, such as by a view; "
        "or map another column in settings.yaml: sources[].rename.",
    )


def _float_text(array: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    double = array.cast(pa.float64())
    nothing = pc.is_nan(double)
    if pc.any(nothing).as_py():
        array, double = (
            pc.if_else(nothing, pa.scalar(None, values.type), values) for values in (array, double)
        )
    large = pc.greater(pc.abs(double), float(EXACT_DOUBLE))
    whole = pc.and_(pc.equal(double, pc.floor(double)), pc.invert(large))
    digits = pc.if_else(whole, double, pa.scalar(None, pa.float64())).cast(pa.int64()).cast(_TEXT)
    values = digits if pc.all(whole).as_py() else pc.if_else(whole, digits, array.cast(_TEXT))
    return values, pc.fill_null(large, False) if pc.any(large).as_py() else None


def _decimal_text(array: pa.Array) -> pa.Array:
    if array.type.scale <= 0:
        return array.cast(pa.decimal256(76, 0)).cast(_TEXT)
    text = pc.replace_substring_regex(array.cast(_TEXT), r"^(-?\d+)\.0+$", r"\1")
    # Arrow writes nought of many places as 0E-18.
    return pc.replace_substring_regex(text, r"^-?0E-\d+$", "0")


def _moment_text(array: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    zoned = array.type.tz is not None
    micro, refused = _microseconds(array, pa.timestamp("us"))
    seconds = micro.cast(pa.timestamp("s"), safe=False)
    whole = pc.all(pc.equal(seconds.cast(pa.timestamp("us")), micro), min_count=0).as_py()
    text = (seconds if whole else micro).cast(_TEXT)
    return pc.binary_join_element_wise(text, "+00:00", "") if zoned else text, refused


def _dates_of_moments(array: pa.Array, zone: ZoneInfo) -> pa.Array:
    """Moments as local dates where they are a local midnight; any other keeps its time, so that it is seen."""
    micro, _ = _microseconds(array, pa.timestamp("us", array.type.tz and "UTC"))
    local = pc.local_timestamp(micro.cast(pa.timestamp("us", zone.key))) if array.type.tz else micro
    days = local.cast(pa.date32(), safe=False)
    midnight = pc.equal(days.cast(pa.timestamp("us")), local)
    dates = days.cast(_TEXT)
    return dates if pc.all(midnight).as_py() else pc.if_else(midnight, dates, _moment_text(local)[0])


def _microseconds(array: pa.Array, wanted: pa.DataType) -> tuple[pa.Array, pa.Array | None]:
    """Moments in microseconds, what is finer cut off; those no 64 bits can hold are refused."""
    refused = None
    if limit := _US_RANGE.get(array.type.unit):
        far = pc.greater_equal(pc.abs(array.view(pa.int64())), limit)
        if pc.any(far).as_py():
            refused = pc.fill_null(far, False)
            array = pc.if_else(far, pa.scalar(None, array.type), array)
    # The instant is the same in any zone: only the label changes.
    return array.cast(pa.timestamp("us", array.type.tz), safe=False).view(pa.int64()).view(wanted), refused


def _bytes_text(array: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    try:
        return array.cast(_TEXT), None
    except pa.ArrowInvalid:
        pass
    texts: list[str | None] = []
    refused: list[bool] = []
    for value in array.to_pylist():
        try:
            texts.append(None if value is None else value.decode("utf-8"))
            refused.append(False)
        except UnicodeDecodeError:
            texts.append(value.decode("utf-8", errors="backslashreplace"))
            refused.append(True)
    return pa.array(texts, _TEXT), pa.array(refused, pa.bool_())


_BITS = {b"\x00": "0", b"\x01": "1"}


def _one_float(value: Any) -> str | None:
    if math.isnan(value):
        return None
    if abs(value) <= EXACT_DOUBLE and value == math.floor(value):
        return str(int(value))
    return str(value)


def _one_decimal(value: Decimal) -> str | None:
    if value.is_nan():
        return None
    return str(int(value)) if value.is_finite() and value == value.to_integral_value() else format(value, "f")


def _one_moment(value: dt.datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(dt.UTC)
    return value.isoformat(sep=" ")


def _local_date(text: str | None, zone: ZoneInfo) -> str | None:
    try:
        moment = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return text
    if moment.tzinfo is None:
        return text
    local = moment.astimezone(zone)
    return str(local.date()) if local.time() == dt.time() else local.isoformat(sep=" ")


def _uuid_text(array: pa.Array) -> pa.Array:
    """Sixteen bytes as 8-4-4-4-12 hexadecimal digits."""
    filled = pc.fill_null(array, b"\x00" * 16) if array.null_count else array
    data = filled.buffers()[1]
    raw = np.frombuffer(data, dtype=np.uint8, count=16 * len(filled), offset=16 * filled.offset).reshape(
        -1, 16
    )
    digits = np.empty((len(filled), 32), dtype=np.uint8)
    digits[:, 0::2], digits[:, 1::2] = _HEX[raw >> 4], _HEX[raw & 15]
    text = np.full((len(filled), 36), ord("-"), dtype=np.uint8)
    for start, end, to in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        text[:, to : to + end - start] = digits[:, start:end]
    offsets = np.arange(0, 36 * len(filled) + 1, 36, dtype=np.int32)
    made = pa.StringArray.from_buffers(len(filled), pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))
    return pc.if_else(array.is_null(), pa.scalar(None, _TEXT), made) if array.null_count else made
