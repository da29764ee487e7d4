"""What each night found, kept by date, so that a finding that is gone is not forgotten.

``audit_state.finding`` holds the keys of a night's findings, one part for each date and audited month. Running a night
again replaces its own part and nothing else; filling in an older one adds its part. What is published of them
(``mart.audit_exception_history``) counts nights up to its own date.
"""

from __future__ import annotations

from wattmark.audit.runner import FINDINGS
from wattmark.engine.session import DuckDBSession

STATE = "audit_state.finding"


def keep_findings(session: DuckDBSession) -> int:
    """Leave tonight's findings to later nights; call it once the night is published.

    Args:
        session: a session on the lake whose findings are those of the run.

    Returns:
        findings kept.
    """
    run = session.run
    rows = session.query(
        f"SELECT f.rule_id, f.subject_type, f.subject_id, $as_of AS as_of, $period AS period FROM {FINDINGS} AS f "
        "ORDER BY f.rule_id, f.subject_type, f.subject_id"
    ).read_all()
    session.lake.replace(
        STATE,
        rows,
        partition_by=["as_of", "period"],
        where=f"as_of = '{run.as_of.isoformat()}' AND period = '{run.period.isoformat()}'",
        metadata={"run_id": run.run_id},
    )
    session.forget(STATE)
    return int(rows.num_rows)
