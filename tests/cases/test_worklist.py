"""The worklist of a week against a real PostgreSQL: what is on it, why, and that it is drawn once."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from tests.cases.acting import (
    AT,
    CONFIRM,
    DISMISS,
    MONDAY,
    a_case,
    connect,
    open_cases,
    session_of,
    settings_of,
    step,
)
from wattmark.cases.act import Desk
from wattmark.cases.assign import Login, staffing
from wattmark.cases.log import verify
from wattmark.cases.model import CaseError, load_steps
from wattmark.cases.record_check import enter_check, waiting
from wattmark.cases.rulebook import Rulebook
from wattmark.cases.worklist import Entry, chosen, draw_week, enter, week_of
from wattmark.settings import Settings

pytestmark = pytest.mark.usefixtures("no_marts")

LOGINS = tuple(Login(staff, "P", "worker") for staff in ("B1", "B2", "B3", "M1", "I1"))
NONE = {"random_share": 0.0, "missed_share": 0.0, "record_share": 0.0}
WEEK = dt.timedelta(days=7)


def night(
    settings: Settings,
    url: str,
    day: dt.date = MONDAY,
    logins: tuple[Login, ...] = LOGINS,
    **tables: list[dict[str, Any]],
) -> dict[str, int]:
    """What a night does about the list, with the row that says it was taken in."""
    with session_of(settings, day, **tables) as session, connect(url) as connection:
        known = (staffing(session, logins), Rulebook(session), load_steps(settings.include))
        done = draw_week(connection, session, *known, AT)
        connection.execute(
            "INSERT INTO ops.case_night (run_id, as_of, taken_at, counts) VALUES (%s, %s, now(), '{}')",
            [session.run.run_id, day],
        )
    return done


def listed(connection: psycopg.Connection[Any], week: dt.date = MONDAY) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT org_unit_id, post, rank, case_id, chosen_as, probability, expected_amount, hours FROM ops.audit_worklist "
        "WHERE week = %s ORDER BY 1, 2, 3",
        [week],
    ).fetchall()


def test_due_first_then_money_an_hour_within_the_hours(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    settings = settings_of(tmp_path, warehouse_url, week_hours=2, **NONE)
    sunday = MONDAY + dt.timedelta(days=6)
    with connect(warehouse_url) as connection:
        open_cases(
            connection,
            a_case("due-little", amount=1, due_on=sunday),
            a_case("due-much", amount=-50, due_on=MONDAY - WEEK),
            a_case("next-week", amount=40, due_on=sunday + dt.timedelta(days=1)),
            a_case("much", amount=-90),
            a_case("none-high", severity="high"),
            a_case("none", severity="low"),
            # Nobody of the post at the station: the county's list.
            a_case("visit", "INS-03", unit="S2", amount=10),
            a_case("elsewhere", unit="S2", amount=10),
            # No effects, no cases of rules, nothing that waits for another.
            a_case("effect", amount=900, due_on=MONDAY, root_cause_case_id="due-much"),
            a_case("rule", amount=900, due_on=MONDAY, subject_type="rule"),
            a_case("proposed", amount=900, due_on=MONDAY),
        )
        step(connection, "proposed", ("take", "assigned"), ("propose_confirm", "proposed"))
    night(settings, warehouse_url)
    with connect(warehouse_url) as connection:
        rows = listed(connection)
        # Two hours: 0.5 each, so that two of three are left beside what is due, and the high one wins a tie.
        assert [row[:5] for row in rows] == [
            ("K1", "billing", 1, "elsewhere", "value"),
            ("K1", "inspection", 1, "visit", "value"),
            ("S1", "billing", 1, "due-much", "due"),
            ("S1", "billing", 2, "due-little", "due"),
            ("S1", "billing", 3, "much", "value"),
            ("S1", "billing", 4, "next-week", "value"),
        ]  # fmt: skip
        assert {row[5] for row in rows} == {0.0}
        assert [row[6] for row in rows[2:]] == [
            decimal.Decimal(text) for text in ("25.00", "0.50", "45.00", "20.00")
        ]
        assert connection.execute(
            "SELECT DISTINCT confirmed_share, share_from FROM ops.audit_worklist"
        ).fetchall() == [(0.5, "nothing")]
    # Not again in the week, whatever became of the cases; in the next one anew.
    with connect(warehouse_url) as connection:
        step(connection, "much", *DISMISS)
    assert night(settings, warehouse_url, sunday) == {"on_list": 0, "drawn_accounts": 0, "record_checks": 0}
    with connect(warehouse_url) as connection:
        assert listed(connection) == rows
    night(settings, warehouse_url, MONDAY + WEEK)
    with connect(warehouse_url) as connection:
        assert [row[3] for row in listed(connection, MONDAY + WEEK) if row[0] == "S1"] == [
            "due-much", "next-week", "due-little", "none-high",
        ]  # fmt: skip


def test_cases_to_mend_are_the_responsible_units(tmp_path: Path, ops: Engine, warehouse_url: str) -> None:
    settings = settings_of(tmp_path, warehouse_url, **NONE)
    with connect(warehouse_url) as connection:
        open_cases(
            connection,
            a_case("mend", amount=10),
            a_case("far", amount=10, due_on=MONDAY),
            a_case("later", amount=10),
        )
        step(connection, "mend", *CONFIRM, responsible_org_unit_id="K1")
        # Nobody of billing has a login there: what is due is on the list all the same, beyond the hours.
        step(connection, "far", *CONFIRM, ("start", "rectifying"), responsible_org_unit_id="S2")
        step(connection, "later", *CONFIRM, responsible_org_unit_id="S2")
    night(settings, warehouse_url)
    with connect(warehouse_url) as connection:
        assert [(*row[:6], float(row[6])) for row in listed(connection)] == [
            ("K1", "billing", 1, "mend", "value", None, 10.0),
            ("S2", "billing", 1, "far", "due", None, 10.0),
        ]
        assert connection.execute("SELECT COUNT(*) FROM ops.audit_lot").fetchall() == [(0,)]


def test_a_drawn_case_leads_every_list_until_it_is_decided(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    everything = settings_of(
        tmp_path, warehouse_url, week_hours=1, random_share=1.0, missed_share=0.0, record_share=0.0
    )
    with connect(warehouse_url) as connection:
        open_cases(connection, a_case("a", amount=1), a_case("b", amount=2))
    night(everything, warehouse_url)
    nothing = settings_of(tmp_path, warehouse_url, week_hours=1, **NONE)
    with connect(warehouse_url) as connection:
        # Two cases of half an hour each, one hour: all are drawn.
        assert [row[3:6] for row in listed(connection)] == [("b", "random", 1.0), ("a", "random", 1.0)]
        step(connection, "b", *CONFIRM, ("hand_back", "assigned"), day=MONDAY, due_on=MONDAY)
        open_cases(connection, a_case("c", amount=9))
    night(nothing, warehouse_url, MONDAY + WEEK)
    with connect(warehouse_url) as connection:
        # What was decided once is drawn no more, and keeps the probability of its lot; c had its own.
        assert [row[3:6] for row in listed(connection, MONDAY + WEEK)] == [
            ("a", "random", 1.0), ("b", "due", 1.0),
        ]  # fmt: skip
        step(connection, "a", *DISMISS)
        step(connection, "a", ("reopen", "reopened"))
    night(everything, warehouse_url, MONDAY + 2 * WEEK)
    with connect(warehouse_url) as connection:
        # Reopened it enters again; c entered the week before, with 0, though no list had room for it.
        assert [row[3:6] for row in listed(connection, MONDAY + 2 * WEEK)] == [
            ("a", "random", 1.0), ("c", "due", 0.0), ("b", "due", 1.0),
        ]  # fmt: skip
        assert connection.execute("SELECT case_id, event_no, probability FROM ops.audit_lot ORDER BY 1, 2").fetchall() == [
            ("a", 1, 1.0), ("a", 4, 1.0), ("b", 1, 1.0), ("c", 1, 0.0),
        ]  # fmt: skip


def test_the_chance_of_a_rule_is_drawn_to_its_familys(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    settings = settings_of(tmp_path, warehouse_url, prior_cases=2, **NONE)
    with connect(warehouse_url) as connection:
        open_cases(connection, *(a_case(f"d{n}", "TAR-01" if n else "TAR-02") for n in range(4)))
        # TAR-01: one confirmed of three, by the newest decision of each; TAR-02: one of one.
        step(connection, "d0", *CONFIRM, responsible_org_unit_id="S1")
        step(connection, "d1", *CONFIRM, responsible_org_unit_id="S1")
        step(connection, "d2", *CONFIRM, ("hand_back", "assigned"), ("propose_dismiss", "dismissed"))
        step(connection, "d3", *DISMISS)
        open_cases(
            connection,
            a_case("one", amount=100),
            a_case("other", "TAR-03", amount=100),
            a_case("net", "NET-01", amount=100),
        )
    night(settings, warehouse_url)
    with connect(warehouse_url) as connection:
        found = connection.execute(
            "SELECT case_id, confirmed_share, share_from, expected_amount FROM ops.audit_worklist WHERE case_id = ANY(%s) ORDER BY 1",
            [["one", "other", "net"]],
        ).fetchall()
    # Two of four in the family: (1 + 2 x 0.5) / (3 + 2).
    assert found == [
        ("net", 0.5, "nothing", decimal.Decimal("50.00")), ("one", 0.4, "rule", decimal.Decimal("40.00")),
        ("other", 0.5, "family", decimal.Decimal("50.00")),
    ]  # fmt: skip


ACCOUNT = {"customer_id": "C1", "status": "active", "opened_on": dt.date(2020, 1, 1), "reading_area_id": "R1"}


def test_accounts_without_any_case_are_drawn_for_managers(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    # Three logins at the station have 24 hours; three accounts without a case take 1.5: all are drawn.
    settings = settings_of(tmp_path, warehouse_url, missed_share=1.0, random_share=0.0, record_share=0.0)
    accounts = [
        {**ACCOUNT, "account_id": "A1", "org_unit_id": "S1"},
        {**ACCOUNT, "account_id": "A2", "org_unit_id": "S1", "reading_area_id": None},
        {**ACCOUNT, "account_id": "A3", "org_unit_id": "S1", "reading_area_id": None},
        {**ACCOUNT, "account_id": "A-had", "org_unit_id": "S1"},
        {**ACCOUNT, "account_id": "A-closed", "org_unit_id": "S1", "status": "closed"},
        # No manager there or above.
        {**ACCOUNT, "account_id": "A-else", "org_unit_id": "S2"},
    ]
    areas = [{"reading_area_id": "R1", "org_unit_id": "S1", "staff_id": "M1"}]
    logins = (*LOGINS, Login("M2", "P", "approver"))
    with connect(warehouse_url) as connection:
        open_cases(connection, a_case("had"))
        step(connection, "had", *DISMISS)
    done = night(settings, warehouse_url, logins=logins, account=accounts, reading_area=areas)
    assert done == {"on_list": 3, "drawn_accounts": 3, "record_checks": 0}
    with connect(warehouse_url) as connection:
        cases = connection.execute(
            "SELECT case_id, account_id, customer_id, state, severity, assigned_org_unit_id, assigned_to, due_on, version FROM ops.audit_case "
            "WHERE rule_id = 'MANUAL' ORDER BY 1"
        ).fetchall()
        due = dt.date(2026, 11, 9)
        # Nobody judges own work: M1 reads A1. Then the one with the least work.
        assert cases == [
            ("MANUAL:account:A1/1", "A1", "C1", "assigned", "low", "S1", "M2", due, 2),
            ("MANUAL:account:A2/1", "A2", "C1", "assigned", "low", "S1", "M1", due, 2),
            ("MANUAL:account:A3/1", "A3", "C1", "assigned", "low", "S1", "M1", due, 2),
        ]
        assert [row[:6] for row in listed(connection)] == [
            ("S1", "manager", n, f"MANUAL:account:A{n}/1", "random", 1.0) for n in (1, 2, 3)
        ]
        assert verify(connection).events == 9
    night(settings, warehouse_url, MONDAY + WEEK, logins, account=accounts, reading_area=areas)
    with connect(warehouse_url) as connection:
        assert [row[3:5] for row in listed(connection, MONDAY + WEEK)] == [
            (f"MANUAL:account:A{n}/1", "random") for n in (1, 2, 3)
        ]
        assert connection.execute("SELECT COUNT(*) FROM ops.audit_case").fetchall() == [(4,)]


def test_files_are_held_against_the_field(tmp_path: Path, ops: Engine, warehouse_url: str) -> None:
    # 24 hours at the station, two hours each: all three are drawn; nobody of the top unit manages the other station.
    settings = settings_of(tmp_path, warehouse_url, missed_share=0.0, random_share=0.0, record_share=1.0)
    accounts = [
        {**ACCOUNT, "account_id": name, "org_unit_id": unit}
        for name, unit in (("A1", "S1"), ("A2", "S1"), ("A3", "S2"))
    ]
    assert night(settings, warehouse_url, account=accounts)["record_checks"] == 2
    with connect(warehouse_url) as connection:
        connection.execute(
            "INSERT INTO ops.staff_login VALUES ('li', 'B1', 'S1', 'worker'), ('wu', NULL, 'S2', 'worker')"
        )
    with connect(warehouse_url) as connection:
        connection.autocommit = True
        assert [row["account_id"] for row in waiting(connection, "li")] == ["A1", "A2"]
        assert waiting(connection, "wu") == []
        desk, stranger = (Desk(connection, settings, login, AT) for login in ("li", "wu"))
        for who, account, items, code in (
            (stranger, "A1", [], "case.not_yours"), (desk, "A3", [], "record_check.none"), (desk, "A1", ["colour"], "record_check.item"),
        ):  # fmt: skip
            with pytest.raises(CaseError) as refused:
                enter_check(who, account, items)
            assert refused.value.code == code
        assert enter_check(desk, "A1", ["meter", "address"], "Another meter hangs there.")["week"] == MONDAY
        assert connection.execute("SELECT account_id, probability, checked_by, mismatched FROM ops.record_check ORDER BY 1").fetchall() == [
            ("A1", 1.0, "li", ["address", "meter"]), ("A2", 1.0, None, None),
        ]  # fmt: skip
    # What waits is not drawn again; what was answered may be.
    assert night(settings, warehouse_url, MONDAY + WEEK, account=accounts)["record_checks"] == 1


@pytest.mark.parametrize(("share", "least", "most"), [(0.25, 0.22, 0.28), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)])
def test_the_lot_draws_the_share_it_says(tmp_path: Path, share: float, least: float, most: float) -> None:
    entries = [
        Entry(f"k{n}", "TAR-01", "open", "low", None, None, "S1", 1, 1, None, False, hours=0.5)
        for n in range(4000)
    ]
    settings = settings_of(tmp_path, "postgresql://nobody@localhost/none", random_share=share).cases
    # 2,000 hours of work, and as many hours.
    kept = enter(entries, 2000, MONDAY, "0" * 64, settings)
    assert {row[3] for row in kept} == {share}
    drawn = {row[0] for row in kept if row[4]}
    assert least <= len(drawn) / 4000 <= most
    assert enter(entries, 2000, MONDAY, "0" * 64, settings) == []
    for entry in entries:
        entry.probability = None
    again = {row[0] for row in enter(entries, 2000, MONDAY + WEEK, "0" * 64, settings) if row[4]}
    assert share in (0.0, 1.0) or len(drawn & again) < 0.5 * len(drawn)


def test_hours_are_filled_by_what_fits_and_a_hundred_thousand_cases_are_quick() -> None:
    def entry(name: str, amount: int, hours: float) -> Entry:
        return Entry(
            name, "R", "open", "low", decimal.Decimal(amount), None, "S1", 1, 1, 0.1, False, hours=hours
        )

    found = chosen([entry("a", 100, 0.5), entry("b", 300, 2), entry("c", 10, 0.5)], 1, MONDAY)
    assert [drawn.case_id for drawn in found] == ["a", "c"]
    many = [entry(f"k{n}", n % 977, 0.5) for n in range(100_000)]
    assert len(chosen(many, 800, MONDAY)) == 1600


@pytest.mark.parametrize(
    ("day", "week"),
    [("2026-10-12", "2026-10-12"), ("2026-10-18", "2026-10-12"), ("2026-10-19", "2026-10-19")],
)
def test_a_week_begins_on_its_monday(day: str, week: str) -> None:
    assert week_of(dt.date.fromisoformat(day)) == dt.date.fromisoformat(week)
