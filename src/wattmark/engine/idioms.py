"""Functions that the project's SQL has beyond DuckDB's: what would else be spelled out again and again.

A call is replaced by its meaning when a statement is read, so that every engine is handed the meaning
alone. ``IDIOMS`` is the one place where a function is defined.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import sqlglot
from sqlglot import exp


class IdiomError(ValueError):
    """A call whose number of arguments is wrong; ``name`` is the function's."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True)
class Idiom:
    """One function: ``RATIO`` of ``x`` and ``y`` means its template, in which ``$x`` is the first argument.

    An aggregate function stands in a template at most once; FILTER and OVER after the call are its own.
    ``spelled`` are other ways to write the same, which ``spelled_out`` finds.
    """

    name: str
    parameters: tuple[str, ...]
    template: str
    doc: str
    spelled: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """``RATIO(x, y)``."""
        return f"{self.name}({', '.join(self.parameters)})"

    @property
    def meaning(self) -> str:
        """The template as it is read: ``CAST(x AS DOUBLE) / NULLIF(y, 0)``."""
        return self.template.replace("$", "")

    @cached_property
    def tree(self) -> exp.Expression:
        """The template, parsed; not to be changed."""
        return sqlglot.parse_one(self.template, read="duckdb")

    @cached_property
    def patterns(self) -> tuple[exp.Expression, ...]:
        """Every way to spell it out, parsed."""
        return (self.tree, *(sqlglot.parse_one(spelling, read="duckdb") for spelling in self.spelled))


_ADD_MONTHS = Idiom(
    "ADD_MONTHS",
    ("d", "n"),
    "CAST(ADD_MONTHS($d, $n) AS DATE)",
    "The day n months after day d: the same day of the month, cut to its end.",
)

_ALL = (
    Idiom(
        "MONEY",
        ("x",),
        "CAST(CAST($x AS DECIMAL(28, 8)) AS DECIMAL(18, 2))",
        "An amount of money: rounded half up to two places as one would on paper, not as the double happens to lie.",
        (
            "CAST($x AS DECIMAL(18, 2))",
            "ROUND(CAST($x AS DECIMAL(28, 8)), 2)",
            "CAST(ROUND($x, 2) AS DECIMAL(18, 2))",
        ),
    ),
    Idiom(
        "HALF_UP",
        ("x", "digits"),
        "ROUND(CAST($x AS DECIMAL(28, 8)), $digits)",
        "A computed double rounded half up to so many digits, as a DECIMAL; money is MONEY.",
    ),
    Idiom(
        "EXACT_SUM",
        ("x",),
        "ROUND(SUM(ROUND($x * 1000000)) * 0.000001, 6)",
        "A sum of doubles that is the same in any order of the rows: summed in whole millionths, up to 9 x 10^9.",
    ),
    Idiom(
        "EXACT_AVG",
        ("x",),
        "ROUND(AVG(ROUND($x * 1000000)) * 0.000001, 6)",
        "The mean, likewise.",
    ),
    Idiom(
        "DECIMAL_SUM",
        ("x",),
        "CAST(SUM(CAST($x AS DECIMAL(28, 8))) AS DOUBLE)",
        "A sum of doubles that is the same in any order of the rows, of more than 9 x 10^9 or of up to eight places.",
    ),
    Idiom(
        "INTEGER_SUM",
        ("x",),
        "CAST(SUM($x) AS BIGINT)",
        "A sum of whole numbers, which stays one: DuckDB's own would be a HUGEINT and be stored as a double.",
    ),
    Idiom(
        "RATIO",
        ("x", "y"),
        "CAST($x AS DOUBLE) / NULLIF($y, 0)",
        "x over y as a double, empty where y is 0.",
    ),
    Idiom(
        "NOMINAL_KV",
        ("kv",),
        "CASE WHEN ROUND($kv, 3) = 0.4 THEN 0.38 ELSE ROUND($kv, 3) END",
        "The nominal voltage that a stated one means: 0.4 kV, a transformer's low side, is the 0.38 kV of its network.",
    ),
    Idiom(
        "MONTH_OF",
        ("t",),
        "CAST(DATE_TRUNC('month', $t) AS DATE)",
        "The first day of the local month of a day or an instant.",
    ),
    _ADD_MONTHS,
)

IDIOMS = {idiom.name: idiom for idiom in _ALL}

