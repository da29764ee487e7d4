"""Files of lists: written whole beside, then put in place, never over one that has left."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from sqlalchemy import Engine, text

from wattmark.atomic import write_atomically
from wattmark.campaign.area import write_area_list
from wattmark.campaign.audience import columns_of, relations
from wattmark.campaign.channel_list import Written, chosen, counted, write_channel_list
from wattmark.campaign.definition import CampaignError, CampaignFile
from wattmark.campaign.drops import as_rows, dropped_before, insert_drops, of_lacking
from wattmark.campaign.fields import published_fields
from wattmark.campaign.files import clear_others, digest_of, has_bytes, read_manifest, sha256_of, why_another
from wattmark.campaign.keys import ListKeys, list_keys
from wattmark.campaign.message import Messages
from wattmark.campaign.outcome import LISTED, NOBODY, PREVIEW_FILE, RUN, CampaignOutcome, folder_of
from wattmark.campaign.parts import parts_of, write_manifests
from wattmark.campaign.sheets import Look
from wattmark.campaign.state import fetch
from wattmark.channels import channels
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
        cost_amount=float(row["cost_amount"]),
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
        outcome.dropped = int(row["dropped"])
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
    with engine.connect() as connection:
        before = dropped_before(connection, row["campaign_run_id"])
    written = write_lists(settings, session, engine, file, dict(row), folder, as_rows(before))
    lacking = of_lacking(written.lacking)
    dropped = len(before) + len(lacking)
    if state == "awaiting_approval" and not written.entries:
        state = "refused"
    digest = digest_of(row["campaign_run_id"], written.entries)
    with engine.begin() as connection:
        insert_drops(connection, row["campaign_run_id"], lacking)
        connection.execute(
            text(
                "UPDATE ops.campaign_run SET state = :state, note = COALESCE(:note, note), list_sha256 = :digest, "
                "dropped = :dropped WHERE campaign_run_id = :name AND released_at IS NULL"
            ),
            {
                "digest": digest,
                "name": row["campaign_run_id"],
                "state": state,
                "dropped": dropped,
                "note": NOBODY if state == "refused" and row["state"] == "listed" else None,
            },
        )
    outcome.state, outcome.dropped = state, dropped
    manifest = _manifest(run, file, dict(row), digest, written.entries) | {"state": outcome.state}
    if written.lacking:
        manifest["lacking"] = counted(written.lacking)
    write_previews(folder, written.previews)
    write_manifests(folder, manifest)
    clear_others(folder, written.entries)
    outcome.files = [str(folder / entry["file"]) for entry in written.entries]
    return outcome


def write_previews(folder: Path, previews: Sequence[Mapping[str, str]]) -> None:
    """Keep what some members of a list are told, for who approves it: personal data, for its owner alone."""
    said = json.dumps(chosen(previews), indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / PREVIEW_FILE, said, private=True)


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
) -> Written:
    """Write the files of a stored list.

    Args:
        settings: of the home.
        session: with what is known of customers' contacts.
        engine: the warehouse.
        file: the definition that the list was made of.
        row: of ``ops.campaign_run``: campaign_run_id, definition and listed.
        folder: where to.
        without: members to leave out: customer_id, account_id.
        moved: new days of sending, by channel.

    Returns:
        the manifest's entries, one or more for each channel that somebody is written to on (seeds alone are nobody);
        and who was left off for want of a value.
    """
    written = Written()
    keys, sendings = list_keys(settings), row["definition"]["sendings"]

    def readers(channel: str) -> list[Any]:
        return keys.of(channel) if keys else []

    name, moved = row["campaign_run_id"], moved or {}
    look = look_of(settings, file)
    if file.campaign.audience.grain == "area":
        # A file of nobody is nothing to look at.
        if row["listed"]:
            form = file.campaign.format
            written.entries.append(write_area_list(engine, name, folder, form, readers("post"), look))
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
        sql = "SELECT DISTINCT channel FROM night.listed WHERE NOT is_seed"
        used = {row[0] for row in session.duck.execute(sql).fetchall()}
        messages, parts = Messages(session, file, name), parts_of(session, file.campaign)
        for sending in sendings:
            channel = sending["channel"]
            if channel in used:
                written.add(
                    write_channel_list(
                        session, file, messages, channel, folder, readers(channel), look, parts
                    )
                )
    for entry in written.entries:
        sending = next(sending for sending in sendings if sending["channel"] == entry["channel"])
        new_day = moved.get(sending["channel"])
        entry |= {
            "send_on": new_day.isoformat() if new_day else sending["send_on"],
            "from_hour": sending["from_hour"],
            "until_hour": sending["until_hour"],
        }
    return written


def look_of(settings: Settings, file: CampaignFile) -> Look:
    """How a campaign's files are laid out: a sheet named after it, published columns in their own kind."""
    known, kinds = relations(settings.include), {"send_on": "date", "is_seed": "boolean"}
    for column, source in published_fields(file).items():
        relation, _, name = source.partition(".")
        kinds[column] = columns_of(known[relation])[name]
    kinds |= {"rank": "integer", "addresses": "integer", "wanted_share": "double", "expected_share": "double"}
    return Look(file.campaign.id, kinds, settings.campaigns.csv_bom)
