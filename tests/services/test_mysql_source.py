"""MariaDB as a source: its own types and its session's zone, on a real server."""

from __future__ import annotations

import datetime as dt
import getpass
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.services.homes import open_folder
from tests.services.test_database_source import DAY, MOMENT, REFUSED, a_table, opened, read, typed
from wattmark.contract import Column, Table
from wattmark.errors import SourceError, SourceUnavailableError
from wattmark.local.processes import next_free_port
from wattmark.settings import Extract, Settings, load_settings
from wattmark.sources import Watermark

pytest.importorskip("pymysql", reason="the driver pymysql is not installed")
INSTALL = shutil.which("mariadb-install-db") or shutil.which("mysql_install_db")
SERVER = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")
pytestmark = pytest.mark.skipif(
    not (INSTALL and SERVER), reason="no MariaDB server is installed here (package mariadb-server)"
)


def _account() -> str:
    """Root hands the server to another account."""
    if os.geteuid() != 0:
        return getpass.getuser()
    try:
        return pwd.getpwnam("mysql").pw_name
    except KeyError:
        return pwd.getpwnam("nobody").pw_name


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server in New York, whose sessions show moments in its own zone unless told otherwise."""
    account, port = _account(), next_free_port(15_900)
    with open_folder() as folder:
        data = folder / "data"
        if os.geteuid() == 0:
            shutil.chown(folder, account)
        common = ["--no-defaults", f"--user={account}", f"--datadir={data}", f"--tmpdir={folder}"]
        subprocess.run(
            [str(INSTALL), *common, "--skip-test-db", "--auth-root-authentication-method=normal"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        server = subprocess.Popen(
            [
                str(SERVER), *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket",
                "--default-time-zone=-05:00", "--sql-mode=", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=16M",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            root = sa.create_engine(f"mysql+pymysql://root@127.0.0.1:{port}/mysql")
            _wait_for(root)
            with root.begin() as connection:
                for statement in (
                    "CREATE DATABASE crm CHARACTER SET utf8mb4",
                    "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'g00d-w0rd'",
                    "GRANT ALL ON crm.* TO reader@'127.0.0.1'",
                ):
                    connection.exec_driver_sql(statement)
            root.dispose()
            yield f"mysql+pymysql://reader:g00d-w0rd@127.0.0.1:{port}/crm"
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(engine: sa.Engine) -> None:
    for _ in range(300):
        try:
            with engine.connect():
                return
        except sa.exc.OperationalError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(tmp_path_factory.mktemp("home"))


@pytest.fixture
def run(url: str) -> Iterator[Any]:
    """Executes SQL in the source's database, in a session in UTC."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")

    def execute(*statements: str) -> None:
        with engine.connect() as connection:
            for statement in ("SET time_zone = '+00:00'", "DROP TABLE IF EXISTS thing", *statements):
                connection.exec_driver_sql(statement)

    yield execute
    engine.dispose()


