"""Commands about the night: run it, check what it would run."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from wattmark import assets
from wattmark.brief import brief
from wattmark.errors import together
from wattmark.home import Home
from wattmark.options import HomeOption, NewHomeOption, existing_home
from wattmark.settings import SOURCE_VARIABLE, Settings, load_settings, settings_as_far_as_right
from wattmark.writer import WRITER_VARIABLE, writing

if TYPE_CHECKING:
    from wattmark.checkup_sources import Found

DayOption = Annotated[
    dt.datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="The day the run speaks for.", show_default=False),
]


def run(
    as_of: DayOption,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help="Folder or SQLAlchemy URL; the home's own sources where left out.",
            show_default=False,
        ),
    ] = None,
    home: NewHomeOption = None,
    period: Annotated[
        dt.datetime | None,
        typer.Option(
            "--period",
            formats=["%Y-%m-%d", "%Y-%m"],
            help="Audited month; the last full one before --as-of where left out.",
            show_default=False,
        ),
    ] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Read every table whole.")] = False,
    republish: Annotated[
        bool, typer.Option("--republish", help="Let a night older than the published one take its place.")
    ] = False,
) -> None:
    """Run the nightly DAG once and leave the home's database up; where Airflow is up, its scheduler does it."""
    console = Console()
    if as_of is None:
        raise typer.BadParameter("--as-of is needed: a night is keyed by its date.")
    _look(home, source, console)
    settings = load_settings(home)
    conf = {
        "as_of": f"{as_of:%Y-%m-%d}",
        "full_refresh": full_refresh,
        "republish": republish,
        **({"period": f"{period:%Y-%m-01}"} if period else {}),
    }
    from wattmark.local import services, trigger

    if source is None and trigger.takes_runs(settings, "nightly"):
        console.print(f"Handed to Airflow at {services.airflow_url(settings)}", soft_wrap=True)
        ended = watch_dag(settings, "nightly", conf, console)
    else:
        # A scheduler knows the home's own sources, and does not begin the run of a paused DAG. Of a database of the
        # utility's own nobody here knows whether a scheduler looks after it.
        is_up = services.airflow_is_up(settings)
        beside = is_up or settings.services.airflow_database_url is not None

        def tell(message: str) -> None:
            console.print(message, soft_wrap=True, markup=False, highlight=False)

        with writing(settings, f"wattmark run --as-of {as_of:%Y-%m-%d}", tell=tell) as owner:
            ended = run_dag(settings, "nightly", conf, console, owner=owner, beside=beside)
        if is_up:
            for step, asset in assets.BY_STEP.items():
                if step in ended.done and not trigger.tell_updated(
                    settings, asset, {assets.EXTRA_DAY: conf["as_of"]}
                ):
                    console.print(
                        f"[yellow]Note:[/yellow] Airflow knows no asset {asset}: nothing begins by it."
                    )
    _show_end(settings, console, f"{as_of:%Y-%m-%d}", ended)


