"""One block of the sample utility as arrays: accounts, metering points and transformers.

Nothing here is a table yet. The arrays hold what is physically there (loads, meters) and what the
customer files say; a fault changes one of them before energy is measured and billed, so that everything
downstream follows from it as it would at a utility.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from wattmark_sample.grid import Block, load_grid
from wattmark_sample.plan import Bools, Floats, Ints, SamplePlan, day_number
from wattmark_sample.shapes import SHIFTS, TAN_PHI
from wattmark_sample.tariffs import TARIFF_AT, TARIFFS

NEVER = -(1 << 24)
"""Day number of what did not happen."""

TWO_PART_FROM_KVA = 315.0
TWO_PART_SINCE = day_number(dt.date(2023, 6, 1))
"""Businesses of that size pay in two parts, those that were opened before by choice."""

CATEGORIES = (
    "residential",
    "commercial",
    "general_industrial",
    "large_industrial",
    "agricultural",
    "bulk_resale",
)
RES, COM, GEN, LAR, AGR, BULK = range(6)
STATUS = ("pending", "active", "suspended", "closed")
PENDING, ACTIVE, SUSPENDED, CLOSED = range(4)
MODES = ("hv_hv", "hv_lv", "lv_lv")
HV_HV, HV_LV, LV_LV = range(3)
BASES = ("none", "capacity", "contract_demand", "actual_demand")
PAYMENT_METHODS = ("counter", "bank_debit", "online", "prepaid")
COUNTER, DEBIT, ONLINE, PREPAID = range(4)
ROLES = ("main", "sub", "check", "area", "line")
MAIN, SUB, CHECK, AREA, LINE = range(5)

REGISTERS = (
    "active_total",
    "active_sharp",
    "active_peak",
    "active_flat",
    "active_valley",
    "reactive_total",
    "max_demand_kw",
    "active_deep",
    "active_export",
)

LV1_KVA = np.array([4, 6, 8, 10, 12, 16.0])
LV3_KVA = np.array([10, 15, 20, 25, 30, 40, 50, 63, 80, 100, 125, 160.0])
NEWCOMER_KVA = 1000.0
"""Capacity of the one who was connected at medium voltage in the audited month: of the highest tenth by what it may use."""
HV_KVA = np.array([100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150.0])
CT_PRIMARY = np.array(
    [
        5,
        10,
        15,
        20,
        30,
        40,
        50,
        75,
        100,
        150,
        200,
        300,
        400,
        500,
        600,
        800,
        1000,
        1200,
        1500,
        2000,
        2500,
        3000.0,
    ]
)

INDUSTRY = {
    COM: (
        "E47",
        "F51",
        "F52",
        "G54",
        "H61",
        "H62",
        "I64",
        "J66",
        "K70",
        "L71",
        "M73",
        "N78",
        "O80",
        "P83",
        "Q84",
        "R88",
        "S91",
    ),
    GEN: ("B08", "C13", "C17", "C18", "C26", "C30", "C33", "C34", "C35", "C38", "C39", "D45", "D46"),
    LAR: ("B10", "C17", "C26", "C28", "C30", "C31", "C33", "C36", "C38", "C39", "D46"),
    AGR: ("A01", "A02", "A03", "A04", "A05"),
    BULK: ("D44",),
}


def next_size(sizes: Floats, wanted: Floats) -> Floats:
    """The smallest size that is at least what is wanted (the largest where none is)."""
    found: Floats = sizes[np.minimum(np.searchsorted(sizes, wanted - 1e-9), len(sizes) - 1)]
    return found


def power_factor_standard(category: Ints, kva: Floats, supply_kv: Floats) -> Floats:
    """The standard due by category and size (0 for none): 0.90, 0.85 or 0.80."""
    industrial = np.isin(category, (GEN, LAR))
    high = industrial & (kva > 160) & (supply_kv >= 10)
    middle = (industrial | (category == COM)) & (kva >= 100)
    low = np.isin(category, (AGR, BULK)) & (kva >= 100)
    return np.where(high, 0.90, np.where(middle, 0.85, np.where(low, 0.80, 0.0)))


@dataclass
class Points:
    """Metering points of a block: mains first, then subs, checks, areas, lines."""

    number: Ints
    """Number in the identifier, unique in the utility within its role's prefix."""
    role: Ints
    account: Ints
    """Position of the account, -1 for area and line points."""
    branch: Ints
    """Which supply point of the account (0 primary), the area, or the feeder."""
    share: Floats
    """Share of the account's load (mains); of its main (subs)."""
    parent: Ints
    """Main of a sub or check point, else -1."""
    ct_primary: Floats
    """0 without a current transformer; the secondary is 5 A."""
    vt_primary: Floats
    """0 without a voltage transformer; the secondary is 100 V."""
    multiplier: Floats
    """As in force in the customer file."""
    tou: Bools
    reactive: Bools
    demand: Bools
    digits: Ints
    phases: Ints
    max_current_a: Floats
    installed: Ints
    replaced_in: Ints
    """Index of the month in which the meter was replaced, -1 for never."""
    replaced_on: Ints
    deep: Bools
    """Whether it has a register of deep valley."""
    export: Bools
    """Whether it has a register of what is fed in."""
    initial: Floats
    """Register standing before the first month, shape (points, 8), whole hundredths."""
    read: Bools
    """Whether its registers are read."""
    metered: Bools
    """Whether it delivers intervals."""

    @property
    def size(self) -> int:
        """Number of points."""
        return len(self.number)


