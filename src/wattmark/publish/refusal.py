"""What the warehouse says when it refuses, as an error for people: no driver's text, no row, no value."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import psycopg
from adbc_driver_manager import dbapi as adbc

from wattmark.errors import PublishError, PublishUnavailableError

_STANDS = "The last published run still stands."

_BY_STATE = {
    "53100": ("publish.disk_full", "the warehouse's disk is full", "Free space where PostgreSQL keeps its data; then rerun."),
    "42501": ("publish.forbidden", "the warehouse's user lacks a right", "Give services.warehouse_url a user that owns the database; docs/deployment.md says what it needs."),
    "28P01": ("publish.password", "the warehouse refuses the password", "Correct services.warehouse_url."),
    "3D000": ("publish.no_database", "the warehouse's database does not exist", "Create it, or correct services.warehouse_url."),
    "22021": ("publish.value", "a text holds a character that PostgreSQL cannot keep", "Correct the text at the source; then rerun."),
    "22P05": ("publish.value", "a JSON text holds a character that PostgreSQL cannot keep", "Correct the text at the source; then rerun."),
    "22P02": ("publish.value", "a value is not of its column's type", "Correct it at the source; then rerun."),
    "22003": ("publish.value", "a number is out of its column's range", "Correct it at the source; then rerun."),
    "22008": ("publish.value", "a date or time is out of PostgreSQL's range", "Correct it at the source; then rerun."),
    "54000": ("publish.value", "a value or row is larger than PostgreSQL can keep", "Shorten it at the source; then rerun."),
}  # fmt: skip
"""Code, what it means and what to do, by SQLSTATE: somebody has to act."""

_PASSING = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that pass by themselves: no connection, a deadlock, too many sessions, a lock, a stop, a crash."""


def named(error: Exception, table: str = "", column: str = "") -> PublishError:
    """The error for people that a driver's error stands for.

    Args:
        error: of psycopg or of the ADBC driver.
        table: what was written, ``schema.table``, where it is known.
        column: the column, where it is known.

    Returns:
        a PublishUnavailableError where trying again may help.
    """
    state, said = _state_and_message(error)
    where = f"{table}{f', column {column}' if column else ''}: " if table else ""
    if known := _BY_STATE.get(state):
        code, meaning, remedy = known
        return PublishError(code, f"{where}{meaning}.", f"{_STANDS} {remedy}")
    if state == "55P03":
        return PublishUnavailableError(
            "publish.locked", f"{where}another session holds a lock that publishing needs.",
            f"{_STANDS} End what maintains the tables of the warehouse (pg_locks shows it), then rerun.",
        )  # fmt: skip
    if not state or state.startswith(_PASSING):
        return PublishUnavailableError(
            "publish.unavailable", f"{where}the warehouse did not answer or broke off: {said}",
            f"{_STANDS} It is tried again; see that PostgreSQL runs (wattmark status), then rerun.",
        )  # fmt: skip
    return PublishError(
        "publish.refused", f"{where}the warehouse refused ({state}): {said}", f"{_STANDS} Mend the cause and rerun."
    )  # fmt: skip


def _state_and_message(error: Exception) -> tuple[str, str]:
    """SQLSTATE, empty where there was no answer, and the primary message: its detail would quote the row."""
    if isinstance(error, psycopg.Error):
        state = error.sqlstate or ""
        said = error.diag.message_primary or (str(error).splitlines() or [type(error).__name__])[0]
        return state, said
    state = (getattr(error, "sqlstate", None) or "").strip("\0 ")
    if state == "00000":
        state = ""
    text = str(error)
    found = re.search(r"(?:ERROR|FATAL|PANIC):\s*(.+)", text)
    said = found.group(1) if found else (text.splitlines() or [type(error).__name__])[0]
    if not state and (by_text := re.search(r"SQLSTATE[: ]+(\w{5})", text)):
        state = by_text.group(1)
    if not state and "invalid byte sequence" in said:
        state = "22021"
    return state, said


@contextlib.contextmanager
def naming(table: str = "") -> Iterator[None]:
    """Turn whatever psycopg or the ADBC driver raises into a PublishError that names the table."""
    try:
        yield
    except (psycopg.Error, adbc.Error) as error:
        raise named(error, table) from None
