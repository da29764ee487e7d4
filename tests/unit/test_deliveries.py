"""Deliveries over nights: what comes again, what comes late, what is mended, what goes."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.small_contract import FIRST, TABLES, home_of, make_project, rows, take_and_publish
from tests.tiny import ROWS
from wattmark.contract import load_contract
from wattmark.errors import QualityError
from wattmark.settings import Settings

SECOND = FIRST + dt.timedelta(days=1)
READING = {
    "metering_point_id": "P1", "period": "2026-09-01", "register": "active_total", "read_at": "2026-10-01 08:00:00",
    "current_value": 600, "method": "remote",
}  # fmt: skip
INTERVAL = {
    "metering_point_id": "P1", "interval_start": "2026-10-10 00:00:00", "interval_minutes": 30, "kwh": 1.25,
    "quality": "measured",
}  # fmt: skip
PAYMENT = {"payment_id": "Y1", "account_id": "A1", "received_at": "2026-10-12 09:00:00", "amount": "56.26", "channel": "cash"}  # fmt: skip


class Utility:
    """Two homes over one folder: one takes it night by night, the other in one night."""

    def __init__(self, folder: Path, project: Path, tables: Sequence[str] = TABLES) -> None:
        self.folder, self.project = folder, project
        self.source = folder / "source"
        self.home = home_of(folder / "nights", self.source, project)
        self.arrival = 1_791_000_000
        for table in tables:
            (self.source / table).mkdir(parents=True)
            if table in ROWS:
                self.give(table, "a", ROWS[table][:3])

    def give(self, table: str, file: str, given: list[dict[str, Any]]) -> Path:
        """Write a file of the table; each is a second younger than the one before."""
        path = self.source / table / f"{file}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as out:
            writer = csv.DictWriter(out, [column.name for column in load_contract().tables[table].columns])
            writer.writeheader()
            writer.writerows(given)
        self.arrival += 1
        os.utime(path, (self.arrival, self.arrival))
        return path

    def both(self) -> tuple[Settings, Settings]:
        """The second night, and one night alone in a new home."""
        alone = home_of(self.folder / "alone", self.source, self.project)
        take_and_publish(self.home, SECOND)
        take_and_publish(alone, SECOND)
        return self.home, alone

    def same(self, sql: str) -> list[dict[str, Any]]:
        """The answer that both homes give."""
        nights, alone = (rows(home, sql) for home in (self.home, home_of(self.folder / "alone", self.source, self.project)))  # fmt: skip
        assert nights == alone
        return nights


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Projects of some tables, each made once: a night takes a third of a second for every table."""
    return cache(lambda *tables: make_project(tmp_path_factory.mktemp("project") / "small", tables=tables))


@pytest.fixture
def utility(tmp_path: Path, projects: Callable[..., Path], request: pytest.FixtureRequest) -> Utility:
    """A utility of the tables that the test names."""
    [tables] = (mark.args for mark in request.node.iter_markers("tables"))
    return Utility(tmp_path, projects(*tables), tables)


@pytest.mark.tables("customer", "register_reading", "payment")
def test_of_equals_the_row_delivered_later_holds(utility: Utility) -> None:
    payments = [{**PAYMENT, "payment_id": f"Y{n}"} for n in range(8)]
    readings = [{**READING, "metering_point_id": f"P{n}"} for n in (1, 2, 3)]
    utility.give("payment", "a", payments)
    utility.give("register_reading", "a", readings)
    take_and_publish(utility.home, FIRST)
    utility.give("payment", "later", [{**row, "amount": "110.00"} for row in payments])
    utility.give("register_reading", "later", [{**row, "current_value": 610} for row in readings])
    utility.give("customer", "later", [{**row, "region_code": "310020"} for row in ROWS["customer"][:3]])
    utility.both()
    assert utility.same("SELECT DISTINCT amount FROM accepted.payment")[0]["amount"] == 110
    assert utility.same("SELECT DISTINCT current_value FROM accepted.register_reading") == [{"current_value": 610.0}]  # fmt: skip
    assert utility.same("SELECT DISTINCT region_code FROM accepted.customer") == [{"region_code": "310020"}]
    sums = "SELECT source_table, superseded_rows, conflicting_rows FROM quality.reconciliation WHERE superseded_rows > 0 ORDER BY 1"
    assert [tuple(row.values()) for row in utility.same(sums)] == [("customer", 3, 3), ("payment", 8, 8), ("register_reading", 3, 3)]  # fmt: skip


