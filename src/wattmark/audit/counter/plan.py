"""What the counter runs and reads: worked out once from the rules and the contract."""

from __future__ import annotations

from dataclasses import dataclass

from wattmark.audit.rules import Rule, all_rules
from wattmark.audit.slice import ACCOUNT, Slice
from wattmark.code_names import CodeNames, load_code_names
from wattmark.engine.catalog import SOURCE_LAYER, Catalog, catalog_of
from wattmark.settings import Settings

ORDER = "service_order"


@dataclass(frozen=True)
class Plan:
    """The rules of the counter and the tables under them.

    Attributes:
        rules: by id.
        derived: tables made from those of the source, in order.
        slice: how an account's rows are cut out.
        waves: the source's tables that are cut out for an account, in an order to do so.
        shared: the source's other tables that are read; they are read whole.
        names: what codes are called.
    """

    settings: Settings
    catalog: Catalog
    rules: dict[str, Rule]
    derived: tuple[str, ...]
    slice: Slice
    waves: tuple[tuple[str, ...], ...]
    shared: tuple[str, ...]
    names: CodeNames

    @property
    def tables(self) -> list[str]:
        """The tables that an application may bring, in an order to cut them out."""
        return [name for wave in self.waves for name in wave]


def plan_of(settings: Settings) -> Plan:
    """The plan of a utility's counter."""
    catalog = catalog_of(settings)
    rules = {rule_id: rule for rule_id, rule in all_rules(catalog).items() if "online" in rule.modes}
    order = catalog.order(f"audit.{rule_id}" for rule_id in rules)
    references = {reference for name in order for reference in catalog.tables[name].references}
    read = {table for layer, table in (name.split(".") for name in references) if layer == SOURCE_LAYER}
    cut = Slice(catalog.contract)
    return Plan(
        settings=settings,
        catalog=catalog,
        rules=rules,
        derived=tuple(name for name in order if not name.startswith("audit.")),
        slice=cut,
        waves=tuple(tuple(wave) for wave in cut.waves(read | {ORDER, ACCOUNT})),
        shared=tuple(sorted(read - set(cut.lookups))),
        names=load_code_names(settings.include / "code-names.yaml"),
    )
