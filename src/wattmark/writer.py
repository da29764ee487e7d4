"""One writer a home: whoever writes the lake holds the home, the next one waits and says for whom.

A holder has a shared lock on ``<home>/state/writer.lock`` in each of its processes while it works, so a killed one
is known to be gone at once. ``<home>/state/writer.json`` names it. A night of the scheduler is many processes with
pauses between them: its name stays from its first task to its last, and is taken from it only when none of its
processes has worked for ``writer.gone_minutes``. Readers never wait.

The lock is ``flock``, not POSIX record locks as lock libraries take them: those are lost as soon as any part of the
process closes the file, and do not exclude two sessions of one process.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from wattmark.atomic import write_atomically
from wattmark.errors import WattmarkError
from wattmark.home import Home
from wattmark.settings import Settings, Writing

WRITER_VARIABLE = "WATTMARK_WRITER"
"""Environment variable that makes a process work for the holder of that name, which started it."""
POLL_S = 0.2

log = logging.getLogger(__name__)
Tell = Callable[[str], None]


class HomeError(WattmarkError):
    """A home cannot be written now, or is not there."""


@dataclass(frozen=True)
class Holder:
    """Who holds a home. ``seen`` is when one of its processes last began or ended work; both times are in UTC.

    ``lasting`` holders keep the home while none of their processes runs.
    """

    owner: str
    what: str
    host: str
    pid: int
    since: str
    seen: str
    lasting: bool

    def __str__(self) -> str:
        return f"{self.what} (process {self.pid} on {self.host}, since {self.since.replace('T', ' ')} UTC)"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)


class _Home:
    """The two files of a home, and what this process holds of them."""

    def __init__(self, home: Path) -> None:
        self.file = Home(home).writer
        self.lock = Home(home).writer_lock
        self.depth = 0
        self.owner = ""
        self.stream: IO[bytes] | None = None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Short: while the record is read and changed."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.with_name("writer.change").open("ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def read(self) -> tuple[Holder | None, str | None]:
        """Who holds the home, and which holder's night was the last to begin."""
        try:
            raw: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
            return (Holder(**raw["holder"]) if raw["holder"] else None), raw["night"]
        except FileNotFoundError:
            return None, None
        except (ValueError, KeyError, TypeError):
            # The lock itself says whether somebody works; the name alone is lost.
            return None, None

    def write(self, holder: Holder | None, night: str | None) -> None:
        text = json.dumps({"holder": asdict(holder) if holder else None, "night": night}, indent=1)
        write_atomically(self.file, text)

    def nobody_works(self) -> bool:
        with self.lock.open("ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def gone(self, holder: Holder, gone_minutes: float) -> bool:
        if not self.nobody_works():
            return False
        quiet = _now() - dt.datetime.fromisoformat(holder.seen)
        return not holder.lasting or quiet > dt.timedelta(minutes=gone_minutes)


_homes: dict[Path, _Home] = {}
_guard = threading.RLock()


def _home_of(home: Path) -> _Home:
    with _guard:
        return _homes.setdefault(home.resolve(), _Home(home.resolve()))


def holder_of(home: Path) -> Holder | None:
    """Who holds a home now; None where nobody does, or its holder was killed."""
    files = _Home(home)
    if not files.file.exists():
        return None
    with files.alone():
        holder, _ = files.read()
        return holder if holder and (holder.lasting or not files.nobody_works()) else None


@contextlib.contextmanager
def holding(
    home: Path,
    what: str,
    *,
    owner: str | None = None,
    lasting: bool = False,
    begins_night: bool = False,
    of_night: bool = False,
    limits: Writing | None = None,
    wait: bool = True,
    tell: Tell = log.warning,
) -> Iterator[str]:
    """Hold a home while the block runs, waiting for another holder; inside a block that holds it, nothing is done.

    Args:
        home: the home folder.
        what: who this is, in words for those who wait.
        owner: name under which other processes join; the environment's, else a new one.
        lasting: keep the home between the processes of ``owner``, until ``let_go``.
        begins_night: a night begins here; steps of every other night are refused from now on.
        of_night: a step of the owner's night, refused where another night has begun since.
        limits: how long to wait, and how long a lasting holder may be silent.
        wait: False refuses at once.
        tell: told whom it waits for, and of whom it takes over.

    Yields:
        the owner's name.

    Raises:
        HomeError: ``home.busy``: another one holds it, longer than ``wait_minutes``; ``home.overtaken``: another
            night has written since this one began.
    """
    files = _home_of(home)
    name = owner or os.environ.get(WRITER_VARIABLE) or uuid.uuid4().hex
    with _guard:
        if nested := files.depth > 0:
            files.depth += 1
    if not nested:
        _acquire(files, what, name, lasting, begins_night, of_night, limits or Writing(), wait, tell)
    elif begins_night or of_night:
        with files.alone():
            _of_night(files, name, what, begins_night)
    try:
        yield files.owner
    finally:
        with _guard:
            files.depth -= 1
            if files.depth == 0:
                _leave(files)


def writing(
    settings: Settings, what: str, *, tell: Tell = log.warning, **options: Any
) -> contextlib.AbstractContextManager[str]:
    """``holding`` with the home and the limits of settings."""
    return holding(settings.home, what, limits=settings.writer, tell=tell, **options)


def let_go(home: Path, owner: str) -> None:
    """End a lasting holder: its night is over."""
    files = _home_of(home)
    with files.alone():
        holder, night = files.read()
        if holder and holder.owner == owner:
            files.write(None, night)


def _acquire(
    files: _Home, what: str, owner: str, lasting: bool, begins_night: bool, of_night: bool, limits: Writing, wait: bool,
    tell: Tell,
) -> None:  # fmt: skip
    started = time.monotonic()
    told = ""
    while True:
        with files.alone():
            holder, night = files.read()
            if of_night and not begins_night and night != owner:
                raise _overtaken(what)
            own = holder is not None and holder.owner == owner
            taken = holder is not None and not own and files.gone(holder, limits.gone_minutes)
            if own or taken or (holder is None and files.nobody_works()):
                if taken:
                    tell(f"{holder} ended without letting go of the home: it is taken over.")
                stamp = _now().isoformat()
                kept = replace(holder, seen=stamp) if own and holder else None
                me = Holder(owner, what, socket.gethostname(), os.getpid(), stamp, stamp, lasting)
                files.stream = files.lock.open("ab")
                fcntl.flock(files.stream, fcntl.LOCK_SH)
                files.write(kept or me, owner if begins_night else night)
                files.owner = owner
                with _guard:
                    files.depth += 1
                return
        if not wait or time.monotonic() - started > limits.wait_minutes * 60:
            raise HomeError(
                "home.busy",
                f"{files.file.parent.parent} is being written by {holder or 'another process'}"
                + (f"; waited {limits.wait_minutes:g} minutes." if wait else "."),
                "Try again when it is done; `writer.wait_minutes` says how long to wait. A night of the scheduler "
                f"whose processes are gone lets go after {limits.gone_minutes:g} minutes (`writer.gone_minutes`).",
            )
        if str(holder) != told:
            told = str(holder)
            tell(f"Waiting for {holder or 'another process'}, at most {limits.wait_minutes:g} minutes.")
        time.sleep(POLL_S)


def _of_night(files: _Home, owner: str, what: str, begins: bool) -> None:
    holder, night = files.read()
    if begins:
        files.write(holder, files.owner)
    elif night != files.owner:
        raise _overtaken(what)


def _overtaken(what: str) -> HomeError:
    return HomeError(
        "home.overtaken",
        f"Another night has written the lake since {what} began: its tables are not this night's any more.",
        "Run this night again from its first task.",
    )


def _leave(files: _Home) -> None:
    with files.alone():
        if files.stream is not None:
            files.stream.close()
            files.stream = None
        holder, night = files.read()
        if holder is None or holder.owner != files.owner:
            return
        if holder.lasting:
            files.write(replace(holder, seen=_now().isoformat()), night)
        elif files.nobody_works():
            files.write(None, night)
