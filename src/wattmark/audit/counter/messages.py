"""What the rules found at the counter, in the words of the language asked for."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wattmark.audit.rules import FIXED_COLUMNS, KIND, Rule
from wattmark.audit.words import Words
from wattmark.code_names import DIGITS, Language


@dataclass(frozen=True)
class Violation:
    """A rule that a subject breaks; ``message`` and ``title`` in the language asked for."""

    rule_id: str
    title: str
    message: str
    severity: str
    kind: str
    subject_type: str
    subject_id: str
    at_stake_amount: float | None
    evidence: dict[str, Any]


def _plain(value: Any, zone: dt.tzinfo) -> Any:
    """A value as JSON holds it; calculated numbers without what binary fractions leave behind."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dt.datetime):
        return value.astimezone(zone).isoformat()
    return value.isoformat() if isinstance(value, dt.date) else value


def violation_of(rule: Rule, row: Mapping[str, Any], language: Language, words: Words) -> Violation:
    """A row that a rule flagged, as it is told at the counter."""
    return Violation(
        rule_id=rule.rule_id,
        title=rule.zh if language == "zh" else rule.title,
        message=words.told(rule.rule_id, row, language),
        severity=rule.severity,
        kind=str(row[KIND]),
        subject_type=rule.subject,
        subject_id=str(row["subject_id"]),
        at_stake_amount=_plain(row.get("at_stake_amount"), words.zone),
        evidence={
            name: _plain(value, words.zone) for name, value in row.items() if name not in FIXED_COLUMNS
        },
    )
