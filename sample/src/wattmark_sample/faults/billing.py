"""Faults of readings, tariffs, bills, payments and cash: TAR and COL."""

from __future__ import annotations

import numpy as np

from wattmark_sample.faults import common as k
from wattmark_sample.faults.editor import at
from wattmark_sample.faults.registry import Candidates, Context, Mask, Place, fault
from wattmark_sample.model import COM, GEN, MAIN, SUB, TWO_PART_FROM_KVA, TWO_PART_SINCE
from wattmark_sample.plan import day_of

MP = "metering_point"
JUMPS = "TAR-03 TAR-04 ANA-06"


def _reading(shift_previous: float = 0.0, current_from_previous: float | None = None) -> Place:
    def change(c: Context, a: int) -> None:
        point = int(c.main_at[a])
        previous = c.r.previous[point, -1, 0] / 100 + shift_previous
        current = None if current_from_previous is None else previous + current_from_previous
        k.set_reading(c, a, previous=previous, current=current)

    return change


def _unit(c: Context, a: int) -> float:
    return float(c.r.used[int(c.main_at[a]), -1, 0]) / 100


def _less(share: float) -> Place:
    def change(c: Context, a: int) -> None:
        k.set_reading(c, a, previous=c.r.previous[int(c.main_at[a]), -1, 0] / 100 + share * _unit(c, a))

    return change


EFFECT_OF_READING = f"ANA-01 NET-01 NET-02 BUS-13 TAR-05 {JUMPS}"
fault(
    "TAR-01",
    "starts above the last standing",
    MP,
    k.bigger(k.res, 150),
    registers=_less(0.3),
    effects=EFFECT_OF_READING,
)
fault(
    "TAR-01",
    "starts below the last standing",
    MP,
    k.bigger(k.com, 300),
    registers=_less(-0.3),
    effects=EFFECT_OF_READING,
)
fault(
    "TAR-01",
    "starts just beyond the tolerance",
    MP,
    k.bigger(k.agr, 200),
    registers=_reading(0.51),
    effects=EFFECT_OF_READING,
)


def _backwards(c: Context, a: int) -> None:
    point = int(c.main_at[a])
    k.set_reading(c, a, current=max(0.0, c.r.previous[point, -1, 0] / 100 - 30))


def _too_fast(c: Context, a: int) -> None:
    point = int(c.main_at[a])
    limit = 1.25 * c.model.kva[a] * 24 * int(c.cal.month_days[-1]) / c.model.points.multiplier[point]
    k.set_reading(c, a, current=c.r.previous[point, -1, 0] / 100 + limit)


def _false_rollover(c: Context, a: int) -> None:
    point = int(c.main_at[a])
    top = 10.0 ** c.model.points.digits[point]
    k.set_reading(c, a, previous=0.95 * top, current=0.2 * top)
    c.r.used[point, -1, 0] = round((0.25 * top) * 100)


WILD = f"TAR-01 TAR-02 TAR-06 TAR-07 TAR-20 TAR-14 RSK-03 {EFFECT_OF_READING}"
fault("TAR-02", "runs backwards", MP, k.com, registers=_backwards, effects=WILD)
fault("TAR-02", "faster than the capacity allows", MP, k.agr, registers=_too_fast, effects=WILD)
fault("TAR-02", "rolls over too far", MP, k.res, registers=_false_rollover, effects=WILD)


def _factor(value: float, months: int = 1) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.factor[a, -1 - months :] *= value

    return change


SHIFT = "TAR-03 TAR-04 ANA-03 ANA-04 ANA-05 ANA-06 NET-05 TAR-14"
fault("TAR-03", "a home uses far more", "account", k.bigger(k.res, 280), model=_factor(1.9), effects=SHIFT)
fault("TAR-03", "a home uses far less", "account", k.bigger(k.res, 420), model=_factor(0.25), effects=SHIFT)
fault(
    "TAR-03",
    "a factory uses far less",
    "account",
    k.bigger(k.high_org, 20000),
    model=_factor(0.35),
    effects=SHIFT + " BUS-13",
)
fault("TAR-03", "a shop uses far more", "account", k.bigger(k.com, 3500), model=_factor(1.75), effects=SHIFT)


