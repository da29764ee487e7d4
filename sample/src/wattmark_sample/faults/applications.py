"""Faults of applications, business operations, service times and risk: ACC, BUS, SVC and RSK."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from wattmark_sample.faults import common as k
from wattmark_sample.faults.common import open_order, set_account, set_customer, with_order
from wattmark_sample.faults.editor import at
from wattmark_sample.faults.registry import Candidates, Context, Mask, Place, fault
from wattmark_sample.model import COUNTER, CT_PRIMARY, LV_LV, ONLINE
from wattmark_sample.plan import (
    CONNECTION_FEE_ABOLISHED_ON,
    CONTROL_FEE_ABOLISHED_ON,
    day_number,
    day_of,
)

O = "order"  # noqa: E741
A = "account"

# --- ACC ------------------------------------------------------------------------------------------

fault("ACC-01", "no contact name", O, k.res, tables=with_order(set_customer(contact_name=None)))
fault("ACC-01", "contact name of blanks", O, k.com, tables=with_order(set_customer(contact_name="　 ")))
fault(
    "ACC-01", "neither number valid", O, k.agr, tables=with_order(set_customer(mobile="12345", phone="000"))
)
fault(
    "ACC-01",
    "no number at all",
    O,
    k.res,
    tables=with_order(set_customer(mobile=None, phone=None)),
    effects="ARC-01",
)

BAND = "TAR-02 ANA-03 ARC-03 ACC-08 ACC-15 ACC-16 ACC-18 MET-06 MET-09 BUS-13 TAR-12 TAR-22 ANA-06 RSK-03"


def _kva(value: float) -> Place:
    return set_account(contracted_kva=value, running_kva=value)


def _single_phase(c: Context) -> Mask:
    return k.res(c) & (c.model.supply_kv < 0.3)


def _three_phase(c: Context) -> Mask:
    return k.low(c) & (c.model.supply_kv > 0.3) & (c.model.supply_kv < 1) & (c.model.kva < 100)


fault("ACC-02", "above the single-phase band", O, _single_phase, tables=with_order(_kva(16.5)), effects=BAND)
fault("ACC-02", "above the low-voltage band", O, _three_phase, tables=with_order(_kva(161.0)), effects=BAND)
fault("ACC-02", "below the 10 kV band", O, k.single_part, tables=with_order(_kva(29.0)), effects=BAND)
fault(
    "ACC-02",
    "5,000 kVA more at low voltage",
    O,
    lambda c: k.com(c) & _three_phase(c),
    tables=with_order(requested_kva=5000.0),
    effects="ACC-15 ACC-16 ACC-18",
)

fault(
    "ACC-03",
    "a home with an industry",
    O,
    k.res,
    tables=with_order(set_account(industry_code="C26")),
    effects="ARC-04",
)
fault(
    "ACC-03",
    "a shop in manufacturing",
    O,
    k.com,
    tables=with_order(set_account(industry_code="C17")),
    effects="ARC-04",
)
fault(
    "ACC-03",
    "a pump in real estate",
    O,
    k.agr,
    tables=with_order(set_account(industry_code="K70")),
    effects="ARC-04",
)

fault(
    "ACC-04", "no address", O, k.res, tables=with_order(set_account(service_address=None)), effects="ARC-01"
)
fault("ACC-04", "no known division", O, k.com, tables=with_order(set_account(service_address="幸福大街12号")))
fault(
    "ACC-04",
    "nothing after the district",
    O,
    k.agr,
    tables=with_order(set_account(service_address="浙江省杭州市西湖区")),
)
fault("ACC-04", "blanks after the city", O, k.res, tables=with_order(set_account(service_address="宁波市  ")))

for way, blank in (
    ("no bank name", {"bank_name": None}),
    ("no bank account", {"bank_account": None}),
    ("bank account of blanks", {"bank_account": "  "}),
):
    fault(
        "ACC-05",
        way,
        O,
        k.low,
        tables=with_order(
            set_account(
                payment_method="bank_debit", bank_name="招商银行杭州分行", bank_account="6222000000000000"
            ),
            set_account(**blank),
        ),
    )


def _at_35(c: Context) -> Mask:
    return k.high(c) & (c.model.supply_kv >= 35)


fault("ACC-06", "increase at 10 kV", O, k.high_org, tables=with_order(equipment_list_provided=False))
fault("ACC-06", "increase at 35 kV", O, _at_35, tables=with_order(equipment_list_provided=False))
fault(
    "ACC-06",
    "new supply at 10 kV",
    O,
    k.high_org,
    tables=with_order(kind="new", equipment_list_provided=False),
    effects="SVC-08",
)


def _organisation(c: Context) -> Mask:
    return k.plain(c) & c.model.is_org


vat = set_account(wants_vat_invoice=True)
fault(
    "ACC-07", "documents incomplete", O, _organisation, tables=with_order(vat, vat_documents_complete=False)
)
fault("ACC-07", "no tax number", O, _organisation, tables=with_order(vat, set_customer(tax_id=None)))
fault("ACC-07", "tax number of blanks", O, _organisation, tables=with_order(vat, set_customer(tax_id=" ")))


def _dedicated(c: Context, a: int) -> int:
    return c.t.one("transformer", "account_id", c.account_id(a))


def _bigger_transformer(c: Context, a: int) -> None:
    row = _dedicated(c, a)
    c.t.set("transformer", row, rated_kva=float(c.t.get("transformer", row, "rated_kva")) + 1.5)


def _second_transformer(c: Context, a: int) -> None:
    row = _dedicated(c, a)
    names = (
        "line_id",
        "org_unit_id",
        "ownership",
        "account_id",
        "model",
        "rated_kva",
        "loss_code",
        "commissioned_on",
        "updated_at",
    )
    c.t.add(
        "transformer",
        transformer_id=f"TF{int(c.model.number[a]):09d}",
        **{name: c.t.get("transformer", row, name) for name in names},
    )


WEIGHT = "MET-06 MET-12 TAR-20 TAR-22 BUS-12"
fault(
    "ACC-08",
    "transformer file 1.5 kVA larger",
    O,
    k.hv_hv,
    tables=with_order(_bigger_transformer),
    effects=WEIGHT,
)
fault(
    "ACC-08",
    "a second transformer not in the contract",
    O,
    k.hv_hv,
    tables=with_order(_second_transformer),
    effects=WEIGHT,
)
fault(
    "ACC-08",
    "contract 20 kVA larger",
    O,
    lambda c: k.single_part(c) & (c.model.kva >= 250),
    tables=with_order(lambda c, a: _kva(float(c.model.kva[a]) + 20)(c, a)),
    effects="ACC-15 ACC-16 BUS-13 ANA-06 MET-06",
)

MODE = "ACC-15 BUS-12 TAR-09 TAR-20 TAR-22 MET-06 MET-11"
fault(
    "ACC-09",
    "metered high at 0.38 kV",
    O,
    k.hv_hv,
    tables=with_order(set_account(metering_kv=0.38)),
    effects=MODE,
)
fault(
    "ACC-09",
    "metered low at 10 kV",
    O,
    k.hv_lv,
    tables=with_order(set_account(metering_kv=10.0)),
    effects=MODE,
)
fault(
    "ACC-09",
    "supplied low, filed as high",
    O,
    _three_phase,
    tables=with_order(set_account(metering_mode="hv_hv")),
    effects=MODE,
)
fault(
    "ACC-09",
    "voltage outside the tariff",
    O,
    _single_phase,
    tables=with_order(set_account(supply_kv=0.4)),
    effects=f"TAR-21 ARC-03 {MODE}",
)

works: dict[str, Any] = {"needs_customer_works": True, "works_materials_entered": False}
fault("ACC-10", "low voltage", O, k.low, tables=with_order(**works))
fault("ACC-10", "high voltage", O, k.high, tables=with_order(**works))
fault("ACC-10", "new supply", O, k.com, tables=with_order(kind="new", **works), effects="SVC-08")


def _pending_order(c: Context, a: int) -> str:
    row = c.t.one("service_order", "account_id", c.account_id(a), kind="new")
    return str(c.t.get("service_order", row, "order_id"))


def _supply(change: str) -> Place:
    def edit(c: Context, a: int) -> str:
        rows = c.t.rows("supply_point", "account_id", c.account_id(a))
        if change == "drop":
            c.t.drop("supply_point", rows)
        else:
            c.t.set("supply_point", rows[0], **{change: None})
        return _pending_order(c, a)

    return edit


fault("ACC-11", "no supply point", O, k.pending, tables=_supply("drop"))
fault("ACC-11", "no line", O, k.pending, tables=_supply("line_id"))
fault("ACC-11", "no transformer", O, k.pending, tables=_supply("transformer_id"))


def _fee(kind: str, **factors: float) -> Place:
    def change(c: Context, a: int) -> None:
        row = c.t.one("fee", "account_id", c.account_id(a), kind=kind)
        standard = float(c.t.get("fee", row, "standard_amount"))
        c.t.set("fee", row, **{name: round(standard * factor, 2) for name, factor in factors.items()})

    return change


def _no_fee(kind: str) -> Place:
    def change(c: Context, a: int) -> None:
        c.t.drop("fee", c.t.rows("fee", "account_id", c.account_id(a), kind=kind))

    return change


for way, place in (
    ("no fee", _no_fee("high_reliability")),
    ("charged too little", _fee("high_reliability", charged_amount=0.8, paid_amount=0.8)),
    ("charged too much", _fee("high_reliability", charged_amount=1.1, paid_amount=1.1)),
):
    fault("ACC-12", way, O, k.dual, tables=with_order(place), effects="INS-05")


def _new_fee(*args: Any, **more: Any) -> Place:
    return lambda c, a: k.add_fee(c, a, *args, **more)


def _connection_fee(refunded: float = 0.0, on: str = "a while ago") -> Place:
    """A fee for a temporary connection, all of it paid; charged a while ago, without a day, or before the abolition."""

    def change(c: Context, a: int) -> None:
        days = {
            "a while ago": k.ago(c, 90),
            "before": day_of(CONNECTION_FEE_ABOLISHED_ON - 1),
            "no day": None,
        }
        k.add_fee(
            c,
            a,
            "temporary_connection",
            4000.0,
            4000.0,
            4000.0,
            refunded_amount=refunded,
            charged_on=days[on],
        )

    return change


fault(
    "ACC-13",
    "charged although abolished",
    O,
    k.temporary,
    tables=with_order(_connection_fee()),
    effects="BUS-10",
)
fault(
    "ACC-13",
    "charged on no known day, and refunded",
    O,
    k.temporary,
    tables=with_order(_connection_fee(4000.0, "no day")),
)
fault(
    "ACC-13",
    "charged to an account that is to stay",
    O,
    k.low,
    tables=with_order(_connection_fee()),
    effects="BUS-10",
)

fault("ACC-14", "charged below the schedule", "fee", k.low, tables=_new_fee("meter_test", 40.0, 20.0, 20.0))
fault("ACC-14", "waived in part", "fee", k.com, tables=_new_fee("other", 300.0, 100.0, 100.0, waiver=True))
fault(
    "ACC-14", "paid short for 31 days", "fee", k.agr, tables=_new_fee("other", 300.0, 300.0, 250.0, days=31)
)


def _ct(scale_min: float, scale_max: float) -> Place:
    """A current transformer whose primary lies between two multiples of the account's current."""

    def change(c: Context, a: int) -> None:
        m = c.model
        amps = m.kva[a] / (np.sqrt(3) * m.metering_kv[a])
        sizes = CT_PRIMARY[(amps * scale_min <= CT_PRIMARY) & (amps * scale_max >= CT_PRIMARY)]
        primary = float(sizes[0]) if len(sizes) else round(float(amps * (scale_min + scale_max) / 2))
        k.resize_ct(c, a, primary)

    return change


