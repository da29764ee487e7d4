"""Messages for the members of a list: what each is told, in her language, with a code of her own to answer by.

A value that is missing, or a code that has no name, lets no message out: who would get it is told by ``Rendered.lacking``
and is left off the list.
"""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from jinja2 import StrictUndefined, Template
from jinja2.exceptions import UndefinedError

from wattmark.campaign.audience import columns_of, relations
from wattmark.campaign.definition import Campaign, CampaignFile
from wattmark.campaign.fields import published_fields
from wattmark.campaign.keys import campaign_key
from wattmark.campaign.letters import unprintable
from wattmark.campaign.unseen import unseen_in
from wattmark.campaign.wording import NAMED, environment, parts_of, placeholders
from wattmark.campaign_settings import Letters
from wattmark.channels import channels
from wattmark.code_names import LANGUAGES, Language, load_code_names
from wattmark.engine.session import Session
from wattmark.settings import Settings

SEPARATOR = chr(31)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SYMBOLS = 12
"""Of a reply code: 60 bits, so that among ten million contacts no two share one but once in 20,000 homes."""
_BETWEEN_PARTS = chr(30)
"""Stands between the parts of a message while it is made; values hold none, since it counts as a blank."""
_BLANKS = re.compile(r"\s+")
_LACKING = re.compile(r"'([^']+)'")
_TABLES = {
    "tariff": ("source.tariff", "tariff_code", "name"),
    "org_unit": ("source.org_unit", "org_unit_id", "name"),
    "region": ("source.address_reference", "region_code", "COALESCE(district, city, province)"),
}
HIDDEN = ("_fields", "_name", "_contact_name", "_language", "_postal_address", "_postcode")
"""Columns of a channel's rows that are for messages alone."""


def reply_code(key: str, campaign_run_id: str, customer_id: str, account_id: str) -> str:
    """The code of one contact, as ``7G2K-QX0M-9TRA``: the same each time, and of nobody else; no I, L, O or U."""
    said = SEPARATOR.join((key, "reply", campaign_run_id, customer_id, account_id))
    number = int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "big") >> 4
    code = "".join(_ALPHABET[number >> (5 * at) & 31] for at in reversed(range(_SYMBOLS)))
    return "-".join(code[at : at + 4] for at in range(0, _SYMBOLS, 4))


@dataclass(frozen=True)
class Lacking:
    """A member who cannot be told something: the first placeholder without a value."""

    customer_id: str
    account_id: str
    placeholder: str


@dataclass
class Rendered:
    """A channel's rows with their messages, and whom it could not be said."""

    rows: pa.Table
    lacking: list[Lacking] = field(default_factory=list)


@dataclass(frozen=True)
class _Parts:
    """The parts of a message as one template, and what it asks for."""

    parts: tuple[str, ...]
    text: Template
    shows: frozenset[str]


class _Unseen(Exception):
    """A message holds what nobody would see."""


def _must_show(said: Mapping[str, str], printed: Letters | None) -> None:
    """Raise ``_Unseen`` where a part of a message holds a character that does not show, or that its letter cannot show."""
    for name, text in said.items():
        if letter := unseen_in(text):
            raise _Unseen(f"{letter} in what is said")
        if (
            printed is not None
            and name in ("message_subject", "message_text")
            and (letter := unprintable([text], printed))
        ):
            raise _Unseen(f"U+{ord(letter):04X} in the letters' font")


