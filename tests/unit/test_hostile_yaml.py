"""Whatever stands in a YAML file, the answer is a mistake with file and line, never a traceback."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wattmark import cli
from wattmark.campaign.definition import read_campaign
from wattmark.contract import load_contract
from wattmark.derive.target_file import read_targets
from wattmark.engine.catalog import Catalog
from wattmark.errors import WattmarkError
from wattmark.quality.checks import suite_of
from wattmark.settings import PROJECT_ROOT, load_settings
from wattmark.yamlfile import MAX_DEPTH, line_of, parse_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{letter}: &{letter} [{', '.join(['*' + before] * 9)}]\n"
    for before, letter in zip("abcdefgh", "bcdefghi", strict=True)
)

# What stands in the file by what is wrong with it, and the line that must be named.
HOSTILE: dict[str, tuple[bytes, int]] = {
    "utf-16 with a mark": ("utility: {country: CN}\n".encode("utf-16"), 1),
    "utf-16 without a mark": ("utility: {country: CN}\n".encode("utf-16-le"), 1),
    "utf-32": ("utility: {country: CN}\n".encode("utf-32"), 1),
    "gb18030": ("a: b\n# 供电公司的设置\n".encode("gb18030"), 2),
    "latin-1": ("a: b\nc: d\ne: Malmö\n".encode("latin-1"), 3),
    "half a letter": (b"a: b\nc: \xe4\xbe", 2),
    "nul": (b"a: b\nc: \x00\n", 2),
    "escape": (b"a: \x1b[31mred\n", 1),
    "bell in a comment": (b"a: b\n# \x07\n", 2),
    "nothing but nul": (b"\x00" * 100, 1),
    "random bytes": (bytes(range(256)) * 4, 2),
    "tab as indent": (b"utility:\n\tcountry: CN\n", 2),
    "no such day": (b"a: b\nday: 2026-02-30\n", 2),
    "no such month": (b"day: 2026-13-01\n", 1),
    "no such hour": (b"at: 2026-01-01 25:00:00\n", 1),
    "a list": (b"- a\n- b\n", 1),
    "a word": (b"hello\n", 1),
    "a number": (b"42\n", 1),
    "an open bracket": (b"a: [1, 2\nb: 3\n", 2),
    "an open quote": (b'a: "b\nc: d\n', 3),
    "deep lists": (b"a: " + b"[" * 5000 + b"]" * 5000, 1),
    "deep mappings": ("\n".join(" " * at + f"k{at}:" for at in range(900)).encode(), MAX_DEPTH + 1),
    "aliases of aliases": (BOMB.encode(), 6),
    "an alias to itself": (b"a: &a [*a]\n", 1),
    "an alias to nothing": (b"a: *nowhere\n", 1),
    "a key twice": (b"utility: {country: CN}\nutility: {country: NO}\n", 2),
    "a merge of a word": (b"a:\n  <<: word\n", 2),
    "a huge number": (b"a: b\nc: " + b"9" * 6000, 2),
    "a number beyond 64 bits": (b"a: 123456789012345678901234567890\n", 1),
    "not a number": (b"a: .nan\n", 1),
    "infinite": (b"a: -.inf\n", 1),
    "two documents": (b"a: b\n---\nc: d\n", 2),
    "a list as a key": (b"? [a, b]\n: c\n", 1),
    "a day as a key": (b"2026-01-01: c\n", 1),
    "nothing as a key": (b"~: c\n", 1),
    "true as a key": (b"true: c\n", 1),
    "a number as a key": (b"1: c\n", 1),
    "yes as a key": (b"yes: c\n", 1),
    "a python object": (b"a: !!python/object/apply:os.system ['true']\n", 1),
    "a tag of nobody": (b"a: !thing b\n", 1),
    "an empty tag": (b"a: !!int ''\n", 1),
    "binary that is none": (b"a: !!binary '*'\n", 1),
    "a percent sign": (b"a: %b\n", 1),
    "an at sign": (b"a: @b\n", 1),
    "a directive": (b"%FOO bar\n", 1),
    "an unknown key": (b"no_such_key: 1\n", 1),
}
OTHERS = ("a folder", "a link to nowhere", "a fifo", "too large")
READERS = ("settings", "campaign", "expectations", "targets")
EMPTY = (b"", b"\n\n", b"# nothing\n", b"---\n", b"\xef\xbb\xbf")


def put(path: Path, kind: str) -> None:
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "a folder":
        path.mkdir()
    elif kind == "a link to nowhere":
        path.symlink_to("nowhere.yaml")
    elif kind == "a fifo":
        os.mkfifo(path)
    elif kind == "too large":
        path.write_bytes(b"# " + b"x" * 6_000_000)
    else:
        path.write_bytes(HOSTILE[kind][0])


def read(reader: str, folder: Path, kind: str) -> Path:
    """Read the file as its reader does; the file's path."""
    if reader == "settings":
        put(path := folder / "settings.yaml", kind)
        load_settings(folder)
    elif reader == "campaign":
        put(path := folder / "campaigns" / "one.yaml", kind)
        read_campaign(path)
    elif reader == "targets":
        put(path := folder / "targets.yaml", kind)
        read_targets(folder, Catalog(load_contract(), {}))
    else:
        put(path := folder / "customer.yaml", kind)
        suite_of(load_contract().tables["customer"], folder)
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", [*HOSTILE, *OTHERS])
def test_a_hostile_file_is_refused_with_file_and_line(tmp_path: Path, reader: str, kind: str) -> None:
    with pytest.raises(WattmarkError) as refused:
        read(reader, tmp_path, kind)
    said = refused.value.errors[0]
    assert said.remedy or reader != "settings"
    place = re.search(r"(\S+\.yaml):(\d+): ", said.message)
    assert place, said.message
    assert place[1].startswith(str(tmp_path))
    if kind in HOSTILE:
        assert int(place[2]) in (HOSTILE[kind][1], *([1] if "key" in kind or "merge" in kind else []))
    assert len(said.message) < 1000


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("reader", READERS)
def test_a_file_without_permission_is_refused(tmp_path: Path, reader: str) -> None:
    name = {
        "settings": "settings.yaml", "campaign": "campaigns/one.yaml", "expectations": "customer.yaml", "targets": "targets.yaml",
    }  # fmt: skip
    path = tmp_path / name[reader]
    path.parent.mkdir(exist_ok=True)
    path.write_text("a: b\n")
    path.chmod(0)
    with pytest.raises(WattmarkError, match="Permission"):
        if reader == "settings":
            load_settings(tmp_path)
        elif reader == "campaign":
            read_campaign(path)
        elif reader == "targets":
            read_targets(tmp_path, Catalog(load_contract(), {}))
        else:
            suite_of(load_contract().tables["customer"], tmp_path)


