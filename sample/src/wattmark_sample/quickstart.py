"""From nothing to a published night on the sample utility, on this machine."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from wattmark.atomic import write_atomically
from wattmark.commands import watch_dag
from wattmark.errors import ServiceError
from wattmark.home import Home
from wattmark.local import services
from wattmark.local.trigger import unpause
from wattmark.options import NewHomeOption
from wattmark.publish.ops import ops_engine, upgrade, warehouse_url
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark.writer import writing
from wattmark.yamlfile import read_mapping
from wattmark_sample.aims import put_targets
from wattmark_sample.generate import generate
from wattmark_sample.history import PastList, kept
from wattmark_sample.logins import users_text
from wattmark_sample.past import put_past_list
from wattmark_sample.past_grades import MOST_ACCOUNTS, KeepingSink, put_past_grades
from wattmark_sample.plan import SamplePlan, yesterday
from wattmark_sample.sinks import DatabaseSink

MONTHS = 25
"""Two years and a month: what is compared with a year before, and who leaves, needs them."""
SETTINGS = {
    "schedule": """\
schedule:
  nightly: null        # the sample's data end on one day
""",
    "sources": """\
# Customer files in a database, intervals in daily Parquet files.
sources:
  - location: airflow:wattmark_source
  - location: {folder}
    tables: [interval_reading]
""",
    "users": "{users}",
}
"""Sections of ``settings.yaml`` that the sample utility needs; those that a home names itself stay."""


def quickstart(
    accounts: Annotated[int, typer.Option(help="Accounts of the sample utility.")] = 3000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same utility.")] = 1,
    as_of: Annotated[
        str,
        typer.Option(
            help="Last day of its data, YYYY-MM-DD; yesterday, or that of the sample that is there."
        ),
    ] = "",
    home: NewHomeOption = None,
) -> None:
    """Start the services, make a sample utility with known faults, run its night, show what came out."""
    settings = load_settings(home)
    console = Console()
    plan = SamplePlan(
        accounts=accounts,
        seed=seed,
        months=MONTHS,
        as_of=dt.date.fromisoformat(as_of) if as_of else yesterday(),
        faults=True,
        history=True,
    )
    if not settings.sources:
        add_settings(Home(settings.home), plan)
        settings = load_settings(home)
    put_targets(settings.home, plan)
    with console.status("Starting PostgreSQL and Airflow") as spinner:

        def tell(message: str) -> None:
            spinner.update(message)
            if not console.is_terminal:
                console.print(message, soft_wrap=True)

        status = services.up(settings, progress=tell)
    if not status.healthy:
        raise ServiceError("services.unhealthy", "not all services are well.", "See: wattmark status")
    for note in status.notes:
        console.print(f"{escape(note)}.", soft_wrap=True)
    as_of = _sample(settings, console, plan, as_of)
    console.print(f"The night {as_of}, in Airflow at {services.airflow_url(settings)}", soft_wrap=True)
    # Lists of a published night are asked about by this DAG, which a paused one would miss.
    unpause(settings, "campaigns")
    ended = watch_dag(settings, "nightly", {"as_of": as_of}, console, unpause=True)
    if "publish" not in ended.done:
        console.print("[red]The night failed; nothing of it was published.[/red]")
        raise typer.Exit(1)
    from wattmark.report import print_night, print_places

    _report(settings, as_of)
    print_night(settings, console)
    console.print(
        f"[green]The night {as_of} is published.[/green] make down stops the services. Where to look:"
    )
    # The sample utility's own, made for this machine: who runs it is to look at once.
    print_places(settings, console, password=True)
    if not ended.succeeded:
        console.print("[red]What follows a published night was not all done, see above.[/red]")
        raise typer.Exit(1)


def add_settings(home: Home, plan: SamplePlan) -> None:
    """Name the sample utility as the source of a home that names none, beside what its settings say already."""
    said = home.settings.read_text(encoding="utf-8") if home.settings.exists() else ""
    named = read_mapping(home.settings) if said.strip() else {}
    text = "".join(part for name, part in SETTINGS.items() if name not in named)
    gap = "" if not said or said.endswith("\n") else "\n"
    write_atomically(home.settings, f"{said}{gap}{text.format(folder=home.sample, users=users_text(plan))}")


def _sample(settings: Settings, console: Console, plan: SamplePlan, as_of: str) -> str:
    """Make the sample utility once, and put its past list into the warehouse; returns the day its data end.

    One that is there already keeps its day, unless another is asked for: made anew, it would be another utility.
    """
    folder = Home(settings.home).sample
    made = folder / "made.json"
    wanted = {"accounts": plan.accounts, "seed": plan.seed, "months": plan.months}
    there = json.loads(made.read_text(encoding="utf-8")) if made.exists() else {}
    day = str(there.get("as_of", ""))
    if {name: there.get(name) for name in wanted} == wanted and as_of in ("", day):
        console.print(f"The sample utility of {plan.accounts:,} accounts is there already.")
        past = there["past"]
    else:
        made.unlink(missing_ok=True)
        with console.status(f"Making a sample utility of {plan.accounts:,} accounts"):
            sink = KeepingSink(DatabaseSink(services.source_url(settings), folder))
            is_kept = plan.account_count <= MOST_ACCOUNTS
            summary = generate(plan, sink if is_kept else sink.sink)
            if is_kept:
                with writing(settings, "wattmark quickstart"):
                    put_past_grades(settings, plan.as_of, dict(sink.tables))
        console.print(
            f"A sample utility: {summary.accounts:,} accounts, {sum(summary.rows.values()):,} rows in {summary.seconds:.0f} s"
        )
        day, past = plan.as_of.isoformat(), kept(summary.past) if summary.past else None
        # Whom a list contacted stands in the warehouse alone; the home is private all the same.
        write_atomically(made, json.dumps({**wanted, "as_of": day, "past": past}), private=True)
    if past:
        _put_past(settings, past)
    return day


def _put_past(settings: Settings, past: dict[str, Any]) -> None:
    upgrade(warehouse_url(settings))
    engine = ops_engine(settings)
    try:
        day, sent = (dt.date.fromisoformat(past[name]) for name in ("as_of", "send_on"))
        put_past_list(settings, engine, PastList(day, sent, past["members"]))
    finally:
        engine.dispose()


def _report(settings: Settings, as_of: str) -> None:
    """What came of earlier lists, on pages: the night itself leaves that to whoever asks for it."""
    from wattmark.campaign.report import write_report
    from wattmark.engine.session import DuckDBSession

    run = Run.of(dt.date.fromisoformat(as_of), settings.utility.time_zone)
    engine = ops_engine(settings)
    try:
        with DuckDBSession(settings, run) as session:
            write_report(session, Home(settings.home).campaign_reports / as_of, engine)
    finally:
        engine.dispose()


def register(app: typer.Typer) -> None:
    """Add ``quickstart`` to a command line."""
    app.command("quickstart")(quickstart)
