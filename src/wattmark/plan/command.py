"""``wattmark plan``: what a changed file, parameter or setting would build anew, before it runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wattmark.engine.catalog import Catalog, catalog_read
from wattmark.engine.leftover import Leftover
from wattmark.engine.session import DuckDBSession
from wattmark.errors import SqlFileError
from wattmark.options import HomeOption
from wattmark.plan.compare import Change, Comparison, FindingChange, RowChange, needed
from wattmark.plan.reasons import Step, last_night, resting_on, steps_of
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark.table import full_name

_REASONS_SHOWN = 3


@dataclass(frozen=True)
class Plan:
    """The steps asked about, in the order of a night, and what would differ of each that was built aside."""

    run: Run
    steps: tuple[Step, ...]
    changes: Mapping[str, Change]

    @property
    def anew(self) -> list[Step]:
        """Those that would be built anew."""
        return [step for step in self.steps if step.is_anew]


def plan(
    settings: Settings,
    names: Sequence[str] = (),
    *,
    rows: bool = True,
    watched: Callable[[Step], None] = lambda _: None,
) -> Plan:
    """Say what would be built anew on the last night, and compare it with what the lake holds.

    Nothing is written but a folder of scratch files, which goes with this process.

    Args:
        settings: of a home whose lake holds a night.
        names: tables and rules asked about, with all that rests on them; everything where none is named.
        rows: build aside what would be built anew, and compare.
        watched: is told of each step before it is built.

    Raises:
        WattmarkError: there is no such table, no night has audited yet, or a file does not run.
    """
    catalog = catalog_read(settings)
    asked = [_stored(full_name(name, catalog), catalog) for name in names]
    run, versions = last_night(settings)
    with Leftover() as leftover:

        def opened(**options: Any) -> DuckDBSession:
            session = DuckDBSession(settings, run, catalog, versions=versions, **options)
            leftover.folder(session.scratch)
            return session

        with opened() as session:
            steps = steps_of(session)
        wanted = resting_on(catalog, asked) if asked else {step.name for step in steps}
        changes: dict[str, Change] = {}
        build = needed(steps, wanted) if rows else []
        if build:
            comparison = Comparison(lambda reads: opened(stored=False, spool=True, reads=reads), build)
            with comparison.session:
                changes = comparison.run(watched)
    return Plan(run, tuple(step for step in steps if step.name in wanted), changes)


def _stored(name: str, catalog: Catalog) -> str:
    """A name that the plan may be asked about: a table that is made by a file, or a rule.

    Raises:
        SqlFileError: the source hands it over, or a step leaves it.
    """
    if name not in catalog.tables:
        raise SqlFileError(
            "plan.not_built",
            f"{name} is not made by a file of the project, so that no change of one would build it anew.",
            "Name a table of the layers core to mart, or a rule by its id.",
        )
    return name


def as_json(found: Plan) -> dict[str, Any]:
    """A plan as plain values."""

    def shown(step: Step) -> dict[str, Any]:
        change = found.changes.get(step.name)
        return {
            "name": step.shown_name,
            "state": "anew" if step.is_anew else "kept",
            "reasons": [{**asdict(reason), "text": reason.text} for reason in step.reasons],
            ("findings" if step.is_rule else "rows"): None if change is None else asdict(change),
        }

    return {
        "as_of": found.run.as_of.isoformat(),
        "run_id": found.run.run_id,
        "tables": [shown(step) for step in found.steps if not step.is_rule],
        "rules": [shown(step) for step in found.steps if step.is_rule],
    }


def _counts(change: Change | None) -> tuple[str, ...]:
    if change is None:
        return ("", "", "")
    if change.not_compared:
        return ("?", "?", "?")
    if isinstance(change, RowChange):
        return f"{change.added:,}", f"{change.removed:,}", f"{change.changed:,}"
    return f"{len(change.appear):,}", f"{len(change.go):,}", f"{len(change.changed):,}"


def _listed(title: str, heads: Sequence[str], steps: Iterable[Step], found: Plan) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for head in heads:
        table.add_column(
            head, justify="right" if head not in (heads[0], heads[-1]) else "left", overflow="fold"
        )
    for step in steps:
        why = [reason.text for reason in step.reasons]
        told = "\n".join(why[:_REASONS_SHOWN])
        if len(why) > _REASONS_SHOWN:
            told += f"\nand {len(why) - _REASONS_SHOWN} more"
        change = found.changes.get(step.name)
        if change is not None and change.not_compared:
            told += f"\nnot compared: {change.not_compared}"
        if isinstance(change, RowChange) and change.columns:
            told += f"\nother columns: {', '.join(change.columns)}"
        counts = _counts(change) if len(heads) > 2 else ()
        table.add_row(*(Text(text) for text in (step.shown_name, *counts, told)))
    return table


def _print(console: Console, found: Plan, *, rows: bool) -> None:
    tables = [step for step in found.steps if not step.is_rule]
    rules = [step for step in found.steps if step.is_rule]
    of = f"of the night of {found.run.as_of} ({found.run.run_id})"
    if not found.anew:
        console.print(
            f"Nothing to build: tables ({len(tables):,}) and rules ({len(rules):,}) are those {of}.",
            highlight=False,
        )
        return
    for title, heads, steps in (
        ("Tables built anew", ("table", "rows added", "removed", "changed", "why"), tables),
        ("Rules run anew", ("rule", "findings that appear", "go", "changed", "why"), rules),
    ):
        if listed := [step for step in steps if step.is_anew]:
            console.print(_listed(title, heads if rows else (heads[0], heads[-1]), listed, found))
            console.print()
    anew_tables = sum(step.is_anew for step in tables)
    anew_rules = sum(step.is_anew for step in rules)
    console.print(
        f"{anew_tables:,} of {len(tables):,} tables and {anew_rules:,} of {len(rules):,} rules {of} would be built anew; "
        "the others are kept.",
        highlight=False,
    )
    findings = [change for change in found.changes.values() if isinstance(change, FindingChange)]
    if rows and findings:
        appear, go = sum(len(each.appear) for each in findings), sum(len(each.go) for each in findings)
        console.print(f"Findings that would appear: {appear:,}; that would go: {go:,}.", highlight=False)


def plan_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE]...",
            help="Tables (layer.table) or rules by their id, with all that rests on them; everything where left out.",
            show_default=False,
        ),
    ] = None,
    no_rows: Annotated[
        bool, typer.Option("--no-rows", help="Say what and why alone; build nothing to compare.")
    ] = False,
    as_plain: Annotated[
        bool, typer.Option("--json", help="Print as JSON, tables that are kept among them.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Say what a changed SQL file, parameter or setting would build anew on the last night, why, and what would differ."""
    settings = load_settings(home)
    terminal = Console(stderr=True)
    with terminal.status("Comparing what was built with what stands") as status:
        found = plan(
            settings,
            names or [],
            rows=not no_rows,
            watched=lambda step: status.update(f"Building {step.shown_name} aside"),
        )
    if as_plain:
        json.dump(as_json(found), sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
        return
    _print(Console(), found, rows=not no_rows)


def register(app: typer.Typer) -> None:
    """Add ``plan`` to a command line."""
    app.command("plan")(plan_command)
