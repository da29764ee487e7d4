"""The embedded services of a home: start them, stop them, see how they are.

Every function may be called as often as one likes. Starts and stops of one home wait for each other,
and only processes that the home itself started are ever signalled.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wattmark.errors import ServiceError
from wattmark.home import HOST, Home, embedded_url, make_parents, secret, tighten
from wattmark.local import airflow as airflow_service
from wattmark.local import postgres, processes
from wattmark.local.airflow_api import address
from wattmark.local.postgres_place import account, folder_elsewhere, forget_elsewhere, has_data
from wattmark.local.processes import Progress
from wattmark.local.secret import ensure_secrets
from wattmark.settings import Settings

State = Literal["running", "unhealthy", "crashed", "stopped"]


@dataclass(frozen=True)
class ComponentStatus:
    """How one part is.

    ``running``: alive and answering. ``unhealthy``: alive, not answering. ``crashed``: it was started
    and is gone without having been stopped. ``stopped``: it was not started, or was stopped, or the
    machine was restarted since. ``last_lines`` is the end of the log of a part that is not well.
    """

    component: str
    state: State
    pid: int | None = None
    address: str | None = None
    log: Path | None = None
    last_lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceStatus:
    """How all parts are after a start, and what the user should know."""

    components: tuple[ComponentStatus, ...]
    notes: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether nothing that was started is unwell."""
        return all(part.state in ("running", "stopped") for part in self.components)


def _silent(_message: str) -> None:
    return None


def _needs_postgres(settings: Settings) -> bool:
    services = settings.services
    return services.warehouse_url is None or services.airflow_database_url is None


def make_home(home: Path) -> None:
    if home.exists():
        # Made by hand, as the pages say: with settings.yaml and campaigns, and often open to everybody.
        server = account(home)
        tighten(home, server.gid if server is not None and server.uid != home.stat().st_uid else None)
        return
    # Personal data will lie here. Where root makes the home, PostgreSQL's account passes through by
    # way of its group, and nobody else does. It appears under its name with its rights, whoever else makes it now.
    make_parents(home)
    made = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    server = account(made)
    if server is not None:
        os.chown(made, -1, server.gid)
        made.chmod(0o710)
    try:
        made.rename(home)
    except OSError:
        made.rmdir()
        if not home.is_dir():
            raise


def _expect_home(settings: Settings) -> bool:
    return Home(settings.home).services.exists()


def up(settings: Settings, airflow: bool = True, progress: Progress | None = None) -> ServiceStatus:
    """Start the services of a home and wait until they are ready; what runs is left alone.

    Args:
        settings: of the home. Where ``warehouse_url`` and ``airflow_database_url`` are both set, no
            PostgreSQL is started.
        airflow: False starts the database alone.
        progress: told what goes on.

    Returns:
        the state of all parts, with notes such as a port that had to be moved.

    Raises:
        ServiceError: a part did not get ready; the message ends with the end of its log.
    """
    tell = progress or _silent
    with processes.rights_told():
        make_home(settings.home)
    with processes.rights_told(), processes.home_lock(settings.home, tell):
        if has_data(settings.home) and not Home(settings.home).secrets.exists():
            raise ServiceError(
                "services.secrets_lost",
                f"{Home(settings.home).secrets} is gone, and the databases of this home need it.",
                "Restore it from a backup.",
            )
        ensure_secrets(settings.home, airflow_service.airflow_users(settings))
        notes: tuple[str, ...] = ()
        if _needs_postgres(settings):
            notes += postgres.start(settings.home, settings.services.postgres_port, tell)
        if airflow:
            notes += airflow_service.start(settings, tell)
    return ServiceStatus(tuple(status(settings)), notes)


def prepare_airflow_database(
    settings: Settings, progress: Progress | None = None, beside: Path | None = None
) -> dict[str, str]:
    """Make ready what ``dag.test()`` needs, without starting Airflow: its database.

    Args:
        settings: of the home.
        progress: told what goes on.
        beside: file of a database of the run's own, made anew; for a run beside a scheduler, which would take up
            what it finds in its own.

    Returns:
        the environment to set before Airflow is imported.

    Raises:
        ServiceError: the database does not start, or cannot be migrated.
    """
    tell = progress or _silent
    up(settings, airflow=False, progress=tell)
    with processes.rights_told(), processes.home_lock(settings.home, tell):
        if beside is None:
            airflow_service.migrate(settings, tell)
            return airflow_service.airflow_env(settings)
        return airflow_service.database_beside(settings, beside, tell)


