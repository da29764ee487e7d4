"""List files: harmless in spreadsheets, the same each time, with a manifest, encrypted where a key is set.

A list is the only place, beside ``mart_pii``, where personal data leaves the pipeline. Files are readable by
their owner alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import xlsxwriter
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wattmark.campaign.definition import CampaignError

TRIGGERS = "=+\\-@\t\r\n＝＋－＠"
"""Characters with which a cell begins that spreadsheets take for a formula, full-width ones included."""

ESCAPE_PATTERN = rf"^[\s']*[{TRIGGERS}]"
NUMBER_PATTERN = r"^[+-]?[0-9]+([.][0-9]+)?$"
_ESCAPED = re.compile(rf"\A'[\s']*[{TRIGGERS}]")
_BLOCK = 1 << 20
_MAGIC = b"WMLIST1\n"


def escaped_sql(column: str) -> str:
    """SQL (DuckDB) of a text column as CSV carries it: what could be a formula gets an apostrophe before it.

    Args:
        column: a quoted column reference. Plain numbers, telephone numbers among them, stay as they are.
    """
    return (
        f"CASE WHEN regexp_matches({column}, '{ESCAPE_PATTERN.replace(chr(39), chr(39) * 2)}') "
        f"AND NOT regexp_matches({column}, '{NUMBER_PATTERN}') THEN '''' || {column} ELSE {column} END"
    )


def unescape(text: str) -> str:
    """The text as it was before it was made harmless."""
    return text[1:] if _ESCAPED.match(text) else text


def write_private_bytes(path: Path, write: Any) -> None:
    """Let ``write(stream)`` fill a file only its owner may read, and put it in place in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _write_plain(rows: pa.Table, form: str, stream: BinaryIO) -> None:
    if form == "csv":
        csv.write_csv(rows, stream, csv.WriteOptions(include_header=True, quoting_style="all_valid"))
    elif form == "parquet":
        pq.write_table(rows, stream, compression="zstd")
    else:
        _write_xlsx(rows, stream)


def _write_xlsx(rows: pa.Table, stream: BinaryIO) -> None:
    import datetime as dt

    if rows.num_rows > 1_048_575:
        raise CampaignError(
            "campaign.too_long", "A spreadsheet holds 1,048,575 rows.", "Choose csv or parquet."
        )
    book = xlsxwriter.Workbook(
        stream,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    # The same list is the same file, so it carries no time of its making.
    book.set_properties({"created": dt.datetime(2000, 1, 1), "author": "Wattmark"})
    sheet = book.add_worksheet("list")
    for at, name in enumerate(rows.column_names):
        sheet.write_string(0, at, name)
        for line, value in enumerate(rows.column(at).to_pylist(), start=1):
            if value is not None:
                sheet.write_string(line, at, value)
    book.close()


def write_list(folder: Path, stem: str, rows: pa.Table, form: str, key: bytes | None) -> dict[str, Any]:
    """Write one list.

    Args:
        folder: where to.
        stem: name without ending, the channel's.
        rows: text columns, made harmless already where the form is csv.
        form: csv, xlsx or parquet.
        key: 32 bytes, or None for an open file.

    Returns:
        the manifest's entry: file, rows, columns, sha256 (of the list itself), encrypted.
    """
    name = f"{stem}.{form}" + (".enc" if key else "")
    digest = hashlib.sha256()

    def write(stream: BinaryIO) -> None:
        if key is None:
            _write_plain(rows, form, stream)
            stream.seek(0)
            while block := stream.read(_BLOCK):
                digest.update(block)
            return
        plain = pa.BufferOutputStream()
        _write_plain(rows, form, plain)
        content = memoryview(plain.getvalue())
        digest.update(content)
        for part in encrypt(content, key):
            stream.write(part)

    write_private_bytes(folder / name, write)
    return {
        "file": name,
        "rows": rows.num_rows,
        "columns": rows.column_names,
        "sha256": digest.hexdigest(),
        "encrypted": key is not None,
    }


def encrypt(content: memoryview | bytes, key: bytes) -> Iterator[bytes]:
    """AES-256-GCM in blocks of 1 MiB; each block knows its place and whether it is the last one."""
    cipher, salt = AESGCM(key), secrets.token_bytes(8)
    yield _MAGIC + salt
    view = memoryview(content)
    blocks = max(1, -(-len(view) // _BLOCK))
    for at in range(blocks):
        last = at == blocks - 1
        sealed = cipher.encrypt(
            salt + struct.pack(">I", at),
            bytes(view[at * _BLOCK : (at + 1) * _BLOCK]),
            b"last" if last else b"more",
        )
        yield struct.pack(">I", len(sealed)) + sealed


def decrypt(path: Path, key: bytes) -> bytes:
    """The content of an encrypted list.

    Raises:
        CampaignError: another key, or the file was changed or cut off.
    """
    refused = CampaignError(
        "campaign.decrypt",
        f"{path} cannot be opened: another key, or a damaged file.",
        "Use the key it was written with.",
    )
    content, cipher, out, at, last = path.read_bytes(), AESGCM(key), [], 0, False
    if not content.startswith(_MAGIC) or len(content) < len(_MAGIC) + 8:
        raise refused
    salt = content[len(_MAGIC) : len(_MAGIC) + 8]
    place = len(_MAGIC) + 8
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        sealed = content[place + 4 : place + 4 + size]
        place += 4 + size
        last = place >= len(content)
        try:
            out.append(cipher.decrypt(salt + struct.pack(">I", at), sealed, b"last" if last else b"more"))
        except InvalidTag:
            raise refused from None
        at += 1
    if not last:
        raise refused
    return b"".join(out)


def digest_of(entries: list[dict[str, Any]]) -> str:
    """SHA-256 over what the lists say: what an approval speaks of."""
    said = [{name: entry[name] for name in ("channel", "rows", "columns", "sha256")} for entry in entries]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write ``manifest.json`` in one step."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False, default=str) + "\n"
    write_private_bytes(folder / "manifest.json", lambda stream: stream.write(text.encode()))


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder, or None where there is none."""
    file = folder / "manifest.json"
    if not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
