"""The home's own campaign key, and the keys that list files are encrypted to.

The campaign key is made once, read by its owner alone, never printed. It decides who is a control customer and hides
addresses and records in schema ``ops``. With another key nobody's refusal would be found again and every arm be drawn
anew, so ``ops`` holds its fingerprint, and nothing is done without that key.

Lists are encrypted by age (https://age-encryption.org): to the public keys of those who receive them, and to the
utility's own identity, with which they are opened here to be told from others.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyrage import IdentityError, RecipientError, x25519
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
                "INSERT INTO ops.campaign_key (one, fingerprint, noted_at) VALUES (TRUE, :mark, now()) "
                "ON CONFLICT (one) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, noted_at = EXCLUDED.noted_at "
                "WHERE campaign_key.fingerprint <> EXCLUDED.fingerprint"
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


OWN = "AGE-SECRET-KEY-"
"""How the line of an identity begins that nobody else may read."""
MAKE_IDENTITY = "Make one: wattmark campaign list-key FILE (or age-keygen -o FILE)."


@dataclass(frozen=True)
class ListKeys:
    """What list files are encrypted to and opened with (both of pyrage).

    Attributes:
        identities: the utility's own, the newest first.
        recipients: public keys by channel; ``*`` stands for every channel.
    """

    identities: tuple[Any, ...]
    recipients: dict[str, tuple[Any, ...]]

    def of(self, channel: str) -> list[Any]:
        """Who can open the lists of a channel: the utility's newest identity, and those named for the channel."""
        return [
            self.identities[0].to_public(),
            *self.recipients.get("*", ()),
            *self.recipients.get(channel, ()),
        ]


def list_keys(settings: Settings) -> ListKeys | None:
    """The keys of list files, or None where the utility sets none and lists stay open.

    Raises:
        CampaignError: as ``own_identities`` and ``recipient``.
    """
    identities = own_identities(settings)
    if not identities:
        return None
    named = settings.campaigns.list_recipients
    return ListKeys(
        identities,
        {channel: tuple(recipient(channel, key) for key in keys) for channel, keys in named.items()},
    )


def own_identities(settings: Settings) -> tuple[Any, ...]:
    """The utility's own identities, the newest first; none where lists stay open.

    Raises:
        CampaignError: their file cannot be read or holds none; there is no such file, and recipients are named or the
            key of an earlier release is set.
    """
    said = settings.campaigns
    if said.list_identity_file is not None:
        return _identities(said.list_identity_file)
    if said.list_key_file is not None:
        raise CampaignError(
            "campaign.list_key_replaced",
            "campaigns.list_key_file is read no more: lists are encrypted by age, and none is written open in its place.",
            "Make an identity (wattmark campaign list-key FILE), name it as campaigns.list_identity_file and take "
            "list_key_file out; then make lists that await approval again: wattmark campaign run --as-of DAY.",
        )
    if any(said.list_recipients.values()):
        raise CampaignError(
            "campaign.list_identity",
            "campaigns.list_recipients names who opens lists, and campaigns.list_identity_file no identity of the utility's "
            "own, without which no list can be told from another before it is released.",
            MAKE_IDENTITY,
        )
    return ()


def recipient(channel: str, key: str) -> Any:
    """The public key of age that a setting names.

    Raises:
        CampaignError: it is none; a secret key is not repeated.
    """
    where = f"campaigns.list_recipients.{channel}"
    if OWN in key.upper():
        raise CampaignError(
            "campaign.list_recipients",
            f"{where} holds a secret key; whoever reads the settings can open lists with it.",
            "Make a new pair, and name its public key, which begins with age1.",
        )
    try:
        return x25519.Recipient.from_str(key)
    except RecipientError:
        raise CampaignError(
            "campaign.list_recipients",
            f"{where}: {key[:80]!r} is no public key of age.",
            "It begins with age1 and has 62 characters; ask who receives the lists for it (age-keygen -y shows it).",
        ) from None


def _identities(file: Path) -> tuple[Any, ...]:
    try:
        lines = [line.strip() for line in file.read_text(encoding="ascii").splitlines()]
        found = tuple(x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#"))
    except (OSError, UnicodeDecodeError, IdentityError):
        found = ()
    if not found:
        raise CampaignError(
            "campaign.list_identity", f"{file} cannot be read, or holds no identity of age.", MAKE_IDENTITY
        )
    return found


def make_identity(file: Path) -> str:
    """Make an identity of age in a file that its owner alone can read; returns its public key.

    Raises:
        CampaignError: the file is there already; it stays as it is.
    """
    made = x25519.Identity.generate()
    public = str(made.to_public())
    text = f"# public key: {public}\n{made}\n"
    write_atomically(file, text, private=True, replace=False)
    if file.read_text(encoding="ascii") != text:
        raise CampaignError(
            "campaign.list_identity",
            f"{file} is there already; what was encrypted to it can be opened with it alone.",
            "Name another file.",
        )
    return public
