"""Databases as sources: each type read as what it is, or refused by name; connecting fails fast and by name."""

from __future__ import annotations

import datetime as dt
import json
import socket
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa

from tests.services.homes import a_home
from wattmark.contract import Column, Contract, Table, load_contract
from wattmark.errors import SourceError, SourceUnavailableError
from wattmark.local import services
from wattmark.quality import landing
from wattmark.quality.reading import reading_of
from wattmark.quality.typed import typed_select
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark.source_settings import SourceSettings
from wattmark.sources import Watermark
from wattmark.sources.database import DatabaseSource

REFUSED = "refused"
DAY = dt.date(2026, 10, 15)
MOMENT = dt.datetime(2026, 10, 15, 4, 30, tzinfo=dt.UTC)
UUID = "12345678-9abc-def0-1234-56789abcdef0"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Settings, str]]:
    with a_home() as settings:
        services.up(settings, airflow=False)
        yield settings, services.source_url(settings)


@pytest.fixture
def run(server: tuple[Settings, str]) -> Iterator[Any]:
    """Executes SQL in the source's database."""
    engine = sa.create_engine(server[1], isolation_level="AUTOCOMMIT")

    def execute(*statements: str) -> None:
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    yield execute
    engine.dispose()


def opened(settings: Settings, url: str, **more: Any) -> DatabaseSource:
    return DatabaseSource(SourceSettings(location=url, **more), Contract(1, {}), settings)


def a_table(**kinds: str) -> Table:
    return Table("thing", tuple(Column(name, kind, optional=True) for name, kind in kinds.items()))


def typed(settings: Settings, table: Table, landed: pa.Table) -> list[dict[str, Any]]:
    """Landing rows as they are accepted; a value that is not is ``REFUSED``."""
    with duckdb.connect(config={"threads": 1}) as duck:
        duck.execute(f"SET TimeZone = '{settings.zone.key}'")
        duck.register("landed", landed)
        kinds = landing.landing_kinds(duck, "landed")
        query = typed_select(
            table,
            "landed",
            kinds,
            ("_problem",),
            reading=reading_of(SourceSettings(location="here"), table, settings.zone),
        )
        items = ", ".join(
            f"COALESCE(_bad_{column.name} OR _problem = 'type:{column.name}', FALSE) AS _bad_{column.name}, "
            f"CASE WHEN NOT _bad_{column.name} AND _problem IS NULL THEN {column.name} END AS {column.name}"
            for column in table.columns
        )
        found = duck.sql(f"SELECT {items} FROM ({query})").to_arrow_table().to_pylist()
    names = [column.name for column in table.columns]
    return [{name: REFUSED if row[f"_bad_{name}"] else row[name] for name in names} for row in found]


def read(settings: Settings, url: str, table: Table) -> list[dict[str, Any]]:
    source = opened(settings, url)
    try:
        return typed(settings, table, source.extract(table, None, dt.timedelta()).rows.read_all())
    finally:
        source.close()


