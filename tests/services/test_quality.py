"""From a source folder to accepted and quarantine: nothing is lost, and each refusal says why."""

from __future__ import annotations

import atexit
import datetime as dt
import functools
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.small_contract import make_project
from tests.tiny import ROWS, interval_rows, write_csv, write_intervals, write_tiny
from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.errors import QualityError, SourceError
from wattmark.quality.accept import accept_all
from wattmark.quality.landing import extract
from wattmark.quality.reconciled import Reconciled
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

AS_OF = dt.date(2026, 11, 4)


TABLES = (*ROWS, "interval_reading")
"""A night of these alone takes a fraction of one of all tables."""


@functools.cache
def project(tables: tuple[str, ...]) -> Path:
    """A project whose contract and expectations are the real ones of some tables."""
    folder = Path(tempfile.mkdtemp(prefix="wattmark-project-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make_project(folder, expectations=None, tables=tables)


def settings_for(tmp_path: Path, source: Path, only: Sequence[str] = TABLES, **more: Any) -> Settings:
    """Settings of a home whose project has some tables ``only``: a night takes a third of a second for each."""
    made = load_settings(tmp_path / "home", sources=[{"location": str(source), **more}])
    return made.model_copy(update={"project": project(tuple(only))})


def night(settings: Settings, day: dt.date = AS_OF) -> dict[str, Reconciled]:
    run = Run.of(day, settings.utility.time_zone)
    for name in load_contract(settings.include / "contract" / "source-model.yaml").tables:
        extract(settings, run, name)
    return {table.source_table: table for table in accept_all(settings, run)}


def rows(settings: Settings, sql: str) -> list[dict[str, Any]]:
    with DuckDBSession(settings, Run.of(AS_OF, settings.utility.time_zone)) as session:
        return session.query(sql).read_all().to_pylist()


def changed(table: str, at: int, **values: Any) -> list[dict[str, Any]]:
    return [{**row, **values} if number == at else row for number, row in enumerate(ROWS[table])]


def test_everything_good_is_accepted(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, write_tiny(tmp_path / "src"))
    done = night(settings)
    assert done["account"].accepted_rows == 30
    assert done["interval_reading"].accepted_rows == 3 * 48
    assert all(table.read_rows == table.accepted_rows for table in done.values())
    local = rows(settings, "SELECT updated_at FROM accepted.customer LIMIT 1")[0]["updated_at"]
    assert local.astimezone(dt.UTC) == dt.datetime(2026, 1, 1, 0, 0, tzinfo=dt.UTC), (
        "naive times are the utility's own"
    )


SPOILED: list[tuple[str, int, dict[str, Any], str]] = [
    ("account", 1, {"status": "abolished"}, "values:status"),
    ("account", 2, {"customer_id": "NOBODY"}, "ref:customer_id"),
    ("account", 3, {"contracted_kva": "eight"}, "type:contracted_kva"),
    ("account", 4, {"contracted_kva": ""}, "required:contracted_kva"),
    ("account", 5, {"opened_on": "2026-02-30"}, "type:opened_on"),
    ("account", 6, {"is_temporary": "perhaps"}, "type:is_temporary"),
    ("customer", 9, {"registered_on": "soon"}, "type:registered_on"),
    ("bill", 20, {"total_amount": "50.005"}, "type:total_amount"),
    ("bill", 21, {"issued_at": "yesterday"}, "type:issued_at"),
    ("customer", 10, {"registered_on": "16-12-28"}, "type:registered_on"),
    ("customer", 11, {"updated_at": "2026-10-14 08:30:00 CST"}, "type:updated_at"),
    ("customer", 12, {"region_code": "33\x000102"}, "text:region_code"),
    ("account", 8, {"account_name": "a\x00b"}, "text:account_name"),
    ("bill", 22, {"issued_at": "2026-10-14 24:00:00"}, "type:issued_at"),
    ("bill", 23, {"total_amount": "1,234.50"}, "type:total_amount"),
]


def test_a_bad_value_sends_its_row_to_quarantine_with_the_reason(tmp_path: Path) -> None:
    tables: dict[str, list[dict[str, Any]]] = {}
    for table, at, values, _ in SPOILED:
        tables.setdefault(table, [dict(row) for row in ROWS[table]])[at].update(values)
    settings = settings_for(
        tmp_path, write_tiny(tmp_path / "src", **tables), only=("customer", "account", "bill")
    )
    done = night(settings)
    for table in tables:
        key = f"{table}_id"
        wanted = {tables[table][at][key]: reason for name, at, _, reason in SPOILED if name == table}
        found = {row["key"]: row for row in rows(settings, f"SELECT * FROM quarantine.{table}")}
        own = {key: row["reason"] for key, row in found.items() if not row["reason"].startswith("follows:")}
        assert own == wanted
        assert done[table].faulty_rows == len(wanted)
        assert {row["first_seen"] for row in found.values()} == {AS_OF}
        assert done[table].accepted_rows + len(found) == 30


def test_codes_with_blanks_around_and_in_capitals_name_what_they_name(tmp_path: Path) -> None:
    customers = [
        {**row, "customer_id": f"{row['customer_id']}    ", "kind": " PERSON "} for row in ROWS["customer"]
    ]
    accounts = [{**row, "account_id": f"\t{row['account_id']}"} for row in ROWS["account"]]
    settings = settings_for(
        tmp_path,
        write_tiny(tmp_path / "src", customer=customers, account=accounts),
        only=("customer", "account", "metering_point", "bill"),
    )
    done = night(settings)
    assert {name: counts.quarantined_rows for name, counts in done.items() if counts.quarantined_rows} == {}
    found = rows(settings, "SELECT customer_id, kind FROM accepted.customer")
    assert {row["kind"] for row in found} == {"person"}
    assert {row["customer_id"] for row in found} == {row["customer_id"] for row in ROWS["customer"]}


def test_a_source_that_writes_in_its_own_way_is_read_by_its_settings(tmp_path: Path) -> None:
    days = [dt.datetime(2026, 11, 3) + dt.timedelta(minutes=30 * number) for number in range(1, 49)]
    source = write_tiny(
        tmp_path / "src",
        customer=[
            {**row, "registered_on": "14.10.26", "updated_at": "01.01.2026 08:00 CST"}
            for row in ROWS["customer"]
        ],
        account=[{**row, "status": "A"} for row in ROWS["account"]],
    )
    shutil.rmtree(source / "interval_reading")
    point = ROWS["metering_point"][0]["metering_point_id"]
    columns = ["metering_point_id", "interval_start", "interval_minutes", "kwh", "quality"]
    intervals = [
        dict(zip(columns, (point, f"{end:%d.%m.%Y %H:%M}", 30, "1.5", "S14"), strict=True)) for end in days
    ]
    (source / "interval_reading" / "day=2026-11-03").mkdir(parents=True)
    write_csv(source / "interval_reading" / "day=2026-11-03" / "part-0.csv", columns, intervals)
    settings = settings_for(
        tmp_path,
        source,
        date_format="DMY",
        century=2000,
        zones={"CST": "Asia/Shanghai"},
        reading_at_end=True,
        quality_codes={"S": "estimated"},
        rename={"account": {"values": {"status": {"A": "active"}}}},
        only=("customer", "account", "metering_point", "interval_reading"),
    )
    done = night(settings)
    assert {name: counts.reasons for name, counts in done.items() if counts.quarantined_rows} == {}
    found = rows(settings, "SELECT * FROM accepted.interval_reading")
    assert {(row["day"], row["quality"]) for row in found} == {(dt.date(2026, 11, 3), "estimated")}
    assert {row["interval_start"].astimezone(settings.zone).replace(tzinfo=None) for row in found} == {
        end - dt.timedelta(minutes=30) for end in days
    }
    assert rows(settings, "SELECT DISTINCT status FROM accepted.account") == [{"status": "active"}]
    assert rows(settings, "SELECT DISTINCT registered_on FROM accepted.customer") == [
        {"registered_on": dt.date(2026, 10, 14)}
    ]


def test_one_bad_row_never_stops_a_night_however_small_the_table(tmp_path: Path) -> None:
    done = night(
        settings_for(
            tmp_path,
            write_tiny(tmp_path / "src", staff=changed("staff", 0, post="king")),
            only=("org_unit", "staff"),
        )
    )
    assert (done["staff"].read_rows, done["staff"].quarantined_rows) == (1, 1)


def test_what_refers_to_a_refused_row_is_refused_too(tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path,
        write_tiny(tmp_path / "src", customer=changed("customer", 0, kind="robot")),
        only=("customer", "account", "bill"),
    )
    done = night(settings)
    assert done["account"].reasons == {"follows:customer_id": 1}
    assert done["bill"].reasons == {"follows:account_id": 1}


def test_blank_required_text_is_for_the_audit_to_find(tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path, write_tiny(tmp_path / "src", customer=changed("customer", 0, name="")), only=("customer",)
    )
    assert night(settings)["customer"].quarantined_rows == 0


def test_duplicated_keys_newest_wins_and_the_rest_is_counted(tmp_path: Path) -> None:
    newer = {**ROWS["account"][0], "contracted_kva": 16, "updated_at": "2026-02-01 00:00:00"}
    settings = settings_for(
        tmp_path,
        write_tiny(tmp_path / "src", account=[newer, *ROWS["account"], ROWS["account"][1]]),
        only=("customer", "account"),
    )
    done = night(settings)["account"]
    assert (done.read_rows, done.accepted_rows, done.superseded_rows) == (32, 30, 2)
    assert rows(settings, "SELECT contracted_kva FROM accepted.account WHERE account_id = 'A1'") == [
        {"contracted_kva": 16.0}
    ]


def test_a_day_of_intervals_twice(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "src")
    write_intervals(source, "2026-11-03", interval_rows("2026-11-03"), "part-1.parquet")
    done = night(settings_for(tmp_path, source, only=("metering_point", "interval_reading")))[
        "interval_reading"
    ]
    assert (done.read_rows, done.accepted_rows, done.superseded_rows) == (288, 144, 144)


def test_over_the_tolerated_share_the_night_stops(tmp_path: Path) -> None:
    spoiled = [{**row, "status": "abolished"} for row in ROWS["account"][:16]] + ROWS["account"][16:]
    settings = settings_for(
        tmp_path, write_tiny(tmp_path / "src", account=spoiled), only=("customer", "account")
    )
    with pytest.raises(QualityError, match=r"account: 16 of 30 rows refused.*values:status \(16\)"):
        night(settings)


def test_text_in_another_encoding(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "src")
    columns = [column.name for column in load_contract().tables["customer"].columns]
    chinese = changed("customer", 2, name="张三")
    write_csv(source / "customer.csv", columns, chinese, encoding="gb18030")
    with pytest.raises(SourceError, match=r"customer.csv:4: the file is not utf-8 text"):
        night(settings_for(tmp_path, source, only=("customer",)))
    settings = settings_for(tmp_path, source, encoding="gb18030", only=("customer",))
    night(settings)
    assert rows(settings, "SELECT name FROM accepted.customer WHERE customer_id = 'C3'") == [{"name": "张三"}]


def test_half_a_parquet_file(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "src")
    path = source / "interval_reading" / "day=2026-11-03" / "part-0.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SourceError, match=r"part-0.parquet: not a whole Parquet file"):
        night(settings_for(tmp_path, source, only=("metering_point", "interval_reading")))


def test_missing_table_missing_column_empty_folder(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "src")
    (source / "bill.csv").unlink()
    with pytest.raises(SourceError, match="table bill is in none of the sources"):
        night(settings_for(tmp_path, source, only=("account", "bill")))
    write_csv(source / "bill.csv", ["bill_id"], [])
    with pytest.raises(SourceError, match="bill lacks the required columns account_id, period"):
        night(settings_for(tmp_path, source, only=("account", "bill")))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(SourceError, match="the folder is empty"):
        night(settings_for(tmp_path, tmp_path / "nothing", only=("account", "bill")))


def test_a_csv_line_that_is_no_row(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "src")
    text = (source / "staff.csv").read_text()
    (source / "staff.csv").write_text(text + "S2,U1,Wang,billing,too,many\n" + "S3,U1,Zhao,billing\n")
    done = night(settings_for(tmp_path, source, only=("org_unit", "staff")))["staff"]
    assert (done.read_rows, done.accepted_rows, done.quarantined_rows) == (3, 2, 1)
    assert done.reasons == {"csv": 1}


def test_other_names_by_configuration_and_unknown_columns(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "src")
    text = (source / "staff.csv").read_text()
    (source / "staff.csv").unlink()
    (source / "EMPLOYEES.csv").write_text(
        text.replace("staff_id", "EMP_NO")
        .replace("post", "post,shoe_size", 1)
        .replace("billing", "billing,43")
    )
    settings = settings_for(
        tmp_path,
        source,
        rename={"staff": {"name": "EMPLOYEES", "columns": {"staff_id": "EMP_NO"}}},
        only=("org_unit", "staff"),
    )
    run = Run.of(AS_OF, settings.utility.time_zone)
    landed = extract(settings, run, "staff")
    assert landed.unknown == ("shoe_size",)
    assert landed.rows == 1


def test_rerun_of_a_night_changes_nothing(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "src", account=changed("account", 4, status="abolished"))
    settings = settings_for(
        tmp_path, source, only=("customer", "account", "bill", "metering_point", "interval_reading")
    )
    first = night(settings)
    before = (
        rows(settings, "SELECT * FROM accepted.account ORDER BY account_id"),
        rows(settings, "SELECT * FROM quarantine.account"),
    )
    assert night(settings) == first
    assert before == (
        rows(settings, "SELECT * FROM accepted.account ORDER BY account_id"),
        rows(settings, "SELECT * FROM quarantine.account"),
    )
    shutil.rmtree(source)