def down(settings: Settings, progress: Progress | None = None) -> None:
    """Stop whatever of this home runs.

    Raises:
        ServiceError: the record of what was started cannot be read.
    """
    if not _expect_home(settings):
        return
    tell = progress or _silent
    with processes.rights_told(), processes.home_lock(settings.home, tell):
        airflow_service.stop(settings, tell)
        postgres.stop(settings.home, tell)


def status(settings: Settings) -> list[ComponentStatus]:
    """How every part of a home is, PostgreSQL first. Changes nothing.

    Raises:
        ServiceError: the record of what was started cannot be read.
    """
    services = processes.read_services(settings.home)
    names = ([postgres.COMPONENT] if _needs_postgres(settings) else []) + list(airflow_service.COMPONENTS)
    alive = {name for name, recorded in services.components.items() if processes.is_alive(recorded)}
    # Without the API server nobody tells about the others; that they are alive is all there is.
    silent: set[str] = set()
    if "api-server" in alive:
        silent = set(airflow_service.unhealthy(airflow_service.health(settings)))
    found = []
    for name in names:
        recorded = services.components.get(name)
        if recorded is None or (name not in alive and not processes.is_of_this_boot(recorded)):
            found.append(ComponentStatus(name, "stopped"))
            continue
        state: State = "running"
        if name not in alive:
            state = "crashed"
        elif name in silent or (
            name == postgres.COMPONENT
            and not postgres.answers(recorded.port or 0, secret(settings.home, postgres.SUPERUSER))
        ):
            state = "unhealthy"
        web = "http://" if name == "api-server" else ""
        found.append(
            ComponentStatus(
                component=name,
                state=state,
                pid=recorded.pid if name in alive else None,
                address=f"{web}{HOST}:{recorded.port}" if recorded.port else None,
                log=recorded.log,
                last_lines=() if state == "running" else processes.tail(recorded.log),
            )
        )
    return found


def airflow_is_up(settings: Settings) -> bool:
    """Whether Airflow of this home runs, so that its scheduler takes up whatever run is put into its database.

    Raises:
        ServiceError: only a part of it runs.
    """
    components = processes.read_services(settings.home).components
    alive = [
        name
        for name in airflow_service.COMPONENTS
        if name in components and processes.is_alive(components[name])
    ]
    if alive and len(alive) < len(airflow_service.COMPONENTS):
        missing = [name for name in airflow_service.COMPONENTS if name not in alive]
        raise ServiceError(
            "services.partly_up",
            f"Of this home's Airflow {', '.join(alive)} runs and {', '.join(missing)} does not.",
            "Run `wattmark up`, or `wattmark down`, and try again.",
        )
    return bool(alive)


def source_url(settings: Settings) -> str:
    """SQLAlchemy URL of the embedded database that holds the sample utility's tables.

    Raises:
        ServiceError: this home has no embedded PostgreSQL.
    """
    return embedded_url(settings.home, "source")


def airflow_url(settings: Settings) -> str:
    """Where a browser finds Airflow."""
    return address(settings)


def discard(settings: Settings) -> None:
    """Stop the services and delete all their data, also what lies outside the home; for trials and tests.

    Raises:
        ServiceError: the record of what was started cannot be read.
    """
    down(settings)
    home = settings.home
    elsewhere = folder_elsewhere(home)
    if elsewhere is not None:
        shutil.rmtree(elsewhere, ignore_errors=True)
        forget_elsewhere(home)
    known = Home(home)
    for folder in (known.postgres, known.airflow, known.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (known.services, known.secrets):
        file.unlink(missing_ok=True)


__all__ = [
    "ComponentStatus",
    "ServiceError",
    "ServiceStatus",
    "airflow_is_up",
    "airflow_url",
    "discard",
    "down",
    "prepare_airflow_database",
    "source_url",
    "status",
    "up",
]
