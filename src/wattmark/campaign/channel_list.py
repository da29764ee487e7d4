"""The list of one channel: its rows with what each member is told, its file, its letters, and some of it to look at."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from wattmark.campaign.definition import CampaignFile
from wattmark.campaign.fields import personal_fields, published_fields
from wattmark.campaign.files import escaped_sql, write_list
from wattmark.campaign.letters import (
    RECIPIENT_LINES,
    Letter,
    address_lines,
    font_path,
    lines_of,
    unprintable,
    write_letters,
)
from wattmark.campaign.message import HIDDEN, Lacking, Messages, preview_rows
from wattmark.campaign.outcome import SEED
from wattmark.campaign.parts import Parts, file_part
from wattmark.campaign.people import look_at_contacts
from wattmark.campaign.sheets import Look
from wattmark.channels import SEED_COLUMNS
from wattmark.engine.duck import small_cursor
from wattmark.engine.session import Session

PREVIEWS = 10
"""Members of a list whose messages are shown before it is approved."""
_SHOWN = [
    "campaign_id",
    "campaign_run_id",
    "customer_id",
    "account_id",
    "channel",
    "cell",
    "send_on",
    "is_seed",
]


@dataclass
class Written:
    """Files of a list: the manifest's entries, who was left off for want of a value, and some of its messages."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    lacking: list[Lacking] = field(default_factory=list)
    previews: list[dict[str, str]] = field(default_factory=list)

    def add(self, other: Written) -> None:
        """Take what was written of another channel."""
        self.entries += other.entries
        self.lacking += other.lacking
        self.previews += other.previews


def channel_rows(session: Session, file: CampaignFile, name: str, channel: str) -> pa.Table:
    """Rows of a channel from ``night.listed``, customers by id, then seeds: all texts, with the columns of ``HIDDEN``."""
    campaign, duck = file.campaign, session.duck
    look_at_contacts(session)
    personal = personal_fields(file, channel)
    published = [*published_fields(file), *(["occasion"] if campaign.schedule.events else [])]
    seeds = [
        {"customer_id": f"{SEED}{at + 1}", **seed.model_dump()} for at, seed in enumerate(campaign.seeds)
    ]
    session.give(
        "night.seed",
        pa.Table.from_pylist(
            seeds or [dict.fromkeys(("customer_id", *SEED_COLUMNS), "")],
            schema=pa.schema([(column, pa.string()) for column in ("customer_id", *SEED_COLUMNS)]),
        ),
    )
    session.give(
        "night.head",
        pa.table({"campaign_id": [campaign.id], "campaign_run_id": [name], "channel": [channel]}),
    )

    def source(column: str) -> str:
        seeded = f's."{column}"' if column in SEED_COLUMNS else "NULL"
        return f'CASE WHEN l.is_seed THEN {seeded} ELSE c."{column}" END'

    selected = {
        "campaign_id": "h.campaign_id",
        "campaign_run_id": "h.campaign_run_id",
        "customer_id": "l.customer_id",
        "account_id": "CASE WHEN l.is_seed THEN '' ELSE l.account_id END",
        "channel": "l.channel",
        "cell": "l.cell",
        "send_on": "CAST(l.send_on AS VARCHAR)",
        "is_seed": "CASE WHEN l.is_seed THEN 'true' ELSE 'false' END",
        **{column: source(column) for column in personal},
        **{
            column: f"json_extract_string(l.fields, '$.\"{column}\"')"
            for column in published
            if column not in personal
        },
        "_fields": "l.fields",
        **{name: source(name.removeprefix("_")) for name in HIDDEN if name != "_fields"},
    }
    # Column names are ours or were checked against the published ones; all values stay in tables.
    body = ", ".join(
        f'CAST({expression} AS VARCHAR) AS "{column}"' for column, expression in selected.items()
    )
    return duck.sql(
        f"""SELECT * FROM (
          SELECT {body}
          FROM night.listed AS l
          JOIN night.head AS h ON h.channel = l.channel
          LEFT JOIN night.contact AS c ON c.customer_id = l.customer_id AND NOT l.is_seed
          LEFT JOIN night.seed AS s ON s.customer_id = l.customer_id AND l.is_seed
        ) ORDER BY is_seed, customer_id, account_id"""
    ).to_arrow_table()


def shown_messages(session: Session, file: CampaignFile, messages: Messages) -> Written:
    """What members of ``night.listed`` would be told, on each channel, without writing anything."""
    found = Written()
    for channel in file.campaign.channels:
        raw = channel_rows(session, file, messages.name, channel.channel)
        if raw.num_rows and file.campaign.messages:
            rendered = messages.render(raw, channel.channel)
            found.lacking += rendered.lacking
            found.previews += previews_of(rendered.rows, channel.channel)
    return found


def previews_of(rows: pa.Table, channel: str) -> list[dict[str, str]]:
    """Some rows of a channel with what they are told."""
    return [_preview(row, channel) for row in preview_rows(rows.to_pylist(), PREVIEWS)]


