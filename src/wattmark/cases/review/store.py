"""Reviews and their items in schema ``ops``: what was made, what each found, and what a person says to it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import psycopg
from psycopg.rows import dict_row

from wattmark.cases.model import CaseConflictError, CaseError
from wattmark.cases.review.items import Fate, Item
from wattmark.cases.review.spans import SPANS, Period
from wattmark.cases.rights import Actor, RightsError

Row = dict[str, Any]
LOCK = 5_170_013
"""Advisory lock of whoever makes reviews: one at a time."""
_MOST_CHARACTERS = 4_000
_OF_ITEM = tuple(each.name for each in fields(Item) if each.name != "figures")
_KEPT = (
    "state", "version", "closed_as", "closed_at", "closed_by", "word", "judged_period", "judged_on", "judged_as", "judged_value", "found_on",
)  # fmt: skip
_COLUMNS = ("span", "period", "item_no", *_OF_ITEM, "figures", *_KEPT)


def item_of(row: Mapping[str, Any]) -> Item:
    """The item that a row holds."""
    return Item(**{name: row[name] for name in _OF_ITEM}, figures=row["figures"] or {})


def last_period(connection: psycopg.Connection[Any], span: str, before: dt.date) -> dt.date | None:
    """First day of the newest period reviewed that begins before a day."""
    row = connection.execute(
        "SELECT MAX(period) FROM ops.review WHERE span = %s AND period < %s", [span, before]
    ).fetchone()
    return row[0] if row else None


def items_of(connection: psycopg.Connection[Any], span: str, period: dt.date) -> list[Row]:
    """Rows of ``ops.review_item`` of a review, in their order."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM ops.review_item WHERE span = %s AND period = %s ORDER BY item_no", [span, period]
        ).fetchall()


def keep_items(
    connection: psycopg.Connection[Any], period: Period, items: Sequence[Item], as_of: dt.date
) -> list[Row]:
    """Bring the items of a review to what it finds now; of what was found before, number and what a person said stay.

    Returns:
        its rows, in their order.
    """
    standing = items_of(connection, period.span, period.first)
    by_matter = {item_of(row).matter: row for row in standing}
    wanted = {item.matter for item in items}
    # What a person closed stays written, though it is not found any more.
    kept = [row for matter, row in by_matter.items() if matter not in wanted and row["closed_as"] == "done"]
    number = max((row["item_no"] for row in standing), default=0)
    rows = list(kept)
    for item in items:
        before = by_matter.get(item.matter)
        if before is None:
            number += 1
        fresh: Row = dict.fromkeys(_KEPT) | {"state": "open", "version": 1, "found_on": as_of}
        rows.append(
            {
                "span": period.span,
                "period": period.first,
                "item_no": before["item_no"] if before else number,
                **{name: getattr(item, name) for name in _OF_ITEM},
                "since": item.since or period.first,
                "figures": dict(item.figures),
                **({name: before[name] for name in _KEPT} if before else fresh),
            }
        )
    rows.sort(key=lambda row: int(row["item_no"]))
    connection.execute(
        "DELETE FROM ops.review_item WHERE span = %s AND period = %s", [period.span, period.first]
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO ops.review_item ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})",
            [
                [json.dumps(row[name]) if name == "figures" else row[name] for name in _COLUMNS]
                for row in rows
            ],
        )
    return rows


def keep_fates(
    connection: psycopg.Connection[Any],
    previous: Sequence[Row],
    fates: Mapping[Any, Fate],
    period: Period,
    as_of: dt.date,
) -> None:
    """Write what became of the items of the review before; those that no person closed are closed by it."""
    for row in previous:
        fate = fates[item_of(row).matter]
        closed_as = (
            row["closed_as"]
            if row["closed_as"] == "done"
            else "mended"
            if fate.judged_as == "mended"
            else "continued"
        )
        connection.execute(
            "UPDATE ops.review_item SET judged_period = %(judged)s, judged_on = %(as_of)s, judged_as = %(judged_as)s, judged_value = %(value)s, "
            "version = version + CASE WHEN state = 'open' THEN 1 ELSE 0 END, state = 'closed', closed_as = %(closed_as)s, "
            "closed_at = COALESCE(closed_at, now()) WHERE span = %(span)s AND period = %(period)s AND item_no = %(item_no)s",
            {
                "judged": period.first, "as_of": as_of, "judged_as": fate.judged_as, "value": fate.value, "closed_as": closed_as,
                "span": row["span"], "period": row["period"], "item_no": row["item_no"],
            },
        )  # fmt: skip


def keep_review(connection: psycopg.Connection[Any], row: Mapping[str, Any]) -> None:
    """Write that a review was made; made again it takes its own place."""
    names = list(row)
    sets = ", ".join(
        f"{name} = EXCLUDED.{name}" for name in names if name not in ("span", "period", "org_unit_id")
    )
    connection.execute(
        f"INSERT INTO ops.review ({', '.join(names)}, made_at) VALUES ({', '.join(['%s'] * len(names))}, now()) "
        f"ON CONFLICT (span, period, org_unit_id) DO UPDATE SET {sets}, made_at = EXCLUDED.made_at",
        [row[name] for name in names],
    )