@pytest.mark.parametrize("content", EMPTY)
def test_an_empty_settings_file_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "settings.yaml").write_bytes(content)
    assert load_settings(tmp_path) == load_settings(tmp_path)


def test_anchors_and_merge_keys_that_people_write_are_read() -> None:
    text = "base: &base {a: 1, b: 2}\nmore: &more\n  <<: *base\n  b: 3\nlast:\n  <<: [*more, *base]\n  c: *base\n"
    assert parse_yaml(text, "text") == {
        "base": {"a": 1, "b": 2},
        "more": {"a": 1, "b": 3},
        "last": {"a": 1, "b": 3, "c": {"a": 1, "b": 2}},
    }


def test_norway_is_no_refusal() -> None:
    assert parse_yaml("country: NO\nanswer: yes\nflag: true\n", "text") == {
        "country": "NO",
        "answer": "yes",
        "flag": True,
    }


def test_the_line_of_a_key_path(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("# first\na:\n  - b: 1\n  - b: 2\n    0.38: x\n")
    assert line_of(path, ["a", 1, "0.38"]) == 5
    assert line_of(path, ["a", 1, "nothing"]) == 4
    assert line_of(path, ["nothing"]) is None


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project whose expectations may be changed, and a home in which its files have been parsed before."""
    project, home = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("home")
    (home / "state").mkdir()
    for name in ("include", "dags", "plugins", "migrations"):
        (project / name).symlink_to(PROJECT_ROOT / name)
    shutil.copytree(PROJECT_ROOT / "expectations", project / "expectations")
    return project, home


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
# Every kind is tried on the reader itself, above; starting the commands takes seconds each.
@pytest.mark.parametrize("kind", [*HOSTILE, *OTHERS][::8])
def test_no_command_ends_in_a_traceback(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, reader: str, kind: str
) -> None:
    project, home = places
    monkeypatch.setenv("WATTMARK_PROJECT", str(project))
    path = {
        "settings": home / "settings.yaml",
        "campaign": home / "campaigns" / "one.yaml",
        "expectations": project / "expectations" / "customer.yaml",
        "targets": home / "targets.yaml",
    }[reader]
    put(path, kind)
    if not cli.app.registered_commands:
        cli.mount()
    try:
        for command in (
            ["check", "--home", str(home)],
            ["run", "--as-of", "2026-10-15", "--home", str(home)],
            ["campaign", "check", "--home", str(home)],
        ):
            ended = CliRunner().invoke(cli.app, command)
            if command[0] == "campaign" and reader in ("expectations", "targets"):
                assert ended.exit_code == 0, ended.output
                continue
            assert ended.exit_code == 1
            assert isinstance(ended.exception, (WattmarkError, SystemExit)), ended.exception
            assert f"{path}:" in f"{ended.exception} {ended.output}"
    finally:
        if reader == "expectations":
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            shutil.copy(PROJECT_ROOT / "expectations" / "customer.yaml", path)
        elif path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
