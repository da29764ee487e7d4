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
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from pydantic import Field

from wattmark.clock import FIRST_YEAR, LAST_YEAR, Clock, clock_of
from wattmark.contract import Column, Table
from wattmark.dateformat import MONTHS, OFFSET, TIME, DateFormat, formats, offset_minutes
from wattmark.engine.sqlfile import literal
from wattmark.errors import SettingsError
from wattmark.settings import NumberFormat, SourceSettings, TextSettings

FILE, POSITION = "_file", "_position"
"""Columns of landing that tell the order of rows: by it, times that exist twice are told apart."""
START, MINUTES, KWH, EXPORT_KWH, QUALITY = (
    "interval_start",
    "interval_minutes",
    "kwh",
    "export_kwh",
    "quality",
)
QUALITY_CODE = "quality_code"
FILLER = "filler:"
"""Reason of a row that stands for an hour that did not exist and says nothing: left out, but no fault."""

_EXACT_DOUBLE = 2**53
_GONE, _EARLIER, _LATER, _LABEL, _SECOND = "_gone", "_earlier", "_later", "_label", "_second"
"""Of an interval's local time: it does not exist; the two moments of one that exists twice; it; the later is meant."""
_ZONED = ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
_YEARS = "BETWEEN TIMESTAMPTZ '0001-01-02 00:00:00+00' AND TIMESTAMPTZ '9999-12-30 00:00:00+00'"
"""Moments that have a year of four digits in every zone; PostgreSQL, Delta and Python hold them all."""


def quoted(name: str) -> str:
    """An identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def sql_literal(value: object) -> str:
    """A value as DuckDB text."""
    return str(literal(value).sql(dialect="duckdb"))


def unparsed(column: Column) -> str:
    """Name of the mark that says a column's value was there but could not be read."""
    return f"_bad_{column.name}"


def unclear(column: Column) -> str:
    """Name of the mark that says an interval's local time does not exist, or exists twice and cannot be told."""
    return f"_clock_{column.name}"


def filling(column: Column) -> str:
    """Name of the mark that says a row without energy fills a local time that does not exist."""
    return f"_filler_{column.name}"


def is_interval(table: Table) -> bool:
    """Whether rows of the table are intervals: they have a start and a length."""
    names = {column.name for column in table.columns}
    return {START, MINUTES} <= names


def is_code(column: Column) -> bool:
    """Whether a text names something, so that white space around it means nothing."""
    return column.type == "string" and bool(
        column.key
        or column.ref
        or column.values
        or (not column.pii and column.name.endswith(("_id", "_code")))
    )


class Reading(TextSettings):
    """How the rows of one table are to be read: its source's settings, and ``values`` of the table's mapping.

    ``time_zone`` is always set here. ``to_json`` and ``from_json`` carry it from extract to validation.
    """

    values: dict[str, dict[str, str]] = Field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """The clock that times without a zone are read by."""
        return clock_of(self.time_zone or "UTC")

    def to_json(self) -> dict[str, object]:
        """Plain values for a JSON file."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_json(cls, raw: Mapping[str, object]) -> Reading:
        """The inverse of ``to_json``."""
        return cls.model_validate(raw)


def reading_of(source: SourceSettings, table: Table, zone: ZoneInfo) -> Reading:
    """How a source's rows of a table are to be read.

    Args:
        source: the source's settings.
        table: the contract table.
        zone: the utility's own zone, for times without one.

    Raises:
        SettingsError: a mapping names a column that the table has not, or a code that the contract has not.
    """
    mapping = source.rename.get(table.name)
    values = mapping.values if mapping else {}
    by_name = {column.name: column for column in table.columns}
    for name, codes in values.items():
        place = f"sources[].rename.{table.name}.values.{name}"
        if name not in by_name:
            raise SettingsError(
                "settings.values",
                f"{place}: the contract's table {table.name} has no column {name}.",
                "Name the column as the contract does.",
            )
        allowed = by_name[name].values
        wrong = sorted(set(codes.values()) - set(map(str, allowed))) if allowed else []
        if wrong and by_name[name].type == "string":
            raise SettingsError(
                "settings.values",
                f"{place}: {wrong[0]!r} is none of {', '.join(map(str, allowed))}.",
                "Map to one of the contract's codes.",
            )
    given = {name: getattr(source, name) for name in TextSettings.model_fields}
    return Reading(**{**given, "time_zone": source.time_zone or zone.key, "values": values})


# --- texts -------------------------------------------------------------------------------------------------

_SPACES = [code for code in range(0x3001) if chr(code).isspace()]
_WHITE_SPACE = sql_literal("".join(map(chr, _SPACES)))
"""What Unicode calls white space, as an SQL literal: TRIM alone leaves tabs and line ends."""
_NUL = "chr(0)"
_SHEET_TEXT = sql_literal('="(?:[^"]|"")*"')
_SHEET_DIGITS = sql_literal(r"'[+-]?\d[\d.,:/ -]*[Xx]?")


def _bare(text: str) -> str:
    return f"TRIM({text}, {_WHITE_SPACE})"


def _unwrapped(bare: str) -> str:
    """A text (without white space around it) without a spreadsheet's ``="…"``, or its apostrophe before digits."""
    content = f"{bare}[3:-2]"
    content = f"""TRIM(replace({content}, '""', '"'))"""
    return (
        f"CASE WHEN starts_with({bare}, '=') AND regexp_full_match({bare}, {_SHEET_TEXT}) THEN {content} "
        f"WHEN starts_with({bare}, '''') AND regexp_full_match({bare}, {_SHEET_DIGITS}) THEN {bare}[2:] ELSE {bare} END"
    )


