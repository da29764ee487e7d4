"""Everything a utility sets, typed and checked, in one file of theirs.

Defaults stand in ``include/settings.default.yaml``; a utility writes only what differs into
``<home>/settings.yaml``. Both are merged key by key and checked as a whole, so a misspelt key is
refused with its file and line instead of being ignored.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from wattmark.audit_settings import Audit
from wattmark.campaign_settings import ChannelSettings, Messages
from wattmark.case_settings import Cases
from wattmark.channels import channel_or_all, known_channel
from wattmark.errors import SettingsError, WattmarkError, together
from wattmark.home import Home
from wattmark.notify_settings import Notify
from wattmark.source_settings import SettingsModel, SourceSettings
from wattmark.store_settings import S3, Sftp
from wattmark.user_settings import Users, one_login_each
from wattmark.yamlfile import line_of, read_mapping

PROJECT_ROOT = Path(__file__).resolve().parents[2]
"""Folder that holds ``include/``, ``dags/`` and ``expectations/`` (the checkout, or /opt/wattmark)."""

SOURCE_VARIABLE = "WATTMARK_SOURCE"
"""Environment variable naming one source that takes the place of the configured ones."""

SERVICE_VARIABLES = {
    "warehouse_url": "WATTMARK_WAREHOUSE_URL",
    "airflow_database_url": "WATTMARK_AIRFLOW_DATABASE_URL",
}
"""Environment variables that win over ``services``: URLs hold passwords, which need not stand in a file."""

WEBHOOK_VARIABLE = "WATTMARK_NOTIFY_WEBHOOK_URL"
"""Environment variable that wins over ``notify.webhook.url``, which often holds a token."""


def cron_expression(value: str) -> str:
    """A cron expression of five fields that fires some day; for validators.

    Raises:
        ValueError: it is none.
    """
    from croniter import CroniterBadDateError, CroniterError, croniter

    try:
        if len(value.split()) == 5:
            croniter(value, dt.datetime(2026, 1, 1)).get_next()
            return value
    except CroniterBadDateError:
        raise ValueError(f"{value!r} never fires") from None
    except (CroniterError, ValueError, OverflowError):
        pass
    raise ValueError(f"{value!r} is not a cron expression of five fields")


class Utility(SettingsModel):
    """Who the utility is: what decides local days, holidays and valid phone numbers."""

    time_zone: str = "Asia/Shanghai"
    country: str = Field("CN", pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    subdivision: str | None = None
    language: Literal["en", "zh"] | None = Field(
        None, description="Language of reviews; left out: zh in China, else en"
    )

    @property
    def speaks(self) -> Literal["en", "zh"]:
        """The language that the utility's own papers are in."""
        return self.language or ("zh" if self.country == "CN" else "en")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception as error:
            raise ValueError(f"{value!r} is not an IANA time zone") from error
        return value

    @model_validator(mode="after")
    def _known_country(self) -> Utility:
        if (self.country, self.subdivision) == ("CN", None):
            return self
        # Where its holidays are not known, working days cannot be counted.
        from holidays.utils import list_supported_countries

        known = list_supported_countries()
        if self.country not in known:
            raise ValueError(f"country: {self.country!r} is no ISO 3166-1 country whose holidays are known")
        parts = known[self.country]
        if self.subdivision is not None and self.subdivision not in parts:
            raise ValueError(
                f"subdivision: {self.country} has no {self.subdivision!r}; it has {', '.join(parts) or 'none'}"
            )
        return self


class Compute(SettingsModel):
    """How much of the machine one task may take, and which engine runs the SQL files."""

    engine: Literal["duckdb", "spark"] = "duckdb"
    threads: int = Field(2, ge=1, le=256)
    memory_limit_mb: int = Field(3072, ge=256)
    tasks: int = Field(
        2,
        ge=1,
        le=64,
        description="Tasks that compute side by side, each with its own memory; 1 where memory is short",
    )


class Extract(SettingsModel):
    """How far an incremental extract reaches back for rows that came late."""

    lookback_days: int = Field(35, ge=0, le=3660)
    batch_rows: int = Field(100_000, ge=1_000, le=5_000_000)
    orders_late_minutes: int = Field(
        60,
        ge=0,
        le=1440,
        description="How late an order may appear at the source by day; the night finds later ones",
    )


class LakeHistory(SettingsModel):
    """How long earlier versions of the lake's tables are kept."""

    replay_days: int = Field(
        400, ge=2, le=36_600, description="Days back that rules can be replayed on what was known then"
    )


class Writing(SettingsModel):
    """How long a writer of a home waits for another one."""

    wait_minutes: float = Field(
        120, ge=0, le=10_080, description="A second night, tidying, making lists: how long it waits its turn"
    )
    gone_minutes: float = Field(
        15, ge=1, le=1_440, description="A scheduler's night without a working process is over after that"
    )


class LakeCheck(SettingsModel):
    """How much of the lake a night compares with the checksums taken when it was written."""

    nightly_mb: int = Field(
        2048,
        ge=0,
        le=10_000_000,
        description="MB read a night, all files by turns; sizes are always compared",
    )


