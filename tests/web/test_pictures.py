"""The pictures of the README, taken of the pages of a home by `make pictures`, and what holds of those that are there."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.web.browser import CHROMIUM, browser
from tests.web.test_browser import served
from wattmark.settings import PROJECT_ROOT, load_settings
from wattmark.web.pages import pages_app

FOLDER = PROJECT_ROOT / "docs" / "pictures"
WIDTH = 1200
MOST_BYTES = 150_000
TAKEN = os.environ.get("WATTMARK_PICTURES")
"""Set by `make pictures`, beside WATTMARK_HOME: whose pages are taken."""
# Name, who looks, the page, whether the first of it that is listed is gone to, what must be there, and how much of the page is shown.
PICTURES = (
    ("inbox", "billing", "/cases/?view=mine", False, "tbody tr", 900),
    ("case", "billing", "/cases/?view=mine", True, "svg.chart", 1400),
    ("key-figures", "manager", "/figures/", False, "tbody tr", 900),
)


def compressed(shot: bytes) -> bytes:
    """The same as a PNG of 64 colours, which the pages' few are told by."""
    made = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(64).save(made, "PNG", optimize=True)
    return made.getvalue()


@pytest.mark.skipif(not TAKEN, reason="pictures are taken by make pictures")
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize(("name", "login", "path", "goes_on", "holds", "height"), PICTURES)
def test_a_picture_is_taken(name: str, login: str, path: str, goes_on: bool, holds: str, height: int) -> None:
    app = pages_app(load_settings(), guards=[], who=lambda: login)
    with served(app) as site, browser() as tab:
        seen = tab.look(f"{site}{path}{'&' if '?' in path else '?'}language=en", width=WIDTH)
        if goes_on:
            tab.page.get_by_role("link", name="Next one").click()
        tab.page.set_viewport_size({"width": WIDTH, "height": height})
        assert seen.status == 200 and tab.page.locator(holds).count() > 0
        text = tab.page.inner_text("main")
        assert not re.search(r"No case is like this|Nothing\.|None\b|no entry among", text), text
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= WIDTH
        shot = compressed(tab.page.screenshot())
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.png").write_bytes(shot)


@pytest.mark.parametrize("name", [name for name, *_ in PICTURES])
def test_a_picture_of_the_readme_is_there_and_small(name: str) -> None:
    file = FOLDER / f"{name}.png"
    assert f"docs/pictures/{name}.png" in (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    assert file.stat().st_size < MOST_BYTES
    with Image.open(file) as picture:
        assert picture.width == WIDTH and len(picture.convert("RGB").getcolors(1 << 24) or []) > 8


def test_no_picture_is_left_over() -> None:
    assert {Path(file).stem for file in FOLDER.iterdir()} == {name for name, *_ in PICTURES}
