"""The log of cases: events chained by hash, written together with the rows they change."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from wattmark.cases.model import Case, CaseConflictError, CaseError, Event

NIGHT_LOCK = 7_226_431_917
"""Key of ``pg_advisory_xact_lock``: one night's step on cases at a time; people's steps never take it."""
CHUNK = 10_000
"""Changes that travel in one statement."""
_Value = Any


@dataclass(frozen=True)
class Change:
    """What becomes of one case: its events, oldest first, and columns of its row.

    ``values`` names columns of ``ops.audit_case`` without ``state`` and ``version``, which follow from the events;
    without events they stay. ``seen`` is the version that the change rests on: 0 for a case that is new (``opened``
    makes it), None where any will do.
    """

    case_id: str
    events: Sequence[Event] = ()
    values: Mapping[str, object] = field(default_factory=dict)
    seen: int | None = None


def opened(case: Case, events: Sequence[Event]) -> Change:
    """The change that makes a case: its row, and its events beginning with ``open``; their last says the state."""
    values = {name: getattr(case, name) for name in _TYPES if name not in ("state", "version")}
    return Change(case.case_id, events, values, seen=0)


_TYPES = {
    each.name: {
        "int": "integer", "bool": "boolean", "dt.date": "date", "dt.datetime": "timestamptz", "decimal.Decimal": "numeric",
        "tuple[str, ...]": "text[]", "Mapping[str, Any]": "jsonb",
    }.get(str(each.type).removesuffix(" | None"), "text")
    for each in fields(Case)
}  # fmt: skip
"""PostgreSQL's type of each column of ``ops.audit_case``."""


def append(connection: psycopg.Connection[Any], changes: Iterable[Change]) -> int:
    """Write events and the rows they change, for one step and for a whole night alike.

    Events are numbered and chained; ``state`` and ``version`` of the row become those of its last event. Rows are locked
    in the order of their ids, so that two at once wait for each other, never in a circle. Runs in the connection's
    transaction and does not end it: whatever fails, the caller rolls back and nothing was changed.

    Args:
        connection: within a transaction, of psycopg's usual isolation (read committed).
        changes: at most one a case. A change without events writes its ``values`` alone, and the version stays.

    Returns:
        the number of events written.

    Raises:
        CaseConflictError: a case is not of the version it was seen in, or a new one is there already.
        CaseError: an event does not begin in the state that its case is in, a case is unknown or changed twice, or a
            text holds a character that cannot be kept.
    """
    given = list(changes)
    if len({change.case_id for change in given}) < len(given):
        raise CaseError(
            "case.twice", "One case was to be changed twice at once.", "Give all its events in one change."
        )
    standing = _standing(connection, [change.case_id for change in given if change.seen != 0])
    made: list[dict[str, object]] = []
    changed: dict[tuple[str, ...], list[dict[str, object]]] = {}
    written: list[dict[str, object]] = []
    for change in given:
        before = _before(change, standing)
        events = _chained(change, *before)
        written += events
        # What is left out of JSON is NULL in the record.
        row = {
            name: _plain(_TYPES[name], value) for name, value in change.values.items() if value is not None
        }
        row["case_id"] = change.case_id
        if events:
            row["version"], row["state"] = events[-1]["event_no"], events[-1]["to_state"]
        if change.seen == 0:
            made.append(row)
        elif change.values or events:
            named = {"case_id", *change.values, *(("version", "state") if events else ())}
            changed.setdefault(tuple(sorted(named)), []).append(row)
    _insert_cases(connection, made)
    _insert_events(connection, written)
    for columns, rows in changed.items():
        _update_cases(connection, columns, rows)
    return len(written)


