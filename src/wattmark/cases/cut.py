"""Which past months are judged again on some accounts' rows alone, and which accounts these are.

What most rules say of an account rests on its own rows, and on tables that all share, such as tariffs. A month of them is
judged again for the accounts of its cases; of the others (means, peers, what an area was fed) on all rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from wattmark.audit.rules import Rule
from wattmark.cases.model import Case
from wattmark.engine.catalog import Catalog
from wattmark.engine.session import ACCEPTED, DuckDBSession

BILL, POINT = f"{ACCEPTED}.bill", f"{ACCEPTED}.metering_point"
OF_MANY = frozenset({"facts.mean_price", "core.point_feed", "audit.ANA-06", "audit.INS-14", "audit.INS-15"})
"""Where rows of other accounts count: means, who is fed by what, peers, and whether a thing is known of anybody."""
_SUBJECTS = ("account", "bill", "metering_point")
COLUMNS = ("account_id", "metering_point_id", "bill_id")
"""What says whose a row is, the nearest first; their ids stand in ``asked.<column>``."""


def is_of_one_account(rule: Rule, catalog: Catalog) -> bool:
    """Whether what a rule says of a subject rests on the rows of its account alone, and on what all share."""
    return rule.subject in _SUBJECTS and OF_MANY.isdisjoint(catalog.order([rule.file.name]))


def ask_for(session: DuckDBSession, cases: Sequence[Case], versions: Iterable[int | None]) -> None:
    """Fill ``asked.account_id``, ``asked.metering_point_id`` and ``asked.bill_id``.

    Accounts are those of the cases and of the points and bills they are about, today and then, and those whose bills
    correct one another's; points are theirs, and those that are nobody's.

    Args:
        session: a session that has seen no table yet; those that this looks at are forgotten again.
        cases: that are judged again.
        versions: of metering points in the lake, None for today's.
    """
    duck = session.duck
    keys = ("account_id", "subject_type", "subject_id")
    duck.register(
        "_asked",
        pa.table({key: pa.array([getattr(case, key) for case in cases], pa.string()) for key in keys}),
    )
    duck.execute("CREATE SCHEMA IF NOT EXISTS asked")
    duck.execute("CREATE TABLE asked.point (metering_point_id VARCHAR, account_id VARCHAR)")
    for version in versions:
        session.versions = {} if version is None else {POINT: version}
        session.see([POINT])
        duck.execute(f"INSERT INTO asked.point SELECT p.metering_point_id, p.account_id FROM {POINT} AS p")
        session.versions = {}
        session.forget(POINT)
    session.see([BILL])
    duck.execute(
        "CREATE TABLE asked.account_id AS SELECT a.account_id AS id FROM _asked AS a WHERE a.account_id IS NOT NULL "
        "UNION SELECT p.account_id FROM _asked AS a JOIN asked.point AS p "
        "ON a.subject_type = 'metering_point' AND p.metering_point_id = a.subject_id WHERE p.account_id IS NOT NULL "
        f"UNION SELECT b.account_id FROM _asked AS a JOIN {BILL} AS b ON a.subject_type = 'bill' AND b.bill_id = a.subject_id"
    )
    duck.execute(
        "CREATE TABLE asked.pair AS SELECT DISTINCT b.account_id AS one, c.account_id AS other "
        f"FROM {BILL} AS b JOIN {BILL} AS c ON c.corrects_bill_id = b.bill_id AND c.account_id <> b.account_id"
    )
    more = "SELECT p.other FROM asked.pair AS p WHERE p.one IN (FROM asked.account_id) "
    more += "UNION SELECT p.one FROM asked.pair AS p WHERE p.other IN (FROM asked.account_id)"
    while duck.execute(f"INSERT INTO asked.account_id {more} EXCEPT FROM asked.account_id").fetchall()[0][0]:
        pass
    duck.execute(
        f"CREATE TABLE asked.bill_id AS SELECT b.bill_id AS id FROM {BILL} AS b WHERE b.account_id IN (FROM asked.account_id)"
    )
    duck.execute(
        "CREATE TABLE asked.metering_point_id AS SELECT DISTINCT p.metering_point_id AS id FROM asked.point AS p "
        "WHERE p.account_id IS NULL OR p.account_id IN (FROM asked.account_id)"
    )
    session.forget(BILL)
    duck.execute("DROP TABLE asked.point")
    duck.execute("DROP TABLE asked.pair")
    duck.unregister("_asked")
