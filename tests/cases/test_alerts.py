"""Alerts about cases, from cases in a real PostgreSQL to a real mail server: to whom, once, grouped, and without a person in them."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from tests.cases.acting import a_case, connect, open_cases, step
from tests.sinks import Sinks, sinks
from wattmark.cases.alerts import tell_cases
from wattmark.cases.model import Case
from wattmark.run import Run
from wattmark.settings import WEBHOOK_VARIABLE, Settings, load_settings

# A notice is sent from Airflow's processes, which have set their logging by then.
importlib.import_module("airflow.settings")
pytestmark = pytest.mark.usefixtures("no_marts")

DAY = dt.date(2026, 10, 15)
MAIL = {"to": ["ops@example.org"], "sender": "wattmark@example.org"}
OWNER, APPROVER, CHIEF = "li@example.org", "ling@example.org", "chief@example.org"
USERS = {
    "li": {"role": "worker", "staff_id": "B1", "email": OWNER},
    "ling": {"role": "approver", "org_unit_id": "S1", "email": APPROVER},
    "mute": {"role": "worker", "staff_id": "B2"},
    "chief": {"role": "approver", "org_unit_id": "P", "email": CHIEF},
}
LOGINS = (("li", "B1", "S1", "worker"), ("ling", None, "S1", "approver"), ("mute", "B2", "K1", "worker"), ("chief", None, "P", "approver"))  # fmt: skip


@pytest.fixture(scope="module")
def servers() -> Iterator[Sinks]:
    with sinks() as found:
        yield found


@pytest.fixture
def told(
    servers: Sinks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warehouse: psycopg.Connection[Any]
) -> Sinks:
    """The servers, empty; settings of Airflow that lead to them."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("AIRFLOW_CONN_WATTMARK_SMTP", servers.connection)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://audit.example.org/")
    monkeypatch.delenv(WEBHOOK_VARIABLE, raising=False)
    servers.mails.clear()
    servers.posts.clear()
    servers.status = 200
    return servers


@pytest.fixture
def warehouse(ops: Engine) -> Iterator[psycopg.Connection[Any]]:
    """Units, rules and logins as nights leave them."""
    with connect(ops.url.render_as_string(hide_password=False)) as connection:
        connection.autocommit = True
        connection.execute(
            "CREATE SCHEMA mart; CREATE TABLE mart.dim_org_unit (org_unit_id text, parent_id text);"
            "CREATE TABLE mart.dim_rule (rule_id text, title_en text, title_zh text);"
            "INSERT INTO mart.dim_org_unit VALUES ('P', NULL), ('K1', 'P'), ('S1', 'K1'), ('S2', 'K1');"
            "INSERT INTO mart.dim_rule VALUES ('TAR-01', 'Reading does not continue', '抄见示数不连续')"
        )
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO ops.staff_login VALUES (%s, %s, %s, %s)", LOGINS)
        yield connection


def settings_of(home: Path, warehouse_url: str, **notify: Any) -> Settings:
    return load_settings(
        home, services={"warehouse_url": warehouse_url}, users=USERS, notify=notify or {"mail": MAIL},
        utility={"language": "en"},
    )  # fmt: skip


def night(warehouse: psycopg.Connection[Any], settings: Settings, day: dt.date) -> dict[str, int]:
    """A night that cases have taken in, and its alerts."""
    run = Run.of(day, "Asia/Shanghai")
    warehouse.execute(
        "INSERT INTO ops.case_night VALUES (%s, %s, now(), '{}') ON CONFLICT DO NOTHING", [run.run_id, day]
    )
    return tell_cases(settings, run)


def mailed(servers: Sinks) -> list[tuple[list[str], str]]:
    found = sorted((mail.recipients, mail.subject) for mail in servers.mails)
    servers.mails.clear()
    return found


def opened(warehouse: psycopg.Connection[Any], *cases: Case) -> None:
    with warehouse.transaction():
        open_cases(warehouse, *cases)


def taken(warehouse: psycopg.Connection[Any], case_id: str, staff_id: str, unit: str = "S1") -> None:
    with warehouse.transaction():
        step(warehouse, case_id, ("take", "assigned"), assigned_to=staff_id, assigned_org_unit_id=unit)


