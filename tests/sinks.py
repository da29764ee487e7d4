"""Real servers of the tests' own that keep what they are sent: one for mail, one for webhooks."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Mailed:
    """One mail as it arrived."""

    recipients: list[str]
    subject: str
    text: str


@dataclass
class Sinks:
    """Where the servers listen, and what they were sent."""

    smtp_port: int = 0
    http_port: int = 0
    mails: list[Mailed] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    status: int = 200

    @property
    def connection(self) -> str:
        """The mail server as an Airflow connection."""
        return f"smtp://127.0.0.1:{self.smtp_port}?disable_ssl=true&disable_tls=true"

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/hook?token=SECRET-TOKEN"


@contextlib.contextmanager
def sinks() -> Iterator[Sinks]:
    """Both servers on free ports, stopped at the end."""
    found = Sinks()

    class Smtp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 sink\r\n")
            recipients: list[str] = []
            while line := self.rfile.readline():
                word = line.split(b" ")[0].strip().upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                    body = message.get_body(("html", "plain"))
                    found.mails.append(
                        Mailed(recipients, str(message["Subject"]), body.get_content() if body else "")
                    )
                elif word == b"RCPT":
                    recipients.append(line.decode().split("<")[1].split(">")[0])
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                if word == b"QUIT":
                    return

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.posts.append(json.loads(body))
            found.headers.append(dict(self.headers))
            found.paths.append(self.path)
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return None

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with (
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as smtp,
        ThreadingHTTPServer(("127.0.0.1", 0), Hook) as http,
    ):
        smtp.daemon_threads = http.daemon_threads = True
        found.smtp_port, found.http_port = smtp.server_address[1], http.server_address[1]
        threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in (smtp, http)]
        for thread in threads:
            thread.start()
        try:
            yield found
        finally:
            smtp.shutdown()
            http.shutdown()
