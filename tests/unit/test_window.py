"""Windows of time of rules: on the limit and one day either side, and what a header may not say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from wattmark.audit.rules import rule_of
from wattmark.audit.window import Window, add_months
from wattmark.engine.sqlfile import read_sql_file
from wattmark.errors import SqlFileError
from wattmark.run import Run

RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
"""Audits October."""


@pytest.mark.parametrize(
    ("reach", "length", "unit", "day", "holds"),
    [
        ("within", 730, "days", "2024-11-04", True),
        ("within", 730, "days", "2024-11-03", False),
        ("below", 12, "months", "2025-11-05", True),
        ("below", 12, "months", "2025-11-04", False),
        ("within", 12, "months", "2025-11-04", True),
        ("within", 12, "months", "2025-11-03", False),
        ("within", 1, "periods", "2026-10-01", True),
        ("within", 1, "periods", "2026-09-30", False),
        ("within", 12, "periods", "2025-11-01", True),
        ("within", 12, "periods", "2025-10-31", False),
        ("ahead", 60, "days", "2026-11-04", True),
        ("ahead", 60, "days", "2027-01-03", True),
        ("ahead", 60, "days", "2026-11-03", False),
        ("ahead", 60, "days", "2027-01-04", False),
        # What is later than the night is still to leave the window; what has no end has not left it.
        ("within", 730, "days", "2026-11-09", True),
        ("within", 730, "days", None, True),
    ],
)
def test_a_day_on_the_limit(reach: str, length: int, unit: str, day: str | None, holds: bool) -> None:
    assert Window("day", reach, length, unit).holds({"day": day}, RUN, {}) is holds


def test_a_parameter_gives_the_length() -> None:
    window = Window("day", "within", "max_days", "days")
    assert window.holds({"day": "2026-10-25"}, RUN, {"max_days": 10})
    assert not window.holds({"day": "2026-10-25"}, RUN, {"max_days": 9})


def test_a_point_in_time_counts_by_its_local_day() -> None:
    window = Window("at", "within", 10, "days")
    assert window.holds({"at": "2026-10-24T16:30:00+00:00"}, RUN, {})
    assert not window.holds({"at": "2026-10-24T15:30:00+00:00"}, RUN, {})
    assert not window.holds({"at": "2026-10-24 23:59:59"}, RUN, {})


def test_a_month_later_ends_where_the_month_does() -> None:
    assert add_months(dt.date(2024, 3, 31), -1) == dt.date(2024, 2, 29)
    assert add_months(dt.date(2026, 12, 31), 2) == dt.date(2027, 2, 28)


@pytest.mark.parametrize(
    "window",
    [
        "seven days",
        "{within: 7, unit: days}",
        "{on: seen_on, unit: days}",
        "{on: seen_on, within: 7, below: 7, unit: days}",
        "{on: seen_on, within: 7, unit: weeks}",
        "{on: seen_on, within: 0, unit: days}",
        "{on: seen_on, within: no_such, unit: days}",
        "{on: seen_on, below: 2, unit: periods}",
        "{on: no_such, within: 7, unit: days}",
    ],
)
def test_what_is_no_window_is_refused(tmp_path: Path, window: str) -> None:
    with pytest.raises(SqlFileError):
        rule_of(read_sql_file(_rule(tmp_path, window), "audit"))


def test_a_rule_that_judges_months_has_no_window(tmp_path: Path) -> None:
    written = "{on: seen_on, within: 7, unit: days}"
    assert rule_of(read_sql_file(_rule(tmp_path, written), "audit")).window == Window(
        "seen_on", "within", 7, "days"
    )
    with pytest.raises(SqlFileError, match="judge states"):
        rule_of(read_sql_file(_rule(tmp_path, written, judges="month"), "audit"))


def _rule(folder: Path, window: str, judges: str = "state") -> Path:
    path = folder / "TAR-99.sql"
    path.write_text(
        "/*\ntitle: A test\nzh: 测试\nkind: exception\nmodes: [nightly]\nsubject: account\nseverity: low\n"
        f"judges: {judges}\nproof: same\nwindow: {window}\nflags: what is given.\n*/\n"
        "SELECT a.account_id AS subject_id, TRUE AS flagged, a.opened_on AS seen_on FROM source.account AS a\n"
    )
    return path
