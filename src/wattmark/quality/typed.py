"""What a landing row means: each text, and each native value, in the type the contract gives its column, or refused.

Only what is unambiguous is read by itself; a source's settings say how it writes everything else (``TextSettings``,
and the codes of ``TableMapping.values``). Nothing is changed without a word: a value that is not wholly read is
marked, and its row refused.

All of it is one SELECT without functions of our own, so that Great Expectations' connection runs it as well. Values as
most sources write them are told by writing what was read again and comparing; only what differs is trimmed and matched,
which costs ten times as much.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

from wattmark.contract import Table
from wattmark.quality.reading import (
    EXPORT_KWH,
    KWH,
    MINUTES,
    QUALITY,
    QUALITY_CODE,
    START,
    Reading,
    filling,
    is_interval,
    quoted,
    unclear,
    unparsed,
)
from wattmark.quality.texts import (
    Typed,
    one_of,
    quality_of_code,
    read_boolean,
    read_number,
    read_string,
    replaced,
)
from wattmark.quality.times import (
    EARLIER,
    GONE,
    LABEL,
    LATER,
    SECOND,
    ZONED,
    read_date,
    read_timestamp,
    shifted,
)
from wattmark.sources.base import FILE, POSITION


def _read(
    table: Table, kinds: Mapping[str, str], reading: Reading, only: Collection[str] | None = None
) -> dict[str, Typed]:
    found = {}
    for column in table.columns:
        if only is not None and column.name not in only:
            continue
        typed = Typed(column.name)
        raw, kind = quoted(column.name), kinds[column.name]
        if column.name in reading.values and kind != "VARCHAR":
            raw, kind = f"CAST({raw} AS VARCHAR)", "VARCHAR"
        if kind == "VARCHAR":
            raw = replaced(typed, raw, reading)
        if column.type == "string":
            read_string(typed, column, raw, kind)
        elif kind == column.duckdb_type and column.type in ("integer", "decimal", "boolean"):
            typed.value = raw
        elif column.type in ("integer", "decimal", "double"):
            read_number(typed, column, raw, kind, reading)
        elif column.type == "boolean":
            read_boolean(typed, raw, kind)
        elif column.type == "date":
            read_date(typed, raw, kind, reading)
        else:
            told_apart = is_interval(table) and column.name == START
            read_timestamp(typed, raw, kind, reading, told_apart=told_apart)
        found[column.name] = typed
    return found


def _layered(relation: str, columns: Iterable[Typed]) -> str:
    """The relation with what the columns compute, a layer at a time."""
    layers: list[dict[str, str]] = []
    for column in columns:
        for at, layer in enumerate(filter(None, column.layers)):
            while len(layers) <= at:
                layers.append({})
            layers[at].update(layer)
    for layer in layers:
        if layer:
            listed = ", ".join(f"{expression} AS {quoted(name)}" for name, expression in layer.items())
            relation = f"(SELECT *, {listed} FROM {relation})"
    return relation


def typed_select(
    table: Table,
    relation: str,
    kinds: Mapping[str, str],
    more: tuple[str, ...] = (),
    *,
    reading: Reading,
    days: Collection[dt.date] | None = None,
) -> str:
    """SQL that reads landing rows in contract types, with the marks of what could not be read.

    For each column a mark ``_bad_<column>``; for intervals also ``_clock_`` and ``_filler_interval_start``. White space
    around codes means nothing. A text of white space only becomes empty where the column is optional or names
    something, else a text without length.

    Args:
        table: the contract table.
        relation: the landing relation.
        kinds: DuckDB type of each landing column.
        more: further columns to carry along, over the landing relation.
        reading: how the table's source writes.
        days: the local days that the relation holds, where known: the order of rows is asked only where a clock
            was put back.
    """
    columns = _read(table, kinds, reading)
    layered = _layered(relation, columns.values())
    items = list(more)
    for column in table.columns:
        read = columns[column.name]
        value = read.value
        items += [
            f"{value} AS {quoted(column.name)}",
            f"COALESCE({read.bad}, FALSE) AS {quoted(unparsed(column))}"
            if read.bad != "FALSE"
            else f"FALSE AS {quoted(unparsed(column))}",
        ]
    if not is_interval(table):
        return f"SELECT {', '.join(items)} FROM {layered}"
    return _intervals(table, layered, items, kinds, reading, days)


def _intervals(
    table: Table,
    layered: str,
    items: list[str],
    kinds: Mapping[str, str],
    reading: Reading,
    days: Collection[dt.date] | None,
) -> str:
    """Typed intervals: times that exist twice told apart by the order of rows, then starts, directions and qualities."""
    start = table.column(START)
    if kinds[START] not in ZONED and not reading.clock.is_fixed:
        put_back = set(reading.clock.days(twice=True))
        if reading.reading_at_end:
            # An interval that ends at midnight lies on the day before.
            put_back |= {day - dt.timedelta(days=1) for day in put_back}
        asked = put_back if days is None else put_back & set(days)
        if asked and FILE in kinds and POSITION in kinds:
            layered = _told_apart(table, layered, kinds, asked)
        else:
            layered = f"(SELECT *, CAST(NULL AS BOOLEAN) AS {SECOND} FROM {layered})"
        alias = f" AS {quoted(START)}"
        at = next(number for number, item in enumerate(items) if item.endswith(alias))
        items[at] = (
            f"CASE WHEN {EARLIER} IS NULL THEN {items[at].removesuffix(alias)} WHEN {SECOND} THEN {LATER} ELSE {EARLIER} END{alias}"
        )
        unknown = f"{GONE} OR {EARLIER} IS NOT NULL AND {SECOND} IS NULL"
        items += [GONE, EARLIER, f"{unknown} AS {quoted(unclear(start))}"]
    else:
        items += [
            f"FALSE AS {GONE}",
            f"CAST(NULL AS TIMESTAMPTZ) AS {EARLIER}",
            f"FALSE AS {quoted(unclear(start))}",
        ]
    names = [column.name for column in table.columns]
    energies = [name for name in names if name.split("_")[-1] in ("kwh", "kvarh")]
    idle = " AND ".join(
        f"COALESCE({quoted(name)}, 0) = 0 AND NOT {quoted(unparsed(table.column(name)))}" for name in energies
    )
    filler = f"{GONE} AND {idle}" if energies else "FALSE"
    clock = f"{quoted(unclear(start))} AND NOT ({filler})"
    replaced: dict[str, str] = {}
    if reading.reading_at_end:
        replaced[START] = _before(quoted(START))
        # Rows lie by the day of the earlier moment: a start on another day has no place there.
        moved = f"CAST({_before(quoted(START))} AS DATE) <> CAST({_before(EARLIER)} AS DATE)"
        clock = f"({clock}) OR COALESCE({moved}, FALSE)"
    replaced[unclear(start)] = clock
    if reading.signed_kwh and KWH in names:
        replaced[KWH] = f"CASE WHEN {KWH} < 0 THEN 0 ELSE {KWH} END"
        if EXPORT_KWH in names:
            replaced[EXPORT_KWH] = (
                f"COALESCE({EXPORT_KWH}, CASE WHEN {KWH} < 0 THEN -{KWH} WHEN {KWH} >= 0 THEN 0 END)"
            )
    if reading.quality_codes and QUALITY in names:
        own = one_of(table.column(QUALITY).values)
        coded = quality_of_code(QUALITY, reading.quality_codes)
        other = quality_of_code(QUALITY_CODE, reading.quality_codes) if QUALITY_CODE in names else "NULL"
        replaced[QUALITY] = (
            f"CASE WHEN {QUALITY} IN {own} THEN {QUALITY} WHEN {QUALITY} IS NOT NULL THEN COALESCE({coded}, {QUALITY}) ELSE {other} END"
        )
    changes = ", ".join(f"{expression} AS {quoted(name)}" for name, expression in replaced.items())
    return (
        f"SELECT * EXCLUDE ({GONE}, {EARLIER}) REPLACE ({changes}), {filler} AS {quoted(filling(start))} "
        f"FROM (SELECT {', '.join(items)} FROM {layered})"
    )


def _before(moment: str, minutes: str = MINUTES) -> str:
    """The start of an interval that ends at a moment; the moment itself where its length is not known."""
    moved = shifted(moment, f"-60000000 * {minutes}")
    return f"CASE WHEN {minutes} BETWEEN 0 AND 100000 THEN {moved} ELSE {moment} END"


def _told_apart(table: Table, layered: str, kinds: Mapping[str, str], days: Collection[dt.date]) -> str:
    """The rows with ``_second``: of a local time that exists twice the later moment is meant; NULL where order cannot tell.

    Told are two rows of one time in one file where all rows of that point and day lie in the order of time (or all the
    other way) once the two are taken as the earlier and the later.
    """
    listed = one_of(sorted(days))
    # The day of landing is its partition: files of other days are not even opened.
    here = f"{quoted('day')} IN {listed}" if "day" in kinds else f"CAST({LABEL} AS DATE) IN {listed}"
    here += f" AND {LABEL} IS NOT NULL"
    others = [quoted(name) for name in table.key if name != START]
    point = ", ".join([FILE, *others])
    moment = quoted(f"_v_{START}")
    ranked = (
        f"SELECT {FILE}, {POSITION}, {', '.join(others)}, {LABEL}, {EARLIER}, {LATER}, {moment}, "
        f"ARG_MIN({POSITION}, {LABEL}) OVER point <= ARG_MAX({POSITION}, {LABEL}) OVER point AS _ascending, "
        f"ROW_NUMBER() OVER (PARTITION BY {point}, {LABEL} ORDER BY {POSITION}) AS _nth, "
        f"COUNT(*) OVER (PARTITION BY {point}, {LABEL}) AS _rows "
        f"FROM {layered} WHERE {here} WINDOW point AS (PARTITION BY {point})"
    )
    taken = (
        f"SELECT *, (_nth = 2) = _ascending AS {SECOND}, "
        f"CASE WHEN {EARLIER} IS NULL THEN {moment} WHEN (_nth = 2) = _ascending THEN {LATER} ELSE {EARLIER} END AS _taken "
        f"FROM ({ranked})"
    )
    before = f"LAG(_taken) OVER (PARTITION BY {point} ORDER BY {POSITION})"
    stepped = f"SELECT *, COALESCE(CASE WHEN _ascending THEN _taken < {before} ELSE _taken > {before} END, FALSE) AS _back FROM ({taken})"
    told = (
        f"SELECT {FILE} AS _told_file, {POSITION} AS _told_position, {SECOND} FROM ("
        f"SELECT *, BOOL_OR(_back) OVER (PARTITION BY {point}) AS _mixed FROM ({stepped})"
        f") WHERE {EARLIER} IS NOT NULL AND _rows = 2 AND NOT _mixed"
    )
    return (
        f"(SELECT l.*, t.{SECOND} FROM {layered} AS l LEFT JOIN ({told}) AS t "
        f"ON l.{FILE} = t._told_file AND l.{POSITION} = t._told_position)"
    )


def with_day(table: Table, relation: str, kinds: Mapping[str, str], reading: Reading, day: str) -> str:
    """SQL: the landing rows and the local day of their ``since`` column, empty where it cannot be read.

    It is the day that ``typed_select`` gives the row: the start's, where a source writes the end.

    Args:
        table: the contract table, with ``since``.
        relation: the landing relation.
        kinds: DuckDB type of each of its columns.
        reading: how the table's source writes.
        day: name of the new column.
    """
    since = str(table.since)
    at_end = reading.reading_at_end and since == START and is_interval(table)
    wanted = [since, MINUTES] if at_end else [since]
    read = _read(table, kinds, reading, only=wanted)
    layered = _layered(relation, read.values())
    moment = read[since].value
    names = ", ".join(quoted(name) for name in kinds)
    if at_end:
        layered = f"(SELECT {names}, {moment} AS _end, {read[MINUTES].value} AS _minutes FROM {layered})"
        moment = _before("_end", "_minutes")
    return f"SELECT {names}, CAST({moment} AS DATE) AS {quoted(day)} FROM {layered}"
