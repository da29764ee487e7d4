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

from tests.campaign.world import AS_OF, TABLES, open_world
from wattmark.campaign import people
from wattmark.campaign.decide import decide
from wattmark.campaign.definition import Campaign, CampaignFile
from wattmark.campaign.feedback import record_hash
from wattmark.campaign.file_parts import NEVER_OFF, RULES, SERVICE_ONLY
from wattmark.campaign.keys import campaign_key
from wattmark.channels import CHANNELS
from wattmark.contract import load_contract
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


def two_accounts(sql: str) -> str:
    """Every third customer of a table of accounts has a second one."""
    numbers = (
        "FROM (SELECT i, i AS k FROM range({n}) AS a(i) "
        "UNION ALL SELECT i, i + 1000000 FROM range({n}) AS b(i) WHERE i % 3 = 0) AS r(i, k)"
    )
    return sql.replace("aid(i)", "aid(k)").replace("FROM range({n}) AS r(i)", numbers)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBSession]:
    home = tmp_path_factory.mktemp("home")
    tables = {name: two_accounts(TABLES[name]) for name in ("accepted.account", "mart.dim_account")}
    twins = "SELECT cid(i) AS customer_id, cid(i + 3) AS other_customer_id, 0.9 AS score, 'name' AS evidence FROM range({n} - 3) AS r(i) WHERE i % 20 = 0"
    # Every tenth customer uses the mailbox and the mobile of the one before, in other letters.
    tables["accepted.customer"] = (
        TABLES["accepted.customer"]
        .replace(
            "'u' || i || '@example.com'",
            "CASE WHEN i % 10 = 1 THEN 'U' || (i - 1) ELSE 'u' || i END || '@example.com'",
        )
        .replace(
            "LPAD(i::VARCHAR, 8, '0') WHEN u(i, 'mobile')",
            "LPAD((i - (i % 10 = 1)::INT)::VARCHAR, 8, '0') WHEN u(i, 'mobile')",
        )
    )
    instead = {name.replace(".", "__"): sql for name, sql in tables.items()}
    with open_world(load_settings(home), PEOPLE, segment__duplicate_pair=twins, **instead) as session:
        # Asked by the checks, in the words of the source and not of the code under test.
        session.see(["source.consent", "source.account"])
        yield session


SWITCHABLE = [rule for rule in RULES if rule not in NEVER_OFF]


@st.composite
def definitions(draw: st.DrawFn) -> list[CampaignFile]:
    made = []
    for at in range(draw(st.integers(1, 4))):
        purpose = draw(st.sampled_from(["marketing", "service"]))
        may = [rule for rule in SWITCHABLE if purpose == "service" or rule not in SERVICE_ONLY]
        made.append(
            campaign(
                id=f"c{at}",
                purpose=purpose,
                audience={
                    "grain": draw(st.sampled_from(["customer", "household", "account"])),
                    "where": draw(
                        st.sampled_from(
                            ["TRUE", "customer.grade <> 'E'", "customer.value_score > 50", "FALSE"]
                        )
                    ),
                },
                exclude={
                    rule: {"off": "a reason of some length"}
                    for rule in draw(st.sets(st.sampled_from(may), max_size=4))
                },
                channels=[
                    {
                        "channel": name,
                        "daily_limit": draw(st.sampled_from([None, None, 0, 5])),
                        "cost_amount": draw(st.sampled_from([None, 0, 0.3])),
                    }
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
                    "again_after_days": draw(st.sampled_from([1, 30, 366])),
                    "contacts": draw(
                        st.sampled_from([None, {"count": 0, "days": 1}, {"count": 1, "days": 90}])
                    ),
                },
                success={"event": "converted", "value_amount": draw(st.sampled_from([0, 10]))},
            )
        )
    return made


PERSONS = st.integers(0, PEOPLE - 1).map(lambda number: f"C{number:08}")


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = st.builds(
        lambda person, which, days, outcome: {
            "customer_id": person,
            "account_id": draw(st.sampled_from(["", "A" + person[1:]])),
            "campaign_id": f"c{which}",
            "as_of": AS_OF - dt.timedelta(days=days),
            "outcome": outcome,
            "channel": "sms",
            "send_on": AS_OF - dt.timedelta(days=days - 1),
            "campaign_run_id": f"r{which}.{days}",
        },
        PERSONS,
        st.integers(0, 5),
        st.integers(0, 100),
        st.sampled_from(["listed", "control"]),
    )
    return draw(st.lists(rows, max_size=60))


