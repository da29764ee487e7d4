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
  SELECT r.campaign_id, m.customer_id, CASE WHEN m.outcome = 'control' THEN 'control' ELSE m.cell END AS arm,
         CAST(r.as_of AS timestamptz) AS drawn_at
  FROM ops.campaign_member m JOIN ops.campaign_run r ON r.campaign_run_id = m.campaign_run_id
  WHERE m.cell IS NOT NULL AND m.outcome <> 'excluded' AND NOT m.is_seed
  UNION ALL
  SELECT $1, m.customer_id, CASE WHEN m.excluded_by = 'held_out' THEN 'held_out' ELSE 'open' END, CAST(r.as_of AS timestamptz)
  FROM ops.campaign_member m JOIN ops.campaign_run r ON r.campaign_run_id = m.campaign_run_id
  WHERE NOT m.is_seed AND (m.excluded_by = 'held_out' OR m.outcome <> 'excluded' AND NOT (r.definition -> 'exclude') ? 'held_out')
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
  SELECT s.customer_id, CASE WHEN s.is_held_out THEN 'held_out' ELSE 'open' END AS arm
  FROM campaign.standing AS s CROSS JOIN ask.question AS q
  WHERE q.held_out_below > '0000000000000'
),
drawn AS (
  SELECT DISTINCT n.campaign_id, u.person_id, CASE WHEN n.is_by_household THEN u.household_id END AS household_id, c.cell
  FROM night.considered AS c
  JOIN night.named AS n ON n.number = c.number
  JOIN campaign.unit AS u ON u.customer_id = c.customer_id
  WHERE c.excluded_by IS NULL
),
met AS (
  SELECT d.campaign_id, u.record_hash, u.person_id, d.cell FROM drawn AS d JOIN campaign.unit AS u ON u.person_id = d.person_id
  UNION
  SELECT d.campaign_id, u.record_hash, u.person_id, d.cell FROM drawn AS d JOIN campaign.unit AS u ON u.household_id = d.household_id
)
SELECT '{all}' AS campaign_id, u.record_hash, h.arm
FROM held AS h JOIN campaign.unit AS u ON u.customer_id = h.customer_id
ANTI JOIN ask.arm AS a ON a.campaign_id = '{all}' AND a.record_hash = u.record_hash
UNION ALL
SELECT m.campaign_id, m.record_hash, COALESCE(MIN(k.arm), MIN(m.cell))
FROM met AS m LEFT JOIN campaign.arm AS k ON k.campaign_id = m.campaign_id AND k.person_id = m.person_id
ANTI JOIN ask.arm AS a ON a.campaign_id = m.campaign_id AND a.record_hash = m.record_hash
GROUP BY m.campaign_id, m.record_hash
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
