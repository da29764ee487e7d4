"""The same night twice is equal in every digit, however the rows lie and however many threads there are."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from wattmark import night
from wattmark.campaign.keys import campaign_key
from wattmark.engine.session import DuckDBSession
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import FolderSink

RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
TOLD_BY_THE_CLOCK = {"findings.audit_coverage": ["seconds"], "mart.audit_coverage": ["seconds"]}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def _settings(folder: Path, name: str, threads: int) -> Settings:
    return load_settings(
        folder / name, sources=[{"location": str(folder / "source")}], compute={"threads": threads}
    )


def _build(settings: Settings) -> dict[str, str]:
    for layer in ("core", "facts", "segment", "campaign"):
        night.build(settings, RUN, layer)
    night.audit(settings, RUN, scored=False)
    night.audit(settings, RUN, scored=True)
    night.root_causes(settings, RUN)
    for layer in ("kpi", "mart", "mart_pii"):
        night.build(settings, RUN, layer)
    lake = Lake(settings.home / "lake")
    found = {}
    with DuckDBSession(settings, RUN) as session:
        for name in lake.tables():
            if name.startswith("accepted."):
                continue
            session.see([name])
            kept = ", ".join(
                f'"{column}"'
                for column in lake.schema(name).names
                if column not in TOLD_BY_THE_CLOCK.get(name, ())
            )
            found[name] = session.duck.sql(
                f"SELECT COUNT(*) || ':' || COALESCE(MD5(STRING_AGG(h, '' ORDER BY h)), '') "
                f"FROM (SELECT MD5(CAST(ROW({kept}) AS VARCHAR)) AS h FROM {name})"
            ).fetchall()[0][0]
    return found


def _shuffle(settings: Settings) -> None:
    """Write every accepted table again, its rows in another order."""
    lake = Lake(settings.home / "lake")
    with DuckDBSession(settings, RUN) as session:
        for name in lake.tables():
            if not name.startswith("accepted."):
                continue
            session.see([name])
            columns = ", ".join(f'"{column}"' for column in lake.schema(name).names)
            keys = ", ".join(f'CAST("{column}" AS VARCHAR)' for column in lake.schema(name).names)
            rows = session.duck.sql(
                f"SELECT {columns} FROM {name} ORDER BY MD5(CONCAT_WS('|', {keys})) DESC"
            ).to_arrow_table()
            lake.replace(name, rows.cast(lake.schema(name)), lake.partition_columns(name))


def test_the_same_night_twice_is_equal_in_every_digit(tmp_path: Path) -> None:
    generate(
        SamplePlan(accounts=200, interval_days=35, faults=True), FolderSink(tmp_path / "source", "parquet")
    )
    first = _settings(tmp_path, "first", threads=2)
    for table in night.tables(first):
        night.extract(first, RUN, table)
    night.accept(first, RUN)
    # Who is held out of campaigns is drawn by a home's own key: the copy has the same.
    campaign_key(first.home)
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    second = _settings(tmp_path, "second", threads=4)
    _shuffle(second)
    digits, other = _build(first), _build(second)
    assert set(digits) == set(other)
    assert sum(not found.startswith("0:") for found in digits.values()) > 80
    assert sorted(name for name in digits if digits[name] != other[name]) == []
