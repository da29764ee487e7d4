"""The night's step: which of its findings follow from which."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from wattmark.audit.replay import Finding, findings_from
from wattmark.audit.root_cause.areas import Balance, balance_of, explain_areas, touched_areas
from wattmark.audit.root_cause.link import AREAS, Link, Outcome, Subject, subject_of
from wattmark.audit.root_cause.mend import CAUSES
from wattmark.audit.root_cause.pool import Pool
from wattmark.audit.root_cause.trial import Trial
from wattmark.audit.rules import Rule, all_rules
from wattmark.audit.runner import FINDINGS
from wattmark.contract.types import schema_of
from wattmark.engine.catalog import Catalog
from wattmark.engine.produced import PRODUCED
from wattmark.engine.python_table import PythonTable
from wattmark.engine.session import DuckDBSession, Session
from wattmark.run import Run
from wattmark.settings import Settings

ROOT_CAUSE = "findings.root_cause"
SCHEMA = schema_of(PRODUCED[ROOT_CAUSE])


@dataclass(frozen=True)
class _Question:
    """What may follow from what.

    Attributes:
        rules: those that say something about a few accounts.
        causes: findings that can be mended, the deeper ones first.
        effects: findings that may follow from them.
        account_of: accounts by cause, where it has one.
    """

    rules: dict[str, Rule]
    causes: list[Finding]
    effects: list[Finding]
    account_of: dict[Subject, str]

    def near(self) -> dict[Subject, list[Finding]]:
        """Findings on the account or point of each cause."""
        by_account: dict[str, list[Finding]] = {}
        by_point: dict[str, list[Finding]] = {}
        for effect in self.effects:
            if effect.account_id:
                by_account.setdefault(effect.account_id, []).append(effect)
            elif effect.subject_type == "metering_point":
                by_point.setdefault(effect.subject_id, []).append(effect)
        found = {}
        for cause in self.causes:
            on_account = by_account.get(self.account_of.get(subject_of(cause), ""), [])
            candidates = on_account + by_point.get(cause.subject_id, [])
            found[subject_of(cause)] = [effect for effect in candidates if _may_follow(effect, cause)]
        return found

    def balances(self, session: Session) -> list[Balance]:
        """Findings on areas and lines that causes touch."""
        touched = touched_areas(session, self.causes, self.account_of) if self.causes else {}
        found = []
        for effect in self.effects:
            if effect.subject_type not in AREAS or effect.account_id is not None:
                continue
            area = (effect.subject_type, effect.subject_id)
            related = [
                cause
                for cause in self.causes
                if area in touched[subject_of(cause)] and _may_follow(effect, cause)
            ]
            if related:
                found.append(balance_of(session, effect, related, self.account_of))
        return found


_RANK = {rule_id: rank for rank, rule_id in enumerate(CAUSES)}


def _rank(rule_id: str) -> int:
    """The deeper a cause, the lower; what is no cause comes last."""
    return _RANK.get(rule_id, len(_RANK))


def _may_follow(effect: Finding, cause: Finding) -> bool:
    # Only the deeper of two causes may explain the other, so that none explains itself in the end.
    return _rank(effect.rule_id) > _rank(cause.rule_id) and subject_of(effect) != subject_of(cause)


def explain(session: Session, findings: Sequence[Finding], limit: int) -> Outcome:
    """Find which findings follow from which.

    Args:
        session: a session that can read accepted tables and facts of the night, from the lake or from memory.
        findings: everything the rules found.
        limit: causes to try at most, those with most money at stake first.

    Returns:
        at most one link an effect: to the first cause, in the order of ``mend.CAUSES``, that clears it.
    """
    catalog = session.catalog
    rules = {
        rule_id: rule
        for rule_id, rule in all_rules(catalog).items()
        if not any(_is_model(catalog, name) for name in catalog.order([rule.file.name]))
    }
    all_causes = sorted(
        (finding for finding in findings if finding.rule_id in CAUSES),
        key=lambda cause: (-abs(cause.at_stake_amount or Decimal(0)), _rank(cause.rule_id), cause.subject_id),
    )
    causes = sorted(all_causes[:limit], key=lambda cause: (_rank(cause.rule_id), cause.subject_id))
    question = _Question(
        rules=rules,
        causes=causes,
        effects=[finding for finding in findings if finding.rule_id in rules],
        account_of={subject_of(cause): cause.account_id for cause in causes if cause.account_id},
    )
    near = question.near()
    links, unmended = _by_account(session, question, near)
    balances = question.balances(session)
    for link in explain_areas(session, rules, balances):
        links.setdefault(subject_of(link.effect), link)
    tried = {subject_of(effect) for effects in near.values() for effect in effects}
    tried |= {subject_of(balance.effect) for balance in balances}
    ordered = tuple(links[key] for key in sorted(links))
    return Outcome(ordered, len(all_causes), len(all_causes) - len(causes), unmended, len(tried))


def _by_account(
    session: Session, question: _Question, near: Mapping[Subject, Sequence[Finding]]
) -> tuple[dict[Subject, Link], int]:
    """Links to causes on the same account or point, by effect, and how many causes name no change."""
    links: dict[Subject, Link] = {}
    unmended = 0
    wanted = {subject_of(effect): effect for effects in near.values() for effect in effects}
    if not wanted:
        return links, unmended
    points = [cause.subject_id for cause in question.causes if cause.subject_type == "metering_point"]
    needed = [question.rules[rule_id] for rule_id in sorted({effect.rule_id for effect in wanted.values()})]
    pool = Pool(session, needed, question.account_of.values(), points)
    trial = Trial(pool, question.rules, list(wanted.values()), session)
    for group in _rounds(question.causes, question.account_of):
        found, nothing = trial.links([(cause, near[subject_of(cause)]) for cause in group])
        unmended += nothing
        for link in found:
            links.setdefault(subject_of(link.effect), link)
    return links, unmended


def _is_model(catalog: Catalog, name: str) -> bool:
    """Whether a table is scored over all accounts, so that a few of them mean nothing."""
    layer = name.split(".")[0]
    return layer == "segment" or (layer != "core" and isinstance(catalog.tables[name], PythonTable))


def _rounds(causes: Iterable[Finding], account_of: Mapping[Subject, str]) -> list[list[Finding]]:
    """Causes in rounds such that no two of a round touch the same account; each in its order."""
    rounds: list[list[Finding]] = []
    used: list[set[str]] = []
    for cause in causes:
        at = account_of.get(subject_of(cause)) or cause.subject_id
        number = next((number for number, taken in enumerate(used) if at not in taken), len(rounds))
        if number == len(rounds):
            rounds.append([])
            used.append(set())
        rounds[number].append(cause)
        used[number].add(at)
    return rounds


def rows_of(links: Iterable[Link]) -> pa.Table:
    """Links as rows of ``findings.root_cause``."""
    return pa.Table.from_pylist(
        [
            {
                "rule_id": link.effect.rule_id,
                "subject_type": link.effect.subject_type,
                "subject_id": link.effect.subject_id,
                "cause_rule_id": link.cause.rule_id,
                "cause_subject_type": link.cause.subject_type,
                "cause_subject_id": link.cause.subject_id,
                "explanation": json.dumps(link.explanation(), ensure_ascii=False, sort_keys=True),
            }
            for link in links
        ],
        schema=SCHEMA,
    )


def night_root_causes(settings: Settings, run: Run, families: Sequence[str]) -> dict[str, int]:
    """Hang tonight's findings of some rule families on the ones they follow from; call it once these have run.

    Writes ``findings.root_cause``; ``audit.root_causes`` of the settings bounds how many causes are tried.

    Returns:
        counts: causes, causes left out and not mendable, effects tried, effects explained.
    """
    with DuckDBSession(settings, run) as session:
        found = session.query(f"SELECT * FROM {FINDINGS}").read_all()
        findings = findings_from(
            found.filter(pc.is_in(found["family"], pa.array(families, pa.string()))).to_pylist()
        )
        done = explain(session, findings, settings.audit.root_causes)
        session.lake.replace(ROOT_CAUSE, rows_of(done.links), metadata={"run_id": run.run_id})
    return {
        "causes": done.causes,
        "left_out": done.left_out,
        "not_mendable": done.unmended,
        "effects_tried": done.effects,
        "explained": len(done.links),
    }