class Messages:
    """The messages of one list."""

    def __init__(self, session: Session, file: CampaignFile, campaign_run_id: str) -> None:
        """Read what names are needed.

        Raises:
            SqlFileError: a table of names is not in the lake.
        """
        self.settings, self.campaign, self.name = session.settings, file.campaign, campaign_run_id
        self.key = campaign_key(session.settings.home)
        self.kinds = _kinds(session.settings, file)
        self.names = _names(session, file.campaign)
        self._templates: dict[tuple[str, str, Language], _Parts] = {}
        self._languages: dict[tuple[str, str, str], Language] = {}
        self._utility = {language: _utility(session.settings, language) for language in LANGUAGES}

    def columns(self, channel: str) -> list[str]:
        """Columns that messages add to a channel's list."""
        if not self.campaign.messages:
            return []
        parts = [f"message_{part}" for part in channels()[channel].says]
        offers = any(
            message.offer
            for by_channel in self.campaign.messages.values()
            for by_language in by_channel.values()
            for message in by_language.values()
        )
        return [*parts, *(["offer"] if offers else []), "message_language", "reply_code", "opt_out"]

    def render(self, rows: pa.Table, channel: str, printed: Letters | None = None) -> Rendered:
        """Add the message of each row; rows of whom something is lacking are left out.

        Args:
            rows: of one channel, with the columns of ``HIDDEN``.
            channel: the channel.
            printed: how letters are printed, where they are: what their font has not is lacking too.

        Returns:
            the rows without those of ``HIDDEN``, and who was left out.
        """
        columns = self.columns(channel)
        if not columns:
            return Rendered(rows.drop_columns([name for name in HIDDEN if name in rows.column_names]))
        told: dict[str, list[str | None]] = {name: [] for name in columns}
        kept, lacking = [], []
        known = rows.to_pylist()
        example = next((row["_fields"] for row in known if row["is_seed"] == "false"), None)
        for at, row in enumerate(known):
            if row["is_seed"] == "true":
                # The utility's own people read what a customer reads.
                row["_fields"] = example
            try:
                said = self.message(row, channel)
                _must_show(said, printed)
            except _Unseen as error:
                # A seed with it would be of no use either.
                if row["is_seed"] == "false":
                    lacking.append(Lacking(row["customer_id"], row["account_id"], str(error)))
                continue
            except (UndefinedError, ArithmeticError, TypeError, ValueError) as error:
                # Nothing to divide by, or no number: what cannot be worked out for her is a value that is missing.
                named = _LACKING.search(str(error)) if isinstance(error, UndefinedError) else None
                if row["is_seed"] == "false":
                    what = named[1] if named else "what is calculated"
                    lacking.append(Lacking(row["customer_id"], row["account_id"], what))
                continue
            kept.append(at)
            for name in columns:
                told[name].append(said.get(name))
        found = rows.take(pa.array(kept, pa.int64())).drop_columns(list(HIDDEN))
        for name in columns:
            found = found.append_column(name, pa.array(told[name], pa.string()))
        return Rendered(found, lacking)

    def language_of(self, row: Mapping[str, Any], channel: str) -> Language:
        """The customer's language where it is written in, else the utility's, else any."""
        key = (row["cell"], channel, (row["_language"] or "").lower()[:2])
        if key not in self._languages:
            usual = self.settings.campaigns.messages.language
            wanted = [preferred for preferred in LANGUAGES if preferred == key[2]] + [usual, *LANGUAGES]
            self._languages[key] = next(
                (preferred for preferred in wanted if parts_of(self.campaign, key[0], channel, preferred)),
                usual,
            )
        return self._languages[key]

    def message(self, row: Mapping[str, Any], channel: str) -> dict[str, str]:
        """The columns of one row's message.

        Raises:
            UndefinedError: a value is missing; its text names the placeholder.
        """
        language = self.language_of(row, channel)
        # A seed is on several channels, as an account of their names in ops.campaign_member.
        account = channel if row["is_seed"] == "true" else row["account_id"]
        code = reply_code(self.key, self.name, row["customer_id"], account)
        opt_out = self._opt_out(channel, language, code)
        said = {"message_language": str(language), "reply_code": code, "opt_out": opt_out}
        template = self._template(row["cell"], channel, language)
        if not template.parts:
            return said
        values = self._values(row, channel, language, template.shows)
        values["reply_code"], values["opt_out"] = code, opt_out
        text = "".join(template.text.root_render_func(template.text.new_context(values, shared=True)))
        for part, written in zip(template.parts, text.split(_BETWEEN_PARTS), strict=True):
            written = written.strip()
            said["offer" if part == "offer" else f"message_{part}"] = (
                _BLANKS.sub(" ", written) if part in ("subject", "offer") else written
            )
        return said

    def _template(self, cell: str, channel: str, language: Language) -> _Parts:
        asked = (cell, channel, language)
        if asked not in self._templates:
            parts = parts_of(self.campaign, cell, channel, language)
            text = parts.get("text")
            if (
                text is not None
                and self.campaign.purpose == "marketing"
                and not _shows(text, "opt_out", language)
            ):
                between = " " if channels()[channel].says == ("text",) else "\n"
                parts["text"] = f"{text.rstrip()}{between}{{{{ opt_out }}}}"
            # All parts in one text: each is rendered for every member, and what it costs is the call.
            whole = _BETWEEN_PARTS.join(parts.values())
            self._templates[asked] = _Parts(
                tuple(parts),
                environment(language).from_string(whole),
                frozenset(name for name, _ in placeholders(whole, language)),
            )
        return self._templates[asked]

    def _opt_out(self, channel: str, language: Language, code: str) -> str:
        url = self.settings.campaigns.messages.opt_out_url
        for text in channels()[channel].opt_out.get(language, ()):
            if url or "{url}" not in text:
                return text.replace("{url}", url or "").replace("{reply_code}", code)
        return code

    def _values(
        self, row: Mapping[str, Any], channel: str, language: Language, shown: frozenset[str]
    ) -> dict[str, Any]:
        """What a template asks for, by relation and column; what is empty is undefined, and says its name."""
        found: dict[str, Any] = {}
        fields = json.loads(row["_fields"]) if row["_fields"] else {}
        for name in shown:
            relation, _, key = name.partition(".")
            if relation == "contact":
                value = _plain(row.get(f"_{key}", row.get(key)))
            elif relation == "utility":
                value = self._utility[language][key]
            elif name == "send_on":
                value = dt.date.fromisoformat(row["send_on"])
            elif name == "occasion":
                value = fields.get("occasion")
            elif name in self.kinds:
                kind, column = self.kinds[name]
                value = row[column] if column in ("customer_id", "account_id") else fields.get(column)
                if value is not None:
                    value = self._told(name, value, language) if name in NAMED else _typed(kind, value)
            else:
                continue
            if value is None or value == "":
                value = StrictUndefined(name=name)
            if key:
                found.setdefault(relation, {})[key] = value
            else:
                found[name] = value
        return found

    def _told(self, name: str, code: Any, language: Language) -> str | None:
        """The name of a code; none where nobody has given it one."""
        named: str | None = self.names.get(NAMED[name], {}).get(str(code), {}).get(language)
        return named and _BLANKS.sub(" ", named).strip()