def _plain(text: str) -> str:
    """Whether a text surely begins with something else than white space, ``=``, an apostrophe or NUL.

    Comparing the first bytes costs a tenth of looking at the character.
    """
    ranges = ((">= 'A'", "< chr(127)"), (">= '0'", "< '='"), (">= chr(12289)", "< chr(65535)"))
    return f"({' OR '.join(f'{text} {low} AND {text} {high}' for low, high in ranges)})"


def _one_of(values: Iterable[object]) -> str:
    return f"({', '.join(sql_literal(value) for value in values)})"


@dataclass
class _Typed:
    """One column: expressions by layer (each may use those of earlier ones), the value, and what marks it as not read."""

    name: str
    layers: list[dict[str, str]] = field(default_factory=list)
    value: str = ""
    bad: str = "FALSE"

    def put(self, layer: int, letter: str, expression: str) -> str:
        """Compute an expression in a layer, so that it is written and planned once; returns its quoted name."""
        name = f"_{letter}_{self.name}"
        self.add(layer, name, expression)
        return quoted(name)

    def add(self, layer: int, name: str, expression: str) -> None:
        """Compute an expression in a layer under a name of its own."""
        while len(self.layers) <= layer:
            self.layers.append({})
        self.layers[layer][name] = expression

    def cleaned(self, layer: int, raw: str, when: str) -> str:
        """A text without what surrounds it, in two layers, where a condition holds; else NULL."""
        bare = self.put(layer, "b", f"CASE WHEN {when} THEN {_bare(raw)} END")
        return self.put(layer + 1, "u", _unwrapped(bare))


def _replaced(typed: _Typed, raw: str, reading: Reading) -> str:
    """The text that stands for a source's own: its codes by the mapping, its markers for nothing empty."""
    codes = reading.values.get(typed.name)
    if not codes and not reading.nothing:
        return raw
    bare = typed.put(0, "o", _bare(raw))
    expression = raw
    if reading.nothing:
        markers = _one_of(marker.strip() for marker in reading.nothing)
        expression = f"CASE WHEN {bare} IN {markers} THEN '' ELSE {expression} END"
    if codes:
        by_fold: dict[str, set[str]] = {}
        for theirs, ours in codes.items():
            by_fold.setdefault(theirs.strip().lower(), set()).add(ours)
        exact = _case(bare, {theirs.strip(): ours for theirs, ours in codes.items()})
        folded = _case(f"lower({bare})", {key: min(ours) for key, ours in by_fold.items() if len(ours) == 1})
        expression = f"COALESCE({exact}, {folded}, {expression})"
    return typed.put(1, "k", expression)


