"""What a campaign file says, checked; errors name file, line and key.

``include/campaigns/campaign.schema.json`` is written from these classes (``wattmark campaign schema``), so
that an editor completes and checks the same keys. A utility's own files in ``<home>/campaigns`` come after
the project's; one with the same id takes the project's place.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from croniter import croniter
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from wattmark.channels import CHANNELS, known_channel
from wattmark.code_names import Language
from wattmark.errors import WattmarkError, together
from wattmark.home import Home
from wattmark.settings import Settings, cron_expression
from wattmark.yamlfile import line_of, read_mapping

ChannelName = Annotated[str, AfterValidator(known_channel), Field(json_schema_extra={"enum": list(CHANNELS)})]
Rule = Literal[
    "no_consent",
    "suppressed",
    "undeliverable",
    "closed",
    "in_dispute",
    "in_arrears",
    "under_age",
    "known_dead",
    "held_out",
    "mailed_too_often",
    "already_addressed",
    "same_address",
]
RULES: tuple[Rule, ...] = (
    "closed",
    "known_dead",
    "under_age",
    "no_consent",
    "suppressed",
    "undeliverable",
    "in_dispute",
    "in_arrears",
    "held_out",
    "already_addressed",
    "mailed_too_often",
    "same_address",
)
"""Standing rules in the order they are asked; the first that holds is the one that is told."""

NEVER_OFF = {"suppressed", "undeliverable"}
SERVICE_ONLY = {"no_consent", "held_out", "mailed_too_often"}
"""May be switched off for service messages alone: marketing without consent is nobody's to decide."""

EventKind = Literal[
    "birthday",
    "anniversary",
    "contract_expiring",
    "account_opened",
    "order_closed",
    "grade_up",
    "tariff_saving",
    "outage_planned",
    "review_due",
    "case_closed",
]
_NAME = r"^[a-z][a-z0-9_]{0,39}$"
_ID = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
CONTROL = "control"
ONLY_BY_CONTACT = ("clicked", "replied")
"""Events of success that only a contact can bring: nothing of a control group compares with them."""
RESERVED_CELLS = (CONTROL, "all")
"""The control group, and the sum of all cells in results."""


class CampaignError(WattmarkError):
    """A campaign file is wrong, or a campaign cannot go on."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Event(_Model):
    """Something that happens to a customer; who it happened to within the days is due."""

    kind: EventKind
    """What happens; docs/campaigns.md lists the kinds."""
    from_days: int = Field(
        0, ge=-366, le=366, description="First day looked at, counted from the night's date"
    )
    to_days: int = Field(0, ge=-366, le=366, description="Last day looked at")
    above_amount: float = Field(0, ge=0, description="For tariff_saving: the yearly saving is more than this")

    @model_validator(mode="after")
    def _in_order(self) -> Event:
        if self.above_amount and self.kind != "tariff_saving":
            raise ValueError("above_amount is for tariff_saving")
        if self.from_days > self.to_days:
            raise ValueError("from_days lies after to_days")
        return self


class Schedule(_Model):
    """When the campaign is due: on dates, by a cron expression, or each night for whom an event concerns."""

    dates: tuple[dt.date, ...] = ()
    """Days on which the campaign is due."""
    cron: str | None = Field(None, description="Five fields; due on each local day on which it fires")
    events: tuple[Event, ...] = ()
    """Due each night for whom one of these happens to."""

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, value: str | None) -> str | None:
        return None if value is None else cron_expression(value)

    @model_validator(mode="after")
    def _exactly_one(self) -> Schedule:
        if bool(self.dates) + bool(self.cron) + bool(self.events) != 1:
            raise ValueError("exactly one of dates, cron and events is wanted")
        return self

    def is_due(self, day: dt.date) -> bool:
        """Whether a night of this date looks for the campaign's audience."""
        if self.cron:
            midnight = dt.datetime.combine(day, dt.time())
            fires: dt.datetime = croniter(self.cron, midnight - dt.timedelta(seconds=1)).get_next(dt.datetime)
            return fires.date() == day
        return day in self.dates if self.dates else True


