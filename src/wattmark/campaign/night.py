"""The campaign step of a night, for whoever runs it: the command line, or a task."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from wattmark.campaign.definition import CampaignError
from wattmark.campaign.lists import close_overdue, make_lists
from wattmark.campaign.outcome import CampaignOutcome
from wattmark.campaign.release import refuse, release
from wattmark.engine.session import DuckDBSession, Session
from wattmark.home import Home
from wattmark.publish.ops import ops_engine, upgrade, warehouse_url
from wattmark.run import Run
from wattmark.settings import Settings

log = logging.getLogger(__name__)

SETTLED = frozenset(
    {"campaign.too_late", "campaign.not_awaiting", "campaign.released", "campaign.nobody_left"}
)
"""Errors of an answer that came after the list was settled."""


def campaigns(settings: Settings, run: Run, only: Sequence[str] = ()) -> list[CampaignOutcome]:
    """Make the lists of a date from the lake, up to awaiting approval (see ``lists.make_lists``)."""
    upgrade(warehouse_url(settings))
    engine = ops_engine(settings)
    try:
        # Lists are set logic on one machine; the larger engine is for the tables below.
        with DuckDBSession(settings, run) as session:
            return make_lists(settings, run, session, engine, only)
    finally:
        engine.dispose()


def list_counts(settings: Settings, run: Run) -> dict[str, int]:
    """Make the lists of a date and count customers and accounts listed, by campaign; lists of nobody left out."""
    made = campaigns(settings, run)
    for outcome in made:
        if outcome.problem:
            # The others await their approval: one campaign takes nothing from them.
            log.error("Campaign %s was not made: %s", outcome.campaign_id, outcome.problem)
    return {outcome.campaign_id: outcome.listed for outcome in made if outcome.listed}


_AWAITING = """
SELECT campaign_run_id, considered, listed, control, excluded, over_limit, dropped, cost_amount, list_sha256, approval_due_at, definition
FROM ops.campaign_run WHERE as_of = :as_of AND state = 'awaiting_approval' AND listed > dropped ORDER BY campaign_run_id
"""
_ROWS = """
SELECT campaign_member.campaign_run_id, campaign_member.channel, COUNT(*) FROM ops.campaign_member
WHERE campaign_member.campaign_run_id = ANY(:names) AND campaign_member.outcome = 'listed' AND NOT EXISTS (
  SELECT 1 FROM ops.campaign_drop WHERE campaign_drop.campaign_run_id = campaign_member.campaign_run_id AND campaign_drop.customer_id = campaign_member.customer_id
  AND campaign_drop.account_id = campaign_member.account_id)
GROUP BY 1, 2 HAVING COUNT(*) FILTER (WHERE NOT campaign_member.is_seed) > 0
UNION ALL
SELECT campaign_run_id, 'post', COUNT(*) FROM ops.campaign_area
WHERE campaign_run_id = ANY(:names) AND outcome = 'listed' GROUP BY 1, 2
"""


def questions(settings: Settings, run: Run) -> list[dict[str, str]]:
    """What has to be approved of a day: the lists that await it, as the warehouse knows them; nothing is made here.

    Args:
        settings: of the home.
        run: the night; its date alone counts.

    Returns:
        one question per list: ``campaign_run_id``, ``list_sha256``, ``due_at`` (ISO 8601, with offset), and the words an
        approver is shown, ``subject`` and ``body``. Nobody on a list is named.
    """
    upgrade(warehouse_url(settings))
    engine = ops_engine(settings)
    try:
        with engine.connect() as connection:
            lists = connection.execute(text(_AWAITING), {"as_of": run.as_of}).mappings().all()
            names = [row["campaign_run_id"] for row in lists]
            rows = {
                (name, channel): count
                for name, channel, count in connection.execute(text(_ROWS), {"names": names})
            }
    finally:
        engine.dispose()
    if not lists:
        log.warning(
            "No list of %s awaits approval. Where the night could not make its lists: clear its task `lists`, "
            "or run wattmark campaign run --as-of %s and trigger this DAG with that day.", run.as_of, run.as_of,
        )  # fmt: skip
    found = []
    for row in lists:
        name, definition = row["campaign_run_id"], row["definition"]
        due_at = row["approval_due_at"].astimezone(settings.zone).isoformat()
        lines = [
            f"- {sending['channel']}: {rows[(name, sending['channel'])]:,} rows, out on {sending['send_on']} "
            f"between {sending['from_hour']} and {sending['until_hour']}"
            for sending in definition["sendings"]
            if (name, sending["channel"]) in rows
        ]
        if row["dropped"]:
            lines.append(f"- left out, since the message lacks a value for them: {row['dropped']:,}")
        found.append(
            {
                "campaign_run_id": name,
                "list_sha256": row["list_sha256"],
                "due_at": due_at,
                "subject": f"Release {name}: {row['listed'] - row['dropped']:,} listed, cost {row['cost_amount']:,.2f}",
                "body": f"Considered {row['considered']:,}, control {row['control']:,}, excluded {row['excluded']:,}, "
                f"over limit {row['over_limit']:,}.\n\n"
                + "\n".join(lines)
                + f"\n\nWhat they are told, and the files: /wattmark/lists/{name}/ on this server."
                + f"\n\nApproved by: {', '.join(definition['approval']['by'])}, until {due_at}. "
                f"List {row['list_sha256'][:16]}.",
            }
        )
    return found


def answer(
    settings: Settings,
    run: Run,
    campaign_run_id: str,
    list_sha256: str,
    said: dict[str, Any] | None,
    now: dt.datetime,
    session: Session | None = None,
) -> str:
    """Do what an approver said: release, or refuse; no answer by the list's time refuses it.

    An answer to what is settled already, by the clock or by another answer, changes nothing and is no error.

    Args:
        settings: of the home.
        run: the night (unused but for the step's signature).
        campaign_run_id: the list.
        list_sha256: what was shown.
        said: ``chosen_options`` and ``responded_by_user`` of the approval, or None.
        now: when it was said.
        session: as ``release`` takes it.

    Returns:
        released, released before, refused, unanswered, or why the answer came too late.
    """
    user = (said or {}).get("responded_by_user") or {}
    who = user.get("name") or user.get("id")
    engine = ops_engine(settings)
    try:
        if not who:
            close_overdue(engine, now)
            return "unanswered"
        if (said or {}).get("chosen_options") == ["Approve"]:
            return (
                "released"
                if release(settings, engine, campaign_run_id, who, list_sha256, now, session)
                else "released before"
            )
        refuse(settings, engine, campaign_run_id, who, "refused by the approver")
        return "refused"
    except CampaignError as error:
        if error.code not in SETTLED:
            raise
        log.warning("%s", error)
        return error.message if error.code == "campaign.nobody_left" else f"too late: {error.message}"
    finally:
        engine.dispose()


def published_night(settings: Settings) -> dt.date:
    """Date of the newest published night, by the watermark that publishing moves last.

    Raises:
        CampaignError: nothing was published yet.
    """
    published = sorted((Home(settings.home).watermarks).glob("*.json"))
    if not published:
        raise CampaignError("campaign.no_night", "No night is published yet.", "Run the nightly DAG first.")
    return dt.date.fromisoformat(published[-1].stem)
