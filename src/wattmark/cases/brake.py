"""The brake: a rule that finds too much of what it judged opens one case that says so, and no others."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wattmark.audit.runner import COVERAGE, FINDINGS
from wattmark.cases.act import RULE
from wattmark.cases.log import canonical
from wattmark.cases.model import Case, case_id_of
from wattmark.cases.rulebook import Rulebook
from wattmark.engine.session import Session

FLOOD = "mart.audit_flood"
LAPSED = "not_above_share_at_version"
"""Key in the evidence of a case that was let through: its version in a night in which the rule was not above the share."""
_ENDS = ("mended", "subject_gone", "rule_changed", "vanished", "accepted")


@dataclass(frozen=True)
class Share:
    """What a rule judged and found tonight.

    Attributes:
        in_common: what its findings have in common: feature, value, findings and their share.
    """

    rule_id: str
    checked: int
    flagged: int
    is_above: bool
    in_common: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def evidence(self) -> dict[str, Any]:
        """As a case keeps it."""
        share = decimal.Decimal(self.flagged) / decimal.Decimal(max(self.checked, 1))
        return {
            "checked": self.checked,
            "flagged": self.flagged,
            "share": share.quantize(decimal.Decimal("0.0001")),
            "in_common": [dict(each) for each in self.in_common],
        }

    @property
    def evidence_hash(self) -> str:
        """Of what is common to the findings; their number changes every night."""
        common = sorted(f"{each['feature']}={each['value']}" for each in self.in_common)
        return hashlib.sha256(canonical([self.rule_id, common]).encode()).hexdigest()

    def told(self, most: decimal.Decimal) -> tuple[str, str]:
        """In English and Chinese; ``most`` is the share from which on the brake holds."""
        percent = decimal.Decimal(100 * self.flagged) / decimal.Decimal(max(self.checked, 1))
        limit = format((100 * most).normalize(), "f")
        common = [
            f"{each['feature']} {each['value']} ({100 * each['findings_share']:.0f}%)"
            for each in self.in_common
        ]
        en = f"{self.rule_id} found {self.flagged} of {self.checked} judged ({percent:.1f}%); the brake holds above {limit}%."
        zh = f"规则 {self.rule_id} 应查 {self.checked} 项中发现 {self.flagged} 项（{percent:.1f}%），超过刹车比例 {limit}%。"
        if common:
            en += f" Common to most of them: {', '.join(common)}."
            zh += f"多数发现的共同点：{'、'.join(common)}。"
        return en, zh


def shares(session: Session, book: Rulebook) -> dict[str, Share]:
    """What each rule that ran tonight and judged anything found of it, by rule."""
    cases = session.settings.cases
    session.see([FINDINGS, COVERAGE])
    rows = session.query(
        "SELECT c.rule_id, c.checked, c.flagged, COALESCE(f.exceptions, 0) AS exceptions "
        f"FROM {COVERAGE} AS c LEFT JOIN (SELECT f.rule_id, COUNT(*) AS exceptions FROM {FINDINGS} AS f "
        "WHERE f.kind = 'exception' GROUP BY f.rule_id) AS f ON f.rule_id = c.rule_id ORDER BY c.rule_id"
    ).read_all()
    most = decimal.Decimal(str(cases.brake_share))
    found: dict[str, Share] = {}
    for row in rows.to_pylist():
        if row["rule_id"] not in book.rules or not row["checked"]:
            continue
        is_above = (
            row["exceptions"] > 0
            and row["flagged"] >= cases.brake_findings
            and row["flagged"] > most * row["checked"]
        )
        found[row["rule_id"]] = Share(row["rule_id"], row["checked"], row["flagged"], is_above)
    above = [rule_id for rule_id, share in found.items() if share.is_above]
    for rule_id, common in _in_common(session, above).items():
        share = found[rule_id]
        found[rule_id] = Share(rule_id, share.checked, share.flagged, share.is_above, tuple(common))
    return found


def _in_common(session: Session, rules: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    wanted = set(rules)
    if not wanted or not session.lake.exists(FLOOD):
        return {}
    rows = session.query(
        f"SELECT f.rule_id, f.feature, f.value, f.findings, f.findings_share FROM {FLOOD} AS f "
        "WHERE f.is_common ORDER BY f.rule_id, f.findings DESC, f.feature, f.value"
    ).read_all()
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        rule_id = row.pop("rule_id")
        if rule_id in wanted:
            found.setdefault(rule_id, []).append(row)
    return found


def rule_case_id(book: Rulebook, rule_id: str, period: dt.date) -> str:
    """Id of the case that speaks of a rule: of one that judges months for each month."""
    return case_id_of(rule_id, RULE, rule_id, book.month_of(rule_id, period))


def is_let_through(case: Case) -> bool:
    """Whether an approver let the findings of a rule through, and no night since was below the share.

    Args:
        case: of subject type ``rule``, with its evidence.
    """
    if case.state != "closed" or case.outcome in _ENDS:
        return False
    return case.period is not None or case.version > int((case.evidence or {}).get(LAPSED, 0))
