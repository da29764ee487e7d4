"""Suppressions that a person asks for, beside those that follow from events (``people.feedback_suppressions``)."""

from __future__ import annotations

import datetime as dt
import hashlib

from sqlalchemy import Engine

from wattmark.campaign.keys import known_key
from wattmark.campaign.people import RECORD
from wattmark.campaign.state import keep_suppression
from wattmark.settings import Settings

SEPARATOR = chr(31)


def record_hash(key: str, customer_id: str) -> str:
    """The keyed hash under which schema ``ops`` knows a customer's record, as opposed to an address.

    Args:
        key: of the home, ``keys.known_key``.
        customer_id: the customer.
    """
    said = SEPARATOR.join((key, RECORD, customer_id))
    return hashlib.sha256(said.encode()).hexdigest()


def suppress_customer(
    settings: Settings, engine: Engine, customer_id: str, reason: str, since: dt.date
) -> None:
    """Suppress a customer on all channels, for good; the reason ``deceased`` marks the record as known dead.

    Raises:
        CampaignError: the key is not the one that ``ops`` knows.
    """
    hashed = record_hash(known_key(settings.home, engine), customer_id)
    with engine.begin() as connection:
        keep_suppression(connection, RECORD, hashed, reason, since)
