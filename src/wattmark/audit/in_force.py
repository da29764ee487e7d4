"""Whether a rule is in force: on the run's day, or row by row on the day that its ``on`` column says; and where.

A rule is off before ``valid_from``. After ``valid_to`` it goes on as a listing, or is off. A rule that rests on the
regulation of one country is off in another one, and any rule where the utility switches it off; ``audit.rules`` of
the settings says both. All that runs a rule reads its rows here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from sqlglot import exp

from wattmark.audit.rules import KIND, Rule
from wattmark.engine.catalog import meant
from wattmark.engine.dated import is_dated, spans_of
from wattmark.engine.parameters import RELATIONS
from wattmark.engine.session import Session
from wattmark.engine.sqlfile import by_day, literal
from wattmark.errors import SettingsError
from wattmark.settings import Settings, place


def is_on(rule: Rule, settings: Settings) -> bool:
    """Whether a utility uses a rule, whatever the day."""
    own = settings.audit.rules.get(rule.rule_id)
    if own is not None and own.enabled is not None:
        return own.enabled
    return rule.country in ("", settings.utility.country)


def kind_on(rule: Rule, day: dt.date) -> str | None:
    """exception or listing, as a rule finds on a day; None where it is off."""
    if rule.valid_from is not None and day < rule.valid_from:
        return None
    if rule.valid_to is not None and day > rule.valid_to:
        return None if rule.after == "off" else "listing"
    return rule.kind


def refuse_unknown(rules: Iterable[str], settings: Settings) -> None:
    """Hold ``audit.rules`` of the settings against the rules there are.

    Raises:
        SettingsError: it names a rule that does not exist.
    """
    known = list(rules)
    for rule_id in settings.audit.rules:
        if rule_id not in known:
            where = place(settings.home, settings.project, ["audit", "rules", rule_id])
            raise SettingsError(
                "rule.unknown",
                f"{where}: audit.rules.{rule_id}: there is no such rule.",
                meant(rule_id, known),
            )


def rows_sql(session: Session, rule: Rule, body: str) -> str:
    """SQL text for DuckDB of a rule's rows that are in force, each with its kind and the dated values applied to it.

    Evidence gains, of each parameter that is dated, the day from which the value holds (``<name>_from``, empty where
    it holds ever since) and the value itself where the rule does not show it.

    Args:
        session: whose run, settings and parameters hold.
        rule: the rule.
        body: text of its rows, ``Session.result_sql(rule.file)`` or what gives the same.
    """
    day = rule.file.day_of(session.scalars)
    row_day = exp.cast(exp.column(rule.on, "r"), "DATE") if rule.on else literal(day)
    extra = {
        **_applied(rule, session.overrides.get(rule.file.name), row_day, day),
        KIND: _kind(rule, row_day, day),
    }
    columns = ", ".join(f'{value.sql(dialect="duckdb")} AS "{name}"' for name, value in extra.items())
    rows = f"SELECT r.*, {columns} FROM ({body}) AS r"
    if not is_on(rule, session.settings):
        return f"{rows} WHERE FALSE"
    if not rule.valid_from and not rule.valid_to:
        return rows
    return f'SELECT * FROM ({rows}) AS r WHERE r."{KIND}" IS NOT NULL'


def _kind(rule: Rule, row_day: exp.Expression, day: dt.date) -> exp.Expression:
    turns = [each for each in (rule.valid_from, _after(rule.valid_to)) if each is not None]
    days = [dt.date.min, *turns]
    if not rule.on:
        return exp.cast(literal(kind_on(rule, day)), "VARCHAR")
    value = [{"from": each, "value": kind_on(rule, each)} for each in days]
    return exp.cast(by_day(value, row_day, day), "VARCHAR")


def _after(day: dt.date | None) -> dt.date | None:
    return None if day is None else day + dt.timedelta(days=1)


def _applied(
    rule: Rule, overrides: Mapping[str, Any] | None, row_day: exp.Expression, day: dt.date
) -> dict[str, exp.Expression]:
    """What evidence gains of parameters that are dated."""
    shown = {name.lower() for name in rule.file.statement.named_selects}
    found: dict[str, exp.Expression] = {}
    for name, value in rule.file.standing(overrides).items():
        if not is_dated(value):
            continue
        since = [
            {"from": first, "value": None if first == dt.date.min else first}
            for first, _, _ in spans_of(value)
        ]
        if name not in shown and rule.file.parameters[name].type not in RELATIONS:
            found[name] = by_day(value, row_day, day)
        found[f"{name}_from"] = exp.cast(by_day(since, row_day, day), "DATE")
    return {name: value for name, value in found.items() if name not in shown}
