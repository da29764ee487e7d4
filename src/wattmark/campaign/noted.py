"""A list's own row, ``ops.campaign_run``: what it is called, and how it is noted."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from wattmark.campaign.decide import Planned
from wattmark.campaign.definition import CampaignFile
from wattmark.run import Run

OUTCOMES = ("listed", "control", "excluded", "over_limit")


def run_name(campaign_id: str, as_of: dt.date, version: int = 1) -> str:
    """Stable id of a campaign's list of a date."""
    return f"{campaign_id}.{as_of:%Y%m%d}.{version}"


def approval_due(file: CampaignFile, run: Run, now: dt.datetime, by_hand: bool = False) -> dt.datetime:
    """When an answer comes too late: so many hours after the end of the night's date.

    A list that somebody asks for by hand, or a correction, may be of a date long past: it has so many hours from
    when it was made where that is more than a day after its date.
    """
    end = dt.datetime.combine(run.as_of + dt.timedelta(days=1), dt.time(), tzinfo=ZoneInfo(run.time_zone))
    is_late = by_hand and now >= end + dt.timedelta(days=1)
    return (now.astimezone(ZoneInfo(run.time_zone)) if is_late else end) + dt.timedelta(
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
    again: Mapping[str, int] | None = None,
) -> str:
    """Note a list in state ``listed``; returns its id.

    ``again`` counts members that an earlier list considered already (``again``) and those of them that a step is listed
    for (``step_listed``).
    """
    campaign, wave = planned.file.campaign, planned.carried.wave
    told: dict[str, Any] = {name: count for name, count in (again or {}).items() if count}
    if campaign.limits.waves > 1 and (planned.is_due or wave.number > 1):
        told |= {"wave": wave.number, "audience_on": (wave.audience_on or run.as_of).isoformat()}
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
                            "channel": sending.channel,
                            "send_on": sending.send_on.isoformat(),
                            "from_hour": sending.from_hour,
                            "until_hour": sending.until_hour,
                            "cost_amount": sending.cost_amount,
                        }
                        for sending in planned.sendings
                    ],
                    **told,
                },
                ensure_ascii=False,
            ),
            "send_on": min(sending.send_on for sending in planned.sendings),
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
