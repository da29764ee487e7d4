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
import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattmark.campaign.definition import CampaignError
from wattmark.campaign.files import (
    ESCAPE_PATTERN,
    clear_others,
    digest_of,
    escaped_sql,
    has_bytes,
    open_list,
    sha256_of,
    why_another,
    write_list,
)
from wattmark.campaign.keys import ListKeys, campaign_key, list_keys, make_identity
from wattmark.campaign.sheets import Look, sheet_name
from wattmark.errors import SettingsError
from wattmark.settings import load_settings

NAMES = [
    "=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "'=1", " =1", "''=x", "O'Neill",
    "Müller; \"Co\", Ltd", "line\nbreak", "שלום עולם", "\u202eevil", "👩‍🔧⚡", "张伟", "a,b", '"', "", "+8613800138000", "-12.5",
    "\ufeff=1", "\u00a0=1", "\u3000@x", "\u200b+1+1", "\u2028-1+1", "\x00=1", "\u202e=1", "\ufe0f=1", "'\ufeff=1", "\u22121+1", "\u2800=1",
]  # fmt: skip


ESCAPED = re.compile(
    "'" + re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: f"\\U{int(found[1], 16):08x}", ESCAPE_PATTERN[1:])
)
OWN = ListKeys((pyrage.x25519.Identity.generate(),), {})

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


def unescape(text: str) -> str:
    """The text as it was before it was made harmless."""
    return text[1:] if ESCAPED.match(text) else text


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
    entry = write_list(tmp_path, "sms", pa.table({"name": pa.array(harmless(NAMES), pa.string())}), "csv")
    text = (tmp_path / "sms.csv").read_bytes().decode("utf-8")
    read = [row[0] if row else "" for row in csv.reader(io.StringIO(text, newline=""))]
    assert [unescape(cell) for cell in read[1:]] == NAMES
    assert entry["rows"] == len(NAMES)
    assert (tmp_path / "sms.csv").stat().st_mode & 0o777 == 0o600


def test_the_same_rows_are_the_same_file(tmp_path: Path) -> None:
    rows = pa.table({"name": NAMES})
    for form in ("csv", "xlsx", "parquet"):
        first = write_list(tmp_path / "a", "sms", rows, form)
        assert first == write_list(tmp_path / "b", "sms", rows, form)
        assert first["sha256"] == first["file_sha256"]
        other = write_list(tmp_path / "c", "sms", rows.slice(1), form)
        assert other["file_sha256"] != first["file_sha256"]


def test_what_is_encrypted_is_known_by_its_content(tmp_path: Path) -> None:
    """Its bytes are others each time; what is approved and found again is the list in them."""
    rows = pa.table({"name": NAMES})
    for form in ("csv", "xlsx", "parquet"):
        open_one = write_list(tmp_path / "open", "sms", rows, form)
        first, again = (write_list(tmp_path / name, "sms", rows, form, OWN.of("sms")) for name in "ab")
        assert first["sha256"] == again["sha256"] == open_one["sha256"]
        assert first["file_sha256"] != again["file_sha256"]
        assert digest_of("L", [first]) == digest_of("L", [again]) != digest_of("L", [open_one])
        assert why_another(tmp_path / "a", first, OWN) is None
        other = write_list(tmp_path / "c", "sms", rows.slice(1), form, OWN.of("sms"))
        assert digest_of("L", [other]) != digest_of("L", [first])


def test_a_workbook_holds_texts_alone(tmp_path: Path) -> None:
    write_list(tmp_path, "sms", pa.table({"name": NAMES}), "xlsx")
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
    write_list(tmp_path, "sms", rows, "xlsx", (), Look("spring: offer/2026 " + "x" * 40, kinds))
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
    assert {sheet_name(title) for title in ("", "'", "[]", "  ")} == {"list"}


