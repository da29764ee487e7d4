"""The contract's tables of one block, from its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattmark_sample import people
from wattmark_sample.columns import EMPTY_INSTANT, contract_table, instant
from wattmark_sample.growth import added_kva
from wattmark_sample.losses import TRANSFORMER_MODELS, copper_rate, iron_kwh_per_day, loss_codes
from wattmark_sample.measure import Meters, Registers
from wattmark_sample.model import (
    AREA,
    BASES,
    CATEGORIES,
    CHECK,
    CLOSED,
    COM,
    COUNTER,
    DEBIT,
    GEN,
    HV_LV,
    LAR,
    LINE,
    MAIN,
    MODES,
    NEVER,
    ONLINE,
    PAYMENT_METHODS,
    PENDING,
    PREPAID,
    REGISTERS,
    RES,
    ROLES,
    STATUS,
    SUB,
    SUSPENDED,
    TWO_PART_FROM_KVA,
    TWO_PART_SINCE,
    Model,
)
from wattmark_sample.organisation import org_of_feeder, staff_of
from wattmark_sample.people import Text, ident, join, number_text, take
from wattmark_sample.plan import (
    CONNECTION_FEE_ABOLISHED_ON,
    CONTROL_FEE_ABOLISHED_ON,
    Floats,
    Ints,
    SamplePlan,
    day_of,
)
from wattmark_sample.tariffs import (
    COMPONENTS,
    LINE_COMPONENTS,
    POWER_FACTOR_LINE,
    RISE_DAY,
    TARIFFS,
    Charges,
    Usage,
    charge,
)

Tables = dict[str, pa.Table]

METER_MODELS = ("DDZY71", "DTZY341", "DTZY1296", "DSZ331")
BANKS = ("中国工商银行杭州分行", "中国建设银行宁波分行", "中国农业银行浙江分行", "招商银行杭州分行")


LATE_SHARE = 0.5
"""Share of a year's bills paid late from which an account is a late payer."""
TOPICS = ("服务态度", "停电报修", "电费电价", "用电建议", "服务表扬")
"""What a call is about, by its kind."""


