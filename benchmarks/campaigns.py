"""Lists of a night for a large utility: 1,000,000 customers, 20 campaigns, 2 threads, 2 GB for DuckDB.

    python benchmarks/campaigns.py [customers] [campaigns]

Starts a PostgreSQL of its own, makes a world (not timed), makes all lists, makes them again, releases the longest of
them, and prints seconds, members stored and the peak memory of this process (the server's is shown apart).
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.campaign.world import AS_OF, open_world

from wattmark.campaign.lists import make_lists
from wattmark.campaign.release import release
from wattmark.home import warehouse_url
from wattmark.local import services
from wattmark.local.processes import next_free_port, read_services
from wattmark.publish.ops import upgrade
from wattmark.settings import load_settings

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
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    campaigns = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    folder = Path(tempfile.mkdtemp(prefix="wattmark-"))
    folder.chmod(0o755)
    settings = load_settings(
        folder / "home",
        services={"postgres_port": next_free_port(16_900)},
        compute={"threads": 2, "memory_limit_mb": 2048},
    )
    try:
        services.up(settings, airflow=False)
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
            print(f"world of {customers:,} customers: {time.perf_counter() - started:.1f} s (not counted)")
            for what in ("first run", "again"):
                started, cpu = time.perf_counter(), time.process_time()
                made = make_lists(settings, session.run, session, engine, names, now)
                print(
                    f"{what}: {time.perf_counter() - started:.1f} s ({time.process_time() - cpu:.1f} s of CPU here); {len(made)} campaigns, {sum(outcome.considered for outcome in made):,} considered, "
                    f"{sum(outcome.listed for outcome in made):,} listed, problems: {[outcome.problem for outcome in made if outcome.problem]}"
                )
            longest = max(made, key=lambda campaign: campaign.listed)
            manifest = json.loads((Path(longest.files[0]).parent / "manifest.json").read_text())
            started, cpu = time.perf_counter(), time.process_time()
            release(settings, engine, longest.campaign_run_id, "boss", manifest["list_sha256"], now, session)
            print(
                f"release of {longest.listed:,}: {time.perf_counter() - started:.1f} s ({time.process_time() - cpu:.1f} s of CPU here)"
            )
        with engine.connect() as connection:
            print(
                f"members stored: {connection.execute(text('SELECT COUNT(*) FROM ops.campaign_member')).scalar():,}"
            )
        server = psutil.Process(read_services(settings.home).components["postgres"].pid)
        print(
            f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB; "
            f"PostgreSQL now: {sum(child.memory_info().rss for child in [server, *server.children(recursive=True)]) >> 20} MB"
        )
    finally:
        services.discard(settings)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
