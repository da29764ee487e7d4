"""What may stand on a list: published columns, and personal data where its channel needs it."""

from __future__ import annotations

from wattmark.campaign.audience import Checker, Refused
from wattmark.campaign.definition import CampaignFile
from wattmark.channels import CONTACT_COLUMNS, channels

IDENTIFIERS = ("customer.customer_id", "account.account_id")


def published_fields(file: CampaignFile) -> dict[str, str]:
    """Published columns a list shows: its column name to ``relation.column``."""
    return {
        name.replace(".", "_"): name
        for name in file.campaign.personalise
        if not name.startswith("contact.") and name not in IDENTIFIERS
    }


def personal_fields(file: CampaignFile, channel: str) -> list[str]:
    """Personal columns of a channel's list, in order."""
    asked = [name.partition(".")[2] for name in file.campaign.personalise if name.startswith("contact.")]
    return list(dict.fromkeys((*channels()[channel].shows, *asked)))


def check_fields(file: CampaignFile, checker: Checker) -> None:
    """Check each field of ``personalise`` for every channel of the campaign.

    Raises:
        CampaignError: a field is not published, or not allowed on one of the channels.
    """
    for at, name in enumerate(file.campaign.personalise):
        keys: list[str | int] = ["personalise", at]
        if name.startswith("contact."):
            column = name.partition(".")[2]
            personal = {allowed for kind in channels().values() for allowed in kind.may_show}
            if column not in personal:
                raise file.error(
                    "campaign.field",
                    keys,
                    f"{name} may stand on no list.",
                    f"It may be: {', '.join(other for other in CONTACT_COLUMNS if other in personal)}.",
                )
            for channel in file.campaign.channels:
                if column not in channels()[channel.channel].may_show:
                    raise file.error(
                        "campaign.field", keys, f"{name} may not stand on a list for {channel.channel}."
                    )
            continue
        try:
            checker.column(name)
        except Refused as why:
            raise file.error(
                "campaign.field", keys, f"{why}.", "docs/campaigns.md lists what is published."
            ) from None
