"""What a person decides about a rule that is seldom right."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from wattmark.cases.act import Desk, needed_text, one_of, writing
from wattmark.cases.log import canonical
from wattmark.cases.model import MANUAL, CaseError
from wattmark.cases.rights import RightsError, published, who

DECISIONS = ("keep", "tighten", "retire")


def decide_rule(
    desk: Desk, rule_id: str, decision: str, why: str, loss: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write a decision about a rule, with the figures that were known: what ``mart.rule_performance`` says of it.

    Args:
        desk: who decides, an approver. The decision itself changes no rule: parameters do, in ``settings.yaml``.
        rule_id: the rule.
        decision: keep, tighten or retire.
        why: the reason.
        loss: what it would lose, as it was shown (``performance.Loss.figures``); kept with the figures.

    Returns:
        the figures, by span and period.

    Raises:
        CaseError: there is no such rule or decision, or the login may not; nothing was written.
    """
    with writing(desk) as connection:
        actor = who(connection, desk.login)
        if not actor.is_a("approver"):
            raise RightsError(
                "case.role", f"login {actor.login} is {actor.role}; rules are decided on by approvers.", "Ask an approver."
            )  # fmt: skip
        where = f"rule {rule_id}"
        one_of("decision", decision, DECISIONS, where)
        told = needed_text("why", why, where)
        known = (
            published(connection, "dim_rule")
            and connection.execute("SELECT 1 FROM mart.dim_rule WHERE rule_id = %s", [rule_id]).fetchone()
        )
        if not known and rule_id != MANUAL:
            raise CaseError("case.rule", f"There is no rule {rule_id}.", "See docs/reference/rules.md.")
        figures = _figures(connection, rule_id) | ({"loss": dict(loss)} if loss is not None else {})
        connection.execute(
            "INSERT INTO ops.rule_decision (rule_id, decided_at, actor, decision, why, figures) VALUES (%s, %s, %s, %s, %s, %s::jsonb)",
            [rule_id, desk.at or dt.datetime.now(dt.UTC), actor.login, decision, told, canonical(figures)],
        )
    return figures


def _figures(connection: psycopg.Connection[Any], rule_id: str) -> dict[str, Any]:
    """The rule's newest row of each span."""
    if not published(connection, "rule_performance"):
        return {}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT DISTINCT ON (span) * FROM mart.rule_performance WHERE rule_id = %s ORDER BY span, period DESC",
            [rule_id],
        ).fetchall()
    return {
        str(row["span"]): {
            name: value if isinstance(value, (int, float, decimal.Decimal)) or value is None else str(value)
            for name, value in row.items()
            if name not in ("rule_id", "span")
        }
        for row in rows
    }
