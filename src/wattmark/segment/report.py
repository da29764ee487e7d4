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
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from wattmark.atomic import write_atomically
from wattmark.engine.session import Session
from wattmark.home import Home
from wattmark.page import page

MOST_LINES = 10
"""Of one chart; more cannot be told apart."""
_COLOURS = (
    "#3b8fb8", "#d9694f", "#6aa36a", "#a172b8", "#c49a1a", "#5c7fb3", "#a8826a", "#7f8c8d", "#d070a0", "#3aa39a",
)  # fmt: skip
_INK = "#010203"
"""Stands for the page's own colour until a chart is part of it."""

_BODY = """<h1>Segments, {{ as_of }}</h1>
<p>{{ "{:,}".format(customers) }} customers, each in exactly one segment; the customers of all segments add up to {{ "{:,}".format(total) }}.
{% if total != customers %}<strong class="bad">These differ.</strong>{% endif %}</p>
<h2>Size and value</h2>{{ sizes }}
<div class="scroll"><table class="numbers"><tr><th>Segment</th><th class="text">Relationship</th><th class="text">Treatment</th><th>Customers</th><th>Share</th><th>Accounts</th><th>MWh a year</th>
<th>Margin a year</th><th>Potential</th><th>Value score</th><th>On time</th><th>Services an account</th><th>Trend</th><th class="text">Load profile</th><th>In / out</th></tr>
{% for s in segments %}<tr><td><strong>{{ s.segment }}</strong> {{ s.segment_zh or "" }}<br><span class="note">{{ s.description or "" }}<br>{{ s.description_zh or "" }}</span></td><td class="text">{{ s.relationship_level or "" }}<br>{{ s.relationship_level_zh or "" }}</td>
<td class="text">{{ s.treatment or "" }}<br>{{ s.treatment_zh or "" }}</td><td>{{ "{:,}".format(s.customers) }}</td><td>{{ s.customer_share | share }}</td><td>{{ "{:,}".format(s.accounts) }}</td>
<td>{{ "{:,.0f}".format(s.kwh_12m / 1000) }}</td><td>{{ "{:,.0f}".format(s.current_value_amount) }}</td><td>{{ "{:,.0f}".format(s.potential_value_amount) }}</td>
<td>{{ s.mean_value_score | number }}</td><td>{{ s.on_time | share }}</td><td>{{ s.services_per_account | number }}</td><td>{{ s.kwh_change | share }}</td>
<td class="text">{{ s.main_load_profile or "" }}</td><td>{{ s.joined }} / {{ s.left_it }}</td></tr>{% endfor %}</table></div>
<h2>Movement of the night</h2>
<div class="scroll"><table class="numbers"><tr><th>Method</th><th>Customers</th><th>Moved</th><th>Share</th><th>Allowed</th></tr>
{% for m in migration %}<tr><td>{{ m.method }}</td><td>{{ "{:,}".format(m.customers) }}</td><td>{{ "{:,}".format(m.moved) }}</td><td>{{ m.moved_share | share }}</td><td>{{ m.max_share | share }}</td></tr>{% endfor %}</table></div>
<h2>Load profiles</h2>{{ shapes }}
<div class="scroll"><table class="numbers"><tr><th>No.</th><th class="text">Name</th><th>Accounts</th><th>Share</th><th>Silhouette</th><th>Drift</th></tr>
{% for p in profiles %}<tr><td>{{ p.load_profile }}</td><td class="text">{{ p.name }} {{ p.name_zh if p.name_zh != p.name else "" }}</td><td>{{ "{:,}".format(p.size) }}</td><td>{{ p.share | share }}</td><td>{{ p.silhouette | number }}</td><td>{{ p.drift | number }}</td></tr>
{% else %}<tr><td colspan="6" class="text">No account has interval readings.</td></tr>{% endfor %}</table></div>
<h2>Value clusters</h2>
<div class="scroll"><table class="numbers"><tr><th>No.</th><th class="text">Name</th><th>Customers</th><th>Share</th><th>Margin of its middle</th><th>Potential of its middle</th><th class="text">Mostly in the cell</th><th>Drift</th></tr>
{% for c in clusters %}<tr><td>{{ c.value_cluster }}</td><td class="text">{{ c.name }} {{ c.name_zh }}</td><td>{{ "{:,}".format(c.size) }}</td><td>{{ c.share | share }}</td><td>{{ "{:,.0f}".format(c.current_value_amount) }}</td><td>{{ "{:,.0f}".format(c.potential_value_amount) }}</td><td class="text">{{ c.main_cell or "" }} {{ c.main_cell_share | share }}</td><td>{{ c.drift | number }}</td></tr>
{% else %}<tr><td colspan="8" class="text">No customer has a live account.</td></tr>{% endfor %}</table></div>
<h2>What grades foretold</h2>
<p class="note">{% if graded_on %}Grades of {{ graded_on }}, held against what came after them; the best class first.{% else %}Nothing is known of the time so far back.{% endif %}</p>
<div class="scroll"><table class="numbers"><tr><th class="text">Grading</th><th class="text">Measure</th><th class="text">By class</th><th class="text">Claimed</th><th class="text">Holds</th><th class="text">Contradicted</th></tr>
{% for o in outcomes %}<tr><td class="text">{{ o.scheme }}</td><td class="text">{{ o.measure }}</td><td class="text">{{ o.shown }}</td><td class="text">{{ o.expected or "" }}</td><td class="text">{{ o.is_monotone | told }}</td><td class="text">{{ o.is_contradicted | told }}</td></tr>{% endfor %}</table></div>
<h2>Models</h2>{{ calibration }}
<div class="scroll"><table class="numbers"><tr><th>Model</th><th class="text">Role</th><th>Trained</th><th class="text">Metric</th><th>Value</th><th class="text">In use</th><th class="text">Why</th></tr>
{% for m in metrics %}<tr><td>{{ m.model }}</td><td class="text">{{ m.role }}</td><td>{{ m.trained_on if m.role != "scorecard" else "" }}</td><td class="text">{{ m.metric }}</td><td>{{ m.value | number }}</td><td class="text">{{ "yes" if m.in_use else "no" }}</td><td class="text">{{ m.reason or "" }}<br>{{ m.reason_zh if m.reason_zh and m.reason_zh != m.reason else "" }}</td></tr>{% endfor %}</table></div>
"""