def _show_end(settings: Settings, console: Console, as_of: str, ended: NightEnd) -> None:
    """Say what became of a night; exit status 1 unless all of it was done."""
    if "publish" not in ended.done:
        console.print(
            f"[red]The night {as_of} failed.[/red] Nothing of it was published. Log: {ended.log}",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    from wattmark.report import print_night, print_places

    print_night(settings, console)
    console.print(f"[green]The night {as_of} is published.[/green] Where to look:")
    print_places(settings, console)
    if not ended.succeeded:
        mended = "nothing of it has to be run again"
        if "cases" not in ended.done:
            mended = f"once that is mended: wattmark run --as-of {as_of} --home {settings.home}"
        elif "lists" not in ended.done:
            mended = f"once that is mended: wattmark campaign run --as-of {as_of} --home {settings.home}"
        console.print(
            f"[red]What follows a published night was not all done[/red], see above; {mended}. Log: {ended.log}",
            soft_wrap=True,
        )
        raise typer.Exit(1)


class NightEnd(NamedTuple):
    """How a run of a DAG ended: whether all of it succeeded, the steps that did, and where its log is."""

    succeeded: bool
    done: frozenset[str]
    log: str


def watch_dag(
    settings: Settings, dag_id: str, conf: dict[str, Any], console: Console, *, unpause: bool = False
) -> NightEnd:
    """Have the home's scheduler run a DAG, and show how far it is; returns how it ended.

    What a failed task said is printed, each message once.
    """
    from wattmark.local.services import airflow_url
    from wattmark.local.trigger import RunProgress, trigger_and_wait

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as progress:
        shown = progress.add_task("waiting for the scheduler", total=None)

        def follow(now: RunProgress) -> None:
            progress.update(
                shown,
                completed=now.finished,
                total=now.total or None,
                description=", ".join(now.running[:3]) or now.state,
            )

        ended = trigger_and_wait(settings, dag_id, conf, follow, unpause=unpause)
    for lines, tasks in ended.by_message().items():
        console.print(f"[red]✗ {escape(', '.join(tasks))}[/red]", soft_wrap=True)
        for line in lines:
            console.print(f"  {escape(line)}", soft_wrap=True, highlight=False)
    return NightEnd(ended.state == "success", ended.done, airflow_url(settings))


def run_dag(
    settings: Settings,
    dag_id: str,
    conf: dict[str, Any],
    console: Console,
    *,
    owner: str,
    beside: bool = False,
) -> NightEnd:
    """Run one DAG in a process of its own, showing its steps; returns how it ended.

    The process works for ``owner``, which holds the home (``wattmark.writer``), and ends with this one. With ``beside``
    it has a database of its own, as an Airflow that is up would take up what it finds in the home's.

    Airflow writes its own log to ``<home>/logs``; errors meant for people are shown here as well.
    """
    from wattmark.local.airflow import process_env
    from wattmark.local.services import prepare_airflow_database

    own = settings.scratch / f"airflow-{dag_id}-{os.getpid()}.db" if beside else None
    with console.status("Starting the database"):
        prepared = prepare_airflow_database(settings, beside=own)
    environment = {**process_env(settings), **prepared, WRITER_VARIABLE: owner}
    log = Home(settings.home).logs / f"{dag_id}-{conf['as_of']}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    read, write = os.pipe()
    environment["WATTMARK_PROGRESS_FD"] = str(write)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "wattmark.local.dag_test", dag_id, json.dumps(conf)],
            env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.PIPE, pass_fds=(write,), cwd=settings.home,
        )  # fmt: skip
    os.close(write)
    errors: list[str] = []
    done: set[str] = set()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        shown = progress.add_task("loading Airflow")

        def follow() -> None:
            with os.fdopen(read, encoding="utf-8") as events:
                for line in events:
                    event = json.loads(line)
                    if event["state"] == "running":
                        progress.update(shown, description=event["step"])
                    elif event["state"] == "failed":
                        errors.append(f"{event['step']}: {event['error']}")
                    else:
                        done.add(event["step"])
                        progress.console.print(
                            f"[green]✓[/green] {event['step']:<28} {event['seconds']:>6.1f} s  {brief(event.get('result'))}",
                            highlight=False,
                            soft_wrap=True,
                        )

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        follower.join(timeout=10)
    if own is not None:
        for file in own.parent.glob(f"{own.name}*"):
            file.unlink()
    for error in dict.fromkeys(errors):
        console.print(f"[red]✗[/red] {escape(error)}", soft_wrap=True)
    return NightEnd(code == 0, frozenset(done), str(log))


