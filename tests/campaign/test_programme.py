"""The arms of the programme are those of the lists; what has no key says so and stops no night."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.campaign.world import open_world
from wattmark.campaign.keys import known_key
from wattmark.campaign.people import look_at_people
from wattmark.home import Home
from wattmark.settings import load_settings


def test_the_programme_holds_out_whom_the_lists_hold_out(tmp_path: Path) -> None:
    """A household goes one way; a fifth of all are held out."""
    settings = load_settings(tmp_path, campaigns={"global_control_share": 0.2})
    with open_world(settings, 600) as session:
        arms = session.query("SELECT * FROM mart.programme_arm").read_all().to_pylist()
        look_at_people(session, None)
        standing = session.duck.sql(
            "SELECT customer_id, household_id, is_held_out FROM campaign.standing"
        ).fetchall()
    assert {(row["customer_id"], row["unit_id"], row["is_held_out"]) for row in arms} == set(standing)
    assert len(arms) == 600
    assert 0.12 < sum(row["is_held_out"] for row in arms) / 600 < 0.28
    assert len({row["unit_id"] for row in arms}) == len(
        {(row["unit_id"], row["is_held_out"]) for row in arms}
    )


def test_without_its_key_the_programme_says_nothing_and_stops_no_night(
    tmp_path: Path, ops: Engine, warehouse_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The key of the home was lost, and another is in its place: arms drawn with it would be other arms."""
    settings = load_settings(tmp_path, services={"warehouse_url": warehouse_url})
    file = Home(settings.home).campaign_key
    file.write_text("7" * 64)
    known_key(settings.home, ops)
    with ops.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ops.suppression (channel, address_hash, reason, since) VALUES ('sms', 'x', 'complained', '2026-10-01')"
            )
        )
    file.write_text("8" * 64)
    with open_world(settings, 20) as session:
        assert session.query("SELECT * FROM mart.programme_arm").read_all().num_rows == 0
    assert "campaign.key_changed" in caplog.text
