"""PostgreSQL from the wheel, without a system service and without root rights.

The server listens on 127.0.0.1 only, asks every client for a password (SCRAM), and has no Unix
socket, whose path could be too long. Three databases: ``airflow`` (metadata), ``warehouse`` (what the
night publishes) and ``source`` (the sample utility). PostgreSQL refuses to run as root, so root hands
the server and its data to an unprivileged account.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from wattmark.errors import ServiceError
from wattmark.home import DATABASES, HOST, Home
from wattmark.local import processes
from wattmark.local.postgres_place import MAJOR, Place, place
from wattmark.local.processes import Progress, Recorded
from wattmark.local.secret import ensure_secrets
from wattmark.settings import PROJECT_ROOT

COMPONENT = "postgres"
SUPERUSER = "postgres"
START_TIMEOUT_S = 300.0
"""A server that was killed during a bulk load replays up to max_wal_size first."""
STOP_TIMEOUT_S = 120.0
ORPHANS_TIMEOUT_S = 30.0

_PG_SETTINGS = {
    # A small machine that is loaded in bulk: fewer checkpoints, and no WAL for tables that are
    # created and filled in one transaction. Nothing replicates from this server.
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "100",
    "random_page_cost": "1.1",
    # To give the emptied end of a table back to the disk, a vacuum would lock out readers for a moment.
    "vacuum_truncate": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # Statements and the DETAIL of an error quote values, and values may be personal data.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}

READERS_FILE = PROJECT_ROOT / "deploy" / "postgres" / "20-readers.sql"
"""What keeps those who read the warehouse from holding it up."""
RESERVED_CONNECTIONS = 30
"""Of ``max_connections``: for the owners of the databases, however many sessions readers open."""

_NO_PROCESS = 2**31 - 1


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def _initdb(where: Place, password: str) -> None:
    """Make the data folder, all or nothing: it gets its name when it is complete."""
    draft, key = where.folder / "data.new", where.folder / "password"
    shutil.rmtree(draft, ignore_errors=True)
    key.unlink(missing_ok=True)
    descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(password + "\n")
            if where.run_as is not None:
                os.fchown(stream.fileno(), where.run_as.uid, where.run_as.gid)
        argv = [
            str(where.programs / "initdb"),
            f"--pgdata={draft}",
            f"--username={SUPERUSER}",
            f"--pwfile={key}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # The same order of text on every machine, whatever locales it has.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            *(f"--set={name}={value}" for name, value in _PG_SETTINGS.items()),
        ]
        made = subprocess.run(  # noqa: S603
            argv,
            env=_environment(),
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
            user=where.run_as.uid if where.run_as else None,
            group=where.run_as.gid if where.run_as else None,
            extra_groups=[] if where.run_as else None,
        )
    finally:
        key.unlink(missing_ok=True)
    if made.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        said = "\n".join(made.stderr.strip().splitlines()[-processes.TAIL_LINES :])
        raise ServiceError(
            "services.initdb",
            f"The data folder {where.data} cannot be made:\n{said}\n",
            "Check the space and the rights of this folder.",
        )
    draft.rename(where.data)


def _server_in_lock(data: Path) -> Recorded | None:
    """The server that the lock file of a data folder names, if it is alive.

    A killed server leaves its lock file. PostgreSQL clears it by itself, unless the id in it belongs to
    some other living process by now, as after the restart of a container. Then the id is replaced by
    one that no process can have; the rest of the file stays, since PostgreSQL finds in it the shared
    memory that parts of the killed server may still use.
    """
    lock = data / "postmaster.pid"
    try:
        lines = lock.read_text(encoding="utf-8").splitlines(keepends=True)
        pid = int(lines[0])
        port = int(lines[3])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    processes.reap()
    birth = processes.birth_of(pid)
    with contextlib.suppress(psutil.Error):
        if birth and str(data) in psutil.Process(pid).cmdline():
            return Recorded(pid=pid, birth=birth, log=Path(os.devnull), port=port)
    if psutil.pid_exists(pid):
        descriptor = os.open(lock, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write("".join([f"{_NO_PROCESS}\n", *lines[1:]]))
    return None


def _connect(port: int, password: str, database: str = SUPERUSER) -> psycopg.Connection[tuple[object, ...]]:
    # require_auth: whoever else listens there gets no password to read.
    return psycopg.connect(
        host=HOST,
        port=port,
        user=SUPERUSER,
        password=password,
        dbname=database,
        connect_timeout=5,
        require_auth="scram-sha-256",
        autocommit=True,
    )


def answers(port: int, password: str) -> bool:
    """Whether our own server answers on a port (our password opens it)."""
    try:
        with _connect(port, password) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _ensure_databases(port: int, known: Mapping[str, str]) -> None:
    with _connect(port, known[SUPERUSER]) as connection:
        roles = {str(row[0]) for row in connection.execute("SELECT rolname FROM pg_roles")}
        databases = {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")}
        for role in sorted(set(DATABASES.values()) - roles):
            # The server is given the SCRAM verifier; the password itself never travels or gets logged.
            verifier = connection.pgconn.encrypt_password(
                known[role].encode(), role.encode(), b"scram-sha-256"
            )
            # The owner of the warehouse makes the roles that read it.
            rights = sql.SQL("LOGIN CREATEROLE" if role == "wattmark" else "LOGIN")
            connection.execute(
                sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(
                    sql.Identifier(role), rights, sql.Literal(verifier.decode())
                )
            )
        for database, owner in DATABASES.items():
            if database not in databases:
                name = sql.Identifier(database)
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(owner)))
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        connection.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
        owners = sql.SQL(", ").join(map(sql.Identifier, sorted(set(DATABASES.values()))))
        connection.execute(sql.SQL("GRANT pg_use_reserved_connections TO {}").format(owners))
        connection.execute("GRANT SET ON PARAMETER temp_file_limit TO wattmark")
    with _connect(port, known[SUPERUSER], "warehouse") as connection:
        connection.execute(READERS_FILE.read_text(encoding="utf-8").encode())


def _start_server(where: Place, port: int, log: Path) -> Recorded:
    return processes.launch(
        [
            str(where.programs / "postgres"),
            "-D",
            str(where.data),
            "-c",
            f"port={port}",
            "-c",
            f"reserved_connections={RESERVED_CONNECTIONS}",
            "-c",
            f"listen_addresses={HOST}",
            "-c",
            "unix_socket_directories=",
        ],
        env=_environment(),
        cwd=Path("/"),
        log=log,
        port=port,
        run_as=where.run_as,
    )


def _wait_until_ready(recorded: Recorded, port: int, password: str, offset: int) -> str:
    """Wait for the server: "ready", or why another try makes sense ("port", "orphans").

    Args:
        recorded: the server.
        port: where it should answer.
        password: the superuser's.
        offset: where in the log this start begins, bytes.

    Raises:
        ServiceError: the server ended or did not get ready; the message ends with its log.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(port, password):
        alive = processes.is_alive(recorded)
        said = recorded.log.read_bytes()[offset:]
        if b"password authentication failed" in said:
            raise ServiceError(
                "services.postgres_password",
                "The server does not accept the superuser's password of this home.",
                "Restore secrets.json of the home from a backup; it belongs to the data folder.",
            )
        if not alive:
            if b"could not create any TCP/IP sockets" in said:
                return "port"
            if b"pre-existing shared memory block" in said:
                return "orphans"
            raise processes.failure(COMPONENT, "ended while starting", recorded.log)
        if time.monotonic() > deadline:
            raise processes.failure(COMPONENT, f"was not ready after {START_TIMEOUT_S:.0f} s", recorded.log)
        time.sleep(0.05)
    return "ready"