def check(
    source: Annotated[
        str | None,
        typer.Option("--source", help="Folder or SQLAlchemy URL in place of the home's.", show_default=False),
    ] = None,
    home: NewHomeOption = None,
    lake: Annotated[
        bool, typer.Option("--lake", help="Compare every file of the lake with what was written.")
    ] = False,
    mend: Annotated[
        bool,
        typer.Option("--mend", help="With --lake: have the next night read or build again what is damaged."),
    ] = False,
    forget: Annotated[
        list[str] | None,
        typer.Option(
            "--forget",
            help="With --mend: go on without a damaged table that nothing gives back; may be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Look at settings, parameters, SQL files, expectations, campaigns and sources, within 10 s, and touch no data.

    With --lake, look at the data of the lake instead.
    """
    if (mend and not lake) or (forget and not mend):
        raise typer.BadParameter("--mend needs --lake, and --forget needs --mend.")
    if lake:
        existing_home(home)
        _check_lake(load_settings(home), mend, forget or [])
        return
    if source is None:
        existing_home(home)
    console = Console()
    found = _look(home, source, console)
    table = Table(show_header=False)
    for name, count in found.counts.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    console.print(table)


def _look(home: Path | None, source: str | None, console: Console) -> Found:
    """Look at everything, with one source in place of the home's own where it is given; says what could not be looked at.

    Raises:
        WattmarkError: something is wrong; all of it at once.
    """
    from wattmark.checkup import look
    from wattmark.local.connections import connection_urls

    if source is not None:
        if "://" not in source and not source.startswith("airflow:"):
            source = str(Path(source).expanduser().resolve())
        # As the night's tasks get it.
        os.environ[SOURCE_VARIABLE] = source
    settings, wrong = settings_as_far_as_right(home)
    with console.status("Checking"):
        if settings.home.is_dir():
            found = look(settings, already=wrong, connections=connection_urls)
        else:
            # A home that is not there yet is made by what starts in it, with rights of its own; it has no files to look at.
            with tempfile.TemporaryDirectory() as nowhere:
                found = look(
                    settings.model_copy(update={"home": Path(nowhere)}),
                    campaigns=False,
                    files=False,
                    already=wrong,
                    connections=connection_urls,
                )
    for note in found.notes:
        console.print(f"[yellow]Note:[/yellow] {escape(note)}.", soft_wrap=True, highlight=False)
    if found.errors:
        raise together(found.errors)
    return found


def quarantine(
    table: Annotated[
        str | None, typer.Argument(help="A table of the contract; all where left out.", show_default=False)
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", help="Only rows refused for this, such as required:name.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Rows shown.")] = 20,
    personal: Annotated[bool, typer.Option("--personal", help="Show personal columns too.")] = False,
    home: HomeOption = None,
) -> None:
    """Show what was refused: counts by table and reason, then rows with their keys and reasons."""
    from wattmark.quality.quarantine import refused

    shown = refused(load_settings(home), table, reason, limit, personal=personal)
    console = Console()
    if not shown.counts:
        console.print("Nothing is in quarantine.")
        return
    counts = Table("table", "reason", "rows", title="Refused", title_justify="left")
    for count in shown.counts:
        counts.add_row(count.table, escape(count.reason), f"{count.rows:,}")
    console.print(counts)
    for name, rows in shown.rows.items():
        listed = Table(*rows.columns, title=name, title_justify="left")
        for row in rows.values:
            listed.add_row(*(escape(value) for value in row))
        console.print(listed)
    if shown.masked:
        console.print("Personal columns are masked; --personal shows them.")


def _check_lake(settings: Settings, mend: bool, forget: list[str]) -> None:
    from wattmark import lake_check

    console = Console()

    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    checked = lake_check.check_lake(settings, say)
    lake_check.report(checked, say)
    left = (
        lake_check.mend(settings, checked.faults, forget, say) if mend and checked.faults else checked.faults
    )
    if left:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add ``run``, ``check`` and ``quarantine`` to a command line."""
    app.command("run")(run)
    app.command("check")(check)
    app.command("quarantine")(quarantine)
