"""Who a utility has told of nights and of audit cases, and over which ways."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from wattmark.source_settings import SettingsModel
from wattmark.user_settings import mail_address


class Mail(SettingsModel):
    """Who is told by mail, over the SMTP server of an Airflow connection (server, user, password)."""

    to: tuple[Annotated[str, AfterValidator(mail_address)], ...] = Field(
        min_length=1, description="Addresses"
    )
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="Address the mail comes from")
    connection: str = Field("wattmark_smtp", description="Airflow connection of type smtp")


class Webhook(SettingsModel):
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


class CaseAlerts(SettingsModel):
    """What is told of audit cases, by mail to whom it concerns (``users.<login>.email``) and to the webhook."""

    high: bool = Field(True, description="Cases of high severity that were opened or reopened")
    braked: bool = Field(True, description="Rules that the brake holds")
    overdue: bool = Field(True, description="Cases that are overdue")
    approver_days: int = Field(
        3, ge=1, description="Days after its owner was told that a case still overdue is told to an approver"
    )


class Notify(SettingsModel):
    """Who is told when a night fails, is late, or brings less data than usual, and of cases; nobody where both are empty."""

    mail: Mail | None = None
    webhook: Webhook | None = None
    cases: CaseAlerts = CaseAlerts()
