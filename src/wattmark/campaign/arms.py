"""Arms as they were first drawn: read before a night draws, kept in the transaction that stores its lists.

``campaign.arm`` says whose an arm is after records were merged or people moved; ``docs/campaigns.md`` states the rule.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text

from wattmark.campaign.keys import known_key
from wattmark.campaign.state import copy_in, fetch
from wattmark.contract.types import schema_of
from wattmark.engine.produced import PRODUCED
from wattmark.engine.session import Session

ALL_CAMPAIGNS = "all campaigns"
"""What the global control is kept under; no campaign may be called so."""


def give_arms(session: Session, engine: Engine | None, campaigns: Sequence[str]) -> None:
    """Give ``ask.arm``, the arms kept so far of the global control and of campaigns, whenever they were drawn.

    Args:
        session: of the night.
        engine: the warehouse; None knows of no arms.
        campaigns: ids.
    """
    empty = schema_of(PRODUCED["ask.arm"]).empty_table()
    if engine is None:
        session.give("ask.arm", empty)
        return
    wanted = [ALL_CAMPAIGNS, *campaigns]
    places = ", ".join(f"${at + 1}" for at in range(len(wanted)))
    session.give(
        "ask.arm",
        fetch(
            engine,
            f"SELECT campaign_id, record_hash, arm, drawn_at FROM ops.campaign_arm WHERE campaign_id IN ({places})",
            wanted,
            empty,
        ),
    )


_EARLIER = """
SELECT DISTINCT ON (1, 2) campaign_id, customer_id, arm, drawn_at FROM (
  SELECT campaign_run.campaign_id, campaign_member.customer_id, CASE WHEN campaign_member.outcome = 'control' THEN 'control' ELSE campaign_member.cell END AS arm,
         CAST(campaign_run.as_of AS timestamptz) AS drawn_at
  FROM ops.campaign_member JOIN ops.campaign_run ON campaign_run.campaign_run_id = campaign_member.campaign_run_id
  WHERE campaign_member.cell IS NOT NULL AND campaign_member.outcome <> 'excluded' AND NOT campaign_member.is_seed
  UNION ALL
  SELECT $1, campaign_member.customer_id, CASE WHEN campaign_member.excluded_by = 'held_out' THEN 'held_out' ELSE 'open' END, CAST(campaign_run.as_of AS timestamptz)
  FROM ops.campaign_member JOIN ops.campaign_run ON campaign_run.campaign_run_id = campaign_member.campaign_run_id
  WHERE NOT campaign_member.is_seed AND (campaign_member.excluded_by = 'held_out' OR campaign_member.outcome <> 'excluded' AND NOT (campaign_run.definition -> 'exclude') ? 'held_out')
) AS drawn
ORDER BY 1, 2, drawn_at, arm
"""


def take_over(session: Session, engine: Engine) -> None:
    """Keep the arms of lists that were made before arms were kept, as their members' outcomes tell them.

    Does nothing once any arm is kept.

    Raises:
        CampaignError: the home's key is not the one that schema ``ops`` knows.
    """
    key = known_key(session.settings.home, engine)
    with engine.connect() as connection:
        kept, made = connection.execute(
            text(
                "SELECT EXISTS (SELECT FROM ops.campaign_arm), EXISTS (SELECT FROM ops.campaign_member WHERE NOT is_seed)"
            )
        ).one()
    if kept or not made:
        return
    like = schema_of(
        {"campaign_id": "string", "customer_id": "string", "arm": "string", "drawn_at": "timestamp"}
    )
    session.give("night.earlier_arm", fetch(engine, _EARLIER, [ALL_CAMPAIGNS], like.empty_table()))
    rows = session.duck.sql(
        "SELECT campaign_id, SHA256(? || CHR(31) || 'record' || CHR(31) || customer_id) AS record_hash, arm, drawn_at "
        "FROM night.earlier_arm",
        params=[key],
    ).to_arrow_reader(65_536)
    with engine.begin() as connection:
        copy_in(connection, "ops.campaign_arm", rows)


_DRAWN = """
WITH held AS (
  SELECT standing.customer_id, CASE WHEN standing.is_held_out THEN 'held_out' ELSE 'open' END AS arm
  FROM campaign.standing CROSS JOIN ask.question
  WHERE question.held_out_below > '0000000000000'
),
drawn AS (
  SELECT DISTINCT named.campaign_id, unit.person_id, CASE WHEN named.is_by_household THEN unit.household_id END AS household_id, considered.cell
  FROM night.considered
  JOIN night.named ON named.number = considered.number
  JOIN campaign.unit ON unit.customer_id = considered.customer_id
  WHERE considered.excluded_by IS NULL AND considered.step IS NULL
),
met AS (
  SELECT drawn.campaign_id, unit.record_hash, unit.person_id, drawn.cell FROM drawn JOIN campaign.unit ON unit.person_id = drawn.person_id
  UNION
  SELECT drawn.campaign_id, unit.record_hash, unit.person_id, drawn.cell FROM drawn JOIN campaign.unit ON unit.household_id = drawn.household_id
)
SELECT '{all}' AS campaign_id, unit.record_hash, held.arm
FROM held JOIN campaign.unit ON unit.customer_id = held.customer_id
ANTI JOIN ask.arm AS a ON a.campaign_id = '{all}' AND a.record_hash = unit.record_hash
UNION ALL
SELECT met.campaign_id, met.record_hash, COALESCE(MIN(k.arm), MIN(met.cell))
FROM met LEFT JOIN campaign.arm AS k ON k.campaign_id = met.campaign_id AND k.person_id = met.person_id
ANTI JOIN ask.arm AS a ON a.campaign_id = met.campaign_id AND a.record_hash = met.record_hash
GROUP BY met.campaign_id, met.record_hash
"""


def keep_arms(session: Session, connection: Connection, now: dt.datetime) -> None:
    """Keep arms that were drawn for the first time: of the global control, and of all who were considered.

    What is kept already stays as it is.

    Args:
        session: after ``decide.decide``.
        connection: within the transaction that stores the lists; killed before its end, nothing of the draw is kept, and
            the next one draws the same.
        now: the moment of drawing.
    """
    rows = session.duck.sql(
        f"SELECT campaign_id, record_hash, arm, ?::TIMESTAMPTZ AS drawn_at FROM ({_DRAWN.format(all=ALL_CAMPAIGNS)})",
        params=[now],
    ).to_arrow_reader(65_536)
    # Lists are made one night at a time, so nobody else has kept any of them since they were read.
    copy_in(connection, "ops.campaign_arm", rows)
