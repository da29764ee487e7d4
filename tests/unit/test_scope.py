"""A rule that is tried in some units looks at these and those below them alone; a family that is left out at nothing."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.unit.test_counter import ACCOUNT, AS_OF, CUSTOMER, LAKE, ORDER, put
from wattmark import night
from wattmark.audit.counter import Counter
from wattmark.audit.rules import all_rules
from wattmark.audit.runner import (
    COVERAGE,
    COVERAGE_UNIT,
    FINDINGS,
    Coverage,
    create_findings,
    run_family,
    run_rule,
)
from wattmark.audit.scope import refuse_unknown_families, tell_unknown_units
from wattmark.contract import load_contract
from wattmark.engine.catalog import catalog_of
from wattmark.engine.session import DuckDBSession
from wattmark.errors import SettingsError
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

RUN = Run.of(AS_OF, "Asia/Shanghai")
UNITS = [
    {"org_unit_id": unit, "parent_id": parent, "name": unit, "level": level}
    for unit, parent, level in (
        ("P", None, "province"), ("C1", "P", "city"), ("C2", "P", "city"), ("K1", "C1", "county"), ("S1", "K1", "station"), ("S2", "C2", "station"),
    )
]  # fmt: skip
ACCOUNTS = [
    {**ACCOUNT, "account_id": f"A-{unit}", "customer_id": f"C-{unit}", "org_unit_id": unit, "status": "active",
     "opened_on": dt.date(2020, 1, 1)}
    for unit in ("P", "C1", "K1", "S1", "S2")
]  # fmt: skip
METERS = [
    {"meter_id": f"E-{unit}", "metering_point_id": f"M-{unit}", "model_retired": True, "model": "DD28", "phases": 3,
     "status": "in_use"}
    for unit in ("K1", "S2", "none")
]  # fmt: skip
POINTS = [
    {"metering_point_id": f"M-{unit}", "account_id": f"A-{unit}", "role": "main", "multiplier": 1.0}
    for unit in ("K1", "S2")
]
TRANSFORMERS = [
    {"transformer_id": f"T-{unit}", "line_id": "L1", "org_unit_id": unit, "ownership": "public"}
    for unit in ("S1", "S2")
]
SOURCE: dict[str, list[dict[str, Any]]] = {
    "org_unit": UNITS,
    "account": ACCOUNTS,
    "meter": METERS,
    "metering_point": POINTS,
    "transformer": TRANSFORMERS,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all, whose files are parsed once."""
    return tmp_path_factory.mktemp("home")


def pilot(home: Path, rule_id: str, units: list[str]) -> Settings:
    return load_settings(home, audit={"rules": {rule_id: {"units": units}}})


