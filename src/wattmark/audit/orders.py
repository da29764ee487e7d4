"""Orders by day: new and changed ones are taken from the source and checked as at the counter.

One run looks at the orders changed in ``[since, until)``: ``until`` is the end of its data interval, ``since`` the end of
the last one that was taken less ``extract.orders_late_minutes``. Orders in hand whose account or customer changed are
looked at again. Whatever else belongs to them is read from the source by key, reference tables from the lake as of the
last night. The rules are those of the counter, which are the files the night runs.

What comes out stands in schema ``ops``: ``order_check`` (the newest look at an order), ``order_finding`` (a violation and
the time it stood), ``order_intake`` (a row per run, the watermark).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from wattmark.audit.counter import ORDER, ApplicationError, Counter, Looked, Violation
from wattmark.contract.model import Contract, Table
from wattmark.engine.session import DuckDBSession
from wattmark.home import warehouse_url
from wattmark.publish.ops import SCHEMA, ops_engine, upgrade
from wattmark.quality.checks import Suite, reason_sql, suite_of
from wattmark.quality.landing import landing_kinds
from wattmark.quality.reading import quoted, reading_of
from wattmark.quality.typed import typed_select
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark.sources import source_of
from wattmark.sources.base import PROBLEM, Source

log = logging.getLogger(__name__)

BATCH = 200
"""Orders looked at and written together: what belongs to them is read in one query per table."""
NO_ZONE = dt.timedelta(days=1)
"""A source's times may have no zone; so much earlier is asked for, and what is too early is left out here."""
CHANGING = ("account", "customer")
"""Tables whose change makes the rules look at an order in hand again; the night looks at all others."""

_VERSION = "updated_at"
_T = TypeVar("_T")
_Rows = list[dict[str, Any]]
_ByColumn = dict[str, dict[Any, _Rows]]
"""Rows of a table by column and value."""


@dataclass
class Taken:
    """Counts of one run; ``read_orders`` is the sum of unchanged, checked and refused ones.

    ``again_orders`` were not changed themselves, but their account or customer was.
    """

    read_orders: int = 0
    unchanged_orders: int = 0
    checked_orders: int = 0
    refused_orders: int = 0
    again_orders: int = 0
    found: int = 0
    cleared: int = 0


@dataclass(frozen=True)
class _Order:
    """A row of an order: typed values, and why it cannot be taken, if so."""

    order_id: str
    version: dt.datetime | None
    row: dict[str, Any]
    reason: str | None


@dataclass
class _Outcome:
    """What came of one look at an order."""

    order: _Order
    state: str
    reason: str | None = None
    account_id: str | None = None
    customer_id: str | None = None
    violations: list[tuple[Violation, Violation]] = field(default_factory=list)
    """The same violation in English and in Chinese."""


def take_orders(settings: Settings, until: dt.datetime) -> dict[str, int]:
    """Take the orders changed before a moment and not yet taken, check them, and keep what is wrong with them.

    Run again for the same moment it ends the same. A run for an earlier moment than one that looked at an order leaves
    that order alone.

    Args:
        settings: the home's settings.
        until: end of the data interval, excluded; with a zone.

    Returns:
        counts, as in ``Taken``.

    Raises:
        SourceUnavailableError: the source does not answer; try again.
        SourceError: a table or a required column is missing.
    """
    engine = ops_engine(settings)
    try:
        if not sa.inspect(engine).has_table("order_intake", schema=SCHEMA):
            upgrade(warehouse_url(settings))
        return _Intake(settings, engine, until).run()
    finally:
        engine.dispose()


def renew_look_up(settings: Settings) -> str:
    """Make the counter's look-up file where the lake has new versions; returns the file's name."""
    counter = Counter(settings, workers=1)
    try:
        return counter.renew().name
    finally:
        counter.close()


