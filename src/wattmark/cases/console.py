"""What the commands about cases share: their options, the warehouse, how they speak."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from wattmark.settings import Settings

if TYPE_CHECKING:
    import psycopg

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="Id of the case.")]
AsOption = Annotated[str, typer.Option("--as", help="Login that acts; see wattmark case login.")]
VersionOption = Annotated[
    int | None,
    typer.Option(
        "--version", help="Version that was looked at; as it stands where left out.", show_default=False
    ),
]
NoteOption = Annotated[
    str | None, typer.Option("--note", help="Anything else, in words.", show_default=False)
]
WhyOption = Annotated[str, typer.Option("--why", help="The reason.")]
UnitOption = Annotated[str, typer.Option("--unit", help="Id of the unit.")]
StaffOption = Annotated[
    str | None, typer.Option("--staff", help="Id of the member of staff.", show_default=False)
]
HoursOption = Annotated[str, typer.Option("--hours", help="Hours that it took.")]
ReferenceOption = Annotated[
    str, typer.Option("--reference", help="Bill, order or event that shows it, or words.")
]


@contextmanager
def warehouse(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection on the warehouse, with schema ``ops`` as this release has it."""
    import psycopg

    from wattmark.publish.ops import libpq_url, upgrade, warehouse_url
    from wattmark.publish.refusal import naming

    url = warehouse_url(settings)
    upgrade(url)
    with naming("schema ops"), psycopg.connect(libpq_url(url), autocommit=True) as connection:
        yield connection


def tell(message: str) -> None:
    """Print a line as it is."""
    Console().print(message, soft_wrap=True, markup=False, highlight=False)
