"""What lies in a source folder: which files are a table's, how each is read, and what is said of the rest."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.file_dialects import CONTRACT, ZONE, read, typed
from wattmark import night
from wattmark.brief import brief
from wattmark.errors import SettingsError, SourceError
from wattmark.quality.landing import landed
from wattmark.run import Run
from wattmark.settings import Settings, load_settings
from wattmark.source_settings import SourceSettings
from wattmark.sources import Watermark, source_of
from wattmark.sources.files import FileSource

STAFF = CONTRACT.tables["staff"]
HEADER = b"staff_id,org_unit_id,name,post\n"
LI = b"S1,U1,Li,billing\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"SET TimeZone = '{ZONE.key}'")
        yield connection


def put(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        write(folder, name.replace("__", "."), content)
    return folder


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(rows: pa.Table) -> list[str | None]:
    return [
        name
        for name, problem in zip(rows["name"].to_pylist(), rows["_problem"].to_pylist(), strict=True)
        if problem is None
    ]


def refused(folder: Path, home: Settings, table: str = "staff", **dialect: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(folder, CONTRACT.tables[table], home, **dialect)
    assert caught.value.remedy
    return caught.value


def set_aside(rows: pa.Table) -> list[tuple[str, str, int]]:
    return [
        (row["_problem"], row["_text"], row["_position"])
        for row in rows.to_pylist()
        if row["_problem"] is not None
    ]


# --- Parquet: each file by its own types ---------------------------------------------------------------


def intervals(kwh: Any, start: Any, point: str = "P1") -> pa.Table:
    return pa.table(
        {
            "metering_point_id": [point] * len(kwh),
            "interval_start": start,
            "interval_minutes": pa.array([30] * len(kwh), pa.int16()),
            "kwh": kwh,
            "quality": ["measured"] * len(kwh),
        }
    )


STARTS = [dt.datetime(2026, 10, 10, 0, 30 * at, tzinfo=ZONE) for at in range(2)]
MOMENTS = pa.array(STARTS, pa.timestamp("us", "UTC"))


def interval_rows(
    folder: Path, home: Settings, duck: duckdb.DuckDBPyConnection, **dialect: Any
) -> list[tuple[Any, Any]]:
    table = CONTRACT.tables["interval_reading"]
    found = typed(duck, table, read(folder, table, home, **dialect))
    return [(row["interval_start"].astimezone(ZONE).replace(tzinfo=None), row["kwh"]) for row in found]


LOCAL = [moment.replace(tzinfo=None) for moment in STARTS]


@pytest.mark.parametrize(
    "first",
    [
        pa.array([3, 4]),
        pa.array([3.0, 4.0]).cast(pa.decimal128(9, 1)),
        pa.nulls(2),
        pa.array([3, 4], pa.uint8()),
    ],
)
def test_the_first_file_does_not_decide_what_the_next_one_holds(
    tmp_path: Path, home: Settings, duck: duckdb.DuckDBPyConnection, first: pa.Array
) -> None:
    folder = tmp_path / "interval_reading" / "day=2026-10-10"
    folder.mkdir(parents=True)
    pq.write_table(intervals(first, MOMENTS), folder / "part-0.parquet")
    pq.write_table(intervals(pa.array([6.24, 0.125]), MOMENTS, "P2"), folder / "part-1.parquet")
    kwh = [value for _, value in interval_rows(tmp_path, home, duck)]
    assert kwh == [*(None if value is None else float(value) for value in first.to_pylist()), 6.24, 0.125]


def test_ids_as_numbers_in_one_file_and_with_zeros_in_another(
    tmp_path: Path, home: Settings, duck: duckdb.DuckDBPyConnection
) -> None:
    (tmp_path / "staff").mkdir()
    rest = {"org_unit_id": ["U1"], "name": ["Li"], "post": ["billing"]}
    pq.write_table(pa.table({"staff_id": pa.array([1000.0]), **rest}), tmp_path / "staff" / "a.parquet")
    pq.write_table(pa.table({"staff_id": pa.array([1001]), **rest}), tmp_path / "staff" / "b.parquet")
    pq.write_table(pa.table({"staff_id": ["00001000"], **rest}), tmp_path / "staff" / "c.parquet")
    found = typed(duck, STAFF, read(tmp_path, STAFF, home))
    assert [row["staff_id"] for row in found] == ["1000", "1001", "00001000"]


def test_int96_is_an_instant_in_utc_unless_the_source_is_set_to_local(
    tmp_path: Path, home: Settings, duck: duckdb.DuckDBPyConnection
) -> None:
    (tmp_path / "interval_reading").mkdir()
    rows = intervals(pa.array([1.5, 2.5]), pa.array(STARTS, pa.timestamp("ns", "UTC")))
    path = tmp_path / "interval_reading" / "a.parquet"
    pq.write_table(rows, path, use_deprecated_int96_timestamps=True, store_schema=False)
    assert pq.ParquetFile(path).schema.column(1).physical_type == "INT96"
    assert interval_rows(tmp_path, home, duck) == [(LOCAL[0], 1.5), (LOCAL[1], 2.5)]
    eight = dt.timedelta(hours=8)
    assert interval_rows(tmp_path, home, duck, int96="local") == [
        (LOCAL[0] - eight, 1.5),
        (LOCAL[1] - eight, 2.5),
    ]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_moments_of_every_unit_and_zone(
    tmp_path: Path, home: Settings, duck: duckdb.DuckDBPyConnection, unit: str, zone: str | None
) -> None:
    (tmp_path / "interval_reading").mkdir()
    starts = pa.array(STARTS if zone else LOCAL, pa.timestamp(unit, zone))
    pq.write_table(intervals(pa.array([1.5, 2.5]), starts), tmp_path / "interval_reading" / "a.parquet")
    assert interval_rows(tmp_path, home, duck) == [(LOCAL[0], 1.5), (LOCAL[1], 2.5)]


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([{"a": 1}]), "struct"),
        (pa.array([["a"]]), "list"),
        (pa.array([dt.timedelta(1)], pa.duration("ms")), "duration"),
    ],
)
def test_a_nested_column_is_refused_by_file_column_and_type(
    tmp_path: Path, home: Settings, array: pa.Array, kind: str
) -> None:
    table = pa.table({"staff_id": ["S1"], "org_unit_id": ["U1"], "name": array, "post": ["billing"]})
    pq.write_table(table, tmp_path / "staff.parquet")
    message = refused(tmp_path, home).message
    assert str(tmp_path / "staff.parquet") in message
    assert "column name" in message
    assert kind in message


def test_a_nested_column_nobody_needs_is_only_reported(tmp_path: Path, home: Settings) -> None:
    table = pa.table(
        {
            "staff_id": ["S1"],
            "org_unit_id": ["U1"],
            "name": ["Li"],
            "post": ["billing"],
            "tags": [{"name": 1}],
        }
    )
    pq.write_table(table, tmp_path / "staff.parquet")
    source = FileSource(SourceSettings(location=str(tmp_path)), CONTRACT, home)
    extracted = source.extract(STAFF, None, dt.timedelta())
    assert extracted.unknown == ("tags",)
    assert names(extracted.rows.read_all()) == ["Li"]
    source.close()


def test_a_text_that_is_no_utf8_is_refused_with_its_row(tmp_path: Path, home: Settings) -> None:
    offsets, texts = pa.py_buffer(np.array([0, 2, 4], "int32")), pa.py_buffer(b"Li\xff\xfe")
    array = pa.Array.from_buffers(pa.string(), 2, [None, offsets, texts])
    rest = {"staff_id": ["S1", "S2"], "org_unit_id": ["U1", "U1"], "post": ["billing", "billing"]}
    pq.write_table(pa.table({**rest, "name": array}), tmp_path / "staff.parquet")
    rows = read(tmp_path, STAFF, home)
    assert rows["_problem"].to_pylist() == [None, "type:name"]
    assert rows["name"][0].as_py() == "Li"


def test_the_older_annotation_of_times_is_utc(
    tmp_path: Path, home: Settings, duck: duckdb.DuckDBPyConnection
) -> None:
    (tmp_path / "interval_reading").mkdir()
    path = tmp_path / "interval_reading" / "a.parquet"
    pq.write_table(intervals(pa.array([1.5, 2.5]), MOMENTS), path, store_schema=False)
    content = path.read_bytes()
    size = int.from_bytes(content[-8:-4], "little")
    # The newer annotation: microseconds, adjusted to UTC.
    footer = content[-8 - size : -8].replace(bytes.fromhex("4c8c111c2c00000000"), b"")
    assert len(footer) == size - 9
    path.write_bytes(content[: -8 - size] + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    assert interval_rows(tmp_path, home, duck) == [(LOCAL[0], 1.5), (LOCAL[1], 2.5)]


def test_a_broken_page_is_refused_past_the_rows_read(tmp_path: Path, home: Settings) -> None:
    rows = pa.table({"staff_id": [f"S{at}" for at in range(5000)]})
    for name in ("org_unit_id", "name", "post"):
        rows = rows.append_column(name, rows["staff_id"])
    path = tmp_path / "staff.parquet"
    pq.write_table(
        rows, path, compression="none", write_page_checksum=True, row_group_size=1000, use_dictionary=False
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    error = refused(tmp_path, home)
    assert error.code == "source.broken_file"
    assert str(path) in error.message


# --- CSV: one file's dialect ------------------------------------------------------------------------------


def test_quotes_that_begin_late_are_quotes(tmp_path: Path, home: Settings) -> None:
    content = HEADER + b"S1,U1,Li,billing\n" * 60_000 + b'S2,U1,"Wang, ""the"" first\nof two",billing\n'
    rows = read(put(tmp_path, staff__csv=content), STAFF, home)
    assert rows["name"][-1].as_py() == 'Wang, "the" first\nof two'
    assert rows.num_rows == 60_001


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("other", [b"\n", b"\r\n", b"\r"])
def test_one_line_that_ends_otherwise(tmp_path: Path, home: Settings, end: bytes, other: bytes) -> None:
    lines = [
        HEADER.strip(),
        b"S1,U1,Li,billing",
        b'S2,U1,"Wang\nof two",billing',
        b"S3,U1,Zhao",
        b"S4,U1,Sun,billing",
    ]
    content = end.join(lines[:2]) + other + end.join(lines[2:]) + end
    rows = read(put(tmp_path, staff__csv=content), STAFF, home)
    assert names(rows) == ["Li", "Wang\nof two", "Sun"]
    assert set_aside(rows) == [("csv line 5: 3 fields where the header has 4", "S3,U1,Zhao", 5)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_field_of_three_megabytes(tmp_path: Path, home: Settings, end: bytes) -> None:
    content = HEADER + b'S1,U1,"' + b"x" * 3_000_000 + b'",billing' + end + b"S2,U1" + end + LI
    rows = read(put(tmp_path, staff__csv=content), STAFF, home)
    assert [len(name or "") for name in names(rows)] == [3_000_000, 2]
    assert set_aside(rows) == [("csv line 3: 2 fields where the header has 4", "S2,U1", 3)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_tells_the_delimiter(tmp_path: Path, home: Settings, delimiter: str) -> None:
    content = (HEADER + b'S1,U1,"a,b;c|d",billing\n').replace(b",", delimiter.encode())
    rows = read(put(tmp_path, staff__csv=content), STAFF, home)
    assert names(rows) == ["a,b;c|d".replace(",", delimiter)]


def test_a_delimiter_that_is_set(tmp_path: Path, home: Settings) -> None:
    folder = put(tmp_path, staff__csv=(HEADER + LI).replace(b",", b"^"))
    assert "single column" in refused(folder, home).message
    assert names(read(folder, STAFF, home, delimiter="^")) == ["Li"]


def test_the_line_by_which_a_spreadsheet_tells_its_delimiter(tmp_path: Path, home: Settings) -> None:
    rows = read(
        put(tmp_path, staff__csv=b"sep=;\r\n" + (HEADER + LI + b"S2\n").replace(b",", b";")), STAFF, home
    )
    assert names(rows) == ["Li"]
    assert set_aside(rows) == [("csv line 4: 1 field where the header has 4", "S2", 4)]


def test_escapes_by_setting_take_only_what_needs_them(tmp_path: Path, home: Settings) -> None:
    content = HEADER + b'S1,U1,"5\\" pipe \\\\ \\t",billing\nS2,U1,\\N,billing\nS3,U1,a\\,b,billing\n'
    rows = read(put(tmp_path, staff__csv=content), STAFF, home, escape="\\")
    assert names(rows) == ['5" pipe \\ \\t', "\\N", "a,b"]


def test_quotes_that_are_text_by_setting(tmp_path: Path, home: Settings) -> None:
    content = HEADER + b'S1,U1,"Li,billing\nS2,U1,5" x,billing\n'
    assert names(read(put(tmp_path, staff__csv=content), STAFF, home, quote="")) == ['"Li', '5" x']


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, home: Settings, encoding: str) -> None:
    content = (HEADER + "S1,U1,李,billing\n".encode() + b"S2\n").decode().encode(encoding)
    rows = read(put(tmp_path, staff__csv=content), STAFF, home)
    assert names(rows) == ["李"]
    assert set_aside(rows)[0][2] == 3


def test_utf16_without_its_mark_is_named(tmp_path: Path, home: Settings) -> None:
    content = (HEADER + LI).decode().encode("utf-16-le")
    folder = put(tmp_path, staff__csv=content)
    assert "staff.csv:1: the file is not utf-16 text" in refused(folder, home, encoding="utf-16").message
    assert names(read(folder, STAFF, home, encoding="utf-16-le")) == ["Li"]


def test_compressed_text_in_the_encoding_of_its_source(tmp_path: Path, home: Settings) -> None:
    content = HEADER + "S1,U1,李,billing\n".encode("gb18030")
    folder = put(tmp_path, STAFF__CSV__GZ=gzip.compress(content))
    assert names(read(folder, STAFF, home, encoding="gb18030")) == ["李"]
    assert "STAFF.CSV.GZ:2: the file is not utf-8 text" in refused(folder, home).message
    assert list((home.scratch).glob("files-*")) == []


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "source.empty_file", "0 bytes"),
        (b"\n \n", "source.no_header", "no header line"),
        (HEADER + b'S1,U1,"Li,billing\nS2,U1,Wang,billing\n', "source.open_quote", "staff.csv:2:"),
        (HEADER + b'\r\nS1,U1,"Li,billing\nS2,U1,"Wang",billing\n', "source.open_quote", "staff.csv:3:"),
        # An open quote behind an empty line, closed within the next row: DuckDB names the row before.
        (
            HEADER + b'"S1","U1","Li","billing"\n\n"S2","U1","Wang\n"S3","U1,"Zhao","billing"\n',
            "source.open_quote",
            "staff.csv:4:",
        ),
        (
            HEADER + LI * 70_000 + b"S1,U1,\xff,billing\n",
            "source.encoding",
            "staff.csv:70002: the file is not utf-8",
        ),
        (
            (HEADER + LI).decode().encode("utf-16-le"),
            "source.encoding",
            "staff.csv:1: NUL characters all over",
        ),
        (
            b"staff_id,Name,org_unit_id,name,post\nS1,a,U1,b,billing\n",
            "source.column_twice",
            "column name more than once",
        ),
    ],
)
def test_a_csv_file_that_nobody_can_read(
    tmp_path: Path, home: Settings, content: bytes, code: str, said: str
) -> None:
    error = refused(put(tmp_path, staff__csv=content), home)
    assert (error.code, said in error.message) == (code, True), error.message


def test_a_header_alone_is_an_empty_table_and_a_delimiter_at_the_end_no_column(
    tmp_path: Path, home: Settings
) -> None:
    assert read(put(tmp_path / "a", staff__csv=HEADER.strip()), STAFF, home).num_rows == 0
    content = HEADER.replace(b"\n", b",\n") + b"S1,U1,Li,billing,\nS2,U1,Wang,billing\nS3,U1,Sun,billing,x\n"
    rows = read(put(tmp_path / "b", staff__csv=content), STAFF, home)
    assert names(rows) == ["Li", "Wang"]
    assert set_aside(rows) == [("csv line 4: 5 fields where the header has 4", "S3,U1,Sun,billing,x", 4)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_set_aside_carry_their_own_number_whatever_stands_before_them(
    tmp_path: Path, home: Settings, end: bytes
) -> None:
    lines = [
        HEADER.strip(),
        b'S1,U1,"a',
        b'b",billing',
        b"",
        b"",
        b"S2,U1",
        b"",
        b'S3,U1,"Li" x,billing',
        LI.strip(),
    ]
    rows = read(put(tmp_path, staff__csv=end.join(lines)), STAFF, home)
    assert set_aside(rows) == [
        ("csv line 6: 2 fields where the header has 4", "S2,U1", 6),
        ("csv line 8: text stands behind a closing quote", 'S3,U1,"Li" x,billing', 8),
    ]


# --- which files ------------------------------------------------------------------------------------------


def test_endings_and_names_in_any_case_and_what_is_left_out(tmp_path: Path) -> None:
    source = put(
        tmp_path / "source",
        STAFF__Csv=HEADER + LI,
        staff__csv__zip=b"PK",
        Staff__xlsx=b"PK",
        _staff__csv=b"",
    )
    write(source, "staff/2026-10.txt", HEADER + LI)
    write(source, "staff/later.CSV", HEADER + b"S2,U1,Wang,billing\n")
    write(source, "staff/.hidden", b"")
    write(source, "staff/_SUCCESS", b"")
    settings = load_settings(tmp_path / "home", sources=[{"location": str(source)}])
    run = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
    found = night.extract(settings, run, "staff")
    assert found["rows"] == 2
    assert found["left_out_files"] == ["Staff.xlsx", "staff/2026-10.txt", "staff.csv.zip"]
    assert "files not read: Staff.xlsx, staff/2026-10.txt, staff.csv.zip" in brief(found)
    note = landed(settings, run, "staff")
    assert note.read_files == ("STAFF.Csv", "staff/later.CSV")
    assert note.left_out == ("Staff.xlsx", "staff/2026-10.txt", "staff.csv.zip")


def test_a_table_that_lies_there_under_an_ending_that_is_not_read(tmp_path: Path) -> None:
    source = put(tmp_path / "source", staff__txt=HEADER + LI)
    settings = load_settings(tmp_path / "home", sources=[{"location": str(source)}])
    with pytest.raises(SourceError, match=r"staff\.txt is not read"):
        source_of(STAFF, CONTRACT, settings)


@pytest.mark.parametrize(
    "files",
    [
        ("staff.csv", "STAFF.CSV"),
        ("staff.csv", "staff.csv.gz"),
        ("staff.csv", "staff.parquet"),
        ("staff.csv", "staff/a.parquet"),
        ("staff/a.csv", "Staff/b.csv"),
        ("staff/a.csv", "staff/a.csv.gz"),
        ("staff/a.csv", "staff/A.csv"),
        ("staff/a.csv", "staff/b.parquet"),
    ],
)
def test_two_forms_of_one_table_are_refused(tmp_path: Path, home: Settings, files: tuple[str, str]) -> None:
    for name in files:
        write(tmp_path, name, HEADER)
    error = refused(tmp_path, home)
    assert error.code == "source.two_forms"
    for name in files:
        assert str(tmp_path / name.split("/")[0]) in error.message


def test_a_link_that_leads_nowhere_or_back_and_a_folder_named_like_a_file(
    tmp_path: Path, home: Settings
) -> None:
    (tmp_path / "a" / "staff").mkdir(parents=True)
    (tmp_path / "a" / "staff" / "x.csv").symlink_to(tmp_path / "gone.csv")
    assert "x.csv: the link leads nowhere" in refused(tmp_path / "a", home).message
    (tmp_path / "b" / "staff").mkdir(parents=True)
    (tmp_path / "b" / "staff" / "again").symlink_to(tmp_path / "b" / "staff")
    assert "again: the link leads back" in refused(tmp_path / "b", home).message
    (tmp_path / "c" / "staff.csv").mkdir(parents=True)
    assert "staff.csv: this is a folder" in refused(tmp_path / "c", home).message


@pytest.mark.parametrize("name", ["staff.csv", "staff.parquet", "staff/a.csv", "staff"])
def test_what_the_user_may_not_read_is_named(name: str, home: Settings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir(exist_ok=True)
        if name == "staff":
            path.mkdir()
        else:
            path.write_bytes(HEADER + LI)
        source = FileSource(SourceSettings(location=folder), CONTRACT, home)
        Path(folder).chmod(0o755)
        path.chmod(0)
        user = os.geteuid()
        try:
            # The superuser may read everything.
            if user == 0:
                os.seteuid(65534)
            with pytest.raises(SourceError) as caught:
                source.extract(STAFF, None, dt.timedelta()).rows.read_all()
        finally:
            os.seteuid(user)
            path.chmod(0o755)
            source.close()
    assert f"{path}: cannot be read: permission is denied" in caught.value.message


def test_a_file_whose_name_is_no_text(tmp_path: Path, home: Settings) -> None:
    write(tmp_path, os.fsdecode(b"staff/\xff.csv"), HEADER)
    assert "staff/\\xff.csv" in refused(tmp_path, home).message


@pytest.mark.parametrize("name", ["staff.csv", "staff.parquet"])
def test_a_file_that_vanishes_or_changes_while_it_is_read(tmp_path: Path, home: Settings, name: str) -> None:
    path = tmp_path / name
    table = pa.table({"staff_id": ["S1"], "org_unit_id": ["U1"], "name": ["Li"], "post": ["billing"]})

    def fill() -> None:
        path.write_bytes(HEADER + LI)
        if name.endswith("parquet"):
            pq.write_table(table, path)

    fill()
    source = FileSource(SourceSettings(location=str(tmp_path)), CONTRACT, home)
    rows = source.extract(STAFF, None, dt.timedelta()).rows
    path.unlink()
    with pytest.raises(SourceError, match=f"{name}: cannot be read: it is not there any more"):
        rows.read_all()
    fill()
    rows = source.extract(STAFF, None, dt.timedelta()).rows
    fill()
    with pytest.raises(SourceError, match=f"{name}: the file changed while it was read"):
        rows.read_all()
    source.close()


def test_rows_carry_the_time_of_their_file_and_their_place_in_it(tmp_path: Path, home: Settings) -> None:
    put(tmp_path, staff__csv=HEADER + LI + b"S2\n" + b"S3,U1,Sun,billing\n")
    write(tmp_path, "staff/later.csv", HEADER + b"S1,U1,Li Bo,billing\n")
    rows = read(tmp_path, STAFF, home)
    times = {name: (tmp_path / name).stat().st_mtime_ns for name in ("staff.csv", "staff/later.csv")}
    for row in rows.to_pylist():
        assert row["_arrival"] == times[row["_file"]]
    places = {
        row["staff_id"] or row["_text"]: row["_position"]
        for row in rows.to_pylist()
        if row["_file"] == "staff.csv"
    }
    assert places["S1"] < places["S3"]
    assert places["S2"] == 3


def test_only_what_changed_is_read_again(tmp_path: Path, home: Settings) -> None:
    table = CONTRACT.tables["interval_reading"]
    for day in ("2026-10-10", "2026-10-11"):
        for part in "ab":
            path = tmp_path / "interval_reading" / f"day={day}" / f"{part}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(intervals(pa.array([1.0, 2.0]), MOMENTS), path)
    source = FileSource(SourceSettings(location=str(tmp_path)), CONTRACT, home)
    first = source.extract(table, None, dt.timedelta())
    after = Watermark(since=STARTS[0], files=first.files)
    assert source.extract(table, after, dt.timedelta()).read_files == ()
    pq.write_table(
        intervals(pa.array([1.0]), MOMENTS[:1]),
        tmp_path / "interval_reading" / "day=2026-10-11" / "b.parquet",
    )
    again = source.extract(table, after, dt.timedelta())
    assert again.read_files == tuple(f"interval_reading/day=2026-10-11/{part}.parquet" for part in "ab")
    assert set(again.read_files) <= set(after.files)
    assert again.rows.read_all().num_rows == 3
    source.close()


@pytest.mark.parametrize(
    "wrong",
    [{"encoding": "klingon"}, {"delimiter": "ab"}, {"escape": "\n"}, {"quote": "“"}, {"int96": "here"}],
)
def test_a_dialect_that_cannot_be_is_refused_by_the_settings(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong)) if len(wrong) == 1 else "must differ"):
        load_settings(tmp_path, sources=[{"location": str(tmp_path), **wrong}])
