"""Everything a utility sets, typed and checked, in one file of theirs.

Defaults stand in ``include/settings.default.yaml``; a utility writes only what differs into
``<home>/settings.yaml``. Both are merged key by key and checked as a whole, so a misspelt key is
refused with its file and line instead of being ignored.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from wattmark.errors import SettingsError
from wattmark.yamlfile import line_of, read_yaml

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


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Utility(_Model):
    """Who the utility is: what decides local days, holidays and valid phone numbers."""

    time_zone: str = "Asia/Shanghai"
    country: str = Field("CN", pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    subdivision: str | None = None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception as error:
            raise ValueError(f"{value!r} is not an IANA time zone") from error
        return value


class SourceSettings(_Model):
    """One place that tables are read from.

    ``location`` is a folder, a SQLAlchemy URL, or the id of an Airflow connection written as
    ``airflow:<conn_id>``. ``tables`` limits what is taken from it (empty: all it has). ``rename`` maps
    contract names to the source's own: ``{table: {name: THEIR_TABLE, columns: {column: THEIR_COLUMN}}}``.
    """

    location: str
    schema_name: str | None = None
    encoding: str = Field("utf-8", description="Of CSV files, such as gb18030")
    tables: tuple[str, ...] = ()
    rename: dict[str, TableMapping] = Field(default_factory=dict)


class TableMapping(_Model):
    """Names a source uses for one contract table."""

    name: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)


class Compute(_Model):
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


class Extract(_Model):
    """How far an incremental extract reaches back for rows that came late."""

    lookback_days: int = Field(35, ge=0, le=3660)
    batch_rows: int = Field(100_000, ge=1_000, le=5_000_000)
    orders_late_minutes: int = Field(
        60,
        ge=0,
        le=1440,
        description="How late an order may appear at the source by day; the night finds later ones",
    )


class LakeHistory(_Model):
    """How long earlier versions of the lake's tables are kept."""

    replay_days: int = Field(
        400, ge=2, le=36_600, description="Days back that rules can be replayed on what was known then"
    )


class Services(_Model):
    """The embedded services, and what replaces them where a utility has its own servers."""

    postgres_port: int = Field(5499, ge=1024, le=65535)
    airflow_port: int = Field(8080, ge=1024, le=65535)
    warehouse_url: str | None = Field(
        None, description="SQLAlchemy URL of a PostgreSQL warehouse of one's own"
    )
    airflow_database_url: str | None = Field(None, description="SQLAlchemy URL for Airflow's metadata")


class ChannelSettings(_Model):
    """What one channel costs and carries, and when it may be used (local time)."""

    cost_amount: float = Field(0.0, ge=0)
    daily_limit: int | None = Field(
        None, ge=0, description="Contacts a day over all campaigns; none where empty"
    )
    days: Literal["every_day", "no_holidays", "working_days"] = "every_day"
    from_hour: int = Field(9, ge=0, le=23, description="Outside from_hour to until_hour is quiet")
    until_hour: int = Field(20, ge=1, le=24)


class Campaigns(_Model):
    """What holds for all campaigns."""

    global_control_share: float = Field(0.02, ge=0, le=0.5, description="Customers no campaign contacts")
    contacts: int = Field(2, ge=0, description="Contacts a customer in contact_days, over all campaigns")
    contact_days: int = Field(30, ge=1, le=366)
    adult_years: int = Field(18, ge=0, le=30)
    list_key_file: Path | None = Field(
        None, description="File with a base64 key of 32 bytes that list files are encrypted with"
    )
    delivery: str | None = Field(
        None, description="Folder or URL (sftp://, s3://, …) released lists are delivered to"
    )
    approvers: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Who may approve for a role that campaigns name; * is every role"
    )
    channels: dict[Literal["post", "sms", "phone", "email", "app", "visit"], ChannelSettings] = Field(
        default_factory=dict
    )


class Schedule(_Model):
    """When DAGs run by themselves, as cron expressions in the utility's time zone; None: only when triggered."""

    nightly: str | None = Field("0 2 * * *", description="The night of the day before")
    counter: str | None = Field("*/5 * * * *", description="New and changed orders checked by day")
    late_hours: float = Field(
        2.0, gt=0, le=48, description="A night not done so long after it was queued is told as late"
    )