@dataclass
class Transformers:
    """Transformers of a block: those of the areas first, then dedicated ones."""

    number: Ints
    dedicated: Bools
    account: Ints
    feeder: Ints
    kva: Floats
    model: Ints
    area: Ints
    commissioned: Ints


@dataclass
class Model:
    """All arrays of one block; (n) accounts unless said, days as day numbers, ``NEVER`` where empty."""

    plan: SamplePlan
    block: Block
    number: Ints
    profile: Ints
    shift: Ints
    kw: Floats
    area: Ints
    feeder: Ints
    feeder2: Ints
    is_mv: Bools
    category: Ints
    industry: list[str | None]
    kva: Floats
    supply_kv: Floats
    metering_kv: Floats
    mode: Ints
    basis: Ints
    contract_demand: Floats
    standard: Floats
    tariff: Ints
    status: Ints
    opened: Ints
    closed: Ints
    temporary: Bools
    dual: Bools
    self_generation: Bools
    load_control: Bools
    allocation: Ints
    payment: Ints
    owner: Ints
    """Position of the account whose customer holds this one (itself for most)."""
    is_org: Bools
    change_kind: Ints
    """0 none, 1 suspend, 2 reduce."""
    change_kva: Floats
    change_start: Ints
    change_end: Ints
    factor: Floats
    """(n, months + 1): what each month's load is of the normal; the last column is the running month."""
    tan_phi: Floats
    points: Points
    transformers: Transformers
    feeder_name: tuple[str, ...]
    feeder_number: Ints
    feeder_kv: Floats
    area_loss: Floats
    line_loss: Floats
    physical_area: Ints
    """Area that really feeds each account; differs from ``area`` only by a fault."""
    stolen: Floats
    """(n, months + 1): share of the load that passes the meter by."""
    pv_kva: Floats
    """Rated power of the solar panels of each account that gives energy to the network, 0 for the others."""
    interval_edits: list[Callable[[Any], None]] = field(default_factory=list)
    """Applied to each day's half-hours after energy was counted: faults of the meter data alone."""
    billed_tariff: dict[int, int] = field(default_factory=dict)
    """Tariff that an account's bill of the last month is made on, where it is not its own."""
    without_loss: set[int] = field(default_factory=set)
    """Accounts billed as if there were no transformer loss."""
    without_sub: set[int] = field(default_factory=set)
    """Accounts billed without taking off their sub meter."""
    loss_now: dict[int, float] = field(default_factory=dict)
    """Loss of an area from the last billed month on, where it has changed."""
    demand_times: dict[int, float] = field(default_factory=dict)
    """Times its true value that an account's demand was read at in the last billed month."""

    def feeds_in(self) -> Bools:
        """Accounts that are paid for what their panels give to the network."""
        flags: Bools = self.pv_kva > 0
        return flags

    def is_rare(self) -> Bools:
        """Accounts billed as few are: by steps of a year, at rates that rise, with deep valley or what they feed in."""
        rare = [TARIFF_AT[code] for code in ("RES-YEAR", "COM-LV-RISE", "IND-10-DEEP")]
        return np.isin(self.tariff, rare) | self.feeds_in()

    @property
    def size(self) -> int:
        """Number of accounts."""
        return len(self.number)

    def tou(self) -> Bools:
        """Whether each account is on a time-of-use tariff."""
        flags: Bools = np.array([tariff.tou for tariff in TARIFFS])[self.tariff]
        return flags