def _price(share: float, component: str = "energy") -> Place:
    def change(c: Context, a: int) -> None:
        k.change_line(c, a, component, lambda amount: amount * share)

    return change


fault(
    "TAR-04",
    "charged several times over",
    "account",
    k.bigger(k.res, 230),
    tables=_price(3.0),
    effects="TAR-20",
)
fault(
    "TAR-04",
    "charged a fraction",
    "account",
    k.bigger(k.res, 450),
    tables=lambda c, a: k.add_line(
        c, a, "adjustment", -0.85 * float(c.t.get("bill", k.p_bill(c, a), "total_amount"))
    ),
    effects="TAR-20 TAR-29",
)


def _zero(c: Context, a: int) -> None:
    c.model.factor[a, -8:] = 0.0


ZERO = "ANA-01 ANA-03 ANA-04 ANA-05 ANA-06 TAR-03 TAR-04 NET-01"
for way, who in (("empty home", k.res), ("idle shop", k.com), ("idle pump", k.agr)):
    fault("TAR-05", way, "account", who, model=_zero, effects=ZERO)


def _scaled_bill(share: float) -> Place:
    def change(c: Context, a: int) -> None:
        bill = k.p_bill(c, a)
        metered = float(c.t.get("bill", bill, "metered_kwh"))
        more = round(metered * share, 2)
        line = c.t.one("bill_line", "bill_id", c.bill_id(a), component="energy")
        price = float(c.t.get("bill_line", line, "unit_price"))
        c.t.set(
            "bill",
            bill,
            metered_kwh=metered + more,
            billed_kwh=float(c.t.get("bill", bill, "billed_kwh")) + more,
        )
        k.change_line(c, a, "energy", lambda amount: amount + price * more, quantity=metered + more)

    return change


def _without_sub(c: Context, a: int) -> None:
    c.model.without_sub.add(a)


def _with_sub(c: Context) -> Mask:
    m = c.model
    subs = np.zeros(m.size, dtype=np.bool_)
    subs[m.points.account[m.points.role == SUB]] = True
    at_main = np.maximum(c.main_at, 0)
    # What an allocation bills is not recalculated from readings.
    flags: Mask = (
        subs
        & (m.status == 1)
        & (m.points.replaced_in[at_main] < 0)
        & (m.change_kind == 0)
        & (m.allocation == 0)
    )
    return flags


fault(
    "TAR-06",
    "more billed than read",
    "bill",
    k.bigger(k.com, 300),
    tables=_scaled_bill(0.2),
    effects=f"TAR-20 {JUMPS}",
)
fault(
    "TAR-06",
    "less billed than read",
    "bill",
    k.bigger(k.agr, 300),
    tables=_scaled_bill(-0.2),
    effects=f"TAR-20 {JUMPS}",
)
fault("TAR-06", "sub meter not taken off", "bill", _with_sub, model=_without_sub, effects="TAR-20 TAR-22")


def _negative_line(c: Context, a: int) -> None:
    total = float(c.t.get("bill", k.p_bill(c, a), "total_amount"))
    k.add_line(c, a, "adjustment", -total - 25.0)


def _correction(c: Context, a: int, amount: float, month: int = -1) -> str:
    bill = k.p_bill(c, a)
    correction = c.bill_id(a) + "F"
    c.t.add(
        "bill",
        bill_id=correction,
        account_id=c.account_id(a),
        period=c.cal.months[-1],
        period_start=c.t.get("bill", bill, "period_start"),
        period_end=c.t.get("bill", bill, "period_end"),
        tariff_code=c.t.get("bill", bill, "tariff_code"),
        metered_kwh=0.0,
        loss_kwh=0.0,
        billed_kwh=0.0,
        total_amount=amount,
        issued_at=at(c.cal.as_of, 9),
        due_on=c.t.get("bill", bill, "due_on"),
        corrects_bill_id=c.bill_id(a, month),
    )
    c.t.add("bill_line", bill_id=correction, line_no=1, component="adjustment", amount=amount)
    return correction


