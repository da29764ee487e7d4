"""The campaign step of a night, for whoever runs it: the command line, or a task."""

from __future__ import annotations

from collections.abc import Sequence

from wattmark.campaign.lists import CampaignOutcome, make_lists
from wattmark.engine.session import DuckDBSession
from wattmark.publish.ops import ops_engine, upgrade, warehouse_url
from wattmark.run import Run
from wattmark.settings import Settings


def campaigns(settings: Settings, run: Run, only: Sequence[str] = ()) -> list[CampaignOutcome]:
    """Make the lists of a date from the lake, up to awaiting approval (see ``lists.make_lists``)."""
    upgrade(warehouse_url(settings))
    engine = ops_engine(settings)
    try:
        # Lists are set logic on one machine; the larger engine is for the tables below.
        with DuckDBSession(settings, run) as session:
            return make_lists(settings, run, session, engine, only)
    finally:
        engine.dispose()
