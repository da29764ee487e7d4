"""Runs audit rules over all data: findings with evidence, and what was looked at."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from wattmark.audit.in_force import rows_sql
from wattmark.audit.rules import FIXED_COLUMNS, KIND, Rule, words_of
from wattmark.audit.scope import HAVE_UNITS, SUBJECT_UNIT, pilot_units, scoped_sql
from wattmark.audit.scope import READ as PILOT_TABLES
from wattmark.contract.types import duckdb_type, schema_of
from wattmark.engine.made import MADE_OF, Made
from wattmark.engine.produced import PRODUCED
from wattmark.engine.session import Session
from wattmark.engine.sqlfile import engine_error, literal
from wattmark.lake import Lake

FINDINGS = "findings.audit_exception"
COVERAGE = "findings.audit_coverage"
COVERAGE_UNIT = "findings.audit_coverage_unit"
NOT_CHECKED = "findings.audit_not_checked"

MESSAGES = ("message_en", "message_zh")

COVERAGE_SCHEMA = schema_of(PRODUCED[COVERAGE])
COVERAGE_UNIT_SCHEMA = schema_of(PRODUCED[COVERAGE_UNIT])
TOP_UNIT = "core.top_unit"
FAMILY = "family"
_NOTES_READ = 300
"""So many commits of the findings are looked through for the last one of each family; a night makes one a family."""
_WHOSE = ("account_id", "customer_id", "org_unit_id")
"""Columns by which a rule may say whom a finding concerns."""


@dataclass(frozen=True)
class Coverage:
    """What one rule looked at in one run (应查、实查、结果).

    ``reasons`` counts what was not checked: by the rule's own reason, or ``value_missing`` where a compared value is empty.
    """

    rule_id: str
    should_check: int
    flagged: int
    not_checked: int
    seconds: float
    reasons: dict[str, int] = field(default_factory=dict)
    units: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """By the subject's own unit: subjects, flagged ones, and those not checked; they sum to the figures above."""

    @property
    def checked(self) -> int:
        """Subjects judged."""
        return self.should_check - self.not_checked


def run_rule(
    session: Session,
    rule: Rule,
    findings: str,
    not_checked: str | None = None,
    lookups: Lookups | None = None,
) -> Coverage:
    """Run one rule and append its findings to a table of the session.

    Args:
        session: the run's session.
        rule: the rule.
        findings: name of an existing DuckDB table with the columns of ``create_findings``.
        not_checked: of one with the columns of ``create_not_checked``, which is told of each subject that was not
            judged; nobody is where None.
        lookups: of ``make_lookups`` where many rules are run; the tables themselves where None.

    Raises:
        SqlFileError: the rule does not run, or names one subject twice.
    """
    started = time.perf_counter()
    try:
        body = rows_sql(session, rule, session.result_sql(rule.file))
        columns = session.duck.sql(body).columns
        if pilot_units(rule, session.settings):
            session.see(PILOT_TABLES)
            body = scoped_sql(session, rule, body, columns)
        session.see(["source.account", TOP_UNIT, *([SUBJECT_UNIT] if rule.subject in HAVE_UNITS else [])])
        _judge(session, rule, body, columns, lookups or Lookups())
        totals, reasons = _counted(session, rule)
        units = _counted_by_unit(session)
        _append(session, rule, columns, findings)
        if not_checked:
            _append_not_checked(session, rule, not_checked)
        session.duck.execute("DROP TABLE _rule")
    except duckdb.Error as error:
        raise engine_error(rule.file, error) from None
    return Coverage(rule.rule_id, *totals, time.perf_counter() - started, reasons, units)


@dataclass(frozen=True)
class Lookups:
    """Where the unit of an account, and that of any other subject, is looked up."""

    account: str = "source.account"
    subject: str = SUBJECT_UNIT


def make_lookups(session: Session, rules: Iterable[Rule]) -> Lookups:
    """Work the units of accounts and of other subjects out once for many rules."""
    subjects = sorted({rule.subject for rule in rules} & HAVE_UNITS)
    session.see(["source.account", *([SUBJECT_UNIT] if subjects else [])])
    session.duck.execute(
        "CREATE OR REPLACE TEMP TABLE _account_unit AS SELECT a.account_id, a.customer_id, a.org_unit_id FROM source.account AS a"
    )
    if subjects:
        listed = ", ".join(f"'{subject}'" for subject in subjects)
        session.duck.execute(
            f"CREATE OR REPLACE TEMP TABLE _subject_unit AS SELECT * FROM {SUBJECT_UNIT} AS u WHERE u.subject_type IN ({listed})"
        )
    return Lookups("_account_unit", "_subject_unit")