def _ordered_point(c: Context, a: int) -> str:
    open_order(c, a)
    return c.point_id(a)


def _ct_low(c: Context) -> Mask:
    return k.with_ct(c)


fault(
    "ACC-15",
    "current transformer too small",
    "metering_point",
    _ct_low,
    model=_ct(0.4, 0.95),
    tables=_ordered_point,
    effects="MET-06",
)
fault(
    "ACC-15",
    "current transformer too large",
    "metering_point",
    _ct_low,
    model=_ct(3.1, 6.0),
    tables=_ordered_point,
    effects="MET-06",
)


def _small_meter(c: Context, a: int) -> None:
    c.model.points.max_current_a[int(c.main_at[a])] = 10.0


fault(
    "ACC-15",
    "meter too small",
    "metering_point",
    lambda c: k.low(c) & (c.model.kva >= 8) & ~k.with_ct(c),
    model=_small_meter,
    tables=_ordered_point,
)


def _standard(value: float) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.standard[a] = value
        c.model.points.reactive[c.model.points.account == a] = value > 0

    return change


def _strict(c: Context) -> Mask:
    return k.high(c) & (c.model.standard > 0.86)


def _any_standard(c: Context) -> Mask:
    return k.high(c) & (c.model.standard > 0)


fault("ACC-16", "0.85 instead of 0.90", O, _strict, model=_standard(0.85), tables=with_order())
fault("ACC-16", "none where one is due", O, _any_standard, model=_standard(0.0), tables=with_order())
fault("ACC-16", "one where none is due", O, k.com, model=_standard(0.85), tables=with_order())


