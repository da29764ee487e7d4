"""Nights one after the other end as one night over the last state of the source does.

Many small stories are told at once, each with keys and files of its own: rows that are new, late, repeated, corrected,
mended, broken, out of order, taken away; nights that fail after accept. One run takes all stories through the same nights.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.examples import at_length
from tests.small_contract import FIRST, TABLES, home_of, make_project, take
from wattmark import night
from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.errors import QualityError
from wattmark.run import Run
from wattmark.settings import Settings

WHOLE = ("metering_point", "consent")
NIGHTS = 4

PLAIN = {
    "customer": {"name": "N", "kind": "person", "registered_on": "2020-01-01"},
    "account": {
        "account_name": "N", "org_unit_id": "U1", "status": "active", "opened_on": "2020-01-01",
        "usage_category": "residential", "tariff_code": "R1", "supply_kv": "0.22", "metering_mode": "lv_lv",
        "contracted_kva": "8", "running_kva": "8", "demand_basis": "none", "allocation": "none", "is_temporary": "false",
        "is_dual_supply": "false", "has_self_generation": "false", "has_load_control": "false", "wants_vat_invoice": "false",
    },
    "metering_point": {"role": "main"},
    "register_reading": {"register": "active_total"},
    "interval_reading": {"interval_minutes": "30"},
    "payment": {"channel": "cash"},
    "consent": {"purpose": "marketing"},
}  # fmt: skip
"""What does not change in the rows of a table."""

TIMES = ("2026-10-01 08:00:00", "2026-10-01 09:00:00", "2026-10-12 10:00:00")
BROKEN_TIME, BROKEN_VALUE = "soon", "much"


@dataclass(frozen=True)
class Cell:
    """One row of a story: which key, when, what, and what is wrong with it."""

    key: int
    parent: int
    time: int
    value: int
    fault: str

    def row(self, table: str, story: int) -> dict[str, str]:
        """The row's text by column."""
        name = f"S{story}"
        time = BROKEN_TIME if self.fault == "time" else TIMES[self.time]
        value = BROKEN_VALUE if self.fault == "value" else str(self.value)
        rank = ("remote", "estimated", "manual")[self.value % 3]
        own: dict[str, dict[str, str]] = {
            "customer": {"customer_id": f"{name}C{self.key}", "born_on": BROKEN_VALUE if self.fault == "value" else f"19{60 + self.value}-01-01", "updated_at": time},
            "account": {"account_id": f"{name}A{self.key}", "customer_id": f"{name}C{self.parent}", "contracted_kva": value, "updated_at": time},
            "metering_point": {"metering_point_id": f"{name}P{self.key}", "account_id": f"{name}A{self.parent}", "multiplier": value, "updated_at": time},
            "register_reading": {"metering_point_id": f"{name}P{self.parent}", "period": f"2026-0{7 + self.key}-01", "read_at": time, "current_value": value, "method": rank},
            "interval_reading": {"metering_point_id": f"{name}P{self.parent}", "interval_start": f"2026-10-1{self.key} 23:30:00", "kwh": value, "quality": ("measured", "estimated", "missing", "suspect")[self.value % 4]},
            "payment": {"payment_id": f"{name}Y{self.key}", "account_id": f"{name}A{self.parent}", "received_at": time, "amount": value},
            "consent": {"customer_id": f"{name}C{self.parent}", "channel": ("sms", "email", "post")[self.key], "status": ("granted", "withdrawn")[self.value % 2], "changed_at": time},
        }  # fmt: skip
        row = {**PLAIN[table], **own[table]}
        if self.fault == "key":
            row[load_contract().tables[table].key[0 if table != "register_reading" else 1]] = (
                "2026-08-0x" if table == "register_reading" else ""
            )
        return row


# Intervals carry their time in the key; a time that cannot be read has no key there.
FAULTS = ("", "", "", "", "value", "time", "key", "short")
CELLS = st.builds(
    Cell, st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.integers(0, 5), st.sampled_from(FAULTS)
)


