"""Commands about the night: run it, check what it would run."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

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

from wattmark.brief import brief
from wattmark.local.commands import HomeOption
from wattmark.settings import SOURCE_VARIABLE, Settings, load_settings

MART = "wattmark://warehouse/mart"
"""The asset that a published night updates, as ``wattmark.flow`` names it."""

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
    home: HomeOption = None,
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
) -> None:
    """Run the nightly DAG once and leave the home's database up; where Airflow is up, its scheduler does it."""
    console = Console()
    if as_of is None:
        raise typer.BadParameter("--as-of is needed: a night is keyed by its date.")
    if source and "://" not in source and not source.startswith("airflow:"):
        source = str(Path(source).expanduser().resolve())
    settings = load_settings(home, **({"sources": [{"location": source}]} if source else {}))
    conf = {
        "as_of": f"{as_of:%Y-%m-%d}",
        "full_refresh": full_refresh,
        **({"period": f"{period:%Y-%m-01}"} if period else {}),
    }
    from wattmark.local import services, trigger

    if source is None and trigger.takes_runs(settings, "nightly"):
        console.print(f"Handed to Airflow at {services.airflow_url(settings)}", soft_wrap=True)
        published = watch_dag(settings, "nightly", conf, console)
        where = services.airflow_url(settings)
    else:
        # A scheduler knows the home's own sources, and does not begin the run of a paused DAG. Of a database of the
        # utility's own nobody here knows whether a scheduler looks after it.
        is_up = services.airflow_is_up(settings)
        beside = is_up or settings.services.airflow_database_url is not None
        ended = run_dag(settings, "nightly", conf, console, source, beside=beside)
        published, where = ended["state"] == "success", ended["log"]
        if published and is_up:
            trigger.tell_published(settings, MART)
    if not published:
        console.print(
            f"[red]The night {as_of:%Y-%m-%d} failed.[/red] Nothing of it was published. Log: {where}",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    from wattmark.report import print_night

    print_night(settings, console)
    console.print(f"[green]The night {as_of:%Y-%m-%d} is published.[/green]")


def watch_dag(
    settings: Settings, dag_id: str, conf: dict[str, Any], console: Console, *, unpause: bool = False
) -> bool:
    """Have the home's scheduler run a DAG, and show how far it is; returns whether it succeeded.

    What a failed task said is printed, each message once.
    """
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
    return ended.state == "success"


def run_dag(
    settings: Settings,
    dag_id: str,
    conf: dict[str, Any],
    console: Console,
    source: str | None = None,
    *,
    beside: bool = False,
) -> dict[str, Any]:
    """Run one DAG in a process of its own, showing its steps; returns its state and the log's path.

    With ``beside`` it has a database of its own, as an Airflow that is up would take up what it finds in the home's.

    Airflow writes its own log to ``<home>/logs``; errors meant for people are shown here as well.
    """
    from wattmark.local.airflow import process_env
    from wattmark.local.services import prepare_airflow_database

    own = settings.scratch / f"airflow-{dag_id}-{os.getpid()}.db" if beside else None
    with console.status("Starting the database"):
        prepared = prepare_airflow_database(settings, beside=own)
    environment = {**process_env(settings), **prepared}
    if source:
        environment[SOURCE_VARIABLE] = source
    log = settings.home / "logs" / f"{dag_id}-{conf['as_of']}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    read, write = os.pipe()
    environment["WATTMARK_PROGRESS_FD"] = str(write)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "wattmark.local.dag_test", dag_id, json.dumps(conf)],
            env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, pass_fds=(write,), cwd=settings.home,
        )  # fmt: skip
    os.close(write)
    errors: list[str] = []
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
    return {"state": "success" if code == 0 else "failed", "log": str(log), "errors": errors}


def check(home: HomeOption = None) -> None:
    """Check settings, parameters, SQL files and expectations without touching data."""
    from wattmark import night

    found = night.check(load_settings(home))
    table = Table(show_header=False)
    for name, count in found.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    Console().print(table)


def register(app: typer.Typer) -> None:
    """Add ``run`` and ``check`` to a command line."""
    app.command("run")(run)
    app.command("check")(check)
