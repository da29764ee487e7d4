"""Sources and servers, looked at side by side: what does not answer in time is a mistake of its own."""

from __future__ import annotations

import difflib
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from wattmark.contract import Contract
from wattmark.errors import SettingsError, SourceError, SourceUnavailableError, WattmarkError
from wattmark.settings import SOURCE_VARIABLE, Settings, place
from wattmark.source_settings import SourceSettings
from wattmark.sources.resolve import AIRFLOW, connection_url, is_database, open_source

LIMIT_SECONDS = 8.0
"""For all that lies elsewhere, asked side by side."""
CONNECT_SECONDS = 5


@dataclass
class Found:
    """What was looked at: counts for people, what could not be looked at and why, and all that is wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    errors: list[WattmarkError] = field(default_factory=list)

    def attempt(self, work: Callable[[], Any]) -> Any:
        """The result of ``work``, or None where it is wrong, which is noted."""
        try:
            return work()
        except WattmarkError as error:
            self.errors.append(error)
            return None


def mapping_mistakes(settings: Settings, contract: Contract) -> list[WattmarkError]:
    """What ``sources[].tables`` and ``sources[].rename`` name that the contract does not know."""
    wrong: list[WattmarkError] = []

    def unknown(keys: list[str | int], name: str, what: str, known: Iterable[str]) -> None:
        wrong.append(
            SettingsError(
                "settings.mapping",
                f"{_where(settings, keys)}: {'.'.join(map(str, keys))}: the contract has no {what} {name}.",
                f"{_likely(name, known)}docs/reference/source.md lists tables and columns.",
            )
        )

    for at, source in enumerate(settings.sources):
        for number, name in enumerate(source.tables):
            if name not in contract.tables:
                unknown(["sources", at, "tables", number], name, "table", contract.tables)
        for name, mapping in source.rename.items():
            if name not in contract.tables:
                unknown(["sources", at, "rename", name], name, "table", contract.tables)
                continue
            columns = [column.name for column in contract.tables[name].columns]
            for column in mapping.columns:
                if column not in columns:
                    unknown(
                        ["sources", at, "rename", name, "columns", column], f"{name}.{column}", "column",
                        [f"{name}.{name_of_column}" for name_of_column in columns],
                    )  # fmt: skip
    return wrong


def _likely(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"Is {near[0]} meant? " if near else ""


def _where(settings: Settings, keys: list[str | int]) -> str:
    """Where a setting of a source stands; a source that was named for this run alone stands in no file."""
    given = os.environ.get(SOURCE_VARIABLE)
    if given is not None and [source.location for source in settings.sources] == [given]:
        return "--source"
    return place(settings.home, settings.project, keys)


@dataclass
class _Asked:
    """One thing asked of another machine: what it is, what it brought, and who asks."""

    what: str
    where: str
    errors: list[WattmarkError]
    thread: threading.Thread
    opened: bool = True


class Elsewhere:
    """Everything that may not answer, each in a thread of its own that nobody waits for beyond the limit."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._asked: list[_Asked] = []
        self.tables: set[str] | None = None
        """Contract tables that sources hold; None where that cannot be told."""

    def ask(self, what: str, where: str, work: Callable[[list[WattmarkError]], None]) -> None:
        """Begin ``work``, which appends what is wrong to the list that it is given."""
        errors: list[WattmarkError] = []

        def run() -> None:
            try:
                work(errors)
            except WattmarkError as error:
                # What could not be opened holds nobody knows what.
                asked.opened = False
                errors.append(_placed(error, where))
            except Exception as error:
                # A driver's own exception may hold the URL with its password, so only its kind is told.
                errors.append(
                    SourceUnavailableError(
                        "source.unreachable",
                        f"{where}: {what}: {type(error).__name__}.",
                        "Check that it is up and its address is right.",
                    )
                )

        thread = threading.Thread(target=run, daemon=True, name=f"check {what}")
        asked = _Asked(what, where, errors, thread)
        self._asked.append(asked)
        thread.start()

    def wait(self, found: Found) -> None:
        """Take what has come back; what has not is a mistake of its own."""
        for asked in self._asked:
            asked.thread.join(max(0.0, self._until - time.monotonic()))
            if asked.thread.is_alive():
                self.tables = None
                found.errors.append(
                    SourceUnavailableError(
                        "source.silent",
                        f"{asked.where}: {asked.what}: no answer within {LIMIT_SECONDS:.0f} s.",
                        "Check that it is up, that its address is right, and that no firewall stands between.",
                    )
                )
            else:
                found.errors += asked.errors
                if not asked.opened or any(error.code in _BROKE_OFF for error in asked.errors):
                    self.tables = None


