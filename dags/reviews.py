"""
### The yearly review of key accounts

**Grain.** One run a month, or as `schedule.reviews` says; one question a key account.

**What.** Once a month the key accounts whose review falls into the next 30 days, those that have ceased to be
key accounts, and those that are emerging, are put before a person, one question each: retained, promoted or
retired. The question holds the figures (energy, payment discipline, growth) and no personal data.

**No answer, no decision.** A question waits 60 days and then fails; nothing is recorded for it, and it is asked
again the next month. Answers are recorded one by one with who gave them, and the same answer again replaces itself.

**Hazards.** The figures are those of the published night of `as_of`: a date whose night never ran fails.

**Reruns.** Any task may be cleared and run again; a decision taken is not asked for again.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, dag, get_current_context, task_group

from wattmark import flow

ANSWER_WITHIN = dt.timedelta(days=60)


@dag(
    dag_id="reviews",
    dag_display_name="Key-account reviews",
    description="Ask a person to retain, promote or retire key accounts whose review is due",
    doc_md=__doc__,
    schedule=flow.schedule("reviews"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=flow.MOST_WAITING,
    tags=["wattmark", "segments"],
    default_args=flow.DEFAULT_ARGS,
    on_failure_callback=flow.Tell("failed"),
    params={
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="The night whose figures are shown; empty: the day before the run's logical date.",
        ),
    },
)
def reviews() -> None:
    @task_group(tooltip="One question for each key account")
    def review(item: dict[str, Any]) -> None:
        @flow.task(doc_md="The question in words.", map_index_template="{{ customer }}")
        def question(item: dict[str, Any]) -> str:
            context = get_current_context()
            context["customer"] = item["customer_id"]  # type: ignore[typeddict-unknown-key]
            context["ti"].xcom_push(key="customer", value=item["customer_id"])
            return str(item["text"])

        asked = question(item)
        answer = HITLOperator(
            task_id="decide",
            subject="Key-account review",
            body="{{ ti.xcom_pull(task_ids='review.question', map_indexes=ti.map_index) }}",
            options=["retained", "promoted", "retired"],
            map_index_template="{{ ti.xcom_pull(task_ids='review.question', map_indexes=ti.map_index, key='customer') }}",
            response_timeout=ANSWER_WITHIN,
            retries=0,
            doc_md="A person decides; no answer in time is no decision.",
        )

        @flow.task(
            max_active_tis_per_dag=1,
            map_index_template="{{ customer }}",
            doc_md="Keep the decision, who took it, and the figures it was taken on.",
        )
        def record(item: dict[str, Any], given: dict[str, Any]) -> int:
            from wattmark.segment import reviews as plain

            get_current_context()["customer"] = item["customer_id"]  # type: ignore[typeddict-unknown-key]
            decision = {
                "customer_id": item["customer_id"],
                "due_on": item["due_on"],
                "proposal": item["proposal"],
                "outcome": given["chosen_options"][0],
                "reason": item["text"],
                "decided_by": str((given.get("responded_by_user") or {}).get("name") or ""),
            }
            count: int = flow.perform_aside("record review", flow.own_run(), plain.decide, [decision])
            return count

        asked >> answer
        record(item, answer.output)

    # In no pool: it may wait for a night, whose own tasks need the slots.
    due = flow.step("wattmark.segment.reviews:due", "Reviews due and not yet decided.", label="reviews due")
    review.expand(item=due)


reviews()
