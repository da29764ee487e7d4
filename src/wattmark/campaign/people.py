"""What is asked of the campaign layer (``include/sql/campaign``), and its answers: who may be contacted, on what.

The files there say what holds; here their inputs are given, tables of schema ``ask``, and they are computed, once
for all campaigns of a night.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import cast

import phonenumbers
import pyarrow as pa
from sqlalchemy import Engine

from wattmark.campaign.arms import give_arms
from wattmark.campaign.earlier import addresses_before, refusals_of_the_gone
from wattmark.campaign.keys import campaign_key, known_key
from wattmark.campaign.state import LASTING, fetch
from wattmark.case_settings import DISPUTED_SQL
from wattmark.channels import CHANNELS, channels
from wattmark.contract.types import schema_of
from wattmark.engine.produced import PRODUCED
from wattmark.engine.python_table import PythonTable, TableContext
from wattmark.engine.session import Session
from wattmark.engine.sqlfile import SqlFile

RECORD = "record"
"""Pseudo-channel of suppressions that speak of a customer instead of an address."""

DRAW_DIGITS = 13
"""Hexadecimal digits of a draw, 52 bits of a keyed hash."""

COMPUTED = (
    "campaign.unit",
    "campaign.arm",
    "campaign.address",
    "campaign.event_address",
    "campaign.feedback",
    "campaign.suppression",
    "campaign.record_suppression",
    "campaign.consent_word",
    "campaign.standing",
    "campaign.customer_channel",
)
"""Tables that are computed once a session; others of the layer are views over them."""


def empty(name: str) -> pa.Table:
    """No rows of a table of schema ``ask``."""
    return schema_of(PRODUCED[name]).empty_table()


def give(session: Session, name: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Give rows of a table of schema ``ask``."""
    session.give(name, pa.Table.from_pylist([dict(row) for row in rows], schema=empty(name).schema))


