"""Who follows an earlier list of a campaign: the steps that are due to those it contacted, and the next wave of those whom
a channel's daily limit left over.

A step or a wave is a list like any other: decided by what is known tonight, approved, and asked again when it leaves.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field

import pyarrow as pa
from sqlalchemy import Engine, text

from wattmark.campaign.definition import Campaign, CampaignFile
from wattmark.campaign.people import empty, give, text_of
from wattmark.campaign.state import fetch
from wattmark.contract.types import schema_of
from wattmark.engine.session import Session
from wattmark.run import Run

_LOOK_BACK_DAYS = 60
"""Days in which a next wave follows the one before."""

_CONTACTED = """
SELECT customer_id, account_id, as_of, step, send_on, product_code, occasion_id, occurs_on, fields FROM (
  SELECT campaign_member.customer_id, campaign_member.account_id, campaign_run.as_of,
         CASE WHEN campaign_run.definition->'steps' @> jsonb_build_array(jsonb_build_object('step', campaign_member.cell)) THEN campaign_member.cell ELSE '' END AS step,
         COALESCE(CAST(campaign_run.moved->>campaign_member.channel AS date), campaign_member.send_on) AS send_on, campaign_member.fields->>'service_product_code' AS product_code,
         campaign_member.fields->>'occasion_id' AS occasion_id, CAST(campaign_member.fields->>'occurs_on' AS date) AS occurs_on, CAST(campaign_member.fields AS text) AS fields,
         ROW_NUMBER() OVER (PARTITION BY campaign_run.as_of, campaign_member.customer_id, campaign_member.account_id ORDER BY campaign_run.version DESC) AS place
  FROM ops.campaign_member JOIN ops.campaign_run ON campaign_run.campaign_run_id = campaign_member.campaign_run_id
  WHERE campaign_run.campaign_id = $1 AND campaign_run.as_of < $2 AND campaign_run.as_of >= $3 AND campaign_run.released_at IS NOT NULL AND campaign_member.outcome = 'listed' AND NOT campaign_member.is_seed
    AND NOT EXISTS (SELECT 1 FROM ops.campaign_drop WHERE campaign_drop.campaign_run_id = campaign_member.campaign_run_id
                    AND campaign_drop.customer_id = campaign_member.customer_id AND campaign_drop.account_id = campaign_member.account_id)
) AS contacted WHERE place = 1
"""
_SERIES = """
SELECT campaign_run_id, as_of, state, listed - dropped AS listed, CAST(cost_amount AS double precision) AS cost_amount,
       CAST(definition->>'wave' AS bigint) AS wave, CAST(definition->>'audience_on' AS date) AS audience_on,
       COALESCE(CAST(definition->>'step_listed' AS bigint), 0) AS step_listed
FROM ops.campaign_run WHERE campaign_id = :campaign AND as_of < :as_of AND as_of >= :from_on AND definition ? 'wave'
ORDER BY as_of DESC, version DESC
"""
_TOLD = """
SELECT customer_id, account_id, occasion_id FROM (
  SELECT DISTINCT ON (campaign_member.customer_id, campaign_member.account_id, campaign_member.fields->>'occasion_id') campaign_member.customer_id, campaign_member.account_id,
         campaign_member.fields->>'occasion_id' AS occasion_id,
         campaign_run.definition->'steps' @> jsonb_build_array(jsonb_build_object('step', campaign_member.cell, 'to', 'taken_back')) AS is_taken_back
  FROM ops.campaign_member JOIN ops.campaign_run ON campaign_run.campaign_run_id = campaign_member.campaign_run_id
  WHERE campaign_run.campaign_id = $1 AND campaign_run.as_of < $2 AND campaign_run.as_of >= $3 AND campaign_member.outcome = 'listed' AND NOT campaign_member.is_seed
    AND (campaign_run.released_at IS NOT NULL OR campaign_run.state IN ('listed', 'awaiting_approval', 'releasing'))
    AND campaign_member.fields->>'occasion_id' IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM ops.campaign_drop WHERE campaign_drop.campaign_run_id = campaign_member.campaign_run_id
                    AND campaign_drop.customer_id = campaign_member.customer_id AND campaign_drop.account_id = campaign_member.account_id)
  ORDER BY campaign_member.customer_id, campaign_member.account_id, campaign_member.fields->>'occasion_id', campaign_run.as_of DESC, campaign_run.version DESC
) AS told WHERE NOT COALESCE(is_taken_back, FALSE)
"""
_TOLD_DAYS = 100
"""Days in which an event may still be due that was told once."""
_MEMBER = schema_of({"customer_id": "string", "account_id": "string"})
_STEP_MEMBER = schema_of(
    {"customer_id": "string", "account_id": "string", "step": "string", "fields": "string"}
)


@dataclass(frozen=True)
class Wave:
    """Which wave of a list a night makes, and what the earlier ones took of its size and money."""

    number: int = 1
    audience_on: dt.date | None = None
    """Date of the first; None for a list that is the first itself."""
    listed: int = 0
    cost_amount: float = 0.0
    members: pa.Table = field(default_factory=_MEMBER.empty_table)
    """Whom the wave before left over: customer_id, account_id."""


@dataclass(frozen=True)
class Carried:
    """What follows earlier lists of a campaign tonight."""

    wave: Wave = Wave()
    steps: pa.Table = field(default_factory=_STEP_MEMBER.empty_table)
    """Members that a step is due to: customer_id, account_id, step, and the fields of their contact as JSON."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing follows."""
        return not len(self.wave.members) and not len(self.steps)