class Draws(NamedTuple):
    """What is drawn of each account, uniform in 0 to 1, one array a question. Their number and order are part of the seed."""

    workshop: Floats
    """Below a half: a trade of group G1 is a workshop, not a shop."""
    load: Floats
    """What the load is of the grid's, 0.85 to 1.1."""
    three_phase: Floats
    """Below a half: a small load is on one phase."""
    large_low: Floats
    """A low-voltage shop or workshop that is large on paper."""
    large_low_size: Floats
    """Its size."""
    dual: Floats
    """Fed from two lines."""
    size_at_35kv: Floats
    """Size of an account at 35 kV."""
    metered_low: Floats
    """High-voltage supply that is metered on the low side."""
    time_of_use: Floats
    """On a time-of-use tariff by choice."""
    demand_basis: Floats
    """By capacity, contract demand or actual demand."""
    contract_demand: Floats
    """Contract demand over the load."""
    age: Floats
    """Days since it was opened, within what its kind allows."""
    recent: Floats
    """Opened of late, some in the audited month."""
    temporary: Floats
    """Temporary supply."""
    closed: Floats
    """Closed within the months made."""
    closing_day: Floats
    """The day on which."""
    pending: Floats
    """Applied for, not yet opened."""
    suspended: Floats
    """Suspended now or a year ago; also when a part was."""
    change_day: Floats
    """When a change of capacity began, and how much of it."""
    change_length: Floats
    """How long a suspension lasted; whether a part is suspended or reduced."""
    change_ended: Floats
    """Whether a part's suspension has ended, and when."""
    small_trade: Floats
    """A trade run by a person."""
    payment: Floats
    """Way of paying."""
    allocation: Floats
    """Energy that is allocated, not metered."""


