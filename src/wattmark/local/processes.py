"""Processes that belong to a home: started, recognised again, and stopped, never mistaken for others.

A process is known by its id together with its time of birth, since an id alone is given to someone
else sooner or later. What was started stands in ``<home>/services.json``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wattmark.atomic import write_atomically
from wattmark.errors import ServiceError
from wattmark.home import HOST, Home, services_unreadable

Progress = Callable[[str], None]
"""Takes one sentence about what is going on."""

LOCK_TIMEOUT_S = 900.0
LOG_KEPT_BYTES = 20_000_000
TAIL_LINES = 15
TAIL_CHARACTERS = 300

_children: list[subprocess.Popen[bytes]] = []
"""Held so that the interpreter reaps them; they outlive it on purpose."""


class Recorded(BaseModel):
    """One process that this home started."""

    model_config = ConfigDict(frozen=True)

    pid: int
    birth: str
    log: Path
    port: int | None = None
    fingerprint: str = ""


class ServicesFile(BaseModel):
    """Contents of ``services.json``: what was started, and on which ports it really listens."""

    components: dict[str, Recorded] = Field(default_factory=dict)
    postgres_port: int | None = None
    airflow_port: int | None = None
    airflow_migrated: str | None = None


def read_services(home: Path) -> ServicesFile:
    """What a home has started; empty where it never did.

    Raises:
        ServiceError: the file is not what was written.
    """
    file = Home(home).services
    try:
        return ServicesFile.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return ServicesFile()
    except (OSError, ValidationError) as error:
        raise services_unreadable(file, error) from None


def write_services(home: Path, services: ServicesFile) -> None:
    """Note what a home has started."""
    write_atomically(Home(home).services, services.model_dump_json(indent=2) + "\n", private=True)


@contextlib.contextmanager
def home_lock(home: Path, progress: Progress) -> Iterator[None]:
    """Hold a home for oneself; another holder is waited for. A killed holder lets go by itself.

    Raises:
        ServiceError: the other did not finish within 15 minutes.
    """
    file = Home(home).services_lock
    with file.open("ab") as stream:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        waited = False
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ServiceError(
                        "services.locked",
                        f"Another process has held {file} for {LOCK_TIMEOUT_S:.0f} s.",
                        "Look for a `wattmark up` or `wattmark down` that hangs, and end it.",
                    ) from None
                if not waited:
                    progress("Waiting for another start or stop of this home to finish")
                    waited = True
                time.sleep(0.1)
        yield


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{psutil.boot_time():.0f}"


def birth_of(pid: int) -> str | None:
    """When a process was born, in a form no other process of that id shares; None where it is gone.

    Counted from the start of the machine, because the wall clock may be set while a process runs.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            ticks = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
            return f"{_boot()}:{ticks}"
        return f"{_boot()}:{process.create_time():.2f}"
    except (psutil.NoSuchProcess, OSError, IndexError):
        return None


def is_alive(recorded: Recorded) -> bool:
    """Whether the very process that was started still runs."""
    return birth_of(recorded.pid) == recorded.birth


def is_of_this_boot(recorded: Recorded) -> bool:
    """Whether the machine has not been restarted since."""
    return recorded.birth.partition(":")[0] == _boot()


@dataclass(frozen=True)
class RunAs:
    """The account a process runs as, where it is not the one of the caller."""

    name: str
    uid: int
    gid: int


