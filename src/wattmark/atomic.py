"""Files that are replaced in one step."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from wattmark.errors import WattmarkError

MAKE_ROOM = (
    "Make room and run the same date again; what was there before is unchanged. `wattmark tidy` deletes earlier "
    "versions of the lake's tables; `scratch` and `lake/.damaged` of the home may be emptied."
)

Content = str | bytes | Callable[[BinaryIO], object]
"""Text, bytes, or what fills an open file."""


def write_atomically(path: Path, content: Content, *, private: bool = False, replace: bool = True) -> None:
    """Put a file in place in one step, so that a killed writer leaves what was there; folders above it are made.

    Args:
        path: the file.
        content: what it shall hold; text is UTF-8.
        private: only its owner may read the file, whatever the umask, and it is on the disk before it has its name.
        replace: False leaves a file that is there: of two writers that start together one is the first.

    Raises:
        WattmarkError: ``home.disk_full``; names the file, which is as it was.
    """
    # Its name tells whose draft it is, and no two writers share one.
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(draft, flags, 0o600 if private else 0o666), "w+b") as stream:
            if isinstance(content, str):
                stream.write(content.encode())
            elif isinstance(content, bytes):
                stream.write(content)
            else:
                content(stream)
            if private:
                stream.flush()
                os.fsync(stream.fileno())
        if replace:
            draft.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise WattmarkError(
            "home.disk_full", f"The disk is full: {path} could not be written.", MAKE_ROOM
        ) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
