"""What a campaign's messages say and may show: parts found by cell, channel and language, placeholders checked.

A message is a Jinja text. It may show what `personalise` puts on the list, the contact's name where the channel allows
it, and a few words of our own; it may ask with `if`. Codes of tariffs, services, units and the like are told by their
names; a code that nobody has a name for is never told.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from wattmark.campaign.audience import columns_of, relations
from wattmark.campaign.definition import Campaign, CampaignFile
from wattmark.campaign.letters import unprintable
from wattmark.campaign.unseen import unseen_in
from wattmark.channels import channels
from wattmark.code_names import LANGUAGES, Language, number
from wattmark.settings import Settings

EVERY_CELL, ANY_CHANNEL = "all", "any"
OWN = ("reply_code", "opt_out", "send_on", "occasion")
"""Words of our own; occasion is what an event is called, and may be asked but not shown."""
UTILITY = ("name", "address", "telephone", "website")
NAMED = {
    "account.tariff_code": "tariff",
    "account.best_tariff_code": "tariff",
    "fit.tariff_code": "tariff",
    "service.product_code": "product",
    "account.org_unit_id": "org_unit",
    "customer.region_code": "region",
    "account.usage_category": "account.usage_category",
    "account.status": "account.status",
    "fit.demand_basis": "account.demand_basis",
    "customer.kind": "customer.kind",
    "request.kind": "service_order.kind",
    "call.kind": "service_call.kind",
}
"""Columns that hold codes, and whose names they have: a table's, or those of include/code-names.yaml for a column."""
AS_THEY_ARE = {
    "customer.customer_id", "account.account_id", "contract.contract_id", "request.order_id", "outage.starts_at_time",
    "outage.ends_at_time",
}  # fmt: skip
"""Texts that customers know as they are."""
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Filter, nodes.If, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.Const, nodes.And, nodes.Or, nodes.Not, nodes.Test, nodes.Neg,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div,
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What is wrong with a message: where in `messages`, and what."""

    keys: tuple[str, ...]
    said: str


def parts_of(campaign: Campaign, cell: str, channel: str, language: Language) -> dict[str, str]:
    """The parts of a message, the most special of each; only those that the channel carries, and the offer."""
    carried = (*channels()[channel].says, "offer")
    found: dict[str, str] = {}
    for one_cell in (EVERY_CELL, cell):
        for one_channel in (ANY_CHANNEL, channel):
            message = campaign.messages.get(one_cell, {}).get(one_channel, {}).get(language)
            for part in carried if message else ():
                if (text := getattr(message, part)) is not None:
                    found[part] = text
    return found


def _percent(value: float | decimal.Decimal, digits: int = 0) -> str:
    """A share as a percentage; 0.125 is 12%, or 12.5% with one digit."""
    return f"{value * 100:.{digits}f}%"


def _whole(value: float | decimal.Decimal) -> int:
    """A number without its fraction, rounded half to even."""
    return round(value)


class _Environment(ImmutableSandboxedEnvironment):
    """Calculates with numbers alone: a text times a million is no message."""

    intercepted_binops = frozenset({"+", "-", "*", "/"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """One calculation."""
        for operand in (left, right):
            if not isinstance(operand, (int, float, decimal.Decimal, Undefined)):
                raise TypeError(f"{operator} is for numbers")
        return super().call_binop(context, operator, left, right)


@cache
def environment(language: Language) -> ImmutableSandboxedEnvironment:
    """What templates of a language are read with: no loops, no calls, nothing missing is let through."""
    made = _Environment(undefined=StrictUndefined, autoescape=False, finalize=_told(language))
    kept = {name: made.filters[name] for name in ("default", "upper", "lower", "abs")}
    made.filters = {**kept, "percent": _percent, "whole": _whole}
    made.tests = {name: made.tests[name] for name in ("defined", "undefined")}
    made.globals = {}
    return made


def _told(language: Language) -> Callable[[Any], Any]:
    def told(value: Any) -> Any:
        """A value as people of the language write it."""
        if isinstance(value, bool):
            return {"en": ("no", "yes"), "zh": ("否", "是")}[language][value]
        if isinstance(value, (float, decimal.Decimal)):
            return number(value, language)
        if isinstance(value, int):
            return f"{value:,}" if language == "en" else str(value)
        if isinstance(value, dt.date):
            return f"{value.day} {value:%B} {value.year}" if language == "en" else f"{value.year}年{value.month}月{value.day}日"  # fmt: skip
        return value

    return told


@lru_cache(maxsize=1024)
def placeholders(text: str, language: Language) -> tuple[tuple[str, bool], ...]:
    """What a text shows (True) or asks (False), as ``relation.column`` or a word of our own.

    Raises:
        ValueError: it is no template, or does what no message may.
    """
    try:
        tree = environment(language).parse(text)
        environment(language).compile(tree)
    except (TemplateSyntaxError, AssertionError) as error:
        raise ValueError(f"it cannot be read: {error}") from None
    return tuple(_named(tree, False))


def _named(node: nodes.Node, is_shown: bool) -> Iterator[tuple[str, bool]]:
    if not isinstance(node, _NODES):
        raise ValueError(
            f"{type(node).__name__.lower()} is not for messages: they show values and ask with if"
        )
    if isinstance(node, nodes.Filter) and node.name not in environment("en").filters:
        raise ValueError(f"there is no filter {node.name}")
    if isinstance(node, nodes.Getattr):
        if not isinstance(node.node, nodes.Name):
            raise ValueError("a placeholder is a relation and a column, such as {{ contact.name }}")
        yield f"{node.node.name}.{node.attr}", is_shown
        return
    if isinstance(node, nodes.Name):
        yield node.name, is_shown
        return
    asked = {id(node.test)} if isinstance(node, (nodes.If, nodes.CondExpr)) else set()
    for child in node.iter_child_nodes():
        shows = isinstance(node, nodes.Output) or (
            is_shown and not isinstance(node, (nodes.Compare, nodes.Test))
        )
        yield from _named(child, shows and id(child) not in asked)


def problems_of(file: CampaignFile, settings: Settings) -> Iterator[Problem]:
    """All that is wrong with a campaign's messages."""
    campaign = file.campaign
    if not campaign.messages:
        return
    steps = {step.step for step in campaign.steps}
    cells, used = (
        {cell.cell for cell in campaign.cells} | steps,
        [channel.channel for channel in campaign.channels],
    )
    for step in sorted(steps - set(campaign.messages)):
        yield Problem((), f"the step {step} has no message of its own: it would say again what was said")
    for cell, by_channel in campaign.messages.items():
        if cell not in cells | {EVERY_CELL}:
            yield Problem((cell,), f"there is no cell or step {cell}")
            continue
        for channel, by_language in by_channel.items():
            if channel not in {*used, ANY_CHANNEL}:
                yield Problem((cell, channel), f"the campaign has no channel {channel}")
                continue
            # What stands for any channel is held against each that would carry it.
            carriers = used if channel == ANY_CHANNEL else [channel]
            for language, message in by_language.items():
                for part in message.model_fields_set:
                    text = getattr(message, part)
                    carrying = [
                        carrier for carrier in carriers if part in (*channels()[carrier].says, "offer")
                    ]
                    if text is not None:
                        for said in _of_text(campaign, settings, text, language, carrying, part):
                            yield Problem((cell, channel, language, part), said)
    yield from _lacking(campaign, settings, sorted(cells), used)


