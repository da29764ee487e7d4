"""Which accepted rows refer to something that is there no longer.

References are judged each night, not on arrival only. What a table was judged against is noted by version of the
table referred to, so a night looks only for the keys that went since.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from wattmark.atomic import write_atomically
from wattmark.contract import Table
from wattmark.engine.session import DuckDBSession
from wattmark.home import Home
from wattmark.ledger import LakeError
from wattmark.quality.holding import Shape
from wattmark.quality.reading import quoted, sql_literal


class References:
    """The required references of one table in one night."""

    def __init__(self, session: DuckDBSession, shape: Shape) -> None:
        self.session, self.shape = session, shape
        self.stamps = {target.name: session.lake.stamp(f"accepted.{target.name}") for _, target in shape.required}  # fmt: skip

    @property
    def _note(self) -> Path:
        return Home(self.session.settings.home).references / f"{self.shape.table.name}.json"

    def left(self) -> str:
        """Condition over accepted rows, alias ``a``: what they refer to went since they were judged last."""
        judged: dict[str, str] = (
            json.loads(self._note.read_text(encoding="utf-8")) if self._note.exists() else {}
        )
        conditions = []
        for number, (column, target) in enumerate(self.shape.required):
            if self.stamps[target.name] and judged.get(target.name) == self.stamps[target.name]:
                continue
            gone = f"_gone_{number}"
            self._find_gone(gone, column.name, target, judged.get(target.name))
            if self.session.duck.execute(f"SELECT 1 FROM {gone} LIMIT 1").fetchall():
                conditions.append(f"a.{quoted(column.name)} IN (SELECT key FROM {gone})")
        return " OR ".join(conditions) or "FALSE"

    def _find_gone(self, gone: str, column: str, target: Table, judged: str | None) -> None:
        """Fill a temporary table with keys that accepted rows may refer to and that are there no longer."""
        duck, name = self.session.duck, f"accepted.{target.name}"
        now = f"SELECT {quoted(target.key[0])} FROM {name}"
        identity, _, version = (judged or "").rpartition("@")
        if identity and self.stamps[target.name].startswith(f"{identity}@"):
            try:
                files = self.session.lake.files(name, int(version))
                listed = ", ".join(map(sql_literal, files))
                before = f"SELECT {quoted(target.key[0])} AS key FROM read_parquet([{listed}], hive_partitioning = true)"
                duck.execute(f"CREATE OR REPLACE TEMP TABLE {gone} AS SELECT key FROM ({before}) WHERE key NOT IN ({now})" if files
                             else f"CREATE OR REPLACE TEMP TABLE {gone} AS SELECT CAST(NULL AS VARCHAR) AS key WHERE FALSE")  # fmt: skip
                return
            except (duckdb.Error, LakeError):
                # That version is not kept any more: all rows are looked at.
                pass
        child = f"accepted.{self.shape.table.name}"
        if not self.session.lake.exists(child):
            duck.execute(
                f"CREATE OR REPLACE TEMP TABLE {gone} AS SELECT CAST(NULL AS VARCHAR) AS key WHERE FALSE"
            )
            return
        self.session.see([child])
        duck.execute(
            f"CREATE OR REPLACE TEMP TABLE {gone} AS SELECT DISTINCT {quoted(column)} AS key FROM {child} "
            f"WHERE {quoted(column)} IS NOT NULL AND {quoted(column)} NOT IN ({now})"
        )

    def keep(self) -> None:
        """Note what the table's rows have been judged against."""
        if self.shape.required:
            write_atomically(self._note, json.dumps(self.stamps, indent=1, sort_keys=True))