def _chart(figure: Figure, alt: str, caption: str) -> Markup:
    """A figure of the page; its ink has the page's colour, in the light and in the dark."""
    buffer = io.StringIO()
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    # A fixed salt and no date: the same night draws the same bytes.
    with mpl.rc_context({"svg.hashsalt": "wattmark", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    text = buffer.getvalue()
    drawn = (
        text[text.index("<svg") :]
        .replace(_INK, "currentColor")
        .replace("<svg ", "<svg aria-hidden='true' ", 1)
    )
    return Markup('<figure role="img" aria-label="{}">{}<figcaption>{}</figcaption></figure>').format(
        alt,
        Markup(drawn),  # noqa: S704 - drawn here; matplotlib escapes its texts
        caption,
    )


def _figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    """A figure and its axes, left to right, drawn in the page's ink."""
    drawn_in: dict[Any, Any] = dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK
    )
    with mpl.rc_context(drawn_in):
        figure = Figure(figsize=(width, height))
        axes = figure.subplots(1, columns, sharey=columns > 1, squeeze=False)
    return figure, list(axes[0])


def _legend(axis: Any) -> None:
    axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1), framealpha=0, labelcolor=_INK)


def sizes_figure(segments: Sequence[dict[str, Any]]) -> Figure:
    """Customers and margin by segment, as bars."""
    figure, (left, right) = _figure(11, 0.4 * max(len(segments), 2) + 1, 2)
    names = [segment["segment"] for segment in segments][::-1]
    left.barh(names, [segment["customers"] for segment in segments][::-1], color=_COLOURS[0])
    left.set_xlabel("customers (number)")
    left.set_ylabel("segment")
    right.barh(
        names, [float(segment["current_value_amount"]) for segment in segments][::-1], color=_COLOURS[2]
    )
    right.set_xlabel("margin of 12 months (money, as billed)")
    right.xaxis.set_major_locator(MaxNLocator(5))
    right.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return figure


def shapes_figure(profiles: Sequence[dict[str, Any]]) -> Figure:
    """The mean day of the largest load profiles, one line each, on workdays and on other days."""
    shown = sorted(profiles, key=lambda profile: (-profile["size"], profile["load_profile"]))[:MOST_LINES]
    figure, axes = _figure(11, 3.6, 2)
    for letter, title, axis in (("h", "workday", axes[0]), ("w", "weekend and holiday", axes[1])):
        for at, profile in enumerate(shown):
            axis.plot(
                range(24),
                [100 * profile[f"{letter}{hour:02d}"] for hour in range(24)],
                color=_COLOURS[at],
                label=f"{profile['load_profile']} {profile['name']}",
            )
        axis.set_title(title)
        axis.set_xlabel("hour of the day (local time)")
        axis.set_xticks(range(0, 24, 3))
    axes[0].set_ylabel("share of the day's energy (%)")
    if shown:
        _legend(axes[1])
    return figure