def _start_and_wait(
    home: Path, where: Place, wanted_port: int, password: str, log: Path, progress: Progress
) -> tuple[Recorded, int]:
    port = processes.next_free_port(wanted_port)
    deadline = time.monotonic() + ORPHANS_TIMEOUT_S
    while True:
        progress(f"Starting PostgreSQL on port {port}")
        offset = log.stat().st_size if log.exists() else 0
        recorded = _start_server(where, port, log)
        services = processes.read_services(home)
        services.components[COMPONENT] = recorded
        processes.write_services(home, services)
        try:
            outcome = _wait_until_ready(recorded, port, password, min(offset, log.stat().st_size))
        except ServiceError:
            processes.stop([recorded], signal.SIGINT, STOP_TIMEOUT_S, whole_group=False)
            raise
        if outcome == "ready":
            return recorded, port
        if time.monotonic() > deadline:
            raise processes.failure(COMPONENT, "could not start", log)
        if outcome == "port":
            port = processes.next_free_port(port + 1)
        else:
            # What a killed server left behind notices it within moments and ends by itself.
            time.sleep(0.3)


def start(home: Path, wanted_port: int, progress: Progress) -> tuple[str, ...]:
    """Start the server of a home unless it runs, with its roles and databases. The home is locked.

    Args:
        home: the home folder.
        wanted_port: taken if free, else the next free one above it.
        progress: told what goes on.

    Returns:
        notes for the user: a port that was moved, data that lives elsewhere.

    Raises:
        ServiceError: it does not start.
    """
    known = ensure_secrets(home)
    services = processes.read_services(home)
    recorded = services.components.get(COMPONENT)
    if (
        recorded
        and recorded.port
        and processes.is_alive(recorded)
        and answers(recorded.port, known[SUPERUSER])
    ):
        return ()
    where = place(home)
    log = Home(home).logs / "postgres.log"
    if not (where.data / "PG_VERSION").exists():
        progress("Making the PostgreSQL data folder")
        _initdb(where, known[SUPERUSER])
        services.airflow_migrated = None
        processes.write_services(home, services)
    _check_version(where)
    recorded = _server_in_lock(where.data)
    if recorded is not None and recorded.port:
        port = recorded.port
        recorded = recorded.model_copy(update={"log": log})
        log.parent.mkdir(exist_ok=True)
        log.touch(mode=0o600)
        _wait_until_ready(recorded, port, known[SUPERUSER], log.stat().st_size)
    else:
        recorded, port = _start_and_wait(home, where, wanted_port, known[SUPERUSER], log, progress)
    services = processes.read_services(home)
    services.components[COMPONENT] = recorded
    services.postgres_port = port
    processes.write_services(home, services)
    _ensure_databases(port, known)
    moved = (f"Port {wanted_port} was taken, so PostgreSQL listens on {port}",) if port != wanted_port else ()
    return (*where.notes, *moved)


def _check_version(where: Place) -> None:
    found = (where.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != str(MAJOR):
        raise ServiceError(
            "services.postgres_version",
            f"{where.data} is of PostgreSQL {found}, the programs are of {MAJOR}.",
            "Dump the data with the release of Wattmark that made it, and load it into a new home.",
        )


def stop(home: Path, progress: Progress) -> None:
    """Stop the server of a home if it runs. The home is locked."""
    services = processes.read_services(home)
    recorded = services.components.pop(COMPONENT, None)
    if recorded is None:
        return
    if processes.is_alive(recorded):
        progress("Stopping PostgreSQL")
        # SIGINT is PostgreSQL's fast shutdown: clients are let go, nothing that was committed is lost.
        processes.stop([recorded], signal.SIGINT, STOP_TIMEOUT_S, whole_group=False)
    processes.write_services(home, services)
