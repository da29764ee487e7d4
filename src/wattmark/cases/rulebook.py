"""What cases ask of the rules: whether they are used, what they judge, and by which version and parameters."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
from functools import cache, cached_property

from wattmark.audit.in_force import is_on, kind_on
from wattmark.audit.rules import Rule, all_rules
from wattmark.audit.scope import is_looked_at
from wattmark.cases.log import canonical
from wattmark.cases.model import MANUAL
from wattmark.engine.parameters import RELATIONS
from wattmark.engine.session import Session

_NUMBERS = ("double", "integer", "decimal")


class Rulebook:
    """The rules of a night by id, as cases need them.

    Args:
        session: of the night.
    """

    def __init__(self, session: Session) -> None:
        self.settings = session.settings
        self.run = session.run
        self.rules = all_rules(session.catalog)
        self._overrides = session.overrides
        self._scalars = session.scalars
        self.rule_hash = cache(self._rule_hash)
        self.left_out = cache(self._left_out)

    @cached_property
    def of_months(self) -> list[str]:
        """Ids of rules that judge months."""
        return [rule.rule_id for rule in self.rules.values() if rule.judges == "month"]

    def month_of(self, rule_id: str, period: dt.date) -> dt.date | None:
        """The month that a case of a rule belongs to; None of a rule that judges how things stand."""
        rule = self.rules.get(rule_id)
        return period if rule is not None and rule.judges == "month" else None

    def is_off(self, rule_id: str) -> bool:
        """Whether a rule is switched off, out of force or gone; what people open by hand is never off."""
        if rule_id == MANUAL:
            return False
        rule = self.rules.get(rule_id)
        if rule is None or not is_on(rule, self.settings) or not is_looked_at(rule, self.settings):
            return True
        # One that goes by its rows' own days may still speak of rows of before.
        return not rule.on and kind_on(rule, rule.file.day_of(self._scalars)) is None

    def hours(self, rule_id: str) -> decimal.Decimal:
        """Hours of a case of a rule."""
        rule, cases = self.rules.get(rule_id), self.settings.cases
        return decimal.Decimal(str(cases.site_hours if rule is not None and rule.site else cases.desk_hours))

    def effect_of(self, rule_id: str) -> tuple[str, ...]:
        """Rules whose cases may be the cause of a rule's, the likeliest first."""
        rule = self.rules.get(rule_id)
        return rule.effect_of if rule is not None else ()

    def moves(self, rule_id: str) -> bool:
        """Whether a rule's evidence moves with the calendar alone."""
        return bool(self.rules[rule_id].moves)

    def _rule_hash(self, rule_id: str, period: dt.date | None) -> str | None:
        """SHA-256 over a rule's file and the parameters in force for a month, or on the run's day; None of one gone."""
        rule = self.rules.get(rule_id)
        if rule is None:
            return None
        own = self._overrides.get(rule.file.name)
        if rule.on:
            values = rule.file.standing(own)
        elif period is not None:
            month = type(self.run)(self.run.as_of, period, self.run.time_zone)
            values = rule.file.values(rule.file.day_of(month.scalars()), own)
        else:
            values = rule.file.values(rule.file.day_of(self._scalars), own)
        text = f"{rule.file.text}\0{canonical({name: _plain(value) for name, value in values.items()})}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _left_out(self, rule_id: str) -> frozenset[str]:
        """Keys of a rule's evidence that are limits, or that the calendar alone moves."""
        rule = self.rules.get(rule_id)
        return frozenset() if rule is None else left_out(rule)


def left_out(rule: Rule) -> frozenset[str]:
    """Keys of a rule's evidence that are limits, or that the calendar alone moves."""
    return frozenset({*limits_of(rule), *rule.moves})


def limits_of(rule: Rule) -> set[str]:
    """Keys of evidence that say what was allowed: parameters, the days they hold from, and what tables of them give.

    What a table of limits is looked up by, such as a site or a voltage, is a value compared; the numbers it gives are limits.
    """
    found: set[str] = set()
    for name, parameter in rule.file.parameters.items():
        found |= {name, f"{name}_from"}
        if parameter.type in RELATIONS:
            found |= {column for column, kind in list(parameter.columns.items())[1:] if kind in _NUMBERS}
    return found


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
