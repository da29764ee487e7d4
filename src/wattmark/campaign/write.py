"""Files of lists: written whole beside, then put in place, never over one that has left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from sqlalchemy import Engine, text

from wattmark.campaign.area import write_area_list
from wattmark.campaign.definition import CampaignError, CampaignFile
from wattmark.campaign.fields import personal_fields, published_fields
from wattmark.campaign.files import (
    clear_others,
    digest_of,
    escaped_sql,
    has_bytes,
    read_manifest,
    sha256_of,
    why_another,
    write_list,
    write_manifest,
)
from wattmark.campaign.keys import ListKeys, list_keys
from wattmark.campaign.outcome import LISTED, NOBODY, RUN, SEED, CampaignOutcome, folder_of
from wattmark.campaign.people import look_at_contacts
from wattmark.campaign.state import fetch
from wattmark.channels import SEED_COLUMNS, channels
from wattmark.engine.session import Session
from wattmark.run import Run
from wattmark.settings import Settings


def seed_fits(seed: dict[str, Any], channel: str) -> bool:
    """Whether a seed has what a channel sends to."""
    wanted = channels()[channel].seed
    return wanted is not None and bool(seed.get(wanted))


def write_files(
    settings: Settings, session: Session, engine: Engine, run: Run, file: CampaignFile
) -> CampaignOutcome:
    """Write the files of a campaign's newest list of a date, unless they are there, and let it await approval."""
    campaign = file.campaign
    with engine.connect() as connection:
        row = connection.execute(text(RUN), {"campaign": campaign.id, "as_of": run.as_of}).mappings().one()
    outcome = CampaignOutcome(
        campaign.id,
        row["campaign_run_id"],
        row["state"],
        row["considered"],
        row["listed"],
        row["control"],
        row["excluded"],
        row["over_limit"],
        float(row["cost_amount"]),
    )
    folder = folder_of(settings, campaign.id, run.as_of, row["version"])
    if row["state"] == "releasing":
        # Somebody approved it, and its release is under way or broke off: it goes on when it is approved again.
        return outcome
    has_left = row["state"] in ("released", "corrected")
    if row["state"] != "listed" and _complete(
        folder, row["list_sha256"], None if has_left else list_keys(settings), has_left=has_left
    ):
        outcome.files = [
            str(folder / entry["file"]) for entry in (read_manifest(folder) or {"files": []})["files"]
        ]
        return outcome
    if row["definition_hash"] != campaign.definition_hash:
        raise CampaignError(
            "campaign.changed",
            f"{file.path}: the list {row['campaign_run_id']} was made of another definition, and its files are missing.",
            "Put the definition back, or make a correction.",
        )
    if row["state"] in ("released", "corrected"):
        raise CampaignError(
            "campaign.files_missing", f"{folder}: files of the released list {row['campaign_run_id']} are missing.",
            "Restore them from the delivery; a released list is not made again.",
        )  # fmt: skip
    # A list of nobody is no question to anybody.
    state = row["state"]
    if state == "listed":
        state = "awaiting_approval" if row["listed"] else "refused"
    entries = write_lists(settings, session, engine, file, dict(row), folder)
    digest = digest_of(row["campaign_run_id"], entries)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE ops.campaign_run SET state = :state, note = COALESCE(:note, note), list_sha256 = :digest "
                "WHERE campaign_run_id = :name AND released_at IS NULL"
            ),
            {
                "digest": digest,
                "name": row["campaign_run_id"],
                "state": state,
                "note": NOBODY if state == "refused" and row["state"] == "listed" else None,
            },
        )
    outcome.state = state
    write_manifest(folder, _manifest(run, file, dict(row), digest, entries) | {"state": outcome.state})
    clear_others(folder, entries)
    outcome.files = [str(folder / entry["file"]) for entry in entries]
    return outcome


def _manifest(
    run: Run, file: CampaignFile, row: Mapping[str, Any], digest: str, entries: list[dict[str, Any]]
) -> dict[str, Any]:
    """What is told of a list beside its files."""
    campaign = file.campaign
    return {
        "campaign_run_id": row["campaign_run_id"],
        "campaign_id": campaign.id,
        "purpose": campaign.purpose,
        "as_of": run.as_of.isoformat(),
        "run_id": run.run_id,
        "version": row["version"],
        "corrects_run_id": row["corrects_run_id"],
        "definition_hash": row["definition_hash"],
        "state": row["state"],
        "approval": {
            "by": list(campaign.approval.by),
            "due_at": row["approval_due_at"].astimezone(ZoneInfo(run.time_zone)).isoformat(),
            "approved_by": None,
        },
        "list_sha256": digest,
        "files": entries,
    }


def _complete(folder: Path, digest: str | None, keys: ListKeys | None, *, has_left: bool) -> bool:
    """Whether all files of a list lie there: as they were written or, once they have left, with the bytes that left."""
    manifest = read_manifest(folder)
    if manifest is None or manifest["list_sha256"] != digest:
        return False
    # A list released before manifests told the bytes of its files is known by its content, where that lies open.
    return all(
        (has_bytes(folder, entry) if has_left else why_another(folder, entry, keys) is None)
        if "file_sha256" in entry
        else has_left
        and (folder / entry["file"]).exists()
        and (entry["encrypted"] or sha256_of(folder / entry["file"]) == entry["sha256"])
        for entry in manifest["files"]
    )


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
    keys, sendings = list_keys(settings), row["definition"]["sendings"]

    def readers(channel: str) -> list[Any]:
        return keys.of(channel) if keys else []

    name, moved = row["campaign_run_id"], moved or {}
    if file.campaign.audience.grain == "area":
        entries = [write_area_list(engine, name, folder, file.campaign.format, readers("post"))]
    else:
        listed = fetch(
            engine,
            "SELECT customer_id, account_id, channel, cell, send_on, is_seed, CAST(fields AS text) AS fields "
            "FROM ops.campaign_member WHERE campaign_run_id = $1 AND outcome = 'listed'",
            [name],
            LISTED,
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
            write_channel_list(session, file, name, one["channel"], folder, readers(one["channel"]))
            | {"channel": one["channel"]}
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
    session: Session, file: CampaignFile, name: str, channel: str, folder: Path, recipients: Sequence[Any]
) -> dict[str, Any]:
    """Write one channel's list from ``night.listed``: customers by id, then seeds; ``recipients`` as of ``write_list``."""
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
    return write_list(folder, channel, rows, campaign.format, recipients)
