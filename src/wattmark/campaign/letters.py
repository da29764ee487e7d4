"""Printed letters: one PDF of a list, an address where the envelope has its window, and the contact's code.

Measures are those of DIN 5008 on A4: the address field lies 20 mm from the left and, by form, 45 or 27 mm from the top;
it fits envelopes DL and C4 with a window on the left. The same letters are the same file.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

from fpdf import FPDF
from fpdf.fonts import TTFFont

from wattmark.campaign.definition import CampaignError
from wattmark.campaign_settings import Letters

# It tells of each table of the font that it cuts down.
logging.getLogger("fontTools").setLevel(logging.WARNING)

TOP_MM = {"din5008-b": 45.0, "din5008-a": 27.0}
WIDTH_MM, TEXT_LEFT_MM, TEXT_WIDTH_MM = 85.0, 25.0, 165.0
RECIPIENT_MM, RECIPIENT_LINES = 17.7, 6
"""The address begins below the line of the sender; six lines are seen."""
_BODY_MM, _BOTTOM_MM, _LINE_MM = 58.5, 275.0, 5.4
_FOLDS_MM = {"din5008-b": (105.0, 210.0), "din5008-a": (87.0, 192.0)}
_SIZE, _SMALL = 11, 7
_WORD = re.compile(r"\s+|[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+|.")
_NOT_FIRST = "，。、；：？！）》」』】”’,.;:?!)"
"""Characters that no line begins with."""


@dataclass(frozen=True)
class Letter:
    """One letter: whom it goes to, line by line, and what it says."""

    address: tuple[str, ...]
    subject: str
    text: str
    code: str
    day: str


def font_path(settings: Letters) -> Path:
    """The font that letters are set in.

    Raises:
        CampaignError: the utility's own font is not there.
    """
    if settings.font_file is not None:
        if not settings.font_file.is_file():
            raise CampaignError(
                "campaign.letter_font",
                f"{settings.font_file} is no font.",
                "Correct campaigns.messages.letters.font_file.",
            )
        return settings.font_file
    import pylopdf_fonts_zh_cn as fonts

    return Path(str(fonts.__file__)).with_name("NotoSansSC-Regular.otf")


@cache
def _characters(font: Path) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def unprintable(texts: Iterable[str], settings: Letters) -> str:
    """The first character of some texts that the font has not; empty where it has all."""
    known = _characters(font_path(settings))
    for text in texts:
        # Few letters differ in a text, and hardly any is unknown.
        unknown = {letter for letter in set(text) if ord(letter) not in known and not unicodedata.category(letter).startswith("C")}  # fmt: skip
        if unknown:
            return next(letter for letter in text if letter in unknown)
    return ""


def printable(text: str, settings: Letters) -> str:
    """A text without characters that the font has not: a box stands for each."""
    while unknown := unprintable([text], settings):
        text = text.replace(unknown, "□" if unknown != "□" else "?")
    return text


def _opened(font: Path, texts: Iterable[str] = ()) -> FPDF:
    """An empty PDF with a font, or with as much of it as some texts need: its 30,000 glyphs are looked at one by one."""
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    # The same letters are the same file, so it carries no time of its making.
    pdf.set_creation_date(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    needed = sorted({ord(letter) for text in texts for letter in text})
    pdf.add_font("letters", fname=str(font), unicode_range=needed or None)
    # The box around all glyphs stays the whole font's: drawing each of those that are kept anew takes half of all the time.
    cast(TTFFont, pdf.fonts["letters"]).ttfont.recalcBBoxes = False
    return pdf


class Lines:
    """Breaks texts into lines; how wide each letter of a font is is asked once a process."""

    def __init__(self, font: Path) -> None:
        self._pdf = _opened(font)
        self._widths: dict[tuple[int, str], float] = {}

    def _width(self, text: str, size: int) -> float:
        total = 0.0
        for letter in text:
            width = self._widths.get((size, letter))
            if width is None:
                self._pdf.set_font("letters", size=size)
                width = self._widths[(size, letter)] = self._pdf.get_string_width(letter)
            total += width
        return total

    def wrapped(self, text: str, width_mm: float, size: int = _SIZE) -> list[str]:
        """A text in lines no wider than so many mm; words stay whole where they fit, Chinese breaks anywhere."""
        lines = []
        for paragraph in text.splitlines() or [""]:
            line, used = "", 0.0
            for word in _WORD.findall(paragraph):
                wide = self._width(word, size)
                if line and used + wide > width_mm and word not in _NOT_FIRST:
                    lines.append(line.rstrip())
                    line, used = "", 0.0
                    word = word.lstrip()
                while self._width(word, size) > width_mm:
                    fits = next(
                        at
                        for at in range(len(word), 0, -1)
                        if at == 1 or self._width(word[:at], size) <= width_mm
                    )
                    lines.append(word[:fits])
                    word = word[fits:]
                line, used = line + word, used + self._width(word, size)
            lines.append(line.rstrip())
        return lines

    def address(self, parts: Sequence[str]) -> list[str]:
        """A recipient in lines as wide as the window."""
        return [line for part in parts for line in self.wrapped(part, WIDTH_MM - 7)]


@cache
def lines_of(font: Path) -> Lines:
    """The lines of a font, which takes a third of a second to open."""
    return Lines(font)


class Printer:
    """A PDF that is being written; ``at`` is the height of the next line on the page, in mm.

    Args:
        settings: form and font.
        sender: the small line above the address.
        letters: all that will be written.
    """

    def __init__(self, settings: Letters, sender: str, letters: Iterable[Letter]) -> None:
        font = font_path(settings)
        self.form, self.sender = settings.window, sender
        self.lines = lines_of(font)
        texts = (text for each in letters for text in (*each.address, each.subject, each.text, each.code, each.day))  # fmt: skip
        self.pdf = _opened(font, (sender, " ", *texts))
        self.at = 0.0

    def page(self) -> None:
        """Begin a page, with marks where it is folded."""
        self.pdf.add_page()
        for fold in _FOLDS_MM[self.form]:
            self.pdf.line(4, fold, 8, fold)

    def put(self, x: float, y: float, text: str, size: int = _SIZE) -> None:
        """A line with its base at a place."""
        if text:
            self.pdf.set_font("letters", size=size)
            self.pdf.text(x, y, text)

    def letter(self, letter: Letter) -> None:
        """A letter on pages of its own."""
        self.page()
        top = TOP_MM[self.form]
        self.put(
            TEXT_LEFT_MM,
            top + RECIPIENT_MM - 3,
            self.lines.wrapped(self.sender, WIDTH_MM - 7, _SMALL)[0],
            _SMALL,
        )
        for at, line in enumerate(self.lines.address(letter.address)):
            self.put(TEXT_LEFT_MM, top + RECIPIENT_MM + 4 + at * 4.6, line)
        self.put(125, top + RECIPIENT_MM + 4, letter.day)
        self.put(125, top + RECIPIENT_MM + 4 + _LINE_MM, letter.code)
        self.at = top + _BODY_MM
        for line in [*self.lines.wrapped(letter.subject, TEXT_WIDTH_MM, _SIZE + 2), ""]:
            self._line(line, _SIZE + 2)
        for line in self.lines.wrapped(letter.text, TEXT_WIDTH_MM):
            self._line(line, _SIZE)

    def _line(self, text: str, size: int) -> None:
        if self.at > _BOTTOM_MM:
            self.page()
            self.at = 25.0
        self.put(TEXT_LEFT_MM, self.at, text, size)
        self.at += _LINE_MM * (1.2 if size > _SIZE else 1)


def address_lines(name: str, postal_address: str, postcode: str) -> tuple[str, ...]:
    """A recipient, part by part."""
    return tuple(part for part in (name, postal_address, postcode) if part)


def write_letters(letters: Sequence[Letter], settings: Letters, sender: str, stream: BinaryIO) -> None:
    """Write letters one after the other as a PDF, each on a new sheet.

    Args:
        letters: in the order of their list.
        settings: form and font.
        sender: the small line above the address.
        stream: where to.
    """
    printer = Printer(settings, sender, letters)
    for letter in letters:
        printer.letter(letter)
    stream.write(bytes(printer.pdf.output()))
