"""Airflow on one machine: its configuration as environment variables, and its four processes.

Everything Airflow needs to know stands in the environment that ``airflow_env`` makes, so there is no
configuration file to go stale. Its metadata is in the embedded PostgreSQL unless the settings name a
database of the utility's own.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from sqlalchemy import make_url

from wattmark.atomic import write_atomically
from wattmark.home import HOST, Home, embedded_url, login_secret, secret
from wattmark.local import processes
from wattmark.local.airflow_api import Api, address, port
from wattmark.local.processes import Progress, Recorded
from wattmark.settings import Settings, schedule_variable
from wattmark.user_settings import ADMIN

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
START_TIMEOUT_S = 240.0
STOP_TIMEOUT_S = 30.0
USERS_VARIABLE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"
ROLES = {"viewer": "viewer", "worker": "user", "approver": "user"}
"""Role on cases, and what its users are to Airflow's simple user management: a user may start runs, a viewer looks on."""
MIGRATE_TIMEOUT_S = 900.0


def pools(settings: Settings) -> dict[str, tuple[int, str]]:
    """Pools by name: slots and purpose."""
    return {
        "compute": (settings.compute.tasks, "Tasks that may take all the memory one task is allowed"),
        "source": (2, "Tasks that read the utility's own systems, so as not to burden them"),
        "publish": (1, "Tasks that write the warehouse"),
    }


_ARGUMENTS = {
    "api-server": ("--workers", "1"),
    # The log files lie on the same disk, so no server needs to hand them over.
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}

LOG_LEVELS = " ".join(
    [
        *(
            f"{name}=WARNING"
            for name in (
                "airflow.dag_processing.bundles.manager",
                "airflow.dag_processing.dagbag",
                "airflow.providers.openlineage",
                "airflow.task.operators.airflow.providers.standard.decorators.python",
                "task",
            )
        ),
        # What a task prints.
        "task.stdout=INFO",
        "task.stderr=INFO",
        # Warnings of Python speak to who writes code, not to who reads a task's log.
        "py.warnings=ERROR",
    ]
)
"""What Airflow says about itself in every task's log, and nobody reads there; ``wattmark.flow`` quiets libraries."""

_HEALTH_NAMES = {
    "scheduler": ("scheduler", "latest_scheduler_heartbeat"),
    "dag-processor": ("dag_processor", "latest_dag_processor_heartbeat"),
    "triggerer": ("triggerer", "latest_triggerer_heartbeat"),
}


def database_url(settings: Settings) -> str:
    """SQLAlchemy URL of Airflow's metadata.

    Raises:
        ServiceError: it is the embedded one and was never started.
    """
    return settings.services.airflow_database_url or embedded_url(settings.home, "airflow")


def airflow_users(settings: Settings) -> dict[str, str]:
    """Users of the embedded Airflow by login, each with their role there; the administrator first."""
    named = {login: ROLES[user.role] for login, user in settings.users.items() if login != ADMIN}
    return {ADMIN: "admin", **named}


def passwords(settings: Settings) -> dict[str, str]:
    """Passwords of the embedded Airflow's users by login.

    Raises:
        ServiceError: the home was never set up, or its secrets cannot be read.
    """
    return {login: secret(settings.home, login_secret(login)) for login in airflow_users(settings)}


