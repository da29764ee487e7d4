"""The lot of a week: a keyed hash, and the accounts that are looked at though nothing was found.

A draw is the head of a hash made with the home's key, as the arms of campaigns are: nobody who does not hold the key
can tell beforehand what it will be, and it is the same however often it is drawn.
"""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
import pyarrow as pa

from wattmark.campaign.keys import known_key
from wattmark.campaign.people import DRAW_DIGITS, draw_below
from wattmark.cases.due import due_after
from wattmark.cases.log import append, opened
from wattmark.cases.model import IN_DISPUTE, MANUAL, NIGHT, Case, Event, Steps, case_id_of
from wattmark.engine.session import Session
from wattmark.publish.ops import ops_engine
from wattmark.settings import Settings

POSTS = ("acceptance", "meter_reader", "billing", "collection", "inspection", "metering", "repair", "manager")
SEVERITY = "low"
"""Of a case that the lot opens."""
MESSAGE_EN = "Drawn by lot: no rule found anything on this account. Look whether something was missed."
MESSAGE_ZH = "随机抽查：该户未被任何规则发现问题，请核查是否有遗漏。"


class Staff(Protocol):
    """Units, and the staff of each post that has a login and may decide on cases."""

    @property
    def top_unit(self) -> str | None:
        """The unit that answers for what no other does."""

    def upwards(self, org_unit_id: str | None) -> tuple[str, ...]:
        """A unit and those above it, nearest first."""

    def candidates(
        self, org_unit_id: str | None, post: str, barred: Sequence[str]
    ) -> tuple[str | None, list[str]]:
        """The nearest unit from one upwards with members of a post, and these; the top unit and nobody."""


class Hours(Protocol):
    """The rules, as far as hours go."""

    def hours(self, rule_id: str) -> decimal.Decimal:
        """Hours of a case of a rule."""


def key_of(settings: Settings) -> str:
    """The home's key.

    Raises:
        CampaignError: the home's key is not the one that schema ``ops`` knows.
    """
    engine = ops_engine(settings)
    try:
        return known_key(settings.home, engine)
    finally:
        engine.dispose()


def draw(key: str, week: dt.date, what: str) -> str:
    """The draw of a case or account in a week, as text: it lies below ``draw_below(p)`` for a share p of all."""
    return hashlib.sha256("\x1f".join((key, "worklist", week.isoformat(), what)).encode()).hexdigest()[
        :DRAW_DIGITS
    ]


def share_of(hours: float, wanted: float) -> float:
    """Hours there are over hours wanted, at most 1; 0 where nothing is wanted."""
    return min(1.0, hours / wanted) if wanted > 0 else 0.0


@dataclass(frozen=True)
class Account:
    """An account that was drawn, the member of staff who reads it, and the probability."""

    account_id: str
    customer_id: str | None
    org_unit_id: str | None
    reader: str | None
    probability: float


def open_drawn(
    connection: psycopg.Connection[Any],
    session: Session,
    staff: Staff,
    book: Hours,
    steps: Steps,
    week: dt.date,
    key: str,
    at: dt.datetime,
) -> int:
    """Open cases for accounts that never had one, drawn by lot for each unit with managers; returns their number.

    An account belongs to the nearest unit upwards that has managers with a login. The cases are given to the manager
    with the fewest hours in work, and enter the lot as drawn.

    Args:
        connection: within the night's transaction.
        session: of the night.
        staff: who has a login.
        book: the rules.
        steps: the steps there are.
        week: its Monday.
        key: of the home.
        at: the instant of the night's events.
    """
    drawn = _drawn(connection, session, staff, book, steps, week, key)
    if not drawn:
        return 0
    post = steps.post_of(MANUAL)
    load = hours_in_work(connection, book)
    run, changes, lots = session.run, [], []
    for account in drawn:
        barred = [account.reader] if account.reader else []
        unit, members = staff.candidates(account.org_unit_id, post, barred)
        member = (
            min(members, key=lambda each: (load.get(each, decimal.Decimal(0)), each)) if members else None
        )
        if member is not None:
            load[member] = load.get(member, decimal.Decimal(0)) + book.hours(MANUAL)
        subject_id = f"{account.account_id}/1"
        due_on = due_after(session.settings, run.as_of, SEVERITY)
        case = Case(
            case_id=case_id_of(MANUAL, "account", subject_id, None), rule_id=MANUAL, subject_type="account", subject_id=subject_id,
            period=None, account_id=account.account_id, customer_id=account.customer_id, org_unit_id=account.org_unit_id,
            first_seen_on=run.as_of, last_seen_on=run.as_of, state="assigned", severity=SEVERITY, at_stake_amount=None,
            opened_at=at, opened_on=run.as_of, version=2, due_on=due_on, own_staff_ids=tuple(barred), assigned_org_unit_id=unit,
            assigned_to=member, message_en=MESSAGE_EN, message_zh=MESSAGE_ZH,
        )  # fmt: skip
        detail = {
            "rule_id": MANUAL, "subject_type": "account", "subject": subject_id, "why": "drawn", "severity": SEVERITY,
            "account_id": account.account_id, "due_on": due_on,
        }  # fmt: skip
        given = {"org_unit_id": unit} | ({"staff_id": member} if member is not None else {})
        changes.append(
            opened(
                case,
                [
                    Event(case.case_id, at, run.as_of, NIGHT, "open", "", "open", None, detail, run.run_id),
                    Event(
                        case.case_id,
                        at,
                        run.as_of,
                        NIGHT,
                        "assign",
                        "open",
                        "assigned",
                        None,
                        given,
                        run.run_id,
                    ),
                ],
            )
        )
        lots.append((case.case_id, 1, week, account.probability, True))
    append(connection, changes)
    keep_lots(connection, lots)
    return len(changes)


