"""Approval, release, refusal and correction of lists. A list is released once, or never."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, text

from wattmark.campaign.arms import keep_arms
from wattmark.campaign.decide import decide
from wattmark.campaign.definition import CampaignError, CampaignFile, load_campaigns, read_campaigns
from wattmark.campaign.deliver import deliver, delivery_target, take_back_drafts
from wattmark.campaign.drops import Drops, as_rows, dropped_before, insert_drops, of_lacking
from wattmark.campaign.files import clear_others, digest_of, read_manifest, why_another, write_manifest
from wattmark.campaign.keys import list_keys
from wattmark.campaign.lists import close_overdue, store, store_feedback
from wattmark.campaign.outcome import CampaignOutcome, folder_of
from wattmark.campaign.parts import part_manifests, write_manifests
from wattmark.campaign.recheck import know, moved_days, refused_now, stale_now
from wattmark.campaign.stored import WAITING, may_approve
from wattmark.campaign.write import write_files, write_lists
from wattmark.engine.session import DuckDBSession, Session
from wattmark.run import Run
from wattmark.settings import Settings

NOBODY_REFUSED = pa.schema(
    [("customer_id", pa.string()), ("account_id", pa.string()), ("reason", pa.string())]
).empty_table()


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
            "campaign.no_list",
            f"There is no list {campaign_run_id}.",
            "Its id stands in the manifest.json of its folder, below lists of the home.",
        )
    return dict(row)


def release(
    settings: Settings,
    engine: Engine,
    campaign_run_id: str,
    approved_by: str,
    list_sha256: str,
    now: dt.datetime,
    session: Session | None = None,
) -> bool:
    """Release an approved list: ask again who may be contacted, deliver it, and note it as released.

    Whoever may not be contacted any more, by what is known now, is left out; a day of sending that has passed
    becomes the next one that the channel's calendar and hours allow. Then the files are written anew, and manifest
    and run tell their digest beside the approved one. What leaves is noted before anything is handed over, so that
    a release killed at any moment and run again ends in one delivery. A correction marks the list it corrects.

    Args:
        settings: of the home.
        engine: the warehouse.
        campaign_run_id: the list.
        approved_by: who said yes; see ``may_approve``.
        list_sha256: the digest of what was approved, as the manifest shows it.
        now: when the answer came; an answer after the list's time is a no, and refuses the list.
        session: on the newest data; one on the home's lake where None.

    Returns:
        False where it had been released before.

    Raises:
        CampaignError: not the approver, too late, refused before, the files are not those approved, nobody is left
            on it, or what arrived is not what was sent.
    """
    with engine.begin() as connection:
        row = _locked(connection, campaign_run_id)
        if row["released_at"] is not None:
            return False
        if row["state"] not in WAITING:
            raise CampaignError(
                "campaign.not_awaiting",
                f"{campaign_run_id} is {row['state']}.",
                "Only a list that awaits approval is released.",
            )
        _only_approvers(settings, row, approved_by)
        is_late = row["state"] == "awaiting_approval" and now >= row["approval_due_at"]
    if is_late:
        close_overdue(engine, now)
        take_back_drafts(settings, campaign_run_id)
        raise CampaignError(
            "campaign.too_late",
            f"{campaign_run_id} had to be approved by {row['approval_due_at']:%Y-%m-%d %H:%M %Z}.",
            "No answer in time is a no; make the list of another date.",
        )
    folder = folder_of(settings, row["campaign_id"], row["as_of"], row["version"])
    with contextlib.ExitStack() as opened:
        if session is None:
            run = Run.of(row["as_of"], settings.utility.time_zone)
            session = opened.enter_context(DuckDBSession(settings, run))
        with engine.begin() as connection:
            left = _decide_what_leaves(settings, session, connection, engine, folder, row["campaign_run_id"], approved_by, list_sha256, now)  # fmt: skip
    if not left:
        raise CampaignError(
            "campaign.nobody_left",
            f"{campaign_run_id}: nobody on it may be contacted any more; it is refused.",
            "Make the list of another date.",
        )
    with engine.begin() as connection:
        row = _locked(connection, campaign_run_id)
        if row["released_at"] is not None:
            return False
        _hand_over(settings, connection, row, folder, now)
    shutil.rmtree(folder / LEAVING, ignore_errors=True)
    return True


def _hand_over(
    settings: Settings, connection: Connection, row: dict[str, Any], folder: Path, now: dt.datetime
) -> None:
    """Deliver what leaves, and note it as released."""
    campaign_run_id = row["campaign_run_id"]
    manifest = _put_in_place(settings, folder, row)
    with delivery_target(settings) as target:
        if target is not None:
            said = {
                name: (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
                for name, content in {**part_manifests(manifest), "manifest.json": manifest}.items()
            }
            deliver(target, campaign_run_id, folder, manifest["files"], said)
    connection.execute(
        text(
            "UPDATE ops.campaign_run SET state = 'released', released_at = :now WHERE campaign_run_id = :name"
        ),
        {"now": now, "name": campaign_run_id},
    )
    if row["corrects_run_id"]:
        connection.execute(
            text("UPDATE ops.campaign_run SET state = 'corrected' WHERE campaign_run_id = :name"),
            {"name": row["corrects_run_id"]},
        )
    # Inside the transaction: should this fail, the run is not released, and the next try writes it again.
    write_manifests(folder, manifest)
    clear_others(folder, manifest["files"])


LEAVING = ".leaving"
"""Folder, beside a list's files, of what leaves in their place; they take it once that is noted."""


