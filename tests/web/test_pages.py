"""The pages, asked for over HTTP, on a real warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.services.homes import a_home
from wattmark.local import services
from wattmark.settings import Settings
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