TYPES: list[tuple[str, str, dict[str, Any]]] = [
    ("decimal(20,3)", "3300000026", {"string": "3300000026", "integer": 3300000026, "decimal": Decimal("3300000026.00")}),
    ("decimal(20,3)", "12.5", {"string": "12.500", "decimal": Decimal("12.50"), "double": 12.5, "integer": REFUSED}),
    ("double", "3300000026", {"string": "3300000026", "integer": 3300000026}),
    ("double", "9007199254740994", {"string": REFUSED, "double": 9007199254740994.0}),
    ("float", "123456.78", {"string": "123456.78", "double": 123456.78}),
    ("float", "6.24", {"decimal": Decimal("6.24"), "double": 6.24}),
    ("bigint unsigned", "18446744073709551615", {"string": "18446744073709551615", "integer": REFUSED}),
    ("bigint", "-7", {"string": "-7", "integer": -7, "double": -7.0}),
    ("tinyint(1)", "1", {"boolean": True, "integer": 1, "string": "1"}),
    ("boolean", "0", {"boolean": False}),
    ("bit(1)", "b'1'", {"boolean": True, "integer": 1, "string": "1"}),
    ("bit(1)", "b'0'", {"boolean": False}),
    ("bit(8)", "b'00000111'", {"integer": 7}),
    ("year", "2026", {"integer": 2026, "string": "2026"}),
    ("char(20)", "'person'", {"string": "person"}),
    ("varchar(20)", "'person '", {"string": "person "}),
    ("binary(8)", "'person'", {"string": "person"}),
    ("varbinary(8)", "x'fffe'", {"string": REFUSED}),
    ("blob", "'电'", {"string": "电"}),
    ("varbinary(1)", "x'01'", {"boolean": True}),
    ("text", "'电'", {"string": "电"}),
    ("json", "'{\"a\": 1}'", {"string": '{"a": 1}'}),
    ("enum('person','organisation')", "'person'", {"string": "person"}),
    ("set('a','b')", "'a,b'", {"string": "a,b"}),
    ("uuid", "'12345678-9abc-4ef0-8234-56789abcdef0'", {"string": "12345678-9abc-4ef0-8234-56789abcdef0"}),
    ("date", "'2026-10-15'", {"date": DAY, "string": "2026-10-15"}),
    ("date", "'0000-00-00'", {"date": REFUSED}),
    ("datetime(6)", "'2026-10-15 12:30:00'", {"timestamp": MOMENT}),
    ("datetime", "'2026-10-15 00:00:00'", {"date": DAY}),
    ("datetime", "'0000-00-00 00:00:00'", {"timestamp": REFUSED, "date": REFUSED}),
    ("timestamp(6) NULL", "'2026-10-15 04:30:00.000001'", {"timestamp": MOMENT.replace(microsecond=1)}),
    ("timestamp NULL", "'2026-10-15 04:30:00'", {"timestamp": MOMENT}),
    ("timestamp NULL", "'2026-10-14 16:00:00'", {"date": DAY}),
    ("timestamp NULL", "'0000-00-00 00:00:00'", {"timestamp": REFUSED}),
]  # fmt: skip


def test_every_type_of_mariadb_is_read_as_what_it_is(url: str, settings: Settings, run: Any) -> None:
    columns = {
        f"c{at}": column
        for at, column in enumerate(
            (sql_type, value, kind, right)
            for sql_type, value, expected in TYPES
            for kind, right in expected.items()
        )
    }
    run(
        f"CREATE TABLE thing ({', '.join(f'{name} {column[0]}' for name, column in columns.items())})",
        *(f"INSERT INTO thing ({name}) VALUES ({column[1]})" for name, column in columns.items()),
    )
    rows = read(settings, url, a_table(**{name: column[2] for name, column in columns.items()}))
    wrong = [
        (*column, row)
        for row, (name, column) in zip(rows, columns.items(), strict=True)
        if {key: value for key, value in row.items() if value is not None} != {name: column[3]}
    ]
    assert not wrong


@pytest.mark.parametrize("sql_type", ["time", "point", "geometry"])
def test_a_type_that_holds_no_single_value_is_refused_by_name(
    url: str, settings: Settings, run: Any, sql_type: str
) -> None:
    run(f"CREATE TABLE thing (it {sql_type})")
    with pytest.raises(SourceError) as raised:
        read(settings, url, a_table(it="string"))
    assert raised.value.code == "source.column_type"
    assert f"table thing: column it has the type {sql_type}" in raised.value.message