def _other_line(c: Context, a: int) -> dict[str, Any] | None:
    own = c.t.get("supply_point", c.t.one("supply_point", "account_id", c.account_id(a)), "line_id")
    for row in c.t.rows("transformer", "ownership", "public"):
        line = c.t.get("transformer", row, "line_id")
        if line != own:
            return {"line_id": line, "transformer_id": c.t.get("transformer", row, "transformer_id")}
    return None


def _second_line(c: Context, a: int) -> None:
    other = _other_line(c, a) or {"line_id": "L-elsewhere", "transformer_id": None}
    c.t.add(
        "supply_point",
        supply_point_id=f"SPF{int(c.model.number[a]):09d}",
        account_id=c.account_id(a),
        is_primary=False,
        updated_at=at(c.cal.as_of - 5),
        **other,
    )


def _primary(flag: bool) -> Place:
    def change(c: Context, a: int) -> str:
        rows = c.t.rows("supply_point", "account_id", c.account_id(a))
        if flag:
            values = {
                n: c.t.get("supply_point", rows[0], n)
                for n in ("account_id", "line_id", "transformer_id", "updated_at")
            }
            c.t.add(
                "supply_point", supply_point_id=f"SPF{int(c.model.number[a]):09d}", is_primary=True, **values
            )
        else:
            c.t.set("supply_point", rows[0], is_primary=False)
        return _pending_order(c, a)

    return change


