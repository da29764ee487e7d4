"""The workbench in a real browser: decided in two clicks and a sentence, by keyboard alone, in a frame, on a phone, in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.browser import CHROMIUM
from tests.web.desk_data import APPROVER, VIEWER, WORKER, a_case, hand_over_intervals, who
from tests.web.test_browser import served
from tests.web.test_workbench import TO_WORKER, stands
from tests.web.test_workbench_aims import AHEAD, aim, figures
from wattmark.settings import Settings
from wattmark.web.pages import pages_app

__all__ = ["figures"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

PATHS = {
    "inbox": "/cases/?view=all",
    "week": "/cases/?view=week",
    "search": "/accounts/",
    "account": "/accounts/A1/",
    "figures": "/figures/",
    "reviews": "/reviews/",
    "rules": "/cases/rules/",
    "rule": "/cases/rules/TAR-01/",
    "exemptions": "/cases/exemptions/",
    "logins": "/cases/logins/",
    "by hand": "/cases/new/",
    "complaints": "/service/?what=to_settle",
    "overtime": "/service/?view=overtime",
    "times": "/service/?view=statistics&step=plan&post=acceptance",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def site(desk_settings: Settings) -> Iterator[str]:
    with served(pages_app(desk_settings, guards=[], who=who)) as address:
        yield address


def opened(chromium: Browser, login: str = WORKER, *, width: int = 1200, dark: bool = False) -> Page:
    context = chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        extra_http_headers={"x-login": login},
        bypass_csp=False,
    )
    return context.new_page()


def complaints(page: Page) -> list[str]:
    """What axe, run past the page's own policy, finds wrong."""
    found = Axe().run(page).response["violations"]
    return [f"{violation['id']}: {violation['nodes'][0]['html'][:200]}" for violation in found]


@pytest.mark.parametrize(("width", "dark", "language"), [(375, True, "zh"), (1200, False, "en")])
def test_every_page_fits_and_is_accessible(
    chromium: Browser,
    site: str,
    warehouse: Any,
    service: Any,
    desk_settings: Settings,
    width: int,
    dark: bool,
    language: str,
) -> None:
    hand_over_intervals(desk_settings)
    cause = a_case(warehouse, steps=[TO_WORKER], assigned_to="S2", severity="high")
    a_case(
        warehouse,
        "PAY-7",
        rule_id="COL-01",
        subject_type="payment",
        root_cause_case_id=cause,
        cause_kind="effect_of",
    )
    warehouse.execute(
        "INSERT INTO ops.audit_worklist VALUES ('2026-10-12', %s, 'U1', 'billing', 1, 'random', 0.1, 5, 0.5)",
        [cause],
    )
    page = opened(chromium, width=width, dark=dark)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    for name, path in {**PATHS, "case": f"/cases/{cause}/"}.items():
        answer = page.goto(f"{site}{path}{'&' if '?' in path else '?'}language={language}")
        assert answer and answer.status == 200, name
        assert (
            page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        ), name
        assert complaints(page) == [], name
        assert page.locator("main").count() == 1 and page.locator("h1").count() == 1
    assert page.locator("path.area").count() == 1
    assert [line for line in said if "favicon" not in line and "404" not in line] == []
    page.context.close()


@pytest.mark.parametrize(("width", "dark", "language"), [(375, True, "zh"), (1200, False, "en")])
def test_figures_with_targets_and_forecasts_fit_and_are_accessible(
    chromium: Browser, site: str, figures: Any, width: int, dark: bool, language: str
) -> None:
    aim(figures, "reading_rate", 0.95, reached=True, distance=0.008)
    aim(figures, "reading_rate", 0.97, period=AHEAD[1][0], is_over=False)
    aim(figures, "receivable_days", 20, reached=False, distance=-2.5)
    page = opened(chromium, APPROVER, width=width, dark=dark)
    page.goto(f"{site}/figures/?kpi=reading_rate&language={language}")
    assert page.locator("svg .hollow").count() == 3 and page.locator("svg .target").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert complaints(page) == []
    page.context.close()


def test_a_case_is_decided_in_two_clicks_and_one_sentence(
    chromium: Browser, site: str, warehouse: Any
) -> None:
    case_id = a_case(warehouse, steps=[TO_WORKER], assigned_to="S2")
    page = opened(chromium)
    page.goto(f"{site}/cases/?view=mine")
    page.get_by_role("link", name="Next one").click()
    page.get_by_text("Propose to dismiss it").first.click()
    form = page.locator("form:has(input[value=propose_dismiss])")
    form.get_by_label("Reason").select_option("duplicate")
    form.get_by_label("Note").fill("The same as last month's.")
    form.get_by_role("button").click()
    assert page.get_by_role("status").inner_text() == "Done: Propose to dismiss it."
    assert stands(warehouse, case_id) == ("dismissed", 3)
    assert "The same as last month's." in page.locator(".log").inner_text()
    page.get_by_role("link", name="Next one").click()
    assert "/cases/?" in page.url and page.get_by_text("No case is like this.").is_visible()
    page.context.close()


def test_a_case_is_taken_by_keyboard_alone(chromium: Browser, site: str, warehouse: Any) -> None:
    case_id = a_case(warehouse)
    page = opened(chromium)
    page.goto(f"{site}/cases/")

    def reach(text: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                "[document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle]"
            )
            if text in focused[0]:
                # Whoever cannot see where they are is lost.
                assert focused[1] != "none"
                return
        raise AssertionError(f"{text} is not reached")

    reach("Next one")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{case_id}/**")
    reach("Take it")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert stands(warehouse, case_id) == ("assigned", 2)
    page.context.close()


def test_it_works_in_a_frame_as_airflow_shows_it(chromium: Browser, site: str, warehouse: Any) -> None:
    case_id = a_case(warehouse)
    page = opened(chromium)
    around = (
        f'<iframe src="{site}/cases/{case_id}/" width="900" height="700" '
        'sandbox="allow-scripts allow-same-origin allow-forms allow-downloads"></iframe>'
    )
    page.route(f"{site}/around", lambda route: route.fulfill(body=around, content_type="text/html"))
    page.goto(f"{site}/around")
    frame = page.frame_locator("iframe")
    frame.get_by_text("Write a note").first.click()
    form = frame.locator("form:has(input[value=note])")
    form.get_by_label("Note").fill("Seen.")
    form.get_by_role("button").click()
    frame.get_by_text("Done: Write a note.").wait_for()
    assert stands(warehouse, case_id) == ("open", 2)
    frame.get_by_role("link", name="All cases").click()
    with page.expect_download() as download:
        frame.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "cases.csv"
    page.context.close()


def test_a_viewer_sees_and_has_no_steps(chromium: Browser, site: str, warehouse: Any) -> None:
    case_id = a_case(warehouse)
    page = opened(chromium, VIEWER)
    page.goto(f"{site}/cases/{case_id}/")
    assert page.get_by_text("There is no step for you now.").is_visible()
    assert page.locator("main form").count() == 0
    page.context.close()