POSTGRES: list[tuple[str, str, dict[str, Any]]] = [
    ("money", "'12132028.64'", {"decimal": Decimal("12132028.64"), "double": 12132028.64, "string": "12132028.64"}),
    ("numeric(20,2)", "3300000026", {"string": "3300000026", "integer": 3300000026, "decimal": Decimal("3300000026.00")}),
    ("numeric", "12.50", {"string": "12.50", "decimal": Decimal("12.50"), "double": 12.5, "integer": REFUSED}),
    ("numeric", "'NaN'", {"string": None, "decimal": None, "double": None}),
    ("numeric", "'infinity'", {"string": REFUSED, "decimal": REFUSED, "double": REFUSED}),
    ("float8", "3300000026", {"string": "3300000026", "integer": 3300000026}),
    ("float8", "9007199254740994", {"string": REFUSED, "integer": REFUSED, "double": 9007199254740994.0}),
    ("float8", "'NaN'", {"string": None, "double": None}),
    ("real", "6.24", {"string": "6.24", "decimal": Decimal("6.24"), "double": 6.24}),
    ("smallint", "1", {"integer": 1, "boolean": True, "string": "1"}),
    ("bigint", "9223372036854775807", {"string": "9223372036854775807", "integer": 9223372036854775807}),
    ("oid", "4000000000", {"string": "4000000000"}),
    ("char(20)", "'person'", {"string": "person"}),
    ("bpchar", "'person  '", {"string": "person"}),
    ('"char"', "'x'", {"string": "x"}),
    ("name", "'person'", {"string": "person"}),
    ("varchar(20)", "' B1'", {"string": " B1"}),
    ("a_name", "'person'", {"string": "person"}),
    ("a_kind", "'person'", {"string": "person"}),
    ("an_amount", "12.5", {"decimal": Decimal("12.50"), "string": "12.50"}),
    ("uuid", f"'{UUID}'", {"string": UUID, "integer": REFUSED}),
    ("bit(1)", "B'1'", {"boolean": True, "integer": 1, "string": "1"}),
    ("bit(1)", "B'0'", {"boolean": False}),
    ("bit(3)", "B'101'", {"string": "101"}),
    ("bytea", r"'\x01'", {"boolean": True}),
    ("bytea", "convert_to('电', 'UTF8')", {"string": "电"}),
    ("bytea", r"'\xff'", {"string": REFUSED}),
    ("boolean", "true", {"boolean": True, "string": "true"}),
    ("date", "'2026-10-15'", {"date": DAY, "string": "2026-10-15"}),
    ("date", "'infinity'", {"date": REFUSED, "timestamp": REFUSED}),
    ("date", "'0044-03-15 BC'", {"date": REFUSED}),
    ("timestamp", "'2026-10-15 12:30'", {"timestamp": MOMENT, "string": "2026-10-15 12:30:00"}),
    ("timestamp", "'-infinity'", {"timestamp": REFUSED, "date": REFUSED}),
    ("timestamp", "'294276-12-31'", {"timestamp": REFUSED}),
    ("timestamp", "'2026-10-15'", {"date": DAY}),
    ("timestamptz", "'2026-10-15 12:30+08'", {"timestamp": MOMENT}),
    ("timestamptz", "'2026-10-15 00:00+08'", {"date": DAY}),
    ("timestamptz", "'infinity'", {"timestamp": REFUSED, "date": REFUSED}),
    ("json", "'{\"a\": 1}'", {"string": '{"a": 1}'}),
    ("jsonb", "'{\"a\": 1}'", {"string": '{"a": 1}'}),
    ("inet", "'10.1.2.3'", {"string": "10.1.2.3"}),
    ("cidr", "'10.1.0.0/16'", {"string": "10.1.0.0/16"}),
    ("macaddr", "'08:00:2b:01:02:03'", {"string": "08:00:2b:01:02:03"}),
]  # fmt: skip


