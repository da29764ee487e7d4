"""From definitions to outcomes: audience, standing rules, assignment, and what competes for a customer.

Nothing here writes outside of the session: ``wattmark campaign preview`` and the night share it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
from sqlalchemy import Engine

from wattmark.campaign.assign import Resource, settle
from wattmark.campaign.audience import Checker, asked_relations, prepare, relations, select_members, text_of
from wattmark.campaign.definition import CHANNELS, CampaignError, CampaignFile, ChannelName
from wattmark.campaign.events import find_events
from wattmark.campaign.fields import published_fields
from wattmark.campaign.people import BITS, look_at_people
from wattmark.engine.session import Session
from wattmark.errors import WattmarkError
from wattmark.settings import ChannelSettings

MONEY = 10_000
"""Costs compete in whole ten-thousandths of the currency, so that sums are exact."""


@dataclass(frozen=True)
class Sending:
    """When and at what cost one channel of one campaign goes out; hours are local."""

    channel: ChannelName
    send_on: dt.date
    from_hour: int
    until_hour: int
    cost_amount: float
    daily_limit: int | None


@dataclass(frozen=True)
class Planned:
    """One campaign of a night, with its number in ``night.member``."""

    number: int
    file: CampaignFile
    sendings: tuple[Sending, ...]
    fields: dict[str, str]


@dataclass
class Decision:
    """What a night decided: ``night.member`` in the session, the campaigns in it, and what could not be made."""

    planned: list[Planned] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


_CONSIDER = """
INSERT INTO night.considered
WITH past AS (
  SELECT COALESCE(s.person_id, h.customer_id) AS person, h.account_id, h.campaign_id, h.as_of, h.outcome
  FROM night.history AS h LEFT JOIN night.same AS s ON s.customer_id = h.customer_id
),
history AS (
  SELECT h.person, CASE WHEN t.by_account THEN h.account_id END AS account_id, MAX(h.as_of) AS last_on
  FROM past AS h JOIN night.this AS t ON h.campaign_id = t.campaign_id
  GROUP BY ALL
),
contact AS (
  SELECT h.person,
         COUNT(*) FILTER (WHERE h.as_of > t.contacts_after) AS contacts,
         COUNT(*) FILTER (WHERE h.as_of > t.own_contacts_after) AS own_contacts
  FROM past AS h CROSS JOIN night.this AS t
  WHERE h.outcome = 'listed'
  GROUP BY h.person
),
allowed AS (
  SELECT m.*, p.* EXCLUDE (customer_id),
         CASE WHEN t.purpose = 'marketing' THEN p.marketing
              WHEN t.consent_off THEN p.service_not_refused ELSE p.service END & t.mask AS agreed,
         h.last_on,
         t.contacts - COALESCE(c.contacts, 0) AS room,
         t.own_contacts - COALESCE(c.own_contacts, 0) AS own_room,
         t.unit_prefix || chr(31) || CASE WHEN t.by_household THEN p.household ELSE COALESCE(p.person_id, m.customer_id) END AS unit
  FROM night.audience AS m
  JOIN night.person AS p ON p.customer_id = m.customer_id
  CROSS JOIN night.this AS t
  LEFT JOIN history AS h ON h.person = COALESCE(p.person_id, m.customer_id) AND COALESCE(h.account_id, m.account_id) = m.account_id
  LEFT JOIN contact AS c ON c.person = COALESCE(p.person_id, m.customer_id)
),
judged AS (
  SELECT a.*,
         a.agreed & ~a.suppressed & a.reachable AS usable,
         CASE WHEN (a.closed OR a.account_closed) AND NOT t.closed_off THEN 'closed'
              WHEN a.known_dead AND NOT t.known_dead_off THEN 'known_dead'
              WHEN a.under_age AND NOT t.under_age_off THEN 'under_age'
              WHEN a.agreed = 0 THEN 'no_consent'
              WHEN a.agreed & ~a.suppressed = 0 THEN 'suppressed'
              WHEN a.agreed & ~a.suppressed & a.reachable = 0 THEN 'undeliverable'
              WHEN a.in_dispute AND NOT t.in_dispute_off THEN 'in_dispute'
              WHEN a.in_arrears AND NOT t.in_arrears_off THEN 'in_arrears'
              WHEN a.held_out AND NOT t.held_out_off THEN 'held_out'
              WHEN a.last_on > t.again_after AND NOT t.already_addressed_off THEN 'already_addressed'
              WHEN LEAST(a.room, a.own_room) <= 0 AND NOT t.mailed_too_often_off THEN 'mailed_too_often' END AS reason
  FROM allowed AS a CROSS JOIN night.this AS t
),
-- Of two records of one person one is spoken to; accounts are each spoken of, under the person's cap.
twin AS (
  SELECT j.customer_id FROM judged AS j CROSS JOIN night.this AS t
  WHERE j.person_id IS NOT NULL AND j.reason IS NULL AND NOT t.by_account
  QUALIFY ROW_NUMBER() OVER (PARTITION BY j.person_id ORDER BY j.current_value_amount DESC NULLS LAST, j.customer_id) > 1
),
single AS (
  SELECT j.* EXCLUDE (reason), COALESCE(j.reason, CASE WHEN w.customer_id IS NOT NULL THEN 'same_person' END) AS reason
  FROM judged AS j LEFT JOIN twin AS w ON w.customer_id = j.customer_id
),
housed AS (
  SELECT s.*, {excluded_by} AS excluded_by FROM single AS s
),
channelled AS (
  SELECT h.*,
         CASE WHEN h.usable & t.bit_1 <> 0 THEN t.bit_1 WHEN h.usable & t.bit_2 <> 0 THEN t.bit_2
              WHEN h.usable & t.bit_3 <> 0 THEN t.bit_3 WHEN h.usable & t.bit_4 <> 0 THEN t.bit_4
              WHEN h.usable & t.bit_5 <> 0 THEN t.bit_5 WHEN h.usable & t.bit_6 <> 0 THEN t.bit_6 END AS channel_bit,
         CASE WHEN h.excluded_by IS NULL
              THEN CAST(('0x' || SUBSTR(SHA256(n.key || chr(31) || 'control' || chr(31) || h.unit), 1, 13)) AS BIGINT)
                   / 4503599627370496.0 < t.control_share END AS is_control,
         CASE WHEN h.excluded_by IS NULL
              THEN CAST(('0x' || SUBSTR(SHA256(n.key || chr(31) || 'cell' || chr(31) || h.unit), 1, 13)) AS BIGINT)
                   / 4503599627370496.0 END AS cell_at,
         CASE WHEN h.excluded_by IS NULL
              THEN CAST(('0x' || SUBSTR(SHA256(n.key || chr(31) || 'order' || chr(31) || h.unit || chr(31) || h.account_id), 1, 13)) AS BIGINT)
              END AS tie
  FROM housed AS h CROSS JOIN night.this AS t CROSS JOIN night.night AS n
)
SELECT t.number, c.customer_id, c.account_id, c.person_no, c.excluded_by,
       CASE WHEN c.excluded_by IS NULL THEN s.channel END AS channel,
       s.send_on,
       CASE WHEN c.is_control THEN 'control' ELSE l.cell END AS cell,
       c.is_control, t.priority, s.cost,
       COALESCE(c.own_value, t.value_amount) * COALESCE(r.rate, t.expected_rate) - s.cost / 10000.0 AS expected_value,
       c.tie,
       CASE WHEN t.mailed_too_often_off THEN NULL ELSE LEAST(c.room, c.own_room) END AS room,
       c.segment, c.fields
