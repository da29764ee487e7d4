from __future__ import annotations

import copy
import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from wattmark.audit.replay import Finding, find, rule_named
from wattmark.audit.root_cause import CAUSES, Bench, Outcome, explain, rows_of, subject_of
from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.golden import rows_given
from wattmark.run import Run
from wattmark.settings import load_settings

MONTHS = [f"2026-{month:02d}-01" for month in range(2, 11)]
LAST = MONTHS[-1]
RULES = ("MET-03", "TAR-01", "TAR-02", "TAR-03", "TAR-06", "TAR-18", "TAR-20", "INS-02", "NET-01", "BUS-07")

Rows = dict[str, list[dict[str, Any]]]


def world() -> Rows:
    """Two shops A1 and A2 behind area T1; both use 3,000 kWh a month at 1.00, read with a multiplier of 20."""
    rows: Rows = {
        "org_unit": [{"org_unit_id": "U1", "name": "East", "level": "station"}],
        "line": [{"line_id": "L1", "name": "F1", "org_unit_id": "U1", "nominal_kv": 10}],
        "transformer": [{"transformer_id": "T1", "line_id": "L1", "org_unit_id": "U1", "ownership": "public", "rated_kva": 400, "area_metering_point_id": "PT"}],
        "tariff": [{"tariff_code": "C1", "name": "Shops", "usage_category": "commercial", "min_kv": 0.2, "max_kv": 0.5, "is_two_part": False, "is_time_of_use": False, "is_stepped": False}],
        "tariff_rate": [{"tariff_code": "C1", "component": "energy", "step_no": 1, "step_from_kwh": 0, "unit_price": 1.0, "valid_from": "2020-01-01"}],
        "metering_point": [{"metering_point_id": "PT", "role": "area", "multiplier": 1, "installed_on": "2020-01-01"}],
    }  # fmt: skip
    for name in (
        "customer",
        "account",
        "supply_point",
        "instrument_transformer",
        "register_reading",
        "bill",
        "bill_line",
    ):
        rows[name] = []
    for number, month in enumerate(MONTHS):
        rows["register_reading"].append(reading("PT", month, number * 6200.0, (number + 1) * 6200.0))
    for suffix in ("1", "2"):
        rows["customer"].append({"customer_id": f"C{suffix}", "name": "x", "kind": "organisation"})
        rows["account"].append(
            {
                "account_id": f"A{suffix}",
                "customer_id": f"C{suffix}",
                "account_name": "x",
                "org_unit_id": "U1",
                "status": "active",
                "opened_on": "2020-01-01",
                "usage_category": "commercial",
                "tariff_code": "C1",
                "supply_kv": 0.38,
                "metering_kv": 0.38,
                "metering_mode": "lv_lv",
                "contracted_kva": 50,
                "running_kva": 50,
                "demand_basis": "none",
                "allocation": "none",
            }
        )
        rows["supply_point"].append(
            {
                "supply_point_id": f"S{suffix}",
                "account_id": f"A{suffix}",
                "line_id": "L1",
                "transformer_id": "T1",
                "is_primary": True,
            }
        )
        rows["metering_point"].append(
            {
                "metering_point_id": f"P{suffix}",
                "account_id": f"A{suffix}",
                "role": "main",
                "multiplier": 20,
                "supply_point_id": f"S{suffix}",
                "installed_on": "2020-01-01",
            }
        )
        rows["instrument_transformer"].append(
            {
                "it_id": f"I{suffix}",
                "metering_point_id": f"P{suffix}",
                "kind": "ct",
                "primary_value": 100,
                "secondary_value": 5,
            }
        )
        for number, month in enumerate(MONTHS):
            rows["register_reading"].append(
                reading(f"P{suffix}", month, number * 150.0, (number + 1) * 150.0)
            )
            rows["bill"].append(
                {
                    "bill_id": f"B{suffix}{month[5:7]}",
                    "account_id": f"A{suffix}",
                    "period": month,
                    "period_start": month,
                    "period_end": f"{month[:8]}28" if month != LAST else "2026-10-31",
                    "tariff_code": "C1",
                    "metered_kwh": 3000,
                    "loss_kwh": 0,
                    "billed_kwh": 3000,
                    "total_amount": 3000,
                    "issued_at": f"{month} 08:00:00",
                    "due_on": "2026-12-20",
                }
            )
            rows["bill_line"].append(
                {
                    "bill_id": f"B{suffix}{month[5:7]}",
                    "line_no": 1,
                    "component": "energy",
                    "quantity": 3000,
                    "unit_price": 1,
                    "amount": 3000,
                }
            )
    return rows


def reading(point: str, month: str, previous: float, current: float) -> dict[str, Any]:
    return {"metering_point_id": point, "period": month, "register": "active_total", "previous_value": previous, "current_value": current, "read_at": f"{month[:8]}28 09:00:00", "method": "remote"}  # fmt: skip


def row(rows: Rows, table: str, **key: Any) -> dict[str, Any]:
    return next(known for known in rows[table] if all(known[name] == value for name, value in key.items()))


