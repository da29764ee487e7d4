"""Every table the project derives: SQL files and Python tables, with their order and their checks."""

from __future__ import annotations

import atexit
import difflib
import gc
import hashlib
import pickle
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import sqlglot

from wattmark import __version__
from wattmark.atomic import write_atomically
from wattmark.contract import Contract, load_contract
from wattmark.engine.dated import steps_of
from wattmark.engine.parameters import RELATIONS, Parameter
from wattmark.engine.produced import PRODUCED
from wattmark.engine.python_table import PythonTable, python_tables
from wattmark.engine.sqlfile import SqlFile, read_sql_file
from wattmark.errors import SettingsError, SqlFileError, WattmarkError, together
from wattmark.home import Home
from wattmark.settings import Settings, place

SOURCE_LAYER = "source"
"""Contract tables as they were known at the end of ``as_of`` (views over ``accepted``)."""
KNOWN_LAYER = "known"
"""The same at the end of the day on which something is asked, for what must heed all that is known by then."""
CASES_LAYER = "cases"
"""Audit cases as they stand once they have taken in the night."""


TableDefinition = SqlFile | PythonTable


@dataclass(frozen=True)
class Catalog:
    """All derived tables by ``layer.table``, and the contract they rest on.

    Rule files (layer ``audit``) are in it under ``audit.<rule id>``.
    """

    contract: Contract
    tables: dict[str, TableDefinition]

    def layer(self, layer: str) -> list[TableDefinition]:
        """The tables of one layer in an order that respects their references."""
        return [self.tables[name] for name in self.order() if name.split(".")[0] == layer]

    def order(self, wanted: Iterable[str] | None = None) -> list[str]:
        """Names such that each table comes after what it reads; all tables, or those ``wanted`` needs.

        Raises:
            SqlFileError: a table reads what does not exist, or references form a cycle.
        """
        reads: dict[str, list[str]] = {}
        waiting = sorted(self.tables) if wanted is None else list(wanted)
        while waiting:
            name = waiting.pop()
            if name in reads:
                continue
            reads[name] = [
                reference
                for reference in sorted(self._known(name).references)
                if self._is_derived(reference, name)
            ]
            waiting += reads[name]
        try:
            return list(TopologicalSorter({name: reads[name] for name in sorted(reads)}).static_order())
        except CycleError as error:
            path = " > ".join(reversed(error.args[1]))
            raise SqlFileError("sql.cycle", f"references form a cycle: {path}.") from None

    def _known(self, name: str, reader: TableDefinition | None = None) -> TableDefinition:
        if name in self.tables:
            return self.tables[name]
        message = f"reads {name}, which is neither in the contract nor made by any file."
        if isinstance(reader, SqlFile):
            raise reader.error("sql.unknown_table", message, name.split(".")[1])
        raise SqlFileError("sql.unknown_table", f"{reader.name if reader else 'somebody'} {message}")

    def _is_derived(self, name: str, reader: str) -> bool:
        """Whether a table that another one reads is made by a file, and not handed over or left by a step."""
        layer, table = name.split(".")
        if (layer in (SOURCE_LAYER, KNOWN_LAYER) and table in self.contract.tables) or name in PRODUCED:
            return False
        self._known(name, self.tables[reader])
        return True

    def rests_on(self, name: str) -> frozenset[str]:
        """All that a table reads, directly or through others, handed-over tables among them."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            table = self.tables.get(waiting.pop())
            if table is not None:
                waiting += table.references - found
                found |= table.references
        return frozenset(found)

    def closing(self) -> list[str]:
        """Tables that are built once cases have taken in the night: theirs, and what rests on them; in their order."""
        return [
            name
            for name in self.order()
            if any(read.split(".")[0] == CASES_LAYER for read in {name, *self.rests_on(name)})
        ]

    def overrides(self, settings: Settings) -> dict[str, dict[str, Any]]:
        """The utility's parameter values by table or rule id, checked against the declarations.

        Raises:
            SettingsError: an override names nothing that is declared, or does not fit; all of them at once.
        """
        found: dict[str, dict[str, Any]] = {}
        wrong: list[WattmarkError] = []
        for owner, values in settings.parameters.items():
            for parameter, override in values.items():
                try:
                    value = self._overridden(settings, owner, parameter, override.value)
                    found.setdefault(_owner(owner), {})[parameter] = value
                except SettingsError as error:
                    wrong.append(error)
        if wrong:
            raise together(wrong)
        for name, table in self.tables.items():
            for parameter, same_as in table.borrowed.items() if isinstance(table, SqlFile) else ():
                owner, _, theirs = same_as.rpartition(".")
                given = found.get(_owner(owner), {})
                if theirs in given:
                    found.setdefault(name, {})[parameter] = given[theirs]
        return found

    def _overridden(self, settings: Settings, owner: str, parameter: str, value: Any) -> Any:
        table = self.tables.get(_owner(owner))
        if not isinstance(table, SqlFile):
            known = [
                name.removeprefix("audit.")
                for name, known_table in self.tables.items()
                if isinstance(known_table, SqlFile)
            ]
            raise SettingsError(
                "parameter.owner",
                f"{_place(settings, owner)}: parameters.{owner}: there is no such rule or table.",
                meant(owner, known),
            )
        if parameter not in table.parameters:
            raise SettingsError(
                "parameter.unknown",
                f"{_place(settings, owner, parameter)}: parameters.{owner}.{parameter}: {owner} has no such parameter.",
                f"{meant(parameter, table.parameters)} It has: {', '.join(table.parameters) or 'none'}.".strip(),
            )
        declared = table.parameters[parameter]
        if same_as := declared.same_as:
            raise SettingsError(
                "parameter.borrowed",
                f"{_place(settings, owner, parameter)}: parameters.{owner}.{parameter}: it is that of {same_as}.",
                f"Set parameters.{same_as}; it changes both.",
            )
        where = f"{_place(settings, owner, parameter, 'value')}: parameters.{owner}"
        checked = declared.check(value, where)
        if declared.type in RELATIONS:
            for step in steps_of(checked):
                self._check_names(declared, step.value, where)
        return declared.in_place(checked)

    def _check_names(self, declared: Parameter, value: Any, where: str) -> None:
        """Refuse a name that nothing has: one that the contract does not list, or that no default has.

        Raises:
            SettingsError: names it.
        """
        rows = declared.rows(value)
        defaults = [row for step in steps_of(declared.default) for row in declared.rows(step.value)]
        for at, (column, kind) in enumerate(declared.columns.items()):
            if kind != "string":
                continue
            named = [
                candidate
                for table in self.contract.tables.values()
                for candidate in table.columns
                if candidate.name == column
            ]
            listed = {str(item) for column_of_code in named for item in column_of_code.values}
            # A map's keys are looked up by name, so that a key of no default and no column is never read.
            closed = at == 0 and declared.type.startswith("map") and not named and bool(defaults)
            if not listed and not closed:
                continue
            known = listed | {str(row[at]) for row in defaults if row[at] is not None}
            for row in rows:
                if row[at] is not None and str(row[at]) not in known:
                    raise SettingsError(
                        "parameter.name",
                        f"{where}: parameter {declared.name}: there is no {column} {row[at]}.",
                        f"{meant(str(row[at]), known)} It may be: {', '.join(sorted(known))}.".strip(),
                    )


def _place(settings: Settings, *keys: str) -> str:
    return place(settings.home, settings.project, ["parameters", *keys])


def meant(name: str, known: Iterable[str]) -> str:
    """A question after the known name that comes nearest to a wrong one; empty where none does."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"Is {near[0]} meant?" if near else ""