FROM channelled AS c
CROSS JOIN night.this AS t
LEFT JOIN night.sending AS s ON c.excluded_by IS NULL AND s.number = t.number AND s.bit = c.channel_bit
LEFT JOIN night.cell AS l ON c.excluded_by IS NULL AND l.number = t.number AND c.cell_at >= l.low AND c.cell_at < l.high
LEFT JOIN night.take_up AS r ON r.campaign_id = t.campaign_id AND r.segment = c.segment AND r.channel = s.channel
"""
_ONE_A_HOUSEHOLD = """COALESCE(s.reason, CASE WHEN ROW_NUMBER() OVER (
  PARTITION BY s.household ORDER BY s.reason IS NOT NULL, s.current_value_amount DESC NULLS LAST, s.customer_id) > 1
  THEN 'same_household' END)"""


def decide(
    session: Session, engine: Engine | None, files: Sequence[CampaignFile], numbers: Sequence[str] = ()
) -> Decision:
    """Decide the outcome of every member of every campaign's audience.

    Leaves ``night.member`` in the session: number, customer_id, account_id, outcome, excluded_by, channel,
    send_on, cell, priority, segment, expected_value_amount, cost, fields.

    Args:
        session: of the night.
        engine: the warehouse with what earlier nights did; None where there is none.
        files: the campaigns, none of them by area.
        numbers: ids of runs whose contacts do not count as history (those that a correction replaces).
    """
    decision = Decision()
    look_at_people(session, engine)
    if numbers:
        session.give("night.replaced", pa.table({"campaign_run_id": list(numbers)}))
        session.duck.execute(
            "DELETE FROM night.history WHERE campaign_run_id IN (SELECT campaign_run_id FROM night.replaced)"
        )
    _make_tables(session)
    for number, file in enumerate(files):
        try:
            planned = plan(session, number, file)
            consider(session, planned)
        except (WattmarkError, duckdb.Error) as error:
            decision.problems[file.campaign.id] = str(error).split("\n")[0]
            session.duck.execute("DELETE FROM night.considered WHERE number = ?", [number])
            continue
        decision.planned.append(planned)
    _compete(session, decision.planned)
    return decision


def _make_tables(session: Session) -> None:
    session.duck.execute(
        """CREATE OR REPLACE TABLE night.considered (
          number INTEGER, customer_id VARCHAR, account_id VARCHAR, person_no BIGINT, excluded_by VARCHAR, channel VARCHAR,
          send_on DATE, cell VARCHAR, is_control BOOLEAN, priority INTEGER, cost BIGINT, expected_value DOUBLE, tie BIGINT,
          room BIGINT, segment VARCHAR, fields VARCHAR);
        CREATE OR REPLACE TABLE night.sending (number INTEGER, channel VARCHAR, bit INTEGER, send_on DATE, cost BIGINT);
        CREATE OR REPLACE TABLE night.cell (number INTEGER, cell VARCHAR, low DOUBLE, high DOUBLE);
        CREATE OR REPLACE TABLE night.take_up (campaign_id VARCHAR, segment VARCHAR, channel VARCHAR, rate DOUBLE)"""
    )
    if session.stored and session.lake.exists("mart.campaign_take_up"):
        session.see(["mart.campaign_take_up"])
        session.duck.execute(
            "INSERT INTO night.take_up SELECT campaign_id, segment, channel, rate FROM mart.campaign_take_up"
        )


def plan(session: Session, number: int, file: CampaignFile) -> Planned:
    """The days, hours and costs of a campaign's channels for tonight."""
    sendings = []
    for channel in file.campaign.channels:
        usual = session.settings.campaigns.channels.get(channel.channel) or ChannelSettings.model_validate({})
        days = channel.days or usual.days
        row = session.duck.execute(
            "SELECT MIN(day) FROM core.calendar WHERE day > ? AND (? = 'every_day' OR (? = 'no_holidays' AND NOT is_holiday) "
            "OR is_working_day)",
            [session.run.as_of, days, days],
        ).fetchone()
        if row is None or row[0] is None:
            raise CampaignError(
                "campaign.calendar", f"core.calendar has no {days} after {session.run.as_of}."
            )
        limits = [one for one in (channel.daily_limit, usual.daily_limit) if one is not None]
        sendings.append(
            Sending(
                channel.channel,
                row[0],
                usual.from_hour if channel.from_hour is None else channel.from_hour,
                usual.until_hour if channel.until_hour is None else channel.until_hour,
                usual.cost_amount if channel.cost_amount is None else channel.cost_amount,
                min(limits) if limits else None,
            )
        )
    return Planned(number, file, tuple(sendings), published_fields(file))


