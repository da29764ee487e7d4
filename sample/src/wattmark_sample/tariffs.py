"""The sample utility's price list, and the bill of an account in numbers.

Prices are invented, of the order of a Chinese provincial price list of 2025. The way from readings to
lines follows the same rules as the audit's recalculation, so that a clean bill recalculates to itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wattmark_sample.plan import Bools, Floats, Ints

COMPONENTS = (
    "energy",
    "energy_sharp",
    "energy_peak",
    "energy_flat",
    "energy_valley",
    "loss_iron",
    "loss_copper",
    "capacity",
    "demand",
    "power_factor",
    "surcharge",
    "adjustment",
    "energy_deep",
    "feed_in",
)
LINE_COMPONENTS = (0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 10, 12, 13)
"""Component of each possible line of a bill, in printed order: three steps of energy first.

Where rates change within the bill the first two are its parts, and there are two lines of surcharge.
"""

POWER_FACTOR_LINE = LINE_COMPONENTS.index(COMPONENTS.index("power_factor"))

TOU = ("sharp", "peak", "flat", "valley")


@dataclass(frozen=True)
class Tariff:
    """One price plan; ``energy`` holds the price of each step, or of sharp, peak, flat and valley."""

    code: str
    name: str
    category: str
    min_kv: float
    max_kv: float
    two_part: bool
    tou: bool
    stepped: bool
    energy: tuple[float, ...]
    surcharge: float
    capacity: float = 0.0
    demand: float = 0.0
    by_year: bool = False
    """Its steps are those of a calendar year."""
    deep: float = 0.0
    """Price in deep valley."""
    feed_in: float = 0.0
    """Price of what is taken from the customer."""
    rises: float = 0.0
    """Share by which its energy rises on ``RISE_DAY`` of the audited month."""


STEPS_FROM_KWH = (0.0, 230.0, 400.0)
YEAR_STEPS_FROM_KWH = (0.0, 2760.0, 4800.0)
RISE_DAY = 16
HIGH_USE_KWH_PER_KVA, HIGH_USE_SHARE = 260.0, 0.9
"""From so many kWh a month for each kVA the demand price is reduced."""

TARIFFS = (
    Tariff(
        "RES-STEP",
        "居民阶梯 Residential stepped",
        "residential",
        0.22,
        0.38,
        False,
        False,
        True,
        (0.5380, 0.5880, 0.8380),
        0.0246,
    ),
    Tariff(
        "RES-TOU",
        "居民峰谷 Residential time of use",
        "residential",
        0.22,
        0.38,
        False,
        True,
        False,
        (0.6280, 0.5980, 0.5380, 0.2880),
        0.0246,
    ),
    Tariff(
        "COM-LV",
        "一般工商业 Commercial low voltage",
        "commercial",
        0.22,
        0.38,
        False,
        False,
        False,
        (0.7410,),
        0.0416,
    ),
    Tariff(
        "COM-LV-TOU",
        "一般工商业分时 Commercial time of use",
        "commercial",
        0.22,
        0.38,
        False,
        True,
        False,
        (1.2100, 1.0100, 0.7100, 0.3200),
        0.0416,
    ),
    Tariff(
        "COM-10-TOU",
        "商业10千伏分时 Commercial 10 kV",
        "commercial",
        10.0,
        35.0,
        False,
        True,
        False,
        (1.1800, 0.9800, 0.6900, 0.3050),
        0.0416,
        feed_in=0.4153,
    ),
    Tariff(
        "IND-LV",
        "普通工业 Industrial low voltage",
        "general_industrial",
        0.22,
        0.38,
        False,
        False,
        False,
        (0.7210,),
        0.0416,
    ),
    Tariff(
        "IND-LV-TOU",
        "普通工业分时 Industrial time of use",
        "general_industrial",
        0.22,
        0.38,
        False,
        True,
        False,
        (1.1900, 0.9900, 0.6950, 0.3150),
        0.0416,
    ),
    Tariff(
        "IND-10-TOU",
        "普通工业10千伏 Industrial 10 kV",
        "general_industrial",
        10.0,
        35.0,
        False,
        True,
        False,
        (1.1600, 0.9600, 0.6750, 0.3000),
        0.0416,
        feed_in=0.4153,
    ),
    Tariff(
        "LAR-10-TOU",
        "大工业10千伏 Large industrial 10 kV",
        "large_industrial",
        10.0,
        10.0,
        True,
        True,
        False,
        (1.0800, 0.9000, 0.6250, 0.2750),
        0.0416,
        30.0,
        48.0,
        feed_in=0.4153,
    ),
    Tariff(
        "LAR-35-TOU",
        "大工业35千伏 Large industrial 35 kV",
        "large_industrial",
        35.0,
        110.0,
        True,
        True,
        False,
        (1.0500, 0.8750, 0.6050, 0.2650),
        0.0416,
        28.5,
        45.6,
        feed_in=0.4153,
    ),
    Tariff(
        "AGR-LV",
        "农业 Agricultural low voltage",
        "agricultural",
        0.22,
        0.38,
        False,
        False,
        False,
        (0.4850,),
        0.0216,
    ),
    Tariff(
        "AGR-10",
        "农业10千伏 Agricultural 10 kV",
        "agricultural",
        10.0,
        35.0,
        False,
        False,
        False,
        (0.4650,),
        0.0216,
        feed_in=0.4153,
    ),
    Tariff(
        "BULK-10",
        "趸售10千伏 Bulk resale 10 kV",
        "bulk_resale",
        10.0,
        35.0,
        False,
        False,
        False,
        (0.4420,),
        0.0316,
    ),
    Tariff(
        "COM-10-2P",
        "商业10千伏两部制 Commercial 10 kV two-part",
        "commercial",
        10.0,
        35.0,
        True,
        True,
        False,
        (1.0900, 0.9050, 0.6300, 0.2780),
        0.0416,
        30.0,
        48.0,
        feed_in=0.4153,
    ),
    Tariff(
        "COM-LV-2P",
        "一般工商业两部制 Commercial low voltage two-part",
        "commercial",
        0.22,
        0.38,
        True,
        True,
        False,
        (1.1200, 0.9300, 0.6500, 0.2900),
        0.0416,
        31.5,
        50.4,
    ),
    Tariff(
        "RES-YEAR",
        "居民年阶梯 Residential steps of a year",
        "residential",
        0.22,
        0.38,
        False,
        False,
        True,
        (0.5480, 0.5980, 0.7480),
        0.0246,
        by_year=True,
    ),
    Tariff(
        "COM-LV-RISE",
        "一般工商业代理购电 Commercial low voltage, purchased month by month",
        "commercial",
        0.22,
        0.38,
        False,
        False,
        False,
        (0.7510,),
        0.0416,
        rises=0.06,
    ),
    Tariff(
        "IND-10-DEEP",
        "普通工业10千伏深谷 Industrial 10 kV with deep valley",
        "general_industrial",
        10.0,
        35.0,
        False,
        True,
        False,
        (1.1700, 0.9700, 0.6850, 0.3050),
        0.0416,
        deep=0.1500,
    ),
)
TARIFF_AT = {tariff.code: number for number, tariff in enumerate(TARIFFS)}

PRICE_STEP = 0.985
"""Prices of the years before the audited one, as a share of today's."""