def _case(of: str, arms: Mapping[str, object]) -> str:
    """SQL: what a text stands for; NULL for any other."""
    whens = " ".join(f"WHEN {sql_literal(key)} THEN {sql_literal(value)}" for key, value in arms.items())
    return f"CASE {of} {whens} END" if arms else "CAST(NULL AS VARCHAR)"


def _string(typed: _Typed, column: Column, raw: str, kind: str) -> None:
    if kind in ("DOUBLE", "FLOAT"):
        exact = _EXACT_DOUBLE if kind == "DOUBLE" else 2**24
        whole = f"{raw} = FLOOR({raw})"
        typed.value = (
            f"CASE WHEN isnan({raw}) THEN NULL WHEN {whole} AND ABS({raw}) <= {exact} THEN CAST(CAST({raw} AS BIGINT) AS VARCHAR) "
            f"ELSE CAST({raw} AS VARCHAR) END"
        )
        typed.bad = f"NOT isnan({raw}) AND {whole} AND ABS({raw}) > {exact}"
        return
    if kind.startswith("DECIMAL"):
        typed.value = (
            f"CASE WHEN {raw} = FLOOR({raw}) THEN CAST(CAST({raw} AS DECIMAL(38,0)) AS VARCHAR) "
            f"ELSE rtrim(CAST({raw} AS VARCHAR), '0') END"
        )
        return
    if kind != "VARCHAR":
        typed.value = f"CAST({raw} AS VARCHAR)"
        return
    # A blank code names nothing: it is an empty value, not a reference to nothing.
    named = column.optional or column.key or column.ref or column.values
    empty = "NULL" if named else "''"
    if column.values:
        plain = f"{raw} IN {_one_of(column.values)}"
    else:
        plain = f"NOT contains({raw}, {_NUL}) AND {_plain(raw)}"
        if is_code(column):
            plain += f" AND {_plain(typed.put(2, 'e', f'right({raw}, 1)'))}"
    clean = typed.cleaned(3, raw, f"NOT ({plain})")
    typed.bad = f"CASE WHEN {clean} IS NOT NULL THEN contains({raw}, {_NUL}) END"
    if column.values:
        listed = _case(f"lower({clean})", {str(one).lower(): one for one in column.values})
        typed.value = f"CASE WHEN {clean} IS NULL THEN {raw} ELSE COALESCE({listed}, NULLIF({clean}, '')) END"
        return
    written = "" if is_code(column) else f"WHEN {clean} = {quoted(f'_b_{column.name}')} THEN {raw} "
    typed.value = (
        f"CASE WHEN {clean} IS NULL THEN {raw} WHEN {clean} = '' THEN {empty} {written}ELSE {clean} END"
    )


def quality_of_code(code: str, codes: Mapping[str, str]) -> str:
    """SQL of the contract's quality of a source's code: that of the code itself, else of its letters before digits.

    Case and white space around do not matter. Empty where the code is not in the table.
    """
    folded = {theirs.strip().upper(): ours for theirs, ours in codes.items()}
    upper = f"UPPER({_bare(code)})"
    letters = f"regexp_extract({upper}, '^(.*?)[0-9]+$', 1)"
    return f"COALESCE({_case(upper, folded)}, {_case(letters, folded)})"


# --- numbers -----------------------------------------------------------------------------------------------

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_NUMBER = rf"[+-]?(?:\d+\.?\d*|\.\d+){_EXPONENT}"
"""A number as it is read by itself: ASCII digits, a point; no separators, underscores or other bases."""


def _number_pattern(written: NumberFormat) -> str:
    point = "\\" + written.decimal
    tail = rf"(?:{point}\d*)?{_EXPONENT}"
    digits = r"\d+"
    if written.thousands:
        digits = rf"(?:\d+|\d{{1,3}}(?:[{written.thousands}]\d{{3}})+)"
    return rf"[+-]?(?:{digits}{tail}|{point}\d+{_EXPONENT})"