def _decide_what_leaves(
    settings: Settings,
    session: Session,
    connection: Connection,
    engine: Engine,
    folder: Path,
    campaign_run_id: str,
    approved_by: str,
    list_sha256: str,
    now: dt.datetime,
) -> bool:
    """Note what leaves, and lay it down beside the approved files where it differs; False where nobody is left."""
    row = _locked(connection, campaign_run_id)
    if row["state"] == "releasing":
        _put_in_place(settings, folder, row)
        if _was_handed_over(settings, campaign_run_id):
            # Part of it has left: the rest is what was noted then.
            return True
    manifest = _verified(settings, folder, row, list_sha256)
    is_area = row["definition"]["audience"]["grain"] == "area"
    refused = NOBODY_REFUSED if is_area else refused_now(session, engine, row, now)
    before = dropped_before(connection, campaign_run_id)
    reasons = before | {
        (customer, account): reason
        for customer, account, reason in zip(
            *(refused.column(at).to_pylist() for at in range(3)), strict=True
        )
    }
    moved = {**(row["moved"] or {}), **{channel: day.isoformat() for channel, day in moved_days(session, engine, row, now).items()}}  # fmt: skip
    if not is_area:
        days = {channel: dt.date.fromisoformat(day) for channel, day in moved.items()}
        for customer, account, reason in zip(
            *stale_now(session, engine, row, days).to_pydict().values(), strict=True
        ):
            reasons.setdefault((customer, account), reason)
    fresh = {key: reason for key, reason in reasons.items() if key not in before}
    insert_drops(connection, campaign_run_id, fresh)
    if not is_area and len(reasons) >= row["listed"]:
        _refuse_of_nobody(connection, campaign_run_id, folder, manifest, len(reasons), now)
        return False
    digest, lacking = _lay_down(settings, session, engine, folder, row, manifest, reasons, moved)
    insert_drops(connection, campaign_run_id, lacking)
    reasons |= lacking
    if not is_area and len(reasons) >= row["listed"]:
        shutil.rmtree(folder / LEAVING, ignore_errors=True)
        _refuse_of_nobody(connection, campaign_run_id, folder, manifest, len(reasons), now)
        return False
    counts = dict(collections.Counter(reasons.values()))
    approved = row["approved_list_sha256"] or row["list_sha256"]
    manifest = json.loads((folder / LEAVING / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {
        "state": "released",
        "approval": {**manifest["approval"], "approved_by": approved_by, "approved_list_sha256": approved},
        "release": {"asked_at": now.isoformat(), "dropped": counts, "moved": moved},
    }
    write_manifest(folder / LEAVING, manifest)
    connection.execute(
        text(
            "UPDATE ops.campaign_run SET state = 'releasing', approved_by = :who, approved_at = :now, asked_at = :now, "
            "approved_list_sha256 = :approved, list_sha256 = :digest, dropped = :dropped, moved = CAST(:moved AS jsonb), "
            "send_on = :send_on WHERE campaign_run_id = :name"
        ),
        {
            "who": approved_by,
            "now": now,
            "approved": approved,
            "digest": digest,
            "dropped": len(reasons),
            "moved": json.dumps(moved) if moved else None,
            "send_on": min(dt.date.fromisoformat(entry["send_on"]) for entry in manifest["files"]),
            "name": campaign_run_id,
        },
    )
    return True


def _refuse_of_nobody(
    connection: Connection,
    campaign_run_id: str,
    folder: Path,
    manifest: dict[str, Any],
    dropped: int,
    now: dt.datetime,
) -> None:
    connection.execute(
        text(
            "UPDATE ops.campaign_run SET state = 'refused', dropped = :dropped, asked_at = :now, "
            "note = 'nobody on it may be contacted any more' WHERE campaign_run_id = :name"
        ),
        {"dropped": dropped, "now": now, "name": campaign_run_id},
    )
    write_manifest(folder, manifest | {"state": "refused"})


def _was_handed_over(settings: Settings, campaign_run_id: str) -> bool:
    with delivery_target(settings) as target:
        return target is not None and target.exists(f".receipts/{campaign_run_id}")


def what_left(engine: Engine, campaign_run_id: str) -> tuple[int, dict[str, str]]:
    """How many members the release of a list left out, and the channels whose day it moved, with the new day."""
    with engine.connect() as connection:
        row = _locked(connection, campaign_run_id)
    return int(row["dropped"]), dict(row["moved"] or {})


def _lay_down(
    settings: Settings,
    session: Session,
    engine: Engine,
    folder: Path,
    row: dict[str, Any],
    manifest: dict[str, Any],
    reasons: dict[tuple[str, str], str],
    moved: dict[str, str],
) -> tuple[str, Drops]:
    """Write into ``LEAVING`` what leaves: its manifest, and its files where they differ.

    Returns:
        their digest, and who more is left out since the message cannot be said any more.

    Raises:
        CampaignError: somebody is to be left out or a day has moved, and the definition is another one by now.
    """
    shutil.rmtree(folder / LEAVING, ignore_errors=True)
    name = row["campaign_run_id"]
    file = next(
        (
            candidate
            for candidate in read_campaigns(settings)[0]
            if candidate.campaign.definition_hash == row["definition_hash"]
        ),
        None,
    )
    if file is None:
        is_open = list_keys(settings) is not None and not all(
            entry["encrypted"] for entry in manifest["files"]
        )
        if reasons or moved or is_open:
            raise CampaignError(
                "campaign.changed",
                f"{name} was made of another definition; {len(reasons)} members may not be contacted any more, its day has passed, or its files are not encrypted yet.",
                "Put the definition back, or refuse the list and make another.",
            )
        write_manifest(folder / LEAVING, manifest)
        return str(row["list_sha256"]), {}
    days = {channel: dt.date.fromisoformat(day) for channel, day in moved.items()}
    fresh = folder / LEAVING / folder.name
    written = write_lists(settings, session, engine, file, row, fresh, as_rows(reasons), days)
    digest = digest_of(name, written.entries)
    there = {entry["file"]: entry for entry in manifest["files"]}
    for entry in written.entries:
        # What lies there already says the same: its bytes stay, though they would be others if encrypted anew.
        same = there.get(entry["file"])
        if same is not None and same["sha256"] == entry["sha256"]:
            entry["file_sha256"] = same["file_sha256"]
            (fresh / entry["file"]).unlink()
    write_manifest(folder / LEAVING, manifest | {"files": written.entries, "list_sha256": digest})
    return digest, of_lacking(written.lacking)


def _put_in_place(settings: Settings, folder: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Let what leaves take the place of what was approved, once it is noted; returns its manifest.

    The manifest is written into the folder by the release itself, last of all.

    Raises:
        CampaignError: what lies there is not what was noted.
    """
    manifest = read_manifest(folder / LEAVING)
    if manifest is None or digest_of(row["campaign_run_id"], manifest["files"]) != row["list_sha256"]:
        raise _not_what_was_approved(folder, row)
    for entry in manifest["files"]:
        fresh = folder / LEAVING / folder.name / entry["file"]
        if fresh.exists():
            fresh.replace(folder / entry["file"])
    kept = {entry["file"] for entry in manifest["files"]}
    for entry in (read_manifest(folder) or {"files": []})["files"]:
        if entry["file"] not in kept:
            # Of a channel or part in which nobody is left.
            (folder / entry["file"]).unlink(missing_ok=True)
    _hold_against(settings, folder, row, manifest)
    return manifest


def _hold_against(settings: Settings, folder: Path, row: dict[str, Any], manifest: dict[str, Any]) -> None:
    """Open each file of a list and hold it against its manifest.

    Raises:
        CampaignError: one is not what it was; says which, and why.
    """
    keys = list_keys(settings)
    for entry in manifest["files"]:
        if why := why_another(folder, entry, keys):
            raise _not_what_was_approved(folder, row, why)


def _only_approvers(settings: Settings, row: dict[str, Any], who: str) -> None:
    allowed = row["definition"]["approval"]["by"]
    if not may_approve(settings, allowed, who):
        raise CampaignError(
            "campaign.not_approver",
            f"{row['campaign_run_id']} is approved or refused by {', '.join(allowed)}; it still awaits an answer.",
            "Let one of them answer: by wattmark campaign approve or refuse, or in Airflow after clearing the task approve.",
        )


def _not_what_was_approved(folder: Path, row: dict[str, Any], why: str = "") -> CampaignError:
    return CampaignError(
        "campaign.not_what_was_approved",
        f"{folder}: the files of {row['campaign_run_id']} are not what was approved{f': {why}' if why else ''}.",
        "Make the list again (wattmark campaign run), look at it, and approve what its manifest says then.",
    )


def _verified(settings: Settings, folder: Path, row: dict[str, Any], list_sha256: str) -> dict[str, Any]:
    """The manifest of the files that lie there, if they are those that were approved."""
    manifest = read_manifest(folder / LEAVING if row["state"] == "releasing" else folder)
    if (
        manifest is None
        or digest_of(row["campaign_run_id"], manifest["files"]) != row["list_sha256"]
        or list_sha256 != (row["approved_list_sha256"] or row["list_sha256"])
    ):
        raise _not_what_was_approved(folder, row)
    _hold_against(settings, folder, row, manifest)
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
        is_leaving = row["state"] == "releasing" and _was_handed_over(settings, campaign_run_id)
        if row["state"] not in ("listed", *WAITING) or is_leaving:
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
        shutil.rmtree(folder / LEAVING, ignore_errors=True)
    take_back_drafts(settings, campaign_run_id)


def correct(
    settings: Settings,
    run: Run,
    session: Session,
    engine: Engine,
    campaign_id: str,
    why: str,
    now: dt.datetime | None = None,
) -> CampaignOutcome:
    """Make a new version of a released list of the run's date, decided from what is known now.

    The contacts of the version before do not count against the new one. The new version awaits approval of its
    own, says which one it corrects, and replaces it once it is released.

    Raises:
        CampaignError: there is no such campaign, or no released list of it on that date.
    """
    file = next(
        (candidate for candidate in load_campaigns(settings) if candidate.campaign.id == campaign_id), None
    )
    if file is None:
        raise CampaignError("campaign.unknown", f"There is no campaign {campaign_id}.")
    if file.campaign.audience.grain == "area":
        raise CampaignError(
            "campaign.area", "An area mailing has no names to correct.", "Make the list of another date."
        )
    now = now or dt.datetime.now(dt.UTC)
    know(session, now)
    last, version = _last_released(engine, file, run)
    decision = decide(session, engine, [file], [last], now, follows=False)
    if decision.problems:
        raise CampaignError("campaign.problem", decision.problems[campaign_id])
    store_feedback(session, engine)
    with engine.begin() as connection:
        keep_arms(session, connection, now)
        store(session, connection, run, decision.planned[0], now, version, last, why, by_hand=True)
    return write_files(settings, session, engine, run, file)


def _last_released(engine: Engine, file: CampaignFile, run: Run) -> tuple[str, int]:
    with engine.connect() as connection:
        rows = (
            connection.execute(
                text(
                    "SELECT campaign_run_id, version, state, COALESCE(definition->>'wave', '1') AS wave, "
                    "COALESCE(definition->>'step_listed', '0') AS step_listed FROM ops.campaign_run WHERE campaign_id = :campaign AND as_of = :as_of "
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
    if int(released[-1]["wave"]) > 1 or int(released[-1]["step_listed"]):
        raise CampaignError(
            "campaign.follows",
            f"{released[-1]['campaign_run_id']} is a later wave, or has steps that follow earlier lists; it is not decided anew.",
            "Correct the list that it follows; who is left over gets the next wave or step.",
        )
    if rows[-1]["state"] in ("listed", *WAITING):
        raise CampaignError(
            "campaign.open_correction", f"{rows[-1]['campaign_run_id']} still awaits approval."
        )
    return released[-1]["campaign_run_id"], rows[-1]["version"] + 1
