"""Mends the source rows that a finding names, in a session that lives in memory.

A mend changes as little as the finding itself says is wrong: the multiplier to the transformers' ratio, a
reading to the one it must continue. What follows from it is then calculated anew by the same SQL files.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wattmark.audit.replay import Finding
from wattmark.engine.session import ACCEPTED, Session


@dataclass(frozen=True)
class Change:
    """One value that was mended; values of personal columns are not told."""

    table: str
    key: dict[str, Any]
    column: str
    old: Any
    new: Any

    def told(self) -> dict[str, Any]:
        """The change as plain JSON values."""
        return {
            "table": self.table,
            "key": {name: plain(value) for name, value in self.key.items()},
            "column": self.column,
            "from": plain(self.old),
            "to": plain(self.new),
        }


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


class Bench:
    """Accepted tables of a session in memory, to be changed row by row."""

    def __init__(self, session: Session) -> None:
        """Work on a session whose accepted tables were given."""
        self.session = session

    def rows(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        """Rows of a query over accepted tables; values are bound."""
        return self.session.duck.execute(sql, values).fetchall()

    def set(self, table: str, key: Mapping[str, Any], column: str, value: Any) -> list[Change]:
        """Change one column of the row with that key; nothing where it stands so already, or is not there."""
        where = " AND ".join(f'"{name}" = ?' for name in key)
        target = f'"{ACCEPTED}"."{table}"'
        found = self.rows(f'SELECT "{column}" FROM {target} WHERE {where}', list(key.values()))
        if not found or found[0][0] == value:
            return []
        self.session.duck.execute(
            f'UPDATE {target} SET "{column}" = ? WHERE {where}',
            [value, *key.values()],
        )
        is_pii = self.session.contract.tables[table].column(column).pii
        old, new = ("…", "…") if is_pii else (found[0][0], value)
        return [Change(table, dict(key), column, old, new)]


Mend = Callable[[Bench, Finding], list[Change]]


@dataclass(frozen=True)
class CauseKind:
    """How findings of one rule are mended, and what that is called."""

    mend: Mend
    what: str
    zh: str


def _reading(bench: Bench, cause: Finding, column: str, value: Any) -> list[Change]:
    key = {
        "metering_point_id": cause.subject_id,
        "period": bench.session.run.period,
        "register": "active_total",
    }
    return [] if value is None else bench.set("register_reading", key, column, value)


def _multiplier(bench: Bench, cause: Finding) -> list[Change]:
    ratio = cause.evidence.get("true_ratio")
    key = {"metering_point_id": cause.subject_id}
    return [] if ratio is None else bench.set("metering_point", key, "multiplier", float(ratio))


def _continued(bench: Bench, cause: Finding) -> list[Change]:
    return _reading(bench, cause, "previous_value", cause.evidence.get("earlier_value"))


def _unedited(bench: Bench, cause: Finding) -> list[Change]:
    return _reading(bench, cause, "current_value", cause.evidence.get("original_value"))


def _possible(bench: Bench, cause: Finding) -> list[Change]:
    """A reading that cannot be, put where the account's usual energy would have brought the register."""
    previous, multiplier = cause.evidence.get("previous_value"), cause.evidence.get("multiplier")
    if previous is None or not multiplier or cause.account_id is None:
        return []
    bench.session.see(["facts.bill_before"])
    usual = bench.rows("SELECT median_kwh FROM facts.bill_before WHERE account_id = ?", [cause.account_id])
    if not usual or usual[0][0] is None:
        return []
    return _reading(bench, cause, "current_value", round(previous + usual[0][0] / multiplier, 2))


def _register_series(bench: Bench, cause: Finding) -> list[Change]:
    """The meter's change, with the register values that the readings before and after it show."""
    told, changes = cause.evidence, []
    key = {"event_id": told.get("event_id")}
    old, before = told.get("stored_register"), told.get("last_reading_before")
    if old is not None and before is not None and old < before:
        changes += bench.set("metering_event", key, "old_value", before)
    new, after = told.get("first_register"), told.get("first_reading_after")
    if new is not None and after is not None and after < new - (told.get("tolerance") or 0):
        changes += bench.set("metering_event", key, "new_value", 0.0)
    return changes


def _loss_code(bench: Bench, cause: Finding) -> list[Change]:
    fitting = bench.rows(
        f"SELECT l.loss_code FROM {ACCEPTED}.loss_code l JOIN {ACCEPTED}.transformer t "
        "ON l.model = t.model AND l.rated_kva = t.rated_kva WHERE t.transformer_id = ? ORDER BY 1",
        [cause.subject_id],
    )
    if len(fitting) != 1:
        return []
    return bench.set("transformer", {"transformer_id": cause.subject_id}, "loss_code", fitting[0][0])