def _standing(connection: psycopg.Connection[Any], case_ids: list[str]) -> dict[str, tuple[int, str, str]]:
    """Version, state and newest hash of cases, which are locked."""
    if not case_ids:
        return {}
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(
            "SELECT c.case_id, c.version, c.state FROM ops.audit_case AS c WHERE c.case_id = ANY(%s) "
            "ORDER BY c.case_id FOR NO KEY UPDATE",
            [case_ids],
        ).fetchall()
        # Asked only now: while it waited for a row, somebody may have written an event of it. By the pairs alone, which are
        # looked up one by one: a join of both tables is planned by what was there before a night opened a hundred thousand.
        hashes: dict[str, str] = dict(
            cursor.execute(
                "SELECT e.case_id, e.hash FROM unnest(%s::text[], %s::integer[]) AS wanted (case_id, event_no) "
                "JOIN ops.audit_case_event AS e ON e.case_id = wanted.case_id AND e.event_no = wanted.event_no",
                [[case_id for case_id, _, _ in rows], [version for _, version, _ in rows]],
            ).fetchall()
        )
    return {case_id: (version, state, hashes.get(case_id, "")) for case_id, version, state in rows}


def _before(change: Change, standing: Mapping[str, tuple[int, str, str]]) -> tuple[int, str, str]:
    if change.seen == 0:
        return 0, "", ""
    found = standing.get(change.case_id)
    if found is None:
        raise CaseError(
            "case.unknown", f"There is no case {change.case_id}.", "Look up its id in the list of cases."
        )
    if change.seen is not None and change.seen != found[0]:
        raise conflict(change.case_id, change.seen, found[0])
    return found


def conflict(case_id: str, seen: int, stands: int) -> CaseConflictError:
    """The error for whoever comes second."""
    return CaseConflictError(
        "case.conflict", f"case {case_id}: you saw version {seen}, meanwhile it was changed and is at version {stands}.",
        "Nothing was changed. Look at the case again, then decide.",
    )  # fmt: skip


def _chained(change: Change, version: int, state: str, newest: str) -> list[dict[str, object]]:
    written: list[dict[str, object]] = []
    for event in change.events:
        version += 1
        if event.case_id != change.case_id or event.from_state != state:
            raise CaseError(
                "case.state", f"case {change.case_id} is {state or 'not there yet'}; {event.step} was to begin at "
                f"{event.from_state or 'a new case'}.", "Nothing was changed. Look at the case again, then decide.",
            )  # fmt: skip
        detail = canonical(event.detail)
        digest = _hash(event, detail, version, newest)
        written.append(
            {
                "case_id": event.case_id, "event_no": version, "at": moment(event.at), "on_day": event.on_day.isoformat(),
                "actor": event.actor, "step": event.step, "from_state": state, "to_state": event.to_state, "note": event.note,
                "detail": detail, "run_id": event.run_id, "previous_hash": newest, "hash": digest,
            }
        )  # fmt: skip
        state, newest = event.to_state, digest
    return written


def _plain(kind: str, value: object) -> object:
    """A value of a column as JSON has it."""
    if value is None or kind in ("integer", "boolean"):
        return value
    if kind == "text[]":
        return list(value)  # type: ignore[call-overload]
    if kind == "jsonb":
        return canonical(value)
    if kind in ("date", "timestamptz"):
        return value.isoformat()  # type: ignore[attr-defined]
    return str(value)


_EVENT = {
    "case_id": "text", "event_no": "integer", "at": "timestamptz", "on_day": "date", "actor": "text", "step": "text",
    "from_state": "text", "to_state": "text", "note": "text", "detail": "jsonb", "run_id": "text", "previous_hash": "text", "hash": "text",
}  # fmt: skip


def _recordset(types: Mapping[str, str]) -> tuple[str, str]:
    """Names of a record set's columns as they are selected, and with their types as they are read from JSON."""
    # Numbers within JSON are handed over as text, so that they stay as they were hashed.
    chosen = ", ".join(f"r.{name}::jsonb" if kind == "jsonb" else f"r.{name}" for name, kind in types.items())
    return chosen, ", ".join(f"{name} {'text' if kind == 'jsonb' else kind}" for name, kind in types.items())


def _execute(
    connection: psycopg.Connection[Any], statement: str, rows: list[dict[str, object]], chunk: int = CHUNK
) -> None:
    try:
        for start in range(0, len(rows), chunk):
            text = json.dumps(rows[start : start + chunk], ensure_ascii=False)
            connection.execute(statement.encode(), [text], prepare=False)
    except (psycopg.errors.UntranslatableCharacter, UnicodeEncodeError):
        raise _unkept() from None


