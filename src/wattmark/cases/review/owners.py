"""Who sees to what a review found: the approver of the unit, or of the nearest one above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from wattmark.cases.review.collect import Units
from wattmark.cases.review.items import SELF, Item
from wattmark.publish.findings import asked

_APPROVERS = """
SELECT l.org_unit_id, l.staff_id, s.post FROM ops.staff_login AS l LEFT JOIN mart.dim_staff AS s ON s.staff_id = l.staff_id
WHERE l.role = 'approver' ORDER BY l.org_unit_id, l.staff_id IS NULL, s.post IS DISTINCT FROM 'manager', l.staff_id
"""


def with_owners(connection: psycopg.Connection[Any], items: Sequence[Item], units: Units) -> list[Item]:
    """Items with their owners.

    The owner is the nearest unit, from the one that is to do something upwards, that has an approver with a login, and of its approvers
    a manager, else any member of staff, the lowest id. Where nobody is, the top unit alone. A figure that fell, or a hole in the
    audit, is for the unit below that made it so.
    """
    approvers: dict[str, str | None] = {}
    for row in asked(connection, _APPROVERS):
        approvers.setdefault(row["org_unit_id"], row["staff_id"])
    found = []
    for item in items:
        start = item.child_id if item.child_id not in (None, SELF) else item.org_unit_id
        unit = next((above for above in units.upwards(start) if above in approvers), units.top)
        found.append(replace(item, owner_org_unit_id=unit, owner_staff_id=approvers.get(unit or "")))
    return found
