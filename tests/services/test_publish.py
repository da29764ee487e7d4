"""Publishing into a real PostgreSQL: what readers see, keep and cannot do while it goes on."""

from __future__ import annotations

import contextlib
import datetime as dt
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest
from psycopg import sql
from typer.testing import CliRunner

from tests.examples import at_length
from tests.services.homes import a_home
from wattmark.engine.duck import small_cursor
from wattmark.errors import PublishError, PublishUnavailableError
from wattmark.home import secret, warehouse_url
from wattmark.local import postgres, services
from wattmark.publish import bi_users, commands, store, views
from wattmark.publish.incoming import SCHEMAS, Incoming, Published, Standing
from wattmark.publish.ops import begin_run, end_run, libpq_url, published_run, runs_since, upgrade
from wattmark.publish.store import Store
from wattmark.run import Run
from wattmark.settings import Settings

ZONE = "Asia/Shanghai"
FIRST = dt.date(2026, 11, 1)
ROWS = 400
PASSWORDS: dict[str, str] = {}
"""Of the logins a test made."""


@dataclass(frozen=True)
class Server:
    settings: Settings
    url: str

    @property
    def plain(self) -> str:
        return libpq_url(self.url)

    def superuser(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self.plain, user="postgres", password=secret(self.settings.home, postgres.SUPERUSER), autocommit=True
        )  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with a_home() as settings:
        services.up(settings, airflow=False)
        url = warehouse_url(settings)
        upgrade(url)
        yield Server(settings, url)


@pytest.fixture
def clean(server: Server) -> Iterator[Server]:
    """The server with nothing published; what a test leaves goes."""
    yield server
    for login in bi_users.listing(server.url):
        bi_users.remove(server.url, login.name, drop_schema=True)
    with psycopg.connect(server.plain, autocommit=True) as connection:
        for (schema,) in connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s) OR nspname LIKE '%%\\_store'",
            [[*SCHEMAS, "report"]],
        ).fetchall():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        connection.execute("TRUNCATE ops.publication, ops.pipeline_run, ops.pipeline_attempt")


def marts(version: int, rows: int = ROWS) -> list[Incoming]:
    """Three small marts that say everywhere which version they are of; one grows by a day a version."""
    return [
        Incoming(
            "mart", "dim_account",
            f"SELECT 'A' || i AS account_id, CAST({version} AS BIGINT) AS version, CAST(i AS DOUBLE) AS kva FROM range({rows}) AS t(i)",
            pa.schema([("account_id", pa.string()), ("version", pa.int64()), ("kva", pa.float64())]),
            ("account_id",), "Accounts.", {"account_id": "The account.", "version": "Its version.", "kva": "Its size."},
        ),
        Incoming(
            "mart", "fct_day",
            f"SELECT 'A' || i AS account_id, CAST(DATE '2026-01-01' + CAST(d AS INTEGER) AS DATE) AS day, CAST({version} AS BIGINT) AS version "
            f"FROM range({rows // 10}) AS t(i), range({version}, {version} + 10) AS u(d)",
            pa.schema([("account_id", pa.string()), ("day", pa.date32()), ("version", pa.int64())]),
            ("account_id", "day"), "Days.",
        ),
        Incoming(
            "mart", "finding",
            f"SELECT CAST(i AS BIGINT) AS finding_id, CAST({version} AS BIGINT) AS version, CAST(i * 1.5 AS DECIMAL(18, 2)) AS at_stake_amount, "
            f"'{{\"version\": {version}}}' AS evidence FROM range({version % 3}, {rows // 4}) AS t(i)",
            pa.schema([("finding_id", pa.int64()), ("version", pa.int64()), ("at_stake_amount", pa.decimal128(18, 2)), ("evidence", pa.string())]),
            ("finding_id",), "Findings.", json_columns=("evidence",),
        ),
        Incoming(
            "mart_pii", "contact", f"SELECT 'C' || i AS customer_id, 'Person {version}' AS name FROM range(20) AS t(i)",
            pa.schema([("customer_id", pa.string()), ("name", pa.string())]), ("customer_id",), "Contacts.",
        ),
        Incoming(
            "quarantine", "bill", f"SELECT 'same' AS key, 'r' || (i % 5) AS row FROM range({10 + version % 4}) AS t(i)",
            pa.schema([("key", pa.string()), ("row", pa.string())]), (), "Refused.", names_run=False,
        ),
    ]  # fmt: skip


def run_of(version: int) -> Run:
    return Run.of(FIRST + dt.timedelta(days=version), ZONE)


def publish(
    server: Server, version: int, tables: Sequence[Incoming] | None = None, **more: Any
) -> tuple[list[Published], Standing]:
    run = run_of(version)
    with small_cursor() as duck, Store(server.plain, "test") as opened:
        done = opened.change(duck, marts(version) if tables is None else tables)
        standing = opened.commit(
            run_id=run.run_id, as_of=run.as_of, period=run.period, rows=sum(table.rows for table in done),
            changed=sum(table.changed for table in done), lake_versions={}, **more,
        )  # fmt: skip
    return done, standing


def rows(server: Server, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.plain, autocommit=True) as connection:
        return connection.execute(query, list(values) or None).fetchall()


@contextlib.contextmanager
def reader(server: Server, name: str = "bob", **options: Any) -> Iterator[psycopg.Connection[Any]]:
    """A session of a BI login made by the command, which gives up on any lock it would wait 100 ms for."""
    if not [login for login in bi_users.listing(server.url) if login.name == name]:
        made = bi_users.add(server.url, name, **options)
        PASSWORDS[name] = made.password
    with psycopg.connect(
        server.plain, user=name, password=PASSWORDS[name], options="-c lock_timeout=100ms"
    ) as connection:
        yield connection


