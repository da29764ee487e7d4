"""Faults of whole periods: bills that are missing, made twice or adjusted, registers left out, energy where none may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from wattmark_sample.faults import common as k
from wattmark_sample.faults.editor import at
from wattmark_sample.faults.registry import Candidates, Context, Mask, Place, fault
from wattmark_sample.model import NEVER, PREPAID
from wattmark_sample.plan import day_of
from wattmark_sample.shapes import monthly_peak

A, BILL, MP = "account", "bill", "metering_point"
JUMPS = "TAR-03 TAR-04 ANA-06 TAR-33"
TOTAL, SHARP, PEAK, FLAT, VALLEY = range(5)
"""Registers of a point, in the order in which they are read."""
who: Candidates


def _at_least(mask: Candidates, months: int) -> Candidates:
    return lambda c: mask(c) & (c.plan.months >= months)


def _intervals(mask: Candidates) -> Candidates:
    return lambda c: mask(c) & (c.plan.interval_days > 0)


def _readings(c: Context, a: int, month: int = -1, **more: Any) -> list[int]:
    return c.t.rows(
        "register_reading", "metering_point_id", c.point_id(a), period=c.cal.months[month], **more
    )


def _drop_bill(c: Context, a: int, month: int) -> None:
    bill = c.bill_id(a, month)
    for name in (bill, bill + "C"):
        for table in ("bill_line", "payment", "bill"):
            c.t.drop(table, c.t.rows(table, "bill_id", name))


def _copy(c: Context, table: str, row: int, **values: Any) -> None:
    """Add a row like another."""
    names = c.t._tables[table].column_names
    c.t.add(table, **{**{name: c.t.get(table, row, name) for name in names}, **values})


def _read_early(c: Context, a: int) -> None:
    """So that what did not come after the reading is late by as_of."""
    for row in _readings(c, a):
        c.t.set(
            "register_reading",
            row,
            read_at=min(c.t.get("register_reading", row, "read_at"), at(c.cal.as_of - 12)),
        )


# --- bills that are not there, or are there twice ---------------------------------------------------------


def _not_billed(c: Context, a: int) -> None:
    _read_early(c, a)
    _drop_bill(c, a, -1)


for way, who in (("a home", k.res), ("a shop", k.com), ("a pump", k.agr)):
    fault(
        "TAR-23",
        f"{way} read and forgotten",
        A,
        who,
        tables=_not_billed,
        effects="TAR-10 ANA-01 NET-01 TAR-11",
    )


def _again(period_start: int | None = None, period_end: int | None = None) -> Place:
    """The month's bill a second time, whole or for other days (counted from the first of the month)."""

    def change(c: Context, a: int) -> str:
        row, again = k.p_bill(c, a), c.bill_id(a) + "Z"
        days = {}
        if period_start is not None:
            days["period_start"] = day_of(k.p_day(c, period_start))
        if period_end is not None:
            days["period_end"] = day_of(k.p_day(c, period_end))
        _copy(
            c,
            "bill",
            row,
            bill_id=again,
            issued_at=at(c.cal.as_of, 11),
            due_on=day_of(c.cal.as_of + 14),
            **days,
        )
        for line in c.t.rows("bill_line", "bill_id", c.bill_id(a)):
            _copy(c, "bill_line", line, bill_id=again)
        return again

    return change


TWICE = f"TAR-06 TAR-07 TAR-20 TAR-22 BUS-13 RSK-03 RSK-04 TAR-14 TAR-25 {JUMPS}"
fault("TAR-24", "the month billed again", BILL, k.res, tables=_again(), effects=TWICE)
fault("TAR-24", "the days before billed again", BILL, k.com, tables=_again(-20, 0), effects=TWICE)
fault("TAR-24", "its last days billed again", BILL, k.agr, tables=_again(25), effects=TWICE)


def _begins(days: int) -> Place:
    def change(c: Context, a: int) -> None:
        c.t.set("bill", k.p_bill(c, a), period_start=day_of(k.p_day(c, 1 + days)))

    return change


def _ends_early(c: Context, a: int) -> None:
    c.t.set("bill", k.p_bill(c, a, -2), period_end=day_of(int(c.cal.month_end[-2]) - 3))


