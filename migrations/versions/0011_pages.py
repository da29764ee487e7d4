"""Looks at personal data are logged; what was sent back is found without reading every event.

Revision: 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPS = "ops"


def upgrade() -> None:
    op.create_table(
        "personal_look",
        sa.Column(
            "look_id", sa.BigInteger(), sa.Identity(always=True), primary_key=True, comment="Counted from 1."
        ),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()"), comment="When."
        ),
        sa.Column("login", sa.Text(), nullable=False, comment="Who looked."),
        sa.Column("page", sa.Text(), nullable=False, comment="search, account or extract."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Whose data were shown."),
        sa.Column("account_id", sa.Text(), comment="For which account, where for one."),
        schema=OPS,
        comment="Who looked at whose personal data; append-only.",
    )
    op.create_index("personal_look_customer", "personal_look", ["customer_id", "at"], schema=OPS)
    op.execute(
        "CREATE TRIGGER personal_look_append_only BEFORE UPDATE OR DELETE ON ops.personal_look "
        "FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER personal_look_not_emptied BEFORE TRUNCATE ON ops.personal_look "
        "FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change()"
    )
    op.execute(
        "CREATE INDEX audit_case_event_sent_back ON ops.audit_case_event (case_id, event_no) "
        "WHERE step IN ('return', 'hand_back', 'reopen')"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ops.audit_case_event_sent_back")
    op.drop_table("personal_look", schema=OPS)