def _negative_correction(c: Context, a: int) -> None:
    total = float(c.t.get("bill", k.p_bill(c, a), "total_amount"))
    _correction(c, a, -round(total + 40.0, 2))


def _late_correction(c: Context, a: int) -> None:
    total = float(c.t.get("bill", k.p_bill(c, a), "total_amount"))
    _correction(c, a, -round(total + 60.0, 2), month=-2)


NEGATIVE = "TAR-04 TAR-20 TAR-29 COL-04 RSK-03"


def _months_2(mask: Candidates) -> Candidates:
    return lambda c: mask(c) & (c.plan.months >= 2)


fault("TAR-07", "adjustment above the charges", "account", k.com, tables=_negative_line, effects=NEGATIVE)
fault("TAR-07", "correction above the bill", "account", k.res, tables=_negative_correction, effects=NEGATIVE)
fault(
    "TAR-07",
    "an earlier bill corrected in this month",
    "account",
    _months_2(k.agr),
    tables=_late_correction,
    effects=NEGATIVE,
)


def _free(c: Context, a: int) -> None:
    for line in c.t.rows("bill_line", "bill_id", c.bill_id(a)):
        c.t.set("bill_line", line, amount=0.0)
    c.t.set("bill", k.p_bill(c, a), total_amount=0.0)
    k.pay_as_billed(c, c.bill_id(a), 0.0)


def _cancelled(c: Context, a: int) -> None:
    k.add_line(c, a, "adjustment", -float(c.t.get("bill", k.p_bill(c, a), "total_amount")))


def _corrected_to_nothing(c: Context, a: int) -> None:
    _correction(c, a, -float(c.t.get("bill", k.p_bill(c, a), "total_amount")))
    k.pay_as_billed(c, c.bill_id(a), 0.0)


FREE = "TAR-04 TAR-20 TAR-29 COL-04 ANA-06"
fault("TAR-08", "all lines are zero", "account", k.res, tables=_free, effects=FREE)
fault("TAR-08", "an adjustment cancels the bill", "account", k.com, tables=_cancelled, effects=FREE)
fault("TAR-08", "a correction cancels the bill", "account", k.agr, tables=_corrected_to_nothing, effects=FREE)

LOSS = "BUS-12 TAR-09 TAR-20 TAR-22"


fault(
    "TAR-09",
    "no iron-loss line",
    "account",
    k.hv_lv,
    tables=lambda c, a: k.drop_line(c, a, "loss_iron"),
    effects=LOSS,
)
fault("TAR-09", "iron loss at no charge", "account", k.hv_lv, tables=_price(0.0, "loss_iron"), effects=LOSS)
fault(
    "TAR-09",
    "billed as if metered high",
    "account",
    k.hv_lv,
    model=lambda c, a: c.model.without_loss.add(a),
    effects=LOSS,
)


def _reading_area(c: Context, area: int) -> str:
    return f"RA{int(c.model.block.area_number[area]):07d}"


def _area_points(c: Context, area: int) -> list[int]:
    points = c.model.points
    owners = np.flatnonzero((c.model.area == area) & c.plain)
    return [
        p for p in np.flatnonzero(points.role == MAIN).tolist() if points.account[p] in set(owners.tolist())
    ]


def _read_on(day: int, several: bool) -> Place:
    def change(c: Context, area: int) -> str:
        points = _area_points(c, area)
        for point in points[: 3 if several else 1]:
            for row in c.t.rows(
                "register_reading", "metering_point_id", c.points[point], period=c.cal.months[-1]
            ):
                c.t.set("register_reading", row, read_at=at(int(c.cal.month_end[-1]) + day, 15))
        return _reading_area(c, area)

    return change


