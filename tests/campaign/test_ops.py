"""Schema ops as it must be: migrated twice without harm, append-only where it says so."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from wattmark.errors import PublishError
from wattmark.publish.ops import upgrade
from wattmark.settings import PROJECT_ROOT

REQUIRED = {
    "audit_case": "case_id rule_id subject_type subject_id period account_id customer_id first_seen_on last_seen_on state "
    "severity at_stake_amount assigned_org_unit_id assigned_to due_on root_cause_case_id opened_at closed_at outcome version",
    "audit_case_event": "case_id event_no at actor step from_state to_state note detail previous_hash hash",
    "audit_worklist": "week case_id org_unit_id post rank chosen_as probability expected_amount hours",
    "exemption": "rule_id subject_type subject_id from_on until_on at_stake_amount case_id",
    "rule_decision": "rule_id decided_at actor decision why figures",
    "staff_login": "login staff_id org_unit_id role",
    "campaign_run": "campaign_run_id campaign_id purpose as_of definition_hash state approved_by released_at corrects_run_id",
    "campaign_member": "campaign_run_id customer_id account_id outcome excluded_by channel cell priority is_seed",
    "campaign_area": "campaign_run_id region_code postcode addresses wanted_share expected_share rank",
    "order_intake": "until since read_orders unchanged_orders checked_orders refused_orders again_orders",
    "order_check": "order_id order_updated_at account_id customer_id state reason checked_for",
    "order_finding": "order_id rule_id subject_id found_for subject_type account_id order_updated_at severity "
    "at_stake_amount message_en message_zh evidence cleared_for",
    "suppression": "channel address_hash reason since",
    "campaign_arm": "campaign_id record_hash arm drawn_at",
    "campaign_key": "fingerprint noted_at",
    "pipeline_run": "run_id as_of started_at finished_at state code_version parameters_hash rows_in rows_out",
}


@pytest.mark.parametrize("table", REQUIRED)
def test_required_columns_stand(ops: Engine, table: str) -> None:
    found = {column["name"] for column in inspect(ops).get_columns(table, schema="ops")}
    assert set(REQUIRED[table].split()) - found == set()


def test_upgrading_again_changes_nothing(ops: Engine, warehouse_url: str) -> None:
    upgrade(warehouse_url)
    with ops.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM ops.schema_version")).scalars().all() == [
            "0014"
        ]


def test_suppressions_of_one_address_are_merged(ops: Engine, warehouse_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(PROJECT_ROOT / "migrations"))
    config.attributes["url"] = warehouse_url
    command.downgrade(config, "0003")
    try:
        with ops.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO ops.suppression (channel, address_hash, reason, since) VALUES "
                    "('email', 'a', 'bounced', '2026-01-03'), ('email', 'a', 'unsubscribed', '2026-01-01'), "
                    "('email', 'a', 'complained', '2026-01-02'), ('sms', 'a', 'bounced', '2026-01-04'), "
                    "('record', 'b', 'deceased', '2026-01-05'), ('record', 'b', 'asked by letter', '2026-01-06')"
                )
            )
    finally:
        upgrade(warehouse_url)
    with ops.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT channel, address_hash, reason, CAST(since AS text) FROM ops.suppression ORDER BY 1, 2"
            )
        ).all()
    assert [tuple(row) for row in rows] == [
        ("email", "a", "complained", "2026-01-01"),
        ("record", "b", "asked by letter", "2026-01-05"),
        ("sms", "a", "bounced", "2026-01-04"),
    ]
    assert inspect(ops).get_pk_constraint("suppression", schema="ops")["constrained_columns"] == [
        "channel",
        "address_hash",
    ]


def test_members_are_append_only(ops: Engine) -> None:
    with ops.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ops.campaign_member VALUES ('r', 'c', '', 'listed', NULL, 'sms', 'a', 1, NULL, false, NULL, NULL, NULL)"
            )
        )
    for statement in ("UPDATE ops.campaign_member SET cell = 'b'", "DELETE FROM ops.campaign_member"):
        with pytest.raises(DBAPIError, match="append-only"), ops.begin() as connection:
            connection.execute(text(statement))


@pytest.mark.parametrize(("outcome", "reason"), [("listed", "closed"), ("excluded", None), ("perhaps", None)])
def test_an_outcome_and_its_reason_go_together(ops: Engine, outcome: str, reason: str | None) -> None:
    with pytest.raises(DBAPIError, match="campaign_member_"), ops.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ops.campaign_member VALUES ('r', 'c', '', :o, :r, NULL, NULL, 1, NULL, false, NULL, NULL, NULL)"
            ),
            {"o": outcome, "r": reason},
        )


def test_another_database_is_refused() -> None:
    with pytest.raises(PublishError, match=r"ops\.not_postgresql"):
        upgrade("sqlite:///x.db")
