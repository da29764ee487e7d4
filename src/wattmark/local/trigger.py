"""Run a DAG through the real scheduler and watch it to its end, over Airflow's REST API."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattmark.errors import ServiceError
from wattmark.local import services
from wattmark.local.airflow_api import Api
from wattmark.settings import Settings

PARSE_TIMEOUT_S = 180.0
BROKEN_GRACE_S = 12.0
"""How long a DAG may take to appear once some file is known to be broken, which may be another's."""
POLL_S = 1.0
CHECK_SERVICES_S = 10.0
PAGE = 500
LOG_LINES = 15

_RUN_ENDED = {"success", "failed"}
_TASK_ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: task instances ended, known so far (mapping adds some), and now running."""

    state: str
    finished: int
    total: int
    running: tuple[str, ...]


@dataclass(frozen=True)
class TaskFailure:
    """A task that failed, with the end of its log."""

    task: str
    state: str
    last_lines: tuple[str, ...]


@dataclass(frozen=True)
class RunResult:
    """How a run ended: ``success`` or ``failed``, and why."""

    run_id: str
    state: str
    failures: tuple[TaskFailure, ...] = ()
    done: frozenset[str] = frozenset()
    """Tasks that succeeded; a mapped one if all of its instances did."""

    def by_message(self) -> dict[tuple[str, ...], list[str]]:
        """Tasks that failed by what they said last; those that only followed another's failure are left out."""
        found: dict[tuple[str, ...], list[str]] = {}
        for failure in self.failures:
            if failure.state == "failed":
                found.setdefault(failure.last_lines, []).append(failure.task)
        return found


Watcher = Callable[[RunProgress], None]


def _unwatched(_progress: RunProgress) -> None:
    return None


def _check_services(settings: Settings) -> None:
    for part in services.status(settings):
        if part.state == "crashed":
            shown = "\n".join(f"    {line}" for line in part.last_lines)
            raise ServiceError(
                "services.crashed_during_run",
                f"{part.component} ended while the run was under way. The end of {part.log}:\n{shown}\n",
                "Run `wattmark up`: Airflow takes the run up again where it was.",
            )


def wait_until_parsed(settings: Settings, api: Api, dag_id: str) -> None:
    """Wait until Airflow knows a DAG and can read its file.

    Raises:
        ServiceError: it does not in time.
    """
    deadline = time.monotonic() + PARSE_TIMEOUT_S
    broken_since: float | None = None
    while True:
        answer = api.call("GET", f"/dags/{dag_id}", allow=(404,))
        if answer.is_success and not answer.json().get("is_stale"):
            return
        broken = api.call("GET", "/importErrors", params={"limit": 20}).json()["import_errors"]
        if broken and broken_since is None:
            broken_since = time.monotonic()
        if broken and broken_since is not None and time.monotonic() - broken_since > BROKEN_GRACE_S:
            first = broken[0]
            said = "\n".join(f"    {line}" for line in first["stack_trace"].splitlines()[-LOG_LINES:])
            raise ServiceError(
                "services.dag_broken",
                f"DAG {dag_id!r} is not there, and {first['filename']} cannot be imported:\n{said}\n",
                "Correct the file.",
            )
        if time.monotonic() > deadline:
            raise ServiceError(
                "services.dag_missing",
                f"DAG {dag_id!r} did not appear within {PARSE_TIMEOUT_S:.0f} s.",
                f"Check that a file in {settings.project / 'dags'} defines it.",
            )
        _check_services(settings)
        time.sleep(POLL_S)


def task_instances(api: Api, path: str) -> list[dict[str, Any]]:
    """All task instances of the run at an API path, mapped ones one by one."""
    found: list[dict[str, Any]] = []
    while True:
        params = {"limit": PAGE, "offset": len(found), "order_by": "id"}
        page = api.call("GET", f"{path}/taskInstances", params=params).json()
        found += page["task_instances"]
        if not page["task_instances"] or len(found) >= page["total_entries"]:
            return found


def _name(instance: Mapping[str, Any]) -> str:
    index = instance["map_index"]
    label = instance.get("rendered_map_index") or index
    return str(instance["task_id"]) + (f"[{label}]" if index >= 0 else "")


def _log_line(entry: object) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    details = entry.get("error_detail") or []
    said = [f"{each.get('exc_type')}: {each.get('exc_value')}" for each in details if isinstance(each, dict)]
    return " | ".join([str(entry.get("event", "")), *said])


def _up_to_last_error(entries: Sequence[object]) -> list[str]:
    """The lines of a log up to its last error: what follows that is Airflow's own tidying up."""
    ends = [
        place
        for place, entry in enumerate(entries)
        if isinstance(entry, dict)
        and (entry.get("error_detail") or entry.get("level") in ("error", "critical"))
    ]
    kept = entries[: ends[-1] + 1] if ends else entries
    lines = [line for entry in kept for line in _log_line(entry).splitlines()]
    return [line for line in lines if not line.startswith("::")]


