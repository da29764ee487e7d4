"""Schema ``ops`` of the warehouse: state that people and processes change. Migrated, never rebuilt.

Here are also the runs: each try of a night is a row of ``ops.pipeline_attempt``; ``ops.pipeline_run`` holds one
row a night, which belongs to the attempt that was published once there is one, so that a failed rerun changes
nothing of it. What readers see stands in ``mart_store.current_run``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine

from wattmark.errors import PublishError
from wattmark.home import warehouse_url
from wattmark.publish.refusal import naming
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings

SCHEMA = "ops"

__all__ = [
    "SCHEMA",
    "RunState",
    "begin_run",
    "end_run",
    "libpq_url",
    "noted",
    "ops_engine",
    "published_run",
    "runs_since",
    "upgrade",
    "warehouse_url",
]


def ops_engine(settings: Settings) -> Engine:
    """An engine on the warehouse; connections are checked before they are used."""
    return create_engine(warehouse_url(settings), pool_pre_ping=True)


def libpq_url(url: str) -> str:
    """A SQLAlchemy URL as psycopg and the ADBC driver read it."""
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    # SQLAlchemy leaves the blanks of a password as they are; libpq refuses them.
    return plain.replace(" ", "%20")


def upgrade(url: str, revision: str = "head") -> None:
    """Bring schema ``ops`` to a revision; does nothing where it is there already.

    Args:
        url: SQLAlchemy URL of a PostgreSQL database whose user may create a schema.
        revision: Alembic revision.

    Raises:
        PublishError: the URL is not PostgreSQL's.
        PublishUnavailableError: another migration does not end, or the warehouse does not answer.
    """
    if not url.startswith("postgresql"):
        raise PublishError(
            "ops.not_postgresql", "The warehouse must be PostgreSQL.", "Set services.warehouse_url."
        )
    config = Config()
    config.set_main_option("script_location", str(PROJECT_ROOT / "migrations"))
    config.attributes["url"] = url
    try:
        command.upgrade(config, revision)
    except sa.exc.DBAPIError as error:
        with naming("schema ops"):
            if isinstance(error.orig, psycopg.Error):
                raise error.orig from None
            raise


@dataclass(frozen=True)
class RunState:
    """A night as ``ops`` knows it: the published one, or one that runs or failed since. Times are instants."""

    run_id: str
    as_of: dt.date
    state: str
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    published_at: dt.datetime | None = None


def published_run(connection: psycopg.Connection[Any]) -> RunState | None:
    """The run that readers see; None before the first publication.

    A warehouse that an earlier release published has no row that names it: there the newest night counts that
    ``ops`` knows as succeeded.
    """
    cursor = connection.cursor(row_factory=psycopg.rows.tuple_row)
    there = cursor.execute(
        "SELECT to_regclass('mart_store.current_run') IS NOT NULL, "
        "to_regclass('mart.reconciliation') IS NOT NULL AND to_regclass('ops.pipeline_run') IS NOT NULL"
    ).fetchone()
    if there is not None and there[0]:
        query = (
            "SELECT c.run_id, c.as_of, COALESCE(r.state, 'succeeded'), r.started_at, r.finished_at, c.published_at "
            "FROM mart_store.current_run AS c LEFT JOIN ops.pipeline_run AS r USING (run_id)"
        )
    elif there is not None and there[1]:
        query = (
            "SELECT run_id, as_of, state, started_at, finished_at, finished_at FROM ops.pipeline_run "
            "WHERE state = 'succeeded' ORDER BY finished_at DESC LIMIT 1"
        )
    else:
        return None
    row = cursor.execute(query).fetchone()
    return RunState(*row) if row else None


def runs_since(connection: psycopg.Connection[Any]) -> list[RunState]:
    """Attempts that run, or failed, and began after the run that readers see had begun its publication; newest first."""
    cursor = connection.cursor(row_factory=psycopg.rows.tuple_row)
    there = cursor.execute("SELECT to_regclass('ops.pipeline_attempt')").fetchone()
    if there is None or there[0] is None:
        return []
    published = published_run(connection)
    return [
        RunState(*row)
        for row in cursor.execute(
            "SELECT run_id, as_of, state, started_at, finished_at FROM ops.pipeline_attempt "
            "WHERE state IN ('running', 'failed') AND (%(since)s::timestamptz IS NULL OR started_at > %(since)s "
            "OR COALESCE(finished_at, 'infinity') > %(since)s AND run_id <> %(run_id)s) ORDER BY started_at DESC LIMIT 10",
            {
                "since": published.published_at if published else None,
                "run_id": published.run_id if published else "",
            },
        ).fetchall()
    ]


def begin_run(
    url: str, run: Run, *, code_version: str, parameters_hash: str, republish: bool = False
) -> None:
    """Note that a night has begun, migrating schema ``ops`` where needed.

    Args:
        url: SQLAlchemy URL of the warehouse.
        run: the night.
        code_version: release that runs.
        parameters_hash: of all that decides the result besides data and code.
        republish: whether it may take the place of a newer published night.

    Raises:
        PublishError: ``publish.older``, a newer night is published; nothing is noted.
    """
    upgrade(url)
    with naming(), psycopg.connect(libpq_url(url)) as connection:
        refuse_older(published_run(connection), run, republish)
        row = {
            "run_id": run.run_id,
            "as_of": run.as_of,
            "started_at": dt.datetime.now(dt.UTC),
            "code_version": code_version,
            "parameters_hash": parameters_hash,
        }
        connection.execute(
            "UPDATE ops.pipeline_attempt SET state = 'abandoned' WHERE run_id = %(run_id)s AND state = 'running'",
            row,
        )
        connection.execute(
            "INSERT INTO ops.pipeline_attempt (run_id, as_of, started_at, state, code_version, parameters_hash) "
            "VALUES (%(run_id)s, %(as_of)s, %(started_at)s, 'running', %(code_version)s, %(parameters_hash)s)",
            row,
        )
        connection.execute(
            "INSERT INTO ops.pipeline_run AS r (run_id, as_of, started_at, state, code_version, parameters_hash) "
            "VALUES (%(run_id)s, %(as_of)s, %(started_at)s, 'running', %(code_version)s, %(parameters_hash)s) "
            "ON CONFLICT (run_id) DO UPDATE SET started_at = EXCLUDED.started_at, finished_at = NULL, state = 'running', "
            "code_version = EXCLUDED.code_version, parameters_hash = EXCLUDED.parameters_hash, rows_in = NULL, rows_out = NULL "
            "WHERE r.published_at IS NULL",
            row,
        )


def refuse_older(standing: RunState | None, run: Run, republish: bool) -> None:
    """A night for an older date does not take the published one's place unless it is asked to.

    Raises:
        PublishError: ``publish.older``.
    """
    if standing is not None and run.as_of < standing.as_of and not republish:
        raise PublishError(
            "publish.older", f"the night {run.as_of} is older than the published one, {standing.as_of}, and would take its place.",
            "Where that is wanted, run it with --republish (the DAG's parameter Republish); the newest night comes back by "
            "`wattmark publish --back`, or by running it again.",
        )  # fmt: skip


def noted(connection: psycopg.Connection[Any], publication_no: int, *, back: bool) -> None:
    """Bring ``ops.pipeline_run`` to what was published or taken back, within the transaction that does it."""
    if back:
        connection.execute(
            "UPDATE ops.pipeline_run AS r SET published_at = p.at, state = CASE WHEN p.at IS NULL THEN 'taken_back' ELSE r.state END "
            "FROM (SELECT run_id, MAX(published_at) FILTER (WHERE taken_back_at IS NULL) AS at FROM ops.publication GROUP BY run_id) AS p "
            "WHERE p.run_id = r.run_id AND r.run_id IN (SELECT run_id FROM ops.publication WHERE publication_no > %s)",
            [publication_no],
        )
        return
    connection.execute(
        "UPDATE ops.pipeline_run AS r SET state = 'succeeded', published_at = p.published_at, rows_in = NULL, rows_out = p.rows, "
        "finished_at = p.published_at, started_at = COALESCE(a.started_at, r.started_at), "
        "code_version = COALESCE(a.code_version, r.code_version), parameters_hash = COALESCE(a.parameters_hash, r.parameters_hash) "
        "FROM ops.publication AS p LEFT JOIN LATERAL (SELECT * FROM ops.pipeline_attempt AS o WHERE o.run_id = p.run_id "
        "ORDER BY o.attempt_id DESC LIMIT 1) AS a ON TRUE WHERE p.publication_no = %s AND r.run_id = p.run_id",
        [publication_no],
    )


def end_run(url: str, run: Run, state: str, rows_in: int | None = None, rows_out: int | None = None) -> None:
    """Note how the newest attempt of a night ended.

    A night that is published stays ``succeeded`` with its own figures when a later attempt failed.

    Args:
        url: SQLAlchemy URL of the warehouse.
        run: the night.
        state: ``succeeded`` or ``failed``.
        rows_in: rows read.
        rows_out: rows published.
    """
    row = {
        "run_id": run.run_id,
        "state": state,
        "finished_at": dt.datetime.now(dt.UTC),
        "rows_in": rows_in,
        "rows_out": rows_out,
    }
    with naming(), psycopg.connect(libpq_url(url)) as connection:
        newest = connection.execute(
            "SELECT attempt_id, state FROM ops.pipeline_attempt WHERE run_id = %(run_id)s ORDER BY attempt_id DESC LIMIT 1",
            row,
        ).fetchone()
        if newest is None:
            return
        row["attempt_id"] = newest[0]
        if newest[1] == "succeeded" and state == "failed":
            # Some of its tasks were cleared and run again; nobody began it anew.
            connection.execute(
                "INSERT INTO ops.pipeline_attempt (run_id, as_of, started_at, finished_at, state, code_version, parameters_hash, rows_in) "
                "SELECT run_id, as_of, %(finished_at)s, %(finished_at)s, %(state)s, code_version, parameters_hash, %(rows_in)s "
                "FROM ops.pipeline_attempt WHERE attempt_id = %(attempt_id)s",
                row,
            )
            return
        connection.execute(
            "UPDATE ops.pipeline_attempt SET state = %(state)s, finished_at = %(finished_at)s, rows_in = %(rows_in)s, rows_out = %(rows_out)s "
            "WHERE attempt_id = %(attempt_id)s",
            row,
        )
        connection.execute(
            "UPDATE ops.pipeline_run AS r SET state = %(state)s, finished_at = %(finished_at)s, "
            "rows_in = COALESCE(%(rows_in)s, r.rows_in), rows_out = COALESCE(%(rows_out)s, r.rows_out) FROM ops.pipeline_attempt AS a "
            "WHERE r.run_id = %(run_id)s AND a.attempt_id = %(attempt_id)s "
            "AND (r.published_at IS NULL OR %(state)s = 'succeeded' AND r.published_at >= a.started_at)",
            row,
        )
