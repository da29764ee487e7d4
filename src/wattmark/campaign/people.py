"""What a night knows of each customer before any campaign asks: consent, addresses, standing rules.

One row a customer in ``night.person``, made once. Channels are bits of whole numbers in the order of
``CHANNELS``, so that "the first channel that is allowed and works" is arithmetic.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sqlalchemy import Engine

from wattmark.campaign.definition import CHANNELS
from wattmark.campaign.keys import campaign_key
from wattmark.campaign.state import EMPTY_HISTORY, EMPTY_SUPPRESSION, LASTING, fetch
from wattmark.engine.session import Session

BITS = {channel: 1 << at for at, channel in enumerate(CHANNELS)}
RECORD = "record"
"""Pseudo-channel of suppressions that speak of a customer instead of an address."""

_NEEDS = (
    "mart.dim_customer",
    "mart.fct_bill",
    "source.customer",
    "source.account",
    "source.consent",
    "source.service_call",
    "source.product_holding",
    "source.campaign_event",
    "core.phone",
    "core.email",
    "core.text_key",
    "core.calendar",
    "segment.household",
    "segment.duplicate_pair",
)

# Hashes are made where they are asked for: six a customer, kept, would be most of what a night holds.
# One address a channel in the form two spellings of it share. What is hashed is never shown.
_ADDRESS = """
CREATE OR REPLACE TABLE night.address AS
SELECT c.customer_id,
       k.key || '|' || COALESCE(c.postcode, '') AS post_key,
       CASE WHEN m.is_mobile THEN m.e164 END AS sms_key,
       CASE WHEN p.is_valid THEN p.e164 WHEN m.is_mobile THEN m.e164 END AS phone_key,
       CASE WHEN e.is_valid THEN e.address END AS email_key,
       h.customer_id AS app_key,
       k.key AS visit_key
FROM source.customer AS c
LEFT JOIN core.text_key AS k ON k.raw = c.postal_address AND k.key <> ''
LEFT JOIN core.phone AS m ON m.raw = c.mobile
LEFT JOIN core.phone AS p ON p.raw = c.phone
LEFT JOIN core.email AS e ON e.raw = c.email
LEFT JOIN (
  SELECT DISTINCT a.customer_id
  FROM source.product_holding AS h
  JOIN source.account AS a ON a.account_id = h.account_id
  CROSS JOIN night.night AS n
  WHERE h.product_code = 'mobile_app' AND h.since_on <= n.as_of AND (h.until_on IS NULL OR h.until_on >= n.as_of)
) AS h ON h.customer_id = c.customer_id
"""

# One row an address. Six scans of the columns: a lateral join would group the whole table by all of them first.
_ADDRESSED = "CREATE OR REPLACE VIEW night.addressed AS " + " UNION ALL ".join(
    f"SELECT customer_id, '{channel}' AS channel, {bit} AS bit, {channel}_key AS address FROM night.address "
    f"WHERE {channel}_key IS NOT NULL"
    for channel, bit in BITS.items()
)

_HASHED = """
CREATE OR REPLACE VIEW night.hashed AS
SELECT a.customer_id, a.channel, a.bit,
       sha256(n.key || chr(31) || a.channel || chr(31) || a.address) AS address_hash
