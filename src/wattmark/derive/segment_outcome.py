"""The grades that are judged by what came after them."""

from __future__ import annotations

import datetime as dt
import logging

import pyarrow as pa

from wattmark.contract.types import Rows
from wattmark.engine.python_table import TableContext, python_table
from wattmark.segment import past, state

log = logging.getLogger(__name__)


@python_table(
    "segment.grade_then",
    key=("customer_id",),
    columns={
        "customer_id": "string",
        "grade": "string",
        "objective_tier": "integer",
        "behaviour_tier": "integer",
        "graded_on": "date",
        "basis": "string",
    },
    needs=("segment.outcome_parameter",),
    grain="one row per customer that had a live account on the night whose grades are judged",
    purpose=(
        "The grades of the newest month kept that lies months_back: as they were given; where none is kept, as today's "
        "definitions give them from what was known then, made once a month."
    ),
    docs={
        "customer_id": "The customer.",
        "grade": "A to E, then.",
        "objective_tier": "1 to 5, then.",
        "behaviour_tier": "1 to 5, then.",
        "graded_on": "The night, or the day gone back to.",
        "basis": "given or recomputed.",
    },
)
def grade_then(context: TableContext) -> Rows:
    """Grades of ``months_back`` months ago; none where nothing was accepted yet."""
    back = context.query("SELECT months_back FROM segment.outcome_parameter").to_pylist()[0]["months_back"]
    month = context.run.as_of.replace(day=1)
    day = _months_before(month, int(back))
    given = context.query(
        "SELECT g.customer_id, g.grade, g.objective_tier, g.behaviour_tier, g.as_of AS graded_on, 'given' AS basis "
        "FROM segment_state.grade AS g WHERE g.month = (SELECT MAX(m.month) FROM segment_state.grade AS m WHERE m.month < $day)",
        day=day,
    )
    if given.num_rows:
        return given
    kept = state.newest_before(context.session, "grade_then")
    if not kept.num_rows or kept["month"][0].as_py() != month:
        log.info("Grades of %s are made to be judged by what came after them.", day)
        kept = past.graded_on(context.settings, day)
    return kept.select(past.GRADED.names).append_column("basis", pa.array(["recomputed"] * kept.num_rows))


def _months_before(first: dt.date, months: int) -> dt.date:
    at = first.year * 12 + first.month - 1 - months
    return dt.date(at // 12, at % 12 + 1, 1)
