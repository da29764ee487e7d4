"""From definitions to outcomes: audience, standing rules, assignment, and what competes for a customer.

Nothing here writes outside of the session: ``wattmark campaign preview`` and the night share it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
from sqlalchemy import Engine

from wattmark.campaign.assign import Resource, settle
from wattmark.campaign.audience import Checker, asked_relations, prepare, relations, select_members
from wattmark.campaign.audience import text_of as sql_of
from wattmark.campaign.definition import CampaignError, CampaignFile
from wattmark.campaign.events import find_events
from wattmark.campaign.fields import published_fields
from wattmark.campaign.people import draw_below, empty, give, look_at_people, text_of
from wattmark.campaign_settings import ChannelSettings
from wattmark.engine.session import Session
from wattmark.errors import WattmarkError

MONEY = 10_000
"""Costs compete in whole ten-thousandths of the currency, so that sums are exact."""


@dataclass(frozen=True)
class Sending:
    """When and at what cost one channel of one campaign goes out; hours are local."""

    channel: str
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


def decide(
    session: Session,
    engine: Engine | None,
    files: Sequence[CampaignFile],
    numbers: Sequence[str] = (),
    now: dt.datetime | None = None,
) -> Decision:
    """Decide the outcome of every member of every campaign's audience.

    Leaves ``night.member`` in the session: number, customer_id, account_id, outcome, excluded_by, channel,
    send_on, cell, priority, segment, expected_value_amount, cost, fields.

    Args:
        session: of the night.
        engine: the warehouse with what earlier nights did; None where there is none.
        files: the campaigns, none of them by area.
        numbers: ids of runs whose contacts do not count as history (those that a correction replaces).
        now: the moment it is; nothing is sent before it. Who may be contacted is asked of what the session knows
            (``session.known_on``), the audience of its date.
    """
    decision = Decision()
    asked = sorted({channel.channel for file in files for channel in file.campaign.channels})
    look_at_people(session, engine, asked, [file.campaign.id for file in files])
    if numbers:
        session.give("night.replaced", pa.table({"campaign_run_id": list(numbers)}))
        session.duck.execute(
            "DELETE FROM ask.history WHERE campaign_run_id IN (SELECT campaign_run_id FROM night.replaced)"
        )
    _make_tables(session)
    for number, file in enumerate(files):
        try:
            planned = plan(session, number, file, now)
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
        "CREATE OR REPLACE TABLE night.named (number BIGINT, campaign_id VARCHAR, is_by_household BOOLEAN)"
    )
    session.duck.execute(
        """CREATE OR REPLACE TABLE night.considered (
          number BIGINT, customer_id VARCHAR, account_id VARCHAR, person_id VARCHAR, excluded_by VARCHAR, channel VARCHAR,
          send_on DATE, cell VARCHAR, is_control BOOLEAN, priority BIGINT, cost BIGINT, expected_value DOUBLE, tie VARCHAR,
          room BIGINT, segment VARCHAR, fields VARCHAR)"""
    )
    learned = empty("ask.take_up")
    if session.stored and session.lake.exists("mart.campaign_take_up"):
        learned = session.query(
            "SELECT t.campaign_id, t.segment, t.channel, t.rate FROM mart.campaign_take_up AS t"
        ).read_all()
    session.give("ask.take_up", learned)


def plan(session: Session, number: int, file: CampaignFile, now: dt.datetime | None = None) -> Planned:
    """The days, hours and costs of a campaign's channels for tonight; never before ``now``.

    Raises:
        CampaignError: the calendar has no day on which a channel may be used.
    """
    sendings = []
    for channel in file.campaign.channels:
        usual = _usual(session, channel.channel)
        until_hour = usual.until_hour if channel.until_hour is None else channel.until_hour
        first = session.run.as_of + dt.timedelta(days=1)
        local = now.astimezone(session.settings.zone) if now else None
        limits = [one for one in (channel.daily_limit, usual.daily_limit) if one is not None]
        sendings.append(
            Sending(
                channel.channel,
                may_send(session, channel.channel, channel.days, first, local, until_hour),
                usual.from_hour if channel.from_hour is None else channel.from_hour,
                until_hour,
                usual.cost_amount if channel.cost_amount is None else channel.cost_amount,
                min(limits) if limits else None,
            )
        )
    return Planned(number, file, tuple(sendings), published_fields(file))


def _usual(session: Session, channel: str) -> ChannelSettings:
    return session.settings.campaigns.channels.get(channel) or ChannelSettings.model_validate({})


def may_send(
    session: Session,
    channel: str,
    days: str | None,
    first: dt.date,
    local: dt.datetime | None,
    until_hour: int,
) -> dt.date:
    """The first day from ``first`` on that a channel may be used on and that is not over.

    Args:
        session: with core.calendar.
        channel: the channel.
        days: what the campaign says of its days; the utility's setting where None.
        first: the earliest day.
        local: the moment it is, local; None where only the calendar decides.
        until_hour: local hour at which the channel falls quiet.

    Raises:
        CampaignError: the calendar has no such day.
    """
    days = days or _usual(session, channel).days
    if local is not None:
        today = local.date() if local.hour < until_hour else local.date() + dt.timedelta(days=1)
        first = max(first, today)
    session.see(["core.calendar"])
    row = session.duck.execute(
        "SELECT MIN(day) FROM core.calendar WHERE day >= ? AND (? = 'every_day' OR (? = 'no_holidays' AND NOT is_holiday) "
        "OR is_working_day)",
        [first, days, days],
    ).fetchone()
    if row is None or row[0] is None:
        raise CampaignError("campaign.calendar", f"core.calendar has no {days} from {first} on.")
    found: dt.date = row[0]
    return found


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
    duck.execute(f"CREATE OR REPLACE TABLE night.found AS {sql_of(query)}")
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
    found = duck.sql(
        f"""SELECT customer_id, account_id,
               {"CAST(to_json(struct_pack(" + packed + ")) AS VARCHAR)" if packed else "CAST(NULL AS VARCHAR)"} AS fields,
               {"CAST(_own_value AS DOUBLE)" if campaign.success.value_column else "CAST(NULL AS DOUBLE)"} AS own_value,
               {"_status = 'closed'" if by_account else "FALSE"} AS is_account_closed
        FROM night.found"""
    )
    session.give("ask.member", found.to_arrow_table())
    _give_campaign(session, planned)
    duck.execute(
        "INSERT INTO night.named VALUES (?, ?, ?)",
        [planned.number, campaign.id, campaign.audience.grain == "household"],
    )
    duck.execute(f"INSERT INTO night.considered {text_of(session, 'campaign.considered')}")


def asks_for(file: CampaignFile) -> str:
    """What a campaign's contacts need: consent to ``marketing`` or to ``service``; a ``notice`` sets consent aside."""
    return asks_for_of(file.campaign.purpose, file.campaign.exclude)


