"""What rules say of a few subjects, and whether it is what they said over all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from wattmark.audit.in_force import rows_sql
from wattmark.audit.replay import Finding
from wattmark.audit.root_cause.mend import plain
from wattmark.audit.rules import FIXED_COLUMNS, Rule
from wattmark.engine.session import Session


def judged(session: Session, rule: Rule, subjects: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What a rule says of some subjects, flagged or not."""
    wanted = sorted(set(subjects))
    session.duck.register("_rc_wanted", pa.table({"id": pa.array(wanted, pa.string())}))
    try:
        body = rows_sql(session, rule, session.result_sql(rule.file))
        rows = session.duck.sql(
            f"SELECT * FROM ({body}) AS r WHERE CAST(r.subject_id AS VARCHAR) IN (FROM _rc_wanted)"
        ).to_arrow_table()
    finally:
        session.duck.unregister("_rc_wanted")
    return {str(row["subject_id"]): row for row in rows.to_pylist()}


def evidence_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule's row shows besides the columns that all rules have."""
    return {name: value for name, value in row.items() if name not in FIXED_COLUMNS}


def says_the_same(row: Mapping[str, Any], finding: Finding) -> bool:
    """Whether a rule says over the few rows what it said over all."""
    if not is_flagged(row):
        return False
    for name, value in evidence_of(row).items():
        told, value = finding.evidence.get(name), plain(value)
        if isinstance(value, (int, float)) and isinstance(told, (int, float)):
            if not math.isclose(value, told, rel_tol=1e-6, abs_tol=1e-6):
                return False
        elif isinstance(value, (int, float, bool)) and value != told:
            return False
    return True


def is_flagged(row: Mapping[str, Any]) -> bool:
    """Whether a subject was judged and is not in order."""
    return bool(row["flagged"]) and row.get("not_checked") is None


def is_cleared(row: Mapping[str, Any] | None) -> bool:
    """Whether a subject was judged and is in order; one that cannot be judged any more explains nothing."""
    return row is not None and not row["flagged"] and row.get("not_checked") is None