def prices(tariff: Tariff, current: bool) -> dict[str, tuple[float, ...]]:
    """Prices by component, rounded to 4 places; of the years before where not current."""
    factor = 1.0 if current else PRICE_STEP
    energy = tuple(round(value * factor, 4) for value in tariff.energy)
    found: dict[str, tuple[float, ...]] = (
        {f"energy_{name}": (energy[number],) for number, name in enumerate(TOU)}
        if tariff.tou
        else {"energy": energy}
    )
    found["surcharge"] = (round(tariff.surcharge * factor, 4),)
    if tariff.deep:
        found["energy_deep"] = (round(tariff.deep * factor, 4),)
    if tariff.feed_in:
        found["feed_in"] = (round(tariff.feed_in * factor, 4),)
    if tariff.two_part:
        found["capacity"] = (round(tariff.capacity * factor, 4),)
        found["demand"] = (round(tariff.demand * factor, 4),)
    return found


def risen(tariff: Tariff) -> float:
    """Price of a flat tariff's energy from ``RISE_DAY`` of the audited month on."""
    return round(tariff.energy[0] * (1 + tariff.rises), 4)


def price_arrays() -> dict[str, Floats]:
    """Prices as arrays of shape (2, tariffs): row 0 of the years before, row 1 of the audited year."""

    def table(component: str, step: int) -> Floats:
        rows = []
        for current in (False, True):
            found = [prices(tariff, current).get(component, ()) for tariff in TARIFFS]
            rows.append([values[step] if len(values) > step else 0.0 for values in found])
        return np.array(rows)

    arrays = {f"step{number}": table("energy", number) for number in range(3)}
    arrays |= {name: table(f"energy_{name}", 0) for name in TOU}
    arrays |= {name: table(name, 0) for name in ("capacity", "demand", "surcharge", "feed_in")}
    arrays["deep"] = table("energy_deep", 0)
    return arrays


