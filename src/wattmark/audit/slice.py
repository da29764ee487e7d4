"""Which rows of the source belong to an account: derived from the contract's references, table by table.

A table belongs to accounts where it refers to ``account``, or to a table that belongs; so does one with personal
columns that such a table refers to (the customer). All others are shared: every account is looked at with the
whole of them (tariffs, units, lines). How a row is found:

- by the references that lead to the account in the fewest steps;
- where these may be empty, a row need not say whose it is. It is then also found by its other references that are
  never empty, and by what refers to it: a transformer by the account that owns it or by the supply points it feeds;
- where all its references may be empty and none is to an account, also by the shared things it names that the
  account's rows name as well: a planned outage by its transformer or its line.

A table that is added to the contract with a reference is cut out with the others from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import count
from typing import Any

from wattmark.contract.model import Column, Contract, Table

ACCOUNT = "account"

Held = Callable[[str, str], Iterable[Any]]
"""Values of a column in the rows of a table that were cut out before."""


@dataclass(frozen=True)
class LookUp:
    """One way in which rows of a table are found: ``column`` holds a value of ``key`` in cut-out rows of ``table``."""

    column: str
    table: str
    key: str


class Slice:
    """The tables of accounts and how their rows are found.

    Attributes:
        lookups: look-ups by table, in the contract's order; a row that any of them finds belongs.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.account_key = contract.tables[ACCOUNT].key[0]
        self._levels = _levels(contract)
        self.lookups = {
            table.name: self._nearest(table)
            for table in contract.tables.values()
            if table.name in self._levels
        }
        for name in self.lookups:
            if self._may_be_nameless(name):
                self._add(name, self._required(name))
                self._add(name, self._referring(name))
                self._add(name, self._alternatives(name))

    # --- asking ----------------------------------------------------------------------------------

    def keys(self, name: str, accounts: Iterable[Any], held: Held) -> dict[str, list[Any]]:
        """What to look rows of a table up by: values by column, sorted, none of them empty.

        Args:
            name: a table of accounts.
            accounts: ids of the accounts.
            held: asked only about tables that ``order`` names before this one.
        """
        found: dict[str, set[Any]] = {}
        for how in self.lookups[name]:
            values = accounts if self._is_root(how) else held(how.table, how.key)
            found.setdefault(how.column, set()).update(value for value in values if value is not None)
        return {column: sorted(values) for column, values in found.items()}

    def columns(self, name: str) -> list[str]:
        """The columns that rows of a table are looked up by."""
        return list(dict.fromkeys(how.column for how in self.lookups[name]))

    def account_columns(self, name: str) -> list[str]:
        """The columns that hold the id of the account a row belongs to; none where it names another thing instead."""
        return [how.column for how in self.lookups[name] if self._is_root(how)]

    def needs(self, name: str) -> set[str]:
        """Tables whose rows must have been cut out before those of a table."""
        return {how.table for how in self.lookups[name] if not self._is_root(how)}

    def with_needs(self, names: Iterable[str]) -> set[str]:
        """Those of some tables that belong to accounts, and all that is needed to cut them out."""
        todo, found = [name for name in names if name in self.lookups], set()
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self.needs(name)
        return found

    def waves(self, names: Iterable[str]) -> Iterator[list[str]]:
        """Tables (with all they need) in an order to cut them out; those of one wave do not need each other."""
        sorter = TopologicalSorter({name: self.needs(name) for name in self.with_needs(names)})
        sorter.prepare()
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            yield ready
            sorter.done(*ready)

    def order(self, names: Iterable[str]) -> list[str]:
        """As ``waves``, one table after the other."""
        return [name for wave in self.waves(names) for name in wave]

    def _is_root(self, how: LookUp) -> bool:
        return (how.table, how.key) == (ACCOUNT, self.account_key)

    # --- deriving --------------------------------------------------------------------------------

    def _references(self, table: Table) -> list[Column]:
        """References to tables of accounts, none to the table itself."""
        return [column for column in table.columns if column.ref in self._levels and column.ref != table.name]

    def _to(self, column: Column) -> LookUp:
        target = self.contract.tables[str(column.ref)]
        return LookUp(column.name, target.name, target.key[0])

    def _nearest_references(self, table: Table) -> list[Column]:
        level = self._levels[table.name] - 1
        return [column for column in self._references(table) if self._levels[str(column.ref)] == level]

    def _nearest(self, table: Table) -> tuple[LookUp, ...]:
        if table.name == ACCOUNT:
            return (LookUp(self.account_key, ACCOUNT, self.account_key),)
        if nearest := self._nearest_references(table):
            return tuple(self._to(column) for column in nearest)
        return tuple(self._from(table, lambda level: level < self._levels[table.name]))

    def _from(self, table: Table, fits: Callable[[int], bool]) -> list[LookUp]:
        """Look-ups by the tables that refer to this one."""
        return [
            LookUp(table.key[0], other, column.name)
            for other, level in self._levels.items()
            if other != table.name and fits(level)
            for column in self.contract.tables[other].columns
            if column.ref == table.name
        ]

    def _may_be_nameless(self, name: str) -> bool:
        nearest = self._nearest_references(self.contract.tables[name])
        return bool(nearest) and all(column.optional for column in nearest)

    def _required(self, name: str) -> list[LookUp]:
        table = self.contract.tables[name]
        return [self._to(column) for column in self._references(table) if not column.optional]

    def _referring(self, name: str) -> list[LookUp]:
        return self._from(self.contract.tables[name], lambda level: level <= self._levels[name])

    def _alternatives(self, name: str) -> list[LookUp]:
        columns = [column for column in self.contract.tables[name].columns if column.ref]
        if any(not column.optional or column.ref == ACCOUNT for column in columns):
            return []
        return [
            LookUp(column.name, other, named.name)
            for column in columns
            if column.ref not in self._levels
            for other in self._levels
            if other != name
            for named in self.contract.tables[other].columns
            if named.ref == column.ref
        ]

    def _add(self, name: str, more: Iterable[LookUp]) -> None:
        """Look-ups besides, without those that would have to be cut out before themselves."""
        for how in more:
            if how not in self.lookups[name] and name not in self.with_needs([how.table]):
                self.lookups[name] += (how,)


def _levels(contract: Contract) -> dict[str, int]:
    """The tables of accounts, each with the references that lie between it and the account."""
    levels = {ACCOUNT: 0}
    for level in count(1):
        named = {column.ref for name in levels for column in contract.tables[name].columns}
        reached = [
            table.name
            for table in contract.tables.values()
            if table.name not in levels
            and (
                any(column.ref in levels for column in table.columns)
                or (table.name in named and any(column.pii for column in table.columns))
            )
        ]
        if not reached:
            break
        levels |= dict.fromkeys(reached, level)
    return levels
