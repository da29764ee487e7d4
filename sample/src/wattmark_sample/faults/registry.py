"""How a fault is declared, and what it may look at and change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from wattmark_sample.faults.editor import Editor
from wattmark_sample.measure import Meters, Registers
from wattmark_sample.model import AREA, MAIN, SUB, Model
from wattmark_sample.plan import Bools, Calendar, Ints, SampleError, SamplePlan
from wattmark_sample.tables import point_ids


@dataclass(frozen=True)
class Truth:
    """One seeded fault: the rule that must flag it, and which others the same fault may also set off."""

    rule_id: str
    way: str
    subject_type: str
    subject_id: str
    """Empty where nothing is seeded, and the effects are there by nature."""
    account_id: str | None
    effects: tuple[str, ...]
    touched: tuple[str, ...]
    """Accounts, transformers, lines and other things that the effects may show on."""


Mask: TypeAlias = Any
"""A boolean array: which accounts, areas or lines qualify."""
Place = Callable[["Context", int], Any]
Candidates = Callable[["Context"], Mask]


@dataclass(frozen=True)
class Fault:
    """One way in which one rule is broken.

    ``who`` gives a mask of accounts (or of areas, lines or other things, by ``unit``) that qualify. The
    three hooks get the position chosen; a hook that returns a string or a list of them names the
    subjects, else the subject follows from the rule's subject type.
    """

    rule_id: str
    way: str
    subject: str
    who: Candidates
    model: Place | None = None
    registers: Place | None = None
    tables: Place | None = None
    effects: tuple[str, ...] = ()
    unit: str = "account"
    listing: bool = False


REGISTRY: list[Fault] = []


def fault(
    rule_id: str,
    way: str,
    subject: str,
    who: Candidates,
    *,
    model: Place | None = None,
    registers: Place | None = None,
    tables: Place | None = None,
    effects: str = "",
    unit: str = "account",
    listing: bool = False,
) -> None:
    """Register a fault; ``effects`` lists rule ids, separated by blanks, that it may also set off."""
    REGISTRY.append(
        Fault(rule_id, way, subject, who, model, registers, tables, tuple(effects.split()), unit, listing)
    )


@dataclass
class Context:
    """What a fault may look at and change, in one block."""

    plan: SamplePlan
    model: Model
    meters: Meters | None = None
    standing: Registers | None = None
    editor: Editor | None = None
    notes: dict[tuple[str, int], Any] = field(default_factory=dict)
    areas_used: Bools = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    """Areas that carry a fault; known to hooks, not yet to masks."""

    @property
    def cal(self) -> Calendar:
        """Days and periods."""
        return self.plan.calendar

    @property
    def t(self) -> Editor:
        """The tables, once they are made."""
        if self.editor is None:
            raise SampleError("sample.stage", "a fault asked for tables before they were made.")
        return self.editor

    @property
    def r(self) -> Registers:
        """The registers, once they are read."""
        if self.standing is None:
            raise SampleError("sample.stage", "a fault asked for registers before they were read.")
        return self.standing

    @cached_property
    def main_at(self) -> Ints:
        """Position of each account's first main point, -1 without one."""
        points = self.model.points
        at = np.full(self.model.size, -1)
        mains = np.flatnonzero(points.role == MAIN)[::-1]
        at[points.account[mains]] = mains
        return at

    @cached_property
    def area_at(self) -> Ints:
        """Position of each area's point."""
        return np.flatnonzero(self.model.points.role == AREA)

    @cached_property
    def plain(self) -> Bools:
        """Accounts nothing special is known of: long open, active, one supply, one customer, no changes."""
        m = self.model
        holders = np.bincount(m.owner, minlength=m.size)
        at = np.maximum(self.main_at, 0)
        subs = np.zeros(m.size, dtype=np.bool_)
        subs[m.points.account[m.points.role == SUB]] = True
        rolls = m.points.initial[at, 0] > 0.6 * 10.0 ** (m.points.digits[at] + 2)
        flags: Bools = (
            (m.status == 1)
            & (m.opened < self.cal.as_of - 860)
            & (m.change_kind == 0)
            & ~m.dual
            & ~m.temporary
            & ~m.self_generation
            & ~m.is_rare()
            & (m.allocation == 0)
            & (m.points.replaced_in[at] < 0)
            & (m.owner == np.arange(m.size))
            & (holders == 1)
            & (self.main_at >= 0)
            & ~subs
            & ~rolls
        )
        return flags

    def account_id(self, a: int) -> str:
        """Identifier of an account."""
        return str(3_300_000_000 + int(self.model.number[a]))

    def customer_id(self, a: int) -> str:
        """Identifier of the account's customer."""
        return f"C{int(self.model.number[self.model.owner[a]]):09d}"

    @cached_property
    def points(self) -> list[str]:
        """Identifiers of all metering points."""
        found: list[str] = point_ids(self.model).to_pylist()
        return found

    def point_id(self, a: int) -> str:
        """Identifier of the account's first main point."""
        return self.points[int(self.main_at[a])]

    def touched(self, unit: str, at: int) -> list[str]:
        """Identifiers that a fault at one place may show on: accounts, their area with its book, and their line."""
        m = self.model
        if unit == "line":
            return [f"L{int(m.feeder_number[at]):09d}"]
        if unit == "account":
            areas = {int(area) for area in (m.area[at], m.physical_area[at]) if area >= 0}
            accounts, lines = [self.account_id(at)], {int(m.feeder[at])}
        else:
            areas = {at}
            accounts = [self.account_id(int(a)) for a in np.flatnonzero(m.area == at)]
            lines = {int(m.block.area_feeder[at])}
        numbers = [int(m.block.area_number[area]) for area in sorted(areas)]
        feeders = [int(m.feeder_number[line]) for line in sorted(lines)]
        return [
            *accounts,
            *(f"T{number:08d}" for number in numbers),
            *(f"RA{number:07d}" for number in numbers),
            *(f"L{number:09d}" for number in feeders),
            *(f"RL{number:09d}" for number in feeders),
        ]

    def bill_id(self, a: int, month: int = -1) -> str:
        """Identifier of the account's bill of a month, by position."""
        day = self.cal.months[month]
        return f"B{int(self.model.number[a]):09d}{day.year * 100 + day.month}"
