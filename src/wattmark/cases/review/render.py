"""A review as a page that needs nothing from elsewhere, and as a PDF with the same charts."""

from __future__ import annotations

import datetime as dt
import itertools
from functools import cache
from xml.etree.ElementTree import Element, fromstring

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, TextEmphasis
from fpdf.fonts import FontFace
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from wattmark.campaign.letters import font_path, printable
from wattmark.campaign_settings import Letters
from wattmark.cases.review.document import Block, Document
from wattmark.code_names import Language
from wattmark.page import page

LANGUAGE_TAGS: dict[Language, str] = {"en": "en", "zh": "zh-CN"}
_FONT = "review"
_BODY, _SMALL, _HEADING, _TITLE = 9, 7, 12, 15
_WIDTH_MM = 180.0
_THIN_MM = 0.15
_MARGIN_MM = 15.0
_INK, _GRID = (0, 0, 0), (205, 205, 205)
_BAR, _MARKED = (91, 143, 214), (201, 119, 43)
_POINTS_A_MM = 72 / 25.4
_LENGTHS = frozenset({"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"})


@cache
def _pages() -> Environment:
    return Environment(
        loader=PackageLoader("wattmark.cases.review", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def body(document: Document) -> Markup:
    """The review as HTML, to be put into a page."""
    found = _pages().get_template("review.html").render(document=document)
    return Markup(found)  # noqa: S704 - rendered with escaping


def as_page(document: Document) -> str:
    """The review as a whole page, charts and style in it."""
    return page(document.title, body(document), LANGUAGE_TAGS[document.language])


def as_pdf(document: Document, letters: Letters, day: dt.date) -> bytes:
    """The review as a PDF; the same review is the same file.

    Args:
        document: the review.
        letters: settings of letters, whose font is used.
        day: of the night it was made on; the file carries no other time.
    """
    pdf = FPDF(format="A4")
    pdf.set_creation_date(dt.datetime.combine(day, dt.time(), dt.UTC))
    pdf.add_font(_FONT, fname=str(font_path(letters)))
    pdf.set_title(document.title)
    pdf.set_lang(LANGUAGE_TAGS[document.language])
    pdf.set_margins(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    pdf.set_auto_page_break(True, margin=_MARGIN_MM)
    pdf.add_page()
    pdf.set_line_width(_THIN_MM)
    _line(pdf, printable(document.title, letters), _TITLE)
    heading = ""
    for block, follows in itertools.zip_longest(document.blocks, document.blocks[1:]):
        if block.kind == "heading":
            heading = block.text
            # Not alone at the foot of a page.
            if pdf.will_page_break(80 if follows is not None and follows.kind == "chart" else 30):
                pdf.add_page()
            pdf.ln(3)
            _line(pdf, printable(block.text, letters), _HEADING)
        elif block.kind == "text":
            _line(pdf, printable(block.text, letters), _BODY)
        elif block.kind == "chart":
            _chart(pdf, block, letters)
        else:
            _table(pdf, block, letters, is_named=block.text != heading)
    return bytes(pdf.output())


def _line(pdf: FPDF, text: str, size: int) -> None:
    pdf.set_font(_FONT, size=size)
    pdf.multi_cell(0, size * 0.55, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _table(pdf: FPDF, block: Block, letters: Letters, *, is_named: bool) -> None:
    pdf.ln(1)
    if is_named:
        _line(pdf, printable(block.text, letters), _SMALL)
    pdf.set_font(_FONT, size=_SMALL)
    aligned = ["RIGHT" if at in block.numbers else "LEFT" for at in range(len(block.head))]
    with pdf.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES, line_height=4, headings_style=FontFace(emphasis=TextEmphasis.NONE),
        col_widths=_widths(block), text_align=tuple(aligned),
    ) as table:  # fmt: skip
        for cells in (block.head, *block.rows):
            row = table.row()
            for cell in cells:
                row.cell(printable(cell, letters))


def _widths(block: Block) -> tuple[float, ...]:
    """Widths by the longest text of each column, a Chinese letter counted as two; none so narrow or wide that others suffer."""

    def size(text: str) -> int:
        return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)

    longest = [max(size(row[at]) for row in (block.head, *block.rows)) for at in range(len(block.head))]
    return tuple(float(min(letters, 60) + 4) for letters in longest)


# --- charts: what ``wattmark.charts`` draws is lines, boxes, circles and texts ---------------------------


def _chart(pdf: FPDF, block: Block, letters: Letters) -> None:
    drawing = fromstring(str(block.svg))  # noqa: S314 - drawn here
    _, _, wide, high = map(float, drawing.attrib["viewBox"].split())
    scale = _WIDTH_MM / wide
    if pdf.will_page_break(high * scale + 8):
        pdf.add_page()
    _line(pdf, printable(block.text, letters), _SMALL)
    left, top = pdf.l_margin, pdf.get_y()
    # Colours and widths of the chart end with it.
    with pdf.local_context():
        for mark in drawing.iter():
            _draw(pdf, mark, left, top, scale, letters)
    pdf.set_y(top + high * scale + 2)


def _draw(pdf: FPDF, mark: Element, left: float, top: float, scale: float, letters: Letters) -> None:
    kinds = mark.attrib.get("class", "").split()
    at: dict[str, float] = {
        name: float(value) * scale for name, value in mark.attrib.items() if name in _LENGTHS
    }
    kind = mark.tag.rpartition("}")[2]
    if kind == "line":
        pdf.set_draw_color(*(_GRID if "grid" in kinds else _MARKED if "target" in kinds else _INK))
        pdf.set_line_width(_THIN_MM if "grid" in kinds else 0.8 if "target" in kinds else 0.35)
        pdf.set_dash_pattern(*((1.0, 0.8) if "ahead" in kinds else (0, 0)))
        pdf.line(left + at["x1"], top + at["y1"], left + at["x2"], top + at["y2"])
    elif kind == "rect":
        pdf.set_fill_color(*(_MARKED if "marked" in kinds else _BAR))
        pdf.rect(left + at["x"], top + at["y"], at["width"], at["height"], style="F")
    elif kind == "circle":
        pdf.set_fill_color(*(_MARKED if "marked" in kinds else _INK))
        pdf.set_draw_color(*_INK)
        pdf.set_line_width(0.35)
        pdf.set_dash_pattern(0, 0)
        pdf.circle(left + at["cx"], top + at["cy"], at["r"], style="D" if "hollow" in kinds else "F")
    elif kind == "text":
        pdf.set_font(_FONT, size=11 * scale * _POINTS_A_MM)
        said = printable("".join(mark.itertext()), letters)
        wide = pdf.get_string_width(said)
        shift = {"end": wide, "middle": wide / 2}.get(mark.attrib.get("text-anchor", ""), 0.0)
        pdf.text(left + at["x"] - shift, top + at["y"], said)
