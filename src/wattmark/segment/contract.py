"""The segment contract: a night that moves more customers than allowed is not published without a yes.

Whoever has looked at it loosens the limit (``segment.migration`` in the settings, with date and reason) and
runs the night again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wattmark.engine.session import Session
from wattmark.engine.sqlfile import SqlFile, render
from wattmark.errors import WattmarkError
from wattmark.segment import state

UNASSIGNED = "unassigned"


class SegmentContractError(WattmarkError):
    """More customers changed segment than the contract allows, or some have none."""


@dataclass(frozen=True)
class Verdict:
    """Whether a night keeps the contract; ``cause`` says in words what moved the customers."""

    kept: bool
    broken: tuple[str, ...]
    cause: str
    shares: dict[str, float]


def verdict(session: Session) -> Verdict:
    """Judge a night's segments against the newest earlier night.

    The cause is a change of definition where a file or parameter of layer ``segment`` differs from that
    night's; else a new model or new load profiles; else the classification that moved most, and so the data
    behind it.

    Args:
        session: a session whose layer ``segment`` has been built.
    """
    rows = session.query("SELECT * FROM segment.migration ORDER BY migration.method").read_all().to_pylist()
    shares = {row["method"]: row["moved_share"] for row in rows}
    broken = [
        f"{row['method']}: {row['moved']} of {row['customers']} customers moved ({row['moved_share']:.1%}, allowed {row['max_share']:.1%})"
        for row in rows
        if not row["is_kept"]
    ]
    unassigned = (
        session.query(
            "SELECT COUNT(*) AS n FROM segment.customer_composite WHERE customer_composite.segment = $name",
            name=UNASSIGNED,
        )
        .read_all()["n"][0]
        .as_py()
    )
    if unassigned:
        broken.append(f"composite: no row of the decision table fits {unassigned} customers")
    return Verdict(not broken, tuple(broken), _cause(session, shares, unassigned), shares)


def _cause(session: Session, shares: Mapping[str, float], unassigned: int) -> str:
    before = {row["name"]: row["digest"] for row in state.newest_before(session, "definition").to_pylist()}
    if unassigned:
        return "definition: the decision table of segment.customer_composite has no row for everybody"
    if not before:
        return "there is no earlier night to compare with"
    now = {row["name"]: row["digest"] for row in state.digests(session).to_pylist()}
    changed = sorted(name for name in now if before.get(name) != now[name])
    if changed:
        return f"definition: {', '.join(changed)}"
    models = {(row["model"], row["trained_on"]) for row in state.newest_before(session, "model").to_pylist()}
    used = (
        session.query("SELECT DISTINCT model.model, model.trained_on FROM segment.model WHERE model.in_use")
        .read_all()
        .to_pylist()
    )
    fresh = sorted(row["model"] for row in used if (row["model"], row["trained_on"]) not in models)
    learned = {row["learned_on"] for row in state.newest_before(session, "service_rule").to_pylist()}
    rules = (
        session.query("SELECT DISTINCT service_rule.learned_on FROM segment.service_rule")
        .read_all()
        .to_pylist()
    )
    fresh += ["association rules" for row in rules if row["learned_on"] not in learned]
    inputs = {method: share for method, share in shares.items() if method != "composite"}
    most = max(inputs, key=lambda method: (inputs[method], method), default="")
    moved = (
        f"data behind {most} ({inputs[most]:.1%} of customers moved)"
        if most and inputs[most] > 0
        else "nothing moved"
    )
    return f"newly trained: {', '.join(fresh)}; {moved}" if fresh else moved


def require(session: Session) -> Verdict:
    """Stop a night that breaks the contract.

    Raises:
        SegmentContractError: names the methods, the shares and the cause.
    """
    found = verdict(session)
    if not found.kept:
        raise SegmentContractError(
            "segment.contract",
            f"{'; '.join(found.broken)}. Cause: {found.cause}.",
            "Look at mart.segment_migration. Where the change is wanted, set parameters.segment.migration.max_share with date and reason, and run again.",
        )
    return found


def preview(session: Session, table: str, values: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Who would move if parameters of the composite segments were changed; nothing is stored.

    Args:
        session: a session whose layer ``segment`` has been built.
        table: ``segment.customer_composite``, whose decision table is tried out.
        values: parameter values in place of those in force.

    Returns:
        (from segment, to segment, customers) of those that would move, most customers first.

    Raises:
        SettingsError: a value does not fit its declaration.
    """
    file = session.catalog.tables[table]
    if not isinstance(file, SqlFile):
        raise SegmentContractError("segment.preview", f"{table} has no parameters to try out.")
    checked = {
        name: file.parameters[name].in_place(file.parameters[name].check(value, f"preview of {table}"))
        for name, value in values.items()
    }
    statement = file.bound(session.scalars, {**session.overrides.get(table, {}), **checked})
    session.see(sorted(file.references | {table}))
    rows = session.duck.sql(
        f"SELECT o.segment, n.segment, COUNT(*) FROM {table} AS o JOIN ({render(statement, 'duckdb')}) AS n USING (customer_id) "
        "WHERE o.segment IS DISTINCT FROM n.segment GROUP BY ALL ORDER BY 3 DESC, 1, 2"
    ).fetchall()
    return [(str(old), str(new), int(count)) for old, new, count in rows]
