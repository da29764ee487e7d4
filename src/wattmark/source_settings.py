"""What a utility sets of its sources: where they are, what things are called there, and how values are written."""

from __future__ import annotations

import codecs
import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from wattmark.clock import clock_of
from wattmark.dateformat import formats


class SettingsModel(BaseModel):
    """Settings of one kind: immutable, and an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NumberFormat(SettingsModel):
    """How numbers are written in texts."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'", "\u2019", "\u00a0", "\u202f"] = Field(
        "", description="Between groups of three digits; none where empty"
    )

    @model_validator(mode="after")
    def _not_the_same(self) -> NumberFormat:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same")
        return self


class TextSettings(SettingsModel):
    """How a source writes what is no plain text; without a word of it, only what is unambiguous is read."""

    date_format: tuple[str, ...] = Field(
        (),
        description="Of dates and times besides ISO 8601: an order (DMY, MDY, YMD) or patterns such as %d-%b-%y",
    )
    century: int | None = Field(
        None,
        ge=1,
        le=9900,
        description="First of the hundred years that years of two digits mean (1950: 50 is 1950, 49 is 2049)",
    )
    time_zone: str | None = Field(
        None, description="Of times without a zone: IANA name or offset (+10:00); the utility's where empty"
    )
    zones: dict[str, str] = Field(
        default_factory=dict,
        description="Zones written as letters, such as {CST: Asia/Shanghai, CEST: +02:00}",
    )
    nothing: tuple[str, ...] = Field(
        (), description="Texts that mean an empty value, such as NULL, n/a, 0000-00-00"
    )
    numbers: NumberFormat = NumberFormat()
    reading_at_end: bool = Field(False, description="interval_start holds the end of the interval")
    quality_codes: dict[str, Literal["measured", "estimated", "suspect", "missing"]] = Field(
        default_factory=dict,
        description="Of intervals: the source's code, or its letters before digits (S for S14), to quality",
    )
    signed_kwh: bool = Field(False, description="Intervals below zero are energy given to the network")

    @field_validator("date_format", "nothing", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("time_zone")
    @classmethod
    def _known_clock(cls, value: str | None) -> str | None:
        if value is not None:
            clock_of(value)
        return value

    @field_validator("zones")
    @classmethod
    def _known_zones(cls, value: dict[str, str]) -> dict[str, str]:
        for letters, zone in value.items():
            if not (letters.isascii() and letters.isalpha()):
                raise ValueError(f"{letters!r} is not a zone written as letters")
            if not clock_of(zone).is_fixed and "/" not in zone:
                raise ValueError(f"{zone!r} is itself written as letters: give Area/City or an offset")
        return value

    @model_validator(mode="after")
    def _known_formats(self) -> TextSettings:
        for written in self.date_format:
            formats(written, self.century)
        return self


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Deletions(SettingsModel):
    """On which weekday a source's keys are compared with those known, and what becomes of rows that went from it.

    Only tables that are read by a watermark need it: all others are read whole each night.
    """

    weekday: Weekday = Field(description="Of the night's date")
    rows: Literal["report", "remove"] = Field(
        "report", description="Whether what went is listed only, or taken out as if it had never been sent"
    )
    at_most: float = Field(
        0.01, ge=0, le=1, description="Share of a table's rows that may go at once; above it the night stops"
    )

    def is_on(self, day: dt.date) -> bool:
        """Whether keys are compared on a day."""
        return day.weekday() == get_args(Weekday).index(self.weekday)


class SourceSettings(TextSettings):
    """One place that tables are read from, and how it writes.

    ``location`` is a folder, a SQLAlchemy URL, or the id of an Airflow connection written as
    ``airflow:<conn_id>``. ``tables`` limits what is taken from it (empty: all it has). ``rename`` maps
    contract names to the source's own, and their codes to the contract's:
    ``{table: {name: THEIR_TABLE, columns: {column: THEIR_COLUMN}, values: {column: {THEIR_CODE: code}}}}``.
    """

    location: str
    schema_name: str | None = None
    encoding: str = Field(
        "utf-8", description="Of CSV files, such as gb18030; a byte order mark in a file goes before it"
    )
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="Of CSV files; found in the header line where not set"
    )
    quote: str = Field('"', max_length=1, description="Of CSV files; empty where quotes are plain text")
    escape: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Of CSV files, such as a backslash, where quotes are not doubled",
    )
    int96: Literal["utc", "local"] = Field(
        "utc", description="What times of Parquet's type INT96 are: instants in UTC, or local time"
    )
    tables: tuple[str, ...] = ()
    rename: dict[str, TableMapping] = Field(default_factory=dict)
    deletions: Deletions | None = Field(
        None, description="Rows that went from the source, found by comparing all keys; off where not set"
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            # Python also has codecs that are no text encodings, such as zip.
            "".encode(codecs.lookup(value).name)
        except (LookupError, ValueError, TypeError):
            raise ValueError(f"{value!r} is not a text encoding, such as utf-8 or gb18030") from None
        return value

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab_by_name(cls, value: Any) -> Any:
        return "\t" if value in ("tab", "\\t") else value

    @model_validator(mode="after")
    def _not_the_same(self) -> SourceSettings:
        given = [character for character in (self.delimiter, self.quote, self.escape) if character]
        if len(set(given)) < len(given):
            raise ValueError(
                "delimiter, quote and escape must differ; a quote within quotes is doubled without escape"
            )
        return self

    @field_validator("delimiter", "quote", "escape")
    @classmethod
    def _one_plain_character(cls, value: str | None) -> str | None:
        if value and (value in "\r\n\0" or not value.isascii()):
            raise ValueError("must be one ASCII character, and no line end")
        return value


class TableMapping(SettingsModel):
    """Names and codes a source uses for one contract table."""

    name: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="By contract column: what the source writes to what is meant by it"
    )

    @field_validator("values", mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        """Numbers stand for their digits; YAML's yes, no, true and false cannot be told apart as keys and are refused."""

        def text(code: Any, *, key: bool) -> Any:
            if isinstance(code, bool):
                if key:
                    raise ValueError("a code that YAML reads as true or false must stand in quotes")
                return "true" if code else "false"
            return str(code) if isinstance(code, (int, float)) else code

        if not isinstance(value, Mapping):
            return value
        return {
            column: {text(theirs, key=True): text(ours, key=False) for theirs, ours in codes.items()}
            if isinstance(codes, Mapping)
            else codes
            for column, codes in value.items()
        }
