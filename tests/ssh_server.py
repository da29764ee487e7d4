"""A real OpenSSH server for tests, on a free port of this machine, that lets one key in."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path("/usr/sbin/sshd")
PATIENCE_S = 20


@dataclass
class SshServer:
    """Where it answers, the key that it lets in, and the file that knows it."""

    folder: Path
    port: int
    key: Path
    known_hosts: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        """Folder that lists are delivered to."""
        return self.folder / "lists"

    @property
    def url(self) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{self.root}"

    def stop(self) -> None:
        """End it with all its connections, each a process of its own."""
        if self.process is None:
            return
        import psutil

        server = psutil.Process(self.process.pid)
        for connection in server.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                connection.kill()
        self.process.kill()
        self.process.wait()
        self.process = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = (self.folder / "sshd.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [str(PROGRAM), "-D", "-e", "-f", str(self.folder / "sshd_config")], stdout=log, stderr=log
            )
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                    assert line.recv(4) == b"SSH-"
                    return
            except OSError:
                said = (self.folder / "sshd.log").read_text()
                assert self.process.poll() is None, said
                assert time.monotonic() < until, said
                time.sleep(0.05)


def make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True)
    return path


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Run a server until the block ends; skips the test where OpenSSH's is not installed."""
    if not PROGRAM.exists() or not shutil.which("ssh-keygen"):
        pytest.skip(
            f"{PROGRAM} and ssh-keygen are not here: install openssh-server to deliver to a real server"
        )
    if os.geteuid() == 0:
        # Debian's service makes it at start; sshd refuses to run as root without it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    (folder / "lists").mkdir(parents=True)
    key, host = make_key(folder / "login"), make_key(folder / "host")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {key}.pub\nPidFile none\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nMaxStartups 100\nSubsystem sftp internal-sftp\n"
    )
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {Path(f'{host}.pub').read_text()}")
    server = SshServer(folder, port, key, known)
    server.start()
    try:
        yield server
    finally:
        server.stop()
