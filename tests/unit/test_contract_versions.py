"""The contract grows: sources and homes of its first version go on, and what is new is accepted, checked, kept and counted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.small_contract import home_of, make_project, rows, take, take_and_publish
from tests.tiny import ROWS, interval_rows, write_csv, write_intervals
from wattmark import night
from wattmark.checkup import look
from wattmark.contract import Contract, load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.errors import ContractError, SourceError
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

FIRST_VERSION = Path(__file__).parents[1] / "fixtures" / "contract_version_1.yaml"
DAY = dt.date(2026, 10, 14)
BUILT = ("core.calendar", "core.day_clock", "core.hour_band", "facts.interval_daily")


def project_with(folder: Path, contract: Path) -> Path:
    """This project with another contract file; what is derived from it, and may read what is newer, is left out."""
    (folder / "include" / "contract").mkdir(parents=True)
    for entry in (PROJECT_ROOT / "include").iterdir():
        if entry.name not in ("contract", "sql"):
            (folder / "include" / entry.name).symlink_to(entry)
    (folder / "expectations").symlink_to(PROJECT_ROOT / "expectations")
    (folder / "include" / "contract" / "source-model.yaml").write_text(contract.read_text())
    return folder


def write_source(folder: Path, contract: Contract, days: tuple[str, ...]) -> Path:
    """The tiny utility as a source that knows the tables and columns of a contract, and no others."""
    for table in contract.tables.values():
        names = [column.name for column in table.columns]
        if table.name != "interval_reading":
            write_csv(folder / f"{table.name}.csv", names, ROWS.get(table.name, []))
    for day in days:
        write_intervals(folder, day, interval_rows(day))
    return folder


def a_night(settings: Settings, day: dt.date, *built: str) -> dict[str, int]:
    run = Run.of(day, settings.utility.time_zone)
    for table in night.tables(settings):
        night.extract(settings, run, table)
    done = night.accept(settings, run)
    with DuckDBSession(settings, run) as session:
        for name in built:
            session.build(name)
    night.move_watermarks(settings, run)
    return done


def asked(settings: Settings, sql: str) -> list[dict[str, Any]]:
    with DuckDBSession(settings, Run.of(dt.date(2026, 11, 5), settings.utility.time_zone)) as session:
        return session.query(sql).read_all().to_pylist()


def test_a_later_version_only_adds_and_all_that_it_adds_may_be_left_out() -> None:
    first, now = load_contract(FIRST_VERSION), load_contract()
    assert now.version >= first.version
    for name, before in first.tables.items():
        table = now.tables[name]
        assert (table.key, table.since, table.partition, table.prefer) == (
            before.key, before.since, before.partition, before.prefer,
        )  # fmt: skip
        for column in before.columns:
            kept = table.column(column.name)
            assert (kept.type, kept.key, kept.ref) == (column.type, column.key, column.ref), (
                f"{name}.{column.name}"
            )
            assert set(column.values) <= set(kept.values) or not kept.values, f"{name}.{column.name}"
            assert kept.optional or not column.optional, f"{name}.{column.name}"
        known = {column.name for column in before.columns}
        assert [
            candidate.name
            for candidate in table.columns
            if candidate.name not in known and not candidate.optional
        ] == []
    assert [
        name for name, table in now.tables.items() if name not in first.tables and not table.optional
    ] == []


def test_a_home_and_a_source_of_the_first_version_take_the_next_night(tmp_path: Path) -> None:
    first = load_contract(FIRST_VERSION)
    source = write_source(tmp_path / "src", first, ("2026-11-03",))
    yesterday = load_settings(tmp_path / "home", sources=[{"location": str(source)}]).model_copy(
        update={"project": project_with(tmp_path / "project", FIRST_VERSION)}
    )
    a_night(yesterday, dt.date(2026, 11, 4))

    settings = load_settings(tmp_path / "home", sources=[{"location": str(source)}])
    with DuckDBSession(settings, Run.of(dt.date(2026, 11, 4), settings.utility.time_zone)) as session:
        for name in BUILT:
            session.build(name)
    before = asked(settings, "SELECT * FROM facts.interval_daily ORDER BY ALL")
    write_intervals(source, "2026-11-04", interval_rows("2026-11-04"))
    assert look(settings, campaigns=False, files=False).errors == []
    done = a_night(settings, dt.date(2026, 11, 5), *BUILT)
    whole = sum(len(rows) for name, rows in ROWS.items() if first.tables[name].since is None)
    assert done["read"] == whole + 3 * 48, (
        "what was read the night before and grows by itself is not read again"
    )
    assert done["quarantined"] == 0
    assert done["accepted"] == sum(map(len, ROWS.values())) + 2 * 3 * 48
    counted = {
        row["source_table"]: row["read_rows"]
        for row in asked(settings, "SELECT * FROM quality.reconciliation")
    }
    assert set(counted) == set(load_contract().tables)
    assert all(counted[name] == 0 for name in counted if name not in first.tables)
    for table in load_contract().tables.values():
        listed = ", ".join(f'"{column.name}"' for column in table.columns)
        assert asked(settings, f"SELECT {listed} FROM source.{table.name} LIMIT 1") is not None
    assert asked(settings, "SELECT COUNT(*) AS n FROM accepted.interval_reading")[0]["n"] == 2 * 3 * 48
    after = asked(settings, "SELECT * FROM facts.interval_daily WHERE day < DATE '2026-11-04' ORDER BY ALL")
    assert after == before


def changed(project: Path, **tables: dict[str, Any]) -> None:
    """Give tables of a small project other keys, and further columns under ``more``."""
    path = project / "include" / "contract" / "source-model.yaml"
    document = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    for name, values in tables.items():
        document["tables"][name]["columns"] += values.pop("more", [])
        document["tables"][name] |= values
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper))
    load_contract.cache_clear()


@pytest.fixture
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """A home of the tables that the test names; two may be left out: one that is read since, one read whole."""
    [tables] = (mark.args for mark in request.node.iter_markers("tables"))
    project = make_project(tmp_path / "project", tables=tables)
    changed(project, **{name: {"optional": True} for name in ("payment", "consent") if name in tables})
    source = tmp_path / "src"
    source.mkdir()
    known = load_contract(project / "include" / "contract" / "source-model.yaml").tables
    for table in ("customer", "account", "metering_point"):
        if table in tables:
            write_csv(source / f"{table}.csv", list(ROWS[table][0]), ROWS[table])
    for table in ("register_reading", "interval_reading"):
        if table in tables:
            write_csv(source / f"{table}.csv", [column.name for column in known[table].columns], [])
    return home_of(tmp_path / "home", source, project)


def payments(settings: Settings, number: int) -> Path:
    path = Path(settings.sources[0].location) / "payment.csv"
    columns = [
        column.name
        for column in load_contract(settings.include / "contract" / "source-model.yaml")
        .tables["payment"]
        .columns
        if not column.optional
    ]
    filled = {"amount": "1.00", "received_at": "2026-10-10 08:00:00", "account_id": "A1", "channel": "online"}
    write_csv(path, columns, [
        {**{name: filled.get(name, "x") for name in columns}, "payment_id": f"Y{at}"} for at in range(number)
    ])  # fmt: skip
    return path


@pytest.mark.tables("account", "payment", "consent")
def test_an_optional_table_that_no_source_has_is_empty_and_counted(small: Settings) -> None:
    run = Run.of(DAY, small.utility.time_zone)
    assert night.extract(small, run, "payment")["provided"] is False
    assert night.extract(small, run, "account")["provided"] is True
    done = take_and_publish(small, DAY)
    assert (done["payment"].read_rows, done["consent"].read_rows) == (0, 0)
    assert rows(small, "SELECT COUNT(*) AS n FROM source.payment") == [{"n": 0}]
    payments(small, 3)
    assert take_and_publish(small, DAY + dt.timedelta(days=1))["payment"].accepted_rows == 3


@pytest.mark.tables("account", "payment")
@pytest.mark.parametrize("number", [0, 3])
def test_an_optional_table_that_a_source_has_lost_stops_the_night_where_it_had_rows(
    small: Settings, number: int
) -> None:
    payments(small, number).with_suffix(".csv")
    take_and_publish(small, DAY)
    (Path(small.sources[0].location) / "payment.csv").unlink()
    tomorrow = DAY + dt.timedelta(days=1)
    if not number:
        assert take(small, tomorrow)["payment"].read_rows == 0
        return
    with pytest.raises(SourceError, match=r"payment is in none of the sources any more") as caught:
        take(small, tomorrow)
    assert caught.value.code == "source.missing_table" and "--full-refresh" in caught.value.remedy
    assert take(small, tomorrow, refresh=True)["payment"].read_rows == 0
    assert rows(small, "SELECT COUNT(*) AS n FROM accepted.payment") == [{"n": 0}]


@pytest.mark.tables("account", "metering_point", "payment", "consent")
def test_a_table_that_must_be_there_still_stops_the_night(small: Settings) -> None:
    (Path(small.sources[0].location) / "metering_point.csv").unlink()
    with pytest.raises(SourceError, match="metering_point is in none of the sources"):
        take(small, DAY)
    found = look(small, campaigns=False, files=False)
    assert [error.code for error in found.errors] == ["source.missing_table"]
    assert "metering_point" in found.errors[0].message and "payment" not in found.errors[0].message
    assert found.notes == ["no source has consent, payment, which may be left out"]


@pytest.mark.tables("account", "payment")
def test_a_column_and_a_code_that_come_later_are_taken_up_and_earlier_rows_have_none(small: Settings) -> None:
    payments(small, 2)
    take_and_publish(small, DAY)
    changed(
        small.project,
        payment={"more": [{"name": "till", "type": "string", "optional": True, "values": ["east", "west"]}]},
    )
    path = payments(small, 2)
    lines = path.read_text().splitlines()
    extra = [
        line.replace(f"Y{at}", f"Z{at}") + f",{code}"
        for at, (line, code) in enumerate(zip(lines[1:], ("east", "north"), strict=True))
    ]
    folder = path.with_suffix("")
    folder.mkdir()
    (folder / "later.csv").write_text("\n".join([lines[0] + ",till", *extra]) + "\n")
    done = take_and_publish(small, DAY + dt.timedelta(days=1))["payment"]
    assert (done.accepted_rows, done.reasons) == (3, {"values:till": 1})
    assert rows(small, "SELECT payment_id, till FROM source.payment ORDER BY 1") == [
        {"payment_id": "Y0", "till": None}, {"payment_id": "Y1", "till": None}, {"payment_id": "Z0", "till": "east"},
    ]  # fmt: skip


@pytest.mark.tables("metering_point", "register_reading", "interval_reading")
def test_a_table_that_nothing_was_added_to_since_has_the_later_columns_too(small: Settings) -> None:
    source = Path(small.sources[0].location)
    first = interval_rows("2026-10-12", points=1)
    write_csv(source / "interval_reading.csv", list(first[0]), first)
    take_and_publish(small, DAY)
    versions = {"accepted.interval_reading": Lake(small.lake).version("accepted.interval_reading") or 0}
    later = {"name": "till", "type": "string", "optional": True}
    changed(small.project, interval_reading={"more": [later]}, register_reading={"more": [later]})
    done = take_and_publish(small, DAY + dt.timedelta(days=1))
    assert done["interval_reading"].fresh_rows == 0 and done["interval_reading"].accepted_rows == 48
    counted = "SELECT COUNT(*) AS n, COUNT(till) AS filled FROM source.interval_reading"
    assert rows(small, counted) == [{"n": 48, "filled": 0}]
    assert rows(small, "SELECT COUNT(till) AS n FROM source.register_reading") == [{"n": 0}]
    run = Run.of(DAY, small.utility.time_zone)
    with DuckDBSession(small, run, versions=versions) as session:
        assert session.query(counted).read_all().to_pylist() == [{"n": 48, "filled": 0}]
    # A day with the column comes and goes again: no file has it then.
    more = [{**row, "till": "east"} for row in interval_rows("2026-10-13", points=1)]
    write_csv(source / "interval_reading.csv", list(more[0]), [{**row, "till": ""} for row in first] + more)
    take_and_publish(small, DAY + dt.timedelta(days=1))
    assert rows(small, counted) == [{"n": 96, "filled": 48}]
    write_csv(source / "interval_reading.csv", list(first[0]), first)
    take_and_publish(small, DAY + dt.timedelta(days=2), refresh=True)
    assert rows(small, counted) == [{"n": 48, "filled": 0}]


@pytest.mark.parametrize(
    ("values", "said"),
    [({"optional": "perhaps"}, "optional must be true or false"), ({"optionl": True}, "unknown key optionl")],
)
def test_a_wrong_key_of_a_table_is_named_with_its_line(
    tmp_path: Path, values: dict[str, Any], said: str
) -> None:
    project = make_project(tmp_path / "project")
    changed(project, consent=values)
    with pytest.raises(ContractError, match=rf"source-model\.yaml:\d+: consent: {said}"):
        load_contract(project / "include" / "contract" / "source-model.yaml")


@pytest.mark.tables("metering_point", "interval_reading")
def test_an_interval_may_have_any_length_up_to_a_day(small: Settings) -> None:
    source = Path(small.sources[0].location)
    (small.project / "expectations" / "interval_reading.yaml").write_text(
        (PROJECT_ROOT / "expectations" / "interval_reading.yaml")
        .read_text()
        .replace("tolerate: 0.05", "tolerate: 1.0")
    )
    lengths = [0, 1, 5, 7, 30, 1440, 1441]
    first = interval_rows("2026-10-12", points=1)[0]
    write_csv(
        source / "interval_reading.csv",
        list(first),
        [
            {**first, "metering_point_id": f"P{at}", "interval_minutes": minutes}
            for at, minutes in enumerate(lengths, 1)
        ],
    )
    done = take(small, DAY)["interval_reading"]
    assert done.reasons == {"to_be_between:interval_minutes": 2}
    kept = rows(small, "SELECT interval_minutes FROM accepted.interval_reading ORDER BY 1")
    assert [row["interval_minutes"] for row in kept] == lengths[1:-1]
