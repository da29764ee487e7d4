"""
### Campaign lists: approved by people, released once

**Grain.** One run for the lists of a night, which emits `wattmark://campaign/lists` once they are made; its event says the day.
Nights that end close together, or while this DAG is paused, are asked about in one run. Triggered by hand it asks
about *Day*, or about the night published last.

**Steps.** `ask` reads which lists of the day await approval; it makes none. Each list then
waits for its own answer under *Required Actions*; the answer releases or refuses it.

**Hazards.** A question ends at its list's own time (`approval.within_hours`), and so does a run whose questions have
all ended; open ones hold up nothing. No answer in time is a no: the list is refused and is never
released; an answer that comes later is noted as too late. A release asks again who may be contacted and leaves out
whoever has said no since, see `release` in the manifest. Only users named by the campaign, or standing for its roles
in `campaigns.approvers`, may approve or reject: an answer of
somebody else fails `settle` and changes nothing; clear `approve` to be asked again. A released list is never
changed; a mistake is put right by `wattmark campaign correct`, whose new version awaits an approval of its own.
Lists hold personal data; tasks, logs and approvals show counts and digests alone.

**Reruns.** Any task may be cleared and run again. A release that was killed, run again, delivers once. Asked twice about
a list, the first answer counts. Lists of a night that ended while this DAG was paused are asked about with those of the
next night, or at once by a trigger with its day. A day without a list that awaits approval asks nothing and says so in
the log of `ask`: lists are made by the task `lists` of the night, or by `wattmark campaign run --as-of` with the day and
a trigger of this DAG after it.
"""

from __future__ import annotations

import datetime as dt

from airflow.sdk import Param, dag, get_current_context, task_group

from wattmark import flow


@dag(
    dag_id="campaigns",
    dag_display_name="Campaign lists",
    description="Ask who may approve about each list that a night made, release once",
    doc_md=__doc__,
    schedule=[flow.LISTS],
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    # It asks about the lists of each night; a paused DAG asks with the night after it is switched on.
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

    @flow.task(doc_md="The lists of the day that await approval, one question each; makes nothing.")
    def ask() -> list[dict[str, str]]:
        from wattmark.campaign.night import published_night, questions
        from wattmark.settings import load_settings

        days = flow.days_told(get_current_context()) or [published_night(load_settings()).isoformat()]
        return [
            {**question, "as_of": day}
            for day in days
            for question in flow.perform_aside("questions", {"as_of": day}, questions)
        ]

    @task_group(tooltip="One list: its approval and what follows")
    def one_list(
        campaign_run_id: str, list_sha256: str, subject: str, body: str, due_at: str, as_of: str
    ) -> None:
        approve = flow.ApprovalUntil(
            task_id="approve",
            subject=subject,
            body=body,
            until=due_at,
            map_index_template="{{ task.subject }}",
            doc_md="Yes releases the list; no answer is a no.",
        )

        @flow.task(
            trigger_rule="all_done", map_index_template="{{ list }}", doc_md="Release or refuse, as was said."
        )
        def settle(campaign_run_id: str, list_sha256: str, as_of: str) -> str:
            from wattmark.campaign.night import answer

            context = get_current_context()
            context["list"] = campaign_run_id  # type: ignore[typeddict-unknown-key]
            instance = context["ti"]
            said = instance.xcom_pull(task_ids="one_list.approve", map_indexes=instance.map_index)
            done: str = flow.perform_aside(
                f"settle {campaign_run_id}",
                {"as_of": as_of},
                answer,
                campaign_run_id,
                list_sha256,
                said,
                dt.datetime.now(dt.UTC),
            )
            return done

        @flow.task(
            map_index_template="{{ list }}",
            doc_md="Reached when the list was approved; the approval skips it otherwise.",
        )
        def approved(campaign_run_id: str) -> str:
            get_current_context()["list"] = campaign_run_id  # type: ignore[typeddict-unknown-key]
            return campaign_run_id

        approve >> approved(campaign_run_id) >> settle(campaign_run_id, list_sha256, as_of)

    one_list.expand_kwargs(ask())


campaigns()
