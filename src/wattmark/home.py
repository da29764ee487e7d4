"""A home is private: personal data lies in it, and no other account of the machine reads it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from wattmark.errors import ServiceError

PRIVATE_UMASK = 0o077
OTHERS = 0o077


def be_private() -> None:
    """Let whatever this process and its children make be readable by their owner alone."""
    os.umask(PRIVATE_UMASK)


def make_parents(home: Path) -> None:
    """Make the folders above a home as others make theirs: who may pass through them is not decided here."""
    before = os.umask(0o022)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(before)


def tighten(home: Path, group: int | None = None) -> None:
    """Close a home that is there to other accounts, and, where it was open, all that lies in it.

    Files and folders of other accounts (PostgreSQL's) and links are left as they are.

    Args:
        home: the folder; nothing is done where there is none.
        group: the group that may pass through it, not look into it; nobody else where None.

    Raises:
        ServiceError: it is a folder that everybody may write to, or it is somebody else's and open.
    """
    if not home.is_dir():
        return
    found = home.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & (stat.S_IWOTH | stat.S_ISVTX) or home == home.parent:
        raise ServiceError(
            "services.home_shared",
            f"{home} is a folder that other accounts use too; personal data would lie in it.",
            f"Choose a folder of its own, such as {home / 'wattmark'}.",
        )
    passing = stat.S_IXGRP if group is not None else 0
    if not mode & (OTHERS & ~passing) and (group is None or found.st_gid == group):
        return
    try:
        if group is not None:
            os.chown(home, -1, group)
        home.chmod(stat.S_IRWXU | passing)
    except PermissionError:
        raise ServiceError(
            "services.home_not_private",
            f"Other accounts may read {home}, which belongs to account {found.st_uid}.",
            f"Let its owner run: chmod 700 {home}; or choose another home.",
        ) from None
    if mode & (OTHERS & ~stat.S_IXGRP):
        _tighten_below(home)


def _tighten_below(folder: Path) -> None:
    mine = os.geteuid()
    for entry in os.scandir(folder):
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode) or found.st_uid != mine:
            continue
        if found.st_mode & OTHERS:
            Path(entry.path).chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
        if entry.is_dir(follow_symlinks=False):
            _tighten_below(Path(entry.path))
