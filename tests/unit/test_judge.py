"""What Great Expectations is not asked; what it says is in tests/web/test_browser.py and tests/dags/test_night.py."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.tiny import write_tiny
from wattmark import night
from wattmark.run import Run
from wattmark.settings import load_settings


def test_a_table_without_rows_is_named_and_not_judged(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home", sources=[{"location": str(write_tiny(tmp_path / "source"))}])
    run = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
    assert night.extract(settings, run, "service_call")["rows"] == 0
    assert night.judge(settings, run, ["service_call"]) == {}
    index = (settings.home / "data-docs" / "index.html").read_text()
    assert "<td>service_call</td>\n<td>no rows</td>\n<td>0</td>" in index
    assert "service_call.html" not in index
