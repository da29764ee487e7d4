"""Who sits at the workbench, in which language, and how its pages are put together."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import psycopg
from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from psycopg.rows import dict_row
from starlette.concurrency import run_in_threadpool

from wattmark.cases.words import Words, load_words
from wattmark.code_names import CodeNames, Language, form_of, load_code_names
from wattmark.home import warehouse_url
from wattmark.page import page as framed
from wattmark.publish.findings import asked
from wattmark.publish.ops import libpq_url
from wattmark.settings import Settings
from wattmark.web.counter_app import language_of

MAX_FORM_BYTES = 200_000
"""A choice of two hundred long case ids fits."""
MAX_FIELDS = 1_000
Row = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Who is signed in, as ``ops.staff_login`` has them.

    Attributes:
        login: name in Airflow.
        staff_id: the member of staff, where the login is one's.
        org_unit_id: the unit.
        role: viewer, worker or approver.
        post: post of the member of staff.
        tree: the unit and all below it.
    """

    login: str
    staff_id: str | None
    org_unit_id: str
    role: str
    post: str | None
    tree: tuple[str, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles whose steps the person may take: an approver is a worker besides."""
        return {"viewer": (), "worker": ("worker",), "approver": ("worker", "approver")}[self.role]


def person_of(connection: psycopg.Connection[Any], login: str) -> Person | None:
    """The signed-in user among the staff; None for a login without an entry."""
    rows = asked(connection, "SELECT * FROM ops.staff_login WHERE login = %(login)s", login=login)
    if not rows:
        return None
    row = rows[0]
    staff = asked(
        connection, "SELECT post FROM mart.dim_staff WHERE staff_id = %(staff_id)s", staff_id=row["staff_id"]
    )
    below = asked(
        connection,
        "SELECT org_unit_id FROM mart.dim_org_unit WHERE %(unit)s = ANY(string_to_array(path, '/')) ORDER BY path",
        unit=row["org_unit_id"],
    )
    tree = tuple(unit["org_unit_id"] for unit in below) or (row["org_unit_id"],)
    post = staff[0]["post"] if staff else None
    return Person(login, row["staff_id"], row["org_unit_id"], row["role"], post, tree)


@dataclass
class Desk:
    """One request: who asks, in which language, from where."""

    settings: Settings
    person: Person
    language: Language
    base: str
    """Where the pages are mounted, such as ``/wattmark``."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Names of units."""
    members: Mapping[str, str] = field(default_factory=dict)
    """Logins of members of staff, by which their colleagues know them."""

    @property
    def words(self) -> Words:
        """What the pages say."""
        return load_words(self.settings.include / "cases" / "words.yaml")

    @property
    def names(self) -> CodeNames:
        """Names of codes."""
        return load_code_names(self.settings.include / "code-names.yaml")

    def text(self, key: str, **values: object) -> str:
        """A text of the pages, with values in it."""
        return self.words["text"][key][self.language].format(**values)

    def word(self, kind: str, code: str | None) -> str:
        """What a code is called: of the pages' own words, else of the lists of code names, else itself."""
        if not code:
            return ""
        told = self.words.get(kind, {}).get(code) or self.names.lists.get(kind, {}).get(code)
        return told[self.language] if told else code

    def label(self, column: str) -> str:
        """What a column is called."""
        told = self.words["column"].get(column)
        return told[self.language] if told else column.replace("_", " ")

    def unit(self, org_unit_id: str | None) -> str:
        """Name of a unit, or its number where it has none."""
        return self.units.get(org_unit_id or "", org_unit_id or "")

    def member(self, staff_id: str | None) -> str:
        """A member of staff by the login, or the number where there is none."""
        return self.members.get(staff_id or "", staff_id or "")

    def url(self, path: str, **query: Any) -> str:
        """Address of a page of the workbench, in the language of this one."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{self.base}/{quote(path, safe='/:')}?{urlencode({'language': self.language, **given})}"

    @property
    def other(self) -> Language:
        """The language that is not this page's."""
        return "en" if self.language == "zh" else "zh"

    def told(self, column: str, value: Any, table: str = "") -> str:
        """A value of a column as people write it: codes by their names, money with two places, instants local."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return self.names.of_values["true" if value else "false"][self.language]
        if isinstance(value, dt.datetime):
            local = value.astimezone(self.settings.zone) if value.tzinfo else value
            return f"{local:%Y-%m-%d %H:%M}"
        if isinstance(value, dt.date):
            return f"{value:%Y-%m}" if column == "period" else value.isoformat()
        if isinstance(value, (int, float, decimal.Decimal)):
            return form_of(column).write(value, self.language)
        if isinstance(value, (list, tuple)):
            return ", ".join(self.told(column, each, table) for each in value)
        if column in ("org_unit_id", "parent_id"):
            return self.unit(str(value))
        listed = self.names.of_marts.get(f"{table}.{column}")
        names = self.names.lists.get(str(listed), {}) or self.names.of_findings.get(column, {})
        return names[value][self.language] if value in names else str(value)


def wished(query: Mapping[str, str], names: Collection[str]) -> tuple[dict[str, str], int]:
    """What an address asks for by some names, each cut to 200 characters, and its page, from 1 to 10,000."""
    given = {name: query[name].replace("\x00", "")[:200] for name in names if name in query}
    page = given.pop("page", "1")
    number = int(page[:6]) if page.isascii() and page.isdigit() else 1
    return given, min(max(number, 1), 10_000)


def money(value: Any, language: Language) -> str:
    """An amount with two places; empty where there is none."""
    return "" if value is None else form_of("amount").write(decimal.Decimal(value), language)


class Stranger(Exception):
    """The login has no entry among the staff."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.person.login)
        self.desk = desk


async def form_fields(request: Request) -> list[tuple[str, str]]:
    """Fields of a form that was sent, in their order; names may come several times.

    Raises:
        HTTPException: 413, 415 or 400: it is none of these pages' forms.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Send application/x-www-form-urlencoded.")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_FORM_BYTES:
            raise HTTPException(413, f"The form is larger than {MAX_FORM_BYTES} bytes.")
    try:
        fields = parse_qsl(received.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise HTTPException(400, "The body is no form.") from None
    return [(name, value.replace("\x00", "")) for name, value in fields]


class Workbench:
    """What every page of the workbench needs: the warehouse, the templates, the person."""

    def __init__(self, settings: Settings, headers: Mapping[str, str]) -> None:
        self.settings = settings
        self.headers = dict(headers)
        self.pages = Environment(
            loader=PackageLoader("wattmark.web", "templates/workbench"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def connect(self) -> psycopg.Connection[Any]:
        """A connection to the warehouse whose rows are mappings; instants are the utility's."""
        return psycopg.connect(libpq_url(warehouse_url(self.settings)), row_factory=dict_row)

    def step_connection(self) -> psycopg.Connection[Any]:
        """A connection as steps want it: rows as tuples, each step a transaction."""
        return psycopg.connect(libpq_url(warehouse_url(self.settings)), autocommit=True)

    def _desk(self, connection: psycopg.Connection[Any], request: Request, login: str) -> Desk:
        wanted = request.query_params.get("language")
        language: Language = (
            ("zh" if wanted == "zh" else "en")
            if wanted
            else language_of(request.headers.get("accept-language", ""))
        )
        base = request.scope.get("root_path", "")
        person = person_of(connection, login)
        if person is None:
            nobody = Person(login, None, "", "viewer", None, ())
            raise Stranger(Desk(self.settings, nobody, language, base))
        units = {
            row["org_unit_id"]: row["name"]
            for row in asked(connection, "SELECT org_unit_id, name FROM mart.dim_org_unit")
        }
        members = {
            row["staff_id"]: row["login"]
            for row in asked(
                connection,
                "SELECT staff_id, MIN(login) AS login FROM ops.staff_login WHERE staff_id IS NOT NULL GROUP BY staff_id",
            )
        }
        return Desk(self.settings, person, language, base, units, members)

    async def look(
        self,
        request: Request,
        login: str,
        question: Callable[[psycopg.Connection[Any], Desk], HTMLResponse | Any],
    ) -> Any:
        """Answer from one snapshot of the warehouse, which is only read.

        Raises:
            HTTPException: 503, the warehouse does not answer.
        """

        def ask() -> Any:
            with self.connect() as connection, connection.transaction():
                # A night that is published meanwhile must not mix two runs on one page.
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                return question(connection, self._desk(connection, request, login))

        return await self._answered(ask)

    async def change(
        self, request: Request, login: str, work: Callable[[psycopg.Connection[Any], Desk], Any]
    ) -> Any:
        """Answer with a connection that may write; what ``work`` opens as a transaction is its own."""

        def ask() -> Any:
            with self.connect() as connection:
                connection.autocommit = True
                return work(connection, self._desk(connection, request, login))

        return await self._answered(ask)

    async def _answered(self, ask: Callable[[], Any]) -> Any:
        try:
            return await run_in_threadpool(ask)
        except Stranger as stranger:
            return self.show(stranger.desk, "stranger.html", stranger.desk.text("stranger_title"), status=403)
        except psycopg.OperationalError:
            raise HTTPException(503, "The warehouse does not answer.") from None

    def show(
        self,
        desk: Desk,
        template: str,
        title: str,
        *,
        status: int = 200,
        here: str = "cases/",
        query: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """A page of the workbench.

        Args:
            desk: who asks.
            template: file below ``templates/workbench``.
            title: of the page.
            status: of the answer.
            here: address of the page itself, for the link to the other language.
            query: what stands behind the question mark there.
            values: of the template.
        """
        there = {**(query or {}), "language": desk.other}
        found = self.pages.get_template(template).render(
            desk=desk,
            person=desk.person,
            t=desk.text,
            word=desk.word,
            label=desk.label,
            url=desk.url,
            told=desk.told,
            unit=desk.unit,
            money=lambda value: money(value, desk.language),
            language=desk.language,
            title=title,
            other_url=desk.url(here, **there),
            **values,
        )
        body = Markup(found)  # noqa: S704 - rendered with escaping
        lang = "zh-CN" if desk.language == "zh" else "en"
        return HTMLResponse(framed(title, body, lang, style_of()), status, headers=self.headers)


@lru_cache(maxsize=1)
def style_of() -> str:
    """The workbench's own style sheet."""
    return (Path(__file__).with_name("workbench.css")).read_text(encoding="utf-8")
