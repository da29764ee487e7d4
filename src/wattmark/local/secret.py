"""Passwords and keys of a home: made once, readable by its owner alone, never logged."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.fernet import Fernet

from wattmark.atomic import write_atomically
from wattmark.home import Home, login_secret, read_secrets
from wattmark.user_settings import ADMIN

_MAKERS: dict[str, Callable[[], str]] = {
    "postgres": lambda: secrets.token_urlsafe(24),
    "airflow": lambda: secrets.token_urlsafe(24),
    "wattmark": lambda: secrets.token_urlsafe(24),
    # 64 characters: HS512 refuses a shorter key.
    "jwt": lambda: secrets.token_hex(32),
    "session": lambda: secrets.token_hex(32),
    "fernet": lambda: Fernet.generate_key().decode("ascii"),
}


def ensure_secrets(home: Path, logins: Iterable[str] = (ADMIN,)) -> dict[str, str]:
    """The secrets of a home, made where they are missing. To be called with the home locked.

    Args:
        home: the home folder.
        logins: users of Airflow, each of whom has a password.

    Raises:
        ServiceError: the file is there and cannot be read.
    """
    file = Home(home).secrets
    known = read_secrets(file) if file.exists() else {}
    makers = _MAKERS | {login_secret(login): lambda: secrets.token_urlsafe(18) for login in logins}
    missing = {name: make() for name, make in makers.items() if name not in known}
    if missing or file.stat().st_mode & 0o077:
        known |= missing
        write_atomically(file, json.dumps(known, indent=2) + "\n", private=True)
    return known