fault(
    "ACC-17",
    "dual supply from one line",
    O,
    k.com,
    tables=with_order(set_account(is_dual_supply=True)),
    effects="ACC-12 INS-05 SVC-01",
)
fault("ACC-17", "two lines, not dual", O, k.low, tables=with_order(_second_line), effects="NET-03 ACC-11")
fault("ACC-17", "no primary point", O, k.pending, tables=_primary(False))
fault("ACC-17", "two primary points", O, k.pending, tables=_primary(True))

for way, who in (
    ("low voltage", lambda c: k.large(c) & ~c.model.is_mv),
    ("10 kV", k.high_org),
    ("35 kV", _at_35),
):
    fault("ACC-18", way, O, who, tables=with_order(set_account(has_load_control=False)))

# --- BUS --------------------------------------------------------------------------------------------


def _allocation(kind: str, value: float | None) -> Place:
    return set_account(allocation=kind, allocation_value=value)


for way, kind, value in (
    ("share of one", "fixed_ratio", 1.0),
    ("share of nothing", "fixed_ratio", 0.0),
    ("share not given", "fixed_ratio", None),
    ("quantity above the capacity", "fixed_quantity", 999_999.0),
    ("quantity below zero", "fixed_quantity", -5.0),
):
    fault("BUS-01", way, A, k.com, tables=_allocation(kind, value))


def _suspended(*spans: tuple[int, int], kva: float = 1.0, kind: str = "suspend") -> Place:
    """Rows of capacity_change by days before as_of (first, last; a last of -1 leaves the end open)."""

    def change(c: Context, a: int) -> str:
        ids = [
            k.add_change(
                c, a, kind, kva, c.cal.as_of - first, None if last == -1 else c.cal.as_of - last, serial
            )
            for serial, (first, last) in enumerate(spans)
        ]
        return ids[-1]

    return change


def _late_year(c: Context) -> Mask:
    """Rules over as_of's calendar year need one that is well under way."""
    passed = c.cal.as_of - day_number(c.plan.as_of.replace(month=1, day=1))
    return k.low(c) & (c.model.kva >= 4) & (passed >= 230)


def _named(change: Any) -> Place:
    def run(c: Context, a: int) -> str:
        change(c, a)
        return c.account_id(a)

    return run


fault(
    "BUS-02", "suspended for 184 days", A, _late_year, tables=_named(_suspended((200, 17))), effects="BUS-06"
)
fault(
    "BUS-02",
    "suspended for 192 days in three times",
    A,
    _late_year,
    tables=_named(_suspended((229, 150), (140, 80), (70, 20))),
    effects="BUS-06",
)
fault(
    "BUS-02",
    "overlapping suspensions of 200 days",
    A,
    _late_year,
    tables=_named(_suspended((220, 100), (140, 21))),
    effects="BUS-06",
)

fault("BUS-03", "14 days", "capacity_change", k.low, tables=_suspended((60, 47)), effects="BUS-06")
fault("BUS-03", "one day", "capacity_change", k.low, tables=_suspended((90, 90)), effects="BUS-06")
fault(
    "BUS-03",
    "ten days, 11 months ago",
    "capacity_change",
    k.low,
    tables=_suspended((330, 321)),
    effects="BUS-06",
)


def _partly_in_p(first: int, last: int) -> Place:
    def change(c: Context, a: int) -> str:
        end = k.p_day(c, last) if last else None
        return k.add_change(c, a, "suspend", float(round(c.model.kva[a] * 0.3)), k.p_day(c, first), end)

    return change


def _by_demand(c: Context) -> Mask:
    return k.by_basis(2)(c) | k.by_basis(3)(c)


fault(
    "BUS-04", "the whole month", "capacity_change", _by_demand, tables=_partly_in_p(-20, 0), effects="BUS-06"
)
fault(
    "BUS-04",
    "ends on its first day",
    "capacity_change",
    _by_demand,
    tables=_partly_in_p(-30, 1),
    effects="BUS-06",
)
fault(
    "BUS-04",
    "begins on its last days",
    "capacity_change",
    _by_demand,
    tables=_partly_in_p(25, 45),
    effects="BUS-06",
)

