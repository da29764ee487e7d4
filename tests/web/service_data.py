"""Complaints, steps over their limits and times of steps, as a night publishes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.web.desk_data import AS_OF, put

OCTOBER, SEPTEMBER = dt.date(2026, 10, 1), dt.date(2026, 9, 1)
NOON = dt.datetime(2026, 10, 8, 4, tzinfo=dt.UTC)


def complaint(call_id: str, **more: Any) -> dict[str, Any]:
    return {
        "call_id": call_id, "account_id": "A1", "org_unit_id": "U1", "staff_id": "S2", "topic": "服务态度", "month": OCTOBER, "grade": "general",
        "grade_reason": "none", "opened_at": NOON, "max_wd": 5, "due_on": dt.date(2026, 10, 15), "working_days": 3, "settle_state": "open",
        "call_back_state": "not_settled", "is_dissatisfied": False, "as_of": AS_OF,
    } | more  # fmt: skip


def over(subject_id: str, step: str, **more: Any) -> dict[str, Any]:
    return {
        "subject_type": "order", "subject_id": subject_id, "kind": "order", "step": step, "post": "acceptance", "account_id": "A1", "org_unit_id": "U1",
        "staff_id": "S2", "month": OCTOBER, "began_at": NOON, "is_open": True, "time_unit": "working_days", "time_taken": 5, "time_limit": 3,
        "time_over": 2, "as_of": AS_OF,
    } | more  # fmt: skip


def statistic(unit: str, month: dt.date, **more: Any) -> dict[str, Any]:
    return {
        "month": month, "org_unit_id": unit, "post": "acceptance", "kind": "order", "step": "plan", "time_unit": "working_days", "steps": 4,
        "ended": 3, "over_limit": 1, "over_share": 0.25, "median_time": 2, "p90_time": 5,
    } | more  # fmt: skip


@pytest.fixture
def service(warehouse: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    put(
        warehouse, "mart.service_complaint",
        complaint("K1", settle_state="overdue", working_days=9, grade="major", grade_reason="repeated"),
        complaint("K2"),
        complaint("K3", settle_state="in_time", settled_at=NOON, call_back_state="missed", call_back_due_on=dt.date(2026, 10, 13)),
        complaint("K4", settle_state="late", settled_at=NOON, call_back_state="in_time", called_back_at=NOON, satisfaction=1, is_dissatisfied=True, month=SEPTEMBER),
        complaint("SOUTH", org_unit_id="U2", account_id="A3"),
        complaint("TOP", org_unit_id="P", account_id=None),
    )  # fmt: skip
    put(
        warehouse, "mart.step_overtime",
        over("R1", "plan"),
        over("R2", "energize", is_open=False, ended_at=NOON, time_over=1, post="manager"),
        over("H1", "arrive", subject_type="service_call", kind="repair", post="repair", time_unit="minutes", time_taken=45.02, time_limit=45, time_over=0.02, account_id=None),
        over("R9", "plan", org_unit_id="U2", account_id="A3"),
    )  # fmt: skip
    put(
        warehouse, "mart.step_statistic", statistic("P", OCTOBER, steps=9), statistic("U1", OCTOBER), statistic("U1", SEPTEMBER, median_time=1.5),
        statistic("U2", OCTOBER, steps=5, over_limit=0, over_share=0),
        statistic("U1", OCTOBER, step="arrive", kind="repair", post="repair", time_unit="minutes", median_time=30.5, over_share=0.333333),
    )  # fmt: skip
    yield warehouse
    for table in ("service_complaint", "step_overtime", "step_statistic"):
        warehouse.execute(f"DELETE FROM mart.{table}")
