"""A table built by day holds the same rows as one built as a whole, whatever changed in between."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from wattmark.contract import load_contract
from wattmark.contract.types import Rows
from wattmark.engine.catalog import Catalog
from wattmark.engine.incremental import cut_of
from wattmark.engine.python_table import PythonTable, TableContext
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import SqlFile, read_sql_file
from wattmark.errors import SqlFileError
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

SOURCE, TABLE = "accepted.interval_reading", "facts.interval_daily"


def _rows(settings: Settings, days: dict[dt.date, float]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "metering_point_id": "M1",
                "interval_start": dt.datetime.combine(day, dt.time(hour), settings.zone),
                "interval_minutes": 60,
                "kwh": kwh,
                "quality": "measured",
                "day": day,
            }
            for day, kwh in days.items()
            for hour in (0, 9)
        ],
        schema=load_contract().tables["interval_reading"].accepted_schema,
    )


def _day(number: int) -> dt.date:
    return dt.date(2026, 10, number)


class Night:
    """Nights over one lake; ``build`` gives how many rows were written, ``held`` what the table holds."""

    def __init__(self, home: Path) -> None:
        self.settings = load_settings(home)
        self.lake = Lake(self.settings.lake)

    def deliver(self, days: dict[dt.date, float], where: str | None = None) -> None:
        self.lake.replace(SOURCE, _rows(self.settings, days), partition_by=["day"], where=where)

    def build_all(self, as_of: dt.date, *names: str) -> list[int]:
        """Rows written of each table."""
        with DuckDBSession(self.settings, Run.of(as_of, "Asia/Shanghai")) as session:
            return [session.build(name) for name in names]

    def build(self, as_of: dt.date, **parameters: Any) -> int:
        settings = self.settings
        if parameters:
            changed = {"value": parameters["peak_hours"], "since": as_of, "reason": "the test"}
            settings = load_settings(settings.home, parameters={"core.hour_band": {"peak_hours": changed}})
        with DuckDBSession(settings, Run.of(as_of, "Asia/Shanghai")) as session:
            for name in ("core.calendar", "core.hour_band"):
                session.build(name)
            return session.build(TABLE)

    def held(self, as_of: dt.date = dt.date(2026, 10, 31)) -> dict[int, tuple[float, float | None]]:
        with DuckDBSession(self.settings, Run.of(as_of, "Asia/Shanghai")) as session:
            rows = (
                session.query(f"SELECT day, kwh, peak_kwh FROM {TABLE} ORDER BY day").read_all().to_pylist()
            )
        return {row["day"].day: (row["kwh"], row["peak_kwh"]) for row in rows}


@pytest.fixture
def night(tmp_path: Path) -> Night:
    night = Night(tmp_path)
    night.deliver({_day(1): 1.0, _day(2): 2.0, _day(3): 3.0})
    return night


def test_only_days_whose_source_changed_are_built(night: Night) -> None:
    assert night.build(_day(3)) == 3
    assert night.build(_day(3)) == 0
    night.deliver({_day(2): 20.0}, where="day = '2026-10-02'")
    assert night.build(_day(3)) == 1
    assert night.held() == {1: (2.0, 1.0), 2: (40.0, 20.0), 3: (6.0, 3.0)}


def test_a_later_as_of_takes_up_what_was_hidden(night: Night) -> None:
    assert night.build(_day(1)) == 1
    assert night.build(_day(3)) == 2
    assert sorted(night.held()) == [1, 2, 3]


def test_an_earlier_as_of_takes_later_days_out_again(night: Night) -> None:
    night.build(_day(3))
    assert night.build(_day(2)) == 0
    assert sorted(night.held()) == [1, 2]


def test_a_day_taken_out_of_the_source_goes(night: Night) -> None:
    night.build(_day(3))
    night.deliver({}, where="day = '2026-10-02'")
    assert night.build(_day(3)) == 0
    assert sorted(night.held()) == [1, 3]


def test_a_change_behind_as_of_waits_for_its_day(night: Night) -> None:
    night.build(_day(2))
    night.deliver({_day(3): 30.0}, where="day = '2026-10-03'")
    assert night.build(_day(2)) == 0
    assert night.build(_day(3)) == 1
    assert night.held()[3] == (60.0, 30.0)


def test_another_parameter_rebuilds_everything(night: Night) -> None:
    night.build(_day(3))
    assert night.build(_day(3), peak_hours=[0]) == 3
    assert night.build(_day(3), peak_hours=[0]) == 0
    night.deliver({_day(2): 20.0}, where="day = '2026-10-02'")
    assert night.build(_day(3), peak_hours=[0, 9]) == 3
    assert night.held() == {1: (2.0, 2.0), 2: (40.0, 40.0), 3: (6.0, 6.0)}


def test_a_version_that_cannot_be_read_any_more_rebuilds_everything(night: Night) -> None:
    night.build(_day(3))
    night.deliver({_day(2): 20.0}, where="day = '2026-10-02'")
    log = night.lake.path(SOURCE) / "_delta_log"
    DeltaTable(str(night.lake.path(SOURCE))).create_checkpoint()
    (log / "00000000000000000000.json").unlink()
    assert night.build(_day(3)) == 3


def test_no_intervals_at_all(tmp_path: Path) -> None:
    empty = Night(tmp_path)
    assert empty.build(_day(3)) == 0
    assert empty.held() == {}
    empty.deliver({_day(1): 1.0})
    assert empty.build(_day(3)) == 1


def _edited(night: Night, change: dict[str, Any]) -> None:
    """Write the stored edits anew, with other values in those of the second day."""
    table = DeltaTable(str(night.lake.path("facts.interval_edit"))).to_pyarrow_table()
    rows = [row | change if row["day"] == _day(2) else row for row in table.to_pylist()]
    written = pa.Table.from_pylist(rows, schema=table.schema)
    night.lake.replace("facts.interval_edit", written, partition_by=["day"])


def test_of_a_source_that_is_written_anew_only_rows_that_are_others_count(night: Night) -> None:
    before = (
        "core.calendar", "core.hour_band", TABLE, "facts.still_daily", "facts.point_limit", "facts.interval_flag",
        "facts.interval_estimate_error", "facts.interval_edit",
    )  # fmt: skip
    night.build_all(_day(3), *before)
    assert night.build_all(_day(3), "facts.consumption_daily") == [3]
    _edited(night, {})
    assert night.build_all(_day(3), "facts.consumption_daily") == [0]
    # Of the columns that nobody reads there nothing follows either.
    _edited(night, {"error_kwh": 7.0})
    assert night.build_all(_day(3), "facts.consumption_daily") == [0]
    _edited(night, {"original_quality": "suspect", "method": "like_day", "kwh": 4.0})
    assert night.build_all(_day(3), "facts.consumption_daily") == [1]
    # The edits are made anew: others are those of the second day, of the new one, and of the gap before that.
    night.deliver({_day(4): 1.0}, where="day = '2026-10-04'")
    assert night.build_all(_day(4), *before[2:], "facts.consumption_daily")[-1] == 3
    night.deliver({_day(5): 1.0}, where="day = '2026-10-05'")
    assert night.build_all(_day(5), *before[2:], "facts.consumption_daily")[-1] == 2


_VIEW = """/*
grain: one row per account
key: [account_id]
purpose: A test.
view: true
columns:
  account_id: {type: string, doc: The account.}
  half_kva: {type: double, doc: Half of what it contracted.}
params:
  part: {type: number, default: 0.5, doc: The half.}
*/
SELECT account.account_id, $part * account.contracted_kva AS half_kva FROM source.account
"""
_THROUGH = """/*
grain: one row per account
key: [account_id]
purpose: A test.
columns:
  account_id: {type: string, doc: The account.}
  half_kva: {type: double, doc: Half of what it contracted.}
incremental: {by: whole, reads: {facts.half: {through: true}}}
*/
SELECT half.account_id, half.half_kva FROM facts.half
"""


def test_behind_a_view_that_is_looked_through_what_it_reads_is_compared(night: Night, tmp_path: Path) -> None:
    def build(view: str = _VIEW) -> int:
        files = {"half": view, "whole": _THROUGH}
        for name, text in files.items():
            (tmp_path / f"{name}.sql").write_text(text, encoding="utf-8")
        read = {f"facts.{name}": read_sql_file(tmp_path / f"{name}.sql", "facts") for name in files}
        run = Run.of(_day(3), "Asia/Shanghai")
        with DuckDBSession(night.settings, run, Catalog(load_contract(), {**read})) as session:
            return session.build("facts.whole")

    def accounts(**changed: Any) -> None:
        schema = load_contract().tables["account"].accepted_schema
        row = {"account_id": "A1", "contracted_kva": 8.0} | changed
        night.lake.replace("accepted.account", pa.Table.from_pylist([row], schema=schema))

    accounts()
    assert [build(), build()] == [1, 0]
    accounts(opened_on=_day(1))
    assert build() == 0
    accounts(contracted_kva=10.0)
    assert [build(), build()] == [1, 0]
    assert build(_VIEW.replace("0.5", "0.25")) == 1
    with pytest.raises(SqlFileError, match=r"looks through facts\.half, no view"):
        build(_VIEW.replace("view: true\n", ""))


def toy(context: TableContext) -> Rows:
    """Counts what it asks."""
    return {"n": [context.query(ASKED).num_rows]}


ASKED = "SELECT account.account_id FROM source.account"
TOY = PythonTable(
    "facts.toy",
    ("n",),
    {"n": "integer"},
    ("source.account",),
    "one row",
    "A test.",
    f"{__name__}:toy",
    asks=(ASKED,),
)


def test_a_python_table_is_made_anew_where_an_answer_or_the_month_changed(night: Night) -> None:
    def build(as_of: dt.date) -> int:
        catalog = Catalog(load_contract(), {TOY.name: TOY})
        with DuckDBSession(night.settings, Run.of(as_of, "Asia/Shanghai"), catalog) as session:
            return session.build(TOY.name)

    def accounts(*rows: dict[str, Any]) -> None:
        schema = load_contract().tables["account"].accepted_schema
        night.lake.replace("accepted.account", pa.Table.from_pylist(list(rows), schema=schema))

    accounts({"account_id": "A1", "contracted_kva": 8.0})
    assert [build(_day(3)), build(_day(3)), build(_day(4))] == [1, 0, 0]
    accounts({"account_id": "A1", "contracted_kva": 10.0})
    assert build(_day(4)) == 0
    accounts({"account_id": "A2"})
    assert [build(_day(4)), build(_day(4)), build(dt.date(2026, 11, 1))] == [1, 0, 1]


def test_tidying_the_lake_rebuilds_nothing(night: Night) -> None:
    night.build(_day(3))
    night.deliver({_day(2): 20.0}, where="day = '2026-10-02'")
    assert night.build(_day(3)) == 1
    assert night.lake.vacuum([TABLE], 0) > 0
    assert night.build(_day(3)) == 0


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"by": "day"}, "by and reads"),
        ({"by": "noon", "reads": {}}, "none of the columns"),
        ({"by": "day", "reads": {"facts.nothing": {}}}, "does not read"),
        ({"by": "day", "reads": {"source.interval_reading": {"back_days": "peak"}}}, "neither a number"),
        ({"by": "day", "reads": {"source.interval_reading": {"back_days": -1}}}, "neither a number"),
        (
            {"by": "day", "reads": {"source.interval_reading": {"from": "period", "to": "period_end"}}},
            "may be said",
        ),
        ({"by": "whole", "reads": {"source.interval_reading": {"key": "metering_point_id"}}}, "may be said"),
        ({"by": "day", "reads": {"source.interval_reading": {"rows": True}}}, "that is derived"),
        ({"by": "day", "reads": {"core.day_clock": {"rows": 1}}}, "that is derived"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(night: Night, said: dict[str, Any], complaint: str) -> None:
    run = Run.of(_day(3), "Asia/Shanghai")
    with DuckDBSession(night.settings, run) as session:
        file = session.catalog.tables[TABLE]
        assert isinstance(file, SqlFile)
        with pytest.raises(SqlFileError, match=complaint):
            cut_of(replace(file, header={**file.header, "incremental": said}), run.scalars())


def test_every_header_says_what_may_be_said(night: Night) -> None:
    run = Run.of(_day(3), "Asia/Shanghai")
    with DuckDBSession(night.settings, run) as session:
        files = [file for file in session.catalog.tables.values() if isinstance(file, SqlFile)]
    cuts = {file.name: cut_of(file, run.scalars()) for file in files if "incremental" in file.header}
    assert None not in cuts.values()
    flag = cuts["facts.interval_flag"]
    assert flag is not None
    # 24 hours before a day begins may lie in the day before the last: one of them may have 23.
    assert flag.reads["facts.still_daily"].back == 2
