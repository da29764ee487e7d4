"""An account's rows are cut out by what the contract says of references, whatever table it comes to have."""

from __future__ import annotations

import shutil
from typing import Any

import pyarrow as pa
import pytest
import yaml

from tests.unit.test_counter import AS_OF, LAKE, MOMENT, ORDER, found
from wattmark.audit.counter import ApplicationError, Counter
from wattmark.audit.root_cause.pool import Pool
from wattmark.audit.rules import all_rules
from wattmark.audit.slice import LookUp, Slice
from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

SHARED = [
    "org_unit", "staff", "line", "loss_code", "tariff", "tariff_rate", "meter_plan", "reading_area", "temperature_daily", "address_reference",
]  # fmt: skip


def column(name: str, ref: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "string", **({"ref": ref} if ref else {}), **more}


NEW: dict[str, list[dict[str, Any]]] = {
    # Named by a point, as alarms of meters are.
    "alarm": [column("alarm_id", key=True), column("metering_point_id", "metering_point")],
    # Named by the customer; one side of it or the other.
    "kinship": [
        column("kinship_id", key=True),
        column("customer_id", "customer"),
        column("other_customer_id", "customer"),
    ],
    # On a transformer or on a whole line.
    "outage": [
        column("outage_id", key=True),
        column("line_id", "line", optional=True),
        column("transformer_id", "transformer", optional=True),
    ],
    # One may be told without the account, never without the customer.
    "complaint": [
        column("complaint_id", key=True),
        column("account_id", "account", optional=True),
        column("customer_id", "customer"),
    ],
    # Somebody whom an account names.
    "payer": [column("payer_id", key=True), column("full_name", optional=True, pii=True)],
    # Two that name each other, and need name nothing else.
    "this": [column("this_id", key=True), column("that_id", "that", optional=True), column("account_id", "account", optional=True)],
    "that": [column("that_id", key=True), column("this_id", "this", optional=True), column("account_id", "account", optional=True)],
    # Nobody's.
    "weather": [column("region_code", key=True)],
}  # fmt: skip
PAYER = column("payer_id", "payer", optional=True)

RULE = """/*
title: The account's meter has raised an alarm
zh: 电能表告警
kind: exception
modes: [online, nightly]
subject: order
severity: low
judges: month
proof: same
flags: there is an alarm of one of the account's points, or an outage that concerns it.
messages:
  en: "{alarms} alarms, {outages} outages."
  zh: "{alarms} 次告警，{outages} 次停电。"
*/
SELECT o.order_id AS subject_id,
       o.account_id,
       (SELECT COUNT(*) FROM source.alarm AS a) + (SELECT COUNT(*) FROM source.outage AS u) > 0 AS flagged,
       (SELECT COUNT(*) FROM source.alarm AS a) AS alarms,
       (SELECT COUNT(*) FROM source.outage AS u) AS outages
FROM core.open_application AS o
"""

