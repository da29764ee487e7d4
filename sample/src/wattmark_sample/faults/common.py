"""Which accounts qualify for a fault, and small changes that several faults share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np

from wattmark_sample.faults.editor import at
from wattmark_sample.faults.registry import Candidates, Context, Mask, Place
from wattmark_sample.measure import true_multiplier
from wattmark_sample.model import AGR, COM, GEN, HV_HV, HV_LV, LAR, PENDING, RES
from wattmark_sample.plan import day_of
from wattmark_sample.tariffs import TARIFFS


def plain(c: Context) -> Mask:
    """Any plain account."""
    return c.plain


def low(c: Context) -> Mask:
    """Plain low-voltage accounts without time of use."""
    return c.plain & ~c.model.is_mv & ~c.model.tou()


def res(c: Context) -> Mask:
    """Plain residential accounts on the stepped tariff."""
    return low(c) & (c.model.category == RES)


def roomy(c: Context) -> Mask:
    """Plain homes below a transformer with room for a large load."""
    m = c.model
    return res(c) & (m.supply_kv < 0.3) & (m.block.area_kva[np.maximum(m.area, 0)] >= 250)


def com(c: Context) -> Mask:
    """Plain low-voltage commercial accounts on the flat tariff."""
    return low(c) & (c.model.category == COM)


def agr(c: Context) -> Mask:
    """Plain low-voltage agricultural accounts."""
    return low(c) & (c.model.category == AGR)


def gen(c: Context) -> Mask:
    """Plain low-voltage industrial accounts on the flat tariff."""
    return low(c) & (c.model.category == GEN)


def high(c: Context) -> Mask:
    """Plain high-voltage accounts."""
    return c.plain & c.model.is_mv


def high_org(c: Context) -> Mask:
    """Plain high-voltage accounts at 10 kV."""
    return high(c) & (c.model.supply_kv < 20)


def single_part(c: Context) -> Mask:
    """Plain high-voltage accounts without capacity or demand charge."""
    return high(c) & (c.model.basis == 0)


def hv_lv(c: Context) -> Mask:
    """Plain accounts supplied high and metered low."""
    return high(c) & (c.model.mode == HV_LV)


def hv_hv(c: Context) -> Mask:
    """Plain accounts supplied and metered at 10 kV."""
    return high_org(c) & (c.model.mode == HV_HV)


def two_part(c: Context) -> Mask:
    """Plain accounts that pay by capacity or demand."""
    return high(c) & (c.model.category == LAR)


def by_basis(basis: int) -> Candidates:
    """Plain accounts of one demand basis."""
    return lambda c: high(c) & (c.model.basis == basis)


def dual(c: Context) -> Mask:
    """Active accounts with two supplies."""
    return c.model.dual & (c.model.status == 1) & (c.model.change_kind == 0)


def temporary(c: Context) -> Mask:
    """Active temporary accounts opened before the first billed month."""
    m = c.model
    return m.temporary & (m.status == 1) & (m.owner == np.arange(m.size)) & (c.main_at >= 0)


def pending(c: Context) -> Mask:
    """Accounts that wait for their connection."""
    return c.model.status == PENDING


def closed(c: Context) -> Mask:
    """Closed accounts."""
    return c.model.status == 3


def with_ct(c: Context) -> Mask:
    """Plain accounts behind a current transformer."""
    at_main = np.maximum(c.main_at, 0)
    return c.plain & (c.model.points.ct_primary[at_main] > 0)


def large(c: Context) -> Mask:
    """Plain accounts of 100 kVA and up."""
    return c.plain & (c.model.kva >= 100)


def bigger(mask: Candidates, monthly_kwh: float) -> Candidates:
    """Those of a mask that use at least so much a month."""

    def chosen(c: Context) -> Mask:
        if c.meters is not None:
            return mask(c)
        m = c.model
        mean = profile_mean(c)[m.profile] * m.kw * 730
        return mask(c) & (mean >= monthly_kwh)

    return chosen


def profile_mean(c: Context) -> Any:
    """Mean power of each profile as a share of its peak."""
    from wattmark_sample.shapes import monthly_energy

    return monthly_energy(c.plan)[0].sum(axis=2).mean(axis=1) / 730


def any_area(c: Context) -> Mask:
    """Areas with at least ten plain accounts of their own."""
    m = c.model
    counts = np.bincount(m.area[c.plain & (m.area >= 0)], minlength=len(m.block.area_number))
    return counts >= 10


def any_line(c: Context) -> Mask:
    """10 kV lines that active accounts take a good deal of energy from."""
    m = c.model
    active = m.status == 1
    load = np.bincount(m.feeder[active], m.kw[active], minlength=len(m.feeder_number))
    return (load >= 120) & (m.feeder_kv < 20)


# --- days -------------------------------------------------------------------------------------------


def ago(c: Context, days: int) -> dt.date:
    """The date so many days before as_of."""
    return day_of(c.cal.as_of - days)


def p_day(c: Context, day: int = 1) -> int:
    """Day number of a day of the audited month."""
    return int(c.cal.month_start[-1]) + day - 1


# --- changes ------------------------------------------------------------------------------------------


def set_account(**values: Any) -> Place:
    """Write into the account's row."""

    def change(c: Context, a: int) -> None:
        c.t.set("account", a, **values)

    return change


def set_customer(**values: Any) -> Place:
    """Write into the row of the account's customer."""

    def change(c: Context, a: int) -> None:
        c.t.set("customer", c.t.one("customer", "customer_id", c.customer_id(a)), **values)

    return change


