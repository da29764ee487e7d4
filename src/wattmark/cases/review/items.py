"""What a review finds, and what became of what the last one found: each matter by the same figure, share or count."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from wattmark.cases.performance import questions
from wattmark.cases.review.collect import COMPOSITE, TO_DO, Row, Shown, Units, braked, floods, holes
from wattmark.cases.review.spans import Period
from wattmark.publish.findings import asked
from wattmark.settings import Settings

KINDS = {
    "braked": ("day",),
    "flood": ("day",),
    "overdue_high": ("day",),
    "overdue": ("week",),
    "not_checked": ("week",),
    "rule_in_question": ("month",),
    "target_missed": ("month", "quarter", "year"),
    "below_floor": ("month", "quarter", "year"),
    "weakest": ("month", "quarter", "year"),
    "fell": ("month", "quarter", "year"),
}
"""Kinds of matters, in their order, and the reviews that look for each: a matter is in one review, not in those of all spans."""
MOST_OF_A_KIND = 20
SELF = "self"
_SAME = 1e-9

_VALUES = """
SELECT k.id AS org_unit_id, k.kpi, k.value, k.score, k.too_few, d.better, d.form, d.standard, d.floor, d.weight, b.value AS value_before, b.score AS score_before
FROM mart.audit_kpi AS k LEFT JOIN mart.dim_kpi AS d ON d.kpi = k.kpi
LEFT JOIN mart.audit_kpi AS b ON b.level = k.level AND b.id = k.id AND b.span = k.span AND b.kpi = k.kpi AND b.period = %(before)s
WHERE k.level = 'org_unit' AND k.span = %(span)s AND k.period = %(period)s AND k.value IS NOT NULL
"""
_MISSED = """
SELECT t.id AS org_unit_id, t.kpi, t.value, t.target, d.better, d.form, d.weight FROM mart.audit_kpi_target AS t LEFT JOIN mart.dim_kpi AS d ON d.kpi = t.kpi
WHERE t.level = 'org_unit' AND t.span = %(span)s AND t.period = %(period)s AND t.is_over AND NOT t.reached
"""
_MOVED_MOST = """
SELECT child_id FROM mart.audit_kpi_change WHERE level = 'org_unit' AND id = %(unit)s AND span = %(span)s AND period = %(period)s AND kpi = %(kpi)s
  AND contribution * %(sign)s < 0 ORDER BY ABS(contribution) DESC, child_id LIMIT 1
