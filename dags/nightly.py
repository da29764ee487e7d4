"""
### A night: from the source to the published warehouse

**Grain.** One run a day (`as_of`); it audits one billing month (`period`, the last full month before it
unless given). Two runs of the same date and month are the same run.

**Steps.** Every table is extracted into landing, judged by Great Expectations (Data Docs), and its rows
are accepted or set aside with a reason. From the accepted rows the conformed tables and the facts are built, first
those of bills, then those of intervals. Then segments and audit rules go side by side; rules that read scores wait
for the segments. The marts are built and published to PostgreSQL in one transaction. Then audit cases take the night in,
once for a run. Last, the campaign lists of the day are made, once, up to awaiting approval; the DAG `campaigns` asks for
it. They hold back accounts with an open case, so they wait for the cases.

**Hazards.** The night stops before anything is published when a table or a required column is missing, a file is
broken, a table has more bad rows than its expectations tolerate, or a single row is unaccounted for. The last
published night then stays in place, and the watermark does not move, so the next try reads the same rows again.
What fails after publishing takes nothing back: a broken campaign file turns `lists` and the run red, the night stands as
succeeded in `ops.pipeline_run`, and the notice says that it is published. Mend the file and clear `lists`. Where `cases`
failed, no case is changed and no list made: mend what it says and clear `cases`, with what follows it, before the next night.

**Reruns and backfills.** Each task replaces its own part of the lake, so any of them, and any killed run, may be
cleared and run again with the same result. Backfill by date: a run for an earlier date sees the data
as they were known at the end of that day, reads from the watermark before it, and publishes that date. A date before
the published one is refused at once unless *Republish* is set, since it would take the newer night's place.

**One writer.** A night holds the home's lake from its first task to its last. A second night, `wattmark run` or tidying
waits for it and says so; a night whose tables another night has overwritten is refused and has to begin anew.

**Told.** Whom `notify` names is told when a night fails, when it is not done `schedule.late_hours` after it was queued,
and when a published night brought less data than usual (`mart.source_freshness`). Once cases have taken in the night, their owners
and approvers are told of high and overdue ones and of rules that the brake holds; what could not be sent is sent by the next night.
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

from wattmark import deadline, flow


@dag(
    dag_id=flow.NIGHT,
    dag_display_name="Nightly",
    description="Extract, validate, build, audit, publish: one night of a utility",
    doc_md=__doc__,
    schedule=flow.schedule("nightly"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    tags=["wattmark", "night"],
    default_args=flow.DEFAULT_ARGS,
    on_failure_callback=flow.Tell("failed"),
    deadline=deadline.late(),
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
    """Wire the steps of a night, from the source to the warehouse."""

    @flow.task(doc_md="Open the run in `ops.pipeline_run`.")
    def begin() -> dict[str, Any]:
        from wattmark import night

        values = flow.own_run()
        flow.begin_night(values, night.begin, republish=values["republish"])
        return values

    @flow.task(
        doc_md="Refuse a wrong setting, parameter, SQL file or source before any data is touched, each mistake once; "
        "then name the tables to extract: each that grows by itself, small snapshots in bundles."
    )
    def check() -> list[list[str]]:
        from wattmark import night
        from wattmark.settings import load_settings

        values = flow.own_run()
        flow.perform("check", values, lambda settings, _run: night.check(settings))
        flow.perform("check lake", values, night.check_lake)
        return night.table_groups(load_settings())

    @flow.task(
        pool="source", map_index_template="{{ tables }}", doc_md="Read tables from their source into landing."
    )
    def extract(names: list[str]) -> dict[str, int]:
        from wattmark import night

        get_current_context()["tables"] = ", ".join(names)  # type: ignore[typeddict-unknown-key]
        values = flow.own_run()
        whole = values["full_refresh"]
        return {
            name: flow.perform(f"extract {name}", values, night.extract, name, full_refresh=whole)["rows"]
            for name in names
        }

    @task_group(tooltip="Judge what was handed over; take up good rows, set bad ones aside")
    def validate() -> Any:
        judged = flow.step(
            "wattmark.night:judge", "Great Expectations and its Data Docs; the night publishes after them.", pool="source",
        )  # fmt: skip
        accepted = flow.step(
            "wattmark.night:accept", "Accept or quarantine each row; every row read is accounted for.", pool="compute"
        )  # fmt: skip
        return judged, accepted

    def built(layer: str, doc: str, part: str | None = None, task_id: str | None = None) -> Any:
        return flow.step(
            "wattmark.night:build", doc, task_id=task_id or part or layer, label=f"{layer} {part}" if part else layer,
            given={"layer": layer, "part": part}, pool="compute",
        )  # fmt: skip

    @task_group(tooltip="Each computed fact once")
    def facts() -> Any:
        bills = built(
            "facts", "What rests on no intervals: net bills, register energy, the shadow bill.", "bills"
        )
        intervals = built("facts", "What rests on intervals: days, months, losses of areas.", "intervals")
        bills >> intervals
        return bills, intervals

    @task_group(tooltip="Models, trained once a month, and what they and the rules say of each customer")
    def segment() -> Any:
        models = built(
            "segment", "Load profiles, scores and rules between services, trained once a month.", "models"
        )
        segments = built("segment", "Grades, classes and scores of each customer.", "segments")
        models >> segments
        return models, segments

    @task_group(tooltip="All rules of the catalogue: findings with evidence, their coverage and causes")
    def audit() -> Any:
        rules = flow.step(
            "wattmark.night:audit", "Every rule that reads sources and facts.", task_id="rules", label="audit rules",
            given={"scored": False}, pool="compute",
        )  # fmt: skip
        scored = flow.step(
            "wattmark.night:audit", "Families with a rule that reads a score.", task_id="scored_rules",
            label="audit scored rules", given={"scored": True}, pool="compute",
        )  # fmt: skip
        causes = flow.step(
            "wattmark.night:root_causes", "Hang findings on the ones they follow from, by computing them again.",
            label="audit root causes", pool="compute",
        )  # fmt: skip
        rules >> [causes, scored]
        return rules, scored, causes

    @task_group(tooltip="What BI reads")
    def marts() -> Any:
        plain = built("mart", "The marts, without personal data.", "plain", "mart")
        explained = built("mart", "What findings follow from.", "explained", "mart_root_causes")
        personal = built("mart_pii", "Contacts of customers, for the role wattmark_pii alone.")
        plain >> [explained, personal]
        return plain, explained, personal

    @flow.task(doc_md="Close the run in `ops.pipeline_run`, also when it failed.")
    def close(accepted: dict[str, int] | None, published: dict[str, int] | None) -> None:
        from wattmark import night

        flow.close_night(
            flow.own_run(), night.finish, "succeeded" if published is not None else "failed",
            accepted["read"] if accepted else None, sum(published.values()) if published is not None else None,
        )  # fmt: skip

    begun = begin()
    checked = check()
    extracted = extract.expand(names=checked)
    judged, accepted = validate()
    core = built("core", "Conformed tables: live accounts, calendar, what feeds what.")
    bills, intervals = facts()
    models, segments = segment()
    campaign = built("campaign", "What released campaign lists did, and what came back.")
    rules, scored, causes = audit()
    kpi = built("kpi", "What key figures are made from, those on audit cases apart.")
    mart, explained, personal = marts()
    published = flow.step(
        "wattmark.night:publish", "Publish the run in one transaction; then move the watermark.",
        params=["republish"], pool="publish", outlets=[flow.MART],
    )  # fmt: skip
    cased = flow.step(
        "wattmark.night:cases", "Audit cases take the night in: opened, proved, reopened, given out; once for a run.",
        pool="publish",
    )  # fmt: skip
    listed = flow.step(
        "wattmark.campaign.night:list_counts",
        "Campaign lists of the day, up to awaiting approval; the DAG `campaigns` asks for it.",
        task_id="lists", pool="publish", outlets=[flow.LISTS],
    )  # fmt: skip
    closing = flow.step(
        "wattmark.night:closing", "Build and publish what rests on audit cases, once they have taken in the night.",
        pool="publish", outlets=[flow.CLOSED],
    )  # fmt: skip
    told = flow.step(
        "wattmark.quality.freshness:tell_less_data",
        "Tell whom `notify` names when the night brought less data than usual; never fails the night.",
        task_id="tell", retries=0,
    )  # fmt: skip

    alerted = flow.step(
        "wattmark.cases.alerts:tell_cases",
        "Tell whom it concerns of cases of high severity, overdue ones and rules that the brake holds; never fails the night.",
        task_id="alerts", retries=0,
    )  # fmt: skip

    begun >> checked
    extracted >> [judged, accepted]
    accepted >> core >> bills
    intervals >> [models, rules]
    segments >> [campaign, scored]
    [campaign, scored] >> mart
    causes >> explained
    [explained, personal, judged] >> published
    scored >> kpi
    published >> [cased, told]
    [cased, kpi] >> closing
    cased >> [listed, alerted]
    [alerted, closing, listed, told] >> close(accepted, published).as_teardown(setups=begun)


nightly()
