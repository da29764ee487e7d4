"""Commands about what readers see, and about who reads."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from wattmark.options import HomeOption
from wattmark.settings import load_settings

bi_users = typer.Typer(
    name="bi-user",
    help="Logins of those who read the warehouse: made, listed, removed.",
    no_args_is_help=True,
    add_completion=False,
)

NameArgument = Annotated[str, typer.Argument(help="Name of the login: a to z, 0 to 9 and _.")]


def publish(
    back: Annotated[
        bool, typer.Option("--back", help="Take the last publication back: the one before it stands again.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Show what was published; with --back, take the last publication back."""
    from wattmark.home import warehouse_url
    from wattmark.publish import warehouse

    settings = load_settings(home)
    url = warehouse_url(settings)
    console = Console()
    if back:
        with console.status("Taking the last publication back"):
            standing, done = warehouse.take_back(settings, url)
        console.print(
            f"The night {standing.as_of} stands again (run {standing.run_id}); {sum(published.changed for published in done):,} rows changed.",
            soft_wrap=True,
        )
        console.print(
            "Cases, campaign lists, decisions, watermarks and the history of segments stay as they are.",
            soft_wrap=True,
        )
        return
    shown = Table("no", "run", "day", "published", "rows", "differed", "taken back")
    for number, run, rows, changed, taken_back in warehouse.publications(url):
        at, gone = (f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in (run.published_at, taken_back))
        shown.add_row(str(number), run.run_id, str(run.as_of), at, f"{rows:,}", f"{changed:,}", gone)
    console.print(shown)


@bi_users.command("add")
def add(
    name: NameArgument,
    pii: Annotated[bool, typer.Option("--pii", help="Also contacts of customers and refused rows.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="A schema of its own, of the login's name, for views of its own.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Make a login that reads the marts; its password is shown once."""
    from wattmark.home import warehouse_url
    from wattmark.publish import bi_users as logins

    url = warehouse_url(load_settings(home))
    made = logins.add(url, name, pii=pii, schema=schema)
    console = Console()
    console.print(
        f"Login {name} reads {'mart, mart_pii and quarantine' if pii else 'mart'}. Its password is not shown again:",
        soft_wrap=True,
    )
    # To be copied: neither wrapped nor coloured.
    typer.echo(f"  password  {made.password}")
    typer.echo(f"  psql      psql '{made.psql}'")
    typer.echo(f"  Superset  {made.sqlalchemy}")
    for note in made.notes:
        console.print(note, soft_wrap=True)


@bi_users.command("list")
def listing(home: HomeOption = None) -> None:
    """Show the logins, what they read, and whether they are connected."""
    from wattmark.home import warehouse_url
    from wattmark.publish import bi_users as logins

    shown = Table("login", "reads", "schema", "connections", "at most")
    for login in logins.listing(warehouse_url(load_settings(home))):
        shown.add_row(
            login.name, ", ".join(login.reads), login.schema or "", str(login.connections), str(login.limit)
        )
    Console().print(shown)


@bi_users.command("remove")
def remove(
    name: NameArgument,
    drop_schema: Annotated[
        bool, typer.Option("--drop-schema", help="Also its own schema with everything in it.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """End a login's sessions and remove it; refused while things of its own are left."""
    from wattmark.home import warehouse_url
    from wattmark.publish import bi_users as logins

    logins.remove(warehouse_url(load_settings(home)), name, drop_schema=drop_schema)
    Console().print(f"Login {name} is removed.")


def register(app: typer.Typer) -> None:
    """Add ``publish`` and ``bi-user`` to a command line."""
    app.command("publish")(publish)
    app.add_typer(bi_users)
