"""Who acts on cases: logins, their member of staff, unit and role, and which cases they may see and change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row, tuple_row

from wattmark.cases.model import NIGHT, Case, CaseError

ROLES = ("viewer", "worker", "approver")
"""Each may do what those before it may."""


@dataclass(frozen=True)
class Login:
    """A row of ``ops.staff_login``."""

    login: str
    staff_id: str | None
    org_unit_id: str
    role: str


@dataclass(frozen=True)
class Actor(Login):
    """Somebody who acts: a login with the units of its own tree, the own one included."""

    units: frozenset[str] = frozenset()

    def is_a(self, role: str) -> bool:
        """Whether the login has a role, or one that may do more."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def sees(self, case: Case) -> bool:
        """Whether a case is of the own tree: its finding's unit, the one it is assigned to, or the one that mends it."""
        return bool(self.units & {case.org_unit_id, case.assigned_org_unit_id, case.responsible_org_unit_id})

    def holds(self, case: Case) -> bool:
        """Whether a case is of the own tree, to be decided there."""
        return bool(self.units & {case.org_unit_id, case.assigned_org_unit_id})


class RightsError(CaseError):
    """A login may not do that; nothing was changed."""


def tree(connection: psycopg.Connection[Any], org_unit_id: str) -> frozenset[str]:
    """A unit and all below it, as the last published night has them; the unit alone where none was published."""
    if not published(connection, "dim_org_unit"):
        return frozenset({org_unit_id})
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(
            "WITH RECURSIVE own AS (SELECT %s::text AS org_unit_id UNION "
            "SELECT below.org_unit_id FROM mart.dim_org_unit AS below JOIN own ON below.parent_id = own.org_unit_id) "
            "SELECT org_unit_id FROM own",
            [org_unit_id],
        ).fetchall()
    return frozenset(row[0] for row in rows)


def published(connection: psycopg.Connection[Any], table: str) -> bool:
    """Whether a table of ``mart`` is published."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"mart.{table}"]).fetchone()
    return row is not None and bool(row[0])


def login_of(connection: psycopg.Connection[Any], login: str) -> Login | None:
    """The entry of a login; None for a stranger."""
    with connection.cursor(row_factory=class_row(Login)) as cursor:
        return cursor.execute(
            "SELECT login, staff_id, org_unit_id, role FROM ops.staff_login WHERE login = %s", [login]
        ).fetchone()


def who(connection: psycopg.Connection[Any], login: str) -> Actor:
    """Who acts under a login.

    Raises:
        RightsError: it has no entry, and sees nothing.
    """
    found = login_of(connection, login)
    if found is None:
        raise RightsError(
            "case.no_login", f"login {login} is not among those who work on cases.",
            "Somebody who runs Wattmark enters it: wattmark case login set.",
        )  # fmt: skip
    return Actor(
        found.login, found.staff_id, found.org_unit_id, found.role, tree(connection, found.org_unit_id)
    )


def who_may_judge(connection: psycopg.Connection[Any], case: Case, staff_id: str, org_unit_id: str) -> None:
    """See that a member of staff may be given a case in a unit; the post is not asked.

    Raises:
        RightsError: there is no login of theirs that may decide there, or it is their own work.
    """
    refuse_own_work(case, staff_id)
    with connection.cursor(row_factory=class_row(Login)) as cursor:
        logins = cursor.execute(
            "SELECT login, staff_id, org_unit_id, role FROM ops.staff_login WHERE staff_id = %s AND role <> 'viewer'",
            [staff_id],
        ).fetchall()
    if not any(org_unit_id in tree(connection, login.org_unit_id) for login in logins):
        raise RightsError(
            "case.cannot_judge", f"case {case.case_id}: staff {staff_id} has no login that may work on cases of unit {org_unit_id}.",
            "Name somebody of that unit or one above who works on cases, or leave the staff open.",
        )  # fmt: skip


def refuse_own_work(case: Case, staff_id: str | None) -> None:
    """Nobody judges own work.

    Raises:
        RightsError: the case speaks of what that member of staff did.
    """
    if staff_id is not None and staff_id in case.own_staff_ids:
        raise RightsError(
            "case.own_work", f"case {case.case_id} speaks of work of staff {staff_id}: nobody judges own work.",
            "Somebody else takes, proposes, approves and accepts it.",
        )  # fmt: skip


def logins(connection: psycopg.Connection[Any]) -> list[Login]:
    """All entries, by login."""
    with connection.cursor(row_factory=class_row(Login)) as cursor:
        return cursor.execute(
            "SELECT login, staff_id, org_unit_id, role FROM ops.staff_login ORDER BY login"
        ).fetchall()


def set_login(
    connection: psycopg.Connection[Any],
    login: str,
    role: str,
    staff_id: str | None,
    org_unit_id: str | None = None,
) -> Login:
    """Enter a login, or change its entry, in the connection's transaction.

    Args:
        connection: on the warehouse.
        login: the user's name in Airflow.
        role: viewer, worker or approver.
        staff_id: the member of staff; None for somebody who is none, who can be given no case.
        org_unit_id: the unit whose tree the login sees; the member of staff's own where left out.

    Raises:
        CaseError: role, staff or unit are not known; nothing was changed.
    """
    if not login.strip() or login != login.strip() or login == NIGHT:
        raise CaseError(
            "case.login", f"{login!r} cannot be a login.", f"Blanks around it and {NIGHT!r} are not allowed."
        )
    if role not in ROLES:
        raise CaseError("case.role", f"There is no role {role}.", f"One of {', '.join(ROLES)}.")
    with connection.cursor(row_factory=tuple_row) as cursor:
        if staff_id is not None and published(connection, "dim_staff"):
            row = cursor.execute(
                "SELECT org_unit_id FROM mart.dim_staff WHERE staff_id = %s", [staff_id]
            ).fetchone()
            if row is None:
                raise CaseError(
                    "case.staff", f"There is no member of staff {staff_id}.", "See mart.dim_staff."
                )
            org_unit_id = org_unit_id or row[0]
        if org_unit_id is None:
            raise CaseError("case.unit", f"login {login}: of which unit is not said.", "Name the unit.")
        refuse_unknown_unit(connection, org_unit_id)
        cursor.execute(
            "INSERT INTO ops.staff_login (login, staff_id, org_unit_id, role) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (login) DO UPDATE SET staff_id = EXCLUDED.staff_id, org_unit_id = EXCLUDED.org_unit_id, role = EXCLUDED.role, "
            "from_settings = FALSE",
            [login, staff_id, org_unit_id, role],
        )
    return Login(login, staff_id, org_unit_id, role)


def refuse_unknown_unit(connection: psycopg.Connection[Any], org_unit_id: str) -> None:
    """See that there is a unit, where units are published.

    Raises:
        CaseError: there is none of that id.
    """
    if not published(connection, "dim_org_unit"):
        return
    row = connection.execute(
        "SELECT 1 FROM mart.dim_org_unit WHERE org_unit_id = %s", [org_unit_id]
    ).fetchone()
    if row is None:
        raise CaseError("case.unit", f"There is no unit {org_unit_id}.", "See mart.dim_org_unit.")


def remove_login(connection: psycopg.Connection[Any], login: str) -> None:
    """Take an entry away; the login sees nothing any more, and what it did stays in the log.

    Raises:
        CaseError: there is none.
    """
    if connection.execute("DELETE FROM ops.staff_login WHERE login = %s", [login]).rowcount == 0:
        raise CaseError(
            "case.no_login", f"There is no entry of login {login}.", "See wattmark case login list."
        )
