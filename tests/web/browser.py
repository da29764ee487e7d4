"""A real browser without a window (Playwright): what a page is once it is laid out, and what axe finds in it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_LOOK = """() => {
  const root = document.documentElement;
  const ink = getComputedStyle(document.body).color, paper = getComputedStyle(root).backgroundColor;
  const dim = (text) => { const n = text.match(/[0-9.]+/g).map(Number); return n.length > 3 && n[3] === 0 ? null : (n[0] + n[1] + n[2]) / 3; };
  return {
    title: document.title, lang: root.lang, mains: document.querySelectorAll('main').length,
    wide: root.scrollWidth - root.clientWidth, ink: dim(ink), paper: dim(paper),
    scheme: getComputedStyle(root).colorScheme, text: document.body.innerText,
    hidden: [...document.querySelectorAll('main table')].filter((table) => table.offsetHeight === 0).length,
    links: [...document.querySelectorAll('a[href]')].map((link) => link.href),
    images: [...document.images].filter((image) => image.complete && image.naturalWidth === 0).map((image) => image.src),
    address: location.href,
  };
}"""


@dataclass
class Seen:
    """A page as laid out: what ``_LOOK`` measures, and what the browser complained of."""

    status: int
    complaints: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return self.measured[name]


class Browser:
    """One tab; ``page`` is Playwright's, for what ``look`` does not do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._complaints.append(str(error)))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning") and "favicon" not in (message.location or {}).get("url", ""):
            self._complaints.append(message.text)

    def look(self, url: str, *, width: int = 1200, dark: bool = False, shot: Path | None = None) -> Seen:
        """Load a page at a width in CSS pixels, and measure it."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self._complaints.clear()
        response = self.page.goto(url, wait_until="load", timeout=60_000)
        measured = self.page.evaluate(_LOOK)
        if shot:
            self.page.screenshot(path=shot)
        return Seen(response.status if response else 0, list(self._complaints), measured)

    def violations(self) -> list[str]:
        """What axe finds wrong with the page that stands there: rule, and the first element of each."""
        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {each['help']} {each['nodes'][0]['html'][:200]}" for each in found]


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own, ended and forgotten afterwards; a machine without one skips the test."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-quic",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        )  # fmt: skip
        try:
            yield Browser(chromium.new_page())
        finally:
            chromium.close()