def test_every_type_of_postgresql_is_read_as_what_it_is(server: tuple[Settings, str], run: Any) -> None:
    run(
        "CREATE DOMAIN a_code AS char(12)", "CREATE DOMAIN a_name AS a_code",
        "CREATE DOMAIN an_amount AS numeric(10,2)", "CREATE TYPE a_kind AS ENUM ('person')",
    )  # fmt: skip
    columns: dict[str, tuple[str, str, str, Any]] = {}
    for sql_type, value, expected in POSTGRES:
        for kind, right in expected.items():
            columns[f"c{len(columns)}"] = (sql_type, value, kind, right)
    # A server whose own settings show dates, moments and amounts in another way.
    run(
        "DROP TABLE IF EXISTS thing",
        f"CREATE TABLE thing ({', '.join(f'{name} {column[0]}' for name, column in columns.items())})",
        *(f"INSERT INTO thing ({name}) VALUES ({column[1]})" for name, column in columns.items()),
        "ALTER ROLE CURRENT_USER SET DateStyle = 'German'",
        "ALTER ROLE CURRENT_USER SET TimeZone = 'America/New_York'",
    )
    try:
        table = a_table(**{name: column[2] for name, column in columns.items()})
        rows = read(*server, table)
    finally:
        run(
            "ALTER ROLE CURRENT_USER RESET ALL",
            "DROP TABLE thing",
            "DROP DOMAIN a_name, a_code, an_amount",
            "DROP TYPE a_kind",
        )
    wrong = [
        (*column, row)
        for row, (name, column) in zip(rows, columns.items(), strict=True)
        if {key: value for key, value in row.items() if value is not None}
        != ({} if column[3] is None else {name: column[3]})
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("sql_type", "kind"),
    [
        ("interval", "double"), ("time", "string"), ("timetz", "timestamp"), ("integer[]", "string"), ("text[]", "string"),
        ("point", "string"), ("int4range", "integer"), ("datemultirange", "date"), ("tsvector", "string"),
        ("bit(8)", "integer"), ("varbit", "boolean"), ("a_row", "string"), ("a_span", "string"),
    ],
)  # fmt: skip
def test_a_type_that_holds_no_single_value_is_refused_by_name(
    server: tuple[Settings, str], run: Any, sql_type: str, kind: str
) -> None:
    run(
        "DROP TABLE IF EXISTS thing", "DROP TYPE IF EXISTS a_row", "DROP DOMAIN IF EXISTS a_span",
        "CREATE TYPE a_row AS (a integer)", "CREATE DOMAIN a_span AS interval", f"CREATE TABLE thing (it {sql_type})",
    )  # fmt: skip
    with pytest.raises(SourceError) as raised:
        read(*server, a_table(it=kind))
    run("DROP TABLE thing")
    assert raised.value.code == "source.column_type"
    assert not isinstance(raised.value, SourceUnavailableError)
    named = {"time": "time without time zone", "timetz": "time with time zone", "varbit": "bit varying"}
    assert f"table thing: column it has the type {named.get(sql_type, sql_type)}" in raised.value.message
    assert "view" in raised.value.remedy


def test_a_view_a_foreign_name_and_a_materialized_view_are_tables(
    server: tuple[Settings, str], run: Any
) -> None:
    run(
        "CREATE SCHEMA cis", 'CREATE TABLE cis."Base" ("It" money)', "INSERT INTO cis.\"Base\" VALUES ('1.50')",
        'CREATE VIEW cis.seen AS SELECT * FROM cis."Base"',
        'CREATE MATERIALIZED VIEW cis.kept AS SELECT * FROM cis."Base"',
    )  # fmt: skip
    try:
        for name in ("Base", "seen", "kept"):
            rename = {"thing": {"name": name}}
            source = opened(*server, schema_name="cis", rename=rename)
            rows = source.extract(a_table(it="decimal"), None, dt.timedelta()).rows.read_all()
            source.close()
            assert typed(server[0], a_table(it="decimal"), rows) == [{"it": Decimal("1.50")}]
            assert rows["_file"].to_pylist() == [name]
    finally:
        run("DROP SCHEMA cis CASCADE")


def test_rows_come_in_the_databases_order_with_their_place(server: tuple[Settings, str], run: Any) -> None:
    run(
        "DROP TABLE IF EXISTS thing", "CREATE TABLE thing (it bigint)",
        "INSERT INTO thing SELECT n FROM generate_series(1, 1200000) n",
    )  # fmt: skip
    source = opened(*server)
    rows = source.extract(a_table(it="integer", more="double"), None, dt.timedelta()).rows.read_all()
    source.close()
    run("DROP TABLE thing")
    assert rows["it"].chunk(0).type == pa.int64()
    assert rows["it"].num_chunks > 2
    assert rows["_position"].to_pylist() == list(range(1_200_000))
    assert rows["it"].to_pylist() == list(range(1, 1_200_001))
    assert rows["_arrival"].type == rows["_position"].type == pa.int64()
    assert rows["_arrival"].null_count == rows["more"].null_count == 1_200_000