"""
_OVERDUE = """
SELECT COALESCE(c.assigned_org_unit_id, c.org_unit_id) AS org_unit_id, COUNT(*) AS overdue, COUNT(*) FILTER (WHERE c.severity = 'high') AS overdue_high
FROM mart.audit_case AS c WHERE c.subject_type <> 'rule' AND c.root_cause_case_id IS NULL AND c.state = ANY(%(to_do)s) AND c.due_on <= %(as_of)s GROUP BY 1
"""
_COVERED = """
SELECT v.rule_id, v.flagged_share, v.not_checked::float / NULLIF(v.should_check, 0) AS not_checked_share FROM mart.audit_coverage AS v
"""


@dataclass(frozen=True)
class Item:
    """A matter that a review found: a row of ``ops.review_item`` without what became of it.

    ``value``, ``reference``: the figure, share or count, and what it is held against; ``better`` says which way is good.
    """

    kind: str
    org_unit_id: str | None
    value: float
    better: str
    form: str
    kpi: str | None = None
    rule_id: str | None = None
    child_id: str | None = None
    reference: float | None = None
    since: dt.date | None = None
    owner_org_unit_id: str | None = None
    owner_staff_id: str | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def matter(self) -> tuple[str, str | None, str | None, str | None]:
        """What it is about: the same in every review that finds it."""
        return self.kind, self.org_unit_id, self.kpi, self.rule_id


@dataclass(frozen=True)
class Fate:
    """What became of a matter: ``mended``, ``better``, ``unchanged`` or ``worse``; the value now, None where there is none."""

    judged_as: str
    value: float | None


class Look:
    """The published night as a review of a period sees it: what it finds, and the value of any matter now."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        settings: Settings,
        period: Period,
        as_of: dt.date,
        units: Units,
        shown: Shown | None,
    ) -> None:
        self._connection = connection
        self._period, self._units, self._shown = period, units, shown
        self._limit = settings.cases.hole_share
        self._settings = settings
        tree = list(units.rows)
        self._values: dict[tuple[str, str], Row] = {}
        self._missed: list[Row] = []
        if shown is not None:
            at = {"span": shown.span, "period": shown.period}
            self._values = {
                (row["org_unit_id"], row["kpi"]): row
                for row in asked(connection, _VALUES, **at, before=shown.before)
            }
            self._missed = asked(connection, _MISSED, **at)
        overdue = asked(connection, _OVERDUE, to_do=list(TO_DO), as_of=as_of)
        self._overdue = {row["org_unit_id"] or units.top: row for row in overdue}
        self._braked = {row["rule_id"]: row for row in braked(connection)}
        self._floods = {row["rule_id"]: row for row in floods(connection)}
        self._holes = {row["rule_id"]: row for row in holes(connection, tree, self._limit)}
        self._coverage = {row["rule_id"]: row for row in asked(connection, _COVERED)}
        self._questions = {question.rule_id: question for question in questions(connection)}

    def found(self) -> list[Item]:
        """All matters that the review of this span looks for, in the order in which they are told; the most grave of each kind."""
        finders: dict[str, Callable[[], Iterable[Item]]] = {
            "braked": self._find_braked,
            "flood": self._find_floods,
            "overdue_high": lambda: self._find_overdue("overdue_high"),
            "overdue": lambda: self._find_overdue("overdue"),
            "not_checked": self._find_holes,
            "rule_in_question": self._find_questions,
            "target_missed": self._find_missed,
            "below_floor": self._find_below_floor,
            "weakest": self._find_weakest,
            "fell": self._find_fallen,
        }
        return [
            item
            for kind, spans in KINDS.items()
            if self._period.span in spans
            for item in list(finders[kind]())[:MOST_OF_A_KIND]
        ]

    def fate(self, item: Item) -> Fate:
        """What became of a matter, on this night's data."""
        now = self._now(item)
        if item.rule_id is not None and self._is_over(item.kind, item.rule_id):
            return Fate("mended", now)
        if now is None:
            return Fate("unchanged", None)
        if item.rule_id is None and self._is_mended(item, now):
            return Fate("mended", now)
        return Fate(compared(item.value, now, item.better), now)

    def carried(self, item: Item, fate: Fate) -> Item:
        """A matter that is not mended, as the next review holds it."""
        return replace(item, value=item.value if fate.value is None else fate.value)

    # --- the value of a matter now ---

    def _now(self, item: Item) -> float | None:
        if item.kpi is not None:
            row = self._values.get((item.org_unit_id or "", item.kpi))
            return None if row is None or row["too_few"] else float(row["value"])
        if item.kind in ("overdue", "overdue_high"):
            row = self._overdue.get(item.org_unit_id)
            return float(row[item.kind]) if row else 0.0
        return self._of_rule(item.kind, item.rule_id or "")

    def _of_rule(self, kind: str, rule_id: str) -> float | None:
        if kind == "rule_in_question":
            question = self._questions.get(rule_id)
            return float(question.confirmed_share) if question else None
        row = self._coverage.get(rule_id)
        share = row["not_checked_share" if kind == "not_checked" else "flagged_share"] if row else None
        return None if share is None else float(share)

    def _is_over(self, kind: str, rule_id: str) -> bool:
        """Whether a rule is not braked, flooding, held up or in question any more."""
        standing: dict[str, Mapping[str, Any]] = {
            "braked": self._braked, "flood": self._floods, "not_checked": self._holes, "rule_in_question": self._questions,
        }  # fmt: skip
        return rule_id not in standing[kind]

    def _is_mended(self, item: Item, now: float) -> bool:
        gain = (now - item.value) * (1 if item.better == "high" else -1)
        if item.kind in ("weakest", "below_floor"):
            score = self._values[(item.org_unit_id or "", item.kpi or "")]["score"]
            if item.kind == "below_floor" or score == 100:
                return score is not None and score > 0
            return gain > _SAME and self._weakest_of(item.org_unit_id) != item.kpi
        if item.kind in ("fell", "target_missed"):
            return item.reference is not None and _reaches(now, item.reference, item.better)
        return now == 0.0

    # --- what is found ---

    def _find_braked(self) -> Iterable[Item]:
        limit = self._settings.cases.brake_share
        for rule_id, row in self._braked.items():
            yield self._of(rule_id, "braked", float(row["share"]), limit, flagged=row["flagged"])

    def _find_floods(self) -> Iterable[Item]:
        for rule_id, row in self._floods.items():
            if rule_id not in self._braked:
                yield self._of(rule_id, "flood", float(row["share"]), None, flagged=row["flagged"])

    def _find_holes(self) -> Iterable[Item]:
        for rule_id, row in self._holes.items():
            counts = {"should_check": row["should_check"], "not_checked": row["not_checked"]}
            item = self._of(rule_id, "not_checked", float(row["share"]), self._limit, **counts)
            yield replace(item, child_id=row["worst_unit"])

    def _find_questions(self) -> Iterable[Item]:
        for rule_id, question in self._questions.items():
            item = self._of(
                rule_id, "rule_in_question", float(question.confirmed_share), self._settings.cases.tighten_share,
                decided=question.decided, confirmed=question.confirmed,
            )  # fmt: skip
            # The more of its cases are confirmed, the better.
            yield replace(item, better="high")

    def _of(self, rule_id: str, kind: str, share: float, limit: float | None, **figures: Any) -> Item:
        return Item(
            kind, self._units.top, share, "low", "share", rule_id=rule_id, reference=limit, figures=figures
        )

    def _find_overdue(self, kind: str) -> Iterable[Item]:
        rows = [(unit, row[kind]) for unit, row in self._overdue.items() if row[kind]]
        for unit, count in sorted(rows, key=lambda row: (-row[1], row[0] or "")):
            yield Item(kind, unit, float(count), "low", "number")

    def _find_missed(self) -> Iterable[Item]:
        for row in sorted(self._missed, key=self._grave):
            yield self._figure("target_missed", row, row["target"])

    def _find_below_floor(self) -> Iterable[Item]:
        below = {at: row for at, row in self._values.items() if not row["too_few"] and row["score"] == 0}
        # Where a unit is below the floor as a whole, those in it are not told apart.
        alone = [
            row
            for (unit, kpi), row in below.items()
            if not any((above, kpi) in below for above in self._units.upwards(unit)[1:])
        ]
        for row in sorted(alone, key=self._grave):
            yield self._figure("below_floor", row, row["floor"])

    def _find_weakest(self) -> Iterable[Item]:
        top = self._units.top
        kpi = self._weakest_of(top)
        if top is not None and kpi is not None:
            row = self._values[(top, kpi)]
            # What is below its floor is told already, and a figure that is as good as can be is no weakness.
            if 0 < row["score"] < 100:
                yield self._figure("weakest", row, row["standard"])

    def _weakest_of(self, unit: str | None) -> str | None:
        scored = [
            (row["score"], kpi)
            for (at_unit, kpi), row in self._values.items()
            if at_unit == unit and kpi != COMPOSITE and row["score"] is not None
        ]
        return min(scored)[1] if scored else None

    def _find_fallen(self) -> Iterable[Item]:
        top, shown = self._units.top, self._shown
        fallen = [
            (row["score"] - row["score_before"], kpi)
            for (at_unit, kpi), row in self._values.items()
            if at_unit == top
            and kpi != COMPOSITE
            and row["score"] is not None
            and row["score_before"] is not None
        ]
        if not fallen or top is None or shown is None:
            return
        change, kpi = min(fallen)
        if change >= 0:
            return
        row = self._values[(top, kpi)]
        sign = 1 if row["better"] == "high" else -1
        moved = asked(
            self._connection, _MOVED_MOST, unit=top, span=shown.span, period=shown.period, kpi=kpi, sign=sign
        )
        item = self._figure("fell", row, row["value_before"])
        yield replace(item, child_id=moved[0]["child_id"] if moved else None)

    def _figure(self, kind: str, row: Row, reference: float | None) -> Item:
        return Item(
            kind, row["org_unit_id"], float(row["value"]), row["better"] or "high", row["form"] or "number",
            kpi=row["kpi"], reference=None if reference is None else float(reference),
        )  # fmt: skip

    def _grave(self, row: Row) -> tuple[Any, ...]:
        """High units first, then what weighs most."""
        return self._units.depth(row["org_unit_id"]), -(row["weight"] or 0), row["kpi"], row["org_unit_id"]


