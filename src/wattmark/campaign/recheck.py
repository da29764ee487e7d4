"""Who on a list may not be contacted any more, asked when it leaves; and when it may still be sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from wattmark.campaign.decide import asks_for_of, may_send
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
        "SELECT r.customer_id, r.account_id, r.reason FROM campaign.refused AS r ORDER BY r.customer_id, r.account_id"
    ).read_all()


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


def moved_days(session: Session, row: dict[str, Any], now: dt.datetime) -> dict[str, dt.date]:
    """Channels of a list whose day or hours of sending have passed, with the next day on which it may be sent.

    Raises:
        CampaignError: the calendar has no such day.
    """
    local = now.astimezone(session.settings.zone)
    campaign = {one["channel"]: one for one in row["definition"]["channels"]}
    found = {}
    for sending in row["definition"]["sendings"]:
        planned = dt.date.fromisoformat(sending["send_on"])
        if (planned, sending["until_hour"]) > (local.date(), local.hour):
            continue
        found[sending["channel"]] = may_send(
            session,
            sending["channel"],
            campaign[sending["channel"]]["days"],
            planned,
            local,
            sending["until_hour"],
        )
    return found
