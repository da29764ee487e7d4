"""Publications and attempts: what stands in the marts, what was tried, and a comment for every column.

Revision: 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPS = "ops"

COMMENTS: dict[str, dict[str, str]] = {
    "pipeline_run": {
        "as_of": "Day the run speaks for.",
        "started_at": "When the attempt that is shown began: the one that was published, else the newest.",
        "finished_at": "When that attempt ended; empty while it runs.",
        "state": "running, succeeded, failed, or taken_back; a published night stays succeeded when a rerun fails.",
        "code_version": "Release of Wattmark that ran.",
        "parameters_hash": "Of settings, SQL, contract, expectations and campaigns.",
        "rows_in": "Rows read from the sources.",
        "rows_out": "Rows of all published tables.",
    },
    "audit_case": {
        "case_id": "Stable id of the case.",
        "rule_id": "Rule that found it.",
        "subject_type": "What the rule looks at, such as account or bill.",
        "subject_id": "Key of the subject.",
        "period_first": "First month it was found in.",
        "period_last": "Last month it was found in.",
        "state": "Where the case stands.",
        "severity": "high, medium or low.",
        "at_stake_amount": "Money at stake; empty where the rule names none.",
        "account_id": "Account it belongs to.",
        "customer_id": "Customer it belongs to.",
        "org_unit_id": "Unit that is responsible for the account.",
        "assigned_org_unit_id": "Unit it is assigned to.",
        "assigned_to": "Person it is assigned to.",
        "due_on": "Day it should be done by.",
        "root_cause_case_id": "Case it follows from.",
        "opened_at": "When it was opened.",
        "closed_at": "When it was closed.",
        "outcome": "What came of it.",
        "last_seen_on": "Newest night that found it.",
    },
    "audit_case_event": {
        "case_id": "Case it happened to.",
        "event_no": "Number within the case, from 1.",
        "at": "When it happened.",
        "actor": "Who did it; the night is an actor too.",
        "from_state": "State before.",
        "to_state": "State after.",
        "note": "What was said about it.",
    },
    "campaign_run": {
        "campaign_id": "Campaign the list is of.",
        "purpose": "What consent was asked for: service, marketing and so on.",
        "as_of": "Night that made the list.",
        "version": "1, or more where a list was made anew.",
        "run_id": "Run that made it.",
        "definition_hash": "Of the campaign's definition as it was used.",
        "definition": "The definition as it was used.",
        "state": "listed, awaiting_approval, released, refused or corrected.",
        "considered": "Members of the audience.",
        "listed": "Members on the list.",
        "control": "Members held out.",
        "excluded": "Members an exclusion took out.",
        "over_limit": "Members beyond size or budget.",
        "cost_amount": "What the contacts cost.",
        "approved_by": "Who approved it.",
        "approved_at": "When it was approved.",
        "released_at": "When it was released.",
        "corrects_run_id": "List it corrects.",
    },
    "campaign_member": {
        "campaign_run_id": "List it belongs to.",
        "customer_id": "Customer.",
        "outcome": "listed, control, excluded or over_limit.",
        "excluded_by": "First rule that excluded; empty unless excluded.",
        "channel": "Channel of the contact.",
        "cell": "Cell of the experiment.",
        "priority": "Priority of the campaign; the highest has the customer.",
        "is_seed": "One of the utility's own addresses.",
        "expected_value_amount": "Value expected of the contact.",
    },
    "campaign_area": {
        "campaign_run_id": "List it belongs to.",
        "region_code": "Administrative division.",
        "postcode": "Postcode.",
        "addresses": "Addresses of the area.",
        "wanted_share": "Share of its customers that the campaign wants.",
        "rank": "1 is the best area.",
    },
    "suppression": {
        "channel": "Channel the address belongs to.",
        "reason": "Why it is not used.",
        "since": "Day from which it is not used.",
    },
    "order_intake": {
        "read_orders": "Orders read.",
        "checked_orders": "Orders that were checked.",
        "refused_orders": "Orders that could not be read.",
    },
    "order_check": {
        "order_id": "Order.",
        "account_id": "Account of the order.",
        "customer_id": "Customer of the order.",
        "state": "in_hand, ended or refused.",
    },
    "order_finding": {
        "order_id": "Order.",
        "rule_id": "Rule that found it.",
        "subject_id": "Key of the subject.",
        "subject_type": "What the rule looks at.",
        "account_id": "Account of the order.",
        "severity": "high, medium or low.",
        "at_stake_amount": "Money at stake; empty where the rule names none.",
        "message_en": "What is wrong, in English.",
        "message_zh": "What is wrong, in Chinese.",
        "evidence": "Values compared and their limit.",
    },
    "key_account_review": {
        "customer_id": "Customer that was reviewed.",
        "due_on": "Day the review was due.",
        "outcome": "What was decided: retained, promoted or retired.",
        "decided_by": "Who decided.",
    },
    "schema_version": {"version_num": "Newest migration that was applied."},
}


def upgrade() -> None:
    text, moment = sa.Text(), sa.DateTime(timezone=True)
    op.create_table(
        "publish_lock",
        sa.Column("is_lock", sa.Boolean(), primary_key=True, comment="Always true."),
        sa.CheckConstraint("is_lock", name="publish_lock_one_row"),
        schema=OPS,
        comment="One row; whoever publishes holds it, where no reader can.",
    )
    op.execute("INSERT INTO ops.publish_lock VALUES (true)")
    op.create_table(
        "list_lock",
        sa.Column("held_by", text, comment="Never filled; the lock on the table is all."),
        schema=OPS,
        comment="Locked while campaign lists are made, where no reader can; always empty.",
    )
    op.create_table(
        "publication",
        sa.Column("publication_no", sa.BigInteger(), primary_key=True, comment="Counted from 1."),
        sa.Column("run_id", text, nullable=False, comment="Run that was published."),
        sa.Column("as_of", sa.Date(), nullable=False, comment="Day the run speaks for."),
        sa.Column("period", sa.Date(), nullable=False, comment="First day of the audited month."),
        sa.Column("published_at", moment, nullable=False, comment="When readers saw it first."),
        sa.Column("taken_back_at", moment, comment="When it was taken back; empty where it was not."),
        sa.Column("rows", sa.BigInteger(), nullable=False, comment="Rows of all tables."),
        sa.Column("changed_rows", sa.BigInteger(), nullable=False, comment="Rows that differed from the ones that stood."),
        sa.Column("lake_versions", JSONB(), nullable=False, comment="Version of each table in the lake, by layer.table."),
        schema=OPS,
        comment="One row a publication, reruns of a night included.",
    )  # fmt: skip
    op.create_table(
        "pipeline_attempt",
        sa.Column("attempt_id", sa.BigInteger(), sa.Identity(), primary_key=True, comment="Counted up."),
        sa.Column("run_id", text, nullable=False, comment="Run that was tried."),
        sa.Column("as_of", sa.Date(), nullable=False, comment="Day the run speaks for."),
        sa.Column("started_at", moment, nullable=False, comment="When it began."),
        sa.Column("finished_at", moment, comment="When it ended; empty while it runs, or where it was killed."),
        sa.Column("state", text, nullable=False, comment="running, succeeded, failed, or abandoned: another try began before it said how it ended."),
        sa.Column("code_version", text, nullable=False, comment="Release of Wattmark that ran."),
        sa.Column("parameters_hash", text, nullable=False, comment="Of settings, SQL, contract, expectations and campaigns."),
        sa.Column("rows_in", sa.BigInteger(), comment="Rows read from the sources."),
        sa.Column("rows_out", sa.BigInteger(), comment="Rows of all published tables."),
        sa.CheckConstraint(
            "state IN ('running', 'succeeded', 'failed', 'abandoned')", name="pipeline_attempt_state"
        ),
        schema=OPS,
        comment="One row a try of a night; a failed rerun stands here and leaves the published night's row as it is.",
    )  # fmt: skip
    op.create_index("pipeline_attempt_run", "pipeline_attempt", ["run_id", "attempt_id"], schema=OPS)
    op.add_column(
        "pipeline_run",
        sa.Column("published_at", moment, comment="When it was published last; empty where it is not, or was taken back."),
        schema=OPS,
    )  # fmt: skip
    op.drop_constraint("pipeline_run_state", "pipeline_run", schema=OPS)
    op.create_check_constraint(
        "pipeline_run_state",
        "pipeline_run",
        "state IN ('running', 'succeeded', 'failed', 'taken_back')",
        schema=OPS,
    )
    op.execute("UPDATE ops.pipeline_run SET published_at = finished_at WHERE state = 'succeeded'")
    op.execute(
        "INSERT INTO ops.pipeline_attempt (run_id, as_of, started_at, finished_at, state, code_version, parameters_hash, rows_in, rows_out) "
        "SELECT run_id, as_of, started_at, finished_at, state, code_version, parameters_hash, rows_in, rows_out FROM ops.pipeline_run ORDER BY started_at"
    )
    op.execute(
        "COMMENT ON TABLE ops.pipeline_run IS 'One row a night: the attempt that was published, else the newest.'"
    )
    for table, columns in COMMENTS.items():
        for column, comment in columns.items():
            quoted = comment.replace("'", "''")
            op.execute(sa.text(f"COMMENT ON COLUMN ops.{table}.{column} IS '{quoted}'".replace(":", "\\:")))


def downgrade() -> None:
    op.execute("UPDATE ops.pipeline_run SET state = 'failed' WHERE state = 'taken_back'")
    op.drop_constraint("pipeline_run_state", "pipeline_run", schema=OPS)
    op.create_check_constraint(
        "pipeline_run_state", "pipeline_run", "state IN ('running', 'succeeded', 'failed')", schema=OPS
    )
    op.drop_column("pipeline_run", "published_at", schema=OPS)
    for table in ("pipeline_attempt", "publication", "list_lock", "publish_lock"):
        op.drop_table(table, schema=OPS)
