"""Puts the sample utility's past list into a home's warehouse, as the release of a campaign would have left it."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
from sqlalchemy import Engine, text

from wattmark.campaign.decide import Planned, Sending
from wattmark.campaign.definition import CampaignFile, load_campaigns
from wattmark.campaign.files import digest_of
from wattmark.campaign.keys import known_key
from wattmark.campaign.noted import insert_run, run_name
from wattmark.campaign.state import copy_in
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark_sample.history import PAST_CAMPAIGN, PastList

NOTE = "of the sample utility's past; its files were never kept here"


def put_past_list(settings: Settings, engine: Engine, past: PastList) -> bool:
    """Note the past list as released the morning after its date; False where it is there already.

    Args:
        settings: of the home.
        engine: the warehouse, with schema ``ops``.
        past: whom it contacted and held back.
    """
    name = run_name(PAST_CAMPAIGN, past.as_of)
    with engine.connect() as connection:
        if connection.execute(
            text("SELECT 1 FROM ops.campaign_run WHERE campaign_run_id = :name"), {"name": name}
        ).scalar():
            return False
    # A list in ops without a key would be one whose key was lost.
    known_key(settings.home, engine)
    with engine.begin() as connection:
        file = next(
            candidate for candidate in load_campaigns(settings) if candidate.campaign.id == PAST_CAMPAIGN
        )
        sendings = tuple(
            _sending(settings, file, past, channel.channel) for channel in file.campaign.channels
        )
        cost = {sending.channel: sending.cost_amount for sending in sendings}
        control = [member for member in past.members if member["cell"] == "control"]
        listed = [member for member in past.members if member["cell"] != "control"]
        moment = dt.datetime.combine(past.as_of + dt.timedelta(days=1), dt.time(8), tzinfo=settings.zone)
        run = Run.of(past.as_of, settings.utility.time_zone)
        counts = {"listed": len(listed), "control": len(control)}
        paid = sum(cost[member["channel"]] for member in listed)
        insert_run(connection, run, Planned(0, file, sendings, {}), counts, paid, moment, note=NOTE)
        rows = [
            {
                "campaign_run_id": name,
                "customer_id": member["customer_id"],
                "account_id": "",
                "outcome": "control" if member["cell"] == "control" else "listed",
                "channel": member["channel"],
                "cell": member["cell"],
                "priority": file.campaign.limits.priority,
                "send_on": past.send_on,
                "is_seed": False,
            }
            for member in past.members
        ]
        if rows:
            copy_in(connection, "ops.campaign_member", pa.Table.from_pylist(rows))
        connection.execute(
            text(
                "UPDATE ops.campaign_run SET state = 'released', approved_by = :who, approved_at = :at, released_at = :at, "
                "list_sha256 = :digest, approved_list_sha256 = :digest WHERE campaign_run_id = :name"
            ),
            {"who": file.campaign.approval.by[0], "at": moment, "digest": digest_of(name, []), "name": name},
        )
    return True


def _sending(settings: Settings, file: CampaignFile, past: PastList, channel: str) -> Sending:
    usual = settings.campaigns.channels[channel]
    return Sending(channel, past.send_on, usual.from_hour, usual.until_hour, usual.cost_amount, None)
