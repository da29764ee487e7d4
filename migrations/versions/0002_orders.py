"""Orders checked by day: what was looked at, what was found, and how far the source was read.

Revision: 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPS = "ops"


def upgrade() -> None:
    text, moment = sa.Text(), sa.DateTime(timezone=True)
    op.create_table(
        "order_intake",
        sa.Column(
            "until",
            moment,
            primary_key=True,
            comment="End of the run's data interval, excluded: the watermark.",
        ),
        sa.Column("since", moment, nullable=False, comment="Orders changed at or after it were looked at."),
        sa.Column("read_orders", sa.BigInteger(), nullable=False),
        sa.Column(
            "unchanged_orders", sa.BigInteger(), nullable=False, comment="Looked at by an earlier run."
        ),
        sa.Column("checked_orders", sa.BigInteger(), nullable=False),
        sa.Column("refused_orders", sa.BigInteger(), nullable=False),
        sa.Column(
            "again_orders",
            sa.BigInteger(),
            nullable=False,
            comment="Looked at because of their account or customer.",
        ),
        sa.CheckConstraint(
            "read_orders = unchanged_orders + checked_orders + refused_orders", name="order_intake_adds_up"
        ),
        schema=OPS,
        comment="One row a run that took orders; a repeat overwrites its row.",
    )
    op.create_table(
        "order_check",
        sa.Column("order_id", text, primary_key=True),
        sa.Column(
            "order_updated_at", moment, comment="The version looked at; empty where it cannot be read."
        ),
        sa.Column("account_id", text),
        sa.Column("customer_id", text),
        sa.Column("state", text, nullable=False),
        sa.Column("reason", text, comment="Why it was refused, without any value."),
        sa.Column(
            "checked_for", moment, nullable=False, comment="End of the interval of the run that looked."
        ),
        sa.CheckConstraint("state IN ('in_hand', 'ended', 'refused')", name="order_check_state"),
        sa.CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name="order_check_reason"),
        schema=OPS,
        comment="One row an order: the newest look at it.",
    )
    op.create_index(
        "order_check_account",
        "order_check",
        ["account_id"],
        schema=OPS,
        postgresql_where=sa.text("state = 'in_hand'"),
    )
    op.create_index(
        "order_check_customer",
        "order_check",
        ["customer_id"],
        schema=OPS,
        postgresql_where=sa.text("state = 'in_hand'"),
    )
    op.create_table(
        "order_finding",
        sa.Column("order_id", text, primary_key=True),
        sa.Column("rule_id", text, primary_key=True),
        sa.Column("subject_id", text, primary_key=True),
        sa.Column(
            "found_for", moment, primary_key=True, comment="End of the interval it was first found in."
        ),
        sa.Column("subject_type", text, nullable=False),
        sa.Column("account_id", text, nullable=False),
        sa.Column("order_updated_at", moment, nullable=False, comment="The newest version it was found in."),
        sa.Column("severity", text, nullable=False),
        sa.Column("at_stake_amount", sa.Numeric(18, 2)),
        sa.Column("message_en", text, nullable=False),
        sa.Column("message_zh", text, nullable=False),
        sa.Column("evidence", JSONB(), nullable=False),
        sa.Column(
            "cleared_for",
            moment,
            comment="End of the interval in which it was no longer found; empty while open.",
        ),
        sa.CheckConstraint("cleared_for >= found_for", name="order_finding_times"),
        schema=OPS,
        comment="One row a violation and the time it stood; mending closes it, nothing is deleted.",
    )
    op.create_index(
        "order_finding_open",
        "order_finding",
        ["order_id", "rule_id", "subject_id"],
        unique=True,
        schema=OPS,
        postgresql_where=sa.text("cleared_for IS NULL"),
    )
    op.execute(
        """CREATE FUNCTION ops.keep_findings() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'a finding of an order is cleared, never deleted'; END $$"""
    )
    op.execute(
        "CREATE TRIGGER order_finding_kept BEFORE DELETE ON ops.order_finding "
        "FOR EACH ROW EXECUTE FUNCTION ops.keep_findings()"
    )


def downgrade() -> None:
    for table in ("order_finding", "order_check", "order_intake"):
        op.drop_table(table, schema=OPS)
    op.execute("DROP FUNCTION ops.keep_findings()")