class Keep(SettingsModel):
    """How many days ``tidy`` leaves what nights write beside the lake; lists that somebody waits for stay in any case."""

    logs: int = Field(90, ge=2, le=36_600, description="Logs of nights, tasks and services, and the lineage")
    docs: int = Field(90, ge=2, le=36_600, description="Data Docs and reports of earlier nights")
    landing_notes: int = Field(90, ge=2, le=36_600, description="What each night noted of what it read")
    lists: int = Field(
        180,
        ge=2,
        le=36_600,
        description="Released and refused lists: personal data, so not longer than needed",
    )


class Metrics(SettingsModel):
    """Where the figures of a night go when it has ended, failed or not."""

    textfile: Path | None = Field(
        None, description="File for Prometheus' node exporter (its textfile folder), named *.prom"
    )

    @field_validator("textfile")
    @classmethod
    def _is_prom(cls, value: Path | None) -> Path | None:
        if value is not None and (value.suffix != ".prom" or not value.is_absolute()):
            raise ValueError(
                "it must be the whole path of a file named *.prom; the node exporter reads no other"
            )
        return value


class Services(SettingsModel):
    """The embedded services, and what replaces them where a utility has its own servers."""

    postgres_port: int = Field(5499, ge=1024, le=65535)
    airflow_port: int = Field(8080, ge=1024, le=65535)
    warehouse_url: str | None = Field(
        None, description="SQLAlchemy URL of a PostgreSQL warehouse of one's own"
    )
    airflow_database_url: str | None = Field(None, description="SQLAlchemy URL for Airflow's metadata")


class Campaigns(SettingsModel):
    """What holds for all campaigns."""

    global_control_share: float = Field(0.02, ge=0, le=0.5, description="Customers no campaign contacts")
    contacts: int = Field(2, ge=0, description="Contacts a customer in contact_days, over all campaigns")
    contact_days: int = Field(30, ge=1, le=366)
    adult_years: int = Field(18, ge=0, le=30)
    list_identity_file: Path | None = Field(
        None, description="File with the utility's own identity of age; list files are encrypted to it"
    )
    csv_bom: bool = Field(
        False, description="CSV lists begin with a byte order mark, by which spreadsheets know UTF-8"
    )
    list_recipients: dict[Annotated[str, AfterValidator(channel_or_all)], tuple[str, ...]] = Field(
        default_factory=dict,
        description="Public keys of age (age1…) that open the lists of a channel too; * is every channel",
    )
    list_key_file: Path | None = Field(None, description="Of 0.1.0: list_identity_file takes its place")
    delivery: str | None = Field(
        None, description="Folder or URL (sftp://, s3://, …) released lists are delivered to"
    )
    sftp: Sftp = Sftp()
    approvers: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Who may approve for a role that campaigns name; * is every role"
    )
    other_countries: tuple[str, ...] = Field(
        (), description="Other countries (ISO 3166-1 alpha-2) whose mobile numbers are used, such as HK"
    )
    messages: Messages = Messages()
    channels: dict[Annotated[str, AfterValidator(known_channel)], ChannelSettings] = Field(
        default_factory=dict
    )


class Schedule(SettingsModel):
    """When DAGs run by themselves, as cron expressions in the utility's time zone; None: only when triggered."""

    nightly: str | None = Field("0 2 * * *", description="The night of the day before")
    counter: str | None = Field("*/5 * * * *", description="New and changed orders checked by day")
    reviews: str | None = Field("0 9 1 * *", description="Questions about key accounts whose review is due")
    tidy: str | None = Field("0 12 * * 0", description="Files deleted that nothing needs any more")
    late_hours: float = Field(
        2.0, gt=0, le=48, description="A night not done so long after it was queued is told as late"
    )

    @field_validator("nightly", "counter", "reviews", "tidy")
    @classmethod
    def _is_cron(cls, value: str | None) -> str | None:
        return None if value is None else cron_expression(value)


def schedule_variable(name: str) -> str:
    """Environment variable that hands a cron of ``schedule`` to Airflow's processes; empty where it is None."""
    return f"WATTMARK_{name.upper()}_SCHEDULE"


class Override(SettingsModel):
    """A changed parameter: who loosens a limit says since when and why."""

    value: Any
    since: dt.date
    reason: str = Field(min_length=3)


class Settings(SettingsModel):
    """All settings of one home, immutable.

    ``parameters`` overrides what SQL headers and rules declare, by rule id or ``layer.table`` and then
    by parameter name; the header's type and bounds check the value when the file is loaded.
    """

    home: Path
    project: Path = PROJECT_ROOT
    utility: Utility = Utility()
    sources: tuple[SourceSettings, ...] = ()
    compute: Compute = Compute()
    extract: Extract = Extract()
    lake_history: LakeHistory = LakeHistory()
    lake_check: LakeCheck = LakeCheck()
    writer: Writing = Writing()
    keep: Keep = Keep()
    metrics: Metrics = Metrics()
    services: Services = Services()
    schedule: Schedule = Schedule()
    notify: Notify = Notify()
    campaigns: Campaigns = Campaigns()
    s3: S3 = S3()
    audit: Audit = Audit()
    cases: Cases = Cases()
    users: Annotated[Users, AfterValidator(one_login_each)] = Field(default_factory=dict)
    parameters: dict[str, dict[str, Override]] = Field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The utility's time zone."""
        return ZoneInfo(self.utility.time_zone)

    @property
    def lake(self) -> Path:
        """Folder of the Delta tables."""
        return Home(self.home).lake

    @property
    def scratch(self) -> Path:
        """Folder for spill files; may be emptied between nights."""
        return Home(self.home).scratch

    @property
    def include(self) -> Path:
        """Folder of SQL files, contract and campaigns."""
        return self.project / "include"


