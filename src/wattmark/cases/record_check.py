"""Files held against the field (档案现场核对): accounts drawn by lot, by unit, and what was found there.

What rules look at is the data alone; whether the data say what is out there, only somebody who goes there can tell.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import psycopg
from psycopg.rows import dict_row

from wattmark.cases.act import Desk, moment_of, needed_text, writing
from wattmark.cases.lot import Staff, drawn_accounts
from wattmark.cases.model import MANUAL, CaseError, Steps
from wattmark.cases.rights import RightsError, who
from wattmark.engine.session import Session

ITEMS = (
    "customer",
    "address",
    "usage_category",
    "capacity",
    "meter",
    "multiplier",
    "transformer",
    "own_generation",
)
"""What is compared: who is supplied and where, what for, how much, through which meter, by which ratio, from where."""


def draw_checks(
    connection: psycopg.Connection[Any], session: Session, staff: Staff, steps: Steps, week: dt.date, key: str
) -> int:
    """Draw the accounts whose files are held against the field in a week; returns their number.

    For each unit that has managers with a login: p = min(1, ``cases.record_share`` of the hours of all staff with a login there
    / (live accounts x ``cases.site_hours``)). An account that still waits is not drawn again.

    Args:
        connection: within the night's transaction.
        session: of the night.
        staff: who has a login.
        steps: says the managers' post.
        week: its Monday.
        key: of the home.
    """
    rules = session.settings.cases
    waiting = connection.execute(
        "SELECT account_id FROM ops.record_check WHERE checked_on IS NULL"
    ).fetchall()
    drawn = drawn_accounts(
        session, staff, steps.post_of(MANUAL), [row[0] for row in waiting], rules.record_share, rules.site_hours,
        "\x1f".join((key, "record check", week.isoformat(), "")),
    )  # fmt: skip
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY ops.record_check (week, account_id, org_unit_id, customer_id, probability) FROM STDIN"
        ) as copy,
    ):
        for account in drawn:
            copy.write_row(
                (week, account.account_id, account.org_unit_id, account.customer_id, account.probability)
            )
    return len(drawn)


def waiting(connection: psycopg.Connection[Any], login: str) -> list[dict[str, Any]]:
    """Accounts of a login's units whose files wait to be held against the field, the longest waiting first.

    Raises:
        RightsError: the login has no entry.
    """
    actor = who(connection, login)
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT week, account_id, org_unit_id FROM ops.record_check WHERE checked_on IS NULL AND org_unit_id = ANY(%s) "
            "ORDER BY week, org_unit_id, account_id",
            [list(actor.units)],
        ).fetchall()


def enter_check(
    desk: Desk, account_id: str, mismatched: Collection[str] = (), note: str | None = None
) -> dict[str, Any]:
    """Enter what was found: which items of the file are otherwise in the field; none where all agree.

    Args:
        desk: who was there, a worker in whose tree the account's unit is.
        account_id: the account; the check that waits the longest is the one answered.
        mismatched: of ``ITEMS``.
        note: anything else, in words.

    Returns:
        week and account of the check.

    Raises:
        RightsError: the login may not.
        CaseError: no check of the account waits, or an item is none; nothing was written.
    """
    with writing(desk) as connection:
        actor = who(connection, desk.login)
        if unknown := sorted(set(mismatched) - set(ITEMS)):
            raise CaseError(
                "record_check.item", f"account {account_id}: {', '.join(unknown)} is not compared.", f"One of {', '.join(ITEMS)}."
            )  # fmt: skip
        said = None if note is None else needed_text("note", note, f"account {account_id}")
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                "SELECT week, account_id, org_unit_id FROM ops.record_check WHERE account_id = %s AND checked_on IS NULL "
                "ORDER BY week LIMIT 1 FOR UPDATE",
                [account_id],
            ).fetchone()
        if row is None:
            raise CaseError(
                "record_check.none",
                f"No check of account {account_id} waits.",
                "See wattmark case record-checks.",
            )
        if not actor.is_a("worker") or row["org_unit_id"] not in actor.units:
            raise RightsError(
                "case.not_yours", f"account {account_id} is not yours to check.", "Whoever works in its unit enters it."
            )  # fmt: skip
        _, day = moment_of(desk)
        connection.execute(
            "UPDATE ops.record_check SET checked_on = %s, checked_by = %s, mismatched = %s, note = %s WHERE week = %s AND account_id = %s",
            [day, actor.login, sorted(set(mismatched)), said, row["week"], account_id],
        )
    return {"week": row["week"], "account_id": account_id}