def keep_lots(
    connection: psycopg.Connection[Any], lots: Sequence[tuple[str, int, dt.date, float, bool]]
) -> None:
    """Keep which cases entered the lot: case, event, week, probability, whether drawn."""
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY ops.audit_lot (case_id, event_no, week, probability, is_drawn) FROM STDIN") as copy,
    ):
        for row in lots:
            copy.write_row(row)


def hours_in_work(connection: psycopg.Connection[Any], book: Hours) -> dict[str, decimal.Decimal]:
    """Hours of the cases that each member of staff has in work."""
    found: dict[str, decimal.Decimal] = {}
    for member, rule_id, cases in connection.execute(
        "SELECT c.assigned_to, c.rule_id, COUNT(*) FROM ops.audit_case AS c "
        "WHERE c.assigned_to IS NOT NULL AND c.state = ANY(%s) GROUP BY 1, 2",
        [list(IN_DISPUTE)],
    ).fetchall():
        found[member] = found.get(member, decimal.Decimal(0)) + cases * book.hours(rule_id)
    return found


def _drawn(
    connection: psycopg.Connection[Any],
    session: Session,
    staff: Staff,
    book: Hours,
    steps: Steps,
    week: dt.date,
    key: str,
) -> list[Account]:
    """The accounts without any case that are drawn, in the order of their ids."""
    had = connection.execute("SELECT DISTINCT account_id FROM ops.audit_case WHERE account_id IS NOT NULL")
    return drawn_accounts(
        session, staff, steps.post_of(MANUAL), [row[0] for row in had.fetchall()], session.settings.cases.missed_share,
        float(book.hours(MANUAL)), "\x1f".join((key, "worklist", week.isoformat(), "")),
    )  # fmt: skip


def drawn_accounts(
    session: Session,
    staff: Staff,
    post: str,
    without: Sequence[str],
    share: float,
    hours_each: float,
    salt: str,
) -> list[Account]:
    """Live accounts that are drawn, for each unit with members of a post from those for which it is the nearest one.

    Args:
        session: of the night.
        staff: who has a login.
        post: the post whose units draw.
        without: ids of accounts that are not drawn.
        share: of the hours of all staff with a login there that goes to what is drawn.
        hours_each: hours of one account.
        salt: what is hashed before the account's id.
    """
    units = (
        session.query("SELECT u.org_unit_id FROM source.org_unit AS u").read_all()["org_unit_id"].to_pylist()
    )
    owners = {}
    for unit in units:
        owner, members = staff.candidates(unit, post, ())
        if owner is not None and members:
            owners[unit] = owner
    if not owners or not share:
        return []
    session.give("night.drawing_unit", pa.table({"org_unit_id": list(owners), "unit": list(owners.values())}))
    session.give("night.not_drawn", pa.table({"account_id": pa.array(without, pa.string())}))
    session.see(["core.live_account", "source.reading_area"])
    session.duck.execute(
        "CREATE OR REPLACE TABLE night.drawable AS SELECT a.account_id, a.customer_id, a.org_unit_id, r.staff_id AS reader, m.unit "
        "FROM core.live_account AS a JOIN night.drawing_unit AS m ON m.org_unit_id = a.org_unit_id "
        "LEFT JOIN source.reading_area AS r ON r.reading_area_id = a.reading_area_id "
        "ANTI JOIN night.not_drawn AS h ON h.account_id = a.account_id"
    )
    counted: dict[str, int] = dict(
        session.duck.execute("SELECT unit, COUNT(*) FROM night.drawable GROUP BY unit").fetchall()
    )
    week_hours = session.settings.cases.week_hours
    shares = {
        unit: share_of(share * week_hours * members_of(staff, unit), number * hours_each)
        for unit, number in counted.items()
    }
    bounds = [draw_below(drawn_share) for drawn_share in shares.values()]
    session.give(
        "night.bound",
        pa.table(
            {
                "unit": pa.array(list(shares), pa.string()),
                "bound": pa.array(bounds, pa.string()),
                "share": pa.array(list(shares.values()), pa.float64()),
            }
        ),
    )
    rows = session.duck.execute(
        "SELECT w.account_id, w.customer_id, w.org_unit_id, w.reader, b.share FROM night.drawable AS w JOIN night.bound AS b "
        "ON b.unit = w.unit WHERE SUBSTR(SHA256(? || w.account_id), 1, ?) < b.bound ORDER BY w.account_id",
        [salt, DRAW_DIGITS],
    ).fetchall()
    return [Account(*row) for row in rows]


def members_of(staff: Staff, unit: str, posts: Sequence[str] = POSTS) -> int:
    """Members of staff with a login that a unit itself has, of the posts given."""
    found = (staff.candidates(unit, post, ()) for post in posts)
    return sum(len(members) for owner, members in found if owner == unit)


Shares = Mapping[str, tuple[float, str]]
"""By rule: the chance that a finding of it is confirmed, and what that was learned from."""
