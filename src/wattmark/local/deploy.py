"""Preparing servers of one's own, where Airflow and PostgreSQL are run by somebody else.

The environment says where they are, as Airflow itself reads it; nothing is started here, and everything may
be repeated: what is there stays.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wattmark.errors import ServiceError
from wattmark.home import make_parents, tighten, warehouse_url
from wattmark.local import airflow
from wattmark.local.processes import Progress
from wattmark.publish.ops import upgrade
from wattmark.settings import SERVICE_VARIABLES, Settings
from wattmark.user_settings import ADMIN

PASSWORD_VARIABLE = "WATTMARK_AIRFLOW_PASSWORD"  # noqa: S105
"""Environment variable with the password of Airflow's user ``admin``."""
NEEDED = (
    "AIRFLOW_HOME",
    "AIRFLOW__CORE__DAGS_FOLDER",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    PASSWORD_VARIABLE,
)
"""Environment variables without which Airflow makes up a value of its own, in each process another."""
COMMAND_TIMEOUT_S = 900.0


def _airflow(*arguments: str) -> str:
    """Run one of Airflow's commands in this process's environment; returns what it printed.

    Raises:
        ServiceError: it failed; the message ends with what it said.
    """
    done = subprocess.run(  # noqa: S603
        airflow.command(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-15:])
        raise ServiceError(
            "deploy.airflow",
            f"`airflow {' '.join(arguments[:2])}` failed (exit status {done.returncode}):\n{said}\n",
            "Correct what it names and repeat `wattmark prepare`.",
        )
    return done.stdout


def _make_pools(settings: Settings) -> list[str]:
    """Make the pools that are missing; one whose slots somebody changed stays. Returns those made."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pools.json"
        _airflow("pools", "export", str(file))
        known: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        missing = {
            name: {"slots": slots, "description": purpose, "include_deferred": False}
            for name, (slots, purpose) in airflow.pools(settings).items()
            if name not in known
        }
        if missing:
            file.write_text(json.dumps(missing), encoding="utf-8")
            _airflow("pools", "import", str(file))
    return list(missing)


def prepare(settings: Settings, progress: Progress) -> None:
    """Bring the servers that the environment names to where a night can run on them.

    Args:
        settings: of the home; ``services.warehouse_url`` must be set.
        progress: told what goes on.

    Raises:
        ServiceError: something needed is not set, or Airflow refuses.
        PublishError: the warehouse is not PostgreSQL.
    """
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if settings.services.warehouse_url is None:
        missing.append(SERVICE_VARIABLES["warehouse_url"])
    if missing:
        raise ServiceError(
            "deploy.not_set",
            f"Not set: {', '.join(missing)}.",
            "Set them in the environment; docs/deployment.md explains each.",
        )
    make_parents(settings.home)
    settings.home.mkdir(mode=0o700, exist_ok=True)
    tighten(settings.home)
    airflow.prepare_folder(settings, {ADMIN: os.environ[PASSWORD_VARIABLE]})
    progress("Preparing Airflow's database")
    _airflow("db", "migrate")
    for name in _make_pools(settings):
        progress(f"Made the pool {name}")
    progress("Preparing schema ops of the warehouse")
    upgrade(warehouse_url(settings))
