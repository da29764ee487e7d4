"""The utility itself: units, staff, price list, loss codes, divisions and plans, all written once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from wattmark_sample import people
from wattmark_sample.columns import contract_table
from wattmark_sample.grid import load_grid
from wattmark_sample.losses import TRANSFORMER_MODELS, copper_rate, iron_kwh_per_day, loss_codes
from wattmark_sample.model import HV_KVA, NEVER, Model
from wattmark_sample.people import ident, take
from wattmark_sample.plan import FULL_GRID_ACCOUNTS, Ints, SamplePlan, day_number
from wattmark_sample.tariffs import RISE_DAY, STEPS_FROM_KWH, TARIFFS, YEAR_STEPS_FROM_KWH, prices, risen

STATIONS_PER_REPLICA = 8
ABOVE_STATIONS = 80_000_000
"""Staff of cities are numbered from here on, those of the province from ``PROVINCE`` on."""
PROVINCE = 90_000_000
POSTS = ("acceptance", "meter_reader", "billing", "collection", "inspection", "metering", "repair", "manager")


@lru_cache(maxsize=1)
def _station_of_feeder() -> Ints:
    grid = load_grid()
    return (grid.feeder_cell * STATIONS_PER_REPLICA // grid.cells).astype(np.int64)


def org_of_feeder(model: Model, feeder: Ints) -> Ints:
    """Number of the supply station that runs each of a block's feeders."""
    number = model.feeder_number[feeder]
    special = number >= 900_000_000
    normal = np.where(special, model.feeder_number[0], number)
    station: Ints = normal // 1000 * STATIONS_PER_REPLICA + _station_of_feeder()[normal % 1000]
    return station


def staff_of(station: Ints, post: str, which: Ints) -> pa.Array:
    """Identifier of the first or second person of a post at a station."""
    return ident("ST", station * 100 + POSTS.index(post) * 2 + which, 8)


