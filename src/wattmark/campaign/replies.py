"""What answers to messages mean: codes and words that come back, as events of the source contract.

Whoever sends messages or takes calls knows a reply code and a word. ``read_replies`` finds the contact that a code is of,
and ``rows_of`` writes what was said as rows of ``campaign_event``, which the next night reads like any others;
``suppress`` lets a no count at once.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text

from wattmark.campaign.definition import CampaignError
from wattmark.campaign.feedback import record_hash
from wattmark.campaign.keys import known_key
from wattmark.campaign.message import reply_code
from wattmark.campaign.people import RECORD
from wattmark.campaign.state import keep_suppression
from wattmark.settings import Settings

KINDS = ("delivered", "bounced", "opened", "clicked", "replied", "converted", "complained", "unsubscribed")
COLUMNS = ("event_id", "campaign_id", "customer_id", "channel", "kind", "occurred_at", "value_amount")
_NO_MORE = re.compile(
    r"(?:^|[^\w'’])(?:t|td|stop|unsubscribe|opt[ -]?out|cancel)(?![\w])|退订|拒收", re.IGNORECASE
)
_CODE = re.compile(r"(?<![0-9A-Z])(?=([0-9A-Z]{4}[ -]?[0-9A-Z]{4}[ -]?[0-9A-Z]{4})(?![0-9A-Z]))")
_GLUED = re.compile(r"\b(TD?)(?=[0-9A-Z]{4}[ -]?[0-9A-Z]{4}[ -]?[0-9A-Z]{4}\b)")
_ALIKE = str.maketrans("ILOU", "110V")


@dataclass(frozen=True)
class Reply:
    """One answer: the contact it is of, and what it means."""

    campaign_id: str
    customer_id: str
    channel: str
    kind: str
    occurred_at: dt.datetime
    value_amount: str


@dataclass(frozen=True)
class Unread:
    """A line that says nothing that can be read."""

    line: int
    why: str


def _plain(said: str) -> str:
    """What somebody wrote in capitals of one width, with a blank between a T and the code it was written to."""
    return _GLUED.sub(r"\1 ", unicodedata.normalize("NFKC", said).upper())


def codes_in(said: str) -> list[str]:
    """What may be a reply code in what somebody wrote, whatever its letters, hyphens and widths; I and L are read as 1, O as 0.

    Words of four letters beside a code make several of it; only one is of a contact.
    """
    found = _CODE.findall(_plain(said))
    codes = [re.sub(r"[ -]", "", code).translate(_ALIKE) for code in found]
    return ["-".join(code[at : at + 4] for at in range(0, 12, 4)) for code in codes]


def kind_of(said: str) -> str:
    """What somebody means who answered a message: unsubscribed where she asks for no more, else replied."""
    return "unsubscribed" if _NO_MORE.search(_plain(said)) else "replied"


@dataclass(frozen=True)
class Contact:
    """A contact that was released; ``account_id`` is empty text where the campaign speaks to customers."""

    campaign_id: str
    customer_id: str
    account_id: str
    channel: str


def contacts_by_code(settings: Settings, engine: Engine, wanted: Iterable[str]) -> dict[str, Contact]:
    """The contacts that some codes are of; seeds are nobody's."""
    open_, key = set(wanted), known_key(settings.home, engine)
    found: dict[str, Contact] = {}
    if not open_:
        return found
    sql = (
        "SELECT campaign_member.campaign_run_id, campaign_run.campaign_id, campaign_member.customer_id, campaign_member.account_id, campaign_member.channel FROM ops.campaign_member "
        "JOIN ops.campaign_run ON campaign_run.campaign_run_id = campaign_member.campaign_run_id "
        "WHERE campaign_run.released_at IS NOT NULL AND campaign_member.outcome = 'listed' AND NOT campaign_member.is_seed ORDER BY campaign_run.released_at DESC"
    )
    with engine.connect().execution_options(stream_results=True, yield_per=20_000) as connection:
        for run, campaign, customer, account, channel in connection.execute(text(sql)):
            code = reply_code(key, run, customer, account)
            if code in open_:
                found[code] = Contact(campaign, customer, account, channel)
                open_.discard(code)
                if not open_:
                    break
    return found


def read_replies(settings: Settings, engine: Engine, path: Path) -> tuple[list[Reply], list[Unread]]:
    """Read a CSV of answers: ``reply_code`` or ``text`` (what was written, with the code in it), ``occurred_at``, and where
    known ``kind``, ``channel`` and ``value_amount``. Times without a zone are the utility's.

    Returns:
        answers in the file's order, and lines that cannot be read.

    Raises:
        CampaignError: the file is none, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CampaignError(
            "campaign.replies", f"{path} cannot be read: {error}.", "Give a CSV in UTF-8."
        ) from None
    columns = set(lines[0]) if lines else {"text", "occurred_at"}
    if "occurred_at" not in columns or not columns & {"reply_code", "text"}:
        raise CampaignError(
            "campaign.replies",
            f"{path}:1: it lacks occurred_at, or both reply_code and text.",
            "Name the columns reply_code, text, kind, channel, occurred_at, value_amount.",
        )
    codes = [codes_in(f"{line.get('reply_code') or ''} {line.get('text') or ''}") for line in lines]
    known = contacts_by_code(settings, engine, [code for found in codes for code in found])
    replies, unread = [], []
    for at, (line, found) in enumerate(zip(lines, codes, strict=True), start=2):
        code = next((candidate for candidate in found if candidate in known), None)
        kind = (line.get("kind") or "").strip().lower() or kind_of(line.get("text") or "")
        moment = _moment(line["occurred_at"] or "", settings.zone)
        why = (
            "it holds no reply code" if not found
            else "the code is of no contact that was released" if code is None
            else f"{kind!r} is no kind of event" if kind not in KINDS
            else "occurred_at is no time" if moment is None
            else ""
        )  # fmt: skip
        if code is None or moment is None or why:
            unread.append(Unread(at, why))
            continue
        contact = known[code]
        replies.append(
            Reply(
                contact.campaign_id,
                contact.customer_id,
                (line.get("channel") or "").strip() or contact.channel,
                kind,
                moment,
                line.get("value_amount") or "",
            )
        )
    return replies, unread


def _moment(said: str, zone: ZoneInfo) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(said.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def rows_of(replies: Sequence[Reply]) -> list[dict[str, str]]:
    """Answers as rows of ``campaign_event``; the same answer is the same row, however often it is read."""
    rows = {}
    for reply in replies:
        at = reply.occurred_at.astimezone(dt.UTC).isoformat()
        said = "|".join((reply.campaign_id, reply.customer_id, reply.channel, reply.kind, at))
        event = "R" + hashlib.sha256(said.encode()).hexdigest()[:24]
        values = (
            event,
            reply.campaign_id,
            reply.customer_id,
            reply.channel,
            reply.kind,
            at,
            reply.value_amount,
        )
        rows[event] = dict(zip(COLUMNS, values, strict=True))
    return list(rows.values())


def suppress(settings: Settings, engine: Engine, replies: Sequence[Reply]) -> int:
    """Let every no among the answers count from now on: unsubscribed on its channel, complained on all; returns how many."""
    said = [reply for reply in replies if reply.kind in ("unsubscribed", "complained")]
    key = known_key(settings.home, engine)
    with engine.begin() as connection:
        for reply in said:
            keep_suppression(
                connection,
                reply.channel if reply.kind == "unsubscribed" else RECORD,
                record_hash(key, reply.customer_id),
                reply.kind,
                reply.occurred_at.astimezone(settings.zone).date(),
            )
    return len(said)