def calibration_figure(metrics: Sequence[dict[str, Any]]) -> Figure:
    """What was observed against what was predicted, one line per model in use."""
    figure, (axis,) = _figure(5, 4)
    axis.plot([0, 100], [0, 100], color="#888", linewidth=1, linestyle="dashed", label="as predicted")
    drawn = 1
    for model in sorted({metric["model"] for metric in metrics}):
        found = {
            metric["metric"]: metric["value"]
            for metric in metrics
            if metric["model"] == model and metric["in_use"]
        }
        pairs = [
            (100 * found[key], 100 * found[key.replace("predicted", "observed")])
            for key in sorted(found)
            if key.startswith("calibration") and key.endswith("predicted")
        ]
        if pairs and drawn < MOST_LINES:
            axis.plot(*zip(*pairs, strict=True), marker="o", color=_COLOURS[drawn - 1], label=model)
            drawn += 1
    _legend(axis)
    axis.set_xlabel("predicted probability (%)")
    axis.set_ylabel("observed share (%)")
    return figure


def charts(
    segments: Sequence[dict[str, Any]], profiles: Sequence[dict[str, Any]], metrics: Sequence[dict[str, Any]]
) -> dict[str, Markup]:
    """The charts of the page, each with its caption, by name."""
    left_out = max(len(profiles) - MOST_LINES, 0)
    more = f" The {left_out} smaller ones are in the table below." if left_out else ""
    return {
        "sizes": _chart(
            sizes_figure(segments),
            "Customers and margin by segment",
            "Customers, and what they left of 12 months, by segment.",
        ),
        "shapes": _chart(
            shapes_figure(profiles),
            "Mean shape of a day by load profile",
            f"How the energy of a day falls on its hours, by load profile.{more}",
        ),
        "calibration": _chart(
            calibration_figure(metrics),
            "Observed shares against predicted probabilities",
            "What happened against what was predicted, by model in use; dashed: exactly as predicted.",
        ),
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _told(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _outcomes(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each grading and measure that something is known of, the classes side by side."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if row["value"] is not None:
            shown = f"{row['value']:,.0f}" if row["measure"] == "month_amount" else f"{row['value']:.1%}"
            outcome = found.setdefault((row["scheme"], row["measure"]), {**row, "shown": []})
            outcome["shown"].append(f"{row['class']} {shown} ({row['customers']:,})")
    return [{**outcome, "shown": " · ".join(outcome["shown"])} for outcome in found.values()]


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
        session.query(
            "SELECT * FROM mart.model_quality ORDER BY model_quality.model, model_quality.trained_on, model_quality.metric"
        )
        .read_all()
        .to_pylist()
    )
    judged = (
        session.query(
            "SELECT o.* FROM mart.grade_outcome AS o JOIN segment.grade_outcome AS p USING (scheme, class, measure) "
            "ORDER BY o.scheme, o.measure, p.place"
        )
        .read_all()
        .to_pylist()
    )
    environment = jinja2.Environment(autoescape=True)
    environment.filters.update(number=_number, share=_share, told=_told)
    body = environment.from_string(_BODY).render(
        as_of=session.run.as_of.isoformat(),
        customers=session.query("SELECT COUNT(*) AS n FROM mart.dim_customer").read_all()["n"][0].as_py(),
        total=sum(segment["customers"] for segment in segments),
        segments=segments,
        migration=session.query("SELECT * FROM mart.segment_migration AS m ORDER BY m.method")
        .read_all()
        .to_pylist(),
        profiles=profiles,
        clusters=session.query("SELECT * FROM mart.value_cluster AS c ORDER BY c.value_cluster")
        .read_all()
        .to_pylist(),
        outcomes=_outcomes(judged),
        graded_on=next((row["graded_on"] for row in judged), None),
        metrics=[row for row in quality if not row["metric"].startswith("calibration")],
        **charts(segments, profiles, quality),
    )
    return page(f"Segments, {session.run.as_of}", Markup(body))  # noqa: S704 - rendered with escaping


def write_report(session: Session) -> Path:
    """Write the page to ``<home>/reports/segments/<as_of>.html``; returns its path."""
    target = Home(session.settings.home).segment_reports / f"{session.run.as_of.isoformat()}.html"
    write_atomically(target, segment_report(session))
    return target
