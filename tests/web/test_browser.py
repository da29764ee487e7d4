"""Every kind of page in a real browser: a main part, a language, phone widths, the dark, and no complaint."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
import uvicorn
from markupsafe import Markup
from matplotlib.figure import Figure

from tests.services.homes import a_home
from tests.tiny import write_tiny
from tests.web.browser import CHROMIUM, Browser, browser
from wattmark import night
from wattmark.home import warehouse_url
from wattmark.local import services
from wattmark.page import page
from wattmark.quality.judge import Judged, make_readable_offline, write_index
from wattmark.run import Run
from wattmark.segment.report import MOST_LINES, calibration_figure, charts, shapes_figure, sizes_figure
from wattmark.settings import Settings
from wattmark.source_settings import SourceSettings
from wattmark.web.pages import pages_app

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

PROFILES: list[dict[str, Any]] = [
    {"load_profile": at, "name": f"profile {at}", "size": 100 - at}
    | {f"{kind}{hour:02d}": 1 / 24 for kind in "hw" for hour in range(24)}
    for at in range(14)
]
METRICS = [
    {"model": f"model {at}", "metric": f"calibration {part} {what}", "value": 0.1 * part, "in_use": True}
    for at in range(14)
    for part in (1, 2)
    for what in ("predicted", "observed")
]
SEGMENTS = [
    {
        "segment": f"a segment of a rather long name {at}",
        "customers": 10 * at,
        "current_value_amount": 1e6 * at,
    }
    for at in range(16)
]
TABLES = """
CREATE SCHEMA IF NOT EXISTS mart;
CREATE TABLE mart.audit_exception AS SELECT 'TAR-01' AS rule_id, 'exception' AS kind, 'high' AS severity, 12345.67 AS at_stake_amount,
  'bill' AS subject_type, 'B' || n AS subject_id, DATE '2026-10-01' AS period, 'A1' AS account_id, 'U1' AS org_unit_id,
  'A long sentence about a reading that does not continue the last one and what it costs.' AS message_en, '本期起度与上期止度不连续。' AS message_zh
  FROM generate_series(1, 3) AS n;
CREATE TABLE mart.audit_root_cause AS SELECT 'TAR-01' AS rule_id, 'bill' AS subject_type, 'B2' AS subject_id, DATE '2026-10-01' AS period,
  'TAR-01' AS cause_rule_id, 'bill' AS cause_subject_type, 'B1' AS cause_subject_id;
CREATE TABLE mart.dim_rule AS SELECT 'TAR-01' AS rule_id, 'Reading does not continue the last one' AS title_en, '抄见示数不连续' AS title_zh,
  'By more than tolerance.' AS flags_en, '超过 tolerance 时。' AS flags_zh, 'Look.' AS what_to_do_en, '核查。' AS what_to_do_zh, '' AS basis,
  '{"tolerance": 0.5}'::jsonb AS params;
CREATE TABLE mart.audit_coverage AS SELECT 3 AS should_check, 3 AS checked, 3 AS flagged, 0 AS not_checked, 'TAR-01' AS rule_id,
  1.0 AS flagged_share, true AS is_flood;
CREATE TABLE mart.audit_flood AS SELECT 'TAR-01' AS rule_id, 'meter_model' AS feature, 'DDZY71' AS value, 3 AS findings, 1.0 AS findings_share,
  0.1 AS accounts_share, 10.0 AS times, true AS is_common, 1 AS place;
CREATE TABLE mart.code_name AS SELECT 'shared_feature' AS code_list, 'meter_model' AS code, 'meter model' AS name_en, '表计型号' AS name_zh;
CREATE TABLE mart.reconciliation AS SELECT 'a_table_of_a_very_long_name_indeed_longer_than_a_phone' AS source_table, 1234567890 AS read_rows,
  1234567890 AS accepted_rows, 123456789 AS quarantined_rows, 123456789 AS superseded_rows;