@pytest.mark.tables("payment")
def test_a_file_older_than_the_one_read_before_does_not_win(utility: Utility) -> None:
    utility.give("payment", "new", [{**PAYMENT, "amount": "2.00"}])
    take_and_publish(utility.home, FIRST)
    late = utility.give("payment", "old", [{**PAYMENT, "amount": "1.00"}])
    os.utime(late, (1, 1))
    utility.both()
    assert [float(row["amount"]) for row in utility.same("SELECT amount FROM accepted.payment")] == [2.0]


@pytest.mark.tables("register_reading", "interval_reading")
@pytest.mark.parametrize("first", ["estimated", "measured"])
def test_measured_beats_estimated_whenever_it_comes(utility: Utility, first: str) -> None:
    said = {"estimated": {**INTERVAL, "kwh": 9.0, "quality": "estimated"}, "measured": INTERVAL}
    then = "measured" if first == "estimated" else "estimated"
    utility.give("interval_reading", "day=2026-10-10/x1", [said[first]])
    utility.give("register_reading", "a", [{**READING, "method": "estimated"}, READING, {**READING, "method": "estimated", "current_value": 1}])  # fmt: skip
    take_and_publish(utility.home, FIRST)
    utility.give("interval_reading", "day=2026-10-10/x2", [said[then]])
    utility.both()
    assert utility.same("SELECT kwh, quality FROM accepted.interval_reading") == [{"kwh": 1.25, "quality": "measured"}]  # fmt: skip
    assert utility.same("SELECT current_value, method FROM accepted.register_reading") == [{"current_value": 600.0, "method": "remote"}]  # fmt: skip


@pytest.mark.tables("consent")
def test_a_refusal_beats_a_consent_of_the_same_moment(utility: Utility) -> None:
    consent = {"customer_id": "C1", "channel": "sms", "purpose": "marketing", "changed_at": "2026-10-01"}
    utility.give("consent", "a", [{**consent, "status": "withdrawn"}, {**consent, "status": "granted"}])
    utility.both()
    assert utility.same("SELECT status FROM accepted.consent") == [{"status": "withdrawn"}]


@pytest.mark.tables("interval_reading")
def test_a_correction_in_a_later_folder_holds_after_a_full_refresh_too(utility: Utility) -> None:
    utility.give("interval_reading", "day=2026-10-10/x1", [INTERVAL])
    take_and_publish(utility.home, FIRST)
    utility.give("interval_reading", "day=2026-10-01/x1", [{**INTERVAL, "kwh": 2.5}])
    utility.both()
    assert utility.same("SELECT kwh FROM accepted.interval_reading") == [{"kwh": 2.5}]
    take_and_publish(utility.home, SECOND, refresh=True)
    assert utility.same("SELECT kwh FROM accepted.interval_reading") == [{"kwh": 2.5}]


@pytest.mark.tables("metering_point", "register_reading", "interval_reading")
def test_what_waits_for_its_parent_is_taken_up_when_that_comes(utility: Utility) -> None:
    points = ROWS["metering_point"][1:3]
    utility.give("metering_point", "a", points)
    utility.give("register_reading", "a", [READING])
    utility.give("interval_reading", "day=2026-10-10/x1", [INTERVAL])
    done = take_and_publish(utility.home, FIRST)
    assert done["register_reading"].reasons == {"ref:metering_point_id": 1}
    utility.give("metering_point", "a", ROWS["metering_point"][:3])
    utility.both()
    for table in ("register_reading", "interval_reading"):
        assert len(utility.same(f"SELECT * FROM accepted.{table}")) == 1
        assert utility.same(f"SELECT * FROM quarantine.{table}") == []


@pytest.mark.tables("metering_point", "register_reading", "interval_reading")
def test_what_refers_to_a_deleted_row_leaves_with_it(utility: Utility) -> None:
    utility.give("register_reading", "a", [READING])
    utility.give("interval_reading", "day=2026-10-10/x1", [INTERVAL])
    take_and_publish(utility.home, FIRST)
    utility.give("metering_point", "a", ROWS["metering_point"][1:3])
    utility.both()
    for table in ("register_reading", "interval_reading"):
        assert utility.same(f"SELECT * FROM accepted.{table}") == []
        assert [row["reason"] for row in utility.same(f"SELECT key, reason, row FROM quarantine.{table}")] == ["ref:metering_point_id"]  # fmt: skip


