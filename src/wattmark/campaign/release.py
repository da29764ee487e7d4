"""Approval, release, refusal and correction of lists. A list is released once, or never."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from wattmark.campaign.decide import decide
from wattmark.campaign.definition import CampaignError, CampaignFile, load_campaigns
from wattmark.campaign.deliver import deliver, take_back_drafts, target_of
from wattmark.campaign.files import digest_of, is_as_written, read_manifest, write_manifest
from wattmark.campaign.lists import CampaignOutcome, folder_of, store, store_feedback, write_files
from wattmark.engine.session import Session
from wattmark.run import Run
from wattmark.settings import Settings


def _locked(connection: Connection, campaign_run_id: str) -> dict[str, Any]:
    row = (
        connection.execute(
            text("SELECT * FROM ops.campaign_run WHERE campaign_run_id = :name FOR UPDATE"),
            {"name": campaign_run_id},
        )
        .mappings()
        .first()
    )
    if row is None:
        raise CampaignError(
            "campaign.no_list", f"There is no list {campaign_run_id}.", "wattmark campaign lists shows them."
        )
    return dict(row)


def release(
    settings: Settings,
    engine: Engine,
    campaign_run_id: str,
    approved_by: str,
    list_sha256: str,
    now: dt.datetime,
) -> bool:
    """Release an approved list: deliver it, and note it as released.

    Killed at any moment and run again, it ends in one delivery. A correction marks the list it corrects.

    Args:
        settings: of the home.
        engine: the warehouse.
        campaign_run_id: the list.
        approved_by: who said yes; see ``may_approve``.
        list_sha256: the digest of what was approved, as the manifest shows it.
        now: when the answer came; an answer after the list's time is a no.

    Returns:
        False where it had been released before.

    Raises:
        CampaignError: not the approver, too late, refused before, the files are not those approved, or what arrived
            is not what was sent.
    """
    with engine.begin() as connection:
        row = _locked(connection, campaign_run_id)
        if row["released_at"] is not None:
            return False
        if row["state"] != "awaiting_approval":
            raise CampaignError(
                "campaign.not_awaiting",
                f"{campaign_run_id} is {row['state']}.",
                "Only a list that awaits approval is released.",
            )
        _only_approvers(settings, row, approved_by)
        if now >= row["approval_due_at"]:
            raise CampaignError(
                "campaign.too_late",
                f"{campaign_run_id} had to be approved by {row['approval_due_at']:%Y-%m-%d %H:%M %Z}.",
                "No answer in time is a no; make the list of another date.",
            )
        folder = folder_of(settings, row["campaign_id"], row["as_of"], row["version"])
        manifest = _verified(folder, row, list_sha256)
        manifest |= {"state": "released", "approval": {**manifest["approval"], "approved_by": approved_by}}
        if settings.campaigns.delivery:
            said = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
            deliver(target_of(settings.campaigns.delivery), campaign_run_id, folder, manifest["files"], said)
        connection.execute(
            text(
                "UPDATE ops.campaign_run SET state = 'released', approved_by = :who, approved_at = :now, released_at = :now "
                "WHERE campaign_run_id = :name"
            ),
            {"who": approved_by, "now": now, "name": campaign_run_id},
        )
        if row["corrects_run_id"]:
            connection.execute(
                text("UPDATE ops.campaign_run SET state = 'corrected' WHERE campaign_run_id = :name"),
                {"name": row["corrects_run_id"]},
            )
        # Inside the transaction: should this fail, the run is not released, and the next try writes it again.
        write_manifest(folder, manifest)
    return True


def may_approve(settings: Settings, roles: Sequence[str], who: str) -> bool:
    """Whether somebody is one of those a campaign names, or stands for one of these roles in the settings."""
    people = settings.campaigns.approvers
    return who in roles or any(who in people.get(role, ()) for role in (*roles, "*"))


def _only_approvers(settings: Settings, row: dict[str, Any], who: str) -> None:
    allowed = row["definition"]["approval"]["by"]
    if not may_approve(settings, allowed, who):
        raise CampaignError(
            "campaign.not_approver",
            f"{row['campaign_run_id']} is approved or refused by {', '.join(allowed)}; it still awaits an answer.",
            "Let one of them answer: by wattmark campaign approve or refuse, or in Airflow after clearing the task approve.",
        )


def _verified(folder: Path, row: dict[str, Any], list_sha256: str) -> dict[str, Any]:
    manifest = read_manifest(folder)
    changed = CampaignError(
        "campaign.not_what_was_approved",
        f"{folder}: the files of {row['campaign_run_id']} are not what was approved.",
        "Make the list again (wattmark campaign run), look at it, and approve what its manifest says then.",
    )
    if (
        manifest is None
        or digest_of(row["campaign_run_id"], manifest["files"]) != row["list_sha256"]
        or list_sha256 != row["list_sha256"]
    ):
        raise changed
    if not all(is_as_written(folder, entry) for entry in manifest["files"]):
        raise changed
    return manifest


def refuse(settings: Settings, engine: Engine, campaign_run_id: str, by: str, why: str) -> None:
    """Refuse a list that awaits approval; it is kept, and never released.

    Raises:
        CampaignError: it does not await approval, or ``by`` is none of those who may answer (``may_approve``).
    """
    with engine.begin() as connection:
        row = _locked(connection, campaign_run_id)
        if row["released_at"] is not None:
            raise CampaignError("campaign.released", f"{campaign_run_id} is released.", "Make a correction.")
        if row["state"] not in ("listed", "awaiting_approval"):
            raise CampaignError("campaign.not_awaiting", f"{campaign_run_id} is {row['state']}.")
        _only_approvers(settings, row, by)
        connection.execute(
            text("UPDATE ops.campaign_run SET state = 'refused', note = :note WHERE campaign_run_id = :name"),
            {"note": f"{by}: {why}", "name": campaign_run_id},
        )
        folder = folder_of(settings, row["campaign_id"], row["as_of"], row["version"])
        manifest = read_manifest(folder)
        if manifest is not None:
            write_manifest(folder, manifest | {"state": "refused"})
    take_back_drafts(settings, campaign_run_id)


def correct(
    settings: Settings, run: Run, session: Session, engine: Engine, campaign_id: str, why: str
) -> CampaignOutcome:
    """Make a new version of a released list of the run's date, decided from what is known now.

    The contacts of the version before do not count against the new one. The new version awaits approval of its
    own, says which one it corrects, and replaces it once it is released.

    Raises:
        CampaignError: there is no such campaign, or no released list of it on that date.
    """
    file = next((one for one in load_campaigns(settings) if one.campaign.id == campaign_id), None)
    if file is None:
        raise CampaignError("campaign.unknown", f"There is no campaign {campaign_id}.")
    if file.campaign.audience.grain == "area":
        raise CampaignError(
            "campaign.area", "An area mailing has no names to correct.", "Make the list of another date."
        )
    last, version = _last_released(engine, file, run)
    decision = decide(session, engine, [file], [last])
    if decision.problems:
        raise CampaignError("campaign.problem", decision.problems[campaign_id])
    store_feedback(session, engine)
    with engine.begin() as connection:
        store(session, connection, run, decision.planned[0], version, last, why)
    return write_files(settings, session, engine, run, file)


def _last_released(engine: Engine, file: CampaignFile, run: Run) -> tuple[str, int]:
    with engine.connect() as connection:
        rows = (
            connection.execute(
                text(
                    "SELECT campaign_run_id, version, state FROM ops.campaign_run WHERE campaign_id = :campaign AND as_of = :as_of "
                    "ORDER BY version"
                ),
                {"campaign": file.campaign.id, "as_of": run.as_of},
            )
            .mappings()
            .all()
        )
    released = [row for row in rows if row["state"] == "released"]
    if not released:
        raise CampaignError(
            "campaign.not_released",
            f"{file.campaign.id} has no released list of {run.as_of}.",
            "A list that is not released is refused instead.",
        )
    if rows[-1]["state"] in ("listed", "awaiting_approval"):
        raise CampaignError(
            "campaign.open_correction", f"{rows[-1]['campaign_run_id']} still awaits approval."
        )
    return released[-1]["campaign_run_id"], rows[-1]["version"] + 1