JOINED = (
    "SELECT COUNT(DISTINCT v), MIN(v), COUNT(DISTINCT run_id), MIN(as_of), COUNT(*) FROM ("
    "SELECT a.version AS v, a.run_id, a.as_of FROM mart.dim_account AS a JOIN mart.fct_day AS d USING (account_id) "
    "UNION ALL SELECT d.version, d.run_id, d.as_of FROM mart.fct_day AS d "
    "UNION ALL SELECT f.version, f.run_id, f.as_of FROM mart.finding AS f "
    "UNION ALL SELECT CAST(f.evidence ->> 'version' AS bigint), f.run_id, f.as_of FROM mart.finding AS f) AS x"
)


def check_whole(row: tuple[Any, ...]) -> int:
    """All rows are of one version, and the run they name is that version's; returns the version."""
    versions, version, runs, as_of, count = row
    assert (versions, runs) == (1, 1), row
    assert as_of == FIRST + dt.timedelta(days=version), row
    assert count == ROWS + ROWS + 2 * (ROWS // 4 - version % 3), row
    return int(version)


# --- what is stored ------------------------------------------------------------------------------


def test_only_what_differs_is_written_and_the_result_is_the_new_run(clean: Server) -> None:
    first, _ = publish(clean, 1)
    assert {table.name: table.rows for table in first} == {
        "mart.dim_account": ROWS, "mart.fct_day": ROWS, "mart.finding": ROWS // 4 - 1, "mart_pii.contact": 20, "quarantine.bill": 11,
    }  # fmt: skip
    again, _ = publish(clean, 1)
    assert [table.changed for table in again] == [0] * 5
    tables = marts(1)
    # One account goes, one comes, one changes; days move on by one; one refused row more that is like another.
    tables[0] = Incoming(
        "mart", "dim_account",
        "SELECT 'A' || i AS account_id, CAST(1 AS BIGINT) AS version, CAST(CASE i WHEN 7 THEN NULL ELSE i END AS DOUBLE) AS kva FROM range(1, 401) AS t(i)",
        tables[0].columns, tables[0].key,
    )  # fmt: skip
    tables[4] = Incoming(
        "quarantine", "bill", "SELECT 'same' AS key, 'r' || (i % 5) AS row FROM range(12) AS t(i)", tables[4].columns, names_run=False
    )  # fmt: skip
    done, standing = publish(clean, 2, tables)
    assert [(table.inserted, table.updated, table.deleted) for table in done] == [
        (1, 1, 1), (0, 0, 0), (0, 0, 0), (0, 0, 0), (1, 0, 0),
    ]  # fmt: skip
    assert rows(clean, "SELECT account_id, kva FROM mart.dim_account WHERE kva IS NULL OR account_id IN ('A0', 'A400') ORDER BY 1") == [
        ("A400", 400.0), ("A7", None),
    ]  # fmt: skip
    assert rows(clean, "SELECT row, COUNT(*) FROM quarantine.bill GROUP BY 1 ORDER BY 1") == [
        ("r0", 3), ("r1", 3), ("r2", 2), ("r3", 2), ("r4", 2),
    ]  # fmt: skip
    # The day of the run changed in every table, though no row of most was written.
    assert rows(clean, "SELECT DISTINCT as_of, run_id FROM mart.fct_day") == [
        (standing.as_of, standing.run_id)
    ]


def test_types_comments_and_hidden_columns(clean: Server) -> None:
    publish(clean, 1)
    columns = rows(
        clean,
        "SELECT column_name, data_type, col_description('mart.finding'::regclass, ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = 'mart' AND table_name = 'finding' ORDER BY ordinal_position",
    )
    assert [(name, kind) for name, kind, _ in columns] == [
        ("finding_id", "bigint"), ("version", "bigint"), ("at_stake_amount", "numeric"), ("evidence", "jsonb"),
        ("as_of", "date"), ("run_id", "text"),
    ]  # fmt: skip
    assert rows(clean, "SELECT at_stake_amount FROM mart.finding WHERE finding_id = 3") == [
        (Decimal("4.50"),)
    ]
    assert rows(clean, "SELECT obj_description('mart.dim_account'::regclass), col_description('mart.dim_account'::regclass, 3)") == [
        ("Accounts.", "Its size."),
    ]  # fmt: skip
    tables = marts(1)
    tables[0] = Incoming(
        *[getattr(tables[0], name) for name in ("schema", "table", "query", "columns", "key")],
        "All accounts.",
    )
    publish(clean, 1, tables)
    assert rows(clean, "SELECT obj_description('mart.dim_account'::regclass)") == [("All accounts.",)]


def test_every_column_of_ops_has_a_comment_and_money_is_exact(server: Server) -> None:
    found = rows(
        server,
        "SELECT c.table_name || '.' || c.column_name, c.data_type, col_description(format('ops.%%I', c.table_name)::regclass, c.ordinal_position) "
        "FROM information_schema.columns AS c WHERE c.table_schema = 'ops' AND c.table_name LIKE %s",
        "%",
    )
    assert len(found) > 100
    assert [name for name, _, comment in found if not comment] == []
    assert [name for name, kind, _ in found if name.endswith("_amount") and kind != "numeric"] == []
    assert rows(
        server, "SELECT relname FROM pg_class WHERE relnamespace = 'ops'::regnamespace AND relkind = 'r' AND obj_description(oid) IS NULL"
    ) == [("schema_version",)]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    ["SELECT 'A1' AS account_id, i AS version, 0.5::DOUBLE AS kva FROM range(2) AS t(i)",
     "SELECT 'A1' AS account_id, 1::BIGINT AS version, 0.5::DOUBLE AS kva FROM range(2)",
     "SELECT 'A' || (i % 300) AS account_id, i AS version, 1::DOUBLE AS kva FROM range(400) AS t(i)",
     "SELECT CASE i WHEN 0 THEN NULL ELSE 'A' || i END AS account_id, i AS version, 1::DOUBLE AS kva FROM range(400) AS t(i)"],
)  # fmt: skip
def test_a_broken_key_is_named_and_the_last_run_stands(clean: Server, query: str) -> None:
    tables = marts(2)
    tables[0] = Incoming("mart", "dim_account", query, tables[0].columns, ("account_id",))
    # As the first publication, and as a later one.
    for version in (1, 3):
        with pytest.raises(
            PublishError, match=r"mart.dim_account: \(account_id\) is empty or not unique"
        ) as caught:
            publish(clean, 2, tables)
        assert caught.value.code == "publish.key"
        if version > 1:
            assert check_whole(rows(clean, JOINED)[0]) == 1
        publish(clean, version)
    assert check_whole(rows(clean, JOINED)[0]) == 3