def test_an_overdue_case_is_told_to_its_owner_and_days_later_to_an_approver_once_each(
    told: Sinks, warehouse: Any, warehouse_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, warehouse_url)
    opened(warehouse, a_case("C1", day=dt.date(2026, 10, 1), due_on=DAY))
    taken(warehouse, "C1", "B1")
    # Up to the morning of the due day there is a day left.
    assert night(warehouse, settings, DAY - dt.timedelta(1)) == {"messages": 0, "told": 0, "untold": 0}
    assert night(warehouse, settings, DAY) == {"messages": 1, "told": 1, "untold": 0}
    assert mailed(told) == [([OWNER], "[Wattmark] Audit cases, night of 2026-10-15: overdue: 1")]
    for day in (0, 0, 1, 2):
        assert night(warehouse, settings, DAY + dt.timedelta(day))["messages"] == 0
    assert night(warehouse, settings, DAY + dt.timedelta(3))["messages"] == 1
    assert mailed(told) == [([APPROVER], "[Wattmark] Audit cases, night of 2026-10-18: still overdue 3 days later: 1")]  # fmt: skip
    for day in (3, 4, 9):
        assert night(warehouse, settings, DAY + dt.timedelta(day))["messages"] == 0
    # Put off, it is a new due date that may be missed.
    warehouse.execute("UPDATE ops.audit_case SET due_on = %s", [DAY + dt.timedelta(20)])
    assert night(warehouse, settings, DAY + dt.timedelta(19))["messages"] == 0
    assert night(warehouse, settings, DAY + dt.timedelta(20))["messages"] == 1
    assert [to for to, _ in mailed(told)] == [[OWNER]]


def test_what_is_settled_or_mended_is_no_more_told(
    told: Sinks, warehouse: Any, warehouse_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, warehouse_url)
    ids = ("DISMISSED", "MENDED", "EFFECT", "ELSEWHERE")
    opened(warehouse, *(a_case(case_id, day=dt.date(2026, 10, 1), due_on=DAY) for case_id in ids))
    for case_id in ("DISMISSED", "MENDED", "ELSEWHERE"):
        taken(warehouse, case_id, "B1")
    with warehouse.transaction():
        step(warehouse, "DISMISSED", ("propose_dismiss", "dismissed"))
        step(warehouse, "MENDED", ("propose_confirm", "confirmed"), ("done", "rectified"))
        step(warehouse, "ELSEWHERE", ("propose_confirm", "confirmed"), responsible_org_unit_id="S2", assigned_to=None)  # fmt: skip
        step(warehouse, "EFFECT", ("link", "open"), root_cause_case_id="ELSEWHERE")
    assert night(warehouse, settings, DAY) == {"messages": 1, "told": 1, "untold": 0}
    # Of a unit without an approver who has an address the next one above is told.
    assert mailed(told) == [([CHIEF], "[Wattmark] Audit cases, night of 2026-10-15: overdue: 1")]


def test_a_hundred_cases_are_one_message_that_names_none_of_them(
    told: Sinks, warehouse: Any, warehouse_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, warehouse_url, mail=MAIL, webhook={"url": told.hook})
    opened(warehouse, *(a_case(f"H{at}", severity="high", day=DAY, message_en="Mr Chen owes") for at in range(100)))  # fmt: skip
    opened(
        warehouse, a_case("MINE", "COL-01", severity="high", day=DAY), a_case("LOW", severity="low", day=DAY)
    )
    opened(warehouse, a_case("MUTE", "COL-01", severity="high", day=DAY, unit="K1"))
    taken(warehouse, "MINE", "B1")
    taken(warehouse, "MUTE", "B2", "K1")
    assert night(warehouse, settings, DAY) == {"messages": 4, "told": 204, "untold": 0}
    [to_approver] = [mail for mail in told.mails if mail.recipients == [APPROVER]]
    assert "of high severity: 100 (TAR-01 Reading does not continue 100)" in to_approver.text
    link = "https://audit.example.org/wattmark/cases/?language=en&amp;view=all&amp;severity=high&amp;age=d7"
    assert f'<a href="{link}">' in to_approver.text
    [to_owner] = [mail for mail in told.mails if mail.recipients == [OWNER]]
    assert "COL-01 1" in to_owner.text and "view=mine" in to_owner.text
    # Whose login has no address is passed over for who approves.
    assert sorted(mail.recipients for mail in told.mails) == [[CHIEF], [OWNER], [APPROVER]]
    [post] = told.posts
    assert post["event"] == "cases" and "of high severity: 102 (TAR-01 Reading does not continue 100; COL-01 2)" in post["text"]  # fmt: skip
    everything = "".join(mail.text + mail.subject for mail in told.mails) + post["text"]
    for secret in ("H7", "A-H7", "A-MINE", "Chen", "B1", OWNER):
        assert secret not in everything
    told.mails.clear()
    assert night(warehouse, settings, DAY) == {"messages": 0, "told": 0, "untold": 0}
    assert night(warehouse, settings, DAY + dt.timedelta(1))["messages"] == 0
    rows = warehouse.execute("SELECT DISTINCT way, told FROM ops.case_alert ORDER BY 1, 2").fetchall()
    assert rows == [("mail", "approver"), ("mail", "owner"), ("webhook", "channel")]


