"""The report on segments: one HTML file that needs nothing else, with its charts drawn into it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from wattmark.atomic import write_atomically
from wattmark.engine.session import Session

_COLOURS = ("#2f6f8f", "#c8553d", "#588157", "#8a5a9e", "#b08900", "#3d5a80", "#8d6b52", "#5f6b6d")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Segments, {{ as_of }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: 13px }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .5rem; text-align: right; vertical-align: top }
th:first-child, td:first-child, .text { text-align: left } svg { max-width: 100%; height: auto }
.note { color: #666 } .bad { color: #a30 }
</style></head><body>
<h1>Segments, {{ as_of }}</h1>
<p>{{ "{:,}".format(customers) }} customers, each in exactly one segment; the customers of all segments add up to {{ "{:,}".format(total) }}.
{% if total != customers %}<strong class="bad">These differ.</strong>{% endif %}</p>
<h2>Size and value</h2>{{ sizes }}
<table><tr><th>Segment</th><th class="text">Relationship</th><th class="text">Treatment</th><th>Customers</th><th>Share</th><th>Accounts</th><th>MWh a year</th>
<th>Margin a year</th><th>Potential</th><th>Value score</th><th>On time</th><th>Services an account</th><th>Trend</th><th class="text">Load profile</th><th>In / out</th></tr>
{% for s in segments %}<tr><td><strong>{{ s.segment }}</strong> {{ s.segment_zh or "" }}<br><span class="note">{{ s.description or "" }}<br>{{ s.description_zh or "" }}</span></td><td class="text">{{ s.relationship_level or "" }}<br>{{ s.relationship_level_zh or "" }}</td>
<td class="text">{{ s.treatment or "" }}<br>{{ s.treatment_zh or "" }}</td><td>{{ "{:,}".format(s.customers) }}</td><td>{{ s.customer_share | share }}</td><td>{{ "{:,}".format(s.accounts) }}</td>
<td>{{ "{:,.0f}".format(s.kwh_12m / 1000) }}</td><td>{{ "{:,.0f}".format(s.current_value_amount) }}</td><td>{{ "{:,.0f}".format(s.potential_value_amount) }}</td>
<td>{{ s.mean_value_score | number }}</td><td>{{ s.on_time | share }}</td><td>{{ s.services_per_account | number }}</td><td>{{ s.kwh_change | share }}</td>
<td class="text">{{ s.main_load_profile or "" }}</td><td>{{ s.joined }} / {{ s.left_it }}</td></tr>{% endfor %}</table>
<h2>Movement of the night</h2>
<table><tr><th>Method</th><th>Customers</th><th>Moved</th><th>Share</th><th>Allowed</th></tr>
{% for m in migration %}<tr><td>{{ m.method }}</td><td>{{ "{:,}".format(m.customers) }}</td><td>{{ "{:,}".format(m.moved) }}</td><td>{{ m.moved_share | share }}</td><td>{{ m.max_share | share }}</td></tr>{% endfor %}</table>
<h2>Load profiles</h2>{{ shapes }}
<table><tr><th>No.</th><th class="text">Name</th><th>Accounts</th><th>Share</th><th>Silhouette</th><th>Drift</th></tr>
{% for p in profiles %}<tr><td>{{ p.load_profile }}</td><td class="text">{{ p.name }} {{ p.name_zh if p.name_zh != p.name else "" }}</td><td>{{ "{:,}".format(p.size) }}</td><td>{{ p.share | share }}</td><td>{{ p.silhouette | number }}</td><td>{{ p.drift | number }}</td></tr>
{% else %}<tr><td colspan="6" class="text">No account has interval readings.</td></tr>{% endfor %}</table>
<h2>Models</h2>{{ calibration }}
<table><tr><th>Model</th><th class="text">Role</th><th>Trained</th><th class="text">Metric</th><th>Value</th><th class="text">In use</th><th class="text">Why</th></tr>
{% for m in metrics %}<tr><td>{{ m.model }}</td><td class="text">{{ m.role }}</td><td>{{ m.trained_on if m.role != "scorecard" else "" }}</td><td class="text">{{ m.metric }}</td><td>{{ m.value | number }}</td><td class="text">{{ "yes" if m.in_use else "no" }}</td><td class="text">{{ m.reason or "" }}<br>{{ m.reason_zh if m.reason_zh and m.reason_zh != m.reason else "" }}</td></tr>{% endfor %}</table>
</body></html>
"""


