"""How servers are reached that files are kept on or handed over to: object stores and SFTP servers."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from wattmark.source_settings import SettingsModel


class S3(SettingsModel):
    """Where the object store of ``s3://`` answers. Its keys come from the standard variables and files of AWS."""

    endpoint_url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#@\s]+/?$",
        description="Server of S3 other than Amazon's, such as https://s3.utility.example:8333",
    )
    region: str | None = Field(
        None, pattern=r"^[a-z0-9-]+$", description="As AWS_REGION; us-east-1 if neither"
    )


class Sftp(SettingsModel):
    """How the server of ``sftp://`` is known, and who is let in there."""

    key_file: Path | None = Field(
        None, description="Private key that logs in; those of the agent and of ~/.ssh where empty"
    )
    known_hosts_file: Path | None = Field(
        None, description="Keys of the server as OpenSSH keeps them; ~/.ssh/known_hosts where empty"
    )
