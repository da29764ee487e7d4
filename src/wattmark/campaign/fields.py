"""What may stand on a list: published columns, and personal data where its channel needs it."""

from __future__ import annotations

from wattmark.campaign.audience import Checker, Refused
from wattmark.campaign.definition import CampaignFile, ChannelName

ADDRESS_COLUMNS: dict[ChannelName, tuple[str, ...]] = {
    "post": ("name", "postal_address", "postcode"),
    "sms": ("mobile",),
    "phone": ("name", "phone"),
    "email": ("email",),
    "app": (),
    "visit": ("name", "contact_name", "phone", "postal_address"),
}
"""Personal columns that a list of a channel always has, since nobody is reached without them."""

PERSONAL: dict[str, frozenset[ChannelName]] = {
    "name": frozenset({"post", "sms", "phone", "email", "app", "visit"}),
    "contact_name": frozenset({"post", "phone", "email", "visit"}),
    "language": frozenset({"post", "sms", "phone", "email", "app", "visit"}),
}
"""Personal columns that ``personalise`` may add as ``contact.<column>``, and on which channels. Identity, tax
and bank numbers and birthdays are on no list."""

IDENTIFIERS = ("customer.customer_id", "account.account_id")


def published_fields(file: CampaignFile) -> dict[str, str]:
    """Published columns a list shows: its column name to ``relation.column``."""
    return {
        name.replace(".", "_"): name
        for name in file.campaign.personalise
        if not name.startswith("contact.") and name not in IDENTIFIERS
    }


def personal_fields(file: CampaignFile, channel: ChannelName) -> list[str]:
    """Personal columns of a channel's list, in order."""
    asked = [name.partition(".")[2] for name in file.campaign.personalise if name.startswith("contact.")]
    return list(dict.fromkeys((*ADDRESS_COLUMNS[channel], *asked)))


def check_fields(file: CampaignFile, checker: Checker) -> None:
    """Check each field of ``personalise`` for every channel of the campaign.

    Raises:
        CampaignError: a field is not published, or not allowed on one of the channels.
    """
    for at, name in enumerate(file.campaign.personalise):
        keys: list[str | int] = ["personalise", at]
        if name.startswith("contact."):
            column = name.partition(".")[2]
            if column not in PERSONAL:
                raise file.error(
                    "campaign.field",
                    keys,
                    f"{name} may stand on no list.",
                    f"It may be: {', '.join(PERSONAL)}.",
                )
            for channel in file.campaign.channels:
                if channel.channel not in PERSONAL[column]:
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
