"""Findings are told wholly in the language asked for, and numbers as people write them."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_counter import ACCOUNT, AS_OF, CUSTOMER, LAKE, MOMENT, ORDER, put
from wattmark.audit.counter import Counter
from wattmark.audit.rules import all_rules, rule_of
from wattmark.audit.words import columns_of, sentence
from wattmark.code_names import LANGUAGES, CodeNames, load_code_names, number
from wattmark.contract import load_contract
from wattmark.engine.catalog import load_catalog
from wattmark.engine.sqlfile import read_sql_file
from wattmark.errors import SettingsError, SqlFileError
from wattmark.settings import PROJECT_ROOT, load_settings

NAMES = PROJECT_ROOT / "include" / "code-names.yaml"
# Units, which are written so in Chinese too, and the ids that the test itself gives.
LATIN = re.compile(r"\b(kVA|kV|A|T1|C26|Z26|F[0-9]|E1|S1|O1)\b")


@pytest.fixture(scope="module")
def names() -> CodeNames:
    return load_code_names(NAMES)


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    settings = load_settings(tmp_path_factory.mktemp("home"))
    put(settings, LAKE)
    made = Counter(settings, workers=1)
    yield made
    made.close()


def test_every_code_of_the_source_has_a_name(names: CodeNames) -> None:
    for table in load_contract().tables.values():
        for column in table.columns:
            for code in column.values if column.type == "string" else ():
                assert code in names.of_source.get(f"{table.name}.{column.name}", {}), (
                    table.name,
                    column.name,
                    code,
                )


def test_chinese_names_are_chinese(names: CodeNames) -> None:
    for by_code in [*names.of_source.values(), *names.of_findings.values()]:
        for told in by_code.values():
            assert not re.search("[A-Za-z_]", told["zh"]) and not re.search("[^ -~]|_", told["en"]), told


def test_what_findings_show_is_a_column_of_a_rule(names: CodeNames) -> None:
    """A name that no rule's message shows would be dead."""
    shown = set()
    for rule_id, rule in all_rules(load_catalog(PROJECT_ROOT / "include")).items():
        for texts in rule.messages.values():
            for column in {column for text in texts for column in columns_of(text)}:
                shown |= {column, f"{rule_id}.{column}"}
    assert set(names.of_findings) <= shown


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (935.999999998603, "936", "936"),
        (0.1 + 0.2, "0.3", "0.3"),
        (1234567.5, "1,234,567.5", "1234567.5"),
        (12345678901.5, "12,345,678,900", "12345678900"),
        (1e-7, "0.0000001", "0.0000001"),
        (-0.0, "0", "0"),
        (100.0, "100", "100"),
        (decimal.Decimal("1234.50"), "1,234.50", "1234.50"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: Any, english: str, chinese: str) -> None:
    assert (number(value, "en"), number(value, "zh")) == (english, chinese)


def test_the_first_sentence_holds_whose_values_are_all_there(names: CodeNames) -> None:
    texts = ("{a} and {b}.", "Only {b}.", "Nothing.")

    def told(**row: Any) -> str:
        return sentence(texts, row, "ACC-01", "en", names, dt.UTC)

    assert told(a=1, b=2000) == "1 and 2,000."
    assert told(a=None, b=True) == "Only yes."
    assert told(a=1, b=None) == "Nothing."
    assert sentence(("{a}",), {"a": None}, "ACC-01", "zh", names, dt.UTC) == "无"
    assert sentence(("{at}",), {"at": MOMENT}, "ACC-01", "zh", names, dt.timezone(dt.timedelta(hours=8))) == (
        "2026-10-20 17:00"
    )


def test_several_codes_of_one_value_are_named_each(names: CodeNames) -> None:
    both = "contact_name, valid mobile or phone"
    assert names.told("ACC-01", "missing", both, "zh") == "联系人姓名、有效的手机或固定电话"
    assert names.told("ACC-01", "missing", both, "en") == "the contact's name, a valid mobile or phone number"
    assert (
        names.told("ACC-09", "metering_mode", "hv_hv", "en") == "high-voltage supply, metered at high voltage"
    )
    # A utility's own code has no name: it is shown as it is, and so is what is no code.
    assert names.told("ACC-03", "usage_category", "street_lighting", "zh") == "street_lighting"
    assert names.told("ACC-09", "tariff_code", "hv_hv", "zh") == "hv_hv"


