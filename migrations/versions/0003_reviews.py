"""Decisions on key accounts: what people answered in the yearly review.

Revision: 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPS = "ops"


def upgrade() -> None:
    text = sa.Text()
    op.create_table(
        "key_account_review",
        sa.Column("customer_id", text, primary_key=True),
        sa.Column("as_of", sa.Date(), primary_key=True, comment="The night whose figures were shown."),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("proposal", text, nullable=False, comment="What the figures proposed."),
        sa.Column("outcome", text, nullable=False),
        sa.Column("reason", text, nullable=False, comment="The figures that were shown, in words."),
        sa.Column("decided_by", text, nullable=False),
        sa.CheckConstraint("proposal IN ('retain', 'promote', 'retire')", name="key_account_review_proposal"),
        sa.CheckConstraint(
            "outcome IN ('retained', 'promoted', 'retired')", name="key_account_review_outcome"
        ),
        sa.CheckConstraint("TRIM(decided_by) <> ''", name="key_account_review_person"),
        schema=OPS,
        comment="One row a customer and review: what a person decided.",
    )
    op.create_index("key_account_review_as_of", "key_account_review", ["as_of"], schema=OPS)


def downgrade() -> None:
    op.drop_table("key_account_review", schema=OPS)
