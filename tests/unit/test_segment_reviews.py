"""Key-account reviews: what is due is asked once a year, and only people decide."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path

import pyarrow as pa
import pytest

from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.segment import reviews
from wattmark.settings import Settings, load_settings

DAY = dt.date(2026, 11, 4)


def _home(tmp_path: Path) -> tuple[Settings, Run]:
    settings = load_settings(tmp_path)
    rows = [
        {
            "customer_id": who, "due_on": DAY, "is_due": who != "LATER", "proposal": "retain", "grade": "A", "from_grade": None,
            "key_account_reason": "grade", "kwh_12m": 1234.0, "kwh_change": None, "on_time": 0.5, "mean_days_late": 2.0,
            "current_value_amount": decimal.Decimal("10.00"), "potential_value_amount": decimal.Decimal("5.00"), "reason": "key account",
        }
        for who in ("C1", "C2", "LATER")
    ]  # fmt: skip
    schema = pa.Table.from_pylist([{**rows[0], "from_grade": "A", "kwh_change": 0.1}]).schema
    Lake(settings.lake).replace("mart.key_account_review", pa.Table.from_pylist(rows, schema=schema))
    return settings, Run.of(DAY, settings.utility.time_zone)


def _decision(item: dict[str, str], **other: str) -> dict[str, str]:
    return {
        **{key: item[key] for key in ("customer_id", "due_on", "proposal", "outcome")},
        "reason": item["text"],
        "decided_by": "manager",
        **other,
    }


def test_what_was_decided_is_not_asked_again_for_a_year(tmp_path: Path) -> None:
    settings, run = _home(tmp_path)
    due = reviews.due(settings, run)
    assert [one["customer_id"] for one in due] == ["C1", "C2"]
    assert "1,234 kWh in 12 months, change unknown" in due[0]["text"]
    assert reviews.decide(settings, run, [_decision(due[0])]) == 1
    assert reviews.decide(settings, run, [_decision(due[0], outcome="retired")]) == 1
    assert reviews.due(settings, run) == due, "a rerun of the day asks what it asked"
    assert [
        one["customer_id"]
        for one in reviews.due(settings, Run.of(DAY + dt.timedelta(days=300), "Asia/Shanghai"))
    ] == ["C2"]
    assert [
        one["customer_id"]
        for one in reviews.due(settings, Run.of(DAY + dt.timedelta(days=301), "Asia/Shanghai"))
    ] == ["C1", "C2"]


def test_decisions_of_one_day_add_up(tmp_path: Path) -> None:
    settings, run = _home(tmp_path)
    first, second = reviews.due(settings, run)
    reviews.decide(settings, run, [_decision(first)])
    reviews.decide(settings, run, [_decision(second)])
    assert reviews.due(settings, Run.of(DAY + dt.timedelta(days=1), "Asia/Shanghai")) == []


@pytest.mark.parametrize(
    ("change", "code"), [({"outcome": "liked"}, "review.outcome"), ({"decided_by": " "}, "review.nobody")]
)
def test_only_a_person_decides_and_only_what_there_is(
    tmp_path: Path, change: dict[str, str], code: str
) -> None:
    settings, run = _home(tmp_path)
    item = reviews.due(settings, run)[0]
    with pytest.raises(reviews.ReviewError) as error:
        reviews.decide(settings, run, [_decision(item, **change)])
    assert error.value.code == code
    with pytest.raises(reviews.ReviewError):
        reviews.decide(settings, run, [_decision(item), _decision(item)])