def round_cents(value: Floats) -> Ints:
    """Whole cents, half up (half away from zero below it)."""
    scaled = np.abs(value) * 100.0
    cents = np.floor(scaled + 0.5 + 1e-7)
    return (np.sign(value) * cents).astype(np.int64)


def _below(steps: Ints, turns: tuple[int, int], first: float = 0.5) -> Floats:
    """Percent added for hundredths below the standard: ``first`` each, then 1, then 2."""
    a, b = turns
    return first * np.minimum(steps, a) + 1.0 * np.clip(steps - a, 0, b - a) + 2.0 * np.maximum(steps - b, 0)


def power_factor_rate(standard: Floats, power_factor: Floats) -> Floats:
    """Share of the charge that the power factor adds (negative: takes off), by the 1983 rule.

    Args:
        standard: 0.80, 0.85 or 0.90; 0 for none.
        power_factor: rounded to two places.
    """
    s, pf = np.rint(standard * 100).astype(np.int64), np.rint(power_factor * 100).astype(np.int64)
    above, below = np.maximum(pf - s, 0), np.maximum(s - pf, 0)
    rate = np.zeros(s.shape)
    high90 = np.where(pf >= 95, -0.75, -0.15 * above)
    high85 = np.where(pf >= 91, -0.65 - 0.15 * np.minimum(pf - 91, 3), -0.1 * above)
    high80 = np.where(pf >= 92, -1.30, np.where(pf == 91, -1.15, -0.1 * above))
    for value, high, turns in ((90, high90, (20, 25)), (85, high85, (20, 25)), (80, high80, (20, 25))):
        rate = np.where(s == value, np.where(pf >= s, high, _below(below, turns)), rate)
    return np.round(rate, 6) / 100.0


@dataclass
class Charges:
    """All lines of a set of bills; arrays of shape (lines, accounts, months), amounts in cents."""

    exists: Bools
    quantity: Floats
    unit_price: Floats
    cents: Ints
    loss_kwh: Floats
    billed_kwh: Floats
    power_factor: Floats
    total_cents: Ints


@dataclass
class Usage:
    """What bills are made from; arrays of shape (accounts, months) unless said."""

    tariff: Ints
    price_row: Ints
    """(months): 0 for the prices of the years before, 1 for the current ones."""
    metered_kwh: Floats
    registers_kwh: Floats
    """(accounts, months, 4): sharp, peak, flat, valley."""
    main_active_kwh: Floats
    main_reactive_kvarh: Floats
    iron_kwh: Floats
    copper_rate: Floats
    """(accounts)"""
    is_hv_lv: Bools
    """(accounts)"""
    demand_basis: Ints
    """(accounts): 0 none, 1 capacity, 2 contract demand, 3 actual demand."""
    capacity_kva: Floats
    contract_demand_kw: Floats
    """(accounts)"""
    max_demand_kw: Floats
    standard: Floats
    """(accounts): 0 for none."""
    contracted_kva: Floats
    """(accounts)"""
    has_high_use: Bools
    """(months): a high use of the capacity reduces the demand price."""
    deep_kwh: Floats
    export_kwh: Floats
    before_rise: Floats
    """Share of the bill's energy that was used before rates rose within it; 1 where they did not."""
    year: Ints
    """(months): calendar year."""


def _year_before(billed: Floats, year: Ints) -> Floats:
    """Energy billed of the same year before each month."""
    before = np.zeros(billed.shape)
    for month in range(1, billed.shape[1]):
        if year[month] == year[month - 1]:
            before[:, month] = np.round(before[:, month - 1] + billed[:, month - 1], 6)
    return before


