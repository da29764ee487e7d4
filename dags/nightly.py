"""
### A night: from the source to the published warehouse

**Grain.** One run a day (`as_of`); it audits one billing month (`period`, the last full month before it
unless given). Two runs of the same date and month are the same run.

**Steps.** Every table is extracted into landing, judged by Great Expectations (Data Docs), and its rows
are accepted or set aside with a reason. From the accepted rows the conformed tables and the facts are built.
Then segments and audit rules go side by side; rules that read scores wait for the segments. The marts
are built and published to PostgreSQL in one transaction. Last, the campaign lists of the day are made, up to
awaiting approval.

**Hazards.** The night stops before anything is published when a table or a required column is missing, a file is
broken, a table has more bad rows than its expectations tolerate, or a single row is unaccounted for. The last
published night then stays in place, and the watermark does not move, so the next try reads the same rows again.

**Reruns and backfills.** Each task replaces its own part of the lake, so any of them, and any killed run, may be
cleared and run again with the same result. Backfill by date: a run for an earlier date sees the data
as they were known at the end of that day, reads from the watermark before it, and publishes that date. A date before
the published one is refused at once unless *Republish* is set, since it would take the newer night's place.

**One writer.** A night holds the home's lake from its first task to its last. A second night, `wattmark run` or tidying
waits for it and says so; a night whose tables another night has overwritten is refused and has to begin anew.

**Told.** Whom `notify` names is told when a night fails, when it is not done `schedule.late_hours` after it was queued,
and when a published night brought less data than usual (`mart.source_freshness`).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import (
    Param,
    dag,
    get_current_context,
    task_group,
)

from wattmark import flow


@dag(
    dag_id=flow.NIGHT,
    dag_display_name="Nightly",
    description="Extract, validate, build, audit, publish: one night of a utility",
    doc_md=__doc__,
    schedule=flow.nightly_schedule(),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    tags=["wattmark", "night"],
    default_args=flow.DEFAULT_ARGS,
    on_failure_callback=flow.Tell("failed"),
    deadline=flow.late(),
    params={
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="The day the run speaks for; empty: the day before the run's logical date.",
        ),
        "period": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Audited month",
            description="First day of the month; empty: the last full month before the day.",
        ),
        "full_refresh": Param(
            False,
            type="boolean",
            title="Full refresh",
            description="Read every table whole instead of from its watermark.",
        ),
        "republish": Param(
            False,
            type="boolean",
            title="Republish",
            description="Let a night older than the published one take its place.",
        ),
    },
)
def nightly() -> None:
    @flow.task(doc_md="Open the run in `ops.pipeline_run`.")
    def begin() -> dict[str, Any]:
        from wattmark import night
        from wattmark.settings import load_settings

        settings = load_settings()
        values = flow.run_values(get_current_context(), settings)
        flow.begin_night(values, night.begin, republish=values["republish"])
        return values

    @flow.task(
        doc_md="Refuse a wrong setting, parameter, SQL file or source before any data is touched, each mistake once; "
        "then name the tables to extract: each that grows by itself, small snapshots in bundles."
    )
    def check(values: dict[str, Any]) -> list[list[str]]:
        from wattmark import night
        from wattmark.settings import load_settings

        flow.perform("check", values, lambda settings, _run: night.check(settings))
        flow.perform("check lake", values, night.check_lake)
        return night.table_groups(load_settings())

    @flow.task(doc_md="Close the run in `ops.pipeline_run`, also when it failed.")
    def close(
        values: dict[str, Any], accepted: dict[str, int] | None, published: dict[str, int] | None
    ) -> None:
        from wattmark import night

        done = published is not None
        flow.close_night(
            values, night.finish, "succeeded" if done else "failed",
            accepted["read"] if accepted else None, sum(published.values()) if published else None,
        )  # fmt: skip

    @flow.task(
        pool="source", map_index_template="{{ tables }}", doc_md="Read tables from their source into landing."
    )
    def extract(names: list[str], values: dict[str, Any]) -> dict[str, int]:
        from wattmark import night

        get_current_context()["tables"] = ", ".join(names)  # type: ignore[typeddict-unknown-key]
        return {
            name: flow.perform(
                f"extract {name}", values, night.extract, name, full_refresh=values["full_refresh"]
            )["rows"]
            for name in names
        }

    @task_group(tooltip="Judge what was handed over; take up good rows, set bad ones aside")
    def validate(values: dict[str, Any], extracted: Any) -> Any:
        @flow.task(
            pool="source", doc_md="Great Expectations and its Data Docs; the night publishes after them."
        )
        def judge(values: dict[str, Any]) -> dict[str, dict[str, int]]:
            from wattmark import night
            from wattmark.settings import load_settings

            failed: dict[str, dict[str, int]] = flow.perform(
                "judge", values, night.judge, night.tables(load_settings())
            )
            return failed

        @flow.task(pool="compute", doc_md="Accept or quarantine each row; every row read is accounted for.")
        def accept(values: dict[str, Any]) -> dict[str, int]:
            from wattmark import night

            counts: dict[str, int] = flow.perform("accept", values, night.accept)
            return counts

        judged, accepted = judge(values), accept(values)
        extracted >> judged
        extracted >> accepted
        return judged, accepted

    def layer_task(layer: str, doc: str, task_id: str | None = None, explained: bool | None = None) -> Any:
        @flow.task(task_id=task_id or layer, pool="compute", doc_md=doc)
        def build(values: dict[str, Any]) -> dict[str, int]:
            from wattmark import night

            rows: dict[str, int] = flow.perform(
                task_id or layer, values, night.build, layer, explained=explained
            )
            return rows

        return build

    @task_group(tooltip="Conformed tables, facts, segments, what campaigns did")
    def warehouse(values: dict[str, Any]) -> Any:
        core = layer_task("core", "Conformed tables: live accounts, calendar, what feeds what.")(values)
        facts = layer_task("facts", "Each computed fact once: net bills, register energy, the shadow bill.")(
            values
        )
        segment = layer_task("segment", "Grades, classes and scores.")(values)
        campaign = layer_task("campaign", "What released campaign lists did, and what came back.")(values)
        core >> facts >> segment >> campaign
        return core, facts, segment, campaign

    @task_group(tooltip="All rules of the catalogue: findings with evidence, their coverage and causes")
    def audit(values: dict[str, Any], facts: Any, segment: Any) -> Any:
        def rules_task(task_id: str, scored: bool, doc: str) -> Any:
            @flow.task(task_id=task_id, pool="compute", doc_md=doc)
            def run_rules(values: dict[str, Any]) -> dict[str, int]:
                from wattmark import night

                found: dict[str, int] = flow.perform(f"audit {task_id}", values, night.audit, scored=scored)
                return found

            return run_rules

        @flow.task(
            pool="compute", doc_md="Hang findings on the ones they follow from, by computing them again."
        )
        def root_causes(values: dict[str, Any]) -> dict[str, int]:
            from wattmark import night

            counts: dict[str, int] = flow.perform("audit root causes", values, night.root_causes)
            return counts

        rules = rules_task("rules", False, "Every rule that reads sources and facts.")(values)
        scored = rules_task("scored_rules", True, "Families with a rule that reads a score.")(values)
        causes = root_causes(values)
        facts >> rules >> causes
        [rules, segment] >> scored
        return causes, scored

    @task_group(tooltip="What BI reads")
    def marts(values: dict[str, Any], causes: Any) -> Any:
        public = layer_task("mart", "The marts, without personal data.", explained=False)(values)
        explained = layer_task("mart", "What findings follow from.", "mart_root_causes", explained=True)(
            values
        )
        personal = layer_task("mart_pii", "Contacts of customers, for the role wattmark_pii alone.")(values)
        public >> personal
        [public, causes] >> explained
        return public, personal, explained

    @flow.task(
        pool="publish",
        outlets=[flow.MART],
        doc_md="Publish the run in one transaction; then move the watermark.",
    )
    def publish(values: dict[str, Any]) -> dict[str, int]:
        from wattmark import night

        rows: dict[str, int] = flow.perform("publish", values, night.publish, republish=values["republish"])
        return rows

    @flow.task(
        pool="publish",
        outlets=[flow.LISTS],
        doc_md="Campaign lists of the day, up to awaiting approval; the DAG `campaigns` asks for it.",
    )
    def lists(values: dict[str, Any]) -> dict[str, int]:
        from wattmark.campaign.night import list_counts

        made: dict[str, int] = flow.perform("lists", values, list_counts)
        return made

    @flow.task(
        retries=0,
        doc_md="Tell whom `notify` names when the night brought less data than usual; never fails the night.",
    )
    def tell(values: dict[str, Any]) -> dict[str, int]:
        counts: dict[str, int] = flow.perform("tell", values, flow.tell_less_data)
        return counts

    values = begin()
    extracted = extract.partial(values=values).expand(names=check(values))
    judged, accepted = validate(values, extracted)
    core, facts, segment, campaign = warehouse(values)
    accepted >> core
    causes, scored = audit(values, facts, segment)
    mart, personal, explained = marts(values, causes)
    [campaign, scored] >> mart
    published = publish(values)
    [personal, explained, judged] >> published
    listed = lists(values)
    told = tell(values)
    published >> told
    published >> listed
    [listed, told] >> close(values, accepted, published).as_teardown(setups=values)


nightly()
