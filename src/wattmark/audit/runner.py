"""Runs audit rules over all data: findings with evidence, and what was looked at."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from wattmark.audit.rules import FIXED_COLUMNS, Rule
from wattmark.contract.types import duckdb_type, schema_of
from wattmark.engine.produced import PRODUCED
from wattmark.engine.session import Session, engine_error
from wattmark.engine.sqlfile import literal

FINDINGS = "findings.audit_exception"
COVERAGE = "findings.audit_coverage"

COVERAGE_SCHEMA = schema_of(PRODUCED[COVERAGE])
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

    @property
    def checked(self) -> int:
        """Subjects judged."""
        return self.should_check - self.not_checked


def run_rule(session: Session, rule: Rule, findings: str) -> Coverage:
    """Run one rule and append its findings to a table of the session.

    Args:
        session: the run's session.
        rule: the rule.
        findings: name of an existing DuckDB table with the columns of ``create_findings``.

    Raises:
        SqlFileError: the rule does not run, or names one subject twice.
    """
    started = time.perf_counter()
    try:
        body = session.result_sql(rule.file)
        columns = session.duck.sql(body).columns
        _judge(session, body, columns)
        totals, reasons = _counted(session, rule)
        session.see(["source.account"])
        _append(session, rule, columns, findings)
        session.duck.execute("DROP TABLE _rule")
    except duckdb.Error as error:
        raise engine_error(rule.file, error) from None
    return Coverage(rule.rule_id, *totals, time.perf_counter() - started, reasons)


def _judge(session: Session, body: str, columns: Sequence[str]) -> None:
    """Make ``_rule``: a row for each flagged subject and one for all others of a kind.

    Nearly all subjects are others, and none of these is written.
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
    session.duck.execute(
        f"""CREATE OR REPLACE TEMP TABLE _rule AS
        SELECT COALESCE(r.flagged, FALSE) AND {reason} IS NULL AS flagged, {reason} AS not_checked,
               CASE WHEN r.flagged THEN CAST(r.subject_id AS VARCHAR) END AS subject_id, COUNT(*) AS subjects,
               {whose}
               ANY_VALUE(CASE WHEN r.flagged THEN CAST({stake} AS DECIMAL(18,2)) END) AS at_stake_amount,
               ANY_VALUE(CASE WHEN r.flagged THEN CAST(to_json(struct_pack({packed or "rule := 1"})) AS VARCHAR) END) AS evidence
        FROM ({body}) AS r
        GROUP BY 1, 2, 3"""
    )


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
    """Append what ``_rule`` flags to the findings, with customer and unit of its account where it gives none."""
    values = ", ".join(
        str(literal(value).sql(dialect="duckdb"))
        for value in (rule.rule_id, rule.subject, session.run.period, rule.severity, rule.kind, rule.family)
    )
    found = {column: f'r."{column}"' if column in columns else "CAST(NULL AS VARCHAR)" for column in _WHOSE}
    session.duck.execute(
        f"""INSERT INTO {findings}
        SELECT v.rule_id, v.subject_type, r.subject_id, v.period, {found["account_id"]},
               COALESCE({found["customer_id"]}, a.customer_id), COALESCE({found["org_unit_id"]}, a.org_unit_id),
               v.severity, r.at_stake_amount, r.evidence, v.kind, v.family
        FROM _rule AS r
        CROSS JOIN (VALUES ({values})) AS v(rule_id, subject_type, period, severity, kind, family)
        LEFT JOIN source.account AS a ON a.account_id = {found["account_id"]}
        WHERE r.flagged"""
    )


def create_findings(session: Session, name: str = "_findings") -> str:
    """Make the empty table that findings are collected in; returns its name."""
    columns = ", ".join(f"{column} {duckdb_type(kind)}" for column, kind in PRODUCED[FINDINGS].items())
    session.duck.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
    return name


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


def run_family(session: Session, rules: Iterable[Rule], family: str) -> list[Coverage]:
    """Run the rules of one family and put their findings and coverage in place of the family's last ones."""
    table = create_findings(session)
    coverage = [run_rule(session, rule, table) for rule in rules]
    where = f"family = {literal(family).sql(dialect='duckdb')}"
    note = {"run_id": session.run.run_id}
    found = session.duck.sql(f"SELECT * FROM {table} ORDER BY rule_id, subject_id").to_arrow_reader()
    session.lake.replace(FINDINGS, found, partition_by=["family"], where=where, metadata=note)
    session.lake.replace(
        COVERAGE, coverage_table(coverage), partition_by=["family"], where=where, metadata=note
    )
    return coverage
