"""Findings on areas and lines: judged over many accounts at once, tried with one related cause after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pyarrow as pa

from wattmark.audit.replay import Finding
from wattmark.audit.root_cause.link import AREAS, Link, Subject, subject_of
from wattmark.audit.root_cause.pool import Pool
from wattmark.audit.root_cause.trial import Trial
from wattmark.audit.rules import Rule
from wattmark.engine.session import ACCEPTED, Session

TOGETHER = 6
"""Causes of one area that are tried together at most."""


def _balance(session: Session, level: str, area: str) -> tuple[set[str], set[str]]:
    """Points and accounts that the balance of an area or line holds."""
    session.see(["facts.loss_member"])
    rows = session.duck.execute(
        "SELECT metering_point_id, account_id FROM facts.loss_member WHERE level = ? AND id = ?",
        [level, area],
    ).fetchall()
    points = {point for point, _ in rows}
    accounts = {account for _, account in rows if account}
    return points, accounts


def touched_areas(
    session: Session, causes: Sequence[Finding], account_of: Mapping[Subject, str]
) -> dict[Subject, set[tuple[str, str]]]:
    """Areas and lines by cause: whose balance holds its point or account, or that it names itself."""
    points = {cause.subject_id for cause in causes if cause.subject_type == "metering_point"}
    accounts = set(account_of.values())
    session.see(["facts.loss_member"])
    session.duck.register("_rc_points", pa.table({"id": pa.array(sorted(points), pa.string())}))
    session.duck.register("_rc_accounts", pa.table({"id": pa.array(sorted(accounts), pa.string())}))
    held = session.duck.execute(
        "SELECT level, id, metering_point_id, account_id FROM facts.loss_member "
        "WHERE metering_point_id IN (FROM _rc_points) OR account_id IN (FROM _rc_accounts)"
    ).fetchall()
    session.duck.unregister("_rc_points")
    session.duck.unregister("_rc_accounts")
    by_point: dict[str, set[tuple[str, str]]] = {}
    by_account: dict[str, set[tuple[str, str]]] = {}
    for level, area, point, account in held:
        by_point.setdefault(point, set()).add((level, area))
        by_account.setdefault(account, set()).add((level, area))
    found = {}
    for cause in causes:
        areas = set(by_account.get(account_of.get(subject_of(cause), ""), set()))
        if cause.subject_type == "metering_point":
            areas |= by_point.get(cause.subject_id, set())
        named = (cause.evidence.get("other_transformer_id"), cause.evidence.get("transformer_id"))
        found[subject_of(cause)] = areas | {
            ("transformer", str(transformer)) for transformer in named if transformer
        }
    return found


@dataclass(frozen=True)
class Balance:
    """An area's or line's finding, the causes related to it, and whose rows it needs."""

    effect: Finding
    causes: list[Finding]
    points: set[str]
    accounts: set[str]
    own: set[str]
    areas: dict[str, list[str]]


def balance_of(
    session: Session, effect: Finding, causes: list[Finding], account_of: Mapping[Subject, str]
) -> Balance:
    """What a finding on an area or line rests on.

    Args:
        session: where the night's tables are read from.
        effect: the finding.
        causes: those related to it.
        account_of: accounts by cause.
    """
    points, accounts = _balance(session, effect.subject_type, effect.subject_id)
    own = {account_of[subject_of(cause)] for cause in causes if subject_of(cause) in account_of}
    points |= {cause.subject_id for cause in causes if cause.subject_type == "metering_point"}
    areas: dict[str, list[str]] = {"transformer": [effect.subject_id], "line": []}
    if effect.subject_type == "line":
        session.see([f"{ACCEPTED}.transformer"])
        on_line = session.duck.execute(
            f"SELECT transformer_id FROM {ACCEPTED}.transformer WHERE line_id = ? ORDER BY 1",
            [effect.subject_id],
        ).fetchall()
        areas = {"transformer": [row[0] for row in on_line], "line": [effect.subject_id]}
    return Balance(effect, causes, points, accounts | own, own, areas)


def explain_areas(session: Session, rules: Mapping[str, Rule], balances: Sequence[Balance]) -> Iterator[Link]:
    """Run rules of areas and lines again with one related cause after the other mended.

    The night's tables are read once for all of them.
    """
    if not balances:
        return
    needed = [rules[rule_id] for rule_id in sorted({balance.effect.rule_id for balance in balances})]
    stage = Pool(
        session,
        needed,
        {account for balance in balances for account in balance.accounts},
        {point for balance in balances for point in balance.points},
        {name: [area for balance in balances for area in balance.areas[name]] for name in AREAS},
        {account for balance in balances for account in balance.own},
    )
    with stage.bench() as all_of_them:
        for balance in balances:
            own_rule = [rules[balance.effect.rule_id]]
            pool = Pool(
                all_of_them.session,
                own_rule,
                balance.accounts,
                balance.points,
                balance.areas,
                balance.own,
            )
            link = _explain_area(Trial(pool, rules, [balance.effect], session), balance)
            if link is not None:
                yield link


def _explain_area(trial: Trial, balance: Balance) -> Link | None:
    for cause in balance.causes:
        found, _ = trial.links([(cause, [balance.effect])])
        if found:
            return found[0]
    few = balance.causes[:TOGETHER]
    return _together(trial, balance.effect, few) if len(few) > 1 else None


def _together(trial: Trial, effect: Finding, causes: Sequence[Finding]) -> Link | None:
    """Several causes that clear a finding only together: those without which it stays, hung on the largest."""

    def cleared_by(some: Sequence[Finding]) -> list[Link]:
        return trial.links([(cause, [effect]) for cause in some])[0]

    needed, found = list(causes), cleared_by(causes)
    if not found:
        return None
    for cause in causes:
        fewer = [other for other in needed if other is not cause]
        if len(fewer) > 1 and (still := cleared_by(fewer)):
            needed, found = fewer, still
    largest = max(
        found, key=lambda link: (abs(link.cause.at_stake_amount or Decimal(0)), subject_of(link.cause))
    )
    others = tuple(link.cause for link in found if link is not largest)
    changes = tuple(change for link in found for change in link.changes)
    return replace(largest, changes=changes, together_with=others)
