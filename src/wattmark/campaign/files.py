"""List files: harmless in spreadsheets, the same each time, with a manifest, encrypted by age where keys are set.

What is encrypted has other bytes each time: a list is known by the digest of its content before that, and opened with
the utility's own identity to be held against it.

A list is the only place, beside ``mart_pii``, where personal data leaves the pipeline. Files are readable by
their owner alone.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import psutil
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pyrage

from wattmark.atomic import write_atomically
from wattmark.campaign.definition import CampaignError
from wattmark.campaign.keys import ListKeys
from wattmark.campaign.sheets import PLAIN, Look, write_workbook

TRIGGERS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
"""Characters with which a cell begins that spreadsheets take for a formula, full-width and small ones included."""

UNSEEN = (
    (0x00, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F),
    (0x890, 0x891), (0x8E2, 0x8E2), (0x115F, 0x1160), (0x1680, 0x1680), (0x180B, 0x180F), (0x2000, 0x200F), (0x2028, 0x202F),
    (0x205F, 0x206F), (0x2800, 0x2800), (0x3000, 0x3000), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0x110BD, 0x110BD), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""First and last code point of what no spreadsheet shows: blanks, controls, marks of direction, a BOM, fillers."""

_BEFORE = "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in UNSEEN)
_TRIGGER = "".join(rf"\x{{{ord(character):X}}}" for character in TRIGGERS)
ESCAPE_PATTERN = rf"^(?:['{_BEFORE}]*[{_TRIGGER}]|['{_BEFORE}]*[\t\r\n])"
"""RE2: a trigger at the beginning or behind what is not seen; or a tab or line end there, which some programs drop."""
NUMBER_PATTERN = r"^[+-]?[0-9]+([.][0-9]+)?$"
_DRAFT = re.compile(r"\A\..+\.(\d+)\.[0-9a-f]{8}\Z", re.DOTALL)
_BLOCK = 1 << 20


def escaped_sql(column: str) -> str:
    """SQL (DuckDB) of a text column as CSV carries it: what could be a formula gets an apostrophe before it.

    Args:
        column: a quoted column reference. Plain numbers, telephone numbers among them, stay as they are.
    """
    return (
        f"CASE WHEN regexp_matches({column}, '{ESCAPE_PATTERN.replace(chr(39), chr(39) * 2)}') "
        f"AND NOT regexp_matches({column}, '{NUMBER_PATTERN}') THEN '''' || {column} ELSE {column} END"
    )


def clear_drafts(folder: Path) -> int:
    """Take away the drafts that a killed writer left below a folder; returns how many.

    A draft names the process that writes it (``write_atomically``); one of a process that runs is left alone.
    """
    found = 0
    for path in folder.rglob(".*") if folder.is_dir() else ():
        named = _DRAFT.match(path.name)
        if named and path.is_file() and not psutil.pid_exists(int(named[1])):
            path.unlink(missing_ok=True)
            found += 1
    return found


def _write_plain(rows: pa.Table, form: str, stream: BinaryIO, look: Look) -> None:
    if look.draw is not None:
        look.draw(stream)
    elif form == "csv":
        if look.bom:
            stream.write(codecs.BOM_UTF8)
        csv.write_csv(rows, stream, csv.WriteOptions(include_header=True, quoting_style="all_valid"))
    elif form == "parquet":
        pq.write_table(rows, stream, compression="zstd")
    else:
        write_workbook(rows, stream, look)


class _Told:
    """Passes bytes on, and tells their digest."""

    def __init__(self, pass_on: Callable[[bytes], object] | None = None) -> None:
        self._digest = hashlib.sha256()
        self._pass_on = pass_on

    def write(self, block: bytes) -> int:
        self._digest.update(block)
        if self._pass_on is not None:
            self._pass_on(block)
        return len(block)

    def flush(self) -> None:
        """There is nothing to wait for."""

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def write_list(
    folder: Path, stem: str, rows: pa.Table, form: str, recipients: Sequence[Any] = (), look: Look = PLAIN
) -> dict[str, Any]:
    """Write one list.

    Args:
        folder: where to.
        stem: name without ending, the channel's.
        rows: text columns, made harmless already where the form is csv.
        form: csv, xlsx, parquet, or pdf where ``look`` draws it.
        recipients: public keys of age that it is encrypted to; an open file where there are none.
        look: how it is laid out.

    Returns:
        the manifest's entry: file, rows, columns, sha256 (of the list itself), file_sha256 (of the bytes that lie
        there and leave; of an encrypted list others each time), encrypted.
    """
    name = f"{stem}.{form}" + (".age" if recipients else "")
    content, file_sha256 = "", ""

    def write(stream: BinaryIO) -> None:
        nonlocal content, file_sha256
        if not recipients:
            _write_plain(rows, form, stream, look)
            stream.seek(0)
            content = file_sha256 = _digest(stream)
            return
        plain = io.BytesIO()
        _write_plain(rows, form, plain, look)
        plain.seek(0)
        content = _digest(plain)
        plain.seek(0)
        told = _Told(stream.write)
        pyrage.encrypt_io(plain, told, list(recipients))
        file_sha256 = told.hexdigest()

    write_atomically(folder / name, write, private=True)
    return {
        "file": name,
        "rows": rows.num_rows,
        "columns": rows.column_names,
        "sha256": content,
        "file_sha256": file_sha256,
        "encrypted": bool(recipients),
    }