def _owner(owner: str) -> str:
    """The table that a settings file or ``same_as`` means: rules go by their id alone."""
    return owner if "." in owner else f"audit.{owner}"


def _with_borrowed(tables: Mapping[str, TableDefinition]) -> dict[str, TableDefinition]:
    """The tables, each parameter that is another file's with its declaration.

    Raises:
        SqlFileError: there is no such parameter, or it is borrowed itself.
    """
    done = dict(tables)
    for name, file in tables.items():
        if not isinstance(file, SqlFile) or not file.borrowed:
            continue
        declarations = {}
        for parameter, same_as in file.borrowed.items():
            owner, _, theirs = same_as.rpartition(".")
            lender = tables.get(_owner(owner))
            declared = (lender.header.get("params") or {}) if isinstance(lender, SqlFile) else {}
            if theirs not in declared or "same_as" in declared[theirs]:
                raise file.error(
                    "parameter.same_as",
                    f"parameter {parameter}: {same_as} is no parameter of a rule or table"
                    f"{', but itself another one' if theirs in declared else ''}.",
                    parameter,
                )
            declarations[parameter] = declared[theirs]
        done[name] = file.with_borrowed(declarations)
    return done


def _read_all(root: Path) -> dict[str, TableDefinition]:
    tables: dict[str, TableDefinition] = dict(python_tables())
    for path in sorted(root.glob("*/**/*.sql")):
        file = read_sql_file(path, path.relative_to(root).parts[0])
        if file.name in tables:
            raise SqlFileError("sql.twice", f"{path}:1: {file.name} is made twice.")
        tables[file.name] = file
    return _with_borrowed(tables)