_BROKE_OFF = {"source.unreachable", "source.broke_off"}
"""Codes of sources that could not be looked into to the end, so that nobody knows what they hold."""


def _placed(error: WattmarkError, where: str) -> WattmarkError:
    return type(error)(error.code, f"{where}: {error.message}", error.remedy)


def ask_sources(
    settings: Settings, contract: Contract, found: Found, elsewhere: Elsewhere, connections: Connections
) -> None:
    """Begin to look into each source."""
    if not settings.sources:
        # Where the file that would name them is wrong, that has been said.
        if found.errors:
            return
        found.errors.append(
            SourceError(
                "source.none",
                f"{place(settings.home, settings.project, ['sources'])}: no source is configured.",
                "Set sources in settings.yaml, or pass --source.",
            )
        )
        return
    elsewhere.tables = set()
    urls, unknown = connections(settings)
    held: set[str] = elsewhere.tables
    for at, source in enumerate(settings.sources):
        where = _where(settings, ["sources", at, "location"])
        name = source.location.removeprefix(AIRFLOW)
        if source.location.startswith(AIRFLOW):
            if name not in urls and unknown:
                found.notes.append(f"{where}: the connection {name} was not looked at: {unknown}")
                elsewhere.tables = None
                continue
            if not urls.get(name):
                found.errors.append(
                    SourceError(
                        "source.connection",
                        f"{where}: Airflow has no connection {name} that names a database.",
                        "Add it in Airflow under Admin, Connections, or write its id as it is there.",
                    )
                )
                elsewhere.tables = None
                continue
            opened = source.model_copy(update={"location": urls[name]})
        else:
            opened = source

        def work(
            errors: list[WattmarkError], at: int = at, source: SourceSettings = opened, where: str = where
        ) -> None:
            _look_into(settings, contract, at, source, where, held, errors)

        label = f"connection {name}" if opened is not source else _harmless(source.location)
        elsewhere.ask(label, where, work)
    found.counts["sources"] = len(settings.sources)


def _harmless(location: str) -> str:
    """A location without what nobody may read over somebody's shoulder."""
    if not is_database(location):
        return location
    try:
        return str(sa.make_url(location).set(query={}).render_as_string(hide_password=True))
    except (sa.exc.ArgumentError, ValueError):
        return "a location that is no SQLAlchemy URL"


Connections = Callable[[Settings], tuple[dict[str, str], str]]
"""Looks up URLs of the Airflow connections that sources name: by connection id, empty where Airflow has none of that
id; and why those that are not among them could not be looked up."""


def connections_of(settings: Settings) -> set[str]:
    """Ids of the Airflow connections that sources name."""
    return {
        source.location.removeprefix(AIRFLOW)
        for source in settings.sources
        if source.location.startswith(AIRFLOW)
    }


def asked_of_airflow(settings: Settings) -> tuple[dict[str, str], str]:
    """URLs of connections as a task of Airflow asks for them."""

    def url(name: str) -> str:
        try:
            return connection_url(name)
        except SourceError:
            return ""

    return {name: url(name) for name in connections_of(settings)}, ""


