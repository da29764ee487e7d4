"""The inbox and the case page over HTTP: who sees what, what stands there, what a sent form does."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import html
import io
import re
from typing import Any

import openpyxl
import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.rows import dict_row

from tests.web.desk_data import ABROAD, APPROVER, OTHER, STRANGER, VIEWER, WORKER, a_case
from wattmark.cases.model import CaseError, load_steps
from wattmark.settings import Settings
from wattmark.web.workbench import act
from wattmark.web.workbench.desk import Desk, person_of

PROPOSAL = {"treatment": "rebill", "amount": "120.50", "responsible_org_unit_id": "U1", "hours": "0.5"}
TO_WORKER = ("assign", "assigned", "night", {"org_unit_id": "U1", "staff_id": "S2"})
STEPS = (
    "assign", "take", "propose_confirm", "propose_dismiss", "approve", "return", "start", "done", "hand_back", "accept", "add_work", "file",
    "reopen", "note", "move", "extend", "release",
)  # fmt: skip
ORIGIN = {"Origin": "http://testserver"}


def as_(login: str, **more: str) -> dict[str, str]:
    return {"x-login": login, **more}


def page(client: TestClient, path: str, login: str = WORKER, status: int = 200) -> str:
    answer = client.get(path, headers=as_(login))
    assert answer.status_code == status, answer.text
    return html.unescape(answer.text)


def sent(client: TestClient, case_id: str, login: str, version: int, step: str, **fields: str) -> Any:
    data = {"version": str(version), "step": step, **fields}
    return client.post(f"/cases/{case_id}/", headers=as_(login, **ORIGIN), data=data)


def stands(warehouse: psycopg.Connection[Any], case_id: str) -> tuple[str, int]:
    row = warehouse.execute(
        "SELECT state, version FROM ops.audit_case WHERE case_id = %s", [case_id]
    ).fetchone()
    assert row
    return row[0], row[1]


def listed(text: str) -> list[str]:
    return [value.split(" ")[0] for value in re.findall(r'name="case" value="([^"]+)"', text)]


def chips(text: str) -> dict[str, int]:
    return {
        name.strip(): int(count)
        for name, count in re.findall(r'class="chip[^"]*" href="[^"]*">([^<]+)<b>(\d+)</b>', text)
    }


def test_a_login_without_an_entry_sees_a_page_that_says_so_and_nothing_else(
    client: TestClient, warehouse: Any
) -> None:
    case_id = a_case(warehouse)
    for path in (
        "/cases/",
        f"/cases/{case_id}/",
        "/cases/list.csv",
        "/cases/next/",
        "/accounts/",
        "/accounts/A1/",
    ):
        text = page(client, path, STRANGER, 403)
        assert "no entry among the staff" in text and STRANGER in text
        assert "M1" not in text and "North station" not in text
    for path in (
        f"/cases/{case_id}/",
        "/cases/bulk/",
        "/accounts/",
        "/accounts/A1/",
        "/accounts/A1/extract.pdf",
    ):
        answer = client.post(
            path, headers=as_(STRANGER, **ORIGIN), data={"find": "Chen", "step": "take", "version": "1"}
        )
        assert answer.status_code == 403 and "Chen" not in answer.text.replace('value="Chen"', "")
    assert stands(warehouse, case_id) == ("open", 1)


def test_the_inbox_shows_mine_my_units_and_all_i_may_see(client: TestClient, warehouse: Any) -> None:
    mine = a_case(warehouse, "M1", [TO_WORKER], assigned_to="S2")
    theirs = a_case(warehouse, "M2")
    abroad = a_case(warehouse, "M3", account_id="A3", org_unit_id="U2", assigned_org_unit_id="U2")
    assert listed(page(client, "/cases/?view=mine")) == [mine]
    assert set(listed(page(client, "/cases/?view=unit"))) == {mine, theirs}
    assert set(listed(page(client, "/cases/?view=all"))) == {mine, theirs}
    assert set(listed(page(client, "/cases/?view=all", APPROVER))) == {mine, theirs, abroad}
    assert listed(page(client, "/cases/?view=all", ABROAD)) == [abroad]
    page(client, f"/cases/{mine}/", ABROAD, 404)
    page(client, "/cases/TAR-01:metering_point:none:2026-09/", APPROVER, 404)
    assert client.get("/cases/a%00b/", headers=as_(APPROVER)).status_code == 404


def test_filters_are_links_whose_counts_are_what_they_lead_to(client: TestClient, warehouse: Any) -> None:
    a_case(
        warehouse, "M1", severity="high", at_stake_amount=decimal.Decimal(20_000), due_on=dt.date(2026, 10, 1)
    )
    a_case(warehouse, "M2", severity="high", at_stake_amount=None, opened_on=dt.date(2026, 6, 1))
    a_case(
        warehouse,
        "P9",
        rule_id="COL-01",
        subject_type="payment",
        severity="low",
        at_stake_amount=decimal.Decimal(-5),
    )
    text = page(client, "/cases/")
    for link, count in re.findall(r'class="chip" href="([^"]+)">[^<]+<b>(\d+)</b>', text):
        assert len(listed(page(client, link.replace("&amp;", "&")))) == int(count), link
    assert {"high": 2, "low": 1, "overdue": 1, "10,000 and more": 1, "without money": 1}.items() <= chips(
        text
    ).items()
    within = page(client, "/cases/?severity=high&money=large")
    assert listed(within) == ["TAR-01:metering_point:M1:2026-09"]
    # What another choice of the same kind would show is still said.
    assert chips(within)["without money"] == 1
    assert listed(page(client, "/cases/?rule_id=COL-01")) == ["COL-01:payment:P9:2026-09"]
    assert listed(page(client, "/cases/?find=P9")) == ["COL-01:payment:P9:2026-09"]
    assert "No case is like this" in page(client, "/cases/?state=closed&severity=low")
    # An address that nobody made shows the list, never an error.
    assert len(listed(page(client, "/cases/?view=x&sort=;drop&page=-1&state=&unit="))) == 3


def test_the_order_follows_what_is_asked_and_effects_stand_under_their_cause(
    client: TestClient, warehouse: Any
) -> None:
    small = a_case(warehouse, "M1", at_stake_amount=decimal.Decimal(5), due_on=dt.date(2026, 10, 20))
    large = a_case(warehouse, "M2", at_stake_amount=decimal.Decimal(-900), due_on=dt.date(2026, 10, 30))
    effect = a_case(
        warehouse, "M3", root_cause_case_id=large, cause_kind="effect_of", due_on=dt.date(2026, 10, 18)
    )
    assert listed(page(client, "/cases/?sort=due")) == [small, large]
    text = page(client, "/cases/?sort=money")
    assert listed(text) == [large, small]
    assert "1 follow from it" in text
    assert effect in listed(page(client, "/cases/?effects=1"))
    assert "What follows from it" in page(client, f"/cases/{large}/")
    of_effect = page(client, f"/cases/{effect}/")
    assert "follows from it" in of_effect and large in of_effect


def test_what_was_sent_back_or_found_again_is_on_top_and_says_why(client: TestClient, warehouse: Any) -> None:
    proposed = (
        "propose_confirm",
        "proposed",
        WORKER,
        {"treatment": "rebill", "amount": 1, "responsible_org_unit_id": "U1", "hours": 1},
    )
    a_case(warehouse, "M1", severity="high", due_on=dt.date(2026, 10, 1))
    back = a_case(
        warehouse,
        "M2",
        [TO_WORKER, proposed, ("return", "assigned", APPROVER, {"why": "August was not looked at."})],
        severity="low",
        assigned_to="S2",
    )
    again = a_case(
        warehouse,
        "M3",
        [("verify", "verified", "night", {}), ("reopen", "reopened", "night", {"due_on": "2026-10-20"})],
        severity="low",
    )
    decided = a_case(
        warehouse,
        "M4",
        [TO_WORKER, proposed, ("return", "assigned", APPROVER, {"why": "Once more."}), proposed],
        severity="low",
        assigned_to="S2",
    )
    text = page(client, "/cases/")
    assert set(listed(text)[:2]) == {back, again}
    assert listed(text)[-1] == decided and "Once more." not in text
    assert "August was not looked at. by ling" in text and "the night found it again" in text
    assert "August was not looked at." in page(client, f"/cases/{back}/").split("<dl")[0]


def test_the_weeks_list_says_why_each_case_was_chosen(client: TestClient, warehouse: Any) -> None:
    cases = [a_case(warehouse, f"M{at}") for at in range(3)]
    for rank, (case_id, chosen) in enumerate(zip(cases, ("value", "random", "due"), strict=True)):
        warehouse.execute(
            "INSERT INTO ops.audit_worklist VALUES ('2026-10-12', %s, 'U1', 'billing', %s, %s, 0.125, 60.25, 0.5)",
            [case_id, 3 - rank, chosen],
        )
    text = page(client, "/cases/?view=week")
    assert listed(text) == cases[::-1]
    assert "Week of 2026-10-12" in text and "drawn by lot (12.5%)" in text
    assert "60.25 expected for 0.5 h" in text and "due this week or overdue" in text
    assert listed(page(client, "/cases/?view=week", ABROAD)) == []


def test_pages_of_a_long_list_and_the_next_one(client: TestClient, warehouse: Any) -> None:
    cases = [a_case(warehouse, f"M{at:03}", at_stake_amount=decimal.Decimal(1000 - at)) for at in range(60)]
    first, second = (listed(page(client, f"/cases/?sort=money&page={number}")) for number in (1, 2))
    assert first + second == cases
    assert listed(page(client, "/cases/?sort=money&all=1")) == cases
    shown = page(client, f"/cases/{cases[0]}/?list_sort=money")
    link = re.search(r'class="next" href="([^"]+)"', shown)
    assert link
    answer = client.get(link[1], headers=as_(WORKER))
    assert answer.status_code == 303 and answer.headers["location"].startswith(f"/cases/{cases[1]}/?")
    last = client.get("/cases/next/", params={"after": cases[-1], "sort": "money"}, headers=as_(WORKER))
    assert last.headers["location"].startswith("/cases/?")


def test_a_case_shows_words_values_rows_bill_charts_history_and_log(
    client: TestClient, warehouse: Any
) -> None:
    other = a_case(warehouse, "PAY-7", rule_id="COL-01", subject_type="payment")
    case_id = a_case(warehouse, steps=[TO_WORKER], assigned_to="S2")
    text = page(client, f"/cases/{case_id}/")
    assert "begins at 5,210; the period before ended at 5,190 (tolerance 0.5)" in text
    assert "By more than 0.5." in text and "Compare the photos." in text
    assert (
        "<dt>end of the period before</dt><dd>5,190</dd>" in text and "<dt>tolerance</dt><dd>0.5</dd>" in text
    )
    assert "120.50 owed to the utility" in text
    assert "mart.fct_reading" in text and '<td class="n">5,210</td>' in text.replace(' id"', '"')
    assert re.search(r"energy</td>.*1,000.*900.*650\.00.*585\.00.*wrong", text, re.DOTALL)
    assert text.count('role="img"') == 2 and text.count("<rect") == 12 - 1 + 10
    assert "2026-03" in text and ">11</td>" in text
    assert other in text
    assert text.index("Open a case</b> · the night") < text.index("<b>Assign</b> · the night")
    chinese = page(client, f"/cases/{case_id}/?language=zh")
    assert (
        'lang="zh-CN"' in chinese
        and "本期起度 5210，上期止度 5190" in chinese
        and "超过 0.5 时。" in chinese
        and "待核查" in chinese
    )
    assert f'href="/cases/{case_id}/?language=en' in chinese.replace("&amp;", "&")


def test_cases_of_other_units_are_not_named_on_a_case_that_may_be_seen(
    client: TestClient, warehouse: Any
) -> None:
    theirs = a_case(warehouse, "M2", org_unit_id="U2", assigned_org_unit_id="U2", message_en="Of the south.")
    case_id = a_case(warehouse, root_cause_case_id=theirs, cause_kind="person")
    a_case(
        warehouse,
        "M3",
        org_unit_id="U2",
        assigned_org_unit_id="U2",
        root_cause_case_id=case_id,
        message_en="Of the south.",
    )
    assert "Of the south." not in page(client, f"/cases/{case_id}/")
    assert "Of the south." in page(client, f"/cases/{case_id}/", APPROVER)


def test_a_case_is_taken_proposed_approved_mended_and_filed_by_those_who_may(
    client: TestClient, warehouse: Any
) -> None:
    case_id = a_case(warehouse, severity="high", own_staff_ids=("S3",))
    done = sent(client, case_id, WORKER, 1, "take")
    assert done.status_code == 303
    assert "Done: Take it." in page(client, done.headers["location"])
    assert (
        sent(client, case_id, WORKER, 2, "propose_confirm", **PROPOSAL, note="Read wrongly.").status_code
        == 303
    )
    assert stands(warehouse, case_id) == ("proposed", 3)
    # Not by the proposer, nor by the one whose own work it is.
    assert 'value="approve"' not in page(client, f"/cases/{case_id}/")
    assert sent(client, case_id, WORKER, 3, "approve").status_code == 422
    assert "It is about your own work" not in page(client, f"/cases/{case_id}/", APPROVER)
    assert 'value="approve"' not in page(client, f"/cases/{case_id}/", OTHER)
    refused = sent(client, case_id, OTHER, 3, "approve")
    assert refused.status_code == 422 and "own work" in refused.text
    assert 'value="approve"' in page(client, f"/cases/{case_id}/", APPROVER)
    assert sent(client, case_id, APPROVER, 3, "approve").status_code == 303
    assert sent(client, case_id, WORKER, 4, "start").status_code == 303
    assert sent(client, case_id, WORKER, 5, "done", reference="B2", hours="1").status_code == 303
    assert sent(client, case_id, APPROVER, 6, "accept", why="Seen on the photo.").status_code == 303
    assert sent(client, case_id, APPROVER, 7, "file").status_code == 303
    assert stands(warehouse, case_id) == ("closed", 8)
    actors = warehouse.execute(
        "SELECT step, actor FROM ops.audit_case_event WHERE case_id = %s ORDER BY event_no", [case_id]
    ).fetchall()
    assert [actor for _, actor in actors] == [
        "night",
        WORKER,
        WORKER,
        APPROVER,
        WORKER,
        WORKER,
        APPROVER,
        APPROVER,
    ]
    text = page(client, f"/cases/{case_id}/")
    assert "Seen on the photo." in text and "Read wrongly." in text and "filed" in text


def test_each_step_that_is_offered_is_taken_and_no_other_is(
    desk_settings: Settings, warehouse: psycopg.Connection[Any]
) -> None:
    """The page and the engine agree, for each role and state."""
    proposed = (
        "propose_confirm",
        "proposed",
        WORKER,
        {"treatment": "rebill", "amount": 1, "responsible_org_unit_id": "U1", "hours": 1},
    )
    paths: list[tuple[list[Any], dict[str, Any]]] = [
        ([], {}),
        ([TO_WORKER], {"assigned_to": "S2"}),
        ([TO_WORKER, proposed], {"assigned_to": "S2", "proposed_step": "propose_confirm", "proposed_by": WORKER, "proposed_amount": decimal.Decimal(1), "responsible_org_unit_id": "U1"}),
        ([TO_WORKER, ("propose_confirm", "confirmed", WORKER, {})], {"assigned_to": "S2", "responsible_org_unit_id": "U1", "proposed_by": WORKER}),
        ([("verify", "verified", "night", {})], {"outcome": "vanished"}),
    ]  # fmt: skip
    fields = {
        **PROPOSAL,
        "why": "Because.",
        "reason": "duplicate",
        "reference": "B2",
        "org_unit_id": "U1",
        "note": "Said.",
        "due_on": "2026-10-20",
        "staff_id": "",
    }
    file = load_steps(desk_settings.include)
    for at, (path, more) in enumerate(paths):
        case_id = a_case(warehouse, f"M{at}", path, **more)
        for login in (WORKER, APPROVER, VIEWER, OTHER):
            with psycopg.connect(
                warehouse.info.dsn, password=warehouse.info.password, row_factory=dict_row
            ) as looking:
                person = person_of(looking, login)
                row = looking.execute("SELECT * FROM ops.audit_case WHERE case_id = %s", [case_id]).fetchone()
            assert person and row
            desk = Desk(desk_settings, person, "en", "")
            offered = set(act.offered(file, row, person, dt.date(2026, 10, 16))) & set(STEPS)
            assert login != VIEWER or not offered
            taken = set()
            for step in STEPS:
                with contextlib.suppress(CaseError), warehouse.transaction(force_rollback=True):
                    act.taken(
                        warehouse,
                        desk,
                        file,
                        case_id,
                        {"version": str(len(path) + 1), "step": step, **fields},
                    )
                    taken.add(step)
            # Who has a case already may take it, to no effect: it is not offered.
            assert taken - ({"take"} if row["assigned_to"] == person.staff_id else set()) == offered, (
                path[-1:],
                login,
            )


def test_refused_input_keeps_what_was_typed(client: TestClient, warehouse: Any) -> None:
    case_id = a_case(warehouse, steps=[TO_WORKER], assigned_to="S2")
    answer = sent(
        client,
        case_id,
        WORKER,
        2,
        "propose_confirm",
        **{**PROPOSAL, "amount": "a lot", "note": 'Meter 5 & 6 "swapped"'},
    )
    text = html.unescape(answer.text)
    assert answer.status_code == 422 and 'role="alert"' in text and "Write a number" in text
    assert (
        'value="a lot"' in text
        and 'value="Meter 5 & 6 "swapped""' in text
        and 'value="rebill" selected' in text
    )
    assert '<details name="step" open>' in text
    late = sent(
        client, case_id, WORKER, 2, "propose_dismiss", reason="known_exception", hours="1", until="2030-01-01"
    )
    assert (
        late.status_code == 422
        and 'value="2030-01-01"' in late.text
        and "12 months ahead" in html.unescape(late.text)
    )
    assert stands(warehouse, case_id) == ("assigned", 2)
    missing = sent(client, case_id, WORKER, 2, "propose_dismiss", hours="1")
    assert missing.status_code == 422 and "This is needed" in missing.text
    assert sent(client, case_id, WORKER, 2, "nothing").status_code == 422
    assert sent(client, case_id, WORKER, 2, "open").status_code == 422


def test_whoever_comes_second_is_told_and_keeps_the_text(client: TestClient, warehouse: Any) -> None:
    case_id = a_case(warehouse)
    assert sent(client, case_id, OTHER, 1, "note", note="First.").status_code == 303
    answer = sent(client, case_id, WORKER, 1, "note", note="Second.")
    assert answer.status_code == 409
    assert "the case changed since you looked" in html.unescape(answer.text).lower()
    assert (
        'value="Second."' in answer.text
        and 'name="version" value="2"' in answer.text
        and "First." in answer.text
    )
    assert stands(warehouse, case_id) == ("open", 2)
    chinese = client.post(
        f"/cases/{case_id}/?language=zh",
        headers=as_(WORKER, **ORIGIN),
        data={"version": "1", "step": "note", "note": "三"},
    )
    assert chinese.status_code == 409 and "案件在您查看后已有变更" in chinese.text


@pytest.mark.parametrize(
    "origin", ["http://elsewhere.example", "null", "http://testserver.elsewhere.example"]
)
def test_a_form_of_another_site_changes_nothing(client: TestClient, warehouse: Any, origin: str) -> None:
    case_id = a_case(warehouse)
    for path in (
        f"/cases/{case_id}/",
        "/cases/bulk/",
        "/accounts/",
        "/accounts/A1/",
        "/accounts/A1/extract.pdf",
    ):
        data = {"version": "1", "step": "take", "case": f"{case_id} 1", "find": "Chen"}
        assert client.post(path, headers=as_(WORKER, Origin=origin), data=data).status_code == 403
    assert stands(warehouse, case_id) == ("open", 1)
    assert warehouse.execute("SELECT COUNT(*) FROM ops.personal_look").fetchone() == (0,)


def test_many_alike_are_decided_at_once_and_those_that_changed_are_told(
    client: TestClient, warehouse: Any
) -> None:
    cases = [
        a_case(warehouse, f"M{at}", [TO_WORKER], assigned_to="S2", at_stake_amount=decimal.Decimal(at))
        for at in range(3)
    ]
    chosen = [f"{case_id} 2" for case_id in cases]
    asked = client.post("/cases/bulk/", headers=as_(WORKER, **ORIGIN), data={"case": chosen})
    assert (
        asked.status_code == 200
        and "3 cases at once" in asked.text
        and 'value="propose_confirm"' in asked.text
    )
    assert 'value="approve"' not in asked.text
    assert sent(client, cases[1], WORKER, 2, "note", note="Wait.").status_code == 303
    done = client.post(
        "/cases/bulk/",
        headers=as_(WORKER, **ORIGIN),
        data={"case": chosen, "step": "propose_confirm", **PROPOSAL, "amount": "", "note": "One reason."},
    )
    text = html.unescape(done.text)
    assert "2 done, 1 refused" in text and "the case changed since you looked" in text.lower()
    assert [stands(warehouse, case_id)[0] for case_id in cases] == ["confirmed", "assigned", "confirmed"]
    amounts = warehouse.execute(
        "SELECT confirmed_amount FROM ops.audit_case WHERE state = 'confirmed' ORDER BY case_id"
    ).fetchall()
    assert amounts == [(decimal.Decimal(0),), (decimal.Decimal(2),)]
    typed = client.post(
        "/cases/bulk/",
        headers=as_(WORKER, **ORIGIN),
        data={"case": chosen[1:2], "step": "propose_confirm", **PROPOSAL, "hours": "?"},
    )
    assert typed.status_code == 422 and 'value="?"' in typed.text


def test_what_is_not_alike_or_too_much_is_not_decided_at_once(client: TestClient, warehouse: Any) -> None:
    first, other = a_case(warehouse, "M1"), a_case(warehouse, "P1", rule_id="COL-01", subject_type="payment")
    abroad = a_case(warehouse, "M9", org_unit_id="U2", assigned_org_unit_id="U2")

    def at_once(*cases: str) -> Any:
        return client.post(
            "/cases/bulk/",
            headers=as_(WORKER, **ORIGIN),
            data={"case": list(cases), "step": "note", "note": "All."},
        )

    assert at_once(f"{first} 1", f"{other} 1").status_code == 422
    assert at_once().status_code == 422
    assert at_once(f"{abroad} 1").status_code == 422
    assert at_once(f"{first} 1", *(f"X{at} 1" for at in range(200))).status_code == 422
    assert stands(warehouse, first) == stands(warehouse, abroad) == ("open", 1)
    assert at_once(f"{first} 1", f"{abroad} 1").status_code == 200
    assert stands(warehouse, first) == ("open", 2) and stands(warehouse, abroad) == ("open", 1)


def test_what_is_listed_becomes_a_file_without_formulas(client: TestClient, warehouse: Any) -> None:
    case_id = a_case(warehouse, "=1+1", message_en="@SUM(A1)", message_zh="＝1")
    a_case(warehouse, "M2", severity="low")
    csv = client.get("/cases/list.csv?severity=medium", headers=as_(WORKER))
    lines = csv.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 2 and csv.content.startswith(b"\xef\xbb\xbf")
    assert '"\'=1+1"' in lines[1] and '"\'@SUM(A1)"' in lines[1] and f'"{case_id}"' in lines[1]
    assert "attachment" in csv.headers["content-disposition"]
    book = openpyxl.load_workbook(
        io.BytesIO(client.get("/cases/list.xlsx?severity=medium", headers=as_(WORKER)).content)
    )
    (sheet,) = book.worksheets
    rows = list(sheet.iter_rows())
    assert len(rows) == 2
    by_name = {head.value: cell for head, cell in zip(*rows, strict=True)}
    assert (by_name["subject"].value, by_name["subject"].data_type) == ("=1+1", "s")
    assert by_name["at stake"].value == 120.5
    assert client.get("/cases/list.pdf", headers=as_(WORKER)).status_code == 404
