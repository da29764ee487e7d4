"""The lists of a night: made once a date, stored with every outcome, up to awaiting approval.

A list is known by campaign, date and version. Running a date again finds what is there: outcomes that were
stored are never decided anew, files that are missing are written again from them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from wattmark.campaign.area import decide_area
from wattmark.campaign.audience import check
from wattmark.campaign.decide import MONEY, Planned, decide, plan
from wattmark.campaign.definition import CampaignError, CampaignFile, load_campaigns
from wattmark.campaign.deliver import take_back_drafts
from wattmark.campaign.files import (
    clear_drafts,
    digest_of,
    is_as_written,
    read_manifest,
    sha256_of,
    write_manifest,
)
from wattmark.campaign.people import cleared_bounces, feedback_suppressions, look_at_people
from wattmark.campaign.recheck import know
from wattmark.campaign.rows import SEED, seed_fits, write_lists
from wattmark.campaign.state import KEEP_SUPPRESSION, copy_in
from wattmark.engine.session import Session
from wattmark.run import Run
from wattmark.settings import Settings

LOCK_S = 600
NOBODY = "nobody is on it"
OUTCOMES = ("listed", "control", "excluded", "over_limit")


@dataclass
class CampaignOutcome:
    """What became of one campaign in one night. Counts leave seeds out; ``problem`` says why nothing was made."""

    campaign_id: str
    campaign_run_id: str = ""
    state: str = ""
    considered: int = 0
    listed: int = 0
    control: int = 0
    excluded: int = 0
    over_limit: int = 0
    cost_amount: float = 0.0
    files: list[str] = field(default_factory=list)
    problem: str = ""


def run_name(campaign_id: str, as_of: dt.date, version: int = 1) -> str:
    """Stable id of a campaign's list of a date."""
    return f"{campaign_id}.{as_of:%Y%m%d}.{version}"


def folder_of(settings: Settings, campaign_id: str, as_of: dt.date, version: int) -> Path:
    """Folder of a list's files; versions after the first say so."""
    name = campaign_id if version == 1 else f"{campaign_id}.v{version}"
    return settings.home / "lists" / as_of.isoformat() / name


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
        one outcome a campaign, by id. A campaign that cannot be made says so in ``problem``; the others go on.

    Raises:
        CampaignError: a campaign file is wrong, or ``only`` names none.
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
        clear_drafts(settings.home / "lists")
        for name in refuse_unanswered(ops_engine, run, now):
            take_back_drafts(settings, name)
        return _make(settings, run, session, ops_engine, due, now, by_hand=bool(only))


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
    now: dt.datetime,
    *,
    by_hand: bool,
) -> list[CampaignOutcome]:
    with engine.connect() as connection:
        there = set(
            connection.execute(
                text("SELECT campaign_id FROM ops.campaign_run WHERE as_of = :as_of"), {"as_of": run.as_of}
            ).scalars()
        )
    missing = [file for file in due if file.campaign.id not in there]
    problems: dict[str, str] = {}
    if missing:
        named = [file for file in missing if file.campaign.audience.grain != "area"]
        decision = decide(session, engine, named, now=now)
        problems |= decision.problems
        store_feedback(session, engine)
        with engine.begin() as connection:
            for planned in decision.planned:
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
    for file in due:
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
    midnight = dt.datetime.combine(run.as_of, dt.time(), tzinfo=_zone(run))
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


def _zone(run: Run) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(run.time_zone)


def approval_due(file: CampaignFile, run: Run, now: dt.datetime, by_hand: bool = False) -> dt.datetime:
    """When an answer comes too late: so many hours after the end of the night's date.

    A list that somebody asks for by hand, or a correction, may be of a date long past: it has so many hours from
    when it was made where that is more than a day after its date.
    """
    end = dt.datetime.combine(run.as_of + dt.timedelta(days=1), dt.time(), tzinfo=_zone(run))
    is_late = by_hand and now >= end + dt.timedelta(days=1)
    return (now.astimezone(_zone(run)) if is_late else end) + dt.timedelta(
        hours=file.campaign.approval.within_hours
    )


