"""The parts that a campaign file is made of, each with what its keys mean; ``definition`` puts them together."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from croniter import croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from wattmark.channels import CHANNELS, known_channel
from wattmark.settings import cron_expression

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
    "dissatisfied_call",
    "complaint_settled",
]
DATED_EVENTS: tuple[EventKind, ...] = ("outage_planned", "dissatisfied_call", "complaint_settled")
"""Events that are told once each, by a day of their own: whoever cannot be reached by then is left out."""
NAME = r"^[a-z][a-z0-9_]{0,39}$"
ID = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
CONTROL = "control"
ONLY_BY_CONTACT = ("clicked", "replied")
"""Events of success that only a contact can bring: nothing of a control group compares with them."""
RESERVED_CELLS = (CONTROL, "all")
"""The control group, and the sum of all cells in results."""


class Part(BaseModel):
    """A part of a campaign file: no key but those named, each with what it means."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Event(Part):
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


class Schedule(Part):
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


class Audience(Part):
    """Who the campaign is for."""

    grain: Literal["customer", "household", "account", "area"] = "customer"
    """Who is spoken to: each customer, one of a household, each account, or areas without names."""
    where: str = Field(min_length=1, max_length=4000, description="SQL condition over published columns")
    of: str | None = Field(
        None, max_length=4000, description="For areas: the customers among whom the wanted ones are counted"
    )
    like: str | None = Field(
        None,
        pattern=NAME,
        description="For areas: a service; areas go by the share of their people expected to take it up, as far as a model tells",
    )


class Switch(Part):
    """A standing rule that does not hold for this campaign, and why."""

    off: str = Field(min_length=10, description="The reason")


class Channel(Part):
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


class Cell(Part):
    """A test cell and its share of those who are contacted."""

    cell: str = Field(pattern=NAME)
    """Its name, in lists and results."""
    share: float = Field(gt=0, le=1)
    """Its share of those contacted; all shares add up to 1."""


class Contacts(Part):
    """At most so many contacts a customer in so many days, over all campaigns."""

    count: int = Field(ge=0)
    """Contacts at most."""
    days: int = Field(ge=1, le=366)
    """Days before the list's date in which they are counted."""


class Limits(Part):
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
    waves: int = Field(
        1,
        ge=1,
        le=60,
        description="Lists, a night each, on which those follow whom a channel's daily limit left over",
    )
    smallest_area: int = Field(20, ge=1, description="Areas with fewer addresses are left out")


class Seed(Part):
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


class Approval(Part):
    """Who must say yes. No answer in time is a no."""

    by: tuple[str, ...] = Field(min_length=1)
    """Roles or users; campaigns.approvers says who stands for a role."""
    within_hours: int = Field(48, ge=1, le=720)
    """Hours from the end of the list's date in which the answer must come."""


class Success(Part):
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


class Split(Part):
    """How a list is parted; each part has files and a manifest of its own."""

    by: Literal["manager", "unit", "provider"]
    """By account manager, by the unit that serves, or among service providers."""
    providers: dict[Annotated[str, Field(pattern=NAME)], Annotated[float, Field(gt=0, le=1)]] = Field(
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


class Message(Part):
    """What is said, in one language. ``{{ fit.saving_amount }}`` shows a column of personalise, with codes by their names."""

    subject: str | None = Field(None, min_length=1, max_length=200)
    """One line: of an e-mail, a letter or a notice in the app."""
    text: str | None = Field(None, min_length=1, max_length=8000)
    """What is sent or printed."""
    script: str | None = Field(None, min_length=1, max_length=8000)
    """What somebody who calls or visits says and asks."""
    offer: str | None = Field(None, min_length=1, max_length=500)
    """What is offered, in a line of its own on every list."""


class Step(Part):
    """A further contact with those who were contacted, of its own message and result; the control group gets none."""

    step: str = Field(pattern=NAME)
    """Its name, in place of a cell's: in messages, lists and results."""
    to: Literal["unanswered", "answered", "taken_back"]
    """To those who have not answered, to those who have (a success, or a reply), or to those whose planned outage is off."""
    after_days: int = Field(
        0,
        ge=0,
        le=365,
        description="Days after the first contact, or after the answer, from which it is due; for taken_back it is due at once",
    )
    for_days: int = Field(
        7,
        ge=0,
        le=60,
        description="Days more on which it is still made up for where a night or a rule prevented it",
    )
