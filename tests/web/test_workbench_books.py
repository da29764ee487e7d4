"""Accounts, key figures and what is kept beside the cases: who sees whose data, what each page shows, what changes."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from pathlib import Path
from typing import Any

import psycopg
import pypdf
import pytest
from deltalake import write_deltalake
from fastapi.testclient import TestClient

from tests.web.desk_data import (
    ABROAD,
    APPROVER,
    OTHER,
    PERIOD,
    VIEWER,
    WORKER,
    a_case,
    columns_or_none,
    months,
    put,
)
from tests.web.test_workbench import ORIGIN, as_, page, sent, stands
from wattmark.settings import Settings

NAME = "Chen Grain Mill"


def looks(warehouse: psycopg.Connection[Any]) -> list[tuple[str, str, str]]:
    return warehouse.execute(
        "SELECT login, page, account_id FROM ops.personal_look ORDER BY look_id"
    ).fetchall()


def search(client: TestClient, find: str, login: str = WORKER) -> str:
    answer = client.post("/accounts/", headers=as_(login, **ORIGIN), data={"find": find})
    assert answer.status_code == 200
    return html.unescape(answer.text)


@pytest.mark.parametrize(
    "find", ["A1", "grain mill", "1 Mill Lane", "138-0000 1111", "+86 138 0000 1111", "1111"]
)
def test_an_account_is_found_by_number_name_address_or_telephone_and_the_look_is_logged(
    client: TestClient, warehouse: Any, find: str
) -> None:
    text = search(client, find)
    assert re.findall(r'href="/accounts/(\w+)/', text) == ["A1"]
    assert NAME in text
    assert looks(warehouse) == [(WORKER, "search", "A1")]


def test_who_may_not_see_persons_finds_by_number_alone(client: TestClient, warehouse: Any) -> None:
    assert re.findall(r'href="/accounts/(\w+)/', search(client, "A1", VIEWER)) == ["A1"]
    assert NAME not in search(client, "A1", VIEWER)
    assert "No account is found" in search(client, "Grain", VIEWER)
    assert "No account is found" in search(client, "1111", VIEWER)
    sheet = page(client, "/accounts/A1/", VIEWER)
    assert NAME not in sheet and "Mill Lane" not in sheet and "does not see personal data" in sheet
    assert client.post("/accounts/A1/", headers=as_(VIEWER, **ORIGIN), data={"x": ""}).status_code == 403
    assert looks(warehouse) == []


def test_nobody_finds_an_account_of_another_unit(client: TestClient, warehouse: Any) -> None:
    assert "No account is found" in search(client, "South Dairy") and "No account is found" in search(
        client, "A3"
    )
    page(client, "/accounts/A3/", WORKER, 404)
    page(client, "/accounts/A1/", ABROAD, 404)
    assert (
        client.post("/accounts/A3/extract.pdf", headers=as_(WORKER, **ORIGIN), data={"x": ""}).status_code
        == 404
    )
    short = client.post("/accounts/", headers=as_(WORKER, **ORIGIN), data={"find": "%"})
    assert short.status_code == 422
    # What stands for anything in a database stands for itself here.
    assert "No account is found" in search(client, "%%") and "No account is found" in search(client, "__")
    assert looks(warehouse) == []


def test_the_sheet_holds_everything_and_traces_it_both_ways(
    client: TestClient, warehouse: Any, desk_settings: Settings
) -> None:
    import pyarrow as pa

    bill = {"bill_id": ["B1", "B0"], "account_id": ["A1", "A1"], "period": [PERIOD, dt.date(2026, 8, 1)], "tariff_code": ["T1"] * 2, "metered_kwh": [1000.0, 1010.0],
            "billed_kwh": [1000.0, 1010.0], "total_amount": [650.0, 651.0], "issued_at": [dt.datetime(2026, 10, 1), dt.datetime(2026, 9, 1)],
            "due_on": [dt.date(2026, 10, 20), dt.date(2026, 9, 20)], "corrects_bill_id": pa.nulls(2, pa.string()), "staff_id": ["S9", "S9"]}  # fmt: skip
    write_deltalake(desk_settings.lake / "accepted" / "bill", pa.table(bill))
    write_deltalake(
        desk_settings.lake / "landing" / "bill",
        pa.table({**bill, "_file": ["bill-10.csv", "bill-09.csv"], "_position": [4, 11]}),
    )
    case_id = a_case(warehouse)
    text = page(client, "/accounts/A1/")
    assert "Readings of 24 months" in text and "Bills and what was paid" in text
    assert len(re.findall(r"<td[^>]*>1,\d\d0</td>", text)) >= 24 and ">2024-09<" not in text
    row = re.search(r"<td[^>]*>B1</td>.*?</tr>", text)
    # Back to the file and the row, forward to the case that was made of it; the bill of August went into none.
    assert row and "bill-10.csv:5" in row[0] and f'href="/cases/{case_id}/' in row[0]
    before = re.search(r"<td[^>]*>B0</td>.*?</tr>", text)
    assert before and "bill-09.csv:12" in before[0] and "/cases/" not in before[0]
    assert "PAY-7" in text and "active energy" in text
    assert looks(warehouse) == []
    whole = client.post("/accounts/A1/", headers=as_(WORKER, **ORIGIN), data={"x": ""})
    assert whole.status_code == 200 and NAME in whole.text and "1 Mill Lane" in whole.text
    assert looks(warehouse) == [(WORKER, "account", "A1")]


def test_the_extract_is_a_pdf_with_the_name_for_who_may_see_it(client: TestClient, warehouse: Any) -> None:
    a_case(warehouse)

    def text_of(login: str, language: str = "en") -> str:
        answer = client.post(
            f"/accounts/A1/extract.pdf?language={language}", headers=as_(login, **ORIGIN), data={"x": ""}
        )
        assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf"
        text = "\n".join(sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(answer.content)).pages)
        return text.replace("\x00", "")

    said = text_of(WORKER)
    assert (
        NAME in said
        and "A1" in said
        and "PAY-7" in said
        and "5,210" in said
        and "TAR-01" in said
        and WORKER in said
    )
    assert looks(warehouse) == [(WORKER, "extract", "A1")]
    assert NAME not in text_of(VIEWER)
    assert "本期起度" in text_of(WORKER, "zh")


def test_a_look_stays_written(client: TestClient, warehouse: Any) -> None:
    search(client, "A1")
    for statement in (
        "DELETE FROM ops.personal_look",
        "UPDATE ops.personal_look SET login = 'x'",
        "TRUNCATE ops.personal_look",
    ):
        with pytest.raises(psycopg.errors.RaiseException):
            warehouse.execute(statement)


def test_a_case_is_opened_by_hand_and_from_a_finding(client: TestClient, warehouse: Any) -> None:
    form = {"account_id": "A1", "severity": "low", "why": "The customer called."}
    made = client.post("/cases/new/", headers=as_(WORKER, **ORIGIN), data=form)
    assert made.status_code == 303
    assert stands(warehouse, "MANUAL:account:A1/1") == ("open", 1)
    # An id with a stroke in it is an address like any other.
    assert "The customer called." in page(client, made.headers["location"])
    assert sent(client, "MANUAL:account:A1/1", WORKER, 1, "take").status_code == 303
    refused = client.post("/cases/new/", headers=as_(VIEWER, **ORIGIN), data=form)
    assert refused.status_code == 422 and 'value="The customer called."' in refused.text
    abroad = client.post("/cases/new/", headers=as_(WORKER, **ORIGIN), data={**form, "account_id": "A3"})
    assert abroad.status_code == 422
    warehouse.execute("DELETE FROM mart.audit_exception")
    put(warehouse, "mart.audit_exception", {
        "rule_id": "COL-01", "subject_type": "payment", "subject_id": "PAY-7", "period": PERIOD, "account_id": "A1", "org_unit_id": "U1", "severity": "low",
        "kind": "listing", "evidence": {"amount": 5}, "message_en": "Look at it.",
    })  # fmt: skip
    link = re.search(r'href="(/cases/new/[^"]+)">Open a case from it', page(client, "/accounts/A1/"))
    assert link and "PAY-7" in page(client, link[1])
    given = {
        "rule_id": "COL-01",
        "subject_type": "payment",
        "subject_id": "PAY-7",
        "period": "2026-09-01",
        "why": "Looked at.",
    }
    assert client.post("/cases/new/", headers=as_(WORKER, **ORIGIN), data=given).status_code == 303
    after = page(client, "/accounts/A1/")
    assert "Open a case from it" not in after and "Look at it." in after
    # Of one finding there is one case.
    again = client.post("/cases/new/", headers=as_(WORKER, **ORIGIN), data=given)
    assert again.status_code in (409, 422) and 'value="Looked at."' in again.text
    wrong = client.post("/cases/new/", headers=as_(WORKER, **ORIGIN), data={**given, "period": "soon"})
    assert wrong.status_code == 422


def test_a_cause_is_named_and_taken_off_again(client: TestClient, warehouse: Any) -> None:
    cause, effect = (
        a_case(warehouse, "M1"),
        a_case(warehouse, "PAY-7", rule_id="COL-01", subject_type="payment"),
    )
    text = page(client, f"/cases/{effect}/", APPROVER)
    assert f'<option value="{cause}"' in text
    assert sent(client, effect, APPROVER, 1, "link", root_cause_case_id=cause).status_code == 303
    assert "hung by hand" in page(client, f"/cases/{effect}/") and effect in page(client, f"/cases/{cause}/")
    assert sent(client, effect, WORKER, 2, "unlink", root_cause_case_id=cause).status_code == 422
    assert sent(client, effect, APPROVER, 2, "unlink", root_cause_case_id=cause).status_code == 303


def test_logins_are_entered_within_the_own_tree_by_approvers(client: TestClient, warehouse: Any) -> None:
    def change(by: str, **fields: str) -> int:
        return client.post("/cases/logins/", headers=as_(by, **ORIGIN), data=fields).status_code

    new = {"login": "new", "role": "worker", "org_unit_id": "U1", "staff_id": ""}
    assert "vera" in page(client, "/cases/logins/", OTHER) and "sun" not in page(
        client, "/cases/logins/", OTHER
    )
    assert change(WORKER, **new) == 422
    assert change(OTHER, **{**new, "org_unit_id": "U2"}) == 422
    assert change(OTHER, **{**new, "login": ABROAD}) == 422
    assert change(OTHER, login=OTHER, role="approver", org_unit_id="U1", staff_id="") == 422
    assert change(OTHER, **{**new, "role": "king"}) == 422
    assert change(OTHER, **{**new, "staff_id": "S99"}) == 422
    assert change(OTHER, **new) == 303
    assert warehouse.execute("SELECT role FROM ops.staff_login WHERE login = 'new'").fetchone() == ("worker",)
    assert change(ABROAD, login="new", do="remove") == 422
    assert change(OTHER, login="new", do="remove") == 303
    assert warehouse.execute("SELECT COUNT(*) FROM ops.staff_login").fetchone() == (5,)


def test_exemptions_are_listed_with_their_cases(client: TestClient, warehouse: Any) -> None:
    case_id = a_case(warehouse)
    for from_on, until_on in (("2025-01-01", "2025-06-30"), ("2026-10-01", "2027-03-31")):
        warehouse.execute(
            "INSERT INTO ops.exemption VALUES ('TAR-01', 'metering_point', 'M1', %s, %s, 120.5, %s)",
            [from_on, until_on, case_id],
        )
    text = page(client, "/cases/exemptions/")
    assert (
        "2027-03-31 · holds" in text and "2025-06-30 · ran out" in text and f'href="/cases/{case_id}/' in text
    )
    assert case_id not in page(client, "/cases/exemptions/", ABROAD)


def test_what_rules_bring_and_who_decides_about_them(client: TestClient, warehouse: Any) -> None:
    warehouse.execute("DROP TABLE IF EXISTS mart.rule_performance")
    assert "TAR-01" in page(client, "/cases/rules/")
    performance = {
        "span": "text", "period": "date", "opened": "int", "decided": "int", "confirmed": "int", "dismissed": "int", "vanished": "int", "confirmed_share": "float",
        "confirmed_share_low": "float", "confirmed_share_high": "float", "unbiased_share": "float", "recovered_amount": "numeric", "hours": "numeric",
        "amount_per_hour": "float", "reopened": "int", "is_in_question": "bool",
    }  # fmt: skip
    columns = columns_or_none("mart.rule_performance") or {"rule_id": "text", **performance}
    warehouse.execute(
        f"CREATE TABLE mart.rule_performance ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
    )
    put(warehouse, "mart.rule_performance", {
        "rule_id": "TAR-01", "span": "year", "period": dt.date(2026, 1, 1), "opened": 60, "decided": 40, "confirmed": 2, "dismissed": 38, "vanished": 1,
        "confirmed_share": 0.05, "confirmed_share_low": 0.01, "confirmed_share_high": 0.165, "recovered_amount": 100, "hours": 20, "amount_per_hour": 5,
        "reopened": 0, "is_in_question": True,
    })  # fmt: skip
    text = page(client, "/cases/rules/")
    assert "Proposed to tighten or retire it" in text and "5%" in text and "16.5%" in text
    form = {"decision": "tighten", "why": "Two of forty."}
    assert client.post("/cases/rules/TAR-01/", headers=as_(WORKER, **ORIGIN), data=form).status_code == 422
    assert (
        client.post(
            "/cases/rules/TAR-01/", headers=as_(APPROVER, **ORIGIN), data={**form, "why": ""}
        ).status_code
        == 422
    )
    assert (
        client.post(
            "/cases/rules/TAR-01/", headers=as_(APPROVER, Origin="http://x.example"), data=form
        ).status_code
        == 403
    )
    assert client.post("/cases/rules/TAR-01/", headers=as_(APPROVER, **ORIGIN), data=form).status_code == 303
    assert "tighten</b>: Two of forty." in page(client, "/cases/rules/TAR-01/", WORKER)
    page(client, "/cases/rules/TAR-99/", WORKER, 404)
    # Nothing was audited in this home: the preview says so.
    assert "no audit has run" in page(client, "/cases/rules/TAR-01/?p_tolerance=0.1", WORKER, 422)
    warehouse.execute("DROP TABLE mart.rule_performance")


def test_key_figures_show_trend_rank_the_weakest_and_what_moved_one(
    client: TestClient, warehouse: Any
) -> None:
    assert "No key figures" in page(client, "/figures/")
    warehouse.execute(
        "CREATE TABLE mart.audit_kpi (level text, id text, span text, period date, kpi text, numerator float, denominator float, value float, standard float, score float, weight float, covered_weight float, rank int, too_few bool, open_cases int, at_stake_amount numeric)"
    )
    warehouse.execute(
        "CREATE TABLE mart.audit_kpi_change (level text, id text, span text, period date, kpi text, child_id text, contribution float)"
    )
    warehouse.execute(
        "CREATE TABLE mart.dim_kpi (kpi text, title_en text, title_zh text, description text, post text, better text, form text)"
    )
    put(
        warehouse, "mart.dim_kpi",
        {"kpi": "reading_rate", "title_en": "Points read", "title_zh": "实抄率", "post": "meter_reader", "better": "high", "form": "share"},
        {"kpi": "receivable_days", "title_en": "Days of receivables", "title_zh": "应收余额天数", "post": "collection", "better": "low", "form": "days"},
    )  # fmt: skip
    for unit, value in (("P", 0.97), ("U1", 0.91), ("U2", 0.99)):
        for at, period in enumerate(months(PERIOD, 3)):
            row = {
                "level": "org_unit",
                "id": unit,
                "span": "month",
                "period": period,
                "kpi": "reading_rate",
                "value": value - at / 100,
                "standard": 0.995,
                "score": 40 - at,
                "rank": 2,
            }
            put(
                warehouse,
                "mart.audit_kpi",
                row,
                {**row, "kpi": "receivable_days", "value": 20 + at, "score": 80},
                {**row, "kpi": "composite", "value": 61.5, "score": None},
            )
    put(
        warehouse,
        "mart.audit_kpi_change",
        *(
            {
                "level": "org_unit",
                "id": "P",
                "span": "month",
                "period": PERIOD,
                "kpi": "reading_rate",
                "child_id": child,
                "contribution": given,
            }
            for child, given in (("U1", -0.03), ("U2", 0.01), ("self", 0.0025))
        ),
    )
    text = page(client, "/figures/", APPROVER)
    assert (
        re.search(r"weakest:.*Points read.*97%", text)
        and "↑ 1%" in text
        and "↓ 1.0" in text
        and "61.5" in text
    )
    shown = page(client, "/figures/?kpi=reading_rate", APPROVER)
    moved = shown[shown.index("What moved it") :]
    assert moved.index("North station") < moved.index("South station") < moved.index("the unit itself")
    assert "-3%" in moved and "0.25%" in moved and shown.count('class="point') == 3
    down = re.search(r'href="(/figures/\?[^"]*unit=U1[^"]*)"', moved)
    assert down and "91%" in page(client, down[1], APPROVER)
    page(client, "/figures/?unit=P", WORKER, 404)
    page(client, "/figures/?kpi=none", APPROVER, 404)
    assert "实抄率" in page(client, "/figures/?language=zh", APPROVER)
    warehouse.execute("DROP TABLE mart.audit_kpi, mart.audit_kpi_change, mart.dim_kpi")


def test_every_word_of_the_pages_is_there_in_both_languages(desk_settings: Settings) -> None:
    from wattmark.cases.words import load_words

    words = load_words(desk_settings.include / "cases" / "words.yaml")
    folder = Path(__file__).parents[2] / "src" / "wattmark" / "web"
    used = set()
    for file in [*folder.glob("templates/workbench/*.html"), *folder.glob("workbench/*.py")]:
        used |= set(re.findall(r"\bt\('(\w+)'(?: if|[,)])|desk\.text\(['\"](\w+)['\"]", file.read_text()))
    # Those that end in a stroke are completed by a code.
    assert {pair or other for pair, other in used if not (pair or other).endswith("_")} <= set(words["text"])
    for kind, of in words.items():
        for key, told in of.items():
            assert set(told) == {"en", "zh"} and all(told.values()), (kind, key)
            assert set(re.findall(r"\{\w+\}", told["en"])) == set(re.findall(r"\{\w+\}", told["zh"])), (
                kind,
                key,
            )
