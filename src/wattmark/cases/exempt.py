"""Exemptions: what an approver let be, of a rule and subject, to a day and up to so much money."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from wattmark.cases.model import Case, lasting_subject


def exempt(connection: psycopg.Connection[Any], case: Case, from_on: dt.date, until_on: dt.date) -> None:
    """Write the exemption of a case that was dismissed as a known exception.

    Two bills of an account are one subject. Where one of them was exempted on the same day, each day is exempted up to the
    larger money of those that reach it, and no day by more than somebody agreed to: what reaches further than the larger
    one begins the day after it.

    Args:
        connection: within the step's transaction.
        case: the case, with its money at stake.
        from_on: the first day.
        until_on: the last one, not before it.
    """
    # Rare, and held for moments: two at once on one subject wait for each other.
    connection.execute("LOCK TABLE ops.exemption IN SHARE ROW EXCLUSIVE MODE")
    subject = (case.rule_id, *lasting_subject(case.subject_type, case.subject_id, case.account_id))
    mine: _Given = (until_on, case.at_stake_amount, case.case_id)
    with connection.cursor(row_factory=tuple_row) as cursor:
        while True:
            there = cursor.execute(
                "SELECT until_on, at_stake_amount, case_id FROM ops.exemption "
                "WHERE (rule_id, subject_type, subject_id, from_on) = (%s, %s, %s, %s)",
                [*subject, from_on],
            ).fetchone()
            # The one that ends first, and of two that end together the smaller one.
            short, long = sorted((there or mine, mine), key=lambda given: (given[0], _worth(given)))
            stays = long if _worth(long) >= _worth(short) else short
            cursor.execute(
                "INSERT INTO ops.exemption (rule_id, subject_type, subject_id, from_on, until_on, at_stake_amount, case_id) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (rule_id, subject_type, subject_id, from_on) DO UPDATE SET "
                "until_on = EXCLUDED.until_on, at_stake_amount = EXCLUDED.at_stake_amount, case_id = EXCLUDED.case_id",
                [*subject, from_on, *stays],
            )
            if stays is long:
                return
            from_on, mine = short[0] + dt.timedelta(days=1), long


_Given = tuple[dt.date, decimal.Decimal | None, str]
"""Last day, money at stake and case of an exemption."""


def _worth(given: _Given) -> decimal.Decimal:
    return abs(given[1] or decimal.Decimal(0))
