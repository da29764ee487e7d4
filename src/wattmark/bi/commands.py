"""``wattmark bi``: what BI tools take over from the marts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wattmark.code_names import Language
from wattmark.options import HomeOption
from wattmark.settings import load_settings

bi_app = typer.Typer(name="bi", help="Dashboards for BI tools, made from the marts.", no_args_is_help=True)


@bi_app.callback()
def bi() -> None:
    """Dashboards for BI tools, made from the marts."""


@bi_app.command("superset")
def superset(
    out: Annotated[Path, typer.Option("--out", help="File that ends in .zip, or a folder.")],
    language: Annotated[Language, typer.Option("--language", help="Of titles and names.")] = "en",
    login: Annotated[
        str, typer.Option("--login", help="Login that Superset reads with; wattmark bi-user add makes it.")
    ] = "superset",
    host: Annotated[
        str | None,
        typer.Option("--host", help="Host of the warehouse as Superset sees it.", show_default=False),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Its port.", min=1, max=65535, show_default=False)
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="A bundle that also replaces charts imported before; by Superset's API alone."
        ),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Write dashboards of audit, segments, campaigns, losses and key figures for Apache Superset to import."""
    from wattmark.bi.bundle import Bundle, address, write
    from wattmark.bi.definitions import load_definitions
    from wattmark.code_names import load_code_names
    from wattmark.home import warehouse_url

    settings = load_settings(home)
    made = Bundle(
        load_definitions(settings.include),
        load_code_names(settings.include / "code-names.yaml"),
        language,
        address(warehouse_url(settings), login, host, port),
        "assets" if replace else "Dashboard",
    )
    write(made.texts(), out)
    Console().print(
        f"{len(made.drawn)} charts on {len(made.files) - len(made.drawn) - len(made.tables) - 2} dashboards over "
        f"{len(made.tables)} data sets: {out}. Superset asks for the password of login {login} when it imports them.",
        soft_wrap=True,
    )


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(bi_app)
