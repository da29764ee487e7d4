"""``wattmark campaign``: check, preview, make, approve, correct and explain lists."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from wattmark.errors import WattmarkError
from wattmark.home import Home
from wattmark.options import HomeOption
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark.writer import writing

if TYPE_CHECKING:
    from sqlalchemy import Engine

campaign_app = typer.Typer(name="campaign", help="Campaigns and mailing lists.", no_args_is_help=True)
DayOption = Annotated[dt.datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The night's date.")]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Campaign ids; all that are due where left out.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(campaign_app)


def _run(settings: Settings, day: dt.datetime) -> Run:
    return Run.of(day.date(), settings.utility.time_zone)


def _tell(message: str) -> None:
    Console().print(message, soft_wrap=True, markup=False, highlight=False)


@campaign_app.command()
def check(home: HomeOption = None) -> None:
    """Check every campaign file, keys, values, conditions and fields, and where lists go."""
    from wattmark.campaign.check import check as check_file
    from wattmark.campaign.definition import read_campaigns
    from wattmark.campaign.targets import check_target

    settings = load_settings(home)
    files, wrong = read_campaigns(settings)
    problems = [str(error) for error in wrong]
    try:
        check_target(settings.campaigns.delivery or "", settings.campaigns.sftp)
    except WattmarkError as error:
        problems.append(str(error))
    for file in files:
        try:
            check_file(file, settings)
        except WattmarkError as error:
            problems.append(str(error))
    for problem in problems:
        Console().print(problem, style="red", markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    Console().print(f"{len(files)} campaigns are right.")


@campaign_app.command()
def schema() -> None:
    """Print the JSON Schema of a campaign file."""
    from wattmark.campaign.definition import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _ops(settings: Settings) -> Engine:
    """The warehouse, with schema ``ops`` as this release has it: a command may be the first to look at it."""
    from wattmark.publish.ops import ops_engine, upgrade, warehouse_url

    upgrade(warehouse_url(settings))
    return ops_engine(settings)


@campaign_app.command()
def preview(as_of: DayOption, names: NamesArgument = None, home: HomeOption = None) -> None:
    """Show reach, exclusions by rule, cost and overlap, before anything is made."""
    from wattmark.campaign.definition import load_campaigns
    from wattmark.campaign.lists import due_campaigns
    from wattmark.campaign.preview import preview as look
    from wattmark.campaign.recheck import know
    from wattmark.engine.session import DuckDBSession

    settings = load_settings(home)
    run = _run(settings, as_of)
    files = due_campaigns(load_campaigns(settings), run, names or [])
    with DuckDBSession(settings, run) as session:
        know(session, dt.datetime.now(dt.UTC))
        for preview in look(session, _ops(settings), files):
            _show_preview(preview)
    if not files:
        Console().print(f"No campaign is due on {run.as_of}.")


def _show_preview(shown: Any) -> None:
    table = Table(title=shown.campaign_id, show_header=False, title_justify="left")
    if shown.problem:
        table.add_row("cannot be made", shown.problem)
    for label, counted in (
        ("outcome", shown.outcomes), ("excluded by", shown.excluded_by), ("channel", shown.channels), ("cell", shown.cells),
        ("also listed by", shown.overlap),
    ):  # fmt: skip
        if counted:
            table.add_row(label, ", ".join(f"{name} {count:,}" for name, count in counted.items()))
    if shown.areas:
        table.add_row("areas", f"{shown.areas:,}")
    table.add_row("cost", f"{shown.cost_amount:,.2f}")
    if shown.smallest_lift is not None:
        table.add_row(
            "smallest effect found (80% power)", f"{100 * shown.smallest_lift:+.1f} percentage points"
        )
    elif shown.power_problem:
        table.add_row("smallest effect found (80% power)", shown.power_problem)
    if shown.balance:
        table.add_row(
            "balance against control",
            ", ".join(f"{cell} {value:+.3f}" for cell, value in shown.balance.items()),
        )
    if shown.lacking:
        table.add_row(
            "cannot be told, for want of",
            ", ".join(f"{name} {count:,}" for name, count in shown.lacking.items()),
        )
    Console().print(table)
    for said in shown.messages:
        reach = said.get("name") or said["customer_id"]
        _tell(f"--- {said['channel']} · {said['cell']} · {said['language']} · {reach}")
        for part in ("message_subject", "message_text", "message_script", "offer", "opt_out"):
            if part in said:
                _tell(f"{part.removeprefix('message_').replace('_', ' ')}: {said[part]}")


@campaign_app.command()
def run(as_of: DayOption, names: NamesArgument = None, home: HomeOption = None) -> None:
    """Make the lists of a date, up to awaiting approval; again for the same date finds the same lists."""
    from wattmark.campaign.night import campaigns

    settings = load_settings(home)
    with writing(settings, f"wattmark campaign run --as-of {as_of:%Y-%m-%d}", tell=_tell):
        made = campaigns(settings, _run(settings, as_of), names or [])
    table = Table(
        "campaign", "state", "considered", "listed", "left out", "control", "excluded", "over limit", "cost"
    )
    for outcome in made:
        table.add_row(
            outcome.campaign_id, outcome.problem or outcome.state, f"{outcome.considered:,}", f"{outcome.listed:,}", f"{outcome.dropped:,}", f"{outcome.control:,}",
            f"{outcome.excluded:,}", f"{outcome.over_limit:,}", f"{outcome.cost_amount:,.2f}",
        )  # fmt: skip
    Console().print(table if made else f"No campaign is due on {as_of:%Y-%m-%d}.")
    _show_lists(settings, [outcome.campaign_run_id for outcome in made if outcome.listed])
    if any(outcome.problem for outcome in made):
        raise typer.Exit(1)


def _show_lists(settings: Settings, names: Sequence[str]) -> None:
    """The files of lists, and how those that await an answer are approved or refused."""
    from wattmark.campaign.stored import files_of, how_to_approve, stored_list

    engine = _ops(settings)
    for name in names:
        row = stored_list(engine, name)
        if row is None:
            continue
        _tell(f"\n{name} ({row['state']})")
        for entry in files_of(settings, row):
            _tell(f"  {entry['path']}: {entry['rows']:,} rows, out on {entry['send_on']}")
        if row["state"] == "awaiting_approval":
            due = row["approval_due_at"].astimezone(settings.zone)
            roles = ", ".join(row["definition"]["approval"]["by"])
            _tell(
                f"  approve until {due:%Y-%m-%d %H:%M} ({roles}):\n    {how_to_approve(settings, row)}\n"
                f"  or refuse: wattmark campaign refuse {name} --by … --why … --home {settings.home}"
            )
    engine.dispose()


@campaign_app.command("lists")
def lists_(
    all_: Annotated[bool, typer.Option("--all", help="Also those that were released or refused.")] = False,
    home: HomeOption = None,
) -> None:
    """Show the lists that await approval, their files and how to approve them."""
    from wattmark.campaign.stored import WAITING, stored_lists

    settings = load_settings(home)
    rows = stored_lists(_ops(settings), states=() if all_ else WAITING)
    table = Table("list", "state", "listed", "control", "left out", "cost", "answered by", "note")
    for row in rows:
        table.add_row(
            row["campaign_run_id"], row["state"], f"{row['listed']:,}", f"{row['control']:,}", f"{row['dropped']:,}",
            f"{row['cost_amount']:,.2f}", row["approved_by"] or "", row["note"] or "",
        )  # fmt: skip
    Console().print(table if rows else "No list awaits approval.")
    _show_lists(settings, [row["campaign_run_id"] for row in rows if row["state"] == "awaiting_approval"])


@campaign_app.command()
def example() -> None:
    """Print a complete campaign file in which every key stands and is explained."""
    typer.echo(
        (load_settings().include / "campaigns" / "example" / "every-key.yaml").read_text("utf-8"), nl=False
    )


@campaign_app.command()
def explain(customer: Annotated[str, typer.Argument(help="Customer id.")], home: HomeOption = None) -> None:
    """Say which lists a customer was considered for, and why she did or did not get something."""
    from wattmark.campaign.preview import explain as look

    rows = look(_ops(load_settings(home)), customer)
    table = Table("date", "campaign", "account", "outcome", "because", "channel", "cell", "list is")
    for row in rows:
        table.add_row(
            str(row["as_of"]), row["campaign_id"], row["account_id"], row["outcome"], row["excluded_by"] or "",
            row["channel"] or "", row["cell"] or "", row["state"],
        )  # fmt: skip
    Console().print(table if rows else "No campaign has considered this customer.")


@campaign_app.command()
def approve(
    campaign_run_id: str,
    by: Annotated[str, typer.Option("--by", help="Who approves; one of those the campaign names.")],
    digest: Annotated[
        str, typer.Option("--list-sha256", help="list_sha256 of the manifest that was looked at.")
    ],
    home: HomeOption = None,
) -> None:
    """Approve a list and release it; a list is released once, without whoever has said no by now."""
    from wattmark.campaign.release import release, what_left

    settings = load_settings(home)
    engine = _ops(settings)
    if not release(settings, engine, campaign_run_id, by, digest, dt.datetime.now(dt.UTC)):
        Console().print(f"{campaign_run_id} had been released before.")
        return
    Console().print(f"{campaign_run_id} is released.")
    dropped, moved = what_left(engine, campaign_run_id)
    if dropped:
        Console().print(
            f"{dropped:,} may not be contacted any more and were left out; see release in its manifest."
        )
    for channel, day in sorted(moved.items()):
        Console().print(f"{channel} goes out on {day}: its day had passed.")


@campaign_app.command()
def refuse(
    campaign_run_id: str,
    by: Annotated[str, typer.Option("--by", help="Who refuses.")],
    why: Annotated[str, typer.Option("--why", help="The reason.")],
    home: HomeOption = None,
) -> None:
    """Refuse a list that awaits approval."""
    from wattmark.campaign.release import refuse as say_no

    settings = load_settings(home)
    say_no(settings, _ops(settings), campaign_run_id, by, why)
    Console().print(f"{campaign_run_id} is refused.")


@campaign_app.command()
def correct(
    campaign: str,
    as_of: DayOption,
    why: Annotated[str, typer.Option("--why", help="What is corrected.")],
    home: HomeOption = None,
) -> None:
    """Make a new version of a released list, which awaits approval of its own."""
    from wattmark.campaign.release import correct as make_correction
    from wattmark.engine.session import DuckDBSession

    settings = load_settings(home)
    run_ = _run(settings, as_of)
    held = writing(settings, f"wattmark campaign correct {campaign}", tell=_tell)
    with held, DuckDBSession(settings, run_) as session:
        correction = make_correction(settings, run_, session, _ops(settings), campaign, why)
    Console().print(f"{correction.campaign_run_id} awaits approval: {correction.listed:,} listed.")


@campaign_app.command()
def report(
    as_of: DayOption,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder; reports/campaigns/<date> of the home where left out.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write the pages of all campaigns with results, their calendar and the contact history in numbers."""
    from wattmark.campaign.report import write_report
    from wattmark.engine.session import DuckDBSession

    settings = load_settings(home)
    run_ = _run(settings, as_of)
    folder = to or Home(settings.home).campaign_reports / run_.as_of.isoformat()
    with DuckDBSession(settings, run_) as session:
        Console().print(str(write_report(session, folder, _ops(settings))), soft_wrap=True)


