"""What a home's quarantine holds, for the person who has to mend the source."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import duckdb

from wattmark.contract import Table, load_contract
from wattmark.errors import QualityError
from wattmark.lake import Lake
from wattmark.quality.reading import sql_literal
from wattmark.settings import Settings

QUARANTINE = "quarantine"
MASK = "•••"
BROKEN_LINE = "broken line"
"""Reason under which lines are counted that are no rows; each row's own says which line and why."""

_BROKEN = "csv line "
_KIND = f"CASE WHEN reason LIKE '{_BROKEN}%' THEN '{BROKEN_LINE}' ELSE reason END"


@dataclass(frozen=True)
class Counted:
    """Rows of one table refused for one reason."""

    table: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Rows:
    """Some refused rows of one table, as text; ``columns`` are key, since, reason, file and row."""

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Refused:
    """What was refused: all of it in numbers, the first rows of each table; ``masked`` says that columns were hidden."""

    counts: tuple[Counted, ...]
    rows: dict[str, Rows]
    masked: bool


def refused(
    settings: Settings,
    table: str | None = None,
    reason: str | None = None,
    limit: int = 20,
    *,
    personal: bool = False,
) -> Refused:
    """Look into the lake's quarantine.

    Args:
        settings: the home's settings.
        table: only this contract table.
        reason: only rows refused for this; ``broken line`` for lines that are no rows.
        limit: rows shown, over all tables.
        personal: whether columns that the contract marks as personal are shown.

    Raises:
        QualityError: the contract has no such table.
    """
    contract = load_contract(settings.include / "contract" / "source-model.yaml")
    if table is not None and table not in contract.tables:
        raise QualityError(
            "quarantine.table",
            f"the contract has no table {table}.",
            f"It has: {', '.join(sorted(contract.tables))}.",
        )
    lake = Lake(settings.lake)
    counts: list[Counted] = []
    rows: dict[str, Rows] = {}
    masked, left = False, limit
    with duckdb.connect(config={"threads": settings.compute.threads}) as duck:
        for name in [table] if table else contract.tables:
            stored = f"{QUARANTINE}.{name}"
            files = lake.files(stored) if lake.exists(stored) else []
            if not files:
                continue
            listed = ", ".join(sql_literal(file) for file in files)
            found = f"FROM (SELECT *, {_KIND} AS kind FROM read_parquet([{listed}]))"
            if reason is not None:
                found += f" WHERE {sql_literal(reason)} IN (kind, reason)"
            counts += [
                Counted(name, str(kind), int(count))
                for kind, count in duck.execute(
                    f"SELECT kind, COUNT(*) {found} GROUP BY 1 ORDER BY 2 DESC, 1"
                ).fetchall()
            ]
            some = duck.execute(
                f"SELECT key, CAST(first_seen AS VARCHAR), reason, file, row {found} ORDER BY reason, key, row LIMIT {left}"
            ).fetchall()
            if some:
                shown = [_shown(contract.tables[name], row, personal=personal) for row in some]
                masked = masked or any(MASK in value for row in shown for value in row)
                rows[name] = Rows(("key", "since", "reason", "file", "row"), tuple(shown))
                left -= len(some)
    return Refused(tuple(counts), rows, masked)


def _shown(table: Table, row: tuple[Any, ...], *, personal: bool) -> tuple[str, ...]:
    key, since, reason, file, text = ("" if value is None else str(value) for value in row)
    if not personal and reason.startswith(_BROKEN):
        # What the reader says of a line may quote it.
        reason = reason.partition(":")[0]
    kinds = {column.name: column.pii for column in table.columns}
    try:
        values = json.loads(text)
    except ValueError:
        values = {"": text}
    # Whatever the contract does not know may be anything, a whole line with all its names included.
    parts = [
        f"{name}={value if personal or not kinds.get(name, True) else MASK}"
        for name, value in (values if isinstance(values, dict) else {"": text}).items()
        if value not in (None, "")
    ]
    hidden = not personal and any(column.pii for column in table.columns if column.key)
    return (MASK if hidden else key, since, reason, file, ", ".join(parts))
