"""The settlement of payments against a plain simulation: payment by payment, bill by bill."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.golden import rows_given
from wattmark.run import Run
from wattmark.settings import load_settings

AS_OF = dt.date(2026, 11, 26)
START = dt.date(2026, 1, 1)
CENT = Decimal("0.01")
ZONE = ZoneInfo("Asia/Shanghai")
Rows = list[dict[str, Any]]


def account(number: int, dice: random.Random) -> tuple[Rows, Rows]:
    """Bills and payments of an account; how they are paid differs from account to account."""
    name, bills, payments = f"A{number}", Rows(), Rows()
    by_name, amounts = dice.choice([0, 0.5, 0.9, 1]), [Decimal(n) for n in (20, 50, 50, 100)]
    for place in range(dice.randint(1, 6)):
        due = START + dt.timedelta(days=30 * place + dice.choice([0, 0, 5]))
        bills.append(
            {
                "bill_id": f"{name}-{place}",
                "account_id": name,
                "due_on": due,
                "total_amount": dice.choice(amounts),
            }
        )
    for place in range(dice.choice([0, 0, 1, 2])):
        wrong = dice.choice(bills)["bill_id"]
        bills.append(
            {
                "bill_id": f"{name}-C{place}", "account_id": name, "due_on": START + dt.timedelta(days=dice.randint(0, 200)),
                "total_amount": Decimal(dice.choice([-120, -50, -20, 0, 30])), "corrects_bill_id": dice.choice([wrong, wrong, None]),
            }
        )  # fmt: skip
    for place in range(dice.randint(0, 9)):
        bill = dice.choice(bills)
        amount = dice.choice([*amounts, Decimal("49.99"), abs(bill["total_amount"])])
        payments.append(
            {
                "payment_id": f"{name}-P{place}", "account_id": name,
                "bill_id": dice.choice([bill["bill_id"]] * 9 + ["NOWHERE"]) if dice.random() < by_name and bill["total_amount"] >= 0 else None,
                "amount": -amount if dice.random() < 0.1 else amount,
                "received_at": dt.datetime.combine(START + dt.timedelta(days=dice.randint(-30, 300)), dt.time(10, place), ZONE),
            }
        )  # fmt: skip
    return bills, payments


def above(bill: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The nearest bill above a correction that asks for money."""
    while (higher := bill.get("corrects_bill_id")) in by_id:
        bill = by_id[str(higher)]
        if bill["total_amount"] > 0:
            return str(bill["bill_id"])
    return None


def left(bills: Sequence[Mapping[str, Any]], payments: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    """What is open of each bill that asks for money, with these payments."""
    by_id = {bill["bill_id"]: bill for bill in bills}
    rest = {name: max(bill["total_amount"], Decimal(0)) for name, bill in by_id.items()}
    pool = Decimal(0)
    for bill in bills:
        if bill["total_amount"] < 0:
            target = above(bill, by_id)
            if target is None:
                pool -= bill["total_amount"]
            else:
                rest[target] += bill["total_amount"]
    for payment in payments:
        if payment["bill_id"] in by_id:
            rest[payment["bill_id"]] -= payment["amount"]
        else:
            pool += payment["amount"]
    pool += sum((-open_ for open_ in rest.values() if open_ < 0), Decimal(0))
    found = {}
    for name in sorted(rest, key=lambda bill_id: (by_id[bill_id]["due_on"], bill_id)):
        taken = min(max(pool, Decimal(0)), max(rest[name], Decimal(0)))
        pool, found[name] = pool - taken, max(rest[name], Decimal(0)) - taken
    return found


def expected(bills: Rows, payments: Rows) -> dict[str, tuple[Decimal, dt.date | None]]:
    """Open amount, and the day from which on a bill was settled; the due date where no payment was needed."""
    known = sorted(
        (payment for payment in payments if payment["received_at"].date() <= AS_OF),
        key=lambda payment: (payment["received_at"], payment["payment_id"]),
    )
    states = [left(bills, known[:count]) for count in range(len(known) + 1)]
    found: dict[str, tuple[Decimal, dt.date | None]] = {}
    for bill in bills:
        name = bill["bill_id"]
        if bill["total_amount"] <= 0:
            continue
        since = None
        if states[-1][name] <= CENT:
            first = len(known)
            while first > 0 and states[first - 1][name] <= CENT:
                first -= 1
            since = bill["due_on"] if first == 0 else known[first - 1]["received_at"].date()
        found[name] = (states[-1][name], since)
    return found


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[tuple[Rows, Rows]], dict[str, dict[str, Any]], dict[str, Decimal], dict[str, dict[str, Any]]]:
    dice = random.Random(20)
    accounts = [account(number, dice) for number in range(400)]
    settings = load_settings(tmp_path_factory.mktemp("home"))
    catalog = load_catalog(settings.include)
    fixed = {
        "period": START,
        "period_start": START,
        "period_end": START,
        "issued_at": dt.datetime(2026, 1, 1, tzinfo=ZONE),
    }
    given = {
        "bill": [{**fixed, **bill} for bills, _ in accounts for bill in bills],
        "payment": [payment for _, payments in accounts for payment in payments],
    }
    with DuckDBSession(settings, Run.of(AS_OF, settings.utility.time_zone), catalog, stored=False) as session:
        for table, rows in given.items():
            session.give(f"accepted.{table}", rows_given(f"source.{table}", rows, catalog, settings))
        rows: pa.Table = session.query("SELECT * FROM facts.bill_settlement").read_all()
        sums: pa.Table = session.query(
            "SELECT account_id, unpaid_amount FROM facts.account_unpaid"
        ).read_all()
        collected: pa.Table = session.query("SELECT * FROM facts.bill_collection").read_all()
    return (
        accounts,
        {row["bill_id"]: row for row in rows.to_pylist()},
        {row["account_id"]: row["unpaid_amount"] for row in sums.to_pylist()},
        {row["bill_id"]: row for row in collected.to_pylist()},
    )  # fmt: skip