def draw_below(share: float) -> str:
    """Text that the draws of a share of all lie below.

    A draw is the head of a hash in hexadecimal digits; as text it stands in the order of its number.
    """
    top = 16**DRAW_DIGITS
    bound = -int(-share * top // 1)
    return "g" if bound >= top else f"{max(bound, 0):0{DRAW_DIGITS}x}"


def look_at_people(
    session: Session,
    engine: Engine | None,
    asked: Sequence[str] = CHANNELS,
    campaigns: Sequence[str] = (),
) -> None:
    """Compute what holds of each customer, before any campaign asks.

    Args:
        session: of the night; its marts and sources must be there.
        engine: the warehouse; None looks at data alone, without what earlier lists left (tests, previews).
        asked: the channels that are asked about.
        campaigns: ids of the campaigns whose arms are asked for, beside the global control.

    Raises:
        CampaignError: the home's key is not the one that schema ``ops`` knows.
        SqlFileError: a table that a standing rule rests on is not in the lake.
    """
    ask(session, engine, asked)
    give_arms(session, engine, campaigns)
    compute(session, COMPUTED)


def compute(session: Session, names: Sequence[str]) -> None:
    """Compute tables of the campaign layer into the session, in the order given; what reads them is seen anew.

    Raises:
        SqlFileError: what they rest on is not in the lake.
    """
    for name in [*session.catalog.tables]:
        if name.startswith("campaign."):
            session.forget(name)
    for name in names:
        session.keep_in_memory(name)


def text_of(session: Session, name: str) -> str:
    """The statement of a file of the layer, with what it reads made readable.

    Raises:
        SqlFileError: what it rests on is not in the lake.
    """
    file = session.catalog.tables[name]
    assert isinstance(file, SqlFile)  # noqa: S101 - the layer's own files
    session.see(sorted(file.references))
    return session.text_of(file)


def ask(session: Session, engine: Engine | None, asked: Sequence[str]) -> None:
    """Give the tables of schema ``ask`` that speak of all campaigns."""
    settings, run = session.settings, session.run
    rules = settings.campaigns
    session.duck.execute("CREATE SCHEMA IF NOT EXISTS night; DROP TABLE IF EXISTS night.contact")
    give(
        session,
        "ask.question",
        [
            {
                "key": known_key(settings.home, engine) if engine else campaign_key(settings.home),
                "list_as_of": run.as_of,
                "list_end": run.scalars()["as_of_end"],
                "known_on": session.known_on,
                "adult_born_on": _years_before(run.as_of, rules.adult_years),
                "held_out_below": draw_below(rules.global_control_share),
            }
        ],
    )
    give(
        session,
        "ask.channel",
        [
            {
                "channel": channel.name,
                "address_kind": channel.address,
                "is_one_an_address": channel.one_an_address,
                "is_asked": channel.name in asked,
            }
            for channel in channels().values()
        ],
    )
    codes = {phonenumbers.country_code_for_region(country.upper()) for country in rules.other_countries}
    give(session, "ask.calling_code", [{"prefix": f"+{code}"} for code in sorted(codes - {0})])
    session.give(
        "ask.address_before", addresses_before(session, [f"+{code}" for code in sorted(codes - {0})])
    )
    if session.stored and not session.lake.exists("core.gone_customer"):
        # A lake of before there was this table.
        gone = cast(PythonTable, session.catalog.tables["core.gone_customer"])
        session.give(gone.name, schema_of(gone.columns).empty_table())
    if session.stored and not session.lake.exists("segment.person"):
        # Likewise; the pairs that it is made of are older.
        person = cast(PythonTable, session.catalog.tables["segment.person"])
        session.give(person.name, person.make(TableContext(settings, run, session)))
    session.give(
        "ask.person",
        session.query("SELECT p.customer_id, p.person_id, p.number_id FROM segment.person AS p").read_all(),
    )
    session.give("ask.arm", empty("ask.arm"))
    session.give("ask.suppression", _suppressed(engine, session.known_on))
    session.give("ask.history", _history(engine, session.known_on))
    session.give("ask.audit_case", _cases(engine, session.known_on))


def look_at_contacts(session: Session) -> None:
    """Make ``night.contact``, once a night: name and usable addresses of each customer, as lists show them.

    Numbers are in the form that is dialled; an e-mail address is spelt as its owner does.
    """
    session.see(["source.customer", "core.phone", "core.email"])
    session.duck.execute(
        """CREATE TABLE IF NOT EXISTS night.contact AS
        SELECT c.customer_id, c.name, c.contact_name, c.language, c.postal_address, c.postcode, m.e164 AS mobile,
               COALESCE(CASE WHEN p.is_valid THEN p.e164 END, m.e164) AS phone, TRIM(e.raw) AS email
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


def _suppressed(engine: Engine | None, known_on: dt.date) -> pa.Table:
    if engine is None:
        return empty("ask.suppression")
    return fetch(
        engine,
        "SELECT channel, address_hash, reason, since FROM ops.suppression WHERE since <= $1",
        [known_on],
        empty("ask.suppression"),
    )


def _history(engine: Engine | None, known_on: dt.date) -> pa.Table:
    if engine is None:
        return empty("ask.history")
    return fetch(
        engine,
        "SELECT m.customer_id, m.account_id, campaign_run.campaign_id, campaign_run.as_of, m.outcome, m.channel, m.send_on, campaign_run.campaign_run_id "
        "FROM ops.campaign_member m JOIN ops.campaign_run ON campaign_run.campaign_run_id = m.campaign_run_id "
        "WHERE m.outcome IN ('listed', 'control') AND NOT m.is_seed AND campaign_run.as_of <= $1 "
        "AND (campaign_run.released_at IS NOT NULL OR campaign_run.state IN ('listed', 'awaiting_approval', 'releasing')) "
        "AND NOT EXISTS (SELECT 1 FROM ops.campaign_drop WHERE campaign_drop.campaign_run_id = m.campaign_run_id "
        "AND campaign_drop.customer_id = m.customer_id AND campaign_drop.account_id = m.account_id)",
        [known_on],
        empty("ask.history"),
    )


def _cases(engine: Engine | None, known_on: dt.date) -> pa.Table:
    if engine is None:
        return empty("ask.audit_case")
    return fetch(
        engine,
        f"SELECT c.customer_id, c.account_id, {DISPUTED_SQL} AS is_open, "
        "CASE WHEN c.state = 'closed' THEN c.closed_on END AS closed_on FROM ops.audit_case AS c "
        "WHERE c.opened_on <= $1",
        [known_on],
        empty("ask.audit_case"),
    )


def feedback_suppressions(session: Session) -> pa.Table:
    """Suppressions to keep: what follows from the events known tonight, and what customers who left had refused.

    Returns:
        one row per channel and address_hash, with reason and since.
    """
    rank = LASTING.format(reason="reason")
    key = str(session.query("SELECT question.key FROM ask.question").read_all().column("key")[0])
    refused = refusals_of_the_gone(session, key)
    session.give("night.refusal", pa.Table.from_pylist(refused, schema=empty("ask.suppression").schema))
    return session.duck.sql(
        f"SELECT channel, address_hash, ARG_MIN(reason, {rank}) AS reason, MIN(since) AS since "
        "FROM (SELECT channel, address_hash, reason, since FROM campaign.feedback "
        "UNION ALL SELECT channel, address_hash, reason, since FROM night.refusal) "
        "GROUP BY channel, address_hash ORDER BY channel, address_hash"
    ).to_arrow_table()


def cleared_bounces(session: Session) -> pa.Table:
    """Addresses at which something arrived after the last bounce: channel, address_hash, arrived_on."""
    return session.query(
        "SELECT arrival.channel, arrival.address_hash, CAST(MAX(arrival.arrived_at) AS DATE) AS arrived_on FROM campaign.arrival "
        "WHERE arrival.arrived_at >= arrival.bounced_at GROUP BY arrival.channel, arrival.address_hash"
    ).read_all()
