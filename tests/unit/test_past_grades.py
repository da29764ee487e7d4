"""Grades of a day in the past, by what was known then, on a real lake."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.test_counter import put
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.segment import past, state
from wattmark.settings import Settings, load_settings

TODAY, THEN = dt.date(2026, 11, 4), dt.date(2026, 5, 1)
STAYS, LEFT, CAME, GONE = "STAYS", "LEFT", "CAME", "GONE"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Four customers: one that stays, one that left since, one that came since, and one that had left before."""
    made = load_settings(tmp_path_factory.mktemp("home"), compute={"threads": 1})
    common = {
        "org_unit_id": "O1", "usage_category": "residential", "supply_kv": 0.22, "metering_mode": "lv_lv", "contracted_kva": 8.0,
        "running_kva": 8.0, "demand_basis": "none", "allocation": "none", "is_temporary": False, "is_dual_supply": False,
        "has_self_generation": False, "has_load_control": False, "wants_vat_invoice": False,
    }  # fmt: skip
    opened, closed = dt.date(2020, 1, 1), "closed"
    put(
        made,
        {
            "customer": [
                {"customer_id": who, "kind": "person", "name": who, "registered_on": opened}
                for who in (STAYS, LEFT, CAME, GONE)
            ],
            "account": [
                {**common, "account_id": "1", "customer_id": STAYS, "status": "active", "opened_on": opened},
                {**common, "account_id": "2", "customer_id": LEFT, "status": closed, "opened_on": opened, "closed_on": dt.date(2026, 8, 1)},
                {**common, "account_id": "3", "customer_id": CAME, "status": "active", "opened_on": dt.date(2026, 6, 1)},
                {**common, "account_id": "4", "customer_id": GONE, "status": closed, "opened_on": opened, "closed_on": dt.date(2026, 3, 1)},
            ],
            "bill": [
                {
                    "bill_id": f"{account}-{month}", "account_id": account, "period": dt.date(2026, month, 1),
                    "period_start": dt.date(2026, month, 1), "period_end": dt.date(2026, month, 28), "metered_kwh": 100.0, "loss_kwh": 0.0,
                    "billed_kwh": 100.0, "total_amount": Decimal("50.00"), "issued_at": dt.datetime(2026, month, 28, tzinfo=dt.UTC),
                    "due_on": dt.date(2026, month + 1, 20),
                }
                for account in ("1", "2")
                for month in range(1, 10)
            ],
        },
    )  # fmt: skip
    return made


def test_who_was_supplied_then_is_graded_by_what_was_known_then(settings: Settings) -> None:
    found = past.graded_on(settings, THEN).to_pylist()
    assert [row["customer_id"] for row in found] == [LEFT, STAYS]
    assert {row["graded_on"] for row in found} == {THEN}
    # Both owed all that was due by then, and are alike.
    assert [(row["grade"], row["behaviour_tier"]) for row in found] == [("E", 3), ("E", 3)]


def test_nothing_is_gone_back_for_where_nothing_was_accepted(tmp_path: Path) -> None:
    assert past.graded_on(load_settings(tmp_path), THEN).num_rows == 0


def test_a_night_goes_back_once_a_month_and_judges_what_came_after(settings: Settings) -> None:
    def night(day: dt.date) -> tuple[list[dict], dict[str, int]]:
        with DuckDBSession(
            settings,
            Run.of(day, "Asia/Shanghai"),
            stored=False,
            reads=lambda name: name.startswith(("accepted.", "segment_state.")),
        ) as session:
            then = session.query("SELECT * FROM segment.grade_then AS g ORDER BY g.customer_id").read_all()
            outcome = session.query(
                "SELECT o.class, o.customers, o.value FROM segment.grade_outcome AS o "
                "WHERE o.scheme = 'grade' AND o.measure = 'left_share' AND o.class = 'E'"
            ).read_all()
            assert outcome.to_pylist() == [{"class": "E", "customers": 2, "value": 0.5}]
            kept = state._keep_grades_then(session, day.replace(day=1))
        return then.to_pylist(), {"kept": kept}

    first, done = night(TODAY)
    assert [row["basis"] for row in first] == ["recomputed"] * 2
    assert done == {"kept": 2}
    again, done = night(TODAY + dt.timedelta(days=1))
    assert again == first
    assert done == {"kept": 0}
