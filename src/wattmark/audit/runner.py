"""Runs audit rules over all data: findings with evidence, and what was looked at."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from wattmark.audit.rules import FIXED_COLUMNS, Rule
from wattmark.contract.model import arrow_type, duckdb_type
from wattmark.engine.produced import PRODUCED
from wattmark.engine.session import Session, engine_error
from wattmark.engine.sqlfile import literal

FINDINGS = "findings.audit_exception"
COVERAGE = "findings.audit_coverage"

COVERAGE_SCHEMA = pa.schema([(name, arrow_type(kind)) for name, kind in PRODUCED[COVERAGE].items()])


@dataclass(frozen=True)
class Coverage:
    """What one rule looked at in one run (应查、实查、结果); ``reasons`` counts what was not checked."""

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
    duck = session.duck
    try:
        body = session.result_sql(rule.file)
        columns = duck.sql(body).columns
        session.see(["source.account"])
        given = {column: f'r."{column}"' for column in FIXED_COLUMNS if column in columns}
        evidence = [column for column in columns if column not in FIXED_COLUMNS]
        packed = ", ".join(f'"{column}" := r."{column}"' for column in evidence)
        duck.execute(
            f"""CREATE OR REPLACE TEMP TABLE _rule AS
            SELECT CASE WHEN f THEN s END AS subject_id, f AS flagged, n AS not_checked, a AS account_id,
                   c AS customer_id, o AS org_unit_id, m AS at_stake_amount, e AS evidence
            FROM (SELECT CAST(r.subject_id AS VARCHAR) AS s, COALESCE(r.flagged, FALSE) AND {given.get("not_checked", "NULL")} IS NULL AS f,
                         {given.get("not_checked", "CAST(NULL AS VARCHAR)")} AS n,
                         CASE WHEN r.flagged THEN {given.get("account_id", "CAST(NULL AS VARCHAR)")} END AS a,
                         CASE WHEN r.flagged THEN {given.get("customer_id", "CAST(NULL AS VARCHAR)")} END AS c,
                         CASE WHEN r.flagged THEN {given.get("org_unit_id", "CAST(NULL AS VARCHAR)")} END AS o,
                         CASE WHEN r.flagged THEN CAST({given.get("at_stake_amount", "NULL")} AS DECIMAL(18,2)) END AS m,
                         CASE WHEN r.flagged THEN CAST(to_json(struct_pack({packed or "rule := 1"})) AS VARCHAR) END AS e
                  FROM ({body}) AS r)"""
        )
        totals = duck.execute(
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE flagged), COUNT(not_checked), COUNT(DISTINCT subject_id) FROM _rule"
        ).fetchall()[0]
        reasons = dict(
            duck.execute(
                "SELECT not_checked, COUNT(*) FROM _rule WHERE not_checked IS NOT NULL GROUP BY 1 ORDER BY 1"
            ).fetchall()
        )
        if totals[1] != totals[3]:
            twice = duck.execute(
                "SELECT subject_id FROM _rule WHERE flagged GROUP BY 1 HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1"
            ).fetchall()
            raise rule.file.error(
                "rule.twice", f"subject {twice[0][0]} is flagged more than once.", "subject_id"
            )
        values = ", ".join(
            str(literal(value).sql(dialect="duckdb"))
            for value in (
                rule.rule_id,
                rule.subject,
                session.run.period,
                rule.severity,
                rule.kind,
                rule.family,
            )
        )
        duck.execute(
            f"""INSERT INTO {findings}
            SELECT v.rule_id, v.subject_type, r.subject_id, v.period, r.account_id,
                   COALESCE(r.customer_id, a.customer_id), COALESCE(r.org_unit_id, a.org_unit_id),
                   v.severity, r.at_stake_amount, r.evidence, v.kind, v.family
            FROM _rule AS r
            CROSS JOIN (VALUES ({values})) AS v(rule_id, subject_type, period, severity, kind, family)
            LEFT JOIN source.account AS a ON a.account_id = r.account_id
            WHERE r.flagged"""
        )
        duck.execute("DROP TABLE _rule")
    except duckdb.Error as error:
        raise engine_error(rule.file, error) from None
    return Coverage(rule.rule_id, totals[0], totals[1], totals[2], time.perf_counter() - started, reasons)


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
                "rule_id": one.rule_id,
                "should_check": one.should_check,
                "checked": one.checked,
                "flagged": one.flagged,
                "not_checked": one.not_checked,
                "not_checked_reasons": json.dumps(one.reasons, ensure_ascii=False, sort_keys=True),
                "seconds": round(one.seconds, 3),
                "family": one.rule_id.split("-")[0],
            }
            for one in coverage
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