def may_follow(file: CampaignFile, day: dt.date) -> bool:
    """Whether a night of a date may make a step or a wave of a campaign."""
    campaign = file.campaign
    return campaign.valid_from <= day <= campaign.valid_to and (
        bool(campaign.steps) or campaign.limits.waves > 1
    )


def carry(session: Session, engine: Engine | None, file: CampaignFile, *, is_due: bool) -> Carried:
    """Find what follows earlier lists of a campaign.

    Args:
        session: of the night, after ``people.look_at_people``.
        engine: the warehouse; None knows of no earlier list.
        file: the campaign.
        is_due: its whole audience is looked at tonight, so that whoever was left over is looked at anyhow.
    """
    campaign = file.campaign
    if engine is None or campaign.audience.grain == "area":
        return Carried()
    wave = Wave() if is_due or campaign.limits.waves == 1 else _wave(engine, campaign, session.run)
    steps = _steps(session, engine, campaign) if campaign.steps else _STEP_MEMBER.empty_table()
    return Carried(wave, steps)


def _wave(engine: Engine, campaign: Campaign, run: Run) -> Wave:
    with engine.connect() as connection:
        rows = connection.execute(
            text(_SERIES),
            {"campaign": campaign.id, "as_of": run.as_of, "from_on": run.as_of - dt.timedelta(days=_LOOK_BACK_DAYS)},
        ).mappings()  # fmt: skip
        lists = [dict(row) for row in rows]
    if not lists:
        return Wave()
    newest = lists[0]
    series = [past for past in lists if past["audience_on"] == newest["audience_on"]]
    # Who said no to one of them, or did not answer, said it to what would follow.
    if newest["wave"] >= campaign.limits.waves or any(past["state"] == "refused" for past in series):
        return Wave()
    members = fetch(
        engine,
        "SELECT customer_id, account_id FROM ops.campaign_member WHERE campaign_run_id = $1 AND outcome = 'over_limit'",
        [newest["campaign_run_id"]],
        _MEMBER.empty_table(),
    )
    standing = {past["as_of"]: past for past in reversed(series)}.values()
    return Wave(
        newest["wave"] + 1,
        newest["audience_on"],
        sum(max(past["listed"] - past["step_listed"], 0) for past in standing),
        sum(past["cost_amount"] for past in standing),
        members,
    )


def give_contacted(session: Session, engine: Engine, campaign: Campaign, days: int) -> None:
    """Give ``ask.contacted``, whom released lists of a campaign contacted in so many days before the night's date."""
    as_of = session.run.as_of
    session.give(
        "ask.contacted",
        fetch(
            engine,
            _CONTACTED,
            [campaign.id, as_of, as_of - dt.timedelta(days=days)],
            empty("ask.contacted"),
        ),
    )


def give_told(session: Session, engine: Engine | None, campaign: Campaign) -> None:
    """Give ``ask.told``: which outages and calls a campaign has told whom of, by lists that left or may leave yet.

    What was taken back since is not told: planned again, it is told again.
    """
    as_of = session.run.as_of
    told = empty("ask.told")
    if engine is not None:
        told = fetch(engine, _TOLD, [campaign.id, as_of, as_of - dt.timedelta(days=_TOLD_DAYS)], told)
    session.give("ask.told", told)


def _steps(session: Session, engine: Engine, campaign: Campaign) -> pa.Table:
    longest = max(step.after_days + step.for_days for step in campaign.steps)
    # A contact goes out some days after its list, and an answer comes within the days of success.
    give_contacted(session, engine, campaign, longest + campaign.success.within_days + 31)
    give(
        session,
        "ask.step",
        [
            {
                "step": step.step,
                "position": at,
                "answer": step.to,
                "after_days": step.after_days,
                "for_days": step.for_days,
            }
            for at, step in enumerate(campaign.steps)
        ],
    )
    success = campaign.success
    give(
        session,
        "ask.success",
        [
            {
                "campaign_id": campaign.id,
                "success_event": success.event,
                "products": ",".join(success.products),
                "within_days": success.within_days,
            }
        ],
    )
    session.forget("campaign.step_due")
    query = text_of(session, "campaign.step_due")
    return session.duck.sql(
        f"SELECT customer_id, account_id, step, fields FROM ({query}) ORDER BY customer_id, account_id"
    ).to_arrow_table()


def kept_fields(fields: str | None, step: str, campaign: Campaign) -> str:
    """What a step says as its contact did: the service that was offered, and all of what is taken back.

    Everything else is said as it is tonight.
    """
    said = json.loads(fields) if fields else {}
    takes_back = any(declared.step == step and declared.to == "taken_back" for declared in campaign.steps)
    kept = {
        name: value
        for name, value in said.items()
        if value is not None
        and (takes_back or name.startswith("service_") or name in ("occasion", "occasion_id", "occurs_on"))
    }
    return json.dumps(kept, ensure_ascii=False)