def _number_text(typed: _Typed, raw: str, written: NumberFormat) -> str:
    """A number's text with a point and no separators; NULL where there is nothing; ``?`` where it is no number."""
    usual = written == NumberFormat()
    plain = f"regexp_full_match({raw}, {sql_literal(_NUMBER)})" if usual else "FALSE"
    bare = typed.cleaned(2, raw, f"NOT {plain}")
    clean = bare
    if written.thousands:
        clean = f"replace({clean}, {sql_literal(written.thousands)}, '')"
    if written.decimal != ".":
        clean = f"replace({clean}, {sql_literal(written.decimal)}, '.')"
    return typed.put(
        4, "t",
        f"CASE WHEN {bare} IS NULL THEN {raw} WHEN {bare} = '' OR lower({bare}) = 'nan' THEN NULL "
        f"WHEN regexp_full_match({bare}, {sql_literal(_number_pattern(written))}) THEN {clean} ELSE '?' END",
    )  # fmt: skip


def _number(typed: _Typed, column: Column, raw: str, kind: str, reading: Reading) -> None:
    text = kind == "VARCHAR"
    given = _number_text(typed, raw, reading.numbers) if text else raw
    double = f"TRY_CAST({given} AS DOUBLE)"
    nothing = f"COALESCE(isnan({double}), FALSE)" if kind in ("DOUBLE", "FLOAT") else "FALSE"
    if column.type == "double":
        # A dataframe's NaN is an empty value; an infinite one is not a number anybody measured.
        value = f"CASE WHEN isfinite({double}) THEN {double} END"
    elif column.type == "integer":
        whole = f"TRY_CAST({given} AS BIGINT)"
        from_double = (
            f"{double} = FLOOR({double}) AND ABS({double}) < {_EXACT_DOUBLE} THEN CAST({double} AS BIGINT)"
        )
        if text:
            value = (
                f"CASE WHEN CAST({whole} AS VARCHAR) = {given} OR regexp_full_match({given}, '[+-]?[0-9]+[.]?0*') THEN {whole} "
                f"WHEN regexp_full_match({given}, '.*[eE].*') AND {from_double} END"
            )
        elif kind in ("DOUBLE", "FLOAT"):
            value = f"CASE WHEN {from_double} END"
        elif kind.startswith("DECIMAL"):
            value = f"CASE WHEN {given} = FLOOR({given}) THEN {whole} END"
        else:
            value = whole
    else:
        number = f"TRY_CAST({given} AS DECIMAL(18,2))"
        if kind in ("DOUBLE", "FLOAT"):
            # Beyond, a double has no hundredths; what differs less is the noise of binary fractions.
            near = f"ABS({double}) < {_EXACT_DOUBLE // 100} AND ABS({double} - CAST({number} AS DOUBLE)) <= 1e-6 + ABS({double}) * 4e-16"
        else:
            near = f"ABS(TRY_CAST({given} AS DECIMAL(38,12)) - {number}) < 0.000001"
        value = f"CASE WHEN {near} THEN {number} END"
    typed.value = typed.put(5, "v", value)
    typed.bad = f"{given} IS NOT NULL AND {typed.value} IS NULL AND NOT {nothing}"


_YES, _NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


def _boolean(typed: _Typed, raw: str, kind: str) -> None:
    if kind == "VARCHAR":
        clean = typed.cleaned(2, raw, f"{raw} NOT IN ('true', 'false')")
        given = typed.put(4, "t", f"NULLIF(lower(COALESCE({clean}, {raw})), '')")
        # A dataframe writes ones and noughts with gaps as 1.0 and 0.0.
        yes, no = _one_of((*_YES, "1.0")), _one_of((*_NO, "0.0"))
        typed.value = f"CASE WHEN {given} IN {yes} THEN TRUE WHEN {given} IN {no} THEN FALSE END"
        typed.bad = f"{given} NOT IN {yes} AND {given} NOT IN {no}"
        return
    typed.value = f"CASE WHEN {raw} = 1 THEN TRUE WHEN {raw} = 0 THEN FALSE END"
    nothing = f"COALESCE(isnan({raw}), FALSE)" if kind in ("DOUBLE", "FLOAT") else "FALSE"
    typed.bad = f"{raw} NOT IN (0, 1) AND NOT {nothing}"


# --- dates and times ---------------------------------------------------------------------------------------