def auditors(plan: SamplePlan) -> list[dict[str, str]]:
    """Staff who judge others' work and do none of it: two of each post that judges findings in each city, a manager above.

    They write no row of the source, so that none of it is their own work.

    Returns:
        columns of table ``staff``, without names; in the order of their ids.
    """
    found = []
    for city in range(-(-plan.account_count // FULL_GRID_ACCOUNTS)):
        for number, post in enumerate(POSTS):
            for which in (0, 1) if post != "meter_reader" else ():
                staff = ABOVE_STATIONS + city * 100 + number * 2 + which
                found.append({"staff_id": f"ST{staff:08d}", "org_unit_id": f"ORG-C{city:06d}", "post": post})
    found.append({"staff_id": f"ST{PROVINCE:08d}", "org_unit_id": "ORG-P", "post": "manager"})
    return found


def common_tables(plan: SamplePlan) -> dict[str, pa.Table]:
    """Tables that belong to the whole utility."""
    cal = plan.calendar
    replicas = -(-plan.account_count // FULL_GRID_ACCOUNTS)
    stations = np.arange(replicas * STATIONS_PER_REPLICA)
    tables: dict[str, pa.Table] = {}

    def put(name: str, rows: list[dict[str, Any]]) -> None:
        columns = {key: [row.get(key) for row in rows] for key in rows[0]}
        tables[name] = contract_table(name, columns, len(rows))

    units: list[dict[str, Any]] = [
        {"org_unit_id": "ORG-P", "parent_id": None, "name": "浙东电力公司", "level": "province"}
    ]
    cities = ("杭州", "宁波", "嘉兴", "绍兴")
    for replica in range(replicas):
        city = f"ORG-C{replica:06d}"
        units.append(
            {
                "org_unit_id": city,
                "parent_id": "ORG-P",
                "name": f"{cities[replica % 4]}供电公司 {replica + 1}",
                "level": "city",
            }
        )
        for county in range(4):
            code = f"ORG-D{replica * 4 + county:06d}"
            units.append(
                {
                    "org_unit_id": code,
                    "parent_id": city,
                    "name": f"第{county + 1}供电分公司 {replica + 1}",
                    "level": "county",
                }
            )
            for part in range(2):
                number = replica * STATIONS_PER_REPLICA + county * 2 + part
                units.append(
                    {
                        "org_unit_id": f"ORG-S{number:06d}",
                        "parent_id": code,
                        "name": f"供电所 {number + 1}",
                        "level": "station",
                    }
                )
    put("org_unit", units)

    rng = plan.random("staff")
    per_station = 2 * len(POSTS)
    who = np.repeat(stations, per_station)
    slot = np.tile(np.arange(per_station), len(stations))
    of_stations = contract_table(
        "staff",
        {
            "staff_id": ident("ST", who * 100 + slot, 8),
            "org_unit_id": ident("ORG-S", who, 6),
            "name": people.person_names(rng, len(who)),
            "post": take(POSTS, slot // 2),
        },
        len(who),
    )
    above = auditors(plan)
    columns = {name: [row[name] for row in above] for name in above[0]}
    columns["name"] = people.person_names(plan.random("auditors"), len(above)).to_pylist()
    tables["staff"] = pa.concat_tables([of_stations, contract_table("staff", columns, len(above))])
    put(
        "tariff",
        [
            {
                "tariff_code": t.code,
                "name": t.name,
                "usage_category": t.category,
                "min_kv": t.min_kv,
                "max_kv": t.max_kv,
                "is_two_part": t.two_part,
                "is_time_of_use": t.tou,
                "is_stepped": t.stepped,
                "step_basis": ("year" if t.by_year else "month") if t.stepped else None,
                "proration": "full" if t.two_part else None,
            }
            for t in TARIFFS
        ],
    )
    turn = day_number(cal.months[-1].replace(month=1))
    first = min(int(cal.month_start[0]), turn) - 400
    rates: dict[str, list[Any]] = {
        name: []
        for name in (
            "tariff_code",
            "component",
            "step_no",
            "step_from_kwh",
            "unit_price",
            "valid_from",
            "valid_to",
        )
    }
    rise = day_number(cal.months[-1]) + RISE_DAY - 1

    def rate(*row: Any) -> None:
        for name, item in zip(rates, row, strict=True):
            rates[name].append(item)

    for tariff in TARIFFS:
        limits = YEAR_STEPS_FROM_KWH if tariff.by_year else STEPS_FROM_KWH
        for current in (False, True):
            for component, values in prices(tariff, current).items():
                ends = rise - 1 if tariff.rises and component == "energy" else NEVER
                for step, value in enumerate(values):
                    rate(
                        tariff.code,
                        component,
                        step + 1,
                        limits[step] if len(values) > 1 else 0.0,
                        value,
                        turn if current else first,
                        ends if current else turn - 1,
                    )
        if tariff.rises:
            rate(tariff.code, "energy", 1, 0.0, risen(tariff), rise, NEVER)
    rates["valid_from"], rates["valid_to"] = np.array(rates["valid_from"]), np.array(rates["valid_to"])  # type: ignore[assignment]
    tables["tariff_rate"] = contract_table("tariff_rate", rates, len(rates["component"]))

    sizes = np.unique(np.concatenate([[50.0, 80.0], HV_KVA, [6300.0, 8000.0, 10000.0], load_grid().area_kva]))
    kva = np.tile(sizes, 2)
    kind = np.repeat([0, 1], len(sizes))
    tables["loss_code"] = contract_table(
        "loss_code",
        {
            "loss_code": loss_codes(kva, kind),
            "model": take(TRANSFORMER_MODELS, kind),
            "rated_kva": kva,
            "iron_loss_kwh_per_day": iron_kwh_per_day(kva, kind),
            "copper_loss_rate": copper_rate(kva),
        },
        len(kva),
    )
    put(
        "address_reference",
        [
            {
                "region_code": code,
                "province": province,
                "city": city,
                "district": district,
                "postcode_prefix": prefix,
            }
            for code, province, city, district, prefix in people.DIVISIONS
        ],
    )
    models = ("DDZY71", "DTZY341", "DTZY1296")
    months = min(plan.months, 14)
    station, month, which = (
        grid.ravel() for grid in np.meshgrid(stations, np.arange(months), np.arange(3), indexing="ij")
    )
    base = 60 + (station * 37 + which * 11) % 60
    tables["meter_plan"] = contract_table(
        "meter_plan",
        {
            "org_unit_id": ident("ORG-S", station, 6),
            "month": cal.month_start[-months:][month],
            "model": take(models, which),
            "planned_count": base + rng.integers(-8, 9, len(base)),
        },
        len(base),
    )
    return tables


__all__ = ["POSTS", "auditors", "common_tables", "org_of_feeder", "staff_of"]
