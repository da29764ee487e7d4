"""Findings in words: a rule's templates filled in, wholly in the language asked for.

Codes are called what ``include/code-names.yaml`` calls them, numbers are written as people write them. A part of a
template in ``[brackets]`` is left out where a value in it is empty; of several templates the first holds whose values
outside such parts are all there. Templates are taken apart once, so that a night's findings are told as fast as read.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa

from wattmark.code_names import LANGUAGES, CodeNames, Language, form_of

Texts = Mapping[Language, Sequence[str]]
"""A rule's templates by language."""
Writer = Callable[[Any], str]

OF_FINDINGS = ("subject_id", "account_id", "customer_id", "org_unit_id", "at_stake_amount")
"""Columns of a finding, beside its evidence, that a template may show."""
_COLUMN = re.compile(r"\{[^{}]*\}")
_PART = re.compile(r"\[([^\[\]]*)\]")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
_UNITS = re.compile(r"(?<![A-Za-z])(?:[kM]?(?:VA|Wh|W|var|varh|V)|A|Hz)(?![A-Za-z])")
"""Units are written so in every language."""
_FREE = re.compile(r"(?:^|_)(?:id|code|model|word)$")
_EITHER = (("a code", re.compile("_")), ("an endless number", re.compile(r"\.\d{7}")))
_FLAWS: dict[Language, tuple[tuple[str, re.Pattern[str]], ...]] = {
    "en": (*_EITHER, ("not English", re.compile(r"[\u2e80-\uffef]|\bNone\b"))),
    "zh": (*_EITHER, ("not Chinese", re.compile("[A-Za-z]"))),
}
_MONTH: dict[Language, str] = {"en": "%Y-%m", "zh": "%Y年%m月"}
_OWED: dict[Language, tuple[str, str]] = {
    "en": ("{amount} owed to the utility is at stake.", "{amount} owed to the customer is at stake."),
    "zh": ("涉及供电企业应收 {amount} 元。", "涉及应退客户 {amount} 元。"),
}


def columns_of(template: str) -> list[str]:
    """The columns that a template shows.

    Raises:
        ValueError: a brace is not closed.
    """
    return [column for _, column, _, _ in string.Formatter().parse(template) if column]


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


class _Template:
    """A template taken apart: texts and writers of columns, and which columns must be there."""

    def __init__(self, text: str, writer: Callable[[str], Writer]) -> None:
        # What stands between brackets comes at the odd places.
        self._parts = [
            (bool(at % 2), _COLUMN.sub("{}", piece), [(name, writer(name)) for name in columns_of(piece)])
            for at, piece in enumerate(_PART.split(text))
            if piece
        ]
        self._wanted = [name for optional, _, shown in self._parts if not optional for name, _ in shown]

    def holds(self, row: Mapping[str, Any]) -> bool:
        # A loop: it runs for each finding of a night, and a generator would take twice as long.
        for name in self._wanted:  # noqa: SIM110
            if _is_empty(row.get(name)):
                return False
        return True

    def fill(self, row: Mapping[str, Any]) -> str:
        return "".join(
            [
                text.format(*[write(row.get(name)) for name, write in shown])
                for optional, text, shown in self._parts
                if not optional or not any(_is_empty(row.get(name)) for name, _ in shown)
            ]
        )


