"""From definitions to outcomes: audience, standing rules, assignment, and what competes for a customer.

Nothing here writes outside of the session: ``wattmark campaign preview`` and the night share it.
"""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import numpy as np
import pyarrow as pa
from sqlalchemy import Engine

from wattmark.campaign.assign import Resource, settle
from wattmark.campaign.carried import Carried, carry
from wattmark.campaign.definition import CampaignError, CampaignFile
from wattmark.campaign.fields import published_fields
from wattmark.campaign.members import find_members
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
    carried: Carried = field(default_factory=Carried)
    """What follows earlier lists of it."""
    is_due: bool = True
    """Its whole audience is looked at; else what follows earlier lists alone."""


@dataclass
class Decision:
    """What a night decided: ``night.member`` in the session, the campaigns in it, and what could not be made."""

    planned: list[Planned] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def decide(
    session: Session,
    engine: Engine | None,
    files: Sequence[CampaignFile],
    replaced_runs: Sequence[str] = (),
    now: dt.datetime | None = None,
    due: Container[str] | None = None,
    *,
    follows: bool = True,
) -> Decision:
    """Decide the outcome of every member of every campaign's audience.

    Leaves ``night.member`` in the session: number, customer_id, account_id, outcome, excluded_by, channel,
    send_on, cell, priority, segment, expected_value_amount, cost, fields.

    Args:
        session: of the night.
        engine: the warehouse with what earlier nights did; None where there is none.
        files: the campaigns, none of them by area.
        replaced_runs: ids of runs whose contacts do not count as history (those that a correction replaces).
        now: the moment it is; nothing is sent before it. Who may be contacted is asked of what the session knows
            (``session.known_on``), the audience of its date.
        due: ids of campaigns whose audience is looked at, all where None; of the others those are looked at whom a step
            or a wave is due to, and those that list nobody are left out of the decision.
        follows: whether steps and waves are looked at.
    """
    decision = Decision()
    asked = sorted({channel.channel for file in files for channel in file.campaign.channels})
    look_at_people(session, engine, asked, [file.campaign.id for file in files])
    if replaced_runs:
        session.give("night.replaced", pa.table({"campaign_run_id": list(replaced_runs)}))
        session.duck.execute(
            "DELETE FROM ask.history WHERE campaign_run_id IN (SELECT campaign_run_id FROM night.replaced)"
        )
    _make_tables(session)
    for number, file in enumerate(files):
        try:
            is_due = due is None or file.campaign.id in due
            carried = carry(session, engine, file, is_due=is_due) if follows else Carried()
            if not is_due and carried.is_empty:
                continue
            planned = replace(plan(session, number, file, now), carried=carried, is_due=is_due)
            if carried.wave.number > 1:
                planned = with_room(session, planned)
            consider(session, engine, planned)
        except (WattmarkError, duckdb.Error) as error:
            decision.problems[file.campaign.id] = str(error).split("\n")[0]
            session.duck.execute("DELETE FROM night.considered WHERE number = ?", [number])
            continue
        decision.planned.append(planned)
    _compete(session, decision.planned)
    listed = {
        number
        for (number,) in session.duck.execute(
            "SELECT DISTINCT number FROM night.member WHERE outcome = 'listed'"
        ).fetchall()
    }
    decision.planned = [planned for planned in decision.planned if planned.is_due or planned.number in listed]
    return decision


