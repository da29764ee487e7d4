"""Audit cases as the loop has them: what is known of a case, its chained log, who may act, the week's worklist.

The tables of before were never written to.

Revision: 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OPS = "ops"
STATES = (
    "open", "assigned", "proposed", "confirmed", "rectifying", "rectified", "verified", "closed", "dismissed", "reopened",
)  # fmt: skip
_LIVE = tuple(state for state in STATES if state != "closed")
_WAITING = ("open", "assigned", "reopened")
_FOUND = ("open", "assigned", "proposed", "confirmed", "rectifying", "rectified", "reopened")
# step, states before, states after (empty: the same), who: night, people, or both
TRANSITIONS = (
    ("open", ("",), ("open",), "both"),
    ("assign", ("open", "reopened"), ("assigned",), "both"),
    ("take", _WAITING, ("assigned",), "people"),
    ("propose_confirm", ("assigned",), ("proposed", "confirmed"), "people"),
    ("propose_dismiss", ("assigned",), ("proposed", "dismissed"), "people"),
    ("approve", ("proposed",), ("confirmed", "dismissed"), "people"),
    ("return", ("proposed",), ("assigned",), "people"),
    ("start", ("confirmed",), ("rectifying",), "people"),
    ("done", ("confirmed", "rectifying"), ("rectified",), "people"),
    ("hand_back", ("confirmed", "rectifying"), ("assigned",), "people"),
    ("accept", ("rectified",), ("verified",), "people"),
    ("add_work", ("verified",), (), "people"),
    ("file", ("verified",), ("closed",), "people"),
    ("reopen", ("dismissed", "verified", "closed"), ("reopened",), "both"),
    ("reopen", ("rectified",), ("reopened",), "night"),
    ("note", _LIVE, (), "people"),
    ("move", _LIVE, (), "people"),
    ("link", _WAITING, ("open",), "both"),
    ("unlink", _WAITING, ("open",), "both"),
    ("extend", _LIVE, (), "people"),
    ("release", ("open", "reopened"), ("closed",), "people"),
    ("touch", (*_FOUND, "dismissed"), (), "night"),
    ("verify", _FOUND, ("verified",), "night"),
    ("close", ("verified",), ("closed",), "night"),
    ("off", _LIVE, (), "night"),
)


_BEFORE = (
    "case_id", "rule_id", "subject_type", "subject_id", "state", "severity", "account_id", "customer_id", "org_unit_id",
    "assigned_org_unit_id", "assigned_to", "root_cause_case_id", "outcome", "evidence_hash",
)  # fmt: skip

COMMENTS: dict[str, dict[str, str]] = {
    "audit_case": {
        "rule_id": "Rule of the catalogue, or MANUAL.",
        "subject_type": "What the finding is about, such as account or bill.",
        "subject_id": "Key of the thing found.",
        "account_id": "Account concerned, where there is one.",
        "customer_id": "Customer concerned, where there is one.",
        "first_seen_on": "Night that found it first.",
        "last_seen_on": "Night that found it last.",
        "state": "Where it stands; see docs/cases.md.",
        "severity": "high, medium or low, of the night that found it last.",
        "at_stake_amount": "Money that correcting it moves: positive is owed to the utility.",
        "evidence_hash": "Of the values compared, without limits and what the calendar alone moves.",
        "message_en": "The finding in English.",
        "message_zh": "The finding in Chinese.",
        "assigned_org_unit_id": "Unit that judges it.",
        "due_on": "Day by which it is to be done.",
        "root_cause_case_id": "Case it hangs on as an effect.",
        "opened_at": "When it was opened first.",
        "opened_on": "Day it was opened first.",
        "closed_at": "When it was closed.",
        "closed_on": "Day it was closed.",
        "outcome": "How it was verified: mended, subject_gone, rule_changed, vanished or accepted.",
        "version": "Number of its newest event; a step names the one it saw.",
        "proposed_amount": "Money of the proposal.",
        "treatment": "What is to be done.",
        "reason": "Why it was dismissed.",
        "exempt_until": "Day to which its subject is exempt.",
        "confirmed_amount": "Money confirmed.",
        "responsible_org_unit_id": "Unit that mends it.",
        "hours": "Hours spent on it.",
        "decided_at": "When it was confirmed or dismissed.",
        "decided_on": "Day it was confirmed or dismissed.",
        "rectified_at": "When it was said to be mended.",
        "rectified_on": "Day it was said to be mended.",
        "verified_at": "When it was proved or accepted.",
        "verified_on": "Day it was proved or accepted.",
        "reopened_at": "When it was reopened last.",
        "reopened_on": "Day it was reopened last.",
        "accepted_evidence_hash": "Evidence that an approver accepted.",
        "dismissed_evidence_hash": "Evidence that was dismissed.",
    },
    "audit_case_transition": {
        "step": "Step of the log.",
        "from_state": "State before; empty where there is no case yet.",
        "to_state": "State after.",
        "taken_by": "night, people or both.",
    },
    "audit_case_event": {
        "case_id": "Case.",
        "at": "When it happened.",
        "step": "What was done.",
        "from_state": "State before; empty at first.",
        "to_state": "State after.",
        "note": "In words.",
        "detail": "What the step needs and sets.",
        "previous_hash": "Hash of the event before; empty at first.",
        "hash": "SHA-256 over the event and the hash before.",
    },
    "case_night": {
        "run_id": "Run of the night.",
        "as_of": "Its day.",
        "taken_at": "When cases took it in.",
        "counts": "Cases by what became of them.",
    },
    "staff_login": {
        "login": "Name that a user signs in with.",
        "staff_id": "Member of staff.",
        "org_unit_id": "Unit, with all below it.",
        "role": "viewer, worker or approver.",
    },
    "exemption": {
        "rule_id": "Rule.",
        "subject_type": "What is exempt.",
        "subject_id": "Its key.",
        "from_on": "First day.",
        "until_on": "Last day.",
        "at_stake_amount": "Money at stake when it was granted; it holds up to a multiple of it.",
        "case_id": "Case that was dismissed.",
    },
    "rule_decision": {
        "rule_id": "Rule.",
        "decided_at": "When it was decided.",
        "actor": "Login.",
        "decision": "keep, tighten or retire.",
        "why": "Reason.",
        "figures": "What was known of the rule then.",
    },
    "audit_worklist": {
        "case_id": "Case.",
        "org_unit_id": "Unit whose list it is on.",
        "post": "Post whose list it is on.",
        "rank": "Place on the list, from 1.",
        "chosen_as": "due, random or value.",
        "expected_amount": "Money expected: probability of being confirmed times money at stake.",
        "hours": "Hours it is expected to take.",
    },
}


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _rows() -> list[dict[str, str]]:
    return [
        {"step": step, "from_state": before, "to_state": after, "taken_by": who}
        for step, befores, afters, who in TRANSITIONS
        for before in befores
        for after in (afters or (before,))
    ]


def upgrade() -> None:
    text, moment, day = sa.Text(), sa.DateTime(timezone=True), sa.Date()
    money, hours = sa.Numeric(18, 2), sa.Numeric(10, 2)
    op.drop_table("audit_case_event", schema=OPS)
    op.drop_table("audit_case", schema=OPS)
    op.create_table(
        "audit_case",
        sa.Column("case_id", text, primary_key=True, comment="Made of rule, subject and month alone."),
        sa.Column("rule_id", text, nullable=False),
        sa.Column("subject_type", text, nullable=False),
        sa.Column("subject_id", text, nullable=False),
        sa.Column("period", day, comment="First day of the month of a rule that judges months; else empty."),
        sa.Column("account_id", text),
        sa.Column("customer_id", text),
        sa.Column("org_unit_id", text, comment="Unit of the finding."),
        sa.Column("first_seen_on", day, nullable=False),
        sa.Column("last_seen_on", day, nullable=False),
        sa.Column("state", text, nullable=False),
        sa.Column("severity", text, nullable=False),
        sa.Column("at_stake_amount", money),
        sa.Column("evidence", JSONB(), comment="Of the night that found it last, as are the next four."),
        sa.Column("evidence_hash", text),
        sa.Column("message_en", text),
        sa.Column("message_zh", text),
        sa.Column("found_rule_hash", text, comment="Of the rule's file and the parameters in force."),
        sa.Column("judged_run_id", text, comment="The run that last judged its month as the audited one."),
        sa.Column("own_staff_ids", ARRAY(text), comment="Staff whose own work it is: they may not judge it."),
        sa.Column("assigned_org_unit_id", text),
        sa.Column("assigned_to", text, comment="staff_id"),
        sa.Column("due_on", day),
        sa.Column("extended_due_on", day, comment="The due date as it was put off; it is put off once."),
        sa.Column("root_cause_case_id", text, sa.ForeignKey(f"{OPS}.audit_case.case_id")),
        sa.Column("cause_kind", text, comment="earlier_month or effect_of, as the night hung it; person."),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("opened_on", day, nullable=False),
        sa.Column("closed_at", moment),
        sa.Column("closed_on", day),
        sa.Column("outcome", text),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("proposed_step", text, comment="propose_confirm or propose_dismiss, while it is proposed."),
        sa.Column("proposed_by", text, comment="login"),
        sa.Column("proposed_amount", money),
        sa.Column("treatment", text),
        sa.Column("reason", text),
        sa.Column("exempt_until", day),
        sa.Column("confirmed_amount", money),
        sa.Column("responsible_org_unit_id", text),
        sa.Column("hours", hours, nullable=False, server_default="0"),
        sa.Column("decided_at", moment),
        sa.Column("decided_on", day),
        sa.Column("rectified_at", moment),
        sa.Column("rectified_on", day),
        sa.Column("rectified_by", text, comment="login"),
        sa.Column("verified_at", moment),
        sa.Column("verified_on", day),
        sa.Column("reopened_at", moment),
        sa.Column("reopened_on", day),
        sa.Column("reopened_by", text, comment="A login or night."),
        sa.Column("accepted_evidence_hash", text),
        sa.Column("dismissed_evidence_hash", text),
        sa.Column(
            "is_off", sa.Boolean(), nullable=False, server_default="false", comment="Its rule is not used."
        ),
        sa.CheckConstraint(_one_of("state", STATES), name="audit_case_state"),
        sa.CheckConstraint(_one_of("severity", ("high", "medium", "low")), name="audit_case_severity"),
        sa.CheckConstraint("root_cause_case_id <> case_id", name="audit_case_no_own_cause"),
        schema=OPS,
        comment="One row a rule, subject and, of a rule that judges months, month; for good.",
    )
    op.execute(
        "ALTER TABLE ops.audit_case ADD CONSTRAINT audit_case_subject "
        "UNIQUE NULLS NOT DISTINCT (rule_id, subject_type, subject_id, period)"
    )
    for column in (
        "account_id",
        "state",
        "root_cause_case_id",
        "assigned_org_unit_id",
        "responsible_org_unit_id",
        "due_on",
    ):
        op.create_index(f"audit_case_{column}", "audit_case", [column], schema=OPS)
    transition = op.create_table(
        "audit_case_transition",
        sa.Column("step", text, primary_key=True),
        sa.Column("from_state", text, primary_key=True),
        sa.Column("to_state", text, primary_key=True),
        sa.Column("taken_by", text, nullable=False),
        schema=OPS,
        comment="What may become of a case; the database refuses anything else.",
    )
    op.bulk_insert(transition, _rows())
    op.create_table(
        "audit_case_event",
        sa.Column("case_id", text, sa.ForeignKey(f"{OPS}.audit_case.case_id"), primary_key=True),
        sa.Column("event_no", sa.Integer(), primary_key=True, comment="From 1, without gaps."),
        sa.Column("at", moment, nullable=False),
        sa.Column("on_day", day, nullable=False, comment="The day it counts for."),
        sa.Column("actor", text, nullable=False, comment="A login or night."),
        sa.Column("step", text, nullable=False),
        sa.Column("from_state", text, nullable=False),
        sa.Column("to_state", text, nullable=False),
        sa.Column("note", text),
        sa.Column("detail", JSONB(), nullable=False, server_default="{}"),
        sa.Column("run_id", text, comment="Of the night, where the night did it."),
        sa.Column("previous_hash", text, nullable=False),
        sa.Column("hash", text, nullable=False),
        sa.Column(
            "seq",
            sa.BigInteger(),
            sa.Identity(always=True),
            comment="The order in which events were written.",
        ),
        schema=OPS,
        comment="What happened to a case, each event chained to the one before; append-only.",
    )
    op.create_index("audit_case_event_at", "audit_case_event", ["on_day"], schema=OPS)
    op.create_table(
        "case_night",
        sa.Column("run_id", text, primary_key=True),
        sa.Column("as_of", day, nullable=False),
        sa.Column("taken_at", moment, nullable=False),
        sa.Column("counts", JSONB(), nullable=False),
        schema=OPS,
        comment="Nights that cases have taken in.",
    )
    op.add_column(
        "pipeline_run",
        sa.Column("case_chain", text, comment="Over the newest hash of every case."),
        schema=OPS,
    )
    op.add_column(
        "pipeline_run",
        sa.Column(
            "case_chain_seq", sa.BigInteger(), comment="seq of the newest event that case_chain speaks of."
        ),
        schema=OPS,
    )
    op.create_index("audit_case_event_seq", "audit_case_event", ["seq"], schema=OPS)
    op.create_table(
        "staff_login",
        sa.Column("login", text, primary_key=True),
        sa.Column("staff_id", text),
        sa.Column("org_unit_id", text, nullable=False),
        sa.Column("role", text, nullable=False),
        sa.CheckConstraint(_one_of("role", ("viewer", "worker", "approver")), name="staff_login_role"),
        schema=OPS,
        comment="Who acts on cases: a user's login, the member of staff, the unit and the role.",
    )
    op.create_table(
        "exemption",
        sa.Column("rule_id", text, primary_key=True),
        sa.Column("subject_type", text, primary_key=True),
        sa.Column("subject_id", text, primary_key=True),
        sa.Column("from_on", day, primary_key=True),
        sa.Column("until_on", day, nullable=False),
        sa.Column("at_stake_amount", money),
        sa.Column("case_id", text, sa.ForeignKey(f"{OPS}.audit_case.case_id"), nullable=False),
        sa.CheckConstraint("until_on >= from_on", name="exemption_days"),
        schema=OPS,
        comment="Known exceptions: what opens and reopens nothing, until when and up to which money.",
    )
    op.create_table(
        "rule_decision",
        sa.Column("rule_id", text, primary_key=True),
        sa.Column("decided_at", moment, primary_key=True),
        sa.Column("actor", text, nullable=False),
        sa.Column("decision", text, nullable=False),
        sa.Column("why", text, nullable=False),
        sa.Column("figures", JSONB(), nullable=False),
        sa.CheckConstraint(_one_of("decision", ("keep", "tighten", "retire")), name="rule_decision_word"),
        schema=OPS,
        comment="What was decided about a rule that is seldom right.",
    )
    op.create_table(
        "audit_worklist",
        sa.Column("week", day, primary_key=True, comment="Its Monday."),
        sa.Column("case_id", text, sa.ForeignKey(f"{OPS}.audit_case.case_id"), primary_key=True),
        sa.Column("org_unit_id", text, nullable=False),
        sa.Column("post", text, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("chosen_as", text, nullable=False),
        sa.Column("probability", sa.Double(), comment="Of its own lot; of cases to mend empty."),
        sa.Column("expected_amount", money),
        sa.Column("hours", hours, nullable=False),
        sa.CheckConstraint(_one_of("chosen_as", ("due", "random", "value")), name="audit_worklist_chosen"),
        schema=OPS,
        comment="What each unit and post does in a week; drawn once.",
    )
    for table, columns in COMMENTS.items():
        for column, comment in columns.items():
            op.execute(sa.text(f"COMMENT ON COLUMN ops.{table}.{column} IS '{comment}'".replace(":", "\\:")))
    _functions()


def _functions() -> None:
    op.execute(
        """CREATE FUNCTION ops.follow_case_event() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE wrong record;
        BEGIN
            SELECT n.* INTO wrong FROM added AS n WHERE NOT EXISTS (
                SELECT FROM ops.audit_case_transition AS t
                WHERE (t.step, t.from_state, t.to_state) = (n.step, n.from_state, n.to_state)
                  AND t.taken_by IN ('both', CASE WHEN n.actor = 'night' THEN 'night' ELSE 'people' END)
            ) LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'case %: % may not lead from % to %', wrong.case_id, wrong.step, wrong.from_state, wrong.to_state
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_case_event_transition';
            END IF;
            SELECT n.* INTO wrong FROM added AS n
            LEFT JOIN ops.audit_case_event AS e ON e.case_id = n.case_id AND e.event_no = n.event_no - 1
            WHERE (n.event_no = 1) = (e.event_no IS NOT NULL) OR n.event_no < 1
               OR n.from_state <> COALESCE(e.to_state, '') OR n.previous_hash <> COALESCE(e.hash, '')
            LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'case %: event % does not follow the last one', wrong.case_id, wrong.event_no
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_case_event_follows';
            END IF;
            RETURN NULL;
        END $$"""
    )
    # Once a statement: a night writes a hundred thousand events in a few.
    op.execute(
        "CREATE TRIGGER audit_case_event_follows AFTER INSERT ON ops.audit_case_event "
        "REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ops.follow_case_event()"
    )
    op.execute(
        "CREATE TRIGGER audit_case_event_append_only BEFORE UPDATE OR DELETE ON ops.audit_case_event "
        "FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER audit_case_event_not_emptied BEFORE TRUNCATE ON ops.audit_case_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change()"
    )
    op.execute(
        """CREATE FUNCTION ops.keep_case() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                RAISE EXCEPTION 'an audit case is never deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_case_kept';
            END IF;
            IF (NEW.case_id, NEW.rule_id, NEW.subject_type, NEW.subject_id, NEW.period, NEW.opened_at)
                IS DISTINCT FROM (OLD.case_id, OLD.rule_id, OLD.subject_type, OLD.subject_id, OLD.period, OLD.opened_at) THEN
                RAISE EXCEPTION 'case % is another one', OLD.case_id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_case_kept';
            END IF;
            IF (NEW.state, NEW.version) <> (OLD.state, OLD.version) AND NOT EXISTS (
                SELECT FROM ops.audit_case_event AS e
                WHERE e.case_id = NEW.case_id AND e.event_no = NEW.version AND e.to_state = NEW.state
            ) THEN
                RAISE EXCEPTION 'case %: no event leads from % to %', NEW.case_id, OLD.state, NEW.state
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_case_by_event';
            END IF;
            RETURN NEW;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER audit_case_kept BEFORE UPDATE OR DELETE ON ops.audit_case "
        "FOR EACH ROW EXECUTE FUNCTION ops.keep_case()"
    )