def _judge(session: Session, rule: Rule, body: str, columns: Sequence[str], lookups: Lookups) -> None:
    """Make ``_rule``: a row for each subject that is flagged or was not checked and, for each unit, one for all others.

    Nearly all subjects are others, and none of these is written. The unit is the account's, else the one that the rule
    names, else the subject's own, else the top one.
    """
    stake = "r.at_stake_amount" if "at_stake_amount" in columns else "NULL"
    said = "r.not_checked" if "not_checked" in columns else "CAST(NULL AS VARCHAR)"
    # A comparison with an empty value says neither yes nor no.
    reason = f"COALESCE({said}, CASE WHEN r.flagged IS NULL THEN 'value_missing' END)"
    packed = ", ".join(f'"{column}" := r."{column}"' for column in columns if column not in FIXED_COLUMNS)
    whose = "".join(
        f'ANY_VALUE(CASE WHEN r.flagged THEN r."{column}" END) AS "{column}", '
        for column in _WHOSE
        if column in columns
    )
    unit, joins = _unit_of(rule, columns, lookups)
    named = f"COALESCE(r.flagged, FALSE) OR {reason} IS NOT NULL"
    session.duck.execute(
        f"""CREATE OR REPLACE TEMP TABLE _rule AS
        SELECT COALESCE(r.flagged, FALSE) AND {reason} IS NULL AS flagged, {reason} AS not_checked,
               CASE WHEN {named} THEN CAST(r.subject_id AS VARCHAR) END AS subject_id,
               CASE WHEN NOT ({named}) THEN {unit} END AS others_unit, COUNT(*) AS subjects,
               ANY_VALUE(CASE WHEN {named} THEN {unit} END) AS unit,
               {whose}
               ANY_VALUE(CASE WHEN r.flagged THEN r."{KIND}" END) AS kind,
               ANY_VALUE(CASE WHEN r.flagged THEN CAST({stake} AS DECIMAL(18,2)) END) AS at_stake_amount,
               ANY_VALUE(CASE WHEN r.flagged THEN CAST(to_json(struct_pack({packed or "rule := 1"})) AS VARCHAR) END) AS evidence
        FROM ({body}) AS r {joins}
        GROUP BY 1, 2, 3, 4"""
    )


def _unit_of(rule: Rule, columns: Sequence[str], lookups: Lookups) -> tuple[str, str]:
    """SQL of the unit of a row ``r`` of a rule, and of the joins that it needs; each joins one row at most."""
    units, joins = [], [f"LEFT JOIN {TOP_UNIT} AS top_unit ON TRUE"]
    if "account_id" in columns:
        units.append("unit_account.org_unit_id")
        joins.append(f"LEFT JOIN {lookups.account} AS unit_account ON unit_account.account_id = r.account_id")
    if "org_unit_id" in columns:
        units.append("r.org_unit_id")
    if rule.subject in HAVE_UNITS:
        units.append("unit_subject.org_unit_id")
        joins.append(
            f"LEFT JOIN {lookups.subject} AS unit_subject "
            f"ON unit_subject.subject_type = '{rule.subject}' AND unit_subject.subject_id = CAST(r.subject_id AS VARCHAR)"
        )
    return f"COALESCE({', '.join([*units, 'top_unit.org_unit_id', 'NULL'])})", " ".join(joins)


def _counted_by_unit(session: Session) -> dict[str, tuple[int, int, int]]:
    """Subjects of ``_rule``, flagged ones and those not checked, by unit; empty text where the utility names none."""
    return {
        unit: (subjects, flagged, not_checked)
        for unit, subjects, flagged, not_checked in session.duck.execute(
            """SELECT COALESCE(unit, others_unit, ''), CAST(SUM(subjects) AS BIGINT), COUNT(*) FILTER (flagged),
                      CAST(COALESCE(SUM(subjects) FILTER (not_checked IS NOT NULL), 0) AS BIGINT)
            FROM _rule GROUP BY 1 ORDER BY 1"""
        ).fetchall()
    }