def _own_transformer(bench: Bench, cause: Finding) -> list[Change]:
    """Off a transformer that cannot feed the account: onto its own, where it has one, else onto none."""
    own = bench.rows(
        f"SELECT transformer_id, line_id FROM {ACCEPTED}.transformer WHERE ownership = 'dedicated' "
        "AND account_id = ? AND (retired_on IS NULL OR retired_on > ?) ORDER BY 1",
        [cause.account_id, bench.session.run.as_of],
    )
    key = {"supply_point_id": cause.evidence.get("supply_point_id")}
    return bench.set("supply_point", key, "transformer_id", own[0][0] if own else None)


def _other_area(bench: Bench, cause: Finding) -> list[Change]:
    area = cause.evidence.get("other_transformer_id")
    points = bench.rows(
        f"SELECT supply_point_id FROM {ACCEPTED}.supply_point WHERE account_id = ? ORDER BY 1",
        [cause.account_id],
    )
    if area is None:
        return []
    return [
        change
        for (point,) in points
        for change in bench.set("supply_point", {"supply_point_id": point}, "transformer_id", area)
    ]


def _category(bench: Bench, cause: Finding) -> list[Change]:
    category = cause.evidence.get("tariff_usage_category")
    key = {"account_id": cause.subject_id}
    return [] if category is None else bench.set("account", key, "usage_category", category)


def _name(bench: Bench, cause: Finding) -> list[Change]:
    names = bench.rows(
        f"SELECT c.name FROM {ACCEPTED}.account a JOIN {ACCEPTED}.customer c USING (customer_id) "
        "WHERE a.account_id = ?",
        [cause.subject_id],
    )
    return (
        bench.set("account", {"account_id": cause.subject_id}, "account_name", names[0][0]) if names else []
    )


def _tariff(bench: Bench, cause: Finding) -> list[Change]:
    tariff = cause.evidence.get("account_tariff_code")
    key = {"bill_id": cause.subject_id}
    return [] if tariff is None else bench.set("bill", key, "tariff_code", tariff)


_CHARGE = ("energy", "loss_iron", "loss_copper", "capacity", "demand")
"""Components that the power factor adjusts."""


def _recharge(bench: Bench, bill_id: str, taken: frozenset[str]) -> list[Change]:
    """Put some components of a bill to what its recalculation gives.

    The power-factor line keeps its share of the charge unless it is taken too, so that a wrong factor stays a
    finding of its own.
    """
    bench.session.see(["facts.shadow_bill"])
    found = bench.session.duck.sql(
        "SELECT * FROM facts.shadow_bill WHERE bill_id = ? AND total_amount IS NOT NULL", params=[bill_id]
    ).to_arrow_table()
    if not found.num_rows:
        return []
    nothing = decimal.Decimal(0)
    row = found.to_pylist()[0]
    iron = nothing if row["loss_iron_amount"] is None else row["loss_iron_amount"]
    billed_iron = sum(
        (found_row[0] for found_row in bench.rows(
            f"SELECT amount FROM {ACCEPTED}.bill_line WHERE bill_id = ? AND component = 'loss_iron'", [bill_id]
        )),
        nothing,
    )  # fmt: skip

    def amounts(prefix: str, iron_amount: decimal.Decimal) -> dict[str, decimal.Decimal]:
        simple = ("energy", "capacity", "demand", "power_factor", "surcharge")
        found = {name: row[f"{prefix}{name}_amount"] or nothing for name in simple}
        loss = row[f"{prefix}loss_amount"] or nothing
        return found | {"loss_iron": iron_amount, "loss_copper": loss - iron_amount}

    billed, right = amounts("billed_", billed_iron), amounts("", iron)
    wanted = {name: right[name] if name in taken else amount for name, amount in billed.items()}
    charge = sum((billed[name] for name in _CHARGE), nothing)
    if "power_factor" not in taken and charge:
        new_charge = sum((wanted[name] for name in _CHARGE), nothing)
        wanted["power_factor"] = round(billed["power_factor"] * new_charge / charge, 2)
    moved = {name: wanted[name] - billed[name] for name in wanted if wanted[name] != billed[name]}
    changes: list[Change] = []
    if "loss_iron" in taken:
        key = {"bill_id": bill_id}
        metered = bench.rows(f"SELECT metered_kwh FROM {ACCEPTED}.bill WHERE bill_id = ?", [bill_id])
        loss_kwh = row["loss_kwh"] or 0.0
        changes += bench.set("bill", key, "loss_kwh", loss_kwh)
        if metered:
            changes += bench.set("bill", key, "billed_kwh", metered[0][0] + loss_kwh)
    return changes + (add_lines(bench, bill_id, moved) if moved else [])


