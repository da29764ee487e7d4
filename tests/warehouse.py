"""What a warehouse holds, as one hash a table: to compare two nights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg import sql

NOT_COMPARED = {"mart.audit_coverage": ["seconds"]}
"""Columns that tell how long something took."""


def plain_url(home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "wattmark", "warehouse-url", "--home", str(home)],
        capture_output=True,
        text=True,
        check=True,
    )
    return sa.make_url(done.stdout.strip()).set(drivername="postgresql").render_as_string(hide_password=False)


def hashes(url: str, but: Mapping[str, Sequence[str]] | None = None) -> dict[str, str]:
    """A hash of the rows of each published table; ``but`` names columns to leave out, by table, beside ``NOT_COMPARED``."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('mart', 'mart_pii', 'quarantine') ORDER BY 1, 2"
        ).fetchall()
        found = {}
        for schema, name in tables:
            row = sql.SQL("to_jsonb(t)")
            for column in [
                *NOT_COMPARED.get(f"{schema}.{name}", []),
                *(but or {}).get(f"{schema}.{name}", []),
            ]:
                row = sql.SQL("{} - {}").format(row, sql.Literal(column))
            query = sql.SQL(
                "SELECT COUNT(*) || ':' || COALESCE(MD5(STRING_AGG(h, '' ORDER BY h)), '') FROM (SELECT MD5(({})::text) AS h FROM {} AS t) AS x"
            )
            found[f"{schema}.{name}"] = str(
                connection.execute(query.format(row, sql.Identifier(schema, name))).fetchall()[0][0]
            )
    return found