def test_a_text_that_postgresql_cannot_keep_is_named(clean: Server) -> None:
    tables = marts(2)
    tables[3] = Incoming(
        "mart_pii", "contact", "SELECT 'C1' AS customer_id, 'a' || chr(0) || 'b' AS name", tables[3].columns, ("customer_id",)
    )  # fmt: skip
    for version in (1, 3):
        with pytest.raises(PublishError) as caught:
            publish(clean, 2, tables)
        assert caught.value.code == "publish.value"
        assert not isinstance(caught.value, PublishUnavailableError)
        assert "mart_pii.contact, column name" in caught.value.message
        assert "COPY" not in str(caught.value)
        assert caught.value.remedy
        publish(clean, version)


def test_json_that_postgresql_cannot_keep_is_named(clean: Server) -> None:
    publish(clean, 1)
    tables = marts(2)
    for text in ("'{'", "'\"' || chr(92) || 'u0000\"'"):
        tables[2] = Incoming(
            "mart", "finding", f"SELECT 1::BIGINT AS finding_id, 1::BIGINT AS version, 1::DECIMAL(18,2) AS at_stake_amount, {text} AS evidence",
            tables[2].columns, ("finding_id",), json_columns=("evidence",),
        )  # fmt: skip
        with pytest.raises(PublishError, match=r"mart.finding") as caught:
            publish(clean, 2, tables)
        assert caught.value.code == "publish.value"
    assert check_whole(rows(clean, JOINED)[0]) == 1


def test_a_wrong_password_and_a_closed_port_are_named(clean: Server) -> None:
    with pytest.raises(PublishError) as caught, Store(clean.plain.replace(":", ":x", 2), ""):
        pass
    assert caught.value.code in ("publish.password", "publish.unavailable")
    with pytest.raises(PublishUnavailableError) as caught, Store("postgresql://nobody@127.0.0.1:1/none", ""):
        pass
    assert caught.value.code == "publish.unavailable"


def test_many_nights_do_not_grow_the_tables(clean: Server) -> None:
    size = "SELECT SUM(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relnamespace = ANY('{mart_store,mart_pii_store,quarantine_store}'::regnamespace[]) AND relkind = 'r'"
    sizes = []
    for version in range(1, 19):
        publish(clean, version)
        sizes.append(rows(clean, size)[0][0])
    # Every row changes each night: there is room for a few versions, never for all.
    assert max(sizes[8:]) <= 1.5 * max(sizes[:8]), sizes
    assert max(sizes) < 8 * sizes[0], sizes


# --- readers -------------------------------------------------------------------------------------


