"""Connecting to a source's database within seconds, and saying what is wrong where that fails.

What may pass by itself (the network, a server that is starting or full) is a SourceUnavailableError, which is
tried again. What somebody has to put right (driver, address, login, names, rights) is a SourceError.
"""

from __future__ import annotations

import importlib.util
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from wattmark.errors import SourceError, SourceUnavailableError
from wattmark.urls import masked, without_secrets

CONNECT_SECONDS = 5
"""How long a driver may try one address, unless the URL says otherwise."""
ANSWER_SECONDS = 9
"""How long connecting may take in all, looking up the name included."""

UNREACHABLE, BROKE_OFF = "source.unreachable", "source.broke_off"

_TIMEOUT_NAMES = {
    "psycopg": "connect_timeout", "psycopg2": "connect_timeout", "pymysql": "connect_timeout",
    "mysqldb": "connect_timeout", "mysqlconnector": "connection_timeout", "mariadbconnector": "connect_timeout",
    "pymssql": "login_timeout", "pyodbc": "timeout", "oracledb": "tcp_connect_timeout",
}  # fmt: skip
_KEEP_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 4}
_DRIVERS = {
    "mysql": "pymysql", "mariadb": "pymysql", "mssql": "pyodbc", "oracle": "oracledb", "snowflake": "snowflake-sqlalchemy",
    "postgresql": "psycopg",
}  # fmt: skip
_FILES = ("sqlite", "duckdb")

_PASSING = re.compile(
    r"refused|timed? ?out|timeout expired|unreachable|no route|reset by peer|broken pipe|temporary failure|"
    r"closed the connection|connection (?:was |has been )?(?:lost|closed|terminated|aborted)|lost connection|gone away|"
    r"starting up|shutting down|terminating connection|recovery mode|too many (?:connections|clients)|remaining connection slots|could not receive|could not send|EOF detected",
    re.IGNORECASE,
)
_NO_HOST = re.compile(
    r"name or service not known|translate host name|failed to resolve|nodename nor servname|getaddrinfo|unknown (?:mysql )?server host|no address associated",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"password|permission denied|access denied|login failed|not authori[sz]ed", re.IGNORECASE)
_PASSING_STATES = ("08", "40", "53", "55", "57", "58", "XX")
"""SQLSTATE classes of what may pass: connection, resources, lock, operator, system, internal."""
_PASSING_MYSQL = {1040, 1053, 1077, 1079, 1080, 1203, 1205, 1213, 2002, 2003, 2006, 2013, 2055, 4031}
_PUT_RIGHT_MYSQL = {1044, 1045, 1049, 1142, 1143, 1146, 1054, 1698, 1251}

T = TypeVar("T")


def connect(location: str) -> sa.Engine:
    """An engine whose database has answered.

    Args:
        location: a SQLAlchemy URL.

    Raises:
        SourceError: the URL, the driver, the login or the database is wrong; says which.
        SourceUnavailableError: the database did not answer in time, or not now.
    """
    try:
        url = _usable(sa.make_url(location))
    except (sa.exc.ArgumentError, ValueError):
        raise SourceError(
            "source.bad_url",
            f"{masked(location)}: the source's location is not a SQLAlchemy URL.",
            "Write it as dialect+driver://user:password@host:port/database, "
            "with @ : / ? # % in user and password encoded (@ is %40).",
        ) from None
    try:
        dialect = url.get_dialect()
        dialect.import_dbapi()
    except sa.exc.NoSuchModuleError:
        raise SourceError(
            "source.unknown_dialect",
            f"{masked(url)}: no kind of database is called {url.drivername}.",
            f"Correct the URL, or install the SQLAlchemy dialect of that name into .venv.{_hint(url)}",
        ) from None
    except ImportError as error:
        raise SourceError(
            "source.no_driver",
            f"{masked(url)}: the driver of {url.drivername} is not installed ({error}).",
            f"Install it into .venv.{_hint(url)}",
        ) from None
    if url.get_backend_name() in _FILES:
        _require_file(url)
    try:
        engine = sa.create_engine(url, connect_args=_arguments(url))
        if url.get_backend_name() in ("mysql", "mariadb"):
            sa.event.listen(engine, "connect", _utc_session)

        def answer() -> None:
            with engine.connect():
                pass

        _within(ANSWER_SECONDS, answer)
    except _TooLongError:
        raise SourceUnavailableError(
            UNREACHABLE,
            f"{masked(url)}: no answer within {ANSWER_SECONDS} seconds.",
            "Check that the host and port are right, the database is up and no firewall lies between; then rerun.",
        ) from None
    except Exception as error:
        raise explained(error, url, masked(url), UNREACHABLE) from None
    return engine


