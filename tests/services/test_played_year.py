"""A year of nights and of people's work, played on a real PostgreSQL by the command: cases lived through, their log proved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from tests.services.homes import open_folder
from wattmark import cli
from wattmark.cases.model import NIGHT
from wattmark.home import Home, secret, warehouse_url
from wattmark.local import services
from wattmark.local.processes import next_free_port
from wattmark.publish.ops import libpq_url
from wattmark.settings import Settings, load_settings
from wattmark_sample.logins import users_text
from wattmark_sample.plan import SampleError, SamplePlan
from wattmark_sample.played import nights_of

AS_OF = dt.date(2026, 11, 4)
STRANGER = "  post: {role: worker}\n"
"""A user who signs in and has nothing to do with cases."""


def test_nights_end_on_the_last_day_and_reach_back_a_year() -> None:
    assert nights_of(AS_OF, 91) == [AS_OF - dt.timedelta(days=days) for days in (364, 273, 182, 91, 0)]
    weekly = nights_of(AS_OF, 7)
    assert (len(weekly), weekly[0], weekly[-1]) == (53, AS_OF - dt.timedelta(days=364), AS_OF)


def command(*arguments: str) -> Any:
    if not cli.app.registered_commands:
        cli.mount()
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.mark.parametrize("more", [("--format", "csv"), ("--database", "postgresql://nowhere/x")])
def test_a_year_is_played_from_parquet_alone(tmp_path: Path, more: tuple[str, str]) -> None:
    done = command("sample", "--history", "--home", str(tmp_path / "home"), *more)
    assert isinstance(done.exception, SampleError)
    assert done.exception.code == "sample.history"
    assert not (tmp_path / "home").exists()


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Settings, str]]:
    with open_folder() as folder:
        home = folder / "home"
        home.mkdir()
        ports = {"postgres_port": next_free_port(15_900), "airflow_port": next_free_port(18_900)}
        source = f"sources: [{{location: {home / 'sample'}}}]\n"
        Home(home).settings.write_text(
            f"services: {ports}\n{source}{users_text(SamplePlan(accounts=60))}{STRANGER}", encoding="utf-8"
        )
        settings = load_settings(home)
        try:
            done = command(
                "sample", "--history", "--accounts", "60", "--as-of", str(AS_OF), "--interval-days", "1",
                "--history-days", "91", "--home", str(home),
            )  # fmt: skip
            assert done.exit_code == 0, (done.output[-2000:], done.exception)
            yield settings, done.output
        finally:
            services.discard(settings)


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_url(warehouse_url(settings))) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_cases_of_a_played_year_went_every_way_and_their_log_is_whole(played: tuple[Settings, str]) -> None:
    settings, told = played
    assert "5 nights of 60 accounts" in told
    assert command("case", "verify-log", "--home", str(settings.home)).exit_code == 0
    assert [row[0] for row in rows(settings, "SELECT as_of FROM ops.case_night ORDER BY 1")] == nights_of(
        AS_OF, 91
    )
    steps = dict(rows(settings, "SELECT step, COUNT(*) FROM ops.audit_case_event GROUP BY 1"))
    assert {
        "open", "assign", "propose_confirm", "propose_dismiss", "approve", "done", "verify",
    } <= set(steps)  # fmt: skip
    outcomes = {row[0] for row in rows(settings, "SELECT DISTINCT outcome FROM ops.audit_case")}
    assert outcomes & {"mended", "accepted", "vanished"}
    # Whoever acted has a login, of a role that may; nobody approved what they proposed, nor judged own work.
    strangers = rows(
        settings,
        "SELECT e.actor, e.step FROM ops.audit_case_event AS e LEFT JOIN ops.staff_login AS l ON l.login = e.actor "
        f"WHERE e.actor <> '{NIGHT}' AND (l.login IS NULL OR l.role = 'viewer' OR l.role <> 'approver' AND e.step = 'approve')",
    )
    assert strangers == []
    own = rows(
        settings,
        "SELECT c.case_id FROM ops.audit_case AS c JOIN ops.audit_case_event AS e USING (case_id) "
        "JOIN ops.staff_login AS l ON l.login = e.actor WHERE l.staff_id = ANY(c.own_staff_ids) "
        "AND e.step IN ('take', 'propose_confirm', 'propose_dismiss', 'approve', 'accept')",
    )
    assert own == []
    late = rows(
        settings,
        "SELECT case_id FROM ops.audit_case_event WHERE on_day > DATE '2026-11-04' OR on_day < DATE '2025-11-05'",
    )
    assert late == []
    # What the last night left is there to be decided, by those whose users the home names.
    waiting = rows(
        settings, "SELECT COUNT(*) FROM ops.audit_case WHERE state IN ('open', 'assigned', 'reopened')"
    )
    assert waiting[0][0] > 0
    logins = {row[0] for row in rows(settings, "SELECT login FROM ops.staff_login")}
    assert logins == {"admin", *settings.users} - {"post"}


class Seat:
    """Somebody signed in at the real API server."""

    def __init__(self, settings: Settings, login: str) -> None:
        web = services.airflow_url(settings)
        given = {"username": login, "password": secret(settings.home, f"airflow_{login}")}
        token = httpx.post(f"{web}/auth/token", json=given, trust_env=False, timeout=60).json()[
            "access_token"
        ]
        self.client = httpx.Client(
            base_url=web, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60
        )

    def page(self, path: str) -> httpx.Response:
        return self.client.get(f"/wattmark/{path}")

    def note(self, case_id: str, version: int, origin: str | None = None) -> int:
        return self.client.post(
            f"/wattmark/cases/{case_id}/",
            data={"version": str(version), "step": "note", "note": "Looked at."},
            headers={"Origin": origin or str(self.client.base_url).rstrip("/")},
        ).status_code


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_each_role_signs_in_and_does_what_it_may(played: tuple[Settings, str]) -> None:
    settings, _ = played
    assert services.up(settings).healthy
    case_id, version, login = rows(
        settings,
        "SELECT c.case_id, c.version, l.login FROM ops.audit_case AS c JOIN ops.staff_login AS l ON l.staff_id = c.assigned_to "
        "WHERE c.state = 'assigned' AND l.role = 'worker' ORDER BY c.case_id LIMIT 1",
    )[0]
    path = f"cases/{case_id}/?language=en"
    worker, boss, viewer, admin, stranger = (
        Seat(settings, name) for name in (login, "manager", "viewer", "admin", "post")
    )
    for seat in (worker, boss, viewer, admin):
        assert seat.page("cases/?language=en").status_code == 200
        assert seat.page(path).status_code == 200
    assert case_id in worker.page("cases/?language=en").text.replace("%3A", ":")
    assert [
        seat.page(where).status_code for seat in (stranger,) for where in ("cases/", path, "figures/")
    ] == [403] * 3
    offered = 'value="propose_confirm"'
    assert [offered in seat.page(path).text for seat in (worker, viewer)] == [True, False]
    # A viewer is shown the case again with why not; a stranger is shown nothing.
    assert [seat.note(case_id, version) for seat in (viewer, stranger)] == [422, 403]
    assert worker.note(case_id, version, origin="https://elsewhere.example") == 403
    assert worker.note(case_id, version) == 303
    assert boss.note(case_id, version) == 409
    assert rows(settings, f"SELECT version FROM ops.audit_case WHERE case_id = '{case_id}'") == [
        (version + 1,)
    ]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_home_with_nights_is_not_played_into(played: tuple[Settings, str]) -> None:
    settings, _ = played
    again = command(
        "sample", "--history", "--accounts", "60", "--as-of", str(AS_OF), "--home", str(settings.home)
    )
    assert isinstance(again.exception, SampleError)
    assert again.exception.code == "sample.history_home"
