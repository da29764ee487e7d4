"""A real browser without a window, spoken to over its own protocol: what a page is once it is laid out."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_LOOK = """(() => {
  const root = document.documentElement;
  const ink = getComputedStyle(document.body).color, paper = getComputedStyle(root).backgroundColor;
  const dim = (text) => { const n = text.match(/[0-9.]+/g).map(Number); return n.length > 3 && n[3] === 0 ? null : (n[0] + n[1] + n[2]) / 3; };
  return {
    title: document.title, lang: root.lang, mains: document.querySelectorAll('main').length,
    wide: root.scrollWidth - root.clientWidth, ink: dim(ink), paper: dim(paper),
    scheme: getComputedStyle(root).colorScheme, text: document.body.innerText,
    hidden: [...document.querySelectorAll('main table')].filter((one) => one.offsetHeight === 0).length,
    links: [...document.querySelectorAll('a[href]')].map((one) => one.href),
    images: [...document.images].filter((one) => one.complete && one.naturalWidth === 0).map((one) => one.src),
    address: location.href,
  };
})()"""


@dataclass
class Seen:
    """A page as laid out: what ``_LOOK`` measures, and what the browser complained of."""

    status: int
    complaints: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return self.measured[name]


class Browser:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._sent = 0
        self._events: list[dict[str, Any]] = []
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._sent:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._events.append(answer)

    def look(self, url: str, *, width: int = 1200, dark: bool = False, shot: Path | None = None) -> Seen:
        """Load a page at a width in CSS pixels, and measure it."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._events.clear()
        self.call("Page.navigate", url=url)
        until = time.monotonic() + 60
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            assert time.monotonic() < until, f"{url} does not load"
            with contextlib.suppress(TimeoutError):
                self._events.append(json.loads(self._socket.recv(timeout=1)))
        measured = self.call("Runtime.evaluate", expression=_LOOK, returnByValue=True)["result"]["value"]
        complaints = [
            event["params"]["entry"]["text"]
            for event in self._events
            if event.get("method") == "Log.entryAdded"
            and "favicon" not in event["params"]["entry"].get("url", "")
        ]
        responses = [
            event["params"]["response"]["status"]
            for event in self._events
            if event.get("method") == "Network.responseReceived" and event["params"]["type"] == "Document"
        ]
        if shot:
            data = self.call("Page.captureScreenshot", captureBeyondViewport=False)["data"]
            shot.write_bytes(base64.b64decode(data))
        return Seen(responses[-1] if responses else 0, complaints, measured)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own, ended and forgotten afterwards."""
    assert CHROMIUM
    folder = Path(tempfile.mkdtemp(prefix="wattmark-browser-"))
    process = subprocess.Popen(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        told = folder / "DevToolsActivePort"
        until = time.monotonic() + 60
        while not told.exists() or "\n" not in told.read_text():
            assert time.monotonic() < until and process.poll() is None, "the browser does not start"
            time.sleep(0.1)
        port = int(told.read_text().split("\n")[0])
        import httpx

        tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", timeout=30).json()
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        with connect(address, max_size=None, open_timeout=60) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)
