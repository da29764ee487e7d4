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
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from wattmark.local.commands import HomeOption
from wattmark.settings import SOURCE_VARIABLE, Settings, load_settings

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
    republish: Annotated[
        bool, typer.Option("--republish", help="Let a night older than the published one take its place.")
    ] = False,
) -> None:
    """Run the nightly DAG once, without a scheduler, and leave the home's database up."""
    console = Console()
    if as_of is None:
        raise typer.BadParameter("--as-of is needed: a night is keyed by its date.")
    if source and "://" not in source and not source.startswith("airflow:"):
        source = str(Path(source).expanduser().resolve())
    settings = load_settings(home, **({"sources": [{"location": source}]} if source else {}))
    conf = {
        "as_of": f"{as_of:%Y-%m-%d}",
        "full_refresh": full_refresh,
        "republish": republish,
        **({"period": f"{period:%Y-%m-01}"} if period else {}),
    }
    ended = run_dag(settings, "nightly", conf, console, source)
    if ended["state"] != "success":
        console.print(
            f"[red]The night {as_of:%Y-%m-%d} failed.[/red] Nothing of it was published. Log: {ended['log']}",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    from wattmark.report import print_night

    print_night(settings, console)
    console.print(f"[green]The night {as_of:%Y-%m-%d} is published.[/green]")


def run_dag(
    settings: Settings, dag_id: str, conf: dict[str, Any], console: Console, source: str | None = None
) -> dict[str, Any]:
    """Run one DAG in a process of its own, showing its steps; returns its state and the log's path.

    Airflow writes its own log to ``<home>/logs``; errors meant for people are shown here as well.
    """
    from wattmark.local.airflow import process_env
    from wattmark.local.services import prepare_airflow_database

    with console.status("Starting the database"):
        prepare_airflow_database(settings)
    environment = process_env(settings)
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
                            f"[green]✓[/green] {event['step']:<28} {event['seconds']:>6.1f} s  {_brief(event.get('result'))}",
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
    for error in errors:
        console.print(f"[red]✗[/red] {escape(error)}", soft_wrap=True)
    return {"state": "success" if code == 0 else "failed", "log": str(log), "errors": errors}


def _brief(result: Any) -> str:
    if not isinstance(result, dict):
        return ""
    if "rows" in result and "table" in result:
        extra = (
            f"  unknown columns: {', '.join(result['unknown_columns'])}"
            if result.get("unknown_columns")
            else ""
        )
        return f"{result['rows']:,} rows{extra}"
    numbers = {key: value for key, value in result.items() if isinstance(value, int)}
    if len(numbers) > 6:
        return f"{sum(numbers.values()):,} rows in {len(numbers)} tables"
    return ", ".join(f"{key} {value:,}" for key, value in numbers.items())


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
