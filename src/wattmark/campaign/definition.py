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
from typing import Any, Literal

from pydantic import (
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from wattmark.campaign.file_parts import (
    ID,
    NEVER_OFF,
    ONLY_BY_CONTACT,
    RESERVED_CELLS,
    SERVICE_ONLY,
    Approval,
    Audience,
    Cell,
    Channel,
    Limits,
    Message,
    Part,
    Rule,
    Schedule,
    Seed,
    Split,
    Step,
    Success,
    Switch,
)
from wattmark.code_names import Language
from wattmark.errors import WattmarkError, together
from wattmark.home import Home
from wattmark.settings import Settings
from wattmark.yamlfile import line_of, read_mapping


class CampaignError(WattmarkError):
    """A campaign file is wrong, or a campaign cannot go on."""


class Campaign(Part):
    """One campaign file."""

    id: str = Field(pattern=ID, max_length=60)
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
    steps: tuple[Step, ...] = ()
    """Reminders, thanks and notices that follow a contact, in the order in which they may come."""
    messages: dict[str, dict[str, dict[Language, Message]]] = Field(default_factory=dict)
    """By cell or step (or all), channel (or any) and language (en, zh); what is more special adds to or replaces the rest."""
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
        self._steps_fit()
        if self.audience.grain == "area":
            if [channel.channel for channel in self.channels] != ["post"]:
                raise ValueError("an area mailing goes by post alone")
            if self.personalise or self.schedule.events or self.split or self.messages:
                raise ValueError("an area mailing has neither personal fields, messages, parts nor events")
            if self.steps or self.limits.waves > 1:
                raise ValueError("an area mailing has neither steps nor waves")
        elif self.audience.of is not None or self.audience.like is not None:
            raise ValueError("audience.of and audience.like are for areas")
        return self

    def _steps_fit(self) -> None:
        names = [step.step for step in self.steps]
        if len({*names, *RESERVED_CELLS, *(cell.cell for cell in self.cells)}) < len(names) + len(RESERVED_CELLS) + len(self.cells):  # fmt: skip
            raise ValueError("steps need names of their own, other than those of cells, control and all")
        kinds = {event.kind for event in self.schedule.events}
        if any(step.to == "taken_back" for step in self.steps) and kinds != {"outage_planned"}:
            raise ValueError("the step to taken_back is for campaigns of the event outage_planned alone")
        if self.limits.waves > 1 and self.schedule.events:
            raise ValueError(
                "waves are for lists of dates or cron; an event looks at several days by from_days and to_days"
            )

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
