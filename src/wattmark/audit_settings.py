"""What a utility sets about its audit besides the rules' own parameters."""

from __future__ import annotations

from pydantic import Field

from wattmark.source_settings import SettingsModel


class RuleUse(SettingsModel):
    """How a utility uses one rule."""

    enabled: bool | None = Field(
        None,
        description="Switches a rule off, or one that is another country's on; where empty, its country decides",
    )
    units: tuple[str, ...] = Field(
        (),
        description="A pilot: looked at in these units and those below them alone; everywhere where empty",
    )


class Audit(SettingsModel):
    """What holds for the audit besides the rules' own parameters."""

    root_causes: int = Field(
        20, ge=0, description="Causes tried a night to explain other findings, most money first"
    )
    families: tuple[str, ...] | None = Field(
        None, description="Families of rules that are looked at, such as [TAR, MET]; all where empty"
    )
    rules: dict[str, RuleUse] = Field(default_factory=dict, description="By rule id, such as ACC-13")