SHORT_REDUCTION_SINCE = day_number(dt.date(2024, 6, 1))
"""From then on 15 days of a reduction are enough, before 180 were due."""


def _before_short_reductions(c: Context) -> Mask:
    return k.low(c) & (c.cal.as_of >= SHORT_REDUCTION_SINCE)


def _old_reduction(c: Context, a: int) -> str:
    start = SHORT_REDUCTION_SINCE - 1
    return k.add_change(c, a, "reduce", 1.0, start, start + 179)


fault(
    "BUS-05",
    "14 days",
    "capacity_change",
    k.low,
    tables=_suspended((60, 46), kind="reduce"),
    effects="BUS-06",
)
fault(
    "BUS-05",
    "179 days, begun when 180 were due",
    "capacity_change",
    _before_short_reductions,
    tables=_old_reduction,
    effects="BUS-06",
)
# Two years are 730 or 731 days.
fault(
    "BUS-05",
    "732 days",
    "capacity_change",
    k.low,
    tables=_suspended((600, -132), kind="reduce"),
    effects="BUS-06",
)
fault(
    "BUS-05",
    "no end for 732 days",
    "capacity_change",
    k.low,
    tables=_suspended((732, -1), kind="reduce"),
    effects="BUS-06",
)


def _after(first_kind: str, first: tuple[int, int], again: str, second: tuple[int, int]) -> Place:
    def change(c: Context, a: int) -> str:
        as_of = c.cal.as_of
        k.add_change(c, a, first_kind, 1.0, as_of - first[0], None if first[1] == -1 else as_of - first[1], 7)
        return k.add_change(c, a, again, 1.0, as_of - second[0], as_of - second[1], 8)

    return change


fault(
    "BUS-06",
    "suspended after a reduction",
    "capacity_change",
    k.low,
    tables=_after("reduce", (700, 400), "suspend", (100, 60)),
)
fault(
    "BUS-06",
    "reduced after an increase",
    "capacity_change",
    k.low,
    tables=_after("increase", (500, -1), "reduce", (250, 20)),
)
fault(
    "BUS-06",
    "suspended 730 days after new supply",
    "capacity_change",
    k.low,
    tables=_after("new", (800, -1), "suspend", (70, 40)),
)


def _owing(share: float, everything: bool = False) -> Place:
    def change(c: Context, a: int) -> None:
        bills = c.t.rows("bill", "account_id", c.account_id(a))
        for bill in bills if everything else bills[-1:]:
            for row in c.t.rows("payment", "bill_id", c.t.get("bill", bill, "bill_id")):
                amount = float(c.t.get("payment", row, "amount"))
                if share >= 1:
                    c.t.drop("payment", [row])
                else:
                    c.t.set("payment", row, amount=round(amount * (1 - share), 2))

    return change


def _gone(c: Context) -> Mask:
    return (
        k.closed(c)
        & (c.model.closed > c.cal.month_start[0] + 62)
        & ~c.model.temporary
        & (c.model.payment != 3)
        & (c.model.opened < c.cal.as_of - 860)
    )


fault("BUS-07", "last bill unpaid", A, _gone, tables=_owing(1.0), effects="COL-03")
fault("BUS-07", "last bill paid in part", A, _gone, tables=_owing(0.5), effects="COL-03")
fault("BUS-07", "nothing ever paid", A, _gone, tables=_owing(1.0, True), effects="COL-03")


def _p_order(kind: str) -> Place:
    def change(c: Context, a: int) -> str:
        return open_order(
            c,
            a,
            kind,
            submitted_at=at(k.p_day(c, 9)),
            plan_replied_at=None,
            closed_at=at(k.p_day(c, 12)),
            outcome="completed",
        )

    return change


fault("BUS-08", "meter test, dual supply", O, k.dual, tables=_p_order("meter_test"), listing=True)
fault("BUS-08", "meter moved, temporary", O, k.temporary, tables=_p_order("relocate_meter"), listing=True)
fault("BUS-08", "premises moved, temporary", O, k.temporary, tables=_p_order("move_premises"), listing=True)


def _controlled_before(c: Context) -> Mask:
    return k.large(c) & (c.model.opened < CONTROL_FEE_ABOLISHED_ON)


fault("BUS-09", "no fee", A, _controlled_before, tables=_no_fee("load_control"))
fault(
    "BUS-09",
    "charged too little",
    A,
    _controlled_before,
    tables=_fee("load_control", charged_amount=0.5, paid_amount=0.5),
    effects="ACC-14",
)
fault(
    "BUS-09",
    "charged too much",
    A,
    _controlled_before,
    tables=_fee("load_control", charged_amount=1.2, paid_amount=1.2),
    effects="ACC-14",
)
fault(
    "BUS-09",
    "charged although abolished",
    A,
    k.large,
    tables=lambda c, a: k.add_fee(c, a, "load_control", 300.0, 300.0, 300.0) and None,
)


