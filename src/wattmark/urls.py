"""Addresses of databases and services as people may see them: without their secrets.

Whoever prints an address, or an error that may hold one, prints it through here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

from sqlalchemy.engine import URL

MASK = "***"

_NAME = (
    r"[\w.-]*(?:passw|passphrase|passwd|pwd|secret|token|credential|signature|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|account[_-]?key|odbc_connect)[\w.-]*|sig|pass|key|__extra__"
)
_IN_QUERY = re.compile(rf"([?&;]\s*(?:{_NAME})=)[^&;#\s]*", re.IGNORECASE)
_IN_WORDS = re.compile(rf"\b((?:{_NAME})\s*=\s*)('[^']*'|\"[^\"]*\"|\{{[^}}]*\}}|[^\s;&]+)", re.IGNORECASE)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_SHORT = 4
"""A secret shorter than this is taken out of a text only where it stands as a word of its own."""


def masked(url: str | URL) -> str:
    """An address without passwords, tokens and other secrets, whether or not it is well formed.

    ``postgresql://wattmark:***@host/db?sslpassword=***``. Anything may be given: what is no address comes back
    with its ``password=…`` parts masked.
    """
    text = url.render_as_string(hide_password=False) if isinstance(url, URL) else url
    scheme, found, rest = text.partition("://")
    if not found:
        return _IN_WORDS.sub(rf"\1{MASK}", text)
    at = _end_of_login(rest)
    login, place = (rest[:at], rest[at:]) if at >= 0 else ("", rest)
    if ":" in login:
        login = f"{login.split(':', 1)[0]}:{MASK}"
    return f"{scheme}://{login}" + _IN_QUERY.sub(rf"\1{MASK}", place)


def without_secrets(text: str, urls: Iterable[str | URL] = ()) -> str:
    """A text, such as a driver's error, without the secrets of given addresses and of any address in it."""
    for url in urls:
        for secret in sorted(_secrets(url), key=len, reverse=True):
            pattern = re.escape(secret)
            text = re.sub(pattern if len(secret) >= _SHORT else rf"(?<!\w){pattern}(?!\w)", MASK, text)
    text = _ADDRESS.sub(lambda found: masked(found.group()), text)
    return _IN_WORDS.sub(rf"\1{MASK}", text)


def _end_of_login(rest: str) -> int:
    """Where the ``@`` stands that ends user and password; -1 where there is none.

    A password may hold ``@``, ``/`` and ``?`` that nobody encoded.
    """
    before_query, mark, query = rest.partition("?")
    at = before_query.rfind("@")
    if mark and "@" in query and (at < 0 or "=" not in query.split("@", 1)[0]):
        return rest.rfind("@")
    return at


def _secrets(url: str | URL) -> set[str]:
    text = url.render_as_string(hide_password=False) if isinstance(url, URL) else url
    rest = text.partition("://")[2]
    at = _end_of_login(rest)
    found: set[str] = set()
    if at >= 0 and ":" in rest[:at]:
        found.add(rest[:at].split(":", 1)[1])
    for name, value in parse_qsl(rest[at + 1 :].partition("?")[2]):
        if _SECRET_NAME.fullmatch(name):
            found.add(value)
    plain = {form for text in found for form in (text, unquote(text), unquote_plus(text))}
    return {form for text in plain for form in (text, quote(text, safe=""), quote_plus(text)) if form}
