"""Publishes a run to PostgreSQL: what readers see changes in one transaction, and only where it differs.

See ``publish.store`` for how, and docs/decisions/0010-publish-by-difference.md for why.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

import duckdb
import psycopg

from wattmark import __version__
from wattmark.contract import Contract
from wattmark.engine.catalog import Catalog, TableDefinition
from wattmark.engine.python_table import PythonTable
from wattmark.engine.session import DuckDBSession
from wattmark.errors import PublishError
from wattmark.lake import Lake
from wattmark.publish.incoming import BI_ROLE, PII_ROLE, SCHEMAS, Incoming, Published, Standing
from wattmark.publish.ops import RunState, libpq_url, published_run, refuse_older, upgrade
from wattmark.publish.refusal import naming
from wattmark.publish.store import Store
from wattmark.quality.reconciled import QUARANTINE_SCHEMA
from wattmark.run import Run
from wattmark.settings import Settings

__all__ = [
    "BI_ROLE",
    "PII_ROLE",
    "SCHEMAS",
    "Published",
    "kept_versions",
    "publish",
    "publish_closing",
    "take_back",
]

KEPT = 2
"""Publications whose tables the lake keeps, so that the last one can be taken back."""

_MARTS = ("mart", "mart_pii")
_QUARANTINE_DOCS = {
    "key": "Key of the refused row, its parts joined by |.",
    "row": "The row as it was handed over, as JSON text.",
    "reason": "The expectation it failed and the column.",
    "file": "File or table it came from.",
    "run_id": "Run that refused it.",
    "first_seen": "Day it was refused first.",
}


def _described(definition: TableDefinition) -> tuple[str, dict[str, str], tuple[str, ...]]:
    if isinstance(definition, PythonTable):
        return f"{definition.purpose} Grain: {definition.grain}.", dict(definition.docs), ()
    header = definition.header
    columns = header.get("columns") or {}
    docs = {name: str(entry.get("doc", "")) for name, entry in columns.items() if isinstance(entry, dict)}
    as_json = tuple(name for name, entry in columns.items() if isinstance(entry, dict) and entry.get("json"))
    return f"{header.get('purpose', '')} Grain: {header.get('grain', '')}.".strip(), docs, as_json


def published_names(catalog: Catalog, contract: Contract) -> Iterator[str]:
    """Every table that a night publishes before audit cases take it in, as the lake calls it."""
    later = set(catalog.closing())
    for name in sorted(catalog.tables):
        if name.split(".")[0] in _MARTS and name not in later:
            yield name
    for table in contract.tables:
        yield f"quarantine.{table}"


def closing_names(catalog: Catalog) -> list[str]:
    """Every table that is published once audit cases have taken in the night."""
    return sorted(name for name in catalog.closing() if name.split(".")[0] in _MARTS)


def incoming(session: DuckDBSession, names: Iterable[str], *, closes: bool = False) -> Iterator[Incoming]:
    """Tables that readers shall see, as the session reads them; ``closes``: they rest on audit cases."""
    for name in names:
        schema, table = name.split(".")
        if schema == "quarantine":
            if not session.lake.exists(name) or (session.versions and name not in session.versions):
                session.give(name, QUARANTINE_SCHEMA.empty_table())
            comment, docs = f"Rows of {table} that were refused, with the reason.", _QUARANTINE_DOCS
            key: tuple[str, ...] = ()
            as_json: tuple[str, ...] = ()
        else:
            definition = session.catalog.tables[name]
            comment, docs, as_json = _described(definition)
            key = definition.key
        columns = session.query(f"SELECT * FROM {name} LIMIT 0").schema
        yield Incoming(
            schema, table, f'SELECT * FROM "{schema}"."{table}"', columns, key, comment, docs, as_json,
            names_run=schema != "quarantine", closes=closes,
        )  # fmt: skip


def _versions(lake: Lake, names: Iterable[str]) -> dict[str, int]:
    found = {name: lake.version(name) for name in names}
    return {name: version for name, version in found.items() if version is not None}


def publish(
    settings: Settings,
    run: Run,
    url: str,
    session: DuckDBSession | None = None,
    *,
    republish: bool = False,
) -> list[Published]:
    """Publish all marts, personal contacts and quarantines of a run in one transaction.

    Args:
        settings: the home's settings.
        run: the run; its date and id stand in every mart table.
        url: SQLAlchemy URL of the warehouse.
        session: the session to read through; a new one where None.
        republish: whether it may take the place of a newer night.

    Returns:
        one entry per table, with what it has and how much of it changed.

    Raises:
        PublishError: the warehouse refuses, a table breaks its key, a column that somebody's view reads goes, or a
            newer night stands. What readers see stays as it is.
        PublishUnavailableError: the warehouse does not answer, or another publisher does not end.
    """
    upgrade(url)
    with session or DuckDBSession(settings, run) as reading, Store(libpq_url(url), __version__) as store:
        with naming():
            # Again, now that nobody else publishes: a newer night may have ended since this one began.
            refuse_older(published_run(store.side), run, republish)
        names = list(published_names(reading.catalog, reading.contract))
        # What is read is what is noted, whatever is written to the lake meanwhile.
        reading.versions = _versions(reading.lake, names) | reading.versions
        later = set(closing_names(reading.catalog))
        done = store.change(reading.duck, list(incoming(reading, names)), later.__contains__)
        store.commit(
            run_id=run.run_id,
            as_of=run.as_of,
            period=run.period,
            rows=sum(table.rows for table in done),
            changed=sum(table.changed for table in done),
            lake_versions=reading.versions,
        )
    return done


def publish_closing(
    settings: Settings, run: Run, url: str, session: DuckDBSession | None = None
) -> list[Published]:
    """Publish what rests on audit cases beside the run that stands, in one transaction; all else stays as it is.

    Until then these tables say by ``as_of`` and ``run_id`` that they are of the run before.

    Args:
        settings: the home's settings.
        run: the run; it must be the one that readers see.
        url: SQLAlchemy URL of the warehouse.
        session: the session to read through; a new one where None.

    Returns:
        one entry per table.

    Raises:
        PublishError: another run stands, or as ``publish``.
        PublishUnavailableError: as ``publish``.
    """
    upgrade(url)
    with session or DuckDBSession(settings, run) as reading, Store(libpq_url(url), __version__) as store:
        standing = store.standing()
        if standing is None or standing.run_id != run.run_id:
            raise PublishError(
                "publish.not_standing", f"readers see {f'run {standing.run_id}' if standing else 'no run'}, not run {run.run_id}.",
                "The tables that rest on audit cases follow the run that stands; run the night again to have it stand.",
            )  # fmt: skip
        names = closing_names(reading.catalog)
        reading.versions = _versions(reading.lake, names) | reading.versions
        done = store.change(reading.duck, list(incoming(reading, names, closes=True)), lambda name: True)
        store.commit_closing(standing.publication_no, reading.versions)
    return done


def take_back(settings: Settings, url: str) -> tuple[Standing, list[Published]]:
    """Take the last publication back: readers see the one before it again, tables and run row.

    State that people and processes change (cases, campaign lists, decisions) and what the home remembers of the night
    (watermarks, the history of segments) stay as they are; so do the tables that rest on audit cases where the earlier
    publication had none.

    Args:
        settings: the home's settings; its lake must still hold the tables of the earlier publication.
        url: SQLAlchemy URL of the warehouse.

    Returns:
        the run that stands again, and what changed.

    Raises:
        PublishError: there is none before it, the lake does not hold it any more, or another release made it.
    """
    upgrade(url)
    with Store(libpq_url(url), __version__) as store:
        standing = store.standing()
        rows = store.side.execute(
            "SELECT publication_no, run_id, as_of, period, lake_versions FROM ops.publication "
            "WHERE publication_no < %s AND taken_back_at IS NULL ORDER BY publication_no DESC LIMIT 1",
            [standing.publication_no if standing else 0],
        ).fetchall()
        if standing is None or not rows:
            raise PublishError(
                "publish.nothing_before", "there is no publication before the one that stands.",
                "To have the figures of an earlier night instead: `wattmark run --as-of DATE --republish`.",
            )  # fmt: skip
        number, run_id, as_of, period, versions = rows[0]
        run = Run.of(as_of, settings.utility.time_zone, period)
        with DuckDBSession(settings, run, versions=versions) as reading:
            _require(reading, store, versions, run_id)
            names = list(published_names(reading.catalog, reading.contract))
            later = closing_names(reading.catalog)
            closes = bool(later) and versions.keys() >= set(later)
            tables = [*incoming(reading, names), *(incoming(reading, later, closes=True) if closes else ())]
            try:
                done = store.change(reading.duck, tables, later.__contains__)
            except duckdb.IOException:
                raise _not_kept(run_id) from None
            now = store.commit(
                run_id=run_id,
                as_of=as_of,
                period=period,
                rows=sum(table.rows for table in done),
                changed=sum(table.changed for table in done),
                lake_versions=versions,
                back_to=number,
                closes=closes,
            )
    return now, done


def _not_kept(run_id: str) -> PublishError:
    return PublishError(
        "publish.not_kept", f"the lake of this home does not hold the tables of run {run_id} any more.",
        "Run that night again: wattmark run --as-of DATE --republish.",
    )  # fmt: skip


def _require(session: DuckDBSession, store: Store, versions: Mapping[str, int], run_id: str) -> None:
    lake = session.lake
    if not all(lake.holds(name, version) for name, version in versions.items()):
        raise _not_kept(run_id)
    for name in published_names(session.catalog, session.contract):
        if name.split(".")[0] != "quarantine" and name not in versions:
            raise PublishError(
                "publish.other_release", f"run {run_id} was published without {name}, by another release.",
                "Run that night again with this release: wattmark run --as-of DATE --republish.",
            )  # fmt: skip


def kept_versions(settings: Settings, url: str) -> dict[str, list[int]]:
    """Versions of the lake's tables that ``take_back`` may need, by table: those of the last KEPT publications."""
    found: dict[str, list[int]] = {}
    with naming(), psycopg.connect(libpq_url(url)) as connection:
        if connection.execute("SELECT to_regclass('ops.publication')").fetchall()[0][0] is None:
            return {}
        for (versions,) in connection.execute(
            "SELECT lake_versions FROM ops.publication WHERE taken_back_at IS NULL ORDER BY publication_no DESC LIMIT %s", [KEPT]
        ).fetchall():  # fmt: skip
            for name, version in versions.items():
                if version not in found.setdefault(name, []):
                    found[name].append(version)
    return found


def publications(url: str, limit: int = 10) -> list[tuple[int, RunState, int, int, dt.datetime | None]]:
    """The newest publications: number, run, rows, rows that differed, and when it was taken back."""
    upgrade(url)
    with naming(), psycopg.connect(libpq_url(url)) as connection:
        return [
            (number, RunState(run_id, as_of, "published", published_at=at), rows, changed, back)
            for number, run_id, as_of, at, rows, changed, back in connection.execute(
                "SELECT publication_no, run_id, as_of, published_at, rows, changed_rows, taken_back_at FROM ops.publication "
                "ORDER BY publication_no DESC LIMIT %s", [limit]
            ).fetchall()
        ]  # fmt: skip
