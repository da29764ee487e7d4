"""What a rule counts, and what it must not do: flag a subject twice, or flag something without a key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from wattmark.audit.rules import rule_of
from wattmark.audit.runner import Coverage, create_findings, create_not_checked, run_rule
from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import read_sql_file
from wattmark.errors import SqlFileError
from wattmark.run import Run
from wattmark.settings import load_settings

HEADER = """/*
title: A test
zh: 测试
kind: exception
modes: [nightly]
subject: account
severity: low
judges: month
proof: same
flags: what is given.
*/
"""
Row = tuple[str | None, bool | None, str | None]


def run(
    tmp_path: Path, rows: Sequence[Row], *, unchecked: bool = False
) -> tuple[Coverage, list[tuple[object, ...]]]:
    def text(value: str | None) -> str:
        return "NULL" if value is None else f"'{value}'"

    given = " UNION ALL ".join(
        f"SELECT {text(subject)} AS subject_id, {'NULL' if flagged is None else flagged} AS flagged, {text(reason)} AS not_checked"
        for subject, flagged, reason in rows
    )
    path = tmp_path / "TAR-99.sql"
    path.write_text(
        f"{HEADER}SELECT g.subject_id, g.subject_id AS account_id, g.flagged, g.not_checked, 7 AS seen "
        f"FROM ({given}) AS g\n"
    )
    settings = load_settings(tmp_path / "home")
    run, catalog = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai"), load_catalog(settings.include)
    with DuckDBSession(settings, run, catalog, stored=False) as session:
        findings, not_checked = create_findings(session), create_not_checked(session)
        coverage = run_rule(session, rule_of(read_sql_file(path, "audit")), findings, not_checked)
        found = session.duck.execute(
            f"SELECT rule_id, subject_type, subject_id, reason, family FROM {not_checked} ORDER BY 3"
            if unchecked
            else f"SELECT subject_id, account_id, evidence FROM {findings} ORDER BY 1"
        ).fetchall()
    return coverage, found


def test_each_subject_is_counted_once_and_only_flagged_ones_are_found(tmp_path: Path) -> None:
    coverage, found = run(
        tmp_path,
        [("A", True, None), ("B", False, None), ("C", None, None), ("D", True, "why"), ("E", False, "why"), ("F", True, None)],
    )  # fmt: skip
    assert (coverage.should_check, coverage.flagged, coverage.not_checked) == (6, 2, 3)
    # C compared an empty value.
    assert coverage.reasons == {"value_missing": 1, "why": 2}
    assert found == [("A", "A", '{"seen":7}'), ("F", "F", '{"seen":7}')]


@pytest.mark.parametrize("subject", ["A", None])
def test_a_subject_flagged_twice_or_without_a_key_is_refused(tmp_path: Path, subject: str | None) -> None:
    with pytest.raises(SqlFileError, match=f"subject {subject}") as error:
        run(
            tmp_path,
            [("B", True, None), (subject, True, None), *([(subject, True, None)] if subject else [])],
        )
    assert error.value.code == "rule.twice"


def test_a_subject_not_flagged_may_stand_twice(tmp_path: Path) -> None:
    coverage, found = run(tmp_path, [("A", False, None), ("A", False, None)])
    assert (coverage.should_check, found) == (2, [])


def test_who_was_not_checked_is_kept_with_the_reason(tmp_path: Path) -> None:
    rows = [("A", True, None), ("B", False, None), ("C", None, None), ("D", True, "why"), ("E", False, "why")]
    _, unchecked = run(tmp_path, rows, unchecked=True)
    assert unchecked == [
        ("TAR-99", "account", subject, reason, "TAR")
        for subject, reason in [("C", "value_missing"), ("D", "why"), ("E", "why")]
    ]


def test_where_nobody_was_checked_for_one_reason_one_row_says_so(tmp_path: Path) -> None:
    _, uncovered = run(tmp_path, [(name, False, "not_provided") for name in "ABC"], unchecked=True)
    assert uncovered == [("TAR-99", "account", None, "not_provided", "TAR")]
    _, two = run(tmp_path, [("A", False, "not_provided"), ("B", False, "why")], unchecked=True)
    assert [row[2:4] for row in two] == [("A", "not_provided"), ("B", "why")]


def test_of_no_subjects_none_is_left_unchecked(tmp_path: Path) -> None:
    assert run(tmp_path, [("A", False, None)], unchecked=True)[1] == []
