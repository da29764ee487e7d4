"""An account's sheet as a PDF, to be laid before whoever decides a dispute."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, TextEmphasis
from fpdf.fonts import FontFace

from wattmark.campaign.letters import font_path, printable
from wattmark.campaign_settings import Letters
from wattmark.web.workbench.account import Sheet
from wattmark.web.workbench.desk import Desk, Row

_SIZE, _SMALL, _HEADING = 9, 7, 13
_LEFT_OUT = ("contacts",)
_MOST_COLUMNS = 9


def extract(desk: Desk, sheet: Sheet, personal: Mapping[str, str] | None) -> bytes:
    """The PDF.

    Args:
        desk: who asks, in which language.
        sheet: what is known of the account.
        personal: whose it is, in words by label; None where the role does not see it.
    """
    settings = desk.settings.campaigns.messages.letters
    pdf = FPDF(format="A4")
    pdf.add_font("sheet", fname=str(font_path(settings)))
    pdf.set_font("sheet", size=_SIZE)
    pdf.set_title(f"{desk.label('account_id')} {sheet.account['account_id']}")
    pdf.set_lang("zh-CN" if desk.language == "zh" else "en")
    pdf.set_auto_page_break(True, margin=18)
    pdf.add_page()
    _heading(pdf, f"{desk.text('extract_title')}: {desk.label('account_id')} {sheet.account['account_id']}")
    day = dt.datetime.now(desk.settings.zone)
    pdf.multi_cell(
        0,
        5,
        desk.text("extract_made", login=desk.person.login, day=f"{day:%Y-%m-%d %H:%M}"),
        new_x="LMARGIN",
        new_y="NEXT",
    )
    facts = [
        (desk.label(name), desk.told(name, value, "dim_account"))
        for name, value in sheet.account.items()
        if value is not None
    ]
    _facts(pdf, [*(personal or {}).items(), *facts], settings)
    _table(pdf, desk, desk.text("bills"), "fct_bill", sheet.months, [])
    for section in sheet.sections:
        if section.title not in _LEFT_OUT:
            name = desk.text(section.title)
            if section.title == "points":
                name += f": {desk.word('source_table', section.table)}"
            _table(pdf, desk, name, section.table, section.rows, section.origins)
    texts = [
        (row["rule_id"], desk.word("state", row["state"]), row[f"message_{desk.language}"] or "")
        for row in sheet.cases
    ]
    if texts:
        _heading(pdf, desk.text("cases"))
        for rule_id, state, message in texts:
            pdf.multi_cell(
                0, 5, printable(f"{rule_id} · {state} · {message}", settings), new_x="LMARGIN", new_y="NEXT"
            )
    return bytes(pdf.output())


def _heading(pdf: FPDF, text: str) -> None:
    pdf.ln(3)
    pdf.set_font("sheet", size=_HEADING)
    pdf.multi_cell(0, 7, text, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("sheet", size=_SIZE)


def _facts(pdf: FPDF, facts: Sequence[tuple[str, str]], settings: Letters) -> None:
    with pdf.table(
        borders_layout=TableBordersLayout.NONE, first_row_as_headings=False, col_widths=(1, 3), line_height=5
    ) as table:
        for name, value in facts:
            row = table.row()
            row.cell(printable(name, settings))
            row.cell(printable(value, settings))


def _table(pdf: FPDF, desk: Desk, title: str, name: str, rows: Sequence[Row], origins: Sequence[str]) -> None:
    if not rows:
        return
    settings = desk.settings.campaigns.messages.letters
    _heading(pdf, title)
    pdf.set_font("sheet", size=_SMALL)
    columns = [column for column in rows[0] if any(row[column] is not None for row in rows)][:_MOST_COLUMNS]
    plain = FontFace(emphasis=TextEmphasis.NONE)
    with pdf.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES, line_height=4, headings_style=plain
    ) as table:
        head = table.row()
        for column in columns:
            head.cell(printable(desk.label(column), settings))
        if origins:
            head.cell(desk.text("origin"))
        for at, each in enumerate(rows):
            line = table.row()
            for column in columns:
                line.cell(printable(desk.told(column, each[column], name), settings))
            if origins:
                line.cell(printable(origins[at], settings))
    pdf.set_font("sheet", size=_SIZE)
