"""Makes a sample utility, block by block, and hands it to a sink."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from wattmark.contract import load_contract
from wattmark_sample.columns import contract_table
from wattmark_sample.faults.registry import Truth
from wattmark_sample.faults.seeder import Seeder
from wattmark_sample.grid import blocks
from wattmark_sample.history import PastList, add_past, past_list
from wattmark_sample.measure import Meters, day_table, registers
from wattmark_sample.model import build_model
from wattmark_sample.organisation import common_tables
from wattmark_sample.plan import SamplePlan, day_of
from wattmark_sample.relations import add_called_back, add_settled, later_tables, temperatures
from wattmark_sample.sinks import INTERVALS, Sink
from wattmark_sample.tables import BlockTables, point_ids


@dataclass
class SampleSummary:
    """What was made: rows by table, and the seconds it took."""

    accounts: int
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    truth: list[Truth] = field(default_factory=list)
    """The faults that were seeded."""
    unplaced: list[str] = field(default_factory=list)
    """Faults for which no account qualified."""
    past: PastList | None = None
    """The released list of a utility with a past."""


def generate(plan: SamplePlan, sink: Sink) -> SampleSummary:
    """Make a sample utility.

    Memory stays at one block (some 4,000 accounts and a day of their half-hours), whatever the size.

    Args:
        plan: what to make.
        sink: where it goes; what it held of the contract's tables is replaced.

    Returns:
        rows by table and seconds.
    """
    began = time.perf_counter()
    summary = SampleSummary(plan.account_count, dict.fromkeys(load_contract().tables, 0))
    if plan.history:
        summary.past = past_list(plan)

    def write(name: str, rows: pa.Table) -> None:
        sink.write(name, rows)
        summary.rows[name] += rows.num_rows

    with sink:
        for name, rows in common_tables(plan).items():
            write(name, rows)
        write("temperature_daily", temperatures(plan))
        seeder = Seeder(plan)
        number_of_blocks = sum(1 for _ in blocks(plan)) if seeder.pending else 0
        share = -(-len(seeder.pending) // max(1, number_of_blocks))
        for block in blocks(plan):
            model = build_model(plan, block)
            faults = seeder.start(model, block.number == number_of_blocks - 1, share)
            meters = Meters(model)
            ids = point_ids(model)
            reactive = model.points.reactive
            for day in meters.days():
                if len(day.rows):
                    rows = day_table(day, ids, reactive)
                    sink.write_intervals(day_of(day.day), rows)
                    summary.rows[INTERVALS] += rows.num_rows
            standing = registers(meters)
            seeder.read(faults, standing)
            made = BlockTables(plan, model, meters, standing)
            tables = made.build() | later_tables(plan, model)
            tables["service_call"] = add_settled(plan, model, tables["service_call"])
            finished = seeder.finish(faults, tables, made.late_payers)
            if summary.past is not None:
                finished = add_past(plan, block.number, finished, summary.past)
            finished["campaign_event"] = add_called_back(plan, block.number, finished)
            for name, rows in finished.items():
                write(name, rows)
        summary.truth = seeder.truth
        summary.unplaced = [f"{entry.rule_id}: {entry.way}" for entry in seeder.pending]
        for name, count in summary.rows.items():
            if count == 0 and name != INTERVALS:
                sink.write(
                    name,
                    contract_table(
                        name,
                        {
                            column.name: np.empty(0) if column.type not in ("string", "boolean") else []
                            for column in load_contract().tables[name].columns
                        },
                        0,
                    ),
                )
    summary.seconds = time.perf_counter() - began
    return summary
