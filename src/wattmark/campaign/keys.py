"""The home's own campaign key: made once, read by its owner alone, never printed.

It decides who is a control customer and hides addresses and records in schema ``ops``. With another key nobody's refusal
would be found again and every arm be drawn anew, so ``ops`` holds its fingerprint, and nothing is done without that key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from wattmark.atomic import write_atomically
from wattmark.campaign.definition import CampaignError
from wattmark.home import Home
from wattmark.settings import Settings

KEY_BYTES = 32


def campaign_key(home: Path) -> str:
    """The key of a home, 64 hexadecimal digits; made where there is none, in one step.

    Raises:
        CampaignError: the file is there and holds no key.
    """
    file = Home(home).campaign_key
    if not file.exists():
        # Of two that start together, one makes the key and both read it.
        write_atomically(file, secrets.token_hex(KEY_BYTES) + "\n", private=True, replace=False)
    text = file.read_text(encoding="ascii").strip()
    if len(text) != 2 * KEY_BYTES or not all(digit in "0123456789abcdef" for digit in text):
        raise CampaignError(
            "campaign.key", f"{file} holds no key.", "Put the home's own key back from its backup."
        )
    return text


def fingerprint(key: str) -> str:
    """What may be shown of a key, 16 hexadecimal digits: it tells two keys apart and gives neither away."""
    return hashlib.sha256(f"campaign.key{key}".encode()).hexdigest()[:16]


def known_key(home: Path, engine: Engine) -> str:
    """The key of a home, which schema ``ops`` must know; the first use of one notes its fingerprint there.

    Raises:
        CampaignError: ``campaign.key_missing``, ``campaign.key_changed``: ``ops`` holds hashes made with a key that is
            not there, or with another one. Nothing is made and nothing changed.
    """
    with engine.begin() as connection:
        check_key(home, connection)
        key = campaign_key(home)
        mark = fingerprint(key)
        connection.execute(
            text(
                "INSERT INTO ops.campaign_key AS k (one, fingerprint, noted_at) VALUES (TRUE, :mark, now()) "
                "ON CONFLICT (one) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, noted_at = EXCLUDED.noted_at "
                "WHERE k.fingerprint <> EXCLUDED.fingerprint"
            ),
            {"mark": mark},
        )
    return key


def check_key(home: Path, connection: Connection) -> None:
    """Hold the home's key against what schema ``ops`` knows of it; makes no key.

    Raises:
        CampaignError: ``campaign.key_missing`` or ``campaign.key_changed``, see ``known_key``.
    """
    noted, is_used = connection.execute(
        text(
            "SELECT (SELECT fingerprint FROM ops.campaign_key), EXISTS (SELECT FROM ops.suppression) "
            "OR EXISTS (SELECT FROM ops.campaign_arm) OR EXISTS (SELECT FROM ops.campaign_run)"
        )
    ).one()
    if not is_used:
        return
    file = Home(home).campaign_key
    which = f"the key with the fingerprint {noted}" if noted else "another key"
    remedy = (
        f"Put the campaign.key {f'whose fingerprint is {noted} ' if noted else 'of this warehouse '}back from its backup; "
        "docs/operations.md, The campaign key, tells what to do where there is none."
    )
    if not file.exists():
        raise CampaignError(
            "campaign.key_missing",
            f"{file} is missing, and refusals and arms in schema ops are kept under hashes made with {which}.",
            remedy,
        )
    found = fingerprint(campaign_key(home))
    if noted is not None and found != noted:
        raise CampaignError(
            "campaign.key_changed",
            f"{file} has the fingerprint {found}, and refusals and arms in schema ops are kept under hashes made with {which}.",
            remedy,
        )


def list_key(settings: Settings) -> bytes | None:
    """The utility's key for list files, or None where it sets none.

    Raises:
        CampaignError: the file cannot be read, or holds no base64 key of 32 bytes.
    """
    file = settings.campaigns.list_key_file
    if file is None:
        return None
    try:
        key = base64.b64decode(file.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise CampaignError(
            "campaign.list_key",
            f"{file} holds no base64 key of {KEY_BYTES} bytes.",
            "Make one: openssl rand -base64 32.",
        )
    return key
