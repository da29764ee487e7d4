"""A campaign held against what is published: its conditions, its fields, its value column."""

from __future__ import annotations

from wattmark.campaign.audience import Checker, Refused, dry_run, relations
from wattmark.campaign.definition import CampaignFile
from wattmark.campaign.fields import check_fields
from wattmark.campaign.letters import font_path
from wattmark.campaign.wording import problems_of
from wattmark.errors import together
from wattmark.settings import Settings


def check(file: CampaignFile, settings: Settings) -> None:
    """Check the condition, the fields and the value column of a campaign, types included.

    Raises:
        CampaignError: with file, line and key.
    """
    known = relations(settings.include)
    campaign = file.campaign
    checker = Checker(known, campaign.audience.grain)
    for key, text in (("where", campaign.audience.where), ("of", campaign.audience.of)):
        if text is None:
            continue
        try:
            asked = checker.condition(text)
            dry_run(known, campaign.audience.grain, asked)
        except Refused as why:
            raise file.error(
                "campaign.condition",
                ["audience", key],
                f"{why}.",
                "docs/campaigns.md lists what may be asked.",
            ) from None
    check_fields(file, checker)
    found = [
        file.error(
            "campaign.message",
            ["messages", *problem.keys],
            f"{problem.said}.",
            "docs/campaigns.md says what a message may hold.",
        )
        for problem in problems_of(file, settings)
    ]
    if found:
        raise together(found)
    if campaign.messages and any(channel.channel == "post" for channel in campaign.channels):
        font_path(settings.campaigns.messages.letters)
    if campaign.success.value_column is not None:
        try:
            kind = checker.column(campaign.success.value_column)
        except Refused as why:
            raise file.error("campaign.field", ["success", "value_column"], f"{why}.") from None
        if kind not in ("decimal", "double", "integer"):
            raise file.error(
                "campaign.field",
                ["success", "value_column"],
                f"{campaign.success.value_column} is no number.",
            )
