"""Areas are ranked by the share of their people that is expected to take the service up.

Revision: 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPS = "ops"


def upgrade() -> None:
    op.add_column(
        "campaign_area",
        sa.Column(
            "expected_share",
            sa.Double(),
            comment="Of the people there, expected to take the service up; empty where no model tells.",
        ),
        schema=OPS,
    )


def downgrade() -> None:
    op.drop_column("campaign_area", "expected_share", schema=OPS)
