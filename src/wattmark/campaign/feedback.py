"""Suppressions that a person asks for, beside those that follow from events (``people.feedback_suppressions``)."""

from __future__ import annotations

import datetime as dt
import hashlib

from sqlalchemy import Engine, text

from wattmark.campaign.keys import campaign_key
from wattmark.campaign.people import RECORD
from wattmark.campaign.state import KEEP_SUPPRESSION
from wattmark.settings import Settings

SEPARATOR = chr(31)


def record_hash(settings: Settings, customer_id: str) -> str:
    """The keyed hash under which ``ops.suppression`` knows a customer, as opposed to an address."""
    said = SEPARATOR.join((campaign_key(settings.home), RECORD, customer_id))
    return hashlib.sha256(said.encode()).hexdigest()


def suppress_customer(
    settings: Settings, engine: Engine, customer_id: str, reason: str, since: dt.date
) -> None:
    """Suppress a customer on all channels, for good; the reason ``deceased`` marks the record as known dead."""
    with engine.begin() as connection:
        connection.execute(
            text(
                KEEP_SUPPRESSION.format(
                    rows="VALUES (:channel, :hash, CAST(:reason AS text), CAST(:since AS date))"
                )
            ),
            {"channel": RECORD, "hash": record_hash(settings, customer_id), "reason": reason, "since": since},
        )
