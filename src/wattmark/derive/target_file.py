"""Targets of key figures, which a utility writes into ``targets.yaml`` of its home; errors name file, line and key."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from wattmark.derive.kpi import COMPOSITE, figures
from wattmark.engine.catalog import Catalog, meant
from wattmark.engine.sqlfile import SqlFile
from wattmark.errors import SettingsError, WattmarkError, together
from wattmark.home import Home
from wattmark.yamlfile import line_of, read_mapping

EVERY_UNIT = "*"
"""Stands for each unit that has no target of its own for the figure and period."""
MOST = 5_000
"""Targets of one file: a figure of each month for some hundred units."""

_PERIOD = re.compile(r"(20\d\d)(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?")
_SHOWN = 20
"""Mistakes that are told one by one."""
_HIGHEST = {"share": 1.0, COMPOSITE: 100.0}
_REMEDY = "docs/cases.md says what a target is made of."
_Mistake = tuple[Sequence[str | int], str, str]
"""Where it is, what is wrong, and what to do."""


class Target(BaseModel):
    """What one figure of one unit is to be in one period."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_strip_whitespace=True)

    figure: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)
    """Name of a key figure, or ``composite``."""
    unit: str = Field(min_length=1, max_length=200)
    """``org_unit_id``; ``*`` for every unit without a target of its own."""
    period: str
    """A month as 2026-09, a quarter as 2026-Q3, a year as 2026."""
    value: float = Field(ge=0, allow_inf_nan=False)
    """What the figure is to be, in its own unit: a share as 0.95."""

    @field_validator("unit", mode="before")
    @classmethod
    def _unit_is_text(cls, unit: Any) -> Any:
        if unit is None:
            raise ValueError("it names no unit; write '*' for every unit")
        if not isinstance(unit, str):
            raise ValueError("write the unit in quotes, so that it stays as it is written")
        if not unit.isprintable():
            raise ValueError("it holds a character that cannot be printed")
        return unit

    @field_validator("period", mode="before")
    @classmethod
    def _period_is_known(cls, period: Any) -> str:
        text = str(period) if type(period) in (int, str) else ""
        if not _PERIOD.fullmatch(text):
            raise ValueError("write a month as 2026-09, a quarter as 2026-Q3 or a year as 2026")
        return text

    @field_validator("value", mode="before")
    @classmethod
    def _value_is_number(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("write a number, a share as 0.95")
        return value

    @property
    def span(self) -> Literal["month", "quarter", "year"]:
        """How long the period is."""
        return "year" if len(self.period) == 4 else "quarter" if "Q" in self.period else "month"

    @property
    def first_day(self) -> dt.date:
        """First day of the period."""
        found = _PERIOD.fullmatch(self.period)
        assert found is not None  # noqa: S101 - checked when it was made
        year, month, quarter = found.groups()
        return dt.date(int(year), int(month) if month else 3 * int(quarter) - 2 if quarter else 1, 1)


class _File(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    targets: list[Target] = Field(default_factory=list, max_length=MOST)

    @field_validator("targets", mode="before")
    @classmethod
    def _none_is_none(cls, targets: Any) -> Any:
        return [] if targets is None else targets


def read_targets(home: Path, catalog: Catalog) -> list[Target]:
    """All targets of a home, in their order; none where it has no ``targets.yaml``.

    Whether a unit is there is known at night alone (``core.kpi_target``).

    Raises:
        WattmarkError: all that is wrong, each thing with file, line and key.
    """
    path = Home(home).targets
    # A link that leads nowhere is a mistake, not a file that is not there.
    if not os.path.lexists(path):
        return []
    document = read_mapping(path)
    mistaken: list[_Mistake] = []
    try:
        found = list(enumerate(_File.model_validate(document).targets))
    except ValidationError as error:
        mistaken = [
            (mistake["loc"], str(mistake["msg"]).removeprefix("Value error, "), _REMEDY)
            for mistake in error.errors()
        ]
        found = list(_right(document.get("targets")))
    # Those that are right in themselves are looked at all the same, so that all is told at once.
    mistaken += [*_not_of_figures(found, catalog), *_twice(found)]
    if mistaken:
        wrong = [_error(path, keys, message, remedy) for keys, message, remedy in mistaken[:_SHOWN]]
        raise together(_and_more(wrong, path, len(mistaken)))
    return [target for _, target in found]


def _right(entries: Any) -> Iterator[tuple[int, Target]]:
    """Entries of a list that are targets, each with its place."""
    for at, entry in enumerate(entries[:MOST] if isinstance(entries, list) else ()):
        with contextlib.suppress(ValidationError):
            yield at, Target.model_validate(entry)


def _not_of_figures(targets: Sequence[tuple[int, Target]], catalog: Catalog) -> Iterator[_Mistake]:
    """Figures that are not there, and values and periods that they cannot have."""
    known: dict[str, SqlFile] = {file.table: file for file in figures(catalog)}
    names = [*known, COMPOSITE]
    for at, target in targets:
        if target.figure not in names:
            remedy = f"{meant(target.figure, names)} There are {', '.join(names)}.".strip()
            yield ["targets", at, "figure"], f"there is no key figure {target.figure}", remedy
            continue
        header = known[target.figure].header if target.figure in known else {"form": COMPOSITE}
        most = _HIGHEST.get(header["form"])
        if most is not None and target.value > most:
            said = f"{target.figure} is a share" if most == 1 else "the composite goes up to 100"
            remedy = f"Write a number from 0 to {most:g}, such as {0.95 * most:g}."
            yield ["targets", at, "value"], f"{target.value:g} is above {most:g}; {said}", remedy
        if header.get("as_of_only") and target.span != "month":
            remedy = "Name the month at whose end it is to hold, such as 2026-12."
            yield ["targets", at, "period"], f"{target.figure} is known by month alone", remedy


def _twice(targets: Sequence[tuple[int, Target]]) -> Iterator[_Mistake]:
    """Targets of a figure, unit and period that has one already."""
    first: dict[tuple[str, str, str], int] = {}
    for at, target in targets:
        before = first.setdefault((target.figure, target.unit, target.period), at)
        if before != at:
            said = f"{target.figure} of unit {target.unit} has a target for {target.period} already: targets.{before}"
            yield ["targets", at], said, "Leave one of the two."


def _error(path: Path, keys: Sequence[str | int], said: str, remedy: str) -> SettingsError:
    line = line_of(path, keys) or 1
    # A key may have been written with escapes.
    key = ".".join(text if text.isprintable() else ascii(text) for text in map(str, keys))
    return SettingsError("targets.invalid", f"{path}:{line}: {key or 'file'}: {said}.", remedy)


def _and_more(wrong: list[SettingsError], path: Path, count: int) -> Iterator[WattmarkError]:
    yield from wrong
    if count > len(wrong):
        yield SettingsError(
            "targets.invalid", f"{path}:1: {count - len(wrong)} more mistakes like these.", _REMEDY
        )