GAP = "TAR-20 TAR-05 TAR-32"
fault("TAR-25", "begins five days late", BILL, k.com, tables=_begins(5), effects=GAP)
fault(
    "TAR-25",
    "no bill for the month before",
    BILL,
    _at_least(k.agr, 3),
    tables=lambda c, a: _drop_bill(c, a, -2),
    effects=f"{GAP} {JUMPS}",
)
fault("TAR-25", "the bill before ends early", BILL, _at_least(k.res, 2), tables=_ends_early, effects=GAP)


def _long_closed(c: Context) -> Mask:
    """Closed accounts whose final bill is due, and whose last month was longer than a few days."""
    m = c.model
    month = np.searchsorted(c.cal.month_start, m.closed, side="right") - 1
    into = m.closed - c.cal.month_start[np.maximum(month, 0)]
    flags: Mask = (
        k.closed(c)
        & (m.owner == np.arange(m.size))
        & (m.closed < c.cal.as_of - 50)
        & (m.closed > c.cal.as_of - 700)
        & (month >= 1)
        & (into >= 9)
        & (m.opened < c.cal.month_start[np.maximum(month, 0)])
    )
    return flags


def _last_month(c: Context, a: int) -> int:
    return int(np.searchsorted(c.cal.month_start, c.model.closed[a], side="right")) - 1


def _no_final(c: Context, a: int) -> None:
    _drop_bill(c, a, _last_month(c, a))


def _final_too_early(c: Context, a: int) -> None:
    row = k.p_bill(c, a, _last_month(c, a))
    c.t.set("bill", row, period_end=day_of(int(c.model.closed[a]) - 3))


def _never_billed(c: Context, a: int) -> None:
    for month in range(len(c.cal.months)):
        _drop_bill(c, a, month)


FINAL = "BUS-07 COL-03 TAR-28"
fault("TAR-26", "no bill for the last month", A, _long_closed, tables=_no_final, effects=FINAL)
fault(
    "TAR-26", "the last bill ends three days early", A, _long_closed, tables=_final_too_early, effects=FINAL
)
fault("TAR-26", "read and never billed", A, _long_closed, tables=_never_billed, effects=FINAL)


