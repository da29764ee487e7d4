"""Lists that are split: which part of a list a member stands in, and the manifest that each part has of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wattmark.campaign.definition import Campaign
from wattmark.campaign.files import read_manifest, write_manifest
from wattmark.campaign.keys import campaign_key
from wattmark.engine.session import Session

NOBODY = "none"
"""The part of members whom no manager looks after, or no unit serves."""
Parts = dict[tuple[str, str], str]
"""Part by customer_id and account_id."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_SEPARATOR = chr(31)

_MANAGER = """
SELECT listed.customer_id, listed.account_id, MIN(customer_manager.staff_id) FROM night.listed
LEFT JOIN source.customer_manager ON customer_manager.customer_id = listed.customer_id AND customer_manager.role = 'manager'
  AND customer_manager.from_on <= CAST(? AS DATE) AND (customer_manager.to_on IS NULL OR customer_manager.to_on >= CAST(? AS DATE))
WHERE NOT listed.is_seed GROUP BY listed.customer_id, listed.account_id
"""
# A customer's unit is that of the first of its accounts, the supplied ones before all others.
_UNIT = """
SELECT listed.customer_id, listed.account_id, ARG_MIN(account.org_unit_id, (account.status NOT IN ('active', 'suspended'), account.account_id))
FROM night.listed
LEFT JOIN source.account ON account.customer_id = listed.customer_id AND (listed.account_id = '' OR account.account_id = listed.account_id)
WHERE NOT listed.is_seed GROUP BY listed.customer_id, listed.account_id
"""


def parts_of(session: Session, campaign: Campaign) -> Parts | None:
    """The part of each member of ``night.listed``; None where the list is not split.

    A provider is drawn by a keyed hash of the customer, so that she is always the same one's.

    Raises:
        SqlFileError: a table of managers or accounts is not in the lake.
    """
    split = campaign.split
    if split is None:
        return None
    if split.by == "provider":
        listed = session.duck.execute(
            "SELECT DISTINCT customer_id, account_id FROM night.listed WHERE NOT is_seed"
        ).fetchall()
        key = campaign_key(session.settings.home)
        return {(customer, account): _provider(split.providers, f"{key}{_SEPARATOR}provider{_SEPARATOR}{campaign.id}{_SEPARATOR}{customer}") for customer, account in listed}  # fmt: skip
    day = session.run.as_of
    if split.by == "manager":
        session.see(["source.customer_manager"])
        rows = session.duck.execute(_MANAGER, [day, day]).fetchall()
    else:
        session.see(["source.account"])
        rows = session.duck.execute(_UNIT).fetchall()
    return {(customer, account): part or NOBODY for customer, account, part in rows}


def _provider(shares: Mapping[str, float], said: str) -> str:
    drawn = int(hashlib.sha256(said.encode()).hexdigest()[:13], 16) / 16**13
    names = sorted(shares)
    for name in names:
        drawn -= shares[name]
        if drawn < 0:
            return name
    return names[-1]


def file_part(part: str) -> str:
    """A part as it stands in a file's name: letters, digits, ``-`` and ``_``; what had others ends with a hash of it."""
    safe = _UNSAFE.sub("-", part)[:40]
    return safe if safe == part else f"{safe}-{hashlib.sha256(part.encode()).hexdigest()[:8]}"


def part_manifests(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The manifest of each part, by its file's name; it names the part's files alone, and the digest of the whole list."""
    by_part: dict[str, list[dict[str, Any]]] = {}
    for entry in manifest["files"]:
        if "part" in entry:
            by_part.setdefault(entry["part"], []).append(entry)
    return {
        f"manifest.{file_part(part)}.json": {**manifest, "part": part, "files": entries}
        for part, entries in sorted(by_part.items())
    }


def write_manifests(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a list's manifest and those of its parts; what was of a part that is no more is taken away."""
    wanted = part_manifests(manifest)
    for name in part_manifests(read_manifest(folder) or {"files": []}):
        if name not in wanted:
            (folder / name).unlink(missing_ok=True)
    for name, said in wanted.items():
        write_manifest(folder, said, name)
    write_manifest(folder, manifest)