def explained(error: Exception, url: sa.URL, where: str, code: str) -> SourceError:
    """A driver's error as one of ours: what may pass is unavailable, the rest is to be put right.

    Args:
        error: what the driver raised.
        url: of the database, whose secrets are taken out of the message.
        where: what was done, for the message.
        code: of the error where it may pass.
    """
    if isinstance(error, SourceError):
        return error
    original = getattr(error, "orig", None) or error
    said = _said(original, url, names_only=code == UNREACHABLE or _state(original).startswith("42"))
    text = str(original)
    if _NO_HOST.search(text) and "temporary failure" not in text.lower():
        return SourceError(
            "source.unknown_host", f"{where}: {said}", "No host has that name here: correct the URL."
        )
    broke = code == BROKE_OFF and type(original).__name__ in ("OperationalError", "InterfaceError")
    if _passes(original, text) or (broke and _unsaid(original) and "no such" not in text):
        return SourceUnavailableError(
            code, f"{where}: {said}", "Check that the database is up and can be reached, then rerun."
        )
    state = _state(original)
    number = _number(original)
    if state[:2] in ("28", "42") or number in (1044, 1045, 1142, 1143, 1698) or _LOGIN.search(text):
        remedy = "Check user, password and rights: the user must be able to read the source's tables."
    elif state == "3D000" or number == 1049 or "does not exist" in text:
        remedy = "Check the database's name in the URL."
    else:
        remedy = "Put it right at the source or in the URL, then rerun."
    return SourceError("source.refused", f"{where}: {said}", remedy)


def conninfo(engine: sa.Engine) -> str:
    """What libpq is told for the engine's database, for a driver beside SQLAlchemy's own."""
    from psycopg.conninfo import make_conninfo

    arguments, keywords = engine.dialect.create_connect_args(engine.url)
    given = {**keywords, **_arguments(engine.url), "client_encoding": "UTF8"}
    given.pop("context", None)
    return make_conninfo(*arguments, **given)


class _TooLongError(Exception):
    """No answer in time."""


def _within(seconds: float, work: Callable[[], T]) -> T:
    """The result of some work, waited for so long: drivers may hang in a look-up that no timeout of theirs ends."""
    done: list[T] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            done.append(work())
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="wattmark-connect")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise _TooLongError
    return done[0]


def _usable(url: sa.URL) -> sa.URL:
    """The URL with the driver that is here, and without what only Airflow understands."""
    url = url.difference_update_query(["__extra__"])
    if url.drivername in ("mysql", "mariadb") and not importlib.util.find_spec("MySQLdb"):
        url = url.set(drivername=f"{url.drivername}+pymysql")
    if url.drivername == "postgres":
        url = url.set(drivername="postgresql")
    return url


def _hint(url: sa.URL) -> str:
    package = _DRIVERS.get(url.get_backend_name())
    return (
        f" For {url.get_backend_name()}: {package}, written {url.get_backend_name()}+{package}://…"
        if package
        else ""
    )


def _arguments(url: sa.URL) -> dict[str, Any]:
    driver = url.get_driver_name()
    name = _TIMEOUT_NAMES.get(driver)
    arguments: dict[str, Any] = {}
    if name and name not in url.query:
        arguments[name] = CONNECT_SECONDS
    if driver in ("psycopg", "psycopg2"):
        arguments.update(
            {argument: value for argument, value in _KEEP_ALIVE.items() if argument not in url.query}
        )
    return arguments


def _require_file(url: sa.URL) -> None:
    """SQLite and DuckDB make the file that is missing: an empty database in the place of the one meant."""
    database = url.database
    if not database or database == ":memory:" or database.startswith("file:") or "://" in database:
        return
    if not Path(database).expanduser().is_file():
        raise SourceError(
            "source.no_database",
            f"{masked(url)}: there is no such file.",
            "Check the path: an absolute one has four slashes, such as sqlite:////data/crm.db.",
        )


def _utc_session(connection: Any, _: Any) -> None:
    """Moments of MySQL and MariaDB are shown in the session's zone, which else is whatever the server has."""
    cursor = connection.cursor()
    cursor.execute("SET time_zone = '+00:00'")
    cursor.close()


def _said(error: BaseException, url: sa.URL, *, names_only: bool) -> str:
    arguments = error.args
    text = str(arguments[1]) if len(arguments) > 1 and isinstance(arguments[0], int) else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = without_secrets(lines[0], [url]) if lines else type(error).__name__
    if not names_only:
        # What is quoted may be a value that did not fit, and personal.
        said = re.sub(r"""("[^"]*"|'[^']*')""", "'…'", said)
    return said if said.endswith((".", "!")) else f"{said}."


def _state(error: BaseException) -> str:
    given = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    # Arrow makes an error of its own of one in the middle of the rows.
    said = re.search(r"SQLSTATE: (\w{5})\b", str(error))
    return str(given or (said and said[1]) or "")


def _number(error: BaseException) -> int | None:
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) else None


def _unsaid(error: BaseException) -> bool:
    return not _state(error) and _number(error) is None


def _passes(error: BaseException, text: str) -> bool:
    if state := _state(error):
        return state.startswith(_PASSING_STATES)
    number = _number(error)
    if number in _PASSING_MYSQL or number in _PUT_RIGHT_MYSQL:
        return number in _PASSING_MYSQL
    return bool(_PASSING.search(text)) or isinstance(error, (TimeoutError, ConnectionError))
