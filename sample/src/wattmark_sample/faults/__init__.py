"""Known faults: what can go wrong in a utility's data, one entry for each way a rule can flag.

A fault is seeded at one of three moments, or at several: into the *model* (what is physically there, or
what the files said when the bill was made), into the *registers* (what was read) or into the finished
*tables*. Early ones are measured and billed like everything else, so that they have the consequences
they would have at a utility. What was seeded is handed back as truth and never written into the source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from wattmark_sample.faults.editor import Editor
from wattmark_sample.measure import Meters, Registers
from wattmark_sample.model import AREA, MAIN, NEVER, SUB, Model
from wattmark_sample.plan import Bools, Calendar, Ints, SampleError, SamplePlan
from wattmark_sample.tables import point_ids


@dataclass(frozen=True)
class Truth:
    """One seeded fault: the rule that must flag it, and which others the same fault may also set off."""

    rule_id: str
    way: str
    subject_type: str
    subject_id: str
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
        """Identifiers that a fault at one place may show on: accounts, their area and their line."""
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
        transformers = [f"T{int(m.block.area_number[area]):08d}" for area in sorted(areas)]
        return [*accounts, *transformers, *(f"L{int(m.feeder_number[line]):09d}" for line in sorted(lines))]

    def bill_id(self, a: int, month: int = -1) -> str:
        """Identifier of the account's bill of a month, by position."""
        day = self.cal.months[month]
        return f"B{int(self.model.number[a]):09d}{day.year * 100 + day.month}"


class Seeder:
    """Chooses subjects for the faults of a plan and seeds them block by block."""

    def __init__(self, plan: SamplePlan) -> None:
        """Take the faults a plan asks for."""
        self.plan = plan
        self.pending = wanted_faults(plan)
        self.truth: list[Truth] = []
        self._chosen: list[tuple[Fault, int]] = []

    def start(self, model: Model, last: bool, share: int) -> Context:
        """Choose subjects in a new block and seed what belongs into its model.

        Args:
            model: the block.
            last: no block follows.
            share: how many faults to take from the queue at most, so that they spread over the blocks.
        """
        context = Context(self.plan, model)
        rng = self.plan.random("faults", model.block.number)
        used = {
            "account": np.zeros(model.size, dtype=np.bool_),
            "area": np.zeros(len(model.block.area_number), dtype=np.bool_),
        }
        used["line"] = np.zeros(len(model.feeder_number), dtype=np.bool_)
        self._chosen, left, taken = [], [], 0
        masks = {id(entry): entry.who(context) for entry in self.pending}
        order = {"line": 0, "area": 1}
        # what few accounts qualify for is placed first
        self.pending.sort(key=lambda entry: (order.get(entry.unit, 2), int(masks[id(entry)].sum())))
        for entry in self.pending:
            if taken >= share and not last:
                left.append(entry)
                continue
            mask = masks[id(entry)]
            free = np.flatnonzero(mask & ~used[entry.unit]) if entry.unit in used else np.flatnonzero(mask)
            if not len(free):
                left.append(entry)
                continue
            at = int(free[rng.integers(0, len(free))])
            if entry.unit in used:
                used[entry.unit][at] = True
            if entry.unit == "area":
                used["account"] |= model.area == at
            self._chosen.append((entry, at))
            taken += 1
        self.pending = left
        self._results: dict[int, Any] = {}
        for number, (entry, at) in enumerate(self._chosen):
            if entry.model:
                self._results[number] = entry.model(context, at)
        return context

    def read(self, context: Context, standing: Registers) -> None:
        """Seed what was read wrongly."""
        context.standing = standing
        for number, (entry, at) in enumerate(self._chosen):
            if entry.registers:
                self._results[number] = entry.registers(context, at)

    def finish(self, context: Context, tables: dict[str, Any]) -> dict[str, Any]:
        """Seed what stands wrongly in the tables, and note the truth."""
        context.editor = Editor(tables)
        for number, (entry, at) in enumerate(self._chosen):
            result = self._results.get(number)
            if entry.tables:
                found = entry.tables(context, at)
                result = found if found is not None else result
            if result is None:
                result = self._subject(context, entry, at)
            subjects = result if isinstance(result, list) else [result]
            account = context.account_id(at) if entry.unit == "account" else None
            touched = tuple(dict.fromkeys([*context.touched(entry.unit, at), *subjects]))
            for subject in subjects:
                self.truth.append(
                    Truth(entry.rule_id, entry.way, entry.subject, subject, account, entry.effects, touched)
                )
        return context.editor.finish()

    @staticmethod
    def _subject(context: Context, entry: Fault, at: int) -> str:
        if entry.subject == "account":
            return context.account_id(at)
        if entry.subject == "customer":
            return context.customer_id(at)
        if entry.subject == "metering_point":
            return context.point_id(at)
        if entry.subject == "bill":
            return context.bill_id(at)
        if entry.subject == "transformer":
            return f"T{int(context.model.block.area_number[at]):08d}"
        if entry.subject == "line":
            return f"L{int(context.model.feeder_number[at]):09d}"
        raise SampleError("sample.subject", f"{entry.rule_id}: {entry.way} names no {entry.subject}.")


def wanted_faults(plan: SamplePlan) -> list[Fault]:
    """The faults a plan asks for, in the order they are seeded.

    Raises:
        SampleError: a rule id is not one that faults are known for.
    """
    from wattmark_sample.faults import applications, billing, network, records  # noqa: F401

    known = sorted({entry.rule_id for entry in REGISTRY})
    asked = plan.faults
    if isinstance(asked, bool):
        counts: dict[str, int | None] = dict.fromkeys(known) if asked else {}
    elif isinstance(asked, dict):
        counts = dict(asked)
    elif isinstance(asked, Sequence):
        counts = dict.fromkeys(asked)
    else:
        counts = dict(asked)
    unknown = sorted(set(counts) - set(known))
    if unknown:
        raise SampleError(
            "sample.faults", f"no faults are known for {', '.join(unknown)}.", f"Known: {', '.join(known)}."
        )
    ways = {rule: [entry for entry in REGISTRY if entry.rule_id == rule] for rule in known}
    found: list[Fault] = []
    for rule, count in counts.items():
        wanted = len(ways[rule]) if count is None else count
        found += [ways[rule][number % len(ways[rule])] for number in range(wanted)]
    return found


__all__ = ["NEVER", "REGISTRY", "Context", "Fault", "Seeder", "Truth", "fault", "wanted_faults"]
