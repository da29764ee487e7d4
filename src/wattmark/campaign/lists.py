"""The lists of a night: made once a date, stored with every outcome, up to awaiting approval.

A list is known by campaign, date and version. Running a date again finds what is there: outcomes that were
stored are never decided anew, files that are missing are written again from them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pyarrow as pa
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from wattmark.campaign.area import decide_area
from wattmark.campaign.arms import keep_arms, take_over
from wattmark.campaign.carried import may_follow
from wattmark.campaign.check import check
from wattmark.campaign.decide import MONEY, Planned, decide, plan
from wattmark.campaign.definition import CampaignError, CampaignFile, load_campaigns
from wattmark.campaign.deliver import take_back_drafts
from wattmark.campaign.files import (
    clear_drafts,
)
from wattmark.campaign.noted import insert_run
from wattmark.campaign.outcome import SEED, CampaignOutcome
from wattmark.campaign.people import cleared_bounces, feedback_suppressions, look_at_people
from wattmark.campaign.recheck import know
from wattmark.campaign.state import KEEP_SUPPRESSION, copy_in
from wattmark.campaign.write import seed_fits, write_files
from wattmark.engine.session import Session
from wattmark.home import Home
from wattmark.run import Run
from wattmark.settings import Settings

LOCK_S = 600


def make_lists(
    settings: Settings,
    run: Run,
    session: Session,
    ops_engine: Engine,
    only: Sequence[str] = (),
    now: dt.datetime | None = None,
) -> list[CampaignOutcome]:
    """Make the lists that are due on a date, up to awaiting approval.

    First what came back is turned into suppressions, and lists nobody approved in time are refused. Then all
    campaigns of the night are decided together, stored in one transaction, and written.

    Args:
        settings: of the home; ``settings.campaigns`` holds what all campaigns share.
        run: the night; lists are keyed by its date.
        session: with the night's marts.
        ops_engine: the warehouse; schema ``ops`` must be migrated.
        only: ids of campaigns to make, due or not; all that are due where empty.
        now: the moment it is, the clock's where None. Who may be contacted is asked of what is known then; a list
            that is made late for an earlier date has that date's audience.

    Returns:
        one outcome per campaign, by id. A campaign that cannot be made says so in ``problem``; the others go on.

    Raises:
        CampaignError: a campaign file is wrong, or ``only`` names none; the home's key is not the one that ``ops`` knows.
    """
    now = now or dt.datetime.now(dt.UTC)
    know(session, now)
    files = load_campaigns(settings)
    for file in files:
        check(file, settings)
    due = due_campaigns(files, run, only)
    with ops_engine.connect() as holder:
        # One night at a time: what one decides is the history of the next.
        # A table's lock and not an advisory one, which any login could hold.
        holder.execute(text(f"SET LOCAL lock_timeout = '{LOCK_S}s'"))
        holder.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        try:
            holder.execute(text("LOCK TABLE ops.list_lock IN EXCLUSIVE MODE"))
        except OperationalError:
            raise CampaignError(
                "campaign.busy",
                f"another night has been making lists for {LOCK_S} s.",
                "Rerun when it has ended.",
            ) from None
        take_over(session, ops_engine)
        clear_drafts(Home(settings.home).lists)
        for name in refuse_unanswered(ops_engine, run, now):
            take_back_drafts(settings, name)
        follows = [] if only else [file for file in files if file not in due and may_follow(file, run.as_of)]
        return _make(settings, run, session, ops_engine, due, follows, now, by_hand=bool(only))


def due_campaigns(files: Sequence[CampaignFile], run: Run, only: Sequence[str]) -> list[CampaignFile]:
    """The campaigns a night makes: those named, else those due on its date.

    Raises:
        CampaignError: a name is nobody's.
    """
    known = {file.campaign.id for file in files}
    for name in only:
        if name not in known:
            raise CampaignError(
                "campaign.unknown", f"There is no campaign {name}.", f"There are: {', '.join(sorted(known))}."
            )
    return [file for file in files if (file.campaign.id in only if only else file.campaign.is_due(run.as_of))]


def _make(
    settings: Settings,
    run: Run,
    session: Session,
    engine: Engine,
    due: Sequence[CampaignFile],
    follows: Sequence[CampaignFile],
    now: dt.datetime,
    *,
    by_hand: bool,
) -> list[CampaignOutcome]:
    """Decide, store and write the lists of campaigns that are due, and of those that an earlier list of theirs has a follower to."""
    with engine.connect() as connection:
        there = set(
            connection.execute(
                text("SELECT campaign_id FROM ops.campaign_run WHERE as_of = :as_of"), {"as_of": run.as_of}
            ).scalars()
        )
    missing = [file for file in [*due, *follows] if file.campaign.id not in there]
    problems: dict[str, str] = {}
    if missing:
        named = [file for file in missing if file.campaign.audience.grain != "area"]
        decision = decide(session, engine, named, now=now, due={file.campaign.id for file in due})
        problems |= decision.problems
        store_feedback(session, engine)
        with engine.begin() as connection:
            keep_arms(session, connection, now)
            for planned in decision.planned:
                there.add(planned.file.campaign.id)
                store(session, connection, run, planned, now, by_hand=by_hand)
            for file in missing:
                if file.campaign.audience.grain == "area":
                    problems |= decide_area(
                        session, connection, run, plan(session, 0, file, now), now, by_hand
                    )
    else:
        look_at_people(session, engine)
        store_feedback(session, engine)
    outcomes = []
    for file in [*due, *(follower for follower in follows if follower.campaign.id in {*there, *problems})]:
        if file.campaign.id in problems:
            outcomes.append(CampaignOutcome(file.campaign.id, problem=problems[file.campaign.id]))
        else:
            outcomes.append(write_files(settings, session, engine, run, file))
    return outcomes


def store_feedback(session: Session, engine: Engine) -> int:
    """Keep what is refused by now, for good, and clear addresses at which something arrived again; returns how many
    entries are new or changed."""
    rows, cleared = feedback_suppressions(session), cleared_bounces(session)
    with engine.begin() as connection:
        if len(cleared):
            connection.execute(
                text(
                    "CREATE TEMP TABLE _cleared (channel text, address_hash text, arrived_on date) ON COMMIT DROP"
                )
            )
            copy_in(connection, "_cleared", cleared)
            connection.execute(
                text(
                    "DELETE FROM ops.suppression s USING _cleared c WHERE s.reason = 'bounced' AND s.channel = c.channel "
                    "AND s.address_hash = c.address_hash AND s.since <= c.arrived_on"
                )
            )
        connection.execute(text("CREATE TEMP TABLE _fresh (LIKE ops.suppression) ON COMMIT DROP"))
        copy_in(connection, "_fresh", rows)
        return connection.execute(
            text(
                KEEP_SUPPRESSION.format(
                    rows="SELECT channel, address_hash, reason, since FROM _fresh WHERE TRUE"
                )
            )
        ).rowcount


def refuse_unanswered(engine: Engine, run: Run, now: dt.datetime | None = None) -> list[str]:
    """Refuse lists whose time to be approved is over, by the clock or as the night's date begins; returns their ids."""
    midnight = dt.datetime.combine(run.as_of, dt.time(), tzinfo=ZoneInfo(run.time_zone))
    return close_overdue(engine, max(midnight, now) if now else midnight)


