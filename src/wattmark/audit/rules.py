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

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sqlglot import exp

from wattmark.audit.window import Window, window_of
from wattmark.audit.words import Texts, Words, columns_of
from wattmark.code_names import LANGUAGES, Language, load_code_names
from wattmark.engine.catalog import Catalog
from wattmark.engine.sqlfile import ON_DAY, PARAMETERS, SqlFile
from wattmark.errors import SqlFileError
from wattmark.settings import Settings

KINDS = ("exception", "listing")
SEVERITIES = ("high", "medium", "low")
SUBJECTS = (
    "account", "bill", "capacity_change", "contract", "customer", "fee", "inspection", "line", "meter",
    "metering_point", "order", "org_unit", "payment", "reading_area", "service_call", "staff", "transformer",
    "violation",
)  # fmt: skip
MODES = ("nightly", "online")
JUDGES = ("month", "state")
PROOFS = ("same", "next", "none")
AFTER = ("listing", "off")
KEYS = {
    "title", "zh", "kind", "modes", "subject", "severity", "judges", "proof", "effect_of", "moves", "site", "basis",
    "country", "valid_from", "valid_to", "after", "on", "changed", "flags", "flags_zh", "at_stake", "what_to_do",
    "params", "messages", "window",
}  # fmt: skip
"""Everything that a rule's header may say."""
KIND = "rule_kind"
"""Says of each row whether it is an exception or a listing (``wattmark.audit.in_force``)."""
FIXED_COLUMNS = (
    "subject_id",
    "account_id",
    "customer_id",
    "org_unit_id",
    "flagged",
    "not_checked",
    "at_stake_amount",
    KIND,
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
    judges: str
    """``month``: what it says of a subject changes with P alone; ``state``: it looks at things as they stand."""
    proof: str
    """What proves a finding mended: ``same`` month judged again, a ``next`` month, or ``none``."""
    effect_of: tuple[str, ...] = ()
    """Rules whose findings may be the cause of this one's, the likeliest first."""
    moves: tuple[str, ...] = ()
    """Evidence that only the calendar moves, such as days overdue."""
    site: bool = False
    """Whether somebody has to go there."""
    basis: str = ""
    """The regulation it rests on."""
    country: str = ""
    """Whose regulation that is, as ISO 3166 has it; empty for a rule that holds anywhere."""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    """Last day on which the rule is in force."""
    after: str = "listing"
    """What becomes of it after ``valid_to``."""
    on: str = ""
    """The column whose day decides, row by row; empty where the run's does."""
    flags_zh: str = ""
    """``flags`` in Chinese."""
    what_to_do: dict[Language, str] = field(default_factory=dict)
    """What somebody who finds it right does about it, by language."""
    changed: tuple[tuple[dt.date, str], ...] = ()
    """What became otherwise, by the day from which it holds."""
    window: Window | None = None
    """Outside of which a subject is not judged; of rules that judge states."""

    @property
    def family(self) -> str:
        """The rule's group, such as TAR."""
        return self.rule_id.split("-")[0]


@lru_cache(maxsize=1024)
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
    unknown = sorted(set(header) - KEYS)
    if unknown:
        raise SqlFileError(
            "rule.header",
            f"{file.path}:1: {', '.join(unknown)} is no key of a rule.",
            f"Keys are {', '.join(sorted(KEYS))}.",
        )
    selected = {name.lower() for name in file.statement.named_selects}
    for column in (
        "subject_id",
        "flagged",
        *_words(file, "moves"),
        *([header["on"]] if header.get("on") else []),
    ):
        if column not in selected:
            raise file.error("rule.columns", f"the SELECT gives no column {column}.")
    if header.get("on"):
        _read_by_day(file)
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
        judges=choice("judges", JUDGES),
        proof=choice("proof", PROOFS),
        effect_of=_rule_ids(file),
        moves=_words(file, "moves"),
        site=bool(header.get("site", False)),
        basis=str(header.get("basis", "")),
        country=str(header.get("country", "CN" if header.get("basis") else "")),
        valid_from=_day(file, "valid_from"),
        valid_to=_day(file, "valid_to"),
        after=choice("after", AFTER) if "after" in header else "listing",
        on=str(header.get("on", "")),
        flags_zh=str(header.get("flags_zh", "")).strip(),
        what_to_do=_by_language(file, "what_to_do"),
        changed=_changed(file),
        window=window_of(file),
    )


