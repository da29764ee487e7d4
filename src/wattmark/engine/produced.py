"""Tables that steps of the night write besides the SQL files, with their columns.

They may be read by SQL files like any other table; before the step first ran they are empty.
"""

from __future__ import annotations

PRODUCED: dict[str, dict[str, str]] = {
    "findings.audit_exception": {
        "rule_id": "string",
        "subject_type": "string",
        "subject_id": "string",
        "period": "date",
        "account_id": "string",
        "customer_id": "string",
        "org_unit_id": "string",
        "severity": "string",
        "at_stake_amount": "decimal",
        "evidence": "string",
        "kind": "string",
        "family": "string",
    },
    "findings.audit_coverage": {
        "rule_id": "string",
        "should_check": "integer",
        "checked": "integer",
        "flagged": "integer",
        "not_checked": "integer",
        "not_checked_reasons": "string",
        "seconds": "double",
        "family": "string",
    },
    "findings.root_cause": {
        "rule_id": "string",
        "subject_type": "string",
        "subject_id": "string",
        "cause_rule_id": "string",
        "cause_subject_type": "string",
        "cause_subject_id": "string",
        "explanation": "string",
    },
    "quality.reconciliation": {
        "source_table": "string",
        "read_rows": "integer",
        "accepted_rows": "integer",
        "quarantined_rows": "integer",
        "superseded_rows": "integer",
        "warned_rows": "integer",
    },
    "segment_state.segment": {
        "customer_id": "string",
        "method": "string",
        "segment": "string",
        "as_of": "date",
    },
    "segment_state.grade": {
        "customer_id": "string",
        "grade": "string",
        "objective_tier": "integer",
        "behaviour_tier": "integer",
        "value_score": "double",
        "is_key_account": "boolean",
        "emerging_key_account": "boolean",
        "month": "date",
        "as_of": "date",
    },
    "segment_state.model": {
        "model": "string",
        "trained_on": "date",
        "kind": "string",
        "name": "string",
        "value": "double",
        "in_use": "boolean",
        "as_of": "date",
    },
    "segment_state.centroid": {
        "load_profile": "integer",
        "name": "string",
        "position": "integer",
        "value": "double",
        "as_of": "date",
    },
    "segment_state.definition": {"name": "string", "digest": "string", "as_of": "date"},
}