SAID = st.tuples(
    PERSONS,
    st.sampled_from(CHANNELS),
    st.sampled_from(["unsubscribed", "complained", "bounced", "delivered", "converted"]),
    st.integers(0, 400),
)
"""Who said what on which channel, so many days ago."""
SUPPRESSED = st.tuples(
    PERSONS, st.sampled_from([*CHANNELS, "record"]), st.sampled_from(["unsubscribed", "deceased"])
)
"""What earlier nights kept of the customer."""
CASES = {
    "files": definitions(),
    "past": histories(),
    "said": st.lists(SAID, max_size=25),
    "kept": st.lists(SUPPRESSED, max_size=12),
}

QUICK = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
SLOW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(**CASES)
def test_nobody_is_listed_who_must_not_be(world: DuckDBSession, **drawn: Any) -> None:
    _decide_and_check(world, **drawn)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@SLOW
@given(**CASES)
def test_nobody_is_listed_who_must_not_be_at_length(world: DuckDBSession, **drawn: Any) -> None:
    _decide_and_check(world, **drawn)


def _decide_and_check(
    world: DuckDBSession,
    files: list[CampaignFile],
    past: list[dict[str, Any]],
    said: list[tuple[str, str, str, int]],
    kept: list[tuple[str, str, str]],
) -> None:
    history = pa.Table.from_pylist(past, schema=people.empty("ask.history").schema)
    suppression = pa.Table.from_pylist(
        [
            {
                "channel": channel if reason != "deceased" else "record",
                "address_hash": record_hash(campaign_key(world.settings.home), person),
                "reason": reason,
                "since": AS_OF,
            }
            for person, channel, reason in kept
        ],
        schema=people.empty("ask.suppression").schema,
    )
    noon = dt.datetime.combine(AS_OF, dt.time(12), tzinfo=dt.UTC)
    events = [
        {
            "event_id": f"E{at}", "campaign_id": "earlier", "customer_id": person, "channel": channel, "kind": kind,
            "occurred_at": noon - dt.timedelta(days=days), "value_amount": None,
        }
        for at, (person, channel, kind, days) in enumerate(said)
    ]  # fmt: skip
    world.duck.execute("DELETE FROM accepted.campaign_event")
    world.duck.register(
        "_events", pa.Table.from_pylist(events, schema=load_contract().tables["campaign_event"].arrow_schema)
    )
    world.duck.execute("INSERT INTO accepted.campaign_event BY NAME SELECT * FROM _events")
    world.duck.unregister("_events")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "_history", lambda engine, known_on: history)
        patch.setattr(people, "_suppressed", lambda engine, known_on: suppression)
        decision = decide(world, None, files)
        first = world.duck.sql("SELECT * FROM night.member ORDER BY ALL").fetchall()
        assert decision.problems == {}
        _check(world, files, past, said, kept)
        decide(world, None, files)
        assert world.duck.sql("SELECT * FROM night.member ORDER BY ALL").fetchall() == first


def person_of(customer: str) -> str:
    """Every twentieth customer has a second record, three numbers on (see ``world``)."""
    number = int(customer[1:])
    return f"C{number - 3:08}" if number >= 3 and (number - 3) % 20 == 0 else customer