@pytest.mark.parametrize(
    ("sql_type", "shown"),
    [
        ("timestamptz", "{:%Y-%m-%d %H:%M}+00"), ("timestamp", "local"), ("text", "local"), ("text", "{:%Y-%m-%dT%H:%M}Z"),
        ("date", "local"), ("char(30)", "local"),
    ],
)  # fmt: skip
def test_a_part_holds_all_rows_from_its_moment_on_and_those_without_time(
    server: tuple[Settings, str], run: Any, sql_type: str, shown: str
) -> None:
    edge = dt.datetime(2026, 10, 1, 16, 0, tzinfo=dt.UTC)
    moments = {
        "old": edge - dt.timedelta(days=9),
        "edge": edge,
        "new": edge + dt.timedelta(hours=5),
    }
    texts = {
        name: f"{moment.astimezone(server[0].zone):%Y-%m-%d %H:%M}"
        if shown == "local"
        else shown.format(moment)
        for name, moment in moments.items()
    }
    rows = ", ".join(f"('{name}', '{text}')" for name, text in texts.items()) + ", ('none', NULL)"
    if sql_type == "text":
        rows += ", ('odd', '01/01/1999'), ('blank', '')"
    run(
        "DROP TABLE IF EXISTS thing", f"CREATE TABLE thing (it text, updated_at {sql_type})",
        f"INSERT INTO thing VALUES {rows}",
    )  # fmt: skip
    table = Table(
        "thing", (Column("it", "string", key=True), Column("updated_at", "timestamp")), since="updated_at"
    )
    source = opened(*server)
    found = source.extract(table, Watermark(since=edge + dt.timedelta(days=1)), dt.timedelta(days=1))
    names = set(found.rows.read_all()["it"].to_pylist())
    asked = set(source.some(table, since=edge).read_all()["it"].to_pylist())
    everything = source.extract(table, None, dt.timedelta(days=1))
    source.close()
    run("DROP TABLE thing")
    assert names == asked == {"edge", "new", "none"} | ({"odd", "blank"} if sql_type == "text" else set())
    assert (found.whole, found.since_from) == (False, edge)
    assert (everything.whole, everything.since_from) == (True, None)


def test_a_table_whose_time_cannot_be_compared_is_read_whole(server: tuple[Settings, str], run: Any) -> None:
    run(
        "DROP TABLE IF EXISTS thing",
        "CREATE TABLE thing (updated_at bigint)",
        "INSERT INTO thing VALUES (1), (NULL)",
    )
    table = Table("thing", (Column("updated_at", "timestamp", key=True),), since="updated_at")
    source = opened(*server)
    found = source.extract(table, Watermark(since=MOMENT), dt.timedelta(days=1))
    rows = found.rows.read_all()
    source.close()
    run("DROP TABLE thing")
    assert (rows.num_rows, found.whole, found.since_from) == (2, True, None)
    assert typed(server[0], table, rows) == [{"updated_at": REFUSED}, {"updated_at": None}]


@pytest.mark.parametrize(
    "sql_type", ["text", "char(20)", "bigint", "numeric(20,2)", "double precision", "bytea", "uuid"]
)
def test_rows_asked_for_by_id_are_found_whatever_type_the_id_has(
    server: tuple[Settings, str], run: Any, sql_type: str
) -> None:
    ids = (
        (UUID, "87654321-9abc-def0-1234-56789abcdef0") if sql_type == "uuid" else ("3300000026", "3300000027")
    )
    run(
        "DROP TABLE IF EXISTS thing", f"CREATE TABLE thing (it {sql_type})",
        f"INSERT INTO thing VALUES ('{ids[0]}'), ('{ids[1]}')",
    )  # fmt: skip
    source = opened(*server)
    found = source.some(a_table(it="string"), among=("it", [ids[0], "it's no id", "x:y"])).read_all()
    source.close()
    run("DROP TABLE thing")
    assert found["it"].to_pylist() == [ids[0]]


