"""Folders that go with the process that made them, however it ends."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_WATCH = "import shutil, sys\nfor line in list(sys.stdin): shutil.rmtree(line.rstrip('\\n'), True)"


class Leftover:
    """Removes folders when it is left, and when this process is killed. Use as a context manager.

    What watches is a process of its own that reads from a pipe: its end is the end of whoever holds the other side.
    """

    def __enter__(self) -> Self:
        self._watch = subprocess.Popen(  # noqa: S603 - this interpreter and a text of this file
            [sys.executable, "-I", "-S", "-c", _WATCH],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch.stdin is not None:
            with suppress(OSError):
                self._watch.stdin.close()
        self._watch.wait()

    def folder(self, path: Path) -> None:
        """Have a folder removed at the end."""
        if self._watch.stdin is not None:
            self._watch.stdin.write(f"{path}\n")
            self._watch.stdin.flush()
