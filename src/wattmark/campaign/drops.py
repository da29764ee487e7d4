"""Members of a list that it leaves out after it was decided: ``ops.campaign_drop``. They count as never contacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
from sqlalchemy import Connection, text

from wattmark.campaign.message import Lacking
from wattmark.campaign.state import copy_in

LACKS_VALUE = "lacks_value"
"""Left out since the message could not be said: a value is missing, or a code has no name."""
Drops = dict[tuple[str, str], str]
"""Reason by customer_id and account_id."""


def dropped_before(connection: Connection, campaign_run_id: str) -> Drops:
    """Members that a list leaves out already."""
    rows = connection.execute(
        text("SELECT customer_id, account_id, reason FROM ops.campaign_drop WHERE campaign_run_id = :name"),
        {"name": campaign_run_id},
    )
    return {(row[0], row[1]): row[2] for row in rows}


def insert_drops(connection: Connection, name: str, reasons: Mapping[tuple[str, str], str]) -> None:
    """Note members that a list leaves out; they were not noted before."""
    rows = [
        {"campaign_run_id": name, "customer_id": customer, "account_id": account, "reason": reason}
        for (customer, account), reason in sorted(reasons.items())
    ]
    if rows:
        copy_in(connection, "ops.campaign_drop", pa.Table.from_pylist(rows))


def of_lacking(lacking: Sequence[Lacking]) -> Drops:
    """Members of whom something is lacking."""
    return {(lack.customer_id, lack.account_id): LACKS_VALUE for lack in lacking}


def as_rows(reasons: Mapping[tuple[str, str], str]) -> pa.Table:
    """Members to leave out: customer_id, account_id."""
    return pa.table(
        {
            "customer_id": pa.array([key[0] for key in reasons], pa.string()),
            "account_id": pa.array([key[1] for key in reasons], pa.string()),
        }
    )
