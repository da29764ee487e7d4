"""A review in words: headings, sentences, tables and charts, the same for the page and the PDF."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from wattmark.cases.review.collect import COMPOSITE
from wattmark.cases.review.items import SELF
from wattmark.cases.words import Words, load_words
from wattmark.charts import Outlook, Series, chart, trend
from wattmark.code_names import FIGURE_FORMS, Form, Language, form_of, load_code_names

_HAPPENED = ("opened", "reopened", "confirmed", "dismissed", "verified", "accepted", "closed")
_STANDING = ("to_do", "to_do_high", "overdue", "to_prove")
_MONEY = ("found", "stake", "recovered")
_COUNT = Form(0, 0)


@dataclass(frozen=True)
class Block:
    """A part of a review: ``kind`` is heading, text, table or chart.

    Attributes:
        kind: which.
        text: of a heading or sentence; what a table or chart is of.
        head: of a table, its columns.
        rows: of a table, its cells.
        numbers: of a table, columns (from 0) that hold numbers.
        svg: of a chart.
    """

    kind: str
    text: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    numbers: frozenset[int] = frozenset()
    svg: Markup | None = None


@dataclass(frozen=True)
class Document:
    """A review in one language."""

    title: str
    language: Language
    blocks: tuple[Block, ...]


def period_name(span: str, first: dt.date | str) -> str:
    """What a period is called: 2026-10-15, 2026-10-12 (its Monday), 2026-10, 2026 Q4, 2026."""
    day = dt.date.fromisoformat(first) if isinstance(first, str) else first
    if span == "month":
        return f"{day:%Y-%m}"
    if span == "quarter":
        return f"{day:%Y} Q{(day.month + 2) // 3}"
    return f"{day:%Y}" if span == "year" else day.isoformat()


class Teller:
    """Words and numbers of reviews in a language."""

    def __init__(self, include: Path, language: Language, names: Mapping[str, Any]) -> None:
        """Read the words.

        Args:
            include: folder of the project's ``include``.
            language: which.
            names: what units, figures and rules are called: ``units`` by id; ``kpi`` and ``rule`` by id and language.
        """
        self.language = language
        self._words: Words = load_words(include / "cases" / "review-words.yaml")
        self._codes = load_code_names(include / "code-names.yaml").lists
        self._names = names

    def text(self, key: str, **values: object) -> str:
        """A text, with values in it."""
        return self._words["text"][key][self.language].format(**values)

    def word(self, kind: str, code: str, **values: object) -> str:
        """What a code is called, or a sentence of a kind with values in it."""
        return self._words[kind][code][self.language].format(**values)

    def unit(self, unit: str | None) -> str:
        """Name of a unit."""
        if unit == SELF:
            return self.text("self")
        return str(self._names["units"].get(unit) or unit or "")

    def figure(self, kpi: str | None) -> str:
        """Name of a key figure."""
        if kpi == COMPOSITE:
            return self.text("composite")
        return str(self._names["kpi"].get(kpi, {}).get(self.language) or kpi or "")

    def rule(self, rule_id: str | None) -> str:
        """A rule with its title."""
        title = self._names["rule"].get(rule_id, {}).get(self.language)
        return f"{rule_id} {title}" if title else rule_id or ""

    def post(self, post: str | None) -> str:
        """Name of a post."""
        told = self._codes.get("staff_post", {}).get(post or "")
        return told[self.language] if told else post or ""

    def number(self, form: str | None, value: float | None) -> str:
        """A figure as people write it; empty where there is none."""
        return "" if value is None else FIGURE_FORMS[form or "number"].write(float(value), self.language)

    def money(self, value: float | None) -> str:
        """An amount with two places; empty where there is none."""
        return "" if value is None else form_of("amount").write(float(value), self.language)

    def count(self, value: float | None) -> str:
        """A count."""
        return _COUNT.write(int(value or 0), self.language)

    def matter(self, item: Mapping[str, Any]) -> str:
        """What a review found, in a sentence."""
        kind = item["kind"]
        return self.word(
            "found",
            "fell_alone" if kind == "fell" and item["child_id"] is None else kind,
            rule=self.rule(item["rule_id"]),
            unit=self.unit(item["org_unit_id"]),
            figure=self.figure(item["kpi"]),
            child=self.unit(item["child_id"] or SELF),
            value=self.number(item["form"], item["value"]),
            reference=self.number(item["form"], item["reference"]),
        )

    def owner(self, item: Mapping[str, Any]) -> str:
        """Who sees to it: the unit, and the member of staff by number."""
        unit = self.unit(item["owner_org_unit_id"]) or self.text("nobody")
        return f"{unit} ({item['owner_staff_id']})" if item["owner_staff_id"] else unit


def document(review: Mapping[str, Any], include: Path, language: Language) -> Document:
    """A review in words.

    Args:
        review: as ``make`` puts it together.
        include: folder of the project's ``include``.
        language: which.
    """
    tell = Teller(include, language, review["names"])
    parts: tuple[Callable[[Teller, Mapping[str, Any]], list[Block]], ...] = (
        _last, _items, _figures, _weakest, _targets, _cases, _by_unit, _worklist, _rules, _coverage,
    )  # fmt: skip
    about = tell.text(
        "about", unit=tell.unit(review["unit"]), **{name: review[name] for name in ("from_on", "to_on", "as_of", "run_id")}
    )  # fmt: skip
    blocks = [Block("text", about), *(block for part in parts for block in part(tell, review))]
    title = tell.word("title", review["span"], period=period_name(review["span"], review["period"]))
    return Document(f"{title}{tell.text('colon')}{tell.unit(review['unit'])}", language, tuple(blocks))


def _last(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    head = Block("heading", tell.text("last"))
    last = review["last"]
    if last is None:
        return [head, Block("text", tell.text("last_none"))]
    name = period_name(review["span"], last["period"])
    if not last["items"]:
        return [head, Block("text", tell.text("last_nothing", period=name))]
    rows = tuple(
        (
            tell.matter(item), tell.owner(item), tell.number(item["form"], item["value"]), tell.number(item["form"], item["judged_value"]),
            tell.word("judged", item["judged_as"]), item["word"] or "",
        )
        for item in last["items"]
    )  # fmt: skip
    columns = ("matter", "owner", "then", "now", "became", "said")
    table = Block("table", tell.text("last"), tuple(map(tell.text, columns)), rows, frozenset({2, 3}))
    return [head, Block("text", tell.text("last_of", period=name)), table]


def _items(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    head = Block("heading", tell.text("items"))
    if not review["items"]:
        return [head, Block("text", tell.text("items_none"))]
    rows = tuple(
        (
            tell.word("kind", item["kind"]),
            tell.matter(item),
            tell.owner(item),
            period_name(review["span"], item["since"]),
        )
        for item in review["items"]
    )
    columns = ("what", "matter", "owner", "since")
    return [head, Block("table", tell.text("items"), tuple(map(tell.text, columns)), rows)]


def _figures(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    head = Block("heading", tell.text("figures"))
    if not review["figures"]:
        return [head, Block("text", tell.text("figures_none"))]
    of = review["figures_of"]
    said = tell.text(
        "figures_of", span=tell.word("span", of["span"]), period=period_name(of["span"], of["period"])
    )
    columns = (
        "figure",
        "value",
        "before",
        "standard",
        "target",
        "reached",
        "forecast",
        "score",
        "rank",
        "open_cases",
    )
    rows = tuple(_figure(tell, row) for row in review["figures"])
    numbers = frozenset(range(1, 10)) - {5}
    table = Block("table", tell.text("figures"), tuple(map(tell.text, columns)), rows, numbers)
    drawn = _trend(tell, tell.text("composite_chart"), tell.text("composite"), of, review["composite"])
    return [head, Block("text", said), *drawn, table]


def _figure(tell: Teller, row: Mapping[str, Any]) -> tuple[str, ...]:
    few = f" ({tell.text('too_few')})" if row["too_few"] else ""
    until = period_name("month", row["forecast_until"]) if row["forecast_until"] else ""
    forecast = tell.number(row["form"], row["forecast"])
    return (
        tell.figure(row["kpi"]),
        tell.number(row["form"], row["value"]) + few,
        *(tell.number(row["form"], row[name]) for name in ("value_before", "standard", "target")),
        "" if row["reached"] is None else tell.text("yes" if row["reached"] else "no"),
        tell.text("forecast_until", value=forecast, until=until) if forecast else "",
        "" if row["score"] is None else f"{row['score']:.0f}",
        str(row["rank"] or ""),
        "" if row["open_cases"] is None else tell.count(row["open_cases"]),
    )


def _trend(
    tell: Teller,
    title: str,
    name: str,
    of: Mapping[str, Any],
    series: Sequence[Mapping[str, Any]],
    times: int = 1,
) -> list[Block]:
    """A figure over time, with what was wanted and what is forecast; nothing where there is no more than one period."""
    if len(series) < 2:
        return []

    def values(key: str) -> list[float | None]:
        return [None if row[key] is None else float(row[key]) * times for row in series]

    ahead = Outlook(
        targets=Series(tell.text("target"), values("target")),
        forecasts=Series(tell.text("forecast"), values("forecast")),
        lows=values("low"),
        highs=values("high"),
    )
    places = [period_name(of["span"], row["period"]) for row in series]
    marked = next((at for at, row in enumerate(series) if row["period"] == of["period"]), None)
    return [Block("chart", title, svg=trend(title, places, Series(name, values("value")), ahead, marked))]


def _weakest(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    row = review["weakest"]
    if not row:
        return []
    name = tell.figure(row["kpi"])
    percent = 100 if row["form"] == "share" else 1
    blocks = [Block("heading", tell.text("weakest", figure=name))]
    blocks += _trend(
        tell, name, name + (" (%)" if percent == 100 else ""), review["figures_of"], row["series"], percent
    )
    if row["moved"]:
        rows = tuple(
            (
                tell.unit(child["child_id"]),
                tell.number(row["form"], child["contribution"]),
                tell.number(row["form"], child["value"]),
            )
            for child in row["moved"]
        )
        heads = tuple(map(tell.text, ("unit", "contribution", "value")))
        blocks.append(Block("table", tell.text("moved"), heads, rows, frozenset({1, 2})))
    return blocks


def _targets(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    head = Block("heading", tell.text("targets"))
    if not review["targets"]:
        return [head, Block("text", tell.text("targets_none"))]
    rows = []
    for row in review["targets"]:
        reached = ""
        if row["reached"] is not None:
            short = tell.text("missing", value=tell.number(row["form"], abs(row["distance"] or 0)))
            reached = tell.text("yes") if row["reached"] else f"{tell.text('no')} ({short})"
        forecast = tell.number(row["form"], row["forecast"])
        if forecast and row["forecast_until"]:
            until = period_name("month", row["forecast_until"])
            sure = (
                ""
                if row["forecast_reached"] is None
                else f", {tell.text('reached')}{tell.text('colon')}{tell.text('yes' if row['forecast_reached'] else 'no')}"
            )
            forecast = tell.text("forecast_until", value=forecast, until=until) + sure
        rows.append((
            tell.figure(row["kpi"]), period_name(row["span"], row["period"]), tell.number(row["form"], row["target"]),
            tell.number(row["form"], row["value"]), reached, forecast,
        ))  # fmt: skip
    heads = tuple(map(tell.text, ("figure", "period", "target", "value", "reached", "forecast")))
    return [head, Block("table", tell.text("targets"), heads, tuple(rows), frozenset({2, 3}))]


def _cases(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    cases, flow = review["cases"], review["flow"]
    counts = tuple((tell.text(name), tell.count(cases.get(name))) for name in (*_HAPPENED, *_STANDING))
    money = tuple(
        (
            tell.text(f"{name}_money"),
            tell.money(cases.get(f"{name}_to_utility") or 0),
            tell.money(cases.get(f"{name}_to_customers") or 0),
        )
        for name in _MONEY
    )
    places = [row["from_on"][5:] if review["span"] != "year" else row["from_on"][:7] for row in flow]
    drawn = chart(
        tell.text("flow"),
        places,
        Series(tell.text("flow_opened"), [row["opened"] for row in flow]),
        Series(tell.text("flow_finished"), [row["finished"] for row in flow], is_of_kind=True),
    )
    return [
        Block("heading", tell.text("cases")),
        Block("chart", tell.text("flow"), svg=drawn),
        Block("table", tell.text("cases"), (tell.text("what"), tell.text("count")), counts, frozenset({1})),
        Block(
            "table",
            tell.text("money"),
            tuple(map(tell.text, ("what", "to_utility", "to_customers"))),
            money,
            frozenset({1, 2}),
        ),
        Block("text", tell.text("exemptions", **{name: tell.count(review["exemptions"].get(name)) for name in ("hold", "begun", "ending")})),
    ]  # fmt: skip


def _by_unit(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    if not review["by_unit"]:
        return []
    rows = tuple(
        (
            tell.text("self") if row["org_unit_id"] == review["unit"] else tell.unit(row["org_unit_id"]),
            *(tell.count(row[name]) for name in ("opened", "verified", "to_do", "overdue")),
            tell.money(row["at_stake_amount"]),
        )
        for row in review["by_unit"]
    )
    heads = tuple(map(tell.text, ("unit", "opened", "verified", "to_do", "overdue", "at_stake")))
    return [
        Block("heading", tell.text("by_unit")),
        Block("table", tell.text("by_unit"), heads, rows, frozenset(range(1, 6))),
    ]


def _worklist(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    head = Block("heading", tell.text("worklist"))
    if not review["worklist"]:
        return [head, Block("text", tell.text("worklist_none"))]
    rows = tuple(
        (
            row["week"],
            tell.unit(row["org_unit_id"]),
            tell.post(row["post"]),
            tell.count(row["listed"]),
            tell.count(row["done"]),
        )
        for row in review["worklist"]
    )
    heads = tuple(map(tell.text, ("week", "unit", "post", "listed", "done")))
    return [head, Block("table", tell.text("worklist"), heads, rows, frozenset({3, 4}))]


def _rules(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    head = Block("heading", tell.text("rules"))
    if not review["rules"]:
        return [head, Block("text", tell.text("rules_none"))]
    rows = tuple(
        (
            tell.rule(row["rule_id"]), tell.count(row["opened"]), tell.count(row["decided"]), tell.number("share", row["confirmed_share"]),
            tell.money(row["recovered_amount"]), tell.money(row["amount_per_hour"]), tell.text("proposal") if row["is_in_question"] else "",
        )
        for row in review["rules"]
    )  # fmt: skip
    heads = tuple(map(tell.text, ("rule", "opened", "decided", "confirmed_share", "recovered", "per_hour")))
    return [
        head,
        Block("table", tell.text("rules"), (*heads, tell.text("proposed")), rows, frozenset(range(1, 6))),
    ]


def _coverage(tell: Teller, review: Mapping[str, Any]) -> list[Block]:
    counts = {name: tell.count(value) for name, value in review["coverage"].items()}
    said = (
        tell.text("coverage_is", **counts) if review["coverage"].get("rules") else tell.text("coverage_none")
    )
    blocks = [Block("heading", tell.text("coverage")), Block("text", said)]

    def listed(name: str, heads: tuple[str, ...], rows: tuple[tuple[str, ...], ...], numbers: int) -> None:
        if rows:
            titles = tuple(map(tell.text, heads))
            blocks.append(Block("table", tell.text(name), titles, rows, frozenset(range(1, numbers + 1))))

    holes = tuple(
        (
            tell.rule(row["rule_id"]), tell.count(row["should_check"]), tell.count(row["not_checked"]),
            tell.number("share", row["share"]), tell.unit(row["worst_unit"]),
        )
        for row in review["holes"]
    )  # fmt: skip
    listed("holes", ("rule", "should_check", "not_checked", "share", "worst_unit"), holes, 3)
    braked = tuple(
        (tell.rule(row["rule_id"]), tell.number("share", row["share"]), str(row["opened_on"]))
        for row in review["braked"]
    )
    if not braked:
        blocks.append(Block("text", tell.text("braked_none")))
    listed("braked", ("rule", "share", "since_day"), braked, 1)
    floods = tuple(
        (tell.rule(row["rule_id"]), tell.number("share", row["share"])) for row in review["floods"]
    )
    listed("floods", ("rule", "share"), floods, 1)
    return blocks
