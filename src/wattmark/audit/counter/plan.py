"""What the counter runs and reads: worked out once from the rules and the contract."""

from __future__ import annotations

from dataclasses import dataclass

from wattmark.audit.in_force import is_on
from wattmark.audit.rules import Rule, all_rules, words_of
from wattmark.audit.scope import UNITS, is_looked_at, pilot_units
from wattmark.audit.slice import ACCOUNT, Slice
from wattmark.audit.words import Words
from wattmark.engine.catalog import SOURCE_LAYER, Catalog, catalog_of
from wattmark.settings import Settings

ORDER = "service_order"
CHANGES = "changes"
"""What an application says beside its rows: columns of the account that it wants to change."""
CHANGEABLE = ("usage_category", "tariff_code", "supply_kv", "metering_kv", "metering_mode", "demand_basis")
"""The columns of the account that may stand there; what is not named is as it stands."""
CUSTOMER, TARIFF = "customer", "tariff"


@dataclass(frozen=True)
class Plan:
    """The rules of the counter and the tables under them.

    Attributes:
        rules: by id.
        derived: tables made from those of the source, in order.
        slice: how an account's rows are cut out.
        waves: the source's tables that are cut out for an account, in an order to do so.
        shared: the source's other tables that are read; they are read whole.
        words: tells what the rules found.
    """

    settings: Settings
    catalog: Catalog
    rules: dict[str, Rule]
    derived: tuple[str, ...]
    slice: Slice
    waves: tuple[tuple[str, ...], ...]
    shared: tuple[str, ...]
    words: Words

    @property
    def tables(self) -> list[str]:
        """The tables that an application may bring, in an order to cut them out."""
        return [name for wave in self.waves for name in wave]


def plan_of(settings: Settings) -> Plan:
    """The plan of a utility's counter."""
    catalog = catalog_of(settings)
    online = {
        rule_id: rule
        for rule_id, rule in all_rules(catalog).items()
        if "online" in rule.modes and is_on(rule, settings)
    }
    rules = {rule_id: rule for rule_id, rule in online.items() if is_looked_at(rule, settings)}
    # What an application may hold does not depend on which rules a utility looks at.
    known = catalog.order(f"audit.{rule_id}" for rule_id in online)
    order = catalog.order(f"audit.{rule_id}" for rule_id in rules)
    references = {reference for name in known for reference in catalog.tables[name].references}
    read = {table for layer, table in (name.split(".") for name in references) if layer == SOURCE_LAYER}
    # What is asked of every application, whatever the rules read.
    read |= {ORDER, ACCOUNT, CUSTOMER, TARIFF}
    if any(pilot_units(rule, settings) for rule in rules.values()):
        read.add(UNITS.partition(".")[2])
    cut = Slice(catalog.contract)
    return Plan(
        settings=settings,
        catalog=catalog,
        rules=rules,
        derived=tuple(name for name in order if not name.startswith("audit.")),
        slice=cut,
        waves=tuple(tuple(wave) for wave in cut.waves(read)),
        shared=tuple(sorted(read - set(cut.lookups))),
        words=words_of(rules, settings),
    )
