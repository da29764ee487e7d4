"""The network of the sample utility: which loads hang on which transformer and feeder.

It is the SimBench benchmark grid (see NOTICE), kept in ``data``: 412 low-voltage areas on 40
feeders with 32,511 loads, and 214 medium-voltage loads on these and on further feeders. A *cell* is a
feeder with areas and the feeders without any that are counted to it; blocks are made of whole cells, so
that everything that must balance (areas, lines) balances within one block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from wattmark_sample.plan import FULL_GRID_ACCOUNTS, Floats, Ints, SamplePlan

SAMPLE_FILES = Path(__file__).parent / "data"

BLOCK_ACCOUNTS = 4096
"""A block ends with the cell in which it reaches this many accounts. Part of the seed: do not tune."""

PROFILE_SCALE = 250.0
"""Profiles are stored as whole numbers of 1/250 of the load's peak."""


@dataclass(frozen=True)
class Grid:
    """The whole benchmark grid as arrays; loads are sorted by cell, then area, then medium voltage."""

    profiles: tuple[str, ...]
    load_profile: Ints
    load_area: Ints
    """Index of the load's area, -1 for medium voltage."""
    load_feeder: Ints
    load_kw: Floats
    area_feeder: Ints
    area_kva: Floats
    area_iron_kw: Floats
    feeders: tuple[str, ...]
    feeder_cell: Ints
    cells: int


