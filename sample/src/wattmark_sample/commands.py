"""What the sample utility adds to the command line: ``wattmark sample``, ``quickstart`` and ``audit score``."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from wattmark.audit.commands import audit
from wattmark.home import Home
from wattmark.options import HomeOption, NewHomeOption, new_home
from wattmark.settings import load_settings
from wattmark_sample import quickstart
from wattmark_sample.generate import generate
from wattmark_sample.plan import SampleError, SamplePlan, yesterday
from wattmark_sample.sinks import DatabaseSink, FolderSink, Sink
from wattmark_sample.truth import read_truth, truth_file, write_truth


def register(app: typer.Typer) -> None:
    """Add the commands to a command line."""
    quickstart.register(app)
    audit.command("score")(score_command)

    @app.command()
    def sample(
        accounts: Annotated[
            str | None,
            typer.Option(
                help="number of accounts, or 'full' for the whole grid (32,725); 3000, or 300 with --history",
                show_default=False,
            ),
        ] = None,
        months: Annotated[
            int, typer.Option(help="billed months up to the last full one before --as-of")
        ] = 25,
        interval_days: Annotated[
            int, typer.Option(help="days of half-hourly intervals up to --as-of; 0 for none")
        ] = 35,
        seed: Annotated[int, typer.Option(help="the same seed gives the same files")] = 1,
        as_of: Annotated[
            str, typer.Option(help="last day of the data, YYYY-MM-DD; yesterday where left out")
        ] = "",
        out: Annotated[
            Path | None,
            typer.Option(
                help="folder for the files; sample, or that of the home with --history", show_default=False
            ),
        ] = None,
        file_format: Annotated[
            str, typer.Option("--format", help="parquet or csv, for all but the intervals")
        ] = "parquet",
        database: Annotated[
            str, typer.Option(help="SQLAlchemy URL of a PostgreSQL database that takes all but the intervals")
        ] = "",
        schema: Annotated[str, typer.Option(help="schema in that database")] = "public",
        faults: Annotated[
            str | None,
            typer.Option(
                help="known faults: none, all, or rule ids such as TAR-01,MET-03:5; none, or all with --history",
                show_default=False,
            ),
        ] = None,
        past: Annotated[
            bool, typer.Option(help="a utility with a past: accounts that left, answers to a released list")
        ] = True,
        history: Annotated[
            bool,
            typer.Option("--history", help="play a year of nights and of work on cases into a fresh home"),
        ] = False,
        history_days: Annotated[int, typer.Option(help="days from one night of that year to the next")] = 14,
        home: NewHomeOption = None,
    ) -> None:
        """Make a sample utility: invented customers on a real network, billed and metered."""
        number = accounts or ("300" if history else "3000")
        plan = SamplePlan(
            accounts=number if number == "full" else _whole(number),
            months=months,
            interval_days=interval_days,
            seed=seed,
            as_of=_date(as_of) if as_of else yesterday(),
            faults=_faults(faults or ("all" if history else "none")),
            history=past,
        )
        if history:
            if database or file_format != "parquet":
                raise SampleError(
                    "sample.history", "the source of a year that is played is a folder of Parquet files.",
                    "Leave --database and --format out.",
                )  # fmt: skip
            _play(new_home(home), plan, out, history_days)
            return
        out = out or Path("sample")
        if file_format not in ("parquet", "csv"):
            raise SampleError("sample.format", f"{file_format!r} is not a format.", "Give parquet or csv.")
        chosen: Literal["parquet", "csv"] = "csv" if file_format == "csv" else "parquet"
        _make(plan, out, DatabaseSink(database, out, schema) if database else FolderSink(out, chosen))


def _make(plan: SamplePlan, out: Path, sink: Sink) -> None:
    """Make a sample utility, and tell what is in it."""
    summary = generate(plan, sink)
    for name, rows in summary.rows.items():
        typer.echo(f"{name:<24}{rows:>14,}")
    if summary.truth:
        write_truth(truth_file(out), summary.truth)
        seeded = sum(bool(fault.subject_id) for fault in summary.truth)
        typer.echo(f"{seeded} seeded faults are told in {truth_file(out)}")
    for unplaced in summary.unplaced:
        typer.echo(f"not seeded, no account qualifies: {unplaced}")
    typer.echo(f"{summary.accounts:,} accounts in {summary.seconds:.1f} s")


def _play(home: Path, plan: SamplePlan, out: Path | None, every_days: int) -> None:
    """Play a year into a home, and tell what came of it."""
    from wattmark_sample.played import play

    folder = Home(home)
    played = play(folder.folder, plan, (out or folder.sample).resolve(), every_days, typer.echo)
    states = ", ".join(f"{count:,} {state}" for state, count in played.states.items())
    nights = list(played.nights.values())
    typer.echo(
        f"{len(nights)} nights of {plan.account_count:,} accounts in {played.seconds:.0f} s, "
        f"{sum(nights) / len(nights):.0f} s a night"
    )
    typer.echo(f"Cases: {states}; {played.events:,} events, their log proved")
    typer.echo(f"Look at them: wattmark up --home {folder.folder}")


def _whole(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise SampleError("sample.accounts", f"accounts is {value!r}.", "Give a number, or 'full'.") from None


def _date(value: str) -> dt.date:
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise SampleError("sample.as_of", f"as_of is {value!r}.", "Give a date as YYYY-MM-DD.") from None


def _faults(value: str) -> bool | dict[str, int] | list[str]:
    if value in ("none", "all"):
        return value == "all"
    parts = [part.strip().partition(":") for part in value.split(",") if part.strip()]
    if any(count for _, _, count in parts):
        return {rule: _whole(count or "1") for rule, _, count in parts}
    return [rule for rule, _, _ in parts]


def score_command(
    sample: Annotated[Path, typer.Option("--sample", help="Folder of a sample made with --faults.")],
    home: HomeOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Page to write; docs/reference/rule_quality.md where left out.", show_default=False
        ),
    ] = None,
) -> None:
    """Compare findings with the faults seeded into a sample; writes the page of precision and recall."""
    from wattmark.audit.replay import audited_run
    from wattmark.audit.rules import all_rules
    from wattmark.engine.catalog import catalog_of
    from wattmark_sample.score import findings_of, score, write_page

    settings = load_settings(home)
    run = audited_run(settings)
    truth = read_truth(truth_file(sample.resolve()))
    scores = score(all_rules(catalog_of(settings)), truth, findings_of(settings, run))
    target = out or settings.project / "docs" / "reference" / "rule_quality.md"
    seeded = [fault for fault in truth if fault.subject_id]
    with_faults = len({(fault.rule_id, fault.way) for fault in seeded})
    what = (
        f"A sample utility with {len(seeded):,} seeded subjects in {with_faults:,} ways, "
        f"audited for {run.as_of} ({run.period:%Y-%m})."
    )
    write_page(target, scores, what)
    console = Console()
    table = Table("rule", "kind", "seeded", "found", "missed", "extra", "effects")
    for result in scores:
        if result.missed or (result.extras and result.kind == "exception"):
            table.add_row(
                result.rule_id,
                result.kind,
                str(result.seeded),
                str(result.hits),
                ", ".join(result.ways_missed),
                ", ".join(result.extras[:5]),
                str(result.effects),
            )
    console.print(table if table.row_count else "Every seeded fault is found, and nothing else.")
    console.print(f"Written: {target}", soft_wrap=True, highlight=False)
