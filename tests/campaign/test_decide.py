"""What must hold for any definitions and any history: nobody is contacted who must not be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.campaign.world import AS_OF, open_world
from wattmark.campaign import people
from wattmark.campaign.decide import decide
from wattmark.campaign.definition import CHANNELS, RULES, Campaign, CampaignFile
from wattmark.campaign.state import EMPTY_HISTORY
from wattmark.engine.session import DuckDBSession
from wattmark.settings import load_settings

PEOPLE = 300
BASE: dict[str, Any] = {
    "id": "one",
    "name": {"en": "One"},
    "objective": "Something worth doing.",
    "owner": "me",
    "purpose": "marketing",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "schedule": {"cron": "0 6 * * 1"},
    "audience": {"grain": "customer", "where": "TRUE"},
    "channels": [{"channel": "sms"}],
    "approval": {"by": ["boss"]},
    "success": {"event": "converted", "value_amount": 10},
}


def campaign(**changes: Any) -> CampaignFile:
    return CampaignFile(Path("test.yaml"), Campaign.model_validate({**BASE, **changes}))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBSession]:
    home = tmp_path_factory.mktemp("home")
    with open_world(load_settings(home), PEOPLE) as session:
        yield session


@st.composite
def definitions(draw: st.DrawFn) -> list[CampaignFile]:
    made = []
    for at in range(draw(st.integers(1, 4))):
        purpose = draw(st.sampled_from(["marketing", "service"]))
        # Switching consent or the cap off is a right of service messages alone, and is tested on its own.
        switchable = [
            rule
            for rule in RULES
            if rule not in ("suppressed", "undeliverable", "no_consent", "held_out", "mailed_too_often")
        ]
        made.append(
            campaign(
                id=f"c{at}",
                purpose=purpose,
                audience={
                    "grain": draw(st.sampled_from(["customer", "household", "account"])),
                    "where": draw(
                        st.sampled_from(["TRUE", "customer.grade <> 'E'", "customer.value_score > 50"])
                    ),
                },
                exclude={
                    rule: {"off": "a reason of some length"}
                    for rule in draw(st.sets(st.sampled_from(switchable), max_size=3))
                },
                channels=[
                    {"channel": name}
                    for name in draw(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=6, unique=True))
                ],
                cells=draw(
                    st.sampled_from(
                        [
                            [{"cell": "a", "share": 1}],
                            [{"cell": "a", "share": 0.3}, {"cell": "b", "share": 0.7}],
                        ]
                    )
                ),
                control_share=draw(st.sampled_from([0, 0.1, 0.9])),
                limits={
                    "size": draw(st.sampled_from([None, 0, 1, 20])),
                    "budget_amount": draw(st.sampled_from([None, 0, 1.0])),
                    "priority": draw(st.integers(1, 9)),
                    "contacts": draw(
                        st.sampled_from([None, {"count": 0, "days": 1}, {"count": 1, "days": 90}])
                    ),
                },
            )
        )
    return made


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = st.builds(
        lambda person, which, days, outcome: {
            "customer_id": f"C{person:08}",
            "account_id": "",
            "campaign_id": f"c{which}",
            "as_of": AS_OF - dt.timedelta(days=days),
            "outcome": outcome,
            "channel": "sms",
            "send_on": AS_OF - dt.timedelta(days=days - 1),
            "campaign_run_id": f"r{which}.{days}",
        },
        st.integers(0, PEOPLE - 1),
        st.integers(0, 5),
        st.integers(0, 100),
        st.sampled_from(["listed", "control"]),
    )
    return draw(st.lists(rows, max_size=60))


QUICK = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(files=definitions(), past=histories())
def test_nobody_is_listed_who_must_not_be(
    world: DuckDBSession, files: list[CampaignFile], past: list[dict[str, Any]]
) -> None:
    _decide_and_check(world, files, past)


@pytest.mark.slow
@SLOW
@given(files=definitions(), past=histories())
def test_nobody_is_listed_who_must_not_be_at_length(
    world: DuckDBSession, files: list[CampaignFile], past: list[dict[str, Any]]
) -> None:
    _decide_and_check(world, files, past)


def _decide_and_check(world: DuckDBSession, files: list[CampaignFile], past: list[dict[str, Any]]) -> None:
    history = pa.Table.from_pylist(past, schema=EMPTY_HISTORY.schema)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "_history", lambda engine, as_of: history)
        decision = decide(world, None, files)
        first = world.duck.sql("SELECT * FROM night.member ORDER BY ALL").fetchall()
        assert decision.problems == {}
        _check(world, files, past)
        decide(world, None, files)
        assert world.duck.sql("SELECT * FROM night.member ORDER BY ALL").fetchall() == first


def _check(world: DuckDBSession, files: list[CampaignFile], past: list[dict[str, Any]]) -> None:
    duck = world.duck
    for number, file in enumerate(files):
        one, by_account = file.campaign, file.campaign.audience.grain == "account"
        # Considered is listed, control, excluded and over the limit, each once.
        considered, distinct = duck.execute(
            "SELECT COUNT(*), COUNT(DISTINCT (customer_id, account_id)) FROM night.member WHERE number = ?",
            [number],
        ).fetchone() or (0, 0)
        audience = duck.execute(
            "SELECT COUNT(*) FROM mart.dim_account AS a JOIN mart.dim_customer AS customer USING (customer_id) WHERE "
            + one.audience.where
            if by_account
            else "SELECT COUNT(*) FROM mart.dim_customer AS customer WHERE " + one.audience.where
        ).fetchone()
        assert audience is not None
        assert considered == distinct == audience[0]
        listed = duck.execute(
            "SELECT customer_id, channel, cell FROM night.member WHERE number = ? AND outcome = 'listed'",
            [number],
        ).fetchall()
        assert {cell for _, _, cell in listed} <= {cell.cell for cell in one.cells}
        # Consent as the source has it, not as the code under test sees it.
        agreed = set(
            duck.execute(
                "SELECT customer_id, channel FROM source.consent WHERE purpose = ? AND status = 'granted'",
                [one.purpose],
            ).fetchall()
        )
        assert {(customer, channel) for customer, channel, _ in listed} <= agreed
        gone = {
            row[0]
            for row in duck.execute(
                "SELECT customer_id FROM source.campaign_event WHERE kind = 'complained' OR (kind = 'unsubscribed' AND channel = 'sms' AND ?)",
                [all(channel == "sms" for _, channel, _ in listed)],
            ).fetchall()
        }
        assert not gone & {customer for customer, _, _ in listed}
        if one.limits.size is not None:
            assert len(listed) <= one.limits.size
        cost = duck.execute(
            "SELECT SUM(cost) FROM night.member WHERE number = ? AND outcome = 'listed'", [number]
        ).fetchone()
        assert cost is not None
        if one.limits.budget_amount is not None:
            assert (cost[0] or 0) <= one.limits.budget_amount * 10_000
    control = duck.execute(
        "SELECT number, customer_id FROM night.member WHERE outcome = 'control'"
    ).fetchall()
    contacted = duck.execute(
        "SELECT number, customer_id FROM night.member WHERE outcome = 'listed'"
    ).fetchall()
    assert not set(control) & set(contacted)
    held_out = {
        row[0] for row in duck.execute("SELECT customer_id FROM night.person WHERE held_out").fetchall()
    }
    assert not held_out & {customer for _, customer in contacted}
    # The cap over all campaigns: what was sent within the window and what is sent tonight.
    cap, days = world.settings.campaigns.contacts, world.settings.campaigns.contact_days
    tonight: dict[str, int] = {}
    for _, customer in contacted:
        tonight[customer] = tonight.get(customer, 0) + 1
    for customer, count in tonight.items():
        before = sum(
            1 for row in past
            if row["customer_id"] == customer and row["outcome"] == "listed" and row["as_of"] > AS_OF - dt.timedelta(days=days)
        )  # fmt: skip
        assert before + count <= cap


def outcomes(world: DuckDBSession, *files: CampaignFile) -> dict[str, tuple[str, str | None]]:
    decision = decide(world, None, list(files))
    assert decision.problems == {}
    rows = world.duck.sql(
        "SELECT customer_id, outcome, excluded_by FROM night.member WHERE number = 0"
    ).fetchall()
    return {customer: (outcome, reason) for customer, outcome, reason in rows}


def test_shares_are_kept_and_campaigns_do_not_know_each_other(tmp_path: Path) -> None:
    with open_world(load_settings(tmp_path, campaigns={"contacts": 9}), 20_000) as session:
        off = {
            rule: {"off": "as many as possible"}
            for rule in ("closed", "in_dispute", "in_arrears", "under_age", "no_consent")
        }
        cells = [{"cell": "a", "share": 0.5}, {"cell": "b", "share": 0.5}]
        two = [
            campaign(
                id=name,
                purpose="service",
                exclude=off,
                cells=cells,
                channels=[{"channel": "post", "daily_limit": 10**6}],
            )
            for name in ("x", "y")
        ]
        decide(session, None, two)
        rows = session.duck.execute(
            "SELECT AVG((a.cell = 'control')::INT), AVG((b.cell = 'control')::INT), CORR((a.cell = 'control')::INT, (b.cell = 'control')::INT), "
            "CORR((a.cell = 'a')::INT, (b.cell = 'a')::INT), AVG((a.cell = 'a')::INT), COUNT(*) FROM night.member AS a "
            "JOIN night.member AS b ON b.customer_id = a.customer_id AND b.number = 1 WHERE a.number = 0 AND a.excluded_by IS NULL AND b.excluded_by IS NULL"
        ).fetchone()
        assert rows is not None
        n = rows[5]
        assert n > 10_000
        # Five standard errors: wrong about once in two million runs, and the hash is always the same.
        assert abs(rows[0] - 0.1) < 5 * (0.09 / n) ** 0.5
        assert abs(rows[1] - 0.1) < 5 * (0.09 / n) ** 0.5
        assert abs(rows[2]) < 5 / n**0.5
        assert abs(rows[3]) < 5 / n**0.5
        assert abs(rows[4] - 0.45) < 5 * (0.25 / n) ** 0.5
        held = session.duck.execute("SELECT AVG(held_out::INT) FROM night.person").fetchone()
        assert held is not None
        assert abs(held[0] - 0.02) < 5 * (0.0196 / 20_000) ** 0.5


def test_another_home_draws_other_controls(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two", "one"):
        with open_world(load_settings(tmp_path / name), 500) as session:
            decide(session, None, [campaign(control_share=0.5)])
            found.append(
                session.duck.sql(
                    "SELECT customer_id FROM night.member WHERE outcome = 'control' ORDER BY 1"
                ).fetchall()
            )
    assert found[0] == found[2]
    assert found[0] != found[1]


def test_consent_switched_off_for_service_still_heeds_a_refusal(world: DuckDBSession) -> None:
    off = {"no_consent": {"off": "a notice the law asks for"}}
    found = outcomes(world, campaign(purpose="service", exclude=off))
    refused = {
        row[0]
        for row in world.duck.sql(
            "SELECT customer_id FROM source.consent WHERE purpose = 'service' AND channel = 'sms' AND status = 'withdrawn'"
        ).fetchall()
    }
    silent = set(found) - {
        row[0]
        for row in world.duck.sql(
            "SELECT customer_id FROM source.consent WHERE purpose = 'service' AND channel = 'sms'"
        ).fetchall()
    }
    assert refused
    assert all(found[customer][0] == "excluded" for customer in refused)
    assert any(found[customer][0] == "listed" for customer in silent)


@pytest.mark.parametrize(
    ("born_on", "excluded"),
    [("2008-11-03", True), ("2008-11-02", False), ("2008-11-01", False), (None, False)],
)
def test_of_age_on_the_birthday(tmp_path: Path, born_on: str | None, excluded: bool) -> None:
    with open_world(load_settings(tmp_path), 50) as session:
        session.duck.execute(
            "UPDATE accepted.customer SET kind = 'person', born_on = CAST(? AS DATE)", [born_on]
        )
        found = outcomes(session, campaign())
        assert any(reason == "under_age" for _, reason in found.values()) is excluded


@pytest.mark.parametrize(
    ("due_on", "excluded"), [("2026-11-01", True), ("2026-11-02", False), ("2026-11-03", False)]
)
def test_in_arrears_from_the_day_after_the_due_date(tmp_path: Path, due_on: str, excluded: bool) -> None:
    with open_world(load_settings(tmp_path), 200) as session:
        session.duck.execute("UPDATE mart.fct_bill SET unpaid_amount = 1, due_on = CAST(? AS DATE)", [due_on])
        found = outcomes(session, campaign())
        assert any(reason == "in_arrears" for _, reason in found.values()) is excluded


def test_one_letter_a_household(tmp_path: Path) -> None:
    with open_world(load_settings(tmp_path), 400) as session:
        decide(
            session,
            None,
            [campaign(audience={"grain": "household", "where": "TRUE"}, channels=[{"channel": "post"}])],
        )
        rows = session.duck.sql(
            "SELECT p.household, COUNT(*) FILTER (WHERE m.excluded_by IS NULL), COUNT(*) FILTER (WHERE m.excluded_by = 'same_household') "
            "FROM night.member AS m JOIN night.person AS p USING (customer_id) GROUP BY 1"
        ).fetchall()
        assert max(kept for _, kept, _ in rows) == 1
        assert any(others for _, _, others in rows)


def test_the_first_channel_that_is_allowed_and_works(tmp_path: Path) -> None:
    with open_world(load_settings(tmp_path), 6) as session:
        session.duck.execute("UPDATE accepted.consent SET status = 'granted'")
        session.duck.execute("DELETE FROM accepted.consent")
        session.duck.execute(
            "INSERT INTO accepted.consent SELECT c.customer_id, x.channel, 'marketing', 'granted', TIMESTAMPTZ '2026-01-01 00:00:00+08' "
            "FROM accepted.customer AS c, (VALUES ('email'), ('sms')) AS x(channel)"
        )
        session.duck.execute(
            "UPDATE accepted.customer SET kind = 'organisation', email = NULL, mobile = NULL"
        )
        session.duck.execute(
            "UPDATE accepted.customer SET email = 'a@example.com' WHERE customer_id IN ('C00000000', 'C00000002')"
        )
        session.duck.execute(
            "UPDATE accepted.customer SET mobile = '13800000000' WHERE customer_id IN ('C00000001', 'C00000002')"
        )
        session.duck.execute("INSERT INTO core.email VALUES ('a@example.com', 'a@example.com', TRUE)")
        session.duck.execute("DELETE FROM core.phone")
        session.duck.execute("INSERT INTO core.phone VALUES ('13800000000', '+8613800000000', TRUE, TRUE)")
        decide(
            session,
            None,
            [
                campaign(
                    channels=[{"channel": "post"}, {"channel": "email"}, {"channel": "sms"}], control_share=0
                )
            ],
        )
        found = {
            row[0]: row[1:]
            for row in session.duck.sql(
                "SELECT customer_id, channel, excluded_by FROM night.member"
            ).fetchall()
        }
        alive = {
            row[0]
            for row in session.duck.sql(
                "SELECT customer_id FROM night.person WHERE NOT held_out AND NOT closed AND NOT in_dispute AND NOT in_arrears"
            ).fetchall()
        }
        expected = {
            "C00000000": ("email", None),
            "C00000001": ("sms", None),
            "C00000002": ("email", None),
            "C00000003": (None, "undeliverable"),
        }
        assert alive & set(expected)
        assert {who: found[who] for who in alive & set(expected)} == {
            who: what for who, what in expected.items() if who in alive
        }


def test_a_campaign_that_cannot_be_made_does_not_stop_the_others(world: DuckDBSession) -> None:
    decision = decide(
        world, None, [campaign(schedule={"events": [{"kind": "outage_planned"}]}), campaign(id="two")]
    )
    assert set(decision.problems) == {"one"}
    assert "outages.csv" in decision.problems["one"]
    assert [planned.file.campaign.id for planned in decision.planned] == ["two"]