def _unkept() -> CaseError:
    return CaseError(
        "case.text", "A text holds a character that cannot be kept (U+0000, or half of one).", "Type it anew."
    )


def _insert_cases(connection: psycopg.Connection[Any], rows: list[dict[str, object]]) -> None:
    chosen, read = _recordset(_TYPES)
    try:
        # One statement, so that a case may hang on another one that is made with it.
        _execute(
            connection,
            f"INSERT INTO ops.audit_case ({', '.join(_TYPES)}) SELECT {chosen} FROM json_to_recordset(%s::json) AS r({read})",
            rows, max(len(rows), 1),
        )  # fmt: skip
    except psycopg.errors.UniqueViolation:
        some = rows[0]["case_id"] if len(rows) == 1 else "one of the cases"
        raise CaseConflictError(
            "case.there", f"case {some} is there already: a rule, subject and month have one case for good.",
            "Nothing was changed. Look at the case that is there.",
        ) from None  # fmt: skip


def _insert_events(connection: psycopg.Connection[Any], rows: list[dict[str, object]]) -> None:
    chosen, read = _recordset(_EVENT)
    _execute(
        connection,
        f"INSERT INTO ops.audit_case_event ({', '.join(_EVENT)}) SELECT {chosen} FROM json_to_recordset(%s::json) AS r({read})",
        rows,
    )


def _update_cases(
    connection: psycopg.Connection[Any], columns: Sequence[str], rows: list[dict[str, object]]
) -> None:
    types = {name: _TYPES[name] for name in columns}
    _, read = _recordset(types)
    put = ", ".join(
        f"{name} = r.{name}{'::jsonb' if kind == 'jsonb' else ''}"
        for name, kind in types.items()
        if name != "case_id"
    )
    _execute(
        connection,
        f"UPDATE ops.audit_case AS c SET {put} FROM json_to_recordset(%s::json) AS r({read}) WHERE r.case_id = c.case_id",
        rows,
    )


@dataclass(frozen=True)
class Proof:
    """What ``verify`` proved: so many cases and events, and the chain of the newest night, where one was written."""

    cases: int
    events: int
    run_id: str | None


def write_chain(connection: psycopg.Connection[Any], run_id: str) -> str:
    """Write the chain over all newest hashes into ``ops.pipeline_run``; the last thing a night does to cases.

    Steps that are being taken are waited for, and new ones wait until the transaction ends, so that it is certain
    which events the chain speaks of.

    Returns:
        the chain, SHA-256 in hex.

    Raises:
        CaseError: there is no such run.
    """
    connection.execute("LOCK TABLE ops.audit_case_event IN SHARE ROW EXCLUSIVE MODE")
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            "UPDATE ops.pipeline_run SET case_chain_seq = n.through, case_chain = n.chain FROM ("
            "  SELECT COALESCE((SELECT MAX(seq) FROM ops.audit_case_event), 0) AS through, ENCODE(SHA256(CONVERT_TO("
            "    COALESCE(STRING_AGG(e.hash, '' ORDER BY e.case_id COLLATE \"C\"), ''), 'UTF8')), 'hex') AS chain"
            "  FROM ops.audit_case AS c JOIN ops.audit_case_event AS e ON e.case_id = c.case_id AND e.event_no = c.version"
            ") AS n WHERE run_id = %s RETURNING case_chain",
            [run_id],
        ).fetchone()
    if row is None:
        raise CaseError("case.no_run", f"No run {run_id} is known.", "Run the night again.")
    return str(row[0])


