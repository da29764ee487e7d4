"""The page about all campaigns together: the global control group against everybody else, quarter by quarter."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment

from wattmark.engine.session import Session
from wattmark.errors import SqlFileError

_PROGRAMME = """
<p><a href="index.html">All campaigns</a></p><h1>The programme <small>营销项目总体效果</small></h1>
<p>What all campaigns together do: customers whom any campaign may contact, less the global control group, which none does. Means are a customer's and quarter's;
a household or person counts as one, as it was drawn as one.</p>
{% if rows %}
<p><strong>{{ words }}</strong></p>
{% for name, measure in measures %}<h2>{{ name }}</h2>
<div class="scroll"><table><tr><th>quarter</th><th class="n">customers</th><th class="n">held out</th><th class="n">mean</th><th class="n">mean, held out</th><th class="n">difference</th><th class="n">95% interval</th></tr>
{% for row in rows if row.measure == measure %}<tr><td>{{ row.quarter }}</td><td class="n">{{ '{:,}'.format(row.treated) }}</td><td class="n">{{ '{:,}'.format(row.held_out) }}</td>
<td class="n">{{ number(row.treated_mean) }}</td><td class="n">{{ number(row.held_out_mean) }}</td>
{% if row.difference is none %}<td colspan="2" class="too_few">too few to tell</td>{% else %}<td class="n">{{ number(row.difference, true) }}</td><td class="n">{{ number(row.low, true) }} to {{ number(row.high, true) }}</td>{% endif %}</tr>
{% endfor %}</table></div>{% endfor %}
{% else %}<p class="too_few">No full quarter is billed yet.</p>{% endif %}
"""
MEASURES = (
    ("Energy, kWh", "energy_kwh"),
    ("Billed amount", "billed_amount"),
    ("Complaints", "complaints"),
    ("Arrears at the end of the quarter", "arrears_amount"),
    ("Customers who left, share", "leaving"),
)


def programme_rows(session: Session) -> list[dict[str, Any]]:
    """``mart.programme_result``, newest quarter first; none where a lake is older than the table."""
    try:
        found = session.query("SELECT * FROM mart.programme_result ORDER BY quarter DESC, measure").read_all()
    except SqlFileError as error:
        if error.code == "lake.missing":
            return []
        raise
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def programme_body(pages: Environment, rows: list[dict[str, Any]]) -> str:
    """The page without its frame."""
    return pages.from_string(_PROGRAMME).render(
        rows=rows, measures=MEASURES, number=_number, words=_in_words(rows)
    )


def _in_words(rows: list[dict[str, Any]]) -> str:
    """How many intervals leave out 0, and how many would by chance."""
    told = [row for row in rows if row["difference"] is not None]
    if not told:
        return "Too few are held out to tell anything."
    apart = sum(row["low"] > 0 or row["high"] < 0 for row in told)
    return f"{apart} of {len(told)} intervals leave out 0; by chance alone {0.05 * len(told):.1f} would."


def _number(value: float | None, is_signed: bool = False) -> str:
    if value is None:
        return ""
    digits = 4 if abs(value) < 1 else 2
    return f"{value:+,.{digits}f}" if is_signed else f"{value:,.{digits}f}"
