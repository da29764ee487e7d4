"""Billing anew: each bill is moved by what its recalculation moved."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from wattmark.audit.root_cause.mend import Bench, Change, add_lines
from wattmark.engine.session import ACCEPTED, Session

_COMPONENTS = (
    "energy",
    "loss_iron",
    "loss_copper",
    "capacity",
    "demand",
    "power_factor",
    "surcharge",
    "feed_in",
)


def shadow_bills(session: Session) -> dict[str, dict[str, Any]]:
    """Rows of ``facts.shadow_bill`` that come to a total, by bill."""
    session.see(["facts.shadow_bill"])
    rows = session.duck.sql("SELECT * FROM facts.shadow_bill WHERE total_amount IS NOT NULL").to_arrow_table()
    return {row["bill_id"]: row for row in rows.to_pylist()}


def _amounts(row: Mapping[str, Any]) -> dict[str, Decimal]:
    nothing = Decimal(0)
    iron = row["loss_iron_amount"] or nothing
    copper = (row["loss_amount"] or nothing) - iron
    told = {"loss_iron": iron, "loss_copper": copper}
    return {name: told[name] if name in told else row[f"{name}_amount"] or nothing for name in _COMPONENTS}


def bill_anew(
    bench: Bench, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[Change]:
    """Move each bill by what its recalculation moved.

    What was wrong with a bill besides stays wrong with it.

    Args:
        bench: where the mended rows stand.
        before: rows of ``facts.shadow_bill`` by bill before the mend.
        after: the same after it.
    """
    changes: list[Change] = []
    for bill_id in sorted(set(before) & set(after)):
        old, new = before[bill_id], after[bill_id]
        was, now = _amounts(old), _amounts(new)
        moved = {name: now[name] - was[name] for name in _COMPONENTS if now[name] != was[name]}
        metered, loss = new["metered_kwh"] - old["metered_kwh"], new["loss_kwh"] - old["loss_kwh"]
        if not moved and not metered and not loss:
            continue
        key = {"bill_id": bill_id}
        for column, more in (("metered_kwh", metered), ("loss_kwh", loss), ("billed_kwh", metered + loss)):
            standing = bench.rows(f'SELECT "{column}" FROM {ACCEPTED}.bill WHERE bill_id = ?', [bill_id])
            if more and standing:
                changes += bench.set("bill", key, column, standing[0][0] + more)
        if moved:
            changes += add_lines(bench, bill_id, moved)
    return changes