@dataclass
class Story:
    """The files of one story as they stand: rows by table and file name."""

    number: int
    files: dict[tuple[str, str], list[Cell]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """What happens to one file before a night: it comes, or some of its rows read otherwise."""

    table: str
    file: int
    rows: tuple[Cell, ...]
    arrives: int


CHANGES = st.builds(
    Change, st.sampled_from(TABLES), st.integers(0, 1), st.lists(CELLS, max_size=4).map(tuple), st.integers(0, 30)
)  # fmt: skip
EVENINGS = st.lists(CHANGES, max_size=5).map(tuple)
STORIES = st.tuples(*[EVENINGS] * NIGHTS)


def keyed(table: str, cell: Cell) -> Any:
    """The key as the source has it, None where it cannot be read."""
    if cell.fault in ("key", "short") or (
        table in ("interval_reading", "consent") and cell.fault == "time" and table == "consent"
    ):
        return None
    row = cell.row(table, 0)
    return tuple(row[name] for name in load_contract().tables[table].key)


def apply(story: Story, change: Change, *, refresh: bool) -> bool:
    """Change a file of the story; what only a full refresh takes away stays. Whether anything changed."""
    name = (change.table, f"f{change.file}")
    before = story.files.get(name)
    rows = list(change.rows)
    if before is not None and not refresh and change.table not in WHOLE:
        said = {keyed(change.table, cell) for cell in rows}
        rows += [cell for cell in before if keyed(change.table, cell) not in said | {None}]
    if rows == before or not rows:
        return False
    story.files[name] = rows
    return True


def write(folder: Path, story: Story, table: str, file: str, arrives: int) -> None:
    columns = [column.name for column in load_contract().tables[table].columns]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for cell in story.files[table, file]:
        if cell.fault == "short":
            text.write(f"cut {cell.key} {cell.value},\n")
        else:
            writer.writerow(cell.row(table, story.number))
    at = folder / table
    if table == "interval_reading":
        # The folder a delivery lies in is not always the day of its rows.
        at /= f"day=2026-10-1{file[-1]}"
    at.mkdir(parents=True, exist_ok=True)
    path = at / f"s{story.number}-{file}.csv"
    path.write_text(text.getvalue())
    moment = 1_791_000_000_000_000_000 + arrives * 1_000_000_000 + story.number
    os.utime(path, ns=(moment, moment))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project") / "small")


def one_night(home: Settings, day: dt.date, *, refresh: bool = False, fails: bool = False) -> None:
    try:
        take(home, day, refresh=refresh)
    except QualityError as error:
        # Stories are mostly faults: a table that is mostly refused would stop a night of a utility.
        assert error.code == "quality.too_many"
    if not fails:
        night.move_watermarks(home, Run.of(day, home.utility.time_zone))


def outcome(home: Settings, run: Run) -> dict[str, list[Any]]:
    """Accepted rows, refused rows and the reconciliation, in order."""
    found: dict[str, list[Any]] = {}
    with DuckDBSession(home, run) as session:
        for table in TABLES:
            columns = ", ".join(column.name for column in load_contract().tables[table].columns)
            found[f"accepted.{table}"] = _rows(session, f"SELECT {columns} FROM accepted.{table}")
            found[f"quarantine.{table}"] = _rows(session, f"SELECT key, split_part(reason, ':', 1) || CASE WHEN reason LIKE 'csv%' THEN '' ELSE split_part(reason, ':', 2) END AS reason, file, row FROM quarantine.{table}")  # fmt: skip
        found["reconciliation"] = _rows(
            session,
            "SELECT source_table, read_rows, accepted_rows, quarantined_rows, superseded_rows, conflicting_rows, warned_rows FROM quality.reconciliation",
        )
    return found


def _rows(session: DuckDBSession, sql: str) -> list[Any]:
    return sorted(map(str, session.query(sql).read_all().to_pylist()))


class Bench:
    """Takes stories through nights in one home, and through one night in another."""

    def __init__(self, folder: Path, project: Path) -> None:
        self.folder, self.project = folder, project
        self.count = 0

    def compare(self, told: list[Any], refreshes: set[int], failures: set[int]) -> None:
        self.count += 1
        base = self.folder / str(self.count)
        source = base / "source"
        for table in TABLES:
            (source / table).mkdir(parents=True)
        stories = [Story(number) for number in range(len(told))]
        home = home_of(base / "nights", source, self.project)
        for at in range(NIGHTS):
            refresh = at in refreshes
            for story, evenings in zip(stories, told, strict=True):
                for change in evenings[at]:
                    if apply(story, change, refresh=refresh):
                        write(source, story, change.table, f"f{change.file}", change.arrives + 40 * at * (change.arrives % 2))  # fmt: skip
            one_night(home, FIRST + dt.timedelta(days=at), refresh=refresh, fails=at in failures)
        last = FIRST + dt.timedelta(days=NIGHTS)
        one_night(home, last)
        alone = home_of(base / "alone", source, self.project)
        one_night(alone, last)
        run = Run.of(last, home.utility.time_zone)
        by_nights, at_once = outcome(home, run), outcome(alone, run)
        for name, rows in at_once.items():
            nights, once = set(by_nights[name]) - set(rows), set(rows) - set(by_nights[name])
            involved = {
                int(found)
                for row in nights | once
                for found in re.findall(r"\bS(\d+)[A-Z]|s(\d+)-f", row)
                for found in found
                if found
            }
            assert by_nights[name] == rows, (
                f"{name}: only by nights {sorted(nights)[:4]}, only at once {sorted(once)[:4]}; refreshes {refreshes}, failures {failures}, "
                f"stories {[told[number] for number in sorted(involved)[:1]]}"
            )
        shutil.rmtree(base)


def property_of(bench: Bench, runs: int, stories: int) -> Any:
    @settings(
        max_examples=runs, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )  # fmt: skip
    @given(
        st.lists(STORIES, min_size=stories, max_size=stories),
        st.sets(st.integers(1, NIGHTS - 1), max_size=1),
        st.sets(st.integers(0, NIGHTS - 1), max_size=1),
    )
    def holds(told: list[Any], refreshes: set[int], failures: set[int]) -> None:
        bench.compare(told, refreshes, failures)

    return holds


def test_nights_end_as_one_night_does(tmp_path: Path, project: Path) -> None:
    property_of(Bench(tmp_path, project), runs=1, stories=40)()


@pytest.mark.slow
def test_nights_end_as_one_night_does_in_thousands_of_stories(tmp_path: Path, project: Path) -> None:
    property_of(Bench(tmp_path, project), runs=at_length(20), stories=100)()
