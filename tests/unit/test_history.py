"""Findings of all nights on a real lake: those that are gone stay told, and running a night again changes nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from wattmark.audit.history import STATE, keep_findings
from wattmark.audit.runner import FINDINGS
from wattmark.contract.types import table_of
from wattmark.engine.produced import PRODUCED
from wattmark.engine.session import DuckDBSession
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

HISTORY = "mart.audit_exception_history"
Rows = list[tuple[str, dt.date, dt.date, dt.date, int]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "home")


def night(settings: Settings, day: int, *accounts: str, period: dt.date | None = None) -> Rows:
    """A night that finds these accounts; returns the history that it publishes."""
    run = Run.of(dt.date(2026, 11, day), "Asia/Shanghai", period)
    rows = [
        {
            "rule_id": "COL-03", "subject_type": "account", "subject_id": account, "period": run.period,
            "severity": "high", "kind": "exception", "family": "COL",
        }
        for account in accounts
    ]  # fmt: skip
    columns = PRODUCED[FINDINGS]
    found = table_of(columns, [dict.fromkeys(columns) | row for row in rows]) if rows else None
    empty = pa.schema(table_of(columns, [dict.fromkeys(columns)]).schema).empty_table()
    Lake(settings.lake).replace(FINDINGS, found if found is not None else empty)
    with DuckDBSession(settings, run) as session:
        session.build(HISTORY)
        told = session.query(
            f"SELECT subject_id, period, first_seen_on, last_seen_on, nights FROM {HISTORY} ORDER BY 1, 2"
        ).read_all()
        assert keep_findings(session) == len(accounts)
    return [tuple(row.values()) for row in told.to_pylist()]


def on(day: int) -> dt.date:
    return dt.date(2026, 11, day)


PERIOD = dt.date(2026, 10, 1)


def test_a_finding_that_is_gone_stays_and_a_night_run_again_counts_once(settings: Settings) -> None:
    assert night(settings, 3, "A1", "A2") == [
        ("A1", PERIOD, on(3), on(3), 1),
        ("A2", PERIOD, on(3), on(3), 1),
    ]
    second = [("A1", PERIOD, on(3), on(4), 2), ("A2", PERIOD, on(3), on(3), 1)]
    assert night(settings, 4, "A1") == second
    assert night(settings, 4, "A1") == second
    # What the day found at first and finds no longer was never published of it.
    assert night(settings, 4, "A3") == [
        ("A1", PERIOD, on(3), on(3), 1),
        ("A2", PERIOD, on(3), on(3), 1),
        ("A3", PERIOD, on(4), on(4), 1),
    ]


def test_an_older_night_filled_in_knows_no_later_one_and_later_ones_know_it(settings: Settings) -> None:
    night(settings, 5, "A1")
    assert night(settings, 3, "A2") == [("A2", PERIOD, on(3), on(3), 1)]
    assert night(settings, 6, "A1") == [
        ("A1", PERIOD, on(5), on(6), 2),
        ("A2", PERIOD, on(3), on(3), 1),
    ]


def test_another_month_of_the_same_day_is_a_night_of_its_own(settings: Settings) -> None:
    earlier = dt.date(2026, 9, 1)
    night(settings, 4, "A1")
    assert night(settings, 4, "A1", period=earlier) == [
        ("A1", earlier, on(4), on(4), 1),
        ("A1", PERIOD, on(4), on(4), 1),
    ]
    assert Lake(settings.lake).partition_columns(STATE) == ["as_of", "period"]