def catalog_digest(include: Path) -> str:
    """What tells one state of all table definitions from another, as short text."""
    digest = hashlib.sha256(f"{__version__} {sqlglot.__version__}".encode())
    # The code that parses and declares is part of what a parsed file is.
    code = Path(__file__).parents[1]
    files = [
        *code.glob("engine/*.py"),
        *code.glob("derive/*.py"),
        *code.glob("contract/*.py"),
        *include.glob("contract/*.yaml"),
        *include.glob("sql/*/**/*.sql"),
    ]
    for path in sorted(files):
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()[:32]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's garbage collector, which what is made here stays out of for good.

    A catalog is a million objects and none of them goes; looking through them takes longer than reading them. At the end
    of the process all is as if it had not been.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()


def _cached(root: Path, digest: str, cache: Path) -> dict[str, TableDefinition]:
    """All tables, from the cache where no file that makes them changed since."""
    kept = cache / f"{digest}.pickle"
    if kept.exists():
        with kept.open("rb") as file:
            found: dict[str, TableDefinition] = pickle.load(file)  # noqa: S301 - written by this home, readable by its owner alone
        return found
    tables = _read_all(root)
    for old in kept.parent.glob("*.pickle"):
        old.unlink(missing_ok=True)
    write_atomically(kept, pickle.dumps(tables), private=True)
    return tables


atexit.register(gc.unfreeze)

_HELD: dict[str, dict[str, TableDefinition]] = {}
"""What this process has read, by digest: homes of one project share it."""
_MOST_HELD = 2


@lru_cache(maxsize=4)
def load_catalog(include: Path, cache: Path | None = None) -> Catalog:
    """Read all SQL files below ``include/sql`` and all Python tables.

    Args:
        include: the project's folder of SQL files and contract.
        cache: folder to keep what was read in, so that each task of a night need not parse it again.

    Raises:
        SqlFileError: a file is wrong, or two make the same table.
    """
    root = include / "sql"
    digest = catalog_digest(include)
    tables = _HELD.get(digest)
    if tables is None:
        with _uncollected():
            tables = _cached(root, digest, cache) if cache else _read_all(root)
        while len(_HELD) >= _MOST_HELD:
            del _HELD[next(iter(_HELD))]
        _HELD[digest] = tables
    catalog = Catalog(contract=load_contract(include / "contract" / "source-model.yaml"), tables=tables)
    catalog.order()
    return catalog


def catalog_of(settings: Settings) -> Catalog:
    """The project's catalog, with parsed files kept in the home."""
    return load_catalog(settings.include, Home(settings.home).catalog)


def catalog_read(settings: Settings) -> Catalog:
    """The same for who may not write into the home: the kept files where they are those of the project, else it is parsed."""
    cache = Home(settings.home).catalog
    kept = (cache / f"{catalog_digest(settings.include)}.pickle").exists()
    return load_catalog(settings.include, cache if kept else None)
