"""When a run is late."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from wattmark.flow import Tell


class RunQueued(BaseDeadlineReference):  # type: ignore[misc]
    """The moment a DAG run was first queued.

    Airflow's own reference of that kind is reckoned anew when a task is cleared, which fails with an error page
    (apache/airflow#70368). Registered by the plugin.
    """

    required_kwargs = frozenset({"dag_id", "run_id"})

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str, **_: Any) -> dt.datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        queued: dt.datetime | None = session.scalar(
            select(DagRun.queued_at).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        )
        return queued


def late() -> DeadlineAlert:
    """Tells that a run is late, ``schedule.late_hours`` after it was queued."""
    hours = float(os.environ.get("WATTMARK_LATE_HOURS", "2"))
    return DeadlineAlert(
        reference=RunQueued(),
        interval=dt.timedelta(hours=hours),
        callback=AsyncCallback(Tell, kwargs={"event": "late"}),
    )
