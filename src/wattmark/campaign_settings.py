"""What a utility sets of the messages that campaigns send: who speaks, in which language, and what letters look like."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from wattmark.code_names import Language
from wattmark.source_settings import SettingsModel


class ChannelSettings(SettingsModel):
    """What one channel costs and carries, and when it may be used (local time)."""

    cost_amount: float = Field(0.0, ge=0)
    daily_limit: int | None = Field(
        None, ge=0, description="Contacts a day over all campaigns; none where empty"
    )
    days: Literal["every_day", "no_holidays", "working_days"] = "every_day"
    from_hour: int = Field(9, ge=0, le=23, description="Outside from_hour to until_hour is quiet")
    until_hour: int = Field(20, ge=1, le=24)


def _somebody() -> dict[Language, str]:
    return {"en": "Your electricity supplier", "zh": "供电公司"}


class Sender(SettingsModel):
    """The utility as its customers know it; messages say it as ``{{ utility.name }}`` and so on."""

    name: dict[Language, str] = Field(default_factory=_somebody, description="By language")
    address: str | None = Field(None, description="One line, above the address of a letter")
    telephone: str | None = Field(None, description="As it is told to customers")
    website: str | None = Field(None, description="As it is told to customers")


class Letters(SettingsModel):
    """How letters are printed, on A4."""

    print: bool = Field(True, description="Whether a list of letters comes with a PDF of them")
    window: Literal["din5008-b", "din5008-a"] = Field(
        "din5008-b", description="Where the envelope shows the address: 45 mm from the top (b) or 27 mm (a)"
    )
    font_file: Path | None = Field(
        None, description="TrueType or OpenType font with all characters of names; Noto Sans SC where empty"
    )


class Messages(SettingsModel):
    """What holds for the messages of all campaigns."""

    language: Language = Field("zh", description="For whom no language is known, or none that is written")
    sender: Sender = Sender()
    opt_out_url: str | None = Field(
        None,
        description="Page on which one says no more, with {reply_code} in it; told in e-mails and letters",
    )
    letters: Letters = Letters()
    products: dict[str, dict[Language, str]] = Field(
        default_factory=dict,
        description="Names of services beyond those of include/code-names.yaml, by product_code",
    )
