"""Logins that come from the settings are told from those made by command.

Revision: 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "staff_login",
        sa.Column(
            "from_settings",
            sa.Boolean(),
            nullable=False,
            server_default="false",
            comment="Written from settings.yaml, and taken away when it is no longer named there.",
        ),
        schema="ops",
    )


def downgrade() -> None:
    op.drop_column("staff_login", "from_settings", schema="ops")
