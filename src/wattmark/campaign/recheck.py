"""Who on a list may not be contacted any more, asked when it leaves; and when it may still be sent."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, text

from wattmark.campaign.decide import asks_for_of, may_send
from wattmark.campaign.file_parts import DATED_EVENTS
from wattmark.campaign.people import COMPUTED, ask, compute, empty, give
from wattmark.campaign.state import fetch
from wattmark.engine.session import Session

_NARROWED = ("source.customer", "known.consent")
"""Tables with a million rows that are asked of a list's people alone."""


def refused_now(session: Session, engine: Engine, row: dict[str, Any], now: dt.datetime) -> pa.Table:
    """Members of a list that nobody may contact any more: customer_id, account_id, reason.

    Args:
        session: on the newest data; what it has seen of customers before is replaced by a part.
        engine: the warehouse.
        row: of ``ops.campaign_run``.
        now: the moment that is asked about.
    """
    know(session, now)
    for name in session.contract.tables:
        session.forget(f"known.{name}")
    listed = fetch(
        engine,
        "SELECT customer_id, account_id, channel FROM ops.campaign_member "
        "WHERE campaign_run_id = $1 AND outcome = 'listed' AND NOT is_seed",
        [row["campaign_run_id"]],
        empty("ask.listed"),
    )
    session.give("ask.listed", listed)
    asked = sorted(set(listed.column("channel").to_pylist()))
    ask(session, engine, asked)
    _narrow(session)
    compute(session, COMPUTED)
    definition = row["definition"]
    give(
        session,
        "ask.campaign",
        [{"asks_for": asks_for_of(definition["purpose"], definition["exclude"])}],
    )
    give(session, "ask.rule_off", [{"rule": rule} for rule in sorted(definition["exclude"])])
    return session.query(
        "SELECT refused.customer_id, refused.account_id, refused.reason FROM campaign.refused ORDER BY refused.customer_id, refused.account_id"
    ).read_all()


_STALE = """
SELECT listed_event.customer_id, listed_event.account_id,
       CASE WHEN listed_event.send_by < COALESCE(listed_event.moved_to, listed_event.send_on) THEN 'too_late' ELSE 'cancelled' END AS reason
FROM ask.listed_event
WHERE listed_event.send_by < COALESCE(listed_event.moved_to, listed_event.send_on)
   OR listed_event.is_outage AND NOT EXISTS (
     SELECT 1 FROM known.planned_outage WHERE planned_outage.status = 'planned'
       AND CONCAT(STRFTIME(planned_outage.starts_at, '%Y-%m-%dT%H:%M'), ' ', planned_outage.outage_id) = listed_event.occasion_id)
ORDER BY 1, 2
"""


def stale_now(
    session: Session, engine: Engine, row: dict[str, Any], moved: Mapping[str, dt.date]
) -> pa.Table:
    """Members of a list whom it is too late to tell what happens, or to whom it does not happen any more: customer_id,
    account_id, reason (``too_late`` or ``cancelled``).

    Args:
        session: on the newest data.
        engine: the warehouse.
        row: of ``ops.campaign_run``.
        moved: new days of sending, by channel.
    """
    kinds = {event["kind"] for event in row["definition"]["schedule"]["events"]}
    like = empty("ask.listed_event")
    if not kinds & set(DATED_EVENTS):
        return like.select(["customer_id", "account_id"]).append_column("reason", pa.array([], pa.string()))
    listed = fetch(
        engine,
        "SELECT customer_id, account_id, send_on, CAST($2::jsonb->>channel AS date) AS moved_to, fields->>'occasion_id' AS occasion_id, "
        "CAST(fields->>'send_by' AS date) AS send_by, "
        # A notice that takes another one back speaks of what is off.
        "COALESCE(fields->>'occasion' = 'outage_planned', FALSE) AND NOT $3::jsonb @> jsonb_build_array(jsonb_build_object('step', cell)) "
        "AS is_outage FROM ops.campaign_member WHERE campaign_run_id = $1 AND outcome = 'listed' AND NOT is_seed",
        [
            row["campaign_run_id"],
            json.dumps({channel: day.isoformat() for channel, day in moved.items()}),
            json.dumps(row["definition"].get("steps", [])),
        ],
        like,
    )
    session.give("ask.listed_event", listed)
    session.see(["known.planned_outage"])
    return session.duck.sql(_STALE).to_arrow_table()


