"""Audit rules: what their headers must say, and which there are.

A rule is one file, ``include/sql/audit/<RULE-ID>.sql``. Its SELECT gives one row for each subject the
rule should look at, with

- ``subject_id``: text, unique in the result;
- ``flagged``: boolean; an empty one means not flagged;
- ``account_id``, ``customer_id``, ``org_unit_id`` (optional): whom it concerns. Where an account is
  given, its customer and unit are filled in where the rule does not give them;
- ``not_checked`` (optional): the reason why the subject could not be judged, else empty;
- ``at_stake_amount`` (optional): money, positive owed to the utility;
- every other column is evidence, under its own name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wattmark.audit.words import columns_of
from wattmark.code_names import LANGUAGES, Language
from wattmark.engine.catalog import Catalog
from wattmark.engine.sqlfile import SqlFile
from wattmark.errors import SqlFileError

KINDS = ("exception", "listing")
SEVERITIES = ("high", "medium", "low")
SUBJECTS = (
    "account", "bill", "capacity_change", "contract", "customer", "fee", "inspection", "line", "meter",
    "metering_point", "order", "org_unit", "payment", "reading_area", "service_call", "transformer", "violation",
)  # fmt: skip
MODES = ("nightly", "online")
FIXED_COLUMNS = (
    "subject_id",
    "account_id",
    "customer_id",
    "org_unit_id",
    "flagged",
    "not_checked",
    "at_stake_amount",
)
_RULE_ID = re.compile(r"^[A-Z]{3}-\d{2}$")


@dataclass(frozen=True)
class Rule:
    """One audit rule; texts are in English (``title``, ``flags``) and Chinese (``zh``)."""

    file: SqlFile
    rule_id: str
    title: str
    zh: str
    kind: str
    modes: tuple[str, ...]
    subject: str
    severity: str
    flags: str
    at_stake: str
    messages: dict[Language, tuple[str, ...]]
    """Sentences by language, with ``{column}`` for a value: the first holds whose values are all there."""

    @property
    def family(self) -> str:
        """The rule's group, such as TAR."""
        return self.rule_id.split("-")[0]


def rule_of(file: SqlFile) -> Rule:
    """Read a rule's header.

    Raises:
        SqlFileError: something is missing or not one of the allowed words.
    """
    header = file.header
    rule_id = file.table

    def choice(key: str, allowed: tuple[str, ...]) -> str:
        if header.get(key) not in allowed:
            raise SqlFileError(
                "rule.header",
                f"{file.path}:1: {key} must be one of {', '.join(allowed)}, not {header.get(key)!r}.",
            )
        return str(header[key])

    if not _RULE_ID.match(rule_id):
        raise SqlFileError(
            "rule.name", f"{file.path}: a rule's file is named after its id, such as TAR-03.sql."
        )
    for key in ("title", "zh", "flags"):
        if not header.get(key):
            raise SqlFileError("rule.header", f"{file.path}:1: {key} is missing.")
    modes = tuple(header.get("modes") or ())
    if not modes or any(mode not in MODES for mode in modes):
        raise SqlFileError("rule.header", f"{file.path}:1: modes must list some of {', '.join(MODES)}.")
    selected = {name.lower() for name in file.statement.named_selects}
    for column in ("subject_id", "flagged"):
        if column not in selected:
            raise file.error("rule.columns", f"the SELECT gives no column {column}.")
    return Rule(
        file=file,
        rule_id=rule_id,
        title=str(header["title"]),
        zh=str(header["zh"]),
        kind=choice("kind", KINDS),
        modes=modes,
        subject=choice("subject", SUBJECTS),
        severity=choice("severity", SEVERITIES),
        flags=str(header["flags"]).strip(),
        at_stake=str(header.get("at_stake", "")),
        messages=_messages(file),
    )


def _messages(file: SqlFile) -> dict[Language, tuple[str, ...]]:
    found: dict[Language, tuple[str, ...]] = {}
    selected = {name.lower() for name in file.statement.named_selects}
    for language, given in dict(file.header.get("messages") or {}).items():
        texts = (given,) if isinstance(given, str) else tuple(given or ())
        if language not in LANGUAGES or not texts or not all(isinstance(text, str) for text in texts):
            raise SqlFileError(
                "rule.header",
                f"{file.path}:1: messages must hold a sentence, or a list of them, for {' and '.join(LANGUAGES)}.",
            )
        for text in texts:
            for column in columns_of(text):
                if column not in selected:
                    raise file.error(
                        "rule.messages", f"a message shows {column}, which the SELECT does not give."
                    )
        found[language] = texts
    return found


def all_rules(catalog: Catalog) -> dict[str, Rule]:
    """All rules by id, sorted."""
    files = [
        table
        for name, table in sorted(catalog.tables.items())
        if name.startswith("audit.") and isinstance(table, SqlFile)
    ]
    return {file.table: rule_of(file) for file in files}