_PATTERNS: dict[type[exp.Expression], list[tuple[exp.Expression, Idiom]]] = {}
for _idiom in _ALL:
    for _pattern in _idiom.patterns:
        _PATTERNS.setdefault(type(_pattern), []).append((_pattern, _idiom))


@lru_cache(maxsize=512)
def parsed(sql: str) -> exp.Expression:
    """A query in DuckDB's dialect, idioms written out; kept, as the same are asked each time, and not to be changed."""
    return expand(sqlglot.parse_one(sql, read="duckdb"))


def expand(statement: exp.Expression) -> exp.Expression:
    """A statement with each idiom replaced by what it means; changes the statement in place and gives it back.

    Raises:
        IdiomError: an idiom is called with too few or too many arguments.
    """
    # From the innermost outwards: an argument may hold another idiom.
    for node in reversed(list(statement.find_all(exp.Anonymous, exp.AddMonths))):
        if isinstance(node, exp.AddMonths):
            idiom, given = _ADD_MONTHS, [node.this, node.expression]
        else:
            found = IDIOMS.get(str(node.this).upper())
            if found is None:
                continue
            idiom, given = found, node.expressions
        if len(given) != len(idiom.parameters):
            raise IdiomError(
                idiom.name,
                f"{idiom.signature} takes {len(idiom.parameters)} values and is given {len(given)}",
            )
        _replace(node, idiom, dict(zip(idiom.parameters, given, strict=True)))
    return statement


def _replace(call: exp.Expression, idiom: Idiom, values: dict[str, exp.Expression]) -> None:
    """Put the meaning in the place of a call; its FILTER and OVER go to the aggregate function of the meaning."""
    meaning = idiom.tree.copy()
    for place in list(meaning.find_all(exp.Placeholder)):
        value = values[str(place.this)].copy()
        place.replace(_closed(value) if isinstance(place.parent, exp.Binary) else value)
    aggregate = meaning.find(exp.AggFunc)
    whole = call
    while aggregate is not None and isinstance(whole.parent, (exp.Filter, exp.Window)):
        if whole.parent.this is not whole:
            break
        whole = whole.parent
    whole.replace(_closed(meaning) if isinstance(whole.parent, (exp.Binary, exp.Unary)) else meaning)
    if aggregate is not None and whole is not call:
        aggregate.replace(whole)
        call.replace(aggregate)


def _closed(value: exp.Expression) -> exp.Expression:
    """The value in brackets where an operator beside it would tear it apart."""
    return exp.paren(value, copy=False) if isinstance(value, (exp.Binary, exp.Unary)) else value


def spelled_out(statement: exp.Expression) -> Iterator[tuple[exp.Expression, Idiom]]:
    """Each part of a statement, as it was written, that an idiom would say, with the idiom."""
    for node in statement.walk():
        if isinstance(node, exp.Round) and _is_decimal(node.this):
            two_places = str(node.args.get("decimals")) == "2"
            yield node, IDIOMS["MONEY" if two_places else "HALF_UP"]
            continue
        for pattern, idiom in _PATTERNS.get(type(node), ()):
            if _fits(pattern, node, {}):
                yield node, idiom
                break


def _is_decimal(node: exp.Expression) -> bool:
    return isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DECIMAL


def _fits(pattern: object, node: object, values: dict[str, exp.Expression]) -> bool:
    """Whether a tree is the pattern, with a value for each of its placeholders; FILTER and OVER do not matter."""
    while isinstance(node, (exp.Paren, exp.Filter, exp.Window)) and not isinstance(pattern, type(node)):
        node = node.this
    if isinstance(pattern, exp.Placeholder) and isinstance(node, exp.Expression):
        return bool(values.setdefault(str(pattern.this), node) == node)
    if isinstance(pattern, exp.Expression) and isinstance(node, exp.Expression):
        keys = {
            key
            for tree in (pattern, node)
            for key, value in tree.args.items()
            if value not in (None, [], False)
        }
        return type(pattern) is type(node) and all(
            _fits(pattern.args.get(key), node.args.get(key), values) for key in keys
        )
    if isinstance(pattern, list) and isinstance(node, list):
        return len(pattern) == len(node) and all(
            _fits(*pair, values) for pair in zip(pattern, node, strict=True)
        )
    return bool(pattern == node)
