"""What one night leaves to the next, kept in the lake by date.

``segment_state.<table>`` holds one part for each ``as_of``. A night reads the newest part that is older
than its own date and never its own, so that running a date again, or filling in an older date, gives what
it gave the first time.
"""

from __future__ import annotations

import datetime as dt
import hashlib

import pyarrow as pa

from wattmark.contract.types import schema_of, table_of
from wattmark.engine.produced import PRODUCED
from wattmark.engine.python_table import Asked
from wattmark.engine.session import Session
from wattmark.engine.sqlfile import SqlFile

LAYER = "segment_state"

TABLES = {
    name.partition(".")[2]: schema_of(columns)
    for name, columns in PRODUCED.items()
    if name.startswith(f"{LAYER}.")
}
"""What is kept: coefficients and measures of the models in use; 48 values a load profile (workday hours 0 to 23, weekend
hours 24 to 47) and two a value cluster; of segments only what changed on a date, an empty one saying that it ended; the graded customers at
the last night of each month, and those gone back for in a month; the association rules in force; digests of the definitions that a night worked with."""


def newest_before(session: Asked, table: str) -> pa.Table:
    """The newest part of a state table that is older than the run's date; no rows where there is none.

    Args:
        session: the night's session.
        table: one of ``TABLES``.

    Returns:
        rows with the table's schema.
    """
    schema = TABLES[table]
    columns = ", ".join(schema.names)
    rows = session.query(
        f"SELECT {columns} FROM {LAYER}.{table} WHERE as_of = "
        f"(SELECT MAX(s.as_of) FROM {LAYER}.{table} AS s WHERE s.as_of < $as_of)"
    ).read_all()
    return rows.cast(schema)


def _write(session: Session, table: str, rows: pa.Table, part: dt.date, by: str = "as_of") -> int:
    schema = TABLES[table]
    columns = {
        name: rows.column(name)
        if name in rows.schema.names
        else pa.array([part] * rows.num_rows, pa.date32())
        for name in schema.names
    }
    session.lake.replace(
        f"{LAYER}.{table}",
        pa.table(columns).cast(schema),
        partition_by=[by],
        where=f"{by} = '{part.isoformat()}'",
        metadata={"run_id": session.run.run_id},
    )
    session.forget(f"{LAYER}.{table}")
    return int(rows.num_rows)


_SEGMENTS_AT = f"""
  SELECT s.customer_id, s.method, s.segment FROM {LAYER}.segment AS s WHERE s.as_of <= $day
  QUALIFY ROW_NUMBER() OVER (PARTITION BY s.customer_id, s.method ORDER BY s.as_of DESC) = 1
"""


def keep_state(session: Session) -> dict[str, int]:
    """Leave to later nights what they compare with; call it once a night's segments have been let through.

    Only changes of segments are written. Where a later night has been there already, its changes are taken
    anew against tonight's, so that what was known on that later day stays the same.

    Args:
        session: a session on the lake whose layer ``segment`` has been built.

    Returns:
        rows written by table.
    """
    as_of = session.run.as_of
    done = {
        "model": _write(
            session,
            "model",
            session.query(
                "SELECT model.model, model.trained_on, model.kind, model.name, model.value, model.in_use FROM segment.model WHERE model.in_use AND model.kind <> 'metric' "
                "UNION ALL SELECT lookalike_model.model, lookalike_model.trained_on, lookalike_model.kind, lookalike_model.name, lookalike_model.value, lookalike_model.in_use FROM segment.lookalike_model "
                "WHERE lookalike_model.in_use AND lookalike_model.kind <> 'metric'"
            ).read_all(),
            as_of,
        ),
        "centroid": _write(
            session,
            "centroid",
            session.query(
                "SELECT load_centroid.load_profile, load_centroid.name, load_centroid.position, load_centroid.value FROM segment.load_centroid"
            ).read_all(),
            as_of,
        ),
        "value_centroid": _write(
            session,
            "value_centroid",
            session.query(
                "SELECT value_centroid.value_cluster, value_centroid.name, value_centroid.current_part, value_centroid.potential_part FROM segment.value_centroid"
            ).read_all(),
            as_of,
        ),
        "service_rule": _write(
            session,
            "service_rule",
            session.query(
                "SELECT r.rule_no, r.antecedent_1, r.antecedent_2, r.product_code, r.support, r.confidence, r.lift, r.expected_take_up, "
                "r.learned_on FROM segment.service_rule AS r"
            ).read_all(),
            as_of,
        ),
        "definition": _write(session, "definition", digests(session), as_of),
        "segment": _keep_segments(session),
    }
    grades = keep_grades(session)
    if grades is not None:
        done["grade"] = grades
    done["grade_then"] = _keep_grades_then(session, as_of.replace(day=1))
    return done


