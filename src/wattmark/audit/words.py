"""Findings in words: a rule's templates filled in, wholly in the language asked for.

Codes are called what ``include/code-names.yaml`` calls them, numbers are written as people write them. Of several
templates the first holds whose values are all there.
"""

from __future__ import annotations

import datetime as dt
import decimal
import string
from collections.abc import Mapping, Sequence
from typing import Any

from wattmark.code_names import CodeNames, Language, number

_WORDS: dict[Language, dict[Any, str]] = {
    "en": {None: "none", True: "yes", False: "no"},
    "zh": {None: "无", True: "是", False: "否"},
}


def sentence(
    templates: Sequence[str],
    row: Mapping[str, Any],
    rule_id: str,
    language: Language,
    names: CodeNames,
    zone: dt.tzinfo,
) -> str:
    """What a rule says of a subject.

    Args:
        templates: sentences with ``{column}`` in them; the first holds of which all columns have a value, else the
            last.
        row: the rule's columns.
        rule_id: the rule.
        language: of the templates.
        names: what codes are called.
        zone: of points in time.
    """
    template = next((text for text in templates if _has_all(text, row)), templates[-1])
    return _Sentence(rule_id, language, names, zone).vformat(template, (), row)


def _has_all(template: str, row: Mapping[str, Any]) -> bool:
    return all(row[column] is not None for column in columns_of(template))


def columns_of(template: str) -> list[str]:
    """The columns that a template shows."""
    return [column for _, column, _, _ in string.Formatter().parse(template) if column]


class _Sentence(string.Formatter):
    def __init__(self, rule_id: str, language: Language, names: CodeNames, zone: dt.tzinfo) -> None:
        self.rule_id, self.language, self.names, self.zone = rule_id, language, names, zone

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        value = kwargs[field_name]
        if isinstance(value, str):
            value = self.names.told(self.rule_id, field_name, value, self.language)
        return value, field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None or isinstance(value, bool):
            return _WORDS[self.language][value]
        if isinstance(value, (float, decimal.Decimal)):
            return number(value, self.language)
        if isinstance(value, int):
            return f"{value:,}" if self.language == "en" else str(value)
        if isinstance(value, dt.datetime):
            return value.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")
        return str(value)