def default_home() -> Path:
    """The home folder: ``WATTMARK_HOME``, else ``.wattmark`` in the working folder."""
    return Path(os.environ.get("WATTMARK_HOME", ".wattmark")).resolve()


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = (
            _merge(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
        )
    return merged


def load_settings(home: Path | str | None = None, **overrides: Any) -> Settings:
    """Read the settings of a home.

    Args:
        home: the home folder; ``default_home()`` where None.
        overrides: top-level settings that take precedence over both files (the command line's).

    Raises:
        SettingsError: a key is unknown, or a value has the wrong type or is out of bounds.
    """
    settings, wrong = settings_as_far_as_right(home, **overrides)
    if wrong:
        raise together(wrong)
    return settings


def settings_as_far_as_right(
    home: Path | str | None = None, **overrides: Any
) -> tuple[Settings, tuple[WattmarkError, ...]]:
    """Settings without what is wrong in a home's file, and all that is wrong, so that the rest can be looked at too.

    Where the whole file cannot be read, or a source has no form, there are no sources.

    Raises:
        SettingsError: the defaults themselves are wrong.
    """
    folder = Path(home).resolve() if home else default_home()
    project = Path(os.environ.get("WATTMARK_PROJECT", PROJECT_ROOT))
    own_file = Home(folder).settings
    merged: dict[str, Any] = _merge({}, read_mapping(default_settings(project)))
    wrong: list[WattmarkError] = []
    # A link that leads nowhere is a mistake, not a file that is not there.
    if os.path.lexists(own_file):
        try:
            merged = _merge(merged, read_mapping(own_file))
        except SettingsError as error:
            wrong.append(error)
    if location := os.environ.get(SOURCE_VARIABLE):
        overrides.setdefault("sources", [{"location": location}])
    if urls := {key: os.environ[name] for key, name in SERVICE_VARIABLES.items() if os.environ.get(name)}:
        merged = _merge(merged, {"services": urls})
    if hook := os.environ.get(WEBHOOK_VARIABLE):
        merged = _merge(merged, {"notify": {"webhook": {"url": hook, "connection": None}}})
    merged = _merge(merged, overrides)
    while True:
        try:
            settings = Settings.model_validate({**merged, "home": folder, "project": project})
            return settings, tuple(wrong)
        except ValidationError as error:
            before = len(merged)
            for found in error.errors():
                wrong.append(_mistake(folder, project, found["loc"], str(found["msg"])))
                merged = _without(merged, found["loc"])
            if not before:
                raise


def _without(merged: Mapping[str, Any], loc: Sequence[str | int]) -> dict[str, Any]:
    """The settings less the key at a path, or less the top key where what is wrong is no key that can be left out."""
    top = loc[0] if loc else ""
    if not loc or top not in merged:
        return {
            key: value
            for key, value in merged.items()
            if isinstance(key, str) and key in Settings.model_fields
        }

    def less(node: Any, keys: Sequence[str | int]) -> Any:
        first, *rest = keys
        if isinstance(node, Mapping) and first in node:
            if not rest:
                return {key: value for key, value in node.items() if key != first}
            return {**node, first: less(node[first], rest)}
        if isinstance(node, list) and isinstance(first, int) and rest:
            return [less(item, rest) if at == first else item for at, item in enumerate(node)]
        raise KeyError(first)

    try:
        return dict(less(merged, [key for key in loc if key != "[key]"]))
    except KeyError:
        return {key: value for key, value in merged.items() if key != top}


def default_settings(project: Path) -> Path:
    """The file that holds every setting with its default."""
    return project / "include" / "settings.default.yaml"


def place(home: Path, project: Path, keys: Sequence[str | int]) -> str:
    """Where a setting stands, as file and line: the utility's own file, else the defaults."""
    for file in (Home(home).settings, default_settings(project)):
        if line := line_of(file, keys):
            return f"{file}:{line}"
    return f"{Home(home).settings}:1"


def _mistake(home: Path, project: Path, loc: Sequence[str | int], said: str) -> SettingsError:
    keys = [part for part in loc if part != "[key]"]
    text = said.removeprefix("Value error, ")
    # A check of several keys names the one that is wrong first.
    first, separator, rest = text.partition(": ")
    if separator and first.isidentifier():
        keys, text = [*keys, first], rest
    return SettingsError(
        "settings.invalid",
        f"{place(home, project, keys)}: {'.'.join(map(str, keys))}: {text}.",
        "Correct the key; include/settings.default.yaml shows every setting with its default.",
    )