@campaign_app.command()
def replies(
    file: Annotated[
        Path, typer.Argument(help="CSV: reply_code or text, occurred_at; kind, channel, value_amount.")
    ],
    to: Annotated[
        Path, typer.Option("--to", help="File to write, of the form of campaign_event.csv, for the source.")
    ],
    home: HomeOption = None,
) -> None:
    """Find whose the answers to messages are by their codes; a no counts at once, all of it from the next night."""
    import csv
    import io

    from wattmark.atomic import write_atomically
    from wattmark.campaign.replies import COLUMNS, read_replies, rows_of
    from wattmark.campaign.replies import suppress as let_count

    settings = load_settings(home)
    engine = _ops(settings)
    found, unread = read_replies(settings, engine, file)
    rows, stream = rows_of(found), io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    refused = let_count(settings, engine, found)
    write_atomically(to, stream.getvalue(), private=True)
    _tell(f"{len(rows):,} events are in {to}; {refused:,} ask for no more, which counts from now on.")
    for line in unread:
        _tell(f"{file}:{line.line}: {line.why}; left out.")
    if unread:
        raise typer.Exit(1)


@campaign_app.command()
def suppress(
    customer: Annotated[str, typer.Argument(help="Customer id.")],
    reason: Annotated[str, typer.Option("--reason", help="deceased, or what the customer asked for.")],
    as_of: DayOption,
    home: HomeOption = None,
) -> None:
    """Never contact a customer again, on any channel."""
    from wattmark.campaign.feedback import suppress_customer

    settings = load_settings(home)
    suppress_customer(settings, _ops(settings), customer, reason, as_of.date())
    Console().print("Suppressed.")


@campaign_app.command("list-key")
def list_key(file: Annotated[Path, typer.Argument(help="File to write; it must not be there.")]) -> None:
    """Make the utility's identity that lists are encrypted to, and print its public key."""
    from wattmark.campaign.keys import make_identity

    public = make_identity(file)
    _tell(f"{file} is written; keep it private and in the backup. Its public key:\n{public}")
    _tell("Name the file as campaigns.list_identity_file in settings.yaml.")


@campaign_app.command()
def decrypt(
    file: Path, to: Annotated[Path, typer.Option("--to", help="File to write.")], home: HomeOption = None
) -> None:
    """Open an encrypted list with the utility's identity."""
    from wattmark.atomic import write_atomically
    from wattmark.campaign.definition import CampaignError
    from wattmark.campaign.files import open_list
    from wattmark.campaign.keys import list_keys

    keys = list_keys(load_settings(home))
    if keys is None:
        raise CampaignError(
            "campaign.list_identity", "No identity is set.", "Set campaigns.list_identity_file."
        )
    write_atomically(to, lambda stream: open_list(file, keys, stream.write), private=True)
    Console().print(f"{to} is written; it holds personal data.")