def downgrade() -> None:
    for table in (
        "audit_worklist", "rule_decision", "exemption", "staff_login", "case_night", "audit_case_event",
        "audit_case_transition", "audit_case",
    ):  # fmt: skip
        op.drop_table(table, schema=OPS)
    op.execute("DROP FUNCTION ops.follow_case_event()")
    op.execute("DROP FUNCTION ops.keep_case()")
    op.drop_column("pipeline_run", "case_chain", schema=OPS)
    op.drop_column("pipeline_run", "case_chain_seq", schema=OPS)
    # As empty as it always was.
    op.create_table(
        "audit_case",
        *[sa.Column(name, sa.Text(), primary_key=name == "case_id") for name in _BEFORE],
        *[sa.Column(name, sa.Date()) for name in ("period_first", "period_last", "due_on", "last_seen_on")],
        *[sa.Column(name, sa.DateTime(timezone=True)) for name in ("opened_at", "closed_at")],
        sa.Column("at_stake_amount", sa.Numeric(18, 2)),
        schema=OPS,
    )
    op.create_table(
        "audit_case_event",
        sa.Column("case_id", sa.Text(), primary_key=True),
        sa.Column("event_no", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True)),
        *[sa.Column(name, sa.Text()) for name in ("actor", "from_state", "to_state", "note")],
        schema=OPS,
    )
