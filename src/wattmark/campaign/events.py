"""Events that make a customer due: each kind a query of customer, account, day and occasion."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from wattmark.campaign.audience import prepare
from wattmark.campaign.definition import Campaign
from wattmark.campaign.file_parts import DATED_EVENTS, EventKind
from wattmark.engine.session import Session

# {d} of a birthday: the day in the year of the window's start, or a year later; 29 February falls on the 28th.
_YEARLY = """
SELECT customer_id, CAST(NULL AS VARCHAR) AS account_id,
       CASE WHEN this_year >= w.from_on THEN this_year ELSE next_year END AS occurs_on
FROM (
  SELECT customer_id, since_on,
         CAST(since_on + to_years(CAST(YEAR(w.from_on) - YEAR(since_on) AS INTEGER)) AS DATE) AS this_year,
         CAST(since_on + to_years(CAST(YEAR(w.from_on) + 1 - YEAR(since_on) AS INTEGER)) AS DATE) AS next_year
  FROM {since} CROSS JOIN night.event_window AS w
) CROSS JOIN night.event_window AS w
WHERE CASE WHEN this_year >= w.from_on THEN this_year ELSE next_year END <= w.to_on
  AND CASE WHEN this_year >= w.from_on THEN this_year ELSE next_year END > since_on
"""
_CALLED = (
    "SELECT a.customer_id, a.account_id, c.closed_on AS occurs_on, c.call_id AS occasion_id, c.send_by "
    "FROM relation.call AS c JOIN relation.account AS a ON a.account_id = c.account_id WHERE c.{which}"
)
_QUERIES: dict[EventKind, str] = {
    "birthday": _YEARLY.format(
        since="(SELECT customer_id, born_on AS since_on FROM source.customer WHERE born_on IS NOT NULL)"
    ),
    "anniversary": _YEARLY.format(
        since="(SELECT customer_id, registered_on AS since_on FROM source.customer)"
    ),
    "review_due": "SELECT customer_id, CAST(NULL AS VARCHAR) AS account_id, due_on AS occurs_on FROM mart.key_account_review",
    "contract_expiring": "SELECT a.customer_id, c.account_id, c.expires_on AS occurs_on FROM relation.contract AS c "
    "JOIN relation.account AS a ON a.account_id = c.account_id",
    "account_opened": "SELECT customer_id, account_id, opened_on AS occurs_on FROM relation.account",
    "order_closed": "SELECT a.customer_id, request.account_id, request.closed_on AS occurs_on FROM relation.request "
    "JOIN relation.account AS a ON a.account_id = request.account_id",
    "grade_up": "SELECT customer_id, CAST(NULL AS VARCHAR) AS account_id, LAST_DAY(month) AS occurs_on FROM mart.customer_movement WHERE kind = 'up'",
    "tariff_saving": "SELECT a.customer_id, fit.account_id, w.to_on AS occurs_on FROM relation.fit "
    "JOIN relation.account AS a ON a.account_id = fit.account_id CROSS JOIN night.event_window AS w WHERE fit.saving_amount > w.above_amount",
    "outage_planned": "SELECT a.customer_id, a.account_id, outage.starts_on AS occurs_on, outage.notice_id AS occasion_id, outage.send_by "
    "FROM relation.outage JOIN relation.account AS a ON a.account_id = outage.account_id",
    "dissatisfied_call": _CALLED.format(which="is_dissatisfied"),
    "complaint_settled": _CALLED.format(which="is_settled"),
    "case_closed": "SELECT COALESCE(c.customer_id, a.customer_id) AS customer_id, c.account_id, c.closed_on AS occurs_on "
    "FROM ask.audit_case AS c LEFT JOIN relation.account AS a ON a.account_id = c.account_id",
}
_RELATIONS: dict[EventKind, set[str]] = {
    "contract_expiring": {"contract", "account"},
    "account_opened": {"account"},
    "order_closed": {"request", "account"},
    "tariff_saving": {"fit", "account"},
    "outage_planned": {"outage", "account"},
    "dissatisfied_call": {"call", "account"},
    "complaint_settled": {"call", "account"},
    "case_closed": {"account"},
}
DATED_RELATIONS = frozenset({"outage", "call"})
"""Relations that tell what a customer was not told of yet, by one campaign."""
_MARTS: dict[EventKind, str] = {"grade_up": "mart.customer_movement", "review_due": "mart.key_account_review"}


def find_events(session: Session, campaign: Campaign) -> None:
    """Make ``night.event``: customer_id, account_id (empty where it concerns the customer), occurs_on, occasion; and of events
    that bear a date of their own occasion_id, what is told once, and send_by, the last day on which it can be told.

    Raises:
        SqlFileError: what an event rests on is not in the lake.
    """
    duck, as_of = session.duck, session.run.as_of
    duck.execute(
        "CREATE OR REPLACE TABLE night.event (customer_id VARCHAR, account_id VARCHAR, occurs_on DATE, occasion VARCHAR, "
        "occasion_id VARCHAR, send_by DATE)"
    )
    for event in campaign.schedule.events:
        window = {
            "from_on": [as_of + dt.timedelta(days=event.from_days)],
            "to_on": [as_of + dt.timedelta(days=event.to_days)],
            "above_amount": [event.above_amount],
        }
        session.give("night.event_window", pa.table(window))
        prepare(session, _RELATIONS.get(event.kind, set()))
        if event.kind in ("birthday", "anniversary"):
            session.see(["source.customer"])
        elif event.kind in _MARTS:
            session.see([_MARTS[event.kind]])
        dated = "e.occasion_id, e.send_by" if event.kind in DATED_EVENTS else "NULL, NULL"
        duck.execute(
            f"INSERT INTO night.event SELECT e.customer_id, e.account_id, e.occurs_on, ?, {dated} FROM ({_QUERIES[event.kind]}) AS e "
            "CROSS JOIN night.event_window AS w WHERE e.occurs_on BETWEEN w.from_on AND w.to_on",
            [event.kind],
        )