def _billed_energy(bench: Bench, cause: Finding) -> list[Change]:
    billed, read = cause.evidence.get("billed_kwh"), cause.evidence.get("reading_kwh")
    # Energy below zero is a reading's fault, not one to bill by.
    if billed is None or read is None or read < 0:
        return []
    key = [cause.subject_id]
    standing = bench.rows(f"SELECT metered_kwh FROM {ACCEPTED}.bill WHERE bill_id = ?", key)
    if not standing or standing[0][0] is None:
        return []
    # What is billed counts the bill's corrections; they stay as they are.
    metered_kwh = round(standing[0][0] + float(read) - float(billed), 6)
    changes = bench.set("bill", {"bill_id": cause.subject_id}, "metered_kwh", metered_kwh)
    return changes + _recharge(
        bench, cause.subject_id, frozenset({"energy", "loss_iron", "loss_copper", "surcharge"})
    )


def _component(*names: str) -> Mend:
    """Put components of the account's bill, or of the bill that is flagged, to what they must be."""

    def mend(bench: Bench, cause: Finding) -> list[Change]:
        bills = [cause.subject_id] if cause.subject_type == "bill" else [
            row[0] for row in bench.rows(
                f"SELECT bill_id FROM {ACCEPTED}.bill WHERE account_id = ? AND period = ? "
                "AND corrects_bill_id IS NULL ORDER BY 1",
                [cause.account_id, bench.session.run.period],
            )
        ]  # fmt: skip
        return [change for bill_id in bills for change in _recharge(bench, bill_id, frozenset(names))]

    return mend


def _capacity(bench: Bench, cause: Finding) -> list[Change]:
    size = cause.evidence.get("transformers_kva")
    key = {"account_id": cause.account_id}
    return [] if size is None else bench.set("account", key, "contracted_kva", float(size))


def add_lines(bench: Bench, bill_id: str, amounts: Mapping[str, decimal.Decimal]) -> list[Change]:
    """Move a bill's total by lines added to it, one a component."""
    total = sum(amounts.values(), decimal.Decimal(0))
    highest = bench.rows(
        f"SELECT COALESCE(MAX(line_no), 0) FROM {ACCEPTED}.bill_line WHERE bill_id = ?",
        [bill_id],
    )[0][0]
    for number, (component, amount) in enumerate(amounts.items(), start=highest + 1):
        bench.session.duck.execute(
            f"INSERT INTO {ACCEPTED}.bill_line (bill_id, line_no, component, amount) VALUES (?, ?, ?, ?)",
            [bill_id, number, component, amount],
        )
    standing = bench.rows(f"SELECT total_amount FROM {ACCEPTED}.bill WHERE bill_id = ?", [bill_id])
    return bench.set("bill", {"bill_id": bill_id}, "total_amount", standing[0][0] + total) if standing else []


CAUSES: dict[str, CauseKind] = {
    "ACC-08": CauseKind(
        _capacity, "the contracted capacity is that of the dedicated transformers", "合同容量改为专变容量之和"
    ),
    "MET-12": CauseKind(
        _loss_code,
        "the transformer's loss code is the one of its model and size",
        "变压器损耗代码改为与型号容量相符",
    ),
    "MET-03": CauseKind(
        _multiplier, "the multiplier is the ratio of the instrument transformers", "倍率改为互感器变比"
    ),
    "MET-14": CauseKind(
        _register_series, "the changed meter's registers continue the readings", "换表起止度与抄见示数衔接"
    ),
    "NET-04": CauseKind(
        _own_transformer, "the account hangs on no transformer that cannot feed it", "用户不再挂接错误变压器"
    ),
    "ANA-05": CauseKind(
        _other_area, "the account is fed by the area that its energy moves with", "用户改挂与其电量同步的台区"
    ),
    "ARC-02": CauseKind(_category, "the usage category is its tariff's", "用电类别改为电价对应类别"),
    "ARC-08": CauseKind(_name, "the account has its customer's name", "户名改为客户名称"),
    "TAR-18": CauseKind(_unedited, "the reading is the one before it was edited", "抄表止度恢复修改前的值"),
    "TAR-01": CauseKind(_continued, "the reading starts where the one before ended", "起度改为上期止度"),
    "TAR-02": CauseKind(
        _possible, "the register stands where the usual energy brings it", "止度改为按平常电量推算的值"
    ),
    "TAR-21": CauseKind(_tariff, "the bill is on the account's tariff", "账单改用客户执行电价"),
    "TAR-06": CauseKind(_billed_energy, "the bill takes up the energy that was read", "账单改按抄见电量计算"),
    "BUS-12": CauseKind(
        _component("loss_iron", "loss_copper", "surcharge"), "the bill has its losses", "账单补计铜铁损"
    ),
    "TAR-09": CauseKind(_component("loss_iron"), "the bill has its iron losses", "账单补计铁损"),
    "INS-02": CauseKind(_component("demand"), "the bill has no demand charge", "账单取消需量电费"),
    "TAR-22": CauseKind(
        _component("power_factor"), "the power-factor line is recalculated", "力调电费改为复算值"
    ),
}
"""Rules whose findings can be mended from their own evidence, the deeper ones first."""
