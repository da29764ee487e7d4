"""What a campaign would do, before anything is made; and why a customer did or did not get something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text

from wattmark.campaign.area import areas
from wattmark.campaign.channel_list import chosen, counted, shown_messages
from wattmark.campaign.check import check
from wattmark.campaign.decide import MONEY, Planned, decide, plan
from wattmark.campaign.definition import CampaignFile
from wattmark.campaign.message import Messages
from wattmark.campaign.noted import run_name
from wattmark.campaign.people import look_at_people
from wattmark.campaign.power import lift_parameter, smallest_lift
from wattmark.engine.session import Session


@dataclass
class Preview:
    """Reach, exclusions by rule, cost and overlap of one campaign; ``areas`` for area mailings alone.

    ``messages`` are what ten members would be told, ``lacking`` counts those who cannot be told for want of a value.
    ``smallest_lift`` is the smallest effect, as a share of contacts, that its verdict would find with 80% power with this
    size and control group; where there is none ``power_problem`` says why.
    """

    campaign_id: str
    outcomes: dict[str, int] = field(default_factory=dict)
    excluded_by: dict[str, int] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    cells: dict[str, int] = field(default_factory=dict)
    balance: dict[str, float] = field(default_factory=dict)
    cost_amount: float = 0.0
    overlap: dict[str, int] = field(default_factory=dict)
    areas: int = 0
    smallest_lift: float | None = None
    power_problem: str = ""
    problem: str = ""
    lacking: dict[str, int] = field(default_factory=dict)
    messages: list[dict[str, str]] = field(default_factory=list)


def preview(session: Session, engine: Engine | None, files: Sequence[CampaignFile]) -> list[Preview]:
    """Decide campaigns as the night would, together, and count; nothing is stored or written.

    ``overlap`` counts customers whom another of these campaigns lists too. ``balance`` is, by cell, the
    standardised mean difference of current value between cell and control group; beyond 0.1 is worth a look.
    """
    for file in files:
        check(file, session.settings)
    named = [file for file in files if file.campaign.audience.grain != "area"]
    decision = decide(session, engine, named)
    found = [Preview(name, problem=problem) for name, problem in decision.problems.items()]
    for planned in decision.planned:
        shown = _with_power(
            _count(session, planned.number, planned.file.campaign.id, decision),
            planned.file.campaign.success.expected_rate,
            lift_parameter(session, "smallest_group"),
            lift_parameter(session, "sharpest_at"),
        )
        _show_messages(session, planned, shown)
        found.append(shown)
    for file in files:
        if file.campaign.audience.grain == "area":
            if not named:
                look_at_people(session, engine)
            rows = areas(session, plan(session, 0, file)).to_pylist()
            shown = Preview(file.campaign.id)
            for row in rows:
                shown.outcomes[row["outcome"]] = shown.outcomes.get(row["outcome"], 0) + 1
            pieces = sum(row["addresses"] for row in rows if row["outcome"] == "listed")
            shown.areas, shown.cost_amount = (
                len(rows),
                pieces * plan(session, 0, file).sendings[0].cost_amount,
            )
            found.append(shown)
    return sorted(found, key=lambda preview: preview.campaign_id)


def _show_messages(session: Session, planned: Planned, shown: Preview) -> None:
    """Add what members would be told."""
    listed = session.duck.sql(
        "SELECT customer_id, account_id, channel, cell, send_on, FALSE AS is_seed, fields FROM night.member "
        "WHERE number = ? AND outcome = 'listed'",
        params=[planned.number],
    )
    session.give("night.listed", listed.to_arrow_table())
    name = run_name(shown.campaign_id, session.run.as_of)
    written = shown_messages(session, planned.file, Messages(session, planned.file, name))
    shown.lacking = counted(written.lacking)
    shown.messages = chosen(written.previews)


def _count(session: Session, number: int, campaign_id: str, decision: Any) -> Preview:
    duck = session.duck

    def counts(column: str, condition: str) -> dict[str, int]:
        # Column and condition are ours; the number is a value.
        return dict(
            duck.execute(
                f"SELECT {column}, COUNT(*) FROM night.member WHERE number = ? AND {condition} GROUP BY 1 ORDER BY 2 DESC, 1",
                [number],
            ).fetchall()
        )

    shown = Preview(
        campaign_id,
        counts("outcome", "TRUE"),
        counts("excluded_by", "outcome = 'excluded'"),
        counts("channel", "outcome = 'listed'"),
        counts("cell", "outcome IN ('listed', 'control')"),
    )
    money = duck.execute(
        "SELECT SUM(cost) FROM night.member WHERE number = ? AND outcome = 'listed'",
        [number],
    ).fetchone()
    if money is not None:
        shown.cost_amount = int(money[0] or 0) / MONEY
    names = {planned.number: planned.file.campaign.id for planned in decision.planned}
    shown.overlap = {
        names[other]: count
        for other, count in duck.execute(
            "SELECT b.number, COUNT(DISTINCT a.customer_id) FROM night.member AS a JOIN night.member AS b USING (customer_id) "
            "WHERE a.number = ? AND b.number <> a.number AND a.outcome = 'listed' AND b.outcome = 'listed' GROUP BY 1 ORDER BY 1",
            [number],
        ).fetchall()
    }
    shown.balance = {
        cell: round(float(difference), 3)
        for cell, difference in duck.execute(
            "WITH v AS (SELECT member.cell, CAST(standing.current_value_amount AS DOUBLE) AS v FROM night.member "
            "JOIN campaign.standing USING (customer_id) WHERE member.number = ? AND member.outcome IN ('listed', 'control')), "
            "s AS (SELECT cell, AVG(v) AS mean, VAR_SAMP(v) AS spread FROM v GROUP BY cell) "
            "SELECT s.cell, (s.mean - c.mean) / NULLIF(SQRT((s.spread + c.spread) / 2), 0) AS d FROM s JOIN s AS c ON c.cell = 'control' "
            "WHERE s.cell <> 'control' AND s.spread IS NOT NULL AND c.spread IS NOT NULL ORDER BY s.cell",
            [number],
        ).fetchall()
        if difference is not None
    }
    return shown


def _with_power(shown: Preview, base: float, smallest_group: float, sharpest_at: float) -> Preview:
    listed, control = shown.outcomes.get("listed", 0), shown.outcomes.get("control", 0)
    if control == 0:
        shown.power_problem = "no control group: nothing will be said of an effect"
    elif min(listed, control) < smallest_group:
        shown.power_problem = (
            f"fewer than {smallest_group:.0f} contacts or control customers: no lift is stated"
        )
    else:
        shown.smallest_lift = smallest_lift(listed, control, base, sharpest_at)
        if shown.smallest_lift is None:
            shown.power_problem = "not even the largest effect would be found four times in five"
    return shown


def explain(engine: Engine, customer_id: str, limit: int = 50) -> list[dict[str, Any]]:
    """Every list a customer was considered for, newest first, with the outcome and its reason; ``left out`` is by its release."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT campaign_run.as_of, campaign_run.campaign_id, campaign_run.campaign_run_id, campaign_run.state, campaign_member.account_id, "
                "CASE WHEN campaign_drop.reason IS NULL THEN campaign_member.outcome ELSE 'left out' END AS outcome, "
                "COALESCE(campaign_drop.reason, campaign_member.excluded_by) AS excluded_by, campaign_member.channel, campaign_member.cell, campaign_member.send_on "
                "FROM ops.campaign_member JOIN ops.campaign_run ON campaign_run.campaign_run_id = campaign_member.campaign_run_id "
                "LEFT JOIN ops.campaign_drop ON campaign_drop.campaign_run_id = campaign_member.campaign_run_id AND campaign_drop.customer_id = campaign_member.customer_id "
                "AND campaign_drop.account_id = campaign_member.account_id "
                "WHERE campaign_member.customer_id = :customer ORDER BY campaign_run.as_of DESC, campaign_run.campaign_id, campaign_run.version DESC, campaign_member.account_id LIMIT :limit"
            ),
            {"customer": customer_id, "limit": limit},
        ).mappings()
        return [dict(row) for row in rows]