for way, day, several in (
    ("one account two days early", -2, False),
    ("one account two days late", 2, False),
    ("several five days early", -5, True),
):
    fault(
        "TAR-10",
        way,
        "reading_area",
        k.any_area,
        tables=_read_on(day, several),
        unit="area",
        effects="ANA-01",
    )


def _fresh(c: Context) -> Mask:
    m = c.model
    flags: Mask = (
        (m.status == 1) & (m.opened >= c.cal.month_start[-1]) & (m.opened <= c.cal.month_end[-1]) & ~m.is_mv
    )
    return flags


def _unbilled(c: Context, a: int, month: int = -1) -> None:
    bill = c.bill_id(a, month)
    for name in (bill, bill + "C"):
        c.t.drop("bill_line", c.t.rows("bill_line", "bill_id", name))
        c.t.drop("payment", c.t.rows("payment", "bill_id", name))
        c.t.drop("bill", c.t.rows("bill", "bill_id", name))


def _unread(c: Context, a: int) -> None:
    c.t.drop(
        "register_reading",
        c.t.rows("register_reading", "metering_point_id", c.point_id(a), period=c.cal.months[-1]),
    )


def _both(c: Context, a: int) -> None:
    _unbilled(c, a)
    _unread(c, a)


fault("TAR-11", "neither read nor billed", "account", _fresh, tables=_both, effects="NET-01")
fault("TAR-11", "read but not billed", "account", _fresh, tables=_unbilled, effects="TAR-23")
fault("TAR-11", "billed but not read", "account", _fresh, tables=_unread, effects="TAR-06 TAR-20")


def _big_low(category: int) -> Candidates:
    def chosen(c: Context) -> Mask:
        flags: Mask = c.plain & ~c.model.is_mv & (c.model.kva >= 100) & (c.model.category == category)
        return flags

    return chosen


def _flat(code: str) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.tariff[a] = k.tariff_number(code)
        c.model.points.tou[c.model.points.account == a] = False

    return change


fault("TAR-12", "large shop on the flat tariff", "account", _big_low(COM), model=_flat("COM-LV"))
fault("TAR-12", "large workshop on the flat tariff", "account", _big_low(GEN), model=_flat("IND-LV"))
fault(
    "TAR-12",
    "high-voltage business on a flat tariff",
    "account",
    lambda c: k.single_part(c) & (c.model.category == COM),
    model=_flat("AGR-10"),
    effects="ARC-02 ANA-09",
)


def _stays_on_one_part(c: Context) -> Mask:
    """Businesses that may stay on a one-part tariff although they are large."""
    flags: Mask = (
        k.single_part(c)
        & (c.model.category == COM)
        & (c.model.kva >= TWO_PART_FROM_KVA)
        & (c.model.opened < TWO_PART_SINCE)
        & (c.plan.months >= 2)
    )
    return flags


def _small_on_two_parts(c: Context, a: int) -> None:
    c.model.tariff[a] = k.tariff_number("COM-LV-2P")
    c.model.basis[a] = 1
    c.model.points.tou[c.model.points.account == a] = True


fault(
    "TAR-27",
    "grown since and still on one part",
    "account",
    _stays_on_one_part,
    tables=lambda c, a: (
        k.add_change(c, a, "increase", 50.0, max(TWO_PART_SINCE, c.cal.as_of - 700), None) and c.account_id(a)
    ),
)
fault(
    "TAR-27",
    "on two parts before, on one since",
    "account",
    _stays_on_one_part,
    tables=lambda c, a: c.t.set("bill", k.p_bill(c, a, 0), tariff_code="COM-10-2P"),
)
fault(
    "TAR-27",
    "a small shop on two parts",
    "account",
    lambda c: k.com(c) & (c.model.kva < 100),
    model=_small_on_two_parts,
)


def _named(name: str) -> Place:
    def change(c: Context, a: int) -> None:
        k.set_customer(name=name, contact_name=name)(c, a)
        k.set_account(account_name=name)(c, a)

    return change


