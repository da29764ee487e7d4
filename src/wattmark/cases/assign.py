"""Who gets a case: the nearest unit upwards with somebody of the post, there the one with the least work."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from wattmark.cases.draft import Draft
from wattmark.cases.model import IN_DISPUTE
from wattmark.engine.session import Session

_RANK = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True)
class Login:
    """A row of ``ops.staff_login`` with a member of staff."""

    staff_id: str
    org_unit_id: str
    role: str


class Staffing:
    """Units, and the staff of each post that has a login and may decide on cases.

    Args:
        parents: each unit's parent; empty for one that has none, or none that is there.
        posts: unit and post of each member of staff.
        logins: who has a login.
        top_unit: the unit that answers for what no other does; None where there are no units.
    """

    def __init__(
        self,
        parents: Mapping[str, str | None],
        posts: Mapping[str, tuple[str, str]],
        logins: Iterable[Login],
        top_unit: str | None,
    ) -> None:
        self._parents = dict(parents)
        self._chains: dict[str | None, tuple[str, ...]] = {}
        self.top_unit = top_unit
        self._members: dict[tuple[str, str], list[str]] = {}
        acting: set[str] = set()
        for login in logins:
            if login.role == "viewer" or login.staff_id not in posts or login.staff_id in acting:
                continue
            unit, post = posts[login.staff_id]
            # Somebody who acts only below the own unit cannot take what is given to it.
            if login.org_unit_id in self.upwards(unit):
                acting.add(login.staff_id)
                self._members.setdefault((unit, post), []).append(login.staff_id)
        for members in self._members.values():
            members.sort()

    def upwards(self, org_unit_id: str | None) -> tuple[str, ...]:
        """A unit and those above it, nearest first; the top unit alone for none, or one that is unknown."""
        chain = self._chains.get(org_unit_id)
        if chain is None:
            found: list[str] = []
            unit = org_unit_id if org_unit_id in self._parents else self.top_unit
            while unit is not None and unit not in found:
                found.append(unit)
                unit = self._parents.get(unit)
            chain = self._chains[org_unit_id] = tuple(found)
        return chain

    def candidates(
        self, org_unit_id: str | None, post: str, barred: Collection[str]
    ) -> tuple[str | None, list[str]]:
        """The nearest unit from one upwards with members of a post who may judge a case, and these.

        Args:
            org_unit_id: the finding's unit.
            post: the post.
            barred: staff whose own work it is.

        Returns:
            the unit and its members by id; the top unit and nobody where there is none anywhere.
        """
        for unit in self.upwards(org_unit_id):
            members = [staff for staff in self._members.get((unit, post), ()) if staff not in barred]
            if members:
                return unit, members
        return self.top_unit, []


def staffing(session: Session, logins: Iterable[Login]) -> Staffing:
    """Units and staff as the night's source has them."""
    units = session.query(
        "SELECT u.org_unit_id, above.org_unit_id AS parent_id FROM source.org_unit AS u "
        "LEFT JOIN source.org_unit AS above ON above.org_unit_id = u.parent_id ORDER BY u.org_unit_id"
    ).read_all()
    staff = session.query(
        "SELECT s.staff_id, s.org_unit_id, s.post FROM source.staff AS s ORDER BY s.staff_id"
    ).read_all()
    top = session.query("SELECT t.org_unit_id FROM core.top_unit AS t").read_all()["org_unit_id"].to_pylist()
    return Staffing(
        dict(zip(units["org_unit_id"].to_pylist(), units["parent_id"].to_pylist(), strict=True)),
        {row["staff_id"]: (row["org_unit_id"], row["post"]) for row in staff.to_pylist()},
        logins,
        top[0] if top else None,
    )


def hours_in_work(
    drafts: Iterable[Draft], hours: Callable[[str], decimal.Decimal]
) -> dict[str, decimal.Decimal]:
    """Hours of the cases that each member of staff has in work: open to rectifying, and reopened."""
    found: dict[str, decimal.Decimal] = {}
    for draft in drafts:
        staff = draft.get("assigned_to")
        if staff is not None and draft.state in IN_DISPUTE:
            found[staff] = found.get(staff, decimal.Decimal(0)) + hours(draft.case.rule_id)
    return found


def in_order(drafts: Iterable[Draft]) -> list[Draft]:
    """Cases in the order in which they are given out: severity, most money, id."""

    def place(draft: Draft) -> tuple[int, decimal.Decimal, str]:
        return (
            _RANK[draft.get("severity")],
            -abs(draft.get("at_stake_amount") or decimal.Decimal(0)),
            draft.case_id,
        )

    return sorted(drafts, key=place)
