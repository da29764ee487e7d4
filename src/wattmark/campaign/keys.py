"""The home's own campaign key: made once, read by its owner alone, never printed.

It decides who is a control customer and hides addresses in ``ops.suppression``; another key is another
assignment, so it is never changed.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
from pathlib import Path

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
        home.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        # A link does not replace: of two that start together, one makes the key and both read it.
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
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