def _counted(session: Session, rule: Rule) -> tuple[tuple[int, int, int], dict[str, int]]:
    """Subjects of ``_rule``, flagged ones and those not checked; and the latter by reason.

    Raises:
        SqlFileError: a subject is flagged twice, or is none.
    """
    duck = session.duck
    totals = duck.execute(
        """SELECT CAST(COALESCE(SUM(subjects), 0) AS BIGINT), COUNT(*) FILTER (flagged),
                  CAST(COALESCE(SUM(subjects) FILTER (not_checked IS NOT NULL), 0) AS BIGINT) FROM _rule"""
    ).fetchall()[0]
    reasons = dict(
        duck.execute(
            """SELECT not_checked, CAST(SUM(subjects) AS BIGINT) FROM _rule
            WHERE not_checked IS NOT NULL GROUP BY 1 ORDER BY 1"""
        ).fetchall()
    )
    twice = duck.execute(
        """SELECT subject_id FROM _rule WHERE flagged AND (subjects > 1 OR subject_id IS NULL)
        ORDER BY 1 NULLS LAST LIMIT 1"""
    ).fetchall()
    if twice:
        raise rule.file.error(
            "rule.twice", f"subject {twice[0][0]} is flagged more than once, or is no subject.", "subject_id"
        )
    return (totals[0], totals[1], totals[2]), reasons


def _append(session: Session, rule: Rule, columns: Sequence[str], findings: str) -> None:
    """Append what ``_rule`` flags to the findings, with customer and unit where the rule gives none."""
    values = ", ".join(
        str(literal(value).sql(dialect="duckdb"))
        for value in (rule.rule_id, rule.subject, session.run.period, rule.severity, rule.family)
    )
    found = {column: f'r."{column}"' if column in columns else "CAST(NULL AS VARCHAR)" for column in _WHOSE}
    session.duck.execute(
        f"""INSERT INTO {findings}
        SELECT v.rule_id, v.subject_type, r.subject_id, v.period, {found["account_id"]},
               COALESCE({found["customer_id"]}, a.customer_id),
               r.unit, v.severity, r.at_stake_amount, r.evidence, r.kind, v.family, NULL, NULL
        FROM _rule AS r
        CROSS JOIN (VALUES ({values})) AS v(rule_id, subject_type, period, severity, family)
        LEFT JOIN source.account AS a ON a.account_id = {found["account_id"]}
        WHERE r.flagged"""
    )


def _append_not_checked(session: Session, rule: Rule, not_checked: str) -> None:
    """Append the subjects of ``_rule`` that were not checked; one row without a subject where none was, for one reason.

    What a source does not hand over leaves every subject of a rule unchecked, and would be written for each of them.
    """
    values = ", ".join(
        str(literal(value).sql(dialect="duckdb")) for value in (rule.rule_id, rule.subject, rule.family)
    )
    session.duck.execute(
        f"""INSERT INTO {not_checked}
        WITH whole AS (
            SELECT MIN(not_checked) AS reason FROM _rule
            HAVING COUNT(*) = COUNT(not_checked) AND COUNT(DISTINCT not_checked) = 1
        )
        SELECT v.rule_id, v.subject_type, r.subject_id, r.not_checked, v.family
        FROM (
            SELECT DISTINCT subject_id, not_checked FROM _rule
            WHERE not_checked IS NOT NULL AND NOT EXISTS (FROM whole)
            UNION ALL
            SELECT NULL, reason FROM whole
        ) AS r
        CROSS JOIN (VALUES ({values})) AS v(rule_id, subject_type, family)"""
    )


def _create(session: Session, produced: str, name: str) -> str:
    columns = ", ".join(f"{column} {duckdb_type(kind)}" for column, kind in PRODUCED[produced].items())
    session.duck.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
    return name


def create_findings(session: Session, name: str = "_findings") -> str:
    """Make the empty table that findings are collected in; returns its name."""
    return _create(session, FINDINGS, name)


def create_not_checked(session: Session, name: str = "_not_checked") -> str:
    """Make the empty table that subjects which could not be judged are collected in; returns its name."""
    return _create(session, NOT_CHECKED, name)


