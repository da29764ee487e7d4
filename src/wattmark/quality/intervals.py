"""Intervals of one metering point that lie over each other: which of them hold."""

from __future__ import annotations

from wattmark.contract import Table
from wattmark.quality.reading import MINUTES, START, is_interval, quoted

OVERLAP = f"overlap:{START}"
"""Reason of an interval over whose time another holds."""


def may_overlap_sql(table: Table, relation: str) -> str:
    """SQL of one boolean: whether any intervals of a relation may lie over each other; cheap, as one pass without a sort.

    They cannot where all have one length and start at the same time within it (one key per row). Intervals of other tables
    than such with a start and a length never do.
    """
    if not is_interval(table):
        return "SELECT FALSE"
    return f"SELECT COALESCE(MIN({MINUTES}) <> MAX({MINUTES}) OR MIN({_PHASE}) <> MAX({_PHASE}), FALSE) FROM {relation}"


_SECONDS = f"CAST(FLOOR(epoch_us({START}) / 1000000.0) AS BIGINT)"
_LENGTH = f"NULLIF({MINUTES} * 60, 0)"
_PHASE = f"{_SECONDS} % {_LENGTH}"
_BITS = 120
"""Intervals of a point that are looked at as one number."""


def repeated_sql(table: Table, relation: str) -> str:
    """SQL of one boolean: whether any key of intervals of which ``may_overlap_sql`` says no repeats.

    Such intervals of a point have numbers in a row, and a bit each: half the work of telling the keys themselves apart.
    It may say yes where none repeats (starts within one second), never no where one does.
    """
    number = f"(({_SECONDS} - {_PHASE}) // {_LENGTH})"
    bit = f"({number} % {_BITS} + {_BITS}) % {_BITS}"
    point = ", ".join(quoted(name) for name in table.key if name != START)
    return (
        f"SELECT COUNT(*) > 0 FROM (SELECT 1 FROM (SELECT {point}, {number} AS number, CAST({bit} AS INTEGER) AS bit FROM {relation}) "
        f"GROUP BY {point}, number - bit HAVING COUNT(*) IS DISTINCT FROM BIT_COUNT(BIT_OR(CAST(1 AS HUGEINT) << bit)))"
    )


def overlapped_sql(table: Table, relation: str, day: str | None = None) -> str:
    """SQL of the keys of the intervals that do not hold, of typed rows with one row per key.

    Looked at are intervals of one point that start on one day. Of two that lie over each other that one holds which has
    the length most of the point's day is covered by; of two lengths that cover the same the shorter, as it says more; of
    one length that which starts as most of them do (on the half-hour among half-hours), then the earlier. An interval
    holds if none that goes before it lies over it, so the same rows of a day give the same answer in whatever order and
    deliveries they came. An interval into the next day is not held against that day's.

    Args:
        table: a table of intervals.
        relation: its accepted rows: typed, not refused, one a key; whole days of a point.
        day: the relation's column with the local day, where it has one; else that of the start in the session's zone.

    Raises:
        ValueError: rows of the table are no intervals.
    """
    if not is_interval(table):
        raise ValueError(f"rows of {table.name} are no intervals")
    others = [name for name in table.key if name != START]
    of_day = quoted(day) if day else f"CAST({START} AS DATE)"
    point = ", ".join(quoted(name) for name in others)
    key = ", ".join(quoted(name) for name in table.key)
    # Most points have one length and one phase: they are left out before anything is sorted.
    rows = (
        f"SELECT {key}, {MINUTES} AS _minutes, {of_day} AS _day, {_SECONDS} AS _from, {_SECONDS} + {MINUTES} * 60 AS _to, "
        f"{_PHASE} AS _phase FROM {relation} WHERE {MINUTES} > 0 AND {START} IS NOT NULL"
    )
    mixed = f"SELECT {point}, _day FROM _rows GROUP BY ALL HAVING MIN(_minutes) <> MAX(_minutes) OR MIN(_phase) <> MAX(_phase)"
    same_point = " AND ".join(f"a.{quoted(name)} = b.{quoted(name)}" for name in others)
    weighed = (
        f"SELECT *, SUM(_minutes) OVER (PARTITION BY {point}, _day, _minutes) AS _covered, "
        f"COUNT(*) OVER (PARTITION BY {point}, _day, _minutes, _phase) AS _alike "
        f"FROM _rows SEMI JOIN _mixed USING ({point}, _day)"
    )
    before = "(b._covered, -b._minutes, b._alike, -b._from) > (a._covered, -a._minutes, a._alike, -a._from)"
    return (
        f"WITH _rows AS ({rows}), _mixed AS ({mixed}), _weighed AS MATERIALIZED ({weighed}) "
        f"SELECT {', '.join(f'a.{quoted(name)}' for name in table.key)} FROM _weighed AS a "
        f"WHERE EXISTS (SELECT 1 FROM _weighed AS b WHERE {same_point} AND a._day = b._day "
        f"AND b._from < a._to AND a._from < b._to AND {before})"
    )