def keep_grades(session: Session) -> int | None:
    """Leave the graded customers of a night to later ones, as those of its month; None where a later night of it did already."""
    month = session.run.as_of.replace(day=1)
    kept = session.query(
        f"SELECT MAX(g.as_of) AS day FROM {LAYER}.grade AS g WHERE g.month = $month", month=month
    ).read_all()
    newest = kept.column("day")[0].as_py()
    if newest is not None and newest > session.run.as_of:
        return None
    rows = session.query(
        "SELECT g.customer_id, g.grade, g.objective_tier, g.behaviour_tier, g.behaviour_score, g.value_score, g.is_key_account, g.emerging_key_account, "
        "$as_of AS as_of FROM segment.customer_grade AS g WHERE g.is_graded"
    ).read_all()
    return _write(session, "grade", rows, month, by="month")


def _keep_grades_then(session: Session, month: dt.date) -> int:
    """Keep for the month what was gone back for, unless a night of it has kept that already."""
    there = (
        session.query(
            f"SELECT COUNT(*) AS n FROM {LAYER}.grade_then AS g WHERE g.month = $month", month=month
        )
        .read_all()["n"][0]
        .as_py()
    )
    rows = session.query(
        "SELECT g.customer_id, g.grade, g.objective_tier, g.behaviour_tier, g.graded_on, $as_of AS as_of "
        "FROM segment.grade_then AS g WHERE g.basis = 'recomputed'"
    ).read_all()
    return _write(session, "grade_then", rows, month, by="month") if rows.num_rows and not there else 0


def _keep_segments(session: Session) -> int:
    as_of = session.run.as_of
    later = session.query(
        f"SELECT MIN(s.as_of) AS day FROM {LAYER}.segment AS s WHERE s.as_of > $as_of"
    ).read_all()
    next_day = later.column("day")[0].as_py()
    then = session.query(_SEGMENTS_AT, day=next_day).read_all() if next_day else None
    changes = session.query(
        "SELECT segment_change.customer_id, segment_change.method, segment_change.segment FROM segment.segment_change"
    ).read_all()
    written = _write(session, "segment", changes, as_of)
    if then is not None:
        session.give("night.segment_then", then)
        moved = session.query(
            f"WITH now AS ({_SEGMENTS_AT}) "
            "SELECT COALESCE(t.customer_id, n.customer_id) AS customer_id, COALESCE(t.method, n.method) AS method, t.segment "
            "FROM night.segment_then AS t FULL OUTER JOIN now AS n ON n.customer_id = t.customer_id AND n.method = t.method "
            "WHERE t.segment IS DISTINCT FROM n.segment",
            day=as_of,
        ).read_all()
        _write(session, "segment", moved, next_day)
    return written


def digests(session: Session) -> pa.Table:
    """A digest of every definition of layer ``segment`` as this night reads it, parameters included.

    Dates are left out, or every night would be a change of definition.
    """
    found = []
    for definition in session.catalog.layer("segment"):
        if isinstance(definition, SqlFile):
            text = definition.bound_text(
                dict.fromkeys(session.scalars, "run"),
                session.overrides.get(definition.name),
                definition.day_of(session.scalars),
            )
            found.append((definition.name, hashlib.sha256(text.encode()).hexdigest()[:16]))
    return table_of(
        {"name": "string", "digest": "string"},
        {"name": [name for name, _ in found], "digest": [digest for _, digest in found]},
    )
