"""A past of its campaigns: one list that was released, who answered and who took up what it offered, and who left.

A utility that is tried for the first time has released nothing yet, and its results would be empty. Where a plan asks for
``history``, one list of the shipped campaign ``auto-debit-and-e-bill`` was released some fourteen weeks before the
last day: whom it contacted and held back is drawn here, more of the contacted take the e-bill up, and events come back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattmark_sample.columns import EMPTY_INSTANT, contract_table, instant
from wattmark_sample.plan import SamplePlan, day_number, day_of

PAST_CAMPAIGN = "auto-debit-and-e-bill"
CELLS = ("plain", "first_bill_bonus")
SHIPPED = {
    "tariff_advice_2026": "tariff-advice",
    "e_bill_2026": "next-best-service",
    "welcome": "welcome-and-satisfaction",
    "record_check_2026": "record-check",
}
"""Shipped campaigns whose names the events of a utility with a past bear."""
_WEEKS_AGO = 14
_CONTROL, _ASKED = 0.2, 0.6
_TAKE_UP = {"plain": 0.09, "first_bill_bonus": 0.14, "control": 0.04}
_EVENTS = (
    ("delivered", 0.95),
    ("opened", 0.4),
    ("clicked", 0.1),
    ("unsubscribed", 0.006),
    ("complained", 0.002),
)


@dataclass
class PastList:
    """Members of the past list: customer_id, channel, cell (control for those held back) and the day of sending."""

    as_of: dt.date
    send_on: dt.date
    members: list[dict[str, str]] = field(default_factory=list)


def past_list(plan: SamplePlan) -> PastList:
    """The list's date, a Monday, and the working day on which it went out."""
    monday = plan.as_of - dt.timedelta(days=7 * _WEEKS_AGO + plan.as_of.weekday())
    sent = day_of(int(plan.calendar.add_working(np.array([day_number(monday)]), 1)[0]))
    return PastList(monday, sent)


def add_past(
    plan: SamplePlan, number: int, tables: Mapping[str, pa.Table], past: PastList
) -> dict[str, pa.Table]:
    """Tables of a block with what came of the past list; its members are added to ``past``.

    Args:
        plan: of the utility.
        number: of the block.
        tables: finished tables of the block.
        past: the list.
    """
    rng = plan.random("past list", number)
    chosen = _addressed(tables, past)
    chosen = chosen.filter(pa.array(rng.random(chosen.num_rows) < _ASKED))
    count = chosen.num_rows
    cells = np.where(
        rng.random(count) < _CONTROL, "control", np.array(CELLS)[rng.integers(0, len(CELLS), count)]
    )
    customers, accounts = chosen.column("customer_id").to_pylist(), chosen.column("account_id").to_pylist()
    channels = chosen.column("channel").to_pylist()
    past.members += [
        {"customer_id": customer, "channel": channel, "cell": str(cell)}
        for customer, channel, cell in zip(customers, channels, cells, strict=True)
    ]
    takes = rng.random(count) < np.array([_TAKE_UP[str(cell)] for cell in cells])
    since = day_number(past.send_on) + rng.integers(1, 40, count)
    found = dict(tables)
    held = contract_table(
        "product_holding",
        {
            "account_id": [account for account, took in zip(accounts, takes, strict=True) if took],
            "product_code": "e_bill",
            "since_on": since[takes],
        },
        int(takes.sum()),
    )
    found["product_holding"] = pa.concat_tables([tables["product_holding"], held])
    events = [_renamed(tables["campaign_event"])]
    contacted = np.flatnonzero(cells != "control")
    for place, (kind, share) in enumerate(_EVENTS):
        who = contacted[rng.random(len(contacted)) < share]
        events.append(
            contract_table(
                "campaign_event",
                {
                    "event_id": [f"PL{customers[at]}{place}" for at in who],
                    "campaign_id": PAST_CAMPAIGN,
                    "customer_id": [customers[at] for at in who],
                    "channel": [channels[at] for at in who],
                    "kind": kind,
                    "occurred_at": instant(
                        np.full(len(who), day_number(past.send_on)) + (place > 0), 36_000 + place * 3_600
                    ),
                },
                len(who),
            )
        )
    found["campaign_event"] = pa.concat_tables(events)
    found["service_call"] = pa.concat_tables([tables["service_call"], _complaints(plan, number, tables)])
    return found


