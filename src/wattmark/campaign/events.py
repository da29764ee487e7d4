"""Events that make a customer due: each kind a query of customer, account, day and occasion."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.csv as csv

from wattmark.campaign.audience import prepare
from wattmark.campaign.definition import Campaign, CampaignError, EventKind
from wattmark.engine.session import Session
from wattmark.home import Home

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
    "order_closed": "SELECT a.customer_id, r.account_id, r.closed_on AS occurs_on FROM relation.request AS r "
    "JOIN relation.account AS a ON a.account_id = r.account_id",
    "grade_up": "SELECT customer_id, CAST(NULL AS VARCHAR) AS account_id, LAST_DAY(month) AS occurs_on FROM mart.customer_movement WHERE kind = 'up'",
    "tariff_saving": "SELECT a.customer_id, f.account_id, w.to_on AS occurs_on FROM relation.fit AS f "
    "JOIN relation.account AS a ON a.account_id = f.account_id CROSS JOIN night.event_window AS w WHERE f.saving_amount > w.above_amount",
    "outage_planned": "SELECT a.customer_id, a.account_id, o.planned_on AS occurs_on FROM night.outage AS o "
    "JOIN relation.account AS a ON a.line_id = o.line_id OR a.transformer_id = o.transformer_id",
    "case_closed": "SELECT COALESCE(c.customer_id, a.customer_id) AS customer_id, c.account_id, c.closed_on AS occurs_on "
    "FROM ask.audit_case AS c LEFT JOIN relation.account AS a ON a.account_id = c.account_id",
}
_RELATIONS: dict[EventKind, set[str]] = {
    "contract_expiring": {"contract", "account"},
    "account_opened": {"account"},
    "order_closed": {"request", "account"},
    "tariff_saving": {"fit", "account"},
    "outage_planned": {"account"},
    "case_closed": {"account"},
}
_MARTS: dict[EventKind, str] = {"grade_up": "mart.customer_movement", "review_due": "mart.key_account_review"}


def find_events(session: Session, campaign: Campaign) -> None:
    """Make ``night.event``: customer_id, account_id (empty where it concerns the customer), occurs_on, occasion.

    Raises:
        SqlFileError: what an event rests on is not in the lake.
        CampaignError: the file of planned outages is missing or wrong.
    """
    duck, as_of = session.duck, session.run.as_of
    duck.execute(
        "CREATE OR REPLACE TABLE night.event (customer_id VARCHAR, account_id VARCHAR, occurs_on DATE, occasion VARCHAR)"
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
        elif event.kind == "outage_planned":
            session.give("night.outage", _outages(session))
        duck.execute(
            f"INSERT INTO night.event SELECT e.customer_id, e.account_id, e.occurs_on, ? FROM ({_QUERIES[event.kind]}) AS e "
            "CROSS JOIN night.event_window AS w WHERE e.occurs_on BETWEEN w.from_on AND w.to_on",
            [event.kind],
        )


def _outages(session: Session) -> pa.Table:
    file = Home(session.settings.home).outages
    schema = pa.schema(
        [("line_id", pa.string()), ("transformer_id", pa.string()), ("planned_on", pa.date32())]
    )
    if not file.exists():
        raise CampaignError(
            "campaign.outages", f"{file} is missing.", "Put planned outages there, or take the event out."
        )
    try:
        options = csv.ConvertOptions(
            column_types=schema, include_columns=schema.names, strings_can_be_null=True
        )
        return csv.read_csv(file, convert_options=options).cast(schema)
    except (pa.ArrowInvalid, KeyError) as error:
        raise CampaignError("campaign.outages", f"{file} cannot be read: {str(error)[:120]}.") from None
