"""Who signs in to the embedded Airflow, and who acts on cases: users by login, as a utility names them."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from wattmark.source_settings import SettingsModel

ADMIN = "admin"
"""The user every Airflow has: its administrator, and on cases an approver of the top unit unless settings say otherwise."""
RESERVED = ("night",)
"""Actors of the log of cases that are nobody."""
_LOGIN = re.compile(r"[^\W_][\w.@+-]{0,63}")


def _login(value: str) -> str:
    """A login that Airflow's lists of users can hold, and that is nobody else's.

    Raises:
        ValueError: it is none.
    """
    if not _LOGIN.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a login: letters, digits and . @ + - _ are, up to 64, a letter or digit first"
        )
    if value.lower() in RESERVED:
        raise ValueError(f"{value!r} is not a login: what the program itself does bears that name")
    return value


def mail_address(value: str) -> str:
    """Something mail can be sent to.

    Raises:
        ValueError: it is none.
    """
    # No blank, which would begin another header's line.
    if value.count("@") != 1 or re.search(r"\s", value) or any(part == "" for part in value.split("@")):
        raise ValueError(f"{value!r} is not a mail address")
    return value


class User(SettingsModel):
    """What somebody may do on cases, and who of the staff it is."""

    role: Literal["viewer", "worker", "approver"] = Field(
        description="viewer sees, worker acts, approver also approves, assigns and reopens"
    )
    staff_id: str | None = Field(
        None, min_length=1, description="Of table staff; needed to be assigned cases"
    )
    org_unit_id: str | None = Field(
        None,
        min_length=1,
        description="Unit whose cases, and those of units below, are seen; that of staff_id",
    )
    email: Annotated[str, AfterValidator(mail_address)] | None = Field(
        None, description="Where alerts about their cases go; without one they go to an approver above"
    )


Users = dict[Annotated[str, AfterValidator(_login)], User]


def one_login_each(users: Users) -> Users:
    """Refuse two logins of one member of staff: whoever has both would approve what they proposed.

    Raises:
        ValueError: names the second login.
    """
    known: dict[str, str] = {}
    for login, user in users.items():
        if user.staff_id is not None and known.setdefault(user.staff_id, login) != login:
            raise ValueError(f"{login}: {user.staff_id} signs in as {known[user.staff_id]} already")
    lowered: dict[str, str] = {}
    for login in users:
        if lowered.setdefault(login.lower(), login) != login:
            raise ValueError(f"{login}: {lowered[login.lower()]} differs from it in case alone")
    return users