def build_model(plan: SamplePlan, block: Block) -> Model:
    """Draw all arrays of a block; the same plan and block give the same model."""
    cal = plan.calendar
    rng = plan.random("model", block.number)
    n = block.size
    grid = load_grid()
    names = np.array(grid.profiles)[block.load_profile]
    is_mv = block.load_area < 0
    draw = Draws(*rng.random((n, len(Draws._fields))).T)

    letter = np.array([name[0] for name in names])
    trade = np.array([name[:2] for name in names])
    category = np.full(n, COM)
    category[letter == "H"] = RES
    category[letter == "L"] = AGR
    category[np.isin(trade, ("G3",)) | (np.isin(trade, ("G1",)) & (draw.workshop < 0.5))] = GEN
    category[np.isin(letter, ("B", "W"))] = BULK
    category[is_mv & np.isin(trade, ("G0", "G1", "G3"))] = GEN

    kw = block.load_kw * (0.85 + 0.25 * draw.load)
    # --- capacity and voltage
    wanted = np.where(is_mv, block.load_kw * 1.22, block.load_kw * 1.15)
    kva = np.zeros(n)
    single = ~is_mv & ((category == RES) | ((wanted <= 10) & (draw.three_phase < 0.5))) & (wanted <= 16)
    kva[single] = next_size(LV1_KVA, wanted[single])
    low3 = ~is_mv & ~single
    kva[low3] = next_size(LV3_KVA, wanted[low3])
    # low-voltage shops and workshops that are large on paper: time of use, load control, power factor
    big_low = low3 & np.isin(category, (COM, GEN)) & (draw.large_low < 0.10)
    kva[big_low] = np.where(draw.large_low_size[big_low] < 0.5, 100.0, 125.0)
    kw[big_low] = np.maximum(kw[big_low], 10.0)
    kva[is_mv] = next_size(HV_KVA, wanted[is_mv])
    dual = is_mv & (draw.dual < 0.12) & (kva >= 400) & (len(np.unique(block.load_feeder)) >= 2)
    kva[dual] = 2 * next_size(HV_KVA, kva[dual] / 2)
    category[is_mv & (category == GEN) & (kva >= 315)] = LAR
    # a farm whose works have just been connected: worth little yet, and much soon
    newcomer = np.flatnonzero(is_mv & (category == AGR) & ~dual)[:1]
    kva[newcomer] = NEWCOMER_KVA
    at_35 = np.zeros(n, dtype=np.bool_)
    candidates = np.flatnonzero(is_mv & (category == LAR) & ~dual)
    if len(candidates) >= 8:
        at_35[candidates[:: max(8, len(candidates) // 6)]] = True
    kva[at_35] = np.array([6300.0, 8000.0, 10000.0])[(draw.size_at_35kv[at_35] * 3).astype(int)]
    kw[at_35] = kva[at_35] * (0.5 + 0.2 * draw.load[at_35])
    supply_kv = np.where(at_35, 35.0, np.where(is_mv, 10.0, np.where(single, 0.22, 0.38)))
    mode = np.where(is_mv, np.where((kva < 500) & (draw.metered_low < 0.65) & ~dual, HV_LV, HV_HV), LV_LV)
    metering_kv = np.where(mode == HV_LV, 0.38, supply_kv)

    # --- life
    horizon = int(cal.month_start[0])
    p_start, p_end = int(cal.month_start[-1]), int(cal.month_end[-1])
    opened = cal.as_of - (900 + (draw.age**1.5) * 8000).astype(np.int64)
    recent = (draw.recent < 0.06) & ~dual
    opened[recent] = cal.as_of - 40 - (draw.age[recent] * 700).astype(np.int64)
    in_p = (draw.recent < 0.004) & ~is_mv & (kva < 100)
    opened[in_p] = p_start + 1 + (draw.age[in_p] * 24).astype(np.int64)
    opened[newcomer] = p_start + 20
    temporary = ~is_mv & np.isin(category, (COM, GEN)) & (draw.temporary < 0.15)
    opened[temporary] = cal.as_of - 120 - (draw.age[temporary] * 700).astype(np.int64)
    # --- tariffs
    tariff = np.full(n, TARIFF_AT["RES-STEP"])
    large = kva >= 100
    wants_tou = draw.time_of_use < 0.15
    choices = (
        ((category == RES) & (draw.time_of_use < 0.06), "RES-TOU"),
        ((category == COM) & ~is_mv, "COM-LV"),
        ((category == COM) & ~is_mv & (large | wants_tou) & ~single, "COM-LV-TOU"),
        ((category == COM) & is_mv, "COM-10-TOU"),
        ((category == COM) & is_mv & (kva >= TWO_PART_FROM_KVA) & (opened >= TWO_PART_SINCE), "COM-10-2P"),
        ((category == GEN) & ~is_mv, "IND-LV"),
        ((category == GEN) & ~is_mv & (large | wants_tou) & ~single, "IND-LV-TOU"),
        ((category == GEN) & is_mv, "IND-10-TOU"),
        ((category == LAR) & ~at_35, "LAR-10-TOU"),
        ((category == LAR) & at_35, "LAR-35-TOU"),
        ((category == AGR) & ~is_mv, "AGR-LV"),
        ((category == AGR) & is_mv, "AGR-10"),
        (category == BULK, "BULK-10"),
    )
    for mask, code in choices:
        tariff[mask] = TARIFF_AT[code]
    # A few are billed in ways of their own, the second of each tariff first.
    settled = opened < horizon
    for old, code, every in (
        ("RES-STEP", "RES-YEAR", 12),
        ("COM-LV", "COM-LV-RISE", 9),
        ("IND-10-TOU", "IND-10-DEEP", 4),
    ):
        at = np.flatnonzero((tariff == TARIFF_AT[old]) & settled)
        tariff[at[1::every]] = TARIFF_AT[code]
    basis = np.where(
        np.array([choice.two_part for choice in TARIFFS])[tariff],
        np.where(draw.demand_basis < 0.6, 1, np.where(draw.demand_basis < 0.8, 2, 3)),
        0,
    )
    contract_demand = np.where(
        basis == 2, np.round(np.clip(kw * (0.75 + 0.3 * draw.contract_demand), 0.42 * kva, kva), 0), np.nan
    )
    standard = power_factor_standard(category, kva, supply_kv)

    # --- closed, pending, suspended
    status = np.full(n, ACTIVE)
    closed = np.full(n, NEVER)
    gone = ~is_mv & (draw.closed < (0.15 if plan.history else 0.012)) & ~recent | temporary & (
        draw.closed < 0.15
    )
    if plan.months >= 6:
        first_close = horizon + 40
        closing = first_close + (draw.closing_day * (int(cal.month_start[-2]) - 5 - first_close)).astype(
            np.int64
        )
        gone &= closing > opened + 60
        closed[gone] = closing[gone]
        status[gone] = CLOSED
    pending = ~is_mv & (draw.pending < 0.006) & (status == ACTIVE) & ~temporary
    status[pending] = PENDING
    opened[pending] = NEVER

    old = (opened < cal.as_of - 860) & (status == ACTIVE)
    change_kind = np.zeros(n, dtype=np.int64)
    change_kva = np.zeros(n)
    change_start, change_end = np.full(n, NEVER), np.full(n, NEVER)
    stopped = old & (draw.suspended < 0.007)
    status[stopped] = SUSPENDED
    change_kind[stopped] = 1
    change_kva[stopped] = kva[stopped]
    change_start[stopped] = p_start - 5 - (draw.change_day[stopped] * 105).astype(np.int64)
    was = old & ~stopped & (draw.suspended < 0.014)
    change_kind[was] = 1
    change_kva[was] = kva[was]
    change_start[was] = p_start - 330 - (draw.change_day[was] * 40).astype(np.int64)
    change_end[was] = change_start[was] + 20 + (draw.change_length[was] * 60).astype(np.int64)
    partly = old & (basis == 1) & (change_kind == 0) & (draw.change_length < 0.16)
    change_kind[partly] = 1
    change_kva[partly] = np.round(kva[partly] * (0.25 + 0.2 * draw.change_day[partly]), 0)
    change_start[partly] = p_start + 10 - (draw.suspended[partly] * 100).astype(np.int64)
    ended = partly & (draw.change_ended < 0.4)
    change_end[ended] = change_start[ended] + 20 + (draw.change_ended[ended] * 100).astype(np.int64)
    reduced = old & (basis == 1) & (change_kind == 0) & (draw.change_length > 0.90)
    change_kind[reduced] = 2
    change_kva[reduced] = np.round(kva[reduced] * 0.3, 0)
    change_start[reduced] = cal.as_of - 200 - (draw.change_day[reduced] * 200).astype(np.int64)
    change_end[reduced] = change_start[reduced] + 430 + (draw.suspended[reduced] * 250).astype(np.int64)

    # --- commerce
    small_trade = np.isin(category, (COM, AGR)) & ~is_mv & (draw.small_trade < 0.45)
    is_org = (category != RES) & ~small_trade
    owner = np.arange(n)
    pick = rng.random(n)
    partner = rng.integers(0, max(n, 1), n)
    for kind, probability in ((True, 0.12), (False, 0.03)):
        members = (is_org == kind) & ((category == RES) | kind)
        pool = np.flatnonzero(members & (pick >= probability))
        joined = np.flatnonzero(members & (pick < probability))
        if len(pool):
            owner[joined] = pool[partner[joined] % len(pool)]
    payment = np.where(
        is_mv,
        np.where(draw.payment < 0.7, DEBIT, ONLINE),
        np.select(
            [draw.payment < 0.45, draw.payment < 0.70, draw.payment < 0.92], [ONLINE, DEBIT, COUNTER], PREPAID
        ),
    )
    payment[temporary] = PREPAID
    allocation = np.where(
        (category == COM) & (draw.allocation < 0.01),
        1,
        np.where((category == COM) & (draw.allocation > 0.992), 2, 0),
    )
    industry_pick = rng.random(n)
    industry = [
        INDUSTRY[c][int(v * len(INDUSTRY[c]))] if c in INDUSTRY else None
        for c, v in zip(category.tolist(), industry_pick.tolist(), strict=True)
    ]

    # --- load through the months: a slow trend, noise, and a few that fade or grow
    months = plan.months
    trend = rng.normal(0.0, 0.004, n).clip(-0.012, 0.012)
    steady = np.exp(trend[:, None] * (np.arange(months + 1) - (months - 1))[None, :])
    factor = steady * (1 + rng.normal(0, 0.02, (n, months + 1)).clip(-0.05, 0.05))

    feeder = block.load_feeder.astype(np.int64)
    feeder2 = np.where(dual, (feeder + 1) % max(1, len(block.feeder_number)), -1)
    feeder_name, feeder_number = block.feeder_name, block.feeder_number
    feeder_kv = np.full(len(feeder_number), 10.0)
    if at_35.any():
        feeder[at_35] = len(feeder_number)
        feeder_name = (*feeder_name, f"35kV {block.number + 1}")
        feeder_number = np.append(feeder_number, 900_000_000 + block.number)
        feeder_kv = np.append(feeder_kv, 35.0)

    self_generation = (is_mv & (rng.random(n) < 0.15)) | ((category == COM) & (rng.random(n) < 0.004))
    number = block.first_account + np.arange(n)
    has_panels = self_generation & is_mv & (status == ACTIVE) & (number % 3 == 0)

    profile_tan = np.array([TAN_PHI[name] for name in grid.profiles])
    tan_phi = profile_tan[block.load_profile] * (0.85 + 0.3 * rng.random(n))
    transformers = _transformers(plan, block, is_mv, dual, kva, feeder, feeder2, rng, opened)
    model = Model(
        plan=plan,
        block=block,
        number=number,
        profile=block.load_profile,
        shift=rng.integers(0, len(SHIFTS), n),
        kw=kw,
        area=block.load_area,
        feeder=feeder,
        feeder2=feeder2,
        is_mv=is_mv,
        category=category,
        industry=industry,
        kva=kva,
        supply_kv=supply_kv,
        metering_kv=metering_kv,
        mode=mode,
        basis=basis,
        contract_demand=contract_demand,
        standard=standard,
        tariff=tariff,
        status=status,
        opened=opened,
        closed=closed,
        temporary=temporary,
        dual=dual,
        self_generation=self_generation,
        load_control=kva >= 100,
        allocation=allocation,
        payment=payment,
        owner=owner,
        is_org=is_org,
        change_kind=change_kind,
        change_kva=change_kva,
        change_start=change_start,
        change_end=change_end,
        factor=factor,
        tan_phi=tan_phi,
        points=None,  # type: ignore[arg-type]
        transformers=transformers,
        feeder_name=feeder_name,
        feeder_number=feeder_number,
        feeder_kv=feeder_kv,
        area_loss=0.02 + 0.035 * rng.random(len(block.area_number)),
        line_loss=0.008 + 0.03 * rng.random(len(feeder_number)),
        physical_area=block.load_area.copy(),
        stolen=np.zeros((n, months + 1)),
        pv_kva=np.where(has_panels, 10.0 + number % 11, 0.0),
    )
    model.points = _points(model, rng, p_end)
    return model


def _transformers(
    plan: SamplePlan,
    block: Block,
    is_mv: Bools,
    dual: Bools,
    kva: Floats,
    feeder: Ints,
    feeder2: Ints,
    rng: np.random.Generator,
    opened: Ints,
) -> Transformers:
    areas = len(block.area_number)
    first, second = np.flatnonzero(is_mv), np.flatnonzero(dual)
    accounts = np.concatenate([first, second])
    branch = np.concatenate([np.zeros(len(first), dtype=np.int64), np.ones(len(second), dtype=np.int64)])
    share = np.where(dual[accounts], 0.5, 1.0)
    number = (block.first_account + accounts) * 10 + branch
    old = plan.calendar.as_of - 1200 - (rng.random(areas) * 7000).astype(np.int64)
    return Transformers(
        number=np.concatenate([block.area_number, number]),
        dedicated=np.concatenate([np.zeros(areas, dtype=np.bool_), np.ones(len(accounts), dtype=np.bool_)]),
        account=np.concatenate([np.full(areas, -1), accounts]),
        feeder=np.concatenate(
            [block.area_feeder, np.where(branch == 0, feeder[accounts], feeder2[accounts])]
        ),
        kva=np.concatenate([block.area_kva, kva[accounts] * share]),
        model=rng.integers(0, 2, areas + len(accounts)),
        area=np.concatenate([np.arange(areas), np.full(len(accounts), -1)]),
        commissioned=np.concatenate([old, opened[accounts]]),
    )


def _points(model: Model, rng: np.random.Generator, p_end: int) -> Points:
    plan, block, cal = model.plan, model.block, model.plan.calendar
    n = model.size
    everyone = np.flatnonzero(model.status != PENDING)
    doubles = everyone[model.dual[everyone]]
    with_sub = everyone[(model.is_mv & ~model.dual)[everyone] & (rng.random(len(everyone)) < 0.08)]
    with_check = everyone[model.is_mv[everyone] & (rng.random(len(everyone)) < 0.10)]
    areas, lines = len(block.area_number), len(model.feeder_number)
    account = np.concatenate([everyone, doubles, with_sub, with_check, np.full(areas + lines, -1)])
    role = np.repeat(
        [MAIN, MAIN, SUB, CHECK, AREA, LINE],
        [len(everyone), len(doubles), len(with_sub), len(with_check), areas, lines],
    )
    branch = np.concatenate(
        [
            np.zeros(len(everyone)),
            np.ones(len(doubles)),
            np.zeros(len(with_sub) + len(with_check)),
            np.arange(areas),
            np.arange(lines),
        ]
    ).astype(np.int64)
    total = len(account)
    main_at = np.full(n, -1)
    main_at[everyone] = np.arange(len(everyone))
    owned = account >= 0
    who = np.maximum(account, 0)
    suffix = np.select([role == SUB, role == CHECK], [5, 7], branch)
    number = np.where(owned, model.number[who] * 10 + suffix, 0)
    number[role == AREA] = block.area_number
    number[role == LINE] = model.feeder_number
    share = np.where((role == MAIN) & model.dual[who], 0.5, 1.0)
    share[role == SUB] = 0.08 + 0.12 * rng.random(int((role == SUB).sum()))
    parent = np.where(np.isin(role, (SUB, CHECK)), main_at[who], -1)

    phases = np.where(owned & (model.supply_kv[who] < 0.3), 1, 3)
    kv = np.where(owned, model.metering_kv[who], 0.4)
    kva = np.where(owned, model.kva[who], 0.0)
    area_kva = np.zeros(total)
    area_kva[role == AREA] = block.area_kva
    kva[role == AREA] = block.area_kva
    feeder_kva = np.bincount(block.area_feeder, block.area_kva, minlength=lines) if areas else np.zeros(lines)
    ded = model.transformers.dedicated
    feeder_kva = feeder_kva + np.bincount(
        model.transformers.feeder[ded], model.transformers.kva[ded], minlength=lines
    )
    kva[role == LINE] = feeder_kva
    kv[role == LINE] = model.feeder_kv
    current = np.where(phases == 1, kva / 0.22, kva / (np.sqrt(3) * kv))
    needs_ct = (kv >= 1) | (role == AREA) | (role == LINE) | (current > 100)
    ct = np.where(needs_ct, next_size(CT_PRIMARY, current), 0.0)
    vt = np.where(kv >= 1, kv * 1000, 0.0)
    multiplier = np.where(ct > 0, ct / 5, 1.0) * np.where(vt > 0, vt / 100, 1.0)
    max_current = np.where(needs_ct, 6.0, np.where(current <= 60, 60.0, 100.0))

    tou = owned & model.tou()[who]
    reactive = owned & (model.standard[who] > 0)
    demand = owned & (model.basis[who] >= 2) & (role == MAIN)
    deep = owned & (np.array([choice.deep for choice in TARIFFS])[model.tariff[who]] > 0)
    opened = np.where(owned, model.opened[who], cal.as_of - 3000)
    opened[role == AREA] = model.transformers.commissioned[:areas]
    months = plan.months
    replaced_in = np.full(total, -1)
    replaced_on = np.full(total, NEVER)
    if months >= 3:
        chosen = (rng.random(total) < 0.02) & (role == MAIN) & (model.status[who] == ACTIVE)
        chosen &= (opened < cal.month_start[0]) & (model.change_kind[who] == 0)
        month = rng.integers(1, months, total)
        month = np.where(rng.random(total) < 0.2, months - 1, month)
        day = 3 + (rng.random(total) * 20).astype(np.int64)
        replaced_in[chosen] = month[chosen]
        replaced_on[chosen] = cal.month_start[month[chosen]] + day[chosen]
    digits = np.where(rng.random(total) < 0.9, 6, 5)
    digits[role != MAIN] = 6
    digits[ct > 0] = 6
    capacity = 10.0 ** (digits + 2)
    initial = np.floor(rng.random((total, 6)) * 0.5 * capacity[:, None])
    # a few registers stand shortly before they roll over
    rolling = (rng.random(total) < 0.02) & (role == MAIN) & (replaced_in < 0) & (model.category[who] == RES)
    yearly = 100 * 14 * 730 * 0.12 * model.kw[who]
    initial[rolling, 0] = np.floor(capacity[rolling] - 1 - yearly[rolling] * rng.random(int(rolling.sum())))
    initial = np.maximum(initial, 0)
    new_meter = opened >= cal.month_start[0]
    initial[new_meter] = 0
    initial = np.hstack([initial, np.zeros((total, 2))])
    export = owned & (role == MAIN) & model.feeds_in()[who] & (replaced_in < 0)
    read = np.isin(role, (MAIN, SUB, AREA, LINE))
    return Points(
        number=number,
        role=role,
        account=account,
        branch=branch,
        share=share,
        parent=parent,
        ct_primary=ct,
        vt_primary=vt,
        multiplier=multiplier,
        tou=tou,
        reactive=reactive,
        demand=demand,
        deep=deep,
        export=export,
        digits=digits,
        phases=phases,
        max_current_a=max_current,
        installed=opened,
        replaced_in=replaced_in,
        replaced_on=replaced_on,
        initial=initial,
        read=read,
        metered=read.copy(),
    )
