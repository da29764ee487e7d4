"""SQL that reads one column of dates or instants, or says that a value could not be read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from wattmark.clock import FIRST_YEAR, LAST_YEAR, Clock
from wattmark.dateformat import MONTHS, OFFSET, TIME, DateFormat, formats, offset_minutes
from wattmark.quality.reading import Reading, sql_literal
from wattmark.quality.texts import Typed, one_of

GONE, EARLIER, LATER, LABEL, SECOND = "_gone", "_earlier", "_later", "_label", "_second"
"""Of an interval's local time: it does not exist; the two moments of one that exists twice; it; the later is meant."""
ZONED = ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
_YEARS = "BETWEEN TIMESTAMPTZ '0001-01-02 00:00:00+00' AND TIMESTAMPTZ '9999-12-30 00:00:00+00'"
"""Moments that have a year of four digits in every zone; PostgreSQL, Delta and Python hold them all."""


_DATE = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
_LOCAL = rf"{_DATE}(?:(?: +|T){TIME})?"
_AT_OFFSET = rf"{_DATE}(?: +|T){TIME} ?(?:{OFFSET})"
_AT_PLACE = rf"{_DATE}(?: +|T){TIME} [A-Z][A-Za-z]+(?:/[A-Za-z0-9_+-]+)+"
_MIDNIGHT = rf"{_DATE}(?:(?: +|T)0?0:00(?::00(?:\.0*)?)?)?"


def _iso_text(text: str, reading: Reading) -> str:
    """SQL: a date or time written by the source's formats, as ISO 8601; any other text as it is."""
    arms = []
    for written in reading.date_format:
        for form in formats(written, reading.century):
            pattern = sql_literal(form.regex)
            arms.append(f"WHEN regexp_full_match({text}, {pattern}) THEN {_rewritten(text, form, reading)}")
    return f"CASE {' '.join(arms)} ELSE {text} END" if arms else text


def _rewritten(text: str, written: DateFormat, reading: Reading) -> str:
    pattern = sql_literal(f"^(?:{written.regex})$")
    part = {letter: f"regexp_extract({text}, {pattern}, {at + 1})" for at, letter in enumerate(written.parts)}
    if "Y" in part:
        year = part["Y"]
    else:
        first = int(reading.century or 0)
        year = f"lpad(CAST({first} + (TRY_CAST({part['y']} AS INTEGER) - {first % 100} + 100) % 100 AS VARCHAR), 4, '0')"
    month = part.get("m") or ""
    if name := part.get("b") or part.get("B"):
        whens = " ".join(f"WHEN '{short}' THEN '{at + 1}'" for at, short in enumerate(MONTHS))
        month = f"CASE lower({name}[1:3]) {whens} ELSE '?' END"
    zone = f"CASE WHEN {part['z']} <> '' THEN ' ' || {part['z']} ELSE '' END" if "z" in part else ""
    date = f"{year} || '-' || {month} || '-' || {part['d']}"
    if "t" in part:
        return f"{date} || CASE WHEN {part['t']} <> '' THEN ' ' || {part['t']} ELSE '' END || {zone}"
    hour = part.get("H")
    if "I" in part:
        pm = f"CASE WHEN lower({part['p']}) = 'pm' THEN 12 ELSE 0 END"
        hour = f"CAST(TRY_CAST({part['I']} AS INTEGER) % 12 + {pm} AS VARCHAR)"
    if hour:
        nought = "'00'"
        date += f" || ' ' || {hour} || ':' || {part.get('M', nought)} || ':' || {part.get('S', nought)}"
        if "f" in part:
            date += f" || '.' || {part['f']}"
    return f"{date} || {zone}" if zone else date


def _with_zones(text: str, reading: Reading) -> str:
    """SQL: a text that ends with letters for a zone, with what the source means by them."""
    for letters, zone in reading.zones.items():
        minutes = offset_minutes(zone)
        if minutes is None:
            name = f" {zone}"
        else:
            name = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
        pattern = sql_literal(rf"^({_DATE}(?: +|T){TIME}) ?{letters}$")
        text = f"regexp_replace({text}, {pattern}, {sql_literal(chr(92) + '1' + name)})"
    return text


