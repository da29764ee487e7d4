"""Months that have passed, judged again for their cases: on the rows known today, with the account as it stood.

Of a month its rules run with that month as the audited one. What is known of account, tariff and points changes with the
years, and a bill is judged by what they were: these three are read as the night saw them that last judged the month, where
the lake still holds it. All else is as it stands tonight, and what rests on none of the three and on no month is taken as
the night left it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlglot import exp

from wattmark.audit.in_force import kind_on
from wattmark.audit.rules import Rule
from wattmark.audit.runner import create_findings, create_not_checked, run_rule, told
from wattmark.cases.cut import POINT, ask_for, is_of_one_account
from wattmark.cases.model import Case
from wattmark.cases.months import MonthSession, Texts
from wattmark.engine.catalog import Catalog, catalog_of
from wattmark.engine.dated import is_dated
from wattmark.engine.session import ACCEPTED, DERIVED_LAYERS, DuckDBSession
from wattmark.engine.sqlfile import SqlFile
from wattmark.errors import WattmarkError
from wattmark.home import Home
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings

AS_THEY_STOOD = ("account", "tariff", "metering_point")
"""Tables of the source that are read as the night saw them that last judged the month."""
BILLING_CYCLE = "facts.billing_cycle"
LOST = (
    "Judged with account, tariff and metering points as they stand: what the night knew that judged the month is no "
    "longer in the lake."
)
_OF_AS_OF = frozenset({"core.calendar"})
"""Tables made in Python that rest on the run's day, and not on its month."""
_NIGHT = re.compile(r"(\d{8})-(\d{6})")


@dataclass
class Past:
    """What a past month says when it is judged again.

    Attributes:
        findings: by rule and subject (id), columns of ``findings.audit_exception``, ``evidence`` as a mapping.
        not_checked: rule and subject of those that were not checked; an empty subject stands for all of the rule.
        ran: rules that were in force that month and ran.
        not_due: accounts for which no bill was due that month.
        note: what to say of how it was judged; None where nothing is.
    """

    findings: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    not_checked: set[tuple[str, str | None]] = field(default_factory=set)
    ran: set[str] = field(default_factory=set)
    not_due: set[str] = field(default_factory=set)
    note: str | None = None


def judge_again(
    settings: Settings, run: Run, month: dt.date, rules: Iterable[Rule], cases: Sequence[Case], texts: Texts
) -> Past:
    """Run rules again with a past month as the audited one.

    Args:
        settings: of the home.
        run: tonight's.
        month: its first day.
        rules: those to run.
        cases: of that month and those rules.
        texts: shared by all months of a night.
    """
    past = Run.of(run.as_of, run.time_zone, month)
    wanted = [rule for rule in rules if kind_on(rule, rule.file.day_of(past.scalars())) is not None]
    found = Past(ran={rule.rule_id for rule in wanted})
    catalog = catalog_of(settings)
    lake = Lake(settings.lake)
    versions = versions_then(settings, lake, run, month, cases)
    found.note = LOST if versions is None else None
    for is_cut in (True, False):
        some = [rule for rule in wanted if is_of_one_account(rule, catalog) == is_cut]
        if not some:
            continue
        ids = {rule.rule_id for rule in some}
        theirs = [case for case in cases if case.rule_id in ids]
        with MonthSession(
            settings, past, catalog, stored=False, reads=reads_of(settings, catalog)
        ) as session:
            session.texts = texts
            if is_cut:
                ask_for(session, theirs, {None, (versions or {}).get(POINT)})
                session.is_cut = True
            _run(session, some, theirs, versions, found)
    return found


def _run(
    session: MonthSession,
    rules: Sequence[Rule],
    cases: Sequence[Case],
    versions: Mapping[str, int] | None,
    found: Past,
) -> None:
    """Run some rules in a session on a past month, and take what they say of some cases."""
    if versions is not None:
        as_they_stood(session, versions)
    findings, not_checked = create_findings(session), create_not_checked(session)
    for rule in rules:
        run_rule(session, rule, findings, not_checked)
    _take(session, rules, cases, found)
    if any(BILLING_CYCLE in rule.file.references for rule in rules):
        session.see([BILLING_CYCLE])
        rows = session.duck.sql(f"SELECT account_id FROM {BILLING_CYCLE} WHERE NOT is_due").fetchall()
        found.not_due |= {str(row[0]) for row in rows}


def _take(session: DuckDBSession, rules: Sequence[Rule], cases: Sequence[Case], found: Past) -> None:
    """Findings and unchecked subjects of some cases, out of all that the rules said."""
    wanted = {
        "rule_id": pa.array([case.rule_id for case in cases], pa.string()),
        "subject_type": pa.array([case.subject_type for case in cases], pa.string()),
        "subject_id": pa.array([case.subject_id for case in cases], pa.string()),
    }
    session.duck.register("_wanted", pa.table(wanted))
    session.duck.execute(
        "CREATE OR REPLACE TEMP TABLE _again AS SELECT f.* FROM _findings AS f SEMI JOIN _wanted AS w "
        "ON w.rule_id = f.rule_id AND w.subject_type = f.subject_type AND w.subject_id = f.subject_id"
    )
    unchecked = session.duck.sql(
        "SELECT DISTINCT n.rule_id, n.subject_id FROM _not_checked AS n SEMI JOIN _wanted AS w "
        "ON w.rule_id = n.rule_id AND (n.subject_id IS NULL OR w.subject_id = n.subject_id)"
    )
    found.not_checked |= {(str(rule_id), subject_id) for rule_id, subject_id in unchecked.fetchall()}
    session.duck.unregister("_wanted")
    for row in told(session, rules, "_again").read_all().to_pylist():
        found.findings[row["rule_id"], row["subject_id"]] = with_evidence(row)