def _corrected(c: Context, a: int, serial: int, amount: float, month: int, of: str | None = None) -> str:
    """A correction of a month's bill by an amount; returns its id."""
    row, correction = k.p_bill(c, a, month), f"{c.bill_id(a, month)}R{serial}"
    _copy(
        c,
        "bill",
        row,
        bill_id=correction,
        metered_kwh=0.0,
        loss_kwh=0.0,
        billed_kwh=0.0,
        max_demand_kw=None,
        power_factor=None,
        total_amount=amount,
        issued_at=at(c.cal.as_of - 3 + serial // 2, 9 + serial % 8),
        corrects_bill_id=of or c.bill_id(a, month),
    )
    c.t.add("bill_line", bill_id=correction, line_no=1, component="adjustment", amount=amount)
    return correction


def _to_and_fro(month: int, in_a_chain: bool = False) -> Place:
    def change(c: Context, a: int) -> str:
        first = _corrected(c, a, 1, 6.0, month)
        _corrected(c, a, 2, -6.0, month, first if in_a_chain else None)
        return c.bill_id(a, month)

    return change


AGAIN = "COL-03 RSK-04 TAR-20"
fault("TAR-28", "up and down again", BILL, k.res, tables=_to_and_fro(-1), effects=AGAIN)
fault(
    "TAR-28", "the correction corrected", BILL, k.com, tables=_to_and_fro(-1, in_a_chain=True), effects=AGAIN
)
fault("TAR-28", "a bill of some months ago", BILL, _at_least(k.agr, 5), tables=_to_and_fro(-4), effects=AGAIN)


def _adjusted(share: float, least: float) -> Place:
    def change(c: Context, a: int) -> None:
        total = float(c.t.get("bill", k.p_bill(c, a), "total_amount"))
        k.add_line(c, a, "adjustment", np.sign(share) * max(least, abs(share) * total))

    return change


def _adjusted_by_correction(c: Context, a: int) -> str:
    total = float(c.t.get("bill", k.p_bill(c, a), "total_amount"))
    return _corrected(c, a, 1, round(max(120.0, 0.3 * total), 2), -1)


BY_HAND = "TAR-04 TAR-07 TAR-20 COL-03 COL-04 RSK-03 RSK-04"
fault(
    "TAR-29", "a discount by hand", BILL, k.bigger(k.com, 800), tables=_adjusted(-0.3, 120), effects=BY_HAND
)
fault(
    "TAR-29", "a surcharge by hand", BILL, k.bigger(k.agr, 500), tables=_adjusted(0.3, 120), effects=BY_HAND
)
fault(
    "TAR-29",
    "a correction by hand",
    BILL,
    k.bigger(k.com, 500),
    tables=_adjusted_by_correction,
    effects=BY_HAND,
)


# --- registers ----------------------------------------------------------------------------------------------


def _by_time(c: Context) -> Mask:
    flags: Mask = c.plain & c.model.tou()
    return flags


def _register_off(register: int, share: float) -> Place:
    """A register that shows other than what was used; billed as read."""

    def change(c: Context, a: int) -> None:
        point, r = int(c.main_at[a]), c.r
        r.current[point, -1, register] += round(share * float(r.used[point, -1, :5].max()))
        r.used[point, -1, register] = r.current[point, -1, register] - r.previous[point, -1, register]

    return change


OFF = f"ANA-01 NET-01 NET-02 BUS-13 {JUMPS}"
for way, register, share in (
    ("the peak register runs fast", PEAK, 0.1),
    ("the flat register runs fast", FLAT, 0.2),
    ("the valley register runs fast", VALLEY, 0.05),
):
    fault("TAR-30", way, MP, k.bigger(_by_time, 500), registers=_register_off(register, share), effects=OFF)


def _without(*registers: str) -> Place:
    def change(c: Context, a: int) -> None:
        for register in registers:
            c.t.drop("register_reading", _readings(c, a, register=register))

    return change


LACKING = "TAR-06 TAR-20 TAR-22"
fault("TAR-31", "no valley", MP, _at_least(_by_time, 2), tables=_without("active_valley"), effects=LACKING)
fault(
    "TAR-31",
    "no reactive energy",
    MP,
    lambda c: k.high(c) & (c.model.standard > 0),
    tables=_without("reactive_total"),
    effects=LACKING,
)
fault(
    "TAR-31",
    "no demand",
    MP,
    lambda c: k.by_basis(2)(c) | k.by_basis(3)(c),
    tables=_without("max_demand_kw"),
    effects=LACKING,
)


def _steady(months: int) -> Place:
    """The last months all read as if each day had used what the last one's did."""

    def change(c: Context, a: int) -> None:
        point, r = int(c.main_at[a]), c.r
        per_day = r.used[point, -1, 0] / c.cal.month_days[-1]
        for month in range(-months, 0):
            if month > -months:
                r.previous[point, month, 0] = r.current[point, month - 1, 0]
            r.used[point, month, 0] = round(per_day * float(c.cal.month_days[month]))
            r.current[point, month, 0] = r.previous[point, month, 0] + r.used[point, month, 0]

    return change


def _by_hand(months: int, method: str) -> Place:
    def change(c: Context, a: int) -> None:
        for month in range(1, months + 1):
            for row in _readings(c, a, -month):
                c.t.set("register_reading", row, method=method)

    return change


for way, who, months, method in (
    ("four months on site", k.res, 4, "manual"),
    ("five months on site", k.com, 5, "manual"),
    ("four months estimated", k.agr, 4, "estimated"),
):
    fault(
        "TAR-32",
        way,
        A,
        _at_least(k.bigger(who, 150), 6),
        registers=_steady(months),
        tables=_by_hand(months, method),
        effects=f"TAR-19 ANA-01 {JUMPS}",
    )


def _two_months(factor: float) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.factor[a, -3:] *= factor

    return change


SHIFT = "TAR-03 TAR-04 TAR-14 ANA-03 ANA-04 ANA-05 ANA-06 NET-05 BUS-13 BUS-15"
for way, who, factor in (
    ("three times as much", k.bigger(k.res, 150), 3.2),
    ("a third of it", k.bigger(k.res, 350), 0.3),
    ("a shop that all but closed", k.bigger(k.com, 3200), 0.25),
):
    fault("TAR-33", way, A, _at_least(who, 14), model=_two_months(factor), effects=SHIFT, listing=True)


# --- energy where none may be, or more than may be ----------------------------------------------------------


def _in_file(**values: Any) -> Place:
    """What the account's row says, while supply goes on; days are counted from the first of the audited month."""

    def change(c: Context, a: int) -> str:
        days = {
            name: day_of(k.p_day(c, value)) if name.endswith("_on") and value is not None else value
            for name, value in values.items()
        }
        k.set_account(**days)(c, a)
        return c.point_id(a)

    return change


NOBODY = "BUS-07 BUS-10 TAR-11 TAR-23 TAR-26 INS-07 ARC-01 ARC-09 NET-01"
fault(
    "MET-15",
    "closed in the file and still running",
    MP,
    _intervals(k.bigger(k.com, 300)),
    tables=_in_file(status="closed", closed_on=8),
    effects=NOBODY,
)
fault(
    "MET-15",
    "read long after closing",
    MP,
    k.bigger(k.res, 100),
    tables=_in_file(status="closed", closed_on=-30),
    effects=NOBODY,
)
fault(
    "MET-15",
    "runs before it was opened",
    MP,
    k.bigger(k.agr, 200),
    tables=_in_file(status="pending", opened_on=None),
    effects=NOBODY,
)


def _suspended(first: int, last: int | None) -> Place:
    """A suspension of all capacity in the file, while supply goes on."""

    def change(c: Context, a: int) -> None:
        end = None if last is None else k.p_day(c, last)
        k.add_change(c, a, "suspend", float(c.model.kva[a]), k.p_day(c, first), end)

    return change


STOPPED = "BUS-02 BUS-03 BUS-06 TAR-20 ACC-08"
fault(
    "BUS-14",
    "suspended for half a month",
    A,
    _intervals(k.bigger(k.com, 200)),
    tables=_suspended(4, 24),
    effects=STOPPED,
)
fault(
    "BUS-14", "suspended since long", A, k.bigger(k.agr, 150), tables=_suspended(-40, None), effects=STOPPED
)
fault(
    "BUS-14",
    "nothing runs by the file",
    A,
    k.bigger(k.res, 100),
    tables=k.set_account(status="suspended", running_kva=0.0),
    effects=STOPPED,
)


def _beyond(share: float) -> Place:
    """A load whose highest half-hour is so much of the contract."""

    def change(c: Context, a: int) -> None:
        peak = float(monthly_peak(c.plan)[c.model.profile[a], -1])
        c.model.kw[a] = share * c.model.kva[a] / peak

    return change


def _of_50_kva(mask: Candidates) -> Candidates:
    return lambda c: mask(c) & (c.model.kva >= 50)


MORE = "TAR-02 BUS-13 ANA-03 ANA-06 NET-05 INS-01"
for way, who, share in (
    ("a factory", k.high_org, 1.3),
    ("an account billed by demand", lambda c: k.by_basis(2)(c) | k.by_basis(3)(c), 1.25),
    ("a shop at low voltage", lambda c: k.plain(c) & ~c.model.is_mv, 1.3),
):
    fault("BUS-15", way, A, _intervals(_of_50_kva(who)), model=_beyond(share), effects=MORE)


# --- prepaid --------------------------------------------------------------------------------------------------


def _prepaid(c: Context) -> Mask:
    m = c.model
    flags: Mask = (
        (m.payment == PREPAID)
        & (m.status == 1)
        & (m.opened != NEVER)
        & (m.opened < c.cal.as_of - 120)
        & (m.owner == np.arange(m.size))
        & (m.allocation == 0)
        & (m.change_kind == 0)
        & (m.factor[:, -2] * m.kw > 0.2)
        & (c.main_at >= 0)
        & (c.plan.months >= 6)
    )
    return flags


def _no_top_up(keep_before: int | None, channel: str | None = None) -> Place:
    """Takes away what was bought of late (all of it where ``keep_before`` is empty), or lets it come another way."""

    def change(c: Context, a: int) -> None:
        for row in c.t.rows("payment", "account_id", c.account_id(a)):
            late = keep_before is None or c.t.get("payment", row, "received_at") >= at(
                c.cal.as_of - keep_before, 0
            )
            if late and channel:
                c.t.set("payment", row, channel=channel)
            elif late:
                c.t.drop("payment", [row])

    return change


NOT_BOUGHT = "COL-03 RSK-03 RSK-04 COL-02"
fault("COL-05", "none for a hundred days", A, _prepaid, tables=_no_top_up(100), effects=NOT_BOUGHT)
fault("COL-05", "none ever", A, _prepaid, tables=_no_top_up(None), effects=NOT_BOUGHT)
fault("COL-05", "paid online instead", A, _prepaid, tables=_no_top_up(95, "online"), effects=NOT_BOUGHT)
