"""Audit rules written a second time, in pandas, straight from their text.

The comparison side of benchmarks/rules.py, and an independent reading of the rules: each function returns the
subjects it flags, from the accepted tables alone. Nothing here knows the SQL. Energy is in kWh, money in cents.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import holidays
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from wattmark.lake import Lake
from wattmark.run import Run

SWAPS = ["install", "remove", "replace"]
TIME_OF_USE = ["sharp", "peak", "flat", "valley"]
OF_USE = [f"active_{name}" for name in TIME_OF_USE]
ENERGY_REGISTERS = ["active_total", *OF_USE, "reactive_total"]


class Data:
    """Accepted tables as of a run, as frames, and what several rules need of them.

    Args:
        lake: the lake whose ``accepted`` layer is read.
        run: the run; rows with an event after its ``as_of`` do not exist.
        params: parameters of a rule by rule id.
    """

    def __init__(self, lake: Lake, run: Run, params: dict[str, dict[str, Any]]) -> None:
        self.lake = lake
        self.params = params
        self.zone = run.time_zone
        self.as_of = pd.Timestamp(run.as_of)
        self.end = (self.as_of + pd.Timedelta(days=1)).tz_localize(self.zone)
        self.period = pd.Timestamp(run.period)
        self.period_next = self.period + pd.DateOffset(months=1)
        self.period_end = self.period_next - pd.Timedelta(days=1)
        self.starts_at = self.period.tz_localize(self.zone)
        self.ends_at = self.period_next.tz_localize(self.zone)
        self.days = (self.period_next - self.period).days
        self.hours = (self.ends_at - self.starts_at) / pd.Timedelta(hours=1)

    def months_before(self, count: int) -> pd.Timestamp:
        return self.period - pd.DateOffset(months=count)

    def table(self, name: str, columns: list[str], where: Any = None) -> pd.DataFrame:
        """Some columns of an accepted table; days as timestamps without zone, money as cents."""
        files = self.lake.files(f"accepted.{name}")
        folders = ds.partitioning(pa.schema([("period", pa.date32())]), flavor="hive")
        partitioned = folders if "/period=" in files[0] else None
        rows = ds.dataset(files, format="parquet", partitioning=partitioned).to_table(
            columns=columns, filter=where
        )
        for place, field in enumerate(rows.schema):
            if pa.types.is_decimal(field.type):
                cents = pc.round(pc.multiply(rows.column(place).cast(pa.float64()), 100.0))
                rows = rows.set_column(place, field.name, cents)
        frame = rows.to_pandas(date_as_object=False)
        for column in frame.select_dtypes("datetimetz"):
            frame[column] = frame[column].dt.tz_convert(self.zone)
        return frame

    def day(self, value: pd.Timestamp) -> pa.Scalar:
        return pa.scalar(value.date(), pa.date32())

    # --- what happened, who is there ------------------------------------------------------------

    @cached_property
    def accounts(self) -> pd.DataFrame:
        columns = [
            "account_id", "account_name", "status", "opened_on", "closed_on", "usage_category", "tariff_code", "supply_kv",
            "metering_kv", "metering_mode", "contracted_kva", "running_kva", "demand_basis", "contract_demand_kw",
            "power_factor_standard", "allocation", "reading_area_id", "is_temporary", "payment_method",
        ]  # fmt: skip
        return self.table("account", columns)

    @cached_property
    def live(self) -> pd.DataFrame:
        a = self.accounts
        return a[a.status.isin(["active", "suspended"]) & (a.opened_on <= self.period_end)]

    @cached_property
    def points(self) -> pd.DataFrame:
        columns = ["metering_point_id", "account_id", "role", "meter_id", "multiplier", "installed_on"]
        return self.table("metering_point", columns)

    @cached_property
    def events(self) -> pd.DataFrame:
        e = self.table(
            "metering_event",
            ["event_id", "metering_point_id", "kind", "occurred_at", "old_value", "new_value", "register"],
        )
        e["register"] = e.register.str.strip().replace("", None).fillna("active_total")
        return e[e.occurred_at < self.end]

    @cached_property
    def readings(self) -> pd.DataFrame:
        """Readings of P and of the month before."""
        columns = [
            "metering_point_id",
            "period",
            "register",
            "read_at",
            "previous_value",
            "current_value",
            "method",
        ]
        where = (ds.field("period") >= self.day(self.months_before(1))) & (
            ds.field("period") <= self.day(self.period)
        )
        r = self.table("register_reading", [*columns, "original_value"], where)
        return r[r.read_at < self.end]

    @cached_property
    def active(self) -> pd.DataFrame:
        """active_total readings of P."""
        r = self.readings
        return r[(r.register == "active_total") & (r.period == self.period)]

    # --- bills ----------------------------------------------------------------------------------

    @cached_property
    def bills(self) -> pd.DataFrame:
        columns = [
            "bill_id", "account_id", "period", "period_start", "period_end", "tariff_code", "metered_kwh", "loss_kwh",
            "billed_kwh", "total_amount", "issued_at", "due_on", "corrects_bill_id",
        ]  # fmt: skip
        b = self.table("bill", columns)
        return b[b.issued_at < self.end]

    @cached_property
    def bills_of_p(self) -> pd.DataFrame:
        return self.bills[self.bills.period == self.period]

    @cached_property
    def net(self) -> pd.DataFrame:
        """Net of each account and month."""
        sums = self.bills.groupby(["account_id", "period"], as_index=False).agg(
            metered_kwh=("metered_kwh", "sum"),
            billed_kwh=("billed_kwh", "sum"),
            total=("total_amount", "sum"),
        )
        sums["billed_kwh"] = sums.billed_kwh.round(6)
        return sums

    @cached_property
    def net_of_p(self) -> pd.DataFrame:
        return self.net[self.net.period == self.period]

    @cached_property
    def corrections(self) -> pd.DataFrame:
        """(bill_id, correction): each bill with all bills that correct it, through others too."""
        edge = self.bills.loc[self.bills.corrects_bill_id.notna(), ["corrects_bill_id", "bill_id"]]
        edge = edge[edge.corrects_bill_id != edge.bill_id].set_axis(["bill_id", "correction"], axis=1)
        found = [edge]
        while len(found[-1]) and len(found) < 20:
            step = found[-1].merge(edge.set_axis(["correction", "next"], axis=1), on="correction")
            found.append(step[["bill_id", "next"]].set_axis(["bill_id", "correction"], axis=1))
        pairs = pd.concat(found).drop_duplicates()
        return pairs[(pairs.bill_id != pairs.correction) & pairs.bill_id.isin(self.bills.bill_id)]

    @cached_property
    def lines(self) -> pd.DataFrame:
        """Lines of the bills of P and of their corrections."""
        of_p = self.bills_of_p.bill_id
        corrected = self.corrections.loc[self.corrections.bill_id.isin(of_p), "correction"]
        wanted = pd.concat([of_p, corrected]).unique()
        lines = self.table("bill_line", ["bill_id", "component", "amount"])
        return lines[lines.bill_id.isin(wanted)]

    @cached_property
    def paid(self) -> pd.DataFrame:
        """Bills with what was paid on them."""
        p = self.table("payment", ["bill_id", "received_at", "amount"])
        sums = p[p.received_at < self.end].groupby("bill_id").amount.agg(["sum", "size"])
        b = self.bills.merge(sums, left_on="bill_id", right_index=True, how="left")
        return b.rename(columns={"sum": "paid", "size": "payments"}).fillna({"paid": 0, "payments": 0})

    @cached_property
    def loose(self) -> pd.Series:
        """Payments that name no known bill, summed by account."""
        p = self.table("payment", ["account_id", "bill_id", "received_at", "amount"])
        p = p[(p.received_at < self.end) & ~p.bill_id.isin(self.bills.bill_id)]
        return p.groupby("account_id").amount.sum()

    @cached_property
    def settled(self) -> pd.DataFrame:
        """Bills with what is open of them after advances, credits and payments without a bill, in order of due date."""
        b = self.paid.sort_values(["account_id", "due_on", "bill_id"]).reset_index(drop=True)
        total = b.set_index("bill_id").total_amount
        above = b.set_index("bill_id").corrects_bill_id
        rest = (b.total_amount - b.paid).set_axis(b.bill_id)
        for name in rest.index[(total < 0).to_numpy() & (rest < 0).to_numpy()]:
            target, steps = above[name], 0
            while target in total.index and total[target] <= 0 and steps < 20:
                target, steps = above[target], steps + 1
            if target in total.index and total[target] > 0:
                rest[target] += rest[name]
                rest[name] = 0
        left = b.assign(rest=rest.to_numpy())
        pool = (-left.rest.clip(upper=0)).groupby(left.account_id).sum()
        pool = pool.add(self.loose, fill_value=0)
        need = left.rest.clip(lower=0)
        lacking = need.groupby(left.account_id).cumsum() - left.account_id.map(pool).fillna(0)
        return left.assign(open=lacking.clip(lower=0).clip(upper=need))

    # --- suspension -----------------------------------------------------------------------------

    @cached_property
    def taken_out(self) -> pd.DataFrame:
        """Suspend and reduce rows with their last day in force."""
        c = self.table("capacity_change", ["account_id", "kind", "capacity_kva", "start_on", "end_on"])
        c = c[c.start_on <= self.as_of]
        out = c[c.kind.isin(["suspend", "reduce"])].reset_index(drop=True)
        resumed = out.reset_index().merge(c[c.kind == "resume"], on="account_id", suffixes=("", "_resume"))
        resumed = resumed[resumed.start_on_resume > resumed.start_on].groupby("index").start_on_resume.min()
        out["last_on"] = (
            out.end_on.fillna(resumed - pd.Timedelta(days=1))
            .fillna(pd.Timestamp.max.floor("D"))
            .dt.as_unit("s")
        )
        return out

    @cached_property
    def out_days(self) -> pd.DataFrame:
        """account_id, day, suspended and out_kva of P and the 6 months before."""
        days = pd.DataFrame({"day": pd.date_range(self.months_before(6), self.period_end, unit="s")})
        d = self.taken_out.merge(days, how="cross")
        d = d[(d.day >= d.start_on) & (d.day <= d.last_on)]
        d["suspended_kva"] = d.capacity_kva.where(d.kind == "suspend", 0.0)
        sums = d.groupby(["account_id", "day"], as_index=False).agg(
            suspended_kva=("suspended_kva", "sum"), out_kva=("capacity_kva", "sum")
        )
        sums = sums.merge(self.accounts[["account_id", "contracted_kva"]], on="account_id")
        sums["suspended"] = (sums.suspended_kva > 0) & (
            sums.suspended_kva.round(6) >= sums.contracted_kva.round(6)
        )
        sums["period"] = sums.day.dt.to_period("M").dt.to_timestamp().dt.as_unit("s")
        return sums

    @cached_property
    def suspended_months(self) -> pd.DataFrame:
        """account_id, period of months with a suspended day, and the number of such days."""
        d = self.out_days
        return d[d.suspended].groupby(["account_id", "period"]).size().rename("days").reset_index()

    @cached_property
    def idle(self) -> pd.Series:
        return self.accounts.loc[self.accounts.running_kva == 0, "account_id"]

    def suspended_in_p(self) -> pd.Series:
        s = self.suspended_months
        return pd.concat([s.loc[s.period == self.period, "account_id"], self.idle])

    def wholly_in_p(self) -> pd.Series:
        s = self.suspended_months
        return pd.concat([s.loc[(s.period == self.period) & (s.days == self.days), "account_id"], self.idle])

    # --- energy by the registers ----------------------------------------------------------------

    @cached_property
    def register_energy(self) -> pd.DataFrame:
        """Each reading of P with the one before, what happened in between, and its energy."""
        r = self.readings
        now = r[r.period == self.period]
        before = r.loc[r.period != self.period, ["metering_point_id", "register", "read_at", "current_value"]]
        before = before.set_axis(
            ["metering_point_id", "register", "earlier_read_at", "earlier_value"], axis=1
        )
        e = now.merge(before, on=["metering_point_id", "register"], how="left")
        e = e.merge(self.points, on="metering_point_id")
        e = e.merge(self.table("meter", ["meter_id", "digits"]), on="meter_id", how="left")
        e = e.merge(self.accounts[["account_id", "contracted_kva"]], on="account_id", how="left")
        v = self.events[self.events.kind.isin([*SWAPS, "multiplier_changed"])]
        h = e[["metering_point_id", "register", "read_at", "earlier_read_at"]].merge(
            v, on="metering_point_id", suffixes=("", "_event")
        )
        since = h.occurred_at > h.earlier_read_at
        first = h.earlier_read_at.isna() & (h.occurred_at >= self.starts_at)
        h = h[(h.occurred_at <= h.read_at) & (since | first)]
        own = h[(h.kind == "replace") & (h.register == h.register_event)]
        keys = ["metering_point_id", "register"]
        counts = pd.DataFrame(
            {
                "swaps": h[h.kind.isin(SWAPS)].groupby(keys).size(),
                "replaces": h[h.kind == "replace"].groupby(keys).size(),
                "multiplied": h[h.kind == "multiplier_changed"].groupby(keys).size(),
                "replacements": h[h.kind == "replace"].groupby(keys).occurred_at.nunique(),
                "old_values": own.groupby(keys).old_value.nunique(),
                "new_values": own.groupby(keys).new_value.nunique(),
                "old_value": own.groupby(keys).old_value.max(),
                "new_value": own.groupby(keys).new_value.max(),
            }
        )
        e = e.merge(counts.reset_index(), on=keys, how="left")
        counted = ["swaps", "replaces", "multiplied", "replacements", "old_values", "new_values"]
        e = e.fillna(dict.fromkeys(counted, 0))
        size = 10.0**e.digits
        wrapped = (size - e.previous_value + e.current_value) * e.multiplier
        fits = e.account_id.isna() | (wrapped.round(6) <= (e.contracted_kva * self.hours).round(6))
        e["backwards"] = (e.current_value < e.previous_value) & (e.replaces == 0)
        e["rolled"] = e.backwards & (e.previous_value >= 0.9 * size) & fits
        split = (e.old_value - e.earlier_value.fillna(e.previous_value)) + (e.current_value - e.new_value)
        plain = e.current_value - e.previous_value
        e["kwh"] = np.where(e.replaces > 0, split * e.multiplier, plain * e.multiplier)
        e["kwh"] = e.kwh.where(~e.rolled, wrapped)
        reason = np.select(
            [
                e.multiplied > 0,
                (e.replacements > 1) | (e.old_values > 1) | (e.new_values > 1),
                (e.replaces > 0) & (e.old_value.isna() | e.new_value.isna()),
                e.kwh.isna(),
            ],
            ["multiplier_changed", "second_replace", "register_without_event", "previous_value_missing"],
            default="",
        )
        e["reason"] = np.where((e.register == "max_demand_kw") & (reason != "multiplier_changed"), "", reason)
        e.loc[e.register == "max_demand_kw", "kwh"] = e.current_value * e.multiplier
        return e

    # --- the recalculated bill ------------------------------------------------------------------

    @cached_property
    def roots(self) -> pd.DataFrame:
        """Bills of P that correct none, with their account and why their energy is left out."""
        b = self.bills_of_p[self.bills_of_p.corrects_bill_id.isna()]
        b = b.merge(
            self.accounts.drop(columns=["tariff_code", "opened_on", "closed_on"]), on="account_id", how="left"
        )
        grown = self.table("capacity_change", ["account_id", "kind", "start_on"])
        grown = grown[grown.kind.isin(["new", "increase"]) & (grown.start_on <= self.as_of)]
        b = b.merge(
            grown.groupby("account_id").start_on.max().rename("grown_on"), on="account_id", how="left"
        )
        o = self.table("service_order", ["account_id", "kind", "closed_at", "outcome", "submitted_at"])
        o = o[(o.kind == "change_tariff") & (o.submitted_at < self.end) & (o.closed_at < self.end)]
        o = o[~o.outcome.isin(["withdrawn", "rejected"])]
        o["closed_on"] = o.closed_at.dt.tz_localize(None).dt.floor("D")
        b = b.merge(o.groupby("account_id").closed_on.max().rename("changed_on"), on="account_id", how="left")
        billed = self.points[self.points.role.isin(["main", "sub"]) & self.points.account_id.notna()]
        e = self.register_energy
        e = e[e.role.isin(["main", "sub"])]
        reason = e[
            (e.reason != "") & ((e.reason != "previous_value_missing") | (e.register == "active_total"))
        ]
        multiplied = self.events[self.events.kind == "multiplier_changed"].merge(
            billed, on="metering_point_id"
        )
        multiplied = multiplied.merge(
            b[["bill_id", "account_id", "period_start", "period_end"]], on="account_id"
        )
        on = multiplied.occurred_at.dt.tz_localize(None).dt.floor("D")
        multiplied = multiplied[(on >= multiplied.period_start) & (on <= multiplied.period_end)]
        b["left_out"] = (
            (b.allocation != "none")
            | b.account_id.isin(reason.account_id)
            | b.bill_id.isin(multiplied.bill_id)
            | (b.grown_on > b.period_start)
            | (b.changed_on > b.period_start)
        )
        # A point that was there before and is not read: its energy is empty, and so is the sum.
        removed = self.events[self.events.kind == "remove"].groupby("metering_point_id").occurred_at.max()
        r = self.readings[self.readings.register == "active_total"]
        last = r.groupby("metering_point_id").read_at.max()
        quiet = billed[~billed.metering_point_id.isin(self.active.metering_point_id)]
        was_read = quiet.metering_point_id.isin(last.index)
        there = was_read | ((quiet.role == "main") & (quiet.installed_on < self.period))
        gone_at = quiet.metering_point_id.map(removed)
        read_at = quiet.metering_point_id.map(last)
        gone = gone_at.notna() & (read_at.isna() | (gone_at >= read_at))
        b["unread"] = b.account_id.isin(quiet.loc[there & ~gone, "account_id"])
        return b.merge(self.account_energy, on="account_id", how="left")

    @cached_property
    def account_energy(self) -> pd.DataFrame:
        """Energy of P by account, main points less sub points."""
        e = self.register_energy
        e = e[e.role.isin(["main", "sub"]) & e.account_id.notna()]
        signed = e.assign(kwh=e.kwh.where(e.role == "main", -e.kwh))
        wide = signed.groupby(["account_id", "register"]).kwh.sum(min_count=1).unstack()
        main = e[e.role == "main"].groupby(["account_id", "register"]).kwh.agg(["sum", "count"]).unstack()
        out = wide.reindex(columns=ENERGY_REGISTERS).round(6)
        # A register of a point without a start says nothing of the whole.
        unsaid = e[e.kwh.isna() & e.register.isin(OF_USE)].account_id
        out.loc[out.index.isin(unsaid), OF_USE] = np.nan
        # Nor do the others where a main point has not all four and they do not hold its total.
        held = main["sum"].reindex(columns=OF_USE).sum(axis=1)
        total = main["sum"].active_total
        fewer = main["count"].reindex(columns=OF_USE).sum(axis=1) < 4 * main["count"].active_total
        short = fewer & ((held - total).abs() > np.maximum(1, 0.01 * total.abs()))
        out.loc[out.index.isin(short.index[short]), OF_USE] = np.nan
        none = pd.Series(np.nan, main.index)
        for register, name in [
            ("active_total", "main_active"),
            ("reactive_total", "reactive"),
            ("max_demand_kw", "demand"),
        ]:
            value = main["sum"].get(register, none).round(6)
            points = main["count"].get(register, none).fillna(0)
            enough = points >= main["count"].get("active_total", none).fillna(0)
            out[name] = value.where(enough & (points > 0))
        return out.reset_index()

    @cached_property
    def rates(self) -> pd.DataFrame:
        r = self.table(
            "tariff_rate",
            ["tariff_code", "component", "step_no", "step_from_kwh", "unit_price", "valid_from", "valid_to"],
        )
        ends = self.bills_of_p.period_end.drop_duplicates().to_frame()
        r = r.merge(ends, how="cross")
        r = r[(r.valid_from <= r.period_end) & (r.valid_to.isna() | (r.valid_to >= r.period_end))]
        keys = ["tariff_code", "period_end", "component", "step_no"]
        return r.sort_values("valid_from").drop_duplicates(keys, keep="last")

    @cached_property
    def losses(self) -> pd.DataFrame:
        """iron_kwh and copper_rate of each bill of P of an account whose losses are billed."""
        t = self.table(
            "transformer",
            ["account_id", "ownership", "rated_kva", "loss_code", "retired_on", "commissioned_on"],
        )
        code = self.table(
            "loss_code", ["loss_code", "iron_loss_kwh_per_day", "copper_loss_rate", "rated_kva"]
        )
        t = t[t.ownership == "dedicated"].merge(code, on="loss_code", how="left", suffixes=("", "_code"))
        b = self.bills_of_p[self.bills_of_p.corrects_bill_id.isna()]
        hv_lv = self.accounts[self.accounts.metering_mode == "hv_lv"]
        b = b[b.account_id.isin(hv_lv.account_id)]
        j = b[["bill_id", "account_id", "period_start", "period_end"]].merge(t, on="account_id")
        j = j[
            ~(j.retired_on <= j.period_end) & (j.commissioned_on.isna() | (j.commissioned_on <= j.period_end))
        ]
        j["kva"] = j.rated_kva.fillna(j.rated_kva_code)
        j["weighted"] = j.copper_loss_rate * j.kva
        j["kva"] = j.kva.where(j.copper_loss_rate.notna())
        sums = j.groupby("bill_id").agg(
            iron=("iron_loss_kwh_per_day", "sum"),
            codes=("iron_loss_kwh_per_day", "count"),
            size=("bill_id", "size"),
            weighted=("weighted", "sum"),
            kva=("kva", "sum"),
        )
        out = b[["bill_id", "account_id", "period_start", "period_end"]].merge(sums, on="bill_id")
        d = self.out_days[self.out_days.suspended].merge(
            out[["bill_id", "account_id", "period_start", "period_end"]], on="account_id"
        )
        still = d[(d.day >= d.period_start) & (d.day <= d.period_end)].groupby("bill_id").size()
        days = (out.period_end - out.period_start).dt.days + 1 - out.bill_id.map(still).fillna(0)
        out["iron_kwh"] = (out.iron * days.where(~out.account_id.isin(self.idle), 0)).round(6)
        out["copper_rate"] = out.weighted / out.kva.where(out.kva != 0)
        out["unknown_code"] = out.codes < out["size"]
        return out[["bill_id", "iron_kwh", "copper_rate", "unknown_code"]]

    @cached_property
    def shadow(self) -> pd.DataFrame:
        """Bills of P that correct none, recalculated on their own tariff; cents, empty where not checked."""
        b = self.roots
        tariff = self.table(
            "tariff", ["tariff_code", "is_two_part", "is_time_of_use", "is_stepped", "step_basis"]
        )
        b = b.merge(tariff, on="tariff_code", how="left").merge(self.losses, on="bill_id", how="left")
        has_loss = b.iron_kwh.notna()
        iron = b.iron_kwh.fillna(0)
        copper = (b.copper_rate * b.active_total).round(6).where(has_loss, 0)
        loss = iron + copper
        billed = b.active_total + loss
        first = self.rates.sort_values("step_no").drop_duplicates(["tariff_code", "period_end", "component"])
        price = first.pivot(index=["tariff_code", "period_end"], columns="component", values="unit_price")
        price = b[["tariff_code", "period_end"]].merge(
            price.reset_index(), on=["tariff_code", "period_end"], how="left"
        )
        price.index = b.index
        names = [
            "energy",
            *(f"energy_{name}" for name in TIME_OF_USE),
            "capacity",
            "demand",
            "surcharge",
        ]
        price = price.reindex(columns=names)
        stepped = b.is_stepped.astype(bool)
        of_use = b.is_time_of_use.astype(bool) & ~stepped
        # Stepped: each slice at its own price.
        step = self.rates[self.rates.component == "energy"].sort_values("step_from_kwh")
        step["to_kwh"] = step.groupby(["tariff_code", "period_end"]).step_from_kwh.shift(-1)
        step["is_first"] = step.groupby(["tariff_code", "period_end"]).cumcount() == 0
        s = b.loc[stepped, ["tariff_code", "period_end"]].assign(billed=billed).reset_index()
        s = s.merge(step, on=["tariff_code", "period_end"])
        upper = np.minimum(s.billed, s.to_kwh.fillna(np.inf))
        lower = s.step_from_kwh.where(~(s.is_first & (s.billed < s.step_from_kwh)), s.step_from_kwh)
        slice_kwh = (upper - lower).where(s.is_first | (s.billed > s.step_from_kwh), 0)
        by_step = cents(slice_kwh * s.unit_price).groupby(s["index"]).sum().reindex(b.index)
        registers = {name: b[f"active_{name}"] for name in TIME_OF_USE}
        by_use = sum(cents(registers[name] * price[f"energy_{name}"]).fillna(0) for name in TIME_OF_USE)
        by_use = by_use.where(pd.concat(registers.values(), axis=1).notna().any(axis=1))
        unpriced = np.logical_or.reduce(
            [(registers[name].fillna(0) != 0) & price[f"energy_{name}"].isna() for name in TIME_OF_USE]
        )
        by_use = by_use.where(~unpriced)
        energy = cents(b.active_total * price.energy)
        energy = energy.where(~of_use, by_use).where(~stepped, by_step)
        loss_price = price.energy.where(~b.is_time_of_use.astype(bool), price.energy_flat)
        iron_amount = cents(iron * loss_price).where(iron != 0, 0)
        copper_amount = cents(copper * loss_price).where(copper != 0, 0)
        loss_amount = (iron_amount + copper_amount).where(~stepped, 0)
        # Capacity or demand; a high use of the capacity reduces the price of demand.
        high_use = b.active_total.round(6) >= (260 * b.contracted_kva).round(6)
        price["demand"] = price.demand.where(~high_use, price.demand * 0.9)
        taken = self.out_days.merge(
            b[["bill_id", "account_id", "period_start", "period_end", "contracted_kva"]],
            on="account_id",
            suffixes=("", "_bill"),
        )
        taken = taken[(taken.day >= taken.period_start) & (taken.day <= taken.period_end)]
        out = np.minimum(taken.out_kva, taken.contracted_kva).groupby(taken.bill_id).sum()
        days = (b.period_end - b.period_start).dt.days + 1
        mean_kva = (b.contracted_kva * days - b.bill_id.map(out).fillna(0)) / days
        basis = b.demand_basis.where(b.is_two_part.astype(bool), "none")
        over = (b.demand - 1.05 * b.contract_demand_kw).clip(lower=0)
        by_contract = cents(price.demand * b.contract_demand_kw) + cents(2 * price.demand * over)
        capacity = pd.Series(0.0, b.index)
        capacity = capacity.where(basis != "capacity", cents(price.capacity * mean_kva))
        capacity = capacity.where(basis != "actual_demand", cents(price.demand * b.demand))
        capacity = capacity.where(basis != "contract_demand", by_contract)
        # Power factor.
        adjusted = b.power_factor_standard.notna() & ~stepped
        factor = np.floor(b.main_active / np.hypot(b.main_active, b.reactive) * 100 + 0.5 + 1e-9)
        percent = power_factor_percent((b.power_factor_standard * 100).round(), factor)
        percent = percent.where(adjusted & (b.main_active > 0), 0)
        charge = energy + loss_amount + capacity
        b["power_factor_cents"] = cents(percent * charge / 100 / 100)
        surcharge = cents(price.surcharge.fillna(0) * billed)
        total = charge + b.power_factor_cents + surcharge
        checked = (
            ~self._is_rare(b)
            & ~b.left_out
            & ~b.unread
            & ~b.unknown_code.fillna(False).astype(bool)
            & total.notna()
        )
        b["total_cents"] = total.where(checked)
        b["power_factor_cents"] = b.power_factor_cents.where(checked)
        b["billed_cents"] = self._with_corrections(b, self.bills.set_index("bill_id").total_amount)
        factor_lines = self.lines[self.lines.component == "power_factor"].groupby("bill_id").amount.sum()
        b["billed_factor_cents"] = self._with_corrections(b, factor_lines)
        return b

    def _is_rare(self, bills: pd.DataFrame) -> pd.Series:
        """Bills of few accounts in ways that are not worked out here: fewer to compare, and none that is flagged."""
        rates = self.table("tariff_rate", ["tariff_code", "component", "valid_from"])
        changed = bills[["bill_id", "tariff_code", "period_start", "period_end"]].merge(
            rates, on="tariff_code"
        )
        changed = changed[
            (changed.valid_from > changed.period_start) & (changed.valid_from <= changed.period_end)
        ]
        deep = rates.loc[rates.component == "energy_deep", "tariff_code"]
        exporting = self.readings.loc[self.readings.register == "active_export", "metering_point_id"]
        fed = self.points.loc[self.points.metering_point_id.isin(exporting), "account_id"]
        days = (bills.period_end - bills.period_start).dt.days + 1
        part = bills.is_stepped.astype(bool) & (days < bills.period_end.dt.days_in_month)
        rare: pd.Series = (
            (bills.step_basis == "year")
            | bills.bill_id.isin(changed.bill_id)
            | bills.tariff_code.isin(deep)
            | bills.account_id.isin(fed)
            | part
        )
        return rare

    def _with_corrections(self, bills: pd.DataFrame, amount: pd.Series) -> pd.Series:
        c = self.corrections[self.corrections.bill_id.isin(bills.bill_id)]
        more = c.correction.map(amount).fillna(0).groupby(c.bill_id).sum()
        return bills.bill_id.map(amount).fillna(0) + bills.bill_id.map(more).fillna(0)


def cents(amount: pd.Series) -> pd.Series:
    """Currency in doubles, as cents rounded half up (away from zero)."""
    scaled = (amount.abs() * 100).round(6)
    return np.sign(amount) * np.floor(scaled + 0.5)


def power_factor_percent(standard: pd.Series, factor: pd.Series) -> pd.Series:
    """Adjustment in percent by standard and factor, both in hundredths."""
    top = {90: (95, 0.15), 85: (90, 0.1), 80: (90, 0.1)}
    steps = {
        90: {95: -0.75},
        85: {91: -0.65, 92: -0.80, 93: -0.95, 94: -1.10},
        80: {91: -1.15, 92: -1.30},
    }
    knee = standard - 20
    below = (
        0.5 * (standard - factor.clip(lower=knee))
        + (knee - factor.clip(lower=knee - 5)).clip(lower=0)
        + 2 * (knee - 5 - factor).clip(lower=0)
    )
    above = pd.Series(0.0, factor.index)
    for value, (last, each) in top.items():
        linear = -each * (factor.clip(upper=last) - value)
        table = steps[value]
        listed = factor.clip(upper=max(table)).map(table)
        above = above.where(standard != value, listed.fillna(linear))
    return above.where(factor > standard, below)


# --- the rules ---------------------------------------------------------------------------------------

Rule = Callable[[Data], "pd.Series"]
RULES: dict[str, Rule] = {}


def rule(rule_id: str) -> Callable[[Rule], Rule]:
    """Register the function as the pandas side of a rule."""

    def keep(function: Rule) -> Rule:
        RULES[rule_id] = function
        return function

    return keep


@rule("TAR-01")
def not_continued(d: Data) -> pd.Series:
    e = d.register_energy
    off = (e.previous_value - e.earlier_value).abs().round(6) > d.params["TAR-01"]["tolerance"]
    return e.loc[(e.register == "active_total") & (e.swaps == 0) & off, "metering_point_id"]


@rule("TAR-02")
def backwards_or_fast(d: Data) -> pd.Series:
    e = d.register_energy
    e = e[e.register == "active_total"]
    back = e.backwards & ~e.rolled & e.digits.notna()
    limit = (d.params["TAR-02"]["max_use"] * e.contracted_kva * d.hours).round(6)
    fast = ((e.current_value - e.previous_value) * e.multiplier).round(6) > limit
    return e.loc[back | fast, "metering_point_id"]


def _jumps(d: Data, value: str, rule_id: str, smallest: str, scale: float) -> pd.Series:
    n = d.net
    before = n[(n.period < d.period) & (n.period >= d.months_before(6))]
    b = before.groupby("account_id")[value].agg(["median", "size"])
    now = d.net_of_p.merge(b, on="account_id")
    s = d.suspended_months.merge(pd.concat([before, d.net_of_p])[["account_id", "period"]])
    now = now[(now["size"] >= 3) & ~now.account_id.isin(s.account_id) & ~now.account_id.isin(d.idle)]
    now = now.merge(d.accounts[["account_id", "usage_category"]], on="account_id")
    p = d.params[rule_id]
    least = now.usage_category.map(p[smallest]).fillna(p[smallest]["default"]).astype(float) * scale
    change = (now[value] - now["median"]).abs().round(6)
    flagged = (change > (p["max_change"] * now["median"].abs()).round(6)) & (change > least)
    return now.loc[flagged, "account_id"]


@rule("TAR-03")
def energy_jumps(d: Data) -> pd.Series:
    return _jumps(d, "billed_kwh", "TAR-03", "min_kwh", 1)


@rule("TAR-04")
def bill_jumps(d: Data) -> pd.Series:
    return _jumps(d, "total", "TAR-04", "min_amount", 100)


@rule("TAR-05")
def zero_for_long(d: Data) -> pd.Series:
    periods = d.params["TAR-05"]["min_periods"]
    n = d.net
    zero = n[(n.period > d.months_before(periods)) & (n.period <= d.period) & (n.billed_kwh == 0)]
    count = zero.groupby("account_id").size()
    a = d.live[~d.live.account_id.isin(d.suspended_in_p())]
    return a.loc[a.account_id.map(count) >= periods, "account_id"]


@rule("TAR-06")
def energy_off(d: Data) -> pd.Series:
    b = d.roots
    off = (b.metered_kwh - b.active_total).abs().round(6) > d.params["TAR-06"]["tolerance_kwh"]
    return b.loc[off & ~b.left_out & ~b.unread, "bill_id"]


@rule("TAR-07")
def negative(d: Data) -> pd.Series:
    return d.net_of_p.loc[d.net_of_p.total < 0, "account_id"]


@rule("TAR-08")
def free_energy(d: Data) -> pd.Series:
    return d.net_of_p.loc[(d.net_of_p.billed_kwh > 0) & (d.net_of_p.total == 0), "account_id"]


@rule("TAR-09")
def no_iron_loss(d: Data) -> pd.Series:
    tariff = d.table("tariff", ["tariff_code", "is_stepped"])
    b = d.bills_of_p
    plain = b[b.tariff_code.isin(tariff.loc[~tariff.is_stepped, "tariff_code"])]
    charged = d.lines[(d.lines.component == "loss_iron") & (d.lines.amount > 0)]
    paying = b.loc[b.bill_id.isin(charged.bill_id), "account_id"]
    a = d.accounts[(d.accounts.metering_mode == "hv_lv") & d.accounts.account_id.isin(plain.account_id)]
    return a.loc[~a.account_id.isin(d.wholly_in_p()) & ~a.account_id.isin(paying), "account_id"]


@rule("TAR-10")
def off_day(d: Data) -> pd.Series:
    area = d.table("reading_area", ["reading_area_id", "fixed_day"])
    r = d.active.merge(d.points[["metering_point_id", "account_id"]], on="metering_point_id")
    r = r.merge(d.accounts[["account_id", "reading_area_id"]], on="account_id").merge(
        area, on="reading_area_id"
    )
    due = d.period + pd.to_timedelta(r.fixed_day.clip(upper=d.days) - 1, unit="D")
    off = (r.read_at.dt.tz_localize(None).dt.floor("D") - due).dt.days.abs()
    return r.loc[off > d.params["TAR-10"]["tolerance_days"], "reading_area_id"].drop_duplicates()


@rule("TAR-11")
def new_not_billed(d: Data) -> pd.Series:
    a = d.live[d.live.opened_on >= d.period]
    read = d.points.loc[d.points.metering_point_id.isin(d.active.metering_point_id), "account_id"]
    done = a.account_id.isin(read) & a.account_id.isin(d.bills_of_p.account_id)
    return a.loc[~done, "account_id"]


@rule("TAR-12")
def not_time_of_use(d: Data) -> pd.Series:
    p = d.params["TAR-12"]
    tariff = d.table("tariff", ["tariff_code", "is_time_of_use"])
    a = d.live[d.live.usage_category.isin(p["categories"]) & (d.live.contracted_kva >= p["min_kva"])]
    return a.loc[a.tariff_code.isin(tariff.loc[~tariff.is_time_of_use, "tariff_code"]), "account_id"]


@cache
def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@rule("TAR-13")
def business_name(d: Data) -> pd.Series:
    def pattern(words: list[str]) -> str:
        parts = []
        for word in map(_folded, words):
            text = re.escape(word)
            latin = re.search("[a-z]", word)
            edge = "0-9a-zÀ-ÖØ-öø-ɏḀ-ỿ"
            parts.append(f"(?<![{edge}]){text}(?![{edge}])" if latin else text)
        return "|".join(parts)

    p = d.params["TAR-13"]
    a = d.live[d.live.usage_category == "residential"]
    name = a.account_name.str.normalize("NFKC").str.casefold()
    hit = name.str.contains(pattern(p["words"]), regex=True)
    exempt = name.str.contains(pattern(p["exempt"]), regex=True)
    return a.loc[hit.fillna(False).astype(bool) & ~exempt.fillna(False).astype(bool), "account_id"]


@rule("MET-01")
def not_the_meter_there(d: Data) -> pd.Series:
    meter = d.table("meter", ["meter_id", "metering_point_id", "status"])
    p = d.points[(d.points.role == "main") & d.points.account_id.isin(d.live.account_id)]
    p = p.merge(meter, on="meter_id", how="left", suffixes=("", "_asset"))
    elsewhere = p.metering_point_id_asset.notna() & (p.metering_point_id_asset != p.metering_point_id)
    return p.loc[p.status.isna() | elsewhere | ~p.status.isin(["in_use", "faulty"]), "metering_point_id"]


@rule("INS-02")
def demand_unasked(d: Data) -> pd.Series:
    demand = d.lines.loc[d.lines.component == "demand", "bill_id"]
    billed = d.bills_of_p.loc[d.bills_of_p.bill_id.isin(demand), "account_id"]
    a = d.accounts[d.accounts.demand_basis.isin(["none", "capacity"])]
    return a.loc[a.account_id.isin(billed), "account_id"]


@rule("TAR-14")
def much_for_a_home(d: Data) -> pd.Series:
    n = d.net_of_p[d.net_of_p.billed_kwh > d.params["TAR-14"]["max_kwh"]]
    home = d.accounts.loc[d.accounts.usage_category == "residential", "account_id"]
    return n.loc[n.account_id.isin(home), "account_id"]


@rule("TAR-16")
def does_not_add_up(d: Data) -> pd.Series:
    b = d.bills_of_p
    lines = b.bill_id.map(d.lines.groupby("bill_id").amount.sum())
    energy = (b.billed_kwh - (b.metered_kwh + b.loss_kwh)).abs().round(6) > 1
    return b.loc[lines.isna() | ((lines - b.total_amount).abs() > 1) | energy, "bill_id"]


@rule("TAR-17")
def not_read(d: Data) -> pd.Series:
    a = d.accounts
    open_all = (a.opened_on <= d.period) & ~(a.closed_on <= d.period_end)
    known = a.status.isin(["active", "suspended"]) | ((a.status == "closed") & a.closed_on.notna())
    p = d.points[(d.points.role == "main") & (d.points.installed_on < d.period)]
    p = p[p.account_id.isin(a.loc[open_all & known, "account_id"])]
    return p.loc[~p.metering_point_id.isin(d.active.metering_point_id), "metering_point_id"]


@rule("TAR-18")
def edited(d: Data) -> pd.Series:
    p = d.params["TAR-18"]
    r = d.active[d.active.original_value.notna()].merge(d.points, on="metering_point_id")
    change = ((r.current_value - r.original_value).abs() * r.multiplier).round(6)
    share = (p["min_share"] * (r.original_value - r.previous_value) * r.multiplier).round(6)
    return r.loc[(change > p["min_kwh"]) & (change > share), "metering_point_id"]


@rule("TAR-19")
def estimated_for_long(d: Data) -> pd.Series:
    periods = d.params["TAR-19"]["min_periods"]
    where = (
        (ds.field("period") > d.day(d.months_before(periods)))
        & (ds.field("period") <= d.day(d.period))
        & (ds.field("register") == "active_total")
        & (ds.field("method") == "estimated")
    )
    r = d.table("register_reading", ["metering_point_id", "read_at"], where)
    count = r[r.read_at < d.end].groupby("metering_point_id").size()
    return pd.Series(count.index[count >= periods])


@rule("TAR-20")
def differs_from_recalculation(d: Data) -> pd.Series:
    p = d.params["TAR-20"]
    b = d.shadow
    off = (b.billed_cents - b.total_cents).abs()
    flagged = (off > 100 * p["tolerance_amount"]) & (
        off.round(6) > (p["tolerance_share"] * b.total_cents.abs()).round(6)
    )
    return b.loc[flagged, "bill_id"]


@rule("TAR-21")
def wrong_tariff(d: Data) -> pd.Series:
    b = d.bills_of_p.merge(
        d.accounts[["account_id", "tariff_code", "supply_kv"]], on="account_id", suffixes=("", "_account")
    )
    b = b.merge(d.table("tariff", ["tariff_code", "min_kv", "max_kv"]), on="tariff_code", how="left")
    rated = b[["tariff_code", "period_end"]].merge(
        d.rates[["tariff_code", "period_end"]].drop_duplicates(), how="left", indicator=True
    )
    other = b.tariff_code_account.notna() & (b.tariff_code != b.tariff_code_account)
    outside = (b.supply_kv < b.min_kv) | (b.supply_kv > b.max_kv)
    return b.loc[other | outside | (rated._merge == "left_only"), "bill_id"]


@rule("TAR-22")
def wrong_power_factor(d: Data) -> pd.Series:
    p = d.params["TAR-22"]
    b = d.shadow[d.shadow.power_factor_standard.notna()]
    off = (b.billed_factor_cents - b.power_factor_cents).abs()
    flagged = (off > 100 * p["tolerance_amount"]) & (
        off.round(6) > (p["tolerance_share"] * b.power_factor_cents.abs()).round(6)
    )
    return b.loc[flagged, "bill_id"]


# --- records ------------------------------------------------------------------------------------

IN_CREDIT_CODES = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def blank(texts: pd.Series) -> pd.Series:
    return texts.isna() | (texts.str.strip() == "")


@rule("ARC-01")
def fields_missing(d: Data) -> pd.Series:
    a = d.live[["account_id"]].merge(
        d.table("account", ["account_id", "customer_id", "tariff_code", "reading_area_id", "service_address", "metering_kv"]),
        on="account_id",
    )  # fmt: skip
    a = a.merge(
        d.table("customer", ["customer_id", "name", "id_number", "mobile", "phone"]),
        on="customer_id",
        how="left",
    )
    empty = a.metering_kv.isna() | (blank(a.mobile) & blank(a.phone))
    for column in ("tariff_code", "reading_area_id", "service_address", "name", "id_number"):
        empty |= blank(a[column])
    empty |= ~a.account_id.isin(d.points.loc[d.points.role == "main", "account_id"])
    empty |= ~a.account_id.isin(d.table("supply_point", ["account_id"]).account_id)
    return a.loc[empty, "account_id"]


def _is_resident_number(text: str) -> bool:
    if not re.fullmatch("[0-9]{17}[0-9X]", text):
        return False
    try:
        dt.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return (
        sum(2 ** (17 - at) % 11 * (10 if char == "X" else int(char)) for at, char in enumerate(text)) % 11
        == 1
    )


def _is_credit_code(text: str) -> bool:
    if not re.fullmatch(f"[{IN_CREDIT_CODES}]{{2}}[0-9]{{6}}[{IN_CREDIT_CODES}]{{10}}", text):
        return False
    digits = [IN_CREDIT_CODES.index(char) for char in text]
    return (sum(3**at % 31 * digit for at, digit in enumerate(digits[:17])) + digits[17]) % 31 == 0


@rule("ARC-05")
def check_digit(d: Data) -> pd.Series:
    c = d.table("customer", ["customer_id", "kind", "id_number"])
    c = c[~blank(c.id_number)]
    resident = (c.kind == "person") & c.id_number.map(_is_resident_number).astype(bool)
    credit = (c.kind == "organisation") & c.id_number.map(_is_credit_code).astype(bool)
    return c.loc[~(resident | credit), "customer_id"]


@rule("ARC-06")
def number_on_several(d: Data) -> pd.Series:
    c = d.table("customer", ["customer_id", "id_number"])
    c = c[~blank(c.id_number)]
    number = c.id_number.str.replace(r"\s+", "", regex=True).str.upper()
    return c.loc[number.groupby(number).transform("size") >= 2, "customer_id"]


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(
        char for char in folded if unicodedata.category(char)[0] not in "PSZ" and not char.isspace()
    )


@rule("ARC-08")
def other_name(d: Data) -> pd.Series:
    a = d.live[["account_id", "account_name"]].merge(
        d.table("account", ["account_id", "customer_id"]), on="account_id"
    )
    a = a.merge(d.table("customer", ["customer_id", "name"]), on="customer_id")
    a = a[~blank(a.account_name) & ~blank(a.name)]
    return a.loc[a.account_name.map(_letters) != a.name.map(_letters), "account_id"]


# --- collection ---------------------------------------------------------------------------------


@rule("COL-01")
def remitted_late(d: Data) -> pd.Series:
    p = d.table("payment", ["payment_id", "channel", "received_at", "remitted_on"])
    p = p[p.channel.isin(["cash", "counter_card"]) & (p.received_at < d.end)]
    received = p.received_at.dt.tz_localize(None).dt.floor("D")
    remitted = p.remitted_on.where(p.remitted_on <= d.as_of).fillna(d.as_of)
    days = pd.date_range(min(received.min(), remitted.min()), max(received.max(), remitted.max()))
    known = holidays.country_holidays("CN", years=range(days[0].year, days[-1].year + 1))
    number = pd.Series([known.is_working_day(day) for day in days], index=days).cumsum()
    passed = remitted.map(number) - received.map(number)
    return p.loc[passed > d.params["COL-01"]["max_wd"], "payment_id"]


@rule("COL-02")
def matched_to_no_bill(d: Data) -> pd.Series:
    p = d.table("payment", ["payment_id", "bill_id", "channel", "received_at"])
    p = p[(p.received_at < d.end) & (p.channel != "prepaid") & p.bill_id.isna()]
    age = (d.as_of - p.received_at.dt.tz_localize(None).dt.floor("D")).dt.days
    return p.loc[age > d.params["COL-02"]["max_days"], "payment_id"]


@rule("COL-03")
def long_overdue(d: Data) -> pd.Series:
    b = d.settled[d.settled.due_on < d.as_of - pd.Timedelta(days=d.params["COL-03"]["max_days"])]
    open_cents = b.open.groupby(b.account_id).sum()
    return pd.Series(open_cents.index[open_cents > 1])


@rule("COL-04")
def paid_twice(d: Data) -> pd.Series:
    b = d.paid
    excess = (b.paid - b.total_amount).set_axis(b.bill_id)
    c = d.corrections
    more = c.correction.map(excess).groupby(c.bill_id).sum()
    over = b.bill_id.map(excess) + b.bill_id.map(more).fillna(0)
    return b.loc[(b.payments > 0) & (over > 1), "bill_id"]


def _mean_month(d: Data) -> pd.Series:
    n = d.net[(d.net.period > d.months_before(6)) & (d.net.period <= d.period)]
    return n.groupby("account_id").total.mean()


@rule("RSK-03")
def exposed(d: Data) -> pd.Series:
    p = d.params["RSK-03"]
    a = d.accounts[d.accounts.contracted_kva >= p["min_kva"]]
    owed = (d.paid.total_amount - d.paid.paid).groupby(d.paid.account_id).sum()
    unpaid = a.account_id.map(owed.sub(d.loose, fill_value=0))
    limit = p["max_months"] * a.account_id.map(_mean_month(d))
    return a.loc[(unpaid > 0) & (unpaid.round(4) > limit.round(4)), "account_id"]


@rule("RSK-05")
def short_lived(d: Data) -> pd.Series:
    a = d.live[d.live.is_temporary & d.live.payment_method.notna() & (d.live.payment_method != "prepaid")]
    n = d.net[(d.net.period > d.months_before(6)) & (d.net.period <= d.period)].merge(
        a[["account_id", "opened_on"]], on="account_id"
    )
    n = n[n.period >= n.opened_on.dt.to_period("M").dt.to_timestamp()]
    mean = n.groupby("account_id").total.mean()
    return pd.Series(mean.index[mean.round(4) > 100 * d.params["RSK-05"]["min_amount"]])


@rule("MET-03")
def wrong_multiplier(d: Data) -> pd.Series:
    tolerance = d.params["MET-03"]["tolerance"]
    t = d.table("instrument_transformer", ["metering_point_id", "kind", "primary_value", "secondary_value"])
    t = t[t.primary_value.notna() & t.secondary_value.notna() & (t.secondary_value != 0)]
    ratio = (t.primary_value / t.secondary_value).groupby([t.metering_point_id, t.kind]).agg(["min", "max"])
    mixed = ratio[(ratio["max"] - ratio["min"]).round(9) > tolerance].reset_index().metering_point_id
    true = ratio["min"].groupby("metering_point_id").prod()
    p = d.points[d.points.role.isin(["main", "sub", "area"])]
    off = (p.multiplier - p.metering_point_id.map(true).fillna(1)).abs().round(9) > tolerance
    return p.loc[off | p.metering_point_id.isin(mixed), "metering_point_id"]


@rule("MET-04")
def not_mended(d: Data) -> pd.Series:
    limit = pd.Timedelta(days=d.params["MET-04"]["max_days"])
    e = d.events
    faults = e.loc[e.kind == "fault_reported", ["event_id", "metering_point_id", "occurred_at"]]
    fixes = e.loc[e.kind.isin(["fault_cleared", "replace"]), ["metering_point_id", "occurred_at"]]
    j = faults.merge(fixes, on="metering_point_id", suffixes=("", "_fixed"))
    in_time = (j.occurred_at_fixed >= j.occurred_at) & (j.occurred_at_fixed <= j.occurred_at + limit)
    late = faults[~faults.event_id.isin(j.loc[in_time, "event_id"])]
    return late.loc[late.occurred_at + limit < d.end, "metering_point_id"].drop_duplicates()


@rule("MET-08")
def rotation_overdue(d: Data) -> pd.Series:
    p = d.params["MET-08"]
    m = d.table("meter", ["meter_id", "status", "accuracy_class", "calibrated_on"])
    m = m[m.status == "in_use"]
    years = m.accuracy_class.map({str(key): value for key, value in p["years"].items()})
    limits = {y: d.as_of - pd.DateOffset(years=int(y)) for y in {*p["years"].values(), p["default_years"]}}
    limit = years.fillna(p["default_years"]).map(limits)
    return m.loc[m.calibrated_on < limit, "meter_id"]


@rule("MET-09")
def field_check_overdue(d: Data) -> pd.Series:
    p = d.points[d.points.role == "main"].merge(d.live[["account_id", "contracted_kva"]], on="account_id")
    checked = d.events[d.events.kind == "field_checked"].groupby("metering_point_id").occurred_at.max()
    last = p.metering_point_id.map(checked.dt.tz_localize(None).dt.floor("D"))
    rows = sorted(d.params["MET-09"]["months_by_kva"], reverse=True)
    limit = pd.Series(pd.NaT, p.index, dtype="datetime64[s]")
    for min_kva, months in rows:
        limit = limit.fillna(
            pd.Series(d.as_of - pd.DateOffset(months=months), p.index).where(p.contracted_kva >= min_kva)
        )
    overdue = (p.installed_on <= limit) & (last.isna() | (last < limit))
    return p.loc[overdue, "metering_point_id"]


@rule("MET-10")
def energy_not_corrected(d: Data) -> pd.Series:
    e = d.events
    faults = e.loc[e.kind == "fault_reported", ["event_id", "metering_point_id", "occurred_at"]]

    def since(kinds: list[str]) -> pd.DataFrame:
        found = faults.merge(e[e.kind.isin(kinds)], on="metering_point_id", suffixes=("", "_later"))
        return found[found.occurred_at_later >= found.occurred_at]

    fixed = since(["fault_cleared", "replace"]).groupby("event_id").occurred_at_later.min()
    age = (d.as_of - faults.event_id.map(fixed).dt.tz_localize(None).dt.floor("D")).dt.days
    waiting = age > d.params["MET-10"]["grace_days"]
    adjusted = faults.event_id.isin(since(["adjusted"]).event_id)
    return faults.loc[waiting & ~adjusted, "metering_point_id"].drop_duplicates()


@rule("MET-14")
def series_broken(d: Data) -> pd.Series:
    e = d.events
    e = e[
        e.kind.isin(["remove", "replace"])
        & (e.occurred_at >= d.starts_at)
        & (e.occurred_at < d.ends_at)
        & (e.register == "active_total")
    ]
    where = (ds.field("register") == "active_total") & ds.field("metering_point_id").isin(
        e.metering_point_id.unique().tolist()
    )
    r = d.table("register_reading", ["metering_point_id", "read_at", "current_value"], where)
    r = r[r.read_at < d.end].sort_values("read_at")
    j = e.merge(r, on="metering_point_id")
    before = j[j.read_at < j.occurred_at].groupby("event_id").current_value.last()
    after = j[j.read_at > j.occurred_at].groupby("event_id").current_value.first()
    low = (e.old_value - e.event_id.map(before)).round(6) < 0
    tolerance = d.params["MET-14"]["tolerance"]
    start = (e.kind == "replace") & ((e.event_id.map(after) - (e.new_value - tolerance)).round(6) < 0)
    return e.loc[low | start, "metering_point_id"].drop_duplicates()


@rule("ANA-06")
def far_from_peers(d: Data) -> pd.Series:
    p = d.params["ANA-06"]
    n = d.net_of_p[d.net_of_p.billed_kwh > 0].merge(
        d.accounts[["account_id", "usage_category", "tariff_code", "contracted_kva"]], on="account_id"
    )
    n["decile"] = np.ceil((10 * n.contracted_kva.rank(method="max", pct=True)).round(9))
    n["log_kwh"] = np.log(n.billed_kwh)
    peers = [n.usage_category, n.tariff_code, n.decile]
    n["away"] = (n.log_kwh - n.groupby(peers, dropna=False).log_kwh.transform("median")).abs()
    group = n.groupby(peers, dropna=False).away
    sd = 1.4826 * group.transform("median")
    far = (sd > 0) & ((n.away - p["z_max"] * sd).round(9) > 0) & (group.transform("size") >= p["min_peers"])
    return n.loc[far, "account_id"]