def coverage_table(coverage: Iterable[Coverage]) -> pa.Table:
    """Coverage as rows of ``findings.audit_coverage``."""
    return pa.Table.from_pylist(
        [
            {
                "rule_id": row.rule_id,
                "should_check": row.should_check,
                "checked": row.checked,
                "flagged": row.flagged,
                "not_checked": row.not_checked,
                "not_checked_reasons": json.dumps(row.reasons, ensure_ascii=False, sort_keys=True),
                "seconds": round(row.seconds, 3),
                "family": row.rule_id.split("-")[0],
            }
            for row in coverage
        ],
        schema=COVERAGE_SCHEMA,
    )


def coverage_by_unit(coverage: Iterable[Coverage]) -> pa.Table:
    """Coverage as rows of ``findings.audit_coverage_unit``."""
    return pa.Table.from_pylist(
        [
            {
                "rule_id": row.rule_id,
                "org_unit_id": unit,
                "should_check": subjects,
                "checked": subjects - not_checked,
                "flagged": flagged,
                "not_checked": not_checked,
                "family": row.rule_id.split("-")[0],
            }
            for row in coverage
            for unit, (subjects, flagged, not_checked) in row.units.items()
        ],
        schema=COVERAGE_UNIT_SCHEMA,
    )


def told(session: Session, rules: Sequence[Rule], table: str) -> pa.RecordBatchReader:
    """The findings in their order, each told in words."""
    # All that reads the lake comes first: while it is being written nothing may.
    session.see(["source.tariff"])
    names = session.duck.execute(
        "SELECT tariff_code, name FROM source.tariff WHERE name IS NOT NULL"
    ).fetchall()
    words = words_of({rule.rule_id: rule for rule in rules}, session.settings, tariffs=dict(names))
    columns = ", ".join(name for name in PRODUCED[FINDINGS] if name not in MESSAGES)
    found = session.duck.sql(f"SELECT {columns} FROM {table} ORDER BY rule_id, subject_id").to_arrow_reader()
    return pa.RecordBatchReader.from_batches(
        schema_of(PRODUCED[FINDINGS]),
        (told for batch in found for told in words.add_to(pa.Table.from_batches([batch])).to_batches()),
    )


def rule_made(session: Session, rule: Rule) -> Made:
    """What a rule's findings are made of as things stand."""
    units = [SUBJECT_UNIT] if rule.subject in HAVE_UNITS else []
    pilot = PILOT_TABLES if pilot_units(rule, session.settings) else ()
    return session.maker.made(rule.file.name, ["source.account", TOP_UNIT, *units, *pilot])


def families_made(lake: Lake) -> dict[str, tuple[str, dict[str, Made]]]:
    """By family, the run whose findings the lake holds of it and what each of its rules was made of.

    A family that an earlier version left, which noted nothing, is not there.
    """
    found: dict[str, tuple[str, dict[str, Made]]] = {}
    for note in lake.notes(FINDINGS, _NOTES_READ):
        if FAMILY in note and note[FAMILY] not in found:
            rules = {rule: Made.from_json(raw) for rule, raw in json.loads(note[MADE_OF]).items()}
            found[note[FAMILY]] = note["run_id"], rules
    return found


def run_family(session: Session, rules: Iterable[Rule], family: str) -> list[Coverage]:
    """Run the rules of one family; their findings, coverage and unchecked subjects take the place of its last ones."""
    table, not_checked, rules = create_findings(session), create_not_checked(session), list(rules)
    lookups = make_lookups(session, rules) if rules else None
    coverage = [run_rule(session, rule, table, not_checked, lookups) for rule in rules]
    where = f"family = {literal(family).sql(dialect='duckdb')}"
    note = {"run_id": session.run.run_id}
    made = {rule.rule_id: rule_made(session, rule).to_json() for rule in rules}
    session.lake.replace(
        FINDINGS, told(session, rules, table), partition_by=["family"], where=where,
        metadata={**note, FAMILY: family, MADE_OF: json.dumps(made, ensure_ascii=False)},
    )  # fmt: skip
    for name, rows in ((COVERAGE, coverage_table(coverage)), (COVERAGE_UNIT, coverage_by_unit(coverage))):
        session.lake.replace(name, rows, partition_by=["family"], where=where, metadata=note)
    columns = ", ".join(PRODUCED[NOT_CHECKED])
    unchecked = session.duck.sql(f"SELECT {columns} FROM {not_checked} ORDER BY rule_id, subject_id")
    session.lake.replace(
        NOT_CHECKED, unchecked.to_arrow_reader(), partition_by=["family"], where=where, metadata=note
    )
    return coverage
