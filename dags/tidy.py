"""
### Tidy the lake

**Grain.** One run a week, or as `schedule.tidy` says.

**What.** Deletes files of the lake's tables that no version still kept needs, what killed runs left behind, and logs, Data Docs,
notes and answered lists that are older than `keep` says. Lists that await their answer stay.
Accepted rows and findings are kept for `lake_history.replay_days`, so that a rule can be replayed for a day that long
ago; of all other tables only the newest version is kept once no run can be reading an older one.

**Hazards.** None for what is being read: files younger than two days stay. It waits for a night that runs.

**Reruns.** Deletes what is still there to delete.
"""

from __future__ import annotations

import datetime as dt

from airflow.sdk import dag

from wattmark import flow


@dag(
    dag_id="tidy",
    dag_display_name="Tidy the lake",
    description="Delete files that no night and no replay needs any more, and old logs, docs and lists",
    doc_md=__doc__,
    schedule=flow.schedule("tidy"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    tags=["wattmark", "upkeep"],
    default_args=flow.DEFAULT_ARGS,
    on_failure_callback=flow.Tell("failed"),
)
def tidy() -> None:
    # In no pool: it may wait for a night, whose own tasks need the slots.
    @flow.task(doc_md="Returns files deleted, by layer and by what they were.")
    def delete() -> dict[str, int]:
        from wattmark.settings import load_settings
        from wattmark.tidy import tidy as delete_files

        return delete_files(load_settings())

    delete()


tidy()