def charge(usage: Usage) -> Charges:
    """Bill every account and month."""
    table = price_arrays()
    n, months = usage.metered_kwh.shape
    at = (usage.price_row[None, :], usage.tariff)
    flags = {
        name: np.array([getattr(tariff, name) for tariff in TARIFFS])[usage.tariff]
        for name in ("tou", "stepped", "two_part", "by_year", "deep", "feed_in", "rises")
    }
    tou, stepped, two_part = flags["tou"], flags["stepped"], flags["two_part"]
    by_year, rises = flags["by_year"], (flags["rises"] > 0) & (usage.before_rise < 1)
    hv_lv = np.broadcast_to(usage.is_hv_lv[:, None], (n, months))
    iron = np.where(hv_lv, usage.iron_kwh, 0.0)
    copper = np.where(hv_lv, np.round(usage.copper_rate[:, None] * usage.metered_kwh, 6), 0.0)
    loss = np.round(iron + copper, 6)
    billed = np.round(usage.metered_kwh + loss, 6)

    exists = np.zeros((len(LINE_COMPONENTS), n, months), dtype=np.bool_)
    quantity = np.zeros(exists.shape)
    price = np.zeros(exists.shape)

    def line(number: int, mask: Bools, kwh: Floats, unit: Floats) -> None:
        exists[number] = mask
        quantity[number] = np.where(mask, kwh, 0.0)
        price[number] = np.where(mask, unit, 0.0)

    year_before = np.where(by_year, _year_before(billed, usage.year), 0.0)
    edges = np.where(
        by_year[None],
        np.array([*YEAR_STEPS_FROM_KWH, np.inf])[:, None, None],
        np.array([*STEPS_FROM_KWH, np.inf])[:, None, None],
    )
    after = year_before + billed
    for step in range(3):
        low, high = edges[step], edges[step + 1]
        kwh = np.round(np.clip(after, low, high) - np.clip(year_before, low, high), 6)
        if step == 0:
            below = np.where(billed < edges[1], np.minimum(after, edges[1]) - year_before, kwh)
            kwh = np.where(stepped, np.where(by_year, kwh, below), usage.metered_kwh * usage.before_rise)
            line(step, ~tou & ~(by_year & (kwh == 0) & (billed != 0)), kwh, table["step0"][at])
        else:
            line(step, stepped & (kwh > 0), kwh, table[f"step{step}"][at])
    later = np.array([risen(tariff) if tariff.rises else 0.0 for tariff in TARIFFS])[usage.tariff]
    line(
        1,
        rises | exists[1],
        np.where(rises, usage.metered_kwh * (1 - usage.before_rise), quantity[1]),
        np.where(rises, later, price[1]),
    )
    for number, name in enumerate(TOU):
        line(3 + number, tou, usage.registers_kwh[:, :, number], table[name][at])
    loss_price = np.where(tou, table["flat"][at], table["step0"][at])
    line(7, hv_lv & ~stepped, iron, loss_price)
    line(8, hv_lv & ~stepped, copper, loss_price)
    basis = usage.demand_basis[:, None]
    line(9, two_part & (basis == 1), usage.capacity_kva, table["capacity"][at])
    contract = np.broadcast_to(usage.contract_demand_kw[:, None], (n, months))
    first_demand = np.where(basis == 2, contract, usage.max_demand_kw)
    high_use = usage.has_high_use[None, :] & (
        np.round(usage.metered_kwh, 6) >= np.round(HIGH_USE_KWH_PER_KVA * usage.contracted_kva, 6)[:, None]
    )
    demand_price = table["demand"][at] * np.where(high_use, HIGH_USE_SHARE, 1.0)
    line(10, two_part & (basis >= 2), first_demand, demand_price)
    over = np.round(usage.max_demand_kw - 1.05 * contract, 6)
    line(11, two_part & (basis == 2) & (over > 0), over, 2.0 * demand_price)
    line(15, tou & (flags["deep"] > 0), usage.deep_kwh, table["deep"][at])
    fed = (flags["feed_in"] > 0) & (usage.export_kwh > 0)
    line(16, fed, -usage.export_kwh, table["feed_in"][at])
    cents = round_cents(quantity * price)

    apparent = np.sqrt(usage.main_active_kwh**2 + usage.main_reactive_kvarh**2)
    has_factor = (usage.standard[:, None] > 0) & ~stepped & (usage.main_active_kwh > 0)
    factor = (
        np.floor(
            np.divide(usage.main_active_kwh, apparent, out=np.zeros((n, months)), where=apparent > 0) * 100
            + 0.5
            + 1e-9
        )
        / 100
    )
    factor = np.where(has_factor, factor, np.nan)
    rate = np.where(
        has_factor,
        power_factor_rate(np.broadcast_to(usage.standard[:, None], (n, months)), np.nan_to_num(factor)),
        0.0,
    )
    base = (cents[:12].sum(axis=0) + cents[15]) / 100.0
    exists[POWER_FACTOR_LINE] = has_factor
    quantity[POWER_FACTOR_LINE] = np.where(has_factor, base, 0.0)
    price[POWER_FACTOR_LINE] = rate
    cents[POWER_FACTOR_LINE] = round_cents(base * rate)
    line(13, np.ones((n, months), dtype=np.bool_), billed * usage.before_rise, table["surcharge"][at])
    line(14, rises, billed * (1 - usage.before_rise), table["surcharge"][at])
    for number in (13, 14):
        cents[number] = round_cents(quantity[number] * price[number])
    cents = np.where(exists, cents, 0)
    return Charges(exists, quantity, price, cents, loss, billed, factor, cents.sum(axis=0))
