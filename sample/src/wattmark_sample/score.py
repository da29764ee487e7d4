"""Precision and recall of the rules on a sample whose faults are known.

A finding that is seeded is a hit; a seeded fault that is not found is a miss. A finding that nobody seeded is
an extra, unless it is one that a seeded fault is known to bring about (a wrong reading also makes the bill
jump): those count as effects, for neither side. Rules that score with a model, and lists that somebody has to
look over (which a clean utility fills too), are told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wattmark.audit.rules import Rule
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark_sample.faults.registry import Truth

MODELS = frozenset({"RSK-04", "ANA-04", "ANA-05"})
"""Rules whose findings come from a trained model or a threshold over all accounts."""

Finding = tuple[str, str, str | None]
"""Subject type, subject id and account of a finding."""


@dataclass(frozen=True)
class Score:
    """What one rule found of what was seeded; subject ids of misses and extras for looking them up."""

    rule_id: str
    title: str
    kind: str
    seeded: int
    hits: int
    effects: int
    missed: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    ways_missed: tuple[str, ...] = field(default=())

    @property
    def is_model(self) -> bool:
        """Whether a model decides, so that neither figure need be 1."""
        return self.rule_id in MODELS

    @property
    def recall(self) -> float | None:
        """Share of the seeded faults that was found; empty where none was seeded."""
        return self.hits / self.seeded if self.seeded else None

    @property
    def precision(self) -> float | None:
        """Share of findings that was seeded, known effects left out; empty for listings."""
        judged = self.hits + len(self.extras)
        return self.hits / judged if judged and self.kind == "exception" else None


def score(
    rules: Mapping[str, Rule], truth: Iterable[Truth], findings: Mapping[str, Iterable[Finding]]
) -> list[Score]:
    """Compare findings with what was seeded, rule by rule.

    Args:
        rules: the rules, by id.
        truth: the seeded faults.
        findings: findings by rule id.

    Returns:
        one score per rule, in the order of their ids.
    """
    seeded: dict[str, dict[tuple[str, str], Truth]] = {}
    may_show: dict[str, set[str]] = {}
    for fault in truth:
        if fault.subject_id:
            seeded.setdefault(fault.rule_id, {})[fault.subject_type, fault.subject_id] = fault
        # The same way of being wrong may flag several subjects of its own rule too.
        for rule_id in (*fault.effects, fault.rule_id):
            may_show.setdefault(rule_id, set()).update(fault.touched)
    scores = []
    for rule_id, rule in sorted(rules.items()):
        found = {(kind, subject): account for kind, subject, account in findings.get(rule_id, ())}
        wanted = seeded.get(rule_id, {})
        missed = sorted(set(wanted) - set(found))
        near = may_show.get(rule_id, set())
        others = {at: account for at, account in found.items() if at not in wanted}
        extras = sorted(
            subject for (_, subject), account in others.items() if subject not in near and account not in near
        )
        scores.append(
            Score(
                rule_id=rule_id,
                title=rule.title,
                kind=rule.kind,
                seeded=len(wanted),
                hits=len(wanted) - len(missed),
                effects=len(others) - len(extras),
                missed=tuple(subject for _, subject in missed),
                extras=tuple(extras),
                ways_missed=tuple(sorted({wanted[at].way for at in missed})),
            )
        )
    return scores


def findings_of(settings: Settings, run: Run) -> dict[str, list[Finding]]:
    """Findings of the lake's last audit, by rule id."""
    found: dict[str, list[Finding]] = {}
    with DuckDBSession(settings, run) as session:
        rows = session.query(
            "SELECT rule_id, subject_type, subject_id, account_id FROM findings.audit_exception"
        ).read_all()
        for row in rows.to_pylist():
            found.setdefault(row["rule_id"], []).append(
                (row["subject_type"], row["subject_id"], row["account_id"])
            )
    return found


def page(scores: Iterable[Score], what: str) -> str:
    """The reference page of precision and recall, as Markdown.

    Args:
        scores: what ``score`` gave.
        what: the sample in a sentence.
    """
    listed = list(scores)
    exact = [
        result
        for result in listed
        if result.seeded and not result.missed and (result.kind == "listing" or not result.extras)
    ]
    known = [result for result in listed if result.seeded]
    lines = [
        "# Precision and recall of the rules",
        "",
        "<!-- Generated by `wattmark audit score`; do not edit. -->",
        "",
        what,
        "",
        f"{len(known)} of {len(listed)} rules had faults seeded; {len(exact)} found these and no others.",
        "",
        "Recall is found over seeded. Precision is found over found and extra; *effects* are findings that a",
        "seeded fault of another rule is known to bring about, counted for neither. A listing names what",
        "somebody has to look over, which a healthy utility has too, so it has no precision.",
        "",
        "| rule | title | kind | seeded | found | missed | extra | effects | recall | precision |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for result in listed:
        kind = "model" if result.is_model else result.kind
        extra = str(len(result.extras)) if result.kind == "exception" else ""
        lines.append(
            f"| {result.rule_id} | {result.title} | {kind} | {result.seeded} | {result.hits} | {len(result.missed)} "
            f"| {extra} | {result.effects} | {_share(result.recall)} | {_share(result.precision)} |"
        )
    return "\n".join(lines) + "\n"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def write_page(path: Path, scores: Iterable[Score], what: str) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(scores, what), encoding="utf-8")
