"""The log of cases on a real database: what it writes, what the database refuses, what is proved."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from wattmark.cases.log import Change, append, opened, verify, write_chain
from wattmark.cases.model import Case, CaseConflictError, CaseError, Event
from wattmark.publish.ops import libpq_url

AT = dt.datetime(2026, 10, 15, 3, tzinfo=dt.UTC)
DAY = AT.date()


@pytest.fixture
def connection(ops: Engine) -> Iterator[psycopg.Connection]:
    with psycopg.connect(libpq_url(ops.url.render_as_string(hide_password=False))) as connection:
        yield connection
        connection.rollback()


def case(subject: str = "B1", **more: object) -> Case:
    values: dict[str, object] = {
        "case_id": f"TAR-01:bill:{subject}:2026-09", "rule_id": "TAR-01", "subject_type": "bill", "subject_id": subject,
        "period": dt.date(2026, 9, 1), "account_id": "A1", "customer_id": "C1", "org_unit_id": "S1", "first_seen_on": DAY,
        "last_seen_on": DAY, "state": "open", "severity": "high", "at_stake_amount": decimal.Decimal("12.50"), "opened_at": AT,
        "opened_on": DAY, "version": 0, "evidence": {"billed": decimal.Decimal("1.50"), "text": "电表 \"x\""},
        "own_staff_ids": ("E1", 'a "quoted", one'),
    }  # fmt: skip
    return Case(**(values | more))  # type: ignore[arg-type]


def event(
    step: str, before: str, after: str, subject: str = "B1", actor: str = "night", **detail: object
) -> Event:
    return Event(case(subject).case_id, AT, DAY, actor, step, before, after, None, detail)


def open_(connection: psycopg.Connection, subject: str = "B1", **more: object) -> str:
    case_ = case(subject, **more)
    append(connection, [opened(case_, [event("open", "", "open", subject)])])
    return case_.case_id


def test_an_event_is_hashed_as_the_specification_has_it(connection: psycopg.Connection) -> None:
    detail = {
        "z": decimal.Decimal("1.50"),
        "a": 1e20,
        "é": '电\n"',
        "zero": -0.0,
        "none": None,
        "yes": True,
        "list": [1, "x"],
    }
    first = Event(case().case_id, AT, DAY, "night", "open", "", "open", None, detail)
    second = Event(case().case_id, AT, DAY, "mei", "note", "open", "open", "看过 \\", {})
    append(connection, [opened(case(), [first, second])])
    rows = connection.execute(
        "SELECT detail::text, previous_hash, hash FROM ops.audit_case_event ORDER BY event_no"
    ).fetchall()
    assert 'é": "电' in rows[0][0] and "1.50" in rows[0][0]
    text = (
        '["","TAR-01:bill:B1:2026-09",1,"2026-10-15T03:00:00.000000Z","night","open","","open","",'
        '{"a":100000000000000000000,"list":[1,"x"],"none":null,"yes":true,"z":1.50,"zero":0.0,"é":"电\\n\\""}]'
    )
    assert rows[0][1:] == ("", hashlib.sha256(text.encode()).hexdigest())
    text = json.dumps(
        [rows[0][2], case().case_id, 2, "2026-10-15T03:00:00.000000Z", "mei", "note", "open", "open", "看过 \\", {}],
        ensure_ascii=False, separators=(",", ":"),
    )  # fmt: skip
    assert rows[1][1:] == (rows[0][2], hashlib.sha256(text.encode()).hexdigest())
    assert verify(connection).events == 2


def test_the_row_is_written_as_it_was_given(connection: psycopg.Connection) -> None:
    case_id = open_(connection)
    row = connection.execute(
        "SELECT version, state, period, at_stake_amount, opened_at, own_staff_ids, evidence::text, due_on, hours, is_off "
        "FROM ops.audit_case WHERE case_id = %s",
        [case_id],
    ).fetchone()
    assert row == (
        1, "open", dt.date(2026, 9, 1), decimal.Decimal("12.50"), AT, ["E1", 'a "quoted", one'],
        '{"text": "电表 \\"x\\"", "billed": 1.50}', None, 0, False,
    )  # fmt: skip
    append(connection, [Change(case_id, (), {"due_on": DAY, "at_stake_amount": None})])
    row = connection.execute("SELECT version, due_on, at_stake_amount FROM ops.audit_case").fetchone()
    assert row == (1, DAY, None)


def test_whoever_comes_second_is_told(connection: psycopg.Connection) -> None:
    case_id = open_(connection)
    append(connection, [Change(case_id, [event("take", "open", "assigned", actor="mei")], seen=1)])
    with pytest.raises(CaseConflictError, match=r"version 1, .*at version 2"):
        append(connection, [Change(case_id, [event("take", "open", "assigned", actor="li")], seen=1)])
    with pytest.raises(CaseError, match="is assigned; take was to begin at open"):
        append(connection, [Change(case_id, [event("take", "open", "assigned", actor="li")])])
    with pytest.raises(CaseError, match="no case nothing"):
        append(connection, [Change("nothing", (), {"due_on": DAY})])
    with pytest.raises(CaseError, match="twice"):
        append(connection, [Change(case_id), Change(case_id)])
    assert verify(connection).events == 2


def test_a_second_case_of_one_subject_is_refused(connection: psycopg.Connection) -> None:
    open_(connection)
    with connection.transaction(force_rollback=True), pytest.raises(CaseConflictError, match="there already"):
        open_(connection)
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(
            'INSERT INTO ops.audit_case SELECT (r).* FROM (SELECT jsonb_populate_record(c, \'{"case_id": "other"}\') AS r '
            "FROM ops.audit_case AS c) AS r"
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ops.audit_case_event SET note = 'other'",
        "DELETE FROM ops.audit_case_event",
        "TRUNCATE ops.audit_case_event",
        "DELETE FROM ops.audit_case",
        "UPDATE ops.audit_case SET state = 'closed'",
        "UPDATE ops.audit_case SET version = 7",
        "UPDATE ops.audit_case SET opened_at = now()",
        "UPDATE ops.audit_case SET root_cause_case_id = case_id",
    ],
)  # fmt: skip
def test_the_database_refuses(connection: psycopg.Connection, statement: str) -> None:
    open_(connection)
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.RaiseException)):
        connection.execute(statement)


@pytest.mark.parametrize(
    ("step", "before", "after", "actor", "number", "previous"),
    [
        ("verify", "open", "verified", "mei", 2, None),  # the night's step
        ("take", "open", "assigned", "night", 2, None),  # a person's
        ("approve", "open", "confirmed", "mei", 2, None),
        ("assign", "reopened", "assigned", "night", 2, None),  # it is open
        ("assign", "open", "assigned", "night", 3, None),
        ("open", "", "open", "night", 1, ""),
        ("open", "", "open", "night", 2, None),
        ("assign", "open", "assigned", "night", 2, ""),
    ],
)  # fmt: skip
def test_the_database_refuses_an_event(
    connection: psycopg.Connection,
    step: str,
    before: str,
    after: str,
    actor: str,
    number: int,
    previous: str | None,
) -> None:
    open_(connection)
    with pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(
            "INSERT INTO ops.audit_case_event (case_id, event_no, at, on_day, actor, step, from_state, to_state, previous_hash, hash) "
            "SELECT case_id, %s, at, on_day, %s, %s, %s, %s, COALESCE(%s, hash), 'x' FROM ops.audit_case_event",
            [number, actor, step, before, after, previous],
        )


def _tampered(connection: psycopg.Connection, statement: str) -> None:
    connection.execute("ALTER TABLE ops.audit_case_event DISABLE TRIGGER USER")
    connection.execute("ALTER TABLE ops.audit_case DISABLE TRIGGER USER")
    connection.execute(statement)
    connection.execute("ALTER TABLE ops.audit_case_event ENABLE TRIGGER USER")
    connection.execute("ALTER TABLE ops.audit_case ENABLE TRIGGER USER")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE ops.audit_case_event SET note = 'other' WHERE event_no = 2 AND case_id LIKE '%B2%'", "B2:2026-09, event 2"),
        ("UPDATE ops.audit_case_event SET detail = '{\"x\": 1}' WHERE event_no = 1 AND case_id LIKE '%B2%'", "B2:2026-09, event 1"),
        ("DELETE FROM ops.audit_case_event WHERE event_no = 1 AND case_id LIKE '%B2%'", "B2:2026-09, event 2"),
        ("DELETE FROM ops.audit_case_event WHERE event_no = 3 AND case_id LIKE '%B2%'", "B2:2026-09: its row says version 3"),
        ("DELETE FROM ops.audit_case_event WHERE case_id LIKE '%B2%'", "B2:2026-09: its row"),
        ("UPDATE ops.audit_case SET state = 'closed' WHERE case_id LIKE '%B2%'", "B2:2026-09: its row says version 3, closed"),
        (
            "DELETE FROM ops.audit_case_event WHERE event_no = 3; UPDATE ops.audit_case SET version = 2, state = 'assigned'",
            "run r1: case_chain",
        ),
        ("UPDATE ops.pipeline_run SET case_chain = 'abc'", "run r1: case_chain"),
    ],
)  # fmt: skip
def test_the_proof_names_what_does_not_hold(
    connection: psycopg.Connection, statement: str, named: str
) -> None:
    for subject in ("B1", "B2", "B10"):
        case_id = open_(connection, subject)
        steps = [
            event("take", "open", "assigned", subject, "mei"),
            event("note", "assigned", "assigned", subject, "mei"),
        ]
        append(connection, [Change(case_id, steps)])
    _begun(connection, "r1")
    write_chain(connection, "r1")
    assert verify(connection).run_id == "r1"
    _tampered(connection, statement)
    with pytest.raises(CaseError, match="log_broken") as refused:
        verify(connection)
    assert named in str(refused.value)


def _begun(connection: psycopg.Connection, run_id: str) -> None:
    connection.execute(
        "INSERT INTO ops.pipeline_run (run_id, as_of, started_at, state, code_version, parameters_hash) "
        "VALUES (%s, '2026-10-15', now(), 'running', '', '')",
        [run_id],
    )


def test_the_chain_of_a_night_holds_whatever_happens_after_it(connection: psycopg.Connection) -> None:
    ids = [open_(connection, subject) for subject in ("b", "B", "é", "b1")]
    with pytest.raises(CaseError, match="No run r1"):
        write_chain(connection, "r1")
    _begun(connection, "r1")
    newest = dict(connection.execute("SELECT case_id, hash FROM ops.audit_case_event").fetchall())
    in_order = [newest[case_id] for case_id in sorted(newest, key=lambda case_id: case_id.encode())]
    assert write_chain(connection, "r1") == hashlib.sha256("".join(in_order).encode()).hexdigest()
    append(connection, [Change(ids[0], [event("take", "open", "assigned", "b", "mei")])])
    open_(connection, "a")
    assert verify(connection) == verify(connection)
    assert (verify(connection).cases, verify(connection).events) == (5, 6)


def test_a_text_that_cannot_be_kept_is_refused(connection: psycopg.Connection) -> None:
    for text in ("\x00", "\ud800"):
        with connection.transaction(force_rollback=True), pytest.raises(CaseError, match="character"):
            append(connection, [opened(case(), [event("open", "", "open", why=text)])])


@pytest.mark.slow
def test_a_night_of_a_hundred_thousand(connection: psycopg.Connection) -> None:
    def cpu() -> float:
        fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + time.process_time()

    made = [
        opened(case(f"B{number}"), [event("open", "", "open", f"B{number}", why="found")])
        for number in range(100_000)
    ]
    spent = {"open": cpu()}
    assert append(connection, made) == 100_000
    spent["assign"] = cpu()
    assigned = [
        Change(
            case_.case_id,
            [replace(event("assign", "open", "assigned", org_unit_id="S1"), case_id=case_.case_id)],
            {"assigned_org_unit_id": "S1"},
            seen=1,
        )
        for case_ in made
    ]
    append(connection, assigned)
    spent["chain"] = cpu()
    _begun(connection, "r1")
    write_chain(connection, "r1")
    spent["verify"] = cpu()
    assert verify(connection).events == 200_000
    spent["end"] = cpu()
    took = {
        name: round(after - before, 1)
        for (name, before), after in zip(spent.items(), [*spent.values()][1:], strict=False)
    }
    print(took)
    # Of processors, not of the clock: others may work beside it.
    assert all(seconds < 30 for seconds in took.values()), took
