"""Texts that months share are those that binding gives."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from wattmark.audit.rules import all_rules
from wattmark.cases.months import MonthSession
from wattmark.engine.catalog import catalog_of
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import SqlFile
from wattmark.run import Run
from wattmark.settings import load_settings


def test_a_text_filled_in_is_the_text_that_binding_gives(case_home: Path) -> None:
    steps = [{"value": 3000}, {"from": dt.date(2026, 9, 1), "value": 2000}]
    override = {"value": steps, "since": dt.date(2026, 9, 1), "reason": "a stricter limit"}
    settings = load_settings(case_home, parameters={"TAR-14": {"max_kwh": override}})
    catalog = catalog_of(settings)
    judging = [rule.file.name for rule in all_rules(catalog).values() if rule.judges == "month"]
    files = [file for name in catalog.order(judging) if isinstance(file := catalog.tables[name], SqlFile)]
    texts: dict[tuple[str, dt.date | None], str] = {}
    told: list[list[str]] = []
    for month in (dt.date(2026, 8, 1), dt.date(2026, 9, 1)):
        run = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai", month)
        with MonthSession(settings, run, catalog, stored=False) as session:
            session.texts = texts
            told.append([session.text_of(file) for file in files])
    # The second month's are filled in, and bound anew only where a parameter is dated.
    dated = {name for name, day in texts if day is not None}
    assert "audit.TAR-14" in dated and len(texts) == len(files) + len(dated)
    with DuckDBSession(settings, run, catalog, stored=False) as plain:
        assert told[1] == [plain.text_of(file) for file in files]
    assert sum(first != second for first, second in zip(*told, strict=True)) > len(files) / 2
