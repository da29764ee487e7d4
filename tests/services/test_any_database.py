"""Any table of the sample, in database columns of any type that can hold it, is the same rows as its CSV."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import at_length
from tests.services.homes import a_home
from tests.services.test_database_source import REFUSED, typed
from wattmark.contract import Column, Contract, Table, load_contract
from wattmark.errors import SourceError
from wattmark.local import services
from wattmark.settings import Settings
from wattmark.source_settings import SourceSettings
from wattmark.sources.database import DatabaseSource
from wattmark.sources.files import FileSource
from wattmark.sources.values import as_text
from wattmark_sample import FolderSink, SamplePlan, generate

ZONE = ZoneInfo("Asia/Shanghai")
ROWS = 12
CONTRACT = load_contract()


@dataclass(frozen=True)
class Holder:
    """A database type that may hold a column.

    ``given`` is the value handed to the database, by the contract's value; ``fits`` whether it comes back whole.
    """

    sql_type: str
    given: Callable[[Any], Any] = str
    fits: Callable[[Any], bool] = lambda value: True
    cast: str = "CAST(%s AS {})"


def short(value: Any) -> bool:
    return abs(float(value)) < 1e15 and float(str(np.float32(value))) == float(value)


def number(value: Any) -> bool:
    return str(value).isdigit() and not str(value).startswith("0") and int(value) <= 2**53


def plain(value: Any) -> bool:
    return not str(value).endswith(" ")


def cents(value: Any) -> bool:
    return round(float(value) * 100) / 100 == float(value) and abs(float(value)) < 1e12


def local(value: dt.datetime) -> str:
    return f"{value.astimezone(ZONE).replace(tzinfo=None)}"


def midnight(value: dt.date) -> dt.datetime:
    return dt.datetime.combine(value, dt.time(), ZONE).astimezone(dt.UTC)


MONEY = "CAST(CAST(%s AS numeric) AS money)"
NUMBERS = [
    Holder("double precision"), Holder("numeric"), Holder("text"), Holder("varchar(40)"), Holder("char(40)"),
    Holder("real", fits=short), Holder("numeric(30,6)", fits=lambda value: cents(value)), Holder("money", fits=cents, cast=MONEY),
]  # fmt: skip
POSTGRES: dict[str, list[Holder]] = {
    "string": [
        Holder("text"), Holder("varchar"), Holder("char(200)", fits=plain), Holder("bpchar", fits=plain), Holder("bytea", str.encode, cast="%s"),
        Holder("name", fits=lambda value: len(value.encode()) < 64), Holder("bigint", fits=number), Holder("numeric(30,3)", fits=number),
        Holder("double precision", fits=number), Holder("numeric", fits=number),
    ],
    "integer": [
        Holder("bigint"), Holder("integer"), Holder("smallint", fits=lambda value: abs(value) < 2**15), Holder("numeric(20,3)"), Holder("numeric(12,0)"),
        Holder("double precision"), Holder("text"), Holder("char(20)"), Holder("real", fits=short),
    ],
    "decimal": [*NUMBERS, Holder("numeric(18,2)")],
    "double": NUMBERS,
    "date": [
        Holder("date"), Holder("timestamp"), Holder("timestamptz", lambda value: f"{midnight(value)}"), Holder("text"), Holder("char(12)"),
    ],
    "timestamp": [
        Holder("timestamptz"), Holder("timestamp", local), Holder("text", local), Holder("text"), Holder("varchar(40)", local),
    ],
    "boolean": [
        Holder("boolean"), Holder("smallint", int), Holder("bit(1)", lambda value: str(int(value))), Holder("text"), Holder("char(5)"),
        Holder("bytea", lambda value: bytes([value]), cast="%s"), Holder("numeric(3,1)", int), Holder("real", int),
    ],
}  # fmt: skip
USELESS = ["interval", "time", "integer[]", "point", "int4range", "tsvector"]

SQLITE: dict[str, list[Holder]] = {
    "string": [
        Holder("TEXT"), Holder("VARCHAR(9)"), Holder("BLOB", str.encode), Holder("", str), Holder("INTEGER", int, number), Holder("REAL", float, number),
    ],
    "integer": [Holder("INTEGER", int), Holder("REAL", float), Holder("TEXT"), Holder("", int), Holder("DECIMAL(10,2)", int)],
    "decimal": [Holder("REAL", float), Holder("TEXT"), Holder("NUMERIC", float), Holder("", str)],
    "double": [Holder("REAL", float), Holder("TEXT"), Holder("NUMERIC", float), Holder("", float)],
    "date": [Holder("DATE"), Holder("TEXT"), Holder("DATETIME", lambda value: f"{value} 00:00:00"), Holder("BLOB", lambda value: str(value).encode())],
    "timestamp": [Holder("DATETIME", local), Holder("TEXT"), Holder("TIMESTAMP", lambda value: value.isoformat())],
    "boolean": [
        Holder("BOOLEAN", int), Holder("TEXT"), Holder("BLOB", lambda value: bytes([value])), Holder("REAL", float), Holder("INTEGER", int),
    ],
}  # fmt: skip


@dataclass
class World:
    """One sample, one PostgreSQL server and one SQLite file, used by all examples."""

    home: Settings
    folder: Path
    sample: Path
    engines: dict[str, sa.Engine]
    kept: dict[str, pa.Table]

    def rows(self, name: str) -> pa.Table:
        if name not in self.kept:
            path = self.sample / name
            found = ds.dataset(
                path if path.is_dir() else path.with_suffix(".parquet"), format="parquet"
            ).to_table()
            # What a delivery may leave out, and the sample does, is there without a value.
            self.kept[name] = pa.table(
                [
                    found[field.name].cast(field.type)
                    if field.name in found.schema.names
                    else pa.nulls(found.num_rows, field.type)
                    for field in CONTRACT.tables[name].arrow_schema
                ],
                schema=CONTRACT.tables[name].arrow_schema,
            )
        return self.kept[name]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("any")
    generate(SamplePlan(accounts=30, interval_days=1, seed=5), FolderSink(folder / "sample"))
    with a_home() as home:
        services.up(home, airflow=False)
        engines = {
            "postgresql": sa.create_engine(services.source_url(home), isolation_level="AUTOCOMMIT"),
            "sqlite": sa.create_engine(f"sqlite:///{folder / 'crm.db'}", isolation_level="AUTOCOMMIT"),
        }
        yield World(home, folder, folder / "sample", engines, {})
        for engine in engines.values():
            engine.dispose()


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str, int, list[float], float]:
    """A table, a kind of database, where its rows begin, a choice for each column, and for a column that is useless."""
    name = draw(st.sampled_from(sorted(CONTRACT.tables)))
    width = len(CONTRACT.tables[name].columns)
    share = st.floats(0, 1, exclude_max=True)
    return (
        name,
        draw(st.sampled_from(["postgresql", "postgresql", "sqlite"])),
        draw(st.integers(0, 10_000)),
        draw(st.lists(share, min_size=width, max_size=width)),
        draw(share),
    )


def from_csv(world: World, table: Table, part: pa.Table) -> list[dict[str, Any]]:
    folder = world.folder / "csv"
    folder.mkdir(exist_ok=True)
    texts = [as_text(part[name]).to_pylist() for name in part.schema.names]
    with (folder / f"{table.name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(part.schema.names)
        writer.writerows(zip(*texts, strict=True))
    source = FileSource(SourceSettings(location=str(folder)), CONTRACT, world.home)
    try:
        return typed(world.home, table, source.extract(table, None, dt.timedelta()).rows.read_all())
    finally:
        source.close()
        (folder / f"{table.name}.csv").unlink()


def holder_of(column: Column, values: list[Any], kinds: dict[str, list[Holder]], share: float) -> Holder:
    fitting = [
        holder
        for holder in kinds[column.type]
        if all(holder.fits(value) for value in values if value is not None)
    ]
    return fitting[int(share * len(fitting))]


def check(world: World, case: tuple[str, str, int, list[float], float]) -> None:
    name, dialect, begin, shares, odd = case
    table = CONTRACT.tables[name]
    everything = world.rows(name)
    part = everything.slice(begin % max(everything.num_rows, 1), ROWS)
    columns = {column.name: part[column.name].to_pylist() for column in table.columns}
    kinds = POSTGRES if dialect == "postgresql" else SQLITE
    chosen = {
        column.name: holder_of(column, columns[column.name], kinds, share)
        for column, share in zip(table.columns, shares, strict=True)
    }
    useless = ""
    if dialect == "postgresql" and odd > 0.9:
        useless = table.columns[begin % len(table.columns)].name
        chosen[useless] = Holder(USELESS[begin % len(USELESS)])
        columns[useless] = [None] * part.num_rows
    engine = world.engines[dialect]
    listed = ", ".join(f'"{column}" {holder.sql_type}' for column, holder in chosen.items())
    mark = {"postgresql": None, "sqlite": "?"}[dialect]
    marks = ", ".join(mark or holder.cast.format(holder.sql_type) for holder in chosen.values())
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{name}"')
        connection.exec_driver_sql(f'CREATE TABLE "{name}" ({listed})')
        rows = [
            tuple(
                None if value is None else holder.given(value)
                for holder, value in zip(chosen.values(), row, strict=True)
            )
            for row in zip(*columns.values(), strict=True)
        ]
        if rows:
            connection.exec_driver_sql(f'INSERT INTO "{name}" VALUES ({marks})', rows)
    source = DatabaseSource(
        SourceSettings(location=engine.url.render_as_string(hide_password=False)),
        Contract(CONTRACT.version, {name: table}),
        world.home,
    )
    try:
        if useless:
            with pytest.raises(SourceError) as raised:
                source.extract(table, None, dt.timedelta())
            assert f"table {name}: column {useless} has the type" in raised.value.message
            assert raised.value.remedy
            return
        landed = source.extract(table, None, dt.timedelta()).rows.read_all()
    finally:
        source.close()
    found = typed(world.home, table, landed)
    expected = from_csv(world, table, part)
    types = {column: holder.sql_type for column, holder in chosen.items()}
    for mine, theirs in zip(found, expected, strict=True):
        differing = {column for column in mine if mine[column] != theirs[column]}
        assert not differing, (
            name,
            {column: (types[column], mine[column], theirs[column]) for column in differing},
        )
    assert REFUSED not in {value for row in found for value in row.values() if isinstance(value, str)}


checked = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], derandomize=True
)  # fmt: skip


@settings(checked, max_examples=12)
@given(case=cases())
def test_some_tables_in_some_types_are_the_rows_of_their_csv(
    world: World, case: tuple[str, str, int, list[float], float]
) -> None:
    check(world, case)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(checked, max_examples=at_length(1000))
@given(case=cases())
def test_any_table_in_any_types_is_the_rows_of_its_csv(
    world: World, case: tuple[str, str, int, list[float], float]
) -> None:
    check(world, case)