def _slow_text(typed: Typed, raw: str, fast: str, reading: Reading) -> str:
    """A text that is not written as DuckDB writes it, as ISO 8601 where it can be understood; NULL where there is none."""
    clean = typed.cleaned(3, raw, f"{fast} IS NULL")
    given = typed.put(5, "g", f"NULLIF({clean}, '')")
    iso = typed.put(6, "i", _iso_text(given, reading)) if reading.date_format else given
    return typed.put(7, "s", _with_zones(iso, reading)) if reading.zones else iso


def read_date(typed: Typed, raw: str, kind: str, reading: Reading) -> None:
    """Read a column of dates; one that holds moments only where they are midnight."""
    years = "BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
    if kind == "DATE":
        typed.value, typed.bad = raw, f"{raw} NOT {years}"
        return
    if kind != "VARCHAR":
        local = f"CAST({raw} AS TIMESTAMP)"
        value = f"CASE WHEN {local} = DATE_TRUNC('day', {local}) THEN CAST({local} AS DATE) END"
        typed.value = typed.put(2, "v", value)
        typed.bad = f"{raw} IS NOT NULL AND {typed.value} IS NULL"
        return
    cast = f"TRY_CAST({raw} AS DATE)"
    fast = typed.put(
        2, "f", f"CASE WHEN CAST({cast} AS VARCHAR) = {raw} AND length({raw}) = 10 THEN {cast} END"
    )
    slow = _slow_text(typed, raw, fast, reading)
    cast = f"TRY_CAST({slow} AS DATE)"
    parsed = (
        f"CASE WHEN regexp_full_match({slow}, {sql_literal(_MIDNIGHT)}) AND {cast} {years} THEN {cast} END"
    )
    typed.value = typed.put(8, "v", f"COALESCE({fast}, {parsed})")
    typed.bad = f"{slow} IS NOT NULL AND {typed.value} IS NULL"


_KNOWN_TO = dt.datetime(LAST_YEAR, 12, 31)


def _us(delta: dt.timedelta) -> int:
    return delta // dt.timedelta(microseconds=1)


def _stamp(moment: dt.datetime) -> str:
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'"


def _near_change(local: str, clock: Clock) -> str:
    """SQL: whether a local time may be one that does not exist or exists twice; few others are."""
    if clock.is_fixed:
        return "FALSE"
    far = f"{local} NOT BETWEEN {_stamp(dt.datetime(FIRST_YEAR, 1, 2))} AND {_stamp(_KNOWN_TO)}"
    if not clock.changes:
        return far
    months = sorted({moment.month for change in clock.changes for moment in (change.start, change.end)})
    spans = {
        (change.start.hour, (change.end - dt.timedelta(microseconds=1)).hour) for change in clock.changes
    }
    hours = sorted(
        {hour % 24 for low, high in spans for hour in range(low, high + 1 if high >= low else high + 25)}
    )
    return f"{far} OR hour({local}) IN {one_of(hours)} AND month({local}) IN {one_of(months)}"


@dataclass(frozen=True)
class _Moment:
    """SQL of what a local time may mean: the later of two moments, the earlier or NULL, whether the time exists.

    Asked of DuckDB's own calendar: a time exists where the moment made of it has that local time.
    """

    later: str
    earlier: str
    exists: str

    @classmethod
    def of(cls, local: str, later: str, zone: str, shifts_s: Collection[int]) -> _Moment:
        """The meanings of a local time in a zone, given ``later``, which is ``timezone(zone, local)``."""
        arms = []
        for shift in shifts_s:
            sooner = shifted(later, f"-{shift * 1_000_000}")
            arms.append(f"WHEN timezone({zone}, {sooner}) = {local} THEN {sooner}")
        return cls(later, f"CASE {' '.join(arms)} END", f"timezone({zone}, {later}) = {local}")


def shifted(moment: str, microseconds: str) -> str:
    """An instant, moved by microseconds."""
    return f"make_timestamptz(epoch_us({moment}) + ({microseconds}))"


