"""Customers who stand in the lake and not in the source any more."""

from __future__ import annotations

from typing import cast

import pyarrow as pa

from wattmark.contract.types import schema_of
from wattmark.engine.nights import nights_before, rows_at
from wattmark.engine.python_table import TableContext, python_table
from wattmark.engine.session import Session
from wattmark.sources.base import ARRIVAL, FILE

COLUMNS = {"customer_id": "string", "gone_by": "string", "gone_on": "date"}
SCHEMA = schema_of(COLUMNS)


@python_table(
    "core.gone_customer",
    key=("customer_id",),
    columns=COLUMNS,
    needs=("source.customer", "source.consent"),
    grain="one row per customer who has left the source",
    purpose="Whom the source does not know any more; a table that is read in parts keeps their rows until a full refresh.",
    docs={
        "customer_id": "The customer.",
        "gone_by": "file: a file that the customer stood in was read again and names her no longer; consent: all words of consent, which are read whole each night, have gone.",
        "gone_on": "Date of the night that found it.",
    },
)
def gone_customer(context: TableContext) -> pa.Table:
    """Customers missing from what their file says now, or without any of the words of consent they had."""
    # It looks into earlier versions of the lake, which a query does not reach.
    session = cast(Session, context.session)
    duck = session.duck
    session.see(["accepted.customer", "accepted.consent"])
    columns = {row[0] for row in duck.execute("DESCRIBE accepted.customer").fetchall()}
    by_file = "SELECT CAST(NULL AS VARCHAR) AS customer_id WHERE FALSE"
    if {FILE, ARRIVAL} <= columns:
        by_file = (
            f"SELECT c.customer_id FROM accepted.customer AS c JOIN (SELECT {FILE}, MAX({ARRIVAL}) AS newest "
            f"FROM accepted.customer GROUP BY {FILE}) AS f ON f.{FILE} = c.{FILE} WHERE c.{ARRIVAL} < f.newest"
        )
    duck.execute("CREATE SCHEMA IF NOT EXISTS night")
    session.give("night.gone_before", _before(session))
    session.give("night.spoke_before", _spoke_before(session))
    return (
        duck.sql(
            f"""WITH word AS (SELECT DISTINCT customer_id FROM accepted.consent),
        gone AS (
          SELECT customer_id, 'file' AS gone_by FROM ({by_file})
          UNION ALL
          SELECT s.customer_id, 'consent'
          FROM (SELECT customer_id FROM night.spoke_before
                UNION SELECT customer_id FROM night.gone_before WHERE gone_by = 'consent') AS s
          ANTI JOIN word AS w ON w.customer_id = s.customer_id
          WHERE (SELECT COUNT(*) FROM word) > 0
        )
        SELECT g.customer_id, MAX(g.gone_by) AS gone_by, COALESCE(MIN(b.gone_on), CAST(? AS DATE)) AS gone_on
        FROM gone AS g SEMI JOIN accepted.customer AS c ON c.customer_id = g.customer_id
        LEFT JOIN night.gone_before AS b ON b.customer_id = g.customer_id
        GROUP BY g.customer_id ORDER BY g.customer_id""",
            params=[context.run.as_of],
        )
        .to_arrow_table()
        .cast(SCHEMA)
    )


def _before(session: Session) -> pa.Table:
    if not session.stored or not session.lake.exists("core.gone_customer"):
        return SCHEMA.empty_table()
    session.see(["core.gone_customer"])
    return session.duck.sql(
        "SELECT customer_id, gone_by, gone_on FROM core.gone_customer WHERE gone_on <= ?",
        params=[session.run.as_of],
    ).to_arrow_table()


def _spoke_before(session: Session) -> pa.Table:
    """Who had said anything by the newest published night before this one."""
    versions = next(nights_before(session, session.run.as_of), {})
    version = versions.get("accepted.consent")
    empty = pa.table({"customer_id": pa.array([], pa.string())})
    if version is None:
        return empty
    customers = session.duck.sql("SELECT customer_id FROM accepted.customer").to_arrow_table()
    return rows_at(session, "accepted.consent", version, ("customer_id",), customers)