class Words:
    """Tells findings of rules.

    Args:
        texts: the rules' templates by rule and language.
        names: what codes are called.
        zone: of points in time.
    """

    def __init__(self, texts: Mapping[str, Texts], names: CodeNames, zone: dt.tzinfo) -> None:
        self.names, self.zone, self._texts = names, zone, texts
        self._templates = {
            (rule_id, language): [
                _Template(text, partial(self._writer, rule_id, language)) for text in templates
            ]
            for rule_id, by_language in texts.items()
            for language, templates in by_language.items()
        }

    def told(self, rule_id: str, row: Mapping[str, Any], language: Language) -> str:
        """What a rule says of a subject.

        Args:
            rule_id: the rule.
            row: its columns, as the rule's SELECT gives them or as the evidence of a finding holds them.
            language: of the sentence.
        """
        templates = self._templates[rule_id, language]
        template = next((each for each in templates if each.holds(row)), templates[-1])
        return template.fill(row)

    def flaws(self, rule_id: str, row: Mapping[str, Any], language: Language) -> list[str]:
        """What is wrong with the sentence about a subject: other languages, codes, empty values, endless numbers.

        Ids and what people typed in themselves are left out of it; they may hold anything.
        """
        shown = {name for text in self._texts[rule_id][language] for name in columns_of(text)}
        named = {name for name in shown if self.names.codes_of(rule_id, name) is not None}
        plain = {
            **row,
            **{name: "1" for name in shown - named if _FREE.search(name) and row.get(name) is not None},
        }
        templates = self._templates[rule_id, language]
        said = self.told(rule_id, plain, language)
        found = [] if any(each.holds(plain) for each in templates) else ["an empty value"]
        found += [what for what, pattern in _FLAWS[language] if pattern.search(_UNITS.sub("", said))]
        return [f"{what}: {said}" for what in found]

    def owed(self, amount: decimal.Decimal | float | None, language: Language) -> str:
        """A sentence that says what is at stake and to whom it is owed; empty where nothing is."""
        if not amount:
            return ""
        text = _OWED[language][amount < 0]
        return text.format(amount=form_of("amount").write(-amount if amount < 0 else amount, language))

    def add_to(self, findings: pa.Table) -> pa.Table:
        """Findings with ``message_en`` and ``message_zh``: what the rule says, and the money at stake.

        Args:
            findings: columns of ``findings.audit_exception``; a batch of it or the whole.
        """
        told: dict[Language, list[str]] = {language: [] for language in LANGUAGES}
        rule_ids: Iterable[str] = findings.column("rule_id").to_pylist()
        others = [findings.column(name).to_pylist() for name in OF_FINDINGS]
        for rule_id, evidence, *values in zip(
            rule_ids, findings.column("evidence").to_pylist(), *others, strict=True
        ):
            row = dict(zip(OF_FINDINGS, values, strict=True))
            row.update(json.loads(evidence) if evidence else {})
            for language, sentences in told.items():
                said = self.told(rule_id, row, language)
                money = self.owed(row["at_stake_amount"], language)
                sentences.append(f"{said}{' ' if money and language == 'en' else ''}{money}")
        for language, sentences in told.items():
            findings = findings.append_column(f"message_{language}", pa.array(sentences, pa.string()))
        return findings

    def _writer(self, rule_id: str, language: Language, column: str) -> Writer:
        """What writes the values of a column: those of a session, and those that JSON has made of them."""
        form, is_month = form_of(column), column.rpartition("_")[2] == "period"
        has_names = self.names.codes_of(rule_id, column) is not None
        values = {key: told[language] for key, told in self.names.of_values.items()}

        def write(value: Any) -> str:
            if isinstance(value, str):
                if has_names:
                    return self.names.told(rule_id, column, value, language)
                if is_month:
                    return self._day(dt.date.fromisoformat(value[:10]), language, is_month=True)
                return self._instant(dt.datetime.fromisoformat(value)) if _INSTANT.match(value) else value
            if value is None:
                return values["empty"]
            if isinstance(value, bool):
                return values["true" if value else "false"]
            if isinstance(value, (float, int, decimal.Decimal)):
                return form.write(value, language)
            if isinstance(value, dt.datetime):
                return self._instant(value)
            if isinstance(value, dt.date):
                return self._day(value, language, is_month=is_month)
            return str(value)

        # Limits, codes and days come again and again; what is equal is not always written alike (1, 1.0, True).
        return lru_cache(maxsize=1024, typed=True)(write)

    def _instant(self, value: dt.datetime) -> str:
        return (value.astimezone(self.zone) if value.tzinfo else value).strftime("%Y-%m-%d %H:%M")

    @staticmethod
    def _day(value: dt.date, language: Language, *, is_month: bool) -> str:
        return value.strftime(_MONTH[language]) if is_month else value.isoformat()