class _Intake:
    """One run."""

    def __init__(self, settings: Settings, engine: sa.Engine, until: dt.datetime) -> None:
        self.settings = settings
        self.engine = engine
        self.until = until
        last_moment = until.astimezone(settings.zone) - dt.timedelta(microseconds=1)
        self.as_of = last_moment.date()
        self.counter = Counter(settings, workers=1)
        self.contract: Contract = self.counter.plan.catalog.contract
        metadata = sa.MetaData()
        self.intake, self.check, self.finding = (
            sa.Table(name, metadata, schema=SCHEMA, autoload_with=engine)
            for name in ("order_intake", "order_check", "order_finding")
        )
        self.taken = Taken()
        self._sources: dict[str, Source] = {}
        self._suites: dict[str, Suite] = {}

    def run(self) -> dict[str, int]:
        run = Run.of(self.as_of, self.settings.utility.time_zone)
        try:
            with DuckDBSession(self.settings, run, self.counter.plan.catalog) as self.session:
                since = self._since()
                changed = self._newest(self._orders(since=since))
                todo = self._not_yet(changed)
                self.taken.read_orders = len(changed)
                self.taken.unchanged_orders = len(changed) - len(todo)
                again = self._touched(since, {order.order_id for order in todo})
                for part in _parts(todo):
                    self._write(self._look(part), again=False)
                for part in _parts(again):
                    self._write(self._look(part), again=True)
                self._close(since)
        finally:
            for source in self._sources.values():
                source.close()
            self.counter.close()
        counts = vars(self.taken)
        log.info("Orders up to %s: %s", self.until.isoformat(), counts)
        return counts

    # --- reading -----------------------------------------------------------------------------------

    def _since(self) -> dt.datetime:
        query = sa.select(sa.func.max(self.intake.c.until)).where(self.intake.c.until < self.until)
        with self.engine.connect() as connection:
            last: dt.datetime | None = connection.execute(query).scalar_one()
        if last is None:
            return self.until - dt.timedelta(days=self.settings.extract.lookback_days)
        return last - dt.timedelta(minutes=self.settings.extract.orders_late_minutes)

    def _rows(self, name: str, **wanted: Any) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Rows of a table of the source in contract types, each with the first critical check it fails."""
        table = self.contract.tables[name]
        if name not in self._sources:
            self._sources[name] = source_of(table, self.contract, self.settings)
            self._suites[name] = suite_of(table, self.settings.project / "expectations")
        incoming = self._sources[name].some(table, **wanted).read_all()
        duck = self.session.duck
        duck.register("_incoming", incoming)
        kinds = landing_kinds(duck, "_incoming")
        reading = reading_of(self._sources[name].settings, table, self.settings.zone)
        typed = typed_select(table, "_incoming", kinds, (PROBLEM,), reading=reading)
        listed = ", ".join(quoted(column.name) for column in table.columns)
        found: pa.Table = duck.sql(
            f"SELECT {listed}, COALESCE({PROBLEM}, {reason_sql(self._suites[name].critical)}) AS _reason FROM ({typed})"
        ).to_arrow_table()
        duck.unregister("_incoming")
        for row in found.to_pylist():
            reason = row.pop("_reason")
            yield row, reason

    def _orders(self, **wanted: Any) -> Iterator[_Order]:
        """Orders of the source; by time those of the window, and those whose time cannot be read."""
        since = wanted.get("since")
        if since is not None:
            wanted = {"since": since - NO_ZONE}
        for row, reason in self._rows(ORDER, **wanted):
            version = row[_VERSION]
            if since is not None and version is not None and not since <= version < self.until:
                continue
            yield _Order(row["order_id"] or _nameless(row), version, row, reason)

    @staticmethod
    def _newest(orders: Iterable[_Order]) -> list[_Order]:
        """Of several rows of an order the newest; one whose time cannot be read only where there is no other."""
        newest: dict[str, _Order] = {}
        for order in orders:
            other = newest.get(order.order_id)
            if other is None or (
                order.version is not None and (other.version is None or order.version >= other.version)
            ):
                newest[order.order_id] = order
        return [newest[order_id] for order_id in sorted(newest)]

    def _not_yet(self, orders: Sequence[_Order]) -> list[_Order]:
        """Without those that an earlier run looked at in this version, or a later run in any."""
        known: dict[str, tuple[dt.datetime | None, dt.datetime]] = {}
        with self.engine.connect() as connection:
            for part in _parts(orders):
                rows = connection.execute(
                    sa.select(
                        self.check.c.order_id, self.check.c.order_updated_at, self.check.c.checked_for
                    ).where(self.check.c.order_id.in_([order.order_id for order in part]))
                )
                known.update({order_id: (version, checked) for order_id, version, checked in rows})

        def wanted(order: _Order) -> bool:
            if order.order_id not in known:
                return True
            version, checked = known[order.order_id]
            if checked > self.until:
                return False
            if version is not None and order.version is not None and order.version < version:
                return False
            return checked == self.until or order.version != version

        return [order for order in orders if wanted(order)]

    def _touched(self, since: dt.datetime, without: set[str]) -> list[_Order]:
        """Orders in hand, not among ``without``, whose account or customer changed in the window."""
        in_hand = sa.and_(self.check.c.state == "in_hand", self.check.c.checked_for <= self.until)
        with self.engine.connect() as connection:
            if not connection.execute(sa.select(sa.exists().where(in_hand))).scalar_one():
                return []
        ids: set[str] = set()
        for name in CHANGING:
            key = self.contract.tables[name].key[0]
            changed = [
                row[key]
                for row, reason in self._rows(name, since=since - NO_ZONE)
                if reason is None and since <= row[_VERSION] < self.until
            ]
            with self.engine.connect() as connection:
                for part in _parts(changed):
                    ids.update(
                        connection.execute(
                            sa.select(self.check.c.order_id).where(in_hand, self.check.c[key].in_(part))
                        ).scalars()
                    )
        return [
            order
            for part in _parts(sorted(ids - without))
            for order in self._newest(self._orders(among=("order_id", part)))
            if order.version is not None and order.version < self.until
        ]

    # --- looking -----------------------------------------------------------------------------------

    def _look(self, orders: Sequence[_Order]) -> list[_Outcome]:
        good = [order.row for order in orders if order.reason is None]
        rows, dropped = self._belonging(good)
        belongs = {name: self._by_column(name, found) for name, found in rows.items()}
        return [self._look_at(order, belongs, dropped) for order in orders]

    def _belonging(self, orders: _Rows) -> tuple[dict[str, _Rows], dict[str, str]]:
        """Good rows of the source that belong to orders, by table; the orders themselves are not among them.

        Also why an account or customer was left out, by its id.
        """
        rows: dict[str, _Rows] = {ORDER: orders}
        dropped: dict[str, str] = {}
        accounts = [order["account_id"] for order in orders]
        for name in self.counter.plan.tables:
            if name == ORDER:
                continue
            table = self.contract.tables[name]
            newest: dict[tuple[Any, ...], dict[str, Any]] = {}
            for column, keys in self.counter.plan.slice.keys(name, accounts, partial(_held, rows)).items():
                for row, reason in self._rows(name, among=(column, keys)) if keys else ():
                    key = _key(table, row)
                    if reason is not None:
                        dropped[f"{name} {key[0]}"] = f"{name}: {reason}"
                    elif key not in newest or _later(table, row, newest[key]):
                        newest[key] = row
            rows[name] = list(newest.values())
        del rows[ORDER]
        return rows, dropped

    def _by_column(self, name: str, rows: _Rows) -> _ByColumn:
        """Rows of a table by the columns and values they are looked up by."""
        found: _ByColumn = {}
        for column in self.counter.plan.slice.columns(name):
            by_value = found.setdefault(column, defaultdict(list))
            for row in rows:
                by_value[row[column]].append(row)
        return found

    def _application(self, order: _Order, belongs: Mapping[str, _ByColumn]) -> dict[str, _Rows]:
        """An order with what belongs to its account."""
        rows: dict[str, _Rows] = {ORDER: [order.row]}
        for name in self.counter.plan.tables:
            if name == ORDER:
                continue
            wanted = self.counter.plan.slice.keys(name, [order.row["account_id"]], partial(_held, rows))
            # Two columns may find the same row.
            found = {
                _key(self.contract.tables[name], row): row
                for column, keys in wanted.items()
                for key in keys
                for row in belongs[name][column].get(key, ())
            }
            rows[name] = list(found.values())
        return rows

    def _look_at(
        self,
        order: _Order,
        belongs: Mapping[str, _ByColumn],
        dropped: Mapping[str, str],
    ) -> _Outcome:
        account_id = order.row["account_id"]
        if order.reason is not None:
            return _Outcome(order, "refused", f"{ORDER}: {order.reason}", account_id)
        application = self._application(order, belongs)
        customer_id = application["account"][0]["customer_id"] if application["account"] else None
        try:
            looked = self.counter.look(application, self.as_of, only_in_hand=True, is_cut=True)
        except ApplicationError as error:
            why = [
                dropped[key] for key in (f"account {account_id}", f"customer {customer_id}") if key in dropped
            ]
            why += [f"{problem['where']}: {problem['what']}" for problem in error.problems]
            return _Outcome(order, "refused", "; ".join(why)[:500], account_id, customer_id)
        return _Outcome(
            order,
            "in_hand" if looked.in_hand else "ended",
            None,
            account_id,
            customer_id,
            _pairs(looked) if looked.in_hand else [],
        )

    # --- writing -----------------------------------------------------------------------------------

    def _write(self, outcomes: Sequence[_Outcome], *, again: bool) -> None:
        with self.engine.begin() as connection:
            for outcome in outcomes:
                if again:
                    self.taken.again_orders += 1
                elif outcome.state == "refused":
                    self.taken.refused_orders += 1
                else:
                    self.taken.checked_orders += 1
                # What was found of a refused order before stays open: nobody has seen it mended.
                if outcome.state != "refused":
                    self._write_findings(connection, outcome)
                row = {
                    "order_id": outcome.order.order_id,
                    "order_updated_at": outcome.order.version,
                    "account_id": outcome.account_id,
                    "customer_id": outcome.customer_id,
                    "state": outcome.state,
                    "reason": outcome.reason,
                    "checked_for": self.until,
                }
                connection.execute(
                    insert(self.check)
                    .values(row)
                    .on_conflict_do_update(index_elements=["order_id"], set_=row)
                )

    def _write_findings(self, connection: sa.Connection, outcome: _Outcome) -> None:
        table = self.finding
        of_order = sa.and_(table.c.order_id == outcome.order.order_id, table.c.cleared_for.is_(None))
        standing = {
            (rule_id, subject_id)
            for rule_id, subject_id in connection.execute(
                sa.select(table.c.rule_id, table.c.subject_id).where(of_order)
            )
        }
        found = {(english.rule_id, english.subject_id) for english, _ in outcome.violations}
        for english, chinese in outcome.violations:
            values = {
                "order_updated_at": outcome.order.version,
                "severity": english.severity,
                "at_stake_amount": english.at_stake_amount,
                "message_en": english.message,
                "message_zh": chinese.message,
                "evidence": english.evidence,
            }
            named = {"rule_id": english.rule_id, "subject_id": english.subject_id}
            if (english.rule_id, english.subject_id) in standing:
                connection.execute(table.update().where(of_order).filter_by(**named).values(values))
                continue
            self.taken.found += 1
            row = {
                **named,
                **values,
                "order_id": outcome.order.order_id,
                "found_for": self.until,
                "subject_type": english.subject_type,
                "account_id": outcome.account_id,
                "cleared_for": None,
            }
            # Cleared and found again for one moment, it never went away.
            connection.execute(
                insert(table)
                .values(row)
                .on_conflict_do_update(
                    index_elements=["order_id", "rule_id", "subject_id", "found_for"], set_=row
                )
            )
        for rule_id, subject_id in standing - found:
            self.taken.cleared += 1
            connection.execute(
                table.update()
                .where(of_order, table.c.rule_id == rule_id, table.c.subject_id == subject_id)
                .values(cleared_for=self.until)
            )

    def _close(self, since: dt.datetime) -> None:
        """Move the watermark; last, so that a killed run is done again from the same one."""
        row = {
            "until": self.until,
            "since": since,
            "read_orders": self.taken.read_orders,
            "unchanged_orders": self.taken.unchanged_orders,
            "checked_orders": self.taken.checked_orders,
            "refused_orders": self.taken.refused_orders,
            "again_orders": self.taken.again_orders,
        }
        with self.engine.begin() as connection:
            connection.execute(
                insert(self.intake).values(row).on_conflict_do_update(index_elements=["until"], set_=row)
            )


def _pairs(looked: Looked) -> list[tuple[Violation, Violation]]:
    return list(zip(looked.violations["en"], looked.violations["zh"], strict=True))


def _held(rows: Mapping[str, _Rows], table: str, column: str) -> list[Any]:
    return [row[column] for row in rows[table]]


def _key(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column] for column in table.key)


def _later(table: Table, row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return _VERSION in {column.name for column in table.columns} and row[_VERSION] > other[_VERSION]


def _nameless(row: Mapping[str, Any]) -> str:
    """What stands for the id of an order that has none: the same for the same row."""
    return "?" + hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:16]


def _parts(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for at in range(0, len(items), BATCH):
        yield items[at : at + BATCH]
