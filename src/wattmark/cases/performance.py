"""Rules that are seldom right: which are in question, and what would be lost without them, or with other limits."""

from __future__ import annotations

import decimal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row, tuple_row

from wattmark.audit.replay import preview
from wattmark.cases.model import DECISIONS, case_id_of
from wattmark.cases.rights import published
from wattmark.run import Run
from wattmark.settings import Settings


@dataclass(frozen=True)
class Question:
    """A rule whose share confirmed is so low that it is proposed to tighten or retire it.

    ``span`` and ``period`` say where: of a rule's newest months, quarters and years the longest span that says so.
    """

    rule_id: str
    span: str
    period: Any
    decided: int
    confirmed: int
    confirmed_share: float
    confirmed_share_high: float
    hours: decimal.Decimal
    recovered_amount: decimal.Decimal


@dataclass(frozen=True)
class Loss:
    """What a rule would find no more; money as |at stake| and |confirmed|.

    ``confirmed``: of the findings lost those whose case was last decided to be right.
    """

    found: int
    lost: int
    lost_amount: decimal.Decimal
    confirmed: int
    confirmed_amount: decimal.Decimal

    def figures(self) -> dict[str, Any]:
        """As a decision keeps them."""
        return asdict(self)


def questions(connection: psycopg.Connection[Any]) -> list[Question]:
    """Rules in question of which nobody has decided since the period began, by id.

    Looks at the newest period of each span that ``mart.rule_performance`` has of a rule.
    """
    if not published(connection, "rule_performance"):
        return []
    with connection.cursor(row_factory=class_row(Question)) as cursor:
        return cursor.execute(
            """WITH newest AS (
                SELECT DISTINCT ON (p.rule_id, p.span) p.* FROM mart.rule_performance AS p
                WHERE p.decided > 0 ORDER BY p.rule_id, p.span, p.period DESC
            )
            SELECT DISTINCT ON (n.rule_id) n.rule_id, n.span, n.period, n.decided, n.confirmed, n.confirmed_share,
                   n.confirmed_share_high, n.hours, n.recovered_amount
            FROM newest AS n
            WHERE n.is_in_question
              AND NOT EXISTS (SELECT FROM ops.rule_decision AS d WHERE d.rule_id = n.rule_id AND d.decided_at >= n.period)
            ORDER BY n.rule_id, CASE n.span WHEN 'year' THEN 1 WHEN 'quarter' THEN 2 ELSE 3 END"""
        ).fetchall()


def would_lose(
    settings: Settings,
    connection: psycopg.Connection[Any],
    run: Run,
    rule_id: str,
    values: Mapping[str, Any] | None = None,
) -> Loss:
    """What a rule would find no more with other parameters, or, without any, if it were retired.

    Args:
        settings: of the home, whose lake is looked at.
        connection: on the warehouse, whose cases say which findings were right.
        run: the run to look at (``audit.replay.audited_run``).
        rule_id: the rule.
        values: new values by parameter name; None retires the rule.

    Raises:
        SettingsError, ReplayError: as ``audit.replay.preview``.
    """
    shown = preview(settings, run, rule_id, values or {})
    lost = shown.lost if values else list(shown.found)
    month = run.period if shown.rule.judges == "month" else None
    ids = [case_id_of(rule_id, finding.subject_type, finding.subject_id, month) for finding in lost]
    with connection.cursor(row_factory=tuple_row) as cursor:
        confirmed, amount = cursor.execute(
            "SELECT COUNT(*) FILTER (WHERE d.to_state = 'confirmed'), "
            "COALESCE(SUM(ABS(c.confirmed_amount)) FILTER (WHERE d.to_state = 'confirmed'), 0) FROM ops.audit_case AS c "
            "CROSS JOIN LATERAL (SELECT e.to_state FROM ops.audit_case_event AS e WHERE e.case_id = c.case_id AND e.step = ANY(%s) "
            "AND e.to_state IN ('confirmed', 'dismissed') ORDER BY e.event_no DESC LIMIT 1) AS d WHERE c.case_id = ANY(%s)",
            [list(DECISIONS), ids],
        ).fetchall()[0]
    stake = sum((abs(finding.at_stake_amount or decimal.Decimal(0)) for finding in lost), decimal.Decimal(0))
    return Loss(len(shown.found), len(lost), stake, confirmed, amount)