FROM night.addressed AS a CROSS JOIN night.night AS n
"""

# The customer as such, for what was said of a person and not of an address; of every record of the person.
_RECORDED = """
CREATE OR REPLACE VIEW night.recorded AS
SELECT r.customer_id, sha256(n.key || chr(31) || 'record' || chr(31) || r.known_as) AS record_hash
FROM (
  SELECT customer_id, customer_id AS known_as FROM source.customer
  UNION ALL
  SELECT s.customer_id, o.customer_id FROM night.same AS s
  JOIN night.same AS o ON o.person_id = s.person_id AND o.customer_id <> s.customer_id
) AS r CROSS JOIN night.night AS n
"""

# One pass over a million customers' consents; grouping them by channel and purpose first takes three times as long.
_WORDS = ", ".join(
    f"MAX(CASE WHEN channel = '{channel}' AND purpose = '{purpose}' THEN word END) AS {purpose}_{channel}"
    for purpose in ("marketing", "service")
    for channel in CHANNELS
)


def _bits(purpose: str, parity: str) -> str:
    return " + ".join(
        f"CASE WHEN ABS({purpose}_{channel} % 2) {parity} THEN {bit} ELSE 0 END"
        for channel, bit in BITS.items()
    )


_PERSON = f"""
CREATE OR REPLACE TABLE night.person AS
WITH said AS (
  -- Newest word of a channel and purpose: the moment, doubled, and one more where it is a no, which wins at one moment.
  SELECT customer_id, channel, purpose, 2 * epoch_us(changed_at) + CASE WHEN status = 'granted' THEN 0 ELSE 1 END AS word
  FROM source.consent
),
newest AS (
  SELECT customer_id, {_WORDS}
  FROM said
  GROUP BY customer_id
),
agreed AS (
  SELECT customer_id, {_bits("marketing", "= 0")} AS marketing, {_bits("service", "= 0")} AS service,
         {_bits("service", "= 1")} AS service_refused
  FROM newest
),
marked AS (
  SELECT h.customer_id,
         BIT_OR(CASE WHEN s.reason = 'bounced' THEN 0 ELSE h.bit END) AS suppressed,
         BIT_OR(CASE WHEN s.reason = 'bounced' THEN h.bit ELSE 0 END) AS bounced
  FROM night.hashed AS h
  JOIN night.suppression AS s ON s.channel = h.channel AND s.address_hash = h.address_hash
  GROUP BY h.customer_id
),
recorded AS (
  SELECT r.customer_id,
         BIT_OR(CASE WHEN s.channel = 'record' AND s.reason <> 'deceased' THEN 63 ELSE COALESCE(b.bit, 0) END) AS suppressed,
         BOOL_OR(s.channel = 'record' AND s.reason = 'deceased') AS known_dead
  FROM night.recorded AS r
  JOIN night.suppression AS s ON s.address_hash = r.record_hash
  LEFT JOIN night.bit AS b ON b.channel = s.channel
  GROUP BY r.customer_id
),
arrears AS (
  SELECT DISTINCT a.customer_id
  FROM mart.fct_bill AS f JOIN source.account AS a ON a.account_id = f.account_id
  WHERE f.overdue_amount > 0
)
SELECT d.customer_id,
       s.person_id,
       CAST(DENSE_RANK() OVER (ORDER BY COALESCE(s.person_id, d.customer_id)) - 1 AS BIGINT) AS person_no,
       d.segment,
       d.current_value_amount,
       COALESCE(h.household_id, d.customer_id) AS household,
       CAST(COALESCE(g.marketing, 0) AS INTEGER) AS marketing,
       CAST(COALESCE(g.service, 0) AS INTEGER) AS service,
       CAST(63 & ~COALESCE(g.service_refused, 0) AS INTEGER) AS service_not_refused,
       CAST(COALESCE(m.suppressed, 0) | COALESCE(r.suppressed, 0) AS INTEGER) AS suppressed,
       CAST((CASE WHEN a.post_key IS NULL THEN 0 ELSE 1 END + CASE WHEN a.sms_key IS NULL THEN 0 ELSE 2 END
             + CASE WHEN a.phone_key IS NULL THEN 0 ELSE 4 END + CASE WHEN a.email_key IS NULL THEN 0 ELSE 8 END
             + CASE WHEN a.app_key IS NULL THEN 0 ELSE 16 END + CASE WHEN a.visit_key IS NULL THEN 0 ELSE 32 END)
         & ~COALESCE(m.bounced, 0) AS INTEGER) AS reachable,
       COALESCE(d.live_accounts, 0) = 0 AS closed,
       COALESCE(r.known_dead, FALSE) AS known_dead,
       c.kind = 'person' AND c.born_on > n.adult_born_on AS under_age,
       i.customer_id IS NOT NULL AS in_dispute,
       w.customer_id IS NOT NULL AS in_arrears,
       CAST(('0x' || SUBSTR(SHA256(n.key || chr(31) || 'all campaigns' || chr(31) || COALESCE(s.person_id, d.customer_id)), 1, 13)) AS BIGINT)
         / 4503599627370496.0 < n.global_control_share AS held_out