def _look_into(
    settings: Settings,
    contract: Contract,
    at: int,
    wanted: SourceSettings,
    where: str,
    held: set[str],
    errors: list[WattmarkError],
) -> None:
    """Open a source; note the tables it holds, and what it lacks of what its settings promise."""
    source = open_source(wanted, contract, settings)
    try:
        for table in contract.tables.values():
            mapping = wanted.rename.get(table.name)
            if wanted.tables and table.name not in wanted.tables:
                continue
            if not source.has(table):
                if mapping is not None or wanted.tables:
                    keys: list[str | int] = (
                        ["sources", at, "rename", table.name, "name"]
                        if mapping
                        else ["sources", at, "tables"]
                    )
                    errors.append(
                        SourceError(
                            "source.missing_table",
                            f"{_where(settings, keys)}: the source has no table {source.name_of(table)}, which is to be {table.name}.",
                            "Provide the table (it may be empty), or correct its name.",
                        )
                    )
                    # It has been said, so it is not said again as missing everywhere.
                    held.add(table.name)
                continue
            held.add(table.name)
            try:
                shapes = source.columns(table)
            except WattmarkError as error:
                errors.append(_placed(error, where))
                continue
            for place_, names in shapes.items():
                lower = {name.lower() for name in names}
                strange = [
                    (column, theirs) for column, theirs in (mapping.columns.items() if mapping else ())
                    if theirs.lower() not in lower
                ]  # fmt: skip
                for column, theirs in strange:
                    errors.append(
                        SourceError(
                            "source.mapping",
                            f"{_where(settings, ['sources', at, 'rename', table.name, 'columns', column])}: {place_}: "
                            f"table {table.name} has no column {theirs}, which is to be {column}.",
                            f"{_likely(theirs, names)}Correct the name.",
                        )
                    )
                known = {column for column, _ in strange}
                lacking = [
                    column.name
                    for column in table.columns
                    if not column.optional
                    and column.name not in known
                    and source.column_of(table, column.name).lower() not in lower
                ]
                if lacking:
                    errors.append(
                        SourceError(
                            "source.missing_column",
                            f"{where}: {place_}: table {table.name} lacks the required column{'s' if len(lacking) > 1 else ''} "
                            f"{', '.join(lacking)}.",
                            f"Add it at the source, or map the source's own name in settings.yaml: sources[].rename.{table.name}.columns.",
                        )
                    )
                if strange or lacking:
                    break
    finally:
        source.close()


def missing(settings: Settings, contract: Contract, held: set[str]) -> list[WattmarkError]:
    """One error that names all tables that no source holds and that are not optional."""
    lacking = [name for name, table in contract.tables.items() if name not in held and not table.optional]
    if not lacking:
        return []
    return [
        SourceError(
            "source.missing_table",
            f"{_where(settings, ['sources'])}: {'tables' if len(lacking) > 1 else 'table'} {', '.join(lacking)} "
            f"{'are' if len(lacking) > 1 else 'is'} in none of the sources.",
            "Provide each table (it may be empty), or map the source's own name in settings.yaml: sources[].rename.",
        )
    ]


def ask_servers(settings: Settings, elsewhere: Elsewhere) -> None:
    """Servers of the utility's own that take the embedded ones' place."""
    for key in ("warehouse_url", "airflow_database_url"):
        url: str | None = getattr(settings.services, key)
        if url is None:
            continue
        where = place(settings.home, settings.project, ["services", key])

        def work(_errors: list[WattmarkError], url: str = url, key: str = key) -> None:
            try:
                made = sa.make_url(url)
                if made.get_backend_name() != "postgresql":
                    raise SettingsError(
                        "services.url",
                        f"services.{key}: it is no URL of PostgreSQL.",
                        "postgresql+psycopg://…",
                    )
                engine = sa.create_engine(made, connect_args={"connect_timeout": CONNECT_SECONDS})
                try:
                    engine.connect().close()
                finally:
                    engine.dispose()
            except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError, ValueError):
                raise SettingsError(
                    "services.url",
                    f"services.{key}: it is no SQLAlchemy URL of PostgreSQL.",
                    "postgresql+psycopg://…",
                ) from None
            except sa.exc.SQLAlchemyError as error:
                raise SourceUnavailableError(
                    "services.unreachable",
                    f"services.{key}: {_harmless(url)} refuses the connection ({type(error).__name__}).",
                    "Check host, port, user and password, and that the server is up.",
                ) from None

        elsewhere.ask(f"services.{key}", where, work)
