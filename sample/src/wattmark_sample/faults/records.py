"""Faults of customer files, inspection records and metering records: ARC, INS and MET."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from wattmark_sample.faults import common as k
from wattmark_sample.faults.common import add_event, set_account, set_customer
from wattmark_sample.faults.editor import at
from wattmark_sample.faults.registry import Candidates, Context, Mask, Place, fault
from wattmark_sample.measure import true_multiplier
from wattmark_sample.model import CT_PRIMARY, HV_LV, next_size
from wattmark_sample.plan import day_number, day_of

A = "account"
C = "customer"
MP = "metering_point"

# --- ARC ------------------------------------------------------------------------------------------

fault("ARC-01", "no address", A, k.res, tables=set_account(service_address=" "))
fault("ARC-01", "no reading area", A, k.com, tables=set_account(reading_area_id=None))
fault("ARC-01", "no metering voltage", A, k.agr, tables=set_account(metering_kv=None))
fault("ARC-01", "no identity number", A, k.res, tables=set_customer(id_number=None))
fault("ARC-01", "no telephone", A, k.com, tables=set_customer(mobile=None, phone="  "))
fault("ARC-01", "no tariff", A, k.agr, tables=set_account(tariff_code=None))


def _category(tariff: str) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.tariff[a] = k.tariff_number(tariff)

    return change


fault("ARC-02", "a shop on the industrial tariff", A, k.com, model=_category("IND-LV"))
fault("ARC-02", "a pump on the commercial tariff", A, k.agr, model=_category("COM-LV"))
fault(
    "ARC-02", "a workshop on the agricultural tariff", A, k.gen, model=_category("AGR-LV"), effects="ANA-09"
)
fault("ARC-02", "a home on the commercial tariff", A, k.res, model=_category("COM-LV"))

BAND = "TAR-02 ANA-03 ACC-08 ACC-15 ACC-16 ACC-18 MET-06 MET-09 BUS-13 TAR-12 TAR-22 ANA-06 ACC-02 RSK-03"


def _single_phase(c: Context) -> Mask:
    return k.res(c) & (c.model.supply_kv < 0.3)


def _three_phase(c: Context) -> Mask:
    return k.low(c) & (c.model.supply_kv > 0.3) & (c.model.kva < 100)


def _kva(value: float) -> Place:
    return set_account(contracted_kva=value, running_kva=value)


fault("ARC-03", "above the single-phase band", A, _single_phase, tables=_kva(20.0), effects=BAND)
fault("ARC-03", "above the low-voltage band", A, _three_phase, tables=_kva(160.5), effects=BAND)
fault("ARC-03", "below the 10 kV band", A, k.single_part, tables=_kva(29.9), effects=BAND)

fault("ARC-04", "a home with an industry", A, k.res, tables=set_account(industry_code="H62"))
fault("ARC-04", "a shop in mining", A, k.com, tables=set_account(industry_code="B06"))
fault("ARC-04", "a pump in trade", A, k.agr, tables=set_account(industry_code="F51"))


def _identity(change: Any) -> Place:
    def edit(c: Context, a: int) -> None:
        row = c.t.one("customer", "customer_id", c.customer_id(a))
        c.t.set("customer", row, id_number=change(str(c.t.get("customer", row, "id_number"))))

    return edit


def _next_check(value: str) -> str:
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def _impossible_birthday(value: str) -> str:
    body = value[:10] + "0230" + value[14:17]
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return (
        body
        + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]
    )


def _organisation(c: Context) -> Mask:
    return k.plain(c) & c.model.is_org


fault("ARC-05", "wrong check digit", C, k.res, tables=_identity(_next_check))
fault("ARC-05", "too short", C, k.res, tables=_identity(lambda value: value[:15]))
fault("ARC-05", "born on 30 February", C, k.res, tables=_identity(_impossible_birthday))
fault("ARC-05", "credit code with a wrong check", C, _organisation, tables=_identity(_next_check))


def _twin(change: Any) -> Place:
    def edit(c: Context, a: int) -> list[str]:
        row = c.t.one("customer", "customer_id", c.customer_id(a))
        columns = (
            "name",
            "kind",
            "id_number",
            "contact_name",
            "postal_address",
            "region_code",
            "registered_on",
            "verified_on",
            "updated_at",
        )
        values = {name: c.t.get("customer", row, name) for name in columns}
        twin = f"CF{int(c.model.number[a]):09d}"
        c.t.add("customer", customer_id=twin, **{**values, "id_number": change(str(values["id_number"]))})
        return [c.customer_id(a), twin]

    return edit


fault("ARC-06", "filed twice", C, k.res, tables=_twin(lambda value: value))
fault(
    "ARC-06",
    "filed again with a blank",
    C,
    k.com,
    tables=_twin(lambda value: value[:6] + " " + value[6:]),
    effects="ARC-05",
)
fault(
    "ARC-06",
    "filed again in small letters",
    C,
    _organisation,
    tables=_twin(lambda value: value.lower()),
    effects="ARC-05",
)


def _shared_mobile(write: Any) -> Place:
    def edit(c: Context, a: int) -> list[str]:
        row = c.t.one("customer", "customer_id", c.customer_id(a))
        mobile = str(c.t.get("customer", row, "mobile"))
        found = [c.customer_id(a)]
        for serial in range(5):
            twin = f"CM{int(c.model.number[a]):09d}{serial}"
            c.t.add(
                "customer",
                customer_id=twin,
                name=f"代缴户{serial}",
                kind="person",
                mobile=write(mobile, serial),
                registered_on=k.ago(c, 500),
                verified_on=k.ago(c, 100),
                updated_at=at(c.cal.as_of - 100),
            )
            found.append(twin)
        return found

    return edit


fault("ARC-07", "six customers, written alike", C, k.res, tables=_shared_mobile(lambda mobile, _: mobile))
fault(
    "ARC-07",
    "with and without the country",
    C,
    k.res,
    tables=_shared_mobile(lambda mobile, n: "+86" + mobile if n % 2 else mobile),
)
fault(
    "ARC-07",
    "with blanks and hyphens",
    C,
    k.com,
    tables=_shared_mobile(lambda mobile, n: f"{mobile[:3]}-{mobile[3:7]} {mobile[7:]}" if n else mobile),
)


def _renamed(change: Any) -> Place:
    def edit(c: Context, a: int) -> None:
        c.t.set("account", a, account_name=change(str(c.t.get("account", a, "account_name"))))

    return edit


fault("ARC-08", "another person's name", A, k.res, tables=_renamed(lambda _: "欧阳明月"))
fault("ARC-08", "a word more", A, k.agr, tables=_renamed(lambda name: name + "家"))
fault("ARC-08", "one character left out", A, _organisation, tables=_renamed(lambda name: name[1:]))

fault("ARC-09", "never verified", C, k.res, tables=set_customer(verified_on=None), listing=True)
fault(
    "ARC-09",
    "731 days ago",
    C,
    k.com,
    tables=lambda c, a: set_customer(verified_on=k.ago(c, 731))(c, a),
    listing=True,
)
fault(
    "ARC-09",
    "ten years ago",
    C,
    k.agr,
    tables=lambda c, a: set_customer(verified_on=k.ago(c, 3652))(c, a),
    listing=True,
)

# --- INS --------------------------------------------------------------------------------------------


def _contract_demand(share: float) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.contract_demand[a] = np.nan if share < 0 else round(c.model.kva[a] * share)

    return change


by_contract = k.by_basis(2)
fault("INS-01", "below two fifths", A, by_contract, model=_contract_demand(0.38), effects="RSK-03")
fault("INS-01", "above the capacity", A, by_contract, model=_contract_demand(1.05))
fault("INS-01", "not given", A, by_contract, model=_contract_demand(-1), effects="TAR-20 TAR-22")


def _demand_line(c: Context, a: int) -> None:
    k.add_line(c, a, "demand", 480.0, quantity=10.0, unit_price=48.0)


for way, who in (
    ("single-part high voltage", k.single_part),
    ("pays by capacity", k.by_basis(1)),
    ("low voltage", k.com),
):
    fault("INS-02", way, A, who, tables=_demand_line, effects="TAR-20 TAR-22 TAR-04")


def _area_transformer(**values: Any) -> Place:
    def change(c: Context, area: int) -> None:
        c.t.set("transformer", area, **values)

    return change


for name in ("model", "rated_kva", "loss_code", "commissioned_on"):
    fault(
        "INS-03",
        f"no {name}",
        "transformer",
        k.any_area,
        tables=_area_transformer(**{name: None}),
        unit="area",
    )


def _stray_transformer(c: Context, area: int) -> str:
    values = {
        name: c.t.get("transformer", area, name)
        for name in (
            "line_id",
            "org_unit_id",
            "model",
            "rated_kva",
            "loss_code",
            "commissioned_on",
            "updated_at",
        )
    }
    stray = f"TF{int(c.model.block.area_number[area]):09d}"
    c.t.add("transformer", transformer_id=stray, ownership="dedicated", **values)
    return stray


fault("INS-03", "dedicated to nobody", "transformer", k.any_area, tables=_stray_transformer, unit="area")


def _equipment(kind: str, **values: Any) -> Place:
    def change(c: Context, a: int) -> None:
        row = {"rated_kva": 50.0, "phases": 3, "operating_mode": "standby", "tested_on": k.ago(c, 100)}
        c.t.add(
            "customer_equipment",
            equipment_id=f"EQF{int(c.model.number[a]):09d}",
            account_id=c.account_id(a),
            kind=kind,
            **{**row, **values},
        )

    return change


fault("INS-04", "generator without a size", A, k.com, tables=_equipment("generator", rated_kva=None))
fault("INS-04", "capacitor never tested", A, k.high, tables=_equipment("capacitor", tested_on=None))
fault("INS-04", "breaker never tested", A, k.high, tables=_equipment("breaker", tested_on=None))
fault(
    "INS-04",
    "self-generation without a generator",
    A,
    k.com,
    tables=set_account(has_self_generation=True),
    effects="INS-05",
)

fault(
    "INS-05",
    "self-generation",
    A,
    k.high,
    tables=lambda c, a: (_equipment("generator")(c, a), set_account(has_self_generation=True)(c, a), None)[
        -1
    ],
    listing=True,
)


def _contracts(**values: Any) -> Place:
    def change(c: Context, a: int) -> None:
        for row in c.t.rows("contract", "account_id", c.account_id(a)):
            c.t.set(
                "contract",
                row,
                **{name: (value(c) if callable(value) else value) for name, value in values.items()},
            )

    return change


def _renewed_and_expired(c: Context, a: int) -> None:
    _contracts(expires_on=lambda c: k.ago(c, 400))(c, a)
    c.t.add(
        "contract",
        contract_id=f"KF{int(c.model.number[a]):09d}",
        account_id=c.account_id(a),
        signed_on=k.ago(c, 399),
        effective_from=k.ago(c, 399),
        expires_on=k.ago(c, 30),
        entered_on=k.ago(c, 398),
        archived_on=k.ago(c, 397),
    )


fault("INS-06", "expired yesterday", A, k.com, tables=_contracts(expires_on=lambda c: k.ago(c, 1)))
fault("INS-06", "expired years ago", A, k.high, tables=_contracts(expires_on=lambda c: k.ago(c, 1000)))
fault("INS-06", "the renewal expired too", A, k.agr, tables=_renewed_and_expired)


def _no_contract(c: Context, a: int) -> None:
    c.t.drop("contract", c.t.rows("contract", "account_id", c.account_id(a)))


def _new_without(c: Context, a: int) -> None:
    _no_contract(c, a)
    c.t.set("account", a, opened_on=k.ago(c, 31))


def _settled(c: Context) -> Mask:
    return k.low(c) & (c.plan.months >= 2)


fault("INS-07", "no contract", A, k.res, tables=_no_contract)
fault(
    "INS-07",
    "contract not signed",
    A,
    k.com,
    tables=_contracts(signed_on=None, entered_on=None, archived_on=None),
)
fault("INS-07", "opened 31 days ago", A, _settled, tables=_new_without, effects="TAR-11 MET-15")


def _unfiled(**values: Any) -> Place:
    def change(c: Context, a: int) -> str:
        row = c.t.one("contract", "account_id", c.account_id(a))
        c.t.set("contract", row, **values)
        return str(c.t.get("contract", row, "contract_id"))

    return change


def _unfiled_lately(c: Context, a: int) -> str:
    contract = f"KF{int(c.model.number[a]):09d}"
    c.t.add(
        "contract",
        contract_id=contract,
        account_id=c.account_id(a),
        signed_on=k.ago(c, 31),
        effective_from=k.ago(c, 31),
        expires_on=k.ago(c, -700),
    )
    return contract


fault("INS-08", "not entered", "contract", k.res, tables=_unfiled(entered_on=None))
fault("INS-08", "not archived", "contract", k.com, tables=_unfiled(archived_on=None))
fault("INS-08", "neither for 31 days", "contract", k.agr, tables=_unfiled_lately)


def _no_inspection(c: Context, a: int) -> None:
    c.t.drop("inspection", c.t.rows("inspection", "account_id", c.account_id(a)))


def _last_inspected(days: int) -> Place:
    def change(c: Context, a: int) -> None:
        _no_inspection(c, a)
        day = c.cal.as_of - days
        c.t.add(
            "inspection",
            inspection_id=f"IF{int(c.model.number[a]):09d}",
            account_id=c.account_id(a),
            planned_on=day_of(day),
            performed_on=day_of(day),
            recorded_at=at(day, 16),
            result="normal",
        )

    return change


def _missed(c: Context, a: int) -> None:
    c.t.add(
        "inspection",
        inspection_id=f"IF{int(c.model.number[a]):09d}",
        account_id=c.account_id(a),
        planned_on=k.ago(c, 1),
    )


def _at_35(c: Context) -> Mask:
    return k.high(c) & (c.model.supply_kv >= 35)


fault("INS-09", "10 kV, 13 months ago", A, k.high_org, tables=_last_inspected(400))
fault("INS-09", "35 kV, seven months ago", A, _at_35, tables=_last_inspected(215))
fault("INS-09", "planned for yesterday, not done", A, k.low, tables=_missed)
fault("INS-09", "never inspected", A, k.high_org, tables=_no_inspection)


def _recorded(later: int | None) -> Place:
    def change(c: Context, a: int) -> str:
        inspection = f"IF{int(c.model.number[a]):09d}"
        day = k.p_day(c, 11)
        c.t.add(
            "inspection",
            inspection_id=inspection,
            account_id=c.account_id(a),
            planned_on=day_of(day),
            performed_on=day_of(day),
            recorded_at=None if later is None else at(day + later, 0, 5),
            result="normal",
        )
        return inspection

    return change


fault("INS-10", "recorded after midnight", "inspection", k.low, tables=_recorded(1))
fault("INS-10", "recorded a week later", "inspection", k.low, tables=_recorded(7))
fault("INS-10", "not recorded", "inspection", k.low, tables=_recorded(None))


def _licence(days: int | None) -> Place:
    def change(c: Context, a: int) -> None:
        for row in c.t.rows("electrician", "account_id", c.account_id(a)):
            c.t.set("electrician", row, licence_expires_on=None if days is None else k.ago(c, days))

    return change


def _no_electrician(c: Context, a: int) -> None:
    c.t.drop("electrician", c.t.rows("electrician", "account_id", c.account_id(a)))


fault("INS-11", "licence expired yesterday", A, k.high, tables=_licence(1))
fault("INS-11", "no date of expiry", A, k.high, tables=_licence(None))
fault("INS-11", "no electrician", A, k.high, tables=_no_electrician)

for name in ("rated_kva", "phases", "operating_mode"):
    fault("INS-12", f"no {name}", A, k.high, tables=_equipment("harmonic_source", **{name: None}))


PENALTY_CEILING_SINCE = day_number(dt.date(2024, 6, 1))
"""The day from which a penalty of three times what is recovered is the most that may be asked."""


def _case(found: int, **values: Any) -> Place:
    def change(c: Context, a: int) -> str:
        case = f"VF{int(c.model.number[a]):09d}"
        row: dict[str, Any] = {
            "kind": "theft",
            "notice_issued_on": k.ago(c, found - 1),
            "approved_on": k.ago(c, found - 2),
            "recovered_kwh": 1000.0,
            "recovered_amount": 700.0,
            "penalty_amount": 2100.0,
            "closed_on": k.ago(c, found - 9),
        }
        c.t.add(
            "violation_case",
            violation_id=case,
            account_id=c.account_id(a),
            found_on=k.ago(c, found),
            **{**row, **values},
        )
        return case

    return change


fault("INS-13", "open for 31 days", "violation", k.low, tables=_case(31, closed_on=None))
fault("INS-13", "no notice", "violation", k.low, tables=_case(80, kind="breach", notice_issued_on=None))
fault("INS-13", "not approved", "violation", k.low, tables=_case(80, approved_on=None))
fault("INS-13", "penalty above the ceiling", "violation", k.low, tables=_case(50, penalty_amount=2800.0))


def _before_the_ceiling(c: Context) -> Mask:
    return k.low(c) & (c.cal.as_of >= PENALTY_CEILING_SINCE)


def _small_penalty(c: Context, a: int) -> str:
    days = c.cal.as_of - PENALTY_CEILING_SINCE + 1
    return str(_case(days, penalty_amount=1400.0)(c, a))


fault(
    "INS-13",
    "penalty too small, found while it was due in full",
    "violation",
    _before_the_ceiling,
    tables=_small_penalty,
)
fault("INS-13", "recovered energy not given", "violation", k.low, tables=_case(20, recovered_kwh=None))

# --- MET ----------------------------------------------------------------------------------------------


def _main_row(c: Context, a: int) -> int:
    return c.t.one("metering_point", "metering_point_id", c.point_id(a))


def _meter_row(c: Context, a: int) -> int:
    return c.t.one("meter", "metering_point_id", c.point_id(a), status="in_use")


def _point(**values: Any) -> Place:
    def change(c: Context, a: int) -> None:
        c.t.set("metering_point", _main_row(c, a), **values)

    return change


def _meter(**values: Any) -> Place:
    def change(c: Context, a: int) -> str:
        row = _meter_row(c, a)
        c.t.set(
            "meter", row, **{name: (value(c) if callable(value) else value) for name, value in values.items()}
        )
        return str(c.t.get("meter", row, "meter_id"))

    return change


def _at_point(change: Any) -> Place:
    def run(c: Context, a: int) -> str:
        change(c, a)
        return c.point_id(a)

    return run


def _elsewhere(c: Context, a: int) -> None:
    other = next(point for point in c.points if point != c.point_id(a))
    c.t.set("meter", _meter_row(c, a), metering_point_id=other)


UNKNOWN = "TAR-02 TAR-06 TAR-20"
fault("MET-01", "no meter in the file", MP, k.res, tables=_at_point(_point(meter_id=None)), effects=UNKNOWN)
fault("MET-01", "unknown meter", MP, k.com, tables=_at_point(_point(meter_id="M-unknown")), effects=UNKNOWN)
fault("MET-01", "meter filed at another point", MP, k.agr, tables=_at_point(_elsewhere), effects=UNKNOWN)
fault(
    "MET-01", "meter filed as removed", MP, k.res, tables=_at_point(_meter(status="removed")), effects=UNKNOWN
)

for name in (
    "model",
    "phases",
    "rated_current_a",
    "accuracy_class",
    "digits",
    "manufactured_on",
    "calibrated_on",
):
    fault("MET-02", f"no {name}", "meter", k.res, tables=_meter(**{name: None}), effects=UNKNOWN)


def _multiplier(factor: float) -> Place:
    def change(c: Context, a: int) -> None:
        c.model.points.multiplier[int(c.main_at[a])] *= factor

    return change


WRONG = "ANA-01 ANA-06 NET-01 NET-02 BUS-13 TAR-02 RSK-03 TAR-18 MET-05"


def _second_ct(c: Context, a: int) -> None:
    row = c.t.one("instrument_transformer", "metering_point_id", c.point_id(a), kind="ct")
    c.t.add(
        "instrument_transformer",
        it_id=f"ITF{int(c.model.number[a]):09d}",
        metering_point_id=c.point_id(a),
        kind="ct",
        primary_value=float(c.t.get("instrument_transformer", row, "primary_value")) * 2,
        secondary_value=5.0,
    )


def _without_ct(c: Context, a: int) -> None:
    c.model.points.multiplier[int(c.main_at[a])] = 20.0


fault("MET-03", "billed at half the ratio", MP, k.with_ct, model=_multiplier(0.5), effects=WRONG)
fault("MET-03", "billed at a ratio of the next size", MP, k.with_ct, model=_multiplier(1.5), effects=WRONG)
fault(
    "MET-03",
    "billed with a ratio, none in front",
    MP,
    lambda c: k.com(c) & ~k.with_ct(c),
    model=_without_ct,
    effects=WRONG + " TAR-14",
)
fault(
    "MET-03", "transformers of one kind disagree", MP, k.with_ct, tables=_second_ct, effects="ACC-15 MET-06"
)


def _area_multiplier(c: Context, area: int) -> str:
    point = int(c.area_at[area])
    c.t.set("metering_point", point, multiplier=float(c.t.get("metering_point", point, "multiplier")) * 2)
    return c.points[point]


fault(
    "MET-03",
    "area point at twice the ratio",
    MP,
    k.any_area,
    tables=_area_multiplier,
    unit="area",
    effects="ANA-01 NET-01 NET-02",
)


def _fault_event(
    reported: int, cleared: int | None, kind: str = "fault_cleared", adjusted: int | None = None
) -> Place:
    def change(c: Context, a: int) -> None:
        add_event(c, a, "fault_reported", at(c.cal.as_of - reported, 9), 1)
        if cleared is not None:
            add_event(
                c,
                a,
                kind,
                at(c.cal.as_of - cleared, 12),
                2,
                **({"register": "active_total"} if kind == "replace" else {}),
            )
        if adjusted is not None:
            add_event(c, a, "adjusted", at(c.cal.as_of - adjusted, 12), 3, adjusted_kwh=-12.0)

    return change


fault("MET-04", "reported nine days ago", MP, k.res, tables=_fault_event(9, None))
fault("MET-04", "cleared after eight days", MP, k.com, tables=_fault_event(40, 32), effects="MET-10")
fault("MET-04", "cleared three hours too late", MP, k.agr, tables=_fault_event(30, 23))

for way, who in (("low voltage", k.com), ("high voltage", k.high), ("home", k.res)):
    fault(
        "MET-05",
        way,
        MP,
        who,
        tables=lambda c, a: add_event(
            c, a, "multiplier_changed", at(k.p_day(c, 10)), old_value=1.0, new_value=1.0
        ),
        listing=True,
    )


def _scaled_ct(low: float, high: float) -> Place:
    def change(c: Context, a: int) -> None:
        m = c.model
        amps = m.kva[a] / (np.sqrt(3) * m.metering_kv[a])
        sizes = CT_PRIMARY[(amps * low <= CT_PRIMARY) & (amps * high >= CT_PRIMARY)]
        k.resize_ct(c, a, float(sizes[0]) if len(sizes) else float(round(amps * (low + high) / 2, 1)))

    return change


fault("MET-06", "below nine tenths", MP, k.hv_hv, model=_scaled_ct(0.4, 0.88), effects="ACC-15")
fault("MET-06", "above three times", MP, k.hv_hv, model=_scaled_ct(3.05, 6.5), effects="ACC-15")
fault("MET-06", "metered low, too large", MP, k.hv_lv, model=_scaled_ct(3.05, 6.5), effects="ACC-15")


def _area_meter() -> Place:
    def change(c: Context, area: int) -> str:
        row = c.t.one("meter", "metering_point_id", c.points[int(c.area_at[area])], status="in_use")
        c.t.set("meter", row, model_retired=True)
        return str(c.t.get("meter", row, "meter_id"))

    return change


fault("MET-07", "home", "meter", k.res, tables=_meter(model_retired=True))
fault("MET-07", "high voltage", "meter", k.high, tables=_meter(model_retired=True))
fault("MET-07", "area", "meter", k.any_area, tables=_area_meter(), unit="area")

eight_years = {"calibrated_on": lambda c: k.ago(c, 8 * 365 + 4), "manufactured_on": lambda c: k.ago(c, 3300)}
fault("MET-08", "class 2, eight years", "meter", k.res, tables=_meter(**eight_years))
fault(
    "MET-08",
    "class 1, eight years",
    "meter",
    lambda c: k.com(c) & (c.model.supply_kv > 0.3),
    tables=_meter(**eight_years),
)
fault(
    "MET-08",
    "class 0.5S, six years",
    "meter",
    k.hv_hv,
    tables=_meter(calibrated_on=lambda c: k.ago(c, 6 * 365 + 5)),
)
fault(
    "MET-08",
    "class of no list, nine years",
    "meter",
    k.agr,
    tables=_meter(
        accuracy_class="3", calibrated_on=lambda c: k.ago(c, 3300), manufactured_on=lambda c: k.ago(c, 3400)
    ),
)


def _unchecked(days: int | None) -> Place:
    def change(c: Context, a: int) -> None:
        c.t.drop(
            "metering_event",
            c.t.rows("metering_event", "metering_point_id", c.point_id(a), kind="field_checked"),
        )
        if days is not None:
            add_event(c, a, "field_checked", at(c.cal.as_of - days))

    return change


def _sized(least: float, most: float) -> Candidates:
    return lambda c: k.high(c) & (c.model.kva >= least) & (c.model.kva < most)


fault("MET-09", "315 kVA, 25 months", MP, _sized(315, 2000), tables=_unchecked(765))
fault("MET-09", "2,000 kVA, 13 months", MP, _sized(2000, 10000), tables=_unchecked(400))
fault("MET-09", "never checked", MP, _sized(315, 1e9), tables=_unchecked(None))
fault("MET-09", "10,000 kVA, seven months", MP, _sized(10000, 1e9), tables=_unchecked(215))

fault("MET-10", "cleared 61 days ago", MP, k.res, tables=_fault_event(65, 61))
fault("MET-10", "adjusted before the report only", MP, k.com, tables=_fault_event(90, 86, adjusted=95))
fault("MET-10", "cleared a year ago", MP, k.agr, tables=_fault_event(370, 366))


def _low_side(c: Context, a: int) -> None:
    m = c.model
    m.mode[a] = HV_LV
    m.metering_kv[a] = 0.38
    point = int(c.main_at[a])
    m.points.vt_primary[point] = 0.0
    m.points.ct_primary[point] = float(next_size(CT_PRIMARY, np.array([m.kva[a] / (np.sqrt(3) * 0.38)]))[0])
    m.points.multiplier[point] = true_multiplier(m)[point]


def _big_high(low: float, high: float) -> Candidates:
    return lambda c: k.hv_hv(c) & (c.model.kva >= low) & (c.model.kva < high)


fault("MET-11", "500 kVA", A, _big_high(500, 630), model=_low_side, effects="MET-06 ACC-15")
fault("MET-11", "630 kVA", A, _big_high(630, 801), model=_low_side, effects="MET-06 ACC-15")
fault("MET-11", "1,000 kVA and up", A, _big_high(1000, 1601), model=_low_side, effects="MET-06 ACC-15")


def _loss_code(**parts: Any) -> Place:
    def change(c: Context, area: int) -> None:
        model = str(c.t.get("transformer", area, "model"))
        kva = int(c.t.get("transformer", area, "rated_kva"))
        other_model = "S13-M" if model == "S11-M" else "S11-M"
        wrong = {
            "model": f"{other_model}-{kva}",
            "size": f"{model}-{315 if kva != 315 else 400}",
            "both": f"{other_model}-100",
        }
        c.t.set("transformer", area, loss_code=wrong[parts["way"]])

    return change


for way in ("model", "size", "both"):
    fault(
        "MET-12",
        f"code of another {way}" if way != "both" else "code of another model and size",
        "transformer",
        k.any_area,
        tables=_loss_code(way=way),
        unit="area",
    )


def _swing(factor: float) -> Place:
    """A plan of its own for a _county, whose last month swings."""

    def change(c: Context, area: int) -> str:
        unit = f"ORG-D{int(c.model.block.replica) * 4 + area % 4:06d}"
        for month in range(1, 8):
            if month > c.plan.months:
                break
            count = round(100 * factor) if month == 1 else 98 + month % 3
            c.t.add(
                "meter_plan",
                org_unit_id=unit,
                month=c.cal.months[-month],
                model=f"DDZY71-{int(c.model.block.area_number[area])}",
                planned_count=count,
            )
        return unit

    return change


def _long_enough(c: Context) -> Mask:
    return k.any_area(c) & (c.plan.months >= 5)


def _county(number: int) -> Candidates:
    return lambda c: _long_enough(c) & (np.arange(len(c.model.block.area_number)) % 4 == number)


fault("MET-13", "more than half up", "org_unit", _county(0), tables=_swing(1.6), unit="area")
fault("MET-13", "three times as many", "org_unit", _county(1), tables=_swing(3.0), unit="area")
fault("MET-13", "less than half", "org_unit", _county(2), tables=_swing(0.3), unit="area")


def _replaced_now(c: Context) -> Mask:
    """Accounts on a flat tariff that qualify for a replacement in the audited month."""
    return k.low(c) & (c.plan.months >= 3)


def _replace_in_p(c: Context, a: int) -> None:
    point = int(c.main_at[a])
    c.model.points.replaced_in[point] = c.plan.months - 1
    c.model.points.replaced_on[point] = k.p_day(c, 14)


def _replace_event(c: Context, a: int) -> int:
    return c.t.one(
        "metering_event", "metering_point_id", c.point_id(a), kind="replace", register="active_total"
    )


def _low_removed(c: Context, a: int) -> None:
    row = _replace_event(c, a)
    reading = c.t.one(
        "register_reading",
        "metering_point_id",
        c.point_id(a),
        period=c.cal.months[-1],
        register="active_total",
    )
    c.t.set(
        "metering_event", row, old_value=float(c.t.get("register_reading", reading, "previous_value")) - 1.0
    )


def _high_first(c: Context, a: int) -> None:
    row = _replace_event(c, a)
    reading = c.t.one(
        "register_reading",
        "metering_point_id",
        c.point_id(a),
        period=c.cal.months[-1],
        register="active_total",
    )
    c.t.set(
        "metering_event", row, new_value=float(c.t.get("register_reading", reading, "current_value")) + 0.6
    )


def _low_remove_event(c: Context, a: int) -> None:
    reading = c.t.one(
        "register_reading",
        "metering_point_id",
        c.point_id(a),
        period=c.cal.months[-1],
        register="active_total",
    )
    low = float(c.t.get("register_reading", reading, "previous_value")) - 2.0
    add_event(c, a, "remove", at(k.p_day(c, 12)), old_value=max(0.0, low))


SERIES = "TAR-06 TAR-20 TAR-22 ANA-01"
fault(
    "MET-14",
    "removed standing below the last reading",
    MP,
    _replaced_now,
    model=_replace_in_p,
    tables=_low_removed,
    effects=SERIES,
)
fault(
    "MET-14",
    "first reading below the new meter's start",
    MP,
    _replaced_now,
    model=_replace_in_p,
    tables=_high_first,
    effects=SERIES,
)
fault("MET-14", "removed and its standing too low", MP, k.low, tables=_low_remove_event, effects=SERIES)