def consider(session: Session, planned: Planned) -> None:
    """Find one campaign's audience and judge each member of it, limits and competition aside."""
    file, duck = planned.file, session.duck
    campaign = file.campaign
    known = relations(session.settings.include)
    checker = Checker(known, campaign.audience.grain)
    asked = checker.condition(campaign.audience.where)
    fields = dict(planned.fields)
    if campaign.success.value_column:
        fields["_own_value"] = campaign.success.value_column
    by_account = campaign.audience.grain == "account"
    if by_account:
        fields["_status"] = "account.status"
    values = {"as_of": session.run.as_of, "period": session.run.period}
    query = select_members(known, campaign.audience.grain, asked, values, fields, [])
    prepare(session, asked_relations(query))
    duck.execute(f"CREATE OR REPLACE TABLE night.found AS {text_of(query)}")
    if campaign.schedule.events:
        find_events(session, campaign)
        # One row a member, whatever happened to it twice.
        duck.execute(
            """CREATE OR REPLACE TABLE night.found AS
            SELECT f.*, e.occasion FROM night.found AS f JOIN night.event AS e
              ON e.customer_id = f.customer_id AND (e.account_id IS NULL OR f.account_id = '' OR e.account_id = f.account_id)
            QUALIFY ROW_NUMBER() OVER (PARTITION BY f.customer_id, f.account_id ORDER BY e.occurs_on, e.occasion, e.account_id) = 1"""
        )
        shown = [*planned.fields, "occasion"]
    else:
        shown = list(planned.fields)
    # Names of columns, checked against the published ones before; values stay where they are.
    packed = ", ".join(f'"{name}" := "{name}"' for name in shown)
    duck.execute(
        f"""CREATE OR REPLACE TABLE night.audience AS
        SELECT customer_id, account_id,
               {"CAST(to_json(struct_pack(" + packed + ")) AS VARCHAR)" if packed else "CAST(NULL AS VARCHAR)"} AS fields,
               {"CAST(_own_value AS DOUBLE)" if campaign.success.value_column else "CAST(NULL AS DOUBLE)"} AS own_value,
               {"_status = 'closed'" if by_account else "FALSE"} AS account_closed
        FROM night.found"""
    )
    _give_this(session, planned)
    # The window over households is left out where nobody asks for it: it sorts the whole audience.
    by_household = campaign.audience.grain == "household"
    duck.execute(_CONSIDER.replace("{excluded_by}", _ONE_A_HOUSEHOLD if by_household else "s.reason"))


