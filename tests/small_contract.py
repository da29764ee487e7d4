"""A project whose contract has a handful of tables, so that a night of extract and accept takes a moment."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from wattmark import night
from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.quality.accept import accept_all
from wattmark.quality.landing import extract
from wattmark.quality.reconciled import Reconciled
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

TABLES = (
    "customer", "account", "metering_point", "register_reading", "interval_reading", "payment", "consent",
)  # fmt: skip
FIRST = dt.date(2026, 10, 14)


def make_project(
    folder: Path,
    expectations: str | None = "tolerate: 1.0\nrepeats: 1.0\n",
    tables: Sequence[str] = TABLES,
) -> Path:
    """Write the project: the contract's own definition of the tables, without references to others.

    Without ``expectations`` the tables keep those of the real project.
    """
    (folder / "include" / "contract").mkdir(parents=True)
    (folder / "expectations").mkdir()
    whole = (PROJECT_ROOT / "include" / "contract" / "source-model.yaml").read_text()
    # libyaml, which takes a twentieth of the time.
    document = yaml.load(whole, Loader=yaml.CSafeLoader)
    document["tables"] = {name: document["tables"][name] for name in document["tables"] if name in tables}
    for name, table in document["tables"].items():
        for column in table["columns"]:
            if column.get("ref") not in tables:
                column.pop("ref", None)
        own = PROJECT_ROOT / "expectations" / f"{name}.yaml"
        (folder / "expectations" / own.name).write_text(
            own.read_text() if expectations is None else expectations
        )
    (folder / "include" / "contract" / "source-model.yaml").write_text(
        yaml.dump(document, Dumper=yaml.CSafeDumper)
    )
    shutil.copy(PROJECT_ROOT / "include" / "settings.default.yaml", folder / "include")
    return folder


def home_of(folder: Path, source: Path, project: Path, **more: Any) -> Settings:
    """Settings of a home that reads a folder by the small contract."""
    made = load_settings(folder, sources=[{"location": str(source), **more}])
    return made.model_copy(update={"project": project})


def take(home: Settings, day: dt.date, *, refresh: bool = False) -> dict[str, Reconciled]:
    """Extract and accept all tables of the project; the watermarks do not move."""
    run = Run.of(day, home.utility.time_zone)
    there = load_contract(home.include / "contract" / "source-model.yaml").tables
    for table in (name for name in TABLES if name in there):
        extract(home, run, table, full_refresh=refresh)
    return {table.source_table: table for table in accept_all(home, run)}


def take_and_publish(home: Settings, day: dt.date, *, refresh: bool = False) -> dict[str, Reconciled]:
    """As ``take``, and move the watermarks as publishing does."""
    done = take(home, day, refresh=refresh)
    night.move_watermarks(home, Run.of(day, home.utility.time_zone))
    return done


def rows(home: Settings, sql: str) -> list[dict[str, Any]]:
    """Rows of a query over the home's lake."""
    with DuckDBSession(home, Run.of(FIRST, home.utility.time_zone)) as session:
        return session.query(sql).read_all().to_pylist()
