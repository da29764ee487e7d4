"""What the DAG files share: tasks that end with a message for people, the run a task works for, retries, schedules,
and telling how far a run is.

A task passes plain values, never rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import importlib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import (
    Asset,
    AssetOrTimeSchedule,
    BaseNotifier,
    CronTriggerTimetable,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    get_current_context,
)
from airflow.sdk import task as airflow_task
from airflow.sdk.exceptions import AirflowSkipException

from wattmark import assets, disk, notices
from wattmark.brief import brief
from wattmark.errors import PublishUnavailableError, SourceUnavailableError, WattmarkError
from wattmark.home import be_private
from wattmark.run import Run
from wattmark.settings import Schedule, Settings, load_settings, schedule_variable
from wattmark.writer import WRITER_VARIABLE, let_go, writing

log = logging.getLogger(__name__)

CHATTY = (
    "airflow.providers.openlineage",
    "airflow.providers.openlineage.utils.emission_policy",
    "alembic",
    "great_expectations",
    "openlineage",
)
"""Libraries that say much about themselves in every task's log. Airflow's own setting reaches its own loggers alone."""

MART = Asset(
    assets.MART,
    group="wattmark",
    extra={"what": "All tables of schema mart, one run at a time"},
)
CLOSED = Asset(
    assets.CLOSED,
    group="wattmark",
    extra={"what": "Cases, key figures and what else rests on cases, of the day's night"},
)
LISTS = Asset(assets.LISTS, group="wattmark", extra={"what": "Campaign lists of the day, awaiting approval"})

NIGHT = "nightly"
"""The DAG whose runs hold the home from their first task to their last."""
AFTER_PUBLISHING = frozenset({"alerts", "cases", "closing", "lists", "tell"})
"""Tasks of a night that come once it is published: where nothing else failed, it stands."""

PROGRESS_VARIABLE = "WATTMARK_PROGRESS_FD"
"""Environment variable with the file descriptor that a run without a scheduler reports its steps to."""


class PutRight(SystemExit):
    """Ends a task by an error that somebody has to put right.

    Airflow logs the message of a ``SystemExit`` in one line, and of any other exception all frames down to it, most
    of them its own.
    """

    def __init__(self, error: WattmarkError) -> None:
        self.error = error
        super().__init__(str(error))


class TryAgain(PutRight):
    """Ends a task by an error that may be gone with the next try."""


def ended_by(error: WattmarkError) -> PutRight:
    """What ends a task that met an error: what may pass is tried again, all else waits for somebody."""
    may_pass = isinstance(error, (SourceUnavailableError, PublishUnavailableError))
    return TryAgain(error) if may_pass else PutRight(error)


RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            TryAgain, RetryAction.RETRY, dt.timedelta(minutes=2), "The source or the warehouse did not answer; it may be back soon.",
        ),
        RetryRule(PutRight, RetryAction.FAIL, reason="Somebody has to put this right; trying again does not help."),
    ]
)  # fmt: skip


def task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Airflow's ``@task`` for the steps of this project.

    What a step returns is logged as counts, never as values; an error meant for people ends the task with its
    message alone, without a traceback.
    """
    # Here, as a task's process sets up its logging after it was forked and before it reads the DAG's file.
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)

    def decorate(function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        def step(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(*args, **kwargs)
            except WattmarkError as error:
                raise ended_by(error) from None
            if counts := brief(result):
                log.info("%s", counts)
            return result

        return airflow_task(show_return_value_in_logs=False, **options)(step)

    return decorate


# --- what is told ----------------------------------------------------------------------------------------


def _said(error: object) -> str:
    """Why a task ended, for people. The text of an unforeseen error stays in the log: it may hold anything."""
    if isinstance(error, PutRight):
        return str(error.error)
    if isinstance(error, WattmarkError):
        return str(error)
    kind = type(error).__name__ if isinstance(error, BaseException) else "It was ended from outside"
    return (
        f"[task.unforeseen] {kind}. What to do: clear the task; if it fails again, report it with this log."
    )


def end_with_message(context: Mapping[str, Any]) -> None:
    """The last line of a failed task's log is why it failed; kept for who is told at the end of the run."""
    message = _said(context.get("exception"))
    instance = context["ti"]
    where = instance.task_id + (f"[{instance.map_index}]" if (instance.map_index or -1) >= 0 else "")
    try:
        notices.note_failure(load_settings(), instance.dag_id, instance.run_id, where, message)
    except (OSError, WattmarkError) as problem:
        log.warning("Why the task failed is not kept for the notice (%s).", type(problem).__name__)
    log.error("%s", message)


def try_again_with_message(context: Mapping[str, Any]) -> None:
    """The last line of the log of a task that is tried again is why."""
    log.error("%s It is tried again.", _said(context.get("exception")))


class Tell(BaseNotifier):  # type: ignore[misc]
    """Tells people, as ``notify`` of the settings says, that a run failed or is late."""

    def __init__(self, event: notices.Event = "failed", **options: Any) -> None:
        super().__init__(**options)
        self.event = event

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """None of its fields is a template, and the DAG of a run without a scheduler could not render one."""

    def notify(self, context: Any) -> None:
        """Tell it; whatever goes wrong is logged and nothing else."""
        try:
            settings = load_settings()
            notice = notice_of(self.event, context, settings)
        except Exception as error:  # a notice that fails must not fail anything else
            log.error("Nobody is told (%s): %s", self.event, type(error).__name__)
            return
        log.error("%s", notice.text) if self.event == "late" else None
        notices.send(settings, notice)

    async def async_notify(self, context: Any) -> None:
        """The same from the triggerer, whose loop must not wait for a server."""
        await asyncio.to_thread(self.notify, context)


def _named(dag_id: str, as_of: str | None, run_id: str) -> str:
    return f"The night {as_of}" if dag_id == "nightly" and as_of else f"{dag_id} ({as_of or run_id})"


def notice_of(event: notices.Event, context: Mapping[str, Any], settings: Settings) -> notices.Notice:
    """What to tell about a run, from the context that Airflow hands to callbacks of DAGs and deadlines."""
    found = context.get("dag_run") or {}
    dag_run = (
        found if isinstance(found, Mapping) else vars(found) | {"dag_id": getattr(found, "dag_id", None)}
    )
    dag = context.get("dag")
    dag_id = str(dag_run.get("dag_id") or getattr(dag, "dag_id", "unknown"))
    run_id = str(dag_run.get("run_id") or dag_run.get("dag_run_id") or context.get("run_id") or "unknown")
    as_of = _as_of(dag_run, settings)
    name = _named(dag_id, as_of, run_id)
    if event == "late":
        hours = float(os.environ.get("WATTMARK_LATE_HOURS", "2"))
        return notices.Notice(
            event, dag_id, run_id, f"{name} is late: not done {hours:g} h after it was queued", (), as_of,
            notices.run_link(dag_id, run_id),
        )  # fmt: skip
    failed = notices.failed_tasks(settings, dag_id, run_id)
    why = notices.take_failures(settings, dag_id, run_id)
    stands = dag_id == NIGHT and failed and failed <= AFTER_PUBLISHING
    title = (
        f"{name} is published; {' and '.join(sorted(failed))} after it failed" if stands else f"{name} failed"
    )
    return notices.Notice(
        event, dag_id, run_id, title, tuple(why) or ("Look at the red task's log.",), as_of,
        notices.run_link(dag_id, run_id),
    )  # fmt: skip


def _as_of(dag_run: Mapping[str, Any], settings: Settings) -> str | None:
    if given := (dag_run.get("conf") or {}).get("as_of"):
        return str(given)
    moment = dag_run.get("logical_date") or dag_run.get("run_after")
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    return _day_before(moment, settings).isoformat() if moment else None


MOST_WAITING = 500
"""Runs side by side of a DAG whose questions wait for people. A waiting run holds no worker; by Airflow's default the
seventeenth would not begin before the first has its answers."""

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "wattmark",
    "retries": 3,
    "retry_delay": dt.timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "retry_policy": RETRY_POLICY,
    "on_failure_callback": end_with_message,
    "on_retry_callback": try_again_with_message,
}


class ApprovalUntil(ApprovalOperator):  # type: ignore[misc]
    """An approval whose question ends at a moment of its own; no answer by then is a no.

    ``until`` is that moment in ISO 8601, with its offset. A question that would come too late is not asked.
    """

    template_fields = (*ApprovalOperator.template_fields, "until")

    def __init__(self, *, until: str, **options: Any) -> None:
        super().__init__(defaults=self.REJECT, **options)
        self.until = until

    def execute(self, context: Any) -> Any:
        """Ask, for as long as there is time.

        Raises:
            AirflowSkipException: the time is over.
        """
        left = dt.datetime.fromisoformat(self.until) - dt.datetime.now(dt.UTC)
        if left <= dt.timedelta():
            raise AirflowSkipException(f"The time to answer ended at {self.until}; no answer is a no.")
        self.response_timeout = left
        return super().execute(context)


# --- when runs happen, and what they stand for -----------------------------------------------------------


def schedule(name: str, *assets: Asset) -> CronTriggerTimetable | AssetOrTimeSchedule | None:
    """When a DAG runs by itself: as ``schedule`` of the home's settings says, and at once when an asset is there.

    ``airflow_env`` hands the settings to Airflow's processes, so that none is read when a file is parsed. None: only
    when triggered.

    Args:
        name: key of ``schedule``.
        assets: whose events start a run too.
    """
    cron = os.environ.get(schedule_variable(name), str(Schedule.model_fields[name].default))
    if not cron:
        return None
    timetable = CronTriggerTimetable(cron, timezone=os.environ.get("WATTMARK_TIME_ZONE", "UTC"))
    return AssetOrTimeSchedule(timetable=timetable, assets=list(assets)) if assets else timetable


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
        as_of = _day_before(dag_run.logical_date or dag_run.run_after, settings)
    period = dt.date.fromisoformat(params["period"]) if params.get("period") else None
    run = Run.of(as_of, settings.utility.time_zone, period)
    return {
        "as_of": run.as_of.isoformat(),
        "period": run.period.isoformat(),
        "full_refresh": bool(params.get("full_refresh", False)),
        "republish": bool(params.get("republish", False)),
    }


def _day_before(moment: dt.datetime, settings: Settings) -> dt.date:
    return moment.astimezone(ZoneInfo(settings.utility.time_zone)).date() - dt.timedelta(days=1)


def own_run() -> dict[str, Any]:
    """The values of the run that a task works for, out of its own context."""
    return run_values(get_current_context(), load_settings())


def days_told(context: Mapping[str, Any]) -> list[str]:
    """Days that a DAG run scheduled on an asset is for, earliest first; none where nothing says any.

    The parameter ``as_of`` decides; else the events that started the run. There are several where nights ended while
    the DAG was paused, or close together.
    """
    if given := context["params"].get("as_of"):
        return [given]
    events = [event for found in context["triggering_asset_events"].values() for event in found]
    return sorted({event.extra[assets.EXTRA_DAY] for event in events if event.extra.get(assets.EXTRA_DAY)})


def run_of(values: Mapping[str, Any], settings: Settings) -> Run:
    """The inverse of ``run_values``; the month may be left out where nothing depends on it."""
    period = values.get("period")
    return Run.of(
        dt.date.fromisoformat(values["as_of"]),
        settings.utility.time_zone,
        dt.date.fromisoformat(period) if period else None,
    )


def report(**event: Any) -> None:
    """Tell whoever started this run without a scheduler what happens."""
    if descriptor := os.environ.get(PROGRESS_VARIABLE):
        os.write(int(descriptor), (json.dumps(event, default=str) + "\n").encode())


def _holding(settings: Settings, label: str, begins_night: bool) -> contextlib.AbstractContextManager[str]:
    """The home, held by this task's DAG run; a night keeps it from its first task to its last.

    A run without a scheduler has a holder of its own, which its tasks join.
    """
    dag_run = get_current_context()["dag_run"]
    is_night = dag_run.dag_id == NIGHT
    alone = WRITER_VARIABLE in os.environ
    return writing(
        settings,
        f"{label} of {dag_run.dag_id} {dag_run.run_id}" if not is_night else f"{NIGHT} {dag_run.run_id}",
        owner=None if alone else f"{dag_run.dag_id}/{dag_run.run_id}",
        lasting=is_night and not alone,
        begins_night=begins_night,
        of_night=is_night,
    )


def step(
    work: str,
    doc: str,
    *,
    task_id: str | None = None,
    label: str | None = None,
    given: Mapping[str, Any] | None = None,
    params: Sequence[str] = (),
    **options: Any,
) -> Any:
    """A task that does one step of a run (see ``perform``), the run being that of its own context.

    Args:
        work: ``module:function`` of (settings, run, …); imported when the task runs.
        doc: what it does, for who looks at the task.
        task_id: the function's name where left out.
        label: what the step is called while a run goes on; the task's id where left out.
        given: further arguments by name.
        params: parameters of the DAG run that are arguments too.
        options: of the task, such as its pool.

    Returns:
        what the task returns, to be handed to another one or put in order.
    """
    module, _, function = work.partition(":")
    name = task_id or function

    @task(task_id=name, doc_md=doc, **options)
    def run_step() -> Any:
        context = get_current_context()
        values = own_run()
        result = perform(
            label or name,
            values,
            getattr(importlib.import_module(module), function),
            **(given or {}),
            **{param: context["params"][param] for param in params},
        )
        for asset in options.get("outlets", ()):
            context["outlet_events"][asset].extra = {assets.EXTRA_DAY: values["as_of"]}
        return result

    return run_step()


def perform(
    label: str, values: Mapping[str, Any], work: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Do one step of a run that may write the lake: ``work(settings, run, *args)``, while its DAG run holds the home.

    Reports its begin, its end and its result. Waits for another holder.

    Raises:
        HomeError: another one holds the home for too long, or another night has begun since this one did.
    """
    be_private()
    settings = load_settings()
    with _holding(settings, label, begins_night=False):
        return perform_aside(label, values, work, *args, **kwargs)


def perform_aside(
    label: str, values: Mapping[str, Any], work: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """As ``perform``, for a step that writes nothing into the home's lake and waits for nobody."""
    from wattmark.metrics import note_step

    be_private()
    settings = load_settings()
    started = time.monotonic()
    report(step=label, state="running")
    run = run_of(values, settings)
    try:
        result = work(settings, run, *args, **kwargs)
    except Exception as error:
        note_step(settings, run, label, time.monotonic() - started, done=False)
        said = disk.explained(error, settings) if disk.is_full(error) else error
        report(step=label, state="failed", error=str(said))
        if said is error:
            raise
        # What the libraries beneath say may quote rows, and leads nowhere.
        raise said from None
    note_step(settings, run, label, time.monotonic() - started, done=True)
    report(step=label, state="done", seconds=round(time.monotonic() - started, 1), result=result)
    return result


def begin_night(values: Mapping[str, Any], work: Callable[..., Any], **kwargs: Any) -> None:
    """First step of a night: it takes the home, waiting for another holder, and gives it back where the step fails."""
    settings = load_settings()
    try:
        with _holding(settings, "begin", begins_night=True):
            perform_aside("begin", values, work, **kwargs)
    except BaseException:
        let_go(settings.home, _night_owner())
        raise


def close_night(values: Mapping[str, Any], work: Callable[..., Any], *args: Any) -> None:
    """Last step of a night, also of one that failed: others may have the home."""
    try:
        perform_aside("close", values, work, *args)
    finally:
        let_go(load_settings().home, _night_owner())


def _night_owner() -> str:
    dag_run = get_current_context()["dag_run"]
    return f"{dag_run.dag_id}/{dag_run.run_id}"
