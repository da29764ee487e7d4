"""Files that are replaced in one step."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from wattmark.errors import WattmarkError

MAKE_ROOM = (
    "Make room and run the same date again; what was there before is unchanged. `wattmark tidy` deletes earlier "
    "versions of the lake's tables; `scratch` and `lake/.damaged` of the home may be emptied."
)


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step, so that a killed writer leaves the old one.

    Raises:
        WattmarkError: ``home.disk_full``; names the file, which is as it was.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise WattmarkError(
            "home.disk_full", f"The disk is full: {path} could not be written.", MAKE_ROOM
        ) from None