def test_every_bill_is_settled_as_payment_by_payment(world: Any) -> None:
    accounts, found, *_ = world
    seen = {True: 0, False: 0}
    for bills, payments in accounts:
        for name, (open_amount, since) in expected(bills, payments).items():
            row = found[name]
            assert row["unpaid_amount"] == open_amount, (name, bills, payments)
            # Where credits alone are more than the bill, there is nothing to be paid and no day.
            if row["amount"] > 0:
                assert row["settled_on"] == since, (name, since, row, bills, payments)
            seen[since is None] += 1
    # Both kinds are there in numbers: a simulation in which all is paid would show nothing.
    assert min(seen.values()) > 200, seen


def test_what_is_left_of_the_bills_is_never_less_than_what_the_account_owes(world: Any) -> None:
    accounts, found, owed, _ = world
    exact = 0
    for bills, payments in accounts:
        name = bills[0]["account_id"]
        total = sum(bill["total_amount"] for bill in bills) - sum(payment["amount"] for payment in payments)
        assert owed[name] == total
        on_bills = sum(found[bill["bill_id"]]["unpaid_amount"] for bill in bills)
        given_back = min(
            sum(payment["amount"] for payment in payments if payment["bill_id"] in (None, "NOWHERE")), 0
        )
        # An advance beyond all bills stands on none; money given back without a bill's name neither.
        assert on_bills >= min(total, 0) if given_back == 0 else True
        if total > 0 and given_back == 0:
            assert on_bills == total, (name, bills, payments)
            exact += 1
    assert exact > 100


def chain(root: str, bills: Rows) -> set[str]:
    """A bill and all that correct it."""
    found = {root}
    while more := {b["bill_id"] for b in bills if b.get("corrects_bill_id") in found} - found:
        found |= more
    return found


def test_what_is_settled_of_a_bill_in_all_and_by_its_due_date(world: Any) -> None:
    accounts, *_, collected = world
    seen: set[str] = set()
    late = part = 0
    for bills, payments in accounts:
        known = [payment for payment in payments if payment["received_at"].date() <= AS_OF]
        for bill in bills:
            name, members = bill["bill_id"], chain(bill["bill_id"], bills)
            net = sum(b["total_amount"] for b in bills if b["bill_id"] in members)
            if bill.get("corrects_bill_id") or net <= 0:
                continue
            row = collected[name]
            seen.add(name)
            by_due = [payment for payment in known if payment["received_at"].date() <= bill["due_on"]]
            wanted = [
                min(
                    max(
                        net - sum(left(bills, paid).get(bill_id, Decimal(0)) for bill_id in members),
                        Decimal(0),
                    ),
                    net,
                )
                for paid in (known, by_due)
            ]
            assert [row["net_amount"], row["settled_amount"], row["on_time_amount"]] == [net, *wanted], (name, bills, payments)  # fmt: skip
            late += wanted[1] < wanted[0]
            part += 0 < wanted[1] < net
    assert seen == set(collected)
    assert late > 100 and part > 50, (late, part)
