"""The option that every command about a home takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wattmark.errors import SettingsError
from wattmark.home import Home
from wattmark.settings import default_home


def existing_home(home: Path | None) -> Path:
    """The home that a command is given, or else the default one.

    Raises:
        SettingsError: there is none; nothing is made.
    """
    folder = new_home(home)
    if not Home(folder).is_there():
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
