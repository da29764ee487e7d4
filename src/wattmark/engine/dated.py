"""Values that change with the calendar: a list of ``{from: day, value: …}``, each in force until the next begins.

The first may leave ``from`` out, and then holds ever since. Whoever has a value at hand need not know whether it
is dated: one that is not holds on every day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

FIRST_DAY = dt.date(1, 1, 1)
LAST_DAY = dt.date(9999, 12, 31)


@dataclass(frozen=True)
class Step:
    """A value and the day from which it holds; None where it holds ever since."""

    since: dt.date | None
    value: Any


def is_dated(value: Any) -> bool:
    """Whether a value is written by day; no list of a parameter's own holds mappings."""
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def steps_of(value: Any) -> tuple[Step, ...]:
    """The steps of a value in the order of their days; a single one for a value that is not dated.

    Raises:
        ValueError: a step says something else than ``value`` and ``from``, or the days do not follow one another.
    """
    if not is_dated(value):
        return (Step(None, value),)
    steps: list[Step] = []
    for item in value:
        if not isinstance(item, dict) or "value" not in item or set(item) - {"value", "from"}:
            raise ValueError(f"{item!r} is no dated value; it says {{from: 2024-06-01, value: …}}")
        since = item.get("from")
        if "from" in item and (not isinstance(since, dt.date) or isinstance(since, dt.datetime)):
            raise ValueError(f"from must be a day such as 2024-06-01, not {since!r}")
        if steps and (since is None or since <= (steps[-1].since or FIRST_DAY)):
            raise ValueError("each from must be later than the one before; only the first may be left out")
        steps.append(Step(since, item["value"]))
    return tuple(steps)


def raw_of(steps: tuple[Step, ...]) -> Any:
    """Steps as they are written: the value alone where it holds on every day."""
    if len(steps) == 1 and steps[0].since is None:
        return steps[0].value
    return [
        {"value": step.value} | ({"from": step.since} if step.since is not None else {}) for step in steps
    ]


def over(default: Any, value: Any) -> Any:
    """A value in place of a default: before the day from which the first of its steps holds, the default stays."""
    steps = steps_of(value)
    first = steps[0].since
    if first is None:
        return value
    return raw_of((*(step for step in steps_of(default) if (step.since or FIRST_DAY) < first), *steps))


def step_on(value: Any, day: dt.date) -> Step:
    """What holds on a day; empty before the first one."""
    found = Step(None, None)
    for step in steps_of(value):
        if step.since is None or step.since <= day:
            found = step
    return found


def spans_of(value: Any) -> tuple[tuple[dt.date, dt.date, Any], ...]:
    """First day, last day and value of each step; ends that are open lie in the years 1 and 9999."""
    steps = steps_of(value)
    ends = [step.since - dt.timedelta(days=1) for step in steps[1:] if step.since is not None]
    return tuple(
        (step.since or FIRST_DAY, end, step.value) for step, end in zip(steps, [*ends, LAST_DAY], strict=True)
    )
