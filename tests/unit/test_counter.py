"""The counter answers as the night would, from the application and the lake's rows of its account."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from wattmark.audit.counter import ApplicationError, Counter, store
from wattmark.audit.rules import all_rules
from wattmark.audit.runner import create_findings, run_rule
from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

AS_OF = dt.date(2026, 11, 4)
MOMENT = dt.datetime(2026, 10, 20, 9, tzinfo=dt.UTC)

ACCOUNT: dict[str, Any] = {
    "account_id": "A1", "customer_id": "C1", "account_name": "n", "service_address": "浙江省杭州市文三路1号",
    "org_unit_id": "U1", "status": "pending", "usage_category": "large_industrial", "industry_code": "C26",
    "tariff_code": "T1", "supply_kv": 10.0, "metering_kv": 10.0, "metering_mode": "hv_hv", "contracted_kva": 500.0,
    "running_kva": 500.0, "demand_basis": "capacity", "power_factor_standard": 0.9, "allocation": "none",
    "is_temporary": False, "is_dual_supply": False, "has_self_generation": False, "has_load_control": True,
    "payment_method": "counter", "wants_vat_invoice": False,
}  # fmt: skip
CUSTOMER = {
    "customer_id": "C1", "name": "n", "kind": "organisation", "contact_name": "x", "mobile": "13800000001",
    "registered_on": dt.date(2020, 1, 1),
}  # fmt: skip
ORDER: dict[str, Any] = {
    "order_id": "O1", "account_id": "A1", "kind": "new", "needs_customer_works": True,
    "works_materials_entered": True, "equipment_list_provided": True, "vat_documents_complete": True,
}  # fmt: skip
LAKE: dict[str, list[dict[str, Any]]] = {
    "account": [ACCOUNT, {**ACCOUNT, "account_id": "A2", "customer_id": "C2", "supply_kv": 0.38}],
    "customer": [CUSTOMER, {**CUSTOMER, "customer_id": "C2", "contact_name": None}],
    "supply_point": [
        {"supply_point_id": "S1", "account_id": "A1", "line_id": "L1", "transformer_id": "TR1", "is_primary": True}
    ],
    "transformer": [
        {"transformer_id": "TR1", "line_id": "L1", "org_unit_id": "U1", "ownership": "dedicated", "account_id": "A1",
         "rated_kva": 500.0},
        {"transformer_id": "TR2", "line_id": "L1", "org_unit_id": "U1", "ownership": "dedicated", "account_id": "A9",
         "rated_kva": 1.0},
    ],
    "metering_point": [
        {"metering_point_id": "M1", "account_id": "A1", "role": "main", "meter_id": "E1", "multiplier": 1.0}
    ],
    "meter": [{"meter_id": "E1", "model_retired": False, "phases": 3, "status": "in_use"}],
    "instrument_transformer": [
        {"it_id": "I1", "metering_point_id": "M1", "kind": "ct", "primary_value": 50.0, "secondary_value": 5.0}
    ],
    "fee": [],
    "tariff": [
        {"tariff_code": "T1", "name": "n", "usage_category": "large_industrial", "min_kv": 10.0, "max_kv": 35.0,
         "is_two_part": True, "is_time_of_use": True, "is_stepped": False}
    ],
    "address_reference": [{"region_code": "330100", "province": "浙江省", "city": "杭州市"}],
}  # fmt: skip


def put(settings: Settings, tables: dict[str, list[dict[str, Any]]]) -> None:
    contract = load_contract()
    for name, rows in tables.items():
        table = contract.tables[name]
        full = [{"updated_at": MOMENT, **row} for row in rows]
        Lake(settings.lake).replace(
            f"accepted.{name}", pa.Table.from_pylist(full, schema=table.accepted_schema)
        )


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = load_settings(tmp_path_factory.mktemp("home"))
    put(made, LAKE)
    return made


@pytest.fixture(scope="module")
def counter(settings: Settings) -> Iterator[Counter]:
    made = Counter(settings, workers=1)
    yield made
    made.close()


def found(counter: Counter, application: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (violation.rule_id, violation.subject_id) for violation in counter.check(application, as_of=AS_OF)
    ]


def test_all_online_rules_are_run(counter: Counter) -> None:
    assert sorted(counter.rules) == [f"ACC-{number:02}" for number in range(1, 19)]


def test_what_is_not_brought_comes_from_the_lake(counter: Counter) -> None:
    assert found(counter, {"service_order": ORDER}) == []


def test_what_is_brought_stands_in_place_of_the_lake(counter: Counter) -> None:
    account = {**ACCOUNT, "contracted_kva": 700.0, "has_load_control": False}
    assert found(counter, {"service_order": ORDER, "account": account}) == [
        ("ACC-08", "O1"),
        ("ACC-18", "O1"),
    ]
    assert found(counter, {"service_order": ORDER, "supply_point": []}) == [("ACC-11", "O1")]
    bad = {"it_id": "I9", "metering_point_id": "M1", "kind": "ct", "primary_value": 5}
    assert found(counter, {"service_order": ORDER, "instrument_transformer": [bad]}) == [("ACC-15", "M1")]
    assert found(counter, {"service_order": ORDER}) == []


def test_a_new_account_brings_everything(counter: Counter) -> None:
    application = {
        "service_order": {**ORDER, "order_id": "O7", "account_id": "NEW"},
        "account": {**ACCOUNT, "account_id": "NEW", "customer_id": "NEW"},
        "customer": {**CUSTOMER, "customer_id": "NEW", "mobile": "123", "registered_on": "2026-11-04"},
        "fee": [{"fee_id": "F1", "kind": "other", "standard_amount": 100, "charged_amount": "90.00", "paid_amount": 0,
                 "refunded_amount": 0, "waiver_approved": False}],
    }  # fmt: skip
    assert found(counter, application) == [("ACC-01", "O7"), ("ACC-11", "O7"), ("ACC-14", "F1")]


def test_both_languages_evidence_and_money(counter: Counter) -> None:
    fee = {"fee_id": "F1", "kind": "high_reliability", "standard_amount": 100, "charged_amount": 90, "paid_amount": 90,
           "refunded_amount": 0, "waiver_approved": False}  # fmt: skip
    account = {**ACCOUNT, "is_dual_supply": True, "power_factor_standard": None}
    application = {"service_order": ORDER, "account": account, "fee": fee}
    english = {violation.rule_id: violation for violation in counter.check(application, "en", AS_OF)}
    chinese = {violation.rule_id: violation for violation in counter.check(application, "zh", AS_OF)}
    assert sorted(english) == ["ACC-12", "ACC-16", "ACC-17"]
    assert english["ACC-12"].at_stake_amount == 10.0
    assert english["ACC-12"].evidence["first_wrong_fee_id"] == "F1"
    assert english["ACC-16"].message == "There is no power-factor standard; due is 0.90."
    assert chinese["ACC-16"].message == "未设功率因数考核标准，应为 0.90。"
    assert "Dual supply: yes" in english["ACC-17"].message
    assert chinese["ACC-17"].title == "供电电源不明确"


def test_the_night_finds_the_same(settings: Settings, counter: Counter) -> None:
    account = {
        **ACCOUNT, "supply_kv": 0.38, "industry_code": "A01", "service_address": "文三路", "payment_method": "bank_debit",
        "wants_vat_invoice": True, "contracted_kva": 700.0, "is_dual_supply": True, "is_temporary": True,
        "has_load_control": False, "power_factor_standard": 0.8,
    }  # fmt: skip
    order = {
        **ORDER,
        "works_materials_entered": False,
        "equipment_list_provided": False,
        "submitted_at": MOMENT,
    }
    at_counter = counter.check({"service_order": order, "account": account}, as_of=AS_OF)
    tables = {**LAKE, "account": [account], "service_order": [order]}
    with DuckDBSession(settings, Run.of(AS_OF, "Asia/Shanghai"), stored=False) as session:
        for name, rows in tables.items():
            table = load_contract().tables[name]
            full = [{"updated_at": MOMENT, **row} for row in rows]
            session.give(f"accepted.{name}", pa.Table.from_pylist(full, schema=table.accepted_schema))
        findings = create_findings(session)
        for rule in all_rules(session.catalog).values():
            if "online" in rule.modes:
                run_rule(session, rule, findings)
        at_night = session.duck.execute(
            f"SELECT rule_id, subject_id, at_stake_amount FROM {findings} ORDER BY 1, 2"
        ).fetchall()
    assert len(at_night) > 8
    plain = [(rule, subject, None if money is None else float(money)) for rule, subject, money in at_night]
    assert [
        (violation.rule_id, violation.subject_id, violation.at_stake_amount) for violation in at_counter
    ] == plain


@pytest.mark.parametrize(
    ("application", "where"),
    [
        ({}, "service_order"),
        ({"service_order": []}, "service_order"),
        ({"service_order": "x"}, "service_order[0]"),
        ({"service_order": ORDER, "tariff": []}, "tariff"),
        ({"service_order": ORDER, "bill": []}, "bill"),
        ({"service_order": {**ORDER, "colour": "red"}}, "service_order[0].colour"),
        ({"service_order": {key: value for key, value in ORDER.items() if key != "kind"}}, "service_order[0].kind"),
        ({"service_order": {**ORDER, "kind": "other"}}, "service_order[0].kind"),
        ({"service_order": {**ORDER, "order_id": ""}}, "service_order[0].order_id"),
        ({"service_order": {**ORDER, "order_id": None}}, "service_order[0].order_id"),
        ({"service_order": {**ORDER, "requested_kva": "many"}}, "service_order[0].requested_kva"),
        ({"service_order": {**ORDER, "requested_kva": float("nan")}}, "service_order[0].requested_kva"),
        ({"service_order": {**ORDER, "account_id": "UNKNOWN"}}, "service_order[0].account_id"),
        ({"service_order": [ORDER, ORDER]}, "service_order[1]"),
        ({"service_order": [ORDER, {**ORDER, "order_id": "O2", "account_id": "A2"}]}, "service_order[1].account_id"),
        ({"service_order": ORDER, "account": {**ACCOUNT, "account_id": "A2"}}, "account[0].account_id"),
        ({"service_order": ORDER, "account": {**ACCOUNT, "customer_id": "NOBODY"}}, "account[0].customer_id"),
        ({"service_order": ORDER, "customer": {**CUSTOMER, "customer_id": "C9"}}, "account[0].customer_id"),
        ({"service_order": ORDER, "fee": [{}] * 501}, "fee"),
        ({"service_order": ORDER, "fee": [{"fee_id": "F", "standard_amount": decimal.Decimal("1.234")}]},
         "fee[0].standard_amount"),
    ],
)  # fmt: skip
def test_wrong_applications_name_the_place(counter: Counter, application: dict[str, Any], where: str) -> None:
    with pytest.raises(ApplicationError) as refused:
        counter.check(application, as_of=AS_OF)
    assert where in [problem["where"] for problem in refused.value.problems]


def test_errors_repeat_no_value(counter: Counter) -> None:
    with pytest.raises(ApplicationError) as refused:
        counter.check(
            {"service_order": ORDER, "customer": {**CUSTOMER, "mobile": ["13812345678"]}}, as_of=AS_OF
        )
    assert "13812345678" not in str(refused.value)
    assert "13812345678" not in str(refused.value.problems)


def test_an_order_of_tomorrow_does_not_exist_yet(counter: Counter) -> None:
    order = {**ORDER, "submitted_at": "2026-11-05T00:00:00", "works_materials_entered": False}
    assert found(counter, {"service_order": order}) == []
    assert found(counter, {"service_order": {**order, "submitted_at": "2026-11-04T23:59:59"}}) == [
        ("ACC-10", "O1")
    ]


def test_a_new_lake_version_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = load_settings(tmp_path)
    put(own, LAKE)
    made = Counter(own, workers=1)
    try:
        assert found(made, {"service_order": ORDER}) == []
        first = made.store.current().path
        put(own, {"supply_point": []})
        monkeypatch.setattr(store, "RECHECK_SECONDS", 0.0)
        made.store.current()
        refreshing = made.store.refreshing
        assert refreshing is not None
        refreshing.join(60)
        assert found(made, {"service_order": ORDER}) == [("ACC-11", "O1")]
        assert not first.exists()
        assert made.store.make() == made.store.path()
    finally:
        made.close()


def test_an_empty_lake_answers_for_applications_that_bring_all(tmp_path: Path) -> None:
    made = Counter(load_settings(tmp_path), workers=1)
    try:
        with pytest.raises(ApplicationError):
            made.check({"service_order": ORDER}, as_of=AS_OF)
        answer = found(made, {"service_order": ORDER, "account": ACCOUNT, "customer": CUSTOMER})
        assert ("ACC-11", "O1") in answer
    finally:
        made.close()
