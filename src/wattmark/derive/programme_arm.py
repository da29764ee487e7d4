"""Who is in the global control group, as the standing rules of the night's lists have it."""

from __future__ import annotations

import logging
from typing import cast

import pyarrow as pa

from wattmark.engine.python_table import TableContext, python_table

log = logging.getLogger(__name__)


@python_table(
    "mart.programme_arm",
    key=("customer_id",),
    columns={"customer_id": "string", "unit_id": "string", "is_held_out": "boolean"},
    needs=("campaign.standing",),
    grain="one row per customer",
    purpose="The arms that the programme of campaigns is judged by: the global control group, which no campaign contacts, and all others.",
    docs={
        "customer_id": "The customer.",
        "unit_id": "Household or person that was drawn as one; customers of one unit count together.",
        "is_held_out": "In the global control group.",
    },
)
def programme_arm(context: TableContext) -> pa.Table:
    """Asked of ``campaign.standing``, in a session of its own, as what is asked for stays in a session."""
    from wattmark.campaign.definition import CampaignError
    from wattmark.campaign.people import look_at_people
    from wattmark.derive.campaign_state import warehouse_of
    from wattmark.engine.session import DuckDBSession, Session

    engine = warehouse_of(context)
    try:
        here = cast("Session", context.session)
        if not here.stored:
            look_at_people(here, engine)
            return _arms(here)
        with DuckDBSession(context.settings, context.run) as session:
            look_at_people(session, engine)
            return _arms(session)
    except CampaignError as error:
        # Lists stop where the key is not the home's own; what the night publishes beside them does not.
        if error.code not in ("campaign.key", "campaign.key_missing", "campaign.key_changed"):
            raise
        log.warning("The programme of campaigns is not judged: %s", error)
        return pa.table({"customer_id": [], "unit_id": [], "is_held_out": []})
    finally:
        if engine is not None:
            engine.dispose()


def _arms(session: object) -> pa.Table:
    from wattmark.engine.session import Session

    return (
        cast(Session, session)
        .query(
            "SELECT customer_id, household_id AS unit_id, is_held_out FROM campaign.standing ORDER BY customer_id"
        )
        .read_all()
    )
