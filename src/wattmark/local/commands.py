"""Commands about the services, to be mounted by the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from wattmark.errors import SettingsError
from wattmark.local import deploy, services
from wattmark.local.airflow import ADMIN
from wattmark.local.secret import secrets_file
from wattmark.settings import default_home, load_settings

HOME_MARKS = (
    "settings.yaml",
    "services.json",
    "secrets.json",
    "lake",
    "state",
    "campaigns",
    "airflow",
    "campaign.key",
)
"""Any of these makes a folder a home."""


def is_home(folder: Path) -> bool:
    """Whether a folder is a home: set up, or run in before."""
    return any(os.path.lexists(folder / name) for name in HOME_MARKS)


def existing_home(home: Path | None) -> Path:
    """The home that a command is given, or else the default one.

    Raises:
        SettingsError: there is none; nothing is made.
    """
    folder = new_home(home)
    if not is_home(folder):
        what = "it holds nothing of a home" if folder.is_dir() else "there is no such folder"
        raise SettingsError(
            "home.missing",
            f"{folder} is no home: {what}.",
            "Check --home and WATTMARK_HOME; wattmark run, up and quickstart make a home.",
        )
    return folder


def new_home(home: Path | None) -> Path:
    """The same for commands that make a home where there is none.

    Raises:
        SettingsError: something that is not a folder is in its place.
    """
    folder = home.resolve() if home else default_home()
    if os.path.lexists(folder) and not folder.is_dir():
        raise SettingsError(
            "home.not_a_folder", f"{folder} is not a folder.", "Check --home and WATTMARK_HOME."
        )
    return folder


_HOME_HELP = "Home folder; WATTMARK_HOME or .wattmark where left out."
HomeOption = Annotated[
    Path | None, typer.Option("--home", help=_HOME_HELP, show_default=False, callback=existing_home)
]
NewHomeOption = Annotated[
    Path | None, typer.Option("--home", help=_HOME_HELP, show_default=False, callback=new_home)
]

_STYLES = {"running": "green", "unhealthy": "yellow", "crashed": "red", "stopped": "dim"}


def _show(console: Console, parts: list[services.ComponentStatus]) -> None:
    table = Table("part", "state", "process", "address")
    for part in parts:
        style = _STYLES[part.state]
        table.add_row(
            part.component, f"[{style}]{part.state}[/{style}]", str(part.pid or ""), part.address or ""
        )
    console.print(table)
    for part in parts:
        if part.last_lines:
            console.print(
                f"[red]{part.component} is {part.state}[/red]; the end of {part.log}:", soft_wrap=True
            )
            for line in part.last_lines:
                console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def up(
    home: NewHomeOption = None,
    airflow: Annotated[bool, typer.Option(help="Start Airflow too, not the database alone.")] = True,
) -> None:
    """Start PostgreSQL and Airflow, and wait until they are ready."""
    settings = load_settings(home)
    console = Console()
    with console.status("Starting") as spinner:

        def tell(message: str) -> None:
            spinner.update(message)
            if not console.is_terminal:
                console.print(message, soft_wrap=True)

        status = services.up(settings, airflow=airflow, progress=tell)
    _show(console, list(status.components))
    for note in status.notes:
        console.print(f"{escape(note)}.", soft_wrap=True)
    if airflow:
        console.print(
            f"Airflow: {services.airflow_url(settings)} (user {ADMIN}, "
            f"password under airflow_admin in {secrets_file(settings.home)})",
            soft_wrap=True,
        )
    if not status.healthy:
        raise typer.Exit(1)


def down(home: HomeOption = None) -> None:
    """Stop whatever runs of this home."""
    console = Console()
    settings = load_settings(home)
    if not settings.home.is_dir():
        console.print(f"{settings.home} is no home: nothing of it runs.", soft_wrap=True)
        return
    services.down(settings, progress=lambda message: console.print(message, soft_wrap=True))
    console.print("All services of this home are stopped.")


def status(home: HomeOption = None) -> None:
    """Show how the services are; the exit status is 1 unless all of them run."""
    parts = services.status(load_settings(home))
    _show(Console(), parts)
    if any(part.state != "running" for part in parts):
        raise typer.Exit(1)


def warehouse_url(home: HomeOption = None) -> None:
    """Print the SQLAlchemy URL of the warehouse, password included."""
    typer.echo(services.warehouse_url(load_settings(home)))


def prepare(home: NewHomeOption = None) -> None:
    """Prepare servers of one's own: Airflow's database and pools, schema ops of the warehouse."""
    console = Console()
    deploy.prepare(load_settings(home), progress=lambda message: console.print(message, soft_wrap=True))
    console.print("The servers are ready.")


def register(app: typer.Typer) -> None:
    """Add ``up``, ``down``, ``status``, ``warehouse-url`` and ``prepare`` to a command line."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)
    app.command("warehouse-url")(warehouse_url)
    app.command("prepare")(prepare)