def _make_tables(session: Session) -> None:
    session.duck.execute(
        "CREATE OR REPLACE TABLE night.named (number BIGINT, campaign_id VARCHAR, is_by_household BOOLEAN)"
    )
    session.duck.execute(
        """CREATE OR REPLACE TABLE night.considered (
          number BIGINT, customer_id VARCHAR, account_id VARCHAR, person_id VARCHAR, excluded_by VARCHAR, channel VARCHAR,
          send_on DATE, step VARCHAR, cell VARCHAR, is_control BOOLEAN, priority BIGINT, cost BIGINT, expected_value DOUBLE, tie VARCHAR,
          room BIGINT, segment VARCHAR, fields VARCHAR)"""
    )
    learned = empty("ask.take_up")
    if session.stored and session.lake.exists("mart.campaign_take_up"):
        learned = session.query(
            "SELECT campaign_take_up.campaign_id, campaign_take_up.segment, campaign_take_up.channel, campaign_take_up.rate FROM mart.campaign_take_up"
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
        limits = [limit for limit in (channel.daily_limit, usual.daily_limit) if limit is not None]
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


def with_room(session: Session, planned: Planned) -> Planned:
    """A wave goes out on the first allowed day on which its campaign and its channel carry more contacts than are listed already.

    Raises:
        CampaignError: the calendar has no such day.
    """
    campaign, moved = planned.file.campaign, []
    days_of = {channel.channel: channel.days for channel in campaign.channels}
    for sending in planned.sendings:
        day = sending.send_on
        while not _has_room(session, campaign.id, sending, day):
            day = may_send(session, sending.channel, days_of[sending.channel], day + dt.timedelta(days=1), None, sending.until_hour)  # fmt: skip
        moved.append(replace(sending, send_on=day))
    return replace(planned, sendings=tuple(moved))


def _has_room(session: Session, campaign_id: str, sending: Sending, day: dt.date) -> bool:
    limits = (sending.daily_limit, _usual(session, sending.channel).daily_limit)
    if 0 in limits:
        # Nothing goes on it on any day.
        return True
    (counted,) = session.duck.execute(
        "SELECT COUNT(*) FILTER (WHERE campaign_id = ?), COUNT(*) FROM ask.history "
        "WHERE outcome = 'listed' AND channel = ? AND send_on = ?",
        [campaign_id, sending.channel, day],
    ).fetchall()
    return all(limit is None or used < limit for limit, used in zip(limits, counted, strict=True))


def consider(session: Session, engine: Engine | None, planned: Planned) -> None:
    """Find one campaign's audience and whom steps and waves are due to, and judge each of them, limits and competition aside."""
    campaign = planned.file.campaign
    find_members(session, engine, planned.file, planned.fields, planned.carried, is_due=planned.is_due)
    _give_campaign(session, planned)
    session.duck.execute(
        "INSERT INTO night.named VALUES (?, ?, ?)",
        [planned.number, campaign.id, campaign.audience.grain == "household"],
    )
    session.duck.execute(f"INSERT INTO night.considered {text_of(session, 'campaign.considered')}")


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
                "channel": sending.channel,
                "position": at,
                "send_on": sending.send_on,
                "cost": round(sending.cost_amount * MONEY),
            }
            for at, sending in enumerate(planned.sendings)
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
               c.excluded_by, c.channel, c.step, c.cell, c.priority, c.send_on, c.segment,
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
    ones = np.ones(len(edges))
    room = edges.column("room").cast(pa.float64()).fill_null(float("inf")).to_numpy()
    found = [Resource(person, ones, ones, room)]
    top = max((campaign.number for campaign in planned), default=-1) + 1
    size, budget = np.full(top, np.inf), np.full(top, np.inf)
    for campaign in planned:
        limits, wave = campaign.file.campaign.limits, campaign.carried.wave
        if limits.size is not None:
            size[campaign.number] = max(0, limits.size - wave.listed)
        if limits.budget_amount is not None:
            budget[campaign.number] = max(0, round((limits.budget_amount - wave.cost_amount) * MONEY))
    found.append(Resource(number, ones, contacted, size[number]))
    found.append(Resource(number, cost, cost * contacted, budget[number]))
    return [*found, *_channel_days(session, edges, planned, number, ones, contacted)]


def _channel_days(
    session: Session,
    edges: pa.Table,
    planned: Sequence[Planned],
    number: np.ndarray,
    ones: np.ndarray,
    contacted: np.ndarray,
) -> list[Resource]:
    """What a channel carries a day over all campaigns, and where a campaign says less, over this campaign too."""
    used_by = {
        (campaign_id, channel, day): count
        for campaign_id, channel, day, count in session.duck.execute(
            "SELECT campaign_id, channel, send_on, COUNT(*) FROM ask.history WHERE outcome = 'listed' GROUP BY ALL"
        ).fetchall()
    }
    used: dict[tuple[str, dt.date], int] = collections.Counter()
    for (_, channel, day), count in used_by.items():
        used[(channel, day)] += count
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
                own = used_by.get((plan_.file.campaign.id, sending.channel, sending.send_on), 0)
                own_of[plan_.number, at] = max(0, sending.daily_limit - own)
    if not len(edges):
        return []
    index = encoded.indices.to_numpy().astype(np.int64)
    return [
        Resource(group_of[number, index], ones, contacted, room_of[number, index]),
        Resource(number * len(names) + index, ones, contacted, own_of[number, index]),
    ]