def know(session: Session, now: dt.datetime | None) -> None:
    """Let a session's layer ``known`` speak of what is known at a moment, and never of less than its own date."""
    if now is not None:
        session.known_on = max(session.run.as_of, now.astimezone(session.settings.zone).date())


def _narrow(session: Session) -> None:
    """Leave of customers those of the list, other records of them, and whoever said what may concern their addresses."""
    for name in _NARROWED:
        session.forget(name)
    session.see([*_NARROWED, "known.campaign_event"])
    wanted = session.duck.sql(
        """SELECT customer_id FROM ask.listed
        UNION SELECT o.customer_id FROM ask.listed AS l JOIN ask.person AS p ON p.customer_id = l.customer_id
          JOIN ask.person AS o ON o.person_id = p.person_id
        UNION SELECT customer_id FROM known.campaign_event
          WHERE kind IN ('unsubscribed', 'complained', 'bounced')"""
    ).to_arrow_table()
    session.give("night.wanted", wanted)
    for name in _NARROWED:
        part = session.duck.sql(
            f"SELECT t.* FROM {name} AS t SEMI JOIN night.wanted AS w ON w.customer_id = t.customer_id"
        )
        session.give(name, part.to_arrow_table())


def moved_days(session: Session, engine: Engine, row: dict[str, Any], now: dt.datetime) -> dict[str, dt.date]:
    """Channels of a list whose day or hours of sending have passed, with the next day on which it may be sent.

    Of a campaign with waves the day also has room for all of the list beside what other lists of the campaign send on it.

    Raises:
        CampaignError: the calendar has no such day.
    """
    local = now.astimezone(session.settings.zone)
    campaign = {channel["channel"]: channel for channel in row["definition"]["channels"]}
    found = {}
    for sending in row["definition"]["sendings"]:
        planned = dt.date.fromisoformat(sending["send_on"])
        if (planned, sending["until_hour"]) > (local.date(), local.hour):
            continue
        channel, first = sending["channel"], planned
        while True:
            day = may_send(session, channel, campaign[channel]["days"], first, local, sending["until_hour"])
            if "wave" not in row["definition"] or _fits(engine, row, channel, campaign[channel], day):
                break
            first = day + dt.timedelta(days=1)
        found[channel] = day
    return found


_ON_A_DAY = text("""
SELECT COUNT(*) FILTER (WHERE campaign_member.campaign_run_id = :name), COUNT(*) FILTER (WHERE campaign_member.campaign_run_id <> :name
         AND COALESCE(CAST(campaign_run.moved->>campaign_member.channel AS date), campaign_member.send_on) = :day)
FROM ops.campaign_member JOIN ops.campaign_run ON campaign_run.campaign_run_id = campaign_member.campaign_run_id
WHERE campaign_run.campaign_id = :campaign AND campaign_member.channel = :channel AND campaign_member.outcome = 'listed' AND NOT campaign_member.is_seed
  AND (campaign_run.released_at IS NOT NULL OR campaign_run.state IN ('listed', 'awaiting_approval', 'releasing')) AND campaign_run.as_of >= :from_on
  AND NOT EXISTS (SELECT 1 FROM ops.campaign_drop WHERE campaign_drop.campaign_run_id = campaign_member.campaign_run_id AND campaign_drop.customer_id = campaign_member.customer_id
                  AND campaign_drop.account_id = campaign_member.account_id)
""")


def _fits(
    engine: Engine, row: dict[str, Any], channel: str, declared: Mapping[str, Any], day: dt.date
) -> bool:
    """Whether all of a list goes out on a day beside the campaign's other lists, by the campaign's own daily limit."""
    limit = declared["daily_limit"]
    if not limit:
        return True
    values = {
        "name": row["campaign_run_id"], "campaign": row["campaign_id"], "channel": channel, "day": day,
        "from_on": row["as_of"] - dt.timedelta(days=60),
    }  # fmt: skip
    with engine.connect() as connection:
        own, others = connection.execute(_ON_A_DAY, values).one()
    # What is more than a day carries goes out on a day of its own.
    return bool(others == 0 or own + others <= limit)
