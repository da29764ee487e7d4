"""What a table's rows were decided on last, so that a night that would decide the same again decides nothing.

What is accepted and what is set aside follow from the rows that landed, what is stored, the tables referred to and the
SQL that reads and checks them. Where none of it is other than it was after the last decision, neither is the result.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattmark.atomic import write_atomically
from wattmark.engine.session import DuckDBSession
from wattmark.home import Home
from wattmark.settings import Settings


@dataclass(frozen=True)
class Ground:
    """What a decision rests on: the SQL, the rows that landed, and stamps of the tables referred to."""

    sql: str
    landing: str
    referred: dict[str, str]

    @classmethod
    def of(cls, session: DuckDBSession, sql: str, landing: str, referred: list[str]) -> Ground:
        """The ground as it is now.

        Args:
            session: reads the lake.
            sql: all SQL that decides.
            landing: the mark of the rows that landed.
            referred: names of tables that are looked into.
        """
        stamps = {name: session.lake.stamp(name) for name in referred}
        return cls(hashlib.sha256(sql.encode()).hexdigest(), landing, stamps)


def mark_of_rows(session: DuckDBSession, relation: str) -> str:
    """A mark of a relation's rows, whatever their order: two with one mark hold the same rows."""
    row = session.duck.execute(
        f"SELECT COUNT(*), SUM(CAST(hash(r) AS HUGEINT)), SUM(CAST(hash(r, 1) AS HUGEINT)) FROM {relation} AS r"
    ).fetchall()[0]
    return "|".join(map(str, row))


def _note(settings: Settings, table: str) -> Path:
    return Home(settings.home).settled / f"{table}.json"


def settled(session: DuckDBSession, table: str, ground: Ground, own: list[str]) -> dict[str, Any] | None:
    """What came of the last decision on a table, where it would come out the same; else None.

    Args:
        session: reads the lake.
        table: the contract's name.
        ground: what tonight's decision would rest on.
        own: tables the decision writes; they must be as it left them.
    """
    note = _note(session.settings, table)
    if not note.exists():
        return None
    kept = json.loads(note.read_text(encoding="utf-8"))
    if kept["ground"] != vars(ground) or kept["own"] != {name: session.lake.stamp(name) for name in own}:
        return None
    result: dict[str, Any] = kept["result"]
    return result


def note_settled(
    session: DuckDBSession, table: str, ground: Ground, own: list[str], result: dict[str, Any]
) -> None:
    """Note what came of a decision, and on what ground."""
    stamps = {name: session.lake.stamp(name) for name in own}
    kept = {"ground": vars(ground), "own": stamps, "result": result}
    write_atomically(_note(session.settings, table), json.dumps(kept, indent=1, sort_keys=True))