def _closed_temporary(c: Context, a: int) -> None:
    c.model.status[a] = 3
    c.model.closed[a] = int(c.cal.month_start[-3]) + 10


def _old_temporary(c: Context) -> Mask:
    return (
        k.temporary(c)
        & (c.plan.months >= 6)
        & (c.model.opened < c.cal.month_start[max(0, c.plan.months - 4)])
    )


for way, refunded, on in (
    ("nothing refunded", 0.0, "a while ago"),
    ("half refunded, charged before the abolition", 2000.0, "before"),
    ("a cent short", 3999.99, "a while ago"),
):
    fault(
        "BUS-10",
        way,
        A,
        _old_temporary,
        model=_closed_temporary,
        tables=_connection_fee(refunded, on),
    )
fault("BUS-10", "charged although abolished", A, k.low, tables=_connection_fee(), effects="ACC-13")


def _opened(days: int) -> Place:
    def change(c: Context, a: int) -> None:
        c.t.set("account", a, opened_on=k.ago(c, days))

    return change


for way, days in (("three years and a day", 1097), ("four years", 1461), ("ten years", 3653)):
    fault(
        "BUS-11",
        way,
        A,
        k.temporary,
        tables=_opened(days),
    )


def _no_loss(c: Context, a: int) -> None:
    k.drop_line(c, a, "loss_iron")
    k.drop_line(c, a, "loss_copper")
    bill = k.p_bill(c, a)
    c.t.set("bill", bill, loss_kwh=0.0, billed_kwh=float(c.t.get("bill", bill, "metered_kwh")))


LOSS = "TAR-09 TAR-20 TAR-22"
fault(
    "BUS-12", "billed without loss", A, k.hv_lv, model=lambda c, a: c.model.without_loss.add(a), effects=LOSS
)
fault("BUS-12", "loss lines taken out", A, k.hv_lv, tables=_no_loss, effects=LOSS)


def _loss_taken_back(c: Context, a: int) -> None:
    bill = k.p_bill(c, a)
    loss = float(c.t.get("bill", bill, "loss_kwh"))
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
        loss_kwh=-loss,
        billed_kwh=-loss,
        total_amount=-1.0,
        issued_at=at(c.cal.as_of, 9),
        due_on=c.t.get("bill", bill, "due_on"),
        corrects_bill_id=c.bill_id(a),
    )
    c.t.add("bill_line", bill_id=correction, line_no=1, component="adjustment", amount=-1.0)


fault("BUS-12", "loss energy corrected away", A, k.hv_lv, tables=_loss_taken_back, effects="TAR-20 COL-04")


def _used(share_of_hours: float) -> Place:
    def change(c: Context, a: int) -> None:
        point = int(c.main_at[a])
        wanted = (
            share_of_hours
            * c.model.kva[a]
            * 24
            * int(c.cal.month_days[-1])
            / c.model.points.multiplier[point]
        )
        k.set_reading(c, a, current=c.r.previous[point, -1, 0] / 100 + wanted)

    return change


ABSURD = "ANA-01 ANA-06 TAR-03 TAR-04 TAR-14 TAR-02 RSK-03 TAR-06 TAR-20"


def _flat_high(c: Context) -> Mask:
    return k.single_part(c) & ~c.model.tou() & (c.model.mode != 1)


fault("BUS-13", "a shop round the clock", A, k.com, registers=_used(1.05), effects=ABSURD)
fault("BUS-13", "a home round the clock", A, k.res, registers=_used(1.01), effects=ABSURD)
fault("BUS-13", "next to nothing at high voltage", A, _flat_high, registers=_used(0.004), effects=ABSURD)

# --- SVC ----------------------------------------------------------------------------------------------


def _back(c: Context, working_days: int, calendar_days: int) -> int:
    """The latest day, at least so many calendar days before as_of, that the working days fit behind."""
    day = c.cal.as_of - calendar_days
    while int(c.cal.add_working(np.array([day]), working_days)[0]) > c.cal.as_of:
        day -= 1
    return day


def _after_wd(c: Context, day: int, working_days: int) -> int:
    return int(c.cal.add_working(np.array([day]), working_days)[0])


def _replied(working_days: int) -> Place:
    def change(c: Context, a: int) -> str:
        submitted = _back(c, working_days, working_days + 2)
        return open_order(
            c, a, submitted_at=at(submitted), plan_replied_at=at(_after_wd(c, submitted, working_days))
        )

    return change