def _give_this(session: Session, planned: Planned) -> None:
    campaign, rules, as_of = planned.file.campaign, session.settings.campaigns, session.run.as_of
    bits = [BITS[channel.channel] for channel in campaign.channels] + [0] * (
        len(CHANNELS) - len(campaign.channels)
    )
    own = campaign.limits.contacts
    off = set(campaign.exclude)
    session.give(
        "night.this",
        pa.Table.from_pylist(
            [
                {
                    "number": planned.number,
                    "campaign_id": campaign.id,
                    "purpose": campaign.purpose,
                    "by_account": campaign.audience.grain == "account",
                    "by_household": campaign.audience.grain == "household",
                    "unit_prefix": campaign.id,
                    "mask": sum(bits),
                    **{f"bit_{at + 1}": bit for at, bit in enumerate(bits)},
                    "consent_off": "no_consent" in off,
                    **{
                        f"{rule}_off": rule in off
                        for rule in (
                            "closed", "known_dead", "under_age", "in_dispute", "in_arrears", "held_out",
                            "already_addressed", "mailed_too_often",
                        )
                    },
                    "again_after": as_of - dt.timedelta(days=campaign.limits.again_after_days),
                    "contacts": rules.contacts,
                    "contacts_after": as_of - dt.timedelta(days=rules.contact_days),
                    "own_contacts": own.count if own else rules.contacts,
                    "own_contacts_after": as_of - dt.timedelta(days=own.days if own else rules.contact_days),
                    "control_share": campaign.control_share,
                    "value_amount": campaign.success.value_amount,
                    "expected_rate": campaign.success.expected_rate,
                    # Who sets the cap aside is asked first, so that nobody else's contact comes on top of theirs.
                    "priority": 0 if "mailed_too_often" in off else campaign.limits.priority,
                }
            ]
        ),
    )  # fmt: skip
    duck = session.duck
    for one in planned.sendings:
        duck.execute(
            "INSERT INTO night.sending VALUES (?, ?, ?, ?, ?)",
            [planned.number, one.channel, BITS[one.channel], one.send_on, round(one.cost_amount * MONEY)],
        )
    low = 0.0
    for at, cell in enumerate(campaign.cells):
        high = 1.0 if at + 1 == len(campaign.cells) else low + cell.share
        duck.execute("INSERT INTO night.cell VALUES (?, ?, ?, ?)", [planned.number, cell.cell, low, high])
        low = high