def close_overdue(engine: Engine, now: dt.datetime) -> list[str]:
    """Refuse lists that nobody answered by their time; returns their ids."""
    with engine.begin() as connection:
        return list(
            connection.execute(
                text(
                    "UPDATE ops.campaign_run SET state = 'refused', note = 'nobody answered in time' "
                    "WHERE state IN ('listed', 'awaiting_approval') AND approval_due_at <= :now RETURNING campaign_run_id"
                ),
                {"now": now},
            ).scalars()
        )


def _again(session: Session, planned: Planned) -> dict[str, int]:
    """Members of ``night.member`` that an earlier list considered already, and those that a step is listed for."""
    ((members, steps, listed),) = session.duck.execute(
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE step IS NOT NULL), COUNT(*) FILTER (WHERE step IS NOT NULL AND outcome = 'listed') "
        "FROM night.member WHERE number = ?",
        [planned.number],
    ).fetchall()
    return {"again": members if planned.carried.wave.number > 1 else steps, "step_listed": listed}


def store(
    session: Session,
    connection: Connection,
    run: Run,
    planned: Planned,
    now: dt.datetime,
    version: int = 1,
    corrects: str | None = None,
    note: str | None = None,
    by_hand: bool = False,
) -> str:
    """Store one campaign's outcomes from ``night.member``, seeds added; returns the run's id."""
    duck, campaign = session.duck, planned.file.campaign
    rows = duck.execute(
        "SELECT outcome, COUNT(*), SUM(CASE WHEN outcome = 'listed' THEN cost ELSE 0 END) FROM night.member "
        "WHERE number = ? GROUP BY outcome",
        [planned.number],
    ).fetchall()
    counts = {outcome: int(count) for outcome, count, _ in rows}
    cost = sum(int(amount or 0) for _, _, amount in rows) / MONEY
    again = _again(session, planned)
    name = insert_run(connection, run, planned, counts, cost, now, version, corrects, note, by_hand, again)
    members = duck.sql(
        "SELECT ? AS campaign_run_id, customer_id, account_id, outcome, excluded_by, channel, cell, priority, send_on, "
        "FALSE AS is_seed, segment, expected_value_amount, fields FROM night.member WHERE number = ?",
        params=[name, planned.number],
    ).to_arrow_reader(65_536)
    copy_in(connection, "ops.campaign_member", members)
    seeds = [
        {
            "campaign_run_id": name,
            "customer_id": f"{SEED}{at + 1}",
            "account_id": sending.channel,
            "outcome": "listed",
            "channel": sending.channel,
            "cell": campaign.cells[0].cell,
            "priority": campaign.limits.priority,
            "send_on": sending.send_on,
            "is_seed": True,
        }
        for at, seed in enumerate(campaign.seeds)
        for sending in planned.sendings
        if seed_fits(seed.model_dump(), sending.channel)
    ]
    if seeds:
        copy_in(connection, "ops.campaign_member", pa.Table.from_pylist(seeds))
    return name
