"""Reviews in the workbench: who sees which, page and PDF in the language of the page, items closed with a word."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any

import pypdf
import pytest
from fastapi.testclient import TestClient

from tests.web.browser import CHROMIUM
from tests.web.desk_data import ABROAD, APPROVER, AS_OF, OTHER, STRANGER, VIEWER, WORKER, a_case, columns_of
from tests.web.test_workbench import ORIGIN, as_, page
from tests.web.test_workbench_browser import chromium, complaints, opened, site
from wattmark.cases.review.make import make_due, snapshot, take
from wattmark.cases.review.spans import Period
from wattmark.settings import Settings

__all__ = ["chromium", "site"]

WEEK = dt.date(2026, 10, 5)
PATH = f"/reviews/week/{WEEK}/P/"


@pytest.fixture
def reviewed(desk_settings: Settings, warehouse: Any) -> Iterator[Any]:
    """The review of a week of the province and, as it has an approver, of the north, with one overdue case found."""
    columns = columns_of("mart.audit_case")
    warehouse.execute(
        f"CREATE TABLE mart.audit_case ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
    )
    case_id = a_case(warehouse, due_on=dt.date(2026, 10, 9))
    names = ", ".join(columns)
    warehouse.execute(
        f"INSERT INTO mart.audit_case SELECT {names} FROM ops.audit_case WHERE case_id = %s", [case_id]
    )
    warehouse.execute(
        "CREATE SCHEMA IF NOT EXISTS mart_store; DROP TABLE IF EXISTS mart_store.current_run, mart_store.closing_run"
    )
    for table in ("current_run", "closing_run"):
        warehouse.execute(
            f"CREATE TABLE mart_store.{table} AS SELECT 'r1'::text AS run_id, %s::date AS as_of", [AS_OF]
        )
    with snapshot(warehouse):
        take(warehouse, desk_settings, Period.of("week", WEEK))
    yield warehouse
    warehouse.execute("DROP TABLE mart.audit_case, mart_store.current_run, mart_store.closing_run")


def close(
    client: TestClient, login: str, word: str = "Done on Friday.", version: str = "1", **headers: str
) -> Any:
    form = {"item": f"week {WEEK} 1", "version": version, "word": word}
    return client.post("/reviews/", headers=as_(login, **(headers or ORIGIN)), data=form)


def test_reviews_are_listed_and_read_by_the_own_tree_alone(client: TestClient, reviewed: Any) -> None:
    text = page(client, "/reviews/", APPROVER)
    assert f'href="{PATH}' in text and f"/reviews/week/{WEEK}/U1/" in text
    assert "Cases that are overdue at North station: 1." in text and f'href="{PATH}review.pdf' in text
    theirs = page(client, "/reviews/", WORKER)
    assert PATH not in theirs and f"/reviews/week/{WEEK}/U1/" in theirs
    assert "No review is made yet" in page(client, "/reviews/", ABROAD)
    assert "No review is made yet" in page(client, "/reviews/?span=year", APPROVER)
    # It is known, and its file is not there.
    assert "not as it was made" in page(client, PATH, APPROVER, 404)
    assert "no such review" in page(client, PATH, WORKER, 404)
    page(client, f"/reviews/week/{WEEK}/U1/", ABROAD, 404)
    for path in ("/reviews/week/x/P/", "/reviews/age/2026-10-05/P/", "/reviews/week/2026-10-12/P/"):
        page(client, path, APPROVER, 404)
    for path in ("/reviews/", PATH):
        page(client, path, STRANGER, 403)


def test_a_review_is_read_and_printed_in_the_language_of_the_page(
    client: TestClient, reviewed: Any, desk_settings: Settings
) -> None:
    assert [review.org_unit_id for review in make_due(desk_settings, ["week"])] == ["P", "U1"]
    english, chinese = page(client, PATH, APPROVER), page(client, f"{PATH}?language=zh", APPROVER)
    assert "Audit review of the week 2026-10-05: Province" in english and "<svg" in english
    assert "稽查周报 2026-10-05：Province" in chinese and "没有刹车的规则" in chinese
    for language, said in (("en", "What this review found"), ("zh", "本期发现")):
        answer = client.get(f"{PATH}review.pdf?language={language}", headers=as_(APPROVER))
        assert answer.headers["content-type"] == "application/pdf"
        text = "".join(sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(answer.content)).pages)
        assert said in text.replace("\x00", "")
    file = desk_settings.home / "reviews" / "week" / str(WEEK) / "P" / "review.json"
    file.write_text(file.read_text().replace("Province", "Somewhere"))
    assert "not as it was made" in page(client, PATH, APPROVER, 404)


def test_an_item_is_closed_with_a_word_by_who_may_and_once(client: TestClient, reviewed: Any) -> None:
    def stands() -> Any:
        return reviewed.execute("SELECT state, closed_by, word, version FROM ops.review_item").fetchone()

    # Its owner is the north's approver; whoever works there sees it.
    assert 'name="word"' in page(client, "/reviews/", OTHER) and 'name="word"' in page(
        client, "/reviews/", APPROVER
    )
    for login in (WORKER, VIEWER):
        assert "overdue at North station: 1" in page(client, "/reviews/", login)
        assert 'name="word"' not in page(client, "/reviews/", login)
        assert close(client, login).status_code == 422
    assert close(client, ABROAD).status_code == 422 and "overdue at" not in page(client, "/reviews/", ABROAD)
    assert close(client, STRANGER).status_code == 403
    assert close(client, OTHER, Origin="http://elsewhere.example").status_code == 403
    stale = close(client, OTHER, "Typed at length.", "7")
    assert stale.status_code == 409 and 'value="Typed at length."' in stale.text
    assert close(client, OTHER, " ").status_code == 422
    for item in ("", "week x 1", f"week {WEEK} 99999999999", "a b c d"):
        form = {"item": item, "version": "1", "word": "x"}
        assert client.post("/reviews/", headers=as_(OTHER, **ORIGIN), data=form).status_code == 422
    assert stands() == ("open", None, None, 1)
    assert close(client, OTHER).status_code == 303
    assert stands() == ("closed", OTHER, "Done on Friday.", 2)
    assert close(client, APPROVER, "Me too.", "1").status_code == 409
    assert "Nothing waits for you" in page(client, "/reviews/", OTHER)


def test_pages_lead_to_reviews_and_say_where_there_is_none(client: TestClient, warehouse: Any) -> None:
    text = page(client, "/figures/", APPROVER)
    assert re.search(r'href="/reviews/\?[^"]*span=month', text)
    assert "尚无报告" in page(client, "/reviews/?language=zh", APPROVER)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_reviews_are_read_and_closed_in_a_browser(
    chromium: Any, site: str, reviewed: Any, desk_settings: Settings
) -> None:
    make_due(desk_settings, ["week"])
    for width, dark in ((1200, False), (390, True)):
        tab = opened(chromium, APPROVER, width=width, dark=dark)
        for path in ("/reviews/", PATH):
            tab.goto(site + path)
            assert complaints(tab) == [], path
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
    tab.goto(f"{site}/reviews/")
    tab.get_by_label("What was done about it").fill("Looked into on Friday.")
    tab.keyboard.press("Enter")
    tab.get_by_text("Nothing waits for you").wait_for()
    assert reviewed.execute("SELECT word FROM ops.review_item").fetchone() == ("Looked into on Friday.",)
