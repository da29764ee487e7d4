"""A SQL file: header, statement, what it reads, and the portability lint.

A file is a block comment holding YAML, then one SELECT in DuckDB's dialect. The header is the only
place where grain, key, purpose, parameters and column documentation of a table stand.
"""

from __future__ import annotations

import datetime as dt
import pickle
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from wattmark.contract.types import duckdb_type
from wattmark.engine.dated import spans_of, step_on
from wattmark.engine.idioms import IdiomError, expand
from wattmark.engine.parameters import RELATIONS, Parameter, declare
from wattmark.errors import SqlFileError
from wattmark.lake import RowsError
from wattmark.yamlfile import parse_yaml

PARAMETERS, DATED = "param", "dated"
"""In a statement, the schemas of the parameters' relations: as they hold on the run's day, and all that ever held."""
ON_DAY = "ON_DAY"
"""``ON_DAY($name, day)``: the value of a parameter that is in force on a row's day."""

_TEXTS_KEPT = 4
"""Bound texts of one file that a process keeps."""

_FILES_KEPT = 1024
"""Files that a process keeps as they were parsed: the same text lies in other projects, or under another path."""

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


@dataclass(frozen=True, eq=False)
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

    @cached_property
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
            if node.db and node.db not in (PARAMETERS, DATED)
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

    def day_of(self, scalars: Mapping[str, Any]) -> dt.date:
        """The day a run asks about: ``as_of`` for a rule that judges a state, else the last day of P."""
        day: dt.date = scalars["as_of" if self.header.get("judges") == "state" else "period_end"]
        return day

    def standing(self, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Values of all parameters as they are written, dated ones among them: the utility's, else the defaults."""
        return {name: parameter.default for name, parameter in self.parameters.items()} | dict(
            overrides or {}
        )

    def values(self, day: dt.date, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Values of all parameters on a day."""
        return {name: step_on(value, day).value for name, value in self.standing(overrides).items()}

    def bound(
        self,
        scalars: Mapping[str, Any],
        overrides: Mapping[str, Any] | None = None,
        day: dt.date | None = None,
    ) -> exp.Expression:
        """The statement with every placeholder and relation of parameters replaced by typed values.

        Values enter as nodes of the syntax tree, never as text.

        Args:
            scalars: the run's values (``Run.scalars()``).
            overrides: parameter values of the utility, already checked.
            day: whose parameters hold; that of ``day_of`` where None.
        """
        day = day or self.day_of(scalars)
        standing, values = self.standing(overrides), self.values(day, overrides)

        def put(node: exp.Expression) -> exp.Expression:
            if isinstance(node, exp.Anonymous) and str(node.this).upper() == ON_DAY:
                name, row_day = self._on_day(node)
                return by_day(standing[name], row_day.copy().transform(put, copy=False), day)
            if isinstance(node, exp.Placeholder):
                name = str(node.this)
                if name in values and self.parameters[name].type not in RELATIONS:
                    return literal(values[name])
                if name in scalars:
                    return literal(scalars[name])
                raise self.error(
                    "sql.placeholder", f"${name} is neither a parameter nor a value of the run.", f"${name}"
                )
            if isinstance(node, exp.Table) and node.db in (PARAMETERS, DATED):
                parameter = self.parameters.get(node.name)
                if parameter is None or (node.db == PARAMETERS and parameter.type not in RELATIONS):
                    raise self.error("sql.parameter", f"{node.db}.{node.name} is not declared.", node.name)
                columns, rows = (
                    (parameter.relation_columns, parameter.rows(values[node.name]))
                    if node.db == PARAMETERS
                    else _dated_rows(parameter, standing[node.name])
                )
                return _relation(columns, rows, node.alias or node.name)
            return node

        return self.statement.copy().transform(put, copy=False)

    def bound_text(
        self,
        scalars: Mapping[str, Any],
        overrides: Mapping[str, Any] | None = None,
        day: dt.date | None = None,
        dialect: str = "duckdb",
    ) -> str:
        """The text of ``bound`` for one engine, kept: a night asks for it again and again, and binding takes long.

        Raises:
            sqlglot.errors.UnsupportedError: the dialect cannot say it.
        """
        day = day or self.day_of(scalars)
        known = {name: scalars[name] for name in self._placeholders if name in scalars}
        key = repr((dialect, day, known, self.standing(overrides)))
        text = self._texts.get(key)
        if text is None:
            text = render(self.bound(scalars, overrides, day), dialect)
            while len(self._texts) >= _TEXTS_KEPT:
                self._texts.pop(next(iter(self._texts)), None)
            self._texts[key] = text
        return text

    @cached_property
    def _placeholders(self) -> tuple[str, ...]:
        return tuple(sorted({str(node.this) for node in self.statement.find_all(exp.Placeholder)}))

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """All but bound texts, with what is asked of every file worked out and the statement packed.

        A task of a night reads some of the files; unpacking all of their trees took most of its start.
        """
        _ = self.references, self._placeholders
        state = {name: value for name, value in self.__dict__.items() if name not in ("_texts", "statement")}
        return state | {"_packed": pickle.dumps(self.statement)}

    def __getattr__(self, name: str) -> Any:
        if name != "statement":
            raise AttributeError(name)
        packed = self.__dict__.get("_packed")
        if packed is not None:
            self.__dict__["statement"] = pickle.loads(packed)  # noqa: S301 - packed by __getstate__ above
            self.__dict__.pop("_packed", None)
        # Another thread may have unpacked it meanwhile.
        return self.__dict__["statement"]

    def _on_day(self, call: exp.Anonymous) -> tuple[str, exp.Expression]:
        """Parameter and day of an ``ON_DAY``."""
        given = call.expressions
        name = str(given[0].this) if given and isinstance(given[0], exp.Placeholder) else ""
        parameter = self.parameters.get(name)
        if len(given) != 2 or parameter is None or parameter.type in RELATIONS:
            raise self.error(
                "sql.on_day", "ON_DAY takes a scalar parameter of this file, as $name, and a day.", ON_DAY
            )
        return name, given[1]


def by_day(value: Any, row_day: exp.Expression, day: dt.date) -> exp.Expression:
    """What holds on a row's day, as an expression; on the run's ``day`` where the row has none."""
    spans = spans_of(value)
    *others, last = [literal(held) for _, _, held in spans]
    if not others:
        return last
    when = exp.Coalesce(this=row_day, expressions=[literal(day)])
    case = exp.Case(default=last)
    for (_, end, _), held in zip(spans, others, strict=False):
        case = case.when(exp.LTE(this=when.copy(), expression=literal(end)), held, copy=False)
    return exp.paren(case, copy=False)


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


def _dated_rows(parameter: Parameter, value: Any) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Columns and rows of ``dated.name``: those of each step of a value, with its first and last day."""
    columns = {
        **(parameter.relation_columns or {"value": parameter.type}),
        "from_on": "date",
        "to_on": "date",
    }
    rows = [
        (*row, first, last)
        for first, last, held in spans_of(value)
        for row in (parameter.rows(held) if parameter.type in RELATIONS else [(held,)])
    ]
    return {name: {"number": "double"}.get(kind, kind) for name, kind in columns.items()}, rows


def _relation(named: Mapping[str, str], rows: list[tuple[Any, ...]], alias: str) -> exp.Expression:
    columns = list(named.items())

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


_READ: dict[tuple[str, str, str], SqlFile] = {}


def read_header(path: Path) -> dict[str, Any]:
    """The header of one SQL file: grain, key, purpose and columns, without its SELECT being read.

    Raises:
        SqlFileError: there is none; names file and line.
    """
    return _header(path.read_text(encoding="utf-8"), path)[0]


def _header(text: str, path: Path) -> tuple[dict[str, Any], int]:
    """A file's header, and where it ends."""
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
    return header, match.end()


def read_sql_file(path: Path, layer: str) -> SqlFile:
    """Read, parse and lint one SQL file.

    Raises:
        SqlFileError: no header, no single SELECT, or something that is not portable; names file and line.
    """
    text = path.read_text(encoding="utf-8")
    if (known := _READ.get((layer, path.stem, text))) is not None:
        return replace(known, path=path)
    header, end = _header(text, path)
    first_line = text[:end].count("\n") + 1
    body = "\n" * (first_line - 1) + text[end:]
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
    for node in file.statement.walk():
        # Where a word stood in the text is read by nobody from here on, and takes half of each copy's time.
        node._meta = None
    for name, raw in (header.get("params") or {}).items():
        if isinstance(raw, dict) and "same_as" in raw and set(raw) != {"same_as"}:
            raise file.error("parameter.declaration", f"parameter {name}: same_as stands alone.", name)
    if not file.borrowed:
        _ = file.parameters
    while len(_READ) >= _FILES_KEPT:
        _READ.pop(next(iter(_READ)), None)
    _READ[layer, path.stem, text] = file
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


def engine_error(file: SqlFile, error: Exception) -> SqlFileError:
    """What the engine refused, with the line of the file it most likely means."""
    said = error.__cause__ if isinstance(error, RowsError) and error.__cause__ else error
    text = str(said).split("\n\nLINE")[0].strip()
    quoted = re.findall(r'"([A-Za-z_][\w.]*)"', text)
    return file.error("sql.engine", text, quoted[0].split(".")[-1] if quoted else "")
