"""Reviews of the audit by day, week, month, quarter and year, and what each of them found.

Revision: 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OPS = "ops"
SPANS = "'day', 'week', 'month', 'quarter', 'year'"


def upgrade() -> None:
    text, day, moment, number = sa.Text(), sa.Date(), sa.DateTime(timezone=True), sa.Double()
    op.create_table(
        "review",
        sa.Column("span", text, primary_key=True, comment="day, week, month, quarter or year."),
        sa.Column("period", day, primary_key=True, comment="Its first day; of a week its Monday."),
        sa.Column("org_unit_id", text, primary_key=True, comment="Unit it is about, with all below it."),
        sa.Column("from_on", day, nullable=False, comment="First day it tells of."),
        sa.Column("to_on", day, nullable=False, comment="Last day it tells of."),
        sa.Column("as_of", day, nullable=False, comment="Night whose figures it shows."),
        sa.Column("run_id", text, nullable=False, comment="Run of that night."),
        sa.Column("made_at", moment, nullable=False, comment="When it was made last."),
        sa.Column("language", text, nullable=False, comment="Language of its files."),
        sa.Column("folder", text, nullable=False, comment="Where its files lie, below the home's reviews."),
        sa.Column("digest", text, nullable=False, comment="SHA-256 of what it says."),
        sa.CheckConstraint(f"span IN ({SPANS})", name="review_span"),
        sa.CheckConstraint("from_on <= to_on AND to_on <= as_of", name="review_days"),
        schema=OPS,
        comment="Reviews that were made and are kept; one a span, period and unit.",
    )
    op.create_table(
        "review_item",
        sa.Column("span", text, primary_key=True, comment="Of the review that found it."),
        sa.Column("period", day, primary_key=True, comment="First day of its period."),
        sa.Column("item_no", sa.Integer(), primary_key=True, comment="From 1."),
        sa.Column("kind", text, nullable=False, comment="What was found, such as below_floor or overdue."),
        sa.Column("org_unit_id", text, comment="Unit it is about."),
        sa.Column("kpi", text, comment="Key figure it is about."),
        sa.Column("rule_id", text, comment="Rule it is about."),
        sa.Column("child_id", text, comment="Unit below that moved the figure most; self: the unit itself."),
        sa.Column("value", number, nullable=False, comment="The figure, share or count as it was found."),
        sa.Column(
            "reference", number, comment="What it is held against: floor, target, value before, or limit."
        ),
        sa.Column("better", text, nullable=False, comment="high or low: which way is good."),
        sa.Column("form", text, nullable=False, comment="share, days or number: how it is told."),
        sa.Column("since", day, nullable=False, comment="First period of the span that found it."),
        sa.Column("found_on", day, nullable=False, comment="Night whose data showed it."),
        sa.Column("owner_org_unit_id", text, comment="Unit whose approver sees to it."),
        sa.Column("owner_staff_id", text, comment="That approver, where it is a member of staff."),
        sa.Column("figures", JSONB(), nullable=False, server_default="{}", comment="What else was known."),
        sa.Column("state", text, nullable=False, server_default="open", comment="open or closed."),
        sa.Column("version", sa.Integer(), nullable=False, comment="Grows with each change."),
        sa.Column(
            "closed_as",
            text,
            comment="done by a person, mended by the data, or continued by the next review.",
        ),
        sa.Column("closed_at", moment, comment="When it was closed."),
        sa.Column("closed_by", text, comment="login; empty where the next review closed it."),
        sa.Column("word", text, comment="What the person said."),
        sa.Column("judged_period", day, comment="Period of the review that looked what became of it."),
        sa.Column("judged_on", day, comment="Night on whose data it looked."),
        sa.Column("judged_as", text, comment="mended, better, unchanged or worse."),
        sa.Column("judged_value", number, comment="The same figure, share or count then."),
        sa.CheckConstraint(f"span IN ({SPANS})", name="review_item_span"),
        sa.CheckConstraint("item_no >= 1", name="review_item_no"),
        sa.CheckConstraint("state IN ('open', 'closed')", name="review_item_state"),
        sa.CheckConstraint("(state = 'closed') = (closed_as IS NOT NULL)", name="review_item_closed"),
        sa.CheckConstraint("closed_as IN ('done', 'mended', 'continued')", name="review_item_closed_as"),
        sa.CheckConstraint(
            "judged_as IN ('mended', 'better', 'unchanged', 'worse')", name="review_item_judged_as"
        ),
        sa.CheckConstraint(
            "(closed_as = 'done') = (closed_by IS NOT NULL AND word IS NOT NULL)", name="review_item_word"
        ),
        schema=OPS,
        comment="What reviews found: one row a matter, with who sees to it and what became of it.",
    )
    op.execute(
        "ALTER TABLE ops.review_item ADD CONSTRAINT review_item_matter "
        "UNIQUE NULLS NOT DISTINCT (span, period, kind, org_unit_id, kpi, rule_id)"
    )
    op.create_index(
        "review_item_open",
        "review_item",
        ["owner_org_unit_id"],
        schema=OPS,
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    op.drop_table("review_item", schema=OPS)
    op.drop_table("review", schema=OPS)
