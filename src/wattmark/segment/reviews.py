"""The yearly review of key accounts: what is due, in words a person can decide on, and what was decided.

The figures propose; a person decides. Decisions are kept in ``segment_state.review`` with the reasons that
were shown, one part a review day, and nothing else changes because of them: a retired key account stays one
in the figures until the utility's list or its parameters say otherwise.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa

from wattmark.engine.session import DuckDBSession
from wattmark.errors import WattmarkError
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings

TABLE = "segment_state.review"
OUTCOMES = ("retained", "promoted", "retired")
PROPOSED = {"retain": "retained", "promote": "promoted", "retire": "retired"}

DECIDED_DAYS = 300
"""A review decided so many days ago or less is not due again: the next one is a year away."""

SCHEMA = pa.schema(
    [
        ("as_of", pa.date32()),
        ("customer_id", pa.string()),
        ("due_on", pa.date32()),
        ("proposal", pa.string()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("decided_by", pa.string()),
    ]
)


class ReviewError(WattmarkError):
    """A review cannot be decided as asked."""


def due(settings: Settings, run: Run) -> list[dict[str, Any]]:
    """Reviews due on a published night that were not decided in the ``DECIDED_DAYS`` before it.

    Returns:
        one mapping a customer: ``customer_id``, ``proposal``, ``outcome`` (what the proposal amounts to) and
        ``text``, which holds the figures and no personal data.
    """
    with DuckDBSession(settings, run) as session:
        rows = (
            session.query(
                "SELECT r.customer_id, r.due_on, r.proposal, r.grade, r.from_grade, r.key_account_reason, r.kwh_12m, r.kwh_change, r.on_time, "
                "r.mean_days_late, r.current_value_amount, r.potential_value_amount, r.reason "
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
    if not Lake(settings.lake).exists(TABLE):
        return set()
    with DuckDBSession(settings, run) as session:
        rows = session.query(
            f"SELECT DISTINCT d.customer_id FROM {TABLE} AS d "
            "WHERE d.as_of < $as_of AND DATE_DIFF('day', d.as_of, $as_of) <= $days",
            days=DECIDED_DAYS,
        ).read_all()
    return set(rows.column("customer_id").to_pylist())


def describe(row: dict[str, Any]) -> str:
    """The figures of one review in words."""

    def share(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.0%}"

    late = "unknown" if row["mean_days_late"] is None else f"{row['mean_days_late']:.1f} days"
    return (
        f"Customer {row['customer_id']}: {row['reason']}. Grade {row['grade']}"
        f"{', was ' + row['from_grade'] if row['from_grade'] else ''}. "
        f"Energy {row['kwh_12m']:,.0f} kWh in 12 months, change {share(row['kwh_change'])}. "
        f"Bills on time {share(row['on_time'])}, mean delay {late}. "
        f"Margin {row['current_value_amount']:,.2f}, potential {row['potential_value_amount']:,.2f}. "
        f"Proposed: {row['proposal']}."
    )


def decide(settings: Settings, run: Run, decisions: list[dict[str, str]]) -> int:
    """Keep what a person decided on a day's reviews; deciding on the same customer again replaces it.

    One caller at a time: the day's part is read, completed and replaced.

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
    for one in decisions:
        if one["outcome"] not in OUTCOMES:
            raise ReviewError(
                "review.outcome",
                f"{one['outcome']!r} is no outcome of a review.",
                f"One of {', '.join(OUTCOMES)}.",
            )
        if not one["decided_by"].strip():
            raise ReviewError(
                "review.nobody",
                f"Nobody decided on customer {one['customer_id']}.",
                "A review is decided by a person.",
            )
        if one["customer_id"] in seen:
            raise ReviewError("review.twice", f"Customer {one['customer_id']} is decided on twice.")
        seen.add(one["customer_id"])
    rows = [{**one, "as_of": run.as_of, "due_on": dt.date.fromisoformat(one["due_on"])} for one in decisions]
    lake = Lake(settings.lake)
    if lake.exists(TABLE):
        with DuckDBSession(settings, run) as session:
            columns = ", ".join(f"d.{name}" for name in SCHEMA.names)
            earlier = (
                session.query(f"SELECT {columns} FROM {TABLE} AS d WHERE d.as_of = $as_of")
                .read_all()
                .to_pylist()
            )
        rows = [row for row in earlier if row["customer_id"] not in seen] + rows
    lake.replace(
        TABLE,
        pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["customer_id"])), schema=SCHEMA),
        partition_by=["as_of"],
        where=f"as_of = '{run.as_of.isoformat()}'",
        metadata={"run_id": run.run_id},
    )
    return len(decisions)
