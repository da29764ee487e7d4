"""What the DAG files share: the run a task works for, retries, and telling how far a run is.

The only module besides the web pages that knows Airflow. A task passes plain values, never rows.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import (
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
)

from wattmark import disk
from wattmark.home import be_private
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

MART = Asset(
    "wattmark://warehouse/mart",
    group="wattmark",
    extra={"what": "All tables of schema mart, one run at a time"},
)
LISTS = Asset(
    "wattmark://lists", group="wattmark", extra={"what": "Campaign lists of the day, awaiting approval"}
)

PROGRESS_VARIABLE = "WATTMARK_PROGRESS_FD"
"""Environment variable with the file descriptor that a run without a scheduler reports its steps to."""

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            "wattmark.errors.SourceUnavailableError", RetryAction.RETRY, dt.timedelta(minutes=2),
            "The source did not answer; it may be back soon.",
        ),
        RetryRule("wattmark.errors.WattmarkError", RetryAction.FAIL, reason="Somebody has to put this right; trying again does not help."),
    ]
)  # fmt: skip

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "wattmark",
    "retries": 3,
    "retry_delay": dt.timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "retry_policy": RETRY_POLICY,
}


def nightly_schedule() -> CronTriggerTimetable | None:
    """When the night runs by itself: the home's setting, which ``airflow_env`` hands to Airflow's processes."""
    cron = os.environ.get("WATTMARK_NIGHTLY_SCHEDULE", "0 2 * * *")
    return CronTriggerTimetable(cron, timezone=os.environ.get("WATTMARK_TIME_ZONE", "UTC")) if cron else None


def counter_schedule() -> AssetOrTimeSchedule | None:
    """When orders are taken by day: the home's setting, and at once when a night is published."""
    cron = os.environ.get("WATTMARK_COUNTER_SCHEDULE", "*/5 * * * *")
    if not cron:
        return None
    zone = os.environ.get("WATTMARK_TIME_ZONE", "UTC")
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(cron, timezone=zone), assets=[MART])


def moment_of(context: Mapping[str, Any], settings: Settings) -> dt.datetime:
    """The moment a DAG run works up to, excluded: the parameter ``until``, else the end of its data interval.

    A run without an interval, such as one that an asset started, has the moment it was made for.
    """
    if given := context["params"].get("until"):
        moment = dt.datetime.fromisoformat(given)
        return moment if moment.tzinfo else moment.replace(tzinfo=settings.zone)
    dag_run = context["dag_run"]
    until: dt.datetime = dag_run.data_interval_end or dag_run.logical_date or dag_run.run_after
    return until


def run_values(context: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The run a DAG run stands for, as plain values for its tasks.

    The parameter ``as_of`` decides; else the local day before the run's logical date, so that a backfill
    of a date gives that date's night whenever it is run.
    """
    params = context["params"]
    if params.get("as_of"):
        as_of = dt.date.fromisoformat(params["as_of"])
    else:
        dag_run = context["dag_run"]
        moment: dt.datetime = dag_run.logical_date or dag_run.run_after
        as_of = moment.astimezone(ZoneInfo(settings.utility.time_zone)).date() - dt.timedelta(days=1)
    period = dt.date.fromisoformat(params["period"]) if params.get("period") else None
    run = Run.of(as_of, settings.utility.time_zone, period)
    return {
        "as_of": run.as_of.isoformat(),
        "period": run.period.isoformat(),
        "full_refresh": bool(params.get("full_refresh", False)),
    }


def run_of(values: Mapping[str, Any], settings: Settings) -> Run:
    """The inverse of ``run_values``."""
    return Run.of(
        dt.date.fromisoformat(values["as_of"]),
        settings.utility.time_zone,
        dt.date.fromisoformat(values["period"]),
    )


def report(**event: Any) -> None:
    """Tell whoever started this run without a scheduler what happens."""
    if descriptor := os.environ.get(PROGRESS_VARIABLE):
        os.write(int(descriptor), (json.dumps(event, default=str) + "\n").encode())


def perform(
    label: str, values: Mapping[str, Any], work: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Do one step of a run: ``work(settings, run, *args)``, reporting its begin, its end and its result."""
    be_private()
    settings = load_settings()
    started = time.monotonic()
    report(step=label, state="running")
    try:
        result = work(settings, run_of(values, settings), *args, **kwargs)
    except Exception as error:
        said = disk.explained(error, settings) if disk.is_full(error) else error
        report(step=label, state="failed", error=str(said))
        if said is error:
            raise
        # What the libraries beneath say may quote rows, and leads nowhere.
        raise said from None
    report(step=label, state="done", seconds=round(time.monotonic() - started, 1), result=result)
    return result


async def tell_late(**kwargs: Any) -> None:
    """Log that a night is late; runs in the triggerer when the deadline passes."""
    import logging

    run_id = ((kwargs.get("context") or {}).get("dag_run") or {}).get("run_id", "unknown")
    logging.getLogger(__name__).error("The night %s is late: %s", run_id, kwargs.get("text", ""))
