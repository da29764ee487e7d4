"""Lists as the warehouse knows them this minute, for people: what awaits an answer, and what has been released."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from wattmark.campaign.files import read_manifest
from wattmark.campaign.outcome import folder_of
from wattmark.settings import Settings

WAITING = ("awaiting_approval", "releasing")
"""States of lists that await an answer, or whose release broke off."""
ANSWERED = ("listed", "released", "corrected", "refused")
"""All other states; listed is one whose files are being made."""

_LISTS = (
    "SELECT campaign_run_id, campaign_id, purpose, as_of, version, state, considered, listed, control, excluded, over_limit, dropped, "
    "cost_amount, send_on, approval_due_at, approved_by, approved_at, released_at, list_sha256, note, definition, corrects_run_id "
    "FROM ops.campaign_run WHERE {condition} ORDER BY as_of DESC, campaign_id, version DESC LIMIT :limit"
)


def stored_lists(
    engine: Engine, *, states: tuple[str, ...] = (), limit: int | None = None
) -> list[dict[str, Any]]:
    """Rows of ``ops.campaign_run``, newest first.

    Args:
        engine: the warehouse.
        states: only lists in one of these; all where empty.
        limit: at most so many; all where None.
    """
    condition = "state = ANY(:states)" if states else "TRUE"
    values = {"limit": limit, **({"states": list(states)} if states else {})}
    with engine.connect() as connection:
        rows = connection.execute(text(_LISTS.format(condition=condition)), values)
        return [dict(row) for row in rows.mappings()]


def stored_list(engine: Engine, campaign_run_id: str) -> dict[str, Any] | None:
    """One row of ``ops.campaign_run``; None where there is no such list."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(_LISTS.format(condition="campaign_run_id = :name")), {"name": campaign_run_id, "limit": 1}
        )
        row = rows.mappings().first()
    return None if row is None else dict(row)


def may_approve(settings: Settings, roles: Sequence[str], who: str) -> bool:
    """Whether somebody is one of those a campaign names, or stands for one of these roles in the settings."""
    people = settings.campaigns.approvers
    return who in roles or any(who in people.get(role, ()) for role in (*roles, "*"))


def place_of(settings: Settings, row: dict[str, Any]) -> Path:
    """Folder of a list's files."""
    return folder_of(settings, row["campaign_id"], row["as_of"], row["version"])


def how_to_approve(settings: Settings, row: dict[str, Any]) -> str:
    """The command that approves a list, with the digest of what lies there; without quotes, in one line."""
    roles = row["definition"]["approval"]["by"]
    people = settings.campaigns.approvers
    named = [who for role in (*roles, "*") for who in people.get(role, ())]
    return (
        f"wattmark campaign approve {row['campaign_run_id']} --by {(named or roles)[0]} "
        f"--list-sha256 {row['list_sha256']} --home {settings.home}"
    )


def files_of(settings: Settings, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Entries of a list's manifest, each with its ``path``; none where the files are not there any more."""
    folder = place_of(settings, row)
    manifest = read_manifest(folder) or {"files": []}
    return [entry | {"path": str(folder / entry["file"])} for entry in manifest["files"]]
