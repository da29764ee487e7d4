"""The files of a stored list: its members with what is known of their contacts, seeds last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from wattmark.campaign.area import write_area_list
from wattmark.campaign.definition import CampaignFile
from wattmark.campaign.fields import personal_fields, published_fields
from wattmark.campaign.files import escaped_sql, write_list
from wattmark.campaign.keys import list_key
from wattmark.campaign.people import look_at_contacts
from wattmark.campaign.state import fetch
from wattmark.channels import SEED_COLUMNS, channels
from wattmark.engine.session import Session
from wattmark.settings import Settings

SEED = "seed-"
"""Customer ids of seeds begin so; no customer's does, since a seed never meets the marts."""
_LISTED = pa.schema(
    [
        ("customer_id", pa.string()),
        ("account_id", pa.string()),
        ("channel", pa.string()),
        ("cell", pa.string()),
        ("send_on", pa.date32()),
        ("is_seed", pa.bool_()),
        ("fields", pa.string()),
    ]
).empty_table()


def seed_fits(seed: dict[str, Any], channel: str) -> bool:
    """Whether a seed has what a list of a channel needs."""
    wanted = channels()[channel].seed
    return wanted is not None and bool(seed.get(wanted))


def write_lists(
    settings: Settings,
    session: Session,
    engine: Engine,
    file: CampaignFile,
    row: Mapping[str, Any],
    folder: Path,
    without: pa.Table | None = None,
    moved: Mapping[str, dt.date] | None = None,
) -> list[dict[str, Any]]:
    """Write the files of a stored list.

    Args:
        settings: of the home.
        session: with what is known of customers' contacts.
        engine: the warehouse.
        file: the definition that the list was made of.
        row: of ``ops.campaign_run``: campaign_run_id and definition.
        folder: where to.
        without: members to leave out: customer_id, account_id.
        moved: new days of sending, by channel.

    Returns:
        the manifest's entries.
    """
    key, sendings = list_key(settings), row["definition"]["sendings"]
    name, moved = row["campaign_run_id"], moved or {}
    if file.campaign.audience.grain == "area":
        entries = [write_area_list(engine, name, folder, file.campaign.format, key)]
    else:
        listed = fetch(
            engine,
            "SELECT customer_id, account_id, channel, cell, send_on, is_seed, CAST(fields AS text) AS fields "
            "FROM ops.campaign_member WHERE campaign_run_id = $1 AND outcome = 'listed'",
            [name],
            _LISTED,
        )
        session.duck.execute("CREATE SCHEMA IF NOT EXISTS night")
        session.give("night.listed", listed)
        if without is not None and len(without):
            session.give("night.without", without.select(["customer_id", "account_id"]))
            session.duck.execute(
                "DELETE FROM night.listed WHERE NOT is_seed AND (customer_id, account_id) IN "
                "(SELECT (customer_id, account_id) FROM night.without)"
            )
        for channel, day in moved.items():
            session.duck.execute("UPDATE night.listed SET send_on = ? WHERE channel = ?", [day, channel])
        entries = [
            write_channel_list(session, file, name, one["channel"], folder, key) | {"channel": one["channel"]}
            for one in sendings
        ]
    for entry, one in zip(entries, sendings, strict=True):
        entry |= {
            "send_on": moved[one["channel"]].isoformat() if one["channel"] in moved else one["send_on"],
            "from_hour": one["from_hour"],
            "until_hour": one["until_hour"],
        }
    return entries


def write_channel_list(
    session: Session, file: CampaignFile, name: str, channel: str, folder: Path, key: bytes | None
) -> dict[str, Any]:
    """Write one channel's list from ``night.listed``: customers by id, then seeds."""
    campaign, duck = file.campaign, session.duck
    look_at_contacts(session)
    personal = personal_fields(file, channel)
    shown = [
        "campaign_id",
        "campaign_run_id",
        "customer_id",
        "account_id",
        "channel",
        "cell",
        "send_on",
        "is_seed",
    ]
    published = [*published_fields(file), *(["occasion"] if campaign.schedule.events else [])]
    columns = [*shown, *personal, *[field_ for field_ in published if field_ not in personal]]
    session.give(
        "night.seed",
        pa.Table.from_pylist(
            [
                {"customer_id": f"{SEED}{at + 1}", **seed.model_dump()}
                for at, seed in enumerate(campaign.seeds)
            ]
            or [dict.fromkeys(("customer_id", *SEED_COLUMNS), "")],
            schema=pa.schema([(one, pa.string()) for one in ("customer_id", *SEED_COLUMNS)]),
        ),
    )
    session.give(
        "night.head",
        pa.table({"campaign_id": [campaign.id], "campaign_run_id": [name], "channel": [channel]}),
    )

    def source(column: str) -> str:
        seeded = f's."{column}"' if column in SEED_COLUMNS else "NULL"
        return f'CASE WHEN l.is_seed THEN {seeded} ELSE c."{column}" END'

    selected = {
        "campaign_id": "h.campaign_id",
        "campaign_run_id": "h.campaign_run_id",
        "customer_id": "l.customer_id",
        "account_id": "CASE WHEN l.is_seed THEN '' ELSE l.account_id END",
        "channel": "l.channel",
        "cell": "l.cell",
        "send_on": "CAST(l.send_on AS VARCHAR)",
        "is_seed": "CASE WHEN l.is_seed THEN 'true' ELSE 'false' END",
        **{column: source(column) for column in personal},
        **{
            column: f"json_extract_string(l.fields, '$.\"{column}\"')"
            for column in published
            if column not in personal
        },
    }
    harmless = escaped_sql if campaign.format == "csv" else str
    # Column names are ours or were checked against the published ones; all values stay in tables.
    body = ", ".join(
        f'CAST({expression} AS VARCHAR) AS "{column}"' for column, expression in selected.items()
    )
    safe = ", ".join(f"""{harmless(f'"{column}"')} AS "{column}\"""" for column in columns)
    rows = duck.sql(
        f"""SELECT {safe} FROM (
          SELECT {body}
          FROM night.listed AS l
          JOIN night.head AS h ON h.channel = l.channel
          LEFT JOIN night.contact AS c ON c.customer_id = l.customer_id AND NOT l.is_seed
          LEFT JOIN night.seed AS s ON s.customer_id = l.customer_id AND l.is_seed
        ) ORDER BY is_seed, customer_id, account_id"""
    ).to_arrow_table()
    return write_list(folder, channel, rows, campaign.format, key)
