"""List files: whatever a name holds comes through unharmed, and no cell is a formula."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattmark.campaign.definition import CampaignError
from wattmark.campaign.files import decrypt, digest_of, encrypt, escaped_sql, sha256_of, unescape, write_list
from wattmark.campaign.keys import campaign_key, list_key
from wattmark.campaign.sheets import Look, sheet_name
from wattmark.settings import load_settings

NAMES = [
    "=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "'=1", " =1", "''=x", "O'Neill",
    "Müller; \"Co\", Ltd", "line\nbreak", "שלום עולם", "\u202eevil", "👩‍🔧⚡", "张伟", "a,b", '"', "", "+8613800138000", "-12.5",
    "\ufeff=1", "\u00a0=1", "\u3000@x", "\u200b+1+1", "\u2028-1+1", "\x00=1", "\u202e=1", "\ufe0f=1", "'\ufeff=1", "\u22121+1", "\u2800=1",
]  # fmt: skip


CONNECTION = duckdb.connect(config={"threads": 1})


def harmless(values: list[str | None]) -> list[str | None]:
    rows = pa.table({"x": pa.array(values, pa.string()), "at": list(range(len(values)))})
    CONNECTION.register("rows", rows)
    return [
        row[0]
        for row in CONNECTION.sql(
            f'SELECT {escaped_sql(chr(34) + "x" + chr(34))} FROM rows ORDER BY "at"'
        ).fetchall()
    ]


def is_formula(cell: str) -> bool:
    shown = cell.lstrip("\ufeff\u200b\u2028\u00a0\u3000\u202e\ufe0f\u2800\x00")
    return bool(re.match(r"\s*[=+\-@＝＋－＠\u2212]", shown)) and not re.fullmatch(
        r"[+-]?[0-9]+([.][0-9]+)?", cell
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20), max_size=20))
def test_no_cell_is_a_formula_and_nothing_is_lost(values: list[str]) -> None:
    cells = harmless([*values, *NAMES])
    assert not [cell for cell in cells if cell is not None and is_formula(cell)]
    assert [unescape(cell or "") for cell in cells] == [*values, *NAMES]


def test_telephone_numbers_stay_as_they_are() -> None:
    assert harmless(["+8613800138000", "-12.5", "+86 138", None]) == [
        "+8613800138000",
        "-12.5",
        "'+86 138",
        None,
    ]


def test_csv_comes_through(tmp_path: Path) -> None:
    entry = write_list(
        tmp_path, "sms", pa.table({"name": pa.array(harmless(NAMES), pa.string())}), "csv", None
    )
    text = (tmp_path / "sms.csv").read_bytes().decode("utf-8")
    read = [row[0] if row else "" for row in csv.reader(io.StringIO(text, newline=""))]
    assert [unescape(cell) for cell in read[1:]] == NAMES
    assert entry["rows"] == len(NAMES)
    assert (tmp_path / "sms.csv").stat().st_mode & 0o777 == 0o600


def test_the_same_rows_are_the_same_file(tmp_path: Path) -> None:
    rows = pa.table({"name": NAMES})
    for form in ("csv", "xlsx", "parquet"):
        for key in (None, bytes(range(32))):
            one = write_list(tmp_path / "a" / "list", "sms", rows, form, key)
            two = write_list(tmp_path / "b" / "list", "sms", rows, form, key)
            assert one == two
            other = write_list(tmp_path / "c" / "list", "sms", rows.slice(1), form, key)
            assert other["file_sha256"] != one["file_sha256"]


def test_a_workbook_holds_texts_alone(tmp_path: Path) -> None:
    write_list(tmp_path, "sms", pa.table({"name": NAMES}), "xlsx", None)
    with zipfile.ZipFile(tmp_path / "sms.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet


def test_a_workbook_is_laid_out_for_people(tmp_path: Path) -> None:
    rows = pa.table(
        {
            "name": ["张伟", "=1+1", None],
            "due_on": ["2026-11-03", "soon", None],
            "amount": ["1234.5", "-0.01", None],
            "months": ["12", "0", None],
            "account": ["0123456789", "001", None],
            "long": ["12345678901234567", "1", None],
            "is_seed": ["true", "false", None],
        }
    )
    kinds = {
        "due_on": "date",
        "amount": "decimal",
        "months": "integer",
        "long": "integer",
        "is_seed": "boolean",
    }
    write_list(tmp_path, "sms", rows, "xlsx", None, Look("spring: offer/2026 " + "x" * 40, kinds))
    book = openpyxl.load_workbook(tmp_path / "sms.xlsx")
    sheet = book.active
    assert sheet is not None
    assert book.sheetnames == ["spring  offer 2026 xxxxxxxxxxxx"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:G4"
    assert all(cell.font.b for cell in sheet[1])
    read = list(sheet.iter_rows(min_row=2, values_only=True))
    assert read[0] == (
        "张伟", dt.datetime(2026, 11, 3), 1234.5, 12, "0123456789", "12345678901234567", True,
    )  # fmt: skip
    assert read[1] == ("=1+1", "soon", -0.01, 0, "001", 1, False)
    assert len(read) == 2, "an empty row holds nothing"
    assert sheet.cell(3, 1).data_type == "s"
    assert sheet.cell(2, 2).number_format == "yyyy-mm-dd"
    assert sheet.column_dimensions["F"].width > sheet.column_dimensions["D"].width
    assert {sheet_name(one) for one in ("", "'", "[]", "  ")} == {"list"}


def test_a_byte_order_mark_where_it_is_asked_for(tmp_path: Path) -> None:
    rows = pa.table({"name": ["张伟"]})
    plain = write_list(tmp_path / "a", "sms", rows, "csv", None)
    marked = write_list(tmp_path / "b", "sms", rows, "csv", None, Look(bom=True))
    assert (tmp_path / "b" / "sms.csv").read_bytes() == b"\xef\xbb\xbf" + (
        tmp_path / "a" / "sms.csv"
    ).read_bytes()
    assert marked["sha256"] != plain["sha256"]
    assert marked["sha256"] == sha256_of(tmp_path / "b" / "sms.csv")
    with (tmp_path / "b" / "sms.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert list(csv.DictReader(stream)) == [{"name": "张伟"}]


def test_parquet_holds_what_it_was_given(tmp_path: Path) -> None:
    write_list(tmp_path, "sms", pa.table({"name": NAMES}), "parquet", None)
    assert pq.read_table(tmp_path / "sms.parquet").column("name").to_pylist() == NAMES


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_what_is_encrypted_opens_with_its_key_alone(tmp_path: Path, size: int) -> None:
    key, content = bytes(range(32)), b"x" * size
    path = tmp_path / "list.enc"
    path.write_bytes(b"".join(encrypt(content, key)))
    assert decrypt(path, key) == content
    with pytest.raises(CampaignError, match="another key"):
        decrypt(path, bytes(32))


def test_a_cut_or_changed_file_is_refused(tmp_path: Path) -> None:
    key = bytes(range(32))
    whole = b"".join(encrypt(b"x" * ((1 << 20) + 5), key))
    path = tmp_path / "list.enc"
    first_block = 8 + 8 + 4 + (1 << 20) + 16
    for damaged in (whole[:first_block], whole[:-1], whole[:20] + b"\x00" + whole[21:], b"", whole[:16]):
        path.write_bytes(damaged)
        with pytest.raises(CampaignError):
            decrypt(path, key)


def test_names_are_nowhere_in_an_encrypted_list(tmp_path: Path) -> None:
    entry = write_list(tmp_path, "sms", pa.table({"name": ["Zhang Wei"] * 100}), "csv", bytes(range(32)))
    content = (tmp_path / "sms.csv.enc").read_bytes()
    assert b"Zhang" not in content
    assert decrypt(tmp_path / "sms.csv.enc", bytes(range(32))).count(b"Zhang Wei") == 100
    assert entry["encrypted"]
    assert [file.name for file in tmp_path.iterdir()] == ["sms.csv.enc"]


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    key = campaign_key(tmp_path / "home")
    assert campaign_key(tmp_path / "home") == key
    assert (tmp_path / "home" / "campaign.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "home" / "campaign.key").write_text("short")
    with pytest.raises(CampaignError, match="holds no key"):
        campaign_key(tmp_path / "home")


@pytest.mark.parametrize("content", ["", "AAAA", "not base64!", "A" * 43])
def test_a_wrong_list_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(CampaignError, match="list_key"):
        list_key(load_settings(tmp_path, campaigns={"list_key_file": str(tmp_path / "key")}))


def test_the_digest_speaks_of_what_the_lists_say() -> None:
    entry = {"channel": "sms", "rows": 1, "columns": ["a"], "sha256": "x", "send_on": "2026-01-01"}
    assert digest_of("L", [entry]) == digest_of("L", [{**entry, "send_on": "2026-01-02"}])
    assert digest_of("L", [entry]) != digest_of("L", [{**entry, "sha256": "y"}])
    assert digest_of("L", [entry]) != digest_of("L", [{**entry, "file_sha256": "y"}])
    assert digest_of("L", [entry]) != digest_of("M", [entry])
