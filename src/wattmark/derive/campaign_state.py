"""What campaigns did, out of schema ``ops``, as tables that SQL files may read."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
from sqlalchemy import Engine, inspect

from wattmark.contract.types import table_of
from wattmark.engine.python_table import TableContext, python_table
from wattmark.errors import ServiceError

_RUN = {
    "campaign_run_id": "string",
    "campaign_id": "string",
    "purpose": "string",
    "as_of": "date",
    "version": "integer",
    "send_on": "date",
    "considered": "integer",
    "listed": "integer",
    "control": "integer",
    "success_event": "string",
    "products": "string",
    "within_days": "integer",
    "value_amount": "double",
    "expected_rate": "double",
    "offer_cost_amount": "double",
    "control_share": "double",
    "audience_on": "date",
}
_MEMBER = {
    "campaign_run_id": "string",
    "customer_id": "string",
    "account_id": "string",
    "outcome": "string",
    "channel": "string",
    "cell": "string",
    "step": "string",
    "segment": "string",
    "send_on": "date",
    "product_code": "string",
    "cost_amount": "double",
}
# Released before the end of the night's date, and made before it: a night does not look at its own lists.
_KNOWN = "r.released_at < $1 AND r.as_of < $2"
_RUNS_SQL = f"""
SELECT r.campaign_run_id, r.campaign_id, r.purpose, r.as_of, CAST(r.version AS bigint) AS version, r.send_on,
       r.considered - COALESCE(CAST(r.definition->>'again' AS bigint), 0) AS considered,
       r.listed - COALESCE(CAST(r.definition->>'step_listed' AS bigint), 0) AS listed, r.control,
       r.definition->'success'->>'event' AS success_event,
       (SELECT string_agg(p.value, ',' ORDER BY p.value)
        FROM jsonb_array_elements_text(r.definition->'success'->'products') AS p(value)) AS products,
       CAST(r.definition->'success'->>'within_days' AS bigint) AS within_days,
       CAST(r.definition->'success'->>'value_amount' AS double precision) AS value_amount,
       CAST(r.definition->'success'->>'expected_rate' AS double precision) AS expected_rate,
       COALESCE(CAST(r.definition->'success'->>'offer_cost_amount' AS double precision), 0) AS offer_cost_amount,
       CAST(r.definition->>'control_share' AS double precision) AS control_share,
       COALESCE(CAST(r.definition->>'audience_on' AS date), r.as_of) AS audience_on
FROM ops.campaign_run r WHERE {_KNOWN}
"""
_MEMBERS_SQL = f"""
SELECT m.campaign_run_id, m.customer_id, m.account_id, m.outcome, m.channel, m.cell,
       CASE WHEN r.definition->'steps' @> jsonb_build_array(jsonb_build_object('step', m.cell)) THEN m.cell ELSE '' END AS step,
       m.segment,
       COALESCE(CAST(r.moved->>m.channel AS date), m.send_on) AS send_on,
       m.fields->>'service_product_code' AS product_code,
       (SELECT CAST(s.value->>'cost_amount' AS double precision)
        FROM jsonb_array_elements(r.definition->'sendings') AS s(value)
        WHERE s.value->>'channel' = m.channel) AS cost_amount
FROM ops.campaign_member m JOIN ops.campaign_run r ON r.campaign_run_id = m.campaign_run_id
WHERE {_KNOWN} AND NOT m.is_seed AND m.outcome IN ('listed', 'control', 'over_limit')
  AND NOT EXISTS (SELECT 1 FROM ops.campaign_drop d WHERE d.campaign_run_id = m.campaign_run_id
                  AND d.customer_id = m.customer_id AND d.account_id = m.account_id)
"""


def warehouse_of(context: TableContext, table: str = "campaign_run") -> Engine | None:
    """The warehouse, or None where the home has none yet, or none with that table in schema ``ops``."""
    from wattmark.publish.ops import SCHEMA, ops_engine

    try:
        engine = ops_engine(context.settings)
    except ServiceError as error:
        if error.code == "services.not_set_up":
            return None
        raise
    return engine if inspect(engine).has_table(table, schema=SCHEMA) else None


def _read(context: TableContext, sql: str, columns: dict[str, str]) -> pa.Table:
    from wattmark.campaign.state import fetch

    empty = table_of(columns, [])
    engine = warehouse_of(context)
    if engine is None:
        return empty
    try:
        end = context.run.scalars()["as_of_end"]
        if not isinstance(end, dt.datetime):
            raise TypeError("as_of_end is an instant")
        return fetch(engine, sql, [end, context.run.as_of], empty)
    finally:
        engine.dispose()


@python_table(
    "campaign.run",
    key=("campaign_run_id",),
    columns=_RUN,
    grain="one row per list that was released before the night's date ended",
    purpose="Released lists, and what counts as their success.",
    docs={
        "products": "For success by taking up a service: which ones, parted by commas.",
        "send_on": "First day of contacts.",
        "offer_cost_amount": "What the offer costs for each success.",
        "control_share": "Share that the control group should have.",
        "considered": "Whoever was not considered before: neither for a step nor for a further wave.",
        "listed": "First contacts as decided, before release asked again.",
        "audience_on": "Date of the list whose audience it is: an earlier one for the later waves of a list.",
        "control": "As decided.",
    },
)
def run(context: TableContext) -> pa.Table:
    """Released lists from the warehouse."""
    return _read(context, _RUNS_SQL, _RUN)


@python_table(
    "campaign.member",
    key=("campaign_run_id", "customer_id", "account_id"),
    columns=_MEMBER,
    grain="one row per member of a released list that was listed, held as control, or over a limit",
    purpose="Whom released lists contacted and whom they held back.",
    docs={
        "account_id": "Empty text where the campaign speaks to customers.",
        "step": "The step that followed an earlier contact; empty text for a first contact.",
        "product_code": "The service that was offered.",
    },
)
def member(context: TableContext) -> pa.Table:
    """Members of released lists from the warehouse, seeds left out."""
    return _read(context, _MEMBERS_SQL, _MEMBER)
