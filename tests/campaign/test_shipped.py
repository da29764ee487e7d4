"""The campaigns of the project on the sample utility: each finds somebody, on a night of the real pipeline."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from wattmark import night
from wattmark.campaign.definition import load_campaigns
from wattmark.campaign.preview import preview
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import load_settings
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import FolderSink

MARTS = (
    "mart.dim_account", "mart.dim_customer", "mart.fct_bill", "mart.tariff_fit", "mart.next_service", "mart.customer_segment",
    "mart.audit_exception",
)  # fmt: skip
"""What relations and standing rules read; the marts of findings and campaigns stay empty."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_each_campaign_lists_somebody_on_the_sample(tmp_path: Path) -> None:
    plan = SamplePlan(accounts=2000, faults=True, seed=1, as_of=dt.date(2026, 11, 4))
    generate(plan, FolderSink(tmp_path / "sample", "parquet"))
    settings = load_settings(tmp_path / "home", sources=[{"location": str(tmp_path / "sample")}])
    # The same key, the same control groups.
    settings.home.mkdir(exist_ok=True)
    (settings.home / "campaign.key").write_text("6" * 64)
    run = Run.of(plan.as_of, settings.utility.time_zone)
    for table in night.tables(settings):
        night.extract(settings, run, table)
    night.accept(settings, run)
    for layer in ("core", "facts", "segment"):
        night.build(settings, run, layer)
    with DuckDBSession(settings, run) as session:
        for name in MARTS:
            session.build(name)
        found = {}
        for file in load_campaigns(settings):
            # Each by itself, as on the days on which it is due: together they compete for the same customers.
            shown = preview(session, None, [file])[0]
            assert shown.problem == "", shown.campaign_id
            if file.campaign.audience.grain != "area":
                assert (shown.smallest_lift is None) == bool(shown.power_problem), shown.campaign_id
                assert shown.smallest_lift is None or 0 < shown.smallest_lift < 1
            found[shown.campaign_id] = shown.outcomes.get("listed", 0)
    assert len(found) == len(list((settings.include / "campaigns").glob("*.yaml")))
    assert [name for name, listed in found.items() if not listed] == []
