"""What campaigns plan to send in the next weeks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table

WEEKS_AHEAD = 8
CENT = Decimal("0.01")


@python_table(
    "mart.campaign_calendar",
    key=("campaign_id", "night", "channel"),
    settings=("campaigns",),
    files=("include/campaigns", "campaigns"),
    columns={
        "campaign_id": "string",
        "night": "date",
        "channel": "string",
        "send_on": "date",
        "purpose": "string",
        "priority": "integer",
        "trigger": "string",
        "size": "integer",
        "budget_amount": "decimal",
    },
    needs=("core.calendar",),
    grain="one row per campaign, night on which it is due within eight weeks, and channel",
    purpose="What goes out in the next weeks.",
    docs={
        "campaign_id": "The campaign.",
        "channel": "Channel of the contact.",
        "purpose": "What consent is asked for.",
        "priority": "Priority among campaigns; 1 comes first.",
        "budget_amount": "Most that the list may cost; empty where there is no limit.",
        "night": "Date of the night that makes the list.",
        "send_on": "First day after it on which the channel may be used.",
        "trigger": "date, cron or event; events look for customers each night and may find none.",
        "size": "Most contacts; empty where there is no limit.",
    },
)
def campaign_calendar(context: TableContext) -> Rows:
    """Due nights of all valid campaigns from the night's date on."""
    from wattmark.campaign.definition import load_campaigns
    from wattmark.campaign_settings import ChannelSettings

    days = context.query(
        "SELECT day, is_working_day, is_holiday FROM core.calendar WHERE day > $as_of ORDER BY day"
    ).to_pylist()
    allowed = {
        "every_day": [row["day"] for row in days],
        "no_holidays": [row["day"] for row in days if not row["is_holiday"]],
        "working_days": [row["day"] for row in days if row["is_working_day"]],
    }
    rows = []
    for file in load_campaigns(context.settings):
        campaign = file.campaign
        trigger = "event" if campaign.schedule.events else "cron" if campaign.schedule.cron else "date"
        for ahead in range(7 * WEEKS_AHEAD):
            night = context.run.as_of + dt.timedelta(days=ahead)
            if not campaign.is_due(night):
                continue
            for channel in campaign.channels:
                usual = context.settings.campaigns.channels.get(
                    channel.channel
                ) or ChannelSettings.model_validate({})
                send_on = next((day for day in allowed[channel.days or usual.days] if day > night), None)
                rows.append(
                    {
                        "campaign_id": campaign.id,
                        "night": night,
                        "channel": channel.channel,
                        "send_on": send_on,
                        "purpose": campaign.purpose,
                        "priority": campaign.limits.priority,
                        "trigger": trigger,
                        "size": campaign.limits.size,
                        "budget_amount": None
                        if campaign.limits.budget_amount is None
                        else Decimal(str(campaign.limits.budget_amount)).quantize(CENT),
                    }
                )
    return rows