WRONG: list[tuple[dict[str, Any], dict[str, str]]] = [
    (
        {
            "account": {
                **ACCOUNT, "supply_kv": 0.38, "industry_code": "Z26", "service_address": "文三路", "payment_method": "bank_debit",
                "wants_vat_invoice": True, "contracted_kva": 935.999999998603, "is_dual_supply": True, "is_temporary": True,
                "has_load_control": False, "power_factor_standard": 0.8,
            },
            "customer": {**CUSTOMER, "contact_name": " ", "mobile": "1"},
            "service_order": {
                **ORDER, "works_materials_entered": False, "equipment_list_provided": False, "vat_documents_complete": False,
            },
            "supply_point": [],
            "fee": {"fee_id": "F1", "kind": "other", "standard_amount": 100, "charged_amount": 90, "paid_amount": 0,
                    "refunded_amount": 0, "waiver_approved": False, "charged_on": "2026-01-05"},
        },
        {
            "ACC-01": "联系信息不全：联系人姓名、有效的手机或固定电话。",
            "ACC-02": "报装容量 936 kVA 不在 0.38 kV 的允许范围（0 至 160 kVA）内。",
            "ACC-03": "行业分类 Z26 与用电类别“大工业”不符。",
            "ACC-04": "用电地址不规范（开头不是已知的行政区划）。",
            "ACC-05": "选择银行代扣，但缺少：开户银行、银行账号。",
            "ACC-07": "需开具增值税发票，但缺少：增值税资料、纳税人识别号。",
            "ACC-08": "报装容量 936 kVA，变压器容量合计 500 kVA。",
            "ACC-09": "供电电压 0.38 kV、计量电压 10 kV（高供高计）与电价 T1（10 至 35 kV）不一致。",
            "ACC-11": "没有供电点。",
            "ACC-12": "未收取该类费用。",
            "ACC-13": "未收取该类费用。",
            "ACC-14": "费用 F1：应收与标准不符、逾期未缴（应收 100.00，已收 90.00，到账 0.00）。",
            "ACC-16": "功率因数考核标准为 0.80，应为 0.85。",
        },
    ),
    (
        {
            "account": {**ACCOUNT, "metering_kv": None, "tariff_code": None, "metering_mode": "lv_lv"},
            "service_order": {**ORDER, "equipment_list_provided": False},
            "supply_point": {"supply_point_id": "S1", "is_primary": True},
            "instrument_transformer": [],
            "meter": {"meter_id": "E1", "model_retired": False, "phases": 1, "max_current_a": 60.0, "status": "in_use"},
        },
        {
            "ACC-06": "10 kV 供电须提供动力设备清单，尚未提供。",
            "ACC-09": "供电电压 10 kV 与计量方式（低供低计）不一致。",
            "ACC-11": "供电点 1 个，其中 1 个无线路、1 个无变压器；首个为 S1。",
            "ACC-15": "计算电流 2272.727 A，表计 E1（最大 60 A）不匹配。",
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("application", "expected"), WRONG)
def test_chinese_messages_hold_no_english(
    counter: Counter, application: dict[str, Any], expected: dict[str, str]
) -> None:
    looked = counter.look(application, AS_OF)
    chinese = {violation.rule_id: violation.message for violation in looked.violations["zh"]}
    assert {rule_id: chinese.get(rule_id) for rule_id in expected} == expected
    for message in chinese.values():
        assert not re.search("[A-Za-z_]", LATIN.sub("", message)), message
        assert "无，" not in message and not re.search(r"无[。；]", message), message
    for violation in looked.violations["en"]:
        assert not re.search("[\u4e00-\u9fff_]|none", violation.message), violation.message
        for value in violation.evidence.values():
            assert not isinstance(value, float) or len(repr(value)) <= 12, violation.evidence


def test_every_rule_of_the_counter_speaks_both_languages(counter: Counter) -> None:
    for rule_id, rule in counter.rules.items():
        assert set(rule.messages) == set(LANGUAGES), rule_id
        assert len({len(texts) for texts in rule.messages.values()}) == 1, rule_id


def test_a_message_that_shows_what_is_not_selected_is_refused(tmp_path: Path) -> None:
    text = (PROJECT_ROOT / "include" / "sql" / "audit" / "ACC-10.sql").read_text(encoding="utf-8")
    path = tmp_path / "ACC-10.sql"
    path.write_text(text.replace("not entered.", "not entered by {clerk}."), encoding="utf-8")
    with pytest.raises(SqlFileError, match="shows clerk"):
        rule_of(read_sql_file(path, "audit"))


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: {of: [t.c], names: {x: {en: X}}}\n", 1, "x needs a name in en and in zh"),
        ("a: {of: [t.c]}\n", 1, "must hold names"),
        ("a: {names: {x: {en: X, zh: Y}}, of: [t.c]}\n\nb: {names: {x: {en: X, zh: Y}}, of: [t.c]}\n", 3, "another entry"),
        ("a: {names: {x: {en: X, zh: Y}}, off: [t.c]}\n", 1, "must hold names"),
        ("a: 1\n", 1, "must hold names"),
        ("a: {names: {x: {en: X, zh: Y}}, of: t.c}\n", 1, "a list"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_names_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    path = tmp_path / "code-names.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_code_names(path)
    assert f"{path}:{line}:" in refused.value.message and what in refused.value.message
