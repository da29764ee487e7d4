"""What codes are called, in each language (``include/code-names.yaml``), and numbers as people write them."""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from wattmark.errors import SettingsError
from wattmark.yamlfile import line_of, read_mapping

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
DIGITS = 10
"""Digits of a calculated number that are told: the rest is what binary fractions leave behind."""

VALUES = "value"
"""The entry of the words for values that are no codes."""

_BOTH = re.compile(r"([^\s]*[\u4e00-\u9fff][^\s]*)\s+([\x20-\x7e]*[A-Za-z][\x20-\x7e]*)")
"""A name in Chinese and then, after a blank, in Latin letters."""
_BETWEEN: dict[Language, str] = {"en": ", ", "zh": "、"}
_SEPARATOR = ", "
"""What stands between several codes in one value of a finding."""


@dataclass(frozen=True)
class CodeNames:
    """Names of codes by language.

    Attributes:
        of_source: names by column of the source (``table.column``) and code.
        of_findings: names by column of a finding (``column`` or ``RULE-ID.column``) and code.
        of_values: names of what is no code: ``true``, ``false`` and ``empty``.
        lists: names by list, as the file has them, and code.
        of_marts: the list of a published column, by ``table.column`` of schema mart.
    """

    of_source: dict[str, dict[str, dict[Language, str]]]
    of_findings: dict[str, dict[str, dict[Language, str]]]
    of_values: dict[str, dict[Language, str]]
    lists: dict[str, dict[str, dict[Language, str]]]
    of_marts: dict[str, str]

    def with_tariffs(self, tariffs: Mapping[str, str], columns: Iterable[str]) -> CodeNames:
        """The same with the names of tariffs by code, for columns of findings that hold such codes."""
        named = {code: by_language(name) for code, name in tariffs.items()}
        return replace(self, of_findings=self.of_findings | dict.fromkeys(columns, named))

    def codes_of(self, rule_id: str, column: str) -> dict[str, dict[Language, str]] | None:
        """The codes that a column of a rule's findings holds, with their names; None where it holds none."""
        return self.of_findings.get(f"{rule_id}.{column}") or self.of_findings.get(column)

    def told(self, rule_id: str, column: str, value: str, language: Language) -> str:
        """A text of a finding: codes by their names, anything else as it is."""
        names = self.codes_of(rule_id, column)
        if names is None:
            return value
        codes = [value] if value in names else value.split(_SEPARATOR)
        return _BETWEEN[language].join(names[code][language] if code in names else code for code in codes)


def by_language(name: str) -> dict[Language, str]:
    """A name of the source in each language: of one that says both, Chinese first, the part that is in it.

    A name in one language alone is that in both.
    """
    found = _BOTH.fullmatch(name.strip())
    return {"en": found[2], "zh": found[1]} if found else {"en": name, "zh": name}


@lru_cache(maxsize=4)
def load_code_names(path: Path) -> CodeNames:
    """Read the file of code names.

    Raises:
        SettingsError: an entry has not the form wanted, a name is missing in a language, or a column is in two
            entries; names file and line.
    """
    found = CodeNames({}, {}, {}, {}, {})
    for entry, body in read_mapping(path).items():
        names = body.get("names") if isinstance(body, dict) else None
        if not isinstance(names, dict) or not set(body) <= {"of", "shown", "mart", "names"}:
            raise _wrong(path, [entry], f"{entry} must hold names, and of, shown or mart.")
        for code, by_language in names.items():
            told = by_language if isinstance(by_language, dict) else {}
            if set(told) != set(LANGUAGES) or not all(
                isinstance(name, str) and name for name in told.values()
            ):
                raise _wrong(path, [entry, "names", code], f"{entry}: {code} needs a name in en and in zh.")
        if entry == VALUES:
            found.of_values.update(names)
        by_code = {str(code): told for code, told in names.items()}
        found.lists[entry] = by_code
        targets: tuple[tuple[str, dict[str, Any], Any], ...] = (
            ("of", found.of_source, by_code),
            ("shown", found.of_findings, by_code),
            ("mart", found.of_marts, entry),
        )
        for key, target, held in targets:
            columns = body.get(key, [])
            if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
                raise _wrong(path, [entry, key], f"{entry}: {key} must be a list of columns.")
            for column in columns:
                if column in target:
                    raise _wrong(path, [entry, key], f"{entry}: {column} has its names from another entry.")
                target[column] = held
    if missing := {"true", "false", "empty"} - set(found.of_values):
        raise _wrong(path, [VALUES, "names"], f"{VALUES} needs a name for {', '.join(sorted(missing))}.")
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


@dataclass(frozen=True)
class Form:
    """How a column's numbers are written.

    Attributes:
        least: decimals that are written even where they are zero.
        most: decimals that are written at most; smaller numbers than these hold keep three digits.
        percent: as a percentage, with so many decimals of it.
        grouped: with thousands apart, where the language does so.
    """

    least: int = 0
    most: int = 3
    percent: bool = False
    grouped: bool = True

    def write(self, value: float | decimal.Decimal, language: Language) -> str:
        """A number as text."""
        shown = value * 100 if self.percent else value
        group = "," if language == "en" and self.grouped else ""
        if isinstance(shown, int):
            text = f"{shown:{group}d}" if not self.least else f"{shown:{group}.{self.least}f}"
        elif shown and abs(shown) < 0.5 / 10**self.most and not self.least:
            text = f"{decimal.Decimal(f'{shown:.3g}'):f}"
        else:
            text = f"{shown:{group}.{self.most}f}"
            if self.most > self.least:
                end = len(text) - (self.most - self.least)
                text = text[:end] + text[end:].rstrip("0")
                text = text.removesuffix(".")
            if text.startswith("-") and not text.strip("-0."):
                text = text[1:]
        return text + "%" if self.percent else text


PLAIN = Form()
_FORMS: dict[str, Form] = {
    "amount": Form(2, 2),
    "penalty_due": Form(2, 2),
    "penalty_ceiling": Form(2, 2),
    "price": Form(0, 6),
    "power_factor": Form(2, 3),
    "power_factor_standard": Form(2, 2),
    "standard_due": Form(2, 2),
    "share": Form(0, 2, percent=True),
    "rate": Form(0, 2, percent=True),
    "loss": Form(0, 2, percent=True),
    "coverage": Form(0, 2, percent=True),
    "change": Form(0, 2, percent=True),
    "use": Form(0, 2, percent=True),
    "load": Form(0, 2, percent=True),
    "spread": Form(0, 2, percent=True),
    "max_points": Form(0, 2, percent=True),
    "probability": Form(0, 1, percent=True),
    "year": Form(grouped=False),
}
"""Forms by a column's name, or by the last word of it."""
FIGURE_FORMS: dict[str, Form] = {"share": Form(0, 2, percent=True), "days": Form(1, 1), "number": Form(0, 2)}
"""Forms of key figures, by what ``mart.dim_kpi`` says of each."""


def form_of(column: str) -> Form:
    """How the numbers of a column of a finding are written: money with two places, a share in per cent."""
    return _FORMS.get(column) or _FORMS.get(column.rpartition("_")[2], PLAIN)
