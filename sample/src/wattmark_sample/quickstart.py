"""From nothing to a published night on the sample utility, on this machine."""

from __future__ import annotations

import json
from typing import Annotated

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
from wattmark.settings import Settings, load_settings
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import DatabaseSink

SETTINGS_TEXT = """\
# Settings of the sample utility: customer files in a database, intervals in daily Parquet files.
schedule:
  nightly: null        # the sample's data end on one day
sources:
  - location: airflow:wattmark_source
  - location: {folder}
    tables: [interval_reading]
"""


def quickstart(
    accounts: Annotated[int, typer.Option(help="Accounts of the sample utility.")] = 3000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same utility.")] = 1,
    home: NewHomeOption = None,
) -> None:
    """Start the services, make a sample utility with known faults, run its night, show what came out."""
    settings = load_settings(home)
    console = Console()
    own = Home(settings.home).settings
    if not own.exists():
        write_atomically(own, SETTINGS_TEXT.format(folder=Home(settings.home).sample))
        settings = load_settings(home)
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
    as_of = _sample(settings, console, SamplePlan(accounts=accounts, seed=seed, faults=True))
    console.print(f"The night {as_of}, in Airflow at {services.airflow_url(settings)}", soft_wrap=True)
    # Lists of a published night are asked about by this DAG, which a paused one would miss.
    unpause(settings, "campaigns")
    ended = watch_dag(settings, "nightly", {"as_of": as_of}, console, unpause=True)
    if "publish" not in ended.done:
        console.print("[red]The night failed; nothing of it was published.[/red]")
        raise typer.Exit(1)
    from wattmark.report import print_night, print_places

    print_night(settings, console)
    console.print(
        f"[green]The night {as_of} is published.[/green] make down stops the services. Where to look:"
    )
    # The sample utility's own, made for this machine: who runs it is to look at once.
    print_places(settings, console, password=True)
    if not ended.succeeded:
        console.print("[red]What follows a published night was not all done, see above.[/red]")
        raise typer.Exit(1)


def _sample(settings: Settings, console: Console, plan: SamplePlan) -> str:
    """Make the sample utility once; returns the day its data end."""
    folder = Home(settings.home).sample
    made = folder / "made.json"
    wanted = {"accounts": plan.accounts, "seed": plan.seed, "as_of": plan.as_of.isoformat()}
    if made.exists() and json.loads(made.read_text(encoding="utf-8")) == wanted:
        console.print(f"The sample utility of {plan.accounts:,} accounts is there already.")
    else:
        made.unlink(missing_ok=True)
        with console.status(f"Making a sample utility of {plan.accounts:,} accounts"):
            summary = generate(plan, DatabaseSink(services.source_url(settings), folder))
        console.print(
            f"A sample utility: {summary.accounts:,} accounts, {sum(summary.rows.values()):,} rows in {summary.seconds:.0f} s"
        )
        write_atomically(made, json.dumps(wanted))
    return plan.as_of.isoformat()


def register(app: typer.Typer) -> None:
    """Add ``quickstart`` to a command line."""
    app.command("quickstart")(quickstart)