def airflow_env(settings: Settings) -> dict[str, str]:
    """What Airflow's processes must find in their environment; also right for ``dag.test()``.

    Raises:
        ServiceError: the home was never set up.
    """
    home = settings.home
    folder = Home(home).airflow
    web = address(settings)
    database = database_url(settings)
    # The sample's own database, as a utility's would be: a connection that tasks ask Airflow for.
    source = (
        {}
        if settings.services.warehouse_url
        else {
            "AIRFLOW_CONN_WATTMARK_SOURCE": embedded_url(home, "source").replace(
                "postgresql+psycopg", "postgres", 1
            )
        }
    )
    return {
        **source,
        "WATTMARK_HOME": str(home),
        "WATTMARK_PROJECT": str(settings.project),
        "WATTMARK_TIME_ZONE": settings.utility.time_zone,
        **{
            schedule_variable(name): cron or ""
            for name, cron in settings.schedule.model_dump(exclude={"late_hours"}).items()
        },
        "WATTMARK_LATE_HOURS": f"{settings.schedule.late_hours:g}",
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.project / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.project / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": secret(home, "fernet"),
        # The asset graph and dependencies of DAGs ask for parts of JSON in a way that psycopg 3 refuses; compressed
        # ones are looked into by Airflow itself.
        "AIRFLOW__CORE__COMPRESS_SERIALIZED_DAGS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{web}/execution/",
        USERS_VARIABLE: ",".join(f"{login}:{role}" for login, role in airflow_users(settings).items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        # The driver serves both ways; the one Airflow would derive is not installed.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": database,
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port(settings)),
        "AIRFLOW__API__BASE_URL": web,
        "AIRFLOW__API__EXPOSE_CONFIG": "False",
        "AIRFLOW__API__SECRET_KEY": secret(home, "session"),
        "AIRFLOW__API__INSTANCE_NAME": "Wattmark",
        "AIRFLOW__API_AUTH__JWT_SECRET": secret(home, "jwt"),
        # A night is a chain of some fifteen steps; by default each waits up to a second to be noticed.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(Home(home).airflow_logs),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": LOG_LEVELS,
        # Airflow sets these itself, whatever the umask.
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "wattmark",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(Home(home).lineage), "append": True}
        ),
        "AIRFLOW__OPENLINEAGE__EMISSION_POLICY": json.dumps(
            [{"scope": {}, "controls": {"include_source_code": False}}]
        ),
        "GX_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "SCARF_NO_ANALYTICS": "true",
    }


def process_env(settings: Settings) -> dict[str, str]:
    """The whole environment of a process of Airflow's: the caller's, with ours above it."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Without compiled files every task starts 3 s later.
        if name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**inherited, **airflow_env(settings)}


def _fingerprint(settings: Settings, component: str) -> str:
    environment = airflow_env(settings)
    if component != "api-server":
        # Who signs in is its matter alone: a new user ends no night that runs.
        del environment[USERS_VARIABLE]
    return hashlib.sha256(json.dumps(environment, sort_keys=True).encode()).hexdigest()[:16]


def command(*arguments: str) -> list[str]:
    """One of Airflow's commands, run by this interpreter."""
    return [sys.executable, "-m", "airflow", *arguments]


def migrate(settings: Settings, progress: Progress) -> None:
    """Bring Airflow's metadata to the installed version, unless that is known to be done.

    The home is locked, and the database runs.

    Raises:
        ServiceError: Airflow cannot migrate it; the message ends with what it said.
    """
    home = settings.home
    target = make_url(database_url(settings)).render_as_string(hide_password=True)
    mark = f"{version('apache-airflow-core')} {hashlib.sha256(target.encode()).hexdigest()[:16]}"
    embedded = settings.services.airflow_database_url is None
    if embedded:
        # Its port may move from one start to the next; it stays the same database.
        mark = f"{version('apache-airflow-core')} embedded"
    services = processes.read_services(home)
    if services.airflow_migrated == mark:
        return
    progress("Preparing Airflow's database")
    prepare_folder(settings, passwords(settings))
    _migrate(settings, process_env(settings))
    services = processes.read_services(home)
    services.airflow_migrated = mark
    processes.write_services(home, services)


