"""One row of suppression a channel and address: the earliest day and the reason that lasts.

Revision: 0004.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OPS = "ops"

LASTING = "CASE reason WHEN 'complained' THEN 1 WHEN 'unsubscribed' THEN 2 WHEN 'deceased' THEN 4 WHEN 'bounced' THEN 5 ELSE 3 END"


def upgrade() -> None:
    op.execute(
        f"""CREATE TEMP TABLE _merged ON COMMIT DROP AS
        SELECT channel, address_hash, (ARRAY_AGG(reason ORDER BY {LASTING}, reason))[1] AS reason, MIN(since) AS since
        FROM {OPS}.suppression GROUP BY channel, address_hash"""
    )
    op.execute(f"DELETE FROM {OPS}.suppression")
    op.drop_constraint("suppression_pkey", "suppression", schema=OPS)
    op.create_primary_key("suppression_pkey", "suppression", ["channel", "address_hash"], schema=OPS)
    op.execute(
        f"INSERT INTO {OPS}.suppression (channel, address_hash, reason, since) "
        "SELECT channel, address_hash, reason, since FROM _merged"
    )
    op.execute("DROP TABLE _merged")


def downgrade() -> None:
    op.drop_constraint("suppression_pkey", "suppression", schema=OPS)
    op.create_primary_key(
        "suppression_pkey", "suppression", ["channel", "address_hash", "reason"], schema=OPS
    )
