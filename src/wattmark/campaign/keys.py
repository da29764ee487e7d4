"""The home's own campaign key: made once, read by its owner alone, never printed.

It decides who is a control customer and hides addresses in ``ops.suppression``; another key is another
assignment, so it is never changed.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from pathlib import Path

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
