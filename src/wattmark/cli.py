"""The command line."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from wattmark import __version__
from wattmark.errors import WattmarkError
from wattmark.home import be_private

COMMANDS = "wattmark.commands"
"""Group of entry points through which other distributions add commands."""
SAMPLE, SAMPLE_COMMANDS = "sample", ("sample", "quickstart")

app = typer.Typer(
    name="wattmark",
    help="Nightly customer intelligence for electric utilities.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wattmark {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Nightly customer intelligence for electric utilities."""


def mount() -> None:
    """Add every command, each with the modules it needs."""
    from wattmark import commands, docs_pages, golden, table, tidy
    from wattmark.audit import commands as audit_commands
    from wattmark.bi import commands as bi_commands
    from wattmark.campaign import commands as campaign_commands
    from wattmark.cases import commands as case_commands
    from wattmark.cases.review import commands as review_commands
    from wattmark.local import commands as local_commands
    from wattmark.plan import command as plan_command
    from wattmark.publish import commands as publish_commands

    for module in (
        commands,
        local_commands,
        publish_commands,
        bi_commands,
        campaign_commands,
        audit_commands,
        case_commands,
        review_commands,
        table,
        plan_command,
        golden,
        docs_pages,
        tidy,
    ):
        module.register(app)
    _mount_others()


def _mount_others() -> None:
    """Add the commands of other distributions that are installed, each an entry point that takes the command line.

    What the sample utility brings is said to be missing where it is not installed.
    """
    found = {point.name: point for point in entry_points(group=COMMANDS)}
    for _, point in sorted(found.items()):
        point.load()(app)
    if SAMPLE not in found:
        for name in SAMPLE_COMMANDS:
            app.command(name, hidden=True, context_settings=_ANY_ARGUMENTS)(_not_installed)


_ANY_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _not_installed(context: typer.Context) -> None:
    """Not installed: comes with the sample utility."""
    raise WattmarkError(
        "cli.not_installed",
        f"wattmark {context.info_name} comes with the sample utility, which is not installed here.",
        "In a checkout: make setup, or .venv/bin/pip install --no-deps --editable sample.",
    )


def main() -> None:
    """Run the command line; an error meant for people is printed without a traceback, exit status 1."""
    be_private()
    mount()
    try:
        app()
    except Exception as error:
        said = _for_people(error)
        if said is None:
            raise
        for mistake in said.errors:
            Console(stderr=True).print(
                f"[red]Error:[/red] {escape(str(mistake))}", soft_wrap=True, highlight=False
            )
        sys.exit(1)


def _for_people(error: Exception) -> WattmarkError | None:
    """The error as it is told: a full disk, wherever it showed, as one; None for what is a bug."""
    from wattmark import disk
    from wattmark.settings import load_settings

    if not isinstance(error, disk.DiskFullError) and disk.is_full(error):
        try:
            return disk.explained(error, load_settings(_home_argument()))
        except (WattmarkError, OSError):
            return disk.DiskFullError(
                "home.disk_full", "The disk is full.", "Make room, then run the command again."
            )
    return error if isinstance(error, WattmarkError) else None


def _home_argument() -> Path | None:
    """The home that the command line names, if it does."""
    for at, argument in enumerate(sys.argv):
        if argument == "--home" and at + 1 < len(sys.argv):
            return Path(sys.argv[at + 1])
        if argument.startswith("--home="):
            return Path(argument.removeprefix("--home="))
    return None
