"""Hands released lists over to a folder, an SFTP server or an object store, once each.

A file is written beside its place, a receipt is left, then the file is renamed. Whoever comes again after a
kill finds either no receipt (nothing was handed over: start again), or a receipt and the draft (rename it),
or a receipt without a draft (it was handed over, and may have been fetched and taken away since). What is sent
is held against the manifest right before, and what arrived against what was sent, before it gets its name and after.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wattmark.campaign.definition import CampaignError
from wattmark.campaign.files import clear_drafts
from wattmark.campaign.targets import FolderTarget, Target, target_of
from wattmark.settings import Settings


def deliver(
    target: Target,
    run_name: str,
    folder: Path,
    entries: Sequence[dict[str, Any]],
    manifests: Mapping[str, bytes],
) -> list[str]:
    """Hand over the files of one list and, last, its manifests; does nothing that was done before.

    Args:
        target: where to.
        run_name: the list's id, which names its folder there.
        folder: where the files lie here.
        entries: the manifest's entries.
        manifests: the manifests as they are delivered, by name; that of the whole list last.

    Returns:
        what was handed over by this call.

    Raises:
        CampaignError: a file is not the one that was approved, or did not arrive as it was sent.
    """
    done = []
    contents = [
        (entry["file"], (folder / entry["file"]).read_bytes(), entry["file_sha256"]) for entry in entries
    ]
    for name, content, digest in contents:
        # What is checked here is what is sent: it is not read again.
        if _sha256(content) != digest:
            raise CampaignError(
                "delivery.not_what_was_approved",
                f"{folder / name} is not the file that was approved; it was not handed over.",
                "Make the list again (wattmark campaign run), look at it, and approve it anew.",
            )
    for name, content, digest in [
        *contents,
        *((name, said, _sha256(said)) for name, said in manifests.items()),
    ]:
        draft, receipt, place = (
            f".drafts/{run_name}/{name}",
            f".receipts/{run_name}/{name}",
            f"{run_name}/{name}",
        )
        said = json.dumps({"file": place, "sha256": digest}).encode()
        if not _is_said(target, receipt, said) or (
            target.exists(draft) and _sha256(target.read(draft)) != digest
        ):
            target.write(draft, content)
            _arrived(target, draft, digest)
            target.write(receipt, said)
        if target.exists(draft):
            _arrived(target, draft, digest)
            target.rename(draft, place)
            # Whoever fetches lists may have taken it away already.
            with contextlib.suppress(FileNotFoundError):
                _arrived(target, place, digest)
            done.append(place)
    target.remove(f".drafts/{run_name}")
    return done


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_said(target: Target, receipt: str, said: bytes) -> bool:
    """Whether the receipt speaks of this very file; one of another list, made before, does not."""
    try:
        return target.read(receipt) == said
    except FileNotFoundError:
        return False


def _arrived(target: Target, path: str, digest: str) -> None:
    if _sha256(target.read(path)) != digest:
        raise CampaignError(
            "delivery.damaged",
            f"{path} did not arrive as it was sent.",
            "Take it away there, look at the disk and the connection, and release the list again.",
        )


@contextlib.contextmanager
def delivery_target(settings: Settings) -> Iterator[Target | None]:
    """Where released lists go, open while the block runs; None where they are not delivered.

    Raises:
        CampaignError: the place cannot be reached; says why.
    """
    location = settings.campaigns.delivery
    if not location:
        yield None
        return
    with contextlib.closing(target_of(location, settings.campaigns.sftp, settings.s3)) as target:
        yield target


def take_back_drafts(settings: Settings, run_name: str) -> None:
    """Take away what a killed release of a list left half handed over, where the list will not be released."""
    with delivery_target(settings) as target:
        if target is None:
            return
        target.remove(f".drafts/{run_name}")
        if isinstance(target, FolderTarget):
            for folder in (".drafts", ".receipts", run_name):
                clear_drafts(target.root / folder)