"""
# As Great Expectations writes its pages: styles and scripts from elsewhere, fixed bars, buttons, folded parts.
FOREIGN = """<!DOCTYPE html><html><head><title>Validation</title><link rel="stylesheet" href="https://example.invalid/a.css">
<script src="https://example.invalid/jquery.js"></script><style>.x { position: fixed; width: 3000px }</style></head>
<body data-spy="scroll" onload="run()"><nav class="navbar" style="height: 70px"><a href="../index.html">Home</a></nav>
<script>
$(document).ready(function () { document.title = "changed"; });
</script>
<div class="row"><div class="col-lg-2"><div class="card"><strong>Actions</strong><div class="btn-group"></div></div></div>
<div class="col-lg-10"><p><a data-toggle="collapse" onclick="fold()" href="#more">Show more info...</a></p>
<div id="more" class="collapse"><table><tr><td>a value that is inside of a folded part</td><td>{wide}</td></tr></table></div></div></div>
<footer><p>Stay current</p></footer></body></html>"""


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    with a_home() as made:
        services.up(made, airflow=False)
        plain = sa.make_url(warehouse_url(made)).set(drivername="postgresql")
        with psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(TABLES)
        report = made.home / "reports" / "segments" / "2026-11-04.html"
        report.parent.mkdir(parents=True)
        body = Markup("<h1>Segments</h1>").join(["", *charts(SEGMENTS, PROFILES, METRICS).values()])
        report.write_text(page("Segments", body))
        docs = made.home / "data-docs"
        foreign = docs / "validations" / "meter" / "20261104-202610" / "at" / "a.html"
        foreign.parent.mkdir(parents=True)
        foreign.write_text(FOREIGN.replace("{wide}", "wide" * 300))
        run = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
        source = made.model_copy(
            update={"sources": (SourceSettings(location=str(write_tiny(made.home / "tiny"))),)}
        )
        night.extract(source, run, "customer")
        night.judge(source, run, ["customer"])
        make_readable_offline(docs)
        judged = [Judged("meter", 10, 5, True, {}), Judged("bill", 10, 5, False, {"required:" + "x" * 80: 3})]
        write_index(docs, run, judged)
        yield made


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)


@pytest.fixture(scope="module")
def site(settings: Settings) -> Iterator[str]:
    with served(pages_app(settings, guards=[], who=lambda: "admin")) as address:
        yield address


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as started:
        yield started


ADDRESSES = {
    "index": "/",
    "data docs": "/data-docs/index.html",
    "a page of Great Expectations": "/data-docs/validations/meter/20261104-202610/at/a.html",
    "expectations": "/data-docs/expectations/customer.html",
    "segments": "/reports/segments/2026-11-04.html",
    "findings": "/findings/",
    "findings of a rule": "/findings/TAR-01/",
    "coverage": "/coverage/",
    "nothing": "/reports/segments/none.html",
}


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(("width", "dark"), [(375, False), (1200, True)])
def test_a_page_fits_the_phone_and_the_dark(
    tab: Browser, site: str, name: str, width: int, dark: bool
) -> None:
    seen = tab.look(site + ADDRESSES[name], width=width, dark=dark)
    assert seen.status == (404 if name == "nothing" else 200)
    assert seen.lang == "en"
    assert seen.mains == 1
    assert seen.title
    assert seen.wide <= 0, "the page scrolls sideways"
    assert (seen.ink > 200) if dark else (seen.ink < 80)
    assert "dark" in seen.scheme
    assert seen.images == []
    # Nothing that the content security policy refuses, nothing that is not there.
    assert [complaint for complaint in seen.complaints if "404" not in complaint or name != "nothing"] == []
    assert tab.violations() == []


def test_data_docs_hide_nothing_behind_a_script(tab: Browser, site: str) -> None:
    seen = tab.look(site + ADDRESSES["a page of Great Expectations"])
    assert "a value that is inside of a folded part" in seen.text
    assert seen.title == "Validation"
    assert "Actions" not in seen.text and "Stay current" not in seen.text and "Show more" not in seen.text


def test_what_was_judged_is_read_and_fits(tab: Browser, site: str, settings: Settings) -> None:
    docs = settings.home / "data-docs"
    (judged,) = (docs / "validations" / "customer").rglob("*.html")
    seen = tab.look(f"{site}/data-docs/{judged.relative_to(docs)}", width=375)
    assert (seen.status, seen.mains, seen.lang, seen.complaints, seen.images) == (200, 1, "en", [], [])
    assert seen.wide <= 0
    assert "Evaluated Expectations" in seen.text


def test_findings_are_told_in_both_languages_and_a_cause_once(tab: Browser, site: str) -> None:
    seen = tab.look(site + "/findings/")
    # The effect's money is the cause's: of three findings of 12,345.67 two count.
    assert "24,691.34" in seen.text and "37,037.01" not in seen.text
    assert seen.text.count("bill B1") == 1 and seen.text.count("bill B2") == 1
    of_rule = tab.look(site + "/findings/TAR-01/?language=zh", width=375)
    assert (of_rule.status, of_rule.lang, of_rule.complaints) == (200, "zh-CN", [])
    assert of_rule.wide <= 0
    assert "超过 0.5 时。" in of_rule.text
    assert "核查。" in of_rule.text and "本期起度与上期止度不连续。" in of_rule.text
    assert "电费账单 B3" in of_rule.text and of_rule.text.count("电费账单 B2") == 1
    assert tab.look(site + "/findings/TAR-99/").status == 404
    assert tab.look(site + "/findings/?language=fr").status == 422


def test_a_flood_is_marked_with_what_its_findings_have_in_common(tab: Browser, site: str) -> None:
    seen = tab.look(site + "/coverage/")
    assert (
        "100.00%" in seen.text
        and "meter model DDZY71: 100.00% of the findings, 10.00% of all accounts" in seen.text
    )


def test_every_link_of_the_first_page_leads_somewhere(tab: Browser, site: str) -> None:
    first = tab.look(site + "/")
    assert len(first.links) >= 2
    for link in first.links:
        # Nobody works on cases here yet: the page of cases says so.
        assert tab.look(link).status == (403 if link.endswith("/cases/") else 200), link


@pytest.mark.parametrize(
    ("figure", "labels"),
    [
        (sizes_figure(SEGMENTS), {"segment", "customers (number)", "margin of 12 months (money, as billed)"}),
        (shapes_figure(PROFILES), {"hour of the day (local time)", "share of the day's energy (%)"}),
        (calibration_figure(METRICS), {"predicted probability (%)", "observed share (%)"}),
    ],
)
def test_the_charts_have_labels_units_and_at_most_ten_lines(figure: Figure, labels: set[str]) -> None:
    said = {text for axis in figure.axes for text in (axis.get_xlabel(), axis.get_ylabel()) if text}
    assert said == labels
    assert all(axis.get_xlabel() for axis in figure.axes)
    for axis in figure.axes:
        assert len(axis.lines) in (0, MOST_LINES)
        assert len({line.get_color() for line in axis.lines}) == len(axis.lines)
    assert MOST_LINES == 10


def test_a_chart_says_what_it_leaves_out_and_takes_the_ink_of_the_page() -> None:
    drawn = charts(SEGMENTS, PROFILES, METRICS)
    assert "The 4 smaller ones are in the table below." in drawn["shapes"]
    for chart in drawn.values():
        assert 'role="img"' in chart and "aria-label" in chart and "currentColor" in chart
        assert "#010203" not in chart


def test_a_stranger_is_led_to_where_people_sign_in(settings: Settings) -> None:
    with served(
        pages_app(settings, login=lambda request: f"/data-docs/../sign-in?next={request.url.path}")
    ) as address:
        import httpx

        for path in ("/", "/data-docs/index.html"):
            answer = httpx.get(address + path, headers={"Accept": "text/html"})
            assert answer.status_code == 303
            assert answer.headers["location"].endswith(f"?next={path}")
            program = httpx.get(address + path, headers={"Accept": "application/json"})
            assert program.status_code == 401
            assert program.json() == {"detail": "Not authenticated"}


def test_files_of_pages_hold_no_script(settings: Settings) -> None:
    for file in Path(settings.home / "data-docs").rglob("*.html"):
        text = file.read_text()
        assert "<script" not in text and "onclick" not in text and "example.invalid" not in text
