"""What other accounts of the machine, and strangers at the login, get of a home: nothing."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from wattmark.home import secret
from wattmark.local import services
from wattmark.local.processes import next_free_port
from wattmark.settings import Settings, load_settings

from .homes import open_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass
class Night:
    """A home that was there, open to all, before its first night."""

    settings: Settings
    output: str


@pytest.fixture(scope="module")
def night() -> Iterator[Night]:
    with open_folder() as folder:
        home = folder / "home"
        home.mkdir()
        (home / "settings.yaml").write_text(
            f"services: {{postgres_port: {next_free_port(15_700)}, airflow_port: {next_free_port(18_700)}}}\n"
        )
        home.chmod(0o755)
        (home / "settings.yaml").chmod(0o644)
        settings = load_settings(home)
        sample = [
            "sample", "--out", str(folder / "source"), "--accounts", "60", "--format", "csv", "--as-of", "2026-10-15",
            "--interval-days", "8",
        ]  # fmt: skip
        run = ["run", "--source", str(folder / "source"), "--as-of", "2026-10-15", "--home", str(home)]
        try:
            output = ""
            for arguments in (sample, run, ["up", "--home", str(home)]):
                done = subprocess.run(
                    [
                        "/bin/sh", "-c", 'umask 022; exec "$0" -m wattmark "$@"', sys.executable, *arguments,
                    ],
                    capture_output=True,
                    text=True,
                    check=False,
                )  # fmt: skip
                output += done.stdout + done.stderr
                assert done.returncode == 0, output[-3000:]
            yield Night(settings, output)
        finally:
            services.discard(settings)


def test_nothing_of_a_home_is_open_to_others(night: Night) -> None:
    home = night.settings.home
    found = []
    for path in [home, *home.rglob("*")]:
        rights = path.lstat()
        if stat.S_ISLNK(rights.st_mode):
            continue
        # PostgreSQL's account passes through the home where root has made it, and nobody looks into it.
        allowed = 0o710 if path == home and os.geteuid() == 0 else 0o700
        if stat.S_IMODE(rights.st_mode) & ~allowed:
            found.append((str(path.relative_to(home)), oct(stat.S_IMODE(rights.st_mode))))
    assert found == []
    assert (home / "lake" / "mart").is_dir()
    assert list((home / "logs").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_another_account_reads_nothing(night: Night) -> None:
    stranger = next(
        user for user in pwd.getpwall() if user.pw_uid not in (0, 65_534) and user.pw_name != "postgres"
    )
    for path in ("", "settings.yaml", "lake", "secrets.json"):
        done = subprocess.run(
            ["/bin/sh", "-c", 'cat "$0" || ls "$0"', str(night.settings.home / path)],
            user=stranger.pw_uid,
            group=stranger.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
        assert done.returncode != 0
        assert done.stdout == b""


def test_who_guesses_the_password_has_to_wait(night: Night) -> None:
    web = services.airflow_url(night.settings)
    right = {"username": "admin", "password": secret(night.settings.home, "airflow_admin")}

    def log_in(said: dict[str, str]) -> int:
        # The first answer of a server that has just begun may take longer than httpx waits by itself.
        return httpx.post(f"{web}/auth/token", json=said, trust_env=False, timeout=60).status_code

    assert log_in(right) == 201
    assert [log_in({**right, "password": f"wrong{at}"}) for at in range(10)] == [401] * 10
    assert log_in({**right, "password": "wrong"}) == 429
    assert log_in(right) == 429
