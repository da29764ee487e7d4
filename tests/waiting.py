"""Waiting for what a scheduler does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

WAIT_S = 600.0
"""How long anything may take on a loaded machine, seconds."""


def wait_for(what: str, found: Callable[[], Any]) -> Any:
    """The first true value that ``found`` returns, asked once a second.

    Raises:
        AssertionError: there was none within ``WAIT_S``; names ``what``.
    """
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(1)
    raise AssertionError(f"{what} did not come within {WAIT_S:.0f} s")
