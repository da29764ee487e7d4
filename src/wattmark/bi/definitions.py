"""What dashboards are made of, as ``include/bi`` says it: data sets, words, and one file a dashboard.

Columns, their types and what they mean are the marts' own; here stands only what charts show of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wattmark.code_names import Language
from wattmark.errors import SettingsError
from wattmark.yamlfile import line_of, read_mapping

Viz = Literal["number", "table", "rows", "line", "bar", "mixed", "pivot", "pie"]
"""number: one figure; table: figures by what they are grouped by; rows: rows as they are; mixed: bars of the first metrics
and lines of ``lines``; pivot: figures by ``by`` down and ``across``."""
COLUMNS = 12
"""Of a dashboard, in Superset's own measure."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Part):
    """A text in both languages."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)

    def told(self, language: Language) -> str:
        """The text in one of them."""
        return self.en if language == "en" else self.zh


class Name(Words):
    """What a column or metric is called, and how its numbers are written where its name does not say so."""

    form: Literal["money", "percent", "whole", "plain"] | None = None


class Computed(_Part):
    """A column that a data set has beside those of its mart: ``t`` is the mart, and what ``joins`` call by name."""

    sql: str
    type: Literal["string", "integer", "decimal", "double", "date", "boolean"] = "string"
    doc: str = Field(min_length=5)


class DataSet(_Part):
    """What Superset reads of one mart."""

    month: str | None = None
    """Date column that is told as ``month``, YYYY-MM: what filters choose by."""
    unit: str | None = None
    """Column with a unit's id: the unit's name is told as ``unit``, those above it as ``county`` and ``city``."""
    rule: str | None = None
    """Column with a rule's id: its title is told as ``rule``, its family as ``rule_family_name``."""
    joins: tuple[str, ...] = ()
    columns: dict[str, Computed] = Field(default_factory=dict)
    sums: tuple[str, ...] = ()
    """Columns whose sum is a metric, named ``sum_`` and the column."""
    metrics: dict[str, str] = Field(default_factory=dict)
    """Other metrics: SQL over the columns of the data set, by name."""


class Chart(_Part):
    """One chart of a dashboard."""

    title: Words
    note: Words | None = None
    table: str
    viz: Viz
    metrics: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    across: tuple[str, ...] = ()
    x: str | None = None
    columns: tuple[str, ...] = ()
    where: str | None = None
    order: tuple[str, ...] = ()
    """Metrics or columns, each with ``-`` before it where the largest comes first."""
    limit: int = Field(200, ge=1, le=10_000)
    stack: bool = False
    horizontal: bool = False
    """Bars that lie."""
    width: int | None = Field(None, ge=2, le=COLUMNS)
    height: int | None = Field(None, ge=10, le=120)
    """In Superset's measure of 8 px."""


class Filter(_Part):
    """What a reader may choose by: every chart whose data set has the column follows, but those that are left out."""

    column: str
    table: str
    """Mart whose values are offered."""
    several: bool = True
    first: bool = False
    """The first value is chosen until the reader chooses another."""
    order: str | None = None
    """Metric of the data set that the values are ordered by; by themselves where left out. ``-``: the largest first."""
    descending: bool = False
    below: str | None = None
    """Filter whose choice narrows what is offered."""
    leave_out: tuple[str, ...] = ()


class Dashboard(_Part):
    """One file of ``include/bi/dashboards``."""

    title: Words
    description: Words
    filters: tuple[Filter, ...] = ()
    rows: tuple[tuple[str, ...], ...] = Field(min_length=1)
    charts: dict[str, Chart]


@dataclass(frozen=True)
class Definitions:
    """All of ``include/bi``; ``words`` are what columns and metrics are called, by name."""

    dashboards: dict[str, Dashboard]
    data_sets: dict[str, DataSet]
    words: dict[str, Name]
    folder: Path


def load_definitions(include: Path) -> Definitions:
    """Read ``include/bi``.

    Raises:
        SettingsError: a file has not the form wanted, or a row names a chart that is not there; names file and line.
    """
    folder = include / "bi"
    dashboards = {path.stem: _dashboard(path) for path in sorted((folder / "dashboards").glob("*.yaml"))}
    return Definitions(
        dashboards=dashboards,
        data_sets=_each(folder / "datasets.yaml", DataSet),
        words=_each(folder / "words.yaml", Name),
        folder=folder,
    )


PartT = TypeVar("PartT", bound=_Part)


def _each(path: Path, kind: type[PartT]) -> dict[str, PartT]:
    return {name: _checked(path, [name], kind, body) for name, body in read_mapping(path).items()}


def _checked(path: Path, keys: list[str], kind: type[PartT], body: Any) -> PartT:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = [*keys, *map(str, first["loc"])]
        raise _wrong(path, at, f"{'.'.join(at)}: {first['msg']}.") from None


def _dashboard(path: Path) -> Dashboard:
    found = _checked(path, [], Dashboard, read_mapping(path))
    placed = [name for row in found.rows for name in row]
    for name in sorted(set(placed) ^ set(found.charts)):
        raise _wrong(
            path, ["rows"], f"{name} is {'in no row' if name in found.charts else 'no chart of charts'}."
        )
    if len(set(placed)) != len(placed):
        raise _wrong(path, ["rows"], "a chart stands in two places.")
    for row in found.rows:
        if sum(width_of(found, row, name) for name in row) > COLUMNS:
            raise _wrong(path, ["rows"], f"{', '.join(row)} are wider than {COLUMNS} columns.")
    for each in found.filters:
        for name in each.leave_out:
            if name not in found.charts:
                raise _wrong(
                    path, ["filters"], f"{each.column} leaves out {name}, which is no chart of charts."
                )
        if each.below and each.below not in [other.column for other in found.filters]:
            raise _wrong(path, ["filters"], f"{each.column} lies below {each.below}, which is no filter.")
    return found


def width_of(dashboard: Dashboard, row: tuple[str, ...], name: str) -> int:
    """Columns that a chart takes: its own, or its part of what the others of its row leave."""
    own = dashboard.charts[name].width
    if own is not None:
        return own
    taken = [dashboard.charts[other].width for other in row]
    free = [width for width in taken if width is None]
    return max(1, (COLUMNS - sum(width or 0 for width in taken)) // len(free))


def _wrong(path: Path, keys: list[Any], problem: str) -> SettingsError:
    return SettingsError(
        "bi.definition",
        f"{path}:{line_of(path, keys) or 1}: {problem}",
        "Correct the file; docs/bi.md has its form.",
    )