@pytest.mark.tables("account", "payment")
def test_a_good_row_whose_new_version_is_refused_goes_with_all_that_follows(utility: Utility) -> None:
    utility.give("payment", "a", [PAYMENT])
    take_and_publish(utility.home, FIRST)
    accounts = [{**row, "status": "asleep"} if row["account_id"] == "A1" else row for row in ROWS["account"][:3]]  # fmt: skip
    utility.give("account", "a", accounts)
    utility.both()
    assert utility.same("SELECT account_id FROM accepted.account WHERE account_id = 'A1'") == []
    assert utility.same("SELECT * FROM accepted.payment") == []
    assert [row["reason"] for row in utility.same("SELECT reason FROM quarantine.payment")] == ["follows:account_id"]  # fmt: skip


@pytest.mark.tables("register_reading", "payment")
def test_what_could_not_be_read_leaves_the_quarantine_when_it_is_mended(utility: Utility) -> None:
    utility.give("register_reading", "a", [{**READING, "period": "2026-08-0x"}])
    path = utility.give("payment", "a", [])
    header = path.read_text()
    path.write_text(header + "Y1,A1\n")
    done = take_and_publish(utility.home, FIRST)
    assert (done["register_reading"].quarantined_rows, done["payment"].reasons) == (1, {"csv": 1})
    utility.give("register_reading", "a", [READING])
    utility.give("payment", "a", [PAYMENT])
    utility.both()
    for table in ("register_reading", "payment"):
        assert len(utility.same(f"SELECT * FROM accepted.{table}")) == 1
        assert utility.same(f"SELECT * FROM quarantine.{table}") == []


@pytest.mark.tables("customer", "payment")
def test_a_time_mended_to_earlier_is_a_correction(utility: Utility) -> None:
    utility.give("payment", "a", [PAYMENT])
    customer = {**ROWS["customer"][0], "updated_at": "2036-10-01 00:00:00"}
    utility.give("customer", "a", [customer, *ROWS["customer"][1:3]])
    take_and_publish(utility.home, FIRST)
    utility.give("payment", "a", [{**PAYMENT, "received_at": "2026-10-02 09:00:00", "amount": "65.26"}])
    utility.give("customer", "a", [{**ROWS["customer"][0], "region_code": "310030"}, *ROWS["customer"][1:3]])
    utility.both()
    assert [float(row["amount"]) for row in utility.same("SELECT amount FROM accepted.payment")] == [65.26]
    assert utility.same("SELECT region_code FROM accepted.customer WHERE customer_id = 'C1'") == [{"region_code": "310030"}]  # fmt: skip
    assert utility.same("SELECT SUM(superseded_rows) AS n FROM quality.reconciliation")[0]["n"] == 0


@pytest.mark.tables("metering_point")
def test_the_newer_row_holds_in_tables_that_are_read_whole(utility: Utility) -> None:
    points = ROWS["metering_point"][:3]
    old = [{**row, "multiplier": 40, "updated_at": "2020-01-01 00:00:00"} for row in points]
    utility.give("metering_point", "a", [*old, *points, *old])
    utility.both()
    assert utility.same("SELECT DISTINCT multiplier FROM accepted.metering_point") == [{"multiplier": 1.0}]
    assert utility.same("SELECT superseded_rows, conflicting_rows FROM quality.reconciliation WHERE source_table = 'metering_point'") == [{"superseded_rows": 6, "conflicting_rows": 0}]  # fmt: skip


@pytest.mark.tables("payment")
def test_rows_go_with_a_full_refresh_only(utility: Utility) -> None:
    utility.give("payment", "a", [PAYMENT, {**PAYMENT, "payment_id": "Y2"}])
    take_and_publish(utility.home, FIRST)
    utility.give("payment", "a", [PAYMENT])
    take_and_publish(utility.home, SECOND)
    assert len(rows(utility.home, "SELECT * FROM accepted.payment")) == 2
    take_and_publish(utility.home, SECOND, refresh=True)
    assert len(rows(utility.home, "SELECT * FROM accepted.payment")) == 1


@pytest.mark.parametrize(("cut", "stops"), [(11, False), (12, True)])
def test_a_delivery_whose_keys_were_cut_stops_the_night(tmp_path: Path, cut: int, stops: bool) -> None:
    utility = Utility(tmp_path, make_project(tmp_path / "project", "", ["payment"]), ["payment"])
    whole = [{**PAYMENT, "payment_id": f"Y{n}"} for n in range(5)]
    utility.give("payment", "a", whole + [{**PAYMENT, "payment_id": "1.2E+15", "amount": f"{n}.00"} for n in range(cut)])  # fmt: skip
    if not stops:
        assert take_and_publish(utility.home, FIRST)["payment"].superseded_rows == 10
        return
    with pytest.raises(QualityError, match=r"payment: 1 of 6 keys stand several times in one file with other values"):  # fmt: skip
        take_and_publish(utility.home, FIRST)
