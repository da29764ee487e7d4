"""Findings are told wholly in the language asked for, and numbers as people write them."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.unit.test_counter import ACCOUNT, AS_OF, CUSTOMER, LAKE, MOMENT, ORDER, put
from wattmark.audit.counter import Counter
from wattmark.audit.rules import all_rules, rule_of
from wattmark.audit.words import Words, columns_of
from wattmark.code_names import LANGUAGES, CodeNames, load_code_names, number
from wattmark.contract import load_contract
from wattmark.engine.catalog import load_catalog
from wattmark.engine.sqlfile import read_sql_file
from wattmark.errors import SettingsError, SqlFileError
from wattmark.golden import ROOT, cases_of
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


def words(names: CodeNames, *texts: str, zone: dt.tzinfo = dt.UTC) -> Words:
    return Words({"ACC-01": {"en": texts, "zh": texts}}, names, zone)


def test_the_first_sentence_holds_whose_values_are_all_there(names: CodeNames) -> None:
    told = partial(words(names, "{a} and {b}.", "Only {b}.", "Nothing.").told, "ACC-01", language="en")
    assert told({"a": 1, "b": 2000}) == "1 and 2,000."
    assert told({"a": None, "b": True}) == "Only yes."
    assert told({"a": 1, "b": None}) == "Nothing."
    assert words(names, "{a}").told("ACC-01", {"a": None}, "zh") == "无"
    east = dt.timezone(dt.timedelta(hours=8))
    assert words(names, "{at}", zone=east).told("ACC-01", {"at": MOMENT}, "zh") == "2026-10-20 17:00"


def test_a_part_in_brackets_is_left_out_where_a_value_of_it_is_empty(names: CodeNames) -> None:
    told = partial(words(names, "At {a}[, since {b}][, of {c} {d}].", "Never.").told, "ACC-01", language="en")
    assert told({"a": 1, "b": 2, "c": 3, "d": 4}) == "At 1, since 2, of 3 4."
    assert told({"a": 1, "b": 2, "c": None, "d": 4}) == "At 1, since 2."
    assert told({"a": 1, "b": None, "c": 3, "d": 0}) == "At 1, of 3 0."
    assert told({"a": None, "b": 1, "c": 1, "d": 1}) == "Never."


@pytest.mark.parametrize(
    ("column", "value", "english", "chinese"),
    [
        ("standard_amount", decimal.Decimal("1234.50"), "1,234.50", "1234.50"),
        ("mean_monthly_amount", 5000.0, "5,000.00", "5000.00"),
        ("total_amount", -0.001, "0.00", "0.00"),
        ("contracted_kva", 935.999999998603, "936", "936"),
        ("billed_kwh", 1234567.125, "1,234,567.125", "1234567.125"),
        ("billed_kwh", 12345678901.5, "12,345,678,901.5", "12345678901.5"),
        ("min_kwh", -0.01, "-0.01", "-0.01"),
        ("z", -0.0, "0", "0"),
        ("z", 0.00012345, "0.000123", "0.000123"),
        ("supply_kv", decimal.Decimal("0.380"), "0.38", "0.38"),
        ("loss_rate", 0.0812345678, "8.12%", "8.12%"),
        ("max_loss", 0.08, "8%", "8%"),
        ("min_loss", 0, "0%", "0%"),
        ("probability", 0.5, "50%", "50%"),
        ("power_factor", 0.85, "0.85", "0.85"),
        ("power_factor_standard", decimal.Decimal("0.80"), "0.80", "0.80"),
        ("working_days", 4200, "4,200", "4200"),
        ("from_year", 2026, "2026", "2026"),
        ("is_dual_supply", True, "yes", "是"),
        ("opened_on", dt.date(2026, 10, 4), "2026-10-04", "2026-10-04"),
        ("period", dt.date(2026, 10, 1), "2026-10", "2026年10月"),
        ("missing", "bank_name, bank_account", "the bank, the bank account", "开户银行、银行账号"),
        ("meter_id", "M_1", "M_1", "M_1"),
    ],
)  # fmt: skip
def test_a_value_is_written_as_its_column_has_it_in_a_session_and_in_evidence(
    names: CodeNames, column: str, value: Any, english: str, chinese: str
) -> None:
    told = Words({"ACC-05": {"en": [f"{{{column}}}"], "zh": [f"{{{column}}}"]}}, names, dt.UTC)
    packed = (
        value
        if isinstance(value, (str, int))
        else float(value)
        if not isinstance(value, dt.date)
        else str(value)
    )
    for row in ({column: value}, json.loads(json.dumps({column: packed}))):
        assert [told.told("ACC-05", row, language) for language in LANGUAGES] == [english, chinese], row


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("居民阶梯 Residential stepped", "Residential stepped", "居民阶梯"),
        ("大工业10千伏 Large industrial 10 kV", "Large industrial 10 kV", "大工业10千伏"),
        ("居民阶梯", "居民阶梯", "居民阶梯"),
        ("Residential stepped", "Residential stepped", "Residential stepped"),
        ("一般 工商业", "一般 工商业", "一般 工商业"),
        ("Tarif 居民", "Tarif 居民", "Tarif 居民"),
    ],
)
def test_a_tariff_is_called_by_the_part_of_its_name_that_is_in_the_language(
    names: CodeNames, name: str, english: str, chinese: str
) -> None:
    known = names.with_tariffs({"RES": name}, ["tariff_code"])
    told = Words({"ARC-02": {"en": ["On {tariff_code}."], "zh": ["执行{tariff_code}。"]}}, known, dt.UTC)
    assert told.told("ARC-02", {"tariff_code": "RES"}, "en") == f"On {english}."
    assert told.told("ARC-02", {"tariff_code": "RES"}, "zh") == f"执行{chinese}。"
    assert told.told("ARC-02", {"tariff_code": "GONE"}, "en") == "On GONE."


def test_findings_of_a_night_are_told_with_the_money_at_stake(names: CodeNames) -> None:
    told = Words(
        {
            "BUS-07": {"en": ["{account_id}: {unpaid_amount} unpaid."], "zh": ["{account_id} 尚欠 {unpaid_amount}。"]},
            "MET-04": {"en": ["Reported at {reported_at}."], "zh": ["{reported_at} 报告。"]},
        },
        names,
        dt.timezone(dt.timedelta(hours=8)),
    )  # fmt: skip
    columns: dict[str, list[Any]] = {
        "rule_id": ["BUS-07", "MET-04", "BUS-07"],
        "subject_id": ["A1", "P1", "A2"],
        "account_id": ["A1", "A1", "A2"],
        "customer_id": [None] * 3,
        "org_unit_id": [None] * 3,
        "at_stake_amount": pa.array([decimal.Decimal("1000.50"), None, decimal.Decimal("-2.00")]),
        "evidence": ['{"unpaid_amount":1000.5}', '{"reported_at":"2026-10-20 17:00:01.5+08"}', '{"unpaid_amount":-2.0}'],
    }  # fmt: skip
    found = told.add_to(pa.table(columns))
    assert found.column("message_en").to_pylist() == [
        "A1: 1,000.50 unpaid. 1,000.50 owed to the utility is at stake.",
        "Reported at 2026-10-20 17:00.",
        "A2: -2.00 unpaid. 2.00 owed to the customer is at stake.",
    ]
    assert found.column("message_zh").to_pylist() == [
        "A1 尚欠 1000.50。涉及供电企业应收 1000.50 元。",
        "2026-10-20 17:00 报告。",
        "A2 尚欠 -2.00。涉及应退客户 2.00 元。",
    ]


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
            "fee": [
                {"fee_id": "F1", "kind": "other", "standard_amount": 100, "charged_amount": 90, "paid_amount": 0,
                 "refunded_amount": 0, "waiver_approved": False, "charged_on": "2026-01-05"},
                {"fee_id": "F2", "kind": "temporary_connection", "standard_amount": 200, "charged_amount": 200,
                 "paid_amount": 200, "refunded_amount": 50, "waiver_approved": False, "charged_on": "2026-01-05"},
            ],
        },
        {
            "ACC-01": "联系信息不全：联系人姓名、有效的手机或固定电话。",
            "ACC-02": "报装后容量 936 kVA（合同容量 936 kVA）不在 0.38 kV 的允许范围（0 至 160 kVA）内。",
            "ACC-03": "行业分类 Z26 与用电类别“大工业”不符。",
            "ACC-04": "用电地址不规范（开头不是已知的行政区划）。",
            "ACC-05": "选择银行代扣，但缺少：开户银行、银行账号。",
            "ACC-07": "需开具增值税发票，但缺少：增值税资料、纳税人识别号。",
            "ACC-08": "报装后容量 936 kVA（合同容量 936 kVA），变压器容量合计 500 kVA。",
            "ACC-09": "供电电压 0.38 kV、计量电压 10 kV（高供高计）与电价适用电压（10 至 35 kV）不一致。",
            "ACC-11": "没有供电点。",
            "ACC-12": "未收取高可靠性供电费。",
            "ACC-13": "临时接电费自 2017-12-01 起取消，仍收取 200.00 元；已缴 200.00 元，已退 50.00 元。",
            "ACC-14": "费用 F1：应收与标准不符、逾期未缴（标准 100.00 元，收取 90.00 元，到账 0.00 元）。",
            "ACC-16": "功率因数考核标准为 0.80，应为 0.85（大工业，报装后容量 936 kVA，合同容量 936 kVA）。",
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
            "ACC-15": "计算电流 2272.727 A（报装后容量 500 kVA，合同容量 500 kVA），表计 E1（最大 60 A）不匹配。",
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


def test_every_rule_speaks_both_languages_and_its_cases_hear_it() -> None:
    """The runner of golden cases looks at what each finding says; so every rule needs a case that finds something."""
    for rule_id, rule in all_rules(load_catalog(PROJECT_ROOT / "include")).items():
        assert set(rule.messages) == set(LANGUAGES), rule_id
        assert len({len(texts) for texts in rule.messages.values()}) == 1, rule_id
        cases = cases_of(ROOT / "audit" / f"{rule_id}.yaml", f"audit.{rule_id}")
        assert any(case.body["expect"]["flagged"] for case in cases), rule_id


@pytest.mark.parametrize(
    ("english", "chinese", "row", "flaws"),
    [
        ("It is {usage_category}.", "类别为{usage_category}。", {"usage_category": "commercial"}, []),
        ("It is {usage_category}.", "类别为{usage_category}。", {"usage_category": "street_lighting"},
         ["en a code", "zh a code", "zh not Chinese"]),
        ("It lacks {field}.", "缺少{field}。", {"field": "name"}, ["zh not Chinese"]),
        ("It lacks {field}.", "缺少{field}。", {"field": "名称"}, ["en not English"]),
        ("Meter {meter_id}, {kva} kVA, {kwh} kWh.", "表计 {meter_id}，{kva} kVA，{kwh} kWh。", {"meter_id": "M_1", "kva": 0.1 + 0.2, "kwh": 1e9 / 3}, []),
        ("It is {a}.", "为{a}。", {"a": None}, ["en an empty value", "zh an empty value"]),
        ("It is[ {a}].", "为[{a}]空。", {"a": " "}, []),
        ("It is 0.1234567890.", "为 0.1234567890。", {}, ["en an endless number", "zh an endless number"]),
        ("It is None.", "为 None。", {}, ["en not English", "zh not Chinese"]),
    ],
)  # fmt: skip
def test_a_sentence_that_is_not_wholly_in_its_language_is_seen(
    names: CodeNames, english: str, chinese: str, row: dict[str, Any], flaws: list[str]
) -> None:
    told = Words({"ACC-03": {"en": [english], "zh": [chinese]}}, names, dt.UTC)
    found = [
        f"{language} {flaw.partition(':')[0]}"
        for language in LANGUAGES
        for flaw in told.flaws("ACC-03", row, language)
    ]
    assert found == flaws


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
        ("a: {names: {x: {en: X, zh: Y}}}\nvalue: {names: {'true': {en: X, zh: Y}}}\n", 2, "a name for empty, false"),
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
