"""The clerk's form and the description of the interface: over HTTP, and the form in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, HTTPException, Request
from fastapi.testclient import TestClient

from tests.unit.test_counter import LAKE, put
from tests.web.browser import CHROMIUM, browser
from tests.web.test_browser import served
from wattmark.settings import Settings, load_settings
from wattmark.web.counter_app import counter_app
from wattmark.web.counter_page import TEXTS
from wattmark.web.security import same_origin

FORM = {
    "account_id": "A1", "kind": "increase", "requested_kva": "", "works_materials_entered": "1", "needs_customer_works": "1",
    "equipment_list_provided": "1", "vat_documents_complete": "1", "do": "check", "language": "en",
}  # fmt: skip


def signed_in(request: Request) -> str:
    name = request.headers.get("x-user")
    if not name:
        raise HTTPException(401)
    return name


def may_work(request: Request) -> None:
    if request.headers.get("x-user") == "viewer":
        raise HTTPException(403, "Forbidden")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = load_settings(tmp_path_factory.mktemp("home"))
    put(made, LAKE)
    return made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    app = counter_app(
        settings,
        guards=[Depends(same_origin), Depends(signed_in), Depends(may_work)],
        lookers=[Depends(signed_in)],
        login=lambda request: "/sign-in",
        who=signed_in,
        checks_a_minute=1000,
    )
    headers = {"x-user": "anna", "accept": "text/html"}
    with TestClient(app, base_url="https://here.example", headers=headers, follow_redirects=False) as made:
        yield made


def said(html: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)))


def test_an_empty_form_is_shown_in_the_language_liked(client: TestClient) -> None:
    chinese = client.get("/", headers={"accept-language": "zh-CN"})
    assert chinese.status_code == 200
    assert chinese.headers["content-language"] == "zh" and '<html lang="zh-CN">' in chinese.text
    assert "户号" in chinese.text and "高供低计" in chinese.text
    assert "default-src 'none'" in chinese.headers["content-security-policy"]
    english = client.get("/?language=en", headers={"accept-language": "zh-CN"})
    assert "Account" in english.text and '<html lang="en">' in english.text


def test_an_account_is_looked_up(client: TestClient) -> None:
    page = client.post("/", data={**FORM, "do": "look", "language": "zh"})
    assert page.status_code == 200
    assert '<b id="now-contracted_kva">500</b>' in page.text
    for name, now in (("usage_category", "大工业"), ("tariff_code", "T1"), ("supply_kv", "10"), ("metering_mode", "高供高计"), ("demand_basis", "按容量")):  # fmt: skip
        assert f'<td id="now-{name}">{now}</td>' in page.text
    unknown = client.post("/", data={**FORM, "do": "look", "account_id": "nobody"})
    assert unknown.status_code == 422
    assert TEXTS["en"]["no_account"] in unknown.text and 'value="nobody"' in unknown.text


def test_nothing_wrong(client: TestClient) -> None:
    page = client.post("/", data=FORM)
    assert page.status_code == 200
    assert "Nothing is wrong. Rules that looked at it: 18; of these object: 0." in said(page.text)


@pytest.mark.parametrize(("language", "message"), [
    ("en", "10,500 kVA after the order (contracted 500 kVA) is outside the band of 0.38 kV (0 to 160 kVA)."),
    ("zh", "报装后容量 10500 kVA（合同容量 500 kVA）不在 0.38 kV 的允许范围（0 至 160 kVA）内。"),
])  # fmt: skip
def test_what_is_applied_for_is_judged_in_the_language_asked_for(
    client: TestClient, language: str, message: str
) -> None:
    asked = {**FORM, "requested_kva": "10,000", "supply_kv": "０．３８", "language": language}
    page = client.post("/", data=asked)
    assert page.status_code == 200
    assert message in said(page.text)
    assert {"ACC-02", "ACC-08", "ACC-09", "ACC-15"} <= set(re.findall(r"ACC-\d\d", page.text))
    # What was typed is still there, and what stands beside it.
    assert 'value="10,000"' in page.text and 'value="0.38"' in page.text
    if language == "zh":
        assert not re.search(
            r"[A-Za-z]{4,}", re.sub(r"ACC-\d\d|English|Wattmark", "", said(page.text.split("<main>")[1]))
        )


@pytest.mark.parametrize(
    ("changed", "field", "key"),
    [
        ({"account_id": ""}, "account_id", "missing"),
        ({"account_id": "nobody"}, "account_id", "no_account"),
        ({"requested_kva": "many"}, "requested_kva", "no_number"),
        ({"requested_kva": "-5"}, "requested_kva", "no_number"),
        ({"requested_kva": "0"}, "requested_kva", "no_number"),
        ({"requested_kva": "1e999"}, "requested_kva", "no_number"),
        ({"requested_kva": "5,00"}, "requested_kva", "no_number"),
        ({"supply_kv": "999999"}, "supply_kv", "no_number"),
        ({"tariff_code": "T9"}, "tariff_code", "no_tariff"),
        ({"metering_mode": "sideways"}, "metering_mode", "not_valid"),
        ({"kind": "theft"}, "kind", "not_valid"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_refused_input_keeps_what_was_typed(
    client: TestClient, changed: dict[str, str], field: str, key: str, language: Any
) -> None:
    typed = {**FORM, "language": language, "metering_kv": "0.38", **changed}
    page = client.post("/", data=typed)
    assert page.status_code == 422
    assert f'<span class="bad" id="{field}-wrong">{TEXTS[language][key]}</span>' in page.text
    assert 'aria-invalid="true"' in page.text and 'role="alert"' in page.text
    assert 'name="metering_kv" value="0.38"' in page.text
    if field not in ("kind", "metering_mode"):
        assert f'name="{field}" value="{changed[field]}"' in page.text
    assert "<section" not in page.text


def test_the_language_is_switched_without_losing_what_was_typed(client: TestClient) -> None:
    typed = {**FORM, "requested_kva": "77", "supply_kv": "x", "switch": "zh"}
    del typed["do"], typed["works_materials_entered"]
    page = client.post("/", data=typed)
    assert page.status_code == 200
    assert 'lang="zh-CN"' in page.text and 'value="77"' in page.text and 'value="x"' in page.text
    assert 'name="works_materials_entered" value="1">' in page.text
    assert 'name="needs_customer_works" value="1" checked>' in page.text
    assert "现状" in page.text and "aria-invalid" not in page.text


def test_what_was_typed_is_no_markup(client: TestClient) -> None:
    page = client.post("/", data={**FORM, "account_id": '"><script>alert(1)</script>'})
    assert page.status_code == 422 and "<script>" not in page.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://here.example"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"x-user": "viewer"}, 403),
        ({"x-user": ""}, 401),
    ],
)
def test_who_may_send_the_form(client: TestClient, headers: dict[str, str], status: int) -> None:
    answer = client.post("/", data=FORM, headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert "A1" not in answer.text and answer.headers["content-type"].startswith("text/html")


def test_who_only_looks_on_sees_the_empty_form_and_a_stranger_signs_in(client: TestClient) -> None:
    assert client.get("/", headers={"x-user": "viewer"}).status_code == 200
    stranger = client.get("/", headers={"x-user": ""})
    assert stranger.status_code == 303 and stranger.headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"a=" + b"x" * 60_000, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"a=1" for _ in range(200)), "application/x-www-form-urlencoded", 400),
        (b"account_id=\xff", "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 200),
    ],
)
def test_bodies_that_are_no_form(client: TestClient, content: bytes, kind: str, status: int) -> None:
    assert client.post("/", content=content, headers={"content-type": kind}).status_code == status


def test_before_the_first_night_nobody_is_known(tmp_path: Path) -> None:
    app = counter_app(load_settings(tmp_path), guards=[], who=lambda: "anna")
    with TestClient(app) as early:
        assert [early.get(path).status_code for path in ("/", "/docs", "/openapi.json")] == [200] * 3
        page = early.post("/", data=FORM)
    assert page.status_code == 422 and TEXTS["en"]["no_account"] in page.text


def test_the_example_of_the_interface_is_what_the_counter_answers(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/check"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["examples"]["increase"]["value"]
    answers = operation["responses"]["200"]["content"]["application/json"]["examples"]
    for language in ("en", "zh"):
        answer = client.post(f"/check?language={language}", json=example)
        assert answer.status_code == 200
        assert answer.json() == answers[f"increase_{language}"]["value"]
    found = [violation["rule_id"] for violation in answers["increase_en"]["value"]["violations"]]
    assert {"ACC-02", "ACC-15", "ACC-16", "ACC-18"} <= set(found)
    page = client.get("/docs").text
    assert json.loads(unescape(re.findall(r'<pre id="request"><code>(.*?)</code>', page, re.DOTALL)[0])) == example  # fmt: skip


def test_every_reference_of_the_interface_leads_somewhere(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    for name in re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)):
        assert name in schemas
    assert set(schemas["application"]["properties"]) >= {"service_order", "account", "changes"}
    changes = schemas["changes"]["properties"]
    assert set(changes) == {
        "usage_category",
        "tariff_code",
        "supply_kv",
        "metering_kv",
        "metering_mode",
        "demand_basis",
    }
    assert changes["metering_mode"]["enum"] == ["hv_hv", "hv_lv", "lv_lv"]
    assert "requested_kva" in client.get("/docs").text


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_a_clerk_fills_in_the_form_in_a_browser(settings: Settings, tmp_path: Path) -> None:
    app = counter_app(settings, guards=[Depends(same_origin)], lookers=[], who=lambda: "anna")

    with served(app) as address, browser() as tab:
        page = tab.page
        for width in (1200, 390):
            for dark in (False, True):
                seen = tab.look(f"{address}/?language=zh", width=width, dark=dark)
                assert (seen.status, seen.lang, seen.mains, seen.complaints) == (200, "zh-CN", 1, [])
                assert seen.wide <= 0
                assert tab.violations() == []
        page.fill("#account_id", "A1")
        page.click("button[value=look]")
        page.wait_for_function("document.getElementById('now-usage_category')?.innerText == '大工业'")
        page.fill("#requested_kva", "5000")
        page.fill("#supply_kv", "0.38")
        # Enter in a field checks, though the button to look up stands before the one to check.
        page.press("#supply_kv", "Enter")
        text = page.inner_text("#found")
        assert "报装后容量 5500 kVA（合同容量 500 kVA）不在 0.38 kV 的允许范围（0 至 160 kVA）内。" in text
        assert page.input_value("#requested_kva") == "5000"
        assert tab.violations() == []
        page.click("button[name=switch]")
        page.wait_for_function("document.documentElement.lang == 'en'")
        assert page.input_value("#requested_kva") == "5000"
        seen = tab.look(f"{address}/docs", width=390)
        assert (seen.status, seen.mains, seen.complaints) == (200, 1, []) and seen.wide <= 0
        assert tab.violations() == []