class Readers:
    """Sessions that read in threads until told to stop, and one that looks whether anybody waits for a lock."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.stop = threading.Event()
        self.errors: list[BaseException] = []
        self.reads = 0
        self.waits: list[tuple[Any, ...]] = []
        self.threads: list[threading.Thread] = []

    def start(self, work: Callable[[], None]) -> None:
        def until_told() -> None:
            try:
                while not self.stop.is_set():
                    work()
            except BaseException as error:
                self.errors.append(error)

        self.threads.append(threading.Thread(target=until_told))
        self.threads[-1].start()

    def join_once(self) -> None:
        with reader(self.server) as connection:
            connection.autocommit = True
            last = 0
            for _ in range(20):
                version = check_whole(connection.execute(JOINED).fetchall()[0])
                assert version >= last
                last = version
                self.reads += 1
                connection.execute("EXPLAIN (ANALYZE) " + JOINED)

    def sit(self, level: psycopg.IsolationLevel) -> None:
        """A transaction of some statements with pauses; with a snapshot of its own it sees one run throughout."""
        with reader(self.server) as connection:
            connection.isolation_level = level
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute("LOCK TABLE mart.dim_account IN SHARE MODE")
            with connection.transaction():
                connection.execute("LOCK TABLE mart.dim_account, mart.fct_day IN ACCESS SHARE MODE")
                seen = []
                for _ in range(6):
                    seen.append(check_whole(connection.execute(JOINED).fetchall()[0]))
                    self.reads += 1
                    self.stop.wait(0.3)
                    if self.stop.is_set():
                        break
                assert seen == sorted(seen)
                if level != psycopg.IsolationLevel.READ_COMMITTED:
                    assert len(set(seen)) == 1, seen
                # Any statement sees one run, a cursor goes on in the one it was opened in.
                with connection.cursor("kept") as cursor:
                    cursor.itersize = 50
                    cursor.execute("SELECT version, run_id FROM mart.dim_account")
                    found = set()
                    for row in cursor:
                        found.add(row)
                    assert len(found) == 1

    def watch(self) -> None:
        """Keep who waits for whom: a reader for 100 ms, the publisher for a reader at all.

        Shorter waits of a reader are PostgreSQL's own: a vacuum that gives an emptied end of a system table back to the disk
        lets go as soon as somebody waits for it.
        """
        with self.server.superuser() as connection:
            while not self.stop.wait(0.02):
                self.waits += connection.execute(
                    "SELECT w.usename, LEFT(w.query, 80), l.relation::regclass::text, b.backend_type, b.usename "
                    "FROM pg_locks AS l JOIN pg_stat_activity AS w USING (pid) "
                    "JOIN pg_stat_activity AS b ON b.pid = ANY(pg_blocking_pids(w.pid)) "
                    "WHERE NOT l.granted AND w.datname = current_database() AND (w.usename = 'wattmark' AND b.usename = 'bob' "
                    "OR w.usename = 'bob' AND clock_timestamp() - l.waitstart > INTERVAL '100 ms')"
                ).fetchall()  # fmt: skip


def publish_under_readers(server: Server, publishings: int) -> Readers:
    publish(server, 1)
    with reader(server):
        pass
    readers = Readers(server)
    readers.start(readers.watch)
    readers.start(readers.join_once)
    for level in (
        psycopg.IsolationLevel.READ_COMMITTED,
        psycopg.IsolationLevel.REPEATABLE_READ,
        psycopg.IsolationLevel.SERIALIZABLE,
    ):
        readers.start(lambda level=level: readers.sit(level))  # type: ignore[misc]
    try:
        for version in range(2, publishings + 2):
            publish(server, version)
            if readers.errors:
                break
    finally:
        readers.stop.set()
        for thread in readers.threads:
            thread.join()
    if readers.errors:
        raise readers.errors[0]
    return readers


@pytest.mark.timeout(300)
def test_twenty_publishings_under_readers(clean: Server) -> None:
    readers = publish_under_readers(clean, 20)
    assert readers.reads > 20
    assert readers.waits == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_publishings_under_readers(clean: Server) -> None:
    readers = publish_under_readers(clean, at_length(1000))
    assert readers.reads > at_length(1000)
    assert readers.waits == []


def test_a_reader_that_sits_through_a_night_sees_the_run_it_began_with(clean: Server) -> None:
    publish(clean, 1)
    for level in (psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE):
        with reader(clean) as connection:
            connection.isolation_level = level
            assert connection.execute("SELECT MIN(version) FROM mart.finding").fetchall() == [(1,)]
            publish(clean, 2)
            # Tables that this session had not read yet are of the same run.
            assert check_whole(connection.execute(JOINED).fetchall()[0]) == 1
            publish(clean, 3)
            assert check_whole(connection.execute(JOINED).fetchall()[0]) == 1
            connection.commit()
            assert check_whole(connection.execute(JOINED).fetchall()[0]) == 3
        publish(clean, 1)


def test_views_of_others_and_grants_live_through_thirty_nights(clean: Server) -> None:
    publish(clean, 1)
    body = (
        "SELECT a.account_id, a.version, d.day, f.at_stake_amount, a.as_of, d.run_id FROM mart.dim_account AS a "
        "JOIN mart.fct_day AS d USING (account_id) LEFT JOIN mart.finding AS f ON f.version = a.version AND f.finding_id = 5"
    )
    with reader(clean, "report", schema=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.commit()
        connection.execute(f"CREATE VIEW report.live AS {body}")
        connection.execute(f"CREATE MATERIALIZED VIEW report.kept AS {body}")
        connection.execute("CREATE UNIQUE INDEX ON report.kept (account_id, day)")
        connection.commit()
        with psycopg.connect(clean.plain, autocommit=True) as owner:
            owner.execute("CREATE ROLE auditor NOLOGIN")
            owner.execute("GRANT SELECT ON mart.finding TO auditor")
        try:
            for version in range(2, 32):
                publish(clean, version)
                found = connection.execute(
                    "SELECT COUNT(*), MIN(version), MAX(version), MIN(as_of) FROM report.live"
                ).fetchall()
                assert found == [(ROWS, version, version, FIRST + dt.timedelta(days=version))]
                connection.commit()
                if version % 10 == 0:
                    connection.execute("REFRESH MATERIALIZED VIEW report.kept")
                    assert connection.execute("SELECT DISTINCT version FROM report.kept").fetchall() == [
                        (version,)
                    ]
                    connection.commit()
            assert rows(clean, "SELECT has_table_privilege('auditor', 'mart.finding', 'SELECT')") == [(True,)]
        finally:
            with psycopg.connect(clean.plain, autocommit=True) as owner:
                owner.execute("REVOKE ALL ON mart.finding FROM auditor")
                owner.execute("DROP ROLE auditor")


def test_no_statement_of_a_night_defines_anything(clean: Server) -> None:
    """Nothing that readers can see is made, altered or dropped from the second night on."""
    publish(clean, 1)
    publish(clean, 2)
    seen = (
        "SELECT c.oid::bigint, c.relname, c.relfilenode::bigint, c.xmin::text FROM pg_class AS c "
        "WHERE c.relnamespace IN ('mart'::regnamespace, 'mart_pii'::regnamespace, 'quarantine'::regnamespace) "
        "UNION ALL SELECT c.oid::bigint, c.relname, c.relfilenode::bigint, '' FROM pg_class AS c "
        "WHERE c.relnamespace = 'mart_store'::regnamespace AND c.relname NOT LIKE '%\\_\\_stage' AND c.relkind = 'r' ORDER BY 1"
    )
    before = rows(clean, seen)
    publish(clean, 3)
    assert rows(clean, seen) == before
    assert rows(clean, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'mart%' ORDER BY 1") == [
        ("mart",), ("mart_pii",), ("mart_pii_store",), ("mart_store",),
    ]  # fmt: skip


# --- columns that come and go --------------------------------------------------------------------


def with_columns(version: int, /, **types: pa.DataType) -> list[Incoming]:
    """The marts, with dim_account of other columns."""
    tables = marts(version)
    columns = pa.schema([("account_id", pa.string()), *types.items()])
    names = ", ".join(
        f"CAST({version} AS {'VARCHAR' if pa.types.is_string(kind) else 'DOUBLE' if pa.types.is_floating(kind) else 'BIGINT'}) AS {name}"
        for name, kind in types.items()
    )
    tables[0] = Incoming(
        "mart", "dim_account", f"SELECT 'A' || i AS account_id, {names} FROM range({ROWS}) AS t(i)", columns, ("account_id",)
    )  # fmt: skip
    return tables


@contextlib.contextmanager
def analyst(server: Server, query: str) -> Iterator[None]:
    with psycopg.connect(server.plain, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA report")
        connection.execute(f"CREATE VIEW report.mine AS {query}")
    yield


def test_a_new_column_comes_while_views_live(clean: Server) -> None:
    publish(clean, 1)
    with analyst(clean, "SELECT account_id, version, run_id FROM mart.dim_account"):
        publish(clean, 2, with_columns(2, version=pa.int64(), kva=pa.float64(), grade=pa.string()))
        assert rows(clean, "SELECT DISTINCT version, grade FROM mart.dim_account") == [(2, "2")]
        assert rows(clean, "SELECT DISTINCT version FROM report.mine") == [(2,)]
        publish(clean, 3, with_columns(3, version=pa.int64(), kva=pa.float64(), grade=pa.string()))
        assert rows(clean, "SELECT DISTINCT grade FROM mart.dim_account") == [("3",)]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"version": pa.int64()}, "kva goes"),
        ({"version": pa.string(), "kva": pa.float64()}, "version becomes text"),
    ],
)
def test_a_column_that_goes_or_changes_type_is_refused_with_the_names_of_its_readers(
    clean: Server, columns: dict[str, pa.DataType], says: str
) -> None:
    publish(clean, 1)
    with analyst(clean, "SELECT account_id, version, kva FROM mart.dim_account"):
        with pytest.raises(PublishError) as caught:
            publish(clean, 2, with_columns(2, **columns))
        assert caught.value.code == "publish.dependants"
        assert says in caught.value.message
        assert "report.mine" in caught.value.message
        assert check_whole(rows(clean, JOINED)[0]) == 1
    with psycopg.connect(clean.plain, autocommit=True) as connection:
        connection.execute("GRANT SELECT ON mart.dim_account TO wattmark_pii")
        connection.execute("DROP SCHEMA report CASCADE")
    publish(clean, 2, with_columns(2, **columns))
    assert [name for (name,) in rows(
        clean, "SELECT column_name FROM information_schema.columns WHERE table_schema = 'mart' AND table_name = 'dim_account' ORDER BY ordinal_position"
    )] == ["account_id", *columns, "as_of", "run_id"]  # fmt: skip
    for role in ("wattmark_bi", "wattmark_pii"):
        assert rows(clean, "SELECT has_table_privilege(%s, 'mart.dim_account', 'SELECT')", role) == [(True,)]


def test_a_table_that_is_not_published_any_more_goes_unless_somebody_reads_it(clean: Server) -> None:
    publish(clean, 1)
    with (
        analyst(clean, "SELECT COUNT(*) AS n FROM mart.finding"),
        pytest.raises(
            PublishError, match=r"mart.finding is not published any more; it is read by report.mine"
        ),
    ):
        publish(clean, 2, marts(2)[:2])
    with psycopg.connect(clean.plain, autocommit=True) as connection:
        connection.execute("DROP SCHEMA report CASCADE")
    publish(clean, 2, marts(2)[:2])
    assert rows(clean, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'mart' ORDER BY 1") == [
        ("dim_account",), ("fct_day",),
    ]  # fmt: skip
    publish(clean, 3)
    assert check_whole(rows(clean, JOINED)[0]) == 3


def test_another_key_is_another_table_behind_the_same_view(clean: Server) -> None:
    publish(clean, 1)
    with analyst(clean, "SELECT account_id, version FROM mart.dim_account"):
        tables = marts(2)
        tables[0] = Incoming(
            "mart", "dim_account", tables[0].query, tables[0].columns, ("account_id", "version")
        )
        publish(clean, 2, tables)
        publish(clean, 2, tables)
        assert rows(clean, "SELECT DISTINCT version FROM report.mine") == [(2,)]
        publish(clean, 3)
        assert rows(clean, "SELECT DISTINCT version FROM report.mine") == [(3,)]


def test_a_column_that_comes_waits_for_no_reader_longer_than_it_may(
    clean: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "LOCK_TRIES", 8)
    publish(clean, 1)
    wider = with_columns(2, version=pa.int64(), kva=pa.float64(), grade=pa.string())
    with reader(clean) as sitting:
        sitting.execute("SELECT 1 FROM mart.dim_account LIMIT 1")
        readers = Readers(clean)
        readers.start(readers.join_once)
        try:
            with pytest.raises(
                PublishUnavailableError, match=r"read in a transaction that does not end: bob"
            ) as caught:
                publish(clean, 2, wider)
        finally:
            readers.stop.set()
            for thread in readers.threads:
                thread.join()
        assert caught.value.code == "publish.held"
        # Others read on meanwhile; none was kept waiting for 100 ms.
        assert readers.errors == []
        assert readers.reads
        sitting.commit()
    publish(clean, 2, wider)
    assert rows(clean, "SELECT DISTINCT grade FROM mart.dim_account") == [("2",)]


def test_tables_of_an_earlier_release_become_views_and_views_of_others_on_them_are_named(
    clean: Server,
) -> None:
    with psycopg.connect(clean.plain, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA mart")
        connection.execute(
            "CREATE TABLE mart.dim_account (account_id text PRIMARY KEY, version bigint, kva float8, as_of date, run_id text)"
        )
        connection.execute("INSERT INTO mart.dim_account VALUES ('A1', 0, 1, '2026-10-31', 'r')")
        connection.execute("CREATE TABLE mart.gone (id text)")
        for left in ("mart__old", "mart__next"):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(left)))
            connection.execute(
                sql.SQL("CREATE TABLE {} (id text)").format(sql.Identifier(left, "dim_account"))
            )
    with (
        analyst(clean, "SELECT account_id FROM mart.dim_account"),
        pytest.raises(
            PublishError,
            match=r"is a table of an earlier release and becomes a view; it is read by report.mine",
        ),
    ):
        publish(clean, 1)
    assert rows(clean, "SELECT COUNT(*) FROM mart.dim_account") == [(1,)]
    with psycopg.connect(clean.plain, autocommit=True) as connection:
        connection.execute("DROP SCHEMA report CASCADE")
    publish(clean, 1)
    assert check_whole(rows(clean, JOINED)[0]) == 1
    assert rows(clean, "SELECT to_regclass('mart.gone') IS NULL") == [(True,)]
    assert rows(clean, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'mart\\_\\_%'") == []


# --- readers cannot hold it up -------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_advisory_lock(hashtext('wattmark.publish'))",
        "SELECT pg_try_advisory_lock(i) FROM generate_series(1, 10) AS t(i)",
        "SELECT pg_advisory_xact_lock_shared(1)",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "CREATE TEMP TABLE t (i int)",
        "CREATE TABLE public.t (i int)",
        "CREATE SCHEMA mine",
        "LOCK TABLE mart.dim_account IN ROW SHARE MODE",
        "LOCK TABLE mart.dim_account IN SHARE MODE",
        "LOCK TABLE mart.dim_account IN ACCESS EXCLUSIVE MODE",
        "SELECT 1 FROM mart.dim_account FOR SHARE",
        "SELECT 1 FROM mart_store.dim_account",
        "SELECT 1 FROM mart_store.current_run",
        "SELECT 1 FROM ops.publish_lock FOR UPDATE",
        "LOCK TABLE ops.migration_lock IN ACCESS SHARE MODE",
        "SELECT 1 FROM mart_pii.contact",
        "SELECT 1 FROM quarantine.bill",
    ],
)
def test_a_reader_may_not(clean: Server, statement: str) -> None:
    publish(clean, 1)
    with reader(clean) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


@pytest.mark.parametrize("database", ["postgres", "template1", "airflow", "source"])
def test_a_reader_enters_no_other_database(clean: Server, database: str) -> None:
    with reader(clean):
        pass
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(clean.plain, user="bob", password=PASSWORDS["bob"], dbname=database)


def test_readers_leave_connections_for_the_night(clean: Server) -> None:
    publish(clean, 1)
    with contextlib.ExitStack() as stack:
        opened = 0
        with pytest.raises(
            psycopg.OperationalError, match=r"too many connections|remaining connection slots"
        ):
            for number in range(100):
                name = f"crowd{number // bi_users.SESSIONS}"
                stack.enter_context(reader(clean, name))
                opened += 1
        assert opened >= 60
        publish(clean, 2)
    assert check_whole(rows(clean, JOINED)[0]) == 2


def test_a_second_publisher_is_named_when_the_first_does_not_end(
    clean: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_S", 1)
    publish(clean, 1)
    with Store(clean.plain, ""):
        with pytest.raises(PublishUnavailableError, match="another night has been publishing") as caught:
            publish(clean, 2)
        assert caught.value.code == "publish.busy"
    publish(clean, 2)
    assert check_whole(rows(clean, JOINED)[0]) == 2


# --- accidents -----------------------------------------------------------------------------------


def killed_before_commit(plain: str, version: int, wait_s: float) -> None:
    """In a process of its own: all is changed, nothing committed, then it is gone."""
    with duckdb.connect() as duck, Store(plain, "test") as opened:
        opened.change(duck, marts(version))
        time.sleep(wait_s)
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("published_before", [False, True])
def test_a_killed_publisher_leaves_the_last_run(clean: Server, published_before: bool) -> None:
    if published_before:
        publish(clean, 1)
    process = multiprocessing.get_context("spawn").Process(
        target=killed_before_commit, args=(clean.plain, 2, 0)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    if published_before:
        assert check_whole(rows(clean, JOINED)[0]) == 1
    else:
        assert rows(clean, "SELECT to_regclass('mart.dim_account') IS NULL") == [(True,)]
    publish(clean, 3)
    assert check_whole(rows(clean, JOINED)[0]) == 3


def test_a_killed_server_leaves_the_last_run(clean: Server) -> None:
    publish(clean, 1)
    with (
        pytest.raises(PublishUnavailableError) as caught,
        duckdb.connect() as duck,
        Store(clean.plain, "") as opened,
    ):
        opened.change(duck, marts(2))
        postmaster = next(
            part.pid for part in services.status(clean.settings) if part.component == "postgres"
        )
        assert postmaster is not None
        os.kill(postmaster, signal.SIGKILL)
        time.sleep(0.5)
        opened.commit(run_id="r", as_of=FIRST, period=FIRST, rows=0, changed=0, lake_versions={})
    assert caught.value.code == "publish.unavailable"
    services.up(clean.settings, airflow=False)
    assert warehouse_url(clean.settings) == clean.url
    assert check_whole(rows(clean, JOINED)[0]) == 1
    publish(clean, 2)
    assert check_whole(rows(clean, JOINED)[0]) == 2


# --- runs ----------------------------------------------------------------------------------------


def begin(server: Server, version: int, **more: Any) -> Run:
    run = run_of(version)
    begin_run(server.url, run, code_version="1", parameters_hash=f"p{version}", **more)
    return run


def states(server: Server) -> list[tuple[Any, ...]]:
    return rows(
        server,
        "SELECT as_of - %s, state, rows_in, rows_out, published_at IS NOT NULL FROM ops.pipeline_run ORDER BY as_of",
        FIRST,
    )


def test_a_failed_rerun_leaves_the_published_night_as_it_is(clean: Server) -> None:
    run = begin(clean, 1)
    assert states(clean) == [(1, "running", None, None, False)]
    publish(clean, 1)
    end_run(clean.url, run, "succeeded", 10, 20)
    assert states(clean) == [(1, "succeeded", 10, 20, True)]
    before = rows(clean, "SELECT * FROM ops.pipeline_run")
    begin(clean, 1)
    assert rows(clean, "SELECT * FROM ops.pipeline_run") == before
    with psycopg.connect(clean.plain) as connection:
        assert [(night.state, night.run_id) for night in runs_since(connection)] == [("running", run.run_id)]
    end_run(clean.url, run, "failed", 5, None)
    assert rows(clean, "SELECT * FROM ops.pipeline_run") == before
    with psycopg.connect(clean.plain) as connection:
        assert [night.state for night in runs_since(connection)] == ["failed"]
        published = published_run(connection)
        assert published is not None
        assert (published.run_id, published.state) == (run.run_id, "succeeded")
    assert rows(clean, "SELECT state, rows_in FROM ops.pipeline_attempt ORDER BY attempt_id") == [
        ("succeeded", 10), ("failed", 5),
    ]  # fmt: skip
    # A rerun that is published takes the row over; one that was killed is noted when the next begins.
    begin(clean, 1)
    begin(clean, 1)
    publish(clean, 1)
    end_run(clean.url, run, "succeeded", 11, 21)
    assert states(clean) == [(1, "succeeded", 11, 21, True)]
    assert [state for (state,) in rows(clean, "SELECT state FROM ops.pipeline_attempt ORDER BY attempt_id")] == [
        "succeeded", "failed", "abandoned", "succeeded",
    ]  # fmt: skip
    with psycopg.connect(clean.plain) as connection:
        assert runs_since(connection) == []
    # Tasks of it that are cleared and fail are an attempt too, and change nothing of the night.
    before = rows(clean, "SELECT * FROM ops.pipeline_run")
    end_run(clean.url, run, "failed", 1)
    assert rows(clean, "SELECT * FROM ops.pipeline_run") == before
    with psycopg.connect(clean.plain) as connection:
        assert [night.state for night in runs_since(connection)] == ["failed"]


def test_a_night_that_failed_before_it_was_published_says_so(clean: Server) -> None:
    run = begin(clean, 1)
    end_run(clean.url, run, "failed", 3)
    assert states(clean) == [(1, "failed", 3, None, False)]
    with psycopg.connect(clean.plain) as connection:
        assert published_run(connection) is None
        assert [night.state for night in runs_since(connection)] == ["failed"]


def test_a_night_that_fails_after_it_was_published_stays_published(clean: Server) -> None:
    run = begin(clean, 1)
    publish(clean, 1)
    end_run(clean.url, run, "failed", 3)
    assert [(state, published) for _, state, _, _, published in states(clean)] == [("succeeded", True)]


def test_an_older_night_does_not_take_the_place_of_a_newer_one(clean: Server) -> None:
    begin(clean, 5)
    publish(clean, 5)
    with pytest.raises(
        PublishError, match="2026-11-05 is older than the published one, 2026-11-06"
    ) as caught:
        begin(clean, 4)
    assert caught.value.code == "publish.older"
    assert "--republish" in caught.value.remedy
    assert len(states(clean)) == 1
    begin(clean, 5)
    begin(clean, 4, republish=True)
    publish(clean, 4)
    with psycopg.connect(clean.plain) as connection:
        published = published_run(connection)
    assert published is not None
    assert published.as_of == FIRST + dt.timedelta(days=4)


def test_runs_of_an_earlier_release_are_taken_over(server: Server) -> None:
    with server.superuser() as administrator:
        administrator.execute("CREATE DATABASE older OWNER wattmark")
    try:
        url = server.url.replace("/warehouse", "/older")
        upgrade(url, "0003")
        with psycopg.connect(libpq_url(url)) as connection:
            connection.execute(
                "INSERT INTO ops.pipeline_run (run_id, as_of, started_at, finished_at, state, code_version, parameters_hash) VALUES "
                "('a', '2026-11-03', '2026-11-04 02:00+08', '2026-11-04 03:00+08', 'succeeded', '1', 'p'), "
                "('b', '2026-11-04', '2026-11-05 02:00+08', '2026-11-05 03:00+08', 'failed', '1', 'p')"
            )
            assert published_run(connection) is None
            connection.execute("CREATE SCHEMA mart")
            connection.execute("CREATE TABLE mart.reconciliation (source_table text)")
        upgrade(url)
        with psycopg.connect(libpq_url(url)) as connection:
            published = published_run(connection)
            assert published is not None
            assert (published.run_id, published.as_of) == ("a", dt.date(2026, 11, 3))
            assert [(night.run_id, night.state) for night in runs_since(connection)] == [("b", "failed")]
            assert connection.execute("SELECT COUNT(*) FROM ops.pipeline_attempt").fetchall() == [(2,)]
        with pytest.raises(PublishError, match="older than the published one"):
            begin_run(url, Run.of(dt.date(2026, 11, 2), ZONE), code_version="1", parameters_hash="p")
    finally:
        with server.superuser() as administrator:
            administrator.execute("DROP DATABASE older WITH (FORCE)")


# --- logins --------------------------------------------------------------------------------------


def test_a_login_has_its_rights_its_limits_and_a_password_of_its_own(clean: Server) -> None:
    publish(clean, 1)
    made = bi_users.add(clean.url, "carol", pii=True)
    assert len(made.password) >= 24
    assert made.password in made.sqlalchemy
    assert made.password not in made.psql
    assert made.notes == ()
    with psycopg.connect(made.psql, password=made.password) as connection:
        assert connection.execute("SELECT COUNT(*) FROM finding").fetchall() == [(ROWS // 4 - 1,)]
        assert connection.execute("SELECT COUNT(*) FROM contact").fetchall() == [(20,)]
        shown = {
            name: connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchall()[0][0]
            for name in ("statement_timeout", "temp_file_limit", "default_transaction_read_only")
        }
        assert shown == {
            "statement_timeout": "15min", "temp_file_limit": "5GB", "default_transaction_read_only": "on",
        }  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET temp_file_limit = -1")
        connection.rollback()
        listed = bi_users.listing(clean.url)
        assert [(login.name, login.reads, login.connections, login.limit) for login in listed] == [
            ("carol", ("mart", "mart_pii", "quarantine"), 1, bi_users.SESSIONS)
        ]
        # Removed, it is thrown out.
        bi_users.remove(clean.url, "carol")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(made.psql, password=made.password)
    assert bi_users.listing(clean.url) == []


@pytest.mark.parametrize("name", ["Bob", "1st", "a-b", "pg_x", "wattmark_bi", "", "a" * 64, "x'; DROP"])
def test_a_name_that_cannot_be_one_is_refused(clean: Server, name: str) -> None:
    with pytest.raises(PublishError) as caught:
        bi_users.add(clean.url, name)
    assert caught.value.code == "bi_user.name"


def test_a_taken_name_a_stranger_and_a_login_with_things_of_its_own(clean: Server) -> None:
    publish(clean, 1)
    for taken in ("wattmark", "airflow"):
        with pytest.raises(PublishError) as caught:
            bi_users.add(clean.url, taken)
        assert caught.value.code == "bi_user.taken"
        with pytest.raises(PublishError) as caught:
            bi_users.remove(clean.url, taken)
        assert caught.value.code == "bi_user.unknown"
    with pytest.raises(PublishError) as caught:
        bi_users.add(clean.url, "mart", schema=True)
    assert caught.value.code == "bi_user.schema"
    with reader(clean, "dave", schema=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.commit()
        connection.execute("CREATE VIEW mine AS SELECT COUNT(*) FROM mart.finding")
        connection.commit()
    with pytest.raises(PublishError) as caught:
        bi_users.remove(clean.url, "dave")
    assert caught.value.code == "bi_user.owns"
    assert [login.schema for login in bi_users.listing(clean.url)] == ["dave"]
    bi_users.remove(clean.url, "dave", drop_schema=True)
    assert bi_users.listing(clean.url) == []


def test_logins_by_command(clean: Server) -> None:
    home = ["--home", str(clean.settings.home)]
    publish(clean, 1)
    runner = CliRunner()
    added = runner.invoke(commands.bi_users, ["add", "erin", "--schema", *home])
    assert added.exit_code == 0, added.output
    password = re.search(r"password  (\S+)", added.output)
    assert password is not None
    with psycopg.connect(clean.plain, user="erin", password=password.group(1)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM dim_account").fetchall() == [(ROWS,)]
    listed = runner.invoke(commands.bi_users, ["list", *home]).output
    assert re.search(r"erin\s+│ mart\s+│ erin\s+│ \d\s+│ 8", listed), listed
    assert password.group(1) not in listed
    removed = runner.invoke(commands.bi_users, ["remove", "erin", *home])
    assert removed.exit_code == 0, removed.output
    assert "erin" not in runner.invoke(commands.bi_users, ["list", *home]).output