FROM mart.dim_customer AS d
JOIN source.customer AS c ON c.customer_id = d.customer_id
CROSS JOIN night.night AS n
LEFT JOIN night.address AS a ON a.customer_id = d.customer_id
LEFT JOIN night.same AS s ON s.customer_id = d.customer_id
LEFT JOIN segment.household AS h ON h.customer_id = d.customer_id
LEFT JOIN agreed AS g ON g.customer_id = d.customer_id
LEFT JOIN marked AS m ON m.customer_id = d.customer_id
LEFT JOIN recorded AS r ON r.customer_id = d.customer_id
LEFT JOIN arrears AS w ON w.customer_id = d.customer_id
LEFT JOIN night.dispute AS i ON i.customer_id = d.customer_id
"""

# Suppression as it follows from what came back: at once, for the address and for the customer. Only addresses
# of those who said something are hashed.
_FEEDBACK = """
CREATE OR REPLACE TABLE night.feedback AS
WITH bounce AS (
  SELECT customer_id, channel, MAX(occurred_at) FILTER (WHERE kind = 'bounced') AS last_bounce,
         MAX(occurred_at) FILTER (WHERE kind IN ('delivered', 'opened', 'clicked', 'replied')) AS last_arrival
  FROM source.campaign_event GROUP BY customer_id, channel
),
said AS (
  SELECT customer_id, CASE WHEN kind = 'unsubscribed' THEN channel END AS channel, kind AS reason,
         MIN(CAST(occurred_at AS DATE)) AS since
  FROM source.campaign_event WHERE kind IN ('unsubscribed', 'complained')
  GROUP BY ALL
  UNION ALL
  SELECT customer_id, channel, 'bounced', CAST(last_bounce AS DATE) FROM bounce
  WHERE last_bounce IS NOT NULL AND (last_arrival IS NULL OR last_arrival < last_bounce)
),
meant AS (
  SELECT a.channel, a.address, s.reason, s.since
  FROM said AS s
  JOIN night.addressed AS a ON a.customer_id = s.customer_id AND a.channel = COALESCE(s.channel, a.channel)
)
SELECT m.channel, sha256(n.key || chr(31) || m.channel || chr(31) || m.address) AS address_hash, m.reason, MIN(m.since) AS since
FROM meant AS m CROSS JOIN night.night AS n
GROUP BY ALL
UNION ALL
SELECT COALESCE(s.channel, 'record'), r.record_hash, s.reason, MIN(s.since)
FROM said AS s JOIN night.recorded AS r ON r.customer_id = s.customer_id
WHERE s.reason <> 'bounced'
GROUP BY ALL
"""


_CASES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("account_id", pa.string()),
        ("is_open", pa.bool_()),
        ("closed_on", pa.date32()),
    ]
).empty_table()


def look_at_people(session: Session, engine: Engine | None) -> None:
    """Make ``night.person``, ``night.history`` and what they rest on.

    Args:
        session: of the night; its marts and sources must be there.
        engine: the warehouse; None looks at data alone, without what earlier lists left (tests, previews).

    Raises:
        SqlFileError: a table that a standing rule rests on is not in the lake.
    """
    settings, as_of = session.settings, session.run.as_of
    rules = settings.campaigns
    duck = session.duck
    duck.execute("CREATE SCHEMA IF NOT EXISTS night")
    duck.execute("DROP TABLE IF EXISTS night.contact")
    session.see(_NEEDS)
    session.give(
        "night.night",
        pa.table(
            {
                "as_of": pa.array([as_of], pa.date32()),
                "key": [campaign_key(settings.home)],
                "global_control_share": [rules.global_control_share],
                "adult_born_on": pa.array([_years_before(as_of, rules.adult_years)], pa.date32()),
            }
        ),
    )
    session.give(
        "night.bit", pa.table({"channel": list(BITS), "bit": pa.array(list(BITS.values()), pa.int32())})
    )
    session.give("night.same", _same_persons(session))
    for statement in (_ADDRESS, _ADDRESSED, _HASHED, _RECORDED, _FEEDBACK):
        duck.execute(statement)
    session.give("night.suppression", _suppressed(session, engine, as_of))
    # What tonight's feedback says holds even before it is stored.
    duck.execute(
        "INSERT INTO night.suppression SELECT channel, address_hash, reason, since FROM night.feedback"
    )
    session.give("night.history", _history(engine, as_of))
    _disputes(session, engine, as_of)
    duck.execute(_PERSON)


def _same_persons(session: Session) -> pa.Table:
    """Records called duplicates, with the lowest customer_id of all that hang together: customer_id, person_id."""
    pairs = session.duck.sql("SELECT customer_id, other_customer_id FROM segment.duplicate_pair").fetchall()
    names = sorted({name for pair in pairs for name in pair})
    at = {name: place for place, name in enumerate(names)}
    rows, columns = [at[one] for one, _ in pairs], [at[other] for _, other in pairs]
    graph = coo_matrix((np.ones(len(pairs)), (rows, columns)), shape=(len(names), len(names)))
    part = connected_components(graph, directed=False)[1] if names else np.empty(0, np.int64)
    lowest: dict[int, str] = {}
    for name, number in zip(names, part.tolist(), strict=True):
        lowest.setdefault(number, name)
    return pa.table(
        {
            "customer_id": pa.array(names, pa.string()),
            "person_id": pa.array([lowest[number] for number in part.tolist()], pa.string()),
        }
    )


def look_at_contacts(session: Session) -> None:
    """Make ``night.contact``, once a night: name and usable addresses of each customer, as lists show them."""
    session.see(["source.customer", "core.phone", "core.email"])
    session.duck.execute(
        """CREATE TABLE IF NOT EXISTS night.contact AS
        SELECT c.customer_id, c.name, c.contact_name, c.language, c.postal_address, c.postcode, m.e164 AS mobile,
               COALESCE(CASE WHEN p.is_valid THEN p.e164 END, m.e164) AS phone, e.address AS email
        FROM source.customer AS c
        LEFT JOIN core.phone AS m ON m.raw = c.mobile AND m.is_mobile
        LEFT JOIN core.phone AS p ON p.raw = c.phone
        LEFT JOIN core.email AS e ON e.raw = c.email AND e.is_valid"""
    )


def _years_before(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _suppressed(session: Session, engine: Engine | None, as_of: dt.date) -> pa.Table:
    if engine is None:
        return EMPTY_SUPPRESSION
    return fetch(
        engine,
        "SELECT channel, address_hash, reason, since FROM ops.suppression WHERE since <= $1",
        [as_of],
        EMPTY_SUPPRESSION,
    )


def _history(engine: Engine | None, as_of: dt.date) -> pa.Table:
    if engine is None:
        return EMPTY_HISTORY
    # A year back: no window of contacts is longer, and campaigns that wait longer are asked by their own date.
    return fetch(
        engine,
        "SELECT m.customer_id, m.account_id, r.campaign_id, r.as_of, m.outcome, m.channel, m.send_on, r.campaign_run_id "
        "FROM ops.campaign_member m JOIN ops.campaign_run r ON r.campaign_run_id = m.campaign_run_id "
        "WHERE m.outcome IN ('listed', 'control') AND NOT m.is_seed AND r.as_of <= $1 "
        "AND (r.released_at IS NOT NULL OR r.state IN ('listed', 'awaiting_approval'))",
        [as_of],
        EMPTY_HISTORY,
    )


def _disputes(session: Session, engine: Engine | None, as_of: dt.date) -> None:
    """Customers with an open case or complaint; without any audit cases, with a severe finding."""
    duck = session.duck
    cases = _CASES
    if engine is not None:
        cases = fetch(
            engine,
            "SELECT customer_id, account_id, state NOT IN ('dismissed', 'verified', 'closed') AS is_open, "
            "CASE WHEN state = 'closed' THEN CAST(closed_at AS date) END AS closed_on FROM ops.audit_case "
            "WHERE CAST(opened_at AS date) <= $1",
            [as_of],
            cases,
        )
    session.give("night.audit_case", cases)
    if len(cases) == 0:
        session.see(["mart.audit_exception"])
    findings = (
        "SELECT COALESCE(f.customer_id, a.customer_id) AS customer_id FROM mart.audit_exception AS f "
        "LEFT JOIN source.account AS a ON a.account_id = f.account_id WHERE f.severity = 'high' AND f.kind = 'exception'"
        if len(cases) == 0
        else "SELECT COALESCE(f.customer_id, a.customer_id) AS customer_id FROM night.audit_case AS f "
        "LEFT JOIN source.account AS a ON a.account_id = f.account_id WHERE f.is_open"
    )
    duck.execute(
        f"""CREATE OR REPLACE TABLE night.dispute AS
        SELECT DISTINCT customer_id FROM (
          {findings}
          UNION ALL
          SELECT a.customer_id FROM source.service_call AS s JOIN source.account AS a ON a.account_id = s.account_id
          WHERE s.kind = 'complaint' AND s.resolved_at IS NULL
        ) WHERE customer_id IS NOT NULL"""
    )


def feedback_suppressions(session: Session) -> pa.Table:
    """Suppressions that follow from the events known tonight, one a channel and address_hash, with reason and since."""
    rank = LASTING.format(reason="reason")
    return session.duck.sql(
        f"SELECT channel, address_hash, ARG_MIN(reason, {rank}) AS reason, MIN(since) AS since "
        "FROM night.feedback GROUP BY channel, address_hash ORDER BY channel, address_hash"
    ).to_arrow_table()
