"""``wattmark table``: one table, built from what lies in a home's lake and shown; nothing of the lake is changed."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wattmark.audit.replay import audited_run, earlier_session
from wattmark.engine.catalog import SOURCE_LAYER, Catalog, catalog_of, meant
from wattmark.engine.produced import PRODUCED
from wattmark.engine.session import ACCEPTED, DuckDBSession
from wattmark.engine.sqlfile import SqlFile
from wattmark.errors import SqlFileError
from wattmark.options import HomeOption
from wattmark.quality.quarantine import MASK
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

PERSONAL_LAYER = "mart_pii"


@dataclass(frozen=True)
class Shown:
    """Some rows of a table and how many it has; ``masked`` says whether personal values are left out of them."""

    name: str
    run: Run
    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    rows: int
    seconds: float
    masked: bool


def full_name(name: str, catalog: Catalog) -> str:
    """A table as the lake calls it; a rule may go by its id alone.

    Raises:
        SqlFileError: there is no such table; names one that comes near.
    """
    full = name if "." in name else f"audit.{name}"
    layer, _, table = full.partition(".")
    if (
        full in catalog.tables
        or full in PRODUCED
        or (layer in (SOURCE_LAYER, ACCEPTED) and table in catalog.contract.tables)
    ):
        return full
    known = [*catalog.tables, *PRODUCED, *(f"{SOURCE_LAYER}.{name}" for name in catalog.contract.tables)]
    raise SqlFileError(
        "table.unknown",
        f"there is no table {name}.",
        meant(full, known)
        or "docs/reference/tables.md and docs/reference/source.md list them; a rule goes by its id.",
    )


def opened(settings: Settings, name: str, catalog: Catalog, as_of: dt.date | None) -> DuckDBSession:
    """A session that builds a table in memory.

    What the table reads comes from the lake as it stands; for an earlier date all is built from what was accepted by then.

    Raises:
        WattmarkError: no night was published yet, or none of that date.
    """
    last = audited_run(settings)
    if as_of is None or as_of == last.as_of:
        return DuckDBSession(settings, last, catalog, stored=False, reads=lambda table: table != name)
    return earlier_session(settings, Run.of(as_of, settings.utility.time_zone), catalog)


def show(
    settings: Settings, name: str, *, as_of: dt.date | None = None, limit: int = 20, personal: bool = False
) -> Shown:
    """Build a table or rule and give its first rows, by its key.

    Args:
        settings: of a home with a published night.
        name: ``layer.table``, or a rule's id: then what the rule looks at, one row per subject.
        as_of: the date of an earlier night; the last one where None.
        limit: rows given at most.
        personal: give personal values too.

    Raises:
        WattmarkError: there is no such table or night, or the table's file does not run; names file and line.
    """
    catalog = catalog_of(settings)
    name = full_name(name, catalog)
    began = time.perf_counter()
    with opened(settings, name, catalog, as_of) as session:
        relation = _built(session, name, catalog)
        counted = session.duck.execute(f"SELECT COUNT(*) FROM {relation}").fetchall()
        order = ", ".join(f'"{column}"' for column in _key(name, catalog))
        rows = session.duck.sql(
            f"SELECT * FROM {relation}{f' ORDER BY {order}' if order else ''} LIMIT {int(limit)}"
        ).to_arrow_table()
        run = session.run
    hidden = set() if personal else _personal(name, rows.schema, catalog)
    return Shown(
        name,
        run,
        tuple(rows.column_names),
        tuple(
            tuple(MASK if column in hidden and value is not None else _told(value, settings) for column, value in row.items())
            for row in rows.to_pylist()
        ),
        int(counted[0][0]),
        time.perf_counter() - began,
        bool(hidden) and rows.num_rows > 0,
    )  # fmt: skip


def _built(session: DuckDBSession, name: str, catalog: Catalog) -> str:
    """The relation that holds the table, once it is made."""
    definition = catalog.tables.get(name)
    if isinstance(definition, SqlFile) and name.startswith("audit."):
        session.duck.execute(f"CREATE TEMP TABLE _shown AS {session.result_sql(definition)}")
        return "_shown"
    if definition is not None and not definition.is_view:
        session.build(name)
    session.see([name])
    return name


def _key(name: str, catalog: Catalog) -> Sequence[str]:
    layer, _, table = name.partition(".")
    if layer in (SOURCE_LAYER, ACCEPTED):
        return catalog.contract.tables[table].key
    if layer == "audit":
        return ("subject_id",)
    return catalog.tables[name].key if name in catalog.tables else ()


def _personal(name: str, schema: pa.Schema, catalog: Catalog) -> set[str]:
    """Columns with personal values: those the contract marks, under their names in whatever table; all of ``mart_pii``."""
    layer, _, table = name.partition(".")
    if layer in (SOURCE_LAYER, ACCEPTED):
        return {column.name for column in catalog.contract.tables[table].columns if column.pii}
    if layer == PERSONAL_LAYER:
        return set(schema.names) - set(_key(name, catalog))
    named = {
        column.name for source in catalog.contract.tables.values() for column in source.columns if column.pii
    }
    return named & set(schema.names)


def _told(value: Any, settings: Settings) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(settings.zone).isoformat(sep=" ")
    return str(value)


def plan(settings: Settings, name: str, *, as_of: dt.date | None = None) -> Iterator[tuple[str, str]]:
    """How a table would be built, as headed texts: what it reads and from where, its statement, the engine's plan.

    Nothing is computed but what a session builds in memory to read from, which for the last night is nothing.

    Raises:
        WattmarkError: as ``show``.
    """
    catalog = catalog_of(settings)
    name = full_name(name, catalog)
    with opened(settings, name, catalog, as_of) as session:
        definition = catalog.tables.get(name)
        if definition is None:
            yield "Reads", f"{name} itself, from the lake"
            return
        yield "Reads", "\n".join(_sources(session, name, catalog))
        if not isinstance(definition, SqlFile):
            yield "Made by", f"a Python table: {definition.make.__module__}.{definition.make.__name__}"
            return
        statement = session.result_sql(definition)
        pretty = session.statement_of(definition).sql(dialect="duckdb", pretty=True)
        yield f"Statement, of {definition.path}", pretty
        explained = session.duck.execute(f"EXPLAIN {statement}").fetchall()
        yield "Plan", "\n".join(str(text) for _, text in explained)


def _sources(session: DuckDBSession, name: str, catalog: Catalog) -> Iterator[str]:
    for reference in sorted(catalog.tables[name].references):
        layer, _, table = reference.partition(".")
        definition = catalog.tables.get(reference)
        stored = f"{ACCEPTED}.{table}" if layer == SOURCE_LAYER else reference
        if definition is not None and definition.is_view:
            where = f"computed where it is read, from {', '.join(sorted(definition.references))}"
        elif not session.lake.exists(stored):
            where = "not in the lake: empty, or built in memory"
        else:
            where = (
                f"{stored} in the lake, version {session.versions.get(stored, session.lake.version(stored))}"
            )
        yield f"{reference}: {where}"


def _print(console: Console, shown: Shown) -> None:
    """Side by side where it fits the console, else one row below the other."""
    widths = [
        max((len(column), *(len(row[at]) for row in shown.values))) for at, column in enumerate(shown.columns)
    ]
    if sum(widths) + 3 * len(widths) <= console.width:
        table = Table(show_edge=False, pad_edge=False)
        for column in shown.columns:
            table.add_column(Text(column))
        for row in shown.values:
            table.add_row(*map(Text, row))
        console.print(table)
        return
    name_width = max(map(len, shown.columns))
    for number, row in enumerate(shown.values, 1):
        console.print(Text(f"row {number}", style="bold"))
        for column, value in zip(shown.columns, row, strict=True):
            console.print(Text(f"  {column.ljust(name_width)}  {value}"), soft_wrap=True)


def table(
    name: Annotated[str, typer.Argument(help="Layer and table, such as facts.bill_net; or a rule's id.")],
    with_plan: Annotated[
        bool, typer.Option("--plan", help="Show what it reads, its statement and the engine's plan instead.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Rows shown.")] = 20,
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d"],
            help="Date of an earlier night; the last one where left out.",
            show_default=False,
        ),
    ] = None,
    personal: Annotated[bool, typer.Option("--personal", help="Show personal columns too.")] = False,
    home: HomeOption = None,
) -> None:
    """Build one table in memory from the home's lake and show its first rows; the lake stays as it is."""
    settings = load_settings(home)
    console = Console()
    day = as_of.date() if as_of else None
    if with_plan:
        for heading, text in plan(settings, name, as_of=day):
            console.print(Text(heading, style="bold"))
            console.print(Text(text), soft_wrap=True)
        return
    shown = show(settings, name, as_of=day, limit=limit, personal=personal)
    _print(console, shown)
    console.print(
        f"{shown.name}: {len(shown.values):,} of {shown.rows:,} rows, as of {shown.run.as_of}, built in {shown.seconds:.1f} s",
        highlight=False,
    )
    if shown.masked:
        console.print("Personal values are masked; --personal shows them.")


def register(app: typer.Typer) -> None:
    """Add ``table`` to a command line."""
    app.command("table")(table)
