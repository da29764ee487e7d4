"""A viewer, a worker, an approver and a stranger at the real API server: who gets in, and what Airflow lets them do."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.services.homes import open_folder
from wattmark.home import Home, secret
from wattmark.local import processes, services
from wattmark.local.processes import next_free_port
from wattmark.settings import Settings, load_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
THREE = """\
users:
  chen: {role: viewer, org_unit_id: U1}
  li: {role: worker, org_unit_id: U1}
  wang: {role: approver, org_unit_id: U1}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Settings]:
    with open_folder() as folder:
        home = folder / "home"
        home.mkdir()
        ports = (
            f"services: {{postgres_port: {next_free_port(15_800)}, airflow_port: {next_free_port(18_800)}}}\n"
        )
        Home(home).settings.write_text(ports + THREE)
        settings = load_settings(home)
        try:
            assert services.up(settings).healthy
            yield settings
        finally:
            services.discard(settings)


def ask(settings: Settings, path: str, login: str, password: str) -> httpx.Response:
    web = services.airflow_url(settings)
    answer = httpx.post(f"{web}/auth/token", json={"username": login, "password": password}, trust_env=False)
    assert answer.status_code == 201, answer.status_code
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return httpx.get(f"{web}{path}", headers=bearer, trust_env=False)


def start_run(settings: Settings, login: str) -> int:
    web = services.airflow_url(settings)
    given = {"username": login, "password": secret(settings.home, f"airflow_{login}")}
    token = httpx.post(f"{web}/auth/token", json=given, trust_env=False).json()["access_token"]
    # A paused DAG keeps the run in its queue.
    return httpx.post(
        f"{web}/api/v2/dags/tidy/dagRuns",
        json={"logical_date": None},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=60,
    ).status_code


@pytest.mark.parametrize(("login", "started"), [("chen", 403), ("li", 200), ("wang", 200), ("admin", 200)])
def test_each_signs_in_and_only_a_viewer_starts_nothing(running: Settings, login: str, started: int) -> None:
    own = secret(running.home, f"airflow_{login}")
    assert ask(running, "/wattmark/", login, own).status_code == 200
    assert start_run(running, login) == started
    # Users and connections of Airflow are the administrator's.
    connections = ask(running, "/api/v2/connections", login, own).status_code
    assert connections == (200 if login == "admin" else 403)


def test_a_stranger_and_anothers_password_do_not_get_in(running: Settings) -> None:
    web = services.airflow_url(running)
    for login, password in (("mallory", "x"), ("li", secret(running.home, "airflow_wang")), ("li", "")):
        answer = httpx.post(
            f"{web}/auth/token", json={"username": login, "password": password}, trust_env=False
        )
        assert answer.status_code in (400, 401)
    for path in ("/wattmark/", "/api/v2/dags"):
        assert httpx.get(f"{web}{path}", trust_env=False).status_code == 401


def test_who_is_no_longer_named_gets_in_no_more_and_nothing_but_the_api_server_starts_anew(
    running: Settings,
) -> None:
    before = processes.read_services(running.home).components
    text = Home(running.home).settings.read_text().replace("  chen: {role: viewer, org_unit_id: U1}\n", "")
    Home(running.home).settings.write_text(text)
    fewer = load_settings(running.home)
    assert services.up(fewer).healthy
    after = processes.read_services(running.home).components
    assert {name for name in after if after[name].pid != before[name].pid} == {"api-server"}
    given = {"username": "chen", "password": secret(running.home, "airflow_chen")}
    web = services.airflow_url(fewer)
    assert httpx.post(f"{web}/auth/token", json=given, trust_env=False).status_code == 401
    assert ask(fewer, "/wattmark/", "li", secret(fewer.home, "airflow_li")).status_code == 200
