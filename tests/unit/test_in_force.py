"""On which day, and where, a rule is in force, and what findings say of it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from wattmark.audit.in_force import is_on, kind_on, refuse_unknown
from wattmark.audit.rules import Rule, rule_of
from wattmark.audit.runner import Coverage, create_findings, run_rule
from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import read_sql_file
from wattmark.errors import SettingsError, SqlFileError
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

DAYS = "(VALUES ('A', DATE '2023-05-31'), ('B', DATE '2023-06-01'), ('C', DATE '2024-12-31'), ('D', DATE '2025-01-01'), ('E', NULL)) AS g(id, day)"


def _rule(folder: Path, header: str, sql: str | None = None) -> Rule:
    body = sql or f"SELECT g.id AS subject_id, TRUE AS flagged, g.day FROM {DAYS}"
    path = folder / "TAR-99.sql"
    path.write_text(
        "/*\ntitle: A test\nzh: 测试\nkind: exception\nmodes: [nightly]\nsubject: account\nseverity: low\n"
        f"proof: same\nflags: what is given.\n{header}\n*/\n{body}\n"
    )
    return rule_of(read_sql_file(path, "audit"))


def _found(
    rule: Rule, folder: Path, as_of: str, settings: Settings | None = None
) -> tuple[Coverage, dict[str, tuple[str, dict[str, Any]]]]:
    """Coverage, and kind and evidence by subject."""
    run = Run.of(dt.date.fromisoformat(as_of), "Asia/Shanghai")
    settings = settings or load_settings(folder / "home")
    with DuckDBSession(settings, run, load_catalog(settings.include), stored=False) as session:
        findings = create_findings(session)
        coverage = run_rule(session, rule, findings)
        rows = session.duck.execute(
            f"SELECT subject_id, kind, evidence FROM {findings} ORDER BY 1"
        ).fetchall()
    return coverage, {subject: (kind, json.loads(evidence)) for subject, kind, evidence in rows}


STATE = "judges: state\nvalid_from: 2023-06-01\nvalid_to: 2024-12-31\n"


@pytest.mark.parametrize(
    ("header", "as_of", "kind"),
    [
        (STATE, "2023-05-31", None),
        (STATE, "2023-06-01", "exception"),
        (STATE, "2024-12-31", "exception"),
        (STATE, "2025-01-01", "listing"),
        (STATE + "after: off", "2024-12-31", "exception"),
        (STATE + "after: off", "2025-01-01", None),
        # P is the month before: a month rule goes by its last day.
        (STATE.replace("state", "month"), "2023-06-30", None),
        (STATE.replace("state", "month"), "2023-07-01", "exception"),
        (STATE.replace("state", "month"), "2025-01-31", "exception"),
        (STATE.replace("state", "month"), "2025-02-01", "listing"),
    ],
)
def test_the_runs_day_decides_for_all_subjects(
    tmp_path: Path, header: str, as_of: str, kind: str | None
) -> None:
    coverage, found = _found(_rule(tmp_path, header), tmp_path, as_of)
    assert {each for each, _ in found.values()} == ({kind} if kind else set())
    assert (coverage.should_check, coverage.flagged) == ((5, 5) if kind else (0, 0))


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        # E has no day of its own; the run's, in 2026, holds for it.
        ("listing", {"B": "exception", "C": "exception", "D": "listing", "E": "listing"}),
        ("off", {"B": "exception", "C": "exception"}),
    ],
)
def test_a_column_decides_row_by_row(tmp_path: Path, after: str, kinds: dict[str, str]) -> None:
    rule = _rule(tmp_path, f"{STATE}after: {after}\n'on': day")
    coverage, found = _found(rule, tmp_path, "2026-11-04")
    assert {subject: kind for subject, (kind, _) in found.items()} == kinds
    assert coverage.should_check == len(kinds)


def test_a_listing_stays_one(tmp_path: Path) -> None:
    header = "judges: state\nvalid_to: 2024-12-31"
    rule = _rule(tmp_path, header)
    listing = Rule(**{**vars(rule), "kind": "listing"})
    assert [kind_on(listing, dt.date(year, 1, 1)) for year in (2020, 2026)] == ["listing", "listing"]


@pytest.mark.parametrize(
    ("header", "settings", "on"),
    [
        ("", {}, True),
        ("basis: an order of 1996", {}, True),
        ("", {"utility": {"country": "DE"}}, True),
        ("basis: an order of 1996", {"utility": {"country": "DE"}}, False),
        ("basis: a law\ncountry: DE", {"utility": {"country": "DE"}}, True),
        ("basis: a law\ncountry: DE", {}, False),
        ("basis: a law\ncountry: DE", {"audit": {"rules": {"TAR-99": {"enabled": True}}}}, True),
        ("", {"audit": {"rules": {"TAR-99": {"enabled": False}}}}, False),
        ("basis: a law\ncountry: DE", {"audit": {"rules": {"TAR-99": {}}}}, False),
    ],
)
def test_a_rule_of_another_country_is_off_unless_it_is_switched_on(
    tmp_path: Path, header: str, settings: dict[str, Any], on: bool
) -> None:
    rule = _rule(tmp_path, f"judges: state\n{header}")
    read = load_settings(tmp_path / "home", **settings)
    assert is_on(rule, read) is on
    coverage, found = _found(rule, tmp_path, "2026-11-04", read)
    assert (coverage.should_check, len(found)) == ((5, 5) if on else (0, 0))


def test_a_rule_that_does_not_exist_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("audit:\n  rules:\n    TAR-3: {enabled: false}\n")
    with pytest.raises(SettingsError, match=r"settings\.yaml:3: audit\.rules\.TAR-3: .*") as error:
        refuse_unknown(["TAR-03", "TAR-04"], load_settings(tmp_path))
    assert "TAR-03" in error.value.remedy


LEAST = "params:\n  least: {type: integer, default: [{value: 180}, {from: 2024-06-01, value: 15}]}"


def test_evidence_says_which_value_was_applied_and_since_when(tmp_path: Path) -> None:
    sql = (
        "SELECT g.id AS subject_id, ON_DAY($least, g.day) > 0 AS flagged, g.day, ON_DAY($least, g.day) AS least "
        f"FROM {DAYS}"
    )
    rule = _rule(tmp_path, f"judges: state\n'on': day\n{LEAST}", sql)
    _, found = _found(rule, tmp_path, "2026-11-04")
    assert {subject: (told["least"], told["least_from"]) for subject, (_, told) in found.items()} == {
        "A": (180, None),
        "B": (180, None),
        "C": (15, "2024-06-01"),
        "D": (15, "2024-06-01"),
        "E": (15, "2024-06-01"),
    }


@pytest.mark.parametrize(("as_of", "told"), [("2024-05-31", (180, None)), ("2024-06-01", (15, "2024-06-01"))])
def test_a_value_that_the_rule_does_not_show_is_told_too(
    tmp_path: Path, as_of: str, told: tuple[int, str | None]
) -> None:
    sql = f"SELECT g.id AS subject_id, $least > 0 AS flagged FROM {DAYS}"
    _, found = _found(_rule(tmp_path, f"judges: state\n{LEAST}", sql), tmp_path, as_of)
    assert {(evidence["least"], evidence["least_from"]) for _, evidence in found.values()} == {told}


def test_what_a_utility_dates_is_told_as_well(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.yaml").write_text(
        "parameters:\n  MET-11: {min_kva: {value: [{from: 2026-01-01, value: 400}], since: 2026-01-01, reason: ours}}\n"
    )
    settings = load_settings(tmp_path / "home")
    run, catalog = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai"), load_catalog(settings.include)
    with DuckDBSession(settings, run, catalog, stored=False) as session:
        rule = rule_of(session.catalog.tables["audit.MET-11"])  # type: ignore[arg-type]
        session.duck.execute("CREATE SCHEMA core")
        session.duck.execute(
            "CREATE TABLE core.live_account AS SELECT 'A' AS account_id, 'hv_lv' AS metering_mode, 450.0 AS contracted_kva"
        )
        session.knows("core.live_account")
        findings = create_findings(session)
        run_rule(session, rule, findings)
        [[evidence]] = session.duck.execute(f"SELECT evidence FROM {findings}").fetchall()
    assert json.loads(evidence)["min_kva_from"] == "2026-01-01"


@pytest.mark.parametrize("read", ["$least", "$least + 0"])
def test_a_rule_that_goes_by_its_rows_reads_no_value_of_the_runs_day(tmp_path: Path, read: str) -> None:
    sql = f"SELECT g.id AS subject_id, {read} > 0 AS flagged, g.day FROM {DAYS}"
    with pytest.raises(SqlFileError, match=r"\$least is what holds on the run's day"):
        _rule(tmp_path, f"judges: state\n'on': day\n{LEAST}", sql)
