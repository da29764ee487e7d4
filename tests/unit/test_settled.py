"""A night that would decide the same again decides nothing; whatever it rests on brings it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.small_contract import FIRST, home_of, make_project, rows, take_and_publish
from wattmark.lake import Lake
from wattmark.settings import Settings

SECOND, THIRD = FIRST + dt.timedelta(days=1), FIRST + dt.timedelta(days=2)
OWN = ("accepted", "aside", "quarantine")
POINT, READING, CONSENT = "metering_point", "register_reading", "consent"
TEXTS = {
    "customer": "customer_id,name,kind,registered_on,updated_at\nC1,N,person,2020-01-01,2026-10-01 08:00:00\n",
    "account": (
        "account_id,customer_id,account_name,org_unit_id,status,opened_on,usage_category,tariff_code,supply_kv,metering_mode,"
        "contracted_kva,running_kva,demand_basis,allocation,is_temporary,is_dual_supply,has_self_generation,has_load_control,"
        "wants_vat_invoice,updated_at\n"
        "A1,C1,N,U1,active,2020-01-01,residential,R1,0.22,lv_lv,8,8,none,none,false,false,false,false,false,2026-10-01 08:00:00\n"
    ),
    POINT: "metering_point_id,account_id,role,multiplier,updated_at\nP1,A1,main,1,2026-10-01 08:00:00\n",
    READING: (
        "metering_point_id,period,register,read_at,current_value,method\n"
        "P1,2026-09-01,active_total,2026-10-01 08:00:00,5,remote\n"
    ),
    "interval_reading": "metering_point_id,interval_start,interval_minutes,kwh,quality\nP1,2026-10-13 23:30:00,30,1,measured\n",
    "payment": "payment_id,account_id,received_at,amount,channel\nY1,A1,2026-10-01 08:00:00,1,cash\n",
    CONSENT: "customer_id,channel,purpose,status,changed_at\nC1,sms,marketing,granted,2026-10-01 08:00:00\n",
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Projects of some tables, each made once: a night takes a third of a second for every table."""
    return cache(lambda *tables: make_project(tmp_path_factory.mktemp("project"), tables=tables))


@pytest.fixture
def home(tmp_path: Path, projects: Callable[..., Path], request: pytest.FixtureRequest) -> Settings:
    """A home of the tables that the test names; of all of them where it names none."""
    tables = next((mark.args for mark in request.node.iter_markers("tables")), tuple(TEXTS))
    source = tmp_path / "source"
    source.mkdir()
    for name in tables:
        (source / f"{name}.csv").write_text(TEXTS[name])
    return home_of(tmp_path / "home", source, projects(*tables))


def write(home: Settings, table: str, text: str) -> None:
    (home.home.parent / "source" / f"{table}.csv").write_text(text)


def stamps(home: Settings, *tables: str) -> dict[str, str]:
    lake = Lake(home.lake)
    return {f"{layer}.{table}": lake.stamp(f"{layer}.{table}") for layer in OWN for table in tables}


def test_nothing_new_writes_nothing_and_counts_the_same(home: Settings) -> None:
    first = take_and_publish(home, FIRST)
    before = stamps(home, *TEXTS)
    second = take_and_publish(home, SECOND)
    assert stamps(home, *TEXTS) == before
    for name, known in first.items():
        assert (second[name].accepted_rows, second[name].read_rows) == (known.accepted_rows, known.read_rows)
    # A table that is read by its time hands over nothing anew; one that is read whole hands over all it has.
    assert (second[READING].fresh_rows, second[CONSENT].fresh_rows) == (0, 1)


@pytest.mark.tables(POINT, READING, "interval_reading", CONSENT)
def test_a_night_rerun_counts_as_it_did(home: Settings) -> None:
    first = take_and_publish(home, FIRST)
    assert take_and_publish(home, FIRST) == first


@pytest.mark.tables(POINT, READING, "interval_reading")
def test_a_parent_that_goes_takes_its_rows_and_brings_them_back(home: Settings) -> None:
    take_and_publish(home, FIRST)
    write(home, POINT, TEXTS[POINT].splitlines()[0] + "\n")
    gone = take_and_publish(home, SECOND)
    assert (gone[READING].accepted_rows, gone[READING].reasons) == (0, {"ref:metering_point_id": 1})
    assert gone["interval_reading"].accepted_rows == 0
    write(home, POINT, TEXTS[POINT])
    back = take_and_publish(home, THIRD)
    assert (back[READING].accepted_rows, back[READING].quarantined_rows) == (1, 0)


@pytest.mark.tables(CONSENT)
def test_another_value_in_a_table_read_whole_is_taken_up(home: Settings) -> None:
    take_and_publish(home, FIRST)
    write(home, CONSENT, TEXTS[CONSENT].replace("granted", "withdrawn"))
    take_and_publish(home, SECOND)
    assert [row["status"] for row in rows(home, "SELECT status FROM accepted.consent")] == ["withdrawn"]


@pytest.mark.tables(POINT, READING)
def test_a_check_that_changes_is_asked_of_what_is_there(home: Settings, tmp_path: Path) -> None:
    take_and_publish(home, FIRST)
    stricter = make_project(tmp_path / "stricter", tables=(POINT, READING))
    (stricter / "expectations" / f"{POINT}.yaml").write_text(
        "tolerate: 1.0\nexpectations:\n- type: expect_column_values_to_be_between\n"
        "  kwargs: {column: multiplier, min_value: 2}\n  severity: critical\n"
    )
    done = take_and_publish(home.model_copy(update={"project": stricter}), SECOND)
    assert (done[POINT].accepted_rows, done[POINT].quarantined_rows) == (0, 1)
    assert done[READING].accepted_rows == 0


@pytest.mark.tables(CONSENT)
def test_refused_rows_of_a_table_read_whole_are_refused_each_night_anew(home: Settings) -> None:
    write(home, CONSENT, TEXTS[CONSENT].replace("granted", "perhaps"))
    take_and_publish(home, FIRST)
    take_and_publish(home, SECOND)
    [row] = rows(home, "SELECT run_id, CAST(first_seen AS VARCHAR) AS first_seen FROM quarantine.consent")
    assert row["run_id"].startswith(f"{SECOND:%Y%m%d}")
    assert row["first_seen"] == FIRST.isoformat()


@pytest.mark.tables(CONSENT)
def test_a_table_that_was_lost_is_decided_on_again(home: Settings) -> None:
    take_and_publish(home, FIRST)
    Lake(home.lake).set_aside("quarantine.consent")
    take_and_publish(home, SECOND)
    assert Lake(home.lake).exists("quarantine.consent")