class Audience(_Model):
    """Who the campaign is for."""

    grain: Literal["customer", "household", "account", "area"] = "customer"
    """Who is spoken to: each customer, one of a household, each account, or areas without names."""
    where: str = Field(min_length=1, max_length=4000, description="SQL condition over published columns")
    of: str | None = Field(
        None, max_length=4000, description="For areas: the customers among whom the wanted ones are counted"
    )


class Switch(_Model):
    """A standing rule that does not hold for this campaign, and why."""

    off: str = Field(min_length=10, description="The reason")


class Channel(_Model):
    """One channel; what is left out is the utility's setting for it."""

    channel: ChannelName
    """Its name in include/channels.yaml."""
    cost_amount: float | None = Field(None, ge=0)
    """Cost of one contact, in the currency of the bills."""
    daily_limit: int | None = Field(None, ge=0)
    """Contacts of this campaign a day."""
    days: Literal["every_day", "no_holidays", "working_days"] | None = None
    """Days on which it may go out."""
    from_hour: int | None = Field(None, ge=0, le=23)
    """Local hour from which it may go out."""
    until_hour: int | None = Field(None, ge=1, le=24)
    """Local hour from which it is quiet."""


class Cell(_Model):
    """A test cell and its share of those who are contacted."""

    cell: str = Field(pattern=_NAME)
    """Its name, in lists and results."""
    share: float = Field(gt=0, le=1)
    """Its share of those contacted; all shares add up to 1."""


class Contacts(_Model):
    """At most so many contacts a customer in so many days, over all campaigns."""

    count: int = Field(ge=0)
    """Contacts at most."""
    days: int = Field(ge=1, le=366)
    """Days before the list's date in which they are counted."""


class Limits(_Model):
    """How far the campaign may go, and before whom."""

    size: int | None = Field(None, ge=0)
    """Contacts of one list."""
    budget_amount: float | None = Field(None, ge=0)
    """What the contacts of one list may cost together."""
    contacts: Contacts | None = Field(None, description="Where tighter than the utility's own")
    priority: int = Field(5, ge=1, le=9, description="1 goes first")
    again_after_days: int = Field(
        90, ge=1, le=3660, description="Nobody is addressed by this campaign sooner again"
    )
    smallest_area: int = Field(20, ge=1, description="Areas with fewer addresses are left out")


class Seed(_Model):
    """An address of the utility's own that is added to each list it fits."""

    name: str
    """Name on the list."""
    mobile: str | None = None
    """For SMS."""
    phone: str | None = None
    """For calls."""
    email: str | None = None
    """For e-mail."""
    postal_address: str | None = None
    """For letters and visits."""
    postcode: str | None = None
    """Beside the postal address."""


class Approval(_Model):
    """Who must say yes. No answer in time is a no."""

    by: tuple[str, ...] = Field(min_length=1)
    """Roles or users; campaigns.approvers says who stands for a role."""
    within_hours: int = Field(48, ge=1, le=720)
    """Hours from the end of the list's date in which the answer must come."""


class Success(_Model):
    """What counts, within how many days of the sending, what it is worth and how likely it was thought."""

    event: Literal[
        "converted",
        "replied",
        "clicked",
        "took_up",
        "contract_signed",
        "tariff_changed",
        "capacity_ordered",
        "paid",
        "record_verified",
        "satisfied_call",
    ]
    """What counts as success, read from the source."""
    products: tuple[str, ...] = Field(
        (), description="For took_up: any of these; those of the list where empty"
    )
    within_days: int = Field(30, ge=1, le=366)
    """Days from the day of sending in which it counts."""
    value_amount: float = Field(0.0, ge=0)
    """What one success is worth."""
    offer_cost_amount: float = Field(0.0, ge=0, description="What the offer costs for each success")
    value_column: str | None = Field(None, description="A published column that is the value instead")
    expected_rate: float = Field(0.02, ge=0, le=1)
    """Share thought to succeed, until earlier lists tell."""
    effect_on_kwh: Literal["none", "down", "up", "peak_down"] = Field(
        "none",
        description="Where meters tell what it did: to the billed energy of a month, or to that of peak hours",
    )