@pytest.mark.parametrize("sql_type", ["timestamp NULL", "datetime", "varchar(30)"])
def test_a_part_holds_all_rows_from_its_moment_on_and_those_without_time(
    url: str, settings: Settings, run: Any, sql_type: str
) -> None:
    edge = dt.datetime(2026, 10, 1, 16, 0, tzinfo=dt.UTC)
    zone = dt.UTC if sql_type.startswith("timestamp") else settings.zone
    moments = [edge - dt.timedelta(days=9), edge, edge + dt.timedelta(hours=5)]
    rows = ", ".join(
        f"('{name}', '{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}')"
        for name, moment in zip(("old", "edge", "new"), moments, strict=True)
    )
    run(
        f"CREATE TABLE thing (it varchar(20), updated_at {sql_type})",
        f"INSERT INTO thing VALUES {rows}, ('none', NULL), ('zero', '0000-00-00 00:00:00')",
    )
    table = Table(
        "thing", (Column("it", "string", key=True), Column("updated_at", "timestamp")), since="updated_at"
    )
    source = opened(settings, url)
    found = source.extract(table, Watermark(since=edge + dt.timedelta(days=1)), dt.timedelta(days=1))
    landing = found.rows.read_all()
    source.close()
    expected = {"edge", "new", "none"} | ({"zero"} if sql_type != "varchar(30)" else set())
    assert set(landing["it"].to_pylist()) == expected
    assert (found.whole, found.since_from) == (False, edge)
    times = {row["it"]: row["updated_at"] for row in typed(settings, table, landing)}
    assert times["edge"] == edge
    assert times.get("zero", REFUSED) == REFUSED


def test_rows_asked_for_by_id_are_those_and_no_others(url: str, settings: Settings, run: Any) -> None:
    run("CREATE TABLE thing (it varchar(20))", "INSERT INTO thing VALUES ('A1'), ('a1'), ('A1 '), ('B2')")
    source = opened(settings, url)
    found = source.some(a_table(it="string"), among=("it", ["A1"])).read_all()
    source.close()
    assert found["it"].to_pylist() == ["A1"]


def test_a_plain_address_finds_the_driver_that_is_here(url: str, settings: Settings, run: Any) -> None:
    run("CREATE TABLE thing (it int)", "INSERT INTO thing VALUES (1)")
    for scheme in ("mysql", "mariadb", "mariadb+pymysql"):
        assert read(settings, url.replace("mysql+pymysql", scheme), a_table(it="integer")) == [{"it": 1}]


def test_wrong_logins_are_told_and_a_dead_server_is_unavailable(url: str, settings: Settings) -> None:
    parts = sa.make_url(url)
    wrong = {
        url.replace("g00d-w0rd", "b4d-w0rd"): ("source.refused", "Access denied"),
        url.replace("/crm", "/nosuch"): ("source.refused", "nosuch"),
        url.replace("127.0.0.1", "nosuch.invalid"): ("source.unknown_host", "nosuch.invalid"),
        parts.set(port=next_free_port(16_200)).render_as_string(hide_password=False): ("source.unreachable", "127.0.0.1"),
    }  # fmt: skip
    for location, (code, named) in wrong.items():
        with pytest.raises(SourceError) as raised:
            opened(settings, location)
        assert raised.value.code == code, location
        assert named in raised.value.message
        assert isinstance(raised.value, SourceUnavailableError) == (code == "source.unreachable")
        assert "w0rd" not in str(raised.value)
    with pytest.raises(SourceError) as raised:
        opened(settings, url, schema_name="cris")
    assert (raised.value.code, type(raised.value)) == ("source.refused", SourceError)
    assert "cris" in raised.value.message


def test_a_killed_statement_may_be_tried_again(url: str, settings: Settings, run: Any) -> None:
    run("CREATE TABLE thing AS SELECT REPEAT('x', 200) AS it FROM seq_1_to_100000")
    small = settings.model_copy(update={"extract": Extract(batch_rows=1_000)})
    source = opened(small, url)
    rows = source.extract(a_table(it="string"), None, dt.timedelta()).rows
    rows.read_next_batch()
    rows.read_next_batch()
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT thing%%'"
        ).fetchall()
        for row in found:
            connection.exec_driver_sql(f"KILL {row[0]}")
    engine.dispose()
    assert found
    with pytest.raises(SourceUnavailableError) as raised:
        rows.read_all()
    source.close()
    assert raised.value.code == "source.broke_off"
