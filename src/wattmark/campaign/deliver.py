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
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from wattmark.atomic import write_atomically
from wattmark.campaign.definition import CampaignError
from wattmark.campaign.files import clear_drafts
from wattmark.settings import Settings


class Target(Protocol):
    """Where lists are delivered to; paths are relative and use ``/``."""

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""

    def read(self, path: str) -> bytes:
        """The content of a file; FileNotFoundError where there is none."""

    def write(self, path: str, content: bytes) -> None:
        """Write a file in one step."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in one step where the target can."""

    def remove(self, path: str) -> None:
        """Take away a folder and what lies in it, if there is one."""


class FolderTarget:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, root: Path) -> None:
        """Deliver below ``root``, which is made if need be."""
        self.root = root

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return (self.root / path).exists()

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return (self.root / path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Write a file in one step, readable by its owner alone."""
        write_atomically(self.root / path, content, private=True)

    def rename(self, old: str, new: str) -> None:
        """Rename in one step and wait until the disk has it."""
        (self.root / new).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.root / old).replace(self.root / new)
        handle = os.open((self.root / new).parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self, path: str) -> None:
        """Take away a folder and what lies in it, drafts of killed writers among it."""
        shutil.rmtree(self.root / path, ignore_errors=True)


EXTRAS = {"sftp": "sftp", "ssh": "sftp", "s3": "s3", "s3a": "s3"}
"""The extra of this package that brings what a kind of URL needs."""


def check_target(location: str) -> None:
    """Whether lists could be delivered there as far as can be told without asking it.

    Raises:
        CampaignError: what a URL of this kind needs is not installed, or there is no such kind.
    """
    scheme, separator, _ = location.partition("://")
    if not separator:
        return
    import fsspec

    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        raise CampaignError(
            "delivery.not_installed",
            f"Lists cannot be delivered to {scheme}://: {error}.",
            f"Run: pip install 'wattmark[{extra}]'." if extra else "Install it, or deliver to a folder.",
        ) from None
    except ValueError:
        raise CampaignError(
            "delivery.unknown",
            f"Lists cannot be delivered to {scheme}://: nothing here knows such a place.",
            "Set campaigns.delivery to a folder, sftp://… or s3://….",
        ) from None


class FsspecTarget:
    """Whatever fsspec reaches: ``sftp://`` and ``s3://`` with the extra of that name, ``memory://`` and others.

    An object store writes an object in one step, but renames by copying; a kill in between is seen by the
    receipt and the draft, and the copy is made again with the same content.
    """

    def __init__(self, url: str) -> None:
        """Deliver below a URL.

        Raises:
            CampaignError: fsspec, or what it needs for this kind of URL, is not installed.
        """
        check_target(url)
        import fsspec

        self.files, root = fsspec.core.url_to_fs(url)
        self.root = str(root).rstrip("/")

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        self.files.invalidate_cache()
        return bool(self.files.exists(f"{self.root}/{path}"))

    def read(self, path: str) -> bytes:
        """The content of a file."""
        self.files.invalidate_cache()
        return bytes(self.files.cat_file(f"{self.root}/{path}"))

    def write(self, path: str, content: bytes) -> None:
        """Write a file; in one step on object stores."""
        target = f"{self.root}/{path}"
        self.files.makedirs(target.rpartition("/")[0], exist_ok=True)
        self.files.pipe_file(target, content)

    def rename(self, old: str, new: str) -> None:
        """Move a file."""
        self.files.makedirs(f"{self.root}/{new}".rpartition("/")[0], exist_ok=True)
        self.files.mv(f"{self.root}/{old}", f"{self.root}/{new}")

    def remove(self, path: str) -> None:
        """Take away a folder and what lies in it, if there is one."""
        self.files.invalidate_cache()
        with contextlib.suppress(FileNotFoundError):
            self.files.rm(f"{self.root}/{path}", recursive=True)


def target_of(location: str) -> Target:
    """The target a setting names: a folder, or a URL.

    Raises:
        CampaignError: the URL's kind is not supported by what is installed.
    """
    return FsspecTarget(location) if "://" in location else FolderTarget(Path(location))


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


def take_back_drafts(settings: Settings, run_name: str) -> None:
    """Take away what a killed release of a list left half handed over, where the list will not be released."""
    if settings.campaigns.delivery:
        target = target_of(settings.campaigns.delivery)
        target.remove(f".drafts/{run_name}")
        if isinstance(target, FolderTarget):
            for folder in (".drafts", ".receipts", run_name):
                clear_drafts(target.root / folder)
