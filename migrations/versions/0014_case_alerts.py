"""Alerts about cases that were sent, so that none is sent twice.

Revision: 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OPS = "ops"


def upgrade() -> None:
    text = sa.Text()
    op.create_table(
        "case_alert",
        sa.Column(
            "case_id", text, sa.ForeignKey(f"{OPS}.audit_case.case_id"), primary_key=True, comment="The case."
        ),
        sa.Column("reason", text, primary_key=True, comment="high, braked, overdue or escalated."),
        sa.Column(
            "about",
            text,
            primary_key=True,
            comment="Number of the opening or reopening; of overdue and escalated the due date: each is told once.",
        ),
        sa.Column("way", text, primary_key=True, comment="mail or webhook."),
        sa.Column("as_of", sa.Date(), nullable=False, comment="Night that told it."),
        sa.Column(
            "told", text, nullable=False, comment="owner, approver, common (notify.mail.to) or channel."
        ),
        sa.Column(
            "sent_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
            comment="When the server took it.",
        ),
        sa.CheckConstraint("reason IN ('high', 'braked', 'overdue', 'escalated')", name="case_alert_reason"),
        sa.CheckConstraint("way IN ('mail', 'webhook')", name="case_alert_way"),
        sa.CheckConstraint("told IN ('owner', 'approver', 'common', 'channel')", name="case_alert_told"),
        schema=OPS,
        comment="Alerts about cases that were sent: each case and reason once a way.",
    )


def downgrade() -> None:
    op.drop_table("case_alert", schema=OPS)
