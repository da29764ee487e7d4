"""Who stands for a customer and how customers stand to each other; what meters report; work and weather.

Drawn from generators of its own, so that all other tables are the same with and without it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattmark_sample import people
from wattmark_sample.columns import EMPTY_INSTANT, contract_table, instant
from wattmark_sample.model import ACTIVE, MAIN, NEVER, Model
from wattmark_sample.organisation import org_of_feeder, staff_of
from wattmark_sample.people import ident, join, take
from wattmark_sample.plan import UTC_OFFSET_SECONDS, Ints, SamplePlan
from wattmark_sample.tables import line_ids, org_ids, point_ids, transformer_ids

MANAGED_KVA = 315
"""Capacity from which an organisation has somebody who looks after it."""
ROLES = ("decides", "pays", "operates", "influences")
POSITIONS = ("总经理", "财务经理", "电气负责人", "办公室主任")
ALARMS = ("power_off", "power_on", "clock_error", "voltage_loss", "current_loss", "cover_open")
ALARM_SHARE = 0.06
"""Alarms a main point in the 60 days up to as_of, on average."""


def later_tables(plan: SamplePlan, model: Model) -> dict[str, pa.Table]:
    """Tables of a block that nothing else of the sample depends on, by name."""
    rng = plan.random("relations", model.block.number)
    managed, org = _managed(model)
    return {
        "customer_manager": _managers(plan, managed, org, rng),
        "contact_person": _contacts(plan, managed, rng),
        "customer_link": _links(plan, managed, rng),
        "meter_alarm": _alarms(plan, model, rng),
        "planned_outage": _outages(plan, model, rng),
    }


CALLED_BACK = 0.006
"""Share of accounts whose complaint was settled in the last days, so that somebody is to be called back."""


def add_settled(plan: SamplePlan, model: Model, calls: pa.Table) -> pa.Table:
    """Calls of a block, with some complaints that were settled on the last two working days."""
    rng = plan.random("settled complaints", model.block.number)
    live = np.flatnonzero(model.status == ACTIVE)
    complained = pc.equal(calls["kind"], "complaint")
    before = set(calls.filter(complained)["account_id"].to_pylist())
    # Nobody of them complained before: twice would be a finding.
    free = [at for at in live.tolist() if str(3_300_000_000 + int(model.number[at])) not in before]
    count = min(len(free), int(np.ceil(CALLED_BACK * len(live)))) if len(live) >= 20 else 0
    who = (
        np.sort(rng.choice(np.array(free, np.int64), count, replace=False))
        if count
        else np.empty(0, np.int64)
    )
    settled = np.minimum(
        plan.calendar.add_working(np.full(count, plan.calendar.as_of - 5), 3), plan.calendar.as_of
    )
    settled -= rng.integers(0, 2, count)
    # Only a matter of days, and settled in time.
    opened = settled - 1
    rows = contract_table(
        "service_call",
        {
            "call_id": ident("SD", model.number[who], 11),
            "account_id": people.number_text(3_300_000_000 + model.number[who]),
            "org_unit_id": org_ids(org_of_feeder(model, model.feeder[who])),
            "kind": "complaint",
            "site": "urban",
            "opened_at": instant(opened, 36_000),
            "arrived_at": np.full(count, EMPTY_INSTANT),
            "resolved_at": instant(settled, 50_000),
            "satisfaction": pa.array([3] * count, pa.int64()),
            "topic": "服务态度",
            "severity": "general",
            "updated_at": instant(settled, 50_060),
        },
        count,
    )
    return pa.concat_tables([calls, rows])


_REACHED = (0.7, 0.85)
"""Up to which draw a customer whose complaint was settled is called back within three working days, and later than that."""
CALL_BACK = "call-back"
"""The campaign that calls them."""


def add_called_back(plan: SamplePlan, number: int, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Events of campaigns of a block, with telephone calls to most of those whose complaint was settled."""
    rng = plan.random("called back", number)
    calls = tables["service_call"]
    settled = calls.filter(pc.and_(pc.equal(calls["kind"], "complaint"), pc.is_valid(calls["resolved_at"])))
    account = tables["account"]
    owner = dict(zip(account["account_id"].to_pylist(), account["customer_id"].to_pylist(), strict=True))
    local = settled["resolved_at"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() // 1_000_000
    day = (local + UTC_OFFSET_SECONDS) // 86_400
    draw, wait = rng.random(len(day)), rng.integers(1, 4, len(day))
    called = plan.calendar.add_working(day, np.where(draw < _REACHED[0], wait, wait + 3)) if len(day) else day
    who = [
        at
        for at, account_id in enumerate(settled["account_id"].to_pylist())
        if draw[at] < _REACHED[1] and called[at] < plan.calendar.as_of and account_id in owner
    ]
    ids, accounts = settled["call_id"].to_pylist(), settled["account_id"].to_pylist()
    rows = contract_table(
        "campaign_event",
        {
            "event_id": [f"CB{ids[at]}" for at in who],
            "campaign_id": CALL_BACK,
            "customer_id": [owner[accounts[at]] for at in who],
            "channel": "phone",
            "kind": "replied",
            "occurred_at": instant(called[who], 38_000),
        },
        len(who),
    )
    return pa.concat_tables([tables["campaign_event"], rows])


def _managed(model: Model) -> tuple[Ints, Ints]:
    """Numbers of the organisations with a large account, and the station that runs it."""
    large = np.flatnonzero(model.is_org & (model.kva >= MANAGED_KVA) & (model.status == ACTIVE))
    number, first = np.unique(model.number[model.owner[large]], return_index=True)
    return number, org_of_feeder(model, model.feeder[large[first]])


def _managers(plan: SamplePlan, number: Ints, org: Ints, rng: np.random.Generator) -> pa.Table:
    since = plan.calendar.as_of - 100 - (rng.random(len(number)) * 900).astype(np.int64)
    second = np.flatnonzero(rng.random(len(number)) < 0.4)
    who = np.concatenate([np.arange(len(number)), second])
    role = np.concatenate([np.zeros(len(number), np.int64), np.ones(len(second), np.int64)])
    return contract_table(
        "customer_manager",
        {
            "customer_id": ident("C", number[who]),
            "staff_id": staff_of(org[who], "manager", role),
            "role": take(("manager", "deputy"), role),
            "from_on": since[who],
        },
        len(who),
    )


def _contacts(plan: SamplePlan, number: Ints, rng: np.random.Generator) -> pa.Table:
    each = 1 + rng.integers(0, 3, len(number))
    who = np.repeat(np.arange(len(number)), each)
    nth = np.arange(len(who)) - np.searchsorted(who, who)
    role = (nth + rng.integers(0, 2, len(who))) % len(ROLES)
    key = number[who] * 10 + nth
    return contract_table(
        "contact_person",
        {
            "customer_id": ident("C", number[who]),
            "person_id": ident("CP", key, 10),
            "name": people.person_names(rng, len(who)),
            "position": take(POSITIONS, role),
            "role": take(ROLES, role),
            "phone": people.mobile_numbers(key + 50_000_000, plan.seed),
            "email": join("contact", people.number_text(key), "@example.com"),
        },
        len(who),
    )


def _links(plan: SamplePlan, number: Ints, rng: np.random.Generator) -> pa.Table:
    """Some of the organisations have a parent, or buy from one another, among their neighbours by number."""
    from_ = np.flatnonzero(rng.random(max(0, len(number) - 1)) < 0.25)
    kind = rng.integers(0, 4, len(from_))
    return contract_table(
        "customer_link",
        {
            "customer_id": ident("C", number[from_]),
            "other_customer_id": ident("C", number[from_ + 1]),
            "kind": take(("parent", "guarantor", "supplier", "buyer"), kind),
            "from_on": plan.calendar.as_of - 200 - (rng.random(len(from_)) * 1500).astype(np.int64),
            "to_on": np.where(rng.random(len(from_)) < 0.1, plan.calendar.as_of - 30, NEVER),
        },
        len(from_),
    )


def _alarms(plan: SamplePlan, model: Model, rng: np.random.Generator) -> pa.Table:
    main = np.flatnonzero((model.points.role == MAIN) & (model.status[model.points.account] == ACTIVE))
    at = np.repeat(main, rng.poisson(ALARM_SHARE, len(main)))
    count = len(at)
    kind = rng.choice(len(ALARMS), count, p=[0.3, 0.3, 0.2, 0.1, 0.07, 0.03])
    opened = np.maximum(model.opened[model.points.account[at]], plan.calendar.as_of - 60)
    day = opened + (rng.random(count) * (plan.calendar.as_of - opened)).astype(np.int64)
    second = rng.integers(0, 80_000, count)
    lasts = np.isin(kind, (0, 3, 4))
    return contract_table(
        "meter_alarm",
        {
            "alarm_id": ident("AL", model.block.first_account * 10 + np.arange(count), 10),
            "metering_point_id": point_ids(model).take(pa.array(at)),
            "kind": take(ALARMS, kind),
            "occurred_at": instant(day, second),
            "ended_at": np.where(lasts, instant(day, second + 1800), EMPTY_INSTANT),
            "value_s": np.where(kind == 2, np.round(rng.normal(0, 90, count).clip(-280, 280)), np.nan),
        },
        count,
    )


def _outages(plan: SamplePlan, model: Model, rng: np.random.Generator) -> pa.Table:
    """Work on a few public transformers, done or to come, and on one line."""
    public = np.flatnonzero(~model.transformers.dedicated)
    chosen = public[rng.random(len(public)) < 0.3]
    count = len(chosen) + 1
    day = plan.calendar.as_of + rng.integers(-40, 21, count)
    status = np.where(day > plan.calendar.as_of, 0, np.where(rng.random(count) < 0.1, 1, 2))
    # There is always one to tell of, and one that was called off ahead of its day.
    day[:-1][:2] = plan.calendar.as_of + np.array([4, 5])[: count - 1]
    status[:-1][:2] = np.array([0, 1])[: count - 1]
    of_line = np.arange(count) == count - 1
    transformer = transformer_ids(model).take(pa.array(np.append(chosen, 0)))
    feeder = np.append(model.transformers.feeder[chosen], 0)
    return contract_table(
        "planned_outage",
        {
            "outage_id": ident("PO", model.block.first_account * 10 + np.arange(count), 10),
            "line_id": line_ids(model).take(pa.array(feeder)),
            "transformer_id": pc.if_else(pa.array(of_line), pa.scalar(None, pa.string()), transformer),
            "starts_at": instant(day, 30_600),
            "ends_at": instant(day, 30_600 + 3600 * rng.integers(2, 7, count)),
            "reason": take(("配变检修", "线路改造", "设备更换"), rng.integers(0, 3, count)),
            "status": take(("planned", "cancelled", "done"), status),
            "updated_at": instant(np.minimum(day, plan.calendar.as_of) - 3, 36_000),
        },
        count,
    )


def temperatures(plan: SamplePlan) -> pa.Table:
    """Mean temperature of each district at home, day by day over the months made: a year's wave and weather of some days."""
    rng = plan.random("temperature")
    districts = np.array(people.HOME_DISTRICTS)
    day = np.arange(int(plan.calendar.month_start[0]), plan.calendar.as_of + 1)
    season = 17.0 - 12.5 * np.cos(2 * np.pi * ((day % 365.25) - 20) / 365.25)
    weather = np.convolve(rng.normal(0, 2.4, len(day) + 4), np.full(5, 0.45), "valid")
    local = rng.normal(0, 0.8, len(districts))
    mean = (season + weather)[None, :] + local[:, None]
    return contract_table(
        "temperature_daily",
        {
            "region_code": pa.array(
                [people.DIVISIONS[at][0] for at in np.repeat(districts, len(day)).tolist()]
            ),
            "day": np.tile(day, len(districts)),
            "mean_c": np.round(mean.ravel(), 1),
        },
        mean.size,
    )
