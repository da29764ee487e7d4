"""The arm of each person is kept as it was first drawn, and the campaign key is known by its fingerprint.

Revision: 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPS = "ops"


def upgrade() -> None:
    op.create_table(
        "campaign_key",
        sa.Column("one", sa.Boolean(), sa.CheckConstraint("one"), primary_key=True, comment="Always true."),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="Of <home>/campaign.key; not the key."),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False, comment="When it was first used."),
        schema=OPS,
        comment="The key with which the hashes in this schema were made, by its fingerprint.",
    )
    op.create_table(
        "campaign_arm",
        sa.Column(
            "campaign_id",
            sa.Text(),
            primary_key=True,
            comment="The campaign; all campaigns: the global control.",
        ),
        sa.Column(
            "record_hash",
            sa.Text(),
            primary_key=True,
            comment="Keyed hash of the customer record, as in suppression.",
        ),
        sa.Column(
            "arm",
            sa.Text(),
            nullable=False,
            comment="control, or the cell; of all campaigns held_out or open.",
        ),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False, comment="When it was drawn."),
        schema=OPS,
        comment="Arms as they were first drawn; append-only.",
    )
    op.execute(
        f"CREATE TRIGGER campaign_arm_append_only BEFORE UPDATE OR DELETE ON {OPS}.campaign_arm "
        "FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("campaign_arm", schema=OPS)
    op.drop_table("campaign_key", schema=OPS)
