"""The pages, asked for over HTTP, on a real warehouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from fastapi.testclient import TestClient

from tests.services.homes import a_home
from wattmark.checkup import look
from wattmark.home import warehouse_url
from wattmark.local import services
from wattmark.local.connections import connection_urls
from wattmark.publish.ops import begin_run, end_run, libpq_url
from wattmark.publish.store import Store
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark.source_settings import SourceSettings
from wattmark.web.findings import with_values
from wattmark.web.pages import pages_app


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    with a_home() as made:
        services.up(made, airflow=False)
        docs = made.home / "data-docs"
        docs.mkdir(parents=True)
        (docs / "index.html").write_text("<p>docs</p>")
        yield made


@pytest.fixture
def client(settings: Settings) -> TestClient:
    return TestClient(pages_app(settings, guards=[]))


def test_before_the_first_night(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "No night has run yet" in answer.text
    assert "All campaigns against the global control group" in answer.text
    assert 'href="data-docs/index.html"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_data_docs_are_served_and_nothing_beside_them(client: TestClient, settings: Settings) -> None:
    assert client.get("/data-docs/index.html").text == "<p>docs</p>"
    secret = Path(settings.home / "secrets.json")
    assert secret.exists()
    for path in (
        "/data-docs/../secrets.json",
        "/data-docs/%2e%2e/secrets.json",
        "/data-docs//etc/passwd",
        "/nothing/index.html",
    ):
        assert client.get(path).status_code == 404, path


def test_a_stranger_gets_nothing(settings: Settings) -> None:
    stranger = TestClient(pages_app(settings))
    for path in ("/", "/data-docs/index.html"):
        assert stranger.get(path).status_code in (401, 403)


def test_the_heading_is_the_published_night_and_beside_it_what_failed_since(
    client: TestClient, settings: Settings
) -> None:
    url = warehouse_url(settings)
    night, later = (Run.of(dt.date(2026, 11, day), "Asia/Shanghai") for day in (4, 5))
    begin_run(url, night, code_version="1", parameters_hash="p")
    end_run(url, night, "failed")
    assert "No night is published yet" in client.get("/").text
    begin_run(url, night, code_version="1", parameters_hash="p")
    with duckdb.connect() as duck, Store(libpq_url(url), "") as store:
        store.change(duck, [])
        store.commit(
            run_id=night.run_id, as_of=night.as_of, period=night.period, rows=0, changed=0, lake_versions={}
        )
    end_run(url, night, "succeeded", 1, 2)
    text = client.get("/").text
    assert "the night of 2026-11-04" in text
    assert "is of the published night" not in text
    begin_run(url, later, code_version="1", parameters_hash="p")
    text = client.get("/").text
    assert "<h1>Wattmark: the night of 2026-11-04</h1>" in text
    assert "The night of 2026-11-05 runs since" in text
    end_run(url, later, "failed")
    begin_run(url, night, code_version="1", parameters_hash="p")
    end_run(url, night, "failed")
    text = client.get("/").text
    assert "<h1>Wattmark: the night of 2026-11-04</h1>" in text
    assert "The night of 2026-11-05 failed since" in text
    assert "The night of 2026-11-04, run again, failed since" in text


def test_check_looks_into_a_connection_of_airflow(settings: Settings) -> None:
    """The sample's own connection, whose database is there and holds no tables yet."""
    wanted = SourceSettings(location="airflow:wattmark_source")
    seen = look(
        settings.model_copy(update={"sources": (wanted,)}),
        campaigns=False,
        files=False,
        connections=connection_urls,
    )
    assert [note for note in seen.notes if "may be left out" not in note] == []
    assert len(seen.errors) == 1
    assert "customer" in str(seen.errors[0]) and "are in none of the sources" in str(seen.errors[0])


@pytest.mark.parametrize(
    "path",
    [
        "/data-docs/%00",
        "/data-docs/a%00b.html",
        "/data-docs/" + "a" * 300,
        "/data-docs/" + "a/" * 3000 + "b",
        "/data-docs/%ed%a0%80",
        "/data-docs/%ff%fe",
        "/%00/index.html",
        "/" + "a" * 5000 + "/",
        "/nothing/",
        "/data-docs/index.html/more",
    ],
)
def test_a_name_that_is_none_is_not_found(settings: Settings, path: str) -> None:
    client = TestClient(pages_app(settings, guards=[]), raise_server_exceptions=False)
    assert client.get(path, follow_redirects=False).status_code == 404


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("相差超过 tolerance，且没有换表。", "相差超过 0.5，且没有换表。"),
        ("超过tolerance且", "超过0.5且"),
        ("by more than tolerance of tolerance_share", "by more than 0.5 of tolerance_share"),
        ("within bands", "within bands"),
    ],
)
def test_what_a_rule_flags_is_told_with_its_limits(text: str, shown: str) -> None:
    assert with_values(text, {"tolerance": 0.5, "bands": [[0, 1]]}) == shown
