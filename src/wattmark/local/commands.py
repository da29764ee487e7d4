"""Commands about the services, to be mounted by the command line."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from wattmark import home as homes
from wattmark.errors import WattmarkError
from wattmark.local import deploy, services
from wattmark.options import HomeOption, NewHomeOption
from wattmark.settings import Settings, load_settings
from wattmark.user_settings import ADMIN

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
    for said in _left_out(settings):
        console.print(f"{escape(said)}.", soft_wrap=True)
    if airflow:
        name = homes.login_secret(ADMIN)
        others = (
            f"; {len(settings.users)} more in {homes.Home(settings.home).settings}" if settings.users else ""
        )
        console.print(
            f"Airflow: {services.airflow_url(settings)} (user {ADMIN}, "
            f"password under {name} in {homes.Home(settings.home).secrets}{others})",
            soft_wrap=True,
        )
    if not status.healthy:
        raise typer.Exit(1)


def _left_out(settings: Settings) -> list[str]:
    """Bring who acts on cases to the settings' users; what to tell of it."""
    from wattmark.cases.logins import logins_of_home

    try:
        kept = logins_of_home(homes.warehouse_url(settings), settings.users)
    except WattmarkError as error:
        # A warehouse of one's own may be down; the next night tries again.
        return [f"Who acts on cases stays as it is: {error}"]
    return [f"{said}; until then this login sees no cases" for said in kept.left_out]


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
    typer.echo(homes.warehouse_url(load_settings(home)))


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