def failure_of(api: Api, path: str, instance: Mapping[str, Any]) -> TaskFailure:
    """A task that failed, with the end of its log."""
    lines: list[str] = []
    if instance["state"] == "failed" and instance["try_number"]:
        answer = api.call(
            "GET",
            f"{path}/taskInstances/{instance['task_id']}/logs/{instance['try_number']}",
            params={"map_index": instance["map_index"], "full_content": "true"},
            headers={"Accept": "application/json"},
            allow=(404,),
        )
        if answer.is_success:
            content = answer.json()["content"]
            entries = content if isinstance(content, list) else str(content).splitlines()
            lines = _up_to_last_error(entries)
    return TaskFailure(_name(instance), str(instance["state"]), tuple(lines[-LOG_LINES:]))


def unpause(settings: Settings, dag_id: str) -> None:
    """Wait until a DAG is parsed, and unpause it.

    Raises:
        ServiceError: as ``trigger_and_wait``.
    """
    with Api(settings) as api:
        wait_until_parsed(settings, api, dag_id)
        api.call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})


def takes_runs(settings: Settings, dag_id: str) -> bool:
    """Whether the scheduler of the home would begin a run of a DAG now: Airflow is up, and the DAG not paused.

    Raises:
        ServiceError: Airflow is up and does not answer.
    """
    if not services.airflow_is_up(settings):
        return False
    with Api(settings) as api:
        answer = api.call("GET", f"/dags/{dag_id}", allow=(404,))
    return answer.is_success and not answer.json()["is_paused"] and not answer.json().get("is_stale")


def tell_updated(settings: Settings, uri: str, extra: Mapping[str, Any]) -> bool:
    """Tell the running Airflow that an asset was updated by somebody else, so that what waits for it begins.

    Args:
        settings: of the home.
        uri: the asset's.
        extra: what the event says besides.

    Returns:
        False where Airflow knows no such asset.

    Raises:
        ServiceError: Airflow does not answer.
    """
    with Api(settings) as api:
        known = api.call("GET", "/assets", params={"uri_pattern": uri, "limit": 100}).json()["assets"]
        found = [asset["id"] for asset in known if asset["uri"] == uri]
        for asset_id in found:
            api.call("POST", "/assets/events", json={"asset_id": asset_id, "extra": dict(extra)})
    return bool(found)


def trigger_and_wait(
    settings: Settings,
    dag_id: str,
    conf: Mapping[str, Any] | None = None,
    progress: Watcher | None = None,
    timeout_s: float | None = None,
    *,
    unpause: bool = True,
) -> RunResult:
    """Start a run of a DAG and wait for its end. Airflow must be up.

    Args:
        settings: of the home.
        dag_id: the DAG; it is waited for until it is parsed.
        conf: values for its parameters.
        progress: told about every change.
        timeout_s: how long to wait for the end, seconds; for ever where None. The run itself goes on.
        unpause: unpause the DAG, whose schedule then takes effect; the run of a paused DAG does not begin.

    Returns:
        the state at the end; a failed run names the tasks that failed, with the end of their logs.

    Raises:
        ServiceError: Airflow is not up or a part of it ends meanwhile, the DAG does not appear or
            refuses ``conf``, or the time is over.
    """
    tell = progress or _unwatched
    with Api(settings) as api:
        wait_until_parsed(settings, api, dag_id)
        if unpause:
            api.call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})
        body = {"logical_date": None, "conf": dict(conf or {})}
        run_id = str(api.call("POST", f"/dags/{dag_id}/dagRuns", json=body).json()["dag_run_id"])
        path = f"/dags/{dag_id}/dagRuns/{run_id}"
        started = checked = time.monotonic()
        last: RunProgress | None = None
        while True:
            state = str(api.call("GET", path).json()["state"])
            instances = task_instances(api, path)
            now = RunProgress(
                state=state,
                finished=sum(instance["state"] in _TASK_ENDED for instance in instances),
                total=len(instances),
                running=tuple(sorted(_name(each) for each in instances if each["state"] == "running")),
            )
            if now != last:
                tell(now)
                last = now
            if state in _RUN_ENDED:
                break
            if timeout_s is not None and time.monotonic() - started > timeout_s:
                raise ServiceError(
                    "services.run_timeout",
                    f"Run {run_id!r} of {dag_id!r} was still {state} after {timeout_s:.0f} s.",
                    f"It goes on; watch it at {services.airflow_url(settings)}.",
                )
            if time.monotonic() - checked > CHECK_SERVICES_S:
                _check_services(settings)
                checked = time.monotonic()
            time.sleep(POLL_S)
        failed = [each for each in instances if each["state"] in ("failed", "upstream_failed")]
        other = {each["task_id"] for each in instances if each["state"] != "success"}
        done = frozenset(each["task_id"] for each in instances) - other
        return RunResult(run_id, state, tuple(failure_of(api, path, each) for each in failed), done)
