"""Whom a campaign looks at tonight, with what its list says of each: ``ask.member``."""

from __future__ import annotations

import json

import pyarrow as pa
from sqlalchemy import Engine

from wattmark.campaign.audience import Checker, asked_relations, prepare, relations, select_members
from wattmark.campaign.audience import text_of as sql_of
from wattmark.campaign.carried import Carried, give_told, kept_fields
from wattmark.campaign.definition import CampaignFile
from wattmark.campaign.events import DATED_RELATIONS, find_events
from wattmark.campaign.file_parts import DATED_EVENTS
from wattmark.engine.session import Session

_HAPPENED = ("occasion", "occasion_id", "occurs_on", "send_by")
"""What an event adds to a member; only ``occasion`` where its events bear no date of their own."""


def find_members(
    session: Session,
    engine: Engine | None,
    file: CampaignFile,
    fields: dict[str, str],
    carried: Carried,
    *,
    is_due: bool,
) -> None:
    """Make ``ask.member`` of one campaign.

    Args:
        session: of the night, after ``people.look_at_people``.
        engine: the warehouse; None knows of no earlier list.
        file: the campaign.
        fields: published columns of the list, as ``fields.published_fields``.
        carried: whom steps and a wave are due to.
        is_due: the whole audience is looked at.

    Raises:
        SqlFileError: what it rests on is not in the lake.
    """
    campaign, duck = file.campaign, session.duck
    selected = dict(fields)
    if campaign.success.value_column:
        selected["_own_value"] = campaign.success.value_column
    by_account = campaign.audience.grain == "account"
    if by_account:
        selected["_status"] = "account.status"
    _give_carried(session, file, carried)
    if any(event.kind in DATED_EVENTS for event in campaign.schedule.events):
        give_told(session, engine, campaign)
        session.duck.execute("CREATE SCHEMA IF NOT EXISTS relation")
        for name in DATED_RELATIONS:
            # What one campaign told, another may not have told.
            session.duck.execute(f'DROP TABLE IF EXISTS relation."{name}"')
    known = relations(session.settings.include)
    asked = Checker(known, campaign.audience.grain).condition(campaign.audience.where)
    values = {"as_of": session.run.as_of, "period": session.run.period}
    audience = select_members(known, campaign.audience.grain, asked, values, selected, [])
    # A step follows a contact, whatever the condition says by now.
    everybody = select_members(known, campaign.audience.grain, None, values, selected, [])
    prepare(session, asked_relations(audience) | asked_relations(everybody))
    happened = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in _HAPPENED)
    # Of a wave those alone whom the one before left over; steps are looked at below.
    only = (
        "WHERE TRUE"
        if is_due
        else "SEMI JOIN night.wave_member AS w ON w.customer_id = f.customer_id AND w.account_id = f.account_id"
    )
    duck.execute(
        f"CREATE OR REPLACE TABLE night.audience AS SELECT f.* FROM ({sql_of(audience)}) AS f {only}"
    )
    if campaign.schedule.events:
        find_events(session, campaign)
        # One row per member, whatever happened to it twice.
        duck.execute(
            """CREATE OR REPLACE TABLE night.found AS
            SELECT f.*, e.occasion, e.occasion_id, CAST(e.occurs_on AS VARCHAR) AS occurs_on, CAST(e.send_by AS VARCHAR) AS send_by,
                   CAST(NULL AS VARCHAR) AS step, CAST(NULL AS VARCHAR) AS kept
            FROM night.audience AS f JOIN night.event AS e
              ON e.customer_id = f.customer_id AND (e.account_id IS NULL OR f.account_id = '' OR e.account_id = f.account_id)
            QUALIFY ROW_NUMBER() OVER (PARTITION BY f.customer_id, f.account_id
                                       ORDER BY e.occurs_on, e.occasion, e.occasion_id, e.account_id) = 1"""
        )
    else:
        duck.execute(
            f"CREATE OR REPLACE TABLE night.found AS SELECT f.*, {happened}, CAST(NULL AS VARCHAR) AS step, CAST(NULL AS VARCHAR) AS kept FROM night.audience AS f"
        )
    if len(carried.steps):
        duck.execute(
            "DELETE FROM night.found WHERE (customer_id, account_id) IN (SELECT (customer_id, account_id) FROM night.step_member)"
        )
        duck.execute(
            f"INSERT INTO night.found BY NAME SELECT f.*, {happened.replace('CAST(NULL AS VARCHAR) AS send_by', 's.send_by')}, s.step, s.kept "
            f"FROM ({sql_of(everybody)}) AS f JOIN night.step_member AS s "
            "ON s.customer_id = f.customer_id AND s.account_id = f.account_id"
        )
    _give_members(session, file, list(fields))


def _give_members(session: Session, file: CampaignFile, columns: list[str]) -> None:
    campaign = file.campaign
    if campaign.schedule.events:
        dated = any(event.kind in DATED_EVENTS for event in campaign.schedule.events)
        columns = [*columns, *(_HAPPENED if dated else _HAPPENED[:1])]
    # Names of columns, checked against the published ones before; values stay where they are.
    packed = ", ".join(f'"{name}" := "{name}"' for name in columns)
    said = f"to_json(struct_pack({packed}))" if packed else "CAST('{}' AS JSON)"
    found = session.duck.sql(
        f"""SELECT customer_id, account_id,
               CASE WHEN step IS NOT NULL THEN CAST(json_merge_patch({said}, CAST(kept AS JSON)) AS VARCHAR)
                    {f"ELSE CAST({said} AS VARCHAR)" if packed else ""} END AS fields,
               {"CAST(_own_value AS DOUBLE)" if campaign.success.value_column else "CAST(NULL AS DOUBLE)"} AS own_value,
               {"_status = 'closed'" if campaign.audience.grain == "account" else "FALSE"} AS is_account_closed,
               step, CAST(send_by AS DATE) AS send_by
        FROM night.found"""
    )
    session.give("ask.member", found.to_arrow_table())


def _give_carried(session: Session, file: CampaignFile, carried: Carried) -> None:
    """Make ``night.wave_member`` and ``night.step_member``."""
    session.give("night.wave_member", carried.wave.members)
    back = {step.step for step in file.campaign.steps if step.to == "taken_back"}
    rows = []
    for row in carried.steps.to_pylist():
        kept = kept_fields(row["fields"], row["step"], file.campaign)
        send_by = None
        if row["step"] in back:
            # It helps until the day itself.
            said = json.loads(kept)
            send_by = said["send_by"] = said["occurs_on"]
            kept = json.dumps(said, ensure_ascii=False)
        rows.append({**row, "kept": kept, "send_by": send_by})
    schema = pa.schema(
        [(name, pa.string()) for name in ("customer_id", "account_id", "step", "kept", "send_by")]
    )
    session.give("night.step_member", pa.Table.from_pylist(rows, schema=schema))
