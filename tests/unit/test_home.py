"""A home is private, whoever made it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wattmark.errors import ServiceError
from wattmark.home import tighten


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_home(folder: Path) -> Path:
    home = folder / "home"
    (home / "campaigns").mkdir(parents=True)
    (home / "settings.yaml").write_text("utility: {}\n")
    (home / "campaigns" / "one.yaml").write_text("id: one\n")
    for path in (home, home / "campaigns"):
        path.chmod(0o755)
    for path in (home / "settings.yaml", home / "campaigns" / "one.yaml"):
        path.chmod(0o644)
    return home


def test_an_open_home_is_closed_with_all_that_lies_in_it(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    outside = tmp_path / "outside"
    outside.write_text("not mine to close")
    outside.chmod(0o644)
    (home / "link").symlink_to(outside)
    tighten(home)
    assert (mode(home), mode(home / "campaigns")) == (0o700, 0o700)
    assert mode(home / "settings.yaml") == mode(home / "campaigns" / "one.yaml") == 0o600
    assert mode(outside) == 0o644


def test_a_group_may_pass_and_not_look(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    group = os.getgid() if os.geteuid() else 65_534
    tighten(home, group)
    assert (mode(home), home.stat().st_gid) == (0o710, group)
    assert mode(home / "campaigns") == 0o700
    tighten(home)
    assert mode(home) == 0o700


@pytest.mark.parametrize("rights", [0o777, 0o1777, 0o1700, 0o757])
def test_a_folder_of_everybody_is_no_home(tmp_path: Path, rights: int) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(rights)
    with pytest.raises(ServiceError, match=r"services\.home_shared"):
        tighten(shared)
    assert mode(shared) == rights


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_an_open_home_of_somebody_else_is_refused(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    for folder in (home, *home.parents):
        if folder.is_relative_to(Path("/tmp")) and folder != Path("/tmp"):
            folder.chmod(0o755)
    code = (
        "import os, sys, pathlib; from wattmark.errors import ServiceError; from wattmark.home import tighten\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: tighten(pathlib.Path(sys.argv[1]))\n"
        "except ServiceError as error: print(error.code)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "services.home_not_private"


def test_what_the_command_line_makes_is_its_owners_alone(tmp_path: Path) -> None:
    target = tmp_path / "sample"
    subprocess.run(
        [
            "/bin/sh", "-c", 'umask 022; exec "$0" -m wattmark sample --out "$1" --accounts 60 --format csv --interval-days 1 --as-of 2026-10-15',
            sys.executable, str(target),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    found = [path for path in target.rglob("*") if mode(path) & 0o077]
    assert found == []
