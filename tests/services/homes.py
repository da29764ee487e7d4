"""Homes for trials of the services, open to the account the server runs as, and taken away again."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wattmark.atomic import write_atomically
from wattmark.home import Home
from wattmark.local import services
from wattmark.local.processes import next_free_port
from wattmark.settings import Settings, load_settings


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder every account may pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="wattmark-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settings_for(home: Path, **more: Any) -> Settings:
    # A port is chosen before it is taken, so that two workers would want the same.
    own = 20 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    chosen = {
        "postgres_port": next_free_port(15_500 + own),
        "airflow_port": next_free_port(18_500 + own),
        **more,
    }
    return load_settings(home, services=chosen)


@contextlib.contextmanager
def a_home(**more: Any) -> Iterator[Settings]:
    with open_folder() as folder:
        settings = settings_for(folder / "home", **more)
        try:
            yield settings
        finally:
            services.discard(settings)


def with_key(home: Path) -> Path:
    """A new home with the key that all homes of tests may share: by it is drawn who is held out of campaigns."""
    home.mkdir()
    write_atomically(Home(home).campaign_key, "0a" * 32 + "\n", private=True)
    return home