_DATE = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
_LOCAL = rf"{_DATE}(?:(?: +|T){TIME})?"
_AT_OFFSET = rf"{_DATE}(?: +|T){TIME} ?(?:{OFFSET})"
_AT_PLACE = rf"{_DATE}(?: +|T){TIME} [A-Z][A-Za-z]+(?:/[A-Za-z0-9_+-]+)+"
_MIDNIGHT = rf"{_DATE}(?:(?: +|T)0?0:00(?::00(?:\.0*)?)?)?"


def _iso_text(text: str, reading: Reading) -> str:
    """SQL: a date or time written by the source's formats, as ISO 8601; any other text as it is."""
    arms = []
    for written in reading.date_format:
        for one in formats(written, reading.century):
            pattern = sql_literal(one.regex)
            arms.append(f"WHEN regexp_full_match({text}, {pattern}) THEN {_rewritten(text, one, reading)}")
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
    date = f"{year} || '-' || {month} || '-' || {part['d']}"
    if "t" in part:
        return f"{date} || CASE WHEN {part['t']} <> '' THEN ' ' || {part['t']} ELSE '' END || {part['z']}"
    hour = part.get("H")
    if "I" in part:
        pm = f"CASE WHEN lower({part['p']}) = 'pm' THEN 12 ELSE 0 END"
        hour = f"CAST(TRY_CAST({part['I']} AS INTEGER) % 12 + {pm} AS VARCHAR)"
    if hour:
        nought = "'00'"
        date += f" || ' ' || {hour} || ':' || {part.get('M', nought)} || ':' || {part.get('S', nought)}"
        if "f" in part:
            date += f" || '.' || {part['f']}"
    return f"{date} || {part['z']}" if "z" in part else date


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


def _slow_text(typed: _Typed, raw: str, fast: str, reading: Reading) -> str:
    """A text that is not written as DuckDB writes it, as ISO 8601 where it can be understood; NULL where there is none."""
    clean = typed.cleaned(3, raw, f"{fast} IS NULL")
    given = typed.put(5, "g", f"NULLIF({clean}, '')")
    iso = typed.put(6, "i", _iso_text(given, reading)) if reading.date_format else given
    return typed.put(7, "s", _with_zones(iso, reading)) if reading.zones else iso


def _date(typed: _Typed, raw: str, kind: str, reading: Reading) -> None:
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
    months = sorted({moment.month for one in clock.changes for moment in (one.start, one.end)})
    spans = {(one.start.hour, (one.end - dt.timedelta(microseconds=1)).hour) for one in clock.changes}
    hours = sorted(
        {hour % 24 for low, high in spans for hour in range(low, high + 1 if high >= low else high + 25)}
    )
    return f"{far} OR hour({local}) IN {_one_of(hours)} AND month({local}) IN {_one_of(months)}"


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
            sooner = _shifted(later, f"-{shift * 1_000_000}")
            arms.append(f"WHEN timezone({zone}, {sooner}) = {local} THEN {sooner}")
        return cls(later, f"CASE {' '.join(arms)} END", f"timezone({zone}, {later}) = {local}")


def _shifted(moment: str, microseconds: str) -> str:
    return f"make_timestamptz(epoch_us({moment}) + ({microseconds}))"


def _timestamp(typed: _Typed, raw: str, kind: str, reading: Reading, *, told_apart: bool) -> None:
    """A moment. Of a local time that exists twice the earlier is meant; where rows are ``told_apart``, the order tells."""
    if kind in _ZONED:
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
        arms.append(f"WHEN {calm} THEN {_shifted(local, str(-_us(clock.offset)))}")
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
                (_GONE, f"COALESCE(NOT {exists}, FALSE)"),
                (_EARLIER, earlier),
                (_LATER, near),
                (_LABEL, local),
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
    return _shifted(_local_part(text), f"-60000000 * {ahead}")


def _at_place(text: str) -> str:
    """A time at a named place, which must exist there; the earlier where it exists twice."""
    local = _local_part(text)
    zone = f"regexp_extract({text}, '[^ ]+$')"
    moment = _Moment.of(local, f"timezone({zone}, {local})", zone, (1800, 3600))
    # The cast alone says of a place nobody knows that it is none; the function breaks the query off.
    known = f"TRY_CAST(CAST({local} AS VARCHAR) || ' ' || {zone} AS TIMESTAMPTZ) IS NOT NULL"
    either = f"CASE WHEN {moment.exists} THEN COALESCE({moment.earlier}, {moment.later}) END"
    return f"CASE WHEN {known} THEN {either} END"


