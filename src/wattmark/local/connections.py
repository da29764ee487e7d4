"""Airflow's connections, for a command line that is no task of Airflow's."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from wattmark.checkup_sources import CONNECT_SECONDS, asked_of_airflow, connections_of
from wattmark.errors import ServiceError
from wattmark.local import services
from wattmark.local.airflow import process_env
from wattmark.settings import Settings
from wattmark.sources.resolve import sqlalchemy_url


def connection_urls(settings: Settings, seconds: float = CONNECT_SECONDS) -> tuple[dict[str, str], str]:
    """URLs of the Airflow connections that sources name, looked up in no more than so many seconds.

    Returns:
        URL by connection id, empty where Airflow has none of that id; and why connections that are not among
        them could not be looked up.
    """
    wanted = connections_of(settings)
    if not wanted:
        return {}, ""
    if os.environ.get("AIRFLOW_HOME"):
        return asked_of_airflow(settings)
    try:
        # What a night starts by itself need not run yet.
        if any(
            part.component == "postgres" and part.state != "running" for part in services.status(settings)
        ):
            return {}, "this home's database does not run; wattmark up --no-airflow starts it"
        environment = process_env(settings)
    except ServiceError:
        return {}, "this home has no services yet; wattmark up makes them"
    # A connection in the environment is Airflow's first choice, and needs no Airflow to be read.
    named = {name: environment.get(f"AIRFLOW_CONN_{name.upper()}", "") for name in wanted}
    answer = {name: sqlalchemy_url(uri) for name, uri in named.items() if "://" in uri}
    if not wanted - set(answer):
        return answer, ""
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "wattmark.local.connection", *sorted(wanted - set(answer))],
            env=environment, capture_output=True, timeout=seconds, check=False, text=True,
        )  # fmt: skip
        told: dict[str, str] = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        told = {}
    if not told:
        return answer, "Airflow's database does not answer; wattmark up --no-airflow starts it"
    return {**answer, **told}, ""
