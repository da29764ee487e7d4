"""What came of a campaign's list in a night, and where its files lie."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from wattmark.home import Home
from wattmark.settings import Settings


@dataclass
class CampaignOutcome:
    """What became of one campaign in one night. Counts leave seeds out; ``dropped`` of those listed are left out; ``problem`` says why nothing was made."""

    campaign_id: str
    campaign_run_id: str = ""
    state: str = ""
    considered: int = 0
    listed: int = 0
    control: int = 0
    excluded: int = 0
    over_limit: int = 0
    dropped: int = 0
    cost_amount: float = 0.0
    files: list[str] = field(default_factory=list)
    problem: str = ""


def folder_of(settings: Settings, campaign_id: str, as_of: dt.date, version: int) -> Path:
    """Folder of a list's files; versions after the first say so."""
    name = campaign_id if version == 1 else f"{campaign_id}.v{version}"
    return Home(settings.home).lists / as_of.isoformat() / name


LISTED = pa.schema(
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


NOBODY = "nobody is on it"
PREVIEW_FILE = "previews.json"
"""Beside a list's files: what some of its members are told. It leaves the home with no delivery."""
SEED = "seed-"
"""Customer ids of seeds begin so; no customer's does, since a seed never meets the marts."""
RUN = (
    "SELECT campaign_run_id, state, version, considered, listed, control, excluded, over_limit, cost_amount, list_sha256, "
    "definition_hash, dropped, approved_by, released_at, corrects_run_id, definition, approval_due_at FROM ops.campaign_run WHERE campaign_id = :campaign "
    "AND as_of = :as_of ORDER BY version DESC LIMIT 1"
)