def open_list(path: Path, keys: ListKeys, write: Callable[[bytes], object] | None = None) -> str:
    """Open an encrypted list with the utility's identities.

    Args:
        path: the file.
        keys: of the utility.
        write: takes the content, block by block; it is only read through where None.

    Returns:
        SHA-256 of the content.

    Raises:
        CampaignError: it is encrypted to others, is no age file, or was changed or cut off.
    """
    told = _Told(write)
    try:
        with path.open("rb") as stream:
            pyrage.decrypt_io(stream, told, list(keys.identities))
    except (pyrage.DecryptError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        is_others = "No matching keys" in str(error)
        raise CampaignError(
            "campaign.decrypt",
            f"{path} cannot be opened: "
            + (
                "it is encrypted to others, not to campaigns.list_identity_file."
                if is_others
                else "it is no age file, or was changed or cut off."
            ),
            "Use the identity it was made with; identities of before may stay in the file, below the newest."
            if is_others
            else "Take the file as it was made, or make the list again.",
        ) from None
    return told.hexdigest()


_APPROVED = ("channel", "file", "rows", "columns", "sha256", "file_sha256", "encrypted")


def digest_of(campaign_run_id: str, entries: list[dict[str, Any]]) -> str:
    """SHA-256 over which list it is and what its files say: what an approval speaks of.

    An encrypted file is told by its content, as its bytes are others each time.
    """
    said = [
        {name: entry.get(name) for name in _APPROVED}
        | ({"file_sha256": entry.get("sha256")} if entry.get("encrypted") else {})
        for entry in entries
    ]
    return hashlib.sha256(json.dumps([campaign_run_id, said], sort_keys=True).encode()).hexdigest()


def has_bytes(folder: Path, entry: dict[str, Any]) -> bool:
    """Whether the file of a manifest's entry lies there with the bytes that were written."""
    path = folder / entry["file"]
    return path.is_file() and sha256_of(path) == entry.get("file_sha256")


def why_another(folder: Path, entry: dict[str, Any], keys: ListKeys | None) -> str | None:
    """Why the file of a manifest's entry is not the list it was written as; None where it is.

    An encrypted file is opened and held against the list's own digest as well.
    """
    path = folder / entry["file"]
    if not path.is_file():
        return f"{path.name} is missing"
    if entry["encrypted"]:
        if keys is None:
            return f"{path.name} is encrypted, and campaigns.list_identity_file names nothing to open it with"
        try:
            if open_list(path, keys) != entry["sha256"]:
                return f"{path.name} holds another list"
        except CampaignError as error:
            return error.message
    return None if has_bytes(folder, entry) else f"{path.name} has other bytes than were written"


def clear_others(folder: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Take away files of the same channels in another form, such as open ones that encrypted ones took the place of."""
    kept = {entry["file"] for entry in entries}
    for entry in entries:
        for path in folder.glob(f"{entry['file'].partition('.')[0]}.*"):
            if path.name not in kept and path.is_file():
                path.unlink()


def write_manifest(folder: Path, manifest: dict[str, Any], name: str = "manifest.json") -> None:
    """Write a manifest in one step."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False, default=str) + "\n"
    write_atomically(folder / name, text, private=True)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder, or None where there is none."""
    file = folder / "manifest.json"
    if not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return _digest(stream)


def _digest(stream: BinaryIO) -> str:
    told = _Told()
    while block := stream.read(_BLOCK):
        told.write(block)
    return told.hexdigest()
