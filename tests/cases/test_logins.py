"""``ops.staff_login`` as the settings' users fill it, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from wattmark.cases.logins import Logins, keep_logins, logins_of_home
from wattmark.cases.rights import set_login
from wattmark.errors import PublishError
from wattmark.publish.ops import libpq_url
from wattmark.user_settings import User

pytestmark = pytest.mark.usefixtures("no_marts")

UNITS = (("P", None), ("C", "P"), ("Z", "C"))
STAFF = (("S1", "C"), ("S2", "Z"), ("S3", None))
USERS = {
    "li": User(role="worker", staff_id="S1"),
    "wang": User(role="approver", staff_id="S2", org_unit_id="P"),
    "chen": User(role="viewer", org_unit_id="Z"),
}


@pytest.fixture
def warehouse(ops: Engine) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(libpq_url(ops.url.render_as_string(hide_password=False))) as connection:
        yield connection
        connection.rollback()


def publish(connection: psycopg.Connection[Any]) -> None:
    """Units and staff as a night publishes them."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS mart")
    connection.execute("CREATE TABLE mart.dim_org_unit (org_unit_id text, parent_id text)")
    connection.execute("CREATE TABLE mart.dim_staff (staff_id text, org_unit_id text)")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO mart.dim_org_unit VALUES (%s, %s)", UNITS)
        cursor.executemany("INSERT INTO mart.dim_staff VALUES (%s, %s)", STAFF)


def entries(connection: psycopg.Connection[Any]) -> dict[str, tuple[Any, ...]]:
    rows = connection.execute("SELECT login, staff_id, org_unit_id, role FROM ops.staff_login ORDER BY 1")
    return {login: tuple(rest) for login, *rest in rows.fetchall()}


def test_users_are_written_once_and_admin_approves_at_the_top(warehouse: psycopg.Connection[Any]) -> None:
    publish(warehouse)
    assert keep_logins(warehouse, USERS) == Logins(4, 0)
    wanted = {
        "admin": (None, "P", "approver"),
        "chen": (None, "Z", "viewer"),
        "li": ("S1", "C", "worker"),
        "wang": ("S2", "P", "approver"),
    }
    assert entries(warehouse) == wanted
    assert keep_logins(warehouse, USERS) == Logins(0, 0)
    changed = {"li": USERS["li"], "chen": User(role="worker", org_unit_id="C")}
    assert keep_logins(warehouse, changed) == Logins(1, 1)
    wanted["chen"] = (None, "C", "worker")
    del wanted["wang"]
    assert entries(warehouse) == wanted


def test_what_a_command_made_stays_unless_settings_name_the_login(warehouse: psycopg.Connection[Any]) -> None:
    publish(warehouse)
    for login, staff, unit in (("zhao", "S2", "Z"), ("admin", None, "C"), ("chen", None, "C")):
        warehouse.execute(
            "INSERT INTO ops.staff_login (login, staff_id, org_unit_id, role) VALUES (%s, %s, %s, 'viewer')",
            [login, staff, unit],
        )
    kept = keep_logins(warehouse, USERS)
    assert kept == Logins(2, 0, ("users.wang: S2 signs in as zhao already",))
    assert entries(warehouse) == {
        "admin": (None, "C", "viewer"),
        "chen": (None, "Z", "viewer"),
        "li": ("S1", "C", "worker"),
        "zhao": ("S2", "Z", "viewer"),
    }
    assert keep_logins(warehouse, {}).removed == 2
    assert set(entries(warehouse)) == {"admin", "zhao"}


def test_a_command_takes_an_entry_over_from_the_night(warehouse: psycopg.Connection[Any]) -> None:
    publish(warehouse)
    keep_logins(warehouse, {})
    set_login(warehouse, "admin", "viewer", None, "Z")
    assert keep_logins(warehouse, {}) == Logins(0, 0)
    assert entries(warehouse) == {"admin": (None, "Z", "viewer")}


@pytest.mark.parametrize(
    ("user", "why"),
    [
        (User(role="worker", staff_id="S9", org_unit_id="P"), "no member of staff is S9"),
        (User(role="worker", staff_id="S1", org_unit_id="U9"), "no unit is U9"),
        (User(role="worker", staff_id="S3"), "S3 belongs to no unit, so org_unit_id is needed"),
    ],
)
def test_who_the_utility_does_not_know_is_left_out_and_told(
    warehouse: psycopg.Connection[Any], user: User, why: str
) -> None:
    publish(warehouse)
    assert keep_logins(warehouse, {"li": user}).left_out == (f"users.li: {why}",)
    assert set(entries(warehouse)) == {"admin"}


def test_a_user_who_has_nothing_to_do_with_cases_has_no_entry(warehouse: psycopg.Connection[Any]) -> None:
    publish(warehouse)
    assert keep_logins(warehouse, {"post": User(role="approver")}) == Logins(1, 0)
    assert set(entries(warehouse)) == {"admin"}


def test_before_the_first_night_only_who_names_a_unit_has_an_entry(ops: Engine) -> None:
    url = ops.url.render_as_string(hide_password=False)
    done = logins_of_home(url, USERS)
    assert done == Logins(2, 0, ("users.li: the unit is known once a night is published",))
    with psycopg.connect(libpq_url(url)) as connection:
        assert set(entries(connection)) == {"chen", "wang"}


def test_a_warehouse_that_does_not_answer_is_an_error_for_people() -> None:
    with pytest.raises(PublishError) as caught:
        logins_of_home("postgresql+psycopg://wattmark:geheim@127.0.0.1:1/warehouse", USERS)
    assert "geheim" not in str(caught.value)