def test_a_value_of_no_calendar_refuses_its_row_and_is_shown(server: tuple[Settings, str], run: Any) -> None:
    run(
        "DROP TABLE IF EXISTS thing", "CREATE TABLE thing (id text, since timestamptz, until date, n integer)",
        "INSERT INTO thing VALUES ('A', '2026-10-15 12:30+08', 'infinity', 1), ('B', '2026-10-15 12:30+08', '9999-12-31', 2), "
        "('C', '-infinity', '0044-03-15 BC', 3), ('D', NULL, NULL, NULL)",
    )  # fmt: skip
    table = a_table(id="string", since="timestamp", until="date", n="integer")
    source = opened(*server)
    rows = source.extract(table, None, dt.timedelta()).rows.read_all()
    source.close()
    run("DROP TABLE thing")
    assert rows.schema.field("since").type == pa.timestamp("us", "UTC")
    assert rows.schema.field("until").type == pa.date32()
    assert rows["_problem"].to_pylist() == ["type:until", None, "type:since", None]
    shown = [row and json.loads(row) for row in rows["_text"].to_pylist()]
    assert shown == [
        {"id": "A", "since": "2026-10-15 04:30:00+00:00", "until": "infinity", "n": "1"},
        None,
        {"id": "C", "since": "-infinity", "until": "0044-03-15 BC", "n": "3"},
        None,
    ]
    assert typed(server[0], table, rows)[1] == {
        "id": "B",
        "since": MOMENT,
        "until": dt.date(9999, 12, 31),
        "n": 2,
    }


# --- connecting ------------------------------------------------------------------------------------------


def refused(settings: Settings, url: str, within: float = 10, **more: Any) -> SourceError:
    began = time.monotonic()
    with pytest.raises(SourceError) as raised:
        opened(settings, url, **more)
    assert time.monotonic() - began < within
    assert raised.value.remedy
    assert "\n" not in str(raised.value)
    return raised.value


def test_what_somebody_must_put_right_is_not_tried_again(
    server: tuple[Settings, str], tmp_path: Path
) -> None:
    settings, url = server
    parts = sa.make_url(url)
    text = parts.render_as_string(hide_password=False)
    wrong = {
        text.replace(parts.password or "", "n0t-the-word"): ("source.refused", "password"),
        text.replace("/source", "/nosuch"): ("source.refused", "nosuch"),
        text.replace("127.0.0.1", "nosuch.invalid"): ("source.unknown_host", "nosuch.invalid"),
        text + "?colour=red": ("source.refused", "colour"),
        text.replace("postgresql+psycopg", "postgresql+nosuch"): (
            "source.unknown_dialect",
            "postgresql+nosuch",
        ),
        text.replace("postgresql+psycopg", "db9"): ("source.unknown_dialect", "db9"),
        text.replace("postgresql+psycopg", "oracle+oracledb"): ("source.no_driver", "oracledb"),
        "postgresql://u:p4ss@w:rd@host:x/db": ("source.bad_url", "not a SQLAlchemy URL"),
        f"sqlite:///{tmp_path}/nosuch.db": ("source.no_database", "nosuch.db"),
    }
    for location, (code, named) in wrong.items():
        error = refused(settings, location)
        assert (error.code, type(error)) == (code, SourceError), location
        assert named in error.message
        for secret in (parts.password or "", "n0t-the-word", "p4ss"):
            assert secret not in str(error)
    assert not (tmp_path / "nosuch.db").exists()
    error = refused(settings, text, schema_name="cris")
    assert (error.code, type(error)) == ("source.no_schema", SourceError)
    assert "cris" in error.message
    assert "public" in error.message


def test_a_file_that_is_no_database_is_told(tmp_path: Path, server: tuple[Settings, str]) -> None:
    (tmp_path / "notes.db").write_text("these are notes, not a database" * 50)
    error = refused(server[0], f"sqlite:///{tmp_path}/notes.db")
    assert (error.code, type(error)) == ("source.refused", SourceError)
    assert "not a database" in error.message