def insert_run(
    connection: Connection,
    run: Run,
    planned: Planned,
    counts: dict[str, int],
    cost_amount: float,
    now: dt.datetime,
    version: int = 1,
    corrects: str | None = None,
    note: str | None = None,
    by_hand: bool = False,
) -> str:
    """Note a list in state ``listed``; returns its id."""
    campaign = planned.file.campaign
    name = run_name(campaign.id, run.as_of, version)
    connection.execute(
        text(
            "INSERT INTO ops.campaign_run (campaign_run_id, campaign_id, purpose, as_of, version, run_id, definition_hash, "
            "definition, state, send_on, approval_due_at, considered, listed, control, excluded, over_limit, cost_amount, "
            "corrects_run_id, note, asked_at) VALUES (:name, :campaign, :purpose, :as_of, :version, :run, :hash, CAST(:definition AS jsonb), "
            "'listed', :send_on, :due, :considered, :listed, :control, :excluded, :over_limit, :cost, :corrects, :note, :now)"
        ),
        {
            "name": name,
            "campaign": campaign.id,
            "purpose": campaign.purpose,
            "as_of": run.as_of,
            "version": version,
            "run": run.run_id,
            "hash": campaign.definition_hash,
            # Seeds are addresses; ops holds none.
            "definition": json.dumps(
                {
                    **campaign.model_dump(mode="json", exclude={"seeds"}),
                    "sendings": [
                        {
                            "channel": one.channel,
                            "send_on": one.send_on.isoformat(),
                            "from_hour": one.from_hour,
                            "until_hour": one.until_hour,
                            "cost_amount": one.cost_amount,
                        }
                        for one in planned.sendings
                    ],
                },
                ensure_ascii=False,
            ),
            "send_on": min(one.send_on for one in planned.sendings),
            "due": approval_due(planned.file, run, now, by_hand),
            "now": now,
            "considered": sum(counts.values()),
            **{outcome: counts.get(outcome, 0) for outcome in OUTCOMES},
            "cost": cost_amount,
            "corrects": corrects,
            "note": note,
        },
    )
    return name


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
    name = insert_run(connection, run, planned, counts, cost, now, version, corrects, note, by_hand)
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
            "account_id": one.channel,
            "outcome": "listed",
            "channel": one.channel,
            "cell": campaign.cells[0].cell,
            "priority": campaign.limits.priority,
            "send_on": one.send_on,
            "is_seed": True,
        }
        for at, seed in enumerate(campaign.seeds)
        for one in planned.sendings
        if seed_fits(seed.model_dump(), one.channel)
    ]
    if seeds:
        copy_in(connection, "ops.campaign_member", pa.Table.from_pylist(seeds))
    return name


_RUN = (
    "SELECT campaign_run_id, state, version, considered, listed, control, excluded, over_limit, cost_amount, list_sha256, "
    "definition_hash, approved_by, released_at, corrects_run_id, definition, approval_due_at FROM ops.campaign_run WHERE campaign_id = :campaign "
    "AND as_of = :as_of ORDER BY version DESC LIMIT 1"
)


def write_files(
    settings: Settings, session: Session, engine: Engine, run: Run, file: CampaignFile
) -> CampaignOutcome:
    """Write the files of a campaign's newest list of a date, unless they are there, and let it await approval."""
    campaign = file.campaign
    with engine.connect() as connection:
        row = connection.execute(text(_RUN), {"campaign": campaign.id, "as_of": run.as_of}).mappings().one()
    outcome = CampaignOutcome(
        campaign.id,
        row["campaign_run_id"],
        row["state"],
        row["considered"],
        row["listed"],
        row["control"],
        row["excluded"],
        row["over_limit"],
        float(row["cost_amount"]),
    )
    folder = folder_of(settings, campaign.id, run.as_of, row["version"])
    if row["state"] == "releasing":
        # Somebody approved it, and its release is under way or broke off: it goes on when it is approved again.
        return outcome
    if row["state"] != "listed" and _complete(
        folder, row["list_sha256"], has_left=row["state"] in ("released", "corrected")
    ):
        outcome.files = [
            str(folder / entry["file"]) for entry in (read_manifest(folder) or {"files": []})["files"]
        ]
        return outcome
    if row["definition_hash"] != campaign.definition_hash:
        raise CampaignError(
            "campaign.changed",
            f"{file.path}: the list {row['campaign_run_id']} was made of another definition, and its files are missing.",
            "Put the definition back, or make a correction.",
        )
    if row["state"] in ("released", "corrected"):
        raise CampaignError(
            "campaign.files_missing", f"{folder}: files of the released list {row['campaign_run_id']} are missing.",
            "Restore them from the delivery; a released list is not made again.",
        )  # fmt: skip
    # A list of nobody is no question to anybody.
    state = row["state"]
    if state == "listed":
        state = "awaiting_approval" if row["listed"] else "refused"
    entries = write_lists(settings, session, engine, file, dict(row), folder)
    digest = digest_of(row["campaign_run_id"], entries)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE ops.campaign_run SET state = :state, note = COALESCE(:note, note), list_sha256 = :digest "
                "WHERE campaign_run_id = :name AND released_at IS NULL"
            ),
            {
                "digest": digest,
                "name": row["campaign_run_id"],
                "state": state,
                "note": NOBODY if state == "refused" and row["state"] == "listed" else None,
            },
        )
    outcome.state = state
    write_manifest(
        folder,
        {
            "campaign_run_id": row["campaign_run_id"],
            "campaign_id": campaign.id,
            "purpose": campaign.purpose,
            "as_of": run.as_of.isoformat(),
            "run_id": run.run_id,
            "version": row["version"],
            "corrects_run_id": row["corrects_run_id"],
            "definition_hash": row["definition_hash"],
            "state": outcome.state,
            "approval": {
                "by": list(campaign.approval.by),
                "due_at": row["approval_due_at"].astimezone(_zone(run)).isoformat(),
                "approved_by": None,
            },
            "list_sha256": digest,
            "files": entries,
        },
    )
    outcome.files = [str(folder / entry["file"]) for entry in entries]
    return outcome


def _complete(folder: Path, digest: str | None, *, has_left: bool) -> bool:
    manifest = read_manifest(folder)
    if manifest is None or manifest["list_sha256"] != digest:
        return False
    # A list released before manifests told the bytes of its files is known by its content, where that lies open.
    return all(
        is_as_written(folder, entry)
        if "file_sha256" in entry
        else has_left
        and (folder / entry["file"]).exists()
        and (entry["encrypted"] or sha256_of(folder / entry["file"]) == entry["sha256"])
        for entry in manifest["files"]
    )