def _svg(figure: Figure) -> Markup:
    buffer = io.StringIO()
    # A fixed salt and no date: the same night draws the same bytes.
    with mpl.rc_context({"svg.hashsalt": "wattmark", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])  # noqa: S704 - drawn here; matplotlib escapes its texts


def _sizes(segments: Sequence[dict[str, Any]]) -> Markup:
    figure = Figure(figsize=(11, 0.4 * max(len(segments), 2) + 1))
    left, right = figure.subplots(1, 2, sharey=True)
    names = [one["segment"] for one in segments][::-1]
    left.barh(names, [one["customers"] for one in segments][::-1], color=_COLOURS[0])
    left.set_xlabel("customers")
    right.barh(names, [float(one["current_value_amount"]) for one in segments][::-1], color=_COLOURS[2])
    right.set_xlabel("margin of 12 months")
    return _svg(figure)


def _shapes(profiles: Sequence[dict[str, Any]]) -> Markup:
    figure = Figure(figsize=(11, 3.6))
    axes = figure.subplots(1, 2, sharey=True)
    for letter, title, axis in (("h", "workday", axes[0]), ("w", "weekend and holiday", axes[1])):
        for at, one in enumerate(profiles):
            axis.plot(
                range(24),
                [one[f"{letter}{hour:02d}"] for hour in range(24)],
                color=_COLOURS[at % len(_COLOURS)],
                label=f"{one['load_profile']} {one['name']}",
            )
        axis.set_title(title)
        axis.set_xlabel("hour")
    axes[0].set_ylabel("share of the day's energy")
    if profiles:
        axes[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    return _svg(figure)


def _calibration(metrics: Sequence[dict[str, Any]]) -> Markup:
    figure = Figure(figsize=(5, 4))
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color="#bbb", linewidth=1)
    for at, model in enumerate(sorted({one["model"] for one in metrics})):
        found = {one["metric"]: one["value"] for one in metrics if one["model"] == model and one["in_use"]}
        pairs = [
            (found[key], found[key.replace("predicted", "observed")])
            for key in sorted(found)
            if key.startswith("calibration") and key.endswith("predicted")
        ]
        if pairs:
            axis.plot(*zip(*pairs, strict=True), marker="o", color=_COLOURS[at % len(_COLOURS)], label=model)
            axis.legend()
    axis.set_xlabel("predicted")
    axis.set_ylabel("observed")
    return _svg(figure)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def segment_report(session: Session) -> str:
    """The page on a night's segments as HTML; the same night gives the same text.

    Args:
        session: a session on a lake whose layer ``mart`` has been built.
    """
    segments = (
        session.query("SELECT * FROM mart.segment_profile AS s ORDER BY s.customers DESC, s.segment")
        .read_all()
        .to_pylist()
    )
    profiles = (
        session.query("SELECT * FROM mart.load_profile AS p ORDER BY p.load_profile").read_all().to_pylist()
    )
    quality = (
        session.query("SELECT * FROM mart.model_quality AS q ORDER BY q.model, q.trained_on, q.metric")
        .read_all()
        .to_pylist()
    )
    environment = jinja2.Environment(autoescape=True)
    environment.filters.update(number=_number, share=_share)
    return environment.from_string(_PAGE).render(
        as_of=session.run.as_of.isoformat(),
        customers=session.query("SELECT COUNT(*) AS n FROM mart.dim_customer").read_all()["n"][0].as_py(),
        total=sum(one["customers"] for one in segments),
        segments=segments,
        migration=session.query("SELECT * FROM mart.segment_migration AS m ORDER BY m.method")
        .read_all()
        .to_pylist(),
        profiles=profiles,
        metrics=[one for one in quality if not one["metric"].startswith("calibration")],
        sizes=_sizes(segments),
        shapes=_shapes(profiles),
        calibration=_calibration(quality),
    )


def write_report(session: Session) -> Path:
    """Write the page to ``<home>/reports/segments/<as_of>.html``; returns its path."""
    target = session.settings.home / "reports" / "segments" / f"{session.run.as_of.isoformat()}.html"
    write_atomically(target, segment_report(session))
    return target