ROWS: dict[str, list[dict[str, Any]]] = {
    "alarm": [{"alarm_id": "1", "metering_point_id": "M1"}, {"alarm_id": "2", "metering_point_id": "M9"}],
    "kinship": [
        {"kinship_id": "1", "customer_id": "C1", "other_customer_id": "C9"},
        {"kinship_id": "2", "customer_id": "C9", "other_customer_id": "C1"},
        {"kinship_id": "3", "customer_id": "C9", "other_customer_id": "C8"},
    ],
    "outage": [
        {"outage_id": "1", "transformer_id": "TR1"},
        {"outage_id": "2", "line_id": "L1"},
        {"outage_id": "3", "transformer_id": "TR2"},
        {"outage_id": "4", "line_id": "L2"},
        {"outage_id": "5", "transformer_id": "FED"},
    ],
    "complaint": [
        {"complaint_id": "1", "customer_id": "C1"},
        {"complaint_id": "2", "customer_id": "C2", "account_id": "A1"},
        {"complaint_id": "3", "customer_id": "C2"},
    ],
    "payer": [{"payer_id": "P1"}, {"payer_id": "P2"}],
    "weather": [{"region_code": "330100"}, {"region_code": "330200"}],
    "account": [{**row, "payer_id": f"P{number}"} for number, row in enumerate(LAKE["account"], 1)],
    "supply_point": [
        *LAKE["supply_point"],
        {"supply_point_id": "S2", "account_id": "A1", "line_id": "L1", "transformer_id": "FED", "is_primary": False},
        {"supply_point_id": "S3", "account_id": "A2", "line_id": "L2", "transformer_id": "TR2", "is_primary": True},
    ],
    "transformer": [
        *LAKE["transformer"],
        {"transformer_id": "FED", "line_id": "L1", "org_unit_id": "U1", "ownership": "public"},
    ],
    "meter": [
        *LAKE["meter"],
        {"meter_id": "E2", "metering_point_id": "M1", "model_retired": True, "phases": 1, "status": "removed"},
        {"meter_id": "E3", "metering_point_id": "M9", "model_retired": True, "phases": 1, "status": "in_use"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home of a project whose contract has more tables, and a rule at the counter that reads two of them."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT_ROOT / "include", project / "include")
    path = project / "include" / "contract" / "source-model.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    document["tables"] |= {name: {"columns": columns} for name, columns in NEW.items()}
    document["tables"]["account"]["columns"].append(PAYER)
    path.write_text(yaml.dump(document, allow_unicode=True, Dumper=yaml.CSafeDumper), encoding="utf-8")
    (project / "include" / "sql" / "audit" / "ACC-99.sql").write_text(RULE, encoding="utf-8")
    made = load_settings(tmp_path_factory.mktemp("home")).model_copy(update={"project": project})
    contract = load_contract(path)
    for name, rows in (LAKE | ROWS).items():
        full = [{"updated_at": MOMENT, **row} for row in rows]
        table = pa.Table.from_pylist(full, schema=contract.tables[name].accepted_schema)
        Lake(made.lake).replace(f"accepted.{name}", table)
    return made


def test_every_table_is_cut_out_or_shared() -> None:
    contract = load_contract()
    cut = Slice(contract)
    assert [name for name in contract.tables if name not in cut.lookups] == SHARED
    assert cut.lookups["fee"] == (LookUp("account_id", "account", "account_id"),)
    assert cut.lookups["customer"] == (LookUp("customer_id", "account", "customer_id"),)
    assert cut.lookups["consent"] == (LookUp("customer_id", "customer", "customer_id"),)
    assert cut.lookups["bill_line"] == (LookUp("bill_id", "bill", "bill_id"),)
    assert set(cut.lookups["meter"]) == {
        LookUp("meter_id", "metering_point", "meter_id"),
        LookUp("metering_point_id", "metering_point", "metering_point_id"),
    }
    assert set(cut.lookups["transformer"]) == {
        LookUp("account_id", "account", "account_id"),
        LookUp("transformer_id", "supply_point", "transformer_id"),
    }


def test_the_order_holds_all_that_is_needed_before_it() -> None:
    cut = Slice(load_contract())
    order = cut.order(cut.lookups)
    assert sorted(order) == sorted(cut.lookups)
    for at, name in enumerate(order):
        assert cut.needs(name) <= set(order[:at])
    assert cut.order(["tariff", "meter"]) == ["metering_point", "meter"]


def test_keys_are_the_values_of_the_rows_above() -> None:
    cut = Slice(load_contract())
    rows = {("supply_point", "transformer_id"): ["T2", None, "T1", "T2"]}
    keys = cut.keys("transformer", ["A2", "A1"], lambda table, column: rows[table, column])
    assert keys == {"account_id": ["A1", "A2"], "transformer_id": ["T1", "T2"]}


def test_new_tables_of_the_contract_fall_into_place(wider: Settings) -> None:
    with DuckDBSession(wider, Run.of(AS_OF, "Asia/Shanghai")) as session:
        rules = [rule for rule_id, rule in all_rules(session.catalog).items() if rule_id == "ACC-99"]
        pool = Pool(session, rules, ["A1"], [], {})
        of_both = Pool(session, rules, ["A1", "A2"], [], {}, own=["A1"])

    def ids(held: Pool, table: str) -> list[str]:
        rows = held.tables[f"accepted.{table}"]
        return sorted(rows.column(0).to_pylist())

    assert ids(pool, "alarm") == ["1"]
    assert ids(pool, "kinship") == ["1", "2"]
    assert ids(pool, "outage") == ["1", "2", "5"]
    assert ids(pool, "complaint") == ["1", "2"]
    assert ids(pool, "payer") == ["P1"]
    assert ids(pool, "weather") == ["330100", "330200"]
    assert ids(pool, "transformer") == ["FED", "TR1"]
    assert ids(pool, "meter") == ["E1", "E2"]
    # What the rule reads is held for both accounts, what it does not read for the cause's own.
    assert ids(of_both, "outage") == ["1", "2", "3", "4", "5"]
    assert ids(of_both, "complaint") == ["1", "2"]
    assert ids(of_both, "transformer") == ["FED", "TR1", "TR2"]
    assert ids(of_both, "account") == ["A1"]


def test_two_tables_that_name_each_other_are_cut_out_by_the_account(wider: Settings) -> None:
    cut = Slice(load_contract(wider.include / "contract" / "source-model.yaml"))
    assert cut.lookups["that"][0] == cut.lookups["this"][0] == LookUp("account_id", "account", "account_id")
    order = cut.order(["this", "that"])
    assert set(order) >= {"this", "that"}


def test_a_rule_at_the_counter_may_read_a_new_table(wider: Settings) -> None:
    counter = Counter(wider, workers=1)
    try:
        assert {"alarm", "outage"} <= set(counter.plan.tables)
        (alarm,) = [
            violation
            for violation in counter.check({"service_order": ORDER}, as_of=AS_OF)
            if violation.rule_id == "ACC-99"
        ]
        assert alarm.message == "1 alarms, 3 outages."
        assert ("ACC-99", "O1") not in found(counter, {"service_order": ORDER, "alarm": [], "outage": []})
    finally:
        counter.close()


def test_only_rows_that_were_cut_out_may_be_of_others(wider: Settings) -> None:
    counter = Counter(wider, workers=1)
    fed = {
        "transformer_id": "FED",
        "line_id": "L1",
        "org_unit_id": "U1",
        "ownership": "public",
        "account_id": None,
    }
    application = {"service_order": ORDER, "transformer": [*LAKE["transformer"][:1], fed]}  # fmt: skip
    try:
        with pytest.raises(ApplicationError) as refused:
            counter.check(application, as_of=AS_OF)
        assert [problem["where"] for problem in refused.value.problems] == ["transformer[1].account_id"]
        looked = counter.look(application, AS_OF, is_cut=True)
        assert [violation.rule_id for violation in looked.violations["en"]] == ["ACC-99"]
    finally:
        counter.close()


def test_a_file_path_is_the_lakes_and_the_sortings(wider: Settings) -> None:
    """A look-up file of other columns is not taken for one of these."""
    counter = Counter(wider, workers=1)
    try:
        before = counter.store.path()
        counter.store.sorting["meter"] = ["meter_id"]
        assert counter.store.path() != before
    finally:
        counter.close()