class Split(_Model):
    """How a list is parted; each part has files and a manifest of its own."""

    by: Literal["manager", "unit", "provider"]
    """By account manager, by the unit that serves, or among service providers."""
    providers: dict[Annotated[str, Field(pattern=_NAME)], Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=dict
    )
    """For provider: names and shares, which add up to 1; a customer is always the same one's."""

    @model_validator(mode="after")
    def _whole(self) -> Split:
        if (self.by == "provider") != bool(self.providers):
            raise ValueError("providers are wanted for the split by provider, and for no other")
        if self.providers and abs(sum(self.providers.values()) - 1) > 1e-9:
            raise ValueError("the providers' shares do not add up to 1")
        return self


class Message(_Model):
    """What is said, in one language. ``{{ fit.saving_amount }}`` shows a column of personalise, with codes by their names."""

    subject: str | None = Field(None, min_length=1, max_length=200)
    """One line: of an e-mail, a letter or a notice in the app."""
    text: str | None = Field(None, min_length=1, max_length=8000)
    """What is sent or printed."""
    script: str | None = Field(None, min_length=1, max_length=8000)
    """What somebody who calls or visits says and asks."""
    offer: str | None = Field(None, min_length=1, max_length=500)
    """What is offered, in a line of its own on every list."""


class Campaign(_Model):
    """One campaign file."""

    id: str = Field(pattern=_ID, max_length=60)
    """Name that never changes: lists, results and waiting times go by it."""
    name: dict[Literal["en", "zh"], str]
    """What people read, in English, Chinese or both."""
    objective: str = Field(min_length=10)
    """What is to be better afterwards, in a sentence."""
    owner: str
    """Who answers for it."""
    purpose: Literal["marketing", "service"]
    """Which consent is asked for, and which rules may be switched off."""
    valid_from: dt.date
    """First date of which lists are made."""
    valid_to: dt.date
    """Last date of which lists are made."""
    schedule: Schedule
    """When it is due: exactly one of dates, cron and events."""
    audience: Audience
    """Who is meant."""
    exclude: dict[Rule, Switch] = Field(default_factory=dict)
    """Standing rules that are switched off, each with its reason; all others hold."""
    channels: tuple[Channel, ...] = Field(min_length=1)
    """The channels in order of preference; a customer gets the first that is allowed and works."""
    cells: tuple[Cell, ...] = (Cell(cell="standard", share=1.0),)
    """Variants that are tried against each other."""
    messages: dict[str, dict[str, dict[Language, Message]]] = Field(default_factory=dict)
    """By cell (or all), channel (or any) and language (en, zh); what is more special adds to or replaces the rest."""
    control_share: float = Field(0.1, ge=0, le=0.9)
    """Share of all that is not contacted, to compare with."""
    limits: Limits = Field(default_factory=lambda: Limits.model_validate({}))
    """Size, money, waiting times and priority."""
    personalise: tuple[str, ...] = ()
    """Published columns (relation.column) and contact.<column> that stand on the list."""
    seeds: tuple[Seed, ...] = ()
    """The utility's own addresses, added to each list and marked."""
    approval: Approval
    """Who must say yes before anything leaves."""
    success: Success
    """What counts, within how many days, and what it is worth."""
    split: Split | None = None
    """Into a file for each account manager, unit or service provider; one for all where left out."""
    format: Literal["csv", "xlsx", "parquet"] = "csv"
    """Of the list's files."""

    @field_validator("cells")
    @classmethod
    def _cells_fill_one(cls, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
        names = [cell.cell for cell in cells]
        if len(set(names)) != len(names) or set(names) & set(RESERVED_CELLS):
            raise ValueError(
                f"cells need names of their own, and none may be named {' or '.join(RESERVED_CELLS)}"
            )
        if abs(sum(cell.share for cell in cells) - 1) > 1e-9:
            raise ValueError("the cells' shares do not add up to 1")
        return cells

    @field_validator("channels")
    @classmethod
    def _channels_once(cls, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
        if len({channel.channel for channel in channels}) != len(channels):
            raise ValueError("a channel is named twice")
        return channels

    @model_validator(mode="after")
    def _whole(self) -> Campaign:
        if self.valid_from > self.valid_to:
            raise ValueError("valid_from lies after valid_to")
        for rule in self.exclude:
            if rule in NEVER_OFF or (rule in SERVICE_ONLY and self.purpose != "service"):
                who = "any campaign" if rule in NEVER_OFF else "a marketing campaign"
                raise ValueError(f"exclude.{rule} cannot be switched off for {who}")
        if self.success.event in ONLY_BY_CONTACT and self.control_share > 0:
            raise ValueError(
                f"control_share: nobody without a contact can have {self.success.event}, so a control group shows nothing; "
                "write control_share: 0, or count as success what people can do unasked"
            )
        if self.audience.grain == "area":
            if [channel.channel for channel in self.channels] != ["post"]:
                raise ValueError("an area mailing goes by post alone")
            if self.personalise or self.schedule.events or self.split or self.messages:
                raise ValueError("an area mailing has neither personal fields, messages, parts nor events")
        elif self.audience.of is not None:
            raise ValueError("audience.of is for areas")
        return self

    @cached_property
    def definition_hash(self) -> str:
        """SHA-256 of all that the file says, whatever its layout.

        What it leaves as it usually is does not count: a key that a later release brings makes no list one of another
        definition.
        """
        said = json.dumps(
            self.model_dump(mode="json", exclude_defaults=True), sort_keys=True, ensure_ascii=False
        )
        return hashlib.sha256(said.encode()).hexdigest()

    def is_due(self, day: dt.date) -> bool:
        """Whether the night of a date makes a list of this campaign."""
        return self.valid_from <= day <= self.valid_to and self.schedule.is_due(day)


@dataclass(frozen=True)
class CampaignFile:
    """A definition and the file it stands in."""

    path: Path
    campaign: Campaign

    def error(self, code: str, keys: Sequence[str | int], message: str, remedy: str = "") -> CampaignError:
        """An error that names file, line and key."""
        return _error(code, self.path, keys, message, remedy)


def _error(code: str, path: Path, keys: Sequence[str | int], message: str, remedy: str = "") -> CampaignError:
    key = ".".join(map(str, keys)) or "file"
    return CampaignError(code, f"{path}:{line_of(path, keys) or 1}: {key}: {message}", remedy)


def read_campaign(path: Path) -> CampaignFile:
    """Read one file and check its keys and values (the condition is checked by ``audience.check``).

    Raises:
        CampaignError: all that is wrong, each with file, line and key.
        SettingsError: the file is not YAML, or holds no keys.
    """
    try:
        campaign = Campaign.model_validate(read_mapping(path))
    except ValidationError as error:
        raise together(_invalid(path, found["loc"], str(found["msg"])) for found in error.errors()) from None
    return CampaignFile(path, campaign)


def _invalid(path: Path, loc: Sequence[str | int], said: str) -> CampaignError:
    keys = [part for part in loc if part != "[key]"]
    text = said.removeprefix("Value error, ")
    if text.startswith("control_share: "):
        keys, text = ["control_share"], text.removeprefix("control_share: ")
    if text.startswith("exclude."):
        keys = ["exclude", text.split(" ")[0].removeprefix("exclude.")]
    return _error(
        "campaign.invalid",
        path,
        keys,
        f"{text}.",
        "include/campaigns/campaign.schema.json lists keys and values.",
    )


def read_campaigns(settings: Settings) -> tuple[list[CampaignFile], list[WattmarkError]]:
    """All campaigns of the project and of the home that are right, by id, and what is wrong with all others."""
    found: dict[str, CampaignFile] = {}
    wrong: list[WattmarkError] = []
    for folder in (settings.include / "campaigns", Home(settings.home).campaigns):
        here: dict[str, CampaignFile] = {}
        for path in sorted(folder.glob("*.yaml")):
            try:
                file = read_campaign(path)
            except WattmarkError as error:
                wrong += error.errors
                continue
            twin = here.get(file.campaign.id)
            if twin is not None:
                wrong.append(file.error("campaign.twice", ["id"], f"{twin.path.name} has the same id."))
            here[file.campaign.id] = file
        found |= here
    return [found[name] for name in sorted(found)], wrong


def load_campaigns(settings: Settings) -> list[CampaignFile]:
    """All campaigns of the project and of the home, by id.

    Raises:
        WattmarkError: files are wrong, or two of one folder have the same id; all of it at once.
    """
    found, wrong = read_campaigns(settings)
    if wrong:
        raise together(wrong)
    return found


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a campaign file, for editors."""
    schema = Campaign.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Wattmark campaign",
        **{key: value for key, value in schema.items() if key != "title"},
    }
