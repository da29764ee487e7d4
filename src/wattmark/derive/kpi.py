"""Key figures as their files declare them: who answers for them, what is good, and which rules' findings lie behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from wattmark.contract.types import Rows
from wattmark.engine.catalog import Catalog
from wattmark.engine.python_table import TableContext, python_table
from wattmark.engine.session import Session
from wattmark.engine.sqlfile import SqlFile

COMPOSITE = "composite"
"""The weighted mean of the scores of a unit or a member of staff, which stands beside the figures as one of them."""


def figures(catalog: Catalog) -> Iterator[SqlFile]:
    """The files of key figures, by name: those of layer ``kpi`` that say who answers for them."""
    for name, file in sorted(catalog.tables.items()):
        if name.startswith("kpi.") and isinstance(file, SqlFile) and "post" in file.header:
            yield file


@python_table(
    "core.kpi",
    key=("kpi",),
    files=("include/sql/kpi",),
    columns={
        "kpi": "string",
        "title_en": "string",
        "title_zh": "string",
        "purpose": "string",
        "post": "string",
        "better": "string",
        "form": "string",
        "standard": "double",
        "floor": "double",
        "weight": "double",
        "min_rows": "integer",
        "is_share": "boolean",
        "is_as_of_only": "boolean",
        "has_staff": "boolean",
    },
    grain="one row per key figure",
    purpose="The key figures with the standards in force at the end of the audited month.",
    docs={
        "kpi": "The key figure.",
        "title_en": "What it is called.",
        "title_zh": "The same in Chinese.",
        "purpose": "What it says.",
        "post": "The post that answers for it.",
        "better": "high or low: which way is good.",
        "form": "share, days or number: how it is told.",
        "standard": "Value that scores 100; empty where it is not scored.",
        "floor": "Value that scores 0.",
        "weight": "What its score weighs in the composite.",
        "min_rows": "Rows behind the denominator below which it is not scored; empty: as for all.",
        "is_share": "It is a share of rows, so that few of them cannot reach its standard.",
        "is_as_of_only": "It is known of as_of alone.",
        "has_staff": "Its rows name members of staff.",
    },
)
def figure(context: TableContext) -> Rows:
    """One row for each file of a key figure."""
    session = cast(Session, context.session)
    found: list[dict[str, Any]] = []
    for file in figures(session.catalog):
        header = file.header
        values = file.values(context.run.period_end, session.overrides.get(file.name))
        found.append(
            {
                "kpi": file.table,
                "title_en": header["title"],
                "title_zh": header["zh"],
                "purpose": str(header["purpose"]).strip(),
                "post": header["post"],
                "better": header["better"],
                "form": header["form"],
                "standard": values.get("standard"),
                "floor": values.get("floor"),
                "weight": values["weight"],
                "min_rows": values.get("min_rows"),
                "is_share": bool(header.get("share")),
                "is_as_of_only": bool(header.get("as_of_only")),
                "has_staff": "staff" in header,
            }
        )
    return found


@python_table(
    "core.kpi_rule",
    key=("kpi", "rule_id"),
    files=("include/sql/kpi",),
    columns={"kpi": "string", "rule_id": "string"},
    grain="one row per key figure and rule whose findings lie behind it",
    purpose="Which findings lie behind which key figure.",
    docs={"kpi": "The key figure.", "rule_id": "The rule."},
)
def figure_rule(context: TableContext) -> Rows:
    """The ``rules`` of each file."""
    session = cast(Session, context.session)
    return [
        {"kpi": file.table, "rule_id": rule_id}
        for file in figures(session.catalog)
        for rule_id in file.header.get("rules") or ()
    ]
