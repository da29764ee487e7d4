"""The audit at the counter: one application checked at once, by the SQL files that the night runs.

An application is a set of source rows: the order, and whatever rows it brings (account, customer, supply
points, fees, metering points, meters, instrument transformers, dedicated transformers). Tables that it
does not bring are filled from the lake with the rows of its account. The rules then run over these few
rows as they run over all rows at night.

The lake's files are made for scans. For the counter the few tables it looks into are kept once more in one
DuckDB file, each sorted by what it is looked up by, so that a look-up reads one block and not a million
rows. The file is made anew when a table has a new version; until it is ready the old one answers.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import fcntl
import hashlib
import itertools
import logging
import queue
import string
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import duckdb
import pyarrow as pa
import sqlglot
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model
from sqlglot import exp

from wattmark.audit.rules import FIXED_COLUMNS, Rule, all_rules
from wattmark.contract.model import Column, Table
from wattmark.contract.types import schema_of
from wattmark.engine.catalog import SOURCE_LAYER, catalog_of
from wattmark.engine.session import ACCEPTED, DuckDBSession, engine_error
from wattmark.engine.sqlfile import SqlFile, literal
from wattmark.errors import WattmarkError
from wattmark.home import Home
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark.writer import HomeError, holding

log = logging.getLogger(__name__)

Language = Literal["en", "zh"]
T = TypeVar("T")

ORDER = "service_order"
IN_HAND = "core.open_application"
"""The applications that the rules look at."""
MAX_ROWS = 500
"""Rows one table of an application may have; a customer with more is not served at a counter."""
MAX_TEXT = 500
"""Characters one value may have."""
RECHECK_SECONDS = 30.0
"""How often the lake is asked for new versions."""
BLOCK_ROWS = 8192
"""Rows in a block of the look-up file: a look-up reads one block of a table, as the rows are sorted."""
HANDS = 2
"""Connections over which the rules about one application are shared out: an answer is waited for, and most of
what a rule takes is planning its statement, which DuckDB does in one thread."""
_DEFAULTED = ("updated_at", "submitted_at")
"""Columns that a counter does not type in: the first instant of ``as_of`` stands where they are left out."""


@dataclass(frozen=True)
class _LookUp:
    """How the rows of a table that belong to an account are found: ``column`` in ``key`` of ``table``."""

    column: str
    table: str
    key: str


_BY_ACCOUNT = _LookUp("account_id", ORDER, "account_id")
_OTHERWISE = {
    "customer": _LookUp("customer_id", "account", "customer_id"),
    "meter": _LookUp("meter_id", "metering_point", "meter_id"),
    "instrument_transformer": _LookUp("metering_point_id", "metering_point", "metering_point_id"),
}


def _depth(how: _LookUp, lookups: Mapping[str, _LookUp]) -> int:
    """How many look-ups come before this one."""
    return 0 if how.table == ORDER else 1 + _depth(lookups[how.table], lookups)


class ApplicationError(WattmarkError):
    """The application does not fit the source contract.

    ``problems`` lists ``{"where": "account[0].supply_kv", "what": "…"}``; no value is repeated in it.
    """

    def __init__(self, problems: list[dict[str, str]]) -> None:
        self.problems = problems
        listed = "; ".join(f"{one['where']}: {one['what']}" for one in problems[:3])
        super().__init__(
            "counter.application",
            f"the application has {len(problems)} problem{'s' if len(problems) != 1 else ''}: {listed}.",
            "Correct the fields named; the source contract says what each table holds.",
        )


@dataclass(frozen=True)
class Violation:
    """A rule that a subject breaks; ``message`` and ``title`` in the language asked for."""

    rule_id: str
    title: str
    message: str
    severity: str
    kind: str
    subject_type: str
    subject_id: str
    at_stake_amount: float | None
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Looked:
    """What the rules say of one application.

    ``in_hand``: an order is new or increase, and neither closed, withdrawn nor rejected (``core.open_application``).
    ``violations``: the same ones, in the same order, in each language.
    """

    in_hand: bool
    violations: dict[Language, list[Violation]]


class Counter:
    """Checks applications; may be called from several threads.

    Args:
        settings: the utility's settings; their parameters hold here too.
        workers: how many applications are checked at the same time.
    """

    def __init__(self, settings: Settings, workers: int = 2) -> None:
        self.settings = settings
        self.catalog = catalog_of(settings)
        self.rules = {
            rule_id: rule for rule_id, rule in all_rules(self.catalog).items() if "online" in rule.modes
        }
        order = self.catalog.order(f"audit.{rule_id}" for rule_id in self.rules)
        self.derived = [name for name in order if not name.startswith("audit.")]
        read = {reference for name in order for reference in self.catalog.tables[name].references}
        names = {name.split(".")[1] for name in read if name.startswith(f"{SOURCE_LAYER}.")} | {
            ORDER,
            "account",
        }
        contract = self.catalog.contract
        self.lookups = {name: found for name in sorted(names) if (found := _look_up(contract.tables[name]))}
        self.reference = sorted(names - set(self.lookups))
        self._models = {name: _row_model(contract.tables[name]) for name in self.lookups}
        self._store = _Store(settings, self.lookups, self.reference)
        self._workers: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._workers.put(None)
        self.threads = ThreadPoolExecutor(workers * HANDS, "counter-rules")

    def prepare(self) -> None:
        """Make the look-up file and start a worker, so that the first answer is as fast as any."""
        with self._worker(self._today()):
            pass

    def renew(self) -> Path:
        """Make the look-up file for the lake as it is now, unless it is there; returns its path."""
        return self._store.make(patience_minutes=1)

    def close(self) -> None:
        """Give back memory; the counter must not be used afterwards."""
        while not self._workers.empty():
            worker = self._workers.get()
            if worker is not None:
                worker.close()
        self.threads.shutdown()
        self._store.close()

    def _today(self) -> dt.date:
        return dt.datetime.now(self.settings.zone).date()

    @contextmanager
    def _worker(self, as_of: dt.date) -> Iterator[_Worker]:
        worker = self._workers.get()
        try:
            store = self._store.current()
            if worker is None or worker.as_of != as_of or worker.store is not store:
                if worker is not None:
                    worker.close()
                    worker = None
                worker = _Worker(self, store, as_of)
            yield worker
        finally:
            self._workers.put(worker)

    def check(
        self, application: Mapping[str, Any], language: Language = "en", as_of: dt.date | None = None
    ) -> list[Violation]:
        """Run all online rules over one application.

        Args:
            application: rows by contract table name, each a mapping or a list of mappings; ``service_order``
                must be there. ``account_id`` may be left out of the rows of other tables.
            language: language of titles and messages.
            as_of: the local day it is checked on; today where None.

        Returns:
            what is wrong, by rule and subject.

        Raises:
            ApplicationError: tables or columns that do not exist, wrong types or values, rows of other
                accounts, an account nobody knows.
        """
        return self.look(application, as_of, (language,)).violations[language]

    def look(
        self,
        application: Mapping[str, Any],
        as_of: dt.date | None = None,
        languages: Iterable[Language] = ("en", "zh"),
        *,
        only_in_hand: bool = False,
    ) -> Looked:
        """As ``check``, in several languages at once, and whether the order is in hand at all.

        With ``only_in_hand`` the rules are not asked about an order that is not.
        """
        day = as_of or self._today()
        rows = self._validated(application, day)
        with self._worker(day) as worker:
            in_hand, found = worker.check(rows, only_in_hand=only_in_hand)
        return Looked(
            in_hand,
            {
                language: [_violation(rule, row, language, self.settings) for rule, row in found]
                for language in languages
            },
        )

    def _validated(self, application: Mapping[str, Any], day: dt.date) -> dict[str, list[dict[str, Any]]]:
        problems: list[dict[str, str]] = []

        def refuse(where: str, what: str) -> None:
            problems.append({"where": where, "what": what})

        given: dict[str, list[Any]] = {}
        for name, rows in application.items():
            if name not in self.lookups:
                refuse(str(name)[:60], f"no such table here; there are {', '.join(sorted(self.lookups))}")
                continue
            given[name] = rows if isinstance(rows, list) else [rows]
            if len(given[name]) > MAX_ROWS:
                raise ApplicationError([{"where": name, "what": f"more than {MAX_ROWS} rows"}])
        if not given.get(ORDER):
            raise ApplicationError([*problems, {"where": ORDER, "what": "the order is missing"}])
        account_id = next(
            (
                row["account_id"]
                for name in (ORDER, "account")
                for row in given.get(name, [])
                if isinstance(row, dict) and row.get("account_id")
            ),
            None,
        )
        start = dt.datetime.combine(day, dt.time(), self.settings.zone)
        result: dict[str, list[dict[str, Any]]] = {}
        for name, rows in given.items():
            table = self.catalog.contract.tables[name]
            columns = {column.name for column in table.columns}
            filler: dict[str, Any] = {column: start for column in _DEFAULTED if column in columns}
            if self.lookups[name] is _BY_ACCOUNT:
                filler["account_id"] = account_id
            result[name] = []
            keys = set()
            for at, row in enumerate(rows):
                if not isinstance(row, dict):
                    refuse(f"{name}[{at}]", "is not an object")
                    continue
                try:
                    good = self._models[name].model_validate({**filler, **row}).model_dump()
                except ValidationError as error:
                    for one in error.errors(include_url=False, include_context=False, include_input=False):
                        refuse(f"{name}[{at}].{'.'.join(map(str, one['loc']))[:60]}", one["msg"])
                    continue
                if self.lookups[name] is _BY_ACCOUNT and good["account_id"] != account_id:
                    refuse(f"{name}[{at}].account_id", "belongs to another account than the order")
                key = tuple(good[column] for column in table.key)
                if key in keys:
                    refuse(f"{name}[{at}]", f"the same {', '.join(table.key)} as in another row")
                keys.add(key)
                result[name].append(self._zoned(good))
        if len(result.get("account", [])) > 1:
            refuse("account", "more than one account")
        if problems:
            raise ApplicationError(problems)
        return result

    def _zoned(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            name: value.replace(tzinfo=self.settings.zone)
            if isinstance(value, dt.datetime) and value.tzinfo is None
            else value
            for name, value in row.items()
        }


def _look_up(table: Table) -> _LookUp | None:
    if table.name in _OTHERWISE:
        return _OTHERWISE[table.name]
    return _BY_ACCOUNT if any(column.name == "account_id" for column in table.columns) else None


def _field(column: Column) -> tuple[Any, Any]:
    kinds: dict[str, Any] = {
        "string": Annotated[str, Field(max_length=MAX_TEXT)],
        "integer": Annotated[int, Field(ge=-(2**63), lt=2**63)],
        "decimal": Annotated[decimal.Decimal, Field(max_digits=18, decimal_places=2, allow_inf_nan=False)],
        "double": Annotated[float, Field(allow_inf_nan=False)],
        "date": dt.date,
        "timestamp": dt.datetime,
        "boolean": bool,
    }
    kind = kinds[column.type]
    if column.key:
        kind = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)] if column.type == "string" else kind
    if column.values:
        allowed = column.values

        def one_of(value: Any) -> Any:
            if value not in allowed:
                raise ValueError(f"must be one of {', '.join(map(str, allowed))}")
            return value

        kind = Annotated[kind, AfterValidator(one_of)]
    return (kind | None, None) if column.optional else (kind, ...)


def _row_model(table: Table) -> type[BaseModel]:
    fields: dict[str, Any] = {column.name: _field(column) for column in table.columns}
    return create_model(table.name, __config__=ConfigDict(extra="forbid"), **fields)


class _File:
    """One look-up file, open for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.duck = duckdb.connect(str(path), read_only=True, config={"threads": 1, "memory_limit": "512MB"})

    def rows(self, table: str, column: str, keys: Iterable[Any]) -> pa.Table:
        """Rows whose column is one of the keys; names are the contract's, keys are bound as values."""
        wanted = sorted({key for key in keys if key is not None})
        marks = ", ".join("?" for _ in wanted) or "NULL"
        cursor = self.duck.cursor()
        try:
            return cursor.sql(
                f'SELECT * FROM "{table}" WHERE "{column}" IN ({marks})', params=wanted
            ).to_arrow_table()
        finally:
            cursor.close()

    def whole(self, table: str) -> pa.Table:
        """All rows of a small table."""
        cursor = self.duck.cursor()
        try:
            return cursor.sql(f'SELECT * FROM "{table}"').to_arrow_table()
        finally:
            cursor.close()

    def close(self) -> None:
        self.duck.close()


