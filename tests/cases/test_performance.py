"""Rules in question, what would be lost without them, and who is in dispute, on a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
import decimal
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from tests.cases.acting import CONFIRM, DISMISS, MONDAY, a_case, connect, open_cases, settings_of, step
from tests.unit.test_replay import RULE, SECOND, hold_night
from wattmark.campaign.people import _cases
from wattmark.cases.act import Desk
from wattmark.cases.commands import case_app
from wattmark.cases.decision import decide_rule
from wattmark.cases.model import IN_DISPUTE
from wattmark.cases.performance import Loss, questions, would_lose

pytestmark = pytest.mark.usefixtures("no_marts")

PERFORMANCE = [
    ("MET-11", "month", "2026-10-01", 31, 1, 0.16, True),
    ("MET-11", "year", "2026-01-01", 40, 2, 0.17, True),
    ("TAR-01", "month", "2026-09-01", 30, 1, 0.17, True),
    # Better since.
    ("TAR-01", "month", "2026-10-01", 30, 20, 0.8, False),
    ("NET-01", "quarter", "2026-10-01", 30, 0, 0.11, True),
]


@pytest.fixture
def performance(ops: Engine, no_marts: None) -> Engine:
    with ops.begin() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS mart"))
        connection.execute(
            text(
                "CREATE TABLE mart.rule_performance (rule_id text, span text, period date, decided int, confirmed int, "
                "confirmed_share double precision, confirmed_share_high double precision, is_in_question boolean, "
                "hours numeric(18, 2) DEFAULT 3, recovered_amount numeric(18, 2) DEFAULT 7)"
            )
        )
        connection.execute(text("CREATE TABLE mart.dim_rule (rule_id text)"))
        connection.execute(text("INSERT INTO mart.dim_rule VALUES ('MET-11'), ('NET-01')"))
        connection.execute(text("INSERT INTO ops.staff_login VALUES ('li', NULL, 'P', 'approver')"))
        for rule, span, period, decided, confirmed, high, asked in PERFORMANCE:
            connection.execute(
                text(
                    "INSERT INTO mart.rule_performance VALUES (:rule, :span, :period, :decided, :confirmed, :share, :high, :asked)"
                ),
                {
                    "rule": rule, "span": span, "period": period, "decided": decided, "confirmed": confirmed,
                    "share": confirmed / decided, "high": high, "asked": asked,
                },
            )  # fmt: skip
    return ops


def test_rules_in_question_until_somebody_decides(
    tmp_path: Path, performance: Engine, warehouse_url: str
) -> None:
    settings = settings_of(tmp_path, warehouse_url)
    with connect(warehouse_url) as connection:
        connection.autocommit = True
        assert [(question.rule_id, question.span, question.decided) for question in questions(connection)] == [
            ("MET-11", "year", 40), ("NET-01", "quarter", 30),
        ]  # fmt: skip
        loss = Loss(3, 3, decimal.Decimal("0"), 1, decimal.Decimal("7.50"))
        desk = Desk(connection, settings, "li", dt.datetime(2026, 10, 16, tzinfo=dt.UTC))
        decide_rule(desk, "NET-01", "keep", "It finds what nothing else does.", loss.figures())
        assert [question.rule_id for question in questions(connection)] == ["MET-11"]
        kept = connection.execute("SELECT decision, why, figures -> 'loss' FROM ops.rule_decision").fetchall()
        assert kept == [
            ("keep", "It finds what nothing else does.", {"found": 3, "lost": 3, "lost_amount": 0, "confirmed": 1, "confirmed_amount": 7.5}),
        ]  # fmt: skip
        # A decision of before the period holds for it no more.
        connection.execute("UPDATE ops.rule_decision SET decided_at = '2026-09-30'")
        assert [question.rule_id for question in questions(connection)] == ["MET-11", "NET-01"]


def test_what_would_be_lost_is_told_from_findings_and_decided_cases(
    tmp_path: Path, performance: Engine, warehouse_url: str
) -> None:
    (tmp_path / "settings.yaml").write_text(f"services: {{warehouse_url: '{warehouse_url}'}}\n")
    settings = settings_of(tmp_path, warehouse_url)
    hold_night(settings, SECOND, {"A1": 800, "A2": 600, "A3": 499, "A4": 5000})
    with connect(warehouse_url) as connection:
        ids = {account: f"{RULE}:account:{account}" for account in ("A1", "A2", "A4")}
        open_cases(
            connection,
            *(a_case(case_id, RULE, subject_id=account) for account, case_id in ids.items()),
        )  # fmt: skip
        step(connection, ids["A1"], *CONFIRM, confirmed_amount=decimal.Decimal("-12.50"))
        step(connection, ids["A2"], *DISMISS)
    with connect(warehouse_url) as connection:
        tightened = would_lose(settings, connection, SECOND, RULE, {"min_kva": 700})
        assert (tightened.found, tightened.lost, tightened.confirmed) == (3, 1, 0)
        retired = would_lose(settings, connection, SECOND, RULE)
        assert (retired.found, retired.lost, retired.confirmed) == (3, 3, 1)
        assert retired.confirmed_amount == decimal.Decimal("12.50")
    shown = CliRunner().invoke(
        case_app, ["rules", "--rule", RULE, "--set", "min_kva=700", "--home", str(tmp_path)]
    )
    assert shown.exit_code == 0, shown.output
    assert "MET-11" in shown.output and "1 of 3 findings would be lost" in shown.output


def test_who_is_in_dispute(ops: Engine, warehouse_url: str) -> None:
    states = (
        "open", "assigned", "proposed", "confirmed", "rectifying", "rectified", "verified", "closed", "dismissed", "reopened",
    )  # fmt: skip
    with connect(warehouse_url) as connection:
        open_cases(connection, *(a_case(state) for state in states if state not in ("confirmed",)))
        ways = {
            "assigned": [("take", "assigned")], "proposed": [("take", "assigned"), ("propose_confirm", "proposed")],
            "rectifying": [*CONFIRM, ("start", "rectifying")], "rectified": [*CONFIRM, ("done", "rectified")],
            "verified": [("verify", "verified")], "closed": [("verify", "verified"), ("file", "closed")], "dismissed": [*DISMISS],
            "reopened": [*DISMISS, ("reopen", "reopened")],
        }  # fmt: skip
        for case_id, steps in ways.items():
            step(connection, case_id, *steps)
        # By the lot: in dispute once it was confirmed; by a person: at once.
        drawn = [a_case(f"lot-{name}", "MANUAL") for name in ("open", "confirmed", "dismissed-reopened")]
        open_cases(connection, *drawn)
        step(connection, "lot-confirmed", *CONFIRM)
        step(connection, "lot-dismissed-reopened", *DISMISS, ("reopen", "reopened"))
        open_cases(connection, a_case("by-hand", "MANUAL"), actor="li")
        tomorrow = MONDAY + dt.timedelta(days=1)
        open_cases(connection, replace(a_case("tomorrow"), opened_on=tomorrow))
    rows = _cases(ops, MONDAY).to_pylist()
    assert {row["account_id"].removeprefix("A-") for row in rows if row["is_open"]} == {
        "lot-confirmed", "by-hand", *(set(IN_DISPUTE) - {"confirmed"}),
    }  # fmt: skip
    assert "A-tomorrow" not in {row["account_id"] for row in rows}
