"""Audience conditions: parsed, checked against what is published, and put into a query as a syntax tree.

A condition is one SQL expression. It may name the columns of ``include/campaigns/relations/*.sql`` with their
relation (``customer.grade``), the functions below, ``$as_of`` and ``$period``, and three questions of our own:

- ``holds('e_bill')``: the account (or any account of the customer) holds the service;
- ``segment('behaviour')``: the customer's segment by a method;
- ``any_account(condition)``: any live account of the customer meets a condition on account relations.

Whatever is not on the lists is refused; nothing of the text reaches the engine but through the tree.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from wattmark.campaign.unseen import unseen_in
from wattmark.contract.types import TYPES
from wattmark.engine.session import Session
from wattmark.engine.sqlfile import SqlFile, literal, read_sql_file

SCHEMA = "relation"
"""Schema of a session that holds the relations conditions may ask."""

PLACEHOLDERS = ("as_of", "period")
MACROS = ("holds", "segment", "any_account")
LIVE = ("active", "suspended")
_DEEPEST = 40
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?|[0-9]+\.")
# Exact classes, not their descendants: a new kind of node is refused until somebody has looked at it.
_PLAIN_NODES: frozenset[type[exp.Expression]] = frozenset(
    {
        exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.Null,
        exp.Boolean, exp.Literal, exp.Column, exp.Identifier, exp.In, exp.Between, exp.Like, exp.ILike, exp.Add,
        exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Case, exp.If, exp.Placeholder, exp.Var, exp.NullSafeEQ, exp.NullSafeNEQ,
    }
)  # fmt: skip
_FUNCTIONS: frozenset[type[exp.Expression]] = frozenset(
    {
        exp.Coalesce, exp.Nullif, exp.Abs, exp.Round, exp.Greatest, exp.Least, exp.Lower, exp.Upper, exp.Length,
        exp.StartsWith, exp.DateDiff, exp.Year, exp.Month, exp.Day,
    }
)  # fmt: skip
FUNCTION_NAMES = tuple(sorted(kind.sql_names()[0].lower() for kind in _FUNCTIONS))
_CAST_TYPES = {"DATE", "INT", "BIGINT", "DOUBLE", "VARCHAR", "TEXT", "DECIMAL", "BOOLEAN"}


class Refused(Exception):
    """Why a condition is not accepted; carries no line, the caller knows it."""


@lru_cache(maxsize=4)
def relations(include: Path) -> dict[str, SqlFile]:
    """The relations conditions may ask, by name."""
    folder = include / "campaigns" / "relations"
    return {path.stem: read_sql_file(path, SCHEMA) for path in sorted(folder.glob("*.sql"))}


def columns_of(relation: SqlFile) -> dict[str, str]:
    """Published columns of a relation and their contract types."""
    return {name: declared["type"] for name, declared in relation.header["columns"].items()}


def key_of(relation: SqlFile) -> str:
    """Whether a relation belongs to customers or to accounts."""
    return "account_id" if "account_id" in relation.key else "customer_id"


def parse_condition(text: str) -> exp.Expression:
    """The tree of one expression.

    Raises:
        Refused: it is not one expression, or too deep.
    """
    if letter := unseen_in(text):
        raise Refused(f"it holds the character {letter}, which does not show")
    try:
        parsed = [statement for statement in sqlglot.parse(text, read="duckdb") if statement is not None]
    except sqlglot.errors.SqlglotError as error:
        raise Refused(f"it does not parse: {str(error).splitlines()[0][:200]}") from None
    except RecursionError:
        raise Refused("it is nested too deeply") from None
    except Exception as error:
        raise Refused(f"it does not parse ({type(error).__name__})") from None
    if len(parsed) != 1:
        raise Refused("it must be exactly one expression")
    return parsed[0]


@dataclass(frozen=True)
class Asked:
    """A checked condition and the relations that it asks outside of any_account and inside."""

    tree: exp.Expression
    outer: frozenset[str]


def _operands(node: exp.Expression) -> list[exp.Expression]:
    """What a node is made of; a AND b AND c is one of three, however long, and not a nest."""
    if not isinstance(node, (exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul)):
        return list(node.iter_expressions())
    found: list[exp.Expression] = []
    while type(node.this) is type(node):
        found += [operand for operand in node.iter_expressions() if operand is not node.this]
        node = node.this
    return [*found, *node.iter_expressions()]


class Checker:
    """Checks conditions and columns of one grain against the published relations."""

    def __init__(self, known: Mapping[str, SqlFile], grain: str) -> None:
        """Check against ``known`` relations, for one grain."""
        self.known = known
        self.account_grain = grain == "account"

    def _relation(self, name: str, inside: bool) -> SqlFile:
        relation = self.known.get(name)
        if relation is None or name in ("holding", "segment"):
            raise Refused(f"{name!r} is not a published relation")
        if key_of(relation) == "account_id" and not (self.account_grain or inside):
            raise Refused(
                f"{name} is known by account; ask it inside any_account(…), or choose the grain account"
            )
        if key_of(relation) == "customer_id" and inside:
            raise Refused(f"{name} is known by customer; ask it outside of any_account(…)")
        return relation

    def column(self, name: str, inside: bool = False) -> str:
        """Type of a published column ``relation.column``.

        Raises:
            Refused: it is not published, or not for this grain.
        """
        table, _, column = name.partition(".")
        columns = columns_of(self._relation(table, inside))
        if column not in columns:
            raise Refused(f"{name} is not a published column")
        return columns[column]

    def condition(self, text: str) -> Asked:
        """Check a condition.

        Raises:
            Refused: with the reason.
        """
        tree = parse_condition(text)
        outer: set[str] = set()
        self._check(tree, False, outer, 0)
        return Asked(tree, frozenset(outer))

    def _check(self, node: exp.Expression, inside: bool, outer: set[str], depth: int) -> None:
        if depth > _DEEPEST:
            raise Refused("it is nested too deeply")
        kind = type(node)
        if kind is exp.Anonymous:
            self._macro(node, inside, outer, depth)
            return
        if kind is exp.Column:
            self._column(node, inside, outer)
            return
        if kind is exp.Cast:
            self._cast(node, inside, outer, depth)
            return
        if kind is exp.Placeholder:
            if str(node.this) not in PLACEHOLDERS:
                raise Refused(f"${node.this} is not one of {', '.join('$' + name for name in PLACEHOLDERS)}")
            return
        if kind is exp.Boolean or kind is exp.Null:
            return
        if kind is exp.DateDiff:
            unit = node.args.get("unit")
            if unit is not None and str(unit.this).upper() != "DAY":
                raise Refused("date_diff counts days alone")
        elif kind is exp.Literal:
            if not node.is_string and _NUMBER.fullmatch(str(node.this)) is None:
                raise Refused("a number is not plain")
            return
        elif kind is exp.Var:
            if str(node.this).upper() != "DAY":
                raise Refused(f"{node.this!r} is not allowed")
            return
        elif kind is exp.In:
            if {name for name, value in node.args.items() if value} - {"this", "expressions"}:
                raise Refused("IN takes a list of values")
        elif kind is exp.Identifier or (kind not in _PLAIN_NODES and kind not in _FUNCTIONS):
            raise Refused(f"{node.key.upper()} is not allowed")
        for child in _operands(node):
            self._check(child, inside, outer, depth + 1)

    def _column(self, node: exp.Expression, inside: bool, outer: set[str]) -> None:
        parts = [part for part in (node.args.get("catalog"), node.args.get("db")) if part]
        table = node.args.get("table")
        if parts or table is None or not isinstance(node.this, exp.Identifier):
            raise Refused(
                f"{node.name!r} must be written with its relation, such as customer.{node.name or 'grade'}"
            )
        self.column(f"{table.name}.{node.name}", inside)
        if not inside:
            outer.add(str(table.name))

    def _cast(self, node: exp.Expression, inside: bool, outer: set[str], depth: int) -> None:
        target = node.args.get("to")
        if (
            not isinstance(target, exp.DataType)
            or not isinstance(target.this, exp.DataType.Type)
            or target.this.value not in _CAST_TYPES
            or {name for name, value in node.args.items() if value} - {"this", "to"}
            or {name for name, value in target.args.items() if value} - {"this", "expressions"}
            or any(
                not isinstance(parameter, exp.DataTypeParam) or not isinstance(parameter.this, exp.Literal)
                for parameter in target.expressions
            )
        ):
            raise Refused(
                "a value may be cast to DATE, INTEGER, BIGINT, DOUBLE, DECIMAL, VARCHAR or BOOLEAN alone"
            )
        self._check(node.this, inside, outer, depth + 1)

    def _macro(self, node: exp.Expression, inside: bool, outer: set[str], depth: int) -> None:
        name = str(node.this).lower() if isinstance(node.this, str) else ""
        arguments = node.expressions
        if name not in MACROS:
            raise Refused(f"function {str(node.this)[:40]!r} is not allowed")
        if len(arguments) != 1:
            raise Refused(f"{name} takes one argument")
        if name == "any_account":
            if self.account_grain or inside:
                raise Refused("any_account is for conditions on customers, and not inside itself")
            self._check(arguments[0], True, outer, depth + 1)
            return
        if name == "segment" and inside:
            raise Refused("segment belongs to the customer; ask it outside of any_account(…)")
        if type(arguments[0]) is not exp.Literal or not arguments[0].is_string:
            raise Refused(f"{name} takes one text in quotes")
        outer.add("customer" if name == "segment" or not self.account_grain else "account")


@lru_cache(maxsize=1)
def _small_database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={"threads": 1, "enable_external_access": "false", "lock_configuration": "true"}
    )


_RAN: set[tuple[object, ...]] = set()
"""Conditions that have been run, with the relations that they were run on."""


def dry_run(known: Mapping[str, SqlFile], grain: str, asked: Asked) -> None:
    """Run a condition on one row of each relation, so that types that do not fit are found before any night."""
    # One process meets the same condition again and again: a night's check, decision and release.
    said = (
        grain,
        asked.tree.sql(dialect="duckdb"),
        *sorted((name, file.text) for name, file in known.items()),
    )
    if said in _RAN:
        return
    duck = _small_database().cursor()
    duck.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for name, relation in known.items():
        columns = columns_of(relation)
        row = ", ".join(
            f'CAST({TYPES[kind].example} AS {TYPES[kind].duckdb}) AS "{column}"'
            for column, kind in columns.items()
        )
        duck.execute(f'CREATE TABLE IF NOT EXISTS {SCHEMA}."{name}" AS SELECT {row}')
    day = dt.date(2026, 1, 1)
    query = select_members(known, grain, asked, {"as_of": day, "period": day}, {}, [])
    try:
        duck.execute(text_of(query)).fetchall()
        by = "account_id" if grain == "account" else "customer_id"
        asks = [(query, _bind(asked.tree, known, {"as_of": day, "period": day}, by))]
        for macro in asked.tree.find_all(exp.Anonymous):
            if str(macro.this).lower() == "any_account":
                argument = macro.expressions[0]
                bound = _bind(argument, known, {"as_of": day, "period": day}, "account_id", True)
                asks.append((_accounts(argument), bound))
        for around, met in asks:
            shown = text_of(around.select(exp.alias_(met, "met"), append=False))
            duck.execute(shown).fetchall()
            kind = duck.execute(f"DESCRIBE {shown}").fetchall()
            if kind[0][1] != "BOOLEAN":
                raise Refused(f"it gives {kind[0][1]}, not yes or no")
    except duckdb.Error as error:
        raise Refused(str(error).split("\n")[0][:200]) from None
    finally:
        duck.close()
    _RAN.add(said)


def text_of(query: exp.Expression) -> str:
    """SQL text of a checked tree; parsed again, it must be the same tree.

    Raises:
        Refused: the text says something else than the tree.
    """
    text = str(query.sql(dialect="duckdb", comments=False))
    again = sqlglot.parse_one(text, read="duckdb")
    if again.sql(dialect="duckdb", comments=False) != text:
        raise Refused("it does not survive being written and read again")
    return text


def _relation_table(name: str, alias: str | None = None) -> exp.Expression:
    table = exp.table_(name, db=SCHEMA, quoted=True)
    return exp.alias_(table, alias or name, table=True, quoted=True)


def _same(left: str, right: str, column: str) -> exp.Expression:
    return exp.EQ(
        this=exp.column(column, table=left, quoted=True),
        expression=exp.column(column, table=right, quoted=True),
    )


def _bind(
    node: exp.Expression,
    known: Mapping[str, SqlFile],
    values: Mapping[str, Any],
    by: str,
    inside: bool = False,
) -> exp.Expression:
    """The tree with values in place of placeholders and subqueries in place of our own questions."""

    def replace(part: exp.Expression) -> exp.Expression:
        if isinstance(part, exp.Placeholder):
            return literal(values[str(part.this)])
        if isinstance(part, exp.Column):
            return exp.column(part.name, table=str(part.args["table"].name), quoted=True)
        if isinstance(part, exp.Anonymous):
            name = str(part.this).lower()
            argument = part.expressions[0]
            if name == "any_account":
                return _any_account(argument, known, values)
            if name == "segment":
                return exp.Subquery(
                    this=exp.select(exp.Max(this=exp.column("segment", table="_s")))
                    .from_(_relation_table("segment", "_s"))
                    .where(_same("_s", "customer", "customer_id"))
                    .where(exp.EQ(this=exp.column("method", table="_s"), expression=argument.copy()))
                )
            held = (
                exp.select(exp.Literal.number(1))
                .from_(_relation_table("holding", "_h"))
                .where(_same("_h", "account" if by == "account_id" else "customer", by))
                .where(exp.EQ(this=exp.column("product_code", table="_h"), expression=argument.copy()))
            )
            return exp.Exists(this=held)
        return part

    return node.copy().transform(replace)


def _accounts(argument: exp.Expression) -> exp.Select:
    """Accounts with all that a condition inside of any_account asks beside them."""
    asked = {str(column.args["table"].name) for column in argument.find_all(exp.Column)} - {"account"}
    inner = exp.select(exp.Literal.number(1)).from_(_relation_table("account"))
    for name in sorted(asked):
        inner = inner.join(_relation_table(name), on=_same(name, "account", "account_id"), join_type="left")
    return inner


def _any_account(
    argument: exp.Expression, known: Mapping[str, SqlFile], values: Mapping[str, Any]
) -> exp.Expression:
    inner = _accounts(argument)
    inner = inner.where(_same("account", "customer", "customer_id"))
    inner = inner.where(exp.column("status", table="account").isin(*LIVE))
    return exp.Exists(this=inner.where(exp.paren(_bind(argument, known, values, "account_id", True))))


def select_members(
    known: Mapping[str, SqlFile],
    grain: str,
    asked: Asked | None,
    values: Mapping[str, Any],
    fields: Mapping[str, str],
    more: Sequence[exp.Expression],
) -> exp.Select:
    """The query that finds an audience.

    Args:
        known: the relations.
        grain: customer, household, account or area.
        asked: the checked condition; everybody where None.
        values: what the placeholders stand for.
        fields: further columns to select, name to ``relation.column`` (already checked).
        more: further conditions of our own.

    Returns:
        a SELECT of customer_id, account_id (empty text unless the grain is the account), and the fields.
    """
    by = "account_id" if grain == "account" else "customer_id"
    wanted = set(asked.outer if asked else ()) | {name.partition(".")[0] for name in fields.values()}
    for condition in more:
        wanted |= {
            str(column.args["table"].name)
            for column in condition.find_all(exp.Column)
            if column.args.get("table")
        }
    wanted = {name for name in wanted if name in known} - {"customer", "account"}
    items: list[exp.Expression] = [
        exp.alias_(exp.column("customer_id", table="customer", quoted=True), "customer_id"),
        exp.alias_(
            exp.column("account_id", table="account", quoted=True)
            if by == "account_id"
            else exp.Literal.string(""),
            "account_id",
        ),
    ]
    for name, source in fields.items():
        table, _, column = source.partition(".")
        items.append(exp.alias_(exp.column(column, table=table, quoted=True), name, quoted=True))
    query = exp.select(*items).from_(_relation_table("customer"))
    if by == "account_id":
        query = query.join(_relation_table("account"), on=_same("account", "customer", "customer_id"))
    for name in sorted(wanted):
        join_by = key_of(known[name])
        other = "account" if join_by == "account_id" else "customer"
        query = query.join(_relation_table(name), on=_same(name, other, join_by), join_type="left")
    for condition in more:
        query = query.where(condition.copy())
    if asked is not None:
        query = query.where(exp.paren(_bind(asked.tree, known, values, by)))
    return query


def asked_relations(query: exp.Expression) -> set[str]:
    """Names of the relations that a query reads."""
    return {table.name for table in query.find_all(exp.Table) if table.db == SCHEMA}


def prepare(session: Session, names: set[str]) -> None:
    """Make relations readable in a session, each computed once.

    Raises:
        SqlFileError: what a relation reads is not in the lake.
    """
    known = relations(session.settings.include)
    session.duck.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    there = {
        row[0]
        for row in session.duck.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_catalog = CURRENT_DATABASE() AND table_schema = ?",
            [SCHEMA],
        ).fetchall()
    }
    for name in sorted(names - there):
        file = known[name]
        session.see(sorted(file.references))
        casts = ", ".join(
            f'CAST("{column}" AS {TYPES[kind].duckdb}) AS "{column}"'
            for column, kind in columns_of(file).items()
        )
        session.duck.execute(
            f'CREATE TABLE {SCHEMA}."{name}" AS SELECT {casts} FROM ({session.text_of(file)})'
        )
