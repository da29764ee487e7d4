"""Publishing from a real lake, and taking the last publication back."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from tests.services.homes import a_home
from wattmark.contract.types import schema_of
from wattmark.engine.catalog import catalog_of, load_catalog
from wattmark.engine.python_table import PythonTable
from wattmark.engine.session import DuckDBSession
from wattmark.errors import PublishError, PublishUnavailableError
from wattmark.home import warehouse_url
from wattmark.lake import Lake
from wattmark.local import services
from wattmark.publish import warehouse
from wattmark.publish.ops import begin_run, end_run, libpq_url
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings
from wattmark.tidy import tidy

TABLE = "mart.grade_history"


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    with a_home() as made:
        services.up(made, airflow=False)
        yield made


def schemas(settings: Settings) -> dict[str, pa.Schema]:
    """Arrow schema of every mart, by what the project declares."""
    found = {}
    for name, definition in catalog_of(settings).tables.items():
        if name.split(".")[0] not in ("mart", "mart_pii"):
            continue
        kinds = (
            definition.columns if isinstance(definition, PythonTable)
            else {column: entry["type"] for column, entry in definition.header["columns"].items()}
        )  # fmt: skip
        found[name] = schema_of(kinds)
    return found


def fill(settings: Settings, grades: dict[str, str]) -> None:
    """A lake in which one mart has rows: customers with their grade."""
    lake = Lake(settings.lake)
    for name, schema in schemas(settings).items():
        if name == TABLE:
            rows = [
                {"customer_id": customer, "grade": grade, "valid_from": dt.date(2026, 1, 1)}
                for customer, grade in grades.items()
            ]
            lake.replace(name, pa.Table.from_pylist(rows, schema=schema))
        elif not lake.exists(name):
            lake.replace(name, schema.empty_table())


def night(settings: Settings, day: int, grades: dict[str, str], **more: Any) -> Run:
    run = Run.of(dt.date(2026, 11, day), settings.utility.time_zone)
    fill(settings, grades)
    url = warehouse_url(settings)
    begin_run(url, run, code_version="1", parameters_hash="p", **more)
    done = warehouse.publish(settings, run, url, **more)
    end_run(url, run, "succeeded", 1, sum(table.rows for table in done))
    return run


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_url(warehouse_url(settings))) as connection:
        return connection.execute(query).fetchall()


def seen(settings: Settings) -> list[tuple[Any, ...]]:
    return rows(settings, f"SELECT customer_id, grade, as_of, run_id FROM {TABLE} ORDER BY 1")


@pytest.mark.timeout(300)
def test_the_last_publication_is_taken_back_with_its_run_row(settings: Settings) -> None:
    url = warehouse_url(settings)
    lake = Lake(settings.lake)
    first = night(settings, 4, {"C1": "A", "C2": "B"})
    with pytest.raises(PublishError) as caught:
        warehouse.take_back(settings, url)
    assert caught.value.code == "publish.nothing_before"
    before = seen(settings)
    assert before == [("C1", "A", first.as_of, first.run_id), ("C2", "B", first.as_of, first.run_id)]
    second = night(settings, 5, {"C2": "D", "C3": "A"})
    assert seen(settings) == [
        ("C2", "D", second.as_of, second.run_id),
        ("C3", "A", second.as_of, second.run_id),
    ]

    # What is needed to go back survives the clean-up, whatever its age.
    kept = warehouse.kept_versions(settings, url)
    assert kept[TABLE] == [1, 0]
    assert lake.vacuum([TABLE], 0, kept) == 0

    shown = subprocess.run(
        [sys.executable, "-m", "wattmark", "publish", "--back", "--home", str(settings.home)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "The night 2026-11-04 stands again" in shown
    assert seen(settings) == before
    assert rows(settings, "SELECT run_id, state, published_at IS NOT NULL FROM ops.pipeline_run ORDER BY as_of") == [
        (first.run_id, "succeeded", True), (second.run_id, "taken_back", False),
    ]  # fmt: skip
    assert [(number, taken is not None) for number, _, _, _, taken in warehouse.publications(url)] == [
        (2, True), (1, False),
    ]  # fmt: skip
    # The night that was taken back may be run again and stands as any other.
    again = night(settings, 5, {"C2": "D", "C3": "B"})
    assert seen(settings)[1] == ("C3", "B", again.as_of, again.run_id)
    assert rows(settings, "SELECT state FROM ops.pipeline_run ORDER BY as_of") == [
        ("succeeded",),
        ("succeeded",),
    ]

    # A night that is older does not come in by the back door either.
    older = Run.of(dt.date(2026, 11, 3), settings.utility.time_zone)
    with pytest.raises(PublishError) as caught:
        warehouse.publish(settings, older, url)
    assert caught.value.code == "publish.older"
    night(settings, 3, {"C1": "D"}, republish=True)
    assert seen(settings) == [("C1", "D", older.as_of, older.run_id)]
    warehouse.take_back(settings, url)
    assert seen(settings)[1] == ("C3", "B", again.as_of, again.run_id)

    # What the lake does not hold any more is said, and what stands stays.
    for file in lake.files(TABLE, 0):
        lake.path(TABLE).joinpath(file).unlink()
    with pytest.raises(PublishError) as caught:
        warehouse.take_back(settings, url)
    assert caught.value.code == "publish.not_kept"
    assert first.run_id in caught.value.message
    assert seen(settings)[1] == ("C3", "B", again.as_of, again.run_id)


def insert_case(settings: Settings, case_id: str) -> None:
    with psycopg.connect(libpq_url(warehouse_url(settings))) as connection:
        connection.execute(
            "INSERT INTO ops.audit_case (case_id, rule_id, subject_type, subject_id, first_seen_on, last_seen_on, state, severity, "
            "at_stake_amount, evidence, rectified_by, opened_at, opened_on, version) VALUES (%s, 'TAR-01', 'account', %s, '2026-11-10', "
            "'2026-11-10', 'open', 'high', 12.30, '{\"kwh\": 1}', 'li', now(), '2026-11-10', 1)",
            [case_id, case_id],
        )


CASES = "SELECT case_id, at_stake_amount, evidence ->> 'kwh', as_of, run_id FROM mart.audit_case ORDER BY 1"


@pytest.mark.timeout(300)
def test_what_rests_on_cases_follows_the_night_and_is_taken_back_with_it(settings: Settings) -> None:
    url = warehouse_url(settings)
    first = night(settings, 10, {"C1": "A"})
    other = Run.of(dt.date(2026, 11, 9), settings.utility.time_zone)
    with pytest.raises(PublishError) as caught:
        warehouse.publish_closing(settings, other, url)
    assert caught.value.code == "publish.not_standing"
    insert_case(settings, "K1")
    closing_of_night(settings, first)
    first_row = ("K1", Decimal("12.30"), "1", first.as_of, first.run_id)
    assert rows(settings, CASES) == [first_row]
    assert "rectified_by" not in [name for (name,) in rows(settings, COLUMNS)]

    # The next night leaves these tables as they are, and they say of which night they are.
    insert_case(settings, "K2")
    second = night(settings, 11, {"C1": "B"})
    assert rows(settings, CASES) == [first_row]
    assert seen(settings) == [("C1", "B", second.as_of, second.run_id)]
    # A reader who began before they follow goes on seeing them whole; twice makes no difference.
    with psycopg.connect(libpq_url(url)) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert reader.execute(CASES).fetchall() == [first_row]
        closing_of_night(settings, second)
        assert reader.execute(CASES).fetchall() == [first_row]
    after = [(*row[:3], second.as_of, second.run_id) for row in (first_row, ("K2", *first_row[1:]))]
    assert rows(settings, CASES) == after
    assert [table.changed for table in warehouse.publish_closing(settings, second, url)] == [0] * len(LATER)
    assert rows(settings, CASES) == after
    assert seen(settings) == [("C1", "B", second.as_of, second.run_id)]

    warehouse.take_back(settings, url)
    assert rows(settings, CASES) == [first_row]
    assert seen(settings) == [("C1", "A", first.as_of, first.run_id)]


COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'mart' AND table_name = 'audit_case'"
LATER = warehouse.closing_names(load_catalog(PROJECT_ROOT / "include"))


def closing_of_night(settings: Settings, run: Run) -> None:
    """Of a lake that holds marts alone: key figures come as they are there, cases out of ``ops``."""
    with DuckDBSession(settings, run) as session:
        for name in ("cases.audit_case", "cases.audit_case_event", "cases.audit_worklist", "mart.audit_case"):
            session.build(name)
    assert {table.name for table in warehouse.publish_closing(settings, run, warehouse_url(settings))} == set(
        LATER
    )


def test_while_the_warehouse_is_down_publishing_says_so_and_tidying_leaves_the_marts(
    settings: Settings,
) -> None:
    url = warehouse_url(settings)
    services.down(settings)
    try:
        with pytest.raises(PublishUnavailableError) as caught:
            warehouse.publish(settings, Run.of(dt.date(2026, 11, 6), "Asia/Shanghai"), url)
        assert caught.value.code == "publish.unavailable"
        assert tidy(settings) == {}
    finally:
        services.up(settings, airflow=False)