def reviews(
    connection: psycopg.Connection[Any],
    units: Sequence[str] | None = None,
    span: str | None = None,
    most: int = 100,
) -> list[Row]:
    """Reviews that are kept, newest first.

    Args:
        connection: on the warehouse.
        units: only of these units; all where None.
        span: only of this span.
        most: so many at most.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT r.* FROM ops.review AS r WHERE (%(units)s::text[] IS NULL OR r.org_unit_id = ANY(%(units)s)) AND (%(span)s::text IS NULL OR r.span = %(span)s) "
            "ORDER BY r.to_on DESC, array_position(%(spans)s::text[], r.span), r.org_unit_id LIMIT %(most)s",
            {
                "units": None if units is None else list(units),
                "span": span,
                "spans": list(SPANS),
                "most": most,
            },
        ).fetchall()


def open_items(connection: psycopg.Connection[Any], units: Sequence[str], staff_id: str | None) -> list[Row]:
    """Open items that are of some units, or owned there, or by a member of staff; the owner's own first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT i.*, COALESCE(i.owner_staff_id = %(staff_id)s, FALSE) AS is_own FROM ops.review_item AS i "
            "WHERE i.state = 'open' AND (i.owner_org_unit_id = ANY(%(units)s) OR i.org_unit_id = ANY(%(units)s) OR i.owner_staff_id = %(staff_id)s) "
            "ORDER BY is_own DESC, array_position(%(spans)s::text[], i.span), i.period DESC, i.item_no",
            {"units": list(units), "staff_id": staff_id, "spans": list(SPANS)},
        ).fetchall()


def every_open_item(connection: psycopg.Connection[Any], span: str | None = None) -> list[Row]:
    """All items that are open, of one span where it is named."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT * FROM ops.review_item WHERE state = 'open' AND (%(span)s::text IS NULL OR span = %(span)s) "
            "ORDER BY array_position(%(spans)s::text[], span), period DESC, item_no",
            {"span": span, "spans": list(SPANS)},
        ).fetchall()


def may_close(row: Mapping[str, Any], actor: Actor) -> bool:
    """Whether a login may close an item: its owner, or an approver in whose tree the owning unit is."""
    if actor.staff_id is not None and row["owner_staff_id"] == actor.staff_id:
        return actor.is_a("worker")
    return actor.is_a("approver") and (
        row["owner_org_unit_id"] in actor.units or row["owner_org_unit_id"] is None
    )


def close_item(
    connection: psycopg.Connection[Any],
    actor: Actor,
    span: str,
    period: dt.date,
    item_no: int,
    version: int,
    word: str,
) -> None:
    """Close an item, with what was done about it; the next review looks what became of it all the same.

    Args:
        connection: on the warehouse; the change is a transaction of its own.
        actor: who closes it.
        span: of its review.
        period: first day of that review's period.
        item_no: which of its items.
        version: the version that was looked at.
        word: what was done.

    Raises:
        CaseError: there is none, the login may not, nothing was said, or somebody was faster; nothing was changed.
    """
    where = f"item {item_no} of the review of {span} {period}"
    told = word.strip()
    if not told:
        raise CaseError("case.needs", f"{where}: what was done is missing.", "Nothing was changed. Say it.")
    if len(told) > _MOST_CHARACTERS or any(ord(letter) < 32 and letter not in "\n\t" for letter in told):
        raise CaseError("case.text", f"{where}: the text cannot be kept.", "Nothing was changed. Shorten it.")
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT * FROM ops.review_item WHERE span = %s AND period = %s AND item_no = %s FOR UPDATE",
            [span, period, item_no],
        ).fetchone()
        if row is None or not (
            {row["owner_org_unit_id"], row["org_unit_id"]} & actor.units
            or (actor.staff_id and row["owner_staff_id"] == actor.staff_id)
        ):
            raise CaseError(
                "review.unknown", f"There is no {where} that you may see.", "See the list of reviews."
            )
        if not may_close(row, actor):
            raise RightsError(
                "case.role", f"{where}: its owner closes it, or an approver of that unit or one above.", "Nothing was changed."
            )  # fmt: skip
        if row["version"] != version or row["state"] != "open":
            raise CaseConflictError(
                "case.conflict", f"{where} changed since it was looked at.", "Nothing was changed. Look at it again."
            )  # fmt: skip
        cursor.execute(
            "UPDATE ops.review_item SET state = 'closed', closed_as = 'done', closed_at = now(), closed_by = %s, word = %s, version = version + 1 "
            "WHERE span = %s AND period = %s AND item_no = %s",
            [actor.login, told, span, period, item_no],
        )


def told_item(row: Mapping[str, Any]) -> Row:
    """A row of an item as a review tells it: without logins."""
    item = asdict(item_of(row))
    return {
        **item,
        **{
            name: row[name] for name in ("item_no", "judged_as", "judged_value", "word", "state", "closed_as")
        },
    }
