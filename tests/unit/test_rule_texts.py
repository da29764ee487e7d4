"""What each rule says of itself in both languages: when it flags, what to do, and its findings in sentences."""

from __future__ import annotations

import re
import string

import pytest

from wattmark.audit.rules import Rule, all_rules, rule_of
from wattmark.audit.words import columns_of
from wattmark.code_names import LANGUAGES, load_code_names
from wattmark.contract import load_contract
from wattmark.engine.catalog import load_catalog
from wattmark.engine.sqlfile import read_sql_file
from wattmark.errors import SqlFileError
from wattmark.settings import PROJECT_ROOT

RULES = all_rules(load_catalog(PROJECT_ROOT / "include"))
NAMES = load_code_names(PROJECT_ROOT / "include" / "code-names.yaml")
PII = {
    column.name
    for table in load_contract(PROJECT_ROOT / "include" / "contract" / "source-model.yaml").tables.values()
    for column in table.columns
    if column.pii
}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_says_in_both_languages_when_it_flags_and_what_to_do(rule: Rule) -> None:
    assert rule.flags and _CHINESE.search(rule.flags_zh), "flags_zh is missing"
    assert set(rule.what_to_do) == set(LANGUAGES), "what_to_do needs en and zh"
    assert not _CHINESE.search(rule.what_to_do["en"]) and rule.what_to_do["en"].endswith(".")
    assert _CHINESE.search(rule.what_to_do["zh"]) and rule.what_to_do["zh"].endswith("。")


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_tells_its_findings_in_whole_sentences_without_personal_data(rule: Rule) -> None:
    assert set(rule.messages) == set(LANGUAGES), "messages needs en and zh"
    for text in rule.messages["en"]:
        assert not _CHINESE.search(text) and text.endswith(".")
    for text in rule.messages["zh"]:
        words = "".join(before for before, *_ in string.Formatter().parse(text))
        assert _CHINESE.search(words) and text.endswith("。")
        # Units and the names of things are all that stands in Latin letters.
        assert set(re.findall(r"[A-Za-z_]{2,}", words)) <= {"kWh", "kW", "kVA", "kV", "kvarh", "VAT"}
    shown = {column for texts in rule.messages.values() for text in texts for column in columns_of(text)}
    assert shown & PII == set()


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_what_a_rule_shows_of_codes_has_names(rule: Rule) -> None:
    """A code that a message shows is told by its name: each text of the statement that a shown column may hold."""
    shown = {column for texts in rule.messages.values() for text in texts for column in columns_of(text)}
    for column in shown & {"missing", "problem", "problems"}:
        assert NAMES.codes_of(rule.rule_id, column) is not None, f"{rule.rule_id}.{column} has no names"


def test_a_text_in_another_language_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    source = (PROJECT_ROOT / "include" / "sql" / "audit" / "COL-03.sql").read_text(encoding="utf-8")
    file = tmp_path_factory.mktemp("rule") / "COL-03.sql"
    file.write_text(source.replace("what_to_do:\n  en:", "what_to_do:\n  fr:"), encoding="utf-8")
    with pytest.raises(SqlFileError, match="what_to_do must hold a sentence for en and zh"):
        rule_of(read_sql_file(file, "audit"))