def _lacking(campaign: Campaign, settings: Settings, cells: list[str], used: list[str]) -> Iterator[Problem]:
    """Parts that a channel carries and nobody wrote: in the utility's language, and in any other that is begun."""
    usual = settings.campaigns.messages.language
    for cell in cells:
        for channel in used:
            for language in LANGUAGES:
                found = parts_of(campaign, cell, channel, language)
                if language == usual or found:
                    for part in channels()[channel].says:
                        if part not in found:
                            yield Problem((), f"{cell}, {channel}, {language}: there is no {part}")


def _of_text(
    campaign: Campaign, settings: Settings, text: str, language: Language, carrying: list[str], part: str
) -> Iterator[str]:
    try:
        shown = placeholders(text, language)
    except ValueError as why:
        yield f"{why}"
        return
    if letter := unseen_in(text):
        yield f"it holds the character {letter}, which does not show"
    letters = settings.campaigns.messages.letters
    if (
        part in ("subject", "text")
        and "post" in carrying
        and letters.print
        and (letter := unprintable([text], letters))
    ):
        yield f"it holds the character U+{ord(letter):04X}, which is not in the letters' font"
    if part == "subject" and "\n" in text.strip():
        yield "a subject is one line"
    for name, is_shown in dict.fromkeys(shown):
        if said := _wrong_name(campaign, settings, name, is_shown, carrying):
            yield said


def _wrong_name(
    campaign: Campaign, settings: Settings, name: str, is_shown: bool, carrying: list[str]
) -> str | None:
    relation, _, column = name.partition(".")
    if not column:
        if name not in OWN or (name == "occasion" and not campaign.schedule.events):
            return f"{{{{ {name} }}}} is nothing that a message knows; it knows relation.column and {', '.join(OWN)}"
        return (
            "occasion is a code: ask it with if, and say it in words"
            if name == "occasion" and is_shown
            else None
        )
    if relation == "utility":
        return None if column in UTILITY else f"of the utility there are {', '.join(UTILITY)}"
    if relation == "contact":
        wrong = [
            carrier
            for carrier in carrying
            if column not in (*channels()[carrier].may_show, *channels()[carrier].shows)
        ]
        return f"{name} may not be told on {wrong[0]}" if wrong else None
    given = {*campaign.personalise, "customer.customer_id"}
    if campaign.audience.grain == "account":
        given.add("account.account_id")
    if name not in given:
        return f"{name} is not on the list: add it to personalise"
    known = relations(settings.include).get(relation)
    kind = columns_of(known).get(column) if known else None
    if kind == "string" and is_shown and name not in NAMED and name not in AS_THEY_ARE:
        return f"{name} is a code without names; messages tell names alone"
    return None
