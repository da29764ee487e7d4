"""Pages about campaigns: results with intervals, energy, the calendar, contacts in numbers. No customer is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from sqlalchemy import Engine

from wattmark.atomic import write_atomically
from wattmark.campaign.definition import load_campaigns
from wattmark.campaign.evaluate import EnergyEffect, energy_effect
from wattmark.campaign.programme import programme_body, programme_rows
from wattmark.campaign.stored import stored_lists
from wattmark.campaign.weather import WeatherEffect, weather_effect
from wattmark.engine.session import Session
from wattmark.errors import SqlFileError
from wattmark.page import page

_CAMPAIGN = """
<p><a href="index.html">All campaigns</a></p><h1>{{ name.en }} <small>{{ name.zh }}</small></h1><p>{{ objective }}</p>
{% if total %}
<p class="{{ total.verdict }}"><strong>{{ words[total.verdict] }}</strong>
{% if total.lift is not none %}Lift {{ '%+.1f' % (100 * total.lift) }} percentage points
(95% interval {{ '%+.1f' % (100 * total.lift_low) }} to {{ '%+.1f' % (100 * total.lift_high) }}).{% endif %}
{% if total.p_value is not none %}The verdict is of all cells, segments and nights together (p {{ '%.3f' % total.p_value }}); intervals are each of one row.{% endif %}
{% if total.return_on_spend is not none and total.verdict in ('helps', 'harms') %}Spent {{ total.spent_amount }}, brought {{ total.brought_amount }}: {{ '%+.0f' % (100 * total.return_on_spend) }}%.{% endif %}
Feedback rate {{ '%.1f' % (100 * (total.feedback_rate or 0)) }}%, standard {{ '%.1f' % (100 * total.feedback_rate_standard) }}%.
{% if not total.is_final %}The time in which success counts is not over for all contacts.{% endif %}</p>
<figure><svg width="660" viewBox="0 0 660 {{ 34 + 26 * rows|length }}" role="img" aria-label="Lift by cell and channel with 95% intervals">
<line x1="{{ zero }}" y1="8" x2="{{ zero }}" y2="{{ 12 + 26 * rows|length }}" stroke="currentColor" stroke-dasharray="3 3"/>
{% for row in rows %}<text x="0" y="{{ 26 + 26 * loop.index0 }}" font-size="13" fill="currentColor">{{ row.cell }} · {{ row.channel }}</text>
{% if row.lift is not none %}<g class="{{ row.verdict }}"><line x1="{{ row.x_low }}" x2="{{ row.x_high }}" y1="{{ 21 + 26 * loop.index0 }}" y2="{{ 21 + 26 * loop.index0 }}" stroke="currentColor" stroke-width="2"/>
<circle cx="{{ row.x }}" cy="{{ 21 + 26 * loop.index0 }}" r="4" fill="currentColor"/></g>{% else %}<text class="too_few" x="230" y="{{ 26 + 26 * loop.index0 }}" font-size="13" fill="currentColor">too few</text>{% endif %}
{% endfor %}{% for place, label in ticks %}<text x="{{ place }}" y="{{ 28 + 26 * rows|length }}" font-size="12" text-anchor="middle" fill="currentColor">{{ label }}</text>
{% endfor %}</svg><figcaption>Share that succeeded, less that of the control group, in percentage points with its 95% interval; dashed: no effect.</figcaption></figure>
<div class="scroll"><table><tr><th>cell</th><th>channel</th>{% for column in columns %}<th class="n">{{ column.replace('_', ' ') }}</th>{% endfor %}<th class="n">lift, points</th><th class="n">95% interval</th><th>verdict</th></tr>
{% for row in rows %}<tr><td>{{ row.cell }}</td><td>{{ row.channel }}</td>{% for column in columns %}<td class="n">{{ row[column] }}</td>{% endfor %}<td class="n">{{ '%+.1f' % (100 * row.lift) if row.lift is not none else '' }}</td><td class="n">{{ '%+.1f to %+.1f' % (100 * row.lift_low, 100 * row.lift_high) if row.lift is not none else '' }}</td><td class="{{ row.verdict }}">{{ row.verdict }}</td></tr>{% endfor %}</table></div>
{% if failed %}<h2>Arms that are not as drawn</h2>
<div class="scroll"><table><tr><th>list</th><th>stage</th><th class="n">listed</th><th class="n">control</th><th class="n">control wanted</th><th class="n">found</th><th class="n">p</th></tr>
{% for row in failed %}<tr class="harms"><td>{{ row.list_as_of }}</td><td>{{ row.stage }}</td><td class="n">{{ row.listed }}</td><td class="n">{{ row.control }}</td><td class="n">{{ '%.1f' % (100 * row.control_share) }}%</td><td class="n">{{ '%.1f' % (100 * row.found_share) }}%</td><td class="n">{{ '%.6f' % row.p_value }}</td></tr>{% endfor %}</table></div>{% endif %}
{% if segments %}<h2>By segment</h2>
<div class="scroll"><table><tr><th>segment</th><th class="n">listed</th><th class="n">control</th><th class="n">converted</th><th class="n">control converted</th><th class="n">lift, points</th><th class="n">95% interval</th><th>verdict</th></tr>
{% for row in segments %}<tr><td>{{ row.segment }}</td><td class="n">{{ row.listed }}</td><td class="n">{{ row.control }}</td><td class="n">{{ row.converted }}</td><td class="n">{{ row.control_converted }}</td>
<td class="n">{{ '%+.1f' % (100 * row.lift) if row.lift is not none else '' }}</td><td class="n">{{ '%+.1f to %+.1f' % (100 * row.lift_low, 100 * row.lift_high) if row.lift is not none else '' }}</td><td class="{{ row.verdict }}">{{ row.verdict }}</td></tr>{% endfor %}</table></div>{% endif %}
{% elif lists %}<p>What comes back is told from the next night on.</p>
{% else %}<p>No list of this campaign has been released yet.</p>{% endif %}
{% if lists %}<h2>Released lists</h2><div class="scroll"><table><tr><th>list</th><th>state</th><th>released</th><th>goes out</th><th class="n">listed</th><th class="n">left out at release</th><th class="n">control</th><th class="n">cost</th></tr>
{% for row in lists %}<tr><td>{{ row.campaign_run_id }}</td><td>{{ row.state }}</td><td>{{ row.released_at.astimezone(zone).strftime('%Y-%m-%d %H:%M') }}</td><td>{{ row.send_on }}</td><td class="n">{{ row.listed }}</td><td class="n">{{ row.dropped }}</td><td class="n">{{ row.control }}</td><td class="n">{{ row.cost_amount }}</td></tr>{% endfor %}</table></div>{% endif %}
{% if effect %}<h2>Energy</h2>{% if effect.effect_kwh is none %}<p class="too_few">Too few accounts with full months before and after: {{ effect.contacted }} contacted, {{ effect.control }} control.</p>
{% else %}<p class="{{ effect.verdict }}"><strong>{{ words[effect.verdict] }}</strong> {{ '%+.1f' % effect.effect_kwh }} kWh a month and account{{ ' in peak hours' if effect.in_peak }} against the control group
(95% interval {{ '%+.1f' % effect.low_kwh }} to {{ '%+.1f' % effect.high_kwh }}{% if effect.effect_amount is not none %}; {{ '%+.2f' % effect.effect_amount }} in money{% endif %}), from {{ effect.contacted }} contacted and {{ effect.control }} control accounts.
With these, an effect of {{ '%.1f' % effect.detectable_kwh }} kWh would have been found four times in five.</p>{% endif %}{% endif %}
{% if weather %}<h2>Energy without a control group</h2>{% if weather.effect_kwh is none %}<p class="too_few">Too few accounts with a year before, three months after and temperatures: {{ weather.accounts }}.</p>
{% else %}<p>{{ '%+.1f' % weather.effect_kwh }} kWh a month and account against what the weather would have made of the year before
(95% interval over accounts {{ '%+.1f' % weather.low_kwh }} to {{ '%+.1f' % weather.high_kwh }}), from {{ weather.accounts }} contacted accounts; the fit errs by {{ '%.0f' % (100 * weather.fit_error) }}% of their use.
Whatever else changed is in it, too: only a control group tells that apart.</p>{% endif %}{% endif %}
<h2>Next weeks</h2><div class="scroll"><table><tr><th>night</th><th>channel</th><th>goes out</th></tr>{% for row in calendar %}<tr><td>{{ row.night }}</td><td>{{ row.channel }}</td><td>{{ row.send_on }}</td></tr>{% endfor %}</table></div>
"""

_INDEX = """
<h1>Campaigns on {{ as_of }}</h1>
<p><a href="programme.html">The programme: all campaigns against the global control group</a></p>
<div class="scroll"><table><tr><th>campaign</th><th class="n">listed</th><th class="n">control</th><th class="n">converted</th><th class="n">cost</th><th class="n">value</th><th class="n">lift, points</th><th>verdict</th></tr>
{% for campaign in campaigns %}<tr><td><a href="{{ campaign.id }}.html">{{ campaign.name.en }}</a></td>{% if campaign.total %}<td class="n">{{ campaign.total.listed }}</td><td class="n">{{ campaign.total.control }}</td><td class="n">{{ campaign.total.converted }}</td><td class="n">{{ campaign.total.cost_amount }}</td><td class="n">{{ campaign.total.value_amount }}</td><td class="n">{{ '%+.1f' % (100 * campaign.total.lift) if campaign.total.lift is not none else '' }}</td><td class="{{ campaign.total.verdict }}">{{ words[campaign.total.verdict] }}</td>{% elif campaign.released %}<td class="n">{{ campaign.released.listed - campaign.released.dropped }}</td><td class="n">{{ campaign.released.control }}</td><td colspan="5" class="too_few">released {{ campaign.released.released_at.astimezone(zone).strftime('%Y-%m-%d %H:%M') }}; results from the next night on</td>{% else %}<td colspan="7" class="too_few">nothing released yet</td>{% endif %}</tr>{% endfor %}</table></div>
<h2>Contacts of the last twelve months</h2><div class="scroll"><table><tr><th>contacts a customer</th><th class="n">customers</th></tr>{% for row in history %}<tr><td>{{ row.contacts }}</td><td class="n">{{ row.customers }}</td></tr>{% endfor %}</table></div>
<h2>Next weeks</h2><div class="scroll"><table><tr><th>goes out</th><th>campaign</th><th>channel</th></tr>{% for row in calendar %}<tr><td>{{ row.send_on }}</td><td>{{ row.campaign_id }}</td><td>{{ row.channel }}</td></tr>{% endfor %}</table></div>
"""
WORDS = {
    "helps": "It helps.",
    "harms": "It does harm: fewer succeed than without it.",
    "unclear": "Whether it helps is not clear.",
    "too_few": "Too few to tell.",
    "no_control": "Only a contact can bring this success: there is nothing to compare it with.",
    "arms_differ": "Not to be relied on: the arms have not the sizes that were drawn.",
}
COLUMNS = (
    "considered",
    "listed",
    "control",
    "delivered",
    "responded",
    "converted",
    "complained",
    "spent_amount",
    "value_amount",
    "brought_amount",
)
_LEFT, _RIGHT = 220, 630


def write_report(session: Session, folder: Path, engine: Engine | None = None) -> Path:
    """Write ``index.html`` and a page per campaign, which need nothing from elsewhere; returns the index.

    Args:
        session: with the marts of campaigns, which are of the last night.
        folder: where to.
        engine: the warehouse, which knows what was released since; None tells of the marts alone.

    Raises:
        SqlFileError: the marts of campaigns are not in the lake yet.
    """
    settings = session.settings
    # Values are escaped: names of campaigns are a utility's own text.
    pages = Environment(autoescape=True)
    results = (
        session.query("SELECT * FROM mart.campaign_result ORDER BY campaign_id, cell <> 'all', cell, channel")
        .read_all()
        .to_pylist()
    )
    segments = (
        session.query("SELECT * FROM mart.campaign_segment_result ORDER BY campaign_id, listed DESC, segment")
        .read_all()
        .to_pylist()
    )
    failed = (
        session.query("SELECT * FROM mart.campaign_arms WHERE is_failed ORDER BY list_as_of, stage")
        .read_all()
        .to_pylist()
    )
    calendar = (
        session.query("SELECT * FROM mart.campaign_calendar ORDER BY send_on, campaign_id, channel")
        .read_all()
        .to_pylist()
    )
    history = session.query(
        "SELECT contacts, COUNT(*) AS customers FROM (SELECT customer_id, COUNT(*) AS contacts FROM mart.contact_history "
        "WHERE send_on > CAST(ADD_MONTHS($as_of, -12) AS DATE) GROUP BY customer_id) AS c GROUP BY contacts ORDER BY contacts"
    ).read_all().to_pylist()  # fmt: skip
    released: dict[str, list[dict[str, Any]]] = {}
    for row in stored_lists(engine, states=("released", "corrected")) if engine else []:
        released.setdefault(row["campaign_id"], []).append(row)
    folder.mkdir(parents=True, exist_ok=True)
    campaigns = []
    for file in load_campaigns(settings):
        campaign = file.campaign
        rows = [row for row in results if row["campaign_id"] == campaign.id]
        total = next((row for row in rows if row["cell"] == "all"), None)
        campaigns.append(
            {
                "id": campaign.id,
                "name": campaign.name,
                "total": total,
                "released": next(iter(released.get(campaign.id, [])), None),
            }
        )
        zero, ticks = _place(rows)
        body = pages.from_string(_CAMPAIGN).render(
            name=campaign.name, objective=campaign.objective, total=total, rows=rows, words=WORDS, columns=COLUMNS, zero=zero, ticks=ticks,
            **(_effects(session, campaign.id, campaign.success.effect_on_kwh, total["control"]) if total else {}),
            calendar=[row for row in calendar if row["campaign_id"] == campaign.id][:40],
            segments=[row for row in segments if row["campaign_id"] == campaign.id],
            lists=released.get(campaign.id, []), zone=settings.zone,
            failed=[row for row in failed if row["campaign_id"] == campaign.id],
        )  # fmt: skip
        _write(folder / f"{campaign.id}.html", campaign.name.get("en", campaign.id), body)
    body = pages.from_string(_INDEX).render(
        as_of=session.run.as_of,
        campaigns=campaigns,
        words=WORDS,
        history=history,
        calendar=calendar[:100],
        zone=settings.zone,
    )
    _write(folder / "index.html", "Campaigns", body)
    _write(folder / "programme.html", "The programme", programme_body(pages, programme_rows(session)))
    return folder / "index.html"


def _effects(
    session: Session, campaign_id: str, wanted: str, control: int
) -> dict[str, EnergyEffect | WeatherEffect | None]:
    """The effect on energy against the control group; without one against the weather, of all hours alone."""
    if wanted == "none":
        return {}
    try:
        if control:
            return {"effect": energy_effect(session, campaign_id, wanted)}
        return {"weather": None if wanted == "peak_down" else weather_effect(session, campaign_id)}
    except SqlFileError as error:
        if error.code == "lake.missing":
            return {}
        raise


def _place(rows: list[dict[str, Any]]) -> tuple[float, list[tuple[float, str]]]:
    """Add x of lift and interval to each row; returns x of no effect, and places and labels of the scale."""
    ends = [0.0] + [
        100 * row[name] for row in rows if row["lift"] is not None for name in ("lift_low", "lift_high")
    ]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def x(share: float) -> float:
        return round(float(_LEFT + (_RIGHT - _LEFT) * (100 * share - low) / span), 1)

    for row in rows:
        if row["lift"] is not None:
            row |= {"x": x(row["lift"]), "x_low": x(row["lift_low"]), "x_high": x(row["lift_high"])}
    ticks = [(x(end / 100), f"{end:+.1f}") for end in (low, high) if abs(end) > 0.15 * span]
    return x(0.0), [(x(0.0), "0"), *ticks]


def _write(path: Path, title: str, body: str) -> None:
    # The body was rendered with escaping above.
    write_atomically(path, page(title, Markup(body)))  # noqa: S704
