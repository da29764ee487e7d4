"""Cases that people open, logins, decisions about rules, and what is listed: on a real database."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib

import pytest

from tests.cases.utility import Utility
from wattmark.cases import rights, steps
from wattmark.cases.decision import decide_rule
from wattmark.cases.listing import cases
from wattmark.cases.model import CaseConflictError, CaseError
from wattmark.cases.opening import open_finding, open_manual
from wattmark.cases.rights import RightsError


def test_a_person_opens_a_case_from_a_finding_once(utility: Utility) -> None:
    case_id = open_finding(utility.desk("mei"), "TAR-01", "bill", "B9", "it looks wrong")
    assert case_id == "TAR-01:bill:B9:2026-09"
    case = utility.case(case_id)
    assert (case.state, case.severity, case.at_stake_amount, case.org_unit_id, case.account_id) == (
        "open", "high", decimal.Decimal("12.50"), "S1", "A1",
    )  # fmt: skip
    assert case.own_staff_ids == ("E2",)
    # The hash that a night would give it: without limits, numbers as they are.
    assert case.evidence_hash == hashlib.sha256(b'{"billed":1.50}').hexdigest()
    # Friday the 16th and five working days.
    assert (case.due_on, case.opened_on, case.first_seen_on, case.version) == (
        dt.date(2026, 10, 23), dt.date(2026, 10, 16), dt.date(2026, 10, 15), 1,
    )  # fmt: skip
    assert utility.events(case_id) == [
        (
            "open", "", "open", "mei",
            {"rule_id": "TAR-01", "subject_type": "bill", "subject": "B9", "period": "2026-09-01", "why": "it looks wrong",
             "due_on": "2026-10-23"},
        )
    ]  # fmt: skip
    with pytest.raises(CaseConflictError, match="there already"):
        open_finding(utility.desk("li"), "TAR-01", "bill", "B9", "again")
    assert len(utility.events(case_id)) == 1


def test_a_rule_of_states_has_one_case_for_all_months_and_without_a_unit_it_is_the_top_ones(
    utility: Utility,
) -> None:
    with pytest.raises(RightsError, match="not of your unit"):
        open_finding(utility.desk("mei"), "RSK-09", "account", "A1", "why")
    case_id = open_finding(utility.desk("boss"), "RSK-09", "account", "A1", "why", dt.date(2026, 9, 1))
    assert (case_id, utility.case(case_id).period, utility.case(case_id).org_unit_id) == (
        "RSK-09:account:A1",
        None,
        "P",
    )


@pytest.mark.parametrize(
    ("login", "subject", "period", "why", "match"),
    [
        ("mei", "B99", None, "why", "no published finding"),
        ("mei", "B9", dt.date(2026, 8, 1), "why", "no published finding"),
        ("mei", "B9", None, " ", "why is missing"),
        ("guest", "B9", None, "why", "is viewer"),
        ("other", "B9", None, "why", "not of your unit"),
        ("stranger", "B9", None, "why", "not among"),
    ],
)  # fmt: skip
def test_no_case_is_opened(
    utility: Utility, login: str, subject: str, period: dt.date | None, why: str, match: str
) -> None:
    with pytest.raises(CaseError, match=match):
        open_finding(utility.desk(login), "TAR-01", "bill", subject, why, period)
    assert cases(utility.connection) == []


def test_cases_by_hand_of_an_account_are_numbered(utility: Utility) -> None:
    for number in range(1, 12):
        case_id = open_manual(utility.desk("mei"), "A1", "low", "the neighbour told")
        assert case_id == f"MANUAL:account:A1/{number}"
    case = utility.case(case_id)
    assert (case.subject_id, case.account_id, case.customer_id, case.org_unit_id, case.period) == (
        "A1/11",
        "A1",
        "C1",
        "S1",
        None,
    )
    # Nobody judges own work: E2, who is li, is in charge of the account's reading area.
    assert case.own_staff_ids == ("E2",)
    with pytest.raises(CaseError, match="own work"):
        steps.take(utility.desk("li"), case_id, case.version)
    assert utility.events(case_id)[0][4] == {
        "rule_id": "MANUAL", "subject_type": "account", "subject": "A1/11", "severity": "low", "account_id": "A1",
        "why": "the neighbour told", "due_on": "2026-11-13",
    }  # fmt: skip
    for account, severity, match in (
        ("A3", "low", "not of your unit"),
        ("A9", "low", "no published account"),
        ("A1", "grave", "no severity"),
    ):
        with pytest.raises(CaseError, match=match):
            open_manual(utility.desk("mei"), account, severity, "why")


def test_a_login_sees_its_tree(utility: Utility) -> None:
    mine, theirs, mended = (
        utility.open("B1"),
        utility.open("B3", org_unit_id="S3"),
        utility.open("B4", org_unit_id="S3", responsible_org_unit_id="S2"),
    )
    seen = {
        login: {row["case_id"] for row in cases(utility.connection, rights.who(utility.connection, login))}
        for login in ("boss", "chief", "mei", "other")
    }
    assert seen == {
        "boss": {mine, theirs, mended},
        "chief": {mine, mended},
        "mei": {mine},
        "other": {theirs, mended},
    }
    assert len(cases(utility.connection, most=2)) == 2
    assert cases(utility.connection, rights.who(utility.connection, "mei"), mine=True) == []
    assert (
        cases(utility.connection, state="closed")
        == cases(utility.connection, rule_id="X")
        == cases(utility.connection, account_id="A9")
        == []
    )


def test_a_circle_of_units_ends(utility: Utility) -> None:
    with utility.connection.transaction(force_rollback=True):
        utility.connection.execute("UPDATE mart.dim_org_unit SET parent_id = 'S1' WHERE org_unit_id = 'C1'")
        assert rights.tree(utility.connection, "C1") == {"C1", "S1", "S2"}


@pytest.mark.parametrize(
    ("login", "role", "staff", "unit", "match"),
    [
        ("new", "boss", "E1", None, "no role boss"),
        ("new", "worker", "E99", None, "no member of staff E99"),
        ("new", "worker", None, None, "of which unit"),
        ("new", "worker", "E1", "S9", "no unit S9"),
        ("night", "worker", "E1", None, "cannot be a login"),
        (" new", "worker", "E1", None, "cannot be a login"),
        ("", "worker", "E1", None, "cannot be a login"),
    ],
)  # fmt: skip
def test_a_login_that_cannot_be(
    utility: Utility, login: str, role: str, staff: str | None, unit: str | None, match: str
) -> None:
    before = rights.logins(utility.connection)
    with pytest.raises(CaseError, match=match):
        rights.set_login(utility.connection, login, role, staff, unit)
    assert rights.logins(utility.connection) == before


def test_a_login_is_entered_changed_and_taken_away(utility: Utility) -> None:
    assert rights.set_login(utility.connection, "new", "worker", "E5") == rights.Login(
        "new", "E5", "S3", "worker"
    )
    rights.set_login(utility.connection, "new", "approver", None, "P")
    assert rights.login_of(utility.connection, "new") == rights.Login("new", None, "P", "approver")
    rights.remove_login(utility.connection, "new")
    with pytest.raises(CaseError, match="no entry"):
        rights.remove_login(utility.connection, "new")


def test_a_decision_about_a_rule_is_kept_with_what_was_known(utility: Utility) -> None:
    for login, rule, decision, why, match in (
        ("mei", "TAR-01", "keep", "why", "approvers"), ("chief", "TAR-99", "keep", "why", "no rule TAR-99"),
        ("chief", "TAR-01", "drop", "why", "drop is no decision"), ("chief", "TAR-01", "keep", "", "why is missing"),
    ):  # fmt: skip
        with pytest.raises(CaseError, match=match):
            decide_rule(utility.desk(login), rule, decision, why)
    assert decide_rule(utility.desk("chief"), "TAR-01", "keep", "it brings much") == {}
    with utility.connection.transaction(force_rollback=True):
        utility.connection.execute(
            "CREATE TABLE mart.rule_performance AS SELECT 'TAR-01' AS rule_id, 'year' AS span, p AS period, 40 AS decided, 0.15::float AS confirmed_share "
            "FROM (VALUES (DATE '2025-01-01'), (DATE '2026-01-01')) AS v (p)"
        )
        utility.at += dt.timedelta(hours=1)
        decide_rule(utility.desk("chief"), "TAR-01", "tighten", "seldom right")
        rows = utility.connection.execute(
            "SELECT actor, decision, why, figures FROM ops.rule_decision ORDER BY decided_at"
        ).fetchall()
    assert rows == [
        ("chief", "keep", "it brings much", {}),
        (
            "chief",
            "tighten",
            "seldom right",
            {"year": {"period": "2026-01-01", "decided": 40, "confirmed_share": 0.15}},
        ),
    ]