class _Store:
    """Keeps the look-up file in step with the lake."""

    def __init__(self, settings: Settings, lookups: Mapping[str, _LookUp], reference: Iterable[str]) -> None:
        self.settings = settings
        self.lookups = {name: found for name, found in lookups.items() if name != ORDER}
        self.reference = tuple(reference)
        self.folder = Home(settings.home).counter
        self._lock = threading.Lock()
        self._open: _File | None = None
        self._asked = 0.0
        self._refreshing: threading.Thread | None = None

    def current(self) -> _File:
        """The newest file there is; the very first is made here, later ones beside the work."""
        with self._lock:
            if self._open is None:
                self._open = _File(self.make())
                self._asked = time.monotonic()
            elif time.monotonic() - self._asked > RECHECK_SECONDS and not (
                self._refreshing and self._refreshing.is_alive()
            ):
                self._asked = time.monotonic()
                self._refreshing = threading.Thread(target=self._refresh, name="counter-look-up", daemon=True)
                self._refreshing.start()
            return self._open

    def _refresh(self) -> None:
        try:
            path = self.make()
        except (WattmarkError, OSError, duckdb.Error):
            log.exception("The look-up file could not be made anew; the last one goes on answering.")
            return
        with self._lock:
            if self._open is not None and self._open.path != path:
                # Workers that still read the old file keep it open; it closes when the last lets go.
                self._open = _File(path)

    @cached_property
    def _names(self) -> list[str]:
        return sorted({*self.lookups, *self.reference})

    def path(self) -> Path:
        """Where the file for the lake as it is now lies, made or not."""
        lake = Lake(self.settings.lake)
        stamp = ",".join(f"{name}={lake.stamp(f'{ACCEPTED}.{name}')}" for name in self._names)
        return self.folder / f"lookup-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}.duckdb"

    def make(self, patience_minutes: float = 0) -> Path:
        """Make the file for the lake as it is now, unless it is there; returns its path.

        One process makes it while others wait, and it appears under its name only when it is whole. While a night
        writes the lake, the newest file there is goes on answering, so that no half of a night is taken up; without
        any, the night is waited for.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self.path()
            if path.exists():
                return path
            there = max(
                self.folder.glob("lookup-*.duckdb"), key=lambda one: one.stat().st_mtime, default=None
            )
            limits = self.settings.writer
            if there:
                limits = limits.model_copy(update={"wait_minutes": patience_minutes})
            try:
                with holding(self.settings.home, "the counter's look-up file", limits=limits, tell=log.info):
                    return self._fill(self.path())
            except HomeError as error:
                if there is None or error.code != "home.busy":
                    raise
                log.info("%s The look-up file as it was goes on answering.", error.message)
                return there

    def _fill(self, path: Path) -> Path:
        if path.exists():
            return path
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        target = literal(str(partial)).sql(dialect="duckdb")
        today = dt.datetime.now(self.settings.zone).date()
        with DuckDBSession(self.settings, Run.of(today, self.settings.utility.time_zone)) as session:
            session.see(f"{ACCEPTED}.{name}" for name in self._names)
            session.duck.execute(f"ATTACH {target} AS look_up (ROW_GROUP_SIZE {BLOCK_ROWS})")
            # Order is what makes a look-up read one block.
            session.duck.execute("SET preserve_insertion_order = true")
            for name in self._names:
                order = f' ORDER BY "{self.lookups[name].column}"' if name in self.lookups else ""
                session.duck.execute(
                    f'CREATE TABLE look_up."{name}" AS SELECT * FROM {ACCEPTED}."{name}"{order}'
                )
            session.duck.execute("DETACH look_up")
        partial.replace(path)
        for old in self.folder.glob("lookup-*.duckdb"):
            if old != path:
                old.unlink(missing_ok=True)
        return path

    def close(self) -> None:
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None


class _Worker:
    """A small session that holds one application at a time; rules are bound once a day and lake version."""

    def __init__(self, counter: Counter, store: _File, as_of: dt.date) -> None:
        self.counter = counter
        self.store = store
        self.as_of = as_of
        settings = counter.settings
        small = settings.model_copy(
            update={
                "compute": settings.compute.model_copy(
                    update={"threads": 1, "memory_limit_mb": 512, "engine": "duckdb"}
                )
            }
        )
        self.session = DuckDBSession(
            small, Run.of(as_of, settings.utility.time_zone), counter.catalog, stored=False
        )
        contract = counter.catalog.contract
        self.schemas = {name: contract.tables[name].accepted_schema for name in counter.lookups}
        try:
            known: set[str] = set()
            for name in counter.reference:
                self.session.give(f"{ACCEPTED}.{name}", store.whole(name))
                self._keep(f"{SOURCE_LAYER}.{name}", self._as_known(name, f"{ACCEPTED}.{name}"))
                known.add(f"{SOURCE_LAYER}.{name}")
            self.sources: dict[str, duckdb.Statement] = {}
            for name, schema in self.schemas.items():
                rows_as_known = self._as_known(name, "_rows")
                self.sources[name] = self._putting(f"{SOURCE_LAYER}.{name}", rows_as_known)
                self.session.duck.register("_rows", schema.empty_table())
                self._keep(f"{SOURCE_LAYER}.{name}", rows_as_known)
                self.session.duck.unregister("_rows")
            waves: dict[str, int] = {}
            self.derived: list[list[tuple[str, duckdb.Statement | None]]] = []
            for name in counter.derived:
                made = counter.catalog.tables[name]
                text = self.session.text_of(made) if isinstance(made, SqlFile) else None
                self._make(name, text)
                # What rests on reference tables alone is the same for every application.
                if made.references <= known:
                    known.add(name)
                else:
                    wave = max((waves[one] + 1 for one in made.references if one in waves), default=0)
                    waves[name] = wave
                    if wave == len(self.derived):
                        self.derived.append([])
                    self.derived[wave].append((name, None if text is None else self._putting(name, text)))
            in_hand = self.session.text_of(cast(SqlFile, counter.catalog.tables[IN_HAND]))
            self.in_hand = self._parsed(f"SELECT COUNT(*) FROM ({in_hand})")
            self.statements = [
                (rule, self._parsed(self._statement(rule.file))) for rule in counter.rules.values()
            ]
            self.by_depth = [
                [name for name, how in counter.lookups.items() if _depth(how, counter.lookups) == depth]
                for depth in range(1 + max(_depth(how, counter.lookups) for how in counter.lookups.values()))
            ]
            self.alone = threading.Lock()
            self.hands = [self._hand() for _ in range(HANDS)]
        except BaseException:
            self.session.close()
            raise

    def _as_known(self, name: str, relation: str) -> str:
        """SQL text of a source table's rows as they are known on the day."""
        statement = sqlglot.parse_one(
            self.counter.catalog.contract.tables[name].as_of_sql(relation), read="duckdb"
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
        hand.execute(f"SET TimeZone = '{self.counter.settings.zone.key}'")
        return hand

    def _with_parameter_tables(self, file: SqlFile) -> SqlFile:
        """The file reading its parameters' relations from tables, which is quicker than spelling them."""
        overrides = self.session.overrides.get(file.name, {})

        def table(node: exp.Expression) -> exp.Expression:
            if not (isinstance(node, exp.Table) and node.db == "param" and node.name in file.parameters):
                return node
            parameter = file.parameters[node.name]
            rows = parameter.rows(overrides.get(node.name, parameter.default))
            columns = {name: [row[at] for row in rows] for at, name in enumerate(parameter.columns)}
            schema = schema_of(parameter.columns)
            stored = f"{file.table}_{node.name}"
            self.session.give(f"parameter.{stored}", pa.Table.from_pydict(columns, schema=schema))
            kept = exp.to_table(f'parameter."{stored}"', dialect="duckdb")
            kept.set("alias", exp.TableAlias(this=exp.to_identifier(node.alias or node.name)))
            return kept

        return dataclasses.replace(file, statement=file.statement.transform(table))

    def _statement(self, file: SqlFile) -> str:
        text = self.session.text_of(self._with_parameter_tables(file))
        unjudged = " AND r.not_checked IS NULL" if "not_checked" in file.statement.named_selects else ""
        return f"SELECT * FROM ({text}) AS r WHERE r.flagged{unjudged} ORDER BY r.subject_id"

    def close(self) -> None:
        for hand in self.hands:
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
        shares = [self.counter.threads.submit(work, hand) for hand in self.hands]
        wait(shares)
        done = itertools.chain.from_iterable(share.result() for share in shares)
        return [result for _, result in sorted(done, key=itemgetter(0))]

    def _fill(self, given: dict[str, list[dict[str, Any]]]) -> dict[str, pa.Table]:
        """Put in place the application's rows, and the lake's of the tables that it does not bring."""
        tables = {name: pa.Table.from_pylist(rows, schema=self.schemas[name]) for name, rows in given.items()}

        def put(name: str, hand: duckdb.DuckDBPyConnection) -> None:
            if name not in tables:
                how = self.counter.lookups[name]
                keys = tables[how.table].column(how.key).to_pylist()
                tables[name] = self.store.rows(name, how.column, keys)
            hand.register("_rows", tables[name])
            hand.execute(self.sources[name])
            hand.unregister("_rows")

        for names in self.by_depth:
            self._share(partial(put, name) for name in names)
        return tables

    def check(
        self, given: dict[str, list[dict[str, Any]]], *, only_in_hand: bool
    ) -> tuple[bool, list[tuple[Rule, dict[str, Any]]]]:
        """Whether an order is in hand, and the rows that rules flag."""
        self._refuse_strangers(self._fill(given))
        in_hand = bool(self.session.duck.execute(self.in_hand).fetchall()[0][0])
        if only_in_hand and not in_hand:
            return False, []
        for wave in self.derived:
            self._share(partial(self._derive, name, statement) for name, statement in wave)
        found = self._share(partial(self._ask, rule, statement) for rule, statement in self.statements)
        return in_hand, list(itertools.chain.from_iterable(found))

    def _derive(self, name: str, statement: duckdb.Statement | None, hand: duckdb.DuckDBPyConnection) -> None:
        if statement is not None:
            hand.execute(statement)
        else:
            # The session has one connection, and the tables made in Python use it one after the other.
            with self.alone:
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

    @staticmethod
    def _refuse_strangers(tables: Mapping[str, pa.Table]) -> None:
        account, customer = tables["account"].to_pylist(), tables["customer"].to_pylist()
        if not account:
            raise ApplicationError(
                [
                    {
                        "where": f"{ORDER}[0].account_id",
                        "what": "no such account, and the application brings none",
                    }
                ]
            )
        if len(customer) != 1 or customer[0]["customer_id"] != account[0]["customer_id"]:
            raise ApplicationError(
                [
                    {
                        "where": "account[0].customer_id",
                        "what": "no such customer, and the application does not bring it",
                    }
                ]
            )


_WORDS: dict[Language, dict[Any, str]] = {
    "en": {None: "none", True: "yes", False: "no"},
    "zh": {None: "无", True: "是", False: "否"},
}


class _Sentence(string.Formatter):
    def __init__(self, language: Language, zone: dt.tzinfo) -> None:
        self.language = language
        self.zone = zone

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None or isinstance(value, bool):
            return _WORDS[self.language][value]
        if isinstance(value, float):
            return f"{value:.10g}"
        if isinstance(value, dt.datetime):
            return value.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")
        return str(value)


def _plain(value: Any, zone: dt.tzinfo) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(zone).isoformat()
    return value.isoformat() if isinstance(value, dt.date) else value


def _violation(rule: Rule, row: dict[str, Any], language: Language, settings: Settings) -> Violation:
    zone = settings.zone
    template = rule.messages.get(language) or rule.flags

    message = _Sentence(language, zone).format(template, **row) if language in rule.messages else template
    return Violation(
        rule_id=rule.rule_id,
        title=rule.zh if language == "zh" else rule.title,
        message=message,
        severity=rule.severity,
        kind=rule.kind,
        subject_type=rule.subject,
        subject_id=str(row["subject_id"]),
        at_stake_amount=_plain(row.get("at_stake_amount"), zone),
        evidence={name: _plain(value, zone) for name, value in row.items() if name not in FIXED_COLUMNS},
    )