@dataclass(frozen=True)
class Block:
    """A run of whole cells: the loads, areas and feeders that are generated together.

    ``load_area`` and ``load_feeder`` index the block's own areas and feeders; ``area_number`` and
    ``feeder_number`` are unique in the whole utility, as is ``first_account`` + position.
    """

    number: int
    replica: int
    first_account: int
    load_profile: Ints
    load_kw: Floats
    load_area: Ints
    load_feeder: Ints
    area_number: Ints
    area_feeder: Ints
    area_kva: Floats
    area_iron_kw: Floats
    feeder_number: Ints
    feeder_name: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of accounts."""
        return len(self.load_kw)


@lru_cache(maxsize=1)
def load_grid() -> Grid:
    """Read the benchmark grid from ``data``."""
    loads = pq.read_table(SAMPLE_FILES / "simbench_load.parquet").to_pydict()
    areas = pq.read_table(SAMPLE_FILES / "simbench_transformer.parquet").to_pydict()
    profiles = tuple(pq.read_schema(SAMPLE_FILES / "simbench_profile.parquet").names)
    with_areas = sorted(set(areas["feeder"]))
    without = sorted({name for name in loads["feeder"] if name} - set(with_areas))
    feeders = (*with_areas, *without)
    feeder_at = {name: number for number, name in enumerate(feeders)}
    feeder_cell = np.array(
        [*range(len(with_areas)), *(number % len(with_areas) for number in range(len(without)))]
    )
    area_order = sorted(
        range(len(areas["area"])), key=lambda number: (areas["feeder"][number], areas["area"][number])
    )
    area_at = {areas["area"][number]: position for position, number in enumerate(area_order)}
    area_feeder = np.array([feeder_at[areas["feeder"][number]] for number in area_order])
    load_area = np.array([area_at[name] if name else -1 for name in loads["area"]])
    load_feeder = np.array(
        [
            area_feeder[area] if area >= 0 else feeder_at[name]
            for area, name in zip(load_area, loads["feeder"], strict=True)
        ]
    )
    order = np.lexsort(
        (np.arange(len(load_area)), load_feeder, load_area, load_area < 0, feeder_cell[load_feeder])
    )
    profile_at = {name: number for number, name in enumerate(profiles)}
    return Grid(
        profiles=profiles,
        load_profile=np.array([profile_at[name] for name in loads["profile"]])[order],
        load_area=load_area[order],
        load_feeder=load_feeder[order],
        load_kw=np.array(loads["p_kw"], dtype=np.float64)[order],
        area_feeder=area_feeder,
        area_kva=np.array([areas["rated_kva"][number] for number in area_order]),
        area_iron_kw=np.array([areas["iron_loss_kw"][number] for number in area_order]),
        feeders=feeders,
        feeder_cell=feeder_cell,
        cells=len(with_areas),
    )


@lru_cache(maxsize=1)
def load_profiles() -> Floats:
    """Share of the peak for each profile, day of 2016 and half-hour: shape (profiles, 366, 48)."""
    table = pq.read_table(SAMPLE_FILES / "simbench_profile.parquet")
    columns = [table[name].to_numpy().astype(np.float64) / PROFILE_SCALE for name in table.column_names]
    return np.stack(columns).reshape(len(columns), 366, 48)


def _subset(grid: Grid, count: int) -> Ints:
    """Loads of a consistent part of the grid: some cells, and whole areas of them taken in turn.

    The medium-voltage loads of the chosen cells come first (at most a seventh); the last area is cut so
    that exactly ``count`` loads are returned, in grid order.
    """
    cell_count = min(grid.cells, max(1, round(count / 75)))
    cells = np.unique(np.linspace(0, grid.cells - 1, cell_count).round().astype(np.int64))
    load_cell = grid.feeder_cell[grid.load_feeder]
    medium = np.flatnonzero((grid.load_area < 0) & np.isin(load_cell, cells))[: count // 7]
    area_cell = grid.feeder_cell[grid.area_feeder]
    queues = [list(np.flatnonzero(area_cell == cell)) for cell in cells]
    # every third area of a feeder first: neighbours are of one size
    queues = [queue[0::3] + queue[1::3] + queue[2::3] for queue in queues]
    chosen: list[Ints] = [medium]
    missing = count - len(medium)
    turn = 0
    while missing > 0 and any(queues):
        queue = queues[turn % len(queues)]
        turn += 1
        if queue:
            loads = np.flatnonzero(grid.load_area == queue.pop(0))[:missing]
            chosen.append(loads)
            missing -= len(loads)
    if missing > 0:
        rest = np.setdiff1d(np.arange(len(grid.load_kw)), np.concatenate(chosen))
        chosen.append(rest[:missing])
    return np.sort(np.concatenate(chosen))


def blocks(plan: SamplePlan) -> Iterator[Block]:
    """The blocks of a plan's utility, in account order."""
    grid = load_grid()
    load_cell = grid.feeder_cell[grid.load_feeder]
    remaining, first_account, number, replica = plan.account_count, 0, 0, 0
    while remaining > 0:
        part = np.arange(FULL_GRID_ACCOUNTS) if remaining >= FULL_GRID_ACCOUNTS else _subset(grid, remaining)
        remaining -= len(part)
        sizes = np.bincount(load_cell[part], minlength=grid.cells)
        cells: list[int] = []
        for cell in range(grid.cells):
            if sizes[cell]:
                cells.append(cell)
            full = sizes[cells].sum() >= BLOCK_ACCOUNTS
            if cells and (full or not sizes[cell + 1 :].any()):
                yield _block(grid, part[np.isin(load_cell[part], cells)], number, replica, first_account)
                first_account += int(sizes[cells].sum())
                number += 1
                cells = []
        replica += 1


def _block(grid: Grid, loads: Ints, number: int, replica: int, first_account: int) -> Block:
    areas, load_area = np.unique(grid.load_area[loads], return_inverse=True)
    has_medium = len(areas) > 0 and areas[0] < 0
    if has_medium:
        areas, load_area = areas[1:], load_area - 1
    feeders, positions = np.unique(
        np.concatenate([grid.load_feeder[loads], grid.area_feeder[areas]]), return_inverse=True
    )
    return Block(
        number=number,
        replica=replica,
        first_account=first_account,
        load_profile=grid.load_profile[loads],
        load_kw=grid.load_kw[loads],
        load_area=load_area,
        load_feeder=positions[: len(loads)],
        area_number=replica * len(grid.area_kva) + areas,
        area_feeder=positions[len(loads) :],
        area_kva=grid.area_kva[areas],
        area_iron_kw=grid.area_iron_kw[areas],
        feeder_number=replica * 1000 + feeders,
        feeder_name=tuple(grid.feeders[feeder] for feeder in feeders),
    )
