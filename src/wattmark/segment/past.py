"""The grades an earlier night gave, or would have given: what is judged by what came after it."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from wattmark.contract.types import schema_of
from wattmark.engine.session import ACCEPTED, DuckDBSession
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.segment import state
from wattmark.settings import Settings

GRADED = schema_of(
    {
        "customer_id": "string",
        "grade": "string",
        "objective_tier": "integer",
        "behaviour_tier": "integer",
        "graded_on": "date",
    }
)
"""Customers that had a live account then."""


def graded_on(settings: Settings, day: dt.date) -> pa.Table:
    """The grades of a day by today's definitions, from what was known at its end.

    Nothing is read of what was computed since: the tables below the grades are built in memory, on what was accepted
    and had happened by that day. Who closed an account since was supplied then.

    Args:
        settings: the utility's settings.
        day: the day that is gone back to.

    Returns:
        rows of ``GRADED``; none where nothing is accepted yet.
    """
    if not Lake(settings.lake).exists(f"{ACCEPTED}.customer"):
        return GRADED.empty_table()
    layers = (f"{ACCEPTED}.", f"{state.LAYER}.")
    with DuckDBSession(
        settings, Run.of(day, settings.zone.key), stored=False, reads=lambda name: name.startswith(layers)
    ) as past:
        past.give("core.live_account", past.query(_LIVE_THEN).read_all())
        # Signs of growth say who is emerging, not which grade one has, and would have all intervals read.
        past.give("segment.customer_sign", _NO_SIGNS.empty_table())
        found = past.query(
            "SELECT customer_grade.customer_id, customer_grade.grade, customer_grade.objective_tier, customer_grade.behaviour_tier, $as_of AS graded_on "
            "FROM segment.customer_grade WHERE customer_grade.is_graded ORDER BY customer_grade.customer_id"
        ).read_all()
    return found.cast(GRADED)


_LIVE_THEN = """
SELECT * FROM source.account
WHERE account.opened_on <= $period_end AND (account.status IN ('active', 'suspended') OR (account.status = 'closed' AND account.closed_on > $as_of))
"""
_NO_SIGNS = schema_of({"customer_id": "string", "sign": "string", "sign_zh": "string"})
