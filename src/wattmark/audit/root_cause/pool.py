"""Rows of a few accounts in memory: cut out of the night's tables, to be mended and judged again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from wattmark.audit.root_cause.mend import Bench
from wattmark.audit.rules import Rule
from wattmark.audit.slice import Held, Slice
from wattmark.engine.catalog import SOURCE_LAYER
from wattmark.engine.session import ACCEPTED, DuckDBSession, Session

INTERVALS = "interval_reading"
REGISTERS = "facts.interval_register"
POINT = "metering_point"


class Pool:
    """Accepted rows of some accounts and points, and the interval facts of these points.

    Args:
        session: where they are read from.
        rules: what is to be run over them.
        accounts: whose rows; of tables that the rules do not read, only those of ``own`` accounts.
        points: metering points besides those of the accounts.
        areas: ids of the transformers and lines to hold; the transformers of the accounts and all lines where None.
        own: accounts of the causes, a part of ``accounts``; all where None.
    """

    def __init__(
        self,
        session: Session,
        rules: Sequence[Rule],
        accounts: Iterable[str],
        points: Iterable[str],
        areas: Mapping[str, Iterable[str]] | None = None,
        own: Iterable[str] | None = None,
    ) -> None:
        self.settings, self.run, self.catalog = session.settings, session.run, session.catalog
        self._session = session
        self._slice = Slice(session.contract)
        self._points, self._areas = list(points), dict(areas or {})
        accounts = list(accounts)
        order = session.catalog.order(rule.file.name for rule in rules)
        references = {name for made in order for name in session.catalog.tables[made].references}
        read = {table for layer, table in (name.split(".") for name in references) if layer == SOURCE_LAYER}
        self._days_only = REGISTERS in order
        session.see([f"{ACCEPTED}.{name}" for name in session.contract.tables])
        cut = self._cut(read if own is not None else session.contract.tables, accounts, {})
        cut = self._cut(session.contract.tables, accounts if own is None else list(own), cut)
        for name in session.contract.tables:
            if name not in cut:
                cut[name] = self._rows(f"{ACCEPTED}.{name}", self._seed(name))
        self.tables = {f"{ACCEPTED}.{name}": rows for name, rows in cut.items()}
        self._take_facts(_interval_facts(session, rules), accounts)

    # --- cutting ---------------------------------------------------------------------------------

    def _cut(
        self, names: Iterable[str], accounts: Sequence[str], known: Mapping[str, pa.Table]
    ) -> dict[str, pa.Table]:
        """Rows of accounts in some tables, and in those needed for them.

        A table that is ``known`` holds these accounts' rows among others: it is read in place of the night's, and
        stands in the result as it was.
        """
        wanted = [name for name in names if name not in known]
        cut: dict[str, pa.Table] = {}

        def held(table: str, column: str) -> list[Any]:
            values: list[Any] = cut[table].column(column).unique().to_pylist()
            return values

        for name in self._slice.order(wanted):
            keys = self._seed(name) if name in self._areas else self._slice.keys(name, accounts, held)
            if name == POINT:
                keys = {**keys, self._key(POINT): self._points}
            if name in known:
                self._session.duck.register("_rc_known", known[name])
                cut[name] = self._rows("_rc_known", keys)
                self._session.duck.unregister("_rc_known")
            elif name == INTERVALS and self._days_only:
                cut[name] = self._rows(f"{ACCEPTED}.{name}", keys, f"AND day IN ({self._edge_days(held)})")
            else:
                cut[name] = self._rows(f"{ACCEPTED}.{name}", keys)
        return cut | dict(known)

    def _key(self, name: str) -> str:
        return self._session.contract.tables[name].key[0]

    def _seed(self, name: str) -> dict[str, Iterable[Any]]:
        """Keys of a table that is not cut out by account; none where all of it is held."""
        return {self._key(name): self._areas[name]} if name in self._areas else {}

    def _rows(self, name: str, keys: Mapping[str, Iterable[Any]], besides: str = "") -> pa.Table:
        """Rows of a relation in which one of some columns holds one of its values; all where no column is given."""
        duck = self._session.duck
        ways = []
        for number, (column, values) in enumerate(keys.items()):
            listed = pa.array(sorted({value for value in values if value is not None}), pa.string())
            duck.register(f"_rc_keys_{number}", pa.table({"id": listed}))
            ways.append(f"{column} IN (FROM _rc_keys_{number})")
        try:
            where = f"WHERE ({' OR '.join(ways)}) {besides}" if ways else ""
            return duck.sql(f"SELECT * FROM {name} {where}").to_arrow_table()
        finally:
            for number in range(len(ways)):
                duck.unregister(f"_rc_keys_{number}")

    def _edge_days(self, held: Held) -> str:
        """Days on which a register was read: the only ones whose intervals are needed one by one."""
        self._session.see([REGISTERS])
        edges = self._rows(REGISTERS, {"metering_point_id": held(POINT, self._key(POINT))})
        self._session.duck.register("_rc_edges", edges)
        found = self._session.duck.execute(
            "SELECT CAST(from_at AS DATE) FROM _rc_edges UNION SELECT CAST(to_at AS DATE) FROM _rc_edges"
        ).fetchall()
        self._session.duck.unregister("_rc_edges")
        return ", ".join(f"DATE '{row[0].isoformat()}'" for row in found if row[0]) or "NULL"

    def _take_facts(self, names: Iterable[str], accounts: Sequence[str]) -> None:
        """Rows of facts that are taken as they stand: of the points, else of the accounts, else all."""
        points = self.tables[f"{ACCEPTED}.{POINT}"].column(self._key(POINT)).to_pylist()
        for name in sorted(names):
            self._session.see([name])
            columns = self._session.duck.sql(f"SELECT * FROM {name} LIMIT 0").columns
            by = {"metering_point_id": points, "account_id": accounts}
            keys = next(({column: ids} for column, ids in by.items() if column in columns), {})
            self.tables[name] = self._rows(name, keys)

    # --- working on them -------------------------------------------------------------------------

    @contextmanager
    def bench(self, mended: Bench | None = None) -> Iterator[Bench]:
        """A session in memory with the pool's rows, or a bench's as they stand, and nothing calculated."""
        with DuckDBSession(self.settings, self.run, self.catalog, stored=False, shared=True) as session:
            for name, rows in self.tables.items():
                is_row = mended is not None and name.startswith(f"{ACCEPTED}.")
                standing = (
                    mended.session.duck.sql(f"SELECT * FROM {name}").to_arrow_table()
                    if mended and is_row
                    else rows
                )
                session.give(name, standing)
            yield Bench(session)


def _interval_facts(session: Session, rules: Iterable[Rule]) -> set[str]:
    """Facts of some rules made of intervals and files alone: they are taken as they stand."""
    found: set[str] = set()
    catalog = session.catalog
    for name in catalog.order(rule.file.name for rule in rules):
        if not name.startswith("facts.") or catalog.tables[name].is_view:
            continue
        needed = {
            reference for table in catalog.order([name]) for reference in catalog.tables[table].references
        }
        if "source.interval_reading" in needed and not needed & {"source.register_reading", "source.bill"}:
            found.add(name)
    return found