_LEAVERS_COMPLAINED = 0.8
_RESTLESS = {"residential": 0.01}
_RESTLESS_OTHERS = 0.06
"""Shares of those who left that had complained twice before, and of those who are here and have done so: they may be next."""


def _complaints(plan: SamplePlan, number: int, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Two complaints each, some months apart and settled in time, of most who left and of a few who are here."""
    rng = plan.random("complaints of leavers", number)
    account = tables["account"].select(
        ["account_id", "org_unit_id", "status", "usage_category", "opened_on", "closed_on"]
    )
    calls = tables["service_call"]
    once = set(calls.filter(pc.equal(calls["kind"], "complaint"))["account_id"].to_pylist())
    rows: list[tuple[str, str, int]] = []
    for row in account.to_pylist():
        draw, first, second = rng.random(), int(rng.integers(255, 331)), int(rng.integers(185, 250))
        if row["opened_on"] is None or row["account_id"] in once:
            continue
        opened = day_number(row["opened_on"])
        if row["status"] == "closed" and row["closed_on"] is not None:
            # Before the half year in which they left: whoever looks then sees it.
            end, left = day_number(row["closed_on"]), draw < _LEAVERS_COMPLAINED
        else:
            # Long enough ago that it is no repeated complaint of today.
            end = day_number(plan.as_of) + 90
            left = row["status"] == "active" and draw < _RESTLESS.get(row["usage_category"], _RESTLESS_OTHERS)
        if left and opened < end - first:
            rows += [(row["account_id"], row["org_unit_id"], end - days) for days in (first, second)]
    day = np.array([row[2] for row in rows], np.int64)
    settled = plan.calendar.add_working(day, 2) if len(rows) else day
    return contract_table(
        "service_call",
        {
            "call_id": [f"SL{account}{at % 2}" for at, (account, _, _) in enumerate(rows)],
            "account_id": [row[0] for row in rows],
            "org_unit_id": [row[1] for row in rows],
            "kind": "complaint",
            "site": "urban",
            "opened_at": instant(day, 36_000),
            "arrived_at": np.full(len(rows), EMPTY_INSTANT),
            "resolved_at": instant(settled, 50_000),
            "satisfaction": pa.array([3] * len(rows), pa.int64()),
            "topic": "电费电价",
            "severity": "general",
            "updated_at": instant(settled, 50_060),
        },
        len(rows),
    )


def _addressed(tables: Mapping[str, pa.Table], past: PastList) -> pa.Table:
    """Persons with a live account and an e-mail address who held neither service, in order: customer_id, account_id, channel."""
    account = tables["account"]
    sent = pa.scalar(past.as_of, pa.date32())
    live = account.filter(pc.and_(pc.equal(account["status"], "active"), pc.less(account["opened_on"], sent)))
    holding = tables["product_holding"]
    held = holding.filter(pc.is_in(holding["product_code"], pa.array(["e_bill", "auto_debit"])))
    live = live.filter(pc.invert(pc.is_in(live["account_id"], held["account_id"].combine_chunks())))
    customer = tables["customer"]
    person = customer.filter(pc.and_(pc.equal(customer["kind"], "person"), pc.is_valid(customer["email"])))
    first = live.group_by("customer_id").aggregate([("account_id", "min")])
    found = first.join(person.select(["customer_id", "mobile"]), "customer_id", join_type="inner")
    found = found.sort_by("customer_id")
    channel = pc.if_else(pc.is_valid(found["mobile"]), "sms", "email")
    return pa.table(
        {"customer_id": found["customer_id"], "account_id": found["account_id_min"], "channel": channel}
    )


def _renamed(events: pa.Table) -> pa.Table:
    """Events under the names of shipped campaigns."""
    names = events["campaign_id"].to_pylist()
    at = events.schema.get_field_index("campaign_id")
    return events.set_column(
        at, "campaign_id", pa.array([SHIPPED.get(name, name) for name in names], pa.string())
    )


def kept(past: PastList) -> dict[str, Any]:
    """A past list as JSON."""
    return {"as_of": past.as_of.isoformat(), "send_on": past.send_on.isoformat(), "members": past.members}
