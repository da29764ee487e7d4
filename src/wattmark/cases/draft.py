"""A case while a night works on it: as it stands, what becomes of it, and the events that say so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wattmark.cases.findings import read_json
from wattmark.cases.log import Change, opened
from wattmark.cases.model import NIGHT, Case, Event


class Draft:
    """A case and the night's changes to it; reads as the case would stand after them.

    Args:
        case: as it stands; of one that is being opened its row, in state ``open``.
        at: the instant of the night's events on it.
        is_new: whether it is being opened.
    """

    __slots__ = ("at", "case", "events", "is_new", "values")

    def __init__(self, case: Case, at: dt.datetime, *, is_new: bool = False) -> None:
        self.case, self.at, self.is_new = case, at, is_new
        self.values: dict[str, Any] = {}
        self.events: list[Event] = []

    def get(self, name: str) -> Any:
        """A column as it would stand."""
        return self.values[name] if name in self.values else getattr(self.case, name)

    @property
    def case_id(self) -> str:
        """The case's id."""
        return self.case.case_id

    @property
    def state(self) -> str:
        """The state after the events so far; empty before the first one of a new case."""
        if self.events:
            return self.events[-1].to_state
        return "" if self.is_new else self.case.state

    @property
    def is_effect(self) -> bool:
        """Whether it hangs on a cause."""
        return self.get("root_cause_case_id") is not None

    def put(self, values: Mapping[str, Any]) -> None:
        """Set columns that are not as given; says nothing in the log."""
        for name, value in values.items():
            if name in self.values or getattr(self.case, name) != value:
                self.values[name] = value

    def step(
        self,
        step: str,
        to_state: str,
        day: dt.date,
        run_id: str,
        detail: Mapping[str, Any] | None = None,
        note: str | None = None,
    ) -> None:
        """Add an event."""
        self.events.append(
            Event(
                self.case_id,
                self.at,
                day,
                NIGHT,
                step,
                self.state,
                to_state,
                note,
                dict(detail or {}),
                run_id,
            )
        )

    def now(self) -> Case:
        """The case as it would stand."""
        version = self.case.version + len(self.events)
        return replace(self.case, **self.values, state=self.state, version=version)

    def change(self) -> Change | None:
        """What is to be written; None where nothing is."""
        if isinstance(self.values.get("evidence"), str):
            # As text until now: a night's findings are many.
            self.values["evidence"] = read_json(self.values["evidence"])
        if self.is_new:
            return opened(self.now(), self.events)
        if not self.events and not self.values:
            return None
        return Change(self.case_id, self.events, self.values, seen=self.case.version)