def _shows(text: str, wanted: str, language: Language) -> bool:
    return any(name == wanted for name, _ in placeholders(text, language))


def _plain(value: Any) -> Any:
    """A text on one line: a line break in a name must not begin a header of an e-mail."""
    return _BLANKS.sub(" ", value).strip() if isinstance(value, str) else value


_TYPED: dict[str, Callable[[Any], Any]] = {
    "decimal": lambda value: decimal.Decimal(str(value)).quantize(decimal.Decimal("0.01")),
    "double": float,
    "integer": int,
    "date": lambda value: dt.date.fromisoformat(str(value)[:10]),
}


def _typed(kind: str, value: Any) -> Any:
    return _TYPED[kind](value) if kind in _TYPED else _plain(value)


def _kinds(settings: Settings, file: CampaignFile) -> dict[str, tuple[str, str]]:
    """Type, and column on the list, of each published column that messages may show."""
    known = relations(settings.include)
    found = {"customer.customer_id": ("string", "customer_id")}
    if file.campaign.audience.grain == "account":
        found["account.account_id"] = ("string", "account_id")
    for column, name in published_fields(file).items():
        relation, _, key = name.partition(".")
        found[name] = (columns_of(known[relation])[key], column)
    return found


def _utility(settings: Settings, language: Language) -> dict[str, str | None]:
    sender = settings.campaigns.messages.sender
    return {
        "name": sender.name.get(language),
        "address": sender.address,
        "telephone": sender.telephone,
        "website": sender.website,
    }


def _names(session: Session, campaign: Campaign) -> dict[str, dict[str, dict[Language, str]]]:
    """Names by kind, code and language, of the kinds of codes that this campaign's messages tell."""
    wanted = {NAMED[name] for name in campaign.personalise if name in NAMED} if campaign.messages else set()
    file = load_code_names(session.settings.include / "code-names.yaml")
    found: dict[str, dict[str, dict[Language, str]]] = {}
    for kind in sorted(wanted):
        if kind in _TABLES:
            table, key, shown = _TABLES[kind]
            session.see([table])
            rows = session.duck.execute(f"SELECT {key}, {shown} FROM {table}").fetchall()
            found[kind] = {code: dict.fromkeys(LANGUAGES, said) for code, said in rows if said}
        elif kind == "product":
            own = session.settings.campaigns.messages.products
            found[kind] = {**file.of_source.get("product_holding.product_code", {}), **own}
        else:
            found[kind] = file.of_source.get(kind, {})
    return found


def preview_rows(rows: Sequence[Mapping[str, Any]], count: int) -> list[Mapping[str, Any]]:
    """Some rows of a list that between them show its channels, cells and languages: taken by turns, in the list's order."""
    by_kind: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["is_seed"] == "false":
            by_kind.setdefault(
                (row["channel"], row["cell"], row.get("message_language") or row.get("language")), []
            ).append(row)
    found: list[Mapping[str, Any]] = []
    while len(found) < count and any(by_kind.values()):
        for kind in sorted(by_kind, key=str):
            if by_kind[kind] and len(found) < count:
                found.append(by_kind[kind].pop(0))
    return found