def with_evidence(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``findings.audit_exception`` with its evidence as a mapping."""
    return {**row, "evidence": json.loads(row["evidence"] or "{}")}


# --- as they stood -----------------------------------------------------------------------------------


def versions_then(
    settings: Settings, lake: Lake, run: Run, month: dt.date, cases: Iterable[Case]
) -> dict[str, int] | None:
    """Versions of ``AS_THEY_STOOD`` in the lake that the night read which last judged a month; None where they are gone.

    The night is the newest one up to the run's date that is noted with that month, or that a case names.
    """
    folder = Home(settings.home).versions
    known = {path.stem for path in folder.glob(f"*-{month:%Y%m}.json")} | {
        case.judged_run_id for case in cases if case.judged_run_id
    }
    nights = [
        name
        for name in known
        if (parts := _NIGHT.fullmatch(name))
        and parts[2] == f"{month:%Y%m}"
        and parts[1] <= f"{run.as_of:%Y%m%d}"
    ]
    if not nights:
        return None
    try:
        noted = json.loads((folder / f"{max(nights)}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    versions = {}
    for table in AS_THEY_STOOD:
        name = f"{ACCEPTED}.{table}"
        version = noted.get(name)
        if name not in noted:
            # The table was empty then, and is read as it stands.
            continue
        if version is None or not _holds(lake, name, int(version)):
            return None
        versions[name] = int(version)
    return versions


def _holds(lake: Lake, name: str, version: int) -> bool:
    try:
        return lake.exists(name) and lake.holds(name, version)
    except WattmarkError:
        return False


def as_they_stood(session: DuckDBSession, versions: Mapping[str, int]) -> None:
    """Show accounts, tariffs and points of a session as they stood.

    A tariff or account that was not there yet is as it stands, and so are the points of such an account.
    """
    new = {
        f"{ACCEPTED}.account": "account_id NOT IN (SELECT account_id FROM accepted.account_then)",
        f"{ACCEPTED}.tariff": "tariff_code NOT IN (SELECT tariff_code FROM accepted.tariff_then)",
        f"{ACCEPTED}.metering_point": "account_id NOT IN (SELECT account_id FROM accepted.account_then) "
        "AND metering_point_id NOT IN (SELECT metering_point_id FROM accepted.metering_point_then)",
    }
    for name in sorted(versions):
        _show(session, name, "then", versions[name])
        _show(session, name, "now", None)
    for name in sorted(versions):
        later = f"SELECT * FROM {name}_now WHERE {new[name]}"
        if name == f"{ACCEPTED}.metering_point" and f"{ACCEPTED}.account" not in versions:
            later = f"SELECT * FROM {name}_now WHERE FALSE"
        session.duck.execute(f"CREATE VIEW {name} AS SELECT * FROM {name}_then UNION ALL BY NAME {later}")
        session.knows(name)


def _show(session: DuckDBSession, name: str, suffix: str, version: int | None) -> None:
    """Show a version of a table under its name with a suffix."""
    session.versions = {} if version is None else {name: version}
    session.see([name])
    session.versions = {}
    schema, table = name.split(".")
    session.duck.execute(f'ALTER VIEW "{schema}"."{table}" RENAME TO "{table}_{suffix}"')
    session.forget(name)


# --- what the night left -----------------------------------------------------------------------------


class _Reads:
    """Says which tables may be taken from the lake as the night left them, whatever the month."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._catalog, self._overrides = catalog, catalog.overrides(settings)
        self._same: dict[str, bool] = {f"source.{table}": False for table in AS_THEY_STOOD}

    def __call__(self, name: str) -> bool:
        layer = name.split(".")[0]
        return layer not in DERIVED_LAYERS or self._is_same(name)

    def _is_same(self, name: str) -> bool:
        table = self._catalog.tables.get(name)
        if name in self._same or table is None:
            return self._same.get(name, not name.startswith("known."))
        if isinstance(table, SqlFile):
            placeholders = {str(node.this) for node in table.statement.find_all(exp.Placeholder)}
            values = table.standing(self._overrides.get(name)).values()
            same = not any(used.startswith("period") or used == "run_id" for used in placeholders)
            same = same and not any(is_dated(value) for value in values)
        else:
            same = name in _OF_AS_OF
        self._same[name] = same and all(self._is_same(needed) for needed in sorted(table.references))
        return self._same[name]


def reads_of(settings: Settings, catalog: Catalog) -> _Reads:
    """Which tables a month that is judged again reads from the lake: the source, what steps leave, and what rests on no month."""
    return _Reads(settings, catalog)
