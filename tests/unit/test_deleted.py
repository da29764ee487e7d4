"""Rows that went from the source: found on the weekday that the source's settings name, listed, and taken out where they say so."""

from __future__ import annotations

import csv
import datetime as dt
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.small_contract import home_of, make_project, rows, take_and_publish
from wattmark.contract import load_contract
from wattmark.errors import QualityError, SettingsError
from wattmark.lake import Lake
from wattmark.settings import Settings, load_settings

FRIDAY = dt.date(2026, 10, 16)
SATURDAY = dt.date(2026, 10, 17)
SUNDAY = SATURDAY + dt.timedelta(days=1)
MONDAY = SUNDAY + dt.timedelta(days=1)
LISTED = "SELECT source_table, row_key, CAST(as_of AS VARCHAR) AS as_of, is_removed FROM quality.deleted_row ORDER BY ALL"
COUNTED = "SELECT source_table, deleted_rows FROM quality.reconciliation ORDER BY 1"


def payment(number: int, **other: Any) -> dict[str, Any]:
    return {
        "payment_id": f"Y{number}", "account_id": "A1", "received_at": "2026-10-12 09:00:00", "amount": "56.26",
        "channel": "cash", **other,
    }  # fmt: skip


def interval(slot: int, day: str = "2026-10-10") -> dict[str, Any]:
    return {
        "metering_point_id": "P1", "interval_start": f"{day} {slot:02d}:00:00", "interval_minutes": 60, "kwh": 1.25,
        "quality": "measured",
    }  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project") / "small", tables=("payment", "interval_reading"))


class Files:
    """A utility that hands over files, and changes them."""

    def __init__(self, folder: Path, project: Path) -> None:
        self.folder, self.project, self.source = folder, project, folder / "source"
        for table in ("payment", "interval_reading"):
            (self.source / table).mkdir(parents=True)
        self.pay(*(payment(number) for number in range(1, 5)))
        for day in ("2026-10-10", "2026-10-11"):
            self.give("interval_reading", f"day={day}/a", [interval(slot, day) for slot in range(4)])

    def give(self, table: str, file: str, given: Sequence[dict[str, Any]]) -> None:
        path = self.source / table / f"{file}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as out:
            writer = csv.DictWriter(out, [column.name for column in load_contract().tables[table].columns])
            writer.writeheader()
            writer.writerows(given)

    def pay(self, *given: dict[str, Any]) -> None:
        self.give("payment", "a", given)

    def home(self, rows: str = "report", at_most: float = 0.25, name: str = "home") -> Settings:
        deletions = {"weekday": "sunday", "rows": rows, "at_most": at_most}
        return home_of(self.folder / name, self.source, self.project, deletions=deletions)


@pytest.fixture
def files(tmp_path: Path, project: Path) -> Files:
    return Files(tmp_path, project)


def payments(home: Settings) -> list[str]:
    return [row["payment_id"] for row in rows(home, "SELECT payment_id FROM accepted.payment ORDER BY 1")]


def deleted(home: Settings) -> dict[str, int | None]:
    return {row["source_table"]: row["deleted_rows"] for row in rows(home, COUNTED)}


def test_what_went_is_listed_on_the_weekday_alone_and_stays(files: Files) -> None:
    home = files.home()
    take_and_publish(home, FRIDAY)
    files.pay(payment(1), payment(2), payment(4))
    take_and_publish(home, SATURDAY)
    assert deleted(home) == {"interval_reading": None, "payment": None}
    assert not Lake(home.lake).exists("quality.deleted_row")
    expected = [{"source_table": "payment", "row_key": "Y3", "as_of": "2026-10-18", "is_removed": False}]
    for _ in range(2):
        take_and_publish(home, SUNDAY)
        assert (rows(home, LISTED), deleted(home)) == (expected, {"interval_reading": 0, "payment": 1})
    take_and_publish(home, MONDAY)
    assert deleted(home) == {"interval_reading": None, "payment": None}
    assert payments(home) == ["Y1", "Y2", "Y3", "Y4"]


def test_what_went_is_taken_out_as_if_it_had_never_been_sent(files: Files) -> None:
    home = files.home("remove")
    files.pay(*(payment(number) for number in range(1, 5)), payment(3, amount="1.00"))
    take_and_publish(home, FRIDAY)
    files.pay(payment(1), payment(2), payment(4))
    expected = [{"source_table": "payment", "row_key": "Y3", "as_of": "2026-10-18", "is_removed": True}]
    for _ in range(2):
        take_and_publish(home, SUNDAY)
        assert payments(home) == ["Y1", "Y2", "Y4"]
        assert (rows(home, LISTED), deleted(home)) == (expected, {"interval_reading": 0, "payment": 1})
    alone = files.home("remove", name="alone")
    take_and_publish(alone, SUNDAY)
    sums = "SELECT source_table, read_rows, accepted_rows, superseded_rows, quarantined_rows FROM quality.reconciliation ORDER BY 1"
    assert rows(home, sums) == rows(alone, sums)
    # A night of an earlier date that runs late does not bring it back.
    take_and_publish(home, SATURDAY)
    take_and_publish(home, MONDAY)
    assert payments(home) == ["Y1", "Y2", "Y4"]


