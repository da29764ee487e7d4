"""What codes are called, in each language, and numbers as people write them: ``include/code-names.yaml``."""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from wattmark.errors import SettingsError
from wattmark.yamlfile import line_of, read_mapping

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
DIGITS = 10
"""Digits of a calculated number that are told: the rest is what binary fractions leave behind."""

_BETWEEN: dict[Language, str] = {"en": ", ", "zh": "、"}
_SEPARATOR = ", "
"""What stands between several codes in one value of a finding."""


@dataclass(frozen=True)
class CodeNames:
    """Names of codes by language.

    Attributes:
        of_source: names by column of the source (``table.column``) and code.
        of_findings: names by column of a finding (``column`` or ``RULE-ID.column``) and code.
    """

    of_source: dict[str, dict[str, dict[Language, str]]]
    of_findings: dict[str, dict[str, dict[Language, str]]]

    def told(self, rule_id: str, column: str, value: str, language: Language) -> str:
        """A text of a finding: codes by their names, anything else as it is."""
        names = self.of_findings.get(f"{rule_id}.{column}") or self.of_findings.get(column)
        if names is None:
            return value
        codes = [value] if value in names else value.split(_SEPARATOR)
        return _BETWEEN[language].join(names[code][language] if code in names else code for code in codes)


@lru_cache(maxsize=4)
def load_code_names(path: Path) -> CodeNames:
    """Read the file of code names.

    Raises:
        SettingsError: an entry has not the form wanted, a name is missing in a language, or a column is in two
            entries; names file and line.
    """
    found = CodeNames({}, {})
    for entry, body in read_mapping(path).items():
        names = body.get("names") if isinstance(body, dict) else None
        if not isinstance(names, dict) or not set(body) <= {"of", "shown", "names"}:
            raise _wrong(path, [entry], f"{entry} must hold names, and of or shown.")
        for code, by_language in names.items():
            told = by_language if isinstance(by_language, dict) else {}
            if set(told) != set(LANGUAGES) or not all(
                isinstance(name, str) and name for name in told.values()
            ):
                raise _wrong(path, [entry, "names", code], f"{entry}: {code} needs a name in en and in zh.")
        for key, target in (("of", found.of_source), ("shown", found.of_findings)):
            columns = body.get(key, [])
            if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
                raise _wrong(path, [entry, key], f"{entry}: {key} must be a list of columns.")
            for column in columns:
                if column in target:
                    raise _wrong(path, [entry, key], f"{entry}: {column} has its names from another entry.")
                target[column] = {str(code): told for code, told in names.items()}
    return found


def _wrong(path: Path, keys: Sequence[str], problem: str) -> SettingsError:
    return SettingsError(
        "code_names.shape",
        f"{path}:{line_of(path, keys) or 1}: {problem}",
        "Write `codes: {of: [table.column], shown: [column], names: {code: {en: …, zh: …}}}`.",
    )


def number(value: float | decimal.Decimal, language: Language) -> str:
    """A number as people write it: no exponent, no more digits than mean something; cents where it is money.

    English groups thousands.
    """
    exact = decimal.Decimal(f"{value:.{DIGITS}g}") + 0 if isinstance(value, float) else value
    return f"{exact:,f}" if language == "en" else f"{exact:f}"