def chosen(previews: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Ten of the messages of all channels, by turns of cell and language."""
    rows = preview_rows([{"is_seed": "false", **preview} for preview in previews], PREVIEWS)
    return [{name: value for name, value in row.items() if name != "is_seed"} for row in rows]


def counted(lacking: Sequence[Lacking]) -> dict[str, int]:
    """How many members lack what, most first; nobody is named."""
    return dict(collections.Counter(lack.placeholder for lack in lacking).most_common())


def harmless(rows: pa.Table) -> pa.Table:
    """Text rows as CSV carries them: what a spreadsheet could take for a formula has an apostrophe before it."""
    safe = ", ".join(f"""{escaped_sql(f'"{column}"')} AS "{column}\"""" for column in rows.column_names)
    with small_cursor() as duck:
        return duck.from_arrow(rows).project(safe).to_arrow_table()


def write_channel_list(
    session: Session,
    file: CampaignFile,
    messages: Messages,
    channel: str,
    folder: Path,
    recipients: Sequence[Any],
    look: Look,
    parts: Parts | None = None,
) -> Written:
    """Write one channel's list from ``night.listed``, and its letters where it is printed.

    Nothing is written where nobody is left but seeds.
    """
    campaign, settings = file.campaign, session.settings.campaigns.messages
    raw = channel_rows(session, file, messages.name, channel)
    prints = channel == "post" and bool(campaign.messages) and settings.letters.print
    unreadable: list[Lacking] = []
    if prints:
        raw, unreadable = _printable(raw, session)
    found = messages.render(raw, channel, settings.letters if prints else None)
    rows = found.rows
    written = Written(lacking=[*unreadable, *found.lacking])
    for part, some in _parted(rows, parts):
        written.entries += _write_part(session, file, channel, some, part, folder, recipients, look, prints)
    if campaign.messages:
        written.previews += previews_of(rows, channel)
    return written


def _parted(rows: pa.Table, parts: Parts | None) -> list[tuple[str | None, pa.Table]]:
    """Rows by part, each with all seeds; no part where nobody is left but seeds."""
    members = list(
        zip(
            *(rows.column(name).to_pylist() for name in ("customer_id", "account_id", "is_seed")), strict=True
        )
    )
    at: dict[str | None, list[int]] = {}
    for place, (customer, account, is_seed) in enumerate(members):
        if is_seed == "false":
            at.setdefault(parts[customer, account] if parts is not None else None, []).append(place)
    seeds = [place for place, (_, _, is_seed) in enumerate(members) if is_seed == "true"]
    return [(part, rows.take(pa.array([*at[part], *seeds], pa.int64()))) for part in sorted(at, key=str)]


def _write_part(
    session: Session,
    file: CampaignFile,
    channel: str,
    rows: pa.Table,
    part: str | None,
    folder: Path,
    recipients: Sequence[Any],
    look: Look,
    prints: bool,
) -> list[dict[str, Any]]:
    """Write the file of a part of a channel, or of all of it, and its letters; returns the manifest's entries."""
    campaign, settings = file.campaign, session.settings.campaigns.messages
    stem = channel if part is None else f"{channel}.{file_part(part)}"
    said = {"channel": channel} | ({} if part is None else {"part": part})
    laid = harmless(rows) if campaign.format == "csv" else rows
    look = replace(look, title=" ".join(word for word in (campaign.id, channel, part) if word))
    entries = [write_list(folder, stem, laid, campaign.format, recipients, look) | said]
    if prints:
        letters = [_letter(row) for row in rows.to_pylist()]
        sender = " · ".join(
            line for line in (settings.sender.name.get(settings.language), settings.sender.address) if line
        )
        drawn = replace(look, draw=partial(write_letters, letters, settings.letters, sender))
        entries.append(
            write_list(folder, stem, rows.select([]), "pdf", recipients, drawn)
            | said
            | {"rows": len(letters)}
        )
    return entries


def _printable(rows: pa.Table, session: Session) -> tuple[pa.Table, list[Lacking]]:
    """Rows whose address can be printed and seen in the window, and members whose cannot."""
    letters = session.settings.campaigns.messages.letters
    lines = lines_of(font_path(letters))
    kept, lacking = [], []
    for at, row in enumerate(
        rows.select(
            ["customer_id", "account_id", "is_seed", "name", "postal_address", "postcode"]
        ).to_pylist()
    ):
        address = _address(row)
        letter = unprintable(address, letters)
        if letter:
            what = f"U+{ord(letter):04X} in the letters' font"
        elif len(lines.address(address)) > RECIPIENT_LINES:
            what = "room for the address in the window"
        else:
            kept.append(at)
            continue
        if row["is_seed"] == "false":
            lacking.append(Lacking(row["customer_id"], row["account_id"], what))
    return rows.take(pa.array(kept, pa.int64())), lacking


def _address(row: Mapping[str, Any]) -> tuple[str, ...]:
    return address_lines(row["name"] or "", row["postal_address"] or "", row["postcode"] or "")


def _letter(row: Mapping[str, Any]) -> Letter:
    return Letter(
        _address(row), row["message_subject"], row["message_text"], row["reply_code"], row["send_on"]
    )


def _preview(row: Mapping[str, Any], channel: str) -> dict[str, str]:
    shown = ("customer_id", "account_id", "cell", "send_on", "name", "mobile", "phone", "email", "postal_address",
             "message_subject", "message_text", "message_script", "offer", "reply_code", "opt_out")  # fmt: skip
    said = {"channel": channel, "language": row["message_language"]}
    return said | {name: row[name] for name in shown if row.get(name)}