fault("TAR-13", "a supermarket", "account", k.res, tables=_named("阳光超市"))
fault("TAR-13", "a company", "account", k.res, tables=_named("浙江恒远贸易有限公司"))
fault("TAR-13", "a cafe with full-width letters", "account", k.res, tables=_named("Ｇｒｅｅｎ ｃａｆｅ"))


def _always_on(c: Context, a: int) -> None:
    from wattmark_sample.grid import load_grid

    c.model.profile[a] = load_grid().profiles.index("G3-A")
    c.model.kw[a] = 12.0
    c.model.kva[a] = 16.0
    c.model.points.max_current_a[int(c.main_at[a])] = 100.0


for way in ("a home that never rests", "a home with a workshop", "a home that feeds its neighbours"):
    fault("TAR-14", way, "account", k.roomy, model=_always_on, effects="ANA-06 NET-05")


def _transformer_order(kind: str, **moments: int) -> Place:
    def change(c: Context, a: int) -> str:
        when = {name: at(k.p_day(c, day)) for name, day in moments.items()}
        return k.open_order(
            c,
            a,
            kind,
            submitted_at=at(k.p_day(c, 2) - 30),
            plan_replied_at=at(k.p_day(c, 2) - 28),
            outcome="completed",
            **when,
        )

    return change


for way, kind, moments in (
    ("increase energized", "increase", {"inspected_at": 8, "energized_at": 10, "closed_at": 12}),
    ("tariff changed", "change_tariff", {"closed_at": 15}),
    ("increase closed", "increase", {"closed_at": 20}),
):
    fault(
        "TAR-15",
        way,
        "order",
        k.high_org,
        tables=_transformer_order(kind, **moments),
        listing=True,
        effects="RSK-01",
    )


def _total(more: float) -> Place:
    def change(c: Context, a: int) -> None:
        bill = k.p_bill(c, a)
        total = round(float(c.t.get("bill", bill, "total_amount")) + more, 2)
        c.t.set("bill", bill, total_amount=total)
        k.pay_as_billed(c, c.bill_id(a), total)

    return change


def _no_lines(c: Context, a: int) -> None:
    c.t.drop("bill_line", c.t.rows("bill_line", "bill_id", c.bill_id(a)))


def _billed_kwh(c: Context, a: int) -> None:
    bill = k.p_bill(c, a)
    c.t.set("bill", bill, billed_kwh=float(c.t.get("bill", bill, "billed_kwh")) + 1.5)


fault("TAR-16", "total off by two cents", "bill", k.res, tables=_total(0.02))
fault("TAR-16", "no lines", "bill", k.com, tables=_no_lines)
fault("TAR-16", "billed energy is not metered plus loss", "bill", k.agr, tables=_billed_kwh)

for way, who in (("home", k.res), ("shop", k.com), ("pump", k.agr)):
    fault(
        "TAR-17",
        f"{way} skipped and not billed",
        "metering_point",
        who,
        tables=_both,
        effects="NET-01 TAR-06 TAR-20",
    )


def _edited(original_share: float) -> Place:
    def change(c: Context, a: int) -> None:
        row = c.t.one(
            "register_reading",
            "metering_point_id",
            c.point_id(a),
            period=c.cal.months[-1],
            register="active_total",
        )
        previous, current = (
            float(c.t.get("register_reading", row, name)) for name in ("previous_value", "current_value")
        )
        c.t.set(
            "register_reading", row, original_value=round(previous + (current - previous) * original_share, 2)
        )

    return change


fault("TAR-18", "edited down", "metering_point", k.bigger(k.com, 500), tables=_edited(1.5))
fault("TAR-18", "edited up", "metering_point", k.bigger(k.agr, 500), tables=_edited(0.6))
fault(
    "TAR-18", "edited behind a multiplier", "metering_point", k.bigger(k.high_org, 20000), tables=_edited(1.2)
)


def _estimated(months: int) -> Place:
    def change(c: Context, a: int) -> None:
        for month in range(1, months + 1):
            for row in c.t.rows(
                "register_reading",
                "metering_point_id",
                c.point_id(a),
                period=c.cal.months[-month],
                register="active_total",
            ):
                c.t.set("register_reading", row, method="estimated")

    return change


