"""A key of the home that is the same in each run of a test, and a font in which letters are soon set."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import fontTools
import pylopdf_fonts_zh_cn
import pytest
from fontTools import subset
from fontTools.ttLib import TTFont

from tests.ops_server import ops, warehouse_url
from wattmark.settings import PROJECT_ROOT

__all__ = ["ops", "warehouse_url"]


@pytest.fixture(autouse=True)
def same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first home of a test gets one key, the second another, so that each run draws the same arms: of few people all may
    fall into one."""
    drawn = itertools.count(1)
    made = SimpleNamespace(token_hex=lambda size: f"{next(drawn):02x}" * size)
    monkeypatch.setattr("wattmark.campaign.keys.secrets", made)


def _written() -> set[int]:
    """Every character that stands in the project's code, texts and tests, and all of Latin 1."""
    files = (
        file
        for folder in ("include", "src", "tests")
        for file in (PROJECT_ROOT / folder).rglob("*")
        if file.suffix in (".py", ".sql", ".yaml", ".html")
    )
    return {
        *range(0x100),
        *(ord(letter) for file in files for letter in set(file.read_text(encoding="utf-8"))),
    }


@pytest.fixture(scope="session")
def font_folder(request: pytest.FixtureRequest) -> Path:
    """A folder with the letters' own font less what no test writes: of its 30,000 glyphs each PDF asks every one.

    It is kept in pytest's cache as long as the same characters are written, and made by one of the workers.
    """
    whole, written = Path(str(pylopdf_fonts_zh_cn.__file__)).with_name("NotoSansSC-Regular.otf"), _written()
    digest = hashlib.sha256(
        f"{sorted(written)} {whole.stat().st_size} {fontTools.version}".encode()
    ).hexdigest()
    folder = request.config.cache.mkdir("font") / digest[:16]  # type: ignore[union-attr]
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / whole.name).exists():
            with TTFont(whole) as font:
                options = subset.Options(
                    notdef_outline=True, layout_features=[], name_IDs=["*"], drop_tables=["GSUB", "GPOS"]
                )
                cut = subset.Subsetter(options)
                cut.populate(unicodes=written)
                cut.subset(font)
                font.save(folder / "made")
            (folder / "made").rename(folder / whole.name)
    return folder


@pytest.fixture(scope="module", autouse=True)
def small_font(font_folder: Path) -> Iterator[None]:
    """The letters' font cut down."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pylopdf_fonts_zh_cn, "__file__", str(font_folder / "__init__.py"))
        yield
