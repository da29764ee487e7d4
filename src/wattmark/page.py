"""The frame that every page of the project has: language, widths, dark and light, one main part."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

_FRAME = (
    '<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
    "<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
)


@cache
def style() -> str:
    """The style sheet; pages hold it in themselves, so that each is one file."""
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def page(title: str, body: Markup, lang: str = "en", more_style: str = "") -> str:
    """A whole page.

    Args:
        title: plain text, escaped here.
        body: HTML in which everything that is not ours has been escaped.
        lang: the language it is in.
        more_style: rules of a style sheet besides those of every page.
    """
    # What scrolls sideways is reached by the keyboard too.
    reached = body.replace(Markup('<div class="scroll">'), Markup('<div class="scroll" tabindex="0">'))
    return _FRAME.format(lang=lang, title=escape(title), style=style() + more_style, body=reached)
