"""State that people and processes change: runs, audit cases, campaigns, suppression.

Revision: 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPS = "ops"
CASE_STATES = (
    "open",
    "assigned",
    "confirmed",
    "dismissed",
    "rectifying",
    "rectified",
    "verified",
    "closed",
    "reopened",
)
RUN_STATES = ("listed", "awaiting_approval", "released", "refused", "corrected")
OUTCOMES = ("listed", "control", "excluded", "over_limit")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def upgrade() -> None:
    text, moment = sa.Text(), sa.DateTime(timezone=True)
    money = sa.Numeric(18, 2)
    op.create_table(
        "pipeline_run",
        sa.Column("run_id", text, primary_key=True, comment="Made of date and audited month alone."),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("finished_at", moment),
        sa.Column("state", text, nullable=False),
        sa.Column("code_version", text, nullable=False),
        sa.Column("parameters_hash", text, nullable=False),
        sa.Column("rows_in", sa.BigInteger()),
        sa.Column("rows_out", sa.BigInteger()),
        sa.CheckConstraint(_one_of("state", ("running", "succeeded", "failed")), name="pipeline_run_state"),
        schema=OPS,
        comment="One row a night; running it again overwrites its row.",
    )
    op.create_table(
        "audit_case",
        sa.Column("case_id", text, primary_key=True),
        sa.Column("rule_id", text, nullable=False),
        sa.Column("subject_type", text, nullable=False),
        sa.Column("subject_id", text, nullable=False),
        sa.Column("period_first", sa.Date()),
        sa.Column("period_last", sa.Date()),
        sa.Column("state", text, nullable=False, server_default="open"),
        sa.Column("severity", text, nullable=False),
        sa.Column("at_stake_amount", money),
        sa.Column("account_id", text),
        sa.Column("customer_id", text),
        sa.Column("org_unit_id", text),
        sa.Column("assigned_org_unit_id", text),
        sa.Column("assigned_to", text),
        sa.Column("due_on", sa.Date()),
        sa.Column("root_cause_case_id", text, sa.ForeignKey(f"{OPS}.audit_case.case_id")),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("closed_at", moment),
        sa.Column("outcome", text),
        sa.Column(
            "evidence_hash", text, comment="Of the values compared; a dismissed case wakes when it changes."
        ),
        sa.Column("last_seen_on", sa.Date()),
        sa.CheckConstraint(_one_of("state", CASE_STATES), name="audit_case_state"),
        sa.UniqueConstraint("rule_id", "subject_type", "subject_id", name="audit_case_subject"),
        schema=OPS,
        comment="One row a rule and subject.",
    )
    op.create_index("audit_case_account", "audit_case", ["account_id"], schema=OPS)
    op.create_table(
        "audit_case_event",
        sa.Column("case_id", text, sa.ForeignKey(f"{OPS}.audit_case.case_id"), primary_key=True),
        sa.Column("event_no", sa.Integer(), primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("actor", text, nullable=False),
        sa.Column("from_state", text),
        sa.Column("to_state", text, nullable=False),
        sa.Column("note", text),
        schema=OPS,
        comment="What happened to a case; append-only.",
    )
    op.create_table(
        "campaign_run",
        sa.Column(
            "campaign_run_id", text, primary_key=True, comment="Made of campaign, date and version alone."
        ),
        sa.Column("campaign_id", text, nullable=False),
        sa.Column("purpose", text, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("run_id", text, nullable=False),
        sa.Column("definition_hash", text, nullable=False),
        sa.Column("definition", JSONB(), nullable=False),
        sa.Column("state", text, nullable=False),
        sa.Column("send_on", sa.Date(), nullable=False, comment="The day the contacts are made."),
        sa.Column("approval_due_at", moment, nullable=False, comment="No answer by then means no."),
        sa.Column("considered", sa.BigInteger(), nullable=False),
        sa.Column("listed", sa.BigInteger(), nullable=False),
        sa.Column("control", sa.BigInteger(), nullable=False),
        sa.Column("excluded", sa.BigInteger(), nullable=False),
        sa.Column("over_limit", sa.BigInteger(), nullable=False),
        sa.Column("cost_amount", money, nullable=False),
        sa.Column("list_sha256", text, comment="Of the list's manifest entries; what an approval speaks of."),
        sa.Column("approved_by", text),
        sa.Column("approved_at", moment),
        sa.Column("released_at", moment),
        sa.Column("corrects_run_id", text, sa.ForeignKey(f"{OPS}.campaign_run.campaign_run_id")),
        sa.Column("note", text, comment="Why it was refused, or what it corrects."),
        sa.CheckConstraint(_one_of("state", RUN_STATES), name="campaign_run_state"),
        sa.CheckConstraint(
            "considered = listed + control + excluded + over_limit", name="campaign_run_adds_up"
        ),
        sa.CheckConstraint(
            "state <> 'released' OR (approved_by IS NOT NULL AND released_at IS NOT NULL)",
            name="campaign_run_approved",
        ),
        sa.UniqueConstraint("campaign_id", "as_of", "version", name="campaign_run_version"),
        schema=OPS,
        comment="One row a campaign, date and version of its list.",
    )
    op.create_index("campaign_run_as_of", "campaign_run", ["as_of"], schema=OPS)
    # No foreign key to the run: rows arrive by COPY in the run's own transaction, a million at a time,
    # and a key would check each of them.
    op.create_table(
        "campaign_member",
        sa.Column("campaign_run_id", text, primary_key=True),
        sa.Column("customer_id", text, primary_key=True),
        sa.Column(
            "account_id", text, primary_key=True, comment="Empty where the grain is customer or household."
        ),
        sa.Column("outcome", text, nullable=False),
        sa.Column("excluded_by", text),
        sa.Column("channel", text),
        sa.Column("cell", text),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("send_on", sa.Date(), comment="The day of the contact."),
        sa.Column("is_seed", sa.Boolean(), nullable=False),
        sa.Column("segment", text, comment="Composite segment on the day."),
        sa.Column("expected_value_amount", money),
        sa.Column("fields", JSONB(), comment="What the list says of a member, personal data left out."),
        sa.CheckConstraint(_one_of("outcome", OUTCOMES), name="campaign_member_outcome"),
        sa.CheckConstraint(
            "(outcome = 'excluded') = (excluded_by IS NOT NULL)", name="campaign_member_reason"
        ),
        schema=OPS,
        comment="One row for each member of the audience and each seed; append-only.",
    )
    op.create_index(
        "campaign_member_customer",
        "campaign_member",
        ["customer_id"],
        schema=OPS,
        postgresql_where=sa.text("outcome IN ('listed', 'control')"),
    )
    op.create_table(
        "campaign_area",
        sa.Column(
            "campaign_run_id", text, sa.ForeignKey(f"{OPS}.campaign_run.campaign_run_id"), primary_key=True
        ),
        sa.Column("region_code", text, primary_key=True),
        sa.Column("postcode", text, primary_key=True),
        sa.Column("addresses", sa.BigInteger(), nullable=False),
        sa.Column("wanted_share", sa.Double(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("outcome", text, nullable=False, comment="listed, control or over_limit."),
        schema=OPS,
        comment="Area mailings without names, best areas first.",
    )
    op.create_table(
        "suppression",
        sa.Column("channel", text, primary_key=True),
        sa.Column(
            "address_hash", text, primary_key=True, comment="Keyed hash; the address itself is not kept."
        ),
        sa.Column("reason", text, primary_key=True),
        sa.Column("since", sa.Date(), nullable=False),
        schema=OPS,
        comment="Addresses never to be used again, or marked as undeliverable.",
    )
    op.execute(
        """CREATE FUNCTION ops.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME; END $$"""
    )
    for table in ("audit_case_event", "campaign_member", "campaign_area"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON ops.{table} "
            "FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()"
        )
    op.execute(
        """CREATE FUNCTION ops.keep_released() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'a campaign run is never deleted';
            END IF;
            IF OLD.released_at IS NOT NULL AND (NEW.released_at, NEW.list_sha256, NEW.approved_by, NEW.definition_hash)
                IS DISTINCT FROM (OLD.released_at, OLD.list_sha256, OLD.approved_by, OLD.definition_hash) THEN
                RAISE EXCEPTION 'campaign run % is released and does not change', OLD.campaign_run_id;
            END IF;
            RETURN NEW;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER campaign_run_released BEFORE UPDATE OR DELETE ON ops.campaign_run "
        "FOR EACH ROW EXECUTE FUNCTION ops.keep_released()"
    )


def downgrade() -> None:
    for table in (
        "suppression",
        "campaign_area",
        "campaign_member",
        "campaign_run",
        "audit_case_event",
        "audit_case",
        "pipeline_run",
    ):
        op.drop_table(table, schema=OPS)
    op.execute("DROP FUNCTION ops.refuse_change()")
    op.execute("DROP FUNCTION ops.keep_released()")