def test_a_byte_order_mark_where_it_is_asked_for(tmp_path: Path) -> None:
    rows = pa.table({"name": ["张伟"]})
    plain = write_list(tmp_path / "a", "sms", rows, "csv")
    marked = write_list(tmp_path / "b", "sms", rows, "csv", (), Look(bom=True))
    assert (tmp_path / "b" / "sms.csv").read_bytes() == b"\xef\xbb\xbf" + (
        tmp_path / "a" / "sms.csv"
    ).read_bytes()
    assert marked["sha256"] != plain["sha256"]
    assert marked["sha256"] == sha256_of(tmp_path / "b" / "sms.csv")
    with (tmp_path / "b" / "sms.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert list(csv.DictReader(stream)) == [{"name": "张伟"}]


def test_parquet_holds_what_it_was_given(tmp_path: Path) -> None:
    write_list(tmp_path, "sms", pa.table({"name": NAMES}), "parquet")
    assert pq.read_table(tmp_path / "sms.parquet").column("name").to_pylist() == NAMES


@pytest.mark.parametrize("size", [0, 1, (1 << 16) - 1, 1 << 16, (1 << 20) + 1])
def test_what_is_encrypted_opens_for_whom_it_is_meant_alone(tmp_path: Path, size: int) -> None:
    """Whoever is named opens a list with age alone, and nothing of this project."""
    house, printer = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    keys = ListKeys(OWN.identities, {"*": (house.to_public(),), "post": (printer.to_public(),)})
    rows = pa.table({"name": ["x" * size]})
    write_list(tmp_path, "post", rows, "csv", keys.of("post"))
    write_list(tmp_path, "sms", rows, "csv", keys.of("sms"))
    plain = f'"name"\n"{"x" * size}"\n'.encode()
    for name, who in (("post", house), ("post", printer), ("sms", house)):
        assert pyrage.decrypt((tmp_path / f"{name}.csv.age").read_bytes(), [who]) == plain
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt((tmp_path / "sms.csv.age").read_bytes(), [printer])
    content = io.BytesIO()
    open_list(tmp_path / "sms.csv.age", keys, content.write)
    assert content.getvalue() == plain


def test_identities_of_before_still_open(tmp_path: Path) -> None:
    entry = write_list(tmp_path, "sms", pa.table({"name": ["Zhang Wei"]}), "csv", OWN.of("sms"))
    newer = ListKeys((pyrage.x25519.Identity.generate(), *OWN.identities), {})
    assert why_another(tmp_path, entry, newer) is None


def test_a_file_that_is_not_the_list_is_told_apart(tmp_path: Path) -> None:
    rows = pa.table({"name": ["x" * ((1 << 16) + 5)]})
    entry = write_list(tmp_path, "sms", rows, "csv", OWN.of("sms"))
    path = tmp_path / "sms.csv.age"
    whole = path.read_bytes()
    for damaged in (
        whole[:-1],
        whole[:300],
        whole[:20] + b"\x00" + whole[21:],
        whole[:400] + b"!" + whole[401:],
        b"",
        b"garbage",
    ):
        path.write_bytes(damaged)
        with pytest.raises(CampaignError, match="is no age file, or was changed or cut off"):
            open_list(path, OWN)
        assert "sms.csv.age" in str(why_another(tmp_path, entry, OWN))
    others = ListKeys((pyrage.x25519.Identity.generate(),), {})
    write_list(tmp_path, "sms", rows, "csv", others.of("sms"))
    assert "is encrypted to others" in str(why_another(tmp_path, entry, OWN))
    write_list(tmp_path, "sms", rows.slice(1), "csv", OWN.of("sms"))
    assert why_another(tmp_path, entry, OWN) == "sms.csv.age holds another list"
    # The same list once more: its bytes are not those that the manifest tells.
    write_list(tmp_path, "sms", rows, "csv", OWN.of("sms"))
    assert why_another(tmp_path, entry, OWN) == "sms.csv.age has other bytes than were written"
    path.write_bytes(whole)
    assert why_another(tmp_path, entry, OWN) is None
    assert "campaigns.list_identity_file" in str(why_another(tmp_path, entry, None))
    path.unlink()
    assert why_another(tmp_path, entry, OWN) == "sms.csv.age is missing"
    assert not has_bytes(tmp_path, entry)


def test_names_are_nowhere_in_an_encrypted_list(tmp_path: Path) -> None:
    rows = pa.table({"name": ["Zhang Wei"] * 100})
    write_list(tmp_path, "sms", rows, "csv")
    entry = write_list(tmp_path, "sms", rows, "csv", OWN.of("sms"))
    assert b"Zhang" not in (tmp_path / "sms.csv.age").read_bytes()
    assert entry["encrypted"]
    # The open file of before does not stay beside it.
    clear_others(tmp_path, [entry])
    assert [file.name for file in tmp_path.iterdir()] == ["sms.csv.age"]


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    key = campaign_key(tmp_path / "home")
    assert campaign_key(tmp_path / "home") == key
    assert (tmp_path / "home" / "campaign.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "home" / "campaign.key").write_text("short")
    with pytest.raises(CampaignError, match="holds no key"):
        campaign_key(tmp_path / "home")


def test_an_identity_is_made_once_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "identity"
    public = make_identity(file)
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert public.startswith("age1")
    assert public in text
    with pytest.raises(CampaignError, match="is there already"):
        make_identity(file)
    assert file.read_text() == text
    keys = list_keys(load_settings(tmp_path, campaigns={"list_identity_file": str(file)}))
    assert keys is not None
    assert [str(key) for key in keys.of("sms")] == [public]


@pytest.mark.parametrize("content", ["", "# public key: age1", "AGE-SECRET-KEY-1XYZ", "not a key", "\u00e4"])
def test_a_wrong_identity_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(CampaignError, match=r"list_identity.*holds no identity of age"):
        list_keys(load_settings(tmp_path, campaigns={"list_identity_file": str(tmp_path / "key")}))


def test_lists_are_never_written_open_where_somebody_meant_them_encrypted(tmp_path: Path) -> None:
    public = make_identity(tmp_path / "identity")
    assert list_keys(load_settings(tmp_path)) is None
    for campaigns, said in (
        ({"list_recipients": {"post": [public]}}, "no identity of the utility's own"),
        # As a home of an earlier release has it.
        ({"list_key_file": str(tmp_path / "old.key")}, "campaign run --as-of DAY"),
        ({"list_identity_file": str(tmp_path / "nowhere")}, "cannot be read"),
        (
            {"list_identity_file": str(tmp_path / "identity"), "list_recipients": {"*": ["age1nobody"]}},
            "is no public key",
        ),
    ):
        with pytest.raises(CampaignError, match=re.escape(said)):
            list_keys(load_settings(tmp_path, campaigns=campaigns))
    own = (tmp_path / "identity").read_text().splitlines()[-1]
    with pytest.raises(CampaignError, match="holds a secret key") as raised:
        list_keys(
            load_settings(
                tmp_path,
                campaigns={"list_identity_file": str(tmp_path / "identity"), "list_recipients": {"*": [own]}},
            )
        )
    assert own not in str(raised.value)
    with pytest.raises(SettingsError, match="list_recipients"):
        load_settings(tmp_path, campaigns={"list_recipients": {"pigeon": [public]}})


def test_the_digest_speaks_of_what_the_lists_say() -> None:
    entry = {"channel": "sms", "rows": 1, "columns": ["a"], "sha256": "x", "send_on": "2026-01-01"}
    assert digest_of("L", [entry]) == digest_of("L", [{**entry, "send_on": "2026-01-02"}])
    assert digest_of("L", [entry]) != digest_of("L", [{**entry, "sha256": "y"}])
    assert digest_of("L", [entry]) != digest_of("L", [{**entry, "file_sha256": "y"}])
    hidden = {**entry, "encrypted": True}
    assert digest_of("L", [hidden]) == digest_of("L", [{**hidden, "file_sha256": "y"}])
    assert digest_of("L", [hidden]) != digest_of("L", [{**hidden, "sha256": "y"}])
    assert digest_of("L", [entry]) != digest_of("M", [entry])
