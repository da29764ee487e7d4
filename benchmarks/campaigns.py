"""Lists of a night for a large utility: 1,000,000 customers, 20 campaigns, 2 threads, 2 GB for DuckDB.

    python benchmarks/campaigns.py [customers] [campaigns] [--folder DIR]

Starts a PostgreSQL of its own, makes a world (not timed), makes all lists, makes them again, releases the longest of
them, and prints seconds, members stored and the peak memory of this process (the server's is shown apart).
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from pathlib import Path

import psutil
from bench import clocked, options, peak_mb, with_warehouse
from rich.console import Console
from sqlalchemy import create_engine, text

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.campaign.world import AS_OF, open_world

from wattmark.campaign.lists import make_lists
from wattmark.campaign.release import release
from wattmark.home import warehouse_url
from wattmark.local.processes import read_services
from wattmark.publish.ops import upgrade
from wattmark.settings import Settings

CONDITIONS = (
    ("customer", "customer.grade IN ('A', 'B', 'C')"),
    ("customer", "any_account(bill.late_bills >= 2 AND NOT holds('auto_debit') AND NOT holds('e_bill'))"),
    ("account", "account.status = 'active' AND fit.saving_amount >= 200"),
    ("household", "customer.data_grade = 4 AND customer.live_accounts >= 1"),
    ("account", "account.status = 'active' AND account.arrears_band = 5"),
    ("account", "service.lift >= 1.5 AND service.expected_take_up >= 0.05"),
    ("customer", "customer.live_accounts >= 1"),
    ("account", "contract.days_to_expiry BETWEEN 30 AND 90"),
    ("account", "account.usage_category <> 'residential' AND energy.change_share <= -0.2"),
    ("customer", "care.last_satisfaction >= 4"),
)


LONGEST = 6
"""The campaign whose list has 100,000 members, and is released."""


def definition(at: int) -> str:
    grain, where = CONDITIONS[at % len(CONDITIONS)]
    return json.dumps(
        {
            "id": f"bench-{at:02}", "name": {"en": f"Benchmark {at}"}, "objective": "To be measured.", "owner": "bench",
            "purpose": "marketing" if at % 3 else "service", "valid_from": "2026-01-01", "valid_to": "2026-12-31",
            "schedule": {"cron": "0 6 * * *"}, "audience": {"grain": grain, "where": where},
            "channels": [{"channel": name} for name in (("sms", "email", "post"), ("app", "email"), ("email", "phone"))[at % 3 if at != LONGEST else 1]],
            "cells": [{"cell": "a", "share": 0.5}, {"cell": "b", "share": 0.5}],
            "limits": {"size": 100_000, "budget_amount": 100_000, "priority": 9}
            if at == LONGEST
            else {"size": 50_000, "budget_amount": 20_000, "priority": 1 + at % 9}, "personalise": ["contact.name"],
            "approval": {"by": ["boss"]}, "success": {"event": "converted", "value_amount": 5 + at},
        }
    )  # fmt: skip


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("customers", nargs="?", type=int, default=1_000_000)
    parser.add_argument("campaigns", nargs="?", type=int, default=20)
    given = parser.parse_args()
    compute = {"threads": 2, "memory_limit_mb": 2048}
    with with_warehouse(given.folder, compute=compute) as (settings, console):
        measure(settings, console, given.customers, given.campaigns)


def measure(settings: Settings, console: Console, customers: int, campaigns: int) -> None:
    """Make the lists twice, release the longest, and tell what each took."""
    url = warehouse_url(settings)
    upgrade(url)
    engine = create_engine(url)
    (settings.home / "campaigns").mkdir()
    for at in range(campaigns):
        (settings.home / "campaigns" / f"{at:02}.yaml").write_text(definition(at))
    names = [f"bench-{at:02}" for at in range(campaigns)]
    now = dt.datetime.combine(AS_OF + dt.timedelta(days=1), dt.time(2), tzinfo=settings.zone)
    started = time.perf_counter()
    with open_world(settings, customers, files=settings.home / "world") as session:
        console.print(
            f"world of {customers:,} customers: {time.perf_counter() - started:.1f} s (not counted)"
        )
        for what in ("first run", "again"):
            seconds, cpu_seconds, made = clocked(
                lambda: make_lists(settings, session.run, session, engine, names, now)
            )
            console.print(
                f"{what}: {seconds:.1f} s ({cpu_seconds:.1f} s of CPU here); {len(made)} campaigns, {sum(outcome.considered for outcome in made):,} considered, "
                f"{sum(outcome.listed for outcome in made):,} listed, problems: {[outcome.problem for outcome in made if outcome.problem]}"
            )
        longest = max(made, key=lambda campaign: campaign.listed)
        manifest = json.loads((Path(longest.files[0]).parent / "manifest.json").read_text())
        seconds, cpu_seconds, _ = clocked(
            lambda: release(
                settings, engine, longest.campaign_run_id, "boss", manifest["list_sha256"], now, session
            )
        )
        console.print(f"release of {longest.listed:,}: {seconds:.1f} s ({cpu_seconds:.1f} s of CPU here)")
    with engine.connect() as connection:
        stored = connection.execute(text("SELECT COUNT(*) FROM ops.campaign_member")).scalar()
    engine.dispose()
    console.print(f"members stored: {stored:,}")
    server = psutil.Process(read_services(settings.home).components["postgres"].pid)
    held = sum(child.memory_info().rss for child in [server, *server.children(recursive=True)])
    console.print(f"peak memory: {peak_mb():.0f} MB; PostgreSQL now: {held >> 20} MB")


if __name__ == "__main__":
    main()