def test_a_silent_and_a_closed_port_are_unavailable_within_seconds(server: tuple[Settings, str]) -> None:
    settings, url = server
    parts = sa.make_url(url)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        error = refused(settings, parts.set(port=port).render_as_string(hide_password=False))
        assert (error.code, type(error)) == ("source.unreachable", SourceUnavailableError)
    error = refused(settings, parts.set(port=port).render_as_string(hide_password=False))
    assert (error.code, type(error)) == ("source.unreachable", SourceUnavailableError)
    assert (parts.password or "") not in str(error)


def test_secrets_in_parameters_are_shown_nowhere(server: tuple[Settings, str]) -> None:
    settings, url = server
    parts = sa.make_url(url)
    bare = sa.URL.create(parts.drivername, parts.username, None, parts.host, parts.port, parts.database)
    given = bare.update_query_dict({"password": parts.password or "", "sslpassword": "k3yw0rd"})
    source = opened(settings, given.render_as_string(hide_password=False))
    source.close()
    assert "k3yw0rd" not in source.label
    assert (parts.password or "") not in source.label
    assert "password=***" in source.label
    error = refused(settings, given.set(database="nosuch").render_as_string(hide_password=False))
    assert (parts.password or "") not in str(error)


def test_reading_without_the_right_to_is_not_tried_again(server: tuple[Settings, str], run: Any) -> None:
    settings, url = server
    run(
        "DROP TABLE IF EXISTS thing", "CREATE TABLE thing (it text)", "DROP ROLE IF EXISTS stranger",
    )  # fmt: skip
    try:
        run("CREATE ROLE stranger LOGIN PASSWORD 'str4nge'", "GRANT CONNECT ON DATABASE source TO stranger")
    except sa.exc.DBAPIError:
        pytest.skip("the source's owner may not make roles")
    try:
        other = sa.make_url(url).set(username="stranger", password="str4nge")
        source = opened(settings, other.render_as_string(hide_password=False))
        with pytest.raises(SourceError) as raised:
            source.extract(a_table(it="string"), None, dt.timedelta())
        source.close()
        assert (raised.value.code, type(raised.value)) == ("source.refused", SourceError)
        assert "thing" in raised.value.message
    finally:
        run("DROP TABLE thing", "REVOKE CONNECT ON DATABASE source FROM stranger", "DROP ROLE stranger")


@pytest.mark.parametrize(
    ("at_the_end", "kind", "code", "said"),
    [
        ("pg_terminate_backend(pg_backend_pid())::text", SourceUnavailableError, "source.broke_off", "terminating connection"),
        ("('Zhang San' || n)::integer::text", SourceError, "source.refused", "invalid input syntax"),
    ],
)  # fmt: skip
def test_a_reading_that_ends_early_is_told_as_what_it_is(
    server: tuple[Settings, str],
    run: Any,
    tmp_path: Path,
    at_the_end: str,
    kind: type[SourceError],
    code: str,
    said: str,
) -> None:
    run(
        "DROP VIEW IF EXISTS org_unit",
        f"CREATE VIEW org_unit AS SELECT CASE WHEN n = 400000 THEN {at_the_end} ELSE n::text END AS org_unit_id, NULL::text AS parent_id, "
        "repeat('x', 200) AS name, 'city' AS level FROM generate_series(1, 400000) n",
    )  # fmt: skip
    settings = load_settings(tmp_path).model_copy(update={"sources": (SourceSettings(location=server[1]),)})
    try:
        with pytest.raises(SourceError) as raised:
            landing.extract(settings, Run.of(DAY, "Asia/Shanghai"), "org_unit")
    finally:
        run("DROP VIEW org_unit")
    assert (type(raised.value), raised.value.code) == (kind, code)
    assert "reading org_unit broke off" in raised.value.message
    assert said in raised.value.message
    assert "Zhang San" not in str(raised.value)
    assert "\n" not in str(raised.value)


