"""The yearly review of key accounts: what is due, in words a person can decide on, and what was decided.

The figures propose; a person decides. Decisions are kept in ``ops.key_account_review`` with the figures that
were shown, and nothing else changes because of them: a retired key account stays one in the figures until the
utility's list or its parameters say otherwise.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from wattmark.engine.session import DuckDBSession
from wattmark.errors import WattmarkError
from wattmark.publish.ops import SCHEMA, ops_engine
from wattmark.run import Run
from wattmark.settings import Settings

OUTCOMES = ("retained", "promoted", "retired")
PROPOSED = {"retain": "retained", "promote": "promoted", "retire": "retired"}
PROPOSED_ZH = {"retain": "保留", "promote": "晋升", "retire": "退出"}

DECIDED_DAYS = 300
"""A review decided so many days ago or less is not due again: the next one is a year away."""

REVIEW = sa.table(
    "key_account_review",
    *map(sa.column, ("customer_id", "as_of", "due_on", "proposal", "outcome", "reason", "decided_by")),
    schema=SCHEMA,
)


class ReviewError(WattmarkError):
    """A review cannot be decided as asked."""


def due(settings: Settings, run: Run) -> list[dict[str, Any]]:
    """Reviews due on a published night that were not decided in the ``DECIDED_DAYS`` before it.

    Returns:
        one mapping per customer: ``customer_id``, ``proposal``, ``outcome`` (what the proposal amounts to) and
        ``text``, which holds the figures and no personal data.
    """
    with DuckDBSession(settings, run) as session:
        rows = (
            session.query(
                "SELECT r.customer_id, r.due_on, r.proposal, r.grade, r.from_grade, r.key_account_reason, r.kwh_12m, r.kwh_change, r.on_time, "
                "r.mean_days_late, r.current_value_amount, r.potential_value_amount, r.reason, r.reason_zh "
                "FROM mart.key_account_review AS r WHERE r.is_due ORDER BY r.customer_id"
            )
            .read_all()
            .to_pylist()
        )
    decided = _decided(settings, run)
    return [
        {
            "customer_id": row["customer_id"],
            "due_on": row["due_on"].isoformat(),
            "proposal": row["proposal"],
            "outcome": PROPOSED[row["proposal"]],
            "text": describe(row),
        }
        for row in rows
        if row["customer_id"] not in decided
    ]


def _decided(settings: Settings, run: Run) -> set[str]:
    engine = ops_engine(settings)
    recent = sa.select(REVIEW.c.customer_id).where(
        REVIEW.c.as_of < run.as_of, REVIEW.c.as_of >= run.as_of - dt.timedelta(days=DECIDED_DAYS)
    )
    try:
        with engine.connect() as connection:
            return set(connection.execute(recent).scalars())
    finally:
        engine.dispose()


def describe(row: dict[str, Any]) -> str:
    """The figures of one review in words, in English and in Chinese."""

    def share(value: float | None, unknown: str) -> str:
        return unknown if value is None else f"{value:.0%}"

    days = row["mean_days_late"]
    money = f"{row['current_value_amount']:,.2f}", f"{row['potential_value_amount']:,.2f}"
    was = row["from_grade"]
    english = (
        f"Customer {row['customer_id']}: {row['reason']}. Grade {row['grade']}{f', was {was}' if was else ''}. "
        f"Energy {row['kwh_12m']:,.0f} kWh in 12 months, change {share(row['kwh_change'], 'unknown')}. "
        f"Bills on time {share(row['on_time'], 'unknown')}, mean delay {'unknown' if days is None else f'{days:.1f} days'}. "
        f"Margin {money[0]}, potential {money[1]}. Proposed: {row['proposal']}."
    )
    chinese = (
        f"客户 {row['customer_id']}：{row['reason_zh']}。等级 {row['grade']}{f'（原 {was}）' if was else ''}。"
        f"12 个月用电量 {row['kwh_12m']:,.0f} 千瓦时，变化 {share(row['kwh_change'], '未知')}。"
        f"按期缴费 {share(row['on_time'], '未知')}，平均逾期 {'未知' if days is None else f'{days:.1f} 天'}。"
        f"毛利 {money[0]}，潜在价值 {money[1]}。建议：{PROPOSED_ZH[row['proposal']]}。"
    )
    return f"{english}\n\n{chinese}"


def decide(settings: Settings, run: Run, decisions: list[dict[str, str]]) -> int:
    """Keep what a person decided on a day's reviews; deciding on the same customer again replaces it.

    Args:
        settings: the utility's settings.
        run: the night whose reviews these are.
        decisions: ``customer_id``, ``due_on``, ``proposal``, ``outcome``, ``reason`` (the figures shown), ``decided_by``.

    Returns:
        number of decisions.

    Raises:
        ReviewError: an outcome that does not exist, nobody named, or a customer decided twice.
    """
    seen: set[str] = set()
    for decision in decisions:
        if decision["outcome"] not in OUTCOMES:
            raise ReviewError(
                "review.outcome",
                f"{decision['outcome']!r} is no outcome of a review.",
                f"One of {', '.join(OUTCOMES)}.",
            )
        if not decision["decided_by"].strip():
            raise ReviewError(
                "review.nobody",
                f"Nobody decided on customer {decision['customer_id']}.",
                "A review is decided by a person.",
            )
        if decision["customer_id"] in seen:
            raise ReviewError("review.twice", f"Customer {decision['customer_id']} is decided on twice.")
        seen.add(decision["customer_id"])
    rows = [
        {**decision, "as_of": run.as_of, "due_on": dt.date.fromisoformat(decision["due_on"])}
        for decision in decisions
    ]
    engine = ops_engine(settings)
    new = insert(REVIEW)
    keys = ("customer_id", "as_of")
    changed = {column.name: new.excluded[column.name] for column in REVIEW.c if column.name not in keys}
    try:
        with engine.begin() as connection:
            if rows:
                connection.execute(new.on_conflict_do_update(index_elements=keys, set_=changed), rows)
    finally:
        engine.dispose()
    return len(rows)