def _compete(session: Session, planned: Sequence[Planned]) -> None:
    duck = session.duck
    # Numbered once; the order is total, so nothing depends on how rows lie.
    duck.execute(
        """CREATE OR REPLACE TABLE night.edge AS
        SELECT ROW_NUMBER() OVER (ORDER BY priority, expected_value DESC, tie, number, customer_id, account_id) - 1 AS rank,
               number, customer_id, account_id, person_no, channel, send_on, cost, room, is_control
        FROM night.considered WHERE excluded_by IS NULL"""
    )
    edges = duck.sql(
        "SELECT rank, number, person_no, channel, send_on, cost, room, is_control FROM night.edge ORDER BY rank"
    ).to_arrow_table()
    kept = settle(np.arange(len(edges), dtype=np.int64), _resources(session, edges, planned))
    session.give("night.kept", pa.table({"rank": pa.array(np.flatnonzero(kept), pa.int64())}))
    duck.execute(
        """CREATE OR REPLACE TABLE night.member AS
        SELECT c.number, c.customer_id, c.account_id,
               CASE WHEN c.excluded_by IS NOT NULL THEN 'excluded' WHEN k.rank IS NULL THEN 'over_limit'
                    WHEN c.is_control THEN 'control' ELSE 'listed' END AS outcome,
               c.excluded_by, c.channel, c.cell, c.priority, c.send_on, c.segment,
               CAST(c.expected_value AS DECIMAL(18,2)) AS expected_value_amount, c.cost,
               CASE WHEN k.rank IS NOT NULL AND NOT c.is_control THEN c.fields END AS fields
        FROM night.considered AS c
        LEFT JOIN night.edge AS e ON c.excluded_by IS NULL AND e.number = c.number AND e.customer_id = c.customer_id
          AND e.account_id = c.account_id
        LEFT JOIN night.kept AS k ON k.rank = e.rank"""
    )


def _resources(session: Session, edges: pa.Table, planned: Sequence[Planned]) -> list[Resource]:
    number = edges.column("number").to_numpy().astype(np.int64)
    person = edges.column("person_no").to_numpy().astype(np.int64)
    cost = edges.column("cost").to_numpy().astype(np.float64)
    contacted = (~edges.column("is_control").to_numpy(zero_copy_only=False).astype(bool)).astype(np.float64)
    one = np.ones(len(edges))
    room = edges.column("room").cast(pa.float64()).fill_null(float("inf")).to_numpy()
    found = [Resource(person, one, one, room)]
    top = max((one.number for one in planned), default=-1) + 1
    size, budget = np.full(top, np.inf), np.full(top, np.inf)
    for campaign in planned:
        limits = campaign.file.campaign.limits
        if limits.size is not None:
            size[campaign.number] = limits.size
        if limits.budget_amount is not None:
            budget[campaign.number] = round(limits.budget_amount * MONEY)
    found.append(Resource(number, one, contacted, size[number]))
    found.append(Resource(number, cost, cost * contacted, budget[number]))
    return [*found, *_channel_days(session, edges, planned, number, one, contacted)]


def _channel_days(
    session: Session,
    edges: pa.Table,
    planned: Sequence[Planned],
    number: np.ndarray,
    one: np.ndarray,
    contacted: np.ndarray,
) -> list[Resource]:
    """What a channel carries a day over all campaigns, and where a campaign says less, over this campaign too."""
    used = {
        (channel, day): count
        for channel, day, count in session.duck.execute(
            "SELECT channel, send_on, COUNT(*) FROM night.history WHERE outcome = 'listed' GROUP BY channel, send_on"
        ).fetchall()
    }
    keys = sorted({(one_.channel, one_.send_on) for plan_ in planned for one_ in plan_.sendings})
    number_of = {key: at for at, key in enumerate(keys)}
    encoded = edges.column("channel").combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    top = max((plan_.number for plan_ in planned), default=-1) + 1
    group_of = np.zeros((top, max(len(names), 1)), np.int64)
    room_of = np.full((top, max(len(names), 1)), np.inf)
    own_of = np.full((top, max(len(names), 1)), np.inf)
    for plan_ in planned:
        for sending in plan_.sendings:
            if sending.channel not in names:
                continue
            at = names.index(sending.channel)
            group_of[plan_.number, at] = number_of[(sending.channel, sending.send_on)]
            usual = session.settings.campaigns.channels.get(sending.channel)
            if usual is not None and usual.daily_limit is not None:
                room_of[plan_.number, at] = max(
                    0, usual.daily_limit - used.get((sending.channel, sending.send_on), 0)
                )
            if sending.daily_limit is not None:
                own_of[plan_.number, at] = sending.daily_limit
    if not len(edges):
        return []
    index = encoded.indices.to_numpy().astype(np.int64)
    return [
        Resource(group_of[number, index], one, contacted, room_of[number, index]),
        Resource(number * len(names) + index, one, contacted, own_of[number, index]),
    ]
