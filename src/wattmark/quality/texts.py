"""SQL that reads one column of texts, numbers or truth values, or says that a value could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wattmark.contract import Column
from wattmark.quality.reading import Reading, is_code, quoted, sql_literal
from wattmark.source_settings import NumberFormat

_EXACT_DOUBLE = 2**53


_SPACES = [code for code in range(0x3001) if chr(code).isspace()]
_WHITE_SPACE = sql_literal("".join(map(chr, _SPACES)))
"""What Unicode calls white space, as an SQL literal: TRIM alone leaves tabs and line ends."""
_NUL = "chr(0)"
_SHEET_TEXT = sql_literal('="(?:[^"]|"")*"')
_SHEET_DIGITS = sql_literal(r"'[+-]?\d[\d.,:/ -]*(?:[eE][+-]?\d+|[Xx])?")


def _bare(text: str) -> str:
    return f"TRIM({text}, {_WHITE_SPACE})"


def _unwrapped(bare: str) -> str:
    """A text (without white space around it) without a spreadsheet's ``="…"``, or its apostrophe before digits."""
    content = f"{bare}[3:-2]"
    content = f"""TRIM(replace({content}, '""', '"'))"""
    return (
        f"CASE WHEN {bare} IS NULL THEN NULL WHEN regexp_full_match({bare}, {_SHEET_TEXT}) THEN {content} "
        f"WHEN regexp_full_match({bare}, {_SHEET_DIGITS}) THEN {bare}[2:] ELSE {bare} END"
    )


def _plain(text: str) -> str:
    """Whether a text surely begins with something else than white space, ``=``, an apostrophe or NUL.

    Comparing the first bytes costs a tenth of looking at the character.
    """
    ascii_or_wide = (
        f"{text} >= 'A' AND {text} < '\x7f'",
        f"{text} >= '0' AND {text} < '='",
        f"{text} >= '\u3001'",
    )
    return f"({' OR '.join(ascii_or_wide)})"


def one_of(values: Iterable[object]) -> str:
    """Literals in parentheses, as IN wants them."""
    return f"({', '.join(sql_literal(value) for value in values)})"


@dataclass
class Typed:
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


def replaced(typed: Typed, raw: str, reading: Reading) -> str:
    """The text that stands for a source's own: its codes by the mapping, its markers for nothing empty."""
    codes = reading.values.get(typed.name)
    if not codes and not reading.nothing:
        return raw
    bare = typed.put(0, "o", _bare(raw))
    expression = raw
    if reading.nothing:
        markers = one_of(marker.strip() for marker in reading.nothing)
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


def read_string(typed: Typed, column: Column, raw: str, kind: str) -> None:
    """Read a column of texts: as handed over, less what spreadsheets wrap around it."""
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
        plain = f"{raw} IN {one_of(column.values)}"
    else:
        plain = f"NOT contains({raw}, {_NUL}) AND {_plain(raw)}"
        if is_code(column):
            last = typed.put(2, "e", f"right({raw}, 1)")
            plain += f" AND {last} >= '0' AND {last} < '\x7f'"
    clean = typed.cleaned(3, raw, f"NOT ({plain})")
    typed.bad = f"CASE WHEN {clean} IS NOT NULL THEN contains({raw}, {_NUL}) END"
    if column.values:
        listed = _case(f"lower({clean})", {str(value).lower(): value for value in column.values})
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


def _number_text(typed: Typed, raw: str, written: NumberFormat) -> str:
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


def read_number(typed: Typed, column: Column, raw: str, kind: str, reading: Reading) -> None:
    """Read a column of numbers, written as the source says."""
    if column.type == "double" and kind == "DOUBLE":
        # The commonest case, and that of most rows; as below, said in fewer steps.
        typed.value, typed.bad = (
            typed.put(5, "v", f"CASE WHEN isfinite({raw}) THEN {raw} END"),
            f"isinf({raw})",
        )
        return
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


def read_boolean(typed: Typed, raw: str, kind: str) -> None:
    """Read a column of truth values."""
    if kind == "VARCHAR":
        clean = typed.cleaned(2, raw, f"{raw} NOT IN ('true', 'false')")
        given = typed.put(4, "t", f"NULLIF(lower(COALESCE({clean}, {raw})), '')")
        # A dataframe writes ones and noughts with gaps as 1.0 and 0.0.
        yes, no = one_of((*_YES, "1.0")), one_of((*_NO, "0.0"))
        typed.value = typed.put(
            5, "v", f"CASE WHEN {given} IN {yes} THEN TRUE WHEN {given} IN {no} THEN FALSE END"
        )
        typed.bad = f"{given} IS NOT NULL AND {typed.value} IS NULL"
        return
    typed.value = f"CASE WHEN {raw} = 1 THEN TRUE WHEN {raw} = 0 THEN FALSE END"
    nothing = f"COALESCE(isnan({raw}), FALSE)" if kind in ("DOUBLE", "FLOAT") else "FALSE"
    typed.bad = f"{raw} NOT IN (0, 1) AND NOT {nothing}"
