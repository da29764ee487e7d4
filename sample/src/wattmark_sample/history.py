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

from wattmark_sample.columns import contract_table, instant
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
    return found


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
