"""Key figures with targets and forecasts: what stands beside a figure and in its chart, in words and not by colour alone."""

from __future__ import annotations

import datetime as dt
import html
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.web.desk_data import APPROVER, columns_of, months, put
from tests.web.test_workbench import as_, page

PERIOD = dt.date(2026, 10, 1)
MARTS = ("mart.audit_kpi", "mart.audit_kpi_change", "mart.audit_kpi_target", "mart.audit_kpi_forecast", "mart.dim_kpi")  # fmt: skip
AHEAD = [(dt.date(2026, 11, 1), 0.962), (dt.date(2026, 12, 1), 0.965), (dt.date(2027, 1, 1), 0.968)]


@pytest.fixture
def figures(warehouse: Any) -> Iterator[Any]:
    """A figure of twelve months, one of three, and the composite."""
    for table in MARTS:
        columns = ", ".join(f"{name} {kind}" for name, kind in columns_of(table).items())
        warehouse.execute(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({columns})")
    put(
        warehouse, "mart.dim_kpi",
        {"kpi": "reading_rate", "title_en": "Points read", "title_zh": "实抄率", "post": "meter_reader", "better": "high", "form": "share"},
        {"kpi": "receivable_days", "title_en": "Days of receivables", "title_zh": "应收余额天数", "post": "collection", "better": "low", "form": "days"},
    )  # fmt: skip
    of_unit = {"level": "org_unit", "id": "P"}
    for kpi, count, value in (("reading_rate", 12, 0.958), ("receivable_days", 3, 22.5), ("composite", 12, 71.25)):  # fmt: skip
        for period in months(PERIOD, count):
            put(warehouse, "mart.audit_kpi", {**of_unit, "span": "month", "period": period, "kpi": kpi, "value": value, "too_few": False})  # fmt: skip
    put(warehouse, "mart.audit_kpi", {**of_unit, "span": "quarter", "period": PERIOD, "kpi": "reading_rate", "value": 0.958, "too_few": False})  # fmt: skip
    for period, value in AHEAD:
        put(
            warehouse, "mart.audit_kpi_forecast",
            {**of_unit, "kpi": "reading_rate", "period": period, "value": value, "low": value - 0.01, "high": value + 0.01, "months": 12, "too_few": False},
            {**of_unit, "kpi": "receivable_days", "period": period, "months": 3, "too_few": True},
        )  # fmt: skip
    yield warehouse
    warehouse.execute(f"DROP TABLE {', '.join(MARTS)}")


def aim(warehouse: Any, kpi: str, target: float, **values: Any) -> None:
    row = {
        "level": "org_unit",
        "id": "P",
        "span": "month",
        "period": PERIOD,
        "kpi": kpi,
        "target": target,
        "is_over": True,
    }
    put(warehouse, "mart.audit_kpi_target", row | values)


def drawn(svg: str) -> dict[str, int]:
    """How many there are of each kind of stroke and dot."""
    kinds = ("point", "line", "hollow", "ahead", "spread", "target")
    counts = {kind: len(re.findall(rf'class="{kind}[ "]', svg)) for kind in kinds}
    return {kind: count for kind, count in counts.items() if count}


def row_of(text: str, title: str) -> str:
    """The words of a figure's row in the table of all."""
    found = re.search(rf"<tr[^>]*><td><a[^>]*>{title}</a>.*?</tr>", text, re.S)
    assert found, text
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", found[0]).split()))


def test_targets_stand_beside_the_figures(client: TestClient, figures: Any) -> None:
    aim(figures, "reading_rate", 0.95, reached=True, distance=0.008)
    aim(figures, "receivable_days", 20, reached=False, distance=-2.5)
    aim(figures, "composite", 80)
    text = page(client, "/figures/", APPROVER)
    assert "95.8% 95% ✓ reached: 0.8% better 96.8% 2027-01" in row_of(text, "Points read")
    assert "22.5 20.0 ✗ not reached: 2.5 short" in row_of(text, "Days of receivables")
    assert "71.25 80 cannot be told yet" in row_of(text, "Composite")
    chinese = page(client, "/figures/?language=zh", APPROVER)
    assert "95% ✓ 已达标，优于目标 0.8%" in row_of(chinese, "实抄率") and "✗ 未达标，相差 2.5" in row_of(chinese, "应收余额天数")  # fmt: skip


def test_a_chart_tells_what_was_from_what_is_forecast_and_wanted(client: TestClient, figures: Any) -> None:
    aim(figures, "reading_rate", 0.95, reached=True, distance=0.008)
    aim(figures, "reading_rate", 0.97, period=AHEAD[1][0], is_over=False, forecast=0.965, forecast_until=AHEAD[1][0], forecast_reached=False)  # fmt: skip
    # Beyond what is forecast nothing is drawn.
    aim(figures, "reading_rate", 0.99, period=dt.date(2027, 9, 1), is_over=False)
    text = page(client, "/figures/?kpi=reading_rate", APPROVER)
    svg = text[text.index("<svg") : text.index("</svg>")]
    assert drawn(svg) == {"point": 12, "line": 11, "hollow": 3, "ahead": 3, "spread": 3, "target": 2}
    assert "○ forecast" in svg and "━ target" in svg
    # The scale shows the part that matters.
    assert ">95</text>" in svg and ">98</text>" in svg and ">0</text>" not in svg
    assert ">27-01</text>" in svg and "27-09" not in svg
    table = text[text.index("The chart as a table") :]
    assert re.search(r"2026-12</td>(<td[^>]*></td>)*.*0\.97.*0\.965.*0\.955.*0\.975", table[: table.index("2027-01")])  # fmt: skip
    assert "8 of 10 values" in text
    few = page(client, "/figures/?kpi=receivable_days", APPROVER)
    assert "No forecast: months known 3, it takes 6." in few and 'class="hollow"' not in few


def test_a_quarter_is_forecast_to_its_end(client: TestClient, figures: Any) -> None:
    aim(figures, "reading_rate", 0.96, span="quarter", is_over=False, reached=False, distance=-0.002, forecast=0.9617, forecast_until=AHEAD[1][0], forecast_reached=True)  # fmt: skip
    text = page(client, "/figures/?kpi=reading_rate&span=quarter", APPROVER)
    said = html.unescape(re.sub(r"<[^>]+>", "", text))
    assert "target 96%: ✗ not reached: 0.2% short so far: the period is not over" in said
    assert "By 2026-12 it is forecast to come to 96.17%: the target is reached." in said
    svg = text[text.index("<svg") : text.index("</svg>")]
    assert drawn(svg) == {"point": 1, "hollow": 1, "target": 1} and ">26-Q4</text>" in svg
    chinese = page(client, "/figures/?kpi=reading_rate&span=quarter&language=zh", APPROVER)
    assert "预计至 2026-12 为 96.17%，可达标。" in chinese


def test_a_warehouse_of_before_shows_figures_alone(client: TestClient, figures: Any) -> None:
    figures.execute("DROP TABLE mart.audit_kpi_target, mart.audit_kpi_forecast")
    try:
        text = page(client, "/figures/?kpi=reading_rate", APPROVER)
        assert drawn(text) == {"point": 12, "line": 11} and "✓" not in text
    finally:
        for table in ("mart.audit_kpi_target", "mart.audit_kpi_forecast"):
            figures.execute(f"CREATE TABLE {table} (id text)")


@pytest.mark.slow
def test_the_page_is_quick_with_all_figures_and_targets(client: TestClient, figures: Any) -> None:
    names = [f"figure_{at}" for at in range(28)]
    figures.execute("INSERT INTO mart.audit_kpi (level, id, span, period, kpi, value, score, too_few) SELECT 'org_unit', u, 'month', p, k, 0.9, 50, FALSE FROM unnest(%s::text[]) AS k, unnest(%s::date[]) AS p, (SELECT 'P' AS u UNION ALL SELECT 'X' || n FROM generate_series(1, 60) AS n) AS units", [names, list(months(PERIOD, 12))])  # fmt: skip
    figures.execute("INSERT INTO mart.audit_kpi_target (level, id, span, period, kpi, target, reached, distance) SELECT level, id, span, period, kpi, 0.8, TRUE, 0.1 FROM mart.audit_kpi WHERE kpi LIKE 'figure%'")  # fmt: skip
    figures.execute("INSERT INTO mart.audit_kpi_forecast (level, id, kpi, period, value, low, high, months, too_few) SELECT level, id, kpi, period + interval '3 months', 0.9, 0.8, 1, 12, FALSE FROM mart.audit_kpi WHERE kpi LIKE 'figure%' AND period >= '2026-08-01'")  # fmt: skip
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        assert client.get("/figures/?kpi=figure_3", headers=as_(APPROVER)).status_code == 200
        taken.append(time.perf_counter() - began)
    print(taken)
    assert min(taken) < 0.5
