"""
### Reviews of the audit, by day, week, month, quarter and year

**Grain.** One run a night, once its cases and key figures are published (`wattmark://warehouse/closed`); one review a span, period
and unit. Of days the whole utility is reviewed; of longer spans also each unit that has an approver with a login.

**Steps.** `make` decides by the published night which reviews are due: that of its day; that of a week once the night knows its
Sunday; those of a month, quarter and year in the first night after them. Each first looks what became of what the last one found,
then writes what it finds itself to `ops.review_item`, with an owner. It is kept in the home's folder `reviews` as page, PDF and data, in
the language of the utility, and is read in the workbench under *Reviews*; the task returns the addresses.

**Hazards.** Reviews speak of the night that readers see. Where a newer one is published than the run was started for, that one is reviewed;
where its cases have not followed yet, none, and the run after that night makes them. A night that failed leaves its week or month to the
next one, and its day is told of in the next day's review; weeks are caught up for eight weeks, months for twelve. A republished older night
is not reviewed again.

**Reruns.** The run may be cleared, or killed and run again: the same night gives the same reviews, each takes the place of its own items
and never of another's, and what people said to them stays.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.sdk import dag

from wattmark import flow


@dag(
    dag_id="audit_reviews",
    dag_display_name="Reviews of the audit",
    description="Make the reviews of day, week, month, quarter and year that are due, as page and PDF",
    doc_md=__doc__,
    schedule=[flow.CLOSED],
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    # A paused one would leave its nights without reviews of their days.
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["wattmark", "audit"],
    default_args=flow.DEFAULT_ARGS,
    on_failure_callback=flow.Tell("failed"),
)
def audit_reviews() -> None:
    """Wire the one step."""

    # In no pool: it reads and writes the warehouse alone, and waits for nobody but another of its kind.
    @flow.task(doc_md="Make the reviews that are due; returns how many, their items, and where to read each.")
    def make() -> dict[str, Any]:
        from wattmark.cases.review.make import make_due
        from wattmark.home import be_private
        from wattmark.settings import load_settings

        be_private()
        made = make_due(load_settings())
        return {
            "reviews": len(made),
            "items": sum(review.items for review in made),
            "addresses": [f"/wattmark/{review.path}" for review in made],
        }

    make()


audit_reviews()