def _reaches(value: float, wanted: float, better: str) -> bool:
    return value >= wanted - _SAME if better == "high" else value <= wanted + _SAME


def compared(before: float, now: float, better: str) -> str:
    """Whether a value is better, worse or unchanged."""
    gain = (now - before) * (1 if better == "high" else -1)
    return "unchanged" if abs(gain) <= _SAME else "better" if gain > 0 else "worse"


def following(
    look: Look, previous: Sequence[Item], done: Iterable[Any]
) -> tuple[list[Item], dict[Any, Fate]]:
    """What a review holds after another: what it finds, and what the other found that is not mended.

    Args:
        look: the night.
        previous: items of the review before.
        done: matters of these that a person has closed; they come again only where they are found again.

    Returns:
        items, each matter once, and the fate of each earlier one by its matter.
    """
    fates = {item.matter: look.fate(item) for item in previous}
    before = {item.matter: item for item in previous}
    closed = set(done)
    items = {}
    for item in look.found():
        earlier = before.get(item.matter)
        items[item.matter] = replace(item, since=earlier.since) if earlier else item
    for matter, item in before.items():
        if matter not in items and matter not in closed and fates[matter].judged_as != "mended":
            items[matter] = look.carried(item, fates[matter])
    order = list(KINDS)
    # A sort that keeps the order of what was found.
    return sorted(items.values(), key=lambda item: order.index(item.kind)), fates
