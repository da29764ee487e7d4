"""The channels of contact, read from ``include/channels.yaml``, the one place that names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from wattmark.code_names import LANGUAGES
from wattmark.errors import SettingsError
from wattmark.yamlfile import line_of, read_mapping

FILE = Path(__file__).resolve().parents[2] / "include" / "channels.yaml"
ADDRESSES = ("postal", "place", "mobile", "telephone", "email")
"""Kinds of address that ``campaign.address`` knows, beside ``holds:<product_code>``."""
CONTACT_COLUMNS = (
    "name",
    "contact_name",
    "language",
    "postal_address",
    "postcode",
    "mobile",
    "phone",
    "email",
)
"""Personal columns that some list may show. Identity, tax and bank numbers and birthdays are on none."""
PARTS = ("subject", "text", "script")
"""Parts of a message that a channel may carry."""
SEED_COLUMNS = ("name", "mobile", "phone", "email", "postal_address", "postcode")
"""What a seed may name."""


@dataclass(frozen=True)
class ChannelKind:
    """One channel; see the file for what its keys mean."""

    name: str
    address: str
    shows: tuple[str, ...] = ()
    may_show: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    opt_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seed: str | None = None
    one_an_address: bool = True


@lru_cache(maxsize=4)
def channels(path: Path = FILE) -> dict[str, ChannelKind]:
    """All channels by name, in the file's order.

    Raises:
        SettingsError: a key or a value is none that is known; names file, line and key.
    """
    found = {}
    for name, entry in read_mapping(path).items():
        try:
            lists = {key: tuple(entry.get(key) or ()) for key in ("shows", "may_show", "says")}
            kind = ChannelKind(**{"name": name, **entry, **lists})
        except (TypeError, AttributeError):
            raise _error(path, name, "it has a key that no channel has, or lacks its address") from None
        if kind.address not in ADDRESSES and not kind.address.startswith("holds:"):
            raise _error(path, name, f"{kind.address} is no kind of address")
        for column in (*kind.shows, *kind.may_show):
            if column not in CONTACT_COLUMNS:
                raise _error(path, name, f"{column} may stand on no list")
        for part in kind.says:
            if part not in PARTS:
                raise _error(path, name, f"{part} is no part of a message")
        if set(kind.opt_out) not in (set(), set(LANGUAGES)):
            raise _error(path, name, f"opt_out is wanted in {' and '.join(LANGUAGES)}")
        if kind.seed not in (None, *SEED_COLUMNS):
            raise _error(path, name, f"{kind.seed} is nothing that a seed names")
        found[name] = kind
    return found


def _error(path: Path, name: str, said: str) -> SettingsError:
    return SettingsError("channels.invalid", f"{path}:{line_of(path, [name]) or 1}: {name}: {said}.")


CHANNELS = tuple(channels())
"""Names of the channels, in the file's order."""


def channel_or_all(name: str) -> str:
    """The name, if it is one of a channel or ``*``; for use as a validator.

    Raises:
        ValueError: it is none.
    """
    return name if name == "*" else known_channel(name)


def known_channel(name: str) -> str:
    """The name, if it is one of a channel; for use as a validator.

    Raises:
        ValueError: it is none.
    """
    if name not in CHANNELS:
        raise ValueError(f"Input should be one of {', '.join(CHANNELS)}")
    return name
