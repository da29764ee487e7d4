"""Chooses subjects for the faults of a plan, seeds them, and keeps the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# Imported for what they register.
from wattmark_sample.faults import (  # noqa: F401
    applications,
    billing,
    conduct,
    measured,
    network,
    periods,
    records,
)
from wattmark_sample.faults.editor import Editor
from wattmark_sample.faults.registry import REGISTRY, Context, Fault, Truth
from wattmark_sample.measure import Registers
from wattmark_sample.model import Model
from wattmark_sample.plan import Ints, SampleError, SamplePlan

NATURE = "pays late of its own accord"
"""A way that is not seeded: its truth names no subject, for nobody must find it, but whoever does is right."""


class Seeder:
    """Chooses subjects for the faults of a plan and seeds them block by block."""

    def __init__(self, plan: SamplePlan) -> None:
        """Take the faults a plan asks for."""
        self.plan = plan
        self.pending = wanted_faults(plan)
        self._tells_late = any(entry.rule_id == "RSK-04" for entry in self.pending)
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
        context.areas_used = used["area"]
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

    def finish(self, context: Context, tables: dict[str, Any], late_payers: Ints) -> dict[str, Any]:
        """Seed what stands wrongly in the tables, and note the truth; who pays late unseeded is part of it."""
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
        if self._tells_late and len(late_payers):
            late = tuple(context.account_id(int(a)) for a in late_payers)
            self.truth.append(Truth("RSK-04", NATURE, "account", "", None, ("RSK-04",), late))
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