def asks_for_of(purpose: str, exclude: Container[str]) -> str:
    """As ``asks_for``, of a purpose and the rules that are switched off."""
    return "notice" if "no_consent" in exclude else purpose


def _give_campaign(session: Session, planned: Planned) -> None:
    campaign, rules, as_of = planned.file.campaign, session.settings.campaigns, session.run.as_of
    own = campaign.limits.contacts
    off = set(campaign.exclude)
    give(
        session,
        "ask.campaign",
        [
            {
                "number": planned.number,
                "campaign_id": campaign.id,
                "asks_for": asks_for(planned.file),
                "is_by_account": campaign.audience.grain == "account",
                "is_by_household": campaign.audience.grain == "household",
                # Who sets the cap aside is asked first, so that nobody else's contact comes on top of theirs.
                "priority": 0 if "mailed_too_often" in off else campaign.limits.priority,
                "again_after": as_of - dt.timedelta(days=campaign.limits.again_after_days),
                "contacts": rules.contacts,
                "contacts_after": as_of - dt.timedelta(days=rules.contact_days),
                "own_contacts": own.count if own else rules.contacts,
                "own_contacts_after": as_of - dt.timedelta(days=own.days if own else rules.contact_days),
                "control_below": draw_below(campaign.control_share),
                "value_amount": campaign.success.value_amount,
                "expected_rate": campaign.success.expected_rate,
            }
        ],
    )
    give(session, "ask.rule_off", [{"rule": rule} for rule in sorted(off)])
    give(
        session,
        "ask.sending",
        [
            {
                "channel": one.channel,
                "position": at,
                "send_on": one.send_on,
                "cost": round(one.cost_amount * MONEY),
            }
            for at, one in enumerate(planned.sendings)
        ],
    )
    cells, low = [], 0.0
    for at, cell in enumerate(campaign.cells):
        high = 1.0 if at + 1 == len(campaign.cells) else low + cell.share
        cells.append({"cell": cell.cell, "draw_from": draw_below(low), "draw_below": draw_below(high)})
        low = high
    give(session, "ask.cell", cells)


def _compete(session: Session, planned: Sequence[Planned]) -> None:
    duck = session.duck
    # Numbered once; the order is total, so nothing depends on how rows lie.
    duck.execute(
        """CREATE OR REPLACE TABLE night.edge AS
        SELECT ROW_NUMBER() OVER (ORDER BY priority, expected_value DESC, tie, number, customer_id, account_id) - 1 AS rank,
               number, customer_id, account_id, person_id, channel, send_on, cost, room, is_control
        FROM night.considered WHERE excluded_by IS NULL"""
    )
    edges = duck.sql(
        "SELECT rank, number, person_id, channel, send_on, cost, room, is_control FROM night.edge ORDER BY rank"
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
    persons = edges.column("person_id").combine_chunks().dictionary_encode()
    person = persons.indices.to_numpy().astype(np.int64)
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
            "SELECT channel, send_on, COUNT(*) FROM ask.history WHERE outcome = 'listed' GROUP BY channel, send_on"
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