def test_a_brake_is_told_once_not_each_night_and_anew_when_it_holds_again(
    told: Sinks, warehouse: Any, warehouse_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, warehouse_url)
    held = a_case("TAR-01:rule:TAR-01", severity="high", day=DAY, unit="P", subject_type="rule", subject_id="TAR-01", due_on=None)  # fmt: skip
    opened(warehouse, held)
    assert night(warehouse, settings, DAY)["messages"] == 1
    [mail] = told.mails
    assert mail.recipients == [CHIEF] and "rules held by the brake: 1" in mail.subject
    assert "view=all&amp;find=TAR-01" in mail.text
    told.mails.clear()
    for day in (0, 1, 2):
        assert night(warehouse, settings, DAY + dt.timedelta(day))["messages"] == 0
    with warehouse.transaction():
        again = DAY + dt.timedelta(3)
        step(warehouse, held.case_id, ("verify", "verified"), day=again)
        step(warehouse, held.case_id, ("reopen", "reopened"), day=again)
    assert night(warehouse, settings, again)["messages"] == 1


def test_a_server_that_is_down_fails_nothing_and_the_same_night_again_makes_up_for_it(
    told: Sinks, warehouse: Any, warehouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    settings = settings_of(tmp_path, warehouse_url, mail=MAIL, webhook={"url": told.hook})
    opened(warehouse, a_case("C1", severity="high", day=DAY))
    monkeypatch.setenv("AIRFLOW_CONN_WATTMARK_SMTP", "smtp://127.0.0.1:9?disable_ssl=true&disable_tls=true&retry_limit=1")  # fmt: skip
    # Nobody waits a day because another way is broken.
    assert night(warehouse, settings, DAY) == {"messages": 1, "told": 1, "untold": 1}
    assert "1 alerts about cases were not told by mail; the next night tries again" in caplog.text
    assert APPROVER not in caplog.text
    monkeypatch.setenv("AIRFLOW_CONN_WATTMARK_SMTP", told.connection)
    assert night(warehouse, settings, DAY) == {"messages": 1, "told": 1, "untold": 0}
    assert [to for to, _ in mailed(told)] == [[APPROVER]] and len(told.posts) == 1


def test_nobody_is_told_of_an_older_night_or_of_what_is_switched_off(
    told: Sinks, warehouse: Any, warehouse_url: str, tmp_path: Path
) -> None:
    opened(warehouse, a_case("C1", severity="high", day=DAY, due_on=DAY))
    off = settings_of(tmp_path, warehouse_url, mail=MAIL, cases={"high": False, "overdue": False})
    assert night(warehouse, off, DAY)["messages"] == 0
    assert night(warehouse, off, DAY + dt.timedelta(5))["messages"] == 0
    settings = settings_of(tmp_path, warehouse_url)
    assert tell_cases(settings, Run.of(DAY, "Asia/Shanghai"))["messages"] == 0
    nobody = load_settings(tmp_path, services={"warehouse_url": warehouse_url})
    assert tell_cases(nobody, Run.of(DAY + dt.timedelta(5), "Asia/Shanghai")) == {"messages": 0, "told": 0, "untold": 0}  # fmt: skip
    # No approver has an address: those whom notify names are told, in the utility's language.
    alone = load_settings(tmp_path, services={"warehouse_url": warehouse_url}, notify={"mail": MAIL})
    assert tell_cases(alone, Run.of(DAY + dt.timedelta(5), "Asia/Shanghai"))["messages"] == 1
    assert mailed(told) == [
        (MAIL["to"], "[Wattmark] 2026-10-20 稽查案件提醒：新立高风险案件 1 件，逾期 1 件")
    ]


def test_a_warehouse_that_does_not_answer_fails_no_night(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of(tmp_path, "postgresql+psycopg://nobody@127.0.0.1:9/none")
    assert tell_cases(settings, Run.of(DAY, "Asia/Shanghai")) == {"messages": 0, "told": 0, "untold": 0}
    assert "Not everybody was told of cases" in caplog.text