def _unanswered(c: Context, a: int) -> str:
    return open_order(c, a, submitted_at=at(_back(c, 4, 8)), plan_replied_at=None)


SLOW = "SVC-03 SVC-09"
fault("SVC-01", "low voltage after four days", O, k.low, tables=_replied(4), effects=SLOW)
fault("SVC-01", "high voltage after 15 days", O, k.high, tables=_replied(15), effects=SLOW)
fault("SVC-01", "two supplies after 30 days", O, k.dual, tables=_replied(30), effects="SVC-03 SVC-09 INS-05")
fault("SVC-01", "never answered", O, k.low, tables=_unanswered, effects=SLOW)


def _energized(working_days: int | None, wait: int) -> Place:
    def change(c: Context, a: int) -> str:
        inspected = _back(c, wait, wait + 3)
        energized = None if working_days is None else at(_after_wd(c, inspected, working_days))
        submitted = inspected - 9
        return open_order(
            c,
            a,
            submitted_at=at(submitted),
            plan_replied_at=at(_after_wd(c, submitted, 1)),
            inspected_at=at(inspected),
            energized_at=energized,
        )

    return change


fault("SVC-02", "low voltage after three days", O, k.low, tables=_energized(3, 3), effects="SVC-09")
fault("SVC-02", "high voltage after six days", O, k.high, tables=_energized(6, 6), effects="SVC-09")
fault("SVC-02", "still not energized", O, k.low, tables=_energized(None, 4), effects="SVC-09")


def _long(working_days: int) -> Place:
    def change(c: Context, a: int) -> str:
        submitted = _back(c, working_days + 1, working_days + 10)
        return open_order(c, a, submitted_at=at(submitted), plan_replied_at=at(_after_wd(c, submitted, 1)))

    return change


fault("SVC-03", "low voltage, 16 days", O, k.low, tables=_long(16))
fault("SVC-03", "high voltage, 81 days", O, k.high, tables=_long(81))
fault(
    "SVC-03",
    "new supply, 30 days",
    O,
    k.low,
    tables=lambda c, a: open_order(
        c, a, "new", submitted_at=at(_back(c, 30, 45)), plan_replied_at=at(_after_wd(c, _back(c, 30, 45), 1))
    ),
    effects="SVC-08",
)


