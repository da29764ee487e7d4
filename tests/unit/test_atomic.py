"""Files are replaced in one step, whoever else writes them, and a private one is private from its first byte."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from wattmark.atomic import write_atomically


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("content", ["电费", "电费".encode(), lambda stream: stream.write("电费".encode())])
def test_text_bytes_and_what_fills_a_stream(tmp_path: Path, content: object) -> None:
    file = tmp_path / "new" / "one.txt"
    write_atomically(file, content)  # type: ignore[arg-type]
    assert file.read_text(encoding="utf-8") == "电费"
    assert [path.name for path in file.parent.iterdir()] == ["one.txt"]
    assert (mode(file), mode(file.parent)) == (0o644, 0o755)


def test_a_private_file_is_never_open(tmp_path: Path) -> None:
    file = tmp_path / "new" / "one"
    seen: list[int] = []

    def fill(stream: BinaryIO) -> None:
        (draft,) = file.parent.iterdir()
        seen.append(mode(draft))
        stream.write(b"secret")

    write_atomically(file, fill, private=True)
    assert seen == [0o600]
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    file.chmod(0o644)
    write_atomically(file, b"another", private=True)
    assert mode(file) == 0o600


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "one"
    write_atomically(file, "old")

    def fill(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(file, fill)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_the_first_of_two_writers_stays(tmp_path: Path) -> None:
    file = tmp_path / "one"

    def fill(stream: BinaryIO) -> None:
        write_atomically(file, "first", replace=False)
        stream.write(b"second")

    write_atomically(file, fill, replace=False)
    assert file.read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