def _at_least(mask: Candidates, months: int) -> Candidates:
    return lambda c: mask(c) & (c.plan.months >= months)


for months, who in ((3, k.res), (4, k.com), (6, k.agr)):
    fault(
        "TAR-19",
        f"estimated for {months} periods",
        "metering_point",
        _at_least(who, months),
        tables=_estimated(months),
    )


def _wrong_price(component: str, share: float) -> Place:
    def change(c: Context, a: int) -> None:
        line = c.t.one("bill_line", "bill_id", c.bill_id(a), component=component)
        price = float(c.t.get("bill_line", line, "unit_price"))
        k.change_line(c, a, component, lambda amount: amount * share, unit_price=round(price * share, 6))

    return change


fault(
    "TAR-20",
    "wrong energy price",
    "bill",
    k.bigger(k.com, 300),
    tables=_wrong_price("energy", 1.1),
    effects="TAR-04",
)
fault(
    "TAR-20",
    "surcharge left out",
    "bill",
    k.bigger(k.agr, 300),
    tables=lambda c, a: k.drop_line(c, a, "surcharge"),
)
fault(
    "TAR-20",
    "capacity at half its price",
    "bill",
    k.by_basis(1),
    tables=_wrong_price("capacity", 0.5),
    effects="TAR-22 TAR-04",
)
fault(
    "TAR-20",
    "demand at half its price",
    "bill",
    lambda c: k.by_basis(2)(c) | k.by_basis(3)(c),
    tables=_wrong_price("demand", 0.5),
    effects="TAR-22 TAR-04",
)


def _billed_on(code: str) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.billed_tariff[a] = k.tariff_number(code)

    return change


fault("TAR-21", "a shop billed as a workshop", "bill", k.com, model=_billed_on("IND-LV"))
fault(
    "TAR-21",
    "a home billed as a shop",
    "bill",
    k.bigger(k.res, 100),
    model=_billed_on("COM-LV"),
    effects="TAR-04",
)
fault("TAR-21", "billed on a tariff of another voltage", "bill", k.agr, model=_billed_on("AGR-10"))


def _expired(c: Context, a: int) -> None:
    code = f"OLD-{int(c.model.number[a])}"
    c.t.set("bill", k.p_bill(c, a), tariff_code=code)
    k.set_account(tariff_code=code)(c, a)
    kv = float(c.model.supply_kv[a])
    c.t.add(
        "tariff",
        tariff_code=code,
        name="停用价 Withdrawn",
        usage_category="commercial",
        min_kv=kv,
        max_kv=kv,
        is_two_part=False,
        is_time_of_use=False,
        is_stepped=False,
    )
    c.t.add(
        "tariff_rate",
        tariff_code=code,
        component="energy",
        step_no=1,
        step_from_kwh=0.0,
        unit_price=0.7,
        valid_from=k.ago(c, 2000),
        valid_to=k.ago(c, 400),
    )


fault("TAR-21", "no rate valid", "bill", k.com, tables=_expired, effects="TAR-20 TAR-22")


def _with_factor(c: Context) -> Mask:
    return k.high(c) & (c.model.standard > 0)


def _off_standard(c: Context) -> Mask:
    return _with_factor(c) & (np.abs(1 / np.sqrt(1 + c.model.tan_phi**2) - c.model.standard) > 0.015)


fault(
    "TAR-22",
    "left out",
    "bill",
    k.bigger(_off_standard, 20000),
    tables=lambda c, a: k.drop_line(c, a, "power_factor"),
    effects="TAR-20",
)
fault(
    "TAR-22",
    "sign turned",
    "bill",
    k.bigger(_off_standard, 20000),
    tables=_price(-1.0, "power_factor"),
    effects="TAR-20",
)
fault(
    "TAR-22",
    "doubled",
    "bill",
    k.bigger(_off_standard, 20000),
    tables=_price(2.0, "power_factor"),
    effects="TAR-20",
)

# --- collection and cash --------------------------------------------------------------------------------