class BlockTables:
    """Builds every table of a block that has accounts in it."""

    def __init__(self, plan: SamplePlan, model: Model, meters: Meters, standing: Registers) -> None:
        """Take a block that is measured and read."""
        self.plan, self.model, self.meters, self.standing = plan, model, meters, standing
        self.cal = plan.calendar
        self.rng = plan.random("tables", model.block.number)
        self.account_id = number_text(3_300_000_000 + model.number)
        self.customer_number = model.number[model.owner]
        self.customer_id = ident("C", self.customer_number)
        self.point_id = point_ids(model)
        self.org = org_of_feeder(model, model.feeder)
        self.large = model.is_mv | (model.kva >= 100)
        self.tables: Tables = {}

    late_payers: Ints
    """Accounts that pay late of their own accord, by position; known once ``build`` is done."""

    def build(self) -> Tables:
        """All tables, by name."""
        self._transformers()
        self._customers()
        self._accounts()
        self._contracts_and_orders()
        self._metering()
        self._readings()
        self._bills()
        self._field_work()
        self._marketing()
        return self.tables

    def _put(self, name: str, columns: dict[str, Any], rows: int) -> None:
        table = contract_table(name, columns, rows)
        known = self.tables.get(name)
        self.tables[name] = pa.concat_tables([known, table]) if known is not None else table

    def _updated(self, day: Ints, rows: int) -> Ints:
        """When a row was last touched: after ``day``, at or before as_of."""
        later = day + (self.rng.random(rows) * 400).astype(np.int64)
        return instant(np.minimum(later, self.cal.as_of), 36_000 + self.rng.integers(0, 20_000, rows))

    def _staff(self, org: Ints, post: str) -> Text:
        return staff_of(org, post, self.rng.integers(0, 2, len(org)))

    # --- network ------------------------------------------------------------------------------

    def _transformers(self) -> None:
        model, cal = self.model, self.cal
        lines = len(model.feeder_number)
        line_org = org_of_feeder(model, np.arange(lines))
        line_points = np.flatnonzero(model.points.role == LINE)
        self._put(
            "line",
            {
                "line_id": line_ids(model),
                "name": join(pa.array(list(model.feeder_name)), "线"),
                "org_unit_id": org_ids(line_org),
                "nominal_kv": model.feeder_kv,
                "head_metering_point_id": self.point_id.take(pa.array(line_points)),
            },
            lines,
        )
        t = model.transformers
        count = len(t.number)
        public = ~t.dedicated
        gone = np.zeros(count, dtype=np.bool_)
        who = np.maximum(t.account, 0)
        gone[t.dedicated] = model.status[who[t.dedicated]] == CLOSED
        area_point = np.full(count, -1)
        area_point[: int(public.sum())] = np.flatnonzero(model.points.role == AREA)
        self._put(
            "transformer",
            {
                "transformer_id": transformer_ids(model),
                "line_id": line_ids(model).take(pa.array(t.feeder)),
                "org_unit_id": org_ids(org_of_feeder(model, t.feeder)),
                "ownership": take(("public", "dedicated"), t.dedicated.astype(np.int64)),
                "account_id": nullable(self.account_id.take(pa.array(who)), public),
                "model": take(TRANSFORMER_MODELS, t.model),
                "rated_kva": t.kva,
                "loss_code": loss_codes(t.kva, t.model),
                "area_metering_point_id": nullable(
                    self.point_id.take(pa.array(np.maximum(area_point, 0))), area_point < 0
                ),
                "commissioned_on": np.where(t.commissioned == NEVER, cal.as_of - 10, t.commissioned),
                "retired_on": np.where(gone, model.closed[who], NEVER),
                "updated_at": self._updated(
                    np.where(t.commissioned == NEVER, cal.as_of - 10, t.commissioned), count
                ),
            },
            count,
        )
        areas = len(model.block.area_number)
        area_org = org_of_feeder(model, model.block.area_feeder)
        self._put(
            "reading_area",
            {
                "reading_area_id": ident("RA", model.block.area_number, 7),
                "org_unit_id": org_ids(area_org),
                "staff_id": self._staff(area_org, "meter_reader"),
                "fixed_day": 31,
            },
            areas,
        )
        self._put(
            "reading_area",
            {
                "reading_area_id": ident("RL", model.feeder_number, 9),
                "org_unit_id": org_ids(line_org),
                "staff_id": self._staff(line_org, "meter_reader"),
                "fixed_day": 31,
            },
            lines,
        )

    # --- customers and accounts ------------------------------------------------------------

    def _customers(self) -> None:
        model, cal, rng = self.model, self.cal, self.rng
        holders = np.flatnonzero(model.owner == np.arange(model.size))
        spare = model.size // 64 + 1 if model.size >= 20 else 0
        number = np.concatenate(
            [
                model.number[holders],
                8_000_000 + model.block.first_account // 64 + model.block.number + np.arange(spare),
            ]
        )
        org = np.concatenate([model.is_org[holders], np.zeros(spare, dtype=np.bool_)])
        count = len(number)
        industry = [model.industry[at] for at in holders.tolist()] + [None] * spare
        division = np.array(people.HOME_DISTRICTS)[(number // 37 + number % 3) % len(people.HOME_DISTRICTS)]
        abroad = rng.random(count) < 0.02
        division = np.where(
            abroad, np.array(people.DISTRICTS)[rng.integers(0, len(people.DISTRICTS), count)], division
        )
        region = people.region_numbers(division)
        identity, born = people.identity_numbers(number, region, self.plan.seed)
        code = people.credit_codes(number, region, self.plan.seed)
        is_org = pa.array(org)
        person = people.person_names(rng, count)
        name = pc.if_else(
            is_org, people.organisation_names(rng, [(text or "F")[0] for text in industry]), person
        )
        self.holder_name = dict(zip(number.tolist(), name.to_pylist(), strict=True))
        registered = np.full(count, cal.as_of - 3000)
        for_accounts = np.where(model.opened == NEVER, cal.as_of - 12, model.opened)
        registered[: len(holders)] = for_accounts[holders]
        joined = np.flatnonzero(model.owner != np.arange(model.size))
        position = {at: row for row, at in enumerate(holders.tolist())}
        for at in joined.tolist():
            row = position[int(model.owner[at])]
            registered[row] = min(registered[row], for_accounts[at])
        verified = np.maximum(cal.as_of - (rng.random(count) ** 1.3 * 900).astype(np.int64), registered)
        street = rng.integers(0, 400, count)
        contact = people.person_names(rng, count)
        self.customer_numbers = number
        self._put(
            "customer",
            {
                "customer_id": ident("C", number),
                "name": name,
                "kind": take(("person", "organisation"), org.astype(np.int64)),
                "id_number": pc.if_else(is_org, code, identity),
                "industry_code": industry,
                "contact_name": pc.if_else(is_org, contact, name),
                "mobile": people.mobile_numbers(number, self.plan.seed),
                "phone": nullable(people.phone_numbers(number), ~org & (rng.random(count) < 0.85)),
                "email": nullable(join("u", number_text(number), "@example.com"), rng.random(count) < 0.35),
                "postal_address": people.addresses(
                    division,
                    street,
                    rng.integers(1, 400, count),
                    np.where(org, 0, rng.integers(101, 2200, count)),
                ),
                "postcode": people.postcodes(division, street),
                "region_code": number_text(region, 6),
                "born_on": np.where(org, NEVER, born),
                "language": take(("zh", "en"), (rng.random(count) < 0.03).astype(np.int64)),
                "tax_id": nullable(code, ~org),
                "registered_on": registered,
                "verified_on": verified,
                "updated_at": instant(np.minimum(verified + 1, cal.as_of), 40_000),
            },
            count,
        )

    def _accounts(self) -> None:
        model, cal, rng, n = self.model, self.cal, self.rng, self.model.size
        place = np.where(
            model.area >= 0,
            model.block.area_number[np.maximum(model.area, 0)] if len(model.block.area_number) else 0,
            model.feeder * 13,
        )
        division = np.array(people.HOME_DISTRICTS)[place % len(people.HOME_DISTRICTS)]
        in_force = (model.change_kind > 0) & ((model.change_end == NEVER) | (model.change_end >= cal.as_of))
        running = model.kva - np.where(in_force, model.change_kva, 0)
        self.running = running
        house = rng.integers(1, 300, n)
        opened = np.where(model.opened == NEVER, cal.as_of - 12, model.opened)
        has_bank = (model.payment == DEBIT) | (rng.random(n) < 0.1)
        value = np.where(
            model.allocation == 1, 0.2, np.where(model.allocation == 2, np.round(model.kva * 20), np.nan)
        )
        area_name = (
            ident("RA", model.block.area_number, 7) if len(model.block.area_number) else pa.array([""])
        )
        line_name = ident("RL", model.feeder_number, 9)
        self._put(
            "account",
            {
                "account_id": self.account_id,
                "customer_id": self.customer_id,
                "account_name": [self.holder_name[number] for number in self.customer_number.tolist()],
                "service_address": people.addresses(
                    division, place, house, np.where(model.category == RES, rng.integers(101, 2500, n), 0)
                ),
                "org_unit_id": org_ids(self.org),
                "reading_area_id": pc.if_else(
                    pa.array(model.area >= 0),
                    area_name.take(pa.array(np.maximum(model.area, 0))),
                    line_name.take(pa.array(model.feeder)),
                ),
                "status": take(STATUS, model.status),
                "opened_on": model.opened,
                "closed_on": model.closed,
                "usage_category": take(CATEGORIES, model.category),
                "industry_code": model.industry,
                "tariff_code": take([tariff.code for tariff in TARIFFS], model.tariff),
                "supply_kv": model.supply_kv,
                "metering_kv": model.metering_kv,
                "metering_mode": take(MODES, model.mode),
                "contracted_kva": model.kva,
                "running_kva": running,
                "demand_basis": take(BASES, model.basis),
                "contract_demand_kw": model.contract_demand,
                "power_factor_standard": np.where(model.standard > 0, model.standard, np.nan),
                "allocation": take(("none", "fixed_ratio", "fixed_quantity"), model.allocation),
                "allocation_value": value,
                "is_temporary": model.temporary,
                "is_dual_supply": model.dual,
                "has_self_generation": model.self_generation | model.feeds_in(),
                "billing_months": 1,
                "has_load_control": model.load_control,
                "payment_method": take(PAYMENT_METHODS, model.payment),
                "bank_name": nullable(take(BANKS, rng.integers(0, len(BANKS), n)), ~has_bank),
                "bank_account": nullable(
                    join(
                        "6222", number_text(people.scramble(model.number, 999_999_937, 7_777_777, 5) + 10**11)
                    ),
                    ~has_bank,
                ),
                "wants_vat_invoice": model.is_org & (rng.random(n) < 0.6),
                "updated_at": self._updated(opened, n),
            },
            n,
        )
        area_tr = np.maximum(model.area, 0)
        first_ded = int((~model.transformers.dedicated).sum())
        medium = np.flatnonzero(model.is_mv)
        tr_of = area_tr.copy()
        tr_of[medium] = first_ded + np.arange(len(medium))
        second = np.flatnonzero(model.dual)
        rows = np.concatenate([np.arange(n), second])
        branch = np.concatenate([np.zeros(n, dtype=np.int64), np.ones(len(second), dtype=np.int64)])
        transformer = np.concatenate([tr_of, first_ded + len(medium) + np.arange(len(second))])
        feeder = np.where(branch == 0, model.feeder[rows], model.feeder2[rows])
        self._put(
            "supply_point",
            {
                "supply_point_id": ident("SP", model.number[rows] * 10 + branch, 11),
                "account_id": self.account_id.take(pa.array(rows)),
                "line_id": line_ids(model).take(pa.array(feeder)),
                "transformer_id": transformer_ids(model).take(pa.array(transformer)),
                "is_primary": branch == 0,
                "updated_at": self._updated(opened[rows], len(rows)),
            },
            len(rows),
        )
        changed = np.flatnonzero(model.change_kind > 0)
        self._put(
            "capacity_change",
            {
                "change_id": ident("CC", model.number[changed] * 10, 11),
                "account_id": self.account_id.take(pa.array(changed)),
                "kind": take(("suspend", "reduce"), model.change_kind[changed] - 1),
                "capacity_kva": model.change_kva[changed],
                "start_on": model.change_start[changed],
                "end_on": model.change_end[changed],
            },
            len(changed),
        )
        new = np.flatnonzero((model.opened > cal.as_of - 800) & (model.status != PENDING))
        self._put(
            "capacity_change",
            {
                "change_id": ident("CC", model.number[new] * 10 + 1, 11),
                "account_id": self.account_id.take(pa.array(new)),
                "kind": "new",
                "capacity_kva": model.kva[new],
                "start_on": model.opened[new],
            },
            len(new),
        )
        self._equipment()
        self._holdings()

    def _equipment(self) -> None:
        model, cal, rng = self.model, self.cal, self.rng
        kinds = ("generator", "capacitor", "breaker", "harmonic_source", "motor", "furnace", "other")
        rolled = rng.random((model.size, len(kinds)))
        chance = np.array([0.0, 0.5, 0.6, 0.15, 0.5, 0.15, 0.2])
        has = (rolled < chance) & model.is_mv[:, None]
        has[:, 0] = model.self_generation | model.feeds_in()
        # Whoever has just been connected sets its machines up one after the other.
        growing = model.is_mv & (model.opened >= cal.month_start[-1]) & (model.opened < cal.as_of)
        has[:, 4] |= growing
        who, kind = np.nonzero(has)
        count = len(who)
        tested = cal.as_of - 30 - rng.integers(0, 300, count)
        tested = np.where(growing[who], model.opened[who] + 2, tested)
        panels = (kind == 0) & (model.pv_kva[who] > 0)
        self._put(
            "customer_equipment",
            {
                "equipment_id": ident("E", model.number[who] * 10 + kind, 11),
                "account_id": self.account_id.take(pa.array(who)),
                "kind": take(kinds, kind),
                "rated_kva": np.where(
                    panels, model.pv_kva[who], np.round(model.kva[who] * (0.05 + 0.3 * rng.random(count)), 1)
                ),
                "phases": 3,
                "operating_mode": take(
                    ("standby", "continuous", "intermittent", "pv"),
                    np.where(panels, 3, rng.integers(0, 3, count)),
                ),
                "tested_on": tested,
            },
            count,
        )
        medium = np.flatnonzero(model.is_mv)
        who = np.concatenate([medium, medium[model.kva[medium] >= 630]])
        second = np.concatenate(
            [np.zeros(len(medium), dtype=np.int64), np.ones(len(who) - len(medium), dtype=np.int64)]
        )
        self._put(
            "electrician",
            {
                "account_id": self.account_id.take(pa.array(who)),
                "licence_no": ident("T33", model.number[who] * 10 + second, 12),
                "name": people.person_names(rng, len(who)),
                "licence_expires_on": cal.as_of + 20 + rng.integers(0, 1500, len(who)),
            },
            len(who),
        )

    def _holdings(self) -> None:
        model, cal, rng, n = self.model, self.cal, self.rng, self.model.size
        digital = rng.random(n)
        wealthy = rng.random(n)
        living = (model.status == 1) | (model.status == SUSPENDED)
        trade = model.category != RES
        industrial = model.is_mv
        chance = {
            "e_bill": 0.15 + 0.6 * (digital > 0.5),
            "web_account": 0.05 + 0.55 * (digital > 0.6),
            "mobile_app": 0.1 + 0.65 * (digital > 0.55),
            "sms_alerts": 0.2 + 0.3 * (digital > 0.4),
            "green_power": 0.02 + 0.25 * (trade & (digital > 0.7)),
            "ev_charging": 0.01 + 0.2 * (wealthy > 0.8) + 0.1 * (wealthy > 0.95),
            "energy_audit": 0.3 * industrial,
            "storage_cooling": 0.08 * (model.category == 1),
            "storage_heating": 0.03 * (wealthy > 0.85),
            "interruptible_load": 0.2 * (model.category == LAR),
        }
        roll = rng.random((n, len(chance)))
        has = {name: living & (roll[:, at] < p) for at, (name, p) in enumerate(chance.items())}
        has["auto_debit"] = living & (model.payment == DEBIT)
        has["time_of_use"] = living & model.tou()
        has["rooftop_solar"] = living & (has["ev_charging"] & (roll[:, 0] < 0.5))
        latest = np.where(model.opened == NEVER, cal.as_of, model.opened)
        for name, flags in sorted(has.items()):
            who = np.flatnonzero(flags)
            since = np.maximum(latest[who], cal.as_of - 30 - rng.integers(0, 1800, len(who)))
            ended = (
                rng.random(len(who)) < 0.03
                if name not in ("auto_debit", "time_of_use")
                else np.zeros(len(who), dtype=np.bool_)
            )
            until = np.minimum(since + 20 + rng.integers(0, 400, len(who)), cal.as_of)
            self._put(
                "product_holding",
                {
                    "account_id": self.account_id.take(pa.array(who)),
                    "product_code": name,
                    "since_on": since,
                    "until_on": np.where(ended, until, NEVER),
                },
                len(who),
            )

    # --- contracts and orders ------------------------------------------------------------------

    def _contracts_and_orders(self) -> None:
        model, cal, rng, n = self.model, self.cal, self.rng, self.model.size
        signed_who = np.flatnonzero(model.status != PENDING)
        opened = model.opened[signed_who]
        signed = opened - rng.integers(0, 5, len(opened))
        expires = cal.as_of + 1 + (rng.random(len(opened)) * 1800).astype(np.int64)
        endless = (model.category[signed_who] == RES) & (rng.random(len(opened)) < 0.6)
        self._contract(signed_who, signed, np.where(endless, NEVER, expires), 0)

        self.orders: list[tuple[Ints, str]] = []
        fresh = np.flatnonzero((model.opened >= cal.month_start[0]) & (model.status == 1))
        low_work = 2 + rng.integers(0, 5, n)
        high_work = 12 + rng.integers(0, 25, n)
        back = np.where(model.is_mv, high_work, low_work)
        submitted = (
            cal.add_working(np.maximum(model.opened, cal.month_start[0]) - back - 60, 1)
            if n
            else model.opened
        )
        # the day so many working days before the account was opened
        submitted = np.where(model.opened == NEVER, 0, submitted)
        self._order(fresh, "new", 0, connected=model.opened)
        closed = np.flatnonzero((model.status == CLOSED) & (model.closed >= cal.month_start[0]))
        self._simple_order(closed, "close", 1, model.closed[closed])
        roll = rng.random(n)
        steady = (model.status == 1) & (model.opened < cal.as_of - 860)
        old = cal.as_of - 75 - rng.integers(0, 270, n)
        recent = cal.as_of - 3 - rng.integers(0, 60, n) // 2
        for kind, low, high, when in (
            ("meter_test", 0.0, 0.006, recent),
            ("relocate_meter", 0.006, 0.010, recent),
            ("move_premises", 0.010, 0.012, old),
            ("transfer_name", 0.012, 0.020, old),
            ("change_tariff", 0.020, 0.026, old),
        ):
            who = np.flatnonzero(steady & (roll >= low) & (roll < high))
            submitted = self._simple_order(who, kind, 2, when[who])
            if kind in ("transfer_name", "change_tariff"):
                self._contract(who, submitted + 1, cal.as_of + 200 + rng.integers(0, 1500, len(who)), 1)
        # capacity increases: finished ones, and open ones that wait for their plan
        pick = np.where(model.is_mv, roll, roll * 8)
        # Who may stay on one part may not grow and stay.
        may_grow = ~(
            np.isin(model.category, (COM, GEN, LAR)) & (model.kva >= TWO_PART_FROM_KVA) & (model.basis == 0)
        )
        grown = np.flatnonzero(steady & may_grow & (model.change_kind == 0) & (pick > 0.60) & (pick < 0.66))
        done_on = cal.as_of - 80 - rng.integers(0, 200, n)
        self._order(grown, "increase", 3, connected=done_on)
        self._contract(grown, done_on[grown] - 1, cal.as_of + 300 + rng.integers(0, 1500, len(grown)), 2)
        self._put(
            "capacity_change",
            {
                "change_id": ident("CC", model.number[grown] * 10 + 3, 11),
                "account_id": self.account_id.take(pa.array(grown)),
                "kind": "increase",
                "capacity_kva": np.round(model.kva[grown] * 0.2, 0),
                "start_on": done_on[grown],
            },
            len(grown),
        )
        growing = np.flatnonzero(steady & (model.change_kind == 0) & (pick >= 0.66) & (pick < 0.80))
        self._open_order(growing, "increase", 4)
        self._open_order(np.flatnonzero(model.status == PENDING), "new", 5)
        stopped = np.flatnonzero(model.change_kind == 1)
        self._simple_order(stopped, "suspend", 6, model.change_start[stopped] - 6)
        self._fees()

    def _contract(self, who: Ints, signed: Ints, expires: Ints, serial: int) -> None:
        cal, model = self.cal, self.model
        entered = np.minimum(signed + self.rng.integers(0, 4, len(who)), cal.as_of)
        self._put(
            "contract",
            {
                "contract_id": ident("K", model.number[who] * 10 + serial, 11),
                "account_id": self.account_id.take(pa.array(who)),
                "signed_on": signed,
                "effective_from": signed,
                "expires_on": expires,
                "entered_on": entered,
                "archived_on": np.minimum(entered + self.rng.integers(0, 10, len(who)), cal.as_of),
            },
            len(who),
        )

    def _order_rows(self, who: Ints, kind: str, serial: int, columns: dict[str, Any]) -> None:
        model = self.model
        vat = self.tables["account"]["wants_vat_invoice"].to_numpy()[who]
        high = model.is_mv[who]
        self._put(
            "service_order",
            {
                "order_id": ident("O", model.number[who] * 10 + serial, 11),
                "account_id": self.account_id.take(pa.array(who)),
                "kind": kind,
                "needs_customer_works": high,
                "works_materials_entered": high,
                "equipment_list_provided": high | (self.rng.random(len(who)) < 0.5),
                "vat_documents_complete": vat | (self.rng.random(len(who)) < 0.3),
                "staff_id": self._staff(self.org[who], "acceptance"),
                **columns,
            },
            len(who),
        )

    def _order(self, who: Ints, kind: str, serial: int, connected: Ints) -> None:
        """Finished connections: every step within its limit of working days."""
        cal, rng, model = self.cal, self.rng, self.model
        high = model.is_mv[who]
        # 40 calendar days hold at most 30 working days, and all steps; low voltage takes five working days
        submitted = np.where(high, connected[who] - 40, cal.before_working(connected[who], 5))
        replied = cal.add_working(submitted, np.where(high, 5, 1))
        inspected = cal.add_working(submitted, np.where(high, 12, 2))
        energized = np.maximum(cal.add_working(inspected, 1), submitted)
        finished = cal.add_working(np.maximum(energized, connected[who]), 1)
        at = 33_000 + rng.integers(0, 20_000, len(who))
        self._order_rows(
            who,
            kind,
            serial,
            {
                "requested_kva": model.kva[who] if kind == "new" else np.round(model.kva[who] * 0.2, 0),
                "submitted_at": instant(submitted, at),
                "plan_replied_at": instant(replied, at),
                "design_reviewed_at": np.where(high, instant(cal.add_working(replied, 2), at), EMPTY_INSTANT),
                "inspected_at": instant(inspected, at),
                "energized_at": instant(energized, at),
                "closed_at": instant(np.minimum(finished, cal.as_of), at),
                "outcome": "completed",
                "updated_at": instant(np.minimum(finished, cal.as_of), at),
            },
        )

    def _simple_order(self, who: Ints, kind: str, serial: int, when: Ints) -> Ints:
        cal = self.cal
        at = 33_000 + self.rng.integers(0, 20_000, len(who))
        finished = np.minimum(cal.add_working(when, 2), cal.as_of)
        self._order_rows(
            who,
            kind,
            serial,
            {
                "submitted_at": instant(when, at),
                "closed_at": instant(finished, at + 3000),
                "outcome": "completed",
                "updated_at": instant(finished, at + 3000),
            },
        )
        return when

    def _open_order(self, who: Ints, kind: str, serial: int) -> None:
        cal, rng, model = self.cal, self.rng, self.model
        at = 33_000 + rng.integers(0, 20_000, len(who))
        high = model.is_mv[who]
        # as_of less 9 days: at most 7 working days; less 40: at most 30
        submitted = cal.as_of - np.where(
            high, 12 + rng.integers(0, 28, len(who)), 3 + rng.integers(0, 6, len(who))
        )
        replied = cal.add_working(submitted, np.where(high, 5, 1))
        self._order_rows(
            who,
            kind,
            serial,
            {
                "requested_kva": model.kva[who] if kind == "new" else added_kva(model, who),
                "submitted_at": instant(submitted, at),
                "plan_replied_at": np.where(replied <= cal.as_of, instant(replied, at), EMPTY_INSTANT),
                "updated_at": instant(np.minimum(replied, cal.as_of), at),
            },
        )

    def _fees(self) -> None:
        model, cal = self.model, self.cal
        opened = np.where(model.opened == NEVER, cal.as_of - 8, model.opened)
        closed_early = (model.status == CLOSED) & model.temporary
        for serial, (kind, flags, price) in enumerate(
            (
                ("high_reliability", model.dual, 210.0),
                ("temporary_connection", model.temporary & (opened < CONNECTION_FEE_ABOLISHED_ON), 200.0),
                ("load_control", model.load_control & (opened < CONTROL_FEE_ABOLISHED_ON), 2.5),
                ("meter_test", (model.number * 7919) % 211 == 0, 0.0),
            )
        ):
            who = np.flatnonzero(flags)
            amount = np.round(model.kva[who] * price * 100 if price else np.full(len(who), 4000.0)).astype(
                np.int64
            )
            refunded = np.where(closed_early[who] & (kind == "temporary_connection"), amount, 0)
            self._put(
                "fee",
                {
                    "fee_id": ident("F", model.number[who] * 10 + serial, 11),
                    "account_id": self.account_id.take(pa.array(who)),
                    "kind": kind,
                    "standard_amount": amount,
                    "charged_amount": amount,
                    "paid_amount": amount,
                    "refunded_amount": refunded,
                    "waiver_approved": False,
                    "charged_on": opened[who],
                },
                len(who),
            )

    # --- metering -----------------------------------------------------------------------------

    def _metering(self) -> None:
        model, cal, rng, points = self.model, self.cal, self.rng, self.model.points
        n = points.size
        who = np.maximum(points.account, 0)
        gone = (points.account >= 0) & (model.status[who] == CLOSED)
        replaced = points.replaced_in >= 0
        meter_number = point_numbers(model) * 10 + replaced
        meter_id = ident("M", meter_number, 13)
        branch_ids = ident("SP", model.number[who] * 10 + points.branch * (points.role == MAIN), 11)
        has_branch = (points.role == MAIN) & model.dual[who]
        self._put(
            "metering_point",
            {
                "metering_point_id": self.point_id,
                "account_id": nullable(self.account_id.take(pa.array(who)), points.account < 0),
                "role": take(ROLES, points.role),
                "meter_id": nullable(meter_id, gone | (points.role == CHECK) & (rng.random(n) < 0)),
                "supply_point_id": nullable(branch_ids, ~has_branch),
                "multiplier": points.multiplier,
                "installed_on": points.installed,
                "updated_at": self._updated(points.installed, n),
            },
            n,
        )
        kind = np.where(points.phases == 1, 0, np.where(points.vt_primary > 0, 3, 1 + points.number % 2))
        accuracy = np.where(points.vt_primary > 0, 0, np.where(points.phases == 1, 3, 2))
        age = (rng.random(n) * 4.8 * 365).astype(np.int64) + 30
        calibrated = np.maximum(cal.as_of - age, points.installed - 40)
        calibrated = np.where(replaced, points.replaced_on - 20, calibrated)
        made = np.minimum(calibrated, points.installed) - 60 - rng.integers(0, 100, n)
        made = np.where(replaced, points.replaced_on - 200, made)

        def meter(at: Ints, numbers: Ints, **over: Any) -> None:
            self._put(
                "meter",
                {
                    "meter_id": ident("M", numbers, 13),
                    "metering_point_id": self.point_id.take(pa.array(at)),
                    "model": take(METER_MODELS, kind[at]),
                    "model_retired": False,
                    "phases": points.phases[at],
                    "rated_current_a": np.where(
                        points.ct_primary[at] > 0, 1.5, np.where(points.max_current_a[at] > 60, 10.0, 5.0)
                    ),
                    "max_current_a": points.max_current_a[at],
                    "accuracy_class": take(("0.5S", "0.5S", "1", "2"), accuracy[at]),
                    "digits": points.digits[at],
                    "status": "in_use",
                    "manufactured_on": made[at],
                    "calibrated_on": calibrated[at],
                    "updated_at": instant(
                        np.minimum(np.maximum(calibrated[at], points.installed[at]), cal.as_of), 30_000
                    ),
                    **over,
                },
                len(at),
            )

        meter(np.flatnonzero(~gone), meter_number[~gone])
        off = np.flatnonzero(gone)
        meter(off, meter_number[off], status="removed", metering_point_id=None)
        out = np.flatnonzero(replaced)
        meter(
            out,
            point_numbers(model)[out] * 10,
            status="removed",
            metering_point_id=None,
            manufactured_on=points.installed[out] - 200,
            calibrated_on=points.installed[out] - 20,
        )
        stock = np.flatnonzero(rng.random(n) < 0.01)
        meter(stock, point_numbers(model)[stock] * 10 + 5, status="stock", metering_point_id=None)

        self._put_transformers_in_front(
            np.flatnonzero(points.ct_primary > 0), "ct", points.ct_primary, 5.0, 0
        )
        self._put_transformers_in_front(
            np.flatnonzero(points.vt_primary > 0), "vt", points.vt_primary, 100.0, 1
        )
        self._events(gone)

    def _put_transformers_in_front(
        self, at: Ints, kind: str, primary: Floats, secondary: float, serial: int
    ) -> None:
        self._put(
            "instrument_transformer",
            {
                "it_id": ident("IT", point_numbers(self.model)[at] * 10 + serial, 13),
                "metering_point_id": self.point_id.take(pa.array(at)),
                "kind": kind,
                "primary_value": primary[at],
                "secondary_value": secondary,
                "calibrated_on": np.maximum(
                    self.cal.as_of - self.rng.integers(30, 1500, len(at)),
                    self.model.points.installed[at] - 30,
                ),
            },
            len(at),
        )

    def _event(self, at: Ints, kind: str, serial: int, day: Ints, **more: Any) -> None:
        self._put(
            "metering_event",
            {
                "event_id": ident("EV", point_numbers(self.model)[at] * 100 + serial, 14),
                "metering_point_id": self.point_id.take(pa.array(at)),
                "kind": kind,
                "occurred_at": instant(day, 34_000 + (point_numbers(self.model)[at] * 37) % 20_000),
                **more,
            },
            len(at),
        )

    def _events(self, gone: Any) -> None:
        model, cal, rng, points = self.model, self.cal, self.rng, self.model.points
        standing = self.standing
        self._event(np.arange(points.size), "install", 0, points.installed)
        who = np.maximum(points.account, 0)
        off = np.flatnonzero(gone & points.read)
        if len(off):
            last = np.searchsorted(cal.month_start, model.closed[who[off]], side="right") - 1
            self._event(
                off,
                "remove",
                1,
                model.closed[who[off]],
                old_value=standing.current[off, np.maximum(last, 0), 0] / 100.0,
            )
        changed = np.flatnonzero(points.replaced_in >= 0)
        has = self._has_register()
        for register in range(8):
            at = changed[has[changed, register]]
            self._event(
                at,
                "replace",
                10 + register,
                points.replaced_on[at],
                old_value=standing.removed[at, register] / 100.0,
                new_value=standing.first[at, register] / 100.0,
                register=REGISTERS[register if register < 6 else register + 1],
            )
        months_due = np.select([model.kva >= 10000, model.kva >= 2000, model.kva >= 315], [6, 12, 24], 0)
        due = np.flatnonzero((points.role == MAIN) & (months_due[who] > 0))
        age = (months_due[who[due]] * 28 * (0.1 + 0.8 * rng.random(len(due)))).astype(np.int64)
        checked = np.maximum(cal.as_of - age, points.installed[due])
        self._event(due, "field_checked", 2, checked)
        faulty = np.flatnonzero(
            (points.role == MAIN)
            & (rng.random(points.size) < 0.006)
            & (points.installed < cal.as_of - 400)
            & (points.replaced_in < 0)
            & ~gone
        )
        reported = cal.as_of - 10 - rng.integers(0, 300, len(faulty))
        self._event(faulty, "fault_reported", 3, reported)
        self._event(faulty, "fault_cleared", 4, reported + 1 + rng.integers(0, 5, len(faulty)))
        self._event(
            faulty, "adjusted", 5, reported + 7, adjusted_kwh=np.round(rng.normal(0, 30, len(faulty)), 1)
        )

    def _has_register(self) -> Any:
        """Which points have each of the eight energy registers."""
        points = self.model.points
        has = np.zeros((points.size, 8), dtype=np.bool_)
        has[:, 0] = True
        has[:, 1:5] = points.tou[:, None]
        has[:, 5], has[:, 6], has[:, 7] = points.reactive, points.deep, points.export
        return has

    def _readings(self) -> None:
        model, cal, rng, points = self.model, self.cal, self.rng, self.model.points
        standing, months = self.standing, self.plan.months
        n = points.size
        read = standing.read
        has = np.insert(self._has_register(), 6, points.demand, axis=1)
        point, month, register = np.nonzero(read[:, :, None] & has[:, None, :])
        demand = register == 6
        energy = np.where(register > 6, register - 1, np.minimum(register, 5))
        current = standing.current[point, month, energy] / 100.0
        previous = standing.previous[point, month, energy] / 100.0
        max_kw = self.meters.energy.max_kw.copy()
        for account, times in model.demand_times.items():
            max_kw[points.account == account, -1] *= times
        self.demand_reading = np.round(max_kw / points.multiplier[:, None], 4)
        current[demand] = self.demand_reading[point[demand], month[demand]]
        previous[demand] = np.nan
        who = np.maximum(points.account, 0)
        close = np.where(points.account >= 0, model.closed[who], NEVER)
        closing = (close[point] != NEVER) & (close[point] <= cal.month_end[month])
        read_at = np.where(closing, instant(close[point], 36_000), instant(cal.month_end[month], 86_399))
        roll = rng.random((n, months))
        method = np.where(roll < 0.02, 1, 0)
        # one estimate at most in a quarter: never three in a row
        method = np.where((roll > 0.995) & (np.arange(months) % 3 == 0), 2, method)
        edited = (roll > 0.02) & (roll < 0.022) & (standing.used[:, :, 0] > 0)
        edit = edited[point, month] & (register == 0)
        original = np.where(
            edit,
            np.maximum(
                np.round(
                    current
                    - np.minimum(0.02 * standing.used[point, month, 0] / 100, 50 / points.multiplier[point]),
                    2,
                ),
                0,
            ),
            np.nan,
        )
        org = np.where(points.account >= 0, self.org[who], 0)
        self._put(
            "register_reading",
            {
                "metering_point_id": self.point_id.take(pa.array(point)),
                "period": cal.month_start[month],
                "register": take(REGISTERS, register),
                "read_at": read_at,
                "previous_value": previous,
                "current_value": current,
                "method": take(("remote", "manual", "estimated"), method[point, month]),
                "original_value": original,
                "edited_by": nullable(
                    staff_of(org[point], "billing", np.zeros(len(point), dtype=np.int64)), ~edit
                ),
            },
            len(point),
        )

    # --- bills and payments --------------------------------------------------------------------

    def _usage(self) -> tuple[Usage, Ints, Ints]:
        model, cal, points, standing = self.model, self.cal, self.model.points, self.standing
        n, months = model.size, self.plan.months
        start = np.maximum(cal.month_start, np.where(model.opened == NEVER, 1 << 40, model.opened)[:, None])
        end = np.minimum(cal.month_end, np.where(model.closed == NEVER, 1 << 40, model.closed)[:, None])
        days = np.maximum(end - start + 1, 0)
        kwh = np.round(standing.used / 100.0 * points.multiplier[:, None, None], 6)

        def summed(role: int) -> Floats:
            rows = np.flatnonzero(points.role == role)
            total = np.zeros((n, months, 8))
            np.add.at(total, points.account[rows], kwh[rows])
            return total

        main, sub = summed(MAIN), summed(SUB)
        sub[list(model.without_sub)] = 0
        net = np.round(main - sub, 6)
        mains = np.flatnonzero(points.role == MAIN)
        demand = np.zeros((n, months))
        demand_kw = np.round(self.demand_reading * points.multiplier[:, None], 6)
        np.add.at(demand, points.account[mains], np.where(points.demand[mains, None], demand_kw[mains], 0.0))
        off = (
            np.maximum(
                np.minimum(end, np.where(model.change_end == NEVER, 1 << 40, model.change_end)[:, None])
                - np.maximum(start, model.change_start[:, None])
                + 1,
                0,
            )
            * (model.change_kind > 0)[:, None]
        )
        whole = ((model.change_kind == 1) & (model.change_kva >= model.kva))[:, None]
        t = model.transformers
        owned = np.flatnonzero(t.dedicated)
        iron = np.zeros(n)
        np.add.at(iron, t.account[owned], iron_kwh_per_day(t.kva[owned], t.model[owned]))
        rate, weight = np.zeros(n), np.zeros(n)
        np.add.at(rate, t.account[owned], copper_rate(t.kva[owned]) * t.kva[owned])
        np.add.at(weight, t.account[owned], t.kva[owned])
        capacity = model.kva[:, None] - model.change_kva[:, None] * off / np.maximum(days, 1)
        price_row = np.array([int(month.year == cal.months[-1].year) for month in cal.months])
        tariff = np.repeat(model.tariff[:, None], months, axis=1)
        for account, other in model.billed_tariff.items():
            tariff[account, -1] = other
        usage = Usage(
            tariff=tariff,
            price_row=price_row,
            metered_kwh=net[:, :, 0],
            registers_kwh=net[:, :, 1:5],
            main_active_kwh=main[:, :, 0],
            main_reactive_kvarh=main[:, :, 5],
            iron_kwh=np.round(iron[:, None] * (days - np.where(whole, off, 0)), 6),
            copper_rate=np.divide(rate, weight, out=np.zeros(n), where=weight > 0),
            is_hv_lv=(model.mode == HV_LV) & ~np.isin(np.arange(n), list(model.without_loss)),
            demand_basis=model.basis,
            capacity_kva=np.round(capacity, 9),
            contract_demand_kw=np.nan_to_num(model.contract_demand),
            max_demand_kw=demand,
            standard=model.standard,
            contracted_kva=model.kva,
            has_high_use=cal.month_start >= TWO_PART_SINCE,
            deep_kwh=net[:, :, 6],
            export_kwh=net[:, :, 7],
            before_rise=self._before_rise(),
            year=np.array([month.year for month in cal.months]),
        )
        return usage, start, end

    def _before_rise(self) -> Floats:
        """Share of each bill's energy used before rates rise within it: by half-hours where all are measured, else by days."""
        model, points, cal = self.model, self.model.points, self.cal
        share = np.ones((model.size, self.plan.months))
        share[:, -1] = (RISE_DAY - 1) / cal.month_days[-1]
        owned = np.flatnonzero(np.isin(points.role, (MAIN, SUB)))
        sign = np.where(points.role[owned] == SUB, -1, 1)
        before, whole = np.zeros(model.size), np.zeros(model.size)
        np.add.at(before, points.account[owned], sign * self.meters.before_rise_wh[owned])
        np.add.at(whole, points.account[owned], sign * self.meters.energy.registers_wh[owned, -1].sum(axis=1))
        told = np.ones(model.size, dtype=np.bool_)
        np.logical_and.at(told, points.account[owned], self.meters.is_measured[owned])
        told &= whole > 0
        share[told, -1] = before[told] / whole[told]
        share[np.array([tariff.rises == 0 for tariff in TARIFFS])[model.tariff]] = 1
        return share

    def _bills(self) -> None:
        model, cal, rng = self.model, self.cal, self.rng
        n, months = model.size, self.plan.months
        usage, start, end = self._usage()
        charges = charge(usage)
        billed = (end >= start) & (model.status != PENDING)[:, None]
        who, month = np.nonzero(billed)
        # a bill in 250 left out its surcharge and was put right by a second bill
        corrected = (rng.random((n, months)) < 0.004) & billed & (charges.cents[13] > 0)
        missed = np.where(corrected, charges.cents[13], 0)
        total = charges.total_cents - missed
        exists = charges.exists.copy()
        exists[13] &= ~corrected
        stamp = np.array([day.year * 100 + day.month for day in cal.months])
        issue_day = cal.month_end + 1
        due_day = 14 + (model.number * 31) % 8
        due_day = np.where(self.large, np.minimum(due_day, 18), due_day)
        due = issue_day[None, :] + due_day[:, None]
        bill_id = join("B", number_text(model.number[who], 9), number_text(stamp[month]))
        has_demand = model.basis[who] >= 2
        biller = staff_of(self.org[who], "billing", np.zeros(len(who), dtype=np.int64))
        common = {
            "account_id": self.account_id.take(pa.array(who)),
            "period": cal.month_start[month],
            "period_start": start[who, month],
            "period_end": end[who, month],
            "tariff_code": take([tariff.code for tariff in TARIFFS], usage.tariff[who, month]),
            "due_on": due[who, month],
            "staff_id": biller,
        }
        self._put(
            "bill",
            {
                **common,
                "bill_id": bill_id,
                "metered_kwh": usage.metered_kwh[who, month],
                "loss_kwh": charges.loss_kwh[who, month],
                "billed_kwh": charges.billed_kwh[who, month],
                "max_demand_kw": np.where(has_demand, usage.max_demand_kw[who, month], np.nan),
                "power_factor": charges.power_factor[who, month],
                "total_amount": total[who, month],
                "issued_at": instant(issue_day[month], 28_800),
            },
            len(who),
        )
        self._lines(bill_id, exists, charges, who, month)
        second = corrected[who, month]
        rows = np.flatnonzero(second)
        picked = {
            name: (value.take(pa.array(rows)) if isinstance(value, pa.Array) else value[rows])
            for name, value in common.items()
        }
        fixed = join(bill_id.take(pa.array(rows)), "C")
        fixed_cents = missed[who[rows], month[rows]]
        self._put(
            "bill",
            {
                **picked,
                "bill_id": fixed,
                "metered_kwh": 0.0,
                "loss_kwh": 0.0,
                "billed_kwh": 0.0,
                "total_amount": fixed_cents,
                "issued_at": instant(issue_day[month[rows]], 57_600),
                "corrects_bill_id": bill_id.take(pa.array(rows)),
            },
            len(rows),
        )
        self._put(
            "bill_line",
            {
                "bill_id": fixed,
                "line_no": 1,
                "component": "surcharge",
                "quantity": charges.quantity[13][who[rows], month[rows]],
                "unit_price": charges.unit_price[13][who[rows], month[rows]],
                "amount": fixed_cents,
            },
            len(rows),
        )
        self._payments(
            bill_id, fixed, rows, who, month, total[who, month], fixed_cents, due[who, month], billed
        )

    def _lines(self, bill_id: Text, exists: Any, charges: Charges, who: Ints, month: Ints) -> None:
        flags = exists[:, who, month].T
        bill, line = np.nonzero(flags)
        number = (np.cumsum(flags, axis=1))[bill, line]
        a, m = who[bill], month[bill]
        self._put(
            "bill_line",
            {
                "bill_id": bill_id.take(pa.array(bill)),
                "line_no": number,
                "component": take(COMPONENTS, np.array(LINE_COMPONENTS)[line]),
                "quantity": charges.quantity[line, a, m],
                # An adjustment is a share of other lines and has no price.
                "unit_price": np.where(line == POWER_FACTOR_LINE, np.nan, charges.unit_price[line, a, m]),
                "amount": charges.cents[line, a, m],
            },
            len(bill),
        )

    def _lateness(self, billed: Any) -> Ints:
        """Days after the due date on which each bill is paid (negative: before), shape (n, months).

        Lateness repeats itself: it grows from the last bill's, the category and the way of paying, so that
        it can be learned.
        """
        model, rng = self.model, self.rng
        n, months = model.size, self.plan.months
        careless = rng.normal(0, 1.1, n)
        base = (
            -3.4
            + careless
            + np.select([model.category == 1, model.category == 4, model.is_mv], [0.5, 0.3, -0.8], 0.0)
        )
        base += np.where(model.payment == COUNTER, 0.7, 0.0)
        late_before = np.zeros(n)
        days = np.zeros((n, months), dtype=np.int64)
        for m in range(months):
            chance = 1 / (1 + np.exp(-(base + 2.2 * late_before)))
            late = rng.random(n) < chance
            how = 1 + np.minimum(rng.exponential(9 + 10 * late_before + 4 * np.maximum(careless, 0), n), 55)
            early = -rng.integers(0, 13, n)
            days[:, m] = np.where(late, how, early)
            late_before = 0.6 * late_before + 0.4 * late
        days[self.large] = np.minimum(days[self.large], 9)
        days[model.payment == DEBIT] = -3
        days[(model.status == CLOSED)] = np.minimum(days[model.status == CLOSED], -1)
        days[model.payment == PREPAID] = -1000
        self.late_payers = np.flatnonzero((days[:, -12:] > 0).mean(axis=1) >= LATE_SHARE)
        return days

    def _payments(
        self,
        bill_id: Text,
        fixed: Text,
        rows: Ints,
        who: Ints,
        month: Ints,
        cents: Ints,
        fixed_cents: Ints,
        due: Ints,
        billed: Any,
    ) -> None:
        model, cal, rng = self.model, self.cal, self.rng
        lateness = self._lateness(billed)[who, month]
        issued = cal.month_end[month] + 1
        day = np.maximum(due + lateness, issued)
        late_hour = 32_400 + rng.integers(0, 28_000, len(who))
        bills = np.concatenate([np.arange(len(who)), rows])
        amount = np.concatenate([cents, fixed_cents])
        ids = pa.concat_arrays([bill_id, fixed])
        serial = np.concatenate([np.zeros(len(who), dtype=np.int64), np.ones(len(rows), dtype=np.int64)])
        day = np.maximum(day[bills], issued[bills] + serial)
        seconds = late_hour[bills]
        account = who[bills]
        method = model.payment[account]
        keep = (amount > 0) & (day <= cal.as_of)
        at = np.flatnonzero(keep)
        counter = method == COUNTER
        channel = np.select(
            [counter & (rng.random(len(bills)) < 0.5), counter, method == DEBIT, method == ONLINE],
            [0, 1, 2, 3],
            4,
        )
        remitted = np.where(rng.random(len(bills)) < 0.5, day, cal.add_working(day, 1))
        remitted = np.where(counter & (remitted <= cal.as_of), remitted, NEVER)
        stamp = np.array([d.year * 100 + d.month for d in cal.months])[month[bills]]
        self._put(
            "payment",
            {
                "payment_id": join(
                    "P",
                    number_text(model.number[account[at]], 9),
                    number_text(stamp[at]),
                    number_text(serial[at]),
                ),
                "account_id": self.account_id.take(pa.array(account[at])),
                "bill_id": ids.take(pa.array(at)),
                "received_at": instant(day[at], seconds[at]),
                "amount": amount[at],
                "channel": take(("cash", "counter_card", "bank_debit", "online", "prepaid"), channel[at]),
                "staff_id": nullable(self._staff(self.org[account[at]], "collection"), ~counter[at]),
                "remitted_on": remitted[at],
            },
            len(at),
        )
        top_up = np.flatnonzero(
            (model.payment == PREPAID) & (model.status == 1) & (rng.random(model.size) < 0.3)
        )
        self._put(
            "payment",
            {
                "payment_id": join("P", number_text(model.number[top_up], 9), "T"),
                "account_id": self.account_id.take(pa.array(top_up)),
                "received_at": instant(
                    np.full(len(top_up), cal.as_of - 1), 40_000 + rng.integers(0, 9000, len(top_up))
                ),
                "amount": 100 * rng.integers(50, 300, len(top_up)),
                "channel": "prepaid",
            },
            len(top_up),
        )

    # --- inspection, calls ---------------------------------------------------------------------

    def _field_work(self) -> None:
        model, cal, rng, n = self.model, self.cal, self.rng, self.model.size
        high = np.flatnonzero(model.is_mv & (model.status != PENDING))
        months = np.where(model.supply_kv[high] >= 35, 6, 12)
        rows: list[tuple[Ints, Ints, int]] = []
        age = (months * 26 * (0.05 + 0.9 * rng.random(len(high)))).astype(np.int64)
        performed = np.maximum(cal.as_of - age, model.opened[high])
        rows.append((high, performed, 0))
        rows.append((high, performed - months * 28, 1))
        low = np.flatnonzero(~model.is_mv & (model.status == 1) & (rng.random(n) < 0.03))
        rows.append((low, np.maximum(cal.as_of - rng.integers(5, 300, len(low)), model.opened[low]), 2))
        kept = 0
        for who, day, serial in rows:
            keep = day >= model.opened[who]
            who, day = who[keep], day[keep]
            kept += len(who)
            result = rng.choice(3, len(who), p=[0.93, 0.06, 0.01])
            at = 33_000 + rng.integers(0, 20_000, len(who))
            self._put(
                "inspection",
                {
                    "inspection_id": ident("I", model.number[who] * 10 + serial, 11),
                    "account_id": self.account_id.take(pa.array(who)),
                    "planned_on": day,
                    "performed_on": day,
                    "recorded_at": instant(day, at + 5000),
                    "staff_id": self._staff(self.org[who], "inspection"),
                    "result": take(("normal", "hazard", "violation"), result),
                },
                len(who),
            )
            bad = np.flatnonzero(result == 2)
            self._violations(who[bad], day[bad], serial)
        ahead = high[rng.random(len(high)) < 0.3]
        self._put(
            "inspection",
            {
                "inspection_id": ident("I", model.number[ahead] * 10 + 7, 11),
                "account_id": self.account_id.take(pa.array(ahead)),
                "planned_on": cal.as_of + 1 + rng.integers(0, 90, len(ahead)),
                "staff_id": self._staff(self.org[ahead], "inspection"),
            },
            len(ahead),
        )
        self._calls()

    def _violations(self, who: Ints, found: Ints, serial: int) -> None:
        cal, rng, model = self.cal, self.rng, self.model
        theft = rng.random(len(who)) < 0.4
        settled = found + 3 + rng.integers(0, 15, len(who))
        settled = np.minimum(settled, cal.as_of)
        amount = 100 * rng.integers(300, 9000, len(who))
        self._put(
            "violation_case",
            {
                "violation_id": ident("V", model.number[who] * 10 + serial, 11),
                "account_id": self.account_id.take(pa.array(who)),
                "kind": take(("breach", "theft"), theft.astype(np.int64)),
                "found_on": found,
                "notice_issued_on": np.minimum(found + 1, cal.as_of),
                "approved_on": np.minimum(found + 2, cal.as_of),
                "recovered_kwh": amount / 60.0,
                "recovered_amount": amount,
                "penalty_amount": amount * 3,
                "closed_on": settled,
            },
            len(who),
        )

    def _calls(self) -> None:
        model, cal, rng, n = self.model, self.cal, self.rng, self.model.size
        per_account = rng.poisson(0.12, n)
        who = np.repeat(np.arange(n), per_account)
        count = len(who)
        kind = rng.choice(4, count, p=[0.35, 0.45, 0.08, 0.12]) + 1
        opened = cal.as_of - (rng.random(count) * 400).astype(np.int64) - 1
        # a complaint by at most one in forty, and never two of one account
        first = np.concatenate([[True], who[1:] != who[:-1]]) if count else np.zeros(0, dtype=np.bool_)
        kind = np.where(first & (rng.random(count) < 0.15), 0, kind)
        second = 28_800 + rng.integers(0, 40_000, count)
        site = rng.choice(3, count, p=[0.6, 0.35, 0.05])
        limit = np.array([45, 90, 120])[site] * 60
        arrived = second + (limit * (0.2 + 0.7 * rng.random(count))).astype(np.int64)
        repair = kind == 1
        resolved_day = np.where(
            kind == 0, np.minimum(cal.add_working(opened, rng.integers(1, 5, count)), cal.as_of), opened
        )
        resolved = np.where(repair, arrived + 2400, 50_000 + rng.integers(0, 20_000, count))
        resolved = np.where((kind > 1) & (resolved_day == opened), second + 900, resolved)
        rated = rng.random(count) < 0.5
        score = np.where(kind == 0, rng.integers(2, 5, count), np.minimum(3 + rng.integers(0, 4, count), 5))
        bad = rng.random(count) < 0.03
        score = np.where(bad, 2, score)
        self._put(
            "service_call",
            {
                "call_id": ident(
                    "SC", model.number[who] * 10 + (np.arange(count) - np.searchsorted(who, who)), 11
                ),
                "account_id": self.account_id.take(pa.array(who)),
                "org_unit_id": org_ids(self.org[who]),
                "kind": take(("complaint", "repair", "enquiry", "suggestion", "praise"), kind),
                "site": take(("urban", "rural", "remote"), site),
                "opened_at": instant(opened, second),
                "arrived_at": np.where(repair, instant(opened, arrived), EMPTY_INSTANT),
                "resolved_at": instant(resolved_day, resolved),
                "satisfaction": pc.if_else(pa.array(rated), pa.array(score), pa.scalar(None, pa.int64())),
                "topic": take(TOPICS, kind),
                "severity": nullable(take(("general", "major"), bad.astype(np.int64)), kind > 1),
                "staff_id": self._staff(self.org[who], "repair"),
                "updated_at": instant(resolved_day, resolved + 60),
            },
            count,
        )

    # --- marketing -------------------------------------------------------------------------------

    def _marketing(self) -> None:
        cal, rng = self.cal, self.rng
        number = self.customer_numbers
        count = len(number)
        ids = ident("C", number)
        channels = ("post", "sms", "phone", "email", "app", "visit")
        for at, channel in enumerate(channels):
            for purpose, chance in (("marketing", (0.5, 0.55, 0.3, 0.4, 0.35, 0.15)[at]), ("service", 0.85)):
                roll = rng.random(count)
                given = np.flatnonzero(roll < chance)
                when = cal.as_of - 60 - rng.integers(0, 900, len(given))
                columns = {"channel": channel, "purpose": purpose}
                self._put(
                    "consent",
                    {
                        **columns,
                        "customer_id": ids.take(pa.array(given)),
                        "status": "granted",
                        "changed_at": instant(when, 36_000),
                    },
                    len(given),
                )
                back = given[rng.random(len(given)) < 0.06]
                self._put(
                    "consent",
                    {
                        **columns,
                        "customer_id": ids.take(pa.array(back)),
                        "status": "withdrawn",
                        "changed_at": instant(cal.as_of - 2 - rng.integers(0, 50, len(back)), 36_000),
                    },
                    len(back),
                )
        kinds = (
            "delivered",
            "bounced",
            "opened",
            "clicked",
            "replied",
            "converted",
            "complained",
            "unsubscribed",
        )
        for serial, (campaign, channel, share) in enumerate(
            (
                ("tariff_advice_2026", "sms", 0.10),
                ("e_bill_2026", "email", 0.08),
                ("welcome", "app", 0.05),
                ("record_check_2026", "post", 0.06),
            )
        ):
            sent = np.flatnonzero(rng.random(count) < share)
            when = cal.as_of - 20 - 30 * serial - rng.integers(0, 15, len(sent))
            bounced = rng.random(len(sent)) < 0.03
            steps: list[tuple[int, Any]] = [(0, ~bounced), (1, bounced)]
            opened = ~bounced & (rng.random(len(sent)) < 0.45)
            clicked = opened & (rng.random(len(sent)) < 0.25)
            steps += [
                (2, opened),
                (3, clicked),
                (4, clicked & (rng.random(len(sent)) < 0.3)),
                (5, clicked & (rng.random(len(sent)) < 0.35)),
            ]
            steps += [
                (6, ~bounced & (rng.random(len(sent)) < 0.002)),
                (7, opened & (rng.random(len(sent)) < 0.01)),
            ]
            for kind, flags in steps:
                rows = np.flatnonzero(flags)
                self._put(
                    "campaign_event",
                    {
                        "event_id": join("CE", number_text(number[sent[rows]], 9), f"{serial}{kind}"),
                        "campaign_id": campaign,
                        "customer_id": ids.take(pa.array(sent[rows])),
                        "channel": channel,
                        "kind": kinds[kind],
                        "occurred_at": instant(
                            np.minimum(when[rows] + (kind > 1) + (kind > 3), cal.as_of), 40_000 + kind * 600
                        ),
                        "value_amount": np.full(len(rows), 12_000) if kind == 5 else None,
                    },
                    len(rows),
                )


def nullable(values: Text, empty: Any) -> Text:
    """The values, empty where told."""
    return pc.if_else(pa.array(np.asarray(empty)), pa.scalar(None, values.type), values)


def org_ids(station: Ints) -> Text:
    """Identifier of the supply station."""
    return ident("ORG-S", station, 6)


def line_ids(model: Model) -> Text:
    """Identifiers of the block's feeders."""
    return ident("L", model.feeder_number, 9)


def transformer_ids(model: Model) -> Text:
    """Identifiers of the block's transformers."""
    t = model.transformers
    return pc.if_else(pa.array(t.dedicated), ident("TD", t.number, 11), ident("T", t.number, 8))


_ROLE_BASE = {AREA: 500_000_000_000, LINE: 600_000_000_000}


def point_numbers(model: Model) -> Ints:
    """Number of each metering point, unique in the utility."""
    points = model.points
    base = np.zeros(points.size, dtype=np.int64)
    for role, start in _ROLE_BASE.items():
        base[points.role == role] = start
    return base + points.number


def point_ids(model: Model) -> Text:
    """Identifiers of the block's metering points."""
    return ident("MP", point_numbers(model), 12)


__all__ = [
    "BlockTables",
    "Tables",
    "day_of",
    "line_ids",
    "org_ids",
    "point_ids",
    "transformer_ids",
]
