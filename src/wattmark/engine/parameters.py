"""Typed, bounded parameters that SQL headers declare and a utility overrides.

A scalar parameter stands in SQL as ``$name``. A list, a map or a table of values stands there as the
relation ``param.name`` with the columns its declaration names. A default may be dated, and so may what a utility
puts in its place (``wattmark.engine.dated``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from wattmark.engine.dated import is_dated, over, steps_of
from wattmark.errors import SettingsError
from wattmark.folding import fold

SCALARS = {"number", "integer", "string", "boolean", "date"}
RELATIONS = {"list", "map", "map_of_lists", "map_of_tuples", "rows"}


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    ``type`` is a scalar type (number, integer, string, boolean, date) or a relation: ``list`` (one
    column), ``map`` (key, value), ``map_of_lists`` (key, item; an empty list gives one row with an
    empty item), ``map_of_tuples`` (key and the tuple's items), ``rows`` (a list of lists).
    ``columns`` names the relation's columns and their contract types; ``folded`` names one more for a list of texts, each
    NFKC and case folded, as in ``core.text_key.folded``. ``same_as`` names the parameter whose
    declaration and value this one takes, ``owner.parameter``; it cannot be set by itself.
    """

    name: str
    type: str
    default: Any
    doc: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    folded: str = ""
    same_as: str = ""

    def check(self, value: Any, where: str) -> Any:
        """Return the value, dated or not, if it fits the declaration.

        A scalar may be empty where the default is at some time.

        Raises:
            SettingsError: wrong type, out of bounds, or rows of another width; ``where`` names the place.
        """

        def refuse(why: str) -> SettingsError:
            return SettingsError(
                "parameter.invalid",
                f"{where}: parameter {self.name}: {why}.",
                f"It is: {self.doc or self.type}.",
            )

        try:
            steps = steps_of(value)
        except ValueError as error:
            raise refuse(str(error)) from None
        for step in steps:
            self._check_one(step.value, refuse)
        return value

    def _check_one(self, value: Any, refuse: Any) -> None:
        if self.type in RELATIONS:
            rows = self._rows(value, refuse)
            width = len(self.columns)
            for row in rows:
                if len(row) != width:
                    raise refuse(
                        f"a row has {len(row)} values where {width} are wanted ({', '.join(self.columns)})"
                    )
                for (column, kind), item in zip(self.columns.items(), row, strict=True):
                    if item is not None:
                        self._scalar(
                            item,
                            {"double": "number"}.get(kind, kind),
                            lambda why, c=column: refuse(f"{c}: {why}"),
                        )
            return
        if value is None and any(step.value is None for step in steps_of(self.default)):
            return
        self._scalar(value, self.type, refuse)
        if self.minimum is not None and value < self.minimum:
            raise refuse(f"{value} is below the lowest allowed, {self.minimum}")
        if self.maximum is not None and value > self.maximum:
            raise refuse(f"{value} is above the highest allowed, {self.maximum}")
        if self.choices and value not in self.choices:
            raise refuse(f"{value!r} is not one of {', '.join(map(str, self.choices))}")

    def in_place(self, value: Any) -> Any:
        """A utility's value where it has one for the day, the default on the days before it begins."""
        return over(self.default, value)

    @property
    def is_dated(self) -> bool:
        """Whether the default changes with the calendar."""
        return is_dated(self.default)

    @staticmethod
    def _scalar(value: Any, kind: str, refuse: Any) -> None:
        good = {
            "number": isinstance(value, (int, float)) and not isinstance(value, bool),
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "string": isinstance(value, (str, int, float)) and not isinstance(value, bool),
            "boolean": isinstance(value, bool),
            "date": isinstance(value, dt.date),
        }[kind]
        if not good:
            raise refuse(f"{value!r} is not a {kind}")

    def _rows(self, value: Any, refuse: Any) -> list[tuple[Any, ...]]:
        if self.type in ("list", "rows"):
            if not isinstance(value, list):
                raise refuse(f"{value!r} is not a list")
            return [tuple(item) if isinstance(item, list) else (item,) for item in value]
        if not isinstance(value, dict):
            raise refuse(f"{value!r} is not a map")
        keys_are_numbers = next(iter(self.columns.values()), "string") in ("double", "integer")
        rows: list[tuple[Any, ...]] = []
        for raw_key, item in value.items():
            key: Any = raw_key
            if keys_are_numbers:
                try:
                    key = float(raw_key)
                except (TypeError, ValueError):
                    raise refuse(f"key {raw_key!r} is not a number") from None
            else:
                key = str(raw_key)
            if self.type == "map":
                rows.append((key, item))
            elif not isinstance(item, list):
                raise refuse(f"the value of {raw_key!r} is not a list")
            elif self.type == "map_of_tuples":
                rows.append((key, *item))
            else:
                rows.extend((key, member) for member in (item or [None]))
        return rows

    def rows(self, value: Any) -> list[tuple[Any, ...]]:
        """The rows of a relation parameter, in the order of ``columns``; of a value that is not dated."""

        def refuse(why: str) -> SettingsError:
            return SettingsError("parameter.invalid", f"parameter {self.name}: {why}.")

        rows = self._rows(value, refuse)
        return [(*row, fold(str(row[0] or ""))) for row in rows] if self.folded else rows

    @property
    def relation_columns(self) -> dict[str, str]:
        """Columns of ``rows``, ``folded`` included."""
        return {**self.columns, self.folded: "string"} if self.folded else self.columns


def declare(name: str, raw: Any, where: str) -> Parameter:
    """Make a parameter from its declaration in a header.

    Raises:
        SettingsError: the declaration, or its own default, is wrong.
    """
    if not isinstance(raw, dict) or raw.get("type") not in SCALARS | RELATIONS:
        raise SettingsError(
            "parameter.declaration",
            f"{where}: parameter {name}: type must be one of {', '.join(sorted(SCALARS | RELATIONS))}.",
        )
    unknown = set(raw) - {
        "type",
        "default",
        "doc",
        "minimum",
        "maximum",
        "choices",
        "columns",
        "folded",
        "same_as",
    }
    if unknown or "default" not in raw:
        raise SettingsError(
            "parameter.declaration",
            f"{where}: parameter {name}: {'unknown key ' + ', '.join(sorted(unknown)) if unknown else 'default is missing'}.",
        )
    parameter = Parameter(name=name, **{**raw, "choices": tuple(raw.get("choices", ()))})
    if parameter.type in RELATIONS and not parameter.columns:
        raise SettingsError("parameter.declaration", f"{where}: parameter {name}: columns are missing.")
    parameter.check(parameter.default, where)
    if steps_of(parameter.default)[0].since is not None:
        raise SettingsError(
            "parameter.declaration", f"{where}: parameter {name}: the first value of a default has no from."
        )
    return parameter
