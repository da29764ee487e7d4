"""What the sample utility wants of its key figures: ``targets.yaml`` of its home."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from wattmark.atomic import write_atomically
from wattmark.home import Home
from wattmark_sample.plan import SamplePlan

_WANTED = {
    "reading_rate": 0.99,
    "collection_rate": 0.985,
    "receivable_days": 5.0,
    "plan_on_time": 0.95,
    "complaint_on_time": 0.95,
    "satisfaction": 0.9,
    "loss_rate": 0.045,
    "case_on_time": 0.9,
    "composite": 85.0,
}
"""Of every unit."""
_OF_PROVINCE = {"collection_rate": 0.99, "composite": 90.0}
_TOP = "ORG-P"
_MONTHS_AHEAD = 3
_HEAD = """\
# What key figures are to be; include/cases/targets.example.yaml says what a target is made of, `wattmark check` looks at it.
targets:
"""


def targets_text(plan: SamplePlan) -> str:
    """Targets for the last full month before the plan's last day and the three after it, and their quarters and years."""
    last = plan.as_of.year * 12 + plan.as_of.month - 2
    months = [dt.date(at // 12, at % 12 + 1, 1) for at in range(last, last + _MONTHS_AHEAD + 1)]
    periods = [
        *(f"{month:%Y-%m}" for month in months),
        *sorted({f"{month:%Y}-Q{(month.month + 2) // 3}" for month in months}),
        *sorted({f"{month:%Y}" for month in months}),
    ]
    lines = [
        f"  - {{figure: {figure}, unit: '{unit}', period: {period}, value: {value:g}}}\n"
        for unit, wanted in (("*", _WANTED), (_TOP, _OF_PROVINCE))
        for figure, value in wanted.items()
        for period in periods
    ]
    return _HEAD + "".join(lines)


def put_targets(home: Path, plan: SamplePlan) -> None:
    """Write them, where the home has none yet."""
    file = Home(home).targets
    if not file.exists():
        write_atomically(file, targets_text(plan), private=True)
