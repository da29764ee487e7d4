"""A SQL file: header, statement, what it reads, and the portability lint.

A file is a block comment holding YAML, then one SELECT in DuckDB's dialect. The header is the only
place where grain, key, purpose, parameters and column documentation of a table stand.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from wattmark.contract.types import duckdb_type
from wattmark.engine.idioms import IdiomError, expand
from wattmark.engine.parameters import RELATIONS, Parameter, declare
from wattmark.errors import SqlFileError
from wattmark.yamlfile import parse_yaml

_HEADER = re.compile(r"\A\s*/\*(.*?)\*/", re.DOTALL)

# What means something else, or nothing, on another engine; found by running both (docs/architecture.md).
_FORBIDDEN_FUNCTIONS = {
    "LIST": "ordered lists differ between engines",
    "ARRAY_AGG": "ordered lists differ between engines",
    "PERCENTILE_CONT": "use MEDIAN",
    "QUANTILE_CONT": "use MEDIAN",
    "QUANTILE": "use MEDIAN",
    "TIME_BUCKET": "use DATE_TRUNC",
    "EPOCH": "use DATE_DIFF",
    "GENERATE_SERIES": "join core.calendar",
    "RANGE": "join core.calendar",
    "UNNEST": "join a table",
}


@dataclass(frozen=True)
class SqlFile:
    """One parsed SQL file; ``name`` is ``layer.table``."""

    path: Path
    layer: str
    table: str
    header: dict[str, Any]
    statement: exp.Expression
    text: str
    first_line: int

    @property
    def name(self) -> str:
        """``layer.table``."""
        return f"{self.layer}.{self.table}"

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that identify a row."""
        return tuple(self.header.get("key", ()))

    @property
    def is_view(self) -> bool:
        """Whether the table is computed where it is read instead of being stored."""
        return bool(self.header.get("view", False))

    @property
    def borrowed(self) -> dict[str, str]:
        """Parameters that are another file's, by name: ``{"bands_kva": "ACC-02.bands_kva"}``."""
        declared = self.header.get("params") or {}
        return {
            name: str(raw["same_as"])
            for name, raw in declared.items()
            if isinstance(raw, dict) and "same_as" in raw
        }

    def with_borrowed(self, declarations: Mapping[str, Mapping[str, Any]]) -> SqlFile:
        """The file with the declarations of its borrowed parameters filled in, by the name they have here."""
        filled = {
            name: {**declarations[name], "same_as": owner} for name, owner in self.borrowed.items()
        }  # fmt: skip
        return replace(self, header={**self.header, "params": {**self.header["params"], **filled}})

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Declared parameters by name; borrowed ones once the catalog has filled them in."""
        return {
            name: declare(name, raw, str(self.path))
            for name, raw in (self.header.get("params") or {}).items()
        }

    @cached_property
    def references(self) -> frozenset[str]:
        """Tables read, as ``layer.table``; common table expressions and parameters are not among them."""
        return frozenset(
            f"{node.db}.{node.name}"
            for node in self.statement.find_all(exp.Table)
            if node.db and node.db != "param"
        )

    def line_of(self, word: str) -> int:
        """First line of the file's statement that contains a word; the statement's first line if none does."""
        pattern = re.compile(rf"(?<![\w$]){re.escape(word)}(?!\w)")
        for number, line in enumerate(self.text.splitlines(), start=1):
            if number >= self.first_line and pattern.search(line):
                return number
        return self.first_line

    def error(self, code: str, message: str, word: str = "", remedy: str = "") -> SqlFileError:
        """An error that names this file and the line a word stands on."""
        return SqlFileError(code, f"{self.path}:{self.line_of(word) if word else 1}: {message}", remedy)

    def bound(self, scalars: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> exp.Expression:
        """The statement with every placeholder and ``param.`` relation replaced by typed values.

        Values enter as nodes of the syntax tree, never as text.

        Args:
            scalars: the run's values (``Run.scalars()``).
            overrides: parameter values of the utility, already checked.
        """
        values = {name: parameter.default for name, parameter in self.parameters.items()} | dict(
            overrides or {}
        )

        def put(node: exp.Expression) -> exp.Expression:
            if isinstance(node, exp.Placeholder):
                name = str(node.this)
                if name in values and self.parameters[name].type not in RELATIONS:
                    return literal(values[name])
                if name in scalars:
                    return literal(scalars[name])
                raise self.error(
                    "sql.placeholder", f"${name} is neither a parameter nor a value of the run.", f"${name}"
                )
            if isinstance(node, exp.Table) and node.db == "param":
                parameter = self.parameters.get(node.name)
                if parameter is None or parameter.type not in RELATIONS:
                    raise self.error("sql.parameter", f"param.{node.name} is not declared.", node.name)
                return _relation(parameter, values[node.name], node.alias or node.name)
            return node

        return self.statement.copy().transform(put, copy=False)


def literal(value: Any) -> exp.Expression:
    """A Python value as a typed literal that means the same on every engine.

    Aware datetimes become instants, dates days; floats stay doubles.
    """
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int):
        return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
    if isinstance(value, float):
        number = exp.Literal.number(repr(abs(value)))
        return exp.cast(number if value >= 0 else exp.Neg(this=number), "DOUBLE")
    if isinstance(value, dt.datetime):
        return exp.cast(
            exp.Literal.string(value.isoformat(sep=" ")), exp.DataType.build("TIMESTAMPTZ", dialect="duckdb")
        )
    if isinstance(value, dt.date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE")
    return exp.Literal.string(str(value))


def _relation(parameter: Parameter, value: Any, alias: str) -> exp.Expression:
    columns = list(parameter.relation_columns.items())
    rows = parameter.rows(value)

    def select(row: tuple[Any, ...] | None) -> exp.Select:
        items = [
            exp.alias_(exp.cast(literal(None if row is None else row[at]), duckdb_type(kind)), name)
            for at, (name, kind) in enumerate(columns)
        ]
        return exp.select(*items) if row is not None else exp.select(*items).where(exp.false())

    # Parts are joined two by two: a deep chain of UNIONs would overflow the generator's recursion.
    selects: list[exp.Expression] = [select(row) for row in rows] or [select(None)]
    while len(selects) > 1:
        selects = [
            exp.union(selects[at], selects[at + 1], distinct=False) if at + 1 < len(selects) else selects[at]
            for at in range(0, len(selects), 2)
        ]
    return exp.Subquery(this=selects[0], alias=exp.TableAlias(this=exp.to_identifier(alias)))


def read_sql_file(path: Path, layer: str) -> SqlFile:
    """Read, parse and lint one SQL file.

    Raises:
        SqlFileError: no header, no single SELECT, or something that is not portable; names file and line.
    """
    text = path.read_text(encoding="utf-8")
    match = _HEADER.match(text)
    if not match:
        raise SqlFileError(
            "sql.header",
            f"{path}:1: the header comment is missing.",
            "Begin the file with /* YAML */ that states grain and key.",
        )
    header = parse_yaml(match.group(1), str(path))
    if not isinstance(header, dict):
        raise SqlFileError("sql.header", f"{path}:1: the header is not a YAML mapping.")
    first_line = text[: match.end()].count("\n") + 1
    body = "\n" * (first_line - 1) + text[match.end() :]
    try:
        statements = [statement for statement in sqlglot.parse(body, read="duckdb") if statement is not None]
    except sqlglot.errors.ParseError as error:
        where = error.errors[0] if error.errors else {}
        raise SqlFileError(
            "sql.syntax",
            f"{path}:{where.get('line', first_line)}: {where.get('description', 'does not parse')} near {where.get('highlight', '')!r}.",
        ) from None
    except sqlglot.errors.TokenError as error:
        raise SqlFileError("sql.syntax", f"{path}:{first_line}: {error}.") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise SqlFileError("sql.statement", f"{path}:{first_line}: the file must hold exactly one SELECT.")
    file = SqlFile(
        path=path,
        layer=layer,
        table=path.stem,
        header=header,
        statement=statements[0],
        text=text,
        first_line=first_line,
    )
    try:
        expand(file.statement)
    except IdiomError as error:
        raise file.error("sql.idiom", f"{error}.", error.name) from None
    for word, problem in lint(file.statement):
        raise file.error("sql.portability", f"{word}: {problem}.", word)
    for name, raw in (header.get("params") or {}).items():
        if isinstance(raw, dict) and "same_as" in raw and set(raw) != {"same_as"}:
            raise file.error("parameter.declaration", f"parameter {name}: same_as stands alone.", name)
    if not file.borrowed:
        _ = file.parameters
    return file


def lint(statement: exp.Expression) -> Iterator[tuple[str, str]]:
    """Constructs that mean something else, or nothing, on another engine, with what to write instead."""
    for node in statement.walk():
        if isinstance(node, exp.Func):
            name = node.sql_name() if not isinstance(node, exp.Anonymous) else str(node.this).upper()
            if name in _FORBIDDEN_FUNCTIONS:
                yield name, _FORBIDDEN_FUNCTIONS[name]
        if isinstance(node, exp.Extract) and str(node.this).upper() in {
            "DOW",
            "DAYOFWEEK",
            "ISODOW",
            "EPOCH",
        }:
            yield str(node.this), "days of the week differ between engines; join core.calendar"
        elif isinstance(node, exp.DateDiff) and str(node.args.get("unit") or "DAY").upper() not in {
            "DAY",
            "'DAY'",
        }:
            yield "DATE_DIFF", "only 'day' means the same everywhere"
        elif isinstance(node, exp.AtTimeZone):
            yield "AT TIME ZONE", "the session runs in the utility's zone; cast instead"
        elif isinstance(node, exp.Div) and not isinstance(node.expression, (exp.Nullif, exp.Literal)):
            yield "/", "write RATIO(x, y), or divide by NULLIF(…, 0)"
        elif isinstance(node, (exp.Pivot, exp.Struct)):
            yield type(node).__name__.upper(), "is not portable"
        elif isinstance(node, exp.Join) and str(node.args.get("method") or "").upper() == "ASOF":
            yield "ASOF", "is not portable"
        elif isinstance(node, exp.Interval) and isinstance(node.this, exp.Paren):
            yield "INTERVAL", "use ADD_MONTHS or DATE_DIFF with a computed number"
        elif isinstance(node, exp.Star) and (
            node.args.get("replace") or node.args.get("except_") or node.args.get("except")
        ):
            yield "*", "name the columns"


def render(statement: exp.Expression, dialect: str) -> str:
    """The text of a bound statement for one engine.

    Raises:
        sqlglot.errors.UnsupportedError: the dialect cannot say it.
    """
    if dialect == "spark":
        statement = statement.copy().transform(_flat_name, copy=False)
        return str(statement.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE))
    return str(statement.sql(dialect=dialect))


def flat_name(name: str) -> str:
    """Name of a table where an engine's views have no schema: ``core.account`` is ``core__account``."""
    return name.replace(".", "__")


def _flat_name(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.Table) and node.db:
        alias = node.alias or node.name
        plain = exp.to_table(flat_name(f"{node.db}.{node.name}"))
        plain.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
        return plain
    return node