def bill_last(rows: Rows, account: str, kwh: float) -> None:
    row(rows, "bill", bill_id=f"B{account}10").update(metered_kwh=kwh, billed_kwh=kwh, total_amount=kwh)
    row(rows, "bill_line", bill_id=f"B{account}10").update(quantity=kwh, amount=kwh)


def explained(
    rows: Rows, home: Path, limit: int = 50
) -> tuple[dict[tuple[str, str], list[str]], Outcome, list[Finding]]:
    settings = load_settings(home)
    catalog = load_catalog(settings.include)
    run = Run.of(dt.date(2026, 11, 4), settings.utility.time_zone)
    with DuckDBSession(settings, run, catalog, stored=False) as session:
        for name, given in copy.deepcopy(rows).items():
            session.give(f"accepted.{name}", rows_given(f"source.{name}", given, catalog, settings))
        findings = [finding for rule in RULES for finding in find(session, rule_named(catalog, rule))[1]]
        done = explain(session, findings, limit)
    linked = {
        (link.effect.rule_id, link.effect.subject_id): [
            link.cause.rule_id,
            link.cause.subject_id,
            "anew" if link.billed_anew else "read",
        ]
        for link in done.links
    }
    return linked, done, findings


def found(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.rule_id, finding.subject_id) for finding in findings}


def test_a_healthy_month_has_nothing_to_explain(tmp_path: Path) -> None:
    linked, done, findings = explained(world(), tmp_path)
    assert findings == [] and linked == {} and done == Outcome((), 0, 0, 0, 0)


Explained = tuple[dict[tuple[str, str], list[str]], Outcome, list[Finding]]


@pytest.fixture(scope="module")
def wrong_multiplier(tmp_path_factory: pytest.TempPathFactory) -> Explained:
    """What follows from a multiplier that is wrong in the file alone."""
    rows = world()
    row(rows, "metering_point", metering_point_id="P1")["multiplier"] = 40
    return explained(rows, tmp_path_factory.mktemp("multiplier"))


def test_a_wrong_multiplier_in_the_file_explains_the_recalculation_and_the_area(
    wrong_multiplier: Explained,
) -> None:
    linked, done, findings = wrong_multiplier
    assert found(findings) == {("MET-03", "P1"), ("TAR-06", "B110"), ("TAR-20", "B110"), ("NET-01", "T1")}
    assert linked == {
        key: ["MET-03", "P1", "read"] for key in [("TAR-06", "B110"), ("TAR-20", "B110"), ("NET-01", "T1")]
    }
    told = next(link for link in done.links if link.effect.rule_id == "TAR-06").explanation()
    assert told["changes"] == [
        {
            "table": "metering_point",
            "key": {"metering_point_id": "P1"},
            "column": "multiplier",
            "from": 40.0,
            "to": 20.0,
        }
    ]
    assert (
        told["before"]["reading_kwh"] == 6000
        and told["after"]["reading_kwh"] == 3000
        and told["after"]["billed_kwh"] == 3000
    )


def test_a_multiplier_that_was_billed_explains_the_jump_only_when_billed_anew(tmp_path: Path) -> None:
    rows = world()
    row(rows, "metering_point", metering_point_id="P1")["multiplier"] = 40
    bill_last(rows, "1", 6000)
    linked, done, findings = explained(rows, tmp_path)
    assert found(findings) == {("MET-03", "P1"), ("TAR-03", "A1"), ("NET-01", "T1")}
    assert linked == {("TAR-03", "A1"): ["MET-03", "P1", "anew"], ("NET-01", "T1"): ["MET-03", "P1", "read"]}
    jump = next(link for link in done.links if link.effect.rule_id == "TAR-03")
    assert jump.after["billed_kwh"] == 3000 and jump.before["billed_kwh"] == 6000


def test_what_is_wrong_besides_the_cause_stays_unexplained(tmp_path: Path) -> None:
    rows = world()
    row(rows, "metering_point", metering_point_id="P1")["multiplier"] = 40
    bill_last(rows, "1", 6000)
    # The bill is out by a further 500 in its price, which no multiplier explains.
    row(rows, "bill", bill_id="B110")["total_amount"] = 6500
    row(rows, "bill_line", bill_id="B110")["amount"] = 6500
    linked, _, findings = explained(rows, tmp_path)
    assert ("TAR-20", "B110") in found(findings)
    assert ("TAR-20", "B110") not in linked and linked["TAR-03", "A1"] == ["MET-03", "P1", "anew"]


def test_another_accounts_jump_does_not_hang_on_the_cause(tmp_path: Path) -> None:
    rows = world()
    row(rows, "metering_point", metering_point_id="P1")["multiplier"] = 40
    bill_last(rows, "2", 9000)
    linked, _, findings = explained(rows, tmp_path)
    assert {("TAR-03", "A2"), ("TAR-06", "B210"), ("TAR-20", "B210")} <= found(findings)
    assert ("TAR-03", "A2") in linked and linked["TAR-03", "A2"][0] == "TAR-06"
    assert all(cause != ["MET-03", "P1"] for key, (*cause, _) in linked.items() if key[1] in ("A2", "B210"))


