"""A real PostgreSQL of the tests' own, with schema ops migrated; emptied between tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from wattmark import home
from wattmark.local import services
from wattmark.local.processes import next_free_port
from wattmark.publish.ops import upgrade
from wattmark.settings import load_settings


@pytest.fixture(scope="session")
def warehouse_url() -> Iterator[str]:
    # Every account may pass through it, unlike pytest's own folders: root hands the server to another one.
    folder = Path(tempfile.mkdtemp(prefix="wattmark-"))
    folder.chmod(0o755)
    settings = load_settings(folder / "home", services={"postgres_port": next_free_port(16_500)})
    try:
        services.up(settings, airflow=False)
        url = home.warehouse_url(settings)
        upgrade(url)
        yield url
    finally:
        services.discard(settings)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ops(warehouse_url: str) -> Iterator[Engine]:
    engine = create_engine(warehouse_url)
    yield engine
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ops.campaign_run, ops.campaign_member, ops.campaign_drop, ops.campaign_area, ops.campaign_arm, ops.campaign_key, ops.suppression, "
                "ops.audit_case, ops.audit_case_event, ops.pipeline_run"
            )
        )
    engine.dispose()
