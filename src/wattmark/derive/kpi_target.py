"""Targets of key figures as the utility set them, and what the figures are forecast to be."""

from __future__ import annotations

import logging
from typing import cast

import pyarrow as pa

from wattmark.contract.types import Rows
from wattmark.derive.target_file import EVERY_UNIT, read_targets
from wattmark.engine.python_table import TableContext, python_table
from wattmark.engine.session import Session
from wattmark.forecast import LEAST_MONTHS, forecast_months

log = logging.getLogger(__name__)


@python_table(
    "core.kpi_target",
    key=("kpi", "org_unit_id", "span", "period"),
    files=("targets.yaml",),
    columns={
        "kpi": "string",
        "org_unit_id": "string",
        "span": "string",
        "period": "date",
        "target": "double",
    },
    needs=("source.org_unit",),
    grain="one row per key figure, unit and period with a target",
    purpose="Targets of key figures, as targets.yaml of the home has them.",
    docs={
        "kpi": "The key figure, or composite.",
        "org_unit_id": "The unit; * for every unit without a target of its own.",
        "span": "month, quarter or year.",
        "period": "Its first day.",
        "target": "The value that is wanted.",
    },
)
def target(context: TableContext) -> Rows:
    """All targets; those of units that are not there are logged and stay without effect."""
    session = cast(Session, context.session)
    found = read_targets(context.settings.home, session.catalog)
    if not found:
        return []
    units = set(context.query("SELECT org_unit_id FROM source.org_unit")["org_unit_id"].to_pylist())
    lost = [target for target in found if target.unit != EVERY_UNIT and target.unit not in units]
    for unit in sorted({target.unit for target in lost}):
        log.warning("targets.yaml names %s, which is no unit.", unit)
    if lost:
        log.warning("%d of %d targets are of units that are not there.", len(lost), len(found))
    return [
        {
            "kpi": target.figure,
            "org_unit_id": target.unit,
            "span": target.span,
            "period": target.first_day,
            "target": target.value,
        }
        for target in found
    ]


@python_table(
    "mart.audit_kpi_forecast",
    key=("level", "id", "kpi", "period"),
    columns={
        "level": "string",
        "id": "string",
        "kpi": "string",
        "period": "date",
        "ahead": "integer",
        "value": "double",
        "low": "double",
        "high": "double",
        "denominator": "double",
        "months": "integer",
        "too_few": "boolean",
    },
    needs=("core.kpi", "mart.audit_kpi"),
    grain="one row per unit or member of staff, key figure and each of the three months after the audited one",
    purpose=(
        "What key figures are forecast to be, by the Theta method from the months of the last twelve that have a value and rows enough. "
        "Twelve months tell nothing of seasons."
    ),
    docs={
        "level": "org_unit or staff.",
        "id": "Of the unit or member of staff.",
        "kpi": "The key figure, or composite.",
        "period": "First day of the month that is forecast.",
        "ahead": "1, 2 or 3: months after the audited one.",
        "value": "The forecast; a share lies in 0..1, the composite in 0..100; empty where too few months are known.",
        "low": "Lower end of the interval that 8 of 10 values are to lie in.",
        "high": "Its upper end.",
        "denominator": "What the figure is expected to be counted of: the mean of the months that are known; empty of the composite.",
        "months": "Months that are known: with a value and rows enough.",
        "too_few": f"Fewer months than it takes to forecast ({LEAST_MONTHS}).",
    },
)
def forecast(context: TableContext) -> Rows:
    """Three rows for each figure of a unit or member of staff that has monthly rows."""
    known = context.query(
        "SELECT k.level, k.id, k.kpi, k.period, CAST(k.denominator AS DOUBLE) AS denominator, "
        "CASE WHEN NOT k.too_few THEN k.value END AS value, CASE WHEN k.kpi = 'composite' THEN 'composite' ELSE f.form END AS form "
        "FROM mart.audit_kpi AS k LEFT JOIN core.kpi AS f ON f.kpi = k.kpi WHERE k.span = 'month' ORDER BY k.level, k.id, k.kpi, k.period"
    )
    made: pa.Table = forecast_months(known, context.run.period)
    return made