def _check(
    world: DuckDBSession,
    files: list[CampaignFile],
    past: list[dict[str, Any]],
    said: list[tuple[str, str, str, int]],
    kept: list[tuple[str, str, str]],
) -> None:
    duck = world.duck
    rows = duck.sql(
        "SELECT number, customer_id, account_id, outcome, channel, cell, cost FROM night.member"
    ).fetchall()
    listed = [row for row in rows if row[3] == "listed"]
    unsubscribed = {(person_of(who), channel) for who, channel, kind, _ in said if kind == "unsubscribed"}
    unsubscribed |= {(person_of(who), channel) for who, channel, why in kept if why == "unsubscribed"}
    never = {person_of(who) for who, _, kind, _ in said if kind == "complained"}
    never |= {person_of(who) for who, channel, why in kept if why == "unsubscribed" and channel == "record"}
    # A bounce that nothing followed: the newest word of the channel.
    newest: dict[tuple[str, str], tuple[int, int]] = {}
    for who, channel, kind, days in said:
        came, back = newest.get((who, channel), (10**6, 10**6))
        if kind == "bounced":
            back = min(back, days)
        elif kind == "delivered":
            came = min(came, days)
        newest[(who, channel)] = (came, back)
    undeliverable = {key for key, (came, back) in newest.items() if back < came}
    # Consent is the person's: of words of one moment the refusal holds.
    words = duck.sql("SELECT customer_id, channel, purpose, status FROM source.consent").fetchall()
    refused = {(person_of(who), *what) for who, *what, status in words if status != "granted"}
    granted = {(person_of(who), *what) for who, *what, status in words if status == "granted"} - refused
    addresses = {
        (who, channel): address
        for who, mobile, mail in duck.sql(
            "SELECT customer_id, mobile, email FROM accepted.customer"
        ).fetchall()
        for channel, address in (
            ("sms", mobile),
            ("phone", mobile),
            ("email", (mail or "").lower()),
            ("app", who),
        )
    }
    tonight: dict[str, list[int]] = {}
    for number, customer, *_ in listed:
        tonight.setdefault(person_of(customer), []).append(number)
    for number, file in enumerate(files):
        campaign, off = file.campaign, set(file.campaign.exclude)
        mine = [row for row in rows if row[0] == number]
        by_account = campaign.audience.grain == "account"
        # Considered is listed, control, excluded and over the limit, each once.
        audience = duck.execute(
            "SELECT customer.customer_id, a.account_id FROM mart.dim_account AS a JOIN mart.dim_customer AS customer USING (customer_id) WHERE "
            + campaign.audience.where
            if by_account
            else "SELECT customer.customer_id, '' FROM mart.dim_customer AS customer WHERE "
            + campaign.audience.where
        ).fetchall()
        assert sorted(row[1:3] for row in mine) == sorted(audience)
        assert {row[3] for row in mine} <= {"listed", "control", "excluded", "over_limit"}
        contacted = [row for row in mine if row[3] == "listed"]
        control = {person_of(row[1]) for row in mine if row[3] == "control"}
        if campaign.audience.grain != "household":
            assert not control & {person_of(row[1]) for row in contacted}
        assert not {row[1] for row in mine if row[3] == "control"} & {row[1] for row in contacted}
        assert {row[5] for row in contacted} <= {cell.cell for cell in campaign.cells}
        for _, customer, _, _, channel, _, _ in contacted:
            assert channel in {each.channel for each in campaign.channels}
            if "no_consent" in off:
                assert (person_of(customer), channel, "service") not in refused
            else:
                assert (person_of(customer), channel, campaign.purpose) in granted
            assert (person_of(customer), channel) not in unsubscribed
            assert person_of(customer) not in never
            assert (customer, channel) not in undeliverable
            if "known_dead" not in off:
                # A likeness, as of these twins, is not enough to call somebody dead.
                assert customer not in {who for who, _, why in kept if why == "deceased"}
        if "same_address" not in off:
            # SMS, mail, calls and the app reach an address once.
            reached = [
                (row[4], addresses[row[1], row[4]]) for row in contacted if row[4] not in ("post", "visit")
            ]
            assert len(set(reached)) == len(reached)
        if not by_account:
            # One person is one contact, however many records there are of her.
            assert len({person_of(row[1]) for row in contacted}) == len(contacted)
        if campaign.limits.size is not None:
            assert len(contacted) <= campaign.limits.size
        if campaign.limits.budget_amount is not None:
            assert sum(row[6] for row in contacted) <= campaign.limits.budget_amount * 10_000
        for each in campaign.channels:
            if each.daily_limit is not None:
                assert sum(row[4] == each.channel for row in contacted) <= each.daily_limit
        if "held_out" not in off:
            held_out = {
                row[0]
                for row in duck.sql("SELECT customer_id FROM campaign.standing WHERE is_held_out").fetchall()
            }
            assert not held_out & {row[1] for row in contacted}
        if "already_addressed" not in off:
            since = AS_OF - dt.timedelta(days=campaign.limits.again_after_days)
            lately = {
                (person_of(row["customer_id"]), row["account_id"] if by_account else "")
                for row in past
                if row["campaign_id"] == campaign.id and row["as_of"] > since
            }
            assert not lately & {(person_of(row[1]), row[2]) for row in contacted}
        if "mailed_too_often" not in off:
            _check_cap(world, files, past, number, {person_of(row[1]) for row in contacted}, tonight)


