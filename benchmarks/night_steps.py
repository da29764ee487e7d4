"""The steps of a night as benchmarks measure them, in the order of the DAG ``nightly``, one after another.

Each is a function of (settings, run) that runs in a process of its own and tells rows, and seconds by table where it builds
tables.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from wattmark import night
from wattmark.campaign.night import list_counts
from wattmark.engine.session import Session, open_session
from wattmark.run import Run
from wattmark.settings import Settings


@dataclass(frozen=True)
class Done:
    """Rows that a step made, and the seconds of each table that it built."""

    rows: int
    tables: dict[str, float] = field(default_factory=dict)


def begin(settings: Settings, run: Run) -> Done:
    """Migrate schema ``ops`` where needed, note the run, refuse what is wrong."""
    night.begin(settings, run)
    night.check(settings)
    return Done(night.check_lake(settings, run)["tables"])


def extract(settings: Settings, run: Run) -> Done:
    return Done(sum(night.extract(settings, run, table)["rows"] for table in night.tables(settings)))


def judge(settings: Settings, run: Run) -> Done:
    night.judge(settings, run, night.tables(settings))
    return Done(0)


def accept(settings: Settings, run: Run) -> Done:
    return Done(night.accept(settings, run)["accepted"])


def _built(session: Session, names: Iterable[str]) -> Done:
    rows, seconds = 0, dict[str, float]()
    for name in names:
        started = time.perf_counter()
        rows += session.build(name)
        seconds[name] = time.perf_counter() - started
    return Done(rows, seconds)


def build(settings: Settings, run: Run, layer: str) -> Done:
    with open_session(settings, run) as session:
        return _built(session, night.tables_of(session.catalog, layer))


def audit(settings: Settings, run: Run, scored: bool) -> Done:
    return Done(sum(night.audit(settings, run, scored=scored).values()))


def root_causes(settings: Settings, run: Run) -> Done:
    return Done(night.root_causes(settings, run)["explained"])


def publish(settings: Settings, run: Run) -> Done:
    return Done(sum(night.publish(settings, run).values()))


def cases(settings: Settings, run: Run) -> Done:
    return Done(sum(night.cases(settings, run).values()))


def closing(settings: Settings, run: Run) -> Done:
    return Done(sum(night.closing(settings, run).values()))


def lists(settings: Settings, run: Run) -> Done:
    return Done(sum(list_counts(settings, run).values()))


STEPS: dict[str, tuple[Callable[..., Done], tuple[Any, ...]]] = {
    "begin": (begin, ()),
    "extract": (extract, ()),
    "judge": (judge, ()),
    "accept": (accept, ()),
    "core": (build, ("core",)),
    "facts": (build, ("facts",)),
    "segment": (build, ("segment",)),
    "campaign": (build, ("campaign",)),
    "audit rules": (audit, (False,)),
    "audit scored rules": (audit, (True,)),
    "audit root causes": (root_causes, ()),
    "kpi": (build, ("kpi",)),
    "mart": (build, ("mart",)),
    "mart_pii": (build, ("mart_pii",)),
    "publish": (publish, ()),
    "cases": (cases, ()),
    "closing": (closing, ()),
    "lists": (lists, ()),
}
"""Function and what it is given after settings and run, by name."""
