"""The campaign step of a night, for whoever runs it: the command line, or a task."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wattmark.campaign.definition import CampaignError
from wattmark.campaign.lists import close_overdue, make_lists
from wattmark.campaign.outcome import CampaignOutcome
from wattmark.campaign.release import refuse, release
from wattmark.engine.session import DuckDBSession, Session
from wattmark.home import Home
from wattmark.publish.ops import ops_engine, upgrade, warehouse_url
from wattmark.run import Run
from wattmark.settings import Settings

log = logging.getLogger(__name__)

SETTLED = frozenset(
    {"campaign.too_late", "campaign.not_awaiting", "campaign.released", "campaign.nobody_left"}
)
"""Errors of an answer that came after the list was settled."""


def campaigns(settings: Settings, run: Run, only: Sequence[str] = ()) -> list[CampaignOutcome]:
    """Make the lists of a date from the lake, up to awaiting approval (see ``lists.make_lists``)."""
    upgrade(warehouse_url(settings))
    engine = ops_engine(settings)
    try:
        # Lists are set logic on one machine; the larger engine is for the tables below.
        with DuckDBSession(settings, run) as session:
            return make_lists(settings, run, session, engine, only)
    finally:
        engine.dispose()


def list_counts(settings: Settings, run: Run) -> dict[str, int]:
    """Make the lists of a date and count customers and accounts listed, by campaign; lists of nobody left out."""
    return {one.campaign_id: one.listed for one in campaigns(settings, run) if one.listed}


def awaiting(outcomes: Sequence[CampaignOutcome]) -> list[dict[str, str]]:
    """What has to be approved: id, digest, and the words an approver is shown. Nobody on a list is named."""
    found = []
    for one in outcomes:
        # A list of nobody is no question to anybody; the next night closes it.
        if one.state != "awaiting_approval" or not one.listed:
            continue
        manifest = json.loads((Path(one.files[0]).parent / "manifest.json").read_text(encoding="utf-8"))
        lines = [
            f"- {entry['file']}: {entry['rows']:,} {'letters' if '.pdf' in entry['file'] else 'rows'}, out on {entry['send_on']} between {entry['from_hour']} and {entry['until_hour']}"
            for entry in manifest["files"]
        ]
        found.append(
            {
                "campaign_run_id": one.campaign_run_id,
                "list_sha256": manifest["list_sha256"],
                "due_at": manifest["approval"]["due_at"],
                "subject": f"Release {one.campaign_run_id}: {one.listed - one.dropped:,} listed, cost {one.cost_amount:,.2f}",
                "body": f"Considered {one.considered:,}, control {one.control:,}, excluded {one.excluded:,}, over limit "
                f"{one.over_limit:,}.\n\n"
                + "\n".join(lines)
                + "".join(
                    f"\n- left out, for want of {what}: {count:,}"
                    for what, count in manifest.get("lacking", {}).items()
                )
                + f"\n\nWhat they are told, and the files: /wattmark/lists/{one.campaign_run_id}/ on this server."
                + f"\n\nApproved by: {', '.join(manifest['approval']['by'])}, "
                f"until {manifest['approval']['due_at']}. List {manifest['list_sha256'][:16]}.",
            }
        )
    return found


def answer(
    settings: Settings,
    run: Run,
    campaign_run_id: str,
    list_sha256: str,
    said: dict[str, Any] | None,
    now: dt.datetime,
    session: Session | None = None,
) -> str:
    """Do what an approver said: release, or refuse; no answer by the list's time refuses it.

    An answer to what is settled already, by the clock or by another answer, changes nothing and is no error.

    Args:
        settings: of the home.
        run: the night (unused but for the step's signature).
        campaign_run_id: the list.
        list_sha256: what was shown.
        said: ``chosen_options`` and ``responded_by_user`` of the approval, or None.
        now: when it was said.
        session: as ``release`` takes it.

    Returns:
        released, released before, refused, unanswered, or why the answer came too late.
    """
    user = (said or {}).get("responded_by_user") or {}
    who = user.get("name") or user.get("id")
    engine = ops_engine(settings)
    try:
        if not who:
            close_overdue(engine, now)
            return "unanswered"
        if (said or {}).get("chosen_options") == ["Approve"]:
            return (
                "released"
                if release(settings, engine, campaign_run_id, who, list_sha256, now, session)
                else "released before"
            )
        refuse(settings, engine, campaign_run_id, who, "refused by the approver")
        return "refused"
    except CampaignError as error:
        if error.code not in SETTLED:
            raise
        log.warning("%s", error)
        return error.message if error.code == "campaign.nobody_left" else f"too late: {error.message}"
    finally:
        engine.dispose()


def published_night(settings: Settings) -> dt.date:
    """Date of the newest published night, by the watermark that publishing moves last.

    Raises:
        CampaignError: nothing was published yet.
    """
    published = sorted((Home(settings.home).watermarks).glob("*.json"))
    if not published:
        raise CampaignError("campaign.no_night", "No night is published yet.", "Run the nightly DAG first.")
    return dt.date.fromisoformat(published[-1].stem)
