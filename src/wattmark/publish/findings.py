"""What is asked of the published findings, once for pages, reports and commands.

Money is shown signed: what customers owe the utility and what it owes them, apart, never a sum of both. A finding that
follows from another one is about the same money, so its money is left out of sums.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

MOST = 200
"""Findings of one rule that are shown, those with most money first."""

BY_RULE = """
SELECT e.rule_id, r.title_en, r.title_zh, e.kind, e.severity, COUNT(*) AS findings, COUNT(c.rule_id) AS effects,
  SUM(e.at_stake_amount) FILTER (WHERE e.at_stake_amount > 0 AND c.rule_id IS NULL) AS owed_to_utility,
  -SUM(e.at_stake_amount) FILTER (WHERE e.at_stake_amount < 0 AND c.rule_id IS NULL) AS owed_to_customers
FROM mart.audit_exception AS e
LEFT JOIN mart.audit_root_cause AS c USING (rule_id, subject_type, subject_id, period)
LEFT JOIN mart.dim_rule AS r ON r.rule_id = e.rule_id
GROUP BY 1, 2, 3, 4, 5
ORDER BY SUM(ABS(e.at_stake_amount)) FILTER (WHERE c.rule_id IS NULL) DESC NULLS LAST, COUNT(*) DESC, 1
"""
CAUSES = """
SELECT c.cause_rule_id, c.cause_subject_type, c.cause_subject_id, k.account_id, k.org_unit_id, k.severity, k.at_stake_amount,
  k.message_en, k.message_zh, e.rule_id, e.subject_type, e.subject_id, e.message_en AS effect_en, e.message_zh AS effect_zh
FROM mart.audit_root_cause AS c
JOIN mart.audit_exception AS e USING (rule_id, subject_type, subject_id, period)
JOIN mart.audit_exception AS k ON k.rule_id = c.cause_rule_id AND k.subject_type = c.cause_subject_type
  AND k.subject_id = c.cause_subject_id AND k.period = c.period
ORDER BY ABS(k.at_stake_amount) DESC NULLS LAST, 1, 2, 3, e.rule_id, e.subject_type, e.subject_id
"""
OF_RULE = """
SELECT e.subject_type, e.subject_id, e.account_id, e.org_unit_id, e.severity, e.at_stake_amount, e.message_en, e.message_zh
FROM mart.audit_exception AS e
LEFT JOIN mart.audit_root_cause AS c USING (rule_id, subject_type, subject_id, period)
WHERE e.rule_id = %(rule_id)s AND c.rule_id IS NULL
ORDER BY ABS(e.at_stake_amount) DESC NULLS LAST, e.subject_type, e.subject_id
LIMIT %(most)s
"""
COVERAGE = """
SELECT v.rule_id, r.title_en, r.title_zh, v.should_check, v.checked, v.flagged, v.not_checked, v.flagged_share, v.is_flood
FROM mart.audit_coverage AS v LEFT JOIN mart.dim_rule AS r ON r.rule_id = v.rule_id
ORDER BY v.is_flood DESC, v.flagged_share DESC NULLS LAST, v.rule_id
"""
COMMON = """
SELECT f.rule_id, f.feature, COALESCE(n.name_en, f.feature) AS feature_en, COALESCE(n.name_zh, f.feature) AS feature_zh,
  COALESCE(t.name_en, f.value) AS value_en, COALESCE(t.name_zh, f.value) AS value_zh, f.findings, f.findings_share,
  f.accounts_share, f.times, f.is_common
FROM mart.audit_flood AS f
LEFT JOIN mart.code_name AS n ON n.code_list = 'shared_feature' AND n.code = f.feature
LEFT JOIN mart.code_name AS t ON f.feature = 'tariff' AND t.code_list = 'tariff' AND t.code = f.value
WHERE f.place = 1
ORDER BY f.rule_id, f.is_common DESC, f.times DESC, f.feature
"""

_NOT_THERE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.InvalidSchemaName,
)


def asked(connection: psycopg.Connection[Any], query: str, **values: Any) -> list[dict[str, Any]]:
    """Rows of one of the queries here; none where the night that publishes what it reads has not been yet."""
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, values or None).fetchall()
    except _NOT_THERE:
        return []


def causes(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """Each finding from which others follow, once, with ``effects``: those that follow from it, as rows."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in asked(connection, CAUSES):
        key = (row["cause_rule_id"], row["cause_subject_type"], row["cause_subject_id"])
        cause = found.setdefault(
            key,
            {
                "rule_id": row["cause_rule_id"],
                "subject_type": row["cause_subject_type"],
                "subject_id": row["cause_subject_id"],
                **{name: row[name] for name in ("account_id", "org_unit_id", "severity", "at_stake_amount")},
                **{name: row[name] for name in ("message_en", "message_zh")},
                "effects": [],
            },
        )
        cause["effects"].append(
            {name: row[name] for name in ("rule_id", "subject_type", "subject_id", "effect_en", "effect_zh")}
        )
    return list(found.values())