def ran(settings: Settings, rule_id: str) -> tuple[Coverage, list[str]]:
    contract = load_contract()
    with DuckDBSession(settings, RUN, stored=False) as session:
        for name, rows in SOURCE.items():
            full = [{"updated_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), **row} for row in rows]
            session.give(
                f"accepted.{name}", pa.Table.from_pylist(full, schema=contract.tables[name].accepted_schema)
            )
        findings = create_findings(session)
        coverage = run_rule(session, all_rules(session.catalog)[rule_id], findings)
        rows = session.duck.execute(f"SELECT subject_id FROM {findings} ORDER BY 1").fetchall()
    return coverage, [row[0] for row in rows]


@pytest.mark.parametrize(
    ("units", "found"),
    [
        ([], ["A-C1", "A-K1", "A-P", "A-S1", "A-S2"]),
        (["P"], ["A-C1", "A-K1", "A-P", "A-S1", "A-S2"]),
        (["C1"], ["A-C1", "A-K1", "A-S1"]),
        (["K1", "C2"], ["A-K1", "A-S1", "A-S2"]),
        (["S1"], ["A-S1"]),
        (["S1", "no such unit"], ["A-S1"]),
        (["no such unit"], []),
    ],
)
def test_a_pilot_looks_at_its_units_and_those_below(home: Path, units: list[str], found: list[str]) -> None:
    """By the account's unit: each of these lacks fields of its file."""
    coverage, flagged = ran(pilot(home, "ARC-01", units), "ARC-01")
    assert flagged == found
    assert (coverage.should_check, coverage.checked, coverage.flagged) == (len(found),) * 3
    assert coverage.units == {account.removeprefix("A-"): (1, 1, 0) for account in found}


@pytest.mark.parametrize(
    ("rule_id", "units", "found"),
    [
        ("MET-07", [], ["E-K1", "E-S2", "E-none"]),
        ("MET-07", ["P"], ["E-K1", "E-S2"]),
        ("MET-07", ["C1"], ["E-K1"]),
        ("INS-03", ["C2"], ["T-S2"]),
    ],
)
def test_what_has_no_account_lies_where_it_stands(
    home: Path, rule_id: str, units: list[str], found: list[str]
) -> None:
    coverage, flagged = ran(pilot(home, rule_id, units), rule_id)
    assert flagged == found
    assert coverage.should_check == len(found)
    # What lies nowhere is the top unit's.
    own = {"E-none": "P"}
    assert coverage.units == {own.get(unit, unit.split("-")[1]): (1, 1, 0) for unit in found}


def test_another_rule_is_no_pilot(home: Path) -> None:
    assert ran(pilot(home, "TAR-01", ["S1"]), "ARC-01")[0].should_check == len(ACCOUNTS)


def test_a_unit_that_is_none_is_told(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = pilot(home, "ARC-01", ["S1", "S9"])
    with DuckDBSession(settings, RUN, stored=False) as session, caplog.at_level(logging.WARNING):
        tell_unknown_units(session, all_rules(session.catalog).values())
    assert caplog.messages == [
        "audit.rules.ARC-01.units names S1, which is no unit.",
        "audit.rules.ARC-01.units names S9, which is no unit.",
    ]


def test_a_family_that_does_not_exist_is_refused_with_its_place(tmp_path: Path, home: Path) -> None:
    (tmp_path / "settings.yaml").write_text("audit:\n  families: [TAR, TAX]\n", encoding="utf-8")
    settings = load_settings(tmp_path)
    with pytest.raises(SettingsError) as refused:
        refuse_unknown_families(all_rules(catalog_of(load_settings(home))).values(), settings)
    assert f"{tmp_path / 'settings.yaml'}:2: audit.families: there is no family TAX" in str(refused.value)


def test_a_night_forgets_what_is_not_looked_at_any_more(home: Path) -> None:
    settings = load_settings(home)
    put(settings, SOURCE)
    with DuckDBSession(settings, RUN) as session:
        rule = all_rules(session.catalog)["MET-07"]
        run_family(session, [rule], "MET")

    def kept() -> list[int]:
        with DuckDBSession(settings, RUN) as session:
            return [
                session.query(f"SELECT * FROM {name}").read_all().num_rows
                for name in (FINDINGS, COVERAGE, COVERAGE_UNIT)
            ]

    assert kept() == [len(METERS), 1, len(METERS)]
    assert night.audit(load_settings(home, audit={"families": []}), RUN, scored=False) == {}
    assert kept() == [0, 0, 0]


@pytest.fixture(scope="module")
def utility(home: Path) -> Path:
    put(load_settings(home), {**LAKE, "org_unit": UNITS})
    return home


@pytest.mark.parametrize(
    ("audit", "rules"),
    [
        ({}, ["ACC-02", "ACC-16"]),
        ({"rules": {"ACC-02": {"units": ["C1"]}}}, ["ACC-02", "ACC-16"]),
        ({"rules": {"ACC-02": {"units": ["C2"]}}}, ["ACC-16"]),
        ({"families": ["TAR"]}, []),
    ],
)
def test_the_counter_is_a_pilot_too(utility: Path, audit: dict[str, Any], rules: list[str]) -> None:
    counter = Counter(load_settings(utility, audit=audit), workers=1)
    application = {
        "service_order": ORDER,
        "account": {
            **ACCOUNT,
            "org_unit_id": "S1",
            "contracted_kva": 15_500.0,
            "power_factor_standard": None,
        },
        "customer": CUSTOMER,
        "transformer": [],
        "instrument_transformer": [],
    }
    try:
        assert [violation.rule_id for violation in counter.check(application, as_of=AS_OF)] == rules
    finally:
        counter.close()
