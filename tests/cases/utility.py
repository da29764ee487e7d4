"""A utility of a few units, its staff and their logins, and cases as a night would have opened them; for a conftest to import."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from wattmark.cases import steps
from wattmark.cases.act import Desk, read_cases
from wattmark.cases.log import append, opened
from wattmark.cases.model import Case, CaseError, Event, case_id_of
from wattmark.publish.ops import libpq_url
from wattmark.settings import Settings, load_settings

AS_OF = dt.date(2026, 10, 15)
AT = dt.datetime(2026, 10, 16, 2, tzinfo=dt.UTC)
"""Ten in the morning after the night."""
UNITS = {"P": None, "C1": "P", "C2": "P", "S1": "C1", "S2": "C1", "S3": "C2"}
LOGINS = {
    # login: staff, unit, role
    "boss": ("E0", "P", "approver"),
    "mei": ("E1", "S1", "worker"),
    "li": ("E2", "S1", "worker"),
    "chief": ("E3", "C1", "approver"),
    "deputy": ("E4", "C1", "approver"),
    "other": ("E5", "S3", "worker"),
    "guest": ("E6", "S1", "viewer"),
    "nobody": (None, "C1", "approver"),
    "crew": ("E7", "S2", "worker"),
    "chief-too": ("E3", "C1", "approver"),
}


@dataclass
class Utility:
    """A connection, settings, and the instant at which steps are taken."""

    connection: psycopg.Connection[Any]
    settings: Settings
    at: dt.datetime = AT

    def desk(self, login: str) -> Desk:
        return Desk(self.connection, self.settings, login, self.at)

    def case(self, case_id: str) -> Case:
        return read_cases(self.connection, [case_id])[case_id]

    def version(self, case_id: str) -> int:
        return self.case(case_id).version

    def events(self, case_id: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            "SELECT step, from_state, to_state, actor, detail FROM ops.audit_case_event WHERE case_id = %s ORDER BY event_no",
            [case_id],
        ).fetchall()

    def open(self, subject: str = "B1", states: tuple[tuple[str, str], ...] = (), **more: object) -> str:
        """A case as a night opens it; ``states`` are steps and states that follow, as the night or others would write them."""
        values: dict[str, Any] = {
            "rule_id": "TAR-01", "subject_type": "bill", "subject_id": subject, "period": dt.date(2026, 9, 1), "account_id": "A1",
            "customer_id": "C1", "org_unit_id": "S1", "first_seen_on": AS_OF, "last_seen_on": AS_OF, "severity": "medium",
            "at_stake_amount": decimal.Decimal("100.00"), "opened_at": AT - dt.timedelta(hours=7), "opened_on": AS_OF,
            "evidence_hash": "h1", "due_on": dt.date(2026, 10, 29), "state": "open", "version": 0,
        } | more  # fmt: skip
        case_id = case_id_of(
            values["rule_id"], values["subject_type"], values["subject_id"], values["period"]
        )
        case = Case(case_id=case_id, **values)
        events, state = [], ""
        people = {"take", "propose_confirm", "propose_dismiss", "approve", "start", "done"}
        for step, after in (("open", "open"), *states):
            actor = "li" if step in people else "night"
            events.append(Event(case_id, case.opened_at, AS_OF, actor, step, state, after))
            state = after
        with self.connection.transaction():
            append(self.connection, [opened(case, events)])
        return case_id


PATHS: dict[str, tuple[tuple[str, str], ...]] = {
    "open": (),
    "assigned": (("assign", "assigned"),),
    "proposed": (("assign", "assigned"), ("propose_confirm", "proposed")),
    "confirmed": (("assign", "assigned"), ("propose_confirm", "confirmed")),
    "rectifying": (("assign", "assigned"), ("propose_confirm", "confirmed"), ("start", "rectifying")),
    "rectified": (("assign", "assigned"), ("propose_confirm", "confirmed"), ("done", "rectified")),
    "verified": (("verify", "verified"),),
    "closed": (("verify", "verified"), ("close", "closed")),
    "dismissed": (("assign", "assigned"), ("propose_dismiss", "dismissed")),
    "reopened": (("verify", "verified"), ("reopen", "reopened")),
}
"""How a case comes into each state."""


@pytest.fixture(scope="session")
def units_url(warehouse_url: str) -> str:
    """The warehouse with the tables that a publication makes, as far as steps read them."""
    with psycopg.connect(libpq_url(warehouse_url), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS mart")
        for table in (
            "dim_org_unit (org_unit_id text PRIMARY KEY, parent_id text, name text, level text, path text, depth bigint)",
            "dim_staff (staff_id text PRIMARY KEY, org_unit_id text, post text)",
            "dim_account (account_id text PRIMARY KEY, customer_id text, org_unit_id text, reading_area_staff_id text)",
            "dim_rule (rule_id text PRIMARY KEY, judges text)",
            "audit_exception (rule_id text, subject_type text, subject_id text, period date, account_id text, customer_id text, "
            "org_unit_id text, severity text, at_stake_amount numeric(18,2), evidence jsonb, kind text, message_en text, message_zh text)",
        ):
            connection.execute(f"CREATE TABLE IF NOT EXISTS mart.{table}")
        cursor = connection.cursor()
        cursor.executemany(
            "INSERT INTO mart.dim_org_unit (org_unit_id, parent_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            list(UNITS.items()),
        )
        cursor.executemany(
            "INSERT INTO mart.dim_staff VALUES (%s, %s, 'billing') ON CONFLICT DO NOTHING",
            [(staff, unit) for staff, unit, _ in LOGINS.values() if staff],
        )
        cursor.execute(
            "INSERT INTO mart.dim_account VALUES ('A1', 'C1', 'S1', 'E2'), ('A3', 'C3', 'S3', NULL) ON CONFLICT DO NOTHING"
        )
        cursor.execute(
            "INSERT INTO mart.dim_rule VALUES ('TAR-01', 'month'), ('RSK-09', 'state') ON CONFLICT DO NOTHING"
        )
        cursor.execute("TRUNCATE mart.audit_exception")
        cursor.execute(
            "INSERT INTO mart.audit_exception VALUES "
            "('TAR-01', 'bill', 'B9', '2026-09-01', 'A1', 'C1', 'S1', 'high', 12.5, '{\"billed\": 1.50}', 'listing', 'billed', '账单'), "
            "('RSK-09', 'account', 'A1', '2026-09-01', 'A1', 'C1', NULL, 'low', NULL, '{}', 'listing', 'risk', '风险')"
        )
    return warehouse_url


@pytest.fixture(scope="session")
def utility_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(Path(tmp_path_factory.mktemp("utility")))


@pytest.fixture
def utility(ops: Engine, units_url: str, utility_settings: Settings) -> Iterator[Utility]:
    with psycopg.connect(libpq_url(units_url), autocommit=True) as connection:
        connection.cursor().executemany(
            "INSERT INTO ops.staff_login (login, staff_id, org_unit_id, role) VALUES (%s, %s, %s, %s)",
            [(login, *entry) for login, entry in LOGINS.items()],
        )
        connection.execute("INSERT INTO ops.case_night VALUES ('20261015-202609', %s, %s, '{}')", [AS_OF, AT])
        yield Utility(connection, utility_settings)


CONFIRM = {"treatment": "rebill", "amount": "99.50", "responsible_org_unit_id": "S2", "hours": "0.5"}
DISMISS = {"reason": "not_an_error", "hours": "0.25"}


def refused(
    utility: Utility, case_id: str, take: Callable[[], object], match: str, kind: type[CaseError] = CaseError
) -> None:
    """The step is refused and nothing of the case has changed."""
    before, events = utility.case(case_id), utility.events(case_id)
    with pytest.raises(kind, match=match):
        take()
    assert (utility.case(case_id), utility.events(case_id)) == (before, events)


def assigned(utility: Utility, to: str = "mei", **more: object) -> str:
    case_id = utility.open(**more)
    steps.take(utility.desk(to), case_id, 1)
    return case_id


def confirmed(utility: Utility, **more: object) -> str:
    case_id = assigned(utility, **more)
    steps.propose_confirm(utility.desk("mei"), case_id, 2, **CONFIRM)
    assert utility.case(case_id).state == "confirmed"
    return case_id