def _read_by_day(file: SqlFile) -> None:
    """Refuse a rule that goes by its rows' own days and reads a parameter of the run's day all the same."""
    for node in file.statement.find_all(exp.Placeholder, exp.Table):
        by_row = isinstance(node.parent, exp.Anonymous) and str(node.parent.this).upper() == ON_DAY
        if isinstance(node, exp.Table):
            wrong = f"param.{node.name}" if node.db == PARAMETERS else ""
        else:
            name = str(node.this)
            wrong = f"${name}" if name in (file.header.get("params") or {}) and not by_row else ""
        if wrong:
            raise file.error(
                "rule.on",
                f"{wrong} is what holds on the run's day, but the rule goes by {file.header['on']}.",
                wrong,
                "Write ON_DAY($name, day), or join dated.name.",
            )


def _words(file: SqlFile, key: str) -> tuple[str, ...]:
    given = file.header.get(key) or []
    if not isinstance(given, list) or not all(isinstance(word, str) for word in given):
        raise SqlFileError("rule.header", f"{file.path}:1: {key} must be a list of words, not {given!r}.")
    return tuple(given)


def _rule_ids(file: SqlFile) -> tuple[str, ...]:
    words = _words(file, "effect_of")
    wrong = [word for word in words if not _RULE_ID.match(word) or word == file.table]
    if wrong:
        raise SqlFileError(
            "rule.header", f"{file.path}:1: effect_of names {wrong[0]}, which is no other rule's id."
        )
    return words


def _day(file: SqlFile, key: str) -> dt.date | None:
    given = file.header.get(key)
    if given is None or (isinstance(given, dt.date) and not isinstance(given, dt.datetime)):
        return given
    raise SqlFileError(
        "rule.header", f"{file.path}:1: {key} must be a day such as 2024-06-01, not {given!r}."
    )


def _by_language(file: SqlFile, key: str) -> dict[Language, str]:
    given = file.header.get(key) or {}
    if not isinstance(given, dict) or not all(
        name in LANGUAGES and isinstance(text, str) for name, text in given.items()
    ):
        raise SqlFileError(
            "rule.header", f"{file.path}:1: {key} must hold a sentence for {' and '.join(LANGUAGES)}."
        )
    return {name: text.strip() for name, text in given.items()}


def _changed(file: SqlFile) -> tuple[tuple[dt.date, str], ...]:
    given = file.header.get("changed") or []
    if not isinstance(given, list) or not all(
        isinstance(each, dict)
        and set(each) == {"from", "what"}
        and isinstance(each["from"], dt.date)
        and isinstance(each["what"], str)
        for each in given
    ):
        raise SqlFileError(
            "rule.header",
            f"{file.path}:1: changed must list {{from: 2024-06-01, what: …}}, not {given!r}.",
        )
    return tuple(sorted((each["from"], each["what"]) for each in given))


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


def words_of(
    rules: Mapping[str, Rule], settings: Settings, *, tariffs: Mapping[str, str] | None = None
) -> Words:
    """What tells the findings of rules in words; a rule without messages is told by its title.

    Args:
        rules: by id.
        settings: of the home.
        tariffs: what the source calls its tariffs, by code; told by their codes where it is left out.
    """
    texts: dict[str, Texts] = {
        rule_id: {"en": (f"{rule.title}.",), "zh": (f"{rule.zh}。",), **rule.messages}
        for rule_id, rule in rules.items()
    }
    names = load_code_names(settings.include / "code-names.yaml")
    if tariffs:
        shown = {
            column
            for by_language in texts.values()
            for templates in by_language.values()
            for template in templates
            for column in columns_of(template)
        }
        names = names.with_tariffs(tariffs, [column for column in shown if column.endswith("tariff_code")])
    return Words(texts, names, settings.zone)