def _cash(channel: str, received: int, remitted: int | None) -> Place:
    def change(c: Context, a: int) -> str:
        payment = f"PF{int(c.model.number[a]):09d}"
        row = c.t.one("payment", "bill_id", c.bill_id(a, -2))
        day = c.cal.as_of - received
        c.t.set(
            "payment",
            row,
            channel=channel,
            received_at=at(day),
            remitted_on=None if remitted is None else day_of(day + remitted),
        )
        del payment
        return str(c.t.get("payment", row, "payment_id"))

    return change


def _paid_before(mask: Candidates) -> Candidates:
    """Plain low-voltage accounts that never prepay and whose earlier bill is long paid."""

    def chosen(c: Context) -> Mask:
        if c.plan.months < 6:
            return np.zeros(c.model.size, dtype=np.bool_)
        flags: Mask = mask(c) & np.isin(c.model.payment, (1,))
        return flags

    return chosen


fault("COL-01", "cash remitted ten days late", "payment", _paid_before(k.res), tables=_cash("cash", 14, 10))
fault(
    "COL-01",
    "card money never remitted",
    "payment",
    _paid_before(k.com),
    tables=_cash("counter_card", 16, None),
)
fault("COL-01", "cash never remitted", "payment", _paid_before(k.agr), tables=_cash("cash", 15, None))


def _stray(channel: str, days: int) -> Place:
    def change(c: Context, a: int) -> str:
        payment = f"PF{int(c.model.number[a]):09d}"
        c.t.add(
            "payment",
            payment_id=payment,
            account_id=c.account_id(a),
            received_at=at(c.cal.as_of - days),
            amount=88.8,
            channel=channel,
            remitted_on=day_of(c.cal.as_of - days) if channel in ("cash", "counter_card") else None,
        )
        return payment

    return change


for channel, days, who in (("online", 31, k.res), ("bank_debit", 60, k.com), ("cash", 200, k.agr)):
    fault("COL-02", f"{channel} of {days} days ago", "payment", who, tables=_stray(channel, days))


def _unpaid(months: tuple[int, ...], share: float = 1.0) -> Place:
    def change(c: Context, a: int) -> None:
        for month in months:
            for row in c.t.rows("payment", "bill_id", c.bill_id(a, month)):
                amount = float(c.t.get("payment", row, "amount"))
                if share >= 1:
                    c.t.drop("payment", [row])
                else:
                    c.t.set("payment", row, amount=round(amount * (1 - share), 2))

    return change


OVERDUE = "RSK-03 RSK-04"
fault("COL-03", "one old bill unpaid", "account", _paid_before(k.res), tables=_unpaid((-5,)), effects=OVERDUE)
fault(
    "COL-03",
    "an old bill paid in part",
    "account",
    _paid_before(k.com),
    tables=_unpaid((-6,), 0.4),
    effects=OVERDUE,
)
fault(
    "COL-03",
    "nothing paid for months",
    "account",
    _paid_before(k.agr),
    tables=_unpaid((-6, -5, -4, -3, -2)),
    effects=OVERDUE,
)


def _paid_more(share: float, month: int = -3) -> Place:
    def change(c: Context, a: int) -> str:
        row = c.t.one("payment", "bill_id", c.bill_id(a, month))
        amount = float(c.t.get("payment", row, "amount"))
        c.t.add(
            "payment",
            payment_id=f"PF{int(c.model.number[a]):09d}",
            account_id=c.account_id(a),
            bill_id=c.bill_id(a, month),
            received_at=at(c.cal.as_of - 20),
            amount=round(amount * share, 2),
            channel="online",
        )
        return c.bill_id(a, month)

    return change


fault("COL-04", "the same bill paid again", "bill", _paid_before(k.res), tables=_paid_more(1.0))
fault("COL-04", "a part paid again", "bill", _paid_before(k.com), tables=_paid_more(0.3))
fault("COL-04", "paid again at another counter", "bill", _paid_before(k.agr), tables=_paid_more(1.0, -4))
