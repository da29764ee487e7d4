"""The counter over HTTP: who may ask, how much, in which language, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, HTTPException, Request
from fastapi.testclient import TestClient

from tests.unit.test_counter import LAKE, ORDER, put
from wattmark.settings import Settings, load_settings
from wattmark.web.counter_app import counter_app, language_of
from wattmark.web.security import same_origin

BAD = {"service_order": {**ORDER, "works_materials_entered": False}}


def signed_in(request: Request) -> str:
    name = request.headers.get("x-user")
    if not name:
        raise HTTPException(401)
    return name


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = load_settings(tmp_path_factory.mktemp("home"))
    put(made, LAKE)
    return made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    guards = [Depends(same_origin), Depends(signed_in)]
    app = counter_app(settings, guards=guards, who=signed_in, checks_a_minute=1000, max_body_bytes=20_000)
    with TestClient(app, base_url="https://here.example", headers={"x-user": "anna"}) as made:
        yield made


def test_violations_in_english_and_chinese(client: TestClient) -> None:
    english = client.post("/check", json=BAD)
    assert english.status_code == 200
    assert english.headers["cache-control"] == "no-store"
    (violation,) = english.json()["violations"]
    assert violation["rule_id"] == "ACC-10"
    assert violation["message"] == "The materials of the customer's works are not entered."
    assert len(english.json()["checked"]) == 18
    chinese = client.post("/check", json=BAD, headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    assert chinese.json()["violations"][0]["message"] == "受电工程材料信息未录入。"
    assert chinese.headers["content-language"] == "zh"
    asked = client.post("/check?language=en", json=BAD, headers={"accept-language": "zh-CN"})
    assert asked.json()["violations"][0]["title"] == "Works materials not entered"


def test_nothing_wrong(client: TestClient) -> None:
    assert client.post("/check", json={"service_order": ORDER}).json()["violations"] == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"\xff\xfe", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"[" * 15000, "headers": {"content-type": "application/json"}}, 400),
        ({"json": []}, 400),
        ({"json": {}}, 422),
        ({"json": {"service_order": {**ORDER, "kind": "x"}}}, 422),
        ({"json": {"service_order": ORDER, "changes": {"supply_kv": "x"}}}, 422),
        ({"json": {"service_order": ORDER, "changes": {"supply_kv": 35}}}, 200),
        ({"json": {"service_order": ORDER, "fill": "x" * 20_000}}, 413),
        ({"content": json.dumps(BAD), "headers": {"content-type": "text/plain"}}, 415),
    ],
)
def test_bad_bodies(client: TestClient, sent: dict[str, Any], status: int) -> None:
    assert client.post("/check", **sent).status_code == status


def test_a_body_without_length_is_cut_off(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 1000

    answer = client.post("/check", content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_problems_name_places_and_no_values(client: TestClient) -> None:
    answer = client.post("/check", json={"service_order": {**ORDER, "requested_kva": "13812345678x"}})
    assert answer.json()["problems"][0]["where"] == "service_order[0].requested_kva"
    assert "13812345678" not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://here.example"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "https://here.example.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"x-user": ""}, 401),
    ],
)
def test_who_may_post(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert client.post("/check", json=BAD, headers=headers).status_code == status


def test_other_routes_are_closed(client: TestClient) -> None:
    assert client.get("/check").status_code == 405
    assert [client.get(path).status_code for path in ("/redoc", "/docs/oauth2-redirect", "/x")] == [404] * 3


def test_each_user_has_a_limit(settings: Settings) -> None:
    app = counter_app(settings, guards=[], who=signed_in, checks_a_minute=2)
    with TestClient(app) as limited:
        codes = [limited.post("/check", json={}, headers={"x-user": "anna"}).status_code for _ in range(3)]
        other = limited.post("/check", json={}, headers={"x-user": "bert"}).status_code
    assert codes == [422, 422, 429]
    assert other == 422


def test_airflow_guards_refuse_whoever_is_not_signed_in(tmp_path: Path) -> None:
    app = counter_app(load_settings(tmp_path))
    with TestClient(app) as unknown:
        assert unknown.post("/check", json={}).status_code == 401
        assert unknown.post("/", data={}).status_code == 401
        assert [unknown.get(path).status_code for path in ("/", "/docs", "/openapi.json")] == [401] * 3


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("zh", "zh"), ("en-GB,zh;q=0.9", "en"), ("fr,zh-TW;q=0.5,en;q=0.4", "zh"),
        ("zh;q=0,en;q=0.1", "en"), ("zh;q=x", "en"), ("de", "en"), (",,;", "en"),
    ],
)  # fmt: skip
def test_language(header: str, language: str) -> None:
    assert language_of(header) == language


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"service_order": {"order_id": "\\ud800"}}', {}),
        (b'{"service_order": {"requested_kva": NaN}}', {}),
        (b'{"service_order": {"requested_kva": 1e999}}', {}),
        (b'{"service_order": {"requested_kva": -Infinity}}', {}),
        (b"9" * 5000, {}),
        (b"\xff\xfe{}", {}),
        (b"[" * 15_000, {}),
    ],
)
def test_what_is_no_json_is_said_to_be_none(settings: Settings, body: bytes, headers: dict[str, str]) -> None:
    app = counter_app(settings, guards=[], who=signed_in, max_body_bytes=20_000)
    with TestClient(app, headers={"x-user": "anna"}, raise_server_exceptions=False) as client:
        answer = client.post("/check", content=body, headers={"content-type": "application/json", **headers})
        assert answer.status_code == 400


@pytest.mark.parametrize("length", ["9" * 5000, "20001", "\u00b2"])
def test_an_odd_length_is_no_server_error(settings: Settings, length: str) -> None:
    app = counter_app(settings, guards=[], who=signed_in, max_body_bytes=20_000)
    with TestClient(app, headers={"x-user": "anna"}, raise_server_exceptions=False) as client:
        answer = client.post(
            "/check",
            content=b"{}",
            headers={  # type: ignore[arg-type]
                b"content-type": b"application/json",
                b"content-length": length.encode("latin-1"),
            },
        )
        assert answer.status_code < 500
