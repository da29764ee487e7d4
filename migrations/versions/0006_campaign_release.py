"""What a release left out and moved: members dropped, the digest that was approved, and new days of sending.

Revision: 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPS = "ops"
STATES = "('listed', 'awaiting_approval', 'released', 'refused', 'corrected'{})"


def _states(more: str) -> None:
    op.drop_constraint("campaign_run_state", "campaign_run", schema=OPS)
    op.create_check_constraint(
        "campaign_run_state", "campaign_run", f"state IN {STATES.format(more)}", schema=OPS
    )


def upgrade() -> None:
    for column in (
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), comment="When it was last asked who may be contacted."
        ),
        sa.Column(
            "approved_list_sha256", sa.Text(), comment="Of what was approved; list_sha256 is of what leaves."
        ),
        sa.Column(
            "dropped", sa.BigInteger(), nullable=False, server_default="0", comment="Listed, and left out."
        ),
        sa.Column("moved", JSONB(), comment="Channels whose day of sending had passed, with the new day."),
    ):
        op.add_column("campaign_run", column, schema=OPS)
    _states(", 'releasing'")
    op.create_table(
        "campaign_drop",
        sa.Column("campaign_run_id", sa.Text(), primary_key=True, comment="The list."),
        sa.Column("customer_id", sa.Text(), primary_key=True, comment="Who was listed."),
        sa.Column(
            "account_id",
            sa.Text(),
            primary_key=True,
            comment="The account that was listed; empty where the list is by customer.",
        ),
        sa.Column(
            "reason", sa.Text(), nullable=False, comment="The rule by which nobody may contact them any more."
        ),
        schema=OPS,
        comment="Members that were listed and left out at release, as nobody may contact them any more; append-only.",
    )
    op.execute(
        f"CREATE TRIGGER campaign_drop_append_only BEFORE UPDATE OR DELETE ON {OPS}.campaign_drop "
        "FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("campaign_drop", schema=OPS)
    op.execute(f"UPDATE {OPS}.campaign_run SET state = 'awaiting_approval' WHERE state = 'releasing'")
    _states("")
    for column in ("moved", "dropped", "approved_list_sha256", "asked_at"):
        op.drop_column("campaign_run", column, schema=OPS)