def _migrate(settings: Settings, environment: dict[str, str]) -> None:
    home = settings.home
    log = Home(home).logs / "airflow-migrate.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        try:
            code = subprocess.run(  # noqa: S603
                command("db", "migrate"),
                env=environment,
                cwd=Home(home).airflow,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=MIGRATE_TIMEOUT_S,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    if code != 0:
        raise processes.failure("airflow-migrate", f"failed (exit status {code})", log)


def database_beside(settings: Settings, file: Path, progress: Progress) -> dict[str, str]:
    """Make an empty database for one run without a scheduler, next to an Airflow that runs.

    Returns:
        the environment of such a run.

    Raises:
        ServiceError: Airflow cannot make it.
    """
    progress("Preparing a database for this run")
    file.parent.mkdir(parents=True, exist_ok=True)
    for old in file.parent.glob(f"{file.name}*"):
        old.unlink()
    environment = {
        **airflow_env(settings),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{file}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"sqlite+aiosqlite:///{file}",
    }
    _migrate(settings, {**process_env(settings), **environment})
    return environment


def _compress_dags(settings: Settings) -> None:
    """Compress DAGs that were stored before ``compress_serialized_dags`` was set.

    Airflow rewrites them only when their files change, and shows no dependencies of those it did not.
    """
    engine = sa.create_engine(database_url(settings))
    try:
        with engine.begin() as connection:
            stored = connection.execute(
                sa.text(
                    "SELECT id, data FROM serialized_dag WHERE data_compressed IS NULL AND data IS NOT NULL"
                )
            ).all()
            for key, data in stored:
                text = data if isinstance(data, str) else json.dumps(data, sort_keys=True)
                connection.execute(
                    sa.text(
                        "UPDATE serialized_dag SET data = NULL, data_compressed = :packed WHERE id = :key"
                    ),
                    {"packed": zlib.compress(text.encode()), "key": key},
                )
    finally:
        engine.dispose()


def prepare_folder(settings: Settings, passwords_by_login: Mapping[str, str]) -> None:
    """Make the files that Airflow's processes expect in a home.

    Args:
        settings: of the home.
        passwords_by_login: of the users that Airflow's simple user management knows.
    """
    folder = Home(settings.home).airflow
    folder.mkdir(mode=0o700, exist_ok=True)
    config = folder / "airflow.cfg"
    if not config.exists():
        # Else Airflow writes one with all its defaults, which outlive the release they came with.
        write_atomically(
            config, "# Wattmark sets Airflow's options in the environment, which wins.\n", private=True
        )
    lineage = Home(settings.home).lineage
    lineage.parent.mkdir(parents=True, exist_ok=True)
    lineage.touch(mode=0o600)
    write_atomically(folder / "passwords.json", json.dumps(dict(passwords_by_login)) + "\n", private=True)


def _start_component(settings: Settings, component: str, fingerprint: str) -> None:
    home = settings.home
    recorded = processes.launch(
        command(component, *_ARGUMENTS[component]),
        env=process_env(settings),
        cwd=Home(home).airflow,
        log=Home(home).logs / f"{component}.log",
        port=port(settings) if component == "api-server" else None,
        fingerprint=fingerprint,
    )
    services = processes.read_services(home)
    services.components[component] = recorded
    processes.write_services(home, services)


def _choose_port(settings: Settings) -> tuple[str, ...]:
    services = processes.read_services(settings.home)
    server = services.components.get("api-server")
    if server is not None and processes.is_alive(server):
        return ()
    wanted = settings.services.airflow_port
    services.airflow_port = processes.next_free_port(wanted)
    processes.write_services(settings.home, services)
    if services.airflow_port == wanted:
        return ()
    return (f"Port {wanted} was taken, so Airflow listens on {services.airflow_port}",)


def start(settings: Settings, progress: Progress) -> tuple[str, ...]:
    """Start what of Airflow does not run, wait until all of it is healthy, and make the pools.

    The home is locked, and the database runs. A part that runs with other settings is started anew.

    Returns:
        notes for the user.

    Raises:
        ServiceError: a part ends or is not healthy in time; the message ends with its log.
    """
    home = settings.home
    notes = _choose_port(settings)
    migrate(settings, progress)
    prepare_folder(settings, passwords(settings))
    fingerprints = {component: _fingerprint(settings, component) for component in COMPONENTS}
    services = processes.read_services(home)
    starting = []
    for component in COMPONENTS:
        recorded = services.components.get(component)
        if not (
            recorded and processes.is_alive(recorded) and recorded.fingerprint == fingerprints[component]
        ):
            starting.append(component)
    _stop_components(home, starting)
    since = dt.datetime.now(dt.UTC)
    if starting:
        progress(f"Starting Airflow: {', '.join(starting)}")
    if "dag-processor" in starting:
        _compress_dags(settings)
    for component in starting:
        _start_component(settings, component, fingerprints[component])
    _wait_until_healthy(settings, set(starting), since)
    if starting:
        _ensure_pools(settings)
    return notes


def health(settings: Settings) -> dict[str, Any] | None:
    """What the API server says about all parts; None where it does not answer."""
    try:
        with httpx.Client(trust_env=False, timeout=5.0) as client:
            answer = client.get(f"{address(settings)}/api/v2/monitor/health")
            answer.raise_for_status()
            found = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def unhealthy(said: dict[str, Any] | None, started: dict[str, dt.datetime] | None = None) -> list[str]:
    """Parts that are not healthy by the API server's word.

    Args:
        said: what ``health`` returned.
        started: parts that were started just now, and when; their heartbeat must be younger, because
            that of a killed predecessor counts as healthy for half a minute.
    """
    if said is None:
        return list(COMPONENTS)
    missing = [] if said.get("metadatabase", {}).get("status") == "healthy" else ["api-server"]
    for component, (name, beat) in _HEALTH_NAMES.items():
        part = said.get(name) or {}
        since = (started or {}).get(component)
        heartbeat = part.get(beat)
        fresh = since is None or (heartbeat is not None and dt.datetime.fromisoformat(heartbeat) >= since)
        if part.get("status") != "healthy" or not fresh:
            missing.append(component)
    return missing


def _wait_until_healthy(settings: Settings, starting: set[str], since: dt.datetime) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        services = processes.read_services(settings.home)
        for component in COMPONENTS:
            recorded = services.components[component]
            if not processes.is_alive(recorded):
                raise processes.failure(component, "ended while starting", recorded.log)
        missing = unhealthy(health(settings), dict.fromkeys(starting, since))
        if not missing:
            return
        if time.monotonic() > deadline:
            first: Recorded = services.components[missing[0]]
            raise processes.failure(missing[0], f"was not healthy after {START_TIMEOUT_S:.0f} s", first.log)
        time.sleep(0.3)


def _ensure_pools(settings: Settings) -> None:
    with Api(settings) as api:
        known = {
            pool["name"]: pool["slots"]
            for pool in api.call("GET", "/pools", params={"limit": 100}).json()["pools"]
        }
        for name, (slots, purpose) in pools(settings).items():
            body = {"name": name, "slots": slots, "description": purpose, "include_deferred": False}
            if name not in known:
                api.call("POST", "/pools", json=body)
            elif known[name] != slots:
                api.call("PATCH", f"/pools/{name}", json=body)


def stop(settings: Settings, progress: Progress) -> None:
    """Stop all of Airflow that this home started. The home is locked."""
    services = processes.read_services(settings.home)
    found = [component for component in COMPONENTS if component in services.components]
    if any(processes.is_alive(services.components[component]) for component in found):
        progress("Stopping Airflow")
    _stop_components(settings.home, found)


def _stop_components(home: Path, components: Sequence[str]) -> None:
    # The API server goes last: a task that is being ended still reports to it.
    for last in (False, True):
        services = processes.read_services(home)
        wave = [name for name in components if name in services.components and (name == "api-server") is last]
        if wave:
            ended = [services.components.pop(name) for name in wave]
            processes.stop(ended, signal.SIGTERM, STOP_TIMEOUT_S)
            processes.write_services(home, services)
