"""Makes the reviews that are due on the published night: looks, judges, finds, writes files and schema ``ops``, all or nothing.

Made again on the same night a review ends the same: it takes its own items' place and never those of another, and what
people said to them stays. A killed one left nothing but files, which the next one writes again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from wattmark.atomic import write_atomically
from wattmark.cases.review.collect import Units, collect, plain, shown_figures, units_of
from wattmark.cases.review.document import document
from wattmark.cases.review.items import Look, following
from wattmark.cases.review.owners import with_owners
from wattmark.cases.review.render import as_page, as_pdf
from wattmark.cases.review.spans import SPANS, Period, SpanName, due
from wattmark.cases.review.store import (
    LOCK,
    Row,
    item_of,
    items_of,
    keep_fates,
    keep_items,
    keep_review,
    last_period,
    told_item,
)
from wattmark.errors import WattmarkError
from wattmark.home import Home, warehouse_url
from wattmark.publish.findings import asked
from wattmark.publish.ops import libpq_url, upgrade
from wattmark.publish.refusal import naming
from wattmark.settings import Settings

log = logging.getLogger(__name__)
MOST_DAYS = 31
"""Days without a review that the next day's tells of, too."""
PAGE, PDF, DATA = "index.html", "review.pdf", "review.json"
_STANDING = "SELECT c.run_id, c.as_of, p.run_id AS published FROM mart_store.closing_run AS c, mart_store.current_run AS p"


class ReviewError(WattmarkError):
    """A review cannot be made as asked."""


@dataclass(frozen=True)
class Made:
    """A review that was made: of which unit, where its files lie, how many matters it holds."""

    period: Period
    org_unit_id: str
    folder: Path
    items: int

    @property
    def path(self) -> str:
        """Its address below the pages."""
        return review_path(self.period.span, self.period.first, self.org_unit_id)


def review_path(span: str, period: dt.date, unit: str) -> str:
    """The address of a review below the pages, without the question mark."""
    return f"reviews/{span}/{period.isoformat()}/{unit}/"


def make_due(
    settings: Settings, spans: Sequence[SpanName] = SPANS, wanted: dt.date | None = None
) -> list[Made]:
    """Make the reviews that the published night owes: those missed since the last, and again those of its own.

    Args:
        settings: of the home.
        spans: only these.
        wanted: a day of the one period to be made, whatever is due.

    Returns:
        what was made; nothing where a newer night has been reviewed, or readers see no cases and figures yet.

    Raises:
        ReviewError: the period wanted is not over, or its successor is reviewed already.
        PublishError: the warehouse refused; no review is changed.
        PublishUnavailableError: it did not answer, or somebody closed an item meanwhile: trying again helps.
    """
    url = warehouse_url(settings)
    upgrade(url)
    made = []
    with naming("ops.review"), psycopg.connect(libpq_url(url), autocommit=True) as connection:
        # Before the snapshot is taken: who waits here sees what the other wrote.
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        for span in spans:
            for period in periods(connection, span, wanted):
                with snapshot(connection):
                    # Files first on the disk, then what names them: nothing is named that is not there.
                    made += [_write(settings, taken) for taken in take(connection, settings, period)]
    return made


def periods(
    connection: psycopg.Connection[Any], span: SpanName, wanted: dt.date | None = None
) -> list[Period]:
    """Periods of a span to be reviewed on the published night, oldest first; ``wanted`` as ``make_due`` has it."""
    night = _night(connection)
    if night is None:
        log.info("No night has closed that readers see: no review of a %s is made.", span)
        return []
    as_of: dt.date = night["as_of"]
    if wanted is not None:
        period = Period.of(span, wanted)
        newest = max((due_period.first for due_period in due(span, as_of, None)), default=as_of)
        if period.first > newest:
            raise ReviewError(
                "review.not_over", f"the {span} {period.first} to {period.last} is not over on {as_of}, the published night.",
                "Wait for the night after it.",
            )  # fmt: skip
        later = connection.execute(
            "SELECT MIN(period) FROM ops.review WHERE span = %s AND period > %s", [span, period.first]
        ).fetchone()
        if later is not None and later[0] is not None:
            raise ReviewError(
                "review.followed", f"the review of the {span} {later[0]} has judged what that of {period.first} found.",
                "Make the later one, or leave both.",
            )  # fmt: skip
        return [period]
    newer = connection.execute(
        "SELECT EXISTS (SELECT FROM ops.review WHERE span = %s AND as_of > %s)", [span, as_of]
    ).fetchone()
    if newer is not None and newer[0]:
        log.info("A newer night than %s is reviewed: its %s is left as it is.", as_of, span)
        return []
    row = connection.execute(
        "SELECT MAX(period) FROM ops.review WHERE span = %s AND as_of < %s", [span, as_of]
    ).fetchone()
    return list(due(span, as_of, row[0] if row else None))


def _night(connection: psycopg.Connection[Any]) -> Row | None:
    """The night whose cases and figures readers see; None where its marts have not followed yet."""
    rows = asked(connection, _STANDING)
    return rows[0] if rows and rows[0]["run_id"] == rows[0]["published"] else None