def read_timestamp(typed: Typed, raw: str, kind: str, reading: Reading, *, told_apart: bool) -> None:
    """A moment. Of a local time that exists twice the earlier is meant; where rows are ``told_apart``, the order tells."""
    if kind in ZONED:
        typed.value, typed.bad = raw, f"{raw} NOT {_YEARS}"
        return
    clock = reading.clock
    zone = sql_literal(clock.name)
    if kind == "VARCHAR":
        cast = f"TRY_CAST({raw} AS TIMESTAMP)"
        fast = typed.put(2, "f", f"CASE WHEN CAST({cast} AS VARCHAR) = {raw} THEN {cast} END")
        slow = _slow_text(typed, raw, fast, reading)
        form = f"regexp_full_match({slow}, {sql_literal(_LOCAL)})"
        local = typed.put(
            8, "l", f"COALESCE({fast}, CASE WHEN {form} THEN TRY_CAST({slow} AS TIMESTAMP) END)"
        )
        given = f"({fast} IS NOT NULL OR {slow} IS NOT NULL)"
        zoned = (
            f"CASE WHEN regexp_full_match({slow}, {sql_literal(_AT_OFFSET)}) THEN {_at_offset(slow)} "
            f"WHEN regexp_full_match({slow}, {sql_literal(_AT_PLACE)}) THEN {_at_place(slow)} END"
        )
        # A day without a time is its first moment, also where the clock passes over midnight.
        whole_day = f"length({slow}) <= 10"
    else:
        local = typed.put(8, "l", f"CAST({raw} AS TIMESTAMP)")
        given, zoned, whole_day = f"{raw} IS NOT NULL", "NULL", "TRUE" if kind == "DATE" else "FALSE"
    arms = [f"WHEN {local} IS NULL THEN {zoned}"]
    if clock.is_fixed or clock.calm_from is not None:
        calm = f"BETWEEN {_stamp(clock.calm_from)} AND {_stamp(_KNOWN_TO)}" if clock.calm_from else ""
        calm = f"{local} {calm}" if calm and not clock.is_fixed else "TRUE"
        arms.append(f"WHEN {calm} THEN {shifted(local, str(-_us(clock.offset)))}")
    if not clock.is_fixed:
        near = typed.put(9, "n", f"CASE WHEN {_near_change(local, clock)} THEN timezone({zone}, {local}) END")
        moment = _Moment.of(local, near, zone, clock.shifts_s)
        exists = typed.put(10, "e", f"CASE WHEN {near} IS NOT NULL THEN {moment.exists} END")
        earlier = typed.put(11, "a", f"CASE WHEN {exists} THEN {moment.earlier} END")
        arms += [
            f"WHEN {near} IS NULL THEN timezone({zone}, {local})",
            f"WHEN {exists} THEN COALESCE({earlier}, {near})",
            f"WHEN {'TRUE' if told_apart else whole_day} THEN {near}",
        ]
        if told_apart:
            for name, of in (
                (GONE, f"COALESCE(NOT {exists}, FALSE)"),
                (EARLIER, earlier),
                (LATER, near),
                (LABEL, local),
            ):
                typed.add(12, name, of)
    value = typed.put(12, "w", f"CASE {' '.join(arms)} END")
    typed.value = typed.put(13, "v", f"CASE WHEN {value} {_YEARS} THEN {value} END")
    typed.bad = f"{given} AND {typed.value} IS NULL"


def _local_part(text: str) -> str:
    pattern = sql_literal(rf"^{_DATE}(?: +|T){TIME}")
    return f"TRY_CAST(regexp_extract({text}, {pattern}) AS TIMESTAMP)"


def _at_offset(text: str) -> str:
    pattern = sql_literal(r"([+-])(\d{1,2}):?(\d{2})?$")
    tail = f"regexp_extract({text}, {sql_literal(rf' ?(?:{OFFSET})$')})"
    sign, hours, minutes = (f"regexp_extract({tail}, {pattern}, {group})" for group in (1, 2, 3))
    ahead = (
        f"(CASE WHEN {sign} = '-' THEN -1 ELSE 1 END) * (COALESCE(TRY_CAST({hours} AS BIGINT), 0) * 60 "
        f"+ COALESCE(TRY_CAST({minutes} AS BIGINT), 0))"
    )
    return shifted(_local_part(text), f"-60000000 * {ahead}")


def _at_place(text: str) -> str:
    """A time at a named place, which must exist there; the earlier where it exists twice."""
    local = _local_part(text)
    zone = f"regexp_extract({text}, '[^ ]+$')"
    moment = _Moment.of(local, f"timezone({zone}, {local})", zone, (1800, 3600))
    # The cast alone says of a place nobody knows that it is none; the function breaks the query off.
    known = f"TRY_CAST(CAST({local} AS VARCHAR) || ' ' || {zone} AS TIMESTAMPTZ) IS NOT NULL"
    either = f"CASE WHEN {moment.exists} THEN COALESCE({moment.earlier}, {moment.later}) END"
    return f"CASE WHEN {known} THEN {either} END"
