"""Pages of the service loop over HTTP: who sees which complaint and step, filters that are links, statistics and their files."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import openpyxl
from fastapi.testclient import TestClient

from tests.web.desk_data import ABROAD, APPROVER, STRANGER, VIEWER, WORKER, a_case, put
from tests.web.service_data import SEPTEMBER, complaint
from tests.web.test_workbench import as_, chips, page


def rows(text: str) -> list[str]:
    """Ids in the order in which they are listed."""
    return re.findall(r"<b>([A-Z][A-Z0-9]+)</b>", text) or re.findall(r"(?:order|call) ([A-Z]\d)<br>", text)


def test_complaints_are_listed_most_urgent_first_within_the_own_tree(
    client: TestClient, service: Any
) -> None:
    assert rows(page(client, "/service/")) == ["K1", "K2", "K3", "K4"]
    assert set(rows(page(client, "/service/", APPROVER))) == {"K1", "K2", "K3", "K4", "SOUTH", "TOP"}
    assert rows(page(client, "/service/", ABROAD)) == ["SOUTH"]
    assert rows(page(client, "/service/", VIEWER)) == ["K1", "K2", "K3", "K4"]
    assert "K1" not in page(client, "/service/", STRANGER, 403)
    assert "K1" not in page(client, "/service/list.csv", STRANGER, 403)
    text = page(client, "/service/")
    for said in (
        "complains again",
        "not settled and overdue",
        "not called back in time",
        "9 taken, 5 allowed",
        "1 / 5",
        "as of 2026-10-15",
    ):
        assert said in text
    assert 'href="/accounts/A1/' in text
    # Nobody reaches units above by an address.
    assert rows(page(client, "/service/?org_unit_id=U2")) == []
    assert rows(page(client, "/service/?under=P")) == ["K1", "K2", "K3", "K4"]


def test_filters_are_links_whose_counts_are_what_they_lead_to(client: TestClient, service: Any) -> None:
    for path in ("/service/", "/service/?view=overtime"):
        text = page(client, path)
        links = re.findall(r'class="chip" href="([^"]+)">[^<]+<b>(\d+)</b>', text)
        assert len(links) >= 8
        for link, count in links:
            assert len(rows(page(client, link.replace("&amp;", "&")))) == int(count), link
    assert {"to be settled": 2, "overdue": 1, "to be called back": 1, "dissatisfied": 1, "major": 1}.items() <= chips(page(client, "/service/")).items()  # fmt: skip
    within = page(client, "/service/?what=to_settle&grade=major")
    assert rows(within) == ["K1"] and "take away" in within
    # What no list knows is not asked for, and breaks nothing.
    assert len(rows(page(client, "/service/?view=x&what=y&month=z&page=-1&grade=%00&staff_id=S2"))) == 4
    assert rows(page(client, "/service/?grade=%27--")) == []
    assert "Nothing." in page(client, "/service/?page=9")


def test_steps_over_their_limit_by_unit_and_post_lead_to_account_and_case(
    client: TestClient, service: Any
) -> None:
    case_id = a_case(service, "R1", rule_id="SVC-01", subject_type="order", period=None)
    of_call = a_case(service, "K1", rule_id="SVC-05", subject_type="service_call", period=None)
    text = page(client, "/service/?view=overtime")
    assert rows(text) == ["R1", "H1", "R2"]
    assert f'href="/cases/{case_id}/' in text and 'href="/accounts/A1/' in text
    assert "2 working days" in text and "0.02 minutes" in text and "45.02 taken, 45 allowed" in text
    assert rows(page(client, "/service/?view=overtime&post=manager")) == ["R2"]
    assert rows(page(client, "/service/?view=overtime&what=ended")) == ["R2"]
    assert rows(page(client, "/service/?view=overtime&under=U2", APPROVER)) == ["R9"]
    assert f'href="/cases/{of_call}/' in page(client, "/service/")
    chinese = page(client, "/service/?view=overtime&language=zh")
    assert "答复供电方案" in chinese and "超时限环节" in chinese and "工作日" in chinese


def test_statistics_lead_down_to_units_and_to_the_steps_themselves(client: TestClient, service: Any) -> None:
    text = page(client, "/service/?view=statistics", APPROVER)
    assert "Province" in text and ">9<" in text
    link = re.search(r'href="([^"]*step=plan[^"]*)"', text)
    assert link
    detail = page(client, link[1].replace("&amp;", "&"), APPROVER)
    assert "North station" in detail and "South station" in detail and "<svg" in detail
    down = page(client, "/service/?view=statistics&under=U1&step=plan&post=acceptance", APPROVER)
    # The month's median beside that of the month before.
    assert re.search(r"<td>2</td><td>1\.5</td><td>5</td><td>working days</td>", down)
    assert "33.33%" in down and "↑ Province" in down
    to_list = re.search(r'href="([^"]*view=overtime[^"]*step=plan[^"]*)">1<', down)
    assert to_list and rows(page(client, to_list[1].replace("&amp;", "&"), APPROVER)) == ["R1"]
    assert "2026-09" in page(client, f"/service/?view=statistics&month={SEPTEMBER}")
    # Complaints of the month by grade.
    assert re.search(r"major</td><td><a [^>]+>1</a></td>", page(client, "/service/?view=statistics"))
    page(client, "/service/?view=statistics&under=P", WORKER, 404)
    page(client, "/service/?view=statistics&under=U2", WORKER, 404)


def test_what_is_listed_is_a_file_without_formulas(client: TestClient, service: Any) -> None:
    put(service, "mart.service_complaint", complaint("K5", topic="=1+1"))
    answer = client.get("/service/list.csv?what=to_settle", headers=as_(WORKER))
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [line[0] for line in lines] == ["call", "K1", "K2", "K5"]
    assert "=1+1" not in [cell for line in lines for cell in line]
    assert lines[1][lines[0].index("opened at")] == "2026-10-08 12:00"
    for view, cells in (("overtime", ("R1", "H1", "R2")), ("statistics", ("plan", "arrive"))):
        answer = client.get(f"/service/list.xlsx?view={view}", headers=as_(WORKER))
        assert answer.headers["content-disposition"] == f'attachment; filename="{view}.xlsx"'
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        values = [cell for row in sheet.iter_rows(values_only=True) for cell in row]
        assert set(cells) <= set(values)
    assert client.get("/service/list.pdf", headers=as_(WORKER)).status_code == 404


def test_before_the_first_night_the_pages_are_empty(client: TestClient, warehouse: Any) -> None:
    assert "Nothing." in page(client, "/service/")
    assert "Nothing." in page(client, "/service/?view=statistics")
