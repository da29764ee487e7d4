"""``wattmark review``: makes the reviews that are due, and lists those that are kept."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from wattmark.cases.console import tell, warehouse
from wattmark.options import HomeOption
from wattmark.settings import load_settings

review_app = typer.Typer(
    name="review",
    help="Reviews of the audit by day, week, month, quarter and year.",
    no_args_is_help=True,
)
SpanOption = Annotated[
    str | None,
    typer.Option("--span", help="Only day, week, month, quarter or year.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(review_app)


@review_app.command("make")
def make(
    span: SpanOption = None,
    period: Annotated[
        dt.datetime | None,
        typer.Option(
            "--period",
            formats=["%Y-%m-%d"],
            help="With --span: a day of the period to be made; those that are due where left out.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Make the reviews that are due on the published night, and again those made on it."""
    from wattmark.cases.review.make import PAGE, ReviewError, make_due
    from wattmark.cases.review.spans import SPANS

    chosen = [offered for offered in SPANS if span in (None, offered)]
    if not chosen:
        raise ReviewError("review.span", f"There is no review of a {span}.", f"One of {', '.join(SPANS)}.")
    if period is not None and span is None:
        raise ReviewError("review.span", "--period does not say of which span.", "Add --span.")
    made = make_due(load_settings(home), chosen, period.date() if period is not None else None)
    for review in made:
        tell(
            f"{review.period.span} {review.period.first} of {review.org_unit_id}: {review.items} items, {review.folder / PAGE}"
        )
    if not made:
        tell("No review is due on the published night.")


@review_app.command("list")
def list_(span: SpanOption = None, home: HomeOption = None) -> None:
    """List reviews that are kept, and the items that somebody has to see to."""
    from wattmark.cases.review.document import period_name
    from wattmark.cases.review.make import PDF
    from wattmark.cases.review.store import every_open_item, reviews
    from wattmark.home import Home

    settings = load_settings(home)
    kept = Table("review of", "period", "unit", "made on", "file")
    waiting = Table("review of", "period", "no.", "kind", "about", "value", "seen to by", "since")
    with warehouse(settings) as connection:
        for row in reviews(connection, span=span):
            file = Home(settings.home).reviews / row["folder"] / PDF
            kept.add_row(
                row["span"], period_name(row["span"], row["period"]), row["org_unit_id"], str(row["as_of"]), str(file)
            )  # fmt: skip
        for item in every_open_item(connection, span):
            about = " ".join(
                part for part in (item["org_unit_id"], item["kpi"], item["rule_id"]) if part is not None
            )
            owner = " ".join(
                part for part in (item["owner_org_unit_id"], item["owner_staff_id"]) if part is not None
            )
            waiting.add_row(
                item["span"], period_name(item["span"], item["period"]), str(item["item_no"]), item["kind"], about,
                f"{item['value']:g}", owner, period_name(item["span"], item["since"]),
            )  # fmt: skip
    console = Console()
    console.print(kept if kept.rows else "No review is kept yet.")
    if waiting.rows:
        console.print(waiting)
