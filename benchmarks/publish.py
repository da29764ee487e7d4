"""Publishing two nights that follow each other: by difference, and by building all tables anew beside and renaming.

    python benchmarks/publish.py [--accounts 3000] [--folder DIR]

Both run in turns on one server in this run, so that their ratio does not depend on the machine. Nights that a
folder holds already are used again.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from adbc_driver_postgresql import dbapi
from bench import make_sample, options, settings_of, working
from bench import warehouse as warehouse_of
from psycopg import sql
from rich.table import Table

from wattmark.engine.session import DuckDBSession
from wattmark.home import warehouse_url
from wattmark.publish import warehouse
from wattmark.publish.incoming import SCHEMAS
from wattmark.publish.ops import libpq_url
from wattmark.publish.rows import plain_strings
from wattmark.run import Run
from wattmark.settings import Settings

DAYS = (dt.date(2026, 11, 3), dt.date(2026, 11, 4))
ROUNDS = 3


def nights(settings: Settings, source: Path, accounts: int) -> list[dict[str, int]]:
    """Two nights in the lake; the version of each published table after either."""
    marker = settings.home / "benchmark.json"
    if not marker.exists():
        make_sample(accounts, source)
        versions = []
        for day in DAYS:
            run = Run.of(day, settings.utility.time_zone)
            command = [sys.executable, "-m", "wattmark", "run", "--as-of", f"{day}", "--source", str(source)]
            subprocess.run([*command, "--home", str(settings.home)], check=True, stdout=subprocess.DEVNULL)
            with DuckDBSession(settings, run) as session:
                names = warehouse.published_names(session.catalog, session.contract)
                versions.append({name: v for name in names if (v := session.lake.version(name)) is not None})
        marker.write_text(json.dumps(versions), encoding="utf-8")
    found: list[dict[str, int]] = json.loads(marker.read_text(encoding="utf-8"))
    return found


def by_renaming(session: DuckDBSession, url: str) -> int:
    """Every table anew in a schema beside, its key made after its rows, then the schemas renamed; returns rows."""
    rows = 0
    with psycopg.connect(url, autocommit=True) as connection, dbapi.connect(url, autocommit=True) as adbc:
        for schema in SCHEMAS:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema}__other CASCADE")
            connection.execute(f"CREATE SCHEMA {schema}__other")
        connection.execute("SET synchronous_commit = off")
        for arriving in warehouse.incoming(session):
            beside = sql.Identifier(f"{arriving.schema}__other", arriving.table)
            types = {name: "text" if kind == "jsonb" else kind for name, kind in arriving.view_types.items()}
            columns = sql.SQL(", ").join(
                sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in types.items()
            )
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(beside, columns))
            names = ", CAST('2026-11-04' AS DATE) AS as_of, 'run' AS run_id" if arriving.names_run else ""
            reader = session.duck.sql(f"SELECT *{names} FROM ({arriving.query})").to_arrow_reader()
            with adbc.cursor() as cursor:
                rows += cursor.adbc_ingest(
                    arriving.table,
                    plain_strings(reader),
                    mode="append",
                    db_schema_name=f"{arriving.schema}__other",
                )
            for name in arriving.json_columns:
                column = sql.Identifier(name)
                connection.execute(
                    sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE jsonb USING {}::jsonb").format(
                        beside, column, column
                    )
                )
            if arriving.key:
                key = sql.SQL(", ").join(map(sql.Identifier, arriving.key))
                connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(beside, key))
            for name, text in arriving.docs.items():
                connection.execute(
                    sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
                        beside, sql.Identifier(name), sql.Literal(text)
                    )
                )
        connection.execute("SET synchronous_commit = on")
        with connection.transaction():
            for schema in SCHEMAS:
                connection.execute(f"DROP SCHEMA IF EXISTS {schema}__gone CASCADE")
                connection.execute(f"ALTER SCHEMA {schema}__other RENAME TO {schema}__gone")
    return rows


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--accounts", type=int, default=3000)
    given = parser.parse_args()
    with working(given.folder) as (folder, console):
        source = folder / "src"
        settings = settings_of(folder / "home", source)
        with warehouse_of(settings):
            console.print(compare(settings, source, given.accounts))


def compare(settings: Settings, source: Path, accounts: int) -> Table:
    """Both ways in turns, and their ratios."""
    versions = nights(settings, source, accounts)
    url = warehouse_url(settings)
    plain = libpq_url(url)
    seconds: dict[str, list[float]] = {}
    changed: dict[str, int] = {}
    rows = 0

    def timed(label: str, which: int, work: Callable[[DuckDBSession, Run], Any]) -> Any:
        run = Run.of(DAYS[which], settings.utility.time_zone)
        with DuckDBSession(settings, run, versions=versions[which]) as session:
            _ = session.catalog, session.contract  # read once in a night's task, by either way
            started = time.perf_counter()
            result = work(session, run)
            seconds.setdefault(label, []).append(time.perf_counter() - started)
        return result

    def ours(label: str, which: int) -> None:
        done = timed(label, which, lambda s, run: warehouse.publish(settings, run, url, s, republish=True))
        changed[label] = sum(published.changed for published in done)

    for _ in range(ROUNDS):
        with psycopg.connect(plain, autocommit=True) as connection:
            for schema in SCHEMAS:
                connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
                connection.execute(f"DROP SCHEMA IF EXISTS {schema}_store CASCADE")
        ours("first load", 0)
        rows = timed("all anew and renamed", 1, lambda session, _: by_renaming(session, plain))
        ours("one night by difference", 1)
        ours("nothing changed", 1)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("UPDATE mart_store.part_digest SET digest = digest + 1")
            for schema, table in connection.execute(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE '%\\_store' "
                "AND schemaname <> 'quarantine_store' AND EXISTS (SELECT 1 FROM pg_attribute "
                "WHERE attrelid = format('%I.%I', schemaname, tablename)::regclass AND attname = '_row_hash') "
                "AND tablename NOT LIKE '%\\_\\_stage'"
            ).fetchall():
                name = sql.Identifier(schema, table)
                connection.execute(sql.SQL("UPDATE {} SET _row_hash = _row_hash + 1").format(name))
                connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(name))
        ours("every row changed", 1)
    shown = Table("what", "seconds", "rows that differ", "ratio to all anew", title=f"{rows:,} rows")
    for label, values in seconds.items():
        ratio = statistics.median(
            mine / theirs for mine, theirs in zip(values, seconds["all anew and renamed"], strict=True)
        )
        shown.add_row(
            label, f"{statistics.median(values):.2f}", f"{changed.get(label, rows):,}", f"{ratio:.2f}"
        )
    return shown


if __name__ == "__main__":
    main()