def launch(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    port: int | None = None,
    fingerprint: str = "",
    run_as: RunAs | None = None,
) -> Recorded:
    """Start a process in a session of its own, its output appended to a log that only the owner reads.

    Args:
        argv: program and arguments.
        env: the whole environment.
        cwd: folder to start in.
        log: file for standard output and error; kept once as ``.1`` when over 20 MB.
        port: the port it will listen on, for the record.
        fingerprint: of its configuration, for the record.
        run_as: another account to run as; needs root.

    Raises:
        ServiceError: the program cannot be started at all.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=run_as.uid if run_as else None,
            group=run_as.gid if run_as else None,
            extra_groups=[] if run_as else None,
        )
    except OSError as error:
        raise ServiceError(
            "services.program", f"{argv[0]} cannot be started: {error.strerror}.", "Install Wattmark again."
        ) from None
    finally:
        os.close(descriptor)
    _children.append(child)
    return Recorded(
        pid=child.pid, birth=birth_of(child.pid) or "", log=log, port=port, fingerprint=fingerprint
    )


def _session(pid: int) -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if (
                process.pid != pid
                and os.getsid(process.pid) == pid
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                members.append(process)
    return members


def _family(recorded: Recorded) -> list[psutil.Process]:
    """The process, its descendants, and what its session still holds after it died."""
    members: dict[int, psutil.Process] = {}
    if is_alive(recorded):
        leader = psutil.Process(recorded.pid)
        with contextlib.suppress(psutil.Error):
            members = {process.pid: process for process in leader.children(recursive=True)}
        members[leader.pid] = leader
    elif not is_of_this_boot(recorded) or birth_of(recorded.pid) is not None:
        # The id belongs to someone else by now, so a session of that number does too.
        return []
    for process in _session(recorded.pid):
        members.setdefault(process.pid, process)
    return list(members.values())


def stop(
    group: Sequence[Recorded], sign: signal.Signals, grace_s: float, *, whole_group: bool = True
) -> None:
    """Ask processes to end, all at once, and after a grace end them and all that they started.

    Args:
        group: what was started. Of one that is gone only what it left behind is ended.
        sign: how to ask.
        grace_s: how long to wait, seconds.
        whole_group: ask each process group instead of the process alone.
    """
    families = [_family(recorded) for recorded in group]
    for recorded, family in zip(group, families, strict=True):
        if is_alive(recorded):
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if whole_group else os.kill)(recorded.pid, sign)
        else:
            for process in family:
                with contextlib.suppress(psutil.Error):
                    process.terminate()
    _gone, left = psutil.wait_procs([each for family in families for each in family], timeout=grace_s)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=10)
    reap()


def reap() -> None:
    """Take leave of children that have ended, which would linger as zombies."""
    for child in list(_children):
        if child.poll() is not None:
            _children.remove(child)


def port_is_free(port: int, host: str = HOST) -> bool:
    """Whether a TCP port can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def next_free_port(first: int, attempts: int = 100) -> int:
    """The first TCP port at or above a number that nobody listens on.

    Raises:
        ServiceError: none of ``attempts`` ports is free.
    """
    last = min(first + attempts, 65536)
    for port in range(first, last):
        if port_is_free(port):
            return port
    raise ServiceError(
        "services.no_port",
        f"Nothing is free between port {first} and {last - 1}.",
        "Set another port under `services` in settings.yaml.",
    )


def tail(log: Path, lines: int = TAIL_LINES) -> tuple[str, ...]:
    """The last lines of a log; empty where there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - 65_536))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(line[:TAIL_CHARACTERS] for line in text.splitlines()[-lines:])


def failure(component: str, what: str, log: Path) -> ServiceError:
    """The error for a component that is not well, with the end of its log."""
    shown = "\n".join(f"    {line}" for line in tail(log)) or "    (the log is empty)"
    return ServiceError(
        f"services.{component.replace('-', '_')}",
        f"{component} {what}. The end of {log}:\n{shown}\n",
        "Put right what the log names, then run `wattmark up` again; `wattmark status` shows all parts.",
    )


@contextlib.contextmanager
def rights_told() -> Iterator[None]:
    """Turn a lack of rights on the files of a home into an error for people."""
    try:
        yield
    except PermissionError as error:
        raise ServiceError(
            "services.rights",
            f"This account may not change {error.filename}.",
            "Run Wattmark as the owner of the home.",
        ) from None
