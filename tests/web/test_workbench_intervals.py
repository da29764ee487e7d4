"""The intervals around a finding on its page: which days and points, what was handed over, what is used, what is in doubt."""

from __future__ import annotations

import datetime as dt
import html
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.web.desk_data import a_case, hand_over_intervals
from tests.web.test_workbench import page
from wattmark.settings import Settings


@pytest.fixture(autouse=True)
def handed_over(desk_settings: Settings) -> Iterator[None]:
    hand_over_intervals(desk_settings)
    yield
    shutil.rmtree(desk_settings.lake)


def figures(text: str) -> list[str]:
    """Figures with intervals, by what stands above them."""
    return re.findall(r"<figcaption>(Load by interval[^<]*)</figcaption>", text)


def cells(text: str, row: str) -> list[str]:
    """What stands in the row of a table that begins with some text."""
    found = re.search(rf"<tr><td[^>]*>{row}</td>(.*?)</tr>", text, re.DOTALL)
    assert found, row
    return [html.unescape(each) for each in re.findall(r"<td[^>]*>([^<]*)</td>", found[1])]


def test_the_last_week_of_the_month_is_shown_with_what_is_in_doubt(
    client: TestClient, warehouse: Any
) -> None:
    text = page(client, f"/cases/{a_case(warehouse)}/")
    assert figures(text) == [
        "Load by interval at point M1, 2026-09-24 to 2026-09-30; highest 4.6 kW at 2026-09-24 23:00; "
        "2 intervals are in doubt (band); dashed as they were handed over"
    ]
    chart = text[text.index("Load by interval") :]
    # The spike and the gap lie apart; of the gap nothing was handed over.
    assert chart.count('class="band"') == 2 and chart.count('class="before"') == 1
    assert re.search(r'd="M[^MH"]*H[^MH"]*" class="before"', chart)
    # 0.0 to 2.3 kWh, each hour twice, is 55.2; the spike's and the gap's half-hours were 1.2 and 1.5, and 1.25 is used for both.
    assert cells(chart, "2026-09-24") == ["48", "55.2", "4.6", "0"]
    assert cells(chart, "2026-09-28") == ["48", "55", "4.6", "2"]
    assert cells(chart, "2026-09-28 12:00") == ["30", "a spike", "interpolated", "60", "1.25"]
    assert cells(chart, "2026-09-28 15:00") == ["30", "no row", "interpolated", "", "1.25"]
    # Only the points that the case names.
    assert ">432<" not in chart
    zh = page(client, f"/cases/{a_case(warehouse, 'M2', rule_id='COL-01')}/?language=zh")
    assert "计量点 M2 负荷曲线，2026-09-24 至 2026-09-30；最大 18 kW（2026-09-24 00:00）" in zh


def test_days_that_evidence_names_are_in_the_middle(client: TestClient, warehouse: Any) -> None:
    named = {"read_on": "2026-09-25", "opened_on": "2020-01-01", "bill_id": "B1"}
    text = page(client, f"/cases/{a_case(warehouse, evidence=named)}/")
    assert "2026-09-22 to 2026-09-28" in figures(text)[0]
    # Of an account the main points, where the case names none.
    other = a_case(warehouse, "A1", subject_type="account", evidence={"issued_at": "2026-09-29T08:00:00"})
    assert figures(page(client, f"/cases/{other}/"))[0].startswith(
        "Load by interval at point M1, 2026-09-26 to 2026-10-02"
    )


def test_without_intervals_of_its_month_nothing_is_shown(client: TestClient, warehouse: Any) -> None:
    for case_id in (
        a_case(warehouse, period=dt.date(2026, 7, 1)),
        a_case(warehouse, "M9"),
        a_case(warehouse, "A3", subject_type="account", account_id="A3", evidence={}),
    ):
        text = page(client, f"/cases/{case_id}/")
        assert figures(text) == [] and "The rows it comes from" in text
