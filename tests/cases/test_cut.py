"""Past months that are judged again on some accounts' rows alone say what they say on all rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cases.test_again import above, adds_up, line
from tests.cases.test_judged import bill
from tests.cases.world import TARIFF, World, case_of, night_of
from wattmark.audit.rules import all_rules
from wattmark.cases import again
from wattmark.cases.again import reads_of
from wattmark.cases.cut import ask_for, is_of_one_account
from wattmark.cases.judged import FOUND, NOT_FOUND
from wattmark.cases.model import Case
from wattmark.cases.months import MonthSession
from wattmark.settings import load_settings

NIGHT = night_of("2026-11-04")
OF_ONE = (
    "ANA-01 ANA-02 ANA-03 ANA-07 ANA-08 ANA-09 BUS-12 BUS-13 BUS-15 INS-02 MET-05 TAR-01 TAR-02 TAR-03 TAR-04 TAR-05 TAR-06 TAR-07 "
    "TAR-08 TAR-09 TAR-11 TAR-14 TAR-16 TAR-17 TAR-19 TAR-20 TAR-21 TAR-22 TAR-24 TAR-25 TAR-30 TAR-31 TAR-32 TAR-33"
)
"""Rules that are judged again on the rows of their cases' accounts. One that compares an account with others is none of them."""


@pytest.fixture
def world(case_home: Path) -> World:
    return World(load_settings(case_home)).put(
        tariff=[{**TARIFF, "tariff_code": "R1"}], org_unit=[{"org_unit_id": "U1"}]
    )


def test_which_rules_rest_on_the_rows_of_one_account(world: World) -> None:
    judged = [
        rule for rule in all_rules(world.catalog).values() if rule.judges == "month" and rule.proof != "none"
    ]
    found = {rule.rule_id for rule in judged if is_of_one_account(rule, world.catalog)}
    assert found == set(OF_ONE.split())


def ids(world: World, cases: Sequence[Case], *tables: str) -> list[list[str]]:
    """What a month sees of some tables when it is judged again for some cases."""
    with MonthSession(
        world.settings, night_of("2026-11-04", "2026-09"), world.catalog, stored=False, reads=reads_of(world.settings, world.catalog)
    ) as session:  # fmt: skip
        session.texts = {}
        ask_for(session, cases, {None})
        session.is_cut = True
        session.see([f"source.{table}" for table in tables])
        return [
            sorted({row[0] for row in session.duck.sql(f"SELECT * FROM source.{table}").fetchall()})
            for table in tables
        ]


def test_rows_of_other_accounts_are_not_looked_at(world: World) -> None:
    world.accounts(A1={}, A2={}, A3={}, A4={}, A5={}).put(
        metering_point=[{"metering_point_id": f"P{n}", "account_id": f"A{n}" if n else None} for n in range(5)],
        meter=[{"meter_id": f"M{n}", "metering_point_id": f"P{n}"} for n in range(1, 5)],
        register_reading=[
            {"metering_point_id": f"P{n}", "period": "2026-09-01", "register": "active_total", "read_at": "2026-09-30 08:00:00"} for n in range(5)
        ],
        # One bill of the fourth account corrects a bill of the first, and one of the fifth that one.
        bill=[
            bill("A1", "2026-09", 10), bill("A2", "2026-09", 10), bill("A3", "2026-09", 10),
            bill("A4", "2026-09", 10, corrects_bill_id="A1-2026-09"), bill("A5", "2026-09", 10, corrects_bill_id="A4-2026-09"),
        ],
        bill_line=[line("A1-2026-09", 1), line("A2-2026-09", 1)],
    )  # fmt: skip
    tables = ("account", "bill", "bill_line", "metering_point", "meter", "register_reading", "tariff")
    of_a_bill = ids(world, [adds_up("A1")], *tables)
    assert of_a_bill == [
        ["A1", "A4", "A5"], ["A1-2026-09", "A4-2026-09", "A5-2026-09"], ["A1-2026-09"], ["P0", "P1", "P4"], ["M1", "M4"],
        ["P0", "P1", "P4"], ["R1"],
    ]  # fmt: skip
    # A point that is another account's by now is looked at with both.
    moved = case_of("TAR-01", "metering_point", "P2", "2026-09", account_id="A3")
    assert ids(world, [moved], "account", "metering_point") == [["A2", "A3"], ["P0", "P2", "P3"]]


def test_cut_or_whole_says_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.accounts(A1={}, A2={}, A3={}, A4={}).put(
        bill=[
            bill("A1", "2026-09", 2000, total_amount=90),
            bill("A2", "2026-09", 100),
            bill("A3", "2026-09", 3000),
            bill("A4", "2026-09", 0, total_amount=-10, corrects_bill_id="A1-2026-09"),
        ],
        bill_line=[line("A1-2026-09", 50), line("A2-2026-09", 50), line("A3-2026-09", 7)],
    )
    world.hold(NIGHT, "TAR-14", "TAR-16")
    cases = [adds_up("A1"), adds_up("A2"), above("A1"), above("A2")]
    cut = world.judge(NIGHT, *cases)
    monkeypatch.setattr(again, "is_of_one_account", lambda *_: False)
    assert cut == world.judge(NIGHT, *cases)
    assert {judgement.verdict for judgement in cut} >= {FOUND, NOT_FOUND}
