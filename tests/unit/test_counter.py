"""The counter answers as the night would, from the application and the lake's rows of its account."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from wattmark import cli
from wattmark.audit.counter import ApplicationError, Counter, store
from wattmark.audit.rules import all_rules
from wattmark.audit.runner import create_findings, run_rule
from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.errors import WattmarkError
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark_sample import FolderSink, SamplePlan, generate

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
         "is_two_part": True, "is_time_of_use": True, "is_stepped": False},
        {"tariff_code": "T2", "name": "n", "usage_category": "commercial", "min_kv": 0.22, "max_kv": 0.38,
         "is_two_part": False, "is_time_of_use": False, "is_stepped": False},
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


CHANGES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"supply_kv": 10.0, "metering_mode": "hv_hv", "demand_basis": "contract_demand"}, []),
    ({"supply_kv": 0.38}, ["ACC-02", "ACC-09", "ACC-16"]),
    ({"supply_kv": 0.38, "metering_mode": "lv_lv", "metering_kv": 0.38, "tariff_code": "T2"}, ["ACC-02", "ACC-15", "ACC-16"]),
    ({"usage_category": "residential"}, ["ACC-03", "ACC-16"]),
    ({"tariff_code": "T2"}, ["ACC-09"]),
    ({"metering_mode": "hv_lv"}, ["ACC-09"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "rules"), CHANGES)
def test_what_is_to_change_is_judged_and_the_rest_as_it_stands(
    counter: Counter, changes: dict[str, Any], rules: list[str]
) -> None:
    """Whether the account comes from the lake or with the application."""
    order = {**ORDER, "kind": "increase"}
    for application in ({"service_order": order}, {"service_order": order, "account": ACCOUNT}):
        assert [rule for rule, _ in found(counter, {**application, "changes": changes})] == rules
    assert found(counter, {"service_order": order}) == []


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"supply_kv": "high"}, "changes.supply_kv"),
        ({"supply_kv": 0}, "changes.supply_kv"),
        ({"supply_kv": None}, "changes.supply_kv"),
        ({"supply_kv": 1e9}, "changes.supply_kv"),
        ({"metering_mode": "hv"}, "changes.metering_mode"),
        ({"usage_category": "street"}, "changes.usage_category"),
        ({"tariff_code": "T9"}, "changes.tariff_code"),
        ({"tariff_code": ""}, "changes.tariff_code"),
        ({"contracted_kva": 5000}, "changes.contracted_kva"),
        (["supply_kv"], "changes"),
    ],
)
def test_changes_that_cannot_be_are_refused(counter: Counter, changes: Any, where: str) -> None:
    with pytest.raises(ApplicationError) as refused:
        counter.check({"service_order": ORDER, "changes": changes}, as_of=AS_OF)
    assert [problem["where"] for problem in refused.value.problems] == [where]


def test_what_stands_of_an_account_is_told(counter: Counter) -> None:
    assert counter.account("A1") == {
        "usage_category": "large_industrial", "tariff_code": "T1", "supply_kv": 10.0, "metering_kv": 10.0,
        "metering_mode": "hv_hv", "demand_basis": "capacity", "contracted_kva": 500.0,
    }  # fmt: skip
    assert counter.account("nobody") is None


def test_an_increase_far_above_low_voltage_is_refused_by_four_rules(tmp_path: Path) -> None:
    """On the sample utility, for an account in good order; and where it goes to 10 kV, by what still does not fit."""
    source = tmp_path / "source"
    generate(SamplePlan(accounts=100, seed=3, interval_days=0), FolderSink(source))
    settings = load_settings(tmp_path / "home")
    for name, table in load_contract().tables.items():
        if (file := source / f"{name}.parquet").is_file():
            Lake(settings.lake).replace(f"accepted.{name}", pq.read_table(file).cast(table.accepted_schema))
    accounts = pq.read_table(source / "account.parquet").to_pylist()
    shop = next(
        row["account_id"]
        for row in accounts
        if row["usage_category"] == "commercial" and row["supply_kv"] < 1 and row["status"] == "active"
        and row["contracted_kva"] < 100
    )  # fmt: skip
    order = {"order_id": "O-more", "account_id": shop, "kind": "increase", "needs_customer_works": False,
             "works_materials_entered": False, "equipment_list_provided": True, "vat_documents_complete": True}  # fmt: skip
    counter = Counter(settings, workers=1)
    try:
        as_of = SamplePlan().as_of
        assert counter.check({"service_order": order}, as_of=as_of) == []
        refused = counter.check({"service_order": {**order, "requested_kva": 5000}}, as_of=as_of)
        assert [violation.rule_id for violation in refused] == ["ACC-02", "ACC-15", "ACC-16", "ACC-18"]
        for violation in refused:
            assert violation.evidence["capacity_after_kva"] == violation.evidence["contracted_kva"] + 5000
            assert all(number_of in violation.message for number_of in ("kVA after the order", "contracted"))
        changes = {"supply_kv": 10.0, "metering_mode": "hv_lv"}
        higher = counter.check(
            {"service_order": {**order, "requested_kva": 5000}, "changes": changes}, as_of=as_of
        )
        assert [violation.rule_id for violation in higher] == ["ACC-09", "ACC-15", "ACC-16", "ACC-18"]
    finally:
        counter.close()


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
    assert english["ACC-16"].message == (
        "There is no power-factor standard; due is 0.90 "
        "(large industrial, 500 kVA after the order, contracted 500 kVA)."
    )
    assert (
        chinese["ACC-16"].message
        == "未设功率因数考核标准，应为 0.90（大工业，报装后容量 500 kVA，合同容量 500 kVA）。"
    )
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
        ({"service_order": {**ORDER, "requested_kva": -5000}}, "service_order[0].requested_kva"),
        ({"service_order": {**ORDER, "requested_kva": 0}}, "service_order[0].requested_kva"),
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


@pytest.fixture(scope="module")
def command() -> Any:
    if not cli.app.registered_commands:
        cli.mount()
    return cli.app


def test_an_application_is_checked_on_the_command_line(
    command: Any, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "application.json"
    file.write_text(json.dumps({"service_order": ORDER, "changes": {"supply_kv": 0.38}}), encoding="utf-8")
    asked = ["audit", "counter", "--home", str(settings.home), "--as-of", f"{AS_OF}"]
    told = CliRunner().invoke(command, [*asked, str(file), "--language", "zh"])
    assert told.exit_code == 0, told.output
    assert "ACC-02 容量与电压等级不匹配\n  报装后容量 500 kVA（合同容量 500 kVA）不在 0.38 kV" in told.output
    assert "18 rules looked at it, 3 object." in told.output
    piped = CliRunner().invoke(command, [*asked, "-", "--json"], input=file.read_text(encoding="utf-8"))
    assert [violation["rule_id"] for violation in json.loads(piped.output)] == ["ACC-02", "ACC-09", "ACC-16"]


@pytest.mark.parametrize(("text", "what"), [(None, "No such file"), ("{", "not JSON"), ("[]", "no object of tables"), ("{}", "the order is missing")])  # fmt: skip
def test_a_file_that_is_no_application_is_refused_in_words(
    command: Any, settings: Settings, tmp_path: Path, text: str | None, what: str
) -> None:
    file = tmp_path / "application.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    told = CliRunner().invoke(command, ["audit", "counter", "--home", str(settings.home), str(file)])
    assert told.exit_code == 1 and isinstance(told.exception, WattmarkError)
    assert what in str(told.exception)