def open_order(c: Context, a: int, kind: str = "increase", **values: Any) -> str:
    """An application that is under way and in good order; returns its id."""
    order = f"OF{int(c.model.number[a]):09d}"
    is_high = bool(c.model.is_mv[a])
    submitted = c.cal.as_of - (6 if is_high else 3)
    row = {
        "order_id": order,
        "account_id": c.account_id(a),
        "kind": kind,
        "requested_kva": float(c.model.kva[a]) if kind == "new" else None,
        "submitted_at": at(submitted),
        "plan_replied_at": at(min(submitted + 1, c.cal.as_of), 11),
        "needs_customer_works": is_high,
        "works_materials_entered": is_high,
        "equipment_list_provided": True,
        "vat_documents_complete": True,
        "updated_at": at(min(submitted + 1, c.cal.as_of), 12),
    }
    c.t.add("service_order", **{**row, **values})
    return order


def with_order(*changes: Callable[[Context, int], Any], kind: str = "increase", **values: Any) -> Place:
    """Changes to an account that has an application under way; the application is the subject."""

    def change(c: Context, a: int) -> str:
        for step in changes:
            step(c, a)
        return open_order(c, a, kind, **values)

    return change


def add_change(
    c: Context, a: int, kind: str, kva: float, start: int, end: int | None, serial: int = 0
) -> str:
    """A row of capacity_change; returns its id."""
    change = f"CF{int(c.model.number[a]):09d}{serial}"
    c.t.add(
        "capacity_change",
        change_id=change,
        account_id=c.account_id(a),
        kind=kind,
        capacity_kva=kva,
        start_on=day_of(start),
        end_on=None if end is None else day_of(end),
    )
    return change


def add_fee(
    c: Context,
    a: int,
    kind: str,
    standard: float,
    charged: float,
    paid: float,
    days: int = 200,
    waiver: bool = False,
    **values: Any,
) -> str:
    """A fee; returns its id."""
    fee = f"FF{int(c.model.number[a]):09d}"
    row = {
        "kind": kind,
        "standard_amount": standard,
        "charged_amount": charged,
        "paid_amount": paid,
        "refunded_amount": 0.0,
        "waiver_approved": waiver,
        "charged_on": ago(c, days),
    }
    c.t.add("fee", fee_id=fee, account_id=c.account_id(a), **{**row, **values})
    return fee


def add_event(c: Context, a: int, kind: str, moment: dt.datetime, serial: int = 0, **values: Any) -> None:
    """A metering event at the account's main point."""
    c.t.add(
        "metering_event",
        event_id=f"EF{int(c.model.number[a]):09d}{serial}",
        metering_point_id=c.point_id(a),
        kind=kind,
        occurred_at=moment,
        **values,
    )


def p_bill(c: Context, a: int, month: int = -1) -> int:
    """Row of the account's bill of a month."""
    return c.t.one("bill", "bill_id", c.bill_id(a, month))


def pay_as_billed(c: Context, bill_id: str, total: float) -> None:
    """Let what was paid for a bill follow its new total, as a customer would have paid it."""
    for row in c.t.rows("payment", "bill_id", bill_id):
        if total > 0:
            c.t.set("payment", row, amount=round(total, 2))
        else:
            c.t.drop("payment", [row])


def change_line(
    c: Context, a: int, component: str, amount: Callable[[float], float], month: int = -1, **values: Any
) -> None:
    """Change the amount of a component's first line and the bill's total with it."""
    bill = p_bill(c, a, month)
    bill_id = c.bill_id(a, month)
    line = c.t.one("bill_line", "bill_id", bill_id, component=component)
    before = float(c.t.get("bill_line", line, "amount"))
    after = round(amount(before), 2)
    c.t.set("bill_line", line, amount=after, **values)
    total = round(float(c.t.get("bill", bill, "total_amount")) + after - before, 2)
    c.t.set("bill", bill, total_amount=total)
    pay_as_billed(c, bill_id, total)


def drop_line(c: Context, a: int, component: str) -> None:
    """Leave a component out of the last month's bill."""
    bill = p_bill(c, a)
    lines = c.t.rows("bill_line", "bill_id", c.bill_id(a), component=component)
    less = sum(float(c.t.get("bill_line", line, "amount")) for line in lines)
    c.t.drop("bill_line", lines)
    total = round(float(c.t.get("bill", bill, "total_amount")) - less, 2)
    c.t.set("bill", bill, total_amount=total)
    pay_as_billed(c, c.bill_id(a), total)


def add_line(c: Context, a: int, component: str, amount: float, **values: Any) -> None:
    """Add a line to the last month's bill."""
    bill = p_bill(c, a)
    c.t.add(
        "bill_line", bill_id=c.bill_id(a), line_no=90, component=component, amount=round(amount, 2), **values
    )
    total = round(float(c.t.get("bill", bill, "total_amount")) + amount, 2)
    c.t.set("bill", bill, total_amount=total)
    pay_as_billed(c, c.bill_id(a), total)


def set_reading(c: Context, a: int, previous: float | None = None, current: float | None = None) -> None:
    """Change what was read in the last month, in whole units of the register; billed as read."""
    point = int(c.main_at[a])
    r = c.r
    if previous is not None:
        r.previous[point, -1, 0] = round(previous * 100)
    if current is not None:
        r.current[point, -1, 0] = round(current * 100)
    r.used[point, -1, 0] = r.current[point, -1, 0] - r.previous[point, -1, 0]


def resize_ct(c: Context, a: int, primary: float) -> None:
    """Put another current transformer in front of the meter, with the multiplier that belongs to it."""
    point = int(c.main_at[a])
    c.model.points.ct_primary[point] = primary
    c.model.points.multiplier[point] = true_multiplier(c.model)[point]


def tariff_number(code: str) -> int:
    """Position of a tariff."""
    return next(number for number, tariff in enumerate(TARIFFS) if tariff.code == code)