# --- rows --------------------------------------------------------------------------------------------------


def _read(
    table: Table, kinds: Mapping[str, str], reading: Reading, only: Collection[str] | None = None
) -> dict[str, _Typed]:
    found = {}
    for column in table.columns:
        if only is not None and column.name not in only:
            continue
        typed = _Typed(column.name)
        raw, kind = quoted(column.name), kinds[column.name]
        if column.name in reading.values and kind != "VARCHAR":
            raw, kind = f"CAST({raw} AS VARCHAR)", "VARCHAR"
        if kind == "VARCHAR":
            raw = _replaced(typed, raw, reading)
        if column.type == "string":
            _string(typed, column, raw, kind)
        elif kind == column.duckdb_type and column.type in ("integer", "decimal", "boolean"):
            typed.value = raw
        elif column.type in ("integer", "decimal", "double"):
            _number(typed, column, raw, kind, reading)
        elif column.type == "boolean":
            _boolean(typed, raw, kind)
        elif column.type == "date":
            _date(typed, raw, kind, reading)
        else:
            told_apart = is_interval(table) and column.name == START
            _timestamp(typed, raw, kind, reading, told_apart=told_apart)
        found[column.name] = typed
    return found


def _layered(relation: str, columns: Iterable[_Typed]) -> str:
    """The relation with what the columns compute, a layer at a time."""
    layers: list[dict[str, str]] = []
    for one in columns:
        for at, layer in enumerate(one.layers):
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
        one = columns[column.name]
        value = one.value
        items += [
            f"{value} AS {quoted(column.name)}",
            f"COALESCE({one.bad}, FALSE) AS {quoted(unparsed(column))}"
            if one.bad != "FALSE"
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
    if kinds[START] not in _ZONED and not reading.clock.is_fixed:
        put_back = set(reading.clock.days(twice=True))
        if reading.reading_at_end:
            # An interval that ends at midnight lies on the day before.
            put_back |= {day - dt.timedelta(days=1) for day in put_back}
        asked = put_back if days is None else put_back & set(days)
        if asked and FILE in kinds and POSITION in kinds:
            layered = _told_apart(table, layered, kinds, asked)
        else:
            layered = f"(SELECT *, CAST(NULL AS BOOLEAN) AS {_SECOND} FROM {layered})"
        alias = f" AS {quoted(START)}"
        at = next(number for number, item in enumerate(items) if item.endswith(alias))
        items[at] = (
            f"CASE WHEN {_EARLIER} IS NULL THEN {items[at].removesuffix(alias)} WHEN {_SECOND} THEN {_LATER} ELSE {_EARLIER} END{alias}"
        )
        unknown = f"{_GONE} OR {_EARLIER} IS NOT NULL AND {_SECOND} IS NULL"
        items += [_GONE, _EARLIER, f"{unknown} AS {quoted(unclear(start))}"]
    else:
        items += [
            f"FALSE AS {_GONE}",
            f"CAST(NULL AS TIMESTAMPTZ) AS {_EARLIER}",
            f"FALSE AS {quoted(unclear(start))}",
        ]
    names = [column.name for column in table.columns]
    energies = [name for name in names if name.split("_")[-1] in ("kwh", "kvarh")]
    idle = " AND ".join(
        f"COALESCE({quoted(name)}, 0) = 0 AND NOT {quoted(unparsed(table.column(name)))}" for name in energies
    )
    filler = f"{_GONE} AND {idle}" if energies else "FALSE"
    clock = f"{quoted(unclear(start))} AND NOT ({filler})"
    replaced: dict[str, str] = {}
    if reading.reading_at_end:
        replaced[START] = _before(quoted(START))
        # Rows lie by the day of the earlier moment: a start on another day has no place there.
        moved = f"CAST({_before(quoted(START))} AS DATE) <> CAST({_before(_EARLIER)} AS DATE)"
        clock = f"({clock}) OR COALESCE({moved}, FALSE)"
    replaced[unclear(start)] = clock
    if reading.signed_kwh and KWH in names:
        replaced[KWH] = f"CASE WHEN {KWH} < 0 THEN 0 ELSE {KWH} END"
        if EXPORT_KWH in names:
            replaced[EXPORT_KWH] = (
                f"COALESCE({EXPORT_KWH}, CASE WHEN {KWH} < 0 THEN -{KWH} WHEN {KWH} >= 0 THEN 0 END)"
            )
    if reading.quality_codes and QUALITY in names:
        own = _one_of(table.column(QUALITY).values)
        coded = quality_of_code(QUALITY, reading.quality_codes)
        other = quality_of_code(QUALITY_CODE, reading.quality_codes) if QUALITY_CODE in names else "NULL"
        replaced[QUALITY] = (
            f"CASE WHEN {QUALITY} IN {own} THEN {QUALITY} WHEN {QUALITY} IS NOT NULL THEN COALESCE({coded}, {QUALITY}) ELSE {other} END"
        )
    changes = ", ".join(f"{expression} AS {quoted(name)}" for name, expression in replaced.items())
    return (
        f"SELECT * EXCLUDE ({_GONE}, {_EARLIER}) REPLACE ({changes}), {filler} AS {quoted(filling(start))} "
        f"FROM (SELECT {', '.join(items)} FROM {layered})"
    )


def _before(moment: str, minutes: str = MINUTES) -> str:
    """The start of an interval that ends at a moment; the moment itself where its length is not known."""
    moved = _shifted(moment, f"-60000000 * {minutes}")
    return f"CASE WHEN {minutes} BETWEEN 0 AND 100000 THEN {moved} ELSE {moment} END"


def _told_apart(table: Table, layered: str, kinds: Mapping[str, str], days: Collection[dt.date]) -> str:
    """The rows with ``_second``: of a local time that exists twice the later moment is meant; NULL where order cannot tell.

    Told are two rows of one time in one file where all rows of that point and day lie in the order of time (or all the
    other way) once the two are taken as the earlier and the later.
    """
    listed = _one_of(sorted(days))
    # The day of landing is its partition: files of other days are not even opened.
    here = f"{quoted('day')} IN {listed}" if "day" in kinds else f"CAST({_LABEL} AS DATE) IN {listed}"
    here += f" AND {_LABEL} IS NOT NULL"
    others = [quoted(name) for name in table.key if name != START]
    point = ", ".join([FILE, *others])
    moment = quoted(f"_v_{START}")
    ranked = (
        f"SELECT {FILE}, {POSITION}, {', '.join(others)}, {_LABEL}, {_EARLIER}, {_LATER}, {moment}, "
        f"ARG_MIN({POSITION}, {_LABEL}) OVER point <= ARG_MAX({POSITION}, {_LABEL}) OVER point AS _ascending, "
        f"ROW_NUMBER() OVER (PARTITION BY {point}, {_LABEL} ORDER BY {POSITION}) AS _nth, "
        f"COUNT(*) OVER (PARTITION BY {point}, {_LABEL}) AS _rows "
        f"FROM {layered} WHERE {here} WINDOW point AS (PARTITION BY {point})"
    )
    taken = (
        f"SELECT *, (_nth = 2) = _ascending AS {_SECOND}, "
        f"CASE WHEN {_EARLIER} IS NULL THEN {moment} WHEN (_nth = 2) = _ascending THEN {_LATER} ELSE {_EARLIER} END AS _taken "
        f"FROM ({ranked})"
    )
    before = f"LAG(_taken) OVER (PARTITION BY {point} ORDER BY {POSITION})"
    stepped = f"SELECT *, COALESCE(CASE WHEN _ascending THEN _taken < {before} ELSE _taken > {before} END, FALSE) AS _back FROM ({taken})"
    told = (
        f"SELECT {FILE} AS _told_file, {POSITION} AS _told_position, {_SECOND} FROM ("
        f"SELECT *, BOOL_OR(_back) OVER (PARTITION BY {point}) AS _mixed FROM ({stepped})"
        f") WHERE {_EARLIER} IS NOT NULL AND _rows = 2 AND NOT _mixed"
    )
    return (
        f"(SELECT l.*, t.{_SECOND} FROM {layered} AS l LEFT JOIN ({told}) AS t "
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
