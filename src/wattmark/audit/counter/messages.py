"""What the rules found at the counter, in the words of the language asked for."""

from __future__ import annotations

import datetime as dt
import decimal
import string
from dataclasses import dataclass
from typing import Any, Literal

from wattmark.audit.rules import FIXED_COLUMNS, Rule
from wattmark.settings import Settings

Language = Literal["en", "zh"]

_WORDS: dict[Language, dict[Any, str]] = {
    "en": {None: "none", True: "yes", False: "no"},
    "zh": {None: "无", True: "是", False: "否"},
}


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


class _Sentence(string.Formatter):
    def __init__(self, language: Language, zone: dt.tzinfo) -> None:
        self.language = language
        self.zone = zone

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None or isinstance(value, bool):
            return _WORDS[self.language][value]
        if isinstance(value, float):
            return f"{value:.10g}"
        if isinstance(value, dt.datetime):
            return value.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")
        return str(value)


def _plain(value: Any, zone: dt.tzinfo) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(zone).isoformat()
    return value.isoformat() if isinstance(value, dt.date) else value


def violation_of(rule: Rule, row: dict[str, Any], language: Language, settings: Settings) -> Violation:
    """A row that a rule flagged, as it is told at the counter."""
    zone = settings.zone
    template = rule.messages.get(language) or rule.flags

    message = _Sentence(language, zone).format(template, **row) if language in rule.messages else template
    return Violation(
        rule_id=rule.rule_id,
        title=rule.zh if language == "zh" else rule.title,
        message=message,
        severity=rule.severity,
        kind=rule.kind,
        subject_type=rule.subject,
        subject_id=str(row["subject_id"]),
        at_stake_amount=_plain(row.get("at_stake_amount"), zone),
        evidence={name: _plain(value, zone) for name, value in row.items() if name not in FIXED_COLUMNS},
    )
