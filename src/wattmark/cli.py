"""The command line."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.markup import escape

from wattmark.errors import WattmarkError
from wattmark.home import be_private

app = typer.Typer(
    name="wattmark",
    help="Nightly customer intelligence for electric utilities.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _mount() -> None:
    from wattmark import commands, docs_pages, quickstart, tidy
    from wattmark.audit import commands as audit_commands
    from wattmark.campaign import commands as campaign_commands
    from wattmark.local import commands as local_commands
    from wattmark.sample import commands as sample_commands

    for module in (
        commands,
        quickstart,
        local_commands,
        sample_commands,
        campaign_commands,
        audit_commands,
        docs_pages,
        tidy,
    ):
        module.register(app)


def main() -> None:
    """Run the command line; an error meant for people is printed without a traceback, exit status 1."""
    be_private()
    _mount()
    try:
        app()
    except WattmarkError as error:
        Console(stderr=True).print(f"[red]Error:[/red] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