def test_a_broken_series_is_mended_to_the_reading_before(tmp_path: Path) -> None:
    rows = world()
    # 100 units of the register are left out: 2,000 kWh less than used.
    row(rows, "register_reading", metering_point_id="P1", period=LAST)["previous_value"] += 100
    bill_last(rows, "1", 1000)
    linked, _, findings = explained(rows, tmp_path)
    assert ("TAR-01", "P1") in found(findings) and ("NET-01", "T1") in found(findings)
    assert linked["NET-01", "T1"] == ["TAR-01", "P1", "read"]
    # 2,000 kWh are not more than the smallest jump looked at.
    assert ("TAR-03", "A1") not in found(findings)


def test_a_charge_that_is_not_due_explains_the_recalculation_and_keeps_another_fault_out(
    tmp_path: Path,
) -> None:
    rows = world()
    for account, other in (("1", 0), ("2", 300)):
        rows["bill_line"].append(
            {"bill_id": f"B{account}10", "line_no": 2, "component": "demand", "amount": 480}
        )
        row(rows, "bill", bill_id=f"B{account}10")["total_amount"] = 3480 + other
        row(rows, "bill_line", bill_id=f"B{account}10", line_no=1)["amount"] = 3000 + other
    linked, _, findings = explained(rows, tmp_path)
    assert {("INS-02", "A1"), ("INS-02", "A2"), ("TAR-20", "B110"), ("TAR-20", "B210")} <= found(findings)
    # Without the demand charge the first bill is right; the second is still 300 out.
    assert linked == {("TAR-20", "B110"): ["INS-02", "A1", "read"]}


def test_causes_over_the_limit_are_counted_not_tried(tmp_path: Path) -> None:
    rows = world()
    for point in ("P1", "P2"):
        row(rows, "metering_point", metering_point_id=point)["multiplier"] = 40
    linked, done, _ = explained(rows, tmp_path, limit=0)
    assert linked == {} and done.left_out == done.causes > 0


def test_two_causes_in_one_area_explain_it_together(tmp_path: Path) -> None:
    rows = world()
    for point in ("P1", "P2"):
        row(rows, "metering_point", metering_point_id=point)["multiplier"] = 40
    linked, done, findings = explained(rows, tmp_path)
    assert ("NET-01", "T1") in found(findings)
    area = next(link for link in done.links if link.effect.rule_id == "NET-01")
    assert {area.cause.subject_id, *(other.subject_id for other in area.together_with)} == {"P1", "P2"}
    assert {change.key["metering_point_id"] for change in area.changes} == {"P1", "P2"}
    assert linked["TAR-06", "B110"][:2] == ["MET-03", "P1"] and linked["TAR-06", "B210"][:2] == [
        "MET-03",
        "P2",
    ]


def test_rows_have_the_columns_of_the_table_and_no_effect_twice(wrong_multiplier: Explained) -> None:
    _, done, _ = wrong_multiplier
    table = rows_of(done.links)
    assert table.num_rows == 3 and table.column_names[:3] == ["rule_id", "subject_type", "subject_id"]
    assert len({subject_of(link.effect) for link in done.links}) == 3


def test_personal_columns_are_not_told(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    catalog = load_catalog(settings.include)
    run = Run.of(dt.date(2026, 11, 4), settings.utility.time_zone)
    with DuckDBSession(settings, run, catalog, stored=False) as session:
        for name, given in {
            "account": [{"account_id": "A1", "customer_id": "C1", "account_name": "One"}],
            "customer": [{"customer_id": "C1", "name": "Two"}],
        }.items():
            schema = catalog.contract.tables[name].accepted_schema
            session.give(
                f"accepted.{name}",
                pa.Table.from_pylist(
                    [{field.name: given_row.get(field.name) for field in schema} for given_row in given],
                    schema=schema,
                ),
            )
        cause = Finding("ARC-08", "account", "A1", "A1", None, "low", "exception", None, {})
        changes = CAUSES["ARC-08"].mend(Bench(session), cause)
        assert session.duck.sql("SELECT account_name FROM accepted.account").fetchall() == [("Two",)]
    assert [(change.column, change.old, change.new) for change in changes] == [("account_name", "…", "…")]


@pytest.mark.parametrize("evidence", [{}, {"true_ratio": None}, {"true_ratio": 20.0}])
def test_a_finding_that_names_no_change_is_not_mended(tmp_path: Path, evidence: dict[str, Any]) -> None:
    settings = load_settings(tmp_path)
    catalog = load_catalog(settings.include)
    run = Run.of(dt.date(2026, 11, 4), settings.utility.time_zone)
    with DuckDBSession(settings, run, catalog, stored=False) as session:
        schema = catalog.contract.tables["metering_point"].accepted_schema
        point = {"metering_point_id": "P1", "multiplier": 20.0}
        session.give(
            "accepted.metering_point",
            pa.Table.from_pylist([{field.name: point.get(field.name) for field in schema}], schema=schema),
        )
        cause = Finding("MET-03", "metering_point", "P1", "A1", None, "high", "exception", None, evidence)
        assert CAUSES["MET-03"].mend(Bench(session), cause) == []