def _check_cap(
    world: DuckDBSession,
    files: list[CampaignFile],
    past: list[dict[str, Any]],
    number: int,
    persons: set[str],
    tonight: dict[str, list[int]],
) -> None:
    """What was sent within the window and what is sent tonight stay under the cap over all campaigns."""

    def before(person: str, days: int) -> int:
        first = AS_OF - dt.timedelta(days=days)
        return sum(
            person_of(row["customer_id"]) == person and row["outcome"] == "listed" and row["as_of"] > first
            for row in past
        )

    rules, own = world.settings.campaigns, files[number].campaign.limits.contacts
    for person in persons:
        assert before(person, rules.contact_days) + len(tonight[person]) <= rules.contacts
        if own is not None:
            # Later campaigns may go further than this one would; those asked before it count.
            order = files[number].campaign.limits.priority
            earlier = sum(
                files[other].campaign.limits.priority < order
                or "mailed_too_often" in files[other].campaign.exclude
                for other in tonight[person]
                if other != number
            )
            assert before(person, own.days) + earlier + tonight[person].count(number) <= own.count


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
        held = session.duck.execute("SELECT AVG(is_held_out::INT) FROM campaign.standing").fetchone()
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


@pytest.mark.parametrize(("overdue", "excluded"), [("0.02", True), ("0.00", False)])
def test_in_arrears_who_owes_what_is_past_due(tmp_path: Path, overdue: str, excluded: bool) -> None:
    with open_world(load_settings(tmp_path), 200) as session:
        # Something is open either way: what is not due yet is no arrears.
        session.duck.execute(
            "UPDATE mart.fct_bill SET unpaid_amount = 60, overdue_amount = CAST(? AS DECIMAL(18,2))",
            [overdue],
        )
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
            "SELECT p.household_id, COUNT(*) FILTER (WHERE m.excluded_by IS NULL), COUNT(*) FILTER (WHERE m.excluded_by = 'same_household') "
            "FROM night.member AS m JOIN campaign.standing AS p USING (customer_id) GROUP BY 1"
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
        session.duck.execute(
            "UPDATE accepted.customer SET email = 'b@example.com' WHERE customer_id = 'C00000002'"
        )
        session.duck.execute(
            "INSERT INTO core.email VALUES ('a@example.com', 'a@example.com', TRUE), ('b@example.com', 'b@example.com', TRUE)"
        )
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
                "SELECT customer_id FROM campaign.standing WHERE NOT is_held_out AND NOT is_closed AND NOT is_in_dispute AND NOT is_in_arrears"
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
    # It holds of the example that it is checked against, and of no customer here.
    huge = {"grain": "customer", "where": "CAST(customer.customer_id AS INTEGER) = 1"}
    decision = decide(world, None, [campaign(audience=huge), campaign(id="two")])
    assert set(decision.problems) == {"one"}
    assert "C0000" in decision.problems["one"]
    assert [planned.file.campaign.id for planned in decision.planned] == ["two"]


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        # A word of the last moment of the night's day counts, one of the next moment is not said yet.
        ([("granted", "2026-11-02 23:59:59.999999+08")], True),
        ([("granted", "2026-11-03 00:00:00+08")], False),
        ([("granted", "2025-01-01 00:00:00+08"), ("withdrawn", "2026-11-03 00:00:00+08")], True),
        ([("granted", "2025-01-01 00:00:00+08"), ("withdrawn", "2026-11-02 23:59:59+08")], False),
        # At one moment a refusal wins, whichever row comes first.
        ([("granted", "2026-01-01 00:00:00+08"), ("withdrawn", "2026-01-01 00:00:00+08")], False),
        ([("withdrawn", "2026-01-01 00:00:00+08"), ("granted", "2026-01-01 00:00:00+08")], False),
        ([("withdrawn", "2026-01-01 00:00:00+08"), ("granted", "2026-01-01 00:00:00.000001+08")], True),
    ],
)
def test_the_newest_word_known_at_the_end_of_the_day_counts(
    tmp_path: Path, words: list[tuple[str, str]], listed: bool
) -> None:
    with open_world(load_settings(tmp_path), 50) as session:
        session.duck.execute("DELETE FROM accepted.consent")
        for status, changed_at in words:
            session.duck.execute(
                "INSERT INTO accepted.consent SELECT customer_id, 'sms', 'marketing', ?, CAST(? AS TIMESTAMPTZ) FROM accepted.customer",
                [status, changed_at],
            )
        found = outcomes(session, campaign(channels=[{"channel": "sms"}], control_share=0))
        assert any(outcome == "listed" for outcome, _ in found.values()) is listed
        assert any(reason == "no_consent" for _, reason in found.values()) is not listed