def test_what_is_sent_again_is_there_again(files: Files) -> None:
    home = files.home("remove")
    take_and_publish(home, FRIDAY)
    files.pay(payment(1), payment(2), payment(4))
    take_and_publish(home, SUNDAY)
    files.pay(*(payment(number) for number in range(1, 5)))
    take_and_publish(home, SUNDAY)
    assert payments(home) == ["Y1", "Y2", "Y3", "Y4"]
    assert (rows(home, LISTED), deleted(home)["payment"]) == ([], 0)


def test_a_night_killed_while_it_takes_out_ends_the_same(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = files.home("remove")
    take_and_publish(home, FRIDAY)
    files.pay(payment(1), payment(2), payment(4))
    written = Lake.replace

    def killed(lake: Lake, name: str, *given: Any, **more: Any) -> int:
        done = written(lake, name, *given, **more)
        if name == "accepted.payment":
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(Lake, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        take_and_publish(home, SUNDAY)
    monkeypatch.undo()
    take_and_publish(home, SUNDAY)
    assert payments(home) == ["Y1", "Y2", "Y4"]
    assert [row["row_key"] for row in rows(home, LISTED)] == ["Y3"]


@pytest.mark.parametrize("left", [(1, 2), ()])
def test_more_than_may_go_stops_the_night_and_nothing_changes(files: Files, left: tuple[int, ...]) -> None:
    home = files.home("remove", at_most=0.25)
    take_and_publish(home, FRIDAY)
    files.pay(*map(payment, left))
    with pytest.raises(QualityError) as stopped:
        take_and_publish(home, SUNDAY)
    assert stopped.value.code == "quality.too_many_deleted"
    assert f"payment: {4 - len(left)} of 4 rows went from the source, over the 25.0%" in str(stopped.value)
    assert payments(home) == ["Y1", "Y2", "Y3", "Y4"] and not Lake(home.lake).exists("quality.deleted_row")
    # What is meant to be gone goes once the share is raised.
    take_and_publish(files.home("remove", at_most=1.0), SUNDAY)
    assert payments(home) == [f"Y{number}" for number in left]


def test_intervals_are_compared_day_by_day(files: Files) -> None:
    home = files.home("remove", at_most=0.5)
    take_and_publish(home, FRIDAY)
    before = Lake(home.lake).partition_files("accepted.interval_reading", "day")
    files.give("interval_reading", "day=2026-10-10/a", [interval(0), interval(1), interval(3)])
    for _ in range(2):
        take_and_publish(home, SUNDAY)
        assert deleted(home) == {"interval_reading": 1, "payment": 0}
        [row] = rows(home, LISTED)
        assert row["row_key"].startswith("P1|2026-10-10 02:00:00")
    after = Lake(home.lake).partition_files("accepted.interval_reading", "day")
    assert before and after and before["2026-10-11"] == after["2026-10-11"]
    assert before["2026-10-10"] != after["2026-10-10"]
    # A whole day: its file is empty, and in the end its folder is gone.
    files.give("interval_reading", "day=2026-10-10/a", [])
    take_and_publish(home, SUNDAY)
    assert deleted(home)["interval_reading"] == 4
    (files.source / "interval_reading" / "day=2026-10-10" / "a.csv").unlink()
    take_and_publish(home, SUNDAY)
    assert deleted(home)["interval_reading"] == 4
    assert rows(home, "SELECT DISTINCT day FROM accepted.interval_reading") == [
        {"day": dt.date(2026, 10, 11)}
    ]


def test_a_database_is_asked_for_its_keys(tmp_path: Path, project: Path) -> None:
    database = tmp_path / "source.db"
    columns = [column.name for column in load_contract().tables["payment"].columns]
    starts = [column.name for column in load_contract().tables["interval_reading"].columns]
    with sqlite3.connect(database) as connection:
        connection.execute(f"CREATE TABLE payment ({', '.join(columns)})")
        connection.execute(f"CREATE TABLE interval_reading ({', '.join(starts)})")
        for row in [payment(1), payment(2, received_at="2026-09-01 09:00:00"), payment(3), payment(4)]:
            connection.execute(
                f"INSERT INTO payment ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                list(row.values()),
            )
    made = load_settings(
        tmp_path / "home",
        sources=[
            {
                "location": f"sqlite:///{database}",
                "deletions": {"weekday": "sunday", "rows": "remove", "at_most": 0.25},
            }
        ],
    )
    home = made.model_copy(update={"project": project})
    take_and_publish(home, FRIDAY)
    with sqlite3.connect(database) as connection:
        # Older than any night looks back.
        connection.execute("DELETE FROM payment WHERE payment_id = 'Y2'")
    take_and_publish(home, MONDAY)
    assert payments(home) == ["Y1", "Y2", "Y3", "Y4"]
    take_and_publish(home, SUNDAY)
    assert payments(home) == ["Y1", "Y3", "Y4"] and deleted(home)["payment"] == 1


def test_a_weekday_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"deletions\.weekday"):
        load_settings(tmp_path, sources=[{"location": "x", "deletions": {"weekday": "someday"}}])
