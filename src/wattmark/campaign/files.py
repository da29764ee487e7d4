"""List files: harmless in spreadsheets, the same each time, with a manifest, encrypted where a key is set.

A list is the only place, beside ``mart_pii``, where personal data leaves the pipeline. Files are readable by
their owner alone.
"""

from __future__ import annotations

import codecs
import hashlib
import hmac
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import psutil
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wattmark.atomic import write_atomically
from wattmark.campaign.definition import CampaignError
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
_TRIGGER = "".join(rf"\x{{{ord(one):X}}}" for one in TRIGGERS)
ESCAPE_PATTERN = rf"^(?:['{_BEFORE}]*[{_TRIGGER}]|['{_BEFORE}]*[\t\r\n])"
"""RE2: a trigger at the beginning or behind what is not seen; or a tab or line end there, which some programs drop."""
NUMBER_PATTERN = r"^[+-]?[0-9]+([.][0-9]+)?$"
_ESCAPED = re.compile(
    "'" + re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: f"\\U{int(found[1], 16):08x}", ESCAPE_PATTERN[1:])
)
_DRAFT = re.compile(r"\A\..+\.(\d+)\.[0-9a-f]{8}\Z", re.DOTALL)
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


def write_list(
    folder: Path, stem: str, rows: pa.Table, form: str, key: bytes | None, look: Look = PLAIN
) -> dict[str, Any]:
    """Write one list.

    Args:
        folder: where to.
        stem: name without ending, the channel's.
        rows: text columns, made harmless already where the form is csv.
        form: csv, xlsx, parquet, or pdf where ``look`` draws it.
        key: 32 bytes, or None for an open file.
        look: how it is laid out.

    Returns:
        the manifest's entry: file, rows, columns, sha256 (of the list itself), file_sha256 (of the bytes that lie
        there and leave), encrypted.
    """
    name = f"{stem}.{form}" + (".enc" if key else "")
    digest, written = hashlib.sha256(), hashlib.sha256()

    def write(stream: BinaryIO) -> None:
        if key is None:
            _write_plain(rows, form, stream, look)
            stream.seek(0)
            while block := stream.read(_BLOCK):
                digest.update(block)
                written.update(block)
            return
        plain = pa.BufferOutputStream()
        _write_plain(rows, form, plain, look)
        content = memoryview(plain.getvalue())
        digest.update(content)
        for part in encrypt(content, key, f"{folder.name}/{name}"):
            written.update(part)
            stream.write(part)

    write_atomically(folder / name, write, private=True)
    return {
        "file": name,
        "rows": rows.num_rows,
        "columns": rows.column_names,
        "sha256": digest.hexdigest(),
        "file_sha256": written.hexdigest(),
        "encrypted": key is not None,
    }


def encrypt(content: memoryview | bytes, key: bytes, name: str = "") -> Iterator[bytes]:
    """AES-256-GCM in blocks of 1 MiB; each block knows its place and whether it is the last one.

    The salt follows from the key, the content and ``name``: the same list is the same file, so that what was
    approved can be told by its bytes, and no two contents share a nonce.
    """
    said = hashlib.sha256(content).digest() + name.encode()
    cipher, salt = AESGCM(key), hmac.digest(key, b"salt of a list" + said, "sha256")[:8]
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


_APPROVED = ("channel", "file", "rows", "columns", "sha256", "file_sha256", "encrypted")


def digest_of(campaign_run_id: str, entries: list[dict[str, Any]]) -> str:
    """SHA-256 over which list it is, what its files say and the bytes that leave: what an approval speaks of."""
    said = [{name: entry.get(name) for name in _APPROVED} for entry in entries]
    return hashlib.sha256(json.dumps([campaign_run_id, said], sort_keys=True).encode()).hexdigest()


def is_as_written(folder: Path, entry: dict[str, Any]) -> bool:
    """Whether the file of a manifest's entry lies there with the bytes that were written."""
    path = folder / entry["file"]
    return path.is_file() and sha256_of(path) == entry.get("file_sha256")


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
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
