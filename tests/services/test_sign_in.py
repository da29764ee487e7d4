"""Signing in to the pages that Airflow's API server carries, in a browser, on the real server."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.services.homes import a_home
from tests.web.browser import CHROMIUM, browser
from wattmark.home import secret
from wattmark.local import services
from wattmark.local.airflow_api import Api
from wattmark.local.connections import connection_urls
from wattmark.local.processes import next_free_port
from wattmark.settings import Settings
from wattmark.source_settings import SourceSettings

pytestmark = pytest.mark.slow
PAGES = ("/wattmark/", "/wattmark/data-docs/index.html", "/wattmark/reports/")


@pytest.fixture(scope="module")
def running() -> Iterator[Settings]:
    with a_home(airflow_port=next_free_port(19_500)) as settings:
        assert services.up(settings).healthy
        yield settings


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_led_to_the_sign_in_and_back(running: Settings, path: str) -> None:
    web = services.airflow_url(running)
    answer = httpx.get(f"{web}{path}", headers={"Accept": "text/html"}, trust_env=False)
    assert answer.status_code == 303
    there = urlsplit(answer.headers["location"])
    assert there.path == "/auth/login"
    assert parse_qs(there.query) == {"next": [path]}
    wrong = httpx.get(
        f"{web}{path}", headers={"Accept": "text/html"}, cookies={"_token": "forged"}, trust_env=False
    )
    assert wrong.status_code == 303
    program = httpx.get(f"{web}{path}", trust_env=False)
    assert program.status_code == 401
    assert program.json()["detail"] == "Not authenticated"


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_the_browser_shows_the_sign_in_then_the_page(running: Settings) -> None:
    web = services.airflow_url(running)
    token = httpx.post(
        f"{web}/auth/token",
        json={"username": "admin", "password": secret(running.home, "airflow_admin")},
        trust_env=False,
    ).json()["access_token"]
    with browser() as tab:
        stranger = tab.look(f"{web}/wattmark/")
        assert "/auth/login" in stranger.address
        assert "not authenticated" not in stranger.text.lower()
        tab.page.context.add_cookies([{"name": "_token", "value": token, "url": web}])
        seen = tab.look(f"{web}/wattmark/", width=375)
        # A hint about the form of Airflow's own sign-in page may come in late.
        complaints = [complaint for complaint in seen.complaints if not complaint.startswith("[DOM]")]
        assert (seen.status, seen.mains, complaints) == (200, 1, [])
        assert seen.address == f"{web}/wattmark/"
        assert "No night has run yet" in seen.text


def test_check_finds_a_connection_in_airflow_and_names_one_that_is_not_there(running: Settings) -> None:
    given = {"connection_id": "billing", "conn_type": "postgres", "host": "127.0.0.1", "port": 1, "schema": "cis",
             "login": "reader", "password": "geheim"}  # fmt: skip
    with Api(running) as api:
        api.call("POST", "/connections", json=given)
    names = ("airflow:billing", "airflow:nobody")
    asking = running.model_copy(update={"sources": tuple(SourceSettings(location=name) for name in names)})
    found, unknown = connection_urls(asking, seconds=120)
    assert found == {"billing": "postgresql+psycopg://reader:geheim@127.0.0.1:1/cis", "nobody": ""}
    assert unknown == ""