def verify(connection: psycopg.Connection[Any]) -> Proof:
    """Prove the chain of every case, each row against its newest event, and the chain of the newest night.

    Events are read one after the other; memory does not grow with their number.

    Args:
        connection: within a transaction of its own.

    Raises:
        CaseError: ``case.log_broken`` names the first event, case or night that does not hold.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        night = cursor.execute(
            "SELECT run_id, case_chain, case_chain_seq FROM ops.pipeline_run WHERE case_chain IS NOT NULL "
            "ORDER BY case_chain_seq DESC, as_of DESC LIMIT 1"
        ).fetchone()
    run_id, chain, through = night or (None, None, -1)
    cases = events = 0
    whole = hashlib.sha256()
    case_id: str | None = None
    last: tuple[int, str, str] = (0, "", "")
    row: tuple[int, str] = (0, "")
    of_night = ""

    def finish() -> None:
        if case_id is not None:
            if last[0] == 0 or (last[0], last[1]) != row:
                raise _broken(
                    f"case {case_id}: its row says version {row[0]}, {row[1]}; its newest event {last[0]}, {last[1]}"
                )
            whole.update(of_night.encode())

    with connection.cursor("wattmark_case_log", row_factory=tuple_row) as cursor:
        cursor.itersize = 5_000
        cursor.execute(
            "SELECT c.case_id, c.version, c.state, e.event_no, e.at, e.on_day, e.actor, e.step, e.from_state, e.to_state, e.note, "
            "e.detail::text, e.previous_hash, e.hash, e.seq FROM ops.audit_case AS c LEFT JOIN ops.audit_case_event AS e USING (case_id) "
            'ORDER BY c.case_id COLLATE "C", e.event_no'
        )
        for found in cursor:
            if found[0] != case_id:
                finish()
                cases += 1
                case_id, last, row, of_night = found[0], (0, "", ""), (found[1], found[2]), ""
            if found[3] is None:
                continue
            events += 1
            last = _proved(found, last)
            if found[14] <= through:
                of_night = found[13]
    finish()
    if chain is not None and whole.hexdigest() != chain:
        raise _broken(
            f"run {run_id}: case_chain does not cover the events that were there when it was written"
        )
    return Proof(cases, events, run_id)


def _proved(found: Sequence[Any], last: tuple[int, str, str]) -> tuple[int, str, str]:
    (
        case_id,
        _,
        _,
        event_no,
        at,
        on_day,
        actor,
        step,
        from_state,
        to_state,
        note,
        detail,
        previous,
        digest,
        _,
    ) = found
    where = f"case {case_id}, event {event_no}"
    if event_no != last[0] + 1 or from_state != last[1] or previous != last[2]:
        raise _broken(f"{where}: does not follow the event before")
    event = Event(
        case_id,
        at,
        on_day,
        actor,
        step,
        from_state,
        to_state,
        note,
        json.loads(detail, parse_float=decimal.Decimal),
    )
    if event_hash(event, event_no, previous) != digest:
        raise _broken(f"{where}: its hash is not that of what it says")
    return event_no, to_state, digest


def _broken(what: str) -> CaseError:
    return CaseError(
        "case.log_broken", f"The log does not hold: {what}.",
        "Somebody changed it past Wattmark. Compare with a backup, and see who may write to schema ops.",
    )  # fmt: skip


def canonical(value: _Value) -> str:
    """JSON text of a value: no blanks, characters not escaped, sorted keys, numbers as ``jsonb`` prints them.

    Args:
        value: of texts, whole numbers, ``Decimal`` (a ``float`` counts as what it prints), booleans, None, and lists and
            mappings of these; dates are texts already.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_text(str(key))}:{canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(canonical(each) for each in value) + "]"
    if isinstance(value, float):
        value = decimal.Decimal(repr(value))
    if isinstance(value, decimal.Decimal):
        return format(value if value else abs(value), "f")
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, (dt.date, dt.datetime)):
        return _text(value.isoformat())
    return _text(str(value))


_text = json.JSONEncoder(ensure_ascii=False).encode


@lru_cache(maxsize=64)
def moment(at: dt.datetime) -> str:
    """An instant as the log writes it, such as 2026-10-15T03:00:00.000000Z."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event_hash(event: Event, event_no: int, previous_hash: str) -> str:
    """SHA-256 (hex) over the event and the hash before it, as cases.md of the specification has it."""
    return _hash(event, canonical(event.detail), event_no, previous_hash)


def _hash(event: Event, detail: str, event_no: int, previous_hash: str) -> str:
    texts = (event.actor, event.step, event.from_state, event.to_state, event.note or "")
    parts = [
        _text(previous_hash),
        _text(event.case_id),
        str(event_no),
        _text(moment(event.at)),
        *map(_text, texts),
        detail,
    ]
    try:
        return hashlib.sha256(f"[{','.join(parts)}]".encode()).hexdigest()
    except UnicodeEncodeError:
        raise _unkept() from None
