"""Area mailings without names: where those who are wanted live close together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, Engine

from wattmark.campaign.audience import Checker, asked_relations, prepare, relations, select_members, text_of
from wattmark.campaign.channel_list import harmless
from wattmark.campaign.decide import MONEY, Planned
from wattmark.campaign.files import write_list
from wattmark.campaign.noted import insert_run
from wattmark.campaign.people import draw_below
from wattmark.campaign.sheets import Look
from wattmark.campaign.state import copy_in, fetch
from wattmark.engine.session import Session
from wattmark.errors import WattmarkError
from wattmark.run import Run

_AREAS = """
CREATE OR REPLACE TABLE night.area AS
WITH place AS (
  SELECT p.customer_id, c.region_code, c.postcode, p.household_id
  FROM campaign.standing AS p
  JOIN source.customer AS c ON c.customer_id = p.customer_id
  JOIN night.area_base AS b ON b.customer_id = p.customer_id
  WHERE c.region_code IS NOT NULL AND c.postcode IS NOT NULL AND c.postal_address IS NOT NULL AND NOT p.is_closed
),
counted AS (
  SELECT p.region_code, p.postcode, COUNT(DISTINCT p.household_id) AS addresses,
         CAST(COUNT(w.customer_id) AS DOUBLE) / NULLIF(COUNT(*), 0) AS wanted_share,
         -- Whole millionths, so that the order of rows decides nothing.
         CAST(SUM(CASE WHEN w.customer_id IS NOT NULL THEN l.millionths END) AS DOUBLE) / NULLIF(COUNT(*), 0) / 1000000
           AS expected_share
  FROM place AS p LEFT JOIN night.area_wanted AS w ON w.customer_id = p.customer_id
  LEFT JOIN night.area_like AS l ON l.customer_id = p.customer_id
  GROUP BY p.region_code, p.postcode
)
SELECT c.region_code, c.postcode, c.addresses, c.wanted_share, c.expected_share,
       ROW_NUMBER() OVER (ORDER BY c.expected_share DESC NULLS LAST, c.wanted_share DESC, c.addresses DESC, c.region_code, c.postcode) AS rank,
       SUBSTR(SHA256(n.key || chr(31) || 'control' || chr(31) || t.campaign_id || chr(31) || c.region_code
            || chr(31) || c.postcode), 1, 13) < t.control_below AS is_control
FROM counted AS c CROSS JOIN ask.question AS n CROSS JOIN night.area_this AS t
WHERE c.addresses >= t.smallest_area AND c.wanted_share > 0
"""
# Best areas first, as long as pieces and money last; the first area that does not fit ends the list.
_OUTCOME = """
SELECT area.region_code, area.postcode, area.addresses, area.wanted_share, area.expected_share, CAST(area.rank AS INTEGER) AS rank,
       CASE WHEN SUM(area.addresses) OVER w > t.pieces THEN 'over_limit' WHEN area.is_control THEN 'control' ELSE 'listed' END AS outcome
FROM night.area CROSS JOIN night.area_this AS t
WINDOW w AS (ORDER BY area.rank ROWS UNBOUNDED PRECEDING)
ORDER BY area.rank
"""


def decide_area(
    session: Session,
    connection: Connection,
    run: Run,
    planned: Planned,
    now: dt.datetime,
    by_hand: bool = False,
) -> dict[str, str]:
    """Decide and store the areas of one campaign; returns its problem by id where it cannot be made."""
    campaign = planned.file.campaign
    try:
        rows = areas(session, planned)
    except (WattmarkError, duckdb.Error) as error:
        return {campaign.id: str(error).split("\n")[0]}
    counts = {
        outcome: rows.column("outcome").to_pylist().count(outcome)
        for outcome in ("listed", "control", "over_limit")
    }
    listed = sum(
        addresses
        for addresses, outcome in zip(
            rows.column("addresses").to_pylist(), rows.column("outcome").to_pylist(), strict=True
        )
        if outcome == "listed"
    )
    name = insert_run(
        connection, run, planned, counts, listed * planned.sendings[0].cost_amount, now, by_hand=by_hand
    )
    copy_in(
        connection,
        "ops.campaign_area",
        rows.add_column(0, "campaign_run_id", pa.array([name] * len(rows), pa.string())),
    )
    return {}


def areas(session: Session, planned: Planned) -> pa.Table:
    """Areas of a campaign, best first: region_code, postcode, addresses, wanted_share, expected_share, rank, outcome.

    ``expected_share`` is of those who take up the service of ``audience.like``; empty where it names none, or where no
    model of it is good enough. Then areas go by ``wanted_share``.
    """
    campaign, duck = planned.file.campaign, session.duck
    known = relations(session.settings.include)
    checker = Checker(known, "area")
    values = {"as_of": session.run.as_of, "period": session.run.period}
    for table, condition in (("area_wanted", campaign.audience.where), ("area_base", campaign.audience.of)):
        asked = checker.condition(condition) if condition else None
        query = select_members(known, "area", asked, values, {}, [])
        prepare(session, asked_relations(query))
        duck.execute(f"CREATE OR REPLACE TABLE night.{table} AS {text_of(query)}")
    limits = campaign.limits
    cost = round(planned.sendings[0].cost_amount * MONEY)
    pieces = [limits.size] if limits.size is not None else []
    if limits.budget_amount is not None and cost:
        pieces.append(round(limits.budget_amount * MONEY) // cost)
    session.give(
        "night.area_this",
        pa.table(
            {
                "campaign_id": [campaign.id],
                "control_below": [draw_below(campaign.control_share)],
                "smallest_area": [limits.smallest_area],
                "pieces": pa.array([min(pieces) if pieces else 2**62], pa.int64()),
            }
        ),
    )
    session.see(["source.customer"])
    _give_likeness(session, campaign.audience.like)
    duck.execute(_AREAS)
    return duck.sql(_OUTCOME).to_arrow_table()


def _give_likeness(session: Session, product: str | None) -> None:
    """Make ``night.area_like``: of each customer the account that resembles the takers of a service most."""
    session.duck.execute("CREATE OR REPLACE TABLE night.area_like (customer_id VARCHAR, millionths BIGINT)")
    if product is None or (session.stored and not session.lake.exists("segment.lookalike")):
        return
    session.see(["segment.lookalike", "source.account"])
    session.duck.execute(
        "INSERT INTO night.area_like SELECT account.customer_id, MAX(CAST(ROUND(l.resemblance * 1000000) AS BIGINT)) "
        "FROM segment.lookalike AS l JOIN source.account ON account.account_id = l.account_id "
        "WHERE l.product_code = ? GROUP BY account.customer_id",
        [product],
    )


_LIKE = pa.schema(
    [
        (name, pa.string())
        for name in ("rank", "region_code", "postcode", "addresses", "wanted_share", "expected_share")
    ]
).empty_table()


def write_area_list(
    engine: Engine, name: str, folder: Path, form: str, recipients: Sequence[Any], look: Look
) -> dict[str, Any]:
    """Write the list of areas, best first; nobody's name is on it."""
    rows = fetch(
        engine,
        "SELECT CAST(rank AS text), region_code, postcode, CAST(addresses AS text), "
        "to_char(wanted_share, 'FM0.0000') AS wanted_share, to_char(expected_share, 'FM0.0000') AS expected_share FROM ops.campaign_area "
        "WHERE campaign_run_id = $1 AND outcome = 'listed' ORDER BY campaign_area.rank",
        [name],
        _LIKE,
    )
    if form == "csv":
        rows = harmless(rows)
    return write_list(folder, "post", rows, form, recipients, look) | {"channel": "post"}
