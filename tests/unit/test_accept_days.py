"""Days of intervals that are read whole again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from tests.small_contract import home_of, make_project
from wattmark import night
from wattmark.lake import Lake
from wattmark.quality import ordered
from wattmark.run import Run
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import FolderSink

RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
TABLE = "accepted.interval_reading"


def test_unchanged_days_stay_and_a_day_without_a_good_row_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordered, "SORTED_AT_ONCE", 5_000)
    source = tmp_path / "source"
    generate(SamplePlan(accounts=20), FolderSink(source, "parquet"))
    tables = ("customer", "account", "metering_point", "interval_reading")
    project = make_project(tmp_path / "project", expectations=None, tables=tables)
    settings = home_of(tmp_path / "home", source, project)
    for table in night.tables(settings):
        night.extract(settings, RUN, table)
    first = night.accept(settings, RUN)
    lake = Lake(settings.lake)
    days, version = lake.partition_values(TABLE, "day"), lake.version(TABLE)
    assert night.accept(settings, RUN) == first
    assert lake.version(TABLE) == version
    file = next((source / "interval_reading" / f"day={days[3]}").glob("*.parquet"))
    duckdb.sql(
        f"COPY (SELECT * REPLACE (CAST(NULL AS VARCHAR) AS metering_point_id) FROM '{file}') TO '{file}.new' (FORMAT parquet)"
    )
    file.with_name(f"{file.name}.new").replace(file)
    night.extract(settings, RUN, "interval_reading")
    night.accept(settings, RUN)
    assert lake.partition_values(TABLE, "day") == [day for day in days if day != days[3]]
