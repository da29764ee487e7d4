"""The lot of the worklist: when each case entered it, with which probability, and whether it was drawn.

Revision: 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPS = "ops"


def upgrade() -> None:
    text = sa.Text()
    op.create_table(
        "audit_lot",
        sa.Column(
            "case_id", text, sa.ForeignKey(f"{OPS}.audit_case.case_id"), primary_key=True, comment="The case."
        ),
        sa.Column(
            "event_no",
            sa.Integer(),
            primary_key=True,
            comment="The opening or reopening by which it entered.",
        ),
        sa.Column("week", sa.Date(), nullable=False, comment="Monday of the week on whose list it entered."),
        sa.Column(
            "probability", sa.Double(), nullable=False, comment="With which it was drawn, or would have been."
        ),
        sa.Column(
            "is_drawn", sa.Boolean(), nullable=False, comment="It leads every list until it is decided."
        ),
        sa.CheckConstraint("probability BETWEEN 0 AND 1", name="audit_lot_probability"),
        schema=OPS,
        comment="Cases that entered the lot of a week's list, each opening and reopening once.",
    )
    op.create_table(
        "record_check",
        sa.Column("week", sa.Date(), primary_key=True, comment="Monday of the week it was drawn for."),
        sa.Column(
            "account_id", text, primary_key=True, comment="The account whose file is held against the field."
        ),
        sa.Column("org_unit_id", text, nullable=False, comment="Unit of the account."),
        sa.Column("customer_id", text, comment="Its customer."),
        sa.Column("probability", sa.Double(), nullable=False, comment="With which it was drawn."),
        sa.Column("checked_on", sa.Date(), comment="Day somebody was there; empty until then."),
        sa.Column("checked_by", text, comment="login"),
        sa.Column("mismatched", ARRAY(text), comment="What the file has otherwise; empty where all agrees."),
        sa.Column("note", text, comment="Anything else, in words."),
        sa.CheckConstraint("probability > 0 AND probability <= 1", name="record_check_probability"),
        sa.CheckConstraint("(checked_on IS NULL) = (mismatched IS NULL)", name="record_check_result"),
        schema=OPS,
        comment="Accounts drawn by lot whose files are held against the field, and what was found.",
    )
    op.add_column(
        "audit_worklist",
        sa.Column("confirmed_share", sa.Double(), comment="Chance that it is confirmed; of cases to mend 1."),
        schema=OPS,
    )
    op.add_column(
        "audit_worklist",
        sa.Column(
            "share_from", text, comment="What confirmed_share was learned from: rule, family, or nothing yet."
        ),
        schema=OPS,
    )
    op.add_column(
        "audit_worklist",
        sa.Column("case_version", sa.Integer(), comment="Version of the case when the list was drawn."),
        schema=OPS,
    )


def downgrade() -> None:
    for column in ("confirmed_share", "share_from", "case_version"):
        op.drop_column("audit_worklist", column, schema=OPS)
    op.drop_table("record_check", schema=OPS)
    op.drop_table("audit_lot", schema=OPS)