# --- SQLite ----------------------------------------------------------------------------------------------


def test_sqlite_values_are_read_by_what_each_of_them_is(server: tuple[Settings, str], tmp_path: Path) -> None:
    settings = server[0]
    file = tmp_path / "crm.db"
    engine = sa.create_engine(f"sqlite:///{file}")
    given: list[tuple[str, Any, str, Any]] = [
        ("INTEGER", 3300000026, "string", "3300000026"), ("REAL", 3300000026.0, "string", "3300000026"),
        ("REAL", 2.0**53 + 2, "string", REFUSED), ("BLOB", b"\x01", "boolean", True), ("BLOB", b"\xff", "string", REFUSED),
        ("BLOB", "电".encode(), "string", "电"), ("BOOLEAN", 0, "boolean", False), ("DECIMAL(10,2)", 12.5, "decimal", Decimal("12.50")),
        ("TEXT", "12.50", "decimal", Decimal("12.50")), ("DATE", "2026-10-15", "date", DAY), ("DATETIME", "2026-10-15 00:00:00", "date", DAY),
        ("DATETIME", "2026-10-15 12:30:00", "timestamp", MOMENT), ("TIMESTAMP", "2026-10-15T04:30:00Z", "timestamp", MOMENT),
        ("TIMESTAMP", 1760502600, "timestamp", REFUSED), ("TIME", "08:30", "string", "08:30"), ("INTEGER", 7, "double", 7.0),
        ("", 7, "integer", 7), ("REAL", None, "double", None),
    ]  # fmt: skip
    with engine.begin() as connection:
        columns = ", ".join(f"c{at} {column[0]}" for at, column in enumerate(given))
        connection.exec_driver_sql(f"CREATE TABLE thing ({columns})")
        for at, column in enumerate(given):
            connection.exec_driver_sql(f"INSERT INTO thing (c{at}) VALUES (?)", (column[1],))
    engine.dispose()
    table = a_table(**{f"c{at}": column[2] for at, column in enumerate(given)})
    rows = read(settings, f"sqlite:///{file}", table)
    assert [row[f"c{at}"] for at, row in enumerate(rows)] == [row_given[3] for row_given in given]


def test_sqlite_text_that_is_none_refuses_its_row_alone(server: tuple[Settings, str], tmp_path: Path) -> None:
    file = tmp_path / "crm.db"
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE thing (it TEXT)")
        connection.exec_driver_sql("INSERT INTO thing VALUES ('good'), (CAST(x'fffe' AS TEXT))")
    engine.dispose()
    found = read(server[0], f"sqlite:///{file}", a_table(it="string"))
    assert found == [{"it": "good"}, {"it": REFUSED}]


def test_sqlite_parts_hold_all_rows_that_may_belong(server: tuple[Settings, str], tmp_path: Path) -> None:
    file = tmp_path / "crm.db"
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE thing (it TEXT, updated_at TIMESTAMP)")
        connection.exec_driver_sql(
            "INSERT INTO thing VALUES ('old', '2026-09-01 10:00:00'), ('new', '2026-10-15 12:30:00'), ('zoned', '2026-10-15T04:30:00Z'), "
            "('none', NULL), ('odd', '15/10/2026'), ('number', 1760502600)"
        )
    engine.dispose()
    table = Table(
        "thing", (Column("it", "string", key=True), Column("updated_at", "timestamp")), since="updated_at"
    )
    source = opened(server[0], f"sqlite:///{file}")
    found = source.extract(table, Watermark(since=MOMENT + dt.timedelta(days=1)), dt.timedelta(days=1))
    names = found.rows.read_all()["it"].to_pylist()
    source.close()
    assert names == ["new", "zoned", "none", "odd", "number"]
    assert not found.whole


def test_the_contract_knows_no_type_that_these_tests_leave_out() -> None:
    kinds = {column.type for table in load_contract().tables.values() for column in table.columns}
    tried = {kind for _, _, expected in POSTGRES for kind in expected}
    assert kinds <= tried
