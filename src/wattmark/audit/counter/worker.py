"""Runs the rules over one application at a time, in a small session that is made once a day and lake version."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar, cast

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from wattmark.audit.counter.plan import CUSTOMER, ORDER, TARIFF, Plan
from wattmark.audit.counter.request import Application, refuse_strangers
from wattmark.audit.counter.store import LookUpFile
from wattmark.audit.in_force import rows_sql
from wattmark.audit.rules import Rule
from wattmark.audit.scope import ACCOUNTS, UNITS, scoped_sql
from wattmark.audit.slice import ACCOUNT
from wattmark.contract.types import schema_of
from wattmark.engine.catalog import SOURCE_LAYER
from wattmark.engine.session import ACCEPTED, DuckDBSession
from wattmark.engine.sqlfile import SqlFile, engine_error, literal
from wattmark.run import Run

T = TypeVar("T")

IN_HAND = "core.open_application"
"""The applications that the rules look at."""
HANDS = 2
"""Connections over which the rules about one application are shared out: an answer is waited for, and most of
what a rule takes is planning its statement, which DuckDB does in one thread."""


class Worker:
    """A small session that holds one application at a time; rules are bound once a day and lake version.

    Args:
        plan: what is run and read.
        store: the lake's rows.
        as_of: the local day applications are checked on.
        threads: where the connections work; shared by all workers of a counter.
    """

    def __init__(self, plan: Plan, store: LookUpFile, as_of: dt.date, threads: ThreadPoolExecutor) -> None:
        self.plan, self.store, self.as_of, self._threads = plan, store, as_of, threads
        settings = plan.settings
        compute = settings.compute.model_copy(
            update={"threads": 1, "memory_limit_mb": 512, "engine": "duckdb"}
        )
        self.session = DuckDBSession(
            settings.model_copy(update={"compute": compute}),
            Run.of(as_of, settings.utility.time_zone),
            plan.catalog,
            stored=False,
        )
        try:
            self._schemas = {name: plan.catalog.contract.tables[name].accepted_schema for name in plan.tables}
            self._tariffs = frozenset(store.whole(TARIFF).column("tariff_code").to_pylist())
            for name in plan.shared:
                self.session.give(f"{ACCEPTED}.{name}", store.whole(name))
                self._keep(f"{SOURCE_LAYER}.{name}", self._as_known(name, f"{ACCEPTED}.{name}"))
            self._sources = {name: self._source(name) for name in plan.tables}
            self._derived = self._derived_waves()
            in_hand = self.session.text_of(cast(SqlFile, plan.catalog.tables[IN_HAND]))
            self._in_hand = self._parsed(f"SELECT COUNT(*) FROM ({in_hand})")
            self.statements = [(rule, self._parsed(self._statement(rule))) for rule in plan.rules.values()]
            self._alone = threading.Lock()
            self._hands = [self._hand() for _ in range(HANDS)]
        except BaseException:
            self.session.close()
            raise

    def _source(self, name: str) -> duckdb.Statement:
        """What puts the rows registered as ``_rows`` in place of a source table, which stands empty until then."""
        rows_as_known = self._as_known(name, "_rows")
        put = self._putting(f"{SOURCE_LAYER}.{name}", rows_as_known)
        self.session.duck.register("_rows", self._schemas[name].empty_table())
        self._keep(f"{SOURCE_LAYER}.{name}", rows_as_known)
        self.session.duck.unregister("_rows")
        return put

    def _derived_waves(self) -> list[list[tuple[str, duckdb.Statement | None]]]:
        """Derived tables to be made for each application, with their statements where SQL makes them.

        Those of one wave do not need each other. What rests on shared tables alone is made here, once.
        """
        known = {f"{SOURCE_LAYER}.{name}" for name in self.plan.shared}
        wave_of: dict[str, int] = {}
        waves: list[list[tuple[str, duckdb.Statement | None]]] = []
        for name in self.plan.derived:
            made = self.plan.catalog.tables[name]
            text = self.session.text_of(made) if isinstance(made, SqlFile) else None
            self._make(name, text)
            if made.references <= known:
                known.add(name)
                continue
            wave = max((wave_of[needed] + 1 for needed in made.references if needed in wave_of), default=0)
            wave_of[name] = wave
            if wave == len(waves):
                waves.append([])
            waves[wave].append((name, None if text is None else self._putting(name, text)))
        return waves

    def _as_known(self, name: str, relation: str) -> str:
        """SQL text of a source table's rows as they are known on the day."""
        statement = sqlglot.parse_one(
            self.plan.catalog.contract.tables[name].as_of_sql(relation), read="duckdb"
        )

        def value(node: exp.Expression) -> exp.Expression:
            return (
                literal(self.session.scalars[str(node.this)]) if isinstance(node, exp.Placeholder) else node
            )

        return str(statement.transform(value).sql(dialect="duckdb"))

    def _keep(self, name: str, text: str) -> None:
        """Give the session a table, made by SQL text, where it would otherwise read a view over views."""
        self.session.give(name, self.session.duck.sql(text).to_arrow_table())

    def _make(self, name: str, text: str | None) -> None:
        if text is None:
            self.session.build(name)
        else:
            self._keep(name, text)

    def _parsed(self, text: str) -> duckdb.Statement:
        """A statement that need not be parsed again for each application."""
        (statement,) = self.session.duck.extract_statements(text)
        return statement

    def _putting(self, name: str, text: str) -> duckdb.Statement:
        """What puts rows in place of those of the last application."""
        layer, table = name.split(".")
        return self._parsed(f'CREATE OR REPLACE TABLE "{layer}"."{table}" AS {text}')

    def _hand(self) -> duckdb.DuckDBPyConnection:
        """One more connection to the session's tables; the zone belongs to a connection."""
        hand = self.session.duck.cursor()
        hand.execute(f"SET TimeZone = '{self.plan.settings.zone.key}'")
        return hand

    def _with_parameter_tables(self, file: SqlFile) -> SqlFile:
        """The file reading its parameters' relations from tables, which is quicker than spelling them."""
        values = file.values(file.day_of(self.session.scalars), self.session.overrides.get(file.name))

        def table(node: exp.Expression) -> exp.Expression:
            if not (isinstance(node, exp.Table) and node.db == "param" and node.name in file.parameters):
                return node
            parameter = file.parameters[node.name]
            rows = parameter.rows(values[node.name])
            columns = {name: [row[at] for row in rows] for at, name in enumerate(parameter.columns)}
            schema = schema_of(parameter.columns)
            stored = f"{file.table}_{node.name}"
            self.session.give(f"parameter.{stored}", pa.Table.from_pydict(columns, schema=schema))
            kept = exp.to_table(f'parameter."{stored}"', dialect="duckdb")
            kept.set("alias", exp.TableAlias(this=exp.to_identifier(node.alias or node.name)))
            return kept

        return dataclasses.replace(file, statement=file.statement.transform(table))

    def _statement(self, rule: Rule) -> str:
        file = self._with_parameter_tables(rule.file)
        text = rows_sql(self.session, rule, self.session.text_of(file))
        columns = file.statement.named_selects
        text = scoped_sql(self.session, rule, text, columns, readable=(ACCOUNTS, UNITS))
        unjudged = " AND r.not_checked IS NULL" if "not_checked" in file.statement.named_selects else ""
        return f"SELECT * FROM ({text}) AS r WHERE r.flagged{unjudged} ORDER BY r.subject_id"

    def close(self) -> None:
        """Give back memory."""
        for hand in self._hands:
            hand.close()
        self.session.close()

    def _share(self, tasks: Iterable[Callable[[duckdb.DuckDBPyConnection], T]]) -> list[T]:
        """Do tasks with the hands, each taking the next one; results in the order of the tasks."""
        waiting = iter(enumerate(tasks))
        taking = threading.Lock()

        def work(hand: duckdb.DuckDBPyConnection) -> list[tuple[int, T]]:
            done: list[tuple[int, T]] = []
            while True:
                with taking:
                    taken = next(waiting, None)
                if taken is None:
                    return done
                done.append((taken[0], taken[1](hand)))

        # All are waited for before the first error is raised: a hand must not be used by two applications.
        shares = [self._threads.submit(work, hand) for hand in self._hands]
        wait(shares)
        done = itertools.chain.from_iterable(share.result() for share in shares)
        return [result for _, result in sorted(done, key=itemgetter(0))]

    def _fill(self, given: Application) -> dict[str, pa.Table]:
        """Put in place the application's rows, and the lake's of the tables that it does not bring."""
        tables = {
            name: pa.Table.from_pylist(rows, schema=self._schemas[name]) for name, rows in given.rows.items()
        }
        accounts = tables[ORDER].column("account_id").to_pylist()

        def held(table: str, column: str) -> list[Any]:
            values: list[Any] = tables[table].column(column).to_pylist()
            return values

        def put(name: str, hand: duckdb.DuckDBPyConnection) -> None:
            if name not in tables:
                tables[name] = self.store.rows(name, self.plan.slice.keys(name, accounts, held))
            if name == ACCOUNT:
                tables[name] = _changed(tables[name], given.changes)
            hand.register("_rows", tables[name])
            hand.execute(self._sources[name])
            hand.unregister("_rows")

        for names in self.plan.waves:
            self._share(partial(put, name) for name in names)
        return tables

    def check(
        self, given: Application, *, only_in_hand: bool
    ) -> tuple[bool, list[tuple[Rule, dict[str, Any]]]]:
        """Whether an order is in hand, and the rows that rules flag."""
        tables = self._fill(given)
        refuse_strangers(
            tables[ACCOUNT].to_pylist(), tables[CUSTOMER].to_pylist(), given.changes, self._tariffs
        )
        in_hand = bool(self.session.duck.execute(self._in_hand).fetchall()[0][0])
        if only_in_hand and not in_hand:
            return False, []
        for wave in self._derived:
            self._share(partial(self._derive, name, statement) for name, statement in wave)
        found = self._share(partial(self._ask, rule, statement) for rule, statement in self.statements)
        return in_hand, list(itertools.chain.from_iterable(found))

    def _derive(self, name: str, statement: duckdb.Statement | None, hand: duckdb.DuckDBPyConnection) -> None:
        if statement is not None:
            hand.execute(statement)
        else:
            # The session has one connection, and the tables made in Python use it one after the other.
            with self._alone:
                self.session.build(name)

    @staticmethod
    def _ask(
        rule: Rule, statement: duckdb.Statement, hand: duckdb.DuckDBPyConnection
    ) -> list[tuple[Rule, dict[str, Any]]]:
        """What a rule flags."""
        try:
            answer = hand.execute(statement)
            columns = [column[0] for column in answer.description or ()]
            return [(rule, dict(zip(columns, row, strict=True))) for row in answer.fetchall()]
        except duckdb.Error as error:
            raise engine_error(rule.file, error) from None


def _changed(account: pa.Table, changes: Mapping[str, Any]) -> pa.Table:
    """The account's rows with other values in some columns."""
    for column, value in changes.items():
        at = account.schema.get_field_index(column)
        field = account.schema.field(at)
        account = account.set_column(at, field, pa.array([value] * account.num_rows, field.type))
    return account