@contextmanager
def snapshot(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """A transaction that sees one night alone."""
    with connection.transaction():
        # A night that is published meanwhile must not mix two runs in one review.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


@dataclass(frozen=True)
class Taken:
    """A unit's review: its row in ``ops.review`` and what it says."""

    period: Period
    row: Mapping[str, Any]
    review: Mapping[str, Any]


def take(connection: psycopg.Connection[Any], settings: Settings, period: Period) -> list[Taken]:
    """Judge what the last review found, find, and write both into ``ops``, within the connection's transaction; no file is written.

    Args:
        connection: in a ``snapshot``.
        settings: of the home.
        period: one of ``periods``.

    Returns:
        a review for each unit that one is made for; none where there are no units, or the night's cases have not followed.
    """
    night, units = _night(connection), units_of(connection)
    if night is None or units.top is None:
        return []
    as_of: dt.date = night["as_of"]
    before = last_period(connection, period.span, period.first)
    previous = items_of(connection, period.span, before) if before else []
    look = Look(connection, settings, period, as_of, units, shown_figures(connection, period))
    done = [item_of(row).matter for row in previous if row["closed_as"] == "done"]
    found, fates = following(look, [item_of(row) for row in previous], done)
    keep_fates(connection, previous, fates, period, as_of)
    rows = keep_items(connection, period, with_owners(connection, found, units), as_of)
    earlier = items_of(connection, period.span, before) if before else []
    shared = {
        "span": period.span, "period": period.first, "from_on": _from_on(connection, period), "to_on": period.last, "as_of": as_of,
        "run_id": night["run_id"], "names": _names(connection, units),
    }  # fmt: skip
    taken = []
    for unit in _reviewed(connection, period, units):
        last = None if before is None else {"period": before, "items": _of_unit(earlier, units, unit)}
        body = collect(connection, period, shared["from_on"], as_of, units, unit, settings.cases.hole_share)
        review = plain({**shared, **body, "last": last, "items": _of_unit(rows, units, unit)})
        row = {
            **{name: shared[name] for name in ("span", "period", "from_on", "to_on", "as_of", "run_id")}, "org_unit_id": unit,
            "language": settings.utility.speaks, "folder": f"{period.span}/{period.first.isoformat()}/{_folder_name(unit)}",
            "digest": hashlib.sha256(_text(review).encode()).hexdigest(),
        }  # fmt: skip
        keep_review(connection, row)
        taken.append(Taken(period, row, review))
    return taken


def _of_unit(items: Sequence[Row], units: Units, unit: str) -> list[Row]:
    """What of some items a unit's review tells: of the top unit's all, else what is about its tree or seen to there."""
    tree = set(units.tree(unit))
    return [
        told_item(row)
        for row in items
        if unit == units.top or tree & {row["org_unit_id"], row["child_id"], row["owner_org_unit_id"]}
    ]


def _text(review: Mapping[str, Any]) -> str:
    return json.dumps(review, ensure_ascii=False, sort_keys=True, indent=1)


def _from_on(connection: psycopg.Connection[Any], period: Period) -> dt.date:
    """First day a review tells of: that of its period; of a day also the days since the last review of one."""
    last = last_period(connection, period.span, period.first) if period.span == "day" else None
    if last is None or (period.first - last).days > MOST_DAYS:
        return period.first
    return last + dt.timedelta(days=1)


def _reviewed(connection: psycopg.Connection[Any], period: Period, units: Units) -> list[str]:
    """Units that a review is made for: the top unit; but for days, each other one that has an approver with a login."""
    top = units.top
    rows = (
        asked(connection, "SELECT DISTINCT org_unit_id FROM ops.staff_login WHERE role = 'approver'")
        if period.span != "day"
        else []
    )
    others = {row["org_unit_id"] for row in rows} & set(units.rows) - {top}
    return [unit for unit in units.rows if unit == top or unit in others]


def _names(connection: psycopg.Connection[Any], units: Units) -> dict[str, Any]:
    def titles(table: str, key: str) -> dict[str, dict[str, str]]:
        rows = asked(connection, f"SELECT {key} AS id, title_en, title_zh FROM mart.{table}")
        return {row["id"]: {"en": row["title_en"], "zh": row["title_zh"]} for row in rows}

    return {
        "units": {unit: row["name"] or unit for unit, row in units.rows.items()},
        "kpi": titles("dim_kpi", "kpi"),
        "rule": titles("dim_rule", "rule_id"),
    }


def _write(settings: Settings, taken: Taken) -> Made:
    """Write the files of a review, each in one step."""
    folder = Home(settings.home).reviews / str(taken.row["folder"])
    told = document(taken.review, settings.include, settings.utility.speaks)
    letters = settings.campaigns.messages.letters
    write_atomically(folder / DATA, _text(taken.review), private=True)
    write_atomically(folder / PAGE, as_page(told), private=True)
    write_atomically(folder / PDF, as_pdf(told, letters, taken.row["as_of"]), private=True)
    return Made(taken.period, str(taken.row["org_unit_id"]), folder, len(taken.review["items"]))


def _folder_name(unit: str) -> str:
    """A name for a folder: a unit's id where that is one, else a hash of it."""
    if unit.isascii() and unit.replace("-", "").replace("_", "").isalnum() and len(unit) <= 64:
        return unit
    return f"unit-{hashlib.sha256(unit.encode()).hexdigest()[:16]}"


def read_review(settings: Settings, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a kept review says; None where its file is gone, or is not the one that was made."""
    file = Home(settings.home).reviews / str(row["folder"]) / DATA
    try:
        text = file.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(text).hexdigest() != row["digest"]:
        return None
    found: dict[str, Any] = json.loads(text)
    return found