class Mail(_Model):
    """Who is told by mail, over the SMTP server of an Airflow connection (server, user, password)."""

    to: tuple[str, ...] = Field(min_length=1, description="Addresses")
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="Address the mail comes from")
    connection: str = Field("wattmark_smtp", description="Airflow connection of type smtp")

    @field_validator("to")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if one.count("@") != 1 or one != one.strip() or any(part == "" for part in one.split("@")):
                raise ValueError(f"{one!r} is not a mail address")
        return value


class Webhook(_Model):
    """A URL that is sent a POST with what happened as JSON.

    ``style: json`` sends all fields, ``text`` among them, as Slack, Mattermost and Teams read it; ``style: text``
    sends ``{msgtype: text, text: {content: …}}``, as WeCom and DingTalk read it.
    """

    url: SecretStr | None = Field(None, description="http or https; often holds a token")
    connection: str | None = Field(
        None,
        description="Airflow connection of type http in its place; its password is sent as a bearer token",
    )
    style: Literal["json", "text"] = "json"
    timeout_s: float = Field(10.0, gt=0, le=60, description="Seconds")

    @field_validator("url")
    @classmethod
    def _web(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("not a URL of http or https")
        return value

    @model_validator(mode="after")
    def _one_target(self) -> Webhook:
        if (self.url is None) == (self.connection is None):
            raise ValueError("either url or connection is needed, and not both")
        return self


class Notify(_Model):
    """Who is told when a night fails, is late, or brings less data than usual; nobody where both are empty."""

    mail: Mail | None = None
    webhook: Webhook | None = None


class Audit(_Model):
    """What holds for the audit besides the rules' own parameters."""

    root_causes: int = Field(
        20, ge=0, description="Causes tried a night to explain other findings, most money first"
    )


class Override(_Model):
    """A changed parameter: who loosens a limit says since when and why."""

    value: Any
    since: dt.date
    reason: str = Field(min_length=3)


class Settings(_Model):
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
    services: Services = Services()
    schedule: Schedule = Schedule()
    notify: Notify = Notify()
    campaigns: Campaigns = Campaigns()
    audit: Audit = Audit()
    parameters: dict[str, dict[str, Override]] = Field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The utility's time zone."""
        return ZoneInfo(self.utility.time_zone)

    @property
    def lake(self) -> Path:
        """Folder of the Delta tables."""
        return self.home / "lake"

    @property
    def scratch(self) -> Path:
        """Folder for spill files; may be emptied between nights."""
        return self.home / "scratch"

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
    folder = Path(home).resolve() if home else default_home()
    project = Path(os.environ.get("WATTMARK_PROJECT", PROJECT_ROOT))
    default_file = project / "include" / "settings.default.yaml"
    own_file = folder / "settings.yaml"
    merged: dict[str, Any] = _merge({}, read_yaml(default_file) or {})
    if own_file.exists():
        merged = _merge(merged, read_yaml(own_file) or {})
    if location := os.environ.get(SOURCE_VARIABLE):
        merged["sources"] = [{"location": location}]
    if urls := {key: os.environ[name] for key, name in SERVICE_VARIABLES.items() if os.environ.get(name)}:
        merged = _merge(merged, {"services": urls})
    if hook := os.environ.get(WEBHOOK_VARIABLE):
        merged = _merge(merged, {"notify": {"webhook": {"url": hook, "connection": None}}})
    merged = _merge(merged, overrides)
    try:
        return Settings.model_validate({**merged, "home": folder, "project": project})
    except ValidationError as error:
        first = error.errors()[0]
        path = [part for part in first["loc"] if isinstance(part, (str, int))]
        file = own_file if own_file.exists() and line_of(own_file, path) else default_file
        raise SettingsError(
            "settings.invalid",
            f"{file}:{line_of(file, path) or 1}: {'.'.join(map(str, path))}: {first['msg']}.",
            "Correct the key; include/settings.default.yaml shows every setting with its default.",
        ) from None