def _call(kind: str, day_in_p: int | None, days_ago: int = 0, serial: int = 0, **values: Any) -> Place:
    def change(c: Context, a: int) -> str:
        call = f"SCF{int(c.model.number[a]):09d}{serial}"
        day = k.p_day(c, day_in_p) if day_in_p else c.cal.as_of - days_ago
        row: dict[str, Any] = {
            "call_id": call,
            "account_id": c.account_id(a),
            "kind": kind,
            "site": "urban",
            "opened_at": at(day, 10),
            "updated_at": at(day, 20),
        }
        for name, value in values.items():
            row[name] = (
                at(day + value[0], 10 + value[1] // 60, value[1] % 60) if isinstance(value, tuple) else value
            )
        c.t.add("service_call", **row)
        return call

    return change


for way, site, minutes in (
    ("urban, 46 minutes", "urban", 46),
    ("rural, 91 minutes", "rural", 91),
    ("remote, 121 minutes", "remote", 121),
):
    fault(
        "SVC-04",
        way,
        "service_call",
        k.low,
        tables=_call("repair", 7, site=site, arrived_at=(0, minutes), resolved_at=(0, minutes + 30)),
    )
fault("SVC-04", "never arrived", "service_call", k.low, tables=_call("repair", 9))


def _complaint(days_ago: int, working_days: int | None) -> Place:
    def change(c: Context, a: int) -> str:
        opened = _back(c, (working_days or 6), days_ago)
        resolved = None if working_days is None else at(_after_wd(c, opened, working_days))
        call = f"SCF{int(c.model.number[a]):09d}"
        c.t.add(
            "service_call",
            call_id=call,
            account_id=c.account_id(a),
            kind="complaint",
            site="urban",
            opened_at=at(opened),
            resolved_at=resolved,
            updated_at=resolved or at(opened),
        )
        return call

    return change


fault("SVC-05", "settled after six days", "service_call", k.low, tables=_complaint(20, 6), effects="SVC-06")
fault(
    "SVC-05",
    "settled after a month, long ago",
    "service_call",
    k.low,
    tables=_complaint(200, 22),
    effects="SVC-06",
)
fault("SVC-05", "never settled", "service_call", k.low, tables=_complaint(12, None), effects="SVC-06")


def _complaints(*days: int) -> Place:
    def change(c: Context, a: int) -> str:
        for serial, ago in enumerate(days):
            _call("complaint", None, ago, serial, resolved_at=(0, 200))(c, a)
        return c.account_id(a)

    return change


fault("SVC-06", "two in a week", A, k.low, tables=_complaints(10, 4))
fault("SVC-06", "two, 90 days apart from as_of", A, k.low, tables=_complaints(90, 2))
fault("SVC-06", "five", A, k.low, tables=_complaints(80, 60, 40, 20, 3))

for score in (1, 2):
    fault(
        "SVC-07",
        f"satisfaction {score}",
        "service_call",
        k.low,
        tables=_call("enquiry", 5 + score, satisfaction=score, resolved_at=(0, 20)),
        listing=True,
    )

# --- RSK ----------------------------------------------------------------------------------------------


CHANGES = ("increase", "change_tariff", "transfer_name")


def _unchanged_before(c: Context, a: int) -> None:
    """Take away what else was changed of late, whose contract would do for this change too."""
    account = c.account_id(a)
    for table in ("service_order", "capacity_change"):
        gone = [
            row for row in c.t.rows(table, "account_id", account) if c.t.get(table, row, "kind") in CHANGES
        ]
        c.t.drop(table, gone)
    recent = k.ago(c, 400)
    c.t.drop(
        "contract",
        [
            row
            for row in c.t.rows("contract", "account_id", account)
            if c.t.get("contract", row, "signed_on") >= recent
        ],
    )


def _changed(kind: str, days: int) -> Place:
    def change(c: Context, a: int) -> str:
        _unchanged_before(c, a)
        submitted = c.cal.as_of - days
        closed = _after_wd(c, submitted, 3)
        return open_order(
            c,
            a,
            kind,
            submitted_at=at(submitted),
            plan_replied_at=at(_after_wd(c, submitted, 1)),
            closed_at=at(closed),
            outcome="completed",
            updated_at=at(closed),
        )

    return change


for kind, days in (("increase", 70), ("change_tariff", 120), ("transfer_name", 300)):
    fault("RSK-01", f"{kind} without a contract", O, k.low, tables=_changed(kind, days))


def _expiring(days: int) -> Place:
    def change(c: Context, a: int) -> None:
        for row in c.t.rows("contract", "account_id", c.account_id(a)):
            c.t.set("contract", row, expires_on=day_of(c.cal.as_of + days))

    return change


for days in (0, 30, 60):
    fault("RSK-02", f"expires in {days} days", A, k.low, tables=_expiring(days), listing=True)


def _exposed(months: int, share: float = 1.0) -> Place:
    def change(c: Context, a: int) -> None:
        for month in range(1, months + 1):
            for row in c.t.rows("payment", "bill_id", c.bill_id(a, -month)):
                amount = float(c.t.get("payment", row, "amount"))
                if share >= 1:
                    c.t.drop("payment", [row])
                else:
                    c.t.set("payment", row, amount=round(amount * (1 - share), 2))

    return change


def _owing_large(c: Context) -> Mask:
    return k.high(c) & (c.model.kva >= 315) & (c.plan.months >= 4)


fault("RSK-03", "two months unpaid", A, _owing_large, tables=_exposed(2), effects="COL-03 RSK-04")
fault("RSK-03", "three months unpaid", A, _owing_large, tables=_exposed(3), effects="COL-03 RSK-04")
fault(
    "RSK-03", "most of three months unpaid", A, _owing_large, tables=_exposed(3, 0.8), effects="COL-03 RSK-04"
)


def _at_the_counter(mask: Candidates) -> Candidates:
    """Accounts that pay by hand and have a year of bills to leave unpaid."""
    return lambda c: mask(c) & (c.model.payment == COUNTER) & (c.plan.months >= 13)


UNPAID = "COL-03 RSK-03"
for way, who, months, part in (
    ("nothing paid for a year", k.res, 12, 1.0),
    ("nothing paid for three quarters of a year", k.com, 9, 1.0),
    ("hardly anything paid for ten months", k.agr, 10, 0.9),
):
    fault("RSK-04", way, A, _at_the_counter(who), tables=_exposed(months, part), effects=UNPAID)


def _on_credit(c: Context, a: int) -> None:
    from wattmark_sample.grid import load_grid

    c.model.profile[a] = load_grid().profiles.index("G3-A")
    c.model.kw[a] = 40.0
    c.model.kva[a] = 63.0
    c.model.payment[a] = ONLINE
    point = int(c.main_at[a])
    c.model.points.max_current_a[point] = 100.0


def _on_site(c: Context) -> Mask:
    return (
        k.temporary(c)
        & (c.model.supply_kv > 0.3)
        & (c.model.mode == LV_LV)
        & (c.model.kva >= 10)
        & (c.model.kva < 100)
        & ~c.model.tou()
    )


for way in ("a building site", "a fair", "a road works camp"):
    fault("RSK-05", way, A, _on_site, model=_on_credit, effects="ANA-06 NET-05")
