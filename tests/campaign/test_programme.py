"""The arms of the programme are those of the lists."""

from __future__ import annotations

from pathlib import Path

from tests.campaign.world import open_world
from wattmark.campaign.people import look_at_people
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
