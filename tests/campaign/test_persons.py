"""Addresses and persons as people mean them: spellings, bounces of old addresses, and customers who have left."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.campaign.test_decide import campaign
from tests.campaign.test_lists import NOW, listed_in
from tests.campaign.world import AS_OF, TABLES, open_world
from wattmark.campaign.decide import decide
from wattmark.campaign.lists import make_lists, store_feedback
from wattmark.campaign.people import look_at_people
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import SqlFile
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

PEOPLE = 30
GRANTED = (
    "SELECT cid(i) AS customer_id, c AS channel, p AS purpose, 'granted' AS status, TIMESTAMPTZ '2026-01-01 00:00:00+08' AS changed_at "
    "FROM range({n}) AS r(i), UNNEST(['post', 'sms', 'phone', 'email', 'app', 'visit']) AS x(c), UNNEST(['marketing', 'service']) AS y(p)"
)
OFF = {
    rule: {"off": "what this test is not about"}
    for rule in ("closed", "in_dispute", "in_arrears", "under_age")
}
EMAILS = "CASE WHEN u(i, 'email') < 0.6 THEN 'u' || i || '@example.com' END"


def event(number: int, customer: str, kind: str, at: str, channel: str = "email") -> str:
    return (
        f"SELECT 'X{number}' AS event_id, 'y' AS campaign_id, '{customer}' AS customer_id, '{channel}' AS channel, '{kind}' AS kind, "
        f"TIMESTAMPTZ '{at}+08' AS occurred_at, CAST(NULL AS DECIMAL(18,2)) AS value_amount"
    )


def customers(email: str, **more: str) -> str:
    sql = TABLES["accepted.customer"].replace(EMAILS, email)
    for old, new in more.items():
        sql = sql.replace({"updated": "TIMESTAMPTZ '2026-01-01 00:00:00+08' AS updated_at"}[old], new)
    return sql


def outcomes(session: DuckDBSession, **changes: object) -> dict[str, tuple[str, str | None]]:
    file = campaign(**{"channels": [{"channel": "email"}], "control_share": 0, "exclude": OFF, **changes})
    decision = decide(session, None, [file])
    assert decision.problems == {}
    rows = session.duck.sql("SELECT customer_id, outcome, excluded_by FROM night.member").fetchall()
    return {customer: (outcome, reason) for customer, outcome, reason in rows}


def small(tmp_path: Path, **campaigns: object) -> Settings:
    return load_settings(tmp_path, campaigns={"global_control_share": 0, "contacts": 100, **campaigns})


def test_a_mailbox_is_one_in_whatever_letters(tmp_path: Path) -> None:
    email = "CASE i % 3 WHEN 0 THEN 'Box' || i // 3 WHEN 1 THEN 'box' || i // 3 ELSE 'box' || i // 3 || '+power' END || '@Example.com'"
    with open_world(
        small(tmp_path), PEOPLE, accepted__customer=customers(email), accepted__consent=GRANTED,
        accepted__campaign_event=event(1, "C00000000", "unsubscribed", "2026-10-10 09:00"),
        segment__duplicate_pair=TABLES["segment.duplicate_pair"] + " AND FALSE",
    ) as session:  # fmt: skip
        found = outcomes(session)
        # Who unsubscribed, and who shares the mailbox; another mailbox of theirs may be used.
        assert [found[f"C0000000{at}"] for at in range(3)] == [
            ("excluded", "suppressed"),
            ("excluded", "suppressed"),
            ("listed", None),
        ]
        for at in range(3, PEOPLE, 3):
            both = sorted(str(found[f"C{at + more:08}"][1]) for more in (0, 1))
            assert both == ["None", "same_address"]
            assert found[f"C{at + 2:08}"] == ("listed", None)
        switched = outcomes(
            session, exclude={**OFF, "same_address": {"off": "each has an account of its own"}}
        )
        assert all(switched[f"C{at:08}"][0] == "listed" for at in range(3, PEOPLE))


def test_an_address_is_sent_as_its_owner_spells_it(tmp_path: Path, ops: Engine) -> None:
    settings = small(tmp_path)
    (tmp_path / "campaigns").mkdir()
    file = campaign(id="spelt", channels=[{"channel": "email"}], control_share=0, exclude=OFF)
    (tmp_path / "campaigns" / "spelt.yaml").write_text(
        json.dumps(file.campaign.model_dump(mode="json", exclude_none=True))
    )
    with open_world(
        settings,
        PEOPLE,
        accepted__customer=customers("'Lin.Xia' || i || '@Example.com'"),
        accepted__consent=GRANTED,
    ) as session:
        outcome = make_lists(settings, session.run, session, ops, ["spelt"], NOW)[0]
    shown = {row["customer_id"]: row["email"] for row in listed_in(outcome)}
    assert shown
    assert shown == {who: f"Lin.Xia{int(who[1:])}@Example.com" for who in shown}


@pytest.mark.parametrize(("countries", "reached"), [((), False), (("HK",), True)])
def test_a_mobile_of_another_country_where_the_utility_says_so(
    tmp_path: Path, countries: tuple[str, ...], reached: bool
) -> None:
    with open_world(small(tmp_path, other_countries=countries), PEOPLE, accepted__consent=GRANTED) as session:
        session.duck.execute(
            "UPDATE core.phone SET e164 = '+85291234567', is_valid = FALSE WHERE raw = '13800000005'"
        )
        session.duck.execute(
            "UPDATE accepted.customer SET mobile = '13800000005' WHERE customer_id = 'C00000005'"
        )
        found = outcomes(session, channels=[{"channel": "sms"}])
    assert (found["C00000005"][0] == "listed") is reached


def stored(settings: Settings, as_of: dt.date, **instead: str) -> DuckDBSession:
    """A session on a lake that holds the world of a night; the night before it noted its versions."""
    lake = Lake(settings.lake)
    with open_world(settings, PEOPLE, as_of, **instead) as session:
        for name in TABLES:
            lake.replace(name, session.duck.sql(f"SELECT * FROM {name}").to_arrow_table())
    note = settings.home / "state" / "versions" / f"{as_of:%Y%m%d}-202610.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    versions = {name: lake.version(name) for name in TABLES if name.startswith("accepted.")}
    note.write_text(json.dumps(versions))
    night = DuckDBSession(settings, Run.of(as_of, settings.utility.time_zone))
    night.build("core.gone_customer")
    return night


def test_a_bounce_marks_the_address_of_its_time_and_a_later_arrival_clears_it(
    tmp_path: Path, ops: Engine
) -> None:
    settings = small(tmp_path)
    bounces = [event(at, f"C0000000{at}", "bounced", "2026-11-01 09:00") for at in (1, 2, 3)]
    # The first is known in the second night only, when the address is another one already.
    with stored(
        settings, AS_OF, accepted__customer=customers("'old' || i || '@example.com'"), accepted__consent=GRANTED,
        accepted__campaign_event=" UNION ALL ".join(bounces[1:]),
    ) as first:  # fmt: skip
        look_at_people(first, ops)
        store_feedback(first, ops)
        assert outcomes_on(first, ops, "C00000002", "C00000003") == ["undeliverable", "undeliverable"]
    moved = "i IN (1, 2)"
    later = [*bounces, event(9, "C00000003", "delivered", "2026-11-03 09:00")]
    with stored(
        settings, AS_OF + dt.timedelta(days=2),
        accepted__customer=customers(
            f"CASE WHEN {moved} THEN 'new' ELSE 'old' END || i || '@example.com'",
            updated=f"CASE WHEN {moved} THEN TIMESTAMPTZ '2026-11-03 12:00:00+08' ELSE TIMESTAMPTZ '2026-01-01 00:00:00+08' END AS updated_at",
        ),
        accepted__consent=GRANTED, accepted__campaign_event=" UNION ALL ".join(later),
    ) as second:  # fmt: skip
        look_at_people(second, ops)
        store_feedback(second, ops)
        assert outcomes_on(second, ops, "C00000001", "C00000002", "C00000003") == [None, None, None]
    with ops.connect() as connection:
        kept = connection.execute(text("SELECT reason, COUNT(*) FROM ops.suppression GROUP BY 1")).all()
    # The old addresses of the two; the third is cleared.
    assert [tuple(row) for row in kept] == [("bounced", 2)]


def outcomes_on(session: DuckDBSession, ops: Engine, *who: str) -> list[str | None]:
    file = campaign(channels=[{"channel": "email"}], control_share=0, exclude=OFF)
    assert decide(session, ops, [file]).problems == {}
    found = dict(session.duck.sql("SELECT customer_id, excluded_by FROM night.member").fetchall())
    return [found[customer] for customer in who]


def _by_file(settings: Settings, gone: str) -> None:
    """The file was read again, and all but one stand in it."""
    lake = Lake(settings.lake)
    with DuckDBSession(settings, Run.of(AS_OF, settings.utility.time_zone)) as session:
        session.see(["accepted.customer"])
        rows = session.duck.sql(
            f"SELECT * EXCLUDE (_file, _arrival), 'customer.csv' AS _file, CASE WHEN customer_id = '{gone}' THEN 1 ELSE 2 END AS _arrival "
            "FROM (SELECT *, '' AS _file, 1 AS _arrival FROM accepted.customer)"
        ).to_arrow_table()
    lake.replace("accepted.customer", rows)


def _by_consent(settings: Settings, gone: str) -> None:
    """All words of consent of one have gone."""


@pytest.mark.parametrize("leave", [_by_file, _by_consent])
def test_a_customer_who_has_left_the_source_stays_refused(
    tmp_path: Path, ops: Engine, leave: Callable[[Settings, str], None]
) -> None:
    settings = small(tmp_path)
    gone = "C00000004"
    refused = (
        GRANTED
        + f" UNION ALL SELECT '{gone}', 'sms', 'service', 'withdrawn', TIMESTAMPTZ '2026-05-05 10:00:00+08'"
    )
    stored(settings, AS_OF, accepted__consent=refused).close()
    left = f"SELECT * FROM ({GRANTED}) WHERE customer_id <> '{gone}'"
    day = AS_OF + dt.timedelta(days=1)
    notice = {
        "purpose": "service",
        "channels": [{"channel": "email"}, {"channel": "post"}],
        "exclude": {**OFF, "no_consent": {"off": "an outage is told to all"}},
    }
    stored(settings, day, accepted__consent=left).close()
    leave(settings, gone)
    for night in (day, day + dt.timedelta(days=1)):
        with DuckDBSession(settings, Run.of(night, settings.utility.time_zone)) as session:
            session.build("core.gone_customer")
        with DuckDBSession(settings, Run.of(night, settings.utility.time_zone)) as session:
            rows = (
                session.query("SELECT g.customer_id, g.gone_on FROM core.gone_customer AS g")
                .read_all()
                .to_pylist()
            )
            assert rows == [{"customer_id": gone, "gone_on": day}]
            look_at_people(session, ops)
            store_feedback(session, ops)
            found = outcomes(session, **notice)
            assert found[gone] == ("excluded", "left_source")
            assert sum(outcome == "listed" for outcome, _ in found.values()) > PEOPLE // 2
            session.forget("mart_pii.customer_contact")
            file = session.catalog.tables["mart_pii.customer_contact"]
            assert isinstance(file, SqlFile)
            known = (
                session.duck.sql(session.result_sql(file)).to_arrow_table().column("customer_id").to_pylist()
            )
            assert set(found) - set(known) == {gone}
        with ops.connect() as connection:
            kept = connection.execute(
                text(
                    "SELECT channel, reason, CAST(since AS text) FROM ops.suppression WHERE reason = 'withdrawn'"
                )
            ).all()
        assert [tuple(row) for row in kept] == [("sms", "withdrawn", "2026-05-05")]
    # She is back, and has said nothing: the refusal still holds, other channels are open to notices.
    words = f"SELECT * FROM ({GRANTED}) WHERE customer_id <> '{gone}' OR (channel = 'post' AND purpose = 'service')"
    with stored(settings, day + dt.timedelta(days=3), accepted__consent=words) as session:
        file = campaign(**{"control_share": 0, **notice, "channels": [{"channel": "sms"}]})  # type: ignore[arg-type]
        assert decide(session, ops, [file]).problems == {}
        back = dict(session.duck.sql("SELECT customer_id, excluded_by FROM night.member").fetchall())
    assert back[gone] == "suppressed"
