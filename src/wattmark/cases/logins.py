"""Who acts on cases: ``ops.staff_login`` as the settings' users fill it, beside the entries that a command made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from wattmark.publish.ops import libpq_url
from wattmark.publish.refusal import naming
from wattmark.user_settings import ADMIN, User


@dataclass(frozen=True)
class Logins:
    """What became of the settings' users: rows written and taken away, and who was left out and why."""

    written: int
    removed: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Utility:
    """Units and staff of the last published night; None before the first one."""

    units: frozenset[str] | None
    top: str | None
    unit_of_staff: Mapping[str, str | None]


def _published(connection: psycopg.Connection[Any]) -> _Utility:
    there = connection.execute(
        "SELECT to_regclass('mart.dim_org_unit') IS NOT NULL AND to_regclass('mart.dim_staff') IS NOT NULL"
    ).fetchone()
    if there is None or not there[0]:
        return _Utility(None, None, {})
    above = dict(connection.execute("SELECT org_unit_id, parent_id FROM mart.dim_org_unit").fetchall())
    tops = [unit for unit, parent in above.items() if parent not in above]
    staff = dict(connection.execute("SELECT staff_id, org_unit_id FROM mart.dim_staff").fetchall())
    return _Utility(frozenset(above), min(tops, key=str.encode, default=None), staff)


def _rows(
    users: Mapping[str, User], utility: _Utility
) -> tuple[dict[str, tuple[str | None, str, str]], list[str]]:
    """Staff, unit and role by login, and what is said of users that have no entry."""
    rows: dict[str, tuple[str | None, str, str]] = {}
    left_out = []
    for login, user in sorted(users.items()):
        unit = user.org_unit_id or utility.unit_of_staff.get(user.staff_id or "")
        if utility.units is not None and user.staff_id and user.staff_id not in utility.unit_of_staff:
            left_out.append(f"users.{login}: no member of staff is {user.staff_id}")
        elif unit is None:
            if utility.units is None:
                left_out.append(f"users.{login}: the unit is known once a night is published")
            elif user.staff_id:
                left_out.append(
                    f"users.{login}: {user.staff_id} belongs to no unit, so org_unit_id is needed"
                )
            # Else somebody who signs in and has nothing to do with cases.
        elif utility.units is not None and unit not in utility.units:
            left_out.append(f"users.{login}: no unit is {unit}")
        else:
            rows[login] = (user.staff_id, unit, user.role)
    return rows, left_out


def keep_logins(connection: psycopg.Connection[Any], users: Mapping[str, User]) -> Logins:
    """Bring ``ops.staff_login`` to what the settings say, within the connection's own transaction.

    Users of the settings are written, those no longer named are taken away, and entries made by a command stay,
    unless the settings name the same login. ``admin`` is an approver of the top unit, unless settings or a command
    say otherwise. Run again it changes nothing.

    Args:
        connection: to the warehouse; schema ``ops`` is migrated.
        users: ``settings.users``.

    Returns:
        rows written and taken away; for whom there is no entry, as ``users.LOGIN: why``.
    """
    utility = _published(connection)
    rows, left_out = _rows(users, utility)
    others = dict(
        connection.execute("SELECT login, staff_id FROM ops.staff_login WHERE NOT from_settings").fetchall()
    )
    by_staff = {staff: login for login, staff in others.items() if staff is not None and login not in rows}
    for login in [login for login, row in rows.items() if row[0] in by_staff]:
        left_out.append(
            f"users.{login}: {rows[login][0]} signs in as {by_staff[str(rows[login][0])]} already"
        )
        del rows[login]
    if ADMIN not in users and ADMIN not in others and utility.top is not None:
        rows[ADMIN] = (None, utility.top, "approver")
    removed = connection.execute(
        "DELETE FROM ops.staff_login WHERE from_settings AND NOT login = ANY(%s)", [list(rows)]
    ).rowcount
    written = 0
    for login, row in sorted(rows.items()):
        written += connection.execute(
            "INSERT INTO ops.staff_login AS l (login, staff_id, org_unit_id, role, from_settings) "
            "VALUES (%s, %s, %s, %s, TRUE) ON CONFLICT (login) DO UPDATE SET staff_id = EXCLUDED.staff_id, "
            "org_unit_id = EXCLUDED.org_unit_id, role = EXCLUDED.role, from_settings = TRUE "
            "WHERE (l.staff_id, l.org_unit_id, l.role, l.from_settings) IS DISTINCT FROM "
            "(EXCLUDED.staff_id, EXCLUDED.org_unit_id, EXCLUDED.role, TRUE)",
            [login, *row],
        ).rowcount
    return Logins(written, removed, tuple(left_out))


def logins_of_home(url: str, users: Mapping[str, User]) -> Logins:
    """``keep_logins`` in a transaction of its own; nothing where schema ``ops`` is not there yet.

    Args:
        url: SQLAlchemy URL of the warehouse.
        users: ``settings.users``.

    Raises:
        PublishError: the warehouse does not answer, or refused.
    """
    with naming("ops.staff_login"), psycopg.connect(libpq_url(url)) as connection:
        there = connection.execute(
            "SELECT FROM pg_attribute WHERE attrelid = to_regclass('ops.staff_login') AND attname = 'from_settings'"
        ).fetchone()
        return keep_logins(connection, users) if there is not None else Logins(0, 0)
