"""
### Campaign lists: made after each published night, approved by people, released once

**Grain.** One run for each published night (`as_of`). A list is known by campaign, date and version; making a
date again finds the lists that are there.

**Steps.** All campaigns that are due are decided together and written, up to awaiting approval. Each list then
waits for its own answer under *Required Actions*; the answer releases or refuses it.

**Hazards.** A question ends at its list's own time (`approval.within_hours`), and so does a run whose questions have
all ended; open ones hold up nothing. No answer in time is a no: the list is refused and is never
released; an answer that comes later is noted as too late. A release asks again who may be contacted and leaves out
whoever has said no since, see `release` in the manifest. Only users named by the campaign, or standing for its roles
in `campaigns.approvers`, may approve or reject: an answer of
somebody else fails `settle` and changes nothing; clear `approve` to be asked again. A released list is never
changed; a mistake is put right by `wattmark campaign correct`, whose new version awaits an approval of its own.
Lists hold personal data; tasks, logs and approvals show counts and digests alone.

**Reruns.** Any task may be cleared and run again. A release that was killed, run again, delivers once. A night that was
published while this DAG was paused gets its run by a trigger with its day, or without one for the newest.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task_group

from wattmark import flow


@dag(
    dag_id="campaigns",
    dag_display_name="Campaign lists",
    description="Make the lists that are due, wait for approval, release once",
    doc_md=__doc__,
    schedule=[flow.MART],
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    # It follows published nights, which a paused DAG would miss for good.
    is_paused_upon_creation=False,
    max_active_runs=flow.MOST_WAITING,
    tags=["wattmark", "campaigns"],
    default_args=flow.DEFAULT_ARGS,
    on_failure_callback=flow.Tell("failed"),
    params={
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="Empty: the night that was published last.",
        ),
    },
)
def campaigns() -> None:
    """Wire the steps of a night's lists."""

    @flow.task(doc_md="The night the lists are made for.")
    def night() -> dict[str, Any]:
        from wattmark.campaign.night import published_night
        from wattmark.settings import load_settings

        settings = load_settings()
        context = get_current_context()
        given = context["params"].get("as_of")
        return flow.run_values(
            {"params": {"as_of": given or published_night(settings).isoformat()}}, settings
        )

    # In no pool: it may wait for a night, whose own tasks need the slots.
    @flow.task(
        outlets=[flow.LISTS],
        doc_md="Decide all campaigns together; write lists up to awaiting approval.",
    )
    def make(values: dict[str, Any]) -> list[dict[str, str]]:
        from wattmark.campaign.night import awaiting
        from wattmark.campaign.night import campaigns as make_lists

        found: list[dict[str, str]] = flow.perform(
            "campaigns", values, lambda settings, run: awaiting(make_lists(settings, run))
        )
        return [{**one, "as_of": values["as_of"], "period": values["period"]} for one in found]

    @task_group(tooltip="One list: its approval and what follows")
    def one_list(
        campaign_run_id: str, list_sha256: str, subject: str, body: str, due_at: str, as_of: str, period: str
    ) -> None:
        approve = flow.ApprovalUntil(
            task_id="approve",
            subject=subject,
            body=body,
            until=due_at,
            doc_md="Yes releases the list; no answer is a no.",
        )

        @flow.task(
            trigger_rule="all_done", map_index_template="{{ list }}", doc_md="Release or refuse, as was said."
        )
        def settle(campaign_run_id: str, list_sha256: str, as_of: str, period: str) -> str:
            from wattmark.campaign.night import answer

            context = get_current_context()
            context["list"] = campaign_run_id  # type: ignore[typeddict-unknown-key]
            instance = context["ti"]
            said = instance.xcom_pull(task_ids="one_list.approve", map_indexes=instance.map_index)
            done: str = flow.perform_aside(
                f"settle {campaign_run_id}",
                {"as_of": as_of, "period": period},
                answer,
                campaign_run_id,
                list_sha256,
                said,
                dt.datetime.now(dt.UTC),
            )
            return done

        @flow.task(doc_md="Reached when the list was approved; the approval skips it otherwise.")
        def approved(campaign_run_id: str) -> str:
            return campaign_run_id

        approve >> approved(campaign_run_id) >> settle(campaign_run_id, list_sha256, as_of, period)

    one_list.expand_kwargs(make(night()))


campaigns()
